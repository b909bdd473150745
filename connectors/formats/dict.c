/* connectors/formats/dict.c -- dictionary codes for string columns of low cardinality.
 *
 * Values come in strips: the first pass hashes and prefetches, the second looks up, so that a table larger
 * than the cache costs little more than a small one. The table sits in wr_dict.index and dies with it. */
#include "connectors/formats/dict_int.h"

#define STRIP        64
#define WINDOW       16384 /* values after which the hit rate is judged */
#define SLOTS_MIN    1024
#define EMPTY        UINT32_MAX
#define MISSES_SHARE 2 /* given up when more than half of a window were new */

typedef struct slot {
    wr_str value; /* long values point into the dictionary's arena */
    uint32_t code, hash;
} slot;

typedef struct table {
    uint32_t mask;
    slot slots[];
} table;

static table *table_new(uint32_t size) {
    table *t = wr_alloc(sizeof *t + size * sizeof(slot));
    if (!t) return NULL;
    t->mask = size - 1;
    for (uint32_t i = 0; i < size; i++) t->slots[i].code = EMPTY;
    return t;
}

static inline uint32_t hash_view(const wr_str *s) {
    uint64_t w[2], h;
    if (WR_LIKELY(s->len <= WR_STR_INLINE)) {
        memcpy(w, s, 16);
        h = (w[0] ^ w[1] >> 29) * UINT64_C(0x9e3779b97f4a7c15) ^ w[1] * UINT64_C(0xc2b2ae3d27d4eb4f);
    } else h = wr_hash_bytes(s->ptr, s->len);
    return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 9);
}

/* Same value? Inline views are compared as the 16 bytes they are. */
static inline bool same(const wr_str *a, const wr_str *b) {
    uint64_t x[2], y[2];
    memcpy(x, a, 16);
    memcpy(y, b, 16);
    if (x[0] != y[0]) return false;
    if (WR_LIKELY(a->len <= WR_STR_INLINE)) return x[1] == y[1];
    return memcmp(a->ptr, b->ptr, a->len) == 0;
}

static bool grow(wr_dict *d) {
    table *old = d->index, *t = table_new((old->mask + 1) * 2);
    if (!t) return false;
    for (uint32_t i = 0; i <= old->mask; i++) {
        if (old->slots[i].code == EMPTY) continue;
        uint32_t at = old->slots[i].hash & t->mask;
        while (t->slots[at].code != EMPTY) at = (at + 1) & t->mask;
        t->slots[at] = old->slots[i];
    }
    d->index = t;
    wr_free(old);
    return true;
}

static __attribute__((noinline)) bool insert(wri_dict *d, const wr_str *s, uint32_t hash, uint32_t *codep) {
    wr_dict *v = d->values;
    d->missed++;
    if (v->n >= WRI_DICT_MAX || wr_dict_add(v, s, codep) != WR_OK) return false;
    if (v->n * 2 > ((table *)v->index)->mask && !grow(v)) return false;
    table *t = v->index;
    uint32_t at = hash & t->mask;
    while (t->slots[at].code != EMPTY) at = (at + 1) & t->mask;
    t->slots[at] = (slot){.value = v->values[*codep], .code = *codep, .hash = hash};
    return true;
}

static bool encode_strip(wri_dict *d, const wr_str *s, uint32_t n, uint32_t *codes) {
    uint32_t hash[STRIP];
    const table *t = d->values->index;
    for (uint32_t i = 0; i < n; i++) {
        hash[i] = hash_view(&s[i]);
        __builtin_prefetch(&t->slots[hash[i] & t->mask]);
    }
    for (uint32_t i = 0; i < n; i++) {
        t = d->values->index;
        uint32_t at = hash[i] & t->mask;
        while (t->slots[at].code != EMPTY && !same(&s[i], &t->slots[at].value)) at = (at + 1) & t->mask;
        codes[i] = t->slots[at].code;
        if (WR_UNLIKELY(codes[i] == EMPTY) && !insert(d, &s[i], hash[i], &codes[i])) return false;
    }
    d->asked += n;
    return true;
}

static void give_up(wri_dict *d) {
    wr_drop(&d->values->ref);
    d->values = NULL;
}

bool wri_dict_encode(wri_dict *d, const wr_str *s, uint32_t n, uint32_t *codes) {
    for (uint32_t i = 0; i < n && d->values; i += STRIP)
        if (!encode_strip(d, s + i, n - i < STRIP ? n - i : STRIP, codes + i)) give_up(d);
    if (d->values && d->asked >= WINDOW) {
        if (d->missed > d->asked / MISSES_SHARE) give_up(d);
        d->asked = d->missed = 0;
    }
    return d->values != NULL;
}

wr_status wri_dict_new(wri_dict **outp) {
    wri_dict *d = *outp = wr_calloc(1, sizeof *d);
    if (!d) return WR_ENOMEM;
    d->values = wr_dict_new();
    if (d->values) d->values->index = table_new(SLOTS_MIN);
    if (d->values && d->values->index) return WR_OK;
    wri_dict_free(d);
    *outp = NULL;
    return WR_ENOMEM;
}

void wri_dict_free(wri_dict *d) {
    if (!d) return;
    if (d->values) wr_drop(&d->values->ref);
    wr_free(d);
}

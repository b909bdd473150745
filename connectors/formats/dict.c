/* connectors/formats/dict.c -- dictionary codes for string columns of low cardinality.
 *
 * The table is open addressing over 32-bit words, code + 1 or 0; the values themselves are in the wr_dict. It
 * sits in wr_dict.index and dies with it. Values come in strips, taken in passes without branches: hash,
 * first slot, compare. Most strips end there; what did not match its first slot is looked up one by one. A
 * wrong slot does no harm, as the value found there is compared in full. The hash has the process's secret in
 * each step: no values can be sent that all meet in one slot. */
#include "connectors/formats/dict_int.h"

#define STRIP        64
#define WINDOW       16384 /* values after which the hit rate is judged */
#define MISSES_SHARE 2     /* given up when more than half of a window were new */
#define SLOTS_MIN    1024
#define SLOTS_PER    4 /* slots per value, at least: first slots are mostly right */

typedef struct table {
    uint32_t mask;
    uint32_t slots[];
} table;

static table *table_new(uint32_t size) {
    table *t = wr_calloc(1, sizeof *t + size * sizeof *t->slots);
    if (t) t->mask = size - 1;
    return t;
}

static inline uint64_t load8(const char *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* len > 12. */
static uint32_t hash_long(const wr_str *s, wr_secret k) {
    uint64_t h = s->len ^ k.a;
    const char *p = s->ptr, *last = p + s->len - 8;
    for (; p < last; p += 8) h = wr_fold(h ^ load8(p), k.b);
    return (uint32_t)wr_fold(h ^ load8(last), k.b);
}

static inline uint32_t hash_view(const wr_str *s, wr_secret k) {
    return WR_UNLIKELY(s->len > WR_STR_INLINE) ? hash_long(s, k) : (uint32_t)wr_keyed_str(s, k);
}

/* len > 12, equal length and prefix. */
static bool same_long(const wr_str *a, const wr_str *b) {
    const char *p = a->ptr, *q = b->ptr;
    size_t last = a->len - 8;
    uint64_t differ = load8(p + last) ^ load8(q + last);
    for (size_t i = 0; i < last; i += 8) differ |= load8(p + i) ^ load8(q + i);
    return differ == 0;
}

/* Inline views are equal when their 16 bytes are. */
static inline bool same(const wr_str *a, const wr_str *b) {
    uint64_t x[2], y[2];
    memcpy(x, a, 16);
    memcpy(y, b, 16);
    if (WR_LIKELY(a->len <= WR_STR_INLINE)) return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
    return x[0] == y[0] && same_long(a, b);
}

static void place(table *t, uint32_t hash, uint32_t code) {
    uint32_t at = hash & t->mask;
    while (t->slots[at]) at = (at + 1) & t->mask;
    t->slots[at] = code + 1;
}

static bool grow(wr_dict *v) {
    table *old = v->index, *t = table_new((old->mask + 1) * 4);
    if (!t) return false;
    for (uint32_t c = 0; c < v->n; c++) place(t, hash_view(&v->values[c], wr_hash_secret), c);
    v->index = t;
    wr_free(old);
    return true;
}

/* The code of a value that its first slot did not give. */
static bool look_up(wri_dict *d, const wr_str *s, uint32_t hash, uint32_t *codep) {
    wr_dict *v = d->values;
    const table *t = v->index;
    for (uint32_t at = hash & t->mask; t->slots[at]; at = (at + 1) & t->mask)
        if (same(s, &v->values[t->slots[at] - 1])) {
            *codep = t->slots[at] - 1;
            return true;
        }
    d->missed++;
    if (v->n >= WRI_DICT_MAX || wr_dict_add(v, s, codep) != WR_OK) return false;
    if (v->n > t->mask / SLOTS_PER) return grow(v);
    place(v->index, hash, *codep);
    return true;
}

static bool encode_strip(wri_dict *d, const wr_str *s, uint32_t n, uint32_t *codes) {
    uint32_t hash[STRIP];
    const wr_secret secret = wr_hash_secret;
    const table *t = d->values->index;
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < n; i++) {
        hash[i] = hash_view(&s[i], secret);
        __builtin_prefetch(&t->slots[hash[i] & t->mask]);
    }
    if (d->values->n == 0) wrong = ~UINT64_C(0) >> (STRIP - n);
    else {
        const wr_str *values = d->values->values;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t c = t->slots[hash[i] & t->mask];
            codes[i] = c - (c != 0); /* of an empty slot: value 0, which will not match */
            __builtin_prefetch(&values[codes[i]]);
        }
        for (uint32_t i = 0; i < n; i++) wrong |= (uint64_t)!same(&s[i], &values[codes[i]]) << i;
    }
    for (; wrong; wrong &= wrong - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(wrong);
        if (!look_up(d, &s[i], hash[i], &codes[i])) return false;
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

/* runtime/ops/group_table.c -- open addressing from key hashes to group ids.
 *
 *   slot  = key's place, 8 bytes: low half group id (0: free), high half a tag out of the hash
 *   group = place in the arrays of keys, hashes and states, in the order first seen
 *
 * A batch goes through in chunks of CHUNK rows and three passes: place of each row (prefetch its slot), the
 * slot with the row's tag (prefetch its key), comparison of keys. Rows that did not match, at
 * the first sight of a key or after two keys with one tag met, take the slow path one at a time, in order.
 * Slots are chosen by the high bits of the tag times an odd constant: a slot knows its home without a look at
 * the hash. The tag is the low half of the hash, of which an exchange has used the highest bits.
 *
 * Removed ids are a list through `hashes`, marked in `freed`, as are spare ones that are in no list; their
 * strings' bytes stay until half of them are garbage, then all that live are copied.
 *
 * Invariants: at most half of the slots are taken, a quarter while they are few; arrays have room for ids
 * 0..cap-1; the entry of id 0 in every array is zero. A failed allocation leaves all of that true. */
#include "group_table.h"

#define CHUNK            512
#define AHEAD            8 /* rows: how far ahead memory is fetched that is walked through at random */
#define CAP_MIN          8 /* groups */
#define SLOTS_MIN        32
#define LARGE_GROUPS     65536
#define GARBAGE_MIN      ((size_t)64 << 10)
#define CODE_BITS_MAX    18 /* several keys: largest index of code_gids, 1 MiB */
#define SPARSE_SLOTS_MAX ((size_t)32 << 10)
/* From this many bytes on, what a row will touch is fetched ahead: it is not in the first cache. */
#define FAR_BYTES ((size_t)64 << 10)

typedef struct key_col {
    wr_phys phys;
    union {
        int64_t *i64;
        double *f64;
        wr_str *str;
        void *data;
    };
    uint8_t *nulls;       /* NULL until a NULL key is seen; then 1 at ids whose key is NULL */
    wr_dict *dict;        /* held, so that no other takes its address; NULL: none */
    uint32_t bits, shift; /* place of its codes in an index of code_gids */
} key_col;

struct wri_groups {
    wri_group_states st; /* by id; first, see group_table.h */
    uint32_t n_keys;
    uint32_t n;   /* real groups, ids 1..n */
    uint32_t cap; /* ids there is room for */
    uint32_t shift;
    size_t n_slots;   /* in use, a power of two; 64 - shift is its logarithm */
    size_t slots_cap; /* allocated */
    uint64_t *slots;
    uint64_t *hashes;         /* by id */
    wr_arena ar;              /* bytes of long string keys */
    size_t ar_bytes, garbage; /* of them, of removed keys */
    bool lets_go;             /* groups can be removed */
    bool frozen;              /* no group is added */
    uint64_t *freed;          /* bit per id, when lets_go */
    uint32_t free_id, n_free; /* a removed id, 0: none; the next one is in its place in hashes */
    uint64_t *hash_buf;       /* when the caller gave no hashes */
    size_t hash_cap;
    /* Keys that all have dictionary codes: code_gids[Σ (code + 1) << shift] is the id, NULL counting
     * as code -1; 0: not looked up yet. Valid for the dictionaries in `keys`, none while code_bits is 0. */
    uint32_t *code_gids;
    size_t codes_cap;
    uint32_t code_bits;
    uint64_t coded_rows; /* since the last reset */
    key_col keys[];
};

static size_t phys_bytes(wr_phys p) { return p == WR_STR ? sizeof(wr_str) : 8; }
static uint32_t tag_of(uint64_t hash) { return (uint32_t)hash; }
static size_t home_of(uint32_t tag, uint32_t shift) {
    return (size_t)(tag * UINT64_C(0x9e3779b97f4a7c15) >> shift);
}
static uint32_t slot_gid(uint64_t slot) { return (uint32_t)slot; }
static uint32_t slot_tag(uint64_t slot) { return (uint32_t)(slot >> 32); }

/* Groups that may share n_slots: few, where they fit the second cache and collisions cost more than space. */
static size_t room_in(size_t n_slots) { return n_slots <= SPARSE_SLOTS_MAX ? n_slots / 4 : n_slots / 2; }

/* ---- growth ---- */

/* Places ids 1..n into n_slots cleared slots; keys are known to differ. */
static void fill_slots(wri_groups *g, size_t n_slots) {
    memset(g->slots, 0, n_slots * sizeof *g->slots);
    g->n_slots = n_slots;
    g->shift = 64 - (uint32_t)__builtin_ctzll(n_slots);
    for (uint32_t id = 1; id <= g->n; id++) {
        if (g->n_free && wr_bit(g->freed, id)) continue;
        uint32_t tag = tag_of(g->hashes[id]);
        size_t at = home_of(tag, g->shift);
        while (slot_gid(g->slots[at])) at = (at + 1) & (n_slots - 1);
        g->slots[at] = (uint64_t)tag << 32 | id;
    }
}

static bool grow_slots(wri_groups *g, size_t n_slots) {
    if (n_slots > g->slots_cap) {
        /* The old ones are not needed: places follow from the hashes. */
        uint64_t *slots = n_slots <= SIZE_MAX / sizeof *slots ? wr_alloc(n_slots * sizeof *slots) : NULL;
        if (!slots) return false;
        wr_free(g->slots);
        g->slots = slots;
        g->slots_cap = n_slots;
    }
    fill_slots(g, n_slots);
    return true;
}

/* Enlarges one array from old_cap to cap items. Not clearing the new ones leaves memory untouched that is not
 * needed yet: states are cleared when their place is given away. */
static bool grow_array(void *arrayp, size_t old_cap, size_t cap, size_t size, bool clear) {
    void *p;
    memcpy(&p, arrayp, sizeof p);
    p = wr_reallocn(p, cap, size);
    if (!p) return false;
    if (clear) memset((char *)p + old_cap * size, 0, (cap - old_cap) * size);
    memcpy(arrayp, &p, sizeof p);
    return true;
}

static bool grow_groups(wri_groups *g, size_t cap) {
    if (g->lets_go && !grow_array(&g->freed, (g->cap + 63) / 64, (cap + 63) / 64, sizeof *g->freed, true))
        return false;
    if (g->st.stride && !grow_array(&g->st.states, g->cap, cap, g->st.stride, g->cap == 0)) return false;
    if (!grow_array(&g->hashes, g->cap, cap, sizeof *g->hashes, g->cap == 0)) return false;
    for (uint32_t k = 0; k < g->n_keys; k++) {
        key_col *key = &g->keys[k];
        if (!grow_array(&key->data, g->cap, cap, phys_bytes(key->phys), g->cap == 0)) return false;
        if (key->nulls && !grow_array(&key->nulls, g->cap, cap, 1, true)) return false;
    }
    g->cap = (uint32_t)cap;
    return true;
}

wri_groups *wri_groups_new(const wr_phys *phys, uint32_t n_keys, size_t state_bytes) {
    wri_groups *g = wr_calloc(1, sizeof *g + n_keys * sizeof *g->keys);
    if (!g) return NULL;
    g->n_keys = n_keys;
    g->st.stride = (state_bytes + 7) & ~(size_t)7;
    for (uint32_t k = 0; k < n_keys; k++) g->keys[k].phys = phys[k];
    if (grow_groups(g, CAP_MIN) && grow_slots(g, SLOTS_MIN)) return g;
    wri_groups_free(g);
    return NULL;
}

void wri_groups_expect(wri_groups *g, uint64_t n) {
    size_t n_slots = g->n_slots;
    while (n_slots <= UINT32_MAX && n > room_in(n_slots)) n_slots *= 2;
    if (n_slots > g->n_slots) (void)!grow_slots(g, n_slots);
}

void wri_groups_free(wri_groups *g) {
    if (!g) return;
    for (uint32_t k = 0; k < g->n_keys; k++) {
        wr_free(g->keys[k].data);
        wr_free(g->keys[k].nulls);
        wr_drop(g->keys[k].dict ? &g->keys[k].dict->ref : NULL);
    }
    wr_free(g->code_gids);
    wr_free(g->hash_buf);
    wr_free(g->freed);
    wr_free(g->st.states);
    wr_free(g->hashes);
    wr_free(g->slots);
    wr_arena_free(&g->ar);
    wr_free(g);
}

static void forget_dicts(wri_groups *g) {
    for (uint32_t k = 0; k < g->n_keys; k++) {
        wr_drop(g->keys[k].dict ? &g->keys[k].dict->ref : NULL);
        g->keys[k].dict = NULL;
    }
    g->code_bits = 0;
}

void wri_groups_reset(wri_groups *g) {
    if (g->st.stride) memset(g->st.states, 0, ((size_t)g->n + 1) * g->st.stride);
    for (uint32_t k = 0; k < g->n_keys; k++)
        if (g->keys[k].nulls) memset(g->keys[k].nulls, 0, (size_t)g->n + 1);
    /* As many slots as the groups just forgotten needed: a table that was once large stays cheap to clear. */
    size_t n_slots = SLOTS_MIN;
    while (g->n > room_in(n_slots)) n_slots *= 2;
    if (g->freed) memset(g->freed, 0, (g->cap + 63) / 64 * sizeof *g->freed);
    g->n = g->n_free = g->free_id = 0;
    g->garbage = 0;
    fill_slots(g, n_slots < g->n_slots ? n_slots : g->n_slots);
    wr_arena_reset(&g->ar);
    g->ar_bytes = 0;
    forget_dicts(g);
    g->coded_rows = 0;
}

/* ---- one row ---- */

static double canonical(double v) { return v == 0 ? 0.0 : v != v ? (double)__builtin_nan("") : v; }

static bool key_equal(const key_col *key, const wr_col *c, uint32_t row, uint32_t id) {
    bool null = wr_is_null(c, row);
    if (null || (key->nulls && key->nulls[id])) return null && key->nulls && key->nulls[id];
    switch (key->phys) {
    case WR_I64:
        return c->i64[row] == key->i64[id];
    case WR_F64:
        return c->f64[row] == key->f64[id] || (c->f64[row] != c->f64[row] && key->f64[id] != key->f64[id]);
    case WR_STR:
        return wr_str_eq(&c->str[row], &key->str[id]);
    }
    return false;
}

static bool key_store(wri_groups *g, key_col *key, const wr_col *c, uint32_t row, uint32_t id) {
    bool null = wr_is_null(c, row);
    if (null && !key->nulls && !(key->nulls = wr_calloc(g->cap, 1))) return false;
    if (key->nulls) key->nulls[id] = null;
    if (null) {
        memset((char *)key->data + id * phys_bytes(key->phys), 0, phys_bytes(key->phys));
        return true;
    }
    switch (key->phys) {
    case WR_I64:
        key->i64[id] = c->i64[row];
        break;
    case WR_F64:
        key->f64[id] = canonical(c->f64[row]);
        break;
    case WR_STR: {
        const wr_str *s = &c->str[row];
        if (s->len <= WR_STR_INLINE) {
            key->str[id] = *s;
            break;
        }
        char *copy = wr_arena_alloc(&g->ar, s->len);
        if (!copy) return false;
        memcpy(copy, s->ptr, s->len);
        key->str[id] = wr_str_make(copy, s->len);
        g->ar_bytes += ((size_t)s->len + 15) & ~(size_t)15;
        break;
    }
    }
    return true;
}

/* The id of the next new group. */
static uint32_t next_id(const wri_groups *g) { return g->free_id ? g->free_id : g->n + 1; }

/* The state of an id that was given back is zero. */
static void take_id(wri_groups *g, uint32_t id) {
    if (id != g->free_id) {
        if (g->st.stride) memset(g->st.states + id * g->st.stride, 0, g->st.stride);
        g->n = id;
        return;
    }
    uint32_t next = g->free_id = (uint32_t)g->hashes[id];
    __builtin_prefetch(&g->hashes[next], 1); /* the next new key's */
    __builtin_prefetch(g->st.states + next * g->st.stride, 1);
    g->n_free--;
    g->freed[id >> 6] &= ~(UINT64_C(1) << (id & 63));
}

static wr_status make_room(wri_groups *g, uint32_t id, wr_err *err) {
    if (g->n >= UINT32_MAX - 1) return wr_fail(err, WR_ELIMIT, "more than 2^32 groups in one window");
    if (id < g->cap) return WR_OK;
    /* A large table grows by less, since what it has too much counts. */
    size_t cap = g->cap < LARGE_GROUPS || !g->lets_go ? (size_t)g->cap * 2 : g->cap + (size_t)g->cap / 8;
    if (!grow_groups(g, cap < UINT32_MAX ? cap : UINT32_MAX)) return wr_fail_oom(err, "groups");
    return WR_OK;
}

/* Adds the key of a row under *idp, after everything that can fail. */
static wr_status add_group(wri_groups *g, const wri_group_rows *in, uint32_t row, uint64_t hash,
                           uint32_t *idp, wr_err *err) {
    uint32_t id = next_id(g);
    WR_TRY(make_room(g, id, err));
    if (g->n - g->n_free >= room_in(g->n_slots) && !grow_slots(g, g->n_slots * 2))
        return wr_fail_oom(err, "groups");
    for (uint32_t k = 0; k < g->n_keys; k++)
        if (!key_store(g, &g->keys[k], &in->b->cols[in->key_cols[k]], row, id))
            return wr_fail_oom(err, "the keys of groups");
    take_id(g, id);
    g->hashes[id] = hash;
    *idp = id;
    return WR_OK;
}

static wr_status find_one(wri_groups *g, const wri_group_rows *in, uint32_t row, uint64_t hash,
                          uint32_t *gidp, wr_err *err) {
    uint32_t tag = tag_of(hash);
    size_t at = home_of(tag, g->shift);
    for (;; at = (at + 1) & (g->n_slots - 1)) {
        uint64_t slot = g->slots[at];
        uint32_t id = slot_gid(slot);
        if (!id) break;
        if (slot_tag(slot) != tag) continue;
        uint32_t k = 0;
        while (k < g->n_keys && key_equal(&g->keys[k], &in->b->cols[in->key_cols[k]], row, id)) k++;
        if (k < g->n_keys) continue;
        *gidp = id;
        return WR_OK;
    }
    *gidp = 0;
    if (g->frozen) return WR_OK;
    size_t n_slots = g->n_slots;
    WR_TRY(add_group(g, in, row, hash, gidp, err));
    if (n_slots != g->n_slots) at = home_of(tag, g->shift);
    while (slot_gid(g->slots[at])) at = (at + 1) & (g->n_slots - 1);
    g->slots[at] = (uint64_t)tag << 32 | *gidp;
    return WR_OK;
}

/* ---- one chunk ----
 * The kernels take rows idx[0..n), or rows 0..n) when idx is NULL; inlined with a constant NULL they lose the
 * indirection. */
#define KERNEL static inline __attribute__((always_inline))

KERNEL uint32_t row_at(const uint32_t *idx, uint32_t i) { return idx ? idx[i] : i; }

/* cand[i]: id in the row's home slot or the one behind it, whichever has its tag; 0: neither, which is rare
 * for a known key. No branch depends on the data. */
KERNEL void locate(const wri_groups *g, const uint64_t *restrict hash, const uint32_t *restrict idx,
                   uint32_t n, uint32_t *restrict cand) {
    const uint64_t *restrict slots = g->slots;
    const uint32_t shift = g->shift;
    const size_t mask = g->n_slots - 1;
    if (g->n_slots * sizeof *slots > FAR_BYTES)
        for (uint32_t i = 0; i < n; i++)
            __builtin_prefetch(&slots[home_of(tag_of(hash[row_at(idx, i)]), shift)]);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t h = hash[row_at(idx, i)];
        size_t at = home_of(tag_of(h), shift);
        uint64_t a = slots[at], b = slots[(at + 1) & mask];
        uint32_t is_a = -(uint32_t)(slot_tag(a) == tag_of(h)), is_b = -(uint32_t)(slot_tag(b) == tag_of(h));
        cand[i] = (slot_gid(a) & is_a) | (slot_gid(b) & is_b & ~is_a);
    }
}

static void prefetch_groups(const wri_groups *g, const uint32_t *restrict cand, uint32_t n) {
    for (uint32_t k = 0; k < g->n_keys; k++) {
        const char *keys = g->keys[k].data;
        size_t size = phys_bytes(g->keys[k].phys);
        if (size * g->n > FAR_BYTES)
            for (uint32_t i = 0; i < n; i++) __builtin_prefetch(keys + cand[i] * size);
    }
    if (g->st.stride * g->n > FAR_BYTES * 4) /* states come next, in the aggregates' kernels */
        for (uint32_t i = 0; i < n; i++) __builtin_prefetch(g->st.states + cand[i] * g->st.stride, 1);
}

KERNEL void match_i64(const int64_t *restrict v, const int64_t *restrict key, const uint32_t *restrict idx,
                      uint32_t n, const uint32_t *restrict cand, uint8_t *restrict eq) {
    for (uint32_t i = 0; i < n; i++) eq[i] = v[row_at(idx, i)] == key[cand[i]];
}

KERNEL void match_f64(const double *restrict v, const double *restrict key, const uint32_t *restrict idx,
                      uint32_t n, const uint32_t *restrict cand, uint8_t *restrict eq) {
    for (uint32_t i = 0; i < n; i++) {
        double a = v[row_at(idx, i)], b = key[cand[i]];
        eq[i] = (a == b) | ((a != a) & (b != b));
    }
}

KERNEL void match_str(const wr_str *restrict v, const wr_str *restrict key, const uint32_t *restrict idx,
                      uint32_t n, const uint32_t *restrict cand, uint8_t *restrict eq) {
    for (uint32_t i = 0; i < n; i++) {
        uint64_t a[2], b[2];
        memcpy(a, &v[row_at(idx, i)], 16);
        memcpy(b, &key[cand[i]], 16);
        bool same = a[0] == b[0];
        if (a[1] != b[1] && same) /* inline ends differ, or pointers, which says nothing */
            same = wr_str_eq(&v[row_at(idx, i)], &key[cand[i]]);
        eq[i] = same;
    }
}

/* Values under a NULL are zero on both sides, so they were compared without harm; NULL settles the rest. */
KERNEL void match_nulls(const uint64_t *restrict nulls, const uint8_t *restrict key_nulls,
                        const uint32_t *restrict idx, uint32_t from, uint32_t n,
                        const uint32_t *restrict cand, uint8_t *restrict eq) {
    for (uint32_t i = 0; i < n; i++) {
        uint8_t null = nulls ? wr_bit(nulls, idx ? idx[i] : from + i) : 0;
        uint8_t key_null = key_nulls ? key_nulls[cand[i]] : 0;
        eq[i] = (null == key_null) & (eq[i] | null);
    }
}

KERNEL void match_col(const key_col *key, const wr_col *c, const uint32_t *idx, uint32_t from, uint32_t n,
                      const uint32_t *cand, uint8_t *restrict ok) {
    uint8_t eq[CHUNK];
    switch (key->phys) {
    case WR_I64:
        match_i64(idx ? c->i64 : c->i64 + from, key->i64, idx, n, cand, eq);
        break;
    case WR_F64:
        match_f64(idx ? c->f64 : c->f64 + from, key->f64, idx, n, cand, eq);
        break;
    case WR_STR:
        match_str(idx ? c->str : c->str + from, key->str, idx, n, cand, eq);
        break;
    }
    if (c->nulls || key->nulls) match_nulls(c->nulls, key->nulls, idx, from, n, cand, eq);
    for (uint32_t i = 0; i < n; i++) ok[i] &= eq[i];
}

/* Rows idx[0..n), or from..from+n when idx is NULL; n <= CHUNK. */
KERNEL wr_status find_chunk(wri_groups *g, const wri_group_rows *in, const uint32_t *idx, uint32_t from,
                            uint32_t n, uint32_t *gids, wr_err *err) {
    uint8_t ok[CHUNK];
    uint32_t miss[CHUNK], n_miss = 0;
    const uint64_t *hash = in->hash + (idx ? 0 : from);
    locate(g, hash, idx, n, gids);
    prefetch_groups(g, gids, n);
    for (uint32_t i = 0; i < n; i++) ok[i] = gids[i] != 0;
    for (uint32_t k = 0; k < g->n_keys; k++)
        match_col(&g->keys[k], &in->b->cols[in->key_cols[k]], idx, from, n, gids, ok);
    for (uint32_t i = 0; i < n; i++) {
        miss[n_miss] = i;
        n_miss += !ok[i];
    }
    for (uint32_t m = 0; m < n_miss; m++) {
        // cppcheck-suppress uninitvar ; the first n_miss are set above
        uint32_t i = miss[m];
        WR_TRY(find_one(g, in, idx ? idx[i] : from + i, hash[row_at(idx, i)], &gids[i], err));
    }
    return WR_OK;
}

static wr_status find_hashed(wri_groups *g, const wri_group_rows *in, uint32_t *gids, wr_err *err) {
    for (uint32_t at = 0; at < in->n; at += CHUNK) {
        uint32_t n = in->n - at < CHUNK ? in->n - at : CHUNK;
        if (in->idx) WR_TRY(find_chunk(g, in, in->idx + at, 0, n, gids + at, err));
        else WR_TRY(find_chunk(g, in, NULL, at, n, gids + at, err));
    }
    return WR_OK;
}

/* ---- keys with dictionary codes ---- */

static bool all_coded(const wri_groups *g, const wri_group_rows *in) {
    for (uint32_t k = 0; k < g->n_keys; k++) {
        const wr_col *c = &in->b->cols[in->key_cols[k]];
        if (c->phys != WR_STR || !c->codes || !c->dict) return false;
    }
    return true;
}

static uint32_t bits_for(uint32_t n) { return n < 2 ? 1 : 32 - (uint32_t)__builtin_clz(n - 1); }

/* Whether code_gids serves the dictionaries of these columns as they are now. */
static bool knows_dicts(const wri_groups *g, const wri_group_rows *in) {
    for (uint32_t k = 0; k < g->n_keys; k++) {
        const wr_dict *d = in->b->cols[in->key_cols[k]].dict;
        if (g->keys[k].dict != d || bits_for(d->n + 1) > g->keys[k].bits) return false;
    }
    return g->code_bits > 0;
}

/* Makes code_gids serve them, if it would not be too large, nor much larger than the rows that came: clearing
 * it must pay off. False: it does not serve; the rows go by their hashes. */
static bool take_dicts(wri_groups *g, const wri_group_rows *in) {
    g->coded_rows += in->n;
    if (knows_dicts(g, in)) return true;
    uint64_t total = 0;
    for (uint32_t k = 0; k < g->n_keys; k++) total += bits_for(in->b->cols[in->key_cols[k]].dict->n + 1) + 1;
    if (total > (g->n_keys == 1 ? 28 : CODE_BITS_MAX) || UINT64_C(1) << total > g->coded_rows * 16)
        return false;
    size_t n = (size_t)1 << total;
    if (wr_grow(&g->code_gids, &g->codes_cap, n, sizeof *g->code_gids) != WR_OK) return false;
    memset(g->code_gids, 0, n * sizeof *g->code_gids);
    forget_dicts(g);
    for (uint32_t k = 0, shift = 0; k < g->n_keys; k++) {
        key_col *key = &g->keys[k];
        key->dict = (wr_dict *)wr_hold(&in->b->cols[in->key_cols[k]].dict->ref);
        key->bits = bits_for(key->dict->n + 1) + 1; /* one more: dictionaries grow */
        key->shift = shift;
        shift += key->bits;
    }
    g->code_bits = (uint32_t)total;
    return true;
}

/* at[i] |= (code + 1) << shift; the code under a NULL may be anything. */
KERNEL void add_codes(const uint32_t *restrict codes, const uint64_t *restrict nulls, uint32_t shift,
                      const uint32_t *restrict idx, uint32_t from, uint32_t n, uint32_t *restrict at) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = idx ? idx[i] : from + i;
        at[i] |= nulls && wr_bit(nulls, row) ? 0 : (codes[row] + 1) << shift;
    }
}

static void look_up_codes(const wri_groups *g, const wri_group_rows *in, const uint32_t *idx, uint32_t from,
                          uint32_t n, uint32_t *restrict at, uint32_t *restrict gids) {
    memset(at, 0, n * sizeof *at);
    for (uint32_t k = 0; k < g->n_keys; k++) {
        const wr_col *c = &in->b->cols[in->key_cols[k]];
        if (c->nulls) add_codes(c->codes, c->nulls, g->keys[k].shift, idx, from, n, at);
        else if (idx) add_codes(c->codes, NULL, g->keys[k].shift, idx, 0, n, at);
        else add_codes(c->codes, NULL, g->keys[k].shift, NULL, from, n, at);
    }
    for (uint32_t i = 0; i < n; i++) gids[i] = g->code_gids[at[i]];
}

static uint64_t hash_row(const wri_groups *g, const wri_group_rows *in, uint32_t row) {
    if (in->hash) return in->hash[row];
    uint64_t h = WR_HASH_SEED; /* as wr_batch_hash */
    for (uint32_t k = 0; k < g->n_keys; k++) {
        const wr_col *c = &in->b->cols[in->key_cols[k]];
        h = wr_hash_mix(h, wr_is_null(c, row) ? WR_HASH_NULL : wr_keyed_str(&c->str[row], wr_hash_secret));
    }
    return h;
}

static wr_status find_codes(wri_groups *g, const wri_group_rows *in, uint32_t *gids, wr_err *err) {
    uint32_t at[CHUNK];
    for (uint32_t done = 0; done < in->n; done += CHUNK) {
        uint32_t n = in->n - done < CHUNK ? in->n - done : CHUNK, least = UINT32_MAX;
        const uint32_t *idx = in->idx ? in->idx + done : NULL;
        look_up_codes(g, in, idx, done, n, at, gids + done);
        for (uint32_t i = 0; i < n; i++) least = gids[done + i] < least ? gids[done + i] : least;
        for (uint32_t i = 0; least == 0 && i < n; i++) {
            uint32_t row = idx ? idx[i] : done + i, *known = &g->code_gids[at[i]];
            if (!*known) WR_TRY(find_one(g, in, row, hash_row(g, in, row), known, err));
            gids[done + i] = *known;
        }
    }
    return WR_OK;
}

/* ---- entry points ---- */

wr_status wri_groups_find_rows(wri_groups *g, const wri_group_rows *rows, uint32_t *gids, wr_err *err) {
    if (rows->n == 0) return WR_OK;
    if (g->n_keys ==
        0) { /* one group, not always of id 1: it may have been removed, with spare ones beside it */
        WR_TRY(find_one(g, rows, 0, WR_HASH_SEED, &gids[0], err));
        for (uint32_t i = 1; i < rows->n; i++) gids[i] = gids[0];
        return WR_OK;
    }
    if (!g->lets_go && all_coded(g, rows) && take_dicts(g, rows)) return find_codes(g, rows, gids, err);
    wri_group_rows in = *rows;
    if (!in.hash) {
        if (wr_grow(&g->hash_buf, &g->hash_cap, in.b->n, sizeof *g->hash_buf) != WR_OK)
            return wr_fail_oom(err, "key hashes");
        wr_batch_hash(in.b, in.key_cols, g->n_keys, g->hash_buf);
        in.hash = g->hash_buf;
    }
    return find_hashed(g, &in, gids, err);
}

wr_status wri_groups_find(wri_groups *g, const wr_batch *b, const uint32_t *key_cols, const uint64_t *hash,
                          uint32_t *gids, wr_err *err) {
    wri_group_rows rows = {.b = b, .key_cols = key_cols, .hash = hash, .n = b->n};
    return wri_groups_find_rows(g, &rows, gids, err);
}

/* ---- removal ---- */

bool wri_groups_let_go(wri_groups *g) {
    g->freed = wr_calloc((g->cap + 63) / 64, sizeof *g->freed);
    g->lets_go = g->freed != NULL;
    return g->lets_go;
}

/* Empties id's slot; those behind it that it kept from their home move up. */
static void remove_slot(wri_groups *g, uint32_t id) {
    size_t mask = g->n_slots - 1, hole = home_of(tag_of(g->hashes[id]), g->shift);
    while (slot_gid(g->slots[hole]) != id) hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; slot_gid(g->slots[at]); at = (at + 1) & mask) {
        size_t home = home_of(slot_tag(g->slots[at]), g->shift);
        if (((at - home) & mask) < ((at - hole) & mask)) continue; /* its home is behind the hole */
        g->slots[hole] = g->slots[at];
        hole = at;
    }
    g->slots[hole] = 0;
}

static void remove_keys(wri_groups *g, uint32_t id) {
    for (uint32_t k = 0; k < g->n_keys; k++) {
        key_col *key = &g->keys[k];
        if (key->nulls) key->nulls[id] = 0;
        if (key->phys != WR_STR) continue;
        if (key->str[id].len > WR_STR_INLINE) g->garbage += ((size_t)key->str[id].len + 15) & ~(size_t)15;
        key->str[id] = (wr_str){0};
    }
}

/* Copies the strings that live to one new block. Without memory for that, nothing changes. */
static void compact(wri_groups *g) {
    wr_arena fresh = {0};
    size_t live = g->ar_bytes - g->garbage;
    char *p = live ? wr_arena_alloc(&fresh, live) : NULL;
    if (live && !p) return;
    for (uint32_t k = 0; k < g->n_keys; k++)
        for (uint32_t id = 1; g->keys[k].phys == WR_STR && id <= g->n; id++) {
            wr_str *s = &g->keys[k].str[id];
            if (!wri_groups_is_live(g, id) || s->len <= WR_STR_INLINE)
                continue; /* a spare place has no key */
            memcpy(p, s->ptr, s->len);
            s->ptr = p;
            p += ((size_t)s->len + 15) & ~(size_t)15;
        }
    wr_arena_free(&g->ar);
    g->ar = fresh;
    g->ar_bytes = live;
    g->garbage = 0;
}

void wri_groups_remove(wri_groups *g, const uint32_t *gids, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = gids[i];
        if (i + 2 * AHEAD < n) __builtin_prefetch(&g->hashes[gids[i + 2 * AHEAD]], 1);
        if (i + AHEAD < n) {
            uint32_t soon = gids[i + AHEAD];
            __builtin_prefetch(&g->slots[home_of(tag_of(g->hashes[soon]), g->shift)], 1);
            __builtin_prefetch(g->st.states + soon * g->st.stride, 1);
        }
        remove_slot(g, id);
        remove_keys(g, id);
        if (g->st.stride) memset(g->st.states + id * g->st.stride, 0, g->st.stride);
        g->hashes[id] = g->free_id;
        g->free_id = id;
        g->n_free++;
        wr_bit_set(g->freed, id);
    }
    if (g->garbage > GARBAGE_MIN && g->garbage > g->ar_bytes / 2) compact(g);
}

wr_status wri_groups_spare(wri_groups *g, uint32_t *idp, wr_err *err) {
    uint32_t id = next_id(g);
    WR_TRY(make_room(g, id, err));
    take_id(g, id);
    g->hashes[id] = 0;
    g->n_free++; /* no slot leads to it */
    wr_bit_set(g->freed, id);
    *idp = id;
    return WR_OK;
}

void wri_groups_unspare(wri_groups *g, uint32_t id) {
    if (g->st.stride) memset(g->st.states + id * g->st.stride, 0, g->st.stride);
    g->hashes[id] = g->free_id;
    g->free_id = id;
}

void wri_groups_freeze(wri_groups *g, bool on) { g->frozen = on; }

uint32_t wri_groups_live(const wri_groups *g) { return g->n - g->n_free; }

bool wri_groups_is_live(const wri_groups *g, uint32_t gid) { return !g->freed || !wr_bit(g->freed, gid); }
const uint64_t *wri_groups_gone(const wri_groups *g) { return g->freed; }
uint32_t wri_groups_count(const wri_groups *g) { return g->n; }
const uint64_t *wri_groups_hashes(const wri_groups *g) { return g->hashes; }

static wr_status emit_strings(const key_col *key, const uint32_t *gids, uint32_t n, wr_batch *out, wr_str *to,
                              wr_err *err) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        to[i] = key->str[gids[i]];
        if (to[i].len > WR_STR_INLINE) bytes += to[i].len;
    }
    if (bytes == 0) return WR_OK;
    char *p = wr_arena_alloc(&out->arena, bytes);
    if (!p) return wr_fail_oom(err, "the keys of results");
    for (uint32_t i = 0; i < n; i++) {
        if (to[i].len <= WR_STR_INLINE) continue;
        memcpy(p, to[i].ptr, to[i].len);
        to[i].ptr = p;
        p += to[i].len;
    }
    return WR_OK;
}

wr_status wri_groups_emit_keys(const wri_groups *g, const uint32_t *gids, uint32_t n, wr_batch *out,
                               uint32_t first_col, wr_err *err) {
    for (uint32_t k = 0; k < g->n_keys; k++) {
        const key_col *key = &g->keys[k];
        WR_TRY(wr_batch_col(out, first_col + k, key->phys, err));
        wr_col *c = &out->cols[first_col + k];
        if (key->phys == WR_STR) WR_TRY(emit_strings(key, gids, n, out, c->str, err));
        else
            for (uint32_t i = 0; i < n; i++) c->i64[i] = key->i64[gids[i]];
        bool any = false;
        for (uint32_t i = 0; key->nulls && i < n && !any; i++) any = key->nulls[gids[i]];
        if (!any) continue;
        if (!wr_batch_nulls(out, c)) return wr_fail_oom(err, "a NULL bitmap");
        for (uint32_t i = 0; i < n; i++)
            if (key->nulls[gids[i]]) wr_bit_set(c->nulls, i);
    }
    return WR_OK;
}

size_t wri_groups_bytes(const wri_groups *g) {
    size_t bytes = sizeof *g + g->slots_cap * sizeof *g->slots + g->ar_bytes;
    bytes += g->cap * (sizeof *g->hashes + g->st.stride) + g->codes_cap * sizeof *g->code_gids;
    bytes += g->hash_cap * sizeof *g->hash_buf;
    for (uint32_t k = 0; k < g->n_keys; k++)
        bytes += g->cap * (phys_bytes(g->keys[k].phys) + (g->keys[k].nulls ? 1 : 0) + sizeof g->keys[k]);
    return bytes;
}

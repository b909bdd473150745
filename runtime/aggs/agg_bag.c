/* runtime/aggs/agg_bag.c -- every value of a group with how often it is there: MIN, MAX and COUNT(DISTINCT)
 * of numbers and times over rows that may be taken back (call->multiset).
 *
 * A bag is an open table of (key, count), count 0: free. The best key is remembered until it goes; then the
 * next one is looked for among all, when it is asked for. What is taken out and was not there is left out:
 * only state_ttl makes that happen. Serialised: tag 'B', number of keys, key and count of each. */
#include "aggs_int.h"

#define LOG2_MIN 2

typedef struct cell {
    int64_t key, count;
} cell;
struct wri_bag {
    uint64_t n; /* keys */
    uint32_t log2;
    cell cells[];
};

void wri_bag_bind(wr_agg_call *call) {
    call->state_bytes = sizeof(wri_bag_state);
    call->n_partials = 0;
    call->plain = false;
    call->retracts = true;
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
}

static size_t find(const wri_bag *b, int64_t key) {
    size_t mask = ((size_t)1 << b->log2) - 1, at = wr_hash_u64((uint64_t)key) & mask;
    while (b->cells[at].count && b->cells[at].key != key) at = (at + 1) & mask;
    return at;
}

static wr_status grow(wri_bag **bp, wr_err *err) {
    wri_bag *old = *bp;
    uint32_t log2 = old ? old->log2 + 1 : LOG2_MIN;
    wri_bag *b = log2 < 57 ? wr_calloc(1, sizeof *b + (sizeof *b->cells << log2)) : NULL;
    if (!b) return wr_fail_oom(err, "values of a group");
    b->log2 = log2;
    for (size_t i = 0; old && i < (size_t)1 << old->log2; i++)
        if (old->cells[i].count) b->cells[find(b, old->cells[i].key)] = old->cells[i];
    b->n = old ? old->n : 0;
    wr_free(old);
    *bp = b;
    return WR_OK;
}

static wr_status add(wri_bag_state *s, uint64_t mask, int64_t key, int64_t count, wr_err *err) {
    wri_bag *b = s->bag;
    if (!b || (b->n + 1) * 4 > UINT64_C(3) << b->log2) WR_TRY(grow(&s->bag, err));
    b = s->bag;
    cell *c = &b->cells[find(b, key)];
    b->n += c->count == 0;
    c->key = key;
    c->count += count;
    uint64_t rank = (uint64_t)key ^ mask;
    if (b->n == 1 || (s->known && rank > s->best)) {
        s->best = rank;
        s->known = 1;
    }
    return WR_OK;
}

/* Frees the cell; those behind it that it kept from their places move up. */
static void remove_cell(wri_bag *b, size_t hole) {
    size_t mask = ((size_t)1 << b->log2) - 1;
    for (size_t at = (hole + 1) & mask; b->cells[at].count; at = (at + 1) & mask) {
        size_t home = wr_hash_u64((uint64_t)b->cells[at].key) & mask;
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        b->cells[hole] = b->cells[at];
        hole = at;
    }
    b->cells[hole].count = 0;
    b->n--;
}

static void take(wri_bag_state *s, uint64_t mask, int64_t key, int64_t count) {
    if (!s->bag) return;
    size_t at = find(s->bag, key);
    cell *c = &s->bag->cells[at];
    if (c->count == 0) return;
    if (c->count > count) {
        c->count -= count;
        return;
    }
    remove_cell(s->bag, at);
    if (((uint64_t)key ^ mask) == s->best) s->known = 0;
}

wr_status wri_bag_update(uint64_t mask, const wr_agg_in *in, char *states, size_t stride,
                         const uint32_t *gids, wr_err *err) {
    const wr_col *c = in->args[0];
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (g) WR_TRY(add(WRI_STATE(wri_bag_state, states, stride, g), mask, wri_key_at(c, i), 1, err));
    }
    return WR_OK;
}

/* Adds, or takes out, what serialised bags hold. */
static wr_status fold(const wr_agg_call *call, uint64_t mask, bool out, const wr_agg_in *in, char *states,
                      size_t stride, const uint32_t *gids, wr_err *err) {
    for (uint32_t i = 0; i < in->n; i++) {
        if (!gids[i] || wr_is_null(in->args[0], i)) continue;
        wri_bag_state *s = WRI_STATE(wri_bag_state, states, stride, gids[i]);
        wri_reader r = wri_read_head(&in->args[0]->str[i], 'B');
        for (uint64_t n = wri_read_count(&r, 2); n > 0 && !r.bad; n--) {
            int64_t key = wri_unzigzag(wri_read_varint(&r)), count = (int64_t)wri_read_varint(&r);
            if (r.bad || count <= 0) continue;
            if (out) take(s, mask, key, count);
            else WR_TRY(add(s, mask, key, count, err));
        }
        WR_TRY(wri_read_end(&r, call, err));
    }
    return WR_OK;
}

wr_status wri_bag_merge(const wr_agg_call *call, uint64_t mask, const wr_agg_in *in, char *states,
                        size_t stride, const uint32_t *gids, wr_err *err) {
    return fold(call, mask, false, in, states, stride, gids, err);
}

void wri_bag_retract(const wr_agg_call *call, uint64_t mask, const wr_agg_in *in, char *states, size_t stride,
                     const uint32_t *gids) {
    wr_err err = {0};
    wr_status s = fold(call, mask, true, in, states, stride, gids, &err); /* the bytes are our own */
    WR_ASSERT(s == WR_OK);
}

static wr_status put_bag(const wri_bag *b, wr_buf *out) {
    WR_TRY(wri_put_head(out, 'B'));
    WR_TRY(wri_put_varint(out, b ? b->n : 0));
    for (size_t i = 0; b && i < (size_t)1 << b->log2; i++) {
        if (!b->cells[i].count) continue;
        WR_TRY(wri_put_varint(out, wri_zigzag(b->cells[i].key)));
        WR_TRY(wri_put_varint(out, (uint64_t)b->cells[i].count));
    }
    return WR_OK;
}

wr_status wri_bag_partial(const char *states, size_t stride, const uint32_t *gids, uint32_t n, wr_batch *out,
                          uint32_t first_col, wr_err *err) {
    wr_col *col;
    wr_buf text = {0};
    wr_status s = wri_out(out, first_col, WR_STR, &col, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        text.len = 0;
        s = put_bag(WRI_STATE_CONST(wri_bag_state, states, stride, gids[i])->bag, &text);
        s = s == WR_OK ? wri_out_bytes(out, col, i, &text, err) : wr_fail_oom(err, "values of a group");
    }
    wr_buf_free(&text);
    return s;
}

uint64_t wri_bag_count(const wri_bag_state *s) { return s->bag ? s->bag->n : 0; }

bool wri_bag_best(wri_bag_state *s, uint64_t mask, uint64_t *rankp) {
    if (wri_bag_count(s) == 0) return false;
    if (!s->known) {
        s->best = 0;
        for (size_t i = 0; i < (size_t)1 << s->bag->log2; i++) {
            uint64_t rank = (uint64_t)s->bag->cells[i].key ^ mask;
            if (s->bag->cells[i].count && rank > s->best) s->best = rank;
        }
        s->known = 1;
    }
    *rankp = s->best;
    return true;
}

void wri_bag_destroy(wri_bag_state *s) {
    wr_free(s->bag);
    *s = (wri_bag_state){0};
}

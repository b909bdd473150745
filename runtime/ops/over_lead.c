/* runtime/ops/over_lead.c -- LEAD in streaming: a row waits until the n-th row of its key behind it has come.
 *
 * Per call and key: how many rows have been seen, and a list of those that wait, each for a number of rows to
 * have been seen. A batch of results is held until all its rows have gone out; those that have all their
 * values go as soon as that is so. */
#include "over_lead.h"

#include <stdlib.h>

#include "saved_rows.h"

#define NONE UINT32_MAX

typedef struct held {
    wr_batch *in, *out;
    uint64_t *failed;
    uint32_t *left;  /* per row: calls that it waits for; */
    uint32_t *ready; /* rows that can go, n_ready of them */
    uint32_t n_ready, n_waits;
    size_t first; /* while it is saved: the number of its first row among those of all batches */
    struct held *prev, *next;
    struct held *next_ready;
    wri_over_lead *of;
} held;

typedef struct waiting {
    held *h; /* NULL: free */
    uint64_t until;
    uint32_t row, next;
} waiting;

typedef struct line { /* of a call, in a key's state */
    uint64_t seen;
    uint32_t first, last; /* of waits, + 1; 0: none */
} line;

typedef struct lead_call {
    const wr_over_call *call;
    uint32_t col;
    waiting *waits;
    size_t n_waits, cap;
    uint32_t spare;
} lead_call;

struct wri_over_lead {
    wr_op *op;
    uint32_t key_off, n_calls;
    lead_call *calls;
    held *all;
    held *ready; /* those with rows that can go */
};

wr_status wri_lead_new(wr_op *op, wri_over_lead **outp, wr_err *err) {
    const wr_node *n = op->node;
    uint32_t n_calls = 0, first = n->out.n - n->over.n_calls;
    *outp = NULL;
    for (uint32_t i = 0; i < n->over.n_calls; i++) n_calls += n->over.calls[i].fn == WR_O_LEAD;
    if (n_calls == 0) return WR_OK;
    wri_over_lead *l = *outp = wr_calloc(1, sizeof *l);
    if (!l) return wr_fail_oom(err, "LEAD");
    l->op = op;
    l->calls = wr_calloc(n_calls, sizeof *l->calls);
    if (!l->calls) return wr_fail_oom(err, "LEAD");
    for (uint32_t i = 0; i < n->over.n_calls; i++)
        if (n->over.calls[i].fn == WR_O_LEAD)
            l->calls[l->n_calls++] = (lead_call){.call = &n->over.calls[i], .col = first + i, .spare = NONE};
    return WR_OK;
}

size_t wri_lead_rows(const wri_over_lead *l) {
    size_t n = 0;
    for (const held *h = l->all; h; h = h->next) n += h->n_waits;
    return n;
}

uint32_t wri_lead_key_bytes(wri_over_lead *l, uint32_t key_off) {
    l->key_off = key_off;
    return l->n_calls * (uint32_t)sizeof(line);
}

/* ---- held batches ---- */

static void free_held(wri_over_lead *l, held *h) {
    if (h->prev) h->prev->next = h->next;
    else l->all = h->next;
    if (h->next) h->next->prev = h->prev;
    wr_batch_drop(h->in);
    wr_batch_drop(h->out);
    wr_free(h);
}

static held *hold(wri_over_lead *l, wr_batch *in, wr_batch *out, uint64_t *failed) {
    uint32_t n = in->n;
    held *h = wr_alloc(sizeof *h + 2 * (size_t)n * sizeof(uint32_t));
    if (!h) return NULL;
    *h = (held){.in = wr_batch_hold(in),
                .out = wr_batch_hold(out),
                .failed = failed,
                .left = (uint32_t *)(h + 1),
                .n_waits = n,
                .of = l,
                .next = l->all};
    h->ready = h->left + n;
    for (uint32_t i = 0; i < n; i++) h->left[i] = l->n_calls;
    if (l->all) l->all->prev = h;
    l->all = h;
    return h;
}

static void done(held *h, uint32_t row) {
    if (--h->left[row] > 0) return;
    h->n_waits--;
    if (h->n_ready == 0) {
        h->next_ready = h->of->ready;
        h->of->ready = h;
    }
    h->ready[h->n_ready++] = row;
}

/* ---- values ---- */

/* Value i of from becomes that of a row that waited. */
static wr_status give(lead_call *k, held *h, uint32_t row, const wr_col *from, uint32_t i, wr_err *err) {
    wr_col *to = &h->out->cols[k->col];
    WR_TRY(wri_over_copy(h->out, to, row, from, i, err));
    if (to->phys == WR_STR && to->str[row].len > WR_STR_INLINE)
        WR_TRY(wr_batch_str(h->out, from->str[i].ptr, from->str[i].len, &to->str[row], err));
    done(h, row);
    return WR_OK;
}

/* Row `row` waits until so many rows have been seen. */
static wr_status wait_for(lead_call *k, line *at, held *h, uint32_t row, uint64_t until, wr_err *err) {
    uint32_t w = k->spare;
    if (w != NONE) k->spare = k->waits[w].next;
    else {
        if (k->n_waits >= NONE - 1) return wr_fail(err, WR_ELIMIT, "LEAD: 2^32 rows wait");
        if (wr_grow(&k->waits, &k->cap, k->n_waits + 1, sizeof *k->waits) != WR_OK)
            return wr_fail_oom(err, "LEAD");
        w = (uint32_t)k->n_waits++;
    }
    k->waits[w] = (waiting){.h = h, .until = until, .row = row, .next = NONE};
    if (at->last) k->waits[at->last - 1].next = w;
    else at->first = w + 1;
    at->last = w + 1;
    return WR_OK;
}

/* Row i has come: those that waited for it get its value, then it waits itself. */
static wr_status one_row(lead_call *k, line *at, held *h, uint32_t i, wr_err *err) {
    const wr_col *from = &h->in->cols[k->call->agg.args[0]];
    if (k->call->n == 0) return give(k, h, i, from, i, err);
    if (!k->call->ignore_nulls || !wr_is_null(from, i)) {
        at->seen++;
        while (at->first && k->waits[at->first - 1].until == at->seen) {
            uint32_t w = at->first - 1;
            waiting *x = &k->waits[w];
            WR_TRY(give(k, x->h, x->row, from, i, err));
            at->first = x->next == NONE ? 0 : x->next + 1;
            if (!at->first) at->last = 0;
            *x = (waiting){.next = k->spare};
            k->spare = w;
        }
    }
    return wait_for(k, at, h, i, at->seen + (uint64_t)k->call->n, err);
}

wr_status wri_lead_run(wri_over_lead *l, const wri_over_rows *r, wr_err *err) {
    for (uint32_t c = 0; c < l->n_calls; c++) {
        wr_type t = l->op->node->out.fields[l->calls[c].col].type;
        WR_TRY(wr_batch_col(r->out, l->calls[c].col, wr_type_phys(t), err));
        wr_col *col = &r->out->cols[l->calls[c].col];
        memset(col->data, 0, (size_t)r->b->n * (col->phys == WR_STR ? sizeof(wr_str) : 8));
    }
    held *h = hold(l, r->b, r->out, r->failed);
    if (!h) return wr_fail_oom(err, "LEAD");
    for (uint32_t i = 0; i < r->b->n; i++) {
        line *at = (line *)(r->keys.base + (size_t)r->gids[i] * r->keys.stride + l->key_off);
        for (uint32_t c = 0; c < l->n_calls; c++) WR_TRY(one_row(&l->calls[c], &at[c], h, i, err));
    }
    return WR_OK;
}

/* ---- out ---- */

static int by_number(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static wr_status emit_ready(wri_over_lead *l, held *h, wr_err *err) {
    uint32_t n = h->n_ready;
    wr_batch *b;
    qsort(h->ready, n, sizeof *h->ready, by_number);
    h->n_ready = 0;
    WR_TRY(wr_batch_gather(h->out, h->ready, n, NULL, 0, &b, err));
    uint64_t *failed = wr_arena_calloc(&b->arena, wr_bitmap_words(n) * sizeof *failed);
    for (uint32_t i = 0; failed && i < n; i++)
        if (wr_bit(h->failed, h->ready[i])) wr_bit_set(failed, i);
    wr_status s = failed ? wri_over_report(l->op, &b, failed, err) : wr_fail_oom(err, "LEAD");
    if (s == WR_OK) s = wr_emit(l->op, b, err);
    wr_batch_drop(b);
    return s;
}

/* No more rows: those that wait get the default. */
static wr_status give_up(wri_over_lead *l, wr_err *err) {
    for (uint32_t c = 0; c < l->n_calls; c++) {
        lead_call *k = &l->calls[c];
        for (size_t i = 0; i < k->n_waits; i++) {
            waiting *w = &k->waits[i];
            if (!w->h) continue;
            if (k->call->default_col != WR_NO_COL)
                WR_TRY(give(k, w->h, w->row, &w->h->in->cols[k->call->default_col], w->row, err));
            else {
                uint64_t *nulls = wr_batch_nulls(w->h->out, &w->h->out->cols[k->col]);
                if (!nulls) return wr_fail_oom(err, "a NULL bitmap");
                wr_bit_set(nulls, w->row);
                done(w->h, w->row);
            }
            w->h = NULL;
        }
        k->n_waits = 0; /* keys that still point here see no row any more */
    }
    return WR_OK;
}

wr_status wri_lead_emit(wri_over_lead *l, bool end, wr_err *err) {
    if (end) WR_TRY(give_up(l, err));
    while (l->ready) {
        held *h = l->ready;
        l->ready = h->next_ready;
        WR_TRY(emit_ready(l, h, err));
        if (h->n_waits == 0) free_held(l, h);
    }
    return WR_OK;
}

/* ---- snapshots ----
 *
 * A row that waits is saved as the result it has so far, with how many rows each call waits for. The oldest
 * come first, so those of a key come back in their order. Columns: result, failed, per call: rows. */

/* rest[(row's number) * n_calls + c]: rows that call c of it waits for, 0: it has its value. */
static void rows_left(const wri_over_lead *l, wri_states keys, uint32_t n, uint64_t *rest) {
    for (uint32_t g = 1; g <= n; g++) {
        const line *at = (const line *)(keys.base + (size_t)g * keys.stride + l->key_off);
        for (uint32_t c = 0; c < l->n_calls; c++) {
            const lead_call *k = &l->calls[c];
            for (uint32_t w = at[c].first; w != 0;) {
                const waiting *x = &k->waits[w - 1];
                rest[(x->h->first + x->row) * l->n_calls + c] = x->until - at[c].seen;
                w = x->next == NONE ? 0 : x->next + 1;
            }
        }
    }
}

static wr_status save_some(const wri_over_lead *l, const wri_picked *rows, const held *const *of, uint32_t n,
                           const uint64_t *rest, wr_saver *to, uint32_t tag, wr_err *err) {
    const wr_node *node = l->op->node;
    uint32_t col = node->out.n;
    wr_batch *b;
    WR_TRY(wri_pick_rows(rows, n, col, 1 + l->n_calls, &b, err));
    wr_status s = WR_OK;
    for (uint32_t c = 0; s == WR_OK && c <= l->n_calls; c++) s = wr_batch_col(b, col + c, WR_I64, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        b->cols[col].i64[i] = wr_bit(of[i]->failed, rows[i].row);
        for (uint32_t c = 0; c < l->n_calls; c++)
            b->cols[col + 1 + c].i64[i] = (int64_t)rest[(of[i]->first + rows[i].row) * l->n_calls + c];
    }
    if (s == WR_OK) s = wr_save_rows(to, tag, b, node->over.keys, node->over.n_keys, err);
    wr_batch_drop(b);
    return s;
}

static wr_status save_held(wri_over_lead *l, const held *oldest, const uint64_t *rest, wr_saver *to,
                           uint32_t tag, wr_err *err) {
    wri_picked *rows = wr_alloc(WR_BATCH_ROWS * sizeof *rows);
    const held **of = wr_alloc(WR_BATCH_ROWS * sizeof(held *));
    wr_status s = rows && of ? WR_OK : wr_fail_oom(err, "a snapshot");
    uint32_t n = 0;
    for (const held *h = oldest; h; h = h->prev)
        for (uint32_t i = 0; s == WR_OK && i < h->out->n; i++) {
            if (h->left[i] == 0) continue;
            rows[n] = (wri_picked){.b = h->out, .row = i};
            of[n++] = h;
            if (n < WR_BATCH_ROWS) continue;
            s = save_some(l, rows, of, n, rest, to, tag, err);
            n = 0;
        }
    if (s == WR_OK && n) s = save_some(l, rows, of, n, rest, to, tag, err);
    wr_free(rows);
    wr_free(of);
    return s;
}

wr_status wri_lead_save(wri_over_lead *l, wri_states keys, uint32_t n, wr_saver *to, uint32_t tag,
                        wr_err *err) {
    size_t n_rows = 0;
    const held *oldest = NULL;
    for (held *h = l->all; h; h = h->next) {
        h->first = n_rows;
        n_rows += h->out->n;
        oldest = h;
    }
    if (n_rows == 0) return WR_OK;
    uint64_t *rest = wr_calloc(n_rows * l->n_calls, sizeof *rest);
    if (!rest) return wr_fail_oom(err, "a snapshot");
    rows_left(l, keys, n, rest);
    wr_status s = save_held(l, oldest, rest, to, tag, err);
    wr_free(rest);
    return s;
}

/* The result as it was held. */
static wr_status share_result(const wri_over_lead *l, wr_batch *saved, wr_batch **outp, uint64_t **failedp,
                              wr_err *err) {
    uint32_t n = l->op->node->out.n, *cols = wr_alloc((size_t)n * sizeof *cols);
    if (!cols) return wr_fail_oom(err, "LEAD");
    for (uint32_t c = 0; c < n; c++) cols[c] = c;
    wr_status s = wr_batch_share(saved, cols, n, outp, err);
    wr_free(cols);
    WR_TRY(s);
    *failedp = wr_arena_calloc(&(*outp)->arena, wr_bitmap_words(saved->n) * sizeof **failedp);
    if (!*failedp) {
        wr_batch_drop(*outp);
        return wr_fail_oom(err, "LEAD");
    }
    for (uint32_t i = 0; i < saved->n; i++)
        if (saved->cols[n].i64[i]) wr_bit_set(*failedp, i);
    return WR_OK;
}

wr_status wri_lead_load(wri_over_lead *l, wri_states keys, const uint32_t *gids, wr_batch *saved,
                        wr_err *err) {
    uint32_t first = l->op->node->out.n + 1;
    wr_batch *out;
    uint64_t *failed;
    if (saved->n_cols != first + l->n_calls)
        return wr_fail(err, WR_EDATA, "LEAD in the snapshot is not as it was written");
    WR_TRY(share_result(l, saved, &out, &failed, err));
    held *h = hold(l, out, out, failed);
    wr_batch_drop(out);
    if (!h) return wr_fail_oom(err, "LEAD");
    for (uint32_t i = 0; i < saved->n; i++) {
        line *at = (line *)(keys.base + (size_t)gids[i] * keys.stride + l->key_off);
        for (uint32_t c = 0; c < l->n_calls; c++) {
            int64_t rest = saved->cols[first + c].i64[i];
            if (rest == 0) h->left[i]--;
            else WR_TRY(wait_for(&l->calls[c], &at[c], h, i, at[c].seen + (uint64_t)rest, err));
        }
    }
    return WR_OK;
}

void wri_lead_free(wri_over_lead *l) {
    if (!l) return;
    while (l->all) free_held(l, l->all);
    for (uint32_t c = 0; l->calls && c < l->n_calls; c++) wr_free(l->calls[c].waits);
    wr_free(l->calls);
    wr_free(l);
}

/* runtime/ops/over_lead.c -- LEAD in streaming: a row waits until the n-th row of its key behind it has come.
 *
 * Per call and key: how many rows have been seen, and a list of those that wait, each for a number of rows to
 * have been seen. A batch of results is held until all its rows have gone out; those that have all their
 * values go as soon as that is so. */
#include "over_lead.h"

#include "group_table.h"

#include <stdlib.h>

#include "saved_rows.h"

#define NONE UINT32_MAX

typedef struct held {
    wr_batch *in, *out;
    uint64_t *failed;
    uint32_t *left;  /* per row: calls that it waits for; */
    uint32_t *ready; /* rows that can go, n_ready of them */
    uint32_t n_ready, n_waits;
    uint64_t no; /* rises: those of a key in their order */
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

typedef struct found { /* a row of a key, while it is saved, and what it waits for: of call c rest[c] rows */
    const held *h;
    uint32_t row, gid;
    uint64_t rest[];
} found;

struct wri_over_lead {
    wr_op *op;
    uint32_t key_off, n_calls;
    lead_call *calls;
    held *all;
    held *ready; /* those with rows that can go */
    uint64_t made;
    wri_slots slots; /* by key: its rows that wait */
    wri_lead_saving saving;
    char *found; /* of n_found rows, found_bytes each */
    size_t n_found, found_cap;
};

static size_t found_bytes(const wri_over_lead *l) { return sizeof(found) + l->n_calls * sizeof(uint64_t); }
static found *found_at(const wri_over_lead *l, size_t i) {
    return (found *)(void *)(l->found + i * found_bytes(l));
}

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
                .no = l->made++,
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

static wr_status new_wait(lead_call *k, uint32_t *outp, wr_err *err) {
    uint32_t w = k->spare;
    if (w != NONE) k->spare = k->waits[w].next;
    else {
        if (k->n_waits >= NONE - 1) return wr_fail(err, WR_ELIMIT, "LEAD: 2^32 rows wait");
        if (wr_grow(&k->waits, &k->cap, k->n_waits + 1, sizeof *k->waits) != WR_OK)
            return wr_fail_oom(err, "LEAD");
        w = (uint32_t)k->n_waits++;
    }
    *outp = w;
    return WR_OK;
}

/* Row `row` waits until so many rows have been seen: as many as those before it, or more. */
static wr_status wait_for(lead_call *k, line *at, held *h, uint32_t row, uint64_t until, wr_err *err) {
    uint32_t w = 0;
    WR_TRY(new_wait(k, &w, err));
    k->waits[w] = (waiting){.h = h, .until = until, .row = row, .next = NONE};
    if (at->last) k->waits[at->last - 1].next = w;
    else at->first = w + 1;
    at->last = w + 1;
    return WR_OK;
}

/* The same, in front of those that wait for more. */
static wr_status wait_among(lead_call *k, line *at, held *h, uint32_t row, uint64_t until, wr_err *err) {
    uint32_t w = 0, prev = 0; /* + 1 */
    if (!at->last || k->waits[at->last - 1].until <= until) return wait_for(k, at, h, row, until, err);
    for (uint32_t x = at->first; k->waits[x - 1].until <= until; x = k->waits[x - 1].next + 1) prev = x;
    WR_TRY(new_wait(k, &w, err));
    uint32_t next = prev ? k->waits[prev - 1].next : at->first - 1;
    k->waits[w] = (waiting){.h = h, .until = until, .row = row, .next = next};
    if (prev) k->waits[prev - 1].next = w;
    else at->first = w + 1;
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
    WR_TRY(wri_slots_touch(&l->slots, r->gids, r->b->n, err));
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
    WR_TRY(wri_slots_finish(&l->slots, err));
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
 * A key's rows that wait are a slot. Each is saved as the result it has so far, with how many rows each call
 * waits for. Columns: result, failed, per call: rows. They come back in any order: who waits for less was
 * there first. */

static int by_age(const void *x, const void *y) {
    const found *a = x, *b = y;
    if (a->gid != b->gid) return a->gid < b->gid ? -1 : 1;
    if (a->h != b->h) return a->h->no < b->h->no ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* A row that several calls wait with is found once for each: l->found[first..] has it once afterwards. */
static void put_together(wri_over_lead *l, size_t first) {
    size_t n = first, bytes = found_bytes(l);
    if (l->n_found > first) qsort(found_at(l, first), l->n_found - first, bytes, by_age);
    for (size_t i = first; i < l->n_found; i++) {
        found *x = found_at(l, i), *last = n > first ? found_at(l, n - 1) : NULL;
        if (last && by_age(last, x) == 0)
            for (uint32_t c = 0; c < l->n_calls; c++) last->rest[c] += x->rest[c];
        else memmove(found_at(l, n++), x, bytes);
    }
    l->n_found = n;
}

/* The rows of a key that wait. */
static wr_status find_rows(wri_over_lead *l, uint32_t gid, wr_err *err) {
    wri_states keys = {wri_groups_states(l->saving.groups), wri_groups_stride(l->saving.groups)};
    const line *at = (const line *)(keys.base + (size_t)gid * keys.stride + l->key_off);
    size_t first = l->n_found;
    for (uint32_t c = 0; c < l->n_calls; c++) {
        const lead_call *k = &l->calls[c];
        for (uint32_t w = at[c].first, next; w != 0; w = next) {
            const waiting *x = &k->waits[w - 1];
            next = x->next == NONE ? 0 : x->next + 1;
            if (wr_grow(&l->found, &l->found_cap, (l->n_found + 1) * found_bytes(l), 1) != WR_OK)
                return wr_fail_oom(err, "a snapshot");
            found *f = found_at(l, l->n_found++);
            memset(f, 0, found_bytes(l));
            *f = (found){.h = x->h, .row = x->row, .gid = gid};
            f->rest[c] = x->until - at[c].seen;
        }
    }
    put_together(l, first);
    return WR_OK;
}

/* found[from..from + n) */
static wr_status save_some(const wri_over_lead *l, size_t from, uint32_t n, wr_saver *to, wr_err *err) {
    const wr_node *node = l->op->node;
    uint32_t col = node->out.n, *slots = wr_alloc((size_t)n * sizeof *slots);
    wri_picked *rows = wr_alloc((size_t)n * sizeof *rows);
    wr_batch *b = NULL;
    wr_status s = rows && slots ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        const found *f = found_at(l, from + i);
        rows[i] = (wri_picked){.b = f->h->out, .row = f->row};
        slots[i] = f->gid;
    }
    if (s == WR_OK) s = wri_pick_rows(rows, n, col, 1 + l->n_calls, &b, err);
    for (uint32_t c = 0; s == WR_OK && c <= l->n_calls; c++) s = wr_batch_col(b, col + c, WR_I64, err);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) {
        const found *f = found_at(l, from + i);
        b->cols[col].i64[i] = wr_bit(f->h->failed, f->row);
        for (uint32_t c = 0; c < l->n_calls; c++) b->cols[col + 1 + c].i64[i] = (int64_t)f->rest[c];
    }
    if (s == WR_OK) s = wr_save_slots(to, l->saving.tag, b, node->over.keys, node->over.n_keys, slots, err);
    wr_batch_drop(b);
    wr_free(rows);
    wr_free(slots);
    return s;
}

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    wri_over_lead *l = slots->ctx;
    l->n_found = 0;
    for (uint32_t i = 0; i < n; i++) WR_TRY(find_rows(l, gids[i], err));
    for (size_t at = 0; at < l->n_found; at += WR_BATCH_ROWS) {
        size_t left = l->n_found - at;
        WR_TRY(save_some(l, at, left < WR_BATCH_ROWS ? (uint32_t)left : WR_BATCH_ROWS, to, err));
    }
    return WR_OK;
}

static wr_status all_keys(wri_slots *slots, wr_err *err) {
    const wri_groups *g = ((const wri_over_lead *)slots->ctx)->saving.groups;
    return wri_slots_touch_all(slots, wri_groups_count(g), wri_groups_gone(g), err);
}

void wri_lead_saves(wri_over_lead *l, const wri_lead_saving *saving) {
    l->saving = *saving;
    wri_slots_init(&l->slots, l->op, 0, saving->tag, save_keys, l);
    wri_slots_ask(&l->slots, all_keys);
    l->slots.at_once = WR_SAVE_SCATTERED;
}

wri_slots *wri_lead_slots(wri_over_lead *l) { return &l->slots; }

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
    WR_TRY(wri_slots_touch(&l->slots, gids, saved->n, err));
    for (uint32_t i = 0; i < saved->n; i++) {
        line *at = (line *)(keys.base + (size_t)gids[i] * keys.stride + l->key_off);
        for (uint32_t c = 0; c < l->n_calls; c++) {
            int64_t rest = saved->cols[first + c].i64[i];
            if (rest == 0) h->left[i]--;
            else WR_TRY(wait_among(&l->calls[c], &at[c], h, i, at[c].seen + (uint64_t)rest, err));
        }
    }
    return WR_OK;
}

void wri_lead_free(wri_over_lead *l) {
    if (!l) return;
    while (l->all) free_held(l, l->all);
    wri_slots_free(&l->slots);
    wr_free(l->found);
    for (uint32_t c = 0; l->calls && c < l->n_calls; c++) wr_free(l->calls[c].waits);
    wr_free(l->calls);
    wr_free(l);
}

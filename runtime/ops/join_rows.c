/* runtime/ops/join_rows.c -- what joins keep of their inputs, and pairs of rows; see join_rows.h. */
#include "join_rows.h"

/* ---- sides ---- */

/* Column col of the input among the first n of s, added when it is not there. */
static uint32_t side_col(wri_jside *s, const wr_node *in, uint32_t col) {
    for (uint32_t i = 0; i < s->n; i++)
        if (s->cols[i] == col) return i;
    s->cols[s->n] = col;
    s->phys[s->n] = wr_type_phys(in->out.fields[col].type);
    return s->n++;
}

wr_status wri_jside_init(wri_jside *s, const wr_node *n, uint32_t side, bool all, wr_err *err) {
    uint32_t most = n->join.pair.n + n->join.n_keys + 1, time = n->join.time_cols[side];
    s->cols = wr_calloc(most, sizeof *s->cols);
    s->phys = wr_calloc(most, sizeof *s->phys);
    s->keys = wr_calloc(n->join.n_keys + 1, sizeof *s->keys);
    s->src = wr_calloc(n->join.pair.n + 1, sizeof *s->src);
    if (!s->cols || !s->phys || !s->keys || !s->src) return wr_fail_oom(err, "a join");
    s->time = WR_NO_COL;
    for (uint32_t i = 0; i < n->join.pair.n; i++) {
        if (n->join.from[i].side == side) s->src[i] = side_col(s, n->in[side], n->join.from[i].col);
        else if (n->join.from[i].side == WR_JOIN_OWN) s->time = side_col(s, n->in[side], time);
    }
    s->n_kept = s->n;
    for (uint32_t i = 0; i < n->join.n_keys; i++)
        s->keys[i] = side_col(s, n->in[side], n->join.keys[side][i]);
    if (time != WR_NO_COL) s->time = side_col(s, n->in[side], time);
    if (all) s->n_kept = s->n;
    return WR_OK;
}

void wri_jside_free(wri_jside *s) {
    wr_free(s->cols);
    wr_free(s->phys);
    wr_free(s->keys);
    wr_free(s->src);
}

void wri_keyed_rows(const wri_jside *s, const wr_node *node, const wr_batch *view, const uint32_t *idx,
                    uint32_t n, uint32_t *keyed, uint32_t *none, uint32_t *np) {
    uint32_t n_none = 0, to = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = idx ? idx[i] : i;
        bool null = false;
        for (uint32_t k = 0; k < node->join.n_keys; k++)
            null |= !node->join.null_eq[k] && wr_is_null(&view->cols[s->keys[k]], row);
        if (null) none[n_none++] = row;
        else keyed[to++] = row;
    }
    *np = to;
}

/* ---- blocks ---- */

wr_status wri_block_new(const wri_jside *s, uint32_t cap, wr_batch **outp, wr_err *err) {
    WR_TRY(wr_batch_new(s->n_kept, cap, outp, err));
    for (uint32_t c = 0; c < s->n_kept; c++) {
        wr_status r = wr_batch_col(*outp, c, s->phys[c], err);
        if (r == WR_OK) continue;
        wr_batch_drop(*outp);
        *outp = NULL;
        return r;
    }
    return WR_OK;
}

static wr_status add_strings(wr_batch *b, const wr_col *from, wr_str *to, const wri_some *rows, wr_err *err) {
    for (uint32_t i = 0; i < rows->n; i++) {
        const wr_str *s = &from->str[wri_some_at(rows, i)];
        if (s->len <= WR_STR_INLINE) to[i] = *s;
        else WR_TRY(wr_batch_str(b, s->ptr, s->len, &to[i], err));
    }
    return WR_OK;
}

wr_status wri_block_add(wr_batch *b, const wri_jside *s, const wr_batch *from, wri_some rows, wr_err *err) {
    for (uint32_t c = 0; c < s->n_kept; c++) {
        const wr_col *in = &from->cols[c];
        wr_col *out = &b->cols[c];
        if (s->phys[c] == WR_STR) WR_TRY(add_strings(b, in, out->str + b->n, &rows, err));
        else
            for (uint32_t i = 0; i < rows.n; i++) out->i64[b->n + i] = in->i64[wri_some_at(&rows, i)];
        if (!in->nulls) continue;
        if (!wr_batch_nulls(b, out)) return wr_fail_oom(err, "rows of a join");
        for (uint32_t i = 0; i < rows.n; i++) /* bits of rows that are not there are 0 */
            if (wr_bit(in->nulls, wri_some_at(&rows, i))) wr_bit_set(out->nulls, b->n + i);
    }
    b->n += rows.n;
    return WR_OK;
}

#define BLOCK_FIRST 16 /* rows of the first block: a window may hold few */

static wr_status more_room(wri_rows *r, const wri_jside *s, wr_err *err) {
    if (r->n >= (UINT32_MAX >> WRI_BLOCK_BITS))
        return wr_fail(err, WR_ELIMIT, "a join would have to keep more than 2^32 rows");
    if (wr_grow(&r->blocks, &r->blocks_cap, r->n + 1, sizeof(wr_batch *)) != WR_OK)
        return wr_fail_oom(err, "rows of a join");
    uint32_t cap = r->n ? r->blocks[r->n - 1]->cap * 4 : BLOCK_FIRST;
    WR_TRY(wri_block_new(s, cap < WRI_BLOCK_ROWS ? cap : WRI_BLOCK_ROWS, &r->blocks[r->n], err));
    r->blocks[r->n]->pos = (int64_t)r->rows; /* of its first row among all */
    r->n++;
    return WR_OK;
}

wr_status wri_rows_add(wri_rows *r, const wri_jside *s, const wr_batch *from, const uint32_t *idx, uint32_t n,
                       wr_err *err) {
    for (uint32_t at = 0; at < n;) {
        wr_batch *b = r->n ? r->blocks[r->n - 1] : NULL;
        if (!b || b->n == b->cap) {
            WR_TRY(more_room(r, s, err));
            continue;
        }
        uint32_t k = b->cap - b->n < n - at ? b->cap - b->n : n - at;
        if (r->slots) WR_TRY(wri_slots_touch_range(r->slots, (uint32_t)r->rows, k, err));
        WR_TRY(wri_block_add(b, s, from, (wri_some){idx, at, k}, err));
        r->rows += k;
        at += k;
    }
    return WR_OK;
}

void wri_rows_free(wri_rows *r) {
    for (size_t i = 0; i < r->n; i++) wr_batch_drop(r->blocks[i]);
    wr_free(r->blocks);
    *r = (wri_rows){0};
}

/* ---- pairs ---- */

wr_status wri_pairs_init(wri_pairs *p, wr_op *op, const wri_jside *sides, bool test, wr_err *err) {
    const wr_node *n = op->node;
    p->op = op;
    p->sides = sides;
    p->cap = wr_task_batch_rows(op->task);
    for (uint32_t s = 0; s < 2; s++) {
        p->b[s] = wr_calloc(p->cap, sizeof(wr_batch *));
        p->row[s] = wr_calloc(p->cap, sizeof(uint32_t));
        if (!p->b[s] || !p->row[s]) return wr_fail_oom(err, "a join");
    }
    p->hits = wr_calloc(p->cap, sizeof *p->hits);
    if (!p->hits) return wr_fail_oom(err, "a join");
    if (!test || !n->join.residual) return WR_OK;
    wr_eval_opts eo = {.sqlite_only = wr_task_plan(op->task)->settings.evaluator == 1,
                       .no_dict = true,
                       .sys = wr_task_sys(op->task)};
    return wr_eval_new(&op->node->join.residual, 1, &n->join.pair, &eo, &p->residual, err);
}

void wri_pairs_free(wri_pairs *p) {
    for (uint32_t s = 0; s < 2; s++) {
        wr_free(p->b[s]);
        wr_free(p->row[s]);
    }
    wr_free(p->hits);
    wr_free(p->change);
    wr_free(p->own);
    wr_batch_drop(p->made);
    wr_eval_free(p->residual);
    wr_row_errors_free(&p->errs);
}

/* The batch that all rows of a side are of; NULL: several, or padding. */
static const wr_batch *only_batch(const wri_pairs *p, uint32_t s) {
    const wr_batch *b = p->b[s][0];
    for (uint32_t i = 1; b && i < p->n; i++)
        if (p->b[s][i] != b) return NULL;
    return b;
}

static wr_status copy_nulls(const wri_pairs *p, uint32_t s, uint32_t col, wr_batch *out, wr_col *to,
                            wr_err *err) {
    if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "a NULL bitmap");
    for (uint32_t i = 0; i < p->n; i++) {
        const wr_batch *b = p->b[s][i];
        if (!b || wr_is_null(&b->cols[col], p->row[s][i])) wr_bit_set(to->nulls, i);
    }
    return WR_OK;
}

/* *nullsp: there may be NULLs among them; seen on the way, as looking at each row's batch is what costs. */
static wr_status copy_strings(const wri_pairs *p, uint32_t s, uint32_t col, const wr_batch *one,
                              wr_batch *out, wr_str *to, bool *nullsp, wr_err *err) {
    const uint32_t *row = p->row[s];
    if (one) { /* held: its strings stay where they are */
        const wr_str *from = one->cols[col].str;
        for (uint32_t i = 0; i < p->n; i++) to[i] = from[row[i]];
        *nullsp = one->cols[col].nulls != NULL;
        return wr_batch_keep(out, (wr_ref *)(uintptr_t)&one->ref, err);
    }
    for (uint32_t i = 0; i < p->n; i++) {
        const wr_col *from = p->b[s][i] ? &p->b[s][i]->cols[col] : NULL;
        to[i] = from ? from->str[row[i]] : (wr_str){0};
        *nullsp |= !from || from->nulls;
        if (to[i].len > WR_STR_INLINE) WR_TRY(wr_batch_str(out, to[i].ptr, to[i].len, &to[i], err));
    }
    return WR_OK;
}

static void copy_words(const wri_pairs *p, uint32_t s, uint32_t col, const wr_batch *one, int64_t *to,
                       bool *nullsp) {
    const uint32_t *row = p->row[s];
    if (one) {
        const int64_t *from = one->cols[col].i64;
        for (uint32_t i = 0; i < p->n; i++) to[i] = from[row[i]];
        *nullsp = one->cols[col].nulls != NULL;
        return;
    }
    for (uint32_t i = 0; i < p->n; i++) {
        const wr_col *from = p->b[s][i] ? &p->b[s][i]->cols[col] : NULL;
        to[i] = from ? from->i64[row[i]] : 0;
        *nullsp |= !from || from->nulls;
    }
}

static int64_t time_at(const wri_pairs *p, uint32_t s, uint32_t i) {
    return p->b[s][i]->cols[p->sides[s].time].i64[p->row[s][i]];
}

/* The time of pair i that is no side's: of its window, or as wr_node.join.recent says. */
static int64_t own_time(const wri_pairs *p, uint32_t i) {
    const wr_node *n = p->op->node;
    if (p->own) return p->own[i];
    uint32_t s = p->b[0][i] ? 0 : 1;
    int64_t t = time_at(p, s, i), other;
    if (!n->join.recent) return t - n->join.tick_us;
    if (!p->b[!s][i]) return s ? t + n->join.hi_us : t - n->join.lo_us;
    other = time_at(p, !s, i);
    return t > other ? t : other;
}

static wr_status pair_col(const wri_pairs *p, uint32_t c, const wr_batch *const *one, wr_batch *out,
                          wr_err *err) {
    const wr_join_col *f = &p->op->node->join.from[c];
    if (f->side == WR_JOIN_OWN) {
        WR_TRY(wr_batch_col(out, c, WR_I64, err));
        for (uint32_t i = 0; i < p->n; i++) out->cols[c].i64[i] = own_time(p, i);
        return WR_OK;
    }
    uint32_t s = f->side, col = p->sides[s].src[c];
    WR_TRY(wr_batch_col(out, c, p->sides[s].phys[col], err));
    wr_col *to = &out->cols[c];
    bool nulls = false;
    if (to->phys == WR_STR) WR_TRY(copy_strings(p, s, col, one[s], out, to->str, &nulls, err));
    else copy_words(p, s, col, one[s], to->i64, &nulls);
    return nulls ? copy_nulls(p, s, col, out, to, err) : WR_OK;
}

/* Position and watermarks of the left rows. */
static wr_status follow_left(wri_pairs *p, const wr_batch *left, wr_batch *out, wr_err *err) {
    if (!left) return WR_OK;
    out->split = left->split;
    out->pos = left->pos + p->followed;
    out->ingest_us = left->ingest_us;
    p->followed += p->n;
    if (p->op->node->places) {
        if (!wr_batch_places(out)) return wr_fail_oom(err, "places of rows");
        for (uint32_t i = 0; i < p->n; i++) out->place[i] = wr_place_of(left, p->row[0][i]);
    }
    if (!left->wm) return WR_OK;
    out->wm = wr_arena_alloc(&out->arena, p->n * sizeof *out->wm);
    if (!out->wm) return wr_fail_oom(err, "row watermarks");
    for (uint32_t i = 0; i < p->n; i++) out->wm[i] = left->wm[p->row[0][i]];
    return WR_OK;
}

/* The pairs as a batch of the first n_cols columns of a pair. */
static wr_status make(wri_pairs *p, uint32_t n_cols, wr_batch **outp, wr_err *err) {
    const wr_batch *one[2] = {only_batch(p, 0), only_batch(p, 1)};
    WR_TRY(wr_batch_new(n_cols, p->n, outp, err));
    (*outp)->n = p->n;
    wr_status r = p->follow ? follow_left(p, one[0], *outp, err) : WR_OK;
    if (r == WR_OK && p->change) {
        (*outp)->change = wr_arena_alloc(&(*outp)->arena, p->n);
        if ((*outp)->change) memcpy((*outp)->change, p->change, p->n);
        else r = wr_fail_oom(err, "changes of a join");
    }
    for (uint32_t c = 0; c < n_cols && r == WR_OK; c++) r = pair_col(p, c, one, *outp, err);
    if (r == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return r;
}

wr_status wri_pairs_test(wri_pairs *p, wr_err *err) {
    const wr_node *n = p->op->node;
    p->n_hits = p->n;
    for (uint32_t i = 0; i < p->n; i++) p->hits[i] = i;
    if (p->n == 0 || (!p->residual && wri_one_sided(n))) return WR_OK;
    WR_TRY(make(p, p->residual ? n->join.pair.n : n->out.n, &p->made, err));
    if (!p->residual) return WR_OK;
    wr_row_errors_reset(&p->errs);
    WR_TRY(wr_eval_filter(p->residual, p->made, p->hits, &p->n_hits, &p->errs, err));
    return p->errs.n ? wr_task_bad_exprs(p->op, p->made, &p->errs, &n->join.residual, err) : WR_OK;
}

void wri_pairs_forget(wri_pairs *p) {
    wr_batch_drop(p->made);
    p->made = NULL;
    p->n = p->n_hits = 0;
}

/* hits of made, in the columns of the result. */
static wr_status emit_made(wri_pairs *p, wr_err *err) {
    const wr_node *n = p->op->node;
    if (!p->made || p->n_hits == 0) return WR_OK;
    if (p->n_hits == p->n && p->made->n_cols == n->out.n) return wr_emit(p->op, p->made, err);
    uint32_t *cols = wr_alloc((n->out.n + 1) * sizeof *cols);
    if (!cols) return wr_fail_oom(err, "a join");
    for (uint32_t c = 0; c < n->out.n; c++) cols[c] = c;
    wr_batch *out = NULL;
    wr_status r = p->n_hits == p->n ? wr_batch_share(p->made, cols, n->out.n, &out, err)
                                    : wr_batch_gather(p->made, p->hits, p->n_hits, cols, n->out.n, &out, err);
    wr_free(cols);
    if (r == WR_OK) r = wr_emit(p->op, out, err);
    wr_batch_drop(out);
    return r;
}

wr_status wri_pairs_emit(wri_pairs *p, wr_err *err) {
    wr_status r = wri_one_sided(p->op->node) ? WR_OK : emit_made(p, err);
    wri_pairs_forget(p);
    return r;
}

wr_status wri_pairs_flush(wri_pairs *p, wr_err *err) {
    if (p->n == 0) return WR_OK;
    wr_status r = make(p, p->op->node->out.n, &p->made, err);
    if (r == WR_OK) r = wr_emit(p->op, p->made, err);
    wri_pairs_forget(p);
    return r;
}

wr_status wri_pairs_single(wri_pairs *p, uint32_t side, const wr_batch *b, uint32_t row, wr_err *err) {
    bool full = side == 0 ? wri_pairs_add(p, b, row, NULL, 0) : wri_pairs_add(p, NULL, 0, b, row);
    return full ? wri_pairs_flush(p, err) : WR_OK;
}

wr_status wri_pairs_changes(wri_pairs *p, wr_err *err) {
    p->change = wr_calloc(p->cap, 1);
    return p->change ? WR_OK : wr_fail_oom(err, "changes of a join");
}

wr_status wri_pairs_put(wri_pairs *p, wr_change change, wri_jrow l, wri_jrow r, wr_err *err) {
    bool full = wri_pairs_add(p, l.b, l.row, r.b, r.row);
    p->change[p->n - 1] = (uint8_t)change;
    return full ? wri_pairs_flush(p, err) : WR_OK;
}

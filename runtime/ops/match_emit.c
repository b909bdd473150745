/* runtime/ops/match_emit.c -- matches become rows; aggregates over the rows of a match.
 *
 * ONE ROW: a match is a row of the batch being made, and group row + 1 of its aggregates, which are finished
 * for all rows together. ALL ROWS: a match is as many rows; aggregates are finished row by row. */
#include "match.h"

#include "../aggs/aggs.h"

/* ---- aggregates ---- */

wr_status wri_maggs_init(wri_maggs *a, const wr_match_spec *s, const wr_match_value *v, uint32_t n,
                         wr_err *err) {
    *a = (wri_maggs){0};
    a->items = wr_calloc(n ? n : 1, sizeof *a->items);
    if (!a->items) return wr_fail_oom(err, "aggregates");
    a->n_calls = s->n_calls;
    WR_TRY(wri_agg_open(s->calls, s->n_calls, &a->calls, err));
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].what != WR_MATCH_AGG) continue;
        const wr_agg_call *k = &a->calls[v[i].call];
        a->items[a->n] =
            (wri_magg){.value = i, .call = k, .offset = a->stride, .plain = k->plain || !k->def->destroy};
        a->owns |= !a->items[a->n++].plain;
        a->stride += k->state_bytes;
    }
    return WR_OK;
}

void wri_maggs_destroy(const wri_maggs *a, char *states, uint32_t n) {
    for (uint32_t i = 0; a->owns && i < a->n; i++) {
        const wri_magg *k = &a->items[i];
        for (uint32_t g = 0; !k->plain && g <= n; g++)
            k->call->def->destroy(k->call, states + (size_t)g * a->stride + k->offset);
    }
}

void wri_maggs_free(wri_maggs *a) {
    wr_free(a->items);
    wri_agg_close(a->calls, a->n_calls);
}

/* Column c of the rows, one after the other. */
static wr_status arg_col(wri_matcher *m, wri_marg *a, uint32_t c, const uint32_t *slots, uint32_t n,
                         wr_col *out, wr_err *err) {
    uint32_t at;
    const wr_col *from = wri_mr_col(&m->rows, slots[0], c, &at);
    *out = (wr_col){.phys = from->phys};
    if (n == 1) {
        bool text = from->phys == WR_STR;
        out->data = text ? (void *)&from->str[at] : (void *)&from->i64[at];
        out->nulls = wr_is_null(from, at) ? &m->bit : NULL;
        return WR_OK;
    }
    if (wr_grow(&a->data, &a->cap, n, sizeof(wr_str)) != WR_OK ||
        wr_grow(&a->nulls, &a->nulls_cap, wr_bitmap_words(n), sizeof *a->nulls) != WR_OK)
        return wr_fail_oom(err, "rows of a match");
    out->data = a->data;
    bool nulls = false;
    memset(a->nulls, 0, wr_bitmap_words(n) * sizeof *a->nulls);
    for (uint32_t i = 0; i < n; i++) {
        from = wri_mr_col(&m->rows, slots[i], c, &at);
        if (out->phys == WR_STR) out->str[i] = from->str[at];
        else out->i64[i] = from->i64[at];
        if (!wr_is_null(from, at)) continue;
        wr_bit_set(a->nulls, i);
        nulls = true;
    }
    if (nulls) out->nulls = a->nulls;
    return WR_OK;
}

wr_status wri_magg_update(wri_matcher *m, const wri_magg *k, char *states, size_t stride,
                          const uint32_t *slots, const uint32_t *gids, uint32_t n, uint32_t first,
                          wr_err *err) {
    const wr_agg_call *call = k->call;
    wr_agg_in in = {.n = n, .pos = first};
    wr_col cols[WR_AGG_ARGS_MAX];
    for (uint32_t a = 0; a < call->n_args; a++) {
        WR_TRY(arg_col(m, &m->args[a], call->args[a], slots, n, &cols[a], err));
        in.args[a] = &cols[a];
    }
    if (call->filter == WR_NO_COL) return call->def->update(call, &in, states + k->offset, stride, gids, err);
    uint32_t *masked = wr_alloc(n * sizeof *masked), at;
    if (!masked) return wr_fail_oom(err, "rows of a match");
    for (uint32_t i = 0; i < n; i++) {
        const wr_col *f = wri_mr_col(&m->rows, slots[i], call->filter, &at);
        masked[i] = !wr_is_null(f, at) && f->i64[at] ? gids[i] : 0;
    }
    wr_status st = call->def->update(call, &in, states + k->offset, stride, masked, err);
    wr_free(masked);
    return st;
}

/* ---- the batch being made ---- */

wr_status wri_mout_init(wri_matcher *m, wr_err *err) {
    WR_TRY(wri_maggs_init(&m->vaggs, m->s, m->s->values, m->s->n_values, err));
    if (!m->s->all_rows || m->vaggs.n == 0) return WR_OK;
    m->vstates = wr_calloc(2, m->vaggs.stride);
    return m->vstates ? WR_OK : wr_fail_oom(err, "aggregates");
}

static void drop_batch(wri_matcher *m) {
    wri_mout *o = &m->out;
    if (o->states && o->b) wri_maggs_destroy(&m->vaggs, o->states, o->b->cap);
    wr_free(o->states);
    wr_free(o->failed);
    wr_batch_drop(o->b);
    *o = (wri_mout){0};
}

void wri_mout_free(wri_matcher *m) {
    drop_batch(m);
    if (m->vstates) wri_maggs_destroy(&m->vaggs, m->vstates, 1);
    wr_free(m->vstates);
    wri_maggs_free(&m->vaggs);
    for (uint32_t i = 0; i < WR_AGG_ARGS_MAX; i++) {
        wr_free(m->args[i].data);
        wr_free(m->args[i].nulls);
    }
}

static wr_status new_batch(wri_matcher *m, uint32_t cap, wr_err *err) {
    wri_mout *o = &m->out;
    const wr_schema *out = &m->op->node->out;
    WR_TRY(wr_batch_new(out->n, cap, &o->b, err));
    for (uint32_t c = 0; c < out->n; c++)
        WR_TRY(wr_batch_col(o->b, c, wr_type_phys(out->fields[c].type), err));
    o->failed = wr_calloc(wr_bitmap_words(cap) + 1, sizeof *o->failed);
    if (!m->s->all_rows && m->vaggs.n) o->states = wr_calloc(cap + (size_t)1, m->vaggs.stride);
    if (!o->failed || (!m->s->all_rows && m->vaggs.n && !o->states)) return wr_fail_oom(err, "matches");
    return WR_OK;
}

/* Room for n more rows. */
static wr_status room(wri_matcher *m, uint32_t n, wr_err *err) {
    uint32_t cap = wr_task_batch_rows(m->op->task);
    if (m->out.b && m->out.b->cap - m->out.b->n >= n) return WR_OK;
    WR_TRY(wri_mout_flush(m, err));
    wr_status st = new_batch(m, n > cap ? n : cap, err);
    if (st != WR_OK) drop_batch(m);
    return st;
}

static uint32_t first_value(const wri_matcher *m) { return m->s->all_rows ? m->s->n_in : m->s->n_keys; }

/* Takes the rows whose aggregates overflowed out and reports them. */
static wr_status drop_failed(wri_matcher *m, wr_err *err) {
    wri_mout *o = &m->out;
    uint64_t any = 0;
    for (uint32_t w = 0; w < wr_bitmap_words(o->b->n); w++) any |= o->failed[w];
    if (!any) return WR_OK;
    uint32_t n = 0, n_bad = 0, *rows = wr_alloc(2 * (size_t)o->b->n * sizeof *rows);
    if (!rows) return wr_fail_oom(err, "matches");
    uint32_t *bad = rows + o->b->n;
    for (uint32_t i = 0; i < o->b->n; i++) {
        if (wr_bit(o->failed, i)) bad[n_bad++] = i;
        else rows[n++] = i;
    }
    wr_batch *none = NULL, *good; /* a match is no row of the input: there is nothing to show of it */
    wr_status st = wr_batch_new(0, o->b->n, &none, err);
    if (st == WR_OK)
        st = wr_task_bad_rows(m->op, none, bad, NULL,
                              "an aggregate of this match overflowed its type or failed", n_bad, err);
    if (st == WR_OK) st = wr_batch_gather(o->b, rows, n, NULL, 0, &good, err);
    wr_batch_drop(none);
    wr_free(rows);
    if (st != WR_OK) return st;
    good->cap = o->b->cap; /* of groups, for drop_batch */
    wr_batch_drop(o->b);
    o->b = good;
    return WR_OK;
}

static wr_status finish(wri_matcher *m, wr_err *err) {
    wri_mout *o = &m->out;
    if (o->states && o->b->n) {
        uint32_t *gids = wr_alloc(o->b->n * sizeof *gids);
        if (!gids) return wr_fail_oom(err, "matches");
        for (uint32_t i = 0; i < o->b->n; i++) gids[i] = i + 1;
        wr_status st = WR_OK;
        for (uint32_t i = 0; i < m->vaggs.n && st == WR_OK; i++) {
            const wri_magg *k = &m->vaggs.items[i];
            st = k->call->def->finish(k->call, o->states + k->offset, m->vaggs.stride, gids, o->b->n, o->b,
                                      first_value(m) + k->value, o->failed, err);
        }
        wr_free(gids);
        WR_TRY(st);
    }
    return drop_failed(m, err);
}

wr_status wri_mout_flush(wri_matcher *m, wr_err *err) {
    if (!m->out.b) return WR_OK;
    wr_status st = finish(m, err);
    if (st == WR_OK) st = wr_emit(m->op, m->out.b, err);
    drop_batch(m);
    return st;
}

/* ---- one row per match ---- */

static wr_str name_of(const wri_matcher *m, uint32_t v) {
    const char *name = m->s->vars[v].name;
    return wr_str_make(name, strlen(name));
}

/* The row of the match that v names; WRI_MR_NONE: there is none. */
static uint32_t nav_row(const wri_matcher *m, const wr_match_value *v, uint32_t n) {
    uint32_t left = v->offset;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = v->last ? n - 1 - k : k;
        if (v->vars >> m->labels[i] & 1 && left-- == 0) return i;
    }
    return WRI_MR_NONE;
}

static wr_status put_null(wr_batch *b, wr_col *to, uint32_t row, wr_err *err) {
    if (!wr_batch_nulls(b, to)) return wr_fail_oom(err, "a NULL bitmap");
    wr_bit_set(to->nulls, row);
    if (to->phys == WR_STR) to->str[row] = (wr_str){0};
    else to->i64[row] = 0;
    return WR_OK;
}

/* Value v, no aggregate, of row i of the match becomes row `row` of the column. */
static wr_status put_value(wri_matcher *m, const wri_mpart *p, const wr_match_value *v, uint32_t i,
                           wr_col *to, uint32_t row, wr_err *err) {
    uint32_t at = i == WRI_MR_NONE ? i : p->start + i;
    if (v->what == WR_MATCH_NAV)
        return wri_mr_put(&m->rows, wri_mpart_ahead(p, at, v->ahead), v->col, m->out.b, to, row, err);
    if (i == WRI_MR_NONE) return put_null(m->out.b, to, row, err);
    to->str[row] = name_of(m, m->labels[i]);
    return WR_OK;
}

static wr_status agg_rows(wri_matcher *m, const wri_magg *k, uint64_t vars, char *states, uint32_t group,
                          uint32_t n, wr_err *err) {
    for (uint32_t i = 0; i < n; i++) m->at[i] = vars >> m->labels[i] & 1 ? group : 0;
    return wri_magg_update(m, k, states, m->vaggs.stride, m->slots, m->at, n, 0, err);
}

static wr_status one_row(wri_matcher *m, const wri_mpart *p, uint32_t n, uint64_t number, wr_err *err) {
    const wr_match_spec *s = m->s;
    WR_TRY(room(m, 1, err));
    wr_batch *b = m->out.b;
    uint32_t row = b->n, last = m->slots[n ? n - 1 : 0];
    for (uint32_t i = 0; i < s->n_keys; i++)
        WR_TRY(wri_mr_put(&m->rows, last, s->keys[i], b, &b->cols[i], row, err));
    for (uint32_t i = 0; i < s->n_values; i++) {
        const wr_match_value *v = &s->values[i];
        wr_col *to = &b->cols[s->n_keys + i];
        if (v->what == WR_MATCH_NUMBER) to->i64[row] = (int64_t)number;
        else if (v->what != WR_MATCH_AGG) WR_TRY(put_value(m, p, v, nav_row(m, v, n), to, row, err));
    }
    b->cols[s->n_keys + s->n_values].i64[row] = wri_mr_time(&m->rows, last);
    b->n++;
    for (uint32_t i = 0; n > 0 && i < m->vaggs.n; i++) {
        const wri_magg *k = &m->vaggs.items[i];
        WR_TRY(agg_rows(m, k, s->values[k->value].vars, m->out.states, row + 1, n, err));
    }
    return WR_OK;
}

/* ---- all rows per match ---- */

static bool shown(const wri_matcher *m, const wri_mpart *p, uint32_t i) {
    return !m->s->pos[p->frames[i + 1].pos].excluded;
}

static wr_status all_nav(wri_matcher *m, const wri_mpart *p, const wr_match_value *v, wr_col *to, uint32_t n,
                         wr_err *err) {
    uint32_t total = 0, seen = 0, row = m->out.b->n;
    for (uint32_t i = 0; i < n; i++)
        if (v->vars >> m->labels[i] & 1) m->at[total++] = i;
    for (uint32_t i = 0; i < n; i++) {
        seen += v->vars >> m->labels[i] & 1;
        if (!shown(m, p, i)) continue;
        uint32_t count = v->final ? total : seen, at = WRI_MR_NONE;
        if (v->offset < count) at = m->at[v->last ? count - 1 - v->offset : v->offset];
        WR_TRY(put_value(m, p, v, at, to, row++, err));
    }
    return WR_OK;
}

static wr_status put_cell(wri_matcher *m, wr_col *to, uint32_t row, bool failed, wr_err *err) {
    const wr_col *from = &m->cell->cols[0];
    if (failed) wr_bit_set(m->out.failed, row);
    if (failed || wr_is_null(from, 0)) return put_null(m->out.b, to, row, err);
    if (to->phys == WR_STR)
        return wr_batch_str(m->out.b, wr_str_data(&from->str[0]), from->str[0].len, &to->str[row], err);
    to->i64[row] = from->i64[0];
    return WR_OK;
}

static wr_status finish_cell(wri_matcher *m, const wri_magg *k, uint64_t *failedp, wr_err *err) {
    uint32_t one = 1;
    *failedp = 0;
    if (wr_batch_reset(m->cell, 1) != WR_OK) return wr_fail_oom(err, "matches");
    m->cell->n = 1;
    return k->call->def->finish(k->call, m->vstates + k->offset, m->vaggs.stride, &one, 1, m->cell, 0,
                                failedp, err);
}

static wr_status all_agg(wri_matcher *m, const wri_mpart *p, const wri_magg *k, wr_col *to, uint32_t n,
                         wr_err *err) {
    const wr_match_value *v = &m->s->values[k->value];
    uint32_t row = m->out.b->n;
    uint64_t failed = 0;
    if (v->final) {
        WR_TRY(agg_rows(m, k, v->vars, m->vstates, 1, n, err));
        WR_TRY(finish_cell(m, k, &failed, err));
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t gid = v->vars >> m->labels[i] & 1;
        if (!v->final && gid)
            WR_TRY(wri_magg_update(m, k, m->vstates, m->vaggs.stride, &m->slots[i], &gid, 1, i, err));
        if (!shown(m, p, i)) continue;
        if (!v->final) WR_TRY(finish_cell(m, k, &failed, err));
        WR_TRY(put_cell(m, to, row++, failed, err));
    }
    return WR_OK;
}

static wr_status all_values(wri_matcher *m, const wri_mpart *p, uint32_t n, uint64_t number, wr_err *err) {
    const wr_match_spec *s = m->s;
    uint32_t agg = 0;
    for (uint32_t c = 0; c < s->n_values; c++) {
        const wr_match_value *v = &s->values[c];
        wr_col *to = &m->out.b->cols[s->n_in + c];
        uint32_t row = m->out.b->n;
        if (v->what == WR_MATCH_AGG) WR_TRY(all_agg(m, p, &m->vaggs.items[agg++], to, n, err));
        else if (v->what != WR_MATCH_NUMBER) WR_TRY(all_nav(m, p, v, to, n, err));
        for (uint32_t i = 0; v->what == WR_MATCH_NUMBER && i < n; i++)
            if (shown(m, p, i)) to->i64[row++] = (int64_t)number;
    }
    return WR_OK;
}

static wr_status all_rows(wri_matcher *m, const wri_mpart *p, uint32_t n, uint64_t number, wr_err *err) {
    uint32_t rows = 0;
    for (uint32_t i = 0; i < n; i++) rows += shown(m, p, i);
    WR_TRY(room(m, rows, err));
    wr_batch *b = m->out.b;
    for (uint32_t c = 0; c < m->s->n_in; c++) {
        uint32_t row = b->n;
        for (uint32_t i = 0; i < n; i++)
            if (shown(m, p, i)) WR_TRY(wri_mr_put(&m->rows, m->slots[i], c, b, &b->cols[c], row++, err));
    }
    wr_status st = all_values(m, p, n, number, err);
    if (m->vstates) {
        wri_maggs_destroy(&m->vaggs, m->vstates, 1);
        memset(m->vstates, 0, 2 * (size_t)m->vaggs.stride);
    }
    if (st == WR_OK) b->n += rows;
    return st;
}

/* The first row of the search, shown by itself: an empty match, or (number 0) in none. */
static wr_status lone_row(wri_matcher *m, const wri_mpart *p, uint64_t number, wr_err *err) {
    const wr_match_spec *s = m->s;
    WR_TRY(room(m, 1, err));
    wr_batch *b = m->out.b;
    uint32_t agg = 0;
    for (uint32_t c = 0; c < s->n_in; c++)
        WR_TRY(wri_mr_put(&m->rows, wri_mpart_slot(p, p->start), c, b, &b->cols[c], b->n, err));
    for (uint32_t c = 0; c < s->n_values; c++) {
        wr_col *to = &b->cols[s->n_in + c];
        wr_match_what what = s->values[c].what;
        const wri_magg *k = what == WR_MATCH_AGG ? &m->vaggs.items[agg++] : NULL;
        uint64_t failed = 0;
        if (number && k) {
            WR_TRY(finish_cell(m, k, &failed, err));
            WR_TRY(put_cell(m, to, b->n, failed, err));
        } else if (number && what == WR_MATCH_NUMBER) to->i64[b->n] = (int64_t)number;
        else WR_TRY(put_null(b, to, b->n, err));
    }
    b->n++;
    return WR_OK;
}

wr_status wri_mout_unmatched(wri_matcher *m, wri_mpart *p, wr_err *err) { return lone_row(m, p, 0, err); }

wr_status wri_mout_match(wri_matcher *m, wri_mpart *p, wr_err *err) {
    uint32_t n = p->depth;
    if (wr_grow(&m->slots, &m->slots_cap, n + 1u, sizeof *m->slots) != WR_OK ||
        wr_grow(&m->labels, &m->labels_cap, n, sizeof *m->labels) != WR_OK ||
        wr_grow(&m->at, &m->at_cap, n, sizeof *m->at) != WR_OK)
        return wr_fail_oom(err, "a match");
    for (uint32_t i = 0; i < n; i++) {
        m->slots[i] = wri_mpart_slot(p, p->start + i);
        m->labels[i] = m->s->pos[p->frames[i + 1].pos].var;
    }
    uint64_t number = ++wri_mr_key(m, p->gid)->matches;
    if (n == 0) m->slots[0] = wri_mpart_slot(p, p->start);
    if (!m->s->all_rows) return one_row(m, p, n, number, err);
    if (n > 0) return all_rows(m, p, n, number, err);
    return m->s->omit_empty ? WR_OK : lone_row(m, p, number, err);
}

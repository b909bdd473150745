/* runtime/ops/match_cond.c -- conditions of DEFINE: the quick ones over whole batches, the others row by row.
 */
#include "../aggs/aggs.h"
#include "match.h"

/* ---- making ---- */

static void mark_reads(const wr_expr *e, bool *reads) {
    if (e->kind == WR_X_COL) reads[e->col] = true;
    for (uint32_t i = 0; i < e->n_args; i++) mark_reads(e->args[i], reads);
}

/* Whether e reads what depends on the rows taken before, or on the matches before. */
static bool on_path(const wr_match_spec *s, const wr_expr *e) {
    uint32_t first = s->ext.n - s->n_dvalues;
    if (e->kind == WR_X_COL && e->col >= first) return !s->dvalues[e->col - first].self;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (on_path(s, e->args[i])) return true;
    return false;
}

static wr_status init_cond(wri_matcher *m, uint32_t v, wr_err *err) {
    const wr_match_spec *s = m->s;
    wr_match_var *var = &s->vars[v];
    wri_mcond *k = &m->conds[v];
    wr_eval_opts o = {.sqlite_only = wr_task_plan(m->op->task)->settings.evaluator == 1,
                      .sys = wr_task_sys(m->op->task)};
    if (!var->whole) {
        m->always |= UINT64_C(1) << v;
        return WR_OK;
    }
    k->reads = wr_calloc(s->ext.n, sizeof *k->reads);
    bool *reads = wr_calloc(s->ext.n, sizeof *reads);
    if (k->reads && reads) mark_reads(var->whole, reads);
    for (uint32_t c = 0; k->reads && reads && c < s->ext.n; c++)
        if (reads[c]) k->reads[k->n_reads++] = c;
    wr_free(reads);
    if (!k->reads || !reads) return wr_fail_oom(err, "a condition");
    if (var->quick) WR_TRY(wr_eval_new(&var->quick, 1, &s->ext, &o, &k->quick, err));
    else m->always |= UINT64_C(1) << v;
    o.no_dict = true;
    if (var->slow) {
        m->slow_vars |= UINT64_C(1) << v;
        if (on_path(s, var->slow)) m->path_vars |= UINT64_C(1) << v;
        m->links = m->path_vars != 0;
        WR_TRY(wr_eval_new(&var->slow, 1, &s->ext, &o, &k->slow, err));
    }
    return var->slow || var->may_fail ? wr_eval_new(&var->whole, 1, &s->ext, &o, &k->whole, err) : WR_OK;
}

wr_status wri_mcond_init(wri_matcher *m, wr_err *err) {
    const wr_match_spec *s = m->s;
    m->conds = wr_calloc(s->n_vars, sizeof *m->conds);
    if (!m->conds) return wr_fail_oom(err, "conditions");
    for (uint32_t v = 0; v < s->n_vars; v++) WR_TRY(init_cond(m, v, err));
    WR_TRY(wr_batch_new(s->ext.n, 1, &m->row, err));
    WR_TRY(wr_batch_new(1, 1, &m->cell, err));
    for (uint32_t c = 0; c < s->ext.n; c++)
        WR_TRY(wr_batch_col(m->row, c, wr_type_phys(s->ext.fields[c].type), err));
    m->row->n = 1;
    m->bit = 1;
    WR_TRY(wri_maggs_init(&m->daggs, s, s->dvalues, s->n_dvalues, err));
    m->scratch = wr_calloc(2, m->daggs.stride ? m->daggs.stride : 1);
    return m->scratch ? WR_OK : wr_fail_oom(err, "conditions");
}

void wri_mcond_free(wri_matcher *m) {
    for (uint32_t v = 0; m->conds && v < m->s->n_vars; v++) {
        wr_eval_free(m->conds[v].quick);
        wr_eval_free(m->conds[v].slow);
        wr_eval_free(m->conds[v].whole);
        wr_free(m->conds[v].reads);
    }
    wr_free(m->conds);
    wr_batch_drop(m->row);
    wr_batch_drop(m->cell);
    if (m->scratch) wri_maggs_destroy(&m->daggs, m->scratch, 1);
    wri_maggs_free(&m->daggs);
    wr_free(m->scratch);
    wr_row_errors_free(&m->errs);
}

/* ---- whole batches ---- */

wr_status wri_mcond_batch(wri_matcher *m, wr_err *err) {
    wri_mrows *r = &m->rows;
    uint32_t n = r->fresh->n, n_yes, *idx = m->at;
    for (uint32_t i = 0; i < n; i++) r->fresh_yes[i] = m->always;
    memset(r->fresh_ask, 0, n * sizeof *r->fresh_ask);
    memset(r->fresh_told, 0, n * sizeof *r->fresh_told);
    for (uint32_t v = 0; v < m->s->n_vars; v++) {
        if (!m->conds[v].quick) continue;
        uint64_t bit = UINT64_C(1) << v;
        WR_TRY(wr_eval_filter(m->conds[v].quick, r->fresh, idx, &n_yes, &m->errs, err));
        for (uint32_t i = 0; i < n_yes; i++) r->fresh_yes[idx[i]] |= bit;
        for (uint32_t i = 0; i < m->errs.n; i++) r->fresh_ask[m->errs.rows[i]] |= bit;
    }
    return WR_OK;
}

/* ---- bad rows ---- */

/* The row as it came; all its columns are kept where rows can be bad. */
static wr_status row_batch(const wri_matcher *m, uint32_t slot, wr_batch **outp, wr_err *err) {
    WR_TRY(wr_batch_new(m->s->n_in, 1, outp, err));
    wr_batch *b = *outp;
    b->n = 1;
    for (uint32_t c = 0; c < m->s->n_in; c++) {
        WR_TRY(wr_batch_col(b, c, m->rows.cols[c].phys, err));
        WR_TRY(wri_mr_put(&m->rows, slot, c, b, &b->cols[c], 0, err));
    }
    return WR_OK;
}

wr_status wri_mr_bad(wri_matcher *m, uint32_t slot, const char *why, wr_err *err) {
    bool *told = wri_mr_told(&m->rows, slot);
    if (*told) return WR_OK;
    *told = true;
    wr_batch *b = NULL;
    uint32_t zero = 0;
    wr_status st = row_batch(m, slot, &b, err);
    if (st == WR_OK) st = wr_task_bad_rows(m->op, b, &zero, NULL, why, 1, err);
    wr_batch_drop(b);
    return st;
}

/* ---- rows of the path ---- */

/* A path with one more row, that is being asked about: frames[1..depth], then row `slot` as variable v. */
typedef struct tried {
    const wri_mpart *p;
    uint32_t v, slot;
} tried;

static uint32_t var_at(const wri_matcher *m, const wri_mpart *p, uint32_t frame) {
    return m->s->pos[p->frames[frame].pos].var;
}

static uint32_t slot_at(const wri_mpart *p, uint32_t frame) {
    return wri_mpart_slot(p, p->start + frame - 1);
}

uint32_t wri_mpath_last(const wri_matcher *m, const wri_mpart *p, uint64_t vars, uint32_t k) {
    if ((vars & (vars - 1)) == 0) {
        uint32_t at = p->path->last_of[__builtin_ctzll(vars)];
        for (; at && k; k--) at = p->frames[at].same;
        return at;
    }
    for (uint32_t at = p->depth; at > 0; at--)
        if (vars >> var_at(m, p, at) & 1 && k-- == 0) return at;
    return 0;
}

uint32_t wri_mpath_first(const wri_matcher *m, const wri_mpart *p, uint64_t vars, uint32_t k,
                         uint32_t *leftp) {
    uint32_t at = 1;
    if ((vars & (vars - 1)) == 0) {
        uint32_t v = (uint32_t)__builtin_ctzll(vars);
        at = p->path->last_of[v] ? p->path->first_of[v] : p->depth + 1;
    }
    *leftp = k;
    for (; at <= p->depth; at++)
        if (vars >> var_at(m, p, at) & 1 && (*leftp)-- == 0) return at;
    return 0;
}

/* Frame of the row that v names; behind the path's last: the row that is asked about; 0: there is none. */
static uint32_t nav_frame(const wri_matcher *m, const tried *t, const wr_match_value *v) {
    bool self = v->self || v->vars >> t->v & 1;
    if (v->self) return t->p->depth + 1;
    if (v->last) {
        if (self && v->offset == 0) return t->p->depth + 1;
        return wri_mpath_last(m, t->p, v->vars, v->offset - self);
    }
    uint32_t left, at = wri_mpath_first(m, t->p, v->vars, v->offset, &left);
    return at ? at : self && left == 0 ? t->p->depth + 1 : 0;
}

static uint32_t nav_slot(const wri_matcher *m, const tried *t, const wr_match_value *v) {
    uint32_t at = nav_frame(m, t, v);
    return at ? wri_mpart_ahead(t->p, t->p->start + at - 1, v->ahead) : WRI_MR_NONE;
}

/* ---- aggregates of the path ---- */

void wri_mcond_reset(wri_matcher *m, wri_mpart *p) {
    wri_maggs_destroy(&m->daggs, p->path->states, 1);
    memset(p->path->states, 0, 2 * (size_t)m->daggs.stride);
    p->path->folded = 0;
}

static wr_status fold(wri_matcher *m, char *states, uint32_t slot, uint32_t v, uint32_t place, wr_err *err) {
    for (uint32_t i = 0; i < m->daggs.n; i++) {
        const wri_magg *k = &m->daggs.items[i];
        uint32_t gid = m->s->dvalues[k->value].vars >> v & 1;
        if (gid) WR_TRY(wri_magg_update(m, k, states, m->daggs.stride, &slot, &gid, 1, place, err));
    }
    return WR_OK;
}

/* Scratch becomes a copy of the path's states. */
static wr_status copy_states(wri_matcher *m, const wri_mpart *p, wr_err *err) {
    size_t stride = m->daggs.stride;
    wri_maggs_destroy(&m->daggs, m->scratch, 1);
    memset(m->scratch, 0, 2 * stride);
    for (uint32_t i = 0; i < m->daggs.n; i++) {
        const wri_magg *k = &m->daggs.items[i];
        char *to = m->scratch + stride + k->offset;
        const char *from = p->path->states + stride + k->offset;
        if (k->plain) memcpy(to, from, k->call->state_bytes);
        else WR_TRY(wri_agg_combine(k->call, to, from, err));
    }
    return WR_OK;
}

wr_status wri_mcond_fold(wri_matcher *m, wri_mpart *p, wr_err *err) {
    while (p->path->folded < p->depth) {
        uint32_t at = ++p->path->folded; /* before: a failure in the middle must be undone */
        p->steps++;                      /* folding anew after each way back is what can take long */
        WR_TRY(fold(m, p->path->states, slot_at(p, at), var_at(m, p, at), at, err));
    }
    return WR_OK;
}

/* Scratch gets the states of the path with the row that is asked about; the path's own are kept up to its
 * last row, so that each row is folded once as long as the path grows. */
static wr_status fold_path(wri_matcher *m, wri_mpart *p, const tried *t, wr_err *err) {
    WR_TRY(wri_mcond_fold(m, p, err));
    WR_TRY(copy_states(m, p, err));
    return fold(m, m->scratch, t->slot, t->v, p->depth + 1, err);
}

static void set_null(wri_matcher *m, wr_col *to, bool null) {
    to->nulls = null ? &m->bit : NULL;
    if (!null) return;
    if (to->phys == WR_STR) to->str[0] = (wr_str){0};
    else to->i64[0] = 0;
}

/* The value of an aggregate becomes m->row's column; *whyp: it failed. */
static wr_status finish_agg(wri_matcher *m, const wri_magg *k, wr_col *to, const char **whyp, wr_err *err) {
    uint64_t failed = 0;
    uint32_t one = 1, c = (uint32_t)(k - m->daggs.items);
    WR_TRY(k->call->def->finish(k->call, m->scratch + k->offset, m->daggs.stride, &one, 1, m->cell, c,
                                &failed, err));
    if (failed) *whyp = "an aggregate in DEFINE overflowed its type or failed";
    const wr_col *from = &m->cell->cols[c];
    set_null(m, to, failed || wr_is_null(from, 0));
    if (to->nulls) return WR_OK;
    if (to->phys == WR_STR) to->str[0] = from->str[0]; /* lives until the next condition is asked */
    else to->i64[0] = from->i64[0];
    return WR_OK;
}

/* ---- one row ---- */

static void set_cell(wri_matcher *m, wr_col *to, uint32_t slot, uint32_t c) {
    uint32_t i = 0;
    const wr_col *from = slot == WRI_MR_NONE ? NULL : wri_mr_col(&m->rows, slot, c, &i);
    set_null(m, to, !from || wr_is_null(from, i));
    if (to->nulls) return;
    if (to->phys == WR_STR) to->str[0] = from->str[i];
    else to->i64[0] = from->i64[i];
}

static const wri_magg *agg_of(const wri_matcher *m, uint32_t value) {
    for (uint32_t i = 0; i < m->daggs.n; i++)
        if (m->daggs.items[i].value == value) return &m->daggs.items[i];
    return NULL;
}

static wr_status set_value(wri_matcher *m, wri_mpart *p, const tried *t, uint32_t i, bool *foldedp,
                           const char **whyp, wr_err *err) {
    const wr_match_value *v = &m->s->dvalues[i];
    wr_col *to = &m->row->cols[m->rows.n_cols + i];
    switch (v->what) {
    case WR_MATCH_NAV:
        set_cell(m, to, nav_slot(m, t, v), v->col);
        return WR_OK;
    case WR_MATCH_NUMBER:
        to->nulls = NULL;
        to->i64[0] = (int64_t)wri_mr_key(m, p->gid)->matches + 1;
        return WR_OK;
    case WR_MATCH_AGG:
        if (!*foldedp) { /* for all aggregates of the condition together */
            if (wr_batch_reset(m->cell, m->daggs.n) != WR_OK) return wr_fail_oom(err, "a condition");
            m->cell->n = 1;
            WR_TRY(fold_path(m, p, t, err));
            *foldedp = true;
        }
        return finish_agg(m, agg_of(m, i), to, whyp, err);
    case WR_MATCH_CLASSIFIER:
        break;
    }
    uint32_t at = nav_frame(m, t, v);
    set_null(m, to, at == 0);
    if (at == 0) return WR_OK;
    const char *name = m->s->vars[at > p->depth ? t->v : var_at(m, p, at)].name;
    to->str[0] = wr_str_make(name, strlen(name));
    return WR_OK;
}

static wr_status fill_row(wri_matcher *m, wri_mpart *p, const tried *t, const char **whyp, wr_err *err) {
    const wri_mcond *k = &m->conds[t->v];
    bool folded = false;
    for (uint32_t i = 0; i < k->n_reads; i++) {
        uint32_t c = k->reads[i];
        if (c < m->rows.n_cols) set_cell(m, &m->row->cols[c], t->slot, c);
        else WR_TRY(set_value(m, p, t, c - m->rows.n_cols, &folded, whyp, err));
    }
    return WR_OK;
}

wr_status wri_mcond_asks(wri_matcher *m, wri_mpart *p, uint32_t v, uint32_t i, bool *resultp, wr_err *err) {
    tried t = {.p = p, .v = v, .slot = wri_mpart_slot(p, i)};
    bool whole = wri_mr_ask(&m->rows, t.slot) >> v & 1;
    wr_eval *ev = whole ? m->conds[v].whole : m->conds[v].slow;
    const char *why = NULL;
    uint32_t idx, n = 0;
    *resultp = false;
    WR_TRY(fill_row(m, p, &t, &why, err));
    if (!why) {
        WR_TRY(wr_eval_filter(ev, m->row, &idx, &n, &m->errs, err));
        if (m->errs.n) why = m->errs.whys[0];
    }
    *resultp = n == 1 && !why;
    return why ? wri_mr_bad(m, t.slot, why, err) : WR_OK;
}

/* runtime/expr/eval.c -- the evaluator: decides what runs where, runs it, and delivers columns and errors.
 *
 *   column   the input's own column, shared
 *   kernel   all such expressions are one vector program
 *   sqlite   all such expressions are one statement
 *   lifted   deterministic, over one string column: once per distinct value when the batch has codes; all
 *            such expressions over one column together
 *
 * Whatever ran, an expression's result is a register (values, NULLs, errors); only here do errors become
 * rows of wr_row_errors. */
#include "expr_int.h"

typedef enum how { H_COLUMN, H_KERNEL, H_SQLITE, H_LIFTED } how;

typedef struct lifted { /* the lifted expressions over one column */
    uint32_t col, n;
    wr_expr **exprs;
    wri_lift *lift;
    wr_ref *keep; /* of the current run */
} lifted;

typedef struct part { /* one expression */
    how how;
    uint32_t at;  /* its place in the program or statement, or among its column's */
    uint32_t col; /* lifted: the column */
    lifted *lift;
    wri_vec *vec; /* result of the current run */
    wr_ref *keep; /* what the result's strings need besides the output */
} part;

struct wr_eval {
    wr_expr *const *exprs;
    uint32_t n;
    const wr_schema *in;
    wr_eval_opts opts;
    int64_t start_us;
    part *parts;
    wr_expr **kernel_exprs, **lite_exprs;
    lifted *lifts; /* one a column */
    uint32_t n_kernel, n_lite, n_lifts;
    wri_prog *prog;
    wri_lite *lite;   /* made by the first run */
    wr_batch *no_out; /* for results that nobody keeps: arena of filters */
    uint64_t *bad;    /* rows that failed in this run; NULL bits: none */
    const char **whys;
    uint32_t *culprits;
    uint32_t bad_cap;
    wr_arena ar;
};

/* ---- row errors ---- */

void wr_row_errors_reset(wr_row_errors *e) {
    e->n = 0;
    wr_arena_reset(&e->ar);
}

void wr_row_errors_free(wr_row_errors *e) {
    wr_free(e->rows);
    wr_free(e->whys);
    wr_free(e->culprits);
    wr_arena_free(&e->ar);
    *e = (wr_row_errors){0};
}

static wr_status add_error(wr_row_errors *e, uint32_t row, const char *why, uint32_t culprit) {
    if (e->n == e->cap) {
        uint32_t cap = e->cap ? 2 * e->cap : 64;
        uint32_t *rows = wr_reallocn(e->rows, cap, sizeof *rows);
        if (rows) e->rows = rows;
        const char **whys = rows ? wr_reallocn(e->whys, cap, sizeof *whys) : NULL;
        if (whys) e->whys = whys;
        uint32_t *culprits = whys ? wr_reallocn(e->culprits, cap, sizeof *culprits) : NULL;
        if (!culprits) return WR_ENOMEM;
        e->culprits = culprits;
        e->cap = cap;
    }
    const char *copy = wr_arena_strdup(&e->ar, why);
    if (!copy) return WR_ENOMEM;
    e->rows[e->n] = row;
    e->culprits[e->n] = culprit;
    e->whys[e->n++] = copy;
    return WR_OK;
}

/* ---- making ---- */

/* Expressions from i on over the column of i, which nobody has yet. */
static wr_status lift_all(wr_eval *ev, uint32_t i, wr_err *err) {
    lifted *l = &ev->lifts[ev->n_lifts++];
    l->col = ev->parts[i].col;
    l->exprs = wr_arena_alloc(&ev->ar, (ev->n - i) * sizeof *l->exprs);
    if (!l->exprs) return wr_fail_oom(err, "an evaluator");
    for (; i < ev->n; i++) {
        part *p = &ev->parts[i];
        if (p->how != H_LIFTED || p->col != l->col) continue;
        p->at = l->n;
        p->lift = l;
        l->exprs[l->n++] = ev->exprs[i];
    }
    return wri_lift_new(l->exprs, l->n, ev->in, &ev->opts, &l->lift, err);
}

static wr_status sort_out(wr_eval *ev, wr_err *err) {
    for (uint32_t i = 0; i < ev->n; i++) {
        wr_expr *e = ev->exprs[i];
        part *p = &ev->parts[i];
        if (e->kind == WR_X_COL) p->how = H_COLUMN;
        else if (!ev->opts.no_dict && wri_liftable(e, &p->col)) {
            p->how = H_LIFTED;
        } else if (!ev->opts.sqlite_only && wri_kernel_able(e)) {
            p->how = H_KERNEL;
            p->at = ev->n_kernel;
            ev->kernel_exprs[ev->n_kernel++] = e;
        } else {
            p->how = H_SQLITE;
            p->at = ev->n_lite;
            ev->lite_exprs[ev->n_lite++] = e;
        }
    }
    for (uint32_t i = 0; i < ev->n; i++)
        if (ev->parts[i].how == H_LIFTED && !ev->parts[i].lift) WR_TRY(lift_all(ev, i, err));
    return ev->n_kernel ? wri_prog_new(ev->kernel_exprs, ev->n_kernel, &ev->prog, err) : WR_OK;
}

static wr_status eval_init(wr_eval *ev, wr_err *err) {
    size_t n = ev->n + 1u;
    ev->parts = wr_arena_calloc(&ev->ar, n * sizeof *ev->parts);
    ev->kernel_exprs = wr_arena_calloc(&ev->ar, n * sizeof *ev->kernel_exprs);
    ev->lite_exprs = wr_arena_calloc(&ev->ar, n * sizeof *ev->lite_exprs);
    ev->lifts = wr_arena_calloc(&ev->ar, n * sizeof *ev->lifts);
    if (!ev->parts || !ev->kernel_exprs || !ev->lite_exprs || !ev->lifts)
        return wr_fail_oom(err, "an evaluator");
    WR_TRY(wr_batch_new(0, 0, &ev->no_out, err));
    return sort_out(ev, err);
}

wr_status wr_eval_new(wr_expr *const *exprs, uint32_t n, const wr_schema *in, const wr_eval_opts *opts,
                      wr_eval **outp, wr_err *err) {
    *outp = NULL;
    wr_eval *ev = wr_calloc(1, sizeof *ev);
    if (!ev) return wr_fail_oom(err, "an evaluator");
    ev->exprs = exprs;
    ev->n = n;
    ev->in = in;
    if (opts) ev->opts = *opts;
    if (!ev->opts.sys) ev->opts.sys = &wr_sys_real;
    ev->start_us = ev->opts.sys->wall_us();
    wr_status s = eval_init(ev, err);
    if (s != WR_OK) {
        wr_eval_free(ev);
        return s;
    }
    *outp = ev;
    return WR_OK;
}

void wr_eval_free(wr_eval *ev) {
    if (!ev) return;
    for (uint32_t i = 0; i < ev->n_lifts; i++) wri_lift_free(ev->lifts[i].lift);
    wri_prog_free(ev->prog);
    wri_lite_free(ev->lite);
    wr_batch_drop(ev->no_out);
    wr_free(ev->bad);
    wr_free(ev->whys);
    wr_free(ev->culprits);
    wr_arena_free(&ev->ar);
    wr_free(ev);
}

const char *wr_eval_runs_on(const wr_eval *ev, uint32_t i) {
    if (ev->exprs[i]->kind == WR_X_CONST) return "constant";
    switch (ev->parts[i].how) {
    case H_COLUMN:
        return "column";
    case H_KERNEL:
        return "kernel";
    case H_SQLITE:
        return "sqlite";
    case H_LIFTED:
        return !ev->opts.sqlite_only && wri_kernel_able(ev->exprs[i]) ? "kernel" : "sqlite";
    }
    return "";
}

/* ---- running ---- */

static wr_status run_parts(wr_eval *ev, wr_batch *in, wr_arena *out_ar, wr_err *err) {
    wri_env env = {.sys = ev->opts.sys, .now_us = ev->opts.sys->wall_us(), .start_us = ev->start_us};
    if (ev->prog) WR_TRY(wri_prog_run(ev->prog, in, out_ar, &env, err));
    if (ev->n_lite && !ev->lite) WR_TRY(wri_lite_new(ev->lite_exprs, ev->n_lite, ev->in, &ev->lite, err));
    if (ev->lite) WR_TRY(wri_lite_run(ev->lite, in, out_ar, &env, err));
    for (uint32_t i = 0; i < ev->n_lifts; i++)
        WR_TRY(wri_lift_run(ev->lifts[i].lift, in, out_ar, &ev->lifts[i].keep, err));
    for (uint32_t i = 0; i < ev->n; i++) {
        part *p = &ev->parts[i];
        p->keep = NULL;
        p->vec = NULL;
        if (p->how == H_KERNEL) p->vec = &ev->prog->regs[ev->prog->outs[p->at]];
        if (p->how == H_SQLITE) p->vec = wri_lite_vec(ev->lite, p->at);
        if (p->how == H_LIFTED) {
            p->vec = wri_lift_vec(p->lift->lift, p->at);
            if (wr_type_phys(ev->exprs[i]->type) == WR_STR) p->keep = p->lift->keep;
        }
    }
    return WR_OK;
}

static wr_status bad_room(wr_eval *ev, uint32_t n) {
    if (n > ev->bad_cap || !ev->bad) {
        wr_free(ev->bad);
        wr_free(ev->whys);
        wr_free(ev->culprits);
        ev->bad_cap = n;
        ev->bad = wr_alloc((wr_bitmap_words(n) + 1) * sizeof *ev->bad);
        ev->whys = wr_alloc(n * sizeof *ev->whys);
        ev->culprits = wr_alloc(n * sizeof *ev->culprits);
        if (!ev->bad || !ev->whys || !ev->culprits) {
            ev->bad_cap = 0;
            return WR_ENOMEM;
        }
    }
    memset(ev->bad, 0, (wr_bitmap_words(n) + 1) * sizeof *ev->bad);
    return WR_OK;
}

/* Gathers the rows that failed in any expression; the first expression's reason counts. *anyp: some did. */
static wr_status gather_errors(wr_eval *ev, uint32_t n, wr_row_errors *errs, bool *anyp) {
    *anyp = false;
    for (uint32_t i = 0; i < ev->n; i++) {
        const wri_vec *v = ev->parts[i].vec;
        if (!v || !v->errs) continue;
        if (!*anyp) WR_TRY(bad_room(ev, n));
        *anyp = true;
        for (uint32_t w = 0; w < wr_bitmap_words(n); w++)
            for (uint64_t add = v->errs[w] & ~ev->bad[w]; add; add &= add - 1) {
                uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(add);
                wr_bit_set(ev->bad, row);
                ev->whys[row] = v->whys[row];
                ev->culprits[row] = i;
            }
    }
    for (uint32_t w = 0; *anyp && w < wr_bitmap_words(n); w++)
        for (uint64_t m = ev->bad[w]; m; m &= m - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(m);
            WR_TRY(add_error(errs, row, ev->whys[row], ev->culprits[row]));
        }
    return WR_OK;
}

/* Nothing but zeros under NULL, so that two equal columns are equal byte by byte. */
static void clear_nulls(wr_col *c, uint32_t n) {
    for (uint32_t w = 0; w < wr_bitmap_words(n); w++)
        for (uint64_t m = c->nulls[w]; m; m &= m - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(m);
            if (c->phys == WR_STR) c->str[i] = (wr_str){0};
            else c->i64[i] = 0;
        }
}

static wr_status deliver_nulls(wr_col *c, const wri_vec *v, const uint64_t *bad, uint32_t n, wr_batch *out) {
    uint32_t words = wr_bitmap_words(n), room = wr_bitmap_words(out->cap > n ? out->cap : n) + 1;
    uint64_t any = 0, tail = n & 63 ? (UINT64_C(1) << (n & 63)) - 1 : ~UINT64_C(0);
    for (uint32_t w = 0; w < words; w++)
        any |= ((v->nulls ? v->nulls[w] : 0) | (bad ? bad[w] : 0)) & (w + 1 == words ? tail : ~UINT64_C(0));
    c->nulls = NULL;
    if (!any) return WR_OK;
    c->nulls = wr_arena_calloc(&out->arena, room * sizeof *c->nulls);
    if (!c->nulls) return WR_ENOMEM;
    for (uint32_t w = 0; w < words; w++) c->nulls[w] = (v->nulls ? v->nulls[w] : 0) | (bad ? bad[w] : 0);
    c->nulls[words - 1] &= tail;
    return WR_OK;
}

static wr_status share_col(wr_batch *in, uint32_t col, wr_batch *out, uint32_t to, wr_err *err) {
    wr_col c = in->cols[col];
    out->cols[to] = c;
    return in == out ? WR_OK : wr_batch_keep(out, &in->ref, err);
}

static wr_status deliver(wr_eval *ev, uint32_t i, wr_batch *in, wr_batch *out, uint32_t to,
                         const uint64_t *bad, wr_err *err) {
    part *p = &ev->parts[i];
    if (p->how == H_COLUMN) return share_col(in, ev->exprs[i]->col, out, to, err);
    const wri_vec *v = p->vec;
    uint32_t n = in->n;
    if (v->col != WR_NO_COL && !bad) return share_col(in, v->col, out, to, err);
    wr_col c = {.phys = wr_type_phys(ev->exprs[i]->type), .data = v->data};
    if (v->konst || v->col != WR_NO_COL) { /* not the output's memory, or shared and to be changed */
        size_t bytes = (size_t)n * (c.phys == WR_STR ? sizeof(wr_str) : 8);
        c.data = wr_arena_alloc(&out->arena, bytes ? bytes : 8);
        if (!c.data) return wr_fail_oom(err, "a result column");
        memcpy(c.data, v->data, bytes);
        if (v->col != WR_NO_COL && in != out) WR_TRY(wr_batch_keep(out, &in->ref, err));
    }
    if (p->keep) WR_TRY(wr_batch_keep(out, p->keep, err));
    if (deliver_nulls(&c, v, bad, n, out) != WR_OK) return wr_fail_oom(err, "a NULL bitmap");
    if (c.nulls) clear_nulls(&c, n);
    out->cols[to] = c;
    return WR_OK;
}

/* Whether results may be views into in's strings: then out has to keep in alive. */
static bool views_input(const wr_expr *e) {
    if (e->kind == WR_X_COL) return wr_type_phys(e->type) == WR_STR;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (wr_type_phys(e->args[i]->type) == WR_STR && views_input(e->args[i])) return true;
    return false;
}

wr_status wr_eval_run(wr_eval *ev, wr_batch *in, wr_batch *out, const uint32_t *out_cols, wr_row_errors *errs,
                      wr_err *err) {
    wr_row_errors_reset(errs);
    WR_TRY(run_parts(ev, in, &out->arena, err));
    bool any;
    if (gather_errors(ev, in->n, errs, &any) != WR_OK) return wr_fail_oom(err, "row errors");
    for (uint32_t i = 0; i < ev->n; i++) {
        WR_TRY(deliver(ev, i, in, out, out_cols[i], any ? ev->bad : NULL, err));
        bool views = wr_type_phys(ev->exprs[i]->type) == WR_STR && ev->parts[i].how != H_SQLITE;
        if (views && in != out && views_input(ev->exprs[i])) WR_TRY(wr_batch_keep(out, &in->ref, err));
    }
    out->n = in->n;
    return WR_OK;
}

static uint32_t pick_rows(const wri_vec *v, uint32_t n, uint32_t *restrict idx) {
    uint32_t k = 0;
    if (!v->nulls && !v->errs)
        for (uint32_t i = 0; i < n; i++) {
            idx[k] = i;
            k += v->i64[i] != 0;
        }
    else
        for (uint32_t i = 0; i < n; i++) {
            idx[k] = i;
            k += v->i64[i] != 0 && !wri_vec_null(v, i) && !wri_vec_err(v, i);
        }
    return k;
}

wr_status wr_eval_filter(wr_eval *ev, wr_batch *in, uint32_t *idx, uint32_t *np, wr_row_errors *errs,
                         wr_err *err) {
    *np = 0;
    wr_row_errors_reset(errs);
    wri_vec col, *v;
    if (ev->parts[0].how == H_COLUMN) {
        const wr_col *c = &in->cols[ev->exprs[0]->col];
        col = (wri_vec){.phys = WR_I64, .i64 = c->i64, .nulls = c->nulls};
        v = &col;
    } else {
        WR_TRY(wri_eval_vec(ev, in, NULL, &v, err));
    }
    bool any;
    if (gather_errors(ev, in->n, errs, &any) != WR_OK) return wr_fail_oom(err, "row errors");
    *np = pick_rows(v, in->n, idx);
    return WR_OK;
}

wr_status wri_eval_vec(wr_eval *ev, wr_batch *in, wr_arena *out_ar, wri_vec **outp, wr_err *err) {
    if (!out_ar) {
        WR_TRY(wr_batch_reset(ev->no_out, 0));
        out_ar = &ev->no_out->arena;
    }
    WR_TRY(run_parts(ev, in, out_ar, err));
    *outp = ev->parts[0].vec;
    return WR_OK;
}

wri_vec *wri_eval_part(wr_eval *ev, uint32_t i) { return ev->parts[i].vec; }

/* ---- for the planner ---- */

static wr_status fold_value(wr_eval *ev, const wr_expr *e, wr_batch *row, wr_arena *ar, wr_value *outp,
                            wr_err *err) {
    wri_vec *v;
    WR_TRY(wri_eval_vec(ev, row, NULL, &v, err));
    if (wri_vec_err(v, 0)) return wr_fail(err, WR_EDATA, "%s", v->whys[0]);
    if (wri_vec_null(v, 0)) {
        *outp = (wr_value){.null = true};
        return WR_OK;
    }
    if (wr_type_phys(e->type) != WR_STR) {
        *outp = (wr_value){.i64 = v->i64[0]};
        return WR_OK;
    }
    const wr_str *s = &v->str[0];
    char *copy = wr_arena_strndup(ar, wr_str_data(s), s->len);
    if (!copy) return wr_fail_oom(err, "a constant");
    *outp = (wr_value){.str = wr_str_make(copy, s->len)};
    return WR_OK;
}

wr_status wr_eval_fold(const wr_expr *e, wr_arena *ar, wr_value *outp, wr_err *err) {
    *outp = (wr_value){.null = true};
    wr_expr *exprs[1] = {(wr_expr *)e};
    wr_schema none = {0};
    wr_eval_opts opts = {.no_dict = true};
    wr_eval *ev = NULL;
    wr_batch *row = NULL;
    wr_status s = wr_eval_new(exprs, 1, &none, &opts, &ev, err);
    if (s == WR_OK) s = wr_batch_new(0, 1, &row, err);
    if (s == WR_OK) {
        row->n = 1;
        s = fold_value(ev, e, row, ar, outp, err);
    }
    wr_batch_drop(row);
    wr_eval_free(ev);
    return s;
}

const char *wr_expr_runs_on(const wr_expr *e, const wr_schema *in, wr_arena *ar) {
    if (e->kind == WR_X_COL) return "column";
    if (e->kind == WR_X_CONST) return "constant";
    const char *on = wri_kernel_able(e) ? "kernel" : "sqlite";
    uint32_t col;
    if (!wri_liftable(e, &col) || col >= in->n) return on;
    const char *text = wr_arena_printf(ar, "%s, once per distinct value of %s", on, in->fields[col].name);
    return text ? text : on;
}

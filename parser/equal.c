/* parser/equal.c -- structural equality of expressions and queries; places are ignored. Pure.
 *
 * Recursion is bounded by WRI_DEPTH_MAX, as every tree comes from wr_parse. */
#include "parser/parser_int.h"

bool wri_str_same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

bool wri_ident_same(const wr_ident *a, const wr_ident *b) {
    return wri_str_same(a->text, b->text) && a->quoted == b->quoted;
}

bool wri_idents_same(const wr_ident *a, uint32_t na, const wr_ident *b, uint32_t nb) {
    if (na != nb) return false;
    for (uint32_t i = 0; i < na; i++)
        if (!wri_ident_same(&a[i], &b[i])) return false;
    return true;
}

bool wri_name_same(const wr_name *a, const wr_name *b) {
    return wri_idents_same(a->parts, a->n, b->parts, b->n);
}

bool wri_type_same(wr_type a, wr_type b) {
    return a.kind == b.kind && a.scale == b.scale && a.not_null == b.not_null && a.local_tz == b.local_tz &&
           a.prec == b.prec;
}

bool wri_asts_same(wr_ast *const *a, uint32_t na, wr_ast *const *b, uint32_t nb) {
    if (na != nb) return false;
    for (uint32_t i = 0; i < na; i++)
        if (!wr_ast_equal(a[i], b[i])) return false;
    return true;
}

bool wri_sorts_same(const wr_sort *a, uint32_t na, const wr_sort *b, uint32_t nb) {
    if (na != nb) return false;
    for (uint32_t i = 0; i < na; i++)
        if (a[i].desc != b[i].desc || a[i].nulls_given != b[i].nulls_given ||
            a[i].nulls_first != b[i].nulls_first || !wr_ast_equal(a[i].expr, b[i].expr))
            return false;
    return true;
}

static bool window_same(const wr_window *a, const wr_window *b) {
    if (!a || !b) return a == b;
    return wri_ident_same(&a->name, &b->name) && a->has_frame == b->has_frame && a->rows == b->rows &&
           a->between == b->between && a->lo == b->lo && a->hi == b->hi &&
           wr_ast_equal(a->lo_expr, b->lo_expr) && wr_ast_equal(a->hi_expr, b->hi_expr) &&
           wri_asts_same(a->partition, a->n_partition, b->partition, b->n_partition) &&
           wri_sorts_same(a->order, a->n_order, b->order, b->n_order);
}

static bool call_same(const wr_call *a, const wr_call *b) {
    if (!a || !b) return a == b;
    return a->distinct == b->distinct && a->star == b->star && a->ignore_nulls == b->ignore_nulls &&
           a->respect_nulls == b->respect_nulls && a->from_last == b->from_last &&
           a->from_form == b->from_form && a->order_inside == b->order_inside &&
           wri_str_same(a->keyword, b->keyword) && wri_type_same(a->returning, b->returning) &&
           wr_ast_equal(a->filter, b->filter) &&
           wri_sorts_same(a->within, a->n_within, b->within, b->n_within) && window_same(a->over, b->over);
}

bool wr_ast_equal(const wr_ast *a, const wr_ast *b) {
    if (!a || !b) return a == b;
    return a->kind == b->kind && a->negated == b->negated && a->flag == b->flag && a->flag2 == b->flag2 &&
           a->unit == b->unit && a->unit2 == b->unit2 && a->prec == b->prec && a->prec2 == b->prec2 &&
           wri_str_same(a->op, b->op) && wri_str_same(a->text, b->text) && wri_type_same(a->type, b->type) &&
           wri_name_same(&a->name, &b->name) && wri_asts_same(a->args, a->n_args, b->args, b->n_args) &&
           call_same(a->call, b->call) && wri_query_same(a->query, b->query);
}

/* ---- FROM ---- */
static bool pattern_same(const wr_pattern *a, const wr_pattern *b) {
    if (a->kind != b->kind || a->n != b->n || a->min != b->min || a->max != b->max ||
        a->reluctant != b->reluctant || !wri_ident_same(&a->var, &b->var))
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!pattern_same(a->items[i], b->items[i])) return false;
    return true;
}

static bool items_same(const wr_item *a, uint32_t na, const wr_item *b, uint32_t nb) {
    if (na != nb) return false;
    for (uint32_t i = 0; i < na; i++)
        if (!wri_ident_same(&a[i].alias, &b[i].alias) || !wr_ast_equal(a[i].expr, b[i].expr)) return false;
    return true;
}

static bool defines_same(const wr_define *a, uint32_t na, const wr_define *b, uint32_t nb) {
    if (na != nb) return false;
    for (uint32_t i = 0; i < na; i++)
        if (!wri_ident_same(&a[i].var, &b[i].var) || !wr_ast_equal(a[i].expr, b[i].expr)) return false;
    return true;
}

static bool match_same(const wr_match *a, const wr_match *b) {
    if (!a || !b) return a == b;
    return wri_asts_same(a->partition, a->n_partition, b->partition, b->n_partition) &&
           wri_sorts_same(a->order, a->n_order, b->order, b->n_order) &&
           items_same(a->measures, a->n_measures, b->measures, b->n_measures) &&
           defines_same(a->defines, a->n_defines, b->defines, b->n_defines) &&
           defines_same(a->subsets, a->n_subsets, b->subsets, b->n_subsets) && a->all_rows == b->all_rows &&
           wri_str_same(a->empty, b->empty) && wri_str_same(a->skip, b->skip) &&
           wri_ident_same(&a->skip_var, &b->skip_var) && pattern_same(a->pattern, b->pattern) &&
           wr_ast_equal(a->within, b->within);
}

static bool from_same(const wr_from *a, const wr_from *b) {
    if (!a || !b) return a == b;
    return a->kind == b->kind && a->table_form == b->table_form && a->lateral == b->lateral &&
           a->comma == b->comma && a->natural == b->natural && a->join == b->join &&
           wri_name_same(&a->name, &b->name) && wri_query_same(a->query, b->query) &&
           wr_ast_equal(a->function, b->function) && wri_ident_same(&a->alias, &b->alias) &&
           wri_idents_same(a->columns, a->n_columns, b->columns, b->n_columns) &&
           window_same(a->over, b->over) && wr_ast_equal(a->as_of, b->as_of) &&
           match_same(a->match, b->match) && wri_ident_same(&a->rows, &b->rows) &&
           from_same(a->left, b->left) && from_same(a->right, b->right) && wr_ast_equal(a->on, b->on) &&
           wri_idents_same(a->using_cols, a->n_using, b->using_cols, b->n_using);
}

/* ---- queries ---- */
static bool groups_same(const wr_group *a, uint32_t na, const wr_group *b, uint32_t nb) {
    if (na != nb) return false;
    for (uint32_t i = 0; i < na; i++)
        if (a[i].kind != b[i].kind || !wr_ast_equal(a[i].expr, b[i].expr) ||
            !groups_same(a[i].items, a[i].n, b[i].items, b[i].n))
            return false;
    return true;
}

static bool ctes_same(const wr_query *a, const wr_query *b) {
    if (a->n_ctes != b->n_ctes) return false;
    for (uint32_t i = 0; i < a->n_ctes; i++) {
        const wr_cte *x = &a->ctes[i], *y = &b->ctes[i];
        if (!wri_ident_same(&x->name, &y->name) || !wri_query_same(x->query, y->query) ||
            !wri_idents_same(x->columns, x->n_columns, y->columns, y->n_columns))
            return false;
    }
    return true;
}

static bool select_same(const wr_query *a, const wr_query *b) {
    if (a->n_windows != b->n_windows) return false;
    for (uint32_t i = 0; i < a->n_windows; i++)
        if (!window_same(&a->windows[i], &b->windows[i])) return false;
    return a->stream == b->stream && a->distinct == b->distinct &&
           items_same(a->items, a->n_items, b->items, b->n_items) && from_same(a->from, b->from) &&
           wr_ast_equal(a->where, b->where) && wr_ast_equal(a->having, b->having) &&
           wr_ast_equal(a->qualify, b->qualify) && a->has_group == b->has_group &&
           groups_same(a->groups, a->n_groups, b->groups, b->n_groups) && a->stagger == b->stagger &&
           window_same(a->stagger_window, b->stagger_window);
}

bool wri_query_same(const wr_query *a, const wr_query *b) {
    if (!a || !b) return a == b;
    return a->kind == b->kind && a->all == b->all && ctes_same(a, b) && select_same(a, b) &&
           wri_asts_same(a->rows, a->n_rows, b->rows, b->n_rows) && wri_query_same(a->left, b->left) &&
           wri_query_same(a->right, b->right) && wri_sorts_same(a->order, a->n_order, b->order, b->n_order) &&
           wr_ast_equal(a->order_within, b->order_within) && wr_ast_equal(a->limit, b->limit) &&
           wr_ast_equal(a->offset, b->offset) &&
           wri_asts_same(a->limit_by, a->n_limit_by, b->limit_by, b->n_limit_by) &&
           a->emit.kind == b->emit.kind && wr_ast_equal(a->emit.every, b->emit.every) &&
           wr_ast_equal(a->emit.lateness, b->emit.lateness);
}

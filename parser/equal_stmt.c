/* parser/equal_stmt.c -- structural equality of statements; places are ignored. Pure. */
#include "parser/parser_int.h"

static bool columns_same(const wr_stmt *a, const wr_stmt *b) {
    if (a->n_columns != b->n_columns) return false;
    for (uint32_t i = 0; i < a->n_columns; i++) {
        const wr_column_def *x = &a->columns[i], *y = &b->columns[i];
        if (!wri_ident_same(&x->name, &y->name) || !wri_type_same(x->type, y->type) ||
            !wr_ast_equal(x->computed, y->computed) || !wri_str_same(x->path, y->path) ||
            x->metadata != y->metadata || x->primary_key != y->primary_key)
            return false;
    }
    return true;
}

static bool options_same(const wr_stmt *a, const wr_stmt *b) {
    if (a->n_options != b->n_options) return false;
    for (uint32_t i = 0; i < a->n_options; i++)
        if (!wri_ident_same(&a->options[i].key, &b->options[i].key) ||
            !wri_str_same(a->options[i].value, b->options[i].value))
            return false;
    return true;
}

static bool params_same(const wr_stmt *a, const wr_stmt *b) {
    if (a->n_params != b->n_params) return false;
    for (uint32_t i = 0; i < a->n_params; i++)
        if (!wri_ident_same(&a->params[i].name, &b->params[i].name) ||
            !wri_type_same(a->params[i].type, b->params[i].type))
            return false;
    return true;
}

static bool names_same(const wr_stmt *a, const wr_stmt *b) {
    if (a->n_names != b->n_names) return false;
    for (uint32_t i = 0; i < a->n_names; i++)
        if (!wri_name_same(&a->names[i], &b->names[i])) return false;
    return true;
}

static bool flags_same(const wr_stmt *a, const wr_stmt *b) {
    return a->or_replace == b->or_replace && a->if_not_exists == b->if_not_exists &&
           a->if_exists == b->if_exists && a->is_table == b->is_table && a->is_temporary == b->is_temporary &&
           a->started == b->started && a->stopped == b->stopped && a->expedited == b->expedited &&
           a->deterministic == b->deterministic && a->not_deterministic == b->not_deterministic &&
           a->null_on_null == b->null_on_null && a->is_aggregate == b->is_aggregate &&
           a->analyze == b->analyze;
}

bool wr_stmt_equal(const wr_stmt *a, const wr_stmt *b) {
    if (!a || !b) return a == b;
    return a->kind == b->kind && flags_same(a, b) && wri_name_same(&a->name, &b->name) &&
           wri_str_same(a->description, b->description) && columns_same(a, b) &&
           wri_ident_same(&a->wm_column, &b->wm_column) && wr_ast_equal(a->wm_expr, b->wm_expr) &&
           wri_ident_same(&a->rowtime, &b->rowtime) &&
           wri_idents_same(a->primary_key, a->n_primary_key, b->primary_key, b->n_primary_key) &&
           options_same(a, b) && wri_query_same(a->query, b->query) &&
           wri_name_same(&a->target, &b->target) &&
           wri_idents_same(a->target_columns, a->n_target_columns, b->target_columns, b->n_target_columns) &&
           params_same(a, b) && wri_type_same(a->returns, b->returns) && wr_ast_equal(a->body, b->body) &&
           wri_str_same(a->extension, b->extension) && wr_stmt_equal(a->inner, b->inner) &&
           wri_str_same(a->what, b->what) && wri_str_same(a->action, b->action) &&
           wri_str_same(a->value, b->value) && wri_str_same(a->format, b->format) && names_same(a, b);
}

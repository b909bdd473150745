/* planner/row_item.c -- rows among the columns of a query.
 *
 * An item that is a row (a call of W3C_LOG_PARSE, or the name of a row of FROM) is as many columns, called
 * "row.field". A node remembers which of its visible columns belong together, so that readers find
 * [table.]row.field, `*` passes a row on, and a list of names gives a row one name. */
#include "plan_int.h"

bool wri_row_add(wri_ctx *c, wri_cols *cols, const char *row, const char *field, wr_expr *e) {
    const char *name = wri_text(c, "%s.%s", row, field);
    if (!name || !wri_cols_add(c, cols, e, name)) return false;
    while (cols->n_rows < cols->n) {
        wri_row_col *r = wri_new_last(c, &cols->rows, &cols->n_rows, &cols->rows_cap, sizeof *r);
        if (!r) return false;
        *r = (wri_row_col){0};
    }
    cols->rows[cols->n - 1] = (wri_row_col){.row = row, .field = field};
    return true;
}

void wri_rows_of(wr_node *n, const wri_cols *cols) {
    wri_x(n)->rows = cols->rows;
    wri_x(n)->n_rows = cols->n_rows;
}

bool wri_begins_name(const wr_node *n, uint32_t i) {
    const wri_xnode *x = wri_x(n);
    return i == 0 || i >= x->n_rows || !x->rows[i].row || x->rows[i].row != x->rows[i - 1].row;
}

uint32_t wri_n_names(const wr_node *n) {
    uint32_t names = 0;
    for (uint32_t i = 0; i < wri_x(n)->n_vis; i++) names += wri_begins_name(n, i);
    return names;
}

/* ---- items of SELECT ---- */

static bool add_fields(wri_select *s, const char *row, wr_expr *const *exprs, const wr_schema *fields) {
    wri_ctx *c = s->q->c;
    const char *own = wri_text(c, "%s", row); /* tells it from another row of this name */
    for (uint32_t i = 0; own && i < fields->n; i++)
        if (!wri_row_add(c, &s->out, own, fields->fields[i].name, exprs[i])) return false;
    return own != NULL;
}

/* The name of a row of FROM: bound one by one, so that a grouped SELECT sees columns. */
static int pass_on(wri_select *s, const wr_ast *e, const char *row, uint32_t first, uint32_t n) {
    wri_ctx *c = s->q->c;
    const wri_scope_col *cols = &s->scope.cols[first];
    wr_expr **exprs = wri_new_n(c, n, sizeof *exprs);
    wr_schema fields = {.n = n, .fields = wri_new_n(c, n, sizeof *fields.fields)};
    if (!exprs || !fields.fields) return -1;
    for (uint32_t i = 0; i < n; i++) {
        exprs[i] = s->g ? wri_group_col(s->g, cols[i].col, cols[i].name, e->loc)
                        : wri_new_col(c->ar, cols[i].col, cols[i].type, e->loc);
        fields.fields[i].name = cols[i].name;
        if (!exprs[i]) c->oom = true;
        if (!exprs[i] || exprs[i] == &wri_failed) return -1;
    }
    return add_fields(s, row, exprs, &fields) ? 1 : -1;
}

int wri_row_item(wri_select *s, const wr_item *item, const char *name) {
    const wr_ast *e = item->expr;
    uint32_t first = 0, n = 0;
    if (!name) return 0;
    if (wri_names_row(&s->b, e, &first, &n)) return pass_on(s, e, name, first, n);
    const wr_func_def *f = wri_row_func(&s->b, e);
    if (!f) return 0;
    wr_expr **exprs;
    wr_schema fields = {0};
    if (!wri_row_fields(&s->b, e, f, &exprs, &fields)) return -1;
    return add_fields(s, name, exprs, &fields) ? 1 : -1;
}

/* ---- VALUES ---- */

static wr_query *select_of(wri_ctx *c, const wr_query *y, const wr_ast *row) {
    wr_query *s = wri_new(c, sizeof *s);
    if (!s) return NULL;
    *s = (wr_query){.kind = WR_Q_SELECT, .loc = row->loc, .stream = y->stream, .n_items = row->n_args};
    s->items = wri_new_n(c, row->n_args, sizeof *s->items);
    if (!s->items) return NULL;
    for (uint32_t i = 0; i < row->n_args; i++) s->items[i].expr = row->args[i];
    return s;
}

wr_query *wri_values_of_rows(wri_q *q, const wr_query *y) {
    wri_ctx *c = q->c;
    wri_scope none = {0};
    wri_binder b;
    wri_binder_init(q, &b, &none);
    bool any = false;
    for (uint32_t r = 0; r < y->n_rows; r++)
        for (uint32_t i = 0; i < y->rows[r]->n_args; i++)
            any = any || wri_row_func(&b, y->rows[r]->args[i]) != NULL;
    wr_query *all = NULL;
    for (uint32_t r = 0; any && r < y->n_rows; r++) {
        wr_query *one = select_of(c, y, y->rows[r]);
        wr_query *both = one && all ? wri_new(c, sizeof *both) : one;
        if (!both) return NULL;
        if (all)
            *both = (wr_query){.kind = WR_Q_UNION, .all = true, .loc = y->loc, .left = all, .right = one};
        all = both;
    }
    return all;
}

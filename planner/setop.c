/* planner/setop.c -- UNION, INTERSECT, EXCEPT, with and without ALL.
 *
 *   UNION ALL        UNION of both
 *   UNION            that, one row per different row
 *   INTERSECT        both with a column each, 1 or NULL, that tells whose row it is; UNION; one row per
 * different row EXCEPT           with COUNT of both columns; FILTER: both above 0, or the second 0 … ALL rows
 * of each side numbered among their equals first: the n-th of one meets the n-th of the other
 *
 * One row per different row is GROUP BY all columns, and is complete as that is: at the end of bounded input;
 * when the window closes whose window_start and window_end both sides have; or EMIT CHANGES. NULL equals
 * NULL. */
#include "plan_int.h"

typedef struct branches {
    wr_node **nodes;
    uint32_t n, cap;
} branches;

static bool plain_union(const wr_query *y) {
    return y->kind == WR_Q_UNION && y->all && !y->n_ctes && !y->n_order && !y->limit && !y->offset;
}

static bool one(wri_q *q, const wr_query *y, branches *out) {
    wr_node *n = wri_plan_query(q, y);
    wr_node **slot = n ? wri_new_last(q->c, &out->nodes, &out->n, &out->cap, sizeof *slot) : NULL;
    if (slot) *slot = n;
    return slot != NULL;
}

/* The branches of a UNION ALL, nested ones flattened. */
static bool collect(wri_q *q, const wr_query *y, branches *out) {
    if (plain_union(y)) {
        if (!wri_emit_clause(q, y)) return false;
        bool ok = collect(q, y->left, out);
        return collect(q, y->right, out) && ok;
    }
    return one(q, y, out);
}

/* Casts n's columns to `types`; names from the first branch. */
static wr_node *branch_as(wri_q *q, wr_node *n, const wr_type *types, const wr_node *first) {
    wri_ctx *c = q->c;
    wri_scope none = {0};
    wri_binder b;
    wri_binder_init(q, &b, &none);
    wri_cols cols = {0};
    for (uint32_t i = 0; i < wri_x(first)->n_vis; i++) {
        wr_expr *e = wri_col_of(c, n, i, n->loc);
        if (!e) return NULL;
        if (!wri_types_same(e->type, types[i])) e = wri_cast(&b, e, types[i], false, n->loc);
        if (e == &wri_failed || !wri_cols_add(c, &cols, e, first->out.fields[i].name)) return NULL;
    }
    wr_node *p = wri_project_node(c, n, &cols, cols.n, n->loc);
    if (!p) return NULL;
    wri_x(p)->rows = wri_x(first)->rows;
    wri_x(p)->n_rows = wri_x(first)->n_rows;
    return p;
}

static bool common_types(wri_ctx *c, const branches *br, const char *op, wr_type *types) {
    const wr_node *first = br->nodes[0];
    uint32_t w = wri_x(first)->n_vis;
    for (uint32_t k = 0; k < br->n; k++) {
        const wr_node *n = br->nodes[k];
        if (wri_x(n)->n_vis != w) {
            wri_error(c, n->loc, "give both sides the same columns",
                      "this side of %s has %u column%s, the first has %u", op, wri_x(n)->n_vis,
                      wri_x(n)->n_vis == 1 ? "" : "s", w);
            return false;
        }
        for (uint32_t i = 0; i < w; i++) {
            if (k == 0) types[i] = n->out.fields[i].type;
            else if (!wri_common_type(types[i], n->out.fields[i].type, &types[i])) {
                char a[WR_TEXT_MAX], b[WR_TEXT_MAX];
                wri_error(c, n->loc, "write a CAST", "column %u of %s ('%s') is %s here, but %s above", i + 1,
                          op, first->out.fields[i].name, wr_type_print(n->out.fields[i].type, a, sizeof a),
                          wr_type_print(types[i], b, sizeof b));
                return false;
            }
        }
    }
    return true;
}

static const char *name_of(wri_ctx *c, const wr_query *y) {
    const char *op = y->kind == WR_Q_UNION ? "UNION" : y->kind == WR_Q_INTERSECT ? "INTERSECT" : "EXCEPT";
    return y->all ? wri_text(c, "%s ALL", op) : op;
}

/* Both sides in common columns. */
static bool sides(wri_q *q, const wr_query *y, branches *br) {
    wri_ctx *c = q->c;
    bool flat = y->kind == WR_Q_UNION && y->all;
    bool ok = flat ? collect(q, y->left, br) : one(q, y->left, br);
    ok = (flat ? collect(q, y->right, br) : one(q, y->right, br)) && ok;
    if (!ok) return false;
    wr_type *types = wri_new_n(c, wri_x(br->nodes[0])->n_vis, sizeof *types);
    if (!types || !common_types(c, br, name_of(c, y), types)) return false;
    const wr_node *first = br->nodes[0];
    for (uint32_t k = 0; k < br->n; k++)
        if (!(br->nodes[k] = branch_as(q, br->nodes[k], types, first))) return false;
    return true;
}

/* ---- numbers among equals ---- */

static bool has_window(const wr_node *n) {
    for (uint32_t i = 0; i < wri_x(n)->n_vis; i++)
        for (uint32_t k = 0; k < wri_x(n)->n_vis; k++) {
            wri_prop s = wri_x(n)->props[i], e = wri_x(n)->props[k];
            if (s.role == WRI_ROLE_START && e.role == WRI_ROLE_END && s.origin == e.origin) return true;
        }
    return false;
}

/* n with ROW_NUMBER() OVER (PARTITION BY all its columns) as its last visible column. */
static wr_node *numbered(wri_q *q, const wr_query *y, wr_node *n) {
    wri_ctx *c = q->c;
    uint32_t w = wri_x(n)->n_vis;
    wri_select s = {.q = q, .y = y, .in = n};
    wr_ident *names = wri_new_n(c, w + 1, sizeof *names), *fn = wri_new(c, sizeof *fn);
    wr_ast *cols = wri_new_n(c, w, sizeof *cols), **keys = wri_new_n(c, w, sizeof *keys);
    if (!names || !fn || !cols || !keys) return NULL;
    for (uint32_t i = 0; i < w; i++) {
        names[i] = (wr_ident){.text = wri_text(c, "$%u", i), .quoted = true, .loc = y->loc};
        if (!names[i].text) return NULL;
        cols[i] =
            (wr_ast){.kind = WR_A_COLUMN, .loc = y->loc, .name = {.n = 1, .parts = &names[i], .loc = y->loc}};
        keys[i] = &cols[i];
    }
    *fn = (wr_ident){.text = "ROW_NUMBER", .loc = y->loc};
    wr_window *over = wri_new(c, sizeof *over);
    wr_call *call = wri_new(c, sizeof *call);
    wr_ast *e = wri_new(c, sizeof *e);
    if (!over || !call || !e || !wri_scope_of(c, n, NULL, names, &s.scope)) return NULL;
    *over = (wr_window){.partition = keys, .n_partition = w, .loc = y->loc};
    call->over = over;
    *e = (wr_ast){
        .kind = WR_A_CALL, .loc = y->loc, .name = {.n = 1, .parts = fn, .loc = y->loc}, .call = call};
    wri_binder_scalar(q, &s.b, &s.scope, "SELECT");
    wri_over_begin(&s);
    for (uint32_t i = 0; i < w; i++)
        if (!wri_cols_add(c, &s.out, wri_col_of(c, n, i, y->loc), n->out.fields[i].name)) return NULL;
    wr_expr *number = wri_bind(&s.b, e);
    wri_over_end(&s);
    if (number == &wri_failed || !wri_cols_add(c, &s.out, number, "number")) return NULL;
    n = wri_plan_over(&s, n);
    return n ? wri_project_node(c, n, &s.out, w + 1, y->loc) : NULL;
}

static bool number_sides(wri_q *q, const wr_query *y, branches *br) {
    wri_ctx *c = q->c;
    const char *op = name_of(c, y);
    for (uint32_t k = 0; k < br->n; k++) {
        if (!br->nodes[k]->bounded && !has_window(br->nodes[k])) {
            wri_error(c, br->nodes[k]->loc,
                      "select window_start and window_end on both sides, or read bounded input",
                      "%s on unbounded input needs a window: how often a row is there is never known else",
                      op);
            return false;
        }
        if (br->nodes[k]->updating) {
            wri_unsupported(c, y->loc, "leave ALL out", "%s cannot read an updating input (%s)", op,
                            wri_changes_of(c, br->nodes[k]));
            return false;
        }
        if (!(br->nodes[k] = numbered(q, y, br->nodes[k]))) return false;
    }
    return true;
}

/* ---- one row per different row ---- */

/* Each side's own column is 1, the other's NULL. */
static bool mark_sides(wri_ctx *c, const wr_query *y, branches *br) {
    static const char *const names[] = {"left", "right"};
    wr_type t = wr_type_of(WR_T_INTEGER);
    for (uint32_t k = 0; k < 2; k++) {
        wr_node *n = br->nodes[k];
        wri_cols cols = {0};
        for (uint32_t i = 0; i < wri_x(n)->n_vis; i++)
            if (!wri_cols_add(c, &cols, wri_col_of(c, n, i, y->loc), n->out.fields[i].name)) return false;
        for (uint32_t i = 0; i < 2; i++) {
            wr_value v = {.null = i != k};
            if (i == k) v.i64 = 1;
            if (!wri_cols_add(c, &cols, wri_new_const(c->ar, v, t, y->loc), names[i])) return false;
        }
        if (!(br->nodes[k] = wri_project_node(c, n, &cols, cols.n, y->loc))) return false;
    }
    return true;
}

/* INTERSECT, EXCEPT: which of the rows count. */
static wr_node *keep(wri_q *q, const wr_query *y, wr_node *n, const uint32_t *counts) {
    wri_ctx *c = q->c;
    wr_type t = wr_type_of(WR_T_BOOLEAN);
    wr_expr *zero = wri_new_const(c->ar, (wr_value){.i64 = 0}, wr_type_of(WR_T_BIGINT), y->loc), *has[2];
    for (uint32_t k = 0; zero && k < 2; k++) {
        wr_expr *count = wri_col_of(c, n, counts[k], y->loc);
        wr_xop op = k == 1 && y->kind == WR_Q_EXCEPT ? WR_OP_EQ : WR_OP_GT;
        has[k] = count ? wri_new_op(c->ar, op, t, y->loc, 2, (wr_expr *[]){count, zero}) : NULL;
    }
    wr_expr *pred = zero && has[0] && has[1] ? wri_new_op(c->ar, WR_OP_AND, t, y->loc, 2, has) : NULL;
    if (!pred) c->oom = true;
    return pred ? wri_filter_node(c, n, pred, y->loc) : NULL;
}

static wr_node *distinct(wri_q *q, const wr_query *y, wr_node *u, uint32_t w) {
    wri_ctx *c = q->c;
    bool marked = y->kind != WR_Q_UNION;
    wri_select s = {.q = q, .y = y, .in = u};
    s.n_items = wri_x(u)->n_vis - (marked ? 2 : 0);
    uint32_t marks[] = {s.n_items, s.n_items + 1}, counts[2];
    for (uint32_t i = 0; i < s.n_items; i++)
        if (!wri_cols_add(c, &s.out, wri_col_of(c, u, i, y->loc), u->out.fields[i].name)) return NULL;
    wr_node *n = wri_plan_distinct(&s, u, name_of(c, y), marks, marked ? 2 : 0, counts);
    if (n && marked) n = keep(q, y, n, counts);
    s.out.n = w;
    return n ? wri_project_node(c, n, &s.out, w, y->loc) : NULL;
}

wr_node *wri_plan_set(wri_q *q, const wr_query *y) {
    branches br = {0};
    if (!sides(q, y, &br)) return NULL;
    if (y->kind == WR_Q_UNION && y->all) {
        wr_node *u = wri_union_node(q->c, br.nodes, br.n, y->loc);
        if (!u) return NULL;
        wri_x(u)->rows = wri_x(br.nodes[0])->rows;
        wri_x(u)->n_rows = wri_x(br.nodes[0])->n_rows;
        return u;
    }
    uint32_t w = wri_x(br.nodes[0])->n_vis;
    if (y->all && !number_sides(q, y, &br)) return NULL;
    if (y->kind != WR_Q_UNION && !mark_sides(q->c, y, &br)) return NULL;
    wr_node *u = wri_union_node(q->c, br.nodes, br.n, y->loc);
    return u ? distinct(q, y, u, w) : NULL;
}

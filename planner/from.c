/* planner/from.c -- items of FROM: streams, views, CTEs, subqueries, VALUES, table functions.
 *
 * Each becomes a node and the names by which its columns are found. A stream, view or CTE is planned
 * once, so that readers share its node. */
#include <strings.h>

#include "plan_int.h"

bool wri_scope_of(wri_ctx *c, const wr_node *n, const char *qualifier, const wr_ident *names, wri_scope *sc) {
    uint32_t n_vis = wri_x(n)->n_vis;
    sc->n = 0;
    sc->cap = n_vis + 1;
    sc->cols = wri_new_n(c, sc->cap, sizeof *sc->cols);
    if (!sc->cols) return false;
    bool rowtime = false;
    const char *given = NULL;
    for (uint32_t i = 0; i < n_vis; i++) {
        wri_row_col row = i < wri_x(n)->n_rows ? wri_x(n)->rows[i] : (wri_row_col){0};
        if (names && wri_begins_name(n, i)) given = names++->text;
        const char *name = row.row ? row.field : given ? given : n->out.fields[i].name;
        sc->cols[sc->n++] = (wri_scope_col){.qualifier = qualifier,
                                            .name = name,
                                            .type = n->out.fields[i].type,
                                            .col = i,
                                            .row = row.row && given ? given : row.row};
        rowtime = rowtime || (!row.row && strcasecmp(name, "ROWTIME") == 0);
    }
    if (n->time_col != WR_NO_COL && !rowtime)
        sc->cols[sc->n++] = (wri_scope_col){.qualifier = qualifier,
                                            .name = "ROWTIME",
                                            .type = n->out.fields[n->time_col].type,
                                            .col = n->time_col,
                                            .hidden = true};
    return true;
}

static wr_node *from_table(wri_q *q, const wr_name *name, const char **qualifierp) {
    const wr_ident *last = &name->parts[name->n - 1];
    if (name->n == 1)
        for (const wri_cte *t = q->ctes; t; t = t->next)
            if (wri_ident_matches(last, t->name->text)) {
                *qualifierp = t->name->text;
                return t->node;
            }
    wri_view *v = wri_find_view(q->c, name, q->seq);
    if (v) {
        *qualifierp = v->stmt->name.parts[v->stmt->name.n - 1].text;
        return wri_read_view(q, v, name->loc);
    }
    wri_stream *st = wri_find_stream(q->c, name, q->seq);
    if (st) {
        *qualifierp = st->def->name;
        return wri_read_stream(q, st, name->loc);
    }
    wri_no_such(q, name, "stream, view or WITH query");
    return NULL;
}

/* Table functions of the Kinesis dialect, which come later. */
static const char *const later_functions[] = {"RANDOM_CUT_FOREST", "RANDOM_CUT_FOREST_WITH_EXPLANATION",
                                              "HOTSPOTS",          "TOP_K_ITEMS_TUMBLING",
                                              "GROUP_RANK",        "COUNT_DISTINCT_ITEMS_TUMBLING"};

static wr_node *from_function(wri_q *q, const wr_from *f) {
    const wr_ast *call = f->function;
    if (wri_window_fn(&call->name) != WR_W_NONE) return wri_plan_tvf(q, f);
    const char *name = call->name.parts[call->name.n - 1].text;
    for (size_t i = 0; i < WR_LEN(later_functions); i++)
        if (strcasecmp(name, later_functions[i]) == 0) {
            wri_unsupported(q->c, call->loc, NULL, "%s is not supported yet", later_functions[i]);
            return NULL;
        }
    static const char *const known[] = {"TUMBLE", "HOP", "CUMULATE", "SESSION"};
    wri_error(q->c, call->name.loc, wri_suggest(q->c, wr_nearest(name, known, WR_LEN(known), sizeof *known)),
              "there is no table function '%s'", name);
    return NULL;
}

/* Clauses behind an item that later issues bring. */
static bool from_clauses(wri_q *q, const wr_from *f) {
    const char *what = NULL;
    wr_loc at = f->loc;
    if (f->as_of) {
        what = "FOR SYSTEM_TIME AS OF";
        at = f->as_of->loc;
    } else if (f->over) {
        what = "OVER behind a stream";
        at = f->over->loc;
    } else if (f->lateral) what = "LATERAL";
    if (what) wri_unsupported(q->c, at, NULL, "%s is not supported yet", what);
    return !what;
}

static wr_node *from_item(wri_q *q, const wr_from *f, const char **qualifierp) {
    switch (f->kind) {
    case WR_F_TABLE:
        return from_table(q, &f->name, qualifierp);
    case WR_F_QUERY:
    case WR_F_VALUES:
        return wri_plan_query(q, f->query);
    case WR_F_FUNCTION: {
        wr_node *n = from_function(q, f);
        return n;
    }
    default:
        break;
    }
    wri_unsupported(q->c, f->loc, NULL, "UNNEST is not supported yet");
    return NULL;
}

/* The name under which a window function's columns can be qualified: that of its table. */
static const char *tvf_qualifier(const wr_from *f) {
    const wr_ast *call = f->function;
    for (uint32_t i = 0; i < call->n_args; i++) {
        const wr_ast *a = call->args[i];
        if (a->kind == WR_A_NAMED_ARG) a = a->args[0];
        if ((a->kind == WR_A_TABLE_ARG || a->kind == WR_A_COLUMN) && !a->query && a->name.n)
            return a->name.parts[a->name.n - 1].text;
    }
    return NULL;
}

wr_node *wri_plan_from(wri_q *q, const wr_from *f, wri_scope *scope) {
    if (f->kind == WR_F_JOIN && !f->alias.text) return wri_plan_join(q, f, NULL, scope);
    if (!from_clauses(q, f)) return NULL;
    const char *qualifier = NULL;
    wr_node *n = from_item(q, f, &qualifier);
    if (!n) return NULL;
    if (f->kind == WR_F_FUNCTION) qualifier = tvf_qualifier(f);
    if (f->match) {
        wri_scope rows;
        if (f->rows.text) qualifier = f->rows.text;
        if (!wri_scope_of(q->c, n, qualifier, NULL, &rows)) return NULL;
        n = wri_plan_match(q, f, n, &rows);
        if (!n) return NULL;
        qualifier = NULL;
    }
    if (f->alias.text) qualifier = f->alias.text;
    if (f->n_columns && f->n_columns != wri_n_names(n)) {
        wri_error(q->c, f->columns[0].loc, wri_text(q->c, "name all %u columns", wri_n_names(n)),
                  "%s has %u column%s, but the list names %u", qualifier ? qualifier : "the subquery",
                  wri_n_names(n), wri_n_names(n) == 1 ? "" : "s", f->n_columns);
        return NULL;
    }
    return wri_scope_of(q->c, n, qualifier, f->n_columns ? f->columns : NULL, scope) ? n : NULL;
}

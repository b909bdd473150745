/* planner/changes.c -- which results are updating, and who may read them.
 *
 * A node that makes changes says so (wri_makes_changes); whatever reads it is updating, too, unless it is
 * refused here. What tells rows apart (the key) goes with the columns, as long as they are all there:
 *
 *   passed on by   FILTER, EXCHANGE, SINK (like_input), PROJECT (bare columns and casts that lose nothing)
 *   lost by        UNION (two inputs may have rows of one key), PROJECT without one of the columns
 *
 * Rows that take others back mean nothing to an operator that does not expect them, so a kind of node reads
 * them only when its wri_node_def says so. */
#include "nodes/nodes.h"

bool wri_makes_changes(wri_ctx *c, wr_node *n, const char *what, const uint32_t *key, uint32_t n_key) {
    wri_xnode *x = wri_x(n);
    n->updating = true;
    n->keyed = key != NULL;
    n->n_key = key ? n_key : 0;
    n->key = wri_new_n(c, n->n_key, sizeof *n->key);
    if (!n->key) return false;
    for (uint32_t i = 0; i < n->n_key; i++) n->key[i] = key[i];
    x->changes_by = n;
    x->changes_what = what;
    return true;
}

/* The column that e tells apart as well as the column itself does; WR_NO_COL: none. */
static uint32_t same_as_col(const wr_expr *e) {
    if (e->kind == WR_X_COL) return e->col;
    if (e->n_args != 1) return WR_NO_COL;
    const wr_expr *of = e->args[0];
    if (e->kind == WR_X_FUNC && strcmp(e->func->name, "ASSERT_NOT_NULL") == 0) return same_as_col(of);
    if (e->kind != WR_X_OP || e->op != WR_OP_CAST) return WR_NO_COL;
    bool lossless =
        (wr_kind_is_int(e->type.kind) && wr_kind_is_int(of->type.kind)) || /* out of range fails the row */
        (e->type.kind == WR_T_VARCHAR && e->type.prec == 0 && of->type.kind == WR_T_VARCHAR);
    return lossless ? same_as_col(of) : WR_NO_COL;
}

bool wri_project_key(wri_ctx *c, wr_node *n, wr_expr *const *exprs) {
    const wr_node *in = n->in[0];
    n->keyed = false;
    n->n_key = 0;
    if (!in->keyed) return true;
    n->key = wri_new_n(c, in->n_key, sizeof *n->key);
    if (!n->key) return false;
    for (uint32_t k = 0; k < in->n_key; k++) {
        uint32_t at = 0;
        while (at < n->out.n && same_as_col(exprs[at]) != in->key[k]) at++;
        if (at == n->out.n) return true;
        n->key[k] = at;
    }
    n->keyed = true;
    n->n_key = in->n_key;
    return true;
}

/* ---- refusing ---- */

bool wri_takes_any_change(const wr_node *n) {
    (void)n;
    return true;
}

const char *wri_changes_of(wri_ctx *c, const wr_node *n) {
    const wr_node *by = wri_x(n)->changes_by;
    const char *what = by && wri_x(by)->changes_what ? wri_x(by)->changes_what : "its input";
    if (!by) return what;
    const char *file = c->d->file ? c->d->file : "line";
    const char *text = wri_text(c, "%s at %s:%u", what, file, wri_line(c, by->loc));
    return text ? text : what;
}

static const char *clause_of(const wr_node *n) {
    if (n->kind == WR_N_WINDOW) switch (n->window.win.kind) {
        case WR_W_HOP:
            return "HOP";
        case WR_W_CUMULATE:
            return "CUMULATE";
        default:
            return "TUMBLE";
        }
    const wri_node_def *def = wri_node_defs[n->kind];
    return def->clause ? def->clause : def->name;
}

static const wr_node *updating_input(const wr_node *n) {
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i]->updating) return n->in[i];
    return NULL;
}

bool wri_check_changes(wri_ctx *c) {
    if (!wri_walk(c)) return false;
    bool ok = true;
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        const wr_node *n = c->nodes[i], *in = updating_input(n);
        const wri_node_def *def = wri_node_defs[n->kind];
        if (!in || (def->takes_changes && def->takes_changes(n))) continue;
        if (ok)
            wri_error(c, n->loc, "let it read the stream itself, or make the result final with a window",
                      "%s cannot read an updating input (%s): its rows take earlier ones back", clause_of(n),
                      wri_changes_of(c, in));
        ok = false; /* what reads this node would be reported for the same reason */
    }
    return ok;
}

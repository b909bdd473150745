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
#include <strings.h>

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
    x->keyed2 = false;
    return true;
}

bool wri_keep_keys(wri_ctx *c, wr_node *n) {
    const wr_node *in = n->in[0];
    wri_xnode *x = wri_x(n);
    const wri_xnode *xi = wri_x(in);
    n->keyed = in->keyed;
    n->n_key = in->n_key;
    n->key = wri_new_n(c, in->n_key, sizeof *n->key);
    x->keyed2 = xi->keyed2;
    x->n_key2 = xi->n_key2;
    x->key2 = wri_new_n(c, xi->n_key2, sizeof *x->key2);
    if (!n->key || !x->key2) return false;
    if (n->n_key) memcpy(n->key, in->key, n->n_key * sizeof *n->key);
    if (x->n_key2) memcpy(x->key2, xi->key2, x->n_key2 * sizeof *x->key2);
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

/* Column of n that tells rows apart as in's column col does; n->out.n: none. A window of fixed size, or a
 * session, can be told by any of its borders. */
static uint32_t stands_for(const wr_node *n, wr_expr *const *exprs, const wr_node *in, uint32_t col) {
    wri_prop p = wri_x(in)->props[col];
    bool fixed = p.role != WRI_ROLE_NONE &&
                 (p.origin->kind == WR_N_SESSION ||
                  (p.origin->kind == WR_N_AGG_CHANGES &&
                   (p.origin->agg.win.kind == WR_W_TUMBLE || p.origin->agg.win.kind == WR_W_HOP)));
    uint32_t other = n->out.n;
    for (uint32_t i = 0; i < n->out.n; i++) {
        uint32_t from = same_as_col(exprs[i]);
        if (from == col) return i;
        if (fixed && other == n->out.n && from != WR_NO_COL && wri_x(in)->props[from].origin == p.origin)
            other = i;
    }
    return other;
}

/* Columns of n for the n_key columns key of its input; *allp: they are all there. NULL: OOM. */
static uint32_t *project_key(wri_ctx *c, const wr_node *n, wr_expr *const *exprs, const uint32_t *key,
                             uint32_t n_key, bool *allp) {
    uint32_t *to = wri_new_n(c, n_key, sizeof *to);
    *allp = to != NULL;
    for (uint32_t k = 0; to && k < n_key; k++) {
        to[k] = stands_for(n, exprs, n->in[0], key[k]);
        *allp = *allp && to[k] < n->out.n;
    }
    return to;
}

bool wri_project_key(wri_ctx *c, wr_node *n, wr_expr *const *exprs) {
    const wr_node *in = n->in[0];
    wri_xnode *x = wri_x(n);
    const wri_xnode *xi = wri_x(in);
    bool all, all2;
    n->key = project_key(c, n, exprs, in->key, in->keyed ? in->n_key : 0, &all);
    x->key2 = project_key(c, n, exprs, xi->key2, xi->keyed2 ? xi->n_key2 : 0, &all2);
    n->keyed = in->keyed && all;
    n->n_key = n->keyed ? in->n_key : 0;
    x->keyed2 = xi->keyed2 && all2;
    x->n_key2 = x->keyed2 ? xi->n_key2 : 0;
    return n->key && x->key2;
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
    const char *file = wr_diag_file(c->d, by->loc.at);
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

/* ---- sinks ---- */

static bool same_name(const wr_node *sink, const char *name) {
    for (uint32_t i = 0; i < sink->out.n; i++)
        if (strcasecmp(sink->out.fields[i].name, name) == 0) return true;
    return false;
}

/* A row of the results is told apart by columns that are all in the sink's key: no two that stand share one.
 */
static bool key_tells(const wr_node *sink, const uint32_t *key, uint32_t n_key) {
    for (uint32_t i = 0; i < n_key; i++) {
        uint32_t k = 0;
        while (k < sink->sink.n_key && sink->sink.key[k] != key[i]) k++;
        if (k == sink->sink.n_key) return false;
    }
    return true;
}

static bool told_apart(const wr_node *sink) {
    const wri_xnode *x = wri_x(sink);
    bool by1 = sink->keyed && key_tells(sink, sink->key, sink->n_key);
    if (!by1 && !(x->keyed2 && key_tells(sink, x->key2, x->n_key2))) return false;
    wri_rank_told(sink, !by1);
    return true;
}

static const char *key_names(wri_ctx *c, const wr_node *n, const uint32_t *key, uint32_t n_key) {
    const char *out = "";
    for (uint32_t i = 0; out && i < n_key; i++)
        out = wri_text(c, "%s%s%s", out, i ? ", " : "", n->out.fields[key[i]].name);
    return out ? out : "";
}

static const char *key_hint(wri_ctx *c, const wr_node *sink) {
    const wri_xnode *x = wri_x(sink);
    const char *one = sink->keyed && sink->n_key ? key_names(c, sink, sink->key, sink->n_key) : NULL;
    const char *two = x->keyed2 && x->n_key2 ? key_names(c, sink, x->key2, x->n_key2) : NULL;
    if (one && two) return wri_text(c, "make it PRIMARY KEY (%s) or (%s), or use changelog = 'op'", one, two);
    if (!one && !two) return "write its key, too, or use changelog = 'op'";
    return wri_text(c, "make it PRIMARY KEY (%s), or use changelog = 'op'", one ? one : two);
}

static bool upsert_fits(wri_ctx *c, const wr_node *sink) {
    const wr_plan_stream *st = sink->sink.stream;
    if (sink->sink.n_key == 0) {
        wri_error(c, st->loc, "add PRIMARY KEY (…) to its columns",
                  "stream '%s': changelog = 'upsert' needs a PRIMARY KEY", st->name);
        return false;
    }
    if (!sink->updating || told_apart(sink)) return true;
    wri_error(c, sink->loc, key_hint(c, sink),
              "rows of '%s' could replace each other: the updating results (%s) are not told apart by its "
              "PRIMARY KEY",
              st->name, wri_changes_of(c, sink));
    return false;
}

static bool names_fit(wri_ctx *c, const wr_node *sink) {
    wr_changelog form = sink->sink.changelog;
    const wr_plan_stream *st = sink->sink.stream;
    const char *what = st ? st->name : "the result";
    if (form == WR_CL_DEBEZIUM && (!st->format || strcasecmp(st->format, "json") != 0)) {
        wri_error(c, st->loc, "use format = 'json', or changelog = 'op'",
                  "stream '%s': changelog = 'debezium' is written as JSON", what);
        return false;
    }
    if (form == WR_CL_DEBEZIUM || !same_name(sink, "op")) return true;
    wri_error(c, st ? st->loc : sink->loc, "give the column another name",
              "'%s' has a column 'op', and the kinds of changes go into one of that name", what);
    return false;
}

/* Rows that stand in a table: with a key they replace each other, without they are only added. */
static bool table_changelog(wri_ctx *c, wr_node *sink) {
    const wr_plan_stream *st = sink->sink.stream;
    sink->sink.changelog = sink->sink.n_key ? WR_CL_UPSERT : WR_CL_NONE;
    if (st->format) {
        wri_error(c, st->loc, "leave out 'format'",
                  "stream '%s': connector '%s' takes rows, not bytes of format '%s'", st->name, st->connector,
                  st->format);
        return false;
    }
    if (st->changelog != WR_CL_AUTO && st->changelog != WR_CL_UPSERT) {
        wri_error(c, st->loc, "leave out 'changelog'", "stream '%s': connector '%s' carries changes out",
                  st->name, st->connector);
        return false;
    }
    if (sink->sink.n_key || st->changelog == WR_CL_UPSERT) return upsert_fits(c, sink);
    if (!sink->updating) return true;
    wri_error(
        c, sink->loc, wri_text(c, "add PRIMARY KEY (…) to '%s', so that rows replace each other", st->name),
        "'%s' only takes new rows, but these results are updating (%s)", st->name, wri_changes_of(c, sink));
    return false;
}

bool wri_sink_changelog(wri_ctx *c, wr_node *sink, uint32_t *key, uint32_t n_key) {
    const wr_plan_stream *st = sink->sink.stream;
    sink->sink.key = key;
    sink->sink.n_key = n_key;
    const wr_with *with = st ? wri_sink_connector(c->reg, sink) : NULL;
    if (with && with->upserts) return table_changelog(c, sink);
    wr_changelog form = st ? st->changelog : WR_CL_AUTO;
    if (form == WR_CL_AUTO) {
        form = WR_CL_NONE;
        if (sink->updating && !st) form = WR_CL_OP;
        else if (sink->updating && n_key) form = WR_CL_UPSERT;
        else if (sink->updating && st->format) {
            wri_error(c, sink->loc,
                      wri_text(c, "add changelog = 'op' to WITH (…) of '%s', or a PRIMARY KEY for upserts",
                               st->name),
                      "'%s' only takes new rows, but these results are updating (%s)", st->name,
                      wri_changes_of(c, sink));
            return false;
        }
    }
    sink->sink.changelog = form;
    if (form == WR_CL_NONE) return true;
    return (form != WR_CL_UPSERT || upsert_fits(c, sink)) && names_fit(c, sink);
}

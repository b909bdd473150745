/* planner/join_from.c -- joins as they are written: names, ON, USING, NATURAL, conditions from WHERE.
 *
 * A join tree is planned from its leaves. Each join takes the conditions of WHERE that it can bind and that
 * may be asked there: those of a comma join become its ON. Columns of a join are all of the left side's, then
 * all of the right side's, hidden ones included; the scope says what * gives. */
#include <strings.h>

#include "bind_int.h"
#include "plan_int.h"

/* ---- conditions ---- */

static bool is_and(const wr_ast *e) { return e->kind == WR_A_BINARY_OP && strcmp(e->op, "AND") == 0; }

static bool add_where(wri_ctx *c, const wr_ast *e, wri_where *w, uint32_t depth) {
    if (is_and(e) && depth < WRI_DEPTH_MAX)
        return add_where(c, e->args[0], w, depth + 1) && add_where(c, e->args[1], w, depth + 1);
    const wr_ast **slot = wri_new_last(c, &w->items, &w->n, &w->cap, sizeof(wr_ast *));
    if (slot) *slot = e;
    return slot != NULL;
}

bool wri_split_where(wri_ctx *c, const wr_ast *e, wri_where *w) {
    if (e && !add_where(c, e, w, 0)) return false;
    w->used = wri_new_n(c, w->n, sizeof *w->used);
    return w->used != NULL;
}

wr_expr *wri_bind_quietly(wri_q *q, const wri_scope *scope, const wr_ast *e) {
    wri_binder b;
    wri_binder_scalar(q, &b, scope, "WHERE");
    wr_diags none = {.file = b.d->file, .text = b.d->text, .len = b.d->len, .ar = b.ar};
    b.d = &none;
    wr_expr *x = wri_bind_as(&b, e, wr_type_of(WR_T_BOOLEAN));
    return x == &wri_failed ? NULL : x;
}

/* ---- scopes ---- */

bool wri_scope_concat(wri_ctx *c, const wri_scope *l, uint32_t n_l, const wri_scope *r, wri_scope *out) {
    *out = (wri_scope){.cap = l->n + r->n + 1, .joined = true};
    out->cols = wri_new_n(c, out->cap, sizeof *out->cols);
    if (!out->cols) return false;
    for (uint32_t i = 0; i < l->n; i++) out->cols[out->n++] = l->cols[i];
    for (uint32_t i = 0; i < r->n; i++) {
        out->cols[out->n] = r->cols[i];
        out->cols[out->n++].col += n_l;
    }
    return true;
}

/* Two items of FROM must not have one name. */
static bool names_differ(wri_ctx *c, const wr_from *f, const wri_scope *l, const wri_scope *r) {
    for (uint32_t i = 0; i < r->n; i++) {
        const char *name = r->cols[i].qualifier;
        if (!name || (i && r->cols[i - 1].qualifier == name)) continue;
        for (uint32_t k = 0; k < l->n; k++) {
            if (!l->cols[k].qualifier || strcmp(l->cols[k].qualifier, name) != 0) continue;
            wri_error(c, f->right->loc, "give each an alias: FROM t AS a JOIN t AS b",
                      "FROM has two items named '%s'", name);
            return false;
        }
    }
    return true;
}

/* `s OVER w` without an alias: its columns can be qualified by w, too, as in the service's guide. */
static bool window_alias(wri_ctx *c, const wr_from *f, const wr_from *other, wri_scope *sc) {
    const wr_window *w = f->over;
    if (!w || !w->name.text || f->alias.text) return true;
    if (other->over && other->over->name.text && wri_ident_matches(&w->name, other->over->name.text))
        return true;
    wri_scope_col *cols = wri_new_n(c, 2 * (size_t)sc->n, sizeof *cols);
    if (!cols) return false;
    for (uint32_t i = 0; i < sc->n; i++) {
        cols[i] = cols[sc->n + i] = sc->cols[i];
        cols[sc->n + i].qualifier = w->name.text;
        cols[sc->n + i].hidden = cols[sc->n + i].only_qualified = true;
    }
    sc->cols = cols;
    sc->n = sc->cap = 2 * sc->n;
    return true;
}

/* Both ROWTIMEs stay known by their tables; without one, ROWTIME is that of the join. Padded columns can be
 * NULL. */
static void after_join(const wr_node *n, wri_scope *sc) {
    for (uint32_t i = 0; i < sc->n; i++) {
        wri_scope_col *k = &sc->cols[i];
        if (k->hidden && strcasecmp(k->name, "ROWTIME") == 0) k->only_qualified = true;
        k->type = n->out.fields[k->col].type;
    }
    if (n->time_col == WR_NO_COL) return;
    sc->cols[sc->n++] = (wri_scope_col){
        .name = "ROWTIME", .type = n->out.fields[n->time_col].type, .col = n->time_col, .hidden = true};
}

/* ---- USING, NATURAL ---- */

typedef struct using {
    wr_ident *names;
    wri_scope_col *l, *r; /* per name */
    uint32_t n, cap;
}
using;

/* The column of a side by this name; NULL after reporting (quiet: without). */
static const wri_scope_col *find_using(wri_ctx *c, const wri_scope *sc, const wr_ident *id, bool quiet) {
    const wri_scope_col *found = NULL;
    for (uint32_t i = 0; i < sc->n; i++) {
        const wri_scope_col *k = &sc->cols[i];
        if (k->hidden || k->only_qualified || !wri_ident_matches(id, k->name)) continue;
        if (found && found->col != k->col) {
            wri_error(c, id->loc, "use ON and qualify it", "column '%s' of USING is ambiguous on one side",
                      id->text);
            return NULL;
        }
        found = k;
    }
    if (!found && !quiet)
        wri_error(c, id->loc, "use ON", "column '%s' of USING is not on both sides", id->text);
    return found;
}

static bool add_using(wri_ctx *c, using *u, const wr_ident *id, const wri_scope_col *l,
                      const wri_scope_col *r) {
    if (u->n == u->cap) {
        uint32_t cap = u->cap ? u->cap * 2 : 8;
        using more = {wri_new_n(c, cap, sizeof *u->names), wri_new_n(c, cap, sizeof *u->l),
                      wri_new_n(c, cap, sizeof *u->r), u->n, cap};
        if (c->oom) return false;
        for (uint32_t i = 0; i < u->n; i++) {
            more.names[i] = u->names[i];
            more.l[i] = u->l[i];
            more.r[i] = u->r[i];
        }
        *u = more;
    }
    u->names[u->n] = *id;
    u->l[u->n] = *l;
    u->r[u->n++] = *r;
    return true;
}

static bool find_all_using(wri_ctx *c, const wr_from *f, const wri_scope *l, const wri_scope *r, using *u) {
    uint32_t errors = c->d->errors;
    for (uint32_t i = 0; i < f->n_using; i++) {
        const wri_scope_col *a = find_using(c, l, &f->using_cols[i], false);
        const wri_scope_col *b = a ? find_using(c, r, &f->using_cols[i], false) : NULL;
        if (!b || !add_using(c, u, &f->using_cols[i], a, b)) return false;
    }
    if (!f->natural) return true;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->cols[i].hidden || l->cols[i].only_qualified) continue;
        wr_ident id = {.text = l->cols[i].name, .quoted = true, .loc = f->right->loc};
        const wri_scope_col *b = find_using(c, r, &id, true);
        const wri_scope_col *a = b ? find_using(c, l, &id, true) : NULL;
        if (a && !add_using(c, u, &id, a, b)) return false;
    }
    if (u->n == 0 && c->d->errors == errors)
        wri_error(c, f->right->loc, "use ON, or CROSS JOIN",
                  "NATURAL JOIN: the sides have no column in common");
    return c->d->errors == errors;
}

static bool equate_using(wri_join *j, const wri_scope *sc, const using *u) {
    wri_binder b;
    wri_binder_scalar(j->q, &b, sc, "USING");
    for (uint32_t i = 0; i < u->n; i++) {
        wr_loc loc = u->names[i].loc;
        wr_expr *l = wri_new_col(b.ar, u->l[i].col, u->l[i].type, loc);
        wr_expr *r = wri_new_col(b.ar, u->r[i].col + j->in[0]->out.n, u->r[i].type, loc);
        if (!l || !r) return false;
        wr_expr *eq = wri_bind_compare(&b, loc, WR_OP_EQ, l, r);
        if (eq == &wri_failed || !wri_join_add(j, eq)) return false;
    }
    return true;
}

/* Columns of USING once, in front: the left side's, the right side's of a RIGHT JOIN, whichever is there of a
 * FULL JOIN (then computed, behind all other columns). */
static wr_node *merge_using(wri_q *q, const wr_from *f, wr_node *n, uint32_t w0, const using *u,
                            wri_scope *sc) {
    wri_ctx *c = q->c;
    wri_scope old = *sc;
    wri_binder b;
    wri_binder_scalar(q, &b, sc, "USING");
    *sc = (wri_scope){.cap = old.n + u->n + 1, .joined = true};
    sc->cols = wri_new_n(c, sc->cap, sizeof *sc->cols);
    wri_cols cols = {0};
    if (!sc->cols) return NULL;
    for (uint32_t i = 0; i < n->out.n; i++)
        if (!wri_cols_add(c, &cols, wri_col_of(c, n, i, n->loc), n->out.fields[i].name)) return NULL;
    for (uint32_t i = 0; i < u->n; i++) {
        uint32_t l = u->l[i].col, r = u->r[i].col + w0, at = f->join == WR_J_RIGHT ? r : l;
        for (uint32_t k = 0; k < old.n; k++)
            if (old.cols[k].col == l || old.cols[k].col == r)
                old.cols[k].hidden = old.cols[k].only_qualified = true;
        if (f->join == WR_J_FULL) {
            wr_type t;
            wr_loc loc = u->names[i].loc;
            wr_expr *x[] = {wri_col_of(c, n, l, loc), wri_col_of(c, n, r, loc)};
            if (!x[0] || !x[1] || !wri_unify(&b, x, 2, &t, "USING", false)) return NULL;
            wr_expr *e = wri_mk_op(&b, WR_OP_COALESCE, t, loc, 2, x);
            at = cols.n;
            if (e == &wri_failed || !wri_cols_add(c, &cols, e, u->l[i].name)) return NULL;
        }
        sc->cols[sc->n++] =
            (wri_scope_col){.name = u->l[i].name,
                            .type = at < n->out.n ? n->out.fields[at].type : cols.exprs[at]->type,
                            .col = at};
    }
    for (uint32_t k = 0; k < old.n; k++) sc->cols[sc->n++] = old.cols[k];
    return cols.n > n->out.n ? wri_project_node(c, n, &cols, cols.n, n->loc) : n;
}

/* ---- versioned tables ---- */

static bool key_column(wri_ctx *c, const wr_ident *id, const wri_scope *sc, uint32_t *pk, uint32_t *np) {
    for (uint32_t i = 0; i < sc->n; i++)
        if (!sc->cols[i].hidden && wri_ident_matches(id, sc->cols[i].name)) {
            pk[(*np)++] = sc->cols[i].col;
            return true;
        }
    wri_error(c, id->loc, NULL, "PRIMARY KEY: there is no column '%s'", id->text);
    return false;
}

/* The primary key of the stream that f names, among the columns that sc gives; none: n_pk stays 0. */
static bool primary_key(wri_q *q, const wr_from *f, const wri_scope *sc, wri_join *j) {
    if (f->kind != WR_F_TABLE || f->n_columns) return true;
    const wri_stream *st = wri_find_stream(q->c, &f->name, q->seq);
    const wr_stmt *s = st ? st->stmt : NULL;
    if (!s || wri_find_view(q->c, &f->name, q->seq)) return true;
    uint32_t *pk = wri_new_n(q->c, s->n_primary_key + s->n_columns, sizeof *pk);
    if (!pk) return false;
    j->pk = pk;
    for (uint32_t i = 0; i < s->n_primary_key; i++)
        if (!key_column(q->c, &s->primary_key[i], sc, pk, &j->n_pk)) return false;
    for (uint32_t i = 0; i < s->n_columns; i++)
        if (s->columns[i].primary_key && !key_column(q->c, &s->columns[i].name, sc, pk, &j->n_pk))
            return false;
    return true;
}

/* ---- a join ---- */

static wr_join_type type_of(wr_join_kind k) {
    static const wr_join_type types[] = {[WR_J_INNER] = WR_JOIN_INNER,
                                         [WR_J_LEFT] = WR_JOIN_LEFT,
                                         [WR_J_RIGHT] = WR_JOIN_RIGHT,
                                         [WR_J_FULL] = WR_JOIN_FULL,
                                         [WR_J_CROSS] = WR_JOIN_INNER};
    return types[k];
}

/* Conditions of WHERE that this join can bind: asked here as far as its kind allows. */
static bool take_where(wri_join *j, const wri_scope *sc, wri_where *w) {
    uint32_t w0 = j->in[0]->out.n;
    for (uint32_t i = 0; w && i < w->n; i++) {
        if (w->used[i]) continue;
        wr_expr *e = wri_bind_quietly(j->q, sc, w->items[i]);
        if (!e) continue;
        uint32_t reads = 0;
        for (uint32_t k = 0; k < j->in[0]->out.n + j->in[1]->out.n; k++)
            if (wri_reads_col(e, k)) reads |= k < w0 ? 1 : 2;
        bool here = j->type == WR_JOIN_INNER && reads;
        if (!here) continue;
        if (!wri_join_add(j, e)) return false;
        w->used[i] = true;
    }
    return true;
}

static bool bind_on(wri_join *j, const wr_from *f, const wri_scope *sc) {
    if (!f->on) return true;
    wri_binder b;
    wri_binder_scalar(j->q, &b, sc, "ON");
    wr_expr *e = wri_bind_as(&b, f->on, wr_type_of(WR_T_BOOLEAN));
    return e != &wri_failed && wri_join_add(j, e);
}

static bool bind_as_of(wri_join *j, const wr_from *right, const wri_scope *l, const wri_scope *r) {
    if (!right->as_of) return true;
    wri_binder b;
    wri_binder_scalar(j->q, &b, l, "FOR SYSTEM_TIME AS OF");
    j->as_of = wri_bind(&b, right->as_of);
    return j->as_of != &wri_failed && primary_key(j->q, right, r, j);
}

/* The table that f names, to be asked by key; NULL: it names none. */
static wr_node *lookup_table(wri_q *q, const wr_from *f) {
    if (f->kind != WR_F_TABLE || f->match) return NULL;
    for (const wri_cte *t = q->ctes; t && f->name.n == 1; t = t->next)
        if (wri_ident_matches(&f->name.parts[0], t->name->text)) return NULL;
    if (wri_find_view(q->c, &f->name, q->seq)) return NULL;
    wri_stream *st = wri_find_stream(q->c, &f->name, q->seq);
    return st ? wri_lookup_table(q->c, st, f->loc) : NULL;
}

static wr_node *plan_side(wri_q *q, const wr_from *f, wri_where *where, wri_scope *sc) {
    if (f->kind == WR_F_JOIN && !f->alias.text) return wri_plan_join(q, f, where, sc);
    wr_from bare = *f;
    bare.as_of = NULL; /* of the right side: the join's matter, as is OVER */
    bare.over = NULL;
    return wri_plan_from(q, &bare, sc);
}

static wr_node *plan_join(wri_q *q, const wr_from *f, wri_where *where, wri_scope *scope) {
    wri_ctx *c = q->c;
    wri_join j = {.q = q, .type = type_of(f->join), .loc = f->right->loc, .names = {"l", "r"}};
    wri_scope l = {0}, r = {0};
    bool keeps_l = j.type == WR_JOIN_INNER || j.type == WR_JOIN_LEFT;
    bool keeps_r = j.type == WR_JOIN_INNER || j.type == WR_JOIN_RIGHT;
    if (f->left->as_of) {
        wri_error(c, f->left->as_of->loc, "put the versioned table behind JOIN",
                  "FOR SYSTEM_TIME AS OF belongs to the right side of a join");
        return NULL;
    }
    j.in[0] = plan_side(q, f->left, keeps_l ? where : NULL, &l);
    j.in[1] = plan_side(q, f->right, keeps_r ? where : NULL, &r);
    if (!j.in[0] || !j.in[1] || !names_differ(c, f, &l, &r)) return NULL;
    if (!window_alias(c, f->left, f->right, &l) || !window_alias(c, f->right, f->left, &r)) return NULL;
    j.tables[0] = lookup_table(q, f->left);
    j.tables[1] = lookup_table(q, f->right);
    if (l.n && l.cols[l.n - 1].qualifier) j.names[0] = l.cols[l.n - 1].qualifier;
    if (r.n && r.cols[0].qualifier) j.names[1] = r.cols[0].qualifier;
    using u = {0};
    uint32_t w0 = j.in[0]->out.n;
    if (!wri_scope_concat(c, &l, w0, &r, scope) || !find_all_using(c, f, &l, &r, &u)) return NULL;
    if (!equate_using(&j, scope, &u) || !bind_on(&j, f, scope) || !take_where(&j, scope, where) ||
        !bind_as_of(&j, f->right, &l, &r) || !wri_join_recent(&j, f))
        return NULL;
    wr_node *n = wri_build_join(&j);
    if (!n) return NULL;
    after_join(n, scope);
    const wri_recent *recent = wri_x(n)->recent;
    if (u.n) n = merge_using(q, f, n, w0, &u, scope);
    if (n) wri_x(n)->recent = recent;
    return n;
}

wr_node *wri_plan_join(wri_q *q, const wr_from *f, wri_where *where, wri_scope *scope) {
    wri_ctx *c = q->c;
    if (c->depth >= WRI_DEPTH_MAX) {
        wri_error(c, f->loc, "name parts of it in WITH or CREATE VIEW", "joins are nested too deeply");
        return NULL;
    }
    c->depth++;
    wr_node *n = plan_join(q, f, where, scope);
    c->depth--;
    if (!n) wri_failed_silently(c);
    return n;
}

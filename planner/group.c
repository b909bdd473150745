/* planner/group.c -- GROUP BY, aggregates, HAVING, SELECT DISTINCT.
 *
 * Keys are bound over the input. Which of them are a window is found out first:
 *   TUMBLE(c, …) | HOP | CUMULATE | SESSION       the older form
 *   window_start and window_end of one window     columns of a table function or of an aggregate below
 *   STEP(c BY …), FLOOR(c TO …), CEIL(c TO …)     of the time attribute: a tumbling window (window_floor.c)
 * WINDOWED BY STAGGER has plain keys only, in PARTITION BY; its windows begin with their rows (session.c).
 * The rest are plain keys. Items and HAVING are then bound over the result with a hook that turns keys
 * and aggregate calls into its columns, so that a column that is neither is an error at its place.
 *
 * CEIL(c TO MINUTE) puts a row at 10:00:00.000 into the minute that ends there: it is a window shifted by
 * one tick, whose window_time is the value of CEIL.
 *
 * In the Kinesis dialect the ROWTIME of a result is the end of its window, not the last tick in it. Both
 * are good event times: a result is out before the watermark reaches either. */
#include <strings.h>

#include "plan_int.h"

typedef struct key {
    const wr_ast *ast; /* as written, ordinals and aliases resolved; NULL: an item of SELECT DISTINCT */
    wr_expr *expr;     /* over the input; NULL: the call in `fn` */
    const char *name;  /* NULL: the column's own */
    wri_role role;     /* border of the window; NONE: a plain key */
    bool made;         /* not the border itself: expr of the border, as of any time in the window */
    uint32_t plain;    /* which of the plain keys */
} key;

struct wri_group {
    wri_select *s;
    wr_node *in;
    wri_binder args; /* binds keys and arguments of aggregates */
    key *keys;
    uint32_t n_keys, keys_cap;
    const wr_ast *fn; /* TUMBLE(…) in GROUP BY, or NULL */
    wri_win_args fn_args;
    wr_win fn_win;
    wri_agg agg;
    uint64_t *sets; /* over keys */
    uint32_t n_sets;
    bool simple;
    bool stagger;     /* WINDOWED BY STAGGER */
    bool distinct;    /* SELECT DISTINCT, UNION */
    bool as_it_comes; /* of endless new rows without a window: EMIT CHANGES is implied */
    const char *what; /* "GROUP BY", "an aggregate", "SELECT DISTINCT" */
};

/* ---- keys ---- */

static bool in_scope(const wri_scope *sc, const wr_ident *id) {
    for (uint32_t i = 0; i < sc->n; i++)
        if (wri_ident_matches(id, sc->cols[i].name)) return true;
    return false;
}

/* GROUP BY 2 and GROUP BY alias stand for an item of SELECT. NULL after reporting. */
static const wr_ast *resolve_key(wri_group *g, const wr_ast *e) {
    const wr_query *y = g->s->y;
    wri_ctx *c = g->s->q->c;
    if (e->kind == WR_A_NUMBER) {
        int64_t i;
        if (!wr_read_i64(e->text, strlen(e->text), &i)) return e;
        if (i >= 1 && i <= y->n_items && y->items[i - 1].expr->kind != WR_A_STAR) return y->items[i - 1].expr;
        wri_error(c, e->loc, wri_text(c, "write a number from 1 to %u", y->n_items),
                  "GROUP BY %s: there is no such item in SELECT", e->text);
        return NULL;
    }
    if (e->kind != WR_A_COLUMN || e->name.n != 1 || in_scope(&g->s->scope, &e->name.parts[0])) return e;
    for (uint32_t i = 0; i < y->n_items; i++)
        if (y->items[i].alias.text && wri_ident_matches(&e->name.parts[0], y->items[i].alias.text) &&
            y->items[i].expr->kind != WR_A_STAR)
            return y->items[i].expr;
    return e;
}

static bool push_key(wri_group *g, key k, uint32_t *idxp) {
    for (uint32_t i = 0; k.expr && i < g->n_keys; i++)
        if (g->keys[i].expr && wri_expr_equal(g->keys[i].expr, k.expr)) {
            *idxp = i;
            return true;
        }
    *idxp = g->n_keys;
    key *slot = wri_new_last(g->s->q->c, &g->keys, &g->n_keys, &g->keys_cap, sizeof *slot);
    if (slot) *slot = k;
    return slot != NULL;
}

/* The time column of TUMBLE(c, …) must be the time attribute. */
static bool fn_time(wri_group *g, const wri_win_args *a) {
    wr_expr *t = wri_bind(&g->args, a->time);
    if (t == &wri_failed) return false;
    if (t->kind == WR_X_COL && g->in->kind == WR_N_CLOCK && t->col == g->in->clock.time) return true;
    if (t->kind == WR_X_COL && wri_is_time(g->in, t->col))
        return (g->in = wri_with_time(g->s->q->c, g->in, t->col)) != NULL &&
               (a->kind == WR_W_SESSION || (g->in = wri_clock_node(g->s->q->c, g->in, a->time->loc)) != NULL);
    const char *name =
        a->time->kind == WR_A_COLUMN ? a->time->name.parts[a->time->name.n - 1].text : "this expression";
    wri_not_time(g->s->q->c, g->in, a->time->loc, a->fn, name);
    return false;
}

static bool read_fn(wri_group *g, const wr_ast *e, wri_win_args *a, wr_win *win) {
    wri_q *q = g->s->q;
    if (!wri_win_args_read(q, e, false, a) || !fn_time(g, a)) return false;
    *win = (wr_win){.time_col = g->in->time_col};
    return wri_win_spec(q, a, g->in->out.fields[g->in->time_col].type, e->loc, win);
}

static bool add_key(void *ctx, const wr_ast *e, uint32_t *idxp) {
    wri_group *g = ctx;
    wri_ctx *c = g->s->q->c;
    e = resolve_key(g, e);
    if (!e) return false;
    if (e->kind == WR_A_CALL && wri_window_fn(&e->name) != WR_W_NONE) {
        if (g->fn) {
            wri_error(c, e->loc, "keep one of them", "GROUP BY holds two window functions");
            return false;
        }
        g->fn = e;
        if (!read_fn(g, e, &g->fn_args, &g->fn_win)) return false;
        return push_key(g, (key){.ast = e, .role = WRI_ROLE_START}, idxp);
    }
    wr_expr *x = wri_bind(&g->args, e);
    if (x == &wri_failed) return false;
    return push_key(g, (key){.ast = e, .expr = x}, idxp);
}

/* ---- the window ---- */

static wri_prop prop_of(const wri_group *g, const wr_expr *e) {
    if (!e || e->kind != WR_X_COL) return (wri_prop){0};
    return wri_x(g->in)->props[e->col];
}

static bool has_key_of(const wri_group *g, wri_role role, const wr_node *origin, uint32_t *colp) {
    for (uint32_t i = 0; i < g->n_keys; i++) {
        wri_prop p = prop_of(g, g->keys[i].expr);
        if (p.role != role || p.origin != origin) continue;
        *colp = g->keys[i].expr->col;
        return true;
    }
    return false;
}

/* window_start and window_end among the keys; of several windows the one that time is of. */
static bool window_columns(wri_group *g) {
    const wr_node *best = NULL;
    uint32_t start = 0, end = 0;
    for (uint32_t i = 0; i < g->n_keys; i++) {
        wri_prop p = prop_of(g, g->keys[i].expr);
        uint32_t s, e;
        if (p.role != WRI_ROLE_START || !has_key_of(g, WRI_ROLE_END, p.origin, &e)) continue;
        s = g->keys[i].expr->col;
        bool current =
            g->in->time_col != WR_NO_COL && wri_x(g->in)->props[g->in->time_col].origin == p.origin;
        if (best && !current) continue;
        best = p.origin;
        start = s;
        end = e;
    }
    if (!best) return false;
    for (uint32_t i = 0; i < g->n_keys; i++) {
        wri_prop p = prop_of(g, g->keys[i].expr);
        if (p.origin == best) g->keys[i].role = p.role;
    }
    wr_type t = g->in->out.fields[end].type;
    g->agg.origin = best;
    g->agg.win = (wr_win){.kind = WR_W_ATTACHED,
                          .tick_us = t.prec > 3 ? 1 : 1000,
                          .time_col = g->in->time_col,
                          .start_col = start,
                          .end_col = end};
    return true;
}

/* The column of event time of which e makes windows, WR_NO_COL: none. ROWTIME itself does, in the Kinesis
 * dialect: those of one tick. */
static uint32_t floor_time(const wri_group *g, const wr_expr *e, wri_floor *f) {
    bool bare = g->s->q->kda && e && e->kind == WR_X_COL && wri_is_time(g->in, e->col);
    if (!bare) return wri_floor_time(g->in, e, f);
    int64_t tick = g->in->out.fields[e->col].type.prec > 3 ? 1 : 1000;
    *f = (wri_floor){.size_us = tick, .grain = tick};
    return e->col;
}

/* STEP, FLOOR or CEIL of the time attribute and the like; of several the finest, the others follow from it.
 */
static bool window_floor(wri_group *g) {
    key *best = NULL;
    wri_floor f = {0}, one;
    uint32_t time = WR_NO_COL, col;
    for (uint32_t i = 0; i < g->n_keys; i++) {
        if ((col = floor_time(g, g->keys[i].expr, &one)) == WR_NO_COL) continue;
        if (best && (one.size_us >= f.size_us || col != time)) continue;
        best = &g->keys[i];
        f = one;
        time = col;
    }
    if (!best) return false;
    g->in = wri_with_time(g->s->q->c, g->in, time);
    if (!g->in) return false;
    wr_type t = g->in->out.fields[g->in->time_col].type;
    int64_t tick = t.prec > 3 ? 1 : 1000;
    best->made = best->expr->kind == WR_X_OP && best->expr->args[0]->kind != WR_X_COL;
    best->role = f.ceil && !best->made ? WRI_ROLE_TIME : WRI_ROLE_START;
    g->agg.end_is_time = g->s->q->kda && !f.ceil;
    g->agg.win = (wr_win){.kind = WR_W_TUMBLE,
                          .size_us = f.size_us,
                          .slide_us = f.size_us,
                          .slice_us = f.size_us,
                          .offset_us = f.offset_us,
                          .tick_us = tick,
                          .time_col = g->in->time_col,
                          .start_col = WR_NO_COL,
                          .end_col = WR_NO_COL};
    return true;
}

/* False after reporting. */
static bool no_rise(wri_group *g) {
    wri_ctx *c = g->s->q->c;
    wr_expr **exprs = wri_new_n(c, g->n_keys, sizeof *exprs);
    for (uint32_t i = 0; exprs && i < g->n_keys; i++) exprs[i] = g->keys[i].expr;
    bool keys = g->s->y->has_group;
    wri_rise_need need = {.what = keys ? "GROUP BY of SELECT STREAM" : "an aggregate in SELECT STREAM",
                          .a_key = keys ? "a key" : "a key of GROUP BY",
                          .verb = keys ? "add" : "add GROUP BY",
                          .loc = g->agg.loc};
    if (exprs) wri_no_rise(g->s, g->in, exprs, g->n_keys, &need);
    return false;
}

/* False after reporting. Each new value once, as it comes, is all that SELECT DISTINCT has to tell of new
 * rows. */
static bool no_window(wri_group *g) {
    wri_ctx *c = g->s->q->c;
    wr_loc loc = g->agg.loc;
    uint32_t half = 0;
    const char *lacks = NULL;
    for (uint32_t i = 0; i < g->n_keys; i++) {
        wri_prop p = prop_of(g, g->keys[i].expr);
        if (p.role == WRI_ROLE_START || p.role == WRI_ROLE_END) {
            half++;
            lacks = p.role == WRI_ROLE_START ? "window_end" : "window_start";
            if (g->keys[i].ast) loc = g->keys[i].ast->loc;
        }
    }
    if (half) {
        wri_error(c, loc, wri_text(c, "add %s to %s", lacks, g->what),
                  "%s on unbounded input needs both window_start and window_end", g->what);
        return false;
    }
    if (g->distinct && !g->in->updating) {
        g->as_it_comes = true;
        return true;
    }
    if (g->s->q->kda) return no_rise(g);
    const char *hint = "for example FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
                       "GROUP BY window_start, window_end";
    bool set = g->s->y->kind >= WR_Q_UNION;
    if (set) hint = "select window_start and window_end of a window table function on both sides";
    wri_error(c, loc, hint,
              "%s without a window on unbounded input never completes: add a window or EMIT CHANGES",
              g->what);
    return false;
}

/* WINDOWED BY STAGGER (PARTITION BY … RANGE size). */
static bool stagger_window(wri_group *g) {
    wri_q *q = g->s->q;
    const wr_query *y = g->s->y;
    const wr_window *w = y->stagger_window;
    if (g->in->time_col == WR_NO_COL) {
        wri_error(q->c, w->loc, "read a stream; of a table, declare WATERMARK FOR or ROWTIME FROM a column",
                  "WINDOWED BY STAGGER goes by ROWTIME, which its input does not have");
        return false;
    }
    if (y->emit.kind == WR_EMIT_CHANGES || y->emit.kind == WR_EMIT_EARLY || y->emit.lateness) {
        wri_unsupported(q->c, y->emit.loc, "leave it out, or use a window of GROUP BY",
                        "%s with WINDOWED BY STAGGER is not supported: its results come when a window ends",
                        y->emit.kind == WR_EMIT_CHANGES ? "EMIT CHANGES"
                        : y->emit.lateness              ? "ALLOWED LATENESS"
                                                        : "EMIT EARLY");
        return false;
    }
    wri_win_args a = {.kind = WR_W_STAGGER, .fn = "WINDOWED BY STAGGER", .size = w->lo_expr};
    g->agg.win = (wr_win){.time_col = g->in->time_col};
    g->agg.end_is_time = true;
    return wri_win_spec(q, &a, g->in->out.fields[g->in->time_col].type, w->loc, &g->agg.win);
}

static bool find_window(wri_group *g) {
    if (g->stagger) return stagger_window(g);
    g->agg.win = (wr_win){.kind = WR_W_NONE,
                          .tick_us = 1000,
                          .time_col = WR_NO_COL,
                          .start_col = WR_NO_COL,
                          .end_col = WR_NO_COL};
    if (g->fn) {
        g->agg.win = g->fn_win;
        return true;
    }
    if (window_columns(g) || window_floor(g) || g->in->bounded) return true;
    if (g->s->y->emit.kind == WR_EMIT_CHANGES) return true;
    return no_window(g);
}

/* EMIT … and ALLOWED LATENESS: when results are given. */
static bool emit_mode(wri_group *g) {
    wri_ctx *c = g->s->q->c;
    const wr_emit_clause *m = &g->s->y->emit;
    wri_agg *a = &g->agg;
    const char *name = m->kind == WR_EMIT_CHANGES ? "EMIT CHANGES"
                       : m->kind == WR_EMIT_EARLY ? "EMIT EARLY"
                                                  : "ALLOWED LATENESS";
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(g->s->q, &b, &none, name);
    a->what = wri_text(c, "%s … %s", strcmp(g->what, "an aggregate") == 0 ? "GROUP BY" : g->what, name);
    a->each_batch = m->kind == WR_EMIT_CHANGES || g->as_it_comes;
    if (m->kind == WR_EMIT_EARLY && !wri_const_interval_us(&b, m->every, "EMIT EARLY EVERY", &a->every_us))
        return false;
    if (m->lateness && !wri_const_interval_us(&b, m->lateness, "ALLOWED LATENESS", &a->lateness_us))
        return false;
    const wr_ast *at = m->kind == WR_EMIT_EARLY && a->every_us <= 0           ? m->every
                       : a->lateness_us < 0 || a->lateness_us > WR_TS_MAX / 2 ? m->lateness
                                                                              : NULL;
    if (at) {
        wri_error(c, at->loc, "write INTERVAL '10' SECOND, for example", "%s: this interval is out of range",
                  at == m->every ? "EMIT EARLY EVERY" : "ALLOWED LATENESS");
        return false;
    }
    if (a->win.kind != WR_W_NONE || (m->kind != WR_EMIT_EARLY && !m->lateness)) return true;
    wri_error(c, m->loc,
              m->kind == WR_EMIT_EARLY ? "use EMIT CHANGES, or add a window"
                                       : "leave it out, or add a window",
              "%s needs a window, and this %s has none", name, g->what);
    return false;
}

/* Plain keys and sets over them go to g->agg. */
static bool finish_keys(wri_group *g) {
    wri_ctx *c = g->s->q->c;
    wri_agg *a = &g->agg;
    a->in = g->in;
    a->keys = wri_new_n(c, g->n_keys, sizeof *a->keys);
    a->key_names = wri_new_n(c, g->n_keys, sizeof *a->key_names);
    a->sets = wri_new_n(c, g->n_sets, sizeof *a->sets);
    if (!a->keys || !a->key_names || !a->sets) return false;
    a->n_sets = g->simple ? 1 : g->n_sets;
    for (uint32_t i = 0; i < g->n_keys; i++) {
        key *k = &g->keys[i];
        for (uint32_t s = 0; !g->simple && s < g->n_sets; s++) {
            bool in_set = g->sets[s] >> i & 1;
            if (in_set && k->role == WRI_ROLE_NONE) a->sets[s] |= UINT64_C(1) << a->n_keys;
            if (in_set || k->role == WRI_ROLE_NONE) continue;
            wri_error(c, k->ast->loc, "put the window's columns before GROUPING SETS, ROLLUP or CUBE",
                      "the window must be in every grouping set");
            return false;
        }
        if (k->role != WRI_ROLE_NONE) continue;
        k->plain = a->n_keys;
        a->keys[a->n_keys] = k->expr;
        a->key_names[a->n_keys++] = k->name;
    }
    return true;
}

/* The key over the result: a column of it, or made of one. */
static wr_expr *key_col(wri_group *g, const key *k, wr_loc loc) {
    wri_ctx *c = g->s->q->c;
    uint32_t col = k->role ? (uint32_t)k->role - 1 : wri_agg_base(&g->agg) + k->plain;
    wr_type t = k->role == WRI_ROLE_NONE ? k->expr->type : wr_type_of(WR_T_TIMESTAMP);
    if (k->role && g->agg.win.tick_us == 1) t.prec = 6;
    if (k->role && g->agg.win.kind == WR_W_ATTACHED) t = g->in->out.fields[g->agg.win.end_col].type;
    if (k->role == WRI_ROLE_NONE && g->agg.n_sets > 1) t.not_null = false;
    wr_expr *e = wri_new_col(c->ar, col, t, loc);
    if (e && k->made) {
        wr_expr **repl = wri_new_n(c, g->in->out.n, sizeof *repl);
        if (repl) repl[g->in->time_col] = e;
        e = repl ? wri_subst(c, k->expr, repl) : NULL;
    }
    if (!e) c->oom = true;
    return e ? e : &wri_failed;
}

static wr_expr *border_col(wri_group *g, wri_role role, wr_loc loc) {
    return key_col(g, &(key){.role = role}, loc);
}

/* ---- what items may hold ---- */

wr_expr *wri_group_col(wri_group *g, uint32_t col, const char *name, wr_loc loc) {
    wri_ctx *c = g->s->q->c;
    for (uint32_t i = 0; i < g->n_keys; i++) {
        const key *k = &g->keys[i];
        if (k->expr && k->expr->kind == WR_X_COL && k->expr->col == col) return key_col(g, k, loc);
    }
    wri_prop p = wri_x(g->in)->props[col];
    if (g->agg.origin && p.origin == g->agg.origin) return border_col(g, p.role, loc);
    /* Bare ROWTIME is the time of the result. */
    if (g->agg.win.kind != WR_W_NONE && col == g->in->time_col && strcasecmp(name, "ROWTIME") == 0)
        return border_col(g, g->agg.end_is_time ? WRI_ROLE_END : WRI_ROLE_TIME, loc);
    if (g->stagger)
        wri_error(c, loc,
                  wri_text(c, "add '%s' to PARTITION BY, or use an aggregate such as MAX(%s)", name, name),
                  "column '%s' must be in PARTITION BY of WINDOWED BY STAGGER or inside an aggregate", name);
    else if (g->s->y->has_group)
        wri_error(c, loc,
                  wri_text(c, "add '%s' to GROUP BY, or use an aggregate such as MAX(%s)", name, name),
                  "column '%s' must be in GROUP BY or inside an aggregate", name);
    else
        wri_error(c, loc, wri_text(c, "add GROUP BY %s, or use an aggregate such as MAX(%s)", name, name),
                  "column '%s' stands beside an aggregate, but there is no GROUP BY", name);
    return &wri_failed;
}

static wr_expr *column(wri_group *g, const wr_ast *e) {
    wr_expr *x = wri_bind(&g->args, e);
    if (x == &wri_failed || x->kind == WR_X_CONST) return x;
    const char *name = e->name.parts[e->name.n - 1].text;
    if (x->kind == WR_X_COL) return wri_group_col(g, x->col, name, e->loc);
    wri_unsupported(g->s->q->c, e->loc, "select it in a subquery first",
                    "'%s' of a grouped query is not supported yet", name);
    return &wri_failed;
}

static wr_expr *aggregate(wri_group *g, const wr_ast *e) {
    wri_ctx *c = g->s->q->c;
    uint32_t idx;
    if (!wri_bind_agg(c, &g->args, e, &g->agg, &idx)) return &wri_failed;
    wr_expr *x = wri_new_col(c->ar, wri_agg_calls_base(&g->agg) + idx, g->agg.calls[idx].call.type, e->loc);
    if (!x) c->oom = true;
    return x ? x : &wri_failed;
}

/* TUMBLE_START(c, size) and the like. */
static wr_expr *window_aux(wri_group *g, const wr_ast *e, const char *part) {
    wri_ctx *c = g->s->q->c;
    const char *name = e->name.parts[0].text;
    wri_role role = strcasecmp(part, "START") == 0 ? WRI_ROLE_START
                    : strcasecmp(part, "END") == 0 ? WRI_ROLE_END
                                                   : WRI_ROLE_TIME;
    if (strcasecmp(part, "PROCTIME") == 0) {
        wri_unsupported(c, e->loc, NULL, "%s is not supported yet", name);
        return &wri_failed;
    }
    size_t n = (size_t)(part - name) - 1;
    if (!g->fn || strncasecmp(g->fn_args.fn, name, n) != 0 || g->fn_args.fn[n]) {
        wri_error(c, e->loc,
                  g->fn ? wri_text(c, "write %s_%s", g->fn_args.fn, part)
                        : wri_text(c, "add GROUP BY %.*s(…)", (int)n, name),
                  "%s does not go with GROUP BY, which has no %.*s", name, (int)n, name);
        return &wri_failed;
    }
    wr_ident id = {.text = g->fn_args.fn, .loc = e->loc};
    wr_ast call = *e;
    call.name = (wr_name){.n = 1, .parts = &id, .loc = e->loc};
    wri_win_args a;
    wr_win w;
    if (!read_fn(g, &call, &a, &w)) return &wri_failed;
    const wr_win *o = &g->fn_win;
    if (w.size_us != o->size_us || w.slide_us != o->slide_us || w.offset_us != o->offset_us) {
        wri_error(c, e->loc, "write the same arguments in both places",
                  "the arguments of %s differ from those of %s in GROUP BY", name, g->fn_args.fn);
        return &wri_failed;
    }
    return border_col(g, role, e->loc);
}

/* GROUPING(a, b): 2 * (a is absent) + (b is absent). */
static wr_expr *grouping(wri_group *g, const wr_ast *e) {
    wri_ctx *c = g->s->q->c;
    wr_type t = wr_type_of(WR_T_BIGINT);
    wr_expr *sum = NULL;
    if (e->n_args == 0) wri_error(c, e->loc, "write GROUPING(key)", "GROUPING needs the keys to ask for");
    for (uint32_t i = 0; i < e->n_args; i++) {
        wr_expr *x = wri_bind(&g->args, e->args[i]);
        if (x == &wri_failed) return x;
        const key *k = NULL;
        for (uint32_t j = 0; j < g->n_keys && !k; j++)
            if (g->keys[j].expr && wri_expr_equal(g->keys[j].expr, x)) k = &g->keys[j];
        if (!k) {
            wri_error(c, e->args[i]->loc, "name a key of GROUP BY", "GROUPING asks for what is no key");
            return &wri_failed;
        }
        uint32_t col = wri_agg_base(&g->agg) + g->agg.n_keys + k->plain;
        wr_expr *bit = k->role == WRI_ROLE_NONE && g->agg.n_sets > 1
                           ? wri_new_col(c->ar, col, t, e->loc)
                           : wri_new_const(c->ar, (wr_value){.i64 = 0}, t, e->loc);
        wr_expr *two = wri_new_const(c->ar, (wr_value){.i64 = 2}, t, e->loc);
        if (sum && two) sum = wri_new_op(c->ar, WR_OP_MUL, t, e->loc, 2, (wr_expr *[]){sum, two});
        sum = i == 0       ? bit
              : sum && bit ? wri_new_op(c->ar, WR_OP_ADD, t, e->loc, 2, (wr_expr *[]){sum, bit})
                           : NULL;
        if (!sum) c->oom = true;
        if (!sum) return &wri_failed;
    }
    return sum ? sum : &wri_failed;
}

/* A subquery gives the same for all rows of a group, so that of any of them will do. */
static wr_expr *subquery(wri_group *g, const wr_ast *e) {
    wri_ctx *c = g->s->q->c;
    wr_expr *value = wri_sub_value(g->args.subs, e);
    if (!value) return NULL;
    if (e->kind == WR_A_IN || !(g->s->y->has_group || g->stagger)) {
        wri_unsupported(c, e->loc, "aggregate in a subquery first: SELECT …, (SELECT …) FROM (SELECT …) AS a",
                        e->kind == WR_A_IN
                            ? "IN with a subquery is not supported yet beside GROUP BY"
                            : "a subquery is not supported yet beside aggregates without GROUP BY");
        return &wri_failed;
    }
    wri_agg *a = &g->agg;
    if (!wri_add_call(c, a, "ANY_VALUE", value)) return &wri_failed;
    uint32_t last = a->n_calls - 1;
    wr_expr *x = wri_new_col(c->ar, wri_agg_calls_base(a) + last, a->calls[last].call.type, e->loc);
    if (!x) c->oom = true;
    return x ? x : &wri_failed;
}

static bool is_name(const wr_ast *e, const char *name) {
    return e->name.n == 1 && strcasecmp(e->name.parts[0].text, name) == 0;
}

/* An expression that is written as, or binds to, a key. */
static const key *matching_key(wri_group *g, const wr_ast *e) {
    for (uint32_t i = 0; i < g->n_keys; i++) {
        const key *k = &g->keys[i];
        if (!k->ast || !k->expr || k->ast->kind != e->kind || k->ast->n_args != e->n_args) continue;
        if (k->ast->op && (!e->op || strcmp(k->ast->op, e->op) != 0)) continue;
        if (wr_ast_equal(k->ast, e)) return k;
        /* a.x and x may be one column: bind it, silently, and compare. */
        wri_binder quiet = g->args;
        wr_diags none = {.file = quiet.d->file, .text = quiet.d->text, .len = quiet.d->len, .ar = quiet.ar};
        quiet.d = &none;
        wr_expr *x = wri_bind(&quiet, e);
        if (x != &wri_failed && wri_expr_equal(x, k->expr)) return k;
    }
    return NULL;
}

static wr_expr *group_hook(void *ctx, wri_binder *b, const wr_ast *e) {
    wri_group *g = ctx;
    switch (e->kind) {
    case WR_A_COLUMN:
        return column(g, e);
    case WR_A_NULL:
    case WR_A_BOOL:
    case WR_A_NUMBER:
    case WR_A_STRING:
    case WR_A_BINARY:
    case WR_A_TEMPORAL:
    case WR_A_INTERVAL:
        return NULL;
    case WR_A_CALL: {
        if (wri_agg_of(b, e)) return aggregate(g, e);
        if (is_name(e, "GROUPING") || is_name(e, "GROUPING_ID")) return grouping(g, e);
        const char *part = e->name.n == 1 ? wri_border_part(e->name.parts[0].text) : NULL;
        if (part) return window_aux(g, e, part);
        break;
    }
    default:
        break;
    }
    const key *k = matching_key(g, e);
    if (k) return key_col(g, k, e->loc);
    wr_expr *x = wri_is_subquery(e) ? subquery(g, e) : NULL;
    return x ? x : wri_refuse(b, e, "SELECT");
}

/* ---- entry points ---- */

static bool bind_having(wri_group *g, wr_expr **predp) {
    *predp = NULL;
    if (!g->s->y->having) return true;
    *predp = wri_bind_as(&g->s->b, g->s->y->having, wr_type_of(WR_T_BOOLEAN));
    return *predp != &wri_failed;
}

/* SELECT STREAM of what has ROWTIME, whether it ends or not: what a statement says does not depend on where
 * its rows are. True after reporting. */
static bool never_completes(wri_group *g) {
    if (!g->s->y->stream || g->in->time_col == WR_NO_COL || g->s->y->emit.kind == WR_EMIT_CHANGES)
        return false;
    no_rise(g);
    return true;
}

/* The keys of PARTITION BY in WINDOWED BY STAGGER. */
static bool stagger_keys(wri_group *g) {
    const wr_window *w = g->s->y->stagger_window;
    bool ok = true;
    uint32_t idx;
    for (uint32_t i = 0; i < w->n_partition; i++) ok = add_key(g, w->partition[i], &idx) && ok;
    g->n_sets = 1;
    g->simple = true;
    if (ok && g->fn)
        wri_error(g->s->q->c, g->fn->loc, "leave it out: the window is that of RANGE",
                  "PARTITION BY of WINDOWED BY STAGGER holds a window function");
    return ok && !g->fn;
}

static bool read_keys(wri_group *g) {
    if (g->stagger) return stagger_keys(g);
    return wri_grouping_sets(g->s->q->c, g->s->y, add_key, g, &g->sets, &g->n_sets, &g->simple);
}

wr_node *wri_plan_group(wri_select *s) {
    wri_ctx *c = s->q->c;
    const wr_query *y = s->y;
    wri_group *g = wri_new(c, sizeof *g);
    if (!g) return NULL;
    g->s = s;
    g->in = s->in;
    g->stagger = y->stagger;
    g->what = y->stagger ? "WINDOWED BY STAGGER" : y->has_group ? "GROUP BY" : "an aggregate";
    g->agg.loc = y->stagger                    ? y->stagger_window->loc
                 : y->has_group && y->n_groups ? y->groups[0].loc
                                               : y->loc;
    wri_binder_scalar(s->q, &g->args, &s->scope, "GROUP BY");
    if (!read_keys(g) || !find_window(g) || !emit_mode(g) || !finish_keys(g)) return NULL;
    if (g->agg.win.kind == WR_W_NONE && never_completes(g)) return NULL;
    wri_binder_scalar(s->q, &g->args, &s->scope, "an aggregate");
    s->g = g;
    wri_binder_init(s->q, &s->b, &s->scope);
    s->b.subs = NULL; /* what they give is over the input: see subquery() */
    s->b.hook = group_hook;
    s->b.hook_ctx = g;
    wr_expr *having;
    bool ok = wri_bind_outputs(s);
    if (!bind_having(g, &having) || !ok) return NULL;
    wr_node *n = wri_build_agg(c, &g->agg);
    return n && having ? wri_filter_node(c, n, having, y->having->loc) : n;
}

wr_node *wri_plan_distinct(wri_select *s, wr_node *n, const char *what, const uint32_t *cols, uint32_t n_cols,
                           uint32_t *counts) {
    wri_ctx *c = s->q->c;
    wri_group g = {.s = s, .in = n, .what = what, .distinct = n_cols == 0, .simple = true, .n_sets = 1};
    g.agg.loc = s->y->loc;
    uint32_t *idx = wri_new_n(c, s->n_items, sizeof *idx);
    if (!idx) return NULL;
    for (uint32_t i = 0; i < s->n_items; i++)
        if (!push_key(&g, (key){.expr = s->out.exprs[i], .name = s->out.names[i]}, &idx[i])) return NULL;
    if (!find_window(&g) || !emit_mode(&g) || !finish_keys(&g)) return NULL;
    for (uint32_t i = 0; i < s->n_items; i++) {
        s->out.exprs[i] = key_col(&g, &g.keys[idx[i]], s->out.exprs[i]->loc);
        if (s->out.exprs[i] == &wri_failed) return NULL;
    }
    for (uint32_t i = 0; i < n_cols; i++) {
        wr_expr *arg = wri_col_of(c, n, cols[i], g.agg.loc);
        if (!arg || !wri_add_call(c, &g.agg, "COUNT", arg)) return NULL;
        counts[i] = wri_agg_calls_base(&g.agg) + i;
    }
    return wri_build_agg(c, &g.agg);
}

/* planner/window.c -- recognises and checks windows.
 *
 *   TABLE(TUMBLE(TABLE t, DESCRIPTOR(c), size [, offset]))       also HOP(…, slide, size), CUMULATE(…, step,
 * size), TUMBLE(DATA => TABLE t, TIMECOL => DESCRIPTOR(c), SIZE => …)  with or without TABLE(…) GROUP BY
 * TUMBLE(c, size [, offset])                           the older form
 *
 * A table function becomes a WINDOW node, SESSION a SESSION node (session.c). When an aggregate groups by its
 * borders, wri_unwindow finds the same rows without the node, so that rows are not copied once per window. */
#include <strings.h>

#include "plan_int.h"

wr_win_kind wri_window_fn(const wr_name *name) {
    if (name->n != 1) return WR_W_NONE;
    const char *s = name->parts[0].text;
    if (strcasecmp(s, "TUMBLE") == 0) return WR_W_TUMBLE;
    if (strcasecmp(s, "HOP") == 0) return WR_W_HOP;
    if (strcasecmp(s, "CUMULATE") == 0) return WR_W_CUMULATE;
    if (strcasecmp(s, "SESSION") == 0) return WR_W_SESSION;
    return WR_W_NONE;
}

const char *wri_duration(wr_arena *ar, int64_t us) {
    static const struct {
        int64_t us;
        const char *name;
    } units[] = {{86400 * WR_US_PER_SECOND, "d"},
                 {3600 * WR_US_PER_SECOND, "h"},
                 {60 * WR_US_PER_SECOND, "min"},
                 {WR_US_PER_SECOND, "s"},
                 {1000, "ms"},
                 {1, "us"}};
    if (us == 0) return "0 s";
    uint64_t left = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    const char *out = us < 0 ? "-" : "";
    for (size_t i = 0; i < WR_LEN(units) && left; i++) {
        // cppcheck-suppress zerodivcond ; units are the constants above
        uint64_t n = left / (uint64_t)units[i].us;
        left %= (uint64_t)units[i].us;
        if (n == 0) continue;
        out = wr_arena_printf(ar, "%s%llu %s%s", out, (unsigned long long)n, units[i].name, left ? " " : "");
        if (!out) return "";
    }
    return out;
}

/* ---- arguments ---- */

/* Parameters by position after data and time: TUMBLE size, offset; HOP slide, size, offset; SESSION gap. */
static const wr_ast **param_at(wri_win_args *a, uint32_t i) {
    if (a->kind == WR_W_SESSION) return i == 0 ? &a->size : NULL;
    if (a->kind == WR_W_TUMBLE) i++; /* has no slide */
    if (i == 0) return &a->slide;
    if (i == 1) return &a->size;
    return i == 2 ? &a->offset : NULL;
}

static const wr_ast **param_named(wri_win_args *a, const char *name, bool tvf) {
    if (tvf && strcasecmp(name, "DATA") == 0) return &a->data;
    if (strcasecmp(name, "TIMECOL") == 0) return &a->time;
    if (a->kind == WR_W_SESSION) return strcasecmp(name, "GAP") == 0 ? &a->size : NULL;
    if (strcasecmp(name, "SIZE") == 0) return &a->size;
    if (strcasecmp(name, "OFFSET") == 0) return &a->offset;
    if (a->kind == WR_W_HOP && strcasecmp(name, "SLIDE") == 0) return &a->slide;
    if (a->kind == WR_W_CUMULATE && strcasecmp(name, "STEP") == 0) return &a->slide;
    return NULL;
}

static const char *signature(wr_win_kind k, bool tvf) {
    switch (k) {
    case WR_W_TUMBLE:
        return tvf ? "TUMBLE(TABLE t, DESCRIPTOR(c), size [, offset])" : "TUMBLE(c, size [, offset])";
    case WR_W_SESSION:
        return tvf ? "SESSION(TABLE t [PARTITION BY k, …], DESCRIPTOR(c), gap)" : "SESSION(c, gap)";
    case WR_W_HOP:
        return tvf ? "HOP(TABLE t, DESCRIPTOR(c), slide, size [, offset])" : "HOP(c, slide, size [, offset])";
    default:
        return tvf ? "CUMULATE(TABLE t, DESCRIPTOR(c), step, size [, offset])"
                   : "CUMULATE(c, step, size [, offset])";
    }
}

static bool named_arg(wri_ctx *c, wri_win_args *a, const wr_ast *arg, bool tvf) {
    const wr_ast **slot = param_named(a, arg->text, tvf);
    if (!slot) {
        const char *sized[] = {"DATA", "TIMECOL", "SIZE", "OFFSET",
                               a->kind == WR_W_HOP        ? "SLIDE"
                               : a->kind == WR_W_CUMULATE ? "STEP"
                                                          : "SIZE"};
        const char *session[] = {"DATA", "TIMECOL", "GAP"};
        bool s = a->kind == WR_W_SESSION;
        const char *const *names = s ? session : sized;
        size_t n_names = s ? WR_LEN(session) : WR_LEN(sized);
        wri_error(c, arg->loc, wri_suggest(c, wr_nearest(arg->text, names, n_names, sizeof *names)),
                  "%s has no argument '%s'", a->fn, arg->text);
        return false;
    }
    if (*slot) {
        wri_error(c, arg->loc, "write it once", "%s: argument %s is given twice", a->fn, arg->text);
        return false;
    }
    *slot = arg->args[0];
    return true;
}

bool wri_win_args_read(wri_q *q, const wr_ast *call, bool tvf, wri_win_args *a) {
    wri_ctx *c = q->c;
    *a = (wri_win_args){.kind = wri_window_fn(&call->name)};
    static const char *const fns[] = {[WR_W_TUMBLE] = "TUMBLE",
                                      [WR_W_HOP] = "HOP",
                                      [WR_W_CUMULATE] = "CUMULATE",
                                      [WR_W_SESSION] = "SESSION"};
    a->fn = fns[a->kind];
    bool named = false;
    uint32_t fixed = tvf ? 2 : 1; /* data and time column, or the time column only */
    for (uint32_t i = 0; i < call->n_args; i++) {
        const wr_ast *arg = call->args[i];
        if (arg->kind == WR_A_NAMED_ARG) {
            named = true;
            if (!named_arg(c, a, arg, tvf)) return false;
            continue;
        }
        const wr_ast **slot = i + 1 == fixed  ? &a->time
                              : i < fixed     ? &a->data
                              : i < fixed + 3 ? param_at(a, i - fixed)
                                              : NULL;
        if (named || !slot || *slot) {
            wri_error(c, arg->loc, wri_text(c, "write %s", signature(a->kind, tvf)),
                      named ? "%s: an argument without a name follows a named one"
                            : "%s is given too many arguments",
                      a->fn);
            return false;
        }
        *slot = arg;
    }
    const char *missing = tvf && !a->data                         ? "the input table"
                          : !a->time                              ? "the time column"
                          : a->kind == WR_W_HOP && !a->slide      ? "the slide"
                          : a->kind == WR_W_CUMULATE && !a->slide ? "the step"
                          : !a->size && a->kind == WR_W_SESSION   ? "the gap"
                          : !a->size                              ? "the window size"
                                                                  : NULL;
    if (!missing) return true;
    wri_error(c, call->loc, wri_text(c, "write %s", signature(a->kind, tvf)), "%s: %s is missing", a->fn,
              missing);
    return false;
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

static bool interval(wri_q *q, const wr_ast *e, const char *fn, const char *what, bool positive,
                     int64_t *outp) {
    wri_scope none = {0};
    wri_binder b;
    wri_binder_scalar(q, &b, &none, "a window's size");
    const char *full = wri_text(q->c, "%s: %s", fn, what);
    if (!full || !wri_const_interval_us(&b, e, full, outp)) return false;
    if (positive && *outp <= 0) {
        wri_error(q->c, e->loc, "give an interval above zero", "%s: %s must be above zero, it is %s", fn,
                  what, wri_duration(q->c->ar, *outp));
        return false;
    }
    return true;
}

/* size is no multiple of slide: names the multiples on both sides. */
static void not_multiple(wri_ctx *c, const wri_win_args *a, wr_loc loc, int64_t size, int64_t slide) {
    const char *what = a->kind == WR_W_HOP ? "slide" : "step";
    int64_t below = size - size % slide;
    const char *hint = below == 0
                           ? wri_text(c, "%s comes before the size; the nearest multiple is %s", what,
                                      wri_duration(c->ar, slide))
                           : wri_text(c, "the nearest multiples are %s and %s", wri_duration(c->ar, below),
                                      wri_duration(c->ar, below > INT64_MAX - slide ? below : below + slide));
    wri_error(c, loc, hint, "%s: the size %s is not a multiple of the %s %s", a->fn,
              wri_duration(c->ar, size), what, wri_duration(c->ar, slide));
}

/* The sum of any event time and a window is to fit 64 bits. */
#define LENGTH_US_MAX (WR_TS_MAX / 2)

static bool fits(wri_ctx *c, const wri_win_args *a, const wr_ast *at, const char *what, int64_t us) {
    if (us <= LENGTH_US_MAX) return true;
    wri_error(c, at->loc, "give a shorter interval", "%s: %s is longer than %s", a->fn, what,
              wri_duration(c->ar, wr_floor_to(LENGTH_US_MAX, 86400 * WR_US_PER_SECOND)));
    return false;
}

static bool session_spec(wri_q *q, const wri_win_args *a, wr_type time, wr_loc loc, wr_win *win) {
    if (!interval(q, a->size, a->fn, "the gap", true, &win->size_us)) return false;
    win->slide_us = win->slice_us = win->size_us;
    if (!fits(q->c, a, a->size, "the gap", win->size_us)) return false;
    if (win->size_us % win->tick_us == 0) return true;
    wri_error(q->c, loc, "use whole milliseconds, or a TIMESTAMP(6) column",
              "%s: the gap is finer than its time column, which is TIMESTAMP(%u)", a->fn, time.prec);
    return false;
}

bool wri_win_spec(wri_q *q, const wri_win_args *a, wr_type time, wr_loc loc, wr_win *win) {
    win->kind = a->kind;
    win->tick_us = time.prec > 3 ? 1 : 1000;
    win->offset_us = 0;
    win->start_col = win->end_col = WR_NO_COL;
    if (a->kind == WR_W_SESSION) return session_spec(q, a, time, loc, win);
    if (a->slide &&
        !interval(q, a->slide, a->fn, a->kind == WR_W_HOP ? "the slide" : "the step", true, &win->slide_us))
        return false;
    if (!interval(q, a->size, a->fn, "the size", true, &win->size_us)) return false;
    if (!fits(q->c, a, a->size, "the size", win->size_us)) return false;
    if (a->offset && !interval(q, a->offset, a->fn, "the offset", false, &win->offset_us)) return false;
    if (a->kind == WR_W_TUMBLE) win->slide_us = win->size_us;
    if (win->size_us % win->slide_us != 0) {
        not_multiple(q->c, a, a->size->loc, win->size_us, win->slide_us);
        return false;
    }
    int64_t period = a->kind == WR_W_HOP ? win->slide_us : win->size_us;
    win->offset_us = win->offset_us - wr_floor_to(win->offset_us, period); /* 0 <= offset < period */
    win->slice_us = gcd(win->size_us, win->slide_us);
    if (win->tick_us > 1 && (win->slice_us % win->tick_us || win->offset_us % win->tick_us)) {
        wri_error(q->c, loc, "use whole milliseconds, or a TIMESTAMP(6) column",
                  "%s: the window is finer than its time column, which is TIMESTAMP(%u)", a->fn, time.prec);
        return false;
    }
    return true;
}

/* ---- time attribute ---- */

void wri_not_time(wri_ctx *c, const wr_node *in, wr_loc loc, const char *fn, const char *found) {
    const char *declare =
        "declare one: WATERMARK FOR column AS column - INTERVAL '5' SECOND in CREATE STREAM";
    if (in->time_col == WR_NO_COL) {
        wri_error(c, loc, declare, "%s needs event time, and its input has no time attribute", fn);
        return;
    }
    const char *name = in->out.fields[in->time_col].name;
    bool visible = in->time_col < wri_x(in)->n_vis;
    const char *hint = visible ? wri_text(c, "use '%s'", name)
                       : strcasecmp(name, "ROWTIME") == 0
                           ? wri_text(c, "use ROWTIME (arrival time), or %s", declare)
                           : wri_text(c, "select '%s' in its input and use that", name);
    wri_error(c, loc, hint, "%s: '%s' is not the time attribute of the input", fn, found);
}

/* ---- table functions ---- */

wr_node *wri_table_arg_rows(wri_q *q, const wr_ast *d, const char *fn, bool by_key, wri_scope *scope) {
    wr_from f = {.loc = d->loc};
    if (d->kind == WR_A_TABLE_ARG || d->kind == WR_A_SUBQUERY || d->kind == WR_A_CURSOR) {
        if (d->n_args && !by_key) {
            wri_error(q->c, d->args[0]->loc, "group by it instead",
                      "%s takes no PARTITION BY: its windows do not depend on a key", fn);
            return NULL;
        }
        f.kind = d->query ? WR_F_QUERY : WR_F_TABLE;
        f.query = d->query;
        f.name = d->name;
    } else if (d->kind == WR_A_COLUMN) {
        f.kind = WR_F_TABLE;
        f.name = d->name;
    } else {
        wri_error(q->c, d->loc, "write TABLE name or a subquery", "%s: the first argument is not a table",
                  fn);
        return NULL;
    }
    return wri_plan_from(q, &f, scope);
}

/* The column of DESCRIPTOR(c) must be the input's time attribute. */
static bool tvf_time(wri_q *q, const wri_win_args *a, wr_node **inp, const wri_scope *scope) {
    const wr_ast *t = a->time;
    wr_node *in = *inp;
    if (t->kind == WR_A_DESCRIPTOR) {
        if (t->n_args != 1) {
            wri_error(q->c, t->loc, "write DESCRIPTOR(column)", "%s: DESCRIPTOR must name one column", a->fn);
            return false;
        }
        t = t->args[0];
    }
    if (t->kind != WR_A_COLUMN) {
        wri_error(q->c, t->loc, "write DESCRIPTOR(column)", "%s: the time argument must name a column",
                  a->fn);
        return false;
    }
    wri_binder b;
    wri_binder_scalar(q, &b, scope, "DESCRIPTOR");
    wr_expr *e = wri_bind(&b, t);
    if (!e || e == &wri_failed) return false;
    if (e->kind == WR_X_COL && wri_is_time(in, e->col))
        return (*inp = wri_with_time(q->c, in, e->col)) != NULL;
    wri_not_time(q->c, in, t->loc, a->fn, t->name.parts[t->name.n - 1].text);
    return false;
}

/* Names that the function adds must be new. */
static bool tvf_names(wri_ctx *c, const wri_win_args *a, const wr_node *in) {
    static const char *const names[] = {"window_start", "window_end", "window_time"};
    for (uint32_t i = 0; i < wri_x(in)->n_vis; i++)
        for (uint32_t k = 0; k < WR_LEN(names); k++)
            if (strcasecmp(in->out.fields[i].name, names[k]) == 0) {
                wri_error(
                    c, a->data->loc,
                    wri_text(c, "give it another name in a subquery: %s AS inner_%s", names[k], names[k]),
                    "%s adds a column '%s', but its input has one already", a->fn, names[k]);
                return false;
            }
    return true;
}

wr_node *wri_plan_tvf(wri_q *q, const wr_from *f) {
    wri_ctx *c = q->c;
    wri_win_args a;
    if (!wri_win_args_read(q, f->function, true, &a)) return NULL;
    wri_scope scope = {0};
    wr_node *in = wri_table_arg_rows(q, a.data, a.fn, a.kind == WR_W_SESSION, &scope);
    if (!in || !tvf_time(q, &a, &in, &scope) || !tvf_names(c, &a, in)) return NULL;
    if (a.kind != WR_W_SESSION && !(in = wri_clock_node(c, in, f->loc))) return NULL;
    wr_win win = {.time_col = in->time_col};
    if (!wri_win_spec(q, &a, in->out.fields[in->time_col].type, f->loc, &win)) return NULL;
    uint32_t n_vis = wri_x(in)->n_vis;
    wr_node *w = a.kind == WR_W_SESSION ? wri_session_rows(q, in, &scope, a.data, &win, f->loc)
                                        : wri_window_node(c, in, &win, f->loc);
    if (!w) return NULL;
    wri_cols cols = {0};
    for (uint32_t i = 0; i < n_vis + 3; i++) {
        uint32_t col = i < n_vis ? i : w->out.n - 3 + (i - n_vis);
        if (!wri_cols_add(c, &cols, wri_col_of(c, w, col, f->loc), w->out.fields[col].name)) return NULL;
    }
    return wri_project_node(c, w, &cols, cols.n, f->loc);
}

/* ---- without the WINDOW node ---- */

static bool is_window_col(void *ctx, uint32_t col) { return ((const uint32_t *)ctx)[col] == WR_NO_COL; }

static wr_node *unwindow_filter(wri_ctx *c, wr_node *n, const wr_node *w, uint32_t *map) {
    const uint32_t *below;
    wr_node *in = wri_unwindow(c, n->in[0], w, &below);
    if (!in || wri_reads(n->filter.pred, is_window_col, (void *)(uintptr_t)below)) return NULL;
    if (w->kind == WR_N_SESSION && !wri_session_whole(n, w)) return NULL;
    wr_expr *pred = wri_expr_remap(c->ar, n->filter.pred, below);
    if (!pred) {
        c->oom = true;
        return NULL;
    }
    for (uint32_t i = 0; i < n->out.n; i++) map[i] = below[n->filter.keep[i]];
    return wri_filter_node(c, in, pred, n->loc);
}

static wr_node *unwindow_project(wri_ctx *c, wr_node *n, const wr_node *w, uint32_t *map) {
    const uint32_t *below;
    wr_node *in = wri_unwindow(c, n->in[0], w, &below);
    if (!in) return NULL;
    wri_cols cols = {0};
    for (uint32_t i = 0; i < n->out.n; i++) {
        wr_expr *e = n->project.exprs[i];
        map[i] = WR_NO_COL;
        if (e->kind == WR_X_COL && below[e->col] == WR_NO_COL) continue;
        if (wri_reads(e, is_window_col, (void *)(uintptr_t)below)) return NULL;
        map[i] = cols.n;
        if (!wri_cols_add(c, &cols, wri_expr_remap(c->ar, e, below), n->out.fields[i].name)) return NULL;
    }
    return wri_project_node(c, in, &cols, cols.n, n->loc);
}

wr_node *wri_unwindow(wri_ctx *c, wr_node *node, const wr_node *w, const uint32_t **mapp) {
    wri_xnode *x = wri_x(node);
    if (x->bare_of == w) {
        *mapp = x->bare_map;
        return x->bare;
    }
    if (node != w && node->kind != WR_N_FILTER && node->kind != WR_N_PROJECT) return NULL;
    uint32_t *map = wri_new_n(c, node->out.n, sizeof *map);
    if (!map) return NULL;
    wr_node *bare;
    if (node == w) {
        bare = w->kind == WR_N_SESSION ? node->in[0]->in[0] : node->in[0]; /* before its exchange */
        for (uint32_t i = 0; i < node->out.n; i++) map[i] = i < bare->out.n ? i : WR_NO_COL;
    } else bare = (node->kind == WR_N_FILTER ? unwindow_filter : unwindow_project)(c, node, w, map);
    if (!bare) return NULL;
    x->bare_of = w;
    x->bare = bare;
    x->bare_map = map;
    *mapp = map;
    return bare;
}

/* planner/join.c -- which join it is, and its node.
 *
 *   a side is a table that can be asked by a key lookup: as rows of the other side come
 *   a side is updating                              changes: corrected as either side changes
 *   AS OF the time of the left side, of a stream with a primary key     temporal: the version valid then
 *   both sides carry a window, and its start and end are equated        window: when the window closes
 *   times of both sides are bounded against each other                  interval: as rows come
 *   a side is bounded                                                   table: that side is read first
 *   state_ttl is set                                                    as interval, in that time
 *   OVER behind an item of FROM, or nothing bounds it in the Kinesis dialect       recent: join_recent.c
 *
 * Conditions are conjuncts over the columns of in[0], then those of in[1]. Those that read one side only
 * filter it where the kind of join allows; equations between the sides are keys, by whose hash both sides are
 * exchanged, unless one is so small that every task gets all of it; the rest is the residual, which is asked
 * of each pair of rows. */
#include "plan_int.h"

typedef struct key { /* an equation between the sides, each in columns of its own side */
    wr_expr *side[2];
    bool null_eq;
    bool is_time; /* said by the bounds of an interval join, too */
} key;

typedef struct bound { /* time of in[0] - time of in[1], from the condition */
    uint32_t cols[2];
    int64_t lo, hi;
    bool has_lo, has_hi;
} bound;

typedef struct making {
    wri_join *j;
    wri_ctx *c;
    uint32_t w0, w1; /* columns of the sides */
    key *keys;
    uint32_t n_keys, keys_cap;
    wr_expr **rest; /* conjuncts that are no keys; NULL: dropped */
    uint32_t n_rest, rest_cap;
    bound times;
    const wr_node *window[2]; /* origins of the windows that are equated; NULL: no window join */
    uint32_t window_end[2];
    bool swapped;
    bool early, recent; /* as wr_node.join */
    wr_node_kind kind;
} making;

/* Whether rows of this side are never padded. */
static bool keeps(wr_join_type t, uint32_t side) {
    if (t == WR_JOIN_INNER) return true;
    return side == 0 ? t != WR_JOIN_RIGHT && t != WR_JOIN_FULL : t == WR_JOIN_RIGHT;
}
static bool one_sided(wr_join_type t) { return t == WR_JOIN_SEMI || t == WR_JOIN_ANTI; }

/* ---- conjuncts ---- */

typedef struct seen_sides {
    uint32_t w0, bits;
} seen_sides;
static void see_side(void *ctx, uint32_t col) {
    seen_sides *s = ctx;
    s->bits |= col < s->w0 ? 1 : 2;
}
static uint32_t sides_of(const making *m, const wr_expr *e) {
    seen_sides s = {.w0 = m->w0};
    wri_expr_cols(e, see_side, &s);
    return s.bits;
}

/* e of side 1 alone, in its own columns; of side 0 it is that already. */
static wr_expr *own(making *m, wr_expr *e, uint32_t side) {
    if (side == 0) return e;
    uint32_t *map = wri_new_n(m->c, m->w0 + m->w1, sizeof *map);
    for (uint32_t i = 0; map && i < m->w1; i++) map[m->w0 + i] = i;
    wr_expr *x = map ? wri_expr_remap(m->c->ar, e, map) : NULL;
    if (!x) m->c->oom = true;
    return x;
}

bool wri_join_add(wri_join *j, wr_expr *e) {
    if (e->kind == WR_X_OP && e->op == WR_OP_AND) {
        for (uint32_t i = 0; i < e->n_args; i++)
            if (!wri_join_add(j, e->args[i])) return false;
        return true;
    }
    wr_expr **slot = wri_new_last(j->q->c, &j->conds, &j->n_conds, &j->conds_cap, sizeof(wr_expr *));
    if (slot) *slot = e;
    return slot != NULL;
}

/* Whether a condition on this side alone can be asked before the join. */
static bool filters(const wri_join *j, uint32_t side) {
    wr_join_type t = j->type;
    if (j->recent.by_rows)
        return false; /* rows are counted before they are asked, and their last time counts */
    if (t == WR_JOIN_INNER || t == WR_JOIN_SEMI) return true;
    return side == 0 ? t == WR_JOIN_RIGHT : t == WR_JOIN_LEFT || t == WR_JOIN_ANTI;
}

/* A key at the scale of the other side's, since keys are hashed as they are stored. What has no room there is
 * larger than anything on the other side: NULL, which equals nothing, will do, where NULL means no more. */
static wr_expr *at_scale(making *m, wr_expr *e, const wr_expr *other, bool null_matters) {
    uint32_t scale = other->type.scale;
    if (other->type.kind != WR_T_DECIMAL || wr_type_phys(e->type) != WR_I64) return e;
    if (e->type.kind == WR_T_DECIMAL && e->type.scale >= scale) return e;
    if (e->type.kind != WR_T_DECIMAL && scale == 0) return e;
    wr_type t = wr_type_of(WR_T_DECIMAL);
    t.scale = (uint8_t)scale;
    wr_expr *x = wri_new_op(m->c->ar, null_matters ? WR_OP_CAST : WR_OP_TRY_CAST, t, e->loc, 1, &e);
    if (!x) m->c->oom = true;
    return x;
}

/* Sides filtered, keys found, the rest collected. What can fail goes below only when all before it does: an
 * earlier condition may guard it. */
static bool sort_conds(making *m) {
    wri_join *j = m->j;
    uint32_t before = 0;
    for (uint32_t i = 0; i < j->n_conds; i++) {
        wr_expr *e = j->conds[i];
        uint32_t sides = sides_of(m, e), s = sides == 2;
        bool guarded = before != 0 && before != sides && !wri_cannot_fail(e);
        before |= sides ? sides : 3;
        if ((sides == 1 || sides == 2) && filters(j, s) && !guarded) {
            wr_expr *x = own(m, e, s);
            j->in[s] = x ? wri_filter_node(m->c, j->in[s], x, e->loc) : NULL;
            if (!j->in[s]) return false;
            continue;
        }
        bool eq = e->kind == WR_X_OP && (e->op == WR_OP_EQ || e->op == WR_OP_IS_NOT_DISTINCT);
        uint32_t a = eq ? sides_of(m, e->args[0]) : 0, b = eq ? sides_of(m, e->args[1]) : 0;
        if (a + b == 3 && a && b && wri_is_deterministic(e)) {
            key *k = wri_new_last(m->c, &m->keys, &m->n_keys, &m->keys_cap, sizeof *k);
            if (!k) return false;
            k->side[0] = e->args[a == 1 ? 0 : 1];
            k->side[1] = own(m, e->args[a == 1 ? 1 : 0], 1);
            k->null_eq = e->op == WR_OP_IS_NOT_DISTINCT;
            for (s = 0; k->side[1] && s < 2; s++)
                k->side[s] = at_scale(m, k->side[s], e->args[a == 1 ? !s : s], k->null_eq || j->null_aware);
            if (!k->side[0] || !k->side[1]) return false;
        } else {
            wr_expr **slot = wri_new_last(m->c, &m->rest, &m->n_rest, &m->rest_cap, sizeof(wr_expr *));
            if (!slot) return false;
            *slot = e;
        }
    }
    return true;
}

/* ---- lookups ---- */

/* Column c of a table, a SOURCE or a PROJECT of one that puts its columns in order, as a column of the
 * SOURCE. */
static uint32_t place_of(const wr_node *table, uint32_t c) {
    return table->kind == WR_N_SOURCE ? c : table->project.exprs[c]->col;
}

/* Whether e equates a column that table s has with what does not read the table: *kp, by which it can be
 * asked. The values must be of one form, as they are hashed and compared as they are. */
static bool looks_up(making *m, const wr_expr *e, uint32_t s, key *kp) {
    const wr_node *table = m->j->tables[s], *source = table->kind == WR_N_SOURCE ? table : table->in[0];
    if (e->kind != WR_X_OP || e->op != WR_OP_EQ || !wri_is_deterministic(e)) return false;
    uint32_t at = sides_of(m, e->args[0]) == 1u << s && e->args[0]->kind == WR_X_COL ? 0 : 1;
    wr_expr *col = e->args[at], *of = e->args[!at];
    if (col->kind != WR_X_COL || sides_of(m, col) != 1u << s || sides_of(m, of) >> s & 1) return false;
    uint32_t c = col->col - (s ? m->w0 : 0), at_source = place_of(table, c);
    if (at_source >= source->source.n_cols || wr_col_is_made(source->source.cols[at_source])) return false;
    wr_kind k = col->type.kind;
    if (k == WR_T_JSON || k == WR_T_INTERVAL_DAY || k == WR_T_INTERVAL_MONTH) return false;
    of = at_scale(m, own(m, of, !s), col, false);
    if (!of ||
        (of->type.kind == WR_T_DECIMAL ? of->type.scale : 0) != (k == WR_T_DECIMAL ? col->type.scale : 0) ||
        wr_type_phys(of->type) != wr_type_phys(col->type))
        return false;
    for (uint32_t i = 0; i < m->n_keys; i++)
        if (m->keys[i].side[s]->col == c) return false; /* asked by it already */
    *kp = (key){.side = {s ? of : own(m, col, 0), s ? own(m, col, 1) : of}};
    return kp->side[0] && kp->side[1];
}

/* The side that is asked by key; 2: none is. */
static uint32_t table_side(making *m) {
    const wri_join *j = m->j;
    for (uint32_t s = 2; s-- > 0;) {
        bool fits = j->type == WR_JOIN_INNER || j->type == (s ? WR_JOIN_LEFT : WR_JOIN_RIGHT);
        if (!j->tables[s] || !fits || (j->as_of && s == 0)) continue;
        /* Two tables are read; so is one that is joined with changes, which must meet the same rows twice. */
        if (!j->as_of && (j->tables[!s] || j->in[!s]->updating)) continue;
        key k;
        for (uint32_t i = 0; i < j->n_conds; i++)
            if (looks_up(m, j->conds[i], s, &k)) return s;
    }
    return 2;
}

/* Everything in terms of the SOURCE of table s; *mapp: old column of the pair -> new one. */
static bool to_source(making *m, uint32_t s, uint32_t **mapp) {
    wri_join *j = m->j;
    wr_node *table = j->tables[s], *source = table->kind == WR_N_SOURCE ? table : table->in[0];
    uint32_t old0 = m->w0, old1 = m->w1, *map = *mapp = wri_new_n(m->c, old0 + old1, sizeof *map);
    if (!map) return false;
    *(s ? &m->w1 : &m->w0) = source->out.n;
    j->in[s] = source;
    for (uint32_t i = 0; i < old0; i++) map[i] = s == 0 ? place_of(table, i) : i;
    for (uint32_t i = 0; i < old1; i++) map[old0 + i] = m->w0 + (s == 1 ? place_of(table, i) : i);
    for (uint32_t i = 0; i < m->n_rest; i++)
        if (!(m->rest[i] = wri_expr_remap(m->c->ar, m->rest[i], map))) m->c->oom = true;
    for (uint32_t k = 0; k < m->n_keys; k++)
        m->keys[k].side[s] = wri_col_of(m->c, source, place_of(table, m->keys[k].side[s]->col), j->loc);
    return !m->c->oom;
}

/* n, the join, with its columns where they were. */
static wr_node *from_source(making *m, wr_node *n, const uint32_t *map, uint32_t width) {
    wri_cols cols = {0};
    bool same = n->out.n == width;
    for (uint32_t i = 0; i < width; i++) same = same && map[i] == i;
    if (same) return n;
    for (uint32_t i = 0; i < width; i++)
        if (!wri_cols_add(m->c, &cols, wri_col_of(m->c, n, map[i], n->loc), n->out.fields[map[i]].name))
            return NULL;
    return wri_project_node(m->c, n, &cols, cols.n, n->loc);
}

/* As sort_conds, for table s: nothing is asked of it but keys. */
static bool sort_lookup(making *m, uint32_t s) {
    wri_join *j = m->j;
    uint32_t before = 0;
    for (uint32_t i = 0; i < j->n_conds; i++) {
        wr_expr *e = j->conds[i];
        uint32_t sides = sides_of(m, e);
        bool guarded = before & 1u << s && !wri_cannot_fail(e);
        before |= sides ? sides : 3;
        key k;
        if (sides == 1u << !s && filters(j, !s) && !guarded) {
            wr_expr *x = own(m, e, !s);
            j->in[!s] = x ? wri_filter_node(m->c, j->in[!s], x, e->loc) : NULL;
            if (!j->in[!s]) return false;
        } else if (looks_up(m, e, s, &k)) {
            key *slot = wri_new_last(m->c, &m->keys, &m->n_keys, &m->keys_cap, sizeof *slot);
            if (!slot) return false;
            *slot = k;
        } else {
            wr_expr **slot = wri_new_last(m->c, &m->rest, &m->n_rest, &m->rest_cap, sizeof(wr_expr *));
            if (!slot) return false;
            *slot = e;
        }
    }
    return true;
}

/* ---- bounds of time ---- */

typedef struct linear { /* sign[0] * a time of in[0] + sign[1] * a time of in[1] + k */
    int sign[2];
    uint32_t col[2];
    int64_t k;
} linear;

static bool lin_add(const making *m, const wr_expr *e, int sign, linear *l) {
    if (e->kind == WR_X_CONST) {
        bool us = e->type.kind == WR_T_INTERVAL_DAY;
        return us && !e->value.null && !__builtin_add_overflow(l->k, sign * e->value.i64, &l->k);
    }
    if (e->kind == WR_X_COL) {
        uint32_t s = e->col >= m->w0, col = e->col - (s ? m->w0 : 0);
        if (l->sign[s] || !wri_is_time(m->j->in[s], col)) return false;
        l->sign[s] = sign;
        l->col[s] = col;
        return true;
    }
    if (e->kind != WR_X_OP || (e->op != WR_OP_ADD && e->op != WR_OP_SUB)) return false;
    return lin_add(m, e->args[0], sign, l) && lin_add(m, e->args[1], e->op == WR_OP_SUB ? -sign : sign, l);
}

#define BOUND_MAX (INT64_C(1) << 60) /* 36,000 years: sums of two stay within 64 bits */

static void bound_lo(bound *t, int64_t lo) {
    if (!t->has_lo || lo > t->lo) t->lo = lo;
    t->has_lo = true;
}
static void bound_hi(bound *t, int64_t hi) {
    if (!t->has_hi || hi < t->hi) t->hi = hi;
    t->has_hi = true;
}

/* Whether e bounds the times, of the same two columns as the bounds before it; then m->times has it. */
static bool take_bound(making *m, wr_xop op, const wr_expr *a, const wr_expr *b) {
    linear l = {{0}};
    bound *t = &m->times;
    if (!lin_add(m, a, 1, &l) || !lin_add(m, b, -1, &l)) return false;
    if (l.sign[0] * l.sign[1] != -1 || l.k > BOUND_MAX || l.k < -BOUND_MAX) return false;
    if ((t->has_lo || t->has_hi) && (t->cols[0] != l.col[0] || t->cols[1] != l.col[1])) return false;
    int64_t k = l.sign[0] > 0 ? -l.k : l.k; /* in[0] - in[1] op k, or the other way round */
    bool less = op == WR_OP_LT || op == WR_OP_LE, more = op == WR_OP_GT || op == WR_OP_GE;
    if (!less && !more && op != WR_OP_EQ) return false;
    if (l.sign[0] < 0 && op != WR_OP_EQ) {
        less = !less;
        more = !more;
    }
    bool strict = op == WR_OP_LT || op == WR_OP_GT;
    t->cols[0] = l.col[0];
    t->cols[1] = l.col[1];
    if (more || op == WR_OP_EQ) bound_lo(t, k + strict);
    if (less || op == WR_OP_EQ) bound_hi(t, k - strict);
    return true;
}

static wr_expr *shifted(making *m, wr_expr *e) {
    uint32_t *map = wri_new_n(m->c, m->w1, sizeof *map);
    for (uint32_t i = 0; map && i < m->w1; i++) map[i] = m->w0 + i;
    wr_expr *x = map ? wri_expr_remap(m->c->ar, e, map) : NULL;
    if (!x) m->c->oom = true;
    return x;
}

/* Times of whole milliseconds differ by whole milliseconds. */
static void whole_ticks(making *m) {
    bound *t = &m->times;
    for (uint32_t s = 0; s < 2; s++)
        if (m->j->in[s]->out.fields[t->cols[s]].type.prec > 3) return;
    t->lo = -wr_floor_to(-t->lo, 1000);
    t->hi = wr_floor_to(t->hi, 1000);
}

/* Finds bounds in the conditions; with both, those that say no more are dropped. */
static bool find_bounds(making *m) {
    bool *said = wri_new_n(m->c, m->n_rest, sizeof *said);
    if (!said) return false;
    for (uint32_t i = 0; i < m->n_keys; i++) {
        key *k = &m->keys[i];
        wr_expr *r = shifted(m, k->side[1]);
        if (!r) return false;
        k->is_time = take_bound(m, WR_OP_EQ, k->side[0], r);
    }
    for (uint32_t i = 0; i < m->n_rest; i++) {
        const wr_expr *e = m->rest[i];
        if (e->kind == WR_X_OP && e->n_args == 2) said[i] = take_bound(m, e->op, e->args[0], e->args[1]);
    }
    if (!m->times.has_lo || !m->times.has_hi) return true;
    whole_ticks(m);
    for (uint32_t i = 0; i < m->n_rest; i++)
        if (said[i]) m->rest[i] = NULL;
    return true;
}

/* ---- windows ---- */

static wri_prop border(const making *m, const key *k, uint32_t s) {
    const wr_expr *e = k->side[s];
    return e->kind == WR_X_COL ? wri_x(m->j->in[s])->props[e->col] : (wri_prop){0};
}

/* The window of a node that made its columns, NULL: not known. */
static const wr_win *win_of(const wr_node *n) {
    if (n->kind == WR_N_WINDOW) return &n->window.win;
    return n->kind == WR_N_AGG_GLOBAL && n->agg.win.kind != WR_W_ATTACHED ? &n->agg.win : NULL;
}

static bool same_windows(making *m) {
    const wr_win *a = win_of(m->window[0]), *b = win_of(m->window[1]);
    if (!a || !b) return true;
    if (a->kind == b->kind && a->size_us == b->size_us && a->slide_us == b->slide_us &&
        a->offset_us == b->offset_us)
        return true;
    wri_error(m->c, m->j->loc, "give both sides the same window function, sizes and offset",
              "a window join of two different windows: %s of %s and %s of %s",
              a->kind == WR_W_HOP        ? "HOP"
              : a->kind == WR_W_CUMULATE ? "CUMULATE"
                                         : "TUMBLE",
              wri_duration(m->c->ar, a->size_us),
              b->kind == WR_W_HOP        ? "HOP"
              : b->kind == WR_W_CUMULATE ? "CUMULATE"
                                         : "TUMBLE",
              wri_duration(m->c->ar, b->size_us));
    return false;
}

/* Keys that equate window_start and window_end of one window of each side. */
static void find_windows(making *m) {
    for (uint32_t i = 0; i < m->n_keys; i++) {
        wri_prop l = border(m, &m->keys[i], 0), r = border(m, &m->keys[i], 1);
        if (l.role != WRI_ROLE_END || r.role != WRI_ROLE_END) continue;
        for (uint32_t k = 0; k < m->n_keys; k++) {
            wri_prop ls = border(m, &m->keys[k], 0), rs = border(m, &m->keys[k], 1);
            if (ls.role != WRI_ROLE_START || rs.role != WRI_ROLE_START) continue;
            if (ls.origin != l.origin || rs.origin != r.origin) continue;
            for (uint32_t s = 0; s < 2; s++) {
                m->window[s] = (s ? r : l).origin;
                m->window_end[s] = m->keys[i].side[s]->col;
            }
            return;
        }
    }
}

/* ---- which join ---- */

static bool mirrored(making *m) {
    wri_join *j = m->j;
    wr_node *n = j->in[0];
    j->in[0] = j->in[1];
    j->in[1] = n;
    if (j->type == WR_JOIN_LEFT) j->type = WR_JOIN_RIGHT;
    else if (j->type == WR_JOIN_RIGHT) j->type = WR_JOIN_LEFT;
    for (uint32_t i = 0; i < m->n_keys; i++) {
        wr_expr *e = m->keys[i].side[0];
        m->keys[i].side[0] = m->keys[i].side[1];
        m->keys[i].side[1] = e;
    }
    m->swapped = true;
    return true;
}

/* A side is bounded: that is read first, as in[1]. */
static bool table_join(making *m) {
    wri_join *j = m->j;
    m->kind = WR_N_JOIN_TABLE;
    bool preserved_0 = j->type != WR_JOIN_INNER && j->type != WR_JOIN_RIGHT;
    bool preserved_1 = j->type == WR_JOIN_RIGHT || j->type == WR_JOIN_FULL;
    if (j->in[0]->bounded && j->in[1]->bounded) return true;
    if (j->in[1]->bounded && !preserved_1) return true;
    if (j->in[0]->bounded && !preserved_0) return mirrored(m);
    wri_error(m->c, j->loc, "let the unbounded side be the outer one, or use an inner join",
              "this join would have to wait for the end of its unbounded side to know which rows of the "
              "bounded one match nothing");
    return false;
}

static const char *bound_hint(making *m) {
    const wr_node *l = m->j->in[0], *r = m->j->in[1];
    if (l->time_col == WR_NO_COL || r->time_col == WR_NO_COL)
        return "declare event time on both sides (WATERMARK FOR) and bound it in ON, or SET state_ttl = '1 "
               "h'";
    const char *a = l->out.fields[l->time_col].name, *b = r->out.fields[r->time_col].name;
    return wri_text(
        m->c,
        "bound their times, as in %s.%s BETWEEN %s.%s - INTERVAL '1' HOUR AND %s.%s + INTERVAL '1' "
        "HOUR, join windows, or SET state_ttl = '1 h'",
        m->j->names[0], a, m->j->names[1], b, m->j->names[1], b);
}

/* Nothing bounds it but state_ttl: rows count for that long. */
static bool regular_join(making *m) {
    wri_join *j = m->j;
    wri_ctx *c = m->c;
    if (!wri_setting_given(c, "state_ttl")) {
        const bound *t = &m->times;
        const char *lacks = t->has_lo ? "from above" : t->has_hi ? "from below" : NULL;
        if (lacks)
            wri_error(c, j->loc, bound_hint(m),
                      "this join of unbounded streams would keep all rows for ever: nothing bounds the time "
                      "of the left side %s",
                      lacks);
        else
            wri_error(c, j->loc, bound_hint(m),
                      "this join of unbounded streams would keep all rows for ever: nothing bounds it");
        return false;
    }
    m->early = j->type != WR_JOIN_INNER && j->type != WR_JOIN_SEMI;
    m->kind = WR_N_JOIN_INTERVAL;
    int64_t ttl = c->settings->state_ttl_us < BOUND_MAX ? c->settings->state_ttl_us : BOUND_MAX;
    m->times = (bound){.cols = {j->in[0]->time_col, j->in[1]->time_col}, .lo = -ttl, .hi = ttl};
    if (ttl > 0 && (m->times.cols[0] == WR_NO_COL || m->times.cols[1] == WR_NO_COL)) {
        wri_error(c, j->loc, "declare it with WATERMARK FOR, or SET state_ttl = '0 s' to keep rows for ever",
                  "state_ttl counts in event time, which a side of this join does not have");
        return false;
    }
    if (ttl == 0) m->times.cols[0] = m->times.cols[1] = WR_NO_COL;
    return true;
}

/* FOR SYSTEM_TIME AS OF */
static bool as_of_join(making *m) {
    wri_join *j = m->j;
    wri_ctx *c = m->c;
    const wr_node *l = j->in[0], *r = j->in[1];
    bool timed = j->as_of->kind == WR_X_COL && wri_is_time(l, j->as_of->col);
    if (j->n_pk == 0 || r->time_col == WR_NO_COL || j->tables[1]) {
        if (r->bounded) return table_join(m);
        wri_error(c, j->loc, "give it PRIMARY KEY (…) NOT ENFORCED and WATERMARK FOR",
                  "FOR SYSTEM_TIME AS OF needs a versioned table, and this one has no %s",
                  j->n_pk ? "event time" : "primary key");
        return false;
    }
    if (!timed) {
        wri_error(c, j->as_of->loc,
                  l->time_col == WR_NO_COL ? "declare event time on the left side: WATERMARK FOR"
                                           : wri_text(c, "use '%s'", l->out.fields[l->time_col].name),
                  "FOR SYSTEM_TIME AS OF must name the time attribute of the left side");
        return false;
    }
    if (j->type != WR_JOIN_INNER && j->type != WR_JOIN_LEFT) {
        wri_error(c, j->loc, "write JOIN or LEFT JOIN", "FOR SYSTEM_TIME AS OF goes with JOIN and LEFT JOIN");
        return false;
    }
    for (uint32_t i = 0; i < j->n_pk; i++) {
        bool found = false;
        for (uint32_t k = 0; k < m->n_keys; k++)
            found |= m->keys[k].side[1]->kind == WR_X_COL && m->keys[k].side[1]->col == j->pk[i];
        if (found) continue;
        const char *name = r->out.fields[j->pk[i]].name;
        wri_error(c, j->loc, wri_text(c, "add … = %s to ON", name),
                  "ON must equate the whole primary key of the versioned table; '%s' is missing", name);
        return false;
    }
    m->kind = WR_N_JOIN_VERSION;
    m->times.cols[0] = j->as_of->col;
    m->times.cols[1] = r->time_col;
    return true;
}

/* A side's rows take others back: both are kept for as long as they stand. */
static bool changes_join(making *m) {
    wri_join *j = m->j;
    wri_ctx *c = m->c;
    const char *of = wri_changes_of(c, j->in[j->in[0]->updating ? 0 : 1]);
    bool forever = wri_setting_given(c, "state_ttl") && c->settings->state_ttl_us == 0;
    if (j->null_aware) {
        wri_unsupported(c, j->loc,
                        "write NOT EXISTS (SELECT * FROM … WHERE … = …), which does not mind NULLs",
                        "NOT IN with updating results (%s) is not supported yet", of);
        return false;
    }
    if (!(j->in[0]->bounded && j->in[1]->bounded) && !forever) {
        wri_error(c, j->loc, "SET state_ttl = '0 s' to keep them, or make the results final with a window",
                  "a join with updating results (%s) has to keep all rows of both sides that stand", of);
        return false;
    }
    m->kind = WR_N_JOIN_CHANGES;
    return true;
}

/* What tells the rows of the result apart: what does so on each side, when nothing on the right side is
 * padded from the left; without the right side's when a left row meets at most one. */
static bool changes_key(making *m, wr_node *n) {
    const wri_join *j = m->j;
    const wr_node *l = j->in[0], *r = j->in[1];
    bool keyed =
        l->keyed && (one_sided(j->type) || r->keyed) && j->type != WR_JOIN_RIGHT && j->type != WR_JOIN_FULL;
    uint32_t *cols = wri_new_n(m->c, l->n_key + r->n_key, sizeof *cols), k = 0;
    if (!cols) return false;
    bool one = true;
    for (uint32_t i = 0; keyed && i < r->n_key; i++) {
        bool equated = false;
        for (uint32_t e = 0; e < n->join.n_keys; e++) equated |= n->join.keys[1][e] == r->key[i];
        one = one && equated;
    }
    for (uint32_t i = 0; keyed && i < l->n_key; i++) cols[k++] = l->key[i];
    for (uint32_t i = 0; keyed && !one && !one_sided(j->type) && i < r->n_key; i++)
        cols[k++] = m->w0 + r->key[i];
    return wri_makes_changes(m->c, n, "a join of updating results", keyed ? cols : NULL, k);
}

/* As wri_join.recent says. */
static bool recent_join(making *m) {
    wri_join *j = m->j;
    m->recent = true;
    m->kind = j->recent.by_rows ? WR_N_JOIN_RECENT : WR_N_JOIN_INTERVAL;
    m->times = (bound){.cols = {j->in[0]->time_col, j->in[1]->time_col}};
    m->times.lo = -j->recent.us[0];
    m->times.hi = j->recent.us[1];
    return true;
}

static bool choose(making *m) {
    wri_join *j = m->j;
    if (j->recent.given) return recent_join(m);
    if (j->as_of) return as_of_join(m);
    if (j->in[0]->updating || j->in[1]->updating) return changes_join(m);
    find_windows(m);
    if (m->window[0]) {
        m->kind = WR_N_JOIN_WINDOW;
        m->times.cols[0] = m->window_end[0];
        m->times.cols[1] = m->window_end[1];
        return same_windows(m);
    }
    if (!find_bounds(m)) return false;
    if (m->times.has_lo && m->times.has_hi) {
        m->kind = WR_N_JOIN_INTERVAL;
        return true;
    }
    if (j->recent.on && !wri_setting_given(m->c, "state_ttl")) return recent_join(m);
    /* state_ttl counts on recorded streams, too: they give what the live ones gave. */
    bool timed = j->in[0]->time_col != WR_NO_COL && j->in[1]->time_col != WR_NO_COL;
    bool ttl = m->c->settings->state_ttl_us > 0 && timed && !j->null_aware;
    if ((j->in[0]->bounded || j->in[1]->bounded) && !ttl) return table_join(m);
    return regular_join(m);
}

/* NOT IN is by a key, and by nothing that is no equation. */
static bool null_rule(making *m) {
    wri_join *j = m->j;
    if (!j->null_aware) return true;
    bool rest = false;
    for (uint32_t i = 0; i < m->n_rest; i++) rest = rest || m->rest[i];
    const key *last = m->n_keys ? &m->keys[m->n_keys - 1] : NULL;
    if (last && last->side[0]->type.not_null && last->side[1]->type.not_null) {
        j->null_aware = false;
        return true;
    }
    const char *hint = "write NOT EXISTS (SELECT * FROM … WHERE … = …), which does not mind NULLs";
    if (m->kind == WR_N_JOIN_INTERVAL)
        wri_unsupported(m->c, j->loc, hint, "NOT IN between times that are bounded is not supported yet");
    else if (!last || rest)
        wri_unsupported(m->c, j->loc, hint,
                        "NOT IN that is correlated by more than equations is not supported yet");
    else return true;
    return false;
}

/* ---- the node ---- */

/* Rows of in[0] pass one by one, as they come. */
static bool one_by_one(const making *m) { return m->kind == WR_N_JOIN_TABLE || m->kind == WR_N_JOIN_LOOKUP; }

/* Keys that are no columns become hidden ones of their side; both sides are exchanged by their keys, but
 * where a table is asked. */
static bool exchange_sides(making *m, uint32_t *cols[2]) {
    wri_join *j = m->j;
    wri_ctx *c = m->c;
    for (uint32_t s = 0; s < 2; s++) {
        wri_cols all = {0};
        wr_node *in = j->in[s];
        cols[s] = wri_new_n(c, m->n_keys, sizeof(uint32_t));
        if (!cols[s]) return false;
        for (uint32_t i = 0; i < in->out.n; i++)
            if (!wri_cols_add(c, &all, wri_col_of(c, in, i, j->loc), in->out.fields[i].name)) return false;
        for (uint32_t k = 0; k < m->n_keys; k++) {
            wr_expr *e = m->keys[k].side[s];
            cols[s][k] = e->kind == WR_X_COL ? e->col : all.n;
            if (e->kind != WR_X_COL && !wri_cols_add(c, &all, e, wri_text(c, "key%u", k + 1))) return false;
        }
        if (all.n > in->out.n) in = wri_project_node(c, in, &all, wri_x(in)->n_vis, j->loc);
        j->in[s] = in;
        if (j->everywhere && in) {
            if (s == 1) j->in[s] = wri_exchange_node(c, in, WR_EX_ALL, NULL, 0, j->loc);
            if (!j->in[s]) return false;
            continue;
        }
        if (m->kind == WR_N_JOIN_LOOKUP && in) continue;
        uint32_t n = m->kind == WR_N_JOIN_RECENT ? 0 : m->n_keys - j->null_aware;
        j->in[s] = in ? wri_exchange_node(c, in, n ? WR_EX_HASH : WR_EX_GATHER, cols[s], n, j->loc) : NULL;
        if (!j->in[s]) return false;
    }
    return true;
}

/* Which of in[] and its column, for column i of the conditions. */
static wr_join_col side_col(const making *m, uint32_t i) {
    uint32_t s = i >= m->w0;
    return (wr_join_col){s ^ m->swapped, i - (s ? m->w0 : 0)};
}

static bool fill_pair(making *m, wr_node *n, bool own_time) {
    wri_join *j = m->j;
    uint32_t w = m->w0 + m->w1;
    n->join.pair.n = w + own_time;
    n->join.pair.fields = wri_new_n(m->c, w + 1, sizeof(wr_field));
    n->join.from = wri_new_n(m->c, w + 1, sizeof(wr_join_col));
    if (!n->join.pair.fields || !n->join.from) return false;
    for (uint32_t i = 0; i < w; i++) {
        wr_join_col f = n->join.from[i] = side_col(m, i);
        n->join.pair.fields[i] = j->in[f.side]->out.fields[f.col];
        n->join.pair.fields[i].path = NULL;
        if (i >= n->out.n) continue;
        n->out.fields[i] = n->join.pair.fields[i];
        if (!keeps(j->type, f.side)) n->out.fields[i].type.not_null = false;
    }
    if (!own_time) return true;
    wr_type t = j->in[0]->out.fields[n->join.time_cols[0]].type;
    t.not_null = true;
    n->join.from[w] = (wr_join_col){.side = WR_JOIN_OWN};
    n->join.pair.fields[w] = n->out.fields[w] = (wr_field){.name = "ROWTIME", .type = t};
    return true;
}

/* Event time and borders of windows among the columns of the result. */
static void fill_time(making *m, wr_node *n) {
    wri_join *j = m->j;
    wri_xnode *x = wri_x(n);
    for (uint32_t i = 0; i < n->out.n; i++) {
        wr_join_col f = n->join.from[i];
        if (f.side == WR_JOIN_OWN) n->time_col = i;
        if (f.side == WR_JOIN_OWN || !keeps(j->type, f.side)) continue;
        const wr_node *in = j->in[f.side];
        wri_prop p = wri_x(in)->props[f.col];
        bool of_join = f.col == n->join.time_cols[f.side];
        if (one_by_one(m) && f.side == 0 && keeps(j->type, 0)) {
            x->props[i] = p;
            if (f.col == in->time_col) n->time_col = i;
        } else if (m->kind == WR_N_JOIN_WINDOW && p.origin && p.origin == m->window[f.side]) {
            x->props[i] = (wri_prop){.role = p.role, .origin = n, .rises = p.role == WRI_ROLE_TIME};
            if (f.col == in->time_col && n->time_col == WR_NO_COL) n->time_col = i;
        } else if (of_join && !m->recent &&
                   (m->kind == WR_N_JOIN_INTERVAL || (m->kind == WR_N_JOIN_VERSION && f.side == 0))) {
            x->props[i].rises = true;
            if (n->time_col == WR_NO_COL) n->time_col = i;
        }
    }
}

/* Whether the result needs a time column of its own: no side's is always there. */
static bool needs_own_time(const making *m) {
    const wri_join *j = m->j;
    if (m->recent) return true;
    if (one_sided(j->type) || m->times.cols[0] == WR_NO_COL) return false;
    if (m->kind == WR_N_JOIN_INTERVAL) return j->type == WR_JOIN_FULL;
    if (m->kind != WR_N_JOIN_WINDOW) return false;
    for (uint32_t s = 0; s < 2; s++) {
        const wr_node *in = j->in[s];
        if (keeps(j->type, s) && in->time_col != WR_NO_COL &&
            wri_x(in)->props[in->time_col].origin == m->window[s])
            return false;
    }
    return true;
}

/* Rows of in[0] pass one by one: what is late behind it is a late row of theirs. */
static bool pass_late(making *m, wr_node *n) {
    const wri_xnode *in = wri_x(m->j->in[0]);
    if (!in->late || !keeps(m->j->type, 0)) return true;
    uint32_t *cols = wri_new_n(m->c, in->late->out.n, sizeof *cols);
    if (!cols) return false;
    for (uint32_t i = 0; i < in->late->out.n; i++) {
        uint32_t col = in->late_cols[i];
        cols[i] = col == WR_NO_COL ? WR_NO_COL : m->swapped ? m->w0 + col : col;
    }
    wri_x(n)->late = in->late;
    wri_x(n)->late_cols = cols;
    return true;
}

static wr_expr *residual(making *m) {
    wr_expr *all = NULL;
    wr_type t = wr_type_of(WR_T_BOOLEAN);
    for (uint32_t i = 0; i < m->n_rest; i++) {
        wr_expr *e = m->rest[i];
        if (!e) continue;
        all = all ? wri_new_op(m->c->ar, WR_OP_AND, t, e->loc, 2, (wr_expr *[]){all, e}) : e;
        if (!all) m->c->oom = true;
        if (!all) return NULL;
    }
    return all;
}

static wr_node *join_node(making *m) {
    wri_join *j = m->j;
    wri_ctx *c = m->c;
    uint32_t *cols[2];
    if (!exchange_sides(m, cols)) return NULL;
    bool own_time = needs_own_time(m);
    wr_node *n =
        wri_node_new(c, m->kind, j->loc, 2, j->in, (one_sided(j->type) ? m->w0 : m->w0 + m->w1) + own_time);
    bool *null_eq = wri_new_n(c, m->n_keys, sizeof *null_eq);
    if (!n || !null_eq) return NULL;
    for (uint32_t k = 0; k < m->n_keys; k++) null_eq[k] = m->keys[k].null_eq;
    bool timed = !one_by_one(m) && m->kind != WR_N_JOIN_CHANGES;
    n->join.type = j->type;
    n->join.early = m->early;
    n->join.null_aware = j->null_aware;
    n->join.n_keys = m->n_keys;
    n->join.null_eq = null_eq;
    n->join.residual = residual(m);
    n->join.lo_us = m->times.lo;
    n->join.hi_us = m->times.hi;
    n->join.recent = m->recent;
    for (uint32_t s = 0; s < 2; s++) {
        n->join.last[s] = j->recent.last[s];
        n->join.keys[s] = cols[s];
        n->join.time_cols[s] = timed ? m->times.cols[s] : WR_NO_COL;
    }
    if (m->kind == WR_N_JOIN_WINDOW)
        n->join.tick_us = j->in[0]->out.fields[m->times.cols[0]].type.prec > 3 ? 1 : 1000;
    if (!fill_pair(m, n, own_time)) return NULL;
    fill_time(m, n);
    if (m->recent && !wri_recent_made(j, n)) return NULL;
    if (m->kind == WR_N_JOIN_CHANGES && !changes_key(m, n)) return NULL;
    if (m->early && !wri_makes_changes(c, n, "an outer join that only state_ttl bounds", NULL, 0))
        return NULL;
    if (m->kind == WR_N_JOIN_CHANGES) return c->oom ? NULL : n; /* event time ends here: no row is late */
    if (timed ? !wri_takes_late(c, n) : !pass_late(m, n)) return NULL;
    return c->oom ? NULL : n;
}

static wr_node *lookup_join(making *m, uint32_t s) {
    uint32_t *map, width = m->w0 + m->w1;
    m->kind = WR_N_JOIN_LOOKUP;
    if (!sort_lookup(m, s) || !to_source(m, s, &map)) return NULL;
    if (s == 0) mirrored(m);
    wr_node *n = join_node(m);
    return n ? from_source(m, n, map, width) : NULL;
}

wr_node *wri_build_join(wri_join *j) {
    making m = {.j = j, .c = j->q->c, .w0 = j->in[0]->out.n, .w1 = j->in[1]->out.n};
    uint32_t table = table_side(&m);
    if (table < 2) return lookup_join(&m, table);
    if (!sort_conds(&m) || !choose(&m) || !null_rule(&m)) return NULL;
    return join_node(&m);
}

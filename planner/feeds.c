/* planner/feeds.c -- who feeds a stream and what its readers read.
 *
 *   fed in the script           readers read the union of its feeds; a connector gets them too (a sink)
 *   not fed, with a connector   one SOURCE node, however often it is read
 *   error_stream                one ERRORS node
 *
 * A feed is its query's node in the columns of the stream: cast by the rules of assignment, columns
 * that are not given are NULL, computed ones are computed. Planning is on demand, and a stream that is
 * asked for while its own feeds are being planned reads itself, which is an error. */
#include <strings.h>

#include "bind_int.h"
#include "plan_int.h"

/* ---- feeds ---- */

/* The feed's query alone, planned once. */
static wr_node *feed_query(wri_ctx *c, wri_feed *f) {
    if (f->query_state == WRI_DONE) return f->rows;
    if (f->query_state == WRI_BUSY) {
        wri_error(c, f->stmt->loc, "feed it from another stream", "'%s' reads itself", f->into->def->name);
        return NULL;
    }
    f->query_state = WRI_BUSY;
    wri_q q = {.c = c, .seq = f->seq, .kda = f->pump || f->query->stream};
    f->rows = wri_plan_query(&q, f->query);
    f->query_state = WRI_DONE;
    return f->rows;
}

/* The place of item i of the feed's query, for messages. */
static wr_loc item_loc(const wri_feed *f, uint32_t i) {
    const wr_query *y = f->query;
    if (!y) return f->late_of->late_loc;
    if (y->kind != WR_Q_SELECT || i >= y->n_items) return y->loc;
    for (uint32_t k = 0; k <= i; k++)
        if (y->items[k].expr->kind == WR_A_STAR) return y->items[k].expr->loc;
    return y->items[i].expr->loc;
}

static const char *column_names(wri_ctx *c, const wri_stream *st) {
    const char *out = "";
    for (uint32_t i = 0; out && i < st->def->columns.n; i++)
        if (!st->computed || !st->computed[i])
            out = wri_text(c, "%s%s%s", out, *out ? ", " : "", st->def->columns.fields[i].name);
    return out ? out : "";
}

/* The first n of them, as INSERT would name them. */
static const char *first_names(wri_ctx *c, const wri_stream *st, uint32_t n) {
    const char *out = "";
    for (uint32_t i = 0; out && n && i < st->def->columns.n; i++) {
        if (st->computed && st->computed[i]) continue;
        out = wri_text(c, "%s%s%s", out, *out ? ", " : "", st->def->columns.fields[i].name);
        n--;
    }
    return out ? out : "";
}

static bool target_column(wri_ctx *c, const wri_feed *f, uint32_t i, uint32_t *from) {
    const wr_schema *cols = &f->into->def->columns;
    const wr_ident *id = &f->stmt->target_columns[i];
    uint32_t as_spelled = 0; /* wins over what differs in case */
    while (as_spelled < cols->n && strcmp(id->text, cols->fields[as_spelled].name) != 0) as_spelled++;
    for (uint32_t k = 0; k < cols->n; k++) {
        if (as_spelled < cols->n ? k != as_spelled : !wri_ident_matches(id, cols->fields[k].name)) continue;
        if (f->into->computed && f->into->computed[k]) {
            wri_error(c, id->loc, "leave it out", "column '%s' is computed and cannot be inserted", id->text);
            return false;
        }
        if (from[k] != WR_NO_COL) {
            wri_error(c, id->loc, "name each column once", "column '%s' is named twice", id->text);
            return false;
        }
        from[k] = i;
        return true;
    }
    const char *near =
        cols->n ? wr_nearest(id->text, &cols->fields[0].name, cols->n, sizeof cols->fields[0]) : NULL;
    wri_error(c, id->loc,
              near ? wri_suggest(c, near) : wri_text(c, "its columns are %s", column_names(c, f->into)),
              "stream '%s' has no column '%s'", f->into->def->name, id->text);
    return false;
}

/* The list of INSERT names ROWTIME for its column i, and the stream has no column of that name. */
static bool names_rowtime(const wri_feed *f, uint32_t i) {
    const wr_schema *cols = &f->into->def->columns;
    if (strcasecmp(f->stmt->target_columns[i].text, "ROWTIME") != 0) return false;
    for (uint32_t k = 0; k < cols->n; k++)
        if (strcasecmp(cols->fields[k].name, "ROWTIME") == 0) return false;
    return true;
}

/* The column of the query that is selected AS ROWTIME, which streams have without declaring it; WR_NO_COL:
 * none. */
static uint32_t rowtime_given(const wr_node *n) {
    for (uint32_t i = 0; i < wri_x(n)->n_vis; i++)
        if (i == n->time_col && strcasecmp(n->out.fields[i].name, "ROWTIME") == 0) return i;
    return WR_NO_COL;
}

/* from[k]: column of the query, whose rows are those of `rows`, for column k of the stream, WR_NO_COL: none.
 */
static bool map_columns(wri_ctx *c, const wri_feed *f, const wr_node *rows, uint32_t *from) {
    const wri_stream *st = f->into;
    uint32_t n = 0, listed = f->stmt->n_target_columns, n_given = wri_x(rows)->n_vis,
             rowtime = rowtime_given(rows);
    for (uint32_t k = 0; k < st->def->columns.n; k++) {
        from[k] = WR_NO_COL;
        if (!st->computed || !st->computed[k]) {
            if (listed == 0) from[k] = n;
            n++;
        }
    }
    bool ok = true;
    for (uint32_t i = 0; i < listed; i++)
        ok = ((i == rowtime && names_rowtime(f, i)) || target_column(c, f, i, from)) && ok;
    if (!ok) return false;
    if (!listed && rowtime != WR_NO_COL && n_given == n + 1) {
        for (uint32_t k = 0; k < st->def->columns.n; k++)
            if (from[k] != WR_NO_COL && from[k] >= rowtime) from[k]++;
        return true;
    }
    uint32_t want = listed ? listed : n;
    if (want == n_given) return true;
    if (listed)
        wri_error(c, f->query->loc, "give one value for each column named",
                  "INSERT names %u column%s, but the query has %u", listed, listed == 1 ? "" : "s", n_given);
    else
        wri_error(c, f->query->loc,
                  n_given > 0 && n_given < n
                      ? wri_text(c,
                                 "the columns are %s; those that are not named are NULL: INSERT INTO %s (%s)",
                                 column_names(c, st), st->def->name, first_names(c, st, n_given))
                      : wri_text(c, "the columns are %s", column_names(c, st)),
                  "stream '%s' has %u column%s, but the query has %u", st->def->name, n, n == 1 ? "" : "s",
                  n_given);
    return false;
}

/* e, which fails the row where it is NULL: NOT NULL holds for what a statement writes, too. Event time has no
 * NULLs: such rows failed in the source. */
static wr_expr *never_null(wri_binder *b, const wr_node *n, wr_expr *e) {
    const wr_func_def *f = wri_find_func(b->reg, "ASSERT_NOT_NULL");
    if (!f || !e || e == &wri_failed || e->type.not_null || (e->kind == WR_X_COL && e->col == n->time_col))
        return e;
    return wri_mk_func(b, f, e->type, e->loc, 1, &e);
}

/* n's columns as those of the stream: physical ones by `from`, then the computed ones over them. */
static wr_node *as_stream(wri_ctx *c, const wri_feed *f, wr_node *n, const uint32_t *from) {
    const wri_stream *st = f->into;
    const wr_schema *cols = &st->def->columns;
    wri_q q = {.c = c, .seq = f->seq};
    wri_scope none = {0};
    wri_binder b;
    wri_binder_init(&q, &b, &none);
    wr_expr **repl = wri_new_n(c, cols->n, sizeof *repl);
    if (!repl) return NULL;
    wri_cols out = {0};
    bool ok = true;
    for (uint32_t k = 0; k < cols->n; k++) {
        wr_type t = cols->fields[k].type;
        if (st->computed && st->computed[k]) continue;
        if (from[k] == WR_NO_COL) {
            if (t.not_null) {
                wri_error(c, f->stmt ? f->stmt->target.loc : f->late_of->late_loc,
                          "name it and give it a value", "column '%s' is NOT NULL and gets no value",
                          cols->fields[k].name);
                ok = false;
            }
            t.not_null = false;
            repl[k] = wri_new_const(c->ar, (wr_value){.null = true}, t, n->loc);
        } else {
            wr_loc loc = item_loc(f, from[k]);
            wr_expr *e = wri_col_of(c, n, from[k], loc);
            const char *what = wri_text(c, "column '%s' of '%s'", cols->fields[k].name, st->def->name);
            repl[k] = e && what ? wri_assign(&b, e, t, what, loc) : NULL;
            if (t.not_null) repl[k] = never_null(&b, n, repl[k]);
        }
        if (!repl[k] || repl[k] == &wri_failed) ok = false;
    }
    for (uint32_t k = 0; ok && k < cols->n; k++) {
        wr_expr *e = st->computed && st->computed[k] ? wri_subst(c, st->computed[k], repl) : repl[k];
        ok = wri_cols_add(c, &out, e, cols->fields[k].name);
    }
    return ok ? wri_project_node(c, n, &out, out.n, f->stmt ? f->stmt->loc : n->loc) : NULL;
}

/* ---- late rows ---- */

/* The LATE node of st, whose columns are st's own where the late stream has their names. */
static wr_node *late_node(wri_ctx *c, wri_stream *st) {
    if (st->late || !wri_stream_ready(c, st->late_to)) return st->late;
    const wr_schema *to = &st->late_to->def->columns, *own = &st->def->columns;
    wr_node *n = wri_node_new(c, WR_N_LATE, st->def->loc, 0, NULL, to->n);
    if (!n) return NULL;
    for (uint32_t i = 0; i < to->n; i++) {
        n->out.fields[i] = (wr_field){.name = to->fields[i].name, .type = to->fields[i].type};
        n->out.fields[i].type.not_null = false;
        for (uint32_t k = 0; k < own->n; k++) {
            if (strcasecmp(to->fields[i].name, own->fields[k].name) != 0) continue;
            n->out.fields[i].type = own->fields[k].type;
            if (k == st->def->rowtime) n->time_col = i;
        }
    }
    n->side.stream = st->def->name;
    n->bounded = st->def->bounded;
    st->late = n;
    return n;
}

wr_node *wri_plan_feed(wri_ctx *c, wri_feed *f) {
    if (f->state == WRI_DONE) return f->node;
    if (f->state == WRI_BUSY) {
        wri_error(c, f->stmt ? f->stmt->loc : f->late_of->late_loc, "feed it from another stream",
                  "'%s' reads itself", f->into->def->name);
        return NULL;
    }
    f->state = WRI_BUSY;
    wr_node *n = f->late_of ? late_node(c, f->late_of) : feed_query(c, f);
    if (n && !f->into->broken && wri_stream_ready(c, f->into)) {
        uint32_t *from = wri_new_n(c, f->into->def->columns.n, sizeof *from);
        bool ok = from != NULL;
        if (ok && f->late_of) /* the LATE node has the stream's columns */
            for (uint32_t i = 0; i < f->into->def->columns.n; i++) from[i] = i;
        else if (ok) ok = map_columns(c, f, n, from);
        if (ok) f->node = as_stream(c, f, n, from);
    }
    if (!f->node) wri_failed_silently(c);
    f->state = WRI_DONE;
    return f->node;
}

/* ---- streams ---- */

bool wri_stream_ready(wri_ctx *c, wri_stream *st) {
    if (st->broken) return false;
    if (!st->as || st->def->columns.fields) return true;
    wr_node *n = feed_query(c, st->as);
    st->broken = true;
    if (!n) return false;
    st->broken = !wri_bind_columns(c, st, st->as->seq, n);
    return !st->broken;
}

/* Hidden columns of what is known of each record, by which the Kinesis dialect finds it. */
static const char *const meta_names[] = {[WR_META_ARRIVAL] = "APPROXIMATE_ARRIVAL_TIME",
                                         [WR_META_KEY] = "PARTITION_KEY",
                                         [WR_META_SHARD] = "SHARD_ID",
                                         [WR_META_SEQUENCE] = "SEQUENCE_NUMBER"};

/* Whether the script has one of these words anywhere: else plans are as if there were none. */
static bool names_metadata(wri_ctx *c) {
    if (c->metadata == WRI_UNKNOWN) c->metadata = WRI_NO;
    else return c->metadata == WRI_YES;
    for (size_t k = 0; k < WR_META_KINDS; k++) {
        size_t n = strlen(meta_names[k]);
        for (size_t i = 0; i + n <= c->d->len; i++)
            if (strncasecmp(c->d->text + i, meta_names[k], n) == 0) c->metadata = WRI_YES;
    }
    return c->metadata == WRI_YES;
}

static uint32_t n_hidden(wri_ctx *c, const wri_stream *st) {
    return st->connector->needs_format && names_metadata(c) ? WR_META_KINDS : 0;
}

/* Stream column -> column of the SOURCE node: physical ones first, then metadata that is hidden, arrival
 * time, computed ones. */
static uint32_t *source_columns(wri_ctx *c, const wri_stream *st, uint32_t *n_colsp) {
    const wr_schema *cols = &st->def->columns;
    uint32_t *at = wri_new_n(c, cols->n, sizeof *at);
    if (!at) return NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < cols->n; i++)
        if (!st->computed[i]) at[i] = n++;
    n += n_hidden(c, st);
    if (st->def->arrival_time) n++;
    *n_colsp = n;
    for (uint32_t i = 0; i < cols->n; i++)
        if (st->computed[i]) at[i] = n++;
    return at;
}

/* Arrival time, or ROWTIME FROM a column: it does not fall, but several rows may have one time, so what a row
 * says is that nothing comes from before it. */
static wr_expr *rowtime_bound(wri_ctx *c, const wr_node *n) {
    wr_type t = n->out.fields[n->time_col].type;
    wr_value tick = {.i64 = t.prec > 3 ? 1 : 1000};
    wr_expr *col = wri_col_of(c, n, n->time_col, n->loc);
    wr_expr *one = wri_new_const(c->ar, tick, wr_type_of(WR_T_INTERVAL_DAY), n->loc);
    wr_expr *e = col && one ? wri_new_op(c->ar, WR_OP_SUB, t, n->loc, 2, (wr_expr *[]){col, one}) : NULL;
    if (!e) c->oom = true;
    return e;
}

bool wri_fill_source(wri_ctx *c, wr_node *n, const wri_stream *st, const uint32_t *at, uint32_t n_cols) {
    const wr_schema *cols = &st->def->columns;
    n->source.stream = st->def;
    n->source.n_cols = n_cols;
    n->source.n_computed = n->out.n - n_cols;
    n->source.n_visible = n->out.n;
    n->source.cols = wri_new_n(c, n_cols, sizeof(uint32_t));
    n->source.want_dict = wri_new_n(c, n_cols, sizeof(bool));
    n->source.computed = wri_new_n(c, n->source.n_computed, sizeof(wr_expr *));
    if (c->oom) return false;
    for (uint32_t i = 0; i < cols->n; i++) {
        n->out.fields[at[i]] = cols->fields[i];
        uint32_t meta = st->def->metadata ? st->def->metadata[i] : 0;
        if (!st->computed[i]) n->source.cols[at[i]] = meta ? WR_META_COL(meta - 1) : i;
        else if (!(n->source.computed[at[i] - n_cols] = wri_expr_remap(c->ar, st->computed[i], at)))
            return false;
    }
    if (st->def->arrival_time) {
        wr_type t = wr_type_of(WR_T_TIMESTAMP);
        t.not_null = true;
        n->out.fields[n_cols - 1] = (wr_field){.name = "ROWTIME", .type = t};
        n->source.cols[n_cols - 1] = WR_NO_COL;
        n->time_col = n_cols - 1;
    } else if (st->def->rowtime != WR_NO_COL) n->time_col = at[st->def->rowtime];
    if (n->time_col == WR_NO_COL) return true;
    n->source.wm = st->wm ? wri_expr_remap(c->ar, st->wm, at) : rowtime_bound(c, n);
    return n->source.wm != NULL;
}

/* Where the columns of st's LATE node are in its SOURCE. */
static bool source_late(wri_ctx *c, wr_node *n, wri_stream *st, const uint32_t *at) {
    if (!st->late_to) return true;
    wr_node *late = late_node(c, st);
    if (!late) return false;
    wri_xnode *x = wri_x(n);
    const wr_schema *own = &st->def->columns;
    x->late = late;
    x->late_cols = wri_new_n(c, late->out.n, sizeof *x->late_cols);
    if (!x->late_cols) return false;
    for (uint32_t i = 0; i < late->out.n; i++) {
        x->late_cols[i] = WR_NO_COL;
        for (uint32_t k = 0; k < own->n; k++)
            if (strcasecmp(late->out.fields[i].name, own->fields[k].name) == 0) x->late_cols[i] = at[k];
    }
    return true;
}

static void fill_metadata(wr_node *n, uint32_t first) {
    for (uint32_t k = 0; k < WR_META_KINDS; k++) {
        wr_type t = wr_type_of(k == WR_META_ARRIVAL ? WR_T_TIMESTAMP : WR_T_VARCHAR);
        n->out.fields[first + k] = (wr_field){.name = meta_names[k], .type = t};
        n->source.cols[first + k] = WR_META_COL(k);
    }
    wri_x(n)->meta = first;
}

static wr_node *source_node(wri_ctx *c, wri_stream *st, wr_loc loc) {
    if (!st->connector->source) {
        wri_error(c, loc, "INSERT INTO it, or read another stream",
                  "'%s' cannot be read: connector '%s' only writes", st->def->name, st->connector->name);
        return NULL;
    }
    if (st->def->changelog != WR_CL_AUTO) return wri_changelog_source(c, st);
    const wr_schema *cols = &st->def->columns;
    uint32_t n_cols = 0, *at = source_columns(c, st, &n_cols);
    if (!at || !wri_format_fits(c, st, false)) return NULL;
    uint32_t hidden = n_hidden(c, st), first = n_cols - st->def->arrival_time - hidden;
    wr_node *n =
        wri_node_new(c, WR_N_SOURCE, st->def->loc, 0, NULL, cols->n + hidden + st->def->arrival_time);
    if (!n || !wri_fill_source(c, n, st, at, n_cols)) {
        c->oom = true;
        return NULL;
    }
    if (hidden) fill_metadata(n, first);
    n->bounded = st->def->bounded;
    wri_x(n)->n_vis = cols->n;
    if (!source_late(c, n, st, at)) return NULL;
    bool in_order = true;
    for (uint32_t i = 0; i < cols->n; i++) in_order = in_order && at[i] == i;
    if (in_order) return n;
    wri_cols out = {0};
    for (uint32_t i = 0; i < cols->n; i++)
        if (!wri_cols_add(c, &out, wri_col_of(c, n, at[i], n->loc), cols->fields[i].name)) return NULL;
    for (uint32_t k = 0; k < hidden; k++)
        if (!wri_cols_add(c, &out, wri_col_of(c, n, first + k, n->loc), meta_names[k])) return NULL;
    wr_node *p = wri_project_node(c, n, &out, cols->n, n->loc);
    if (p && hidden) wri_x(p)->meta = cols->n;
    return p;
}

static wr_node *errors_node(wri_ctx *c, wri_stream *st) {
    const wr_schema *cols = &st->def->columns;
    wr_node *n = wri_node_new(c, WR_N_ERRORS, st->def->loc, 0, NULL, cols->n);
    if (!n) return NULL;
    memcpy(n->out.fields, cols->fields, cols->n * sizeof *cols->fields);
    n->time_col = st->def->rowtime;
    n->side.stream = st->def->name;
    for (const wri_stream *o = c->streams; o; o = o->next)
        if (o->connector && o->connector->source && !o->feeds && !o->def->bounded) n->bounded = false;
    return n;
}

static bool is_fed(const wri_stream *st) {
    for (const wri_feed *f = st->feeds; f; f = f->next_into)
        if (!f->off) return true;
    return false;
}

wr_node *wri_lookup_table(wri_ctx *c, wri_stream *st, wr_loc loc) {
    if (!st->connector || !st->connector->lookup || is_fed(st) || st->def->rowtime != WR_NO_COL) return NULL;
    wr_node *n = source_node(c, st, loc);
    if (n) (n->kind == WR_N_SOURCE ? n : n->in[0])->source.lookup = true;
    return n;
}

/* The union of what feeds st; all feeds are planned, so that all errors are found. */
static wr_node *fed_node(wri_ctx *c, wri_stream *st) {
    wr_node **ins = NULL;
    uint32_t n = 0, cap = 0;
    bool ok = true;
    for (wri_feed *f = st->feeds; f; f = f->next_into) {
        if (f->off) continue;
        wr_node *in = wri_plan_feed(c, f);
        wr_node **slot = in ? wri_new_last(c, &ins, &n, &cap, sizeof *slot) : NULL;
        if (slot) *slot = in;
        else ok = false;
    }
    return ok && n ? wri_union_node(c, ins, n, st->def->loc) : NULL;
}

/* A stream that is fed keeps the event time of its feeds; it cannot make a new one. */
static bool fed_time(wri_ctx *c, const wri_stream *st, const wr_node *n) {
    if (st->def->rowtime == WR_NO_COL || n->time_col == st->def->rowtime) return true;
    const wr_ident *id = st->stmt->wm_column.text ? &st->stmt->wm_column : &st->stmt->rowtime;
    wri_unsupported(c, id->loc, wri_text(c, "insert the event time of the source into '%s'", id->text),
                    "a new event time for '%s', which is fed in the script, is not supported yet",
                    st->def->name);
    return false;
}

static bool being_fed(const wri_stream *st) {
    for (const wri_feed *f = st->feeds; f; f = f->next_into)
        if (f->state == WRI_BUSY || f->query_state == WRI_BUSY) return true;
    return st->state == WRI_BUSY;
}

wr_node *wri_read_stream(wri_q *q, wri_stream *st, wr_loc loc) {
    wri_ctx *c = q->c;
    st->used = true;
    if (st->state != WRI_DONE && being_fed(st)) {
        wri_error(c, loc, "feed it from another stream", "'%s' reads itself", st->def->name);
        return NULL;
    }
    if (!wri_stream_ready(c, st)) return NULL;
    if (st->state == WRI_DONE) return st->node;
    st->state = WRI_BUSY;
    if (st->errors) st->node = errors_node(c, st);
    else if (is_fed(st)) {
        st->node = fed_node(c, st);
        if (st->node && !fed_time(c, st, st->node)) st->node = NULL;
    } else if (st->connector) st->node = source_node(c, st, loc);
    else
        wri_error(c, loc, wri_text(c, "INSERT INTO %s, or give it WITH (connector = …)", st->def->name),
                  "nothing feeds '%s'%s", st->def->name, st->feeds ? ": its pump is stopped" : "");
    st->state = WRI_DONE;
    return st->node;
}

wr_node *wri_read_view(wri_q *q, wri_view *v, wr_loc loc) {
    wri_ctx *c = q->c;
    if (v->state == WRI_DONE) return v->node;
    if (v->state == WRI_BUSY) {
        wri_error(c, loc, "select from a stream", "view '%s' reads itself",
                  v->stmt->name.parts[v->stmt->name.n - 1].text);
        return NULL;
    }
    v->state = WRI_BUSY;
    wri_q inner = {.c = c, .seq = v->seq, .kda = v->stmt->query->stream};
    v->node = wri_plan_query(&inner, v->stmt->query);
    if (v->node && v->stmt->n_target_columns)
        v->node = wri_rename(c, v->node, v->stmt->target_columns, v->stmt->n_target_columns,
                             v->stmt->name.parts[v->stmt->name.n - 1].text, v->stmt->target_columns[0].loc);
    v->state = WRI_DONE;
    if (!v->node) return NULL;
    v->n_fields = wri_x(v->node)->n_vis;
    v->fields = wri_new_n(c, v->n_fields, sizeof *v->fields);
    if (!v->fields) return NULL;
    if (v->n_fields) memcpy(v->fields, v->node->out.fields, v->n_fields * sizeof *v->fields);
    return v->node;
}

/* ---- sinks ---- */

/* The feeds of st that this plan wants. */
static bool wants(const wri_ctx *c, const wri_stream *st) {
    for (const wri_feed *f = st->feeds; f; f = f->next_into)
        if (!f->off && (f->late_of ? !c->only : wri_is_output(c, f->seq))) return true;
    return false;
}

static const wri_feed *first_feed(const wri_ctx *c, const wri_stream *st) {
    for (const wri_feed *f = st->feeds; f; f = f->next_into)
        if (!f->off && (f->late_of || wri_is_output(c, f->seq))) return f;
    return st->feeds;
}

void wri_warn_unread(wri_ctx *c) {
    for (const wri_stream *st = c->streams; st; st = st->next) {
        if (st->broken || st->connector || st->used || !wants(c, st)) continue;
        const wri_feed *f = first_feed(c, st);
        if (f->stmt)
            wr_diag_add(c->d, WR_WARNING, WR_ESQL, f->stmt->loc,
                        wri_text(c, "read '%s', or give it WITH (connector = …)", st->def->name),
                        "'%s' is fed, but nothing reads it", st->def->name);
    }
}

void wri_plan_sinks(wri_ctx *c, wri_stream *st) {
    if (st->broken || !wants(c, st)) return;
    const wri_feed *f = first_feed(c, st);
    if (!st->connector && !c->only) return;
    if (st->connector && !st->connector->sink) {
        wri_error(c, st->def->loc, "give it a connector that can be written",
                  "'%s' cannot be written: connector '%s' only reads", st->def->name, st->connector->name);
        return;
    }
    wr_node *n = c->only ? f->node : st->state == WRI_DONE ? st->node : fed_node(c, st);
    if (!n) return;
    if (st->state == WRI_NEW && !c->only) {
        st->node = n;
        st->state = WRI_DONE;
    }
    wri_cols out = {0};
    for (uint32_t i = 0; i < st->def->columns.n; i++)
        if (!st->computed[i] &&
            !wri_cols_add(c, &out, wri_col_of(c, n, i, n->loc), st->def->columns.fields[i].name))
            return;
    if (st->connector && !wri_format_fits(c, st, true)) return;
    n = wri_project_node(c, n, &out, out.n, n->loc);
    if (n) n = wri_sink_node(c, n, st->def, f->label, f->stmt ? f->stmt->loc : st->def->loc);
    uint32_t *key = n ? wri_new_n(c, st->def->n_primary_key, sizeof *key) : NULL, n_key = 0;
    for (uint32_t i = 0, col = 0; key && i < st->def->columns.n; i++) {
        if (st->computed[i]) continue;
        for (uint32_t k = 0; k < st->def->n_primary_key; k++)
            if (st->def->primary_key[k] == i) key[n_key++] = col;
        col++;
    }
    if (key) wri_sink_changelog(c, n, key, n_key);
}

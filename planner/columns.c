/* planner/columns.c -- the columns of CREATE STREAM: physical, computed, event time.
 *
 * A computed column may use physical columns and computed ones before it; those are put in its place, so
 * that every computed column is an expression over physical ones. */
#include <strings.h>

#include "plan_int.h"

static bool duplicate(wri_ctx *c, const wr_stmt *s, uint32_t i) {
    for (uint32_t k = 0; k < i; k++)
        if (wri_ident_matches(&s->columns[i].name, s->columns[k].name.text)) {
            wri_error(c, s->columns[i].name.loc, "give it another name", "column '%s' is declared twice",
                      s->columns[i].name.text);
            return true;
        }
    return false;
}

/* A declared column of a connector that brings its own: it must be one of them. */
static bool own_column(wri_ctx *c, wri_stream *st, const wr_column_def *col, const wr_schema *own,
                       wr_field *f) {
    for (uint32_t i = 0; i < own->n; i++) {
        if (!wri_ident_matches(&col->name, own->fields[i].name)) continue;
        if (col->type.kind != WR_T_NULL && col->type.kind != own->fields[i].type.kind) {
            char have[WR_TEXT_MAX];
            wr_type t = own->fields[i].type;
            t.not_null = false;
            wri_error(c, col->loc, "leave the type out, or CAST where you read it",
                      "column '%s' of connector '%s' is %s", col->name.text, st->connector->name,
                      wr_type_print(t, have, sizeof have));
            return false;
        }
        *f = own->fields[i];
        return true;
    }
    const char *near =
        own->n ? wr_nearest(col->name.text, &own->fields[0].name, own->n, sizeof own->fields[0]) : NULL;
    wri_error(c, col->name.loc, wri_suggest(c, near), "connector '%s' has no column '%s'",
              st->connector->name, col->name.text);
    return false;
}

/* name type METADATA [FROM 'key']: nothing that a format decodes. */
static bool metadata_column(wri_ctx *c, wri_stream *st, uint32_t i) {
    static const struct {
        const char *key, *flink;
    } keys[] = {[WR_META_ARRIVAL] = {"approximate_arrival_time", "timestamp"},
                [WR_META_KEY] = {"partition_key", "partition-key"},
                [WR_META_SHARD] = {"shard_id", "shard-id"},
                [WR_META_SEQUENCE] = {"sequence_number", "sequence-number"}};
    const wr_column_def *col = &st->stmt->columns[i];
    const char *key = col->path ? col->path : col->name.text;
    uint32_t k = 0;
    while (k < WR_META_KINDS && strcasecmp(key, keys[k].key) != 0 && strcasecmp(key, keys[k].flink) != 0) k++;
    st->def->columns.fields[i].path = NULL;
    if (k == WR_META_KINDS || !st->connector || !st->connector->needs_format) {
        wri_error(c, col->loc, "partition_key, shard_id, sequence_number, or approximate_arrival_time",
                  k == WR_META_KINDS ? "there is no metadata '%s'"
                                     : "column '%s': only streams that are read have metadata",
                  key);
        return false;
    }
    wr_kind want = k == WR_META_ARRIVAL ? WR_T_TIMESTAMP : WR_T_VARCHAR;
    if (col->type.kind != want) {
        wri_error(c, col->loc, wri_text(c, "write %s %s METADATA", col->name.text, wr_kind_name(want)),
                  "metadata '%s' is a %s", key, wr_kind_name(want));
        return false;
    }
    uint32_t n = st->def->columns.n;
    if (!st->def->metadata) st->def->metadata = wri_new_n(c, n, sizeof *st->def->metadata);
    if (st->def->metadata) st->def->metadata[i] = (uint8_t)(k + 1);
    return st->def->metadata != NULL;
}

/* NULL: out of memory. */
static const char *column_name(wri_ctx *c, const wr_ident *id) {
    if (!c->settings || !c->settings->column_names || id->quoted) return id->text;
    char *name = wr_arena_strdup(c->ar, id->text);
    if (!name) c->oom = true;
    for (char *p = name; p && *p; p++)
        if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 'a' + 'A');
    return name;
}

static bool declare(wri_ctx *c, wri_stream *st, uint32_t i, const wr_schema *own) {
    const wr_column_def *col = &st->stmt->columns[i];
    wr_field *f = &st->def->columns.fields[i];
    *f = (wr_field){.name = column_name(c, &col->name), .type = col->type, .path = col->path};
    if (!f->name) return false;
    if (duplicate(c, st->stmt, i)) return false;
    if (col->metadata) return metadata_column(c, st, i);
    if (col->computed) {
        st->def->computed[i] = col->computed;
        return true;
    }
    if (own) return own_column(c, st, col, own, f);
    if (col->type.kind != WR_T_NULL || st->as) return true; /* the query behind AS has the type */
    wri_error(c, col->loc, wri_text(c, "write %s VARCHAR, for example", col->name.text),
              "column '%s' has no type", col->name.text);
    return false;
}

/* Columns as the connector gives them. */
static bool self_schema(wri_ctx *c, wri_stream *st, wr_schema *out) {
    wr_err err = {0};
    wr_status s = c->reg->columns ? c->reg->columns(st->def->connector, st->def->options, st->def->n_options,
                                                    c->ar, out, &err)
                                  : WR_EINVAL;
    if (s == WR_OK) return true;
    if (s == WR_ENOMEM) c->oom = true;
    else wri_error(c, st->def->loc, NULL, "stream '%s': %s", st->def->name, err.msg);
    return false;
}

static bool alloc_columns(wri_ctx *c, wri_stream *st, uint32_t n) {
    st->def->columns.n = n;
    st->def->columns.fields = wri_new_n(c, n, sizeof(wr_field));
    st->def->computed = wri_new_n(c, n, sizeof(wr_ast *));
    st->computed = wri_new_n(c, n, sizeof(wr_expr *));
    return !c->oom;
}

static bool declared_columns(wri_ctx *c, wri_stream *st) {
    const wr_stmt *s = st->stmt;
    wr_schema own = {0};
    bool has_own = st->connector && st->connector->self_schema;
    if (has_own && !self_schema(c, st, &own)) return false;
    if (s->n_columns == 0) {
        if (!has_own) {
            wri_error(c, st->def->loc, wri_text(c, "write CREATE STREAM %s (name type, …)", st->def->name),
                      "stream '%s' has no columns", st->def->name);
            return false;
        }
        if (!alloc_columns(c, st, own.n)) return false;
        if (own.n) memcpy(st->def->columns.fields, own.fields, own.n * sizeof *own.fields);
        return true;
    }
    if (!alloc_columns(c, st, s->n_columns)) return false;
    bool ok = true;
    for (uint32_t i = 0; i < s->n_columns; i++) ok = declare(c, st, i, has_own ? &own : NULL) && ok;
    return ok;
}

/* ---- computed columns ---- */

static void scope_add(wri_scope *sc, const wr_field *f, uint32_t col) {
    sc->cols[sc->n++] = (wri_scope_col){.name = f->name, .type = f->type, .col = col};
}

#define WRI_COMPUTED_MAX 20000 /* nodes of a computed column's expression, those it uses put in */

/* Physical columns stand for themselves in repl, computed ones for their expressions. */
static bool bind_computed(wri_ctx *c, wri_stream *st, wri_q *q, wri_scope *sc, wr_expr **repl) {
    const wr_schema *cols = &st->def->columns;
    uint32_t *sizes = wri_new_n(c, cols->n, sizeof *sizes);
    if (!sizes) return false;
    bool ok = true;
    for (uint32_t i = 0; i < cols->n; i++) {
        sizes[i] = 1;
        if (st->def->computed[i]) continue;
        scope_add(sc, &cols->fields[i], i);
        repl[i] = wri_new_col(c->ar, i, cols->fields[i].type, (wr_loc){0, 0});
        if (!repl[i]) c->oom = true;
    }
    if (c->oom) return false;
    for (uint32_t i = 0; i < cols->n; i++) {
        if (!st->def->computed[i]) continue;
        wr_field *f = &cols->fields[i];
        wri_binder b;
        wri_binder_scalar(q, &b, sc, "a computed column");
        wr_expr *e = f->type.kind == WR_T_NULL ? wri_bind(&b, st->def->computed[i])
                                               : wri_bind_as(&b, st->def->computed[i], f->type);
        if (e == &wri_failed) {
            ok = false;
            continue;
        }
        sizes[i] = wri_expr_size(e, sizes, WRI_COMPUTED_MAX);
        if (sizes[i] > WRI_COMPUTED_MAX) {
            wri_error(c, st->def->computed[i]->loc, "compute it in a view",
                      "computed column '%s' uses others so often that it has over %d operations", f->name,
                      WRI_COMPUTED_MAX);
            return false;
        }
        repl[i] = st->computed[i] = wri_subst(c, e, repl);
        if (!repl[i]) return false;
        f->type = e->type;
        scope_add(sc, f, i);
    }
    return ok;
}

/* ---- event time ---- */

static bool time_column(wri_ctx *c, wri_stream *st, const wr_ident *id, const char *clause) {
    const wr_schema *cols = &st->def->columns;
    for (uint32_t i = 0; i < cols->n; i++) {
        if (!wri_ident_matches(id, cols->fields[i].name)) continue;
        st->def->rowtime = i;
        if (cols->fields[i].type.kind == WR_T_TIMESTAMP) return true;
        char have[WR_TEXT_MAX];
        wri_error(c, id->loc,
                  "event time is a TIMESTAMP(3); convert text by TO_TIMESTAMP in a computed column",
                  "%s: column '%s' is %s, not TIMESTAMP", clause, id->text,
                  wr_type_print(cols->fields[i].type, have, sizeof have));
        return false;
    }
    const char *near =
        cols->n ? wr_nearest(id->text, &cols->fields[0].name, cols->n, sizeof cols->fields[0]) : NULL;
    wri_error(c, id->loc, wri_suggest(c, near), "%s: stream '%s' has no column '%s'", clause, st->def->name,
              id->text);
    return false;
}

static bool event_time(wri_ctx *c, wri_stream *st, wri_q *q, const wri_scope *sc) {
    const wr_stmt *s = st->stmt;
    if (s->wm_column.text && s->rowtime.text) {
        wri_error(c, s->rowtime.loc, "keep one of them",
                  "stream '%s' has both WATERMARK FOR and ROWTIME FROM", st->def->name);
        return false;
    }
    if (s->rowtime.text) return time_column(c, st, &s->rowtime, "ROWTIME FROM");
    if (!s->wm_column.text) {
        st->def->arrival_time = st->connector != NULL;
        return true;
    }
    if (!time_column(c, st, &s->wm_column, "WATERMARK FOR")) return false;
    wri_binder b;
    wri_binder_scalar(q, &b, sc, "WATERMARK");
    st->def->wm_ast = s->wm_expr;
    st->wm = wri_bind(&b, s->wm_expr);
    if (st->wm == &wri_failed) return false;
    if (st->wm->type.kind == WR_T_TIMESTAMP) return true;
    char have[WR_TEXT_MAX];
    wri_error(c, s->wm_expr->loc,
              wri_text(c, "write %s - INTERVAL '5' SECOND, for example", s->wm_column.text),
              "the watermark of '%s' must be a TIMESTAMP, it is %s", st->def->name,
              wr_type_print(st->wm->type, have, sizeof have));
    return false;
}

/* ---- PRIMARY KEY ---- */

static bool key_column(wri_ctx *c, wri_stream *st, const wr_ident *id) {
    wr_plan_stream *def = st->def;
    const wr_schema *cols = &def->columns;
    for (uint32_t i = 0; i < cols->n; i++) {
        if (!wri_ident_matches(id, cols->fields[i].name)) continue;
        for (uint32_t k = 0; k < def->n_primary_key; k++)
            if (def->primary_key[k] == i) return true;
        def->primary_key[def->n_primary_key++] = i;
        return true;
    }
    const char *near =
        cols->n ? wr_nearest(id->text, &cols->fields[0].name, cols->n, sizeof cols->fields[0]) : NULL;
    wri_error(c, id->loc, wri_suggest(c, near), "PRIMARY KEY: stream '%s' has no column '%s'", def->name,
              id->text);
    return false;
}

/* PRIMARY KEY (a, b), or behind columns. */
static bool primary_key(wri_ctx *c, wri_stream *st) {
    const wr_stmt *s = st->stmt;
    bool ok = true;
    st->def->primary_key = wri_new_n(c, s->n_primary_key + s->n_columns, sizeof(uint32_t));
    if (!st->def->primary_key) return false;
    for (uint32_t i = 0; i < s->n_columns; i++)
        if (s->columns[i].primary_key) ok = key_column(c, st, &s->columns[i].name) && ok;
    for (uint32_t i = 0; i < s->n_primary_key; i++) ok = key_column(c, st, &s->primary_key[i]) && ok;
    return ok;
}

/* ---- columns of the query behind AS ---- */

/* The place of item i of the query, for messages. */
static wr_loc as_loc(const wri_stream *st, uint32_t i) {
    const wr_query *y = st->as->query;
    return y->kind == WR_Q_SELECT && i < y->n_items ? y->items[i].expr->loc : y->loc;
}

/* Types that CREATE STREAM s (a, b) AS leaves to its query. */
static bool types_from(wri_ctx *c, wri_stream *st, const wr_node *rows) {
    wr_schema *cols = &st->def->columns;
    uint32_t at = 0, n_vis = wri_x(rows)->n_vis;
    for (uint32_t i = 0; i < cols->n; i++) {
        if (st->def->computed[i]) continue;
        if (cols->fields[i].type.kind == WR_T_NULL && at < n_vis)
            cols->fields[i].type = rows->out.fields[at].type;
        at++;
    }
    if (at == n_vis) return true;
    wri_error(c, st->stmt->columns[0].loc, "name each column of the query",
              "stream '%s' has %u columns, but the query has %u", st->def->name, at, n_vis);
    return false;
}

static bool columns_from(wri_ctx *c, wri_stream *st, const wr_node *rows) {
    uint32_t n = wri_x(rows)->n_vis;
    if (!alloc_columns(c, st, n)) return false;
    wr_field *f = st->def->columns.fields;
    for (uint32_t i = 0; i < n; i++) {
        f[i] = (wr_field){.name = rows->out.fields[i].name, .type = rows->out.fields[i].type};
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(f[k].name, f[i].name) == 0) {
                wri_error(c, as_loc(st, i), "give one of them another name with AS",
                          "stream '%s' would have two columns '%s'", st->def->name, f[i].name);
                return false;
            }
    }
    return true;
}

bool wri_bind_columns(wri_ctx *c, wri_stream *st, uint32_t seq, const wr_node *rows) {
    wri_q q = {.c = c, .seq = seq};
    if (rows && st->stmt->n_columns == 0) {
        if (!columns_from(c, st, rows)) return false;
    } else if (!declared_columns(c, st) || (rows && !types_from(c, st, rows))) return false;
    uint32_t n = st->def->columns.n;
    wri_scope sc = {.cap = n, .cols = wri_new_n(c, n, sizeof *sc.cols)};
    wr_expr **repl = wri_new_n(c, n, sizeof *repl);
    if (!sc.cols || !repl) return false;
    if (!bind_computed(c, st, &q, &sc, repl)) return false;
    return primary_key(c, st) && event_time(c, st, &q, &sc);
}

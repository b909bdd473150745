/* planner/notes.c -- statements that only inform: SHOW, DESCRIBE, EXPLAIN. Their text goes to the plan's
 * notes, in the order of the script. */
#include <strings.h>

#include "plan_int.h"

static bool put_line(wri_ctx *c, wr_buf *b, const char *name, const char *doc) {
    wr_status st = doc && *doc ? wr_buf_printf(b, "%-24s %s\n", name, doc) : wr_buf_printf(b, "%s\n", name);
    if (st != WR_OK) c->oom = true;
    return st == WR_OK;
}

/* ---- DESCRIBE ---- */

static bool put_columns(wri_ctx *c, wr_buf *b, const wr_field *f, uint32_t n, const wri_stream *st) {
    for (uint32_t i = 0; i < n; i++) {
        char type[WR_TEXT_MAX];
        wr_type_print(f[i].type, type, sizeof type);
        bool computed = st && st->computed && st->computed[i];
        bool time = st && i == st->def->rowtime;
        const char *text =
            wri_text(c, "%s%s%s", type, computed ? " (computed)" : "", time ? " (event time)" : "");
        if (!text || !put_line(c, b, f[i].name, text)) return false;
    }
    return true;
}

static bool describe(wri_ctx *c, wr_buf *b, const wr_stmt *s, uint32_t seq) {
    wri_q q = {.c = c, .seq = seq};
    wri_view *v = wri_find_view(c, &s->name, seq);
    if (v) return put_columns(c, b, v->fields, v->n_fields, NULL);
    wri_stream *st = wri_find_stream(c, &s->name, seq);
    if (!st) {
        wri_no_such(&q, &s->name, "stream or view");
        return false;
    }
    if (!put_columns(c, b, st->def->columns.fields, st->def->columns.n, st)) return false;
    if (!st->connector) return true;
    for (size_t i = 0; i < st->def->n_options; i++)
        if (wr_buf_printf(b, "  %s = '%s'\n", st->def->options[i].key, st->def->options[i].value) != WR_OK)
            c->oom = true;
    return !c->oom;
}

/* ---- SHOW ---- */

static bool show_streams(wri_ctx *c, wr_buf *b, uint32_t seq) {
    for (const wri_stream *st = c->streams; st; st = st->next)
        if (st->from < seq && seq <= st->until &&
            !put_line(c, b, st->def->name, st->errors ? "(predefined)" : st->def->connector))
            return false;
    return true;
}

static bool show_views(wri_ctx *c, wr_buf *b, uint32_t seq) {
    for (const wri_view *v = c->views; v; v = v->next)
        if (v->seq < seq && seq <= v->until &&
            !put_line(c, b, v->stmt->name.parts[v->stmt->name.n - 1].text, NULL))
            return false;
    return true;
}

static bool show_pumps(wri_ctx *c, wr_buf *b, uint32_t seq) {
    for (const wri_feed *f = c->feeds; f; f = f->next)
        if (f->pump && f->seq < seq && !f->dropped &&
            !put_line(c, b, f->pump->text,
                      wri_text(c, "INSERT INTO %s%s", f->into->def->name, f->off ? " (stopped)" : "")))
            return false;
    return true;
}

static bool show_functions(wri_ctx *c, wr_buf *b, uint32_t seq) {
    for (const wri_func *f = c->funcs; f; f = f->next)
        if (f->seq < seq && seq <= f->until &&
            !put_line(c, b, f->stmt->name.parts[f->stmt->name.n - 1].text, "(defined in this script)"))
            return false;
    for (size_t i = 0; i < c->reg->n_funcs; i++)
        if (!put_line(c, b, c->reg->funcs[i]->name, c->reg->funcs[i]->doc)) return false;
    for (size_t i = 0; i < c->reg->n_aggs; i++)
        if (!put_line(c, b, c->reg->aggs[i]->name, c->reg->aggs[i]->doc)) return false;
    for (size_t i = 0; i < c->reg->n_tables; i++)
        if (!put_line(c, b, c->reg->tables[i]->name, c->reg->tables[i]->doc)) return false;
    return true;
}

static bool show_with(wri_ctx *c, wr_buf *b, const wr_with *const *all, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!put_line(c, b, all[i]->name, all[i]->doc)) return false;
    return true;
}

static bool show(wri_ctx *c, wr_buf *b, const wr_stmt *s, uint32_t seq) {
    static const char *const what[] = {"STREAMS",   "TABLES",     "VIEWS",  "PUMPS",
                                       "FUNCTIONS", "CONNECTORS", "FORMATS"};
    const char *name = s->name.parts[0].text;
    size_t k = 0;
    while (k < WR_LEN(what) && strcasecmp(name, what[k]) != 0) k++;
    switch (k) {
    case 0:
    case 1:
        return show_streams(c, b, seq);
    case 2:
        return show_views(c, b, seq);
    case 3:
        return show_pumps(c, b, seq);
    case 4:
        return show_functions(c, b, seq);
    case 5:
        return show_with(c, b, c->reg->connectors, c->reg->n_connectors);
    case 6:
        return show_with(c, b, c->reg->formats, c->reg->n_formats);
    default:
        break;
    }
    const char *near = wr_nearest(name, what, WR_LEN(what), sizeof *what);
    wri_error(c, s->name.loc,
              near ? wri_suggest(c, near) : "there are STREAMS, VIEWS, PUMPS, FUNCTIONS, CONNECTORS, FORMATS",
              "SHOW does not know '%s'", name);
    return false;
}

/* ---- EXPLAIN ---- */

static bool explain(wri_ctx *c, wr_buf *b, const wr_stmt *s, uint32_t seq) {
    wr_explain_form form = WR_EXPLAIN_TREE;
    if (s->analyze) {
        wri_unsupported(c, s->loc, "write EXPLAIN without ANALYZE", "EXPLAIN ANALYZE is not supported yet");
        return false;
    }
    if (s->format && strcasecmp(s->format, "JSON") == 0) form = WR_EXPLAIN_JSON;
    else if (s->format && strcasecmp(s->format, "DOT") == 0) form = WR_EXPLAIN_DOT;
    else if (s->format && strcasecmp(s->format, "TEXT") != 0 && strcasecmp(s->format, "TREE") != 0) {
        wri_error(c, s->loc, "there are TEXT, JSON and DOT", "EXPLAIN has no format '%s'", s->format);
        return false;
    }
    wr_stmt_kind k = s->inner->kind;
    if (k != WR_S_QUERY && k != WR_S_INSERT && k != WR_S_CREATE_PUMP &&
        !(k == WR_S_CREATE_STREAM && s->inner->query)) {
        wri_error(c, s->inner->loc, "explain a SELECT, an INSERT or a pump", "EXPLAIN needs a query");
        return false;
    }
    wr_plan plan;
    if (wri_explain_stmt(c, seq, &plan) != WR_OK) return false;
    if (wr_plan_explain(&plan, c->reg, form, b) != WR_OK) c->oom = true;
    return !c->oom;
}

static bool note(wri_ctx *c, wr_plan *plan, const wr_stmt *s, uint32_t seq) {
    wr_buf b = {0};
    bool ok = s->kind == WR_S_SHOW       ? show(c, &b, s, seq)
              : s->kind == WR_S_DESCRIBE ? describe(c, &b, s, seq)
                                         : explain(c, &b, s, seq);
    if (ok) {
        const char *text = wr_arena_strndup(c->ar, b.data ? b.data : "", b.len);
        if (text) plan->notes[plan->n_notes++] = text;
        else c->oom = true;
    }
    wr_buf_free(&b);
    return ok && !c->oom;
}

bool wri_notes(wri_ctx *c, wr_plan *plan) {
    plan->notes = wri_new_n(c, c->script->n, sizeof *plan->notes);
    if (!plan->notes) return false;
    bool ok = true;
    for (uint32_t i = 0; i < c->script->n; i++) {
        const wr_stmt *s = c->script->stmts[i];
        if (s->kind == WR_S_SHOW || s->kind == WR_S_DESCRIBE || s->kind == WR_S_EXPLAIN)
            ok = note(c, plan, s, i + 1) && ok;
    }
    return ok;
}

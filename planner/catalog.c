/* planner/catalog.c -- what the script has created: streams, views, functions, pumps.
 *
 * Every object knows which statements see it: those after its creation, up to the one that drops or
 * replaces it. A query is looked up as of its own statement, whenever it is planned. */
#include <strings.h>

#include "plan_int.h"

static const wr_ident *last_part(const wr_name *name) { return &name->parts[name->n - 1]; }
static bool sees(uint32_t from, uint32_t until, uint32_t seq) { return from < seq && seq <= until; }

wri_stream *wri_find_stream(wri_ctx *c, const wr_name *name, uint32_t seq) {
    const wr_ident *id = last_part(name);
    wri_stream *found = NULL;
    for (wri_stream *st = c->streams; st; st = st->next) {
        if (!sees(st->from, st->until, seq) || !wri_ident_matches(id, st->def->name)) continue;
        if (strcmp(id->text, st->def->name) == 0) return st; /* an exact match wins */
        if (!found) found = st;
    }
    return found;
}

wri_view *wri_find_view(wri_ctx *c, const wr_name *name, uint32_t seq) {
    const wr_ident *id = last_part(name);
    for (wri_view *v = c->views; v; v = v->next)
        if (sees(v->seq, v->until, seq) && wri_ident_matches(id, last_part(&v->stmt->name)->text)) return v;
    return NULL;
}

static bool same_params(const wr_stmt *a, const wr_stmt *b) {
    if (a->n_params != b->n_params || a->is_aggregate != b->is_aggregate) return false;
    if (a->is_aggregate) return true; /* these differ in their number of arguments only */
    for (uint32_t i = 0; i < a->n_params; i++)
        if (a->params[i].type.kind != b->params[i].type.kind) return false;
    return true;
}

/* like: the function with its parameter types only; functions of one name may differ in these. */
static wri_func *find_func(wri_ctx *c, const wr_name *name, const wr_stmt *like, uint32_t seq) {
    const wr_ident *id = last_part(name);
    for (wri_func *f = c->funcs; f; f = f->next)
        if (sees(f->seq, f->until, seq) && wri_ident_matches(id, last_part(&f->stmt->name)->text) &&
            (!like || same_params(f->stmt, like)))
            return f;
    return NULL;
}

bool wri_is_user_agg(const wri_q *q, const wr_ident *name) {
    for (const wri_func *f = q->c->funcs; f; f = f->next)
        if (f->stmt->is_aggregate && sees(f->seq, f->until, q->seq) &&
            wri_ident_matches(name, last_part(&f->stmt->name)->text))
            return true;
    return false;
}

static wri_feed *find_pump(wri_ctx *c, const wr_name *name, uint32_t seq) {
    const wr_ident *id = last_part(name);
    for (wri_feed *f = c->feeds; f; f = f->next)
        if (f->pump && f->seq < seq && !f->dropped && wri_ident_matches(id, f->pump->text)) return f;
    return NULL;
}

/* The statement after seq that creates a stream or view of this name, or NULL. */
static const wr_stmt *created_later(wri_ctx *c, const wr_ident *id, uint32_t seq) {
    for (uint32_t i = seq; i < c->script->n; i++) {
        const wr_stmt *s = c->script->stmts[i];
        if ((s->kind == WR_S_CREATE_STREAM || s->kind == WR_S_CREATE_VIEW) &&
            wri_ident_matches(id, last_part(&s->name)->text))
            return s;
    }
    return NULL;
}

void wri_no_such(wri_q *q, const wr_name *name, const char *what) {
    wri_ctx *c = q->c;
    const wr_ident *id = last_part(name);
    const wr_stmt *later = created_later(c, id, q->seq);
    if (later) {
        wri_error(c, id->loc,
                  wri_text(c, "move its CREATE from line %u before this statement", wri_line(c, later->loc)),
                  "'%s' is used before it is created", id->text);
        return;
    }
    const char **names = NULL;
    uint32_t n = 0, cap = 0;
    for (const wri_stream *st = c->streams; st; st = st->next) {
        const char **slot =
            sees(st->from, st->until, q->seq) ? wri_new_last(c, &names, &n, &cap, sizeof *slot) : NULL;
        if (slot) *slot = st->def->name;
    }
    for (const wri_view *v = c->views; v; v = v->next) {
        const char **slot =
            sees(v->seq, v->until, q->seq) ? wri_new_last(c, &names, &n, &cap, sizeof *slot) : NULL;
        if (slot) *slot = last_part(&v->stmt->name)->text;
    }
    for (const wri_cte *t = q->ctes; t; t = t->next) {
        const char **slot = wri_new_last(c, &names, &n, &cap, sizeof *slot);
        if (slot) *slot = t->name->text;
    }
    const char *near = n ? wr_nearest(id->text, names, n, sizeof *names) : NULL;
    wri_error(c, id->loc,
              near ? wri_suggest(c, near) : wri_text(c, "create it first: CREATE STREAM %s (…)", id->text),
              "there is no %s '%s'", what, id->text);
}

wri_stream *wri_target(wri_ctx *c, const wr_name *name, uint32_t seq) {
    wri_stream *st = wri_find_stream(c, name, seq);
    const wr_ident *id = last_part(name);
    if (!st && wri_find_view(c, name, seq)) {
        wri_error(c, id->loc, "insert into a stream", "'%s' is a view and cannot be inserted into", id->text);
        return NULL;
    }
    if (!st) {
        wri_q q = {.c = c, .seq = seq};
        wri_no_such(&q, name, "stream");
        return NULL;
    }
    if (st->errors) {
        wri_error(c, id->loc, "insert into a stream of your own", "error_stream can only be read");
        return NULL;
    }
    if (st->def->metadata) {
        wri_error(c, id->loc, "declare another stream, without them, to write to the same place",
                  "'%s' has METADATA columns, so it can only be read", id->text);
        return NULL;
    }
    if (st->connector && !st->connector->sink) {
        wri_error(c, id->loc, "insert into a stream that can be written",
                  "'%s' cannot be written: connector '%s' only reads", st->def->name, st->connector->name);
        return NULL;
    }
    return st;
}

wri_feed *wri_add_feed(wri_ctx *c, const wr_stmt *s, uint32_t seq, wri_stream *into, const char *label) {
    wri_feed *f = wri_new(c, sizeof *f);
    if (!f) return NULL;
    f->stmt = s;
    f->query = s ? s->query : NULL;
    f->seq = seq;
    f->into = into;
    f->label = label;
    wri_feed **at = &into->feeds;
    while (*at) at = &(*at)->next_into;
    *at = f;
    *c->last_feed = f;
    c->last_feed = &f->next;
    return f;
}

/* ---- names that exist already ---- */

/* kind: what CREATE OR REPLACE would be of; NULL: it cannot replace that. */
static void exists(wri_ctx *c, const wr_ident *id, const char *what, wr_loc first, const char *kind) {
    uint32_t line = wri_line(c, first);
    wri_error(
        c, id->loc,
        kind ? wri_text(c, "it was created at line %u; use CREATE OR REPLACE %s, or another name", line, kind)
             : wri_text(c, "it was created at line %u; choose another name", line),
        "there is %s '%s' already", what, id->text);
}

/* Whether name may be created at seq: an object of that name is replaced, or an error. */
static bool name_free(wri_ctx *c, const wr_stmt *s, uint32_t seq, bool *skipp) {
    const wr_ident *id = last_part(&s->name);
    *skipp = false;
    if (strcasecmp(id->text, "error_stream") == 0) {
        wri_error(c, id->loc, "choose another name", "error_stream is predefined");
        return false;
    }
    const char *kind = s->kind == WR_S_CREATE_VIEW ? "VIEW" : s->is_table ? "TABLE" : "STREAM";
    wri_stream *st = wri_find_stream(c, &s->name, seq);
    wri_view *v = wri_find_view(c, &s->name, seq);
    if (!st && !v) return true;
    if (s->if_not_exists) {
        *skipp = true;
        return false;
    }
    bool same_kind = (s->kind == WR_S_CREATE_VIEW) == (v != NULL);
    if (!s->or_replace || !same_kind) {
        exists(c, id, v ? "a view" : "a stream", v ? v->stmt->name.loc : st->def->loc,
               same_kind ? kind : NULL);
        return false;
    }
    if (st) st->until = seq;
    if (v) v->until = seq;
    return true;
}

static void append_stream(wri_ctx *c, wri_stream *st) {
    wri_stream **at = &c->streams;
    while (*at) at = &(*at)->next;
    *at = st;
}

static wri_stream *new_stream(wri_ctx *c, const char *name, wr_loc loc, uint32_t from) {
    wri_stream *st = wri_new(c, sizeof *st);
    wr_plan_stream *def = wri_new(c, sizeof *def);
    if (!st || !def) return NULL;
    def->name = name;
    def->loc = loc;
    def->rowtime = WR_NO_COL;
    st->def = def;
    st->from = from;
    st->until = UINT32_MAX;
    return st;
}

/* ---- streams ---- */

bool wri_catalog_init(wri_ctx *c) {
    static const struct {
        const char *name;
        wr_kind kind;
    } columns[] = {{"error_time", WR_T_TIMESTAMP},   {"error_level", WR_T_VARCHAR},
                   {"error_name", WR_T_VARCHAR},     {"message", WR_T_VARCHAR},
                   {"data_rowtime", WR_T_TIMESTAMP}, {"data_row", WR_T_VARCHAR},
                   {"pump_name", WR_T_VARCHAR},      {"source", WR_T_VARCHAR},
                   {"file", WR_T_VARCHAR},           {"position", WR_T_BIGINT}};
    wri_stream *st = new_stream(c, "error_stream", (wr_loc){0, 0}, 0);
    if (!st) return false;
    st->errors = true;
    st->def->columns.n = WR_LEN(columns);
    st->def->columns.fields = wri_new_n(c, WR_LEN(columns), sizeof(wr_field));
    if (!st->def->columns.fields) return false;
    for (uint32_t i = 0; i < WR_LEN(columns); i++)
        st->def->columns.fields[i] = (wr_field){.name = columns[i].name, .type = wr_type_of(columns[i].kind)};
    st->def->rowtime = 0;
    append_stream(c, st);
    return true;
}

/* The CREATE STREAM of this name anywhere in the script. */
static bool declared(wri_ctx *c, const char *name) {
    wr_ident id = {.text = name};
    for (uint32_t i = 0; i < c->script->n; i++) {
        const wr_stmt *s = c->script->stmts[i];
        if (s->kind == WR_S_CREATE_STREAM && wri_ident_matches(&id, last_part(&s->name)->text)) return true;
    }
    return false;
}

/* late_output names a stream that the script does not declare: it gets the columns of `of`. */
static void implicit_late(wri_ctx *c, wri_stream *of, uint32_t seq) {
    const char *name = of->def->late_output;
    if (!name || declared(c, name) || strcasecmp(name, "error_stream") == 0) return;
    wr_ident id = {.text = name};
    wr_name whole = {.n = 1, .parts = &id};
    if (wri_find_stream(c, &whole, seq + 1)) return; /* made for another source */
    wri_stream *st = new_stream(c, name, of->def->loc, seq);
    if (!st) return;
    st->def->columns = of->def->columns;
    st->def->computed = wri_new_n(c, of->def->columns.n, sizeof(wr_ast *));
    st->computed = wri_new_n(c, of->def->columns.n, sizeof(wr_expr *));
    if (c->oom) return;
    append_stream(c, st);
}

/* CREATE STREAM s AS …, s (a, b) AS …: the query has the types. */
static bool needs_query(const wr_stmt *s) {
    for (uint32_t i = 0; i < s->n_columns; i++)
        if (s->columns[i].type.kind == WR_T_NULL && !s->columns[i].computed) return true;
    return s->n_columns == 0;
}

void wri_create_stream(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    bool skip;
    if (!name_free(c, s, seq, &skip)) return;
    const wr_ident *id = last_part(&s->name);
    wri_stream *st = new_stream(c, id->text, id->loc, seq);
    if (!st) return;
    st->stmt = s;
    st->broken = !wri_stream_options(c, s, st);
    if (s->query) {
        wri_feed *f = wri_add_feed(c, s, seq, st, wri_text(c, "CREATE STREAM %s", id->text));
        if (!f) return;
        if (needs_query(s)) st->as = f;
    }
    if (!st->as && !st->broken) st->broken = !wri_bind_columns(c, st, seq, NULL);
    append_stream(c, st);
    if (st->broken) wri_failed_silently(c);
    else implicit_late(c, st, seq);
}

static void link_late(wri_ctx *c, wri_stream *st) {
    const char *name = st->def->late_output;
    wr_loc loc = st->late_loc;
    wr_ident id = {.text = name};
    wr_name whole = {.n = 1, .parts = &id};
    wri_stream *to = wri_find_stream(c, &whole, UINT32_MAX);
    if (!to || to->broken) return; /* a broken declaration was reported */
    if (to == st || to->errors) {
        wri_error(c, loc, "name a stream of its own for late rows", "late_output = '%s': %s", name,
                  to == st ? "a stream cannot take its own late rows" : "error_stream can only be read");
        return;
    }
    if (to->connector && !to->connector->sink) {
        wri_error(c, loc, "name a stream without connector, or one that can be written",
                  "late_output = '%s': connector '%s' cannot be written", name, to->connector->name);
        return;
    }
    wri_feed *f = wri_add_feed(c, NULL, st->from, to, wri_text(c, "late rows of %s", st->def->name));
    if (!f) return;
    f->late_of = st;
    st->late_to = to;
}

void wri_catalog_link(wri_ctx *c) {
    for (wri_stream *st = c->streams; st; st = st->next)
        if (!st->broken && st->def->late_output) link_late(c, st);
}

/* ---- the other objects ---- */

void wri_create_view(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    bool skip;
    if (!name_free(c, s, seq, &skip)) return;
    wri_view *v = wri_new(c, sizeof *v);
    if (!v) return;
    v->stmt = s;
    v->seq = seq;
    v->until = UINT32_MAX;
    wri_view **at = &c->views;
    while (*at) at = &(*at)->next;
    *at = v;
}

void wri_create_pump(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    const wr_ident *id = last_part(&s->name);
    wri_feed *old = find_pump(c, &s->name, seq);
    if (old && s->if_not_exists) return;
    if (old && !s->or_replace) {
        exists(c, id, "a pump", old->pump->loc, "PUMP");
        return;
    }
    if (old) old->off = old->dropped = true;
    wri_stream *into = wri_target(c, &s->target, seq);
    wri_feed *f = into ? wri_add_feed(c, s, seq, into, wri_text(c, "PUMP %s", id->text)) : NULL;
    if (!f) return;
    f->pump = id;
    f->off = s->stopped;
}

/* The function with NULL for its body, whose errors were reported: calls of it bring no more. */
static wr_stmt *without_body(wri_ctx *c, const wr_stmt *s) {
    wr_stmt *n = wri_new(c, sizeof *n);
    wr_ast *cast = wri_new(c, sizeof *cast), *null = wri_new(c, sizeof *null);
    wr_ast **args = wri_new(c, sizeof *args);
    if (!n || !cast || !null || !args) return NULL;
    *n = *s;
    *null = (wr_ast){.kind = WR_A_NULL, .loc = s->body->loc};
    args[0] = null;
    *cast = (wr_ast){.kind = WR_A_CAST, .loc = s->body->loc, .args = args, .n_args = 1, .type = s->returns};
    n->body = cast;
    return n;
}

/* Names that a function of this kind may not have: one name, one kind. */
static bool function_name_free(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    const wr_ident *id = last_part(&s->name);
    const char *what = s->is_aggregate && wri_find_agg(c->reg, id->text) ? "is a built-in aggregate" : NULL;
    for (const wri_func *f = c->funcs; f && !what; f = f->next) {
        if (!sees(f->seq, f->until, seq) || !wri_ident_matches(id, last_part(&f->stmt->name)->text)) continue;
        if (f->stmt->is_aggregate != s->is_aggregate)
            what = s->is_aggregate ? "is a function of the script" : "is an aggregate function of the script";
    }
    if (what) wri_error(c, id->loc, "choose another name", "'%s' %s already", id->text, what);
    return !what;
}

/* The body is bound once here, so that its errors are found where they are. False: out of memory. */
static bool check_body(wri_ctx *c, wri_func *f, uint32_t seq) {
    wr_stmt *s = f->stmt;
    wri_scope scope = {.n = s->n_params, .cap = s->n_params};
    scope.cols = wri_new_n(c, s->n_params, sizeof *scope.cols);
    if (!scope.cols) return false;
    for (uint32_t i = 0; i < s->n_params; i++)
        scope.cols[i] = (wri_scope_col){.name = s->params[i].name.text, .type = s->params[i].type, .col = i};
    wri_q q = {.c = c, .seq = seq};
    if (s->is_aggregate) {
        wr_ast *body = wri_check_user_agg(&q, s, &scope);
        f->stmt = without_body(c, s);
        if (f->stmt && body) f->stmt->body = body;
        if (f->stmt && body) return true;
    } else {
        wri_binder b;
        wri_binder_scalar(&q, &b, &scope, "a function");
        if (wri_bind_as(&b, s->body, s->returns) != &wri_failed) return true;
        f->stmt = without_body(c, s);
    }
    wri_failed_silently(c);
    return f->stmt && !c->oom;
}

void wri_create_function(wri_ctx *c, wr_stmt *s, uint32_t seq) {
    wri_func *old = find_func(c, &s->name, s, seq);
    if (old && s->if_not_exists) return;
    if (old && !s->or_replace) {
        exists(c, last_part(&s->name), "a function", old->stmt->name.loc,
               s->is_aggregate ? "AGGREGATE FUNCTION" : "FUNCTION");
        return;
    }
    wri_func *f = function_name_free(c, s, seq) ? wri_new(c, sizeof *f) : NULL;
    if (!f) return;
    f->stmt = s;
    if (s->extension && s->is_aggregate && !(f->agg = wri_extension_agg(c, s))) return;
    if (s->extension && !s->is_aggregate && !(f->native = wri_extension_func(c, s))) return;
    if (s->body && !check_body(c, f, seq)) return;
    if (old) old->until = seq;
    f->seq = seq;
    f->until = UINT32_MAX;
    f->next = c->funcs;
    c->funcs = f;
}

static void no_such(wri_ctx *c, const wr_stmt *s, const wr_ident *id, const char *what) {
    if (s->if_exists) return;
    wri_error(c, id->loc, "see the CREATE statements above, or write IF EXISTS", "there is no %s '%s'", what,
              id->text);
}

void wri_drop(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    const wr_ident *id = last_part(&s->name);
    if (strcmp(s->what, "VIEW") == 0) {
        wri_view *v = wri_find_view(c, &s->name, seq);
        if (v) v->until = seq;
        else no_such(c, s, id, "view");
    } else if (strcmp(s->what, "FUNCTION") == 0) {
        wri_func *f = find_func(c, &s->name, NULL, seq);
        if (!f) no_such(c, s, id, "function");
        for (; f; f = find_func(c, &s->name, NULL, seq)) f->until = seq - 1;
    } else if (strcmp(s->what, "PUMP") == 0) {
        wri_feed *f = find_pump(c, &s->name, seq);
        if (f) f->off = f->dropped = true;
        else no_such(c, s, id, "pump");
    } else {
        wri_stream *st = wri_find_stream(c, &s->name, seq);
        if (st && st->errors) wri_error(c, id->loc, NULL, "error_stream is predefined and cannot be dropped");
        else if (st) st->until = seq;
        else no_such(c, s, id, "stream");
    }
}

/* ALTER PUMP a, b START | STOP. A script starts anew, so RESET has nothing to do. */
void wri_alter(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    for (uint32_t i = 0; i < s->n_names; i++) {
        const wr_name *name = &s->names[i];
        const wr_ident *id = last_part(name);
        bool all = strcmp(id->text, "*") == 0 && !id->quoted, found = all;
        if (strcmp(s->what, "PUMP") != 0) {
            if (!all && !wri_find_stream(c, name, seq)) no_such(c, s, id, "stream");
            continue;
        }
        for (wri_feed *f = c->feeds; f; f = f->next) {
            if (!f->pump || f->dropped || (!all && !wri_ident_matches(id, f->pump->text))) continue;
            found = true;
            if (strcmp(s->action, "START") == 0) f->off = false;
            if (strcmp(s->action, "STOP") == 0) f->off = true;
        }
        if (!found) no_such(c, s, id, "pump");
    }
}

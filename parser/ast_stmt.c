/* parser/ast_stmt.c -- statements. All functions work on p->stmt, which parse.c makes anew for each. */
#include "parser/parser_int.h"

void wri_stmt_kind(wri_parse *p, wr_stmt_kind kind, const char *what, wri_list *name) {
    if (p->failed) return;
    wr_stmt *s = p->stmt;
    s->kind = kind;
    s->is_table = kind == WR_S_CREATE_STREAM && what && what[0] == 'T';
    if (kind == WR_S_DROP) s->what = what;
    if (name) s->name = wri_name(p, name);
}

void wri_stmt_flag(wri_parse *p, wri_flag f) {
    if (p->failed) return;
    wr_stmt *s = p->stmt;
    bool *const flags[] = {[WRI_FL_OR_REPLACE] = &s->or_replace,
                           [WRI_FL_TEMPORARY] = &s->is_temporary,
                           [WRI_FL_IF_NOT_EXISTS] = &s->if_not_exists,
                           [WRI_FL_IF_EXISTS] = &s->if_exists,
                           [WRI_FL_STARTED] = &s->started,
                           [WRI_FL_STOPPED] = &s->stopped,
                           [WRI_FL_EXPEDITED] = &s->expedited,
                           [WRI_FL_DETERMINISTIC] = &s->deterministic,
                           [WRI_FL_NOT_DETERMINISTIC] = &s->not_deterministic,
                           [WRI_FL_NULL_ON_NULL] = &s->null_on_null,
                           [WRI_FL_AGGREGATE] = &s->is_aggregate};
    *flags[f] = true;
}

void wri_stmt_query(wri_parse *p, wr_query *q) {
    if (p->failed) return;
    p->stmt->query = q;
    wri_below(p, p->stmt, q);
}

static bool again(wri_parse *p, bool given, wr_loc loc, const char *what) {
    if (given) wri_error(p, WR_ESQL, loc, NULL, "%s is given twice", what);
    return given;
}

void wri_stmt_description(wri_parse *p, wri_tok s) {
    if (p->failed || again(p, p->stmt->description, s.loc, "the description")) return;
    p->stmt->description = s.text;
}

/* ---- CREATE STREAM ---- */
void wri_stmt_columns(wri_parse *p, wri_list *columns) {
    if (p->failed || !columns) return;
    p->stmt->columns = columns->items;
    p->stmt->n_columns = columns->n;
    wri_below_list(p, p->stmt, columns);
}

void wri_stmt_options(wri_parse *p, wri_tok word, wri_list *options) {
    if (p->failed || again(p, p->stmt->n_options, word.loc, "WITH")) return;
    p->stmt->options = options->items;
    p->stmt->n_options = options->n;
}

void wri_stmt_rowtime(wri_parse *p, wri_tok word, wri_tok column) {
    if (p->failed || again(p, p->stmt->rowtime.text, word.loc, "ROWTIME FROM")) return;
    p->stmt->rowtime = wri_ident(column);
}

void wri_stmt_watermark(wri_parse *p, wri_tok word, wri_tok column, wr_ast *e) {
    if (p->failed || again(p, p->stmt->wm_column.text, word.loc, "WATERMARK FOR")) return;
    p->stmt->wm_column = wri_ident(column);
    p->stmt->wm_expr = e;
    wri_below(p, p->stmt, e);
}

void wri_stmt_key(wri_parse *p, wri_tok word, wri_list *columns) {
    if (p->failed || again(p, p->stmt->n_primary_key, word.loc, "PRIMARY KEY")) return;
    p->stmt->primary_key = columns->items;
    p->stmt->n_primary_key = columns->n;
}

void wri_stmt_create_end(wri_parse *p) {
    if (p->failed || p->stmt->query) return; /* AS SELECT brings the types */
    for (uint32_t i = 0; i < p->stmt->n_columns && !p->bad; i++) {
        const wr_column_def *c = &p->stmt->columns[i];
        if (!c->type.kind && !c->computed)
            wri_error(p, WR_ESQL, c->name.loc, "write its type, e.g. VARCHAR, behind the name",
                      "column '%s' has no type", c->name.text);
    }
}

wr_column_def *wri_col(wri_parse *p, wri_tok name, wr_ast *type, wr_ast *computed) {
    wr_column_def *c = wri_node(p, sizeof *c);
    if (!c) return NULL;
    c->name = wri_ident(name);
    c->loc = name.loc;
    if (type) {
        c->type = type->type;
        c->loc.end = type->loc.end;
        if (type->unit)
            wri_error(p, WR_EUNSUPPORTED, type->loc,
                      "keep it as BIGINT and multiply with an INTERVAL when needed",
                      "a column cannot be an INTERVAL");
    }
    if (computed) {
        c->computed = computed;
        c->loc.end = wri_head_of(computed)->outer.end;
        wri_below(p, c, computed);
    }
    return c;
}

wr_column_def *wri_col_set(wri_parse *p, wr_column_def *c, wri_col_opt opt, wri_tok t) {
    if (p->failed) return NULL;
    c->loc.end = t.loc.end;
    switch (opt) {
    case WRI_CO_NOT_NULL:
        c->type.not_null = true;
        if (c->computed || !c->type.kind)
            wri_error(p, WR_ESQL, t.loc, NULL,
                      "NOT NULL is for columns with a type that are read, not computed");
        break;
    case WRI_CO_NULL:
        break; /* the default */
    case WRI_CO_KEY:
        c->primary_key = true;
        break;
    case WRI_CO_FROM:
        if (!again(p, c->path, t.loc, "FROM")) c->path = t.text;
        break;
    case WRI_CO_METADATA:
        c->metadata = true;
        break;
    }
    if (opt >= WRI_CO_FROM && c->computed)
        wri_error(p, WR_ESQL, c->loc, NULL, "a computed column is not read from the record");
    return c;
}

wri_list *wri_col_add(wri_parse *p, wri_list *l, wr_column_def *c) {
    if (p->failed) return NULL;
    return wri_add(p, l, c, sizeof *c, wri_head_of(c)->depth);
}

wri_list *wri_option_add(wri_parse *p, wri_list *l, wri_tok key, wri_tok value) {
    if (p->failed) return NULL;
    wr_option_def o = {wri_ident(key), value.text, {key.loc.at, value.loc.end}};
    return wri_add(p, l, &o, sizeof o, 0);
}

/* ---- the others ---- */
void wri_stmt_target(wri_parse *p, wri_list *name, wri_list *columns) {
    if (p->failed) return;
    if (name) p->stmt->target = wri_name(p, name);
    if (!columns) return;
    p->stmt->target_columns = columns->items;
    p->stmt->n_target_columns = columns->n;
}

void wri_stmt_params(wri_parse *p, wri_list *params) {
    if (p->failed) return;
    p->stmt->params = params->items;
    p->stmt->n_params = params->n;
}

wri_list *wri_param_add(wri_parse *p, wri_list *l, wri_tok name, wr_ast *type) {
    if (p->failed) return NULL;
    wr_param x = {wri_ident(name), type->type};
    if (type->unit) wri_error(p, WR_EUNSUPPORTED, type->loc, NULL, "a parameter cannot be an INTERVAL");
    return wri_add(p, l, &x, sizeof x, 0);
}

void wri_stmt_returns(wri_parse *p, wr_ast *type) {
    if (p->failed) return;
    p->stmt->returns = type->type;
    if (type->unit) wri_error(p, WR_EUNSUPPORTED, type->loc, NULL, "a function cannot return an INTERVAL");
}

void wri_stmt_body(wri_parse *p, wri_tok word, wr_ast *e, wri_tok file) {
    if (p->failed) return;
    p->stmt->body = e;
    p->stmt->extension = file.text;
    p->stmt->extension_loc = file.loc;
    wri_below(p, p->stmt, e);
    if (e && !p->stmt->returns.kind && !p->bad)
        wri_error(p, WR_ESQL, word.loc, "write RETURNS and a type behind the parameters",
                  "this function does not say what it returns");
}

void wri_stmt_set(wri_parse *p, wri_list *name, const char *value) {
    wri_stmt_kind(p, WR_S_SET, NULL, name);
    if (!p->failed) p->stmt->value = value;
}

void wri_stmt_alter(wri_parse *p, const char *what, wri_list *names, const char *action) {
    if (p->failed) return;
    wri_stmt_kind(p, WR_S_ALTER, NULL, NULL);
    p->stmt->what = what;
    p->stmt->action = action;
    p->stmt->names = names->items;
    p->stmt->n_names = names->n;
    p->stmt->name = p->stmt->names[0];
}

void wri_explain_option(wri_parse *p, wri_tok name, wri_tok value) {
    static const char *const formats[] = {"TEXT", "JSON", "DOT"};
    if (p->failed) return;
    if (!value.text) {
        p->x_analyze = true;
        return;
    }
    const char *u = wri_upper(p, value.text);
    for (size_t i = 0; u && i < WR_LEN(formats); i++)
        if (strcmp(u, formats[i]) == 0) {
            again(p, p->x_format, name.loc, "FORMAT");
            p->x_format = formats[i];
            return;
        }
    if (u)
        wri_error(p, WR_ESQL, value.loc, wri_did_you_mean(p, u, formats, WR_LEN(formats), sizeof formats[0]),
                  "found FORMAT %s, expected TEXT, JSON or DOT", value.text);
}

void wri_stmt_explain(wri_parse *p) {
    if (p->failed) return;
    wr_stmt *inner = p->stmt, *s = wri_node(p, sizeof *s);
    if (!s) return;
    s->kind = WR_S_EXPLAIN;
    s->inner = inner;
    s->format = p->x_format;
    s->analyze = p->x_analyze;
    wri_below(p, s, inner);
    if (inner->kind == WR_S_EXPLAIN)
        wri_error(p, WR_ESQL, (wr_loc){p->toks[0].tok.loc.at, p->toks[0].tok.loc.end}, NULL,
                  "EXPLAIN of an EXPLAIN");
    p->stmt = s;
}

/* parser/print_stmt.c -- tree to SQL: statements. */
#include "parser/parser_int.h"

static void put_description(wri_out *o, const wr_stmt *s) {
    if (!s->description) return;
    wri_puts(o, " DESCRIPTION ");
    wri_put_string(o, s->description);
}

static void put_create(wri_out *o, const wr_stmt *s, const char *what) {
    wri_puts(o, s->or_replace ? "CREATE OR REPLACE " : "CREATE ");
    if (s->is_temporary) wri_puts(o, "TEMPORARY ");
    wri_puts(o, what);
    if (s->if_not_exists) wri_puts(o, "IF NOT EXISTS ");
    wri_put_name(o, &s->name);
}

static void put_column(wri_out *o, const wr_column_def *c) {
    wri_put_ident(o, &c->name);
    if (c->type.kind) {
        wri_puts(o, " ");
        wri_put_type(o, c->type);
    }
    if (c->computed) {
        wri_puts(o, " AS ");
        wri_put_expr(o, c->computed);
    }
    if (c->metadata) wri_puts(o, " METADATA");
    if (c->path) {
        wri_puts(o, " FROM ");
        wri_put_string(o, c->path);
    }
    if (c->type.not_null) wri_puts(o, " NOT NULL");
    if (c->primary_key) wri_puts(o, " PRIMARY KEY");
}

static void put_columns(wri_out *o, const wr_stmt *s) {
    const char *blank = " (";
    for (uint32_t i = 0; i < s->n_columns; i++, blank = ", ") {
        wri_puts(o, blank);
        put_column(o, &s->columns[i]);
    }
    if (s->wm_column.text) {
        wri_puts(o, blank);
        wri_puts(o, "WATERMARK FOR ");
        wri_put_ident(o, &s->wm_column);
        wri_puts(o, " AS ");
        wri_put_expr(o, s->wm_expr);
        blank = ", ";
    }
    if (s->n_primary_key) {
        wri_puts(o, blank);
        wri_puts(o, "PRIMARY KEY ");
        wri_put_idents(o, s->primary_key, s->n_primary_key);
        wri_puts(o, " NOT ENFORCED");
        blank = ", ";
    }
    if (blank[0] == ',') wri_puts(o, ")");
}

static void put_as_query(wri_out *o, const wr_stmt *s) {
    if (!s->query) return;
    wri_puts(o, " AS ");
    wri_put_query(o, s->query);
}

static void put_create_stream(wri_out *o, const wr_stmt *s) {
    put_create(o, s, s->is_table ? "TABLE " : "STREAM ");
    put_columns(o, s);
    put_description(o, s);
    if (s->rowtime.text) {
        wri_puts(o, " ROWTIME FROM ");
        wri_put_ident(o, &s->rowtime);
    }
    for (uint32_t i = 0; i < s->n_options; i++) {
        wri_puts(o, i ? ", " : " WITH (");
        /* Keys are printed as strings: WITH ('a.b' = 'c') has no other form, and all others may. */
        wr_ident key = s->options[i].key;
        if (key.quoted) wri_put_string(o, key.text);
        else wri_puts(o, key.text);
        wri_puts(o, " = ");
        wri_put_string(o, s->options[i].value);
    }
    if (s->n_options) wri_puts(o, ")");
    put_as_query(o, s);
}

static void put_insert(wri_out *o, const wr_stmt *s) {
    wri_puts(o, s->expedited ? "INSERT EXPEDITED INTO " : "INSERT INTO ");
    wri_put_name(o, &s->target);
    wri_puts(o, " ");
    if (s->n_target_columns) {
        wri_put_idents(o, s->target_columns, s->n_target_columns);
        wri_puts(o, " ");
    }
    wri_put_query(o, s->query);
}

static void put_function(wri_out *o, const wr_stmt *s) {
    put_create(o, s, s->is_aggregate ? "AGGREGATE FUNCTION " : "FUNCTION ");
    for (uint32_t i = 0; i < s->n_params; i++) {
        wri_puts(o, i ? ", " : " (");
        wri_put_ident(o, &s->params[i].name);
        wri_puts(o, " ");
        wri_put_type(o, s->params[i].type);
    }
    if (s->n_params) wri_puts(o, ")");
    if (s->returns.kind) {
        wri_puts(o, s->n_params ? " RETURNS " : " () RETURNS ");
        wri_put_type(o, s->returns);
    }
    put_description(o, s);
    if (s->deterministic) wri_puts(o, " DETERMINISTIC");
    if (s->not_deterministic) wri_puts(o, " NOT DETERMINISTIC");
    if (s->null_on_null) wri_puts(o, " RETURNS NULL ON NULL INPUT");
    if (s->body) {
        wri_puts(o, " RETURN ");
        wri_put_expr(o, s->body);
    } else {
        wri_puts(o, " EXTENSION ");
        wri_put_string(o, s->extension);
    }
}

static void put_explain(wri_out *o, const wr_stmt *s) {
    wri_puts(o, "EXPLAIN ");
    if (s->format) {
        wri_puts(o, "(FORMAT ");
        wri_puts(o, s->format);
        wri_puts(o, s->analyze ? ", ANALYZE) " : ") ");
    } else if (s->analyze) wri_puts(o, "(ANALYZE) ");
}

static void put_set(wri_out *o, const wr_stmt *s) {
    wri_puts(o, "SET ");
    bool text = s->name.n == 1 && s->name.parts[0].quoted; /* SET 'a.b' and SET "a.b" are one */
    if (text) wri_put_string(o, s->name.parts[0].text);
    else wri_put_name(o, &s->name);
    wri_puts(o, " = ");
    wri_put_string(o, s->value);
}

static void put_drop(wri_out *o, const wr_stmt *s) {
    wri_puts(o, s->is_temporary ? "DROP TEMPORARY " : "DROP ");
    wri_puts(o, s->what);
    wri_puts(o, s->if_exists ? " IF EXISTS " : " ");
    wri_put_name(o, &s->name);
}

static void put_alter(wri_out *o, const wr_stmt *s) {
    wri_puts(o, "ALTER ");
    wri_puts(o, s->what);
    for (uint32_t i = 0; i < s->n_names; i++) {
        wri_puts(o, i ? ", " : " ");
        wri_put_name(o, &s->names[i]);
    }
    wri_puts(o, " ");
    wri_puts(o, s->action);
}

static void put_stmt(wri_out *o, const wr_stmt *s) {
    switch (s->kind) {
    case WR_S_CREATE_STREAM:
        put_create_stream(o, s);
        break;
    case WR_S_CREATE_VIEW:
        put_create(o, s, "VIEW ");
        if (s->n_target_columns) {
            wri_puts(o, " ");
            wri_put_idents(o, s->target_columns, s->n_target_columns);
        }
        put_description(o, s);
        put_as_query(o, s);
        break;
    case WR_S_CREATE_PUMP:
        put_create(o, s, "PUMP ");
        if (s->started) wri_puts(o, " STARTED");
        if (s->stopped) wri_puts(o, " STOPPED");
        put_description(o, s);
        wri_puts(o, " AS ");
        put_insert(o, s);
        break;
    case WR_S_CREATE_FUNCTION:
        put_function(o, s);
        break;
    case WR_S_INSERT:
        put_insert(o, s);
        break;
    case WR_S_QUERY:
        wri_put_query(o, s->query);
        break;
    case WR_S_EXPLAIN:
        put_explain(o, s);
        put_stmt(o, s->inner);
        break;
    case WR_S_SHOW:
    case WR_S_DESCRIBE:
        wri_puts(o, s->kind == WR_S_SHOW ? "SHOW " : "DESCRIBE ");
        wri_put_name(o, &s->name);
        break;
    case WR_S_SET:
        put_set(o, s);
        break;
    case WR_S_DROP:
        put_drop(o, s);
        break;
    case WR_S_ALTER:
        put_alter(o, s);
        break;
    }
}

wr_status wr_stmt_print(const wr_stmt *s, wr_buf *out) {
    wri_out o = {out, WR_OK};
    put_stmt(&o, s);
    wri_puts(&o, ";\n");
    return o.st;
}

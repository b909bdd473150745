/* apps/sql.c -- an application as one SQL script.
 *
 *   input      CREATE STREAM "PREFIX_001" ("col" type FROM '$.path', …) WITH (…); one for each of its
 *              in-application streams, among which the shards are dealt out
 *   reference  CREATE TABLE "NAME" (…) WITH (connector = 'file', …)
 *   code       as it is
 *   output     CREATE STREAM "NAME to WHERE" WITH (…) AS SELECT STREAM * FROM "NAME"
 *
 * An ARN of a stream is weir's own stream of that name. What else there is outside, the settings say. */
#include <stdio.h>
#include <strings.h>

#include "apps_int.h"

typedef struct script {
    wri_app_ctx *c;
    const wri_app *app;
    wr_buf *out;
} script;

static void put(script *s, const char *fmt, ...) WR_PRINTF(2, 3);
static void put(script *s, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && wr_buf_reserve(s->out, (size_t)n + 1) == WR_OK) {
        vsnprintf(s->out->data + s->out->len, (size_t)n + 1, fmt, again);
        s->out->len += (size_t)n;
    } else s->c->oom = true;
    va_end(again);
    va_end(ap);
}

/* text in quotes, which are doubled inside. */
static void put_quoted(script *s, char quote, const char *text) {
    put(s, "%c", quote);
    for (const char *p = text; *p; p++) put(s, *p == quote ? "%c%c" : "%c", *p, quote);
    put(s, "%c", quote);
}

static void put_option(script *s, const char *name, const char *value) {
    put(s, ", %s = ", name);
    put_quoted(s, '\'', value);
}

/* The next line of the script is said to be that of at. */
static void put_mark(script *s, const wri_at *at) {
    put(s, "--@line %u %s\n", wri_app_line(s->c, at), s->c->o->file);
}

/* ---- settings ---- */

/* What --key NAME=… says of a name; NULL: nothing. */
static const char *setting(script *s, const char *key, const char *name) {
    const wr_app_opts *o = s->c->o;
    const char *found = NULL;
    size_t n = strlen(name);
    for (size_t i = 0; i < o->n_set; i++) {
        const char *v = o->set[i].value;
        if (strcmp(o->set[i].key, key) != 0 || strncmp(v, name, n) != 0 || v[n] != '=') continue;
        s->c->used[i] = true;
        found = v + n + 1;
    }
    return found;
}

/* Of a function's ARN, which may end with a version. */
static const char *function_name(script *s, const char *arn) {
    const char *name = strstr(arn, ":function:");
    if (!name) return arn;
    name += strlen(":function:");
    const char *text = wri_app_text(s->c, "%.*s", (int)strcspn(name, ":"), name);
    return text ? text : arn;
}

/* Where it answers, by its ARN or its name. */
static const char *hook_url(script *s, const char *arn) {
    const char *url = setting(s, "lambda", arn);
    return url ? url : setting(s, "lambda", function_name(s, arn));
}

/* The name at the end of an ARN. */
static const char *arn_name(const char *arn) {
    const char *slash = strrchr(arn, '/'), *colon = strrchr(arn, ':');
    return slash ? slash + 1 : colon ? colon + 1 : arn;
}

/* ---- sources ---- */

/* A mapping from the row's path on. [0:] at the end is the array as a whole. */
static const char *whole_path(script *s, const wri_app_schema *sc, const struct wri_app_col *col) {
    const char *path = wri_app_text(s->c, "%s%s", sc->row_path ? sc->row_path : "$", col->mapping + 1);
    size_t n = path ? strlen(path) : 0;
    if (n > 4 && strcmp(path + n - 4, "[0:]") == 0) path = wri_app_text(s->c, "%.*s", (int)n - 4, path);
    return path;
}

/* Types whose bare name means something else here. */
static const char *type_here(const char *type) {
    static const struct {
        const char *aws, *here;
    } types[] = {{"TIMESTAMP", "TIMESTAMP(3)"},
                 {"TIME", "TIME(3)"},
                 {"DECIMAL", "DECIMAL(18, 0)"},
                 {"DEC", "DECIMAL(18, 0)"},
                 {"NUMERIC", "DECIMAL(18, 0)"}};
    for (size_t i = 0; i < WR_LEN(types); i++)
        if (strcasecmp(type, types[i].aws) == 0) return types[i].here;
    return type;
}

static void put_columns(script *s, const wri_app_schema *sc) {
    put(s, " (\n");
    for (size_t i = 0; i < sc->n; i++) {
        const struct wri_app_col *col = &sc->cols[i];
        put_mark(s, col->at);
        put(s, "  ");
        put_quoted(s, '"', col->name);
        put(s, " %s", type_here(col->type));
        const char *path = col->mapping ? whole_path(s, sc, col) : NULL;
        if (path) {
            put(s, " FROM ");
            put_quoted(s, '\'', path);
        }
        put(s, "%s\n", i + 1 < sc->n ? "," : "");
    }
    put_mark(s, sc->at);
    put(s, ") WITH (");
}

static void put_format(script *s, const wri_app_schema *sc) {
    put_option(s, "format", sc->csv ? "csv" : "json");
    put_option(s, "coercion", "kinesis");
    if (!sc->csv) return;
    put_option(s, "header", "false");
    if (strcmp(sc->col_delimiter, ",") != 0) put_option(s, "delimiter", sc->col_delimiter);
    if (strcmp(sc->row_delimiter, "\n") != 0 && strcmp(sc->row_delimiter, "\r\n") != 0)
        put_option(s, "row_delimiter", sc->row_delimiter);
}

/* The connector that `where` is: - is standard input or output, stream:NAME a stream, else a file. */
static void put_place(script *s, const char *where, bool source) {
    if (strcmp(where, "-") == 0) {
        put(s, "connector = '%s'", source ? "stdin" : "stdout");
        return;
    }
    bool stream = strncmp(where, "stream:", 7) == 0;
    put(s, "connector = '%s'", stream ? "stream" : "file");
    put_option(s, stream ? "stream" : "path", stream ? where + 7 : where);
}

static void put_start(script *s, const wri_app_input *in) {
    static const struct {
        const char *aws, *here;
    } places[] = {{"NOW", "latest"}, {"TRIM_HORIZON", "earliest"}, {"LAST_STOPPED_POINT", "earliest"}};
    const wr_app_opts *o = s->c->o;
    const char *start = in->start ? in->start : "NOW";
    for (size_t i = 0; i < o->n_set; i++)
        if (strcmp(o->set[i].key, "start") == 0) start = o->set[i].value;
    for (size_t i = 0; i < WR_LEN(places); i++)
        if (strcasecmp(start, places[i].aws) == 0) {
            put_option(s, "start", places[i].here);
            return;
        }
    wri_app_error(s->c, in->at, "NOW, TRIM_HORIZON or LAST_STOPPED_POINT",
                  "there is no starting position '%s'", start);
}

/* Where the records of in-application stream `name` come from; NULL: it has been told that nobody knows. */
static const char *place_of(script *s, const wri_app_input *in, const char *name) {
    wri_app_ctx *c = s->c;
    const char *where = setting(s, "input", name), *all = setting(s, "input", in->prefix);
    if (where) return where;
    if (all && in->n > 1 && strncmp(all, "stream:", 7) != 0) {
        wri_app_error(c, in->at, wri_app_text(c, "give each its own: --input %s=FILE", name),
                      "input '%s' has %lld in-application streams, which cannot share one file", in->prefix,
                      (long long)in->n);
        return NULL;
    }
    if (all) return all;
    if (in->kind == WRI_APP_STREAM && in->arn) return wri_app_text(c, "stream:%s", arn_name(in->arn));
    const char *hint =
        wri_app_text(c, "say where its records are: --input %s=FILE, or =stream:NAME", in->prefix);
    if (in->kind == WRI_APP_FIREHOSE)
        wri_app_error(c, in->at, hint, "input '%s' reads a Firehose delivery stream, which weir cannot",
                      in->prefix);
    else wri_app_error(c, in->at, hint, "input '%s' names no stream", in->prefix);
    return NULL;
}

/* Whether records go through a function; it is told where it is not known at which address. */
static void put_hook(script *s, const wri_app_input *in) {
    const char *url = in->lambda ? hook_url(s, in->lambda) : NULL;
    if (!in->lambda || (url && strcmp(url, "none") == 0)) return;
    if (url) {
        put_option(s, "lambda", url);
        put_option(s, "lambda_arn", in->lambda);
        return;
    }
    wri_app_error(s->c, in->at,
                  wri_app_text(s->c, "say where it answers: --lambda %s=http://…, or =none to leave it out",
                               function_name(s, in->lambda)),
                  "records of '%s' go through the function %s", in->prefix, in->lambda);
}

static void put_input(script *s, const wri_app_input *in, int64_t i) {
    const char *name = wri_app_text(s->c, "%s_%03lld", in->prefix, (long long)i + 1);
    const char *where = name ? place_of(s, in, name) : NULL;
    if (!where) return;
    put_mark(s, in->at);
    put(s, "CREATE STREAM ");
    put_quoted(s, '"', name);
    put_columns(s, &in->schema);
    put_place(s, where, true);
    put_format(s, &in->schema);
    if (strncmp(where, "stream:", 7) == 0) {
        put_start(s, in);
        if (in->n > 1) put(s, ", share = '%lld/%lld'", (long long)i + 1, (long long)in->n);
    }
    put_hook(s, in);
    put(s, ")");
    const char *time = setting(s, "rowtime", name);
    if (!time) time = setting(s, "rowtime", in->prefix);
    if (time) {
        put(s, " ROWTIME FROM ");
        put_quoted(s, '"', time);
    }
    put(s, ";\n");
}

static void put_table(script *s, const wri_app_table *t) {
    const char *where = setting(s, "reference", t->name);
    if (!where && t->key) {
        const char *slash = strrchr(t->key, '/');
        where = wri_app_text(s->c, "%s%s", s->c->o->dir, slash ? slash + 1 : t->key);
    }
    if (!where) {
        wri_app_error(s->c, t->at, wri_app_text(s->c, "say where it is: --reference %s=FILE", t->name),
                      "reference data '%s' has no FileKey", t->name);
        return;
    }
    put_mark(s, t->at);
    put(s, "CREATE TABLE ");
    put_quoted(s, '"', t->name);
    put_columns(s, &t->schema);
    put_place(s, where, true);
    put_format(s, &t->schema);
    put(s, ");\n");
}

/* ---- outputs ---- */

static const char errors_columns[] =
    " (ERROR_TIME TIMESTAMP(3), ERROR_LEVEL VARCHAR(10), ERROR_NAME VARCHAR(32), MESSAGE VARCHAR(4096),"
    " DATA_ROWTIME TIMESTAMP(3), DATA_ROW VARCHAR(49152), PUMP_NAME VARCHAR(128))";
static const char errors_query[] = "SELECT error_time, error_level, error_name, message, data_rowtime, "
                                   "HEX(data_row), pump_name FROM error_stream";

/* AS SELECT, or an INSERT where the columns are not those of a stream of the code. */
static void put_output(script *s, const char *name, const char *where, bool csv, const char *more) {
    bool errors = strcmp(name, "error_stream") == 0;
    const char *to =
        wri_app_text(s->c, "%s to %s", name, strcmp(where, "-") == 0 ? "standard output" : where);
    if (!to) return;
    put(s, "CREATE STREAM ");
    put_quoted(s, '"', to);
    put(s, "%s WITH (", errors ? errors_columns : "");
    if (more) put(s, "%s", more);
    else put_place(s, where, false);
    put_option(s, "format", csv ? "csv" : "json");
    if (csv) put_option(s, "header", "false");
    if (!errors) {
        put(s, ") AS SELECT STREAM * FROM ");
        put_quoted(s, '"', name);
        put(s, ";\n");
        return;
    }
    put(s, ");\nINSERT INTO ");
    put_quoted(s, '"', to);
    put(s, " %s;\n", errors_query);
}

static void put_hook_output(script *s, const wri_app_output *o) {
    const char *url = o->arn ? hook_url(s, o->arn) : NULL;
    if (url) {
        script text = *s;
        wr_buf more = {0};
        text.out = &more;
        put(&text, "connector = 'lambda'");
        put_option(&text, "url", url);
        put_option(&text, "arn", o->arn);
        if (!s->c->oom) put_output(s, o->name, function_name(s, o->arn), o->csv, more.data);
        wr_buf_free(&more);
        return;
    }
    wri_app_error(
        s->c, o->at,
        wri_app_text(s->c, "say where it answers: --lambda %s=http://…, or where rows go: --output %s=FILE",
                     o->arn ? function_name(s, o->arn) : "ARN", o->name),
        "output '%s' goes to the function %s", o->name, o->arn ? o->arn : "of no name");
}

static void put_described(script *s, const wri_app_output *o) {
    const char *where = setting(s, "output", o->name);
    put_mark(s, o->at);
    if (where) {
        put_output(s, o->name, where, o->csv, NULL);
        return;
    }
    if (o->kind == WRI_APP_LAMBDA) {
        put_hook_output(s, o);
        return;
    }
    if (o->kind == WRI_APP_STREAM && o->arn) {
        where = wri_app_text(s->c, "stream:%s", arn_name(o->arn));
        if (where) put_output(s, o->name, where, o->csv, NULL);
        return;
    }
    const char *hint =
        wri_app_text(s->c, "say where its rows go: --output %s=FILE, or =stream:NAME", o->name);
    if (o->kind == WRI_APP_FIREHOSE)
        wri_app_error(s->c, o->at, hint, "output '%s' goes to a Firehose delivery stream, which weir has not",
                      o->name);
    else wri_app_error(s->c, o->at, hint, "output '%s' names no destination", o->name);
}

/* Outputs that only the settings know, of any stream of the code: to look at them. */
static void put_further(script *s) {
    const wr_app_opts *o = s->c->o;
    for (size_t i = 0; i < o->n_set; i++) {
        const char *v = o->set[i].value, *eq = strchr(v, '=');
        if (s->c->used[i] || strcmp(o->set[i].key, "output") != 0 || !eq) continue;
        const char *name = wri_app_text(s->c, "%.*s", (int)(eq - v), v);
        size_t n = strlen(eq);
        put(s, "--@line 1 --output %s\n", v);
        if (name) put_output(s, name, eq + 1, n > 4 && strcmp(eq + n - 4, ".csv") == 0, NULL);
        s->c->used[i] = true;
    }
}

/* ---- settings that fit nothing ---- */

static const char *names_of(script *s, const char *key) {
    const wri_app *a = s->app;
    const char *list = "";
    bool input = strcmp(key, "input") == 0 || strcmp(key, "rowtime") == 0,
         table = strcmp(key, "reference") == 0;
    for (size_t i = 0; input && i < a->n_inputs; i++)
        list = wri_app_text(s->c, "%s%s%s", list, i ? ", " : "", a->inputs[i].prefix);
    for (size_t i = 0; table && i < a->n_tables; i++)
        list = wri_app_text(s->c, "%s%s%s", list, i ? ", " : "", a->tables[i].name);
    return list && *list ? wri_app_text(s->c, "there are: %s", list) : NULL;
}

static void unused_settings(script *s) {
    static const char *const keys[] = {"input", "output", "reference", "rowtime", "lambda"};
    const wr_app_opts *o = s->c->o;
    for (size_t i = 0; i < o->n_set; i++) {
        bool ours = false;
        for (size_t k = 0; k < WR_LEN(keys); k++) ours = ours || strcmp(o->set[i].key, keys[k]) == 0;
        if (!ours || s->c->used[i]) continue;
        const char *v = o->set[i].value, *eq = strchr(v, '=');
        if (!eq)
            wri_app_error(s->c, NULL, NULL, "--%s %s: expected NAME=%s", o->set[i].key, v,
                          strcmp(o->set[i].key, "rowtime") == 0 ? "COLUMN" : "where");
        else
            wri_app_error(s->c, NULL, names_of(s, o->set[i].key), "--%s %s: the description has no %s '%.*s'",
                          o->set[i].key, v,
                          strcmp(o->set[i].key, "lambda") == 0      ? "function"
                          : strcmp(o->set[i].key, "reference") == 0 ? "reference data"
                                                                    : "input",
                          (int)(eq - v), v);
    }
}

/* ---- the whole ---- */

wr_status wri_app_write(wri_app_ctx *c, const wri_app *app, wr_buf *out) {
    script s = {.c = c, .app = app, .out = out};
    put(&s, "SET column_names = 'upper';\n");
    for (size_t i = 0; i < app->n_inputs; i++)
        for (int64_t k = 0; k < app->inputs[i].n; k++) put_input(&s, &app->inputs[i], k);
    for (size_t i = 0; i < app->n_tables; i++) put_table(&s, &app->tables[i]);
    put(&s, "--@line 1 %s\n%s\n;\n", app->code_file, app->code);
    for (size_t i = 0; i < app->n_outputs; i++) put_described(&s, &app->outputs[i]);
    put_further(&s);
    unused_settings(&s);
    return c->oom ? WR_ENOMEM : c->d.errors ? WR_EDATA : WR_OK;
}

static wr_status translate(wri_app_ctx *c, wr_buf *sql) {
    wri_app app;
    WR_TRY(wri_app_load(c));
    const wri_at *at = wri_app_find(c);
    if (!at) return c->oom ? WR_ENOMEM : WR_EDATA;
    WR_TRY(wri_app_describe(c, at, &app));
    return wri_app_write(c, &app, sql);
}

wr_status wr_app_sql(const wr_app_opts *o, wr_buf *sql, wr_buf *errors) {
    wri_app_ctx c = {.o = o};
    c.used = wri_app_new(&c, o->n_set * sizeof *c.used);
    wr_status s = c.used ? translate(&c, sql) : WR_ENOMEM;
    if (s == WR_EDATA && wr_diags_print(&c.d, errors) != WR_OK) s = WR_ENOMEM;
    for (size_t i = 0; i < c.n_places; i++) json_decref(c.places[i].v);
    json_decref(c.root);
    wr_arena_free(&c.ar);
    return s;
}

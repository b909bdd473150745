/* apps/describe.c -- an application's description, in any of its spellings, as wri_app.
 *
 * Every mistake is told at its place, and reading goes on, so that one look shows all of them. Members that
 * weir has no use for (roles, tags, logging) are passed over. */
#include <strings.h>

#include "apps_int.h"

#define PARALLEL_MAX 64 /* in-application streams of an input, as in the service */

static const wri_at *need(wri_app_ctx *c, const wri_at *at, const char *names, const char *what) {
    uint32_t errors = c->d.errors;
    const wri_at *m = wri_app_object(c, at, names);
    if (!m && !c->oom && errors == c->d.errors) wri_app_error(c, at, NULL, "%s is missing", what);
    return m;
}

/* A text that becomes a name or a part of the SQL: no control characters, which would break its lines. */
static const char *need_text(wri_app_ctx *c, const wri_at *at, const char *names, const char *what) {
    const wri_at *m;
    const char *s = wri_app_string(c, at, names, &m);
    if (!m && !c->oom) wri_app_error(c, at, NULL, "%s is missing", what);
    if (s && !*s) wri_app_error(c, m, NULL, "%s is empty", what);
    for (const char *p = s; p && *p; p++)
        if ((unsigned char)*p < 0x20) {
            wri_app_error(c, m, NULL, "%s has a control character in it", what);
            return NULL;
        }
    return s && *s ? s : NULL;
}

/* ---- schemas ---- */

/* JSON or CSV; Terraform's first provider goes by which parameters there are. */
static bool record_format(wri_app_ctx *c, const wri_at *at, bool *csvp) {
    const wri_at *m, *mapping = wri_app_object(c, at, "mappingparameters");
    const char *type = wri_app_string(c, at, "recordformattype", &m);
    *csvp = wri_app_member(c, mapping, "csvmappingparameters|csv") != NULL;
    if (!m && mapping) return true;
    if (!m && !c->oom) wri_app_error(c, at, "JSON or CSV", "RecordFormatType is missing");
    if (!type) return false;
    *csvp = strcasecmp(type, "CSV") == 0;
    if (*csvp || strcasecmp(type, "JSON") == 0) return true;
    wri_app_error(c, m, "JSON or CSV", "there is no record format '%s'", type);
    return false;
}

static void csv_parameters(wri_app_ctx *c, const wri_at *mapping, wri_app_schema *s) {
    const wri_at *csv = wri_app_object(c, mapping, "csvmappingparameters|csv");
    s->row_delimiter = wri_app_string(c, csv, "recordrowdelimiter", NULL);
    s->col_delimiter = wri_app_string(c, csv, "recordcolumndelimiter", NULL);
    if (!s->row_delimiter) s->row_delimiter = "\n";
    if (!s->col_delimiter) s->col_delimiter = ",";
}

static void json_parameters(wri_app_ctx *c, const wri_at *mapping, wri_app_schema *s) {
    const wri_at *json = wri_app_object(c, mapping, "jsonmappingparameters|json"), *m;
    const char *path = wri_app_string(c, json, "recordrowpath", &m);
    if (!path || strcmp(path, "$") == 0) return;
    s->row_path = path;
    if (*path != '$')
        wri_app_error(c, m, "write $ for the whole record", "RecordRowPath: '%s' is no path", path);
}

/* What a type may be made of: the planner says whether it is one, at this line. */
static bool type_text(const char *s) {
    for (; *s; s++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_(), ", *s)) return false;
    return true;
}

static void column(wri_app_ctx *c, const wri_at *at, const wri_app_schema *s, struct wri_app_col *col) {
    const wri_at *m = wri_app_member(c, at, "sqltype");
    col->at = at;
    col->name = need_text(c, at, "name", "Name");
    col->type = need_text(c, at, "sqltype", "SqlType");
    if (col->type && !type_text(col->type)) {
        wri_app_error(c, m, "such as INTEGER, VARCHAR(16) or TIMESTAMP", "'%s' is no type", col->type);
        col->type = NULL;
    }
    if (s->csv) return;
    col->mapping = need_text(c, at, "mapping", "Mapping");
    col->mapping_at = wri_app_member(c, at, "mapping");
    if (!col->mapping || *col->mapping == '$') return;
    wri_app_error(c, col->mapping_at, wri_app_text(c, "write $.%s, for example", col->mapping),
                  "Mapping: '%s' is no path into the record", col->mapping);
}

static void schema(wri_app_ctx *c, const wri_at *at, wri_app_schema *s) {
    s->at = at;
    if (!at) return;
    const wri_at *m, *format = need(c, at, "recordformat", "RecordFormat");
    const char *encoding = wri_app_string(c, at, "recordencoding", &m);
    if (encoding && strcasecmp(encoding, "UTF-8") != 0 && strcasecmp(encoding, "UTF8") != 0)
        wri_app_error(c, m, "UTF-8 is the only one", "RecordEncoding '%s' cannot be read", encoding);
    if (format && record_format(c, format, &s->csv)) {
        const wri_at *mapping = wri_app_object(c, format, "mappingparameters");
        if (s->csv) csv_parameters(c, mapping, s);
        else json_parameters(c, mapping, s);
    }
    const wri_at *cols = wri_app_member(c, at, "recordcolumns|recordcolumn");
    size_t n = wri_app_count(c, cols);
    if (n == 0) {
        wri_app_error(c, at, NULL, "the schema has no RecordColumns");
        return;
    }
    s->cols = wri_app_new(c, n * sizeof *s->cols);
    for (size_t i = 0; s->cols && i < n; i++) {
        const wri_at *item = wri_app_item(c, cols, i);
        if (item) column(c, item, s, &s->cols[s->n++]);
    }
}

/* ---- inputs, reference data, outputs ---- */

/* Which of the three it names, and its ARN. */
static wri_app_kind resource(wri_app_ctx *c, const wri_at *at, const char *const names[3],
                             const char **arnp) {
    for (int k = 0; k < 3; k++) {
        const wri_at *m = names[k] ? wri_app_object(c, at, names[k]) : NULL;
        if (!m) continue;
        *arnp = need_text(c, m, "resourcearn", "ResourceARN");
        return (wri_app_kind)k;
    }
    return WRI_APP_NOWHERE;
}

static void input(wri_app_ctx *c, const wri_at *at, wri_app_input *in) {
    static const char *const names[3] = {
        "kinesisstreamsinput|kinesisstreamsinputdescription|kinesisstream",
        "kinesisfirehoseinput|kinesisfirehoseinputdescription|kinesisfirehose", NULL};
    in->at = at;
    in->prefix = need_text(c, at, "nameprefix", "NamePrefix");
    in->kind = resource(c, at, names, &in->arn);
    const wri_at *parallel = wri_app_object(c, at, "inputparallelism|parallelism");
    in->n = wri_app_int(c, parallel, "count", 1);
    if (in->n < 1 || in->n > PARALLEL_MAX) {
        wri_app_error(c, wri_app_member(c, parallel, "count"), NULL,
                      "InputParallelism of %lld; expected 1 to %d", (long long)in->n, PARALLEL_MAX);
        in->n = 1;
    }
    const wri_at *hook = wri_app_object(
        c, at,
        "inputprocessingconfiguration|inputprocessingconfigurationdescription|processingconfiguration");
    hook = wri_app_object(c, hook, "inputlambdaprocessor|inputlambdaprocessordescription|lambda");
    if (hook) in->lambda = need_text(c, hook, "resourcearn", "ResourceARN");
    const wri_at *start = wri_app_object(c, at,
                                         "inputstartingpositionconfiguration|startingpositionconfiguration|"
                                         "startingposition");
    in->start = wri_app_string(c, start, "inputstartingposition|startingposition", NULL);
    schema(c, need(c, at, "inputschema|schema", "InputSchema"), &in->schema);
}

static void table(wri_app_ctx *c, const wri_at *at, wri_app_table *t) {
    t->at = at;
    t->name = need_text(c, at, "tablename", "TableName");
    const wri_at *s3 = wri_app_object(c, at, "s3referencedatasource|s3referencedatasourcedescription|s3");
    if (s3) t->key = need_text(c, s3, "filekey", "FileKey");
    schema(c, need(c, at, "referenceschema|schema", "ReferenceSchema"), &t->schema);
}

static void output(wri_app_ctx *c, const wri_at *at, wri_app_output *o) {
    static const char *const names[3] = {
        "kinesisstreamsoutput|kinesisstreamsoutputdescription|kinesisstream",
        "kinesisfirehoseoutput|kinesisfirehoseoutputdescription|kinesisfirehose",
        "lambdaoutput|lambdaoutputdescription|lambda"};
    o->at = at;
    o->name = need_text(c, at, "name", "Name");
    o->kind = resource(c, at, names, &o->arn);
    const wri_at *to = wri_app_object(c, at, "destinationschema|schema");
    if (to) record_format(c, to, &o->csv);
}

/* ---- the code ---- */

/* The last part of a path, "code.sql" of s3 keys and of Terraform's ${file("${path.module}/code.sql")}. */
static const char *base_name(wri_app_ctx *c, const char *path) {
    size_t n = strlen(path);
    while (n > 0 && strchr("\"}) ", path[n - 1])) n--;
    size_t from = n;
    while (from > 0 && !strchr("/\"(", path[from - 1])) from--;
    return wri_app_text(c, "%.*s", (int)(n - from), path + from);
}

static void code_of_file(wri_app_ctx *c, const wri_at *at, const char *path, wri_app *app) {
    const char *base = base_name(c, path), *file = base ? wri_app_text(c, "%s%s", c->o->dir, base) : NULL;
    wr_buf text = {0};
    wr_err err = {0};
    if (!file) return;
    wr_status s =
        c->o->read ? c->o->read(c->o->ctx, file, &text, &err)
                   : wr_fail(&err, WR_EINVAL, "the code '%s' is in a file of its own; send it along", base);
    if (s != WR_OK) wri_app_error(c, at, "name the file of the code behind the description", "%s", err.msg);
    else app->code = wr_arena_strndup(&c->ar, text.len ? text.data : "", text.len);
    if (s == WR_OK && !app->code) c->oom = true;
    app->code_file = file;
    wr_buf_free(&text);
}

static void code(wri_app_ctx *c, const wri_at *at, const wri_at *cfg, wri_app *app) {
    const wri_at *where, *content;
    app->code_file = c->o->code_file;
    if ((app->code = c->o->code)) return;
    const wri_at *holder =
        wri_app_object(c, cfg, "applicationcodeconfiguration|applicationcodeconfigurationdescription");
    content = wri_app_object(c, holder, "codecontent|codecontentdescription");
    const char *text = content ? wri_app_string(c, content, "textcontent", &where)
                               : wri_app_string(c, at, "applicationcode|code", &where);
    const wri_at *s3 = wri_app_object(
        c, content, "s3contentlocation|s3contentlocationdescription|s3applicationcodelocationdescription");
    const char *key = wri_app_string(c, s3, "filekey", NULL);
    if (key) code_of_file(c, s3, key, app);
    else if (text && strncmp(text, "${file", 6) == 0) code_of_file(c, where, text, app);
    else if (text) {
        app->code = text;
        app->code_file = wri_app_text(c, "%s (code)", c->o->file);
    } else if (!c->oom)
        wri_app_error(c, at, "name the file of the code behind the description",
                      "the description has no code (ApplicationCode, or CodeContent's TextContent)");
}

/* ---- the whole ---- */

/* Room for n items, and for those that resources beside the application are. */
static void *room(wri_app_ctx *c, size_t n, size_t size) {
    size_t beside = c->resources ? json_object_size(c->resources->v) : 0;
    return wri_app_new(c, (n + beside) * size);
}

static void inputs(wri_app_ctx *c, const wri_at *sql, wri_app *out) {
    const wri_at *list = wri_app_member(c, sql, "inputs|inputdescriptions|input");
    size_t n = wri_app_count(c, list);
    out->inputs = room(c, n, sizeof *out->inputs);
    for (size_t i = 0; out->inputs && i < n; i++) {
        const wri_at *item = wri_app_item(c, list, i);
        if (item) input(c, item, &out->inputs[out->n_inputs++]);
    }
}

static void tables(wri_app_ctx *c, const wri_at *at, const wri_at *sql, wri_app *out) {
    const wri_at *list =
        wri_app_member(c, sql, "referencedatasources|referencedatasourcedescriptions|referencedatasource");
    size_t n = wri_app_count(c, list), next = 0;
    out->tables = room(c, n, sizeof *out->tables);
    for (size_t i = 0; out->tables && i < n; i++) {
        const wri_at *item = wri_app_item(c, list, i);
        if (item) table(c, item, &out->tables[out->n_tables++]);
    }
    for (const wri_at *r;
         out->tables && (r = wri_app_beside(c, at, "ApplicationReferenceDataSource", &next));) {
        const wri_at *item = need(c, r, "referencedatasource", "ReferenceDataSource");
        if (item) table(c, item, &out->tables[out->n_tables++]);
    }
}

static void outputs(wri_app_ctx *c, const wri_at *at, const wri_at *sql, wri_app *out) {
    const wri_at *list = wri_app_member(c, sql, "outputs|outputdescriptions|output");
    size_t n = wri_app_count(c, list), next = 0;
    out->outputs = room(c, n, sizeof *out->outputs);
    for (size_t i = 0; out->outputs && i < n; i++) {
        const wri_at *item = wri_app_item(c, list, i);
        if (item) output(c, item, &out->outputs[out->n_outputs++]);
    }
    for (const wri_at *r; out->outputs && (r = wri_app_beside(c, at, "ApplicationOutput", &next));) {
        const wri_at *item = need(c, r, "output", "Output");
        if (item) output(c, item, &out->outputs[out->n_outputs++]);
    }
}

wr_status wri_app_describe(wri_app_ctx *c, const wri_at *at, wri_app *out) {
    *out = (wri_app){0};
    const wri_at *m,
        *cfg = wri_app_object(c, at, "applicationconfiguration|applicationconfigurationdescription");
    if (!cfg) cfg = at;
    const char *env = wri_app_string(c, at, "runtimeenvironment", &m);
    if (env && strncmp(env, "SQL", 3) != 0)
        wri_app_error(c, m, "weir runs those of SQL-1_0", "this is an application for %s", env);
    const wri_at *sql =
        wri_app_object(c, cfg, "sqlapplicationconfiguration|sqlapplicationconfigurationdescription");
    if (!sql) sql = cfg;
    out->name = wri_app_string(c, at, "applicationname|name", NULL);
    inputs(c, sql, out);
    tables(c, at, sql, out);
    outputs(c, at, sql, out);
    if (!c->d.errors) code(c, at, cfg, out);
    return c->oom ? WR_ENOMEM : c->d.errors ? WR_EDATA : WR_OK;
}

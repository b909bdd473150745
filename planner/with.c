/* planner/with.c -- WITH (…): options checked against the tables of connector, format and stream. */
#include <strings.h>

#include "plan_int.h"

typedef struct common { /* options that every stream has */
    const char *connector, *format, *late_output;
    int on_error, changelog, idle_policy;
    int64_t idle_timeout_us;
    const char *lambda, *lambda_arn;
    int64_t lambda_timeout_us, lambda_retry_for_us;
} common;

const wr_option wr_stream_options[] = {
    {.name = "connector",
     .type = WR_OPT_STRING,
     .offset = offsetof(common, connector),
     .doc = "Where the stream's records come from or go to."},
    {.name = "format",
     .type = WR_OPT_STRING,
     .offset = offsetof(common, format),
     .doc = "How records are written as bytes."},
    {.name = "late_output",
     .type = WR_OPT_STRING,
     .offset = offsetof(common, late_output),
     .doc = "Stream that gets the rows that come too late for their windows."},
    {.name = "on_error",
     .type = WR_OPT_ENUM,
     .offset = offsetof(common, on_error),
     .values = "log|fail",
     .def = "log",
     .doc = "What a bad record does: goes to error_stream, or ends the job."},
    {.name = "changelog",
     .type = WR_OPT_ENUM,
     .offset = offsetof(common, changelog),
     .values = "auto|op|upsert|debezium",
     .def = "auto",
     .doc = "How records tell of changes: by a column op (+I -U +U -D), the same by PRIMARY KEY without -U, "
            "or in "
            "Debezium's form (before, after, op). auto reads new rows; it writes upserts where there is a "
            "PRIMARY KEY."},
    {.name = "idle_timeout",
     .type = WR_OPT_DURATION,
     .offset = offsetof(common, idle_timeout_us),
     .def = "1 minute",
     .doc = "After this long without records a live split no longer holds the watermark back; 0: never."},
    {.name = "idle_policy",
     .type = WR_OPT_ENUM,
     .offset = offsetof(common, idle_policy),
     .values = "hold|advance",
     .def = "advance",
     .doc = "What event time does once all splits of a live stream are idle: it goes on with the wall clock, "
            "so that "
            "the last windows close, or waits for the next record."},
    {.name = "lambda",
     .type = WR_OPT_STRING,
     .offset = offsetof(common, lambda),
     .doc = "Reading: records go through the function at this URL before they are decoded, by the record "
            "contract of AWS Lambda."},
    {.name = "lambda_arn",
     .type = WR_OPT_STRING,
     .offset = offsetof(common, lambda_arn),
     .doc = "What that function is called elsewhere; for people only."},
    {.name = "lambda_timeout",
     .type = WR_OPT_DURATION,
     .offset = offsetof(common, lambda_timeout_us),
     .def = "30s",
     .min = 1000,
     .max = INT64_C(3600000000),
     .doc = "How long an answer of the function may take."},
    {.name = "lambda_retry_for",
     .type = WR_OPT_DURATION,
     .offset = offsetof(common, lambda_retry_for_us),
     .def = "1 minute",
     .max = INT64_MAX / 2,
     .doc = "For how long records are sent to the function again when it does not answer as it should; then "
            "they go to error_stream."},
};
const size_t wr_n_stream_options = WR_LEN(wr_stream_options);

static const struct {
    const char *flink, *here;
} connector_names[] = {{"filesystem", "file"}, {"files", "file"}, {"print", "stdout"}, {"stdin", "stdin"}};

typedef struct with { /* WITH (…) of one statement */
    wri_ctx *c;
    const wr_stmt *s;
    wri_stream *st;
    bool *known;         /* scratch for wr_options_read */
    const char *missing; /* a required option is; told when no misspelt one explains it */
} with;

static const wr_option_def *option_of(const wr_stmt *s, const char *name) {
    for (uint32_t i = 0; i < s->n_options; i++)
        if (strcasecmp(s->options[i].key.text, name) == 0) return &s->options[i];
    return NULL;
}

static bool fill_kvs(with *w) {
    wr_plan_stream *def = w->st->def;
    def->n_options = w->s->n_options;
    def->options = wri_new_n(w->c, def->n_options, sizeof *def->options);
    w->known = wri_new_n(w->c, def->n_options, sizeof *w->known);
    if (!def->options || !w->known) return false;
    for (uint32_t i = 0; i < w->s->n_options; i++) {
        const wr_option_def *o = &w->s->options[i];
        const char *key = o->key.text;
        if (strcasecmp(key, "scan.watermark.idle-timeout") == 0) key = "idle_timeout";
        def->options[i] = (wr_kv){.key = key, .value = o->value, .at = o->loc.at};
    }
    return true;
}

/* Checks the options of one table; out: its struct, or NULL when only the check is wanted. */
static bool read_table(with *w, const wr_option *opts, size_t n, void *out, size_t size) {
    if (!out) { /* as large as the table's last member says; no member is larger than 8 bytes */
        for (size_t i = 0; i < n; i++)
            if (opts[i].offset + 16 > size) size = opts[i].offset + 16;
        out = wri_new(w->c, size);
        if (!out) return false;
    }
    size_t at = 0;
    wr_err err = {0};
    wr_status st =
        wr_options_read(opts, n, w->st->def->options, w->st->def->n_options, w->known, out, size, &at, &err);
    if (st == WR_OK) return true;
    if (st == WR_ENOMEM) w->c->oom = true;
    else if (at == w->st->def->n_options) w->missing = wri_text(w->c, "%s", err.msg);
    else wri_error(w->c, w->s->options[at].loc, NULL, "stream '%s': %s", w->st->def->name, err.msg);
    return false;
}

static const wr_with *find_with(const wr_with *const *all, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(all[i]->name, name) == 0) return all[i];
    return NULL;
}

/* "file, stdin, …" of a list of connectors or formats. */
static const char *name_list(wri_ctx *c, const wr_with *const *all, size_t n) {
    const char *out = "";
    for (size_t i = 0; out && i < n; i++) out = wri_text(c, "%s%s%s", out, i ? ", " : "", all[i]->name);
    return out ? out : "";
}

static const char *nearest_with(wri_ctx *c, const wr_with *const *all, size_t n, const char *name) {
    const char **names = wri_new_n(c, n, sizeof *names);
    if (!names) return NULL;
    for (size_t i = 0; i < n; i++) names[i] = all[i]->name;
    return wr_nearest(name, names, n, sizeof *names);
}

static bool unknown_with(with *w, const char *what, const char *name, const wr_with *const *all, size_t n) {
    wri_ctx *c = w->c;
    const wr_option_def *o = option_of(w->s, what);
    const char *near = NULL;
    for (size_t i = 0; i < WR_LEN(connector_names); i++)
        if (strcasecmp(name, connector_names[i].flink) == 0 && find_with(all, n, connector_names[i].here))
            near = connector_names[i].here;
    if (!near) near = nearest_with(c, all, n, name);
    wri_error(c, o ? o->loc : w->s->name.loc,
              near ? wri_suggest(c, near) : wri_text(c, "there are %s", name_list(c, all, n)),
              "there is no %s '%s'", what, name);
    return false;
}

static bool find_format(with *w, const char *name) {
    wri_ctx *c = w->c;
    wri_stream *st = w->st;
    if (name) {
        st->format = find_with(c->reg->formats, c->reg->n_formats, name);
        if (!st->format) return unknown_with(w, "format", name, c->reg->formats, c->reg->n_formats);
        st->def->format = st->format->name;
        return true;
    }
    if (!st->connector->needs_format) return true;
    wri_error(c, w->s->name.loc,
              wri_text(c, "add format = …: %s", name_list(c, c->reg->formats, c->reg->n_formats)),
              "stream '%s': connector '%s' needs a format", st->def->name, st->connector->name);
    return false;
}

/* key names one of opts; case does not count, - and _ are one, as in wr_options_read. */
static bool takes(const wr_option *opts, size_t n, const char *key) {
    for (size_t i = 0; i < n; i++) {
        const char *a = opts[i].name, *b = key;
        for (; *a && *b; a++, b++) {
            char x = *a == '-' ? '_' : *a, y = *b == '-' ? '_' : *b;
            if (x >= 'A' && x <= 'Z') x = (char)(x + 32);
            if (y >= 'A' && y <= 'Z') y = (char)(y + 32);
            if (x != y) break;
        }
        if (!*a && !*b) return true;
    }
    return false;
}

/* Options that no table takes. */
static bool unknown_options(with *w) {
    wri_ctx *c = w->c;
    const wri_stream *st = w->st;
    bool ok = true;
    const struct {
        const wr_option *opts;
        size_t n;
    } tables[] = {{wr_stream_options, WR_LEN(wr_stream_options)},
                  {st->connector->options, st->connector->n_options},
                  {st->format ? st->format->options : NULL, st->format ? st->format->n_options : 0}};
    for (size_t i = 0; i < st->def->n_options; i++) {
        const char *key = st->def->options[i].key;
        bool taken = false;
        for (size_t t = 0; t < WR_LEN(tables); t++) taken = taken || takes(tables[t].opts, tables[t].n, key);
        if (taken) continue;
        ok = false;
        const char **names = NULL;
        uint32_t n = 0, cap = 0;
        for (size_t t = 0; t < WR_LEN(tables); t++)
            for (size_t k = 0; k < tables[t].n; k++) {
                const char **slot = wri_new_last(c, &names, &n, &cap, sizeof *slot);
                if (slot) *slot = tables[t].opts[k].name;
            }
        const char *near = n ? wr_nearest(key, names, n, sizeof *names) : NULL;
        wri_error(c, w->s->options[i].key.loc, wri_suggest(c, near),
                  "unknown option '%s' of connector '%s'%s%s%s", key, st->connector->name,
                  st->format ? " with format '" : "", st->format ? st->format->name : "",
                  st->format ? "'" : "");
    }
    return ok;
}

bool wri_stream_options(wri_ctx *c, const wr_stmt *s, wri_stream *st) {
    if (s->n_options == 0) return true;
    with w = {.c = c, .s = s, .st = st};
    wr_plan_stream *def = st->def;
    common com;
    if (!fill_kvs(&w) || !read_table(&w, wr_stream_options, WR_LEN(wr_stream_options), &com, sizeof com))
        return false;
    if (!com.connector) {
        wri_error(
            c, s->options[0].loc,
            wri_text(c, "add connector = …: %s", name_list(c, c->reg->connectors, c->reg->n_connectors)),
            "stream '%s': option 'connector' is missing", def->name);
        return false;
    }
    st->connector = find_with(c->reg->connectors, c->reg->n_connectors, com.connector);
    if (!st->connector)
        return unknown_with(&w, "connector", com.connector, c->reg->connectors, c->reg->n_connectors);
    def->connector = st->connector->name;
    def->late_output = com.late_output;
    def->on_error_fail = com.on_error == 1;
    def->changelog = (wr_changelog)com.changelog;
    def->lambda = com.lambda;
    def->lambda_timeout_us = com.lambda_timeout_us;
    def->lambda_retry_for_us = com.lambda_retry_for_us;
    const wr_option_def *late = option_of(s, "late_output");
    if (!late) late = option_of(s, "late-output");
    if (late) st->late_loc = late->loc;
    if (!find_format(&w, com.format)) return false;
    bool ok = read_table(&w, st->connector->options, st->connector->n_options, NULL, 0);
    if (st->format) ok = read_table(&w, st->format->options, st->format->n_options, NULL, 0) && ok;
    if (!unknown_options(&w)) return false;
    if (w.missing) wri_error(c, s->name.loc, NULL, "stream '%s': %s", def->name, w.missing);
    if (!ok) return false;
    def->bounded = c->reg->bounded ? c->reg->bounded(def->connector, def->options, def->n_options)
                                   : st->connector->bounded;
    def->reloads = def->bounded && st->connector->reload;
    if (def->bounded) return true; /* its end moves event time, and the clock has no say */
    def->idle_timeout_us = com.idle_timeout_us;
    def->idle_advance = com.idle_policy == 1;
    return true;
}

bool wri_format_fits(wri_ctx *c, const wri_stream *st, bool write) {
    const wr_plan_stream *def = st->def;
    if (!c->reg->fits || !st->format) return true;
    if (!(write ? st->format->sink : st->format->source)) {
        wri_error(c, def->loc, "use another format", "stream '%s': format '%s' can only be %s", def->name,
                  def->format, write ? "read" : "written");
        return false;
    }
    wr_schema cols = {.fields = wri_new_n(c, def->columns.n, sizeof *cols.fields)};
    if (!cols.fields) return false;
    for (uint32_t i = 0; i < def->columns.n; i++)
        if (!st->computed[i] && !(def->metadata && def->metadata[i]))
            cols.fields[cols.n++] = def->columns.fields[i];
    wr_err err = {0};
    wr_status s = c->reg->fits(def->format, &cols, def->options, def->n_options, write, &err);
    if (s == WR_ENOMEM) c->oom = true;
    else if (s != WR_OK) wri_error(c, def->loc, NULL, "stream '%s': %s", def->name, err.msg);
    return s == WR_OK;
}

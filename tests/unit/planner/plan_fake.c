/* tests/unit/planner/plan_fake.c -- see plan_fake.h. */
#include "plan_fake.h"

#include <criterion/criterion.h>

#include "runtime/aggs/aggs.h"
#include "runtime/expr/expr.h"

typedef struct fake_options {
    const char *path, *topic, *delimiter;
    bool tail, header;
    int64_t rows, max_record_bytes, rate;
} fake_options;
#define AT(m) offsetof(fake_options, m)

static const wr_option file_options[] = {
    {.name = "path", .type = WR_OPT_STRING, .offset = AT(path), .required = true, .doc = "The file."},
    {.name = "tail", .type = WR_OPT_BOOL, .offset = AT(tail), .def = "false", .doc = "Wait for more."},
    {.name = "max_record_bytes",
     .type = WR_OPT_BYTES,
     .offset = AT(max_record_bytes),
     .doc = "Longest record."},
};
static const wr_option feed_options[] = {
    {.name = "topic", .type = WR_OPT_STRING, .offset = AT(topic), .required = true, .doc = "The topic."},
};
static const wr_option datagen_options[] = {
    {.name = "rows", .type = WR_OPT_INT, .offset = AT(rows), .min = 1, .max = 1000, .doc = "How many."},
    {.name = "rate", .type = WR_OPT_INT, .offset = AT(rate), .min = 0, .max = 1000, .doc = "A second."},
};
static const wr_option csv_options[] = {
    {.name = "delimiter",
     .type = WR_OPT_STRING,
     .offset = AT(delimiter),
     .def = ",",
     .doc = "Between fields."},
    {.name = "header",
     .type = WR_OPT_BOOL,
     .offset = AT(header),
     .def = "true",
     .doc = "First line is names."},
};

static const wr_with w_file = {.name = "file",
                               .doc = "Files.",
                               .options = file_options,
                               .n_options = 3,
                               .source = true,
                               .sink = true,
                               .needs_format = true,
                               .bounded = true};
static const wr_with w_feed = {.name = "feed",
                               .doc = "A live feed.",
                               .options = feed_options,
                               .n_options = 1,
                               .source = true,
                               .needs_format = true};
static const wr_with w_datagen = {.name = "datagen",
                                  .doc = "Made-up rows.",
                                  .options = datagen_options,
                                  .n_options = 2,
                                  .source = true,
                                  .self_schema = true};
static const wr_with w_blackhole = {.name = "blackhole", .doc = "Drops rows.", .sink = true};
static const wr_with w_print = {.name = "print", .doc = "Prints rows.", .sink = true};
static const wr_with *const connectors[] = {&w_file, &w_feed, &w_datagen, &w_blackhole, &w_print};
static const wr_with w_json = {.name = "json", .doc = "JSON lines.", .source = true, .sink = true};
static const wr_with w_csv = {
    .name = "csv", .doc = "CSV.", .options = csv_options, .n_options = 2, .source = true, .sink = true};
static const wr_with *const formats[] = {&w_json, &w_csv};

static const wr_option settings[] = {
    {.name = "workers", .type = WR_OPT_INT, .offset = offsetof(wr_settings, workers), .def = "0", .max = 128},
    {.name = "batch_rows",
     .type = WR_OPT_INT,
     .offset = offsetof(wr_settings, batch_rows),
     .def = "4096",
     .min = 1,
     .max = 65536},
    {.name = "snapshot_interval",
     .type = WR_OPT_DURATION,
     .offset = offsetof(wr_settings, snapshot_interval_us),
     .def = "10s"},
};

static wr_status own_columns(const char *connector, const wr_kv *kvs, size_t n_kv, wr_arena *ar,
                             wr_schema *outp, wr_err *err) {
    static const wr_field fields[] = {{.name = "id", .type = {.kind = WR_T_BIGINT}},
                                      {.name = "ts", .type = {.kind = WR_T_TIMESTAMP, .prec = 3}},
                                      {.name = "page", .type = {.kind = WR_T_VARCHAR}}};
    (void)connector;
    (void)kvs;
    (void)n_kv;
    outp->n = 3;
    outp->fields = wr_arena_alloc(ar, sizeof fields);
    if (!outp->fields) return wr_fail_oom(err, "columns");
    memcpy(outp->fields, fields, sizeof fields);
    return WR_OK;
}

static bool is_bounded(const char *connector, const wr_kv *kvs, size_t n_kv) {
    for (size_t i = 0; i < n_kv; i++) {
        if (strcmp(kvs[i].key, "tail") == 0) return strcmp(kvs[i].value, "true") != 0;
        if (strcmp(kvs[i].key, "rows") == 0) return true;
    }
    return strcmp(connector, "file") == 0;
}

static const char *runs_on(const wr_expr *e, const wr_schema *in, wr_arena *ar) {
    (void)in;
    (void)ar;
    return e->kind == WR_X_FUNC ? "sqlite" : "kernel";
}

wr_registry plan_fake_registry(void) {
    return (wr_registry){.funcs = wr_builtin_funcs,
                         .n_funcs = wr_n_builtin_funcs,
                         .aggs = wr_builtin_aggs,
                         .n_aggs = wr_n_builtin_aggs,
                         .connectors = connectors,
                         .n_connectors = WR_LEN(connectors),
                         .formats = formats,
                         .n_formats = WR_LEN(formats),
                         .set_options = settings,
                         .n_set_options = WR_LEN(settings),
                         .fold = wr_eval_fold,
                         .runs_on = runs_on,
                         .columns = own_columns,
                         .bounded = is_bounded};
}

void plan_run(plan_result *r, const char *sql) {
    memset(r, 0, sizeof *r);
    r->d = (wr_diags){.file = "t.sql", .text = sql, .len = strlen(sql), .ar = &r->ar};
    wr_registry reg = plan_fake_registry();
    wr_script script = {0};
    r->st = wr_parse(&r->ar, &r->d, &script);
    if (r->st == WR_OK) r->st = wr_plan_script(&script, &reg, &r->ar, &r->d, &r->plan);
}

void plan_result_free(plan_result *r) { wr_arena_free(&r->ar); }

static void check(wr_status st) { cr_assert_eq(st, WR_OK); }

static void put_diags(const plan_result *r, wr_buf *out) {
    for (size_t i = 0; i < r->d.n; i++) {
        const wr_diag *d = &r->d.items[i];
        uint32_t line, col;
        wr_line_col(r->d.text, r->d.len, d->loc.at, &line, &col);
        const char *kind = d->severity == WR_WARNING    ? "warning"
                           : d->code == WR_EUNSUPPORTED ? "later"
                                                        : "error";
        check(wr_buf_printf(out, "%u:%u %s: %s%s%s\n", line, col, kind, d->msg, d->hint ? " | " : "",
                            d->hint ? d->hint : ""));
    }
}

wr_buf plan_tree(const char *sql) {
    plan_result r;
    plan_run(&r, sql);
    wr_buf out = {0};
    if (r.st == WR_OK) {
        wr_registry reg = plan_fake_registry();
        check(wr_plan_explain(&r.plan, &reg, WR_EXPLAIN_TREE, &out));
    } else {
        check(wr_buf_printf(&out, "status %d\n", r.st));
        put_diags(&r, &out);
    }
    check(wr_buf_put(&out, "", 1));
    plan_result_free(&r);
    return out;
}

wr_buf plan_diags(const char *sql) {
    plan_result r;
    plan_run(&r, sql);
    wr_buf out = {0};
    put_diags(&r, &out);
    if (r.st == WR_ENOMEM) check(wr_buf_puts(&out, "out of memory\n"));
    check(wr_buf_put(&out, "", 1));
    plan_result_free(&r);
    return out;
}

static void same(const char *sql, const char *want, wr_buf got, const char *file, int line) {
    bool ok = strcmp(want, got.data) == 0;
    if (!ok) cr_log_error("%s:%d:\n%s\n--- expected\n%s\n--- got\n%s", file, line, sql, want, got.data);
    cr_expect(ok, "%s:%d differs", file, line);
    wr_buf_free(&got);
}

void plan_expect_tree(const char *sql, const char *want, const char *file, int line) {
    same(sql, want, plan_tree(sql), file, line);
}

void plan_expect_diags(const char *sql, const char *want, const char *file, int line) {
    same(sql, want, plan_diags(sql), file, line);
}

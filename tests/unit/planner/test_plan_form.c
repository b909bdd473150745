/* tests/unit/planner/test_plan_form.c -- JSON and DOT, notes, settings, invariants of every plan, memory. */
#include <criterion/criterion.h>
#include <sqlite3.h>

#include "plan_fake.h"

static const char *const scripts[] = {
    CLICKS "SELECT page, status FROM clicks WHERE status >= 500 AND country = 'D\"\\E';",
    CLICKS LOG
    "CREATE STREAM o (p VARCHAR(3), c INTEGER) WITH (connector = 'file', path = 'o', format = 'csv');"
    "INSERT INTO o SELECT page, COUNT(*) FROM " TUMBLE1 " GROUP BY window_start, window_end, page;"
    "INSERT INTO o SELECT page, n FROM log WHERE x > 1 ORDER BY n DESC LIMIT 3;",
    CLICKS "WITH w AS (SELECT window_start s, window_end e, UPPER(page) p, status FROM " TUMBLE1 ")"
           "SELECT s, p, COUNT(*) FILTER (WHERE status > 1), GROUPING(p) FROM w GROUP BY s, e, ROLLUP(p) "
           "HAVING MAX(status) > 2 "
           "UNION ALL SELECT s, 'x', status, 1 FROM w;",
    "CREATE STREAM s (t VARCHAR, v INTEGER, ts AS CAST(t AS TIMESTAMP(3)), WATERMARK FOR ts AS ts - INTERVAL "
    "'1' SECOND) "
    "WITH (connector = 'feed', topic = 'x', format = 'json', late_output = 'late');"
    "CREATE STREAM mid (a INTEGER, b TIMESTAMP(3)); INSERT INTO mid SELECT v, ts FROM s;"
    "CREATE VIEW w AS SELECT window_time rt, SUM(a) a FROM TUMBLE(TABLE mid, DESCRIPTOR(b), INTERVAL '1' "
    "MINUTE) GROUP BY window_start, window_end, window_time;"
    "SELECT window_end, SUM(a) FROM HOP(TABLE w, DESCRIPTOR(rt), INTERVAL '1' HOUR, INTERVAL '2' HOUR) GROUP "
    "BY window_start, window_end;"
    "SELECT message FROM error_stream WHERE FALSE LIMIT 0; SELECT v FROM late;",
    CLICKS
    "CREATE STREAM o (page VARCHAR PRIMARY KEY, c BIGINT) WITH (connector = 'file', path = 'o', format = "
    "'json'); INSERT INTO o SELECT page, COUNT(*) FROM clicks GROUP BY page EMIT CHANGES;"
    "CREATE VIEW v AS SELECT page, COUNT(*) c, SUM(bytes) s, MAX(bytes) m FROM clicks GROUP BY page EMIT "
    "CHANGES; SELECT c, SUM(s) FROM v WHERE c > 1 GROUP BY ROLLUP(c) EMIT CHANGES;"
    "SELECT window_start, page, COUNT(*) c FROM " TUMBLE1 " GROUP BY window_start, window_end, page "
    "EMIT EARLY EVERY INTERVAL '1' SECOND ALLOWED LATENESS INTERVAL '1' HOUR;",
    CLICKS "CREATE FUNCTION f (a INTEGER) RETURNS INTEGER RETURN a + 1; SHOW STREAMS; DESCRIBE clicks;"
           "EXPLAIN (FORMAT JSON) SELECT f(status) FROM clicks; SELECT f(2), X'0aff', TIMESTAMP '2026-01-01 "
           "00:00:00';",
};

/* ---- what holds for every plan ---- */

static bool later_stage(const wr_node *n, const wr_node *in) {
    return n->kind == WR_N_EXCHANGE ? n->stage == in->stage + 1 : n->stage >= in->stage;
}

static void expr_within(const wr_expr *e, uint32_t width) {
    if (e->kind == WR_X_COL) cr_assert_lt(e->col, width);
    for (uint32_t i = 0; i < e->n_args; i++) expr_within(e->args[i], width);
}

static void check_agg(const wr_node *n) {
    uint32_t width = n->in[0]->out.n;
    for (uint32_t i = 0; i < n->agg.n_keys; i++) cr_assert_lt(n->agg.keys[i], width);
    uint32_t partials = 0;
    for (uint32_t i = 0; i < n->agg.n_calls; i++) partials += n->agg.calls[i].n_partials;
    if (n->agg.takes_back) partials = 2 * (partials + 1);
    bool attached = n->agg.win.kind == WR_W_ATTACHED, none = n->agg.win.kind == WR_W_NONE;
    if (n->kind == WR_N_AGG_GLOBAL || n->kind == WR_N_AGG_CHANGES) {
        cr_assert_eq(n->out.n, (none ? 0 : 3) + n->agg.n_keys + n->agg.n_calls);
        return;
    }
    cr_assert_eq(n->out.n, 1 + attached + n->agg.n_keys + partials);
    for (uint32_t i = 0; i < n->agg.n_calls; i++) {
        const wr_agg_call *k = &n->agg.calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) cr_assert_lt(k->args[j], width);
        cr_assert(k->filter == WR_NO_COL || k->filter < width);
        cr_assert(k->time == WR_NO_COL || k->time < width);
    }
    if (!none && !attached) cr_assert_lt(n->agg.win.time_col, width);
    for (uint32_t i = 0; n->late && n->late->to && i < n->late->to->out.n; i++)
        cr_assert(n->late->cols[i] == WR_NO_COL || n->late->cols[i] < width);
}

static void check_source(const wr_node *n) {
    cr_assert_eq(n->out.n, n->source.n_cols + n->source.n_computed);
    cr_assert_leq(n->source.n_visible, n->out.n);
    for (uint32_t i = 0; i < n->source.n_cols; i++)
        cr_assert(n->source.cols[i] == WR_NO_COL || n->source.cols[i] < n->source.stream->columns.n);
    for (uint32_t i = 0; i < n->source.n_computed; i++) expr_within(n->source.computed[i], n->source.n_cols);
    if (n->source.wm) expr_within(n->source.wm, n->out.n);
}

static void check_node(const wr_plan *p, uint32_t i) {
    const wr_node *n = p->nodes[i];
    cr_assert_eq(n->id, i);
    cr_assert_lt(n->stage, p->n_stages);
    cr_assert(n->time_col == WR_NO_COL || n->time_col < n->out.n);
    for (uint32_t k = 0; k < n->n_in; k++) {
        cr_assert_lt(n->in[k]->id, n->id);
        cr_assert_eq(p->nodes[n->in[k]->id], n->in[k]);
        cr_assert(later_stage(n, n->in[k]));
    }
    for (uint32_t k = 0; k < n->out.n; k++) cr_assert_not_null(n->out.fields[k].name);
    for (uint32_t k = 0; k < n->n_key; k++) cr_assert_lt(n->key[k], n->out.n);
    cr_assert(n->updating || !n->keyed);
    uint32_t width = n->n_in ? n->in[0]->out.n : 0;
    switch (n->kind) {
    case WR_N_SOURCE:
        check_source(n);
        break;
    case WR_N_FILTER:
        expr_within(n->filter.pred, width);
        for (uint32_t k = 0; k < n->out.n; k++) cr_assert_lt(n->filter.keep[k], width);
        break;
    case WR_N_PROJECT:
        for (uint32_t k = 0; k < n->out.n; k++) {
            expr_within(n->project.exprs[k], width);
            cr_assert_eq(wr_type_phys(n->project.exprs[k]->type), wr_type_phys(n->out.fields[k].type));
        }
        break;
    case WR_N_WINDOW:
        cr_assert_eq(n->out.n, width + 3);
        cr_assert_lt(n->window.win.time_col, width);
        break;
    case WR_N_AGG_LOCAL:
    case WR_N_AGG_GLOBAL:
    case WR_N_AGG_DELTA:
    case WR_N_AGG_CHANGES:
        check_agg(n);
        break;
    case WR_N_UNION:
        for (uint32_t k = 0; k < n->n_in; k++) cr_assert_eq(n->in[k]->out.n, n->out.n);
        break;
    case WR_N_EXCHANGE:
    case WR_N_SORT:
    case WR_N_LIMIT:
    case WR_N_SINK:
        cr_assert_eq(n->out.n, width);
        for (uint32_t k = 0; k < width; k++)
            cr_assert_eq(wr_type_phys(n->out.fields[k].type), wr_type_phys(n->in[0]->out.fields[k].type));
        break;
    default:
        break;
    }
}

Test(plan_form, every_plan_is_consistent) {
    for (size_t i = 0; i < WR_LEN(scripts); i++) {
        plan_result r;
        plan_run(&r, scripts[i]);
        cr_assert_eq(r.st, WR_OK, "%s: %s", scripts[i], r.d.n ? r.d.items[0].msg : "");
        for (uint32_t k = 0; k < r.plan.n_nodes; k++) check_node(&r.plan, k);
        plan_result_free(&r);
    }
}

/* ---- forms ---- */

static wr_buf explain(const plan_result *r, wr_explain_form form) {
    wr_buf b = {0};
    wr_registry reg = plan_fake_registry();
    cr_assert_eq(wr_plan_explain(&r->plan, &reg, form, &b), WR_OK);
    cr_assert_eq(wr_buf_put(&b, "", 1), WR_OK);
    return b;
}

/* The text is JSON for SQLite, and says as many nodes and stages as the plan has. */
static void check_json(const plan_result *r, const char *json) {
    sqlite3 *db;
    sqlite3_stmt *q;
    cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
    const char *sql = "SELECT json_array_length(?1, '$.nodes'), ?1 ->> '$.stages' WHERE json_valid(?1)";
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    sqlite3_bind_text(q, 1, json, -1, SQLITE_STATIC);
    cr_assert_eq(sqlite3_step(q), SQLITE_ROW, "not JSON: %s", json);
    cr_expect_eq(sqlite3_column_int(q, 0), r->plan.n_nodes);
    cr_expect_eq(sqlite3_column_int(q, 1), r->plan.n_stages);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

Test(plan_form, json_is_valid_and_whole) {
    for (size_t i = 0; i < WR_LEN(scripts); i++) {
        plan_result r;
        plan_run(&r, scripts[i]);
        wr_buf b = explain(&r, WR_EXPLAIN_JSON);
        check_json(&r, b.data);
        wr_buf_free(&b);
        plan_result_free(&r);
    }
}

Test(plan_form, json_text) {
    plan_result r;
    plan_run(&r, LOG "SELECT page FROM log WHERE page <> '\"\\';");
    wr_buf b = explain(&r, WR_EXPLAIN_JSON);
    cr_expect_str_eq(
        b.data, "{\"stages\":1,\"nodes\":[\n"
                "{\"id\":0,\"kind\":\"SOURCE\",\"stage\":0,\"inputs\":[],\"bounded\":true,\"time\":null,"
                "\"updating\":false,\"detail\":\"log "
                "(connector = 'file', path = 'log.csv', format = 'csv') decodes page VARCHAR\",\"columns\":"
                "[{\"name\":\"page\",\"type\":\"VARCHAR\"}]},\n"
                "{\"id\":1,\"kind\":\"FILTER\",\"stage\":0,\"inputs\":[0],\"bounded\":true,\"time\":"
                "null,\"updating\":false,\"detail\":\"page <> "
                "'\\\"\\\\' [kernel]\",\"columns\":[{\"name\":\"page\",\"type\":\"VARCHAR\"}]},\n"
                "{\"id\":2,\"kind\":\"SINK\",\"stage\":0,\"inputs\":[1],\"bounded\":true,\"time\":null,"
                "\"updating\":false,\"detail\":\"standard "
                "output, of SELECT\",\"columns\":[{\"name\":\"page\",\"type\":\"VARCHAR\"}]}\n"
                "]}\n");
    wr_buf_free(&b);
    plan_result_free(&r);
}

Test(plan_form, dot_has_all_nodes_and_edges) {
    plan_result r;
    plan_run(&r, LOG "SELECT COUNT(*) FROM log;");
    wr_buf b = explain(&r, WR_EXPLAIN_DOT);
    cr_expect_str_eq(
        b.data,
        "digraph plan {\n"
        "  rankdir=BT;\n"
        "  node [shape=box, fontname=\"monospace\"];\n"
        "  subgraph cluster_0 {\n"
        "    label=\"stage 0\";\n"
        "    n0 [label=\"#0 SOURCE\\nlog (connector = 'file', path = 'log.csv', format = 'csv') decodes "
        "nothing\"];\n"
        "    n1 [label=\"#1 AGG_LOCAL\\nat the end: COUNT(*)\"];\n"
        "  }\n"
        "  subgraph cluster_1 {\n"
        "    label=\"stage 1\";\n"
        "    n2 [label=\"#2 EXCHANGE\\nto one task, stage 0 to 1\"];\n"
        "    n3 [label=\"#3 AGG_GLOBAL\\nat the end: EXPR$0 = COUNT(*)\"];\n"
        "    n4 [label=\"#4 SINK\\nstandard output, of SELECT\"];\n"
        "  }\n"
        "  n0 -> n1;\n"
        "  n1 -> n2;\n"
        "  n2 -> n3;\n"
        "  n3 -> n4;\n"
        "}\n");
    wr_buf_free(&b);
    plan_result_free(&r);
}

Test(plan_form, secrets_are_not_shown) {
    plan_result r;
    plan_run(&r, LOG "SELECT page FROM log;");
    ((wr_plan_stream *)(uintptr_t)r.plan.nodes[0]->source.stream)->options[1].key = "sasl_password";
    wr_buf b = explain(&r, WR_EXPLAIN_TREE);
    cr_expect_not_null(strstr(b.data, "sasl_password = '***'"));
    cr_expect_null(strstr(b.data, "log.csv"));
    wr_buf_free(&b);
    plan_result_free(&r);
}

Test(plan_form, kind_names) {
    for (int k = 0; k < WR_NODE_KINDS; k++) cr_expect_str_neq(wr_node_kind_name((wr_node_kind)k), "?");
    cr_expect_str_eq(wr_node_kind_name(WR_NODE_KINDS), "?");
}

/* ---- notes and settings ---- */

Test(plan_form, notes_in_order) {
    plan_result r;
    plan_run(&r, LOG
             "CREATE VIEW v AS SELECT page AS p, n + 1 AS m FROM log;"
             "CREATE STREAM c (ts TIMESTAMP(3), d AS ts, WATERMARK FOR ts AS ts) WITH (connector = 'feed', "
             "topic = 't', format = 'json');"
             "DESCRIBE v; SHOW VIEWS; DESCRIBE c; EXPLAIN SELECT p FROM v; SHOW STREAMS; SHOW FORMATS;");
    cr_assert_eq(r.st, WR_OK);
    cr_assert_eq(r.plan.n_nodes, 0);
    cr_assert_eq(r.plan.n_notes, 6);
    static const char *const want[] = {
        "p                        VARCHAR\nm                        INTEGER\n",
        "v\n",
        "ts                       TIMESTAMP(3) (event time)\nd                        TIMESTAMP(3) "
        "(computed)\n"
        "  connector = 'feed'\n  topic = 't'\n  format = 'json'\n",
        "3 nodes, 1 stage, 1 sink\n#2 SINK standard output, of SELECT  [stage 0, bounded]\n"
        "  #1 PROJECT p = page  [stage 0, bounded]\n"
        "    #0 SOURCE log (connector = 'file', path = 'log.csv', format = 'csv') decodes page VARCHAR  "
        "[stage "
        "0, "
        "bounded]\n",
        "error_stream             (predefined)\nlog                      file\nc                        "
        "feed\n",
        "json                     JSON lines.\ncsv                      CSV.\n"};
    for (uint32_t i = 0; i < 6; i++) cr_expect_str_eq(r.plan.notes[i], want[i]);
    plan_result_free(&r);
}

Test(plan_form, explain_of_an_insert_plans_it_alone) {
    plan_result r;
    plan_run(&r, CLICKS "CREATE STREAM a (p VARCHAR); INSERT INTO a SELECT page FROM clicks;"
                        "EXPLAIN INSERT INTO a SELECT country FROM clicks; SELECT * FROM a;");
    cr_assert_eq(r.st, WR_OK);
    cr_assert_eq(r.plan.n_notes, 1);
    cr_expect_not_null(strstr(r.plan.notes[0], "decodes country VARCHAR "));
    wr_buf b = explain(&r, WR_EXPLAIN_TREE);
    cr_expect_null(strstr(b.data, "country"));
    wr_buf_free(&b);
    plan_result_free(&r);
}

Test(plan_form, settings_last_one_counts) {
    plan_result r;
    plan_run(
        &r,
        "SET workers = 3; SET batch_rows = 100; SET WORKERS = 5; SET snapshot_interval = '50ms'; SELECT 1;");
    cr_assert_eq(r.st, WR_OK);
    cr_expect_eq(r.plan.settings.workers, 5);
    cr_expect_eq(r.plan.settings.batch_rows, 100);
    cr_expect_eq(r.plan.settings.snapshot_interval_us, 50000);
    plan_result_free(&r);
    plan_run(&r, "SELECT 1;");
    cr_expect_eq(r.plan.settings.batch_rows, 4096);
    plan_result_free(&r);
}

Test(plan_form, window_numbers) {
    plan_result r;
    plan_run(&r, CLICKS
             "SELECT COUNT(*) FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '10' SECOND, "
             "INTERVAL '1' MINUTE, INTERVAL '-4' SECOND)) GROUP BY window_start, window_end;");
    cr_assert_eq(r.st, WR_OK);
    const wr_win *w = &r.plan.nodes[1]->agg.win;
    cr_expect_eq(w->kind, WR_W_HOP);
    cr_expect_eq(w->size_us, 60000000);
    cr_expect_eq(w->slide_us, 10000000);
    cr_expect_eq(w->slice_us, 10000000);
    cr_expect_eq(w->offset_us, 6000000);
    cr_expect_eq(w->tick_us, 1000);
    cr_expect_eq(r.plan.nodes[3]->time_col, 2);
    plan_result_free(&r);
}

/* ---- memory ---- */

/* Arenas take few large blocks, so the first block's size is varied, too: then other places fail. */
static wr_status run_failing(const char *sql, size_t block, uint64_t n, uint64_t *madep) {
    plan_result r = {.ar = {.block_bytes = block}};
    r.d = (wr_diags){.file = "t.sql", .text = sql, .len = strlen(sql), .ar = &r.ar};
    wr_registry reg = plan_fake_registry();
    wr_script script = {0};
    wr_buf b = {0};
    wr_mem_fail_at(n);
    wr_status st = wr_parse(&r.ar, &r.d, &script);
    if (st == WR_OK) st = wr_plan_script(&script, &reg, &r.ar, &r.d, &r.plan);
    if (st == WR_OK) st = wr_plan_explain(&r.plan, &reg, WR_EXPLAIN_JSON, &b);
    *madep = wr_mem_fail_at(0);
    if (st == WR_ENOMEM) cr_expect_eq(r.d.n, 0); /* no message blames the SQL */
    wr_buf_free(&b);
    wr_arena_free(&r.ar);
    return st;
}

Test(plan_form, every_allocation_may_fail) {
    for (size_t i = 0; i < WR_LEN(scripts); i++)
        for (size_t block = 256; block < 65536; block += block / 5)
            for (uint64_t n = 1, made = n;; n++) {
                wr_status st = run_failing(scripts[i], block, n, &made);
                if (made < n) {
                    cr_assert_eq(st, WR_OK);
                    break;
                }
                cr_assert_eq(st, WR_ENOMEM, "script %zu, block %zu, allocation %lu: %d", i, block,
                             (unsigned long)n, st);
            }
}

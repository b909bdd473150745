/* tests/unit/runtime/test_match.c -- the MATCH operator by itself: what comes out at which watermark, what is
 * kept, and lack of memory at every point. What it finds is held against a slow matcher by
 * tests/oracle/match.py. */
#include <stdio.h>

#include "op_rig.h"
#include "runtime/ops/match.h"
#include "runtime/runtime.h"

#define STREAM                                                                                               \
    "CREATE STREAM t (ts TIMESTAMP(3), k VARCHAR, x BIGINT, s VARCHAR, WATERMARK FOR ts AS ts) "             \
    "WITH (connector = 'file', path = 'none', format = 'json');\n"

static wr_status sink_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)err;
    rig *r = the_rig;
    for (uint32_t i = 0; i < b->n; i++)
        for (uint32_t c = 0; c < b->n_cols; c++) {
            const wr_col *k = &b->cols[c];
            const char *sep = c + 1 < b->n_cols ? "," : "\n";
            if (wr_is_null(k, i)) WR_TRY(wr_buf_printf(&r->text, "-%s", sep));
            else if (k->phys == WR_STR)
                WR_TRY(wr_buf_printf(&r->text, "%.*s%s", (int)k->str[i].len, wr_str_data(&k->str[i]), sep));
            else WR_TRY(wr_buf_printf(&r->text, "%lld%s", (long long)k->i64[i], sep));
        }
    r->rows += b->n;
    return WR_OK;
}
static const wr_op_def sink_def = {.name = "sink", .push = sink_push};

static void rig_plan(rig *r, const char *sql) { rig_plan_of(r, STREAM, sql); }

static wr_status rig_open(rig *r, wr_err *err) {
    return rig_open_node(r, rig_node(r, WR_N_MATCH), &wri_op_match, &sink_def, err);
}

typedef struct row {
    int64_t ts_ms, x;
    const char *k, *s;
} row;

static wr_status rig_push(rig *r, const row *rows, uint32_t n, wr_err *err) {
    const wr_schema *in = &r->op.node->in[0]->out;
    wr_batch *b;
    WR_TRY(wr_batch_new(in->n, n, &b, err));
    b->n = n;
    wr_status st = WR_OK;
    for (uint32_t c = 0; c < in->n && st == WR_OK; c++) {
        st = wr_batch_col(b, c, wr_type_phys(in->fields[c].type), err);
        for (uint32_t i = 0; i < n && st == WR_OK; i++) {
            const char *name = in->fields[c].name, *text = name[0] == 'k' ? rows[i].k : rows[i].s;
            if (b->cols[c].phys == WR_STR) b->cols[c].str[i] = wr_str_make(text, strlen(text));
            else b->cols[c].i64[i] = name[0] == 't' ? rows[i].ts_ms * 1000 : rows[i].x;
        }
    }
    if (st == WR_OK) st = wri_deliver(&r->op, 0, b, err);
    wr_batch_drop(b);
    return st;
}

static void ok(wr_status st) { cr_assert_eq(st, WR_OK); }

#define EXPECT(r, want)                                                                                      \
    do {                                                                                                     \
        ok(wr_buf_put(&(r)->text, "", 1));                                                                   \
        cr_assert_str_eq((r)->text.data, want);                                                              \
        (r)->text.len = 0;                                                                                   \
    } while (0)

Test(match, within_ends_by_the_watermark) {
    rig r;
    rig_plan(&r, "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES COUNT(*) AS n "
                 "PATTERN (A B*) WITHIN INTERVAL '10' SECOND DEFINE B AS x > 1);");
    ok(rig_open(&r, NULL));
    row rows[] = {{1000, 1, "a", ""}, {2000, 2, "a", ""}, {6000, 1, "b", ""}};
    ok(rig_push(&r, rows, 3, NULL));
    ok(wri_watermark(&r.op, 0, 10999 * 1000, NULL));
    EXPECT(&r, "");
    cr_assert_eq(r.sink_wm, 1000 * 1000 - 1, "the match may begin with the row of 1 s");
    ok(wri_watermark(&r.op, 0, 11000 * 1000 - 1, NULL)); /* a row at 11 s would be too late for it */
    EXPECT(&r, "a,2,2000000\n");
    cr_assert_eq(r.sink_wm, 6000 * 1000 - 1, "now only that of b waits");
    row more[] = {{12000, 2, "b", ""}, {13000, 5, "b", ""}};
    ok(rig_push(&r, more, 2, NULL));
    ok(wri_watermark(&r.op, 0, 13000 * 1000, NULL));
    EXPECT(&r, "");
    ok(wri_end(&r.op, 0, NULL));
    EXPECT(&r, "b,3,13000000\n");
    cr_assert_eq(r.sink_wm, WR_WM_END);
    rig_free(&r);
}

Test(match, certain_matches_do_not_wait) {
    rig r;
    rig_plan(&r, "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts MEASURES A.x AS a, B.x AS b PATTERN (A B) "
                 "DEFINE B AS x > A.x);");
    ok(rig_open(&r, NULL));
    row rows[] = {{3, 7, "", ""}, {1, 1, "", ""}, {2, 5, "", ""}};
    ok(rig_push(&r, rows, 3, NULL));
    EXPECT(&r, "");
    ok(wri_watermark(&r.op, 0, 2000, NULL));
    EXPECT(&r, "1,5,2000\n");
    cr_assert_eq(r.sink_wm, 2000, "a match of fixed length holds nothing back");
    ok(wri_watermark(&r.op, 0, 3000, NULL));
    cr_assert_eq(r.sink_wm, 3000);
    row late[] = {{3, 9, "", ""}, {4, 9, "", ""}};
    ok(rig_push(&r, late, 2, NULL));
    cr_assert_eq(r.op.late_rows, 1);
    ok(wri_watermark(&r.op, 0, 4000, NULL));
    EXPECT(&r, "7,9,4000\n");
    rig_free(&r);
}

/* A new key every second, never seen again. */
static void push_keys(rig *r, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        char k[40], s[40];
        snprintf(k, sizeof k, "a key that is long: %u", i);
        snprintf(s, sizeof s, "text that the slot must own: %u", i);
        row one = {(int64_t)i * 1000, i % 3, k, s};
        ok(rig_push(r, &one, 1, NULL));
        ok(wri_watermark(&r->op, 0, (int64_t)i * 1000000, NULL));
    }
}

Test(match, keys_that_are_gone_leave_nothing) {
    rig r;
    rig_plan(&r,
             "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES LAST(s) AS s, SUM(x) AS n "
             "PATTERN (A B+ C) WITHIN INTERVAL '10' SECOND DEFINE A AS x < 2, B AS x > A.x);");
    ok(rig_open(&r, NULL));
    const wri_matcher *m = r.op.state;
    push_keys(&r, 0, 10000);
    size_t bytes = wri_groups_bytes(m->groups);
    cr_assert_leq(m->n_parts, 12);
    cr_assert_leq(m->n_heap, 100);
    cr_assert_leq(m->rows.n, 256);
    cr_assert_leq(wri_groups_live(m->groups), 5000);
    push_keys(&r, 10000, 60000);
    cr_assert_leq(wri_groups_bytes(m->groups), 2 * bytes, "keys take memory after they have gone");
    cr_assert_leq(m->rows.n, 256);
    cr_assert_leq(m->n_heap, 100);
    cr_assert_eq(wri_timeline_rows(m->line), 0);
    rig_free(&r);
}

/* Without WITHIN one key waits for ever; the others must not pile up behind it. */
Test(match, a_key_that_waits_does_not_keep_the_others) {
    rig r;
    rig_plan(&r, "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES COUNT(*) AS n "
                 "PATTERN (A B+ C) DEFINE A AS x < 9, B AS x < 9, C AS x > 8);");
    ok(rig_open(&r, NULL));
    const wri_matcher *m = r.op.state;
    row first = {0, 1, "waits", ""};
    ok(rig_push(&r, &first, 1, NULL));
    ok(wri_watermark(&r.op, 0, 1, NULL));
    cr_assert_eq(r.sink_wm, -1);
    for (int64_t i = 1; i < 20000; i++) {
        char k[40];
        snprintf(k, sizeof k, "key %lld", (long long)i);
        row rows[] = {{i * 10, 1, k, ""}, {i * 10 + 1, 1, k, ""}, {i * 10 + 2, 10, k, ""}};
        ok(rig_push(&r, rows, 3, NULL));
        ok(wri_watermark(&r.op, 0, (i * 10 + 2) * 1000, NULL));
    }
    cr_assert_eq(r.rows, 19999);
    cr_assert_eq(m->n_parts, 1);
    cr_assert_leq(m->n_heap, 100);
    cr_assert_leq(m->rows.n, 256);
    cr_assert_leq(wri_groups_live(m->groups), 5000);
    cr_assert_eq(r.sink_wm, -1, "the first key may still match");
    rig_free(&r);
}

/* ---- lack of memory ---- */

static wr_status run_all(rig *r, wr_err *err) {
    static const char *const long_texts[] = {"b", "another long text to be owned", "",
                                             "a long text to be owned"};
    WR_TRY(rig_open(r, err));
    for (int64_t i = 0; i < 60; i += 6) {
        row rows[6];
        for (int64_t k = 0; k < 6; k++)
            rows[k] = (row){.ts_ms = (i + k) * 700,
                            .x = (i + k) * 7 % 5,
                            .k = k % 2 ? "one" : "the other key, a long one",
                            .s = long_texts[(i + k) % 4]};
        WR_TRY(rig_push(r, rows, 6, err));
        WR_TRY(wri_watermark(&r->op, 0, (i + 2) * 700000, err));
    }
    return wri_end(&r->op, 0, err);
}

static void every_allocation_fails_once(const char *sql) {
    rig r;
    rig_plan(&r, sql);
    wr_status st = WR_ENOMEM;
    uint64_t n = 1;
    for (; st != WR_OK; n++) {
        wr_err err = {0};
        wr_mem_fail_at(n);
        st = run_all(&r, &err);
        wr_mem_fail_at(0);
        cr_assert(st == WR_OK || st == WR_ENOMEM, "allocation %lu: %s", n, err.msg);
        if (st != WR_OK) wri_op_match.close(&r.op);
        cr_assert(n < 100000);
    }
    cr_assert_gt(r.rows, 0);
    cr_assert_gt(n, 50);
    rig_free(&r);
}

Test(match, every_allocation_fails_once_one_row) {
    every_allocation_fails_once(
        "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts, s DESC MEASURES LAST(s) AS s, "
        "PREV(A.s, 2) AS p, "
        "SUM(x) AS n, LISTAGG(B.s) AS l, MATCH_NUMBER() AS m AFTER MATCH SKIP TO LAST B PATTERN (A (A | B)* "
        "B) WITHIN "
        "INTERVAL '8' SECOND DEFINE A AS x > 0, B AS MIN(s) < 'c' AND COUNT(B.x) < 3 AND x <> FIRST(x));");
}

Test(match, every_allocation_fails_once_all_rows) {
    every_allocation_fails_once("SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES "
                                "LISTAGG(s) AS l, FINAL MAX(s) AS m, "
                                "CLASSIFIER() AS c ALL ROWS PER MATCH PATTERN (A+ B) DEFINE A AS x >= 0 AND "
                                "SUM(x) < 12, B AS x < PREV(x));");
}

static void planning_fails_once(const char *sql) {
    wr_registry reg = wr_builtin();
    wr_status st = WR_ENOMEM;
    for (uint64_t n = 1; st != WR_OK; n++) {
        wr_arena ar = {0};
        wr_script script;
        wr_plan plan;
        char *text = wr_arena_printf(&ar, STREAM "%s", sql);
        wr_diags d = {.file = "test", .text = text, .len = strlen(text), .ar = &ar};
        cr_assert_eq(wr_parse(&ar, &d, &script), WR_OK);
        wr_mem_fail_at(n);
        st = wr_plan_script(&script, &reg, &ar, &d, &plan);
        wr_mem_fail_at(0);
        cr_assert(st == WR_OK || st == WR_ENOMEM, "allocation %lu: %s", n, d.n ? d.items[0].msg : "");
        wr_arena_free(&ar);
        cr_assert(n < 100000);
    }
}

Test(match, planning_without_memory) {
    planning_fails_once(
        "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts, x MEASURES LAST(s) AS s, PREV(U.s, 2) "
        "AS p, "
        "SUM(x) AS n, MATCH_ROWTIME() AS t AFTER MATCH SKIP TO LAST B PATTERN (A (A | B?){,2} PERMUTE(A, B) "
        "B) WITHIN "
        "INTERVAL '8' SECOND SUBSET U = (A, B) DEFINE A AS x > 0 AND PREV(x) < 5, B AS COUNT(B.x) < 3);");
}

/* tests/unit/runtime/test_table_fn.c -- all table functions: cut into calls and saved at every row, damaged
 * snapshots, lack of memory at every point. Each against brute force is in test_table_fns.c; the operator
 * with random barriers and crashes in test_saving.c; queries as a whole in tests/sql/tablefns and
 * tests/sql/kda. */
#include "table_fn_rig.h"

/* ---- all of them ---- */

static const char *const all[] = {
    "SELECT * FROM TABLE(ANOMALY_ZSCORE(TABLE t, DESCRIPTOR(x), 20));",
    "SELECT * FROM TABLE(ANOMALY_ZSCORE(TABLE t, DESCRIPTOR(d), window_size => 7, warmup => 3));",
    "SELECT * FROM TABLE(ANOMALY_SEASONAL(TABLE t, DESCRIPTOR(x), 6));",
    "SELECT * FROM TABLE(HOTSPOTS(TABLE t, 100, 1.5, 5, DESCRIPTOR(x, y)));",
    "SELECT * FROM TABLE(HOTSPOTS(TABLE t, 100, 2, 3, DESCRIPTOR(x)));",
    "SELECT * FROM TABLE(GROUP_RANK(TABLE t, 's', 'r', 'desc', 'asc', 0, 2));",
    "SELECT * FROM TABLE(TOP_K_ITEMS_TUMBLING(TABLE t, 's', 5, 60));",
    "SELECT * FROM TABLE(TOP_K_ITEMS_TUMBLING(TABLE t, 'x', 3, 60));",
    "SELECT * FROM TABLE(COUNT_DISTINCT_ITEMS_TUMBLING(TABLE t, 's', 60));",
    "SELECT * FROM TABLE(RANDOM_CUT_FOREST(TABLE t, 3, 12, 20));",
    "SELECT * FROM TABLE(RANDOM_CUT_FOREST_WITH_EXPLANATION(TABLE t, 2, 10, 11, 2, TRUE));",
};

/* Rows of one time are never in two calls of GROUP_RANK. */
static uint32_t step_of(uint32_t at) { return call.fn->times ? 3 - at % 3 : 1; }

Test(table_fn, saved_at_every_row) {
    for (size_t q = 0; q < WR_LEN(all); q++) {
        begin(all[q]);
        wr_batch *in = in_random(300, 12);
        outcome whole = out_new(in->n), cut = out_new(in->n);
        wr_buf text = {0}, said[2] = {{0}};
        void *a, *b;
        ok(state_new(&a, NULL));
        ok(state_new(&b, NULL));
        for (uint32_t at = 0, n; at < in->n; at += n) {
            n = call.fn->times ? step_of(at) : in->n;
            ok(give(a, in, at, n, &whole, NULL));
        }
        for (uint32_t at = 0, n; at < in->n; at += n) {
            n = step_of(at);
            ok(give(b, in, at, n, &cut, NULL));
            ok(state_save(b, &text, NULL));
            state_drop(b);
            ok(state_new(&b, NULL));
            ok(state_load(b, text.data ? text.data : "", text.len, NULL));
        }
        if (run->window) {
            ok(say(a, 4096, &said[0], NULL));
            ok(say(b, 2, &said[1], NULL));
            cr_assert(said[0].len > 0);
            cr_assert_eq(said[0].len, said[1].len, "%s", all[q]);
            cr_assert_eq(memcmp(said[0].data, said[1].data, said[0].len), 0, "%s", all[q]);
        } else same_rows(&whole, &cut, in->n);
        state_drop(a);
        state_drop(b);
        wr_buf_free(&text);
        wr_buf_free(&said[0]);
        wr_buf_free(&said[1]);
        wr_batch_drop(whole.b);
        wr_batch_drop(cut.b);
        wr_batch_drop(in);
        finish();
    }
}

static void load_damaged(const char *p, size_t n) {
    void *state;
    wr_err err = {0};
    char *copy = wr_alloc(n + 1); /* so that ASan sees a step beyond */
    memcpy(copy, p, n);
    copy = wr_realloc(copy, n ? n : 1);
    ok(state_new(&state, NULL));
    wr_status s = state_load(state, copy, n, &err);
    cr_assert(s == WR_OK || (s == WR_EDATA && err.msg[0]), "%s", err.msg);
    state_drop(state);
    wr_free(copy);
}

Test(table_fn, damaged_states) {
    for (size_t q = 0; q < WR_LEN(all); q++) {
        begin(all[q]);
        wr_batch *in = in_random(60, 9);
        outcome o = out_new(in->n);
        wr_buf text = {0};
        void *state;
        ok(state_new(&state, NULL));
        for (uint32_t at = 0; at < in->n; at += step_of(at)) ok(give(state, in, at, step_of(at), &o, NULL));
        ok(state_save(state, &text, NULL));
        for (size_t n = 0; n < text.len; n++) load_damaged(text.data, n);
        for (int i = 0; i < 2000; i++) {
            size_t at = rnd() % text.len;
            char was = text.data[at];
            text.data[at] = (char)(rnd() % 3 ? rnd() : 255);
            load_damaged(text.data, text.len);
            text.data[at] = was;
        }
        state_drop(state);
        wr_buf_free(&text);
        wr_batch_drop(o.b);
        wr_batch_drop(in);
        finish();
    }
}

/* Everything once; the first failure comes back. */
static wr_status once(const wr_batch *in, outcome *o, wr_err *err) {
    void *a = NULL, *b = NULL, *bound = call.ctx;
    wr_buf text = {0};
    wr_status s = run->open ? run->open(&call, err) : WR_OK;
    if (s == WR_OK) s = state_new(&a, err);
    for (uint32_t at = 0; at < in->n && s == WR_OK; at += step_of(at))
        s = give(a, in, at, step_of(at), o, err);
    if (s == WR_OK) s = state_save(a, &text, err);
    if (s == WR_OK) s = state_new(&b, err);
    if (s == WR_OK) s = state_load(b, text.data ? text.data : "", text.len, err);
    text.len = 0;
    if (s == WR_OK && run->window) s = say(b, 100, &text, err);
    if (a) state_drop(a);
    if (b) state_drop(b);
    if (run->close) run->close(&call);
    call.ctx = bound;
    wr_buf_free(&text);
    return s;
}

Test(table_fn, no_memory) {
    for (size_t q = 0; q < WR_LEN(all); q++) {
        plan(all[q]);
        wr_batch *in = in_random(72, 50);
        wr_status s = WR_ENOMEM;
        uint64_t n = 1;
        for (; s != WR_OK; n++) {
            wr_err err = {0};
            outcome o = out_new(in->n);
            wr_mem_fail_at(n);
            s = once(in, &o, &err);
            wr_mem_fail_at(0);
            wr_batch_drop(o.b);
            cr_assert(s == WR_OK || s == WR_ENOMEM, "%s: %s", all[q], err.msg);
        }
        cr_assert_gt(n, 2);
        wr_batch_drop(in);
        unplan();
    }
}

/* The operator: open, rows, windows, partitions. */
static wr_status sink_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)err;
    the_rig->rows += b->n;
    return WR_OK;
}
static const wr_op_def sink_def = {.name = "sink", .push = sink_push};

static wr_status feed(wr_batch *in, wr_err *err) {
    WR_TRY(rig_open_node(&r, node, &wri_op_table_fn, &sink_def, err));
    WR_TRY(wri_deliver(&r.op, 0, in, err));
    WR_TRY(wri_watermark(&r.op, 0, 50000, err));
    return wri_watermark(&r.op, 0, WR_WM_END, err);
}

Test(table_fn, operator_without_memory) {
    static const char *const sql[] = {
        "SELECT * FROM TABLE(ANOMALY_ZSCORE(TABLE t PARTITION BY k, DESCRIPTOR(x)));",
        "SELECT * FROM TABLE(GROUP_RANK(TABLE t PARTITION BY k, 's'));",
        "SELECT * FROM TABLE(TOP_K_ITEMS_TUMBLING(TABLE t PARTITION BY k, 's', 5, 1));",
        "SELECT * FROM TABLE(COUNT_DISTINCT_ITEMS_TUMBLING(TABLE t, 's', 1));",
    };
    for (size_t q = 0; q < WR_LEN(sql); q++) {
        plan(sql[q]);
        wr_batch *in = in_random(120, 7);
        wr_status s = WR_ENOMEM;
        for (uint64_t n = 1; s != WR_OK; n++) {
            wr_err err = {0};
            wr_mem_fail_at(n);
            s = feed(in, &err);
            wr_mem_fail_at(0);
            cr_assert(s == WR_OK || s == WR_ENOMEM, "%s: %s", sql[q], err.msg);
            r.op.def->close(&r.op);
        }
        cr_assert(r.rows > 0);
        wr_batch_drop(in);
        unplan();
    }
}

/* Windows: rows of more partitions than may be fail, the others go on, and the next window has room again. */
Test(table_fn, partitions_of_a_window_are_bounded) {
    plan(
        "SELECT * FROM TABLE(TOP_K_ITEMS_TUMBLING(TABLE t PARTITION BY k, 'k', 1, 1, max_partitions => 4));");
    wr_batch *in = in_new(100);
    for (uint32_t i = 0; i < 100; i++) {
        col(in, "ts")->i64[i] = i < 50 ? 10000 : 1010000;
        col(in, "k")->i64[i] = i % 5;
    }
    ok(feed(in, NULL));
    cr_assert_eq(r.op.bad_rows, 20, "%d", (int)r.op.bad_rows);
    cr_assert_eq(r.op.forgotten, 0);
    cr_assert_eq(r.rows, 8, "%d", (int)r.rows);
    wr_batch_drop(in);
    rig_free(&r);
}

/* ---- who is forgotten ---- */

#define KEYS 9
#define ROWS 400

static int64_t got_k[ROWS];
static bool got_new[ROWS];
static uint32_t n_got;

static wr_status look_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)err;
    uint32_t k = 0, expected = 0;
    for (uint32_t c = 0; c < node->out.n; c++) {
        if (strcmp(node->out.fields[c].name, "k") == 0) k = c;
        if (strcmp(node->out.fields[c].name, "EXPECTED") == 0) expected = c;
    }
    for (uint32_t i = 0; i < b->n; i++) {
        got_k[n_got] = b->cols[k].i64[i];
        got_new[n_got++] = wr_is_null(&b->cols[expected], i);
    }
    return WR_OK;
}
static const wr_op_def look_def = {.name = "sink", .push = look_push};

/* However rows come, the partition without a row for longest goes: its next row finds a new state, which has
 * no EXPECTED for it. */
Test(table_fn, the_oldest_partition_is_forgotten) {
    for (uint32_t max = 1; max <= KEYS + 1; max++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT * FROM TABLE(ANOMALY_ZSCORE(TABLE t PARTITION BY k, DESCRIPTOR(x), warmup => 2, "
                 "max_partitions => %u));",
                 max);
        plan(sql);
        wr_batch *in = in_new(ROWS);
        for (uint32_t i = 0; i < ROWS; i++) {
            col(in, "ts")->i64[i] = 1000 * (1 + i / 3); /* several of one time */
            col(in, "k")->i64[i] = rnd() % 3 ? (int64_t)(rnd() % KEYS) : (int64_t)(rnd() % 3);
        }
        uint32_t rows[KEYS] = {0}, newest[KEYS] = {0}, live = 0;
        uint64_t gone = 0;
        bool want_new[ROWS];
        for (uint32_t i = 0; i < ROWS; i++) {
            uint32_t k = (uint32_t)col(in, "k")->i64[i], old = KEYS;
            for (uint32_t j = 0; j < KEYS; j++)
                if (rows[j] && (old == KEYS || newest[j] < newest[old])) old = j;
            if (rows[k] == 0 && live == max) {
                rows[old] = 0;
                live--;
                gone++;
            }
            live += rows[k] == 0;
            want_new[i] = rows[k]++ == 0;
            newest[k] = i;
        }
        for (uint32_t step = 1; step <= ROWS;
             step = step * 7 + 1) { /* rows that the watermark lets go at a time */
            n_got = 0;
            ok(rig_open_node(&r, node, &wri_op_table_fn, &look_def, NULL));
            ok(wri_deliver(&r.op, 0, in, NULL));
            for (uint32_t i = step; i < ROWS; i += step)
                ok(wri_watermark(&r.op, 0, col(in, "ts")->i64[i], NULL));
            ok(wri_watermark(&r.op, 0, WR_WM_END, NULL));
            cr_assert_eq(n_got, ROWS);
            for (uint32_t i = 0; i < ROWS; i++) {
                cr_assert_eq(got_k[i], col(in, "k")->i64[i]);
                cr_assert_eq(got_new[i], want_new[i], "max %u, step %u, row %u", max, step, i);
            }
            cr_assert_eq(r.op.forgotten, gone, "max %u: %d", max, (int)r.op.forgotten);
            cr_assert_eq(r.op.bad_rows, 0);
            r.op.def->close(&r.op);
        }
        wr_batch_drop(in);
        unplan();
    }
}

/* Functions of whole times have more for the length of a time, and no fewer afterwards than may be. */
Test(table_fn, times_are_not_cut_for_want_of_room) {
    plan("SELECT * FROM TABLE(GROUP_RANK(TABLE t PARTITION BY k, 's', max_partitions => 2));");
    wr_batch *in = in_new(100);
    for (uint32_t i = 0; i < 100; i++) {
        col(in, "ts")->i64[i] = 1000 * (1 + i / 10);
        col(in, "k")->i64[i] = i % 5;
    }
    ok(feed(in, NULL));
    cr_assert_eq(r.rows, 100);
    cr_assert_eq(r.op.bad_rows, 0);
    cr_assert_gt(r.op.forgotten, 0);
    wr_batch_drop(in);
    rig_free(&r);
}

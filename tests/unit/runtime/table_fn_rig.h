/* tests/unit/runtime/table_fn_rig.h -- a table function by itself: states, rows, what it says. */
#ifndef TABLE_FN_RIG_H
#define TABLE_FN_RIG_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "op_rig.h"
#include "runtime/tablefns/tablefn.h"
#include "tests/unit/random.h"

#define STREAM                                                                                               \
    "CREATE STREAM t (ts TIMESTAMP(3), k BIGINT, x DOUBLE, y DOUBLE, d DECIMAL(9,2), s VARCHAR, WATERMARK "  \
    "FOR ts AS ts) "                                                                                         \
    "WITH (connector = 'file', path = 'none', format = 'json', tail = 'true');\n"

static inline double unit(void) { return (double)(rnd() % 1000003) / 1000003; }
static inline double normal(void) {
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += unit();
    return sum - 6;
}

static rig r;
static const wr_node *node;
static wr_table_call call;
static const wr_table_run *run;

static inline void ok(wr_status s) { cr_assert_eq(s, WR_OK); }

static inline void plan(const char *sql) {
    rig_plan_of(&r, STREAM, sql);
    node = rig_node(&r, WR_N_TABLE_FN);
    call = *node->table;
    run = call.fn->run;
}

static inline void unplan(void) {
    wr_free(r.task.sides);
    wr_arena_free(&r.ar);
}

static inline void begin(const char *sql) {
    plan(sql);
    if (run->open) ok(run->open(&call, NULL));
}

static inline void finish(void) {
    if (run->close) run->close(&call);
    unplan();
}

static inline wr_status state_new(void **statep, wr_err *err) {
    if (run->make) return run->make(&call, statep, err);
    *statep = wr_calloc(1, run->state_bytes);
    return *statep ? WR_OK : wr_fail_oom(err, "test");
}

static inline void state_drop(void *state) {
    if (run->drop) run->drop(&call, state);
    else wr_free(state);
}

static inline wr_status state_save(const void *state, wr_buf *to, wr_err *err) {
    to->len = 0;
    return run->save ? run->save(&call, state, to, err) : wr_buf_put(to, state, run->state_bytes);
}

static inline wr_status state_load(void *state, const char *p, size_t n, wr_err *err) {
    if (run->load) return run->load(&call, state, p, n, err);
    return n == run->state_bytes ? WR_OK : wr_table_broken(&call, err);
}

/* ---- rows ---- */

static inline wr_batch *in_new(uint32_t n) {
    const wr_schema *in = &node->in[0]->out;
    wr_batch *b;
    ok(wr_batch_new(in->n, n, &b, NULL));
    b->n = n;
    b->split = 0;
    for (uint32_t c = 0; c < in->n; c++) {
        ok(wr_batch_col(b, c, wr_type_phys(in->fields[c].type), NULL));
        memset(b->cols[c].data, 0, n * (b->cols[c].phys == WR_STR ? sizeof(wr_str) : 8));
    }
    return b;
}

static inline wr_col *col(wr_batch *b, const char *name) {
    const wr_schema *in = &node->in[0]->out;
    for (uint32_t c = 0; c < in->n; c++)
        if (strcmp(in->fields[c].name, name) == 0) return &b->cols[c];
    cr_assert_fail("no column %s", name);
    return NULL;
}

static inline bool has(const char *name) {
    const wr_schema *in = &node->in[0]->out;
    for (uint32_t c = 0; c < in->n; c++)
        if (strcmp(in->fields[c].name, name) == 0) return true;
    return false;
}

static inline void set_null(wr_batch *b, const char *name, uint32_t i) {
    wr_col *c = col(b, name);
    cr_assert_not_null(wr_batch_nulls(b, c));
    wr_bit_set(c->nulls, i);
}

/* Random rows of all columns there are; some NULL. Times rise; several rows have one. */
static inline wr_batch *in_random(uint32_t n, uint64_t values) {
    wr_batch *b = in_new(n);
    const wr_schema *in = &node->in[0]->out;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < in->n; c++) {
            char text[64];
            wr_col *to = &b->cols[c];
            uint64_t v = rnd() % values;
            snprintf(text, sizeof text, "%d is longer than fits in a view", (int)v);
            if (to->phys == WR_STR) ok(wr_batch_str(b, text, v % 2 ? strlen(text) : 2, &to->str[i], NULL));
            else if (to->phys == WR_F64) to->f64[i] = normal() * 3 + (double)v;
            else to->i64[i] = (int64_t)v;
            if (strcmp(in->fields[c].name, "ts") == 0) to->i64[i] = (int64_t)(i / 3) * 1000;
            else if (rnd() % 40 == 0) set_null(b, in->fields[c].name, i);
        }
    return b;
}

typedef struct outcome {
    wr_batch *b; /* columns as the operator's */
    uint32_t *order;
    uint32_t n_order;
} outcome;

static inline outcome out_new(uint32_t n) {
    outcome o = {0};
    ok(wr_batch_new(node->out.n, n, &o.b, NULL));
    o.b->n = n;
    for (uint32_t c = 0; c < node->out.n; c++)
        ok(wr_batch_col(o.b, c, wr_type_phys(node->out.fields[c].type), NULL));
    o.order = wr_arena_calloc(&o.b->arena, (n + 1) * sizeof *o.order);
    cr_assert_not_null(o.order);
    return o;
}

/* Rows from..from + n of in. */
static inline wr_status give(void *state, const wr_batch *in, uint32_t from, uint32_t n, outcome *o,
                             wr_err *err) {
    uint32_t *idx = wr_arena_alloc(&o->b->arena, (n + 1) * sizeof *idx), n_order = 0;
    if (!idx) return wr_fail_oom(err, "test");
    for (uint32_t i = 0; i < n; i++) idx[i] = from + i;
    wr_table_rows rows = {.in = in,
                          .idx = idx,
                          .n = n,
                          .out = o->b,
                          .first = node->out.n - call.n_added,
                          .order = o->order + o->n_order,
                          .n_orderp = &n_order};
    rows.failed = wr_arena_calloc(&o->b->arena, (wr_bitmap_words(in->n) + 1) * 8);
    rows.whys = wr_arena_calloc(&o->b->arena, (in->n + 1) * sizeof *rows.whys);
    if (!rows.failed || !rows.whys) return wr_fail_oom(err, "test");
    wr_status s = run->rows(&call, state, &rows, err);
    o->n_order += n_order;
    return s;
}

/* What the window has to say, as text. */
static inline wr_status say(void *state, uint32_t most, wr_buf *to, wr_err *err) {
    wr_table_window w = {.start_us = 0, .end_us = call.window_us};
    do {
        wr_status s = wr_batch_new(call.n_added, most, &w.out, err);
        for (uint32_t c = 0; c < call.n_added && s == WR_OK; c++)
            s = wr_batch_col(w.out, c, wr_type_phys(call.added[c].type), err);
        w.n = 0;
        w.row = 0;
        w.most = most;
        w.more = false;
        if (s == WR_OK) s = run->window(&call, state, &w, err);
        for (uint32_t i = 0; i < w.n && s == WR_OK; i++)
            for (uint32_t c = 0; c < call.n_added && s == WR_OK; c++) {
                const wr_col *v = &w.out->cols[c];
                const char *end = c + 1 == call.n_added ? "\n" : " ";
                if (v->phys == WR_I64) s = wr_buf_printf(to, "%lld%s", (long long)v->i64[i], end);
                else s = wr_buf_printf(to, "%.*s%s", (int)v->str[i].len, wr_str_data(&v->str[i]), end);
            }
        w.given += w.n;
        wr_batch_drop(w.out);
        if (s != WR_OK) return s;
        cr_assert(w.n > 0 || !w.more);
    } while (w.more);
    return WR_OK;
}

static inline wr_col *added(const outcome *o, uint32_t k) {
    return &o->b->cols[node->out.n - call.n_added + k];
}

static inline void same_rows(const outcome *a, const outcome *b, uint32_t n) {
    for (uint32_t k = 0; k < call.n_added; k++)
        for (uint32_t i = 0; i < n; i++) {
            const wr_col *x = added(a, k), *y = added(b, k);
            cr_assert_eq(wr_is_null(x, i), wr_is_null(y, i), "row %u", i);
            if (wr_is_null(x, i)) continue;
            if (x->phys == WR_STR) cr_assert(wr_str_eq(&x->str[i], &y->str[i]), "row %u", i);
            else cr_assert_eq(x->i64[i], y->i64[i], "row %u: not the same bit by bit", i);
        }
    cr_assert_eq(a->n_order, b->n_order);
    cr_assert_eq(memcmp(a->order, b->order, a->n_order * sizeof *a->order), 0);
}

#endif

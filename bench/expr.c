/* bench/expr.c -- nanoseconds per row of expressions over 4,096-row batches, by kernel, SQLite and once per
 * value.
 *
 *   bench/expr [--rows N]      least of 7 rounds; columns in cache, results into a fresh batch each time */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/expr/expr.h"

#define ROWS  4096
#define PAGES 1000

static wr_arena ar;

static wr_expr *node(wr_xkind k, wr_kind t, uint32_t n) {
    wr_expr *e = wr_arena_calloc(&ar, sizeof *e);
    e->kind = k;
    e->type = wr_type_of(t);
    e->args = wr_arena_calloc(&ar, (n + 1) * sizeof *e->args);
    e->n_args = n;
    return e;
}
static wr_expr *op(wr_xop o, wr_kind t, uint32_t n, wr_expr *a, wr_expr *b, wr_expr *c) {
    wr_expr *e = node(WR_X_OP, t, n), *args[3] = {a, b, c};
    e->op = o;
    for (uint32_t i = 0; i < n; i++) e->args[i] = args[i];
    return e;
}
static wr_expr *col(uint32_t c, wr_kind t) {
    wr_expr *e = node(WR_X_COL, t, 0);
    e->col = c;
    return e;
}
static wr_expr *num(int64_t v) {
    wr_expr *e = node(WR_X_CONST, WR_T_BIGINT, 0);
    e->value.i64 = v;
    return e;
}
static wr_expr *dbl(double v) {
    wr_expr *e = node(WR_X_CONST, WR_T_DOUBLE, 0);
    e->value.f64 = v;
    return e;
}
static wr_expr *text(const char *s) {
    wr_expr *e = node(WR_X_CONST, WR_T_VARCHAR, 0);
    e->value.str = wr_str_make(s, strlen(s));
    return e;
}
static wr_expr *call(const char *name, wr_kind t, uint32_t n, wr_expr *a, wr_expr *b, wr_expr *c) {
    wr_expr *e = op(WR_OP_ADD, t, n, a, b, c);
    e->kind = WR_X_FUNC;
    for (size_t i = 0; i < wr_n_builtin_funcs; i++)
        if (strcmp(wr_builtin_funcs[i]->name, name) == 0) e->func = wr_builtin_funcs[i];
    if (!e->func) exit(1);
    return e;
}

/* event_time, page, status, latency_ms, bytes, country */
static wr_field fields[] = {{"event_time", {.kind = WR_T_TIMESTAMP, .prec = 3}, NULL},
                            {"page", {.kind = WR_T_VARCHAR}, NULL},
                            {"status", {.kind = WR_T_INTEGER}, NULL},
                            {"latency_ms", {.kind = WR_T_DOUBLE}, NULL},
                            {"bytes", {.kind = WR_T_BIGINT}, NULL},
                            {"country", {.kind = WR_T_VARCHAR}, NULL}};
static const wr_schema schema = {6, fields};

static wr_batch *make_batch(wr_dict *dict) {
    wr_batch *b;
    if (wr_batch_new(6, ROWS, &b, NULL) != WR_OK) exit(1);
    b->n = ROWS;
    for (uint32_t c = 0; c < 6; c++)
        if (wr_batch_col(b, c, wr_type_phys(fields[c].type), NULL) != WR_OK) exit(1);
    b->cols[1].codes = wr_arena_alloc(&b->arena, ROWS * sizeof(uint32_t));
    b->cols[1].dict = dict;
    for (uint32_t i = 0; i < ROWS; i++) {
        uint64_t r = wr_hash_u64(i + 1);
        b->cols[0].i64[i] = 1767225600000000 + (int64_t)i * 1000;
        b->cols[1].codes[i] = (uint32_t)(r % PAGES);
        b->cols[1].str[i] = dict->values[r % PAGES];
        b->cols[2].i64[i] = (r >> 10) % 10 == 0 ? 500 : 200;
        b->cols[3].f64[i] = (double)(r >> 20 & 0xffff) / 8;
        b->cols[4].i64[i] = (int64_t)(r >> 40 & 0xfffff);
        b->cols[5].str[i] = wr_str_make(r >> 60 & 1 ? "DE" : "US", 2);
    }
    return b;
}

static double run(const wr_eval_opts *opts, wr_expr *e, wr_batch *in, uint32_t batches) {
    wr_eval *ev;
    wr_row_errors errs = {0};
    wr_err err;
    uint32_t zero = 0;
    if (wr_eval_new(&e, 1, &schema, opts, &ev, &err) != WR_OK) return -1;
    double best = 1e9;
    wr_batch *out;
    if (wr_batch_new(1, ROWS, &out, NULL) != WR_OK) exit(1);
    for (int round = 0; round < 8; round++) {
        int64_t t = wr_sys_real.mono_us();
        for (uint32_t b = 0; b < batches; b++) {
            if (wr_batch_reset(out, 1) != WR_OK) exit(1);
            if (wr_eval_run(ev, in, out, &zero, &errs, &err) != WR_OK) {
                fprintf(stderr, "%s\n", err.msg);
                exit(1);
            }
        }
        double ns = (double)(wr_sys_real.mono_us() - t) * 1000 / ((double)batches * ROWS);
        if (round > 0 && ns < best) best = ns; /* the first round warms up */
    }
    wr_batch_drop(out);
    wr_row_errors_free(&errs);
    wr_eval_free(ev);
    return best;
}

static void line(const char *name, wr_expr *e, wr_batch *in, uint32_t batches) {
    static const wr_eval_opts kernel = {.no_dict = true}, sqlite = {.sqlite_only = true, .no_dict = true},
                              lifted = {0};
    double s = run(&sqlite, e, in, batches / 20 + 1);
    printf("%-34s %10.2f %10.1f %10.2f %10.1f\n", name, run(&kernel, e, in, batches), s,
           run(&lifted, e, in, batches), 1000 / s);
}

int main(int argc, char **argv) {
    uint32_t rows =
        argc > 2 && strcmp(argv[1], "--rows") == 0 ? (uint32_t)strtoul(argv[2], NULL, 10) : 4000000;
    wr_dict *dict = wr_dict_new();
    for (int i = 0; i < PAGES; i++) {
        char page[32];
        int n = snprintf(page, sizeof page, "/products/item-%04d", i);
        uint32_t code;
        wr_str s = wr_str_make(page, (size_t)n);
        if (wr_dict_add(dict, &s, &code) != WR_OK) return 1;
    }
    wr_batch *in = make_batch(dict);
    uint32_t n = rows / ROWS + 1;
    wr_expr *status = col(2, WR_T_INTEGER), *page = col(1, WR_T_VARCHAR), *bytes = col(4, WR_T_BIGINT),
            *ms = col(3, WR_T_DOUBLE);
    printf("%-34s %10s %10s %10s %10s\n", "ns per row", "kernel", "sqlite", "lifted", "sqlite M/s");
    line("status", op(WR_OP_IS_DISTINCT, WR_T_BOOLEAN, 2, status, num(0), NULL), in, n);
    line("status >= 400", op(WR_OP_GE, WR_T_BOOLEAN, 2, status, num(400), NULL), in, n);
    line("bytes * 8", op(WR_OP_MUL, WR_T_BIGINT, 2, bytes, num(8), NULL), in, n);
    line("bytes * 8 + bytes / 1000",
         op(WR_OP_ADD, WR_T_BIGINT, 2, op(WR_OP_MUL, WR_T_BIGINT, 2, bytes, num(8), NULL),
            op(WR_OP_DIV, WR_T_BIGINT, 2, bytes, num(1000), NULL), NULL),
         in, n);
    line("latency_ms / 1000", op(WR_OP_DIV, WR_T_DOUBLE, 2, ms, dbl(1000), NULL), in, n);
    wr_expr *bad = op(WR_OP_GE, WR_T_BOOLEAN, 2, status, num(500), NULL),
            *slow = op(WR_OP_GT, WR_T_BOOLEAN, 2, ms, dbl(4000), NULL);
    wr_expr *c = node(WR_X_OP, WR_T_VARCHAR, 5);
    c->op = WR_OP_CASE;
    c->args[0] = bad;
    c->args[1] = text("error");
    c->args[2] = slow;
    c->args[3] = text("slow");
    c->args[4] = text("ok");
    line("CASE WHEN … THEN 'error' …", c, in, n);
    line("status >= 500 AND latency_ms > 4000", op(WR_OP_AND, WR_T_BOOLEAN, 2, bad, slow, NULL), in, n);
    line("page = '/products/item-0042'",
         op(WR_OP_EQ, WR_T_BOOLEAN, 2, page, text("/products/item-0042"), NULL), in, n);
    line("page LIKE '%item-00%'", op(WR_OP_LIKE, WR_T_BOOLEAN, 2, page, text("%item-00%"), NULL), in, n);
    line("UPPER(page)", call("UPPER", WR_T_VARCHAR, 1, page, NULL, NULL), in, n);
    wr_expr *floor = op(WR_OP_FLOOR_UNIT, WR_T_TIMESTAMP, 1, col(0, WR_T_TIMESTAMP), NULL, NULL);
    floor->unit = WR_U_MINUTE;
    line("FLOOR(event_time TO MINUTE)", floor, in, n);
    line("CAST(bytes AS VARCHAR)", op(WR_OP_CAST, WR_T_VARCHAR, 1, bytes, NULL, NULL), in, n / 4 + 1);
    line("country IN ('DE', 'FR', 'US')",
         op(WR_OP_IN, WR_T_BOOLEAN, 3, col(5, WR_T_VARCHAR), text("DE"), text("FR")), in, n);
    wr_batch_drop(in);
    wr_drop(&dict->ref);
    wr_arena_free(&ar);
    return 0;
}

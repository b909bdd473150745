/* tests/unit/runtime/test_expr_eval.c -- the evaluator: batches of changing size, sharing, filters,
 * dictionaries, failed rows, folding, out of memory at every allocation. */
#include <stdio.h>

#include "expr_help.h"

static wr_field fields[] = {{"n", {.kind = WR_T_BIGINT}, NULL},
                            {"s", {.kind = WR_T_VARCHAR}, NULL},
                            {"b", {.kind = WR_T_BOOLEAN}, NULL}};
static const wr_schema schema = {3, fields};

#define N    xcol(0, xt(WR_T_BIGINT))
#define S    xcol(1, xt(WR_T_VARCHAR))
#define I(v) xi(WR_T_BIGINT, v)

/* Row i: n = i (NULL every 7th), s = "value number <i % 5>", b = i odd. */
static wr_batch *batch(uint32_t n, wr_dict *dict) {
    wr_batch *b;
    cr_assert_eq(wr_batch_new(3, n, &b, NULL), WR_OK);
    b->n = n;
    for (uint32_t c = 0; c < 3; c++)
        cr_assert_eq(wr_batch_col(b, c, wr_type_phys(fields[c].type), NULL), WR_OK);
    if (dict) {
        b->cols[1].codes = wr_arena_alloc(&b->arena, (n + 1) * sizeof(uint32_t));
        b->cols[1].dict = dict;
    }
    for (uint32_t i = 0; i < n; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "value number %u", i % 5);
        b->cols[0].i64[i] = i;
        if (i % 7 == 0 && wr_batch_nulls(b, &b->cols[0])) wr_bit_set(b->cols[0].nulls, i);
        b->cols[2].i64[i] = i & 1;
        cr_assert_eq(wr_batch_str(b, text, (size_t)len, &b->cols[1].str[i], NULL), WR_OK);
        if (!dict) continue;
        uint32_t code = 0;
        while (code < dict->n && !wr_str_eq(&dict->values[code], &b->cols[1].str[i])) code++;
        if (code == dict->n) cr_assert_eq(wr_dict_add(dict, &b->cols[1].str[i], &code), WR_OK);
        b->cols[1].codes[i] = code;
    }
    return b;
}

static wr_eval *eval(wr_expr *const *exprs, uint32_t n, const wr_eval_opts *opts) {
    wr_eval *ev;
    wr_err err;
    cr_assert_eq(wr_eval_new(exprs, n, &schema, opts, &ev, &err), WR_OK, "%s", err.msg);
    return ev;
}

static wr_batch *run(wr_eval *ev, wr_batch *in, uint32_t n, wr_row_errors *errs) {
    static const uint32_t cols[] = {0, 1, 2, 3, 4};
    wr_batch *out;
    wr_err err;
    cr_assert_eq(wr_batch_new(n, in->n, &out, &err), WR_OK);
    cr_assert_eq(wr_eval_run(ev, in, out, cols, errs, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(out->n, in->n);
    return out;
}

static bool text_is(const wr_str *s, const char *want) {
    return s->len == strlen(want) && memcmp(wr_str_data(s), want, s->len) == 0;
}

Test(expr_eval, batches_of_changing_size) {
    wr_expr *exprs[] = {xint(ADD, N, I(1)), xfn("UPPER", xt(WR_T_VARCHAR), S)};
    for (int sqlite = 0; sqlite < 2; sqlite++) {
        wr_eval *ev = eval(exprs, 2, &(wr_eval_opts){.sqlite_only = sqlite});
        wr_row_errors errs = {0};
        static const uint32_t sizes[] = {0, 1, 63, 64, 65, 4096, 3, 5000, 0, 128};
        for (size_t k = 0; k < WR_LEN(sizes); k++) {
            wr_batch *in = batch(sizes[k], NULL), *out = run(ev, in, 2, &errs);
            wr_batch_drop(in); /* out keeps what it needs */
            cr_assert_eq(errs.n, 0);
            for (uint32_t i = 0; i < sizes[k]; i++) {
                cr_assert_eq(wr_is_null(&out->cols[0], i), i % 7 == 0);
                cr_assert_eq(out->cols[0].i64[i], i % 7 == 0 ? 0 : i + 1);
                char want[32];
                snprintf(want, sizeof want, "VALUE NUMBER %u", i % 5);
                cr_assert(text_is(&out->cols[1].str[i], want));
            }
            wr_batch_drop(out);
        }
        wr_row_errors_free(&errs);
        wr_eval_free(ev);
    }
}

Test(expr_eval, bare_columns_are_shared_and_outlive_the_input) {
    wr_expr *exprs[] = {S, N, xfn("SUBSTRING", xt(WR_T_VARCHAR), S, I(1), I(14))};
    wr_eval *ev = eval(exprs, 3, NULL);
    wr_row_errors errs = {0};
    wr_batch *in = batch(10, NULL);
    const wr_str *strs = in->cols[1].str;
    wr_batch *out = run(ev, in, 3, &errs);
    wr_batch_drop(in);
    cr_assert_eq(out->cols[0].str, strs);
    cr_assert(wr_is_null(&out->cols[1], 7));
    cr_assert(text_is(&out->cols[2].str[4], "value number 4")); /* a view into the input's bytes */
    cr_assert_str_eq(wr_eval_runs_on(ev, 0), "column");
    cr_assert_str_eq(wr_eval_runs_on(ev, 2), "kernel");
    wr_batch_drop(out);
    wr_row_errors_free(&errs);
    wr_eval_free(ev);
}

Test(expr_eval, a_batch_may_be_its_own_output) {
    wr_expr *exprs[] = {N, xint(MUL, N, I(2))};
    wr_eval *ev = eval(exprs, 2, NULL);
    wr_row_errors errs = {0};
    wr_batch *in = batch(100, NULL);
    static const uint32_t cols[] = {0, 2};
    cr_assert_eq(wr_eval_run(ev, in, in, cols, &errs, NULL), WR_OK);
    cr_assert_eq(in->cols[2].i64[3], 6);
    cr_assert_eq(in->ref.count, 1); /* it does not hold itself */
    wr_batch_drop(in);
    wr_row_errors_free(&errs);
    wr_eval_free(ev);
}

Test(expr_eval, failed_rows_are_rising_and_null_everywhere) {
    wr_expr *by = xint(MOD, N, I(3));
    wr_expr *exprs[] = {xint(ADD, N, I(1)), xint(DIV, I(6), by), xint(DIV, I(6), xint(SUB, N, I(5)))};
    for (int sqlite = 0; sqlite < 2; sqlite++) {
        wr_eval *ev = eval(exprs, 3, &(wr_eval_opts){.sqlite_only = sqlite});
        wr_row_errors errs = {0};
        wr_batch *in = batch(70, NULL), *out = run(ev, in, 3, &errs);
        uint32_t k = 0;
        for (uint32_t i = 0; i < 70; i++) {
            bool bad = i % 7 != 0 && (i % 3 == 0 || i == 5);
            if (bad) {
                cr_assert_lt(k, errs.n);
                cr_assert_eq(errs.rows[k], i);
                cr_assert_str_eq(errs.whys[k], "division by zero");
                k++;
            }
            for (uint32_t c = 0; c < 3; c++) cr_assert_eq(wr_is_null(&out->cols[c], i), bad || i % 7 == 0);
        }
        cr_assert_eq(k, errs.n);
        wr_batch_drop(out);
        wr_batch_drop(in);
        wr_row_errors_free(&errs);
        wr_eval_free(ev);
    }
}

Test(expr_eval, filter_takes_only_true) {
    wr_expr *pred = xbool(AND, xbool(GT, N, I(3)), xbool(LT, xint(DIV, I(100), xint(SUB, N, I(8))), I(50)));
    for (int sqlite = 0; sqlite < 2; sqlite++) {
        wr_eval *ev = eval(&pred, 1, &(wr_eval_opts){.sqlite_only = sqlite});
        wr_row_errors errs = {0};
        wr_batch *in = batch(12, NULL);
        uint32_t idx[12], n;
        cr_assert_eq(wr_eval_filter(ev, in, idx, &n, &errs, NULL), WR_OK);
        static const uint32_t want[] = {4, 5, 6, 11}; /* 7 is NULL, 8 fails, 9 and 10 give 50 or more */
        cr_assert_eq(n, WR_LEN(want));
        cr_assert_arr_eq(idx, want, sizeof want);
        cr_assert_eq(errs.n, 1);
        cr_assert_eq(errs.rows[0], 8);
        wr_batch_drop(in);
        wr_row_errors_free(&errs);
        wr_eval_free(ev);
    }
    wr_expr *b = xcol(2, xt(WR_T_BOOLEAN));
    wr_eval *ev = eval(&b, 1, NULL);
    wr_row_errors errs = {0};
    wr_batch *in = batch(5, NULL);
    uint32_t idx[5], n;
    cr_assert_eq(wr_eval_filter(ev, in, idx, &n, &errs, NULL), WR_OK);
    cr_assert_eq(n, 2);
    wr_batch_drop(in);
    wr_eval_free(ev);
}

/* ---- once per distinct value ---- */

Test(expr_eval, dictionary_values_are_evaluated_once) {
    /* The last character as a number: it fails for the values that end otherwise. */
    wr_expr *last = xfn("RIGHT", xt(WR_T_VARCHAR), S, I(1));
    wr_expr *exprs[] = {xfn("UPPER", xt(WR_T_VARCHAR), S), xint(DIV, I(60), xcast(xt(WR_T_BIGINT), last))};
    for (int sqlite = 0; sqlite < 2; sqlite++) {
        wr_dict *dict = wr_dict_new(), *other = wr_dict_new();
        wr_eval *ev = eval(exprs, 2, &(wr_eval_opts){.sqlite_only = sqlite});
        wr_row_errors errs = {0};
        wr_batch *out[4];
        for (int k = 0; k < 4; k++) { /* the dictionary grows, another comes between */
            wr_batch *in = batch(k == 0 ? 2 : 50, k == 2 ? other : dict);
            if (k == 3 && wr_batch_nulls(in, &in->cols[1])) {
                wr_bit_set(in->cols[1].nulls, 6);
                in->cols[1].codes[6] = UINT32_MAX - 1; /* codes under NULL mean nothing */
            }
            out[k] = run(ev, in, 2, &errs);
            cr_assert_eq(errs.n, k == 0 ? 1 : 10);
            cr_assert_str_eq(errs.whys[0], "division by zero");
            wr_batch_drop(in);
        }
        wr_drop(&dict->ref);
        wr_drop(&other->ref);
        wr_row_errors_free(&errs);
        wr_eval_free(ev); /* the results stay */
        for (int k = 0; k < 4; k++) {
            for (uint32_t i = 0; i < out[k]->n; i++) {
                bool null = i % 5 == 0 || (k == 3 && i == 6);
                cr_assert_eq(wr_is_null(&out[k]->cols[0], i), null);
                if (null) continue;
                char want[32];
                snprintf(want, sizeof want, "VALUE NUMBER %u", i % 5);
                cr_assert(text_is(&out[k]->cols[0].str[i], want));
                cr_assert_eq(out[k]->cols[1].i64[i], 60 / (i % 5));
            }
            wr_batch_drop(out[k]);
        }
    }
}

static uint32_t calls;
static const char *counted(struct wri_call *c, const wr_value *a, wr_value *outp) {
    (void)c;
    calls++;
    outp->str = a[0].str;
    return NULL;
}

/* What two expressions have in common, as the fields of a row do, is computed once a row; over a dictionary,
 * once a value. */
Test(expr_eval, common_parts_are_evaluated_once) {
    static const wr_func_def def = {.name = "COUNTED", .signature = "s:s", .fn = counted};
    wr_expr *part = xfn("UPPER", xt(WR_T_VARCHAR), S), *again = xfn("UPPER", xt(WR_T_VARCHAR), S);
    part->func = again->func = &def;
    wr_expr *exprs[] = {xfn("LEFT", xt(WR_T_VARCHAR), part, I(5)),
                        xfn("RIGHT", xt(WR_T_VARCHAR), again, I(1))};
    for (int coded = 0; coded < 2; coded++) {
        wr_dict *dict = wr_dict_new();
        wr_eval *ev = eval(exprs, 2, NULL);
        wr_row_errors errs = {0};
        calls = 0;
        wr_batch *in = batch(50, coded ? dict : NULL), *out = run(ev, in, 2, &errs);
        cr_expect_eq(calls, coded ? 5 : 50, "%u calls", calls);
        cr_assert(text_is(&out->cols[0].str[7], "value") && text_is(&out->cols[1].str[7], "2"));
        wr_batch_drop(out);
        wr_batch_drop(in);
        wr_drop(&dict->ref);
        wr_row_errors_free(&errs);
        wr_eval_free(ev);
    }
}

/* ---- for the planner ---- */

Test(expr_eval, folding) {
    wr_arena ar = {0};
    wr_value v;
    wr_err err;
    cr_assert_eq(wr_eval_fold(xint(ADD, I(2), I(3)), &ar, &v, &err), WR_OK);
    cr_assert_eq(v.i64, 5);
    cr_assert_eq(wr_eval_fold(xfn("REPEAT", xt(WR_T_VARCHAR), xs("ab"), I(20)), &ar, &v, &err), WR_OK);
    cr_assert_eq(v.str.len, 40);
    cr_assert_eq(wr_eval_fold(xfn("SOUNDEX", xt(WR_T_VARCHAR), xs("Robert")), &ar, &v, &err), WR_OK);
    cr_assert(text_is(&v.str, "R163"));
    cr_assert_eq(wr_eval_fold(xint(ADD, I(2), xnull(xt(WR_T_BIGINT))), &ar, &v, &err), WR_OK);
    cr_assert(v.null);
    cr_assert_eq(wr_eval_fold(xint(DIV, I(2), I(0)), &ar, &v, &err), WR_EDATA);
    cr_assert_str_eq(err.msg, "division by zero");
    wr_arena_free(&ar);
}

Test(expr_eval, where_it_runs) {
    wr_arena ar = {0};
    cr_assert_str_eq(wr_expr_runs_on(xint(ADD, N, I(1)), &schema, &ar), "kernel");
    cr_assert_str_eq(wr_expr_runs_on(xfn("UPPER", xt(WR_T_VARCHAR), S), &schema, &ar),
                     "kernel, once per distinct value of s");
    cr_assert_str_eq(wr_expr_runs_on(xfn("SOUNDEX", xt(WR_T_VARCHAR), S), &schema, &ar),
                     "sqlite, once per distinct value of s");
    cr_assert_str_eq(wr_expr_runs_on(xfn("FORMAT", xt(WR_T_VARCHAR), xs("%d"), N), &schema, &ar), "sqlite");
    wr_arena_free(&ar);
}

Test(expr_eval, clock_and_chance_are_injected) {
    wr_expr *exprs[] = {xfn("CURRENT_TIMESTAMP", xt(WR_T_TIMESTAMP), xs("")),
                        xfn("UUID", xt(WR_T_VARCHAR), xs(""))};
    exprs[0]->n_args = exprs[1]->n_args = 0;
    wr_eval *ev = eval(exprs, 2, NULL);
    wr_row_errors errs = {0};
    wr_batch *in = batch(2, NULL), *out = run(ev, in, 2, &errs);
    cr_assert_eq(out->cols[0].i64[0], out->cols[0].i64[1]); /* one time for a batch */
    cr_assert(!wr_str_eq(&out->cols[1].str[0], &out->cols[1].str[1]));
    cr_assert_eq(out->cols[1].str[0].len, 36);
    wr_batch_drop(out);
    wr_batch_drop(in);
    wr_row_errors_free(&errs);
    wr_eval_free(ev);
}

/* ---- memory ---- */

static wr_status all_of_it(wr_expr *const *exprs, uint32_t n, const wr_eval_opts *opts, wr_batch *in) {
    static const uint32_t cols[] = {0, 1, 2, 3, 4, 5};
    wr_err err;
    wr_eval *ev = NULL;
    wr_batch *out = NULL;
    wr_row_errors errs = {0};
    wr_status s = wr_eval_new(exprs, n, &schema, opts, &ev, &err);
    if (s == WR_OK) s = wr_batch_new(n, in->n, &out, &err);
    if (s == WR_OK) s = wr_eval_run(ev, in, out, cols, &errs, &err);
    wr_batch_drop(out);
    wr_row_errors_free(&errs);
    wr_eval_free(ev);
    return s;
}

Test(expr_eval, every_allocation_may_fail) {
    wr_expr *list = xbool(IN, N, I(1), I(2), I(3), I(4), I(5), I(6), I(7), I(8), I(9), I(10));
    wr_expr *exprs[] = {
        xint(DIV, I(100), N),
        xfn("UPPER", xt(WR_T_VARCHAR), S),
        xop(CASE, xt(WR_T_VARCHAR), xbool(LIKE, S, xs("%r 2")), xop(CONCAT, xt(WR_T_VARCHAR), S, S), S),
        list,
        xbool(OR, xbool(GT, N, I(3)), xbool(LIKE, S, S)),
        xcast(xt(WR_T_BIGINT), S)};
    wr_dict *dict = wr_dict_new();
    wr_batch *in = batch(30, NULL), *coded = batch(30, dict);
    static const wr_eval_opts ways[] = {{.no_dict = true}, {0}, {.sqlite_only = true}};
    for (size_t w = 0; w < WR_LEN(ways); w++) {
        wr_batch *b = w == 1 ? coded : in;
        uint64_t n = 1;
        for (;; n++) {
            wr_mem_fail_at(n);
            wr_status s = all_of_it(exprs, 6, &ways[w], b);
            wr_mem_fail_at(0);
            if (s == WR_OK) break;
            cr_assert_eq(s, WR_ENOMEM, "allocation %lu gives %d", (unsigned long)n, s);
            cr_assert_lt(n, 5000);
        }
        cr_assert_gt(n, 20);
        cr_assert_eq(all_of_it(exprs, 6, &ways[w], b), WR_OK);
    }
    wr_batch_drop(in);
    wr_batch_drop(coded);
    wr_drop(&dict->ref);
}

/* tests/unit/planner/bind_test.c -- see bind_test.h. */
#include "bind_test.h"

/* ---- scope ---- */

#define T(k, ...)                                                                                            \
    { .kind = WR_T_##k, __VA_ARGS__ }
static wri_scope_col cols[] = {
    {"t", "page", T(VARCHAR), 0, false},
    {"t", "status", T(INTEGER), 1, false},
    {"t", "latency", T(DOUBLE), 2, false},
    {"t", "bytes", T(BIGINT), 3, false},
    {"t", "ts", T(TIMESTAMP, .prec = 3), 4, false},
    {"t", "d", T(DATE), 5, false},
    {"t", "tm", T(TIME), 6, false},
    {"t", "price", T(DECIMAL, .prec = 10, .scale = 2), 7, false},
    {"t", "ok", T(BOOLEAN), 8, false},
    {"t", "tiny", T(TINYINT), 9, false},
    {"t", "small", T(SMALLINT), 10, false},
    {"t", "r", T(REAL), 11, false},
    {"t", "code", T(CHAR, .prec = 4), 12, false},
    {"t", "data", T(VARBINARY), 13, false},
    {"t", "doc", T(JSON), 14, false},
    {"t", "name", T(VARCHAR, .prec = 10), 15, false},
    {"t", "ltz", T(TIMESTAMP, .prec = 3, .local_tz = true), 16, false},
    {"t", "us", T(TIMESTAMP, .prec = 6), 17, false},
    {"t", "Mixed", T(INTEGER), 18, false},
    {"t", "rate", T(DECIMAL, .prec = 18, .scale = 8), 19, false},
    {"t", "ts2", T(TIMESTAMP, .prec = 3), 20, false},
    {"t", "d2", T(DATE), 21, false},
    {"t", "ROWTIME", T(TIMESTAMP, .prec = 3), 22, true},
    {"t", "wide", T(DECIMAL, .prec = 18), 23, false},
};
static const wri_scope scope = {cols, WR_LEN(cols), WR_LEN(cols)};

/* ---- registry ---- */

static const wr_func_def f_upper = {.name = "UPPER", .signature = "s:s"};
static const wr_func_def f_substr = {.name = "SUBSTR", .signature = "s[ii:s"};
static const wr_func_def f_abs = {.name = "ABS", .signature = "n:n"};
static const wr_func_def f_round = {.name = "ROUND", .signature = "n[i:n"};
static const wr_func_def f_truncate = {.name = "TRUNCATE", .signature = "n[i:n"};
static const wr_func_def f_sign = {.name = "SIGN", .signature = "n:n"};
static const wr_func_def f_power = {.name = "POWER", .signature = "dd:d"};
static const wr_func_def f_concat = {.name = "CONCAT", .signature = "s*:s"};
static const wr_func_def f_random = {.name = "RANDOM", .signature = ":d", .nondeterministic = true};
static const wr_func_def f_now = {.name = "CURRENT_TIMESTAMP", .signature = ":t", .nondeterministic = true};
static const wr_func_def f_arrow = {.name = "JSON_ARROW", .signature = "js:j"};
static const wr_func_def f_arrow_text = {.name = "JSON_ARROW_TEXT", .signature = "js:s"};
static const wr_func_def f_json_found = {.name = "JSON_FOUND", .signature = "jPs:i"};
static const wr_func_def f_json_value = {.name = "JSON_VALUE", .signature = "js:s"};
static const wr_func_def f_trim = {.name = "TRIM", .signature = "s[s:s"};
static const wr_func_def f_ltrim = {.name = "LTRIM", .signature = "s[s:s"};
static const wr_func_def f_rtrim = {.name = "RTRIM", .signature = "s[s:s"};
static const wr_func_def f_length = {.name = "CHAR_LENGTH", .signature = "s:i"};
static const wr_func_def f_instr = {.name = "INSTR", .signature = "ss:i"};
static const wr_func_def f_floor = {.name = "FLOOR", .signature = "d:d"};
static const wr_func_def f_ceil = {.name = "CEIL", .signature = "d:d"};
static const wr_func_def f_to_ts = {.name = "TO_TIMESTAMP", .signature = "s[s:t"};
static const wr_func_def f_pick = {.name = "PICK", .signature = "ia*:a"};
static const wr_func_def f_day = {.name = "DAY_OF", .signature = "t:i D:i"};
static const wr_func_def f_not = {.name = "NEGATE", .signature = "b:b"};
static const wr_func_def f_md5 = {.name = "MD5", .signature = "x:s s:s"};
static const wr_func_def f_kda = {.name = "KDA_INITCAP", .signature = "s:s"};
static const wr_func_def f_like = {.name = "REGEXP_LIKE", .signature = "ss:b"};
static const wr_func_def f_two = {.name = "SPAN", .signature = "tt:i"};
static const wr_func_def *const funcs[] = {
    &f_upper, &f_substr,     &f_abs,   &f_round,    &f_power,  &f_concat, &f_random,     &f_now,
    &f_arrow, &f_trim,       &f_ltrim, &f_rtrim,    &f_length, &f_instr,  &f_floor,      &f_ceil,
    &f_to_ts, &f_arrow_text, &f_pick,  &f_day,      &f_not,    &f_md5,    &f_json_value, &f_json_found,
    &f_kda,   &f_like,       &f_two,   &f_truncate, &f_sign};

static const wr_agg_def a_sum = {.name = "SUM"}, a_count = {.name = "COUNT"};
static const wr_agg_def *const aggs[] = {&a_sum, &a_count};

static wr_status fold_compare(wr_xop op, int64_t a, int64_t b, int64_t *outp) {
    *outp = op == WR_OP_EQ   ? a == b
            : op == WR_OP_NE ? a != b
            : op == WR_OP_LT ? a < b
            : op == WR_OP_LE ? a <= b
            : op == WR_OP_GT ? a > b
                             : a >= b;
    return WR_OK;
}

static wr_status fold_int(const wr_expr *e, wr_value *outp, wr_err *err) {
    int64_t a = e->args[0]->value.i64, b = e->n_args > 1 ? e->args[1]->value.i64 : 0;
    bool over = false;
    switch (e->op) {
    case WR_OP_ADD:
        over = __builtin_add_overflow(a, b, &outp->i64);
        break;
    case WR_OP_SUB:
        over = __builtin_sub_overflow(a, b, &outp->i64);
        break;
    case WR_OP_MUL:
        over = __builtin_mul_overflow(a, b, &outp->i64);
        break;
    case WR_OP_NEG:
        over = __builtin_sub_overflow(0, a, &outp->i64);
        break;
    case WR_OP_DIV:
        if (b == 0 || b == -1 || e->type.kind == WR_T_DECIMAL)
            return wr_fail(err, WR_EDATA, "division by zero");
        outp->i64 = a / b;
        break;
    default:
        return fold_compare(e->op, a, b, &outp->i64);
    }
    if (e->type.kind == WR_T_INTEGER && outp->i64 != (int32_t)outp->i64) over = true;
    return over ? wr_fail(err, WR_EDATA, "INTEGER out of range") : WR_OK;
}

static wr_status fold_cast(const wr_expr *e, wr_value *outp, wr_err *err) {
    const wr_expr *x = e->args[0];
    if (wr_kind_is_text((wr_kind)x->type.kind) && wr_kind_is_int((wr_kind)e->type.kind)) {
        if (wr_read_i64(wr_str_data(&x->value.str), x->value.str.len, &outp->i64)) return WR_OK;
        if (e->op == WR_OP_TRY_CAST) {
            outp->null = true;
            return WR_OK;
        }
        return wr_fail(err, WR_EDATA, "no INTEGER");
    }
    return wr_fail(err, WR_EDATA, "cannot");
}

static wr_status fold(const wr_expr *e, wr_arena *ar, wr_value *outp, wr_err *err) {
    memset(outp, 0, sizeof *outp);
    if (e->kind == WR_X_FUNC) return wr_fail(err, WR_EDATA, "not here");
    for (uint32_t i = 0; i < e->n_args; i++)
        if (e->args[i]->value.null) return wr_fail(err, WR_EDATA, "not here");
    if (e->op == WR_OP_CAST || e->op == WR_OP_TRY_CAST) return fold_cast(e, outp, err);
    if (e->op == WR_OP_CONCAT) {
        const wr_str *a = &e->args[0]->value.str, *b = &e->args[1]->value.str;
        char *p = wr_arena_printf(ar, "%.*s%.*s", (int)a->len, wr_str_data(a), (int)b->len, wr_str_data(b));
        if (!p) return wr_fail_oom(err, "text");
        outp->str = wr_str_make(p, a->len + b->len);
        return WR_OK;
    }
    bool ints = e->op <= WR_OP_GE && wr_type_phys(e->type) == WR_I64;
    for (uint32_t i = 0; i < e->n_args; i++) ints &= wr_type_phys(e->args[i]->type) == WR_I64;
    for (uint32_t i = 0; i < e->n_args; i++) /* scales are left to the real evaluator */
        ints &= e->args[i]->type.kind != WR_T_DECIMAL || (e->op != WR_OP_MUL && e->op != WR_OP_DIV);
    return ints && e->op != WR_OP_MOD ? fold_int(e, outp, err) : wr_fail(err, WR_EDATA, "not here");
}

#define REGISTRY .funcs = funcs, .n_funcs = WR_LEN(funcs), .aggs = aggs, .n_aggs = WR_LEN(aggs)
const wr_registry bind_registry = {REGISTRY, .fold = fold}, bind_registry_no_fold = {REGISTRY};

/* ---- running ---- */

static wr_status describe(const wri_binder *b, const wr_expr *e, wr_buf *out) {
    const wri_scope *s = b->scope;
    wr_schema in = {0};
    wr_arena ar = {0};
    for (uint32_t i = 0; i < s->n; i++)
        if (s->cols[i].col >= in.n) in.n = s->cols[i].col + 1;
    in.fields = wr_arena_calloc(&ar, (in.n + 1) * sizeof *in.fields);
    if (!in.fields) return WR_ENOMEM;
    for (uint32_t i = 0; i < in.n; i++) in.fields[i].name = "?";
    for (uint32_t i = 0; i < s->n; i++) in.fields[s->cols[i].col].name = s->cols[i].name;
    char type[80];
    wr_status st = wr_expr_print(e, &in, out);
    if (st == WR_OK) st = wr_buf_printf(out, " : %s", wr_type_print(e->type, type, sizeof type));
    wr_arena_free(&ar);
    return st;
}

static wr_status errors(const wr_diags *d, wr_buf *out) {
    for (size_t i = 0; i < d->n; i++) {
        const wr_diag *x = &d->items[i];
        const char *mark = x->severity == WR_WARNING    ? "warning "
                           : x->code == WR_EUNSUPPORTED ? "unsupported "
                                                        : "";
        WR_TRY(wr_buf_printf(out, "%s%s%.*s: %s", i ? "\n" : "", mark, (int)(x->loc.end - x->loc.at),
                             d->text + x->loc.at, x->msg));
        if (x->hint) WR_TRY(wr_buf_printf(out, " | %s", x->hint));
    }
    return WR_OK;
}

static wr_status run(wr_arena *ar, wr_diags *d, const char *sql, const bind_opts *o, wr_buf *out) {
    wr_script script;
    d->text = wr_arena_printf(ar, "%sSELECT %s%s%s FROM t;", o->functions ? o->functions : "",
                              o->as ? "CAST(" : "", sql, o->as ? wr_arena_printf(ar, " AS %s)", o->as) : "");
    if (!d->text) return WR_ENOMEM;
    d->len = strlen(d->text);
    wr_status st = wr_parse(ar, d, &script);
    if (st == WR_ENOMEM) return st;
    if (st != WR_OK || script.n == 0) return errors(d, out);
    wri_binder b = {.ar = ar,
                    .d = d,
                    .reg = o->no_fold ? &bind_registry_no_fold : &bind_registry,
                    .scope = o->scope ? o->scope : &scope,
                    .kda = o->kda,
                    .functions = script.stmts,
                    .n_functions = script.n - 1,
                    .hook = o->hook};
    const wr_ast *e = script.stmts[script.n - 1]->query->items[0].expr;
    wr_expr *x = o->as ? wri_bind_as(&b, e->args[0], e->type) : wri_bind(&b, e);
    if (x == &wri_failed && d->errors == 0) return WR_ENOMEM;
    if (x == &wri_failed || d->errors) {
        if (x != &wri_failed) WR_TRY(wr_buf_puts(out, "errors but bound: "));
        return errors(d, out);
    }
    const char *broken = bind_valid(x);
    if (broken) WR_TRY(wr_buf_printf(out, "BROKEN (%s): ", broken));
    WR_TRY(describe(&b, x, out));
    if (d->n) WR_TRY(wr_buf_puts(out, "\n"));
    return errors(d, out);
}

char *bind_text(const char *sql, bind_opts o) {
    wr_arena ar = {.block_bytes = 256}, dar = {.block_bytes = 256};
    wr_diags d = {.file = "test", .ar = &dar};
    wr_buf out = {0};
    wr_status st = run(&ar, &d, sql, &o, &out);
    if (st == WR_OK) st = wr_buf_put(&out, "", 1);
    wr_arena_free(&ar);
    wr_arena_free(&dar);
    if (st == WR_OK) return out.data;
    wr_buf_free(&out);
    return NULL;
}

void bind_check_(const bind_case *cases, size_t n, bind_opts o, const char *file, int line) {
    for (size_t i = 0; i < n; i++) {
        char *got = bind_text(cases[i].sql, o);
        cr_expect(got && strcmp(got, cases[i].want) == 0, "%s:%d: %s\n  got:  %s\n  want: %s", file, line,
                  cases[i].sql, got ? got : "(out of memory)", cases[i].want);
        wr_free(got);
    }
}

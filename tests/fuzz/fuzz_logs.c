/* Log parsers: no text and no pattern crashes, hangs or is read out of bounds; the planner's columns are
 * those of the row; a constant pattern and one of a row say the same; a fast pattern fits a text exactly when
 * PCRE2 finds that it does.
 *
 * Input: a byte that picks the parser, then pattern and text with 0x1f between them. */
#include "runtime/expr/row_int.h"
#include "tests/fuzz/fuzz_formats.h"

static const struct {
    const char *name;
    uint32_t n_args, pattern; /* which argument says the columns; n_args: none */
} parsers[] = {{"W3C_LOG_PARSE", 2, 1},
               {"REGEX_LOG_PARSE", 2, 1},
               {"FAST_REGEX_LOG_PARSE", 2, 1},
               {"VARIABLE_COLUMN_LOG_PARSE", 3, 1},
               {"FIXED_COLUMN_LOG_PARSE", 2, 1},
               {"SYS_LOG_PARSE", 1, 1},
               {"VARIABLE_COLUMN_LOG_PARSE", 5, 1}};

static const wr_func_def *function(const char *name) {
    for (size_t i = 0; i < wr_n_builtin_funcs; i++)
        if (strcmp(wr_builtin_funcs[i]->name, name) == 0) return wr_builtin_funcs[i];
    abort();
}

typedef struct job {
    wr_arena ar;
    wri_env env;
    wr_expr e, args[5], *argv[5];
    wr_value vals[5];
} job;

static void job_init(job *j, const wr_func_def *f, uint32_t n_args, const wr_str *args) {
    memset(j, 0, sizeof *j);
    j->env.sys = &wr_sys_real;
    j->e = (wr_expr){
        .kind = WR_X_FUNC, .func = f, .type = wr_type_of(WR_T_VARBINARY), .args = j->argv, .n_args = n_args};
    for (uint32_t i = 0; i < n_args; i++) {
        j->args[i] = (wr_expr){.kind = i ? WR_X_CONST : WR_X_COL, .type = wr_type_of(WR_T_VARCHAR)};
        j->args[i].value.str = j->vals[i].str = args[i];
        j->argv[i] = &j->args[i];
    }
}

/* The row of the text, in j->ar; why it failed. */
static const char *parse(job *j, bool konst, wr_value *rowp) {
    wri_call c = {.e = &j->e, .env = &j->env, .ar = &j->ar, .msgs = &j->ar};
    for (uint32_t i = 1; i < j->e.n_args; i++) j->args[i].kind = konst ? WR_X_CONST : WR_X_COL;
    *rowp = (wr_value){0};
    const char *why = j->e.func->fn(&c, j->vals, rowp);
    CHECK(!c.oom);
    wri_call_done(&c);
    return why;
}

/* Every field can be taken, and no other. */
static void take_fields(job *j, const wr_value *row, uint32_t n, size_t max) {
    wr_expr e = {.n_args = 3};
    wri_call c = {.e = &e, .env = &j->env, .ar = &j->ar, .msgs = &j->ar};
    for (uint32_t i = 0; i <= n; i++) {
        wr_value args[3] = {*row, {.i64 = i}, {.i64 = 0}}, out = {0};
        const char *why = wri_fn_row_field(&c, args, &out);
        CHECK((why != NULL) == (i == n));
        if (!why && !out.null) CHECK(out.str.len <= max);
        args[2].i64 = 1;
        if (i < n) CHECK(!wri_fn_row_field(&c, args, &out));
    }
    wri_call_done(&c);
}

/* Bytes that are no row. */
static void no_row(job *j, const wr_str *bytes) {
    wr_expr e = {.n_args = 2};
    wri_call c = {.e = &e, .env = &j->env, .ar = &j->ar, .msgs = &j->ar};
    for (int64_t i = -1; i < 5; i++) {
        wr_value args[2] = {{.str = *bytes}, {.i64 = i}}, out = {0};
        if (!wri_fn_row_field(&c, args, &out) && !out.null) CHECK(out.str.len <= bytes->len);
    }
}

/* A pattern that means the same in both languages: a group of letters and what repeats them. */
static bool common(const wr_str *p) {
    const char *s = wr_str_data(p);
    for (uint32_t i = 0; i < p->len; i++) {
        if (!s[i] || !strchr("abc.*+?|()[]{}0123456789,-^", s[i])) return false;
        bool quantifier = strchr("*+?}", s[i]) != NULL;
        if (quantifier && i + 1 < p->len && s[i + 1] == '+') return false; /* possessive */
        if (s[i] == '^' && (i == 0 || s[i - 1] != '[')) return false;
    }
    return true;
}

static void against_pcre(const wr_str *pattern, const wr_str *text) {
    wr_arena ar = {0};
    wr_schema cols;
    uint32_t blame;
    if (!common(pattern)) return;
    char *fast = wr_arena_printf(&ar, "(%.*s)", (int)pattern->len, wr_str_data(pattern));
    char *pcre = wr_arena_printf(&ar, "(?s)(%.*s)", (int)pattern->len, wr_str_data(pattern));
    wr_str a[2] = {*text, wr_str_make(fast, strlen(fast))}, b[2] = {*text, wr_str_make(pcre, strlen(pcre))};
    job f, p;
    job_init(&f, function("FAST_REGEX_LOG_PARSE"), 2, a);
    job_init(&p, function("REGEX_LOG_PARSE"), 2, b);
    if (!f.e.func->row(f.argv, 2, &ar, &cols, &blame) && cols.n == 1 &&
        !p.e.func->row(p.argv, 2, &ar, &cols, &blame)) {
        wr_value x, y;
        const char *why_x = parse(&f, true, &x), *why_y = parse(&p, true, &y);
        if (!why_x && !why_y) CHECK(x.null == y.null);
    }
    wr_arena_free(&f.ar);
    wr_arena_free(&p.ar);
    wr_arena_free(&ar);
}

static void run(uint32_t which, const wr_str *pattern, const wr_str *text) {
    wr_str args[5] = {*text, *pattern, wr_str_make(",", 1), wr_str_make("\\", 1), wr_str_make("\"", 1)};
    job j;
    job_init(&j, function(parsers[which].name), parsers[which].n_args, args);
    wr_schema cols;
    uint32_t blame;
    const char *none = j.e.func->row(j.argv, j.e.n_args, &j.ar, &cols, &blame);
    wr_value by_constant, by_row;
    const char *why = parse(&j, true, &by_constant), *again = parse(&j, false, &by_row);
    bool steps = (why && strstr(why, "too many steps")) || (again && strstr(again, "too many steps"));
    if (!steps) {
        CHECK(!why == !again && by_constant.null == by_row.null);
        if (!why && !by_row.null) CHECK(wr_str_eq(&by_constant.str, &by_row.str));
    }
    if (!none && !why && !by_constant.null) take_fields(&j, &by_constant, cols.n, text->len + WR_TEXT_MAX);
    no_row(&j, text);
    wr_arena_free(&j.ar);
    against_pcre(pattern, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) return 0;
    const char *p = (const char *)data + 1, *end = (const char *)data + n, *cut = memchr(p, 0x1f, n - 1);
    char *copy = wr_alloc(n);
    CHECK(copy);
    memcpy(copy, p, n - 1);
    size_t first = cut ? (size_t)(cut - p) : n - 1;
    wr_str pattern = wr_str_make(copy, first);
    wr_str text = cut ? wr_str_make(copy + first + 1, (size_t)(end - cut - 1)) : wr_str_make("", 0);
    run(data[0] % WR_LEN(parsers), &pattern, &text);
    wr_free(copy);
    return 0;
}

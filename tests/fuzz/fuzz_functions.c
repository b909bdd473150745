/* Functions of patterns and texts: no text crashes, hangs or is read out of bounds, a constant pattern and
 * one of a row say the same, SQLite and the kernel say the same, and a text written by a time pattern can be
 * read by it.
 *
 * Input: a byte that picks the function, then its texts with 0x1f between them. */
#include "runtime/expr/expr.h"
#include "runtime/expr/expr_int.h"
#include "runtime/expr/timefmt_int.h"
#include "tests/fuzz/fuzz_formats.h"

#define ARGS_MAX 3

static const struct {
    const char *name;
    uint32_t n_args, pattern; /* pattern: the argument that is given as a constant, too */
    wr_kind result, first;
} calls[] = {
    {"REGEXP_LIKE", 2, 1, WR_T_BOOLEAN, WR_T_VARCHAR},
    {"REGEXP_REPLACE", 3, 1, WR_T_VARCHAR, WR_T_VARCHAR},
    {"REGEXP_COUNT", 2, 1, WR_T_BIGINT, WR_T_VARCHAR},
    {"REGEXP_EXTRACT", 2, 1, WR_T_VARCHAR, WR_T_VARCHAR},
    {"SIMILAR_TO", 2, 1, WR_T_BOOLEAN, WR_T_VARCHAR},
    {"SIMILAR_TO", 3, 1, WR_T_BOOLEAN, WR_T_VARCHAR},
    {"SIMILAR_SUBSTR", 3, 1, WR_T_VARCHAR, WR_T_VARCHAR},
    {"DATE_FORMAT", 2, 1, WR_T_VARCHAR, WR_T_TIMESTAMP},
    {"TO_TIMESTAMP", 2, 1, WR_T_TIMESTAMP, WR_T_VARCHAR},
    {"CHAR_TO_TIMESTAMP", 2, 0, WR_T_TIMESTAMP, WR_T_VARCHAR},
    {"GLOB", 2, 0, WR_T_BOOLEAN, WR_T_VARCHAR},
    {"FROM_UTC_TIMESTAMP", 2, 1, WR_T_TIMESTAMP, WR_T_TIMESTAMP},
    {"TO_UTC_TIMESTAMP", 2, 1, WR_T_TIMESTAMP, WR_T_TIMESTAMP},
    {"PARSE_URL", 3, 2, WR_T_VARCHAR, WR_T_VARCHAR},
    {"URL_DECODE", 1, 0, WR_T_VARCHAR, WR_T_VARCHAR},
    {"DECODE", 2, 1, WR_T_VARCHAR, WR_T_VARBINARY},
    {"ENCODE", 2, 1, WR_T_VARBINARY, WR_T_VARCHAR},
    {"JSON_VALUE", 2, 1, WR_T_VARCHAR, WR_T_VARCHAR},
    {"JSON_QUERY", 2, 1, WR_T_JSON, WR_T_VARCHAR},
    {"JSON_FOUND", 3, 1, WR_T_BIGINT, WR_T_VARCHAR},
    {"LEVENSHTEIN", 2, 1, WR_T_BIGINT, WR_T_VARCHAR},
    {"INITCAP", 1, 0, WR_T_VARCHAR, WR_T_VARCHAR},
    {"UPPER", 1, 0, WR_T_VARCHAR, WR_T_VARCHAR},
    {"SPLIT_PART", 2, 1, WR_T_VARCHAR, WR_T_VARCHAR},
    {"CONVERT_TZ", 3, 1, WR_T_VARCHAR, WR_T_VARCHAR},
};

typedef struct result {
    bool null;
    char *why;
    wr_str str;
    int64_t i64;
} result;

static wr_type type_of(wr_kind k) {
    wr_type t = wr_type_of(k);
    if (k == WR_T_TIMESTAMP) t.prec = 6;
    return t;
}

static result evaluate(wr_expr *e, wr_batch *in, const wr_schema *schema, bool sqlite, wr_arena *ar) {
    wr_expr *exprs[1] = {e};
    wr_eval_opts opts = {.sqlite_only = sqlite, .no_dict = true};
    wr_eval *ev;
    wr_batch *out;
    wr_row_errors errs = {0};
    uint32_t col = 0;
    result r = {0};
    CHECK(wr_eval_new(exprs, 1, schema, &opts, &ev, NULL) == WR_OK);
    CHECK(wr_batch_new(1, 1, &out, NULL) == WR_OK);
    CHECK(wr_eval_run(ev, in, out, &col, &errs, NULL) == WR_OK);
    r.null = wr_is_null(&out->cols[0], 0);
    if (errs.n) r.why = wr_arena_strdup(ar, errs.whys[0]);
    else if (!r.null && out->cols[0].phys == WR_STR) {
        const wr_str *s = &out->cols[0].str[0];
        r.str = wr_str_make(wr_arena_strndup(ar, wr_str_data(s), s->len), s->len);
    } else if (!r.null) r.i64 = out->cols[0].i64[0];
    wr_row_errors_free(&errs);
    wr_batch_drop(out);
    wr_eval_free(ev);
    return r;
}

static void same(const result *a, const result *b) {
    CHECK(a->null == b->null && a->i64 == b->i64 && !a->why == !b->why && wr_str_eq(&a->str, &b->str));
    if (a->why) CHECK(strcmp(a->why, b->why) == 0);
}

static const wr_func_def *function(const char *name) {
    for (size_t i = 0; i < wr_n_builtin_funcs; i++)
        if (strcmp(wr_builtin_funcs[i]->name, name) == 0) return wr_builtin_funcs[i];
    abort();
}

/* The call with its texts in columns; konst: the pattern is a constant instead. */
static wr_expr *call(uint32_t which, const wr_schema *schema, wr_batch *in, bool konst, wr_arena *ar) {
    wr_expr *e = wr_arena_calloc(ar, sizeof *e);
    e->kind = WR_X_FUNC;
    e->func = function(calls[which].name);
    e->type = type_of(calls[which].result);
    e->n_args = calls[which].n_args;
    e->args = wr_arena_calloc(ar, (ARGS_MAX + 1) * sizeof *e->args);
    for (uint32_t i = 0; i < e->n_args; i++) {
        wr_expr *a = e->args[i] = wr_arena_calloc(ar, sizeof *a);
        a->type = schema->fields[i].type;
        a->kind = konst && i == calls[which].pattern ? WR_X_CONST : WR_X_COL;
        a->col = i;
        if (in->cols[i].phys == WR_STR) a->value.str = in->cols[i].str[0];
        else a->value.i64 = in->cols[i].i64[0];
    }
    if (strcmp(calls[which].name, "SPLIT_PART") == 0) {
        wr_expr *n = e->args[e->n_args++] = wr_arena_calloc(ar, sizeof *n);
        n->type = wr_type_of(WR_T_BIGINT);
        n->kind = WR_X_CONST;
        n->value.i64 = -2;
    }
    return e;
}

/* What is written by a pattern of strftime's or Java's is the same when it is read and written again. */
static void there_and_back(const wr_str *pattern, int64_t us) {
    wr_arena ar = {0};
    wri_time_pattern writes, reads;
    if (!wri_time_compile(pattern, false, false, &ar, &ar, &writes) &&
        !wri_time_compile(pattern, true, false, &ar, &ar, &reads)) {
        char *text = wr_alloc(writes.longest), *again = wr_alloc(writes.longest);
        size_t n = wri_time_put(&writes, us, text);
        CHECK(n <= writes.longest);
        wr_str s = wr_str_make(text, n);
        int64_t back;
        if (wri_time_get(&reads, &s, &back) && back > WR_TS_MIN && back < WR_TS_MAX)
            CHECK(wri_time_put(&writes, back, again) <= writes.longest);
        wr_free(text);
        wr_free(again);
    }
    wr_arena_free(&ar);
}

static void zone_file(const char *p, size_t n) {
    wr_arena ar = {0};
    wri_zone *z = wri_zone_parse(p, n, &ar);
    for (int64_t y = -5000; z && y < 9000; y += 499) {
        int64_t t = wr_days_from_civil(y, 7, 1) * 86400;
        (void)wri_zone_offset(z, t);
        (void)wri_zone_to_utc(z, t);
    }
    wr_arena_free(&ar);
}

static void run(uint32_t which, const char *const *texts, const size_t *lens, wr_arena *ar) {
    wr_field fields[ARGS_MAX];
    wr_schema schema = {.fields = fields, .n = calls[which].n_args};
    wr_batch *in;
    CHECK(wr_batch_new(schema.n, 1, &in, NULL) == WR_OK);
    in->n = 1;
    for (uint32_t i = 0; i < schema.n; i++) {
        wr_type t = i == 0 ? type_of(calls[which].first) : wr_type_of(WR_T_VARCHAR);
        fields[i] = (wr_field){.name = "c", .type = t};
        CHECK(wr_batch_col(in, i, wr_type_phys(t), NULL) == WR_OK);
        if (wr_type_phys(t) == WR_STR) in->cols[i].str[0] = wr_str_make(texts[i], lens[i]);
        else {
            int64_t us = 0;
            memcpy(&us, texts[i], lens[i] < 8 ? lens[i] : 8);
            in->cols[i].i64[0] = us;
            if (strcmp(calls[which].name, "DATE_FORMAT") == 0 && us > WR_TS_MIN && us < WR_TS_MAX) {
                wr_str pattern = wr_str_make(texts[1], lens[1]);
                there_and_back(&pattern, us);
            }
        }
    }
    result by_row = evaluate(call(which, &schema, in, false, ar), in, &schema, false, ar);
    result by_constant = evaluate(call(which, &schema, in, true, ar), in, &schema, false, ar);
    result by_sqlite = evaluate(call(which, &schema, in, true, ar), in, &schema, true, ar);
    same(&by_constant, &by_sqlite);
    bool steps = by_row.why && strstr(by_row.why, "too many steps"); /* compiled patterns take fewer */
    if (!steps && !(by_constant.why && strstr(by_constant.why, "too many steps")))
        same(&by_row, &by_constant);
    wr_batch_drop(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) return 0;
    const char *p = (const char *)data + 1, *end = (const char *)data + n, *texts[ARGS_MAX];
    size_t lens[ARGS_MAX];
    wr_arena ar = {0};
    if (data[0] == 255) {
        zone_file(p, n - 1);
        return 0;
    }
    for (uint32_t i = 0; i < ARGS_MAX; i++) {
        const char *cut = i + 1 < ARGS_MAX ? memchr(p, 0x1f, (size_t)(end - p)) : NULL,
                   *stop = cut ? cut : end;
        lens[i] = (size_t)(stop - p);
        texts[i] = wr_arena_strndup(&ar, p, lens[i]);
        p = cut ? cut + 1 : end;
    }
    run(data[0] % WR_LEN(calls), texts, lens, &ar);
    wr_arena_free(&ar);
    return 0;
}

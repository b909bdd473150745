/* tests/unit/parser/parse_util.h -- parsing a text in one call, for the tests of parser/. */
#ifndef WR_TEST_PARSE_UTIL_H
#define WR_TEST_PARSE_UTIL_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "parser/parser.h"

typedef struct parsed {
    wr_arena ar;
    wr_diags d;
    wr_script script;
    wr_status st;
} parsed;

/* text is borrowed until parsed_free. */
static inline void parse_text(parsed *x, const char *text) {
    memset(x, 0, sizeof *x);
    x->d = (wr_diags){.file = "t.sql", .text = text, .len = strlen(text), .ar = &x->ar};
    x->st = wr_parse(&x->ar, &x->d, &x->script);
}

static inline void parsed_free(parsed *x) { wr_arena_free(&x->ar); }

/* All statements as SQL; owner: the caller, wr_buf_free. NUL-terminated. */
static inline wr_buf print_script(const wr_script *s) {
    wr_buf b = {0};
    for (uint32_t i = 0; i < s->n; i++) cr_assert_eq(wr_stmt_print(s->stmts[i], &b), WR_OK);
    cr_assert_eq(wr_buf_put(&b, "", 1), WR_OK);
    b.len--;
    return b;
}

/* Diagnostics as shown; NUL-terminated. */
static inline wr_buf print_diags(const wr_diags *d) {
    wr_buf b = {0};
    cr_assert_eq(wr_diags_print(d, &b), WR_OK);
    cr_assert_eq(wr_buf_put(&b, "", 1), WR_OK);
    b.len--;
    return b;
}

/* A whole file; tests run in the top folder. NUL-terminated. */
static inline wr_buf read_file(const char *path) {
    wr_buf b = {0};
    FILE *f = fopen(path, "rb");
    cr_assert(f, "cannot open %s", path);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) cr_assert_eq(wr_buf_put(&b, piece, n), WR_OK);
    fclose(f);
    cr_assert_eq(wr_buf_put(&b, "", 1), WR_OK);
    b.len--;
    return b;
}

#endif

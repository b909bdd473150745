/* tests/fuzz/fuzz_parser.c -- any bytes as a script.
 *
 * Property: wr_parse ends, and what parses prints to text that parses to an equal tree. Diagnostics of
 * anything can be printed. Built with libFuzzer, or with replay_main.c to run files. */
#include <stdio.h>
#include <stdlib.h>

#include "parser/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok, const char *what, const wr_buf *text) {
    if (ok) return;
    fprintf(stderr, "%s:\n%.*s\n", what, (int)text->len, text->data ? text->data : "");
    abort();
}

/* Parses text; the diagnostics are printed to nowhere, which must work for any text. */
static wr_status parse(wr_arena *ar, const char *text, size_t n, wr_script *s) {
    wr_diags d = {.file = "fuzz", .text = text, .len = n, .ar = ar};
    wr_buf shown = {0};
    wr_status st = wr_parse(ar, &d, s);
    check(wr_diags_print(&d, &shown) == WR_OK, "diagnostics cannot be printed", &shown);
    check((st == WR_OK) == (d.errors == 0), "status and count of errors differ", &shown);
    wr_buf_free(&shown);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    wr_arena ar = {0};
    wr_buf text = {0}, printed = {0};
    wr_script a, b;
    check(wr_buf_put(&text, data, n) == WR_OK && wr_buf_put(&text, "", 1) == WR_OK, "memory", &text);
    parse(&ar, text.data, n, &a);
    for (uint32_t i = 0; i < a.n; i++) check(wr_stmt_print(a.stmts[i], &printed) == WR_OK, "print", &printed);
    check(wr_buf_put(&printed, "", 1) == WR_OK, "memory", &printed);
    check(parse(&ar, printed.data, printed.len - 1, &b) == WR_OK, "what was printed does not parse",
          &printed);
    check(a.n == b.n, "what was printed has another number of statements", &printed);
    for (uint32_t i = 0; i < a.n; i++)
        check(wr_stmt_equal(a.stmts[i], b.stmts[i]), "what was printed parses to another tree", &printed);
    wr_buf_free(&text);
    wr_buf_free(&printed);
    wr_arena_free(&ar);
    return 0;
}

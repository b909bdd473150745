/* tests/unit/parser/test_errors.c -- what is said about wrong SQL, word for word: errors.txt.
 *
 * The file holds blocks: a line "=== name", the script, a line "---", the diagnostics as printed for the
 * file name "t.sql". Escapes in the script: \t a tab, \0 a NUL byte, \xHH a byte. */
#include "parse_util.h"

static int hex(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

/* Undoes the escapes in place; returns the length. */
static size_t undo(char *s, size_t n) {
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        bool esc = s[i] == '\\' && i + 1 < n;
        if (esc && s[i + 1] == 't') s[out++] = '\t', i++;
        else if (esc && s[i + 1] == '0' && s[i + 2] == '!') s[out++] = '\0', i += 2;
        else if (esc && s[i + 1] == 'x' && i + 3 < n)
            s[out++] = (char)(hex(s[i + 2]) * 16 + hex(s[i + 3])), i += 3;
        else s[out++] = s[i];
    }
    s[out] = '\0';
    return out;
}

Test(parser_errors, read_as_written_in_errors_txt) {
    wr_buf file = read_file("tests/unit/parser/errors.txt");
    unsigned blocks = 0;
    for (char *at = strstr(file.data, "=== "); at;) {
        char *name = at + 4, *sql = strchr(name, '\n') + 1, *mid = strstr(sql, "\n---\n");
        cr_assert(mid, "no --- behind %.40s", name);
        char *want = mid + 5, *next = strstr(want, "\n=== ");
        size_t n_want = next ? (size_t)(next + 1 - want) : strlen(want);
        size_t n_sql = undo(sql, (size_t)(mid - sql));
        parsed x = {0};
        x.d = (wr_diags){.file = "t.sql", .text = sql, .len = n_sql, .ar = &x.ar};
        x.st = wr_parse(&x.ar, &x.d, &x.script);
        wr_buf got = print_diags(&x.d);
        cr_expect_eq(x.st, WR_ESQL, "%.*s", (int)strcspn(name, "\n"), name);
        cr_expect(got.len == n_want && memcmp(got.data, want, n_want) == 0, "%.*s\n got:\n%s\nwant:\n%.*s",
                  (int)strcspn(name, "\n"), name, got.data, (int)n_want, want);
        wr_buf_free(&got);
        parsed_free(&x);
        blocks++;
        at = next ? next + 1 : NULL;
    }
    cr_expect_geq(blocks, 60);
    wr_buf_free(&file);
}

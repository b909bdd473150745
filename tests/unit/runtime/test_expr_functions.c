/* What holds for every function of the table: it is described, NULLs are as it says, memory that runs out is
 * told. */
#include "expr_help.h"

/* A value for a letter of a signature. */
static wr_expr *sample(char letter, bool null) {
    static const struct {
        char letter;
        wr_kind kind;
        const char *text;
    } forms[] = {{'s', WR_T_VARCHAR, "wéir, and some more text"},
                 {'r', WR_T_VARCHAR, "(\\w)e?"},
                 {'m', WR_T_VARCHAR, "%(e|i)%"},
                 {'p', WR_T_VARCHAR, "yyyy-MM-dd EEEE 'of the week' ww"},
                 {'q', WR_T_VARCHAR, "'wéir, and some more text'"},
                 {'z', WR_T_VARCHAR, "Europe/Berlin"},
                 {'P', WR_T_VARCHAR, "$.a"},
                 {'u', WR_T_VARCHAR, "hour"},
                 {'c', WR_T_VARCHAR, "UTF-16"},
                 {'l', WR_T_VARCHAR, "HOST"},
                 {'x', WR_T_VARBINARY, "Hi, bytes and more bytes"},
                 {'j', WR_T_VARCHAR, "{\"a\": \"a long text with \\u00e9\", \"b\": [1, 2]}"}};
    if (letter == 'R') { /* a row of one field */
        static const char row[] = "\1\0\0\0\2\0\0\0ab";
        wr_expr *e = null ? xnull(xt(WR_T_VARBINARY)) : xs("");
        e->type = xt(WR_T_VARBINARY);
        if (!null) e->value.str = wr_str_make(row, 10);
        return e;
    }
    for (size_t i = 0; i < WR_LEN(forms); i++) {
        if (forms[i].letter != letter) continue;
        wr_expr *e = null ? xnull(xt(forms[i].kind)) : xs(forms[i].text);
        e->type = xt(forms[i].kind);
        return e;
    }
    wr_kind k = letter == 't'   ? WR_T_TIMESTAMP
                : letter == 'D' ? WR_T_DATE
                : letter == 'T' ? WR_T_TIME
                : letter == 'b' ? WR_T_BOOLEAN
                                : WR_T_BIGINT;
    if (letter == 'd') return null ? xnull(xt(WR_T_DOUBLE)) : xd(0.5);
    cr_assert(strchr("inavtDTb", letter), "letter %c", letter);
    return null ? xnull(xt(k))
                : xi(k, letter == 'i' || strchr("nav", letter) ? 2
                        : letter == 'T'                        ? 3600000000
                                                               : 86400000000);
}

static wr_type result_type(char letter) {
    return xt(letter == 't'                    ? WR_T_TIMESTAMP
              : letter == 'D'                  ? WR_T_DATE
              : letter == 'T'                  ? WR_T_TIME
              : letter == 'b'                  ? WR_T_BOOLEAN
              : letter == 'd'                  ? WR_T_DOUBLE
              : letter == 'x' || letter == 'R' ? WR_T_VARBINARY
              : letter == 'j'                  ? WR_T_JSON
              : letter == 's'                  ? WR_T_VARCHAR
                                               : WR_T_BIGINT);
}

/* What says the columns of a row, so that it has some. */
static wr_expr *columns_of(const wr_func_def *f) {
    static const char *const forms[][2] = {
        {"W3C_LOG_PARSE", "%h and \"%r\" %b"},
        {"REGEX_LOG_PARSE", "(\\w+).*(t)(x)?"},
        {"FAST_REGEX_LOG_PARSE", "(.*), (<Alpha>+|<1-12>)(.*[m-o].{3,}&@)"},
        {"VARIABLE_COLUMN_LOG_PARSE", "A TYPE VARCHAR(9), B TYPE INTEGER"},
        {"FIXED_COLUMN_LOG_PARSE", "A TYPE CHAR(9) START 1 FOR 9"}};
    for (size_t i = 0; i < WR_LEN(forms); i++)
        if (strcmp(f->name, forms[i][0]) == 0) return xs(forms[i][1]);
    return NULL;
}

/* The call by one signature, all optional arguments given; null: the number of the argument that is NULL. */
static wr_expr *call(const wr_func_def *f, const char *sig, uint32_t null) {
    wr_expr *args[20], *e = xnew(WR_X_FUNC, result_type(strchr(sig, ':')[1]));
    uint32_t n = 0;
    for (; *sig != ':'; sig++) {
        char letter = *sig == '*' ? sig[-1] : *sig;
        if (letter != '[') args[n] = sample(letter, n == null), n++;
        wr_expr *columns = n == 2 && letter == 's' && null != 1 ? columns_of(f) : NULL;
        if (columns) args[1] = columns;
    }
    e->func = f;
    e->n_args = n;
    e->args = wr_arena_alloc(&xh_ar, (n + 1) * sizeof *e->args);
    memcpy(e->args, args, n * sizeof *args);
    return e;
}

static const char *next_signature(const char *sig) {
    const char *space = strchr(sig, ' ');
    return space ? space + 1 : NULL;
}

Test(expr_functions, described) {
    for (size_t i = 0; i < wr_n_builtin_funcs; i++) {
        const wr_func_def *f = wr_builtin_funcs[i];
        cr_expect(f->doc && strlen(f->doc) > 4 && strchr(".)", f->doc[strlen(f->doc) - 1]),
                  "%s has no sentence", f->name);
        cr_expect(f->example && *f->example, "%s has no example", f->name);
        for (size_t k = 0; k < i; k++) cr_expect_str_neq(f->name, wr_builtin_funcs[k]->name);
        for (const char *sig = f->signature; sig; sig = next_signature(sig)) call(f, sig, UINT32_MAX);
    }
}

Test(expr_functions, null_in_null_out) {
    for (size_t i = 0; i < wr_n_builtin_funcs; i++) {
        const wr_func_def *f = wr_builtin_funcs[i];
        for (const char *sig = f->signature; sig && !f->calls_on_null; sig = next_signature(sig)) {
            uint32_t n = call(f, sig, UINT32_MAX)->n_args;
            for (uint32_t k = 0; k < n; k++)
                for (int sqlite = f->fn ? 0 : 1; sqlite < 2; sqlite++)
                    cr_expect_str_eq(xeval_on(call(f, sig, k), sqlite), "NULL", "%s, argument %u", f->name,
                                     k);
        }
    }
}

Test(expr_functions, out_of_memory) {
    for (size_t i = 0; i < wr_n_builtin_funcs; i++)
        for (const char *sig = wr_builtin_funcs[i]->signature; sig; sig = next_signature(sig))
            if (wr_builtin_funcs[i]->fn)
                x_starve(call(wr_builtin_funcs[i], sig, UINT32_MAX), wr_builtin_funcs[i]->name, 2000);
}

/* tests/fuzz/fuzz_expr.c -- kernels against SQLite: random typed expressions over random batches.
 *
 * Each round makes a few expressions and evaluates them over some batches of changing size by kernels, by
 * SQLite alone and once per distinct value. Values must be equal bit for bit, and so must NULLs, the set of
 * failed rows and the reason of each. Everything follows from the seed; a failure prints its round's seed.
 *
 *   fuzz_expr [--seconds S] [--rows N] [--seed K]     stops at S seconds or N compared rows */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/expr/expr.h"

static uint64_t state;
static uint64_t rnd(void) { /* splitmix64 */
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static uint32_t below(uint32_t n) { return (uint32_t)(rnd() % n); }
static bool chance(uint32_t percent) { return below(100) < percent; }

static wr_arena ar;
/* Whether functions of SQLite's own may be drawn this round. One that fails takes all that the statement
 * computes of that row with it, so the reasons of failed rows are not compared then. */
static bool natives;

/* ---- types ---- */

#define DEC(p, s)                                                                                            \
    { .kind = WR_T_DECIMAL, .prec = (p), .scale = (s) }
#define LEN(k, n)                                                                                            \
    { .kind = WR_T_##k, .prec = (n) }
static wr_type types[] = {
    LEN(BOOLEAN, 0),   LEN(TINYINT, 0),      LEN(SMALLINT, 0),
    LEN(INTEGER, 0),   LEN(BIGINT, 0),       LEN(BIGINT, 0),
    DEC(9, 2),         DEC(18, 6),           DEC(18, 0),
    DEC(5, 3),         LEN(REAL, 0),         LEN(DOUBLE, 0),
    LEN(DOUBLE, 0),    LEN(VARCHAR, 0),      LEN(VARCHAR, 0),
    LEN(VARCHAR, 0),   LEN(VARCHAR, 10),     LEN(CHAR, 5),
    LEN(JSON, 0),      LEN(VARBINARY, 0),    LEN(DATE, 0),
    LEN(TIME, 3),      LEN(TIMESTAMP, 3),    LEN(TIMESTAMP, 6),
    LEN(TIMESTAMP, 3), LEN(INTERVAL_DAY, 3), LEN(INTERVAL_MONTH, 0),
};
#define N_TYPES (uint32_t)(sizeof types / sizeof types[0])
static wr_field fields[N_TYPES]; /* one column of each type */
static const wr_schema schema = {N_TYPES, fields};

/* The DECIMALs are others in each round, so that every pair of scales meets. */
#define FIRST_DEC 6
#define N_DECS    4
static void roll_decimals(void) {
    for (uint32_t i = FIRST_DEC; i < FIRST_DEC + N_DECS; i++) {
        uint32_t p = chance(40) ? 18 : 1 + below(18);
        types[i] = (wr_type)DEC(p, 0);
        types[i].scale = (uint8_t)below(p + 1);
    }
    for (uint32_t c = 0; c < N_TYPES; c++) fields[c] = (wr_field){.name = "c", .type = types[c]};
}
static wr_type dec_type(void) { return types[FIRST_DEC + below(N_DECS)]; }

static wr_type any_type(void) { return types[below(N_TYPES)]; }
static wr_type kind(wr_kind k) { return wr_type_of(k); }
static wr_type int_type(void) { return types[1 + below(5)]; }
static bool same_type(wr_type a, wr_type b) {
    return a.kind == b.kind && a.prec == b.prec && a.scale == b.scale;
}

/* ---- values ---- */

static int64_t edge_i64(void) {
    static const int64_t edges[] = {0,
                                    1,
                                    -1,
                                    2,
                                    7,
                                    10,
                                    127,
                                    -128,
                                    255,
                                    32767,
                                    -32768,
                                    65536,
                                    INT32_MAX,
                                    INT32_MIN,
                                    (1LL << 32),
                                    (1LL << 52),
                                    (1LL << 52) + 1,
                                    -(1LL << 52),
                                    (1LL << 53) + 1,
                                    INT64_MAX,
                                    INT64_MIN,
                                    INT64_MAX - 1,
                                    INT64_MIN + 1,
                                    999999999999999999LL};
    switch (below(4)) {
    case 0:
        return edges[below(sizeof edges / sizeof edges[0])];
    case 1:
        return (int64_t)rnd() >> below(64);
    default:
        return (int64_t)below(200) - 100;
    }
}

static double edge_f64(void) {
    static const double edges[] = {
        0.0,  -0.0,  0.5,    -0.5,   1.5,     2.5,        1e15 + 0.5, 4503599627370496.5,
        1e18, -1e18, 9.3e18, 1e308,  -1e308,  5e-324,     0x1p63,     -0x1p63,
        1e-7, 0.285, 1.005,  3.4e38, 1.0 / 3, 123456.789, 0x1p52,     -0x1p53};
    if (chance(3)) return chance(50) ? __builtin_inf() : -__builtin_inf();
    if (chance(25)) return edges[below(sizeof edges / sizeof edges[0])];
    if (chance(25)) {
        double d;
        uint64_t bits = rnd();
        memcpy(&d, &bits, 8);
        return d != d ? 1.25 : d;
    }
    return ((double)(int64_t)rnd() / 9.3e18) * (double)(1LL << below(40));
}

static size_t random_text(char *out) { /* at most 200 bytes */
    static const char *const bits[] = {
        "a", "b", "A",         "Z",          " ", "%", "_", "é", "水",   "🙂", "\\", "12", "-",
        ".", "0", "{\"a\":1}", "2026-01-31", "T", ":", "$", "x", "\x80", "true", ",",  "e5", "+"};
    static const char *const whole[] = {"",
                                        "abc",
                                        "hello world",
                                        "12",
                                        "-7",
                                        " 42 ",
                                        "1.5",
                                        "-0.005",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "1e400",
                                        "true",
                                        "FALSE",
                                        "2026-02-28",
                                        "2024-02-29 23:59:59.999",
                                        "2026-01-01T00:00:00Z",
                                        "10:20:30.5",
                                        "+2 00:06:11",
                                        "-1-06",
                                        "{\"a\":[1,2,{\"b\":null}]}",
                                        "[1,2,3]",
                                        "the quick brown fox jumps",
                                        "ß",
                                        "inf",
                                        "nan",
                                        "0x10",
                                        "%",
                                        "a%b_c",
                                        "$",
                                        "$.a",
                                        "$.a[2].b",
                                        "$[1]",
                                        "lax $.\"a b\"",
                                        "$[",
                                        "yyyy-MM-dd HH:mm:ss.SSS",
                                        "yyMMddHHmm",
                                        "EEE, d MMM yyyy hh:mm a Z",
                                        "%Y-%m-%d",
                                        "'o''clock' HH",
                                        "20260131",
                                        "{\"a b\": \"\\ud83d\\ude42\\n\", \"a\": [true, -1.5e3]}"};
    if (chance(55)) {
        const char *w = whole[below(sizeof whole / sizeof whole[0])];
        size_t n = strlen(w);
        memcpy(out, w, n);
        return n;
    }
    size_t n = 0;
    if (chance(10)) { /* nearly JSON */
        static const char soup[] = "{}[]\"\",:: \\unab0123456789-+.e\t";
        for (uint32_t k = below(24); k > 0; k--) out[n++] = soup[below(sizeof soup - 1)];
        return n;
    }
    for (uint32_t k = below(chance(10) ? 40 : 6); k > 0; k--) {
        if (chance(3)) out[n++] = 0; /* an embedded NUL */
        const char *b = bits[below(sizeof bits / sizeof bits[0])];
        memcpy(out + n, b, strlen(b));
        n += strlen(b);
        if (n > 180) break;
    }
    return n;
}

static wr_str keep_text(const char *p, size_t n) { return wr_str_make(wr_arena_strndup(&ar, p, n), n); }

static size_t cut_chars(const char *p, size_t n, uint32_t chars) {
    size_t i = 0;
    for (; i < n && chars > 0; chars--) {
        i++;
        while (i < n && ((unsigned char)p[i] & 0xC0) == 0x80) i++;
    }
    return i;
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi) {
    uint64_t span = (uint64_t)hi - (uint64_t)lo + 1;
    return v >= lo && v <= hi ? v : span ? (int64_t)((uint64_t)lo + (uint64_t)v % span) : v;
}

static int64_t random_i64(wr_type t) {
    int64_t day = 86400000000LL, v = edge_i64(), p10 = 1;
    switch ((wr_kind)t.kind) {
    case WR_T_BOOLEAN:
        return below(2);
    case WR_T_TINYINT:
        return clamp(v, -128, 127);
    case WR_T_SMALLINT:
        return clamp(v, -32768, 32767);
    case WR_T_INTEGER:
        return clamp(v, INT32_MIN, INT32_MAX);
    case WR_T_DECIMAL:
        for (uint32_t i = 0; i < t.prec; i++) p10 *= 10;
        return clamp(v, 1 - p10, p10 - 1);
    case WR_T_DATE:
        return ((int64_t)below(60000) - 20000) * day;
    case WR_T_TIME:
        return (int64_t)(rnd() % (uint64_t)day);
    case WR_T_TIMESTAMP:
        if (chance(5)) return clamp(v, WR_TS_MIN, WR_TS_MAX);
        return (int64_t)(rnd() % 4000000000000000ULL) - 1000000000000000LL;
    case WR_T_INTERVAL_DAY:
        return chance(10) ? v : ((int64_t)below(2000000) - 1000000) * (chance(50) ? 1000 : 60000000LL);
    case WR_T_INTERVAL_MONTH:
        return chance(10) ? v : (int64_t)below(400) - 200;
    default:
        return v;
    }
}

static wr_value random_value(wr_type t) {
    wr_value v = {0};
    char text[256];
    size_t n;
    switch (wr_type_phys(t)) {
    case WR_I64:
        v.i64 = random_i64(t);
        break;
    case WR_F64:
        v.f64 = edge_f64();
        if (t.kind == WR_T_REAL) v.f64 = (double)(float)v.f64;
        break;
    case WR_STR:
        n = random_text(text);
        if (t.prec) n = cut_chars(text, n, t.prec);
        if (t.kind == WR_T_CHAR) {
            n = 0;
            for (uint32_t i = 0; i < t.prec; i++)
                text[n++] = i < 3 && chance(70) ? (char)('a' + below(3)) : ' ';
        }
        v.str = keep_text(text, n);
        break;
    }
    return v;
}

/* ---- expressions ---- */

static wr_expr *gen(wr_type t, int depth);

static wr_expr *node(wr_xkind k, wr_type t, uint32_t n_args) {
    wr_expr *e = wr_arena_calloc(&ar, sizeof *e);
    e->kind = k;
    e->type = t;
    e->args = wr_arena_calloc(&ar, (n_args + 1) * sizeof *e->args);
    e->n_args = n_args;
    return e;
}
static wr_expr *op(wr_xop o, wr_type t, uint32_t n, wr_expr *a, wr_expr *b, wr_expr *c) {
    wr_expr *e = node(WR_X_OP, t, n), *args[3] = {a, b, c};
    e->op = o;
    for (uint32_t i = 0; i < n && i < 3; i++) e->args[i] = args[i];
    return e;
}
static wr_expr *konst(wr_type t) {
    wr_expr *e = node(WR_X_CONST, t, 0);
    e->value = random_value(t);
    e->value.null = chance(4);
    if (e->value.null) memset(&e->value.str, 0, sizeof e->value.str);
    return e;
}
static wr_expr *leaf(wr_type t) {
    if (chance(25)) return konst(t);
    uint32_t start = below(N_TYPES);
    for (uint32_t i = 0; i < N_TYPES; i++) {
        uint32_t c = (start + i) % N_TYPES;
        if (!same_type(types[c], t)) continue;
        wr_expr *e = node(WR_X_COL, t, 0);
        e->col = c;
        return e;
    }
    return konst(t);
}

static wr_expr *gen_case(wr_type t, int depth) {
    uint32_t whens = 1 + below(3);
    wr_expr *e = node(WR_X_OP, t, 2 * whens + 1);
    e->op = WR_OP_CASE;
    for (uint32_t i = 0; i < whens; i++) {
        e->args[2 * i] = gen(kind(WR_T_BOOLEAN), depth - 1);
        e->args[2 * i + 1] = gen(t, depth - 1);
    }
    e->args[2 * whens] = gen(t, depth - 1);
    return e;
}

static wr_expr *gen_list(wr_xop o, wr_type t, wr_type items, uint32_t n, int depth) {
    wr_expr *e = node(WR_X_OP, t, n);
    e->op = o;
    for (uint32_t i = 0; i < n; i++) e->args[i] = gen(items, depth - 1);
    return e;
}

static wr_expr *gen_in(int depth) {
    wr_type t = any_type();
    uint32_t n = chance(30) ? 10 + below(8) : 1 + below(4);
    wr_expr *e = node(WR_X_OP, kind(WR_T_BOOLEAN), n + 1);
    e->op = WR_OP_IN;
    bool consts = chance(70);
    e->args[0] = gen(t, depth - 1);
    for (uint32_t i = 0; i < n; i++) e->args[i + 1] = consts ? konst(t) : gen(t, i ? 0 : depth - 1);
    return e;
}

/* A length that does not fill the memory, or one that is refused at once. */
static wr_expr *length_arg(void) {
    wr_expr *e = node(WR_X_CONST, kind(WR_T_BIGINT), 0);
    e->value.i64 = chance(5) ? INT64_MAX : (int64_t)below(60) - 2;
    return e;
}

static wr_unit any_unit(void) { return (wr_unit)(WR_U_YEAR + below(WR_U_EPOCH)); }

/* Texts of the forms that signatures ask for, right and wrong. */
static const char form_letters[] = "rmpqzPucl";
static wr_expr *form_arg(char letter, int depth) {
    static const char *const forms[][8] = {
        {"a+", "^(.)(.)", "", "[^a]*", "(", "(?i)x|y", "(.*)*z", "\\b"},
        {"%a%", "_*", "(a|b)+", "[a-z]{2}", "", "[", "a|", "%"},
        {"yyyy-MM-dd HH:mm:ss.SSS", "%d %b %y", "EEEE, D", "YYYY ww e", "[HH]", "bb", "'x", "G u A n N"},
        {"yyyy-MM-dd", "%Y%m%d", "dd MMM", "[yyyy][-MM]", "YYYY ww", "QQ", "A", "hh a z"},
        {"Europe/Berlin", "+02:00", "UTC", "Australia/Lord_Howe", "nowhere", "", "America/New_York", "-9"},
        {"$", "$.a", "$[0]", "$.a.b[1]", "lax $.a", "x", "", "$."},
        {"minute", "DAY", "weeks", "century", "dow", "x", "", "quarter"},
        {"UTF-8", "UTF-16", "utf-16le", "US-ASCII", "ISO-8859-1", "KOI8", "", "UTF-16BE"},
        {"HOST", "QUERY", "path", "FILE", "REF", "x", "", "PORT"}};
    if (chance(15)) return gen(kind(WR_T_VARCHAR), depth - 1);
    wr_expr *e = node(WR_X_CONST, kind(WR_T_VARCHAR), 0);
    const char *s = forms[strchr(form_letters, letter) - form_letters][below(8)];
    e->value.str = wr_str_make(s, strlen(s));
    return e;
}

/* A function whose result is t: arguments by its signature. NULL when the one drawn does not fit. */
static wr_expr *gen_func(wr_type t, int depth) {
    const wr_func_def *f = wr_builtin_funcs[below((uint32_t)wr_n_builtin_funcs)];
    if (f->nondeterministic || (!f->fn && !natives)) return NULL;
    static const char letters[] = "idstbxDjTR";
    static const wr_kind kinds[] = {WR_T_BIGINT,  WR_T_DOUBLE,    WR_T_VARCHAR, WR_T_TIMESTAMP,
                                    WR_T_BOOLEAN, WR_T_VARBINARY, WR_T_DATE,    WR_T_VARCHAR,
                                    WR_T_TIME,    WR_T_VARBINARY};
    const char *sig = f->signature, *colon = strchr(sig, ':');
    for (uint32_t skip = below(3); skip > 0 && strchr(colon, ' '); skip--) {
        sig = strchr(colon, ' ') + 1;
        colon = strchr(sig, ':');
    }
    wr_type poly = t;
    const char *r = strchr(letters, colon[1]);
    if (r) {
        if (kinds[r - letters] != t.kind || t.prec != wr_type_of((wr_kind)t.kind).prec) return NULL;
        bool numeric = memchr(sig, 'n', (size_t)(colon - sig)) != NULL;
        poly = numeric ? (chance(50)   ? kind(WR_T_BIGINT)
                          : chance(50) ? kind(WR_T_DOUBLE)
                                       : types[6])
                       : any_type();
    } else if (colon[1] == 'n' && !wr_kind_is_num((wr_kind)t.kind)) return NULL;
    wr_expr *e = node(WR_X_FUNC, t, 16);
    e->func = f;
    e->n_args = 0;
    bool optional = false;
    for (const char *p = sig; p < colon; p++) {
        if (*p == '[') {
            optional = true;
            continue;
        }
        uint32_t times = *p == '*' ? below(4) : 1;
        const char *l = strchr(letters, *p == '*' ? p[-1] : *p);
        if (optional && chance(40)) break;
        if (strchr(form_letters, *p)) {
            e->args[e->n_args++] = form_arg(*p, depth);
            continue;
        }
        bool length = *p == 'i' && (strstr(f->name, "PAD") || strcmp(f->name, "REPEAT") == 0);
        for (; times > 0; times--)
            e->args[e->n_args++] = length ? length_arg()
                                          : gen(l           ? kind(kinds[l - letters])
                                                : *p == 'v' ? any_type()
                                                            : poly,
                                                depth - 1);
    }
    return e;
}

static wr_expr *gen_bool(int depth) {
    wr_type b = kind(WR_T_BOOLEAN), t = any_type();
    switch (below(9)) {
    case 0:
    case 1: {
        wr_type u = t.kind == WR_T_DECIMAL && chance(70) ? (chance(25) ? int_type() : dec_type()) : t;
        return op((wr_xop)(WR_OP_EQ + below(8)), b, 2, gen(t, depth - 1), gen(u, depth - 1), NULL);
    }
    case 2:
    case 3:
        return gen_list(chance(50) ? WR_OP_AND : WR_OP_OR, b, b, 2 + (chance(15) ? below(3) : 0), depth);
    case 4:
        return op(WR_OP_NOT, b, 1, gen(b, depth - 1), NULL, NULL);
    case 5:
        return op(chance(50) ? WR_OP_IS_NULL : WR_OP_IS_NOT_NULL, b, 1, gen(t, depth - 1), NULL, NULL);
    case 6:
        return op((wr_xop)(WR_OP_IS_TRUE + below(4)), b, 1, gen(b, depth - 1), NULL, NULL);
    case 7:
        return gen_in(depth);
    default: {
        wr_type s = kind(WR_T_VARCHAR);
        wr_expr *pattern = chance(80) ? konst(s) : gen(s, depth - 1);
        wr_expr *esc = node(WR_X_CONST, s, 0);
        esc->value.str = keep_text(chance(90) ? "\\" : "é", chance(95) ? 1 : 2);
        return op(WR_OP_LIKE, b, chance(25) ? 3 : 2, gen(s, depth - 1), pattern, esc);
    }
    }
}

/* ROUND and TRUNCATE of a DECIMAL, which give the scale that they round to. */
static wr_expr *gen_round(wr_type t, int depth) {
    static const wr_func_def *fs[2];
    for (size_t i = 0; !fs[1] && i < wr_n_builtin_funcs; i++)
        if (strcmp(wr_builtin_funcs[i]->name, "ROUND") == 0) fs[0] = wr_builtin_funcs[i];
        else if (strcmp(wr_builtin_funcs[i]->name, "TRUNCATE") == 0) fs[1] = wr_builtin_funcs[i];
    wr_type a = dec_type();
    if (a.scale < t.scale) a = t;
    wr_expr *e = node(WR_X_FUNC, t, 2), *n = node(WR_X_CONST, kind(WR_T_BIGINT), 0);
    n->value.i64 = t.scale;
    if (t.scale == a.scale) n->value.i64 += below(3);
    if (t.scale == 0 && chance(50)) n->value.i64 = -(int64_t)below(22);
    e->func = fs[below(2)];
    e->args[0] = gen(a, depth - 1);
    e->args[1] = n;
    return e;
}

static wr_expr *gen_number(wr_type t, int depth) {
    wr_xop o = (wr_xop)(WR_OP_NEG + below(6));
    wr_type a = t, b = t;
    if (t.kind == WR_T_DECIMAL) {
        if (chance(10)) return gen_round(t, depth);
        if (o != WR_OP_NEG && chance(80)) { /* else operands of the result's scale */
            a = chance(20) ? int_type() : dec_type();
            b = chance(20) ? int_type() : dec_type();
        }
    } else if (wr_type_phys(t) == WR_F64) {
        a = types[10 + below(2)];
        b = types[10 + below(2)];
    } else {
        a = int_type();
        b = int_type();
    }
    if (chance(12) && t.kind == WR_T_BIGINT) {
        wr_expr *step = node(WR_X_CONST, t, 0);
        step->value.i64 = 1 + (int64_t)(rnd() >> below(64)) / 2;
        return op(WR_OP_FLOOR_STEP, t, 2, gen(t, depth - 1), step, NULL);
    }
    bool part = t.kind == WR_T_BIGINT || t.kind == WR_T_INTEGER || t.scale == 3 || t.kind == WR_T_DOUBLE;
    if (part && chance(20)) {
        wr_expr *e = op(WR_OP_EXTRACT, t, 1, gen(types[20 + below(7)], depth - 1), NULL, NULL);
        e->unit = any_unit();
        return e;
    }
    return op(o, t, o == WR_OP_NEG ? 1 : 2, gen(a, depth - 1), gen(b, depth - 1), NULL);
}

static wr_expr *gen_time(wr_type t, int depth) {
    wr_type day = types[25];
    wr_expr *e;
    switch (below(6)) {
    case 0:
    case 1:
        e = op(chance(50) ? WR_OP_FLOOR_UNIT : WR_OP_CEIL_UNIT, t, 1, gen(t, depth - 1), NULL, NULL);
        e->unit = (wr_unit)(WR_U_YEAR + below(WR_U_MICROSECOND));
        return e;
    case 2:
        if (t.kind == WR_T_INTERVAL_DAY)
            return op(WR_OP_SUB, t, 2, gen(types[22], depth - 1), gen(types[22], depth - 1), NULL);
        if (t.kind == WR_T_INTERVAL_MONTH)
            return op(WR_OP_ADD, t, 2, gen(t, depth - 1), gen(t, depth - 1), NULL);
        return op(chance(50) ? WR_OP_ADD : WR_OP_SUB, t, 2, gen(t, depth - 1), gen(day, depth - 1), NULL);
    case 3:
        if (t.kind != WR_T_DATE && t.kind != WR_T_TIMESTAMP) return leaf(t);
        return op(WR_OP_ADD_MONTHS, t, 2, gen(t, depth - 1), gen(types[26], depth - 1), NULL);
    case 4:
        if (t.kind == WR_T_INTERVAL_DAY || t.kind == WR_T_INTERVAL_MONTH)
            return op(chance(50) ? WR_OP_MUL : WR_OP_DIV, t, 2, gen(t, depth - 1), gen(dec_type(), depth - 1),
                      NULL);
        /* fall through */
    default:
        e = node(WR_X_CONST, day, 0);
        e->value.i64 = (int64_t[]){1, 1000, 60000000, 86400000000LL, 7000000, INT64_MAX}[below(6)];
        return op(WR_OP_FLOOR_STEP, t, 2, gen(t, depth - 1), e, NULL);
    }
}

static wr_expr *gen(wr_type t, int depth) {
    if (depth <= 0 || chance(10)) return leaf(t);
    uint32_t pick = below(20);
    if (pick == 0) return gen_case(t, depth);
    if (pick == 1) return gen_list(WR_OP_COALESCE, t, t, 1 + below(3), depth);
    if (pick <= 4)
        return op(pick == 2 ? WR_OP_TRY_CAST : WR_OP_CAST, t, 1, gen(any_type(), depth - 1), NULL, NULL);
    if (pick <= 10) {
        for (int tries = 0; tries < 12; tries++) {
            wr_expr *e = gen_func(t, depth);
            if (e) return e;
        }
    }
    if (t.kind == WR_T_BOOLEAN) return gen_bool(depth);
    if (wr_kind_is_num((wr_kind)t.kind)) return gen_number(t, depth);
    if (wr_type_phys(t) != WR_STR) return gen_time(t, depth);
    if (t.prec == 0 && t.kind == WR_T_VARCHAR && chance(60))
        return gen_list(WR_OP_CONCAT, t, t, 2 + below(2), depth);
    return leaf(t);
}

/* ---- batches ---- */

static wr_dict *dict;
static wr_str dict_words[64];
static uint32_t n_words;
#define DICT_COL 13

static void make_words(void) {
    char text[256];
    dict = wr_dict_new();
    n_words = 1 + below(64);
    for (uint32_t i = 0; i < n_words; i++) dict_words[i] = keep_text(text, random_text(text));
}

/* A dictionary column: codes in the order in which the words first appear. */
static void fill_dict(wr_batch *b, wr_col *c) {
    c->codes = wr_arena_alloc(&b->arena, (b->n + 1) * sizeof *c->codes);
    c->dict = dict;
    for (uint32_t i = 0; i < b->n; i++) {
        const wr_str *w = &dict_words[below(n_words)];
        uint32_t code = 0;
        while (code < dict->n && !wr_str_eq(&dict->values[code], w)) code++;
        if (code == dict->n && wr_dict_add(dict, w, &code) != WR_OK) exit(1);
        c->codes[i] = code;
        c->str[i] = dict->values[code];
    }
}

static wr_batch *make_batch(uint32_t n) {
    wr_batch *b;
    if (wr_batch_new(N_TYPES, n, &b, NULL) != WR_OK) exit(1);
    b->n = n;
    for (uint32_t c = 0; c < N_TYPES; c++) {
        if (wr_batch_col(b, c, wr_type_phys(types[c]), NULL) != WR_OK) exit(1);
        wr_col *col = &b->cols[c];
        if (c == DICT_COL) fill_dict(b, col);
        else
            for (uint32_t i = 0; i < n; i++) {
                wr_value v = random_value(types[c]);
                if (col->phys == WR_STR) col->str[i] = v.str;
                else col->i64[i] = v.i64;
            }
        uint32_t nulls = chance(40) ? 0 : chance(90) ? 15 : 100;
        if (!nulls || !wr_batch_nulls(b, col)) continue;
        for (uint32_t i = 0; i < n; i++)
            if (chance(nulls)) {
                wr_bit_set(col->nulls, i);
                if (col->phys == WR_STR) col->str[i] = (wr_str){0};
                else col->i64[i] = 0;
            }
    }
    return b;
}

/* ---- printing ---- */

static const char *const op_names[] = {
#define X(name) #name,
    WR_OP_LIST(X)
#undef X
};

static void print_value(wr_phys p, const wr_value *v) {
    if (v->null) printf("NULL");
    else if (p == WR_I64) printf("%lld", (long long)v->i64);
    else if (p == WR_F64) printf("%a", v->f64);
    else {
        putchar('\'');
        for (uint32_t i = 0; i < v->str.len; i++) {
            unsigned char c = (unsigned char)wr_str_data(&v->str)[i];
            printf(c < 32 || c > 126 ? "\\x%02x" : "%c", c);
        }
        putchar('\'');
    }
}

static void print_expr(const wr_expr *e) {
    char t[64];
    wr_type_print(e->type, t, sizeof t);
    if (e->kind == WR_X_COL) {
        printf("c%u", e->col);
        return;
    }
    if (e->kind == WR_X_CONST) {
        print_value(wr_type_phys(e->type), &e->value);
        return;
    }
    printf("%s", e->kind == WR_X_OP ? op_names[e->op] : e->func->name);
    if (e->unit) printf(".u%d", e->unit);
    printf(":%s(", t);
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (i) printf(", ");
        print_expr(e->args[i]);
    }
    printf(")");
}

static wr_value at(const wr_col *c, uint32_t i) {
    wr_value v = {0};
    if (c->phys == WR_STR) v.str = c->str[i];
    else v.i64 = c->i64[i];
    v.null = wr_is_null(c, i);
    return v;
}

static void print_cols(const wr_expr *e, const wr_batch *in, uint32_t row) {
    if (e->kind == WR_X_COL) {
        wr_value v = at(&in->cols[e->col], row);
        char t[64];
        printf("  c%u %s = ", e->col, wr_type_print(e->type, t, sizeof t));
        print_value(in->cols[e->col].phys, &v);
        printf("\n");
    }
    for (uint32_t i = 0; i < e->n_args; i++) print_cols(e->args[i], in, row);
}

/* ---- comparing ---- */

#define WAYS 3
static const char *const way_names[WAYS] = {"kernel", "sqlite", "once per value"};
static const wr_eval_opts ways[WAYS] = {{.no_dict = true}, {.sqlite_only = true, .no_dict = true}, {0}};

typedef struct run {
    wr_eval *ev;
    wr_batch *out;
    wr_row_errors errs;
} run;

static bool same_value(wr_phys p, const wr_value *a, const wr_value *b) {
    if (a->null || b->null) return a->null && b->null;
    return p == WR_STR ? wr_str_eq(&a->str, &b->str) : a->i64 == b->i64;
}

static const char *why_of(const run *r, uint32_t row) {
    for (uint32_t i = 0; i < r->errs.n; i++)
        if (r->errs.rows[i] == row) return r->errs.whys[i];
    return NULL;
}

static void report(const run *a, const run *b, int way, wr_expr *const *exprs, uint32_t n, const wr_batch *in,
                   uint32_t row) {
    for (uint32_t k = 0; k < n; k++) {
        wr_value va = at(&a->out->cols[k], row), vb = at(&b->out->cols[k], row);
        printf("row %u, expression %u: ", row, k);
        print_expr(exprs[k]);
        printf("\n  %s: ", way_names[0]);
        print_value(a->out->cols[k].phys, &va);
        printf("\n  %s: ", way_names[way]);
        print_value(b->out->cols[k].phys, &vb);
        printf("\n");
        print_cols(exprs[k], in, row);
    }
    printf("  error %s: %s\n  error %s: %s\n", way_names[0], why_of(a, row) ? why_of(a, row) : "-",
           way_names[way], why_of(b, row) ? why_of(b, row) : "-");
}

/* Rows that differ; the first is reported. */
static uint32_t compare(const run *a, const run *b, int way, wr_expr *const *exprs, uint32_t n,
                        const wr_batch *in) {
    uint32_t failed = 0, ea = 0, eb = 0;
    for (uint32_t i = 0; i < in->n; i++) {
        bool fa = ea < a->errs.n && a->errs.rows[ea] == i, fb = eb < b->errs.n && b->errs.rows[eb] == i;
        bool same = fa == fb && (!fa || natives || strcmp(a->errs.whys[ea], b->errs.whys[eb]) == 0);
        ea += fa;
        eb += fb;
        for (uint32_t k = 0; same && k < n; k++) {
            wr_value va = at(&a->out->cols[k], i), vb = at(&b->out->cols[k], i);
            same = same_value(a->out->cols[k].phys, &va, &vb);
        }
        if (!same && failed++ == 0) report(a, b, way, exprs, n, in, i);
    }
    return failed;
}

static uint32_t run_batch(run *runs, wr_expr *const *exprs, uint32_t n, wr_batch *in) {
    static const uint32_t cols[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t failed = 0;
    wr_err err;
    for (int w = 0; w < WAYS; w++) {
        if (wr_batch_new(n, in->n, &runs[w].out, NULL) != WR_OK) exit(1);
        if (wr_eval_run(runs[w].ev, in, runs[w].out, cols, &runs[w].errs, &err) != WR_OK) {
            printf("%s: %s\n", way_names[w], err.msg);
            for (uint32_t k = 0; k < n; k++) {
                print_expr(exprs[k]);
                printf("\n");
            }
            exit(1);
        }
    }
    for (int w = 1; w < WAYS; w++) failed += compare(&runs[0], &runs[w], w, exprs, n, in);
    for (int w = 0; w < WAYS; w++) wr_batch_drop(runs[w].out);
    return failed;
}

/* One round: *rowsp += rows compared; returns how many differed. */
static uint32_t round_of(uint64_t seed, uint64_t *rowsp) {
    state = seed;
    wr_arena_reset(&ar);
    natives = chance(15);
    roll_decimals();
    make_words();
    wr_expr *exprs[8];
    run runs[WAYS] = {0};
    uint32_t n = 1 + below(3), failed = 0;
    wr_err err;
    for (uint32_t k = 0; k < n; k++) exprs[k] = gen(any_type(), 1 + (int)below(5));
    for (int w = 0; w < WAYS; w++)
        if (wr_eval_new(exprs, n, &schema, &ways[w], &runs[w].ev, &err) != WR_OK) {
            printf("%s: %s\n", way_names[w], err.msg);
            exit(1);
        }
    for (uint32_t b = 1 + below(3); b > 0; b--) {
        wr_batch *in = make_batch(chance(5) ? 0 : 1 + below(chance(20) ? 1000 : 130));
        failed += run_batch(runs, exprs, n, in);
        *rowsp += in->n;
        wr_batch_drop(in);
    }
    for (int w = 0; w < WAYS; w++) {
        wr_row_errors_free(&runs[w].errs);
        wr_eval_free(runs[w].ev);
    }
    wr_drop(&dict->ref);
    return failed;
}

int main(int argc, char **argv) {
    uint64_t seconds = 10, rows = UINT64_MAX, seed = 1, done = 0, failed = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t v = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seconds") == 0) seconds = v;
        else if (strcmp(argv[i], "--rows") == 0) rows = v;
        else if (strcmp(argv[i], "--seed") == 0) seed = v;
        else return fprintf(stderr, "usage: fuzz_expr [--seconds S] [--rows N] [--seed K]\n"), 2;
    }
    int64_t end = wr_sys_real.mono_us() + (int64_t)seconds * 1000000;
    while (done < rows && failed < 5 && wr_sys_real.mono_us() < end) {
        uint32_t bad = round_of(seed, &done);
        if (bad) printf("seed %llu: %u rows differ\n", (unsigned long long)seed, bad);
        failed += bad;
        seed++;
    }
    wr_arena_free(&ar);
    printf("%llu passed, %llu failed\n", (unsigned long long)(done - (failed < done ? failed : done)),
           (unsigned long long)failed);
    return failed != 0;
}

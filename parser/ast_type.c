/* parser/ast_type.c -- type names of both dialects to wr_type.
 *
 * A type on its way through the grammar is a CAST node without operand: it has room for the type, the
 * place and an interval's units. Errors here do not stop the parse: the statement goes on with NULL. */
#include "parser/parser_int.h"

typedef enum type_form { PLAIN, LENGTH, DIGITS, FRACTION, IGNORED } type_form; /* what (n) means */
static const struct type_word {
    const char *word;
    wr_kind kind;
    type_form form;
    bool local_tz;
} type_words[] = {{"BOOLEAN", WR_T_BOOLEAN, PLAIN, false},
                  {"BOOL", WR_T_BOOLEAN, PLAIN, false},
                  {"TINYINT", WR_T_TINYINT, PLAIN, false},
                  {"SMALLINT", WR_T_SMALLINT, PLAIN, false},
                  {"INTEGER", WR_T_INTEGER, PLAIN, false},
                  {"INT", WR_T_INTEGER, PLAIN, false},
                  {"BIGINT", WR_T_BIGINT, PLAIN, false},
                  {"DECIMAL", WR_T_DECIMAL, DIGITS, false},
                  {"DEC", WR_T_DECIMAL, DIGITS, false},
                  {"NUMERIC", WR_T_DECIMAL, DIGITS, false},
                  {"REAL", WR_T_REAL, PLAIN, false},
                  {"FLOAT", WR_T_DOUBLE, IGNORED, false},
                  {"DOUBLE", WR_T_DOUBLE, PLAIN, false},
                  {"CHAR", WR_T_CHAR, LENGTH, false},
                  {"CHARACTER", WR_T_CHAR, LENGTH, false},
                  {"VARCHAR", WR_T_VARCHAR, LENGTH, false},
                  {"STRING", WR_T_VARCHAR, PLAIN, false},
                  {"TEXT", WR_T_VARCHAR, PLAIN, false},
                  {"CLOB", WR_T_VARCHAR, PLAIN, false},
                  {"JSON", WR_T_JSON, PLAIN, false},
                  {"BINARY", WR_T_VARBINARY, LENGTH, false},
                  {"VARBINARY", WR_T_VARBINARY, LENGTH, false},
                  {"BYTES", WR_T_VARBINARY, PLAIN, false},
                  {"BLOB", WR_T_VARBINARY, PLAIN, false},
                  {"DATE", WR_T_DATE, PLAIN, false},
                  {"TIME", WR_T_TIME, FRACTION, false},
                  {"TIMESTAMP", WR_T_TIMESTAMP, FRACTION, false},
                  {"TIMESTAMP_LTZ", WR_T_TIMESTAMP, FRACTION, true}};

wri_list *wri_type_arg(wri_parse *p, wri_list *l, wri_tok n) { return wri_add(p, l, &n, sizeof n, 0); }

static void bad_arg(wri_parse *p, wri_tok t, const char *word, const char *expected) {
    wri_error(p, WR_ESQL, t.loc, NULL, "found %s(%s), expected %s", word, t.text, expected);
}

/* DECIMAL(p, s) */
static void digits(wri_parse *p, const wri_tok *a, uint32_t n, const char *word, wr_type *t) {
    uint64_t prec, scale = 0;
    if (!wri_uint(p, a[0], 1000, &prec) || (n > 1 && !wri_uint(p, a[1], 1000, &scale))) return;
    if (prec < 1) bad_arg(p, a[0], word, "at least one digit");
    else if (prec > 19)
        wri_error(p, WR_EUNSUPPORTED, a[0].loc,
                  "declare DECIMAL(18, s), or DOUBLE if rounding does not matter",
                  "%s holds at most 18 digits, not %s", word, a[0].text);
    else if (scale > prec || scale > 18)
        wri_error(p, WR_ESQL, a[1].loc, NULL, "the scale %s is more than the %s digits of the number",
                  a[1].text, scale > prec ? a[0].text : "18");
    t->prec = (uint32_t)prec;
    t->scale = (uint8_t)scale;
}

static void type_args(wri_parse *p, wri_list *args, const struct type_word *w, wr_type *t) {
    const wri_tok *a = args->items;
    uint64_t v;
    if (args->n > (w->form == DIGITS ? 2u : 1u) || w->form == PLAIN) {
        wri_error(p, WR_ESQL,
                  a[w->form == PLAIN    ? 0
                    : w->form == DIGITS ? 2
                                        : 1]
                      .loc,
                  NULL, w->form == PLAIN ? "%s takes nothing in parentheses" : "too many numbers behind %s",
                  w->word);
        return;
    }
    switch (w->form) {
    case DIGITS:
        digits(p, a, args->n, w->word, t);
        break;
    case LENGTH:
        if (!wri_uint(p, a[0], INT32_MAX, &v)) return;
        if (v == 0) bad_arg(p, a[0], w->word, "a length of at least 1");
        t->prec = v == INT32_MAX ? 0 : (uint32_t)v; /* Flink's way to write "any length" */
        if (v == INT32_MAX && w->kind == WR_T_CHAR) bad_arg(p, a[0], w->word, "a shorter length");
        break;
    case FRACTION:
        if (!wri_uint(p, a[0], 1000, &v)) return;
        if (v > 6)
            wri_error(p, WR_EUNSUPPORTED, a[0].loc, "times are kept to the microsecond: write at most 6",
                      "%s(%s) has more than 6 fraction digits", w->word, a[0].text);
        t->prec = (uint32_t)v;
        break;
    default:
        break; /* FLOAT(p): always a double */
    }
}

/* Reports a word that is no type. */
static void unknown(wri_parse *p, wri_tok word, const char *u) {
    static const char *const nested[] = {"ARRAY", "MAP", "ROW", "MULTISET", "STRUCT"};
    for (size_t i = 0; i < WR_LEN(nested); i++)
        if (strcmp(u, nested[i]) == 0) {
            wri_error(p, WR_EUNSUPPORTED, word.loc, "declare the column JSON and use ->, ->> or JSON_VALUE",
                      "type %s is not supported", u);
            return;
        }
    static const struct {
        const char *theirs, *hint;
    } others[] = {{"NUMBER", "write DECIMAL(10, 2), BIGINT or DOUBLE"},
                  {"LONG", "write BIGINT"},
                  {"DATETIME", "write TIMESTAMP(3)"},
                  {"UUID", "write VARCHAR(36)"},
                  {"VARCHAR2", "write VARCHAR(n)"},
                  {"NVARCHAR", "write VARCHAR(n)"},
                  {"MONEY", "write DECIMAL(18, 2)"},
                  {"TIMESTAMPTZ", "write TIMESTAMP_LTZ(3)"},
                  {"FLOAT8", "write DOUBLE"},
                  {"FLOAT4", "write REAL"},
                  {"SERIAL", "write BIGINT"}};
    const char *hint = wri_did_you_mean(p, u, type_words, WR_LEN(type_words), sizeof type_words[0]);
    for (size_t i = 0; i < WR_LEN(others); i++)
        if (strcmp(u, others[i].theirs) == 0) hint = others[i].hint;
    wri_error(p, WR_ESQL, word.loc, hint ? hint : "a column is written name type, as in price DOUBLE",
              "'%s' is no type", word.text);
}

wr_ast *wri_type(wri_parse *p, wri_tok word, const char *word2, wri_list *args, uint32_t end) {
    wr_ast *e = wri_ast(p, WR_A_CAST, (wr_loc){word.loc.at, end});
    const char *u = e ? wri_upper(p, word.text) : NULL;
    if (!u) return NULL;
    const struct type_word *w = NULL;
    for (size_t i = 0; i < WR_LEN(type_words) && !word.quoted; i++)
        if (strcmp(u, type_words[i].word) == 0) w = &type_words[i];
    if (!w) {
        unknown(p, word, u);
        return e;
    }
    e->type = wr_type_of(w->kind);
    e->type.local_tz = w->local_tz;
    if (w->kind == WR_T_CHAR) e->type.prec = 1;
    if (word2 && word2[0] == 'V') { /* CHARACTER VARYING, BINARY VARYING */
        if (w->kind == WR_T_CHAR) e->type = wr_type_of(WR_T_VARCHAR);
        else if (strcmp(u, "BINARY") != 0)
            wri_error(p, WR_ESQL, e->loc, NULL, "there is no type %s VARYING", u);
    } else if (word2 && w->kind != WR_T_DOUBLE)
        wri_error(p, WR_ESQL, e->loc, NULL, "there is no type %s PRECISION", u);
    if (args) type_args(p, args, w, &e->type);
    return e;
}

wr_ast *wri_type_zone(wri_parse *p, wr_ast *type, int zone, uint32_t end) {
    if (p->failed) return NULL;
    wri_span(type, UINT32_MAX, end);
    if (zone == 2 && type->type.kind == WR_T_TIMESTAMP) type->type.local_tz = true;
    else if (zone == 1)
        wri_error(p, WR_EUNSUPPORTED, type->loc,
                  "use TIMESTAMP(3) WITH LOCAL TIME ZONE, or TIMESTAMP, which is UTC",
                  "types WITH TIME ZONE are not supported");
    else if (type->type.kind != WR_T_TIMESTAMP && type->type.kind != WR_T_TIME &&
             type->type.kind != WR_T_NULL)
        wri_error(p, WR_ESQL, type->loc, NULL, "only TIME and TIMESTAMP have a time zone");
    else if (zone == 2) wri_error(p, WR_ESQL, type->loc, NULL, "only TIMESTAMP can be WITH LOCAL TIME ZONE");
    return type;
}

wr_ast *wri_type_interval(wri_parse *p, wri_tok word, wri_units u) {
    wr_ast *e = wri_ast(p, WR_A_CAST, (wr_loc){word.loc.at, u.end});
    if (!e) return NULL;
    bool months = u.unit == WR_U_YEAR || u.unit == WR_U_QUARTER || u.unit == WR_U_MONTH;
    e->type = wr_type_of(months ? WR_T_INTERVAL_MONTH : WR_T_INTERVAL_DAY);
    if (!months) e->type.prec = u.prec2 ? (u.prec2 - 1 > 6 ? 6 : u.prec2 - 1) : 3;
    e->unit = u.unit;
    e->unit2 = u.unit2;
    e->prec = u.prec;
    e->prec2 = u.prec2;
    return e;
}

/* parser/expect.c -- syntax errors in words: what was found, what was expected, what was probably meant.
 *
 * The automaton is run again without values up to the error, then asked for every terminal whether it
 * would fit. A word misspelt one place earlier (SELECT a FORM t: FORM is an alias there) is found by
 * asking whether a keyword near to it would make the lexeme that failed fit. */
#include <strings.h>

#include "parser/parser_int.h"
#include "sql.h"

const char *wri_did_you_mean(wri_parse *p, const char *word, const void *names, size_t n, size_t stride) {
    const char *near = wr_nearest(word, names, n, stride);
    if (!near) return NULL;
    const char *hint = wr_arena_printf(p->ar, "did you mean %s?", near);
    if (!hint) wri_fail(p);
    return hint;
}

/* The order in which expected terminals are told; all others come behind these. */
static const uint16_t first_told[] = {
    TK_SELECT, TK_INSERT, TK_CREATE, TK_EXPLAIN, TK_SET,   TK_SHOW,  TK_RETURNS, TK_RETURN,  TK_EXTENSION,
    TK_STREAM, TK_TABLE,  TK_VIEW,   TK_FROM,    TK_WHERE, TK_GROUP, TK_HAVING,  TK_ORDER,   TK_LIMIT,
    TK_EMIT,   TK_JOIN,   TK_ON,     TK_USING,   TK_COMMA, TK_AS,    TK_LP,      TK_WITH,    TK_WHEN,
    TK_THEN,   TK_ELSE,   TK_END,    TK_EQ,      TK_BY,    TK_UNION, TK_WINDOW,  TK_NOT_NULL};

/* Operators and the like: told only when nothing else fits. */
static bool minor(uint16_t c) {
    switch (c) {
    case TK_OR:
    case TK_AND:
    case TK_NOT:
    case TK_IS:
    case TK_NE:
    case TK_LT:
    case TK_LE:
    case TK_GT:
    case TK_GE:
    case TK_BETWEEN:
    case TK_IN:
    case TK_LIKE:
    case TK_RLIKE:
    case TK_SIMILAR_TO:
    case TK_STRICTLY:
    case TK_IMMEDIATELY:
    case TK_PLUS:
    case TK_MINUS:
    case TK_STAR:
    case TK_SLASH:
    case TK_PERCENT:
    case TK_CONCAT:
    case TK_ARROW:
    case TK_DARROW:
    case TK_AT:
    case TK_DCOLON:
    case TK_LB:
    case TK_DOT:
    case TK_FILTER:
    case TK_IGNORE:
    case TK_RESPECT:
    case TK_IGNORE_IN:
    case TK_RESPECT_IN:
    case TK_WITHIN_GROUP:
    case TK_FROM_END:
    case TK_ERROR:
    case TK_DEFAULT:
    case TK_EMPTY:
    case TK_ABSENT:
    case TK_VALUE:
    case TK_VALUE_KIND:
    case TK_WITH_WRAPPER:
    case TK_WITHOUT_WRAPPER:
    case TK_RETURNING:
        return true;
    default:
        return c >= TK_CONTAINS && c <= TK_LAGS;
    }
}

/* Terminals that only begin an operand; "an expression" stands for them. */
static bool operand(uint16_t c) {
    switch (c) {
    case TK_ID:
    case TK_NUMBER:
    case TK_STRING:
    case TK_HEX:
    case TK_NULL:
    case TK_TRUE:
    case TK_FALSE:
    case TK_UNKNOWN:
    case TK_DATE:
    case TK_TIME:
    case TK_TIMESTAMP:
    case TK_LBRACE:
    case TK_INTERVAL:
    case TK_LP:
    case TK_ROW_OF:
    case TK_PERIOD:
    case TK_ARRAY:
    case TK_EXISTS:
    case TK_FINAL:
    case TK_RUNNING:
    case TK_CASE:
    case TK_CAST:
    case TK_TRY_CAST:
    case TK_EXTRACT:
    case TK_FLOOR:
    case TK_CEIL:
    case TK_STEP:
    case TK_TIMESTAMPADD:
    case TK_SUBSTRING:
    case TK_POSITION:
    case TK_OVERLAY:
    case TK_TRIM:
    case TK_PLUS:
    case TK_MINUS:
    case TK_NOT:
    case TK_DESCRIPTOR:
    case TK_CURSOR:
        return true;
    default:
        return false;
    }
}

typedef struct expected {
    bool *fits; /* by terminal */
    uint16_t n;
    const char *told[WRI_EXPECT_MAX + 4];
    uint32_t n_told;
    bool more, end; /* end: the statement may end here, told last */
} expected;

static void tell(expected *x, const char *name) {
    for (uint32_t i = 0; i < x->n_told; i++)
        if (strcmp(x->told[i], name) == 0) return;
    if (x->n_told == WRI_EXPECT_MAX) x->more = true;
    else x->told[x->n_told++] = name;
}

static void take(expected *x, uint16_t code) {
    if (!x->fits[code]) return;
    x->fits[code] = false;
    tell(x, wri_terminal_name(code));
}

/* Chooses what to tell from x->fits, which it uses up. */
static void choose(expected *x) {
    bool value = x->fits[TK_NUMBER] && x->fits[TK_CASE], other = false;
    if (value) tell(x, "an expression");
    if (value || (x->fits[TK_AS] && !x->fits[TK_NUMBER]))
        x->fits[TK_ID] = false;                                    /* an alias is rarely meant */
    bool ended = x->fits[TK_PLUS] && x->fits[TK_CONCAT] && !value; /* an operand is complete */
    static const uint16_t goes_on[] = {TK_LP,   TK_EQ,   TK_FAT_ARROW, TK_NULL,   TK_DOT,
                                       TK_OVER, TK_TRUE, TK_FALSE,     TK_UNKNOWN};
    for (size_t i = 0; i < WR_LEN(goes_on) && ended; i++) x->fits[goes_on[i]] = false;
    if (x->fits[TK_SECOND]) tell(x, "a unit such as SECOND, MINUTE or DAY");
    for (uint16_t c = TK_YEAR; c <= TK_MICROSECOND; c++) x->fits[c] = false;
    x->end = x->fits[0];
    x->fits[0] = x->fits[TK_ERROR_ITEM] = false;
    for (uint16_t c = 0; c < x->n && value; c++)
        if (operand(c)) x->fits[c] = false;
    if (x->fits[TK_ID]) take(x, TK_ID);
    for (uint16_t c = 0; c < x->n; c++) other = other || (x->fits[c] && !minor(c));
    for (uint16_t c = 0; c < x->n && (other || x->n_told || x->end); c++)
        if (minor(c)) x->fits[c] = false;
    for (size_t i = 0; i < WR_LEN(first_told); i++) take(x, first_told[i]);
    bool close = x->fits[TK_RP]; /* a missing parenthesis is worth its place */
    x->fits[TK_RP] = false;
    for (uint16_t c = 0; c < x->n; c++) take(x, c);
    if (close && x->n_told == WRI_EXPECT_MAX) {
        x->told[x->n_told - 1] = "')'";
        x->more = true;
    } else if (close) tell(x, "')'");
}

static wr_status put_expected(const expected *x, wr_buf *b) {
    for (uint32_t i = 0; i < x->n_told; i++) {
        bool last = i + 1 == x->n_told && !x->end && !x->more;
        WR_TRY(wr_buf_printf(b, "%s%s", i == 0 ? "" : last ? " or " : ", ", x->told[i]));
    }
    if (x->more) WR_TRY(wr_buf_puts(b, x->end ? ", …" : " …"));
    if (x->end) WR_TRY(wr_buf_puts(b, x->n_told ? " or ';'" : "';'"));
    return WR_OK;
}

/* 'GRUOP', the string 'abc', the end of the script */
static wr_status put_found(const wri_parse *p, size_t i, wr_buf *b) {
    const wri_lexeme *x = &p->toks[i];
    uint32_t n = x->tok.loc.end - x->tok.loc.at;
    bool cut = n > 40;
    if (cut) n = 40;
    while (cut && n > 0 && ((unsigned char)p->text[x->tok.loc.at + n] & 0xc0) == 0x80) n--;
    if (x->code == 0) return wr_buf_puts(b, "the end of the script");
    if (x->code == TK_STRING) WR_TRY(wr_buf_puts(b, "the string "));
    const char *quote = x->code == TK_STRING && p->text[x->tok.loc.at] == '\'' ? "" : "'";
    WR_TRY(wr_buf_printf(b, "%s%.*s%s%s", quote, (int)n, p->text + x->tok.loc.at, cut ? "…" : "", quote));
    return WR_OK;
}

/* ---- hints ---- */

static const char *kept(wri_parse *p, const char *s) {
    if (!s) wri_fail(p);
    return s;
}

/* The open parenthesis that toks[i], the end, leaves without its partner. SIZE_MAX: none. */
static size_t open_paren(const wri_parse *p, size_t i) {
    size_t depth = 0;
    while (i-- > 0) {
        if (p->toks[i].code == TK_RP) depth++;
        else if (p->toks[i].code == TK_LP && depth-- == 0) return i;
    }
    return SIZE_MAX;
}

/* Clauses of a SELECT in their order. */
static uint32_t clause_rank(const wri_parse *p, size_t i) {
    static const uint16_t order[] = {TK_SELECT, TK_FROM,   TK_WHERE, TK_GROUP,
                                     TK_HAVING, TK_WINDOW, TK_ORDER, TK_LIMIT};
    uint16_t code = i < p->n_toks && p->toks[i].kw ? p->toks[i].kw->code : 0;
    for (uint32_t k = 0; k < WR_LEN(order); k++)
        if (code == order[k]) return k + 1;
    return 0;
}

/* WHERE behind GROUP BY, or a second WHERE: says so. */
static const char *misplaced(wri_parse *p, size_t i) {
    static const char *const names[] = {"",       "SELECT", "FROM",     "WHERE", "GROUP BY",
                                        "HAVING", "WINDOW", "ORDER BY", "LIMIT"};
    uint32_t rank = clause_rank(p, i), most = 0;
    size_t depth = 0;
    if (rank < 2) return NULL;
    for (size_t k = i; k-- > 0;) {
        if (p->toks[k].code == TK_RP) depth++;
        if (p->toks[k].code == TK_LP && depth-- == 0) break;
        uint32_t r = depth == 0 && p->toks[k].fed != TK_ID ? clause_rank(p, k) : 0;
        if (r > most) most = r;
        if (r == 1) break; /* the SELECT that all this belongs to */
    }
    if (most < rank) return NULL;
    const char *hint;
    if (most > rank) hint = wr_arena_printf(p->ar, "%s belongs before %s", names[rank], names[most]);
    else if (rank == 3) hint = wr_arena_strdup(p->ar, "there is a WHERE already; join conditions with AND");
    else hint = wr_arena_printf(p->ar, "there is a %s already", names[rank]);
    return kept(p, hint);
}

/* Is the reserved word toks[i] rather a name than the clause it begins? What follows tells. */
static bool rather_name(const wri_parse *p, size_t i) {
    switch (wri_code_at(p, i + 1)) {
    case 0:
    case TK_COMMA:
    case TK_RP:
    case TK_FROM:
    case TK_AS:
    case TK_DOT:
    case TK_EQ:
    case TK_PLUS:
    case TK_MINUS:
    case TK_STAR:
    case TK_SLASH:
        return true;
    default:
        return false;
    }
}

static const char *open_hint(wri_parse *p, size_t i) {
    size_t open = open_paren(p, i);
    if (open == SIZE_MAX) return NULL;
    uint32_t line, col;
    wr_line_col(p->text, p->len, p->toks[open].tok.loc.at, &line, &col);
    return kept(p, wr_arena_printf(p->ar, "the '(' at %u:%u is not closed", line, col));
}

static bool is_written(const wri_parse *p, size_t i, const char *text) {
    if (i >= p->n_toks) return false;
    wr_loc at = p->toks[i].tok.loc;
    return at.end - at.at == strlen(text) && strncasecmp(p->text + at.at, text, at.end - at.at) == 0;
}

/* What is written so in other places: comparisons turned round, TOP n, LIMIT n, m, statements that change
 * rows. */
static const char *foreign_hint(const wri_parse *p, size_t i, const bool *fits) {
    const wri_lexeme *x = &p->toks[i];
    if (is_written(p, i, "=>")) return "greater or equal is written >=";
    if (i > 0 && p->toks[i - 1].code == TK_EQ && is_written(p, i, "<")) return "less or equal is written <=";
    if (i > 0 && p->toks[i - 1].code == TK_EQ && is_written(p, i, ">"))
        return "greater or equal is written >=";
    if (x->code == TK_NUMBER && i > 0 && is_written(p, i - 1, "TOP")) return "write LIMIT n at the end";
    if (x->code == TK_COMMA && i > 1 && is_written(p, i - 2, "LIMIT")) return "write LIMIT n OFFSET m";
    if (is_written(p, i, "UPDATE") || is_written(p, i, "DELETE") || is_written(p, i, "MERGE"))
        return "rows of a stream stay as they are; a result that changes is a GROUP BY … EMIT CHANGES into a "
               "stream with a PRIMARY KEY";
    if (x->code == TK_STRING && fits[TK_ID] && !fits[TK_STRING])
        return "'…' is text; a name is written as it is, or in double quotes";
    return NULL;
}

static bool plain_word(const wri_parse *p, size_t i) {
    return i < p->n_toks && p->toks[i].code == TK_ID && !p->toks[i].tok.quoted &&
           p->toks[i].tok.loc.end - p->toks[i].tok.loc.at < 40;
}

/* Runs the automaton over toks[0..i). */
static bool replay(wri_parse *p, size_t i, size_t *np) {
    if (!wri_sim_start(p, np)) wri_fail(p);
    for (size_t k = 0; k < i && !p->oom; k++)
        if (!wri_sim_shift(p, np, p->toks[k].fed)) return false;
    return !p->oom;
}

/* STEP(… BY …) among the items of FROM, where it is taken for a table function; STEP(s, t BY …) for s.t. */
static const char *step_hint(const wri_parse *p, size_t i) {
    size_t open = is_written(p, i, "BY") ? open_paren(p, i) : SIZE_MAX;
    if (open == SIZE_MAX || open == 0 || !is_written(p, open - 1, "STEP")) return NULL;
    for (size_t k = open + 1; k < i; k++)
        if (p->toks[k].code == TK_COMMA)
            return "STEP takes one value before BY; a stream and its column are written stream.column";
    return "STEP(… BY …) is a value: it stands in SELECT and GROUP BY, not among the items of FROM";
}

/* "priceFROM orders LEFT JOIN": a keyword that fits before toks[from], and what follows behind it up to
 * toks[i], is the end of the word before. */
static const char *glued_hint(wri_parse *p, size_t from, size_t i) {
    size_t n_kw, n;
    const wri_keyword *kw = wri_keywords(&n_kw);
    if (!plain_word(p, from - 1) || p->toks[from - 1].kw) return NULL;
    wr_loc loc = p->toks[from - 1].tok.loc;
    for (size_t k = 0; k < n_kw; k++) {
        size_t len = strlen(kw[k].word);
        if (len < 4 || len >= loc.end - loc.at || !kw[k].reserved) continue;
        if (strncasecmp(p->text + loc.end - len, kw[k].word, len) != 0) continue;
        bool fits = replay(p, from, &n) && wri_sim_shift(p, &n, kw[k].code);
        for (size_t t = from; t < i && fits; t++) fits = wri_sim_shift(p, &n, p->toks[t].fed);
        if (fits && (wri_sim_accepts(p, n, wri_code_at(p, i)) || wri_sim_accepts(p, n, p->toks[i].fed)))
            return kept(p, wr_arena_printf(p->ar, "is a blank missing in '%.*s', before %s?",
                                           (int)(loc.end - loc.at), p->text + loc.at, kw[k].word));
    }
    return NULL;
}

/* "ASINSERT": the word toks[i] begins with a keyword that fits there, and another one follows. */
static const char *joined_hint(wri_parse *p, size_t i, const bool *fits) {
    size_t n_kw;
    const wri_keyword *kw = wri_keywords(&n_kw);
    wr_loc loc = p->toks[i].tok.loc;
    const char *word = p->text + loc.at;
    if (!plain_word(p, i) || p->toks[i].kw) return NULL;
    for (size_t k = 0; k < n_kw; k++) {
        size_t len = strlen(kw[k].word);
        if (!fits[kw[k].code] || len >= loc.end - loc.at || strncasecmp(word, kw[k].word, len) != 0) continue;
        const wri_keyword *next = wri_keyword_find(word + len, loc.end - loc.at - len);
        if (next && next->reserved)
            return kept(p, wr_arena_printf(p->ar, "is a blank missing in '%.*s', before %s?",
                                           (int)(loc.end - loc.at), word, next->word));
    }
    return NULL;
}

/* fits: by terminal, what could stand at toks[i]. */
static const char *hint_for(wri_parse *p, size_t i, const bool *fits) {
    const wri_lexeme *x = &p->toks[i];
    uint16_t prev = i > 0 ? p->toks[i - 1].code : 0;
    const char *hint;
    if (fits[TK_RP] && (i >= p->n_toks || clause_rank(p, i) > 1)) return open_hint(p, i);
    if (i >= p->n_toks) return NULL;
    if (x->code == TK_RP && open_paren(p, i) == SIZE_MAX) return "there is no '(' for it";
    if (prev == TK_COMMA && (x->code == TK_RP || (x->kw && x->kw->reserved && !rather_name(p, i))))
        return "is the comma before it one too many?";
    if (x->code == TK_EQ && prev == TK_EQ) return "equality is written =";
    if ((hint = foreign_hint(p, i, fits)) || (hint = step_hint(p, i))) return hint;
    for (size_t from = i; from > 0 && from + 2 > i; from--)
        if ((hint = glued_hint(p, from, i)) || p->oom) return hint;
    if ((hint = joined_hint(p, i, fits))) return hint;
    if (fits[0] && wri_starts_statement(p, i)) return "is a ';' missing before it?";
    if (fits[TK_SECOND] && prev == TK_STRING && strpbrk(p->toks[i - 1].tok.text, "aeiouyAEIOUY"))
        return "write the unit behind the quotes: INTERVAL '5' MINUTE";
    if (x->kw && x->kw->code == TK_OUTER) return "write LEFT, RIGHT or FULL before OUTER JOIN";
    if ((hint = misplaced(p, i)) || p->oom) return hint;
    if (!x->kw || !x->kw->reserved || !fits[TK_ID] || fits[TK_AS]) return NULL;
    if (fits[TK_NUMBER] && !rather_name(p, i)) return NULL;
    return kept(p, wr_arena_printf(p->ar, "%s is a keyword; as a name it is written \"%.*s\"", x->kw->word,
                                   (int)(x->tok.loc.end - x->tok.loc.at), p->text + x->tok.loc.at));
}

/* ---- the report ---- */

/* The keywords that would fit behind states[0..n), for wr_nearest. */
static size_t fitting_words(const wri_parse *p, size_t n, const char **words) {
    size_t n_kw, n_words = 0;
    const wri_keyword *kw = wri_keywords(&n_kw);
    for (size_t i = 0; i < n_kw; i++)
        if (wri_sim_accepts(p, n, kw[i].code)) words[n_words++] = kw[i].word;
    return n_words;
}

static char *text_of(wri_parse *p, size_t i) {
    wr_loc loc = p->toks[i].tok.loc;
    char *s = wr_arena_strndup(p->ar, p->text + loc.at, loc.end - loc.at);
    if (!s) wri_fail(p);
    return s;
}

/* The keyword that toks[i] is near to and that would fit there. */
static const char *near_keyword(wri_parse *p, size_t i, size_t n) {
    const char *words[400];
    size_t n_kw;
    wri_keywords(&n_kw);
    WR_ASSERT(n_kw <= WR_LEN(words));
    if (!plain_word(p, i)) return NULL;
    const char *word = text_of(p, i);
    if (!word || p->toks[i].kw) return NULL; /* a keyword in the wrong place is no misspelling */
    const char *near = wr_nearest(word, words, fitting_words(p, n, words), sizeof words[0]);
    const wri_keyword *kw = near ? wri_keyword_find(near, strlen(near)) : NULL;
    return kw && strlen(word) < 4 && minor(kw->code) ? NULL : near; /* INT is not IN */
}

/* Was the word before toks[i] meant as a keyword? Then toks[i] fits behind that keyword. */
static bool misspelt_before(wri_parse *p, size_t i) {
    size_t n;
    if (i == 0 || !plain_word(p, i - 1) || p->toks[i - 1].kw || p->toks[i - 1].fed != TK_ID) return false;
    if (!replay(p, i - 1, &n)) return false;
    const char *near = near_keyword(p, i - 1, n);
    const wri_keyword *kw = near ? wri_keyword_find(near, strlen(near)) : NULL;
    if (!kw || !wri_sim_shift(p, &n, kw->code)) return false;
    uint16_t code = wri_code_at(p, i);
    return wri_sim_accepts(p, n, code) || (p->toks[i].code == TK_ID && wri_sim_accepts(p, n, TK_ID));
}

/* A keyword that fits but for what stands behind it (STAGGER without parenthesis) was taken for a name:
 * what stands behind it is wrong. */
static size_t behind_keyword(wri_parse *p, size_t i) {
    size_t n;
    const wri_keyword *kw = i < p->n_toks ? p->toks[i].kw : NULL;
    if (!kw || p->toks[i].fed != TK_ID || !replay(p, i, &n) || !wri_sim_accepts(p, n, kw->code)) return i;
    p->toks[i].fed = kw->code;
    return i + 1;
}

/* True: the statement could have ended before toks[i], and another begins there. */
static bool report(wri_parse *p, size_t i) {
    size_t n;
    if (!replay(p, i, &n)) return false;
    expected x = {.n = wri_n_terminals()};
    x.fits = wr_arena_calloc(p->ar, x.n * sizeof *x.fits);
    if (!x.fits) {
        wri_fail(p);
        return false;
    }
    for (uint16_t c = 0; c < x.n; c++) x.fits[c] = wri_sim_accepts(p, n, c);
    const char *near = near_keyword(p, i, n);
    const char *hint =
        near ? kept(p, wr_arena_printf(p->ar, "did you mean %s?", near)) : hint_for(p, i, x.fits);
    bool begins = x.fits[0] && wri_starts_statement(p, i);
    choose(&x);
    wr_buf b = {0};
    wr_status st = wr_buf_puts(&b, "found ");
    if (st == WR_OK) st = put_found(p, i, &b);
    if (st == WR_OK) st = wr_buf_puts(&b, ", expected ");
    if (st == WR_OK) st = put_expected(&x, &b);
    wr_loc loc = p->toks[i].tok.loc;
    if (i >= p->n_toks && i > 0 && p->toks[i].code == 0) loc.at = loc.end = p->toks[i - 1].tok.loc.end;
    if (st == WR_OK && !p->oom) wri_error(p, WR_ESQL, loc, hint, "%.*s", (int)b.len, b.data);
    if (st != WR_OK) wri_fail(p);
    wr_buf_free(&b);
    return begins;
}

bool wri_explain_syntax(wri_parse *p, size_t i) {
    p->bad = true;
    if (p->d->n >= WR_DIAGS_MAX) {
        p->d->errors++;
        return false;
    }
    if (p->toks[i].code == TK_LT && i > 0 && wri_nested_type(p, i - 1))
        return false; /* the type was reported */
    bool before = misspelt_before(p, i);
    size_t at = before ? i - 1 : behind_keyword(p, i);
    return !p->oom && report(p, at) && at == i;
}

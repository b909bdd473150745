/* parser/words.c -- is a word a keyword here? The half of the answer that lies in the words around it.
 *
 * The automaton says which keywords it could take (parse.c asks). Where it could take a name as well,
 * a keyword is only meant when it goes on as its construct does: EMIT before CHANGES, OVER before '(' or
 * a name, DATE before a string. Looks at most two lexemes ahead and back; pure. */
#include "parser/parser_int.h"
#include "sql.h"

uint16_t wri_code_at(const wri_parse *p, size_t i) {
    if (i >= p->n_toks) return 0;
    const wri_lexeme *x = &p->toks[i];
    return x->kw ? x->kw->code : x->code;
}

static uint16_t before(const wri_parse *p, size_t i, size_t back) {
    return i < back ? 0 : wri_code_at(p, i - back);
}

/* A name, or a word that may be one. */
static bool is_name(const wri_parse *p, size_t i) {
    if (i >= p->n_toks || p->toks[i].code != TK_ID) return false;
    return !p->toks[i].kw || !p->toks[i].kw->reserved || wri_code_at(p, i + 1) == TK_DOT;
}

static bool starts_operand(const wri_parse *p, size_t i) {
    switch (wri_code_at(p, i)) {
    case TK_NUMBER:
    case TK_STRING:
    case TK_HEX:
    case TK_LP:
    case TK_LBRACE:
    case TK_NULL:
    case TK_TRUE:
    case TK_FALSE:
    case TK_CASE:
    case TK_NOT:
    case TK_PLUS:
    case TK_MINUS:
    case TK_LEFT:
    case TK_RIGHT:
        return true;
    default:
        return is_name(p, i);
    }
}

static bool is_unit(uint16_t code) { return code >= TK_YEAR && code <= TK_MICROSECOND; }
_Static_assert(TK_MICROSECOND - TK_YEAR == 9, "units are numbered in a row");
static bool is_period_op(uint16_t code) { return code >= TK_CONTAINS && code <= TK_LAGS; }
_Static_assert(TK_LAGS - TK_CONTAINS == 6, "period predicates are numbered in a row");

static uint16_t interval(const wri_parse *p, size_t i) {
    uint16_t next = wri_code_at(p, i + 1);
    if (next == TK_STRING || next == TK_NUMBER) return TK_INTERVAL;
    if (next == TK_PLUS || next == TK_MINUS) {
        uint16_t value = wri_code_at(p, i + 2); /* and not: a column called interval minus '5' */
        if ((value == TK_STRING || value == TK_NUMBER) && is_unit(wri_code_at(p, i + 3))) return TK_INTERVAL;
    }
    return is_unit(next) ? TK_INTERVAL_TYPE : TK_ID;
}

/* SELECT STREAM: before what begins an item, and not before what goes on after a column called stream. */
static uint16_t stream(const wri_parse *p, size_t i) {
    uint16_t next = wri_code_at(p, i + 1);
    if (before(p, i, 1) != TK_SELECT) return TK_STREAM;
    return next == TK_STAR || next == TK_DISTINCT || next == TK_ALL || starts_operand(p, i + 1) ? TK_STREAM
                                                                                                : TK_ID;
}

static uint16_t exists(const wri_parse *p, size_t i) {
    bool condition = before(p, i, 1) == TK_IF || (before(p, i, 1) == TK_NOT && before(p, i, 2) == TK_IF);
    return condition || wri_code_at(p, i + 1) == TK_LP ? TK_EXISTS : TK_ID;
}

/* Keywords that need one certain lexeme behind them. */
static uint16_t needs(uint16_t code) {
    switch (code) {
    case TK_AFTER:
        return TK_MATCH;
    case TK_AGGREGATE:
        return TK_FUNCTION;
    case TK_ALLOWED:
        return TK_LATENESS;
    case TK_AT:
        return TK_TIME;
    case TK_COMMENT:
    case TK_DESCRIPTION:
    case TK_EXTENSION:
    case TK_DATE:
    case TK_TIMESTAMP:
        return TK_STRING;
    case TK_CURRENT:
        return TK_ROW;
    case TK_EXPEDITED:
        return TK_INTO;
    case TK_GROUPING:
        return TK_SETS;
    case TK_PARTITION:
    case TK_WINDOWED:
        return TK_BY;
    case TK_PRIMARY:
        return TK_KEY;
    case TK_PLAN:
        return TK_FOR;
    case TK_ROWTIME:
        return TK_FROM;
    case TK_CAST:
    case TK_TRY_CAST:
    case TK_CEIL:
    case TK_FLOOR:
    case TK_EXTRACT:
    case TK_STEP:
    case TK_SUBSTRING:
    case TK_POSITION:
    case TK_OVERLAY:
    case TK_TRIM:
    case TK_TIMESTAMPADD:
    case TK_CURSOR:
    case TK_DESCRIPTOR:
    case TK_MATCH_RECOGNIZE:
    case TK_PERMUTE:
    case TK_PATTERN:
    case TK_ROLLUP:
    case TK_CUBE:
    case TK_UNNEST:
    case TK_FILTER:
    case TK_PERIOD:
    case TK_STAGGER:
        return TK_LP;
    default:
        return 0;
    }
}

/* NTH_VALUE(x, 2) FROM [LAST IGNORE NULLS] or FROM [LAST OVER w], and not FROM a table called last. */
static bool is_from_end(const wri_parse *p, size_t i) {
    uint16_t word = wri_code_at(p, i), next = wri_code_at(p, i + 1), next2 = wri_code_at(p, i + 2);
    if (word != TK_FIRST && word != TK_LAST) return false;
    if (next == TK_IGNORE || next == TK_RESPECT) return next2 == TK_NULLS;
    return next == TK_OVER && (next2 == TK_LP || is_name(p, i + 2));
}

/* WITH [CONDITIONAL|UNCONDITIONAL] [ARRAY] WRAPPER of JSON_QUERY. */
static bool wraps(const wri_parse *p, size_t i) {
    uint16_t next = wri_code_at(p, i + 1);
    if (next == TK_CONDITIONAL || next == TK_UNCONDITIONAL) next = wri_code_at(p, ++i + 1);
    if (next == TK_ARRAY) next = wri_code_at(p, i + 2);
    return next == TK_WRAPPER;
}

/* Keywords that are another terminal with a certain lexeme behind; 0: the code is none of these. */
static uint16_t becomes(const wri_parse *p, size_t i, uint16_t code) {
    uint16_t next = wri_code_at(p, i + 1), next2 = wri_code_at(p, i + 2), prev = before(p, i, 1);
    switch (code) {
    case TK_WITH:
        return wraps(p, i) ? TK_WITH_WRAPPER : code;
    case TK_WITHOUT:
        return wraps(p, i) ? TK_WITHOUT_WRAPPER : code;
    case TK_VALUE:
        return prev == TK_JSON ? TK_VALUE_KIND : code;
    case TK_INTERVAL:
        return interval(p, i);
    case TK_STREAM:
        return stream(p, i);
    case TK_EXISTS:
        return exists(p, i);
    case TK_NOT:
        return next == TK_NULL && prev != TK_IS ? TK_NOT_NULL : code;
    case TK_RETURNS:
        return next == TK_NULL ? TK_RETURNS_NULL : code;
    case TK_ROW:
        return next == TK_LP ? TK_ROW_OF : code;
    case TK_SIMILAR:
        return next == TK_TO ? TK_SIMILAR_TO : code;
    case TK_WITHIN:
        return next == TK_GROUP ? TK_WITHIN_GROUP : code;
    case TK_IGNORE:
        return next != TK_NULLS ? TK_ID : next2 == TK_RP ? TK_IGNORE_IN : code;
    case TK_RESPECT:
        return next != TK_NULLS ? TK_ID : next2 == TK_RP ? TK_RESPECT_IN : code;
    case TK_FROM:
        return prev == TK_RP && is_from_end(p, i + 1) ? TK_FROM_END : code;
    default:
        return 0;
    }
}

/* Keywords that need one of several lexemes behind them, or a certain one before. */
static bool suits(const wri_parse *p, size_t i, uint16_t code) {
    uint16_t next = wri_code_at(p, i + 1), next2 = wri_code_at(p, i + 2), prev = before(p, i, 1);
    switch (code) {
    case TK_WATERMARK: /* WATERMARK ts AS ..: FOR is missing; no such type will be meant */
        return next == TK_FOR || (is_name(p, i + 1) && next2 == TK_AS);
    case TK_TIME:
        return next == TK_STRING || next == TK_ZONE;
    case TK_ARRAY:
        return next == TK_LB || next == TK_WRAPPER || prev == TK_EMPTY || prev == TK_JSON;
    case TK_KEY: /* JSON_OBJECT(KEY 'a' VALUE 1) */
        return prev == TK_PRIMARY || next == TK_STRING || (is_name(p, i + 1) && next2 == TK_VALUE);
    case TK_CONSTRAINT:
        return next2 == TK_PRIMARY;
    case TK_CONTAINS:
    case TK_OVERLAPS:
    case TK_EQUALS:
    case TK_PRECEDES:
    case TK_SUCCEEDS:
    case TK_LEADS:
    case TK_LAGS:
    case TK_RLIKE:
    case TK_ESCAPE:
    case TK_QUALIFY:
        return starts_operand(p, i + 1);
    case TK_STRICTLY:
    case TK_IMMEDIATELY:
        return is_period_op(next);
    case TK_EMIT:
        return next == TK_CHANGES || next == TK_FINAL || next == TK_ON || next == TK_EARLY;
    case TK_FETCH:
        return next == TK_FIRST || next == TK_NEXT;
    case TK_FINAL:
    case TK_RUNNING:
        return prev == TK_EMIT ||
               (is_name(p, i + 1) && (next2 == TK_LP || next2 == TK_DOT || next2 == TK_AS));
    case TK_IF:
        return next == TK_NOT || next == TK_EXISTS;
    case TK_LATERAL:
        return next == TK_LP || next == TK_TABLE || (is_name(p, i + 1) && next2 == TK_LP);
    case TK_NULLS:
        return next == TK_FIRST || next == TK_LAST || prev == TK_IGNORE || prev == TK_RESPECT;
    case TK_OFFSET:
        return starts_operand(p, i + 1);
    case TK_OVER:
        return next == TK_LP || is_name(p, i + 1);
    case TK_FIRST:
    case TK_LAST:
        return prev != TK_TO || is_name(p, i + 1);
    case TK_SYMMETRIC:
    case TK_ASYMMETRIC:
        return next != TK_AND;
    case TK_UNBOUNDED:
        return next == TK_PRECEDING || next == TK_FOLLOWING;
    case TK_WINDOW:
        return prev == TK_ON || (is_name(p, i + 1) && next2 == TK_AS);
    case TK_DEFINE:
        return is_name(p, i + 1) && next2 == TK_AS;
    case TK_SUBSET:
        return is_name(p, i + 1) && next2 == TK_EQ;
    default:
        return true;
    }
}

bool wri_nested_type(const wri_parse *p, size_t i) {
    return wri_word_is(p, i, "ARRAY") || wri_word_is(p, i, "MAP") || wri_word_is(p, i, "ROW") ||
           wri_word_is(p, i, "MULTISET") || wri_word_is(p, i, "STRUCT");
}

bool wri_starts_statement(const wri_parse *p, size_t i) {
    uint16_t code = wri_code_at(p, i);
    return code == TK_SELECT || code == TK_INSERT || code == TK_CREATE;
}

uint16_t wri_keyword_code(const wri_parse *p, size_t i) {
    uint16_t code = p->toks[i].kw->code, need = needs(code);
    if (need) return wri_code_at(p, i + 1) == need ? code : TK_ID;
    uint16_t other = becomes(p, i, code);
    if (other) return other;
    return suits(p, i, code) ? code : TK_ID;
}

uint16_t wri_code_else(uint16_t code) {
    switch (code) {
    case TK_NOT_NULL:
        return TK_NOT;
    case TK_RETURNS_NULL:
        return TK_RETURNS;
    case TK_ROW_OF:
        return TK_ROW;
    case TK_IGNORE_IN:
        return TK_IGNORE;
    case TK_RESPECT_IN:
        return TK_RESPECT;
    case TK_WITHIN_GROUP:
        return TK_WITHIN;
    case TK_FROM_END:
        return TK_FROM;
    case TK_SIMILAR_TO:
        return TK_SIMILAR;
    case TK_WITH_WRAPPER:
        return TK_WITH;
    case TK_WITHOUT_WRAPPER:
        return TK_WITHOUT;
    case TK_VALUE_KIND:
        return TK_VALUE;
    default:
        return TK_ID;
    }
}

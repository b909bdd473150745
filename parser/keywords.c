/* parser/keywords.c -- the words of the grammar and what terminals are called in messages.
 *
 * One table, sorted by word. Reserved words are those that begin or join clauses; all others may be
 * names. Several words may be one terminal (SECOND, SECONDS); the first in the table names it. */
#include "parser/parser_int.h"
#include "sql.h"

#define R(word)       {#word, TK_##word, true}
#define N(word)       {#word, TK_##word, false}
#define AS(word, for) {#word, TK_##for, false}

static const wri_keyword keywords[] = {
    N(AFTER), R(ALL), N(ALLOWED), N(ALTER), N(ANALYZE), R(AND), N(ARRAY), R(AS), N(ASC), N(ASYMMETRIC), N(AT),
    R(BETWEEN), N(BOTH), R(BY), N(CALLED), N(CASCADE), R(CASE), N(CAST), N(CEIL), AS(CEILING, CEIL), N(CHANGES),
    N(CLOSE), N(COMMENT), N(CONSTRAINT), N(CONTAINS), R(CREATE), R(CROSS), N(CUBE), N(CURRENT), N(CURSOR),
    N(DATA), N(DATE), N(DAY), AS(DAYS, DAY), N(DEFAULT), N(DEFINE), N(DESC), N(DESCRIBE), N(DESCRIPTION),
    N(DESCRIPTOR), N(DETERMINISTIC), R(DISTINCT), N(DROP), N(EARLY), R(ELSE), N(EMIT), N(EMPTY), N(END),
    N(ENFORCED), N(EQUALS), N(ERROR), N(ESCAPE), N(EVERY), R(EXCEPT), N(EXISTS), N(EXPEDITED), N(EXPLAIN),
    N(EXTENSION), N(EXTRACT), R(FALSE), N(FETCH), N(FILTER), N(FINAL), N(FIRST), N(FLOOR), N(FOLLOWING), R(FOR),
    N(FORMAT), R(FROM), R(FULL), N(FUNCTION), R(GROUP), N(GROUPING), R(HAVING), N(HOUR), AS(HOURS, HOUR), N(IF),
    N(IGNORE), N(IMMEDIATELY), R(IN), R(INNER), N(INPUT), R(INSERT), R(INTERSECT), N(INTERVAL), R(INTO), R(IS),
    R(JOIN), N(KEY), N(LAGS), N(LANGUAGE), N(LAST), N(LATENESS), N(LATERAL), N(LEADING), N(LEADS), R(LEFT),
    R(LIKE), R(LIMIT), N(LOCAL), N(MATCH), N(MATCHES), N(MATCH_RECOGNIZE), N(MEASURES), N(METADATA),
    N(MICROSECOND), AS(MICROSECONDS, MICROSECOND), N(MILLISECOND), AS(MILLISECONDS, MILLISECOND), N(MINUTE),
    AS(MINUTES, MINUTE), N(MODIFIES), N(MONTH), AS(MONTHS, MONTH), R(NATURAL), N(NEXT), N(NO), R(NOT), R(NULL),
    N(NULLS), N(OF), N(OFFSET), N(OMIT), R(ON), N(ONE), N(ONLY), R(OR), R(ORDER), R(OUTER), N(OVER), N(OVERLAPS),
    N(OVERLAY), N(PARTITION), N(PAST), N(PATTERN), N(PER), N(PERIOD), N(PERMUTE), N(PLACING), N(PLAN),
    N(POSITION), N(PRECEDES), N(PRECEDING), N(PRECISION), N(PRIMARY), N(PUMP), N(QUALIFY), N(QUARTER),
    AS(QUARTERS, QUARTER), N(RANGE), N(READS), N(REPLACE), N(RESET), N(RESPECT), N(RESTRICT), N(RETURN),
    N(RETURNING), N(RETURNS), R(RIGHT), N(RLIKE), N(ROLLUP), N(ROW), N(ROWS), N(ROWTIME), N(RUNNING), N(SECOND),
    AS(SECONDS, SECOND), R(SELECT), N(SET), N(SETS), N(SHOW), N(SIMILAR), N(SKIP), N(SPECIFIC), N(SQL),
    N(STAGGER), N(START), N(STARTED), N(STEP), N(STOP), N(STOPPED), N(STREAM), N(STRICTLY), N(SUBSET),
    N(SUBSTRING), N(SUCCEEDS), N(SYMMETRIC), N(SYSTEM_TIME), R(TABLE), AS(TEMP, TEMPORARY), N(TEMPORARY),
    R(THEN), N(TIME), N(TIMESTAMP), N(TIMESTAMPADD), AS(TIMESTAMPDIFF, TIMESTAMPADD), N(TO), N(TRAILING),
    N(TRIM), R(TRUE), N(TRY_CAST), N(UNBOUNDED), R(UNION), N(UNKNOWN), N(UNMATCHED), N(UNNEST), R(USING),
    R(VALUES), N(VARYING), N(VIEW), N(VIRTUAL), N(WATERMARK), N(WEEK), AS(WEEKS, WEEK), R(WHEN), R(WHERE),
    N(WINDOW), N(WINDOWED), R(WITH), N(WITHIN), N(WITHOUT), N(YEAR), AS(YEARS, YEAR), N(ZONE)};

const wri_keyword *wri_keywords(size_t *np) {
    *np = WR_LEN(keywords);
    return keywords;
}

static int compare(const char *word, size_t n, const char *kw) {
    for (size_t i = 0; i < n; i++) {
        int c = word[i] >= 'a' && word[i] <= 'z' ? word[i] - 'a' + 'A' : word[i];
        if (c != kw[i]) return (unsigned char)c < (unsigned char)kw[i] ? -1 : 1; /* kw[i] may be its end */
    }
    return kw[n] ? -1 : 0;
}

const wri_keyword *wri_keyword_find(const char *word, size_t n) {
    size_t lo = 0, hi = WR_LEN(keywords);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = compare(word, n, keywords[mid].word);
        if (c == 0) return &keywords[mid];
        if (c < 0) hi = mid;
        else lo = mid + 1;
    }
    return NULL;
}

const char *wri_terminal_name(uint16_t code) {
    static const struct {
        uint16_t code;
        const char *name;
    } others[] = {{0, "';'"},
                  {TK_ID, "a name"},
                  {TK_NUMBER, "a number"},
                  {TK_STRING, "a string"},
                  {TK_HEX, "a binary string"},
                  {TK_LP, "'('"},
                  {TK_RP, "')'"},
                  {TK_LB, "'['"},
                  {TK_RB, "']'"},
                  {TK_LBRACE, "'{'"},
                  {TK_RBRACE, "'}'"},
                  {TK_EXCLUDE_L, "'{-'"},
                  {TK_EXCLUDE_R, "'-}'"},
                  {TK_COMMA, "','"},
                  {TK_DOT, "'.'"},
                  {TK_EQ, "'='"},
                  {TK_NE, "'<>'"},
                  {TK_LT, "'<'"},
                  {TK_LE, "'<='"},
                  {TK_GT, "'>'"},
                  {TK_GE, "'>='"},
                  {TK_PLUS, "'+'"},
                  {TK_MINUS, "'-'"},
                  {TK_STAR, "'*'"},
                  {TK_SLASH, "'/'"},
                  {TK_PERCENT, "'%'"},
                  {TK_CONCAT, "'||'"},
                  {TK_ARROW, "'->'"},
                  {TK_DARROW, "'->>'"},
                  {TK_FAT_ARROW, "'=>'"},
                  {TK_DCOLON, "'::'"},
                  {TK_BAR, "'|'"},
                  {TK_CARET, "'^'"},
                  {TK_DOLLAR, "'$'"},
                  {TK_QUESTION, "'?'"},
                  {TK_NOT_NULL, "NOT NULL"},
                  {TK_RETURNS_NULL, "RETURNS NULL"},
                  {TK_SIMILAR_TO, "SIMILAR TO"},
                  {TK_WITHIN_GROUP, "WITHIN GROUP"},
                  {TK_IGNORE_IN, "IGNORE NULLS"},
                  {TK_RESPECT_IN, "RESPECT NULLS"},
                  {TK_FROM_END, "FROM"},
                  {TK_INTERVAL_TYPE, "INTERVAL"},
                  {TK_ROW_OF, "ROW"}};
    for (size_t i = 0; i < WR_LEN(keywords); i++)
        if (keywords[i].code == code) return keywords[i].word;
    for (size_t i = 0; i < WR_LEN(others); i++)
        if (others[i].code == code) return others[i].name;
    return "something else";
}

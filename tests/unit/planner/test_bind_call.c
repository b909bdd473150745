/* tests/unit/planner/test_bind_call.c -- functions: signatures, special forms, SQL functions, aggregates out
 * of place. */
#include "bind_test.h"

Test(bind, functions) {
    static const bind_case cases[] = {
        {"UPPER(page)", "UPPER(page) : VARCHAR"},
        {"upper(name)", "UPPER(name) : VARCHAR"},
        {"UPPER(code)", "UPPER(code) : VARCHAR"},
        {"UPPER(doc)", "UPPER(doc) : VARCHAR"},
        {"UPPER(CAST(page AS VARCHAR(3)))", "UPPER(CAST(CAST(page AS VARCHAR(3)) AS VARCHAR)) : VARCHAR"},
        {"UPPER(NULL)", "UPPER(NULL) : VARCHAR"},
        {"UPPER(status)",
         "UPPER(status): UPPER takes (VARCHAR), found (INTEGER) | write CAST(status AS VARCHAR)"},
        {"SUBSTR(page, 1)", "SUBSTR(page, 1) : VARCHAR"},
        {"SUBSTR(page, status, bytes)", "SUBSTR(page, status, bytes) : VARCHAR"},
        {"SUBSTR(page, price)", "SUBSTR(page, price): SUBSTR takes (VARCHAR [, BIGINT [, BIGINT]]), found "
                                "(VARCHAR, DECIMAL(10,2)) | write CAST(price AS BIGINT)"},
        {"SUBSTR(page, CAST(price AS DECIMAL(10,0)))",
         "SUBSTR(page, CAST(CAST(price AS DECIMAL(10,0)) AS BIGINT)) : VARCHAR"},
        {"SUBSTR(status)", "SUBSTR(status): SUBSTR takes (VARCHAR [, BIGINT [, BIGINT]]), found (INTEGER) | "
                           "write CAST(status AS VARCHAR)"},
        {"SUBSTR(page, 1, 2, 3)", "SUBSTR(page, 1, 2, 3): SUBSTR takes (VARCHAR [, BIGINT [, BIGINT]]), "
                                  "found (VARCHAR, INTEGER, INTEGER, INTEGER)"},
        {"SUBSTR()", "SUBSTR(): SUBSTR takes (VARCHAR [, BIGINT [, BIGINT]]), found ()"},
        {"ABS(status)", "ABS(status) : INTEGER"},
        {"ABS(tiny)", "ABS(tiny) : TINYINT"},
        {"ABS(price)", "ABS(price) : DECIMAL(10,2)"},
        {"ABS(latency)", "ABS(latency) : DOUBLE"},
        {"ABS(page)", "ABS(page): ABS takes (number), found (VARCHAR) | write CAST(page AS DOUBLE)"},
        {"ABS(NULL)", "ABS(NULL) : DOUBLE"},
        {"POWER(status, 2)", "POWER(CAST(status AS DOUBLE), 2.0) : DOUBLE"},
        {"POWER(price, 0.5)", "POWER(CAST(price AS DOUBLE), 0.5) : DOUBLE"},
        {"ROUND(price, 1)", "ROUND(price, 1) : DECIMAL(10,1)"},
        {"ROUND(price)", "ROUND(price) : DECIMAL(9,0)"},
        {"ROUND(price, -1)", "ROUND(price, -1) : DECIMAL(9,0)"},
        {"ROUND(price, 5)", "ROUND(price, 5) : DECIMAL(10,2)"},
        {"ROUND(price, status)", "ROUND(price, status) : DECIMAL(10,2)"},
        {"ROUND(wide)", "ROUND(wide) : DECIMAL(18,0)"},
        {"ROUND(wide, -2)", "ROUND(wide, -2) : DECIMAL(18,0)"},
        {"TRUNCATE(price, 1)", "TRUNCATE(price, 1) : DECIMAL(9,1)"},
        {"TRUNCATE(0.05, 0)", "TRUNCATE(0.05, 0) : DECIMAL(1,0)"},
        {"SIGN(price)", "SIGN(price) : DECIMAL(10,2)"},
        {"SIGN(0.5)", "SIGN(0.5) : DECIMAL(2,1)"},
        {"SIGN(status)", "SIGN(status) : INTEGER"},
        {"ROUND(r)", "ROUND(r) : REAL"},
        {"ROUND(page, 1)", "ROUND(page, 1): ROUND takes (number [, BIGINT]), found (VARCHAR, INTEGER) | "
                           "write CAST(page AS DOUBLE)"},
        {"CONCAT(page)", "CONCAT(page) : VARCHAR"},
        {"CONCAT(page, name, 'x', NULL)", "CONCAT(page, name, 'x', NULL) : VARCHAR"},
        {"CONCAT(page, status)", "CONCAT(page, status): CONCAT takes (VARCHAR, …), found (VARCHAR, INTEGER) "
                                 "| write CAST(status AS VARCHAR)"},
        {"CONCAT()", "CONCAT(): CONCAT takes (VARCHAR, …), found ()"},
        {"RANDOM()", "RANDOM() : DOUBLE"},
        {"RANDOM(1)", "RANDOM(1): RANDOM takes (), found (INTEGER)"},
        {"PICK(1, status, bytes)", "PICK(1, status, bytes) : BIGINT"},
        {"PICK(1, status, 2.5)", "PICK(1, CAST(status AS DECIMAL(11,1)), 2.5) : DECIMAL(11,1)"},
        {"PICK(1, page, NULL)", "PICK(1, page, NULL) : VARCHAR"},
        {"PICK(1, page, 5)",
         "PICK(1, page, 5): PICK takes (BIGINT, any, …), found (INTEGER, VARCHAR, INTEGER)"},
        {"DAY_OF(d)", "DAY_OF(d) : BIGINT"},
        {"DAY_OF(ts)", "DAY_OF(ts) : BIGINT"},
        {"DAY_OF(ltz)", "DAY_OF(ltz) : BIGINT"},
        {"DAY_OF('2026-01-01')", "DAY_OF(TIMESTAMP '2026-01-01 00:00:00.000') : BIGINT"},
        {"DAY_OF('x')", "'x': 'x' is no TIMESTAMP | write it as '2026-01-31 23:59:59'"},
        {"DAY_OF(page)", "DAY_OF(page): DAY_OF takes (TIMESTAMP) or (DATE), found (VARCHAR)"},
        {"SPAN('2026-01-01', us)", "SPAN(TIMESTAMP '2026-01-01 00:00:00.000', us) : BIGINT"},
        {"SPAN(d, ts)", "SPAN(d, ts) : BIGINT"},
        {"NEGATE(ok)", "NEGATE(ok) : BOOLEAN"},
        {"NEGATE(1)", "NEGATE(1): NEGATE takes (BOOLEAN), found (INTEGER)"},
        {"MD5(data)", "MD5(data) : VARCHAR"},
        {"MD5(page)", "MD5(page) : VARCHAR"},
        {"MD5(status)", "MD5(status): MD5 takes (VARBINARY) or (VARCHAR), found (INTEGER)"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, special_forms) {
    static const bind_case cases[] = {
        {"SUBSTRING(page FROM 2)", "SUBSTR(page, 2) : VARCHAR"},
        {"SUBSTRING(page FROM 2 FOR 3)", "SUBSTR(page, 2, 3) : VARCHAR"},
        {"SUBSTRING(page, 2, 3)", "SUBSTR(page, 2, 3) : VARCHAR"},
        {"SUBSTRING(page FROM '[a-z]+')",
         "unsupported SUBSTRING(page FROM '[a-z]+'): SUBSTRING(… FROM pattern) is not supported yet"},
        {"SUBSTRING(page SIMILAR 'a#\"b#\"c' ESCAPE '#')",
         "unsupported SUBSTRING(page SIMILAR 'a#\"b#\"c' ESCAPE '#'): SIMILAR_SUBSTR is not "
         "supported yet"},
        {"SUBSTRING(page)",
         "SUBSTRING(page): SUBSTRING has 1 argument; write SUBSTRING(text FROM start FOR length)"},
        {"POSITION('a' IN page)", "INSTR(page, 'a') : BIGINT"},
        {"POSITION('a', page)", "INSTR(page, 'a') : BIGINT"},
        {"TRIM(page)", "TRIM(page) : VARCHAR"},
        {"TRIM(page, 'x')", "TRIM(page, 'x') : VARCHAR"},
        {"TRIM('x' FROM page)", "TRIM(page, 'x') : VARCHAR"},
        {"TRIM(BOTH 'x' FROM page)", "TRIM(page, 'x') : VARCHAR"},
        {"TRIM(LEADING 'x' FROM page)", "LTRIM(page, 'x') : VARCHAR"},
        {"TRIM(TRAILING FROM page)", "RTRIM(page) : VARCHAR"},
        {"TRIM(status)",
         "TRIM(status): TRIM takes (VARCHAR [, VARCHAR]), found (INTEGER) | write CAST(status AS VARCHAR)"},
        {"OVERLAY(page PLACING 'x' FROM 1)",
         "unsupported OVERLAY(page PLACING 'x' FROM 1): OVERLAY is not supported yet"},
        {"CHAR_LENGTH(page)", "CHAR_LENGTH(page) : BIGINT"},
        {"CHARACTER_LENGTH(page)", "CHAR_LENGTH(page) : BIGINT"},
        {"POW(2, 3)", "POWER(2.0, 3.0) : DOUBLE"},
        {"JSON_VALUE(doc, '$.a')", "JSON_VALUE(doc, '$.a') : VARCHAR"},
        {"JSON_VALUE(doc, '$.a' RETURNING INTEGER)", "TRY_CAST(JSON_VALUE(doc, '$.a') AS INTEGER) : INTEGER"},
        {"JSON_VALUE(doc, '$.a' RETURNING VARCHAR)", "JSON_VALUE(doc, '$.a') : VARCHAR"},
        {"JSON_VALUE(doc, '$.a' RETURNING INTEGER NULL ON EMPTY)",
         "TRY_CAST(JSON_VALUE(doc, '$.a') AS INTEGER) : INTEGER"},
        {"JSON_VALUE(doc, '$.a' RETURNING INTEGER ERROR ON ERROR)",
         "CASE WHEN JSON_FOUND(doc, '$.a', 'Vr') = 1 THEN NULL WHEN JSON_FOUND(doc, '$.a', 'Vr') = 2 THEN "
         "NULL "
         "ELSE CAST(JSON_VALUE(doc, '$.a') AS INTEGER) END : INTEGER"},
        {"JSON_VALUE(doc, '$.a' DEFAULT 'x' ON EMPTY)", "CASE WHEN JSON_FOUND(doc, '$.a', 'V') = 1 THEN 'x' "
                                                        "WHEN JSON_FOUND(doc, '$.a', 'V') = 2 THEN NULL ELSE "
                                                        "JSON_VALUE(doc, '$.a') END : VARCHAR"},
        {"JSON_VALUE(doc, '$.a' ERROR ON EMPTY)", "CASE WHEN JSON_FOUND(doc, '$.a', 'Ve') = 1 THEN NULL WHEN "
                                                  "JSON_FOUND(doc, '$.a', 'Ve') = 2 THEN NULL ELSE "
                                                  "JSON_VALUE(doc, '$.a') END : VARCHAR"},
        {"JSON_VALUE(doc, '$.a' EMPTY ARRAY ON EMPTY)",
         "JSON_VALUE(doc, '$.a' EMPTY ARRAY ON EMPTY): JSON_VALUE does not take this ON EMPTY"},
        {"CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP() : TIMESTAMP(3)"},
        {"CURRENT_TIMESTAMP(3)", "CURRENT_TIMESTAMP() : TIMESTAMP(3)"},
        {"CURRENT_TIMESTAMP(ts)", "ts: the number of fraction digits must be an integer, found TIMESTAMP(3)"},
        {"LOCALTIMESTAMP", "CURRENT_TIMESTAMP() : TIMESTAMP(3)"},
        {"NOW()", "CURRENT_TIMESTAMP() : TIMESTAMP(3)"},
        {"CURRENT_ROW_TIMESTAMP", "CURRENT_TIMESTAMP() : TIMESTAMP(3)"},
        {"CURRENT_DATE", "CAST(CURRENT_TIMESTAMP() AS DATE) : DATE"},
        {"CURRENT_TIME", "CAST(CURRENT_TIMESTAMP() AS TIME(0)) : TIME(0)"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, unknown_functions) {
    static const bind_case cases[] = {
        {"UPPR(page)", "UPPR: function 'UPPR' does not exist | did you mean 'UPPER'?"},
        {"ABSS(status)", "ABSS: function 'ABSS' does not exist | did you mean 'ABS'?"},
        {"SUUM(status)", "SUUM: function 'SUUM' does not exist | did you mean 'SUM'?"},
        {"COALESE(page, 'x')", "COALESE: function 'COALESE' does not exist | did you mean 'COALESCE'?"},
        {"NOTHING_LIKE_IT(1)", "NOTHING_LIKE_IT: function 'NOTHING_LIKE_IT' does not exist | weir help "
                               "functions lists those there are"},
        {"UPPER(page => 'x')",
         "page => 'x': 'page =>' names arguments of table functions only | leave the name out"},
        {"UPPER(DISTINCT page)", "UPPER(DISTINCT page): DISTINCT belongs to aggregates, and UPPER is none"},
        {"UPPER(*)", "UPPER(*): '*' belongs to aggregates, and UPPER is none"},
        {"UPPER(page) FILTER (WHERE ok)",
         "UPPER(page) FILTER (WHERE ok): FILTER belongs to aggregates, and UPPER is none"},
    };
    bind_check(cases, .kda = false);
}

/* The caller's hook takes these where they may stand. */
Test(bind, aggregates_elsewhere) {
    static const bind_case cases[] = {
        {"SUM(status)", "SUM(status): SUM is an aggregate and cannot be used here | aggregates stand in "
                        "SELECT, HAVING and ORDER BY, not within each other"},
        {"COUNT(*)", "COUNT(*): COUNT is an aggregate and cannot be used here | aggregates stand in SELECT, "
                     "HAVING and ORDER BY, not within each other"},
        {"SUM(SUM(status))", "SUM(SUM(status)): SUM is an aggregate and cannot be used here | aggregates "
                             "stand in SELECT, HAVING and ORDER BY, not within each other"},
        {"TUMBLE_START(ts, INTERVAL '1' MINUTE)",
         "TUMBLE_START(ts, INTERVAL '1' MINUTE): TUMBLE_START needs GROUP BY TUMBLE(…)"},
        {"HOP_END(ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)",
         "HOP_END(ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE): HOP_END needs GROUP BY HOP(…)"},
        {"SESSION_ROWTIME(ts, INTERVAL '1' MINUTE)",
         "SESSION_ROWTIME(ts, INTERVAL '1' MINUTE): SESSION_ROWTIME needs GROUP BY SESSION(…)"},
        {"TUMBLE(ts, INTERVAL '1' MINUTE)",
         "TUMBLE(ts, INTERVAL '1' MINUTE): TUMBLE stands in GROUP BY, or in FROM TABLE(TUMBLE(…))"},
        {"SESSION(ts, INTERVAL '1' MINUTE)",
         "SESSION(ts, INTERVAL '1' MINUTE): SESSION stands in GROUP BY, or in FROM TABLE(SESSION(…))"},
        {"UPPER(DESCRIPTOR(ts))",
         "DESCRIPTOR(ts): DESCRIPTOR(…) is an argument of table functions in FROM only"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, kinesis_functions) {
    static const bind_case cases[] = {
        {"INITCAP(page)", "KDA_INITCAP(page) : VARCHAR"},
        {"UPPER(page)", "UPPER(page) : VARCHAR"},
        {"TRIM('xy' FROM page)", "'xy': TRIM takes one character, found 'xy'"},
        {"TRIM('x' FROM page)", "TRIM(page, 'x') : VARCHAR"},
    };
    bind_check(cases, .kda = true);
}

static const char functions[] =
    "CREATE FUNCTION twice(x INTEGER) RETURNS BIGINT RETURN x + x;\n"
    "CREATE FUNCTION twice(x VARCHAR) RETURNS VARCHAR RETURN x || x;\n"
    "CREATE FUNCTION f(x INTEGER) RETURNS INTEGER RETURN g(x);\n"
    "CREATE FUNCTION g(x INTEGER) RETURNS INTEGER RETURN f(x) + 1;\n"
    "CREATE FUNCTION strict(a INTEGER, b INTEGER) RETURNS INTEGER RETURNS NULL ON NULL INPUT RETURN "
    "COALESCE(a, 0) + b;\n"
    "CREATE FUNCTION bad(a INTEGER) RETURNS INTEGER RETURN b + page;\n"
    "CREATE FUNCTION UPPER(s VARCHAR) RETURNS VARCHAR RETURN 'mine';\n"
    "CREATE FUNCTION day0(x TIMESTAMP) RETURNS TIMESTAMP RETURN FLOOR(x TO DAY);\n"
    "CREATE FUNCTION answer() RETURNS INTEGER RETURN 42;\n"
    "CREATE FUNCTION agg(a INTEGER) RETURNS INTEGER RETURN SUM(a);\n"
    "CREATE FUNCTION wrong(a INTEGER) RETURNS DATE RETURN a;\n";

Test(bind, sql_functions) {
    static const bind_case cases[] = {
        {"twice(status)", "CAST(status + status AS BIGINT) : BIGINT"},
        {"twice(tiny)", "CAST(tiny + tiny AS BIGINT) : BIGINT"},
        {"twice(page)", "page || page : VARCHAR"},
        {"twice('ab')", "'abab' : VARCHAR"},
        {"twice(latency)", "CAST(CAST(latency AS INTEGER) + CAST(latency AS INTEGER) AS BIGINT) : BIGINT"},
        {"twice(ok)", "twice(ok): twice takes (INTEGER) or (VARCHAR), found (BOOLEAN)"},
        {"twice(1, 2)", "twice(1, 2): twice takes (INTEGER) or (VARCHAR), found (INTEGER, INTEGER)"},
        {"twice(twice(status))", "CAST(CAST(CAST(status + status AS BIGINT) AS INTEGER) + CAST(CAST(status + "
                                 "status AS BIGINT) AS INTEGER) AS BIGINT) : BIGINT"},
        {"TWICE(1)", "2 : BIGINT"},
        {"f(1)", "f(x): function f calls itself, which SQL functions cannot"},
        {"strict(status, tiny)",
         "CASE WHEN status IS NULL OR tiny IS NULL THEN NULL ELSE COALESCE(status, 0) + tiny END : INTEGER"},
        {"bad(1)",
         "b: column 'b' does not exist; there are: a\npage: column 'page' does not exist; there are: a"},
        {"bad(1) + bad(2)",
         "b: column 'b' does not exist; there are: a\npage: column 'page' does not exist; there are: a"},
        {"UPPER(page)", "'mine' : VARCHAR"},
        {"day0(ts)", "FLOOR(ts TO DAY) : TIMESTAMP(3)"},
        {"day0('2026-01-01')", "FLOOR(TIMESTAMP '2026-01-01 00:00:00.000' TO DAY) : TIMESTAMP(3)"},
        {"day0('x')", "'x': 'x' is no TIMESTAMP | write it as '2026-01-31 23:59:59'"},
        {"answer() + 1", "43 : INTEGER"},
        {"agg(status)", "SUM(a): SUM is an aggregate and cannot be used here | aggregates stand in SELECT, "
                        "HAVING and ORDER BY, not within each other"},
        {"wrong(1)", "a: INTEGER cannot be assigned to DATE"},
        {"twice(DISTINCT status)",
         "twice(DISTINCT status): DISTINCT belongs to aggregates, and twice is none"},
        {"twice(pge)", "pge: column 'pge' does not exist | did you mean 'page'?"},
        {"twic(1)", "twic: function 'twic' does not exist | did you mean 'twice'?"},
    };
    bind_check(cases, .functions = functions);
}

/* The hook is asked first for every node, also inside chains. */
static wr_expr *sum_hook(void *ctx, wri_binder *b, const wr_ast *e) {
    (void)ctx;
    if (e->kind == WR_A_BINARY_OP && strcmp(e->op, "AND") == 0 && e->args[1]->kind == WR_A_BOOL)
        return wri_new_col(b->ar, 8, wr_type_of(WR_T_BOOLEAN), e->loc);
    if (e->kind != WR_A_CALL || !wri_find_agg(b->reg, e->name.parts[0].text)) return NULL;
    return wri_new_col(b->ar, 1, wr_type_of(WR_T_BIGINT), e->loc);
}

Test(bind, hook) {
    static const bind_case cases[] = {
        {"SUM(pge) + 1", "status + 1 : BIGINT"},
        {"-SUM(status)", "-status : BIGINT"},
        {"ok AND TRUE AND NOT ok AND NOT ok", "ok AND NOT ok AND NOT ok : BOOLEAN"},
        {"UPPER(CAST(COUNT(*) AS VARCHAR))", "UPPER(CAST(status AS VARCHAR)) : VARCHAR"},
    };
    bind_check(cases, .hook = sum_hook);
}

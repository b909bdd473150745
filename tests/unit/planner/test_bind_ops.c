/* tests/unit/planner/test_bind_ops.c -- literals, operators, CASE: types of results, casts put in, messages.
 */
#include "bind_test.h"

Test(bind, literals) {
    static const bind_case cases[] = {
        {"NULL", "NULL : NULL"},
        {"TRUE", "TRUE : BOOLEAN"},
        {"FALSE", "FALSE : BOOLEAN"},
        {"UNKNOWN", "NULL : BOOLEAN"},
        {"12", "12 : INTEGER"},
        {"2147483647", "2147483647 : INTEGER"},
        {"2147483648", "2147483648 : BIGINT"},
        {"-2147483648", "-2147483648 : INTEGER"},
        {"-2147483649", "-2147483649 : BIGINT"},
        {"9223372036854775807", "9223372036854775807 : BIGINT"},
        {"-9223372036854775808", "-9223372036854775808 : BIGINT"},
        {"9223372036854775808", "9223372036854775808: 9223372036854775808 is too large for BIGINT | write "
                                "9223372036854775808e0 for a DOUBLE"},
        {"-9223372036854775809", "9223372036854775809: -9223372036854775809 is too large for BIGINT | write "
                                 "9223372036854775809e0 for a DOUBLE"},
        {"99999999999999999999999", "99999999999999999999999: 99999999999999999999999 is too large for "
                                    "BIGINT | write 99999999999999999999999e0 for a DOUBLE"},
        {"1.50", "1.50 : DECIMAL(3,2)"},
        {"0.5", "0.5 : DECIMAL(1,1)"},
        {".5", "0.5 : DECIMAL(1,1)"},
        {"1.", "1 : DECIMAL(1,0)"},
        {"0.0", "0.0 : DECIMAL(1,1)"},
        {"-1.5", "-1.5 : DECIMAL(2,1)"},
        {"123456789012345678", "123456789012345678 : BIGINT"},
        {"1234567890123456.78", "1234567890123456.78 : DECIMAL(18,2)"},
        {"1.2345678901234567890", "1.2345678901234567890: 1.2345678901234567890 has 20 digits, a DECIMAL at "
                                  "most 18 | write 1.2345678901234567890e0 for a DOUBLE"},
        {"1e3", "1000.0 : DOUBLE"},
        {"1.5E-3", "0.0015 : DOUBLE"},
        {"-2e0", "-2.0 : DOUBLE"},
        {"1e400", "1e400: 1e400 is too large for DOUBLE"},
        {"'text'", "'text' : VARCHAR"},
        {"'it''s'", "'it''s' : VARCHAR"},
        {"''", "'' : VARCHAR"},
        {"u&'\\0041'", "'A' : VARCHAR"},
        {"X'0AFF'", "X'0AFF' : VARBINARY"},
        {"X''", "X'' : VARBINARY"},
        {"DATE '2026-01-31'", "DATE '2026-01-31' : DATE"},
        {"DATE '2026-02-30'", "DATE '2026-02-30': '2026-02-30' is no DATE | write DATE '2026-01-31'"},
        {"DATE '2026-01-31 '", "DATE '2026-01-31 ': '2026-01-31 ' is no DATE | write DATE '2026-01-31'"},
        {"TIME '10:11:12'", "TIME '10:11:12' : TIME(0)"},
        {"TIME '10:11:12.5'", "TIME '10:11:12.5' : TIME(1)"},
        {"TIME '25:00:00'", "TIME '25:00:00': '25:00:00' is no TIME | write TIME '23:59:59'"},
        {"TIMESTAMP '2026-01-01 00:00:00'", "TIMESTAMP '2026-01-01 00:00:00.000' : TIMESTAMP(3)"},
        {"TIMESTAMP '2026-01-01 00:00:00.123456'", "TIMESTAMP '2026-01-01 00:00:00.123456' : TIMESTAMP(6)"},
        {"TIMESTAMP '2026-01-01'", "TIMESTAMP '2026-01-01 00:00:00.000' : TIMESTAMP(3)"},
        {"TIMESTAMP '2026-01-01 00:61:00'", "TIMESTAMP '2026-01-01 00:61:00': '2026-01-01 00:61:00' is no "
                                            "TIMESTAMP | write TIMESTAMP '2026-01-31 23:59:59'"},
        {"TIMESTAMP 'yesterday'",
         "TIMESTAMP 'yesterday': 'yesterday' is no TIMESTAMP | write TIMESTAMP '2026-01-31 23:59:59'"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, arithmetic) {
    static const bind_case cases[] = {
        {"status + 1", "status + 1 : INTEGER"},
        {"tiny + tiny", "tiny + tiny : TINYINT"},
        {"tiny + small", "tiny + small : SMALLINT"},
        {"small - status", "small - status : INTEGER"},
        {"status * bytes", "status * bytes : BIGINT"},
        {"7 / 2", "3 : INTEGER"},
        {"7 % 2", "7 % 2 : INTEGER"},
        {"status / 0", "status / 0 : INTEGER"},
        {"1 / 0", "1 / 0 : INTEGER"},
        {"2147483647 + 1", "2147483647 + 1 : INTEGER"},
        {"2 + 3 * 4", "14 : INTEGER"},
        {"(2 + 3) * 4", "20 : INTEGER"},
        {"r + r", "r + r : REAL"},
        {"r + 1", "r + 1.0 : DOUBLE"},
        {"r * latency", "r * latency : DOUBLE"},
        {"latency / status", "latency / CAST(status AS DOUBLE) : DOUBLE"},
        {"latency - price", "latency - CAST(price AS DOUBLE) : DOUBLE"},
        {"status + NULL", "NULL : INTEGER"},
        {"NULL * latency", "NULL : DOUBLE"},
        {"NULL + NULL", "NULL : NULL"},
        {"-status", "-status : INTEGER"},
        {"- -status", "-(-status) : INTEGER"},
        {"+latency", "latency : DOUBLE"},
        {"-page", "-page: '-' needs a number or an interval, found VARCHAR"},
        {"+page", "+page: '+' needs a number or an interval, found VARCHAR"},
        {"-NULL", "NULL : NULL"},
        {"'a' + 'b'", "'a' + 'b': '+' needs numbers, found VARCHAR and VARCHAR | text is joined by ||"},
        {"page * 2", "page * 2: '*' needs numbers, found VARCHAR and INTEGER | write CAST(page AS DOUBLE)"},
        {"status - ok", "status - ok: '-' needs numbers, found INTEGER and BOOLEAN"},
        {"data + 1", "data + 1: '+' needs numbers, found VARBINARY and INTEGER"},
        {"doc + 1", "doc + 1: '+' needs numbers, found JSON and INTEGER | write CAST(doc AS DOUBLE)"},
        {"MOD(status, 3)", "status % 3 : INTEGER"},
        {"MOD(-4, 3)", "-4 % 3 : INTEGER"},
    };
    bind_check(cases, .kda = false);
}

/* KDA_SQL section 4; where 18 digits do not do, see planner/arith.c. */
Test(bind, decimals) {
    static const bind_case cases[] = {
        {"5.0 / 2", "5.0 / 2 : DECIMAL(13,12)"},
        {"price + price", "price + price : DECIMAL(11,2)"},
        {"price + 1", "price + 1.00 : DECIMAL(13,2)"},
        {"price + rate", "CAST(price AS DECIMAL(16,8)) + rate : DECIMAL(18,8)"},
        {"rate - price", "rate - CAST(price AS DECIMAL(16,8)) : DECIMAL(18,8)"},
        {"price * 1.15", "price * 1.15 : DECIMAL(13,4)"},
        {"price * price", "price * price : DECIMAL(18,4)"},
        {"rate * rate", "rate * rate : DECIMAL(18,8)"},
        {"bytes * 1.5", "bytes * 1.5 : DECIMAL(18,1)"},
        {"1.5 * bytes", "1.5 * bytes : DECIMAL(18,1)"},
        {"bytes + 1.5", "bytes + 1.5 : DECIMAL(18,1)"},
        {"wide - 0.5", "wide - 0.5 : DECIMAL(18,1)"},
        {"bytes / 1.5", "bytes / 1.5 : DECIMAL(18,6)"},
        {"price / 3", "price / 3 : DECIMAL(18,10)"},
        {"rate / rate", "rate / rate : DECIMAL(18,8)"},
        {"5.0 / 2 * (5.0 / 2)", "5.0 / 2 * (5.0 / 2) : DECIMAL(18,16)"},
        {"price / 3 * 100.0", "price / 3 * 100.0 : DECIMAL(18,10)"},
        {"price % 3", "price % 3.00 : DECIMAL(10,2)"},
        {"price % 0.001", "CAST(price AS DECIMAL(11,3)) % 0.001 : DECIMAL(3,3)"},
        {"tiny + 0.5", "CAST(tiny AS DECIMAL(4,1)) + 0.5 : DECIMAL(5,1)"},
        {"-price", "-price : DECIMAL(10,2)"},
        {"price > 1", "price > 1.00 : BOOLEAN"},
        {"price = rate", "CAST(price AS DECIMAL(18,8)) = rate : BOOLEAN"},
        {"bytes > 1.5", "bytes > 1.5 : BOOLEAN"},
        {"bytes = 1.0", "bytes = 1.0 : BOOLEAN"},
        {"1.5 < bytes", "1.5 < bytes : BOOLEAN"},
        {"wide = rate", "wide = rate : BOOLEAN"},
        {"wide = bytes", "wide = bytes : BOOLEAN"},
        {"wide > 0.5", "wide > 0.5 : BOOLEAN"},
        {"rate > 12345678901", "rate > 12345678901 : BOOLEAN"},
        {"rate > 1234567890", "rate > 1234567890.00000000 : BOOLEAN"},
        {"bytes BETWEEN 0.5 AND 2", "bytes >= 0.5 AND bytes <= 2 : BOOLEAN"},
        {"bytes IN (1, 2.5)", "bytes = 1.0 OR bytes = 2.5 : BOOLEAN"},
        {"bytes NOT IN (1, 2.5, NULL)", "NOT (bytes = 1.0 OR bytes = 2.5 OR bytes = NULL) : BOOLEAN"},
        {"NULLIF(bytes, 0.5)", "CASE WHEN bytes = 0.5 THEN NULL ELSE bytes END : BIGINT"},
        {"status = 1.0", "CAST(status AS DECIMAL(11,1)) = 1.0 : BOOLEAN"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, comparisons) {
    static const bind_case cases[] = {
        {"status = 1", "status = 1 : BOOLEAN"},
        {"status <> bytes", "status <> bytes : BOOLEAN"},
        {"status != 1", "status <> 1 : BOOLEAN"},
        {"tiny < bytes", "tiny < bytes : BOOLEAN"},
        {"r < latency", "r < latency : BOOLEAN"},
        {"latency >= 1", "latency >= 1.0 : BOOLEAN"},
        {"latency = price", "latency = CAST(price AS DOUBLE) : BOOLEAN"},
        {"page = 'x'", "page = 'x' : BOOLEAN"},
        {"page = code", "page = RTRIM(code) : BOOLEAN"},
        {"code = 'ab'", "RTRIM(code) = 'ab' : BOOLEAN"},
        {"code = 'ab '", "RTRIM(code) = 'ab' : BOOLEAN"},
        {"page = 'ab '", "page = 'ab ' : BOOLEAN"},
        {"name < page", "name < page : BOOLEAN"},
        {"doc = 'x'", "doc = 'x' : BOOLEAN"},
        {"data = X'01'", "data = X'01' : BOOLEAN"},
        {"data = 'x'", "'x': cannot compare VARBINARY with VARCHAR"},
        {"ok = TRUE", "ok = TRUE : BOOLEAN"},
        {"ok > 1", "1: cannot compare BOOLEAN with INTEGER"},
        {"d < ts", "d < ts : BOOLEAN"},
        {"ts = us", "ts = us : BOOLEAN"},
        {"ts = ltz", "CAST(ts AS TIMESTAMP_LTZ(3)) = ltz : BOOLEAN"},
        {"tm = ts", "ts: cannot compare TIME(0) with TIMESTAMP(3) | write CAST(ts AS TIME(0))"},
        {"ts > '2026-01-01 00:00:00'", "ts > TIMESTAMP '2026-01-01 00:00:00.000' : BOOLEAN"},
        {"ts > '2026-01-01'", "ts > TIMESTAMP '2026-01-01 00:00:00.000' : BOOLEAN"},
        {"'2026-01-01' <= d", "DATE '2026-01-01' <= d : BOOLEAN"},
        {"tm = '10:00:00'", "tm = TIME '10:00:00' : BOOLEAN"},
        {"ts > '2026-13-01'",
         "'2026-13-01': '2026-13-01' is no TIMESTAMP | write it as '2026-01-31 23:59:59'"},
        {"d = 'x'", "'x': 'x' is no DATE | write it as '2026-01-31'"},
        {"tm = '10'", "'10': '10' is no TIME | write it as '23:59:59'"},
        {"ts > page", "page: cannot compare TIMESTAMP(3) with VARCHAR | write CAST(page AS TIMESTAMP(3))"},
        {"ts = 5", "5: cannot compare TIMESTAMP(3) with INTEGER"},
        {"status = '200'", "'200': cannot compare INTEGER with VARCHAR | write CAST('200' AS INTEGER)"},
        {"page = 5", "5: cannot compare VARCHAR with INTEGER | write CAST(5 AS VARCHAR)"},
        {"status = NULL", "status = NULL : BOOLEAN\nwarning status = NULL: = NULL is never true | write IS "
                          "NULL or IS NOT NULL"},
        {"NULL <> status", "NULL <> status : BOOLEAN\nwarning NULL <> status: <> NULL is never true | write "
                           "IS NULL or IS NOT NULL"},
        {"NULL = NULL",
         "NULL : BOOLEAN\nwarning NULL = NULL: = NULL is never true | write IS NULL or IS NOT NULL"},
        {"ts - ts2 > INTERVAL '1' DAY", "ts - ts2 > INTERVAL '1' DAY : BOOLEAN"},
        {"INTERVAL '1' DAY = INTERVAL '1' MONTH",
         "INTERVAL '1' MONTH: cannot compare INTERVAL DAY TO SECOND with INTERVAL YEAR TO MONTH"},
        {"status IS DISTINCT FROM bytes", "status IS DISTINCT FROM bytes : BOOLEAN"},
        {"status IS NOT DISTINCT FROM NULL", "status IS NOT DISTINCT FROM NULL : BOOLEAN"},
        {"NULL IS DISTINCT FROM NULL", "FALSE : BOOLEAN"},
        {"NULL IS NOT DISTINCT FROM NULL", "TRUE : BOOLEAN"},
        {"status IS DISTINCT FROM page",
         "page: cannot compare INTEGER with VARCHAR | write CAST(page AS INTEGER)"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, logic) {
    static const bind_case cases[] = {
        {"ok AND NOT ok", "ok AND NOT ok : BOOLEAN"},
        {"ok OR ok AND ok", "ok OR ok AND ok : BOOLEAN"},
        {"(ok OR ok) AND ok", "(ok OR ok) AND ok : BOOLEAN"},
        {"ok AND ok AND ok AND ok", "ok AND ok AND ok AND ok : BOOLEAN"},
        {"ok AND NULL", "ok AND NULL : BOOLEAN"},
        {"NOT NULL", "NOT NULL : BOOLEAN"},
        {"ok AND status", "status: AND needs a BOOLEAN, found INTEGER | write status <> 0"},
        {"ok OR page AND 1",
         "page: AND needs a BOOLEAN, found VARCHAR\n1: AND needs a BOOLEAN, found INTEGER | write 1 <> 0"},
        {"NOT status", "status: NOT needs a BOOLEAN, found INTEGER | write status <> 0"},
        {"ok IS TRUE", "ok IS TRUE : BOOLEAN"},
        {"ok IS NOT TRUE", "ok IS NOT TRUE : BOOLEAN"},
        {"ok IS FALSE", "ok IS FALSE : BOOLEAN"},
        {"ok IS NOT FALSE", "ok IS NOT FALSE : BOOLEAN"},
        {"ok IS UNKNOWN", "ok IS NULL : BOOLEAN"},
        {"ok IS NOT UNKNOWN", "ok IS NOT NULL : BOOLEAN"},
        {"status > 1 IS TRUE", "(status > 1) IS TRUE : BOOLEAN"},
        {"status IS TRUE", "status: IS TRUE needs a BOOLEAN, found INTEGER | write status <> 0"},
        {"page IS UNKNOWN", "page: IS UNKNOWN needs a BOOLEAN, found VARCHAR"},
        {"page IS NULL", "page IS NULL : BOOLEAN"},
        {"page IS NOT NULL", "page IS NOT NULL : BOOLEAN"},
        {"NULL IS NULL", "NULL IS NULL : BOOLEAN"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, between_and_in) {
    static const bind_case cases[] = {
        {"status BETWEEN 1 AND 10", "status >= 1 AND status <= 10 : BOOLEAN"},
        {"status NOT BETWEEN 1 AND 10", "NOT (status >= 1 AND status <= 10) : BOOLEAN"},
        {"status BETWEEN SYMMETRIC 10 AND 1",
         "status >= 10 AND status <= 1 OR status >= 1 AND status <= 10 : BOOLEAN"},
        {"status BETWEEN ASYMMETRIC 1 AND 2.5",
         "status >= 1 AND CAST(status AS DECIMAL(11,1)) <= 2.5 : BOOLEAN"},
        {"ts BETWEEN '2026-01-01' AND ts2",
         "ts >= TIMESTAMP '2026-01-01 00:00:00.000' AND ts <= ts2 : BOOLEAN"},
        {"ts BETWEEN d AND '2026'", "'2026': '2026' is no TIMESTAMP | write it as '2026-01-31 23:59:59'"},
        {"status BETWEEN 'a' AND 2", "'a': cannot compare INTEGER with VARCHAR | write CAST('a' AS INTEGER)"},
        {"status IN (1, 2)", "status IN (1, 2) : BOOLEAN"},
        {"status NOT IN (1, 2)", "NOT status IN (1, 2) : BOOLEAN"},
        {"status IN (1, bytes)", "status IN (1, bytes) : BOOLEAN"},
        {"status IN (1, 2.5, NULL)", "CAST(status AS DECIMAL(11,1)) IN (1.0, 2.5, NULL) : BOOLEAN"},
        {"NULL IN (1)", "NULL IN (1) : BOOLEAN"},
        {"page IN ('a', name)", "page IN ('a', name) : BOOLEAN"},
        {"page IN ('a', 5)", "5: cannot compare VARCHAR with INTEGER | write CAST(5 AS VARCHAR)"},
        {"d IN ('2026-01-01', '2026-02-01')", "d IN (DATE '2026-01-01', DATE '2026-02-01') : BOOLEAN"},
        {"d IN ('2026-01-01', 'x')", "'x': 'x' is no DATE | write it as '2026-01-31'"},
        {"code IN ('ab', 'abcd')", "RTRIM(code) IN ('ab', 'abcd') : BOOLEAN"},
        {"status IN (SELECT 1)", "unsupported status IN (SELECT 1): IN (SELECT …) is not supported yet"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, case) {
    static const bind_case cases[] = {
        {"CASE WHEN ok THEN 1 WHEN NOT ok THEN 2.5 END",
         "CASE WHEN ok THEN 1.0 WHEN NOT ok THEN 2.5 ELSE NULL END : DECIMAL(11,1)"},
        {"CASE WHEN ok THEN 'a' ELSE name END", "CASE WHEN ok THEN 'a' ELSE name END : VARCHAR"},
        {"CASE status WHEN 1 THEN 'a' WHEN 2 THEN 'b' ELSE 'c' END",
         "CASE WHEN status = 1 THEN 'a' WHEN status = 2 THEN 'b' ELSE 'c' END : VARCHAR"},
        {"CASE WHEN ok THEN NULL ELSE status END", "CASE WHEN ok THEN NULL ELSE status END : INTEGER"},
        {"CASE WHEN ok THEN NULL END", "NULL : NULL"},
        {"CASE WHEN NULL THEN 1 END", "CASE WHEN NULL THEN 1 ELSE NULL END : INTEGER"},
        {"CASE WHEN ok THEN ts ELSE '2026-01-01' END",
         "CASE WHEN ok THEN ts ELSE TIMESTAMP '2026-01-01 00:00:00.000' END : TIMESTAMP(3)"},
        {"CASE WHEN ok THEN ltz ELSE ts END",
         "CASE WHEN ok THEN ltz ELSE CAST(ts AS TIMESTAMP_LTZ(3)) END : TIMESTAMP_LTZ(3)"},
        {"CASE WHEN ok THEN d ELSE ts END", "CASE WHEN ok THEN d ELSE ts END : TIMESTAMP(3)"},
        {"CASE WHEN ok THEN tiny + tiny ELSE bytes END",
         "CASE WHEN ok THEN CAST(tiny + tiny AS BIGINT) ELSE bytes END : BIGINT"},
        {"CASE WHEN ok THEN 1 ELSE 'x' END",
         "'x': CASE needs values of one type, found INTEGER and VARCHAR | write CAST('x' AS INTEGER)"},
        {"CASE WHEN status THEN 1 END", "status: WHEN needs a BOOLEAN, found INTEGER | write status <> 0"},
        {"CASE page WHEN 1 THEN 2 END", "1: cannot compare VARCHAR with INTEGER | write CAST(1 AS VARCHAR)"},
        {"COALESCE(page, 'x', NULL)", "COALESCE(page, 'x', NULL) : VARCHAR"},
        {"COALESCE(status, bytes, 1)", "COALESCE(status, bytes, 1) : BIGINT"},
        {"COALESCE(status)", "status : INTEGER"},
        {"COALESCE(NULL, NULL)", "NULL : NULL"},
        {"COALESCE(status, page)",
         "page: COALESCE needs values of one type, found INTEGER and VARCHAR | write CAST(page AS INTEGER)"},
        {"COALESCE()", "COALESCE(): COALESCE has 0 arguments; write COALESCE(a, b, …)"},
        {"IFNULL(status, 0)", "COALESCE(status, 0) : INTEGER"},
        {"NVL(page, 'x')", "COALESCE(page, 'x') : VARCHAR"},
        {"NULLIF(status, 0)", "CASE WHEN status = 0 THEN NULL ELSE status END : INTEGER"},
        {"NULLIF(status, 0.5)",
         "CASE WHEN CAST(status AS DECIMAL(11,1)) = 0.5 THEN NULL ELSE status END : INTEGER"},
        {"NULLIF(NULL, 1)", "NULL : NULL"},
        {"NULLIF(1)", "NULLIF(1): NULLIF has 1 argument; write NULLIF(a, b)"},
        {"NULLIF(page, 1)", "1: cannot compare VARCHAR with INTEGER | write CAST(1 AS VARCHAR)"},
        {"IF(ok, 1, 2.5)", "CASE WHEN ok THEN 1.0 ELSE 2.5 END : DECIMAL(11,1)"},
        {"IF(status, 1, 2)", "status: IF needs a BOOLEAN, found INTEGER | write status <> 0"},
        {"IF(ok, NULL, NULL)", "NULL : NULL"},
        {"GREATEST(status, bytes, 5)",
         "CASE WHEN status IS NULL OR bytes IS NULL THEN NULL WHEN status >= bytes AND status >= 5 THEN "
         "status WHEN bytes >= 5 THEN bytes ELSE 5 END : BIGINT"},
        {"LEAST(price, 1.5)",
         "CASE WHEN price IS NULL THEN NULL WHEN price <= 1.50 THEN price ELSE 1.50 END : DECIMAL(10,2)"},
        {"LEAST(1, 2)", "CASE WHEN TRUE THEN 1 ELSE 2 END : INTEGER"},
        {"GREATEST(status)", "status : INTEGER"},
        {"GREATEST(status, NULL)", "CASE WHEN status IS NULL OR NULL IS NULL THEN NULL WHEN status >= NULL "
                                   "THEN status ELSE NULL END : INTEGER"},
        {"GREATEST(status, page)",
         "page: GREATEST needs values of one type, found INTEGER and VARCHAR | write CAST(page AS INTEGER)"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, text) {
    static const bind_case cases[] = {
        {"page || 'x'", "page || 'x' : VARCHAR"},
        {"page || status || code", "page || CAST(status AS VARCHAR) || code : VARCHAR"},
        {"name || code", "name || code : VARCHAR(14)"},
        {"'a' || 'b' || 'c'", "'abc' : VARCHAR"},
        {"NULL || page", "NULL || page : VARCHAR"},
        {"ts || ok", "CAST(ts AS VARCHAR) || CAST(ok AS VARCHAR) : VARCHAR"},
        {"data || 'x'", "data: '||' joins text, found VARBINARY"},
        {"page LIKE 'a%'", "page LIKE 'a%' : BOOLEAN"},
        {"page NOT LIKE 'a%'", "NOT page LIKE 'a%' : BOOLEAN"},
        {"page LIKE 'a!%' ESCAPE '!'", "page LIKE 'a!%' ESCAPE '!' : BOOLEAN"},
        {"page LIKE 'a%' ESCAPE '!!'", "'!!': ESCAPE takes one character, found '!!'"},
        {"page LIKE 'a%' ESCAPE ''", "'': ESCAPE takes one character, found ''"},
        {"page LIKE 'a%' ESCAPE 'ä'", "page LIKE 'a%' ESCAPE 'ä' : BOOLEAN"},
        {"page LIKE NULL", "page LIKE NULL : BOOLEAN"},
        {"status LIKE '1%'", "status: LIKE needs text, found INTEGER | write CAST(status AS VARCHAR)"},
        {"data LIKE '1%'", "data: LIKE needs text, found VARBINARY"},
        {"page LIKE 1", "1: LIKE needs text, found INTEGER | write CAST(1 AS VARCHAR)"},
        {"page SIMILAR TO 'a'", "unsupported page SIMILAR TO 'a': SIMILAR TO is not supported yet"},
        {"page RLIKE 'a'", "REGEXP_LIKE(page, 'a') : BOOLEAN"},
        {"page NOT RLIKE 'a'", "NOT REGEXP_LIKE(page, 'a') : BOOLEAN"},
        {"doc -> '$.a'", "JSON_ARROW(doc, '$.a') : JSON"},
        {"doc ->> 'a'", "JSON_ARROW_TEXT(doc, 'a') : VARCHAR"},
        {"doc -> 'a' -> 'b' ->> 'c'",
         "JSON_ARROW_TEXT(JSON_ARROW(JSON_ARROW(doc, 'a'), 'b'), 'c') : VARCHAR"},
        {"page -> 'a'", "JSON_ARROW(page, 'a') : JSON"},
        {"status -> 'a'", "status -> 'a': JSON_ARROW takes (JSON, VARCHAR), found (INTEGER, VARCHAR) | write "
                          "CAST(status AS VARCHAR)"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, not_yet) {
    static const bind_case cases[] = {
        {"(SELECT 1)", "unsupported (SELECT 1): a subquery as a value is not supported yet"},
        {"EXISTS (SELECT 1)", "unsupported EXISTS (SELECT 1): EXISTS is not supported yet"},
        {"ARRAY[1]", "unsupported ARRAY[1]: ARRAY is not supported yet"},
        {"status[1]", "unsupported status[1]: access by index is not supported yet"},
        {"ts AT TIME ZONE 'UTC'", "unsupported ts AT TIME ZONE 'UTC': AT TIME ZONE is not supported yet"},
        {"(1, 2)", "unsupported (1, 2): a row value is not supported yet"},
        {"ROW_NUMBER() OVER (ORDER BY ts)",
         "unsupported ROW_NUMBER() OVER (ORDER BY ts): a window function (OVER) is not supported yet"},
        {"SUM(status) OVER ()",
         "unsupported SUM(status) OVER (): a window function (OVER) is not supported yet"},
    };
    bind_check(cases, .kda = false);
}

/* Without a registry that folds, constants stay operations, and widening of literals still works. */
Test(bind, without_fold) {
    static const bind_case cases[] = {
        {"1 + 2", "1 + 2 : INTEGER"},
        {"'a' || 'b'", "'a' || 'b' : VARCHAR"},
        {"CAST('x' AS INTEGER)", "CAST('x' AS INTEGER) : INTEGER"},
        {"price > 1", "price > 1.00 : BOOLEAN"},
        {"latency > 1", "latency > 1.0 : BOOLEAN"},
        {"bytes > 2147483648", "bytes > 2147483648 : BOOLEAN"},
    };
    bind_check(cases, .no_fold = true);
}

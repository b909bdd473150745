/* tests/unit/planner/test_bind_types.c -- CAST and assignment: what goes, what does not, and how it is
 * lowered. */
#include "bind_test.h"

Test(bind, casts) {
    static const bind_case cases[] = {
        {"CAST(page AS INTEGER)", "CAST(page AS INTEGER) : INTEGER"},
        {"CAST('12' AS INTEGER)", "12 : INTEGER"},
        {"CAST('abc' AS INTEGER)", "'abc': 'abc' cannot be cast to INTEGER: no INTEGER"},
        {"CAST(NULL AS INTEGER)", "NULL : INTEGER"},
        {"CAST(status AS BIGINT)", "status : BIGINT"},
        {"CAST(status + 1 AS BIGINT)", "CAST(status + 1 AS BIGINT) : BIGINT"},
        {"CAST(bytes AS INTEGER)", "CAST(bytes AS INTEGER) : INTEGER"},
        {"CAST(bytes AS DECIMAL(10,2))", "CAST(bytes AS DECIMAL(10,2)) : DECIMAL(10,2)"},
        {"CAST(price AS DECIMAL(10,2))", "price : DECIMAL(10,2)"},
        {"CAST(price AS DECIMAL(12,2))", "price : DECIMAL(12,2)"},
        {"CAST(price AS DECIMAL(5,1))", "CAST(price AS DECIMAL(5,1)) : DECIMAL(5,1)"},
        {"CAST(price AS DOUBLE)", "CAST(price AS DOUBLE) : DOUBLE"},
        {"CAST(r AS DOUBLE)", "r : DOUBLE"},
        {"CAST(latency AS REAL)", "CAST(latency AS REAL) : REAL"},
        {"CAST(status AS VARCHAR(3))", "CAST(status AS VARCHAR(3)) : VARCHAR(3)"},
        {"CAST(page AS VARCHAR(5))", "CAST(page AS VARCHAR(5)) : VARCHAR(5)"},
        {"CAST(name AS VARCHAR(20))", "name : VARCHAR(20)"},
        {"CAST(name AS VARCHAR(5))", "CAST(name AS VARCHAR(5)) : VARCHAR(5)"},
        {"CAST(CAST(page AS VARCHAR(3)) AS VARCHAR(10))",
         "CAST(CAST(page AS VARCHAR(3)) AS VARCHAR(10)) : VARCHAR(10)"},
        {"CAST(page AS CHAR(4))", "CAST(page AS CHAR(4)) : CHAR(4)"},
        {"CAST(code AS VARCHAR)", "code : VARCHAR"},
        {"CAST(page AS BOOLEAN)", "CAST(page AS BOOLEAN) : BOOLEAN"},
        {"CAST(page AS DATE)", "CAST(page AS DATE) : DATE"},
        {"CAST(page AS JSON)", "CAST(page AS JSON) : JSON"},
        {"CAST(doc AS VARCHAR)", "doc : VARCHAR"},
        {"CAST(doc AS VARCHAR(5))", "CAST(doc AS VARCHAR(5)) : VARCHAR(5)"},
        {"CAST(ts AS DATE)", "CAST(ts AS DATE) : DATE"},
        {"CAST(ts AS TIME)", "CAST(ts AS TIME(0)) : TIME(0)"},
        {"CAST(ts AS TIMESTAMP(0))", "CAST(ts AS TIMESTAMP(0)) : TIMESTAMP(0)"},
        {"CAST(ts AS TIMESTAMP(6))", "ts : TIMESTAMP(6)"},
        {"CAST(ts AS VARCHAR)", "CAST(ts AS VARCHAR) : VARCHAR"},
        {"CAST(d AS TIMESTAMP)", "d : TIMESTAMP(3)"},
        {"CAST(d AS VARCHAR(9))", "CAST(d AS VARCHAR(9)) : VARCHAR(9)"},
        {"CAST(tm AS TIMESTAMP)", "CAST(tm AS TIMESTAMP(3)) : TIMESTAMP(3)"},
        {"CAST(ok AS VARCHAR)", "CAST(ok AS VARCHAR) : VARCHAR"},
        {"CAST(ok AS BOOLEAN)", "ok : BOOLEAN"},
        {"status::BIGINT", "status : BIGINT"},
        {"page::INTEGER", "CAST(page AS INTEGER) : INTEGER"},
        {"TRY_CAST(page AS DATE)", "TRY_CAST(page AS DATE) : DATE"},
        {"TRY_CAST('abc' AS INTEGER)", "NULL : INTEGER"},
        {"TRY_CAST('12' AS INTEGER)", "12 : INTEGER"},
        {"TRY_CAST(status AS INTEGER)", "status : INTEGER"},
        {"TRY_CAST(ok AS DATE)", "TRY_CAST(ok AS DATE): BOOLEAN cannot be cast to DATE"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, impossible_casts) {
    static const bind_case cases[] = {
        {"CAST(status AS BOOLEAN)",
         "CAST(status AS BOOLEAN): INTEGER cannot be cast to BOOLEAN | write status <> 0"},
        {"CAST(ok AS INTEGER)",
         "CAST(ok AS INTEGER): BOOLEAN cannot be cast to INTEGER | write CASE WHEN ok THEN 1 ELSE 0 END"},
        {"CAST(ok AS DATE)", "CAST(ok AS DATE): BOOLEAN cannot be cast to DATE"},
        {"CAST(bytes AS TIMESTAMP)",
         "CAST(bytes AS TIMESTAMP): BIGINT cannot be cast to TIMESTAMP(3) | write TO_TIMESTAMP(bytes)"},
        {"CAST(status AS DATE)", "CAST(status AS DATE): INTEGER cannot be cast to DATE"},
        {"CAST(d AS INTEGER)", "CAST(d AS INTEGER): DATE cannot be cast to INTEGER"},
        {"CAST(d AS TIME)", "CAST(d AS TIME): DATE cannot be cast to TIME(0)"},
        {"CAST(tm AS DATE)", "CAST(tm AS DATE): TIME(0) cannot be cast to DATE"},
        {"CAST(ts AS BIGINT)", "CAST(ts AS BIGINT): TIMESTAMP(3) cannot be cast to BIGINT"},
        {"CAST(data AS VARCHAR)", "CAST(data AS VARCHAR): VARBINARY cannot be cast to VARCHAR"},
        {"CAST(page AS VARBINARY)", "CAST(page AS VARBINARY): VARCHAR cannot be cast to VARBINARY"},
        {"CAST(data AS VARBINARY(5))", "CAST(data AS VARBINARY(5)) : VARBINARY(5)"},
        {"CAST(ts - ts2 AS DOUBLE)",
         "CAST(ts - ts2 AS DOUBLE): INTERVAL DAY TO SECOND cannot be cast to DOUBLE"},
        {"CAST(latency AS INTERVAL DAY TO SECOND)",
         "CAST(latency AS INTERVAL DAY TO SECOND): DOUBLE cannot be cast to INTERVAL DAY TO SECOND | write "
         "latency * INTERVAL '1' SECOND"},
        {"CAST(1.255 AS DECIMAL(5,2))", "1.255: 1.255 cannot be cast to DECIMAL(5,2): cannot"},
    };
    bind_check(cases, .kda = false);
}

/* A cast divides by the interval's unit; as text an interval has its own fields. */
Test(bind, interval_casts) {
    static const bind_case cases[] = {
        {"CAST((ts - ts2) SECOND AS BIGINT)", "(ts - ts2) / INTERVAL '1' SECOND : BIGINT"},
        {"CAST((ts - ts2) MINUTE AS INTEGER)", "(ts - ts2) / INTERVAL '1' MINUTE : INTEGER"},
        {"CAST((d - d2) DAY AS INTEGER)", "(d - d2) / INTERVAL '1' DAY : INTEGER"},
        {"CAST((ts - ts2) SECOND AS DECIMAL(10,3))", "(ts - ts2) / INTERVAL '1' SECOND : DECIMAL(10,3)"},
        {"CAST((ts - ts2) SECOND(10, 3) * 1000 AS BIGINT)",
         "(ts - ts2) * 1000 / INTERVAL '1' SECOND : BIGINT"},
        {"CAST(ts - ts2 AS BIGINT)", "CAST(ts - ts2 AS BIGINT): an interval of several units has no single "
                                     "number | name one unit: CAST((ts - ts2) SECOND AS BIGINT)"},
        {"CAST(INTERVAL '90' MINUTE AS BIGINT)", "90 : BIGINT"},
        {"CAST(INTERVAL '1:30' HOUR TO MINUTE AS BIGINT)",
         "CAST(INTERVAL '1:30' HOUR TO MINUTE AS BIGINT): an interval of several units has no single number "
         "| name one unit: CAST((INTERVAL '1:30' HOUR TO MINUTE) SECOND AS BIGINT)"},
        {"CAST(INTERVAL '3' YEAR AS INTEGER)", "3 : INTEGER"},
        {"CAST(ts - ts2 AS VARCHAR)", "CAST(ts - ts2 AS VARCHAR) : VARCHAR"},
        {"CAST((ts - ts2) SECOND AS VARCHAR)",
         "CASE WHEN ts - ts2 < INTERVAL '0' SECOND THEN '-' ELSE '+' END || CAST(CASE WHEN ts - ts2 < "
         "INTERVAL '0' SECOND THEN -(ts - ts2) ELSE ts - ts2 END / INTERVAL '1' SECOND AS VARCHAR) : "
         "VARCHAR"},
        {"CAST((ts - ts2) MINUTE TO SECOND AS VARCHAR)",
         "CASE WHEN ts - ts2 < INTERVAL '0' SECOND THEN '-' ELSE '+' END || CAST(CASE WHEN ts - ts2 < "
         "INTERVAL '0' SECOND THEN -(ts - ts2) ELSE ts - ts2 END / INTERVAL '1' MINUTE AS VARCHAR) || (CASE "
         "WHEN CASE WHEN ts - ts2 < INTERVAL '0' SECOND THEN -(ts - ts2) ELSE ts - ts2 END / INTERVAL '1' "
         "SECOND % 60 < 10 THEN ':0' ELSE ':' END || CAST(CASE WHEN ts - ts2 < INTERVAL '0' SECOND THEN -(ts "
         "- ts2) ELSE ts - ts2 END / INTERVAL '1' SECOND % 60 AS VARCHAR)) : VARCHAR"},
        {"CAST((ts - ts2) HOUR AS VARCHAR(8))",
         "CAST(CASE WHEN (ts - ts2) / INTERVAL '1' HOUR * INTERVAL '1' HOUR < INTERVAL '0' SECOND THEN '-' "
         "ELSE '+' END || CAST(CASE WHEN (ts - ts2) / INTERVAL '1' HOUR * INTERVAL '1' HOUR < INTERVAL '0' "
         "SECOND THEN -((ts - ts2) / INTERVAL '1' HOUR * INTERVAL '1' HOUR) ELSE (ts - ts2) / INTERVAL '1' "
         "HOUR * INTERVAL '1' HOUR END / INTERVAL '1' HOUR AS VARCHAR) AS VARCHAR(8)) : VARCHAR(8)"},
        {"CAST(status AS INTERVAL SECOND)", "INTERVAL '1' SECOND * status : INTERVAL DAY TO SECOND"},
        {"CAST(price AS INTERVAL MINUTE)", "INTERVAL '1' MINUTE * price : INTERVAL DAY TO SECOND"},
        {"CAST('5' AS INTERVAL MINUTE)", "INTERVAL '5' MINUTE : INTERVAL DAY TO SECOND"},
        {"CAST('2 10:00' AS INTERVAL DAY TO MINUTE)", "INTERVAL '58' HOUR : INTERVAL DAY TO SECOND"},
        {"CAST('x' AS INTERVAL MINUTE)", "'x': INTERVAL MINUTE is written 'minutes', found 'x'"},
        {"CAST(page AS INTERVAL DAY TO SECOND)",
         "CAST(page AS INTERVAL DAY TO SECOND) : INTERVAL DAY TO SECOND"},
        {"CAST(ts - ts2 AS INTERVAL HOUR)",
         "(ts - ts2) / INTERVAL '1' HOUR * INTERVAL '1' HOUR : INTERVAL DAY TO SECOND"},
        {"CAST(NULL AS INTERVAL HOUR)", "NULL : INTERVAL DAY TO SECOND"},
        {"CAST(ts - ts2 AS INTERVAL MONTH)",
         "CAST(ts - ts2 AS INTERVAL MONTH): MONTH cannot qualify an interval of days to seconds"},
        {"CAST(ok AS INTERVAL HOUR)",
         "CAST(ok AS INTERVAL HOUR): BOOLEAN cannot be cast to INTERVAL DAY TO SECOND"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, assign_integer) {
    static const bind_case cases[] = {
        {"status", "status : INTEGER"},
        {"bytes", "CAST(bytes AS INTEGER) : INTEGER"},
        {"latency", "CAST(latency AS INTEGER) : INTEGER"},
        {"price", "CAST(price AS INTEGER) : INTEGER"},
        {"1.5", "1.5: 1.5 cannot be cast to INTEGER: cannot"},
        {"page", "page: VARCHAR cannot be assigned to INTEGER | write CAST(page AS INTEGER)"},
        {"'5'", "'5': VARCHAR cannot be assigned to INTEGER | write CAST('5' AS INTEGER)"},
        {"ok", "ok: BOOLEAN cannot be assigned to INTEGER | write CASE WHEN ok THEN 1 ELSE 0 END"},
        {"NULL", "NULL : INTEGER"},
        {"ts", "ts: TIMESTAMP(3) cannot be assigned to INTEGER"},
    };
    bind_check(cases, .as = "INTEGER");
}

Test(bind, assign_varchar) {
    static const bind_case cases[] = {
        {"page", "CAST(page AS VARCHAR(3)) : VARCHAR(3)"},
        {"name", "CAST(name AS VARCHAR(3)) : VARCHAR(3)"},
        {"code", "CAST(code AS VARCHAR(3)) : VARCHAR(3)"},
        {"status", "status: INTEGER cannot be assigned to VARCHAR(3) | write CAST(status AS VARCHAR(3))"},
        {"doc", "CAST(doc AS VARCHAR(3)) : VARCHAR(3)"},
        {"ts", "ts: TIMESTAMP(3) cannot be assigned to VARCHAR(3) | write CAST(ts AS VARCHAR(3))"},
    };
    bind_check(cases, .as = "VARCHAR(3)");
}

Test(bind, assign_double) {
    static const bind_case cases[] = {
        {"status", "CAST(status AS DOUBLE) : DOUBLE"},
        {"r", "r : DOUBLE"},
        {"price", "CAST(price AS DOUBLE) : DOUBLE"},
        {"page", "page: VARCHAR cannot be assigned to DOUBLE | write CAST(page AS DOUBLE)"},
    };
    bind_check(cases, .as = "DOUBLE");
}

Test(bind, assign_timestamp) {
    static const bind_case cases[] = {
        {"ts", "ts : TIMESTAMP(3)"},
        {"us", "CAST(us AS TIMESTAMP(3)) : TIMESTAMP(3)"},
        {"d", "d : TIMESTAMP(3)"},
        {"'2026-01-01 10:00:00'", "TIMESTAMP '2026-01-01 10:00:00.000' : TIMESTAMP(3)"},
        {"'x'", "'x': 'x' is no TIMESTAMP | write it as '2026-01-31 23:59:59'"},
        {"page", "page: VARCHAR cannot be assigned to TIMESTAMP(3) | write CAST(page AS TIMESTAMP(3))"},
        {"tm", "tm: TIME(0) cannot be assigned to TIMESTAMP(3) | write CAST(tm AS TIMESTAMP(3))"},
        {"status", "status: INTEGER cannot be assigned to TIMESTAMP(3) | write TO_TIMESTAMP(status)"},
    };
    bind_check(cases, .as = "TIMESTAMP");
}

Test(bind, assign_decimal) {
    static const bind_case cases[] = {
        {"price", "CAST(price AS DECIMAL(8,2)) : DECIMAL(8,2)"},
        {"status", "CAST(status AS DECIMAL(8,2)) : DECIMAL(8,2)"},
        {"1", "1.00 : DECIMAL(8,2)"},
        {"1.5", "1.50 : DECIMAL(8,2)"},
        {"latency", "CAST(latency AS DECIMAL(8,2)) : DECIMAL(8,2)"},
        {"page", "page: VARCHAR cannot be assigned to DECIMAL(8,2) | write CAST(page AS DECIMAL(8,2))"},
    };
    bind_check(cases, .as = "DECIMAL(8,2)");
}

Test(bind, assign_boolean) {
    static const bind_case cases[] = {
        {"ok", "ok : BOOLEAN"},
        {"status", "status: expected a condition, which is BOOLEAN, found INTEGER | write status <> 0"},
        {"NULL", "NULL : BOOLEAN"},
    };
    bind_check(cases, .as = "BOOLEAN");
}

Test(bind, assign_date) {
    static const bind_case cases[] = {
        {"d", "d : DATE"},
        {"ts", "ts: TIMESTAMP(3) cannot be assigned to DATE | write CAST(ts AS DATE)"},
        {"'2026-01-01'", "DATE '2026-01-01' : DATE"},
    };
    bind_check(cases, .as = "DATE");
}

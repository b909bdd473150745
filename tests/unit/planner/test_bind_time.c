/* tests/unit/planner/test_bind_time.c -- dates, times, intervals, periods. */
#include "bind_test.h"
#include "planner/bind_int.h"

Test(bind, intervals) {
    static const bind_case cases[] = {
        {"INTERVAL '1' SECOND", "INTERVAL '1' SECOND : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1.5' SECOND", "INTERVAL '1.5' SECOND : INTERVAL DAY TO SECOND"},
        {"INTERVAL '0.000001' SECOND", "INTERVAL '0.000001' SECOND : INTERVAL DAY TO SECOND"},
        {"INTERVAL 5 MINUTES", "INTERVAL '5' MINUTE : INTERVAL DAY TO SECOND"},
        {"INTERVAL '2' HOURS", "INTERVAL '2' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '3' DAY", "INTERVAL '3' DAY : INTERVAL DAY TO SECOND"},
        {"INTERVAL '2' WEEK", "INTERVAL '14' DAY : INTERVAL DAY TO SECOND"},
        {"INTERVAL '2' MONTH", "INTERVAL '2' MONTH : INTERVAL YEAR TO MONTH"},
        {"INTERVAL '1' QUARTER", "INTERVAL '3' MONTH : INTERVAL YEAR TO MONTH"},
        {"INTERVAL '2' YEAR", "INTERVAL '2' YEAR : INTERVAL YEAR TO MONTH"},
        {"INTERVAL '1:30' MINUTE TO SECOND", "INTERVAL '90' SECOND : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1:30.25' MINUTE TO SECOND", "INTERVAL '90.25' SECOND : INTERVAL DAY TO SECOND"},
        {"INTERVAL '10:30' HOUR TO MINUTE", "INTERVAL '630' MINUTE : INTERVAL DAY TO SECOND"},
        {"INTERVAL '10:30:05' HOUR TO SECOND", "INTERVAL '37805' SECOND : INTERVAL DAY TO SECOND"},
        {"INTERVAL '2 12' DAY TO HOUR", "INTERVAL '60' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '2 12:05' DAY TO MINUTE", "INTERVAL '3605' MINUTE : INTERVAL DAY TO SECOND"},
        {"INTERVAL '2 12:00:00' DAY TO SECOND", "INTERVAL '60' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1-6' YEAR TO MONTH", "INTERVAL '18' MONTH : INTERVAL YEAR TO MONTH"},
        {"INTERVAL -'5' HOUR", "INTERVAL '-5' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '-5' HOUR", "INTERVAL '-5' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL -'-5' HOUR", "INTERVAL '5' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '+5' HOUR", "INTERVAL '5' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '-1-6' YEAR TO MONTH", "INTERVAL '-18' MONTH : INTERVAL YEAR TO MONTH"},
        {"INTERVAL ' 5 ' HOUR", "INTERVAL '5' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '120' SECOND", "INTERVAL '2' MINUTE : INTERVAL DAY TO SECOND"},
        {"INTERVAL '120' SECOND(3)", "INTERVAL '2' MINUTE : INTERVAL DAY TO SECOND"},
        {"INTERVAL '120' SECOND(2)",
         "INTERVAL '120' SECOND(2): '120' has 3 digits, SECOND(2) takes at most 2"},
        {"INTERVAL '1.25' SECOND(2, 1)",
         "INTERVAL '1.25' SECOND(2, 1): '1.25' has 2 fraction digits, at most 1 are kept"},
        {"INTERVAL '1:30' MINUTE", "INTERVAL '1:30' MINUTE: INTERVAL MINUTE is written 'minutes', found "
                                   "'1:30' | write INTERVAL '1:30' MINUTE TO SECOND"},
        {"INTERVAL '1:30' HOUR", "INTERVAL '1:30' HOUR: INTERVAL HOUR is written 'hours', found '1:30' | "
                                 "write INTERVAL '1:30' HOUR TO MINUTE"},
        {"INTERVAL '90' MINUTE TO SECOND", "INTERVAL '90' MINUTE TO SECOND: INTERVAL MINUTE TO SECOND is "
                                           "written 'minutes:seconds[.fraction]', found '90'"},
        {"INTERVAL '1:75' MINUTE TO SECOND",
         "INTERVAL '1:75' MINUTE TO SECOND: '1:75': SECOND must be 0 to 59 here"},
        {"INTERVAL '2 24:00:00' DAY TO SECOND",
         "INTERVAL '2 24:00:00' DAY TO SECOND: '2 24:00:00': HOUR must be 0 to 23 here"},
        {"INTERVAL '1-13' YEAR TO MONTH",
         "INTERVAL '1-13' YEAR TO MONTH: '1-13': MONTH must be 0 to 11 here"},
        {"INTERVAL '3:45:04' DAY TO HOUR",
         "INTERVAL '3:45:04' DAY TO HOUR: INTERVAL DAY TO HOUR is written 'days hours', found '3:45:04'"},
        {"INTERVAL '1.5' MINUTE", "INTERVAL '1.5' MINUTE: INTERVAL MINUTE is written 'minutes', found '1.5'"},
        {"INTERVAL '1.1234567' SECOND",
         "INTERVAL '1.1234567' SECOND: '1.1234567' has 7 fraction digits, at most 6 are kept"},
        {"INTERVAL '' DAY", "INTERVAL '' DAY: INTERVAL DAY is written 'days', found ''"},
        {"INTERVAL 'x' DAY", "INTERVAL 'x' DAY: INTERVAL DAY is written 'days', found 'x'"},
        {"INTERVAL '1 ' DAY TO HOUR",
         "INTERVAL '1 ' DAY TO HOUR: INTERVAL DAY TO HOUR is written 'days hours', found '1 '"},
        {"INTERVAL '99999999999999' DAY",
         "INTERVAL '99999999999999' DAY: INTERVAL '99999999999999' DAY is too large"},
        {"INTERVAL '99999999999999999999999' SECOND",
         "INTERVAL '99999999999999999999999' SECOND: INTERVAL '99999999999999999999999' SECOND is too large"},
        {"INTERVAL '1' YEAR TO DAY",
         "INTERVAL '1' YEAR TO DAY: YEAR TO DAY is no interval: months and days do not mix"},
        {"INTERVAL '1' HOUR TO DAY",
         "INTERVAL '1' HOUR TO DAY: HOUR TO DAY is no interval: the second unit must be the smaller one"},
        {"INTERVAL '1' WEEK TO DAY",
         "INTERVAL '1' WEEK TO DAY: WEEK TO DAY is no interval: one of them stands alone only"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, time_arithmetic) {
    static const bind_case cases[] = {
        {"ts - INTERVAL '2' SECOND", "ts - INTERVAL '2' SECOND : TIMESTAMP(3)"},
        {"ts + INTERVAL '0.0005' SECOND", "ts + INTERVAL '0.0005' SECOND : TIMESTAMP(6)"},
        {"INTERVAL '1' MINUTE + ts", "ts + INTERVAL '1' MINUTE : TIMESTAMP(3)"},
        {"ts + INTERVAL '1-6' YEAR TO MONTH", "ADD_MONTHS(ts, INTERVAL '18' MONTH) : TIMESTAMP(3)"},
        {"ts - INTERVAL '1' MONTH", "ADD_MONTHS(ts, INTERVAL '-1' MONTH) : TIMESTAMP(3)"},
        {"ts - ts2", "ts - ts2 : INTERVAL DAY TO SECOND"},
        {"d - d2", "d - d2 : INTERVAL DAY TO SECOND"},
        {"ts - d", "ts - d : INTERVAL DAY TO SECOND"},
        {"ts - ltz", "CAST(ts AS TIMESTAMP_LTZ(3)) - ltz : INTERVAL DAY TO SECOND"},
        {"d + INTERVAL '1' DAY", "d + INTERVAL '1' DAY : DATE"},
        {"d + INTERVAL '1' HOUR", "d + INTERVAL '1' HOUR : TIMESTAMP(3)"},
        {"d + INTERVAL '1' MONTH", "ADD_MONTHS(d, INTERVAL '1' MONTH) : DATE"},
        {"d + status * INTERVAL '1' DAY", "d + INTERVAL '1' DAY * status : DATE"},
        {"d + status * INTERVAL '1' HOUR", "d + INTERVAL '1' HOUR * status : TIMESTAMP(3)"},
        {"tm + INTERVAL '1' HOUR", "tm + INTERVAL '1' HOUR : TIME(0)"},
        {"tm - tm", "tm - tm : INTERVAL DAY TO SECOND"},
        {"tm - ts", "tm - ts: '-' cannot take TIME(0) and TIMESTAMP(3)"},
        {"tm + INTERVAL '1' MONTH",
         "tm + INTERVAL '1' MONTH: '+' cannot take TIME(0) and INTERVAL YEAR TO MONTH"},
        {"INTERVAL '1' DAY - ts",
         "INTERVAL '1' DAY - ts: '-' cannot take INTERVAL DAY TO SECOND and TIMESTAMP(3)"},
        {"INTERVAL '1' DAY + INTERVAL '1' HOUR", "INTERVAL '25' HOUR : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1' DAY + INTERVAL '1' MONTH",
         "INTERVAL '1' DAY + INTERVAL '1' MONTH: '+' cannot take INTERVAL DAY TO SECOND and INTERVAL YEAR TO "
         "MONTH | an interval of months and one of days do not mix"},
        {"-(ts - ts2)", "-(ts - ts2) : INTERVAL DAY TO SECOND"},
        {"-INTERVAL '1' DAY", "INTERVAL '-1' DAY : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1' MINUTE * 5", "INTERVAL '5' MINUTE : INTERVAL DAY TO SECOND"},
        {"5 * INTERVAL '1' MINUTE", "INTERVAL '5' MINUTE : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1' MINUTE * 1.5", "INTERVAL '1' MINUTE * 1.5 : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1' MINUTE * latency",
         "INTERVAL '1' MINUTE * CAST(latency AS DECIMAL(18,6)) : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1' MINUTE / 4", "INTERVAL '15' SECOND : INTERVAL DAY TO SECOND"},
        {"INTERVAL '1' MINUTE / 0.5", "INTERVAL '1' MINUTE / 0.5 : INTERVAL DAY TO SECOND"},
        {"(ts - ts2) / 2", "(ts - ts2) / 2 : INTERVAL DAY TO SECOND"},
        {"(ts - ts2) / price", "(ts - ts2) / price : INTERVAL DAY TO SECOND"},
        {"(ts - ts2) / (ts - ts2)",
         "(ts - ts2) / (ts - ts2): '/' cannot take INTERVAL DAY TO SECOND and INTERVAL DAY TO SECOND | "
         "divide numbers: CAST((…) SECOND AS BIGINT) is an interval's seconds"},
        {"(ts - ts2) % 2", "(ts - ts2) % 2: '%' cannot take INTERVAL DAY TO SECOND and INTEGER"},
        {"2 / INTERVAL '1' DAY", "2 / INTERVAL '1' DAY: '/' cannot take INTEGER and INTERVAL DAY TO SECOND"},
        {"ts + 5", "ts + 5: '+' cannot take TIMESTAMP(3) and INTEGER | write ts + 5 * INTERVAL '1' SECOND "
                   "(or another unit)"},
        {"ts - 5", "ts - 5: '-' cannot take TIMESTAMP(3) and INTEGER | write ts - 5 * INTERVAL '1' SECOND "
                   "(or another unit)"},
        {"5 + ts", "5 + ts: '+' cannot take INTEGER and TIMESTAMP(3) | write ts + 5 * INTERVAL '1' SECOND "
                   "(or another unit)"},
        {"d + 5",
         "d + 5: '+' cannot take DATE and INTEGER | write d + 5 * INTERVAL '1' DAY (or another unit)"},
        {"d - status", "d - status: '-' cannot take DATE and INTEGER | write d - status * INTERVAL '1' DAY "
                       "(or another unit)"},
        {"status + d", "status + d: '+' cannot take INTEGER and DATE | write d + status * INTERVAL '1' DAY "
                       "(or another unit)"},
        {"status - d", "status - d: '-' cannot take INTEGER and DATE"},
        {"d + status * INTERVAL '1' DAY", "d + INTERVAL '1' DAY * status : DATE"},
        {"ts + ts2", "ts + ts2: '+' cannot take TIMESTAMP(3) and TIMESTAMP(3) | times are subtracted from "
                     "each other, not added"},
        {"ts + page", "ts + page: '+' cannot take TIMESTAMP(3) and VARCHAR"},
        {"ts - '2026-01-01'", "ts - '2026-01-01': '-' cannot take TIMESTAMP(3) and VARCHAR | write "
                              "CAST('2026-01-01' AS TIMESTAMP)"},
        {"ts + NULL", "NULL : TIMESTAMP(3)"},
        {"NULL - ts", "NULL : TIMESTAMP(3)"},
        {"ts + INTERVAL '1' DAY * NULL", "ts + NULL : TIMESTAMP(3)"},
        {"ABS(ts - ts2)", "CASE WHEN ts - ts2 < INTERVAL '0' SECOND THEN -(ts - ts2) ELSE ts - ts2 END : "
                          "INTERVAL DAY TO SECOND"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, qualified) {
    static const bind_case cases[] = {
        {"(ts - ts2) SECOND", "ts - ts2 : INTERVAL DAY TO SECOND"},
        {"(ts - ts2) MINUTE",
         "(ts - ts2) / INTERVAL '1' MINUTE * INTERVAL '1' MINUTE : INTERVAL DAY TO SECOND"},
        {"(ts - ts2) DAY TO SECOND", "ts - ts2 : INTERVAL DAY TO SECOND"},
        {"(ts - ts2) DAY TO HOUR",
         "(ts - ts2) / INTERVAL '1' HOUR * INTERVAL '1' HOUR : INTERVAL DAY TO SECOND"},
        {"(d - d2) DAY", "(d - d2) / INTERVAL '1' DAY * INTERVAL '1' DAY : INTERVAL DAY TO SECOND"},
        {"(NULL) DAY", "NULL : INTERVAL DAY TO SECOND"},
        {"(status) MINUTE", "(status) MINUTE: MINUTE after parentheses needs an interval, as in (t2 - t1) "
                            "MINUTE, found INTEGER"},
        {"(INTERVAL '1' MONTH) DAY", "(INTERVAL '1' MONTH) DAY: DAY cannot qualify an interval of months"},
        {"(INTERVAL '30' DAY) MONTH",
         "(INTERVAL '30' DAY) MONTH: MONTH cannot qualify an interval of days to seconds"},
        {"(ts - ts2) HOUR TO DAY",
         "(ts - ts2) HOUR TO DAY: HOUR TO DAY is no interval: the second unit must be the smaller one"},
        {"(INTERVAL '14' MONTH - INTERVAL '1' MONTH) YEAR", "INTERVAL '1' YEAR : INTERVAL YEAR TO MONTH"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, months_between) {
    static const bind_case cases[] = {
        {"(ts - ts2) MONTH",
         "CASE WHEN ts >= ts2 AND ADD_MONTHS(ts2, EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH FROM ts) - "
         "(EXTRACT(YEAR FROM ts2) * 12 + EXTRACT(MONTH FROM ts2))) > ts THEN EXTRACT(YEAR FROM ts) * 12 + "
         "EXTRACT(MONTH FROM ts) - (EXTRACT(YEAR FROM ts2) * 12 + EXTRACT(MONTH FROM ts2)) - 1 WHEN ts < ts2 "
         "AND ADD_MONTHS(ts, -(EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH FROM ts) - (EXTRACT(YEAR FROM ts2) "
         "* 12 + EXTRACT(MONTH FROM ts2)))) > ts2 THEN EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH FROM ts) - "
         "(EXTRACT(YEAR FROM ts2) * 12 + EXTRACT(MONTH FROM ts2)) + 1 ELSE EXTRACT(YEAR FROM ts) * 12 + "
         "EXTRACT(MONTH FROM ts) - (EXTRACT(YEAR FROM ts2) * 12 + EXTRACT(MONTH FROM ts2)) END * INTERVAL "
         "'1' MONTH : INTERVAL YEAR TO MONTH"},
        {"TIMESTAMPDIFF(YEAR, ts, ts2)",
         "CASE WHEN ts2 >= ts AND ADD_MONTHS(ts, EXTRACT(YEAR FROM ts2) * 12 + EXTRACT(MONTH FROM ts2) - "
         "(EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH FROM ts))) > ts2 THEN EXTRACT(YEAR FROM ts2) * 12 + "
         "EXTRACT(MONTH FROM ts2) - (EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH FROM ts)) - 1 WHEN ts2 < ts "
         "AND ADD_MONTHS(ts2, -(EXTRACT(YEAR FROM ts2) * 12 + EXTRACT(MONTH FROM ts2) - (EXTRACT(YEAR FROM "
         "ts) "
         "* 12 + EXTRACT(MONTH FROM ts)))) > ts THEN EXTRACT(YEAR FROM ts2) * 12 + EXTRACT(MONTH FROM ts2) - "
         "(EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH FROM ts)) + 1 ELSE EXTRACT(YEAR FROM ts2) * 12 + "
         "EXTRACT(MONTH FROM ts2) - (EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH FROM ts)) END / INTERVAL '1' "
         "YEAR : BIGINT"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, rounding) {
    static const bind_case cases[] = {
        {"FLOOR(ts TO MINUTE)", "FLOOR(ts TO MINUTE) : TIMESTAMP(3)"},
        {"CEIL(ts TO HOUR)", "CEIL(ts TO HOUR) : TIMESTAMP(3)"},
        {"FLOOR(d TO MONTH)", "FLOOR(d TO MONTH) : DATE"},
        {"FLOOR(tm TO HOUR)", "FLOOR(tm TO HOUR) : TIME(0)"},
        {"FLOOR(ts TO WEEK)", "FLOOR(ts TO WEEK) : TIMESTAMP(3)"},
        {"FLOOR(ts TO MILLISECOND)", "FLOOR(ts TO MILLISECOND) : TIMESTAMP(3)"},
        {"FLOOR(d TO HOUR)", "FLOOR(d TO HOUR): DATE cannot be rounded to HOUR"},
        {"FLOOR(tm TO DAY)", "FLOOR(tm TO DAY): TIME(0) cannot be rounded to DAY"},
        {"FLOOR(ts TO EPOCH)", "FLOOR(ts TO EPOCH): TIMESTAMP(3) cannot be rounded to EPOCH"},
        {"FLOOR(status TO DAY)",
         "FLOOR(status TO DAY): FLOOR(… TO DAY) needs a date, time or interval, found INTEGER"},
        {"FLOOR(ts - ts2 TO HOUR)", "FLOOR(ts - ts2 TO HOUR) : INTERVAL DAY TO SECOND"},
        {"CEIL(ts - ts2 TO HOUR)", "CEIL(ts - ts2 TO HOUR) : INTERVAL DAY TO SECOND"},
        {"FLOOR(INTERVAL '14' MONTH TO YEAR)", "FLOOR(INTERVAL '14' MONTH TO YEAR) : INTERVAL YEAR TO MONTH"},
        {"FLOOR(ts - ts2 TO YEAR)",
         "FLOOR(ts - ts2 TO YEAR): INTERVAL DAY TO SECOND cannot be rounded to YEAR"},
        {"FLOOR(NULL TO DAY)", "NULL : TIMESTAMP(3)"},
        {"FLOOR(ts)",
         "FLOOR(ts): FLOOR of TIMESTAMP(3) needs a unit | write FLOOR(ts TO MINUTE), or another unit"},
        {"FLOOR(status)", "status : INTEGER"},
        {"FLOOR(price)", "CAST(STEP(price BY 1.00) AS DECIMAL(9,0)) : DECIMAL(9,0)"},
        {"CEIL(price)", "CAST(-STEP(-price BY 1.00) AS DECIMAL(9,0)) : DECIMAL(9,0)"},
        {"CEIL(1.0)", "CAST(-STEP(-1.0 BY 1.0) AS DECIMAL(2,0)) : DECIMAL(2,0)"},
        {"FLOOR(latency)", "FLOOR(latency) : DOUBLE"},
        {"CEILING(latency)", "CEIL(latency) : DOUBLE"},
        {"FLOOR(page)", "FLOOR(page): FLOOR takes (DOUBLE), found (VARCHAR) | write CAST(page AS DOUBLE)"},
        {"FLOOR(1, 2)", "FLOOR(1, 2): FLOOR has 2 arguments; write FLOOR(x) or FLOOR(t TO MINUTE)"},
        {"FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND)",
         "STEP(ts - TIMESTAMP '1970-01-01 00:00:00.000' BY INTERVAL '10' SECOND) / 10 : INTERVAL DAY TO "
         "SECOND"},
        {"FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00') SECOND / 60 TO MINUTE)",
         "STEP(ts - TIMESTAMP '1970-01-01 00:00:00.000' BY INTERVAL '1' HOUR) / 60 : INTERVAL DAY TO SECOND"},
        {"FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00') MINUTE / 5 TO MINUTE)",
         "STEP(ts - TIMESTAMP '1970-01-01 00:00:00.000' BY INTERVAL '5' MINUTE) / 5 : INTERVAL DAY TO "
         "SECOND"},
        {"FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00') MINUTE / 5 TO SECOND)",
         "STEP((ts - TIMESTAMP '1970-01-01 00:00:00.000') / INTERVAL '1' MINUTE * INTERVAL '1' MINUTE BY "
         "INTERVAL '5' SECOND) / 5 : INTERVAL DAY TO SECOND"},
        {"FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00') SECOND / status TO SECOND)",
         "FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00.000') / status TO SECOND) : INTERVAL DAY TO SECOND"},
        {"CAST(FLOOR((ts - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND) AS BIGINT)",
         "STEP(ts - TIMESTAMP '1970-01-01 00:00:00.000' BY INTERVAL '10' SECOND) / 10 / INTERVAL '1' SECOND "
         ": BIGINT"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, step) {
    static const bind_case cases[] = {
        {"STEP(ts BY INTERVAL '10' SECOND)", "STEP(ts BY INTERVAL '10' SECOND) : TIMESTAMP(3)"},
        {"STEP(ts BY INTERVAL '1' MONTH)", "FLOOR(ts TO MONTH) : TIMESTAMP(3)"},
        {"STEP(ts BY INTERVAL '3' MONTH)", "FLOOR(ts TO QUARTER) : TIMESTAMP(3)"},
        {"STEP(ts BY INTERVAL '1' YEAR)", "FLOOR(ts TO YEAR) : TIMESTAMP(3)"},
        {"STEP(ts BY INTERVAL '2' MONTH)",
         "ADD_MONTHS(TIMESTAMP '1970-01-01 00:00:00.000', STEP(EXTRACT(YEAR FROM ts) * 12 + EXTRACT(MONTH "
         "FROM ts) - 23641 BY 2)) : TIMESTAMP(3)"},
        {"STEP(d BY INTERVAL '5' DAY)", "STEP(d BY INTERVAL '5' DAY) : DATE"},
        {"STEP(d BY INTERVAL '1' HOUR)", "STEP(d BY INTERVAL '1' HOUR) : TIMESTAMP(3)"},
        {"STEP(tm BY INTERVAL '1' HOUR)", "STEP(tm BY INTERVAL '1' HOUR) : TIME(0)"},
        {"STEP(ts - ts2 BY INTERVAL '1' HOUR)",
         "STEP(ts - ts2 BY INTERVAL '1' HOUR) : INTERVAL DAY TO SECOND"},
        {"STEP(status BY 5)", "STEP(status BY 5) : INTEGER"},
        {"STEP(status BY 2.5)",
         "2.5: a step of INTEGER must be an integer, found DECIMAL(2,1) | for example STEP(x BY 5)"},
        {"STEP(ts BY 5)", "5: a step of TIMESTAMP(3) must be an INTERVAL of days to seconds, found INTEGER | "
                          "for example STEP(t BY INTERVAL '10' SECOND)"},
        {"STEP(status BY INTERVAL '1' HOUR)", "INTERVAL '1' HOUR: a step of INTEGER must be an integer, "
                                              "found INTERVAL DAY TO SECOND | for example STEP(x BY 5)"},
        {"STEP(tm BY INTERVAL '1' MONTH)",
         "INTERVAL '1' MONTH: a step of TIME(0) must be an INTERVAL of days to seconds, found INTERVAL YEAR "
         "TO MONTH | for example STEP(t BY INTERVAL '10' SECOND)"},
        {"STEP(ts BY INTERVAL -'1' HOUR)", "INTERVAL -'1' HOUR: the step of STEP must be greater than zero"},
        {"STEP(status BY 0)", "0: the step of STEP must be greater than zero"},
        {"STEP(status BY bytes)", "bytes: the step of STEP must be constant"},
        {"STEP(status BY CAST(NULL AS INTEGER))", "CAST(NULL AS INTEGER): the step of STEP must be constant"},
        {"STEP(latency BY 2)", "latency: STEP needs a date, time or integer, found DOUBLE"},
        {"STEP(page BY 2)", "page: STEP needs a date, time or integer, found VARCHAR"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, extract) {
    static const bind_case cases[] = {
        {"EXTRACT(YEAR FROM ts)", "EXTRACT(YEAR FROM ts) : BIGINT"},
        {"EXTRACT(SECOND FROM ts)", "EXTRACT(SECOND FROM ts) : BIGINT"},
        {"EXTRACT(HOUR FROM tm)", "EXTRACT(HOUR FROM tm) : BIGINT"},
        {"EXTRACT(DAY FROM d)", "EXTRACT(DAY FROM d) : BIGINT"},
        {"EXTRACT(EPOCH FROM ts)", "EXTRACT(EPOCH FROM ts) : BIGINT"},
        {"EXTRACT(DAY FROM ts - ts2)", "EXTRACT(DAY FROM ts - ts2) : BIGINT"},
        {"EXTRACT(MONTH FROM INTERVAL '14' MONTH)", "EXTRACT(MONTH FROM INTERVAL '14' MONTH) : BIGINT"},
        {"EXTRACT(MONTH FROM ts - ts2)", "EXTRACT(MONTH FROM ts - ts2): INTERVAL DAY TO SECOND has no MONTH"},
        {"EXTRACT(HOUR FROM d)", "EXTRACT(HOUR FROM d): DATE has no HOUR"},
        {"EXTRACT(YEAR FROM tm)", "EXTRACT(YEAR FROM tm): TIME(0) has no YEAR"},
        {"EXTRACT(FOO FROM ts)", "EXTRACT(FOO FROM ts): TIMESTAMP(3) has no part FOO | parts are YEAR, "
                                 "QUARTER, MONTH, WEEK, DAY, DOY, DOW, HOUR, MINUTE, SECOND, EPOCH, …"},
        {"EXTRACT(YEAR FROM page)",
         "EXTRACT(YEAR FROM page): EXTRACT needs a date, time or interval, found VARCHAR"},
        {"EXTRACT(YEAR FROM NULL)", "NULL : BIGINT"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, timestampadd) {
    static const bind_case cases[] = {
        {"TIMESTAMPADD(MINUTE, 5, ts)", "ts + INTERVAL '5' MINUTE : TIMESTAMP(3)"},
        {"TIMESTAMPADD(WEEK, status, d)", "d + INTERVAL '7' DAY * status : DATE"},
        {"TIMESTAMPADD(MONTH, status, ts)", "ADD_MONTHS(ts, INTERVAL '1' MONTH * status) : TIMESTAMP(3)"},
        {"TIMESTAMPADD(QUARTER, 1, d)", "ADD_MONTHS(d, INTERVAL '3' MONTH) : DATE"},
        {"TIMESTAMPADD(FORTNIGHT, 1, ts)", "TIMESTAMPADD(FORTNIGHT, 1, ts): 'FORTNIGHT' is no unit of time | "
                                           "units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND"},
        {"TIMESTAMPADD(MINUTE, 1.5, ts)",
         "1.5: TIMESTAMPADD needs an integer before the time, found DECIMAL(2,1)"},
        {"TIMESTAMPADD(MINUTE, 1, page)",
         "TIMESTAMPADD(MINUTE, 1, page): TIMESTAMPADD needs dates or times, found (VARCHAR)"},
        {"TIMESTAMPADD(MINUTE, NULL, ts)", "ts + NULL : TIMESTAMP(3)"},
        {"TIMESTAMPADD(MINUTE, 1)",
         "TIMESTAMPADD(MINUTE, 1): TIMESTAMPADD has 1 argument; write TIMESTAMPADD(MINUTE, n, t)"},
        {"TIMESTAMPDIFF(HOUR, ts, ts2)", "(ts2 - ts) / INTERVAL '1' HOUR : BIGINT"},
        {"TIMESTAMPDIFF(DAY, d, ts)", "(ts - d) / INTERVAL '1' DAY : BIGINT"},
        {"TIMESTAMPDIFF(DAY, page, ts)",
         "TIMESTAMPDIFF(DAY, page, ts): TIMESTAMPDIFF needs dates or times, found (VARCHAR, TIMESTAMP(3))"},
        {"TIMESTAMPDIFF(DAY, tm, ts)",
         "TIMESTAMPDIFF(DAY, tm, ts): '-' cannot take TIMESTAMP(3) and TIME(0)"},
        {"TIMESTAMPDIFF(MONTH, tm, ts)",
         "TIMESTAMPDIFF(MONTH, tm, ts): '-' cannot take TIMESTAMP(3) and TIME(0)"},
        {"TIMESTAMPDIFF(DAY, NULL, ts)", "NULL : BIGINT"},
        {"TSDIFF(ts, ts2)", "(ts2 - ts) / INTERVAL '0.001' SECOND : BIGINT"},
        {"TSDIFF(bytes, status)", "status - bytes : BIGINT"},
        {"TSDIFF(page, ts)", "TSDIFF(page, ts): TSDIFF needs dates or times, found (VARCHAR, TIMESTAMP(3))"},
        {"TSDIFF(NULL, ts)", "NULL : BIGINT"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, periods) {
    static const bind_case cases[] = {
        {"(ts, ts2) OVERLAPS (d, d2)", "ts < d2 AND d < ts2 : BOOLEAN"},
        {"(ts, ts2) STRICTLY OVERLAPS (d, d2)", "ts < d2 AND d < ts2 AND ts <> d AND ts2 <> d2 : BOOLEAN"},
        {"(ts, ts2) CONTAINS d", "ts <= d AND d < ts2 : BOOLEAN"},
        {"(ts, ts2) CONTAINS (d, d2)", "ts <= d AND d2 <= ts2 : BOOLEAN"},
        {"(ts, ts2) STRICTLY CONTAINS (d, d2)", "ts < d AND d2 < ts2 : BOOLEAN"},
        {"(ts, ts2) EQUALS (d, d2)", "ts = d AND ts2 = d2 : BOOLEAN"},
        {"(ts, ts2) PRECEDES (d, d2)", "ts2 <= d : BOOLEAN"},
        {"(ts, ts2) STRICTLY PRECEDES (d, d2)", "ts2 < d : BOOLEAN"},
        {"(ts, ts2) IMMEDIATELY PRECEDES (d, d2)", "ts2 = d : BOOLEAN"},
        {"ts PRECEDES (d, d2)", "ts < d : BOOLEAN"},
        {"(ts, ts2) SUCCEEDS (d, d2)", "d2 <= ts : BOOLEAN"},
        {"(ts, ts2) STRICTLY SUCCEEDS (d, d2)", "d2 < ts : BOOLEAN"},
        {"(ts, ts2) IMMEDIATELY SUCCEEDS (d, d2)", "d2 = ts : BOOLEAN"},
        {"(ts, ts2) LEADS (d, d2)", "ts < d AND d < ts2 AND ts2 <= d2 : BOOLEAN"},
        {"(ts, ts2) STRICTLY LEADS (d, d2)", "ts < d AND d < ts2 AND ts2 < d2 : BOOLEAN"},
        {"(ts, ts2) IMMEDIATELY LEADS (d, d2)", "ts < d AND d < ts2 AND ts2 = d2 : BOOLEAN"},
        {"(ts, ts2) LAGS (d, d2)", "d <= ts AND ts < d2 AND d2 < ts2 : BOOLEAN"},
        {"(ts, ts2) STRICTLY LAGS (d, d2)", "d < ts AND ts < d2 AND d2 < ts2 : BOOLEAN"},
        {"(ts, ts2) IMMEDIATELY LAGS (d, d2)", "d = ts AND ts < d2 AND d2 < ts2 : BOOLEAN"},
        {"PERIOD (ts, ts2) OVERLAPS PERIOD (d, d2)", "ts < d2 AND d < ts2 : BOOLEAN"},
        {"(ts, INTERVAL '1' HOUR) PRECEDES (d, d2)", "ts + INTERVAL '1' HOUR <= d : BOOLEAN"},
        {"(ts, '2026-01-01') PRECEDES (d, d2)", "DATE '2026-01-01' <= d : BOOLEAN"},
        {"(ts, status) CONTAINS ts",
         "(ts, status): a period has dates or times, found TIMESTAMP(3) and INTEGER | write (start, end)"},
        {"(ts, ts2, d) CONTAINS ts", "(ts, ts2, d): a period has two parts, found 3 | write (start, end)"},
        {"status CONTAINS ts", "status: a period has dates or times, found INTEGER | write (start, end)"},
        {"(ts, ts2) IMMEDIATELY EQUALS (d, d2)",
         "(ts, ts2) IMMEDIATELY EQUALS (d, d2): IMMEDIATELY does not go with EQUALS"},
        {"(ts, ts2) STRICTLY EQUALS (d, d2)",
         "(ts, ts2) STRICTLY EQUALS (d, d2): STRICTLY does not go with EQUALS"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, kinesis_time) {
    static const bind_case cases[] = {
        {"EXTRACT(SECOND FROM ts)", "EXTRACT(SECOND FROM ts) : DECIMAL(5,3)"},
        {"EXTRACT(MINUTE FROM ts)", "EXTRACT(MINUTE FROM ts) : BIGINT"},
        {"UNIX_TIMESTAMP(ts)",
         "(ts - TIMESTAMP '1970-01-01 00:00:00.000') / INTERVAL '0.001' SECOND : BIGINT"},
        {"UNIX_TIMESTAMP(page)", "unsupported UNIX_TIMESTAMP(page): UNIX_TIMESTAMP is not supported yet"},
        {"TO_TIMESTAMP(bytes)",
         "TIMESTAMP '1970-01-01 00:00:00.000' + INTERVAL '0.001' SECOND * bytes : TIMESTAMP(3)"},
        {"TO_TIMESTAMP('2026', 'yyyy')", "TO_TIMESTAMP('2026', 'yyyy') : TIMESTAMP(3)"},
        {"TO_TIMESTAMP('2026')", "TO_TIMESTAMP('2026') : TIMESTAMP(3)"},
        {"MONOTONIC(ts)", "ts : TIMESTAMP(3)"},
        {"FLOOR((t.ROWTIME - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND)",
         "STEP(ROWTIME - TIMESTAMP '1970-01-01 00:00:00.000' BY INTERVAL '10' SECOND) / 10 : INTERVAL DAY TO "
         "SECOND"},
    };
    bind_check(cases, .kda = true);
}

Test(bind, standard_time) {
    static const bind_case cases[] = {
        {"UNIX_TIMESTAMP(ts)", "unsupported UNIX_TIMESTAMP(ts): UNIX_TIMESTAMP is not supported yet"},
        {"TO_TIMESTAMP(bytes)", "TO_TIMESTAMP(bytes): TO_TIMESTAMP takes (VARCHAR [, VARCHAR]), found "
                                "(BIGINT) | write CAST(bytes AS VARCHAR)"},
        {"TO_TIMESTAMP('2026')", "TO_TIMESTAMP('2026') : TIMESTAMP(3)"},
        {"INITCAP(page)",
         "INITCAP: function 'INITCAP' does not exist | weir help functions lists those there are"},
    };
    bind_check(cases, .kda = false);
}

/* What clauses ask of their constants. */
static wr_expr *const_hook(void *ctx, wri_binder *b, const wr_ast *e) {
    (void)ctx;
    int64_t v;
    bool ok = false;
    if (e->kind != WR_A_CALL) return NULL;
    if (wri_same_name(e->name.parts[0].text, "INTERVAL_OF"))
        ok = wri_const_interval_us(b, e->args[0], "window size", &v);
    else if (wri_same_name(e->name.parts[0].text, "INT_OF")) ok = wri_const_int(b, e->args[0], "LIMIT", &v);
    else return NULL;
    return ok ? wri_mk_i64(b, v, wr_type_of(WR_T_BIGINT), e->loc) : &wri_failed;
}

Test(bind, constants_of_clauses) {
    static const bind_case cases[] = {
        {"INTERVAL_OF(INTERVAL '1' MINUTE)", "60000000 : BIGINT"},
        {"INTERVAL_OF(INTERVAL '1' MINUTE * 2)", "120000000 : BIGINT"},
        {"INTERVAL_OF(INTERVAL '1' MONTH)",
         "INTERVAL '1' MONTH: window size must have a fixed length; months and years "
         "have none | use days, for example INTERVAL '30' DAY"},
        {"INTERVAL_OF(5)",
         "5: window size must be an INTERVAL, found INTEGER | for example INTERVAL '1' MINUTE"},
        {"INTERVAL_OF(ts - ts2)",
         "ts - ts2: window size must be a constant INTERVAL | for example INTERVAL '1' MINUTE"},
        {"INTERVAL_OF(CAST(NULL AS INTERVAL DAY))",
         "CAST(NULL AS INTERVAL DAY): window size must not be NULL | for example INTERVAL '1' MINUTE"},
        {"INTERVAL_OF(INTERVAL '1' YEAR TO DAY)",
         "INTERVAL '1' YEAR TO DAY: YEAR TO DAY is no interval: months and days do not mix"},
        {"INT_OF(5)", "5 : BIGINT"},
        {"INT_OF(2 + 3)", "5 : BIGINT"},
        {"INT_OF(1.5)", "1.5: LIMIT must be an integer, found DECIMAL(2,1)"},
        {"INT_OF(status)", "status: LIMIT must be a constant integer"},
        {"INT_OF(NULL)", "NULL: LIMIT must not be NULL"},
    };
    bind_check(cases, .hook = const_hook);
}

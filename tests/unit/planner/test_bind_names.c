/* tests/unit/planner/test_bind_names.c -- columns: case, quotes, qualifiers, and what is said about wrong
 * ones. */
#include "bind_test.h"

Test(bind, columns) {
    static const bind_case cases[] = {
        {"page", "page : VARCHAR"},
        {"PAGE", "page : VARCHAR"},
        {"\"page\"", "page : VARCHAR"},
        {"t.page", "page : VARCHAR"},
        {"T.Page", "page : VARCHAR"},
        {"\"t\".\"page\"", "page : VARCHAR"},
        {"mixed", "Mixed : INTEGER"},
        {"\"Mixed\"", "Mixed : INTEGER"},
        {"rowtime", "ROWTIME : TIMESTAMP(3)"},
        {"\"ROWTIME\"", "ROWTIME : TIMESTAMP(3)"},
        {"t.ROWTIME", "ROWTIME : TIMESTAMP(3)"},
    };
    bind_check(cases, .kda = false);
}

Test(bind, unknown_columns) {
    static const bind_case cases[] = {
        {"pge = 1", "pge: column 'pge' does not exist | did you mean 'page'?"},
        {"\"Page\"",
         "\"Page\": column 'Page' does not exist | did you mean \"page\"? Quoted names keep their case"},
        {"\"abc d\"",
         "\"abc d\": column 'abc d' does not exist | double quotes are for names; text is written 'abc d'"},
        {"\"x\"", "\"x\": column 'x' does not exist | double quotes are for names; text is written 'x'"},
        {"t.pge", "t.pge: column 't.pge' does not exist | did you mean 'page'?"},
        {"x.page", "x: 'x' is no table of this query; there are: t"},
        {"tt.page", "tt: 'tt' is no table of this query; there are: t | did you mean 't'?"},
        {"x.y.z", "x: 'x' is no table of this query; there are: t"},
        {"t.page.z", "page: 't.page' is no row and has no columns"},
        {"t.pge.z", "pge: column 't.pge' does not exist | did you mean 'page'?"},
        {"w.x.y.z", "unsupported w.x.y.z: a name of more than three parts is not supported yet"},
        {"nothing_like_it", "nothing_like_it: column 'nothing_like_it' does not exist"},
        {"*", "*: '*' stands only in a SELECT list and in COUNT(*)"},
    };
    bind_check(cases, .kda = false);
}

/* Each mistake is reported once, and nothing is reported about what rests on it. */
Test(bind, several_errors) {
    static const bind_case cases[] = {
        {"status = 1 AND pge = 2 OR stats = 3 AND price + page > 1",
         "pge: column 'pge' does not exist | did you mean 'page'?\nstats: column 'stats' does not exist | "
         "did you mean 'status'?\nprice + page: '+' needs numbers, found DECIMAL(10,2) and VARCHAR | write "
         "CAST(page AS DOUBLE)"},
        {"CASE WHEN status THEN a1 ELSE a2 END",
         "status: WHEN needs a BOOLEAN, found INTEGER | write status <> 0\na1: column 'a1' does not "
         "exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
        {"a1 IN (a2, a3)", "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean "
                           "'d2'?\na3: column 'a3' does not exist"},
        {"a1 BETWEEN a2 AND a3", "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you "
                                 "mean 'd2'?\na3: column 'a3' does not exist"},
        {"SUBSTR(a1, a2, status + page)",
         "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?\nstatus + "
         "page: '+' needs numbers, found INTEGER and VARCHAR | write CAST(page AS DOUBLE)"},
        {"COALESCE(a1, a2)",
         "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
        {"CAST(a1 AS INTEGER) + a2",
         "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
        {"a1 IS NULL", "a1: column 'a1' does not exist"},
        {"NOT a1", "a1: column 'a1' does not exist"},
        {"-a1", "a1: column 'a1' does not exist"},
        {"EXTRACT(DAY FROM a1)", "a1: column 'a1' does not exist"},
        {"FLOOR(a1 TO DAY)", "a1: column 'a1' does not exist"},
        {"STEP(a1 BY a2)",
         "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
        {"(a1) SECOND", "a1: column 'a1' does not exist"},
        {"(a1, a2) OVERLAPS (a3, a4)",
         "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?\na3: column "
         "'a3' does not exist\na4: column 'a4' does not exist"},
        {"a1 LIKE a2", "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
        {"a1 || a2", "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
        {"a1 -> a2", "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
        {"TIMESTAMPADD(DAY, a1, a2)",
         "a1: column 'a1' does not exist\na2: column 'a2' does not exist | did you mean 'd2'?"},
    };
    bind_check(cases, .kda = false);
}

static wri_scope_col two_tables[] = {
    {"a", "id", {.kind = WR_T_INTEGER}, 0, false}, {"a", "Key", {.kind = WR_T_INTEGER}, 1, false},
    {"a", "KEY", {.kind = WR_T_BIGINT}, 2, false}, {"a", "key2", {.kind = WR_T_INTEGER}, 3, false},
    {"b", "ID", {.kind = WR_T_INTEGER}, 4, false}, {"b", "x", {.kind = WR_T_DOUBLE}, 5, false},
    {"b", "x", {.kind = WR_T_DOUBLE}, 6, false},   {"b", "y", {.kind = WR_T_DOUBLE}, 7, false},
    {"b", "y", {.kind = WR_T_DOUBLE}, 7, false},   {"b", "h", {.kind = WR_T_DOUBLE}, 8, true},
    {"b", "H", {.kind = WR_T_INTEGER}, 9, false}};
static const wri_scope two = {two_tables, WR_LEN(two_tables), WR_LEN(two_tables)};

/* A name in two tables is ambiguous; in one table the spelling decides, upper case next; a column that is
 * found twice (USING) is one; a declared column hides a hidden one. */
Test(bind, ambiguous) {
    static const bind_case cases[] = {
        {"id", "id: column 'id' is ambiguous: it could be a.id, b.ID | write a.id"},
        {"a.id", "id : INTEGER"},
        {"B.id", "ID : INTEGER"},
        {"\"id\"", "id : INTEGER"},
        {"Key", "Key : INTEGER"},
        {"KEY", "KEY : BIGINT"},
        {"key", "KEY : BIGINT"},
        {"x", "x: column 'x' is ambiguous: it could be b.x, b.x | give the columns different names in the "
              "query they come from"},
        {"b.x",
         "b.x: column 'x' is ambiguous: it could be b.x, b.x | give the columns different names in the query "
         "they come from"},
        {"y", "y : DOUBLE"},
        {"h", "H : INTEGER"},
        {"\"h\"", "h : DOUBLE"},
        {"z", "z: column 'z' does not exist; there are: id, Key, KEY, key2, ID, x, y, H"},
        {"a.y", "a.y: column 'a.y' does not exist; there are: id, Key, KEY, key2"},
        {"c.y", "c: 'c' is no table of this query; there are: a, b"},
    };
    bind_check(cases, .scope = &two);
}

Test(bind, no_columns) {
    static const wri_scope none;
    static const bind_case cases[] = {
        {"a", "a: column 'a' does not exist; no columns can be used here"},
        {"t.a", "t: 't' is no table of this query"},
        {"1 + 1", "2 : INTEGER"},
    };
    bind_check(cases, .scope = &none);
}

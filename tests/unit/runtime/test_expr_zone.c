/* Time zones: gaps, overlaps, years without a table, and files that are none. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "expr_help.h"
#include "runtime/expr/expr_int.h"

#define TS xt_len(WR_T_TIMESTAMP, 3)

static wr_expr *ts(const char *s) { return xcast(TS, xs(s)); }
static wr_expr *local(const char *s, const char *zone) {
    return xfn("FROM_UTC_TIMESTAMP", TS, ts(s), xs(zone));
}
static wr_expr *utc(const char *s, const char *zone) { return xfn("TO_UTC_TIMESTAMP", TS, ts(s), xs(zone)); }

Test(expr_zone, clocks_of_a_moment) {
    xcheck(local("2026-01-15 12:00:00", "Europe/Berlin"), "2026-01-15 13:00:00.000");
    xcheck(local("2026-07-15 12:00:00.250", "Europe/Berlin"), "2026-07-15 14:00:00.250");
    xcheck(local("2026-03-29 00:59:59.999", "Europe/Berlin"), "2026-03-29 01:59:59.999");
    xcheck(local("2026-03-29 01:00:00", "Europe/Berlin"), "2026-03-29 03:00:00.000");
    xcheck(local("2026-10-25 00:59:59", "Europe/Berlin"), "2026-10-25 02:59:59.000");
    xcheck(local("2026-10-25 01:00:00", "Europe/Berlin"), "2026-10-25 02:00:00.000");
    xcheck(local("1950-01-01 00:00:00", "America/New_York"), "1949-12-31 19:00:00.000");
    xcheck(local("1880-01-01 00:00:00", "Europe/Berlin"), "1880-01-01 00:53:28.000"); /* its own noon */
    xcheck(local("1969-12-31 23:59:59.999", "UTC"), "1969-12-31 23:59:59.999");
    xcheck(local("2026-01-01 00:00:00", "Asia/Kolkata"), "2026-01-01 05:30:00.000");
    /* behind the table, by the rule: north, south, half an hour, and none */
    xcheck(local("2100-07-01 00:00:00", "Europe/Berlin"), "2100-07-01 02:00:00.000");
    xcheck(local("2100-01-01 00:00:00", "Europe/Berlin"), "2100-01-01 01:00:00.000");
    xcheck(local("2100-01-01 00:00:00", "Australia/Sydney"), "2100-01-01 11:00:00.000");
    xcheck(local("2100-07-01 00:00:00", "Australia/Sydney"), "2100-07-01 10:00:00.000");
    xcheck(local("2100-01-01 00:00:00", "Australia/Lord_Howe"), "2100-01-01 11:00:00.000");
    xcheck(local("2100-07-01 00:00:00", "Australia/Lord_Howe"), "2100-07-01 10:30:00.000");
    xcheck(local("9999-07-01 00:00:00", "Asia/Tokyo"), "9999-07-01 09:00:00.000");
}

Test(expr_zone, moment_of_clocks) {
    xcheck(utc("2026-03-29 02:30:00", "Europe/Berlin"), "2026-03-29 01:30:00.000"); /* shown as 03:30 */
    xcheck(utc("2026-03-29 01:59:59", "Europe/Berlin"), "2026-03-29 00:59:59.000");
    xcheck(utc("2026-03-29 03:00:00", "Europe/Berlin"), "2026-03-29 01:00:00.000");
    xcheck(utc("2026-10-25 02:30:00", "Europe/Berlin"), "2026-10-25 00:30:00.000"); /* the first of two */
    xcheck(utc("2026-10-25 03:00:00", "Europe/Berlin"), "2026-10-25 02:00:00.000");
    xcheck(utc("2100-03-28 02:30:00", "Europe/Berlin"), "2100-03-28 01:30:00.000");
    xcheck(utc("2100-10-31 02:30:00", "Europe/Berlin"), "2100-10-31 00:30:00.000");
    xcheck(utc("2026-04-05 02:30:00", "Australia/Sydney"), "2026-04-04 15:30:00.000");
    xcheck(utc("2011-12-30 12:00:00", "Pacific/Apia"), "2011-12-30 22:00:00.000"); /* a day left out */
    xcheck(utc("1969-12-31 19:00:00", "America/New_York"), "1970-01-01 00:00:00.000");
}

Test(expr_zone, names) {
    static const struct {
        const char *zone, *want;
    } cases[] = {
        {"+02:00", "2026-01-01 02:00:00.000"},    {"-0330", "2025-12-31 20:30:00.000"},
        {"UTC+5", "2026-01-01 05:00:00.000"},     {"GMT-08:00", "2025-12-31 16:00:00.000"},
        {"Z", "2026-01-01 00:00:00.000"},         {"GMT", "2026-01-01 00:00:00.000"},
        {"Etc/GMT+2", "2025-12-31 22:00:00.000"}, {"EST5EDT", "2025-12-31 19:00:00.000"},
    };
    for (size_t i = 0; i < WR_LEN(cases); i++)
        xcheck(local("2026-01-01 00:00:00", cases[i].zone), cases[i].want);
    static const char *const wrong[] = {"",
                                        "Europe",
                                        "Europe/Atlantis",
                                        "../../../etc/passwd",
                                        "/etc/localtime",
                                        "+25:00",
                                        "+2:7",
                                        "UTC+",
                                        "+",
                                        "Europe/Berlin ",
                                        "europe/berlin",
                                        "zone.tab",
                                        "Europe//Berlin/"};
    for (size_t i = 0; i < WR_LEN(wrong); i++) xcheck(local("2026-01-01 00:00:00", wrong[i]), "!'");
    xcheck(
        xfn("CONVERT_TZ", xt(WR_T_VARCHAR), xs("2026-07-01 12:00:00"), xs("Europe/Berlin"), xs("Asia/Tokyo")),
        "2026-07-01 19:00:00");
    xcheck(xfn("CONVERT_TZ", xt(WR_T_VARCHAR), xs("noon"), xs("UTC"), xs("UTC")), "!'noon' is no TIMESTAMP");
    xcheck(xfn("CONVERT_TZ", TS, ts("2026-07-01 12:00:00"), xs("UTC"), xs("Nowhere")),
           "!'Nowhere' is no time zone");
}

static size_t slurp(const char *path, char *buf, size_t cap) {
    int fd = open(path, O_RDONLY);
    cr_assert(fd >= 0, "%s (package tzdata)", path);
    ssize_t n = read(fd, buf, cap);
    close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* Any text by which times are asked. */
static void ask(wri_zone *z) {
    if (!z) return;
    for (int64_t y = -10000; y <= 12000; y += 37) {
        int64_t t = wr_days_from_civil(y, 3, 29) * 86400 + 3600;
        (void)wri_zone_offset(z, t);
        (void)wri_zone_to_utc(z, t);
    }
}

Test(expr_zone, broken_files) {
    static char buf[8192], copy[8192];
    size_t n = slurp("/usr/share/zoneinfo/Europe/Berlin", buf, sizeof buf);
    wr_arena ar = {0};
    cr_assert(wri_zone_parse(buf, n, &ar) != NULL);
    for (size_t cut = 0; cut < n; cut++) {
        char *exact = wr_alloc(cut + 1); /* its end is watched */
        memcpy(exact, buf, cut);
        ask(wri_zone_parse(exact, cut, &ar));
        wr_free(exact);
        wr_arena_reset(&ar);
    }
    uint64_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, buf, n);
        for (int k = 0; k < 4; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t at = (seed >> 33) % (k < 2 ? n : 64);
            copy[at] = (char)(seed >> 20);
        }
        ask(wri_zone_parse(copy, n, &ar));
        wr_arena_reset(&ar);
    }
    wr_arena_free(&ar);
}

/* A file of one type, no changes, and a rule. */
static wri_zone *of_rule(const char *rule, wr_arena *ar) {
    char buf[256] = {0};
    size_t n = 0;
    for (int v = 0; v < 2; v++) {
        memcpy(buf + n, "TZif2", 5);
        buf[n + 39] = 1; /* types */
        buf[n + 43] = 4; /* characters */
        n += 44 + 6 + 4;
    }
    int len = snprintf(buf + n, sizeof buf - n, "\n%s\n", rule);
    return wri_zone_parse(buf, n + (size_t)len, ar);
}

Test(expr_zone, rules) {
    wr_arena ar = {0};
    static const char *const wrong[] = {"C",
                                        "CET",
                                        "CET-1CEST,",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.6.0,M10.5.0",
                                        "CET-1CEST,M3.5.7,M10.5.0",
                                        "CET-1CEST,J0,J3",
                                        "CET-1CEST,M3.5.0,M10.5.0x",
                                        "CET-1CEST,366,3",
                                        "<+3-3",
                                        "CET-1CEST"};
    for (size_t i = 0; i < WR_LEN(wrong); i++) cr_expect_null(of_rule(wrong[i], &ar), "%s", wrong[i]);
    wri_zone *z = of_rule("<-03>3:30", &ar);
    cr_assert_eq(wri_zone_offset(z, 0), -12600);
    z = of_rule("AAA1BBB,J60/0,J300/0", &ar); /* 1 March also in leap years */
    int64_t march = wr_days_from_civil(2028, 3, 1) * 86400 + 3600;
    cr_expect_eq(wri_zone_offset(z, march - 1), -3600);
    cr_expect_eq(wri_zone_offset(z, march), 0);
    z = of_rule("AAA1BBB,59/0,300/0", &ar); /* 29 February in leap years */
    cr_expect_eq(wri_zone_offset(z, march - 86400 - 1), -3600);
    cr_expect_eq(wri_zone_offset(z, march - 86400), 0);
    z = of_rule("EET-2EEST,M3.5.0/3,M10.5.0/4", &ar);
    cr_expect_eq(wri_zone_offset(z, wr_days_from_civil(2026, 7, 1) * 86400), 10800);
    z = of_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", &ar); /* Nuuk: on the evening before */
    int64_t change = wr_days_from_civil(2026, 3, 29) * 86400 + 3600;
    cr_expect_eq(wri_zone_offset(z, change - 1), -7200);
    cr_expect_eq(wri_zone_offset(z, change), -3600);
    wr_arena_free(&ar);
}

/* The scanner's variants and the slow parser must agree on everything: random records, every SIMD variant,
 * several batch and chunk sizes. jansson is the oracle for what is JSON and what its values are. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "json_random.h"

/* Where two texts differ, for the message. */
static const char *first_difference(const char *a, const char *b) {
    size_t i = 0, line = 0;
    for (; a[i] && a[i] == b[i]; i++)
        if (a[i] == '\n') line = i + 1;
    return a + line;
}

static void agree(const json_run *base, const json_random *g, uint64_t seed) {
    const wri_json_scan *scans[4];
    size_t n = json_scans(scans);
    json_out want, got;
    json_run r = *base;
    r.scan = scans[0];
    json_decode_text(&r, g->out.data, g->out.len, &want);
    cr_assert(!want.broken_rule, "seed %" PRIu64 ": %s", seed, want.broken_rule);
    for (size_t k = 1; k < n; k++) {
        r.scan = scans[k];
        json_decode_text(&r, g->out.data, g->out.len, &got);
        cr_assert(!got.broken_rule, "seed %" PRIu64 ", %s: %s", seed, scans[k]->name, got.broken_rule);
        if (strcmp(want.text.data, got.text.data) != 0)
            cr_assert_fail("seed %" PRIu64 ", %s: the slow parser says\n%.600s\nthe scanner\n%.600s", seed,
                           scans[k]->name, first_difference(want.text.data, got.text.data),
                           first_difference(got.text.data, want.text.data));
        wr_buf_free(&got.text);
    }
    wr_buf_free(&want.text);
}

static void agree_on(json_random g, const char *schema, uint64_t seeds, uint32_t lines) {
    wr_arena ar = {0};
    wr_schema s = json_schema(schema, &ar);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        g.state = seed * UINT64_C(0x9e3779b97f4a7c15);
        g.out = (wr_buf){0};
        g.spaces = seed % 3 == 0;
        for (uint32_t i = 0; i < lines; i++) json_random_line(&g);
        if (seed % 4 == 0) g.out.len--; /* no newline at the end */
        json_run r = {.schema = &s,
                      .timestamp_format = seed % 5 == 0 ? "epoch_ms" : NULL,
                      .batch_rows = (uint32_t)(seed % 7 == 0 ? 1 + seed % 5 : 100),
                      .chunk_bytes = seed % 2 ? 0 : 20000,
                      .dict = seed % 2};
        agree(&r, &g, seed);
        wr_buf_free(&g.out);
    }
    wr_arena_free(&ar);
}

Test(json_agree, usual_records) { agree_on((json_random){.odd = 2}, JSON_RANDOM_SCHEMA, 60, 300); }
Test(json_agree, non_ascii) { agree_on((json_random){.odd = 2, .other = 30}, JSON_RANDOM_SCHEMA, 40, 300); }
Test(json_agree, some_in_other_order) {
    agree_on((json_random){.odd = 5, .shuffle = 20, .other = 2}, JSON_RANDOM_SCHEMA, 40, 300);
}
Test(json_agree, all_in_any_order) {
    agree_on((json_random){.odd = 30, .shuffle = 100}, JSON_RANDOM_SCHEMA, 40, 300);
}
Test(json_agree, unusual_records) {
    agree_on((json_random){.odd = 60, .shuffle = 10, .other = 5}, JSON_RANDOM_SCHEMA, 80, 200);
}
Test(json_agree, broken_records) {
    agree_on((json_random){.odd = 20, .broken = 30, .other = 5}, JSON_RANDOM_SCHEMA, 80, 200);
}
Test(json_agree, few_columns) {
    agree_on((json_random){.odd = 20, .broken = 5, .shuffle = 5, .other = 5},
             "name text, n int!, x int@$.nest.x", 40, 200);
}
Test(json_agree, no_columns) {
    agree_on((json_random){.odd = 20, .broken = 5, .shuffle = 5, .other = 5}, "", 40, 200);
}

/* ---- jansson ---- */

/* jansson refuses NUL in keys and numbers beyond its types, which JSON does not. */
static bool oracle_knows(const char *line, size_t n) {
    char buf[8] = "\\u0000";
    if (memmem(line, n, buf, 6)) return false;
    return true;
}

Test(json_agree, validity_is_janssons) {
    wr_schema none = {0};
    uint64_t checked = 0, invalid = 0;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        json_random g = {.state = seed * 77777, .odd = 60, .broken = 50, .other = 5};
        json_random_line(&g);
        size_t n = g.out.len - 1;
        json_error_t e;
        json_t *j = json_loadb(g.out.data, n, JSON_ALLOW_NUL, &e);
        bool range = !j && (strstr(e.text, "real number overflow") || strstr(e.text, "too big"));
        const wri_json_scan *scans[4];
        size_t n_scans = json_scans(scans);
        /* Two documents on a line are no JSON text, but two records. */
        bool two = !j && strstr(e.text, "end of file expected");
        for (size_t k = 0; k < n_scans && oracle_knows(g.out.data, n) && !range && !two; k++) {
            json_run r = {.schema = &none, .scan = scans[k], .batch_rows = 10};
            json_out o;
            json_decode_text(&r, g.out.data, g.out.len, &o);
            checked++;
            invalid += !j;
            bool blank = strspn(g.out.data, " \t\r\n") >= n;
            if (!blank)
                cr_assert_eq(o.rows == 1 && o.bads == 0, j && json_is_object(j),
                             "seed %" PRIu64 ", %s: %.*s\n%s\n%s", seed, scans[k]->name, (int)n, g.out.data,
                             o.text.data, e.text);
            wr_buf_free(&o.text);
        }
        json_decref(j);
        wr_buf_free(&g.out);
    }
    cr_assert_gt(checked, 5000);
    cr_assert_gt(invalid, 1000);
}

static void oracle_value(wr_buf *out, const json_t *v) {
    wr_status s;
    if (!v || json_is_null(v)) s = wr_buf_puts(out, "NULL");
    else if (json_is_integer(v)) s = wr_buf_printf(out, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v)) s = wr_buf_printf(out, "%.17g", json_real_value(v));
    else if (json_is_boolean(v)) s = wr_buf_printf(out, "%d", json_is_true(v));
    else {
        json_put_text(out, json_string_value(v), json_string_length(v));
        s = WR_OK;
    }
    cr_assert_eq(s, WR_OK);
}

Test(json_agree, values_are_janssons) {
    wr_arena ar = {0};
    wr_schema s = json_schema("flag bool, n int, big big, name text, f double, short text", &ar);
    static const char *names[] = {"flag", "n", "big", "name", "f", "short"};
    const wri_json_scan *scans[4];
    size_t n_scans = json_scans(scans);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        json_random g = {.state = seed * 4242, .shuffle = 10, .other = 10};
        wr_buf want = {0};
        for (int i = 0; i < 200; i++) {
            size_t from = g.out.len;
            json_random_line(&g);
            json_error_t e;
            json_t *j = json_loadb(g.out.data + from, g.out.len - from, JSON_ALLOW_NUL, &e);
            cr_assert(j, "%s", e.text);
            for (size_t k = 0; k < 6; k++) {
                oracle_value(&want, json_object_get(j, names[k]));
                cr_assert_eq(wr_buf_put(&want, k < 5 ? "|" : "\n", 1), WR_OK);
            }
            json_decref(j);
        }
        cr_assert_eq(wr_buf_put(&want, "", 1), WR_OK);
        for (size_t k = 0; k < n_scans; k++) {
            json_run r = {.schema = &s, .scan = scans[k], .batch_rows = 64};
            json_out o;
            json_decode_text(&r, g.out.data, g.out.len, &o);
            cr_assert(strcmp(o.text.data, want.data) == 0, "seed %" PRIu64 ", %s:\n got %.300s\nwant %.300s",
                      seed, scans[k]->name, first_difference(o.text.data, want.data),
                      first_difference(want.data, o.text.data));
            wr_buf_free(&o.text);
        }
        wr_buf_free(&want);
        wr_buf_free(&g.out);
    }
    wr_arena_free(&ar);
}

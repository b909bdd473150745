/* tests/unit/runtime/test_table_fns.c -- each table function against brute force. */
#include "table_fn_rig.h"

/* ---- ANOMALY_ZSCORE ---- */

static bool near(double a, double b) { return fabs(a - b) <= 1e-9 * fmax(1, fmax(fabs(a), fabs(b))); }

Test(table_fn, zscore_is_the_formula) {
    begin("SELECT * FROM TABLE(ANOMALY_ZSCORE(TABLE t, DESCRIPTOR(x), 30, 5, 2.5));");
    uint32_t n = 2000;
    wr_batch *in = in_new(n);
    for (uint32_t i = 0; i < n; i++) col(in, "x")->f64[i] = 100 + normal() + (i % 400 == 399 ? 1e9 : 0);
    outcome o = out_new(n);
    void *state;
    ok(state_new(&state, NULL));
    ok(give(state, in, 0, n, &o, NULL));
    uint32_t anomalies = 0;
    for (uint32_t i = 0; i < n; i++) {
        const double *x = col(in, "x")->f64;
        uint32_t from = i < 30 ? 0 : i - 30, have = i - from;
        long double mean = 0, m2 = 0;
        for (uint32_t j = from; j < i; j++) mean += x[j];
        mean /= have ? have : 1;
        for (uint32_t j = from; j < i; j++) m2 += (x[j] - mean) * (x[j] - mean);
        double s = fmax((double)sqrtl(m2 / (have > 1 ? have - 1 : 1)), fabs((double)mean) / 1e6);
        double want = have < 5 ? 0 : fabs(x[i] - (double)mean) / s;
        cr_assert(near(added(&o, 0)->f64[i], want), "row %u: %g, not %g", i, added(&o, 0)->f64[i], want);
        cr_assert(have == 0 ? wr_is_null(added(&o, 1), i) : near(added(&o, 1)->f64[i], (double)mean),
                  "row %u", i);
        cr_assert_eq(added(&o, 2)->i64[i], want >= 2.5);
        if (i % 400 == 399) cr_assert(added(&o, 2)->i64[i]);
        anomalies += added(&o, 2)->i64[i] != 0;
    }
    cr_assert_lt(anomalies, n / 20);
    state_drop(state);
    wr_batch_drop(o.b);
    wr_batch_drop(in);
    finish();
}

/* ---- ANOMALY_SEASONAL ---- */

/* A day of half hours with a daily curve, noise, a trend, and what is planted. */
static double telemetry(uint32_t i) {
    return 50 + 0.001 * i + 10 * sin(2 * M_PI * (i % 48) / 48) + 3 * cos(4 * M_PI * (i % 48) / 48) + normal();
}

Test(table_fn, seasonal_is_the_formula) {
    begin("SELECT * FROM TABLE(ANOMALY_SEASONAL(TABLE t, DESCRIPTOR(x), 7, alpha => 0.4, beta => 0.1, gamma "
          "=> 0.2));");
    uint32_t n = 500, p = 7;
    wr_batch *in = in_new(n);
    for (uint32_t i = 0; i < n; i++) col(in, "x")->f64[i] = telemetry(i * 7) + (i == 300 ? 500 : 0);
    outcome o = out_new(n);
    void *state;
    ok(state_new(&state, NULL));
    ok(give(state, in, 0, n, &o, NULL));
    double level = 0, trend = 0, v = 0, season[7] = {0};
    const double *x = col(in, "x")->f64;
    for (uint32_t i = 0; i < p; i++) level += x[i] / p;
    for (uint32_t i = 0; i < p; i++) season[i] = x[i] - level;
    for (uint32_t i = 0; i < n; i++) {
        if (i < p) {
            cr_assert(wr_is_null(added(&o, 1), i) && added(&o, 0)->f64[i] == 0);
            continue;
        }
        double f = level + trend + season[i % p], s = fmax(sqrt(v), fabs(level) / 1e6), y = x[i], was = level;
        double want = i < 2 * p ? 0 : fabs(x[i] - f) / s;
        if (i >= 2 * p && want > 3) y = x[i] > f ? f + 3 * s : f - 3 * s;
        cr_assert(fabs(added(&o, 0)->f64[i] - want) <= 1e-6 * (1 + want), "row %u: %g, not %g", i,
                  added(&o, 0)->f64[i], want);
        cr_assert(near(added(&o, 1)->f64[i], f), "row %u", i);
        cr_assert_eq(added(&o, 2)->i64[i], want >= 3);
        double delta = fmax(1.0 / p, 1.0 / (i - p + 1));
        level = 0.4 * (y - season[i % p]) + 0.6 * (was + trend);
        trend = 0.1 * (level - was) + 0.9 * trend;
        season[i % p] = 0.2 * (y - level) + 0.8 * season[i % p];
        v += delta * ((y - f) * (y - f) - v);
    }
    state_drop(state);
    wr_batch_drop(o.b);
    wr_batch_drop(in);
    finish();
}

Test(table_fn, seasonal_finds_what_is_planted) {
    begin("SELECT * FROM TABLE(ANOMALY_SEASONAL(TABLE t, DESCRIPTOR(x), 48, threshold => 5));");
    uint32_t n = 48 * 60, found = 0, planted = 0, wrong = 0;
    wr_batch *in = in_new(n);
    for (uint32_t i = 0; i < n; i++) {
        bool odd = i > 48 * 4 && i % 201 == 0;
        col(in, "x")->f64[i] =
            telemetry(i) + (odd ? (i % 2 ? 12 : -12) : 0); /* below the daily curve's height */
    }
    outcome o = out_new(n);
    void *state;
    ok(state_new(&state, NULL));
    ok(give(state, in, 0, n, &o, NULL));
    for (uint32_t i = 48 * 4 + 1; i < n; i++) {
        bool is = added(&o, 2)->i64[i] != 0, odd = i % 201 == 0;
        planted += odd;
        found += odd && is;
        wrong += !odd && is;
    }
    cr_assert(found * 20 >= planted * 19, "%u of %u", found, planted);
    cr_assert(wrong * 20 <= found, "%u wrong, %u right", wrong, found);
    state_drop(state);
    wr_batch_drop(o.b);
    wr_batch_drop(in);
    finish();
}

/* ---- HOTSPOTS ---- */

typedef struct spot {
    double min[2], max[2], density;
    uint32_t n;
} spot;

/* The hotspots that point `last` of the n points is in, the densest first: DBSCAN by its definition. */
static uint32_t brute_spots(const double (*pts)[2], uint32_t n, double radius, uint32_t min, spot *out) {
    static bool close_by[1000][1000];
    static uint32_t label[1000], count[1000];
    uint32_t last = n - 1, n_out = 0;
    for (uint32_t i = 0; i < n; i++) {
        count[i] = 0;
        label[i] = i;
        for (uint32_t j = 0; j < n; j++) {
            double dx = pts[i][0] / radius - pts[j][0] / radius, dy = pts[i][1] / radius - pts[j][1] / radius;
            close_by[i][j] = dx * dx + dy * dy <= 1;
            count[i] += close_by[i][j];
        }
    }
    for (bool again = true; again;) { /* labels of dense points that belong together become one */
        again = false;
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++)
                if (close_by[i][j] && count[i] >= min && count[j] >= min && label[j] < label[i]) {
                    label[i] = label[j];
                    again = true;
                }
    }
    for (uint32_t l = 0; l < n; l++) {
        bool mine = false;
        for (uint32_t i = 0; i < n; i++)
            mine = mine || (count[i] >= min && label[i] == l && close_by[i][last]);
        if (!mine) continue;
        spot s = {.n = 0};
        for (uint32_t j = 0; j < n; j++) {
            bool in = false;
            for (uint32_t i = 0; i < n && !in; i++) in = count[i] >= min && label[i] == l && close_by[i][j];
            for (int c = 0; c < 2 && in; c++) {
                if (s.n == 0 || pts[j][c] < s.min[c]) s.min[c] = pts[j][c];
                if (s.n == 0 || pts[j][c] > s.max[c]) s.max[c] = pts[j][c];
            }
            s.n += in;
        }
        s.density = s.n / fmax(s.max[0] - s.min[0], radius) / fmax(s.max[1] - s.min[1], radius);
        uint32_t at = n_out++;
        for (; at > 0 && out[at - 1].density < s.density; at--) out[at] = out[at - 1];
        out[at] = s;
    }
    return n_out;
}

static void put_f64(wr_buf *b, double v) {
    char text[WR_TEXT_MAX];
    ok(wr_buf_put(b, text, wr_write_f64(v, text)));
}

static void brute_json(const spot *s, uint32_t n, wr_buf *b) {
    b->len = 0;
    ok(wr_buf_puts(b, "{\"hotspots\":["));
    for (uint32_t i = 0; i < n; i++) {
        ok(wr_buf_puts(b, i ? ",{\"density\":" : "{\"density\":"));
        put_f64(b, s[i].density);
        for (int k = 0; k < 2; k++) {
            ok(wr_buf_puts(b, k ? ",\"maxValues\":[" : ",\"minValues\":["));
            put_f64(b, (k ? s[i].max : s[i].min)[0]);
            ok(wr_buf_puts(b, ","));
            put_f64(b, (k ? s[i].max : s[i].min)[1]);
            ok(wr_buf_puts(b, "]"));
        }
        ok(wr_buf_puts(b, "}"));
    }
    ok(wr_buf_puts(b, "]}"));
}

Test(table_fn, hotspots_are_those_of_dbscan) {
    begin("SELECT * FROM TABLE(HOTSPOTS(TABLE t, 100, 0.8, 4, DESCRIPTOR(x, y)));");
    enum { N = 1500 };
    static double pts[N][2];
    wr_batch *in = in_new(N);
    for (uint32_t i = 0; i < N; i++) {
        double wide = rnd() % 3 ? 10 : 3;
        pts[i][0] = col(in, "x")->f64[i] = rnd() % 5 ? unit() * wide - 3 : floor(unit() * 6) * 0.7;
        pts[i][1] = col(in, "y")->f64[i] = rnd() % 5 ? unit() * wide - 3 : floor(unit() * 6) * 0.7;
    }
    outcome o = out_new(N);
    void *state;
    wr_buf want = {0};
    uint32_t several = 0, none = 0;
    ok(state_new(&state, NULL));
    ok(give(state, in, 0, N, &o, NULL));
    for (uint32_t i = 0; i < N; i++) {
        spot spots[100];
        uint32_t from = i < 99 ? 0 : i - 99, n = brute_spots(pts + from, i - from + 1, 0.8, 4, spots);
        brute_json(spots, n, &want);
        const wr_str *got = &added(&o, 0)->str[i];
        cr_assert(got->len == want.len && memcmp(wr_str_data(got), want.data, want.len) == 0,
                  "row %u: %.*s, not %.*s", i, (int)got->len, wr_str_data(got), (int)want.len, want.data);
        several += n > 1;
        none += n == 0;
    }
    cr_assert(several > 2 && none > 20, "%u %u", several, none);
    state_drop(state);
    wr_buf_free(&want);
    wr_batch_drop(o.b);
    wr_batch_drop(in);
    finish();
}

/* E44 of the specification: a field of 10 by 10, a fifth of the points in a spot of 1 by 1; 1000, 0.2, 17. */
Test(table_fn, hotspots_of_the_documented_sample) {
    begin("SELECT STREAM x, y, HOTSPOTS_RESULT FROM TABLE(HOTSPOTS(CURSOR(SELECT STREAM x, y FROM t), 1000, "
          "0.2, 17));");
    enum { N = 4000 };
    wr_batch *in = in_new(N);
    for (uint32_t i = 0; i < N; i++) {
        bool hot = rnd() % 5 == 0;
        col(in, "x")->f64[i] = hot ? 4 + unit() : unit() * 10;
        col(in, "y")->f64[i] = hot ? 7 + unit() : unit() * 10;
    }
    outcome o = out_new(N);
    void *state;
    uint32_t hits = 0, inside = 0, outside = 0;
    ok(state_new(&state, NULL));
    ok(give(state, in, 0, N, &o, NULL));
    for (uint32_t i = 1000; i < N; i++) {
        double x = col(in, "x")->f64[i], y = col(in, "y")->f64[i], density, lo[2], hi[2];
        wr_str s = added(&o, 0)->str[i];
        char *text = strndup(wr_str_data(&s), s.len);
        bool found =
            sscanf(text, "{\"hotspots\":[{\"density\":%lf,\"minValues\":[%lf,%lf],\"maxValues\":[%lf,%lf]}]}",
                   &density, &lo[0], &lo[1], &hi[0], &hi[1]) == 5;
        cr_assert(found || strcmp(text, "{\"hotspots\":[]}") == 0, "%s", text);
        free(text);
        bool in_spot = x > 4.2 && x < 4.8 && y > 7.2 && y < 7.8;
        inside += in_spot;
        hits += in_spot && found && lo[0] > 3.5 && hi[0] < 5.5 && lo[1] > 6.5 && hi[1] < 8.5 && density > 100;
        outside += found && (x < 3.5 || x > 5.5 || y < 6.5 || y > 8.5);
    }
    cr_assert(inside > 100 && hits * 100 >= inside * 95, "%u of %u", hits, inside);
    cr_assert_eq(outside, 0);
    state_drop(state);
    wr_batch_drop(o.b);
    wr_batch_drop(in);
    finish();
}

/* ---- TOP_K, COUNT_DISTINCT ---- */

static void counted(wr_batch *in, wr_buf *said) {
    outcome o = out_new(in->n);
    void *state;
    ok(state_new(&state, NULL));
    ok(give(state, in, 0, in->n, &o, NULL));
    said->len = 0;
    ok(say(state, 1000, said, NULL));
    ok(wr_buf_put(said, "", 1));
    state_drop(state);
    wr_batch_drop(o.b);
}

static void numbers(wr_batch *b, uint32_t i, uint64_t v) {
    char text[40];
    int n = snprintf(text, sizeof text, v % 3 ? "%d" : "item number %d", (int)v);
    ok(wr_batch_str(b, text, (size_t)n, &col(b, "s")->str[i], NULL));
}

/* More different values than there are counters: what is frequent is found, no count is too low, and none too
 * high by more than rows / counters. */
Test(table_fn, top_k_beyond_its_counters) {
    begin("SELECT * FROM TABLE(TOP_K_ITEMS_TUMBLING(TABLE t, 's', 20, 60));");
    enum { N = 400000 };
    wr_batch *in = in_new(N);
    uint32_t counts[20] = {0}, seen = 0;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t v = rnd() % 4 ? 1000 + i : (uint32_t)(rnd() % 20 * (rnd() % 20) / 20);
        if (v < 20) counts[v]++;
        numbers(in, i, v);
    }
    wr_buf said = {0};
    counted(in, &said);
    for (char *line = said.data, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        char *count = end;
        while (count[-1] != ' ') count--;
        const char *digits = strncmp(line, "item number ", 12) == 0 ? line + 12 : line;
        uint32_t item = (uint32_t)atoi(digits), got = (uint32_t)atoi(count);
        if (item >= 20) continue;
        cr_assert(got >= counts[item] && got <= counts[item] + N / 65536 + 1, "%u: %u, not %u", item, got,
                  counts[item]);
        seen |= 1u << item;
    }
    for (uint32_t k = 0; k < 20; k++)
        if (counts[k] > N / 65536 * 4) cr_assert(seen >> k & 1, "%u is not there", k);
    cr_assert(__builtin_popcount(seen) > 10);
    wr_buf_free(&said);
    wr_batch_drop(in);
    finish();
}

/* The same once more, saved in the middle. */
Test(table_fn, top_k_saved_beyond_its_counters) {
    begin("SELECT * FROM TABLE(TOP_K_ITEMS_TUMBLING(TABLE t, 's', 500, 60));");
    enum { N = 150000 };
    wr_batch *in = in_new(N);
    for (uint32_t i = 0; i < N; i++) numbers(in, i, rnd() % 3 ? i : rnd() % 3000);
    outcome o = out_new(N);
    void *a, *b;
    wr_buf text = {0}, said[2] = {{0}};
    ok(state_new(&a, NULL));
    for (uint32_t i = 0; i < 3; i++) { /* before all counters are taken, and behind */
        ok(give(a, in, i * 50000, 50000, &o, NULL));
        ok(state_new(&b, NULL));
        ok(state_save(a, &text, NULL));
        ok(state_load(b, text.data, text.len, NULL));
        state_drop(a);
        a = b;
    }
    ok(say(a, 77, &said[0], NULL));
    state_drop(a);
    ok(state_new(&a, NULL));
    ok(give(a, in, 0, N, &o, NULL));
    ok(say(a, 4096, &said[1], NULL));
    state_drop(a);
    cr_assert_eq(said[0].len, said[1].len);
    cr_assert_eq(memcmp(said[0].data, said[1].data, said[0].len), 0);
    wr_buf_free(&text);
    wr_buf_free(&said[0]);
    wr_buf_free(&said[1]);
    wr_batch_drop(o.b);
    wr_batch_drop(in);
    finish();
}

Test(table_fn, count_distinct) {
    begin("SELECT * FROM TABLE(COUNT_DISTINCT_ITEMS_TUMBLING(TABLE t, 's', 60));");
    static const uint32_t values[] = {1, 1000, 10000, 10001, 100000};
    for (size_t k = 0; k < WR_LEN(values); k++) {
        uint32_t n = values[k] * 2;
        wr_batch *in = in_new(n);
        for (uint32_t i = 0; i < n; i++) numbers(in, i, i % values[k]);
        wr_buf said = {0};
        counted(in, &said);
        double got = atof(said.data), off = fabs(got - values[k]) / values[k];
        cr_assert(values[k] <= 10000 ? got == values[k] : off < 0.03, "%u: %g", values[k], got);
        wr_buf_free(&said);
        wr_batch_drop(in);
    }
    finish();
}

/* Numbers, times, UTF-8, base64, JSON strings: readers agree with strtod and with their writers. */
#include <math.h>

#include "connectors/formats/convert.h"
#include "connectors/formats/json_encode_int.h"
#include "tests/fuzz/fuzz_formats.h"

static void numbers(const char *p, size_t n, const char *z) {
    char text[WR_TEXT_MAX + 1];
    double v, back;
    int64_t i, j;
    if (wr_read_f64(p, n, &v)) {
        double want = strtod(z, NULL);
        CHECK(memcmp(&v, &want, sizeof v) == 0);
        CHECK(wr_read_f64(text, wr_write_f64(v, text), &back) && memcmp(&v, &back, sizeof v) == 0);
    }
    if (wr_read_i64(p, n, &i)) CHECK(wr_read_i64(text, wr_write_i64(i, text), &j) && i == j);
    for (uint32_t scale = 0; scale < 19; scale += 3)
        if (wr_read_decimal(p, n, 19, scale, n & 1, &i))
            CHECK(wr_read_decimal(text, wr_write_decimal(i, scale, text), 19, scale, false, &j) && i == j);
    if (n >= sizeof v) { /* the bytes as a number */
        memcpy(&v, p, sizeof v);
        size_t k = wr_write_f64(v, text);
        CHECK(k < WR_TEXT_MAX);
        if (isfinite(v)) CHECK(wr_read_f64(text, k, &back) && memcmp(&v, &back, sizeof v) == 0);
        float f;
        memcpy(&f, p, sizeof f);
        k = wr_write_f32(f, text);
        text[k] = 0;
        if (isfinite(f)) CHECK(strtof(text, NULL) == f);
    }
}

static void times(const char *p, size_t n) {
    char text[WR_TEXT_MAX];
    int64_t us, back;
    if (wr_read_timestamp(p, n, &us) && us > INT64_C(-62135596800000000) && us < INT64_C(253402300800000000))
        for (int iso = 0; iso < 2; iso++)
            CHECK(wr_read_timestamp(text, wr_write_timestamp(us, 6, iso, text), &back) && us == back);
    if (wr_read_date(p, n, &us)) CHECK(wr_read_date(text, wr_write_date(us, text), &back) && us == back);
    if (wr_read_time(p, n, &us)) CHECK(wr_read_time(text, wr_write_time(us, 6, text), &back) && us == back);
    if (n < sizeof us) return;
    memcpy(&us, p, sizeof us);
    CHECK(wr_write_timestamp(us, 6, true, text) < WR_TEXT_MAX);
    CHECK(wr_write_interval(us, WR_T_INTERVAL_DAY, text) < WR_TEXT_MAX);
    CHECK(wr_write_interval(us, WR_T_INTERVAL_MONTH, text) < WR_TEXT_MAX);
}

static void texts(const char *p, size_t n) {
    char *out = malloc(6 * n + 2 + WR_PAD), *bytes = malloc(n / 4 * 3 + 3 + n);
    CHECK(out && bytes);
    size_t k = wri_json_string(p, n, out), len;
    CHECK(k <= 6 * n + 2 && wr_utf8_valid(out, k) && wri_json_valid(out, k));
    CHECK(wr_utf8_count(p, n) <= n);
    if (wri_base64_read(p, n, bytes, &len)) CHECK(len <= n / 4 * 3 + 3);
    k = wri_base64_write(p, n, out);
    CHECK(k == wri_base64_len(n));
    char *back = malloc(k / 4 * 3 + 3);
    CHECK(back && wri_base64_read(out, k, back, &len) && len == n && (n == 0 || memcmp(back, p, n) == 0));
    free(back);
    free(out);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *exact = malloc(size), *z = malloc(size + 1), why[WRI_WHY_MAX];
    CHECK((exact || size == 0) && z);
    if (size) memcpy(exact, data, size);
    if (size) memcpy(z, data, size);
    z[size] = 0;
    numbers(exact, size, z);
    times(exact, size);
    texts(exact, size);
    wri_json_valid(exact, size);
    wr_arena ar = {0};
    for (size_t k = 0; k < WR_LEN(fuzz_fields); k++) {
        wr_value v;
        wr_status s = wri_from_text(&fuzz_fields[k].type, (wri_time_format)(size % 4), exact, size, &ar, &v);
        CHECK(s == WR_OK || s == WR_EDATA);
        wri_why(why, &fuzz_fields[k], (wri_time_format)(size % 4), exact, size);
        CHECK(wr_utf8_valid(why, strlen(why)));
    }
    wr_arena_free(&ar);
    free(exact);
    free(z);
    return 0;
}

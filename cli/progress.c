/* cli/progress.c -- progress: share of the bytes, rows and bytes a second, event time reached, late and bad.
 */
#include "progress.h"

#include <stdio.h>

#define BAR 24

/* 5,000,000 */
static const char *grouped(uint64_t v, char out[32]) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), k = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return out;
}

/* 685.4 MB */
static const char *bytes(double v, char out[32]) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t u = 0;
    for (; v >= 1000 && u + 1 < WR_LEN(units); u++) v /= 1000;
    snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", v, units[u]);
    return out;
}

static const char *count(double v, char out[32]) {
    if (v >= 1e6) snprintf(out, 32, "%.1f M", v / 1e6);
    else if (v >= 1e4) snprintf(out, 32, "%.0f k", v / 1e3);
    else snprintf(out, 32, "%.0f", v);
    return out;
}

static double seconds(const wr_job_stats *s) {
    return s->elapsed_us > 0 ? (double)s->elapsed_us / 1e6 : 1e-6;
}

static void print_bar(const wr_job_stats *s) {
    if (s->bytes_total <= 0) return;
    double share = (double)s->bytes_in / (double)s->bytes_total;
    if (share > 1) share = 1;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++) bar[i] = i < (int)(share * BAR) ? '=' : ' ';
    bar[BAR] = 0;
    fprintf(stderr, "[%s] %3.0f%%  ", bar, share * 100);
}

void wri_progress_tick(void *ctx) {
    wri_progress *p = ctx;
    if (!p->on) return;
    wr_job_stats s;
    wr_job_stats_read(p->job, &s);
    char a[32], b[32], t[WR_TEXT_MAX];
    fputs("\r\033[K", stderr);
    print_bar(&s);
    fprintf(stderr, "%s rows/s", count((double)s.rows_in / seconds(&s), a));
    if (s.bytes_in > 0) fprintf(stderr, "  %s/s", bytes((double)s.bytes_in / seconds(&s), b));
    if (s.watermark_us != WR_WM_NONE && s.watermark_us != WR_WM_END)
        fprintf(stderr, "  event time %.*s", (int)wr_write_timestamp(s.watermark_us, 0, false, t), t);
    if (s.late_rows) fprintf(stderr, "  late %s", grouped(s.late_rows, a));
    if (s.bad_rows) fprintf(stderr, "  bad %s", grouped(s.bad_rows, a));
    fflush(stderr);
    p->shown = true;
}

void wri_progress_clear(wri_progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}

void wri_summary(const wr_job *job, wr_status status) {
    wr_job_stats s;
    char a[32], b[32], c[32], d[32];
    wr_job_stats_read(job, &s);
    fprintf(stderr, "%s rows in, %s out, %s late, %s bad; ", grouped(s.rows_in, a), grouped(s.rows_out, b),
            grouped(s.late_rows, c), grouped(s.bad_rows, d));
    if (s.bytes_in > 0) fprintf(stderr, "%s in ", bytes((double)s.bytes_in, a));
    fprintf(stderr, "%.3f s (%s rows/s", seconds(&s), count((double)s.rows_in / seconds(&s), b));
    if (s.bytes_in > 0) fprintf(stderr, ", %s/s", bytes((double)s.bytes_in / seconds(&s), c));
    fprintf(stderr, ", %u worker%s)%s\n", s.workers, s.workers == 1 ? "" : "s",
            status == WR_OK ? "" : ", not complete");
    if (s.bad_rows)
        fprintf(stderr, "first bad: %s\nSELECT * FROM error_stream in the same file shows them all\n",
                s.first_bad);
}

/* cli/progress.c -- progress: share of the bytes, rows and bytes a second, event time reached, late and bad.
 *
 * The line stands on the terminal's last row and is drawn anew ten times a second by the control thread.
 * Where workers print results on the same terminal, their writes come through here: the lock keeps the
 * two apart, and each write takes the line away first. A tick that finds a write under way is left out,
 * as that write may hang for as long as the terminal is stopped. */
#include "progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR       20 /* columns between the brackets */
#define CLEAR     "\r\033[K"
#define LINE_MAX  512
#define SMOOTHING 0.1 /* weight of one tick's rate */

/* ---- numbers for people ---- */

typedef char text[40];

/* 5,000,000 */
static const char *grouped(uint64_t v, text out) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v), k = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return out;
}

/* 685 MB, 1.2 GB; without a unit 12, 2.1 M. */
static const char *scaled(double v, const char *unit, text out) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    size_t u = 0;
    for (; v >= 999.5 && u + 1 < WR_LEN(prefixes); u++) v /= 1000;
    const char *blank = u > 0 || *unit ? " " : "";
    snprintf(out, sizeof(text), "%.*f%s%s%s", u > 0 && v < 99.95 ? 1 : 0, v, blank, prefixes[u], unit);
    return out;
}

/* 12 ms, 3.45 s, 2 min 05 s, 3 h 07 min */
static const char *duration(int64_t us, text out) {
    int64_t s = us / 1000000;
    if (us < 10000) snprintf(out, sizeof(text), "%.1f ms", (double)us / 1000);
    else if (us < 1000000) snprintf(out, sizeof(text), "%" PRId64 " ms", us / 1000);
    else if (s < 100) snprintf(out, sizeof(text), "%.2f s", (double)us / 1e6);
    else if (s < 3600) snprintf(out, sizeof(text), "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else snprintf(out, sizeof(text), "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
    return out;
}

/* ---- sharing the terminal ---- */

static struct {
    pthread_mutex_t lock;
    wri_progress *progress; /* whose line is taken away; set before the workers start */
    bool inside;            /* results stand at the middle of a line */
    wr_sys sys;
} screen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static ssize_t write_results(int fd, const void *p, size_t n) {
    if (fd != STDOUT_FILENO) return wr_sys_real.write(fd, p, n);
    pthread_mutex_lock(&screen.lock);
    wri_progress_clear(screen.progress);
    ssize_t k = wr_sys_real.write(fd, p, n);
    if (k > 0) screen.inside = ((const char *)p)[k - 1] != '\n';
    pthread_mutex_unlock(&screen.lock);
    return k;
}

const wr_sys *wri_progress_sys(wri_progress *p, bool out_is_terminal) {
    if (!p->on || !out_is_terminal) return NULL;
    screen.progress = p;
    screen.sys = wr_sys_real;
    screen.sys.write = write_results;
    return &screen.sys;
}

void wri_progress_clear(wri_progress *p) {
    if (p->shown) fputs(CLEAR, stderr);
    fflush(stderr);
    p->shown = false;
}

/* ---- the line ---- */

static void smooth(double *rate, double delta, double seconds) {
    double now = delta / seconds;
    *rate = *rate == 0 ? now : *rate + SMOOTHING * (now - *rate);
}

static void put_bar(wr_buf *b, const wri_progress *p, const wr_job_stats *s) {
    double share = (double)s->at / (double)s->total;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++) bar[i] = i < (int)(share * BAR) ? '=' : ' ';
    bar[BAR] = 0;
    (void)!wr_buf_printf(b, "[%s] %3.0f%%", bar, share * 100);
    double left = (double)(s->total - s->at);
    if (p->at_a_sec > 0 && left > 0 && s->elapsed_us > 2000000)
        (void)!wr_buf_printf(b, "  %.0f s left", left / p->at_a_sec);
}

/* Memory that runs out makes the line shorter. */
static void put_line(wr_buf *b, const wri_progress *p, const wr_job_stats *s) {
    text t, u;
    if (s->total > 0 && s->at <= s->total) put_bar(b, p, s); /* a file may have grown meanwhile */
    else (void)!wr_buf_printf(b, "%s rows in, %s out", grouped(s->rows_in, t), grouped(s->rows_out, u));
    (void)!wr_buf_printf(b, "  %s rows/s", scaled(p->rows_a_sec, "", t));
    if (s->bytes_in > 0) (void)!wr_buf_printf(b, "  %s/s", scaled(p->bytes_a_sec, "B", t));
    if (s->watermark_us != WR_WM_NONE && s->watermark_us != WR_WM_END) {
        char time[WR_TEXT_MAX];
        int n = (int)wr_write_timestamp(s->watermark_us, 0, false, time);
        (void)!wr_buf_printf(b, "  event time %.*s", n, time);
    }
    if (s->late_rows) (void)!wr_buf_printf(b, "  %s late", grouped(s->late_rows, t));
    if (s->bad_rows) (void)!wr_buf_printf(b, "  %s bad", grouped(s->bad_rows, t));
}

static size_t columns(void) {
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

static void draw(wri_progress *p, const wr_job_stats *s) {
    wr_buf line = {0};
    put_line(&line, p, s);
    size_t most = columns() - 1; /* the last column would wrap on some terminals */
    fprintf(stderr, CLEAR "%.*s", (int)(line.len < most ? line.len : most), line.data ? line.data : "");
    fflush(stderr);
    wr_buf_free(&line);
    p->shown = true;
}

void wri_progress_tick(void *ctx) {
    wri_progress *p = ctx;
    wr_job_stats s;
    if (!p->on) return;
    wr_job_stats_read(p->job, &s);
    double seconds = (double)(s.elapsed_us - p->last.elapsed_us) / 1e6;
    if (seconds <= 0) return;
    smooth(&p->rows_a_sec, (double)(s.rows_in - p->last.rows_in), seconds);
    smooth(&p->bytes_a_sec, (double)(s.bytes_in - p->last.bytes_in), seconds);
    smooth(&p->at_a_sec, (double)(s.at - p->last.at), seconds);
    p->last = s;
    if (pthread_mutex_trylock(&screen.lock) != 0) return;
    if (!screen.inside) draw(p, &s);
    pthread_mutex_unlock(&screen.lock);
}

/* ---- the summary ---- */

static bool reads_errors(const wr_plan *plan) {
    for (uint32_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i]->kind == WR_N_ERRORS) return true;
    return false;
}

/* What the sources have to tell: files that were rotated. */
static void put_notes(FILE *f, const wr_job *job) {
    wr_buf notes = {0};
    if (wr_job_notes(job, &notes) == WR_OK && notes.len) fwrite(notes.data, 1, notes.len, f);
    wr_buf_free(&notes);
}

/* "1,202 rows in, 49 out, 0 late, 2 bad; 122 kB in 1.25 s (962 rows/s, 97.6 kB/s, 2 workers)" */
void wri_summary(FILE *f, const wri_progress *p, wr_status status) {
    wr_job_stats s;
    text a, b, c, d;
    wr_job_stats_read(p->job, &s);
    fprintf(f, "%s row%s in, %s out, %s late, %s bad; ", grouped(s.rows_in, a), s.rows_in == 1 ? "" : "s",
            grouped(s.rows_out, b), grouped(s.late_rows, c), grouped(s.bad_rows, d));
    if (s.bytes_in > 0) fprintf(f, "%s ", scaled((double)s.bytes_in, "B", a));
    fprintf(f, "in %s (", duration(s.elapsed_us, b));
    if (s.rows_in > 0 && s.elapsed_us >= 10000) { /* less would tell of the start, not of the speed */
        double seconds = (double)s.elapsed_us / 1e6;
        fprintf(f, "%s rows/s, ", scaled((double)s.rows_in / seconds, "", a));
        if (s.bytes_in > 0) fprintf(f, "%s/s, ", scaled((double)s.bytes_in / seconds, "B", a));
    }
    fprintf(f, "%u worker%s)%s\n", s.workers, s.workers == 1 ? "" : "s",
            status == WR_OK ? "" : "; stopped early");
    if (s.spilled_bytes > 0)
        fprintf(f, "%s of state went to disk for want of memory (--memory)\n",
                scaled((double)s.spilled_bytes, "B", a));
    put_notes(f, p->job);
    if (s.forgotten > 0)
        fprintf(f, "%s partition%s forgotten to make room for others (max_partitions)\n",
                grouped(s.forgotten, a), s.forgotten == 1 ? " was" : "s were");
    if (s.snapshots > 0)
        fprintf(f, "%s snapshot%s, %s; workers paused for %s at most, mostly less than %s\n",
                grouped(s.snapshots, a), s.snapshots == 1 ? "" : "s",
                scaled((double)s.snapshot_bytes, "B", b), duration(s.pause_most_us, c),
                duration(s.pause_us, d));
    if (s.idle_us > 0)
        fprintf(f, "event time went on for %s with the wall clock: streams were quiet (idle_timeout)\n",
                duration(s.idle_us, a));
    if (s.bad_rows == 0 || status == WR_EDATA) return; /* that failure is about the record */
    fprintf(f, "first bad record: %s\n", s.first_bad);
    if (!reads_errors(p->plan))
        fprintf(f, "To see them all, add to the SQL: SELECT message, data_row FROM error_stream;\n");
}

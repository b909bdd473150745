/* bench/limit.c -- the bare limit: what one core can do with the clicks file and nothing else.
 *
 *   limit FILE q1|q2|scan [THREADS]
 *
 * An interleaved speculative scan of all seven fields (two row cursors, masks instead of branches,
 * literal keys compared in one load, timestamps with a minute cache), a dictionary for the key, and the
 * query's aggregates: q1 tumble 1 min by page (count, compensated sum, min, max), q2 hop 60/10 s by user
 * (count, sum) with columnar output. Tied to this one data set on purpose: no NULLs, no escapes, one
 * key order, no lateness, no watermarks per split, no snapshots. weir is measured against it in the same
 * run (bench/run.py). With two threads each takes half the file with a state of its own: an upper bound.
 * Prints one line: rows, CPU seconds of the busiest thread, wall seconds, a checksum. */
#include <fcntl.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define INLINE      static inline __attribute__((always_inline))
#define CURSORS     2
#define EACH        _Pragma("GCC unroll 2") for (int k = 0; k < CURSORS; k++)
#define ROWS        1024
#define THREADS_MAX 8

typedef struct {
    const char *p;
    uint32_t n;
} text;
typedef struct {
    int n;
    int64_t ts[ROWS];
    text user[ROWS], page[ROWS], country[ROWS];
    int64_t status[ROWS], bytes[ROWS];
    double latency[ROWS];
} batch;

/* ---- dictionary of short strings ---- */
typedef struct {
    __m128i key;
    uint32_t n, code;
} slot;
typedef struct {
    slot *slots;
    uint32_t mask, count;
} dict;

INLINE __m128i load_key(text t) {
    static const uint8_t ones[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255};
    __m128i keep = _mm_loadu_si128((const void *)(ones + 16 - (t.n < 16 ? t.n : 16)));
    return _mm_and_si128(_mm_loadu_si128((const void *)t.p), keep);
}
INLINE uint32_t hash_key(__m128i v) {
    return (uint32_t)_mm_crc32_u64(_mm_crc32_u64(0x9E3779B9, (uint64_t)_mm_cvtsi128_si64(v)),
                                   (uint64_t)_mm_extract_epi64(v, 1));
}
INLINE uint32_t dict_code(dict *d, __m128i v, uint32_t n, uint32_t at) {
    for (uint32_t i = at;; i = (i + 1) & d->mask) {
        slot *s = &d->slots[i];
        if (s->n == n && _mm_movemask_epi8(_mm_cmpeq_epi8(s->key, v)) == 0xffff) return s->code;
        if (s->n == 0) {
            *s = (slot){v, n, d->count};
            return d->count++;
        }
    }
}

/* ---- the scan ---- */
typedef struct {
    __m128i minute;
    int64_t base;
} ts_cache;

INLINE uint64_t load8(const char *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static int64_t days(int64_t y, unsigned m, unsigned d) {
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool parse_minute(const char *p, ts_cache *c) { /* YYYY-MM-DDTHH:MM, once a minute */
    unsigned y, mo, d, h, mi;
    char s[17];
    memcpy(s, p, 16);
    s[16] = 0;
    if (sscanf(s, "%4u-%2u-%2uT%2u:%2u", &y, &mo, &d, &h, &mi) != 5) return false;
    c->base = ((days(y, mo, d) * 24 + h) * 60 + mi) * 60000;
    c->minute = _mm_loadu_si128((const void *)p);
    return true;
}

INLINE unsigned scan_ts(const char *p, int64_t *out, ts_cache *c) { /* …:SS.mmmZ */
    __m128i v = _mm_loadu_si128((const void *)p);
    if (__builtin_expect(_mm_movemask_epi8(_mm_cmpeq_epi8(v, c->minute)) != 0xffff, 0) && !parse_minute(p, c))
        return 0;
    uint64_t w = load8(p + 16), g = (w >> 8 & 0xFFFF) | (w >> 16 & 0xFFFFFF0000ULL);
    uint64_t t = g ^ 0x3030303030ULL;
    unsigned ok = (w & 0xFF000000FF0000FFULL) == 0x5A0000002E00003AULL;
    ok &= (((t + 0x7676767676ULL) | t) & 0x8080808080ULL) == 0;
    *out = c->base + (int64_t)((t & 15) * 10 + (t >> 8 & 15)) * 1000 +
           (int64_t)((t >> 16 & 15) * 100 + (t >> 24 & 15) * 10 + (t >> 32 & 15));
    return ok;
}

INLINE unsigned scan_string(const char *p, unsigned *ok) { /* up to 31 plain ASCII bytes, then a quote */
    __m256i v = _mm256_loadu_si256((const void *)p);
    __m256i stop = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                                   _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')),
                                                   _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v)));
    uint32_t m = (uint32_t)_mm256_movemask_epi8(stop);
    unsigned i = (unsigned)_tzcnt_u32(m) & 31;
    *ok &= (m != 0) & (p[i] == '"');
    return i;
}

INLINE unsigned scan_digits(const char *p, uint64_t *out, unsigned *ok) { /* 1 to 7 digits */
    uint64_t v = load8(p), t = v ^ 0x3030303030303030ULL;
    uint64_t nd = ((t + 0x7676767676767676ULL) | t) & 0x8080808080808080ULL;
    unsigned z = (unsigned)_tzcnt_u64(nd) & ~7u;
    *ok &= (z - 8u) < 56u;
    t <<= (64 - z) & 63;
    t = (t * 2561) >> 8;
    t = ((t & 0x00FF00FF00FF00FFULL) * 6553601) >> 16;
    *out = ((t & 0x0000FFFF0000FFFFULL) * 42949672960001ULL) >> 32;
    return z >> 3;
}

INLINE unsigned match(const char *p, const char *literal, unsigned n) {
    __m128i a = _mm_loadu_si128((const void *)p), b = _mm_loadu_si128((const void *)literal);
    unsigned mask = (1u << n) - 1;
    return ((unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) & mask) == mask;
}
/* clang-format off */
#define KEY(s)                                                                                               \
    EACH {                                                                                                   \
        ok[k] &= match(p[k], s "                ", sizeof(s) - 1);                                           \
        p[k] += sizeof(s) - 1;                                                                               \
    }
#define STRING(field)                                                                                        \
    EACH {                                                                                                   \
        unsigned l = scan_string(p[k], &ok[k]);                                                              \
        b[k]->field[n] = (text){p[k], l};                                                                    \
        p[k] += l;                                                                                           \
    }
#define INTEGER(field)                                                                                       \
    EACH {                                                                                                   \
        unsigned l = scan_digits(p[k], &x[k], &ok[k]);                                                       \
        ok[k] &= (l == 1) | (p[k][0] != '0');                                                                \
        b[k]->field[n] = (int64_t)x[k];                                                                      \
        p[k] += l;                                                                                           \
    }
INLINE void scan_row(const char **at, unsigned *ok, batch **b, int n, ts_cache *tc) {
    static const double p10[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    const char *p[CURSORS];
    uint64_t x[CURSORS], y[CURSORS];
    EACH {
        p[k] = at[k];
        ok[k] = 1;
    }
    KEY("{\"event_time\":\"") EACH {
        ok[k] &= scan_ts(p[k], &b[k]->ts[n], &tc[k]);
        p[k] += 24;
    }
    KEY("\",\"user_id\":\"")
    STRING(user)
    KEY("\",\"page\":\"")
    STRING(page) KEY("\",\"country\":\"") STRING(country) KEY("\",\"status\":") INTEGER(status)
        KEY(",\"latency_ms\":") EACH {
        unsigned l = scan_digits(p[k], &x[k], &ok[k]);
        p[k] += l;
        ok[k] &= *p[k] == '.';
        l = scan_digits(p[k] + 1, &y[k], &ok[k]);
        p[k] += 1 + l;
        b[k]->latency[n] = (double)(x[k] * (uint64_t)p10[l] + y[k]) / p10[l];
    }
    KEY(",\"bytes\":") INTEGER(bytes) EACH {
        ok[k] &= (p[k][0] == '}') & (p[k][1] == '\n');
        at[k] = p[k] + 2;
    }
}
/* clang-format on */

/* ---- queries ---- */
#define MINUTES 64
#define PAGES   4096
typedef struct {
    uint64_t count;
    double sum, err, min, max;
} page_agg;

#define USERS 131072
typedef struct {
    uint32_t count;
    int64_t sum;
} user_agg;
typedef struct {
    int64_t start;
    uint32_t user, count;
    int64_t sum;
} hop_row;

typedef struct {
    const char *from, *to;
    int query; /* 0 scan, 1, 2 */
    batch *b[CURSORS];
    ts_cache tc[CURSORS];
    dict pages, users;
    page_agg *minutes;
    user_agg *pane[8], *running;
    uint32_t *touched[8], n_touched[8], *active, *place, n_active;
    int64_t next, newest;
    hop_row *out;
    uint64_t rows, rows_out, check;
    double cpu;
} worker;

static int64_t first_minute = 1767225600000LL / 60000;

INLINE void add_sum(page_agg *g, double x) { /* Kahan-Babuska-Neumaier */
    double s = g->sum, t = s + x;
    g->err += (s >= x || s <= -x) ? (s - t) + x : (x - t) + s;
    g->sum = t;
}

static void tumble(worker *w, batch *b) {
    page_agg *at[ROWS];
    for (int i = 0; i < b->n; i++) {
        __m128i key = load_key(b->page[i]);
        uint32_t code = dict_code(&w->pages, key, b->page[i].n, hash_key(key) & w->pages.mask);
        at[i] = w->minutes + (b->ts[i] / 60000 - first_minute) % MINUTES * PAGES + code;
    }
    for (int i = 0; i < b->n; i++) {
        page_agg *g = at[i];
        double v = b->latency[i];
        g->count++;
        add_sum(g, v);
        g->min = v < g->min ? v : g->min;
        g->max = v > g->max ? v : g->max;
    }
}

static void close_hop(worker *w) {
    int in = w->next & 7, out = (w->next - 6) & 7;
    for (uint32_t k = 0; k < w->n_touched[in]; k++) {
        uint32_t u = w->touched[in][k];
        w->running[u].count += w->pane[in][u].count;
        w->running[u].sum += w->pane[in][u].sum;
        if (w->place[u] == ~0u) {
            w->place[u] = w->n_active;
            w->active[w->n_active++] = u;
        }
    }
    for (uint32_t k = 0; k < w->n_touched[out]; k++) {
        uint32_t u = w->touched[out][k];
        w->running[u].count -= w->pane[out][u].count;
        w->running[u].sum -= w->pane[out][u].sum;
        w->pane[out][u] = (user_agg){0, 0};
        if (w->running[u].count) continue;
        uint32_t last = w->active[--w->n_active];
        w->active[w->place[u]] = last;
        w->place[last] = w->place[u];
        w->place[u] = ~0u;
    }
    w->n_touched[out] = 0;
    for (uint32_t k = 0; k < w->n_active; k++) {
        uint32_t u = w->active[k];
        w->out[k & 8191] = (hop_row){(w->next - 5) * 10000, u, w->running[u].count, w->running[u].sum};
        w->check += w->running[u].count;
    }
    w->rows_out += w->n_active;
    w->next++;
}

static void hop(worker *w, batch *b) {
    uint32_t at[ROWS], code[ROWS];
    __m128i key[ROWS];
    for (int i = 0; i < b->n; i++) {
        key[i] = load_key(b->user[i]);
        at[i] = hash_key(key[i]) & w->users.mask;
        __builtin_prefetch(w->users.slots + at[i]);
    }
    for (int i = 0; i < b->n; i++) {
        code[i] = dict_code(&w->users, key[i], b->user[i].n, at[i]);
        __builtin_prefetch(&w->pane[b->ts[i] / 10000 & 7][code[i]], 1);
    }
    if (!w->next) w->next = b->ts[0] / 10000;
    for (int i = 0; i < b->n; i++) {
        int64_t ts = b->ts[i], pane = ts / 10000;
        if (ts > w->newest) {
            w->newest = ts;
            while ((ts - 2000) / 10000 > w->next) close_hop(w);
        }
        if (pane < w->next) continue;
        user_agg *u = &w->pane[pane & 7][code[i]];
        if (!u->count) w->touched[pane & 7][w->n_touched[pane & 7]++] = code[i];
        u->count++;
        u->sum += b->bytes[i];
    }
}

static void flush(worker *w, batch *b) {
    if (w->query == 1) tumble(w, b);
    if (w->query == 2) hop(w, b);
    w->rows += (uint64_t)b->n;
    b->n = 0;
}

static void scan_block(worker *w, const char *from, const char *to) {
    const char *p[CURSORS], *end[CURSORS],
        *mid = memchr(from + (to - from) / 2, '\n', (size_t)(to - from) / 2);
    p[0] = from;
    p[1] = end[0] = mid ? mid + 1 : to;
    end[1] = to;
    while (p[0] < end[0] && p[1] < end[1]) {
        unsigned ok[CURSORS];
        int n = w->b[0]->n;
        scan_row(p, ok, w->b, n, w->tc);
        if (!(ok[0] & ok[1])) {
            fprintf(stderr, "limit: a row is not of the one form this probe reads\n");
            exit(1);
        }
        w->b[0]->n = w->b[1]->n = n + 1;
        if (n + 1 < ROWS) continue;
        flush(w, w->b[0]);
        flush(w, w->b[1]);
    }
    flush(w, w->b[0]);
    flush(w, w->b[1]);
    for (int c = 0; c < CURSORS; c++) /* the longer half's rest, one by one with both cursors on it */
        while (p[c] < end[c]) {
            const char *q[CURSORS] = {p[c], p[c]};
            unsigned ok[CURSORS];
            scan_row(q, ok, w->b, 0, w->tc);
            p[c] = q[0];
            w->b[0]->n = 1;
            flush(w, w->b[0]);
        }
}

static void *huge(size_t bytes) {
    bytes = (bytes + (2 << 20) - 1) & ~(size_t)((2 << 20) - 1);
    void *p = aligned_alloc(2 << 20, bytes);
    madvise(p, bytes, MADV_HUGEPAGE);
    return memset(p, 0, bytes);
}

static void prepare(worker *w) {
    EACH w->b[k] = huge(sizeof(batch));
    w->pages = (dict){huge(sizeof(slot) * PAGES), PAGES - 1, 0};
    w->users = (dict){huge(sizeof(slot) << 18), (1 << 18) - 1, 0};
    w->minutes = huge(sizeof(page_agg) * MINUTES * PAGES);
    for (size_t i = 0; i < (size_t)MINUTES * PAGES; i++) w->minutes[i] = (page_agg){0, 0, 0, 1e300, -1e300};
    w->running = huge(sizeof(user_agg) * USERS);
    for (int i = 0; i < 8; i++) {
        w->pane[i] = huge(sizeof(user_agg) * USERS);
        w->touched[i] = huge(sizeof(uint32_t) * USERS);
    }
    w->active = huge(sizeof(uint32_t) * USERS);
    w->place = huge(sizeof(uint32_t) * USERS);
    memset(w->place, 255, sizeof(uint32_t) * USERS);
    w->out = huge(sizeof(hop_row) * 8192);
}

static double seconds(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *work(void *arg) {
    worker *w = arg;
    double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    const size_t step = 256 * 1024;
    for (const char *p = w->from; p < w->to;) {
        const char *q = w->to;
        if ((size_t)(w->to - p) > step) q = (const char *)memrchr(p, '\n', step) + 1;
        scan_block(w, p, q);
        p = q;
    }
    w->cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    return NULL;
}

int main(int argc, char **argv) {
    static worker ws[THREADS_MAX];
    int threads = argc > 3 ? atoi(argv[3]) : 1;
    struct stat st;
    int fd = argc > 2 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &st) != 0 || threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: limit FILE scan|q1|q2 [THREADS]\n");
        return 2;
    }
    size_t size = (size_t)st.st_size;
    char *room = mmap(NULL, size + (2 << 20), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *f = mmap(room, size, PROT_READ, MAP_SHARED | MAP_POPULATE | MAP_FIXED, fd, 0);
    for (int t = 0; t < threads; t++) {
        ws[t].query = argv[2][0] == 's' ? 0 : argv[2][1] - '0';
        size_t at = size / (size_t)threads * (size_t)t;
        ws[t].from = t ? (const char *)memchr(f + at, '\n', size - at) + 1 : f;
        if (t) ws[t - 1].to = ws[t].from;
        ws[t].to = f + size;
        prepare(&ws[t]);
    }
    pthread_t ids[THREADS_MAX];
    double start = seconds(CLOCK_MONOTONIC), cpu = 0;
    for (int t = 0; t < threads; t++) pthread_create(&ids[t], NULL, work, &ws[t]);
    for (int t = 0; t < threads; t++) pthread_join(ids[t], NULL);
    double wall = seconds(CLOCK_MONOTONIC) - start;
    uint64_t rows = 0, out = 0, check = 0;
    for (int t = 0; t < threads; t++) {
        rows += ws[t].rows;
        out += ws[t].rows_out;
        check += ws[t].check;
        cpu += ws[t].cpu;
    }
    printf("rows %llu cpu %.3f wall %.3f out %llu check %llu\n", (unsigned long long)rows, cpu, wall,
           (unsigned long long)out, (unsigned long long)check);
    return 0;
}

/* Open sessions against brute force: rows in any order, rows behind the watermark, places that are given
 * back, and memory that runs out. What SQL says of them is held against DuckDB by tests/oracle/sessions.py.
 */
#include <criterion/criterion.h>

#include "runtime/ops/kept_rows.h"
#include "runtime/ops/sessions.h"
#include "tests/unit/random.h"

#define GAP  10
#define KEYS 5
#define MOST 4096

typedef struct span {
    int64_t key, start, end;
    uint64_t rows;
} span;
typedef struct spans {
    span items[MOST];
    size_t n;
} spans;

typedef struct trace {
    wri_sessions s;
    spans open, closed, emitted; /* open and closed by brute force */
} trace;

/* ---- brute force ---- */

static void brute_close(trace *t, int64_t key, int64_t wm) { /* key -1: all */
    size_t n = 0;
    for (size_t i = 0; i < t->open.n; i++) {
        span x = t->open.items[i];
        if ((key < 0 || x.key == key) && x.end <= wm) t->closed.items[t->closed.n++] = x;
        else t->open.items[n++] = x;
    }
    t->open.n = n;
}

static bool brute_touch(const trace *t, int64_t key, int64_t at) {
    for (size_t i = 0; i < t->open.n; i++) {
        span x = t->open.items[i];
        if (x.key == key && x.start <= at + GAP && x.end >= at) return true;
    }
    return false;
}

static void brute_join(trace *t, int64_t key, int64_t at) {
    span all = {key, at, at + GAP, 1};
    size_t n = 0;
    for (size_t i = 0; i < t->open.n; i++) {
        span x = t->open.items[i];
        if (x.key != key || x.start > at + GAP || x.end < at) {
            t->open.items[n++] = x;
            continue;
        }
        all.start = x.start < all.start ? x.start : all.start;
        all.end = x.end > all.end ? x.end : all.end;
        all.rows += x.rows;
    }
    t->open.items[n++] = all;
    t->open.n = n;
}

/* ---- the sessions ---- */

static uint64_t *rows_of(trace *t, uint32_t id) { return (uint64_t *)(wri_session_at(&t->s, id) + 1); }

static wr_status find(trace *t, int64_t key, uint32_t *gidp) {
    static const uint32_t col = 0;
    uint64_t failing = wr_mem_fail_at(0);
    wr_batch *b;
    (void)failing;
    cr_assert_eq(wr_batch_new(1, 1, &b, NULL), WR_OK);
    cr_assert_eq(wr_batch_col(b, 0, WR_I64, NULL), WR_OK);
    b->n = 1;
    b->cols[0].i64[0] = key;
    wr_status r = wri_groups_find(t->s.groups, b, &col, NULL, gidp, NULL);
    wr_batch_drop(b);
    return r;
}

/* As the operator does: fold, then what has merged. */
static wr_status join(trace *t, uint32_t gid, int64_t at) {
    uint32_t id = 0;
    wri_session_rows rows = {.times = &at, .gids = &gid, .n = 1, .ids = &id};
    WR_TRY(wri_sessions_join(&t->s, &rows, NULL));
    ++*rows_of(t, id);
    for (size_t i = 0; i < t->s.n_merged; i++) {
        *rows_of(t, t->s.merged[i].into) += *rows_of(t, t->s.merged[i].from);
        *rows_of(t, t->s.merged[i].from) = 0;
    }
    t->s.n_merged = 0;
    return WR_OK;
}

static wr_status emit(trace *t, int64_t wm) {
    for (bool more = true; more;) {
        WR_TRY(wri_sessions_close(&t->s, wm, 1 + below(4), &more, NULL));
        for (size_t i = 0; i < t->s.n_closed; i++) {
            wri_session *x = wri_session_at(&t->s, t->s.closed[i]);
            /* Keys are emitted from their groups. */
            wr_batch *b;
            cr_assert_eq(wr_batch_new(1, 1, &b, NULL), WR_OK);
            b->n = 1;
            cr_assert_eq(wri_groups_emit_keys(t->s.groups, &x->owner, 1, b, 0, NULL), WR_OK);
            t->emitted.items[t->emitted.n++] =
                (span){b->cols[0].i64[0], wri_session_start(x), x->last + GAP, *rows_of(t, t->s.closed[i])};
            wr_batch_drop(b);
        }
        WR_TRY(wri_sessions_forget(&t->s, NULL));
    }
    return WR_OK;
}

static int by_all(const void *x, const void *y) { return memcmp(x, y, sizeof(span)); }

static void compare(trace *t, uint64_t seed) {
    cr_assert_eq(t->emitted.n, t->closed.n, "seed %llu: %zu sessions, not %zu", (unsigned long long)seed,
                 t->emitted.n, t->closed.n);
    qsort(t->emitted.items, t->emitted.n, sizeof(span), by_all);
    qsort(t->closed.items, t->closed.n, sizeof(span), by_all);
    for (size_t i = 0; i < t->closed.n; i++)
        cr_assert(memcmp(&t->emitted.items[i], &t->closed.items[i], sizeof(span)) == 0,
                  "seed %llu: session %zu", (unsigned long long)seed, i);
    t->emitted.n = t->closed.n = 0;
}

/* A row behind the watermark wm before it. */
static wr_status behind(trace *t, int64_t key, int64_t at, int64_t wm) {
    uint32_t gid;
    WR_TRY(find(t, key, &gid));
    WR_TRY(wri_sessions_idle(&t->s, gid, NULL));
    WR_TRY(wri_sessions_close_key(&t->s, gid, wm, NULL));
    brute_close(t, key, wm);
    bool touched = wri_sessions_touch(&t->s, gid, at);
    cr_assert_eq(touched, brute_touch(t, key, at));
    if (at + GAP <= wm && !touched) return WR_OK;
    brute_join(t, key, at);
    return join(t, gid, at);
}

/* Rows ahead of the watermark, rows behind it, then the next one. */
static wr_status step(trace *t, int64_t wm, int64_t next) {
    for (uint64_t n = below(12); n > 0; n--) {
        int64_t key = (int64_t)below(KEYS), at = wm + 1 + (int64_t)below(80);
        uint32_t gid;
        WR_TRY(find(t, key, &gid));
        brute_join(t, key, at);
        WR_TRY(join(t, gid, at));
    }
    for (int64_t w = wm; w < next; w++)
        for (uint64_t n = below(2); n > 0; n--)
            WR_TRY(behind(t, (int64_t)below(KEYS), w - (int64_t)below(25), w));
    brute_close(t, -1, next);
    return emit(t, next);
}

static trace *open_trace(void) {
    static const wr_phys phys = WR_I64;
    trace *t = calloc(1, sizeof *t);
    cr_assert_eq(wri_sessions_init(&t->s, &phys, 1, 8, GAP, NULL), WR_OK);
    return t;
}
static void close_trace(trace *t) {
    wri_sessions_free(&t->s);
    free(t);
}

Test(sessions, brute_force) {
    for (uint64_t seed = 1; seed <= 150; seed++) {
        rng = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
        trace *t = open_trace();
        int64_t wm = -1000;
        for (uint32_t k = 0; k < 40; k++) {
            int64_t next = wm + 1 + (int64_t)below(k % 5 ? 8 : 60);
            cr_assert_eq(step(t, wm, next), WR_OK);
            compare(t, seed);
            wm = next;
        }
        brute_close(t, -1, INT64_MAX);
        cr_assert_eq(emit(t, INT64_MAX), WR_OK);
        compare(t, seed);
        cr_assert_eq(wri_groups_live(t->s.groups), 0, "keys without a session are removed");
        close_trace(t);
    }
}

/* Nothing grows with what has closed: neither keys, nor places, nor timers. */
Test(sessions, memory_follows_what_is_open) {
    rng = 7;
    trace *t = open_trace();
    size_t early = 0;
    for (int64_t k = 0; k < 60000; k++) {
        uint32_t gid;
        for (int64_t at = k * 3; at < k * 3 + 60; at += 20) { /* three sessions, of which two meet later */
            cr_assert_eq(find(t, k, &gid), WR_OK);
            cr_assert_eq(join(t, gid, at), WR_OK);
        }
        cr_assert_eq(join(t, gid, k * 3 + 10), WR_OK);
        cr_assert_eq(find(t, k - 10, &gid), WR_OK); /* of a key that may be new, closed or open */
        cr_assert_eq(wri_sessions_idle(&t->s, gid, NULL), WR_OK);
        cr_assert_eq(wri_sessions_close_key(&t->s, gid, k * 3 - 1, NULL), WR_OK);
        t->emitted.n = 0;
        cr_assert_eq(emit(t, k * 3), WR_OK);
        if (k == 1000) early = wri_sessions_bytes(&t->s);
    }
    cr_assert_leq(wri_sessions_bytes(&t->s), early * 2);
    close_trace(t);
}

/* Every allocation may fail; what is there can be freed. */
Test(sessions, out_of_memory) {
    for (uint64_t n = 1, ended = 0; !ended; n++) {
        rng = 99;
        trace *t = calloc(1, sizeof *t);
        static const wr_phys phys = WR_I64;
        wr_mem_fail_at(n);
        wr_status r = wri_sessions_init(&t->s, &phys, 1, 8, GAP, NULL);
        for (int64_t k = 0; k < 60 && r == WR_OK; k++) {
            uint32_t gid = 1 + (uint32_t)below(4);
            int64_t at = k * 2 + (int64_t)below(60);
            if (k < 4) { /* four keys, whose allocations count too */
                wr_batch *b = NULL;
                static const uint32_t col = 0;
                r = wr_batch_new(1, 1, &b, NULL);
                if (r == WR_OK) r = wr_batch_col(b, 0, WR_I64, NULL);
                if (r == WR_OK) {
                    b->n = 1;
                    b->cols[0].i64[0] = k;
                    r = wri_groups_find(t->s.groups, b, &col, NULL, &gid, NULL);
                }
                wr_batch_drop(b);
            }
            if (r == WR_OK) r = join(t, gid, at);
            if (r == WR_OK && k % 7 == 6) r = wri_sessions_close_key(&t->s, gid, k * 2, NULL);
        }
        wr_mem_fail_at(0);
        cr_assert(r == WR_OK || r == WR_ENOMEM);
        ended = r == WR_OK;
        wri_sessions_free(&t->s);
        free(t);
    }
}

/* ---- rows by bytes ---- */

Test(kept_rows, there_and_back) {
    static const wr_phys phys[] = {WR_I64, WR_F64, WR_STR, WR_I64, WR_STR,
                                   WR_I64, WR_I64, WR_I64, WR_I64, WR_STR};
    enum { COLS = WR_LEN(phys), ROWS = 70 };
    static const char *const words[] = {"", "short", "a string that does not fit inline", "exactly12byt"};
    wr_batch *b, *back;
    cr_assert_eq(wr_batch_new(COLS, ROWS, &b, NULL), WR_OK);
    b->n = ROWS;
    b->split = 3;
    b->pos = 100;
    rng = 5;
    for (uint32_t c = 0; c < COLS; c++) {
        cr_assert_eq(wr_batch_col(b, c, phys[c], NULL), WR_OK);
        for (uint32_t i = 0; i < ROWS; i++) {
            const char *w = words[below(WR_LEN(words))];
            if (phys[c] == WR_STR) b->cols[c].str[i] = wr_str_make(w, strlen(w));
            else b->cols[c].i64[i] = (int64_t)below(UINT64_C(1) << 60);
            if (c > 0 && below(3) == 0) wr_bit_set(wr_batch_nulls(b, &b->cols[c]), i);
        }
    }
    wr_buf buf = {0};
    for (uint32_t i = 0; i < ROWS; i++) b->cols[0].i64[i] = i; /* the time: keeps their order */
    for (uint32_t i = ROWS; i-- > 0;) cr_assert_eq(wri_kept_add(&buf, b, 0, i, NULL), WR_OK);
    wri_kept_list l = {0};
    cr_assert_eq(wri_kept_list_add(&l, &buf, 1, 2, NULL), WR_OK);
    cr_assert_eq(l.n, ROWS);
    cr_assert_eq(wr_batch_new(COLS, ROWS, &back, NULL), WR_OK);
    back->n = ROWS;
    cr_assert_eq(wri_kept_read(l.items, phys, COLS, back, NULL), WR_OK);
    wr_buf_free(&buf); /* strings were copied */
    for (uint32_t c = 0; c < COLS; c++)
        for (uint32_t i = 0; i < ROWS; i++) {
            const wr_col *x = &b->cols[c], *y = &back->cols[c];
            cr_assert_eq(wr_is_null(x, i), wr_is_null(y, i));
            if (wr_is_null(x, i)) continue;
            if (phys[c] == WR_STR) cr_assert(wr_str_eq(&x->str[i], &y->str[i]));
            else cr_assert_eq(x->i64[i], y->i64[i]);
        }
    wr_free(l.items);
    wr_batch_drop(b);
    wr_batch_drop(back);
}

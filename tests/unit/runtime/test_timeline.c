/* Timelines and timers against plain sorting and looking through all. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/ops/timeline.h"
#include "runtime/ops/timers.h"
#include "tests/unit/random.h"

static wr_field fields[] = {{.name = "id", .type = {.kind = WR_T_BIGINT}},
                            {.name = "t", .type = {.kind = WR_T_TIMESTAMP, .prec = 3}},
                            {.name = "s", .type = {.kind = WR_T_VARCHAR}}};
static const wr_schema schema = {.n = 3, .fields = fields};

typedef struct row {
    int64_t t, pos, id;
    uint32_t split;
    bool out;
} row;
static row rows[20000];
static size_t n_rows;

static wr_batch *batch_of(uint32_t n, uint32_t split, int64_t pos, int64_t base, uint64_t spread) {
    wr_batch *b;
    cr_assert_eq(wr_batch_new(3, n, &b, NULL), WR_OK);
    for (uint32_t c = 0; c < 3; c++)
        cr_assert_eq(wr_batch_col(b, c, wr_type_phys(fields[c].type), NULL), WR_OK);
    b->n = n;
    b->split = split;
    b->pos = pos;
    wr_batch_nulls(b, &b->cols[2]);
    for (uint32_t i = 0; i < n; i++) {
        row r = {
            .t = base + (int64_t)(rnd() % spread), .pos = pos + i, .id = (int64_t)n_rows, .split = split};
        if (split == WR_NO_SPLIT) r.id = (int64_t)(rnd() % 1000); /* order is by value */
        b->cols[0].i64[i] = r.id;
        b->cols[1].i64[i] = r.t;
        if (r.id % 5 == 0) {
            wr_bit_set(b->cols[2].nulls, i);
            b->cols[2].str[i] = (wr_str){0};
        } else {
            char text[60];
            int len = snprintf(text, sizeof text, "%s%lld",
                               r.id % 2 ? "a text that is longer than a view " : "", (long long)r.id);
            cr_assert_eq(wr_batch_str(b, text, (size_t)len, &b->cols[2].str[i], NULL), WR_OK);
        }
        rows[n_rows++] = r;
    }
    return b;
}

static int by_order(const void *x, const void *y) {
    const row *a = x, *b = y;
    if (a->out != b->out) return a->out ? -1 : 1;
    if (a->t != b->t) return a->t < b->t ? -1 : 1;
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    if (a->split != WR_NO_SPLIT) return (a->pos > b->pos) - (a->pos < b->pos);
    return (a->id > b->id) - (a->id < b->id);
}

static void check_row(const wr_batch *b, uint32_t i, const row *r) {
    cr_assert_eq(b->cols[1].i64[i], r->t);
    cr_assert_eq(b->cols[0].i64[i], r->id);
    cr_assert_eq(wr_is_null(&b->cols[2], i), r->id % 5 == 0);
    if (r->id % 5 == 0) return;
    char want[60];
    int len = snprintf(want, sizeof want, "%s%lld", r->id % 2 ? "a text that is longer than a view " : "",
                       (long long)r->id);
    cr_assert_eq(b->cols[2].str[i].len, (uint32_t)len);
    cr_assert_arr_eq(wr_str_data(&b->cols[2].str[i]), want, (size_t)len);
}

/* Everything due comes out, sorted, no run of equal times split; the rest stays. */
static void check_take(wri_timeline *t, int64_t wm, uint32_t batch_rows, size_t *donep) {
    qsort(rows + *donep, n_rows - *donep, sizeof *rows, by_order);
    size_t due = *donep;
    while (due < n_rows && rows[due].t <= wm) due++;
    int64_t last = INT64_MIN;
    for (;;) {
        wr_batch *b;
        cr_assert_eq(wri_timeline_take(t, wm, batch_rows, &b, NULL), WR_OK);
        if (!b) break;
        cr_assert_gt(b->n, 0);
        cr_assert_gt(b->cols[1].i64[0], last, "a run of equal times was split");
        for (uint32_t i = 0; i < b->n; i++) {
            cr_assert_lt(*donep, due);
            check_row(b, i, &rows[(*donep)++]);
        }
        last = b->cols[1].i64[b->n - 1];
        uint32_t equal = 0;
        while (equal < b->n && b->cols[1].i64[equal] != last) equal++;
        cr_assert_leq(equal, batch_rows);
        wr_batch_drop(b);
    }
    cr_assert_eq(*donep, due);
    cr_assert_eq(wri_timeline_rows(t), n_rows - due);
}

Test(timeline, in_the_order_of_time) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        rng = seed * 7919;
        wri_timeline *t = wri_timeline_new(&schema, 1);
        size_t done = 0;
        int64_t wm = 0, pos[3] = {0};
        uint64_t spread = seed % 3 == 0 ? 3 : seed % 3 == 1 ? 50 : 5000;
        n_rows = 0;
        for (int round = 0; round < 40; round++) {
            uint32_t n = (uint32_t)(rnd() % 200), split = (uint32_t)(rnd() % 3);
            wr_batch *b = n ? batch_of(n, seed % 4 ? split : WR_NO_SPLIT, pos[split], wm + 1, spread) : NULL;
            pos[split] += n;
            if (b) cr_assert_eq(wri_timeline_add(t, b, NULL, n, NULL), WR_OK);
            wr_batch_drop(b);
            if (rnd() % 2 == 0) continue;
            wm += (int64_t)(rnd() % (spread + 10));
            check_take(t, wm, 1 + (uint32_t)(rnd() % 300), &done);
        }
        if (seed % 2) check_take(t, INT64_MAX, 64, &done);
        wri_timeline_free(t);
    }
}

#define GRAIN 1000

static int by_grain(const void *x, const void *y) {
    const row *a = x, *b = y;
    int64_t i = wr_floor_to(a->t, GRAIN), j = wr_floor_to(b->t, GRAIN);
    if (i != j) return i < j ? -1 : 1;
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    return (a->pos > b->pos) - (a->pos < b->pos);
}

/* Coarse times: rows leave with the last tick of their grain, those of one grain in the order of their
 * source. */
Test(timeline, by_grains) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        rng = seed * 104729;
        wri_timeline *t = wri_timeline_new(&schema, 1);
        wri_timeline_coarse(t, GRAIN, 1);
        size_t done = 0;
        int64_t wm = -5000, pos[3] = {0};
        uint64_t spread = seed % 3 == 0   ? 300
                          : seed % 3 == 1 ? 5000
                                          : 3000000; /* the last: too many to count */
        n_rows = 0;
        for (int round = 0; round < 30 || wm < INT64_MAX; round++) {
            uint32_t split = (uint32_t)(rnd() % 3), n = 1 + (uint32_t)(rnd() % 200);
            wr_batch *b = round < 30 ? batch_of(n, split, pos[split], wm + 1, spread) : NULL;
            pos[split] += n;
            if (b) cr_assert_eq(wri_timeline_add(t, b, NULL, n, NULL), WR_OK);
            wr_batch_drop(b);
            wm = round < 30 ? wm + (int64_t)(rnd() % (spread / 2 + 10)) : INT64_MAX;
            qsort(rows + done, n_rows - done, sizeof *rows, by_grain);
            for (wr_batch *out;; wr_batch_drop(out)) {
                cr_assert_eq(wri_timeline_take(t, wm, 64, &out, NULL), WR_OK);
                if (!out) break;
                cr_assert_leq(out->n, 64);
                for (uint32_t i = 0; i < out->n; i++, done++) {
                    cr_assert(wr_floor_to(rows[done].t, GRAIN) + GRAIN - 1 <= wm);
                    check_row(out, i, &rows[done]);
                }
            }
            cr_assert(done == n_rows || wr_floor_to(rows[done].t, GRAIN) + GRAIN - 1 > wm);
        }
        cr_assert_eq(done, n_rows);
        wri_timeline_free(t);
    }
}

Test(timeline, some_rows_only) {
    wri_timeline *t = wri_timeline_new(&schema, 1);
    n_rows = 0;
    wr_batch *b = batch_of(10, 0, 0, 100, 5), *out;
    uint32_t idx[] = {2, 5, 9};
    cr_assert_eq(wri_timeline_add(t, b, idx, 3, NULL), WR_OK);
    wr_batch_drop(b);
    cr_assert_eq(wri_timeline_rows(t), 3);
    cr_assert_eq(wri_timeline_take(t, 1000, 100, &out, NULL), WR_OK);
    cr_assert_eq(out->n, 3);
    int64_t sum = 0;
    for (uint32_t i = 0; i < 3; i++) sum += out->cols[0].i64[i];
    cr_assert_eq(sum, 16);
    wr_batch_drop(out);
    wri_timeline_free(t);
}

Test(timers, each_once_when_due) {
    static int64_t due[5000];
    static bool waits[5000];
    for (uint64_t seed = 1; seed <= 30; seed++) {
        rng = seed * 104729;
        wri_timers t;
        wri_timers_init(&t, (int64_t)(rnd() % 100));
        int64_t wm = -300;
        size_t n = 0;
        for (int round = 0; round < 100; round++) {
            for (uint64_t k = rnd() % 50; k-- > 0; n++) {
                due[n] = wm - 20 + (int64_t)(rnd() % (rnd() % 20 ? 300 : 100000));
                waits[n] = true;
                cr_assert_eq(wri_timers_add(&t, due[n], (uint32_t)n, NULL), WR_OK);
            }
            wm += (int64_t)(rnd() % 60);
            wri_timer x;
            int64_t next = wri_timers_next(&t), least = INT64_MAX;
            for (size_t i = 0; i < n; i++)
                if (waits[i] && due[i] < least) least = due[i];
            cr_assert_leq(next, least);
            while (wri_timers_take(&t, wm, &x)) {
                cr_assert(waits[x.id]);
                cr_assert_eq(x.due, due[x.id]);
                cr_assert_leq(x.due, wm);
                waits[x.id] = false;
                if (rnd() % 8 == 0) { /* again, later, while others are being taken */
                    due[x.id] = x.due + (int64_t)(rnd() % 500);
                    waits[x.id] = true;
                    cr_assert_eq(wri_timers_add(&t, due[x.id], x.id, NULL), WR_OK);
                }
            }
            for (size_t i = 0; i < n; i++) cr_assert(!waits[i] || due[i] > wm);
        }
        cr_assert_gt(wri_timers_bytes(&t), 0);
        wri_timers_free(&t);
    }
}

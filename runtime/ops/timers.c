/* runtime/ops/timers.c -- buckets of timers, sorted by time; see timers.h. */
#include "timers.h"

void wri_timers_init(wri_timers *t, int64_t width) { *t = (wri_timers){.width = width > 0 ? width : 1}; }

void wri_timers_free(wri_timers *t) {
    for (size_t i = 0; i < t->n; i++) wr_free(t->buckets[i].items);
    wr_free(t->spare.items);
    wr_free(t->buckets);
}

/* The first place whose bucket is not after `no`. */
static size_t place_of(const wri_timers *t, int64_t no) {
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (t->buckets[mid].no > no) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static wri_timer_bucket *bucket_of(wri_timers *t, int64_t no) {
    if (t->last < t->n && t->buckets[t->last].no == no) return &t->buckets[t->last];
    size_t i = t->last = place_of(t, no);
    if (i < t->n && t->buckets[i].no == no) return &t->buckets[i];
    if (wr_grow(&t->buckets, &t->cap, t->n + 1, sizeof *t->buckets) != WR_OK) return NULL;
    memmove(&t->buckets[i + 1], &t->buckets[i], (t->n - i) * sizeof *t->buckets);
    t->buckets[i] = t->spare;
    t->buckets[i].no = no;
    t->spare = (wri_timer_bucket){0};
    t->n++;
    return &t->buckets[i];
}

wr_status wri_timers_add(wri_timers *t, int64_t due, uint32_t id, wr_err *err) {
    wri_timer_bucket *b = bucket_of(t, wr_floor_div(due, t->width));
    if (!b || wr_grow(&b->items, &b->cap, b->n + 1, sizeof *b->items) != WR_OK)
        return wr_fail_oom(err, "timers");
    b->items[b->n] = b->items[b->n - b->n_due]; /* in front of those known to be due */
    b->items[b->n - b->n_due] = (wri_timer){due, id};
    b->n++;
    t->waiting++;
    return WR_OK;
}

/* Brings the due ones of a bucket to its end. */
static void find_due(wri_timer_bucket *b, int64_t wm) {
    size_t from = b->n;
    for (size_t i = b->n; i-- > 0;) {
        if (b->items[i].due > wm) continue;
        wri_timer x = b->items[--from];
        b->items[from] = b->items[i];
        b->items[i] = x;
    }
    b->n_due = b->n - from;
}

static void drop_last(wri_timers *t) {
    wri_timer_bucket *b = &t->buckets[--t->n];
    if (t->spare.items) wr_free(b->items);
    else t->spare = (wri_timer_bucket){.items = b->items, .cap = b->cap};
}

bool wri_timers_take(wri_timers *t, int64_t wm, wri_timer *outp) {
    while (t->n > 0) {
        wri_timer_bucket *b = &t->buckets[t->n - 1];
        if (b->n == 0) {
            drop_last(t);
            continue;
        }
        if (b->n_due == 0) {
            if (b->no > wr_floor_div(wm, t->width)) return false;
            find_due(b, wm);
            if (b->n_due == 0) return false;
        }
        b->n_due--;
        *outp = b->items[--b->n];
        t->waiting--;
        return true;
    }
    return false;
}

int64_t wri_timers_next(const wri_timers *t) {
    int64_t next = INT64_MAX;
    for (size_t i = t->n; i-- > 0 && next == INT64_MAX;)
        for (size_t k = 0; k < t->buckets[i].n; k++)
            if (t->buckets[i].items[k].due < next) next = t->buckets[i].items[k].due;
    return next;
}

size_t wri_timers_bytes(const wri_timers *t) {
    size_t bytes = t->cap * sizeof *t->buckets + t->spare.cap * sizeof *t->spare.items;
    for (size_t i = 0; i < t->n; i++) bytes += t->buckets[i].cap * sizeof *t->buckets[i].items;
    return bytes;
}

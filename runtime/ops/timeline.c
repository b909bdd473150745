/* runtime/ops/timeline.c -- sorted runs, merged as they fall due; see timeline.h.
 *
 * Each batch that is added becomes a run: the order of its rows by (time, position). A heap of the runs by
 * their first waiting row gives the rows in order; while a run stays below all others its rows are taken
 * without looking at the heap, which is nearly always with input that is nearly in order.
 *
 * In snapshots each row is a slot: row `at` of a run is at % 64 of its number at / 64. A row does not change
 * as long as it waits, so it is saved once; parts become empty as rows leave. Numbers are given at a barrier,
 * so that rows that come and go between two of them cost nothing. */
#include "timeline.h"

#include <stdlib.h>

#include "saved_rows.h"

typedef struct run {
    wr_batch *b;
    const int64_t *time; /* of each row of b, by which it stands: see wri_timeline_coarse */
    uint32_t *idx;       /* rows in order; idx[at..n) wait */
    uint32_t at, n;
    uint64_t kept; /* number of the batch that was last made to hold b */
    uint32_t *nos; /* of its slots, one for 64 rows; NULL: it has none yet */
    uint32_t n_nos;
} run;

typedef struct ref {
    run *r;
    uint32_t row, slot;
} ref;

typedef struct owner { /* of a number */
    run *r;
    uint32_t first; /* of its rows */
} owner;

struct wri_timeline {
    const wr_schema *schema;
    uint32_t time_col;
    int64_t grain, tick; /* 0: times as they are */
    bool places;         /* batches that are made tell the place of each row */
    run **heap;          /* the least in front */
    size_t n, cap;
    size_t rows;
    ref *refs; /* of the batch being made */
    size_t n_refs, refs_cap;
    run **spent; /* runs whose last rows are among refs */
    size_t n_spent, spent_cap;
    uint64_t made; /* batches */
    /* snapshots */
    wri_slots slots;
    wri_numbers numbers;
    owner *owners; /* by number */
    size_t owners_cap;
    uint32_t tag, n_keys;
    const uint32_t *keys;
    uint32_t *left; /* slots of rows that leave */
    size_t left_cap;
    ref *saving;
    size_t saving_cap;
};

wri_timeline *wri_timeline_new(const wr_schema *schema, uint32_t time_col) {
    wri_timeline *t = wr_calloc(1, sizeof *t);
    if (t) *t = (wri_timeline){.schema = schema, .time_col = time_col};
    return t;
}

void wri_timeline_places(wri_timeline *t) { t->places = true; }
void wri_timeline_coarse(wri_timeline *t, int64_t grain, int64_t tick) {
    t->grain = grain;
    t->tick = tick;
}

static void free_run(run *r) {
    wr_batch_drop(r->b);
    wr_free(r);
}

static void free_spent(wri_timeline *t) {
    while (t->n_spent > 0) {
        run *r = t->spent[--t->n_spent];
        for (uint32_t i = 0; i < r->n_nos; i++) wri_numbers_give(&t->numbers, r->nos[i]);
        free_run(r);
    }
}

void wri_timeline_free(wri_timeline *t) {
    if (!t) return;
    free_spent(t);
    while (t->n > 0) free_run(t->heap[--t->n]);
    wri_slots_free(&t->slots);
    wri_numbers_free(&t->numbers);
    wr_free(t->owners);
    wr_free(t->left);
    wr_free(t->saving);
    wr_free(t->heap);
    wr_free(t->refs);
    wr_free(t->spent);
    wr_free(t);
}

size_t wri_timeline_rows(const wri_timeline *t) { return t->rows; }

/* ---- order ---- */

static int64_t time_of(const run *r, uint32_t at) { return r->time[r->idx[at]]; }

static int by_value(const wr_col *x, uint32_t i, const wr_col *y, uint32_t j) {
    bool nx = wr_is_null(x, i), ny = wr_is_null(y, j);
    if (nx || ny) return (int)nx - (int)ny;
    switch (x->phys) {
    case WR_I64:
        return (x->i64[i] > y->i64[j]) - (x->i64[i] < y->i64[j]);
    case WR_F64:
        return (x->f64[i] > y->f64[j]) - (x->f64[i] < y->f64[j]);
    case WR_STR:
        return wr_str_cmp(&x->str[i], &y->str[j]);
    }
    return 0;
}

/* Rows i of x and j of y are of one time. */
static int by_place(const wri_timeline *t, const run *x, uint32_t i, const run *y, uint32_t j) {
    wr_row_place a = wr_place_of(x->b, i), b = wr_place_of(y->b, j);
    if (a.split != b.split) return a.split < b.split ? -1 : 1;
    if (a.split != WR_NO_SPLIT && a.pos != b.pos) return a.pos < b.pos ? -1 : 1;
    int c = 0;
    for (uint32_t k = 0; k < t->schema->n && c == 0; k++) c = by_value(&x->b->cols[k], i, &y->b->cols[k], j);
    return c;
}

static bool before(const wri_timeline *t, const run *x, const run *y) {
    int64_t a = time_of(x, x->at), b = time_of(y, y->at);
    return a != b ? a < b : by_place(t, x, x->idx[x->at], y, y->idx[y->at]) < 0;
}

typedef struct sorting {
    const wri_timeline *t;
    const run *r;
    const int64_t *time;
} sorting;

static int in_batch(const void *x, const void *y, void *ctx) {
    const sorting *s = ctx;
    uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    if (s->time[i] != s->time[j]) return s->time[i] < s->time[j] ? -1 : 1;
    int c = by_place(s->t, s->r, i, s->r, j);
    return c ? c : (i > j) - (i < j);
}

#define GRAINS_MAX 256

/* Rows of few times, which stand in the order of their source: by counting. `to` has room for r->n. False:
 * they are of too many. */
static bool sort_grains(const wri_timeline *t, run *r, uint32_t *to) {
    uint32_t ends[GRAINS_MAX] = {0};
    int64_t least = r->time[r->idx[0]], most = least;
    for (uint32_t i = 1; i < r->n; i++) {
        int64_t time = r->time[r->idx[i]];
        least = time < least ? time : least;
        most = time > most ? time : most;
    }
    if ((uint64_t)most - (uint64_t)least >= (uint64_t)t->grain * GRAINS_MAX) return false;
    int64_t last = least; /* the row before was of grain no: mostly this one is, too */
    uint32_t no = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        int64_t time = r->time[r->idx[i]];
        if (time != last) no = (uint32_t)((time - least) / t->grain);
        last = time;
        ends[no]++;
    }
    for (uint32_t i = 0, at = 0; i < GRAINS_MAX; i++) {
        uint32_t n = ends[i];
        ends[i] = at;
        at += n;
    }
    no = 0;
    last = least;
    for (uint32_t i = 0; i < r->n; i++) {
        int64_t time = r->time[r->idx[i]];
        if (time != last) no = (uint32_t)((time - least) / t->grain);
        last = time;
        to[ends[no]++] = r->idx[i];
    }
    memcpy(r->idx, to, r->n * sizeof *to);
    return true;
}

/* scratch: room for r->n, when times are coarse. */
static void sort_run(const wri_timeline *t, run *r, uint32_t *scratch) {
    sorting s = {.t = t, .r = r, .time = r->time};
    bool sorted = true, placed = r->b->split != WR_NO_SPLIT && !r->b->place;
    for (uint32_t i = 1; i < r->n; i++) {
        int64_t a = s.time[r->idx[i - 1]], b = s.time[r->idx[i]];
        sorted = sorted && (a < b || (a == b && placed));
    }
    if (sorted || (t->grain && placed && sort_grains(t, r, scratch))) return;
    qsort_r(r->idx, r->n, sizeof *r->idx, in_batch, &s);
}

/* Last ticks of the grains of rows; those of one follow each other, mostly. */
static void coarse_times(const wri_timeline *t, const run *r, int64_t *to) {
    const int64_t *time = r->b->cols[t->time_col].i64;
    int64_t from = 0, last = -1; /* of a grain */
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t row = r->idx[i];
        if (time[row] < from || time[row] > last) {
            from = wr_floor_to(time[row], t->grain);
            last = from + t->grain - t->tick;
        }
        to[row] = last;
    }
}

int64_t wri_timeline_first(const wri_timeline *t) {
    return t->n ? time_of(t->heap[0], t->heap[0]->at) : WR_WM_END;
}

size_t wri_timeline_bytes(const wri_timeline *t) {
    return t->rows * wri_row_bytes(t->schema) + t->n * sizeof(run);
}

void wri_timeline_waiting(const wri_timeline *t, wr_waits *out) {
    if (t->rows == 0) return;
    out->what = "row";
    out->rows = out->n = t->rows;
    wri_waits_add(out,
                  (wr_wait){.start_us = WR_WM_NONE, .end_us = WR_WM_NONE, .due_us = wri_timeline_first(t)});
    out->n = t->rows;
}

/* ---- heap ---- */

static void sink(wri_timeline *t, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < t->n; k++)
            if (before(t, t->heap[k], t->heap[least])) least = k;
        if (least == i) return;
        run *r = t->heap[i];
        t->heap[i] = t->heap[least];
        t->heap[least] = r;
        i = least;
    }
}

static void rise(wri_timeline *t, size_t i) {
    for (; i > 0 && before(t, t->heap[i], t->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        run *r = t->heap[i];
        t->heap[i] = t->heap[(i - 1) / 2];
        t->heap[(i - 1) / 2] = r;
    }
}

/* Numbers for the rows of r, so that snapshots have those that wait. */
static wr_status number_rows(wri_timeline *t, run *r, wr_err *err) {
    r->nos = r->idx + r->n;
    for (uint32_t i = 0; i < r->n; i += 64) {
        uint32_t no, to = r->n - i < 64 ? r->n : i + 64, from = r->at > i ? r->at : i;
        WR_TRY(wri_numbers_take(&t->numbers, &no, err));
        r->nos[r->n_nos++] = no;
        if (wr_grow(&t->owners, &t->owners_cap, (size_t)no + 1, sizeof *t->owners) != WR_OK)
            return wr_fail_oom(err, "a snapshot");
        t->owners[no] = (owner){r, i};
        if (from < to) WR_TRY(wri_slots_touch_range(&t->slots, no * 64 + from - i, to - from, err));
    }
    return WR_OK;
}

/* Without snapshots rows get their numbers only when paging asks what there is. */
static wr_status number_all(wri_slots *slots, wr_err *err) {
    wri_timeline *t = slots->ctx;
    for (size_t i = 0; i < t->n; i++) {
        run *r = t->heap[i];
        for (uint32_t k = 0; k < r->n_nos; k++) wri_numbers_give(&t->numbers, r->nos[k]);
        r->n_nos = 0;
        WR_TRY(number_rows(t, r, err));
    }
    return WR_OK;
}

wr_status wri_timeline_add(wri_timeline *t, wr_batch *b, const uint32_t *idx, uint32_t n, wr_err *err) {
    if (n == 0) return WR_OK;
    /* Behind the run: its times when they are coarse, rows in order, numbers of slots, and for a while what
     * sorting takes. */
    size_t times = t->grain ? (size_t)b->n * sizeof(int64_t) : 0;
    run *r =
        wr_alloc(sizeof *r + times + ((t->grain ? 2 : 1) * (size_t)n + (size_t)n / 64 + 1) * sizeof *r->idx);
    if (!r || wr_grow(&t->heap, &t->cap, t->n + 1, sizeof *t->heap) != WR_OK) {
        wr_free(r);
        return wr_fail_oom(err, "rows that wait for the watermark");
    }
    *r = (run){.b = wr_batch_hold(b), .idx = (uint32_t *)((char *)(r + 1) + times), .n = n};
    for (uint32_t i = 0; i < n; i++) r->idx[i] = idx ? idx[i] : i;
    r->time = times ? (int64_t *)(r + 1) : b->cols[t->time_col].i64;
    if (times) coarse_times(t, r, (int64_t *)(r + 1));
    sort_run(t, r, r->idx + n);
    t->heap[t->n++] = r;
    rise(t, t->n - 1);
    t->rows += n;
    return WR_OK;
}

/* ---- out ---- */

/* The least of the runs behind the first, NULL: there is none. */
static run *second(const wri_timeline *t) {
    if (t->n < 2) return NULL;
    return t->n == 2 || before(t, t->heap[1], t->heap[2]) ? t->heap[1] : t->heap[2];
}

static uint32_t slot_of(const run *r, uint32_t at) { return r->nos[at / 64] * 64 + at % 64; }

/* Takes rows off the first run, up to `most` or while they are of time `last` and due, as long as no other
 * run is before it. */
static wr_status take_run(wri_timeline *t, int64_t wm, uint32_t most, wr_err *err) {
    run *r = t->heap[0], *next = second(t);
    if (wr_grow(&t->refs, &t->refs_cap, t->n_refs + (r->n - r->at), sizeof *t->refs) != WR_OK)
        return wr_fail_oom(err, "rows in the order of time");
    while (r->at < r->n) {
        int64_t time = time_of(r, r->at);
        if (time > wm || (next && before(t, next, r))) break;
        if (t->n_refs >= most) {
            const ref *last = &t->refs[t->n_refs - 1];
            if (t->grain || last->r->time[last->row] != time) break;
        }
        t->refs[t->n_refs++] = (ref){r, r->idx[r->at], r->nos ? slot_of(r, r->at) : 0};
        r->at++;
    }
    if (r->at < r->n) {
        sink(t, 0);
        return WR_OK;
    }
    if (wr_grow(&t->spent, &t->spent_cap, t->n_spent + 1, sizeof *t->spent) != WR_OK)
        return wr_fail_oom(err, "rows in the order of time");
    t->spent[t->n_spent++] = r;
    t->heap[0] = t->heap[--t->n];
    sink(t, 0);
    return WR_OK;
}

static wr_status gather_col(const wri_timeline *t, wr_batch *out, uint32_t c, wr_err *err) {
    WR_TRY(wr_batch_col(out, c, wr_type_phys(t->schema->fields[c].type), err));
    wr_col *to = &out->cols[c];
    bool nulls = false;
    for (size_t i = 0; i < t->n_refs; i++) {
        const wr_col *from = &t->refs[i].r->b->cols[c];
        if (to->phys == WR_STR) to->str[i] = from->str[t->refs[i].row];
        else to->i64[i] = from->i64[t->refs[i].row];
        nulls |= from->nulls != NULL;
    }
    if (!nulls) return WR_OK;
    if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "a NULL bitmap");
    for (size_t i = 0; i < t->n_refs; i++)
        if (wr_is_null(&t->refs[i].r->b->cols[c], t->refs[i].row)) wr_bit_set(to->nulls, (uint32_t)i);
    return WR_OK;
}

static wr_status gather_hash(const wri_timeline *t, wr_batch *out, wr_err *err) {
    for (size_t i = 0; i < t->n_refs; i++)
        if (!t->refs[i].r->b->hash) return WR_OK;
    out->hash = wr_arena_alloc(&out->arena, t->n_refs * sizeof *out->hash);
    if (!out->hash) return wr_fail_oom(err, "rows in the order of time");
    for (size_t i = 0; i < t->n_refs; i++) out->hash[i] = t->refs[i].r->b->hash[t->refs[i].row];
    return WR_OK;
}

/* Halves of an update that do not leave side by side are a delete and an insert. */
static wr_status gather_changes(const wri_timeline *t, wr_batch *out, wr_err *err) {
    bool any = false;
    for (size_t i = 0; i < t->n_refs; i++) any |= t->refs[i].r->b->change != NULL;
    if (!any) return WR_OK;
    out->change = wr_arena_alloc(&out->arena, t->n_refs);
    if (!out->change) return wr_fail_oom(err, "rows in the order of time");
    for (size_t i = 0; i < t->n_refs; i++) {
        const ref *r = &t->refs[i], *other = NULL;
        wr_change c = wr_change_of(r->r->b, r->row);
        bool whole = true;
        if (c == WR_UPDATE_BEFORE) {
            other = i + 1 < t->n_refs ? r + 1 : NULL;
            whole = other && other->r == r->r && other->row == r->row + 1;
        } else if (c == WR_UPDATE_AFTER) {
            other = i > 0 ? r - 1 : NULL;
            whole = other && other->r == r->r && other->row + 1 == r->row;
        }
        out->change[i] = (uint8_t)(whole ? c : wr_lone_change(c));
    }
    return WR_OK;
}

static wr_status gather_places(const wri_timeline *t, wr_batch *out, wr_err *err) {
    if (!wr_batch_places(out)) return wr_fail_oom(err, "places of rows");
    for (size_t i = 0; i < t->n_refs; i++) out->place[i] = wr_place_of(t->refs[i].r->b, t->refs[i].row);
    return WR_OK;
}

static wr_status gather(wri_timeline *t, wr_batch **outp, wr_err *err) {
    WR_TRY(wr_batch_new(t->schema->n, (uint32_t)t->n_refs, outp, err));
    wr_batch *out = *outp;
    out->n = (uint32_t)t->n_refs;
    t->made++;
    for (size_t i = 0; i < t->n_refs; i++) { /* strings stay where they are */
        run *r = t->refs[i].r;
        if (r->kept == t->made) continue;
        r->kept = t->made;
        WR_TRY(wr_batch_keep(out, &r->b->ref, err));
    }
    for (uint32_t c = 0; c < t->schema->n; c++) WR_TRY(gather_col(t, out, c, err));
    WR_TRY(gather_changes(t, out, err));
    if (t->places) WR_TRY(gather_places(t, out, err));
    return gather_hash(t, out, err);
}

/* The rows of refs leave. */
static wr_status let_slots_go(wri_timeline *t, wr_err *err) {
    if (!wri_slots_on(&t->slots)) return WR_OK;
    if (wr_grow(&t->left, &t->left_cap, t->n_refs, sizeof *t->left) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    size_t n = 0;
    for (size_t i = 0; i < t->n_refs; i++)
        if (t->refs[i].r->nos) t->left[n++] = t->refs[i].slot;
    return wri_slots_leave(&t->slots, t->left, n, err);
}

wr_status wri_timeline_take(wri_timeline *t, int64_t wm, uint32_t batch_rows, wr_batch **outp, wr_err *err) {
    *outp = NULL;
    t->n_refs = 0;
    wr_status s = WR_OK;
    for (size_t before_n = SIZE_MAX; s == WR_OK && t->n > 0 && t->n_refs != before_n;) {
        before_n = t->n_refs;
        s = take_run(t, wm, batch_rows, err);
    }
    if (s == WR_OK && t->n_refs > 0) s = let_slots_go(t, err);
    if (s == WR_OK && t->n_refs > 0) s = gather(t, outp, err);
    if (s != WR_OK) {
        wr_batch_drop(*outp);
        *outp = NULL;
    }
    t->rows -= t->n_refs;
    free_spent(t);
    return s;
}

/* ---- snapshots ---- */

static int by_row(const void *x, const void *y) {
    const ref *a = x, *b = y;
    return (a->row > b->row) - (a->row < b->row);
}

/* Slots ids[0..n) as refs, those of a run as they stand in its batch: halves of an update stay side by side.
 */
static wr_status list_slots(wri_timeline *t, const uint32_t *ids, uint32_t n, wr_err *err) {
    if (wr_grow(&t->saving, &t->saving_cap, n, sizeof *t->saving) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0, first = 0; i < n; i++) {
        owner o = t->owners[ids[i] / 64];
        t->saving[i] = (ref){o.r, o.r->idx[o.first + ids[i] % 64], ids[i]};
        bool last = i + 1 == n || t->owners[ids[i + 1] / 64].r != o.r;
        if (!last) continue;
        bool sorted = true;
        for (uint32_t x = first + 1; x <= i; x++) sorted &= t->saving[x - 1].row < t->saving[x].row;
        if (!sorted) qsort(t->saving + first, i + 1 - first, sizeof *t->saving, by_row);
        first = i + 1;
    }
    return WR_OK;
}

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    wri_timeline *t = slots->ctx;
    wr_batch *b = NULL;
    uint32_t *in_order = wr_alloc(n * sizeof *in_order);
    if (!in_order) return wr_fail_oom(err, "a snapshot");
    wr_status s = list_slots(t, ids, n, err);
    ref *refs = t->refs; /* of the batch that is being made */
    size_t n_refs = t->n_refs;
    bool places = t->places;
    t->refs = t->saving;
    t->n_refs = n;
    t->places = true;
    for (uint32_t i = 0; s == WR_OK && i < n; i++) in_order[i] = t->saving[i].slot;
    if (s == WR_OK) s = gather(t, &b, err);
    if (s == WR_OK) s = wr_save_slots(to, t->tag, b, t->keys, t->n_keys, in_order, err);
    t->refs = refs;
    t->n_refs = n_refs;
    t->places = places;
    wr_batch_drop(b);
    wr_free(in_order);
    return s;
}

void wri_timeline_saves(wri_timeline *t, wr_op *op, uint32_t tag, const uint32_t *keys, uint32_t n_keys) {
    wri_slots_init(&t->slots, op, 0, tag, save_rows, t);
    wri_slots_ask(&t->slots, number_all);
    wri_numbers_init(&t->numbers, 6);
    t->tag = tag;
    t->keys = keys;
    t->n_keys = n_keys;
}

wr_status wri_timeline_barrier(wri_timeline *t, wr_saver *to, wr_err *err) {
    for (size_t i = 0; wri_slots_on(&t->slots) && i < t->n; i++)
        if (!t->heap[i]->nos) WR_TRY(number_rows(t, t->heap[i], err));
    return wri_slots_barrier(&t->slots, to, err);
}

wr_status wri_timeline_save_rest(wri_timeline *t, bool *leftp, wr_err *err) {
    return wri_slots_rest(&t->slots, leftp, err);
}

wr_status wri_timeline_load(wri_timeline *t, wr_batch *saved, wr_err *err) {
    WR_TRY(wri_check_picked(saved, t->schema, err));
    return wri_timeline_add(t, saved, NULL, saved->n, err);
}

/* ---- lateness ---- */

wr_status wri_in_time(wr_op *op, uint32_t port, wr_batch *b, uint32_t time_col, uint32_t *ok, uint32_t *np,
                      wr_err *err) {
    const wr_col *time = &b->cols[time_col];
    uint32_t n = 0, n_late = 0, n_null = 0, *out = wr_alloc(2 * (size_t)b->n * sizeof *out);
    if (!out) return wr_fail_oom(err, "late rows");
    uint32_t *null = out + b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t wm = b->wm && b->wm[i] > op->wm ? b->wm[i] : op->wm;
        if (wr_is_null(time, i)) null[n_null++] = i;
        else if (wm != WR_WM_NONE && time->i64[i] <= wm) out[n_late++] = i;
        else ok[n++] = i;
    }
    *np = n;
    wr_status s = n_late ? wr_task_late_rows(op, port, b, out, n_late, err) : WR_OK;
    if (s == WR_OK && n_null) s = wr_task_bad_rows(op, b, null, NULL, "the event time is NULL", n_null, err);
    wr_free(out);
    return s;
}

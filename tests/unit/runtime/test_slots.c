/* Slots: random changes, barriers, saving in between; what a loader gets of the parts as they were written is
 * what stood at the barrier, each slot once. Parts that are damaged are refused or give other rows, no more.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "runtime/job_int.h"
#include "runtime/ops/slots.h"
#include "tests/unit/random.h"

#define PARTS 3
#define SLOTS (PARTS << WR_SLOT_BITS)
#define IN    1500 /* slots that are used, spread over the parts */

typedef struct world {
    wr_job job;
    wr_task task;
    wr_node node;
    wr_op op;
    wri_slots slots;
    uint32_t ids[IN];                /* the slots */
    int64_t now[IN], at_barrier[IN]; /* what is in them, 0: nothing */
    int64_t got[IN];
    uint64_t n_got;
    wr_buf text[PARTS]; /* the parts, as the last snapshot has them */
    bool there[PARTS];
    uint64_t n_more;
} world;
static world w;

static uint32_t place_of(uint32_t id) {
    uint32_t about = (uint32_t)((uint64_t)id * IN / (SLOTS - 2));
    for (uint32_t i = about < 3 ? 0 : about - 3; i < IN && i < about + 3; i++)
        if (w.ids[i] == id) return i;
    return IN;
}

static wr_status save(const wri_slots *s, const uint32_t *ids, uint32_t n, wr_saver *to, wr_err *err) {
    (void)s;
    wr_batch *b;
    uint32_t rows = 0, slots[4096];
    cr_assert_leq(n, WR_LEN(slots));
    cr_assert_eq(wr_batch_new(2, n, &b, err), WR_OK);
    cr_assert_eq(wr_batch_col(b, 0, WR_I64, err), WR_OK);
    cr_assert_eq(wr_batch_col(b, 1, WR_I64, err), WR_OK);
    for (uint32_t i = 0; i < n; i++) {
        int64_t v = w.now[place_of(ids[i])];
        cr_assert_eq(ids[i] >> WR_SLOT_BITS, ids[0] >> WR_SLOT_BITS, "slots of one part at a time");
        if (v == 0) continue;
        slots[rows] = ids[i];
        b->cols[0].i64[rows] = ids[i];
        b->cols[1].i64[rows++] = v;
    }
    b->n = rows;
    wr_status r = wr_save_slots(to, 7, b, NULL, 0, slots, err);
    wr_batch_drop(b);
    return r;
}

static bool strict; /* what is loaded is as it was written */

static wr_status load(wr_op *op, const wr_saved *saved, wr_err *err) {
    (void)op;
    const wr_batch *b = saved->rows;
    bool ok = b && b->n_cols == 2 && b->cols[0].phys == WR_I64 && b->cols[1].phys == WR_I64;
    if (!ok) return wr_fail(err, WR_EDATA, "these are no rows of the test");
    w.n_got += b->n;
    for (uint32_t i = 0; strict && i < b->n; i++) {
        uint32_t at = place_of((uint32_t)b->cols[0].i64[i]);
        cr_assert_lt(at, IN);
        cr_assert_eq(w.got[at], 0, "slot %u came twice", w.ids[at]);
        w.got[at] = b->cols[1].i64[i];
    }
    return WR_OK;
}

static const wr_op_def def = {.name = "test", .load = load, .keyed = true};

static void begin(bool saves) {
    memset(&w, 0, sizeof w);
    w.node = (wr_node){.id = 0};
    w.op = (wr_op){.def = &def, .node = &w.node, .task = &w.task};
    w.task = (wr_task){.job = &w.job, .ops = &w.op};
    w.job = (wr_job){.sys = &wr_sys_real, .n_workers = 1, .batch_rows = 64, .workers = &w.task};
    w.job.epochs.store = saves ? (wr_snapshots *)(void *)&w : NULL;
    for (uint32_t i = 0; i < IN; i++) w.ids[i] = 1 + (uint32_t)((uint64_t)i * (SLOTS - 2) / IN);
    wri_slots_init(&w.slots, &w.op, 0, 0, save, NULL);
}

static void end(void) {
    wri_slots_free(&w.slots);
    wri_saver_free(&w.task.saver);
    for (size_t p = 0; p < PARTS; p++) wr_buf_free(&w.text[p]);
}

static void change(void) {
    uint32_t n = 1 + (uint32_t)below(40), ids[40], from = (uint32_t)below(IN - 40);
    wr_err err = {0};
    bool leave = below(3) == 0, wide = below(2);
    for (uint32_t i = 0; i < n; i++) ids[i] = w.ids[wide ? (from + i * 37) % IN : from + i];
    cr_assert_eq(leave ? wri_slots_leave(&w.slots, ids, n, &err) : wri_slots_touch(&w.slots, ids, n, &err),
                 WR_OK);
    for (uint32_t i = 0; i < n; i++) w.now[place_of(ids[i])] = leave ? 0 : 1 + (int64_t)below(1000000);
}

/* What the pool makes of it. */
static void complete(void) {
    wr_saver *s = &w.task.saver;
    bool there[PARTS] = {false};
    wri_saver_sort(s);
    for (size_t i = 0; i < s->n; i++) {
        const wri_item *item = &s->items[i];
        uint32_t p = item->sub & ((1u << (32 - WR_SLOT_BITS)) - 1);
        cr_assert_lt(p, PARTS);
        cr_assert(item->begins || there[p], "rows of a part that has not been begun");
        cr_assert(!item->more || w.there[p], "a part went on that was not there");
        if (item->begins && !item->more) w.text[p].len = 0;
        w.n_more += item->more;
        there[p] = true;
        if (!item->begins) cr_assert_eq(wr_buf_put(&w.text[p], wri_item_packed(s, item), item->len), WR_OK);
    }
    memcpy(w.there, there, sizeof there);
    wri_saver_reset(s);
    s->goes_on = true;
}

static wr_status load_part(const char *p, size_t n) {
    wr_err err = {0};
    wri_loader loader = {.job = &w.job, .reader = {.fd = -1}};
    wr_piece piece = {.data = p, .len = n};
    const wr_saved_part part = {.pieces = &piece, .n = 1};
    return wri_slots_load(&loader, 0, &part, WRI_BY_KEY, &err);
}

static void check_loaded(const char *what) {
    memset(w.got, 0, sizeof w.got);
    strict = true;
    for (size_t p = 0; p < PARTS; p++)
        if (w.there[p] && w.text[p].len)
            cr_assert_eq(load_part(w.text[p].data, w.text[p].len), WR_OK, "%s", what);
    strict = false;
    for (uint32_t i = 0; i < IN; i++) cr_assert_eq(w.got[i], w.at_barrier[i], "%s: slot %u", what, w.ids[i]);
}

static void barrier(void) {
    wr_err err = {0};
    wri_saver_at(&w.task.saver, 0);
    cr_assert_eq(wri_slots_barrier(&w.slots, &w.task.saver, &err), WR_OK);
    memcpy(w.at_barrier, w.now, sizeof w.now);
}

static void run(uint64_t seed, uint32_t steps) {
    wr_err err = {0};
    bool under_way = false;
    rng = seed * 7919 + 1;
    begin(true);
    w.slots.at_once = seed % 2 ? 16 : 0;
    for (uint32_t i = 0; i < steps; i++) {
        if (below(3)) change();
        if (!under_way && below(5) == 0) {
            barrier();
            under_way = true;
        }
        bool left = true;
        if (under_way && below(2)) cr_assert_eq(wri_slots_rest(&w.slots, &left, &err), WR_OK);
        if (under_way && !left) {
            complete();
            check_loaded("a snapshot");
            under_way = false;
            if (below(8) == 0) w.task.saver.goes_on = false; /* it could not be written */
        }
    }
    if (under_way) {
        cr_assert_eq(wri_slots_finish(&w.slots, &err), WR_OK);
        complete();
        check_loaded("the last one");
    }
}

Test(slots, random_changes) {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        run(seed, 400);
        cr_assert_gt(w.n_more, 3, "seed %d: parts went on only %d times", (int)seed, (int)w.n_more);
        end();
    }
}

#define MANY 1000

/* The first slot has many rows, each other one has one. */
static wr_status save_many(const wri_slots *s, const uint32_t *ids, uint32_t n, wr_saver *to, wr_err *err) {
    (void)s;
    wr_batch *b;
    uint32_t slots[64 + MANY];
    cr_assert_eq(wr_batch_new(1, WR_LEN(slots), &b, err), WR_OK);
    cr_assert_eq(wr_batch_col(b, 0, WR_I64, err), WR_OK);
    b->n = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < (ids[i] == w.ids[0] ? MANY : 1); k++) {
            slots[b->n] = ids[i];
            b->cols[0].i64[b->n++] = (int64_t)k * 12345;
        }
    wr_status r = wr_save_slots(to, 7, b, NULL, 0, slots, err);
    wr_batch_drop(b);
    return r;
}

/* What is void is bounded in rows, not in slots. */
Test(slots, a_slot_of_many_rows) {
    wr_err err = {0};
    size_t first = 0;
    begin(true);
    w.slots.save = save_many;
    for (uint32_t i = 0; i < 30; i++) {
        cr_assert_eq(wri_slots_touch(&w.slots, w.ids, i ? 1 : IN, &err), WR_OK);
        barrier();
        cr_assert_eq(wri_slots_finish(&w.slots, &err), WR_OK);
        complete();
        if (i == 0) first = w.text[0].len;
        cr_assert_lt(w.text[0].len, 5 * first, "%zu at first, %zu after %u snapshots", first, w.text[0].len,
                     i);
    }
    end();
}

static uint32_t largest; /* slots saved at a time, after the first time */

static wr_status save_wide(const wri_slots *s, const uint32_t *ids, uint32_t n, wr_saver *to, wr_err *err) {
    static char text[100000];
    uint64_t before = wr_saved_so_far(to).bytes;
    wr_batch *b;
    if (before && n > largest) largest = n;
    cr_assert_eq(wr_batch_new(1, n, &b, err), WR_OK);
    cr_assert_eq(wr_batch_col(b, 0, WR_STR, err), WR_OK);
    for (uint32_t i = 0; i < n; i++) b->cols[0].str[i] = wr_str_make(text, sizeof text);
    b->n = n;
    wr_status r = wr_save_slots(to, 7, b, NULL, 0, ids, err);
    wr_batch_drop(b);
    (void)s;
    return r;
}

/* Few slots at a time where each takes much, be they saved in their turn or because they change. */
Test(slots, wide_slots) {
    wr_err err = {0};
    begin(true);
    w.slots.save = save_wide;
    cr_assert_eq(wri_slots_touch(&w.slots, w.ids, IN, &err), WR_OK);
    barrier();
    bool left = true;
    for (int i = 0; i < 10; i++) cr_assert_eq(wri_slots_rest(&w.slots, &left, &err), WR_OK);
    cr_assert_eq(wri_slots_touch(&w.slots, w.ids + IN / 2, 40, &err), WR_OK);
    cr_assert_eq(wri_slots_finish(&w.slots, &err), WR_OK);
    cr_assert_leq(largest, 3, "%u", largest);
    end();
}

static wr_status all(wri_slots *s, wr_err *err) {
    for (uint32_t i = 0; i < IN; i++)
        if (w.now[i]) WR_TRY(wri_slots_touch(s, &w.ids[i], 1, err));
    return WR_OK;
}

/* Without snapshots: what is live is noted, or asked for, again and again. */
Test(slots, for_paging_only) {
    for (int asked = 0; asked < 2; asked++) {
        wr_err err = {0};
        rng = 5;
        begin(false);
        if (asked) wri_slots_ask(&w.slots, all);
        cr_assert_eq(wri_slots_on(&w.slots), !asked);
        for (int k = 0; k < 5; k++) {
            for (int i = 0; i < 60; i++) change();
            barrier();
            cr_assert_eq(wri_slots_finish(&w.slots, &err), WR_OK);
            complete();
            w.task.saver.goes_on = false;
            check_loaded(asked ? "asked" : "noted");
        }
        end();
    }
}

/* A damaged length may ask msgpack for more memory than there is: then malloc fails, as it does without ASan.
 */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

/* Under ASan: whatever a part says, nothing is read that is not there. */
Test(slots, damaged_parts) {
    run(3, 300);
    for (uint32_t k = 0, refused = 0; k < 1500 || refused < 100; k++) {
        const wr_buf *from = &w.text[below(PARTS)];
        cr_assert_lt(k, 100000);
        if (from->len == 0) continue;
        size_t n = below(4) ? from->len : below(from->len);
        char *p = malloc(n + 1);
        memcpy(p, from->data, n);
        for (uint64_t i = below(6); n > 0 && i > 0; i--) {
            size_t at = below(3) ? below(n) : below(n < 64 ? n : 64);
            p[at] = below(2) ? (char)below(256) : (char)(p[at] ^ 1 << below(8));
        }
        refused += load_part(p, n) != WR_OK;
        free(p);
    }
    end();
}

/* ---- numbers ---- */

Test(slots, numbers_come_back) {
    wri_numbers n;
    wr_err err = {0};
    static bool out[1 << 16];
    static uint32_t list[1 << 16];
    uint32_t n_out = 0, top = 0;
    rng = 11;
    wri_numbers_init(&n, 6);
    for (int i = 0; i < 200000; i++) {
        uint32_t no;
        if (n_out < 300 && below(2)) {
            cr_assert_eq(wri_numbers_take(&n, &no, &err), WR_OK);
            cr_assert_lt(no, WR_LEN(out));
            cr_assert(!out[no], "%u is out already", no);
            out[no] = true;
            list[n_out++] = no;
            top = no > top ? no : top;
        } else if (n_out > 0) { /* mostly the oldest */
            uint32_t at = below(8) ? 0 : (uint32_t)below(n_out);
            no = list[at];
            memmove(list + at, list + at + 1, (--n_out - at) * sizeof *list);
            out[no] = false;
            wri_numbers_give(&n, no);
        }
    }
    cr_assert_lt(top, 4096, "ranges are given out again");
    wri_numbers_free(&n);
}

/* ---- owners ---- */

Test(owners, same_or_not) {
    wr_err err = {0};
    wr_buf text = {0};
    wr_job job = {.n_workers = 3};
    cr_assert_eq(wri_owners_pack(&job, &text, &err), WR_OK);
    for (size_t n = 0; n <= text.len + 1; n++) {
        char *copy = malloc(text.len + 1);
        memcpy(copy, text.data, text.len);
        wr_piece piece = {.data = copy, .len = n};
        wr_saved_part part = {.name = WRI_OWNERS, .pieces = &piece, .n = 1};
        wr_snapshot from = {.parts = &part, .n = 1};
        cr_assert_eq(wri_owners_same(&job, &from), n == text.len, "%d bytes", (int)n);
        if (n == text.len) {
            for (size_t at = 0; at < n; at++) {
                copy[at] ^= 1;
                cr_assert(!wri_owners_same(&job, &from), "byte %d is another one", (int)at);
                copy[at] ^= 1;
            }
            job.n_workers = 2;
            cr_assert(!wri_owners_same(&job, &from));
            job.n_workers = 3;
        }
        free(copy);
    }
    wr_snapshot none = {0};
    cr_assert(!wri_owners_same(&job, &none));
    wr_buf_free(&text);
}

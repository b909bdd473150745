/* Many at once: threads that put and send, a change of shards beside them, readers that follow; and memory
 * that runs out at each allocation. */
#include <pthread.h>

#include "log_test.h"

#define WRITERS 4
#define EACH    600

typedef struct crowd {
    wr_streams *db;
    wr_stream *st;
    uint32_t no;
    int pending; /* sent, not yet answered; atomic */
    int failed;
} crowd;

static void sent(void *ctx, wr_status s, const wr_err *why) {
    crowd *c = ctx;
    (void)why;
    if (s != WR_OK) __atomic_add_fetch(&c->failed, 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&c->pending, 1, __ATOMIC_RELEASE);
}

/* Every second writer sends without waiting. */
static void *write_all(void *arg) {
    crowd *c = arg;
    uint32_t base = c->no * EACH;
    if (c->no % 2 == 0) {
        for (uint32_t i = 0; i < EACH; i += 10)
            if (lt_put_n(c->st, base + i, 10, NULL) != WR_OK) c->failed++;
        return NULL;
    }
    static char bufs[WRITERS][EACH][4096], keys[WRITERS][EACH][32];
    static wr_put puts[WRITERS][EACH];
    for (uint32_t i = 0; i < EACH; i++) {
        puts[c->no][i] = lt_put(base + i, bufs[c->no][i], keys[c->no][i]);
        if (i % 5 != 4) continue;
        __atomic_add_fetch(&c->pending, 1, __ATOMIC_RELAXED);
        if (wr_stream_send(c->st, &puts[c->no][i - 4], 5, sent, c, NULL) != WR_OK) abort();
    }
    while (__atomic_load_n(&c->pending, __ATOMIC_ACQUIRE)) sched_yield();
    return NULL;
}

static void *change_all(void *arg) {
    crowd *c = arg;
    for (uint32_t i = 0; i < 24; i++) lt_change(c->st, i, 9);
    return NULL;
}

/* Follows the first shards until the writers are done and all has been read. */
static void *follow(void *arg) {
    crowd *c = arg;
    wr_reader *r;
    wr_records got = {0};
    uint64_t next = 0;
    wr_status s = wr_reader_open(c->db, "s", c->no % 2, (wr_place){.from = WR_FROM_HORIZON}, &r, NULL);
    if (s != WR_OK) abort();
    while (s == WR_OK || s == WR_AGAIN) {
        s = wr_reader_next(r, 17, &got, NULL);
        for (uint32_t i = 0, k; s == WR_OK && i < got.n; i++) {
            if (!lt_is(&got.items[i], &k) || got.items[i].number < next) c->failed++;
            next = got.items[i].number + 1;
        }
        if (s == WR_AGAIN) wr_reader_wait(r, 5);
    }
    if (s != WR_EOF) c->failed++; /* the first shards are closed in the end */
    wr_records_free(&got);
    wr_reader_close(r);
    return NULL;
}

static void all_at_once(wr_streams_opts o) {
    crowd c[WRITERS + 3];
    pthread_t t[WRITERS + 3];
    wr_streams *db;
    cr_assert_eq(wr_streams_open(&o, &db, NULL), WR_OK);
    cr_assert_eq(wr_streams_lock(db, NULL), WR_OK);
    lt_create(db, "s", 2);
    wr_stream *st = lt_stream(db, "s");
    for (uint32_t i = 0; i < WR_LEN(c); i++) {
        c[i] = (crowd){.db = db, .st = st, .no = i};
        void *(*what)(void *) = i < WRITERS ? write_all : i == WRITERS ? change_all : follow;
        pthread_create(&t[i], NULL, what, &c[i]);
    }
    for (uint32_t i = 0; i <= WRITERS; i++) pthread_join(t[i], NULL);
    cr_assert_eq(wr_stream_reshard(st, 5, NULL), WR_OK);
    cr_assert_eq(wr_stream_reshard(st, 1, NULL), WR_OK);
    for (uint32_t i = WRITERS + 1; i < WR_LEN(c); i++) pthread_join(t[i], NULL);
    for (uint32_t i = 0; i < WR_LEN(c); i++) cr_assert_eq(c[i].failed, 0);
    lt_all_once(db, "s", WRITERS * EACH);
    wr_streams_close(db);
}

Test(log_threads, putting_sending_changing_following) {
    all_at_once((wr_streams_opts){
        .sys = &lt_sys, .dir = lt_folder("d"), .segment_bytes = 20000, .ready_after = 1, .threads = 2});
}

/* The same while shards are put to sleep and wake all the time. */
Test(log_threads, with_two_shards_awake) {
    all_at_once((wr_streams_opts){.sys = &lt_sys,
                                  .dir = lt_folder("d"),
                                  .segment_bytes = 20000,
                                  .ready_after = 1,
                                  .awake = 2,
                                  .threads = 2});
}

/* What one caller sends while another is busy is done without threads too. */
Test(log_threads, sending_without_threads) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    lt_create(db, "s", 3);
    crowd c = {.pending = 1};
    wr_put p[3];
    for (uint32_t i = 0; i < 3; i++) p[i] = (wr_put){.key = "abc" + i, .key_len = 1, .data = "x", .len = 1};
    cr_assert_eq(wr_stream_send(lt_stream(db, "s"), p, 3, sent, &c, NULL), WR_OK);
    cr_assert(c.pending == 0 && c.failed == 0);
    p[0].key_len = 0;
    cr_assert_eq(wr_stream_send(lt_stream(db, "s"), p, 3, sent, &c, NULL), WR_EINVAL);
    cr_assert_eq(c.pending, 0);
    wr_streams_close(db);
}

/* Each allocation fails in turn: nothing leaks (ASan), and what was acknowledged is there. */
static bool without_memory(const char *dir, uint64_t n) {
    wr_streams_opts o = {.sys = &lt_sys, .dir = dir, .segment_bytes = 400};
    wr_streams *db = NULL;
    wr_stream *st;
    wr_reader *r = NULL;
    wr_records got = {0};
    wr_arena ar = {0};
    wr_stream_info info;
    char bufs[8][4096], keys[8][32];
    wr_put p[8];
    for (uint32_t i = 0; i < 8; i++) p[i] = lt_put(i, bufs[i], keys[i]);
    wr_mem_fail_at(n);
    wr_status s = wr_streams_open(&o, &db, NULL);
    if (s == WR_OK) s = wr_streams_lock(db, NULL);
    if (s == WR_OK) s = wr_stream_create(db, "s", &(wr_stream_cfg){.n_shards = 2}, NULL);
    if (s == WR_OK) s = wr_stream_open(db, "s", &st, NULL);
    if (s == WR_OK) s = wr_stream_put(st, p, 8, NULL);
    if (s == WR_OK) s = wr_stream_put(st, p, 8, NULL);
    if (s == WR_OK) s = wr_stream_split(st, 0, 77, NULL);
    if (s == WR_OK) s = wr_stream_reshard(st, 3, NULL);
    if (s == WR_OK) s = wr_stream_tend(st, NULL);
    if (s == WR_OK) s = wr_stream_describe(db, "s", &ar, &info, NULL);
    if (s == WR_OK) s = wr_reader_open(db, "s", 1, (wr_place){.from = WR_FROM_HORIZON}, &r, NULL);
    if (s == WR_OK) s = wr_reader_next(r, 100, &got, NULL);
    wr_reader_close(r);
    wr_records_free(&got);
    wr_arena_free(&ar);
    wr_streams_close(db);
    wr_mem_fail_at(0);
    cr_assert(s == WR_OK || s == WR_ENOMEM, "allocation %lu: %d", (unsigned long)n, s);
    return s == WR_OK;
}

Test(log_threads, no_memory) {
    const char *dir = lt_folder("d");
    uint64_t n = 1;
    for (;; n++) {
        lt_remove(dir);
        if (without_memory(dir, n)) break;
        uint8_t counts[8] = {0};
        wr_streams *db = lt_open(dir, 400, true); /* whatever is there opens again */
        wr_arena ar = {0};
        wr_stream_info info;
        if (wr_stream_describe(db, "s", &ar, &info, NULL) == WR_OK) {
            lt_stream(db, "s");
            lt_count(db, "s", counts, 8);
        }
        wr_arena_free(&ar);
        wr_streams_close(db);
    }
    cr_assert_gt(n, 60);
}

/* What there is of a writer's records: after failures, over splits and merges, and behind a place. */
#include "log_test.h"

#define MANY 400

static wr_put marked(uint32_t i, char key[16]) {
    int n = snprintf(key, 16, "k%u", i % 23);
    return (wr_put){
        .key = key, .key_len = (uint32_t)n, .data = "x", .len = 1, .mark = {9, 1 + i / 100, i % 100}};
}

/* Puts records from..from+n in one call; the statuses say which are there. */
static wr_status put_marked(wr_stream *st, uint32_t from, uint32_t n, bool *there) {
    wr_put puts[MANY];
    char keys[MANY][16];
    for (uint32_t i = 0; i < n; i++) puts[i] = marked(from + i, keys[i]);
    wr_status s = wr_stream_put(st, puts, n, NULL);
    for (uint32_t i = 0; i < n; i++) there[from + i] = puts[i].status == WR_OK;
    return s;
}

static void check(wr_streams *db, const wr_written_where *where, uint32_t from, uint32_t to,
                  const bool *there) {
    wr_arena ar = {0};
    wr_err err = {0};
    wr_written *w;
    uint32_t n;
    char key[16];
    cr_assert_eq(wr_stream_written(db, "s", where, &ar, &w, &n, &err), WR_OK, "%s", err.msg);
    for (uint32_t i = from; i < to; i++) {
        wr_put p = marked(i, key);
        cr_assert_eq(wr_is_written(w, n, wr_hash_key(p.key, p.key_len), &p.mark), there[i], "record %u", i);
    }
    wr_arena_free(&ar);
}

Test(written, over_splits_and_merges) {
    bool there[MANY] = {0};
    wr_streams *db = lt_open(lt_folder("d"), 900, true);
    wr_written_where all = {.writer = 9}, other = {.writer = 8};
    lt_create(db, "s", 2);
    wr_stream *st = lt_stream(db, "s");
    check(db, &all, 0, MANY, there);
    for (uint32_t i = 0; i < 300; i += 30) {
        cr_assert_eq(put_marked(st, i, 30, there), WR_OK);
        lt_change(st, i, 30);
        check(db, &all, 0, MANY, there);
        cr_assert_eq(wr_stream_reshard(st, 1 + i % 4, NULL), WR_OK);
        check(db, &all, 0, MANY, there);
        cr_assert_eq(lt_put_n(st, i, 5, NULL), WR_OK); /* somebody else's */
    }
    wr_arena ar = {0};
    wr_shard_at *at;
    uint32_t n_at;
    cr_assert_eq(wr_stream_ends(db, "s", &ar, &at, &n_at, NULL), WR_OK);
    wr_written_where behind = {.writer = 9, .from = at, .n_from = n_at};
    bool none[MANY] = {0};
    check(db, &behind, 0, MANY, none);
    check(db, &other, 0, MANY, none);
    cr_assert_eq(put_marked(st, 300, 40, there), WR_OK);
    cr_assert_eq(wr_stream_reshard(st, 3, NULL), WR_OK);
    check(db, &behind, 300, MANY, there);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

/* A call of more than a group, whose n-th system call fails: what is there of each shard has no gap. */
Test(written, failures_leave_no_gap) {
    static char big[1 << 20];
    for (int64_t n = 1; n < 12; n++) {
        char dir[32];
        bool there[MANY] = {0};
        wr_put puts[12];
        char keys[12][16];
        lt_reset();
        snprintf(dir, sizeof dir, "f%d", (int)n);
        wr_streams *db = lt_open(lt_folder(dir), 0, true);
        lt_create(db, "s", 1);
        wr_stream *st = lt_stream(db, "s");
        for (uint32_t i = 0; i < 12; i++) {
            puts[i] = marked(i, keys[i]);
            puts[i].data = big;
            puts[i].len = sizeof big;
        }
        lt.fault = LT_FAIL;
        lt.fails = 1;
        lt.failure = EIO;
        lt.at = lt.calls + n;
        wr_status s = wr_stream_put(st, puts, 12, NULL);
        lt.at = 0;
        bool failed = false;
        for (uint32_t i = 0; i < 12; i++) {
            there[i] = puts[i].status == WR_OK;
            cr_assert(!(there[i] && failed), "call %d fails: record %u is there, one before it is not",
                      (int)n, i);
            failed = failed || !there[i];
        }
        cr_assert_eq(failed, s != WR_OK);
        check(db, &(wr_written_where){.writer = 9}, 0, 12, there);
        wr_streams_close(db);
    }
}

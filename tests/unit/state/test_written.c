/* What there is of a writer's records: after failures, over splits and merges, and behind a place. */
#include <unistd.h>

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

static int64_t calls_to_find(wr_streams *db, const wr_written_where *where, const bool *there) {
    int64_t before = __atomic_load_n(&lt.calls, __ATOMIC_RELAXED);
    check(db, where, 30, 40, there);
    return __atomic_load_n(&lt.calls, __ATOMIC_RELAXED) - before;
}

/* However much others have written since: at most a segment is read. */
Test(written, what_others_wrote_is_passed) {
    bool there[MANY] = {0};
    wr_streams *db = lt_open(lt_folder("d"), 900, true);
    wr_arena ar = {0};
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(put_marked(st, 0, 30, there), WR_OK);
    wr_written_where behind = {.writer = 9};
    wr_shard_at *at;
    cr_assert_eq(wr_stream_ends(db, "s", &ar, &at, &behind.n_from, NULL), WR_OK);
    behind.from = at;
    cr_assert_eq(put_marked(st, 30, 10, there), WR_OK);
    int64_t calls = 0;
    for (uint32_t i = 0; i < 600; i += 5) {
        cr_assert_eq(lt_put_n(st, i, 5, NULL), WR_OK);
        if (i == 300) { /* what is known survives the writer */
            wr_streams_close(db);
            db = lt_open(lt_folder("d"), 900, true);
            st = lt_stream(db, "s");
            check(db, &behind, 30, 40, there); /* uncounted: has the metadata to read */
        }
        int64_t n = calls_to_find(db, &behind, there);
        if (i < 100) calls = n > calls ? n : calls;
        else cr_assert_leq(n, calls, "%lld calls, %lld before", (long long)n, (long long)calls);
    }
    wr_arena_free(&ar);
    wr_streams_close(db);
}

/* ---- the short cut against reading all ---- */

/* NULL: there are fewer segments, or the shard has expired. */
static const char *writers_file(const char *dir, uint32_t shard, size_t n) {
    char stream[WRI_PATH], path[WRI_PATH];
    wri_stream_path(dir, "s", stream);
    wri_shard_path(stream, shard, path);
    return access(path, F_OK) == 0 ? lt_segment(dir, "s", shard, n, WRI_WRITERS) : NULL;
}

/* Takes the files of marks away, or spoils one of them (at: which bit). */
static void without_files(const char *dir, uint32_t n_shards, bool one, uint64_t at) {
    for (uint32_t shard = 0; shard < n_shards; shard++)
        for (size_t i = 0; writers_file(dir, shard, i); i++) {
            const char *path = writers_file(dir, shard, i);
            if (!one) {
                unlink(path);
                continue;
            }
            if (access(path, F_OK) != 0 || at++ % 3 != 0) continue;
            wr_buf b = lt_read(path);
            if (b.len) b.data[at / 8 % b.len] = (char)(b.data[at / 8 % b.len] ^ 1 << at % 8);
            lt_write(path, b.data, at % 5 == 0 ? b.len / 2 : b.len);
            wr_buf_free(&b);
        }
}

static void ask(const char *dir, const wr_written_where *where, wr_arena *ar, wr_written **outp,
                uint32_t *np) {
    wr_err err = {0};
    wr_streams *db = lt_open(dir, 0, false);
    cr_assert_eq(wr_stream_written(db, "s", where, ar, outp, np, &err), WR_OK, "%s", err.msg);
    wr_streams_close(db);
}

static void compare(const char *dir, uint32_t n_shards, const wr_written_where *where, uint64_t r) {
    const char *copy = lt_folder("copy");
    wr_arena ar = {0};
    wr_written *a, *b;
    uint32_t n_a, n_b;
    ask(dir, where, &ar, &a, &n_a);
    lt_remove(copy);
    lt_copy(dir, copy);
    without_files(copy, n_shards, r % 3 == 0, r);
    ask(copy, where, &ar, &b, &n_b);
    cr_assert_eq(n_a, n_b, "%u shards and %u", n_a, n_b);
    for (uint32_t i = 0; i < n_a; i++)
        cr_assert(a[i].lo == b[i].lo && a[i].hi == b[i].hi && a[i].last.epoch == b[i].last.epoch &&
                      a[i].last.index == b[i].last.index && a[i].last.writer == b[i].last.writer,
                  "range %u: %lu/%u and %lu/%u", i, (unsigned long)a[i].last.epoch, a[i].last.index,
                  (unsigned long)b[i].last.epoch, b[i].last.index);
    wr_arena_free(&ar);
}

static void random_run(uint64_t seed) {
    char dir[160];
    uint64_t epoch[3] = {1, 1, 1};
    wr_arena ar = {0};
    wr_shard_at *at = NULL;
    uint32_t n_at = 0;
    snprintf(dir, sizeof dir, "%s", lt_folder("r"));
    lt_remove(dir);
    lt_reset();
    wr_streams *db = lt_open(dir, 700, true);
    lt_create(db, "s", 1 + seed % 2);
    wr_stream *st = lt_stream(db, "s");
    for (uint64_t step = 0; step < 150; step++) {
        uint64_t r = wr_hash_u64(seed << 32 | (step + 1)), w = r / 64 % 3;
        wr_put puts[20];
        char keys[20][16];
        uint32_t n = 1 + (uint32_t)(r / 1024 % 20);
        for (uint32_t i = 0; i < n; i++) {
            puts[i] = marked((uint32_t)(r >> 40) + i, keys[i]);
            puts[i].mark = (wr_mark){r % 4 == 0 ? 0 : 20 + w, epoch[w], i};
        }
        cr_assert_eq(wr_stream_put(st, puts, n, NULL), WR_OK);
        epoch[w]++;
        lt.wall_us += (int64_t)(r % 11 == 0) * 3600 * WR_US_PER_SECOND;
        if (r / 7 % 9 == 0) lt_change(st, (uint32_t)(r >> 20) % 400, 9);
        if (r / 5 % 13 == 0) {
            wr_streams_close(db);
            db = lt_open(dir, 700, true);
            st = lt_stream(db, "s");
        }
        if (r / 3 % 17 == 0) cr_assert_eq(wr_stream_ends(db, "s", &ar, &at, &n_at, NULL), WR_OK);
        wr_written_where where = {.writer = 20 + r / 128 % 3, .from = at, .n_from = n_at};
        if (step % 4 == 0) compare(dir, st->meta.next_shard, &where, r);
    }
    wr_arena_free(&ar);
    wr_streams_close(db);
}

Test(written, as_when_all_is_read) {
    for (uint64_t seed = 1; seed <= 6; seed++) random_run(seed);
}

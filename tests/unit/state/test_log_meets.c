/* What meets in one shard: retention and a reader that opens, retention and a group that waits; folders that
 * nobody can remove. */
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_test.h"

#define HOUR (3600 * WR_US_PER_SECOND)

static wr_stream *make(wr_streams **dbp, const char *dir, uint32_t shards) {
    *dbp = lt_open(dir, 700, true);
    lt_create(*dbp, "s", shards);
    return lt_stream(*dbp, "s");
}

/* The directory once more, by sys. */
static wr_streams *open_by(const wr_sys *sys, const char *dir) {
    wr_streams *db;
    cr_assert_eq(wr_streams_open(&(wr_streams_opts){.sys = sys, .dir = dir}, &db, NULL), WR_OK);
    cr_assert_eq(wr_streams_lock(db, NULL), WR_OK);
    return db;
}

/* ---- readers that open while segments expire ---- */

static wr_stream *tended; /* when the next segment is opened, or listed */
static bool at_list;
static void expire_now(void) {
    wr_stream *st = tended;
    tended = NULL;
    if (!st) return;
    lt.wall_us += 30 * HOUR;
    cr_assert_eq(wr_stream_tend(st, NULL), WR_OK);
}
static int m_open(const char *path, int flags, mode_t mode) {
    if (!at_list && strstr(path, ".seg")) expire_now();
    return lt_sys.open(path, flags, mode);
}
static int m_list(const char *path, void (*each)(void *ctx, const char *name), void *ctx) {
    if (!at_list) return lt_sys.list(path, each, ctx);
    int r = lt_sys.list(path, each, ctx);
    expire_now();
    return r;
}

/* Opens at a place and puts a record; that is what comes. */
static void open_amid(wr_place at, bool listing) {
    const char *dir = lt_folder("d");
    lt_remove(dir);
    lt_reset();
    wr_streams *db, *other;
    wr_err err = {0};
    wr_stream *st = make(&db, dir, 1);
    for (uint32_t i = 0; i < 40; i++) cr_assert_eq(lt_put_n(st, i, 1, NULL), WR_OK);
    wr_sys sys = lt_sys;
    sys.open = m_open;
    sys.list = m_list;
    cr_assert_eq(wr_streams_open(&(wr_streams_opts){.sys = &sys, .dir = dir}, &other, &err), WR_OK);
    tended = st;
    at_list = listing;
    wr_reader *r;
    wr_records got = {0};
    cr_assert_eq(wr_reader_open(other, "s", 0, at, &r, &err), WR_OK, "from %d: %s", at.from, err.msg);
    bool expired = tended == NULL; /* else it was never listed */
    tended = NULL;
    cr_assert(expired || listing);
    if (expired && at.from != WR_FROM_LATEST)
        cr_assert_eq(wr_reader_next(r, 9, &got, &err), WR_AGAIN, "%s", err.msg);
    cr_assert_eq(lt_put_n(st, 40, 1, NULL), WR_OK);
    wr_status s;
    uint64_t last = 0;
    while ((s = wr_reader_next(r, 9, &got, &err)) == WR_OK) last = got.items[got.n - 1].number;
    cr_assert_eq(s, WR_AGAIN, "%s", err.msg);
    cr_assert_eq(last, 40);
    wr_records_free(&got);
    wr_reader_close(r);
    wr_streams_close(other);
    wr_streams_close(db);
}

Test(log_meets, a_reader_opens_while_all_expires) {
    for (int listing = 0; listing < 2; listing++) {
        open_amid((wr_place){.from = WR_FROM_HORIZON}, listing);
        open_amid((wr_place){.from = WR_FROM_AT, .number = 5}, listing);
        open_amid((wr_place){.from = WR_FROM_TIME, .time_us = 1}, listing);
        open_amid((wr_place){.from = WR_FROM_LATEST}, listing);
    }
}

/* Nothing has been put since all has expired: the mark still names a segment that is gone. */
Test(log_meets, latest_of_a_shard_that_has_expired) {
    wr_streams *db;
    wr_err err = {0};
    wr_stream *st = make(&db, lt_folder("d"), 1);
    cr_assert_eq(lt_put_n(st, 0, 20, NULL), WR_OK);
    lt.wall_us += 30 * HOUR;
    cr_assert_eq(wr_stream_tend(st, &err), WR_OK, "%s", err.msg);
    wr_reader *r;
    wr_records got = {0};
    cr_assert_eq(wr_reader_open(db, "s", 0, (wr_place){.from = WR_FROM_LATEST}, &r, &err), WR_OK, "%s",
                 err.msg);
    cr_assert_eq(wr_reader_at(r), 20);
    wr_arena ar = {0};
    wr_shard_at *at;
    uint32_t n;
    cr_assert_eq(wr_stream_ends(db, "s", &ar, &at, &n, &err), WR_OK, "%s", err.msg);
    cr_assert(n == 1 && at[0].number == 20);
    cr_assert_eq(lt_put_n(st, 20, 3, NULL), WR_OK);
    cr_assert_eq(wr_reader_next(r, 9, &got, &err), WR_OK, "%s", err.msg);
    cr_assert(got.n == 3 && got.items[0].number == 20);
    wr_records_free(&got);
    wr_reader_close(r);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

/* ---- a group that waits while its shard's last segment is ended ---- */

static struct {
    wr_stream *st;
    pthread_t tending, putting;
    bool begun, rolling, rolled, met; /* rolling: the other thread is at shard 0 */
} meet;

static void *tend(void *unused) {
    (void)unused;
    cr_assert_eq(wr_stream_tend(meet.st, NULL), WR_OK);
    return NULL;
}

static bool flag(bool *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }

static bool at_shard_0(int fd) {
    char link[64], path[512] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/000000000000/");
}

/* The put's first write is to shard 1, while shard 0 is next; then the segment of shard 0 is ended, and its
 * first write waits for a while whether the put comes to shard 0. */
static ssize_t m_pwrite(int fd, const void *p, size_t n, off_t at) {
    if (pthread_equal(pthread_self(), meet.putting)) {
        if (!meet.begun) {
            meet.begun = true;
            cr_assert_eq(pthread_create(&meet.tending, NULL, tend, NULL), 0);
            while (!flag(&meet.rolling) && !flag(&meet.rolled)) sched_yield();
        } else if (flag(&meet.rolling) && at_shard_0(fd)) __atomic_store_n(&meet.met, true, __ATOMIC_SEQ_CST);
    } else if (meet.begun && !meet.rolled) {
        __atomic_store_n(&meet.rolling, true, __ATOMIC_SEQ_CST);
        __atomic_store_n(&meet.rolled, true, __ATOMIC_SEQ_CST);
        for (int i = 0; i < 20000 && !flag(&meet.met); i++) sched_yield();
        __atomic_store_n(&meet.rolling, false, __ATOMIC_SEQ_CST);
    }
    return lt_sys.pwrite(fd, p, n, at);
}

Test(log_meets, one_thread_at_a_shard) {
    const char *dir = lt_folder("d");
    wr_streams *db;
    wr_stream *st = make(&db, dir, 2);
    cr_assert_eq(lt_put_n(st, 0, 30, NULL), WR_OK);
    wr_streams_close(db);
    wr_sys sys = lt_sys;
    sys.pwrite = m_pwrite;
    db = open_by(&sys, dir);
    cr_assert_eq(wr_stream_open(db, "s", &meet.st, NULL), WR_OK);
    lt.wall_us += 30 * HOUR;
    wr_put puts[2] = {{.key = "k", .key_len = 1, .has_hash = true, .hash = ~(wr_u128)0},
                      {.key = "k", .key_len = 1, .has_hash = true, .hash = 0}};
    meet.putting = pthread_self();
    cr_assert_eq(wr_stream_put(meet.st, puts, 2, NULL), WR_OK);
    pthread_join(meet.tending, NULL);
    cr_assert(!meet.met, "two threads were at one shard");
    wr_streams_close(db);
}

/* ---- folders that cannot be removed ---- */

Test(log_meets, leftovers_that_stay) {
    const char *dir = lt_folder("d");
    wr_streams *db;
    make(&db, dir, 1);
    wr_streams_close(db);
    for (int i = 0; i < 70; i++) {
        char path[WRI_PATH];
        snprintf(path, sizeof path, "%s/streams/s.stream/%012d", dir, 100 + i);
        cr_assert_eq(mkdir(path, 0755), 0);
        snprintf(path, sizeof path, "%s/streams/s.stream/%012d/below", dir, 100 + i);
        cr_assert_eq(mkdir(path, 0755), 0);
    }
    db = lt_open(dir, 0, true);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(lt_put_n(st, 0, 3, NULL), WR_OK);
    wr_streams_close(db);
}

/* ---- a clock that jumps ---- */

static int64_t mono_us;
static int64_t m_mono(void) { return mono_us; }

Test(log_meets, a_clock_that_jumps_ahead) {
    wr_streams *db = lt_open(lt_folder("d"), 700, true);
    lt_create(db, "s", 1);
    wr_streams_close(db);
    wr_sys sys = lt_sys;
    sys.mono_us = m_mono;
    db = open_by(&sys, lt_folder("d"));
    wr_stream *st = lt_stream(db, "s");
    uint8_t counts[10] = {0};
    cr_assert_eq(lt_put_n(st, 0, 10, NULL), WR_OK);
    lt.wall_us += 365 * 24 * HOUR;
    mono_us += HOUR / 60;
    cr_assert_eq(wr_stream_tend(st, NULL), WR_OK);
    cr_assert_eq(lt_count(db, "s", counts, 10), 10, "a clock that jumps takes records");
    lt.wall_us -= 365 * 24 * HOUR; /* it was set right */
    mono_us += HOUR / 60;
    cr_assert_eq(wr_stream_tend(st, NULL), WR_OK);
    cr_assert_eq(lt_count(db, "s", counts, 10), 10);
    lt.wall_us += 2 * 24 * HOUR; /* it stays so */
    for (int i = 0; i < 62; i++) {
        mono_us += HOUR / 60;
        lt.wall_us += HOUR / 60;
        cr_assert_eq(wr_stream_tend(st, NULL), WR_OK);
    }
    cr_assert_eq(lt_count(db, "s", counts, 10), 0);
    wr_streams_close(db);
}

/* ---- two that open the same stream ---- */

static struct {
    wr_streams *db;
    pthread_t first, second;
    bool begun, put;
} both;

static void *open_and_put(void *unused) {
    (void)unused;
    wr_stream *st;
    cr_assert_eq(wr_stream_open(both.db, "s", &st, NULL), WR_OK);
    cr_assert_eq(lt_put_n(st, 20, 1, NULL), WR_OK);
    __atomic_store_n(&both.put, true, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Before the first makes the mark anew, the second one opens the stream and puts a record. */
static ssize_t b_pwrite(int fd, const void *p, size_t n, off_t at) {
    if (n == WRI_MARK_BYTES && pthread_equal(pthread_self(), both.first) && !both.begun) {
        both.begun = true;
        cr_assert_eq(pthread_create(&both.second, NULL, open_and_put, NULL), 0);
        for (int i = 0; i < 20000 && !flag(&both.put); i++) sched_yield();
    }
    return lt_sys.pwrite(fd, p, n, at);
}

Test(log_meets, two_open_a_stream) {
    const char *dir = lt_folder("d");
    wr_streams *db;
    wr_stream *st = make(&db, dir, 1);
    cr_assert_eq(lt_put_n(st, 0, 20, NULL), WR_OK);
    wr_streams_close(db);
    wr_sys sys = lt_sys;
    sys.pwrite = b_pwrite;
    both.first = pthread_self();
    both.db = open_by(&sys, dir);
    cr_assert_eq(wr_stream_open(both.db, "s", &st, NULL), WR_OK);
    cr_assert(both.begun);
    pthread_join(both.second, NULL);
    uint8_t counts[21] = {0};
    cr_assert_eq(lt_count(both.db, "s", counts, 21), 21, "a record that was acknowledged is not to be seen");
    wr_streams_close(both.db);
}

/* ---- a stream whose deletion may not be durable ---- */

static int fsync_fails(int fd) {
    (void)fd;
    errno = EIO;
    return -1;
}

Test(log_meets, nothing_goes_into_a_stream_that_has_gone) {
    const char *dir = lt_folder("d");
    wr_streams *db;
    wr_err err = {0};
    make(&db, dir, 1);
    wr_streams_close(db);
    wr_sys sys = lt_sys;
    db = open_by(&sys, dir);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(lt_put_n(st, 0, 3, NULL), WR_OK);
    sys.fsync = fsync_fails;
    cr_assert_eq(wr_stream_delete(db, "s", &err), WR_EIO);
    sys.fsync = lt_sys.fsync;
    cr_assert_eq(lt_put_n(st, 3, 3, &err), WR_EINVAL, "records went into a folder that is being removed");
    cr_assert_not_null(strstr(err.msg, "deleted"), "%s", err.msg);
    wr_streams_close(db);
}

/* ---- zeros ahead of the records ---- */

static int64_t size_of(const char *path) {
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    return (int64_t)st.st_size;
}

/* They are there while the shard is written to, are not served, go when it is closed, and are no damage after
 * a crash; a flipped bit among them is told. */
Test(log_meets, zeros_ahead) {
    char dir[160], copy[160], seg[WRI_PATH], in_copy[WRI_PATH];
    snprintf(dir, sizeof dir, "%s", lt_folder("d"));
    snprintf(copy, sizeof copy, "%s", lt_folder("copy"));
    wr_streams_opts o = {.sys = &lt_sys, .dir = dir, .segment_bytes = 1 << 20, .ready_after = 4};
    wr_streams *db;
    uint8_t counts[700] = {0};
    cr_assert_eq(wr_streams_open(&o, &db, NULL), WR_OK);
    cr_assert_eq(wr_streams_lock(db, NULL), WR_OK);
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    for (uint32_t i = 0; i < 600; i++) cr_assert_eq(lt_put_n(st, i, 1, NULL), WR_OK);
    snprintf(seg, sizeof seg, "%s", lt_segment(dir, "s", 0, 0, ".seg"));
    int64_t len = st->shards[0]->len, size = size_of(seg);
    cr_assert_gt(size, len);
    cr_assert_leq(size, 4 * len + (200 << 10));
    cr_assert_eq(lt_count(db, "s", counts, 700), 600);
    lt_copy(dir, copy); /* as a crash leaves it */
    wr_streams_close(db);
    cr_assert_eq(size_of(seg), len);
    for (int spoiled = 0; spoiled < 2; spoiled++) {
        snprintf(in_copy, sizeof in_copy, "%s%s", copy, seg + strlen(dir));
        wr_buf b = lt_read(in_copy);
        if (spoiled) cr_assert_eq(wr_buf_put(&b, "\0\0\1\0", 4), WR_OK);
        lt_write(in_copy, b.data, b.len);
        wr_buf_free(&b);
        lt_said.len = 0;
        db = lt_open(copy, 1 << 20, true);
        lt_stream(db, "s");
        if (!spoiled) cr_assert_eq(lt_said.len, 0, "%s", lt_said.data);
        else cr_assert_gt(lt_said.len, 0);
        cr_assert_eq(size_of(in_copy), len);
        cr_assert_eq(lt_count(db, "s", counts, 700), 600);
        wr_streams_close(db);
    }
}

/* ---- metadata from an old backup ---- */

/* The children of a split that it does not know have records: they must not be taken for leftovers. */
Test(log_meets, older_metadata_is_refused) {
    const char *dir = lt_folder("d");
    wr_streams *db;
    wr_err err = {0};
    char meta[WRI_PATH];
    uint8_t counts[20] = {0};
    wr_stream *st = make(&db, dir, 1);
    cr_assert_eq(lt_put_n(st, 0, 10, NULL), WR_OK);
    snprintf(meta, sizeof meta, "%s/streams/s.stream/stream.meta", dir);
    wr_buf old = lt_read(meta);
    cr_assert_eq(wr_stream_split(st, 0, (wr_u128)1 << 127, NULL), WR_OK);
    wr_buf new = lt_read(meta);
    cr_assert_eq(lt_put_n(st, 10, 10, NULL), WR_OK);
    wr_streams_close(db);
    lt_write(meta, old.data, old.len);
    db = lt_open(dir, 700, true);
    cr_assert_eq(wr_stream_open(db, "s", &st, &err), WR_EDATA);
    cr_assert(strstr(err.msg, "stream.meta") && strstr(err.msg, "older"), "%s", err.msg);
    wr_streams_close(db);
    lt_write(meta, new.data, new.len);
    db = lt_open(dir, 700, true);
    lt_stream(db, "s");
    cr_assert_eq(lt_count(db, "s", counts, 20), 20);
    wr_streams_close(db);
    wr_buf_free(&old);
    wr_buf_free(&new);
}

/* Flipped bits and files cut short: each is noticed and told with its place, never served, never removed, and
 * what it does not touch can be read. */
#include <unistd.h>

#include "log_test.h"

#define N 300

static const wr_place horizon = {.from = WR_FROM_HORIZON};

/* Two shards of several segments, closed as it should be. */
static void make(const char *dir) {
    wr_streams *db = lt_open(dir, 6000, true);
    lt_create(db, "s", 2);
    wr_stream *st = lt_stream(db, "s");
    for (uint32_t i = 0; i < N; i += 10) cr_assert_eq(lt_put_n(st, i, 10, NULL), WR_OK);
    wr_streams_close(db);
}

typedef struct reading {
    size_t n;
    uint8_t seen[N];
} reading;
static void note(void *ctx, const wr_record *r) {
    reading *g = ctx;
    uint32_t i;
    if (r->len == 1) return; /* put behind the damage */
    cr_assert(lt_is(r, &i) && i < N, "a wrong record was served");
    cr_assert_eq(g->seen[i]++, 0, "record %u was served twice", i);
    g->n++;
}

/* Reads shard 0 without and then with a writer. True: it was told that something is wrong. */
static bool noticed(const char *dir, size_t all, const char *what) {
    reading g = {0};
    wr_err err = {0};
    lt_said.len = 0;
    wr_streams *db = lt_open(dir, 6000, false);
    wr_status s = lt_each(db, "s", 0, horizon, 50, note, &g, &err);
    wr_streams_close(db);
    bool told = s == WR_EDATA || s == WR_EUNSUPPORTED;
    if (told && s != WR_EDATA) cr_assert_not_null(strstr(err.msg, "version"), "%s", err.msg);
    cr_assert(told || s == WR_AGAIN, "%s: %d %s", what, s, err.msg);
    if (told) cr_assert_gt(strlen(err.msg), 20);
    if (!told) cr_assert_eq(g.n, all, "%s: %zu records of %zu, and nothing was said", what, g.n, all);
    db = lt_open(dir, 6000, true);
    wr_stream *st = lt_stream(db, "s");
    told |= lt_said.len > 0;
    reading other = {0};
    s = lt_each(db, "s", 1, horizon, 50, note, &other, &err);
    cr_assert_eq(s, WR_AGAIN, "%s: the other shard: %s", what, err.msg);
    cr_assert_eq(other.n, N - all, "%s", what);
    /* A damaged shard takes nothing, or goes on behind the damage; the other one goes on. */
    for (uint32_t k = 0; k < 2; k++) {
        wr_put p = {
            .key = "k", .key_len = 1, .data = "x", .len = 1, .has_hash = true, .hash = k ? ~(wr_u128)0 : 0};
        s = wr_stream_put(st, &p, 1, &err);
        cr_assert(s == WR_OK || (k == 0 && (s == WR_EDATA || s == WR_EUNSUPPORTED)), "%s: %s", what, err.msg);
        if (s != WR_OK) cr_assert(told);
    }
    wr_streams_close(db);
    return told;
}

static size_t count_shard_0(const char *dir) {
    reading g = {0};
    wr_streams *db = lt_open(dir, 0, false);
    cr_assert_eq(lt_each(db, "s", 0, horizon, 50, note, &g, NULL), WR_AGAIN);
    wr_streams_close(db);
    return g.n;
}

static void copy_folder(const char *from, const char *to) {
    lt_remove(to);
    lt_copy(from, to);
}

/* The same file of the copy. */
static const char *in_copy(const char *path, const char *from, const char *to) {
    static char out[WRI_PATH];
    snprintf(out, sizeof out, "%s%s", to, path + strlen(from));
    return out;
}

/* Changes a file of shard 0 in `tries` ways, by turns a flipped bit and a cut. */
static void spoil(const char *dir, const char *file, size_t all, size_t tries, uint32_t seed) {
    const char *copy = lt_folder("copy");
    wr_buf b = lt_read(file);
    char path[WRI_PATH], what[300];
    snprintf(path, sizeof path, "%s", file);
    for (size_t i = 0; i < tries; i++) {
        uint64_t r = wr_hash_u64(((uint64_t)seed << 32) + i + 1);
        size_t at = i < 200 && i / 2 < b.len ? i / 2 : r % b.len;
        int bit = (int)(r >> 40) % 8;
        bool cut = i % 4 == 3;
        snprintf(what, sizeof what, "%s: %s byte %zu bit %d", strrchr(path, '/'), cut ? "cut at" : "flipped",
                 at, bit);
        copy_folder(dir, copy);
        b.data[at] = (char)(b.data[at] ^ 1 << bit);
        lt_write(in_copy(path, dir, copy), b.data, cut ? at : b.len);
        b.data[at] = (char)(b.data[at] ^ 1 << bit);
        cr_assert(noticed(copy, all, what), "%s: nobody noticed", what);
    }
    wr_buf_free(&b);
}

Test(log_damage, first_segment) {
    const char *dir = lt_folder("d");
    make(dir);
    spoil(dir, lt_segment(dir, "s", 0, 0, ".seg"), count_shard_0(dir), 700, 1);
}
Test(log_damage, segment_in_the_middle) {
    const char *dir = lt_folder("d");
    make(dir);
    spoil(dir, lt_segment(dir, "s", 0, 1, ".seg"), count_shard_0(dir), 700, 2);
}
Test(log_damage, last_segment) {
    const char *dir = lt_folder("d");
    make(dir);
    size_t n = 0;
    while (lt_segment(dir, "s", 0, n, ".seg")) n++;
    spoil(dir, lt_segment(dir, "s", 0, n - 1, ".seg"), count_shard_0(dir), 700, 3);
}

Test(log_damage, segments_missing) {
    const char *dir = lt_folder("d"), *copy = lt_folder("copy");
    make(dir);
    size_t all = count_shard_0(dir);
    for (size_t i = 0; lt_segment(dir, "s", 0, i, ".seg"); i++) {
        char path[WRI_PATH];
        snprintf(path, sizeof path, "%s", lt_segment(dir, "s", 0, i, ".seg"));
        copy_folder(dir, copy);
        cr_assert_eq(unlink(in_copy(path, dir, copy)), 0);
        cr_assert(noticed(copy, all, "a segment is missing"));
    }
}

Test(log_damage, mark) {
    const char *dir = lt_folder("d"), *copy = lt_folder("copy");
    make(dir);
    size_t all = count_shard_0(dir);
    char path[WRI_PATH];
    snprintf(path, sizeof path, "%s/streams/s.stream/000000000000/tail", dir);
    wr_buf b = lt_read(path);
    cr_assert_eq(b.len, WRI_MARK_BYTES);
    for (size_t i = 0; i <= b.len; i++) {
        copy_folder(dir, copy);
        if (i < b.len) b.data[i] ^= 16;
        lt_write(in_copy(path, dir, copy), b.data, i < b.len ? b.len : b.len / 2);
        if (i < b.len) b.data[i] ^= 16;
        cr_assert(noticed(copy, all, "mark"));
        cr_assert_eq(count_shard_0(copy) >= all, true); /* it was made again */
    }
    wr_buf_free(&b);
}

Test(log_damage, metadata) {
    const char *dir = lt_folder("d");
    make(dir);
    char path[WRI_PATH];
    snprintf(path, sizeof path, "%s/streams/s.stream/stream.meta", dir);
    wr_buf b = lt_read(path);
    wri_meta m;
    wr_err err;
    for (size_t i = 0; i < 8 * b.len; i++) {
        b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
        cr_assert_lt(wri_meta_decode(b.data, b.len, "p", &m, &err), 0, "bit %zu", i);
        b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
    }
    for (size_t n = 0; n < b.len; n++) cr_assert_lt(wri_meta_decode(b.data, n, "p", &m, &err), 0);
    b.data[6] = '7';
    lt_write(path, b.data, b.len);
    wr_streams *db = lt_open(dir, 0, true);
    wr_stream *st;
    cr_assert_eq(wr_stream_open(db, "s", &st, &err), WR_EUNSUPPORTED);
    cr_assert_not_null(strstr(err.msg, "version 7"), "%s", err.msg);
    wr_streams_close(db);
    wr_buf_free(&b);
}

/* What looks like a block inside a record's data is none: the uid is not known outside. */
Test(log_damage, a_record_that_holds_a_block) {
    const char *dir = lt_folder("d"), *second = lt_folder("e");
    make(dir);
    wr_buf b = lt_read(lt_segment(dir, "s", 0, 0, ".seg"));
    wr_streams *db = lt_open(second, 0, true);
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    st->shards[0]->id.uid++; /* lt_sys gives every stream the same; here it is another's */
    wr_streams_close(db);
    db = lt_open(second, 0, true);
    lt_create(db, "t", 1);
    st = lt_stream(db, "t");
    wr_put p = {.key = "k", .key_len = 1, .data = b.data, .len = (uint32_t)b.len};
    cr_assert_eq(wr_stream_put(st, &p, 1, NULL), WR_OK);
    wr_streams_close(db);
    const char *seg = lt_segment(second, "t", 0, 0, ".seg");
    wr_buf torn = lt_read(seg);
    char mark[WRI_PATH];
    snprintf(mark, sizeof mark, "%s/streams/t.stream/000000000000/tail", second);
    wr_buf none = {0};
    cr_assert_eq(wr_buf_puts(&none, "x"), WR_OK);
    lt_write(mark, none.data, none.len);
    lt_write(seg, torn.data, torn.len - 5);
    lt_said.len = 0;
    db = lt_open(second, 0, true);
    st = lt_stream(db, "t");
    cr_assert_eq(st->shards[0]->damaged, WR_OK);
    cr_assert_not_null(strstr(lt_said.data, "cut"), "%s", lt_said.data);
    wr_streams_close(db);
    wr_buf_free(&b);
    wr_buf_free(&torn);
    wr_buf_free(&none);
}

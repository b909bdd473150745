/* A stream of version 1 as it was written when there was no other (tests/unit/state/v1_many): shards split
 * and merged, several segments each, marks of a writer. It can be read and written to for ever; files of a
 * later version are refused and stay as they are.
 *
 * It was made by `WEIR_MAKE_FIXTURE=DIR build/debug/unit_state --filter fixture/make`, which does nothing
 * otherwise; a change of format adds a fixture, and leaves this one alone. */
#include <unistd.h>

#include "log_test.h"

#define KEPT    "tests/unit/state/v1_many"
#define RECORDS 90
#define SEGMENT 900

static const wr_place horizon = {.from = WR_FROM_HORIZON};

Test(fixture, make) {
    const char *dir = getenv("WEIR_MAKE_FIXTURE");
    wr_err err = {0};
    if (!dir) return;
    wr_streams *db = lt_open(dir, SEGMENT, true);
    lt_create(db, "s", 2);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(wr_stream_set_retention(st, WR_RETENTION_MAX_US, &err), WR_OK, "%s", err.msg);
    for (uint32_t i = 0; i < RECORDS; i += 5) {
        cr_assert_eq(lt_put_n(st, i, 5, &err), WR_OK, "%s", err.msg);
        if (i == 30) cr_assert_eq(wr_stream_split(st, 0, (wr_u128)1 << 126, &err), WR_OK, "%s", err.msg);
        if (i == 60) cr_assert_eq(wr_stream_merge(st, 3, 1, &err), WR_OK, "%s", err.msg);
    }
    wr_streams_close(db);
}

Test(fixture, version_1_is_read_and_gone_on_from) {
    const char *copy = lt_folder("copy");
    wr_err err = {0};
    lt_copy(KEPT, copy);
    wr_streams *db = lt_open(copy, SEGMENT, false);
    lt_all_once(db, "s", RECORDS);
    wr_streams_close(db);
    db = lt_open(copy, SEGMENT, true);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(lt_said.len, 0, "%s", lt_said.data);
    wr_arena ar = {0};
    wr_written *w;
    uint32_t n;
    wr_written_where all = {.writer = 7};
    cr_assert_eq(wr_stream_written(db, "s", &all, &ar, &w, &n, &err), WR_OK, "%s", err.msg);
    for (uint32_t i = 0; i < RECORDS + 20; i += 3) {
        char buf[4096], key[32];
        wr_put p = lt_put(i, buf, key);
        wr_u128 hash = p.has_hash ? p.hash : wr_hash_key(p.key, p.key_len);
        if (i < RECORDS) cr_assert(wr_is_written(w, n, hash, &p.mark), "record %u", i);
    }
    cr_assert_eq(lt_put_n(st, RECORDS, 20, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_stream_reshard(st, 3, &err), WR_OK, "%s", err.msg);
    lt_all_once(db, "s", RECORDS + 20);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

/* Writes digit `to` at `at` of the file; whoever reads or writes the shard is told. */
static void later_version(const char *copy, const char *path, size_t at, bool reader_needs_it) {
    wr_err err = {0};
    wr_buf b = lt_read(path), after;
    cr_assert_eq(b.data[at], '1');
    b.data[at] = '2';
    lt_write(path, b.data, b.len);
    wr_streams *db = lt_open(copy, SEGMENT, true);
    wr_stream *st;
    wr_status s = wr_stream_open(db, "s", &st, &err);
    wr_put p = {.key = "k", .key_len = 1, .has_hash = true, .hash = ~(wr_u128)0};
    if (s == WR_OK) s = wr_stream_put(st, &p, 1, &err);
    cr_assert_eq(s, WR_EUNSUPPORTED, "%s: %d %s", path, s, err.msg);
    cr_assert(strstr(err.msg, "version") && strstr(err.msg, "newer"), "%s", err.msg);
    wr_reader *r;
    s = wr_reader_open(db, "s", 4, horizon, &r, &err);
    wr_records got = {0};
    while (s == WR_OK && (s = wr_reader_next(r, 100, &got, &err)) == WR_OK) {
    }
    cr_assert_eq(s, reader_needs_it ? WR_EUNSUPPORTED : WR_AGAIN, "%s: %d %s", path, s, err.msg);
    wr_records_free(&got);
    wr_reader_close(r);
    wr_streams_close(db);
    after = lt_read(path);
    cr_assert(after.len == b.len && memcmp(after.data, b.data, b.len) == 0, "%s was changed", path);
    b.data[at] = '1';
    lt_write(path, b.data, b.len);
    wr_buf_free(&b);
    wr_buf_free(&after);
}

/* Shard 4 is the merged one, which takes the highest hash keys. */
Test(fixture, later_versions_are_refused) {
    const char *copy = lt_folder("copy");
    char path[WRI_PATH];
    lt_copy(KEPT, copy);
    snprintf(path, sizeof path, "%s/streams/s.stream/stream.meta", copy);
    later_version(copy, path, 6, true);
    snprintf(path, sizeof path, "%s/streams/s.stream/000000000004/tail", copy);
    later_version(copy, path, 6, true);
    size_t n = 0;
    while (lt_segment(copy, "s", 4, n, ".seg")) n++;
    cr_assert_geq(n, 2);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s", lt_segment(copy, "s", 4, i, ".seg"));
        later_version(copy, path, 6, true);
    }
}

/* The log: putting, reading, opening again. */
#include "log_test.h"

#include <unistd.h>

#define N 400

static const wr_place horizon = {.from = WR_FROM_HORIZON};

Test(log, what_is_put_is_read) {
    const char *dir = lt_folder("d");
    wr_streams *db = lt_open(dir, 2000, true);
    lt_create(db, "s", 3);
    wr_stream *st = lt_stream(db, "s");
    wr_err err = {0};
    for (uint32_t i = 0; i < N; i += 10) cr_assert_eq(lt_put_n(st, i, 10, &err), WR_OK, "%s", err.msg);
    lt_all_once(db, "s", N);
    wr_streams *other = lt_open(dir, 0, false); /* a reader of its own, as of another process */
    lt_all_once(other, "s", N);
    wr_streams_close(other);
    wr_streams_close(db);
    cr_assert_not_null(lt_segment(dir, "s", 0, 3, ".seg"));
    db = lt_open(dir, 2000, true);
    st = lt_stream(db, "s");
    cr_assert_eq(lt_said.len, 0, "%s", lt_said.data);
    for (uint32_t i = N; i < 2 * N; i += 20) cr_assert_eq(lt_put_n(st, i, 20, &err), WR_OK, "%s", err.msg);
    lt_all_once(db, "s", 2 * N);
    wr_streams_close(db);
}

Test(log, a_key_keeps_its_shard_and_its_order) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    lt_create(db, "s", 8);
    wr_stream *st = lt_stream(db, "s");
    wr_put p[8];
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 8; i++)
            p[i] = (wr_put){.key = "k1k2k3" + i % 3 * 2, .key_len = 2, .data = "x", .len = 1};
        cr_assert_eq(wr_stream_put(st, p, 8, NULL), WR_OK);
        for (uint32_t i = 3; i < 8; i++) {
            cr_assert_eq(p[i].seq.shard, p[i - 3].seq.shard);
            cr_assert_gt(p[i].seq.number, p[i - 3].seq.number);
        }
    }
    wr_u128 h = wr_hash_key("k1", 2);
    cr_assert_eq(p[0].seq.shard, (uint32_t)(h >> 125));
    wr_put edge[2] = {{.key = "k", .key_len = 1, .has_hash = true, .hash = 0},
                      {.key = "k", .key_len = 1, .has_hash = true, .hash = ~(wr_u128)0}};
    cr_assert_eq(wr_stream_put(st, edge, 2, NULL), WR_OK);
    cr_assert_eq(edge[0].seq.shard, 0);
    cr_assert_eq(edge[1].seq.shard, 7);
    wr_streams_close(db);
}

Test(log, what_cannot_be_put_is_refused_whole) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    wr_err err = {0};
    wr_stream *st;
    cr_assert_eq(wr_stream_create(db, "s", &(wr_stream_cfg){.record_max = 100}, &err), WR_OK);
    st = lt_stream(db, "s");
    char big[101] = {0}, key[WR_PARTITION_KEY_MAX + 1];
    memset(key, 'k', sizeof key);
    wr_put good = {.key = "k", .key_len = 1, .data = big, .len = 100};
    wr_put bad[] = {{.key = "k", .key_len = 1, .data = big, .len = 101},
                    {.key = "", .key_len = 0, .data = big, .len = 1},
                    {.key = key, .key_len = sizeof key, .data = big, .len = 1},
                    {.key = "\xff", .key_len = 1, .data = big, .len = 1}};
    for (size_t i = 0; i < WR_LEN(bad); i++) {
        wr_put two[2] = {good, bad[i]};
        cr_assert_eq(wr_stream_put(st, two, 2, &err), WR_EINVAL);
        cr_assert_not_null(strstr(err.msg, "record 1"), "%s", err.msg);
    }
    cr_assert_eq(wr_stream_put(st, &good, 1, &err), WR_OK);
    cr_assert_eq(good.seq.number, 0);
    cr_assert_eq(wr_stream_put(st, NULL, 0, &err), WR_OK);
    wr_streams_close(db);
}

Test(log, records_of_ten_megabytes) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    cr_assert_eq(wr_stream_create(db, "s", &(wr_stream_cfg){.record_max = WR_LOG_RECORD_MAX}, NULL), WR_OK);
    wr_stream *st = lt_stream(db, "s");
    char *big = malloc(WR_LOG_RECORD_MAX);
    memset(big, 'b', WR_LOG_RECORD_MAX);
    wr_put p[4];
    for (int i = 0; i < 4; i++)
        p[i] = (wr_put){.key = "k", .key_len = 1, .data = big, .len = i % 2 ? 10 : WR_LOG_RECORD_MAX};
    cr_assert_eq(wr_stream_put(st, p, 4, NULL), WR_OK);
    wr_reader *r;
    wr_records got = {0};
    wr_err err = {0};
    cr_assert_eq(wr_reader_open(db, "s", 0, horizon, &r, &err), WR_OK, "%s", err.msg);
    for (uint32_t n = 0; n < 4; n += got.n) {
        cr_assert_eq(wr_reader_next(r, 10, &got, &err), WR_OK, "%s", err.msg);
        for (uint32_t i = 0; i < got.n; i++)
            cr_assert_eq(got.items[i].len, (n + i) % 2 ? 10 : WR_LOG_RECORD_MAX);
        cr_assert_eq(memcmp(got.items[0].data, big, got.items[0].len), 0);
    }
    wr_records_free(&got);
    wr_reader_close(r);
    free(big);
    wr_streams_close(db);
}

Test(log, a_reader_waits_and_is_woken) {
    wr_streams *db = lt_open(lt_folder("d"), 500, true);
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    wr_reader *r, *late;
    wr_records got = {0};
    cr_assert_eq(wr_reader_open(db, "s", 0, horizon, &r, NULL), WR_OK);
    cr_assert_eq(wr_reader_next(r, 10, &got, NULL), WR_AGAIN);
    int fd = wr_reader_watch(r, -1);
    cr_assert_geq(fd, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&p, 1, 0), 0);
    for (uint32_t i = 0; i < 30; i++) {
        cr_assert_eq(lt_put_n(st, i, 1, NULL), WR_OK);
        cr_assert_eq(poll(&p, 1, 0), 1);
        wr_reader_heard(db, fd);
        cr_assert_eq(poll(&p, 1, 0), 0);
        cr_assert_eq(wr_reader_next(r, 10, &got, NULL), WR_OK);
        cr_assert_eq(got.n, 1);
        cr_assert_eq(got.items[0].number, i);
        cr_assert_eq(wr_reader_next(r, 10, &got, NULL), WR_AGAIN);
    }
    cr_assert_eq(wr_reader_open(db, "s", 0, (wr_place){.from = WR_FROM_LATEST}, &late, NULL), WR_OK);
    cr_assert_eq(wr_reader_next(late, 10, &got, NULL), WR_AGAIN);
    cr_assert_eq(lt_put_n(st, 30, 1, NULL), WR_OK);
    cr_assert_eq(wr_reader_next(late, 10, &got, NULL), WR_OK);
    cr_assert_eq(got.items[0].number, 30);
    wr_records_free(&got);
    close(fd);
    wr_reader_close(r);
    wr_reader_close(late);
    wr_streams_close(db);
}

Test(log, records_outlive_the_next_call_when_held) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    for (uint32_t i = 0; i < 40; i += 10) cr_assert_eq(lt_put_n(st, i, 10, NULL), WR_OK);
    wr_reader *r;
    wr_records got = {0};
    wr_ref *held[40];
    wr_record kept[40];
    cr_assert_eq(wr_reader_open(db, "s", 0, horizon, &r, NULL), WR_OK);
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(wr_reader_next(r, 1, &got, NULL), WR_OK);
        held[i] = wr_hold(got.hold);
        kept[i] = got.items[0];
    }
    wr_records_free(&got);
    wr_reader_close(r);
    for (uint32_t i = 0, k; i < 40; i++) {
        cr_assert(lt_is(&kept[i], &k) && k == i);
        wr_drop(held[i]);
    }
    wr_streams_close(db);
}

Test(log, one_process_writes) {
    const char *dir = lt_folder("d");
    wr_streams *db = lt_open(dir, 0, true);
    wr_streams *two = lt_open(dir, 0, false);
    wr_err err = {0};
    char pid[32];
    cr_assert_eq(wr_streams_lock(two, &err), WR_ELIMIT);
    snprintf(pid, sizeof pid, "process %d ", (int)getpid());
    cr_assert_not_null(strstr(err.msg, pid), "%s", err.msg);
    cr_assert_eq(wr_stream_create(two, "s", &(wr_stream_cfg){0}, &err), WR_EINVAL);
    wr_streams_close(db);
    cr_assert_eq(wr_streams_lock(two, &err), WR_OK, "%s", err.msg);
    wr_streams_close(two);
}

Test(log, streams_are_made_listed_and_deleted) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    wr_err err = {0};
    wr_arena ar = {0};
    const char **names;
    size_t n;
    wr_stream_info info;
    static const char *const bad[] = {"", "a b", "a/b", "ä", "x\n"};
    for (size_t i = 0; i < WR_LEN(bad); i++)
        cr_assert_eq(wr_stream_create(db, bad[i], &(wr_stream_cfg){0}, &err), WR_EINVAL);
    static const char *const good[] = {"..", "a.stream", "B-1_x", "..gone"};
    for (size_t i = 0; i < WR_LEN(good); i++) lt_create(db, good[i], 2);
    cr_assert_eq(wr_stream_create(db, "..", &(wr_stream_cfg){0}, &err), WR_EINVAL);
    cr_assert_eq(wr_stream_list(db, &ar, &names, &n, &err), WR_OK);
    cr_assert_eq(n, 4);
    cr_assert_str_eq(names[0], "..");
    cr_assert_eq(wr_stream_describe(db, "..", &ar, &info, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(info.n_shards, 2);
    cr_assert(info.shards[0].hi + 1 == info.shards[1].lo && info.shards[1].hi == ~(wr_u128)0);
    cr_assert_eq(wr_stream_describe(db, "B-1_y", &ar, &info, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "did you mean 'B-1_x'"), "%s", err.msg);
    wr_stream *st = lt_stream(db, "..");
    cr_assert_eq(wr_stream_delete(db, "..", &err), WR_OK, "%s", err.msg);
    cr_assert_eq(lt_put_n(st, 0, 1, &err), WR_EINVAL);
    lt_create(db, "..", 1);
    st = lt_stream(db, "..");
    cr_assert_eq(lt_put_n(st, 0, 1, &err), WR_OK, "%s", err.msg);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

/* Begins a reader at each place, by number and by time, and compares with what went in. */
Test(log, every_place_to_begin) {
    const char *dir = lt_folder("d");
    wr_streams *db = lt_open(dir, 3000, true);
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    int64_t arrival[N];
    wr_records got = {0};
    wr_err err = {0};
    for (uint32_t i = 0, n; i < N; i += n) {
        wr_put p;
        char buf[4096], key[32];
        n = 1 + (i % 3 == 0 && i + 2 <= N);
        lt.wall_us += i % 4 * 1000;
        if (n == 1) {
            p = lt_put(i, buf, key);
            cr_assert_eq(wr_stream_put(st, &p, 1, &err), WR_OK);
        } else cr_assert_eq(lt_put_n(st, i, n, &err), WR_OK);
        for (uint32_t k = 0; k < n; k++) arrival[i + k] = lt.wall_us;
    }
    for (int again = 0; again < 2; again++) {
        for (uint32_t i = 0; i < N; i++) {
            wr_place places[] = {{WR_FROM_AT, i, 0},
                                 {WR_FROM_AFTER, i, 0},
                                 {WR_FROM_TIME, 0, arrival[i]},
                                 {WR_FROM_TIME, 0, arrival[i] + 1}};
            for (size_t k = 0; k < WR_LEN(places); k++) {
                uint32_t want = k == 0 ? i : k == 1 ? i + 1 : 0;
                if (k > 1)
                    while (want < N && arrival[want] < places[k].time_us) want++;
                wr_reader *r;
                cr_assert_eq(wr_reader_open(db, "s", 0, places[k], &r, &err), WR_OK, "%s", err.msg);
                wr_status s = wr_reader_next(r, 1, &got, &err);
                cr_assert_eq(s, want < N ? WR_OK : WR_AGAIN, "%s", err.msg);
                if (s == WR_OK)
                    cr_assert_eq(got.items[0].number, want, "%zu %u: %lu", k, i,
                                 (unsigned long)got.items[0].number);
                wr_reader_close(r);
            }
        }
        for (size_t i = 0; again == 0 && lt_segment(dir, "s", 0, i, ".idx"); i++) { /* and without indexes */
            const char *p = lt_segment(dir, "s", 0, i, ".idx");
            if (i % 2) unlink(p);
            else if (access(p, F_OK) == 0) lt_write(p, "WRIDX01\n", 8);
        }
    }
    wr_streams_close(db);
    db = lt_open(dir, 3000, true); /* makes them again */
    lt_stream(db, "s");
    for (size_t i = 0; lt_segment(dir, "s", 0, i + 1, ".idx"); i++) {
        wr_buf b = lt_read(lt_segment(dir, "s", 0, i, ".idx"));
        cr_assert_gt(b.len, WRI_IDX_HEADER);
        wr_buf_free(&b);
    }
    wr_records_free(&got);
    wr_streams_close(db);
}

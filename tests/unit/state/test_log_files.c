/* More shards than the process may have descriptors. */
#include <sys/resource.h>
#include <unistd.h>

#include "log_test.h"

#define SHARDS 60
#define N      1200

static void limit_descriptors(uint32_t more) {
    int fd = dup(0); /* the next free one, if none are missing below */
    cr_assert_geq(fd, 0);
    close(fd);
    struct rlimit l = {(rlim_t)fd + more, (rlim_t)fd + more};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
}

Test(log_files, more_shards_than_descriptors) {
    const char *dir = lt_folder("d");
    wr_err err = {0};
    limit_descriptors(24);
    wr_streams *db = lt_open(dir, 2000, true);
    lt_create(db, "s", SHARDS);
    wr_stream *st = lt_stream(db, "s");
    for (uint32_t i = 0; i < N; i += 100) {
        cr_assert_eq(lt_put_n(st, i, 100, &err), WR_OK, "%s", err.msg);
        if (i == 600) cr_assert_eq(wr_stream_reshard(st, SHARDS - 7, &err), WR_OK, "%s", err.msg);
    }
    lt_all_once(db, "s", N);
    wr_streams_close(db);
    db = lt_open(dir, 2000, true);
    lt_stream(db, "s");
    cr_assert_eq(lt_said.len, 0, "%s", lt_said.data);
    lt_all_once(db, "s", N);
    wr_streams_close(db);
}

/* Others take all that is left: shards that need none give theirs. */
Test(log_files, descriptors_that_others_take) {
    wr_streams_opts o = {.sys = &lt_sys, .dir = lt_folder("d"), .awake = 100};
    wr_streams *db;
    wr_err err = {0};
    int taken[64], n = 0;
    limit_descriptors(40);
    cr_assert_eq(wr_streams_open(&o, &db, NULL), WR_OK);
    cr_assert_eq(wr_streams_lock(db, NULL), WR_OK);
    lt_create(db, "s", SHARDS);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(lt_put_n(st, 0, 3, &err), WR_OK, "%s", err.msg);
    while ((taken[n] = dup(0)) >= 0) n++;
    for (uint32_t i = 3; i < N; i += 3) cr_assert_eq(lt_put_n(st, i, 3, &err), WR_OK, "%s", err.msg);
    while (n-- > 0) close(taken[n]);
    lt_all_once(db, "s", N);
    wr_streams_close(db);
}

/* Without any it says so, and goes on when there are some again. */
Test(log_files, no_descriptors) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    wr_err err = {0};
    int taken[64], n = 0;
    limit_descriptors(20);
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    while ((taken[n] = dup(0)) >= 0) n++;
    cr_assert_eq(lt_put_n(st, 0, 3, &err), WR_EIO);
    cr_assert_not_null(strstr(err.msg, "ulimit -n"), "%s", err.msg);
    while (n-- > 0) close(taken[n]);
    cr_assert_eq(lt_put_n(st, 0, 3, &err), WR_OK, "%s", err.msg);
    lt_all_once(db, "s", 3);
    wr_streams_close(db);
}

/* A stream as a source: one descriptor tells of all its shards, also of those that come while it is read. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "conn_test.h"
#include "state/state.h"

extern const wr_connector_def wr_connector_stream;
#define DEF (&wr_connector_stream)

static wr_status put(wr_stream *st, int key) {
    char text[16];
    int n = snprintf(text, sizeof text, "%d", key);
    wr_put p = {.key = text, .key_len = (uint32_t)n, .data = text, .len = (uint32_t)n};
    return wr_stream_put(st, &p, 1, NULL);
}

static bool told(int fd) { return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1; }

/* Records that the first n splits have. */
static uint32_t take_all(wr_source *s, uint32_t n) {
    uint32_t records = 0;
    for (uint32_t i = 0; i < n; i++) {
        wr_chunk c;
        while (DEF->next(s, i, &c, NULL) == WR_OK) {
            for (size_t k = 0; k < c.len; k++) records += c.data[k] == '\n';
            wr_drop(c.hold);
        }
    }
    return records;
}

Test(stream, one_descriptor_tells_of_all_shards) {
    wr_streams *db;
    wr_stream *st;
    wr_source *s;
    uint32_t split;
    cr_assert_eq(wr_streams_open(&(wr_streams_opts){.dir = ct_path("d"), .relaxed = true}, &db, NULL), WR_OK);
    cr_assert_eq(wr_streams_lock(db, NULL), WR_OK);
    cr_assert_eq(wr_stream_create(db, "s", &(wr_stream_cfg){.n_shards = 3}, NULL), WR_OK);
    cr_assert_eq(wr_stream_open(db, "s", &st, NULL), WR_OK);
    wr_source_cfg cfg = {.sys = &wr_sys_real, .stream = "s", .format = &ct_lines, .streams = db};
    cr_assert_eq(DEF->open_source(&cfg, &s, NULL), WR_OK);
    int fd = DEF->watch(s);
    cr_assert_geq(fd, 0);
    cr_assert_eq(take_all(s, 3), 0);
    cr_assert_not(told(fd));
    for (int key = 0; key < 30; key++) { /* all shards get some */
        cr_assert_eq(put(st, key), WR_OK);
        cr_assert(told(fd));
        DEF->heard(s);
        cr_assert_not(told(fd));
        cr_assert_eq(take_all(s, 3), 1);
    }
    cr_assert_eq(wr_stream_reshard(st, 1, NULL), WR_OK);
    cr_assert(told(fd), "shards were closed");
    cr_assert_eq(take_all(s, 3), 0);
    while (DEF->look(s, &split, NULL) == WR_OK) cr_assert_eq(take_all(s, split + 1), 0);
    cr_assert_geq(split, 3);
    DEF->heard(s);
    cr_assert_not(told(fd));
    cr_assert_eq(put(st, 1), WR_OK);
    cr_assert(told(fd), "a shard that came later is not listened to");
    cr_assert_eq(take_all(s, split + 1), 1);
    DEF->close_source(s);
    wr_streams_close(db);
}

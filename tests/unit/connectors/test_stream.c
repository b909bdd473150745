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

/* ---- rows with their epoch ---- */

static wr_sink *open_sink(wr_streams *db, const wr_buf *from) {
    static wr_field field = {.name = "c", .type = {.kind = WR_T_VARCHAR}};
    static const wr_schema schema = {.fields = &field, .n = 1};
    wr_sink_cfg cfg = {
        .sys = &wr_sys_real, .stream = "o", .schema = &schema, .format = &ct_lines, .streams = db};
    wr_sink *s;
    wr_err err = {0};
    cfg.job = 5;
    cfg.from = from ? from->data : NULL;
    cfg.from_len = from ? from->len : 0;
    cr_assert_eq(DEF->open_sink(&cfg, &s, &err), WR_OK, "%s", err.msg);
    return s;
}

/* n rows of an epoch. */
static void hand_over(wr_sink *s, uint64_t epoch, uint32_t n, bool again) {
    wr_buf rows = {0};
    wr_err err = {0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t lens[2] = {1, 1};
        cr_assert_eq(wr_buf_put(&rows, lens, sizeof lens), WR_OK);
        cr_assert_eq(wr_buf_puts(&rows, "kx"), WR_OK);
    }
    wr_handover h = {.epoch = epoch, .again = again, .data = rows.data, .len = rows.len};
    cr_assert_eq(DEF->commit(s, &h, &err), WR_OK, "%s", err.msg);
    wr_buf_free(&rows);
}

static uint64_t records_of(wr_streams *db) {
    wr_arena ar = {0};
    wr_shard_at *at;
    uint32_t n;
    cr_assert_eq(wr_stream_ends(db, "o", &ar, &at, &n, NULL), WR_OK);
    uint64_t records = at[0].number;
    wr_arena_free(&ar);
    return records;
}

static void put_others(wr_streams *db, int n) {
    wr_stream *st;
    cr_assert_eq(wr_stream_open(db, "o", &st, NULL), WR_OK);
    for (int i = 0; i < n; i++) cr_assert_eq(put(st, i), WR_OK);
}

/* The stream was deleted between two runs, and another one has its name: what the snapshot says of its shards
 * is of the old one. */
Test(stream, deleted_between_runs) {
    for (uint32_t before = 1; before < 9; before += 3) { /* fewer records than it has then, and more */
        wr_streams *db;
        wr_buf at = {0};
        char dir[16];
        snprintf(dir, sizeof dir, "e%u", before);
        cr_assert_eq(wr_streams_open(&(wr_streams_opts){.dir = ct_path(dir), .relaxed = true}, &db, NULL),
                     WR_OK);
        wr_sink *s = open_sink(db, NULL);
        hand_over(s, 1, before, false);
        cr_assert_eq(DEF->mark(s, &at, NULL), WR_OK);
        DEF->close_sink(s);
        cr_assert_eq(wr_stream_delete(db, "o", NULL), WR_OK);
        s = open_sink(db, &at);
        hand_over(s, 2, 5, true);
        put_others(db, 10);
        cr_assert_eq(records_of(db), 15);
        DEF->close_sink(s);
        s = open_sink(db, &at); /* killed before the next snapshot: the same is handed over again */
        hand_over(s, 2, 5, true);
        cr_assert_eq(records_of(db), 15, "%u before: rows are there twice", before);
        wr_buf next = {0};
        cr_assert_eq(DEF->mark(s, &next, NULL), WR_OK);
        hand_over(s, 3, 2, false);
        DEF->close_sink(s);
        s = open_sink(db, &next);
        hand_over(s, 3, 2, true);
        cr_assert_eq(records_of(db), 17);
        DEF->close_sink(s);
        wr_buf_free(&at);
        wr_buf_free(&next);
        wr_streams_close(db);
    }
}

/* runtime/state_tell.c -- a snapshot or savepoint, told to people: weir state.
 *
 * Rows are counted where they lie, without the operators that they belong to: a snapshot of a newer or older
 * SQL is told as well. Positions are the connectors' own bytes and shown as they are. */
#include <inttypes.h>
#include <msgpack.h>

#include "job_int.h"

#define TRIES 5

typedef struct telling {
    const wr_snapshot *from;
    wri_loader loader;
    wri_about about;
    wr_buf *out;
    wr_status st; /* the first failure of writing */
} telling;

#define PUT(t, ...)                                                                                          \
    do {                                                                                                     \
        if ((t)->st == WR_OK) (t)->st = wr_buf_printf((t)->out, __VA_ARGS__);                                \
    } while (0)

/* ---- parts ---- */

static wr_status add_rows(void *ctx, uint64_t at, size_t len, uint64_t rows, wr_err *err) {
    (void)at, (void)len, (void)err;
    *(uint64_t *)ctx += rows;
    return WR_OK;
}

/* What node id has, over all workers. */
static wr_status count(telling *t, uint32_t id, uint64_t *rowsp, uint64_t *bytesp, wr_err *err) {
    *rowsp = *bytesp = 0;
    for (size_t i = 0; i < t->from->n; i++) {
        const wr_saved_part *p = &t->from->parts[i];
        unsigned node;
        bool op = sscanf(p->name, WRI_OP_PARTS "%u/", &node) == 1;
        if (!op && sscanf(p->name, "source/%u", &node) != 1 && sscanf(p->name, "sink/%u", &node) != 1)
            continue;
        for (size_t k = 0; node == id && k < p->n; k++) {
            *bytesp += p->pieces[k].len;
            if (op) WR_TRY(wri_items_find(&t->loader, &p->pieces[k], add_rows, rowsp, err));
        }
    }
    return WR_OK;
}

/* ---- positions ---- */

static bool is_text(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 0x20 || (unsigned char)p[i] > 0x7e) return false;
    return n > 0;
}

static void put_position(telling *t, const char *p, size_t n) {
    char text[512];
    msgpack_unpacked u;
    size_t at = 0;
    if (is_text(p, n)) {
        PUT(t, "%.*s", (int)n, p);
        return;
    }
    msgpack_unpacked_init(&u);
    bool whole = msgpack_unpack_next(&u, p, n, &at) == MSGPACK_UNPACK_SUCCESS && at == n;
    int len = whole ? msgpack_object_print_buffer(text, sizeof text, u.data) : 0;
    msgpack_unpacked_destroy(&u);
    if (len > 0 && (size_t)len < sizeof text) PUT(t, "%.*s", len, text);
    else PUT(t, "%zu bytes", n);
}

static void put_split(telling *t, const msgpack_object *o) {
    char wm[WR_TEXT_MAX];
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3) return;
    const msgpack_object *f = o->via.array.ptr;
    if (f[0].type != MSGPACK_OBJECT_BIN || f[2].type != MSGPACK_OBJECT_BOOLEAN) return;
    PUT(t, "                          at ");
    put_position(t, f[0].via.bin.ptr, f[0].via.bin.size);
    int64_t us = f[1].via.i64;
    if (us > WR_TS_MIN && us < WR_TS_MAX)
        PUT(t, ", watermark %.*s", (int)wr_write_timestamp(us, 3, true, wm), wm);
    PUT(t, "%s\n", f[2].via.boolean ? ", ended" : "");
}

static void put_splits(telling *t, uint32_t id) {
    char name[64];
    snprintf(name, sizeof name, "source/%u", id);
    const wr_saved_part *p = wr_snapshot_part(t->from, name);
    msgpack_unpacked u;
    size_t at = 0;
    if (!p || p->n == 0) return;
    msgpack_unpacked_init(&u);
    if (msgpack_unpack_next(&u, p->pieces[0].data, p->pieces[0].len, &at) == MSGPACK_UNPACK_SUCCESS &&
        u.data.type == MSGPACK_OBJECT_ARRAY && u.data.via.array.size >= 2 &&
        u.data.via.array.ptr[1].type == MSGPACK_OBJECT_ARRAY)
        for (uint32_t i = 0; i < u.data.via.array.ptr[1].via.array.size; i++)
            put_split(t, &u.data.via.array.ptr[1].via.array.ptr[i]);
    msgpack_unpacked_destroy(&u);
}

/* ---- all of it ---- */

static wr_status put_all(telling *t, const char *dir, wr_err *err) {
    char when[WR_TEXT_MAX];
    const wr_snapshot *s = t->from;
    int len = (int)wr_write_timestamp(s->head.taken_us, 3, true, when);
    PUT(t, "%s: %s %" PRIu64 " of %.*s, format %d, written by weir %s%s\n", dir,
        s->savepoint ? "savepoint of snapshot" : "snapshot", s->head.epoch, len, when, s->head.format,
        t->about.version, s->head.finished ? "; the job has finished" : "");
    PUT(t, "%12s %12s\n", "rows", "bytes");
    for (uint32_t i = 0; i < t->about.n; i++) {
        const wri_keeper *k = &t->about.kept[i];
        uint64_t rows, bytes;
        WR_TRY(count(t, k->id, &rows, &bytes, err));
        if (k->kind == WR_N_SOURCE || k->kind == WR_N_SINK) PUT(t, "%12s", "");
        else PUT(t, "%12" PRIu64, rows);
        PUT(t, " %12" PRIu64 " %s\n", bytes, k->label);
        if (k->kind == WR_N_SOURCE) put_splits(t, k->id);
    }
    return t->st == WR_OK ? WR_OK : wr_fail_oom(err, "a text");
}

static wr_status look(const wr_sys *sys, const char *dir, wr_snapshot **fromp, wr_buf *out, wr_err *err) {
    WR_TRY(wr_snapshots_look(sys, dir, fromp, out, err));
    if (!*fromp) return wr_fail(err, WR_EINVAL, "'%s' has no snapshot, and is no savepoint", dir);
    return wr_snapshot_bring(*fromp, WRI_OP_PARTS, err);
}

static wr_status tell_once(const wr_sys *sys, const char *dir, wr_buf *out, wr_err *err) {
    wr_snapshot *from = NULL;
    wr_arena ar = {0};
    wr_status r = look(sys, dir, &from, out, err);
    telling t = {.from = from, .loader = {.reader = {.of = from, .fd = -1}}, .out = out};
    if (r == WR_OK) r = wri_about_read(from, &ar, &t.about, err);
    if (r == WR_OK) r = put_all(&t, dir, err);
    wri_loader_free(&t.loader);
    wr_snapshot_free(from);
    wr_arena_free(&ar);
    return r;
}

/* A job that runs may remove what is just being read: only after as many snapshots as are kept. */
wr_status wr_state_tell(const wr_sys *sys, const char *dir, wr_buf *out, wr_err *err) {
    size_t len = out->len;
    wr_status r = tell_once(sys, dir, out, err);
    for (int i = 1; i < TRIES && r == WR_EIO; i++) {
        out->len = len;
        r = tell_once(sys, dir, out, err);
    }
    return r;
}

wr_status wr_state_sql(const wr_sys *sys, const char *dir, wr_buf *out, wr_err *err) {
    wr_snapshot *from = NULL;
    wr_arena ar = {0};
    wr_buf said = {0};
    wri_about about;
    wr_status r = look(sys, dir, &from, &said, err);
    if (r == WR_OK) r = wri_about_read(from, &ar, &about, err);
    if (r == WR_OK && wr_buf_puts(out, about.sql) != WR_OK) r = wr_fail_oom(err, "a text");
    wr_snapshot_free(from);
    wr_buf_free(&said);
    wr_arena_free(&ar);
    return r;
}

wr_status wr_savepoint_read_about(const wr_sys *sys, const char *dir, wr_arena *ar, wr_savepoint_about *out,
                                  wr_err *err) {
    wr_snapshot *from;
    wri_about about;
    *out = (wr_savepoint_about){0};
    WR_TRY(wr_savepoint_glance(sys, dir, WRI_ABOUT, &from, &out->bytes, err));
    wr_status r = wri_about_read(from, ar, &about, err);
    if (r == WR_OK) {
        out->epoch = from->head.epoch;
        out->taken_us = from->head.taken_us;
        out->job = about.job;
        out->version = about.version;
        out->sql = about.sql;
    }
    wr_snapshot_free(from);
    return r;
}

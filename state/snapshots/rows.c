/* state/snapshots/rows.c -- a batch as bytes, and back.
 *
 *   msgpack: [rows, split, pos, wm | nil, change | nil, place | nil, [column …]]
 *   place:   positions of the rows, then their splits
 *   column:  [phys, nulls | nil, values]             of numbers
 *            [phys, nulls | nil, lengths, bytes]     of strings
 *
 * Arrays are raw little-endian words, as weir's machines have them in memory. Hashes and dictionary codes
 * are of a process and not kept. */
#include <msgpack.h>

#include "snapshots.h"

static int pack_bin(msgpack_packer *pk, const void *p, size_t n) {
    if (n > UINT32_MAX) return -1;
    int r = msgpack_pack_bin(pk, n);
    return r == 0 && n ? msgpack_pack_bin_body(pk, p, n) : r;
}

static int pack_optional(msgpack_packer *pk, const void *p, size_t n) {
    return p ? pack_bin(pk, p, n) : msgpack_pack_nil(pk);
}

static uint32_t length_of(const wr_col *c, uint32_t i) { return wr_is_null(c, i) ? 0 : c->str[i].len; }

/* Lengths and texts go through a block on the stack, so that there is a call for many of them. */
typedef struct few {
    msgpack_packer *pk;
    size_t n;
    char bytes[4096];
} few;

static int put_few(few *f, const void *p, size_t n) {
    int r = 0;
    if (n > sizeof f->bytes - f->n) {
        r = f->n ? msgpack_pack_bin_body(f->pk, f->bytes, f->n) : 0;
        f->n = 0;
    }
    if (r != 0 || n > sizeof f->bytes) return r == 0 ? msgpack_pack_bin_body(f->pk, p, n) : r;
    memcpy(f->bytes + f->n, p, n);
    f->n += n;
    return 0;
}

static int put_last(few *f) {
    int r = f->n ? msgpack_pack_bin_body(f->pk, f->bytes, f->n) : 0;
    f->n = 0;
    return r;
}

static int pack_strings(msgpack_packer *pk, const wr_col *c, uint32_t n) {
    few f;
    f.pk = pk;
    f.n = 0;
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) bytes += length_of(c, i);
    if (bytes > UINT32_MAX) return -1;
    int r = msgpack_pack_bin(pk, n * sizeof(uint32_t));
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        uint32_t len = length_of(c, i);
        r = put_few(&f, &len, sizeof len);
    }
    if (r == 0) r = put_last(&f);
    if (r == 0) r = msgpack_pack_bin(pk, bytes);
    for (uint32_t i = 0; r == 0 && i < n; i++)
        if (length_of(c, i)) r = put_few(&f, wr_str_data(&c->str[i]), length_of(c, i));
    return r == 0 ? put_last(&f) : r;
}

static int pack_column(msgpack_packer *pk, const wr_col *c, uint32_t n) {
    int r = msgpack_pack_array(pk, c->phys == WR_STR ? 4 : 3);
    if (r == 0) r = msgpack_pack_uint8(pk, (uint8_t)c->phys);
    if (r == 0) r = pack_optional(pk, c->nulls, wr_bitmap_words(n) * sizeof *c->nulls);
    if (r != 0) return r;
    return c->phys == WR_STR ? pack_strings(pk, c, n) : pack_bin(pk, c->data, n * sizeof *c->i64);
}

static int pack_places(msgpack_packer *pk, const wr_batch *b) {
    if (!b->place) return msgpack_pack_nil(pk);
    int r = msgpack_pack_bin(pk, b->n * (sizeof(int64_t) + sizeof(uint32_t)));
    for (uint32_t i = 0; r == 0 && i < b->n; i++)
        r = msgpack_pack_bin_body(pk, &b->place[i].pos, sizeof(int64_t));
    for (uint32_t i = 0; r == 0 && i < b->n; i++)
        r = msgpack_pack_bin_body(pk, &b->place[i].split, sizeof(uint32_t));
    return r;
}

static int pack_rows(msgpack_packer pk, const wr_batch *b) {
    int r = msgpack_pack_array(&pk, 7);
    if (r == 0) r = msgpack_pack_uint32(&pk, b->n);
    if (r == 0) r = msgpack_pack_uint32(&pk, b->split);
    if (r == 0) r = msgpack_pack_int64(&pk, b->pos);
    if (r == 0) r = pack_optional(&pk, b->wm, b->n * sizeof *b->wm);
    if (r == 0) r = pack_optional(&pk, b->change, b->n);
    if (r == 0) r = pack_places(&pk, b);
    if (r == 0) r = msgpack_pack_array(&pk, b->n_cols);
    for (uint32_t c = 0; r == 0 && c < b->n_cols; c++) r = pack_column(&pk, &b->cols[c], b->n);
    return r;
}

wr_status wr_rows_pack(const wr_batch *b, wr_buf *out, wr_err *err) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, wr_buf_write);
    return pack_rows(pk, b) == 0 ? WR_OK : wr_fail_oom(err, "rows of a snapshot");
}

typedef struct saying {
    wr_segment *to;
    wr_status status;
    wr_err *err;
} saying;

static int say(void *ctx, const char *p, size_t n) {
    saying *s = ctx;
    s->status = wr_segment_put(s->to, p, n, s->err);
    return s->status == WR_OK ? 0 : -1;
}

wr_status wr_rows_say(const wr_batch *b, wr_segment *to, wr_err *err) {
    saying s = {to, WR_OK, err};
    msgpack_packer pk;
    msgpack_packer_init(&pk, &s, say);
    if (pack_rows(pk, b) == 0) return WR_OK;
    return s.status != WR_OK ? s.status : wr_fail_oom(err, "rows of a snapshot");
}

/* ---- and back ---- */

static wr_status broken(wr_err *err) {
    return wr_fail(err, WR_EDATA, "rows of a snapshot are not as they were written; take an older snapshot");
}

/* The bytes of o must be n. */
static bool is_bin(const msgpack_object *o, size_t n) {
    return o->type == MSGPACK_OBJECT_BIN && o->via.bin.size == n;
}

static wr_status copy(wr_batch *b, const msgpack_object *o, size_t n, void *outp, wr_err *err) {
    if (!is_bin(o, n)) return broken(err);
    void *p = wr_arena_alloc(&b->arena, n + 1);
    if (!p) return wr_fail_oom(err, "rows of a snapshot");
    memcpy(p, o->via.bin.ptr, n);
    *(void **)outp = p;
    return WR_OK;
}

static wr_status unpack_strings(wr_batch *b, wr_col *c, const msgpack_object *lengths,
                                const msgpack_object *bytes, wr_err *err) {
    size_t at = 0;
    char *text;
    if (bytes->type != MSGPACK_OBJECT_BIN) return broken(err);
    size_t size = bytes->via.bin.size;
    WR_TRY(copy(b, bytes, size, &text, err));
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t len;
        memcpy(&len, lengths->via.bin.ptr + i * sizeof len, sizeof len);
        if (len > size - at) return broken(err);
        c->str[i] = wr_str_make(text + at, len);
        at += len;
    }
    return at == size ? WR_OK : broken(err);
}

static wr_status unpack_column(wr_batch *b, uint32_t i, const msgpack_object *o, wr_err *err) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3) return broken(err);
    const msgpack_object *f = o->via.array.ptr;
    if (f[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || f[0].via.u64 > WR_STR) return broken(err);
    wr_phys phys = (wr_phys)f[0].via.u64;
    /* Before memory is taken for them. */
    if (o->via.array.size != (phys == WR_STR ? 4 : 3)) return broken(err);
    if (!is_bin(&f[2], b->n * (phys == WR_STR ? sizeof(uint32_t) : sizeof(int64_t)))) return broken(err);
    WR_TRY(wr_batch_col(b, i, phys, err));
    wr_col *c = &b->cols[i];
    if (f[1].type != MSGPACK_OBJECT_NIL)
        WR_TRY(copy(b, &f[1], wr_bitmap_words(b->n) * sizeof *c->nulls, &c->nulls, err));
    if (phys == WR_STR) return unpack_strings(b, c, &f[2], &f[3], err);
    memcpy(c->data, f[2].via.bin.ptr, b->n * sizeof *c->i64);
    return WR_OK;
}

static wr_status unpack_places(wr_batch *b, const msgpack_object *o, wr_err *err) {
    if (!is_bin(o, b->n * (sizeof(int64_t) + sizeof(uint32_t)))) return broken(err);
    const char *pos = o->via.bin.ptr, *split = pos + b->n * sizeof(int64_t);
    b->place = wr_arena_alloc(&b->arena, (b->n + 1) * sizeof *b->place);
    if (!b->place) return wr_fail_oom(err, "rows of a snapshot");
    for (uint32_t i = 0; i < b->n; i++) {
        memcpy(&b->place[i].pos, pos + i * sizeof(int64_t), sizeof(int64_t));
        memcpy(&b->place[i].split, split + i * sizeof(uint32_t), sizeof(uint32_t));
    }
    return WR_OK;
}

static wr_status unpack_batch(const msgpack_object *o, wr_batch **outp, wr_err *err) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 7) return broken(err);
    const msgpack_object *f = o->via.array.ptr;
    bool pos = f[2].type == MSGPACK_OBJECT_POSITIVE_INTEGER || f[2].type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    if (f[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || f[0].via.u64 > UINT32_MAX || !pos ||
        f[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER || f[1].via.u64 > UINT32_MAX ||
        f[6].type != MSGPACK_OBJECT_ARRAY)
        return broken(err);
    uint32_t n = (uint32_t)f[0].via.u64, n_cols = f[6].via.array.size;
    wr_batch *b;
    WR_TRY(wr_batch_new(n_cols, n ? n : 1, &b, err));
    b->n = n;
    b->split = (uint32_t)f[1].via.u64;
    b->pos = f[2].via.i64;
    *outp = b;
    if (f[3].type != MSGPACK_OBJECT_NIL) WR_TRY(copy(b, &f[3], n * sizeof *b->wm, &b->wm, err));
    if (f[4].type != MSGPACK_OBJECT_NIL) WR_TRY(copy(b, &f[4], n, &b->change, err));
    if (f[5].type != MSGPACK_OBJECT_NIL) WR_TRY(unpack_places(b, &f[5], err));
    for (uint32_t c = 0; c < n_cols; c++) WR_TRY(unpack_column(b, c, &f[6].via.array.ptr[c], err));
    return WR_OK;
}

wr_status wr_rows_unpack(const char *p, size_t n, size_t *usedp, wr_batch **outp, wr_err *err) {
    msgpack_unpacked u;
    *outp = NULL;
    *usedp = 0;
    msgpack_unpacked_init(&u);
    msgpack_unpack_return got = msgpack_unpack_next(&u, p, n, usedp);
    wr_status s = got == MSGPACK_UNPACK_NOMEM_ERROR ? wr_fail_oom(err, "rows of a snapshot")
                  : got == MSGPACK_UNPACK_SUCCESS   ? unpack_batch(&u.data, outp, err)
                                                    : broken(err);
    msgpack_unpacked_destroy(&u);
    if (s == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return s;
}

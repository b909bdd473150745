/* state/snapshots/rows.c -- a batch as bytes, and back.
 *
 *   msgpack: [rows, split, pos, wm | nil, change | nil, place | nil, [column …]]
 *   wm:      [words]
 *   place:   [words, words]                         positions of the rows, then their splits
 *   column:  [phys, nulls | nil, words]             of numbers
 *            [phys, nulls | nil, words, bytes]      of strings: their lengths
 *   words:   least | nil, bytes                     each as so many bytes as the widest needs above the
 *                                                   least of them: 0, 1, 2, 4; nil: 8, as they are
 *
 * Words are little-endian, as weir's machines have them in memory. Hashes and dictionary codes are of a
 * process and not kept. Most state is counts, sums, times and keys that lie near each other: it takes a third
 * of the room, and all that is done with it later a third of the time.
 *
 * In snapshots of format 1, which are still read, words had no `least`, places and wm were one string of
 * bytes, and lengths had four bytes:
 *
 *   wm: bytes    place: bytes    column: [phys, nulls | nil, bytes] or [phys, nulls | nil, lengths, bytes] */
#include <inttypes.h>
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

/* ---- words: 64-bit numbers, some at a time ---- */

#define SOME 512

/* Words at..at + n of what `of` is, where they lie or in room, which has room for SOME. */
typedef const int64_t *words_of(const void *of, uint32_t at, uint32_t n, int64_t *room);

static const int64_t *own_words(const void *of, uint32_t at, uint32_t n, int64_t *room) {
    (void)n, (void)room;
    return (const int64_t *)of + at;
}

static uint32_t length_of(const wr_col *c, uint32_t i) { return wr_is_null(c, i) ? 0 : c->str[i].len; }

static const int64_t *lengths_of(const void *of, uint32_t at, uint32_t n, int64_t *room) {
    for (uint32_t i = 0; i < n; i++) room[i] = length_of(of, at + i);
    return room;
}

static const int64_t *positions_of(const void *of, uint32_t at, uint32_t n, int64_t *room) {
    const wr_row_place *places = of;
    for (uint32_t i = 0; i < n; i++) room[i] = places[at + i].pos;
    return room;
}

static const int64_t *splits_of(const void *of, uint32_t at, uint32_t n, int64_t *room) {
    const wr_row_place *places = of;
    for (uint32_t i = 0; i < n; i++) room[i] = places[at + i].split;
    return room;
}

/* Of numbers that need eight bytes anyway not all are looked at. */
static wr_span span_of(words_of *get, const void *of, uint32_t n) {
    int64_t room[SOME];
    wr_span s = WR_SPAN_NONE;
    for (uint32_t at = 0, some; at < n && wr_span_bytes(s) < 8; at += some) {
        some = n - at < SOME ? n - at : SOME;
        s = wr_span_with(s, get(of, at, some, room), some);
    }
    return n ? s : (wr_span){0, 0};
}

/* Two objects. */
static int pack_words(msgpack_packer *pk, words_of *get, const void *of, uint32_t n) {
    int64_t room[SOME];
    uint32_t out[SOME];
    wr_span span = span_of(get, of, n);
    uint32_t bytes = wr_span_bytes(span);
    uint64_t len = (uint64_t)bytes * n;
    if (len > UINT32_MAX) return -1;
    int r = bytes == 8 ? msgpack_pack_nil(pk) : msgpack_pack_int64(pk, span.least);
    if (r == 0) r = msgpack_pack_bin(pk, (size_t)len);
    for (uint32_t at = 0, some; r == 0 && at < n && bytes > 0; at += some) {
        some = n - at < SOME ? n - at : SOME;
        const int64_t *v = get(of, at, some, room);
        if (bytes < 8) wr_words_pack(v, some, span.least, bytes, out);
        r = msgpack_pack_bin_body(pk, bytes < 8 ? (const void *)out : v, (size_t)bytes * some);
    }
    return r;
}

/* ---- packing ---- */

/* Texts go through a block on the stack, so that there is a call for many of them. */
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

static int pack_texts(msgpack_packer *pk, const wr_col *c, uint32_t n) {
    few f;
    f.pk = pk;
    f.n = 0;
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) bytes += length_of(c, i);
    if (bytes > UINT32_MAX) return -1;
    int r = msgpack_pack_bin(pk, bytes);
    for (uint32_t i = 0; r == 0 && i < n; i++)
        if (length_of(c, i)) r = put_few(&f, wr_str_data(&c->str[i]), length_of(c, i));
    return r == 0 && f.n ? msgpack_pack_bin_body(pk, f.bytes, f.n) : r;
}

static int pack_column(msgpack_packer *pk, const wr_col *c, uint32_t n) {
    int r = msgpack_pack_array(pk, c->phys == WR_STR ? 5 : 4);
    if (r == 0) r = msgpack_pack_uint8(pk, (uint8_t)c->phys);
    if (r == 0) r = pack_optional(pk, c->nulls, wr_bitmap_words(n) * sizeof *c->nulls);
    if (r == 0 && c->phys == WR_STR) r = pack_words(pk, lengths_of, c, n);
    else if (r == 0) r = pack_words(pk, own_words, c->data, n);
    return r == 0 && c->phys == WR_STR ? pack_texts(pk, c, n) : r;
}

static int pack_wm(msgpack_packer *pk, const wr_batch *b) {
    if (!b->wm) return msgpack_pack_nil(pk);
    int r = msgpack_pack_array(pk, 2);
    return r == 0 ? pack_words(pk, own_words, b->wm, b->n) : r;
}

static int pack_places(msgpack_packer *pk, const wr_batch *b) {
    if (!b->place) return msgpack_pack_nil(pk);
    int r = msgpack_pack_array(pk, 4);
    if (r == 0) r = pack_words(pk, positions_of, b->place, b->n);
    return r == 0 ? pack_words(pk, splits_of, b->place, b->n) : r;
}

static int pack_rows(msgpack_packer pk, const wr_batch *b) {
    int r = msgpack_pack_array(&pk, 7);
    if (r == 0) r = msgpack_pack_uint32(&pk, b->n);
    if (r == 0) r = msgpack_pack_uint32(&pk, b->split);
    if (r == 0) r = msgpack_pack_int64(&pk, b->pos);
    if (r == 0) r = pack_wm(&pk, b);
    if (r == 0) r = pack_optional(&pk, b->change, b->n);
    if (r == 0) r = pack_places(&pk, b);
    if (r == 0) r = msgpack_pack_array(&pk, b->n_cols);
    for (uint32_t c = 0; r == 0 && c < b->n_cols; c++) r = pack_column(&pk, &b->cols[c], b->n);
    return r;
}

static wr_status why_not(const wr_batch *b, wr_err *err) {
    for (uint32_t c = 0; c < b->n_cols; c++) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; b->cols[c].phys == WR_STR && i < b->n; i++) bytes += length_of(&b->cols[c], i);
        if (bytes > UINT32_MAX)
            return wr_fail(err, WR_ELIMIT,
                           "rows of a snapshot: the texts of %u rows that belong together take %" PRIu64
                           " bytes; 4 GiB are the most",
                           b->n, bytes);
    }
    return wr_fail_oom(err, "rows of a snapshot");
}

wr_status wr_rows_pack(const wr_batch *b, wr_buf *out, wr_err *err) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, wr_buf_write);
    return pack_rows(pk, b) == 0 ? WR_OK : why_not(b, err);
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
    return s.status != WR_OK ? s.status : why_not(b, err);
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

/* n words of the objects o[0..2), least and bytes. out NULL: are they there? */
static bool unpack_words(const msgpack_object *o, uint32_t n, int64_t *out) {
    bool raw = o[0].type == MSGPACK_OBJECT_NIL;
    if (!raw && o[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER && o[0].type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return false;
    if (o[1].type != MSGPACK_OBJECT_BIN) return false;
    uint32_t size = o[1].via.bin.size, bytes = raw ? 8 : n ? size / n : 0;
    if (size != (uint64_t)bytes * n || (!raw && bytes != 0 && bytes != 1 && bytes != 2 && bytes != 4))
        return false;
    if (out) wr_words_unpack(o[1].via.bin.ptr, n, raw ? 0 : o[0].via.i64, bytes, out);
    return true;
}

/* Words of format 1, which had no least one and a fixed width, as words of today. */
static void words_then(const char *p, size_t n, uint32_t bytes, msgpack_object out[2]) {
    out[0] = (msgpack_object){.type = bytes == 8 ? MSGPACK_OBJECT_NIL : MSGPACK_OBJECT_POSITIVE_INTEGER};
    out[1] =
        (msgpack_object){.type = MSGPACK_OBJECT_BIN, .via.bin = {.size = (uint32_t)(n * bytes), .ptr = p}};
}

/* Lengths in lens, their strings to c. */
static wr_status make_strings(wr_batch *b, wr_col *c, const int64_t *lens, const msgpack_object *bytes,
                              wr_err *err) {
    size_t at = 0;
    char *text;
    if (bytes->type != MSGPACK_OBJECT_BIN) return broken(err);
    size_t size = bytes->via.bin.size;
    WR_TRY(copy(b, bytes, size, &text, err));
    for (uint32_t i = 0; i < b->n; i++) {
        if (lens[i] < 0 || (uint64_t)lens[i] > size - at) return broken(err);
        c->str[i] = wr_str_make(text + at, (uint32_t)lens[i]);
        at += (size_t)lens[i];
    }
    return at == size ? WR_OK : broken(err);
}

static wr_status unpack_strings(wr_batch *b, wr_col *c, const msgpack_object *words,
                                const msgpack_object *bytes, wr_err *err) {
    int64_t *lens = wr_alloc((b->n + 1) * sizeof *lens);
    if (!lens) return wr_fail_oom(err, "rows of a snapshot");
    (void)unpack_words(words, b->n, lens);
    wr_status r = make_strings(b, c, lens, bytes, err);
    wr_free(lens);
    return r;
}

static wr_status unpack_column(wr_batch *b, uint32_t i, const msgpack_object *o, wr_err *err) {
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3) return broken(err);
    const msgpack_object *f = o->via.array.ptr, *words = &f[2];
    if (f[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || f[0].via.u64 > WR_STR) return broken(err);
    wr_phys phys = (wr_phys)f[0].via.u64;
    uint32_t size = o->via.array.size, today = phys == WR_STR ? 5 : 4, fixed = phys == WR_STR ? 4 : 8;
    msgpack_object then[2];
    if (size == today - 1) {
        if (!is_bin(&f[2], (size_t)b->n * fixed)) return broken(err);
        words_then(f[2].via.bin.ptr, b->n, fixed, then);
        words = then;
    } else if (size != today) return broken(err);
    if (!unpack_words(words, b->n, NULL)) return broken(err); /* before memory is taken for them */
    WR_TRY(wr_batch_col(b, i, phys, err));
    wr_col *c = &b->cols[i];
    if (f[1].type != MSGPACK_OBJECT_NIL)
        WR_TRY(copy(b, &f[1], wr_bitmap_words(b->n) * sizeof *c->nulls, &c->nulls, err));
    if (phys == WR_STR) return unpack_strings(b, c, words, &f[size - 1], err);
    (void)unpack_words(words, b->n, c->data);
    return WR_OK;
}

static wr_status unpack_wm(wr_batch *b, const msgpack_object *o, wr_err *err) {
    if (o->type != MSGPACK_OBJECT_ARRAY) return copy(b, o, b->n * sizeof *b->wm, &b->wm, err); /* format 1 */
    if (o->via.array.size != 2 || !unpack_words(o->via.array.ptr, b->n, NULL)) return broken(err);
    b->wm = wr_arena_alloc(&b->arena, (b->n + 1) * sizeof *b->wm);
    if (!b->wm) return wr_fail_oom(err, "rows of a snapshot");
    (void)unpack_words(o->via.array.ptr, b->n, b->wm);
    return WR_OK;
}

static wr_status unpack_places(wr_batch *b, const msgpack_object *o, wr_err *err) {
    const size_t n = b->n;
    const msgpack_object *f = o->via.array.ptr;
    msgpack_object then[4];
    if (is_bin(o, n * (sizeof(int64_t) + sizeof(uint32_t)))) {
        words_then(o->via.bin.ptr, n, sizeof(int64_t), then);
        words_then(o->via.bin.ptr + n * sizeof(int64_t), n, sizeof(uint32_t), then + 2);
        f = then;
    } else if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 4) return broken(err);
    if (!unpack_words(f, b->n, NULL) || !unpack_words(f + 2, b->n, NULL)) return broken(err);
    b->place = wr_arena_alloc(&b->arena, (n + 1) * sizeof *b->place);
    int64_t *words = b->place ? wr_alloc((n + 1) * sizeof *words) : NULL;
    if (!words) return wr_fail_oom(err, "rows of a snapshot");
    (void)unpack_words(f, b->n, words);
    for (size_t i = 0; i < n; i++) b->place[i].pos = words[i];
    (void)unpack_words(f + 2, b->n, words);
    for (size_t i = 0; i < n; i++) b->place[i].split = (uint32_t)words[i];
    wr_free(words);
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
    if (f[3].type != MSGPACK_OBJECT_NIL) WR_TRY(unpack_wm(b, &f[3], err));
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

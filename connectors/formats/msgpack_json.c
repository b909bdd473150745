/* connectors/formats/msgpack_json.c -- a nested MessagePack value as JSON text, for columns that hold such.
 *
 * The slow way: msgpack-c builds the object tree of the record, the steps lead to the value, which is
 * printed. Bytes become base64, timestamps ISO text, numbers that JSON lacks null; keys that are no text are
 * their number in quotes. The library nests 32 deep at most, so recursion here is bounded. Any thread. */
#include <math.h>
#include <msgpack.h>

#include "connectors/formats/json_encode_int.h"
#include "connectors/formats/msgpack_int.h"

static uint64_t big_endian(const char *p, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | (unsigned char)p[i];
    return v;
}

bool wri_mp_timestamp(int8_t type, const char *p, size_t n, int64_t *outp_us) {
    *outp_us = 0;
    if (type != -1 || (n != 4 && n != 8 && n != 12)) return false;
    uint64_t ns = 0;
    int64_t s = (int64_t)big_endian(p, 4);
    if (n == 8) {
        ns = big_endian(p, 8) >> 34;
        s = (int64_t)(big_endian(p, 8) & ((UINT64_C(1) << 34) - 1));
    } else if (n == 12) {
        ns = big_endian(p, 4);
        s = (int64_t)big_endian(p + 4, 8);
    }
    if (ns > 999999999 || __builtin_mul_overflow(s, WR_US_PER_SECOND, outp_us)) return false;
    return !__builtin_add_overflow(*outp_us, (int64_t)(ns / 1000), outp_us);
}

static wr_status put(const msgpack_object *o, wr_buf *out);

static wr_status put_text(const char *p, size_t n, wr_buf *out) {
    WR_TRY(wr_buf_reserve(out, 6 * n + 2 + WR_PAD));
    out->len += wri_json_string(p, n, out->data + out->len);
    return WR_OK;
}

static wr_status put_bytes(const char *p, size_t n, wr_buf *out) {
    WR_TRY(wr_buf_reserve(out, wri_base64_len(n) + 2));
    char *o = out->data + out->len;
    size_t len = wri_base64_write(p, n, o + 1);
    o[0] = o[len + 1] = '"';
    out->len += len + 2;
    return WR_OK;
}

static wr_status put_number(const msgpack_object *o, wr_buf *out) {
    char text[WR_TEXT_MAX];
    if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 > INT64_MAX)
        return wr_buf_printf(out, "%llu", (unsigned long long)o->via.u64);
    if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER || o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return wr_buf_put(out, text, wr_write_i64(o->via.i64, text));
    if (!isfinite(o->via.f64)) return wr_buf_puts(out, "null");
    if (o->type == MSGPACK_OBJECT_FLOAT32)
        return wr_buf_put(out, text, wr_write_f32((float)o->via.f64, text));
    return wr_buf_put(out, text, wr_write_f64(o->via.f64, text));
}

static wr_status put_ext(const msgpack_object *o, wr_buf *out) {
    int64_t us;
    char text[WR_TEXT_MAX];
    if (!wri_mp_timestamp(o->via.ext.type, o->via.ext.ptr, o->via.ext.size, &us))
        return put_bytes(o->via.ext.ptr, o->via.ext.size, out);
    return put_text(text, wr_write_timestamp(us, 6, true, text), out);
}

static wr_status put_key(const msgpack_object *k, wr_buf *out) {
    if (k->type == MSGPACK_OBJECT_STR) return put_text(k->via.str.ptr, k->via.str.size, out);
    if (k->type != MSGPACK_OBJECT_POSITIVE_INTEGER && k->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return WR_EDATA;
    WR_TRY(wr_buf_puts(out, "\""));
    WR_TRY(put_number(k, out));
    return wr_buf_puts(out, "\"");
}

static wr_status put_map(const msgpack_object_map *m, wr_buf *out) {
    for (uint32_t i = 0; i < m->size; i++) {
        WR_TRY(wr_buf_puts(out, i ? "," : "{"));
        WR_TRY(put_key(&m->ptr[i].key, out));
        WR_TRY(wr_buf_puts(out, ":"));
        WR_TRY(put(&m->ptr[i].val, out));
    }
    return wr_buf_puts(out, m->size ? "}" : "{}");
}

static wr_status put_array(const msgpack_object_array *a, wr_buf *out) {
    for (uint32_t i = 0; i < a->size; i++) {
        WR_TRY(wr_buf_puts(out, i ? "," : "["));
        WR_TRY(put(&a->ptr[i], out));
    }
    return wr_buf_puts(out, a->size ? "]" : "[]");
}

static wr_status put(const msgpack_object *o, wr_buf *out) {
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return wr_buf_puts(out, "null");
    case MSGPACK_OBJECT_BOOLEAN:
        return wr_buf_puts(out, o->via.boolean ? "true" : "false");
    case MSGPACK_OBJECT_STR:
        return put_text(o->via.str.ptr, o->via.str.size, out);
    case MSGPACK_OBJECT_BIN:
        return put_bytes(o->via.bin.ptr, o->via.bin.size, out);
    case MSGPACK_OBJECT_EXT:
        return put_ext(o, out);
    case MSGPACK_OBJECT_MAP:
        return put_map(&o->via.map, out);
    case MSGPACK_OBJECT_ARRAY:
        return put_array(&o->via.array, out);
    default:
        return put_number(o, out);
    }
}

/* The value one step further down; NULL: there is none. The last of equal keys counts, as in decoding. */
static const msgpack_object *step_down(const msgpack_object *o, const wri_mp_step *s) {
    if (!s->key) {
        bool there = o->type == MSGPACK_OBJECT_ARRAY && s->index < o->via.array.size;
        return there ? &o->via.array.ptr[s->index] : NULL;
    }
    if (o->type != MSGPACK_OBJECT_MAP) return NULL;
    const msgpack_object *found = NULL;
    for (uint32_t i = 0; i < o->via.map.size; i++) {
        const msgpack_object *k = &o->via.map.ptr[i].key;
        if (k->type == MSGPACK_OBJECT_STR && k->via.str.size == s->len &&
            memcmp(k->via.str.ptr, s->key, s->len) == 0)
            found = &o->via.map.ptr[i].val;
    }
    return found;
}

wr_status wri_mp_json(const char *p, size_t n, const wri_mp_step *steps, uint32_t n_steps, wr_buf *out) {
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    size_t at = 0;
    msgpack_unpack_return r = msgpack_unpack_next(&u, p, n, &at);
    wr_status s = r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_EXTRA_BYTES ? WR_OK : WR_EDATA;
    const msgpack_object *o = &u.data;
    for (uint32_t i = 0; s == WR_OK && o && i < n_steps; i++) o = step_down(o, &steps[i]);
    if (s == WR_OK) s = o ? put(o, out) : WR_EDATA;
    msgpack_unpacked_destroy(&u);
    return s;
}

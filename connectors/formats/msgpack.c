/* connectors/formats/msgpack.c -- MessagePack: options, framing, definition.
 *
 * A stream of objects, one a row: maps (columns by name or path) or arrays (columns by order). Framing is
 * msgpack-c's parser with callbacks that keep nothing. Bytes that are no MessagePack have no next record to
 * find, so they are given whole to the decoder, which says so. Pure functions; any thread. */
#include "connectors/formats/msgpack_int.h"

#define MSGPACK_EMBED_STACK_SIZE WRI_MP_DEPTH_MAX
#include <msgpack/unpack_define.h>

enum { MSGPACK_UNPACK_PARSE_ERROR = -1, MSGPACK_UNPACK_NOMEM_ERROR = -2 }; /* as in msgpack/unpack.h */

/* ---- msgpack-c's parser, walking over objects ---- */

typedef struct walk_user {
    char unused;
} walk_user;

#define msgpack_unpack_struct(name)    struct walk##name
#define msgpack_unpack_func(ret, name) static inline ret walk##name
#define msgpack_unpack_callback(name)  walk_on##name
#define msgpack_unpack_object          char
#define msgpack_unpack_user            walk_user
#define ON_VALUE(name, type)                                                                                 \
    static inline int walk_on_##name(walk_user *u, type v, char *o) { return (void)u, (void)v, *o = 0; }
#define ON_SIMPLE(name)                                                                                      \
    static inline int walk_on_##name(walk_user *u, char *o) { return (void)u, *o = 0; }
#define ON_BYTES(name)                                                                                       \
    static inline int walk_on_##name(walk_user *u, const char *b, const char *p, unsigned n, char *o) {      \
        return (void)u, (void)b, (void)p, (void)n, *o = 0;                                                   \
    }
ON_VALUE(uint8, uint8_t)
ON_VALUE(uint16, uint16_t)
ON_VALUE(uint32, uint32_t)
ON_VALUE(uint64, uint64_t)
ON_VALUE(int8, int8_t)
ON_VALUE(int16, int16_t)
ON_VALUE(int32, int32_t)
ON_VALUE(int64, int64_t)
ON_VALUE(float, float)
ON_VALUE(double, double)
ON_VALUE(array, unsigned)
ON_VALUE(map, unsigned)
ON_SIMPLE(nil)
ON_SIMPLE(true)
ON_SIMPLE(false)
ON_BYTES(str)
ON_BYTES(bin)
ON_BYTES(ext)
static inline char walk_on_root(walk_user *u) { return (void)u, 0; }
static inline int walk_on_array_item(walk_user *u, char *c, char o) { return (void)u, (void)c, (void)o, 0; }
static inline int walk_on_map_item(walk_user *u, char *c, char k, char v) {
    return (void)u, (void)c, (void)k, (void)v, 0;
}
#include <msgpack/unpack_template.h>

static size_t msgpack_frame(const char *p, size_t n, bool last, uint64_t *state) {
    (void)state;
    if (last) return n;
    struct walk_context ctx;
    size_t whole = 0;
    while (whole < n) {
        size_t at = whole;
        walk_init(&ctx);
        int r = walk_execute(&ctx, p, n, &at);
        if (r < 0) return n;
        if (r == 0) break;
        whole = at;
    }
    return whole;
}

/* ---- options ---- */

static const wr_option options[] = {
    {"layout", WR_OPT_ENUM, offsetof(wri_mp_options, layout), "map|array", "map", 0, 0, false,
     "How rows are written: maps with the names of the columns, or arrays in their order. Both can be read."},
    {"timestamp_format", WR_OPT_ENUM, offsetof(wri_mp_options, timestamp_format), WRI_MP_TIME_FORMATS, "iso",
     0, 0, false,
     "How TIMESTAMP columns are written: ISO 8601 text, a number of seconds, milliseconds or microseconds "
     "since "
     "1970, or MessagePack's timestamp extension (which can always be read)."},
};

wr_status wri_mp_read_options(const wr_kv *kvs, size_t n_kvs, wri_mp_options *outp, wr_err *err) {
    return wri_format_options(options, WR_LEN(options), kvs, n_kvs, outp, sizeof *outp, err);
}

const wr_format_def wr_format_msgpack = {
    .between = WR_BETWEEN_NOTHING,
    .with = {.name = "msgpack",
             .doc = "MessagePack: a stream of maps or arrays, one a row.",
             .options = options,
             .n_options = WR_LEN(options),
             .source = true,
             .sink = true},
    .frame = msgpack_frame,
    .open_decoder = wri_mp_open_decoder,
    .decode = wri_mp_decode,
    .close_decoder = wri_mp_close_decoder,
    .open_encoder = wri_mp_open_encoder,
    .encode = wri_mp_encode,
    .close_encoder = wri_mp_close_encoder,
};

/* connectors/formats/msgpack_int.h -- what msgpack.c (options, framing), msgpack_decode.c, msgpack_encode.c
 * and msgpack_json.c share. */
#ifndef WRI_FORMATS_MSGPACK_INT_H
#define WRI_FORMATS_MSGPACK_INT_H

#include "connectors/formats/convert.h"

#define WRI_MP_DEPTH_MAX 512 /* nested maps and arrays in a record */

#define WRI_MP_TIME_EXT     4 /* behind the values of wri_time_format */
#define WRI_MP_TIME_FORMATS WRI_TIME_FORMATS "|ext"

typedef struct wri_mp_options {
    int layout; /* writing: 0 map, 1 array */
    int timestamp_format;
} wri_mp_options;
wr_status wri_mp_read_options(const wr_kv *kvs, size_t n_kvs, wri_mp_options *outp, wr_err *err) WR_MUST_USE;

/* A step down into a record: a member of a map, or an element of an array when key is NULL. */
typedef struct wri_mp_step {
    const char *key;
    uint32_t len, index;
} wri_mp_step;

/* The value at the end of the steps in the record p[0..n), as JSON text appended to out. WR_EDATA: it has no
 * JSON form or is nested too deep. */
wr_status wri_mp_json(const char *p, size_t n, const wri_mp_step *steps, uint32_t n_steps,
                      wr_buf *out) WR_MUST_USE;
/* Microseconds of a timestamp extension (type -1); false: it is none. */
bool wri_mp_timestamp(int8_t type, const char *p, size_t n, int64_t *outp_us);

wr_status wri_mp_open_decoder(const wr_decode_cfg *cfg, wr_decoder **outp, wr_err *err);
wr_status wri_mp_decode(wr_decoder *d, const wr_chunk *c, wr_batches *out, wr_err *err);
void wri_mp_close_decoder(wr_decoder *d);
wr_status wri_mp_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err);
wr_status wri_mp_encode(wr_encoder *e, const wr_batch *b, wr_buf *out, wr_err *err);
void wri_mp_close_encoder(wr_encoder *e);

#endif

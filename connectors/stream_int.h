/* connectors/stream_int.h -- both sides of the connector 'stream'. Private to stream.c and stream_sink.c. */
#ifndef WR_STREAM_INT_H
#define WR_STREAM_INT_H

#include "conn_int.h"
#include "state/state.h"

typedef struct stream_opts {
    const char *stream, *start, *partition_by, *share;
    int end, delivery;
    int64_t chunk_bytes, shards;
} stream_opts;
enum { WRI_END_NEVER, WRI_END_LATEST };
wr_status wri_stream_connector_options(const wr_kv *kvs, size_t n, stream_opts *out, wr_err *err) WR_MUST_USE;
wr_status wri_need_streams(const wr_streams *db, wr_err *err) WR_MUST_USE;
/* A record is a row, so no header line goes before it. */
wr_status wri_no_header(const wr_format_def *format, const wr_kv *kvs, size_t n, wr_err *err) WR_MUST_USE;

/* ---- stream_once.c: rows that go with their epoch, each once ---- */
typedef struct wri_once {
    wr_streams *db;
    wr_stream *st;
    char *stream;    /* its name */
    uint64_t writer; /* 0: rows go at once */
    uint32_t made;   /* of the stream */
    wr_shard_at *at; /* where each shard ended when all before had been delivered */
    size_t n_at, cap_at;
    wr_shard_at *ends; /* where they end by now, in the middle of an epoch */
    size_t n_ends, cap_ends;
    wr_put *puts;
} wri_once;
wr_status wri_once_open(wri_once *o, const wr_sink_cfg *cfg, const char *stream, wr_stream *st,
                        wr_err *err) WR_MUST_USE;
/* h->data: per record the lengths of its key and of its data, 4 bytes each, then both. */
wr_status wri_once_commit(wri_once *o, const wr_handover *h, wr_err *err) WR_MUST_USE;
wr_status wri_once_mark(const wri_once *o, wr_buf *out, wr_err *err) WR_MUST_USE;
void wri_once_close(wri_once *o);

wr_status wri_stream_sink_pack(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends,
                               const char **whys, wr_buf *out, wr_err *err);
wr_status wri_stream_sink_commit(wr_sink *s, const wr_handover *h, wr_err *err);
wr_status wri_stream_sink_mark(wr_sink *s, wr_buf *out, wr_err *err);
wr_status wri_stream_sink_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);
wr_status wri_stream_sink_put(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends, wr_err *err);
wr_status wri_stream_sink_flush(wr_sink *s, wr_err *err);
void wri_stream_sink_close(wr_sink *s);

#endif

/* connectors/stream_int.h -- both sides of the connector 'stream'. Private to stream.c and stream_sink.c. */
#ifndef WR_STREAM_INT_H
#define WR_STREAM_INT_H

#include "conn_int.h"
#include "state/state.h"

typedef struct stream_opts {
    const char *stream, *start, *partition_by;
    int end;
    int64_t chunk_bytes, shards;
} stream_opts;
enum { WRI_END_NEVER, WRI_END_LATEST };
wr_status wri_stream_connector_options(const wr_kv *kvs, size_t n, stream_opts *out, wr_err *err) WR_MUST_USE;
wr_status wri_need_streams(const wr_streams *db, wr_err *err) WR_MUST_USE;
/* A record is a row, so no header line goes before it. */
wr_status wri_no_header(const wr_format_def *format, const wr_kv *kvs, size_t n, wr_err *err) WR_MUST_USE;

wr_status wri_stream_sink_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);
wr_status wri_stream_sink_put(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends, wr_err *err);
wr_status wri_stream_sink_flush(wr_sink *s, wr_err *err);
void wri_stream_sink_close(wr_sink *s);

#endif

/* connectors/conn_int.h -- what the connectors share. Private to connectors/.
 *
 *   wri_cutter   bytes at hand → chunks that end where a record ends
 *   wri_reader   a descriptor read piece by piece, unpacked where packed, into chunks
 *   wri_map      a file mapped into memory that survives being truncated under us
 *   wri_unzip, wri_zip   gzip and zstd as streams
 *
 * Each object is used by one thread at a time, except where a comment says otherwise. */
#ifndef WR_CONN_INT_H
#define WR_CONN_INT_H

#include "connectors.h"

#define WRI_BAD_SHOWN 4096 /* bytes of a too long record that its bad chunk carries */

/* wr_options_read for a connector: the keys of the format and of the runtime are left alone. */
wr_status wri_options(const wr_option *opts, size_t n_opts, const wr_kv *kvs, size_t n, void *out,
                      size_t size, wr_err *err) WR_MUST_USE;

/* ---- chunks ---- */
typedef struct wri_cutter {
    const wr_format_def *format;
    uint64_t begin;       /* the format's state at the start of a file */
    uint64_t state;       /* and at the place reached */
    size_t record_max;    /* longest record [bytes] */
    bool begun;           /* the first record has been seen */
    bool again;           /* this is not the first file of the split; its head is not shown once more */
    bool skipping;        /* inside a record that was too long */
    const char *why_long; /* `why` of too long records; in ar */
    const char *head;     /* what each chunk carries along (a header line), in ar; NULL: none */
    size_t head_len;
    wr_arena ar; /* chunks point into it: it lives as long as the source */
} wri_cutter;
/* WR_EINVAL where cfg has no format that can be read. */
wr_status wri_readable(const wr_source_cfg *cfg, const char *name, wr_err *err) WR_MUST_USE;
wr_status wri_cutter_init(wri_cutter *c, const wr_source_cfg *cfg, size_t record_max,
                          wr_err *err) WR_MUST_USE;
wr_status wri_cutter_like(wri_cutter *c, const wri_cutter *other, wr_err *err) WR_MUST_USE;
/* Notes the head of the file that fd is open at, without moving on: reading goes on in the middle. */
wr_status wri_cutter_head(wri_cutter *c, const wr_sys *sys, int fd, const char *name,
                          wr_err *err) WR_MUST_USE;
void wri_cutter_restart(wri_cutter *c); /* another file of the same split begins */
void wri_cutter_free(wri_cutter *c);

/* What to do with the bytes shown: the first `take` are done with, `show` of them form the chunk.
 * take == 0: no record ends here, show more. show == 0 < take: nothing to deliver. */
typedef struct wri_piece {
    size_t take, show;
    bool bad; /* the beginning of a record that is too long */
} wri_piece;
wr_status wri_cut(wri_cutter *c, const char *p, size_t n, bool last, wri_piece *outp,
                  wr_err *err) WR_MUST_USE;
/* The chunk of a piece; data, position and hold are the caller's to fill in. */
wr_chunk wri_chunk(const wri_cutter *c, wri_piece piece);

/* ---- compression ---- */
typedef enum wri_compression { WRI_AUTO, WRI_NONE, WRI_GZIP, WRI_ZSTD } wri_compression;
#define WRI_COMPRESSION_VALUES "auto|none|gzip|zstd"
#define WRI_MAGIC_BYTES        4
const char *wri_compression_name(wri_compression c);
/* By the first bytes; WRI_AUTO: more than n bytes are needed to tell. last: there are no more. */
wri_compression wri_magic(const char *p, size_t n, bool last);

typedef struct wri_unzip wri_unzip;
wr_status wri_unzip_new(wri_compression kind, wri_unzip **outp, wr_err *err) WR_MUST_USE;
/* Unpacks from in[0..n) into out[0..cap); *tookp and *madep say how far it came. Both 0: more input is
 * needed. WR_EDATA: broken data, *whyp says how. */
wr_status wri_unzip_run(wri_unzip *z, const char *in, size_t n, size_t *tookp, char *out, size_t cap,
                        size_t *madep, const char **whyp) WR_MUST_USE;
bool wri_unzip_whole(const wri_unzip *z); /* the input so far ends where a member ends */
void wri_unzip_free(wri_unzip *z);

typedef struct wri_zip wri_zip;
struct z_stream_s;
void wri_gz_memory(struct z_stream_s *z); /* zlib takes its memory from core/mem.h */
wr_status wri_zip_new(wri_compression kind, wri_zip **outp, wr_err *err) WR_MUST_USE;
/* Packs p[0..n) to the end of out. finish: ends the member, so that what was written so far can be
 * unpacked; the next call begins another. */
wr_status wri_zip_run(wri_zip *z, const char *p, size_t n, bool finish, wr_buf *out, wr_err *err) WR_MUST_USE;
void wri_zip_free(wri_zip *z);

/* ---- mapped files ---- */
typedef struct wri_map {
    wr_ref ref;
    const char *data; /* data[len .. len+WR_PAD) is readable */
    size_t len;
    size_t reserved; /* bytes of address space */
    const wr_sys *sys;
    struct wri_guard *guard;
    size_t passed; /* bytes given back by wri_map_passed */
} wri_map;
/* Maps the first len > 0 bytes of fd. Failure: the caller reads the file instead. */
wr_status wri_map_new(const wr_sys *sys, int fd, size_t len, wri_map **outp, wr_err *err) WR_MUST_USE;
/* Reading has come to `at`: pages well behind it need not count as this process's memory. Strings that still
 * point there read them again. */
void wri_map_passed(wri_map *m, size_t at);
bool wri_map_broken(const wri_map *m); /* a page could not be read; zeros stand in its place */

/* ---- reading ---- */
typedef struct wri_reader_cfg {
    const wr_sys *sys;
    const char *name; /* for messages */
    wri_cutter *cut;  /* borrowed: what it owns must outlive the reader */
    size_t chunk_bytes;
    wri_compression compression;
    bool waits;   /* pipe or terminal: ask poll before reading */
    bool follows; /* tail: the end is only the end for now; reads by offset */
} wri_reader_cfg;

typedef struct wri_reader {
    wri_reader_cfg cfg;
    int fd;       /* borrowed */
    int64_t at;   /* bytes read from fd; written atomically, anyone may look */
    int64_t pos;  /* position of buf->data[0] in the split, unpacked [bytes] */
    bool eof;     /* nothing more will come from fd */
    bool decided; /* compression is known */
    wri_unzip *unzip;
    char *raw; /* packed bytes not yet taken, or those looked at to tell whether they are packed */
    size_t raw_from, raw_len;
    wr_bytes *buf; /* private until handed out */
    size_t len;
    wr_status failed; /* told when what was whole has been delivered */
    wr_err failure;
} wri_reader;

/* Readies *r for reading fd from its beginning. Undone by wri_reader_close, also after a failure. */
wr_status wri_reader_open(wri_reader *r, const wri_reader_cfg *cfg, int fd, wr_err *err) WR_MUST_USE;
wr_status wri_reader_next(wri_reader *r, wr_chunk *outp, wr_err *err);
/* follows: what is buffered is all there will be of this file; next() ends with WR_EOF. */
void wri_reader_finish(wri_reader *r);
/* follows: begins again with fd; positions go on. */
void wri_reader_restart(wri_reader *r, int fd);
void wri_reader_close(wri_reader *r);

/* The option `delivery` of sinks that take rows with their epoch; wr_sink_delivery (planner.h) goes by it. */
#define WRI_DELIVERY_VALUES "exactly_once|at_least_once"
#define WRI_DELIVERY_DOC                                                                                     \
    "Writing under --state: exactly_once hands rows over with each snapshot; at_least_once at once, and "    \
    "after a "                                                                                               \
    "crash some once more."

/* open(2) that does not give up when a signal comes. */
int wri_open(const wr_sys *sys, const char *path, int flags, mode_t mode);

#endif

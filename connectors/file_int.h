/* connectors/file_int.h -- the parts of the file connector. Private to file*.c. */
#ifndef WR_FILE_INT_H
#define WR_FILE_INT_H

#include "conn_int.h"

typedef struct file_opts {
    const char *path;
    int compression; /* wri_compression */
    bool tail;
    int64_t record_max, chunk_bytes;
} file_opts;
wr_status wri_file_options(const wr_kv *kvs, size_t n, file_opts *out, wr_err *err) WR_MUST_USE;

/* A sorted list of paths; owner of the strings: the arena. */
typedef struct wri_paths {
    const char **items;
    size_t n, cap;
} wri_paths;
/* What `path` names: a file, the files of a directory, or those that match a pattern. At least one. */
wr_status wri_file_list(const wr_sys *sys, const char *path, wr_arena *ar, wri_paths *outp,
                        wr_err *err) WR_MUST_USE;
/* WR_EIO: path cannot be opened or read, and why, and what to do. */
wr_status wri_file_cannot(const char *what, const char *path, int e, wr_err *err);

/* ---- following a growing file ---- */
typedef struct wri_tail {
    const wr_sys *sys;
    const char *path;
    int fd;        /* -1: gone, waiting for a new one of that name */
    dev_t dev;     /* of fd */
    ino_t ino;     /* of fd */
    bool ending;   /* the old file is being finished before the new one is begun */
    bool anew;     /* after that: begin again with the same file, which was cut back */
    int64_t bytes; /* its size when last looked at; written atomically */
    wri_reader reader;
} wri_tail;
wr_status wri_tail_open(wri_tail *t, const wri_reader_cfg *cfg, const char *path, wr_err *err) WR_MUST_USE;
wr_status wri_tail_next(wri_tail *t, wr_chunk *outp, wr_err *err);
void wri_tail_close(wri_tail *t);

/* ---- writing ---- */
wr_status wri_file_sink_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);
wr_status wri_file_sink_write(wr_sink *s, const char *p, size_t n, wr_err *err);
wr_status wri_file_sink_flush(wr_sink *s, wr_err *err);
void wri_file_sink_close(wr_sink *s);

#endif

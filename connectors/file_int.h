/* connectors/file_int.h -- the parts of the file connector. Private to file*.c. */
#ifndef WR_FILE_INT_H
#define WR_FILE_INT_H

#include <limits.h>
#include <pthread.h>

#include "conn_int.h"

typedef struct file_opts {
    const char *path;
    int compression; /* wri_compression */
    bool tail;
    int64_t record_max, chunk_bytes, reload_us;
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
/* As wr_connector_def.stamp. */
wr_status wri_file_stamp(const wr_source_cfg *cfg, wr_stamp *outp, wr_err *err);
bool wri_file_packed(const char *path); /* its name says so */
/* WR_EIO: path cannot be opened or read, and why, and what to do. */
wr_status wri_file_cannot(const char *what, const char *path, int e, wr_err *err);

/* ---- whose file is whose: file_claim.c ---- */
typedef struct wri_claim {
    dev_t dev;
    ino_t ino;
    int fd;
    bool left;     /* nobody reads it any more; fd is the list's */
    uint64_t seen; /* left: the last scan that found it */
} wri_claim;
typedef struct wri_claims {
    const wr_sys *sys; /* NULL: none are made */
    pthread_mutex_t lock;
    wri_claim *items;
    size_t n, cap;
    uint64_t scan;
} wri_claims;
void wri_claims_init(wri_claims *c, const wr_sys *sys);
void wri_claims_free(wri_claims *c); /* harmless where zero */
/* WR_AGAIN: the file is or was another's. */
wr_status wri_claim_take(wri_claims *c, const struct stat *st, int fd) WR_MUST_USE;
void wri_claim_leave(wri_claims *c, int fd); /* fd is the list's from now on */
void wri_claim_drop(wri_claims *c, int fd); /* closes fd: the file is nobody's any more, as if it never was */
/* Whether the file is or was anybody's; the scan under way has found it. */
bool wri_claim_seen(wri_claims *c, const struct stat *st);
void wri_claims_scan(wri_claims *c); /* a scan begins: forgets what the last one has not found */

/* ---- following a growing file ---- */
typedef struct wri_tail_counts { /* of all files that a source follows; atomic */
    uint32_t rotated, cut_back, deleted, lost;
} wri_tail_counts;
typedef struct wri_place { /* in a file that is followed, as a snapshot keeps it */
    dev_t dev;
    ino_t ino;
    int64_t at;  /* byte of the file at which the next record begins */
    int64_t pos; /* position of that record in the split */
    bool over;   /* the file was read to its end and left, and there was no other yet */
    uint64_t
        print_n; /* by so many of its first bytes it is told from another that got its inode; 0: it is not */
    uint64_t print; /* their hash */
} wri_place;
typedef struct wri_tail {
    const wr_sys *sys;
    const char *path;
    wri_claims *claims;      /* of a folder or pattern: may not read what is there; NULL: one file */
    int fd;                  /* -1: gone, waiting for a new one of that name */
    dev_t dev;               /* of fd */
    ino_t ino;               /* of fd */
    bool ending;             /* the old file is being finished before the new one is begun */
    bool anew;               /* after that: begin again with the same file, which was cut back */
    int64_t bytes;           /* its size when last looked at; written atomically */
    uint64_t print_n, print; /* as in wri_place */
    char like[NAME_MAX + 1]; /* files so named may lie between fd and path, and come first; "": none */
    wri_tail_counts *counts;
    wri_reader reader;
} wri_tail;
/* The file is cfg->name. WR_AGAIN: with claims, another reads it. */
wr_status wri_tail_open(wri_tail *t, const wri_reader_cfg *cfg, wri_claims *claims, wri_tail_counts *counts,
                        wr_err *err) WR_MUST_USE;
/* WR_EOF: with claims, the file has gone; the split may take up another. */
wr_status wri_tail_next(wri_tail *t, wr_chunk *outp, wr_err *err);
wr_status wri_tail_place(wri_tail *t, wri_place *outp, wr_err *err) WR_MUST_USE;
/* Whether the file at hand is the one of that place. */
wr_status wri_tail_is(const wri_tail *t, const wri_place *p, bool *isp, wr_err *err) WR_MUST_USE;
/* Before the first next: goes on at p, in its file, which may have been renamed since. *anewp: that file is
 * gone, was cut back or had not been begun: it is the beginning of the file at hand that comes next. */
wr_status wri_tail_go_on(wri_tail *t, const wri_place *p, bool *anewp, wr_err *err) WR_MUST_USE;
wr_status wri_tail_take(wri_tail *t, const char *path, wr_err *err) WR_MUST_USE; /* WR_AGAIN as above */
void wri_tail_close(wri_tail *t);

/* ---- writing ---- */
wr_status wri_file_sink_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);
wr_status wri_file_sink_begin(wr_sink *s, wr_err *err);
wr_status wri_file_sink_write(wr_sink *s, const char *p, size_t n, wr_err *err);
wr_status wri_file_sink_flush(wr_sink *s, wr_err *err);
wr_status wri_file_sink_mark(wr_sink *s, wr_buf *out, wr_err *err);
wr_status wri_file_sink_sync(wr_sink *s, wr_err *err);
void wri_file_sink_close(wr_sink *s);

#endif

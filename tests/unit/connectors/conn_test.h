/* Helpers of the connector tests: a trivial line format, temporary files, a system that misbehaves. */
#ifndef CONN_TEST_H
#define CONN_TEST_H

#include <criterion/criterion.h>
#include <errno.h>

#include "connectors/conn_int.h"

extern const wr_format_def ct_lines; /* records end with '\n' */
/* Like ct_lines, and the first line is a head. */
extern const wr_format_def ct_headed;
extern const wr_connector_def wr_connector_file, wr_connector_stdin, wr_connector_stdout, wr_connector_print,
    wr_connector_blackhole, wr_connector_datagen;

/* ---- temporary files; the folder and all in it go at exit of the test ---- */
const char *ct_path(const char *name); /* in this process's folder; valid until the process ends */
void ct_write(const char *path, const void *p, size_t n);
void ct_puts(const char *path, const char *s);
void ct_append(const char *path, const char *s);
wr_buf ct_read(const char *path);
/* n bytes of lines, up to line_max bytes each; the last one has no end when `open_end`. */
wr_buf ct_random_lines(uint32_t seed, size_t n, size_t line_max, bool open_end);

/* ---- sources ---- */
#define CT_KVS 12
typedef struct ct_options {
    wr_kv kvs[CT_KVS];
    size_t n;
} ct_options;
/* ct_opts("path", p, "tail", "true", NULL) */
ct_options ct_opts(const char *key, ...);
wr_status ct_open(const wr_connector_def *def, const ct_options *o, const wr_sys *sys, wr_source **outp,
                  wr_err *err);
wr_source *ct_must_open(const wr_connector_def *def, const ct_options *o, const wr_sys *sys);

typedef struct ct_got {
    wr_buf text; /* all chunks one behind the other */
    size_t chunks, bad, largest;
    int64_t bad_pos;
    size_t bad_len;
    bool open_end; /* the last chunk did not end with '\n' */
    bool follows;  /* tail: more may come behind that */
    wr_err err;
} ct_got;
/* Takes chunks until something else than WR_OK comes, and returns that. Checks each chunk: it ends with a
 * line end (only the very last may not), positions go on without a gap, the padding is readable. */
wr_status ct_take(const wr_connector_def *def, wr_source *s, uint32_t split, ct_got *got);
void ct_got_free(ct_got *got);
/* Those of a source have that in them; "": there are none. */
void ct_expect_notes(const wr_connector_def *def, wr_source *src, const char *want);

/* ---- a system with faults; one per process, as tests run in their own ---- */
typedef struct ct_faults {
    size_t read_max, write_max; /* longest transfer, 0: any */
    bool interrupt;             /* every other call fails with EINTR */
    int64_t read_fails_at;      /* the n-th read or pread fails, 0: never */
    int read_errno;
    int64_t write_room; /* bytes until the disk is full, -1: endless */
    int write_errno;
    int open_errno, mmap_errno, lock_errno; /* 0: as usual */
    int again;                              /* this many writes fail with EAGAIN */
    bool not_ready;                         /* poll says that nothing is there */
    wr_buf *capture;                        /* standard output goes here */
    int64_t mono_us;
    void (*on_stat)(void); /* called once, before the next stat */
    /* counted */
    int64_t reads, writes, calls, polls, opened, closed, smallest_write;
} ct_faults;
extern ct_faults ct;
extern const wr_sys ct_sys;
void ct_reset(void); /* no faults */

#endif

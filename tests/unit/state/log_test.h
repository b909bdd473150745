/* Helpers of the log's tests: a folder, a system that fails, kills or loses power at the n-th call, records
 * that can be told apart, and what must hold of a directory afterwards. */
#ifndef LOG_TEST_H
#define LOG_TEST_H

#include <criterion/criterion.h>
#include <errno.h>

#include "state/streams/log_int.h"

/* ---- folders; they go at exit of the test ---- */
const char *lt_folder(const char *name); /* a path in the test's folder, nothing there yet */
void lt_remove(const char *path);
void lt_copy(const char *from, const char *to);
wr_buf lt_read(const char *path);
void lt_write(const char *path, const void *p, size_t n);
/* Path of a segment: the n-th of a shard; NULL: there are fewer. */
const char *lt_segment(const char *dir, const char *stream, uint32_t shard, size_t n, const char *ext);

/* ---- a system with faults ---- */
typedef enum lt_fault { LT_NONE, LT_FAIL, LT_KILL, LT_TEAR, LT_POWER } lt_fault;
typedef struct lt_faults {
    int64_t calls;  /* made so far, of those that count */
    int64_t at;     /* the call that is hit, 1 is the first; 0: none */
    lt_fault fault; /* what happens then; LT_TEAR: half a write, then death */
    int64_t fails;  /* LT_FAIL: how many calls in a row */
    int failure;    /* errno */
    bool hit;
    int64_t wall_us; /* the clock; it goes on by tick at each look */
    int64_t tick_us;
    uint32_t seed;     /* LT_POWER: what of the unsynced survives by chance; 0: nothing does */
    const char *root;  /* LT_POWER: the folder, */
    const char *after; /* and where to leave what survives */
} lt_faults;
extern lt_faults lt;
extern const wr_sys lt_sys;
void lt_reset(void);
#define LT_KILLED 77 /* exit status of a child that was hit */

/* ---- directories ---- */
wr_streams *lt_open(const char *dir, int64_t segment_bytes, bool lock); /* by lt_sys */
wr_stream *lt_stream(wr_streams *db, const char *name);
void lt_create(wr_streams *db, const char *name, uint32_t shards);
extern wr_buf lt_said; /* what the directory said, line by line */

/* Record i is told by its data: its number and some bytes that follow from it. */
size_t lt_data(uint32_t i, char out[4096]);
bool lt_is(const wr_record *r, uint32_t *ip);
wr_put lt_put(uint32_t i, char buf[4096], char key[32]);
/* Puts records from..from+n in one call. */
wr_status lt_put_n(wr_stream *st, uint32_t from, uint32_t n, wr_err *err);
/* Reads a shard from a place to its end; calls each for each record. Returns the last status. */
wr_status lt_each(wr_streams *db, const char *stream, uint32_t shard, wr_place at, uint32_t most,
                  void (*each)(void *ctx, const wr_record *r), void *ctx, wr_err *err);
/* Reads all shards: counts[i] is raised for each record i; checks order and contents. Returns how many. */
size_t lt_count(wr_streams *db, const char *stream, uint8_t *counts, uint32_t n);
/* Records 0..n are there, each once, and no others. */
void lt_all_once(wr_streams *db, const char *stream, uint32_t n);

/* A change of shards, or of what is kept, that follows from i; failures are nobody's concern. */
void lt_change(wr_stream *st, uint32_t i, uint32_t n);

#endif

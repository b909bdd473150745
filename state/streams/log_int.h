/* state/streams/log_int.h -- the parts of the log. Private to state/streams/.
 *
 * Formats, version 1. All numbers are little endian; every byte is under a checksum (CRC32C), which begins
 * with the stream's random uid and the shard, so that nobody can put bytes into a record that pass for a
 * block, and no file can take another's place.
 *
 * SSSSSSSSSSSSSSSSSSSS.seg: a header, then blocks without gaps. S: number of its first record
 *   offset size
 *        0    8  "WRSEG01\n"
 *        8    4  checksum of 12..80
 *       12    4  shard
 *       16    8  uid of the stream
 *       24    8  number of the first record
 *       32    8  created [us]
 *       40    8  the segment before: its first number, all ones: none
 *       48    8    its length [bytes], header included; what lies behind that does not count
 *       56    8    the number behind its last record
 *       64    8    its last arrival [us]
 *       72    8  0
 * Block, one group of records:
 *        0    4  "WRB1"
 *        4    4  checksum of 8..56
 *        8    4  checksum of the records
 *       12    4  length [bytes], header included
 *       16    8  number of the first record; the others follow by one
 *       24    8  arrival of all of them [us]; never less than the block's before
 *       32    8  offset of this block in the file
 *       40    8  length of the file known to be durable when this was written
 *       48    4  records, at least one
 *       52    4  0
 *       56       records
 * Record:
 *        0    4  length of the data
 *        4    2  length of the key
 *        6    2  1: an explicit hash key follows; plus 2: the writer's mark follows; else 0
 *        8   16  explicit hash key, low half first; only where announced
 *            20  mark, only where announced: writer (8), epoch (8), index (4)
 *                key, data
 *           A weir that does not know of marks calls a block with one damaged, and leaves it as it is.
 * tail: up to where records are acknowledged; overwritten in place after each group
 *        0    8  "WRTAIL1\n"
 *        8    8  the segment: its first number
 *       16    8  its length that counts
 *       24    8  how much of that is durable (less: durability = os)
 *       32    8  number of the next record
 *       40    8  last arrival [us]
 *       48    8  0
 *       56    4  0
 *       60    4  checksum of 0..60
 * SSSSSSSSSSSSSSSSSSSS.idx, of a segment that is ended; can be made again from it
 *        0    8  "WRIDX01\n"
 *        8    8  length of the segment
 *       16    8  number behind its last record
 *       24    8  last arrival [us]
 *       32    4  entries
 *       36    4  checksum of 0..36 and 40..
 *       40   24  per entry: offset of a block, its first number, its arrival
 * SSSSSSSSSSSSSSSSSSSS.writers: the last mark of each writer before that segment; a short cut (writers.c)
 *        0    8  "WRWHO01\n"
 *        8    8  number of the segment's first record
 *       16    8  number from which on no mark is missing
 *       24    4  entries
 *       28    4  checksum of 0..28 and 32..
 *       32   40  per entry: writer (8), epoch (8), index (4), 0 (4), the record's number (8), its arrival (8)
 * stream.meta: meta.c. */
#ifndef WR_LOG_INT_H
#define WR_LOG_INT_H

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "state/state.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little endian");
static inline void wri_put32(char *p, uint32_t v) { memcpy(p, &v, 4); }
static inline void wri_put64(char *p, uint64_t v) { memcpy(p, &v, 8); }
static inline uint32_t wri_get32(const char *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}
static inline uint64_t wri_get64(const char *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

#define WRI_SEG_HEADER   80
#define WRI_BLOCK_HEADER 56
#define WRI_RECORD_HEAD  8
#define WRI_RECORD_MARK  20
#define WRI_MARK_BYTES   64
#define WRI_IDX_HEADER   40
#define WRI_IDX_ENTRY    24
#define WRI_IDX_EVERY    (64 * 1024) /* bytes of blocks per index entry */
#define WRI_BLOCK_AIM    (4 << 20)   /* a group ends beyond that many bytes of records */
#define WRI_BLOCK_MAX    (32 << 20)  /* no block is longer; larger lengths are damage */
#define WRI_NO_SEGMENT   UINT64_MAX

/* What checksums begin with. */
typedef struct wri_id {
    uint64_t uid;
    uint32_t shard;
} wri_id;

/* ---- format.c ---- */
uint32_t wri_id_seed(wri_id id); /* what checksums begin with */
typedef struct wri_segment {
    uint64_t first;
    int64_t created_us;
    uint64_t prev; /* WRI_NO_SEGMENT: none */
    int64_t prev_len;
    uint64_t prev_next;
    int64_t prev_last_us;
} wri_segment;
typedef struct wri_block {
    uint32_t len, records, crc;
    uint64_t first;
    int64_t arrival_us, offset, synced;
} wri_block;
typedef struct wri_mark {
    uint64_t base;
    int64_t len, synced;
    uint64_t next;
    int64_t last_us;
} wri_mark;
void wri_segment_encode(const wri_segment *s, wri_id id, char out[WRI_SEG_HEADER]);
bool wri_segment_decode(const char *p, wri_id id, wri_segment *outp);
/* Fills the header in front of the records, which are in place: p[0..b->len). */
void wri_block_seal(wri_block *b, wri_id id, char *p);
bool wri_block_decode(const char *p, wri_id id, wri_block *outp); /* the header */
bool wri_block_intact(const wri_block *b, wri_id id, const char *p);
void wri_mark_encode(const wri_mark *m, wri_id id, char out[WRI_MARK_BYTES]);
bool wri_mark_decode(const char *p, wri_id id, wri_mark *outp);
size_t wri_record_bytes(const wr_put *p);
char *wri_record_encode(const wr_put *p, char *out); /* returns where it ends */
/* The record at p, before end; NULL: there is no whole one. Returns where it ends. */
const char *wri_record_decode(const char *p, const char *end, wr_record *outp);

typedef struct wri_entry_at {
    int64_t offset;
    uint64_t first;
    int64_t arrival_us;
} wri_entry_at;
typedef struct wri_index {
    wri_entry_at *items;
    size_t n, cap;
} wri_index;
/* Notes a block, unless one not far before it is noted. */
wr_status wri_index_add(wri_index *x, const wri_block *b) WR_MUST_USE;
wr_status wri_index_encode(const wri_index *x, wri_id id, int64_t len, uint64_t next, int64_t last_us,
                           wr_buf *out) WR_MUST_USE;
/* False: broken, or not of a segment of that length. */
bool wri_index_decode(const char *p, size_t n, wri_id id, int64_t len, wri_index *x);

/* ---- meta.c ---- */
typedef struct wri_meta_shard {
    uint32_t id, parent, parent2;
    bool closed;
    wr_u128 lo, hi;
    int64_t created_us, closed_us;
    uint64_t first_segment; /* those before it have expired */
    uint64_t end;           /* closed: the number behind the last record */
    uint64_t end_segment;   /* closed: the last one, */
    int64_t end_len;        /* and its length */
    int64_t end_us;         /* and its last arrival */
} wri_meta_shard;
typedef struct wri_meta {
    uint64_t uid, generation;
    int64_t created_us, retention_us, record_max;
    bool on_demand;
    uint32_t next_shard;
    wri_meta_shard *shards; /* by id */
    size_t n, cap;
} wri_meta;
wr_status wri_meta_encode(const wri_meta *m, wr_buf *out) WR_MUST_USE;
wr_status wri_meta_decode(const char *p, size_t n, const char *path, wri_meta *outp, wr_err *err) WR_MUST_USE;
/* dir: of the stream. WR_EINVAL: there is no such stream. */
wr_status wri_meta_load(const wr_sys *sys, const char *dir, wri_meta *outp, wr_err *err) WR_MUST_USE;
/* Replaces the file; *replacedp: it may have been, whatever is returned. */
wr_status wri_meta_store(const wr_sys *sys, const char *dir, wri_meta *m, bool *replacedp,
                         wr_err *err) WR_MUST_USE;
/* With room for `more` shards. */
wr_status wri_meta_copy(const wri_meta *m, wri_meta *outp, size_t more, wr_err *err) WR_MUST_USE;
void wri_meta_free(wri_meta *m);
wri_meta_shard *wri_meta_find(const wri_meta *m, uint32_t shard); /* NULL: none */

/* ---- segment.c ---- */
#define WRI_PATH PATH_MAX         /* wr_streams_open has seen to it that all fit */
#define WRI_DIR  (WRI_PATH - 256) /* what a data directory may take of that */
#define WRI_META "stream.meta"
void wri_stream_path(const char *data_dir, const char *name, char out[WRI_PATH]);
void wri_shard_path(const char *stream_dir, uint32_t shard, char out[WRI_PATH]);
void wri_tail_path(const char *shard_dir, char out[WRI_PATH]);
void wri_file_path(const char *shard_dir, uint64_t base, const char *ext, char out[WRI_PATH]);
int wri_open_fd(const wr_sys *sys, const char *path, int flags);
wr_status wri_cannot(const char *what, const char *path, int e, wr_err *err);
wr_status wri_sync_dir(const wr_sys *sys, const char *path, wr_err *err) WR_MUST_USE;
#define WRI_MANY_SHARDS 16 /* more are made with one sync of the file system, instead of three a shard */
/* All that is in the path's file system. */
wr_status wri_sync_all(const wr_sys *sys, const char *path, wr_err *err) WR_MUST_USE;
/* Reads a file whole; b is the caller's to free. WR_EOF: there is none. */
wr_status wri_slurp(const wr_sys *sys, const char *path, wr_buf *b, wr_err *err) WR_MUST_USE;

typedef struct wri_bases { /* first numbers of the segments of a shard, rising */
    uint64_t *items;
    size_t n, cap;
} wri_bases;
wr_status wri_list_segments(const wr_sys *sys, const char *shard_dir, wri_bases *outp,
                            wr_err *err) WR_MUST_USE;
wr_status wri_read_mark(const wr_sys *sys, int fd, const char *shard_dir, wri_id id, wri_mark *outp,
                        wr_err *err) WR_MUST_USE;
/* Opens a segment and reads its header. *fdp is -1 on failure; WR_EOF: there is no such file. */
wr_status wri_open_segment(const wr_sys *sys, const char *shard_dir, uint64_t base, wri_id id, int flags,
                           int *fdp, wri_segment *outp, wr_err *err) WR_MUST_USE;

/* A window on a file: bytes by pread into a counted page, so that records may point into it. */
typedef struct wri_page {
    wr_ref ref;
    size_t cap;
    char data[];
} wri_page;
typedef struct wri_window {
    const wr_sys *sys;
    int fd;
    const char *path;
    wri_id id;
    wri_page *page;
    int64_t from; /* place in the file of the page's bytes */
    size_t len;
} wri_window;
void wri_window_free(wri_window *w); /* not the descriptor */
/* The block at `at`, whole within the file's first `end` bytes and checked; *pp: its bytes, which stay as
 * long as w->page. WR_EOF: at == end. WR_EDATA: there is no whole block there. */
wr_status wri_block_at(wri_window *w, int64_t at, int64_t end, wri_block *outp, const char **pp,
                       wr_err *err) WR_MUST_USE;
/* Only the header. */
wr_status wri_header_at(wri_window *w, int64_t at, int64_t end, wri_block *outp, wr_err *err) WR_MUST_USE;
/* Whether there is nothing else from there on. */
wr_status wri_only_zeros(wri_window *w, int64_t from, int64_t end, bool *outp, wr_err *err) WR_MUST_USE;
/* The longest length that a block behind `from` calls durable, 0: none does. For broken places. */
wr_status wri_find_synced(wri_window *w, int64_t from, int64_t end, int64_t *outp, wr_err *err) WR_MUST_USE;

/* The files of a segment. Failures leave some behind; opening removes them. */
void wri_remove_segment(const wr_sys *sys, const char *shard_dir, uint64_t base);

/* ---- writers.c: whose marks a shard has ---- */
#define WRI_WRITERS ".writers"
typedef struct wri_writer {
    wr_mark last;
    uint64_t number; /* of the record that has it */
    int64_t arrival_us;
} wri_writer;
typedef struct wri_writers {
    wri_writer *items;
    size_t n, cap, hit; /* hit: the place of the last that was noted */
    uint64_t since;     /* marks of records before that number may be missing */
} wri_writers;
void wri_writers_anew(wri_writers *w, uint64_t since);
void wri_writers_free(wri_writers *w);
bool wri_later_mark(const wr_mark *a, const wr_mark *b);                   /* or the same */
const wri_writer *wri_writers_find(const wri_writers *w, uint64_t writer); /* NULL: none */
void wri_writers_note(wri_writers *w, const wri_writer *one);
void wri_writers_note_block(wri_writers *w, const wri_block *b, const char *p); /* of its records */
/* What there was before the segment. False: it is not known, and the notes begin with it. */
bool wri_writers_load(const wr_sys *sys, const char *shard_dir, uint64_t base, wri_id id, wri_writers *w);

/* ---- shard.c, recover.c: a shard that is written to ---- */
typedef struct wri_part wri_part;
typedef struct wri_call wri_call;
#define WRI_SAMPLES 64
typedef struct wri_shard {
    wr_stream *st;
    wri_id id;
    char dir[WRI_PATH];
    /* WR_OK, or what recovery said, in `why`: nothing is written then. WR_EIO: it is tried again */
    wr_status damaged;
    wr_err why;
    bool closed;
    int64_t born_us; /* created_us of the shard */
    /* the last segment; only whoever is busy with the shard touches these */
    int fd, mark_fd; /* -1: it sleeps (files.c) */
    bool unsealed;   /* written to since it was opened or sealed */
    bool spoiled;    /* a write or sync failed: nothing more is written to it */
    uint64_t base;
    int64_t len, synced, created_us;
    uint32_t groups;              /* that this process has written to it, */
    int64_t group_bytes;          /* and their bytes */
    bool unready;                 /* no zeros could be written ahead */
    int64_t ready;                /* up to there are zeros, durable; not more than len: there are none */
    int64_t ready_from, ready_to; /* where zeros were written last, or are while `preparing` */
    uint64_t end;                 /* behind its last record */
    uint64_t next;                /* of the next record: more than end behind a group that failed */
    int64_t last_us;
    wri_index index;
    wri_writers writers;
    wr_buf block;
    wr_put **group;
    size_t group_cap;
    /* under the directory's lock */
    bool busy, queued, preparing, awake;
    struct wri_shard *older, *newer; /* of those that are awake */
    wri_part *head, **tailp;
    uint32_t tally, place; /* of the call that is being divided: its records here, and where they go */
    uint64_t load_bytes, load_records;
    wr_u128 samples[WRI_SAMPLES]; /* hash keys of late */
    struct wri_shard *next_ready, *next_prepare;
} wri_shard;
wr_status wri_shard_new(wr_stream *st, uint32_t id, int64_t born_us, wri_shard **outp,
                        wr_err *err) WR_MUST_USE;
void wri_shard_free(wri_shard *sh);
/* Makes the folder of a shard with an empty first segment; durable: its files are, the folder's name not yet.
 */
wr_status wri_shard_create(wri_shard *sh, bool durable, wr_err *err) WR_MUST_USE;
/* Finds the end of what is there. Damage is kept in sh, only other failures are returned. */
wr_status wri_shard_recover(wri_shard *sh, const wri_meta_shard *m, wr_err *err) WR_MUST_USE;
/* Writes the next group. The caller has set busy, and holds no lock. */
void wri_shard_commit(wri_shard *sh);
/* Ends the segment and begins another. */
wr_status wri_shard_roll(wri_shard *sh, wr_err *err) WR_MUST_USE;
/* Makes all durable and says so in the mark, if anything has been written. */
wr_status wri_shard_seal(wri_shard *sh, wr_err *err) WR_MUST_USE;
void wri_shard_mark(const wri_shard *sh, wri_mark *outp);
void wri_writers_store(const wri_shard *sh, uint64_t base); /* for the segment that is about to begin */
wr_status wri_write_index(wri_shard *sh, uint64_t base, const wri_index *x, int64_t len, uint64_t next,
                          int64_t last_us) WR_MUST_USE;

int64_t wri_segment_bytes(const wr_streams *db); /* a segment is ended beyond */

/* ---- files.c: descriptors ---- */
uint32_t wri_files_most(void);
/* Opens the files of a shard that sleeps. By whoever is busy with it, or while its stream is paused. */
wr_status wri_files_take(wri_shard *sh, wr_err *err) WR_MUST_USE;
void wri_files_used(wri_shard *sh); /* under the lock: it sleeps last */
void wri_files_close(wri_shard *sh);

/* ---- ready.c: zeros ahead of the records ---- */
void wri_ready_anew(wri_shard *sh); /* a segment begins */
/* After a group, by whoever is busy with the shard; under the lock, which may be let go meanwhile. */
void wri_ready_ask(wri_shard *sh);
/* By whoever is busy with the shard, without the lock: until nobody else writes to the segment; what is left
 * is cut off. */
void wri_ready_wait(wri_shard *sh);
void wri_ready_give_back(wri_shard *sh);
void *wri_prepare_main(void *db); /* of the thread */

/* ---- streams.c, stream.c, put.c ---- */
struct wri_part { /* the records of a call that go to one shard: call->order[from .. from + n) */
    wri_part *next;
    wri_call *call;
    uint32_t from, n;
};
struct wri_call {
    wr_stream *st;
    wr_put *puts;
    uint32_t n;
    uint32_t *order;
    uint32_t *shard_of; /* per put: place among the stream's shards */
    wri_part *parts;
    uint32_t n_parts, left;
    bool done;
    wr_status status;
    wr_err err;
    void (*tell)(void *ctx, wr_status s, const wr_err *why); /* NULL: somebody waits on cond */
    void *ctx;
    pthread_cond_t cond;
    wri_call *next;
};
struct wr_stream {
    wr_streams *db;
    char name[WR_STREAM_NAME_MAX + 1];
    char dir[WRI_PATH];
    wri_meta meta;        /* changed under both locks, read under either */
    int64_t retention_us; /* as in meta; atomic */
    int64_t record_max;   /* as in meta, which never changes it */
    bool unsettled;       /* the file may not be durable: it is written again before records are taken */
    bool deleted;
    uint32_t paused; /* calls wait in `waiting`, as shards change */
    wri_call *waiting, **waiting_tail;
    wri_shard **shards; /* open and closed ones, by id, as meta.shards */
    size_t n_shards, shards_cap;
    wri_shard **retired; /* expired; readers of the list may still look at them */
    size_t n_retired, retired_cap;
    uint32_t *route; /* places of the open shards, by range */
    size_t n_route, route_cap;
    pthread_mutex_t change; /* one change of shards at a time; before the directory's lock */
    int64_t load_since_us;
    int64_t agreed_wall_us, agreed_mono_us; /* when the wall clock last went on as time did; under `change` */
    bool jumped;
    wr_stream *next;
};
/* The metadata that a reader has read last: readers of a stream's many shards read it once. */
typedef struct wri_seen {
    pthread_mutex_t lock;
    char dir[WRI_PATH]; /* of the stream */
    struct stat file;
    wri_meta meta;
} wri_seen;

struct wr_streams {
    const wr_sys *sys;
    wr_streams_opts opts;
    char dir[WRI_DIR];
    int lock_fd;            /* -1: only for reading */
    pthread_mutex_t naming; /* streams are made, opened or deleted: one at a time; before all other locks */
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a shard is no longer busy */
    pthread_cond_t work;  /* shards are ready */
    wri_shard *ready, **ready_tail;
    wri_shard *prepare, **prepare_tail;
    wri_shard *oldest, *newest; /* shards with open files, by when they were written to */
    uint32_t n_awake, most_awake;
    pthread_cond_t prepare_work;
    bool prepares; /* there is a thread that does */
    pthread_t preparer;
    pthread_t *threads;
    uint32_t n_threads;
    bool stopping;
    wr_stream *streams;
    wri_seen seen;
};
void wri_log_say(wr_streams *db, const char *fmt, ...) WR_PRINTF(2, 3);
int64_t wri_now(const wr_streams *db);
/* route from meta and shards. */
wr_status wri_stream_route(wr_stream *st, wr_err *err) WR_MUST_USE;
/* Stores the meta. *saidp: the file says so now, durable or, on failure, perhaps not (st->unsettled). */
wr_status wri_stream_store(wr_stream *st, wri_meta *m, bool *saidp, wr_err *err) WR_MUST_USE;
void wri_stream_free(wr_stream *st);
/* Takes the new metadata, and gives the old one back in m. Under both locks; there is room in st->route. */
void wri_stream_adopt(wr_stream *st, wri_meta *m);
/* wr_stream_split for whoever holds st->change. */
wr_status wri_stream_split(wr_stream *st, uint32_t shard, wr_u128 hash, wr_err *err) WR_MUST_USE;
/* A folder with its files, and those below it down to `depth`. What cannot be removed stays. */
void wri_remove_folder(const wr_sys *sys, const char *path, int depth);
/* Under the lock: sh has something waiting and nobody is at it. */
void wri_shard_wake(wri_shard *sh);
/* Under the lock: nobody is busy with sh any more. */
void wri_shard_let_go(wri_shard *sh);
/* Under the lock: a part is done with; the call too, when it was the last: it is then put into *tellp. */
void wri_part_done(wri_part *p, wri_call **tellp);
void wri_tell(wri_call *list);          /* without the lock */
void wri_start_threads(wr_streams *db); /* under the lock */
/* Under the lock: gives the call's records to the shards. */
void wri_dispatch(wri_call *c);
/* New calls wait from now on, and those before have been answered; and the reverse. */
void wri_pause(wr_stream *st);
void wri_resume(wr_stream *st);
/* Any thread may do what others wait for. Under the lock: takes a shard that is ready, NULL: none is. */
wri_shard *wri_take_ready(wr_streams *db);
wr_status wri_no_stream(wr_streams *db, const char *name, wr_err *err);

#endif

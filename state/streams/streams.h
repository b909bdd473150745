/* state/streams/streams.h -- the sharded log: durable streams of records, kept in a data directory.
 *
 *   wr_streams  a data directory, opened; one process may write to it, any number may read
 *   wr_stream   a stream that is written to
 *   wr_reader   a place in one shard; needs neither the two above to be locked nor the writer to live
 *
 * A record belongs to the shard whose range holds the hash of its partition key, and has a number there:
 * numbers rise by one, except where writing failed; they are never used twice. Clients of Kinesis see them as
 * sequence numbers (wr_seq).
 *
 * Threads: wr_streams and wr_stream may be used by any; a reader by one at a time. */
#ifndef WR_STREAMS_H
#define WR_STREAMS_H

#include "core/core.h"

typedef unsigned __int128 wr_u128;

#define WR_NO_SHARD          UINT32_MAX
#define WR_SHARDS_MAX        10000               /* open ones of a stream */
#define WR_SHARDS_KEPT       (4 * WR_SHARDS_MAX) /* that a stream has, open and closed */
#define WR_STREAM_NAME_MAX   128
#define WR_PARTITION_KEY_MAX 1024       /* bytes; 256 characters */
#define WR_LOG_RECORD_MAX    (10 << 20) /* bytes; what record_max may be raised to */
#define WR_SEQ_TEXT          64         /* room for a sequence number as text */
#define WR_RETENTION_MIN_US  (3600 * WR_US_PER_SECOND)
#define WR_RETENTION_MAX_US  (INT64_C(365) * 24 * WR_RETENTION_MIN_US)

/* ---- the data directory ---- */
typedef struct wr_streams wr_streams;
typedef struct wr_streams_opts {
    const wr_sys *sys; /* NULL: the real one */
    const char *dir;
    bool relaxed;          /* acknowledge before the disk has it (durability = os) */
    bool served;           /* by a running engine: messages name the commands that ask it */
    int64_t segment_bytes; /* a segment is ended beyond that; 0: 64 MiB */
    uint32_t ready_after;  /* groups of a segment after which zeros are written ahead of it; 0: 32 */
    uint32_t awake;        /* shards with open files at a time; 0: as many as half of all descriptors allow */
    uint32_t threads;      /* that write what several shards wait for, or nobody does; 0: callers do all */
    void (*say)(void *ctx, const char *line); /* what recovery did, failures nobody waits for; may be NULL */
    void *ctx;
} wr_streams_opts;
/* Owner of *outp: the caller, by wr_streams_close. Creates nothing. */
wr_status wr_streams_open(const wr_streams_opts *opts, wr_streams **outp, wr_err *err) WR_MUST_USE;
/* Makes this process the writer, and the directory if there is none. Again: no effect. WR_ELIMIT: another one
 * is, and which. */
wr_status wr_streams_lock(wr_streams *db, wr_err *err) WR_MUST_USE;
/* Waits for what is being written. Streams go with it; readers must be closed before. */
void wr_streams_close(wr_streams *db);

/* ---- streams ---- */
typedef struct wr_stream_cfg {
    uint32_t n_shards;    /* 0: 1, or 4 on demand */
    bool on_demand;       /* shards are split by load */
    int64_t retention_us; /* 0: 24 h */
    int64_t record_max;   /* bytes; 0: 1 MiB */
} wr_stream_cfg;

typedef struct wr_shard_info {
    uint32_t id, parent, parent2;  /* WR_NO_SHARD: none. Parents that have expired are still named */
    wr_u128 lo, hi;                /* hash keys, both inclusive */
    int64_t created_us, closed_us; /* closed_us 0: open */
    uint64_t first;                /* where TRIM_HORIZON is */
    uint64_t end;                  /* closed: behind the last record; else unknown, UINT64_MAX */
} wr_shard_info;
typedef struct wr_stream_info {
    int64_t created_us, retention_us, record_max;
    bool on_demand;
    uint32_t n_shards; /* parents stand before children */
    const wr_shard_info *shards;
} wr_stream_info;

/* WR_EINVAL with what a name may be. */
wr_status wr_stream_name_check(const char *name, wr_err *err) WR_MUST_USE;
/* Names in order, in ar. */
wr_status wr_stream_list(wr_streams *db, wr_arena *ar, const char ***namesp, size_t *np,
                         wr_err *err) WR_MUST_USE;
/* From the files, so of another process's writing too. WR_EINVAL: there is no such stream. */
wr_status wr_stream_describe(wr_streams *db, const char *name, wr_arena *ar, wr_stream_info *outp,
                             wr_err *err) WR_MUST_USE;
const wr_shard_info *wr_stream_shard(const wr_stream_info *info, uint32_t shard); /* NULL: there is none */
/* All that follow need the lock. */
wr_status wr_stream_create(wr_streams *db, const char *name, const wr_stream_cfg *cfg,
                           wr_err *err) WR_MUST_USE;
wr_status wr_stream_delete(wr_streams *db, const char *name, wr_err *err) WR_MUST_USE;

typedef struct wr_stream wr_stream;
/* Opens for writing, which cuts torn tails; a damaged shard refuses what is put to it, the others go on.
 * The same stream each time; lives as db does. */
wr_status wr_stream_open(wr_streams *db, const char *name, wr_stream **outp, wr_err *err) WR_MUST_USE;

/* ---- resharding ---- */
/* hash: where the second child begins; within the shard, above its lowest. 0: in the middle. */
wr_status wr_stream_split(wr_stream *st, uint32_t shard, wr_u128 hash, wr_err *err) WR_MUST_USE;
wr_status wr_stream_merge(wr_stream *st, uint32_t a, uint32_t b, wr_err *err) WR_MUST_USE;
/* To n open shards of equal ranges, by splits and merges of many at once. */
wr_status wr_stream_reshard(wr_stream *st, uint32_t n, wr_err *err) WR_MUST_USE;
wr_status wr_stream_set_retention(wr_stream *st, int64_t retention_us, wr_err *err) WR_MUST_USE;
wr_status wr_stream_set_mode(wr_stream *st, bool on_demand, wr_err *err) WR_MUST_USE;
/* What is to be done now and then, about once a minute: expired segments go, shards on demand are split. */
wr_status wr_stream_tend(wr_stream *st, wr_err *err) WR_MUST_USE;

/* ---- numbers ---- */
/* A record's place as Kinesis writes it: a decimal of at most 56 digits that rises within a shard and from
 * parent to child. */
typedef struct wr_seq {
    int64_t created_s; /* of the shard */
    uint32_t shard;
    uint64_t number;
    int64_t arrival_s;
} wr_seq;
#define WR_SEQ_LAST INT64_MAX /* number of a closed shard's ending sequence number */
size_t wr_seq_write(const wr_seq *s, char out[WR_SEQ_TEXT]); /* NUL-terminated; its length */
bool wr_seq_read(const char *text, size_t n, wr_seq *outp);
wr_u128 wr_hash_key(const void *key, size_t n);                    /* MD5, big endian */
size_t wr_u128_write(wr_u128 v, char out[WR_SEQ_TEXT]);            /* decimal, NUL-terminated; its length */
bool wr_u128_read(const char *text, size_t n, wr_u128 *outp);      /* "0" or no leading zero, < 2^128 */
bool wr_shard_id_read(const char *text, size_t n, uint32_t *outp); /* "shardId-000000000002", or "2" */
#define WR_SHARD_ID "shardId-%012u"

/* ---- writing ---- */
/* Whose record it is, for writers that write some once more after a crash (below): epoch and index rise. */
typedef struct wr_mark {
    uint64_t writer; /* a random number */
    uint64_t epoch;
    uint32_t index; /* within the epoch */
} wr_mark;
typedef struct wr_put {
    const char *key; /* partition key, 1..WR_PARTITION_KEY_MAX bytes, UTF-8 */
    const char *data;
    uint32_t key_len, len;
    bool has_hash; /* hash chooses the shard instead of the key's */
    wr_u128 hash;
    wr_mark mark; /* writer 0: none */
    /* filled in */
    wr_status status;
    int64_t arrival_us;
    wr_seq seq;
} wr_put;
/* Waits until each record is durable or has failed, which its status says; returns the first failure's, with
 * its message. Records to one shard keep their order. WR_EINVAL (a key or record of a wrong size): none was
 * written. */
wr_status wr_stream_put(wr_stream *st, wr_put *puts, uint32_t n, wr_err *err) WR_MUST_USE;
/* Does not wait: done(ctx, …) is called once, from any thread or before this returns. puts are borrowed until
 * then. A failure that is returned: done is not called. */
wr_status wr_stream_send(wr_stream *st, wr_put *puts, uint32_t n,
                         void (*done)(void *ctx, wr_status s, const wr_err *why), void *ctx,
                         wr_err *err) WR_MUST_USE;

/* ---- writing once ----
 * A writer that gives its records marks, and puts them in their order, one call after the other, can find out
 * after a crash which of them are there: a shard has all of the writer's records for its range up to the last
 * it has, since a failure fails what comes behind in the same call. Splits and merges change nothing about
 * that. */

/* The number of the next record of each shard that is not closed: from there on it is to be looked. */
typedef struct wr_shard_at {
    uint32_t shard;
    uint32_t made; /* tells the stream from another one that has its name, 0: not known */
    uint64_t number;
} wr_shard_at;
wr_status wr_stream_ends(wr_streams *db, const char *name, wr_arena *ar, wr_shard_at **outp, uint32_t *np,
                         wr_err *err) WR_MUST_USE;
typedef struct wr_written { /* of one shard */
    wr_u128 lo, hi;         /* hash keys, both inclusive */
    wr_mark last;
} wr_written;
/* What there is of a writer behind the places from[0..n_from), in shards that are not named there from their
 * beginning: the shards that have something. */
typedef struct wr_written_where {
    uint64_t writer;
    const wr_shard_at *from;
    uint32_t n_from;
} wr_written_where;
wr_status wr_stream_written(wr_streams *db, const char *name, const wr_written_where *where, wr_arena *ar,
                            wr_written **outp, uint32_t *np, wr_err *err) WR_MUST_USE;
/* Whether the record of this mark and hash key is among it. */
bool wr_is_written(const wr_written *w, uint32_t n, wr_u128 hash, const wr_mark *mark);

/* ---- reading ---- */
typedef enum wr_log_from {
    WR_FROM_HORIZON, /* the oldest record there is */
    WR_FROM_LATEST,  /* what is put from now on */
    WR_FROM_AT,      /* the record of that number; where it has expired, the oldest */
    WR_FROM_AFTER,
    WR_FROM_TIME /* the first that arrived at that time or later */
} wr_log_from;
typedef struct wr_place {
    wr_log_from from;
    uint64_t number;
    int64_t time_us;
} wr_place;

typedef struct wr_record {
    uint64_t number;
    int64_t arrival_us;
    const char *key, *data; /* the pages of wr_records.hold */
    uint32_t key_len, len;
    bool has_hash; /* an explicit one was given */
    wr_u128 hash;
    wr_mark mark; /* writer 0: none */
} wr_record;
/* Zero-initialised is empty. Whoever wants records longer than until the next call takes `hold` along
 * (wr_hold) and drops it. */
typedef struct wr_records {
    wr_record *items;
    uint32_t n, cap;
    wr_ref *hold;
} wr_records;
void wr_records_free(wr_records *r);

typedef struct wr_reader wr_reader;
wr_status wr_reader_open(wr_streams *db, const char *stream, uint32_t shard, wr_place at, wr_reader **outp,
                         wr_err *err) WR_MUST_USE;
/* Records of one block, at most `most`. WR_AGAIN: none yet. WR_EOF: the shard is closed and all has been
 * read; wr_stream_describe names its children. WR_EDATA: damaged, and where; so it is each time. */
wr_status wr_reader_next(wr_reader *r, uint32_t most, wr_records *outp, wr_err *err) WR_MUST_USE;
uint64_t wr_reader_at(const wr_reader *r);      /* number of the next record */
uint64_t wr_reader_skipped(const wr_reader *r); /* records that expired before they were read */
/* How old the oldest record is that has not been read, 0: none. */
wr_status wr_reader_behind_us(wr_reader *r, int64_t *outp, wr_err *err) WR_MUST_USE;
wr_seq wr_reader_seq(const wr_reader *r, const wr_record *rec);
/* Adds what tells of more in this shard to a descriptor, which then becomes readable, or to a new one (-1)
 * that the caller closes. -1: cannot be watched. What came before is found by looking once more. */
int wr_reader_watch(wr_reader *r, int fd);
void wr_reader_heard(const wr_streams *db, int fd); /* empties it */
/* After WR_AGAIN: until there may be more, or that long. */
void wr_reader_wait(wr_reader *r, int timeout_ms);
void wr_reader_close(wr_reader *r); /* NULL is allowed */

#endif

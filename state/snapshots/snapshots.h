/* state/snapshots/snapshots.h -- snapshots of a running job in a folder. Part of state/state.h; README.md
 * here says what is in the folder and why nothing can be lost.
 *
 *   segment   0  8  "weirseg1"
 *             8  …  pieces, back to back
 *   manifest  0  8  "weirman2"
 *             8  4  CRC32C of the magic and of what follows, little-endian
 *            12  …  msgpack: [epoch, taken_us, plan, finished, [part, …]]
 *                   part: [name, [[segment, offset, length, crc32c], …]]
 *
 * The last character of a magic is the number of the format. Readers of all formats stay for ever. They begin
 * alike (magic, CRC32C at 8), from format 2 on with the magic under the checksum, so that a later one can be
 * told from damage. What has changed with format 2 is how rows lie (rows.c); a snapshot may go on from pieces
 * of format 1. */
#ifndef WR_STATE_SNAPSHOTS_H
#define WR_STATE_SNAPSHOTS_H

#include "core/core.h"

#define WR_SNAPSHOTS_KEPT 3

typedef struct wr_snapshots wr_snapshots;

/* Opens the folder, making it where there is none, and locks it. Owner: the caller, by _close. */
wr_status wr_snapshots_open(const wr_sys *sys, const char *dir, wr_snapshots **outp, wr_err *err) WR_MUST_USE;
void wr_snapshots_close(wr_snapshots *s); /* NULL is allowed */

/* Bytes that are not in memory. */
typedef struct wr_part_from {
    wr_status (*read)(void *ctx, uint64_t at, char *p, size_t n, wr_err *err);
    void *ctx;
    uint64_t len;
    uint32_t crc; /* CRC32C of all of them */
} wr_part_from;

/* The file that a part's bytes go to. */
typedef struct wr_segment wr_segment;
wr_status wr_segment_put(wr_segment *to, const void *p, size_t n, wr_err *err) WR_MUST_USE;
wr_status wr_segment_copy(wr_segment *to, const wr_part_from *from, wr_err *err) WR_MUST_USE;

/* A part to write. */
typedef struct wr_part {
    const char *name;
    const char *data;
    size_t len;
    /* Says its bytes bit by bit, so that they need not all be held at once; NULL: data and len. */
    wr_status (*say)(void *ctx, wr_segment *to, wr_err *err);
    void *ctx;
    bool more; /* goes on behind the pieces that it had in the snapshot before */
} wr_part;

typedef struct wr_snapshot_head {
    uint64_t epoch;   /* rises */
    int64_t taken_us; /* wall clock */
    const char *plan; /* what the parts belong to; compared by the reader */
    bool finished;    /* the job has come to its end */
    int format;       /* of the manifest that it was read from */
} wr_snapshot_head;

/* What the next snapshot's epoch must be at least. */
uint64_t wr_snapshots_next(const wr_snapshots *s);
/* Durable when it returns. *bytesp (may be NULL): bytes written. After a failure the folder holds the
 * snapshots that it held before (or, where not even that can be brought about, this one besides), `more`
 * still continues the last one that was written, and another may be tried: with a higher epoch, in new files.
 */
wr_status wr_snapshots_write(wr_snapshots *s, const wr_snapshot_head *head, const wr_part *parts, size_t n,
                             uint64_t *bytesp, wr_err *err) WR_MUST_USE;
/* Why old snapshots could not be removed when the last one was written; NULL: they could. */
const wr_err *wr_snapshots_uncollected(const wr_snapshots *s);

/* A snapshot that was read: all of it has been checked, and none of it but its places is in memory. */
typedef struct wr_piece {
    const char *data; /* borrowed from the snapshot; NULL: on disk, see wr_snapshot_bring and wr_piece_read */
    size_t len;
    uint64_t segment, offset; /* where it lies */
    uint32_t crc;
} wr_piece;
typedef struct wr_saved_part {
    const char *name;
    wr_piece *pieces; /* in the order written */
    size_t n;
} wr_saved_part;
typedef struct wr_snapshot {
    wr_snapshot_head head;
    bool savepoint;
    wr_saved_part *parts;
    size_t n;
    const wr_sys *sys;
    char *dir;
    wr_arena ar; /* of all of it */
} wr_snapshot;

/* Brings to memory the pieces of all parts whose names do not begin with `but` (NULL: of all). */
wr_status wr_snapshot_bring(wr_snapshot *s, const char *but, wr_err *err) WR_MUST_USE;

/* Reads pieces bit by bit, in one thread; the file stays open for the next one. */
typedef struct wr_piece_reader { /* {.of = snapshot, .fd = -1} is valid */
    const wr_snapshot *of;
    int fd;
    uint64_t segment, size; /* that fd is, and its bytes */
    char *path;
} wr_piece_reader;
/* Bytes at..at+n of p. That they are those that were checked is for who reads all of them to see: p->crc. */
wr_status wr_piece_read(wr_piece_reader *r, const wr_piece *p, uint64_t at, char *out, size_t n,
                        wr_err *err) WR_MUST_USE;
void wr_piece_reader_close(wr_piece_reader *r);

/* The newest whole snapshot; *outp NULL: the folder has none. `said` gets a line for each one that was passed
 * over because it is damaged. Owner: the caller, by _free. */
wr_status wr_snapshots_read(wr_snapshots *s, wr_snapshot **outp, wr_buf *said, wr_err *err) WR_MUST_USE;
/* ---- savepoints: a snapshot by itself, in a folder that can be copied and is never added to ----
 *
 *   DIR/00000001.seg   all its pieces
 *   DIR/savepoint      a manifest that names only those */

/* The last snapshot that s has written or read, to a folder that is not there yet or empty. Durable when it
 * returns; without parts whose names begin with `but` (NULL: all); after a failure there is no savepoint.
 * *bytesp (may be NULL): bytes written. */
wr_status wr_savepoint_write(wr_snapshots *s, const char *dir, const char *but, uint64_t *bytesp,
                             wr_err *err) WR_MUST_USE;
/* Any damage is a failure that names its place. Owner: the caller. */
wr_status wr_savepoint_read(const wr_sys *sys, const char *dir, wr_snapshot **outp, wr_err *err) WR_MUST_USE;
/* What a savepoint says of itself, without reading what it keeps: its head (but for the plan) and one of its
 * parts. *bytesp: what all of it takes on disk. Owner: the caller. */
wr_status wr_savepoint_glance(const wr_sys *sys, const char *dir, const char *part, wr_snapshot **outp,
                              uint64_t *bytesp, wr_err *err) WR_MUST_USE;
/* The savepoint, or else the newest whole snapshot in a folder (*outp NULL: none), which may be in use:
 * nothing is locked, nothing changed. */
wr_status wr_snapshots_look(const wr_sys *sys, const char *dir, wr_snapshot **outp, wr_buf *said,
                            wr_err *err) WR_MUST_USE;

/* Only the first piece of one part of it, of the newest if there are several; out stays empty where there is
 * no such part. Nothing else is checked. */
wr_status wr_snapshots_peek(const wr_sys *sys, const char *dir, const char *part, wr_buf *out,
                            wr_err *err) WR_MUST_USE;

const wr_saved_part *wr_snapshot_part(const wr_snapshot *s, const char *name); /* NULL: none */
void wr_snapshot_free(wr_snapshot *s);                                         /* NULL is allowed */

/* ---- rows as bytes ---- */

/* Appends the rows of b: columns, and row watermarks, changes and position where it has them. */
wr_status wr_rows_pack(const wr_batch *b, wr_buf *out, wr_err *err) WR_MUST_USE;
/* The same, to a segment. */
wr_status wr_rows_say(const wr_batch *b, wr_segment *to, wr_err *err) WR_MUST_USE;
/* Reads what one call of wr_rows_pack has written to p[0..n); *usedp: how long that was. The batch owns
 * copies. */
wr_status wr_rows_unpack(const char *p, size_t n, size_t *usedp, wr_batch **outp, wr_err *err) WR_MUST_USE;

#endif

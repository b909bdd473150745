/* state/snapshots/store_int.h -- what writing and reading share. Private to state/. */
#ifndef WR_SNAPSHOTS_STORE_INT_H
#define WR_SNAPSHOTS_STORE_INT_H

#include "state/state.h"

#define WRI_MAGIC_LEN 8
#define WRI_SEGMENT   "weirseg1" /* the last character is the number of the format */
#define WRI_MANIFEST  "weirman2"

typedef struct wri_piece_at { /* where a piece lies */
    uint64_t segment, offset, length;
    uint32_t crc;
} wri_piece_at;

typedef struct wri_part_at {
    const char *name;
    wri_piece_at *pieces;
    size_t n, cap;
} wri_part_at;

typedef struct wri_manifest {
    wr_snapshot_head head;
    wri_part_at *parts;
    size_t n, cap;
    wr_arena ar; /* names, plan and pieces of a manifest that was read */
} wri_manifest;

struct wr_snapshots {
    const wr_sys *sys;
    char *dir;
    int lock;
    uint64_t *epochs; /* of the manifests that are there, rising */
    size_t n_epochs, epochs_cap;
    uint64_t next_segment;
    wri_manifest last; /* what `more` continues */
    bool has_last;
    wr_err uncollected; /* why the last write could not remove what is no longer needed; code OK: it could */
};

/* segment.c: one is opened, given piece after piece (_begin, wr_segment_put …, _piece), finished, closed. */
struct wr_segment {
    const wr_sys *sys;
    uint64_t number;
    int fd;
    char *path, *block;
    size_t n;       /* bytes in the block */
    uint64_t at;    /* of the block, in the file */
    uint64_t began; /* the piece under way */
    size_t summed;  /* bytes of the block that its checksum has, or that lie before it */
    uint32_t crc;
};
/* To be closed whether it succeeds or not. */
wr_status wri_segment_open(wr_snapshots *s, uint64_t number, wr_segment *out, wr_err *err) WR_MUST_USE;
/* *soundp false: it could not be read whole, err says why; what has been put of it is put. */
wr_status wri_segment_copy(wr_segment *g, const wr_part_from *from, bool *soundp, wr_err *err) WR_MUST_USE;
void wri_segment_begin(wr_segment *g);
wri_piece_at wri_segment_piece(const wr_segment *g);
wr_status wri_segment_finish(wr_segment *g, wr_err *err) WR_MUST_USE; /* durable but for its name */
void wri_segment_close(wr_segment *g);

/* DIR/NNNNNNNN.ext; owner: the caller. NULL on OOM. */
char *wri_snap_path(const wr_snapshots *s, uint64_t number, const char *ext);
/* What a write that failed has left; true: no file of that name is there any more. */
bool wri_snap_take_back(const wr_snapshots *s, uint64_t number, const char *ext);
wr_status wri_snap_sync_dir(const wr_snapshots *s, wr_err *err) WR_MUST_USE;
/* All of a file. */
wr_status wri_snap_read_file(const wr_snapshots *s, const char *path, wr_buf *out, wr_err *err) WR_MUST_USE;
/* A file of magic and data, durable but for its name. */
wr_status wri_snap_write_file(const wr_snapshots *s, const char *path, const char *magic, const wr_buf *data,
                              wr_err *err) WR_MUST_USE;
wr_status wri_manifest_pack(const wri_manifest *m, wr_buf *out, wr_err *err) WR_MUST_USE;
wr_status wri_manifest_load(const wr_snapshots *s, const char *path, wri_manifest *out,
                            wr_err *err) WR_MUST_USE;
wr_status wri_manifest_read(const wr_snapshots *s, uint64_t epoch, wri_manifest *out,
                            wr_err *err) WR_MUST_USE;
/* What m names, checked. Owner: the caller, by wr_snapshot_free. */
wr_status wri_snap_read_parts(const wr_snapshots *s, const wri_manifest *m, wr_snapshot **outp,
                              wr_err *err) WR_MUST_USE;
/* All of s is as it was written; WR_EDATA names the first place that is not. */
wr_status wri_snap_check(const wr_snapshot *s, wr_err *err) WR_MUST_USE;
/* Whether crc, of all bytes of p, is what it must be; r has just read it. */
wr_status wri_piece_is(const wr_piece_reader *r, const wr_piece *p, uint32_t crc, const char *part,
                       wr_err *err) WR_MUST_USE;
/* Fills s->epochs; removes nothing. */
wr_status wri_snap_list(wr_snapshots *s, wr_err *err) WR_MUST_USE;
wr_status wri_snap_is_savepoint(const wr_snapshots *s, bool *isp, wr_err *err) WR_MUST_USE;
void wri_manifest_free(wri_manifest *m);
/* The last pieces of `old` become one in g, where that keeps them few: *n of them, and where that one is; 0:
 * they stay as they are. */
wr_status wri_snap_fold(const wr_snapshots *s, const wri_part_at *old, wr_segment *g, size_t *n,
                        wri_piece_at *outp, wr_err *err) WR_MUST_USE;
/* Removes manifests beyond those kept, then segments that none of the rest names. */
wr_status wri_snap_collect(wr_snapshots *s, wr_err *err) WR_MUST_USE;

#endif

/* state/snapshots/store_int.h -- what writing and reading share. Private to state/. */
#ifndef WR_SNAPSHOTS_STORE_INT_H
#define WR_SNAPSHOTS_STORE_INT_H

#include "state/state.h"

#define WRI_MAGIC_LEN 8
#define WRI_SEGMENT   "weirseg1"
#define WRI_MANIFEST  "weirman1"

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

/* DIR/NNNNNNNN.ext; owner: the caller. NULL on OOM. */
char *wri_snap_path(const wr_snapshots *s, uint64_t number, const char *ext);
/* What a write that failed has left; true: no file of that name is there any more. */
bool wri_snap_take_back(const wr_snapshots *s, uint64_t number, const char *ext);
wr_status wri_snap_sync_dir(const wr_snapshots *s, wr_err *err) WR_MUST_USE;
/* All of a file. WR_EDATA: its first bytes are not magic. */
wr_status wri_snap_read_file(const wr_snapshots *s, const char *path, const char *magic, wr_buf *out,
                             wr_err *err) WR_MUST_USE;
wr_status wri_manifest_read(const wr_snapshots *s, uint64_t epoch, wri_manifest *out,
                            wr_err *err) WR_MUST_USE;
void wri_manifest_free(wri_manifest *m);
/* Removes manifests beyond those kept, then segments that none of the rest names. */
wr_status wri_snap_collect(wr_snapshots *s, wr_err *err) WR_MUST_USE;

#endif

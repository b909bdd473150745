/* state/streams/reader_int.h -- a reader from the inside. Private to reader.c and seek.c. */
#ifndef WR_READER_INT_H
#define WR_READER_INT_H

#include "log_int.h"

struct wr_reader {
    wr_streams *db;
    const wr_sys *sys;
    char stream_dir[WRI_PATH], dir[WRI_PATH], path[WRI_PATH]; /* path: of the segment */
    wri_id id;
    wri_meta_shard shard; /* as the metadata had it last */
    struct stat meta_seen;
    bool expired; /* the stream is there, the shard is no longer */
    int mark_fd;
    /* the segment */
    wri_window w;
    uint64_t base;
    int64_t at, end; /* offset of the next block; up to where blocks count */
    bool ended;      /* end is final */
    uint64_t follow; /* ended: the next segment, WRI_NO_SEGMENT: none, the shard is closed */
    uint64_t expect; /* first number of the next block */
    /* the block that is being read */
    wri_block block;
    const char *cur, *cur_end; /* in the window's page; NULL: none */
    uint64_t cur_number;
    uint64_t number; /* next record */
    uint64_t skipped;
    wr_status failed; /* damage stays */
    wr_err why;
    int watch_fd; /* -1: none yet, -2: cannot be had */
};

/* Reads the metadata, if it has changed. WR_EINVAL: the stream is gone, or there is no such shard; one that
 * was there has `expired`. */
wr_status wri_reader_meta(wr_reader *r, wr_err *err) WR_MUST_USE;
/* Opens a segment, at its first block. WR_EOF: there is none. */
wr_status wri_reader_enter(wr_reader *r, uint64_t base, wr_err *err) WR_MUST_USE;
/* Finds out up to where the segment may be read. */
wr_status wri_reader_bound(wr_reader *r, wr_err *err) WR_MUST_USE;
wr_status wri_reader_seek(wr_reader *r, wr_place to, wr_err *err) WR_MUST_USE;

#endif

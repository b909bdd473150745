/* runtime/ops/join_reload.h -- the table of a join, read anew when it has changed. Private to runtime/.
 *
 * A join of endless input with a table that was read from files (SOURCE, then nothing but FILTER and PROJECT)
 * looks at the files now and then (reload_interval), when rows come: paths, inodes, sizes, times of change.
 * When they have changed, and then rest (for reload_interval by the clock, or from one look to the next),
 * each worker reads them through operators of its own into a new table, of the keys that are its own, and
 * swaps it in whole. Rows from then on meet the new content, in each worker from its next batch on.
 *
 * The old content stays, and that is said once (error_stream, notes), when the files cannot be read or hold a
 * bad record; it stays without a word while they are being written: they changed while they were read, and
 * are tried again. */
#ifndef WR_RUNTIME_JOIN_RELOAD_H
#define WR_RUNTIME_JOIN_RELOAD_H

#include "join_table.h"

typedef struct wri_reload wri_reload;
/* *outp NULL: what op's right input is made of is not read anew. */
wr_status wri_reload_new(wr_op *op, wri_reload **outp, wr_err *err) WR_MUST_USE;
void wri_reload_stale(
    wri_reload *r); /* the table comes from a snapshot: other content may be there. NULL is allowed */
void wri_reload_free(wri_reload *r); /* NULL is allowed */
/* Whether it is time to read; looks at the files at most every reload_interval. */
wr_status wri_reload_due(wri_reload *r, bool *duep, wr_err *err) WR_MUST_USE;
/* Reads into an empty table; *okp: it holds the new content, to be built. */
wr_status wri_reload_read(wri_reload *r, wri_jtable *into, bool *okp, wr_err *err) WR_MUST_USE;
/* Snapshots: the stamp of the content that rows meet; content of another stamp than those that are loaded (of
 * all workers that saved) is read when it is next looked at. */
uint64_t wri_reload_stamp(const wri_reload *r);
void wri_reload_resume(wri_reload *r, uint64_t stamp);

#endif

/* runtime/paged.h -- state of keyed operators on disk, by ranges of keys, for want of memory. Private to
 * runtime/.
 *
 * An operator that says `keyed` keeps nothing but what belongs to single keys, and gets its rows through an
 * exchange by those keys. When memory is short its state goes to disk as a whole, by its own save(), a run
 * for each range of hashes; from then on rows and watermarks wait, and now and then there is a round:
 *
 *   for each range   open, load() its run; push its waiting rows and the watermarks between them, as they
 *                    came; save() to a new run, close
 *   then             the last of those watermarks is passed on
 *
 * So there is the state of one range in memory, and the rows that wait; operators know nothing of it. What
 * comes out is the same, later, and the keys of a batch not in the order in which they came, which no keyed
 * operator promises. A round costs as much as a restart of this operator: at the bound throughput is what the
 * disk and the codec give.
 *
 *   rounds   when the rows that wait take as much as may be brought back; at a barrier; at the end; when
 *            memory is short all the same; when nothing has come for as long as the last round took
 *   ranges   twice as many when the largest has become too large to be brought back
 *   saved    a run is made of items of snapshots (saved.c), so it is saved by copying its bytes
 *   loaded   when what is loaded would not fit, it goes to runs at once; when it turns out not to, once more
 *
 * What rests on this: save() and load() of an operator, which recovery rests on, too. */
#ifndef WR_RUNTIME_PAGED_H
#define WR_RUNTIME_PAGED_H

#include "job_int.h"

wr_status wri_paged_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) WR_MUST_USE;
/* op->wm and op->port_wm have been set. It is passed on after a round. */
wr_status wri_paged_watermark(wr_op *op, wr_err *err) WR_MUST_USE;
wr_status wri_paged_port_end(wr_op *op, uint32_t port, wr_err *err) WR_MUST_USE;
wr_status wri_paged_end(wr_op *op, wr_err *err) WR_MUST_USE;
/* A barrier: a round, then all runs. */
wr_status wri_paged_save(wr_op *op, wr_saver *to, wr_err *err) WR_MUST_USE;
/* Before an operator's load(): about so many bytes will come. */
wr_status wri_paged_expect(wr_op *op, uint64_t bytes, wr_err *err) WR_MUST_USE;
/* While it is loaded: there is no room for all of it in memory. It is then begun anew, to load everything
 * once more: share of it, above 0, had come. */
bool wri_paged_crowded(const wr_op *op);
wr_status wri_paged_anew(wr_op *op, double share, wr_err *err) WR_MUST_USE;
/* In the place of load(), once op->paged is set. Rows with hash. */
wr_status wri_paged_load(wr_op *op, const wr_saved *saved, const uint32_t *keys, uint32_t n_keys,
                         wr_err *err) WR_MUST_USE;
wr_status wri_paged_loaded(wr_op *op, wr_err *err) WR_MUST_USE;
/* As a def's relieve(). */
wr_status wri_paged_relieve(wr_op *op, bool *didp, wr_err *err) WR_MUST_USE;
/* The worker has nothing to do. */
wr_status wri_paged_idle(wr_task *t, bool *didp, wr_err *err) WR_MUST_USE;
void wri_paged_measure(const wr_op *op, wr_kept *out);
void wri_paged_waiting(const wr_op *op, wr_waits *out); /* that it is on disk, and how many rows wait */
void wri_paged_free(wr_op *op);                         /* without one, too */

#endif

/* runtime/ops/agg_updates.h -- groups whose results stand, and the changes that correct them. Private to
 * runtime/.
 *
 *   fold(partials)   what stands for each group that is touched is computed once, then the partials are
 * merged say()            each touched group: update-before and -after, an insert, a delete, or nothing
 *
 * What stands is not kept but computed from the state before it changes, so that an idle group costs its
 * state and WRI_UPDATES_BYTES. One table is one window, or all there is without windows. One thread owns it.
 */
#ifndef WR_RUNTIME_AGG_UPDATES_H
#define WR_RUNTIME_AGG_UPDATES_H

#include "agg_calls.h"

typedef struct wri_updates wri_updates;
typedef struct wri_updates_cfg { /* all borrowed, for as long as the tables live */
    wr_op *op;
    wri_calls *calls;
    const wr_phys *phys;  /* of the keys */
    const uint32_t *keys; /* columns of the partials */
    uint32_t n_keys;
    bool takes_back;  /* partials are followed by a count of rows and by both for rows taken back */
    bool append_only; /* the node's rows are never taken back: no kinds of changes */
    int64_t ttl_us;   /* groups idle for so long are forgotten; 0: never */
} wri_updates_cfg;

/* frame: window of the results; its groups and states are not read. NULL on OOM. */
wri_updates *wri_updates_new(const wri_updates_cfg *cfg, const wri_result *frame);
void wri_updates_free(wri_updates *u); /* NULL is allowed */
wr_status wri_updates_fold(wri_updates *u, const wr_batch *partials, wr_err *err) WR_MUST_USE;
/* Without keys there is one group from the start; this touches it, so that it is said. */
wr_status wri_updates_fold_nothing(wri_updates *u, wr_err *err) WR_MUST_USE;
wr_status wri_updates_say(wri_updates *u, wr_err *err) WR_MUST_USE;
/* Forgets the groups that watermark wm finds idle for ttl_us. What stands for them stays. */
wr_status wri_updates_expire(wri_updates *u, int64_t wm, wr_err *err) WR_MUST_USE;
/* Snapshots: the groups that changed are a part, named by the window's end or 0; what stands for those that
 * are touched is no named part's, and saved behind all parts. Save_rest: some more of what stood at the
 * barrier, the last before the table is freed, too. */
wr_status wri_updates_save(wri_updates *u, wr_saver *to, wr_err *err) WR_MUST_USE;
wr_status wri_updates_save_touched(wri_updates *u, wr_saver *to, wr_err *err) WR_MUST_USE;
wr_status wri_updates_save_rest(wri_updates *u, bool *leftp, wr_err *err) WR_MUST_USE;
wr_status wri_updates_load(wri_updates *u, const wr_saved *saved, wr_err *err) WR_MUST_USE;
uint32_t wri_updates_live(const wri_updates *u); /* groups */

#endif

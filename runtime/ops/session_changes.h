/* runtime/ops/session_changes.h -- results of sessions that stand, and what corrects them. Private to
 * runtime/.
 *
 *   before rows join   touch(keys)   what stands of the keys' sessions is computed, once until it is said
 *   rows joined        say(wm)       each touched key: rows that stand against rows that now should; the
 *                                    difference is given
 *   watermark          due(wm)       touches the keys with a session that ends
 *
 * A key is said as a whole, since its sessions grow and merge: a row that stood lies within one session of
 * now, and becomes its row (update-before and -after), others that lie there, too, are deleted. What should
 * stand is each session that has ended at wm; with EMIT EARLY and EMIT CHANGES also those that are open.
 * EMIT EARLY says a key when a tick has passed or when one of its sessions has ended; else it stays touched.
 *
 * What stands is not kept but computed from the state before it changes; a session costs a wri_told more. */
#ifndef WR_RUNTIME_SESSION_CHANGES_H
#define WR_RUNTIME_SESSION_CHANGES_H

#include "agg_calls.h"
#include "sessions.h"

typedef struct wri_told { /* behind the wri_session of each place */
    int64_t due;          /* when the one timer that counts is due, 0: none */
    bool stands;          /* its result as of when its key was last said */
    bool failed;          /* and that was told */
} wri_told;

typedef struct wri_said wri_said;
typedef struct wri_said_cfg { /* borrowed */
    wr_op *op;
    wri_calls *calls;
    wri_sessions *open;   /* their states begin with a wri_told */
    bool early;           /* results of sessions that are open: at ticks and with those that have ended */
    bool each;            /* the same, whenever something is said */
    uint32_t tag;         /* of what is saved */
    const uint32_t *keys; /* its key columns: 0, 1, … */
} wri_said_cfg;

wri_said *wri_said_new(const wri_said_cfg *cfg); /* NULL on OOM */
void wri_said_free(wri_said *s);                 /* NULL is allowed */
/* Rows of keys gids[0..n) are about to join sessions; a key may be named several times. */
wr_status wri_said_touch(wri_said *s, const uint32_t *gids, size_t n, wr_err *err) WR_MUST_USE;
/* Says the keys that were named since the last time; tick: all that are touched. */
wr_status wri_said_say(wri_said *s, int64_t wm, bool tick, wr_err *err) WR_MUST_USE;
/* Touches keys with a session that has ended at wm, until about `most` are to be said; *morep: there may be
 * more. */
wr_status wri_said_due(wri_said *s, int64_t wm, size_t most, bool *morep, wr_err *err) WR_MUST_USE;

/* Snapshots: what stands for keys that are touched, as slots; what places know of it is the owner's to save.
 */
wr_status wri_said_barrier(wri_said *s, wr_saver *to, wr_err *err) WR_MUST_USE;
wr_status wri_said_save_rest(wri_said *s, bool *leftp, wr_err *err) WR_MUST_USE;
/* gids: of the rows saved, whose sessions are there again. */
wr_status wri_said_load(wri_said *s, wr_batch *b, uint32_t n_keys, const uint32_t *gids,
                        wr_err *err) WR_MUST_USE;
/* The timer of place id, as its wri_told says. */
wr_status wri_said_load_timer(wri_said *s, uint32_t id, wr_err *err) WR_MUST_USE;

#endif

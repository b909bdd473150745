/* runtime/ops/group_marks.h -- which groups of a table a snapshot still has to save. Private to runtime/.
 *
 *   changed   since the last barrier: what the next snapshot must say
 *   due       changed before the last barrier, and not saved yet: as they stand is as they stood then
 *
 * At a barrier `changed` becomes `due`, which takes no time to speak of. Later, between its rows, the worker
 * saves what is due group by group. A group that is about to change while it is due is saved first: then, not
 * before, and it alone. So there is no pause, nothing is copied twice, and nobody reads what another thread
 * writes; whatever a state points at may change as it likes.
 *
 * Groups are saved by ranges of their ids, each a part of its own: mostly those that have changed; now and
 * then all of a range (WR_SAVED_MOST, ../op.h). A key stays in its range, so the last of its rows there is
 * what holds. Where groups are removed and come back under other ids there is one range for all of them.
 *
 * Ids are those of a group table. One thread owns the marks. */
#ifndef WR_RUNTIME_GROUP_MARKS_H
#define WR_RUNTIME_GROUP_MARKS_H

#include "../op.h"
#include "group_table.h"
#include "slots.h"

typedef struct wri_marks {   /* all zero: nothing has been saved yet */
    uint64_t *changed, *due; /* bit per id */
    size_t words;            /* of each */
    wri_slot_log log;        /* groups that changed, too, and have no bit yet */
    uint32_t n_due;
    uint32_t at; /* nothing is due in words before this one */
    bool undivided;
    wr_save_turn *turns; /* of the ranges */
    size_t turns_cap;
} wri_marks;

void wri_marks_free(wri_marks *m);
/* Groups gids[0..n) change now. Those that are due come to list[0..*np), which has room for n; they are to be
 * saved before anything is done to them. */
wr_status wri_marks_change(wri_marks *m, const uint32_t *gids, uint32_t n, uint32_t *list, uint32_t *np,
                           wr_err *err) WR_MUST_USE;
/* Where groups are saved that are in the range of gid: wr_save_part's sub. */
uint32_t wri_marks_range(const wri_marks *m, uint32_t gid);
/* Brings those of list[first..n) that are of list[first]'s range together. Returns the end of these. */
uint32_t wri_marks_together(const wri_marks *m, uint32_t *list, uint32_t first, uint32_t n);
/* A barrier: begins the parts of number `part`. *morep: the last of them goes on. */
wr_status wri_marks_barrier(wri_marks *m, const wri_groups *g, wr_saver *to, int64_t part, bool *morep,
                            wr_err *err) WR_MUST_USE;
uint32_t wri_marks_step(const wr_op *op); /* how many groups are well saved at once */
/* Takes up to `most` groups of one range that are due; they are to be saved now. 0: none is left. */
uint32_t wri_marks_take(wri_marks *m, uint32_t *list, uint32_t most);
/* Group gid is no more: has it been taken, when it was due? It is not changed, either. */
void wri_marks_forget(wri_marks *m, uint32_t gid);

#endif

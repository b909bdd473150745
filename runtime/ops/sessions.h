/* runtime/ops/sessions.h -- the open sessions of every key. Private to runtime/.
 *
 *   key ─► group: its first session, in place ─► further ones that are open at the same time, a chain
 *
 * A session is [start, last + gap): a row at t joins those it is at most a gap away from, and makes them
 * one. Each has a place in the states of a group table: a head, then what the operator keeps of its rows.
 * The first session of a key lies in the key's own place, which is empty (all zero but for the chain) when
 * it has closed before the others; further ones have places of no key (wri_groups_spare).
 *
 *   due      every place in use has one timer, due at or before the session's end, so that a row only
 *            writes `last`; who takes it sets it anew when the session has gone on
 *   merged   the place of a session that went into another is empty, and is given back by its timer
 *   closed   places that wait to be emitted; their keys are still there, wri_sessions_forget lets go. Some
 *            closed ahead of their timer, which then gives the place back
 *
 * Places move when the table grows: take wri_session_at anew after whatever may add one. */
#ifndef WR_RUNTIME_SESSIONS_H
#define WR_RUNTIME_SESSIONS_H

#include "group_table.h"
#include "slots.h"
#include "timers.h"

typedef struct wri_session {
    uint64_t start; /* less WRI_SESSION_NEVER, so that an empty place is later than all rows */
    int64_t last;   /* time of its last row [us] */
    uint32_t next;  /* in the chain of further sessions, 0: none; WRI_SESSION_CLOSED or _EARLY */
    uint32_t owner; /* group of the key; 0: no timer leads here, or an empty place of no key */
} wri_session;      /* what the operator keeps follows */

#define WRI_SESSION_NEVER  ((uint64_t)(WR_TS_MAX + WR_TS_MAX / 2 + 2)) /* past any time and gap */
#define WRI_SESSION_CLOSED UINT32_MAX                                  /* no timer leads here */
#define WRI_SESSION_EARLY  (UINT32_MAX - 1)                            /* a timer still does */

typedef struct wri_session_pair {
    uint32_t into, from;
} wri_session_pair;

typedef struct wri_sessions {
    wri_groups *groups;
    int64_t gap;
    wri_timers timers;
    wri_session_pair *merged; /* since the owner last looked, in order; the rows of `from` go to `into` */
    size_t n_merged, merged_cap;
    uint32_t *closed; /* places of sessions to be emitted */
    size_t n_closed, closed_cap;
    uint32_t *idle; /* keys that may have no session left */
    size_t n_idle, idle_cap;
    wri_slots slots; /* by key: all of its sessions; the owner says how they are saved */
} wri_sessions;

/* bytes: what the operator keeps of a session. The caller frees what that points at. */
wr_status wri_sessions_init(wri_sessions *s, const wr_phys *phys, uint32_t n_keys, size_t bytes, int64_t gap,
                            wr_err *err) WR_MUST_USE;
void wri_sessions_free(wri_sessions *s);

static inline wri_session *wri_session_at(const wri_sessions *s, uint32_t id) {
    return (wri_session *)(wri_groups_states(s->groups) + (size_t)id * wri_groups_stride(s->groups));
}
static inline bool wri_session_empty(const wri_session *x) { return x->start == 0; }
static inline int64_t wri_session_start(const wri_session *x) {
    return (int64_t)(x->start + WRI_SESSION_NEVER);
}

/* Rows at times[i] of keys gids[k] with i = idx[k] (idx NULL: i = k) join their sessions: ids[i] is the place
 * that is to take row i. Times are within ±2^62. */
typedef struct wri_session_rows {
    const int64_t *times;
    const uint32_t *gids, *idx;
    uint32_t n;
    uint32_t *ids;
} wri_session_rows;
wr_status wri_sessions_join(wri_sessions *s, const wri_session_rows *rows, wr_err *err) WR_MUST_USE;

/* Whether a session of the key has a row at most a gap away from t. */
bool wri_sessions_touch(const wri_sessions *s, uint32_t gid, int64_t t);
/* Closes what of the key ends at or before wm, ahead of its timer. moves: the first one would, and its place
 * becomes another: rows that are to be folded there must have been. */
bool wri_sessions_close_moves(const wri_sessions *s, uint32_t gid, int64_t wm);
wr_status wri_sessions_close_key(wri_sessions *s, uint32_t gid, int64_t wm, wr_err *err) WR_MUST_USE;
/* The key may have been made for a row that joined nothing: looked at by the next forget. */
wr_status wri_sessions_idle(wri_sessions *s, uint32_t gid, wr_err *err) WR_MUST_USE;

/* Closes what ends at or before wm, until about `most` wait to be emitted; *morep: there may be more. */
wr_status wri_sessions_close(wri_sessions *s, int64_t wm, size_t most, bool *morep, wr_err *err) WR_MUST_USE;
/* The closed ones have been emitted, and what they point at is freed: gives their places back, and removes
 * keys that have none left. */
wr_status wri_sessions_forget(wri_sessions *s, wr_err *err) WR_MUST_USE;
size_t wri_sessions_bytes(const wri_sessions *s);

#endif

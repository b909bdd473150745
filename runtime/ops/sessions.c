/* runtime/ops/sessions.c -- see sessions.h. */
#include "sessions.h"

#define BUCKETS 128 /* of timers within a gap */
#define TAKEN   32  /* timers at once, so that their sessions are fetched side by side */
#define AHEAD   8   /* rows: how far ahead sessions are fetched */

wr_status wri_sessions_init(wri_sessions *s, const wr_phys *phys, uint32_t n_keys, size_t bytes, int64_t gap,
                            wr_err *err) {
    *s = (wri_sessions){.gap = gap};
    wri_timers_init(&s->timers, gap / BUCKETS);
    s->groups = wri_groups_new(phys, n_keys, sizeof(wri_session) + bytes);
    if (!s->groups || !wri_groups_let_go(s->groups)) return wr_fail_oom(err, "sessions");
    return WR_OK;
}

void wri_sessions_free(wri_sessions *s) {
    wri_groups_free(s->groups);
    wri_timers_free(&s->timers);
    wri_slots_free(&s->slots);
    wr_free(s->merged);
    wr_free(s->closed);
    wr_free(s->idle);
}

size_t wri_sessions_bytes(const wri_sessions *s) {
    return wri_groups_bytes(s->groups) + wri_timers_bytes(&s->timers) + s->merged_cap * sizeof *s->merged +
           (s->closed_cap + s->idle_cap) * sizeof(uint32_t) + wri_slots_bytes(&s->slots);
}

static bool touches(const wri_session *x, int64_t t, int64_t gap) {
    return t + gap >= wri_session_start(x) && t - gap <= x->last;
}

static void extend(wri_session *x, int64_t start, int64_t last) {
    if (start < wri_session_start(x)) x->start = (uint64_t)start - WRI_SESSION_NEVER;
    if (last > x->last) x->last = last;
}

static wr_status push_id(uint32_t **listp, size_t *np, size_t *capp, uint32_t id, wr_err *err) {
    if (wr_grow(listp, capp, *np + 1, sizeof **listp) != WR_OK) return wr_fail_oom(err, "sessions");
    (*listp)[(*np)++] = id;
    return WR_OK;
}

/* ---- rows in ---- */

static wr_status open_at(wri_sessions *s, uint32_t id, uint32_t owner, int64_t t, wr_err *err) {
    wri_session *x = wri_session_at(s, id);
    if (x->owner == 0) WR_TRY(wri_timers_add(&s->timers, t + s->gap, id, err));
    x->owner = owner;
    x->start = (uint64_t)t - WRI_SESSION_NEVER;
    x->last = t;
    return WR_OK;
}

static wr_status open_further(wri_sessions *s, uint32_t gid, int64_t t, uint32_t *idp, wr_err *err) {
    WR_TRY(wri_groups_spare(s->groups, idp, err));
    wr_status r = open_at(s, *idp, gid, t, err);
    if (r != WR_OK) {
        wri_groups_unspare(s->groups, *idp);
        return r;
    }
    wri_session *first = wri_session_at(s, gid);
    wri_session_at(s, *idp)->next = first->next;
    first->next = *idp;
    return WR_OK;
}

/* Session `from`, which `prev` leads to, goes into `into`. */
static wr_status merge(wri_sessions *s, uint32_t into, uint32_t from, uint32_t prev, wr_err *err) {
    if (wr_grow(&s->merged, &s->merged_cap, s->n_merged + 1, sizeof *s->merged) != WR_OK)
        return wr_fail_oom(err, "sessions");
    s->merged[s->n_merged++] = (wri_session_pair){into, from};
    wri_session *x = wri_session_at(s, from);
    extend(wri_session_at(s, into), wri_session_start(x), x->last);
    wri_session_at(s, prev)->next = x->next;
    x->start = 0;
    x->owner = x->next = 0;
    return WR_OK;
}

/* A row that does not simply lie in, or extend, the only session of its key. */
static wr_status join_one(wri_sessions *s, uint32_t gid, int64_t t, uint32_t *idp, wr_err *err) {
    const wri_session *first = wri_session_at(s, gid);
    uint32_t hit = touches(first, t, s->gap) ? gid : 0, prev = gid;
    for (uint32_t at = first->next, next; at; at = next) {
        next = wri_session_at(s, at)->next;
        if (!touches(wri_session_at(s, at), t, s->gap)) prev = at;
        else if (!hit) hit = prev = at;
        else WR_TRY(merge(s, hit, at, prev, err));
    }
    if (hit) {
        extend(wri_session_at(s, hit), t, t);
        *idp = hit;
        return WR_OK;
    }
    if (!wri_session_empty(first)) return open_further(s, gid, t, idp, err);
    *idp = gid;
    return open_at(s, gid, gid, t, err);
}

wr_status wri_sessions_join(wri_sessions *s, const wri_session_rows *r, wr_err *err) {
    const int64_t gap = s->gap;
    const size_t stride = wri_groups_stride(s->groups);
    char *states = wri_groups_states(s->groups);
    WR_TRY(wri_slots_touch(&s->slots, r->gids, r->n, err));
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t i = r->idx ? r->idx[k] : k, gid = r->gids[k];
        int64_t t = r->times[i];
        if (k + AHEAD < r->n) __builtin_prefetch(states + r->gids[k + AHEAD] * stride, 1);
        wri_session *x = (wri_session *)(states + gid * stride);
        int64_t start = wri_session_start(x), last = x->last;
        bool inside = t >= start && t <= last;
        if (WR_LIKELY(inside || (x->next == 0 && t + gap >= start && t - gap <= last))) {
            if (t < start) x->start = (uint64_t)t - WRI_SESSION_NEVER;
            x->last = t > last ? t : last;
            r->ids[i] = gid;
            continue;
        }
        WR_TRY(join_one(s, gid, t, &r->ids[i], err));
        states = wri_groups_states(s->groups);
    }
    return WR_OK;
}

/* ---- closing ---- */

bool wri_sessions_touch(const wri_sessions *s, uint32_t gid, int64_t t) {
    if (touches(wri_session_at(s, gid), t, s->gap)) return true;
    for (uint32_t at = wri_session_at(s, gid)->next; at; at = wri_session_at(s, at)->next)
        if (touches(wri_session_at(s, at), t, s->gap)) return true;
    return false;
}

static bool has_ended(const wri_sessions *s, const wri_session *x, int64_t wm) {
    return !wri_session_empty(x) && x->last + s->gap <= wm;
}

/* A further session leaves its key's chain; mark: CLOSED or EARLY. */
static wr_status close_further(wri_sessions *s, uint32_t id, uint32_t prev, uint32_t mark, wr_err *err) {
    WR_TRY(push_id(&s->closed, &s->n_closed, &s->closed_cap, id, err));
    wri_session *x = wri_session_at(s, id);
    wri_session_at(s, prev)->next = x->next;
    x->next = mark;
    return WR_OK;
}

bool wri_sessions_close_moves(const wri_sessions *s, uint32_t gid, int64_t wm) {
    return has_ended(s, wri_session_at(s, gid), wm);
}

/* The first session goes to a place of no key, where it waits to be emitted; no timer leads there. */
static wr_status bury_first(wri_sessions *s, uint32_t gid, wr_err *err) {
    uint32_t id;
    WR_TRY(wri_groups_spare(s->groups, &id, err));
    wr_status r = push_id(&s->closed, &s->n_closed, &s->closed_cap, id, err);
    if (r != WR_OK) {
        wri_groups_unspare(s->groups, id);
        return r;
    }
    wri_session *first = wri_session_at(s, gid), head = *first;
    memcpy(wri_session_at(s, id), first, wri_groups_stride(s->groups));
    wri_session_at(s, id)->owner = gid;
    wri_session_at(s, id)->next = WRI_SESSION_CLOSED;
    memset(first, 0, wri_groups_stride(s->groups));
    first->next = head.next;
    first->owner = head.owner;
    return WR_OK;
}

wr_status wri_sessions_close_key(wri_sessions *s, uint32_t gid, int64_t wm, wr_err *err) {
    uint32_t prev = gid;
    WR_TRY(wri_slots_touch(&s->slots, &gid, 1, err));
    for (uint32_t at = wri_session_at(s, gid)->next, next; at; at = next) {
        next = wri_session_at(s, at)->next;
        if (has_ended(s, wri_session_at(s, at), wm))
            WR_TRY(close_further(s, at, prev, WRI_SESSION_EARLY, err));
        else prev = at;
    }
    return wri_sessions_close_moves(s, gid, wm) ? bury_first(s, gid, err) : WR_OK;
}

wr_status wri_sessions_idle(wri_sessions *s, uint32_t gid, wr_err *err) {
    return push_id(&s->idle, &s->n_idle, &s->idle_cap, gid, err);
}

/* The timer that led to id has been taken. */
static wr_status close_due(wri_sessions *s, uint32_t id, int64_t wm, wr_err *err) {
    wri_session *x = wri_session_at(s, id);
    if (x->owner == 0) { /* merged */
        wri_groups_unspare(s->groups, id);
        return WR_OK;
    }
    bool first = x->owner == id;
    if (x->next == WRI_SESSION_EARLY) { /* waits to be emitted */
        x->next = WRI_SESSION_CLOSED;
        return WR_OK;
    }
    if (first && wri_session_empty(x)) {
        x->owner = 0;
        return wri_sessions_idle(s, id, err);
    }
    if (!has_ended(s, x, wm)) return wri_timers_add(&s->timers, x->last + s->gap, id, err);
    if (first) return push_id(&s->closed, &s->n_closed, &s->closed_cap, id, err);
    uint32_t prev = x->owner;
    while (wri_session_at(s, prev)->next != id) prev = wri_session_at(s, prev)->next;
    return close_further(s, id, prev, WRI_SESSION_CLOSED, err);
}

/* The keys of those of places ids[0..n) whose sessions are about to close. */
static wr_status touch_ended(wri_sessions *s, const uint32_t *ids, uint32_t n, int64_t wm, wr_err *err) {
    uint32_t gids[TAKEN], n_gids = 0;
    for (uint32_t i = 0; i < n; i++) {
        const wri_session *x = wri_session_at(s, ids[i]);
        if (x->owner != 0 && has_ended(s, x, wm)) gids[n_gids++] = x->owner;
    }
    return wri_slots_touch(&s->slots, gids, n_gids, err);
}

wr_status wri_sessions_close(wri_sessions *s, int64_t wm, size_t most, bool *morep, wr_err *err) {
    wri_timer t;
    uint32_t ids[TAKEN], n;
    *morep = true;
    while (s->n_closed < most && *morep) {
        for (n = 0; n < TAKEN && (*morep = wri_timers_take(&s->timers, wm, &t)); n++) {
            ids[n] = t.id;
            const char *x = (const char *)wri_session_at(s, t.id);
            __builtin_prefetch(x, 1);
            __builtin_prefetch(x + wri_groups_stride(s->groups) - 1, 1);
        }
        WR_TRY(touch_ended(s, ids, n, wm, err));
        for (uint32_t i = 0; i < n; i++) WR_TRY(close_due(s, ids[i], wm, err));
    }
    return WR_OK;
}

wr_status wri_sessions_forget(wri_sessions *s, wr_err *err) {
    const size_t stride = wri_groups_stride(s->groups);
    if (wr_grow(&s->idle, &s->idle_cap, s->n_idle + s->n_closed, sizeof *s->idle) != WR_OK)
        return wr_fail_oom(err, "sessions");
    for (size_t i = 0; i < s->n_closed; i++) {
        uint32_t id = s->closed[i];
        wri_session *x = wri_session_at(s, id);
        if (i + AHEAD < s->n_closed) __builtin_prefetch(wri_session_at(s, s->closed[i + AHEAD]), 1);
        uint32_t gid = x->owner, next = x->next;
        s->idle[s->n_idle++] = gid;
        if (gid == id) {
            memset(x, 0, stride);
            x->next = next;
        } else if (next == WRI_SESSION_EARLY) memset(x, 0, stride);
        else wri_groups_unspare(s->groups, id);
    }
    s->n_closed = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n_idle; i++) { /* each key once: `next` tells that it is in the list */
        wri_session *x = wri_session_at(s, s->idle[i]);
        if (!wri_session_empty(x) || x->next || x->owner) continue;
        x->next = WRI_SESSION_CLOSED;
        s->idle[n++] = s->idle[i];
    }
    WR_TRY(wri_slots_leave(&s->slots, s->idle, n, err));
    wri_groups_remove(s->groups, s->idle, (uint32_t)n);
    s->n_idle = 0;
    return WR_OK;
}

/* runtime/ops/session_changes.c -- see session_changes.h.
 *
 *   marks[gid]   place of the key in `touched`, and in which round it was named
 *   touched      keys with what stands for them: rows of `olds`, one behind the other
 *   named        keys of this round: what wri_said_say looks at, so that its cost follows what came
 *
 * A batch of olds is let go when no touched key has rows in it. Timers lead to places of sessions; a timer
 * that is not `due` of its place belongs to a session that is gone.
 *
 * In snapshots a touched key is a slot: it does not change until it is said. */
#include "session_changes.h"

#include "change_rows.h"
#include "group_table.h"
#include "saved_rows.h"

typedef struct mark {
    uint32_t at;    /* in touched, from 1; 0: not touched */
    uint32_t round; /* when last named */
} mark;

typedef struct touched_key {
    uint32_t gid;
    uint32_t batch; /* of olds; when n_old > 0 */
    uint32_t row, n_old;
} touched_key;

typedef struct old_rows {
    wr_batch *b;   /* NULL: let go */
    uint32_t live; /* rows of keys that are touched */
} old_rows;

typedef struct current { /* a session that has a row now */
    uint32_t key;        /* of the keys being said */
    uint32_t becomes;    /* the row that stood and becomes it, from 1; 0: none */
    bool failed;
} current;

struct wri_said {
    wri_said_cfg cfg;
    wri_timers timers;
    mark *marks; /* by group */
    size_t marks_cap;
    uint32_t round;
    touched_key *touched;
    size_t n_touched, touched_cap;
    old_rows *olds;
    size_t n_olds, olds_cap;
    uint32_t *named, *due, *fresh; /* due, fresh: scratch */
    size_t n_named, named_cap, n_due, due_cap, n_fresh, fresh_cap;
    wri_slots slots; /* keys that are touched */
    wri_change_rows changes;
    /* scratch: sessions whose rows are computed */
    uint32_t *ids, *owners, *bad;
    int64_t *starts, *ends;
    current *now;
    size_t n_ids, ids_cap;
};

static wr_status save_touched(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                              wr_err *err);

wri_said *wri_said_new(const wri_said_cfg *cfg) {
    wri_said *s = wr_calloc(1, sizeof *s);
    if (!s) return NULL;
    s->cfg = *cfg;
    s->round = 1;
    wri_timers_init(&s->timers, cfg->open->gap / 16);
    wri_slots_init(&s->slots, cfg->op, 0, cfg->tag, save_touched, s);
    return s;
}

void wri_said_free(wri_said *s) {
    if (!s) return;
    for (size_t i = 0; i < s->n_olds; i++) wr_batch_drop(s->olds[i].b);
    wri_timers_free(&s->timers);
    wri_slots_free(&s->slots);
    wr_free(s->marks);
    wr_free(s->touched);
    wr_free(s->olds);
    wr_free(s->named);
    wr_free(s->due);
    wr_free(s->fresh);
    wr_free(s->changes.items);
    wr_free(s->ids);
    wr_free(s->owners);
    wr_free(s->bad);
    wr_free(s->starts);
    wr_free(s->ends);
    wr_free(s->now);
    wr_free(s);
}

/* ---- sessions of a key ---- */

static wri_session *at(const wri_said *s, uint32_t id) { return wri_session_at(s->cfg.open, id); }
static wri_told *told_at(const wri_said *s, uint32_t id) { return (wri_told *)(at(s, id) + 1); }
static bool has_ended(const wri_said *s, uint32_t id, int64_t wm) {
    return wm != WR_WM_NONE && at(s, id)->last + s->cfg.open->gap <= wm;
}
/* The next place of the key behind `id`, 0: none; its first one is the key's own, which may be empty. */
static uint32_t next_of(const wri_said *s, uint32_t id) { return at(s, id)->next; }
static bool is_empty(const wri_said *s, uint32_t id) { return wri_session_empty(at(s, id)); }

static wr_status push_id(wri_said *s, uint32_t id, uint32_t owner, uint32_t key, wr_err *err) {
    if (s->n_ids == s->ids_cap) {
        size_t cap = s->ids_cap ? s->ids_cap * 2 : 64;
        uint32_t **u[] = {&s->ids, &s->owners, &s->bad};
        int64_t **t[] = {&s->starts, &s->ends};
        bool ok = true;
        for (size_t i = 0; ok && i < WR_LEN(u); i++) {
            uint32_t *p = wr_reallocn(*u[i], cap, sizeof *p);
            if ((ok = p != NULL)) *u[i] = p;
        }
        for (size_t i = 0; ok && i < WR_LEN(t); i++) {
            int64_t *p = wr_reallocn(*t[i], cap, sizeof *p);
            if ((ok = p != NULL)) *t[i] = p;
        }
        current *now = ok ? wr_reallocn(s->now, cap, sizeof *now) : NULL;
        if (!now) return wr_fail_oom(err, "sessions that change");
        s->now = now;
        s->ids_cap = cap;
    }
    const wri_session *x = at(s, id);
    s->ids[s->n_ids] = id;
    s->owners[s->n_ids] = owner;
    s->starts[s->n_ids] = wri_session_start(x);
    s->ends[s->n_ids] = x->last + s->cfg.open->gap;
    s->now[s->n_ids++] = (current){.key = key};
    return WR_OK;
}

/* The results of ids[0..n_ids) as they are now. */
static wr_status compute(wri_said *s, wr_batch **outp, uint64_t **failedp, wr_err *err) {
    wri_groups *g = s->cfg.open->groups;
    wri_result r = {
        .op = s->cfg.op,
        .calls = s->cfg.calls,
        .groups = g,
        .st = {wri_groups_states(g) + sizeof(wri_session) + sizeof(wri_told), wri_groups_stride(g)},
        .time = s->cfg.op->node->session.win.tick_us,
        .owners = s->owners,
        .starts = s->starts,
        .ends = s->ends};
    return wri_result_rows(&r, s->ids, (uint32_t)s->n_ids, failedp, outp, err);
}

/* ---- before rows join ---- */

static wr_status mark_key(wri_said *s, uint32_t gid, wr_err *err) {
    mark *m = &s->marks[gid];
    if (m->round == s->round) return WR_OK;
    if (wr_grow(&s->named, &s->named_cap, s->n_named + 1, sizeof *s->named) != WR_OK ||
        wr_grow(&s->touched, &s->touched_cap, s->n_touched + 1, sizeof *s->touched) != WR_OK ||
        wr_grow(&s->fresh, &s->fresh_cap, s->n_fresh + 1, sizeof *s->fresh) != WR_OK)
        return wr_fail_oom(err, "sessions that change");
    m->round = s->round;
    s->named[s->n_named++] = gid;
    if (m->at) return WR_OK;
    uint32_t first = (uint32_t)s->n_ids;
    for (uint32_t id = gid; id; id = next_of(s, id))
        if (!is_empty(s, id) && told_at(s, id)->stands) WR_TRY(push_id(s, id, gid, 0, err));
    s->touched[s->n_touched++] = (touched_key){gid, (uint32_t)s->n_olds, first, (uint32_t)s->n_ids - first};
    m->at = (uint32_t)s->n_touched;
    s->fresh[s->n_fresh++] = gid;
    return WR_OK;
}

static wr_status room_for_marks(wri_said *s, wr_err *err) {
    size_t need = (size_t)wri_groups_count(s->cfg.open->groups) + 1, had = s->marks_cap;
    if (need <= had) return WR_OK;
    if (wr_grow(&s->marks, &s->marks_cap, need, sizeof *s->marks) != WR_OK)
        return wr_fail_oom(err, "sessions that change");
    memset(s->marks + had, 0, (s->marks_cap - had) * sizeof *s->marks);
    return WR_OK;
}

wr_status wri_said_touch(wri_said *s, const uint32_t *gids, size_t n, wr_err *err) {
    s->n_ids = s->n_fresh = 0;
    WR_TRY(room_for_marks(s, err));
    if (wr_grow(&s->olds, &s->olds_cap, s->n_olds + 1, sizeof *s->olds) != WR_OK)
        return wr_fail_oom(err, "sessions that change");
    for (size_t i = 0; i < n; i++) WR_TRY(mark_key(s, gids[i], err));
    WR_TRY(wri_slots_touch(&s->slots, s->fresh, s->n_fresh, err));
    if (s->n_ids == 0) return WR_OK;
    uint64_t *failed; /* none: what failed does not stand */
    WR_TRY(compute(s, &s->olds[s->n_olds].b, &failed, err));
    s->olds[s->n_olds++].live = (uint32_t)s->n_ids;
    return WR_OK;
}

/* ---- saying ---- */

/* The key is no longer touched; the last touched one takes its place. */
static void untouch(wri_said *s, uint32_t gid) {
    uint32_t i = s->marks[gid].at - 1;
    const touched_key *k = &s->touched[i];
    if (k->n_old && (s->olds[k->batch].live -= k->n_old) == 0) {
        wr_batch_drop(s->olds[k->batch].b);
        s->olds[k->batch].b = NULL;
    }
    while (s->n_olds > 0 && !s->olds[s->n_olds - 1].b) s->n_olds--;
    s->marks[gid].at = 0;
    s->touched[i] = s->touched[--s->n_touched];
    if (i < s->n_touched) s->marks[s->touched[i].gid].at = i + 1;
}

static wr_status set_timer(wri_said *s, uint32_t id, wr_err *err) {
    int64_t due = at(s, id)->last + s->cfg.open->gap;
    told_at(s, id)->due = due ? due : 1; /* 0: no timer */
    return wri_timers_add(&s->timers, told_at(s, id)->due, id, err);
}

/* Whether the key is to be said now. If not, its open sessions get the timers that see to that. */
static wr_status is_wanted(wri_said *s, uint32_t gid, int64_t wm, bool *wantedp, wr_err *err) {
    bool none = true, ended = false;
    *wantedp = s->cfg.each;
    if (s->cfg.each) return WR_OK;
    for (uint32_t id = gid; id; id = next_of(s, id)) {
        if (is_empty(s, id)) continue;
        none = false;
        if (has_ended(s, id, wm)) ended = true;
        else if (told_at(s, id)->due == 0) WR_TRY(set_timer(s, id, err));
    }
    *wantedp = none || ended || (!s->cfg.early && s->touched[s->marks[gid].at - 1].n_old > 0);
    return WR_OK;
}

/* The rows of key number k, gid, as they should be: its sessions from ids[n_ids] on. */
static wr_status list_current(wri_said *s, uint32_t gid, uint32_t k, int64_t wm, wr_err *err) {
    for (uint32_t id = gid; id; id = next_of(s, id)) {
        if (is_empty(s, id)) continue;
        told_at(s, id)->stands = false;
        if (s->cfg.early || s->cfg.each || has_ended(s, id, wm)) WR_TRY(push_id(s, id, gid, k, err));
    }
    return WR_OK;
}

/* Which of the sessions from..to holds a row that stood and begins at t; `to`: none. */
static size_t holder(const wri_said *s, size_t from, size_t to, int64_t t) {
    while (from < to && (t < s->starts[from] || t >= s->ends[from])) from++;
    return from;
}

/* Key: what stood against rows from..to of cur. What goes away goes first: no two rows that stand may have a
 * border in common. */
static wr_status compare(wri_said *s, const touched_key *k, wr_batch *cur, size_t from, size_t to,
                         wr_err *err) {
    wr_batch *old = k->n_old ? s->olds[k->batch].b : NULL;
    for (uint32_t i = 0; i < k->n_old; i++) {
        uint32_t row = k->row + i;
        size_t in = holder(s, from, to, old->cols[0].i64[row]);
        if (in < to && !s->now[in].failed && !s->now[in].becomes) s->now[in].becomes = row + 1;
        else WR_TRY(wri_change_add(&s->changes, old, row, WR_DELETE, err));
    }
    for (size_t i = from; i < to; i++) {
        uint32_t row = (uint32_t)i, was = s->now[i].becomes;
        if (s->now[i].failed) continue;
        told_at(s, s->ids[i])->stands = true;
        if (was && wri_same_values(old, was - 1, cur, row, 0)) continue;
        if (was) WR_TRY(wri_change_add(&s->changes, old, was - 1, WR_UPDATE_BEFORE, err));
        WR_TRY(wri_change_add(&s->changes, cur, row, was ? WR_UPDATE_AFTER : WR_INSERT, err));
    }
    return WR_OK;
}

/* Notes which of the sessions that were computed failed, and tells those that have not been. */
static wr_status note_failed(wri_said *s, wr_batch *cur, const uint64_t *failed, wr_err *err) {
    uint32_t n_bad = 0;
    for (size_t i = 0; i < s->n_ids; i++) {
        wri_told *t = told_at(s, s->ids[i]);
        s->now[i].failed = wr_bit(failed, (uint32_t)i);
        if (s->now[i].failed && !t->failed) s->bad[n_bad++] = (uint32_t)i;
        t->failed = s->now[i].failed;
    }
    return n_bad ? wr_task_bad_rows(s->cfg.op, cur, s->bad, NULL, WRI_GROUP_FAILED, n_bad, err) : WR_OK;
}

/* Says keys gids[0..n), which are touched. */
static wr_status say_some(wri_said *s, const uint32_t *gids, size_t n, int64_t wm, wr_err *err) {
    wr_batch *cur = NULL;
    uint64_t *failed;
    s->n_ids = 0;
    for (size_t k = 0; k < n; k++) WR_TRY(list_current(s, gids[k], (uint32_t)k, wm, err));
    if (s->n_ids) WR_TRY(compute(s, &cur, &failed, err));
    wr_status r = s->n_ids ? note_failed(s, cur, failed, err) : WR_OK;
    for (size_t k = 0, from = 0, to; r == WR_OK && k < n; k++, from = to) {
        for (to = from; to < s->n_ids && s->now[to].key == k;) to++;
        r = compare(s, &s->touched[s->marks[gids[k]].at - 1], cur, from, to, err);
    }
    if (r == WR_OK) r = wri_change_emit(&s->changes, s->cfg.op, false, err);
    wr_batch_drop(cur);
    if (r == WR_OK) r = wri_slots_leave(&s->slots, gids, n, err);
    for (size_t k = 0; k < n; k++) untouch(s, gids[k]);
    return r;
}

static wr_status say_all(wri_said *s, const uint32_t *gids, size_t n, int64_t wm, wr_err *err) {
    size_t step = wr_task_batch_rows(s->cfg.op->task);
    for (size_t from = 0; from < n; from += step)
        WR_TRY(say_some(s, gids + from, n - from < step ? n - from : step, wm, err));
    return WR_OK;
}

wr_status wri_said_say(wri_said *s, int64_t wm, bool tick, wr_err *err) {
    size_t n = 0;
    if (tick && wr_grow(&s->named, &s->named_cap, s->n_touched, sizeof *s->named) != WR_OK)
        return wr_fail_oom(err, "sessions that change");
    if (tick)
        for (s->n_named = 0; s->n_named < s->n_touched; s->n_named++)
            s->named[s->n_named] = s->touched[s->n_named].gid;
    WR_TRY(wri_slots_touch(&s->cfg.open->slots, s->named, s->n_named, err));
    for (size_t i = 0; i < s->n_named; i++) {
        uint32_t gid = s->named[i];
        bool wanted;
        WR_TRY(is_wanted(s, gid, wm, &wanted, err));
        if (wanted || tick) s->named[n++] = gid;
        else if (!s->cfg.early) { /* nothing stands for it */
            WR_TRY(wri_slots_leave(&s->slots, &gid, 1, err));
            untouch(s, gid);
        }
    }
    s->n_named = 0;
    s->round++;
    return say_all(s, s->named, n, wm, err);
}

wr_status wri_said_due(wri_said *s, int64_t wm, size_t most, bool *morep, wr_err *err) {
    wri_timer t;
    s->n_due = 0;
    *morep = true;
    while (s->n_due < most && (*morep = wri_timers_take(&s->timers, wm, &t))) {
        if (is_empty(s, t.id) || told_at(s, t.id)->due != t.due) continue;
        WR_TRY(wri_slots_touch(&s->cfg.open->slots, &at(s, t.id)->owner, 1, err));
        told_at(s, t.id)->due = 0;
        if (!has_ended(s, t.id, wm)) {
            WR_TRY(set_timer(s, t.id, err));
            continue;
        }
        if (wr_grow(&s->due, &s->due_cap, s->n_due + 1, sizeof *s->due) != WR_OK)
            return wr_fail_oom(err, "sessions that change");
        s->due[s->n_due++] = at(s, t.id)->owner;
    }
    return wri_said_touch(s, s->due, s->n_due, err);
}

/* ---- snapshots: a row for each one that stands for a key that is touched, and one for a key for which none
 * does
 *
 *   keys, whether it stands, the row if it does */

/* Rows rows[0..n) of the keys gids[0..n); rows NULL: keys without. */
static wr_status save_some(wri_said *s, const uint32_t *gids, const wri_picked *rows, uint32_t n,
                           wr_saver *to, wr_err *err) {
    uint32_t n_keys = s->cfg.op->node->session.n_keys, n_out = rows ? s->cfg.op->node->out.n : 0;
    wr_batch *b = NULL, *old = NULL;
    if (n == 0) return WR_OK;
    wr_status r = wr_batch_new(n_keys + 1 + n_out, n, &b, err);
    if (r == WR_OK) b->n = n;
    if (r == WR_OK) r = wri_groups_emit_keys(s->cfg.open->groups, gids, n, b, 0, err);
    if (r == WR_OK) r = wr_batch_col(b, n_keys, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) b->cols[n_keys].i64[i] = rows != NULL;
    if (r == WR_OK && rows) r = wri_pick_rows(rows, n, n_out, 0, &old, err);
    if (r == WR_OK && rows) r = wr_batch_keep(b, &old->ref, err);
    for (uint32_t c = 0; r == WR_OK && c < n_out; c++) b->cols[n_keys + 1 + c] = old->cols[c];
    if (r == WR_OK) r = wr_save_slots(to, s->cfg.tag, b, s->cfg.keys, n_keys, gids, err);
    wr_batch_drop(old);
    wr_batch_drop(b);
    return r;
}

static wr_status save_touched(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                              wr_err *err) {
    wri_said *s = slots->ctx;
    size_t n_rows = 0;
    uint32_t n_none = 0, at = 0;
    for (uint32_t i = 0; i < n; i++) n_rows += s->touched[s->marks[gids[i]].at - 1].n_old;
    wri_picked *rows = wr_alloc((n_rows + 1) * sizeof *rows);
    uint32_t *owners = wr_alloc((n_rows + n + 1) * sizeof *owners), *none = owners ? owners + n_rows : NULL;
    wr_status r = rows && owners ? WR_OK : wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        const touched_key *k = &s->touched[s->marks[gids[i]].at - 1];
        if (k->n_old == 0) none[n_none++] = gids[i];
        for (uint32_t x = 0; x < k->n_old; x++, at++) {
            owners[at] = gids[i];
            rows[at] = (wri_picked){.b = s->olds[k->batch].b, .row = k->row + x};
        }
    }
    if (r == WR_OK) r = save_some(s, none, NULL, n_none, to, err);
    if (r == WR_OK) r = save_some(s, owners, rows, at, to, err);
    wr_free(rows);
    wr_free(owners);
    return r;
}

wr_status wri_said_barrier(wri_said *s, wr_saver *to, wr_err *err) {
    return wri_slots_barrier(&s->slots, to, err);
}

wr_status wri_said_save_rest(wri_said *s, bool *leftp, wr_err *err) {
    return wri_slots_rest(&s->slots, leftp, err);
}

static wr_status add_touched(wri_said *s, touched_key k, wr_err *err) {
    if (wr_grow(&s->touched, &s->touched_cap, s->n_touched + 1, sizeof *s->touched) != WR_OK)
        return wr_fail_oom(err, "sessions that change");
    s->touched[s->n_touched++] = k;
    s->marks[k.gid].at = (uint32_t)s->n_touched;
    return wri_slots_touch(&s->slots, &k.gid, 1, err);
}

/* The rows of a key stand one behind the other; all or none of a batch have rows that stand. */
wr_status wri_said_load(wri_said *s, wr_batch *b, uint32_t n_keys, const uint32_t *gids, wr_err *err) {
    WR_TRY(room_for_marks(s, err));
    bool none = !b->cols[n_keys].i64[0];
    for (uint32_t i = 0; none && i < b->n; i++) WR_TRY(add_touched(s, (touched_key){.gid = gids[i]}, err));
    if (none) return WR_OK;
    uint32_t n_out = s->cfg.op->node->out.n, *cols = wr_alloc(n_out * sizeof *cols + 1);
    wr_status r = cols && wr_grow(&s->olds, &s->olds_cap, s->n_olds + 1, sizeof *s->olds) == WR_OK
                      ? WR_OK
                      : wr_fail_oom(err, "sessions that change");
    if (r == WR_OK && b->n_cols != n_keys + 1 + n_out)
        r = wr_fail(err, WR_EDATA, "sessions in the snapshot are not as they were written");
    for (uint32_t c = 0; r == WR_OK && c < n_out; c++) cols[c] = n_keys + 1 + c;
    if (r == WR_OK) r = wr_batch_share(b, cols, n_out, &s->olds[s->n_olds].b, err);
    wr_free(cols);
    if (r != WR_OK) return r;
    uint32_t batch = (uint32_t)s->n_olds;
    s->olds[s->n_olds++].live = b->n;
    for (uint32_t i = 0, to; i < b->n; i = to) {
        for (to = i + 1; to < b->n && gids[to] == gids[i]; to++) {
        }
        WR_TRY(add_touched(s, (touched_key){gids[i], batch, i, to - i}, err));
    }
    return WR_OK;
}

wr_status wri_said_load_timer(wri_said *s, uint32_t id, wr_err *err) {
    int64_t due = told_at(s, id)->due;
    return due ? wri_timers_add(&s->timers, due, id, err) : WR_OK;
}

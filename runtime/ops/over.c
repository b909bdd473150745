/* runtime/ops/over.c -- OVER in the order of event time, frames that end at the current row.
 *
 *   rows ─► timeline (until the watermark passes them) ─► keys ─► frames (over_frame.c), counters ─► rows
 *
 * An input row comes out once, with a column per call; rows behind the watermark are late. A key whose frames
 * are empty is removed, unless something of it is kept for ever (frames without a bound, ROWS, LAG,
 * counters); then `state_ttl` says after how much event time without a row it is forgotten. That is decided
 * at the row that comes after it, so results do not depend on when memory is freed. */
#include "over.h"
#include "../job_int.h"
#include "group_table.h"
#include "ops.h"
#include "over_lead.h"
#include "timeline.h"
#include "timers.h"

typedef struct key_head { /* of a key's state */
    uint32_t listed;      /* stands in `left` */
    uint32_t timed;       /* a timer waits for it */
    int64_t seen;         /* time of its newest row, when keys are forgotten */
} key_head;

typedef struct counters { /* ROW_NUMBER, RANK, DENSE_RANK */
    uint64_t rows, rank, dense;
    int64_t time; /* of the newest row */
} counters;

typedef struct over {
    wri_timeline *line;
    wri_groups *groups;
    wri_over_frame **frames;
    uint32_t n_frames, n_state; /* n_state: bytes of a key */
    uint32_t counters_at;       /* in a key's state; 0: none */
    wri_over_lead *lead;        /* NULL: no LEAD */
    int64_t ttl;                /* 0: keys are not forgotten */
    bool removes;               /* keys with empty frames go */
    wri_left left;
    wri_timers timers;
    int64_t pos; /* rows so far */
    uint32_t *gids, *ids, *in_time;
    uint64_t *fresh;
    size_t gids_cap, ids_cap, in_time_cap, fresh_cap;
} over;

/* ---- opening ---- */

static bool counts(const wr_over_call *k) {
    return k->fn == WR_O_ROW_NUMBER || k->fn == WR_O_RANK || k->fn == WR_O_DENSE_RANK;
}

static wri_frame_cfg cfg_of(const wr_over_call *k) {
    const wr_frame *f = &k->frame;
    wri_frame_cfg c = {.range_us = -1, .rows = -1};
    if (k->fn == WR_O_LAG) {
        c.rows = k->n > 0 ? k->n : 1;
        c.before = k->n > 0;
        c.skip = k->n > 0 && k->ignore_nulls;
        return c;
    }
    c.peers = !f->rows && !f->alone;
    if (f->lo != WR_B_UNBOUNDED_PRECEDING) {
        int64_t by = f->lo == WR_B_PRECEDING ? f->lo_by : 0;
        if (f->rows) c.rows = by < INT64_MAX ? by + 1 : by;
        else c.range_us = by;
    } else if (k->fn == WR_O_NTH) {
        c.skip = k->ignore_nulls;
        if (k->from_last) c.rows = k->n;
    }
    return c;
}

static bool same_frame(const wri_frame_cfg *a, const wri_frame_cfg *b) {
    return a->range_us == b->range_us && a->rows == b->rows && a->peers == b->peers &&
           a->before == b->before && !a->skip && !b->skip;
}

/* A frame for call i and all later ones that share it; done: calls that have theirs. */
static wr_status add_frame(wr_op *op, over *s, uint32_t i, bool *done, wr_err *err) {
    const wr_node *n = op->node;
    uint32_t n_calls = n->over.n_calls, first = n->out.n - n_calls, k = 0;
    wri_frame_cfg cfg = cfg_of(&n->over.calls[i]);
    cfg.clears = s->ttl > 0;
    const wr_over_call **calls = wr_calloc(n_calls, sizeof(wr_over_call *));
    uint32_t *cols = wr_calloc(n_calls, sizeof *cols);
    wr_status st = calls && cols ? WR_OK : wr_fail_oom(err, "OVER");
    for (uint32_t j = i; st == WR_OK && j < n_calls; j++) {
        const wr_over_call *c = &n->over.calls[j];
        if (done[j] || counts(c) || c->fn == WR_O_LEAD) continue;
        wri_frame_cfg other = cfg_of(c);
        if (j != i && !same_frame(&cfg, &other)) continue;
        done[j] = true;
        calls[k] = c;
        cols[k++] = first + j;
    }
    if (st == WR_OK) st = wri_frame_new(&cfg, calls, cols, k, &s->frames[s->n_frames++], err);
    wr_free(calls);
    wr_free(cols);
    if (st != WR_OK) return st;
    s->n_state += wri_frame_key_bytes(s->frames[s->n_frames - 1], s->n_state);
    s->removes = s->removes && cfg.range_us >= 0;
    return WR_OK;
}

static wr_status add_frames(wr_op *op, over *s, wr_err *err) {
    const wr_node *n = op->node;
    bool *done = wr_calloc(n->over.n_calls + 1u, sizeof *done);
    s->frames = wr_calloc(n->over.n_calls + 1u, sizeof(wri_over_frame *));
    wr_status st = done && s->frames ? WR_OK : wr_fail_oom(err, "OVER");
    s->removes = n->over.n_keys > 0; /* the one group of all rows stays */
    for (uint32_t i = 0; st == WR_OK && i < n->over.n_calls; i++) {
        const wr_over_call *k = &n->over.calls[i];
        if (counts(k) && !s->counters_at) {
            s->counters_at = s->n_state;
            s->n_state += sizeof(counters);
        }
        if (counts(k) || k->fn == WR_O_LEAD) s->removes = false;
        else if (!done[i]) st = add_frame(op, s, i, done, err);
    }
    wr_free(done);
    return st;
}

static wr_status over_open(wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    over *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "OVER");
    s->n_state = sizeof(key_head);
    s->ttl = wr_task_plan(op->task)->settings.state_ttl_us;
    WR_TRY(add_frames(op, s, err));
    WR_TRY(wri_lead_new(op, &s->lead, err));
    if (s->lead) s->n_state += wri_lead_key_bytes(s->lead, s->n_state);
    if (s->lead && n->bounded) op->holds_us = WR_TS_MAX; /* its rows come out of order */
    if (s->removes || s->lead || n->over.n_keys == 0) s->ttl = 0;
    wri_timers_init(&s->timers, s->ttl / 16 + 1);
    wr_phys *phys = wr_calloc(n->over.n_keys + 1u, sizeof *phys);
    if (!phys) return wr_fail_oom(err, "OVER");
    for (uint32_t i = 0; i < n->over.n_keys; i++) phys[i] = wr_type_phys(n->out.fields[n->over.keys[i]].type);
    s->groups = wri_groups_new(phys, n->over.n_keys, s->n_state);
    wr_free(phys);
    s->line = wri_timeline_new(&n->in[0]->out, n->over.order_time);
    if (s->line && n->places) wri_timeline_places(s->line);
    bool ok = s->groups && s->line && (!(s->removes || s->ttl) || wri_groups_let_go(s->groups));
    return ok ? WR_OK : wr_fail_oom(err, "OVER");
}

static wri_states states_of(const over *s) {
    return (wri_states){wri_groups_states(s->groups), wri_groups_stride(s->groups)};
}

static void over_close(wr_op *op) {
    over *s = op->state;
    if (!s) return;
    wri_states keys = s->groups ? states_of(s) : (wri_states){0};
    uint32_t n = s->groups ? wri_groups_count(s->groups) : 0;
    for (uint32_t i = 0; i < s->n_frames; i++) wri_frame_free(s->frames[i], keys, n);
    wri_lead_free(s->lead);
    wri_timeline_free(s->line);
    wri_groups_free(s->groups);
    wri_timers_free(&s->timers);
    wr_free(s->frames);
    wr_free(s->left.gids);
    wr_free(s->gids);
    wr_free(s->ids);
    wr_free(s->in_time);
    wr_free(s->fresh);
    wr_free(s);
}

/* ---- keys come and go ---- */

static char *key_at(const wri_states *keys, uint32_t gid) { return keys->base + (size_t)gid * keys->stride; }

/* Which rows find their key forgotten; timers for keys that have none. */
static wr_status see_keys(over *s, const wri_over_rows *r, wr_err *err) {
    uint32_t n = r->b->n, words = wr_bitmap_words(n);
    if (wr_grow(&s->fresh, &s->fresh_cap, words, sizeof *s->fresh) != WR_OK) return wr_fail_oom(err, "OVER");
    memset(s->fresh, 0, words * sizeof *s->fresh);
    for (uint32_t i = 0; i < n; i++) {
        key_head *k = (key_head *)key_at(&r->keys, r->gids[i]);
        if (k->timed && (uint64_t)r->time[i] - (uint64_t)k->seen > (uint64_t)s->ttl) wr_bit_set(s->fresh, i);
        k->seen = r->time[i];
        if (k->timed) continue;
        k->timed = 1;
        int64_t due = k->seen > WR_TS_MAX - s->ttl ? WR_TS_MAX : k->seen + s->ttl;
        WR_TRY(wri_timers_add(&s->timers, due, r->gids[i], err));
    }
    return WR_OK;
}

/* Keys that the watermark has made useless. */
static wr_status forget(over *s, int64_t wm, wr_err *err) {
    wri_states keys = states_of(s);
    wri_timer t;
    while (wm != WR_WM_END && wri_timers_take(&s->timers, wm, &t)) {
        uint32_t gid = (uint32_t)t.id;
        key_head *k = (key_head *)key_at(&keys, gid);
        int64_t due = k->seen > WR_TS_MAX - s->ttl ? WR_TS_MAX : k->seen + s->ttl;
        bool holds = false; /* rows that leave by time are waited for */
        for (uint32_t i = 0; i < s->n_frames; i++)
            holds = holds || (wri_frame_forgets(s->frames[i]) && wri_frame_holds(s->frames[i], (char *)k));
        if (due > wm || holds) {
            WR_TRY(wri_timers_add(&s->timers, due > wm ? due : wm + s->ttl / 4 + 1, gid, err));
            continue;
        }
        for (uint32_t i = 0; i < s->n_frames; i++) wri_frame_clear(s->frames[i], (char *)k);
        wri_groups_remove(s->groups, &gid, 1);
    }
    return WR_OK;
}

/* Of the keys that rows left, those that have none any more. */
static void remove_left(over *s) {
    wri_states keys = states_of(s);
    uint32_t n = 0;
    for (size_t i = 0; i < s->left.n && s->removes; i++) {
        char *key = key_at(&keys, s->left.gids[i]);
        bool holds = ((key_head *)key)->listed;
        for (uint32_t f = 0; f < s->n_frames; f++) holds = holds || wri_frame_holds(s->frames[f], key);
        if (holds) continue;
        ((key_head *)key)->listed = 1;
        s->left.gids[n++] = s->left.gids[i];
    }
    if (n) wri_groups_remove(s->groups, s->left.gids, n); /* states are empty: all rows were taken out */
    s->left.n = 0;
}

/* ---- counters ---- */

static wr_status count_rows(wr_op *op, over *s, const wri_over_rows *r, wr_err *err) {
    const wr_node *n = op->node;
    uint32_t first = n->out.n - n->over.n_calls;
    for (uint32_t c = 0; c < n->over.n_calls; c++)
        if (counts(&n->over.calls[c])) WR_TRY(wr_batch_col(r->out, first + c, WR_I64, err));
    for (uint32_t i = 0; i < r->b->n; i++) {
        counters *k = (counters *)(key_at(&r->keys, r->gids[i]) + s->counters_at);
        if (r->fresh && wr_bit(r->fresh, i)) *k = (counters){0};
        if (k->rows++ == 0 || k->time != r->time[i]) {
            k->rank = k->rows;
            k->dense++;
            k->time = r->time[i];
        }
        for (uint32_t c = 0; c < n->over.n_calls; c++) {
            wr_over_fn fn = n->over.calls[c].fn;
            if (!counts(&n->over.calls[c])) continue;
            uint64_t v = fn == WR_O_ROW_NUMBER ? k->rows : fn == WR_O_RANK ? k->rank : k->dense;
            r->out->cols[first + c].i64[i] = (int64_t)v;
        }
    }
    return WR_OK;
}

/* ---- rows ---- */

static wr_status over_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    over *s = op->state;
    uint32_t n;
    if (wr_grow(&s->in_time, &s->in_time_cap, in->n, sizeof *s->in_time) != WR_OK)
        return wr_fail_oom(err, "OVER");
    WR_TRY(wri_in_time(op, port, in, op->node->over.order_time, s->in_time, &n, err));
    return wri_timeline_add(s->line, in, n == in->n ? NULL : s->in_time, n, err);
}

static wr_status run_calls(wr_op *op, over *s, wri_over_rows *r, wr_err *err) {
    if (s->ttl) {
        WR_TRY(see_keys(s, r, err));
        r->fresh = s->fresh;
    }
    for (uint32_t i = 0; i < s->n_frames; i++) WR_TRY(wri_frame_run(s->frames[i], r, &s->left, err));
    if (s->counters_at) WR_TRY(count_rows(op, s, r, err));
    return s->lead ? wri_lead_run(s->lead, r, err) : WR_OK;
}

/* b: rows that are due, in order. */
static wr_status run_batch(wr_op *op, over *s, wr_batch *b, wr_err *err) {
    const wr_node *n = op->node;
    if (wr_grow(&s->gids, &s->gids_cap, b->n, sizeof *s->gids) != WR_OK) return wr_fail_oom(err, "OVER");
    WR_TRY(wri_over_ids(&s->ids, &s->ids_cap, b->n, err));
    WR_TRY(wri_groups_find(s->groups, b, n->over.keys, b->hash, s->gids, err));
    b->pos = s->pos; /* "first" and "last" are in this order */
    s->pos += b->n;
    wr_batch *out = NULL;
    WR_TRY(wri_over_batch(op, b, &out, err)); /* with the places, for who sorts it next */
    b->place = NULL;
    wri_over_rows r = {.b = b,
                       .out = out,
                       .time = b->cols[n->over.order_time].i64,
                       .gids = s->gids,
                       .ids = s->ids,
                       .keys = states_of(s)};
    r.failed = wr_arena_calloc(&out->arena, wr_bitmap_words(b->n) * sizeof *r.failed);
    wr_status st = r.failed ? run_calls(op, s, &r, err) : wr_fail_oom(err, "OVER");
    if (st == WR_OK && !s->lead) {
        st = wri_over_report(op, &out, r.failed, err);
        if (st == WR_OK) st = wr_emit(op, out, err);
    }
    wr_batch_drop(out);
    return st;
}

static wr_status over_watermark(wr_op *op, int64_t wm, wr_err *err) {
    over *s = op->state;
    for (;;) {
        wr_batch *b;
        WR_TRY(wri_timeline_take(s->line, wm, wr_task_batch_rows(op->task), &b, err));
        if (!b) break;
        wr_status st = run_batch(op, s, b, err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
        remove_left(s);
    }
    wri_states keys = states_of(s);
    for (uint32_t i = 0; i < s->n_frames; i++) WR_TRY(wri_frame_pass(s->frames[i], wm, keys, &s->left, err));
    remove_left(s);
    if (s->ttl) WR_TRY(forget(s, wm, err));
    return s->lead ? wri_lead_emit(s->lead, wm == WR_WM_END, err) : WR_OK;
}

wri_over_kept wri_over_keeps(const wr_op *op) {
    const over *s = op->state;
    wri_over_kept k = {.keys = wri_groups_live(s->groups), .rows = wri_timeline_rows(s->line)};
    for (uint32_t i = 0; i < s->n_frames; i++) k.rows += wri_frame_rows(s->frames[i]);
    return k;
}

const wr_op_def wri_op_over = {
    .name = "over", .open = over_open, .push = over_push, .watermark = over_watermark, .close = over_close};

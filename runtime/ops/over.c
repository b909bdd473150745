/* runtime/ops/over.c -- OVER in the order of event time, frames that end at the current row.
 *
 *   rows ─► timeline (until the watermark passes them) ─► keys ─► frames (over_frame.c), counters ─► rows
 *
 * An input row comes out once, with a column per call; rows behind the watermark are late. A key whose frames
 * are empty is removed, unless something of it is kept for ever (frames without a bound, ROWS, LAG,
 * counters); then `state_ttl` says after how much event time without a row it is forgotten. That is decided
 * at the row that comes after it, so results do not depend on when memory is freed. */
#include "over.h"

#include <stdlib.h>

#include "../job_int.h"
#include "group_table.h"
#include "ops.h"
#include "over_lead.h"
#include "saved_rows.h"
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

typedef struct loaded {
    wr_batch *rows;
    uint32_t frame;
} loaded;

typedef struct load_row { /* of a frame */
    int64_t time;
    uint32_t seq, batch, row;
} load_row;

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
    int64_t pos;        /* rows so far */
    wri_slots keys;     /* by group, where something is kept of keys that rows do not tell */
    uint32_t *key_cols; /* 0, 1, … */
    loaded *loaded;     /* rows of frames out of a snapshot, that have not been put in */
    size_t n_loaded, loaded_cap;
    size_t loaded_bytes; /* what those take, and what they will take in their frames */
    bool unsettled;      /* something was loaded */
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

enum { WAITING, KEYS, LEAD, POS, ROWS, SEEN }; /* tags in snapshots, and spaces of slots: see there */

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err);

static wr_status all_keys(wri_slots *slots, wr_err *err) {
    const over *s = slots->op->state;
    return wri_slots_touch_all(slots, wri_groups_count(s->groups), wri_groups_gone(s->groups), err);
}

/* Who saves what. */
static void open_slots(wr_op *op, over *s) {
    const wr_node *n = op->node;
    bool by_key = s->counters_at || s->ttl;
    for (uint32_t i = 0; i < s->n_frames; i++) by_key = by_key || wri_frame_by_key(s->frames[i]);
    if (by_key) {
        wri_slots_init(&s->keys, op, 0, KEYS, save_keys, NULL);
        wri_slots_ask(&s->keys, all_keys);
        s->keys.at_once = WR_SAVE_SCATTERED;
    }
    if (s->lead) wri_lead_saves(s->lead, &(wri_lead_saving){s->groups, LEAD});
    wri_timeline_saves(s->line, op, WAITING, n->over.keys, n->over.n_keys);
    for (uint32_t i = 0; i < s->n_frames; i++) {
        wri_frame_saving v = {.groups = s->groups,
                              .keys = s->key_cols,
                              .n_keys = n->over.n_keys,
                              .rows_tag = ROWS + 2 * i,
                              .seen_tag = SEEN + 2 * i};
        wri_frame_saves(s->frames[i], op, &v);
    }
}

static wr_status over_open(wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    over *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "OVER");
    s->n_state = sizeof(key_head);
    s->ttl = n->over.ttl_us ? n->over.ttl_us : wr_task_plan(op->task)->settings.state_ttl_us;
    WR_TRY(add_frames(op, s, err));
    WR_TRY(wri_lead_new(op, &s->lead, err));
    if (s->lead) s->n_state += wri_lead_key_bytes(s->lead, s->n_state);
    if (s->lead && n->bounded) op->holds_us = WR_TS_MAX; /* its rows come out of order */
    if (s->removes || s->lead || n->over.n_keys == 0) s->ttl = 0;
    wri_timers_init(&s->timers, s->ttl / 16 + 1);
    wr_phys *phys = wr_calloc(n->over.n_keys + 1u, sizeof *phys);
    s->key_cols = wr_calloc(n->over.n_keys + 1u, sizeof *s->key_cols);
    if (!phys || !s->key_cols) {
        wr_free(phys);
        return wr_fail_oom(err, "OVER");
    }
    for (uint32_t i = 0; i < n->over.n_keys; i++) s->key_cols[i] = i;
    for (uint32_t i = 0; i < n->over.n_keys; i++) phys[i] = wr_type_phys(n->out.fields[n->over.keys[i]].type);
    s->groups = wri_groups_new(phys, n->over.n_keys, s->n_state);
    wr_free(phys);
    s->line = wri_timeline_new(&n->in[0]->out, n->over.order_time);
    if (s->line && n->places) wri_timeline_places(s->line);
    bool ok = s->groups && s->line && (!(s->removes || s->ttl) || wri_groups_let_go(s->groups));
    if (!ok) return wr_fail_oom(err, "OVER");
    open_slots(op, s);
    return WR_OK;
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
    for (size_t i = 0; i < s->n_loaded; i++) wr_batch_drop(s->loaded[i].rows);
    wr_free(s->loaded);
    wri_lead_free(s->lead);
    wri_timeline_free(s->line);
    wri_slots_free(&s->keys);
    wr_free(s->key_cols);
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
        WR_TRY(wri_slots_leave(&s->keys, &gid, 1, err));
        for (uint32_t i = 0; i < s->n_frames; i++) WR_TRY(wri_frame_clear(s->frames[i], (char *)k, err));
        wri_groups_remove(s->groups, &gid, 1);
    }
    return WR_OK;
}

/* Of the keys that rows left, those that have none any more. */
static wr_status remove_left(over *s, wr_err *err) {
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
    s->left.n = 0;
    WR_TRY(wri_slots_leave(&s->keys, s->left.gids, n, err));
    if (n) wri_groups_remove(s->groups, s->left.gids, n); /* states are empty: all rows were taken out */
    return WR_OK;
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
    WR_TRY(wri_slots_touch(&s->keys, s->gids, b->n, err));
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

/* ---- snapshots ----
 *
 *   WAITING  the timeline's rows: slots
 *   KEYS     a row a key, unless its rows tell all of it: time of the newest row, counters, what each frame
 *            without nodes has of it: slots
 *   LEAD     rows that wait for others: slots, by key
 *   ROWS + 2 * i, SEEN + 2 * i    rows, and values of DISTINCT, of frame i: slots
 *   POS      how many rows there were, as a number
 *
 * Rows leave a frame by time, whatever their key; so those that come back, from any number of workers, wait
 * until all are there, to be put in by time. */

/* A key that was removed has a state of zeroes. */
static bool is_kept(const over *s, const char *key) {
    bool kept = ((const key_head *)key)->timed;
    if (s->counters_at) kept = kept || ((const counters *)(key + s->counters_at))->rows > 0;
    for (uint32_t i = 0; i < s->n_frames; i++) kept = kept || wri_frame_holds(s->frames[i], key);
    return kept;
}

static uint32_t key_cols(const over *s, const wr_node *n) {
    uint32_t cols = n->over.n_keys + 3;
    for (uint32_t i = 0; i < s->n_frames; i++) cols += wri_frame_key_cols(s->frames[i]);
    return cols;
}

static wr_status put_keys(wr_op *op, over *s, const uint32_t *gids, wr_batch *b, wr_err *err) {
    uint32_t col = op->node->over.n_keys;
    wri_states keys = states_of(s);
    WR_TRY(wri_groups_emit_keys(s->groups, gids, b->n, b, 0, err));
    for (uint32_t c = 0; c < 3; c++) WR_TRY(wr_batch_col(b, col + c, WR_I64, err));
    for (uint32_t i = 0; i < b->n; i++) {
        const char *key = key_at(&keys, gids[i]);
        counters none = {0}, *k = s->counters_at ? (counters *)(uintptr_t)(key + s->counters_at) : &none;
        b->cols[col].i64[i] = ((const key_head *)key)->seen;
        b->cols[col + 1].i64[i] = (int64_t)k->rows;
        b->cols[col + 2].i64[i] = (int64_t)k->dense;
    }
    col += 3;
    for (uint32_t i = 0; i < s->n_frames; i++) {
        WR_TRY(wri_frame_put_keys(s->frames[i], keys, gids, b->n, b, col, err));
        col += wri_frame_key_cols(s->frames[i]);
    }
    return WR_OK;
}

static wr_status save_keys(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    wr_op *op = slots->op;
    over *s = op->state;
    wri_states keys = states_of(s);
    uint32_t n_kept = 0, *kept = wr_alloc((n + (size_t)1) * sizeof *kept);
    wr_batch *b = NULL;
    if (!kept) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < n; i++)
        if (is_kept(s, key_at(&keys, gids[i]))) kept[n_kept++] = gids[i];
    wr_status st = wr_batch_new(key_cols(s, op->node), n_kept + 1, &b, err);
    if (st == WR_OK) {
        b->n = n_kept;
        st = put_keys(op, s, kept, b, err);
    }
    if (st == WR_OK) st = wr_save_slots(to, KEYS, b, s->key_cols, op->node->over.n_keys, kept, err);
    wr_batch_drop(b);
    wr_free(kept);
    return st;
}

static wr_status settle(wr_op *op, over *s, wr_err *err);

static wr_status over_save(wr_op *op, wr_saver *to, wr_err *err) {
    over *s = op->state;
    WR_TRY(settle(op, s, err));
    WR_TRY(wr_save_ints(to, POS, &s->pos, 1, err));
    if (s->lead) WR_TRY(wri_slots_barrier(wri_lead_slots(s->lead), to, err));
    WR_TRY(wri_timeline_barrier(s->line, to, err));
    WR_TRY(wri_slots_barrier(&s->keys, to, err));
    for (uint32_t i = 0; i < s->n_frames; i++) WR_TRY(wri_frame_barrier(s->frames[i], to, err));
    return WR_OK;
}

static wr_status over_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    over *s = op->state;
    WR_TRY(wri_timeline_save_rest(s->line, leftp, err));
    if (!*leftp) WR_TRY(wri_slots_rest(&s->keys, leftp, err));
    if (!*leftp && s->lead) WR_TRY(wri_slots_rest(wri_lead_slots(s->lead), leftp, err));
    for (uint32_t i = 0; i < s->n_frames && !*leftp; i++)
        WR_TRY(wri_frame_save_rest(s->frames[i], leftp, err));
    return WR_OK;
}

static wr_status broken(wr_err *err) {
    return wr_fail(err, WR_EDATA, "OVER in the snapshot is not as it was written");
}

/* s->gids of the keys of b; cols NULL: its first columns. */
static wr_status find_keys(wr_op *op, over *s, wr_batch *b, const uint32_t *cols, wr_err *err) {
    uint32_t n = op->node->over.n_keys, *first = wr_alloc(((size_t)n + 1) * sizeof *first);
    wr_status st = first && wr_grow(&s->gids, &s->gids_cap, b->n, sizeof *s->gids) == WR_OK
                       ? WR_OK
                       : wr_fail_oom(err, "OVER");
    for (uint32_t i = 0; st == WR_OK && i < n; i++) first[i] = cols ? cols[i] : i;
    if (st == WR_OK) st = wri_groups_find(s->groups, b, first, b->hash, s->gids, err);
    wr_free(first);
    return st;
}

static wr_status load_keys(wr_op *op, over *s, wr_batch *b, wr_err *err) {
    uint32_t col = op->node->over.n_keys;
    if (b->n_cols != key_cols(s, op->node)) return broken(err);
    WR_TRY(find_keys(op, s, b, NULL, err));
    wri_states keys = states_of(s);
    for (uint32_t i = 0; i < b->n; i++) {
        char *key = key_at(&keys, s->gids[i]);
        key_head *k = (key_head *)key;
        k->seen = b->cols[col].i64[i];
        k->timed = s->ttl > 0;
        int64_t due = k->seen > WR_TS_MAX - s->ttl ? WR_TS_MAX : k->seen + s->ttl;
        if (k->timed) WR_TRY(wri_timers_add(&s->timers, due, s->gids[i], err));
        if (!s->counters_at) continue;
        counters *c = (counters *)(key + s->counters_at);
        c->rows = (uint64_t)b->cols[col + 1].i64[i];
        c->dense = (uint64_t)b->cols[col + 2].i64[i];
        c->time = INT64_MIN; /* the next row is a later one */
    }
    col += 3;
    for (uint32_t i = 0; i < s->n_frames; i++) {
        WR_TRY(wri_frame_take_keys(s->frames[i], keys, s->gids, b, col, err));
        col += wri_frame_key_cols(s->frames[i]);
    }
    return wri_slots_touch(&s->keys, s->gids, b->n, err);
}

/* A time, links, and a state of each call. */
static size_t frame_row_bytes(const wr_op *op) { return 8 * (2 + (size_t)op->node->over.n_calls); }

static wr_status over_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    over *s = op->state;
    wr_batch *b = saved->rows;
    if (saved->tag == POS && saved->n_ints == 1) {
        if (saved->ints[0] > s->pos) s->pos = saved->ints[0];
        return WR_OK;
    }
    uint32_t frame = (saved->tag - ROWS) / 2;
    s->unsettled = true;
    if (!b || saved->tag == POS || (saved->tag >= ROWS && frame >= s->n_frames)) return broken(err);
    if (saved->tag == WAITING) return wri_timeline_load(s->line, b, err);
    if (saved->tag == KEYS) return load_keys(op, s, b, err);
    if (saved->tag == LEAD) {
        if (!s->lead) return broken(err);
        WR_TRY(find_keys(op, s, b, op->node->over.keys, err));
        return wri_lead_load(s->lead, states_of(s), s->gids, b, err);
    }
    if ((saved->tag - ROWS) % 2) {
        WR_TRY(find_keys(op, s, b, NULL, err));
        return wri_frame_load_seen(s->frames[frame], s->gids, b, op->node->over.n_keys, err);
    }
    if (!wri_frame_fits(s->frames[frame], b, op->node->over.n_keys)) return broken(err);
    if (wr_grow(&s->loaded, &s->loaded_cap, s->n_loaded + 1, sizeof *s->loaded) != WR_OK)
        return wr_fail_oom(err, "OVER");
    s->loaded[s->n_loaded++] = (loaded){wr_batch_hold(b), frame};
    s->loaded_bytes += b->n * (8 * ((size_t)b->n_cols + 1) + sizeof(load_row) + frame_row_bytes(op));
    return WR_OK;
}

static int by_time(const void *x, const void *y) {
    const load_row *a = x, *b = y;
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    int32_t d = (int32_t)(a->seq - b->seq); /* they wrap */
    return (d > 0) - (d < 0);
}

/* The rows that come next, all of a batch that was loaded if they are that, else a copy. */
static wr_status pick_next(const over *s, const load_row *rows, size_t n, wri_picked *picked, wr_batch **outp,
                           wr_err *err) {
    wr_batch *b = s->loaded[rows->batch].rows;
    uint32_t k = 0, some = n < WR_BATCH_ROWS ? (uint32_t)n : WR_BATCH_ROWS;
    while (k < n && k < b->n && rows[k].batch == rows->batch && rows[k].row == k) k++;
    if (k == b->n) {
        *outp = wr_batch_hold(b);
        return WR_OK;
    }
    for (uint32_t i = 0; i < some; i++)
        picked[i] = (wri_picked){.b = s->loaded[rows[i].batch].rows, .row = rows[i].row};
    return wri_pick_rows(picked, some, b->n_cols, 0, outp, err);
}

/* rows[0..n) of frame `frame`, in order. */
static wr_status put_in(wr_op *op, over *s, uint32_t frame, const load_row *rows, size_t n, wr_err *err) {
    wri_picked *picked = wr_alloc(WR_BATCH_ROWS * sizeof *picked);
    wr_status st = picked ? WR_OK : wr_fail_oom(err, "OVER");
    for (size_t at = 0; st == WR_OK && at < n;) {
        wr_batch *b;
        st = pick_next(s, rows + at, n - at, picked, &b, err);
        if (st != WR_OK) break;
        at += b->n;
        st = find_keys(op, s, b, NULL, err);
        if (st == WR_OK)
            st = wri_frame_load(s->frames[frame], states_of(s), s->gids, b, op->node->over.n_keys, err);
        wr_batch_drop(b);
    }
    wr_free(picked);
    return st;
}

typedef struct first_row { /* of something that was loaded */
    load_row row;
    uint32_t of;
} first_row;

/* rows[0..n) gets those of a frame. What was loaded is put in order as a whole before: nearly always that is
 * all there is to sort. */
static wr_status list_rows(const over *s, uint32_t frame, uint32_t col, load_row *rows, size_t *np,
                           wr_err *err) {
    size_t n = 0, n_first = 0;
    uint32_t seq = wri_frame_seq_col(s->frames[frame], col);
    first_row *first = wr_alloc((s->n_loaded + 1) * sizeof *first);
    if (!first) return wr_fail_oom(err, "OVER");
    for (size_t i = 0; i < s->n_loaded; i++) {
        const wr_batch *b = s->loaded[i].rows;
        if (s->loaded[i].frame != frame || b->n == 0) continue;
        load_row x = {.time = b->cols[col].i64[0], .seq = wri_seq_of(b, seq, 0, (uint32_t)n)};
        first[n_first++] = (first_row){x, (uint32_t)i};
        n += b->n;
    }
    if (n_first) qsort(first, n_first, sizeof *first, by_time);
    *np = 0;
    for (size_t i = 0; i < n_first; i++) {
        const wr_batch *b = s->loaded[first[i].of].rows;
        uint32_t base =
            first[i].row.seq; /* of those that have none: in the order in which they were loaded */
        for (uint32_t k = 0; k < b->n; k++)
            rows[(*np)++] = (load_row){b->cols[col].i64[k], wri_seq_of(b, seq, k, base + k), first[i].of, k};
    }
    wr_free(first);
    return WR_OK;
}

/* Merges x[0..a) and x[a..n), each in order, to `to`. */
static void merge(const load_row *x, size_t a, size_t n, load_row *to) {
    for (size_t i = 0, k = a; i < a || k < n;) {
        bool left = k == n || (i < a && by_time(&x[i], &x[k]) <= 0);
        *to++ = left ? x[i++] : x[k++];
    }
}

/* Sorts by merging the stretches that are in order, half as many each time; tmp: as many. */
static void sort_rows(load_row *rows, size_t n, load_row *tmp) {
    size_t merged = 2;
    for (int passes = 0; merged > 1 && passes < 64;
         passes++) { /* numbers that wrap can be in no order at all */
        merged = 0;
        for (size_t at = 0, mid, end; at < n; at = end, merged++) {
            for (mid = at + 1; mid < n && by_time(&rows[mid - 1], &rows[mid]) <= 0; mid++) {
            }
            for (end = mid; end < n && (end == mid || by_time(&rows[end - 1], &rows[end]) <= 0); end++) {
            }
            if (mid == n) continue;
            merge(rows + at, mid - at, end - at, tmp);
            memcpy(rows + at, tmp, (end - at) * sizeof *rows);
        }
    }
}

static wr_status settle_frame(wr_op *op, over *s, uint32_t frame, load_row *rows, wr_err *err) {
    size_t n = 0;
    bool sorted = true;
    WR_TRY(list_rows(s, frame, op->node->over.n_keys, rows, &n, err));
    for (size_t i = 1; i < n && sorted; i++) sorted = by_time(&rows[i - 1], &rows[i]) <= 0;
    load_row *tmp = sorted ? NULL : wr_alloc(n * sizeof *tmp);
    if (tmp) sort_rows(rows, n, tmp);
    else if (!sorted) qsort(rows, n, sizeof *rows, by_time);
    wr_free(tmp);
    return put_in(op, s, frame, rows, n, err);
}

/* Rows that have been loaded go into their frames. */
static wr_status settle(wr_op *op, over *s, wr_err *err) {
    size_t n = 0;
    if (!s->unsettled) return WR_OK;
    for (size_t i = 0; i < s->n_loaded; i++) n += s->loaded[i].rows->n;
    load_row *rows = wr_alloc((n + 1) * sizeof *rows);
    if (!rows) return wr_fail_oom(err, "OVER");
    wr_status st = WR_OK;
    for (uint32_t i = 0; st == WR_OK && i < s->n_frames; i++) {
        st = settle_frame(op, s, i, rows, err);
        if (st == WR_OK) st = wri_frame_loaded(s->frames[i], err);
    }
    wr_free(rows);
    while (s->n_loaded > 0) wr_batch_drop(s->loaded[--s->n_loaded].rows);
    s->loaded_bytes = 0;
    s->unsettled = false;
    return st;
}

/* ---- time passes ---- */

static wr_status over_watermark(wr_op *op, int64_t wm, wr_err *err) {
    over *s = op->state;
    WR_TRY(settle(op, s, err));
    for (;;) {
        wr_batch *b;
        WR_TRY(wri_timeline_take(s->line, wm, wr_task_batch_rows(op->task), &b, err));
        if (!b) break;
        wr_status st = run_batch(op, s, b, err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
        WR_TRY(remove_left(s, err));
    }
    wri_states keys = states_of(s);
    for (uint32_t i = 0; i < s->n_frames; i++) WR_TRY(wri_frame_pass(s->frames[i], wm, keys, &s->left, err));
    WR_TRY(remove_left(s, err));
    if (s->ttl) WR_TRY(forget(s, wm, err));
    return s->lead ? wri_lead_emit(s->lead, wm == WR_WM_END, err) : WR_OK;
}

wri_over_kept wri_over_keeps(const wr_op *op) {
    const over *s = op->state;
    wri_over_kept k = {.keys = wri_groups_live(s->groups), .rows = wri_timeline_rows(s->line)};
    for (uint32_t i = 0; i < s->n_frames; i++) k.rows += wri_frame_rows(s->frames[i]);
    return k;
}

static void over_measure(const wr_op *op, wr_kept *out) {
    const over *s = op->state;
    wri_over_kept k = wri_over_keeps(op);
    size_t rows = k.rows - wri_timeline_rows(s->line);
    out->keys = k.keys;
    out->bytes = wri_groups_bytes(s->groups) + wri_timers_bytes(&s->timers) + wri_timeline_bytes(s->line);
    out->bytes += rows * frame_row_bytes(op) + s->loaded_bytes;
    if (s->lead) out->bytes += wri_lead_rows(s->lead) * wri_row_bytes(&op->node->out);
}

static void over_waiting(const wr_op *op, wr_waits *out) {
    const over *s = op->state;
    wri_timeline_waiting(s->line, out);
    if (out->n || !s->lead || (out->n = wri_lead_rows(s->lead)) == 0) return;
    out->what = "row in need of a later one of its key (LEAD)";
    out->rows = out->n;
    wri_waits_add(out, (wr_wait){WR_WM_NONE, WR_WM_NONE, WR_WM_END, 0, 0, false});
    out->n--;
}

const wr_op_def wri_op_over = {.name = "over",
                               .open = over_open,
                               .push = over_push,
                               .watermark = over_watermark,
                               .save = over_save,
                               .save_rest = over_save_rest,
                               .load = over_load,
                               .keyed = true,
                               .measure = over_measure,
                               .waiting = over_waiting,
                               .close = over_close};

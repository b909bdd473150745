/* runtime/ops/table_fn.c -- a table function over a stream: rows in the order of event time to the state of
 * their partition. What a function is says ../tablefns/tablefn.h.
 *
 *   rows ─► timeline (until the watermark passes them) ─► segments ─► by partition ─► rows() ─► rows
 *
 * A segment is all that a batch has of one window, or of one time, or, when the function has neither, the
 * batch. Within it the rows of each partition go to its state together, partitions as their first rows come.
 * When time passes the end of a window, window() of every partition that had rows in it gives what it has to
 * say, and all of them are gone: only one window is open at any time, and it is the same on all workers.
 *
 * A partition that is not part of a window is kept for ever, or until `state_ttl` has passed without a row;
 * the row behind such a gap finds a new state, whether the old one has been freed or not, so results do not
 * depend on when that is.
 *
 * More partitions than partitions_max: the one whose newest row is the oldest is forgotten for each new one,
 * and counted; when exactly follows from the order of the rows alone, not from how they are cut into batches.
 * Who that is is found in a queue of all partitions as they stood once, less those that have had rows since;
 * when it is used up it is made anew. So rows of known partitions pay with one number for it. A function of
 * whole times (fn->times) may have more while it works on one. Partitions of a window are results that are
 * not out yet: nothing is forgotten there, and rows of others fail.
 *
 * In snapshots a partition is a slot: its keys, the time of its newest row, its window, or else the number of
 * its last use, its state as bytes. */
#include <stdlib.h>

#include "../tablefns/tablefn.h"

#include "../job_int.h"
#include "group_table.h"
#include "ops.h"
#include "saved_rows.h"
#include "timeline.h"
#include "timers.h"

#define OUT_BYTES (1 << 20) /* of states in one piece of a snapshot */
#define USES_MAX  (INT64_C(1) << 62)

typedef struct part { /* of a partition, in the table */
    void *state;      /* NULL: none yet */
    int64_t seen;     /* time of its newest row */
    uint64_t bytes;   /* of its state, when it last had rows */
    uint64_t used;    /* the number of that row, counted in rows of all partitions */
    int64_t due;      /* of its timer, when timed; other timers of its id are of forgotten ones */
    uint32_t timed;   /* a timer waits for it */
    uint32_t rows;    /* of the segment */
    uint32_t at;      /* of those, in `sorted` */
    uint32_t last;    /* of those, the last one's place in the segment */
} part;

typedef struct aged { /* a partition in the queue */
    int64_t seen;
    uint64_t used;
    uint32_t gid;
} aged;

typedef struct table {
    wr_table_call call; /* with ctx */
    const wr_table_run *run;
    bool opened;
    wri_timeline *line;
    wri_groups *parts;
    wri_slots slots;    /* by group */
    uint32_t *key_cols; /* 0, 1, … */
    wri_timers timers;
    int64_t ttl;        /* 0: partitions are kept for ever, or until their window ends */
    int64_t start, end; /* of the open window, when n_open */
    uint32_t *open;     /* partitions in it */
    size_t n_open, open_cap;
    uint64_t window_rows;
    uint64_t state_bytes; /* of all partitions */
    uint64_t uses;        /* rows so far, for part.used */
    aged *queue;          /* at_queue..n_queue: who is forgotten next */
    size_t n_queue, at_queue, queue_cap;
    wr_op *op;
    /* of the batch under way */
    uint32_t *gids, *sorted, *list, *order, *in_time;
    size_t gids_cap, sorted_cap, list_cap, order_cap, in_time_cap;
    uint32_t n_list, n_order;
    uint64_t *failed;
    const char **whys;
    wr_buf text; /* scratch: a state */
} table;

static wr_status no_memory(const table *s, wr_err *err) { return wr_fail_oom(err, s->call.fn->name); }

static part *part_at(const table *s, uint32_t gid) {
    return (part *)(wri_groups_states(s->parts) + (size_t)gid * wri_groups_stride(s->parts));
}

/* ---- states ---- */

static wr_status make_state(const table *s, void **statep, wr_err *err) {
    *statep = NULL;
    if (s->run->make) return s->run->make(&s->call, statep, err);
    *statep = wr_calloc(1, s->run->state_bytes);
    return *statep ? WR_OK : no_memory(s, err);
}

static void drop_state(table *s, part *p) {
    if (p->state && s->run->drop) s->run->drop(&s->call, p->state);
    else wr_free(p->state);
    s->state_bytes -= p->bytes;
    p->state = NULL;
    p->bytes = 0;
}

static void weigh(table *s, part *p) {
    uint64_t bytes = s->run->bytes ? s->run->bytes(&s->call, p->state) : s->run->state_bytes;
    s->state_bytes += bytes - p->bytes;
    p->bytes = bytes;
}

/* ---- opening ---- */

static wr_status save_parts(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                            wr_err *err);

/* In windows rows need not come in the order of time, only always in the same one: by seconds. */
static int64_t grain_of(const wr_table_call *call) {
    return call->window_us % WR_US_PER_SECOND ? call->window_us : WR_US_PER_SECOND;
}

static wr_status fn_open(wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    table *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, n->table->fn->name);
    s->call = *n->table;
    s->run = s->call.fn->run;
    s->opened = true;
    s->op = op;
    if (s->run->open) WR_TRY(s->run->open(&s->call, err));
    uint32_t n_keys = s->call.n_keys;
    s->ttl = s->call.window_us || n_keys == 0 ? 0 : wr_task_plan(op->task)->settings.state_ttl_us;
    wri_timers_init(&s->timers, s->ttl / 16 + 1);
    wr_phys *phys = wr_calloc(n_keys + 1u, sizeof *phys);
    s->key_cols = wr_calloc(n_keys + 1u, sizeof *s->key_cols);
    if (!phys || !s->key_cols) {
        wr_free(phys);
        return no_memory(s, err);
    }
    const wr_schema *in = &n->in[0]->out;
    for (uint32_t i = 0; i < n_keys; i++) {
        phys[i] = wr_type_phys(in->fields[s->call.keys[i]].type);
        s->key_cols[i] = i;
    }
    s->parts = wri_groups_new(phys, n_keys, sizeof(part));
    wr_free(phys);
    s->line = wri_timeline_new(in, s->call.time_col);
    if (!s->parts || !s->line) return no_memory(s, err);
    if ((s->ttl || s->call.window_us || s->call.partitions_max) && n_keys && !wri_groups_let_go(s->parts))
        return no_memory(s, err);
    if (n->places && !s->call.window_us) wri_timeline_places(s->line);
    if (s->call.window_us) wri_timeline_coarse(s->line, grain_of(&s->call), s->call.tick_us);
    wri_timeline_saves(s->line, op, 0, s->call.keys, n_keys);
    wri_slots_init(&s->slots, op, 0, 1, save_parts, s);
    return WR_OK;
}

static void fn_close(wr_op *op) {
    table *s = op->state;
    if (!s) return;
    for (uint32_t g = 1; s->parts && g <= wri_groups_count(s->parts); g++) drop_state(s, part_at(s, g));
    if (s->opened && s->run->close) s->run->close(&s->call);
    wri_timeline_free(s->line);
    wri_groups_free(s->parts);
    wri_slots_free(&s->slots);
    wri_timers_free(&s->timers);
    wr_free(s->key_cols);
    wr_free(s->queue);
    wr_free(s->open);
    wr_free(s->gids);
    wr_free(s->sorted);
    wr_free(s->list);
    wr_free(s->order);
    wr_free(s->in_time);
    wr_buf_free(&s->text);
    wr_free(s);
}

static wr_status fn_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    table *s = op->state;
    uint32_t n;
    if (wr_grow(&s->in_time, &s->in_time_cap, in->n, sizeof *s->in_time) != WR_OK) return no_memory(s, err);
    WR_TRY(wri_in_time(op, port, in, s->call.time_col, s->in_time, &n, err));
    return wri_timeline_add(s->line, in, n == in->n ? NULL : s->in_time, n, err);
}

/* ---- forgetting ---- */

static wr_status forget_part(table *s, uint32_t gid, wr_err *err) {
    WR_TRY(wri_slots_leave(&s->slots, &gid, 1, err));
    drop_state(s, part_at(s, gid));
    wri_groups_remove(s->parts, &gid, 1);
    return WR_OK;
}

static wr_status add_timer(table *s, uint32_t gid, wr_err *err) {
    part *p = part_at(s, gid);
    p->timed = 1;
    p->due = p->seen > WR_TS_MAX - s->ttl ? WR_TS_MAX : p->seen + s->ttl;
    return wri_timers_add(&s->timers, p->due, gid, err);
}

static int by_age(const void *x, const void *y) {
    const aged *a = x, *b = y;
    if (a->seen != b->seen) return a->seen < b->seen ? -1 : 1;
    if (a->used != b->used) return a->used < b->used ? -1 : 1;
    return (a->gid > b->gid) - (a->gid < b->gid);
}

static wr_status fill_queue(table *s, wr_err *err) {
    uint32_t count = wri_groups_count(s->parts);
    if (wr_grow(&s->queue, &s->queue_cap, wri_groups_live(s->parts), sizeof *s->queue) != WR_OK)
        return no_memory(s, err);
    s->n_queue = s->at_queue = 0;
    for (uint32_t g = 1; g <= count; g++) {
        if (!wri_groups_is_live(s->parts, g)) continue;
        const part *p = part_at(s, g);
        s->queue[s->n_queue++] = (aged){.seen = p->seen, .used = p->used, .gid = g};
    }
    qsort(s->queue, s->n_queue, sizeof *s->queue, by_age);
    return WR_OK;
}

/* Forgets partitions until there are no more than so many. */
static wr_status make_room(table *s, uint64_t most, wr_err *err) {
    while (wri_groups_live(s->parts) > most) {
        if (s->at_queue == s->n_queue) WR_TRY(fill_queue(s, err));
        const aged *a = &s->queue[s->at_queue++];
        const part *p = part_at(s, a->gid);
        if (!wri_groups_is_live(s->parts, a->gid) || p->seen != a->seen || p->used != a->used) continue;
        WR_TRY(forget_part(s, a->gid, err));
        wri_tally(&s->op->forgotten, 1);
    }
    return WR_OK;
}

/* ---- rows to partitions ---- */

/* The partitions of rows idx[0..n) of b, to gids; 0: none yet, and add is false. */
static wr_status find_some(table *s, const wr_batch *b, const uint32_t *idx, uint32_t n, bool add,
                           uint32_t *gids, wr_err *err) {
    wri_group_rows r = {.b = b, .key_cols = s->call.keys, .hash = b->hash, .idx = idx, .n = n};
    wri_groups_freeze(s->parts, !add);
    wr_status st = wri_groups_find_rows(s->parts, &r, gids, err);
    wri_groups_freeze(s->parts, false);
    return st;
}

/* Which partitions rows idx[0..n) of b are of: s->gids[0..n); 0: of one more than may be. */
static wr_status find_parts(table *s, const wr_batch *b, const uint32_t *idx, uint32_t n, wr_err *err) {
    uint64_t max = (uint64_t)s->call.partitions_max;
    bool room = max == 0 || wri_groups_live(s->parts) + (uint64_t)n <= max;
    if (room || (s->call.fn->times && !s->call.window_us)) return find_some(s, b, idx, n, true, s->gids, err);
    WR_TRY(find_some(s, b, idx, n, false, s->gids, err));
    for (uint32_t i = 0; i < n && s->call.window_us; i++) { /* those that are new, one by one */
        if (s->gids[i]) continue;
        WR_TRY(find_some(s, b, &idx[i], 1, wri_groups_live(s->parts) < max, &s->gids[i], err));
    }
    return WR_OK;
}

/* Rows idx[0..n), which gids are of, by partition: s->sorted, and s->list of the partitions. */
static wr_status sort_parts(table *s, const wr_table_rows *r, const uint32_t *idx, const uint32_t *gids,
                            uint32_t n, wr_err *err) {
    s->n_list = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (gids[i] == 0) {
            const char *why =
                wr_arena_printf(&r->out->arena, "%s keeps no more than %lld partitions (max_partitions)",
                                s->call.fn->name, (long long)s->call.partitions_max);
            if (!why) return no_memory(s, err);
            wr_table_fail(r, idx[i], why);
            continue;
        }
        part *p = part_at(s, gids[i]);
        if (p->rows++ == 0) s->list[s->n_list++] = gids[i];
    }
    uint32_t at = 0;
    for (uint32_t k = 0; k < s->n_list; k++) {
        part *p = part_at(s, s->list[k]);
        p->at = at;
        at += p->rows;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (gids[i] == 0) continue;
        part *p = part_at(s, gids[i]);
        s->sorted[p->at++] = idx[i];
        p->last = i;
    }
    return WR_OK;
}

static wr_status give_rows(table *s, part *p, const wr_table_rows *r, const uint32_t *idx, uint32_t n,
                           wr_err *err) {
    uint32_t n_order = 0;
    wr_table_rows some = *r;
    some.idx = idx;
    some.n = n;
    some.order = s->order + s->n_order;
    some.n_orderp = &n_order;
    if (!p->state) WR_TRY(make_state(s, &p->state, err));
    WR_TRY(s->run->rows(&s->call, p->state, &some, err));
    WR_ASSERT(n_order <= n);
    s->n_order += n_order;
    return WR_OK;
}

/* All rows of a segment that are of partition gid. */
static wr_status run_part(table *s, uint32_t gid, const wr_table_rows *r, const uint32_t *idx, uint32_t n,
                          wr_err *err) {
    part *p = part_at(s, gid);
    const int64_t *time = r->in->cols[s->call.time_col].i64;
    if (s->call.window_us && !p->state) s->open[s->n_open++] = gid;
    uint32_t from = 0;
    for (uint32_t i = 0; i < n && s->ttl; i++) { /* where it has been forgotten */
        bool there = p->state || i > from;
        bool gap = there && (uint64_t)time[idx[i]] - (uint64_t)p->seen > (uint64_t)s->ttl;
        p->seen = time[idx[i]];
        if (!gap) continue;
        if (i > from) WR_TRY(give_rows(s, p, r, idx + from, i - from, err));
        drop_state(s, p);
        from = i;
    }
    WR_TRY(give_rows(s, p, r, idx + from, n - from, err));
    p->seen = time[idx[n - 1]];
    p->used = s->uses + p->last + 1;
    weigh(s, p);
    return !s->ttl || p->timed ? WR_OK : add_timer(s, gid, err);
}

/* Rows sorted[0..) by the partitions of s->list. */
static wr_status run_parts(table *s, const wr_table_rows *r, const uint32_t *sorted, uint32_t n,
                           wr_err *err) {
    if (wr_grow(&s->open, &s->open_cap, s->n_open + s->n_list, sizeof *s->open) != WR_OK)
        return no_memory(s, err);
    WR_TRY(wri_slots_touch(&s->slots, s->list, s->n_list, err));
    uint32_t at = 0;
    for (uint32_t k = 0; k < s->n_list; k++) {
        part *p = part_at(s, s->list[k]);
        uint32_t rows = p->rows;
        p->rows = 0;
        WR_TRY(run_part(s, s->list[k], r, sorted + at, rows, err));
        at += rows;
    }
    s->uses += n;
    s->window_rows += n;
    return WR_OK;
}

static wr_status run_found(table *s, const wr_table_rows *r, const uint32_t *idx, const uint32_t *gids,
                           uint32_t n, wr_err *err) {
    WR_TRY(sort_parts(s, r, idx, gids, n, err));
    return run_parts(s, r, s->sorted, n, err);
}

/* Some of rows idx[0..n) may be of partitions for which others must go: those before them come first. */
static wr_status run_forgetting(table *s, const wr_table_rows *r, const uint32_t *idx, uint32_t n,
                                wr_err *err) {
    uint64_t max = (uint64_t)s->call.partitions_max;
    uint32_t from = 0, i = 0;
    while (i < n && s->gids[i]) i++;
    for (; i < n; i++) {
        WR_TRY(find_some(s, r->in, &idx[i], 1, wri_groups_live(s->parts) < max, &s->gids[i], err));
        if (s->gids[i]) continue;
        if (i > from) WR_TRY(run_found(s, r, idx + from, s->gids + from, i - from, err));
        from = i;
        WR_TRY(make_room(s, max - 1, err));
        WR_TRY(find_some(s, r->in, &idx[i], 1, true, &s->gids[i], err));
    }
    return run_found(s, r, idx + from, s->gids + from, n - from, err);
}

/* Rows idx[0..n) of r->in: a segment. */
static wr_status run_segment(table *s, const wr_table_rows *r, const uint32_t *idx, uint32_t n, wr_err *err) {
    WR_TRY(find_parts(s, r->in, idx, s->call.n_keys ? n : 1, err));
    if (s->call.n_keys == 0) { /* all are of the one */
        s->list[0] = s->gids[0];
        s->n_list = 1;
        part_at(s, s->gids[0])->rows = n;
        return run_parts(s, r, idx, n, err);
    }
    if (s->call.partitions_max == 0 || s->call.window_us) return run_found(s, r, idx, s->gids, n, err);
    if (!s->call.fn->times) return run_forgetting(s, r, idx, n, err);
    WR_TRY(run_found(s, r, idx, s->gids, n, err));
    return make_room(s, (uint64_t)s->call.partitions_max, err);
}

/* ---- windows ---- */

typedef struct results { /* of a window, being collected */
    wr_batch *b;
    uint32_t *gids; /* of its rows */
} results;

static wr_status new_results(wr_op *op, results *o, wr_err *err) {
    table *s = op->state;
    const wr_node *n = op->node;
    uint32_t cap = wr_task_batch_rows(op->task);
    WR_TRY(wr_batch_new(n->out.n, cap, &o->b, err));
    o->b->split = WR_NO_SPLIT;
    o->gids = wr_arena_alloc(&o->b->arena, cap * sizeof *o->gids);
    if (!o->gids) return no_memory(s, err);
    for (uint32_t c = s->call.n_keys; c < n->out.n; c++)
        WR_TRY(wr_batch_col(o->b, c, wr_type_phys(n->out.fields[c].type), err));
    return WR_OK;
}

static wr_status emit_results(wr_op *op, results *o, wr_err *err) {
    table *s = op->state;
    if (!o->b || o->b->n == 0) return WR_OK;
    uint32_t first = s->call.n_keys + s->call.n_added;
    for (uint32_t i = 0; i < o->b->n; i++) {
        o->b->cols[first].i64[i] = s->start;
        o->b->cols[first + 1].i64[i] = s->end;
        o->b->cols[first + 2].i64[i] = s->end - s->call.tick_us;
    }
    if (s->call.n_keys) WR_TRY(wri_groups_emit_keys(s->parts, o->gids, o->b->n, o->b, 0, err));
    wr_status st = wr_emit(op, o->b, err);
    wr_batch_drop(o->b);
    *o = (results){0};
    return st;
}

/* What partition gid has to say of the window that is over. */
static wr_status say_part(wr_op *op, uint32_t gid, results *o, wr_err *err) {
    table *s = op->state;
    wr_table_window w = {.start_us = s->start, .end_us = s->end, .first = s->call.n_keys};
    do {
        if (!o->b) WR_TRY(new_results(op, o, err));
        w.out = o->b;
        w.row = o->b->n;
        w.most = o->b->cap - o->b->n;
        w.n = 0;
        w.more = false;
        WR_TRY(s->run->window(&s->call, part_at(s, gid)->state, &w, err));
        WR_ASSERT(w.n <= w.most && (w.n > 0 || !w.more));
        for (uint32_t i = 0; i < w.n; i++) o->gids[o->b->n++] = gid;
        w.given += w.n;
        if (o->b->n == o->b->cap) WR_TRY(emit_results(op, o, err));
    } while (w.more);
    return WR_OK;
}

/* The open window is over. */
static wr_status end_window(wr_op *op, wr_err *err) {
    table *s = op->state;
    results o = {0};
    wr_status st = WR_OK;
    for (size_t i = 0; i < s->n_open && st == WR_OK; i++) st = say_part(op, s->open[i], &o, err);
    if (st == WR_OK) st = emit_results(op, &o, err);
    wr_batch_drop(o.b);
    if (st == WR_OK) st = wri_slots_leave(&s->slots, s->open, s->n_open, err);
    if (st != WR_OK) return st;
    for (size_t i = 0; i < s->n_open; i++) drop_state(s, part_at(s, s->open[i]));
    if (s->call.n_keys) wri_groups_remove(s->parts, s->open, (uint32_t)s->n_open);
    s->n_open = 0;
    s->window_rows = 0;
    return WR_OK;
}

static bool is_over(const table *s, int64_t wm) {
    return s->n_open > 0 && (wm == WR_WM_END || wm >= s->end - s->call.tick_us);
}

/* How many of rows from.. of b are a segment; its window is open then. */
static wr_status next_segment(wr_op *op, const wr_batch *b, uint32_t from, uint32_t *np, wr_err *err) {
    table *s = op->state;
    const int64_t *time = b->cols[s->call.time_col].i64;
    uint32_t to = from + 1;
    if (s->call.window_us) {
        if (s->n_open && time[from] >= s->end) WR_TRY(end_window(op, err));
        if (!s->n_open) {
            s->start = wr_floor_to(time[from], s->call.window_us);
            s->end = s->start + s->call.window_us;
        }
        while (to < b->n && time[to] < s->end) to++;
    } else if (s->call.fn->times) {
        while (to < b->n && time[to] == time[from]) to++;
    } else to = b->n;
    *np = to - from;
    return WR_OK;
}

/* ---- a batch ---- */

/* The rows of b with columns for what is added. */
static wr_status out_batch(wr_op *op, wr_batch *b, wr_batch **outp, wr_err *err) {
    table *s = op->state;
    const wr_node *n = op->node;
    if (s->call.window_us) return wr_batch_new(1, 1, outp, err); /* for texts only */
    uint32_t first = n->out.n - s->call.n_added, *cols = wr_alloc(((size_t)n->out.n + 1) * sizeof *cols);
    *outp = NULL;
    if (!cols) return no_memory(s, err);
    for (uint32_t c = 0; c < n->out.n; c++) cols[c] = c < first ? c : UINT32_MAX;
    wr_status st = wr_batch_share(b, cols, n->out.n, outp, err);
    wr_free(cols);
    for (uint32_t c = first; c < n->out.n && st == WR_OK; c++)
        st = wr_batch_col(*outp, c, wr_type_phys(n->out.fields[c].type), err);
    return st;
}

/* Reports rows that failed; the others are s->order[0..s->n_order), as they stood there. */
static wr_status report(wr_op *op, const wr_batch *b, const wr_table_rows *r, bool *anyp, wr_err *err) {
    table *s = op->state;
    uint32_t n = 0, kept = 0;
    *anyp = false;
    for (uint32_t w = 0; w < wr_bitmap_words(b->n); w++) *anyp = *anyp || r->failed[w];
    if (!*anyp) return WR_OK;
    uint32_t *bad = wr_alloc(b->n * sizeof *bad);
    const char **whys = wr_alloc(b->n * sizeof *whys);
    wr_status st = bad && whys ? WR_OK : no_memory(s, err);
    for (uint32_t i = 0; i < b->n && st == WR_OK; i++)
        if (wr_bit(r->failed, i)) {
            bad[n] = i;
            whys[n++] = r->whys[i];
        }
    for (uint32_t i = 0; i < s->n_order; i++)
        if (!wr_bit(r->failed, s->order[i])) s->order[kept++] = s->order[i];
    s->n_order = kept;
    if (st == WR_OK) st = wr_task_bad_rows(op, b, bad, whys, NULL, n, err);
    wr_free(bad);
    wr_free(whys);
    return st;
}

/* Rows s->order of b, in that order. */
static wr_status emit_order(wr_op *op, const wr_batch *b, wr_err *err) {
    table *s = op->state;
    if (s->n_order == 0) return WR_OK;
    wri_picked *rows = wr_alloc(s->n_order * sizeof *rows);
    wr_batch *out = NULL;
    if (!rows) return no_memory(s, err);
    for (uint32_t i = 0; i < s->n_order; i++) rows[i] = (wri_picked){.b = b, .row = s->order[i]};
    wr_status st = wri_pick_rows(rows, s->n_order, b->n_cols, 0, &out, err);
    if (st == WR_OK && b->place) {
        if (wr_batch_places(out))
            for (uint32_t i = 0; i < s->n_order; i++) out->place[i] = b->place[s->order[i]];
        else st = wr_fail_oom(err, "places of rows");
    }
    if (st == WR_OK) st = wr_emit(op, out, err);
    wr_batch_drop(out);
    wr_free(rows);
    return st;
}

static wr_status emit_rows(wr_op *op, const wr_batch *in, wr_batch *out, const wr_table_rows *r,
                           wr_err *err) {
    table *s = op->state;
    bool any;
    if (!s->call.fn->times) {
        s->n_order = 0;
        for (uint32_t i = 0; i < in->n && !s->call.window_us; i++) s->order[s->n_order++] = i;
    }
    WR_TRY(report(op, in, r, &any, err));
    if (s->call.window_us) return WR_OK;
    if (any || s->call.fn->times) return emit_order(op, out, err);
    return wr_emit(op, out, err);
}

static wr_status grow_all(table *s, uint32_t n, wr_err *err) {
    bool ok = wr_grow(&s->gids, &s->gids_cap, n, sizeof *s->gids) == WR_OK &&
              wr_grow(&s->sorted, &s->sorted_cap, 2 * (size_t)n, sizeof *s->sorted) == WR_OK &&
              wr_grow(&s->list, &s->list_cap, n, sizeof *s->list) == WR_OK &&
              wr_grow(&s->order, &s->order_cap, n, sizeof *s->order) == WR_OK;
    return ok ? WR_OK : no_memory(s, err);
}

/* b: rows that are due, in order. */
static wr_status run_batch(wr_op *op, wr_batch *b, wr_err *err) {
    table *s = op->state;
    wr_batch *out;
    WR_TRY(grow_all(s, b->n, err));
    WR_TRY(out_batch(op, b, &out, err));
    wr_table_rows r = {.in = b, .out = out, .first = op->node->out.n - s->call.n_added};
    r.failed = wr_arena_calloc(&out->arena, wr_bitmap_words(b->n) * sizeof *r.failed);
    r.whys = wr_arena_calloc(&out->arena, b->n * sizeof *r.whys);
    uint32_t *all = s->sorted + b->n;
    for (uint32_t i = 0; i < b->n; i++) all[i] = i;
    wr_status st = r.failed && r.whys ? WR_OK : no_memory(s, err);
    s->n_order = 0;
    for (uint32_t at = 0, n; at < b->n && st == WR_OK; at += n) {
        st = next_segment(op, b, at, &n, err);
        if (st == WR_OK) st = run_segment(s, &r, all + at, n, err);
    }
    if (st == WR_OK) st = emit_rows(op, b, out, &r, err);
    wr_batch_drop(out);
    return st;
}

/* ---- time passes ---- */

/* Partitions without a row for so long. */
static wr_status forget(table *s, int64_t wm, wr_err *err) {
    wri_timer t;
    while (wm != WR_WM_END && wri_timers_take(&s->timers, wm, &t)) {
        const part *p = part_at(s, t.id);
        if (!p->timed || p->due != t.due) continue; /* of one that is gone */
        int64_t due = p->seen > WR_TS_MAX - s->ttl ? WR_TS_MAX : p->seen + s->ttl;
        WR_TRY(due > wm ? add_timer(s, t.id, err) : forget_part(s, t.id, err));
    }
    return WR_OK;
}

static wr_status fn_watermark(wr_op *op, int64_t wm, wr_err *err) {
    table *s = op->state;
    for (;;) {
        wr_batch *b;
        WR_TRY(wri_timeline_take(s->line, wm, wr_task_batch_rows(op->task), &b, err));
        if (!b) break;
        wr_status st = run_batch(op, b, err);
        wr_batch_drop(b);
        if (st != WR_OK) return st;
    }
    if (is_over(s, wm)) WR_TRY(end_window(op, err));
    return s->ttl ? forget(s, wm, err) : WR_OK;
}

/* ---- snapshots ---- */

static wr_status state_text(table *s, const void *state, wr_err *err) {
    s->text.len = 0;
    if (s->run->save) return s->run->save(&s->call, state, &s->text, err);
    return wr_buf_put(&s->text, state, s->run->state_bytes);
}

/* Partitions gids[0..*np) that fit a piece; *np: how many those are. */
static wr_status piece(table *s, const uint32_t *gids, uint32_t *np, wr_batch **bp, wr_err *err) {
    uint32_t n_keys = s->call.n_keys, n = 0;
    WR_TRY(wr_batch_new(n_keys + 3, *np, bp, err));
    wr_batch *b = *bp;
    WR_TRY(wr_batch_col(b, n_keys, WR_I64, err));
    WR_TRY(wr_batch_col(b, n_keys + 1, WR_I64, err));
    WR_TRY(wr_batch_col(b, n_keys + 2, WR_STR, err));
    for (size_t bytes = 0; n < *np && bytes < OUT_BYTES; n++, bytes += s->text.len) {
        part *p = part_at(s, gids[n]);
        WR_TRY(state_text(s, p->state, err));
        if (s->text.len > UINT32_MAX)
            return wr_fail(err, WR_ELIMIT, "%s: a state is larger than 4 GiB", s->call.fn->name);
        WR_TRY(
            wr_batch_str(b, s->text.data ? s->text.data : "", s->text.len, &b->cols[n_keys + 2].str[n], err));
        b->cols[n_keys].i64[n] = p->seen;
        b->cols[n_keys + 1].i64[n] = s->call.window_us ? s->start : (int64_t)p->used;
    }
    b->n = *np = n;
    return n_keys ? wri_groups_emit_keys(s->parts, gids, n, b, 0, err) : WR_OK;
}

static wr_status save_parts(const wri_slots *slots, const uint32_t *gids, uint32_t n, wr_saver *to,
                            wr_err *err) {
    table *s = slots->ctx;
    uint32_t *kept = wr_alloc((n + (size_t)1) * sizeof *kept), n_kept = 0;
    if (!kept) return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < n; i++)
        if (part_at(s, gids[i])->state) kept[n_kept++] = gids[i];
    wr_status st = WR_OK;
    for (uint32_t at = 0, some; at < n_kept && st == WR_OK; at += some) {
        wr_batch *b = NULL;
        some = n_kept - at;
        st = piece(s, kept + at, &some, &b, err);
        if (st == WR_OK) st = wr_save_slots(to, 1, b, s->key_cols, s->call.n_keys, kept + at, err);
        wr_batch_drop(b);
    }
    wr_free(kept);
    return st;
}

static wr_status fn_save(wr_op *op, wr_saver *to, wr_err *err) {
    table *s = op->state;
    WR_TRY(wri_timeline_barrier(s->line, to, err));
    return wri_slots_barrier(&s->slots, to, err);
}

static wr_status fn_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    table *s = op->state;
    WR_TRY(wri_timeline_save_rest(s->line, leftp, err));
    return *leftp ? WR_OK : wri_slots_rest(&s->slots, leftp, err);
}

static wr_status load_part(table *s, uint32_t gid, const wr_batch *b, uint32_t i, wr_err *err) {
    uint32_t col = s->call.n_keys;
    part *p = part_at(s, gid);
    if (gid == 0 || p->state) return wr_table_broken(&s->call, err);
    p->seen = b->cols[col].i64[i];
    WR_TRY(make_state(s, &p->state, err));
    const wr_str *text = &b->cols[col + 2].str[i];
    if (s->run->load) WR_TRY(s->run->load(&s->call, p->state, wr_str_data(text), text->len, err));
    else if (text->len != s->run->state_bytes) return wr_table_broken(&s->call, err);
    else memcpy(p->state, wr_str_data(text), text->len);
    weigh(s, p);
    if (s->call.window_us) {
        int64_t start = b->cols[col + 1].i64[i];
        bool ok = start >= WR_TS_MIN - s->call.window_us && start <= WR_TS_MAX &&
                  (s->n_open == 0 || start == s->start);
        if (!ok) return wr_table_broken(&s->call, err);
        s->start = start;
        s->end = start + s->call.window_us;
        s->open[s->n_open++] = gid;
    } else {
        int64_t used = b->cols[col + 1].i64[i]; /* 0: saved by an earlier version */
        if (used < 0 || used > USES_MAX) return wr_table_broken(&s->call, err);
        p->used = (uint64_t)used;
        if (p->used > s->uses) s->uses = p->used;
    }
    return s->ttl ? add_timer(s, gid, err) : WR_OK;
}

static wr_status fn_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    table *s = op->state;
    wr_batch *b = saved->rows;
    uint32_t n_keys = s->call.n_keys;
    if (!b || saved->tag > 1) return wr_table_broken(&s->call, err);
    if (saved->tag == 0) return wri_timeline_load(s->line, b, err);
    if (b->n_cols != n_keys + 3 || b->cols[n_keys].phys != WR_I64 || b->cols[n_keys + 1].phys != WR_I64 ||
        b->cols[n_keys + 2].phys != WR_STR)
        return wr_table_broken(&s->call, err);
    WR_TRY(grow_all(s, b->n, err));
    if (wr_grow(&s->open, &s->open_cap, s->n_open + b->n, sizeof *s->open) != WR_OK) return no_memory(s, err);
    WR_TRY(wri_groups_find(s->parts, b, s->key_cols, b->hash, s->gids, err));
    for (uint32_t i = 0; i < b->n; i++) WR_TRY(load_part(s, s->gids[i], b, i, err));
    return wri_slots_touch(&s->slots, s->gids, b->n, err);
}

/* ---- telling ---- */

static void fn_measure(const wr_op *op, wr_kept *out) {
    const table *s = op->state;
    *out = (wr_kept){.keys = wri_groups_live(s->parts) + wri_timeline_rows(s->line),
                     .bytes = wri_groups_bytes(s->parts) + wri_timers_bytes(&s->timers) +
                              wri_timeline_bytes(s->line) + s->state_bytes};
}

static void fn_waiting(const wr_op *op, wr_waits *out) {
    const table *s = op->state;
    if (s->n_open == 0) {
        wri_timeline_waiting(s->line, out);
        return;
    }
    out->what = "window";
    out->shared = true;
    wri_waits_add(out, (wr_wait){.start_us = s->start,
                                 .end_us = s->end,
                                 .due_us = s->end - s->call.tick_us,
                                 .rows = s->window_rows,
                                 .keys = s->n_open});
}

const wr_op_def wri_op_table_fn = {.name = "table function",
                                   .open = fn_open,
                                   .push = fn_push,
                                   .watermark = fn_watermark,
                                   .save = fn_save,
                                   .save_rest = fn_save_rest,
                                   .load = fn_load,
                                   .keyed = true,
                                   .measure = fn_measure,
                                   .waiting = fn_waiting,
                                   .close = fn_close};

/* runtime/paged.c -- see paged.h. */
#include "paged.h"

#include "ops/spill.h"
#include "ops/spill_run.h"

#define BITS_MAX    10 /* WRI_SPILL_PARTS ranges */
#define BITS_MIN    2
#define INPUTS_MAX  2
#define MEMORY_MORE 4                   /* state takes about so much more than its bytes in a run */
#define CHUNK       ((size_t)256 << 10) /* of a run that is being written */
#define IDLE_MIN_US 100000

typedef struct clocks { /* of the operator, when an event came */
    int64_t wm, port_wm[INPUTS_MAX];
} clocks;

typedef struct event {
    enum { ROWS, WATERMARK, PORT_END } kind;
    uint32_t port;
    clocks at;
    wr_batch *b;            /* held; rows of range r are idx[starts[r] .. starts[r + 1]) */
    uint32_t *idx, *starts; /* of one allocation, which is idx */
} event;

/* What operators save as no named part may be about what they save as parts, and is loaded behind it. */
enum { NAMED, OTHER, KINDS };

static int kind_of(const wri_item *item) { return item->named ? NAMED : OTHER; }

typedef struct range {
    wri_run *runs[KINDS]; /* NULL: nothing yet */
    int64_t number;       /* and those behind it name them in snapshots */
    bool saved;           /* a snapshot has been given them */
    uint64_t memory;      /* what it took when it was last brought back; 0: it has not been */
} range;

typedef struct wri_paged wri_paged;
struct wri_paged {
    uint32_t bits;
    range *ranges; /* 1 << bits */
    clocks at;     /* what the runs have seen */
    event *events;
    size_t n, cap;
    size_t bytes; /* of the rows that wait */
    bool clocked; /* not only rows wait */
    int64_t n_made;
    wri_file *file;
    wri_loader loader;
    wr_buf text; /* scratch: an item */
    wr_kept kept;
    int64_t holds_us;         /* the most of any range, in the round under way */
    int64_t last_us, took_us; /* when the last event came; the last round */
};

/* ---- who ---- */

static bool can(const wr_op *op) {
    const wr_node *n = op->node;
    if (!op->def->keyed || n->n_in == 0 || n->n_in > INPUTS_MAX) return false;
    for (uint32_t i = 0; i < n->n_in; i++) {
        const wr_node *in = n->in[i];
        if (in->kind != WR_N_EXCHANGE || in->exchange.mode != WR_EX_HASH || in->exchange.n_keys == 0)
            return false;
    }
    return true;
}

static uint32_t n_ranges(const wri_paged *pg) { return UINT32_C(1) << pg->bits; }
static uint32_t range_of(const wri_paged *pg, uint64_t hash) {
    return wri_spill_part(hash) >> (BITS_MAX - pg->bits);
}

static clocks clocks_of(const wr_op *op) {
    clocks c = {.wm = op->wm};
    for (uint32_t i = 0; i < op->n_in; i++) c.port_wm[i] = op->port_wm[i];
    return c;
}

static void set_clocks(wr_op *op, const clocks *c) {
    __atomic_store_n(&op->wm, c->wm, __ATOMIC_RELAXED); /* metrics read it */
    for (uint32_t i = 0; i < op->n_in; i++) op->port_wm[i] = c->port_wm[i];
}

static void drop_events(wri_paged *pg) {
    for (size_t i = 0; i < pg->n; i++) {
        wr_batch_drop(pg->events[i].b);
        wr_free(pg->events[i].idx);
    }
    pg->n = pg->bytes = 0;
    pg->clocked = false;
}

static void close_state(wr_op *op) {
    if (op->state) op->def->close(op);
    op->state = NULL;
}

static void free_ranges(range *r, uint32_t n) {
    for (uint32_t i = 0; r && i < n; i++)
        for (int k = 0; k < KINDS; k++) wri_run_drop(r[i].runs[k]);
    wr_free(r);
}

void wri_paged_free(wr_op *op) {
    wri_paged *pg = op->paged;
    if (!pg) return;
    drop_events(pg);
    free_ranges(pg->ranges, n_ranges(pg));
    wri_file_close(pg->file);
    wri_loader_free(&pg->loader);
    wr_buf_free(&pg->text);
    wr_free(pg->events);
    wr_free(pg);
    op->paged = NULL;
}

/* ---- state to runs ---- */

static wr_status add_item(wri_paged *pg, wri_run *run, wri_item item, wr_err *err) {
    pg->text.len = 0;
    wr_status r = wri_item_pack(&item, &pg->text, err);
    return r == WR_OK ? wri_run_add(run, pg->text.data, pg->text.len, err) : r;
}

/* Orders rows by range: idx and starts of one allocation, the caller's. */
static wr_status sort_rows(const wri_paged *pg, const wr_batch *b, const uint64_t *hash, uint32_t **idxp,
                           uint32_t **startsp, wr_err *err) {
    uint32_t n = n_ranges(pg), *idx = wr_alloc(((size_t)b->n + n + 1) * sizeof *idx);
    if (!idx) return wr_fail_oom(err, "rows that wait for state on disk");
    uint32_t *starts = *startsp = idx + b->n;
    memset(starts, 0, (n + 1) * sizeof *starts);
    for (uint32_t i = 0; i < b->n; i++) starts[range_of(pg, hash[i]) + 1]++;
    for (uint32_t r = 0; r < n; r++) starts[r + 1] += starts[r];
    for (uint32_t i = 0; i < b->n; i++) idx[starts[range_of(pg, hash[i])]++] = i;
    for (uint32_t r = n; r > 0; r--) starts[r] = starts[r - 1];
    starts[0] = 0;
    *idxp = idx;
    return WR_OK;
}

/* Rows of an item to the runs of their ranges first .. first + n - 1, whose keys they have. */
static wr_status deal(wri_paged *pg, range *to, uint32_t first, uint32_t n, wri_item item, wr_err *err) {
    wr_batch *b = item.rows;
    uint64_t *hash = wr_alloc(b->n * sizeof *hash + 1);
    uint32_t *idx = NULL, *starts;
    if (!hash) return wr_fail_oom(err, "state that goes to disk");
    wr_batch_hash(b, item.keys, item.n_keys, hash);
    wr_status r = sort_rows(pg, b, hash, &idx, &starts, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        uint32_t at = starts[first + i], some = starts[first + i + 1] - at;
        if (some == 0) continue;
        r = wr_batch_gather(b, idx + at, some, NULL, 0, &item.rows, err);
        if (r != WR_OK) break;
        r = add_item(pg, to[i].runs[kind_of(&item)], item, err);
        wr_batch_drop(item.rows);
    }
    wr_free(hash);
    wr_free(idx);
    return r;
}

/* Numbers are for all; rows without keys are in the first range. */
static wr_status put_item(wri_paged *pg, range *to, uint32_t first, uint32_t n, wri_item item, wr_err *err) {
    if (item.rows && n > 1 && item.n_keys > 0) return deal(pg, to, first, n, item, err);
    for (uint32_t i = 0; i < (item.rows ? 1 : n); i++)
        WR_TRY(add_item(pg, to[i].runs[kind_of(&item)], item, err));
    return WR_OK;
}

static wr_status begin_runs(wri_paged *pg, range *to, uint32_t n, wr_err *err) {
    for (uint32_t i = 0; i < n; i++) {
        to[i] = (range){.number = pg->n_made};
        pg->n_made += KINDS;
        for (int k = 0; k < KINDS; k++) WR_TRY(wri_run_begin(pg->file, &to[i].runs[k], err));
    }
    return WR_OK;
}

static wr_status end_runs(range *to, uint32_t n, wr_err *err) {
    for (uint32_t i = 0; i < n; i++)
        for (int k = 0; k < KINDS; k++)
            if (to[i].runs[k]) WR_TRY(wri_run_end(to[i].runs[k], err));
    return WR_OK;
}

typedef struct away { /* where ranges first .. first + n - 1 go */
    wri_paged *pg;
    range *to;
    uint32_t first, n;
} away;

static wr_status take_item(void *ctx, const wri_item *item, wr_err *err) {
    const away *a = ctx;
    return put_item(a->pg, a->to, a->first, a->n, *item, err);
}

/* All that the operator keeps, as for a snapshot that has none before it, to new runs; it is closed. */
static wr_status put_away(wr_op *op, away a, wr_err *err) {
    wri_straight straight = {take_item, &a};
    wr_saver to = {.straight = &straight};
    WR_TRY(begin_runs(a.pg, a.to, a.n, err));
    op->task->aside = &to;
    wri_saver_at(&to, op->node->id);
    wr_status r = op->def->save(op, &to, err);
    bool left = op->def->save_rest != NULL;
    while (r == WR_OK && left) r = op->def->save_rest(op, &left, err);
    op->task->aside = NULL;
    wri_saver_free(&to);
    close_state(op);
    return r == WR_OK ? end_runs(a.to, a.n, err) : r;
}

static uint64_t bytes_of(const range *r) {
    uint64_t bytes = 0;
    for (int k = 0; k < KINDS; k++) bytes += r->runs[k] ? r->runs[k]->bytes : 0;
    return bytes;
}

/* In memory. */
static uint64_t largest_range(const wri_paged *pg) {
    uint64_t most = 0;
    for (uint32_t i = 0; i < n_ranges(pg); i++) {
        const range *r = &pg->ranges[i];
        uint64_t bytes = r->memory ? r->memory : bytes_of(r) * MEMORY_MORE;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* So many ranges that each can be brought back, as far as there is room to write to all of them at once. */
static uint32_t bits_for(const wr_op *op, uint64_t bytes) {
    uint64_t share = wri_memory_share(op);
    uint32_t bits = BITS_MIN;
    while (bits < BITS_MAX && bytes >> bits > share / 4 && CHUNK << (bits + 1) <= share) bits++;
    return bits;
}

static wr_status make(wr_op *op, uint64_t bytes, wr_err *err) {
    wri_paged *pg = op->paged = wr_calloc(1, sizeof *pg);
    if (!pg) return wr_fail_oom(err, "state that goes to disk");
    pg->bits = bits_for(op, bytes);
    pg->at = clocks_of(op);
    pg->loader = (wri_loader){.job = op->task->job, .worker = op->task->index, .reader = {.fd = -1}};
    pg->ranges = wr_calloc(n_ranges(pg), sizeof *pg->ranges);
    if (!pg->ranges) return wr_fail_oom(err, "state that goes to disk");
    return wri_file_make(op->task->job, &pg->file, err);
}

/* ---- a round ---- */

static wr_status read_run(void *ctx, uint64_t at, char *p, size_t n, wr_err *err) {
    return wri_run_read(ctx, at, p, n, err);
}

/* As when a job goes on from a snapshot: first without a watermark, then with the one that the range has
 * seen.
 */
static wr_status bring(wr_op *op, const range *r, wr_err *err) {
    static const clocks none = {WR_WM_NONE, {WR_WM_NONE, WR_WM_NONE}};
    const clocks *seen = &op->paged->at;
    set_clocks(op, &none);
    WR_TRY(op->def->open(op, err));
    for (int k = 0; k < KINDS; k++) {
        wri_run *run = r->runs[k];
        wr_part_from from = {read_run, run, run ? run->bytes : 0, run ? run->crc : 0};
        WR_TRY(wri_items_load_from(&op->paged->loader, op, &from, WRI_ALL, err));
    }
    if (op->def->loaded) WR_TRY(op->def->loaded(op, err));
    set_clocks(op, seen);
    return seen->wm == WR_WM_NONE || !op->def->watermark ? WR_OK : op->def->watermark(op, seen->wm, err);
}

/* Rows of a range keep their hashes, and the places that they had in their source. */
static wr_status push_some(wr_op *op, const event *e, uint32_t r, wr_err *err) {
    uint32_t at = e->starts[r], n = e->starts[r + 1] - at;
    const uint32_t *idx = e->idx + at;
    wr_batch *some;
    if (n == 0) return WR_OK;
    if (n == e->b->n) return op->def->push(op, e->port, e->b, err);
    WR_TRY(wr_batch_gather(e->b, idx, n, NULL, 0, &some, err));
    wr_status s = some->place || wr_batch_places(some) ? WR_OK : wr_fail_oom(err, "places of rows");
    for (uint32_t i = 0; s == WR_OK && i < n; i++) some->place[i] = wr_place_of(e->b, idx[i]);
    if (s == WR_OK && e->b->hash) {
        some->hash = wr_arena_alloc(&some->arena, n * sizeof *some->hash);
        if (!some->hash) s = wr_fail_oom(err, "hashes of rows");
        for (uint32_t i = 0; s == WR_OK && i < n; i++) some->hash[i] = e->b->hash[idx[i]];
    }
    if (s == WR_OK) s = op->def->push(op, e->port, some, err);
    wr_batch_drop(some);
    return s;
}

static wr_status replay(wr_op *op, uint32_t r, wr_err *err) {
    const wri_paged *pg = op->paged;
    for (size_t i = 0; i < pg->n; i++) {
        const event *e = &pg->events[i];
        set_clocks(op, &e->at);
        if (e->kind == ROWS) WR_TRY(push_some(op, e, r, err));
        else if (e->kind == WATERMARK && op->def->watermark) WR_TRY(op->def->watermark(op, e->at.wm, err));
        else if (e->kind == PORT_END && op->def->port_end) WR_TRY(op->def->port_end(op, e->port, err));
    }
    return WR_OK;
}

static bool concerns(const wri_paged *pg, uint32_t r) {
    bool any = pg->clocked;
    for (size_t i = 0; i < pg->n && !any; i++)
        any = pg->events[i].b && pg->events[i].starts[r + 1] > pg->events[i].starts[r];
    return any;
}

/* Range r, to[0..n) of the next ranges. end: nothing is kept. */
static wr_status do_range(wr_op *op, uint32_t r, range *to, uint32_t n, bool end, wr_err *err) {
    wri_paged *pg = op->paged;
    wr_kept kept = {0};
    wr_status s = bring(op, &pg->ranges[r], err);
    if (s == WR_OK) s = replay(op, r, err);
    if (s == WR_OK && end && op->def->end) s = op->def->end(op, err);
    if (s == WR_OK && op->def->measure) op->def->measure(op, &kept);
    pg->kept.keys += kept.keys;
    if (op->holds_us > pg->holds_us) pg->holds_us = op->holds_us;
    if (s == WR_OK && !end) {
        uint32_t bits = pg->bits;
        pg->bits += n > 1;
        s = put_away(op, (away){pg, to, r * n, n}, err);
        pg->bits = bits;
        for (uint32_t i = 0; i < n; i++) to[i].memory = kept.bytes / n;
    }
    close_state(op);
    return s;
}

static wr_status do_ranges(wr_op *op, range *next, uint32_t n, bool end, wr_err *err) {
    wri_paged *pg = op->paged;
    for (uint32_t r = 0; r < n_ranges(pg); r++) {
        if (n > 1 || end || concerns(pg, r)) WR_TRY(do_range(op, r, &next[r * n], n, end, err));
        else {
            next[r] = pg->ranges[r];
            pg->ranges[r] = (range){0};
        }
    }
    return WR_OK;
}

static wr_status pass_on(wr_op *op, int64_t from, wr_err *err) {
    if (op->wm == from || op->wm == WR_WM_END) return WR_OK;
    if (op->holds_us > 0 && op->wm < WR_WM_NONE + op->holds_us) return WR_OK;
    return wri_emit_watermark(op, op->wm - op->holds_us, err);
}

static wr_status do_round(wr_op *op, bool end, wr_err *err) {
    wri_paged *pg = op->paged;
    clocks now = clocks_of(op);
    int64_t began = op->task->job->sys->mono_us();
    if (pg->n == 0 && !end) return WR_OK;
    bool grow = !end && pg->bits < BITS_MAX && largest_range(pg) > wri_memory_share(op);
    uint32_t n = grow ? 2 : 1, all = n * n_ranges(pg);
    range *next = wr_calloc(all, sizeof *next);
    if (!next) return wr_fail_oom(err, "state that goes to disk");
    pg->kept.keys = 0;
    pg->holds_us = INT64_MIN;
    wr_status r = do_ranges(op, next, n, end, err);
    set_clocks(op, &now);
    op->holds_us = pg->holds_us; /* some range has been worked on */
    if (r != WR_OK) {
        free_ranges(next, all);
        return r;
    }
    free_ranges(pg->ranges, n_ranges(pg));
    pg->ranges = next;
    pg->bits += grow;
    drop_events(pg);
    int64_t from = pg->at.wm;
    pg->at = now;
    pg->last_us = op->task->job->sys->mono_us();
    pg->took_us = pg->last_us - began;
    return pass_on(op, from, err);
}

/* ---- what comes ---- */

static wr_status add_event(wr_op *op, event e, wr_err *err) {
    wri_paged *pg = op->paged;
    if (wr_grow(&pg->events, &pg->cap, pg->n + 1, sizeof *pg->events) != WR_OK)
        return wr_fail_oom(err, "rows that wait for state on disk");
    e.at = clocks_of(op);
    pg->events[pg->n++] = e;
    pg->clocked |= e.kind != ROWS;
    pg->last_us = op->task->job->sys->mono_us();
    return WR_OK;
}

wr_status wri_paged_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    wri_paged *pg = op->paged;
    const wr_node *in = op->node->in[port];
    event e = {.kind = ROWS, .port = port, .b = b};
    uint64_t *own = NULL;
    if (b->n == 0) return WR_OK;
    if (!b->hash) {
        own = wr_alloc(b->n * sizeof *own);
        if (!own) return wr_fail_oom(err, "rows that wait for state on disk");
        wr_batch_hash(b, in->exchange.keys, in->exchange.n_keys, own);
    }
    wr_status r = sort_rows(pg, b, own ? own : b->hash, &e.idx, &e.starts, err);
    wr_free(own);
    WR_TRY(r);
    r = add_event(op, e, err);
    if (r != WR_OK) {
        wr_free(e.idx);
        return r;
    }
    wr_batch_hold(b);
    pg->bytes += b->n * (wri_row_bytes(&in->out) + sizeof *e.idx) + n_ranges(pg) * sizeof *e.starts;
    return pg->bytes > wri_memory_share(op) ? do_round(op, false, err) : WR_OK;
}

wr_status wri_paged_watermark(wr_op *op, wr_err *err) {
    wri_paged *pg = op->paged;
    /* Nothing between two of them: the later one says it all. */
    event *last = pg->n ? &pg->events[pg->n - 1] : NULL;
    if (!last || last->kind != WATERMARK) return add_event(op, (event){.kind = WATERMARK}, err);
    last->at = clocks_of(op);
    return WR_OK;
}

wr_status wri_paged_port_end(wr_op *op, uint32_t port, wr_err *err) {
    return add_event(op, (event){.kind = PORT_END, .port = port}, err);
}

wr_status wri_paged_end(wr_op *op, wr_err *err) { return do_round(op, true, err); }

/* What the operator has in memory is worth to be put away. */
static bool weighs(const wr_op *op, wr_kept *keptp) {
    *keptp = (wr_kept){0};
    op->def->measure(op, keptp);
    return keptp->bytes >= wri_memory_worth(op) && !wri_memory_eased(op);
}

wr_status wri_paged_relieve(wr_op *op, bool *didp, wr_err *err) {
    wri_paged *pg = op->paged;
    wr_kept kept;
    if (!can(op) || op->unsaved || op->ended == op->n_in) return WR_OK;
    if (pg) {
        if (pg->n == 0 || pg->bytes < wri_memory_worth(op)) return WR_OK;
        *didp = true;
        return do_round(op, false, err);
    }
    if (!weighs(op, &kept)) return WR_OK;
    *didp = true;
    WR_TRY(make(op, kept.bytes, err));
    pg = op->paged;
    pg->kept.keys = kept.keys;
    return put_away(op, (away){pg, pg->ranges, 0, n_ranges(pg)}, err);
}

wr_status wri_paged_idle(wr_task *t, bool *didp, wr_err *err) {
    for (uint32_t id = 0; id < t->job->plan->n_nodes; id++) {
        wr_op *op = &t->ops[id];
        const wri_paged *pg = op->paged;
        if (WR_LIKELY(!pg) || pg->n == 0 || op->unsaved) continue;
        int64_t rest = pg->took_us > IDLE_MIN_US ? pg->took_us : IDLE_MIN_US;
        if (t->job->sys->mono_us() - pg->last_us < rest) continue;
        *didp = true;
        WR_TRY(do_round(op, false, err));
    }
    return WR_OK;
}

/* ---- snapshots ---- */

static wr_status save_run(wri_run *run, int64_t number, bool more, wr_saver *to, wr_err *err) {
    if (!run || run->bytes == 0) return WR_OK;
    WR_TRY(wr_save_part(to, number, 0, more, err));
    wr_part_from from = {read_run, run, run->bytes, run->crc};
    return more ? WR_OK : wr_save_bytes(to, &run->ref, &from, err);
}

wr_status wri_paged_save(wr_op *op, wr_saver *to, wr_err *err) {
    wri_paged *pg = op->paged;
    WR_TRY(do_round(op, false, err));
    wri_saver_at(to, op->node->id); /* a round emits, and other operators may have saved meanwhile */
    for (uint32_t i = 0; i < n_ranges(pg); i++) {
        range *r = &pg->ranges[i];
        bool more = r->saved && !wr_save_anew(to);
        for (int k = 0; k < KINDS; k++) WR_TRY(save_run(r->runs[k], r->number + k, more, to, err));
        r->saved = true;
    }
    return WR_OK;
}

/* What is loaded goes to runs; so many bytes it may be. */
static wr_status load_to_disk(wr_op *op, uint64_t bytes, wr_err *err) {
    close_state(op);
    WR_TRY(make(op, bytes, err));
    return begin_runs(op->paged, op->paged->ranges, n_ranges(op->paged), err);
}

wr_status wri_paged_expect(wr_op *op, uint64_t bytes, wr_err *err) {
    wr_job *j = op->task->job;
    uint64_t own = bytes / j->n_workers * 2, room = (uint64_t)j->short_at / j->n_workers;
    return can(op) && own >= room && own >= wri_memory_worth(op) ? load_to_disk(op, own, err) : WR_OK;
}

bool wri_paged_crowded(const wr_op *op) {
    wr_kept kept;
    return !op->paged && can(op) && wri_memory_short(op->task->job) && weighs(op, &kept);
}

wr_status wri_paged_anew(wr_op *op, double share, wr_err *err) {
    wr_kept kept = {0};
    op->def->measure(op, &kept);
    return load_to_disk(op, (uint64_t)((double)kept.bytes / share), err);
}

wr_status wri_paged_load(wr_op *op, const wr_saved *saved, const uint32_t *keys, uint32_t n_keys,
                         wr_err *err) {
    wri_paged *pg = op->paged;
    wri_item item = {.tag = saved->tag,
                     .rows = saved->rows,
                     .keys = (uint32_t *)keys,
                     .n_keys = n_keys,
                     .ints = (int64_t *)saved->ints,
                     .n_ints = saved->n_ints};
    return put_item(pg, pg->ranges, 0, n_ranges(pg), item, err);
}

wr_status wri_paged_loaded(wr_op *op, wr_err *err) {
    return end_runs(op->paged->ranges, n_ranges(op->paged), err);
}

void wri_paged_measure(const wr_op *op, wr_kept *out) {
    const wri_paged *pg = op->paged;
    *out = (wr_kept){.keys = pg->kept.keys, .bytes = pg->bytes};
}

void wri_paged_waiting(const wr_op *op, wr_waits *out) {
    const wri_paged *pg = op->paged;
    out->on_disk = true;
    for (size_t i = 0; i < pg->n; i++) out->on_the_way += pg->events[i].b ? pg->events[i].b->n : 0;
}

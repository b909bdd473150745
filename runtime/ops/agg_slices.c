/* runtime/ops/agg_slices.c -- windows made of several slices.
 *
 *   keys     one table for all slices: key -> gid, with the running state of the window being fired
 *   panes    partials by slice, as they came, packed: columns and a gid per row
 *
 *   fire(E):  HOP, calls retract:  running += panes that enter at E; running -= panes that left; emit
 *             HOP, else:           running = merge of all panes inside (E - size, E]; emit; forget running.
 *                                  When that are many, those of about √(slices) in a row are merged once to
 *                                  a block, and a block that lies inside the window stands for its panes
 *             CUMULATE:            running += panes that enter at E; emit; forget running when E ends the
 * cycle
 *
 * A pane enters at max(slice end, `from` of its rows) and leaves with its slice. DOUBLE sums are merged
 * anew, never subtracted (docs/DESIGN.md). While slices are on disk, for want of memory, each window is
 * merged anew from them and the panes in memory, a range of keys at a time (spill.h). A key is dropped when
 * no pane holds it any more: the table is then rebuilt, once half of it is dead. */
#include "agg_slices.h"
#include "group_table.h"
#include "packed.h"
#include "spill.h"
#include "windows.h"

#define REBUILD_MIN 1024

typedef struct pane {
    int64_t end, enter;   /* slice end; end of the first window it counts in */
    wri_packed *partials; /* partial columns only */
    uint32_t *gids;
    enum { FRESH, DUE, SAVED } kept; /* DUE: the barrier has passed it, and it is not saved yet */
    bool merged;                     /* in the running state */
    bool in_block;                   /* of blocks: not merged where the block is */
} pane;

typedef struct block { /* merged panes of the slices that end in (end - block_us, end] */
    int64_t end;
    wri_packed *partials;
    uint32_t *gids;
} block;

typedef struct slice { /* a part of snapshots; panes are only added to it until it goes */
    int64_t end;
    uint32_t panes;
    bool based; /* the snapshot before has the part */
} slice;

struct wri_slices {
    wri_slices_cfg cfg;
    wri_groups *groups;
    pane *panes; /* by rising enter */
    size_t n_panes, cap;
    slice *slices; /* that have panes */
    size_t n_slices, slices_cap, n_due;
    int64_t block_us; /* 0: no blocks */
    block *blocks;
    size_t n_blocks, blocks_cap;
    uint32_t *refs, *active; /* per gid: rows in panes; rows in the running state */
    size_t refs_cap, active_cap;
    uint32_t n_dead;   /* gids with refs == 0 */
    uint32_t n_active; /* gids with active > 0 */
    int64_t fired;     /* end of the last window fired, INT64_MIN: none */
    uint32_t *list;    /* scratch: gids to emit */
    size_t list_cap;
    wr_batch *unpacked; /* scratch: a pane's partials */
    wri_spill
        *spill; /* slices on disk; as long as there are any, windows are merged from them and panes anew */
};

enum { PANE, FIRED }; /* tags in snapshots */

#define BLOCK_MIN 3 /* slices; fewer do not pay */

static int64_t block_us(const wri_slices_cfg *cfg) {
    const wr_win *w = cfg->win;
    if (w->kind != WR_W_HOP || cfg->calls->retracts) return 0;
    int64_t n = w->size_us / w->slice_us, per_block = 1;
    while ((per_block + 1) * (per_block + 1) <= n) per_block++;
    return per_block < BLOCK_MIN ? 0 : per_block * w->slice_us;
}

wr_status wri_slices_new(const wri_slices_cfg *cfg, wri_slices **outp, wr_err *err) {
    wri_slices *s = *outp = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "an aggregation");
    s->cfg = *cfg;
    s->fired = INT64_MIN;
    s->block_us = block_us(cfg);
    wri_spill_cfg spill = {cfg->op, cfg->calls, cfg->phys, cfg->n_keys, 2, PANE};
    WR_TRY(wri_spill_new(&spill, &s->spill, err));
    s->groups = wri_groups_new(cfg->phys, cfg->n_keys, cfg->calls->state_bytes);
    return s->groups ? WR_OK : wr_fail_oom(err, "an aggregation");
}

static wri_states states(wri_slices *s) {
    return (wri_states){wri_groups_states(s->groups), wri_groups_stride(s->groups)};
}

static void free_pane(pane *p) {
    wri_packed_free(p->partials);
    wr_free(p->gids);
}

static void free_block(block *b) {
    wri_packed_free(b->partials);
    wr_free(b->gids);
}

void wri_slices_free(wri_slices *s) {
    if (!s) return;
    for (size_t i = 0; i < s->n_blocks; i++) free_block(&s->blocks[i]);
    wr_free(s->blocks);
    for (size_t i = 0; i < s->n_panes; i++) free_pane(&s->panes[i]);
    if (s->groups) wri_calls_destroy(s->cfg.calls, states(s), 0, wri_groups_count(s->groups));
    wri_groups_free(s->groups);
    wr_free(s->panes);
    wr_free(s->slices);
    wr_free(s->refs);
    wr_free(s->active);
    wr_free(s->list);
    wr_batch_drop(s->unpacked);
    wri_spill_free(s->spill);
    wr_free(s);
}

uint32_t wri_slices_keys(const wri_slices *s) { return wri_groups_count(s->groups) - s->n_dead; }

/* ---- panes in ---- */

static wr_status room(uint32_t **p, size_t *cap, size_t n) {
    size_t old = *cap;
    WR_TRY(wr_grow(p, cap, n, sizeof **p));
    memset(*p + old, 0, (*cap - old) * sizeof **p);
    return WR_OK;
}

static slice *find_slice(wri_slices *s, int64_t end) {
    size_t i = s->n_slices;
    while (i > 0 && s->slices[i - 1].end != end) i--; /* mostly the newest */
    return i > 0 ? &s->slices[i - 1] : NULL;
}

static wr_status insert_pane(wri_slices *s, pane p, wr_err *err) {
    if (wr_grow(&s->panes, &s->cap, s->n_panes + 1, sizeof *s->panes) != WR_OK ||
        wr_grow(&s->slices, &s->slices_cap, s->n_slices + 1, sizeof *s->slices) != WR_OK)
        return wr_fail_oom(err, "slices");
    slice *of = find_slice(s, p.end);
    if (!of) *(of = &s->slices[s->n_slices++]) = (slice){.end = p.end};
    of->panes++;
    size_t i = s->n_panes++;
    for (; i > 0 && s->panes[i - 1].enter > p.enter; i--) s->panes[i] = s->panes[i - 1];
    s->panes[i] = p;
    return WR_OK;
}

static wr_status find_keys(wri_slices *s, const wr_batch *b, uint32_t *gids, wr_err *err) {
    uint32_t before = wri_groups_count(s->groups);
    WR_TRY(wri_groups_find(s->groups, b, s->cfg.keys, b->hash, gids, err));
    uint32_t after = wri_groups_count(s->groups);
    if (room(&s->refs, &s->refs_cap, after + 1) != WR_OK ||
        room(&s->active, &s->active_cap, after + 1) != WR_OK)
        return wr_fail_oom(err, "keys");
    s->n_dead += after - before;
    for (uint32_t i = 0; i < b->n; i++) s->n_dead -= s->refs[gids[i]]++ == 0;
    return WR_OK;
}

/* Partials in b's columns 1.. of a pane with these borders. */
static wr_status add_pane(wri_slices *s, wr_batch *b, pane p, wr_err *err) {
    p.gids = wr_alloc(b->n * sizeof *p.gids);
    if (!p.gids) return wr_fail_oom(err, "a slice");
    wr_status r = find_keys(s, b, p.gids, err);
    if (r == WR_OK) {
        p.partials = wri_pack(b, 1 + s->cfg.n_keys, s->cfg.calls->n_partials);
        if (!p.partials) r = wr_fail_oom(err, "a slice");
    }
    if (r == WR_OK) r = insert_pane(s, p, err);
    if (r != WR_OK) free_pane(&p);
    return r;
}

wr_status wri_slices_add(wri_slices *s, wr_batch *b, wr_err *err) {
    const wr_win *w = s->cfg.win;
    pane p = {.end = b->cols[0].i64[0]};
    p.enter = wri_first_open(w, p.end, b->wm ? b->wm[0] : WR_WM_NONE);
    if (p.enter <= s->fired) { /* only after an idle split came back: see the README of runtime/ */
        p.enter = wri_ceil_to(s->fired + 1, w->slide_us, w->offset_us);
        if (p.enter > wri_last_end(w, p.end)) return wr_task_late_rows(s->cfg.op, 0, b, NULL, b->n, err);
    }
    return add_pane(s, b, p, err);
}

/* ---- running state ---- */

static wr_status merge(wri_slices *s, const wri_packed *partials, const uint32_t *gids, wr_err *err) {
    WR_TRY(wri_unpack(partials, &s->unpacked, err));
    WR_TRY(wri_calls_merge(s->cfg.calls, s->unpacked, 0, states(s), gids, err));
    for (uint32_t i = 0; i < wri_packed_rows(partials); i++) s->n_active += s->active[gids[i]]++ == 0;
    return WR_OK;
}

static wr_status merge_pane(wri_slices *s, pane *p, wr_err *err) {
    p->merged = true;
    return merge(s, p->partials, p->gids, err);
}

static wr_status retract_pane(wri_slices *s, pane *p, wr_err *err) {
    WR_TRY(wri_unpack(p->partials, &s->unpacked, err));
    wri_calls_retract(s->cfg.calls, s->unpacked, 0, states(s), p->gids);
    for (uint32_t i = 0; i < wri_packed_rows(p->partials); i++) s->n_active -= --s->active[p->gids[i]] == 0;
    p->merged = false;
    return WR_OK;
}

static void forget_running(wri_slices *s) {
    uint32_t n = wri_groups_count(s->groups);
    wri_states st = states(s);
    wri_calls_destroy(s->cfg.calls, st, 0, n);
    memset(st.base, 0, (n + 1) * st.stride);
    memset(s->active, 0, (n + 1) * sizeof *s->active);
    s->n_active = 0;
    for (size_t i = 0; i < s->n_panes; i++) s->panes[i].merged = false;
}

/* ---- blocks ---- */

static int64_t block_end(const wri_slices *s, const pane *p) {
    return wri_ceil_to(p->end, s->block_us, s->cfg.win->offset_us);
}

/* The running state, which is emptied, as partials. */
static wr_status take_running(wri_slices *s, block *b, wr_err *err) {
    uint32_t count = wri_groups_count(s->groups), n = 0;
    wr_batch *out;
    b->gids = wr_alloc((s->n_active ? s->n_active : 1) * sizeof *b->gids);
    if (!b->gids) return wr_fail_oom(err, "slices");
    for (uint32_t g = 1; g <= count; g++)
        if (s->active[g] > 0) b->gids[n++] = g;
    WR_TRY(wr_batch_new(s->cfg.calls->n_partials, n ? n : 1, &out, err));
    out->n = n;
    wr_status r = wri_calls_partial(s->cfg.calls, states(s), b->gids, n, out, 0, err);
    if (r == WR_OK && !(b->partials = wri_pack(out, 0, s->cfg.calls->n_partials)))
        r = wr_fail_oom(err, "slices");
    wr_batch_drop(out);
    forget_running(s);
    return r;
}

/* Merges the panes of one block; a pane that comes later, for some of its windows, stays alone. */
static wr_status make_block(wri_slices *s, int64_t end, wr_err *err) {
    block b = {.end = end};
    if (wr_grow(&s->blocks, &s->blocks_cap, s->n_blocks + 1, sizeof *s->blocks) != WR_OK)
        return wr_fail_oom(err, "slices");
    for (size_t i = 0; i < s->n_panes; i++) {
        pane *p = &s->panes[i];
        if (p->in_block || p->enter > s->fired || block_end(s, p) != end) continue;
        WR_TRY(merge_pane(s, p, err));
        p->in_block = true;
    }
    wr_status r = take_running(s, &b, err);
    if (r == WR_OK) s->blocks[s->n_blocks++] = b;
    else free_block(&b);
    return r;
}

/* Whether the block that ends at `end` lies inside the window that ends at `window`. */
static bool inside(const wri_slices *s, int64_t end, int64_t window) {
    return end <= window && end - s->block_us >= window - s->cfg.win->size_us;
}

/* After window `fired`: blocks that its panes complete, as far as the next window holds them whole. */
static wr_status make_blocks(wri_slices *s, wr_err *err) {
    for (size_t i = 0; s->block_us && i < s->n_panes; i++) {
        const pane *p = &s->panes[i];
        int64_t end = block_end(s, p);
        if (p->in_block || p->enter > s->fired || end > s->fired) continue;
        if (inside(s, end, s->fired + s->cfg.win->slide_us)) WR_TRY(make_block(s, end, err));
    }
    return WR_OK;
}

/* Drops blocks of which window `next` holds a part only: that is for their panes. */
static void drop_blocks(wri_slices *s, int64_t next) {
    size_t kept = 0;
    for (size_t i = 0; i < s->n_blocks; i++) {
        if (inside(s, s->blocks[i].end, next)) s->blocks[kept++] = s->blocks[i];
        else free_block(&s->blocks[i]);
    }
    if (kept == s->n_blocks) return;
    s->n_blocks = kept;
    for (size_t i = 0; i < s->n_panes; i++)
        if (s->panes[i].in_block && !inside(s, block_end(s, &s->panes[i]), next))
            s->panes[i].in_block = false;
}

/* ---- rows of panes, as they came in, with their borders in front ---- */

/* Partials of rows idx[0..n) of p (NULL: of all) to columns `first`.. of b. */
static wr_status copy_partials(wri_slices *s, const pane *p, const uint32_t *idx, wr_batch *b, uint32_t first,
                               wr_err *err) {
    wr_batch *from = NULL;
    WR_TRY(wri_unpack(p->partials, &s->unpacked, err));
    if (idx) WR_TRY(wr_batch_gather(s->unpacked, idx, b->n, NULL, 0, &from, err));
    wr_status r = WR_OK;
    for (uint32_t c = 0; r == WR_OK && c < s->cfg.calls->n_partials; c++)
        r = wr_batch_copy_col(b, first + c, &(from ? from : s->unpacked)->cols[c], err);
    wr_batch_drop(from);
    return r;
}

/* Columns: end, enter, keys, partials. */
static wr_status pane_rows(wri_slices *s, const pane *p, const uint32_t *idx, uint32_t n, wr_batch **outp,
                           wr_err *err) {
    uint32_t n_keys = s->cfg.n_keys, *gids = NULL;
    WR_TRY(wr_batch_new(2 + n_keys + s->cfg.calls->n_partials, n, outp, err));
    wr_batch *b = *outp;
    b->n = n;
    wr_status r = wr_batch_col(b, 0, WR_I64, err);
    if (r == WR_OK) r = wr_batch_col(b, 1, WR_I64, err);
    for (uint32_t i = 0; r == WR_OK && i < n; i++) {
        b->cols[0].i64[i] = p->end;
        b->cols[1].i64[i] = p->enter;
    }
    if (r == WR_OK && idx && !(gids = wr_arena_alloc(&b->arena, (n + 1) * sizeof *gids)))
        r = wr_fail_oom(err, "a slice");
    for (uint32_t i = 0; gids && i < n; i++) gids[i] = p->gids[idx[i]];
    if (r == WR_OK) r = wri_groups_emit_keys(s->groups, gids ? gids : p->gids, n, b, 2, err);
    if (r == WR_OK) r = copy_partials(s, p, idx, b, 2 + n_keys, err);
    if (r != WR_OK) wr_batch_drop(b);
    return r;
}

/* ---- snapshots: a part per slice, named by its end: panes as they came in, with their borders in front. A
 * pane does not change, so one that was saved is not saved again. Running states and blocks are made anew.
 * Slices that went to disk are parts of the spill's ---- */

static wr_status save_pane(wri_slices *s, pane *p, wr_err *err) {
    uint32_t n_keys = s->cfg.n_keys;
    wr_batch *b;
    s->n_due--;
    p->kept = SAVED;
    if (wri_packed_rows(p->partials) == 0) return WR_OK;
    uint32_t *keys = wr_alloc((n_keys + 1) * sizeof *keys);
    if (!keys) return wr_fail_oom(err, "a snapshot");
    for (uint32_t k = 0; k < n_keys; k++) keys[k] = 2 + k;
    wr_status r = pane_rows(s, p, NULL, wri_packed_rows(p->partials), &b, err);
    if (r == WR_OK) {
        r = wr_save_made(wr_saver_of(s->cfg.op, p->end, 0), PANE, b, keys, n_keys, err);
        wr_batch_drop(b);
    }
    wr_free(keys);
    return r;
}

wr_status wri_slices_save(wri_slices *s, wr_saver *to, wr_err *err) {
    bool anew = wr_save_anew(to);
    WR_TRY(wr_save_ints(to, FIRED, &s->fired, 1, err));
    for (size_t i = 0; i < s->n_slices; i++) {
        WR_TRY(wr_save_part(to, s->slices[i].end, 0, s->slices[i].based && !anew, err));
        s->slices[i].based = true;
    }
    for (size_t i = 0; i < s->n_panes; i++) {
        if (s->panes[i].kept == SAVED && !anew) continue;
        s->panes[i].kept = DUE;
        s->n_due++;
    }
    return wri_spill_save(s->spill, to, err);
}

wr_status wri_slices_save_rest(wri_slices *s, bool *leftp, wr_err *err) {
    *leftp = s->n_due > 0;
    for (size_t i = 0; i < s->n_panes; i++)
        if (s->panes[i].kept == DUE) return save_pane(s, &s->panes[i], err);
    return WR_OK;
}

/* A pane of it is no more. */
static void forget_slice(wri_slices *s, int64_t end) {
    slice *of = find_slice(s, end);
    if (of && --of->panes == 0) *of = s->slices[--s->n_slices];
}

/* Frees panes whose slice no later window holds: slices that end at or before `end`. */
static wr_status drop_panes(wri_slices *s, int64_t end, wr_err *err) {
    size_t kept = 0;
    wr_status r = WR_OK;
    for (size_t i = 0; i < s->n_panes; i++) {
        pane *p = &s->panes[i];
        if (p->end <= end && p->merged && r == WR_OK) r = retract_pane(s, p, err);
        if (p->end <= end && p->kept == DUE && r == WR_OK) r = save_pane(s, p, err);
        if (p->end > end || r != WR_OK) {
            s->panes[kept++] = *p;
            continue;
        }
        for (uint32_t k = 0; k < wri_packed_rows(p->partials); k++) s->n_dead += --s->refs[p->gids[k]] == 0;
        forget_slice(s, p->end);
        free_pane(p);
    }
    s->n_panes = kept;
    return r;
}

/* ---- the table without its dead keys ---- */

static wr_status move_group(wri_slices *s, wri_groups *to, const uint32_t *old, uint32_t n, uint32_t *map,
                            wr_err *err) {
    wr_batch *keys;
    uint32_t *cols = s->list + n, *fresh = cols + s->cfg.n_keys;
    WR_TRY(wr_batch_new(s->cfg.n_keys, n, &keys, err));
    keys->n = n;
    for (uint32_t k = 0; k < s->cfg.n_keys; k++) cols[k] = k;
    wr_status r = wri_groups_emit_keys(s->groups, old, n, keys, 0, err);
    if (r == WR_OK) r = wri_groups_find(to, keys, cols, NULL, fresh, err);
    wr_batch_drop(keys);
    if (r != WR_OK) return r;
    wri_states from = states(s);
    for (uint32_t i = 0; i < n; i++) {
        map[old[i]] = fresh[i];
        memcpy(wri_groups_states(to) + fresh[i] * wri_groups_stride(to), from.base + old[i] * from.stride,
               from.stride);
    }
    return WR_OK;
}

static void renumber_all(uint32_t *gids, uint32_t n, const uint32_t *map) {
    for (uint32_t i = 0; i < n; i++) gids[i] = map[gids[i]];
}

static void renumber(wri_slices *s, wri_groups *to, const uint32_t *live, uint32_t n, const uint32_t *map) {
    for (size_t i = 0; i < s->n_panes; i++)
        renumber_all(s->panes[i].gids, wri_packed_rows(s->panes[i].partials), map);
    for (size_t i = 0; i < s->n_blocks; i++)
        renumber_all(s->blocks[i].gids, wri_packed_rows(s->blocks[i].partials), map);
    for (uint32_t i = 0; i < n; i++) { /* map[live[i]] <= live[i]: live rises, new ids are given in order */
        s->refs[map[live[i]]] = s->refs[live[i]];
        s->active[map[live[i]]] = s->active[live[i]];
    }
    uint32_t old = wri_groups_count(s->groups);
    memset(s->refs + n + 1, 0, (old - n) * sizeof *s->refs);
    memset(s->active + n + 1, 0, (old - n) * sizeof *s->active);
    wri_groups_free(s->groups); /* what its states point at has moved */
    s->groups = to;
    s->n_dead = 0;
}

static wr_status rebuild(wri_slices *s, wr_err *err) {
    uint32_t count = wri_groups_count(s->groups), n = 0;
    if (s->n_dead < REBUILD_MIN || s->n_dead < count / 2) return WR_OK;
    wri_groups *to = wri_groups_new(s->cfg.phys, s->cfg.n_keys, s->cfg.calls->state_bytes);
    uint32_t *map = wr_calloc(count + 1, sizeof *map);
    wr_status r =
        to && map ? wr_grow(&s->list, &s->list_cap, 2 * (size_t)count + s->cfg.n_keys + 1, sizeof *s->list)
                  : WR_ENOMEM;
    if (r != WR_OK) wr_fail_oom(err, "keys");
    for (uint32_t g = 1; r == WR_OK && g <= count; g++)
        if (s->refs[g] > 0) s->list[n++] = g;
    if (r == WR_OK && n > 0) r = move_group(s, to, s->list, n, map, err);
    if (r == WR_OK) renumber(s, to, s->list, n, map);
    else wri_groups_free(to);
    wr_free(map);
    return r;
}

/* ---- want of memory ---- */

typedef struct panes_of { /* a slice's, or with `all` those of a window */
    wri_slices *s;
    bool all;
    int64_t end, enter; /* all: that end after, that have entered by */
} panes_of;

static bool is_of(const panes_of *o, const pane *p) {
    return o->all ? p->end > o->end && p->enter <= o->enter : p->end == o->end && p->enter == o->enter;
}

static wr_status give_panes(void *ctx, uint32_t lo, uint32_t hi, wri_spill_to *to, wr_err *err) {
    const panes_of *o = ctx;
    wri_slices *s = o->s;
    const uint64_t *hashes = wri_groups_hashes(s->groups);
    for (size_t i = 0; i < s->n_panes; i++) {
        const pane *p = &s->panes[i];
        uint32_t rows = wri_packed_rows(p->partials), n = 0;
        if (!is_of(o, p)) continue;
        if (wr_grow(&s->list, &s->list_cap, rows, sizeof *s->list) != WR_OK)
            return wr_fail_oom(err, "a slice");
        for (uint32_t k = 0; k < rows; k++) {
            uint32_t part = wri_spill_part(hashes[p->gids[k]]);
            s->list[n] = k;
            n += part >= lo && part < hi;
        }
        if (n == 0) continue;
        wr_batch *b;
        WR_TRY(pane_rows(s, p, s->list, n, &b, err));
        wr_status r = wri_spill_take(to, b, err);
        wr_batch_drop(b);
        WR_TRY(r);
    }
    return WR_OK;
}

static wri_spill_from rows_of(panes_of *o) {
    wri_spill_from from = {o, give_panes, 0, 0};
    for (size_t i = 0; i < o->s->n_panes; i++) {
        if (!is_of(o, &o->s->panes[i])) continue;
        from.n_rows += wri_packed_rows(o->s->panes[i].partials);
        from.bytes += wri_packed_rows(o->s->panes[i].partials) * (wri_groups_stride(o->s->groups) + 64);
    }
    return from;
}

void wri_slices_measure(const wri_slices *s, wr_kept *out) {
    out->keys += wri_slices_keys(s);
    out->bytes += wri_groups_bytes(s->groups) + (s->refs_cap + s->active_cap + s->list_cap) * sizeof *s->refs;
    for (size_t i = 0; i < s->n_panes; i++)
        out->bytes +=
            wri_packed_bytes(s->panes[i].partials) + wri_packed_rows(s->panes[i].partials) * sizeof(uint32_t);
    for (size_t i = 0; i < s->n_blocks; i++)
        out->bytes += wri_packed_bytes(s->blocks[i].partials) +
                      wri_packed_rows(s->blocks[i].partials) * sizeof(uint32_t);
}

/* Panes, blocks, keys and what is running are no more: all of it is on disk. */
static void forget_all(wri_slices *s, wri_groups *fresh) {
    for (size_t i = 0; i < s->n_blocks; i++) free_block(&s->blocks[i]);
    for (size_t i = 0; i < s->n_panes; i++) free_pane(&s->panes[i]);
    wri_calls_destroy(s->cfg.calls, states(s), 0, wri_groups_count(s->groups));
    wri_groups_free(s->groups);
    s->groups = fresh;
    wr_free(s->refs);
    wr_free(s->active);
    wr_free(s->list);
    s->refs = s->active = s->list = NULL;
    s->refs_cap = s->active_cap = s->list_cap = 0;
    s->n_panes = s->n_slices = s->n_blocks = s->n_dead = s->n_active = 0;
    wr_batch_drop(s->unpacked);
    s->unpacked = NULL;
}

/* The keys of all slices are in one table, so all of them go. Slices that have been put when one fails are
 * not dropped: the job fails. */
static wr_status spill_all(wri_slices *s, wr_err *err) {
    wri_groups *fresh = wri_groups_new(s->cfg.phys, s->cfg.n_keys, s->cfg.calls->state_bytes);
    wr_status r = fresh ? WR_OK : wr_fail_oom(err, "state that goes to disk");
    for (size_t i = 0; r == WR_OK && i < s->n_panes; i++) {
        panes_of o = {.s = s, .end = s->panes[i].end, .enter = s->panes[i].enter};
        bool first = true; /* of its slice: panes are in the order of enter, not of end */
        for (size_t k = 0; k < i && first; k++) first = !is_of(&o, &s->panes[k]);
        if (!first) continue;
        wri_spill_from from = rows_of(&o);
        r = wri_spill_put(s->spill, (wri_spill_slice){.end = o.end, .enter = o.enter}, &from, err);
    }
    if (r == WR_OK) forget_all(s, fresh);
    else wri_groups_free(fresh);
    return r;
}

wr_status wri_slices_relieve(wri_slices *s, bool *didp, wr_err *err) {
    wr_kept kept = {0};
    wri_slices_measure(s, &kept);
    if (s->n_panes == 0 || kept.bytes < wri_memory_worth(s->cfg.op)) return WR_OK;
    *didp = true;
    return spill_all(s, err);
}

/* ---- firing ---- */

static wri_result result_of(wri_slices *s, int64_t end) {
    const wr_win *w = s->cfg.win;
    return (wri_result){.op = s->cfg.op,
                        .calls = s->cfg.calls,
                        .groups = s->groups,
                        .st = states(s),
                        .start = w->kind == WR_W_CUMULATE ? wri_floor_off(end - 1, w->size_us, w->offset_us)
                                                          : end - w->size_us,
                        .end = end,
                        .time = end - w->tick_us,
                        .n_window = 3};
}

static wr_status emit_window(wri_slices *s, int64_t end, wr_err *err) {
    uint32_t count = wri_groups_count(s->groups), n = 0;
    if (s->n_active == 0) return WR_OK;
    if (wr_grow(&s->list, &s->list_cap, count + 1, sizeof *s->list) != WR_OK)
        return wr_fail_oom(err, "results");
    for (uint32_t g = 1; g <= count; g++) { /* branch-free: half of a table may be inactive */
        s->list[n] = g;
        n += s->active[g] > 0;
    }
    wri_result r = result_of(s, end);
    return wri_result_emit(&r, s->list, n, err);
}

static wr_status fire_hop(wri_slices *s, int64_t end, wr_err *err) {
    const wr_win *w = s->cfg.win;
    drop_blocks(s, end);
    for (size_t i = 0; i < s->n_blocks; i++) WR_TRY(merge(s, s->blocks[i].partials, s->blocks[i].gids, err));
    for (size_t i = 0; i < s->n_panes && s->panes[i].enter <= end; i++)
        if (!s->panes[i].merged && !s->panes[i].in_block) WR_TRY(merge_pane(s, &s->panes[i], err));
    WR_TRY(emit_window(s, end, err));
    if (!s->cfg.calls->retracts) forget_running(s);
    s->fired = end;
    WR_TRY(drop_panes(s, end - w->size_us + w->slide_us, err));
    return make_blocks(s, err);
}

static wr_status fire_cumulate(wri_slices *s, int64_t end, wr_err *err) {
    const wr_win *w = s->cfg.win;
    for (size_t i = 0; i < s->n_panes && s->panes[i].enter <= end; i++)
        if (!s->panes[i].merged) WR_TRY(merge_pane(s, &s->panes[i], err));
    WR_TRY(emit_window(s, end, err));
    if (wri_floor_off(end, w->size_us, w->offset_us) != end) return WR_OK;
    forget_running(s);
    return drop_panes(s, end, err);
}

/* From what is on disk and panes; nothing is running meanwhile. Slices that no later window holds go. */
static wr_status fire_spilled(wri_slices *s, int64_t end, wr_err *err) {
    const wr_win *w = s->cfg.win;
    bool hop = w->kind == WR_W_HOP;
    wri_result r = result_of(s, end);
    panes_of o = {.s = s, .all = true, .end = r.start, .enter = end};
    wri_spill_from more = rows_of(&o);
    wri_spill_window fired = {.after = o.end, .upto = end, .result = r, .more = &more};
    WR_TRY(wri_spill_fire(s->spill, &fired, err));
    if (!hop && wri_floor_off(end, w->size_us, w->offset_us) != end) return WR_OK;
    int64_t gone = hop ? end - w->size_us + w->slide_us : end;
    wri_spill_drop(s->spill, gone);
    return drop_panes(s, gone, err);
}

/* The end of the next window that holds anything; false: none. */
static bool next_end(const wri_slices *s, int64_t *endp) {
    int64_t on_disk;
    bool disk = wri_spill_first(s->spill, &on_disk);
    if (s->n_panes == 0 && !disk) return false;
    const wr_win *w = s->cfg.win;
    *endp = s->n_panes == 0 || (disk && on_disk < s->panes[0].enter) ? on_disk : s->panes[0].enter;
    bool running = s->fired != INT64_MIN && *endp <= s->fired;
    if (running) *endp = s->fired + w->slide_us; /* a pane that has entered and not yet left */
    return true;
}

wr_status wri_slices_fire(wri_slices *s, int64_t wm, wr_err *err) {
    int64_t end;
    while (next_end(s, &end) && (wm == WR_WM_END || end - s->cfg.win->tick_us <= wm)) {
        int64_t any;
        if (wri_spill_first(s->spill, &any)) WR_TRY(fire_spilled(s, end, err));
        else WR_TRY(s->cfg.win->kind == WR_W_HOP ? fire_hop(s, end, err) : fire_cumulate(s, end, err));
        s->fired = end;
        WR_TRY(rebuild(s, err));
    }
    return WR_OK;
}

/* ---- going on from a snapshot ---- */

/* The batch without its second column is as it was pushed. */
static wr_status load_pane(wri_slices *s, wr_batch *b, wr_err *err) {
    uint32_t n = 1 + s->cfg.n_keys + s->cfg.calls->n_partials, *cols = wr_alloc(n * sizeof *cols);
    wr_batch *in;
    if (!cols) return wr_fail_oom(err, "a slice");
    for (uint32_t c = 0; c < n; c++) cols[c] = c ? c + 1 : 0;
    wr_status r = b->n_cols == n + 1
                      ? wr_batch_share(b, cols, n, &in, err)
                      : wr_fail(err, WR_EDATA, "a slice in the snapshot is not as it was written");
    wr_free(cols);
    if (r != WR_OK) return r;
    in->hash = b->hash;
    r = add_pane(s, in, (pane){.end = b->cols[0].i64[0], .enter = b->cols[1].i64[0]}, err);
    wr_batch_drop(in);
    return r;
}

wr_status wri_slices_load(wri_slices *s, const wr_saved *saved, wr_err *err) {
    bool did;
    if (saved->rows) {
        WR_TRY(load_pane(s, saved->rows, err));
        return wri_memory_short(s->cfg.op->task->job) ? wri_slices_relieve(s, &did, err) : WR_OK;
    }
    if (saved->n_ints && saved->ints[0] > s->fired) s->fired = saved->ints[0];
    return WR_OK;
}

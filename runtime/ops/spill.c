/* runtime/ops/spill.c -- see spill.h. */
#include "spill.h"

#include <msgpack.h>
#include <stdlib.h>

#include "group_table.h"
#include "spill_run.h"

#define RANGES_MAX  64  /* of a run: blocks of fewer parts would be small */
#define BLOCK_ROWS  256 /* about the least that is worth a block */
#define SHARE_MIN   ((size_t)1 << 20)
#define MEMORY_MORE 3 /* a group in a table takes up to so much more than its row in a block */

typedef struct block {
    uint64_t at; /* in the run */
    uint32_t bytes, crc;
    uint16_t lo, hi; /* parts lo..hi-1 */
} block;

typedef struct part { /* a run with its blocks */
    int64_t end, enter;
    wri_run *run;
    block *blocks;
    size_t n_blocks, cap;
    uint64_t weight; /* about the memory that its rows take in a table */
    int64_t number;  /* names it in snapshots */
    bool alone;      /* see wri_spill_slice */
    bool saved;      /* a snapshot has been given it */
} part;

struct wri_spill {
    wri_spill_cfg cfg;
    uint32_t *keys; /* columns */
    wri_file *file; /* NULL: none yet */
    part *parts;    /* in the order put */
    size_t n, cap;
    int64_t n_made;
    wr_buf text; /* scratch: a block */
    uint32_t *gids, *idx;
    uint64_t *hash;
    size_t rows_cap;
};

/* Where rows go: to a run's block, or to a table. */
struct wri_spill_to {
    wri_spill *s;
    part *run; /* NULL: to groups */
    wri_groups *groups;
    bool alone; /* a row stands in the place of what is there of its key */
    uint32_t lo, hi;
};

wr_status wri_spill_new(const wri_spill_cfg *cfg, wri_spill **outp, wr_err *err) {
    wri_spill *s = *outp = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "an aggregation");
    s->cfg = *cfg;
    s->keys = wr_calloc(cfg->n_keys + 1, sizeof *s->keys);
    if (!s->keys) return wr_fail_oom(err, "an aggregation");
    for (uint32_t k = 0; k < cfg->n_keys; k++) s->keys[k] = cfg->lead + k;
    return WR_OK;
}

static void free_part(part *p) {
    wri_run_drop(p->run);
    wr_free(p->blocks);
}

void wri_spill_free(wri_spill *s) {
    if (!s) return;
    for (size_t i = 0; i < s->n; i++) free_part(&s->parts[i]);
    wri_file_close(s->file);
    wr_free(s->parts);
    wr_free(s->keys);
    wr_free(s->gids);
    wr_free(s->idx);
    wr_free(s->hash);
    wr_buf_free(&s->text);
    wr_free(s);
}

/* ---- putting ---- */

static wr_status open_file(wri_spill *s, wr_err *err) {
    return s->file ? WR_OK : wri_file_make(s->cfg.op->task->job, &s->file, err);
}

static wr_status put_block(wri_spill_to *to, wr_batch *b, wr_err *err) {
    wri_spill *s = to->s;
    part *p = to->run;
    if (wr_grow(&p->blocks, &p->cap, p->n_blocks + 1, sizeof *p->blocks) != WR_OK)
        return wr_fail_oom(err, "state on disk");
    wri_item item = {.tag = s->cfg.tag, .rows = wr_batch_hold(b), .keys = s->keys, .n_keys = s->cfg.n_keys};
    s->text.len = 0;
    wr_status r = wri_item_pack(&item, &s->text, err);
    wr_batch_drop(item.rows);
    WR_TRY(r);
    if (s->text.len > UINT32_MAX) return wr_fail(err, WR_ELIMIT, "more than 4 GiB of state in %u rows", b->n);
    p->blocks[p->n_blocks++] = (block){.at = p->run->bytes,
                                       .bytes = (uint32_t)s->text.len,
                                       .crc = wr_crc32c(0, s->text.data, s->text.len),
                                       .lo = (uint16_t)to->lo,
                                       .hi = (uint16_t)to->hi};
    return wri_run_add(p->run, s->text.data, s->text.len, err);
}

static wr_status put_ranges(wri_spill *s, part *p, const wri_spill_from *from, wr_err *err) {
    uint32_t n = 1;
    while (n < RANGES_MAX && from->n_rows / n > 2 * BLOCK_ROWS) n *= 2;
    uint32_t step = WRI_SPILL_PARTS / n;
    for (uint32_t lo = 0; lo < WRI_SPILL_PARTS; lo += step) {
        wri_spill_to to = {.s = s, .run = p, .lo = lo, .hi = lo + step};
        WR_TRY(from->rows(from->ctx, lo, lo + step, &to, err));
    }
    return wri_run_end(p->run, err);
}

wr_status wri_spill_put(wri_spill *s, wri_spill_slice of, const wri_spill_from *from, wr_err *err) {
    part p = {
        .end = of.end, .enter = of.enter, .alone = of.alone, .weight = from->bytes, .number = s->n_made};
    WR_TRY(open_file(s, err));
    if (wr_grow(&s->parts, &s->cap, s->n + 1, sizeof *s->parts) != WR_OK)
        return wr_fail_oom(err, "state on disk");
    wr_status r = wri_run_begin(s->file, &p.run, err);
    if (r == WR_OK) r = put_ranges(s, &p, from, err);
    if (r != WR_OK || p.n_blocks == 0) {
        free_part(&p);
        return r;
    }
    s->parts[s->n++] = p;
    s->n_made++;
    return WR_OK;
}

/* ---- back ---- */

static wr_status scratch(wri_spill *s, uint32_t n, wr_err *err) {
    if (n <= s->rows_cap) return WR_OK;
    uint32_t *g = wr_reallocn(s->gids, n, sizeof *g);
    if (g) s->gids = g;
    uint32_t *i = wr_reallocn(s->idx, n, sizeof *i);
    if (i) s->idx = i;
    uint64_t *h = wr_reallocn(s->hash, n, sizeof *h);
    if (h) s->hash = h;
    if (!g || !i || !h) return wr_fail_oom(err, "state on disk");
    s->rows_cap = n;
    return WR_OK;
}

static wr_status fold(wri_spill_to *to, wr_batch *b, const uint64_t *hash, wr_err *err) {
    wri_spill *s = to->s;
    wri_group_rows rows = {.b = b, .key_cols = s->keys, .hash = hash, .n = b->n};
    WR_TRY(wri_groups_find_rows(to->groups, &rows, s->gids, err));
    wri_states st = {wri_groups_states(to->groups), wri_groups_stride(to->groups)};
    if (to->alone) wri_calls_forget(s->cfg.calls, st, s->gids, b->n, st.stride);
    return wri_calls_merge(s->cfg.calls, b, s->cfg.lead + s->cfg.n_keys, st, s->gids, err);
}

/* Those rows of b, a block of more parts, that are of the range. */
static wr_status fold_some(wri_spill_to *to, wr_batch *b, wr_err *err) {
    wri_spill *s = to->s;
    uint32_t n = 0;
    WR_TRY(scratch(s, b->n, err));
    wr_batch_hash(b, s->keys, s->cfg.n_keys, s->hash);
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t of = wri_spill_part(s->hash[i]);
        if (of >= to->lo && of < to->hi) s->idx[n++] = i;
    }
    if (n == 0) return WR_OK;
    if (n == b->n) return fold(to, b, s->hash, err);
    wr_batch *some;
    WR_TRY(wr_batch_gather(b, s->idx, n, NULL, 0, &some, err));
    for (uint32_t i = 0; i < n; i++) s->hash[i] = s->hash[s->idx[i]]; /* idx rises */
    wr_status r = fold(to, some, s->hash, err);
    wr_batch_drop(some);
    return r;
}

wr_status wri_spill_take(wri_spill_to *to, wr_batch *b, wr_err *err) {
    if (b->n == 0) return WR_OK;
    return to->run ? put_block(to, b, err) : fold_some(to, b, err);
}

/* How long the item's head is, behind which its rows lie. */
static wr_status head_bytes(const wr_buf *text, size_t *np, wr_err *err) {
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    *np = 0;
    msgpack_unpack_return got = msgpack_unpack_next(&u, text->data, text->len, np);
    msgpack_unpacked_destroy(&u);
    return got == MSGPACK_UNPACK_SUCCESS ? WR_OK : wr_fail(err, WR_EINTERNAL, "state on disk has no head");
}

static wr_status read_block(wri_spill *s, const part *p, const block *k, wr_batch **outp, wr_err *err) {
    size_t head, used;
    s->text.len = 0;
    if (wr_buf_reserve(&s->text, k->bytes) != WR_OK) return wr_fail_oom(err, "state on disk");
    WR_TRY(wri_run_read(p->run, k->at, s->text.data, k->bytes, err));
    s->text.len = k->bytes;
    uint32_t crc = wr_crc32c(0, s->text.data, k->bytes);
    if (crc != k->crc)
        return wr_fail(
            err, WR_EIO,
            "state that was written to a temporary file has changed there: the checksum of %u bytes is %08x, "
            "%08x was expected; check the disk",
            k->bytes, crc, k->crc);
    WR_TRY(head_bytes(&s->text, &head, err));
    return wr_rows_unpack(s->text.data + head, k->bytes - head, &used, outp, err);
}

static wr_status fold_run(wri_spill_to *to, const part *p, wr_err *err) {
    for (size_t i = 0; i < p->n_blocks; i++) {
        const block *k = &p->blocks[i];
        wr_batch *b;
        if (k->hi <= to->lo || k->lo >= to->hi) continue;
        WR_TRY(read_block(to->s, p, k, &b, err));
        wr_status r = fold_some(to, b, err);
        wr_batch_drop(b);
        WR_TRY(r);
    }
    return WR_OK;
}

/* ---- firing ---- */

static bool counts(const part *p, const wri_spill_window *w) {
    return p->end > w->after && p->enter <= w->upto;
}

/* Adds the memory that each part of a run would take: those of a block have the same. */
static void weigh(const part *p, double *weights) {
    double by_table = (double)p->weight / (double)(p->run->bytes ? p->run->bytes : 1);
    double more = by_table > MEMORY_MORE ? by_table : MEMORY_MORE;
    for (size_t k = 0; k < p->n_blocks; k++)
        for (uint32_t q = p->blocks[k].lo; q < p->blocks[k].hi; q++)
            weights[q] += more * p->blocks[k].bytes / (p->blocks[k].hi - p->blocks[k].lo);
}

static wr_status emit_range(wri_spill_to *to, const wri_spill_window *w, wr_err *err) {
    wri_spill *s = to->s;
    for (size_t i = 0; i < s->n; i++)
        if (counts(&s->parts[i], w)) WR_TRY(fold_run(to, &s->parts[i], err));
    if (w->more) WR_TRY(w->more->rows(w->more->ctx, to->lo, to->hi, to, err));
    uint32_t count = wri_groups_count(to->groups);
    uint32_t *gids = wr_alloc((count + 1) * sizeof *gids);
    if (!gids) return wr_fail_oom(err, "results");
    for (uint32_t i = 0; i < count; i++) gids[i] = i + 1;
    wri_result r = w->result;
    r.groups = to->groups;
    r.st = (wri_states){wri_groups_states(to->groups), wri_groups_stride(to->groups)};
    wr_status st = wri_result_emit(&r, gids, count, err);
    wr_free(gids);
    return st;
}

/* Has `each` work on one range after the other, each with an empty table; a range's parts weigh as much as
 * may be brought back at a time. */
typedef wr_status range_fn(wri_spill_to *to, const void *ctx, wr_err *err);

static wr_status do_range(wri_spill_to to, range_fn *each, const void *ctx, wr_err *err) {
    wri_spill *s = to.s;
    to.groups = wri_groups_new(s->cfg.phys, s->cfg.n_keys, s->cfg.calls->state_bytes);
    if (!to.groups) return wr_fail_oom(err, "a window");
    wr_status r = each(&to, ctx, err);
    wri_states st = {wri_groups_states(to.groups), wri_groups_stride(to.groups)};
    wri_calls_destroy(s->cfg.calls, st, 0, wri_groups_count(to.groups));
    wri_groups_free(to.groups);
    return r;
}

static wr_status by_ranges(wri_spill *s, const double *weights, range_fn *each, const void *ctx,
                           wr_err *err) {
    double share = (double)wri_memory_share(s->cfg.op);
    wr_status r = WR_OK;
    if (share < SHARE_MIN) share = SHARE_MIN;
    for (uint32_t lo = 0, hi; r == WR_OK && lo < WRI_SPILL_PARTS; lo = hi) {
        double sum = weights[lo];
        for (hi = lo + 1; hi < WRI_SPILL_PARTS && sum + weights[hi] <= share; hi++) sum += weights[hi];
        r = do_range((wri_spill_to){.s = s, .lo = lo, .hi = hi}, each, ctx, err);
    }
    return r;
}

static wr_status fire_range(wri_spill_to *to, const void *ctx, wr_err *err) {
    return emit_range(to, ctx, err);
}

wr_status wri_spill_fire(wri_spill *s, const wri_spill_window *w, wr_err *err) {
    double *weights = wr_calloc(WRI_SPILL_PARTS, sizeof *weights);
    if (!weights) return wr_fail_oom(err, "a window");
    for (uint32_t i = 0; w->more && i < WRI_SPILL_PARTS; i++)
        weights[i] = (double)w->more->bytes / WRI_SPILL_PARTS;
    for (size_t i = 0; i < s->n; i++)
        if (counts(&s->parts[i], w)) weigh(&s->parts[i], weights);
    wr_status r = by_ranges(s, weights, fire_range, w, err);
    wr_free(weights);
    return r;
}

/* ---- rows that stand alone ---- */

static bool same_slice(const part *p, const part *q) {
    return p->alone && p->end == q->end && p->enter == q->enter;
}

/* The groups of a table as rows of a run. */
static wr_status put_groups(const wri_spill_to *from, wri_spill_to *to, const uint32_t *gids, uint32_t n,
                            wr_err *err) {
    const wri_spill_cfg *cfg = &to->s->cfg;
    int64_t borders[] = {to->run->end, to->run->enter};
    wri_states st = {wri_groups_states(from->groups), wri_groups_stride(from->groups)};
    wr_batch *b;
    WR_TRY(wr_batch_new(cfg->lead + cfg->n_keys + cfg->calls->n_partials, n, &b, err));
    b->n = n;
    wr_status r = WR_OK;
    for (uint32_t c = 0; r == WR_OK && c < cfg->lead; c++) {
        r = wr_batch_col(b, c, WR_I64, err);
        for (uint32_t i = 0; r == WR_OK && i < n; i++) b->cols[c].i64[i] = borders[c];
    }
    if (r == WR_OK) r = wri_groups_emit_keys(from->groups, gids, n, b, cfg->lead, err);
    if (r == WR_OK) r = wri_calls_partial(cfg->calls, st, gids, n, b, cfg->lead + cfg->n_keys, err);
    if (r == WR_OK) r = put_block(to, b, err);
    wr_batch_drop(b);
    return r;
}

/* ctx: the run that is made; blocks of a range go to it behind those of the ranges before. */
static wr_status settle_range(wri_spill_to *to, const void *ctx, wr_err *err) {
    wri_spill *s = to->s;
    wri_spill_to out = {.s = s, .run = *(part *const *)ctx, .lo = to->lo, .hi = to->hi};
    uint32_t step = wr_task_batch_rows(s->cfg.op->task);
    to->alone = true;
    for (size_t i = 0; i < s->n; i++)
        if (same_slice(&s->parts[i], out.run)) WR_TRY(fold_run(to, &s->parts[i], err));
    uint32_t count = wri_groups_count(to->groups), n, *gids = wr_alloc((step + 1) * sizeof *gids);
    if (!gids) return wr_fail_oom(err, "state on disk");
    wr_status r = WR_OK;
    for (uint32_t at = 0; r == WR_OK && at < count; at += n) {
        n = count - at < step ? count - at : step;
        for (uint32_t i = 0; i < n; i++) gids[i] = at + i + 1;
        r = put_groups(to, &out, gids, n, err);
    }
    wr_free(gids);
    return r;
}

/* All runs of made's slice that stand alone become one, in the place of the first. */
static wr_status settle_slice(wri_spill *s, part *made, size_t first, wr_err *err) {
    double weights[WRI_SPILL_PARTS] = {0};
    size_t kept = first;
    for (size_t i = first; i < s->n; i++) {
        if (!same_slice(&s->parts[i], made)) continue;
        weigh(&s->parts[i], weights);
        made->weight += s->parts[i].weight;
    }
    WR_TRY(wri_run_begin(s->file, &made->run, err));
    WR_TRY(by_ranges(s, weights, settle_range, &made, err));
    WR_TRY(wri_run_end(made->run, err));
    for (size_t i = first; i < s->n; i++) {
        if (same_slice(&s->parts[i], made)) free_part(&s->parts[i]);
        else s->parts[kept++] = s->parts[i];
    }
    memmove(&s->parts[first + 1], &s->parts[first], (kept - first) * sizeof *s->parts);
    s->parts[first] = *made;
    s->parts[first].alone = false;
    s->n = kept + 1;
    return WR_OK;
}

wr_status wri_spill_settle(wri_spill *s, wr_err *err) {
    for (size_t i = 0; i < s->n; i++) {
        part made = {
            .end = s->parts[i].end, .enter = s->parts[i].enter, .alone = true, .number = s->parts[i].number};
        if (!s->parts[i].alone) continue;
        wr_status r = settle_slice(s, &made, i, err);
        if (r == WR_OK) continue;
        free_part(&made);
        return r;
    }
    return WR_OK;
}

void wri_spill_drop(wri_spill *s, int64_t end) {
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->parts[i].end > end) s->parts[kept++] = s->parts[i];
        else free_part(&s->parts[i]);
    }
    s->n = kept;
}

bool wri_spill_first(const wri_spill *s, int64_t *enterp) {
    for (size_t i = 0; i < s->n; i++)
        if (i == 0 || s->parts[i].enter < *enterp) *enterp = s->parts[i].enter;
    return s->n > 0;
}

bool wri_spill_has(const wri_spill *s, int64_t end) {
    for (size_t i = 0; i < s->n; i++)
        if (s->parts[i].end == end) return true;
    return false;
}

/* ---- snapshots: each run is a part of its own ---- */

static wr_status read_run(void *ctx, uint64_t at, char *p, size_t n, wr_err *err) {
    return wri_run_read(ctx, at, p, n, err);
}

wr_status wri_spill_save(wri_spill *s, wr_saver *to, wr_err *err) {
    for (size_t i = 0; i < s->n; i++) {
        part *p = &s->parts[i];
        bool more = p->saved && !wr_save_anew(to);
        WR_TRY(wr_save_part(to, INT64_MAX - p->number, 0, more, err)); /* last: see the operators' load() */
        p->saved = true;
        if (more) continue;
        wr_part_from from = {read_run, p->run, p->run->bytes, p->run->crc};
        WR_TRY(wr_save_bytes(to, &p->run->ref, &from, err));
    }
    return WR_OK;
}

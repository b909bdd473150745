/* runtime/ops/join_lookup.c -- rows with those of a reference table that is asked by key as they come.
 *
 *   batch ─► its distinct keys ─► those not cached, or for too long: one query ─► cache ─► pairs ─► residual
 * ─► out
 *
 * The right input is a SOURCE that gives nothing: it says which columns the table has and computes those that
 * are computed. The cache of a worker has an entry a key, also for keys that no row has; its rows lie in
 * blocks, chained. Entries are in the order of their last use. When the rows of all of them (a key without
 * rows counts as one) are more than lookup_cache_rows, those not used for longest go, at the end of a batch:
 * what a batch needs is there while it is worked on. Blocks are copied together once half of their rows are
 * dead.
 *
 * A snapshot has nothing of it: the cache is filled anew.
 *
 * A query that fails and may be tried again is, after 0.1 s, 0.2 s, 0.4 s and so on; the worker waits
 * meanwhile. Rows keep the position and event time of their left rows. Keys that are equal by the database's
 * rules only (a collation that ignores case) do not match: the join's equation is weir's. */
#include "group_table.h"
#include "join_rows.h"
#include "ops.h"

#define SWEEP_MIN    4096   /* dead rows */
#define RETRY_US     100000 /* before the first retry */
#define RETRY_US_MAX (INT64_C(30) * WR_US_PER_SECOND)
#define SLICE_US     50000 /* of waiting, between looks at the stop flag */

typedef struct entry {     /* state of a key; all zero: new */
    uint64_t asked;        /* number of the last batch that has this key */
    int64_t since_us;      /* when its rows were read */
    uint32_t first, last;  /* ids + 1 of its rows, 0: none */
    uint32_t n;            /* rows */
    uint32_t newer, older; /* by use; 0: none */
    bool cached;           /* its rows are there and it is in the list */
} entry;

typedef struct lookup_join {
    wri_jside sides[2];
    wr_lookup *lookup;
    const wr_connector_def *con;
    wr_lookup_opts opts;
    wr_op *source; /* of the table: computes its columns */
    wri_groups *groups;
    wri_rows rows;
    uint32_t *next; /* per row, by its number: id + 1 of the next one of its key */
    size_t next_cap, dead;
    uint64_t batch;
    int64_t kept; /* rows of all entries, those without counted as one */
    uint32_t newest, oldest;
    wri_pairs pairs, singles;
    uint32_t *keyed, *none, *gids, *want; /* scratch, by row of a batch */
    uint8_t *hit;
    size_t cap;
    uint32_t *gone;
    size_t gone_cap;
} lookup_join;

/* ---- opening ---- */

static wr_status open_table(wr_op *op, lookup_join *j, wr_err *err) {
    const wr_node *n = op->node, *table = n->in[1];
    const wr_plan_stream *st = table->source.stream;
    const wri_source *s = &op->task->job->sources[table->id];
    uint32_t *keys = wr_alloc((n->join.n_keys + 1) * sizeof *keys);
    if (!keys) return wr_fail_oom(err, "a join");
    for (uint32_t k = 0; k < n->join.n_keys; k++) { /* its place among the columns that are read */
        keys[k] = 0;
        for (uint32_t i = 0; i < n->join.keys[1][k]; i++) keys[k] += !wr_col_is_made(table->source.cols[i]);
    }
    wr_lookup_cfg cfg = {.sys = op->task->job->sys,
                         .stream = st->name,
                         .options = st->options,
                         .n_options = st->n_options,
                         .schema = &s->decoded,
                         .keys = keys,
                         .n_keys = n->join.n_keys,
                         .bad = wri_bad_record,
                         .ctx = j->source};
    j->con = s->con;
    wr_status r = wr_lookup_options(st->options, st->n_options, &j->opts, err);
    if (r == WR_OK) r = s->con->open_lookup(&cfg, &j->lookup, err);
    wr_free(keys);
    return r == WR_OK ? r : wr_fail_in(err, r, "stream %s", st->name);
}

static wr_status lookup_open(wr_op *op, wr_err *err) {
    lookup_join *j = op->state = wr_calloc(1, sizeof *j);
    const wr_node *n = op->node;
    if (!j) return wr_fail_oom(err, "a join");
    j->source = &op->task->ops[n->in[1]->id];
    for (uint32_t s = 0; s < 2; s++) WR_TRY(wri_jside_init(&j->sides[s], n, s, true, err));
    WR_TRY(wri_pairs_init(&j->pairs, op, j->sides, true, err));
    WR_TRY(wri_pairs_init(&j->singles, op, j->sides, false, err));
    j->pairs.follow = j->singles.follow = true;
    wr_phys *phys = wr_alloc((n->join.n_keys + 1) * sizeof *phys);
    for (uint32_t k = 0; phys && k < n->join.n_keys; k++) phys[k] = j->sides[1].phys[j->sides[1].keys[k]];
    j->groups = phys ? wri_groups_new(phys, n->join.n_keys, sizeof(entry)) : NULL;
    wr_free(phys);
    if (!j->groups || !wri_groups_let_go(j->groups)) return wr_fail_oom(err, "a join");
    return open_table(op, j, err);
}

static void lookup_close(wr_op *op) {
    lookup_join *j = op->state;
    if (!j) return;
    for (uint32_t s = 0; s < 2; s++) wri_jside_free(&j->sides[s]);
    if (j->lookup) j->con->close_lookup(j->lookup);
    wri_pairs_free(&j->pairs);
    wri_pairs_free(&j->singles);
    wri_groups_free(j->groups);
    wri_rows_free(&j->rows);
    wr_free(j->next);
    wr_free(j->keyed);
    wr_free(j->hit);
    wr_free(j->gone);
    wr_free(j);
}

static wr_status scratch(lookup_join *j, size_t n, wr_err *err) {
    if (n <= j->cap) return WR_OK;
    wr_free(j->keyed);
    wr_free(j->hit);
    j->cap = 0;
    j->keyed = wr_alloc(4 * n * sizeof *j->keyed);
    j->hit = wr_alloc(n);
    if (!j->keyed || !j->hit) return wr_fail_oom(err, "a join");
    j->none = j->keyed + n;
    j->gids = j->keyed + 2 * n;
    j->want = j->keyed + 3 * n;
    j->cap = n;
    return WR_OK;
}

/* ---- the cache ---- */

static entry *entry_of(lookup_join *j, uint32_t gid) {
    return (entry *)(wri_groups_states(j->groups) + gid * wri_groups_stride(j->groups));
}

static int64_t weight(const entry *e) { return e->n ? e->n : 1; }

static void unlink_entry(lookup_join *j, const entry *e) {
    if (e->newer) entry_of(j, e->newer)->older = e->older;
    else j->newest = e->older;
    if (e->older) entry_of(j, e->older)->newer = e->newer;
    else j->oldest = e->newer;
}

static void link_newest(lookup_join *j, entry *e, uint32_t gid) {
    e->newer = 0;
    e->older = j->newest;
    if (j->newest) entry_of(j, j->newest)->newer = gid;
    else j->oldest = gid;
    j->newest = gid;
}

/* The rows of e are forgotten and it leaves the list. */
static void drop_rows(lookup_join *j, entry *e) {
    unlink_entry(j, e);
    j->kept -= weight(e);
    j->dead += e->n;
    e->first = e->last = e->n = 0;
    e->cached = false;
}

static wr_status evict(lookup_join *j, wr_err *err) {
    size_t n = 0;
    while (j->kept > j->opts.cache_rows && j->oldest) {
        uint32_t gid = j->oldest;
        if (wr_grow(&j->gone, &j->gone_cap, n + 1, sizeof *j->gone) != WR_OK)
            return wr_fail_oom(err, "keys of a join");
        drop_rows(j, entry_of(j, gid));
        j->gone[n++] = gid;
    }
    wri_groups_remove(j->groups, j->gone, (uint32_t)n);
    return WR_OK;
}

/* Appends row of view to the rows of an entry. */
static wr_status append(lookup_join *j, wri_rows *rows, uint32_t **nextp, size_t *next_capp, entry *e,
                        const wr_batch *from, uint32_t row, wr_err *err) {
    WR_TRY(wri_rows_add(rows, &j->sides[1], from, &row, 1, err));
    if (wr_grow(nextp, next_capp, rows->rows, sizeof **nextp) != WR_OK)
        return wr_fail_oom(err, "rows of a join");
    (*nextp)[rows->rows - 1] = 0;
    uint32_t id = ((uint32_t)(rows->n - 1) << WRI_BLOCK_BITS | (rows->blocks[rows->n - 1]->n - 1)) + 1;
    if (e->last) {
        const wr_batch *b = rows->blocks[(e->last - 1) >> WRI_BLOCK_BITS];
        (*nextp)[(size_t)b->pos + ((e->last - 1) & (WRI_BLOCK_ROWS - 1))] = id;
    } else e->first = id;
    e->last = id;
    return WR_OK;
}

static uint32_t next_of(const lookup_join *j, uint32_t id) {
    const wr_batch *b = j->rows.blocks[(id - 1) >> WRI_BLOCK_BITS];
    return j->next[(size_t)b->pos + ((id - 1) & (WRI_BLOCK_ROWS - 1))];
}

/* Copies the rows that live to new blocks. */
static wr_status sweep(lookup_join *j, wr_err *err) {
    wri_rows fresh = {0};
    uint32_t *next = NULL;
    size_t cap = 0;
    wr_status r = WR_OK;
    for (uint32_t gid = j->newest; gid && r == WR_OK; gid = entry_of(j, gid)->older) {
        entry *e = entry_of(j, gid);
        uint32_t id = e->first;
        e->first = e->last = 0;
        for (; id && r == WR_OK; id = next_of(j, id))
            r = append(j, &fresh, &next, &cap, e, j->rows.blocks[(id - 1) >> WRI_BLOCK_BITS],
                       (id - 1) & (WRI_BLOCK_ROWS - 1), err);
    }
    wri_rows_free(&j->rows);
    wr_free(j->next);
    j->rows = fresh;
    j->next = next;
    j->next_cap = cap;
    j->dead = 0;
    return r;
}

/* ---- asking ---- */

static wr_status wait_before(wr_op *op, int64_t us, wr_err *err) {
    const wr_sys *sys = op->task->job->sys;
    for (; us > 0; us -= SLICE_US) {
        if (wri_stopping(op->task->job)) return wr_fail(err, WR_ECANCELED, "stopped");
        sys->poll(NULL, 0, (int)((us < SLICE_US ? us : SLICE_US) / 1000));
    }
    return WR_OK;
}

static wr_status ask(wr_op *op, const wr_batch *keys, wr_batches *out, wr_err *err) {
    lookup_join *j = op->state;
    int64_t pause = RETRY_US;
    for (int64_t tries = 0;; tries++) {
        wr_status r = j->con->look_up(j->lookup, keys, out, err);
        if (r == WR_OK) return r;
        if (r != WR_EIO || tries >= j->opts.retries)
            return wr_fail_in(err, r, "stream %s", op->node->in[1]->source.stream->name);
        WR_TRY(wait_before(op, pause, err));
        pause = pause * 2 < RETRY_US_MAX ? pause * 2 : RETRY_US_MAX;
    }
}

/* Rows of the table, in its own columns, to the entries that were asked for. */
static wr_status take_rows(lookup_join *j, wr_batch *b, wr_err *err) {
    wr_batch *view = NULL;
    uint32_t *gids = wr_alloc((b->n + 1) * sizeof *gids);
    if (!gids) return wr_fail_oom(err, "a join");
    wr_status r = wri_jside_view(&j->sides[1], b, &view, err);
    if (r == WR_OK) {
        wri_group_rows rows = {.b = view, .key_cols = j->sides[1].keys, .n = view->n};
        wri_groups_freeze(j->groups, true);
        r = wri_groups_find_rows(j->groups, &rows, gids, err);
        wri_groups_freeze(j->groups, false);
    }
    for (uint32_t i = 0; r == WR_OK && i < view->n; i++) {
        entry *e = entry_of(j, gids[i]);
        if (!gids[i] || e->asked != j->batch || e->cached) continue;
        r = append(j, &j->rows, &j->next, &j->next_cap, e, view, i, err);
        e->n++;
    }
    wr_batch_drop(view);
    wr_free(gids);
    return r;
}

/* Reads the rows of keys want[0..n), rows of left. */
static wr_status fetch(wr_op *op, wr_batch *left, uint32_t n, wr_err *err) {
    lookup_join *j = op->state;
    wr_batches got = {0};
    wr_batch *keys;
    WR_TRY(wr_batch_gather(left, j->want, n, j->sides[0].keys, op->node->join.n_keys, &keys, err));
    wr_status r = ask(op, keys, &got, err);
    for (size_t i = 0; i < got.n; i++) {
        if (r == WR_OK) r = wri_source_rows(j->source, &got.items[i], err);
        if (r == WR_OK) r = take_rows(j, got.items[i], err);
        wr_batch_drop(got.items[i]);
    }
    wr_free(got.items);
    wr_batch_drop(keys);
    return r;
}

/* ---- a batch ---- */

/* The entries of the n keyed rows, used now; those to be read are counted in *np. */
static uint32_t touch(wr_op *op, uint32_t n, int64_t now) {
    lookup_join *j = op->state;
    uint32_t n_want = 0;
    for (uint32_t i = 0; i < n; i++) {
        entry *e = entry_of(j, j->gids[i]);
        if (e->asked == j->batch) continue;
        e->asked = j->batch;
        if (e->cached && j->opts.cache_ttl_us > 0 && now - e->since_us >= j->opts.cache_ttl_us)
            drop_rows(j, e);
        if (!e->cached) j->want[n_want++] = j->keyed[i];
        else if (j->newest != j->gids[i]) {
            unlink_entry(j, e);
            link_newest(j, e, j->gids[i]);
        }
    }
    return n_want;
}

/* What was read is in the cache. */
static void settle(lookup_join *j, uint32_t n, int64_t now) {
    for (uint32_t i = 0; i < n; i++) {
        entry *e = entry_of(j, j->gids[i]);
        if (e->cached) continue;
        e->cached = true;
        e->since_us = now;
        j->kept += weight(e);
        link_newest(j, e, j->gids[i]);
    }
}

static wr_status flush_pairs(lookup_join *j, wr_err *err) {
    wri_pairs *p = &j->pairs;
    if (p->n == 0) return WR_OK;
    WR_TRY(wri_pairs_test(p, err));
    for (uint32_t i = 0; i < p->n_hits; i++) j->hit[p->row[0][p->hits[i]]] = 1;
    return wri_pairs_emit(p, err);
}

/* The n keyed rows with theirs, then those that met none. */
static wr_status join(wr_op *op, const wr_batch *left, uint32_t n, wr_err *err) {
    lookup_join *j = op->state;
    j->pairs.followed = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t id = entry_of(j, j->gids[i])->first; id; id = next_of(j, id)) {
            const wr_batch *b = j->rows.blocks[(id - 1) >> WRI_BLOCK_BITS];
            if (wri_pairs_add(&j->pairs, left, j->keyed[i], b, (id - 1) & (WRI_BLOCK_ROWS - 1)))
                WR_TRY(flush_pairs(j, err));
        }
    WR_TRY(flush_pairs(j, err));
    if (!wri_pads(op->node, 0)) return WR_OK;
    j->singles.followed = j->pairs.followed;
    for (uint32_t i = 0; i < left->n; i++)
        if (!j->hit[i]) WR_TRY(wri_pairs_single(&j->singles, 0, left, i, err));
    return wri_pairs_flush(&j->singles, err);
}

static wr_status join_view(wr_op *op, wr_batch *left, wr_err *err) {
    lookup_join *j = op->state;
    uint32_t n;
    int64_t now = j->opts.cache_ttl_us > 0 ? op->task->job->sys->mono_us() : 0;
    WR_TRY(scratch(j, left->n, err));
    memset(j->hit, 0, left->n);
    wri_keyed_rows(&j->sides[0], op->node, left, NULL, left->n, j->keyed, j->none, &n);
    wri_group_rows rows = {.b = left, .key_cols = j->sides[0].keys, .idx = j->keyed, .n = n};
    WR_TRY(wri_groups_find_rows(j->groups, &rows, j->gids, err));
    j->batch++;
    uint32_t n_want = touch(op, n, now);
    if (n_want) {
        WR_TRY(fetch(op, left, n_want, err));
        settle(j, n, now);
    }
    WR_TRY(join(op, left, n, err));
    WR_TRY(evict(j, err));
    bool all = j->kept == 0 && j->dead > 0;
    return all || (j->dead > SWEEP_MIN && j->dead > j->rows.rows / 2) ? sweep(j, err) : WR_OK;
}

static wr_status lookup_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    lookup_join *j = op->state;
    wr_batch *view;
    if (port != 0) return wr_fail(err, WR_EINTERNAL, "a table that is looked up was read");
    WR_TRY(wri_jside_view(&j->sides[0], in, &view, err));
    wr_status r = join_view(op, view, err);
    wr_batch_drop(view);
    return r;
}

/* The cache is no state. */
const wr_op_def wri_op_join_lookup = {.name = "lookup join",
                                      .open = lookup_open,
                                      .push = lookup_push,
                                      .stateless = true,
                                      .close = lookup_close};

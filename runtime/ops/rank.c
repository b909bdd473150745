/* runtime/ops/rank.c -- rows ranked by anything as they come: unbounded Top-N, the last row of each key.
 *
 *   rows ─► partition: head (the rows that are wanted, in order)
 *                      rest (all others, when rows may be taken back)
 *        ─► after each batch: the head that was told before, compared with that of now ─► rank_say.c
 *
 * A row that would stand behind a full head is dropped at once when the input only adds rows: it can never
 * come up. Else it goes to the rest, an ordered tree, whose first row moves up when one of the head is taken
 * back. So a row costs a search in the head and the moves of pointers behind it, O(1) for the last row of a
 * key; and memory is the rows that are wanted, or all that stand. The head is a sorted array since what is
 * told of it goes by places.
 *
 * Invariant: a rest that is not empty means that the head is full: nothing in it is wanted.
 *
 * A partition that is that of a window is forgotten when the window closes, others after ttl without a row;
 * what was told of them stands. Without EMIT CHANGES a partition is told once, when it is complete. */
#include "rank.h"
#include "ops.h"

/* ---- opening, closing ---- */

static bool windowed(const wri_rank *s) { return s->node->rank.end_col != WR_NO_COL; }

static wr_status rank_open(wr_op *op, wr_err *err) {
    const wr_node *n = op->node;
    wri_rank *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a rank");
    s->op = op;
    s->node = n;
    s->top = n->rank.top_fn;
    s->to = n->rank.to;
    WR_TRY(wri_row_form_init(&s->form, n, err));
    wri_timers_init(&s->timers, windowed(s) ? WR_US_PER_SECOND : n->rank.ttl_us / 16 + 1);
    wr_phys *phys = wr_calloc(n->rank.n_keys + 1u, sizeof *phys);
    if (!phys) return wr_fail_oom(err, "a rank");
    for (uint32_t i = 0; i < n->rank.n_keys; i++) phys[i] = wr_type_phys(n->out.fields[n->rank.keys[i]].type);
    s->groups = wri_groups_new(phys, n->rank.n_keys, sizeof(wri_rank_part));
    wr_free(phys);
    s->removes = n->rank.n_keys > 0 && (windowed(s) || n->rank.ttl_us > 0 || n->rank.takes_back);
    if (!s->groups || (s->removes && !wri_groups_let_go(s->groups))) return wr_fail_oom(err, "a rank");
    wri_rank_saves(s);
    if (!n->rank.each_batch && !windowed(s)) op->holds_us = WR_TS_MAX; /* rows of all times come at the end */
    return WR_OK;
}

static void drop_part(wri_rank_part *p) {
    for (uint32_t i = 0; i < p->n; i++) wr_free(wri_rank_head(p)[i]);
    if (p->cap) wr_free(p->many);
    wri_tree_free(p->rest);
    *p = (wri_rank_part){0};
}

void wri_rank_over(wri_rank *s) {
    for (size_t i = 0; i < s->n_told; i++) wri_rank_part_at(s, s->told[i].gid)->touched = false;
    s->n_told = s->n_old = 0;
    while (s->n_gone > 0) wr_free(s->gone[--s->n_gone]);
}

static void rank_close(wr_op *op) {
    wri_rank *s = op->state;
    if (!s) return;
    for (uint32_t g = 1; s->groups && g <= wri_groups_count(s->groups); g++)
        drop_part(wri_rank_part_at(s, g));
    while (s->n_gone > 0) wr_free(s->gone[--s->n_gone]);
    wri_groups_free(s->groups);
    wri_slots_free(&s->slots);
    wri_timers_free(&s->timers);
    wri_row_form_free(&s->form);
    wri_rank_say_free(s);
    wr_free(s->gone);
    wr_free(s->told);
    wr_free(s->old);
    wr_free(s->gids);
    wr_free(s->idx);
    wr_free(s);
}

/* ---- the head ---- */

/* Whether row x, behind head row `last`, is as good as it. */
static bool ties(const wri_rank *s, const wri_row *last, wri_row_ref x) {
    return wri_row_peers(&s->form, wri_row_at(last), x);
}

/* Whether a row that comes behind the last one of the head is wanted. */
static bool wants_behind(const wri_rank *s, wri_rank_part *p, wri_row_ref x) {
    int64_t n = s->top == WR_O_DENSE_RANK ? p->distinct : p->n;
    if (n < s->to) return true;
    return s->to > 0 && s->top != WR_O_ROW_NUMBER && ties(s, wri_rank_head(p)[p->n - 1], x);
}

/* Whether the last row of the head is not wanted any more. */
static bool last_is_over(const wri_rank *s, wri_rank_part *p) {
    if (s->top == WR_O_DENSE_RANK) return p->distinct > s->to;
    if (p->n <= s->to) return false;
    wri_row *const *head = wri_rank_head(p);
    return s->top == WR_O_ROW_NUMBER || !ties(s, head[s->to - 1], wri_row_at(head[p->n - 1]));
}

/* The place of x among the rows of the head; *foundp: an equal row is there. */
static uint32_t place_of(const wri_rank *s, wri_rank_part *p, wri_row_ref x, bool *foundp) {
    wri_row *const *head = wri_rank_head(p);
    uint32_t lo = 0, hi = p->n;
    *foundp = false;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = wri_row_cmp(&s->form, wri_row_at(head[mid]), x);
        if (c == 0) *foundp = true;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* Whether the row at place i is the only one that is as good. */
static bool is_alone(const wri_rank *s, wri_rank_part *p, uint32_t i) {
    wri_row *const *head = wri_rank_head(p);
    wri_row_ref x = wri_row_at(head[i]);
    return !(i > 0 && ties(s, head[i - 1], x)) && !(i + 1 < p->n && ties(s, head[i + 1], x));
}

static wr_status head_room(wri_rank_part *p, wr_err *err) {
    if (p->n < (p->cap ? p->cap : 1)) return WR_OK;
    if (p->cap > UINT32_MAX / 2)
        return wr_fail(err, WR_ELIMIT, "a rank of more than 2^32 rows: add keys to PARTITION BY, or rn <= n");
    uint32_t cap = p->cap ? p->cap * 2 : 4;
    wri_row **many = wr_reallocn(p->cap ? p->many : NULL, cap, sizeof(wri_row *));
    if (!many) return wr_fail_oom(err, "rows that are ranked");
    if (!p->cap) many[0] = p->one;
    p->many = many;
    p->cap = cap;
    return WR_OK;
}

static void head_insert(wri_rank *s, wri_rank_part *p, uint32_t i, wri_row *row) { /* there is room */
    wri_row **head = wri_rank_head(p);
    memmove(head + i + 1, head + i, (p->n - i) * sizeof(wri_row *));
    head[i] = row;
    p->n++;
    if (s->top == WR_O_DENSE_RANK) p->distinct += is_alone(s, p, i);
}

static wri_row *head_remove(wri_rank *s, wri_rank_part *p, uint32_t i) {
    wri_row **head = wri_rank_head(p), *row = head[i];
    if (s->top == WR_O_DENSE_RANK) p->distinct -= is_alone(s, p, i);
    memmove(head + i, head + i + 1, (p->n - i - 1) * sizeof(wri_row *));
    p->n--;
    return row;
}

/* ---- rows come and go ---- */

/* What is told of the partition is kept from the first change of a batch to the end of it. */
static wr_status touch(wri_rank *s, uint32_t gid, wri_rank_part *p, wr_err *err) {
    if (p->touched || !s->node->rank.each_batch) return WR_OK;
    if (wr_grow(&s->told, &s->told_cap, s->n_told + 1, sizeof *s->told) != WR_OK ||
        wr_grow(&s->old, &s->old_cap, s->n_old + p->n, sizeof *s->old) != WR_OK)
        return wr_fail_oom(err, "rows that are ranked");
    if (p->n) memcpy(s->old + s->n_old, wri_rank_head(p), p->n * sizeof *s->old);
    s->told[s->n_told++] = (wri_rank_told_part){gid, s->n_old, p->n};
    s->n_old += p->n;
    p->touched = true;
    return WR_OK;
}

/* A row that nobody keeps; it may have been told, so it stays until the batch is over. There is room. */
static void let_go(wri_rank *s, wri_row *row) { s->gone[s->n_gone++] = row; }

/* Room for the rows that a change can let go. */
static wr_status gone_room(wri_rank *s, size_t n, wr_err *err) {
    if (wr_grow(&s->gone, &s->gone_cap, s->n_gone + n, sizeof *s->gone) != WR_OK)
        return wr_fail_oom(err, "rows that are ranked");
    return WR_OK;
}

wr_status wri_rank_add(wri_rank *s, uint32_t gid, wri_row_ref x, wr_err *err) {
    wri_rank_part *p = wri_rank_part_at(s, gid);
    bool keeps = s->node->rank.takes_back, found;
    wri_row *row;
    if (p->n == 0 ? s->to == 0
                  : wri_row_cmp(&s->form, wri_row_at(wri_rank_head(p)[p->n - 1]), x) <= 0 &&
                        !wants_behind(s, p, x)) {
        if (!keeps) return WR_OK;
        WR_TRY(wri_row_new(&s->form, x.b, x.i, &row, err));
        wri_tree_add(&s->form, &p->rest, row);
        return WR_OK;
    }
    WR_TRY(touch(s, gid, p, err));
    WR_TRY(gone_room(s, (size_t)p->n + 1, err));
    WR_TRY(head_room(p, err));
    uint32_t at = place_of(s, p, x, &found);
    WR_TRY(wri_row_new(&s->form, x.b, x.i, &row, err));
    head_insert(s, p, at, row);
    while (last_is_over(s, p)) {
        row = head_remove(s, p, p->n - 1);
        if (keeps) wri_tree_add(&s->form, &p->rest, row);
        else let_go(s, row);
    }
    return WR_OK;
}

/* Rows of the rest move up while they are wanted. */
static wr_status refill(wri_rank *s, wri_rank_part *p, wr_err *err) {
    for (wri_row *next; (next = wri_tree_first(p->rest)) != NULL;) {
        if (!wants_behind(s, p, wri_row_at(next))) break;
        WR_TRY(head_room(p, err));
        next = wri_tree_take(&s->form, &p->rest, wri_row_at(next));
        head_insert(s, p, p->n, next);
    }
    return WR_OK;
}

/* A row that is not there has been forgotten. */
static wr_status take_back(wri_rank *s, uint32_t gid, wri_row_ref x, wr_err *err) {
    wri_rank_part *p = wri_rank_part_at(s, gid);
    bool found;
    uint32_t at = place_of(s, p, x, &found);
    WR_TRY(gone_room(s, 1, err));
    if (!found) {
        wri_row *row = wri_tree_take(&s->form, &p->rest, x);
        if (row) let_go(s, row);
        return WR_OK;
    }
    WR_TRY(touch(s, gid, p, err));
    let_go(s, head_remove(s, p, at));
    return refill(s, p, err);
}

/* ---- partitions come and go ---- */

wr_status wri_rank_see(wri_rank *s, uint32_t gid, const wr_batch *b, uint32_t i, wr_err *err) {
    wri_rank_part *p = wri_rank_part_at(s, gid);
    int64_t ttl = s->node->rank.ttl_us;
    p->used = s->op->wm;
    if (p->due || (!windowed(s) && !ttl)) return WR_OK;
    if (windowed(s)) p->due = b->cols[s->node->rank.end_col].i64[i] - s->node->rank.tick_us;
    else p->due = p->used > WR_TS_MAX - ttl ? WR_TS_MAX : p->used + ttl;
    if (p->due == 0) p->due = 1; /* 0: no timer yet */
    return wri_timers_add(&s->timers, p->due, gid, err);
}

static wr_status forget(wri_rank *s, uint32_t gid, wr_err *err) {
    WR_TRY(wri_slots_leave(&s->slots, &gid, 1, err));
    drop_part(wri_rank_part_at(s, gid));
    wri_groups_remove(s->groups, &gid, 1);
    return WR_OK;
}

/* Tells what the batch has changed; partitions that are empty then are gone. */
static wr_status say_all(wri_rank *s, wr_err *err) {
    for (size_t i = 0; i < s->n_told; i++) {
        const wri_rank_told_part *t = &s->told[i];
        wri_rank_part *p = wri_rank_part_at(s, t->gid);
        p->touched = false;
        WR_TRY(wri_rank_say(s, s->old + t->first, t->n, wri_rank_head(p), p->n, err));
    }
    WR_TRY(wri_rank_flush(s, err));
    for (size_t i = 0; i < s->n_told; i++) {
        const wri_rank_part *p = wri_rank_part_at(s, s->told[i].gid);
        if (s->node->rank.takes_back && s->removes && p->n == 0 && !p->rest)
            WR_TRY(forget(s, s->told[i].gid, err));
    }
    s->n_told = 0; /* some are gone */
    wri_rank_over(s);
    return WR_OK;
}

static wr_status complete(wri_rank *s, uint32_t gid, wr_err *err) {
    wri_rank_part *p = wri_rank_part_at(s, gid);
    if (!s->node->rank.each_batch) {
        WR_TRY(wri_rank_say(s, NULL, 0, wri_rank_head(p), p->n, err));
        WR_TRY(wri_rank_flush(s, err));
    }
    if (s->removes) return forget(s, gid, err);
    WR_TRY(wri_slots_leave(&s->slots, &gid, 1, err));
    drop_part(p);
    return WR_OK;
}

static wr_status rank_watermark(wr_op *op, int64_t wm, wr_err *err) {
    wri_rank *s = op->state;
    int64_t ttl = s->node->rank.ttl_us;
    if (wm == WR_WM_END && !windowed(s)) {
        for (uint32_t g = 1; g <= wri_groups_count(s->groups) && !s->node->rank.each_batch; g++)
            if (wri_rank_part_at(s, g)->n) WR_TRY(complete(s, g, err));
        return WR_OK;
    }
    wri_timer t;
    while (wri_timers_take(&s->timers, wm, &t)) {
        wri_rank_part *p = wri_rank_part_at(s, t.id);
        if (p->due != t.due) continue; /* of a partition that is gone */
        if (windowed(s)) {
            WR_TRY(complete(s, t.id, err));
            continue;
        }
        WR_TRY(wri_slots_touch(&s->slots, &t.id, 1, err));
        if (p->used == WR_WM_NONE) p->used = wm; /* seen before there was any time */
        if (wm - p->used >= ttl) {
            WR_TRY(forget(s, t.id, err));
            continue;
        }
        p->due = p->used + ttl;
        WR_TRY(wri_timers_add(&s->timers, p->due, t.id, err));
    }
    return WR_OK;
}

/* ---- batches ---- */

/* Rows whose window is open still, to s->idx. */
static wr_status in_time(wri_rank *s, wr_batch *b, uint32_t *np, wr_err *err) {
    uint32_t n = 0, n_late = 0;
    if (wr_grow(&s->idx, &s->idx_cap, 2 * (size_t)b->n, sizeof *s->idx) != WR_OK)
        return wr_fail_oom(err, "a rank");
    const wr_col *end = windowed(s) ? &b->cols[s->node->rank.end_col] : NULL;
    uint32_t *late = s->idx + b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t wm = b->wm && b->wm[i] > s->op->wm ? b->wm[i] : s->op->wm;
        bool gone = end && wm != WR_WM_NONE && end->i64[i] - s->node->rank.tick_us <= wm;
        if (gone) late[n_late++] = i;
        else s->idx[n++] = i;
    }
    *np = n;
    return n_late ? wr_task_late_rows(s->op, 0, b, late, n_late, err) : WR_OK;
}

static wr_status rank_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    wri_rank *s = op->state;
    uint32_t n = 0;
    (void)port;
    WR_TRY(in_time(s, in, &n, err));
    if (n == 0) return WR_OK;
    if (wr_grow(&s->gids, &s->gids_cap, n, sizeof *s->gids) != WR_OK) return wr_fail_oom(err, "a rank");
    wri_group_rows rows = {
        .b = in, .key_cols = s->node->rank.keys, .hash = in->hash, .idx = n == in->n ? NULL : s->idx, .n = n};
    WR_TRY(wri_groups_find_rows(s->groups, &rows, s->gids, err));
    WR_TRY(wri_slots_touch(&s->slots, s->gids, n, err));
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = s->idx[k];
        wri_row_ref x = {.b = in, .i = i};
        WR_TRY(wri_rank_see(s, s->gids[k], in, i, err));
        bool back = wr_takes_back(wr_change_of(in, i));
        WR_TRY(back ? take_back(s, s->gids[k], x, err) : wri_rank_add(s, s->gids[k], x, err));
    }
    if (s->node->rank.each_batch) return say_all(s, err);
    wri_rank_over(s);
    return WR_OK;
}

#define SAMPLES 4096 /* partitions that are looked at to guess how many rows there are */

static void rank_measure(const wr_op *op, wr_kept *out) {
    const wri_rank *s = op->state;
    out->keys = wri_groups_live(s->groups);
    out->bytes = wri_groups_bytes(s->groups) + wri_timers_bytes(&s->timers);
    uint32_t count = wri_groups_count(s->groups), step = count / SAMPLES + 1;
    uint64_t rows = 0; /* of some partitions, as of all of them would take too long */
    for (uint32_t g = 1; g <= count; g += step) rows += wri_rank_part_at(s, g)->n;
    out->bytes += rows * step * (s->form.bytes + sizeof(wri_row) + sizeof(wri_row *));
}

static void rank_waiting(const wr_op *op, wr_waits *out) {
    const wri_rank *s = op->state;
    if (s->node->rank.each_batch) return; /* nothing waits */
    wr_wait x = {WR_WM_NONE, WR_WM_NONE, WR_WM_END, 0, wri_groups_live(s->groups), false};
    if (x.keys == 0) return;
    if (windowed(s)) {
        x.due_us = wri_timers_next(&s->timers);
        if (op->wm != WR_WM_NONE && x.due_us <= op->wm) x.due_us = op->wm + 1; /* a bucket begins before it */
    }
    wri_waits_add(out, x);
    out->what = "partition";
    out->n = x.keys;
}

const wr_op_def wri_op_rank = {.name = "rank",
                               .open = rank_open,
                               .push = rank_push,
                               .watermark = rank_watermark,
                               .save = wri_rank_save,
                               .save_rest = wri_rank_save_rest,
                               .load = wri_rank_load,
                               .keyed = true,
                               .measure = rank_measure,
                               .waiting = rank_waiting,
                               .close = rank_close};

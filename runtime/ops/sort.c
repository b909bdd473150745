/* runtime/ops/sort.c -- ORDER BY on bounded input: holds all rows, sorts them at the end, behind an
 * exchange that gathers to one worker. Ties keep no order of their own: see sort.h. In snapshots each row is
 * a slot: it is saved once. */
#include "sort.h"

#include <stdlib.h>

#include "ops.h"
#include "over_part.h"
#include "saved_rows.h"
#include "slots.h"

typedef struct sorter {
    wr_batch **batches;
    size_t n_batches, batches_cap;
    wri_place *rows;
    size_t n, cap;
    const wr_node *node;
    wri_slots slots; /* by place in rows */
    wri_picked *picked;
    size_t picked_cap;
} sorter;

static wr_status save_rows(const wri_slots *slots, const uint32_t *ids, uint32_t n, wr_saver *to,
                           wr_err *err) {
    sorter *s = slots->ctx;
    if (wr_grow(&s->picked, &s->picked_cap, n, sizeof *s->picked) != WR_OK)
        return wr_fail_oom(err, "a snapshot");
    for (uint32_t i = 0; i < n; i++) {
        const wri_place *p = &s->rows[ids[i]];
        const wr_batch *b = s->batches[p->batch];
        wr_row_place at = wr_place_of(b, p->row);
        s->picked[i] = (wri_picked){b, p->row, at.split, at.pos};
    }
    wri_picked_slots v = {.n_cols = s->node->out.n, .rows = s->picked, .ids = ids, .n = n};
    return wri_save_picked_slots(to, &v, err);
}

static wr_status sort_open(wr_op *op, wr_err *err) {
    sorter *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "ORDER BY");
    s->node = op->node;
    wri_slots_init(&s->slots, op, 0, 0, save_rows, s);
    return WR_OK;
}

static void sort_close(wr_op *op) {
    sorter *s = op->state;
    if (!s) return;
    for (size_t i = 0; i < s->n_batches; i++) wr_batch_drop(s->batches[i]);
    wr_free(s->batches);
    wr_free(s->rows);
    wri_slots_free(&s->slots);
    wr_free(s->picked);
    wr_free(s);
}

static wr_status sort_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    sorter *s = op->state;
    if (wr_grow(&s->batches, &s->batches_cap, s->n_batches + 1, sizeof *s->batches) != WR_OK ||
        wr_grow(&s->rows, &s->cap, s->n + in->n, sizeof *s->rows) != WR_OK)
        return wr_fail_oom(err, "ORDER BY");
    if (s->n + in->n > UINT32_MAX)
        return wr_fail(err, WR_ELIMIT, "ORDER BY would have to keep more than 2^32 rows");
    WR_TRY(wri_slots_touch_range(&s->slots, (uint32_t)s->n, in->n, err));
    for (uint32_t i = 0; i < in->n; i++) s->rows[s->n++] = (wri_place){(uint32_t)s->n_batches, i};
    s->batches[s->n_batches++] = wr_batch_hold(in);
    return WR_OK;
}

static int compare_col(const wri_sorting *s, const wri_place *x, const wri_place *y, const wr_sort_key *k) {
    const wr_col *a = &s->batches[x->batch]->cols[k->col], *b = &s->batches[y->batch]->cols[k->col];
    bool na = wr_is_null(a, x->row), nb = wr_is_null(b, y->row);
    if (na || nb) return na == nb ? 0 : (na == k->nulls_first ? -1 : 1);
    int c = wri_over_cmp(a, x->row, b, y->row);
    return k->desc ? -c : c;
}

int wri_place_cmp(const void *x, const void *y, void *sorting) {
    const wri_sorting *s = sorting;
    for (uint32_t k = 0; k < s->node->sort.n_keys; k++) {
        int c = compare_col(s, x, y, &s->node->sort.keys[k]);
        if (c) return c;
    }
    for (uint32_t i = 0; i < s->node->out.n; i++) {
        int c = compare_col(s, x, y, &(wr_sort_key){.col = i});
        if (c) return c;
    }
    return 0;
}

static wr_status copy_col(const wri_sorting *s, const wri_place *places, wr_batch *out, uint32_t c,
                          wr_err *err) {
    WR_TRY(wr_batch_col(out, c, wr_type_phys(s->node->out.fields[c].type), err));
    wr_col *to = &out->cols[c];
    for (uint32_t i = 0; i < out->n; i++) {
        const wri_place *p = &places[i];
        const wr_col *in = &s->batches[p->batch]->cols[c];
        if (to->phys != WR_STR) to->i64[i] = in->i64[p->row];
        else WR_TRY(wr_batch_str(out, wr_str_data(&in->str[p->row]), in->str[p->row].len, &to->str[i], err));
        if (!wr_is_null(in, p->row)) continue;
        if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "ORDER BY");
        wr_bit_set(to->nulls, i);
    }
    return WR_OK;
}

wr_status wri_places_batch(const wri_sorting *s, const wri_place *places, uint32_t n, wr_batch **outp,
                           wr_err *err) {
    WR_TRY(wr_batch_new(s->node->out.n, n, outp, err));
    (*outp)->n = n;
    wr_status st = WR_OK;
    for (uint32_t c = 0; st == WR_OK && c < s->node->out.n; c++) st = copy_col(s, places, *outp, c, err);
    if (st == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return st;
}

static wr_status sort_end(wr_op *op, wr_err *err) {
    sorter *s = op->state;
    const wr_node *n = s->node;
    wri_sorting sorting = {n, s->batches};
    WR_TRY(wri_slots_finish(&s->slots, err)); /* places are others from now on */
    if (s->n > 1) qsort_r(s->rows, s->n, sizeof *s->rows, wri_place_cmp, &sorting);
    size_t from = (size_t)n->sort.offset < s->n ? (size_t)n->sort.offset : s->n, to = s->n;
    if (n->sort.limit >= 0 && to - from > (size_t)n->sort.limit) to = from + (size_t)n->sort.limit;
    uint32_t step = wr_task_batch_rows(op->task);
    for (; from < to; from += step) {
        wr_batch *b;
        uint32_t some = to - from < step ? (uint32_t)(to - from) : step;
        WR_TRY(wri_places_batch(&sorting, s->rows + from, some, &b, err));
        wr_status r = wr_emit(op, b, err);
        wr_batch_drop(b);
        if (r != WR_OK) return r;
    }
    return WR_OK;
}

static wr_status sort_save(wr_op *op, wr_saver *to, wr_err *err) {
    return wri_slots_barrier(&((sorter *)op->state)->slots, to, err);
}

static wr_status sort_save_rest(wr_op *op, bool *leftp, wr_err *err) {
    return wri_slots_rest(&((sorter *)op->state)->slots, leftp, err);
}

static wr_status sort_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    if (!saved->rows) return wr_fail(err, WR_EDATA, "ORDER BY in the snapshot is not as it was written");
    WR_TRY(wri_check_picked(saved->rows, &op->node->out, err));
    return sort_push(op, 0, saved->rows, err);
}

static void sort_measure(const wr_op *op, wr_kept *out) {
    const sorter *s = op->state;
    out->keys = s->n;
    out->bytes = s->cap * sizeof *s->rows + s->n * wri_row_bytes(&op->node->out);
}

static void sort_waiting(const wr_op *op, wr_waits *out) {
    const sorter *s = op->state;
    if (s->n == 0) return;
    wri_waits_add(out, (wr_wait){WR_WM_NONE, WR_WM_NONE, WR_WM_END, s->n, 0, false});
    out->what = "row";
    out->n = s->n;
}

const wr_op_def wri_op_sort = {.name = "sort",
                               .open = sort_open,
                               .push = sort_push,
                               .end = sort_end,
                               .save = sort_save,
                               .save_rest = sort_save_rest,
                               .load = sort_load,
                               .measure = sort_measure,
                               .waiting = sort_waiting,
                               .close = sort_close};

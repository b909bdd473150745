/* runtime/ops/sort.c -- ORDER BY on bounded input: holds all rows, sorts them at the end, behind an
 * exchange that gathers to one worker. Ties keep no order of their own: rows that compare equal are
 * ordered by their other columns, so that the result does not depend on the workers. */
#include <stdlib.h>

#include "../job_int.h"
#include "ops.h"
#include "saved_rows.h"

typedef struct place {
    uint32_t batch, row;
} place;

typedef struct sorter {
    wr_batch **batches;
    size_t n_batches, batches_cap;
    place *rows;
    size_t n, cap;
    const wr_node *node;
} sorter;

static wr_status sort_open(wr_op *op, wr_err *err) {
    sorter *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "ORDER BY");
    s->node = op->node;
    return WR_OK;
}

static void sort_close(wr_op *op) {
    sorter *s = op->state;
    if (!s) return;
    for (size_t i = 0; i < s->n_batches; i++) wr_batch_drop(s->batches[i]);
    wr_free(s->batches);
    wr_free(s->rows);
    wr_free(s);
}

static wr_status sort_push(wr_op *op, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    sorter *s = op->state;
    if (wr_grow(&s->batches, &s->batches_cap, s->n_batches + 1, sizeof *s->batches) != WR_OK ||
        wr_grow(&s->rows, &s->cap, s->n + in->n, sizeof *s->rows) != WR_OK)
        return wr_fail_oom(err, "ORDER BY");
    for (uint32_t i = 0; i < in->n; i++) s->rows[s->n++] = (place){(uint32_t)s->n_batches, i};
    s->batches[s->n_batches++] = wr_batch_hold(in);
    return WR_OK;
}

static int compare_values(const wr_col *a, uint32_t i, const wr_col *b, uint32_t j) {
    switch (a->phys) {
    case WR_I64:
        return (a->i64[i] > b->i64[j]) - (a->i64[i] < b->i64[j]);
    case WR_F64:
        return (a->f64[i] > b->f64[j]) - (a->f64[i] < b->f64[j]);
    case WR_STR:
        return wr_str_cmp(&a->str[i], &b->str[j]);
    }
    return 0;
}

static int compare_col(const sorter *s, const place *x, const place *y, const wr_sort_key *k) {
    const wr_col *a = &s->batches[x->batch]->cols[k->col], *b = &s->batches[y->batch]->cols[k->col];
    bool na = wr_is_null(a, x->row), nb = wr_is_null(b, y->row);
    if (na || nb) return na == nb ? 0 : (na == k->nulls_first ? -1 : 1);
    int c = compare_values(a, x->row, b, y->row);
    return k->desc ? -c : c;
}

static int compare_rows(const void *x, const void *y, void *ctx) {
    const sorter *s = ctx;
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

/* Rows from..from+n in order, as a batch. */
static wr_status sorted_batch(sorter *s, size_t from, uint32_t n, wr_batch **outp, wr_err *err) {
    uint32_t n_cols = s->node->out.n;
    WR_TRY(wr_batch_new(n_cols, n, outp, err));
    wr_batch *out = *outp;
    out->n = n;
    for (uint32_t c = 0; c < n_cols; c++) {
        WR_TRY(wr_batch_col(out, c, wr_type_phys(s->node->out.fields[c].type), err));
        wr_col *to = &out->cols[c];
        for (uint32_t i = 0; i < n; i++) {
            const place *p = &s->rows[from + i];
            const wr_col *in = &s->batches[p->batch]->cols[c];
            if (to->phys != WR_STR) to->i64[i] = in->i64[p->row];
            else
                WR_TRY(
                    wr_batch_str(out, wr_str_data(&in->str[p->row]), in->str[p->row].len, &to->str[i], err));
            if (!wr_is_null(in, p->row)) continue;
            if (!wr_batch_nulls(out, to)) return wr_fail_oom(err, "ORDER BY");
            wr_bit_set(to->nulls, i);
        }
    }
    return WR_OK;
}

static wr_status sort_end(wr_op *op, wr_err *err) {
    sorter *s = op->state;
    const wr_node *n = s->node;
    if (s->n > 1) qsort_r(s->rows, s->n, sizeof *s->rows, compare_rows, s);
    size_t from = (size_t)n->sort.offset < s->n ? (size_t)n->sort.offset : s->n, to = s->n;
    if (n->sort.limit >= 0 && to - from > (size_t)n->sort.limit) to = from + (size_t)n->sort.limit;
    uint32_t step = wr_task_batch_rows(op->task);
    for (; from < to; from += step) {
        wr_batch *b = NULL;
        wr_status r = sorted_batch(s, from, to - from < step ? (uint32_t)(to - from) : step, &b, err);
        if (r == WR_OK) r = wr_emit(op, b, err);
        wr_batch_drop(b);
        if (r != WR_OK) return r;
    }
    return WR_OK;
}

static wr_status sort_save(wr_op *op, wr_saver *to, wr_err *err) {
    sorter *s = op->state;
    wri_picked *rows = wr_alloc(s->n * sizeof *rows + 1);
    if (!rows) return wr_fail_oom(err, "a snapshot");
    for (size_t i = 0; i < s->n; i++)
        rows[i] = (wri_picked){.b = s->batches[s->rows[i].batch], .row = s->rows[i].row};
    wr_status st = wri_save_picked(to, 0, s->node->out.n, rows, s->n, NULL, 0, err);
    wr_free(rows);
    return st;
}

static wr_status sort_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    if (!saved->rows) return wr_fail(err, WR_EDATA, "ORDER BY in the snapshot is not as it was written");
    WR_TRY(wri_check_picked(saved->rows, &op->node->out, err));
    return sort_push(op, 0, saved->rows, err);
}

const wr_op_def wri_op_sort = {.name = "sort",
                               .open = sort_open,
                               .push = sort_push,
                               .end = sort_end,
                               .save = sort_save,
                               .load = sort_load,
                               .close = sort_close};

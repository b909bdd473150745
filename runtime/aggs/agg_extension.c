/* runtime/aggs/agg_extension.c -- aggregates of SQLite extensions: CREATE AGGREGATE FUNCTION … EXTENSION.
 *
 * They have no merge and no partial state, and some mind the order of rows. So the state is the rows
 * themselves (agg_items.c), each as a text of its arguments; they go through SQLite in the order of event
 * time, split and position whenever the result is wanted. Memory is that of the rows of open windows, and a
 * result costs all rows of its group: in OVER that is the frame, for every row.
 *
 * A row as text, per argument: one byte, 0 for NULL, else 1 and 8 bytes of number or a varint and bytes. */
#include "aggs_int.h"

#include "../expr/expr.h"

typedef struct context { /* of an operator that finishes */
    wr_ext_agg *run;     /* NULL: not wanted yet */
    wr_schema args;
    wr_field fields[WR_AGG_ARGS_MAX];
} context;

static wr_status bind(wr_agg_call *call, wr_err *err) {
    if (call->distinct && call->n_args != 1)
        return wr_fail(err, WR_EINVAL, "%s: DISTINCT is for one argument", call->def->name);
    call->type = wri_nullable(call->def->returns);
    call->grows = true;
    call->state_bytes = sizeof(wri_items *);
    call->n_partials = 0;
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
    if (call->distinct) wri_distinct_bind(call);
    return WR_OK;
}

/* ---- rows as texts ---- */

static wr_status put_row(const wr_agg_call *call, const wr_agg_in *in, uint32_t i, wr_buf *out, bool *nullp) {
    out->len = 0;
    *nullp = false;
    for (uint32_t a = 0; a < call->n_args; a++) {
        const wr_col *c = in->args[a];
        bool null = wr_is_null(c, i);
        *nullp = *nullp || null;
        WR_TRY(wr_buf_put(out, null ? "\0" : "\1", 1));
        if (null) continue;
        if (c->phys != WR_STR) {
            WR_TRY(wr_buf_put(out, (const char *)&c->i64[i], 8));
            continue;
        }
        WR_TRY(wri_put_varint(out, c->str[i].len));
        WR_TRY(wr_buf_put(out, wr_str_data(&c->str[i]), c->str[i].len));
    }
    return WR_OK;
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_update(call, in, states, stride, gids, err);
    wr_buf row = {0};
    wr_status s = WR_OK;
    bool skip = call->def->null_on_null || call->ignore_nulls, null;
    for (uint32_t i = 0; s == WR_OK && i < in->n; i++) {
        if (gids[i] == 0) continue;
        s = put_row(call, in, i, &row, &null);
        if (s != WR_OK) s = wr_fail_oom(err, call->def->name);
        if (s != WR_OK || (skip && null)) continue;
        wri_item it = wri_items_row(call, in, i);
        it.text = wr_str_make(row.data ? row.data : "", row.len);
        s = wri_items_add(WRI_STATE(wri_items *, states, stride, gids[i]), &it, err);
    }
    wr_buf_free(&row);
    return s;
}

/* Row i of b from its text, which may have been on disk. */
static wr_status get_row(const wr_agg_call *call, const wr_str *text, wr_batch *b, uint32_t i, wr_err *err) {
    const uint8_t *p = (const uint8_t *)wr_str_data(text);
    wri_reader r = {.at = p, .start = p, .end = p + text->len};
    for (uint32_t a = 0; a < call->n_args; a++) {
        wr_col *c = &b->cols[a];
        bool str = c->phys == WR_STR;
        const char *head = wri_read_bytes(&r, 1);
        bool null = r.bad || !*head;
        uint64_t len = null ? 0 : str ? wri_read_varint(&r) : 8;
        const char *bytes = wri_read_bytes(&r, len);
        if (r.bad) return wr_fail(err, WR_EDATA, "a row of %s is damaged", call->def->name);
        if (str) c->str[i] = (wr_str){0};
        else c->i64[i] = 0;
        if (null) WR_TRY(wri_out_null(b, c, i, err));
        else if (str) c->str[i] = wr_str_make(bytes, len);
        else memcpy(&c->i64[i], bytes, 8);
    }
    return WR_OK;
}

/* ---- results ---- */

/* The rows of a group in order, as a batch of their arguments. */
static wr_status rows_of(const wr_agg_call *call, wri_items *l, wr_batch **outp, wr_err *err) {
    size_t n = l ? l->n : 0;
    if (n > UINT32_MAX - 64) return wr_fail(err, WR_ELIMIT, "%s: over 2^32 rows in a group", call->def->name);
    WR_TRY(wr_batch_new(call->n_args, n ? (uint32_t)n : 1, outp, err));
    wr_batch *b = *outp;
    b->n = (uint32_t)n;
    wr_status s = WR_OK;
    for (uint32_t a = 0; s == WR_OK && a < call->n_args; a++)
        s = wr_batch_col(b, a, wr_type_phys(call->arg_types[a]), err);
    if (n) wri_items_sort(l);
    for (uint32_t i = 0; s == WR_OK && i < n; i++) s = get_row(call, &l->items[i].text, b, i, err);
    if (s == WR_OK) return WR_OK;
    wr_batch_drop(b);
    return s;
}

static wr_status store(const wr_value *v, wr_type t, wr_batch *out, wr_col *col, uint32_t i, wr_err *err) {
    if (v->null) return wri_out_null(out, col, i, err);
    if (wr_type_phys(t) == WR_STR)
        return wr_batch_str(out, wr_str_data(&v->str), v->str.len, &col->str[i], err);
    col->i64[i] = v->i64;
    return WR_OK;
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    context *x = call->ctx;
    wr_col *col;
    WR_TRY(wri_out(out, c, wr_type_phys(call->type), &col, err));
    if (!x->run) WR_TRY(wr_ext_agg_new(call->def->extension, call->def->name, &x->args, &x->run, err));
    for (uint32_t i = 0; i < n; i++) {
        wr_batch *rows;
        wr_value v;
        bool bad;
        WR_TRY(rows_of(call, *WRI_STATE(wri_items *, states, stride, gids[i]), &rows, err));
        wr_status s = wr_ext_agg_run(x->run, rows, call->type, &v, &bad, err);
        if (s == WR_OK)
            s = bad ? wri_out_failed(out, col, i, failed, err) : store(&v, call->type, out, col, i, err);
        wr_batch_drop(rows);
        WR_TRY(s);
    }
    return WR_OK;
}

static wr_status open_context(const wr_agg_call *call, void **ctxp, wr_err *err) {
    context *x = *ctxp = wr_calloc(1, sizeof *x);
    if (!x) return wr_fail_oom(err, call->def->name);
    x->args = (wr_schema){.fields = x->fields, .n = call->n_args};
    for (uint32_t i = 0; i < call->n_args; i++)
        x->fields[i] = (wr_field){.name = "x", .type = call->arg_types[i]};
    return WR_OK;
}

static void close_context(void *ctx) {
    context *x = ctx;
    if (x) wr_ext_agg_free(x->run);
    wr_free(x);
}

const wr_agg_def wr_agg_extension = {
    .name = "an aggregate of an extension",
    .signature = "f(value, …)",
    .doc = "Of an SQLite extension.",
    .max_args = WR_AGG_ARGS_MAX,
    .needs_time = true,
    .bind = bind,
    .update = update,
    .merge = wri_items_merge,
    .partial = wri_items_partial,
    .finish = finish,
    .combine = wri_items_combine,
    .destroy = wri_items_destroy,
    .open = open_context,
    .close = close_context,
};

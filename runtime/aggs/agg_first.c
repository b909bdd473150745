/* runtime/aggs/agg_first.c -- FIRST_VALUE, LAST_VALUE.
 *
 * The value of the row that is first (last) by event time, then split, then position, then value (a
 * NULL before all others): nothing in that depends on batches or workers. Without a time column all times
 * are equal. NULL is a value like others unless the call says IGNORE NULLS.
 * Partial: time, position, split + 1 (0: empty), value. */
#include "aggs_int.h"

typedef struct place {
    int64_t time, pos;
    uint64_t split; /* + 1; 0: no row yet */
} place;

typedef struct first {
    place at;
    uint64_t null;
    wri_cell cell;
} first;

static wr_phys arg_phys(const wr_agg_call *call) { return wr_type_phys(call->arg_types[0]); }

static wr_status bind(wr_agg_call *call, wr_err *err) {
    (void)err;
    call->type = wri_nullable(call->arg_types[0]);
    call->plain = arg_phys(call) != WR_STR;
    call->state_bytes = (uint32_t)offsetof(first, cell) + wri_cell_bytes(arg_phys(call));
    call->n_partials = 0;
    call->distinct = false; /* says nothing here */
    for (int i = 0; i < 3; i++) wri_partial_add(call, wr_type_of(WR_T_BIGINT));
    wri_partial_add(call, call->type);
    return WR_OK;
}

static int place_cmp(const place *a, const place *b) {
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    if (a->split != b->split) return a->split < b->split ? -1 : 1;
    return (a->pos > b->pos) - (a->pos < b->pos);
}

/* sign: 1 keeps the first, -1 the last. */
WRI_KERNEL wr_status offer(first *s, const place *at, const wr_col *c, uint32_t i, int sign, wr_err *err) {
    bool null = wr_is_null(c, i);
    if (s->at.split) {
        int cmp = place_cmp(&s->at, at) * sign;
        if (cmp < 0) return WR_OK;
        if (cmp == 0) {
            if (s->null || null) cmp = (int)null - (int)s->null;
            else cmp = wri_cell_cmp(&s->cell, c, i);
            if (cmp * sign <= 0) return WR_OK;
        }
    }
    if (!null) WR_TRY(wri_cell_set(&s->cell, c, i, err));
    s->at = *at;
    s->null = null;
    return WR_OK;
}

WRI_KERNEL wr_status fold_rows(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                               const uint32_t *gids, int sign, wr_err *err) {
    const wr_col *c = in->args[0], *time = call->time == WR_NO_COL ? NULL : in->time;
    place at = {.split = (uint64_t)in->split + 1};
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = call->ignore_nulls ? wri_gid(gids, c->nulls, i) : gids[i];
        if (!g) continue;
        if (time) at.time = wr_is_null(time, i) ? WR_TS_MIN : time->i64[i];
        at.pos = in->pos + i;
        if (in->place) {
            at.pos = in->place[i].pos;
            at.split = (uint64_t)in->place[i].split + 1;
        }
        WR_TRY(offer(WRI_STATE(first, states, stride, g), &at, c, i, sign, err));
    }
    return WR_OK;
}

WRI_KERNEL wr_status fold_partials(const wr_agg_in *in, char *states, size_t stride, const uint32_t *gids,
                                   int sign, wr_err *err) {
    for (uint32_t i = 0; i < in->n; i++) {
        place at = {
            .time = in->args[0]->i64[i], .pos = in->args[1]->i64[i], .split = (uint64_t)in->args[2]->i64[i]};
        if (!gids[i] || !at.split) continue;
        WR_TRY(offer(WRI_STATE(first, states, stride, gids[i]), &at, in->args[3], i, sign, err));
    }
    return WR_OK;
}

static wr_status update_first(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                              const uint32_t *gids, wr_err *err) {
    return fold_rows(call, in, states, stride, gids, 1, err);
}

static wr_status update_last(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                             const uint32_t *gids, wr_err *err) {
    return fold_rows(call, in, states, stride, gids, -1, err);
}

static wr_status merge_first(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                             const uint32_t *gids, wr_err *err) {
    (void)call;
    return fold_partials(in, states, stride, gids, 1, err);
}

static wr_status merge_last(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                            const uint32_t *gids, wr_err *err) {
    (void)call;
    return fold_partials(in, states, stride, gids, -1, err);
}

WRI_KERNEL wr_status combine(const wr_agg_call *call, void *into, const first *from, int sign, wr_err *err) {
    if (!from->at.split) return WR_OK;
    wri_cell cell;
    memcpy(&cell, &from->cell, wri_cell_bytes(arg_phys(call))); /* what it points at stays from's */
    wr_col c = wri_cell_col(&cell, arg_phys(call));
    uint64_t null = from->null;
    if (null) c.nulls = &null;
    return offer(into, &from->at, &c, 0, sign, err);
}

static wr_status combine_first(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    return combine(call, into, from, 1, err);
}

static wr_status combine_last(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    return combine(call, into, from, -1, err);
}

static wr_status emit_values(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                             uint32_t n, wr_batch *out, uint32_t c, wr_err *err) {
    wr_col *col;
    WR_TRY(wri_out(out, c, arg_phys(call), &col, err));
    for (uint32_t i = 0; i < n; i++) {
        const first *s = WRI_STATE_CONST(first, states, stride, gids[i]);
        if (!s->at.split || s->null) WR_TRY(wri_out_null(out, col, i, err));
        else WR_TRY(wri_cell_out(&s->cell, out, col, i, err));
    }
    return WR_OK;
}

static wr_status partial(const wr_agg_call *call, const char *states, size_t stride, const uint32_t *gids,
                         uint32_t n, wr_batch *out, uint32_t first_col, wr_err *err) {
    wr_col *time, *pos, *split;
    WR_TRY(wri_out(out, first_col, WR_I64, &time, err));
    WR_TRY(wri_out(out, first_col + 1, WR_I64, &pos, err));
    WR_TRY(wri_out(out, first_col + 2, WR_I64, &split, err));
    for (uint32_t i = 0; i < n; i++) {
        const first *s = WRI_STATE_CONST(first, states, stride, gids[i]);
        time->i64[i] = s->at.time;
        pos->i64[i] = s->at.pos;
        split->i64[i] = (int64_t)s->at.split;
    }
    return emit_values(call, states, stride, gids, n, out, first_col + 3, err);
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    (void)failed;
    return emit_values(call, states, stride, gids, n, out, c, err);
}

static void destroy(const wr_agg_call *call, void *state) {
    wri_cell_free(&((first *)state)->cell, arg_phys(call));
    memset(state, 0, call->state_bytes);
}

const wr_agg_def wr_agg_first_value = {
    .name = "FIRST_VALUE",
    .signature = "FIRST_VALUE(value) [IGNORE NULLS | RESPECT NULLS]",
    .doc = "Value of the earliest row by event time; ties go to the row that stands first in its source.",
    .example = "FIRST_VALUE(s) = 'a'",
    .min_args = 1,
    .max_args = 1,
    .needs_time = true,
    .bind = bind,
    .update = update_first,
    .merge = merge_first,
    .partial = partial,
    .finish = finish,
    .combine = combine_first,
    .destroy = destroy,
};

const wr_agg_def wr_agg_last_value = {
    .name = "LAST_VALUE",
    .signature = "LAST_VALUE(value) [IGNORE NULLS | RESPECT NULLS]",
    .doc = "Value of the latest row by event time; ties go to the row that stands last in its source.",
    .example = "LAST_VALUE(s) IGNORE NULLS = 'c'",
    .min_args = 1,
    .max_args = 1,
    .needs_time = true,
    .bind = bind,
    .update = update_last,
    .merge = merge_last,
    .partial = partial,
    .finish = finish,
    .combine = combine_last,
    .destroy = destroy,
};

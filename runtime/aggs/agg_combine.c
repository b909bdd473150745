/* runtime/aggs/agg_combine.c -- one state into another: what merging two sessions, or two panes, takes.
 *
 * Aggregates with small states bring a `combine` of their own. For all others the state makes the trip that
 * it makes between workers: partial() writes it to a row of columns, merge() folds that row. A stride of
 * 0 makes the one state every group's; group 1 is asked for, since group 0 may be ignored. */
#include "aggs.h"

static wr_status by_columns(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    static const uint32_t one = 1;
    wr_batch *b;
    WR_TRY(wr_batch_new(call->n_partials, 1, &b, err));
    b->n = 1;
    b->split = WR_NO_SPLIT;
    wr_status s = call->def->partial(call, from, 0, &one, 1, b, 0, err);
    if (s == WR_OK) {
        wr_agg_in in = {.n = 1, .split = WR_NO_SPLIT};
        for (uint32_t p = 0; p < call->n_partials; p++) in.args[p] = &b->cols[p];
        s = call->def->merge(call, &in, into, 0, &one, err);
    }
    wr_batch_drop(b);
    return s;
}

wr_status wri_agg_open(const wr_agg_call *calls, uint32_t n, wr_agg_call **outp, wr_err *err) {
    wr_agg_call *own = wr_calloc(n ? n : 1, sizeof *own);
    *outp = NULL;
    if (!own) return wr_fail_oom(err, "aggregates");
    for (uint32_t i = 0; i < n; i++) {
        own[i] = calls[i];
        wr_status s = calls[i].def->open ? calls[i].def->open(&calls[i], &own[i].ctx, err) : WR_OK;
        if (s == WR_OK) continue;
        wri_agg_close(own, i);
        return s;
    }
    *outp = own;
    return WR_OK;
}

void wri_agg_close(wr_agg_call *calls, uint32_t n) {
    for (uint32_t i = 0; calls && i < n; i++)
        if (calls[i].def && calls[i].def->close) calls[i].def->close(calls[i].ctx);
    wr_free(calls);
}

wr_status wri_agg_combine(const wr_agg_call *call, void *into, const void *from, wr_err *err) {
    if (call->def->combine && !call->distinct) return call->def->combine(call, into, from, err);
    return by_columns(call, into, from, err);
}

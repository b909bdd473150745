/* runtime/ops/agg_calls.c -- update, merge and finish of all calls of a node, and result rows. */
#include "agg_calls.h"
#include "group_table.h"

#include "../aggs/aggs.h"

#define AHEAD 12 /* groups: how far ahead their states are fetched */
#define LINE  64 /* bytes that come at once */

wr_status wri_calls_init(wri_calls *c, const wr_agg_call *calls, uint32_t n, wr_err *err) {
    *c = (wri_calls){.n = n, .retracts = true};
    WR_TRY(wri_agg_open(calls, n, &c->calls, err));
    c->offsets = wr_calloc(n ? n : 1, sizeof *c->offsets);
    if (!c->offsets) return wr_fail_oom(err, "aggregates");
    for (uint32_t i = 0; i < n; i++) {
        c->offsets[i] = c->state_bytes;
        c->state_bytes += calls[i].state_bytes;
        c->n_partials += calls[i].n_partials;
        c->retracts &= calls[i].retracts;
        c->owns |= calls[i].def->destroy && !calls[i].plain;
    }
    return WR_OK;
}

void wri_calls_free(wri_calls *c) {
    wri_agg_close(c->calls, c->n);
    wr_free(c->offsets);
    wr_free(c->masked);
    wr_free(c->laid);
    wr_free(c->laid_ids);
}

/* Sends rows whose FILTER is not TRUE to the scratch group. */
static wr_status mask(wri_calls *c, const wr_batch *b, const wr_col *filter, const uint32_t *gids,
                      wr_err *err) {
    if (wr_grow(&c->masked, &c->masked_cap, b->n, sizeof *c->masked) != WR_OK)
        return wr_fail_oom(err, "aggregates");
    for (uint32_t i = 0; i < b->n; i++) c->masked[i] = filter->i64[i] && !wr_is_null(filter, i) ? gids[i] : 0;
    return WR_OK;
}

wr_status wri_calls_update(wri_calls *c, const wr_batch *b, wri_states st, const uint32_t *gids,
                           wr_err *err) {
    for (uint32_t i = 0; i < c->n; i++) {
        const wr_agg_call *call = &c->calls[i];
        wr_agg_in in = {.n = b->n, .split = b->split, .pos = b->pos, .place = b->place};
        for (uint32_t a = 0; a < call->n_args; a++) in.args[a] = &b->cols[call->args[a]];
        if (call->time != WR_NO_COL) in.time = &b->cols[call->time];
        const uint32_t *to = gids;
        if (call->filter != WR_NO_COL) {
            WR_TRY(mask(c, b, &b->cols[call->filter], gids, err));
            to = c->masked;
        }
        WR_TRY(call->def->update(call, &in, st.base + c->offsets[i], st.stride, to, err));
    }
    return WR_OK;
}

static wr_agg_in partial_in(const wr_agg_call *call, const wr_batch *b, uint32_t col) {
    wr_agg_in in = {.n = b->n, .split = b->split, .pos = b->pos};
    for (uint32_t p = 0; p < call->n_partials; p++) in.args[p] = &b->cols[col + p];
    return in;
}

wr_status wri_calls_merge(wri_calls *c, const wr_batch *b, uint32_t col, wri_states st, const uint32_t *gids,
                          wr_err *err) {
    for (uint32_t i = 0; i < c->n; col += c->calls[i++].n_partials) {
        const wr_agg_call *call = &c->calls[i];
        wr_agg_in in = partial_in(call, b, col);
        WR_TRY(call->def->merge(call, &in, st.base + c->offsets[i], st.stride, gids, err));
    }
    return WR_OK;
}

void wri_calls_retract(wri_calls *c, const wr_batch *b, uint32_t col, wri_states st, const uint32_t *gids) {
    for (uint32_t i = 0; i < c->n; col += c->calls[i++].n_partials) {
        const wr_agg_call *call = &c->calls[i];
        wr_agg_in in = partial_in(call, b, col);
        call->def->retract(call, &in, st.base + c->offsets[i], st.stride, gids);
    }
}

wr_status wri_calls_partial(wri_calls *c, wri_states st, const uint32_t *gids, uint32_t n, wr_batch *out,
                            uint32_t col, wr_err *err) {
    for (uint32_t i = 0; i < c->n; col += c->calls[i++].n_partials) {
        const wr_agg_call *call = &c->calls[i];
        WR_TRY(call->def->partial(call, st.base + c->offsets[i], st.stride, gids, n, out, col, err));
    }
    return WR_OK;
}

static wr_status lay_out(wri_calls *c, wri_states st, const uint32_t *gids, uint32_t n, wr_err *err) {
    const size_t bytes = c->state_bytes;
    if (wr_grow(&c->laid, &c->laid_cap, n * bytes + 1, 1) != WR_OK ||
        wr_grow(&c->laid_ids, &c->laid_ids_cap, n + 1, sizeof *c->laid_ids) != WR_OK)
        return wr_fail_oom(err, "aggregates");
    for (uint32_t i = 0; i < n; i++) {
        if (i + AHEAD < n) {
            const char *soon = st.base + gids[i + AHEAD] * st.stride;
            for (size_t at = 0; at < bytes; at += LINE) __builtin_prefetch(soon + at);
        }
        memcpy(c->laid + i * bytes, st.base + gids[i] * st.stride, bytes);
        c->laid_ids[i] = i;
    }
    return WR_OK;
}

wr_status wri_calls_partial_far(wri_calls *c, wri_states st, const uint32_t *gids, uint32_t n, wr_batch *out,
                                uint32_t col, wr_err *err) {
    if (c->n == 0) return WR_OK;
    WR_TRY(lay_out(c, st, gids, n, err));
    return wri_calls_partial(c, (wri_states){c->laid, c->state_bytes}, c->laid_ids, n, out, col, err);
}

wr_status wri_calls_combine(const wri_calls *c, char *into, const char *from, wr_err *err) {
    for (uint32_t i = 0; i < c->n; i++)
        WR_TRY(wri_agg_combine(&c->calls[i], into + c->offsets[i], from + c->offsets[i], err));
    return WR_OK;
}

void wri_calls_destroy(wri_calls *c, wri_states st, uint32_t first, uint32_t last) {
    for (uint32_t i = 0; c->owns && i < c->n; i++) {
        const wr_agg_call *call = &c->calls[i];
        if (!call->def->destroy || call->plain) continue;
        for (uint32_t g = first; g <= last; g++)
            call->def->destroy(call, st.base + g * st.stride + c->offsets[i]);
    }
}

void wri_calls_forget(wri_calls *c, wri_states st, const uint32_t *gids, uint32_t n, size_t bytes) {
    for (uint32_t i = 0; i < n; i++) {
        if (c->owns) wri_calls_destroy(c, st, gids[i], gids[i]);
        if (bytes) memset(st.base + gids[i] * st.stride, 0, bytes);
    }
}

/* ---- results ---- */

static wr_status fill_time(wr_batch *b, uint32_t c, int64_t v, wr_err *err) {
    WR_TRY(wr_batch_col(b, c, WR_I64, err));
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] = v;
    return WR_OK;
}

static wr_status fill_session(const wri_result *r, wr_batch *b, wr_err *err) {
    for (uint32_t c = 0; c < 3; c++) WR_TRY(wr_batch_col(b, c, WR_I64, err));
    for (uint32_t i = 0; i < b->n; i++) {
        b->cols[0].i64[i] = r->starts[i];
        b->cols[1].i64[i] = r->ends[i];
        b->cols[2].i64[i] = r->ends[i] - r->time;
    }
    return wri_groups_emit_keys(r->groups, r->owners, b->n, b, 3, err);
}

/* ATTACHED: keys go to columns 2.., the first of them, window_start, then moves to column 0. */
static wr_status fill_keys(const wri_result *r, const uint32_t *gids, wr_batch *b, wr_err *err) {
    if (!r->start_in_keys) {
        if (r->n_window) WR_TRY(fill_time(b, 0, r->start, err));
        WR_TRY(wri_groups_emit_keys(r->groups, gids, b->n, b, r->n_window, err));
    } else {
        WR_TRY(wri_groups_emit_keys(r->groups, gids, b->n, b, 2, err));
        b->cols[0] = b->cols[2];
    }
    if (!r->n_window) return WR_OK;
    WR_TRY(fill_time(b, 1, r->end, err));
    return fill_time(b, 2, r->time, err);
}

/* Takes the failed groups out of the result and reports them. */
static wr_status report_failed(const wri_result *r, wr_batch **bp, const uint64_t *failed, wr_err *err) {
    wr_batch *b = *bp, *out;
    uint32_t *rows = wr_alloc(2 * (size_t)b->n * sizeof *rows), n_bad = 0, n_good = 0;
    if (!rows) return wr_fail_oom(err, "results");
    uint32_t *good = rows + b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        if (wr_bit(failed, i)) rows[n_bad++] = i;
        else good[n_good++] = i;
    }
    wr_status s = WR_OK;
    if (n_bad) {
        s = wr_task_bad_rows(r->op, b, rows, NULL, WRI_GROUP_FAILED, n_bad, err);
        if (s == WR_OK) s = wr_batch_gather(b, good, n_good, NULL, 0, &out, err);
        if (s == WR_OK) {
            wr_batch_drop(b);
            *bp = out;
        }
    }
    wr_free(rows);
    return s;
}

/* Bit i of *failedp, in b's arena: group gids[i] failed. */
static wr_status fill_results(const wri_result *r, const uint32_t *gids, wr_batch *b, uint64_t **failedp,
                              wr_err *err) {
    uint32_t words = wr_bitmap_words(b->n);
    uint64_t *failed = *failedp = wr_arena_calloc(&b->arena, (words ? words : 1) * sizeof *failed);
    if (!failed) return wr_fail_oom(err, "results");
    WR_TRY(r->owners ? fill_session(r, b, err) : fill_keys(r, gids, b, err));
    uint32_t col = r->op->node->out.n - r->calls->n;
    for (uint32_t i = 0; i < r->calls->n; i++) {
        const wr_agg_call *call = &r->calls->calls[i];
        WR_TRY(call->def->finish(call, r->st.base + r->calls->offsets[i], r->st.stride, gids, b->n, b,
                                 col + i, failed, err));
    }
    return WR_OK;
}

wr_status wri_result_rows(const wri_result *r, const uint32_t *gids, uint32_t n, uint64_t **failedp,
                          wr_batch **outp, wr_err *err) {
    WR_TRY(wr_batch_new(r->op->node->out.n, n, outp, err));
    (*outp)->n = n;
    wr_status s = fill_results(r, gids, *outp, failedp, err);
    if (s == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return s;
}

/* The result without its first `at` rows. */
static wri_result from_row(const wri_result *r, uint32_t at) {
    wri_result part = *r;
    if (!r->owners) return part;
    part.owners += at;
    part.starts += at;
    part.ends += at;
    return part;
}

wr_status wri_result_emit(const wri_result *r, const uint32_t *gids, uint32_t n, wr_err *err) {
    uint32_t step = wr_task_batch_rows(r->op->task);
    for (uint32_t at = 0; at < n; at += step) {
        wr_batch *b;
        uint64_t *failed, any = 0;
        wri_result part = from_row(r, at);
        WR_TRY(wri_result_rows(&part, gids + at, n - at < step ? n - at : step, &failed, &b, err));
        for (uint32_t w = 0; w < wr_bitmap_words(b->n); w++) any |= failed[w];
        wr_status s = any ? report_failed(r, &b, failed, err) : WR_OK;
        if (s == WR_OK) s = wr_emit(r->op, b, err);
        wr_batch_drop(b);
        if (s != WR_OK) return s;
    }
    return WR_OK;
}

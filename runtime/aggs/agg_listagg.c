/* runtime/aggs/agg_listagg.c -- LISTAGG(text [, separator]) (STRING_AGG).
 *
 * Values in the order of event time, split, position, then the text itself (agg_items.c); DISTINCT: in the
 * order of the text. NULLs are left out. */
#include "aggs_int.h"

static wr_status bind(wr_agg_call *call, wr_err *err) {
    wr_type t = call->arg_types[0];
    if (!wr_kind_is_text((wr_kind)t.kind) && t.kind != WR_T_NULL) return wri_bad_arg(call, 0, "text", err);
    if (t.kind == WR_T_NULL) call->arg_types[0] = wr_type_of(WR_T_VARCHAR);
    call->type = wr_type_of(WR_T_VARCHAR);
    call->grows = true;
    call->state_bytes = sizeof(wri_items *);
    call->n_partials = 0;
    wri_partial_add(call, wr_type_of(WR_T_VARBINARY));
    if (call->distinct) wri_distinct_bind(call);
    return WR_OK;
}

static wr_status update(const wr_agg_call *call, const wr_agg_in *in, char *states, size_t stride,
                        const uint32_t *gids, wr_err *err) {
    if (call->distinct) return wri_distinct_update(call, in, states, stride, gids, err);
    const wr_col *c = in->args[0];
    if (c->phys != WR_STR) return WR_OK; /* a bare NULL: no value at all */
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t g = wri_gid(gids, c->nulls, i);
        if (!g) continue;
        wri_item it = wri_items_row(call, in, i);
        it.text = c->str[i];
        WR_TRY(wri_items_add(WRI_STATE(wri_items *, states, stride, g), &it, err));
    }
    return WR_OK;
}

/* The joined text in out's arena; length already known to fit. */
static wr_status join(const wri_items *l, const wr_str *sep, uint64_t bytes, wr_batch *out, wr_str *to,
                      wr_err *err) {
    char small[WR_STR_INLINE];
    char *text = bytes <= WR_STR_INLINE ? small : wr_arena_alloc(&out->arena, bytes), *at = text;
    if (!text) return wr_fail_oom(err, "LISTAGG");
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0) at = (char *)memcpy(at, wr_str_data(sep), sep->len) + sep->len;
        at = (char *)memcpy(at, wr_str_data(&l->items[i].text), l->items[i].text.len) + l->items[i].text.len;
    }
    *to = wr_str_make(text, bytes);
    return WR_OK;
}

static wr_status finish(const wr_agg_call *call, char *states, size_t stride, const uint32_t *gids,
                        uint32_t n, wr_batch *out, uint32_t c, uint64_t *failed, wr_err *err) {
    if (call->distinct) return wri_distinct_finish(call, states, stride, gids, n, out, c, failed, err);
    wr_col *col;
    wr_str sep = call->param.null ? wr_str_make(",", 1) : call->param.str;
    WR_TRY(wri_out(out, c, WR_STR, &col, err));
    for (uint32_t i = 0; i < n; i++) {
        wri_items *l = *WRI_STATE(wri_items *, states, stride, gids[i]);
        if (!l || l->n == 0) {
            WR_TRY(wri_out_null(out, col, i, err));
            continue;
        }
        uint64_t bytes = l->text_bytes + (uint64_t)sep.len * (l->n - 1);
        if (bytes > UINT32_MAX) { /* no string is that long */
            WR_TRY(wri_out_failed(out, col, i, failed, err));
            continue;
        }
        wri_items_sort(l);
        WR_TRY(join(l, &sep, bytes, out, &col->str[i], err));
    }
    return WR_OK;
}

#define LIST_DEF(sql, text, ex)                                                                              \
    {                                                                                                        \
        .name = sql, .signature = sql "([DISTINCT] text [, separator])", .doc = text, .example = ex,         \
        .min_args = 1, .max_args = 1, .takes_param = true, .needs_time = true, .bind = bind,                 \
        .update = update, .merge = wri_items_merge, .partial = wri_items_partial, .finish = finish,          \
        .combine = wri_items_combine, .destroy = wri_items_destroy,                                          \
    }
const wr_agg_def wr_agg_listagg =
    LIST_DEF("LISTAGG", "The texts in the order of event time, joined by the separator (a comma).",
             "LISTAGG(s, '+') = 'a+b+c'");
const wr_agg_def wr_agg_string_agg = LIST_DEF("STRING_AGG", "As LISTAGG.", "STRING_AGG(s) = 'a,b,c'");

/* planner/nodes/over.c -- an OVER adds a column per call; calls whose result nobody reads go. */
#include "nodes.h"

static bool over_need(wri_ctx *c, wr_node *n) {
    wr_node *in = n->in[0];
    uint32_t first = n->out.n - n->over.n_calls;
    (void)c;
    for (uint32_t i = 0; i < first; i++) wri_pass(n, i, in, i);
    for (uint32_t i = 0; i < n->over.n_keys; i++) wri_need(in, n->over.keys[i], false);
    for (uint32_t i = 0; i < n->over.n_order; i++) wri_need(in, n->over.order[i].col, false);
    for (uint32_t i = 0; i < n->over.n_calls; i++) {
        const wr_over_call *k = &n->over.calls[i];
        if (!wri_x(n)->need[first + i]) continue;
        for (uint32_t j = 0; j < k->agg.n_args; j++) wri_need(in, k->agg.args[j], false);
        wri_need(in, k->agg.filter, false);
        wri_need(in, k->agg.time, false);
        wri_need(in, k->default_col, false);
    }
    wri_need(in, n->over.order_time, false);
    wri_need(in, n->over.end_col, false);
    if (!n->over.complete || n->over.end_col != WR_NO_COL) wri_x(n)->need_wm = true;
    return true;
}

/* Takes calls that nobody reads out of n, whose columns stand behind `width` others. */
static void drop_calls(wr_node *n, const bool *need, uint32_t old, uint32_t width) {
    uint32_t to = 0, *map = wri_x(n)->map;
    for (uint32_t i = 0; i < n->over.n_calls; i++) {
        map[old + i] = need[old + i] ? width + to : WR_NO_COL;
        if (!need[old + i]) continue;
        n->out.fields[width + to] = n->out.fields[width + i];
        n->over.calls[to++] = n->over.calls[i];
    }
    n->over.n_calls = to;
    n->out.n = width + to;
}

static bool over_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    uint32_t old = n->out.n - n->over.n_calls;
    for (uint32_t i = 0; i < n->over.n_keys; i++) n->over.keys[i] = in[n->over.keys[i]];
    for (uint32_t i = 0; i < n->over.n_order; i++) n->over.order[i].col = in[n->over.order[i].col];
    for (uint32_t i = 0; i < n->over.n_calls; i++) {
        wr_over_call *k = &n->over.calls[i];
        if (!wri_x(n)->need[old + i]) continue;
        for (uint32_t j = 0; j < k->agg.n_args; j++) k->agg.args[j] = in[k->agg.args[j]];
        k->agg.filter = wri_at(in, k->agg.filter);
        k->agg.time = wri_at(in, k->agg.time);
        k->default_col = wri_at(in, k->default_col);
    }
    n->over.order_time = wri_at(in, n->over.order_time);
    n->over.end_col = wri_at(in, n->over.end_col);
    if (!wri_like_input(c, n, n->over.n_calls)) return false;
    drop_calls(n, wri_x(n)->need, old, n->out.n - n->over.n_calls);
    return true;
}

/* ---- EXPLAIN ---- */

static void put_bound(wri_ex *x, const wr_node *n, const wr_frame *f, bool hi) {
    static const char *const words[] = {"UNBOUNDED PRECEDING", " PRECEDING", "CURRENT ROW", " FOLLOWING",
                                        "UNBOUNDED FOLLOWING"};
    wr_bound_kind kind = hi ? f->hi : f->lo;
    int64_t by = hi ? f->hi_by : f->lo_by;
    double by_f64 = hi ? f->hi_f64 : f->lo_f64;
    if (kind == WR_B_PRECEDING || kind == WR_B_FOLLOWING) {
        uint32_t col =
            n->over.complete ? (n->over.n_order ? n->over.order[0].col : WR_NO_COL) : n->over.order_time;
        wr_type t = col < n->out.n ? n->out.fields[col].type : (wr_type){0};
        char text[WR_TEXT_MAX];
        if (!f->rows && (wr_kind_is_time((wr_kind)t.kind) || t.kind == WR_T_INTERVAL_DAY))
            WRI_PUT(x, "%s", wri_duration(&x->ar, by));
        else if (!f->rows && wr_type_phys(t) == WR_F64)
            WRI_PUT(x, "%.*s", (int)wr_write_f64(by_f64, text), text);
        else if (!f->rows && t.kind == WR_T_DECIMAL)
            WRI_PUT(x, "%.*s", (int)wr_write_decimal(by, t.scale, text), text);
        else WRI_PUT(x, "%lld", (long long)by);
    }
    WRI_PUT(x, "%s", words[kind]);
}

static void put_frame(wri_ex *x, const wr_node *n, const wr_frame *f) {
    if (f->lo == WR_B_UNBOUNDED_PRECEDING && f->hi == WR_B_UNBOUNDED_FOLLOWING) return;
    WRI_PUT(x, f->rows ? " ROWS " : " RANGE ");
    if (f->hi != WR_B_CURRENT) WRI_PUT(x, "BETWEEN ");
    put_bound(x, n, f, false);
    if (f->hi == WR_B_CURRENT) return;
    WRI_PUT(x, " AND ");
    put_bound(x, n, f, true);
}

static void put_call(wri_ex *x, const wr_node *n, const wr_over_call *k) {
    static const char *const names[] = {"",           "FIRST_VALUE",  "LAST_VALUE", "NTH_VALUE",
                                        "LAG",        "LEAD",         "ROW_NUMBER", "RANK",
                                        "DENSE_RANK", "PERCENT_RANK", "CUME_DIST",  "NTILE"};
    const wr_schema *in = &n->in[0]->out;
    if (k->fn == WR_O_AGG) {
        wri_tell_call(x, &k->agg, in);
        put_frame(x, n, &k->frame);
        return;
    }
    WRI_PUT(x, "%s(", names[k->fn]);
    if (k->agg.n_args) WRI_PUT(x, "%s", wri_col_name(in, k->agg.args[0]));
    if (k->fn == WR_O_NTH || k->fn == WR_O_LAG || k->fn == WR_O_LEAD) WRI_PUT(x, ", %lld", (long long)k->n);
    if (k->fn == WR_O_NTILE) WRI_PUT(x, "%lld", (long long)k->n);
    if (k->default_col != WR_NO_COL) WRI_PUT(x, ", %s", wri_col_name(in, k->default_col));
    WRI_PUT(x, ")%s%s", k->from_last ? " FROM LAST" : "", k->ignore_nulls ? " IGNORE NULLS" : "");
    if (k->fn <= WR_O_NTH) put_frame(x, n, &k->frame);
}

/* Whether something of every key is kept as long as the query runs. */
static bool keeps_keys(const wr_node *n) {
    bool keeps = false;
    for (uint32_t i = 0; i < n->over.n_calls; i++) {
        const wr_over_call *k = &n->over.calls[i];
        keeps = keeps || k->fn > WR_O_NTH || k->frame.rows || k->frame.lo == WR_B_UNBOUNDED_PRECEDING;
    }
    return keeps && !n->over.complete && n->over.n_keys > 0 && !n->bounded && n->over.ttl_us == 0;
}

static void over_explain(wri_ex *x, const wr_node *n) {
    const wr_schema *in = &n->in[0]->out;
    if (n->over.n_keys) {
        WRI_PUT(x, "by ");
        wri_tell_cols(x, in, n->over.keys, n->over.n_keys);
        WRI_PUT(x, " ");
    }
    if (!n->over.complete) WRI_PUT(x, "in order of %s", wri_col_name(in, n->over.order_time));
    else if (n->over.end_col != WR_NO_COL) WRI_PUT(x, "when the window closes");
    else WRI_PUT(x, "at the end of input");
    for (uint32_t i = 0; i < n->over.n_order; i++) {
        const wr_sort_key *k = &n->over.order[i];
        WRI_PUT(x, "%s%s%s", i ? ", " : ", order ", wri_col_name(in, k->col), k->desc ? " DESC" : "");
        if (k->nulls_first != k->desc) WRI_PUT(x, " NULLS %s", k->nulls_first ? "FIRST" : "LAST");
    }
    if (n->over.top)
        WRI_PUT(x, ", first %lld%s only", (long long)n->over.top,
                n->over.top_fn == WR_O_RANK ? " and ties" : "");
    for (uint32_t i = 0; i < n->over.n_calls; i++) {
        WRI_PUT(x, "%s", i ? ", " : ": ");
        put_call(x, n, &n->over.calls[i]);
    }
    if (n->over.ttl_us)
        WRI_PUT(x, "; a key is forgotten after %s without a row", wri_duration(&x->ar, n->over.ttl_us));
    if (!keeps_keys(n)) return;
    if (x->plan->settings.state_ttl_us)
        WRI_PUT(x, "; a key is forgotten after %s without a row",
                wri_duration(&x->ar, x->plan->settings.state_ttl_us));
    else WRI_PUT(x, "; keys are kept for ever (SET state_ttl)");
}

/* ---- the same in other plans ---- */

static void same_call(wri_same *x, const wr_node *n, const wr_over_call *k) {
    const wr_frame *f = &k->frame;
    wri_id_put(x, "{%d %d%d %d %d %lld %lld ", k->fn, f->rows, f->alone, f->lo, f->hi, (long long)f->lo_by,
               (long long)f->hi_by);
    wri_id_value(x, &(wr_value){.f64 = f->lo_f64}, WR_F64);
    wri_id_value(x, &(wr_value){.f64 = f->hi_f64}, WR_F64);
    wri_id_call(x, &k->agg, wri_id_of_cols(x, n->in[0]));
    wri_id_put(x, "%lld %d%d ", (long long)k->n, k->ignore_nulls, k->from_last);
    wri_id_col(x, n->in[0], k->default_col);
    wri_id_type(x, k->type);
}

static void over_same(wri_same *x, const wr_node *n) {
    const wr_node *in = n->in[0];
    wri_id_put(x, "%d %lld %lld %d%d ", n->over.complete, (long long)n->over.tick_us, (long long)n->over.top,
               n->over.top_fn, n->over.ties_last);
    if (n->over.ttl_us) wri_id_put(x, "%lld ", (long long)n->over.ttl_us);
    wri_id_cols(x, in, n->over.keys, n->over.n_keys);
    wri_id_order(x, in, n->over.order, n->over.n_order);
    wri_id_col(x, in, n->over.complete ? WR_NO_COL : n->over.order_time);
    wri_id_col(x, in, n->over.complete ? n->over.end_col : WR_NO_COL);
    for (uint32_t i = 0; i < n->over.n_calls; i++) same_call(x, n, &n->over.calls[i]);
}

static const uint32_t *over_keys(const wr_node *n, uint32_t *np) {
    *np = n->over.n_keys;
    return n->over.keys;
}

const wri_node_def wri_node_over = {.name = "OVER",
                                    .clause = "OVER",
                                    .need = over_need,
                                    .rebuild = over_rebuild,
                                    .explain = over_explain,
                                    .same = over_same,
                                    .same_col = wri_id_like_input,
                                    .label_keys = over_keys};

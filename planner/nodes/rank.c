/* planner/nodes/rank.c -- a RANK adds a column per rank; ranks that nobody reads go. */
#include "nodes.h"

static bool rank_need(wri_ctx *c, wr_node *n) {
    wr_node *in = n->in[0];
    wri_xnode *x = wri_x(n);
    uint32_t first = n->out.n - n->rank.n_fns;
    n->rank.shown = wri_new_n(c, first, sizeof *n->rank.shown);
    if (!n->rank.shown) return false;
    n->rank.n_shown = 0;
    for (uint32_t i = 0; i < first; i++) {
        if (x->need[i]) n->rank.shown[n->rank.n_shown++] = i;
        wri_pass(n, i, in, i);
    }
    for (uint32_t i = 0; i < n->rank.n_keys; i++) wri_need(in, n->rank.keys[i], false);
    for (uint32_t i = 0; i < n->rank.n_order; i++) wri_need(in, n->rank.order[i].col, false);
    for (uint32_t i = 0; n->rank.told != WR_TOLD_ANY && i < n->rank.n_ids; i++)
        wri_need(in, n->rank.ids[i], false);
    wri_need(in, n->rank.end_col, false);
    if (n->rank.end_col != WR_NO_COL || n->rank.ttl_us > 0) x->need_wm = true;
    return true;
}

static bool rank_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    wri_xnode *x = wri_x(n);
    uint32_t old = n->out.n - n->rank.n_fns, kept = 0;
    for (uint32_t i = 0; i < n->rank.n_keys; i++) n->rank.keys[i] = in[n->rank.keys[i]];
    for (uint32_t i = 0; i < n->rank.n_order; i++) n->rank.order[i].col = in[n->rank.order[i].col];
    for (uint32_t i = 0; i < n->rank.n_shown; i++) n->rank.shown[i] = in[n->rank.shown[i]];
    for (uint32_t i = 0; i < n->rank.n_ids; i++) {
        n->rank.ids[i] = in[n->rank.ids[i]];
        if (n->rank.ids[i] == WR_NO_COL) n->rank.has_ids = false;
    }
    n->rank.end_col = wri_at(in, n->rank.end_col);
    if (!wri_like_input(c, n, n->rank.n_fns)) return false;
    uint32_t width = n->out.n - n->rank.n_fns;
    for (uint32_t i = 0; i < n->rank.n_fns; i++) {
        bool needed = x->need[old + i];
        x->map[old + i] = needed ? width + kept : WR_NO_COL;
        if (!needed) continue;
        n->out.fields[width + kept] = n->out.fields[width + i];
        n->rank.fns[kept++] = n->rank.fns[i];
    }
    n->rank.n_fns = kept;
    n->out.n = width + kept;
    return true;
}

/* ---- EXPLAIN ---- */

static const char *rank_name(wr_over_fn fn) {
    return fn == WR_O_ROW_NUMBER ? "ROW_NUMBER" : fn == WR_O_RANK ? "RANK" : "DENSE_RANK";
}

static void put_top(wri_ex *x, const wr_node *n) {
    int64_t from = n->rank.from, to = n->rank.to;
    if (from <= 1 && to == INT64_MAX) return;
    WRI_PUT(x, ", %s ", rank_name(n->rank.top_fn));
    if (from == to) WRI_PUT(x, "%lld", (long long)to);
    else if (to == INT64_MAX) WRI_PUT(x, "%lld or more", (long long)from);
    else WRI_PUT(x, "%lld to %lld", (long long)(from > 1 ? from : 1), (long long)to);
    WRI_PUT(x, " only");
}

static void rank_explain(wri_ex *x, const wr_node *n) {
    const wr_schema *in = &n->in[0]->out;
    if (n->rank.n_keys) {
        WRI_PUT(x, "by ");
        wri_tell_cols(x, in, n->rank.keys, n->rank.n_keys);
        WRI_PUT(x, " ");
    }
    if (n->rank.each_batch) WRI_PUT(x, "as rows come");
    else WRI_PUT(x, n->rank.end_col != WR_NO_COL ? "when the window closes" : "at the end of input");
    for (uint32_t i = 0; i < n->rank.n_order; i++) {
        const wr_sort_key *k = &n->rank.order[i];
        WRI_PUT(x, "%s%s%s", i ? ", " : ", order ", wri_col_name(in, k->col), k->desc ? " DESC" : "");
        if (k->nulls_first != k->desc) WRI_PUT(x, " NULLS %s", k->nulls_first ? "FIRST" : "LAST");
    }
    put_top(x, n);
    for (uint32_t i = 0; i < n->rank.n_fns; i++)
        WRI_PUT(x, "%s%s", i ? ", " : ": ", rank_name(n->rank.fns[i]));
    if (n->rank.takes_back) WRI_PUT(x, "; takes rows back");
    if (n->rank.ttl_us)
        WRI_PUT(x, "; a key is forgotten after %s without a row", wri_duration(&x->ar, n->rank.ttl_us));
    else if (!n->bounded && n->rank.end_col == WR_NO_COL && n->rank.n_keys)
        WRI_PUT(x, "; keys are kept for ever (SET state_ttl)");
}

static bool takes_changes(const wr_node *n) { return n->rank.takes_back; }

static void rank_same(wri_same *x, const wr_node *n) {
    const wr_node *in = n->in[0];
    wri_id_cols(x, in, n->rank.keys, n->rank.n_keys);
    wri_id_order(x, in, n->rank.order, n->rank.n_order);
    for (uint32_t i = 0; i < n->rank.n_fns; i++) wri_id_put(x, "%d ", n->rank.fns[i]);
    wri_id_put(x, "%d %lld %lld %lld %d%d%d%d%d ", n->rank.top_fn, (long long)n->rank.from,
               (long long)n->rank.to, (long long)n->rank.tick_us, n->rank.ties_last, n->rank.takes_back,
               n->rank.each_batch, n->rank.told, n->rank.has_ids);
    wri_id_col(x, in, n->rank.end_col);
    if (n->rank.has_ids) wri_id_cols(x, in, n->rank.ids, n->rank.n_ids);
    wri_id_cols(x, in, n->rank.shown, n->rank.n_shown);
}

static const uint32_t *rank_keys(const wr_node *n, uint32_t *np) {
    *np = n->rank.n_keys;
    return n->rank.keys;
}

static void rank_label(wri_ex *x, const wr_node *n) {
    WRI_PUT(x, "%s", n->rank.n_fns ? rank_name(n->rank.fns[0]) : rank_name(n->rank.top_fn));
}

const wri_node_def wri_node_rank = {.name = "RANK",
                                    .clause = "OVER",
                                    .need = rank_need,
                                    .rebuild = rank_rebuild,
                                    .explain = rank_explain,
                                    .same = rank_same,
                                    .same_col = wri_id_like_input,
                                    .label = rank_label,
                                    .label_keys = rank_keys,
                                    .takes_changes = takes_changes};

/* planner/nodes/sort.c -- SORT and LIMIT over bounded input, SORT_TIME along event time. */
#include "nodes.h"

static bool sort_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, in, i);
    for (uint32_t i = 0; i < n->sort.n_keys; i++) wri_need(in, n->sort.keys[i].col, false);
    if (n->kind == WR_N_SORT_TIME) wri_x(n)->need_wm = true;
    return true;
}

static bool sort_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    for (uint32_t i = 0; i < n->sort.n_keys; i++) n->sort.keys[i].col = in[n->sort.keys[i].col];
    return wri_like_input(c, n, 0);
}

static void sort_explain(wri_ex *x, const wr_node *n) {
    if (n->kind == WR_N_SORT_TIME) WRI_PUT(x, "as the watermark passes ");
    for (uint32_t i = 0; i < n->sort.n_keys; i++) {
        const wr_sort_key *k = &n->sort.keys[i];
        WRI_PUT(x, "%s%s%s", i ? ", " : "by ", wri_col_name(&n->out, k->col), k->desc ? " DESC" : "");
        if (k->nulls_first != k->desc) WRI_PUT(x, " NULLS %s", k->nulls_first ? "FIRST" : "LAST");
    }
    const char *sep = n->sort.n_keys ? " " : "";
    if (n->sort.limit >= 0) WRI_PUT(x, "%slimit %lld", sep, (long long)n->sort.limit);
    if (n->sort.offset)
        WRI_PUT(x, "%soffset %lld", n->sort.limit >= 0 ? " " : sep, (long long)n->sort.offset);
}

static void sort_same(wri_same *x, const wr_node *n) {
    wri_id_order(x, n->in[0], n->sort.keys, n->sort.n_keys);
    wri_id_put(x, "%lld %lld %lld %lld", (long long)n->sort.limit, (long long)n->sort.offset,
               (long long)n->sort.lag_us, (long long)n->sort.holds_us);
}

const wri_node_def wri_node_sort = {.name = "SORT",
                                    .clause = "ORDER BY",
                                    .need = sort_need,
                                    .rebuild = sort_rebuild,
                                    .explain = sort_explain,
                                    .same = sort_same,
                                    .same_col = wri_id_like_input};
const wri_node_def wri_node_sort_time = {.name = "SORT_TIME",
                                         .clause = "ORDER BY",
                                         .need = sort_need,
                                         .rebuild = sort_rebuild,
                                         .explain = sort_explain,
                                         .same = sort_same,
                                         .same_col = wri_id_like_input};
const wri_node_def wri_node_limit = {.name = "LIMIT",
                                     .need = sort_need,
                                     .rebuild = sort_rebuild,
                                     .explain = sort_explain,
                                     .same = sort_same,
                                     .same_col = wri_id_like_input};

/* planner/nodes/agg.c -- the two phases of an aggregation; calls whose result nobody reads go. */
#include "nodes.h"

static bool local_need(wri_ctx *c, wr_node *n) {
    wr_node *in = n->in[0];
    (void)c;
    for (uint32_t i = 0; i < n->agg.n_keys; i++) wri_need(in, n->agg.keys[i], false);
    for (uint32_t i = 0; i < n->agg.n_calls; i++) {
        const wr_agg_call *k = &n->agg.calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) wri_need(in, k->args[j], false);
        wri_need(in, k->filter, false);
        wri_need(in, k->time, false);
    }
    if (n->agg.win.kind == WR_W_NONE) return true;
    wri_need(in, n->agg.win.time_col, false);
    if (n->agg.win.kind == WR_W_ATTACHED) {
        wri_need(in, n->agg.win.start_col, false);
        wri_need(in, n->agg.win.end_col, false);
    }
    wri_x(n)->need_wm = true;
    return true;
}

static bool local_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    wr_win *w = &n->agg.win;
    for (uint32_t i = 0; i < n->agg.n_keys; i++) n->agg.keys[i] = in[n->agg.keys[i]];
    for (uint32_t i = 0; i < n->agg.n_calls; i++) {
        wr_agg_call *k = &n->agg.calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) k->args[j] = in[k->args[j]];
        k->filter = wri_at(in, k->filter);
        k->time = wri_at(in, k->time);
    }
    w->time_col = wri_at(in, w->time_col);
    w->start_col = wri_at(in, w->start_col);
    w->end_col = wri_at(in, w->end_col);
    return wri_same_columns(c, n);
}

/* ---- calls nobody reads ---- */

/* l: what made the partials that n has from column `first` on. */
static void keep_partials(wr_node *n, uint32_t first, const wr_node *l, const bool *keep) {
    uint32_t to = first, from = first;
    const int halves = l->agg.takes_back ? 2 : 1;
    for (int half = 0; half < halves; half++) {
        for (uint32_t i = 0; i < l->agg.n_calls; i++)
            for (uint32_t j = 0; j < l->agg.calls[i].n_partials; j++, from++)
                if (keep[i]) n->out.fields[to++] = n->out.fields[from];
        if (l->agg.takes_back) n->out.fields[to++] = n->out.fields[from++]; /* the number of rows */
    }
    n->out.n = to;
}

static uint32_t keep_calls(wr_node *n, const bool *keep) {
    uint32_t to = 0;
    for (uint32_t i = 0; i < n->agg.n_calls; i++)
        if (keep[i]) n->agg.calls[to++] = n->agg.calls[i];
    return to;
}

/* AGG_GLOBAL or AGG_CHANGES g over EXCHANGE over AGG_LOCAL or AGG_DELTA: drops the calls that need does not
 * name. */
static bool drop_calls(wri_ctx *c, wr_node *g) {
    wri_xnode *x = wri_x(g);
    wr_node *ex = g->in[0], *l = ex->in[0];
    uint32_t n = g->agg.n_calls, first = g->out.n - n;
    bool *keep = wri_new_n(c, n, sizeof *keep);
    if (!keep) return false;
    for (uint32_t i = 0; i < first; i++) x->map[i] = i;
    uint32_t to = first;
    for (uint32_t i = 0; i < n; i++) {
        keep[i] = x->need[first + i];
        x->map[first + i] = keep[i] ? to : WR_NO_COL;
        if (keep[i]) g->out.fields[to++] = g->out.fields[first + i];
    }
    uint32_t keys = (l->agg.win.kind == WR_W_ATTACHED ? 2 : 1) + l->agg.n_keys;
    keep_partials(l, keys, l, keep);
    keep_partials(ex, keys, l, keep);
    keep_calls(l, keep);
    g->agg.n_calls = l->agg.n_calls = keep_calls(g, keep);
    g->out.n = to;
    return true;
}

static bool global_need(wri_ctx *c, wr_node *n) {
    if (!drop_calls(c, n)) return false;
    wri_need_all(n->in[0]);
    if (n->agg.ttl_us > 0) wri_x(n)->need_wm = true; /* tells how long a key has been idle */
    return true;
}

/* drop_calls did it; the layout below is fixed. */
static bool global_rebuild(wri_ctx *c, wr_node *n) {
    (void)c;
    (void)n;
    return true;
}

/* Name of the result when it is more than what it is of. */
static void put_result(wri_ex *x, const wr_node *n, uint32_t col, const char *plain) {
    if ((n->kind == WR_N_AGG_GLOBAL || n->kind == WR_N_AGG_CHANGES) &&
        strcmp(n->out.fields[col].name, plain) != 0)
        WRI_PUT(x, "%s = ", n->out.fields[col].name);
}

static void put_when(wri_ex *x, const wr_node *n) {
    bool windows = n->agg.win.kind != WR_W_NONE;
    wri_tell_emits(x, windows && n->agg.each_batch, n->agg.every_us, n->agg.lateness_us);
    if (n->agg.takes_back) WRI_PUT(x, "; takes rows back");
    if (n->agg.ttl_us) WRI_PUT(x, "; forgets keys idle for %s", wri_duration(&x->ar, n->agg.ttl_us));
}

static void agg_explain(wri_ex *x, const wr_node *n) {
    bool local = n->kind == WR_N_AGG_LOCAL || n->kind == WR_N_AGG_DELTA;
    const wr_node *l = local ? n : n->in[0]->in[0]; /* GLOBAL over EXCHANGE over LOCAL */
    const wr_schema *rows = &l->in[0]->out;
    if (n->kind == WR_N_AGG_DELTA) WRI_PUT(x, "of each batch");
    else if (n->agg.win.kind == WR_W_NONE && n->agg.each_batch) WRI_PUT(x, "as rows come");
    else wri_tell_window(x, &n->agg.win, rows, local);
    uint32_t first = n->agg.win.kind == WR_W_NONE ? 0 : 3;
    for (uint32_t i = 0; i < n->agg.n_keys; i++) {
        WRI_PUT(x, "%s", i ? ", " : " by ");
        put_result(x, n, first + i, wri_col_name(rows, l->agg.keys[i]));
        WRI_PUT(x, "%s", wri_col_name(rows, l->agg.keys[i]));
    }
    for (uint32_t i = 0; i < n->agg.n_calls; i++) {
        wr_buf text = {0}, *out = x->out;
        x->out = &text;
        wri_tell_call(x, &l->agg.calls[i], rows);
        x->out = out;
        if (x->st == WR_OK) x->st = wr_buf_put(&text, "", 1);
        if (x->st == WR_OK) {
            WRI_PUT(x, "%s", i ? ", " : ": ");
            put_result(x, n, first + n->agg.n_keys + i, text.data);
            WRI_PUT(x, "%s", text.data);
        }
        wr_buf_free(&text);
    }
    put_when(x, n);
}

/* ---- the same in other plans ---- */

static void local_same(wri_same *x, const wr_node *n) {
    const wr_node *in = n->in[0];
    wri_id_win(x, &n->agg.win, in);
    wri_id_cols(x, in, n->agg.keys, n->agg.n_keys);
    for (uint32_t i = 0; i < n->agg.n_calls; i++) wri_id_call(x, &n->agg.calls[i], wri_id_of_cols(x, in));
    wri_id_put(x, "%d", n->agg.takes_back);
}

/* The rest is its AGG_LOCAL's or AGG_DELTA's. How long idle keys are kept is no matter of what is kept. */
static void global_same(wri_same *x, const wr_node *n) {
    wri_id_put(x, "%d%d %lld %lld", n->agg.each_batch, n->agg.takes_back, (long long)n->agg.every_us,
               (long long)n->agg.lateness_us);
}

static void agg_label(wri_ex *x, const wr_node *n) { wri_label_window(x, &n->agg.win); }

static const uint32_t *agg_keys(const wr_node *n, uint32_t *np) {
    const wr_node *l = n->in[0]->in[0];
    *np = l->agg.n_keys;
    return l->agg.keys;
}

const wri_node_def wri_node_agg_local = {.name = "AGG_LOCAL",
                                         .clause = "GROUP BY",
                                         .need = local_need,
                                         .rebuild = local_rebuild,
                                         .explain = agg_explain,
                                         .same = local_same};
const wri_node_def wri_node_agg_delta = {.name = "AGG_DELTA",
                                         .need = local_need,
                                         .rebuild = local_rebuild,
                                         .explain = agg_explain,
                                         .same = local_same,
                                         .takes_changes = wri_takes_any_change};
const wri_node_def wri_node_agg_global = {.name = "AGG_GLOBAL",
                                          .need = global_need,
                                          .rebuild = global_rebuild,
                                          .explain = agg_explain,
                                          .same = global_same,
                                          .label = agg_label,
                                          .label_keys = agg_keys};
const wri_node_def wri_node_agg_changes = {.name = "AGG_CHANGES",
                                           .need = global_need,
                                           .rebuild = global_rebuild,
                                           .explain = agg_explain,
                                           .same = global_same,
                                           .label = agg_label,
                                           .label_keys = agg_keys,
                                           .takes_changes = wri_takes_any_change};

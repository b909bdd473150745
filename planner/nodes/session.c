/* planner/nodes/session.c -- a SESSION gives rows the session they are in, or aggregates each session. A
 * STAGGER aggregates windows that rows begin: what holds for a SESSION without `rows` holds for it. */
#include "nodes.h"

static bool session_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    uint32_t results = 3 + n->session.n_keys;
    for (uint32_t i = 0; i < n->session.n_keys; i++) wri_need(in, n->session.keys[i], false);
    wri_need(in, n->session.win.time_col, false);
    wri_x(n)->need_wm = true;
    for (uint32_t i = 0; n->session.rows && i < in->out.n; i++) wri_pass(n, i, in, i);
    for (uint32_t i = 0; i < n->session.n_calls; i++) {
        const wr_agg_call *k = &n->session.calls[i];
        if (!wri_x(n)->need[results + i]) continue;
        for (uint32_t j = 0; j < k->n_args; j++) wri_need(in, k->args[j], false);
        wri_need(in, k->filter, false);
        wri_need(in, k->time, false);
    }
    return true;
}

/* Calls whose result nobody reads go. */
static bool session_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    wri_xnode *x = wri_x(n);
    n->session.win.time_col = in[n->session.win.time_col];
    for (uint32_t i = 0; i < n->session.n_keys; i++) n->session.keys[i] = in[n->session.keys[i]];
    if (n->session.rows) return wri_like_input(c, n, 3);
    uint32_t first = 3 + n->session.n_keys, kept = 0;
    for (uint32_t i = 0; i < first; i++) x->map[i] = i;
    for (uint32_t i = 0; i < n->session.n_calls; i++) {
        wr_agg_call k = n->session.calls[i];
        x->map[first + i] = x->need[first + i] ? first + kept : WR_NO_COL;
        if (!x->need[first + i]) continue;
        for (uint32_t j = 0; j < k.n_args; j++) k.args[j] = in[k.args[j]];
        k.filter = wri_at(in, k.filter);
        k.time = wri_at(in, k.time);
        n->out.fields[first + kept] = n->out.fields[first + i];
        n->session.calls[kept++] = k;
    }
    n->session.n_calls = kept;
    n->out.n = first + kept;
    return true;
}

static void session_explain(wri_ex *x, const wr_node *n) {
    const wr_schema *rows = &n->in[0]->out;
    wri_tell_window(x, &n->session.win, rows, true);
    if (n->session.n_keys) WRI_PUT(x, " by ");
    wri_tell_cols(x, rows, n->session.keys, n->session.n_keys);
    if (n->session.rows) WRI_PUT(x, ", keeps the rows of open sessions");
    for (uint32_t i = 0; i < n->session.n_calls; i++) {
        WRI_PUT(x, "%s", i ? ", " : ": ");
        wri_tell_call(x, &n->session.calls[i], rows);
    }
    wri_tell_emits(x, n->session.each_batch, n->session.every_us, n->session.lateness_us);
}

static void session_same(wri_same *x, const wr_node *n) {
    const wr_node *in = n->in[0];
    wri_id_win(x, &n->session.win, in);
    wri_id_cols(x, in, n->session.keys, n->session.n_keys);
    for (uint32_t i = 0; i < n->session.n_calls; i++)
        wri_id_call(x, &n->session.calls[i], wri_id_of_cols(x, in));
    wri_id_put(x, "%d%d %lld %lld", n->session.rows, n->session.each_batch, (long long)n->session.every_us,
               (long long)n->session.lateness_us);
}

static uint64_t session_col(wri_same *x, const wr_node *n, uint32_t i) {
    return n->session.rows ? wri_id_like_input(x, n, i) : wri_id_of(x, "made", wri_id_rows(x, n), i);
}

static void session_label(wri_ex *x, const wr_node *n) { wri_label_window(x, &n->session.win); }

static const uint32_t *session_keys(const wr_node *n, uint32_t *np) {
    *np = n->session.n_keys;
    return n->session.keys;
}

const wri_node_def wri_node_session = {.name = "SESSION",
                                       .need = session_need,
                                       .rebuild = session_rebuild,
                                       .explain = session_explain,
                                       .same = session_same,
                                       .same_col = session_col,
                                       .label = session_label,
                                       .label_keys = session_keys,
                                       .clause = "a SESSION window"};
const wri_node_def wri_node_stagger = {.name = "STAGGER",
                                       .need = session_need,
                                       .rebuild = session_rebuild,
                                       .explain = session_explain,
                                       .same = session_same,
                                       .same_col = session_col,
                                       .label = session_label,
                                       .label_keys = session_keys,
                                       .clause = "WINDOWED BY STAGGER"};

/* planner/nodes/join.c -- the joins: two inputs, exchanged alike.
 *
 * Columns of the result that nobody reads go. What only the residual condition reads stays in the pair,
 * behind the columns of the result. */
#include "nodes.h"

typedef struct marking {
    bool *on;
} marking;
static void mark_col(void *ctx, uint32_t col) { ((marking *)ctx)->on[col] = true; }

/* Which columns of the pair are there afterwards. NULL sets oom. */
static bool *pair_use(wri_ctx *c, const wr_node *n) {
    bool *use = wri_new_n(c, n->join.pair.n, sizeof *use);
    if (!use) return NULL;
    if (n->join.residual) wri_expr_cols(n->join.residual, mark_col, &(marking){.on = use});
    for (uint32_t i = 0; i < n->out.n; i++) use[i] = use[i] || wri_x(n)->need[i];
    return use;
}

static void need_pair(wri_ctx *c, wr_node *n) {
    const bool *use = pair_use(c, n);
    for (uint32_t i = 0; use && i < n->join.pair.n; i++) {
        wr_join_col f = n->join.from[i];
        if (use[i] && f.side != WR_JOIN_OWN) wri_need(n->in[f.side], f.col, false);
    }
    for (uint32_t i = 0; use && i < n->out.n; i++) wri_x(n)->need[i] = use[i];
    for (uint32_t s = 0; s < 2; s++)
        for (uint32_t i = 0; i < n->join.n_keys; i++) wri_need(n->in[s], n->join.keys[s][i], false);
}

static bool table_need(wri_ctx *c, wr_node *n) {
    need_pair(c, n);
    return !c->oom;
}

static bool timed_need(wri_ctx *c, wr_node *n) {
    need_pair(c, n);
    for (uint32_t s = 0; s < 2; s++) wri_need(n->in[s], n->join.time_cols[s], false);
    wri_x(n)->need_wm = n->join.time_cols[0] != WR_NO_COL;
    return !c->oom;
}

static bool join_rebuild(wri_ctx *c, wr_node *n) {
    uint32_t to = 0, old = n->join.pair.n, *place = wri_new_n(c, old, sizeof *place);
    bool *use = pair_use(c, n);
    if (!place || !use) return false;
    for (uint32_t i = 0; i < old; i++) {
        place[i] = use[i] ? to : WR_NO_COL;
        if (!use[i]) continue;
        wr_join_col f = n->join.from[i];
        if (f.side != WR_JOIN_OWN) f.col = wri_x(n->in[f.side])->map[f.col];
        n->join.from[to] = f;
        n->join.pair.fields[to++] = n->join.pair.fields[i];
    }
    n->join.pair.n = to;
    wri_compact_fields(n);
    for (uint32_t s = 0; s < 2; s++) {
        const uint32_t *map = wri_x(n->in[s])->map;
        for (uint32_t i = 0; i < n->join.n_keys; i++) n->join.keys[s][i] = map[n->join.keys[s][i]];
        n->join.time_cols[s] = wri_at(map, n->join.time_cols[s]);
    }
    if (n->join.residual) n->join.residual = wri_moved(c, n->join.residual, place);
    return !c->oom;
}

/* ---- EXPLAIN ---- */

static const char *type_name(const wr_node *n) {
    static const char *const names[] = {"inner", "left", "right", "full", "semi", "anti"};
    if (n->join.type == WR_JOIN_ANTI && n->join.null_aware) return "anti (NOT IN)";
    return names[n->join.type];
}

static void tell_keys(wri_ex *x, const wr_node *n) {
    WRI_PUT(x, "%s", type_name(n));
    for (uint32_t i = 0; i < n->join.n_keys; i++)
        WRI_PUT(x, "%s%s = %s%s", i ? ", " : " on ", wri_col_name(&n->in[0]->out, n->join.keys[0][i]),
                wri_col_name(&n->in[1]->out, n->join.keys[1][i]),
                n->join.null_eq[i] ? " (NULL equals NULL)" : "");
    if (n->join.n_keys == 0) WRI_PUT(x, ", every row with every row");
}

static void tell_residual(wri_ex *x, const wr_node *n) {
    if (!n->join.residual) return;
    WRI_PUT(x, ", if ");
    wri_tell_expr(x, n->join.residual, &n->join.pair);
    wri_tell_runs_on(x, n->join.residual, &n->join.pair);
}

static const char *time_name(const wr_node *n, uint32_t side) {
    return wri_col_name(&n->in[side]->out, n->join.time_cols[side]);
}

static void window_explain(wri_ex *x, const wr_node *n) {
    tell_keys(x, n);
    tell_residual(x, n);
    WRI_PUT(x, ", when the window closes");
}

static void interval_explain(wri_ex *x, const wr_node *n) {
    tell_keys(x, n);
    if (n->join.time_cols[0] == WR_NO_COL) WRI_PUT(x, ", rows kept for ever");
    else {
        const char *l = time_name(n, 0), *r = time_name(n, 1);
        WRI_PUT(x, ", %s - %s from %s to %s", l, r, wri_duration(&x->ar, n->join.lo_us),
                wri_duration(&x->ar, n->join.hi_us));
    }
    tell_residual(x, n);
    if (n->join.early) WRI_PUT(x, ", padded with NULLs until they match");
    if (n->join.recent) WRI_PUT(x, ", ROWTIME of the later");
}

static void recent_explain(wri_ex *x, const wr_node *n) {
    tell_keys(x, n);
    for (uint32_t s = 0; s < 2; s++) {
        int64_t us = s ? n->join.hi_us : -n->join.lo_us;
        WRI_PUT(x, ", of #%u ", n->in[s]->id);
        if (n->join.last[s] >= 0) WRI_PUT(x, "the last %lld rows", (long long)n->join.last[s] + 1);
        else if (us > 0) WRI_PUT(x, "the last %s", wri_duration(&x->ar, us));
        else WRI_PUT(x, "the current row");
    }
    tell_residual(x, n);
    WRI_PUT(x, ", ROWTIME of the later");
}

static void version_explain(wri_ex *x, const wr_node *n) {
    tell_keys(x, n);
    WRI_PUT(x, ", latest version by %s as of %s", time_name(n, 1), time_name(n, 0));
    tell_residual(x, n);
}

bool wr_join_reloads(const wr_node *join) {
    if (join->in[0]->bounded || join->in[1]->kind != WR_N_EXCHANGE) return false;
    const wr_node *n = join->in[1]->in[0];
    while (n->kind == WR_N_FILTER || n->kind == WR_N_PROJECT) n = n->in[0];
    return n->kind == WR_N_SOURCE && n->source.stream->reloads;
}

static void table_explain(wri_ex *x, const wr_node *n) {
    tell_keys(x, n);
    tell_residual(x, n);
    WRI_PUT(x, "; #%u is read first and kept%s", n->in[1]->id,
            wr_join_reloads(n) ? ", and read anew when it changes" : "");
}

static void changes_explain(wri_ex *x, const wr_node *n) {
    tell_keys(x, n);
    tell_residual(x, n);
    WRI_PUT(x, ", corrected as either side changes");
}

static void lookup_explain(wri_ex *x, const wr_node *n) {
    tell_keys(x, n);
    tell_residual(x, n);
    WRI_PUT(x, "; #%u is asked for the keys of each batch", n->in[1]->id);
}

/* ---- the same in other plans ---- */

static uint64_t pair_col(wri_same *x, const wr_node *n, uint32_t i) {
    wr_join_col f = n->join.from[i];
    return wri_id_of(x, "side", f.side, f.side == WR_JOIN_OWN ? 0 : wri_id_of_cols(x, n->in[f.side])[f.col]);
}

static void same_residual(wri_same *x, const wr_node *n) {
    uint64_t *cols = wr_arena_alloc(&x->ar, (n->join.pair.n + 1) * sizeof *cols);
    if (!cols) {
        x->st = WR_ENOMEM;
        return;
    }
    for (uint32_t i = 0; i < n->join.pair.n; i++) cols[i] = pair_col(x, n, i);
    wri_id_expr(x, n->join.residual, cols);
}

static void join_same(wri_same *x, const wr_node *n) {
    wri_id_put(x, "%d%d%d %lld %lld %lld %d ", n->join.type, n->join.early, n->join.null_aware,
               (long long)n->join.lo_us, (long long)n->join.hi_us, (long long)n->join.tick_us,
               n->in[0]->bounded);
    for (uint32_t s = 0; s < 2; s++) {
        wri_id_cols(x, n->in[s], n->join.keys[s], n->join.n_keys);
        wri_id_col(x, n->in[s], n->join.time_cols[s]);
        if (n->in[s]->kind == WR_N_EXCHANGE) wri_id_put(x, "to %d ", n->in[s]->exchange.mode);
    }
    if (n->join.recent)
        wri_id_put(x, "OVER %lld %lld ", (long long)n->join.last[0], (long long)n->join.last[1]);
    for (uint32_t i = 0; i < n->join.n_keys; i++) wri_id_put(x, "%d", n->join.null_eq[i]);
    for (uint32_t i = 0; i < n->join.pair.n; i++) { /* what is kept, in this order */
        wri_id_put(x, "%016llx ", (unsigned long long)pair_col(x, n, i));
        wri_id_type(x, n->join.pair.fields[i].type);
    }
    same_residual(x, n);
}

/* Rows of a TEMPORAL_JOIN wait as they came, those of the others as they are in pairs. */
#define SAME .same = join_same, .same_col = pair_col

const wri_node_def wri_node_join_window = {.name = "WINDOW_JOIN",
                                           .need = timed_need,
                                           .rebuild = join_rebuild,
                                           .explain = window_explain,
                                           SAME,
                                           .views = true,
                                           .clause = "JOIN"};
const wri_node_def wri_node_join_interval = {.name = "INTERVAL_JOIN",
                                             .need = timed_need,
                                             .rebuild = join_rebuild,
                                             .explain = interval_explain,
                                             SAME,
                                             .views = true,
                                             .clause = "JOIN"};
const wri_node_def wri_node_join_recent = {.name = "RECENT_JOIN",
                                           .need = timed_need,
                                           .rebuild = join_rebuild,
                                           .explain = recent_explain,
                                           SAME,
                                           .views = true,
                                           .clause = "JOIN"};
const wri_node_def wri_node_join_version = {.name = "TEMPORAL_JOIN",
                                            .need = timed_need,
                                            .rebuild = join_rebuild,
                                            .explain = version_explain,
                                            SAME,
                                            .clause = "JOIN"};
const wri_node_def wri_node_join_table = {.name = "TABLE_JOIN",
                                          .need = table_need,
                                          .rebuild = join_rebuild,
                                          .explain = table_explain,
                                          SAME,
                                          .views = true,
                                          .clause = "JOIN"};
const wri_node_def wri_node_join_lookup = {.name = "LOOKUP_JOIN",
                                           .need = table_need,
                                           .rebuild = join_rebuild,
                                           .explain = lookup_explain,
                                           SAME,
                                           .views = true,
                                           .clause = "JOIN"};
const wri_node_def wri_node_join_changes = {.name = "CHANGES_JOIN",
                                            .need = table_need,
                                            .rebuild = join_rebuild,
                                            .explain = changes_explain,
                                            SAME,
                                            .views = true,
                                            .takes_changes = wri_takes_any_change,
                                            .clause = "JOIN"};

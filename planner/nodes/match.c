/* planner/nodes/match.c -- MATCH_RECOGNIZE; values that no measure is made of go. */
#include "nodes.h"

static uint32_t first_value(const wr_node *n) {
    return n->match->all_rows ? n->match->n_in : n->match->n_keys;
}

typedef struct reading {
    wr_node *in;
    uint32_t n_in;
} reading;
static void read_ext(void *ctx, uint32_t col) {
    const reading *r = ctx;
    if (col < r->n_in) wri_need(r->in, col, false); /* others are made here */
}

static void need_value(const wr_match_spec *s, wr_node *in, const wr_match_value *v) {
    reading r = {.in = in, .n_in = s->n_in};
    if (v->what == WR_MATCH_NAV) read_ext(&r, v->col);
    if (v->what != WR_MATCH_AGG) return;
    const wr_agg_call *k = &s->calls[v->call];
    for (uint32_t j = 0; j < k->n_args; j++) read_ext(&r, k->args[j]);
    read_ext(&r, k->filter);
}

static bool match_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    const wr_match_spec *s = n->match;
    reading r = {.in = in, .n_in = s->n_in};
    for (uint32_t i = 0; i < s->n_keys; i++) wri_need(in, s->keys[i], false);
    for (uint32_t i = 0; i < s->n_order; i++) wri_need(in, s->order[i].col, false);
    for (uint32_t i = 0; i < s->n_prevs; i++) wri_need(in, s->prevs[i].col, false);
    for (uint32_t i = 0; i < s->n_vars; i++)
        if (s->vars[i].whole) wri_expr_cols(s->vars[i].whole, read_ext, &r);
    for (uint32_t i = 0; i < s->n_dvalues; i++) need_value(s, in, &s->dvalues[i]);
    for (uint32_t i = 0; i < s->n_values; i++)
        if (wri_x(n)->need[first_value(n) + i]) need_value(s, in, &s->values[i]);
    for (uint32_t i = 0; s->all_rows && i < s->n_in; i++) wri_pass(n, i, in, i);
    wri_need(in, s->time_col, false);
    wri_x(n)->need_wm = true;
    return true;
}

/* ---- renumbering ---- */

/* Calls that no value is left of go. */
static bool keep_calls(wri_ctx *c, wr_match_spec *s) {
    uint32_t *at = wri_new_n(c, s->n_calls, sizeof *at), to = 0;
    bool *used = wri_new_n(c, s->n_calls, sizeof *used);
    if (!at || !used) return false;
    for (uint32_t i = 0; i < s->n_values; i++)
        if (s->values[i].what == WR_MATCH_AGG) used[s->values[i].call] = true;
    for (uint32_t i = 0; i < s->n_dvalues; i++)
        if (s->dvalues[i].what == WR_MATCH_AGG) used[s->dvalues[i].call] = true;
    for (uint32_t i = 0; i < s->n_calls; i++) {
        at[i] = to;
        if (used[i]) s->calls[to++] = s->calls[i];
    }
    s->n_calls = to;
    for (uint32_t i = 0; i < s->n_values; i++)
        if (s->values[i].what == WR_MATCH_AGG) s->values[i].call = at[s->values[i].call];
    for (uint32_t i = 0; i < s->n_dvalues; i++)
        if (s->dvalues[i].what == WR_MATCH_AGG) s->dvalues[i].call = at[s->dvalues[i].call];
    return true;
}

/* Input columns of n come first or not at all, then the values that are needed, then the time. */
static bool rebuild_out(wri_ctx *c, wr_node *n, const uint32_t *in_map) {
    wri_xnode *x = wri_x(n);
    wr_match_spec *s = n->match;
    const wr_schema *in = &n->in[0]->out;
    uint32_t first = first_value(n), width = s->all_rows ? in->n : s->n_keys, to = 0;
    wr_field *fields = wri_new_n(c, width + s->n_values + 1, sizeof *fields);
    if (!fields) return false;
    for (uint32_t i = 0; i < width; i++) {
        fields[i] = s->all_rows ? in->fields[i] : n->out.fields[i];
        fields[i].path = NULL;
    }
    for (uint32_t i = 0; i < first; i++) x->map[i] = s->all_rows ? in_map[i] : i;
    for (uint32_t i = 0; i < s->n_values; i++) {
        x->map[first + i] = x->need[first + i] ? width + to : WR_NO_COL;
        if (!x->need[first + i]) continue;
        fields[width + to] = n->out.fields[first + i];
        s->values[to++] = s->values[i];
    }
    if (!s->all_rows) {
        x->map[first + s->n_values] = width + to;
        fields[width + to] = n->out.fields[first + s->n_values];
    }
    s->n_values = to;
    n->out = (wr_schema){.n = width + to + !s->all_rows, .fields = fields};
    return true;
}

/* ext without the input columns that are gone; *mapp: old number -> new. */
static bool rebuild_ext(wri_ctx *c, wr_node *n, const uint32_t *in_map, uint32_t **mapp) {
    wr_match_spec *s = n->match;
    const wr_schema *in = &n->in[0]->out;
    uint32_t made = s->ext.n - s->n_in, *map = wri_new_n(c, s->ext.n, sizeof *map);
    wr_field *fields = wri_new_n(c, in->n + made, sizeof *fields);
    if (!map || !fields) return false;
    for (uint32_t i = 0; i < in->n; i++) fields[i] = in->fields[i];
    for (uint32_t i = 0; i < s->n_in; i++) map[i] = in_map[i];
    for (uint32_t i = 0; i < made; i++) {
        map[s->n_in + i] = in->n + i;
        fields[in->n + i] = s->ext.fields[s->n_in + i];
    }
    s->n_in = in->n;
    s->ext = (wr_schema){.n = in->n + made, .fields = fields};
    *mapp = map;
    return true;
}

static bool move_expr(wri_ctx *c, wr_expr **ep, const uint32_t *map) {
    if (*ep) *ep = wri_moved(c, *ep, map);
    return !c->oom;
}

static void move_values(wr_match_value *v, uint32_t n, const uint32_t *map) {
    for (uint32_t i = 0; i < n; i++)
        if (v[i].what == WR_MATCH_NAV) v[i].col = map[v[i].col];
}

static bool match_rebuild(wri_ctx *c, wr_node *n) {
    wr_match_spec *s = n->match;
    const uint32_t *in_map = wri_x(n->in[0])->map;
    uint32_t *map;
    if (!rebuild_out(c, n, in_map) || !keep_calls(c, s) || !rebuild_ext(c, n, in_map, &map)) return false;
    for (uint32_t i = 0; i < s->n_keys; i++) s->keys[i] = map[s->keys[i]];
    for (uint32_t i = 0; i < s->n_order; i++) s->order[i].col = map[s->order[i].col];
    for (uint32_t i = 0; i < s->n_prevs; i++) s->prevs[i].col = map[s->prevs[i].col];
    for (uint32_t i = 0; i < s->n_calls; i++) {
        wr_agg_call *k = &s->calls[i];
        for (uint32_t j = 0; j < k->n_args; j++) k->args[j] = map[k->args[j]];
        k->filter = wri_at(map, k->filter);
    }
    for (uint32_t i = 0; i < s->n_vars; i++) {
        wr_match_var *v = &s->vars[i];
        if (!move_expr(c, &v->quick, map) || !move_expr(c, &v->slow, map) || !move_expr(c, &v->whole, map))
            return false;
    }
    move_values(s->values, s->n_values, map);
    move_values(s->dvalues, s->n_dvalues, map);
    s->time_col = map[s->time_col];
    return true;
}

/* ---- EXPLAIN ---- */

static void tell_skip(wri_ex *x, const wr_match_spec *s) {
    static const char *const texts[] = {"past the last row", "to the next row", "to the first",
                                        "to the last"};
    WRI_PUT(x, ", then skip %s", texts[s->skip]);
    const char *sep = " ";
    for (uint32_t i = 0; s->skip >= WR_SKIP_TO_FIRST && i < s->n_vars; i++)
        if (s->skip_vars >> i & 1) {
            WRI_PUT(x, "%s%s", sep, s->vars[i].name);
            sep = " or ";
        }
}

/* What asks for a key whose rows are all gone. */
static const char *why_kept(const wr_match_spec *s) {
    if (s->first) return "^";
    if (s->n_prevs) return "PREV";
    for (uint32_t i = 0; i < s->n_values; i++)
        if (s->values[i].what == WR_MATCH_NUMBER) return "MATCH_NUMBER";
    for (uint32_t i = 0; i < s->n_dvalues; i++)
        if (s->dvalues[i].what == WR_MATCH_NUMBER) return "MATCH_NUMBER";
    return NULL;
}

static void match_explain(wri_ex *x, const wr_node *n) {
    const wr_match_spec *s = n->match;
    WRI_PUT(x, "%s", s->pattern);
    if (s->n_keys) {
        WRI_PUT(x, " by ");
        wri_tell_cols(x, &s->ext, s->keys, s->n_keys);
    }
    WRI_PUT(x, " in order of %s", wri_col_name(&s->ext, s->time_col));
    for (uint32_t i = 0; i < s->n_order; i++)
        WRI_PUT(x, ", %s%s", wri_col_name(&s->ext, s->order[i].col), s->order[i].desc ? " DESC" : "");
    if (s->within_us) WRI_PUT(x, ", within %s", wri_duration(&x->ar, s->within_us));
    else if (!s->fixed) WRI_PUT(x, ", a match may wait for ever, and the watermark with it (no WITHIN)");
    else if (s->n_pos - (s->first > 0) > 2) WRI_PUT(x, ", rows of a match may wait for ever (no WITHIN)");
    if (s->ahead) WRI_PUT(x, ", a row waits for %u behind it (NEXT)", s->ahead);
    if (s->n_keys && why_kept(s)) WRI_PUT(x, ", keys are never forgotten (%s)", why_kept(s));
    WRI_PUT(x, ", %s", s->all_rows ? "all rows" : "one row");
    if (s->unmatched) WRI_PUT(x, ", with unmatched ones");
    if (s->omit_empty && s->empty) WRI_PUT(x, " but empty matches");
    tell_skip(x, s);
    for (uint32_t i = 0; i < s->n_vars; i++) {
        const wr_match_var *v = &s->vars[i];
        if (!v->whole) continue;
        WRI_PUT(x, "; %s when ", v->name);
        wri_tell_expr(x, v->whole, &s->ext);
        if (v->slow) WRI_PUT(x, " [row by row%s]", v->quick ? ", part of it by batch" : "");
        else wri_tell_runs_on(x, v->whole, &s->ext);
    }
}

/* ---- the same in other plans ---- */

/* Of what conditions are over: the input's columns, earlier rows' columns, values. */
static uint64_t *ext_cols(wri_same *x, const wr_node *n) {
    const wr_match_spec *s = n->match;
    uint64_t *cols = wr_arena_alloc(&x->ar, (s->ext.n + 1) * sizeof *cols);
    if (!cols) {
        x->st = WR_ENOMEM;
        return NULL;
    }
    memcpy(cols, wri_id_of_cols(x, n->in[0]), s->n_in * sizeof *cols);
    for (uint32_t i = 0; i < s->n_prevs; i++)
        cols[s->n_in + i] = wri_id_of(x, "prev", cols[s->prevs[i].col], s->prevs[i].back);
    for (uint32_t i = s->n_in + s->n_prevs; i < s->ext.n; i++) cols[i] = wri_id_of(x, "value", i, 0);
    return cols;
}

static void same_values(wri_same *x, const wr_match_value *v, uint32_t n, const uint64_t *cols) {
    wri_id_put(x, "%u ", n);
    for (uint32_t i = 0; i < n; i++, v++)
        wri_id_put(x, "{%d%d%d%d %016llx %u %u %u %016llx} ", v->what, v->last, v->final, v->self,
                   (unsigned long long)v->vars, v->offset, v->ahead, v->what == WR_MATCH_AGG ? v->call : 0,
                   v->what == WR_MATCH_NAV ? (unsigned long long)cols[v->col] : 0);
}

static void same_pattern(wri_same *x, const wr_match_spec *s) {
    for (uint32_t i = 0; i < s->n_pos; i++) {
        wri_id_put(x, "%u:%d(", s->pos[i].var, s->pos[i].excluded);
        for (uint32_t k = 0; k < s->pos[i].n_next; k++) wri_id_put(x, "%u ", s->pos[i].next[k]);
        wri_id_put(x, ")");
    }
    wri_id_put(x, "%u %u %lld %d %016llx %d%d%d%d%d%d ", s->first, s->ahead, (long long)s->within_us, s->skip,
               (unsigned long long)s->skip_vars, s->anchored, s->empty, s->fixed, s->all_rows, s->omit_empty,
               s->unmatched);
}

static void match_same(wri_same *x, const wr_node *n) {
    const wr_match_spec *s = n->match;
    const uint64_t *cols = ext_cols(x, n);
    if (!cols) return;
    wri_id_cols(x, n->in[0], s->keys, s->n_keys);
    wri_id_col(x, n->in[0], s->time_col);
    wri_id_order(x, n->in[0], s->order, s->n_order);
    same_pattern(x, s);
    for (uint32_t i = 0; i < s->n_vars; i++) {
        wri_id_name(x, s->vars[i].name);
        wri_id_expr(x, s->vars[i].whole, cols);
    }
    same_values(x, s->dvalues, s->n_dvalues, cols);
    same_values(x, s->values, s->n_values, cols);
    for (uint32_t i = 0; i < s->n_calls; i++) wri_id_call(x, &s->calls[i], cols);
}

static uint64_t match_col(wri_same *x, const wr_node *n, uint32_t i) {
    return n->match->all_rows ? wri_id_like_input(x, n, i) : wri_id_of(x, "made", wri_id_rows(x, n), i);
}

static const uint32_t *match_keys(const wr_node *n, uint32_t *np) {
    *np = n->match->n_keys;
    return n->match->keys;
}

const wri_node_def wri_node_match = {
    .name = "MATCH",
    .need = match_need,
    .rebuild = match_rebuild,
    .explain = match_explain,
    .same = match_same,
    .same_col = match_col,
    .label_keys = match_keys,
    .clause = "MATCH_RECOGNIZE",
};

/* planner/nodes/table_fn.c -- a TABLE_FN gives rows with columns added, or some rows per window. */
#include "nodes.h"

static uint32_t passed(const wr_node *n) { return n->table->window_us ? 0 : n->out.n - n->table->n_added; }

static bool fn_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    for (uint32_t i = 0; i < passed(n); i++) wri_pass(n, i, in, i);
    for (uint32_t i = 0; i < n->table->n_keys; i++) wri_need(in, n->table->keys[i], false);
    for (uint32_t i = 0; i < n->table->n_cols; i++) wri_need(in, n->table->cols[i], false);
    wri_need(in, n->table->time_col, false);
    wri_x(n)->need_wm = true;
    return true;
}

static bool fn_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    wr_table_call *k = n->table;
    for (uint32_t i = 0; i < k->n_keys; i++) k->keys[i] = in[k->keys[i]];
    for (uint32_t i = 0; i < k->n_cols; i++) k->cols[i] = in[k->cols[i]];
    k->time_col = in[k->time_col];
    return k->window_us ? wri_same_columns(c, n) : wri_like_input(c, n, k->n_added);
}

static void put_value(wri_ex *x, const wr_table_arg *a, const wr_value *v) {
    char text[WR_TEXT_MAX];
    switch (a->kind) {
    case 'i':
        WRI_PUT(x, "%lld", (long long)v->i64);
        break;
    case 'd':
        WRI_PUT(x, "%.*s", (int)wr_write_f64(v->f64, text), text);
        break;
    case 'b':
        WRI_PUT(x, v->i64 ? "TRUE" : "FALSE");
        break;
    case 't':
        WRI_PUT(x, "%s", wri_duration(&x->ar, v->i64));
        break;
    default:
        WRI_PUT(x, "'%.*s'", (int)v->str.len, wr_str_data(&v->str));
        break;
    }
}

static void fn_explain(wri_ex *x, const wr_node *n) {
    const wr_table_call *k = n->table;
    const wr_schema *in = &n->in[0]->out;
    WRI_PUT(x, "%s", k->fn->name);
    if (k->n_cols) WRI_PUT(x, " of ");
    wri_tell_cols(x, in, k->cols, k->n_cols);
    if (k->n_keys) WRI_PUT(x, " by ");
    wri_tell_cols(x, in, k->keys, k->n_keys);
    if (k->window_us) WRI_PUT(x, " in tumbling windows of %s", wri_duration(&x->ar, k->window_us));
    else WRI_PUT(x, " in order of %s", wri_col_name(in, k->time_col));
    for (uint32_t i = 0; k->fn->args[i].name; i++) {
        const wr_table_arg *a = &k->fn->args[i];
        if (a->kind == 'c' || a->kind == 'C' || k->args[i].v.null) continue;
        WRI_PUT(x, ", %s ", a->name);
        put_value(x, a, &k->args[i].v);
    }
    for (uint32_t i = 0; i < k->n_added; i++) WRI_PUT(x, "%s%s", i ? ", " : ": adds ", k->added[i].name);
    if (k->n_keys && !k->window_us && !n->bounded && !x->plan->settings.state_ttl_us)
        WRI_PUT(x, "; keys are kept for ever (SET state_ttl)");
}

static void fn_same(wri_same *x, const wr_node *n) {
    const wr_table_call *k = n->table;
    const wr_node *in = n->in[0];
    wri_id_name(x, k->fn->name);
    wri_id_cols(x, in, k->keys, k->n_keys);
    wri_id_cols(x, in, k->cols, k->n_cols);
    wri_id_col(x, in, k->time_col);
    wri_id_put(x, "%lld %u ", (long long)k->window_us, k->n_added);
    for (uint32_t i = 0; k->fn->args[i].name; i++) {
        char kind = k->fn->args[i].kind;
        if (kind == 'c' || kind == 'C') continue;
        wri_id_value(x, &k->args[i].v, kind == 'd' ? WR_F64 : kind == 's' ? WR_STR : WR_I64);
    }
    for (uint32_t i = 0; i < k->n_added; i++) wri_id_type(x, k->added[i].type);
}

static uint64_t fn_col(wri_same *x, const wr_node *n, uint32_t i) {
    return n->table->window_us ? wri_id_of(x, "made", wri_id_rows(x, n), i) : wri_id_like_input(x, n, i);
}

static void fn_label(wri_ex *x, const wr_node *n) { WRI_PUT(x, "%s", n->table->fn->name); }

static const uint32_t *fn_keys(const wr_node *n, uint32_t *np) {
    *np = n->table->n_keys;
    return n->table->keys;
}

const wri_node_def wri_node_table_fn = {.name = "TABLE_FN",
                                        .need = fn_need,
                                        .rebuild = fn_rebuild,
                                        .explain = fn_explain,
                                        .same = fn_same,
                                        .same_col = fn_col,
                                        .label = fn_label,
                                        .label_keys = fn_keys,
                                        .clause = "a table function"};

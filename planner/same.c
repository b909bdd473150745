/* planner/same.c -- which nodes of two plans are the same operator, so that one can go on with what the other
 * has kept.
 *
 *   rows(n)    a hash of what n computes and of rows() of its inputs: which rows come, whatever else they
 * carry col(n, i)  a hash of what column i is of such a row, down to the columns of streams same(n) rows(n)
 * and col() of all columns of its inputs, since rows that wait are kept as they came
 *
 * What an operator computes is told by its kind (wri_node_def.same) in terms of col(), never of names,
 * numbers or places of columns. A PROJECT and an EXCHANGE compute no rows: they are as if they were not
 * there. So what does not change what comes to an operator does not change what it is: other statements,
 * their order, columns that others read, formatting, workers, options of sinks. Operators that are the same
 * twice over are counted in the order of the script.
 *
 * The hashes are in snapshots: what changes them for an unchanged script makes people lose their state. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "nodes/nodes.h"

void wri_id_put(wri_same *x, const char *fmt, ...) {
    va_list ap;
    char text[512];
    if (x->st != WR_OK) return;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text) x->st = WR_ELIMIT; /* texts of any length go through _str */
    else x->st = wr_buf_put(&x->text, text, (size_t)n);
}

/* With its length, so that two texts cannot run into each other. */
void wri_id_str(wri_same *x, const char *s, size_t n) {
    wri_id_put(x, "%zu:", n);
    if (x->st == WR_OK) x->st = wr_buf_put(&x->text, s, n);
}
void wri_id_name(wri_same *x, const char *s) { wri_id_str(x, s ? s : "", s ? strlen(s) : 0); }

/* A hash of what is put between the two calls; they nest. */
static size_t begin(const wri_same *x) { return x->text.len; }
static uint64_t end(wri_same *x, size_t at) {
    uint64_t h = x->st == WR_OK ? wr_hash_bytes(x->text.data + at, x->text.len - at) : 0;
    x->text.len = at;
    return h;
}

uint64_t wri_id_of(wri_same *x, const char *what, uint64_t a, uint64_t b) {
    size_t at = begin(x);
    wri_id_put(x, "%s %016llx %016llx", what, (unsigned long long)a, (unsigned long long)b);
    return end(x, at);
}

uint64_t wri_id_rows(const wri_same *x, const wr_node *n) { return x->ids[n->id].rows; }
const uint64_t *wri_id_of_cols(const wri_same *x, const wr_node *n) { return x->ids[n->id].cols; }

/* ---- what nodes are told by ---- */

void wri_id_type(wri_same *x, wr_type t) {
    char text[WR_TEXT_MAX];
    wri_id_put(x, "%s/%d ", wr_type_print(t, text, sizeof text), wr_type_phys(t));
}

void wri_id_col(wri_same *x, const wr_node *in, uint32_t col) {
    if (col == WR_NO_COL) wri_id_put(x, "- ");
    else wri_id_put(x, "%016llx ", (unsigned long long)x->ids[in->id].cols[col]);
}

void wri_id_cols(wri_same *x, const wr_node *in, const uint32_t *cols, uint32_t n) {
    wri_id_put(x, "[%u ", n);
    for (uint32_t i = 0; i < n; i++) wri_id_col(x, in, cols[i]);
    wri_id_put(x, "] ");
}

void wri_id_value(wri_same *x, const wr_value *v, wr_phys phys) {
    uint64_t bits;
    if (v->null) wri_id_put(x, "null ");
    else if (phys == WR_STR) wri_id_str(x, wr_str_data(&v->str), v->str.len);
    else {
        memcpy(&bits, &v->i64, sizeof bits);
        wri_id_put(x, "%016llx ", (unsigned long long)bits);
    }
}

void wri_id_expr(wri_same *x, const wr_expr *e, const uint64_t *cols) {
    if (!e) {
        wri_id_put(x, "() ");
        return;
    }
    wri_id_put(x, "(%d ", e->kind);
    wri_id_type(x, e->type);
    if (e->kind == WR_X_CONST) wri_id_value(x, &e->value, wr_type_phys(e->type));
    if (e->kind == WR_X_COL) wri_id_put(x, "%016llx ", (unsigned long long)cols[e->col]);
    if (e->kind == WR_X_OP) {
        wri_id_put(x, "%s ", wr_op_name(e->op));
        if (e->op == WR_OP_FLOOR_UNIT || e->op == WR_OP_CEIL_UNIT || e->op == WR_OP_EXTRACT)
            wri_id_put(x, "%s ", wr_unit_name(e->unit));
    }
    if (e->kind == WR_X_FUNC) {
        wri_id_name(x, e->func->name);
        wri_id_name(x, e->func->extension);
    }
    for (uint32_t i = 0; i < e->n_args; i++) wri_id_expr(x, e->args[i], cols);
    wri_id_put(x, ") ");
}

void wri_id_win(wri_same *x, const wr_win *w, const wr_node *in) {
    wri_id_put(x, "w%d %lld %lld %lld %lld ", w->kind, (long long)w->size_us, (long long)w->slide_us,
               (long long)w->offset_us, (long long)w->tick_us);
    if (!in) return;
    wri_id_col(x, in, w->kind == WR_W_NONE ? WR_NO_COL : w->time_col);
    wri_id_col(x, in, w->kind == WR_W_ATTACHED ? w->start_col : WR_NO_COL);
    wri_id_col(x, in, w->kind == WR_W_ATTACHED ? w->end_col : WR_NO_COL);
}

static void put_cols_of(wri_same *x, const uint64_t *of, const uint32_t *cols, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        wri_id_put(x, "%016llx ", cols[i] == WR_NO_COL ? 0ULL : (unsigned long long)of[cols[i]]);
}

void wri_id_call(wri_same *x, const wr_agg_call *k, const uint64_t *cols) {
    wri_id_name(x, k->def ? k->def->name : "");
    if (!k->def) return;
    wri_id_put(x, "%d%d%d%d%d ", k->distinct, k->star, k->ignore_nulls, k->desc, k->multiset);
    wri_id_put(x, "[%u ", k->n_args);
    put_cols_of(x, cols, k->args, k->n_args);
    for (uint32_t i = 0; i < k->n_args; i++) wri_id_type(x, k->arg_types[i]);
    wri_id_put(x, "] ");
    put_cols_of(x, cols, &k->filter, 1);
    put_cols_of(x, cols, &k->time, 1);
    wri_id_value(x, &k->param, k->param_text ? WR_STR : WR_F64);
    wri_id_type(x, k->type);
}

void wri_id_order(wri_same *x, const wr_node *in, const wr_sort_key *keys, uint32_t n) {
    wri_id_put(x, "<%u ", n);
    for (uint32_t i = 0; i < n; i++) {
        wri_id_col(x, in, keys[i].col);
        wri_id_put(x, "%d%d ", keys[i].desc, keys[i].nulls_first);
    }
    wri_id_put(x, "> ");
}

/* Where a stream's rows are: its name, its connector, and those options that say which place is meant. */
void wri_id_place(wri_same *x, const wr_plan_stream *s) {
    wri_id_name(x, s->name);
    wri_id_name(x, s->connector);
    for (size_t c = 0; s->connector && c < x->reg->n_connectors; c++) {
        const wr_with *w = x->reg->connectors[c];
        if (strcasecmp(w->name, s->connector) != 0) continue;
        for (size_t i = 0; i < w->n_options; i++) {
            const char *value = w->options[i].def;
            if (!w->options[i].place) continue;
            for (size_t k = 0; k < s->n_options; k++)
                if (strcasecmp(s->options[k].key, w->options[i].name) == 0) value = s->options[k].value;
            if (!value && w->options[i].place_if_given) continue;
            wri_id_name(x, w->options[i].name);
            wri_id_name(x, value);
        }
    }
}

/* ---- columns ---- */

uint64_t wri_id_like_input(wri_same *x, const wr_node *n, uint32_t i) {
    uint32_t width = wri_width(n->in[0]);
    return i < width ? x->ids[n->in[0]->id].cols[i] : wri_id_of(x, "made", x->ids[n->id].rows, i - width);
}

uint64_t wri_id_computed(wri_same *x, const wr_expr *e, const uint64_t *cols) {
    if (e->kind == WR_X_COL) return cols[e->col];
    size_t at = begin(x);
    wri_id_expr(x, e, cols);
    return end(x, at);
}

/* ---- nodes ---- */

static void identify(wri_same *x, const wr_node *n) {
    const wri_node_def *def = wri_node_defs[n->kind];
    wri_same_id *id = &x->ids[n->id];
    size_t at = begin(x);
    if (def->same) {
        wri_id_put(x, "%s ", def->name);
        def->same(x, n);
        for (uint32_t k = 0; k < n->n_in && !def->same_place; k++)
            wri_id_put(x, "%016llx ", (unsigned long long)x->ids[n->in[k]->id].rows);
        id->rows = end(x, at);
    } else id->rows = x->ids[n->in[0]->id].rows;
    id->cols = wr_arena_alloc(&x->ar, (n->out.n + 1) * sizeof *id->cols);
    if (!id->cols) {
        x->st = WR_ENOMEM;
        return;
    }
    for (uint32_t i = 0; i < n->out.n && x->st == WR_OK; i++)
        id->cols[i] = def->same_col ? def->same_col(x, n, i) : wri_id_of(x, "made", id->rows, i);
}

/* rows(n) and, where rows of inputs are kept as they came, what they are made of. */
static uint64_t with_layout(wri_same *x, const wr_node *n) {
    size_t at = begin(x);
    wri_id_put(x, "%016llx ", (unsigned long long)x->ids[n->id].rows);
    for (uint32_t k = 0; k < n->n_in && !wri_node_defs[n->kind]->same_place; k++) {
        const wr_node *in = n->in[k];
        wri_id_put(x, "| %d ", in->places);
        for (uint32_t i = 0; i < wri_width(in) && !wri_node_defs[n->kind]->views; i++) {
            wri_id_col(x, in, i);
            wri_id_type(x, in->out.fields[i].type);
        }
    }
    return end(x, at);
}

static bool before(const wr_node *a, const wr_node *b) {
    return a->loc.at != b->loc.at ? a->loc.at < b->loc.at : a->id < b->id;
}

static wr_status name_all(wri_same *x, wr_plan_id *ids) {
    const wr_plan *p = x->plan;
    uint64_t *same = wr_arena_alloc(&x->ar, (p->n_nodes + 1) * sizeof *same);
    if (!same) return WR_ENOMEM;
    for (uint32_t i = 0; i < p->n_nodes; i++) same[i] = with_layout(x, p->nodes[i]);
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        uint32_t nth = 1;
        for (uint32_t k = 0; k < p->n_nodes; k++)
            nth += same[k] == same[i] && k != i && before(p->nodes[k], p->nodes[i]);
        snprintf(ids[i].same, sizeof ids[i].same, "%016llx.%u", (unsigned long long)same[i], nth);
        uint32_t time = p->nodes[i]->kind == WR_N_SOURCE ? p->nodes[i]->time_col : WR_NO_COL;
        if (time != WR_NO_COL)
            snprintf(ids[i].time, sizeof ids[i].time, "%016llx", (unsigned long long)x->ids[i].cols[time]);
    }
    return x->st;
}

wr_status wr_plan_identify(const wr_plan *plan, const wr_registry *reg, wr_arena *ar, wr_plan_id **idsp,
                           wr_err *err) {
    wri_same x = {.plan = plan, .reg = reg};
    wr_plan_id *ids = wr_arena_calloc(ar, (plan->n_nodes + 1) * sizeof *ids);
    x.ids = wr_arena_calloc(&x.ar, (plan->n_nodes + 1) * sizeof *x.ids);
    if (!ids || !x.ids) x.st = WR_ENOMEM;
    for (uint32_t i = 0; i < plan->n_nodes && x.st == WR_OK; i++) identify(&x, plan->nodes[i]);
    if (x.st == WR_OK) x.st = name_all(&x, ids);
    if (x.st == WR_OK) x.st = wri_label_all(plan, reg, ar, ids);
    wr_arena_free(&x.ar);
    wr_buf_free(&x.text);
    *idsp = x.st == WR_OK ? ids : NULL;
    return x.st == WR_OK ? WR_OK : wr_fail_oom(err, "the names of operators");
}

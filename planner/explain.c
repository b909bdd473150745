/* planner/explain.c -- a plan as text for people (tree), as JSON and as DOT.
 *
 * The tree starts at each sink; a node that several read is shown in full once and referred to by its
 * number afterwards. One node a line: number, kind, what it does, and in brackets its stage, whether it ends
 * by itself and where its event time is. All three forms take what a node does from one function. */
#ifndef _GNU_SOURCE
#endif
#include <string.h>
#include <strings.h>

#include "plan_int.h"

typedef struct ex {
    const wr_plan *plan;
    const wr_registry *reg;
    wr_buf *out;
    wr_arena ar;
    bool *seen;
    wr_status st; /* the first failure; nothing is written after it */
} ex;

#define PUT(x, ...)                                                                                          \
    do {                                                                                                     \
        if ((x)->st == WR_OK) (x)->st = wr_buf_printf((x)->out, __VA_ARGS__);                                \
    } while (0)

const char *wr_node_kind_name(wr_node_kind k) {
    static const char *const names[] = {[WR_N_SOURCE] = "SOURCE",     [WR_N_ERRORS] = "ERRORS",
                                        [WR_N_LATE] = "LATE",         [WR_N_VALUES] = "VALUES",
                                        [WR_N_FILTER] = "FILTER",     [WR_N_PROJECT] = "PROJECT",
                                        [WR_N_WINDOW] = "WINDOW",     [WR_N_AGG_LOCAL] = "AGG_LOCAL",
                                        [WR_N_EXCHANGE] = "EXCHANGE", [WR_N_AGG_GLOBAL] = "AGG_GLOBAL",
                                        [WR_N_UNION] = "UNION",       [WR_N_SORT] = "SORT",
                                        [WR_N_LIMIT] = "LIMIT",       [WR_N_SINK] = "SINK"};
    return (unsigned)k < WR_NODE_KINDS ? names[k] : "?";
}

/* ---- parts ---- */

static void put_expr(ex *x, const wr_expr *e, const wr_schema *in) {
    if (x->st == WR_OK) x->st = wr_expr_print(e, in, x->out);
}

/* "[kernel]" behind an expression that is more than a column or constant. */
static void put_runs_on(ex *x, const wr_expr *e, const wr_schema *in) {
    if (e->kind == WR_X_COL || e->kind == WR_X_CONST || !x->reg->runs_on) return;
    const char *on = x->reg->runs_on(e, in, &x->ar);
    if (on) PUT(x, " [%s]", on);
}

static void put_type(ex *x, wr_type t) {
    char text[WR_TEXT_MAX];
    PUT(x, "%s", wr_type_print(t, text, sizeof text));
}

static const char *col_name(const wr_schema *s, uint32_t col) {
    return col < s->n ? s->fields[col].name : "?";
}

static void put_cols(ex *x, const wr_schema *s, const uint32_t *cols, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) PUT(x, "%s%s", i ? ", " : "", col_name(s, cols[i]));
}

static bool is_secret(const char *key) {
    static const char *const words[] = {"password", "secret", "token", "credential"};
    for (size_t i = 0; i < WR_LEN(words); i++)
        if (strcasestr(key, words[i])) return true;
    return false;
}

static void put_options(ex *x, const wr_plan_stream *s) {
    for (size_t i = 0; i < s->n_options; i++)
        PUT(x, "%s%s = '%s'", i ? ", " : "", s->options[i].key,
            is_secret(s->options[i].key) ? "***" : s->options[i].value);
}

static void put_window(ex *x, const wr_win *w, const wr_schema *in, bool local) {
    static const char *const names[] = {"", "tumble", "hop", "cumulate", "attached"};
    if (w->kind == WR_W_NONE) {
        PUT(x, "at the end");
        return;
    }
    PUT(x, "%s(", names[w->kind]);
    if (w->kind == WR_W_ATTACHED) {
        if (local) PUT(x, "%s, %s)", col_name(in, w->start_col), col_name(in, w->end_col));
        else PUT(x, "window_start, window_end)");
        return;
    }
    if (local) PUT(x, "%s, ", col_name(in, w->time_col));
    if (w->kind == WR_W_HOP) PUT(x, "slide %s, ", wri_duration(&x->ar, w->slide_us));
    if (w->kind == WR_W_CUMULATE) PUT(x, "step %s, ", wri_duration(&x->ar, w->slide_us));
    PUT(x, "size %s", wri_duration(&x->ar, w->size_us));
    if (w->offset_us) PUT(x, ", offset %s", wri_duration(&x->ar, w->offset_us));
    PUT(x, ")");
}

/* ---- one function a kind ---- */

static void put_source(ex *x, const wr_node *n) {
    const wr_plan_stream *s = n->source.stream;
    PUT(x, "%s (", s->name);
    put_options(x, s);
    PUT(x, ") decodes ");
    for (uint32_t i = 0; i < n->source.n_cols; i++) {
        const wr_field *f = &n->out.fields[i];
        PUT(x, "%s%s ", i ? ", " : "", f->name);
        put_type(x, f->type);
        if (f->path) PUT(x, " FROM '%s'", f->path);
        if (n->source.cols[i] == WR_NO_COL) PUT(x, " (arrival time)");
        if (n->source.want_dict[i]) PUT(x, " (dictionary)");
    }
    if (n->source.n_cols == 0) PUT(x, "nothing");
    for (uint32_t i = 0; i < n->source.n_computed; i++) {
        PUT(x, "; computes %s = ", n->out.fields[n->source.n_cols + i].name);
        put_expr(x, n->source.computed[i], &n->out);
        put_runs_on(x, n->source.computed[i], &n->out);
    }
    if (n->source.wm) {
        PUT(x, "; watermark ");
        put_expr(x, n->source.wm, &n->out);
        if (s->idle_timeout_us) PUT(x, ", idle after %s", wri_duration(&x->ar, s->idle_timeout_us));
    }
    if (n->source.n_visible < n->out.n) {
        PUT(x, "; passes on ");
        for (uint32_t i = 0; i < n->source.n_visible; i++)
            PUT(x, "%s%s", i ? ", " : "", n->out.fields[i].name);
        if (n->source.n_visible == 0) PUT(x, "no column");
    }
    if (s->on_error_fail) PUT(x, "; fails on a bad record");
}

static void put_filter(ex *x, const wr_node *n) {
    const wr_schema *in = &n->in[0]->out;
    put_expr(x, n->filter.pred, in);
    put_runs_on(x, n->filter.pred, in);
    bool all = n->out.n == wri_width(n->in[0]);
    for (uint32_t i = 0; i < n->out.n; i++) all = all && n->filter.keep[i] == i;
    if (all) return;
    PUT(x, " keeps ");
    for (uint32_t i = 0; i < n->out.n; i++) {
        const char *from = col_name(in, n->filter.keep[i]);
        PUT(x, "%s%s", i ? ", " : "", n->out.fields[i].name);
        if (strcmp(from, n->out.fields[i].name) != 0) PUT(x, " = %s", from);
    }
    if (n->out.n == 0) PUT(x, "no column");
}

static void put_project(ex *x, const wr_node *n) {
    const wr_schema *in = &n->in[0]->out;
    for (uint32_t i = 0; i < n->out.n; i++) {
        const wr_expr *e = n->project.exprs[i];
        PUT(x, "%s%s", i ? ", " : "", n->out.fields[i].name);
        if (e->kind == WR_X_COL && strcmp(col_name(in, e->col), n->out.fields[i].name) == 0) continue;
        PUT(x, " = ");
        put_expr(x, e, in);
        put_runs_on(x, e, in);
    }
}

/* The call in terms of the columns that the local phase reads. */
static void put_call(ex *x, const wr_agg_call *k, const wr_schema *rows) {
    PUT(x, "%s(%s%s", k->def->name, k->distinct ? "DISTINCT " : "", k->star ? "*" : "");
    put_cols(x, rows, k->args, k->n_args);
    PUT(x, ")");
    if (k->desc) PUT(x, " DESC");
    if (k->ignore_nulls) PUT(x, " IGNORE NULLS");
    if (k->filter != WR_NO_COL) PUT(x, " FILTER %s", col_name(rows, k->filter));
}

/* Name of the result when it is more than what it is of. */
static void put_result(ex *x, const wr_node *n, uint32_t col, const char *plain) {
    if (n->kind == WR_N_AGG_GLOBAL && strcmp(n->out.fields[col].name, plain) != 0)
        PUT(x, "%s = ", n->out.fields[col].name);
}

static void put_agg(ex *x, const wr_node *n) {
    bool local = n->kind == WR_N_AGG_LOCAL;
    const wr_node *l = local ? n : n->in[0]->in[0]; /* GLOBAL over EXCHANGE over LOCAL */
    const wr_schema *rows = &l->in[0]->out;
    put_window(x, &n->agg.win, rows, local);
    uint32_t first = n->agg.win.kind == WR_W_NONE ? 0 : 3;
    for (uint32_t i = 0; i < n->agg.n_keys; i++) {
        PUT(x, "%s", i ? ", " : " by ");
        put_result(x, n, first + i, col_name(rows, l->agg.keys[i]));
        PUT(x, "%s", col_name(rows, l->agg.keys[i]));
    }
    for (uint32_t i = 0; i < n->agg.n_calls; i++) {
        wr_buf text = {0}, *out = x->out;
        x->out = &text;
        put_call(x, &l->agg.calls[i], rows);
        x->out = out;
        if (x->st == WR_OK) x->st = wr_buf_put(&text, "", 1);
        if (x->st == WR_OK) {
            PUT(x, "%s", i ? ", " : ": ");
            put_result(x, n, first + n->agg.n_keys + i, text.data);
            PUT(x, "%s", text.data);
        }
        wr_buf_free(&text);
    }
    if (local && n->agg.late) PUT(x, "; late rows to #%u", n->agg.late->id);
}

static void put_sort(ex *x, const wr_node *n) {
    for (uint32_t i = 0; i < n->sort.n_keys; i++) {
        const wr_sort_key *k = &n->sort.keys[i];
        PUT(x, "%s%s%s", i ? ", " : "by ", col_name(&n->out, k->col), k->desc ? " DESC" : "");
        if (k->nulls_first != k->desc) PUT(x, " NULLS %s", k->nulls_first ? "FIRST" : "LAST");
    }
    const char *sep = n->sort.n_keys ? " " : "";
    if (n->sort.limit >= 0) PUT(x, "%slimit %lld", sep, (long long)n->sort.limit);
    if (n->sort.offset) PUT(x, "%soffset %lld", n->sort.limit >= 0 ? " " : sep, (long long)n->sort.offset);
}

static void put_sink(ex *x, const wr_node *n) {
    const wr_plan_stream *s = n->sink.stream;
    if (!s) PUT(x, "standard output, of %s", n->sink.label);
    else {
        PUT(x, "%s (", s->name);
        put_options(x, s);
        PUT(x, "), of %s", n->sink.label);
    }
}

static void put_detail(ex *x, const wr_node *n) {
    switch (n->kind) {
    case WR_N_SOURCE:
        put_source(x, n);
        break;
    case WR_N_ERRORS:
        PUT(x, "rows that failed in this job");
        break;
    case WR_N_LATE:
        PUT(x, "late rows of %s", n->side.stream);
        break;
    case WR_N_VALUES:
        PUT(x, "%u row%s", n->values.n_rows, n->values.n_rows == 1 ? "" : "s");
        break;
    case WR_N_FILTER:
        put_filter(x, n);
        break;
    case WR_N_PROJECT:
        put_project(x, n);
        break;
    case WR_N_WINDOW:
        put_window(x, &n->window.win, &n->in[0]->out, true);
        break;
    case WR_N_AGG_LOCAL:
    case WR_N_AGG_GLOBAL:
        put_agg(x, n);
        break;
    case WR_N_EXCHANGE:
        if (n->exchange.mode == WR_EX_GATHER) PUT(x, "to one task");
        else {
            PUT(x, "by ");
            put_cols(x, &n->out, n->exchange.keys, n->exchange.n_keys);
        }
        PUT(x, ", stage %u to %u", n->in[0]->stage, n->stage);
        break;
    case WR_N_UNION:
        PUT(x, "of %u", n->n_in);
        break;
    case WR_N_SORT:
    case WR_N_LIMIT:
        put_sort(x, n);
        break;
    case WR_N_SINK:
        put_sink(x, n);
        break;
    default:
        break;
    }
}

/* ---- tree ---- */

static void put_tree(ex *x, const wr_node *n, uint32_t depth) {
    PUT(x, "%*s#%u %s", (int)(depth * 2), "", n->id, wr_node_kind_name(n->kind));
    if (x->seen[n->id]) {
        PUT(x, " (above)\n");
        return;
    }
    x->seen[n->id] = true;
    PUT(x, " ");
    put_detail(x, n);
    PUT(x, "  [stage %u, %s", n->stage, n->bounded ? "bounded" : "unbounded");
    if (n->time_col != WR_NO_COL) PUT(x, ", time %s", n->out.fields[n->time_col].name);
    PUT(x, "]\n");
    for (uint32_t i = 0; i < n->n_in; i++) put_tree(x, n->in[i], depth + 1);
}

static void tree(ex *x) {
    uint32_t n_sinks = 0;
    for (uint32_t i = 0; i < x->plan->n_nodes; i++) n_sinks += x->plan->nodes[i]->kind == WR_N_SINK;
    PUT(x, "%u node%s, %u stage%s, %u sink%s\n", x->plan->n_nodes, x->plan->n_nodes == 1 ? "" : "s",
        x->plan->n_stages, x->plan->n_stages == 1 ? "" : "s", n_sinks, n_sinks == 1 ? "" : "s");
    for (uint32_t i = 0; i < x->plan->n_nodes; i++)
        if (x->plan->nodes[i]->kind == WR_N_SINK) put_tree(x, x->plan->nodes[i], 0);
}

/* ---- JSON and DOT ---- */

static void put_quoted(ex *x, const char *p, size_t n) {
    PUT(x, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)p[i];
        if (ch == '"' || ch == '\\') PUT(x, "\\%c", ch);
        else if (ch == '\n') PUT(x, "\\n");
        else if (ch < 0x20) PUT(x, "\\u%04x", ch);
        else PUT(x, "%c", ch);
    }
    PUT(x, "\"");
}

/* What n does, quoted; prefix stands before it inside the quotes. */
static void put_quoted_detail(ex *x, const wr_node *n, const char *prefix) {
    wr_buf text = {0}, *out = x->out;
    x->out = &text;
    PUT(x, "%s", prefix);
    put_detail(x, n);
    x->out = out;
    put_quoted(x, text.data ? text.data : "", text.len);
    wr_buf_free(&text);
}

static void put_json_node(ex *x, const wr_node *n) {
    PUT(x, "{\"id\":%u,\"kind\":\"%s\",\"stage\":%u,\"inputs\":[", n->id, wr_node_kind_name(n->kind),
        n->stage);
    for (uint32_t i = 0; i < n->n_in; i++) PUT(x, "%s%u", i ? "," : "", n->in[i]->id);
    PUT(x, "],\"bounded\":%s,\"time\":", n->bounded ? "true" : "false");
    if (n->time_col == WR_NO_COL) PUT(x, "null");
    else put_quoted(x, n->out.fields[n->time_col].name, strlen(n->out.fields[n->time_col].name));
    PUT(x, ",\"detail\":");
    put_quoted_detail(x, n, "");
    PUT(x, ",\"columns\":[");
    for (uint32_t i = 0; i < n->out.n; i++) {
        char type[WR_TEXT_MAX];
        PUT(x, "%s{\"name\":", i ? "," : "");
        put_quoted(x, n->out.fields[i].name, strlen(n->out.fields[i].name));
        PUT(x, ",\"type\":\"%s\"}", wr_type_print(n->out.fields[i].type, type, sizeof type));
    }
    PUT(x, "]}");
}

static void json(ex *x) {
    PUT(x, "{\"stages\":%u,\"nodes\":[", x->plan->n_stages);
    for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
        PUT(x, "%s\n", i ? "," : "");
        put_json_node(x, x->plan->nodes[i]);
    }
    PUT(x, "\n]}\n");
}

static void dot(ex *x) {
    PUT(x, "digraph plan {\n  rankdir=BT;\n  node [shape=box, fontname=\"monospace\"];\n");
    for (uint32_t s = 0; s < x->plan->n_stages; s++) {
        PUT(x, "  subgraph cluster_%u {\n    label=\"stage %u\";\n", s, s);
        for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
            const wr_node *n = x->plan->nodes[i];
            if (n->stage != s) continue;
            const char *head = wr_arena_printf(&x->ar, "#%u %s\n", n->id, wr_node_kind_name(n->kind));
            if (!head) x->st = WR_ENOMEM;
            PUT(x, "    n%u [label=", n->id);
            put_quoted_detail(x, n, head ? head : "");
            PUT(x, "];\n");
        }
        PUT(x, "  }\n");
    }
    for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
        const wr_node *n = x->plan->nodes[i];
        for (uint32_t k = 0; k < n->n_in; k++) PUT(x, "  n%u -> n%u;\n", n->in[k]->id, n->id);
        if (n->kind == WR_N_AGG_LOCAL && n->agg.late)
            PUT(x, "  n%u -> n%u [style=dashed, label=\"late\"];\n", n->id, n->agg.late->id);
    }
    PUT(x, "}\n");
}

wr_status wr_plan_explain(const wr_plan *plan, const wr_registry *reg, wr_explain_form form, wr_buf *out) {
    ex x = {.plan = plan, .reg = reg, .out = out};
    x.seen = wr_arena_calloc(&x.ar, plan->n_nodes + 1);
    if (!x.seen) x.st = WR_ENOMEM;
    else if (form == WR_EXPLAIN_JSON) json(&x);
    else if (form == WR_EXPLAIN_DOT) dot(&x);
    else tree(&x);
    wr_arena_free(&x.ar);
    return x.st;
}

/* planner/explain.c -- a plan as text for people (tree), as JSON and as DOT.
 *
 * The tree starts at each sink; a node that several read is shown in full once and referred to by its
 * number afterwards. One node a line: number, kind, what it does, and in brackets its stage, whether it ends
 * by itself and where its event time is. All three forms take what a node does from one function. */
#ifndef _GNU_SOURCE
#endif
#include <string.h>
#include <strings.h>

#include "nodes/nodes.h"

const char *wr_node_kind_name(wr_node_kind k) {
    return (unsigned)k < WR_NODE_KINDS ? wri_node_defs[k]->name : "?";
}

/* ---- parts ---- */

void wri_tell_expr(wri_ex *x, const wr_expr *e, const wr_schema *in) {
    if (x->st == WR_OK) x->st = wr_expr_print(e, in, x->out);
}

/* "[kernel]" behind an expression that is more than a column or constant. */
void wri_tell_runs_on(wri_ex *x, const wr_expr *e, const wr_schema *in) {
    if (e->kind == WR_X_COL || e->kind == WR_X_CONST || !x->reg->runs_on) return;
    const char *on = x->reg->runs_on(e, in, &x->ar);
    if (on) WRI_PUT(x, " [%s]", on);
}

void wri_tell_type(wri_ex *x, wr_type t) {
    char text[WR_TEXT_MAX];
    WRI_PUT(x, "%s", wr_type_print(t, text, sizeof text));
}

void wri_tell_cols(wri_ex *x, const wr_schema *s, const uint32_t *cols, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) WRI_PUT(x, "%s%s", i ? ", " : "", wri_col_name(s, cols[i]));
}

static bool is_secret(const char *key) {
    static const char *const words[] = {"password", "secret", "token", "credential"};
    for (size_t i = 0; i < WR_LEN(words); i++)
        if (strcasestr(key, words[i])) return true;
    return false;
}

/* Whether a URL has a password in it: user:password@host, or password=…. */
static bool has_password(const char *value) {
    const char *host = strstr(value, "://"), *at = host ? strrchr(host, '@') : NULL,
               *colon = host ? strchr(host + 3, ':') : NULL;
    return strcasestr(value, "password") || (at && colon && colon < at);
}

bool wri_tells_value(const wr_kv *option) { return !is_secret(option->key) && !has_password(option->value); }

void wri_tell_options(wri_ex *x, const wr_plan_stream *s) {
    for (size_t i = 0; i < s->n_options; i++)
        WRI_PUT(x, "%s%s = '%s'", i ? ", " : "", s->options[i].key,
                wri_tells_value(&s->options[i]) ? s->options[i].value : "***");
}

void wri_tell_window(wri_ex *x, const wr_win *w, const wr_schema *in, bool local) {
    static const char *const names[] = {"", "tumble", "hop", "cumulate", "attached", "session", "stagger"};
    if (w->kind == WR_W_NONE) {
        WRI_PUT(x, "at the end");
        return;
    }
    WRI_PUT(x, "%s(", names[w->kind]);
    if (w->kind == WR_W_ATTACHED) {
        if (local) WRI_PUT(x, "%s, %s)", wri_col_name(in, w->start_col), wri_col_name(in, w->end_col));
        else WRI_PUT(x, "window_start, window_end)");
        return;
    }
    if (local) WRI_PUT(x, "%s, ", wri_col_name(in, w->time_col));
    if (w->kind == WR_W_HOP) WRI_PUT(x, "slide %s, ", wri_duration(&x->ar, w->slide_us));
    if (w->kind == WR_W_CUMULATE) WRI_PUT(x, "step %s, ", wri_duration(&x->ar, w->slide_us));
    WRI_PUT(x, "%s %s", w->kind == WR_W_SESSION ? "gap" : "size", wri_duration(&x->ar, w->size_us));
    if (w->offset_us) WRI_PUT(x, ", offset %s", wri_duration(&x->ar, w->offset_us));
    WRI_PUT(x, ")");
}

void wri_tell_call(wri_ex *x, const wr_agg_call *k, const wr_schema *rows) {
    WRI_PUT(x, "%s(%s%s", k->def->name, k->distinct ? "DISTINCT " : "", k->star ? "*" : "");
    wri_tell_cols(x, rows, k->args, k->n_args);
    WRI_PUT(x, ")");
    if (k->desc) WRI_PUT(x, " DESC");
    if (k->ignore_nulls) WRI_PUT(x, " IGNORE NULLS");
    if (k->filter != WR_NO_COL) WRI_PUT(x, " FILTER %s", wri_col_name(rows, k->filter));
}

void wri_tell_emits(wri_ex *x, bool each_batch, int64_t every_us, int64_t lateness_us) {
    if (each_batch) WRI_PUT(x, "; as rows come");
    if (every_us) WRI_PUT(x, "; early every %s", wri_duration(&x->ar, every_us));
    if (lateness_us) WRI_PUT(x, "; corrected for %s", wri_duration(&x->ar, lateness_us));
}

static void put_detail(wri_ex *x, const wr_node *n) {
    wri_node_defs[n->kind]->explain(x, n);
    for (uint32_t k = 0; k < n->n_in && n->late; k++)
        if (n->late[k].to) WRI_PUT(x, "; late rows to #%u", n->late[k].to->id);
}

/* ---- tree ---- */

/* Below the node, and to the right of where its inputs begin. */
static void put_note(wri_ex *x, const wr_node *n, uint32_t depth) {
    wr_buf text = {0};
    if (!x->note) return;
    if (x->st == WR_OK) x->st = x->note(x->note_ctx, n, &text);
    if (text.len) WRI_PUT(x, "%*s| %.*s\n", (int)(depth * 2 + 4), "", (int)text.len, text.data);
    wr_buf_free(&text);
}

static void put_tree(wri_ex *x, const wr_node *n, uint32_t depth) {
    WRI_PUT(x, "%*s#%u %s", (int)(depth * 2), "", n->id, wr_node_kind_name(n->kind));
    if (x->seen[n->id]) {
        WRI_PUT(x, " (above)\n");
        return;
    }
    x->seen[n->id] = true;
    WRI_PUT(x, " ");
    put_detail(x, n);
    WRI_PUT(x, "  [stage %u, %s", n->stage, n->bounded ? "bounded" : "unbounded");
    if (n->time_col != WR_NO_COL) WRI_PUT(x, ", time %s", n->out.fields[n->time_col].name);
    if (n->updating) {
        WRI_PUT(x, ", updating");
        if (n->keyed && n->n_key) WRI_PUT(x, " by ");
        wri_tell_cols(x, &n->out, n->key, n->n_key);
    }
    WRI_PUT(x, "]\n");
    put_note(x, n, depth);
    for (uint32_t i = 0; i < n->n_in; i++) put_tree(x, n->in[i], depth + 1);
}

static void tree(wri_ex *x) {
    uint32_t n_sinks = 0;
    for (uint32_t i = 0; i < x->plan->n_nodes; i++) n_sinks += x->plan->nodes[i]->kind == WR_N_SINK;
    WRI_PUT(x, "%u node%s, %u stage%s, %u sink%s\n", x->plan->n_nodes, x->plan->n_nodes == 1 ? "" : "s",
            x->plan->n_stages, x->plan->n_stages == 1 ? "" : "s", n_sinks, n_sinks == 1 ? "" : "s");
    for (uint32_t i = 0; i < x->plan->n_nodes; i++)
        if (x->plan->nodes[i]->kind == WR_N_SINK) put_tree(x, x->plan->nodes[i], 0);
}

/* ---- JSON and DOT ---- */

static void put_quoted(wri_ex *x, const char *p, size_t n) {
    WRI_PUT(x, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)p[i];
        if (ch == '"' || ch == '\\') WRI_PUT(x, "\\%c", ch);
        else if (ch == '\n') WRI_PUT(x, "\\n");
        else if (ch < 0x20) WRI_PUT(x, "\\u%04x", ch);
        else WRI_PUT(x, "%c", ch);
    }
    WRI_PUT(x, "\"");
}

/* What n does, quoted; prefix stands before it inside the quotes. */
static void put_quoted_detail(wri_ex *x, const wr_node *n, const char *prefix) {
    wr_buf text = {0}, *out = x->out;
    x->out = &text;
    WRI_PUT(x, "%s", prefix);
    put_detail(x, n);
    x->out = out;
    put_quoted(x, text.data ? text.data : "", text.len);
    wr_buf_free(&text);
}

static void put_json_node(wri_ex *x, const wr_node *n) {
    WRI_PUT(x, "{\"id\":%u,\"kind\":\"%s\",\"stage\":%u,\"inputs\":[", n->id, wr_node_kind_name(n->kind),
            n->stage);
    for (uint32_t i = 0; i < n->n_in; i++) WRI_PUT(x, "%s%u", i ? "," : "", n->in[i]->id);
    WRI_PUT(x, "],\"bounded\":%s,\"time\":", n->bounded ? "true" : "false");
    if (n->time_col == WR_NO_COL) WRI_PUT(x, "null");
    else put_quoted(x, n->out.fields[n->time_col].name, strlen(n->out.fields[n->time_col].name));
    WRI_PUT(x, ",\"updating\":%s,\"detail\":", n->updating ? "true" : "false");
    put_quoted_detail(x, n, "");
    WRI_PUT(x, ",\"columns\":[");
    for (uint32_t i = 0; i < n->out.n; i++) {
        char type[WR_TEXT_MAX];
        WRI_PUT(x, "%s{\"name\":", i ? "," : "");
        put_quoted(x, n->out.fields[i].name, strlen(n->out.fields[i].name));
        WRI_PUT(x, ",\"type\":\"%s\"}", wr_type_print(n->out.fields[i].type, type, sizeof type));
    }
    WRI_PUT(x, "]}");
}

static void json(wri_ex *x) {
    WRI_PUT(x, "{\"stages\":%u,\"nodes\":[", x->plan->n_stages);
    for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
        WRI_PUT(x, "%s\n", i ? "," : "");
        put_json_node(x, x->plan->nodes[i]);
    }
    WRI_PUT(x, "\n]}\n");
}

static void dot(wri_ex *x) {
    WRI_PUT(x, "digraph plan {\n  rankdir=BT;\n  node [shape=box, fontname=\"monospace\"];\n");
    for (uint32_t s = 0; s < x->plan->n_stages; s++) {
        WRI_PUT(x, "  subgraph cluster_%u {\n    label=\"stage %u\";\n", s, s);
        for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
            const wr_node *n = x->plan->nodes[i];
            if (n->stage != s) continue;
            const char *head = wr_arena_printf(&x->ar, "#%u %s\n", n->id, wr_node_kind_name(n->kind));
            if (!head) x->st = WR_ENOMEM;
            WRI_PUT(x, "    n%u [label=", n->id);
            put_quoted_detail(x, n, head ? head : "");
            WRI_PUT(x, "];\n");
        }
        WRI_PUT(x, "  }\n");
    }
    for (uint32_t i = 0; i < x->plan->n_nodes; i++) {
        const wr_node *n = x->plan->nodes[i];
        for (uint32_t k = 0; k < n->n_in; k++) WRI_PUT(x, "  n%u -> n%u;\n", n->in[k]->id, n->id);
        for (uint32_t k = 0; n->late && k < n->n_in; k++)
            if (n->late[k].to)
                WRI_PUT(x, "  n%u -> n%u [style=dashed, label=\"late\"];\n", n->id, n->late[k].to->id);
    }
    WRI_PUT(x, "}\n");
}

static wr_status explain(wri_ex *x, wr_explain_form form) {
    x->seen = wr_arena_calloc(&x->ar, x->plan->n_nodes + 1);
    if (!x->seen) x->st = WR_ENOMEM;
    else if (form == WR_EXPLAIN_JSON) json(x);
    else if (form == WR_EXPLAIN_DOT) dot(x);
    else tree(x);
    wr_arena_free(&x->ar);
    return x->st;
}

wr_status wr_plan_explain(const wr_plan *plan, const wr_registry *reg, wr_explain_form form, wr_buf *out) {
    wri_ex x = {.plan = plan, .reg = reg, .out = out};
    return explain(&x, form);
}

wr_status wr_plan_annotate(const wr_plan *plan, const wr_registry *reg,
                           wr_status (*note)(void *ctx, const wr_node *n, wr_buf *out), void *ctx,
                           wr_buf *out) {
    wri_ex x = {.plan = plan, .reg = reg, .out = out, .note = note, .note_ctx = ctx};
    return explain(&x, WR_EXPLAIN_TREE);
}

/* planner/label.c -- what an operator is called when people are told that its state is kept or dropped:
 *
 *   TUMBLE 1 min over clicks by page: COUNT(*), MAX(latency_ms) (page_minutes)
 *   position in clicks (file 'clicks.jsonl')
 *
 * Names, not identities: two operators may be called alike. */
#include <strings.h>

#include "nodes/nodes.h"

void wri_label_window(wri_ex *x, const wr_win *w) {
    static const char *const names[] = {"GROUP BY",        "TUMBLE",  "HOP",    "CUMULATE",
                                        "GROUP BY window", "SESSION", "STAGGER"};
    WRI_PUT(x, "%s", names[w->kind]);
    if (w->kind == WR_W_NONE || w->kind == WR_W_ATTACHED) return;
    if (w->kind == WR_W_HOP || w->kind == WR_W_CUMULATE)
        WRI_PUT(x, " %s /", wri_duration(&x->ar, w->slide_us));
    WRI_PUT(x, " %s", wri_duration(&x->ar, w->size_us));
    if (w->offset_us) WRI_PUT(x, " offset %s", wri_duration(&x->ar, w->offset_us));
}

/* "into minutes (file 'minutes.jsonl')" */
void wri_label_stream(wri_ex *x, const wr_plan_stream *s, const char *word) {
    WRI_PUT(x, "%s %s (%s", word, s->name, s->connector ? s->connector : "");
    for (size_t c = 0; s->connector && c < x->reg->n_connectors; c++) {
        const wr_with *w = x->reg->connectors[c];
        if (strcasecmp(w->name, s->connector) != 0) continue;
        for (size_t i = 0; i < w->n_options; i++)
            for (size_t k = 0; w->options[i].place && w->options[i].type == WR_OPT_STRING && k < s->n_options;
                 k++)
                if (strcasecmp(s->options[k].key, w->options[i].name) == 0 && wri_tells_value(&s->options[k]))
                    WRI_PUT(x, " '%s'", s->options[k].value);
    }
    WRI_PUT(x, ")");
}

static const char *stream_of(const wr_node *n) {
    if (n->kind == WR_N_SOURCE) return n->source.stream->name;
    if (n->kind == WR_N_LATE) return n->side.stream;
    return n->kind == WR_N_ERRORS ? "error_stream" : n->kind == WR_N_VALUES ? "VALUES" : NULL;
}

/* The streams that n reads, each once; seen: of nodes. */
static void put_streams(wri_ex *x, const wr_node *n, const char **sepp) {
    if (x->seen[n->id]) return;
    x->seen[n->id] = true;
    const char *name = stream_of(n);
    if (name) {
        WRI_PUT(x, "%s%s", *sepp, name);
        *sepp = ", ";
    }
    for (uint32_t k = 0; k < n->n_in; k++) put_streams(x, n->in[k], sepp);
}

static void put_keys(wri_ex *x, const wr_node *n) {
    uint32_t n_keys = 0;
    const uint32_t *keys =
        wri_node_defs[n->kind]->label_keys ? wri_node_defs[n->kind]->label_keys(n, &n_keys) : NULL;
    const wr_node *in = n->in[0];
    if (n->kind == WR_N_AGG_GLOBAL || n->kind == WR_N_AGG_CHANGES) in = in->in[0]->in[0]; /* the rows */
    if (n_keys == 0) return;
    WRI_PUT(x, " by ");
    wri_tell_cols(x, &in->out, keys, n_keys);
}

static void put_calls(wri_ex *x, const wr_node *n) {
    const wr_agg_call *calls = NULL;
    const wr_node *rows = NULL;
    uint32_t n_calls = 0;
    if (n->kind == WR_N_AGG_GLOBAL || n->kind == WR_N_AGG_CHANGES) {
        const wr_node *l = n->in[0]->in[0]; /* over EXCHANGE over AGG_LOCAL or AGG_DELTA */
        calls = l->agg.calls;
        n_calls = l->agg.n_calls;
        rows = l->in[0];
    } else if (n->kind == WR_N_SESSION || n->kind == WR_N_STAGGER) {
        calls = n->session.calls;
        n_calls = n->session.n_calls;
        rows = n->in[0];
    }
    for (uint32_t i = 0; i < n_calls; i++) {
        WRI_PUT(x, "%s", i ? ", " : ": ");
        wri_tell_call(x, &calls[i], &rows->out);
    }
}

static const wr_plan_stmt *statement_of(const wr_plan *p, const wr_node *n) {
    const wr_plan_stmt *found = NULL;
    for (uint32_t i = 0; i < p->n_stmts && p->stmts[i].at <= n->loc.at; i++) found = &p->stmts[i];
    return found;
}

static void put_label(wri_ex *x, const wr_node *n) {
    const wri_node_def *def = wri_node_defs[n->kind];
    const char *sep = n->n_in > 1 ? " of " : " over ";
    if (def->label) def->label(x, n);
    else WRI_PUT(x, "%s", def->clause ? def->clause : def->name);
    if (def->same_place || n->n_in == 0) return;
    memset(x->seen, 0, x->plan->n_nodes * sizeof *x->seen);
    put_streams(x, n, &sep);
    put_keys(x, n);
    put_calls(x, n);
    const wr_plan_stmt *s = statement_of(x->plan, n);
    if (s) WRI_PUT(x, " (%s)", s->name);
}

wr_status wri_label_all(const wr_plan *plan, const wr_registry *reg, wr_arena *ar, wr_plan_id *ids) {
    wr_buf text = {0};
    wri_ex x = {.plan = plan, .reg = reg, .out = &text};
    x.seen = wr_arena_calloc(&x.ar, plan->n_nodes + 1);
    if (!x.seen) x.st = WR_ENOMEM;
    for (uint32_t i = 0; i < plan->n_nodes && x.st == WR_OK; i++) {
        text.len = 0;
        put_label(&x, plan->nodes[i]);
        if (x.st == WR_OK) ids[i].label = wr_arena_strndup(ar, text.len ? text.data : "", text.len);
        if (x.st == WR_OK && !ids[i].label) x.st = WR_ENOMEM;
    }
    wr_arena_free(&x.ar);
    wr_buf_free(&text);
    return x.st;
}

/* planner/nodes/sink.c -- a SINK takes exactly the columns that go out. */
#include <strings.h>

#include "nodes.h"

static bool sink_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wri_need_all(n->in[0]);
    return true;
}

static void put_changelog(wri_ex *x, const wr_node *n) {
    switch (n->sink.changelog) {
    case WR_CL_OP:
        WRI_PUT(x, ", changes by column op");
        return;
    case WR_CL_UPSERT:
        WRI_PUT(x, ", upserts by ");
        wri_tell_cols(x, &n->out, n->sink.key, n->sink.n_key);
        return;
    case WR_CL_DEBEZIUM:
        WRI_PUT(x, ", changes in Debezium's form");
        return;
    default:
        return;
    }
}

/* Whether the stream asks for rows to be delivered as they come. */
static bool at_once(const wr_plan_stream *s) {
    for (size_t i = 0; s && i < s->n_options; i++)
        if (strcasecmp(s->options[i].key, "delivery") == 0)
            return strcasecmp(s->options[i].value, "at_least_once") == 0;
    return false;
}

const wr_with *wri_sink_connector(const wr_registry *reg, const wr_node *sink) {
    const wr_plan_stream *s = sink->sink.stream;
    const char *name = s && s->connector ? s->connector : "stdout";
    for (size_t i = 0; i < reg->n_connectors; i++)
        if (strcmp(reg->connectors[i]->name, name) == 0) return reg->connectors[i];
    return NULL;
}

const char *wr_sink_delivery(const wr_registry *reg, const wr_node *sink) {
    const wr_with *w = wri_sink_connector(reg, sink);
    if (!w || !w->delivery || strcmp(w->delivery, "transaction") != 0 || !at_once(sink->sink.stream))
        return w ? w->delivery : NULL;
    return w->upserts && sink->sink.n_key ? "idempotent" : "at least once";
}

static void sink_explain(wri_ex *x, const wr_node *n) {
    const wr_plan_stream *s = n->sink.stream;
    if (!s) WRI_PUT(x, "standard output, of %s", n->sink.label);
    else {
        WRI_PUT(x, "%s (", s->name);
        wri_tell_options(x, s);
        WRI_PUT(x, "), of %s", n->sink.label);
    }
    put_changelog(x, n);
    const char *how = wr_sink_delivery(x->reg, n);
    if (how) WRI_PUT(x, ", delivery: %s", how);
}

const wri_node_def wri_node_sink = {.name = "SINK",
                                    .need = sink_need,
                                    .rebuild = wri_exact_columns,
                                    .explain = sink_explain,
                                    .takes_changes = wri_takes_any_change};

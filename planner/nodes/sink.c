/* planner/nodes/sink.c -- a SINK takes exactly the columns that go out. */
#include "nodes.h"

static bool sink_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wri_need_all(n->in[0]);
    return true;
}

static void sink_explain(wri_ex *x, const wr_node *n) {
    const wr_plan_stream *s = n->sink.stream;
    if (!s) WRI_PUT(x, "standard output, of %s", n->sink.label);
    else {
        WRI_PUT(x, "%s (", s->name);
        wri_tell_options(x, s);
        WRI_PUT(x, "), of %s", n->sink.label);
    }
}

const wri_node_def wri_node_sink = {.name = "SINK",
                                    .need = sink_need,
                                    .rebuild = wri_exact_columns,
                                    .explain = sink_explain,
                                    .takes_changes = wri_takes_any_change};

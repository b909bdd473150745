/* server/plan.c -- SQL text as jobs and requests need it: parsed, planned, its problems as a text. */
#include "server_int.h"

wr_status wri_sql_plan(wri_sql *s, const char *name, const char *text, wr_buf *why) {
    *s = (wri_sql){.reg = wr_builtin()};
    s->diags = (wr_diags){.file = name, .text = text, .len = strlen(text), .ar = &s->ar};
    wr_status r = wr_parse(&s->ar, &s->diags, &s->script);
    if (r == WR_OK) r = wr_plan_script(&s->script, &s->reg, &s->ar, &s->diags, &s->plan);
    if (r == WR_OK && s->diags.errors) r = WR_ESQL;
    if (r != WR_OK && r != WR_ENOMEM && wr_diags_print(&s->diags, why) != WR_OK) r = WR_ENOMEM;
    if (r != WR_OK && why->len == 0 && wr_buf_puts(why, wr_status_text(r)) != WR_OK) r = WR_ENOMEM;
    if (why->len && wr_buf_put(why, "", 1) == WR_OK) why->len--;
    return r;
}

wr_status wri_sql_servable(const wri_sql *s, wr_err *err) {
    bool moves = false;
    for (uint32_t i = 0; i < s->plan.n_nodes; i++) {
        const wr_node *n = s->plan.nodes[i];
        moves |= n->kind == WR_N_SINK;
        if (n->kind != WR_N_SOURCE || !n->source.stream->connector) continue;
        if (strcmp(n->source.stream->connector, "stdin") == 0)
            return wr_fail(err, WR_EINVAL,
                           "stream %s: a job of the server has no standard input; put its records into a "
                           "stream and read that (connector = 'stream')",
                           n->source.stream->name);
    }
    if (moves) return WR_OK;
    return wr_fail(
        err, WR_EINVAL,
        "the script moves no rows: expected a SELECT, an INSERT INTO or a stream or pump AS SELECT");
}

void wri_sql_free(wri_sql *s) { wr_arena_free(&s->ar); }

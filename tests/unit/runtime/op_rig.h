/* tests/unit/runtime/op_rig.h -- one operator of a plan, fed by hand, with a sink behind it. */
#ifndef OP_RIG_H
#define OP_RIG_H

#include <criterion/criterion.h>

#include "runtime/job_int.h"
#include "runtime/ops/ops.h"

typedef struct rig {
    wr_arena ar;
    wr_diags d;
    wr_script script;
    wr_registry reg;
    wr_plan plan;
    wr_job job;
    wr_task task;
    wr_op op, sink;
    wr_edge edge;
    int64_t op_wm, sink_wm;
    uint64_t rows; /* that came out */
    wr_buf text;   /* the sink's own */
} rig;

static rig *the_rig; /* of the test under way, for the sink */

/* stream: the CREATE STREAM before sql. */
static inline void rig_plan_of(rig *r, const char *stream, const char *sql) {
    memset(r, 0, sizeof *r);
    r->reg = wr_builtin();
    char *text = wr_arena_printf(&r->ar, "%s%s", stream, sql);
    r->d = (wr_diags){.file = "test", .text = text, .len = strlen(text), .ar = &r->ar};
    cr_assert_eq(wr_parse(&r->ar, &r->d, &r->script), WR_OK);
    cr_assert_eq(wr_plan_script(&r->script, &r->reg, &r->ar, &r->d, &r->plan), WR_OK, "%s",
                 r->d.n ? r->d.items[0].msg : "");
    r->job = (wr_job){.plan = &r->plan, .sys = &wr_sys_real, .n_workers = 1, .batch_rows = 8};
    pthread_mutex_init(&r->job.lock, NULL);
    r->task = (wr_task){.job = &r->job};
    r->task.sides = wr_calloc(r->plan.n_nodes, sizeof *r->task.sides);
    the_rig = r;
}

/* The plan's last node of a kind. */
static inline const wr_node *rig_node(const rig *r, wr_node_kind kind) {
    const wr_node *n = NULL;
    for (uint32_t i = 0; i < r->plan.n_nodes; i++)
        if (r->plan.nodes[i]->kind == kind) n = r->plan.nodes[i];
    cr_assert_not_null(n);
    return n;
}

static inline wr_status rig_open_node(rig *r, const wr_node *n, const wr_op_def *def, const wr_op_def *sink,
                                      wr_err *err) {
    r->op_wm = r->sink_wm = WR_WM_NONE;
    r->rows = r->text.len = 0;
    r->sink = (wr_op){.def = sink, .task = &r->task, .port_wm = &r->sink_wm, .n_in = 1, .wm = WR_WM_NONE};
    r->edge = (wr_edge){.to = &r->sink};
    r->op = (wr_op){.def = def,
                    .node = n,
                    .task = &r->task,
                    .out = &r->edge,
                    .n_out = 1,
                    .port_wm = &r->op_wm,
                    .n_in = 1,
                    .wm = WR_WM_NONE};
    return def->open(&r->op, err);
}

static inline void rig_free(rig *r) {
    r->op.def->close(&r->op);
    wr_free(r->task.sides);
    wr_buf_free(&r->text);
    wr_arena_free(&r->ar);
}

#endif

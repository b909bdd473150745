/* planner/nodes/side.c -- ERRORS and LATE: rows that other operators feed from the side. */
#include "nodes.h"

static bool no_need(wri_ctx *c, wr_node *n) {
    (void)c;
    (void)n;
    return true;
}

static void errors_explain(wri_ex *x, const wr_node *n) {
    (void)n;
    WRI_PUT(x, "rows that failed in this job");
}

static void late_explain(wri_ex *x, const wr_node *n) { WRI_PUT(x, "late rows of %s", n->side.stream); }

static void side_same(wri_same *x, const wr_node *n) {
    if (n->kind == WR_N_LATE) wri_id_name(x, n->side.stream);
    for (uint32_t i = 0; i < n->out.n; i++) {
        wri_id_name(x, n->out.fields[i].name);
        wri_id_type(x, n->out.fields[i].type);
    }
}

static void late_label(wri_ex *x, const wr_node *n) { WRI_PUT(x, "late rows of %s", n->side.stream); }

const wri_node_def wri_node_errors = {.name = "ERRORS",
                                      .need = no_need,
                                      .rebuild = wri_same_columns,
                                      .explain = errors_explain,
                                      .clause = "error_stream",
                                      .same = side_same};
const wri_node_def wri_node_late = {.name = "LATE",
                                    .need = no_need,
                                    .rebuild = wri_same_columns,
                                    .explain = late_explain,
                                    .same = side_same,
                                    .label = late_label};

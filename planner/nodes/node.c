/* planner/nodes/node.c -- the kinds of nodes. */
#include "nodes.h"

const wri_node_def *const wri_node_defs[WR_NODE_KINDS] = {
#define X(kind, node, op) [WR_N_##kind] = &wri_node_##node,
    WR_NODE_LIST(X)
#undef X
};

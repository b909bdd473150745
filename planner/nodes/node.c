/* planner/nodes/node.c -- the kinds of nodes. */
#include "nodes.h"

const wri_node_def *const wri_node_defs[WR_NODE_KINDS] = {
    [WR_N_SOURCE] = &wri_node_source,
    [WR_N_ERRORS] = &wri_node_errors,
    [WR_N_LATE] = &wri_node_late,
    [WR_N_VALUES] = &wri_node_values,
    [WR_N_FILTER] = &wri_node_filter,
    [WR_N_PROJECT] = &wri_node_project,
    [WR_N_WINDOW] = &wri_node_window,
    [WR_N_AGG_LOCAL] = &wri_node_agg_local,
    [WR_N_EXCHANGE] = &wri_node_exchange,
    [WR_N_AGG_GLOBAL] = &wri_node_agg_global,
    [WR_N_UNION] = &wri_node_union,
    [WR_N_SORT] = &wri_node_sort,
    [WR_N_LIMIT] = &wri_node_limit,
    [WR_N_SINK] = &wri_node_sink,
    [WR_N_JOIN_WINDOW] = &wri_node_join_window,
    [WR_N_JOIN_INTERVAL] = &wri_node_join_interval,
    [WR_N_JOIN_VERSION] = &wri_node_join_version,
    [WR_N_JOIN_TABLE] = &wri_node_join_table,
};

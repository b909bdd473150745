/* tests/unit/planner/plan_fake.h -- a registry with fixed connectors, and helpers to plan and compare. */
#ifndef WR_TEST_PLAN_FAKE_H
#define WR_TEST_PLAN_FAKE_H

#include "planner/planner.h"

/* Connectors: file (source and sink, bounded unless tail = true), datagen (source, brings id BIGINT, ts
 * TIMESTAMP(3), page VARCHAR; unbounded unless rows is given), blackhole and print (sinks without format),
 * feed (unbounded source). Formats: json, csv. Functions and aggregates are the real ones. */
wr_registry plan_fake_registry(void);

/* What came of a script. Free with plan_result_free. */
typedef struct plan_result {
    wr_arena ar;
    wr_diags d;
    wr_plan plan;
    wr_status st;
} plan_result;
void plan_run(plan_result *r, const char *sql);
void plan_result_free(plan_result *r);

/* The EXPLAIN tree; the caller frees it with wr_buf_free. */
wr_buf plan_tree(const char *sql);
/* Diagnostics, one a line: "line:col error|warning: message | hint". */
wr_buf plan_diags(const char *sql);

/* Assert that the tree or the diagnostics of sql are exactly this text. */
void plan_expect_tree(const char *sql, const char *want, const char *file, int line);
void plan_expect_diags(const char *sql, const char *want, const char *file, int line);
#define TREE(sql, want)  plan_expect_tree(sql, want, __FILE__, __LINE__)
#define DIAGS(sql, want) plan_expect_diags(sql, want, __FILE__, __LINE__)

/* A source and sinks that most scripts use. */
#define CLICKS                                                                                               \
    "CREATE STREAM clicks (event_time TIMESTAMP(3), user_id VARCHAR, page VARCHAR, country VARCHAR, "        \
    "status INTEGER, latency_ms DOUBLE, bytes BIGINT, "                                                      \
    "WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND) "                                         \
    "WITH (connector = 'feed', topic = 'clicks', format = 'json');\n"
#define LOG                                                                                                  \
    "CREATE STREAM log (ts TIMESTAMP(3), page VARCHAR, n INTEGER, x DOUBLE) "                                \
    "WITH (connector = 'file', path = 'log.csv', format = 'csv');\n"
#define TUMBLE1 "TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))"

#endif

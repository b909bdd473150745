/* runtime/metrics_int.h -- what metrics and why have in common. Private to runtime/. */
#ifndef WR_RUNTIME_METRICS_INT_H
#define WR_RUNTIME_METRICS_INT_H

#include "metrics.h"

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
wr_status wri_metrics_quote(wr_buf *out, const char *text) WR_MUST_USE;
/* A moment as ISO 8601 with its quotes; WR_NEVER: null. */
wr_status wri_metrics_time(wr_buf *out, int64_t us) WR_MUST_USE;
/* Least watermark over the workers of node id, as it leaves an exchange; WR_WM_END: it has ended. */
int64_t wri_node_watermark(const wr_job *j, uint32_t id);

#endif

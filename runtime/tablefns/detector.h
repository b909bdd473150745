/* runtime/tablefns/detector.h -- what detectors of one column have in common: its check, the three columns
 * that they add, what they say of a row. Private to anomaly_*.c. */
#ifndef WR_RUNTIME_DETECTOR_H
#define WR_RUNTIME_DETECTOR_H

#include "tablefn.h"

#define WRI_DETECTOR_THRESHOLD                                                                               \
    {                                                                                                        \
        .name = "threshold", .kind = 'd', .def = "3.0", .min = 0, .max = 1e300,                              \
        .doc = "Score from which on IS_ANOMALY is TRUE."                                                     \
    }

/* bind: argument `arg` is the column; adds ANOMALY_SCORE, EXPECTED, IS_ANOMALY. */
wr_status wri_detector_bind(wr_table_call *call, const wr_schema *in, uint32_t arg, wr_err *err) WR_MUST_USE;

typedef struct wri_verdict {
    double score, expected;
    bool anomaly;
    bool no_value; /* nothing to judge: score and anomaly are NULL */
    bool blind;    /* nothing is expected yet: NULL */
} wri_verdict;
/* The value of input row i, *nonep: NULL. */
double wri_detector_value(const wr_table_call *call, const wr_table_rows *r, uint32_t i, bool *nonep);
wr_status wri_detector_says(const wr_table_rows *r, uint32_t i, const wri_verdict *v,
                            wr_err *err) WR_MUST_USE;

#endif

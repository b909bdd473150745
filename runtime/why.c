/* runtime/why.c -- why nothing has come out yet. */
#include "metrics_int.h"

wr_status wr_job_why(wr_job *job, wr_why_form form, wr_buf *out, wr_err *err) {
    (void)job;
    return wr_buf_puts(out, form == WR_WHY_JSON ? "{\"lines\":[],\"windows\":[]}" : "") == WR_OK
               ? WR_OK
               : wr_fail_oom(err, "an answer");
}

wr_status wr_job_analyze(wr_job *job, wr_buf *out, wr_err *err) {
    (void)job, (void)out, (void)err;
    return WR_OK;
}

/* core/status.c -- messages of failures. */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

wr_status wr_fail(wr_err *err, wr_status code, const char *fmt, ...) {
    if (!err) return code;
    err->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return code;
}

wr_status wr_fail_in(wr_err *err, wr_status code, const char *fmt, ...) {
    if (!err) return code;
    char old[sizeof err->msg];
    memcpy(old, err->msg, sizeof old);
    old[sizeof old - 1] = 0;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof err->msg)
        snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %.*s", (int)(sizeof err->msg - (size_t)n - 3),
                 old);
    if (err->code == WR_OK) err->code = code;
    return code;
}

wr_status wr_fail_oom(wr_err *err, const char *what) {
    int64_t limit = wr_budget_denied();
    if (limit == 0)
        return wr_fail(err, WR_ENOMEM, "out of memory for %s; free memory or lower the memory option", what);
    return wr_fail(
        err, WR_ENOMEM,
        "no memory left for %s in the budget of %.4g MiB; give it more with --memory or SET memory", what,
        (double)limit / (1 << 20));
}

const char *wr_status_text(wr_status s) {
    switch (s) {
#define X(name, value, text, action)                                                                         \
    case WR_##name:                                                                                          \
        return text;
        WR_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

void wr_assert_failed(const char *cond, const char *file, int line) {
    fprintf(stderr, "weir: internal error at %s:%d: %s does not hold; please report it with the SQL file\n",
            file, line, cond);
    abort();
}

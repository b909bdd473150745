/* connectors/blackhole.c -- a sink that drops its rows, for measuring all that comes before it.
 *
 * It has no write, so that rows are not even encoded. It holds nothing; the one byte is its identity. */
#include "conn_int.h"

struct wr_sink {
    char nothing;
};

static wr_status blackhole_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err) {
    (void)cfg;
    *outp = wr_calloc(1, sizeof **outp);
    return *outp ? WR_OK : wr_fail_oom(err, "a sink");
}

static void blackhole_close(wr_sink *s) { wr_free(s); }

const wr_connector_def wr_connector_blackhole = {
    .with = {.name = "blackhole",
             .doc = "Drops all rows; for measurements.",
             .sink = true,
             .delivery = "none"},
    .open_sink = blackhole_open,
    .close_sink = blackhole_close,
};

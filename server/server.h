/* server/server.h -- weir serve: jobs and streams behind HTTP. The one header of server/. See README.md. */
#ifndef WR_SERVER_H
#define WR_SERVER_H

#include "core/core.h"

typedef struct wr_server_opts {
    const char *data;               /* the data directory */
    const char *listen;             /* "127.0.0.1:4567", ":4567", "[::1]:4567"; port 0: any free one */
    const char *tls_cert, *tls_key; /* files; NULL: no TLS */
    int64_t workers;                /* of a job that does not say; 0: one per core */
    int64_t snapshot_interval_us;   /* the same; 0: what the SQL sets, else 10 s */
    int64_t memory_bytes;           /* the same; 0: what the SQL sets, else half of the machine's */
    int64_t max_connections, max_body_bytes, max_jobs;
    int64_t header_timeout_us, body_timeout_us, idle_timeout_us, write_timeout_us;
    int64_t restart_delay_us, restart_delay_max_us; /* of a job that failed: the first, and the longest */
    int64_t max_restarts;                           /* in a row; 0: no bound */
    int64_t output_bytes;                           /* kept of each job's rows, errors and log */
    int durability;                                 /* index of fsync|os */
    bool quiet;
    const char *config; /* file that gives what is not given here; NULL: none */
    const char *version;
    void (*say)(const char *line); /* what an operator should know, a line each; from several threads */
} wr_server_opts;

/* The options by name, for the command line and the configuration file; members that are not given stay 0. */
#define WR_SERVER_OPTIONS 21
extern const wr_option wr_server_options[WR_SERVER_OPTIONS];

/* Fills members of *o that are 0 from o->config, a file of `key = value` lines, then from the defaults;
 * strings live in ar. */
wr_status wr_server_configure(wr_server_opts *o, wr_arena *ar, wr_err *err) WR_MUST_USE;
/* Until SIGTERM or SIGINT. WR_EINVAL: the address cannot be. */
wr_status wr_server_run(const wr_server_opts *o, wr_err *err) WR_MUST_USE;

#endif

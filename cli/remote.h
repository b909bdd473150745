/* cli/remote.h -- put, tail and streams, where they ask a server instead of opening a data directory. */
#ifndef WR_CLI_REMOTE_H
#define WR_CLI_REMOTE_H

#include "client.h"

/* Not --data and --server both; has said so. */
bool wri_one_place(const char *command, const char *data, const char *server);

/* Puts lines in requests of bounded size. *donep grows by those that the server has on disk. A failure
 * without a message has been the server's: wri_put_failed. */
wr_status wri_put_remote(wri_client *c, const char *stream, const wr_put *puts, uint32_t n, uint64_t *donep,
                         wr_err *err);
int wri_put_failed(const wri_client *c); /* the exit status; has been said where there was no answer */

typedef struct wri_tail_ask {
    const wri_server_opts *server;
    const char *name; /* "job:NAME": the rows of a job */
    const char *from; /* earliest, latest or a time */
    uint32_t shard;   /* WR_NO_SHARD: all */
    bool json, once;
    int64_t left; /* records, -1: no end */
} wri_tail_ask;
int wri_tail_remote(const wri_tail_ask *t);

typedef struct wri_streams_ask {
    const wri_server_opts *server;
    const char *word; /* list, create, ... */
    char **args;      /* behind it */
    int64_t shards, retention_us, record_max;
    bool on_demand;
} wri_streams_ask;
int wri_streams_remote(const wri_streams_ask *a);

#endif

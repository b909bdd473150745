/* cli/client.h -- a running engine (`weir serve`), asked over HTTP; what its commands share.
 *
 * A command opens a client, asks once or more, prints, closes. What goes wrong is printed where it is found,
 * with the command's name before it; a function that returns int returns an exit status. One thread. */
#ifndef WR_CLI_CLIENT_H
#define WR_CLI_CLIENT_H

#include <jansson.h>

#include "cli.h"

typedef struct wri_http wri_http;

typedef struct wri_client {
    const char *command;
    wri_http *http;
    char *url;         /* of the server, without '/' at its end */
    const char *ca;    /* file that says whom to trust; NULL: the system does */
    wr_arena ar;       /* texts made by the command, until it is closed */
    bool oom;          /* one of them could not be */
    wr_buf body;       /* of the last answer; a NUL stands behind it */
    json_t *json;      /* the same, read; NULL where it is not JSON */
    long code;         /* HTTP status of it */
    json_t *sent;      /* what `wri_ask` shall send, until it has */
    const char *other; /* what could be named instead of a server, for messages; "": nothing */
    const char *as;    /* SQL that is sent: what its messages call it; NULL: there is none */
} wri_client;

/* The flags of every such command: `opts` has a member `wri_server_opts server`. */
typedef struct wri_server_opts {
    const char *url, *ca;
    bool json;
} wri_server_opts;
#define WRI_SERVER_URL(opts)                                                                                 \
    {.name = "server",                                                                                       \
     .type = WR_OPT_STRING,                                                                                  \
     .offset = offsetof(opts, server.url),                                                                   \
     .doc = "Where weir serve listens; without it $WEIR_SERVER, else http://127.0.0.1:4567."},               \
    {                                                                                                        \
        .name = "ca", .type = WR_OPT_STRING, .offset = offsetof(opts, server.ca),                            \
        .doc = "With an https:// server: a file with the certificates that its own may be signed by; "       \
               "without it $WEIR_CA, else those the system trusts."                                          \
    }
#define WRI_SERVER_FLAGS(opts)                                                                               \
    WRI_SERVER_URL(opts), {                                                                                  \
        .name = "json", .type = WR_OPT_BOOL, .offset = offsetof(opts, server.json), .def = "false",          \
        .doc = "Print the server's answer as it is."                                                         \
    }

/* To be closed in either case. */
int wri_client_open(wri_client *c, const char *command, const wri_server_opts *server);
/* For commands that do the same in a data directory. */
int wri_client_or_data(wri_client *c, const char *command, const wri_server_opts *server);
void wri_client_close(wri_client *c);

/* Text as a part of a URL, in the client's arena. */
const char *wri_escaped(wri_client *c, const char *text);
/* "name=value" after a '?' or '&', as path needs; path as it is where value is NULL. */
const char *wri_url_with(wri_client *c, const char *path, const char *name, const char *value);
/* Sends c->sent (which it releases) and waits for the whole answer, into c->body and c->json. Parts of the
 * path that may hold anything are escaped. Returns EXIT_DONE where the server has done it (2xx). */
int wri_ask(wri_client *c, const char *method, const char *path, ...) WR_PRINTF(3, 4);
/* The same, where the answer need not be a JSON object. */
int wri_ask_text(wri_client *c, const char *method, const char *path, ...) WR_PRINTF(3, 4);
/* The same, but an answer of another status is not printed. c->code 0: there was none, and that has been
 * said. */
int wri_try(wri_client *c, const char *method, const char *path, ...) WR_PRINTF(3, 4);
/* Prints why the server would not; the exit status. */
int wri_refused(const wri_client *c);
int wri_no_memory(const wri_client *c);
/* The answer as it is, and a line end. */
void wri_print_answer(const wri_client *c);

/* ---- events, as they come ---- */

typedef struct wri_sse {
    const char *id, *kind, *data; /* "" where it has none */
    size_t len;                   /* of data */
} wri_sse;
/* What is behind the last event goes on where the connection breaks, again and again. Ends when each() says
 * false, when the server says that there is nothing more (an event of kind "end"), or refuses. */
int wri_follow_events(wri_client *c, const char *path, bool (*each)(void *ctx, const wri_sse *e), void *ctx);

/* ---- what http.c does for client.c ---- */

typedef struct wri_http_call { /* one request and its answer */
    const char *method, *url;
    const char *server; /* the part of url that messages name */
    const char *ca;     /* file that says whom to trust; NULL: the system does */
    const char *other;  /* what could be named instead of a server, for them; "" */
    const char *body;   /* NULL: none */
    size_t body_len;
    const char *last_id; /* of events; NULL: none are awaited */
    /* Takes a part of the answer; false: it is enough. */
    bool (*take)(void *ctx, long code, const char *p, size_t n);
    void *ctx;
    long code;   /* HTTP status, 0: no answer */
    bool enough; /* take() said so */
} wri_http_call;
wr_status wri_http_open(wri_http **outp, wr_err *err);
void wri_http_close(wri_http *h);
wr_status wri_http_do(wri_http *h, wri_http_call *x, wr_err *err);

/* ---- output ---- */

/* A table of texts, aligned when it is printed. Columns of numbers stand to the right. */
typedef struct wri_table {
    uint32_t n_cols, n_cells;
    wr_buf text, ends; /* of the cells, row by row */
    bool oom;
} wri_table;
void wri_table_cell(wri_table *t, const char *fmt, ...) WR_PRINTF(2, 3);
/* The first row is the head. Prints nothing but that where there is no other. */
void wri_table_print(wri_table *t, int indent);
void wri_table_free(wri_table *t);
/* An array of objects, as a table whose columns are their members. */
int wri_print_objects(const wri_client *c, const json_t *array, int indent);

/* A member of an object as text: "" where there is none, times without fractions of a second, large numbers
 * in groups of three digits. */
#define WRI_SHOWN 256
const char *wri_shown(const json_t *object, const char *key, char out[WRI_SHOWN]);
/* The text of a member; "" where there is none. */
const char *wri_member(const json_t *object, const char *key);
/* Prints what a server has said, without what would steer a terminal. */
void wri_plain(FILE *f, const char *fmt, ...) WR_PRINTF(2, 3);

/* ---- SQL to be sent ---- */

/* Reads a file, "-" or sql. *outp: in the client's arena; the client knows what messages call it. */
int wri_sql_text(wri_client *c, const wri_app_opts *app, const char *path, const char *sql,
                 const char **outp);
/* A job's name from its file's: "clicks" of "sql/clicks.sql"; NULL: there is none in it. */
const char *wri_job_of_file(wri_client *c, const char *path);
/* Of a job as the server shows it: EXIT_DONE, or what has gone wrong with it is printed. */
int wri_job_fares(const wri_client *c, const json_t *job);

#endif

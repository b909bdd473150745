/* server/server_int.h -- the server's parts. Private to server/; README.md has the model.
 *
 * Threading: everything belongs to the loop's thread but what says otherwise. */
#ifndef WR_SERVER_INT_H
#define WR_SERVER_INT_H

#include <http_parser.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <uv.h>

#include "catalog.h"
#include "files.h"
#include "lines.h"
#include "runtime/runtime.h"
#include "server.h"
#include "state/state.h"
#include "tls.h"

#define WRI_PATH_MAX 65535 /* of a request's target [bytes]; http-parser counts in 16 bits */
#define WRI_HEAD_MAX                                                                                         \
    (64 * 1024) /* of all fields, names and values [bytes]; http-parser: 80 KiB with the target */
#define WRI_FIELDS_MAX  100
#define WRI_ARGS_MAX    2           /* {…} in a route */
#define WRI_QUERY_MAX   16          /* parameters behind the ? */
#define WRI_BODIES_MAX  (256 << 20) /* of all requests under way [bytes] */
#define WRI_SQL_MOST    (1 << 20)   /* of a script [bytes] */
#define WRI_VALUES_MOST (512 << 20) /* of bodies that have been read as JSON [bytes of memory] */
#define WRI_POOL_MAX    2000        /* requests that wait for the pool */
#define WRI_CHUNK_BYTES (64 * 1024) /* written at once to one who follows */
#define WRI_TICK_MS     100

typedef struct wri_server wri_server;
typedef struct wri_conn wri_conn;
typedef struct wri_req wri_req;
typedef struct wri_route wri_route;
typedef struct wri_sjob wri_sjob;
typedef struct wri_follow wri_follow;

/* ---- requests ---- */
typedef struct wri_param {
    char *name, *value; /* in the request's arena */
} wri_param;

enum { WRI_BODY_JSON = 1, WRI_BODY_SQL = 2, WRI_BODY_LINES = 4, WRI_BODY_NONE = 8 /* or none at all */ };

/* A request and its answer. The loop's, but while it is in the pool (`held`): then the pool's, except conn.
 */
struct wri_req {
    wri_server *srv;
    wri_conn *conn; /* NULL: the client has gone */
    const wri_route *route;
    wr_arena ar;
    /* as it came */
    int method;
    bool keep, http10;
    bool sized;          /* a body was announced, of any length */
    size_t body_counted; /* of the body, in srv->body_bytes */
    char *host, *origin; /* while the head is read */
    char *path;          /* the target up to ?; NUL-terminated as all text here */
    char *args[WRI_ARGS_MAX];
    wri_param query[WRI_QUERY_MAX];
    uint32_t n_query;
    int body_type;    /* one of WRI_BODY_…, 0: another */
    char *last_event; /* Last-Event-ID, NULL: none */
    wr_buf body;
    json_t *json; /* the body, once wri_req_json has been called */
    size_t room;  /* what its values take, in srv->room_taken */
    /* the answer */
    int status;
    const char *type; /* of the answer's body */
    char head[256];   /* more fields of the answer, each with its line end */
    wr_buf out;
    /* under way */
    bool held; /* in the pool, waiting or following: not freed when the client goes */
    uv_work_t work;
    void (*in_pool)(wri_req *r);
    void (*after)(wri_req *r);
    wri_sjob *job;             /* one reference */
    void *own;                 /* of the handler, in the arena */
    bool (*ready)(wri_req *r); /* wri_req_wait */
    int64_t since_us;          /* it waits */
    wri_req *prev, *next;      /* among those that wait */
    wri_follow *follow;        /* NULL: does not */
};

/* A line of the table in routes.c. handle runs on the loop. */
struct wri_route {
    int method;       /* HTTP_GET also serves HEAD */
    const char *path; /* "/v1/jobs/{}" */
    int body;         /* kinds of body that it takes; 0: none is read */
    void (*handle)(wri_req *r);
};

/* routes.c */
void wri_route_request(wri_req *r);
/* Takes the target apart and finds r->route: 0, or 400, or 404 when there is none for that method. */
int wri_route_find(wri_req *r, const wr_buf *target);
const char *wri_query(const wri_req *r, const char *name); /* NULL: not given */
/* Whether all parameters that were given are among names (NULL-terminated); else answers. */
bool wri_query_known(wri_req *r, const char *const *names);
/* "1", "true" and "" are true, "0" and "false" false; another value: answers, returns false. */
bool wri_query_bool(wri_req *r, const char *name, bool *outp);

/* answer.c: each ends the request, which is then no more */
void wri_answer(wri_req *r, int status, const char *type);  /* with r->out */
void wri_answer_json(wri_req *r, int status, json_t *body); /* takes the reference; NULL: out of memory */
void wri_answer_error(wri_req *r, int status, const char *code, const char *fmt, ...) WR_PRINTF(4, 5);
void wri_answer_failed(wri_req *r, wr_status s, const wr_err *err);
const char *wri_status_line(int status);
/* Status line and fields; framing: Content-Length or Transfer-Encoding, with its line end. */
wr_status wri_answer_head(wri_req *r, const char *framing, bool keep, wr_buf *out) WR_MUST_USE;
/* In the pool or on the loop: notes the answer, for wri_req_noted to send. */
void wri_note(wri_req *r, int status, json_t *body);
void wri_note_error(wri_req *r, int status, const char *code, const char *msg);
void wri_note_failed(wri_req *r, wr_status s, const wr_err *err);
bool wri_noted(const wri_req *r);
void wri_send_noted(wri_req *r); /* on the loop */

/* request.c */
/* in_pool runs in the pool, then after on the loop. */
void wri_req_work(wri_req *r, void (*in_pool)(wri_req *r), void (*after)(wri_req *r));
/* after is called once ready says so, when the server stops, or when a minute has passed. */
void wri_req_wait(wri_req *r, bool (*ready)(wri_req *r), void (*after)(wri_req *r));
void wri_reqs_look(wri_server *srv); /* at those that wait */
void wri_req_link(wri_req *r);       /* into srv->waiting */
void wri_req_unlink(wri_req *r);
wri_req *wri_req_new(wri_server *srv, wri_conn *conn);
void wri_req_free(wri_req *r); /* NULL is allowed */
/* In the pool: memory for what becomes of the body, once for a request; false: noted. */
bool wri_req_room(wri_req *r, size_t bytes);
/* The body as a JSON object; NULL: an error has been noted. */
json_t *wri_req_json(wri_req *r);
/* Members of an object: known are "s:name", with s text, i whole number, b boolean, o object, a list; what is
 * not among them is an error that has been noted. */
bool wri_json_known(wri_req *r, const json_t *o, const char *const *known);

/* json.c: values that answers and lines share; NULL without memory, which json_object_set_new takes */
json_t *wri_json_time(int64_t us);
json_t *wri_json_watermark(int64_t us);                                   /* null: none yet */
void wri_json_bytes(json_t *o, const char *key, const char *p, size_t n); /* no UTF-8: as key_base64 */
wr_status wri_json_write(const json_t *o, wr_buf *out) WR_MUST_USE;       /* compact, without a line end */

/* ---- connections ---- */
typedef enum wri_phase {
    WRI_IDLE,
    WRI_SHAKING, /* hands, of TLS */
    WRI_HEAD,
    WRI_BODY,
    WRI_HANDLING,
    WRI_LINGER,
    WRI_CLOSING
} wri_phase;
struct wri_conn {
    uv_tcp_t tcp;
    wri_server *srv;
    wri_secure *secure; /* NULL: nothing has come yet, or the port speaks no TLS */
    http_parser parser;
    wri_phase phase;
    int64_t since_us;   /* when the phase began */
    int64_t written_us; /* when bytes last went out, while writes are under way */
    size_t unwritten;   /* in the write queue then */
    wr_buf in;          /* bytes behind the request that is handled */
    wri_req *req;       /* being read, or handled */
    /* being read */
    wr_buf target, name, value;
    size_t head_bytes;
    uint32_t n_fields, n_hosts;
    bool in_value, expects;
    int refused; /* status to answer what cannot be read with, 0: none yet */
    const char *why;
    bool reading, ended; /* ended: the client sends no more */
    bool broken;         /* a write could not be begun: closed at the next tick, not under its caller */
    wri_conn *prev, *next;
};
void wri_conn_accept(uv_stream_t *listener, int status);
void wri_conn_close(wri_conn *c);
/* Writes what buf holds, which it takes, then calls done (may be NULL; not when the connection is closed). */
void wri_conn_write(wri_conn *c, wr_buf *buf, void (*done)(wri_conn *c));
/* The request's whole answer, or the last of it: then the next request, or the end. */
void wri_conn_answer(wri_conn *c, wr_buf *buf, bool keep);
void wri_conns_look(wri_server *srv, int64_t now_us); /* ends those that take too long */

/* http.c */
extern const http_parser_settings wri_http_settings;
void wri_http_begin(wri_conn *c); /* a new connection */
/* Reads p[0..n) up to the end of a request; how much that was. c->refused says when it cannot be read. */
size_t wri_http_read(wri_conn *c, const char *p, size_t n);

/* ---- server-sent events ---- */
/* What is followed. */
typedef struct wri_feed {
    /* Appends whole events, about WRI_CHUNK_BYTES at most; nothing: none now. */
    wr_status (*gather)(wri_req *r, wr_buf *out);
    /* The last event, once nothing more will come; else appends nothing. Called before gather. */
    wr_status (*last)(wri_req *r, wr_buf *out);
    /* The client has gone: true, or false when it calls wri_req_free itself later. */
    bool (*close)(wri_req *r);
} wri_feed;
struct wri_follow {
    const wri_feed *feed;
    wri_lines *lines; /* of a job; feeds of their own use r->own */
    wri_lines_at at;
    bool writing;
    int64_t wrote_us;
};
/* Answers with what feed has, from now on. False: the client has gone, or only wants the head, and r with it.
 */
bool wri_follow_begin(wri_req *r, const wri_feed *feed);
/* The same with lines of r->job, all that are kept or those behind Last-Event-ID. */
void wri_follow_lines(wri_req *r, wri_lines *l);
void wri_follow_look(wri_server *srv); /* at all who follow */
void wri_follow_pump(wri_req *r);      /* there may be more for r */
void wri_follow_end(wri_req *r);       /* the client has gone */
/* "data: …" and a blank line; a text of several lines becomes several fields. */
wr_status wri_event_data(wr_buf *out, const char *p, size_t n) WR_MUST_USE;
/* All lines, as the body of an answer; *gonep: how many before them are gone. */
wr_status wri_lines_all(wri_lines *l, wr_buf *out, uint64_t *gonep) WR_MUST_USE;

/* ---- jobs ---- */
typedef enum wri_jstate {
    WRI_RUNNING,
    WRI_PAUSING,
    WRI_PAUSED,
    WRI_STOPPING,
    WRI_STOPPED,
    WRI_FINISHED,
    WRI_FAILING,
    WRI_FAILED
} wri_jstate;

/* How a run has ended. */
typedef enum wri_outcome { WRI_ENDED, WRI_CANCELED, WRI_BROKE, WRI_HOPELESS } wri_outcome;

/* How a savepoint has become: written by the job's thread, then done. */
typedef struct wri_saved {
    int done; /* atomic */
    wr_status status;
    uint64_t bytes;
    wr_err err;
} wri_saved;

struct wri_sjob {
    wri_server *srv;
    uint32_t refs;
    wri_job_row row; /* strings are owned; constant but for wanted, restarts, ended, error, sql, updating */
    wri_jstate state;
    char *error;        /* why it failed last; NULL: it did not */
    bool busy;          /* a request changes what is wanted of it */
    bool saving;        /* a request makes a savepoint of it */
    bool doomed;        /* its deletion has begun, and may have failed half-way: only that is done with it */
    bool removed;       /* no longer in the table */
    int64_t started_us; /* wall clock, of the last start; 0: never */
    int64_t again_us;   /* FAILING: when it starts again, monotonic */
    pthread_t thread;
    bool alive; /* thread is to be joined */
    /* the thread's while it is alive, but for those who hold the lock */
    pthread_mutex_t lock;
    wr_job *run;       /* under the lock; NULL: not running */
    uint32_t borrowed; /* under the lock: by how many run is being looked at */
    pthread_cond_t returned;
    bool cancel;        /* under the lock */
    wr_job_stats stats; /* under the lock: how it ended */
    int ended;          /* atomic: outcome can be read */
    wri_outcome outcome;
    char *why;                     /* of the outcome; owned */
    uint32_t tries;                /* failed runs in a row before this one */
    wri_saved saved;               /* of the savepoint that was asked for last */
    wri_lines output, errors, log; /* any thread's */
};

/* jobs.c */
wr_status wri_jobs_open(wri_server *srv,
                        wr_err *err) WR_MUST_USE; /* from the catalog; starts those that shall run */
wri_sjob *wri_jobs_find(wri_server *srv, const char *id_or_name); /* NULL: none; a reference is not taken */
const char *wri_jobs_near(wri_server *srv, const char *name);     /* what it may mean; NULL: nothing */
wri_sjob *wri_job_hold(wri_sjob *j);
void wri_job_drop(wri_sjob *j); /* NULL is allowed */
/* A row that stands in the catalog becomes a job and is started. NULL: no memory. */
wri_sjob *wri_jobs_add(wri_server *srv, const wri_job_row *row, wr_err *err);
void wri_jobs_remove(wri_sjob *j); /* from the table */
void wri_jobs_look(wri_server *srv,
                   int64_t now_us);        /* at those whose threads have ended, and that shall start again */
void wri_jobs_stop(wri_server *srv);       /* all, for the server's end */
void wri_jobs_join(wri_server *srv);       /* waits for those that were stopped */
bool wri_jobs_rest(const wri_server *srv); /* no thread is alive */
void wri_jobs_free(wri_server *srv);
const char *wri_jstate_name(wri_jstate s);
/* What is wanted has been written to the catalog: does it. */
void wri_job_act(wri_sjob *j, wri_wanted wanted);
void wri_job_rest(wri_sjob *j); /* ends its run with a last snapshot; what is wanted of it stays */
bool wri_job_at_rest(const wri_sjob *j);
/* What it reads and writes is open and its state is loaded, or it has ended. */
bool wri_job_begun(wri_sjob *j);
void wri_job_stats(wri_sjob *j, wr_job_stats *outp);
/* What holds it up for now; .now false: nothing of that kind. */
void wri_job_trouble(wri_sjob *j, wr_trouble_kind kind, wr_trouble *outp);
/* The job that runs, which stays until it is given back: its end waits for that. NULL: none runs. From the
 * pool, never the loop; for reading that takes longer than the lock may be held. */
wr_job *wri_job_borrow(wri_sjob *j);
void wri_job_give_back(wri_sjob *j);
/* A line of the job's log, and of the server's. From any thread. */
void wri_job_log(wri_sjob *j, const char *fmt, ...) WR_PRINTF(2, 3);

/* job_run.c */
wr_status wri_job_start(wri_sjob *j, wr_err *err) WR_MUST_USE;
void wri_job_cancel(wri_sjob *j); /* its run ends with a last snapshot; any thread */

/* "DATA/dir/name" and what is below. */
wr_status wri_data_path(const wri_server *srv, char out[4096], wr_err *err, const char *dir, const char *name,
                        const char *below) WR_MUST_USE;

/* Whether the job has state of its own; in the pool. */
wr_status wri_has_snapshot(const wri_server *srv, const char *id, bool *hasp, wr_err *err) WR_MUST_USE;
/* Removes the folder of a job, then its row; in the pool. */
wr_status wri_job_erase(wri_server *srv, const char *id, wr_err *err) WR_MUST_USE;

/* plan.c: SQL text as jobs and requests need it */
typedef struct wri_sql {
    wr_arena ar;
    wr_diags diags;
    wr_script script;
    wr_registry reg;
    wr_plan plan;
} wri_sql;
/* WR_ESQL, with what is wrong in *whyp (a text of lines), or WR_ENOMEM. To be freed in any case. */
wr_status wri_sql_plan(wri_sql *s, const char *name, const char *text, wr_buf *why) WR_MUST_USE;
/* WR_EINVAL: what only makes sense at a command line. */
wr_status wri_sql_servable(const wri_sql *s, wr_err *err) WR_MUST_USE;
void wri_sql_free(wri_sql *s);

/* ---- the server ---- */

/* The name of a savepoint that a request holds: api_savepoints.c. */
typedef struct wri_claim {
    const char *name, *doing; /* doing: "made", "deleted" */
    struct wri_claim *next;
} wri_claim;

struct wri_server {
    wr_server_opts o;
    const wr_sys *sys;
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t signals[3];
    uv_timer_t tick;
    uv_async_t wake; /* a job has ended, a line has come; any thread */
    wri_conn *conns;
    uint32_t n_conns, n_handles;   /* n_handles: to be closed before the loop is */
    size_t body_bytes, room_taken; /* of requests under way: as they came; atomic: as values */
    uint32_t n_in_pool;
    wri_req *waiting; /* wri_req_wait and those who follow */
    wri_sjob **jobs;
    size_t n_jobs, cap_jobs, n_submitted; /* n_submitted: that are not among jobs yet */
    wri_catalog *catalog;
    wri_claim *claims;
    pthread_mutex_t savepoints; /* api_savepoints.c; never taken on the loop */
    wr_streams *streams;
    wri_tls *tls; /* for new connections; NULL: the port speaks none */
    bool stopping, closed;
    bool unaccepted;    /* a connection waits, for which there was no memory */
    int64_t started_us; /* monotonic */
    int64_t tended_us;  /* when streams were last looked after */
    int64_t rested_us;  /* when the last job had stopped, at the server's end */
    bool tending;
    bool renewing, renew_again; /* the certificate is being read, and shall be read once more */
    uv_work_t tend;
    uint64_t n_requests; /* answered */
    uint64_t n_noises;   /* connections that were cut as they spoke no TLS that we do */
    uint64_t n_puts;     /* of records */
    char scratch[65536]; /* what is read from a socket, until it has been looked at */
};
void wri_server_say(const wri_server *srv, const char *fmt, ...) WR_PRINTF(2, 3);

/* api_*.c: handlers, as routes.c has them */
void wri_api_health(wri_req *r);
void wri_api_metrics(wri_req *r);
void wri_api_jobs_list(wri_req *r);
void wri_api_jobs_submit(wri_req *r);
void wri_api_job(wri_req *r);
void wri_api_job_why(wri_req *r);
void wri_api_job_analyze(wri_req *r); /* the plan, with live numbers; r->job is there */
void wri_api_job_pause(wri_req *r);
void wri_api_job_resume(wri_req *r);
void wri_api_job_stop(wri_req *r);
void wri_api_job_delete(wri_req *r);
void wri_api_job_savepoint(wri_req *r);
void wri_api_job_update(wri_req *r);
void wri_api_job_plan(wri_req *r);
void wri_api_job_log(wri_req *r);
void wri_api_job_errors(wri_req *r);
void wri_api_job_output(wri_req *r);
void wri_api_savepoints_list(wri_req *r);
void wri_api_savepoint(wri_req *r);
void wri_api_savepoint_delete(wri_req *r);
void wri_api_explain(wri_req *r);
void wri_api_check(wri_req *r);
void wri_api_streams_list(wri_req *r);
void wri_api_streams_create(wri_req *r);
void wri_api_stream(wri_req *r);
void wri_api_stream_delete(wri_req *r);
void wri_api_stream_split(wri_req *r);
void wri_api_stream_merge(wri_req *r);
void wri_api_stream_reshard(wri_req *r);
void wri_api_stream_retention(wri_req *r);
void wri_api_records_put(wri_req *r);
void wri_api_records_get(wri_req *r);
/* The job that the path names, with a reference in r->job; false: answered. */
bool wri_api_find_job(wri_req *r);
bool wri_api_begun(wri_req *r);   /* for wri_req_wait: wri_job_begun of r->job */
bool wri_api_at_rest(wri_req *r); /* the same: wri_job_at_rest */
/* Of jobs and savepoints: 1 to most letters, digits, _, - and ., not beginning with . or -. */
bool wri_api_good_name(const char *name, size_t most);
/* The body as the text of a script, in r's arena; NULL: noted. */
const char *wri_api_script(wri_req *r);
bool wri_api_script_fits(wri_req *r, const char *sql); /* false: noted; sql NULL: there is none */
/* No request changes it, and its deletion has not begun. */
bool wri_api_is_free(const wri_sjob *j);
/* The end of a request that has claimed its job. */
void wri_api_give_back(wri_req *r);
void wri_api_note_stopping(wri_req *r);
/* Finds the job and claims it, unless it is on its way to rest or `not` is its state; false: answered. */
bool wri_api_claim_state(wri_req *r, wri_jstate not, const char *verb);
/* In the pool: whether that plan can begin with the state of a savepoint; false: noted. */
bool wri_api_can_begin(wri_req *r, const char *savepoint, const wr_plan *plan);
json_t *wri_api_job_json(wri_sjob *j, bool whole);
/* Puts a job into the catalog that begins with a savepoint, which is there then and stays until the job has
 * state of its own. WR_EINVAL: it has gone. In the pool. */
wr_status wri_savepoint_begin(wri_server *srv, const wri_job_row *row, wr_err *err) WR_MUST_USE;
void wri_savepoints_open(wri_server *srv); /* removes what is left of deleted ones */
/* In the pool: the stream of that name, in r's arena; false: noted. */
bool wri_api_describe(wri_req *r, const char *name, wr_stream_info *outp);
void wri_api_note_stream(wri_req *r); /* the one that the path names */
uint32_t wri_api_open_shards(const wr_stream_info *info);
/* A request without parameters that is done in the pool, which notes its answer. */
void wri_api_work(wri_req *r, void (*in_pool)(wri_req *r));

#endif

/* server/server.c -- opens the data directory and the port, runs the loop, stops in order.
 *
 * The end, begun by a signal: the port is closed, connections that wait for a request are, jobs are canceled,
 * which takes a last snapshot of each; when no job's thread is left, no request in the pool and no answer
 * half written, the loop ends. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server_int.h"

#define BACKLOG    1024
#define THREADS    "16" /* of libuv's pool: requests that plan, wait for the disk; jobs that write snapshots */
#define TEND_US    (60 * WR_US_PER_SECOND)
#define GOODBYE_US (5 * WR_US_PER_SECOND) /* for answers half written when all jobs have stopped */

void wri_server_say(const wri_server *srv, const char *fmt, ...) {
    char line[2200];
    va_list ap;
    if (!srv->o.say || srv->o.quiet) return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    srv->o.say(line);
}

static void say_streams(void *ctx, const char *line) {
    const wri_server *srv = ctx;
    if (srv->o.say) srv->o.say(line);
}

/* ---- the address ---- */

static wr_status parse_address(const char *text, struct sockaddr_storage *outp, wr_err *err) {
    char host[64] = "127.0.0.1";
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    int64_t port = -1;
    if (colon && wr_read_i64(colon + 1, strlen(colon + 1), &port) && port >= 0 && port < 65536 &&
        n < sizeof host) {
        bool six = n > 2 && text[0] == '[' && text[n - 1] == ']';
        if (six) snprintf(host, sizeof host, "%.*s", (int)n - 2, text + 1);
        else if (n > 0) snprintf(host, sizeof host, "%.*s", (int)n, text);
        if (strcmp(host, "localhost") == 0) snprintf(host, sizeof host, "127.0.0.1");
        if (six && uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)outp) == 0) return WR_OK;
        if (!six && uv_ip4_addr(host, (int)port, (struct sockaddr_in *)outp) == 0) return WR_OK;
    }
    return wr_fail(err, WR_EINVAL, "listen '%s': expected ADDRESS:PORT, as 127.0.0.1:4567 or [::1]:4567",
                   text);
}

static int port_of(const wri_server *srv) {
    struct sockaddr_storage a;
    int n = sizeof a;
    if (uv_tcp_getsockname(&srv->listener, (struct sockaddr *)&a, &n) != 0) return 0;
    return a.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&a)->sin6_port)
                                   : ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static wr_status listen_at(wri_server *srv, wr_err *err) {
    struct sockaddr_storage a;
    WR_TRY(parse_address(srv->o.listen, &a, err));
    int e = uv_tcp_bind(&srv->listener, (struct sockaddr *)&a, 0);
    if (e == 0) e = uv_listen((uv_stream_t *)&srv->listener, BACKLOG, wri_conn_accept);
    if (e == 0) return WR_OK;
    if (e == UV_EADDRINUSE)
        return wr_fail(err, WR_EIO, "%s is in use by another program; give another --listen", srv->o.listen);
    return wr_fail(err, WR_EIO, "cannot listen at %s: %s", srv->o.listen, uv_strerror(e));
}

/* ---- streams: what is to be done now and then ---- */

static void tend(uv_work_t *w) {
    wri_server *srv = w->data;
    wr_arena ar = {0};
    const char **names;
    size_t n = 0;
    wr_err err = {0};
    if (wr_stream_list(srv->streams, &ar, &names, &n, &err) != WR_OK) n = 0;
    for (size_t i = 0; i < n; i++) {
        wr_stream *st;
        wr_status s = wr_stream_open(srv->streams, names[i], &st, &err);
        if (s == WR_OK) s = wr_stream_tend(st, &err);
        if (s != WR_OK && srv->o.say) srv->o.say(err.msg);
    }
    wr_arena_free(&ar);
}

static void tended(uv_work_t *w, int status) {
    wri_server *srv = w->data;
    (void)status;
    srv->tending = false;
}

static void tend_streams(wri_server *srv, int64_t now) {
    if (srv->tending || srv->stopping || now - srv->tended_us < TEND_US) return;
    srv->tended_us = now;
    srv->tend.data = srv;
    srv->tending = uv_queue_work(&srv->loop, &srv->tend, tend, tended) == 0;
}

/* ---- the loop ---- */

static void handle_closed(uv_handle_t *h) { ((wri_server *)h->data)->n_handles--; }

static void close_handle(wri_server *srv, uv_handle_t *h) {
    if (h->data && !uv_is_closing(h)) uv_close(h, handle_closed);
    (void)srv;
}

static void look_at_all(wri_server *srv) {
    int64_t now = srv->sys->mono_us();
    wri_jobs_look(srv, now);
    wri_reqs_look(srv);
    wri_follow_look(srv);
}

/* Everything that the end waits for is over. */
static bool may_end(wri_server *srv, int64_t now) {
    if (!wri_jobs_rest(srv) || srv->n_in_pool || srv->tending) return false;
    if (srv->rested_us == 0) srv->rested_us = now;
    return !srv->conns || now - srv->rested_us > GOODBYE_US;
}

static void finish(wri_server *srv) {
    srv->closed = true;
    while (srv->conns) wri_conn_close(srv->conns);
    close_handle(srv, (uv_handle_t *)&srv->listener);
    close_handle(srv, (uv_handle_t *)&srv->tick);
    close_handle(srv, (uv_handle_t *)&srv->wake);
    for (size_t i = 0; i < WR_LEN(srv->signals); i++) close_handle(srv, (uv_handle_t *)&srv->signals[i]);
}

static void on_wake(uv_async_t *h) { look_at_all(h->data); }

static void on_tick(uv_timer_t *h) {
    wri_server *srv = h->data;
    int64_t now = srv->sys->mono_us();
    look_at_all(srv);
    wri_conns_look(srv, now);
    tend_streams(srv, now);
    if (srv->unaccepted) wri_conn_accept((uv_stream_t *)&srv->listener, 0);
    if (srv->stopping && !srv->closed && may_end(srv, now)) finish(srv);
}

/* ---- the certificate ---- */

typedef struct renewal {
    uv_work_t work;
    wri_server *srv;
    wri_tls *made;
    wr_err err;
} renewal;

static void say_end(const wri_server *srv) {
    char time[WR_TEXT_MAX + 1];
    struct stat st;
    if (srv->sys->stat(srv->o.tls_key, &st) == 0 && st.st_mode & 077)
        wri_server_say(srv, "others than its owner can read the key '%s': chmod 600 is advised",
                       srv->o.tls_key);
    int64_t at = wri_tls_ends_us(srv->tls);
    time[wr_write_timestamp(at, 0, true, time)] = 0;
    wri_server_say(srv, "the certificate '%s' %s %s", srv->o.tls_cert,
                   at < srv->sys->wall_us() ? "is of no use: it ran out at" : "holds until", time);
}

static void renew(uv_work_t *w) {
    renewal *n = w->data;
    if (wri_tls_load(n->srv->o.tls_cert, n->srv->o.tls_key, &n->made, &n->err) != WR_OK) n->made = NULL;
}

static void begin_renewal(wri_server *srv);

/* Connections keep what they began with. */
static void renewed(uv_work_t *w, int status) {
    renewal *n = w->data;
    wri_server *srv = n->srv;
    (void)status;
    bool again = srv->renew_again && !srv->stopping;
    srv->n_in_pool--;
    srv->renewing = srv->renew_again = false;
    if (n->made) {
        wri_tls_free(srv->tls);
        srv->tls = n->made;
        say_end(srv);
    } else if (srv->o.say) {
        char line[700];
        snprintf(line, sizeof line, "goes on with the certificate it has: %s", n->err.msg);
        srv->o.say(line);
    }
    wr_free(n);
    if (again) begin_renewal(srv);
}

static void begin_renewal(wri_server *srv) {
    if (srv->renewing) {
        srv->renew_again = true; /* the files may have changed since they were read */
        return;
    }
    renewal *n = wr_calloc(1, sizeof *n);
    if (!n) return; /* the next signal may do */
    n->srv = srv;
    n->work.data = n;
    srv->renewing = uv_queue_work(&srv->loop, &n->work, renew, renewed) == 0;
    if (srv->renewing) srv->n_in_pool++;
    else wr_free(n);
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *h, int sig) {
    wri_server *srv = h->data;
    if (sig == SIGHUP && srv->tls) {
        if (!srv->stopping) begin_renewal(srv);
        return;
    }
    if (srv->stopping && sig == SIGHUP) return; /* a shell passes it on, and the kernel sends one, too */
    if (srv->stopping) _exit(130);              /* the second one: at once; snapshots so far hold */
    srv->stopping = true;
    wri_server_say(srv, "stopping: a last snapshot of each job; a second signal ends at once");
    close_handle(srv, (uv_handle_t *)&srv->listener);
    wri_jobs_stop(srv);
    look_at_all(srv);
}

static wr_status uv_did(int e, const char *what, wr_err *err) {
    return e == 0 ? WR_OK : wr_fail(err, WR_EIO, "cannot make %s: %s", what, uv_strerror(e));
}

/* A handle that is set up has its data, and is to be closed. */
static void made(wri_server *srv, uv_handle_t *h) {
    h->data = srv;
    srv->n_handles++;
}

static wr_status make_handles(wri_server *srv, wr_err *err) {
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
    WR_TRY(uv_did(uv_async_init(&srv->loop, &srv->wake, on_wake), "a wake-up", err));
    made(srv, (uv_handle_t *)&srv->wake);
    WR_TRY(uv_did(uv_timer_init(&srv->loop, &srv->tick), "a timer", err));
    made(srv, (uv_handle_t *)&srv->tick);
    WR_TRY(uv_did(uv_tcp_init(&srv->loop, &srv->listener), "a socket", err));
    made(srv, (uv_handle_t *)&srv->listener);
    for (size_t i = 0; i < WR_LEN(sigs); i++) {
        struct sigaction was;
        /* Without TLS there is nothing to be read again: a terminal that goes stops the server, unless nohup.
         */
        if (sigs[i] == SIGHUP && !srv->tls && sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler == SIG_IGN)
            continue;
        WR_TRY(uv_did(uv_signal_init(&srv->loop, &srv->signals[i]), "a signal handler", err));
        made(srv, (uv_handle_t *)&srv->signals[i]);
        WR_TRY(uv_did(uv_signal_start(&srv->signals[i], on_signal, sigs[i]), "a signal handler", err));
    }
    return uv_did(uv_timer_start(&srv->tick, on_tick, WRI_TICK_MS, WRI_TICK_MS), "a timer", err);
}

/* ---- all of it ---- */

static wr_status open_data(wri_server *srv, wr_err *err) {
    char path[4096];
    wr_streams_opts so = {.dir = srv->o.data,
                          .relaxed = srv->o.durability == 1,
                          .served = true,
                          .threads = 2,
                          .say = say_streams,
                          .ctx = srv};
    snprintf(path, sizeof path, "%.3900s/jobs", srv->o.data);
    wr_state_adopt_any(srv->sys, path, "snapshots"); /* before the first thread */
    WR_TRY(wr_streams_open(&so, &srv->streams, err));
    WR_TRY(wr_streams_lock(srv->streams, err));
    if (snprintf(path, sizeof path, "%s/weir.db", srv->o.data) >= (int)sizeof path)
        return wr_fail(err, WR_EINVAL, "the path of the data directory is too long");
    return wri_catalog_open(path, &srv->catalog, err);
}

static wr_status serve(wri_server *srv, wr_err *err) {
    if (srv->o.tls_cert) WR_TRY(wri_tls_load(srv->o.tls_cert, srv->o.tls_key, &srv->tls, err));
    WR_TRY(open_data(srv, err));
    WR_TRY(make_handles(srv, err));
    WR_TRY(listen_at(srv, err)); /* requests wait until the loop runs, when all jobs are there */
    wri_savepoints_open(srv);
    WR_TRY(wri_jobs_open(srv, err));
    const char *colon = strrchr(srv->o.listen, ':');
    int n = (int)(colon - srv->o.listen);
    if (srv->tls) say_end(srv);
    wri_server_say(srv, "serving '%s' at http%s://%.*s:%d, %zu jobs", srv->o.data, srv->tls ? "s" : "",
                   n ? n : 9, n ? srv->o.listen : "127.0.0.1", port_of(srv), srv->n_jobs);
    uv_run(&srv->loop, UV_RUN_DEFAULT);
    wri_server_say(srv, "stopped");
    return WR_OK;
}

wr_status wr_server_run(const wr_server_opts *o, wr_err *err) {
    wri_server *srv = wr_calloc(1, sizeof *srv);
    if (!srv) return wr_fail_oom(err, "the server");
    setenv("UV_THREADPOOL_SIZE", THREADS, 0);
    json_set_alloc_funcs(wr_alloc, wr_free);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write */
    pthread_mutex_init(&srv->savepoints, NULL);
    srv->o = *o;
    srv->sys = &wr_sys_real;
    srv->started_us = srv->tended_us = srv->sys->mono_us();
    wr_status s = uv_did(uv_loop_init(&srv->loop), "the event loop", err);
    if (s == WR_OK) {
        s = serve(srv, err);
        wri_jobs_stop(srv); /* those that were started before a failure */
        wri_jobs_join(srv); /* before what they wake is closed */
        finish(srv);
        while (srv->n_handles) uv_run(&srv->loop, UV_RUN_ONCE);
        uv_loop_close(&srv->loop);
    }
    wri_jobs_free(srv);
    wri_catalog_close(srv->catalog);
    wr_streams_close(srv->streams);
    wri_tls_free(srv->tls);
    pthread_mutex_destroy(&srv->savepoints);
    wr_free(srv);
    return s;
}

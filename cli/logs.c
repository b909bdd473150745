/* cli/logs.c -- weir logs and weir why: what a job tells of itself. */
#include <signal.h>

#include "client.h"

typedef struct logs_opts {
    bool follow, errors;
    wri_server_opts server;
} logs_opts;

static const wr_option flags[] = {
    {.name = "follow",
     .type = WR_OPT_BOOL,
     .offset = offsetof(logs_opts, follow),
     .def = "false",
     .doc = "Go on with lines as they come, until Ctrl-C."},
    {.name = "errors",
     .type = WR_OPT_BOOL,
     .offset = offsetof(logs_opts, errors),
     .def = "false",
     .doc = "The last records that could not be read, and why, instead."},
    WRI_SERVER_FLAGS(logs_opts),
};

static bool print_line(void *ctx, const wri_sse *e) {
    (void)ctx;
    wri_plain(stdout, "%s\n", e->data);
    return fflush(stdout) == 0;
}

static int logs(wri_client *c, const logs_opts *o, const char *job) {
    char *path = wr_arena_printf(&c->ar, "/v1/jobs/%s/%s", wri_escaped(c, job), o->errors ? "errors" : "log");
    if (!path) return wri_no_memory(c);
    if (o->follow) return wri_follow_events(c, wri_url_with(c, path, "follow", "1"), print_line, NULL);
    int status = wri_ask_text(c, "GET", "%s", path);
    if (status == EXIT_DONE && o->server.json) wri_print_answer(c);
    else if (status == EXIT_DONE) wri_plain(stdout, "%s", c->body.data);
    return status;
}

static int run_logs(const void *opts, char **args, int n) {
    const logs_opts *o = opts;
    wri_client c;
    if (n != 1) {
        wri_say("logs: expected the name or id of one job; weir jobs lists them");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write */
    int status = wri_client_open(&c, "logs", &o->server);
    if (status == EXIT_DONE) status = logs(&c, o, args[0]);
    wri_client_close(&c);
    return status;
}

const wr_command wri_cmd_logs = {
    .name = "logs",
    .args = "JOB",
    .words = "",
    .summary = "show what has happened to a job: states, errors, restarts",
    .doc = "The last lines, oldest first; -f goes on with those that come.\n\n"
           "  weir logs -f clicks\n"
           "  weir logs --errors clicks",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(logs_opts),
    .run = run_logs,
};

/* ---- why ---- */

typedef struct why_opts {
    wri_server_opts server;
} why_opts;

static const wr_option why_flags[] = {WRI_SERVER_FLAGS(why_opts)};

static int why(wri_client *c, const why_opts *o, const char *job) {
    int status = wri_ask(c, "GET", "/v1/jobs/%s/why", wri_escaped(c, job));
    if (status != EXIT_DONE) return status;
    size_t i;
    json_t *line;
    if (o->server.json) wri_print_answer(c);
    json_t *lines = o->server.json ? NULL : json_object_get(c->json, "lines");
    json_array_foreach(lines, i, line) {
        wri_plain(stdout, "%s\n", json_is_string(line) ? json_string_value(line) : "");
    }
    return EXIT_DONE;
}

static int run_why(const void *opts, char **args, int n) {
    const why_opts *o = opts;
    wri_client c;
    if (n != 1) {
        wri_say("why: expected the name or id of one job; weir jobs lists them");
        return EXIT_USAGE;
    }
    int status = wri_client_open(&c, "why", &o->server);
    if (status == EXIT_DONE) status = why(&c, o, args[0]);
    wri_client_close(&c);
    return status;
}

const wr_command wri_cmd_why = {
    .name = "why",
    .args = "JOB",
    .words = "",
    .summary = "tell why a job has no output yet",
    .doc =
        "For each window that waits: what holds event time back, since when, how many rows are in it, what "
        "would release it.\n\n"
        "  weir why clicks",
    .flags = why_flags,
    .n_flags = WR_LEN(why_flags),
    .opts_bytes = sizeof(why_opts),
    .run = run_why,
};

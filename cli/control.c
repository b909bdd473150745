/* cli/control.c -- weir stop, pause, resume, delete and savepoint: what can be done to a job. */
#include "client.h"

#include <poll.h>

#define LOOK_MS 50 /* between looks at a job that is on its way to rest */

typedef struct control_opts {
    bool force;
    wri_server_opts server;
} control_opts;

static const wr_option flags[] = {WRI_SERVER_FLAGS(control_opts)};
static const wr_option delete_flags[] = {
    {.name = "force",
     .type = WR_OPT_BOOL,
     .offset = offsetof(control_opts, force),
     .def = "false",
     .doc = "Stop the job first, if it runs."},
    WRI_SERVER_FLAGS(control_opts),
};

static bool on_its_way(const json_t *job) {
    const char *state = wri_member(job, "state");
    return strcmp(state, "pausing") == 0 || strcmp(state, "stopping") == 0;
}

/* Until the job is at rest; c->json is it. */
static int wait_for(wri_client *c, const char *job) {
    int status = EXIT_DONE;
    while (status == EXIT_DONE && on_its_way(c->json)) {
        poll(NULL, 0, LOOK_MS);
        status = wri_ask(c, "GET", "/v1/jobs/%s", wri_escaped(c, job));
    }
    return status;
}

static int change(wri_client *c, const control_opts *o, const char *verb, const char *job) {
    int status = wri_ask(c, "POST", "/v1/jobs/%s/%s", wri_escaped(c, job), verb);
    if (status == EXIT_DONE) status = wait_for(c, job);
    if (status != EXIT_DONE) return status;
    const char *state = wri_member(c->json, "state");
    if (o->server.json) wri_print_answer(c);
    else wri_plain(stdout, "%s: %s\n", wri_member(c->json, "name"), state);
    return wri_job_fares(c, c->json);
}

static int delete_one(wri_client *c, const control_opts *o, const char *verb, const char *job) {
    (void)verb;
    int status = wri_ask(c, "DELETE", "/v1/jobs/%s%s", wri_escaped(c, job), o->force ? "?force=1" : "");
    if (status != EXIT_DONE) return status;
    if (o->server.json) wri_print_answer(c);
    else printf("%s: deleted\n", job);
    return EXIT_DONE;
}

typedef int (*do_one)(wri_client *c, const control_opts *o, const char *verb, const char *job);

static int each(const char *verb, const control_opts *o, char **args, int n, do_one f) {
    wri_client c;
    if (n < 1) {
        wri_say("%s: expected names or ids of jobs; weir jobs lists them", verb);
        return EXIT_USAGE;
    }
    int status = wri_client_open(&c, verb, &o->server), worst = status;
    for (int i = 0; status == EXIT_DONE && i < n; i++) {
        int s = f(&c, o, verb, args[i]);
        if (s > worst) worst = s;
        if (s != EXIT_DONE && !c.code) break; /* there is no server */
    }
    wri_client_close(&c);
    return worst;
}

static int run_stop(const void *opts, char **args, int n) { return each("stop", opts, args, n, change); }
static int run_pause(const void *opts, char **args, int n) { return each("pause", opts, args, n, change); }
static int run_resume(const void *opts, char **args, int n) { return each("resume", opts, args, n, change); }
static int run_delete(const void *opts, char **args, int n) {
    return each("delete", opts, args, n, delete_one);
}

const wr_command wri_cmd_stop = {
    .name = "stop",
    .args = "JOB ...",
    .words = "",
    .summary = "stop jobs of a running engine, after a last snapshot",
    .doc = "Waits until they have. Their state stays: weir resume goes on from there, weir delete removes "
           "it.\n\n"
           "  weir stop clicks",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(control_opts),
    .run = run_stop,
};

const wr_command wri_cmd_pause = {
    .name = "pause",
    .args = "JOB ...",
    .words = "",
    .summary = "let jobs of a running engine rest, after a last snapshot",
    .doc = "Waits until they do. They rest until weir resume, also when the server is started again.\n\n"
           "  weir pause clicks",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(control_opts),
    .run = run_pause,
};

const wr_command wri_cmd_resume = {
    .name = "resume",
    .args = "JOB ...",
    .words = "",
    .summary = "let jobs go on from their last snapshot",
    .doc = "Jobs that are paused or stopped, or have failed.\n\n"
           "  weir resume clicks",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(control_opts),
    .run = run_resume,
};

const wr_command wri_cmd_delete = {
    .name = "delete",
    .args = "JOB ...",
    .words = "",
    .summary = "delete jobs that have ended, and their state",
    .doc = "Jobs that are stopped or finished or have failed; --force stops others first. What they have "
           "written stays.\n\n"
           "  weir delete clicks",
    .flags = delete_flags,
    .n_flags = WR_LEN(delete_flags),
    .opts_bytes = sizeof(control_opts),
    .run = run_delete,
};

/* ---- savepoint ---- */

static int savepoint(wri_client *c, const control_opts *o, const char *job, const char *name) {
    char bytes[WRI_SHOWN];
    c->sent = json_pack("{s:s*}", "name", name);
    if (!c->sent) return wri_no_memory(c);
    int status = wri_ask(c, "POST", "/v1/jobs/%s/savepoint", wri_escaped(c, job));
    if (status != EXIT_DONE) return status;
    if (o->server.json) wri_print_answer(c);
    else {
        wri_plain(stdout, "%s\n", wri_member(c->json, "name"));
        wri_plain(stderr, "%s bytes in %s on the server\n", wri_shown(c->json, "bytes", bytes),
                  wri_member(c->json, "path"));
    }
    return EXIT_DONE;
}

static int run_savepoint(const void *opts, char **args, int n) {
    const control_opts *o = opts;
    wri_client c;
    if (n < 1 || n > 2) {
        wri_say("savepoint: expected a job and, if it shall have one, a name; see weir help savepoint");
        return EXIT_USAGE;
    }
    int status = wri_client_open(&c, "savepoint", &o->server);
    if (status == EXIT_DONE) status = savepoint(&c, o, args[0], n > 1 ? args[1] : NULL);
    wri_client_close(&c);
    return status;
}

const wr_command wri_cmd_savepoint = {
    .name = "savepoint",
    .args = "JOB [NAME]",
    .words = "",
    .summary = "keep the state of a job under a name",
    .doc = "Snapshots come and go; a savepoint stays, also when its job is deleted: a folder below "
           "savepoints/ in "
           "the data directory. Prints its name.\n\n"
           "  weir savepoint clicks before_change\n"
           "  weir submit --savepoint before_change --name second clicks.sql",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(control_opts),
    .run = run_savepoint,
};

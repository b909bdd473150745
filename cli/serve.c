/* cli/serve.c -- weir serve: jobs and streams behind HTTP, until a signal. */
#include "server/server.h"

#include "cli.h"

static void say(const char *line) { wri_say("%s", line); }

static int serve(const void *opts, char **args, int n) {
    wr_server_opts o = *(const wr_server_opts *)opts;
    wr_arena ar = {0};
    wr_err err = {0};
    (void)args;
    if (n > 0) {
        wri_say("serve: expected only options; see weir help serve");
        return EXIT_USAGE;
    }
    wr_status s = wr_server_configure(&o, &ar, &err);
    if (s == WR_OK) {
        o.version = WR_VERSION;
        o.say = say;
        s = wr_server_run(&o, &err);
    }
    if (s != WR_OK) wri_say("serve: %s", err.msg);
    wr_arena_free(&ar);
    return s == WR_OK ? EXIT_DONE : s == WR_EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

const wr_command wri_cmd_serve = {
    .name = "serve",
    .args = "",
    .words = "",
    .summary = "run jobs and streams behind HTTP",
    .doc =
        "Runs SQL jobs that are submitted over HTTP, and goes on with them by itself when it is started "
        "again: "
        "what each job has done so far is kept in snapshots in the data directory. A job that fails is "
        "started "
        "again, later each time. Ctrl-C takes a last snapshot of each job and ends; a second one ends at "
        "once.\n\n"
        "  weir serve --data d\n"
        "  curl -H 'Content-Type: application/sql' --data-binary @clicks.sql "
        "localhost:4567/v1/jobs?name=clicks\n"
        "  curl localhost:4567/v1/jobs/clicks\n\n"
        "There are no users and no passwords: whoever reaches the address may do everything. With --tls-cert "
        "and --tls-key it speaks HTTPS, and reads both again on SIGHUP. Relative paths in "
        "the SQL are relative to the folder in which the server was started.\n\n"
        "Exit status: 0 stopped by a signal, 1 failure, 2 usage error.",
    .flags = wr_server_options,
    .n_flags = WR_SERVER_OPTIONS,
    .opts_bytes = sizeof(wr_server_opts),
    .run = serve,
};

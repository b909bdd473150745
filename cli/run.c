/* cli/run.c -- weir run: a SQL file in this process. Results on standard output, all else on standard error.
 */
#include "cli.h"
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct run_opts {
    const char *execute;
    int format; /* 0: by terminal, else 1 + index of json|csv|table */
    int64_t workers, batch_rows;
    bool quiet;
} run_opts;

#define OPT(member) offsetof(run_opts, member)
static const wr_option flags[] = {
    {.name = "execute",
     .type = WR_OPT_STRING,
     .offset = OPT(execute),
     .doc = "Run this SQL text instead of a file (-e)."},
    {.name = "format",
     .type = WR_OPT_ENUM,
     .offset = OPT(format),
     .values = "auto|json|csv|table",
     .def = "auto",
     .doc = "How a bare SELECT prints; auto: table on a terminal, JSON lines otherwise."},
    {.name = "workers",
     .type = WR_OPT_INT,
     .offset = OPT(workers),
     .def = "0",
     .max = 128,
     .doc = "Worker threads; 0 is one per core."},
    {.name = "batch_rows",
     .type = WR_OPT_INT,
     .offset = OPT(batch_rows),
     .def = "0",
     .max = WR_BATCH_ROWS_MAX,
     .doc = "Rows of a batch; 0 is the default of 4,096."},
    {.name = "quiet",
     .type = WR_OPT_BOOL,
     .offset = OPT(quiet),
     .def = "false",
     .doc = "No progress, no summary (-q)."},
};

static wr_job *running; /* for the signal handler only */

static void on_signal(int sig) {
    (void)sig;
    if (running) wr_job_cancel(running);
}

static void print_notes(const wr_plan *plan) {
    for (uint32_t i = 0; i < plan->n_notes; i++) fputs(plan->notes[i], stdout);
    fflush(stdout);
}

static uint32_t terminal_width(void) {
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static int finish(wr_status s, const wr_job *job, const wr_err *err, bool quiet) {
    if (!quiet) wri_summary(job, s);
    if (s == WR_OK) return EXIT_DONE;
    if (s == WR_ECANCELED) {
        wri_say("interrupted; results so far are kept, the same command starts anew");
        return EXIT_INTERRUPTED;
    }
    wri_say("%s", err->msg);
    return EXIT_FAILED;
}

static int run_plan(const wri_script *sc, const run_opts *o) {
    bool terminal = isatty(STDOUT_FILENO);
    wr_job_opts jo = {.workers = (uint32_t)o->workers,
                      .batch_rows = (uint32_t)o->batch_rows,
                      .format = o->format  ? o->format - 1
                                : terminal ? 2
                                           : 0,
                      .out_fd = STDOUT_FILENO,
                      .terminal = terminal,
                      .width = terminal ? terminal_width() : 0};
    wr_err err = {0};
    wr_job *job;
    print_notes(&sc->plan);
    if (sc->plan.n_nodes == 0) return EXIT_DONE;
    if (wr_job_new(&sc->plan, &jo, &job, &err) != WR_OK) {
        wri_say("%s", err.msg);
        return EXIT_FAILED;
    }
    running = job;
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}; /* the second Ctrl-C kills */
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    wri_progress progress = {.job = job, .on = !o->quiet && isatty(STDERR_FILENO)};
    wr_status s = wr_job_run(job, wri_progress_tick, &progress, &err);
    running = NULL;
    wri_progress_clear(&progress);
    int status = finish(s, job, &err, o->quiet);
    wr_job_free(job);
    return status;
}

static int run(const void *opts, char **args, int n) {
    const run_opts *o = opts;
    if (n != (o->execute ? 0 : 1)) {
        wri_say(
            "run: expected one SQL file (or - for standard input, or -e 'SQL'), found %d; see weir help run",
            n);
        return EXIT_USAGE;
    }
    wri_script sc;
    int status = wri_script_load(&sc, n ? args[0] : NULL, o->execute);
    if (status == EXIT_DONE) status = run_plan(&sc, o);
    wri_script_free(&sc);
    return status;
}

const wr_command wri_cmd_run = {
    .name = "run",
    .args = "FILE.sql",
    .summary = "run a SQL file in this process",
    .doc =
        "Runs all statements of the file as one job until bounded input has been wholly processed. A bare\n"
        "SELECT prints to standard output; progress and the closing summary go to standard error.\n"
        "FILE - is standard input.\n\n"
        "Exit status: 0 done, 1 failure while running, 2 SQL or usage error, 130 interrupted.\n",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(run_opts),
    .run = run,
};

/* cli/run.c -- weir run: a SQL file in this process. Results on standard output, all else on standard error.
 *
 * The first SIGINT or SIGTERM asks the job to stop; both then have their usual effect again, so that a
 * second one ends the process even where a worker hangs in a write that nobody reads. */
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"
#include "progress.h"

typedef struct run_opts {
    const char *execute, *data;
    int durability; /* index of fsync|os */
    int format;     /* 0: by terminal, else 1 + index of json|csv|table */
    int64_t workers, batch_rows;
    bool quiet;
    int stats; /* index of none|plan|json|prometheus */
    const char *state;
    int64_t snapshot_interval, memory;
    const char *from;
    bool update;
    wri_app_opts app;
} run_opts;

#define OPT(member) offsetof(run_opts, member)
static const wr_option flags[] = {
    {.name = "execute",
     .type = WR_OPT_STRING,
     .offset = OPT(execute),
     .doc = "Run this SQL text instead of a file."},
    {.name = "data",
     .type = WR_OPT_STRING,
     .offset = OPT(data),
     .doc = "The data directory, for streams of connector 'stream'."},
    {.name = "durability",
     .type = WR_OPT_ENUM,
     .offset = OPT(durability),
     .values = "fsync|os",
     .def = "fsync",
     .doc = "When a record counts as written to the data directory: when the disk has it, or the system."},
    {.name = "format",
     .type = WR_OPT_ENUM,
     .offset = OPT(format),
     .values = "auto|json|csv|table",
     .def = "auto",
     .doc = "How a bare SELECT prints; auto: a table on a terminal, else JSON lines."},
    {.name = "quiet",
     .type = WR_OPT_BOOL,
     .offset = OPT(quiet),
     .def = "false",
     .doc = "No progress line and no closing summary."},
    {.name = "stats",
     .type = WR_OPT_ENUM,
     .offset = OPT(stats),
     .values = "none|plan|json|prometheus",
     .def = "none",
     .doc = "At the end, print on standard error the plan with the rows, state and times of each operator, "
            "or all "
            "metrics (docs/METRICS.md)."},
    {.name = "state",
     .type = WR_OPT_STRING,
     .offset = OPT(state),
     .doc = "Keep snapshots in this folder; the same command goes on from the last one."},
    {.name = "snapshot_interval",
     .type = WR_OPT_DURATION,
     .offset = OPT(snapshot_interval),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "Time between snapshots, such as 50ms; without it what the SQL sets, else 10 seconds."},
    {.name = "from",
     .type = WR_OPT_STRING,
     .offset = OPT(from),
     .doc = "Start from this savepoint; with --state, a folder for the job's own snapshots."},
    {.name = "update",
     .type = WR_OPT_BOOL,
     .offset = OPT(update),
     .def = "false",
     .doc = "Go on from the state of other SQL: what is the same keeps its state, the rest begins or is "
            "dropped."},
    {.name = "memory",
     .type = WR_OPT_BYTES,
     .offset = OPT(memory),
     .def = "0",
     .max = INT64_MAX / 2,
     .doc = "What buffers and state may take, such as 512MiB; state of keys and windows that is more goes to "
            "disk, in "
            "the "
            "--state folder or TMPDIR. 0: what the SQL sets, else half of the machine's memory."},
    {.name = "workers",
     .type = WR_OPT_INT,
     .offset = OPT(workers),
     .def = "0",
     .max = 128,
     .doc = "Worker threads; 0: what the SQL sets, else one per core."},
    {.name = "batch_rows",
     .type = WR_OPT_INT,
     .offset = OPT(batch_rows),
     .def = "0",
     .max = WR_BATCH_ROWS_MAX,
     .doc = "Rows of a batch, at most; 0: what the SQL sets, else 4,096."},
    WRI_APP_FLAGS(run_opts),
};

#define PATIENCE 10 /* ticks, a second, after which a job that should stop says how to end it */

static wr_job *running;                /* for the signal handler only */
static volatile sig_atomic_t stopping; /* a signal has come */
static volatile sig_atomic_t asked;    /* SIGUSR1 has come: why is there no output? */

static void on_signal(int sig) {
    (void)sig;
    stopping = 1;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    wr_job_cancel(running);
}

static void on_ask(int sig) {
    (void)sig;
    asked = 1;
}

static void catch_signals(wr_job *job) {
    struct sigaction sa = {.sa_handler = on_signal};
    running = job;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sa = (struct sigaction){.sa_handler = on_ask, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &sa, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write */
}

typedef struct ticker {
    wri_progress progress;
    wr_job *job;
    int late;                          /* ticks since the signal */
    wr_trouble told[WR_TROUBLE_KINDS]; /* on standard error */
} ticker;

/* What tell says of the job, on standard error. */
static void print_of(ticker *t, wr_status (*tell)(wr_job *job, wr_buf *out, wr_err *err)) {
    wr_buf text = {0};
    wr_err err = {0};
    wr_status s = tell(t->job, &text, &err);
    wri_progress_clear(&t->progress);
    if (s != WR_OK) wri_say("%s", err.msg);
    else fwrite(text.data, 1, text.len, stderr);
    fflush(stderr);
    wr_buf_free(&text);
}

static wr_status tell_why(wr_job *job, wr_buf *out, wr_err *err) {
    return wr_job_why(job, WR_WHY_TEXT, out, err);
}

static wr_status tell_prometheus(wr_job *job, wr_buf *out, wr_err *err) {
    return wr_job_metrics_prometheus(job, "run", out, err);
}

static wr_status tell_json(wr_job *job, wr_buf *out, wr_err *err) {
    wr_status s = wr_job_metrics_json(job, out, err);
    return s == WR_OK ? wr_buf_puts(out, "\n") : s;
}

/* Once per change: what holds the job up, and that it is over. */
static void tell_trouble(ticker *t, wr_trouble_kind kind) {
    static const char *const goes_on[] = {"; the job goes on, and tries again", "; the job waits for room",
                                          "; rows wait, and it is tried again"};
    static const char *const over[] = {"snapshots are written again", "there is room again: the job goes on",
                                       "rows are delivered again"};
    wr_trouble now, *told = &t->told[kind];
    wr_job_trouble(t->progress.job, kind, &now);
    if (now.news == told->news) return;
    wri_progress_clear(&t->progress);
    if (now.now || now.times > told->times) wri_say("%s%s", now.why, goes_on[kind]);
    if (!now.now) wri_say("%s", over[kind]);
    *told = now;
}

static void on_tick(void *ctx) {
    ticker *t = ctx;
    if (asked) {
        asked = 0;
        print_of(t, tell_why);
    }
    for (int k = 0; k < WR_TROUBLE_KINDS; k++) tell_trouble(t, (wr_trouble_kind)k);
    wri_progress_tick(&t->progress);
    if (!stopping || ++t->late != PATIENCE) return;
    wri_progress_clear(&t->progress);
    wri_say("still stopping (does something read the output?); a second Ctrl-C ends it at once");
}

static uint32_t terminal_width(void) {
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static wr_job_opts job_opts(const run_opts *o) {
    bool terminal = isatty(STDOUT_FILENO);
    int by_terminal = terminal ? 2 : 0;
    return (wr_job_opts){.state_dir = o->state,
                         .from_dir = o->from,
                         .update = o->update,
                         .snapshot_interval_us = o->snapshot_interval,
                         .memory_bytes = o->memory,
                         .workers = (uint32_t)o->workers,
                         .batch_rows = (uint32_t)o->batch_rows,
                         .format = o->format ? o->format - 1 : by_terminal,
                         .terminal = terminal,
                         .width = terminal ? terminal_width() : 0};
}

static int finish(wr_status s, const char *state, const wr_err *err) {
    if (s == WR_OK) return EXIT_DONE;
    if (s == WR_ECANCELED) {
        if (state) wri_say("interrupted: the state is in '%s'; the same command goes on from there", state);
        else wri_say("interrupted: results so far have been written; the same command starts anew");
        return EXIT_INTERRUPTED;
    }
    wri_say("%s", err->msg);
    return EXIT_FAILED;
}

/* What becomes of the state is told in any case: before the job starts, or is refused. */
static int new_job(const wri_script *sc, wr_job_opts jo, wr_job **jobp) {
    wr_err err = {0};
    wr_buf changes = {0};
    jo.sql = sc->text.data;
    jo.changes = &changes;
    wr_status s = wr_job_new(&sc->plan, &jo, jobp, &err);
    if (changes.len > 0) fwrite(changes.data, 1, changes.len, stderr);
    if (s != WR_OK) wri_say("%s", err.msg);
    wr_buf_free(&changes);
    return s == WR_OK ? EXIT_DONE : EXIT_FAILED;
}

static void warn(const wr_job *job) {
    wr_buf lines = {0};
    if (wr_job_warnings(job, &lines) == WR_OK && lines.len) fwrite(lines.data, 1, lines.len, stderr);
    wr_buf_free(&lines);
}

static int run_job(const wri_script *sc, const run_opts *o, wr_streams *db) {
    ticker tick = {.progress = {.plan = &sc->plan, .on = !o->quiet && isatty(STDERR_FILENO)}};
    wr_job_opts jo = job_opts(o);
    wr_err err = {0};
    wr_job *job;
    jo.streams = db;
    jo.sys = wri_progress_sys(&tick.progress, jo.terminal);
    int opened = new_job(sc, jo, &job);
    if (opened != EXIT_DONE) return opened;
    tick.progress.job = tick.job = job;
    fputs(wr_job_passed_over(job), stderr); /* also with --quiet: what it goes on from is older */
    if (wr_job_finished(job)) {
        wr_job_free(job);
        wri_say(
            "the job whose state is in '%s' has finished: nothing to do; remove the folder to run it again",
            o->state);
        return EXIT_DONE;
    }
    warn(job);
    catch_signals(job);
    wr_status s = wr_job_run(job, on_tick, &tick, &err);
    signal(SIGINT, SIG_DFL); /* before job goes */
    signal(SIGTERM, SIG_DFL);
    signal(SIGUSR1, SIG_IGN); /* one that comes too late is not to end us */
    wri_progress_clear(&tick.progress);
    for (int k = 0; k < WR_TROUBLE_KINDS; k++) tell_trouble(&tick, (wr_trouble_kind)k);
    if (o->stats == 1) print_of(&tick, wr_job_analyze);
    if (o->stats == 2) print_of(&tick, tell_json);
    if (o->stats == 3) print_of(&tick, tell_prometheus);
    if (!o->quiet) wri_summary(stderr, &tick.progress, s);
    wr_job_free(job);
    return finish(s, o->state, &err);
}

static int run_plan(const wri_script *sc, const run_opts *o) {
    const wr_plan *plan = &sc->plan;
    for (uint32_t i = 0; i < plan->n_notes; i++) fputs(plan->notes[i], stdout);
    fflush(stdout); /* before the job writes there by itself */
    if (plan->n_nodes == 0) return EXIT_DONE;
    wr_streams *db = NULL;
    int status = o->data ? wri_data_open("run", o->data, WRI_DATA_READ, o->durability == 1, &db) : EXIT_DONE;
    if (status == EXIT_DONE) status = run_job(sc, o, db);
    wr_streams_close(db);
    return status;
}

/* Flags that would do nothing are a mistake. */
static bool flags_fit(const run_opts *o) {
    bool state = o->state != NULL, from = o->from != NULL;
    if (o->snapshot_interval && !state)
        wri_say("run: --snapshot-interval needs --state DIR, the folder for the snapshots");
    else if (o->update && !state && !from)
        wri_say("run: --update needs --state DIR or --from DIR, where the state is that it goes on from");
    else return true;
    return false;
}

static int run(const void *opts, char **args, int n) {
    const run_opts *o = opts;
    if (!wri_one_script("run", &o->app, o->execute, n) || !flags_fit(o)) return EXIT_USAGE;
    wri_script sc;
    bool adopted = o->state && wr_state_adopt(&wr_sys_real, o->state);
    if (!adopted && o->from) wr_state_adopt(&wr_sys_real, o->from);
    int status = wri_script_load(&sc, &o->app, n ? args[0] : NULL, o->execute);
    if (status == EXIT_DONE) status = run_plan(&sc, o);
    wri_script_free(&sc);
    return status;
}

const wr_command wri_cmd_run = {
    .name = "run",
    .args = "FILE.sql",
    .summary = "run a SQL file in this process",
    .doc =
        "Runs all statements of the file as one job, until its input ends or Ctrl-C. A bare SELECT prints "
        "to standard output; progress, the closing summary and errors go to standard error. FILE - is "
        "standard input. Paths in the SQL are relative to the current folder.\n\n"
        "  weir run clicks.sql\n"
        "  weir run -e \"SELECT UPPER('it works') AS answer\"\n"
        "  weir run --format csv clicks.sql > clicks.csv\n"
        "  weir run --state clicks.state clicks.sql\n\n"
        "With --state the job keeps snapshots in that folder. After a crash, or Ctrl-C, the same command "
        "goes on "
        "from the last one, and files that it writes hold every row once. Standard output may get rows "
        "twice; "
        "standard input cannot be read again.\n\n"
        "While it runs, SIGUSR1 (kill -USR1 PID) makes it say on standard error why there is no output yet: "
        "which windows wait, which file or shard holds event time back, and what would let them go.\n\n"
        "When the SQL has changed, what became of each part of the state is listed, and nothing runs unless "
        "--update is given. --from starts from a savepoint (weir state --savepoint); docs/STATE.md has "
        "more.\n\n"
        "--application runs a Kinesis Data Analytics application from its description; weir application "
        "prints "
        "it as SQL.\n\n"
        "  weir run --application app.json --data streams\n"
        "  weir run --application app.json --input SOURCE_SQL_STREAM=trades.jsonl code.sql\n\n"
        "Exit status: 0 done, 1 failure while running, 2 SQL or usage error, 130 interrupted.",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(run_opts),
    .run = run,
};

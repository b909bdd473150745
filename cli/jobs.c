/* cli/jobs.c -- weir jobs: the jobs of a running engine, all in a table, or in detail. */
#include "client.h"

typedef struct jobs_opts {
    bool verbose;
    wri_server_opts server;
} jobs_opts;

static const wr_option flags[] = {
    {.name = "verbose",
     .type = WR_OPT_BOOL,
     .offset = offsetof(jobs_opts, verbose),
     .def = "false",
     .doc = "Of each job its snapshot, its operators and more."},
    WRI_SERVER_FLAGS(jobs_opts),
};

/* ---- all, in a table ---- */

static const struct {
    const char *head, *key;
} columns[] = {
    {"NAME", "name"},         {"STATE", "state"}, {"STARTED", "started"}, {"ROWS IN", "rows_in"},
    {"ROWS OUT", "rows_out"}, {"LATE", "late"},   {"BAD", "bad"},         {"WATERMARK", "watermark"},
    {"RESTARTS", "restarts"}, {"ID", "id"},
};

/* Lines such as "clicks: failing: …" below the table. */
static void print_remark(const json_t *job, const char *key) {
    const char *text = wri_member(job, key);
    if (!*text) return;
    wri_plain(stdout, "%s: %s%s", wri_member(job, "name"), text, text[strlen(text) - 1] == '\n' ? "" : "\n");
}

static void print_all(const json_t *jobs) {
    wri_table t = {.n_cols = WR_LEN(columns)};
    char text[WRI_SHOWN];
    size_t i;
    json_t *job;
    for (size_t k = 0; k < WR_LEN(columns); k++) wri_table_cell(&t, "%s", columns[k].head);
    json_array_foreach(jobs, i, job) for (size_t k = 0; k < WR_LEN(columns); k++)
        wri_table_cell(&t, "%s", wri_shown(job, columns[k].key, text));
    if (json_array_size(jobs)) wri_table_print(&t, 0);
    else puts("no jobs");
    wri_table_free(&t);
    json_array_foreach(jobs, i, job) {
        print_remark(job, "error");
        print_remark(job, "why");
    }
}

/* ---- one, in detail ---- */

static void detail(wri_table *t, const json_t *job, const char *key, const char *label) {
    char text[WRI_SHOWN];
    if (!*wri_shown(job, key, text)) return;
    wri_table_cell(t, "%s", label);
    wri_table_cell(t, "%s", text);
}

static void snapshot(wri_table *t, const json_t *s) {
    char epoch[WRI_SHOWN], time[WRI_SHOWN], bytes[WRI_SHOWN], ms[WRI_SHOWN];
    if (!json_is_object(s)) return;
    wri_table_cell(t, "last snapshot");
    wri_table_cell(t, "%s at %s, %s bytes in %s ms", wri_shown(s, "epoch", epoch), wri_shown(s, "time", time),
                   wri_shown(s, "bytes", bytes), wri_shown(s, "duration_ms", ms));
}

static int print_one(const wri_client *c, const json_t *job) {
    static const char *const keys[][2] = {
        {"id", "id"},           {"state", "state"},         {"created", "created"},
        {"started", "started"}, {"restarts", "restarts"},   {"workers", "workers"},
        {"rows_in", "rows in"}, {"rows_out", "rows out"},   {"late", "late"},
        {"bad", "bad"},         {"watermark", "watermark"},
    };
    wri_table t = {.n_cols = 2};
    json_t *operators = json_object_get(job, "operators");
    wri_table_cell(&t, "name");
    wri_table_cell(&t, "%s", wri_member(job, "name"));
    for (size_t i = 0; i < WR_LEN(keys); i++) detail(&t, job, keys[i][0], keys[i][1]);
    snapshot(&t, json_object_get(job, "snapshot"));
    detail(&t, job, "why", "why no output");
    detail(&t, job, "error", "error");
    wri_table_print(&t, 0);
    wri_table_free(&t);
    if (json_array_size(operators) == 0) return EXIT_DONE;
    puts("operators");
    return wri_print_objects(c, operators, 2);
}

static int one(wri_client *c, const jobs_opts *o, const char *name, bool first) {
    int status = wri_ask(c, "GET", "/v1/jobs/%s", wri_escaped(c, name));
    if (status != EXIT_DONE) return status;
    if (o->server.json) wri_print_answer(c);
    else {
        if (!first) putchar('\n');
        status = print_one(c, c->json);
    }
    return status;
}

/* ---- the command ---- */

static int all(wri_client *c, const jobs_opts *o) {
    int status = wri_ask(c, "GET", "/v1/jobs");
    if (status != EXIT_DONE) return status;
    json_t *answer = json_incref(c->json), *jobs = json_object_get(answer, "jobs"), *job;
    size_t i;
    if (o->server.json && !o->verbose) wri_print_answer(c);
    else if (!o->verbose) print_all(jobs);
    else json_array_foreach(jobs, i, job) {
            int s = one(c, o, wri_member(job, "id"), i == 0);
            if (s > status) status = s;
        }
    json_decref(answer);
    return status;
}

static int run(const void *opts, char **args, int n) {
    const jobs_opts *o = opts;
    wri_client c;
    int status = wri_client_open(&c, "jobs", o->server.url);
    if (status == EXIT_DONE && n == 0) status = all(&c, o);
    else if (status == EXIT_DONE)
        for (int i = 0; i < n; i++) {
            int s = one(&c, o, args[i], i == 0);
            if (s > status) status = s;
        }
    wri_client_close(&c);
    return status;
}

const wr_command wri_cmd_jobs = {
    .name = "jobs",
    .args = "[JOB ...]",
    .words = "",
    .summary = "list the jobs of a running engine",
    .doc =
        "States: running; pausing, stopping: a last snapshot is being taken; paused, stopped; finished: its "
        "input has ended; failing: after an error it waits to be started again; failed: it will not be. "
        "Below the table stands why. With names or ids, or -v, each job in detail.\n\n"
        "  weir jobs\n"
        "  weir jobs clicks",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(jobs_opts),
    .run = run,
};

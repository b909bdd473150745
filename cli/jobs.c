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
     .doc = "Of each job its rates, state and snapshots, its operators, shards and sinks."},
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

static void print_trouble(const json_t *job) {
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(job, "trouble"), i, v) {
        if (json_is_string(v)) wri_plain(stdout, "%s: %s\n", wri_member(job, "name"), json_string_value(v));
    }
}

static void print_all(const json_t *jobs) {
    wri_table t = {.n_cols = WR_LEN(columns)};
    char text[WRI_SHOWN];
    size_t i;
    json_t *job;
    for (size_t k = 0; k < WR_LEN(columns); k++) wri_table_cell(&t, "%s", columns[k].head);
    json_array_foreach(jobs, i, job) {
        for (size_t k = 0; k < WR_LEN(columns); k++)
            wri_table_cell(&t, "%s", wri_shown(job, columns[k].key, text));
    }
    if (json_array_size(jobs)) wri_table_print(&t, 0);
    else puts("no jobs");
    wri_table_free(&t);
    json_array_foreach(jobs, i, job) {
        print_remark(job, "error");
        print_trouble(job);
    }
}

/* ---- one, in detail ---- */

static void detail(wri_table *t, const json_t *job, const char *key, const char *label) {
    char text[WRI_SHOWN];
    if (!*wri_shown(job, key, text)) return;
    wri_table_cell(t, "%s", label);
    wri_table_cell(t, "%s", text);
}

static void snapshots(wri_table *t, const json_t *s) {
    char taken[WRI_SHOWN], failed[WRI_SHOWN], last[WRI_SHOWN], bytes[WRI_SHOWN], seconds[WRI_SHOWN];
    if (!json_is_object(s)) return;
    wri_table_cell(t, "snapshots");
    wri_table_cell(t, "%s taken, %s failed", wri_shown(s, "taken", taken), wri_shown(s, "failed", failed));
    if (!*wri_shown(s, "last", last)) return;
    wri_table_cell(t, "last snapshot");
    wri_table_cell(t, "%s, %s bytes in %s s", last, wri_shown(s, "last_bytes", bytes),
                   wri_shown(s, "last_duration_seconds", seconds));
}

/* Lists of the job's parts, and what of each stands in a line. */
static const struct {
    const char *list;
    const char *columns[12][2];
} parts[] = {
    {"operators",
     {{"node", "NODE"},
      {"operator", "OPERATOR"},
      {"rows_in", "ROWS IN"},
      {"rows_out", "ROWS OUT"},
      {"rows_in_per_second", "IN/S"},
      {"rows_out_per_second", "OUT/S"},
      {"late_rows", "LATE"},
      {"bad_rows", "BAD"},
      {"state_keys", "KEYS"},
      {"state_bytes", "BYTES"},
      {"watermark_lag_seconds", "LAG S"}}},
    {"splits",
     {{"stream", "STREAM"},
      {"shard", "SHARD"},
      {"rows", "ROWS"},
      {"watermark_lag_seconds", "LAG S"},
      {"quiet_seconds", "QUIET S"},
      {"iterator_age_seconds", "AGE S"},
      {"idle", "IDLE"},
      {"ended", "ENDED"}}},
    {"sinks",
     {{"stream", "STREAM"},
      {"rows", "ROWS"},
      {"bytes", "BYTES"},
      {"pending_bytes", "PENDING"},
      {"last_written", "LAST WRITTEN"}}},
};

static void print_parts(const json_t *job, size_t p) {
    const json_t *list = json_object_get(job, parts[p].list), *part;
    wri_table t = {0};
    char text[WRI_SHOWN];
    size_t i;
    if (json_array_size(list) == 0) return;
    while (parts[p].columns[t.n_cols][0]) t.n_cols++;
    for (uint32_t k = 0; k < t.n_cols; k++) wri_table_cell(&t, "%s", parts[p].columns[k][1]);
    json_array_foreach(list, i, part) {
        for (uint32_t k = 0; k < t.n_cols; k++)
            wri_table_cell(&t, "%s", wri_shown(part, parts[p].columns[k][0], text));
    }
    puts(parts[p].list);
    wri_table_print(&t, 2);
    wri_table_free(&t);
}

static void print_one(const json_t *job) {
    static const char *const keys[][2] = {
        {"id", "id"},
        {"state", "state"},
        {"created", "created"},
        {"started", "started"},
        {"restarts", "restarts"},
        {"workers", "workers"},
        {"rows_in", "rows in"},
        {"rows_in_per_second", "rows in a second"},
        {"rows_out", "rows out"},
        {"rows_out_per_second", "rows out a second"},
        {"late", "late"},
        {"bad", "bad"},
        {"watermark", "watermark"},
        {"watermark_lag_seconds", "watermark lag [s]"},
        {"state_keys", "state [keys]"},
        {"state_bytes", "state [bytes]"},
        {"busy", "busy"},
        {"backpressure", "back-pressure"},
    };
    wri_table t = {.n_cols = 2};
    wri_table_cell(&t, "name");
    wri_table_cell(&t, "%s", wri_member(job, "name"));
    for (size_t i = 0; i < WR_LEN(keys); i++) detail(&t, job, keys[i][0], keys[i][1]);
    snapshots(&t, json_object_get(job, "snapshots"));
    detail(&t, job, "error", "error");
    wri_table_print(&t, 0);
    wri_table_free(&t);
    print_trouble(job);
    for (size_t p = 0; p < WR_LEN(parts); p++) print_parts(job, p);
}

static int one(wri_client *c, const jobs_opts *o, const char *name, bool first) {
    int status = wri_ask(c, "GET", "/v1/jobs/%s", wri_escaped(c, name));
    if (status != EXIT_DONE) return status;
    if (o->server.json) wri_print_answer(c);
    else {
        if (!first) putchar('\n');
        print_one(c->json);
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
    for (i = 0; o->verbose && (job = json_array_get(jobs, i)); i++) {
        int s = one(c, o, wri_member(job, "id"), i == 0);
        if (s > status) status = s;
    }
    json_decref(answer);
    return status;
}

static int run(const void *opts, char **args, int n) {
    const jobs_opts *o = opts;
    wri_client c;
    int status = wri_client_open(&c, "jobs", &o->server);
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

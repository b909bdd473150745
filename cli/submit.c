/* cli/submit.c -- weir submit and weir update: SQL for a running engine. */
#include "client.h"

/* ---- submit ---- */

typedef struct submit_opts {
    const char *execute, *name, *savepoint, *snapshot_interval, *memory;
    int64_t workers;
    wri_server_opts server;
    wri_app_opts app;
} submit_opts;

#define OPT(member) offsetof(submit_opts, member)
static const wr_option submit_flags[] = {
    {.name = "execute",
     .type = WR_OPT_STRING,
     .offset = OPT(execute),
     .doc = "Submit this SQL text instead of a file."},
    {.name = "name",
     .type = WR_OPT_STRING,
     .offset = OPT(name),
     .doc = "What the job shall be called; without it as the file is, without .sql."},
    {.name = "workers",
     .type = WR_OPT_INT,
     .offset = OPT(workers),
     .def = "0",
     .max = 128,
     .doc = "Worker threads; 0: what the SQL sets, else what the server does."},
    {.name = "snapshot_interval",
     .type = WR_OPT_STRING,
     .offset = OPT(snapshot_interval),
     .doc =
         "Time between snapshots, such as 500ms; without it what the SQL sets, else what the server does."},
    {.name = "memory",
     .type = WR_OPT_STRING,
     .offset = OPT(memory),
     .doc = "What buffers and state may take, such as 512MiB; without it what the SQL sets, else what the "
            "server does."},
    {.name = "savepoint",
     .type = WR_OPT_STRING,
     .offset = OPT(savepoint),
     .doc = "Begin with the state of this savepoint."},
    WRI_SERVER_FLAGS(submit_opts),
    WRI_APP_FLAGS(submit_opts),
};

static json_t *job_to_submit(const submit_opts *o, const char *sql, const char *name) {
    json_t *v = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*}", "sql", sql, "name", name, "snapshot_interval",
                          o->snapshot_interval, "savepoint", o->savepoint, "memory", o->memory);
    if (v && o->workers && json_object_set_new(v, "workers", json_integer(o->workers)) < 0) {
        json_decref(v);
        v = NULL;
    }
    return v;
}

static int submit(wri_client *c, const submit_opts *o, const char *path) {
    const char *sql, *name = o->name;
    int status = wri_sql_text(c, &o->app, path, o->execute, &sql);
    if (status != EXIT_DONE) return status;
    if (!name && (o->app.file || !o->execute)) name = wri_job_of_file(c, o->app.file ? o->app.file : path);
    c->sent = c->oom ? NULL : job_to_submit(o, sql, name);
    if (!c->sent) return wri_no_memory(c);
    status = wri_ask(c, "POST", "/v1/jobs");
    if (status != EXIT_DONE) return status;
    if (o->server.json) wri_print_answer(c);
    else wri_plain(stdout, "%s\n", wri_member(c->json, "id"));
    status = wri_job_fares(c, c->json);
    if (status == EXIT_DONE && !o->server.json)
        wri_plain(stderr, "job %s is %s\n", wri_member(c->json, "name"), wri_member(c->json, "state"));
    return status;
}

static int run_submit(const void *opts, char **args, int n) {
    const submit_opts *o = opts;
    wri_client c;
    if (!wri_one_script("submit", &o->app, o->execute, n)) return EXIT_USAGE;
    int status = wri_client_open(&c, "submit", &o->server);
    if (status == EXIT_DONE) status = submit(&c, o, n ? args[0] : NULL);
    wri_client_close(&c);
    return status;
}

const wr_command wri_cmd_submit = {
    .name = "submit",
    .args = "FILE.sql",
    .summary = "start a SQL file as a job of a running engine",
    .doc =
        "The server compiles the file and runs all its statements as one job, which goes on by itself when "
        "the server is started again. Prints the job's id; other commands take the id or the name. Paths "
        "in the SQL are relative to the server's folder. Rows of a bare SELECT are kept there for a "
        "while: weir tail job:NAME shows them.\n\n"
        "  weir submit clicks.sql\n"
        "  weir submit --name slow -e \"SELECT * FROM clicks WHERE ms > 100\"\n\n"
        "Exit status: 0 it runs, 1 it does not, or the server would not take it, 2 SQL or usage error.",
    .flags = submit_flags,
    .n_flags = WR_LEN(submit_flags),
    .opts_bytes = sizeof(submit_opts),
    .run = run_submit,
};

/* ---- update ---- */

typedef struct update_opts {
    const char *execute, *job;
    bool dry_run;
    wri_server_opts server;
    wri_app_opts app;
} update_opts;

static const wr_option update_flags[] = {
    {.name = "execute",
     .type = WR_OPT_STRING,
     .offset = offsetof(update_opts, execute),
     .doc = "The new SQL text, instead of a file."},
    {.name = "job",
     .type = WR_OPT_STRING,
     .offset = offsetof(update_opts, job),
     .doc = "Name or id of the job; without it as the file is called, without .sql."},
    {.name = "dry_run",
     .type = WR_OPT_BOOL,
     .offset = offsetof(update_opts, dry_run),
     .def = "false",
     .doc = "Only tell what would become of the state."},
    WRI_SERVER_FLAGS(update_opts),
    WRI_APP_FLAGS(update_opts),
};

/* "keeps  what" for each of a list of texts, or of objects that have a name. */
static void add_list(wri_table *t, const json_t *answer, const char *key) {
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(answer, key), i, v) {
        const char *text = json_string_value(v);
        wri_table_cell(t, "%s", key);
        wri_table_cell(t, "%s", text ? text : wri_member(v, "name"));
    }
}

static void print_update(const json_t *answer) {
    wri_table t = {.n_cols = 2};
    wri_table_cell(&t, "STATE");
    wri_table_cell(&t, "OPERATOR");
    add_list(&t, answer, "keeps");
    add_list(&t, answer, "begins");
    add_list(&t, answer, "drops");
    if (t.n_cells > t.n_cols) wri_table_print(&t, 0);
    else puts("the job has no state yet: all of it begins");
    wri_table_free(&t);
}

static int update(wri_client *c, const update_opts *o, const char *path) {
    const char *sql, *job = o->job;
    int status = wri_sql_text(c, &o->app, path, o->execute, &sql);
    if (status != EXIT_DONE) return status;
    if (!job && (o->app.file || !o->execute)) job = wri_job_of_file(c, o->app.file ? o->app.file : path);
    if (!job) {
        wri_say("update: which job? --job NAME says it");
        return EXIT_USAGE;
    }
    c->sent = json_pack("{s:s, s:b}", "sql", sql, "dry_run", o->dry_run);
    if (!c->sent) return wri_no_memory(c);
    status = wri_ask(c, "POST", "/v1/jobs/%s/update", wri_escaped(c, job));
    if (status != EXIT_DONE) return status;
    if (o->server.json) wri_print_answer(c);
    else print_update(c->json);
    if (o->dry_run) return EXIT_DONE;
    status = wri_try(c, "GET", "/v1/jobs/%s", wri_escaped(c, job));
    return c->code == 200 ? wri_job_fares(c, c->json) : c->code ? EXIT_DONE : status;
}

static int run_update(const void *opts, char **args, int n) {
    const update_opts *o = opts;
    wri_client c;
    if (!wri_one_script("update", &o->app, o->execute, n)) return EXIT_USAGE;
    int status = wri_client_open(&c, "update", &o->server);
    if (status == EXIT_DONE) status = update(&c, o, n ? args[0] : NULL);
    wri_client_close(&c);
    return status;
}

const wr_command wri_cmd_update = {
    .name = "update",
    .args = "FILE.sql",
    .summary = "change the SQL of a job, keeping the state of what stays the same",
    .doc = "Takes a last snapshot of the job, and goes on from it with the new SQL. Operators that are the "
           "same keep their state; the others are named. --dry-run tells which before anything is done.\n\n"
           "  weir update clicks.sql --dry-run\n"
           "  weir update new.sql --job clicks",
    .flags = update_flags,
    .n_flags = WR_LEN(update_flags),
    .opts_bytes = sizeof(update_opts),
    .run = run_update,
};

/* cli/explain.c -- weir explain: the plan and its stages, as text, JSON or DOT; here, or by a server. */
#include "client.h"

typedef struct explain_opts {
    int format;
    const char *execute;
    bool analyze;
    wri_server_opts server;
    wri_app_opts app;
} explain_opts;

static const wr_option flags[] = {
    {.name = "execute",
     .type = WR_OPT_STRING,
     .offset = offsetof(explain_opts, execute),
     .doc = "Explain this SQL text instead of a file."},
    {.name = "format",
     .type = WR_OPT_ENUM,
     .offset = offsetof(explain_opts, format),
     .values = "tree|json|dot",
     .def = "tree",
     .doc = "tree for people, json for programs, dot for Graphviz."},
    {.name = "analyze",
     .type = WR_OPT_BOOL,
     .offset = offsetof(explain_opts, analyze),
     .def = "false",
     .doc = "The plan of a running job, named instead of a file, with what its operators do now."},
    WRI_SERVER_URL(explain_opts),
    WRI_APP_FLAGS(explain_opts),
};

static int print_plan(const wri_script *sc, wr_explain_form form) {
    wr_buf out = {0};
    wr_status s = wr_plan_explain(&sc->plan, &sc->reg, form, &out);
    if (s == WR_OK) fwrite(out.data, 1, out.len, stdout);
    else wri_say("explain: %s", wr_status_text(s));
    wr_buf_free(&out);
    return s == WR_OK ? EXIT_DONE : EXIT_FAILED;
}

/* ---- by a server ---- */

static int ask_plan(wri_client *c, const explain_opts *o, const char *arg) {
    static const char *const formats[] = {"tree", "json", "dot"};
    const char *sql;
    int status;
    if (o->analyze) {
        status = wri_ask_text(c, "GET", "/v1/jobs/%s/plan?analyze=1&format=%s", wri_escaped(c, arg),
                              formats[o->format]);
    } else {
        status = wri_sql_text(c, &o->app, arg, o->execute, &sql);
        if (status != EXIT_DONE) return status;
        c->sent = json_pack("{s:s, s:s}", "sql", sql, "format", formats[o->format]);
        status = c->sent ? wri_ask_text(c, "POST", "/v1/explain") : wri_no_memory(c);
    }
    if (status == EXIT_DONE) wri_print_answer(c);
    return status;
}

static int explain_by_server(const explain_opts *o, const char *arg) {
    wri_client c;
    int status = wri_client_open(&c, "explain", &o->server);
    if (status == EXIT_DONE) status = ask_plan(&c, o, arg);
    wri_client_close(&c);
    return status;
}

/* ---- the command ---- */

static int explain(const void *opts, char **args, int n) {
    const explain_opts *o = opts;
    if (o->analyze && (n != 1 || o->execute)) {
        wri_say("explain: expected the name or id of one job behind --analyze; weir jobs lists them");
        return EXIT_USAGE;
    }
    if (!o->analyze && !wri_one_script("explain", &o->app, o->execute, n)) return EXIT_USAGE;
    if (o->analyze || o->server.url) return explain_by_server(o, n ? args[0] : NULL);
    wri_script sc;
    int status = wri_script_load(&sc, &o->app, n ? args[0] : NULL, o->execute);
    if (status == EXIT_DONE) status = print_plan(&sc, (wr_explain_form)o->format);
    wri_script_free(&sc);
    return status;
}

const wr_command wri_cmd_explain = {
    .name = "explain",
    .args = "FILE.sql",
    .summary = "show the plan: operators, stages, what each expression runs on",
    .doc = "Shows how the file would run: sources with the columns they decode, windows, aggregates in two "
           "phases, exchanges between stages, and for each expression whether a kernel or SQLite evaluates "
           "it. FILE - is standard input. With --server the engine there tells how it would run it; with "
           "--analyze it tells how a job does run, with the rates of each operator.\n\n"
           "  weir explain FILE.sql\n"
           "  weir explain --analyze JOB\n\n"
           "A picture of the plan, with Graphviz:\n\n"
           "  weir explain --format dot FILE.sql | dot -Tsvg > plan.svg",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(explain_opts),
    .run = explain,
};

/* cli/explain.c -- weir explain: the plan and its stages, as text, JSON or DOT. */
#include "cli.h"

typedef struct explain_opts {
    int format;
    const char *execute;
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
};

static int print_plan(const wri_script *sc, wr_explain_form form) {
    wr_buf out = {0};
    wr_status s = wr_plan_explain(&sc->plan, &sc->reg, form, &out);
    if (s == WR_OK) fwrite(out.data, 1, out.len, stdout);
    else wri_say("explain: %s", wr_status_text(s));
    wr_buf_free(&out);
    return s == WR_OK ? EXIT_DONE : EXIT_FAILED;
}

static int explain(const void *opts, char **args, int n) {
    const explain_opts *o = opts;
    if (!wri_one_script("explain", o->execute, n)) return EXIT_USAGE;
    wri_script sc;
    int status = wri_script_load(&sc, n ? args[0] : NULL, o->execute);
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
           "it. FILE - is standard input.\n\n"
           "A picture of the plan, with Graphviz:\n\n"
           "  weir explain --format dot FILE.sql | dot -Tsvg > plan.svg",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(explain_opts),
    .run = explain,
};

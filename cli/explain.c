/* cli/explain.c -- weir explain: the plan and its stages, as text, JSON or DOT. */
#include "cli.h"

#include <stdio.h>

typedef struct explain_opts {
    int format;
    const char *execute;
} explain_opts;

static const wr_option flags[] = {
    {.name = "format",
     .type = WR_OPT_ENUM,
     .offset = offsetof(explain_opts, format),
     .values = "tree|json|dot",
     .def = "tree",
     .doc = "tree for people, json for programs, dot for Graphviz."},
    {.name = "execute",
     .type = WR_OPT_STRING,
     .offset = offsetof(explain_opts, execute),
     .doc = "Explain this SQL text instead of a file (-e)."},
};

static int explain(const void *opts, char **args, int n) {
    const explain_opts *o = opts;
    if (n != (o->execute ? 0 : 1)) {
        wri_say("explain: expected one SQL file (or - for standard input, or -e 'SQL'), found %d", n);
        return EXIT_USAGE;
    }
    wri_script sc;
    int status = wri_script_load(&sc, n ? args[0] : NULL, o->execute);
    wr_buf out = {0};
    if (status == EXIT_DONE) {
        if (wr_plan_explain(&sc.plan, &sc.reg, (wr_explain_form)o->format, &out) == WR_OK)
            fwrite(out.data, 1, out.len, stdout);
        else status = EXIT_FAILED;
    }
    wr_buf_free(&out);
    wri_script_free(&sc);
    return status;
}

const wr_command wri_cmd_explain = {
    .name = "explain",
    .args = "FILE.sql",
    .summary = "show the plan: operators, stages, what each expression runs on",
    .doc = "Shows how the file would run: sources with the columns they decode, windows, aggregates in two\n"
           "phases, exchanges between stages, and for each expression whether a kernel or SQLite evaluates "
           "it.\n",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(explain_opts),
    .run = explain,
};

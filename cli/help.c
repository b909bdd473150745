/* cli/help.c -- weir help: commands, and the tables of what is built in. The man page and docs/SQL.md's
 * reference tables are printed from the same data (`weir help --man`, `weir help reference`). */
#include "cli.h"

#include <stdio.h>

static void print_flag(const wr_option *f) {
    char name[64];
    snprintf(name, sizeof name, "--%s", f->name);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
    static const char *const takes[] = {" TEXT", " CHAR", "", " N", " X", " BYTES", " TIME", " WORD"};
    const char *arg = f->type == WR_OPT_ENUM ? f->values : takes[f->type];
    printf("  %s%s%s\n      %s\n", name, f->type == WR_OPT_ENUM ? " " : "", arg, f->doc);
}

static int command_help(const wr_command *c) {
    printf("weir %s%s %s\n\n%s.\n\n%s", c->name, c->n_flags ? " [OPTIONS]" : "", c->args ? c->args : "",
           c->summary, c->doc ? c->doc : "");
    if (c->n_flags) printf("\nOptions:\n");
    for (size_t i = 0; i < c->n_flags; i++) print_flag(&c->flags[i]);
    return EXIT_DONE;
}

static int overview(void) {
    puts("weir: windowed SQL over streams and files.\n\nUsage: weir COMMAND ...\n");
    for (size_t i = 0; wri_commands[i]; i++)
        printf("  %-12s %s\n", wri_commands[i]->name, wri_commands[i]->summary);
    puts("\nweir help COMMAND tells more; weir help functions|aggregates|connectors|formats|options lists\n"
         "what SQL can use. Start with: weir run examples/clicks.sql");
    return EXIT_DONE;
}

/* ---- what is built in; md: as Markdown tables ---- */

static void cell(const char *s) { /* | ends a cell of a Markdown table */
    for (; *s; s++) {
        if (*s == '|') putchar('\\');
        putchar(*s);
    }
}

static void row(bool md, int width, const char *name, const char *middle, const char *doc) {
    if (!md) {
        printf("  %-*s %s%s%s\n", width, name, middle, *middle ? "  " : "", doc);
        return;
    }
    printf("| `%s` | ", name);
    cell(middle);
    printf(" | ");
    cell(doc);
    printf(" |\n");
}

static const char *const letters[][2] = {
    {"i", "BIGINT"}, {"d", "DOUBLE"}, {"s", "text"}, {"t", "TIMESTAMP"}, {"b", "BOOLEAN"}, {"x", "VARBINARY"},
    {"D", "DATE"},   {"n", "number"}, {"a", "any"},  {"j", "JSON"},      {"*", "..."},     {"[", "["},
};

/* "s[ii:s" as "(text [, BIGINT, BIGINT]) -> text"; several signatures separated by "; ". */
static void signature_text(const char *sig, wr_buf *out) {
    const char *open = "", *sep = "(";
    for (; sig && *sig; sig++) {
        const char *text = NULL;
        if (*sig == ':') {
            (void)!wr_buf_printf(out, "%s%s) -> ", *sep == '(' ? "(" : "", open);
            open = sep = "";
            continue;
        }
        if (*sig == ' ') {
            (void)!wr_buf_puts(out, "; ");
            open = "";
            sep = "(";
            continue;
        }
        for (size_t i = 0; i < WR_LEN(letters); i++)
            if (letters[i][0][0] == *sig) text = letters[i][1];
        if (*sig == '[') {
            (void)!wr_buf_printf(out, "%s[", *sep == '(' ? "(" : " ");
            open = "]";
            sep = *sep == '(' ? "" : ", ";
            continue;
        }
        if (*sig == '*') (void)!wr_buf_puts(out, " ...");
        else (void)!wr_buf_printf(out, "%s%s", sep, text ? text : "?");
        if (*sep) sep = ", ";
        else if (*open) sep = ", ";
    }
}

static void list_functions(const wr_registry *r, bool md) {
    if (md) puts("| function | arguments and result | |\n|---|---|---|");
    for (size_t i = 0; i < r->n_funcs; i++) {
        wr_buf sig = {0};
        signature_text(r->funcs[i]->signature, &sig);
        (void)!wr_buf_put(&sig, "", 1);
        row(md, 20, r->funcs[i]->name, sig.data ? sig.data : "", r->funcs[i]->doc);
        wr_buf_free(&sig);
    }
}

static void list_aggregates(const wr_registry *r, bool md) {
    if (md) puts("| aggregate | form | |\n|---|---|---|");
    for (size_t i = 0; i < r->n_aggs; i++)
        row(md, 22, r->aggs[i]->name, md ? r->aggs[i]->signature : "", r->aggs[i]->doc);
}

static void option_row(const wr_option *o, bool md) {
    static const char *const types[] = {"text",   "character", "true|false", "integer",
                                        "number", "bytes",     "duration",   ""};
    char middle[160];
    snprintf(middle, sizeof middle, "%s%s%s%s", o->type == WR_OPT_ENUM ? o->values : types[o->type],
             o->def ? ", default " : "", o->def ? o->def : "", o->required ? ", required" : "");
    if (md) row(md, 0, o->name, middle, o->doc);
    else printf("      %-20s %s  (%s)\n", o->name, o->doc, middle);
}

static void list_withs(const wr_with *const *w, size_t n, const char *what, bool md) {
    for (size_t i = 0; i < n; i++) {
        const char *use = w[i]->source && w[i]->sink ? "read and written" : w[i]->source ? "read" : "written";
        if (md) printf("\n#### %s `%s`\n\n%s Can be %s.\n\n", what, w[i]->name, w[i]->doc, use);
        else printf("  %s  %s (%s)\n", w[i]->name, w[i]->doc, use);
        if (md && w[i]->n_options) puts("| option | value | |\n|---|---|---|");
        for (size_t k = 0; k < w[i]->n_options; k++) option_row(&w[i]->options[k], md);
    }
}

static void list_options(const wr_option *o, size_t n, bool md) {
    if (md) puts("| option | value | |\n|---|---|---|");
    for (size_t i = 0; i < n; i++) option_row(&o[i], md);
}

static bool list(const char *what, bool md) {
    wr_registry r = wr_builtin();
    if (strcmp(what, "functions") == 0) list_functions(&r, md);
    else if (strcmp(what, "aggregates") == 0) list_aggregates(&r, md);
    else if (strcmp(what, "connectors") == 0) list_withs(r.connectors, r.n_connectors, "connector", md);
    else if (strcmp(what, "formats") == 0) list_withs(r.formats, r.n_formats, "format", md);
    else if (strcmp(what, "streams") == 0) list_options(wr_stream_options, wr_n_stream_options, md);
    else if (strcmp(what, "settings") == 0) list_options(r.set_options, r.n_set_options, md);
    else return false;
    return true;
}

/* The generated part of docs/SQL.md. */
static int reference(void) {
    static const char *const parts[][2] = {
        {"functions", "Scalar functions"},      {"aggregates", "Aggregates"},
        {"connectors", "Connectors"},           {"formats", "Formats"},
        {"streams", "Options of every stream"}, {"settings", "Settings (`SET name = value`)"}};
    for (size_t i = 0; i < WR_LEN(parts); i++) {
        printf("\n### %s\n\n", parts[i][1]);
        list(parts[i][0], true);
    }
    return EXIT_DONE;
}

static int options_help(void) {
    puts("WITH (…) options of every stream:");
    list("streams", false);
    puts("\nSET name = value:");
    list("settings", false);
    puts("\nFurther options belong to connectors and formats: weir help connectors, weir help formats.");
    return EXIT_DONE;
}

/* ---- man page ---- */

static void roff(const char *s) { /* escapes what troff would take for commands */
    bool start = true;
    for (; *s; start = *s++ == '\n') {
        if (start && (*s == '.' || *s == '\'')) fputs("\\&", stdout);
        if (*s == '\\') fputs("\\e", stdout);
        else if (*s == '-') fputs("\\-", stdout);
        else putchar(*s);
    }
}

static int man_page(void) {
    puts(".TH WEIR 1 \"\" \"weir " WR_VERSION
         "\"\n.SH NAME\nweir \\- windowed SQL over streams and files\n.SH SYNOPSIS");
    for (size_t i = 0; wri_commands[i]; i++)
        printf(".B weir %s\n%s\n.br\n", wri_commands[i]->name,
               wri_commands[i]->args ? wri_commands[i]->args : "");
    puts(".SH COMMANDS");
    for (size_t i = 0; wri_commands[i]; i++) {
        const wr_command *c = wri_commands[i];
        printf(".SS %s\n", c->name);
        roff(c->summary);
        puts(".\n.PP");
        roff(c->doc ? c->doc : "");
        for (size_t k = 0; k < c->n_flags; k++) {
            printf(".TP\n.B \\-\\-");
            for (const char *p = c->flags[k].name; *p; p++)
                fputs(*p == '_' ? "\\-" : (char[]){*p, 0}, stdout);
            putchar('\n');
            roff(c->flags[k].doc);
            putchar('\n');
        }
    }
    puts(".SH SEE ALSO\nREADME.md, docs/SQL.md");
    return EXIT_DONE;
}

static int help(const void *opts, char **args, int n) {
    (void)opts;
    if (n == 0) return overview();
    const wr_command *c = wri_find_command(args[0]);
    if (c) return command_help(c);
    if (strcmp(args[0], "options") == 0) return options_help();
    if (strcmp(args[0], "reference") == 0) return reference();
    if (strcmp(args[0], "man") == 0) return man_page();
    if (list(args[0], false)) return EXIT_DONE;
    wri_say("there is no help on '%s'; there is on each command, and on functions, aggregates, connectors, "
            "formats and options",
            args[0]);
    return EXIT_USAGE;
}

const wr_command wri_cmd_help = {
    .name = "help",
    .args = "[COMMAND | functions | aggregates | connectors | formats | options]",
    .summary = "tell about commands and about what SQL can use",
    .doc = "weir help man prints the manual page, weir help reference the tables of docs/SQL.md.\n",
    .run = help,
};

static int version(const void *opts, char **args, int n) {
    (void)opts, (void)args, (void)n;
    puts("weir " WR_VERSION);
    return EXIT_DONE;
}

const wr_command wri_cmd_version = {
    .name = "version", .args = "", .summary = "print the version", .doc = "", .run = version};

/* cli/help.c -- weir help and weir version: commands, their flags, and the way to the lists of list.c. */
#include "cli.h"

static const char topics_doc[] = "What SQL can use:\n\n"
                                 "  weir help statements    what a script can say\n"
                                 "  weir help windows       TUMBLE, HOP, CUMULATE, SESSION; watermarks\n"
                                 "  weir help functions     scalar functions\n"
                                 "  weir help aggregates    aggregate functions\n"
                                 "  weir help tablefunctions  anomalies, hotspots, most frequent values\n"
                                 "  weir help connectors    where streams are read from and written to\n"
                                 "  weir help formats       how records are read and written\n"
                                 "  weir help options       options of every stream, and settings\n"
                                 "  weir help NAME          one function, aggregate, connector or format";

void wri_flag_takes(const wr_option *f, char *out, size_t n) {
    static const char *const takes[] = {
        [WR_OPT_STRING] = " TEXT",   [WR_OPT_CHAR] = " CHARACTER", [WR_OPT_BOOL] = "",
        [WR_OPT_INT] = " N",         [WR_OPT_DOUBLE] = " X",       [WR_OPT_BYTES] = " SIZE",
        [WR_OPT_DURATION] = " TIME", [WR_OPT_LIST] = " A=B"};
    if (f->type == WR_OPT_ENUM) snprintf(out, n, " %s", f->values);
    else snprintf(out, n, "%s", takes[f->type]);
}

const char *wri_flag_def(const wr_option *f) {
    bool plain = !f->def || strcmp(f->def, "0") == 0 || strcmp(f->def, "false") == 0;
    return plain ? NULL : f->def;
}

static void print_flag(const wr_option *f) {
    char name[64], takes[128], letter = wri_flag_letter(f);
    wri_flag_takes(f, takes, sizeof takes);
    if (letter) printf("  -%c, ", letter);
    else fputs("      ", stdout);
    printf("%s%s", wri_flag_name(f, name), takes);
    if (wri_flag_def(f)) printf(", default %s", wri_flag_def(f));
    putchar('\n');
    wri_wrap(stdout, 10, f->doc);
}

static void command_help(const wr_command *c) {
    printf("weir %s: %s\n\nUsage: weir %s%s%s%s\n", c->name, c->summary, c->name,
           c->n_flags ? " [OPTIONS]" : "", *c->args ? " " : "", c->args);
    if (c->n_flags) printf("\nOptions:\n");
    for (size_t i = 0; i < c->n_flags; i++) print_flag(&c->flags[i]);
    if (!*c->doc) return;
    putchar('\n');
    wri_wrap(stdout, 0, c->doc);
}

static void overview(void) {
    puts("weir: windowed SQL over streams and files\n\nUsage: weir COMMAND [OPTIONS] ...\n\nCommands:");
    for (size_t i = 0; wri_commands[i]; i++)
        printf("  %-12s %s\n", wri_commands[i]->name, wri_commands[i]->summary);
    printf("\nweir help COMMAND tells more of each. %s\n\n", topics_doc);
    puts("Try: weir run -e \"SELECT UPPER('it works') AS answer\"");
}

static int unknown_topic(const char *topic) {
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; wri_commands[i]; i++)
        if (n < WR_LEN(names)) names[n++] = wri_commands[i]->name;
    for (size_t i = 0; wri_topics[i]; i++)
        if (n < WR_LEN(names)) names[n++] = wri_topics[i];
    const char *near = wr_nearest(topic, names, n, sizeof *names);
    if (near) wri_say("there is no help on '%s'; did you mean 'weir help %s'?", topic, near);
    else wri_say("there is no help on '%s'; weir help lists what there is", topic);
    return EXIT_USAGE;
}

/* The tables of docs/METRICS.md. */
static void list_metrics(void) {
    wr_buf text = {0};
    if (wr_metrics_markdown(&text) == WR_OK) fwrite(text.data, 1, text.len, stdout);
    wr_buf_free(&text);
}

static int help(const void *opts, char **args, int n) {
    (void)opts;
    if (n > 1) {
        wri_say("help: expected one topic, found %d", n);
        return EXIT_USAGE;
    }
    const wr_command *c = n ? wri_find_command(args[0]) : NULL;
    if (n == 0) overview();
    else if (c) command_help(c);
    else if (strcmp(args[0], "man") == 0) wri_man_page();
    else if (strcmp(args[0], "reference") == 0) wri_list_markdown();
    else if (strcmp(args[0], "metrics") == 0) list_metrics();
    else if (!wri_list(args[0])) { /* functions first: INSERT, SET and the like may be both */
        const char *text = wri_topic_text(args[0]);
        if (!text) return unknown_topic(args[0]);
        wri_wrap(stdout, 0, text);
    }
    return EXIT_DONE;
}

const wr_command wri_cmd_help = {
    .name = "help",
    .args = "[TOPIC]",
    .words = "run check explain serve submit jobs stop pause resume delete savepoint savepoints update logs "
             "why put tail "
             "streams help completion version statements windows functions aggregates tablefunctions "
             "connectors formats options man",
    .summary = "tell about commands and about what SQL can use",
    .doc = topics_doc,
    .run = help,
};

static int version(const void *opts, char **args, int n) {
    (void)opts, (void)args;
    if (n > 0) {
        wri_say("version: expected nothing after it");
        return EXIT_USAGE;
    }
    puts("weir " WR_VERSION);
    return EXIT_DONE;
}

const wr_command wri_cmd_version = {
    .name = "version", .args = "", .words = "", .summary = "print the version", .doc = "", .run = version};

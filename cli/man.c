/* cli/man.c -- the manual page, from the tables of commands and flags (`weir help man | man -l -`). */
#include "cli.h"

/* Text with what troff would take for commands escaped. */
static void roff(const char *s, size_t n) {
    bool start = true;
    for (size_t i = 0; i < n; start = s[i++] == '\n') {
        if (start && (s[i] == '.' || s[i] == '\'')) fputs("\\&", stdout);
        if (s[i] == '\\') fputs("\\e", stdout);
        else if (s[i] == '-') fputs("\\-", stdout);
        else putchar(s[i]);
    }
}

/* Paragraphs; one whose lines begin with a blank keeps its lines. */
static void paragraphs(const char *s) {
    while (*s) {
        const char *end = strstr(s, "\n\n");
        size_t n = end ? (size_t)(end - s) : strlen(s);
        puts(".PP");
        if (*s == ' ') puts(".nf");
        roff(s, n);
        puts(*s == ' ' ? "\n.fi" : "");
        s += n;
        while (*s == '\n') s++;
    }
}

static void flag(const wr_option *f) {
    char name[64], takes[128], letter = wri_flag_letter(f);
    wri_flag_takes(f, takes, sizeof takes);
    puts(".TP");
    if (letter) printf("\\fB\\-%c\\fR, ", letter);
    fputs("\\fB", stdout);
    wri_flag_name(f, name);
    roff(name, strlen(name));
    fputs("\\fR", stdout);
    roff(takes, strlen(takes));
    if (wri_flag_def(f)) printf(", default %s", wri_flag_def(f));
    putchar('\n');
    roff(f->doc, strlen(f->doc));
    putchar('\n');
}

static void command(const wr_command *c) {
    printf(".SS weir %s%s%s%s\n", c->name, c->n_flags ? " [OPTIONS]" : "", *c->args ? " " : "", c->args);
    printf("%c%s.\n", c->summary[0] - 'a' + 'A', c->summary + 1);
    for (size_t i = 0; i < c->n_flags; i++) flag(&c->flags[i]);
    paragraphs(c->doc);
}

void wri_man_page(void) {
    puts(".TH WEIR 1 \"\" \"weir " WR_VERSION "\" \"User Commands\"\n"
         ".SH NAME\nweir \\- windowed SQL over streams and files\n"
         ".SH SYNOPSIS\n.B weir\nCOMMAND [OPTIONS] ...\n"
         ".SH DESCRIPTION\n"
         "weir runs a SQL file over files, standard input or made\\-up data, and writes the results of its\n"
         "queries: filters, computations, and aggregates over windows of event time.\n"
         ".SH COMMANDS");
    for (size_t i = 0; wri_commands[i]; i++) command(wri_commands[i]);
    puts(".SH EXIT STATUS\n"
         ".TP\n0\nDone.\n"
         ".TP\n1\nA failure while running.\n"
         ".TP\n2\nAn error in the SQL or on the command line.\n"
         ".TP\n130\nInterrupted by SIGINT or SIGTERM.\n"
         ".SH EXAMPLES\n"
         ".nf\nweir run clicks.sql\n"
         "cat clicks.jsonl | weir run from_stdin.sql | head\n"
         "weir run \\-e \"SELECT UPPER('it works') AS answer\"\n.fi\n"
         ".SH SEE ALSO\nThe language: docs/SQL.md of the source.");
}

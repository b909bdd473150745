/* cli/main.c -- finds the command, reads its flags, calls it. The only main(). */
#include "cli.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

const wr_command *const wri_commands[] = {
    &wri_cmd_run,     &wri_cmd_check, &wri_cmd_explain, &wri_cmd_help, &wri_cmd_completion,
    &wri_cmd_version, NULL,
};

const wr_command *wri_find_command(const char *name) {
    for (size_t i = 0; wri_commands[i]; i++)
        if (strcmp(wri_commands[i]->name, name) == 0) return wri_commands[i];
    return NULL;
}

void wri_say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("weir: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

static int unknown_command(const char *name) {
    const char *names[32];
    size_t n = 0;
    for (; wri_commands[n] && n < WR_LEN(names); n++) names[n] = wri_commands[n]->name;
    const char *near = wr_nearest(name, names, n, sizeof *names);
    if (near) wri_say("there is no command '%s'; did you mean 'weir %s'?", name, near);
    else wri_say("there is no command '%s'; see weir help", name);
    return EXIT_USAGE;
}

static const wr_option *find_flag(const wr_command *c, const char *name, size_t n) {
    for (size_t i = 0; i < c->n_flags; i++) {
        const char *f = c->flags[i].name;
        if (strlen(f) != n) continue;
        size_t k = 0;
        while (k < n && (f[k] == name[k] || (f[k] == '_' && name[k] == '-'))) k++;
        if (k == n) return &c->flags[i];
    }
    return NULL;
}

static int unknown_flag(const wr_command *c, const char *flag) {
    const char *near = wr_nearest(flag + 2, &c->flags[0].name, c->n_flags, sizeof *c->flags);
    if (near) wri_say("%s: there is no option %s; did you mean --%s?", c->name, flag, near);
    else wri_say("%s: there is no option %s; see weir help %s", c->name, flag, c->name);
    return EXIT_USAGE;
}

/* Splits argv into flags (kvs) and the rest (args, in place). */
static int split_args(const wr_command *c, int argc, char **argv, wr_kv *kvs, size_t *n_kv, int *n_args) {
    bool flags_over = false;
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i];
        if (flags_over || a[0] != '-' || a[1] == 0) {
            argv[(*n_args)++] = argv[i];
            continue;
        }
        if (strcmp(a, "--") == 0) {
            flags_over = true;
            continue;
        }
        if (strcmp(a, "-e") == 0) a = "--execute";
        if (strcmp(a, "-q") == 0) a = "--quiet";
        if (strcmp(a, "-h") == 0) a = "--help";
        if (strcmp(a, "--help") == 0) {
            char *name = (char *)c->name;
            exit(wri_cmd_help.run(NULL, &name, 1));
        }
        const char *eq = strchr(a, '=');
        size_t len = eq ? (size_t)(eq - a) : strlen(a);
        const wr_option *f = len > 2 && a[1] == '-' ? find_flag(c, a + 2, len - 2) : NULL;
        if (!f) return unknown_flag(c, a[1] == '-' ? a : "--?");
        const char *value = eq ? eq + 1 : f->type == WR_OPT_BOOL ? "true" : NULL;
        if (!value && i + 1 < argc) value = argv[++i];
        if (!value) {
            wri_say("%s: option --%s needs a value", c->name, f->name);
            return EXIT_USAGE;
        }
        kvs[(*n_kv)++] = (wr_kv){.key = f->name, .value = value};
    }
    return EXIT_DONE;
}

static int run_command(const wr_command *c, int argc, char **argv) {
    wr_kv *kvs = wr_calloc((size_t)argc + 1, sizeof *kvs);
    void *opts = wr_calloc(1, c->opts_bytes + 1);
    size_t n_kv = 0, culprit;
    int n_args = 0, status;
    wr_err err = {0};
    if (!kvs || !opts) {
        wri_say("out of memory");
        return EXIT_FAILED;
    }
    status = split_args(c, argc, argv, kvs, &n_kv, &n_args);
    if (status == EXIT_DONE && c->n_flags &&
        wr_options_read(c->flags, c->n_flags, kvs, n_kv, NULL, opts, c->opts_bytes, &culprit, &err) !=
            WR_OK) {
        wri_say("%s: %s", c->name, err.msg);
        status = EXIT_USAGE;
    }
    if (status == EXIT_DONE) status = c->run(opts, argv, n_args);
    wr_free(kvs);
    wr_free(opts);
    return status;
}

int main(int argc, char **argv) {
    /* Batches come and go by the hundred kilobytes: keep their memory instead of returning it each time. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write, with a message */
    if (argc < 2) {
        wri_cmd_help.run(NULL, NULL, 0);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    const wr_command *c = wri_find_command(name);
    return c ? run_command(c, argc - 2, argv + 2) : unknown_command(name);
}

/* cli/main.c -- finds the command, reads its flags, calls it. The only main(). */
#include "cli.h"

#include <errno.h>
#include <malloc.h>
#include <sqlite3.h>
#include <sys/resource.h>

const wr_command *const wri_commands[] = {
    &wri_cmd_application, &wri_cmd_run,
    &wri_cmd_check,       &wri_cmd_explain,
    &wri_cmd_test,        &wri_cmd_discover,
    &wri_cmd_serve,       &wri_cmd_submit,
    &wri_cmd_jobs,        &wri_cmd_stop,
    &wri_cmd_pause,       &wri_cmd_resume,
    &wri_cmd_delete,      &wri_cmd_savepoint,
    &wri_cmd_savepoints,  &wri_cmd_update,
    &wri_cmd_logs,        &wri_cmd_why,
    &wri_cmd_put,         &wri_cmd_tail,
    &wri_cmd_streams,     &wri_cmd_state,
    &wri_cmd_help,        &wri_cmd_completion,
    &wri_cmd_version,     NULL,
};

static const struct {
    char letter;
    const char *name;
} letters[] = {{'e', "execute"}, {'f', "format"},  {'f', "follow"},
               {'q', "quiet"},   {'v', "verbose"}, {'w', "workers"}};

const wr_command *wri_find_command(const char *name) {
    for (size_t i = 0; wri_commands[i]; i++)
        if (strcmp(wri_commands[i]->name, name) == 0) return wri_commands[i];
    return NULL;
}

char wri_flag_letter(const wr_option *flag) {
    for (size_t i = 0; i < WR_LEN(letters); i++)
        if (strcmp(letters[i].name, flag->name) == 0) return letters[i].letter;
    return 0;
}

const char *wri_flag_name(const wr_option *flag, char out[64]) {
    snprintf(out, 64, "--%s", flag->name);
    for (char *c = out; *c; c++)
        if (*c == '_') *c = '-';
    return out;
}

void wri_say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("weir: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* ---- flags ---- */

/* The flag that a begins with; *valuep: what follows its '=', or NULL. */
static const wr_option *find_flag(const wr_command *c, const char *a, const char **valuep) {
    const char *eq = strchr(a, '=');
    size_t len = eq ? (size_t)(eq - a) : strlen(a);
    *valuep = eq ? eq + 1 : NULL;
    for (size_t i = 0; i < c->n_flags; i++) {
        char name[64];
        wri_flag_name(&c->flags[i], name);
        if (strlen(name) == len && memcmp(name, a, len) == 0) return &c->flags[i];
        if (len == 2 && a[1] == wri_flag_letter(&c->flags[i])) return &c->flags[i];
    }
    return NULL;
}

static int unknown_flag(const wr_command *c, const char *flag) {
    char name[64];
    const char *near = NULL;
    if (flag[1] == '-' && c->n_flags)
        near = wr_nearest(flag + 2, &c->flags[0].name, c->n_flags, sizeof *c->flags);
    for (size_t i = 0; i < c->n_flags; i++)
        if (near == c->flags[i].name) near = wri_flag_name(&c->flags[i], name);
    if (near) wri_say("%s: there is no option %s; did you mean %s?", c->name, flag, near);
    else wri_say("%s: there is no option %s; see weir help %s", c->name, flag, c->name);
    return EXIT_USAGE;
}

/* Splits argv into flags (kvs) and the rest (args, in place). */
static int split_args(const wr_command *c, int argc, char **argv, wr_kv *kvs, size_t *n_kv, int *n_args) {
    bool flags_over = false;
    for (int i = 0; i < argc; i++) {
        const char *value, *a = argv[i];
        if (flags_over || a[0] != '-' || a[1] == 0) {
            argv[(*n_args)++] = argv[i];
            continue;
        }
        if (strcmp(a, "--") == 0) {
            flags_over = true;
            continue;
        }
        const wr_option *f = find_flag(c, a, &value);
        if (!f) return unknown_flag(c, a);
        if (!value) value = f->type == WR_OPT_BOOL ? "true" : i + 1 < argc ? argv[++i] : NULL;
        if (!value) {
            char name[64], takes[128];
            wri_flag_takes(f, takes, sizeof takes);
            wri_say("%s: option %s needs a value: %s%s", c->name, a, wri_flag_name(f, name), takes);
            return EXIT_USAGE;
        }
        kvs[(*n_kv)++] = (wr_kv){.key = f->name, .value = value};
    }
    return EXIT_DONE;
}

/* ---- commands ---- */

static bool asks_for_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static int call(const wr_command *c, int argc, char **argv, wr_kv *kvs, void *opts) {
    size_t n_kv = 0;
    int n_args = 0;
    wr_err err = {0};
    int status = split_args(c, argc, argv, kvs, &n_kv, &n_args);
    if (status != EXIT_DONE) return status;
    if (wr_options_read(c->flags, c->n_flags, kvs, n_kv, NULL, opts, c->opts_bytes, NULL, &err) != WR_OK) {
        wri_say("%s: %s", c->name, err.msg);
        return EXIT_USAGE;
    }
    return c->run(opts, argv, n_args);
}

static int run_command(const wr_command *c, int argc, char **argv) {
    if (asks_for_help(argc, argv)) {
        char *name = (char *)c->name;
        return wri_cmd_help.run(NULL, &name, 1);
    }
    int status = EXIT_FAILED;
    wr_kv *kvs = wr_calloc((size_t)argc + 1, sizeof *kvs);
    void *opts = wr_calloc(1, c->opts_bytes + 1);
    if (kvs && opts) status = call(c, argc, argv, kvs, opts);
    else wri_say("out of memory");
    wr_free(kvs);
    wr_free(opts);
    return status;
}

static int unknown_command(const char *name) {
    size_t n = strlen(name);
    const char *names[64];
    size_t n_names = 0;
    if (n > 4 && strcmp(name + n - 4, ".sql") == 0) {
        wri_say("'%s' is no command; to run the file: weir run %s", name, name);
        return EXIT_USAGE;
    }
    for (size_t i = 0; wri_commands[i]; i++)
        if (n_names < WR_LEN(names)) names[n_names++] = wri_commands[i]->name;
    const char *near = wr_nearest(name, names, n_names, sizeof *names);
    if (near) wri_say("there is no command '%s'; did you mean 'weir %s'?", name, near);
    else wri_say("there is no command '%s'; see weir help", name);
    return EXIT_USAGE;
}

/* What stdio still holds; a full disk must not look like success. */
static int flush(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    if (errno != EPIPE) wri_say("cannot write to standard output: %s", strerror(errno));
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

/* As many descriptors as the system lets us have: files, shards, connections. */
static void raise_limits(void) {
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur == l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
}

int main(int argc, char **argv) {
    /* Batches come and go by the hundred kilobytes: keep their memory instead of returning it each time.
     * Tables of keys are larger: they grow in place as mappings, and leave no holes behind. */
    mallopt(M_MMAP_THRESHOLD, 2 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
    /* SQLite counts its memory under one lock of the process, at each allocation of each worker's connection;
     * nobody reads the count. Connections themselves are opened without mutexes, one a worker. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    wr_hash_secret_set(wr_sys_real.random(), wr_sys_real.random());
    raise_limits();
    if (argc < 2) {
        wri_say("expected a command; weir help lists them. To run a SQL file: weir run FILE.sql");
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    const wr_command *c = wri_find_command(name);
    return flush(c ? run_command(c, argc - 2, argv + 2) : unknown_command(name));
}

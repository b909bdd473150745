/* cli/cli.h -- the command line: one file a command, one table line each in main.c.
 *
 * A command's flags are a wr_option table: it parses `--snapshot-interval 50ms`, checks it, and feeds
 * `weir help`, the man page and shell completion. */
#ifndef WR_CLI_H
#define WR_CLI_H

#include "runtime/runtime.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

typedef struct wr_command {
    const char *name, *args, *summary;
    const char *doc; /* paragraphs for help and the man page */
    const wr_option *flags;
    size_t n_flags;
    size_t opts_bytes; /* of the struct the flags fill */
    /* opts: filled struct; args: what is not a flag, n of them. Returns the exit status. */
    int (*run)(const void *opts, char **args, int n);
} wr_command;

extern const wr_command wri_cmd_run, wri_cmd_check, wri_cmd_explain, wri_cmd_help, wri_cmd_completion,
    wri_cmd_version;
extern const wr_command *const wri_commands[]; /* NULL-terminated */
const wr_command *wri_find_command(const char *name);

/* "weir: …" and a newline on standard error. */
void wri_say(const char *fmt, ...) WR_PRINTF(1, 2);

/* A script read, parsed and planned; problems have been printed. */
typedef struct wri_script {
    wr_arena ar;
    wr_buf text;
    wr_diags diags;
    wr_script script;
    wr_registry reg;
    wr_plan plan;
} wri_script;
/* path "-" is standard input; sql non-NULL is the text itself (-e). Returns EXIT_DONE or the exit status. */
int wri_script_load(wri_script *s, const char *path, const char *sql);
void wri_script_free(wri_script *s);

#define WR_VERSION "0.1.0"

#endif

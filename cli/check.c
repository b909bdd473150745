/* cli/check.c -- weir check: every error with its place, nothing started. */
#include "cli.h"

typedef struct check_opts {
    wri_app_opts app;
} check_opts;

static const wr_option flags[] = {WRI_APP_FLAGS(check_opts)};

static int check(const void *opts, char **args, int n) {
    const check_opts *o = opts;
    int least = o->app.file ? 0 : 1; /* an application may have its code in itself */
    if (o->app.file && !wri_one_script("check", &o->app, NULL, n)) return EXIT_USAGE;
    if (n < least) {
        wri_say("check: expected SQL files; see weir help check");
        return EXIT_USAGE;
    }
    int worst = EXIT_DONE, wrong = 0;
    for (int i = 0; i < n || (i == 0 && least == 0); i++) {
        wri_script sc;
        int status = wri_script_load(&sc, &o->app, i < n ? args[i] : NULL, NULL);
        if (status == EXIT_DONE) {
            printf("%s: ok\n", sc.diags.file);
            fflush(stdout); /* in order with the errors of the next file */
        } else wrong++;
        wri_script_free(&sc);
        if (status > worst) worst = status;
    }
    if (n > 1 && wrong > 0) wri_say("%d of %d files have errors", wrong, n);
    return worst;
}

const wr_command wri_cmd_check = {
    .name = "check",
    .args = "FILE.sql ...",
    .summary = "report every error of SQL files, start nothing",
    .doc = "Parses and plans each file. Errors are shown with file, line and column, the line itself and a "
           "suggestion. Files that the SQL reads or writes are not opened. FILE - is standard input.\n\n"
           "Exit status: 0 all files are right, 2 some are not.",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(check_opts),
    .run = check,
};

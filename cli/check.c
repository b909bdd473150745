/* cli/check.c -- weir check: every error with its place, nothing started. */
#include "cli.h"

static int check(const void *opts, char **args, int n) {
    (void)opts;
    if (n < 1) {
        wri_say("check: expected SQL files; see weir help check");
        return EXIT_USAGE;
    }
    int worst = EXIT_DONE, wrong = 0;
    for (int i = 0; i < n; i++) {
        wri_script sc;
        int status = wri_script_load(&sc, args[i], NULL);
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
    .run = check,
};

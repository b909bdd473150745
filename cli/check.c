/* cli/check.c -- weir check: every error with its place, nothing started. */
#include "cli.h"

#include <stdio.h>

static int check(const void *opts, char **args, int n) {
    (void)opts;
    if (n < 1) {
        wri_say("check: expected SQL files; see weir help check");
        return EXIT_USAGE;
    }
    int worst = EXIT_DONE;
    for (int i = 0; i < n; i++) {
        wri_script sc;
        int status = wri_script_load(&sc, args[i], NULL);
        if (status == EXIT_DONE) printf("%s: ok\n", args[i]);
        wri_script_free(&sc);
        if (status > worst) worst = status;
    }
    return worst;
}

const wr_command wri_cmd_check = {
    .name = "check",
    .args = "FILE.sql ...",
    .summary = "report every error of SQL files, start nothing",
    .doc = "Parses and plans each file. Errors are shown with file, line and column, the line itself and a\n"
           "suggestion. Files and servers named in the SQL are not opened.\n\n"
           "Exit status: 0 all are right, 2 some are not.\n",
    .run = check,
};

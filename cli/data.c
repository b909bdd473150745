/* cli/data.c -- the data directory, as the commands open it. */
#include "cli.h"

static void say(void *ctx, const char *line) {
    (void)ctx;
    wri_say("%s", line);
}

int wri_data_open(const char *command, const char *dir, bool write, bool relaxed, wr_streams **outp) {
    wr_streams_opts o = {.dir = dir, .relaxed = relaxed, .threads = 2, .say = say};
    wr_err err = {0};
    *outp = NULL;
    if (!dir) {
        wri_say("%s: expected --data DIR, the folder that holds the streams", command);
        return EXIT_USAGE;
    }
    wr_status s = wr_streams_open(&o, outp, &err);
    if (s == WR_OK && write) s = wr_streams_lock(*outp, &err);
    if (s == WR_OK) return EXIT_DONE;
    wri_say("%s: %s", command, err.msg);
    wr_streams_close(*outp);
    *outp = NULL;
    return EXIT_FAILED;
}

int wri_data_failed(const char *command, wr_status s, const wr_err *err) {
    wri_say("%s: %s", command, err->msg);
    return s == WR_EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

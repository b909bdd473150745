/* cli/data.c -- the data directory, as the commands open it. */
#include <errno.h>
#include <unistd.h>

#include "cli.h"

static void say(void *ctx, const char *line) {
    (void)ctx;
    wri_say("%s", line);
}

int wri_data_open(const char *command, const char *dir, wri_data_use use, bool relaxed, wr_streams **outp) {
    wr_streams_opts o = {.dir = dir, .relaxed = relaxed, .threads = 2, .say = say};
    wr_err err = {0};
    *outp = NULL;
    if (!dir) {
        wri_say("%s: expected --data DIR, the folder that holds the streams", command);
        return EXIT_USAGE;
    }
    if (use == WRI_DATA_WRITE && access(dir, F_OK) != 0 && errno == ENOENT) {
        wri_say(
            "%s: there is no data directory '%s'; weir streams --data %s create STREAM makes it and a stream",
            command, dir, dir);
        return EXIT_USAGE;
    }
    wr_status s = wr_streams_open(&o, outp, &err);
    if (s == WR_OK && use != WRI_DATA_READ) s = wr_streams_lock(*outp, &err);
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

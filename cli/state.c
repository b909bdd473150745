/* cli/state.c -- weir state: what a folder of snapshots or a savepoint holds; a savepoint of it. */
#include "cli.h"

typedef struct state_opts {
    bool sql;
    const char *savepoint;
} state_opts;

#define OPT(member) offsetof(state_opts, member)
static const wr_option flags[] = {
    {.name = "savepoint",
     .type = WR_OPT_STRING,
     .offset = OPT(savepoint),
     .doc = "Copy the last snapshot, of a job that is not running, to this new folder."},
    {.name = "sql", .type = WR_OPT_BOOL, .offset = OPT(sql), .def = "false", .doc = "Print the SQL only."},
};

static int make_savepoint(const char *state, const char *dir) {
    wr_err err = {0};
    uint64_t bytes;
    if (wr_state_savepoint(&wr_sys_real, state, dir, &bytes, &err) != WR_OK) {
        wri_say("%s", err.msg);
        return EXIT_FAILED;
    }
    wri_say("savepoint '%s': %llu bytes; start from it with weir run --from %s --state NEW", dir,
            (unsigned long long)bytes, dir);
    return EXIT_DONE;
}

static int run(const void *opts, char **args, int n) {
    const state_opts *o = opts;
    wr_err err = {0};
    wr_buf text = {0};
    if (n != 1 || (o->sql && o->savepoint)) {
        wri_say("state: expected one folder%s; see weir help state",
                n == 1 ? ", and --sql or --savepoint" : "");
        return EXIT_USAGE;
    }
    if (o->savepoint) return make_savepoint(args[0], o->savepoint);
    wr_status s = o->sql ? wr_state_sql(&wr_sys_real, args[0], &text, &err)
                         : wr_state_tell(&wr_sys_real, args[0], &text, &err);
    if (s == WR_OK) fwrite(text.data, 1, text.len, stdout);
    else wri_say("%s", err.msg);
    wr_buf_free(&text);
    return s == WR_OK ? EXIT_DONE : EXIT_FAILED;
}

const wr_command wri_cmd_state = {
    .name = "state",
    .args = "DIR",
    .words = "",
    .summary = "look at the state of a job, make a savepoint of it",
    .doc = "DIR is a folder of weir run --state, or a savepoint. Lists what the last snapshot keeps: rows "
           "and bytes "
           "of each operator, positions in sources, when it was taken, by which weir. All of it is read and "
           "checked. The job may be running.\n\n"
           "  weir state clicks.state\n"
           "  weir state clicks.state --sql > clicks.sql\n"
           "  weir state clicks.state --savepoint before-the-change\n"
           "  weir run --from before-the-change --state new.state clicks.sql\n\n"
           "A savepoint is a snapshot in a folder of its own, which can be copied elsewhere and is never "
           "removed "
           "by weir. docs/STATE.md says what other SQL can go on from.",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(state_opts),
    .run = run,
};

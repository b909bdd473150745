/* cli/cli.h -- the command line: one file a command, one table line each in main.c.
 *
 * A command's flags are a wr_option table: it parses `--batch-rows 512`, checks it, and feeds `weir
 * help`, the man page and shell completion. Results go to standard output, all else to standard error. */
#ifndef WR_CLI_H
#define WR_CLI_H

#include <stdio.h>

#include "runtime/runtime.h"
#include "state/state.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

typedef struct wr_command {
    const char *name;
    const char *args;    /* what follows the options, for help: "FILE.sql"; "" when nothing does */
    const char *words;   /* what those may be, separated by blanks, for completion; NULL: files */
    const char *files;   /* which files, "*.test"; NULL: "*.sql" */
    const char *summary; /* one line, without a capital and a full stop */
    const char *doc; /* paragraphs, separated by "\n\n"; one whose lines begin with blanks is kept as it is */
    const wr_option *flags;
    size_t n_flags;
    size_t opts_bytes; /* of the struct that the flags fill */
    /* opts: filled struct; args: what is not a flag, n of them. Returns the exit status. */
    int (*run)(const void *opts, char **args, int n);
} wr_command;

extern const wr_command wri_cmd_application, wri_cmd_run, wri_cmd_check, wri_cmd_explain, wri_cmd_test,
    wri_cmd_discover, wri_cmd_serve, wri_cmd_submit, wri_cmd_jobs, wri_cmd_stop, wri_cmd_pause,
    wri_cmd_resume, wri_cmd_delete, wri_cmd_savepoint, wri_cmd_savepoints, wri_cmd_update, wri_cmd_logs,
    wri_cmd_why, wri_cmd_put, wri_cmd_tail, wri_cmd_streams, wri_cmd_state, wri_cmd_help, wri_cmd_completion,
    wri_cmd_version;
extern const wr_command *const wri_commands[]; /* NULL-terminated */
const wr_command *wri_find_command(const char *name);
/* The one-letter form of a flag ('e' for execute), 0: it has none. */
char wri_flag_letter(const wr_option *flag);
/* "--batch-rows", as it is typed. The name is cut to out's size, which no flag reaches. */
const char *wri_flag_name(const wr_option *flag, char out[64]);

/* "weir: …" and a newline on standard error. */
void wri_say(const char *fmt, ...) WR_PRINTF(1, 2);

/* ---- a SQL file ---- */

/* A script read, parsed and planned; problems have been printed. */
typedef struct wri_script {
    wr_arena ar;
    wr_buf text;
    wr_diags diags;
    wr_script script;
    wr_registry reg;
    wr_plan plan;
} wri_script;

/* Flags of every command that takes SQL: `opts` has a member `wri_app_opts app`. */
typedef struct wri_app_opts {
    const char *file; /* the description of an application; NULL: it is plain SQL */
    const char *name, *start;
    wr_kvs set; /* all flags, among them those of what is outside */
} wri_app_opts;
#define WRI_APP_FLAG(opts, member, flag, kind, text)                                                         \
    { .name = flag, .type = kind, .offset = offsetof(opts, app.member), .doc = text }
#define WRI_APP_FLAGS(opts)                                                                                  \
    WRI_APP_FLAG(opts, file, "application", WR_OPT_STRING,                                                   \
                 "The description of a Kinesis Data Analytics application: AWS's JSON, a CloudFormation "    \
                 "template, or Terraform's JSON. The SQL file is its code, where it has none itself."),      \
        WRI_APP_FLAG(opts, name, "application_name", WR_OPT_STRING,                                          \
                     "Which one, where a template has several."),                                            \
        WRI_APP_FLAG(opts, set, "input", WR_OPT_LIST,                                                        \
                     "Of an application: the input of this NamePrefix, or the in-application stream, reads " \
                     "the file B, - standard input, or stream:B. May be given several times."),              \
        WRI_APP_FLAG(opts, set, "output", WR_OPT_LIST,                                                       \
                     "The in-application stream A, or error_stream, goes to the file B, to - standard "      \
                     "output, or to stream:B."),                                                             \
        WRI_APP_FLAG(opts, set, "reference", WR_OPT_LIST,                                                    \
                     "The reference data A are in the file B; else beside the description, under the name "  \
                     "of the S3 object."),                                                                   \
        WRI_APP_FLAG(opts, set, "lambda", WR_OPT_LIST,                                                       \
                     "The function A (ARN or name) answers at the URL B; none leaves it out."),              \
        WRI_APP_FLAG(opts, set, "rowtime", WR_OPT_LIST,                                                      \
                     "ROWTIME of the input A is its column B, so that recorded data replay by their own "    \
                     "time; else arrival."),                                                                 \
        WRI_APP_FLAG(opts, start, "start", WR_OPT_STRING,                                                    \
                     "Where inputs from streams begin, whatever the description says: NOW, TRIM_HORIZON or " \
                     "LAST_STOPPED_POINT.")

/* All of a file, and a NUL behind it; errno says why not. */
wr_status wri_file_read(wr_buf *out, const char *path) WR_MUST_USE;
/* Only reads it, into s->text, and names it, in s->diags.file; s is zeroed before. app may be NULL. */
int wri_script_read(wri_script *s, const wri_app_opts *app, const char *path, const char *sql);
/* path "-" is standard input; sql non-NULL is the text itself (-e). Returns EXIT_DONE or the exit status;
 * to be freed in either case. */
int wri_script_load(wri_script *s, const wri_app_opts *app, const char *path, const char *sql);
void wri_script_free(wri_script *s);
/* Whether a command got one file or -e (or none, of an application); says so otherwise. */
bool wri_one_script(const char *command, const wri_app_opts *app, const char *sql, int n_args);
/* The script of an application instead of s->text, which is its code; diags.file NULL: there is none. What is
 * wrong goes to errors, in lines as weir run prints them. */
wr_status wri_application_script(wri_script *s, const wri_app_opts *app, wr_buf *errors) WR_MUST_USE;
/* The same with the errors printed; the exit status. */
int wri_application_sql(wri_script *s, const wri_app_opts *app);

/* ---- the data directory ---- */

typedef enum wri_data_use {
    WRI_DATA_READ,
    WRI_DATA_WRITE, /* by no other process meanwhile */
    WRI_DATA_MAKE   /* the same, and the folder is made if there is none */
} wri_data_use;
/* Returns EXIT_DONE or the exit status, and has said why. */
int wri_data_open(const char *command, const char *dir, wri_data_use use, bool relaxed, wr_streams **outp);
/* Says what failed; the exit status. */
int wri_data_failed(const char *command, wr_status s, const wr_err *err);

/* ---- help ---- */

#define WRI_HELP_WIDTH 80 /* columns of help texts */

/* A text in lines of WRI_HELP_WIDTH columns, each after indent blanks; paragraphs stay apart. */
void wri_wrap(FILE *f, int indent, const char *text);
/* What a flag takes: " N", " auto|json"; "" for a switch. */
void wri_flag_takes(const wr_option *flag, char *out, size_t n);
/* What it is when it is not given; NULL: nothing, off or 0, which its text explains. */
const char *wri_flag_def(const wr_option *flag);
/* Lists what is built in and called `topic`: functions, …, or the name of one function, aggregate,
 * connector or format. False: there is nothing of that name. */
bool wri_list(const char *topic);
/* The generated tables of docs/SQL.md. */
void wri_list_markdown(void);
const char *wri_topic_text(const char *name); /* a page on the language, NULL: none of that name */
extern const char *const wri_topics[];        /* NULL-terminated */
void wri_man_page(void);

#endif

/* cli/application.c -- descriptions of Kinesis Data Analytics applications: the flags of all commands that
 * take SQL, and weir application, which prints one as SQL. */
#include <errno.h>

#include "apps/apps.h"
#include "cli.h"

static wr_status read_code(void *ctx, const char *path, wr_buf *out, wr_err *err) {
    (void)ctx;
    if (wri_file_read(out, path) == WR_OK) return WR_OK;
    return wr_fail(err, errno == ENOMEM ? WR_ENOMEM : WR_EIO, "cannot read the code, '%s': %s", path,
                   strerror(errno));
}

/* The folder that path is in, with its slash; "" for the current one. */
static char *folder_of(wr_arena *ar, const char *path) {
    const char *slash = strrchr(path, '/');
    return wr_arena_strndup(ar, path, slash ? (size_t)(slash - path) + 1 : 0);
}

wr_status wri_application_script(wri_script *s, const wri_app_opts *app, wr_buf *errors) {
    wr_buf json = {0}, sql = {0};
    if (wri_file_read(&json, app->file) != WR_OK) {
        wr_status r = wr_buf_printf(errors, "weir: cannot read '%s': %s\n", app->file, strerror(errno));
        wr_buf_free(&json);
        return r == WR_OK ? WR_EDATA : r;
    }
    bool has_code = s->diags.file != NULL;
    wr_app_opts o = {.file = app->file,
                     .json = json.data,
                     .len = json.len,
                     .dir = folder_of(&s->ar, app->file),
                     .code = has_code ? s->text.data : NULL,
                     .code_file = s->diags.file,
                     .set = app->set.items,
                     .n_set = app->set.n,
                     .read = read_code};
    wr_status r = o.dir ? wr_app_sql(&o, &sql, errors) : WR_ENOMEM;
    if (r == WR_OK && wr_buf_put(&sql, "", 1) != WR_OK) r = WR_ENOMEM;
    if (r == WR_OK) {
        wr_buf text = s->text;
        s->text = sql;
        s->text.len--;
        sql = text;
        s->diags.file = app->file;
    }
    wr_buf_free(&json);
    wr_buf_free(&sql);
    return r;
}

int wri_application_sql(wri_script *s, const wri_app_opts *app) {
    wr_buf errors = {0};
    wr_status r = wri_application_script(s, app, &errors);
    if (errors.len) fwrite(errors.data, 1, errors.len, stderr);
    else if (r != WR_OK) wri_say("%s: %s", app->file, wr_status_text(r));
    wr_buf_free(&errors);
    return r == WR_OK ? EXIT_DONE : r == WR_ENOMEM ? EXIT_FAILED : EXIT_USAGE;
}

/* ---- weir application ---- */

typedef struct application_opts {
    wri_app_opts app;
} application_opts;

static const wr_option flags[] = {WRI_APP_FLAGS(application_opts)};

static int application(const void *opts, char **args, int n) {
    application_opts o = *(const application_opts *)opts;
    if (n < 1 || n > 2) {
        wri_say("application: expected a description and, where it has no code, a SQL file; see weir help "
                "application");
        return EXIT_USAGE;
    }
    o.app.file = args[0];
    wri_script sc = {0};
    int status = wri_script_read(&sc, &o.app, n == 2 ? args[1] : NULL, NULL);
    if (status == EXIT_DONE) fwrite(sc.text.data, 1, sc.text.len, stdout);
    wri_script_free(&sc);
    return status;
}

const wr_command wri_cmd_application = {
    .name = "application",
    .args = "APP.json [CODE.sql]",
    .words = "",
    .summary = "print a Kinesis Data Analytics application as one SQL script",
    .doc = "Reads what aws kinesisanalytics(v2) create-application takes or describe-application prints, a "
           "CloudFormation template, or Terraform's JSON, and prints the script that weir run --application "
           "runs: streams and tables for what the code reads, the code, and what takes its results.\n\n"
           "  weir application app.json > app.sql\n"
           "  weir application app.json --input SOURCE_SQL_STREAM=trades.jsonl "
           "--output DESTINATION_SQL_STREAM=-\n\n"
           "Streams named by ARN are those of the data directory (--data DIR) of that name. "
           "docs/APPLICATIONS.md "
           "has more.",
    .flags = flags + 1, /* the description is no flag here */
    .n_flags = WR_LEN(flags) - 1,
    .opts_bytes = sizeof(application_opts),
    .run = application,
};

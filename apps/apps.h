/* apps/apps.h -- descriptions of Kinesis Data Analytics applications, as SQL. The one header of apps/. */
#ifndef WR_APPS_H
#define WR_APPS_H

#include "core/core.h"

typedef struct wr_app_opts {
    const char *file; /* the description's name, for messages and marks of lines */
    const char *json;
    size_t len;
    const char *dir;  /* goes before names of files that stand beside the description: "" or "apps/" */
    const char *code; /* the application's SQL; NULL: what the description has */
    const char *code_file;
    /* What is outside. Keys, each as often as wanted: input, output, reference, rowtime "NAME=what", lambda
     * "ARN=URL", start "TRIM_HORIZON", application_name "the one of several". Others are left alone. */
    const wr_kv *set;
    size_t n_set;
    /* Reads a file of code that the description names; NULL: there are none. */
    wr_status (*read)(void *ctx, const char *path, wr_buf *out, wr_err *err);
    void *ctx;
} wr_app_opts;

/* Appends the script to sql. WR_EDATA: mistakes, which errors tells as file:line:column with the line itself,
 * as those of SQL are told. */
wr_status wr_app_sql(const wr_app_opts *o, wr_buf *sql, wr_buf *errors) WR_MUST_USE;

#endif

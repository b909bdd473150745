/* connectors/connectors.c -- the lists of connectors and formats: one line each. */
#include "connectors.h"

#include "conn_int.h"

extern const wr_connector_def wr_connector_file, wr_connector_stdin, wr_connector_stdout, wr_connector_print,
    wr_connector_blackhole, wr_connector_datagen, wr_connector_sqlite, wr_connector_postgres,
    wr_connector_stream, wr_connector_given, wr_connector_lambda;

const wr_connector_def *const wr_connectors[] = {
    &wr_connector_file,      &wr_connector_stdin,   &wr_connector_stdout, &wr_connector_print,
    &wr_connector_blackhole, &wr_connector_datagen, &wr_connector_sqlite, &wr_connector_postgres,
    &wr_connector_stream,    &wr_connector_given,   &wr_connector_lambda, NULL,
};

extern const wr_format_def wr_format_json, wr_format_csv, wr_format_raw, wr_format_msgpack, wr_format_table;

const wr_format_def *const wr_formats[] = {
    &wr_format_json, &wr_format_csv, &wr_format_raw, &wr_format_msgpack, &wr_format_table, NULL,
};

const wr_connector_def *wr_connector_find(const char *name) {
    for (size_t i = 0; wr_connectors[i]; i++)
        if (strcmp(wr_connectors[i]->with.name, name) == 0) return wr_connectors[i];
    return NULL;
}

const wr_format_def *wr_format_find(const char *name) {
    for (size_t i = 0; wr_formats[i]; i++)
        if (strcmp(wr_formats[i]->with.name, name) == 0) return wr_formats[i];
    return NULL;
}

/* ---- shared by the connectors ---- */

#define SEEN_MAX 32 /* more options than that take an allocation */

wr_status wri_options(const wr_option *opts, size_t n_opts, const wr_kv *kvs, size_t n, void *out,
                      size_t size, wr_err *err) {
    bool few[SEEN_MAX] = {false}, *known = n <= SEEN_MAX ? few : wr_calloc(n, sizeof *known);
    if (!known) return wr_fail_oom(err, "options");
    wr_status s = wr_options_read(opts, n_opts, kvs, n, known, out, size, NULL, err);
    if (known != few) wr_free(known);
    return s;
}

static void bytes_release(wr_ref *r) { wr_free(r); }

wr_bytes *wr_bytes_new(size_t cap) {
    if (cap > SIZE_MAX - sizeof(wr_bytes) - WR_PAD) return NULL;
    wr_bytes *b = wr_alloc(sizeof *b + cap + WR_PAD);
    if (!b) return NULL;
    wr_ref_init(&b->ref, bytes_release);
    b->cap = cap;
    return b;
}

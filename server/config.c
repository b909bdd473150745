/* server/config.c -- the options of the server, and the file that may give them.
 *
 *   # a comment
 *   data = /var/lib/weir
 *   listen = 127.0.0.1:4567
 *
 * The command line wins over the file, the file over the defaults. Members that are 0 have not been given: no
 * option means anything by 0. */
#include <string.h>

#include "files.h"
#include "server.h"

#define OPT(member)  offsetof(wr_server_opts, member)
#define FILE_OPTIONS (WR_SERVER_OPTIONS - 1) /* all but the last */
const wr_option wr_server_options[WR_SERVER_OPTIONS] = {
    {.name = "data",
     .type = WR_OPT_STRING,
     .offset = OPT(data),
     .doc = "The data directory: streams, jobs and their snapshots."},
    {.name = "listen",
     .type = WR_OPT_STRING,
     .offset = OPT(listen),
     .doc = "Address and port, 127.0.0.1:4567 if not given; port 0: any free one."},
    {.name = "tls_cert",
     .type = WR_OPT_STRING,
     .offset = OPT(tls_cert),
     .doc = "A file with the certificate, in PEM, and those that lead to its signer: the port speaks TLS "
            "then. Read again on SIGHUP."},
    {.name = "tls_key",
     .type = WR_OPT_STRING,
     .offset = OPT(tls_key),
     .doc = "A file with the certificate's private key, in PEM, without a passphrase."},
    {.name = "workers",
     .type = WR_OPT_INT,
     .offset = OPT(workers),
     .max = 128,
     .doc = "Workers of a job that does not say how many; one per core if not given."},
    {.name = "snapshot_interval",
     .type = WR_OPT_DURATION,
     .offset = OPT(snapshot_interval_us),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "Time between snapshots of a job that does not say; else what its SQL sets, else 10 seconds."},
    {.name = "memory",
     .type = WR_OPT_BYTES,
     .offset = OPT(memory_bytes),
     .max = INT64_MAX / 2,
     .doc = "What a job that does not say may take for buffers and state, such as 512MiB; else what its SQL "
            "sets, else half of the machine's."},
    {.name = "durability",
     .type = WR_OPT_ENUM,
     .offset = OPT(durability),
     .values = "fsync|os",
     .doc = "When a record counts as written: when the disk has it, or the system."},
    {.name = "max_connections",
     .type = WR_OPT_INT,
     .offset = OPT(max_connections),
     .min = 1,
     .max = 1000000,
     .doc = "Connections at once, 4096 if not given; those beyond are told to come back."},
    {.name = "max_jobs",
     .type = WR_OPT_INT,
     .offset = OPT(max_jobs),
     .min = 1,
     .max = 1000000,
     .doc = "Jobs in the catalog, 1000 if not given."},
    {.name = "max_body",
     .type = WR_OPT_BYTES,
     .offset = OPT(max_body_bytes),
     .min = 1024,
     .max = 256 << 20,
     .doc = "The largest body of a request, 16 MiB if not given."},
    {.name = "header_timeout",
     .type = WR_OPT_DURATION,
     .offset = OPT(header_timeout_us),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "Time for the head of a request, 10 seconds if not given."},
    {.name = "body_timeout",
     .type = WR_OPT_DURATION,
     .offset = OPT(body_timeout_us),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "Time for its body, 30 seconds and one more for each 16 KiB that have come if not given."},
    {.name = "idle_timeout",
     .type = WR_OPT_DURATION,
     .offset = OPT(idle_timeout_us),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "How long a connection may rest between requests, 75 seconds if not given."},
    {.name = "write_timeout",
     .type = WR_OPT_DURATION,
     .offset = OPT(write_timeout_us),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "How long a client may take nothing of an answer, 30 seconds if not given."},
    {.name = "restart_delay",
     .type = WR_OPT_DURATION,
     .offset = OPT(restart_delay_us),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "Wait before a job that failed starts again, 1 second if not given; doubled each time."},
    {.name = "restart_delay_max",
     .type = WR_OPT_DURATION,
     .offset = OPT(restart_delay_max_us),
     .min = 1000,
     .max = INT64_C(86400000000),
     .doc = "The longest such wait, 60 seconds if not given."},
    {.name = "max_restarts",
     .type = WR_OPT_INT,
     .offset = OPT(max_restarts),
     .min = 1,
     .max = INT64_C(1000000000),
     .doc = "Failures in a row after which a job is given up; without it, never."},
    {.name = "output_kept",
     .type = WR_OPT_BYTES,
     .offset = OPT(output_bytes),
     .min = 4096,
     .max = 1 << 30,
     .doc = "How much of a job's rows of bare SELECTs, and of its bad rows, is kept; 1 MiB if not given."},
    {.name = "quiet",
     .type = WR_OPT_BOOL,
     .offset = OPT(quiet),
     .doc = "Only failures are told on standard error."},
    {.name = "config",
     .type = WR_OPT_STRING,
     .offset = OPT(config),
     .doc = "A file of key = value lines that gives what the command line does not; keys are these options, "
            "with _ for -: snapshot_interval = 10s."},
};

static void defaults(wr_server_opts *o) {
    const struct {
        int64_t *at, value;
    } list[] = {{&o->max_connections, 4096},
                {&o->max_jobs, 1000},
                {&o->max_body_bytes, 16 << 20},
                {&o->header_timeout_us, 10 * WR_US_PER_SECOND},
                {&o->body_timeout_us, 30 * WR_US_PER_SECOND},
                {&o->idle_timeout_us, 75 * WR_US_PER_SECOND},
                {&o->write_timeout_us, 30 * WR_US_PER_SECOND},
                {&o->restart_delay_us, WR_US_PER_SECOND},
                {&o->restart_delay_max_us, 60 * WR_US_PER_SECOND},
                {&o->output_bytes, 1 << 20}};
    for (size_t i = 0; i < WR_LEN(list); i++)
        if (*list[i].at == 0) *list[i].at = list[i].value;
    if (!o->listen) o->listen = "127.0.0.1:4567";
}

static size_t member_bytes(wr_opt_type t) {
    switch (t) {
    case WR_OPT_STRING:
        return sizeof(char *);
    case WR_OPT_BOOL:
        return sizeof(bool);
    case WR_OPT_ENUM:
        return sizeof(int);
    case WR_OPT_LIST:
        return sizeof(wr_kvs);
    default:
        return sizeof(int64_t);
    }
}

/* What *o has not been given comes from *file. */
static void merge(wr_server_opts *o, const wr_server_opts *file) {
    static const char none[sizeof(int64_t)];
    for (size_t i = 0; i < FILE_OPTIONS; i++) {
        const wr_option *opt = &wr_server_options[i];
        size_t n = member_bytes(opt->type);
        char *to = (char *)o + opt->offset;
        if (memcmp(to, none, n) == 0) memcpy(to, (const char *)file + opt->offset, n);
    }
}

/* ---- the file ---- */

static wr_status read_file(const char *path, wr_arena *ar, char **textp, wr_err *err) {
    wr_buf text = {0};
    wr_status s = wri_read_file(path, "the configuration", &text, err);
    if (s == WR_OK && memchr(text.data, 0, text.len))
        s = wr_fail(err, WR_EINVAL, "the configuration '%s' is no text", path);
    *textp = s == WR_OK ? wr_arena_strndup(ar, text.data, text.len) : NULL;
    if (s == WR_OK && !*textp) s = wr_fail_oom(err, "the configuration");
    wr_buf_free(&text);
    return s;
}

static char *trim(char *p, char *end) {
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    *end = 0;
    return p;
}

static bool known(const char *key) {
    for (size_t i = 0; i < FILE_OPTIONS; i++)
        if (strcmp(wr_server_options[i].name, key) == 0) return true;
    return false;
}

/* One line, cut at its end. *outp.key NULL: it says nothing. */
static wr_status read_line(char *p, wr_kv *outp, wr_err *err) {
    *outp = (wr_kv){0};
    char *end = p + strlen(p);
    p = trim(p, end);
    if (*p == 0 || *p == '#') return WR_OK;
    char *eq = strchr(p, '=');
    if (!eq) return wr_fail(err, WR_EINVAL, "'%.64s': expected key = value", p);
    outp->value = trim(eq + 1, p + strlen(p));
    outp->key = trim(p, eq);
    if (known(outp->key)) return WR_OK;
    const char *near = wr_nearest(outp->key, &wr_server_options[0].name, FILE_OPTIONS, sizeof(wr_option));
    if (near)
        return wr_fail(err, WR_EINVAL, "there is no option '%.64s'; did you mean '%s'?", outp->key, near);
    return wr_fail(err, WR_EINVAL, "there is no option '%.64s'; see weir help serve", outp->key);
}

static wr_status read_lines(char *text, wr_server_opts *o, uint32_t *linep, wr_err *err) {
    wr_kv kvs[FILE_OPTIONS];
    size_t n = 0;
    for (char *p = text, *next; p; p = next) {
        next = strchr(p, '\n');
        if (next) *next++ = 0;
        ++*linep;
        wr_kv kv;
        wr_server_opts alone;
        WR_TRY(read_line(p, &kv, err));
        if (!kv.key) continue;
        for (size_t i = 0; i < n; i++)
            if (strcmp(kvs[i].key, kv.key) == 0)
                return wr_fail(err, WR_EINVAL, "'%s' is given twice", kv.key);
        /* each by itself first, so that the line is named */
        WR_TRY(
            wr_options_read(wr_server_options, FILE_OPTIONS, &kv, 1, NULL, &alone, sizeof alone, NULL, err));
        kvs[n++] = kv;
    }
    return wr_options_read(wr_server_options, FILE_OPTIONS, kvs, n, NULL, o, sizeof *o, NULL, err);
}

wr_status wr_server_configure(wr_server_opts *o, wr_arena *ar, wr_err *err) {
    wr_server_opts file;
    uint32_t line = 0;
    char *text = NULL;
    if (o->config) {
        WR_TRY(read_file(o->config, ar, &text, err));
        wr_status s = read_lines(text, &file, &line, err);
        if (s != WR_OK) return wr_fail_in(err, s, "%s:%u", o->config, line);
        merge(o, &file);
    }
    defaults(o);
    if (!o->data)
        return wr_fail(err, WR_EINVAL, "expected --data DIR, the folder that holds streams and jobs");
    if (!o->tls_cert == !o->tls_key) return WR_OK;
    return wr_fail(err, WR_EINVAL, "TLS needs a certificate and its key: expected tls_%s, too",
                   o->tls_cert ? "key" : "cert");
}

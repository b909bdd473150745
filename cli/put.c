/* cli/put.c -- weir put: lines of standard input as records of a stream, in a data directory or at a server.
 *
 * What one read gives is one group: a line typed is durable at once, a file goes in large groups. */
#include <errno.h>
#include <unistd.h>

#include "remote.h"

#define READ_BYTES (256 * 1024)

typedef struct put_opts {
    const char *data, *key;
    char key_before;
    int durability; /* index of fsync|os */
    bool quiet;
    wri_server_opts server;
} put_opts;

#define OPT(member) offsetof(put_opts, member)
static const wr_option flags[] = {
    {.name = "data",
     .type = WR_OPT_STRING,
     .offset = OPT(data),
     .doc = "The data directory, which holds the streams; without it a server is asked."},
    WRI_SERVER_URL(put_opts),
    {.name = "key", .type = WR_OPT_STRING, .offset = OPT(key), .doc = "Partition key of all records."},
    {.name = "key_before",
     .type = WR_OPT_CHAR,
     .offset = OPT(key_before),
     .doc = "What stands before the first such character of a line is its partition key, the rest its data."},
    {.name = "durability",
     .type = WR_OPT_ENUM,
     .offset = OPT(durability),
     .values = "fsync|os",
     .def = "fsync",
     .doc = "When a record counts as written: when the disk has it, or the system."},
    {.name = "quiet",
     .type = WR_OPT_BOOL,
     .offset = OPT(quiet),
     .def = "false",
     .doc = "No closing summary."},
};

typedef struct putting {
    const put_opts *o;
    wr_stream *st; /* NULL: they go to a server */
    wri_client c;
    const char *name; /* of the stream */
    wr_buf in;        /* bytes read, from the start of a line */
    wr_buf keys;      /* keys made up; their offsets stand in puts until all are there */
    wr_put *puts;
    size_t cap;
    uint64_t records;
} putting;

/* Line p[0..n) as the next record. */
static wr_status add(putting *g, size_t i, const char *p, size_t n) {
    WR_TRY(wr_grow(&g->puts, &g->cap, i + 1, sizeof *g->puts));
    const char *at = g->o->key_before ? memchr(p, g->o->key_before, n) : NULL;
    wr_put *put = &g->puts[i];
    *put = (wr_put){.data = p, .len = (uint32_t)n};
    if (g->o->key_before) {
        put->key = p;
        put->key_len = at ? (uint32_t)(at - p) : (uint32_t)n;
        put->data = at ? at + 1 : p + n;
        put->len = (uint32_t)(p + n - put->data);
    } else if (g->o->key) {
        put->key = g->o->key;
        put->key_len = (uint32_t)strlen(g->o->key);
    } else if (g->st) { /* lines are spread over the shards, as a server does by itself */
        size_t from = g->keys.len;
        WR_TRY(wr_buf_printf(&g->keys, "%llu", (unsigned long long)(g->records + i)));
        put->key_len = (uint32_t)(g->keys.len - from);
    }
    return WR_OK;
}

static wr_status put_group(putting *g, uint32_t n, wr_err *err) {
    if (!g->st) return wri_put_remote(&g->c, g->name, g->puts, n, &g->records, err);
    wr_status s = wr_stream_put(g->st, g->puts, n, err);
    for (uint32_t i = 0; i < n; i++) g->records += g->puts[i].status == WR_OK;
    return s;
}

/* Puts the whole lines that are there; `last`: what is behind the last line end is a line too. */
static wr_status put_lines(putting *g, bool last, wr_err *err) {
    size_t n = 0, at = 0;
    g->keys.len = 0;
    while (at < g->in.len) {
        const char *p = g->in.data + at, *nl = memchr(p, '\n', g->in.len - at);
        if (!nl && !last) break;
        size_t len = nl ? (size_t)(nl - p) : g->in.len - at;
        if (add(g, n++, p, len) != WR_OK) return wr_fail_oom(err, "records");
        at += len + (nl != NULL);
    }
    const char *key = g->keys.data;
    for (size_t i = 0; g->st && i < n; i++) {
        if (g->puts[i].key) continue;
        g->puts[i].key = key;
        key += g->puts[i].key_len;
    }
    WR_TRY(n ? put_group(g, (uint32_t)n, err) : WR_OK);
    g->in.len -= at;
    if (at) memmove(g->in.data, g->in.data + at, g->in.len);
    return WR_OK;
}

static wr_status put_all(putting *g, wr_err *err) {
    for (;;) {
        if (wr_buf_reserve(&g->in, READ_BYTES) != WR_OK) return wr_fail_oom(err, "a line");
        ssize_t k = wr_sys_real.read(STDIN_FILENO, g->in.data + g->in.len, READ_BYTES);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return wr_fail(err, WR_EIO, "cannot read standard input: %s", strerror(errno));
        g->in.len += (size_t)k;
        WR_TRY(put_lines(g, k == 0, err));
        if (k == 0) return WR_OK;
        if (g->in.len > 2 * (size_t)WR_LOG_RECORD_MAX)
            return wr_fail(err, WR_EINVAL, "a line is longer than any record may be (%d bytes)",
                           WR_LOG_RECORD_MAX);
    }
}

static int to_data(putting *g) {
    wr_streams *db;
    wr_err err = {0};
    int status = wri_data_open("put", g->o->data, WRI_DATA_WRITE, g->o->durability == 1, &db);
    if (status != EXIT_DONE) return status;
    wr_status s = wr_stream_open(db, g->name, &g->st, &err);
    bool open = s == WR_OK;
    if (s == WR_OK) s = put_all(g, &err);
    if (s == WR_OK) s = wr_stream_tend(g->st, &err);
    if (s != WR_OK) status = wri_data_failed("put", s, &err);
    if (!g->o->quiet && open) fprintf(stderr, "%llu records put\n", (unsigned long long)g->records);
    wr_streams_close(db);
    return status;
}

static int to_server(putting *g) {
    wr_err err = {0};
    int status = wri_client_or_data(&g->c, "put", &g->o->server);
    /* Before lines are read, so that a stream that is not there is told at once. */
    if (status == EXIT_DONE) status = wri_ask(&g->c, "GET", "/v1/streams/%s", wri_escaped(&g->c, g->name));
    bool open = status == EXIT_DONE;
    wr_status s = open ? put_all(g, &err) : WR_OK;
    if (s != WR_OK) status = err.msg[0] ? wri_data_failed("put", s, &err) : wri_put_failed(&g->c);
    unsigned long long done = g->records;
    if (open && status == EXIT_DONE && !g->o->quiet) fprintf(stderr, "%llu records put\n", done);
    else if (open && status != EXIT_DONE)
        fprintf(stderr, "%llu records put; those behind them %s\n", done,
                g->c.code >= 400 && g->c.code < 500 ? "have not been" : "may have been, or not");
    wri_client_close(&g->c);
    return status;
}

static int run(const void *opts, char **args, int n) {
    putting g = {.o = opts};
    if (n != 1) {
        wri_say("put: expected the name of one stream; see weir help put");
        return EXIT_USAGE;
    }
    if (!wri_one_place("put", g.o->data, g.o->server.url)) return EXIT_USAGE;
    g.name = args[0];
    int status = g.o->data ? to_data(&g) : to_server(&g);
    wr_buf_free(&g.in);
    wr_buf_free(&g.keys);
    wr_free(g.puts);
    return status;
}

const wr_command wri_cmd_put = {
    .name = "put",
    .args = "STREAM",
    .words = "",
    .summary = "write lines of standard input to a stream",
    .doc = "Each line becomes a record of a stream, of a running engine or in a data directory that no "
           "engine has "
           "open, without its line end. The "
           "partition key chooses "
           "the shard: --key for all lines, --key-before for what stands before a character, else lines are "
           "spread. A "
           "record is acknowledged when the disk has it.\n\n"
           "  weir put clicks --data d < clicks.jsonl\n"
           "  weir put temps --server http://127.0.0.1:4567 --key-before : < temps.txt",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(put_opts),
    .run = run,
};

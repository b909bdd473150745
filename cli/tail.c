/* cli/tail.c -- weir tail: records of a stream to standard output, as they come; of a data directory here, of
 * a server in tail_remote.c.
 *
 * Shards are read side by side; a shard that has ended makes room for its children, once both parents have
 * ended. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "remote.h"

typedef struct tail_opts {
    const char *data, *from, *shard;
    int format; /* index of data|json */
    bool once;
    int64_t count;
    wri_server_opts server;
} tail_opts;

#define OPT(member) offsetof(tail_opts, member)
static const wr_option flags[] = {
    {.name = "data",
     .type = WR_OPT_STRING,
     .offset = OPT(data),
     .doc = "The data directory, which holds the streams; without it a server is asked."},
    WRI_SERVER_URL(tail_opts),
    {.name = "from",
     .type = WR_OPT_STRING,
     .offset = OPT(from),
     .def = "latest",
     .doc = "Where to begin: earliest, latest, a time such as 2026-01-01T00:00:00Z."},
    {.name = "shard",
     .type = WR_OPT_STRING,
     .offset = OPT(shard),
     .doc = "Only this shard: 3 or shardId-000000000003."},
    {.name = "format",
     .type = WR_OPT_ENUM,
     .offset = OPT(format),
     .values = "data|json",
     .def = "data",
     .doc = "data: a record's bytes and a line end; json: with shard, sequence number, arrival and key."},
    {.name = "once",
     .type = WR_OPT_BOOL,
     .offset = OPT(once),
     .def = "false",
     .doc = "End where nothing more is there, instead of waiting."},
    {.name = "count",
     .type = WR_OPT_INT,
     .offset = OPT(count),
     .def = "0",
     .max = INT64_MAX,
     .doc = "End after so many records; 0: never."},
};

typedef struct source {
    uint32_t shard;
    bool ended;
    wr_reader *r;
} source;

typedef struct tailing {
    const tail_opts *o;
    wr_streams *db;
    const char *name;
    wr_place at;
    uint32_t only;      /* WR_NO_SHARD: all */
    uint32_t first_new; /* shards from there on have come since the start */
    source *items;
    size_t n, cap;
    wr_records got;
    wr_buf out;
    int64_t left; /* records, -1: no end */
    int watch_fd; /* tells of all shards, unless deaf; -1: not yet */
    bool deaf;
} tailing;

static const source *find(const tailing *t, uint32_t shard) {
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].shard == shard) return &t->items[i];
    return NULL;
}

/* Whether a parent is still to be read: it has not ended, or is not even begun. */
static bool holds_back(const tailing *t, const wr_stream_info *info, uint32_t parent) {
    const source *s = find(t, parent);
    bool of_before = t->at.from == WR_FROM_LATEST && parent < t->first_new;
    if (s || of_before || t->only != WR_NO_SHARD) return s && !s->ended;
    return wr_stream_shard(info, parent) != NULL;
}

/* Opens the shards that may be read now; `first`: at the start. */
static wr_status open_shards(tailing *t, bool first, wr_err *err) {
    wr_arena ar = {0};
    wr_stream_info info;
    wr_status s = wr_stream_describe(t->db, t->name, &ar, &info, err);
    bool latest = t->at.from == WR_FROM_LATEST;
    for (uint32_t i = 0; s == WR_OK && i < info.n_shards; i++) {
        const wr_shard_info *sh = &info.shards[i];
        if (first) t->first_new = sh->id + 1;
        bool of_before = latest && sh->id < t->first_new && (!first || sh->closed_us);
        if (find(t, sh->id) || of_before || holds_back(t, &info, sh->parent) ||
            holds_back(t, &info, sh->parent2))
            continue;
        if (t->only != WR_NO_SHARD && t->only != sh->id) continue;
        s = wr_grow(&t->items, &t->cap, t->n + 1, sizeof *t->items) == WR_OK ? WR_OK
                                                                             : wr_fail_oom(err, "shards");
        if (s != WR_OK) break;
        source *src = &t->items[t->n];
        *src = (source){.shard = sh->id};
        wr_place at = t->at;
        if (latest && !first) at.from = WR_FROM_HORIZON; /* a child of what was read: all of it is new */
        s = wr_reader_open(t->db, t->name, sh->id, at, &src->r, err);
        t->n += s == WR_OK;
    }
    if (s == WR_OK && first && t->n == 0)
        s = wr_fail(err, WR_EINVAL, "stream %s has no shard %" PRIu32 " to be read", t->name, t->only);
    wr_arena_free(&ar);
    return s;
}

/* ---- output ---- */

static wr_status put_text(wr_buf *out, const char *name, const char *p, size_t n) {
    if (!wr_utf8_valid(p, n)) {
        WR_TRY(wr_buf_printf(out, ",\"%s_hex\":\"", name));
        for (size_t i = 0; i < n; i++) WR_TRY(wr_buf_printf(out, "%02x", (unsigned char)p[i]));
        return wr_buf_puts(out, "\"");
    }
    WR_TRY(wr_buf_printf(out, ",\"%s\":\"", name));
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (c == '"' || c == '\\') WR_TRY(wr_buf_printf(out, "\\%c", c));
        else if ((unsigned char)c < 0x20) WR_TRY(wr_buf_printf(out, "\\u%04x", (unsigned)c));
        else WR_TRY(wr_buf_put(out, &c, 1));
    }
    return wr_buf_puts(out, "\"");
}

static wr_status print_record(tailing *t, const source *src, const wr_record *rec) {
    if (t->o->format == 0) {
        WR_TRY(wr_buf_put(&t->out, rec->data, rec->len));
        return wr_buf_puts(&t->out, "\n");
    }
    char seq[WR_SEQ_TEXT], time[WR_TEXT_MAX + 1];
    wr_seq q = wr_reader_seq(src->r, rec);
    wr_seq_write(&q, seq);
    time[wr_write_timestamp(rec->arrival_us, 3, true, time)] = 0;
    WR_TRY(wr_buf_printf(&t->out, "{\"shard\":\"" WR_SHARD_ID "\",\"sequence\":\"%s\",\"arrival\":\"%s\"",
                         src->shard, seq, time));
    WR_TRY(put_text(&t->out, "key", rec->key, rec->key_len));
    WR_TRY(put_text(&t->out, "data", rec->data, rec->len));
    return wr_buf_puts(&t->out, "}\n");
}

static wr_status read_some(tailing *t, source *src, bool *didp, wr_err *err) {
    wr_status s = wr_reader_next(src->r, 1000, &t->got, err);
    src->ended = s == WR_EOF;
    if (s != WR_OK) return s < 0 ? s : WR_OK;
    *didp = true;
    t->out.len = 0;
    for (uint32_t i = 0; i < t->got.n && t->left != 0; i++) {
        if (print_record(t, src, &t->got.items[i]) != WR_OK) return wr_fail_oom(err, "output");
        if (t->left > 0) t->left--;
    }
    return wr_write_all(&wr_sys_real, STDOUT_FILENO, t->out.data, t->out.len, "standard output", err);
}

/* ---- waiting ---- */

/* Until one of the shards may have more. */
static void wait_all(const tailing *t) {
    struct pollfd p = {.fd = t->watch_fd, .events = POLLIN};
    if (poll(&p, !t->deaf, t->deaf ? 10 : 100) > 0) wr_reader_heard(t->db, t->watch_fd);
}

static void watch_all(tailing *t) {
    for (size_t i = 0; i < t->n && !t->deaf; i++) {
        int fd = wr_reader_watch(t->items[i].r, t->watch_fd);
        if (fd >= 0) t->watch_fd = fd;
        t->deaf = fd < 0;
    }
}

static wr_status follow(tailing *t, wr_err *err) {
    bool watched = false; /* watches are made at the first wait, so there is one more look behind them */
    bool ended = false;   /* a shard has, since shards were last opened */
    while (t->left != 0) {
        bool did = false;
        for (size_t i = 0; i < t->n && t->left != 0; i++) {
            if (t->items[i].ended) continue;
            WR_TRY(read_some(t, &t->items[i], &did, err));
            ended |= t->items[i].ended;
        }
        if (did) continue;
        if (ended && t->only != WR_NO_SHARD) return WR_OK;
        if (ended) WR_TRY(open_shards(t, false, err));
        else if (t->o->once) return WR_OK;
        else if (watched) wait_all(t);
        else watch_all(t);
        watched = !ended;
        ended = false;
    }
    return WR_OK;
}

static wr_status parse(tailing *t, wr_err *err) {
    const char *from = t->o->from;
    t->only = WR_NO_SHARD;
    t->left = t->o->count ? t->o->count : -1;
    if (t->o->shard && !wr_shard_id_read(t->o->shard, strlen(t->o->shard), &t->only))
        return wr_fail(err, WR_EINVAL, "--shard %s: expected a number or shardId-000000000003", t->o->shard);
    if (strcmp(from, "earliest") == 0) t->at.from = WR_FROM_HORIZON;
    else if (strcmp(from, "latest") == 0) t->at.from = WR_FROM_LATEST;
    else if (wr_read_timestamp(from, strlen(from), &t->at.time_us)) t->at.from = WR_FROM_TIME;
    else
        return wr_fail(err, WR_EINVAL,
                       "--from %s: expected earliest, latest or a time such as 2026-01-01T00:00:00Z", from);
    return WR_OK;
}

static int of_data(tailing *t) {
    wr_err err = {0};
    int status = wri_data_open("tail", t->o->data, WRI_DATA_READ, false, &t->db);
    if (status != EXIT_DONE) return status;
    wr_status s = open_shards(t, true, &err);
    if (s == WR_OK) s = follow(t, &err);
    if (s != WR_OK) status = wri_data_failed("tail", s, &err);
    for (size_t i = 0; i < t->n; i++) wr_reader_close(t->items[i].r);
    wr_free(t->items);
    if (t->watch_fd >= 0) close(t->watch_fd);
    wr_records_free(&t->got);
    wr_buf_free(&t->out);
    wr_streams_close(t->db);
    return status;
}

static int run(const void *opts, char **args, int n) {
    tailing t = {.o = opts, .watch_fd = -1};
    wr_err err = {0};
    if (n != 1) {
        wri_say("tail: expected the name of one stream, or job: and that of a job; see weir help tail");
        return EXIT_USAGE;
    }
    t.name = args[0];
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write */
    if (!wri_one_place("tail", t.o->data, t.o->server.url)) return EXIT_USAGE;
    if (parse(&t, &err) != WR_OK) return wri_data_failed("tail", WR_EINVAL, &err);
    if (t.o->data) return of_data(&t);
    return wri_tail_remote(&(wri_tail_ask){.server = &t.o->server,
                                           .name = t.name,
                                           .from = t.o->from,
                                           .shard = t.only,
                                           .json = t.o->format == 1,
                                           .once = t.o->once,
                                           .left = t.left});
}

const wr_command wri_cmd_tail = {
    .name = "tail",
    .args = "STREAM|job:NAME",
    .words = "",
    .summary = "print the records of a stream, or the rows of a job, as they come",
    .doc = "Reads all shards of a stream, of a running engine or in a data directory (also while another "
           "process "
           "writes to it), parents before children where shards were split or merged. job:NAME stands for "
           "the rows of a job's bare SELECTs, of which the server keeps the last. What a server is "
           "asked for goes on behind a connection that breaks. Ctrl-C ends it.\n\n"
           "  weir tail clicks --from earliest\n"
           "  weir tail job:slow_pages\n"
           "  weir tail clicks --data d --once --format json",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(tail_opts),
    .run = run,
};

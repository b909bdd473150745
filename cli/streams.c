/* cli/streams.c -- weir streams: what is in a data directory or at a server, and changes of it. */
#include <inttypes.h>

#include "remote.h"

typedef struct streams_opts {
    const char *data;
    int64_t shards, retention, record_max;
    bool on_demand;
    wri_server_opts server;
} streams_opts;

#define OPT(member) offsetof(streams_opts, member)
static const wr_option flags[] = {
    {.name = "data",
     .type = WR_OPT_STRING,
     .offset = OPT(data),
     .doc = "The data directory, which holds the streams; without it a server is asked."},
    WRI_SERVER_FLAGS(streams_opts),
    {.name = "shards",
     .type = WR_OPT_INT,
     .offset = OPT(shards),
     .def = "0",
     .max = WR_SHARDS_MAX,
     .doc = "create: how many; 0: one, or four on demand."},
    {.name = "on_demand",
     .type = WR_OPT_BOOL,
     .offset = OPT(on_demand),
     .def = "false",
     .doc = "create: shards are split by load."},
    {.name = "retention",
     .type = WR_OPT_DURATION,
     .offset = OPT(retention),
     .min = WR_RETENTION_MIN_US,
     .max = WR_RETENTION_MAX_US,
     .doc = "create, retention: how long records are kept; create without it: 24h."},
    {.name = "record_max",
     .type = WR_OPT_BYTES,
     .offset = OPT(record_max),
     .def = "1MiB",
     .min = 1,
     .max = WR_LOG_RECORD_MAX,
     .doc = "create: the longest record."},
};

typedef struct doing {
    const streams_opts *o;
    wr_streams *db;
    char **args; /* behind the word */
    wr_arena ar;
} doing;

static wr_status list(doing *d, wr_err *err) {
    const char **names;
    size_t n;
    WR_TRY(wr_stream_list(d->db, &d->ar, &names, &n, err));
    for (size_t i = 0; i < n; i++) puts(names[i]);
    return WR_OK;
}

static wr_status create(doing *d, wr_err *err) {
    wr_stream_cfg cfg = {.n_shards = (uint32_t)d->o->shards,
                         .on_demand = d->o->on_demand,
                         .retention_us = d->o->retention,
                         .record_max = d->o->record_max};
    return wr_stream_create(d->db, d->args[0], &cfg, err);
}

static wr_status delete (doing *d, wr_err *err) { return wr_stream_delete(d->db, d->args[0], err); }

static void print_shard(const wr_shard_info *s) {
    char lo[WR_SEQ_TEXT], hi[WR_SEQ_TEXT], time[WR_TEXT_MAX + 1];
    wr_u128_write(s->lo, lo);
    wr_u128_write(s->hi, hi);
    time[wr_write_timestamp(s->closed_us ? s->closed_us : s->created_us, 3, true, time)] = 0;
    printf(WR_SHARD_ID "  %s %s  %s .. %s", s->id, s->closed_us ? "closed" : "open since", time, lo, hi);
    if (s->parent != WR_NO_SHARD) printf("  from " WR_SHARD_ID, s->parent);
    if (s->parent2 != WR_NO_SHARD) printf(" and " WR_SHARD_ID, s->parent2);
    printf("  records from %" PRIu64, s->first);
    if (s->closed_us) printf(" to %" PRIu64, s->end);
    putchar('\n');
}

static wr_status describe(doing *d, wr_err *err) {
    wr_stream_info info;
    char time[WR_TEXT_MAX + 1];
    WR_TRY(wr_stream_describe(d->db, d->args[0], &d->ar, &info, err));
    time[wr_write_timestamp(info.created_us, 3, true, time)] = 0;
    printf("%s  created %s  kept %" PRId64 " h  records to %" PRId64 " bytes%s\n", d->args[0], time,
           info.retention_us / (3600 * WR_US_PER_SECOND), info.record_max,
           info.on_demand ? "  on demand" : "");
    for (uint32_t i = 0; i < info.n_shards; i++) print_shard(&info.shards[i]);
    return WR_OK;
}

static wr_status shard_arg(const char *text, uint32_t *outp, wr_err *err) {
    if (wr_shard_id_read(text, strlen(text), outp)) return WR_OK;
    return wr_fail(err, WR_EINVAL, "'%s': expected a shard, as 3 or shardId-000000000003", text);
}

/* Without a hash key: in the middle, which 0 stands for. */
static wr_status split(doing *d, wr_err *err) {
    wr_stream *st;
    uint32_t shard;
    wr_u128 at = 0;
    WR_TRY(shard_arg(d->args[1], &shard, err));
    WR_TRY(wr_stream_open(d->db, d->args[0], &st, err));
    if (d->args[2] && (!wr_u128_read(d->args[2], strlen(d->args[2]), &at) || at == 0))
        return wr_fail(err, WR_EINVAL, "'%s': expected a hash key, 1 to 2^128 - 1", d->args[2]);
    return wr_stream_split(st, shard, at, err);
}

static wr_status merge(doing *d, wr_err *err) {
    wr_stream *st;
    uint32_t a, b;
    WR_TRY(shard_arg(d->args[1], &a, err));
    WR_TRY(shard_arg(d->args[2], &b, err));
    WR_TRY(wr_stream_open(d->db, d->args[0], &st, err));
    return wr_stream_merge(st, a, b, err);
}

static wr_status reshard(doing *d, wr_err *err) {
    wr_stream *st;
    uint32_t n;
    WR_TRY(shard_arg(d->args[1], &n, err));
    WR_TRY(wr_stream_open(d->db, d->args[0], &st, err));
    return wr_stream_reshard(st, n, err);
}

static wr_status retention(doing *d, wr_err *err) {
    wr_stream *st;
    WR_TRY(wr_stream_open(d->db, d->args[0], &st, err));
    WR_TRY(wr_stream_set_retention(st, d->o->retention, err));
    return wr_stream_tend(st, err);
}

static const struct word {
    const char *name, *args;
    int least, most; /* arguments */
    wri_data_use use;
    wr_status (*run)(doing *d, wr_err *err);
} words[] = {
    {"list", "", 0, 0, WRI_DATA_READ, list},
    {"create", "STREAM", 1, 1, WRI_DATA_MAKE, create},
    {"delete", "STREAM", 1, 1, WRI_DATA_WRITE, delete},
    {"describe", "STREAM", 1, 1, WRI_DATA_READ, describe},
    {"split", "STREAM SHARD [HASH]", 2, 3, WRI_DATA_WRITE, split},
    {"merge", "STREAM SHARD SHARD", 3, 3, WRI_DATA_WRITE, merge},
    {"reshard", "STREAM SHARDS", 2, 2, WRI_DATA_WRITE, reshard},
    {"retention", "STREAM --retention DURATION", 1, 1, WRI_DATA_WRITE, retention},
};

static const struct word *find_word(const char *name) {
    for (size_t i = 0; i < WR_LEN(words); i++)
        if (strcmp(words[i].name, name) == 0) return &words[i];
    const char *near = wr_nearest(name, &words[0].name, WR_LEN(words), sizeof *words);
    if (near) wri_say("streams: '%s' is none of its words; did you mean '%s'?", name, near);
    else wri_say("streams: '%s' is none of its words; see weir help streams", name);
    return NULL;
}

static int run(const void *opts, char **args, int n) {
    char *given[4] = {0}; /* what is not given is NULL */
    doing d = {.o = opts, .args = given};
    wr_err err = {0};
    const struct word *w = find_word(n ? args[0] : "list");
    if (!w) return EXIT_USAGE;
    int k = n ? n - 1 : 0;
    if (k < w->least || k > w->most || (w->run == retention && !d.o->retention)) {
        wri_say("streams: expected: weir streams [--data DIR | --server URL] %s %s", w->name, w->args);
        return EXIT_USAGE;
    }
    for (int i = 0; i < k; i++) given[i] = args[i + 1];
    if (!wri_one_place("streams", d.o->data, d.o->server.url)) return EXIT_USAGE;
    if (!d.o->data)
        return wri_streams_remote(&(wri_streams_ask){.server = &d.o->server,
                                                     .word = w->name,
                                                     .args = given,
                                                     .shards = d.o->shards,
                                                     .retention_us = d.o->retention,
                                                     .record_max = d.o->record_max,
                                                     .on_demand = d.o->on_demand});
    int status = wri_data_open("streams", d.o->data, w->use, false, &d.db);
    if (status != EXIT_DONE) return status;
    wr_status s = w->run(&d, &err);
    if (s != WR_OK) status = wri_data_failed("streams", s, &err);
    wr_arena_free(&d.ar);
    wr_streams_close(d.db);
    return status;
}

const wr_command wri_cmd_streams = {
    .name = "streams",
    .args = "[list | create | describe | delete | split | merge | reshard | retention] ...",
    .words = "list create describe delete split merge reshard retention",
    .summary = "list, make and change streams, of a running engine or a data directory",
    .doc = "A stream is kept in shards, each with a range of hash keys; a record goes to the shard that owns "
           "the MD5 of its "
           "partition key. Splitting and merging closes shards and makes children; what is in the parents "
           "stays until it "
           "expires. A running engine is asked unless --data names a directory that none has open.\n\n"
           "  weir streams\n"
           "  weir streams create clicks --shards 4 --retention 7d\n"
           "  weir streams describe clicks\n"
           "  weir streams split clicks 2\n"
           "  weir streams merge clicks 0 1\n"
           "  weir streams reshard clicks 8\n"
           "  weir streams retention clicks --retention 30d\n"
           "  weir streams --data d create clicks",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(streams_opts),
    .run = run,
};

/* connectors/stream.c -- a stream of the data directory as a source: each shard is a split.
 *
 *   shards at the start ─► splits, those without parents that are still to be read
 *   split at its end    ─► ended; look() begins the children whose parents all have ended
 *
 * So a key's records keep their order through splits and merges. A chunk is records one behind the other,
 * made fit for the format: a line each, unless rows say themselves where they end; a line end inside a JSON
 * record is a blank. Positions are bytes given so far; they begin at 1, as place 0 may hold a file's header.
 *
 * start = 'latest' begins with the open shards, behind what is there. end = 'latest' ends where nothing more
 * is there.
 *
 * Threads: next() of different splits side by side, look() beside them; the list is under a lock, a split is
 * its taker's. */
#include "stream_int.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <unistd.h>

#define MOST 4096 /* records taken from the log at a time */

typedef struct split {
    uint32_t shard, parent, parent2;
    wr_reader *reader; /* NULL: it has ended */
    wr_records got;
    uint32_t at;     /* record of got that comes next */
    uint64_t number; /* without a reader: of the record that would come next */
    int64_t pos, bytes;
    int64_t arrival_us; /* of the last record given; atomic */
    char name[WR_STREAM_NAME_MAX + 32];
    bool ended;     /* atomic */
    bool cut_short; /* at the end of what was there, not at the shard's */
    bool waits;     /* resumed: its parents may have to be read before it */
    bool known;     /* a snapshot has said where it goes on */
} split;

struct wr_source {
    wr_streams *db;
    const char *stream;
    wr_between between;
    wr_place start;
    int64_t made_us;        /* when the stream was: tells it from others of that name */
    uint32_t first_new;     /* shards from there on have come since the start */
    uint32_t share, shares; /* reads shards whose number leaves `share` when divided by `shares` */
    bool bounded;
    bool about; /* chunks say what is known of their records */
    size_t chunk_bytes;
    wr_arena ar;
    uint64_t skipped; /* records that expired unread; atomic */
    pthread_mutex_t lock;
    split **splits, **by_shard;
    size_t n, cap, by_cap;
    int watch_fd; /* tells of all shards, -1: not yet */
    bool deaf;    /* it does not: they are looked at by time */
};

#define AT(member) .offset = offsetof(stream_opts, member)
static const wr_option options[] = {
    {"stream", WR_OPT_STRING, AT(stream), .place = true,
     .doc = "Name in the data directory; else the stream's name in the SQL."},
    {"start", WR_OPT_STRING, AT(start), .def = "earliest",
     .doc = "Reading: earliest, latest, or a time such as 2026-01-01T00:00:00Z."},
    {"end", WR_OPT_ENUM, AT(end), .values = "never|latest", .def = "never",
     .doc = "Reading: latest ends where nothing more is there."},
    {"chunk_bytes", WR_OPT_BYTES, AT(chunk_bytes), .def = "512KiB", .min = 1, .max = 1 << 30,
     .doc = "Reading: how much a worker takes at a time."},
    {"partition_by", WR_OPT_STRING, AT(partition_by),
     .doc =
         "Writing: columns whose values are the partition key, separated by commas; else rows are spread."},
    {"delivery", WR_OPT_ENUM, AT(delivery), .values = WRI_DELIVERY_VALUES, .def = "exactly_once",
     .doc = WRI_DELIVERY_DOC},
    {"share", WR_OPT_STRING, AT(share), .place = true, .place_if_given = true,
     .doc = "Reading: 2/3 reads every third shard, from the second on, so that several streams of a script "
            "read a "
            "stream among them."},
    {"shards", WR_OPT_INT, AT(shards), .def = "1", .min = 1, .max = WR_SHARDS_MAX,
     .doc = "Writing: shards of the stream, where it has to be made."},
};

wr_status wri_stream_connector_options(const wr_kv *kvs, size_t n, stream_opts *out, wr_err *err) {
    return wri_options(options, WR_LEN(options), kvs, n, out, sizeof *out, err);
}

wr_status wri_need_streams(const wr_streams *db, wr_err *err) {
    if (db) return WR_OK;
    return wr_fail(err, WR_EINVAL, "connector 'stream' needs a data directory; add --data DIR");
}

wr_status wri_no_header(const wr_format_def *format, const wr_kv *kvs, size_t n, wr_err *err) {
    if (strcmp(format->with.name, "csv") != 0) return WR_OK;
    for (size_t i = 0; i < n; i++)
        if (strcmp(kvs[i].key, "header") == 0 && strcmp(kvs[i].value, "false") == 0) return WR_OK;
    return wr_fail(err, WR_EINVAL, "records of a stream have no header line; add header = 'false'");
}

static wr_status parse_start(const char *text, wr_place *out, wr_err *err) {
    *out = (wr_place){.from = WR_FROM_HORIZON};
    if (strcmp(text, "earliest") == 0) return WR_OK;
    out->from = strcmp(text, "latest") == 0 ? WR_FROM_LATEST : WR_FROM_TIME;
    if (out->from == WR_FROM_LATEST || wr_read_timestamp(text, strlen(text), &out->time_us)) return WR_OK;
    return wr_fail(
        err, WR_EINVAL,
        "option 'start': '%.64s' is neither earliest nor latest nor a time such as 2026-01-01T00:00:00Z",
        text);
}

/* "2/3" */
static wr_status parse_share(const char *text, wr_source *s, wr_err *err) {
    char end;
    s->shares = 1;
    s->share = 0;
    if (!text) return WR_OK;
    bool ok = sscanf(text, "%" SCNu32 "/%" SCNu32 "%c", &s->share, &s->shares, &end) == 2;
    if (!ok || s->share < 1 || s->share > s->shares)
        return wr_fail(err, WR_EINVAL, "option 'share': '%.64s' is no share such as 1/2 or 2/2", text);
    s->share--;
    return WR_OK;
}

/* ---- shards ---- */

static bool ours(const wr_source *s, uint32_t shard) { return shard % s->shares == s->share; }

/* The place in by_shard of the shard, or where it would be. */
static size_t place_of(const wr_source *s, uint32_t shard) {
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->by_shard[mid]->shard < shard) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static split *find(const wr_source *s, uint32_t shard) {
    size_t i = place_of(s, shard);
    return i < s->n && s->by_shard[i]->shard == shard ? s->by_shard[i] : NULL;
}

/* A split of that shard, which has none yet; it is the last. */
static split *new_split(wr_source *s, const wr_shard_info *sh, wr_err *err) {
    split *sp = wr_calloc(1, sizeof *sp);
    if (!sp || wr_grow(&s->splits, &s->cap, s->n + 1, sizeof *s->splits) != WR_OK ||
        wr_grow(&s->by_shard, &s->by_cap, s->n + 1, sizeof *s->by_shard) != WR_OK) {
        wr_free(sp);
        wr_fail_oom(err, "a split");
        return NULL;
    }
    *sp = (split){.shard = sh->id, .parent = sh->parent, .parent2 = sh->parent2, .pos = 1};
    snprintf(sp->name, sizeof sp->name, "%s/" WR_SHARD_ID, s->stream, sh->id);
    size_t at = place_of(s, sh->id);
    memmove(s->by_shard + at + 1, s->by_shard + at, (s->n - at) * sizeof *s->by_shard);
    s->by_shard[at] = s->splits[s->n++] = sp;
    return sp;
}

/* Under the lock, or before there are threads. */
static void watch_shard(wr_source *s, const split *sp) {
    if (!sp->reader || s->deaf) return;
    int fd = wr_reader_watch(sp->reader, s->watch_fd);
    if (fd >= 0) s->watch_fd = fd;
    else s->deaf = true;
}

static wr_status add(wr_source *s, const wr_shard_info *sh, wr_place at, wr_err *err) {
    wr_reader *reader;
    WR_TRY(wr_reader_open(s->db, s->stream, sh->id, at, &reader, err));
    split *sp = new_split(s, sh, err);
    if (!sp) {
        wr_reader_close(reader);
        return WR_ENOMEM;
    }
    sp->reader = reader;
    if (s->watch_fd >= 0) watch_shard(s, sp);
    return WR_OK;
}

/* Whether a parent is still to be read: it is there, and has not ended. */
static bool holds_back(const wr_source *s, const wr_stream_info *info, uint32_t parent) {
    const split *sp = find(s, parent);
    if (parent != WR_NO_SHARD && !ours(s, parent))
        return false; /* another source reads it, at its own pace */
    if (sp) return !__atomic_load_n(&sp->ended, __ATOMIC_ACQUIRE);
    return wr_stream_shard(info, parent) && (s->start.from != WR_FROM_LATEST || parent >= s->first_new);
}

typedef struct begun {
    uint32_t most, n; /* to begin; that have begun */
    uint32_t left;    /* that wait for their parents */
} begun;

/* A shard whose parent's end was only where nothing more was there: what lies between is not read either. */
static bool is_behind(const wr_source *s, const wr_shard_info *sh) {
    const split *a = find(s, sh->parent), *b = find(s, sh->parent2);
    return (a && a->cut_short) || (b && b->cut_short);
}

/* Begins shards that may begin, at most so many. */
static wr_status begin(wr_source *s, bool first, begun *out, wr_err *err) {
    wr_stream_info info;
    wr_arena ar = {0};
    bool latest = s->start.from == WR_FROM_LATEST;
    wr_status rc = wr_stream_describe(s->db, s->stream, &ar, &info, err);
    if (rc == WR_OK && first) {
        s->made_us = info.created_us;
        s->first_new = info.n_shards ? info.shards[info.n_shards - 1].id + 1 : 0;
    }
    for (uint32_t i = 0; rc == WR_OK && i < info.n_shards && out->n < out->most; i++) {
        const wr_shard_info *sh = &info.shards[i];
        bool of_before = latest && sh->id < s->first_new && (!first || sh->closed_us);
        if (of_before || !ours(s, sh->id) || find(s, sh->id) || is_behind(s, sh)) continue;
        bool wait = holds_back(s, &info, sh->parent) || holds_back(s, &info, sh->parent2);
        out->left += wait;
        if (wait) continue;
        wr_place at = s->start;
        if (latest && !first) at.from = WR_FROM_HORIZON; /* a child of what was read: all is new */
        rc = add(s, sh, at, err);
        out->n += rc == WR_OK;
    }
    wr_arena_free(&ar);
    return rc;
}

/* ---- the table's functions ---- */

static void stream_close(wr_source *s) {
    for (size_t i = 0; i < s->n; i++) {
        wr_records_free(&s->splits[i]->got);
        wr_reader_close(s->splits[i]->reader);
        wr_free(s->splits[i]);
    }
    wr_free(s->splits);
    wr_free(s->by_shard);
    if (s->watch_fd >= 0) close(s->watch_fd);
    wr_arena_free(&s->ar);
    pthread_mutex_destroy(&s->lock);
    wr_free(s);
}

static wr_status open_splits(wr_source *s, const wr_source_cfg *cfg, const stream_opts *o, wr_err *err) {
    s->stream = wr_arena_strdup(&s->ar, o->stream ? o->stream : cfg->stream);
    if (!s->stream) return wr_fail_oom(err, "a source");
    WR_TRY(parse_start(o->start, &s->start, err));
    WR_TRY(parse_share(o->share, s, err));
    return begin(s, true, &(begun){.most = UINT32_MAX}, err);
}

static wr_status stream_open(const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    stream_opts o;
    *outp = NULL;
    WR_TRY(wri_stream_connector_options(cfg->options, cfg->n_options, &o, err));
    WR_TRY(wri_readable(cfg, "stream", err));
    WR_TRY(wri_no_header(cfg->format, cfg->options, cfg->n_options, err));
    WR_TRY(wri_need_streams(cfg->streams, err));
    wr_source *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a source");
    pthread_mutex_init(&s->lock, NULL);
    s->db = cfg->streams;
    s->watch_fd = -1;
    s->between = cfg->format->between;
    s->bounded = o.end == WRI_END_LATEST;
    s->about = cfg->about;
    s->chunk_bytes = (size_t)o.chunk_bytes;
    wr_status rc = open_splits(s, cfg, &o, err);
    if (rc == WR_OK) *outp = s;
    else stream_close(s);
    return rc;
}

static split *split_at(const wr_source *s, uint32_t i) {
    pthread_mutex_t *lock = (pthread_mutex_t *)&s->lock;
    pthread_mutex_lock(lock);
    split *sp = s->splits[i];
    pthread_mutex_unlock(lock);
    return sp;
}

/* Appends the record's bytes as rows of the format. */
static char *put_record(const wr_source *s, const wr_record *r, char *out) {
    memcpy(out, r->data, r->len);
    if (s->between == WR_BETWEEN_NOTHING) return out + r->len;
    if (s->between == WR_BETWEEN_BLANKS)
        for (char *nl = out; (nl = memchr(nl, '\n', r->len - (size_t)(nl - out)));) *nl = ' ';
    out += r->len;
    if (r->len == 0 || out[-1] != '\n') *out++ = '\n';
    return out;
}

/* Bytes behind a chunk's that hold what is known of records [from, to). */
static size_t about_bytes(const wr_source *s, const split *sp, uint32_t from, uint32_t to) {
    size_t n = alignof(wr_record_about) + 32;
    if (!s->about) return 0;
    for (uint32_t i = from; i < to; i++)
        n += sizeof(wr_record_about) + sp->got.items[i].key_len + WR_SEQ_TEXT + WR_PAD;
    return n;
}

/* A view of n bytes, which are copied to *atp. */
static wr_str keep(char **atp, const char *p, size_t n) {
    wr_str s = wr_str_make(memcpy(*atp, p, n), n);
    *atp += n;
    return s;
}

/* What is known of records [from, to), but for their ends; texts go to p. */
static void put_about(const split *sp, uint32_t from, uint32_t to, char *p, wr_record_about *about) {
    const char *shard = strrchr(sp->name, '/') + 1;
    wr_str id = keep(&p, shard, strlen(shard));
    for (uint32_t i = from; i < to; i++, about++) {
        const wr_record *r = &sp->got.items[i];
        char seq[WR_SEQ_TEXT];
        wr_seq q = wr_reader_seq(sp->reader, r);
        wr_seq_write(&q, seq);
        about->arrival_us = r->arrival_us;
        about->shard = id;
        about->key = keep(&p, r->key, r->key_len);
        about->sequence_number = keep(&p, seq, strlen(seq));
    }
}

static bool is_read(const split *sp) { return sp && !__atomic_load_n(&sp->ended, __ATOMIC_ACQUIRE); }

/* Whether a split that was gone on with still waits. Parents that came while nobody read may not have begun
 * either. */
static wr_status look_at_parents(wr_source *s, split *sp, wr_err *err) {
    wr_arena ar = {0};
    wr_stream_info info;
    wr_status rc = WR_OK;
    pthread_mutex_lock(&s->lock);
    const split *a = find(s, sp->parent), *b = find(s, sp->parent2);
    bool unknown = (!a && sp->parent != WR_NO_SHARD) || (!b && sp->parent2 != WR_NO_SHARD);
    sp->waits = is_read(a) || is_read(b);
    if (!sp->waits && unknown) {
        rc = wr_stream_describe(s->db, s->stream, &ar, &info, err);
        if (rc == WR_OK) sp->waits = holds_back(s, &info, sp->parent) || holds_back(s, &info, sp->parent2);
    }
    pthread_mutex_unlock(&s->lock);
    wr_arena_free(&ar);
    return rc;
}

/* Its files are needed no more. */
static void end_split(wr_source *s, split *sp, bool cut_short) {
    pthread_mutex_lock(&s->lock);
    if (sp->reader) sp->number = wr_reader_at(sp->reader);
    wr_reader_close(sp->reader);
    sp->reader = NULL;
    sp->cut_short = cut_short;
    __atomic_store_n(&sp->ended, true, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&s->lock);
    wr_records_free(&sp->got);
    sp->at = 0;
}

/* The next records of those that have been got, as a chunk. */
static wr_status give_chunk(wr_source *s, split *sp, uint32_t split_no, wr_chunk *out, wr_err *err) {
    size_t n = 0;
    uint32_t from = sp->at, to = from;
    while (to < sp->got.n && (n == 0 || n + sp->got.items[to].len < s->chunk_bytes))
        n += sp->got.items[to++].len + 1;
    size_t place =
        (n + WR_PAD + alignof(wr_record_about) - 1) / alignof(wr_record_about) * alignof(wr_record_about);
    size_t more = about_bytes(s, sp, from, to);
    wr_bytes *b = wr_bytes_new(more ? place + more : n);
    if (!b) return wr_fail_oom(err, "a chunk");
    wr_record_about *about = more ? (wr_record_about *)(void *)(b->data + place) : NULL;
    if (about) put_about(sp, from, to, (char *)(about + (to - from)), about);
    char *at = b->data;
    __atomic_store_n(&sp->arrival_us, sp->got.items[to - 1].arrival_us, __ATOMIC_RELAXED);
    for (; sp->at < to; sp->at++) {
        at = put_record(s, &sp->got.items[sp->at], at);
        if (about) about[sp->at - from].end = (size_t)(at - b->data);
    }
    memset(at, 0, WR_PAD);
    *out = (wr_chunk){.data = b->data,
                      .len = (size_t)(at - b->data),
                      .pos = sp->pos,
                      .split = split_no,
                      .hold = &b->ref,
                      .records = about,
                      .n_records = about ? to - from : 0};
    __atomic_store_n(&sp->pos, sp->pos + (int64_t)out->len, __ATOMIC_RELAXED);
    return WR_OK;
}

static wr_status stream_next(wr_source *s, uint32_t split_no, wr_chunk *out, wr_err *err) {
    split *sp = split_at(s, split_no);
    *out = (wr_chunk){.split = split_no};
    if (sp->ended) return WR_EOF;
    if (sp->waits && look_at_parents(s, sp, err) != WR_OK) return WR_EIO;
    if (sp->waits) return WR_AGAIN;
    if (sp->at == sp->got.n) {
        sp->at = 0;
        uint64_t before = wr_reader_skipped(sp->reader);
        wr_status rc = wr_reader_next(sp->reader, MOST, &sp->got, err);
        __atomic_add_fetch(&s->skipped, wr_reader_skipped(sp->reader) - before, __ATOMIC_RELAXED);
        bool over = rc == WR_EOF || (rc == WR_AGAIN && s->bounded);
        if (over) end_split(s, sp, rc == WR_AGAIN);
        if (rc != WR_OK) return over ? WR_EOF : rc == WR_AGAIN ? rc : WR_EIO;
    }
    return give_chunk(s, sp, split_no, out, err);
}

static int stream_watch(wr_source *s) {
    pthread_mutex_lock(&s->lock);
    if (s->watch_fd < 0)
        for (size_t i = 0; i < s->n; i++) watch_shard(s, s->splits[i]);
    int fd = s->deaf ? -1 : s->watch_fd;
    pthread_mutex_unlock(&s->lock);
    return fd;
}

static void stream_heard(wr_source *s) {
    int fd = stream_watch(s);
    if (fd >= 0) wr_reader_heard(s->db, fd);
}

static wr_status stream_look(wr_source *s, uint32_t *splitp, wr_err *err) {
    size_t going = 0;
    begun b = {.most = 1};
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n; i++) going += is_read(s->splits[i]);
    wr_status rc = begin(s, false, &b, err);
    *splitp = (uint32_t)s->n - 1;
    pthread_mutex_unlock(&s->lock);
    if (rc != WR_OK) return WR_EIO;
    if (b.n) return WR_OK;
    return s->bounded && going == 0 && b.left == 0 ? WR_EOF : WR_AGAIN;
}

/* ---- snapshots ----
 *
 * A position: "shard number ended first_new made_us pos"; ended: 1 at the shard's end, 2 at that of what was
 * there. The last two were not there at first. */

static wr_status stream_position(wr_source *s, uint32_t split_no, wr_buf *out, wr_err *err) {
    const split *sp = split_at(s, split_no);
    uint64_t number = sp->at < sp->got.n ? sp->got.items[sp->at].number
                      : sp->reader       ? wr_reader_at(sp->reader)
                                         : sp->number;
    wr_status rc =
        wr_buf_printf(out, "%" PRIu32 " %" PRIu64 " %d %" PRIu32 " %" PRId64 " %" PRId64, sp->shard, number,
                      sp->ended ? 1 + sp->cut_short : 0, s->first_new, s->made_us, sp->pos);
    return rc == WR_OK ? rc : wr_fail_oom(err, "a position");
}

/* Shards that came while nobody read begin at their beginning, once their parents have been read. */
static wr_status begin_new(wr_source *s, uint32_t first_new, wr_err *err) {
    if (s->start.from != WR_FROM_LATEST) return WR_OK;
    s->first_new = first_new;
    for (size_t i = 0; i < s->n; i++) {
        split *sp = s->splits[i];
        if (sp->shard < first_new || sp->known || sp->waits) continue;
        wr_reader_close(sp->reader);
        sp->reader = NULL;
        sp->waits = true;
        WR_TRY(wr_reader_open(s->db, s->stream, sp->shard, (wr_place){0}, &sp->reader, err));
    }
    return WR_OK;
}

static wr_status find_or_add(wr_source *s, uint32_t shard, split **spp, wr_err *err) {
    wr_arena ar = {0};
    wr_stream_info info;
    wr_shard_info gone = {.id = shard, .parent = WR_NO_SHARD, .parent2 = WR_NO_SHARD};
    const wr_shard_info *sh = NULL;
    if ((*spp = find(s, shard))) return WR_OK;
    wr_status rc = wr_stream_describe(s->db, s->stream, &ar, &info, err);
    if (rc == WR_OK) sh = wr_stream_shard(&info, shard);
    if (rc == WR_OK && !(*spp = new_split(s, sh ? sh : &gone, err))) rc = WR_ENOMEM;
    if (rc == WR_OK) (*spp)->ended = !sh; /* it has expired as a whole */
    wr_arena_free(&ar);
    return rc;
}

static wr_status go_on(wr_source *s, split *sp, uint64_t number, wr_err *err) {
    wr_place at = {.from = WR_FROM_AT, .number = number};
    wr_reader_close(sp->reader);
    sp->reader = NULL;
    sp->number = number;
    sp->at = sp->got.n = 0;
    if (sp->ended) return WR_OK;
    WR_TRY(wr_reader_open(s->db, s->stream, sp->shard, at, &sp->reader, err));
    s->skipped += wr_reader_skipped(sp->reader);
    return WR_OK;
}

static wr_status stream_resume(wr_source *s, const char *p, size_t n, uint32_t *splitp, wr_err *err) {
    uint32_t shard, first_new;
    uint64_t number;
    int64_t made_us, pos = 1;
    int ended;
    char text[160];
    split *sp;
    snprintf(text, sizeof text, "%.*s", (int)n, p);
    int got = sscanf(text, "%" SCNu32 " %" SCNu64 " %d %" SCNu32 " %" SCNd64 " %" SCNd64, &shard, &number,
                     &ended, &first_new, &made_us, &pos);
    if (got < 4) return wr_fail(err, WR_EDATA, "'%s' is no position in a stream", text);
    if (got > 4 && made_us != s->made_us)
        return wr_fail(
            err, WR_EINVAL,
            "stream '%s' is not the one that was read before the snapshot: it has been deleted and "
            "made anew; start anew, too, without the old state",
            s->stream);
    WR_TRY(find_or_add(s, shard, &sp, err));
    sp->known = true;
    sp->waits = false;
    sp->ended |= ended != 0;
    sp->cut_short = ended == 2;
    sp->pos = pos;
    WR_TRY(go_on(s, sp, number, err));
    WR_TRY(begin_new(s, first_new, err));
    for (uint32_t i = 0; i < s->n; i++)
        if (s->splits[i] == sp) *splitp = i;
    return WR_OK;
}

static wr_status stream_notes(wr_source *s, wr_buf *out) {
    uint64_t n = __atomic_load_n(&s->skipped, __ATOMIC_RELAXED);
    if (n == 0) return WR_OK;
    return wr_buf_printf(out, "%s: %" PRIu64 " records expired before they were read\n", s->stream, n);
}

static uint32_t stream_n_splits(const wr_source *s) { return (uint32_t)s->n; }

static void stream_split_info(const wr_source *s, uint32_t split_no, wr_split_info *out) {
    const split *sp = split_at(s, split_no);
    out->name = sp->name;
    out->bytes = -1;
    out->at = __atomic_load_n(&sp->pos, __ATOMIC_RELAXED) - 1;
    out->arrival_us = __atomic_load_n(&sp->arrival_us, __ATOMIC_RELAXED);
}

static bool stream_bounded(const wr_kv *kvs, size_t n) {
    stream_opts o;
    return wri_stream_connector_options(kvs, n, &o, NULL) == WR_OK && o.end == WRI_END_LATEST;
}

/* A full disk has room again some day, and a group of records that failed spoils no other. */
static int64_t stream_patience(const wr_sink *s) {
    (void)s;
    return INT64_C(100) * 365 * 24 * 3600 * WR_US_PER_SECOND;
}

const wr_connector_def wr_connector_stream = {
    .with = {.name = "stream",
             .doc = "A stream of the data directory (--data DIR): sharded, durable, replayable.",
             .options = options,
             .n_options = WR_LEN(options),
             .source = true,
             .sink = true,
             .delivery = "transaction",
             .needs_format = true},
    .open_source = stream_open,
    .n_splits = stream_n_splits,
    .next = stream_next,
    .split_info = stream_split_info,
    .look = stream_look,
    .keyed_splits = true,
    .watch = stream_watch,
    .heard = stream_heard,
    .position = stream_position,
    .resume = stream_resume,
    .notes = stream_notes,
    .bounded = stream_bounded,
    .close_source = stream_close,
    .open_sink = wri_stream_sink_open,
    .put = wri_stream_sink_put,
    .pack = wri_stream_sink_pack,
    .commit = wri_stream_sink_commit,
    .patience_us = stream_patience,
    .mark = wri_stream_sink_mark,
    .flush = wri_stream_sink_flush,
    .sync = wri_stream_sink_flush,
    .close_sink = wri_stream_sink_close,
};

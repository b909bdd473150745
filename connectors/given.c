/* connectors/given.c -- rows that stand in the options themselves, each with its moment: what weir test puts
 * in place of other connectors.
 *
 *   rows = "ARRIVAL RECORD\n…"    ARRIVAL: when the record comes [us since 1970]; rising
 *          "ARRIVAL\n"            nothing comes then, but time has passed
 *
 * A record is a chunk of its own, so that each has its own arrival time. Where the clock is played
 * (wr_sys.play) a record comes when it is its turn among those of all such streams, and with it the clock
 * moves on. Where it is not, records come one after the other and their moments say nothing.
 *
 * When only time passes, next() says twice that there is nothing: first at the old moment, when the split is
 * found quiet, then at the new one, when it has been quiet since. Event time and idle_timeout then go on as
 * they would have with a real clock. That needs a live stream (live = 'true'); for a bounded one nothing is
 * ever quiet. One split, used by one thread at a time. */
#include "conn_int.h"

typedef struct given_opts {
    const char *rows;
    bool live;
} given_opts;

#define AT(member) .offset = offsetof(given_opts, member)
static const wr_option given_options[] = {
    {"rows", WR_OPT_STRING, AT(rows), .required = true, .place = true,
     .doc = "Lines: when it comes, in microseconds since 1970, a blank, the record; without a record time "
            "passes."},
    {"live", WR_OPT_BOOL, AT(live), .def = "false", .doc = "Plan as for endless input, though it does end."},
};

struct wr_source {
    const wr_sys *sys;
    char *stream;
    wr_bytes *rows; /* chunks keep it alive */
    size_t len, at;
    uint64_t item; /* number of the line at `at` */
    bool quiet;    /* the line at `at` says that time passes, and the split has been found quiet */
};

static bool given_bounded(const wr_kv *kvs, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(kvs[i].key, "live") == 0) return strcmp(kvs[i].value, "true") != 0;
    return true;
}

static void given_close(wr_source *s) {
    if (s->rows) wr_drop(&s->rows->ref);
    wr_free(s->stream);
    wr_free(s);
}

static wr_status start(wr_source *s, const wr_source_cfg *cfg, const char *rows, wr_err *err) {
    s->sys = cfg->sys;
    s->len = strlen(rows);
    s->stream = wr_strdup(cfg->stream);
    s->rows = wr_bytes_new(s->len);
    if (!s->stream || !s->rows) return wr_fail_oom(err, "given rows");
    memcpy(s->rows->data, rows, s->len);
    memset(s->rows->data + s->len, 0, WR_PAD);
    return WR_OK;
}

static wr_status given_open(const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    *outp = NULL;
    given_opts o;
    WR_TRY(
        wri_options(given_options, WR_LEN(given_options), cfg->options, cfg->n_options, &o, sizeof o, err));
    WR_TRY(wri_readable(cfg, "given rows", err));
    wr_source *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "given rows");
    wr_status r = start(s, cfg, o.rows, err);
    if (r == WR_OK) *outp = s;
    else given_close(s);
    return r;
}

static uint32_t given_n_splits(const wr_source *s) {
    (void)s;
    return 1;
}

/* The line at hand: its moment and its record, *n bytes of it, 0: none. *next: where the line after it
 * begins. */
static wr_status line_at(const wr_source *s, int64_t *us, const char **p, size_t *n, size_t *next,
                         wr_err *err) {
    const char *from = s->rows->data + s->at, *end = memchr(from, '\n', s->len - s->at);
    size_t len = end ? (size_t)(end - from) : s->len - s->at;
    const char *blank = memchr(from, ' ', len);
    size_t digits = blank ? (size_t)(blank - from) : len;
    if (!wr_read_i64(from, digits, us))
        return wr_fail(err, WR_EINVAL,
                       "line %llu of the option rows begins with no moment; expected microseconds since "
                       "1970, a blank and the record",
                       (unsigned long long)s->item + 1);
    *p = blank ? blank + 1 : from + len;
    *n = (size_t)(from + len - *p);
    *next = s->at + len + (end != NULL);
    return WR_OK;
}

static wr_status given_next(wr_source *s, uint32_t split, wr_chunk *out, wr_err *err) {
    if (s->at >= s->len) return WR_EOF;
    int64_t us = 0;
    const char *p = NULL;
    size_t n = 0, next = 0;
    WR_TRY(line_at(s, &us, &p, &n, &next, err));
    bool waits = n == 0 && !s->quiet;
    s->quiet = n == 0;
    if (waits || (s->sys->play && !s->sys->play(s->stream, s->item, us))) return WR_AGAIN;
    if (n) {
        *out = (wr_chunk){
            .data = p, .len = n, .pos = (int64_t)s->at, .split = split, .hold = wr_hold(&s->rows->ref)};
    }
    __atomic_store_n(&s->at, next, __ATOMIC_RELAXED);
    s->item++;
    s->quiet = false;
    return n ? WR_OK : WR_AGAIN;
}

static void given_split_info(const wr_source *s, uint32_t split, wr_split_info *out) {
    (void)split;
    out->name = "given rows";
    out->bytes = (int64_t)s->len;
    out->at = (int64_t)__atomic_load_n(&s->at, __ATOMIC_RELAXED);
}

const wr_connector_def wr_connector_given = {
    .with = {.name = "given",
             .doc = "Rows in the SQL itself, each with the moment at which it comes; weir test puts them in "
                    "place of others.",
             .options = given_options,
             .n_options = WR_LEN(given_options),
             .source = true,
             .needs_format = true,
             .bounded = true},
    .open_source = given_open,
    .n_splits = given_n_splits,
    .next = given_next,
    .split_info = given_split_info,
    .bounded = given_bounded,
    .close_source = given_close,
};

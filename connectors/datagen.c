/* connectors/datagen.c -- a source that makes its rows up, for examples, tests and measurements.
 *
 * One split. A chunk is a range of row numbers; generate() fills batches of it in whatever worker took
 * it, only the columns asked for (datagen_int.h says why that may be done side by side). With a rate,
 * chunks come as the clock allows. What the rows hold: datagen_clicks.c, _telemetry.c, _nexmark.c. */
#include "datagen_int.h"

#include <math.h>

#define CHUNK_ROWS      8192
#define INTERVAL_US_MAX 1e15 /* thirty years */

typedef struct gen_opts {
    int kind;
    int64_t rows, events, seed, devices;
    double rate, event_rate, anomaly_rate;
    const char *start;
} gen_opts;

#define AT(member) .offset = offsetof(gen_opts, member)
#define RATE_MAX   1000000000
static const wr_option options[] = {
    {"kind", WR_OPT_ENUM, AT(kind), .values = "clicks|telemetry|person|auction|bid", .def = "clicks",
     .place = true,
     .doc = "What to make: clickstream events, sensor readings, or one of the three Nexmark tables."},
    {"rows", WR_OPT_INT, AT(rows), .min = 0, .max = INT64_MAX, .def = "0",
     .doc = "How many rows; 0: without end."},
    {"events", WR_OPT_INT, AT(events), .min = 0, .max = INT64_MAX, .def = "0",
     .doc = "Nexmark: how many events of all three tables together, of which this one has its share; 0: "
            "without end."},
    {"rate", WR_OPT_DOUBLE, AT(rate), .min = 0, .max = RATE_MAX, .def = "0",
     .doc = "Rows a second; 0: as fast as possible."},
    {"event_rate", WR_OPT_DOUBLE, AT(event_rate), .min = 0, .max = RATE_MAX, .def = "0", .place = true,
     .doc = "Events a second of event time; 0: as rate, or what is usual for the kind."},
    {"seed", WR_OPT_INT, AT(seed), .def = "643", .place = true, .doc = "Another seed gives other rows."},
    {"start", WR_OPT_STRING, AT(start), .def = "2026-01-01T00:00:00Z", .place = true,
     .doc = "Event time of the first row: a timestamp, or now."},
    {"devices", WR_OPT_INT, AT(devices), .min = 1, .max = 10000000, .def = "100", .place = true,
     .doc = "telemetry: how many devices."},
    {"anomaly_rate", WR_OPT_DOUBLE, AT(anomaly_rate), .min = 0, .max = 1, .def = "0.001", .place = true,
     .doc = "telemetry: the share of readings that are out of order on purpose."},
};

static const wri_gen_kind *const kinds[] = {&wri_gen_clicks, &wri_gen_telemetry, &wri_gen_person,
                                            &wri_gen_auction, &wri_gen_bid};

struct wr_source {
    const wr_sys *sys;
    wri_gen gen;
    const wri_gen_kind *kind;
    const wri_gen_col **cols; /* per wanted column */
    uint32_t n_cols;
    uint64_t rows;       /* UINT64_MAX: without end */
    double rate;         /* 0: as fast as possible */
    int64_t began_us;    /* monotonic time of the first next(), -1: not yet */
    uint64_t at;         /* next row; atomic */
    uint64_t resumed_at; /* the first row since the start of this process */
};

/* ---- shared by the kinds ---- */

int64_t wri_gen_time(const wri_gen *g, double event) {
    double us = event * g->interval_us;
    int64_t add = us < 0x1p61 ? (int64_t)us : INT64_C(1) << 61;
    int64_t t = g->start_us + add;
    return wr_floor_to(t < WR_TS_MAX ? t : WR_TS_MAX, 1000);
}

/* ---- options ---- */

static wr_status read_options(const wr_kv *kvs, size_t n, gen_opts *o, wr_err *err) {
    WR_TRY(wri_options(options, WR_LEN(options), kvs, n, o, sizeof *o, err));
    bool nexmark = kinds[o->kind]->share < 1;
    if (o->events > 0 && !nexmark)
        return wr_fail(err, WR_EINVAL, "option 'events' is for person, auction and bid; use rows");
    if (o->events > 0 && o->rows > 0)
        return wr_fail(err, WR_EINVAL, "option 'rows' and option 'events' exclude each other; give one");
    return WR_OK;
}

static bool datagen_bounded(const wr_kv *kvs, size_t n) {
    gen_opts o;
    return read_options(kvs, n, &o, NULL) != WR_OK || o.rows > 0 || o.events > 0;
}

static wr_status datagen_columns(const wr_kv *kvs, size_t n, wr_arena *ar, wr_schema *out, wr_err *err) {
    gen_opts o;
    *out = (wr_schema){0};
    WR_TRY(read_options(kvs, n, &o, err));
    const wri_gen_kind *k = kinds[o.kind];
    wr_field *fields = wr_arena_calloc(ar, k->n_cols * sizeof *fields);
    if (!fields) return wr_fail_oom(err, "columns");
    for (uint32_t i = 0; i < k->n_cols; i++)
        fields[i] = (wr_field){.name = k->cols[i].name, .type = wr_type_of(k->cols[i].kind)};
    *out = (wr_schema){.n = k->n_cols, .fields = fields};
    return WR_OK;
}

/* Rows of a Nexmark table among the first `events` events. */
static uint64_t rows_of_events(const wri_gen_kind *k, uint64_t events) {
    uint64_t first = k == &wri_gen_person ? 0 : k == &wri_gen_auction ? 1 : 4;
    uint64_t each = k == &wri_gen_person ? 1 : k == &wri_gen_auction ? 3 : 46;
    uint64_t rest = events % 50;
    rest = rest > first ? rest - first : 0;
    return events / 50 * each + (rest < each ? rest : each);
}

static wr_status set_gen(wr_source *s, const gen_opts *o, wr_err *err) {
    wri_gen *g = &s->gen;
    *g = (wri_gen){
        .seed = (uint64_t)o->seed, .devices = (uint32_t)o->devices, .anomaly_rate = o->anomaly_rate};
    if (strcmp(o->start, "now") == 0) g->start_us = s->sys->wall_us();
    else if (!wr_read_timestamp(o->start, strlen(o->start), &g->start_us))
        return wr_fail(err, WR_EINVAL, "option 'start': found '%.60s', expected a timestamp like %s, or now",
                       o->start, "2026-01-01T00:00:00Z");
    double rate = o->event_rate > 0   ? o->event_rate
                  : o->rate > 0       ? o->rate / s->kind->share
                  : s->kind->rate > 0 ? s->kind->rate
                                      : (double)o->devices;
    g->interval_us = fmin(1e6 / rate, INTERVAL_US_MAX);
    s->rate = o->rate;
    s->rows = o->events > 0 ? rows_of_events(s->kind, (uint64_t)o->events)
              : o->rows > 0 ? (uint64_t)o->rows
                            : UINT64_MAX;
    return WR_OK;
}

/* ---- the source ---- */

static const wri_gen_col *col_find(const wri_gen_kind *k, const char *name) {
    for (uint32_t i = 0; i < k->n_cols; i++)
        if (strcasecmp(k->cols[i].name, name) == 0) return &k->cols[i];
    return NULL;
}

static wr_status pick_columns(wr_source *s, const wr_schema *schema, wr_err *err) {
    s->cols = wr_calloc(schema->n, sizeof *s->cols);
    if (!s->cols) return wr_fail_oom(err, "a source");
    s->n_cols = schema->n;
    for (uint32_t i = 0; i < schema->n; i++) {
        const wr_field *f = &schema->fields[i];
        const wri_gen_col *c = s->cols[i] = col_find(s->kind, f->name);
        const char *near = c ? NULL : wr_nearest(f->name, &s->kind->cols[0].name, s->kind->n_cols, sizeof *c);
        if (!c)
            return wr_fail(err, WR_EINVAL, "datagen makes no column '%s'%s%s%s", f->name,
                           near ? "; did you mean '" : "; leave the columns out to get all", near ? near : "",
                           near ? "'?" : "");
        if (wr_type_phys(f->type) != wr_type_phys(wr_type_of(c->kind)) ||
            wr_kind_is_time(f->type.kind) != wr_kind_is_time(c->kind))
            return wr_fail(err, WR_EINVAL, "datagen: column '%s' is declared %s, expected %s", f->name,
                           wr_kind_name(f->type.kind), wr_kind_name(c->kind));
    }
    return WR_OK;
}

static void datagen_close(wr_source *s) {
    wr_free(s->cols);
    wr_free(s);
}

static wr_status datagen_open(const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    *outp = NULL;
    gen_opts o;
    WR_TRY(read_options(cfg->options, cfg->n_options, &o, err));
    wr_source *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a source");
    s->sys = cfg->sys;
    s->kind = kinds[o.kind];
    s->began_us = -1;
    wr_status rc = set_gen(s, &o, err);
    if (rc == WR_OK) rc = pick_columns(s, cfg->schema, err);
    if (rc == WR_OK) *outp = s;
    else datagen_close(s);
    return rc;
}

static uint32_t datagen_n_splits(const wr_source *s) {
    (void)s;
    return 1;
}

/* How many rows the clock allows so far; the first comes at once. */
static uint64_t rows_due(wr_source *s) {
    if (s->rate <= 0) return UINT64_MAX;
    int64_t now = s->sys->mono_us();
    if (s->began_us < 0) s->began_us = now;
    double due = (double)(now - s->began_us) * s->rate / 1e6 + 1 + (double)s->resumed_at;
    return due < 0x1p62 ? (uint64_t)due : UINT64_C(1) << 62;
}

static wr_status datagen_next(wr_source *s, uint32_t split, wr_chunk *out, wr_err *err) {
    (void)err;
    *out = (wr_chunk){0};
    if (s->at >= s->rows) return WR_EOF;
    uint64_t due = rows_due(s), count = s->rows - s->at;
    if (due <= s->at) return WR_AGAIN;
    if (count > due - s->at) count = due - s->at;
    if (count > CHUNK_ROWS) count = CHUNK_ROWS;
    *out = (wr_chunk){.split = split, .pos = (int64_t)s->at, .first = s->at, .count = count};
    __atomic_store_n(&s->at, s->at + count, __ATOMIC_RELAXED);
    return WR_OK;
}

/* Size and position are in rows here. */
static void datagen_split_info(const wr_source *s, uint32_t split, wr_split_info *out) {
    (void)split;
    out->name = "datagen";
    out->bytes = s->rows == UINT64_MAX ? -1 : (int64_t)s->rows;
    out->at = (int64_t)__atomic_load_n(&s->at, __ATOMIC_RELAXED);
}

static wr_status fill_batch(const wr_source *s, uint64_t first, wr_batch *b, wr_err *err) {
    for (uint32_t c = 0; c < s->n_cols; c++) {
        WR_TRY(wr_batch_col(b, c, wr_type_phys(wr_type_of(s->cols[c]->kind)), err));
        WR_TRY(s->cols[c]->fill(&s->gen, first, b, c, err));
    }
    return WR_OK;
}

static wr_status datagen_generate(wr_source *s, const wr_chunk *c, uint32_t batch_rows, wr_batches *out,
                                  wr_err *err) {
    for (uint64_t done = 0; done < c->count;) {
        uint64_t left = c->count - done;
        uint32_t n = left < batch_rows ? (uint32_t)left : batch_rows;
        wr_batch *b;
        WR_TRY(wr_batch_new(s->n_cols, n, &b, err));
        b->n = n;
        b->split = c->split;
        b->pos = (int64_t)(c->first + done);
        b->ingest_us = s->sys->wall_us();
        wr_status rc = fill_batch(s, c->first + done, b, err);
        if (rc == WR_OK && wr_grow(&out->items, &out->cap, out->n + 1, sizeof *out->items) != WR_OK)
            rc = wr_fail_oom(err, "a list of batches");
        if (rc != WR_OK) {
            wr_batch_drop(b);
            return rc;
        }
        out->items[out->n++] = b;
        done += n;
    }
    return WR_OK;
}

/* A position is the number of the next row, 8 bytes. */
static wr_status datagen_position(wr_source *s, uint32_t split, wr_buf *out, wr_err *err) {
    (void)split;
    return wr_buf_put(out, &s->at, sizeof s->at) == WR_OK ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static wr_status datagen_resume(wr_source *s, const char *p, size_t n, uint32_t *splitp, wr_err *err) {
    if (n != sizeof s->at)
        return wr_fail(err, WR_EDATA, "the position of datagen in the snapshot is damaged");
    memcpy(&s->at, p, n);
    s->resumed_at = s->at;
    *splitp = 0;
    return WR_OK;
}

const wr_connector_def wr_connector_datagen = {
    .with = {.name = "datagen",
             .doc = "Made-up rows: clicks, telemetry with planted anomalies, the Nexmark auction tables.",
             .options = options,
             .n_options = WR_LEN(options),
             .source = true,
             .self_schema = true},
    .open_source = datagen_open,
    .n_splits = datagen_n_splits,
    .next = datagen_next,
    .split_info = datagen_split_info,
    .position = datagen_position,
    .resume = datagen_resume,
    .generate = datagen_generate,
    .columns = datagen_columns,
    .bounded = datagen_bounded,
    .close_source = datagen_close,
};

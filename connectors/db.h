/* connectors/db.h -- tables of a database as sources and lookups. Private to connectors/.
 *
 *   connection (sqlite.c, postgres.c: wri_db_def) ─► cells ─► wri_fill: rows put into batches ─►
 *   wri_db_*: a source of one split, or a lookup
 *
 * A connector says how to open a table, step through it and ask for keys; this file does the rest. Values
 * become those of the declared columns by the rules of formats/convert.h; a row that cannot is a bad record.
 * The name of a column in the table is its path where it has one (name VARCHAR FROM 'user_name').
 *
 * A source steps through its table as the scanning worker asks for chunks: a chunk holds a batch that is
 * ready, so generate() only cuts it. A wri_db is used by one thread at a time. What a database library does
 * by itself (files of SQLite, sockets of Postgres) does not go through wr_sys. */
#ifndef WR_CONN_DB_H
#define WR_CONN_DB_H

#include "conn_int.h"
#include "connectors/formats/convert.h"

typedef struct wri_db wri_db; /* each connector's own */
typedef struct wri_db_cfg {
    const wr_sys *sys;
    const wr_kv *options;
    size_t n_options;
    const wr_schema *schema; /* columns wanted; lives as long as the wri_db */
    const uint32_t *keys;    /* columns of schema; n_keys 0: to be read as a whole */
    uint32_t n_keys;
} wri_db_cfg;

/* ---- rows ---- */
typedef struct wri_fill {
    const wr_schema *schema;
    wri_time_format time;
    uint32_t cap;    /* rows of a batch */
    wr_batch *b;     /* being filled, NULL: none */
    wr_batches done; /* those that are full */
    wr_batches bad;  /* of one VARCHAR column each: why, the row as text */
    bool is_bad;     /* the row at hand */
    char why[WRI_WHY_MAX];
} wri_fill;
void wri_fill_free(wri_fill *f);
void wri_fill_reset(wri_fill *f); /* forgets all rows */
/* A row begins; every column is to be set, in any order. */
wr_status wri_fill_begin(wri_fill *f, wr_err *err) WR_MUST_USE;
/* A cell: what wri_from_* said and gave, and the text it was made of, for the message. */
wr_status wri_fill_set(wri_fill *f, uint32_t col, wr_status found, const wr_value *v, const char *p, size_t n,
                       wr_err *err) WR_MUST_USE;
wr_status wri_fill_null(wri_fill *f, uint32_t col, wr_err *err) WR_MUST_USE;
/* The row ends. Bad: row is its text. */
wr_status wri_fill_end(wri_fill *f, const wr_buf *row, wr_err *err) WR_MUST_USE;
/* The rows that are there go to out. */
wr_status wri_fill_take(wri_fill *f, wr_batches *out, wr_err *err) WR_MUST_USE;

/* ---- connections ---- */
typedef struct wri_db_def {
    const char *name;
    wr_status (*open)(const wri_db_cfg *cfg, wri_db **outp, wr_err *err);
    wri_time_format (*time_format)(const wri_db *db);
    /* The next row of the table into f. WR_EOF: there is none. */
    wr_status (*step)(wri_db *db, wri_fill *f, wr_err *err);
    /* The rows of these keys into f. WR_EIO: may be tried again. */
    wr_status (*find)(wri_db *db, const wr_batch *keys, wri_fill *f, wr_err *err);
    void (*close)(wri_db *db);
} wri_db_def;

/* The parts of a wr_connector_def that do not depend on the database. */
wr_status wri_db_open_source(const wri_db_def *def, const wr_source_cfg *cfg, wr_source **outp, wr_err *err);
uint32_t wri_db_n_splits(const wr_source *s);
wr_status wri_db_next(wr_source *s, uint32_t split, wr_chunk *outp, wr_err *err);
void wri_db_split_info(const wr_source *s, uint32_t split, wr_split_info *outp);
wr_status wri_db_generate(wr_source *s, const wr_chunk *c, uint32_t batch_rows, wr_batches *out, wr_err *err);
void wri_db_close_source(wr_source *s);
wr_status wri_db_open_lookup(const wri_db_def *def, const wr_lookup_cfg *cfg, wr_lookup **outp, wr_err *err);
wr_status wri_db_look_up(wr_lookup *l, const wr_batch *keys, wr_batches *out, wr_err *err);
void wri_db_close_lookup(wr_lookup *l);
#define WRI_DB_SLOTS                                                                                         \
    .n_splits = wri_db_n_splits, .next = wri_db_next, .split_info = wri_db_split_info,                       \
    .generate = wri_db_generate, .close_source = wri_db_close_source, .look_up = wri_db_look_up,             \
    .close_lookup = wri_db_close_lookup

/* The first lines of a connector's options, whose struct begins with a wr_lookup_opts. */
#define WRI_LOOKUP_AT(member) .offset = offsetof(wr_lookup_opts, member)
/* clang-format off */
#define WRI_LOOKUP_OPTIONS                                                                                   \
    {"lookup_cache_rows", WR_OPT_INT, WRI_LOOKUP_AT(cache_rows), .def = "10000", .max = INT64_C(1) << 30,    \
     .doc = "Lookup joins: how many rows, and keys without a row, each worker keeps; those not used for longest " \
            "go first. 0: none."},                                                                           \
    {"lookup_cache_ttl", WR_OPT_DURATION, WRI_LOOKUP_AT(cache_ttl_us), .def = "10 seconds", .max = INT64_MAX, \
     .doc = "Lookup joins: how long a row that is kept counts before it is asked for anew; 0: for ever."},   \
    {"lookup_retries", WR_OPT_INT, WRI_LOOKUP_AT(retries), .def = "3", .max = 100,                           \
     .doc = "Lookup joins: how often a query that failed (a locked file, a lost connection) is tried again, " \
            "after 0.1 s, 0.2 s, 0.4 s and so on, before the job fails."}
/* clang-format on */

/* ---- names ---- */
static inline const char *wri_db_column(const wr_field *f) { return f->path ? f->path : f->name; }
/* Appends name in double quotes; dotted: each part of it. */
wr_status wri_db_quote(wr_buf *out, const char *name, bool dotted) WR_MUST_USE;
/* The place of f's column among the n names of a table's columns, exact or, if that is one, by
 * case-insensitive name. WR_EINVAL: there is none, with a suggestion. */
wr_status wri_db_find_column(const wr_field *f, const char *table, const char *const *names, uint32_t n,
                             uint32_t *atp, wr_err *err) WR_MUST_USE;

#endif

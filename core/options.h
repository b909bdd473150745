/* core/options.h -- WITH (…) options and SET variables, declared as tables.
 *
 * One table of wr_option serves the parser of values, the checks, "did you mean", `weir help` and the
 * generated docs. */
#ifndef WR_CORE_OPTIONS_H
#define WR_CORE_OPTIONS_H

#include "type.h"

typedef enum wr_opt_type {
    WR_OPT_STRING,   /* const char *, NULL when not given and no default */
    WR_OPT_CHAR,     /* char; one byte */
    WR_OPT_BOOL,     /* bool: true|false */
    WR_OPT_INT,      /* int64_t within min..max */
    WR_OPT_DOUBLE,   /* double within min..max */
    WR_OPT_BYTES,    /* int64_t: 512, 64KiB, 10MB */
    WR_OPT_DURATION, /* int64_t [us]: 50ms, 2s, 1m, 1h, 1d, or '5' SECOND's text "5 seconds" */
    WR_OPT_ENUM,     /* int: index into the |-separated list in `values` */
    WR_OPT_LIST      /* wr_kvs: of a key that may be given several times; all keys that were given */
} wr_opt_type;

typedef struct wr_option {
    const char *name; /* lower case, underscores */
    wr_opt_type type;
    size_t offset;      /* of the member in the options struct */
    const char *values; /* WR_OPT_ENUM: "a|b|c"; else NULL */
    const char *def;    /* default, as text; NULL: zero / not given */
    int64_t min, max;   /* WR_OPT_INT, BYTES, DURATION, DOUBLE; both 0: unchecked */
    bool required;
    const char *doc; /* one sentence */
    bool place; /* of a connector: another value means another source or sink, when the SQL has changed */
    bool place_if_given; /* of a place: snapshots may be older than the option; not given, it says nothing */
} wr_option;

/* A key and value as written; at: byte offset in the script for messages. */
typedef struct wr_kv {
    const char *key, *value;
    uint32_t at;
} wr_kv;
typedef struct wr_kvs { /* borrowed */
    const wr_kv *items;
    size_t n;
} wr_kvs;

/* What planning, checks, help and docs need to know of a connector or format; the full definitions
 * (connectors/connectors.h) begin with one. */
typedef struct wr_with {
    const char *name, *doc;
    const wr_option *options;
    size_t n_options;
    bool source, sink; /* can be read, can be written */
    bool needs_format; /* connector: its bytes go through a format */
    bool self_schema;  /* connector: brings its own columns (datagen) */
    bool bounded;      /* connector: reading ends by itself by default */
    bool lookup;       /* connector: rows can be asked for by key */
    bool upserts;      /* connector: rows stand in a table, a PRIMARY KEY makes new ones replace old ones */
    bool reload;       /* connector: what bounded reading has read may change, and is read anew by joins */
    /* connector, for EXPLAIN: how rows come out under --state when a run is cut off. "truncate" (what was
     * written behind the snapshot is cut off), "transaction" (they are handed over with their epoch), "at
     * least once", "none" */
    const char *delivery;
} wr_with;

/* Fills *out (size bytes, zeroed first) from defaults and kvs. Keys in kvs that `opts` does not know
 * are left alone when `known` is non-NULL: known[i] is then set for each kv this table took.
 * Strings borrow from kvs or the table. On failure *at_kv is the index of the culprit (or n_kv). */
wr_status wr_options_read(const wr_option *opts, size_t n_opts, const wr_kv *kvs, size_t n_kv, bool *known,
                          void *out, size_t size, size_t *at_kv, wr_err *err) WR_MUST_USE;
/* Parses "64KiB", "10MB" / "50ms", "2 minutes". */
wr_status wr_parse_bytes(const char *s, int64_t *outp, wr_err *err) WR_MUST_USE;
wr_status wr_parse_duration(const char *s, int64_t *outp_us, wr_err *err) WR_MUST_USE;

/* The nearest of n names to `name` (case-insensitive edit distance, at most a third of its length, or 1),
 * or NULL. stride: bytes from one const char* to the next, so that tables of structs can be searched. */
const char *wr_nearest(const char *name, const void *names, size_t n, size_t stride);

#endif

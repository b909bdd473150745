/* cli/discover.h -- the parts of weir discover: records are sampled, columns inferred, a statement printed.
 *
 *   FILE, -, STREAM ─ discover ─► text ─ discover_json, discover_csv ─► values ─ discover_infer ─► columns
 *                   ─► discover_print: CREATE STREAM, or discover_aws: what DiscoverInputSchema answered
 *
 * Everything lives in the arena of the sample. */
#ifndef WR_CLI_DISCOVER_H
#define WR_CLI_DISCOVER_H

#include <jansson.h>

#include "cli.h"

/* Forms in which a moment may be written. Those that TIMESTAMP reads by itself, numbers, and patterns. */
typedef enum wri_moment {
    WRI_M_ISO,
    WRI_M_DATE,
    WRI_M_SECONDS,
    WRI_M_MILLIS,
    WRI_M_MICROS,
    WRI_M_PATTERNS, /* the first of wri_moment_patterns */
    WRI_M_APACHE = WRI_M_PATTERNS,
    WRI_M_DOTS,
    WRI_M_US,
    WRI_M_SLASHES,
    WRI_M_YMD,
    WRI_M_ALL,
    WRI_M_NONE = WRI_M_ALL
} wri_moment;
extern const char *const wri_moment_patterns[WRI_M_ALL - WRI_M_PATTERNS]; /* as TO_TIMESTAMP takes them */

typedef enum wri_found {                /* what a column is */
                         WRI_F_NOTHING, /* only NULL */
                         WRI_F_BOOLEAN,
                         WRI_F_INTEGER,
                         WRI_F_BIGINT,
                         WRI_F_DOUBLE,
                         WRI_F_TIMESTAMP,
                         WRI_F_DATE,
                         WRI_F_TEXT,
                         WRI_F_ARRAY,
                         WRI_F_MIXED
} wri_found;

typedef struct wri_seen { /* a column, and what its values were */
    const char *path;     /* JSON: "$.a.b", "$['a b']"; CSV: NULL */
    const char *name;     /* of the column */
    const char *top;      /* JSON: the key, where the path is of one step; else NULL */
    uint64_t rows, nulls, bools, ints, reals, texts, arrays, docs; /* docs: values that are objects */
    int64_t min, max;                                              /* of ints */
    double least, most;                                            /* of ints and reals */
    size_t longest, elements;                                      /* of texts [bytes]; most of an array */
    uint64_t moments[WRI_M_ALL];                                   /* values that are such */
    int64_t last_us[WRI_M_ALL], back_us[WRI_M_ALL]; /* the time before; how far one was behind the latest */
    uint32_t digits;                                /* of the fraction of a second, most */
    const char *example;                            /* the first text */
    wri_found found;
    wri_moment moment; /* WRI_M_NONE: it is no time */
} wri_seen;

typedef struct wri_sample {
    wr_arena ar;
    const char *what;      /* the argument */
    const char *connector; /* file, stdin, stream */
    bool csv, raw, header;
    char delimiter;
    const char **records; /* the first few as they were */
    size_t n_records;
    uint64_t rows, bad;
    wri_seen *cols;
    size_t n, cap;
} wri_sample;

/* The column of that path and name; a new one when there is none. NULL: no memory. */
wri_seen *wri_seen_column(wri_sample *s, const char *path, const char *name, const char *top);
void wri_see_text(wri_sample *s, wri_seen *c, const char *p, size_t n, bool csv);
void wri_see_int(wri_seen *c, int64_t v);
void wri_see_real(wri_seen *c, double v);
/* Types of all columns, and names that differ. */
wr_status wri_infer(wri_sample *s);
/* The SQL type, to out. */
void wri_seen_type(const wri_seen *c, char *out, size_t n);
/* The column that is most likely the event time, NULL: none. */
const wri_seen *wri_event_time(const wri_sample *s);
/* All time columns are numbers of that unit; WRI_M_NONE: they are not. */
wri_moment wri_one_epoch(const wri_sample *s);

wr_status wri_sample_json(wri_sample *s, const char *p, size_t n, int64_t rows);
wr_status wri_sample_csv(wri_sample *s, const char *p, size_t n, int64_t rows);

wr_status wri_print_stream(wri_sample *s, wr_buf *out);
wr_status wri_print_aws(wri_sample *s, wr_buf *out);

#endif

/* connectors/formats/json_int.h -- the parts of the JSON decoder. Private to connectors/formats/.
 *
 * The way of a chunk (json.c): it is cut in two pieces at a newline; each piece has its own row cursor and
 * batches (wri_json_rows). The scanner (json_scan_*.c) reads both pieces side by side as long as records look
 * like ones seen before. A record it cannot read, for whatever reason, goes to the slow parser (json_slow.c),
 * which alone decides whether a record is bad and why. What either stores is the same, by test.
 *
 * A decoder and all it owns belong to one thread. */
#ifndef WRI_JSON_INT_H
#define WRI_JSON_INT_H

#include "connectors/connectors.h"
#include "connectors/formats/dict_int.h"

#define WRI_JSON_DEPTH_MAX 512  /* nested objects and arrays in a record; deeper ones are bad records */
#define WRI_JSON_GAP_MAX   64   /* bytes between two values that a template can hold */
#define WRI_JSON_KEYS_MAX  1024 /* unwanted keys remembered; more are read, but never in one compare */
#define WRI_JSON_SLOTS     64   /* of them, those whose values are noted first and checked later */
#define WRI_JSON_NO_SLOT   UINT32_MAX
#define WRI_JSON_LAYOUTS   8    /* kept at a time: kinds of records, other orders */
#define WRI_JSON_STEPS_MAX 1024 /* members of a record that can become the template */
#define WRI_JSON_STRIP     64   /* records scanned between two looks at UTF-8, dictionaries, room */
#define WRI_JSON_POOL      16   /* batches kept for reuse */
#define WRI_JSON_WHY       512  /* bytes of a reason, with its NUL */

/* ---- options ---- */
typedef struct wri_json_options {
    int timestamp_format; /* wri_time_format */
    int coercion;         /* index of WRI_COERCIONS */
} wri_json_options;

/* ---- columns and paths ---- */

/* How the scanner reads a value; everything else goes through wri_json_member. */
typedef enum wri_json_how {
    WRI_JSON_SKIP, /* not wanted: checked, not stored */
    WRI_JSON_INT,
    WRI_JSON_EPOCH, /* TIMESTAMP as a number */
    WRI_JSON_DECIMAL,
    WRI_JSON_DOUBLE,
    WRI_JSON_REAL,
    WRI_JSON_BOOL,
    WRI_JSON_TEXT,
    WRI_JSON_STAMP,  /* TIMESTAMP as text */
    WRI_JSON_MEMBER, /* other types, nested paths, several columns from one member */
    WRI_JSON_TAIL    /* no value: the end of a layout */
} wri_json_how;

typedef struct wri_json_col {
    const char *name;
    wr_type type;
    uint32_t at;                      /* column of the batch */
    const struct wri_json_node *node; /* which this column takes alone, else NULL */
    uint8_t how;                      /* wri_json_how for a member that only this column wants */
    uint8_t time;                     /* wri_time_format */
    bool kinesis;                     /* by the rules of coerce.c */
    uint32_t frac;                    /* TIME, TIMESTAMP: fraction digits kept */
    int64_t min;                      /* whole numbers: min .. min + span */
    uint64_t span;       /* DECIMAL: largest magnitude; EPOCH: largest number that needs no clamp */
    int64_t unit;        /* EPOCH: microseconds of 1; TIME, TIMESTAMP as text: microseconds kept */
    uint32_t text_bytes; /* texts of at most so many bytes need not be cut */
} wri_json_col;

/* Microseconds in the last digit that a TIME or TIMESTAMP column keeps. */
static inline int64_t wri_json_tick(const wri_json_col *c) {
    static const int64_t ticks[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    return ticks[c->frac];
}

/* A place in a record that is wanted, or lies on the way to one. */
typedef struct wri_json_node wri_json_node;
struct wri_json_node {
    wri_json_node *next; /* sibling */
    const char *key;     /* member of the parent object; NULL: element `index` of the parent array */
    size_t key_len;
    uint64_t index;
    wri_json_node *keys;   /* members wanted */
    wri_json_node *items;  /* elements wanted */
    wri_json_node *each;   /* every element: the flattened array */
    wri_json_node **table; /* members by hash */
    uint32_t shift;        /* of the hash, to the table's size */
    uint32_t n_keys;
    uint32_t *cols; /* columns that take this very value */
    uint32_t n_cols;
    uint32_t *under; /* columns here or further down, rising */
    uint32_t n_under;
    bool holds_flat;         /* this or something further down is the flattened array */
    uint32_t depth;          /* objects and arrays around it */
    const wri_json_col *col; /* takes it alone, by one of the scanner's own ways; else NULL */
    uint32_t learnt;         /* number of the layout in which it was seen last */
};

typedef struct wri_json_tree {
    wri_json_node root;  /* the record */
    wri_json_node *flat; /* the flattened array, NULL: none */
} wri_json_tree;

/* The tree of the schema's paths. WR_EINVAL names the column and the place in the path. */
wr_status wri_json_tree_build(const wr_schema *schema, wri_json_col *cols, wr_arena *ar, wri_json_tree *tree,
                              wr_err *err) WR_MUST_USE;
wri_json_node *wri_json_tree_member(const wri_json_node *n, const char *key, size_t len);

/* ---- what the scanner has learnt ---- */

/* A member of records seen. */
typedef struct wri_json_key {
    const char *name; /* with its closing quote, padded */
    uint32_t len;
    const wri_json_node *node; /* NULL: not wanted */
    uint32_t slot;             /* of its value in wri_json_rows.spans, or WRI_JSON_NO_SLOT */
} wri_json_key;

/* The layout of a whole record: gap, value, gap, value, …, tail. Objects in it are opened, so that their
 * members are values of the layout like any others; arrays are values as a whole. */
typedef struct wri_json_step {
    char gap[WRI_JSON_GAP_MAX]; /* text up to the value; zero-padded */
    uint32_t len;
    uint8_t how;               /* wri_json_how */
    uint32_t depth;            /* objects around the value; 1: a member of the record */
    const wri_json_col *col;   /* the node's */
    const wri_json_node *node; /* NULL: not wanted */
} wri_json_step;

typedef struct wri_json_layout {
    wri_json_step *steps; /* the last one (index n) holds only the tail, newline included */
    uint32_t n, cap;
    uint32_t *missing; /* columns that such a record lacks */
    uint32_t n_missing;
    uint32_t score;  /* records that followed it, older ones count less; 0: not worth a look */
    uint32_t served; /* all records that did */
    uint32_t common[WRI_JSON_LAYOUTS]; /* steps at the front that are those of layouts[i], too */
} wri_json_layout;

typedef struct wri_json_keys {
    wri_json_key **table;
    uint32_t shift, mask, n_unwanted; /* shift: of the hash, to the table's size */
    uint32_t n_slots;                 /* columns, and behind them the first unwanted members */
    wri_json_key any;                 /* stands for members beyond WRI_JSON_KEYS_MAX */
    wri_json_layout layouts[WRI_JSON_LAYOUTS];
    uint32_t n_layouts;
    uint32_t hot;     /* the one that two cursors follow in step */
    int32_t credit;   /* how well the layouts have served; at 0 the next record that follows none is learnt */
    int32_t patience; /* a new layout's credit, in units: rises while new ones turn out useless */
    uint64_t *covered; /* columns of the layout in the making */
    uint32_t n_learnt; /* layouts ever made */
} wri_json_keys;

/* ---- rows ---- */

typedef struct wri_json_minute { /* "2026-01-01T00:00" and what it stands for */
    char text[16];
    int64_t us;
} wri_json_minute;

typedef struct wri_json_span { /* the text of a value */
    const char *p, *end;
} wri_json_span;

typedef struct wri_json_bad {
    const char *why;
    size_t at, len; /* in the chunk */
} wri_json_bad;

typedef struct wri_json wri_json;

/* One piece of the chunk and the rows read from it. */
typedef struct wri_json_rows {
    wri_json *d;
    const char *p, *end; /* not yet read; end is behind a newline */
    wr_batch *b;         /* being filled, NULL: none */
    void **data;         /* data[c]: the array of column c of b */
    uint32_t row;        /* rows done in b; the one being read is b's row `row` */
    uint32_t done_rows;  /* by the scanner, behind `row`: for the caller to commit */
    bool stop;           /* the record at p is for the slow parser */
    bool high;           /* a byte above 127 was seen since the strip began */
    bool oom;
    uint64_t *seen;       /* columns of the current record that have a value */
    wri_json_span *spans; /* per slot: a value found, but not read yet; p NULL: none */
    wri_json_minute *minutes;
    int64_t pos_min; /* the next batch's position is not below this */
    wr_batches done; /* full batches, in order */
    bool defer;      /* bad records wait in `bads` until the first piece is done */
    wri_json_bad *bads;
    size_t n_bads, cap_bads;
} wri_json_rows;

/* One way to scan; the variants differ in the instructions they use, not in what they accept. */
typedef struct wri_json_scan {
    const char *name;
    bool (*usable)(void);
    /* Reads up to n records of each piece (b NULL: of one), until one of them has stopped or ended. */
    void (*strip)(wri_json *d, wri_json_rows *a, wri_json_rows *b, uint32_t n);
    bool (*utf8)(const char *p, size_t n); /* valid? p[n-1] is a newline; WR_PAD behind */
} wri_json_scan;

extern const wri_json_scan wri_json_scan_plain;
#if defined(__x86_64__)
extern const wri_json_scan wri_json_scan_avx2, wri_json_scan_avx512;
#endif

struct wri_json {
    wri_json_options options;
    const wr_schema *schema;
    uint32_t n_cols, n_words; /* words of a column bitmap */
    bool has_text;            /* some column points into the input */
    uint32_t batch_rows;
    size_t row_bytes; /* of the last chunk, about */
    void (*bad)(void *ctx, const wr_bad_record *r);
    void *ctx;
    wr_arena ar; /* the decoder's whole life */
    wri_json_col *cols;
    wri_json_tree tree;
    const wri_json_scan *scan; /* NULL: slow parser only */
    wri_json_keys keys;
    wri_dict **dicts; /* per column, NULL: none */
    wri_json_rows rows[2];
    wr_batch *pool[WRI_JSON_POOL];
    uint32_t pool_next;
    wr_arena why_ar;       /* reasons of deferred bad records */
    const wr_chunk *chunk; /* being decoded */
};

/* NULL picks the best the machine has; &wri_json_scan_none the slow parser alone. For tests and bench. */
extern const wri_json_scan wri_json_scan_none;
wr_status wri_json_open(const wr_decode_cfg *cfg, const wri_json_scan *scan, wr_decoder **outp,
                        wr_err *err) WR_MUST_USE;

/* -- json_rows.c -- */
wr_status wri_json_rows_init(wri_json *d, wri_json_rows *h) WR_MUST_USE;
void wri_json_rows_free(wri_json_rows *h);
/* Makes sure that b has room for a row; false: out of memory (h->oom). */
bool wri_json_rows_room(wri_json_rows *h);
/* The n rows behind h->row have been read; the first of them began at `from`. */
void wri_json_rows_commit(wri_json_rows *h, uint32_t n, const char *from);
/* Hands over what is left; afterwards h->done is complete. */
void wri_json_rows_finish(wri_json_rows *h);
void wri_json_rows_null(wri_json_rows *h, uint32_t col);   /* the current row's value is NULL */
void wri_json_rows_forget(wri_json_rows *h, uint32_t row); /* no NULLs in rows from `row` on */
void wri_json_rows_copy(wri_json_rows *h,
                        const wri_json_node *but); /* row - 1's values, except those under */
void wri_json_rows_bad(wri_json_rows *h, const char *why, const char *p, size_t len);
void wri_json_pool_idle(wri_json *d); /* lets go of what unused batches hold */
void wri_json_pool_free(wri_json *d);

static inline void wri_json_saw(wri_json_rows *h, uint32_t col) { wr_bit_set(h->seen, col); }

/* -- json_value.c -- */
typedef enum wri_json_class {
    WRI_JSON_NULL,
    WRI_JSON_FALSE,
    WRI_JSON_TRUE,
    WRI_JSON_NUMBER,
    WRI_JSON_STRING,
    WRI_JSON_OBJECT,
    WRI_JSON_ARRAY
} wri_json_class;

typedef struct wri_json_value { /* checked text of one value */
    wri_json_class class;
    bool escaped;  /* string with backslashes */
    const char *p; /* string: behind the opening quote */
    size_t n;
} wri_json_value;

/* State of the slow parser in one record. */
typedef struct wri_json_parse {
    wri_json_rows *h;
    const char *doc; /* first byte of the record */
    const char *end; /* of the line */
    uint32_t depth;
    bool misfit;                 /* a value does not fit its column */
    char *why;                   /* room for WRI_JSON_WHY bytes, NULL: not wanted */
    const char *flat, *flat_end; /* the flattened array's text, NULL: none seen */
} wri_json_parse;

/* Stores v in the column's current row; when it does not fit: x->misfit, and why. */
void wri_json_put(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v);
void wri_json_misfit(wri_json_parse *x, const char *fmt, ...) WR_PRINTF(2, 3);
#define WRI_JSON_SHOWN 176
/* At most 40 characters of v; a string in quotes. Lies in out. */
char *wri_json_shown(const wri_json_value *v, char out[WRI_JSON_SHOWN]);
void wri_json_col_init(const wr_field *f, uint32_t at, const wri_json_options *o, wri_json_col *c);

/* -- json_slow.c -- */
/* Reads the records of one line and reports the bad ones. */
void wri_json_line(wri_json_rows *h, const char *p, const char *eol);
/* The scanner's way out for one value at p: stores it where `node` says in the current row. Returns the byte
 * behind, NULL when the record is for wri_json_line. */
const char *wri_json_member(wri_json_rows *h, const wri_json_node *node, const char *p);
/* The same for a value that is not wanted, with `depth` objects and arrays around it. */
const char *wri_json_unwanted(wri_json_rows *h, uint32_t depth, const char *p);
/* Columns without a value become NULL; false when one is NOT NULL (x may be NULL). */
bool wri_json_missing(wri_json_rows *h, wri_json_parse *x, const uint32_t *cols, uint32_t n);

/* -- json_key.c -- */
wr_status wri_json_keys_init(wri_json *d, wr_err *err) WR_MUST_USE;
/* Of the first and the last eight bytes; the upper bits are good. p[0..8) may be read. */
static inline uint64_t wri_json_key_hash(const char *p, size_t len) {
    uint64_t a, b, kept = len < 8 ? len : 8; /* bytes that count; no branch on the length */
    if (WR_UNLIKELY(len == 0)) return 0;
    memcpy(&a, p, 8);
    memcpy(&b, p + len - kept, 8);
    a <<= (0 - 8 * kept) % 64; /* what is behind a short name goes out at the top */
    b <<= (0 - 8 * kept) % 64;
    return (a + len) * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xc2b2ae3d27d4eb4f);
}
/* Remembers an unwanted key; never NULL. */
wri_json_key *wri_json_key_new(wri_json *d, const char *p, size_t len);
/* -- json_layout.c -- */
/* Makes a layout of the record p[0..end), newline included, which the scanner has read. */
void wri_json_layout_learn(wri_json *d, const char *p, const char *end);
/* After each strip: which layout is hot now? */
void wri_json_layout_judge(wri_json_keys *keys);

/* -- json_encode.c -- */
wr_status wri_json_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err);
wr_status wri_json_encode(wr_encoder *e, const wr_batch *b, wr_buf *out, wr_err *err);
void wri_json_close_encoder(wr_encoder *e);

#endif

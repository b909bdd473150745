/* connectors/connectors.h -- the outside: where bytes come from and go to. The one header here.
 *
 * A source has splits (a file, a shard, standard input). A split is cut into chunks at record
 * boundaries; chunks of one split are taken in order, one at a time, by whichever worker is free, and
 * decoded side by side. A format turns a chunk into batches and batches into bytes. One file per
 * connector and format, each ending in one const def; the lists are in connectors.c. */
#ifndef WR_CONNECTORS_H
#define WR_CONNECTORS_H

#include "core/core.h"

struct wr_streams; /* state/state.h: the data directory */

#define WR_CHUNK_BYTES      (512 * 1024) /* aim of a chunk [bytes] */
#define WR_RECORD_BYTES_MAX (64 << 20)   /* default of max_record_bytes: longer records are bad records */

/* What is known of a record beside its bytes, in a stream of the data directory. */
typedef struct wr_record_about {
    size_t end; /* in the chunk: it begins where the one before ends */
    int64_t arrival_us;
    wr_str key, shard, sequence_number; /* views into what the chunk holds */
} wr_record_about;

/* Whole records of one split. data[len .. len+WR_PAD) may be read. */
typedef struct wr_chunk {
    const char *data;
    size_t len;
    int64_t pos;    /* position of data[0] in the split: bytes (decompressed) or records */
    uint32_t split; /* number of the split within the job */
    bool bad;       /* no record: a piece that is too long or broken; `why` says what */
    const char *why;
    wr_ref *hold;     /* keeps data alive; the taker drops it */
    const char *head; /* the split's head (wr_format_def.head), NULL: none; lives as the source */
    size_t head_len;
    uint64_t first, count;          /* generators: records first .. first+count, data NULL */
    const wr_record_about *records; /* where wanted, and the connector knows: of each record; in hold */
    uint32_t n_records;
} wr_chunk;

/* What a source needs to know. */
typedef struct wr_source_cfg {
    const wr_sys *sys;
    const char *stream; /* name, for messages */
    const wr_kv *options;
    size_t n_options;
    const wr_schema *schema;            /* decoded columns */
    const struct wr_format_def *format; /* NULL where needs_format is false */
    struct wr_streams *streams;         /* NULL: there is no data directory */
    bool about;                         /* chunks shall say what is known of their records */
} wr_source_cfg;

/* ---- formats ---- */

/* A record that could not be read; text borrows. */
typedef struct wr_bad_record {
    const char *why; /* "status: 'abc' is no INTEGER" */
    const char *data;
    size_t len;
    uint32_t split;
    int64_t pos;
} wr_bad_record;

typedef struct wr_decode_cfg {
    const wr_schema *schema;   /* columns wanted, with paths */
    const wr_schema *declared; /* all columns that a record has, for formats that go by order; NULL: schema */
    const uint32_t *places;    /* per column of schema: its place in declared; NULL: 0, 1, 2, … */
    const bool *want_dict;     /* per column, may be NULL */
    const wr_kv *options;
    size_t n_options;
    uint32_t batch_rows;
    void (*bad)(void *ctx, const wr_bad_record *r); /* called for each bad record */
    void *ctx;
} wr_decode_cfg;

typedef struct wr_batches { /* a list; owner: whoever made it */
    wr_batch **items;
    size_t n, cap;
} wr_batches;

typedef struct wr_decoder wr_decoder; /* one per worker; the def's own struct begins with nothing shared */
typedef struct wr_encoder wr_encoder;

typedef struct wr_encode_cfg {
    const wr_schema *schema;
    const wr_kv *options;
    size_t n_options;
    bool terminal;  /* standard output is a terminal */
    uint32_t width; /* its columns, 0: unknown */
} wr_encode_cfg;

/* What stands between rows that came as records of their own (a log's, a queue's). */
typedef enum wr_between {
    WR_BETWEEN_LINES,  /* line ends */
    WR_BETWEEN_BLANKS, /* the same, and line ends inside a record mean no more than blanks */
    WR_BETWEEN_NOTHING /* nothing: rows say themselves where they end */
} wr_between;

typedef struct wr_format_def {
    wr_with with;
    wr_between between;
    /* Length of the longest prefix of p[0..n) that holds only whole records; `last`: nothing follows, so
     * the rest is a record too. p is the start of a record. *state is the format's own; at a split's start
     * it is what begin says, 0 where begin is NULL. */
    size_t (*frame)(const char *p, size_t n, bool last, uint64_t *state);
    uint64_t (*begin)(const wr_kv *options, size_t n_options); /* of framing: delimiter, quote */
    /* Length of what stands once at a split's start, p[0..n) whole records, and decoders need for every
     * chunk (a header line); 0: none. NULL: never. The source keeps a copy and gives it with each chunk of
     * the split (also when it resumes in the middle); the chunk at position 0 still begins with it. */
    size_t (*head)(const char *p, size_t n, uint64_t state);
    wr_status (*open_decoder)(const wr_decode_cfg *cfg, wr_decoder **outp, wr_err *err);
    /* Appends the chunk's rows to out, as batches in order; batches hold chunk->hold as needed. Bad records
     * go to cfg->bad. Failure means out of memory only. */
    wr_status (*decode)(wr_decoder *d, const wr_chunk *c, wr_batches *out, wr_err *err);
    void (*close_decoder)(wr_decoder *d);
    /* Encoders may be NULL (raw cannot be written, table cannot be read). */
    bool shared_encoder; /* one encoder for all workers, under the sink's lock (table); else one per worker */
    wr_status (*open_encoder)(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err);
    wr_status (*header)(wr_encoder *e, wr_buf *out, wr_err *err); /* once per sink, or NULL */
    wr_status (*encode)(wr_encoder *e, const wr_batch *b, wr_buf *out, wr_err *err);
    /* With shared_encoder, where encode keeps rows back (a table, until it knows its widths): show writes
     * them, anew says that other output has come in between, so that a head is written once more. */
    wr_status (*show)(wr_encoder *e, wr_buf *out, wr_err *err);
    void (*anew)(wr_encoder *e);
    wr_status (*footer)(wr_encoder *e, wr_buf *out, wr_err *err); /* once at the end, or NULL */
    void (*close_encoder)(wr_encoder *e);
} wr_format_def;

/* ---- sources ---- */
typedef struct wr_source wr_source;
typedef struct wr_split_info {
    const char *name; /* path, "stdin", "datagen" */
    int64_t bytes;    /* size, -1: unknown */
    int64_t at;       /* position reached */
    /* Where the connector knows more than when a record was read; what it leaves alone is unknown. */
    int64_t arrival_us; /* when the last record read had arrived, wall clock; 0: unknown */
} wr_split_info;

/* What a bounded source would read now. */
typedef struct wr_stamp {
    uint64_t hash;       /* never 0 or 1; another one: it has changed */
    int64_t newest_us;   /* when it last did, by the wall clock */
    int64_t interval_us; /* between looks, as the options have it; 0: not to be looked at */
} wr_stamp;

/* ---- lookups: tables whose rows are asked for by key while a job runs ---- */
typedef struct wr_lookup wr_lookup; /* a connection; used by one thread */
typedef struct wr_lookup_opts {     /* the first options of every connector that has lookups */
    int64_t cache_rows, cache_ttl_us, retries;
} wr_lookup_opts;
typedef struct wr_lookup_cfg {
    const wr_sys *sys;
    const char *stream; /* name, for messages */
    const wr_kv *options;
    size_t n_options;
    const wr_schema *schema; /* columns wanted */
    const uint32_t *keys;    /* n_keys of them, by which rows are asked for */
    uint32_t n_keys;
    void (*bad)(void *ctx, const wr_bad_record *r); /* called for each row that cannot be read */
    void *ctx;
} wr_lookup_cfg;

/* ---- sinks ---- */
typedef struct wr_sink wr_sink;
typedef struct wr_sink_cfg {
    const wr_sys *sys;
    const char *stream;
    const wr_kv *options;
    size_t n_options;
    const wr_schema *schema;
    const char *from; /* go on from there, as `mark` said, and forget what was written behind; NULL: anew */
    size_t from_len;
    const wr_format_def *format; /* NULL where none is needed */
    struct wr_streams *streams;  /* NULL: there is no data directory */
    const uint32_t *key;         /* n_key columns by which a row replaces another; 0: rows are only added */
    uint32_t n_key;
    uint64_t job; /* a random number of the job's own, in all its runs; 0: it takes no snapshots */
    bool (*is_read)(void *ctx, const struct stat *file); /* by the job; asked before anything is lost */
    void *is_read_ctx;
    /* Takes whole rows instead of standard output, and never waits; NULL: standard output. */
    void (*output)(void *ctx, const char *p, size_t n);
    void *output_ctx;
} wr_sink_cfg;

/* What is to be handed over. */
typedef struct wr_handover {
    uint64_t epoch; /* rises; 0: rows of no epoch */
    bool again;     /* some of it may be there: an earlier try, or the run before, did not hear of the end */
    bool past;      /* so may later epochs, behind all of this one: it is of a savepoint */
    const char *data;
    size_t len;
} wr_handover;

typedef struct wr_connector_def {
    wr_with with;
    /* -- source side; NULL: cannot be read -- */
    wr_status (*open_source)(const wr_source_cfg *cfg, wr_source **outp, wr_err *err);
    uint32_t (*n_splits)(const wr_source *s);
    /* The next chunk of a split. Calls for one split never overlap, calls for different splits may. Does not
     * block: WR_AGAIN when nothing is there yet, or
     * a record without end is being skipped. WR_EOF: the split has ended. WR_EIO: the job fails. */
    wr_status (*next)(wr_source *s, uint32_t split, wr_chunk *outp, wr_err *err);
    void (*split_info)(const wr_source *s, uint32_t split, wr_split_info *outp);
    /* For sources that get new splits while they run, called now and then by one thread at a time: *splitp
     * begins now, the next number or that of a split which had ended. WR_AGAIN: none now. WR_EOF: never
     * again; until that has been said, the source has not ended. NULL: never. */
    wr_status (*look)(wr_source *s, uint32_t *splitp, wr_err *err);
    /* Lines on what happened that a summary should tell (files that were rotated); at any time. May be NULL.
     */
    wr_status (*notes)(wr_source *s, wr_buf *out);
    /* Snapshots: what resume of a source with the same options goes on from, between two calls of next for
     * the split. NULL: its records cannot be read again. */
    wr_status (*position)(wr_source *s, uint32_t split, wr_buf *out, wr_err *err);
    /* Before the first next: the split of that position goes on there. *splitp: its number; of the splits
     * that open_source has made, or a new one. */
    wr_status (*resume)(wr_source *s, const char *p, size_t n, uint32_t *splitp, wr_err *err);
    bool keyed_splits; /* a key's records are in one split at a time, in order: one worker reads it */
    /* A descriptor that becomes readable when a split that had nothing may have more. -1 or NULL: there is
     * none, somebody has to look again and again. From any thread; first asked before next is. */
    int (*watch)(wr_source *s);
    void (*heard)(
        wr_source *s); /* it was readable: back to silence, before next is asked. NULL: next does it */
    /* Generators fill batches themselves: rows first .. first+count of the wanted columns. */
    wr_status (*generate)(wr_source *s, const wr_chunk *c, uint32_t batch_rows, wr_batches *out, wr_err *err);
    wr_status (*columns)(const wr_kv *options, size_t n, wr_arena *ar, wr_schema *outp,
                         wr_err *err);               /* self_schema */
    bool (*bounded)(const wr_kv *options, size_t n); /* NULL: with.bounded */
    /* Of cfg only sys and options are read. NULL: it never changes. */
    wr_status (*stamp)(const wr_source_cfg *cfg, wr_stamp *outp, wr_err *err);
    /* Whether it reads that file, or would if it began now. NULL: it reads none. */
    bool (*reads)(wr_source *s, const struct stat *file);
    void (*close_source)(wr_source *s);
    /* -- lookups; NULL: none -- */
    wr_status (*open_lookup)(const wr_lookup_cfg *cfg, wr_lookup **outp, wr_err *err);
    /* Appends the rows whose key columns equal one of the rows of keys, which are distinct and not NULL; rows
     * that only nearly equal one (by the rules of the database) may come, too. WR_EIO: trying again may help;
     * out then has nothing new. */
    wr_status (*look_up)(wr_lookup *l, const wr_batch *keys, wr_batches *out, wr_err *err);
    void (*close_lookup)(wr_lookup *l);
    /* -- sink side; NULL: cannot be written -- */
    wr_status (*open_sink)(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);
    /* The whole job has been made, and its rows come next: what a sink that does not go on has found may go.
     * NULL: nothing to do. */
    wr_status (*begin)(wr_sink *s, wr_err *err);
    /* Whole encoded rows; calls never overlap (the runtime holds the sink's lock). NULL: rows are dropped
     * unread. WR_AGAIN, here and in flush and mark: there is no room (err says where), nothing has been lost;
     * all that was given has been taken and is written as soon as there is. The call is repeated, with n = 0,
     * until it goes well; nothing else is given before. */
    wr_status (*write)(wr_sink *s, const char *p, size_t n, wr_err *err);
    /* Instead of write, for sinks whose records are rows: row i of b is encoded as p[ends[i-1]..ends[i]).
     * There is no header and no footer. Calls never overlap. */
    wr_status (*put)(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends, wr_err *err);
    /* Sinks that take an epoch's rows once its snapshot is durable, and so have each once whatever happens
     * (runtime/commit.c). The runtime keeps what pack makes of rows, and saves it with the snapshot.
     * pack: appends b's rows to out, in a form of the connector's own; with needs_format they are encoded as
     * put has them. Rows that cannot be had there: whys[i] says why, for as long as s lives, and they are
     * left out (whys is all NULL before). Calls never overlap. */
    wr_status (*pack)(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends, const char **whys,
                      wr_buf *out, wr_err *err);
    /* Delivers, durably. WR_EIO: trying again may help. Beside pack, never beside mark. */
    wr_status (*commit)(wr_sink *s, const wr_handover *h, wr_err *err);
    int64_t (*patience_us)(const wr_sink *s); /* for how long trying again is worth it; NULL: not at all */
    wr_status (*flush)(wr_sink *s, wr_err *err);
    /* Snapshots: flushes, and says what wr_sink_cfg.from goes on from. NULL: rows may be written twice after
     * a crash. */
    wr_status (*mark)(wr_sink *s, wr_buf *out, wr_err *err);
    /* Makes what was written before the last mark durable; while others write on. */
    wr_status (*sync)(wr_sink *s, wr_err *err);
    void (*close_sink)(wr_sink *s);
} wr_connector_def;

extern const wr_connector_def *const wr_connectors[];        /* NULL-terminated */
extern const wr_format_def *const wr_formats[];              /* NULL-terminated */
const wr_connector_def *wr_connector_find(const char *name); /* NULL: none */
const wr_format_def *wr_format_find(const char *name);

/* Those of a connector that has lookups. */
wr_status wr_lookup_options(const wr_kv *kvs, size_t n, wr_lookup_opts *outp, wr_err *err) WR_MUST_USE;

/* ---- functions at a URL, by the record contract of Lambda (hook.c) ---- */
typedef struct wr_hook wr_hook; /* used by one thread at a time */
typedef struct wr_hook_cfg {
    const wr_sys *sys;
    const char *url, *stream; /* stream: whose records they are; borrowed */
    int64_t timeout_us;
    bool output;             /* it takes results, else it changes records before the code */
    bool (*stop)(void *ctx); /* true: give up now; NULL: never */
    void *ctx;
} wr_hook_cfg;
typedef enum wr_hook_result { WR_HOOK_NONE, WR_HOOK_OK, WR_HOOK_DROPPED, WR_HOOK_FAILED } wr_hook_result;
typedef struct wr_hook_record {
    const char *data;
    size_t len;
    const wr_record_about *about; /* NULL: not known */
    int64_t arrival_us;           /* where it is not */
    uint32_t hint;                /* outputs: how often it was sent before */
    wr_hook_result result;        /* NONE: no answer */
    char *out;                    /* OK: what became of it */
    size_t out_len;
} wr_hook_record;
wr_status wr_hook_new(const wr_hook_cfg *cfg, wr_hook **outp, wr_err *err) WR_MUST_USE;
/* One request for n records. WR_OK: all that was answered is in their results, with `out` in ar; of an output
 * some may be without. WR_EIO: trying again may help. WR_ECANCELED: `stop` said so. */
wr_status wr_hook_call(wr_hook *h, wr_hook_record *rs, size_t n, wr_arena *ar, wr_err *err) WR_MUST_USE;
void wr_hook_free(wr_hook *h);

/* A heap buffer of cap bytes plus WR_PAD, reference-counted, for chunks. */
typedef struct wr_bytes {
    wr_ref ref;
    size_t cap;
    char data[];
} wr_bytes;
wr_bytes *wr_bytes_new(size_t cap);

#endif

/* runtime/job_int.h -- a job's parts. Private to runtime/.
 *
 *   job ─┬─ source[]    one per SOURCE node: connector, splits, dealing of chunks   (shared, locked)
 *        ├─ sink[]      one per SINK node: connector, lock                          (shared, locked)
 *        ├─ exchange[]  one per EXCHANGE node: a ring from each worker to each      (single producer and
 * consumer) └─ worker[]    a thread; for every plan node one operator                  (private to the
 * thread)
 *
 * A worker's entries are its sources and the receiving ends of exchanges. Everything behind an entry
 * runs by direct calls. A worker that finds a ring full empties the rings of later stages meanwhile, so
 * nothing blocks for ever and memory is bounded by the rings. */
#ifndef WR_RUNTIME_JOB_INT_H
#define WR_RUNTIME_JOB_INT_H

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <uv.h>

#include "expr/expr.h"
#include "op.h"
#include "state/state.h"

/* ---- events and rings ---- */
typedef enum wri_event_kind { WRI_BATCH, WRI_WATERMARK, WRI_BARRIER, WRI_END } wri_event_kind;
typedef struct wri_event {
    wri_event_kind kind;
    union {
        wr_batch *batch; /* one reference goes with it */
        int64_t wm;
        uint64_t epoch;
    };
} wri_event;

#define WRI_RING_EVENTS 64 /* a power of two: batches under way per pair of workers and exchange */
typedef struct wri_ring {
    wri_event slots[WRI_RING_EVENTS];
    uint32_t head __attribute__((aligned(64))); /* next to read; written by the consumer */
    uint32_t tail __attribute__((aligned(64))); /* next to write; written by the producer */
} wri_ring;
bool wri_ring_put(wri_ring *r, wri_event e); /* false: full */
bool wri_ring_take(wri_ring *r, wri_event *ep);
static inline bool wri_ring_crowded(const wri_ring *r) { /* the producer asks */
    return r->tail - __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) >= 2;
}

typedef struct wri_exchange {
    const wr_node *node;
    wri_ring *rings; /* [from * workers + to] */
} wri_exchange;

/* ---- sources ---- */
/* A chunk under way. Which watermark a row has before it is decided by position: chunk k starts from the
 * largest of chunks 0..k-1, however they were spread over workers. */
typedef struct wri_slot {
    enum { WRI_FREE, WRI_DEALT, WRI_DECODED, WRI_RESOLVED } state;
    int64_t max;    /* DECODED: largest watermark of its rows */
    int64_t before; /* RESOLVED: watermark before its first row */
} wri_slot;

typedef struct wri_split wri_split;
struct wri_split {            /* all under the source's lock */
    uint64_t dealt, resolved; /* chunks handed out; chunks whose `before` is known */
    wri_slot *slots;          /* [sequence number % n_slots] */
    int64_t wm;               /* watermark after the resolved chunks */
    bool ended;
    uint32_t no;            /* among the source's */
    uint32_t owner;         /* the worker that reads it, where splits are keyed */
    uint32_t *behind;       /* it begins behind that (source_owner.c); NULL: nothing */
    bool busy;              /* a worker is taking a chunk: chunks of a split keep their order */
    bool idle;              /* quiet for longer than idle_timeout: does not hold the watermark back */
    int64_t quiet_since_us; /* when it was first found with nothing, 0: it has data */
    int64_t idle_wm;        /* its watermark when it fell idle */
    int64_t clock_wm;       /* how far the wall clock has taken it since */
    /* Its place in the queue: source_queue.c */
    enum { WRI_NOWHERE, WRI_READY, WRI_HELD, WRI_QUIET } at;
    bool full;             /* held until a slot comes free */
    uint32_t place;        /* READY: in the heap */
    uint64_t turn, round;  /* goes before equals with later turns; it was taken in that round */
    wri_split *next_quiet; /* QUIET */
    /* Where a restart goes on: taken at a barrier, when nobody is taking a chunk */
    bool cut_due;
    uint64_t cut_seq; /* chunks before the barrier */
    int64_t cut_wm;   /* watermark after them, once they are resolved */
    bool cut_ended;
    wr_buf cut; /* the connector's position */
    /* For metrics */
    uint64_t rows, bytes;
    int64_t read_us; /* when the last chunk was taken, wall clock; 0: none yet */
};

/* The live splits that a worker may ask; that all may ask, where splits are not keyed. Under the lock. */
typedef struct wri_queue {
    wri_split **ready; /* a heap; room for all */
    size_t cap;
    wri_split *quiet;            /* asked in this round, and had nothing */
    uint32_t n, n_ready, n_held; /* n: all */
    uint64_t n_quiet, calls;     /* in this round; calls begun */
    uint64_t round, turns;       /* rounds; the last turn given */
    bool by_turn, all;           /* all: the round began in the call that began last, or after it */
} wri_queue;

typedef struct wri_source {
    const wr_node *node;
    const wr_connector_def *con;
    const wr_format_def *fmt;
    wr_source *src;
    wr_schema decoded;    /* the physical columns that are read */
    wr_schema declared;   /* all physical columns of the stream */
    uint32_t *places;     /* per decoded column: its place in declared */
    uint32_t n_splits;    /* under the lock once the job runs */
    uint32_t first_split; /* split numbers within the job start here */
    wri_split **splits;
    size_t splits_cap;
    wri_queue *queues; /* per worker, where splits are keyed; else one for all workers */
    uint32_t n_queues;
    bool grows;          /* new splits may come: it does not end before that is over */
    bool looking;        /* a worker looks for new splits */
    int64_t look_at_us;  /* when to look again */
    uint32_t n_slots;    /* places per split */
    uint32_t n_live;     /* splits not ended */
    int64_t arrival_us;  /* largest arrival time given, under the lock */
    uint64_t epoch;      /* of the last barrier: chunks dealt from then on lie behind it; under the lock */
    int64_t announced;   /* largest watermark that was announced */
    int64_t told;        /* the least that workers had told when they passed the last barrier */
    int64_t by_clock_us; /* of all that it rose, how much was by the wall clock */
    uint64_t reloaded, refused; /* stamps: content that was read anew, that could not be; under the lock */
    uint32_t n_reloaded, n_refused; /* how often */
    char why_refused[256];          /* last */
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a split or slot came free, a chunk was resolved */
} wri_source;

/* hook.c: records that go through a function at a URL. *outp NULL: those of this source do not. */
typedef struct wri_hook wri_hook;
wr_status wri_hook_open(wr_op *op, wri_hook **outp, wr_err *err) WR_MUST_USE;
/* What the function made of c, until _done; *atp: per record of out its place in c. */
wr_status wri_hook_chunk(wri_hook *h, const wr_chunk *c, wr_chunk *out, const size_t **atp,
                         wr_err *err) WR_MUST_USE;
void wri_hook_done(wri_hook *h);
void wri_hook_close(wri_hook *h);

/* source_about.c: does it read what is known of records beside their bytes? */
bool wri_reads_about(const wr_node *n);
/* Column c of b, which is col of wr_node.source.cols: the arrival time, or metadata. All rows are of the
 * record a; NULL: nothing is known of it but when its chunk came. */
wr_status wri_fill_about(wr_batch *b, uint32_t c, uint32_t col, const wr_record_about *a, int64_t arrival_us,
                         wr_err *err) WR_MUST_USE;

/* ---- sinks ---- */
typedef struct wri_sink {
    const wr_node *node;
    const wr_connector_def *con;
    const wr_format_def *fmt;
    wr_sink *sink;
    wr_encoder *shared; /* of formats with shared_encoder */
    wr_schema schema;   /* as written */
    wr_field *fields;   /* of schema when it is not the node's; owned */
    const wr_kv *options;
    size_t n_options;
    uint32_t open;    /* workers that have not ended */
    bool headed;      /* the header has been written */
    bool table;       /* keeps rows back and prints, as others may */
    bool going;       /* some of its rows have been shown */
    bool full;        /* what it was given waits for room; whoever comes waits, too */
    uint64_t held;    /* rows kept back by `shared` */
    int64_t since_us; /* since when rows wait to be shown or flushed, 0: none; read without the lock */
    /* At a barrier: rows of workers that have passed it wait for those that have not */
    uint64_t epoch;  /* of the last barrier that all have passed */
    uint64_t coming; /* of the last that some have passed */
    uint32_t passed; /* workers that have passed the next one, and not ended */
    wr_buf after;    /* their rows since, as bytes */
    wr_buf cut;      /* what the connector goes on from */
    bool cut_headed;
    /* For metrics: written under the lock, read without */
    uint64_t bytes;
    int64_t last_us, write_us,
        writing_since_us; /* wall clock; all in all; monotonic, 0: nothing is written */
    /* Those that take rows by pack: commit.c */
    bool commits;           /* with their epoch */
    bool on_way;            /* the rows of an epoch are being written and handed over: */
    uint64_t way_bytes;     /* how many bytes */
    uint64_t waiting_bytes; /* of these and of pending, ready and after; read without the lock */
    wr_buf pending, ready;  /* rows since the last barrier; those before it, until the snapshot takes them */
    uint32_t part;          /* of the snapshot that is being written: the rows */
    pthread_cond_t arrived;
    pthread_mutex_t own_lock, *lock; /* the lock: its own, or the one of all that print */
} wri_sink;

/* ---- workers ---- */
typedef struct wri_entry { /* where events come into a worker */
    wr_op *op;
    uint32_t stage;
    bool ended;
    wri_source *source; /* one of the two */
    wri_exchange *exchange;
    bool side_fed;   /* lies behind an ERRORS or LATE node */
    uint64_t passed; /* the last barrier that went through it */
    bool *rests;     /* exchange: per sending worker, its barrier has come and others' have not */
} wri_entry;

typedef struct wri_side { /* rows of an ERRORS or LATE node, gathered until the worker is between events */
    wr_op *op;
    wr_batch **batches;
    size_t n, cap;
    bool ended;
} wri_side;

/* What one operator of one worker has saved. */
typedef struct wri_item {
    uint32_t node, tag;
    uint32_t seq; /* in the order saved */
    bool named;   /* of part `part`, not of the operator's only one */
    bool begins;  /* neither rows nor numbers: the part begins here */
    bool more;    /* it goes on behind that of the snapshot before */
    int64_t part;
    uint32_t sub;        /* not 0: a part of slots */
    size_t buf, at, len; /* packed: its bytes, in one of the saver's buffers; len 0: not so */
    wr_ref *hold;        /* of bytes */
    wr_part_from *from;  /* NULL: rows or numbers; in the saver's arena */
    wr_batch *rows;      /* NULL: numbers */
    const uint32_t *keys;
    const int64_t *ints;
    uint32_t n_keys, n_ints;
    const void *slots; /* of the rows, or those that are said anew; NULL: none */
    size_t slots_len;  /* bytes */
} wri_item;
typedef struct wri_straight { /* takes items as they are saved; they are the caller's */
    wr_status (*take)(void *ctx, const wri_item *item, wr_err *err);
    void *ctx;
} wri_straight;
typedef struct wri_items { /* of one part */
    const wr_saver *of;
    wri_item *items;
    size_t n;
} wri_items;
struct wr_saver {
    const wri_straight *straight; /* NULL: items are kept until the snapshot is written */
    wri_item *items;
    size_t n, cap;
    uint32_t node; /* that saves now, and which part */
    bool named;
    int64_t part;
    uint32_t sub;
    wr_buf *bufs; /* what is packed, in as many as are in use; those behind them wait for the next snapshot */
    size_t n_bufs, n_made, bufs_cap;
    uint32_t *room; /* scratch */
    size_t room_cap;
    bool goes_on; /* the snapshot before has been written, by this run: parts can go on from it */
    wr_save_sum sum;
    wr_arena ar;
};

/* Snapshots of the job: epochs.c. All but the first two belong to the control thread. */
typedef struct wri_writing wri_writing;
/* What a node is in the snapshot that is gone on from. */
typedef struct wri_was {
    uint32_t id;  /* its number there, or WR_NO_COL */
    bool speaks;  /* VALUES: as a new join's table they speak again */
    bool retimed; /* a source: its event time has become another column */
} wri_was;
typedef struct wri_epochs {
    uint64_t wanted;      /* atomic: the last barrier that was sent, 0: none */
    uint32_t passed;      /* atomic: workers that have passed it */
    wr_snapshots *store;  /* NULL: none are taken */
    wr_buf plan;          /* EXPLAIN's text, for people */
    wr_buf about;         /* the part "about" of each snapshot */
    wri_was *was;         /* by node; NULL: the job begins */
    bool held;            /* atomic: one is under way, from its barrier until it is written */
    bool under_way, last; /* last: the job stops once it is written */
    wri_writing *writing; /* NULL: none */
    uint32_t failed;      /* given up since the last that was written: what was saved for them is in none */
    bool troubled;        /* trouble has been told that is not over */
    int64_t next_us;      /* when the next is due */
    int64_t retry_us;     /* after a failure: not before that, even when it is due at once */
    bool due;             /* atomic: a sink has many rows and wants one at once */
    uint64_t job;         /* a random number of the job's own, the same in all its runs */
    uint64_t n_taken, bytes;
} wri_epochs;

/* ---- numbers for metrics: meter.c has who writes what ---- */

/* Of a worker. Its own, but for `told`: others may read the times and histograms. */
typedef struct wri_meter {
    int64_t blocked_us, slept_us; /* waiting for room in rings; for anything to do */
    const wr_node *blocked_at;    /* atomic: the exchange whose ring is full, NULL: none */
    bool rests;                   /* atomic: its sources deal nothing as rows wait for a snapshot */
    wr_hist align, pause;         /* of barriers [us] */
    int64_t barrier_us;           /* when the first part of the one under way came, 0: none */
    int64_t save_us;              /* spent in saves for it */
    uint64_t measured;            /* the last request for sizes that was answered */
    uint64_t answered;            /* atomic: the same for what waits */
    pthread_mutex_t lock;         /* of what follows */
    clockid_t clock;              /* of its CPU time */
    bool alive;
    int64_t cpu_us; /* once it has ended */
    wr_waits *told; /* by node id: what waits in its operators, as of `answered` */
} wri_meter;

/* What has gone through by some moment, for rates: per node rows in and out, per worker CPU, blocked. */
typedef struct wri_reading {
    int64_t at_us; /* monotonic, 0: none */
    uint64_t *v;   /* 2 * nodes + 2 * workers */
} wri_reading;

typedef struct wri_meters {        /* of a job */
    uint64_t ask_sizes, ask_waits; /* atomic: rise with each request to the workers */
    pthread_mutex_t lock;          /* of what follows */
    pthread_cond_t answer;         /* a worker has told what waits */
    wri_reading older, newer;
    int64_t asked_us; /* when sizes were last asked for */
    int64_t begun_us; /* the snapshot under way */
    uint64_t taken, failed, epoch, last_bytes, bytes;
    int64_t last_us, last_duration_us, next_us;
    wr_hist duration;
} wri_meters;
/* What a snapshot says of its job: about.c. */
typedef struct wri_keeper {
    uint32_t id; /* of its node */
    wr_node_kind kind;
    const char *same, *label, *time; /* as in wr_plan_id; time NULL: an earlier snapshot does not say */
} wri_keeper;
typedef struct wri_about {
    const char *version, *sql, *job; /* job: its name, "" where it has none */
    wri_keeper *kept;
    uint32_t n;
} wri_about;

/* A savepoint that was asked for: savepoint.c. Under the job's lock until an epoch takes it up; then the
 * control thread's, or the pool's. */
typedef struct wri_savepoint {
    char *dir; /* NULL: none is asked for */
    wr_savepoint_done *done;
    void *ctx;
    bool taken_up;
    wr_status status;
    uint64_t bytes;
    wr_err err;
} wri_savepoint;

typedef struct wri_trouble_held {
    wr_trouble told;
    uint32_t holders; /* that it is the trouble of */
} wri_trouble_held;

struct wr_task {
    wr_job *job;
    uint32_t index;
    pthread_t thread;
    wr_op *ops;       /* by node id; an EXCHANGE's is its sending end */
    wr_op *receivers; /* by node id; used for EXCHANGE nodes only */
    wri_entry *entries;
    uint32_t n_entries;
    wri_side *sides; /* by node id; .op NULL: no side node */
    wr_op **sinks;
    uint32_t n_sinks;
    uint64_t bad_rows, late_rows;
    uint64_t passed;       /* the last barrier that all entries have passed */
    uint64_t saved;        /* the last one for which all has been saved */
    int64_t rest_us;       /* when what it left to be saved was last worked on */
    uint64_t sides_passed; /* the last one that the sides have sent */
    wr_saver saver;        /* the control thread's between the barrier and the next */
    wr_saver *aside;       /* what is saved now goes there and to no snapshot; NULL: to saver */
    /* sleeping and waking */
    uint32_t
        rounds;  /* atomic: turns of its loop, at whose end its sinks hold nothing back if let_go was set */
    bool let_go; /* a split has ended */
    int wake_fd; /* an eventfd; -1: none */
    struct pollfd *wakers;
    bool asleep;
    wri_meter meter;
};

struct wr_job {
    const wr_plan *plan;
    wr_job_opts opts;
    const wr_sys *sys;
    uint32_t n_workers, batch_rows;
    wri_source *sources; /* by node id, .node NULL where there is none */
    wri_sink *sinks;
    wri_exchange *exchanges;
    wr_task *workers;
    wr_plan_stream *out_stream; /* of bare SELECTs */
    int stop;                   /* atomic: 1 finish as soon as possible (failure or cancel) */
    bool canceled;
    wr_status status; /* first failure, under lock */
    wr_err err;
    uint32_t wanting;                            /* atomic: sinks that may still get rows */
    uint32_t running;                            /* atomic: workers not yet done */
    int64_t started_us, ended_us;                /* atomic; 0: not yet */
    uint64_t rows_in, bytes_in, rows_out;        /* atomic */
    wri_trouble_held troubles[WR_TROUBLE_KINDS]; /* under lock */
    char first_bad[256];                         /* under lock */
    bool has_first_bad;
    uint32_t n_tables;      /* sinks with .table */
    wri_sink *last_table;   /* whose rows stand last on standard output, under tables */
    pthread_mutex_t output; /* of sinks on standard output, and of those with shared encoders */
    pthread_mutex_t lock;
    wri_epochs epochs;
    wr_budget budget;       /* of all that the job takes: memory.c */
    int64_t short_at;       /* memory is short when more is used */
    int64_t memory;         /* the budget as it was asked for */
    uint64_t spilled_bytes; /* atomic */
    uint64_t waiting_bytes; /* atomic: of rows that wait for a snapshot in all sinks (commit.c); */
    uint64_t way_bytes;     /* atomic: of those, on their way */
    wri_savepoint savepoint;
    wr_buf said;   /* lines on snapshots that were passed over, and a NUL */
    bool ended;    /* wr_job_run is over; under lock */
    bool restored; /* goes on from a snapshot */
    bool finished; /* the snapshot was the last one: there is nothing to do */
    bool looping;  /* under lock: done can be sent */
    wri_meters meters;
    uv_async_t done; /* sent by each worker as it ends or has passed a barrier */
};

static inline bool wri_stopping(const wr_job *j) { return __atomic_load_n(&j->stop, __ATOMIC_RELAXED) != 0; }
static inline bool wri_canceled(const wr_job *j) { return __atomic_load_n(&j->canceled, __ATOMIC_RELAXED); }
/* Who waits for something outside is to wait no longer. */
static inline bool wri_ends_soon(const wr_job *j) { return wri_stopping(j) || wri_canceled(j); }
#define WRI_LOOK_MS 50                         /* who waits looks for that so often */
bool wri_wait_us(const wr_job *j, int64_t us); /* trouble.c; false: no longer, for that reason */
/* The LIMIT of op has been reached: once every sink is behind such a LIMIT, sources end as if they had no
 * more. */
void wri_limit_full(wr_op *op);
static inline bool wri_enough(const wr_job *j) { return __atomic_load_n(&j->wanting, __ATOMIC_RELAXED) == 0; }
void wri_job_fail(wr_job *j, wr_status s, const wr_err *err); /* the first failure wins; stops all workers */

/* chain.c */
wr_status wri_deliver(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) WR_MUST_USE;
wr_status wri_watermark(wr_op *op, uint32_t port, int64_t wm, wr_err *err) WR_MUST_USE;
wr_status wri_end(wr_op *op, uint32_t port, wr_err *err) WR_MUST_USE;
wr_status wri_emit_watermark(wr_op *op, int64_t wm, wr_err *err) WR_MUST_USE;
wr_status wri_emit_end(wr_op *op, wr_err *err) WR_MUST_USE;
wr_status wri_barrier(wr_op *op, uint64_t epoch, wr_err *err) WR_MUST_USE; /* has come on one of its inputs */
wr_status wri_emit_barrier(wr_op *op, uint64_t epoch, wr_err *err) WR_MUST_USE;

/* exchange.c */
uint32_t wri_exchange_target(uint64_t hash, uint32_t workers); /* who owns the key */
wr_status wri_exchange_new(wr_job *j, const wr_node *n, wri_exchange *x, wr_err *err) WR_MUST_USE;
void wri_exchange_free(wr_job *j, wri_exchange *x);
/* Takes up to a few events; *didp: something was there. */
wr_status wri_exchange_drain(wr_task *t, wri_entry *e, bool *didp, wr_err *err) WR_MUST_USE;

/* source.c */
/* from: what wri_source_save wrote, NULL: from the beginning. */
wr_status wri_source_new(wr_job *j, const wr_node *n, uint32_t first_split, const wr_piece *from,
                         wri_source *s, wr_err *err) WR_MUST_USE;
void wri_source_free(wri_source *s);
/* So that there are n splits; those that are new have ended. Under the lock. */
wr_status wri_source_add_splits(wri_source *s, uint32_t n, wr_err *err) WR_MUST_USE;
/* source_owner.c: who reads split i, which begins now. later: others have been read before it. Under the
 * lock. */
wr_status wri_split_give(wr_job *j, wri_source *s, uint32_t i, bool later, wr_err *err) WR_MUST_USE;
/* Whether its worker may begin with p. Under the lock. */
bool wri_split_may_begin(const wr_job *j, wri_split *p);
/* source_queue.c: which split is asked next. All under the lock. */
wr_status wri_queues_new(wri_source *s, uint32_t n, wr_err *err) WR_MUST_USE;
void wri_queues_free(wri_source *s);
wri_queue *wri_queue_of(const wri_source *s, uint32_t worker);
wr_status wri_queue_add(wri_queue *q, wri_split *p, wr_err *err) WR_MUST_USE; /* p begins */
void wri_queue_call(wri_queue *q); /* begins: a search for a chunk */
/* The next to ask, which is held from then on. NULL: none; *heldp: but some are held, so wait and ask again.
 */
wri_split *wri_queue_take(wri_queue *q, bool *heldp);
/* A held split may be asked again: at once, or, as it had nothing, in the next round; or it has ended. */
void wri_queue_ready(wri_queue *q, wri_split *p);
void wri_queue_quiet(wri_queue *q, wri_split *p);
void wri_queue_drop(wri_queue *q, wri_split *p);
void wri_queue_later(wri_queue *q, wri_split *p); /* its watermark has risen */
/* source_idle.c: what the wall clock does to event time. The first three under the lock. */
int64_t wri_source_arrive(wr_job *j, wri_source *s); /* rises with the chunks, however the wall clock jumps */
void wri_split_had_nothing(wr_job *j, wri_source *s, wri_split *p); /* it has been found with nothing */
void wri_split_gave(wri_split *p);                                  /* it has given a chunk */
/* The least watermark of the splits that may still give chunks; when all are idle, the largest, or what the
 * wall clock has made of it. */
int64_t wri_source_announce(wri_source *s);
void wri_source_unreadable(wr_op *op); /* a record of op's source could not be read */
wr_status wri_source_notes(const wr_job *j, const wri_source *s, wr_buf *out) WR_MUST_USE;
/* *bp, physical columns of op's source as they were read, gets all columns of the source. */
wr_status wri_source_rows(wr_op *op, wr_batch **bp, wr_err *err) WR_MUST_USE;
/* Operators outside the plan's own. def NULL: that of n's kind. Undone by _free, also after a failure. */
wr_status wri_op_init(wr_task *t, wr_op *op, const wr_op_def *def, const wr_node *n, wr_err *err) WR_MUST_USE;
wr_status wri_op_connect(wr_op *from, wr_op *to, uint32_t port, wr_err *err) WR_MUST_USE;
void wri_op_free(wr_op *op);
wri_source **wri_source_place(wr_op *op); /* where a source operator says which source it reads */
/* op, a source made so: reads all that is there now, and ends. */
wr_status wri_source_read(wr_op *op, wr_err *err) WR_MUST_USE;
/* Content `stamp` of op's stream, one of the plan's own, has been read anew by this worker, or could not be.
 */
wr_status wri_source_cut(wri_source *s, uint64_t epoch, wr_err *err)
    WR_MUST_USE; /* a barrier: splits note their positions; under the lock */
wr_status wri_source_anew_notes(const wri_source *s, wr_buf *out) WR_MUST_USE;
void wri_source_reloaded(wr_op *op, uint64_t stamp);
wr_status wri_source_refused(wr_op *op, uint64_t stamp, const char *why, wr_err *err) WR_MUST_USE;
wr_status wri_source_run(wr_task *t, wri_entry *e, bool *didp, wr_err *err) WR_MUST_USE;
/* Passes on the watermark that other workers have announced. */
wr_status wri_source_tell(wri_entry *e, bool *didp, wr_err *err) WR_MUST_USE;
/* Notes how it stands, for the snapshot of that epoch. Under the lock. */
wr_status wri_source_cut(wri_source *s, uint64_t epoch, wr_err *err) WR_MUST_USE;
/* source_saved.c: the part of a snapshot: how it stood at the barrier of that epoch, once all workers have
 * passed it. */
wr_status wri_source_save(wri_source *s, uint64_t epoch, wr_buf *out, wr_err *err) WR_MUST_USE;
/* What that wrote, into a new source; retimed: but for the watermarks, which are of another column. */
wr_status wri_source_load(wri_source *s, const wr_piece *from, bool retimed, wr_err *err) WR_MUST_USE;

/* side.c */
const wr_plan_stmt *wri_stmt_at(const wr_plan *p,
                                wr_loc loc); /* that a place in the script belongs to, or NULL */
/* All that can feed the sides has passed the barrier. */
wr_status wri_side_barrier(wr_task *t, uint64_t epoch, wr_err *err) WR_MUST_USE;
wr_status wri_side_save(wr_task *t, wr_err *err) WR_MUST_USE; /* rows that wait */
void wri_side_free(wri_side *s);
wr_status wri_side_flush(wr_task *t, bool *didp, wr_err *err) WR_MUST_USE;
wr_status wri_side_end(wr_task *t, wr_err *err) WR_MUST_USE; /* once nothing that can feed them runs here */
/* Something of op's stream went wrong that is no row: told as one. */
wr_status wri_trouble(wr_op *op, const char *name, const char *why, wr_err *err) WR_MUST_USE;
void wri_bad_record(void *ctx, const wr_bad_record *r); /* ctx: the source's wr_op */

/* saved.c: what operators save, as bytes and back */
void wri_saver_at(wr_saver *s, uint32_t node); /* it saves now, and has no named parts yet */
wr_status wri_save_ended(wr_saver *s, uint32_t node, wr_err *err) WR_MUST_USE; /* see wr_op.spoken */
void wri_saver_reset(wr_saver *s);
void wri_saver_sort(wr_saver *s); /* items of a part side by side, in order */
void wri_saver_free(wr_saver *s);
/* Appends what is not packed yet. */
wr_status wri_item_pack(const wri_item *item, wr_buf *out, wr_err *err) WR_MUST_USE;
static inline const char *wri_item_packed(const wr_saver *of, const wri_item *item) { /* item->len bytes */
    return of->bufs[item->buf].data + item->at;
}
/* ctx: wri_items. Lets go of the rows. */
wr_status wri_items_say(void *ctx, wr_segment *to, wr_err *err) WR_MUST_USE;
#define WRI_OP_PARTS   "op/"      /* how the names of operators' parts begin: those that may be large */
#define WRI_ITEM_ENDED UINT32_MAX /* tag: the operator had ended, on worker 0 */

/* saved_load.c: what a worker reads when a job goes on. */
typedef struct wri_loader {
    wr_job *job;
    uint32_t worker;
    wr_piece_reader reader;
    wr_buf window;
    uint64_t taken;  /* bytes of rows so far */
    uint64_t likely; /* bytes, for wr_saved.n_likely; 0: those of the piece */
} wri_loader;
/* Rows: dealt out by key; all its own, or all others', but for those without keys; all its own. */
typedef enum wri_whose { WRI_BY_KEY, WRI_OWN, WRI_OTHERS, WRI_ALL } wri_whose;
/* Gives the worker's operator `id` what concerns it of what wri_items_say wrote. WR_AGAIN, of this and what
 * follows: there is no room for it in memory (paged.h). */
wr_status wri_items_load(wri_loader *l, uint32_t id, const wr_piece *p, wri_whose whose,
                         wr_err *err) WR_MUST_USE;
wr_status wri_items_loaded(const wri_loader *l, wr_err *err) WR_MUST_USE; /* that was all */
/* To op, wherever it is; what is on disk of its state stays there. */
wr_status wri_items_load_from(wri_loader *l, wr_op *op, const wr_part_from *from, wri_whose whose,
                              wr_err *err) WR_MUST_USE;
void wri_loader_free(wri_loader *l);

/* Where the items of p lie, in order, and how many rows each has. No job is needed. */
typedef wr_status wri_found(void *ctx, uint64_t at, size_t len, uint64_t rows, wr_err *err);
wr_status wri_items_find(wri_loader *l, const wr_piece *p, wri_found *found, void *ctx,
                         wr_err *err) WR_MUST_USE;
/* One item of a part of slots. said: a bit for each slot that later items say; what this one says is added.
 */
wr_status wri_item_load(wri_loader *l, uint32_t id, const wr_piece *p, uint64_t at, size_t len,
                        uint64_t *said, wri_whose whose, wr_err *err) WR_MUST_USE;
wr_status wri_slots_said(bool bitmap, const char *slots, size_t len, uint64_t *said, wr_err *err) WR_MUST_USE;

/* slots_load.c: all of a part of slots. */
wr_status wri_slots_load(wri_loader *l, uint32_t id, const wr_saved_part *part, wri_whose whose,
                         wr_err *err) WR_MUST_USE;

/* owners.c: whose rows a snapshot's are */
#define WRI_OWNERS "owners" /* the part's name */
wr_status wri_owners_pack(const wr_job *j, wr_buf *out, wr_err *err) WR_MUST_USE;
bool wri_owners_same(const wr_job *j, const wr_snapshot *from); /* each worker's are its own again */

/* about.c: what a snapshot says of its job */
#define WRI_ABOUT "about" /* the part's name */
/* The nodes that something is kept of over a snapshot. */
wr_status wri_about_plan(const wr_plan *plan, wr_arena *ar, wri_about *outp, wr_err *err) WR_MUST_USE;
wr_status wri_about_pack(const wri_about *a, wr_buf *out, wr_err *err) WR_MUST_USE;
wr_status wri_about_read(const wr_snapshot *s, wr_arena *ar, wri_about *outp, wr_err *err) WR_MUST_USE;

/* update.c: *u of the two, and was, as in wri_epochs. */
wr_status wri_update_make(const wri_about *old, const wri_about *now, const wr_plan *plan, wr_update *u,
                          wri_was *was, wr_err *err) WR_MUST_USE;
/* epochs.was for the job that goes on from a snapshot; refused as opts say. */
wr_status wri_update_job(wr_job *j, const wr_snapshot *from, wr_err *err) WR_MUST_USE;

/* savepoint.c */
bool wri_savepoint_asked(wr_job *j);                /* one waits for a barrier */
void wri_savepoint_take_up(wr_job *j);              /* the barrier that is sent now is its */
void wri_savepoint_make(wr_job *j, bool delivered); /* in the pool, behind the snapshot */
void wri_savepoint_told(wr_job *j, wr_status snapshot, const wr_err *err); /* back in the control thread */
void wri_savepoint_end(wr_job *j);                                         /* the job has ended */

/* job.c */
/* For how long it has run until now_us, or its end; 0: it has not begun. */
static inline int64_t wri_job_ran_us(const wr_job *j, int64_t now_us) {
    int64_t began = __atomic_load_n(&j->started_us, __ATOMIC_RELAXED);
    int64_t ended = __atomic_load_n(&j->ended_us, __ATOMIC_RELAXED);
    return began ? (ended ? ended : now_us) - began : 0;
}
const wr_op_def *wri_op_def_of(const wr_node *n);

/* epochs.c: when snapshots are taken, and from what a job goes on */
wr_status wri_epochs_open(wr_job *j, wr_snapshot **fromp, wr_err *err) WR_MUST_USE; /* *fromp NULL: anew */
wr_status wri_epochs_check(const wr_job *j, wr_err *err) WR_MUST_USE; /* everything can be saved */
wr_status wri_epochs_load(wr_job *j, const wr_snapshot *from, wr_err *err) WR_MUST_USE;
/* The bytes that sink n went on from; NULL: none. In memory, as all but operators' parts. */
const wr_piece *wri_epochs_sink(const wr_job *j, const wr_snapshot *from, const wr_node *n);
const wr_piece *wri_epochs_rows(const wr_job *j, const wr_snapshot *from,
                                const wr_node *n); /* for it, with that epoch */
uint64_t wri_epochs_job(const wr_snapshot *from);  /* the number of the job that took it; 0: unknown */
const wr_piece *wri_epochs_source(const wr_job *j, const wr_snapshot *from, const wr_node *n);
void wri_epochs_tick(wr_job *j);   /* sends the next barrier when it is due */
void wri_epochs_passed(wr_job *j); /* a worker has passed one */
/* Whether a snapshot has been written; wait: until one that is under way has been. */
void wri_epochs_written(wr_job *j, bool wait);
wr_status wri_epochs_finish(wr_job *j, wr_err *err) WR_MUST_USE; /* the job has come to its end */
void wri_epochs_close(wr_job *j);
uint64_t wri_epochs_wait_ms(const wr_job *j, uint64_t most); /* between two ticks */

/* memory.c: the budget */
void wri_memory_open(wr_job *j);
/* More than half of it is used: who can lets go of some, before more comes in. */
static inline bool wri_memory_short(const wr_job *j) {
    return WR_UNLIKELY(__atomic_load_n(&j->budget.used, __ATOMIC_RELAXED) > j->short_at);
}
bool wri_memory_waits(const wr_task *t); /* sources must deal nothing now */
/* Asks one. */
wr_status wri_op_relieve(wr_op *op, bool *didp, wr_err *err) WR_MUST_USE;
/* Asks all operators of the worker to let go of some, if memory is short. Between events. */
wr_status wri_memory_relieve(wr_task *t, bool *didp, wr_err *err) WR_MUST_USE;
/* For operators that let go: what is too little to be worth it; whether it is enough now; how much of what
 * was written to disk may be brought back at a time [bytes]. */
size_t wri_memory_worth(const wr_op *op);
bool wri_memory_eased(const wr_op *op);
size_t wri_memory_share(const wr_op *op);
/* s, with a message that says who keeps what when it is WR_ENOMEM for want of budget. */
wr_status wri_memory_explain(const wr_task *t, wr_status s, wr_err *err);

/* sink.c */
static inline bool wri_sink_takes_rows(const wr_connector_def *con) {
    return con->write || con->put || con->pack;
}
/* Under --state its rows go out with the snapshot that has them. */
bool wri_sink_takes_epochs(const wr_node *n);
wr_status wri_sink_new(wr_job *j, const wr_node *n, const wr_piece *from, wri_sink *s,
                       wr_err *err) WR_MUST_USE;
/* How it stood at the barrier of that epoch, once all workers have passed it. */
wr_status wri_sink_save(wr_job *j, wri_sink *s, uint64_t epoch, wr_buf *out, wr_err *err) WR_MUST_USE;
void wri_sink_free(wri_sink *s);
/* Between events: lets go of rows that have waited for long enough. idle: there is nothing else to do. */
wr_status wri_sink_tick(wr_op *op, bool idle, int64_t now_us, wr_err *err) WR_MUST_USE;
/* The workers have been stopped: ends a table properly. */
wr_status wri_sink_interrupt(wr_job *j, wri_sink *s, wr_err *err) WR_MUST_USE;

/* commit.c: sinks that take rows by pack */
typedef struct wri_packing {
    const wr_batch *b;
    const char *data; /* encoded, where the connector has a format */
    const size_t *ends;
    uint64_t epoch; /* the last barrier that the worker has passed */
} wri_packing;
uint64_t wri_commit_share(const wr_job *j);
bool wri_commit_waits(const wr_task *t); /* too many rows wait for a snapshot: sources must deal nothing */
wr_status wri_commit_rows(wr_op *op, wri_sink *s, const wri_packing *p, wr_err *err) WR_MUST_USE;
/* The rest under the sink's lock. Rows of no epoch go out: */
wr_status wri_commit_now(wr_job *j, wri_sink *s, wr_err *err) WR_MUST_USE;
wr_status wri_commit_cut(wr_job *j, wri_sink *s, wr_err *err) WR_MUST_USE; /* all workers have passed */
/* By the control thread, without it. */
void wri_commit_take(wr_job *j, wri_sink *s, wr_buf *text); /* the ready ones, for the snapshot */
void wri_commit_back(wr_job *j, wr_buf *texts);             /* it failed: they come back. texts: by part */
/* It is durable: they are handed over. In the pool. */
wr_status wri_commit_epoch(wr_job *j, uint64_t epoch, wr_buf *texts, wr_err *err) WR_MUST_USE;
/* Before the job runs: the rows of the snapshot that it goes on from, to the sink of n. */
wr_status wri_commit_again(wr_job *j, const wr_snapshot *from, const wr_node *n, wr_err *err) WR_MUST_USE;
/* The same before that sink is opened, where it begins with a savepoint. */
wr_status wri_commit_savepoint(wr_job *j, const wr_snapshot *from, const wr_node *n, wr_err *err) WR_MUST_USE;
/* The same for all sinks of a job that has finished. */
wr_status wri_commit_finished(wr_job *j, const wr_snapshot *from, wr_err *err) WR_MUST_USE;
/* trouble.c: what holds a job up and passes by itself */
/* again: whoever says it has said so before, and not that it is over. */
void wri_trouble_begins(wr_job *j, wr_trouble_kind kind, bool again, const char *why);
void wri_trouble_ends(wr_job *j, wr_trouble_kind kind);
/* Sinks without room; under the sink's lock, which is let go meanwhile. WR_ECANCELED: the job is to end. */
wr_status wri_sink_wait(wr_job *j, wri_sink *s, wr_err *err) WR_MUST_USE; /* while others wait for room */
/* The connector has said WR_AGAIN and why: it may be asked again. *waitp: 0 at first. */
wr_status wri_sink_again(wr_job *j, wri_sink *s, int64_t *waitp, const wr_err *why, wr_err *err) WR_MUST_USE;
void wri_sink_has_room(wr_job *j, wri_sink *s, int64_t *waitp); /* it has not said so again */

/* changelog.c: changes as rows that formats can write */
typedef struct wri_changelog wri_changelog;
/* The columns that sink node n writes; *ownedp: their memory, or NULL when they are n's own. */
wr_status wri_changelog_schema(const wr_node *n, wr_schema *outp, wr_field **ownedp, wr_err *err) WR_MUST_USE;
/* *outp NULL: rows are written as they are. */
wr_status wri_changelog_new(const wr_node *n, const wri_sink *s, wri_changelog **outp,
                            wr_err *err) WR_MUST_USE;
void wri_changelog_free(wri_changelog *l); /* NULL is allowed */
/* The rows that say what b changes; *outp is the caller's. */
wr_status wri_changelog_rows(wri_changelog *l, wr_batch *b, wr_batch **outp, wr_err *err) WR_MUST_USE;

/* meter.c */
wr_status wri_meters_new(wr_job *j, wr_err *err) WR_MUST_USE;
void wri_meters_free(wr_job *j);
void wri_meters_tick(wr_job *j); /* control thread, ten times a second */
void wri_meter_init(wr_task *t);
void wri_meter_begin(wr_task *t);
void wri_meter_end(wr_task *t);
int64_t wri_meter_cpu_us(wr_task *t);         /* from any thread */
void wri_meter_barrier(wr_task *t);           /* a barrier has come to one of its operators */
void wri_meter_pause(wr_task *t, int64_t us); /* it saved instead of working */
void wri_meters_pauses(const wr_job *j, int64_t *p99p, int64_t *mostp);
void wri_meter_passed(wr_task *t); /* and has passed all */
void wri_meter_answer(wr_task *t); /* between two events */
/* Any thread but a worker's, several at once; waits for the answers. Which request this was. */
uint64_t wri_ask_waits(wr_job *j, int64_t timeout_us);
bool wri_has_answered(wr_task *t, uint64_t request); /* or a later one, or has ended */
uint64_t wri_node_rows(const wr_job *j, uint32_t id, bool out);
void wri_meters_values(wr_job *j, uint64_t *v); /* of a wri_reading */
void wri_meter_snapshot_begun(wr_job *j, uint64_t epoch);
void wri_meter_snapshot_ended(wr_job *j, bool ok, uint64_t bytes);
/* Around a write to s, whose lock is held, or which nobody else writes to: when it began. */
int64_t wri_meter_writing(wr_job *j, wri_sink *s);
void wri_meter_written(wr_job *j, wri_sink *s, int64_t since_us, size_t bytes);
static inline void wri_meter_time(int64_t *at, int64_t us) {
    __atomic_store_n(at, *at + us, __ATOMIC_RELAXED);
}
static inline bool wri_asked(const wr_task *t) {
    const wri_meters *m = &t->job->meters;
    return __atomic_load_n(&m->ask_sizes, __ATOMIC_RELAXED) != t->meter.measured ||
           __atomic_load_n(&m->ask_waits, __ATOMIC_SEQ_CST) != /* in one order with `asleep` */
               __atomic_load_n(&t->meter.answered, __ATOMIC_RELAXED);
}

/* worker.c */
void *wri_worker_main(void *task);
wr_status wri_waker_open(wr_task *t, wr_err *err) WR_MUST_USE; /* once its entries are known */
void wri_waker_close(wr_task *t);
void wri_wake(wr_task *t); /* from any thread, after what it shall find is there */
/* While a ring is full: does work of stages behind `stage`, else naps. */
wr_status wri_help(wr_task *t, uint32_t stage, wr_err *err) WR_MUST_USE;

#endif

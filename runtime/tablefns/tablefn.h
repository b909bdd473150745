/* runtime/tablefns/tablefn.h -- how a table function over a stream runs. The one header that its file needs.
 *
 *   TABLE(F(CURSOR(SELECT STREAM …), args…))           Kinesis dialect
 *   TABLE(F(TABLE t [PARTITION BY k], args…, name => value))
 *
 * A function is one file here that ends in a wr_table_fn (planner/planner.h: name, arguments, bind) with its
 * wr_table_run, and a line in tablefns.c. README.md has an example.
 *
 * The operator (runtime/ops/table_fn.c) brings rows in the order of event time, those of one time in the
 * order of their source, late ones not at all. PARTITION BY: each partition has a state of its own, made when
 * its first row comes; without it there is one, on one worker. So results depend on the rows alone, if rows()
 * does the same however its rows are cut into calls. Three kinds:
 *
 *   a row a row   a row comes out as it came, with columns added by rows()
 *   fn->times     rows() gets all rows of one time, and says which come out, in which order
 *   window_us     rows() takes rows in; when a window is over, window() gives rows, and its state is
 *                 dropped. Rows of one second come in the order of their source, whatever their times
 *
 * Rows of changes (EMIT CHANGES) never come. One thread owns an operator, its call and all its states. */
#ifndef WR_RUNTIME_TABLEFN_H
#define WR_RUNTIME_TABLEFN_H

#include "planner/planner.h"

typedef struct wr_table_rows { /* some rows of one partition, in order */
    const wr_batch *in;
    const uint32_t *idx; /* rows of in; NULL: 0..n */
    uint32_t n;
    /* Not with a window: column first + k of out is added column k, whose array is made. The value of input
     * row i goes to row i there. Text: wr_batch_str(out, …). */
    wr_batch *out;
    uint32_t first;
    /* fn->times: order[0..*n_orderp) are rows of in to come out, in this order; it has room for n. */
    uint32_t *order;
    uint32_t *n_orderp;
    uint64_t *failed;  /* bit per row of in: it fails, for the reason in whys; see wr_table_fail */
    const char **whys; /* literals, or of out's arena */
} wr_table_rows;
static inline uint32_t wr_table_row(const wr_table_rows *r, uint32_t k) { return r->idx ? r->idx[k] : k; }
/* Row i of in becomes an error row; what is in the added columns does not matter. */
static inline void wr_table_fail(const wr_table_rows *r, uint32_t i, const char *why) {
    wr_bit_set(r->failed, i);
    r->whys[i] = why;
}

typedef struct wr_table_window { /* the end of a window of one partition */
    int64_t start_us, end_us;
    uint64_t given; /* rows that earlier calls for this window have given */
    /* Rows go to out from `row` on, at most `most` of them; column first + k is added column k. */
    wr_batch *out;
    uint32_t first, row, most;
    uint32_t n; /* set: how many were given */
    bool more;  /* set: there are more, which another call is to give */
} wr_table_window;

typedef struct wr_table_run {
    /* call->ctx: what all states of an operator share. NULL: nothing. */
    wr_status (*open)(wr_table_call *call, wr_err *err);
    void (*close)(wr_table_call *call); /* also after a failed open */
    /* The state of a new partition (or window of it). */
    wr_status (*make)(const wr_table_call *call, void **statep, wr_err *err);
    void (*drop)(const wr_table_call *call, void *state);
    wr_status (*rows)(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err);
    /* Changes nothing that another call would see but what it has given. NULL: no windows. */
    wr_status (*window)(const wr_table_call *call, void *state, wr_table_window *w, wr_err *err);
    /* All of a state as bytes, and into a state just made: as if nothing had been. Bytes come from disk: load
     * checks all of them, WR_EDATA by wr_table_broken. A state of several parts must not depend on which
     * worker it is on. `save` may not change what one would see. */
    wr_status (*save)(const wr_table_call *call, const void *state, wr_buf *to, wr_err *err);
    wr_status (*load)(const wr_table_call *call, void *state, const char *bytes, size_t n, wr_err *err);
    size_t (*bytes)(const wr_table_call *call, const void *state); /* about what it takes; O(1) */
    /* Everything of the states is in what make() gives, of so many bytes: make, drop, save, load may be NULL
     * when state_bytes is not 0; then a state is so many bytes, zero at first, and saved as they are. */
    size_t state_bytes;
} wr_table_run;

/* ---- for bind ---- */
/* The function reads input column col: call->cols[i], i = *ip (NULL allowed); once however often it is said.
 */
void wr_table_reads(wr_table_call *call, const wr_schema *in, uint32_t col, uint32_t *ip);
/* It reads all numeric columns that a user sees but for keys and event time; *np: how many. decimal:
 * DECIMALs, too. */
void wr_table_reads_numbers(wr_table_call *call, const wr_schema *in, uint32_t n_vis, bool decimal,
                            uint32_t *np);
wr_field *wr_table_adds(wr_table_call *call, const char *name, wr_type type);

/* ---- for rows ---- */
/* Column call->cols[k] of in. */
static inline const wr_col *wr_table_col(const wr_table_call *call, const wr_batch *in, uint32_t k) {
    return &in->cols[call->cols[k]];
}
/* Row i of it, a numeric column, as a DOUBLE; NULL: gives 0. */
double wr_table_number(const wr_table_call *call, const wr_batch *in, uint32_t k, uint32_t i);
/* The value of input row i in added column k is NULL. */
wr_status wr_table_null(const wr_table_rows *r, uint32_t k, uint32_t i, wr_err *err) WR_MUST_USE;

/* ---- for save and load: numbers as eight bytes, low byte first ---- */
wr_status wr_table_put_i64(wr_buf *to, int64_t v) WR_MUST_USE;
wr_status wr_table_put_f64(wr_buf *to, double v) WR_MUST_USE; /* bit by bit, NaN too */
wr_status wr_table_put_str(wr_buf *to, const wr_str *s) WR_MUST_USE;
typedef struct wr_table_reader {
    const char *at, *end;
    bool bad; /* something was missing; everything read since is 0 */
} wr_table_reader;
static inline wr_table_reader wr_table_read(const char *bytes, size_t n) {
    return (wr_table_reader){.at = bytes, .end = bytes + n};
}
int64_t wr_table_i64(wr_table_reader *r);
double wr_table_f64(wr_table_reader *r);
/* A count of things that take at least `bytes` bytes each (bytes > 0), so it fits what is left. */
uint64_t wr_table_count(wr_table_reader *r, size_t bytes);
wr_str wr_table_str(wr_table_reader *r); /* a view of the bytes */
/* At the end: WR_EDATA when something was missing, or is left over. */
wr_status wr_table_read_end(const wr_table_call *call, const wr_table_reader *r, wr_err *err) WR_MUST_USE;
wr_status wr_table_broken(const wr_table_call *call, wr_err *err) WR_MUST_USE;

/* ---- the list ---- */
extern const wr_table_fn *const wr_table_fns[];
extern const size_t wr_n_table_fns;

#endif

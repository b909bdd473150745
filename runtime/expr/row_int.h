/* runtime/expr/row_int.h -- rows as values: between row.c and the log parsers (fn_log_*.c).
 *
 * A parser takes a text apart into the columns that its constant arguments name. Its value is the row packed
 * as bytes, of which ROW_FIELD gives one column as text; the planner puts both together (planner/bind_row.c):
 *
 *   u32 n | n times u32: where the field ends among the bytes, the top bit set: it is NULL | bytes
 *
 * A text that does not fit is a NULL row. Numbers are the machine's: no row leaves the process. */
#ifndef WR_RUNTIME_ROW_INT_H
#define WR_RUNTIME_ROW_INT_H

#include "expr_int.h"

#define WRI_ROW_COLS_MAX 1000 /* columns of a row, as many as a record of the service may have */
#define WRI_ROW_TEXT     1024 /* characters of a column that has no type of its own */

typedef struct wri_log_line { /* a row being packed */
    char *head, *bytes;
    uint32_t n, i, used;
} wri_log_line;

/* Begins a row of n columns, whose texts have at most `room` bytes together. NULL, or why not. */
const char *wri_log_begin(wri_call *c, uint32_t n, size_t room, wri_log_line *r);
/* The next column; p[0..len) is copied. */
void wri_log_put(wri_log_line *r, const char *p, size_t len);
void wri_log_null(wri_log_line *r);
/* Byte by byte: what has been put since the last column is the next. */
static inline void wri_log_byte(wri_log_line *r, char c) { r->bytes[r->used++] = c; }
void wri_log_close(wri_log_line *r);
/* All columns have been put. */
const char *wri_log_end(const wri_log_line *r, wr_value *outp);

/* A column as described: name [TYPE] type [NOT NULL] ['time pattern'] [START n [FOR m]]. */
typedef struct wri_log_col {
    wr_field field; /* path: the time pattern */
    bool not_null, text;
    int64_t start, len; /* characters, START and FOR; start -1: not given, len -1: to the end */
} wri_log_col;
typedef struct wri_log_cols {
    wri_log_col *cols;
    uint32_t n;
} wri_log_cols;
/* Reads a list of them. typed: the word TYPE stands before the type, else it may be left out with it. Names
 * lie in ar, the reason in msgs. NULL, or why it is none. */
const char *wri_log_cols_read(const wr_str *list, bool typed, wr_arena *ar, wr_arena *msgs,
                              wri_log_cols *outp);
/* n columns COLUMN1, COLUMN2, … of text. False: out of memory. */
bool wri_log_cols_make(uint32_t n, wr_arena *ar, wri_log_cols *outp);
/* What wr_func_def.row returns: why there are no columns, or NULL and the columns. */
const char *wri_log_tell(const char *why, const wri_log_cols *cols, wr_arena *ar, wr_schema *outp);
/* The reason of all that fails for lack of memory: compared by its address, never told to anybody. */
extern const char *const wri_log_no_memory;
static inline const char *wri_log_oom(wri_call *c) {
    c->oom = true;
    return wri_log_no_memory;
}
/* A column's field; has: there is one. NULL, or why the row fails: a column that is NOT NULL has none. */
const char *wri_log_put_as(wri_call *c, wri_log_line *r, const wri_log_col *col, bool has, const char *p,
                           size_t n);

/* The text of argument i when it is a constant; else *whyp says so and *blamep = i. what: "the pattern". */
const wr_str *wri_log_const(wr_expr *const *args, uint32_t i, const char *what, wr_arena *ar,
                            uint32_t *blamep, const char **whyp);

/* What the parsers tell the planner: see wr_func_def.row. */
const char *wri_log_row_regex(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                              uint32_t *blamep);
const char *wri_log_row_fast(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                             uint32_t *blamep);
const char *wri_log_row_w3c(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                            uint32_t *blamep);
const char *wri_log_row_sys(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                            uint32_t *blamep);
const char *wri_log_row_fixed(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                              uint32_t *blamep);
const char *wri_log_row_split(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                              uint32_t *blamep);

#endif

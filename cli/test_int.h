/* cli/test_int.h -- the parts of weir test: a case is read, made a script of, run, compared, told.
 *
 *   FILE.test ─ test_read ─► sections ─ test_script (test_given: rows; test_clock: their moments;
 *             test_application: descriptions) ─► plan
 *             ─ test_run ─► what came out ─ test_compare, test_rows ─► complaints ─ test, test_junit ─►
 * people
 *
 * A case has a folder of its own as working directory while it runs, so one case runs at a time. */
#ifndef WR_CLI_TEST_INT_H
#define WR_CLI_TEST_INT_H

#include <jansson.h>

#include "cli.h"

/* ---- a case as written (test_read.c) ---- */

typedef struct wri_section {
    const char *kind;
    const char *rest; /* what follows the kind on its line, without blanks around it */
    const char *body; /* with a NUL behind it */
    size_t len;
    uint32_t line; /* of its head */
} wri_section;

typedef struct wri_case {
    wr_arena ar;
    const char *path; /* as given, for people */
    const char *full; /* from the root: the working directory changes */
    wri_section *sections;
    uint32_t n;
} wri_case;

/* Reads and cuts it; *c is zeroed before and to be freed in either case. */
wr_status wri_case_read(const char *path, wri_case *c, wr_err *err) WR_MUST_USE;
void wri_case_free(wri_case *c);
uint32_t wri_case_count(const wri_case *c, const char *kind); /* its sections of that kind */
/* Whether a section `options` is of an application (test_application.c), and so can be run here. */
bool wri_application_only(const wri_section *s);
/* What the sections `options` say, with the working directory that of the case; file NULL: nothing. */
wr_status wri_case_application(const wri_case *c, wr_arena *ar, wri_app_opts *app, wr_err *err) WR_MUST_USE;
/* A name at the beginning of *restp, "quoted" or not, in ar; *restp: what follows it. NULL: there is none. */
const char *wri_case_name(wr_arena *ar, const char **restp, bool *quotedp);

int wri_json_dump_to(const char *p, size_t n, void *buf); /* for json_dump_callback, to a wr_buf */

/* ---- given rows (test_given.c) ---- */

#define WRI_NO_MOMENT INT64_MIN

typedef struct wri_moments {
    int64_t *us; /* n: when each item comes; WRI_NO_MOMENT: it does not say */
    size_t n, cap;
} wri_moments;

/* JSON lines or CSV with a head to the records of connector 'given', one an item, moments left open; csv: the
 * rows are by column names and not by paths. */
typedef struct wri_given {
    const char **records; /* n of them, in ar, without line ends; "": time passes */
    wri_moments at;
    bool csv;
} wri_given;
wr_status wri_given_read(wr_arena *ar, const wri_section *s, wri_given *outp, wr_err *err) WR_MUST_USE;
void wri_given_free(wri_given *g);

/* ---- the clock (test_clock.c) ---- */

typedef struct wri_turn {
    int64_t us;
    const char *stream;
    uint64_t item;
} wri_turn;
/* A clock that stands still until the next of turns[0..n) comes, for one job at a time. Streams without turns
 * may give rows at any time; theirs only take it forward. Time that is slept passes at once. */
const wr_sys *wri_test_clock(const wri_turn *turns, size_t n, int64_t start_us);

/* ---- the script (test_script.c) ---- */

typedef struct wri_watched { /* a stream whose rows are expected */
    const wri_section *section;
    const char *name;
    char *path; /* where they are written to */
    bool csv;
} wri_watched;

typedef struct wri_tested {
    bool last; /* of the scripts of its case: sections on streams are about this one; set before it is loaded
                */
    wri_script sc;
    uint32_t own_bytes; /* of the script; what sections add stands behind them */
    wr_buf log;         /* what weir run would have said on standard error */
    wri_watched *watched;
    uint32_t n_watched;
    wri_given *given;           /* one a section `given` */
    const wri_section **gsects; /* the sections */
    const char **gnames;
    bool *glive;
    uint32_t n_given;
    wri_turn *turns;
    size_t n_turns;
    int64_t start_us;
} wri_tested;

/* The script of section sql (NULL: an application has its code itself) with its connectors replaced, planned.
 * out: the folder for what streams get. WR_ESQL: t->log has the errors of the SQL; others: err. To be freed
 * in either case. */
wr_status wri_tested_load(const wri_case *c, const wri_section *sql, const char *out, wri_tested *t,
                          wr_err *err) WR_MUST_USE;
void wri_tested_free(wri_tested *t);

/* ---- comparing (test_rows.c, test_compare.c) ---- */

/* A row in the form in which rows are compared: members by name, numbers and times by value; other text as it
 * is. NULL: no memory. */
char *wri_row_form(wr_arena *ar, const char *line, size_t n);
/* How rows differ, in lines; nothing when they do not. what: "rows of alerts". */
wr_status wri_compare_rows(const char *what, uint32_t line, const char *want, const char *got, bool ordered,
                           wr_buf *out) WR_MUST_USE;
/* What stands after the changes got, a line a row, to out; WR_EDATA: one does not fit, err says which. */
wr_status wri_apply_changes(const char *got, const char *key, wr_buf *out, wr_err *err) WR_MUST_USE;

/* ---- running (test_run.c) ---- */

typedef enum wri_outcome { WRI_PASSED, WRI_FAILED, WRI_SKIPPED } wri_outcome;
typedef struct wri_verdict {
    const char *path;
    wri_outcome outcome;
    wr_buf why; /* lines for people, each with its line end */
    int64_t took_us;
} wri_verdict;
typedef struct wri_test_opts {
    const char *junit;
    int64_t workers, timeout;
    bool quiet;
} wri_test_opts;
void wri_case_run(const char *path, const wri_test_opts *o, wri_verdict *v);

/* ---- telling (test_junit.c) ---- */
wr_status wri_junit(const char *path, const wri_verdict *v, size_t n, wr_err *err) WR_MUST_USE;

#endif

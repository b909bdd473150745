/* runtime/tablefns/random_cut_forest.c -- RANDOM_CUT_FOREST and RANDOM_CUT_FOREST_WITH_EXPLANATION: how
 * unlike a row is to those before it, by all its columns of numbers. runtime/rcf/ has the algorithm.
 *
 * Each partition has a forest of its own, all with the same seed. A row is scored, then learnt. One with
 * NULL, NaN or an infinite number in one of the columns has no score (NULL) and teaches nothing; a shingle
 * goes on over it.
 *
 * The explanation is a JSON object with a member per column: what of the score is due to it, whether it is
 * too low or too high for the rows before, and by how much one outweighs the other. Numbers are texts of four
 * decimals, as the Kinesis dialect has them. */
#include <math.h>
#include <stdio.h>

#include "runtime/rcf/rcf.h"
#include "tablefn.h"

enum { TREES, SAMPLE, DECAY, SHINGLE, DIRECTIONS_OR_SEED, SEED_BEHIND };
enum { SCORE, EXPLANATION };

#define COMMON_ARGS                                                                                          \
    {.name = "trees",                                                                                        \
     .kind = 'i',                                                                                            \
     .def = "100",                                                                                           \
     .min = 1,                                                                                               \
     .max = 1000,                                                                                            \
     .doc = "Trees: more make scores steadier, and cost as much more."},                                     \
        {.name = "sampleSize",                                                                               \
         .kind = 'i',                                                                                        \
         .def = "256",                                                                                       \
         .min = 10,                                                                                          \
         .max = 1000,                                                                                        \
         .doc = "Points that each tree keeps. So many rows score 0 while it learns."},                       \
        {.name = "timeDecay",                                                                                \
         .kind = 'i',                                                                                        \
         .def = "100000",                                                                                    \
         .min = 1,                                                                                           \
         .max = 2147483647,                                                                                  \
         .doc = "Rows after which one weighs 1/e in the choice of what is kept. More than sampleSize."},     \
    {                                                                                                        \
        .name = "shingleSize", .kind = 'i', .def = "1", .min = 1, .max = 1000,                               \
        .doc = "Rows that are looked at together, so that their order counts."                               \
    }
#define SEED_ARG                                                                                             \
    {                                                                                                        \
        .name = "seed", .kind = 'i', .def = "0",                                                             \
        .doc = "Another seed draws other trees; with the same one scores are the same in every run."         \
    }

static const wr_table_arg args[] = {COMMON_ARGS, SEED_ARG, {0}};
static const wr_table_arg args_explained[] = {
    COMMON_ARGS,
    {.name = "withDirectionality",
     .kind = 'b',
     .def = "FALSE",
     .doc = "Adds DIRECTION and STRENGTH to each column's ATTRIBUTION_SCORE."},
    SEED_ARG,
    {0}};

typedef struct shared {       /* by all forests of an operator */
    const char *const *names; /* of columns, as bind has left them; NULL: nothing is explained */
    double *values, *parts;
    wr_buf text;
} shared;

static bool explains(const wr_table_call *call) { return call->n_added > EXPLANATION; }

static wr_rcf_opts opts_of(const wr_table_call *call) {
    const wr_table_value *a = call->args;
    return (wr_rcf_opts){.dims = call->n_cols,
                         .shingle = (uint32_t)a[SHINGLE].v.i64,
                         .trees = (uint32_t)a[TREES].v.i64,
                         .sample = (uint32_t)a[SAMPLE].v.i64,
                         .time_decay = (uint64_t)a[DECAY].v.i64,
                         .seed = (uint64_t)a[explains(call) ? SEED_BEHIND : DIRECTIONS_OR_SEED].v.i64};
}

/* ---- plan ---- */

static wr_status bind(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err) {
    (void)ar;
    uint32_t n;
    int64_t sample = call->args[SAMPLE].v.i64, decay = call->args[DECAY].v.i64;
    int64_t shingle = call->args[SHINGLE].v.i64;
    wr_table_reads_numbers(call, in, n_vis, true, &n);
    if (n == 0)
        return wr_fail(err, WR_ESQL,
                       "its input has no column of numbers to look at; CAST(c AS DOUBLE) makes one");
    if (decay <= sample) {
        call->bad_arg = call->args[DECAY].given ? DECAY : SAMPLE;
        return wr_fail(err, WR_ESQL, "timeDecay must be more than sampleSize, it is %lld, and that %lld",
                       (long long)decay, (long long)sample);
    }
    if (n * shingle > WR_RCF_POINT_MAX) {
        call->bad_arg = SHINGLE;
        return wr_fail(err, WR_ESQL, "shingleSize: %lld rows of %u numbers are more than %d",
                       (long long)shingle, n, WR_RCF_POINT_MAX);
    }
    wr_table_adds(call, "ANOMALY_SCORE", wr_type_of(WR_T_DOUBLE));
    return WR_OK;
}

/* "name":{ as JSON has it. */
static const char *member(wr_arena *ar, const char *name) {
    char *text = wr_arena_alloc(ar, 6 * strlen(name) + 8), *p = text;
    if (!text) return NULL;
    *p++ = '"';
    for (; *name; name++) {
        unsigned char ch = (unsigned char)*name;
        if (ch < 0x20) {
            p += snprintf(p, 7, "\\u%04x", ch);
            continue;
        }
        if (ch == '"' || ch == '\\') *p++ = '\\';
        *p++ = (char)ch;
    }
    memcpy(p, "\":{", 4);
    return text;
}

static wr_status bind_explained(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar,
                                wr_err *err) {
    WR_TRY(bind(call, in, n_vis, ar, err));
    wr_table_adds(call, "ANOMALY_EXPLANATION", wr_type_of(WR_T_VARCHAR));
    const char **names = wr_arena_alloc(ar, call->n_cols * sizeof *names);
    for (uint32_t c = 0; names && c < call->n_cols; c++)
        if (!(names[c] = member(ar, in->fields[call->cols[c]].name))) names = NULL;
    call->ctx = names; /* for open */
    return names ? WR_OK : wr_fail_oom(err, "a plan");
}

/* ---- run ---- */

static void close_shared(wr_table_call *call) {
    shared *s = call->ctx;
    if (!s) return;
    wr_free(s->values);
    wr_free(s->parts);
    wr_buf_free(&s->text);
    wr_free(s);
    call->ctx = NULL;
}

static wr_status open_shared(wr_table_call *call, wr_err *err) {
    const char *const *names = call->ctx;
    shared *s = call->ctx = wr_calloc(1, sizeof *s);
    if (s) s->names = names;
    if (s) s->values = wr_calloc(call->n_cols, sizeof *s->values);
    if (s) s->parts = wr_calloc(call->n_cols, 2 * sizeof *s->parts);
    return s && s->values && s->parts ? WR_OK : wr_fail_oom(err, call->fn->name);
}

static wr_status make(const wr_table_call *call, void **statep, wr_err *err) {
    wr_rcf_opts o = opts_of(call);
    wr_rcf *f;
    WR_TRY(wr_rcf_new(&o, &f, err));
    *statep = f;
    return WR_OK;
}

static void drop(const wr_table_call *call, void *state) {
    (void)call;
    wr_rcf_free(state);
}

static size_t bytes(const wr_table_call *call, const void *state) {
    (void)call;
    return wr_rcf_bytes(state);
}

static wr_status explain(const wr_table_call *call, shared *s, const wr_table_rows *r, uint32_t i,
                         wr_err *err) {
    bool directions = call->args[DIRECTIONS_OR_SEED].v.i64 != 0;
    s->text.len = 0;
    wr_status ok = wr_buf_puts(&s->text, "{");
    for (uint32_t c = 0; c < call->n_cols && ok == WR_OK; c++) {
        double low = s->parts[2 * c], high = s->parts[2 * c + 1];
        if (c > 0) ok = wr_buf_puts(&s->text, ",");
        if (ok == WR_OK) ok = wr_buf_puts(&s->text, s->names[c]);
        if (ok == WR_OK && directions)
            ok = wr_buf_printf(&s->text, "\"DIRECTION\":\"%s\",\"STRENGTH\":\"%.4f\",",
                               high > low ? "HIGH" : "LOW", fabs(high - low));
        if (ok == WR_OK) ok = wr_buf_printf(&s->text, "\"ATTRIBUTION_SCORE\":\"%.4f\"}", low + high);
    }
    if (ok == WR_OK) ok = wr_buf_puts(&s->text, "}");
    if (ok != WR_OK) return wr_fail_oom(err, call->fn->name);
    wr_str *to = &r->out->cols[r->first + EXPLANATION].str[i];
    return wr_batch_str(r->out, s->text.data, s->text.len, to, err);
}

static wr_status rows(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err) {
    shared *s = call->ctx;
    wr_col *out = &r->out->cols[r->first];
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t i = wr_table_row(r, k);
        for (uint32_t c = 0; c < call->n_cols; c++)
            s->values[c] = wr_is_null(wr_table_col(call, r->in, c), i) ? (double)NAN
                                                                       : wr_table_number(call, r->in, c, i);
        double score;
        WR_TRY(wr_rcf_push(state, s->values, &score, explains(call) ? s->parts : NULL, err));
        bool none = isnan(score);
        out[SCORE].f64[i] = none ? 0 : score;
        if (none) WR_TRY(wr_table_null(r, SCORE, i, err));
        if (!explains(call)) continue;
        if (none) {
            out[EXPLANATION].str[i] = wr_str_make("", 0);
            WR_TRY(wr_table_null(r, EXPLANATION, i, err));
        } else WR_TRY(explain(call, s, r, i, err));
    }
    return WR_OK;
}

static wr_status save(const wr_table_call *call, const void *state, wr_buf *to, wr_err *err) {
    (void)call;
    return wr_rcf_save(state, to) == WR_OK ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static wr_status load(const wr_table_call *call, void *state, const char *text, size_t n, wr_err *err) {
    wr_status s = wr_rcf_load(state, text, n, err);
    return s == WR_EDATA ? wr_table_broken(call, err) : s;
}

static const wr_table_run run = {.open = open_shared,
                                 .close = close_shared,
                                 .make = make,
                                 .drop = drop,
                                 .rows = rows,
                                 .save = save,
                                 .load = load,
                                 .bytes = bytes};

const wr_table_fn wr_table_random_cut_forest = {
    .name = "RANDOM_CUT_FOREST",
    .doc = "How unlike a row is to those before it, by all its columns of numbers: 0 while it learns, some "
           "0.7 to 1 for "
           "usual rows, 3 and more for outliers. Adds ANOMALY_SCORE.",
    .args = args,
    .bind = bind,
    .run = &run};

const wr_table_fn wr_table_random_cut_forest_with_explanation = {
    .name = "RANDOM_CUT_FOREST_WITH_EXPLANATION",
    .doc = "The same, and which columns say so. Adds ANOMALY_SCORE and ANOMALY_EXPLANATION, a JSON text.",
    .args = args_explained,
    .bind = bind_explained,
    .run = &run};

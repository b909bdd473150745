/* runtime/side.c -- rows that leave the main way: errors and late rows.
 *
 * An operator reports them while it runs; they wait in its worker until no operator is on the call
 * stack, then go down from the ERRORS or LATE node like any other batch. A side node ends when nothing
 * on its worker can feed it any more; what fails behind it is counted only, so that errors about errors
 * cannot go round for ever. */
#include "job_int.h"
#include "ops/ops.h"

#define RAW_BYTES_MAX 49152 /* of a bad record kept in data_row, as in Kinesis Data Analytics */

static wri_side *side_of(wr_task *t, const wr_node *n) {
    wri_side *s = &t->sides[n->id];
    return s->op && !s->ended ? s : NULL;
}

static wri_side *errors_side(wr_task *t) {
    for (uint32_t i = 0; i < t->job->plan->n_nodes; i++)
        if (t->job->plan->nodes[i]->kind == WR_N_ERRORS) return side_of(t, t->job->plan->nodes[i]);
    return NULL;
}

static wr_status side_add(wri_side *s, wr_batch *b, wr_err *err) { /* takes the reference */
    if (wr_grow(&s->batches, &s->cap, s->n + 1, sizeof *s->batches) != WR_OK) {
        wr_batch_drop(b);
        return wr_fail_oom(err, "rows of a side stream");
    }
    s->batches[s->n++] = b;
    return WR_OK;
}

void wri_side_free(wri_side *s) {
    for (size_t i = 0; i < s->n; i++) wr_batch_drop(s->batches[i]);
    wr_free(s->batches);
}

wr_status wri_side_flush(wr_task *t, bool *didp, wr_err *err) {
    for (uint32_t id = 0; id < t->job->plan->n_nodes; id++) {
        wri_side *s = &t->sides[id];
        for (size_t i = 0; i < s->n; i++) { /* more may be added meanwhile */
            wr_batch *b = s->batches[i];
            s->batches[i] = NULL;
            *didp = true;
            wr_status r = wr_emit(s->op, b, err);
            wr_batch_drop(b);
            if (r != WR_OK) return r;
        }
        s->n = 0;
    }
    return WR_OK;
}

wr_status wri_side_end(wr_task *t, wr_err *err) {
    bool did;
    WR_TRY(wri_side_flush(t, &did, err));
    for (uint32_t id = 0; id < t->job->plan->n_nodes; id++) {
        wri_side *s = &t->sides[id];
        if (!s->op || s->ended) continue;
        s->ended = true;
        WR_TRY(wri_emit_end(s->op, err));
    }
    return WR_OK;
}

/* ---- snapshots: rows that wait when all else has passed the barrier have been reported behind the sides
 * ---- */

wr_status wri_side_barrier(wr_task *t, uint64_t epoch, wr_err *err) {
    for (uint32_t id = 0; id < t->job->plan->n_nodes; id++) {
        const wri_side *s = &t->sides[id];
        if (s->op && !s->ended) WR_TRY(wri_emit_barrier(s->op, epoch, err));
    }
    return WR_OK;
}

wr_status wri_side_save(wr_task *t, wr_err *err) {
    for (uint32_t id = 0; id < t->job->plan->n_nodes; id++) {
        const wri_side *s = &t->sides[id];
        wri_saver_at(&t->saver, id);
        for (size_t i = 0; i < s->n; i++) WR_TRY(wr_save_rows(&t->saver, 0, s->batches[i], NULL, 0, err));
    }
    return WR_OK;
}

static wr_status side_load(wr_op *op, const wr_saved *saved, wr_err *err) {
    wri_side *s = side_of(op->task, op->node);
    return s && saved->rows ? side_add(s, wr_batch_hold(saved->rows), err) : WR_OK;
}

static wr_status side_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)op, (void)port, (void)b;
    return wr_fail(err, WR_EINTERNAL, "a side stream was pushed to");
}

const wr_op_def wri_op_side = {.name = "side", .push = side_push, .load = side_load, .stateless = true};

/* ---- errors ---- */

typedef struct bad {
    const char *name, *why;
    const wr_plan_stmt *stmt; /* whose row it is; NULL: unknown */
    const char *file;         /* that the record came from, "stdin"; NULL: none, or no longer known */
    const char *data;
    size_t len;
    int64_t pos;   /* of the record in file [bytes, unpacked]; -1: unknown */
    int64_t ts_us; /* WR_WM_NONE: unknown */
} bad;

const wr_plan_stmt *wri_stmt_at(const wr_plan *p, wr_loc loc) {
    const wr_plan_stmt *found = NULL;
    for (uint32_t i = 0; i < p->n_stmts && p->stmts[i].at <= loc.at; i++) found = &p->stmts[i];
    return found;
}

/* What may have failed in e, whose parts may come from several statements: what is evaluated first among
 * that which fails most. NULL: nothing of the kind. */
static const wr_expr *suspect(const wr_expr *e) {
    for (uint32_t i = 0; i < e->n_args; i++) {
        const wr_expr *s = suspect(e->args[i]);
        if (s) return s;
    }
    bool risky = e->kind == WR_X_FUNC ||
                 (e->kind == WR_X_OP && (e->op == WR_OP_CAST || e->op == WR_OP_DIV || e->op == WR_OP_MOD));
    return risky ? e : NULL;
}

static const char *file_of(const wr_op *op, uint32_t split) {
    const wri_source *s = &op->task->job->sources[op->node->id];
    wr_split_info info = {0};
    if (s->con->split_info && s->fmt) s->con->split_info(s->src, split - s->first_split, &info);
    return info.name;
}

/* Reasons may begin with a place in the record ("byte 7: …"): takes that off and returns it, else 0. */
static int64_t place_in_record(const char **whyp) {
    const char *c = *whyp;
    int64_t at = 0;
    if (strncmp(c, "byte ", 5) != 0) return 0;
    for (c += 5; *c >= '0' && *c <= '9' && at < INT32_MAX; c++) at = at * 10 + (*c - '0');
    if (c == *whyp + 5 || strncmp(c, ": ", 2) != 0) return 0;
    *whyp = c + 2;
    return at;
}

/* "clicks.jsonl, byte 410: status: 'oops' is no INTEGER …"; what does not fit is cut. */
static void describe(const bad *e, char *out, size_t n) {
    const char *of = e->stmt && e->stmt->stream ? "stream " : "", *name = e->stmt ? e->stmt->name : "a row";
    const char *why = e->why;
    if (e->file && e->pos >= 0) {
        int64_t at = e->pos + place_in_record(&why);
        snprintf(out, n, "%s, byte %lld: %s", e->file, (long long)at, why);
    } else if (e->file) snprintf(out, n, "%s: %s", e->file, e->why);
    else snprintf(out, n, "%s%s: %s", of, name, e->why);
}

static wr_status set_text(wr_batch *b, wr_col *c, uint32_t row, const char *p, size_t n, wr_err *err) {
    if (p) return wr_batch_str(b, p, n, &c->str[row], err);
    c->str[row] = wr_str_make("", 0);
    if (!wr_batch_nulls(b, c)) return wr_fail_oom(err, "an error row");
    wr_bit_set(c->nulls, row);
    return WR_OK;
}

static wr_status set_name(wr_batch *b, wr_col *c, const char *name, wr_err *err) {
    return set_text(b, c, 0, name, name ? strlen(name) : 0, err);
}

static wr_status set_int(wr_batch *b, wr_col *c, uint32_t row, bool null, int64_t v, wr_err *err) {
    c->i64[row] = v;
    if (!null) return WR_OK;
    if (!wr_batch_nulls(b, c)) return wr_fail_oom(err, "an error row");
    wr_bit_set(c->nulls, row);
    return WR_OK;
}

static wr_status set_field(wr_task *t, wr_batch *b, uint32_t c, const char *name, const bad *e, wr_err *err) {
    wr_col *col = &b->cols[c];
    size_t len = e->len < RAW_BYTES_MAX ? e->len : RAW_BYTES_MAX;
    if (!strcasecmp(name, "error_time"))
        return set_int(b, col, 0, false, wr_floor_to(t->job->sys->wall_us(), 1000), err);
    if (!strcasecmp(name, "data_rowtime")) return set_int(b, col, 0, e->ts_us == WR_WM_NONE, e->ts_us, err);
    if (!strcasecmp(name, "position")) return set_int(b, col, 0, e->pos < 0, e->pos, err);
    if (!strcasecmp(name, "error_level")) return set_text(b, col, 0, "ERROR", 5, err);
    if (!strcasecmp(name, "error_name")) return set_text(b, col, 0, e->name, strlen(e->name), err);
    if (!strcasecmp(name, "message")) return set_text(b, col, 0, e->why, strlen(e->why), err);
    if (!strcasecmp(name, "data_row")) return set_text(b, col, 0, e->data, len, err);
    if (!strcasecmp(name, "source")) return set_name(b, col, e->stmt ? e->stmt->name : NULL, err);
    if (!strcasecmp(name, "pump_name")) return set_name(b, col, e->stmt ? e->stmt->pump : NULL, err);
    if (!strcasecmp(name, "file")) return set_name(b, col, e->file, err);
    return col->phys == WR_STR ? set_text(b, col, 0, NULL, 0, err) : set_int(b, col, 0, true, 0, err);
}

static wr_status add_error(wr_task *t, const bad *e, wr_err *err) {
    wri_side *s = errors_side(t);
    if (!s) return WR_OK;
    const wr_schema *out = &s->op->node->out;
    wr_batch *b;
    WR_TRY(wr_batch_new(out->n, 1, &b, err));
    b->n = 1;
    for (uint32_t c = 0; c < out->n; c++) {
        wr_status r = wr_batch_col(b, c, wr_type_phys(out->fields[c].type), err);
        if (r == WR_OK) r = set_field(t, b, c, out->fields[c].name, e, err);
        if (r == WR_OK) continue;
        wr_batch_drop(b);
        return r;
    }
    return side_add(s, b, err);
}

static void tell(wr_job *j, const bad *e) {
    wr_bad_row row = {.name = e->name,
                      .why = e->why,
                      .source = e->stmt ? e->stmt->name : NULL,
                      .file = e->file,
                      .data = e->data,
                      .len = e->len,
                      .pos = e->pos};
    if (j->opts.bad_row) j->opts.bad_row(j->opts.ctx, &row);
}

/* Counts a bad row, remembers the first, and fails the job where on_error = 'fail' asks for it. */
static wr_status report(wr_op *op, const bad *e, wr_err *err) {
    wr_task *t = op->task;
    wr_job *j = t->job;
    if (op->bad_kept) {
        if (op->bad_kept->n++ == 0) describe(e, op->bad_kept->why, sizeof op->bad_kept->why);
        return WR_OK;
    }
    wri_tally(&t->bad_rows, 1);
    wri_tally(&op->bad_rows, 1);
    if (!__atomic_load_n(&j->has_first_bad, __ATOMIC_RELAXED)) {
        pthread_mutex_lock(&j->lock);
        if (!j->has_first_bad) {
            describe(e, j->first_bad, sizeof j->first_bad);
            __atomic_store_n(&j->has_first_bad, true, __ATOMIC_RELAXED);
        }
        pthread_mutex_unlock(&j->lock);
    }
    tell(j, e);
    if (op->node->kind == WR_N_SOURCE && op->node->source.stream->on_error_fail) {
        char text[sizeof j->first_bad];
        describe(e, text, sizeof text);
        return wr_fail(err, WR_EDATA, "%s (on_error = 'fail')", text);
    }
    return add_error(t, e, err);
}

wr_status wri_trouble(wr_op *op, const char *name, const char *why, wr_err *err) {
    bad e = {.name = name,
             .why = why,
             .stmt = wri_stmt_at(op->task->job->plan, op->node->loc),
             .pos = -1,
             .ts_us = WR_WM_NONE};
    return report(op, &e, err);
}

void wri_bad_record(void *ctx, const wr_bad_record *r) {
    wr_op *op = ctx;
    wr_err err = {0};
    const wr_node *n = op->node;
    bool arrives = n->kind == WR_N_SOURCE && n->source.stream->arrival_time;
    bad e = {.name = "bad record",
             .why = r->why,
             .stmt = wri_stmt_at(op->task->job->plan, op->node->loc),
             .file = file_of(op, r->split),
             .data = r->data,
             .len = r->len,
             .pos = r->pos, /* it would have had a time of its own, had it been read */
             .ts_us = arrives ? wr_floor_to(op->task->job->sys->wall_us(), 1000) : WR_WM_NONE};
    if (!op->bad_kept) {
        __atomic_add_fetch(&op->task->job->rows_in, 1, __ATOMIC_RELAXED);
        wri_source_unreadable(op);
    }
    wr_status s = report(op, &e, &err);
    if (s != WR_OK) wri_job_fail(op->task->job, s, &err);
}

/* The row as a JSON line, for data_row. */
static wr_status row_text(const wr_schema *schema, wr_batch *b, uint32_t row, wr_buf *out, wr_err *err) {
    const wr_format_def *json = wr_format_find("json");
    wr_encode_cfg cfg = {.schema = schema}; /* the first columns of b, or all */
    wr_encoder *enc = NULL;
    wr_batch *one = NULL;
    out->len = 0;
    if (!json || !json->open_encoder || b->n_cols < schema->n) return WR_OK;
    wr_status r = wr_batch_gather(b, &row, 1, NULL, 0, &one, err);
    if (r == WR_OK) one->n_cols = schema->n;
    if (r == WR_OK) r = json->open_encoder(&cfg, &enc, err);
    if (r == WR_OK) r = json->encode(enc, one, out, err);
    if (enc) json->close_encoder(enc);
    wr_batch_drop(one);
    while (out->len && out->data[out->len - 1] == '\n') out->len--;
    return r;
}

typedef struct bad_rows {
    const uint32_t *rows;
    const char *const *whys; /* NULL: why, for all */
    const char *why;
    uint32_t n;
    const uint32_t *culprits; /* NULL, or the expression that failed, among */
    wr_expr *const *exprs;
} bad_rows;

static wr_loc place_of(const wr_op *op, const bad_rows *r, uint32_t i) {
    if (!r->culprits) return op->node->loc;
    const wr_expr *e = r->exprs[r->culprits[i]], *s = suspect(e);
    return s ? s->loc : e->loc;
}

static wr_status report_rows(wr_op *op, const wr_batch *b, const bad_rows *these, wr_err *err) {
    const wr_node *node = op->node;
    bool own = node->kind == WR_N_SOURCE || node->n_in == 0;
    bool pairs = node->n_in == 2 && node->kind >= WR_N_JOIN_WINDOW && node->kind <= WR_N_JOIN_TABLE;
    const wr_schema *schema = own ? &node->out : pairs ? &node->join.pair : &node->in[0]->out;
    const wr_node *of = own || pairs ? node : node->in[0];
    uint32_t tc = of->time_col;
    if (tc == WR_NO_COL && of->kind == WR_N_SOURCE) tc = of->source.told_time - 1; /* 0: WR_NO_COL again */
    wr_schema shown = *schema; /* arrival time is no part of a record */
    shown.n -= of->kind == WR_N_SOURCE && of->source.stream->arrival_time && tc + 1 == schema->n;
    bool want = errors_side(op->task) != NULL || op->task->job->opts.bad_row != NULL;
    wr_buf text = {0};
    wr_status r = WR_OK;
    for (uint32_t i = 0; i < these->n && r == WR_OK; i++) {
        uint32_t row = these->rows[i];
        bad e = {.name = "bad row",
                 .why = these->whys ? these->whys[i] : these->why,
                 .stmt = wri_stmt_at(op->task->job->plan, place_of(op, these, i)),
                 .file = node->kind == WR_N_SOURCE ? file_of(op, b->split) : NULL,
                 .pos = -1, /* rows of a batch have an order, not places of their own */
                 .ts_us = WR_WM_NONE};
        if (tc < b->n_cols && b->cols[tc].phys == WR_I64 && b->cols[tc].data &&
            !wr_is_null(&b->cols[tc], row))
            e.ts_us = b->cols[tc].i64[row];
        if (want) r = row_text(&shown, (wr_batch *)b, row, &text, err);
        e.data = text.data;
        e.len = text.len;
        if (r == WR_OK) r = report(op, &e, err);
    }
    wr_buf_free(&text);
    return r;
}

wr_status wr_task_bad_rows(wr_op *op, const wr_batch *b, const uint32_t *rows, const char *const *whys,
                           const char *why, uint32_t n, wr_err *err) {
    return report_rows(op, b, &(bad_rows){.rows = rows, .whys = whys, .why = why, .n = n}, err);
}

wr_status wr_task_bad_exprs(wr_op *op, const wr_batch *b, const wr_row_errors *errs, wr_expr *const *exprs,
                            wr_err *err) {
    bad_rows these = {
        .rows = errs->rows, .whys = errs->whys, .n = errs->n, .culprits = errs->culprits, .exprs = exprs};
    return report_rows(op, b, &these, err);
}

/* ---- late rows ---- */

static wr_status late_batch(const wr_late *late, const wr_batch *b, const uint32_t *rows, uint32_t n,
                            wr_batch **outp, wr_err *err) {
    const wr_schema *out = &late->to->out;
    wr_batch *picked;
    WR_TRY(wr_batch_gather((wr_batch *)b, rows, n, NULL, 0, &picked, err));
    picked->wm = NULL; /* in their own stream they are not late */
    wr_status r = wr_batch_share(picked, late->cols, out->n, outp, err);
    for (uint32_t c = 0; c < out->n && r == WR_OK; c++) {
        if (late->cols[c] != WR_NO_COL) continue;
        wr_col *col = &(*outp)->cols[c];
        r = wr_batch_col(*outp, c, wr_type_phys(out->fields[c].type), err);
        if (r != WR_OK) break;
        memset(col->data, 0, (size_t)n * (col->phys == WR_STR ? sizeof(wr_str) : 8));
        if (!wr_batch_nulls(*outp, col)) r = wr_fail_oom(err, "late rows");
        else memset(col->nulls, 0xff, wr_bitmap_words(n) * sizeof(uint64_t));
    }
    wr_batch_drop(picked);
    if (r != WR_OK) {
        wr_batch_drop(*outp);
        *outp = NULL;
    }
    return r;
}

wr_status wr_task_late_rows(wr_op *op, uint32_t port, const wr_batch *b, const uint32_t *rows, uint32_t n,
                            wr_err *err) {
    wri_tally(&op->late_rows, n);
    wri_tally(&op->task->late_rows, n);
    const wr_late *late = op->node->late ? &op->node->late[port] : NULL;
    wri_side *s = late && late->to ? side_of(op->task, late->to) : NULL;
    if (!s || n == 0) return WR_OK;
    wr_batch *out = NULL;
    WR_TRY(late_batch(late, b, rows, n, &out, err));
    return side_add(s, out, err);
}

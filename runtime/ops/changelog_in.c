/* runtime/ops/changelog_in.c -- records that tell of changes, to rows with their kinds: what changelog.c
 * writes.
 *
 *   OP, UPSERT  op, columns…       a record is a row; op names its kind
 *   DEBEZIUM    op, before, after  rows as JSON text; or all three in `payload`
 *
 * Kinds go by several names: +I -U +U -D, I U D, c r u d, and words. A record of Debezium's form is one
 * change or, for an update, two; the rows of a whole batch are put one behind the other as lines and decoded
 * at once. A record whose op or row cannot be read goes to error_stream, whole. Halves of an update that are
 * not neighbours become a delete and an insert. */
#include "change_rows.h"
#include "changelog_lines.h"
#include "ops.h"

enum { BAD = WR_DELETE + 1, NOTHING }; /* beside wr_change: no such kind; a record that changes nothing */
enum { OP, BEFORE, AFTER, PAYLOAD };   /* input columns of Debezium's form */

typedef struct image { /* one of an envelope's rows */
    uint32_t envelope, line;
    uint8_t kind;
} image;

typedef struct changelog_in {
    wri_lines envelopes, images; /* what is in `payload`; before and after */
    uint32_t *idx, *bad;         /* scratch: rows of the input */
    const char **whys;           /* of bad */
    uint8_t *kinds;
    size_t cap;
    image *list; /* of a batch, in order */
    size_t n_list, list_cap;
    wri_change_rows out;
} changelog_in;

static wr_status changelog_open(wr_op *op, wr_err *err) {
    static const wr_field parts[] = {{.name = "op", .type = {.kind = WR_T_VARCHAR}},
                                     {.name = "before", .type = {.kind = WR_T_JSON}},
                                     {.name = "after", .type = {.kind = WR_T_JSON}}};
    static const wr_schema envelope = {.n = 3, .fields = (wr_field *)parts};
    changelog_in *s = op->state = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a changelog");
    const wr_plan_stream *st = op->node->changelog.stream;
    if (st->changelog != WR_CL_DEBEZIUM) return WR_OK;
    uint32_t rows = wr_task_batch_rows(op->task);
    WR_TRY(wri_lines_open(&s->envelopes, &envelope, NULL, 0, rows, err));
    return wri_lines_open(&s->images, &op->node->out, st->options, st->n_options, rows, err);
}

static void changelog_close(wr_op *op) {
    changelog_in *s = op->state;
    if (!s) return;
    wri_lines_close(&s->envelopes);
    wri_lines_close(&s->images);
    wr_free(s->idx);
    wr_free(s->bad);
    wr_free(s->whys);
    wr_free(s->kinds);
    wr_free(s->list);
    wr_free(s->out.items);
    wr_free(s);
}

static wr_status scratch(changelog_in *s, size_t n, wr_err *err) {
    if (n <= s->cap) return WR_OK;
    uint32_t *idx = wr_reallocn(s->idx, n, sizeof *idx);
    if (idx) s->idx = idx;
    uint32_t *bad = wr_reallocn(s->bad, n, sizeof *bad);
    if (bad) s->bad = bad;
    const char **whys = wr_reallocn(s->whys, n, sizeof *whys);
    if (whys) s->whys = whys;
    uint8_t *kinds = wr_reallocn(s->kinds, n, sizeof *kinds);
    if (kinds) s->kinds = kinds;
    if (!idx || !bad || !whys || !kinds) return wr_fail_oom(err, "a changelog");
    s->cap = n;
    return WR_OK;
}

/* ---- kinds ---- */

static uint8_t kind_of(const wr_str *s) {
    static const struct {
        const char *name;
        uint8_t kind;
    } names[] = {{"+I", WR_INSERT},
                 {"-U", WR_UPDATE_BEFORE},
                 {"+U", WR_UPDATE_AFTER},
                 {"-D", WR_DELETE},
                 {"c", WR_INSERT},
                 {"r", WR_INSERT},
                 {"u", WR_UPDATE_AFTER},
                 {"d", WR_DELETE},
                 {"i", WR_INSERT},
                 {"insert", WR_INSERT},
                 {"update", WR_UPDATE_AFTER},
                 {"delete", WR_DELETE},
                 {"update_before", WR_UPDATE_BEFORE},
                 {"update_after", WR_UPDATE_AFTER},
                 {"m", NOTHING}}; /* a message in a database's log */
    const char *p = wr_str_data(s);
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (strlen(names[i].name) == s->len && strncasecmp(names[i].name, p, s->len) == 0)
            return names[i].kind;
    return BAD;
}

/* Halves of updates that have lost the other one. */
static void mend(uint8_t *kinds, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        bool pair = kinds[i] == WR_UPDATE_BEFORE && i + 1 < n && kinds[i + 1] == WR_UPDATE_AFTER;
        if (pair) i++;
        else kinds[i] = (uint8_t)wr_lone_change((wr_change)kinds[i]);
    }
}

/* ---- by a column ---- */

static wr_status push_rows(wr_op *op, changelog_in *s, wr_batch *b, wr_err *err) {
    const wr_node *n = op->node;
    const uint32_t *cols = n->changelog.cols;
    const wr_col *ops = &b->cols[cols[OP]];
    uint32_t n_good = 0, n_bad = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        uint8_t kind = !wr_is_null(ops, i) ? kind_of(&ops->str[i]) : n->changelog.by_key ? WR_INSERT : BAD;
        if (kind == NOTHING) continue;
        if (kind == BAD) s->bad[n_bad++] = i;
        if (kind == BAD) continue;
        s->kinds[n_good] = kind;
        s->idx[n_good++] = i;
    }
    if (n_bad)
        WR_TRY(wr_task_bad_rows(op, b, s->bad, NULL, "op is none of +I, -U, +U, -D, nor c, r, u, d", n_bad,
                                err));
    if (n_good == 0) return WR_OK;
    wr_batch *out;
    if (n_good == b->n) WR_TRY(wr_batch_share(b, cols + 1, n->out.n, &out, err));
    else WR_TRY(wr_batch_gather(b, s->idx, n_good, cols + 1, n->out.n, &out, err));
    mend(s->kinds, n_good);
    out->change = wr_arena_alloc(&out->arena, n_good);
    if (out->change) memcpy(out->change, s->kinds, n_good);
    wr_status r = out->change ? wr_emit(op, out, err) : wr_fail_oom(err, "the kinds of changes");
    wr_batch_drop(out);
    return r;
}

/* ---- Debezium's form ---- */

typedef struct envelope {
    const wr_str *part[3]; /* OP, BEFORE, AFTER; NULL: not there */
    const char *why;       /* it cannot be read */
} envelope;

static const wr_str *text_at(const wr_batch *b, uint32_t col, uint32_t i) {
    const wr_col *c = &b->cols[col];
    bool null = wr_is_null(c, i) || (c->str[i].len == 4 && memcmp(wr_str_data(&c->str[i]), "null", 4) == 0);
    return null ? NULL : &c->str[i];
}

/* Text that is no object would not be one line, one row. */
static bool is_object(const wr_str *text) {
    const char *p = wr_str_data(text), *end = p + text->len;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) p++;
    return p < end && *p == '{';
}

/* The envelope of row i; *payloadp counts those in `payload`. */
static envelope envelope_of(const wr_op *op, const changelog_in *s, const wr_batch *b, uint32_t i,
                            uint32_t *payloadp) {
    envelope e = {0};
    const uint32_t *cols = op->node->changelog.cols;
    const wr_str *payload = text_at(b, cols[PAYLOAD], i);
    if (!payload) {
        for (uint32_t k = 0; k < 3; k++) e.part[k] = text_at(b, cols[k], i);
        return e;
    }
    if (!is_object(payload)) {
        e.why = "'payload' is no object";
        return e;
    }
    uint32_t line = (*payloadp)++, row;
    e.why = s->envelopes.why[line];
    if (e.why) return e;
    const wr_batch *from = wri_lines_row(&s->envelopes, line, &row);
    for (uint32_t k = 0; k < 3; k++) e.part[k] = text_at(from, k, row);
    return e;
}

static wr_status add_image(changelog_in *s, uint32_t row, const wr_str *text, uint8_t kind, wr_err *err) {
    if (wr_grow(&s->list, &s->list_cap, s->n_list + 1, sizeof *s->list) != WR_OK)
        return wr_fail_oom(err, "a changelog");
    s->list[s->n_list++] = (image){row, (uint32_t)s->images.n, kind};
    return wri_lines_add(&s->images, text, err);
}

/* The rows of an envelope; *whyp: why it is none. */
static wr_status add_images(const wr_op *op, changelog_in *s, const envelope *e, uint32_t row,
                            const char **whyp, wr_err *err) {
    *whyp = e->why;
    if (e->why) return WR_OK;
    const wr_str *before = e->part[BEFORE], *after = e->part[AFTER];
    uint8_t kind = e->part[OP] ? kind_of(e->part[OP]) : !before && !after ? NOTHING : BAD;
    bool by_key = op->node->changelog.by_key;
    if (kind == NOTHING) return WR_OK;
    if (kind == BAD || kind == WR_UPDATE_BEFORE) *whyp = "op is none of c, r, u, d";
    else if ((before && !is_object(before)) || (after && !is_object(after)))
        *whyp = "'before' and 'after' must be objects or null";
    else if (kind == WR_DELETE ? !before : !after)
        *whyp = kind == WR_DELETE ? "op is a delete, but there is no 'before'" : "there is no 'after'";
    else if (kind == WR_UPDATE_AFTER && !before && !by_key)
        *whyp = "op is an update, but there is no 'before': declare a PRIMARY KEY, or have the whole old row "
                "written";
    if (*whyp) return WR_OK;
    if (kind == WR_DELETE) return add_image(s, row, before, kind, err);
    if (kind == WR_UPDATE_AFTER && before) WR_TRY(add_image(s, row, before, WR_UPDATE_BEFORE, err));
    else kind = WR_INSERT;
    return add_image(s, row, after, kind, err);
}

static wr_status emit_images(wr_op *op, changelog_in *s, wr_err *err) {
    for (size_t i = 0; i < s->n_list; i++) {
        uint32_t row;
        if (s->whys[s->list[i].envelope]) continue;
        wr_batch *from = wri_lines_row(&s->images, s->list[i].line, &row);
        WR_TRY(wri_change_add(&s->out, from, row, (wr_change)s->list[i].kind, err));
    }
    return wri_change_emit(&s->out, op, false, err);
}

/* A record is bad as a whole. whys: per row of b. */
static wr_status report(wr_op *op, changelog_in *s, wr_batch *b, wr_err *err) {
    uint32_t n = 0;
    for (size_t i = 0; i < s->n_list; i++)
        if (s->images.why[s->list[i].line]) s->whys[s->list[i].envelope] = s->images.why[s->list[i].line];
    WR_TRY(emit_images(op, s, err));
    for (uint32_t i = 0; i < b->n; i++)
        if (s->whys[i]) s->bad[n] = i, s->whys[n++] = s->whys[i];
    return n ? wr_task_bad_rows(op, b, s->bad, s->whys, NULL, n, err) : WR_OK;
}

static wr_status push_envelopes(wr_op *op, changelog_in *s, wr_batch *b, wr_err *err) {
    uint32_t payload = op->node->changelog.cols[PAYLOAD], n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const wr_str *text = text_at(b, payload, i);
        if (text && is_object(text)) WR_TRY(wri_lines_add(&s->envelopes, text, err));
    }
    WR_TRY(wri_lines_decode(&s->envelopes, err));
    s->n_list = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        envelope e = envelope_of(op, s, b, i, &n);
        WR_TRY(add_images(op, s, &e, i, &s->whys[i], err));
    }
    WR_TRY(wri_lines_decode(&s->images, err));
    return report(op, s, b, err);
}

static wr_status changelog_push(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    (void)port;
    changelog_in *s = op->state;
    if (b->n == 0) return WR_OK;
    WR_TRY(scratch(s, b->n, err));
    if (op->node->changelog.stream->changelog != WR_CL_DEBEZIUM) return push_rows(op, s, b, err);
    wr_status r = push_envelopes(op, s, b, err);
    wri_lines_reset(&s->envelopes);
    wri_lines_reset(&s->images);
    return r;
}

const wr_op_def wri_op_changelog_in = {
    .name = "changelog", .open = changelog_open, .push = changelog_push, .close = changelog_close};

/* runtime/changelog.c -- changes as rows that any format can write.
 *
 *   OP        op, columns…           a row each: +I, -U, +U, -D
 *   UPSERT    op, columns…           the same, but of an update only the row after it, unless the key changed
 *            for tables           the rows of UPSERT as they are, with what they do (wr_batch.change)
 *   DEBEZIUM  before, after, op      an update is one row; before and after are JSON objects or null
 *
 * One per worker and sink. */
#include "job_int.h"
#include "ops/change_rows.h"

struct wri_changelog {
    const wr_node *node;
    wr_changelog form;
    bool in_table;
    uint32_t *share; /* OP, UPSERT: columns of the result, the first of them new */
    uint32_t *idx;   /* scratch: rows that go out */
    uint8_t *kinds;  /* of those */
    size_t cap;
    const wr_format_def *json; /* DEBEZIUM */
    wr_encoder *enc;
    wr_buf text;
    size_t *lines; /* where each row's text begins, and the end */
    size_t lines_cap;
};

static const wr_field op_field = {.name = "op", .type = {.kind = WR_T_VARCHAR, .not_null = true}};

/* The connector carries changes out: rows say themselves what they do. */
static bool in_table(const wr_node *n) {
    const wr_connector_def *con = n->sink.stream ? wr_connector_find(n->sink.stream->connector) : NULL;
    return con && con->with.upserts;
}

wr_status wri_changelog_schema(const wr_node *n, wr_schema *outp, wr_field **ownedp, wr_err *err) {
    *ownedp = NULL;
    *outp = n->out;
    if (n->sink.changelog == WR_CL_NONE || n->sink.changelog == WR_CL_AUTO || in_table(n)) return WR_OK;
    wr_field *f = *ownedp = wr_calloc(n->out.n + 3, sizeof *f);
    if (!f) return wr_fail_oom(err, "a sink");
    *outp = (wr_schema){.n = n->out.n + 1, .fields = f};
    if (n->sink.changelog != WR_CL_DEBEZIUM) {
        f[0] = op_field;
        if (n->out.n) memcpy(f + 1, n->out.fields, n->out.n * sizeof *f);
        return WR_OK;
    }
    outp->n = 3;
    f[0] = (wr_field){.name = "before", .type = wr_type_of(WR_T_JSON)};
    f[1] = (wr_field){.name = "after", .type = wr_type_of(WR_T_JSON)};
    f[2] = op_field;
    return WR_OK;
}

wr_status wri_changelog_new(const wr_node *n, const wri_sink *s, wri_changelog **outp, wr_err *err) {
    *outp = NULL;
    if (n->sink.changelog == WR_CL_NONE || n->sink.changelog == WR_CL_AUTO) return WR_OK;
    wri_changelog *l = *outp = wr_calloc(1, sizeof *l);
    if (!l) return wr_fail_oom(err, "a sink");
    l->node = n;
    l->form = n->sink.changelog;
    l->in_table = in_table(n);
    l->share = wr_calloc(n->out.n + 1, sizeof *l->share);
    if (!l->share) return wr_fail_oom(err, "a sink");
    l->share[0] = UINT32_MAX;
    for (uint32_t i = 0; i < n->out.n; i++) l->share[i + 1] = i;
    if (l->form != WR_CL_DEBEZIUM) return WR_OK;
    l->json = wr_format_find("json");
    wr_encode_cfg cfg = {.schema = &n->out, .options = s->options, .n_options = s->n_options};
    return l->json->open_encoder(&cfg, &l->enc, err);
}

void wri_changelog_free(wri_changelog *l) {
    if (!l) return;
    if (l->enc) l->json->close_encoder(l->enc);
    wr_buf_free(&l->text);
    wr_free(l->share);
    wr_free(l->idx);
    wr_free(l->kinds);
    wr_free(l->lines);
    wr_free(l);
}

/* ---- by a column ---- */

static bool same_key(const wri_changelog *l, const wr_batch *b, uint32_t i, uint32_t j) {
    for (uint32_t k = 0; k < l->node->sink.n_key; k++) {
        const wr_col *c = &b->cols[l->node->sink.key[k]];
        if (!wri_same_value(c, i, c, j)) return false;
    }
    return true;
}

/* Which rows go out, and as what; how many. */
static uint32_t choose(const wri_changelog *l, const wr_batch *b) {
    uint32_t n = 0;
    bool moved = false; /* an update gives its row another key: another row stands */
    for (uint32_t i = 0; i < b->n; i++) {
        wr_change c = wr_change_of(b, i);
        if (l->form == WR_CL_UPSERT && c == WR_UPDATE_BEFORE) {
            /* its update-after is the next row */
            moved = i + 1 >= b->n || !same_key(l, b, i, i + 1);
            if (!moved) continue;
            c = WR_DELETE;
        } else if (moved) {
            c = wr_lone_change(c);
            moved = false;
        }
        l->idx[n] = i;
        l->kinds[n++] = (uint8_t)c;
    }
    return n;
}

static wr_status fill_op(const wri_changelog *l, wr_batch *out, uint32_t c, const char *const *names,
                         wr_err *err) {
    WR_TRY(wr_batch_col(out, c, WR_STR, err));
    for (uint32_t i = 0; i < out->n; i++) {
        const char *name = names[l->kinds[i]];
        out->cols[c].str[i] = wr_str_make(name, strlen(name));
    }
    return WR_OK;
}

static wr_status by_column(wri_changelog *l, wr_batch *b, wr_batch **outp, wr_err *err) {
    static const char *const names[] = {
        [WR_INSERT] = "+I", [WR_UPDATE_BEFORE] = "-U", [WR_UPDATE_AFTER] = "+U", [WR_DELETE] = "-D"};
    wr_batch *rows = b;
    uint32_t n = choose(l, b);
    if (n < b->n) WR_TRY(wr_batch_gather(b, l->idx, n, NULL, 0, &rows, err));
    if (l->in_table) {
        *outp = rows == b ? wr_batch_hold(b) : rows;
        return WR_OK;
    }
    wr_status s = wr_batch_share(rows, l->share, b->n_cols + 1, outp, err);
    if (s == WR_OK) s = fill_op(l, *outp, 0, names, err);
    if (rows != b) wr_batch_drop(rows);
    if (s != WR_OK) {
        wr_batch_drop(*outp);
        *outp = NULL;
    }
    return s;
}

/* ---- Debezium's form ---- */

/* Each row of b as JSON, one behind the other in l->text; row i is at lines[i], without its line end. */
static wr_status as_json(wri_changelog *l, const wr_batch *b, wr_err *err) {
    l->text.len = 0;
    WR_TRY(l->json->encode(l->enc, b, &l->text, err));
    if (wr_grow(&l->lines, &l->lines_cap, (size_t)b->n + 1, sizeof *l->lines) != WR_OK)
        return wr_fail_oom(err, "a sink");
    size_t at = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        l->lines[i] = at;
        const char *end = memchr(l->text.data + at, '\n', l->text.len - at);
        if (!end) return wr_fail(err, WR_EINTERNAL, "a row as JSON is no line");
        at = (size_t)(end - l->text.data) + 1;
    }
    l->lines[b->n] = at;
    return WR_OK;
}

/* Value i of column c: the text of row `row`, or null. */
static wr_status put_row(const wri_changelog *l, wr_batch *out, uint32_t c, uint32_t i, uint32_t row,
                         wr_err *err) {
    wr_col *col = &out->cols[c];
    if (row != UINT32_MAX)
        return wr_batch_str(out, l->text.data + l->lines[row], l->lines[row + 1] - l->lines[row] - 1,
                            &col->str[i], err);
    col->str[i] = wr_str_make("", 0);
    if (!wr_batch_nulls(out, col)) return wr_fail_oom(err, "a sink");
    wr_bit_set(col->nulls, i);
    return WR_OK;
}

static wr_status fill_pairs(wri_changelog *l, const wr_batch *b, wr_batch *out, wr_err *err) {
    static const char *const names[] = {[WR_INSERT] = "c", [WR_UPDATE_AFTER] = "u", [WR_DELETE] = "d"};
    WR_TRY(wr_batch_col(out, 0, WR_STR, err));
    WR_TRY(wr_batch_col(out, 1, WR_STR, err));
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++, n++) {
        wr_change c = wr_change_of(b, i);
        uint32_t before = c == WR_UPDATE_BEFORE || c == WR_DELETE ? i : UINT32_MAX;
        if (c == WR_UPDATE_BEFORE) c = i + 1 < b->n ? (wr_change)b->change[++i] : WR_DELETE;
        WR_TRY(put_row(l, out, 0, n, before, err));
        WR_TRY(put_row(l, out, 1, n, c == WR_DELETE ? UINT32_MAX : i, err));
        l->kinds[n] = (uint8_t)c;
    }
    out->n = n;
    return fill_op(l, out, 2, names, err);
}

static wr_status by_pairs(wri_changelog *l, const wr_batch *b, wr_batch **outp, wr_err *err) {
    WR_TRY(as_json(l, b, err));
    WR_TRY(wr_batch_new(3, b->n, outp, err));
    wr_status s = fill_pairs(l, b, *outp, err);
    if (s == WR_OK) return WR_OK;
    wr_batch_drop(*outp);
    *outp = NULL;
    return s;
}

wr_status wri_changelog_rows(wri_changelog *l, wr_batch *b, wr_batch **outp, wr_err *err) {
    *outp = NULL;
    if (b->n > l->cap) {
        uint32_t *idx = wr_reallocn(l->idx, b->n, sizeof *idx);
        if (idx) l->idx = idx;
        uint8_t *kinds = wr_reallocn(l->kinds, b->n, sizeof *kinds);
        if (kinds) l->kinds = kinds;
        if (!idx || !kinds) return wr_fail_oom(err, "a sink");
        l->cap = b->n;
    }
    return l->form == WR_CL_DEBEZIUM ? by_pairs(l, b, outp, err) : by_column(l, b, outp, err);
}

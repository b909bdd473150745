/* planner/nodes/source.c -- a SOURCE decodes only what is read, and computes no more. */
#include "nodes.h"

typedef struct source_use { /* per column of a SOURCE: who reads it */
    bool *feeds;            /* a computed column or the watermark */
} source_use;
static void feeds_col(void *ctx, uint32_t col) { ((source_use *)ctx)->feeds[col] = true; }

bool wr_simple_watermark(const wr_expr *e, uint32_t *colp, int64_t *delayp) {
    if (e->kind == WR_X_COL) {
        *colp = e->col;
        *delayp = 0;
        return true;
    }
    if (e->kind != WR_X_OP || e->op != WR_OP_SUB || e->args[0]->kind != WR_X_COL ||
        e->args[1]->kind != WR_X_CONST || e->args[1]->value.null || e->args[1]->value.i64 < 0 ||
        e->args[1]->value.i64 > WR_TS_MAX)
        return false;
    *colp = e->args[0]->col;
    *delayp = e->args[1]->value.i64;
    return true;
}

/* New order: decoded columns that go on, decoded ones that do not, computed ones that go on, then the one
 * that only feeds the watermark. Returns the number of columns; x->map is filled. */
static uint32_t source_order(wr_node *n, const bool *feeds) {
    wri_xnode *x = wri_x(n);
    uint32_t old_cols = n->source.n_cols, to = 0, visible = 0;
    for (uint32_t i = 0; i < n->out.n; i++) x->map[i] = WR_NO_COL;
    for (uint32_t i = 0; i < old_cols; i++)
        if (x->need[i]) x->map[i] = to++;
    visible = to;
    for (uint32_t i = 0; i < old_cols; i++)
        if (!x->need[i] && feeds[i]) x->map[i] = to++;
    n->source.n_cols = to;
    for (uint32_t i = old_cols; i < n->out.n; i++)
        if (x->need[i]) visible = (x->map[i] = to++) + 1;
    for (uint32_t i = old_cols; i < n->out.n; i++)
        if (!x->need[i] && feeds[i]) x->map[i] = to++;
    n->source.n_visible = visible;
    return to;
}

static bool source_rebuild(wri_ctx *c, wr_node *n) {
    wri_xnode *x = wri_x(n);
    uint32_t old_n = n->out.n, old_cols = n->source.n_cols;
    source_use use = {.feeds = wri_new_n(c, old_n, sizeof(bool))};
    if (!use.feeds) return false;
    if (!x->need_wm) n->source.wm = NULL;
    if (n->source.wm) wri_expr_cols(n->source.wm, feeds_col, &use);
    for (uint32_t i = old_cols; i < old_n; i++)
        if (x->need[i] || use.feeds[i]) wri_expr_cols(n->source.computed[i - old_cols], feeds_col, &use);
    uint32_t width = source_order(n, use.feeds);
    wr_field *fields = wri_new_n(c, width, sizeof *fields);
    uint32_t *cols = wri_new_n(c, n->source.n_cols, sizeof *cols);
    bool *dict = wri_new_n(c, n->source.n_cols, sizeof *dict);
    wr_expr **computed = wri_new_n(c, width - n->source.n_cols, sizeof *computed);
    if (c->oom) return false;
    for (uint32_t i = old_cols; i < old_n; i++) { /* first, because it marks columns for dictionaries */
        if (x->map[i] == WR_NO_COL) continue;
        wr_expr *e = n->source.computed[i - old_cols];
        wri_need_computed(n, e, x->dict[i]);
        computed[x->map[i] - n->source.n_cols] = wri_moved(c, e, x->map);
    }
    for (uint32_t i = 0; i < old_n; i++) {
        uint32_t to = x->map[i];
        if (to == WR_NO_COL) continue;
        fields[to] = n->out.fields[i];
        if (i >= old_cols) continue;
        cols[to] = n->source.cols[i];
        dict[to] = x->dict[i] && fields[to].type.kind == WR_T_VARCHAR;
    }
    if (n->source.wm) n->source.wm = wri_moved(c, n->source.wm, x->map);
    n->source.cols = cols;
    n->source.want_dict = dict;
    n->source.computed = computed;
    n->source.n_computed = width - n->source.n_cols;
    n->out = (wr_schema){.n = width, .fields = fields};
    return !c->oom;
}

static void source_explain(wri_ex *x, const wr_node *n) {
    const wr_plan_stream *s = n->source.stream;
    WRI_PUT(x, "%s (", s->name);
    wri_tell_options(x, s);
    WRI_PUT(x, n->source.lookup ? ") asked by key for " : ") decodes ");
    for (uint32_t i = 0; i < n->source.n_cols; i++) {
        const wr_field *f = &n->out.fields[i];
        WRI_PUT(x, "%s%s ", i ? ", " : "", f->name);
        wri_tell_type(x, f->type);
        if (f->path) WRI_PUT(x, " FROM '%s'", f->path);
        if (n->source.cols[i] == WR_NO_COL) WRI_PUT(x, " (arrival time)");
        else if (wr_col_is_made(n->source.cols[i])) WRI_PUT(x, " (metadata)");
        if (n->source.want_dict[i]) WRI_PUT(x, " (dictionary)");
    }
    if (n->source.n_cols == 0) WRI_PUT(x, "nothing");
    for (uint32_t i = 0; i < n->source.n_computed; i++) {
        WRI_PUT(x, "; computes %s = ", n->out.fields[n->source.n_cols + i].name);
        wri_tell_expr(x, n->source.computed[i], &n->out);
        wri_tell_runs_on(x, n->source.computed[i], &n->out);
    }
    if (n->source.wm) {
        WRI_PUT(x, "; watermark ");
        wri_tell_expr(x, n->source.wm, &n->out);
        if (s->arrival_time && s->idle_advance) WRI_PUT(x, ", when quiet the wall clock");
        else if (s->idle_timeout_us)
            WRI_PUT(x, ", idle after %s%s", wri_duration(&x->ar, s->idle_timeout_us),
                    s->idle_advance ? ", then on with the wall clock" : "");
    }
    if (n->source.n_visible < n->out.n) {
        WRI_PUT(x, "; passes on ");
        for (uint32_t i = 0; i < n->source.n_visible; i++)
            WRI_PUT(x, "%s%s", i ? ", " : "", n->out.fields[i].name);
        if (n->source.n_visible == 0) WRI_PUT(x, "no column");
    }
    if (s->on_error_fail) WRI_PUT(x, "; fails on a bad record");
}

static bool source_need(wri_ctx *c, wr_node *n) {
    (void)c;
    (void)n;
    return true;
}

/* How records are read may change, and when an event counts as late: positions stay what they are. */
static void source_same(wri_same *x, const wr_node *n) {
    wri_id_put(x, "%d ", n->source.lookup);
    wri_id_place(x, n->source.stream);
}

static uint64_t decoded_col(wri_same *x, const wr_node *n, uint32_t i) {
    const wr_field *f = &n->out.fields[i];
    char type[WR_TEXT_MAX];
    uint64_t h = wri_id_of(x, "column", wri_id_rows(x, n), wr_hash_bytes(f->name, strlen(f->name)));
    if (f->path) h = wri_id_of(x, "path", h, wr_hash_bytes(f->path, strlen(f->path)));
    wr_type_print(f->type, type, sizeof type);
    return wri_id_of(x, n->source.cols[i] == WR_NO_COL ? "arrival" : "type", h,
                     wr_hash_bytes(type, strlen(type)));
}

static uint64_t source_col(wri_same *x, const wr_node *n, uint32_t i) {
    uint32_t n_cols = n->source.n_cols;
    if (i < n_cols) return decoded_col(x, n, i);
    return wri_id_computed(x, n->source.computed[i - n_cols], wri_id_of_cols(x, n));
}

static void source_label(wri_ex *x, const wr_node *n) {
    wri_label_stream(x, n->source.stream, "position in");
}

const wri_node_def wri_node_source = {.name = "SOURCE",
                                      .need = source_need,
                                      .rebuild = source_rebuild,
                                      .explain = source_explain,
                                      .same = source_same,
                                      .same_col = source_col,
                                      .same_place = true,
                                      .label = source_label};

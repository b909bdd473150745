/* planner/nodes/changelog.c -- a CHANGELOG turns records that tell of changes into rows with their kinds; an
 * UPSERT keeps the last row of each key, so that it can say what a new one replaces. */
#include "nodes.h"

static bool in_images(const wr_node *n) { return n->changelog.stream->changelog == WR_CL_DEBEZIUM; }

static bool changelog_need(wri_ctx *c, wr_node *n) {
    (void)c;
    wr_node *in = n->in[0];
    if (in_images(n)) {
        wri_need_all(in);
        return true;
    }
    wri_need(in, n->changelog.cols[0], false);
    for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, in, n->changelog.cols[1 + i]);
    return true;
}

static bool changelog_rebuild(wri_ctx *c, wr_node *n) {
    (void)c;
    const uint32_t *in = wri_x(n->in[0])->map;
    uint32_t *cols = n->changelog.cols, to = 1;
    uint32_t width = in_images(n) ? 4 : 1 + n->out.n;
    for (uint32_t i = 0; i < width; i++)
        if (i == 0 || in_images(n) || wri_x(n)->need[i - 1])
            cols[in_images(n) ? i : i == 0 ? 0 : to++] = in[cols[i]];
    wri_compact_fields(n);
    return true;
}

static void changelog_explain(wri_ex *x, const wr_node *n) {
    if (in_images(n)) WRI_PUT(x, "before, after, op");
    else WRI_PUT(x, "kinds from op");
    if (n->out.n == 0) WRI_PUT(x, "; no column");
    for (uint32_t i = 0; i < n->out.n; i++) WRI_PUT(x, "%s%s", i ? ", " : "; ", n->out.fields[i].name);
}

static void changelog_same(wri_same *x, const wr_node *n) {
    wri_id_put(x, "%d%d ", n->changelog.stream->changelog, n->changelog.by_key);
    wri_id_cols(x, n->in[0], n->changelog.cols, in_images(n) ? 4 : 1);
}

static uint64_t changelog_col(wri_same *x, const wr_node *n, uint32_t i) {
    if (!in_images(n)) return wri_id_of_cols(x, n->in[0])[n->changelog.cols[1 + i]];
    const char *name = n->out.fields[i].name;
    return wri_id_of(x, "image", wri_id_rows(x, n), wr_hash_bytes(name, strlen(name)));
}

const wri_node_def wri_node_changelog = {.name = "CHANGELOG",
                                         .need = changelog_need,
                                         .rebuild = changelog_rebuild,
                                         .explain = changelog_explain,
                                         .same = changelog_same,
                                         .same_col = changelog_col};

static bool upsert_need(wri_ctx *c, wr_node *n) {
    (void)c;
    for (uint32_t i = 0; i < n->out.n; i++) wri_pass(n, i, n->in[0], i);
    for (uint32_t i = 0; i < n->upsert.n_keys; i++) wri_need(n->in[0], n->upsert.keys[i], false);
    return true;
}

static bool upsert_rebuild(wri_ctx *c, wr_node *n) {
    const uint32_t *in = wri_x(n->in[0])->map;
    for (uint32_t i = 0; i < n->upsert.n_keys; i++) n->upsert.keys[i] = in[n->upsert.keys[i]];
    return wri_like_input(c, n, 0);
}

static void upsert_explain(wri_ex *x, const wr_node *n) {
    WRI_PUT(x, "keeps the last row by ");
    wri_tell_cols(x, &n->out, n->upsert.keys, n->upsert.n_keys);
}

static void upsert_same(wri_same *x, const wr_node *n) {
    wri_id_cols(x, n->in[0], n->upsert.keys, n->upsert.n_keys);
}

static void upsert_label(wri_ex *x, const wr_node *n) {
    (void)n;
    WRI_PUT(x, "last row of each key");
}

static const uint32_t *upsert_keys(const wr_node *n, uint32_t *np) {
    *np = n->upsert.n_keys;
    return n->upsert.keys;
}

const wri_node_def wri_node_upsert = {.name = "UPSERT",
                                      .need = upsert_need,
                                      .rebuild = upsert_rebuild,
                                      .explain = upsert_explain,
                                      .same = upsert_same,
                                      .same_col = wri_id_like_input,
                                      .label = upsert_label,
                                      .label_keys = upsert_keys,
                                      .takes_changes = wri_takes_any_change};

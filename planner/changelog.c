/* planner/changelog.c -- streams whose records are changes: changelog = 'op' | 'upsert' | 'debezium', read.
 *
 *   SOURCE: op and the columns, or before, after, op, payload ─► CHANGELOG: rows with their kinds
 *     [PRIMARY KEY, where a record does not say what it replaces ─► EXCHANGE by it ─► UPSERT: the last row of
 *      each key] ─► PROJECT: computed columns
 *
 * The order of records matters, so one worker reads them (source.in_order) and a key's changes stay in order
 * from there on. `op` says what it takes back. Upserts do not; nor do Debezium's records always (what a
 * database tells of the old row is up to its settings), so with a PRIMARY KEY theirs are taken as upserts. */
#include <strings.h>

#include "plan_int.h"

typedef struct reading {
    wri_stream *st;
    wri_stream raw;     /* as the records are */
    uint32_t *physical; /* columns of st that records have */
    uint32_t n;
    bool images; /* Debezium's form: before and after are rows */
    bool by_key; /* by UPSERT */
} reading;

static bool check(wri_ctx *c, reading *r) {
    const wr_plan_stream *def = r->st->def;
    const char *why = NULL, *hint = NULL;
    for (uint32_t i = 0; i < r->n && !r->images; i++)
        if (strcasecmp(def->columns.fields[r->physical[i]].name, "op") == 0) {
            why = "has a column 'op', and the kinds of changes are read from one of that name";
            hint = "give the column another name, and its place in the record by FROM";
        }
    if (def->changelog == WR_CL_UPSERT && def->n_primary_key == 0) {
        why = "changelog = 'upsert' needs a PRIMARY KEY";
        hint = "add PRIMARY KEY (…) to its columns";
    }
    if (!def->format) {
        why = "a changelog is read from records, and its connector makes rows by itself";
        hint = "leave changelog out";
    } else if (r->images && strcasecmp(def->format, "json") != 0) {
        why = "changelog = 'debezium' is read as JSON";
        hint = "use format = 'json', or changelog = 'op'";
    }
    if (def->metadata) {
        why = "records that tell of changes cannot have METADATA columns";
        hint = "leave them out";
    }
    for (uint32_t i = 0; i < def->n_primary_key; i++)
        if (r->st->computed[def->primary_key[i]]) {
            why = "a changelog's PRIMARY KEY cannot hold computed columns";
            hint = "use columns that its records have";
        }
    if (!why && def->rowtime != WR_NO_COL && (r->images || r->st->computed[def->rowtime])) {
        why = "event time of a changelog is a column of its records, and not of Debezium's";
        hint = "leave WATERMARK FOR out: no window reads changes";
    }
    if (why) wri_error(c, def->loc, hint, "stream '%s': %s", def->name, why);
    return !why;
}

/* Columns of the records. What upserts and images leave out of a deleted row is NULL. */
static bool raw_columns(wri_ctx *c, reading *r) {
    static const char *const parts[] = {"op", "before", "after", "payload"};
    const wr_schema *cols = &r->st->def->columns;
    wr_plan_stream *def = wri_new(c, sizeof *def);
    uint32_t n = r->images ? (uint32_t)WR_LEN(parts) : 1 + r->n;
    wr_field *f = wri_new_n(c, n, sizeof *f);
    wr_expr **none = wri_new_n(c, n, sizeof *none);
    if (!def || !f || !none) return false;
    *def = *r->st->def;
    def->columns = (wr_schema){.n = n, .fields = f};
    def->computed = NULL;
    def->arrival_time = false;
    def->rowtime = WR_NO_COL;
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || r->images) {
            f[i] = (wr_field){.name = parts[i], .type = wr_type_of(i == 0 ? WR_T_VARCHAR : WR_T_JSON)};
            continue;
        }
        f[i] = cols->fields[r->physical[i - 1]];
        if (r->by_key) f[i].type.not_null = false;
        if (r->physical[i - 1] == r->st->def->rowtime) def->rowtime = i;
    }
    r->raw = *r->st;
    r->raw.def = def;
    r->raw.computed = none;
    return true;
}

static wr_node *raw_source(wri_ctx *c, reading *r) {
    const wr_plan_stream *def = r->raw.def;
    uint32_t n = def->columns.n, *at = wri_new_n(c, n, sizeof *at);
    uint32_t *moved = wri_new_n(c, r->st->def->columns.n, sizeof *moved);
    if (!at || !moved || !wri_format_fits(c, &r->raw, false)) return NULL;
    for (uint32_t i = 0; i < n; i++) at[i] = i;
    for (uint32_t i = 0; i < r->n; i++) moved[r->physical[i]] = 1 + i;
    if (r->raw.wm && !(r->raw.wm = wri_expr_remap(c->ar, r->raw.wm, moved))) return NULL;
    wr_node *s = wri_node_new(c, WR_N_SOURCE, def->loc, 0, NULL, n);
    if (!s || !wri_fill_source(c, s, &r->raw, at, n)) return NULL;
    s->bounded = def->bounded;
    s->source.in_order = true;
    s->time_col = WR_NO_COL; /* a deleted row may have none; there is a watermark all the same */
    return s;
}

static bool changes_of(wri_ctx *c, const reading *r, wr_node *n) {
    const wr_plan_stream *def = r->st->def;
    static const char *const forms[] = {
        [WR_CL_OP] = "op", [WR_CL_UPSERT] = "upsert", [WR_CL_DEBEZIUM] = "debezium"};
    uint32_t *key = wri_new_n(c, def->n_primary_key, sizeof *key);
    if (!key) return false;
    for (uint32_t k = 0; k < def->n_primary_key; k++)
        for (uint32_t i = 0; i < r->n; i++)
            if (r->physical[i] == def->primary_key[k]) key[k] = i;
    return wri_makes_changes(c, n, wri_text(c, "changelog = '%s'", forms[def->changelog]),
                             def->n_primary_key ? key : NULL, def->n_primary_key);
}

static wr_node *rows_node(wri_ctx *c, const reading *r, wr_node *source) {
    const wr_plan_stream *def = r->st->def;
    wr_node *n = wri_node_new(c, WR_N_CHANGELOG, def->loc, 1, &source, r->n);
    uint32_t width = r->images ? source->out.n : 1 + r->n;
    if (!n || !(n->changelog.cols = wri_new_n(c, width, sizeof(uint32_t)))) return NULL;
    n->changelog.stream = def;
    n->changelog.by_key = r->by_key;
    for (uint32_t i = 0; i < width; i++) n->changelog.cols[i] = i;
    for (uint32_t i = 0; i < r->n; i++) {
        n->out.fields[i] = def->columns.fields[r->physical[i]];
        if (r->by_key) n->out.fields[i].type.not_null = false;
        if (!r->images) n->out.fields[i].path = NULL;
        if (r->physical[i] == def->rowtime) n->time_col = i;
    }
    return changes_of(c, r, n) ? n : NULL;
}

static wr_node *last_of_keys(wri_ctx *c, const reading *r, wr_node *in) {
    wr_node *x = wri_exchange_node(c, in, WR_EX_HASH, in->key, in->n_key, in->loc);
    wr_node *n = x ? wri_node_new(c, WR_N_UPSERT, in->loc, 1, &x, x->out.n) : NULL;
    if (!n) return NULL;
    for (uint32_t i = 0; i < n->out.n; i++) n->out.fields[i] = x->out.fields[i];
    n->time_col = x->time_col;
    n->upsert.n_keys = in->n_key;
    n->upsert.keys = wri_new_n(c, in->n_key, sizeof *n->upsert.keys);
    if (!n->upsert.keys) return NULL;
    memcpy(n->upsert.keys, in->key, in->n_key * sizeof *in->key);
    return changes_of(c, r, n) ? n : NULL;
}

wr_node *wri_changelog_source(wri_ctx *c, wri_stream *st) {
    const wr_schema *cols = &st->def->columns;
    reading r = {.st = st, .images = st->def->changelog == WR_CL_DEBEZIUM};
    r.by_key = st->def->changelog == WR_CL_UPSERT || (r.images && st->def->n_primary_key > 0);
    r.physical = wri_new_n(c, cols->n, sizeof *r.physical);
    uint32_t *at = wri_new_n(c, cols->n, sizeof *at);
    if (!r.physical || !at) return NULL;
    for (uint32_t i = 0; i < cols->n; i++)
        if (!st->computed[i]) r.physical[at[i] = r.n++] = i;
    if (!check(c, &r) || !raw_columns(c, &r)) return NULL;
    wr_node *n = raw_source(c, &r);
    if (n) n = rows_node(c, &r, n);
    if (n && r.by_key) n = last_of_keys(c, &r, n);
    if (!n) return NULL;
    wri_cols out = {0};
    for (uint32_t i = 0; i < cols->n; i++) {
        wr_expr *e =
            st->computed[i] ? wri_expr_remap(c->ar, st->computed[i], at) : wri_col_of(c, n, at[i], n->loc);
        if (!wri_cols_add(c, &out, e, cols->fields[i].name)) return NULL;
    }
    return wri_project_node(c, n, &out, out.n, n->loc);
}

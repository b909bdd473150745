/* connectors/db.c -- tables of a database as sources and lookups; see db.h. */
#include "db.h"

#include <stdio.h>
#include <strings.h>

#define FILL_ROWS WR_BATCH_ROWS

/* ---- rows ---- */

static void drop_all(wr_batches *l) {
    for (size_t i = 0; i < l->n; i++) wr_batch_drop(l->items[i]);
    l->n = 0;
}

static wr_status add(wr_batches *l, wr_batch *b, wr_err *err) { /* takes b */
    if (wr_grow(&l->items, &l->cap, l->n + 1, sizeof(wr_batch *)) != WR_OK) {
        wr_batch_drop(b);
        return wr_fail_oom(err, "a list of batches");
    }
    l->items[l->n++] = b;
    return WR_OK;
}

void wri_fill_reset(wri_fill *f) {
    drop_all(&f->done);
    drop_all(&f->bad);
    wr_batch_drop(f->b);
    f->b = NULL;
}

void wri_fill_free(wri_fill *f) {
    wri_fill_reset(f);
    wr_free(f->done.items);
    wr_free(f->bad.items);
}

wr_status wri_fill_begin(wri_fill *f, wr_err *err) {
    f->is_bad = false;
    if (f->b && f->b->n == f->b->cap) {
        wr_batch *full = f->b;
        f->b = NULL;
        WR_TRY(add(&f->done, full, err));
    }
    if (f->b) return WR_OK;
    wr_batch *b;
    WR_TRY(wr_batch_new(f->schema->n, f->cap, &b, err));
    for (uint32_t c = 0; c < f->schema->n; c++) {
        wr_status s = wr_batch_col(b, c, wr_type_phys(f->schema->fields[c].type), err);
        if (s == WR_OK) continue;
        wr_batch_drop(b);
        return s;
    }
    f->b = b;
    return WR_OK;
}

static void clear_null(wr_col *c, uint32_t row) {
    if (c->nulls) c->nulls[row >> 6] &= ~(UINT64_C(1) << (row & 63));
}

wr_status wri_fill_null(wri_fill *f, uint32_t col, wr_err *err) {
    wr_col *c = &f->b->cols[col];
    uint32_t row = f->b->n;
    if (f->schema->fields[col].type.not_null && !f->is_bad) {
        snprintf(f->why, sizeof f->why, "%.100s: NULL, but the column is NOT NULL",
                 f->schema->fields[col].name);
        f->is_bad = true;
    }
    if (!wr_batch_nulls(f->b, c)) return wr_fail_oom(err, "a NULL bitmap");
    wr_bit_set(c->nulls, row);
    if (c->phys == WR_STR) c->str[row] = wr_str_make("", 0);
    else c->i64[row] = 0;
    return WR_OK;
}

wr_status wri_fill_set(wri_fill *f, uint32_t col, wr_status found, const wr_value *v, const char *p, size_t n,
                       wr_err *err) {
    wr_col *c = &f->b->cols[col];
    uint32_t row = f->b->n;
    if (found == WR_ENOMEM) return wr_fail_oom(err, "a value");
    if (found != WR_OK) {
        if (!f->is_bad) wri_why(f->why, &f->schema->fields[col], f->time, p, n);
        f->is_bad = true;
        return WR_OK;
    }
    if (v->null) return wri_fill_null(f, col, err);
    clear_null(c, row);
    if (c->phys == WR_STR) return wr_batch_str(f->b, wr_str_data(&v->str), v->str.len, &c->str[row], err);
    if (c->phys == WR_F64) c->f64[row] = v->f64;
    else c->i64[row] = v->i64;
    return WR_OK;
}

/* Why and which row, to be told later. */
static wr_status note_bad(wri_fill *f, const wr_buf *row, wr_err *err) {
    wr_batch *b;
    WR_TRY(wr_batch_new(1, 2, &b, err));
    b->n = 2;
    wr_status s = wr_batch_col(b, 0, WR_STR, err);
    if (s == WR_OK) s = wr_batch_str(b, f->why, strlen(f->why) + 1, &b->cols[0].str[0], err);
    if (s == WR_OK) s = wr_batch_str(b, row->data ? row->data : "", row->len, &b->cols[0].str[1], err);
    if (s == WR_OK) return add(&f->bad, b, err);
    wr_batch_drop(b);
    return s;
}

wr_status wri_fill_end(wri_fill *f, const wr_buf *row, wr_err *err) {
    if (f->is_bad) return note_bad(f, row, err);
    f->b->n++;
    return WR_OK;
}

wr_status wri_fill_take(wri_fill *f, wr_batches *out, wr_err *err) {
    if (f->b && f->b->n > 0) {
        wr_batch *last = f->b;
        f->b = NULL;
        WR_TRY(add(&f->done, last, err));
    }
    if (wr_grow(&out->items, &out->cap, out->n + f->done.n, sizeof(wr_batch *)) != WR_OK)
        return wr_fail_oom(err, "a list of batches");
    for (size_t i = 0; i < f->done.n; i++) out->items[out->n++] = f->done.items[i];
    f->done.n = 0;
    return WR_OK;
}

/* ---- the source ---- */

struct wr_source {
    const wri_db_def *def;
    const wr_sys *sys;
    wri_db *db;
    wri_fill fill;
    bool ended;
    size_t bad_at; /* of fill.bad: told already */
    int64_t rows;  /* taken; written atomically, anyone may look */
};

wr_status wri_db_open_source(const wri_db_def *def, const wr_source_cfg *cfg, wr_source **outp, wr_err *err) {
    *outp = NULL;
    wr_source *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a source");
    wri_db_cfg dc = {
        .sys = cfg->sys, .options = cfg->options, .n_options = cfg->n_options, .schema = cfg->schema};
    s->def = def;
    s->sys = cfg->sys;
    wr_status r = def->open(&dc, &s->db, err);
    if (r != WR_OK) {
        wr_free(s);
        return r;
    }
    s->fill = (wri_fill){.schema = cfg->schema, .time = def->time_format(s->db), .cap = FILL_ROWS};
    *outp = s;
    return WR_OK;
}

uint32_t wri_db_n_splits(const wr_source *s) {
    (void)s;
    return 1;
}

void wri_db_close_source(wr_source *s) {
    s->def->close(s->db);
    wri_fill_free(&s->fill);
    wr_free(s);
}

void wri_db_split_info(const wr_source *s, uint32_t split, wr_split_info *out) {
    (void)split;
    out->name = s->def->name;
    out->bytes = -1;
    out->at = __atomic_load_n(&s->rows, __ATOMIC_RELAXED);
}

/* The next row that could not be read, as a chunk; false: none. */
static bool next_bad(wr_source *s, uint32_t split, wr_chunk *out) {
    if (s->bad_at == s->fill.bad.n) {
        drop_all(&s->fill.bad);
        s->bad_at = 0;
        return false;
    }
    wr_batch *b = s->fill.bad.items[s->bad_at];
    s->fill.bad.items[s->bad_at++] = NULL;
    const wr_str *cells = b->cols[0].str;
    *out = (wr_chunk){.split = split,
                      .pos = s->rows,
                      .bad = true,
                      .why = wr_str_data(&cells[0]),
                      .data = wr_str_data(&cells[1]),
                      .len = cells[1].len,
                      .hold = &b->ref};
    return true;
}

wr_status wri_db_next(wr_source *s, uint32_t split, wr_chunk *out, wr_err *err) {
    *out = (wr_chunk){0};
    if (next_bad(s, split, out)) return WR_OK;
    wr_status r = s->ended ? WR_EOF : WR_OK;
    while (r == WR_OK && (!s->fill.b || s->fill.b->n < s->fill.cap) && s->fill.bad.n == 0)
        r = s->def->step(s->db, &s->fill, err);
    if (r < 0) return r;
    s->ended = r == WR_EOF;
    wr_batch *b = s->fill.b;
    s->fill.b = NULL;
    if (b && b->n > 0) {
        *out = (wr_chunk){
            .split = split, .pos = s->rows, .first = (uint64_t)s->rows, .count = b->n, .hold = &b->ref};
        __atomic_store_n(&s->rows, s->rows + b->n, __ATOMIC_RELAXED);
        return WR_OK;
    }
    wr_batch_drop(b);
    return next_bad(s, split, out) ? WR_OK : WR_EOF;
}

wr_status wri_db_generate(wr_source *s, const wr_chunk *c, uint32_t batch_rows, wr_batches *out,
                          wr_err *err) {
    wr_batch *all = (wr_batch *)c->hold; /* its first member */
    uint32_t *idx = wr_alloc(all->n * sizeof *idx);
    wr_status r = idx ? WR_OK : wr_fail_oom(err, "rows of a table");
    for (uint32_t i = 0; idx && i < all->n; i++) idx[i] = i;
    for (uint32_t at = 0; r == WR_OK && at < all->n;) {
        uint32_t n = all->n - at < batch_rows ? all->n - at : batch_rows;
        wr_batch *b = NULL;
        r = wr_batch_gather(all, idx + at, n, NULL, 0, &b, err);
        if (r != WR_OK) break;
        b->split = c->split;
        b->pos = c->pos + at;
        b->ingest_us = s->sys->wall_us();
        r = add(out, b, err);
        at += n;
    }
    wr_free(idx);
    return r;
}

/* ---- lookups ---- */

struct wr_lookup {
    const wri_db_def *def;
    wri_db *db;
    uint32_t *keys;
    wri_fill fill;
    void (*bad)(void *ctx, const wr_bad_record *r);
    void *ctx;
};

wr_status wri_db_open_lookup(const wri_db_def *def, const wr_lookup_cfg *cfg, wr_lookup **outp, wr_err *err) {
    *outp = NULL;
    wr_lookup *l = wr_calloc(1, sizeof *l);
    if (l) l->keys = wr_alloc((cfg->n_keys + 1) * sizeof *l->keys);
    if (!l || !l->keys) {
        wr_free(l);
        return wr_fail_oom(err, "a lookup");
    }
    memcpy(l->keys, cfg->keys, cfg->n_keys * sizeof *l->keys);
    wri_db_cfg dc = {.sys = cfg->sys,
                     .options = cfg->options,
                     .n_options = cfg->n_options,
                     .schema = cfg->schema,
                     .keys = l->keys,
                     .n_keys = cfg->n_keys};
    wr_status r = def->open(&dc, &l->db, err);
    if (r != WR_OK) {
        wr_free(l->keys);
        wr_free(l);
        return r;
    }
    l->def = def;
    l->bad = cfg->bad;
    l->ctx = cfg->ctx;
    l->fill = (wri_fill){.schema = cfg->schema, .time = def->time_format(l->db), .cap = 256};
    *outp = l;
    return WR_OK;
}

void wri_db_close_lookup(wr_lookup *l) {
    l->def->close(l->db);
    wri_fill_free(&l->fill);
    wr_free(l->keys);
    wr_free(l);
}

wr_status wri_db_look_up(wr_lookup *l, const wr_batch *keys, wr_batches *out, wr_err *err) {
    wri_fill_reset(&l->fill);
    WR_TRY(l->def->find(l->db, keys, &l->fill, err));
    for (size_t i = 0; i < l->fill.bad.n; i++) {
        const wr_str *cells = l->fill.bad.items[i]->cols[0].str;
        l->bad(l->ctx, &(wr_bad_record){.why = wr_str_data(&cells[0]),
                                        .data = wr_str_data(&cells[1]),
                                        .len = cells[1].len,
                                        .pos = -1});
    }
    return wri_fill_take(&l->fill, out, err);
}

wr_status wr_lookup_options(const wr_kv *kvs, size_t n, wr_lookup_opts *outp, wr_err *err) {
    static const wr_option options[] = {WRI_LOOKUP_OPTIONS};
    return wri_options(options, WR_LEN(options), kvs, n, outp, sizeof *outp, err);
}

/* ---- names ---- */

wr_status wri_db_quote(wr_buf *out, const char *name, bool dotted) {
    WR_TRY(wr_buf_puts(out, "\""));
    for (const char *c = name; *c; c++) {
        if (*c == '"') WR_TRY(wr_buf_puts(out, "\"\""));
        else if (*c == '.' && dotted) WR_TRY(wr_buf_puts(out, "\".\""));
        else WR_TRY(wr_buf_put(out, c, 1));
    }
    return wr_buf_puts(out, "\"");
}

wr_status wri_db_find_column(const wr_field *f, const char *table, const char *const *names, uint32_t n,
                             uint32_t *atp, wr_err *err) {
    const char *want = wri_db_column(f);
    uint32_t alike = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(names[i], want) == 0) {
            *atp = i;
            return WR_OK;
        }
        if (strcasecmp(names[i], want) != 0) continue;
        *atp = i;
        alike++;
    }
    if (alike == 1) return WR_OK;
    const char *near = alike ? NULL : wr_nearest(want, names, n, sizeof *names);
    return wr_fail(err, WR_EINVAL, "table '%s' has %s column '%s'%s%s%s", table,
                   alike ? "more than one" : "no", want, near ? "; did you mean '" : "", near ? near : "",
                   near ? "'?" : "; leave it out of the declaration, or say FROM which column it comes");
}

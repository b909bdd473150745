/* connectors/table.c -- tables of a database as sinks; see table.h. */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>

#include "db.h"
#include "state/state.h"

struct wr_sink {
    const wri_table_def *def;
    wri_table *table;
    const wr_schema *schema;
    uint32_t *key, n_key;
    int64_t retry_for_us;
    /* of commit: */
    uint64_t *hash;
    uint32_t *slots, *put, *take, cap;
};

wr_status wri_table_sink(const wri_table_def *def, wri_table *t, const wr_sink_cfg *cfg,
                         const wri_table_opts *o, wr_sink **outp, wr_err *err) {
    *outp = NULL;
    wr_sink *s = wr_calloc(1, sizeof *s);
    uint32_t *key = wr_calloc((size_t)cfg->n_key + 1, sizeof *key);
    if (!s || !key) {
        wr_free(s);
        wr_free(key);
        def->close(t);
        return wr_fail_oom(err, "a sink");
    }
    *s = (wr_sink){.def = def,
                   .table = t,
                   .schema = cfg->schema,
                   .key = key,
                   .n_key = cfg->n_key,
                   .retry_for_us = o->retry_for_us};
    if (cfg->n_key) memcpy(key, cfg->key, cfg->n_key * sizeof *key);
    *outp = s;
    return WR_OK;
}

void wri_table_close(wr_sink *s) {
    if (!s) return;
    s->def->close(s->table);
    wr_free(s->key);
    wr_free(s->hash);
    wr_free(s->slots);
    wr_free(s->put);
    wr_free(s->take);
    wr_free(s);
}

int64_t wri_table_patience(const wr_sink *s) { return s->retry_for_us; }

/* ---- rows in ---- */

static const char *refuse(const wr_sink *s, const wr_batch *b, uint32_t row) {
    for (uint32_t k = 0; k < s->n_key; k++)
        if (wr_is_null(&b->cols[s->key[k]], row)) return "NULL in a column of the PRIMARY KEY";
    return s->def->refuse(s->table, b, row);
}

wr_status wri_table_pack(wr_sink *s, const wr_batch *b, const char *p, const size_t *ends, const char **whys,
                         wr_buf *out, wr_err *err) {
    (void)p, (void)ends;
    uint32_t *rows = NULL, n = 0;
    for (uint32_t i = 0; i < b->n; i++) n += !(whys[i] = refuse(s, b, i));
    if (n == 0) return WR_OK;
    if (n == b->n) return wr_rows_pack(b, out, err);
    if (!(rows = wr_reallocn(NULL, n, sizeof *rows))) return wr_fail_oom(err, "a sink");
    n = 0;
    for (uint32_t i = 0; i < b->n; i++)
        if (!whys[i]) rows[n++] = i;
    wr_batch *good = NULL;
    wr_status r = wr_batch_gather((wr_batch *)b, rows, n, NULL, 0, &good, err);
    if (r == WR_OK) r = wr_rows_pack(good, out, err);
    wr_batch_drop(good);
    wr_free(rows);
    return r;
}

/* ---- rows out ---- */

static bool same_key(const wr_sink *s, const wr_batch *b, uint32_t i, uint32_t j) {
    for (uint32_t k = 0; k < s->n_key; k++) {
        const wr_col *c = &b->cols[s->key[k]];
        if (c->phys == WR_STR   ? !wr_str_eq(&c->str[i], &c->str[j])
            : c->phys == WR_F64 ? c->f64[i] != c->f64[j]
                                : c->i64[i] != c->i64[j])
            return false;
    }
    return true;
}

static wr_status make_room(wr_sink *s, uint32_t n, wr_err *err) {
    if (n <= s->cap) return WR_OK;
    void *hash = wr_reallocn(s->hash, n, sizeof *s->hash), *slots = NULL, *put = NULL, *take = NULL;
    if (hash) s->hash = hash;
    if (hash && (slots = wr_reallocn(s->slots, n, 4 * sizeof *s->slots))) s->slots = slots;
    if (slots && (put = wr_reallocn(s->put, n, sizeof *s->put))) s->put = put;
    if (put && (take = wr_reallocn(s->take, n, sizeof *s->take))) s->take = take;
    if (!take) return wr_fail_oom(err, "rows for a table");
    s->cap = n;
    return WR_OK;
}

/* True: no later row has its key. Rows come from the last to the first. */
static bool first_met(wr_sink *s, const wr_batch *b, uint32_t row, uint32_t mask) {
    uint32_t at = (uint32_t)(s->hash[row] >> 32) & mask;
    for (; s->slots[at]; at = (at + 1) & mask) {
        uint32_t other = s->slots[at] - 1;
        if (s->hash[other] == s->hash[row] && same_key(s, b, other, row)) return false;
    }
    s->slots[at] = row + 1;
    return true;
}

static wr_status apply(wr_sink *s, const wr_batch *b, wr_err *err) {
    uint32_t n_put = 0, n_take = 0, mask = 1;
    WR_TRY(make_room(s, b->n, err));
    while (mask < b->n * 2) mask *= 2; /* at most four times as many, where there is more than one row */
    if (s->n_key) wr_batch_hash(b, s->key, s->n_key, s->hash);
    memset(s->slots, 0, mask * sizeof *s->slots);
    for (uint32_t i = b->n; i-- > 0;) {
        if (s->n_key && !first_met(s, b, i, mask - 1)) continue;
        if (s->n_key && wr_takes_back(wr_change_of(b, i))) s->take[n_take++] = i;
        else s->put[n_put++] = i;
    }
    for (uint32_t i = 0; i < n_put / 2; i++) { /* in the order they came */
        uint32_t x = s->put[i];
        s->put[i] = s->put[n_put - 1 - i];
        s->put[n_put - 1 - i] = x;
    }
    if (n_take) WR_TRY(s->def->take(s->table, b, s->take, n_take, err));
    return n_put ? s->def->put(s->table, b, s->put, n_put, err) : WR_OK;
}

static wr_status apply_all(wr_sink *s, const wr_handover *h, wr_err *err) {
    for (size_t at = 0; at < h->len;) {
        size_t used;
        wr_batch *b;
        WR_TRY(wr_rows_unpack(h->data + at, h->len - at, &used, &b, err));
        wr_status r = apply(s, b, err);
        wr_batch_drop(b);
        if (r != WR_OK) return r;
        at += used;
    }
    return WR_OK;
}

/* WR_EOF: the epoch is there already. */
static wr_status check_epoch(wr_sink *s, const wr_handover *h, wr_err *err) {
    uint64_t has, epoch = h->epoch;
    WR_TRY(s->def->epoch(s->table, &has, err));
    if (has == epoch || (has > epoch && h->past)) return WR_EOF;
    if (has < epoch) return WR_OK;
    return wr_fail(
        err, WR_EDATA,
        "the database has the rows of this job's snapshot %" PRIu64 ", but the last that is whole is %" PRIu64
        ": going on from there would write them twice; restore the snapshot, or start anew with another "
        "--state",
        has, epoch);
}

/* Without rows nothing is written, and no lock taken: whether the epoch may be gone on from. */
static wr_status only_check(wr_sink *s, const wr_handover *h, wr_err *err) {
    wr_status r = h->epoch ? check_epoch(s, h, err) : WR_OK;
    return r == WR_EOF ? WR_OK : r;
}

wr_status wri_table_commit(wr_sink *s, const wr_handover *h, wr_err *err) {
    if (h->len == 0) return only_check(s, h, err);
    WR_TRY(s->def->begin(s->table, err));
    wr_status r = h->epoch ? check_epoch(s, h, err) : WR_OK;
    bool there = r == WR_EOF;
    if (r == WR_OK) r = apply_all(s, h, err);
    if (r == WR_OK && h->epoch) r = s->def->set_epoch(s->table, h->epoch, err);
    if (r == WR_OK) r = s->def->commit(s->table, err);
    if (r != WR_OK) s->def->rollback(s->table);
    return there ? WR_OK : r;
}

/* ---- texts ---- */

static wr_status put_keys(const wr_sink_cfg *cfg, const char *const *names, wr_buf *out) {
    for (uint32_t k = 0; k < cfg->n_key; k++) {
        if (k) WR_TRY(wr_buf_puts(out, ", "));
        const char *name = names ? names[cfg->key[k]] : wri_db_column(&cfg->schema->fields[cfg->key[k]]);
        WR_TRY(wri_db_quote(out, name, false));
    }
    return wr_buf_puts(out, ")");
}

wr_status wri_table_create_text(const wr_sink_cfg *cfg, const char *table,
                                wr_status (*type_name)(const wr_type *t, wr_buf *out), wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "CREATE TABLE "));
    WR_TRY(wri_db_quote(out, table, true));
    WR_TRY(wr_buf_puts(out, " ("));
    for (uint32_t i = 0; i < cfg->schema->n; i++) {
        const wr_field *f = &cfg->schema->fields[i];
        if (i) WR_TRY(wr_buf_puts(out, ", "));
        WR_TRY(wri_db_quote(out, wri_db_column(f), false));
        WR_TRY(wr_buf_puts(out, " "));
        WR_TRY(type_name(&f->type, out));
        if (f->type.not_null) WR_TRY(wr_buf_puts(out, " NOT NULL"));
    }
    if (cfg->n_key == 0) return wr_buf_put(out, ")", 2);
    WR_TRY(wr_buf_puts(out, ", PRIMARY KEY ("));
    WR_TRY(put_keys(cfg, NULL, out));
    return wr_buf_put(out, ")", 2);
}

static bool in_key(const wr_sink_cfg *cfg, uint32_t col) {
    for (uint32_t k = 0; k < cfg->n_key; k++)
        if (cfg->key[k] == col) return true;
    return false;
}

wr_status wri_table_conflict_text(const wr_sink_cfg *cfg, const char *const *names, wr_buf *out) {
    uint32_t n = 0;
    if (cfg->n_key == 0) return WR_OK;
    WR_TRY(wr_buf_puts(out, " ON CONFLICT ("));
    WR_TRY(put_keys(cfg, names, out));
    for (uint32_t i = 0; i < cfg->schema->n; i++) {
        if (in_key(cfg, i)) continue;
        WR_TRY(wr_buf_puts(out, n++ ? ", " : " DO UPDATE SET "));
        WR_TRY(wri_db_quote(out, names[i], false));
        WR_TRY(wr_buf_puts(out, " = excluded."));
        WR_TRY(wri_db_quote(out, names[i], false));
    }
    return n ? WR_OK : wr_buf_puts(out, " DO NOTHING");
}

void wri_table_job(const wr_sink_cfg *cfg, char out[WRI_JOB_TEXT]) {
    snprintf(out, WRI_JOB_TEXT, "%016" PRIx64, cfg->job);
}

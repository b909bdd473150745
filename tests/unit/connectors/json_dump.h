/* tests/unit/connectors/json_dump.h -- decodes text with one variant of the JSON decoder and prints what came
 * out: rows, then bad records. Equal texts mean equal values, NULLs, reasons and positions of bad records.
 * Checks on the way what must hold for any input (`broken_rule`). Also used by tests/fuzz/fuzz_json.c. */
#ifndef JSON_DUMP_H
#define JSON_DUMP_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/formats/json_int.h"

extern const wr_format_def wr_format_json;

typedef struct json_run {
    const wr_schema *schema;
    const char *timestamp_format; /* NULL: default */
    const wri_json_scan *scan;    /* NULL: best */
    uint32_t batch_rows;
    size_t chunk_bytes; /* 0: one chunk */
    bool dict;
    bool positions; /* print the position of each row (they depend on how batches are cut) */
} json_run;

typedef struct json_out {
    wr_buf text;
    uint64_t rows, bads;
    const char *broken_rule;
    int64_t last_pos, last_bad;
    wr_status status;
} json_out;

static inline void json_put_text(wr_buf *out, const char *p, size_t n) {
    wr_status s = WR_OK;
    for (size_t i = 0; i < n && s == WR_OK; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') s = wr_buf_put(out, p + i, 1);
        else s = wr_buf_printf(out, "\\x%02x", c);
    }
    if (s != WR_OK) abort();
}

static inline void json_put_value(json_out *o, const wr_col *c, uint32_t i) {
    wr_status s = WR_OK;
    if (wr_is_null(c, i)) s = wr_buf_puts(&o->text, "NULL");
    else if (c->phys == WR_I64) s = wr_buf_printf(&o->text, "%" PRId64, c->i64[i]);
    else if (c->phys == WR_F64) s = wr_buf_printf(&o->text, "%.17g", c->f64[i]);
    else {
        const wr_str *v = &c->str[i];
        wr_str again = wr_str_make(wr_str_data(v), v->len);
        if (memcmp(&again, v, sizeof again) != 0)
            o->broken_rule = "a string view is not as wr_str_make makes it";
        json_put_text(&o->text, wr_str_data(v), v->len);
        if (c->codes && !wr_str_eq(v, &c->dict->values[c->codes[i]]))
            o->broken_rule = "a dictionary code is wrong";
    }
    if (s != WR_OK) abort();
}

static inline void json_put_batch(json_out *o, const wr_batch *b, const json_run *r) {
    if (b->n == 0 || b->n > b->cap) o->broken_rule = "a batch without rows, or with too many";
    if (b->pos <= o->last_pos) o->broken_rule = "positions do not rise";
    if (b->split != 7) o->broken_rule = "the split is not the chunk's";
    o->last_pos = b->pos + b->n - 1;
    for (uint32_t i = 0; i < b->n; i++) {
        if (r->positions && wr_buf_printf(&o->text, "%" PRId64 ": ", b->pos + i) != WR_OK) abort();
        for (uint32_t c = 0; c < b->n_cols; c++) {
            json_put_value(o, &b->cols[c], i);
            if (wr_buf_put(&o->text, c + 1 < b->n_cols ? "|" : "\n", 1) != WR_OK) abort();
        }
        if (b->n_cols == 0 && wr_buf_puts(&o->text, "row\n") != WR_OK) abort();
        o->rows++;
    }
}

typedef struct json_bads {
    wr_buf text;
    json_out *o;
    const char *data; /* of the whole input, which begins at position 1000 */
    size_t len;
} json_bads;

static inline void json_on_bad(void *ctx, const wr_bad_record *r) {
    json_bads *x = ctx;
    x->o->bads++;
    if (r->pos < x->o->last_bad) x->o->broken_rule = "bad records are not in order";
    x->o->last_bad = r->pos;
    size_t at = (size_t)(r->pos - 1000);
    if (r->pos < 1000 || at > x->len || r->len > x->len - at || memcmp(r->data, x->data + at, r->len) != 0)
        x->o->broken_rule = "a bad record's bytes are not those at its position";
    if (!wr_utf8_valid(r->why, strlen(r->why))) x->o->broken_rule = "a reason is no UTF-8";
    if (wr_buf_printf(&x->text, "bad %" PRId64 "+%zu: %s\n", r->pos, r->len, r->why) != WR_OK) abort();
}

static inline void json_decode_text(const json_run *r, const char *p, size_t n, json_out *o) {
    *o = (json_out){.last_pos = INT64_MIN, .last_bad = INT64_MIN};
    json_bads bads = {.o = o, .data = p, .len = n};
    bool dict[64];
    for (size_t i = 0; i < 64; i++) dict[i] = r->dict;
    wr_kv kv = {"timestamp_format", r->timestamp_format, 0};
    wr_decode_cfg cfg = {.schema = r->schema,
                         .want_dict = r->dict ? dict : NULL,
                         .options = &kv,
                         .n_options = r->timestamp_format ? 1 : 0,
                         .batch_rows = r->batch_rows,
                         .bad = json_on_bad,
                         .ctx = &bads};
    wr_decoder *d;
    wr_batches out = {0};
    o->status = wri_json_open(&cfg, r->scan, &d, NULL);
    if (o->status != WR_OK) return;
    uint64_t state = 0;
    size_t at = 0, step = r->chunk_bytes ? r->chunk_bytes : n;
    while (at < n && o->status == WR_OK) {
        size_t len = 0, want = step;
        do { /* as a source does: more bytes until a whole record is there */
            size_t have = n - at < want ? n - at : want;
            len = wr_format_json.frame(p + at, have, at + have == n, &state);
            want *= 2;
        } while (len == 0);
        wr_bytes *copy = malloc(sizeof *copy + len + WR_PAD); /* with nothing behind, for the sanitizer */
        wr_ref_init(&copy->ref, (void (*)(wr_ref *))(void (*)(void))free);
        memcpy(copy->data, p + at, len);
        memset(copy->data + len, at & 1 ? '"' : 0xff, WR_PAD);
        wr_chunk c = {
            .data = copy->data, .len = len, .pos = 1000 + (int64_t)at, .split = 7, .hold = &copy->ref};
        o->status = wr_format_json.decode(d, &c, &out, NULL);
        wr_drop(&copy->ref);
        for (size_t i = 0; i < out.n; i++) {
            if (o->status == WR_OK) json_put_batch(o, out.items[i], r);
            wr_batch_drop(out.items[i]);
        }
        out.n = 0;
        at += len;
    }
    wr_free(out.items);
    wr_format_json.close_decoder(d);
    if (bads.text.len && wr_buf_put(&o->text, bads.text.data, bads.text.len) != WR_OK) abort();
    if (wr_buf_put(&o->text, "", 1) != WR_OK) abort(); /* NUL */
    wr_buf_free(&bads.text);
}

/* The variants this machine can run; the slow parser first. */
static inline size_t json_scans(const wri_json_scan *out[4]) {
    size_t n = 0;
    out[n++] = &wri_json_scan_none;
    out[n++] = &wri_json_scan_plain;
#if defined(__x86_64__)
    if (wri_json_scan_avx2.usable()) out[n++] = &wri_json_scan_avx2;
    if (wri_json_scan_avx512.usable()) out[n++] = &wri_json_scan_avx512;
#endif
    return n;
}

/* A schema from "name type, name type@path, …"; NOT NULL is written "type!". The caller frees the fields. */
static inline wr_schema json_schema(const char *text, wr_arena *ar) {
    static const struct {
        const char *name;
        wr_type type;
    } types[] = {{"bool", {.kind = WR_T_BOOLEAN}},
                 {"tiny", {.kind = WR_T_TINYINT}},
                 {"small", {.kind = WR_T_SMALLINT}},
                 {"int", {.kind = WR_T_INTEGER}},
                 {"big", {.kind = WR_T_BIGINT}},
                 {"dec52", {.kind = WR_T_DECIMAL, .prec = 5, .scale = 2}},
                 {"dec18", {.kind = WR_T_DECIMAL, .prec = 18, .scale = 6}},
                 {"real", {.kind = WR_T_REAL}},
                 {"double", {.kind = WR_T_DOUBLE}},
                 {"char3", {.kind = WR_T_CHAR, .prec = 3}},
                 {"text", {.kind = WR_T_VARCHAR}},
                 {"text5", {.kind = WR_T_VARCHAR, .prec = 5}},
                 {"json", {.kind = WR_T_JSON}},
                 {"bytes", {.kind = WR_T_VARBINARY}},
                 {"bytes4", {.kind = WR_T_VARBINARY, .prec = 4}},
                 {"date", {.kind = WR_T_DATE}},
                 {"time", {.kind = WR_T_TIME, .prec = 3}},
                 {"ts", {.kind = WR_T_TIMESTAMP, .prec = 3}},
                 {"ts0", {.kind = WR_T_TIMESTAMP, .prec = 0}},
                 {"ts6", {.kind = WR_T_TIMESTAMP, .prec = 6}},
                 {"interval", {.kind = WR_T_INTERVAL_DAY}}};
    wr_schema s = {.fields = wr_arena_calloc(ar, 64 * sizeof *s.fields)};
    while (*text) {
        char name[64] = "", type[32] = "", path[128] = "";
        int used = 0;
        if (sscanf(text, " %63[^ ,] %31[a-z0-9]%n", name, type, &used) != 2) abort();
        text += used;
        wr_field *f = &s.fields[s.n++];
        f->name = wr_arena_strdup(ar, name);
        size_t t = 0;
        while (t < sizeof types / sizeof types[0] && strcmp(types[t].name, type) != 0) t++;
        if (t == sizeof types / sizeof types[0]) abort();
        f->type = types[t].type;
        if (*text == '!') f->type.not_null = true, text++;
        if (*text == '@' && sscanf(text + 1, "%127[^,]%n", path, &used) == 1) {
            f->path = wr_arena_strdup(ar, path);
            text += 1 + used;
        }
        if (*text == ',') text++;
    }
    return s;
}

#endif

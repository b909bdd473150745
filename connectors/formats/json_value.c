/* connectors/formats/json_value.c -- one JSON value into one column: the rules, in full.
 *
 *   from \ to   whole numbers, DECIMAL, DOUBLE, REAL   BOOLEAN         text              times VARBINARY null
 * NULL                                   NULL            NULL              NULL        NULL true false  1 0
 * yes             true false        -           - number      yes                                    0 1 as
 * written        epoch (1)   - string      as its text in any format              the same        the text
 * the same    base64
 *   {} []       -                                      -               as written        -           -
 *
 * Texts become values by the rules that all formats share (convert.h). (1) TIMESTAMP only, as
 * timestamp_format says. A JSON column takes every value as written. What does not fit makes the record bad;
 * the reason names the column, what was found and what was expected.
 *
 * The scanner's kernels (json_scan_body.h) take the usual cases and must store the same. */
#include "connectors/formats/convert.h"

#include <inttypes.h>
#include <stdio.h>

#include "connectors/formats/json_int.h"
#include "connectors/formats/json_text_int.h"

typedef struct text {
    const char *p;
    size_t n;
} text;

/* ---- reasons ---- */

void wri_json_misfit(wri_json_parse *x, const char *fmt, ...) {
    if (x->misfit) return; /* the first reason stands */
    x->misfit = true;
    if (!x->why) return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->why, WRI_JSON_WHY, fmt, ap);
    va_end(ap);
}

static const char *expected(const wri_json_col *c, char *buf, size_t size) {
    switch (c->type.kind) {
    case WR_T_BOOLEAN:
        return "true or false";
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        snprintf(buf, size, "a whole number from %" PRId64 " to %" PRId64, c->min,
                 (int64_t)((uint64_t)c->min + c->span));
        return buf;
    case WR_T_DECIMAL:
        snprintf(buf, size, "a number of at most %d digits before the point",
                 (int)(c->type.prec ? c->type.prec : 19) - c->type.scale);
        return buf;
    case WR_T_DATE:
        return "a date like \"2026-01-31\"";
    case WR_T_TIME:
        return "a time like \"23:59:59.999\"";
    case WR_T_INTERVAL_DAY:
        return "an interval like \"+2 23:59:59.999\"";
    case WR_T_INTERVAL_MONTH:
        return "an interval like \"+1-06\"";
    case WR_T_VARBINARY:
        return "base64 text";
    case WR_T_TIMESTAMP:
        return c->time == WRI_TIME_ISO ? "a time like \"2026-01-31T23:59:59.999Z\" (or set timestamp_format)"
                                       : "a number, as timestamp_format says";
    default:
        return "a number";
    }
}

static void no_such(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    char type[64], shown[WRI_JSON_SHOWN], want[128];
    wr_type t = c->type;
    t.not_null = false;
    if (x->why && !x->misfit)
        wri_json_misfit(x, "%.100s: %s is no %s; expected %s", c->name, wri_json_shown(v, shown),
                        wr_type_print(t, type, sizeof type), expected(c, want, sizeof want));
    x->misfit = true;
}

char *wri_json_shown(const wri_json_value *v, char out[WRI_JSON_SHOWN]) {
    wri_excerpt(v->p, v->n, out, WRI_JSON_SHOWN);
    if (v->class == WRI_JSON_STRING) return out;
    out[strlen(out) - 1] = 0; /* quotes are for strings */
    return out + 1;
}

/* ---- stores: a value replaces what an earlier member of the same name left ---- */

static void not_null(wri_json_rows *h, uint32_t at) {
    uint64_t *nulls = h->b->cols[at].nulls;
    if (nulls) nulls[h->row >> 6] &= ~(UINT64_C(1) << (h->row & 63));
    wri_json_saw(h, at);
}

static void put_null(wri_json_parse *x, const wri_json_col *c) {
    wri_json_saw(x->h, c->at);
    if (c->type.not_null) wri_json_misfit(x, "%.100s: null, but the column is NOT NULL", c->name);
    else wri_json_rows_null(x->h, c->at);
}

static void put_value(wri_json_rows *h, const wri_json_col *c, const wr_value *v) {
    wr_col *col = &h->b->cols[c->at];
    switch (col->phys) {
    case WR_I64:
        col->i64[h->row] = v->i64;
        break;
    case WR_F64:
        col->f64[h->row] = v->f64;
        break;
    case WR_STR:
        col->str[h->row] = v->str;
        break;
    }
    not_null(h, c->at);
}

/* ---- text ---- */

/* The string without its escapes; false: out of memory. */
static bool plain(wri_json_rows *h, const wri_json_value *v, text *out) {
    *out = (text){v->p, v->n};
    if (v->class != WRI_JSON_STRING || !v->escaped) return true;
    char small[64], *to = small; /* short results go into the view itself, no arena needed */
    if (v->n > sizeof small && !(to = wr_arena_alloc(&h->b->arena, v->n))) return !(h->oom = true);
    out->n = wri_json_unescape(v->p, v->n, to);
    out->p = to;
    if (to == small) {
        char *kept = wr_arena_alloc(&h->b->arena, out->n);
        if (!kept) return !(h->oom = true);
        out->p = memcpy(kept, small, out->n);
    }
    return true;
}

/* VARCHAR, CHAR, JSON. */
static void put_text(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    text t = {v->p, v->n};
    if (c->type.kind == WR_T_JSON) {
        if (v->class == WRI_JSON_STRING) t = (text){v->p - 1, v->n + 2};
    } else {
        if (!plain(x->h, v, &t)) return;
        if (t.n > c->text_bytes) t.n = wri_json_cut(t.p, t.n, c->type.prec);
    }
    if (t.n >= UINT32_MAX) return wri_json_misfit(x, "%.100s: a text of %zu bytes is too long", c->name, t.n);
    wr_value value = {.str = wr_str_make(t.p, t.n)};
    put_value(x->h, c, &value);
}

/* ---- everything else ---- */

/* May a number stand for a value of the type? */
static bool number_fits(const wri_json_col *c) {
    return wr_kind_is_num((wr_kind)c->type.kind) || c->type.kind == WR_T_BOOLEAN ||
           (c->type.kind == WR_T_TIMESTAMP && c->time != WRI_TIME_ISO);
}

/* WR_EDATA: it does not fit, or is no scalar. */
static wr_status by_kinesis(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v,
                            wr_value *out) {
    wr_arena *ar = &x->h->b->arena;
    text t;
    switch (v->class) {
    case WRI_JSON_TRUE:
    case WRI_JSON_FALSE:
        return wri_coerce_bool(&c->type, v->class == WRI_JSON_TRUE, ar, out);
    case WRI_JSON_NUMBER:
        return number_fits(c) ? wri_coerce_number(&c->type, v->p, v->n, ar, out) : WR_EDATA;
    case WRI_JSON_STRING:
        return plain(x->h, v, &t) ? wri_coerce_text(&c->type, t.p, t.n, ar, out) : WR_ENOMEM;
    default:
        return WR_EDATA;
    }
}

static void put_scalar(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    wr_value value;
    wr_status s = WR_EDATA;
    text t;
    if (c->kinesis) s = by_kinesis(x, c, v, &value);
    else if (v->class == WRI_JSON_TRUE || v->class == WRI_JSON_FALSE)
        s = wri_from_bool(&c->type, v->class == WRI_JSON_TRUE, &x->h->b->arena, &value);
    else if (v->class == WRI_JSON_STRING || (v->class == WRI_JSON_NUMBER && number_fits(c))) {
        if (!plain(x->h, v, &t)) return;
        s = wri_from_text(&c->type, (wri_time_format)c->time, t.p, t.n, &x->h->b->arena, &value);
    } else if (v->class == WRI_JSON_NUMBER && c->type.kind == WR_T_TIMESTAMP && x->why) {
        char shown[WRI_JSON_SHOWN];
        return wri_json_misfit(
            x,
            "%.100s: %s is a number, but timestamp_format = 'iso' expects text like "
            "\"2026-01-31T23:59:59.999Z\"; set timestamp_format to epoch_s, epoch_ms or epoch_us",
            c->name, wri_json_shown(v, shown));
    }
    if (s == WR_ENOMEM) x->h->oom = true;
    else if (s != WR_OK) no_such(x, c, v);
    else if (value.null) put_null(x, c); /* "NaN" */
    else put_value(x->h, c, &value);
}

void wri_json_put(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    if (v->class == WRI_JSON_NULL) put_null(x, c);
    else if (wr_kind_is_text((wr_kind)c->type.kind)) put_text(x, c, v);
    else put_scalar(x, c, v);
}

/* ---- columns ---- */

static void whole_range(wri_json_col *c) {
    static const uint8_t bits[] = {
        [WR_T_TINYINT] = 8, [WR_T_SMALLINT] = 16, [WR_T_INTEGER] = 32, [WR_T_BIGINT] = 64};
    uint32_t n = bits[c->type.kind];
    c->min = (int64_t)(~UINT64_C(0) << (n - 1));
    c->span = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static void stamp_rules(wri_json_col *c, int time) {
    static const int64_t units[] = {
        [WRI_TIME_EPOCH_S] = 1000000, [WRI_TIME_EPOCH_MS] = 1000, [WRI_TIME_EPOCH_US] = 1};
    c->time = (uint8_t)time;
    c->how = time == WRI_TIME_ISO ? WRI_JSON_STAMP : WRI_JSON_EPOCH;
    c->unit = units[time];
    if (c->unit) c->span = (uint64_t)(WR_TS_MAX / c->unit);
}

void wri_json_col_init(const wr_field *f, uint32_t at, const wri_json_options *o, wri_json_col *c) {
    static const uint8_t hows[WR_N_KINDS] = {
        [WR_T_BOOLEAN] = WRI_JSON_BOOL, [WR_T_TINYINT] = WRI_JSON_INT,     [WR_T_SMALLINT] = WRI_JSON_INT,
        [WR_T_INTEGER] = WRI_JSON_INT,  [WR_T_BIGINT] = WRI_JSON_INT,      [WR_T_DECIMAL] = WRI_JSON_DECIMAL,
        [WR_T_REAL] = WRI_JSON_REAL,    [WR_T_DOUBLE] = WRI_JSON_DOUBLE,   [WR_T_CHAR] = WRI_JSON_TEXT,
        [WR_T_VARCHAR] = WRI_JSON_TEXT, [WR_T_TIMESTAMP] = WRI_JSON_STAMP,
    };
    wr_type t = f->type;
    *c = (wri_json_col){.name = f->name, .type = t, .at = at, .how = hows[t.kind], .text_bytes = UINT32_MAX};
    /* The scanner's kernels know the plain rules. */
    if (o->coercion && (t.kind == WR_T_BOOLEAN || t.kind == WR_T_DECIMAL)) c->how = WRI_JSON_MEMBER;
    if (c->how == 0) c->how = WRI_JSON_MEMBER;
    c->frac = t.prec < 6 ? t.prec : 6;
    if (wr_kind_is_int((wr_kind)t.kind)) whole_range(c);
    if (t.kind == WR_T_TIMESTAMP) stamp_rules(c, o->timestamp_format);
    c->kinesis = o->coercion && (t.kind != WR_T_TIMESTAMP || c->time == WRI_TIME_ISO);
    if (t.kind == WR_T_DECIMAL) {
        c->span = INT64_MAX;
        if (t.prec > 0 && t.prec < 19)
            for (uint32_t i = c->span = 0; i < t.prec; i++) c->span = c->span * 10 + 9;
    }
    if ((t.kind == WR_T_CHAR || t.kind == WR_T_VARCHAR) && t.prec) c->text_bytes = t.prec;
}

/* connectors/formats/json_value.c -- one JSON value into one column: the rules, in full.
 *
 *   from \ to   whole numbers, DECIMAL, DOUBLE, REAL   BOOLEAN         text              times VARBINARY null
 * NULL                                   NULL            NULL              NULL         NULL true false  1 0
 * yes             true false        -            - number      when nothing is lost                   0 1 as
 * written        epoch_* (1)  - string      when its text is such a number         0 1 true false  the text
 * (2)          base64
 *   {} []       -                                      -               as written        -            -
 *
 * (1) TIMESTAMP only, by option timestamp_format. (2) ISO 8601 or SQL form; a numeric text with epoch_*.
 * Nothing is lost: 123.0 is an INTEGER, 123.4 is none; DOUBLE and REAL take the nearest value, times are cut
 * to their precision, CHAR(n) and VARCHAR(n) to n characters, and TIMESTAMPs are clamped to ±2^62 us. A JSON
 * column takes every value as written. What does not fit makes the record bad; the reason names the column.
 *
 * The scanner's kernels (json_scan_body.h) take the usual cases and must store the same. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

/* At most 40 bytes, control bytes and what is no UTF-8 as '?', "..." when cut. */
char *wri_json_shown(const char *p, size_t n, char out[WRI_JSON_SHOWN]) {
    bool cut = n > 40;
    if (cut)
        for (n = 40; n > 37 && ((unsigned char)p[n] & 0xc0) == 0x80;) n--; /* not inside a character */
    bool utf8 = wr_utf8_valid(p, n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        out[i] = c < 0x20 || c == 0x7f || (c > 0x7f && !utf8) ? '?' : p[i];
    }
    memcpy(out + n, cut ? "..." : "", cut ? 4 : 1);
    return out;
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
        snprintf(buf, size, "a number of %d digits, %d of them behind the point",
                 c->type.prec ? (int)c->type.prec : 19, c->type.scale);
        return buf;
    case WR_T_DATE:
        return "a date like \"2026-01-31\"";
    case WR_T_TIME:
        return "a time like \"23:59:59.999\"";
    case WR_T_VARBINARY:
        return "base64 text";
    case WR_T_TIMESTAMP:
        return c->time == WRI_JSON_ISO ? "a time like \"2026-01-31T23:59:59.999Z\" (or set timestamp_format)"
                                       : "a number, as timestamp_format says";
    default:
        return "a number";
    }
}

static void no_such(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    if (x->misfit || !x->why) {
        x->misfit = true;
        return;
    }
    char type[64], shown[WRI_JSON_SHOWN], want[128];
    wr_type t = c->type;
    t.not_null = false;
    wri_json_shown(v->p, v->n, shown);
    const char *quote = v->class == WRI_JSON_STRING ? "'" : "";
    wri_json_misfit(x, "%.100s: %s%s%s is no %s; expected %s", c->name, quote, shown, quote,
                    wr_type_print(t, type, sizeof type), expected(c, want, sizeof want));
}

/* ---- stores: a value replaces what an earlier member of the same name left ---- */

static void not_null(wri_json_rows *h, uint32_t at) {
    uint64_t *nulls = h->b->cols[at].nulls;
    if (nulls) nulls[h->row >> 6] &= ~(UINT64_C(1) << (h->row & 63));
    wri_json_saw(h, at);
}

static void put_i64(wri_json_rows *h, const wri_json_col *c, int64_t v) {
    h->b->cols[c->at].i64[h->row] = v;
    not_null(h, c->at);
}

static void put_f64(wri_json_rows *h, const wri_json_col *c, double v) {
    h->b->cols[c->at].f64[h->row] = v;
    not_null(h, c->at);
}

static void put_text(wri_json_rows *h, const wri_json_col *c, text t) {
    h->b->cols[c->at].str[h->row] = wr_str_make(t.p, t.n);
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

static void put_string(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    text t = {v->p, v->n};
    if (c->type.kind == WR_T_JSON) {
        if (v->class == WRI_JSON_STRING) t = (text){v->p - 1, v->n + 2};
    } else {
        if (!plain(x->h, v, &t)) return;
        if (t.n > c->text_bytes) t.n = wri_json_cut(t.p, t.n, c->type.prec);
    }
    if (t.n > UINT32_MAX - 1) wri_json_misfit(x, "%.100s: a text of %zu bytes is too long", c->name, t.n);
    else put_text(x->h, c, t);
}

static void put_binary(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    text t;
    if (v->class != WRI_JSON_STRING) return no_such(x, c, v);
    if (!plain(x->h, v, &t)) return;
    if (t.n > UINT32_MAX - 1) return no_such(x, c, v);
    char *out = wr_arena_alloc(&x->h->b->arena, t.n / 4 * 3 + 3);
    if (!out) {
        x->h->oom = true;
        return;
    }
    size_t n;
    if (!wri_json_base64(t.p, t.n, out, &n)) return no_such(x, c, v);
    if (c->type.prec && n > c->type.prec)
        return wri_json_misfit(x, "%.100s: %zu bytes do not fit VARBINARY(%" PRIu32 ")", c->name, n,
                               c->type.prec);
    put_text(x->h, c, (text){out, n});
}

/* ---- numbers ---- */

/* The text to read a number from; booleans count as 1 and 0. False: this value is none (or h->oom). */
static bool number_text(wri_json_parse *x, const wri_json_value *v, text *t) {
    switch (v->class) {
    case WRI_JSON_TRUE:
        *t = (text){"1", 1};
        return true;
    case WRI_JSON_FALSE:
        *t = (text){"0", 1};
        return true;
    case WRI_JSON_NUMBER:
        *t = (text){v->p, v->n};
        return true;
    case WRI_JSON_STRING:
        return plain(x->h, v, t);
    default:
        return false;
    }
}

static bool whole(text t, int64_t *outp) {
    return wr_read_i64(t.p, t.n, outp) || wr_read_decimal(t.p, t.n, 0, 0, false, outp);
}

/* The float nearest to the text, whose nearest double is d. Rounding d again is wrong only when d lies
 * half way between two floats; then the digits decide, without their point (the locale has no say). */
static bool to_real(wri_json_parse *x, text t, double d, float *outp) {
    float f = (float)d;
    *outp = f;
    if ((double)f == d) return true;
    float g = nextafterf(f, d > (double)f ? INFINITY : -INFINITY);
    if (isinf(f) ? fabs(d) != 0x1.ffffffp127 : ((double)f + (double)g) / 2 != d) return !isinf(f);
    char *s = wr_alloc(t.n + 32);
    if (!s) return !(x->h->oom = true);
    size_t n = 0, i = 0;
    long long behind = 0, e = 0;
    for (bool point = false; i < t.n && (t.p[i] | 0x20) != 'e'; i++) {
        if (t.p[i] == '.') point = true;
        else s[n++] = t.p[i], behind += point;
    }
    if (i < t.n) { /* a double came out, so the exponent is of a sane size unless zeros make up for it */
        memcpy(s + n, t.p + i + 1, t.n - i - 1);
        s[n + (t.n - i - 1)] = 0;
        e = strtoll(s + n, NULL, 10);
    }
    snprintf(s + n, 32, "e%lld", e - behind);
    *outp = strtof(s, NULL);
    wr_free(s);
    return !isinf(*outp);
}

static void put_number(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    text t;
    int64_t i;
    double d;
    float f;
    if (!number_text(x, v, &t)) {
        if (!x->h->oom) no_such(x, c, v);
        return;
    }
    switch (c->type.kind) {
    case WR_T_DECIMAL:
        if (wr_read_decimal(t.p, t.n, c->type.prec, c->type.scale, false, &i)) return put_i64(x->h, c, i);
        break;
    case WR_T_DOUBLE:
        if (wr_read_f64(t.p, t.n, &d)) return put_f64(x->h, c, d);
        break;
    case WR_T_REAL:
        if (wr_read_f64(t.p, t.n, &d) && to_real(x, t, d, &f)) return put_f64(x->h, c, (double)f);
        break;
    default:
        if (whole(t, &i) && (uint64_t)i - (uint64_t)c->min <= c->span) return put_i64(x->h, c, i);
    }
    no_such(x, c, v);
}

static bool same_word(text t, const char *word) {
    for (size_t i = 0; i < t.n; i++)
        if ((t.p[i] | 0x20) != word[i]) return false;
    return true;
}

static void put_bool(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    text t;
    int64_t i;
    if (!number_text(x, v, &t)) {
        if (!x->h->oom) no_such(x, c, v);
        return;
    }
    if (v->class == WRI_JSON_STRING && t.n == 4 && same_word(t, "true")) return put_i64(x->h, c, 1);
    if (v->class == WRI_JSON_STRING && t.n == 5 && same_word(t, "false")) return put_i64(x->h, c, 0);
    if (whole(t, &i) && (i == 0 || i == 1)) return put_i64(x->h, c, i);
    no_such(x, c, v);
}

/* ---- times ---- */

/* t units of the epoch in microseconds, cut and clamped. */
static bool read_epoch(text t, const wri_json_col *c, int64_t *outp) {
    static const uint8_t scales[] = {
        [WRI_JSON_EPOCH_S] = 6, [WRI_JSON_EPOCH_MS] = 3, [WRI_JSON_EPOCH_US] = 0};
    uint32_t scale = scales[c->time];
    double d;
    if (!wr_read_f64(t.p, t.n, &d)) return false;
    size_t keep = 0;
    bool lost = false, exponent = false;
    while (keep < t.n && t.p[keep] != '.') keep++;
    keep = keep + 1 + scale < t.n ? keep + 1 + scale : t.n;
    for (size_t i = 0; i < t.n; i++) {
        if ((t.p[i] | 0x20) == 'e') exponent = true;
        else if (i >= keep) lost |= t.p[i] != '0';
    }
    if (exponent) { /* exact when it can be, else as near as a double is */
        if (!wr_read_decimal(t.p, t.n, 0, scale, false, outp)) {
            d = floor(d * (double)c->unit);
            *outp = d >= (double)WR_TS_MAX ? WR_TS_MAX : d <= (double)WR_TS_MIN ? WR_TS_MIN : (int64_t)d;
        }
    } else if (!wr_read_decimal(t.p, keep, 0, scale, false, outp))
        *outp = t.p[0] == '-' ? WR_TS_MIN : WR_TS_MAX;
    else if (lost && t.p[0] == '-') *outp -= 1;
    return true;
}

static int64_t clamp(int64_t us) { return us > WR_TS_MAX ? WR_TS_MAX : us < WR_TS_MIN ? WR_TS_MIN : us; }

static void put_stamp(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    text t;
    int64_t us;
    if (v->class == WRI_JSON_NUMBER && c->time == WRI_JSON_ISO) {
        char shown[WRI_JSON_SHOWN];
        if (x->misfit || !x->why) {
            x->misfit = true;
            return;
        }
        return wri_json_misfit(
            x,
            "%.100s: %s is a number, but timestamp_format = 'iso' expects text like "
            "\"2026-01-31T23:59:59.999Z\"; set timestamp_format to epoch_s, epoch_ms or epoch_us",
            c->name, wri_json_shown(v->p, v->n, shown));
    }
    if (v->class != WRI_JSON_STRING && v->class != WRI_JSON_NUMBER) return no_such(x, c, v);
    if (!plain(x->h, v, &t)) return;
    if (!(c->time == WRI_JSON_ISO ? wr_read_timestamp(t.p, t.n, &us) : read_epoch(t, c, &us)))
        return no_such(x, c, v);
    put_i64(x->h, c, clamp(wr_floor_to(clamp(us), wri_json_tick(c))));
}

static void put_day_or_clock(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    text t;
    int64_t us;
    if (v->class != WRI_JSON_STRING) return no_such(x, c, v);
    if (!plain(x->h, v, &t)) return;
    bool date = c->type.kind == WR_T_DATE;
    if (!(date ? wr_read_date(t.p, t.n, &us) : wr_read_time(t.p, t.n, &us))) return no_such(x, c, v);
    put_i64(x->h, c, date ? us : wr_floor_to(us, wri_json_tick(c)));
}

void wri_json_put(wri_json_parse *x, const wri_json_col *c, const wri_json_value *v) {
    if (v->class == WRI_JSON_NULL) {
        wri_json_saw(x->h, c->at);
        if (c->type.not_null) wri_json_misfit(x, "%.100s: null, but the column is NOT NULL", c->name);
        else wri_json_rows_null(x->h, c->at);
        return;
    }
    switch (c->type.kind) {
    case WR_T_BOOLEAN:
        return put_bool(x, c, v);
    case WR_T_TIMESTAMP:
        return put_stamp(x, c, v);
    case WR_T_DATE:
    case WR_T_TIME:
        return put_day_or_clock(x, c, v);
    case WR_T_CHAR:
    case WR_T_VARCHAR:
    case WR_T_JSON:
        return put_string(x, c, v);
    case WR_T_VARBINARY:
        return put_binary(x, c, v);
    default:
        return put_number(x, c, v);
    }
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
        [WRI_JSON_EPOCH_S] = 1000000, [WRI_JSON_EPOCH_MS] = 1000, [WRI_JSON_EPOCH_US] = 1};
    c->time = (uint8_t)time;
    c->how = time == WRI_JSON_ISO ? WRI_JSON_STAMP : WRI_JSON_EPOCH;
    c->unit = units[time];
    if (c->unit) c->span = (uint64_t)(WR_TS_MAX / c->unit);
}

wr_status wri_json_col_init(const wr_field *f, uint32_t at, int time, wri_json_col *c, wr_err *err) {
    static const uint8_t hows[WR_N_KINDS] = {
        [WR_T_BOOLEAN] = WRI_JSON_BOOL, [WR_T_TINYINT] = WRI_JSON_INT,   [WR_T_SMALLINT] = WRI_JSON_INT,
        [WR_T_INTEGER] = WRI_JSON_INT,  [WR_T_BIGINT] = WRI_JSON_INT,    [WR_T_DECIMAL] = WRI_JSON_DECIMAL,
        [WR_T_REAL] = WRI_JSON_REAL,    [WR_T_DOUBLE] = WRI_JSON_DOUBLE, [WR_T_CHAR] = WRI_JSON_TEXT,
        [WR_T_VARCHAR] = WRI_JSON_TEXT, [WR_T_JSON] = WRI_JSON_MEMBER,   [WR_T_VARBINARY] = WRI_JSON_MEMBER,
        [WR_T_DATE] = WRI_JSON_MEMBER,  [WR_T_TIME] = WRI_JSON_MEMBER,   [WR_T_TIMESTAMP] = WRI_JSON_STAMP,
    };
    *c = (wri_json_col){
        .name = f->name, .type = f->type, .at = at, .how = hows[f->type.kind], .text_bytes = UINT32_MAX};
    wr_type t = f->type;
    if (c->how == WRI_JSON_SKIP) {
        char type[64];
        return wr_fail(err, WR_EUNSUPPORTED,
                       "column %s: %s cannot be read from JSON; declare it VARCHAR and CAST it", f->name,
                       wr_type_print(t, type, sizeof type));
    }
    c->frac = t.prec < 6 ? t.prec : 6;
    if (wr_kind_is_int((wr_kind)t.kind)) whole_range(c);
    if (t.kind == WR_T_TIMESTAMP) stamp_rules(c, time);
    if (t.kind == WR_T_DECIMAL) {
        c->span = INT64_MAX;
        if (t.prec > 0 && t.prec < 19)
            for (uint32_t i = c->span = 0; i < t.prec; i++) c->span = c->span * 10 + 9;
    }
    if ((t.kind == WR_T_CHAR || t.kind == WR_T_VARCHAR) && t.prec) c->text_bytes = t.prec;
    return WR_OK;
}

/* connectors/formats/convert.c -- what a format found, as a value of the column's type. See convert.h. */
#include "connectors/formats/convert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EXCERPT_CHARS 40

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static bool same_word(const char *p, size_t n, const char *word) {
    if (strlen(word) != n) return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]) != word[i]) return false;
    return true;
}

static int64_t clamp(int64_t us) { return us > WR_TS_MAX ? WR_TS_MAX : us < WR_TS_MIN ? WR_TS_MIN : us; }

int64_t wri_fit_timestamp(const wr_type *t, int64_t us) {
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10};
    us = clamp(us);
    return t->prec < WR_LEN(units) ? clamp(wr_floor_to(us, units[t->prec])) : us;
}

static bool read_bool(const char *p, size_t n, int64_t *outp) {
    static const char *const yes[] = {"true", "t", "yes", "y", "1"}, *const no[] = {"false", "f", "no", "n",
                                                                                    "0"};
    for (size_t i = 0; i < WR_LEN(yes); i++) {
        *outp = 1;
        if (same_word(p, n, yes[i])) return true;
        *outp = 0;
        if (same_word(p, n, no[i])) return true;
    }
    return false;
}

static bool read_int(const wr_type *t, const char *p, size_t n, int64_t *outp) {
    /* "12.0" is a whole number too; a table with gaps often comes so out of other tools. */
    if (!wr_read_i64(p, n, outp) && !wr_read_decimal(p, n, 19, 0, false, outp)) return false;
    return wri_int_fits(t->kind, *outp);
}

static bool fit_f64(const wr_type *t, double v, double *outp) {
    *outp = v;
    if (t->kind != WR_T_REAL) return true;
    *outp = (double)(float)v;
    return isinf(v) || !isinf(*outp);
}

/* Lies v, a double, half way between two floats (the largest and what would follow it included)? */
static bool between_floats(double v) {
    float f = (float)v;
    if ((double)f == v) return false;
    if (isinf(f)) return fabs(v) == 0x1.ffffffp127;
    return ((double)f + (double)nextafterf(f, v > (double)f ? INFINITY : -INFINITY)) / 2 == v;
}

/* The float nearest to the text of a number. Made from digits and an exponent without a point, so that the
 * locale has no say. False: out of memory. */
static bool nearest_float(const char *p, size_t n, float *outp) {
    char *s = wr_alloc(n + 32), *o = s;
    long long exponent = 0;
    if (!s) return false;
    for (bool behind = false; n > 0 && (*p | 0x20) != 'e'; p++, n--) {
        if (*p == '.') behind = true;
        else *o++ = *p, exponent -= behind;
    }
    if (n > 1) { /* the number is near a float, so this is of a sane size unless many zeros make up for it */
        memcpy(o, p + 1, n - 1);
        o[n - 1] = 0;
        exponent += strtoll(o, NULL, 10);
    }
    snprintf(o, 32, "e%lld", exponent);
    *outp = strtof(s, NULL);
    wr_free(s);
    return true;
}

static wr_status read_f64(const wr_type *t, const char *p, size_t n, wr_value *outp) {
    double v;
    float near;
    if (!wr_read_f64(p, n, &v)) {
        bool neg = n > 0 && *p == '-', sign = neg || (n > 0 && *p == '+');
        const char *w = p + sign;
        if (same_word(p, n, "nan")) {
            outp->null = true;
            return WR_OK;
        }
        if (!same_word(w, n - sign, "infinity") && !same_word(w, n - sign, "inf")) return WR_EDATA;
        v = neg ? -(double)INFINITY : (double)INFINITY;
    } else if (t->kind == WR_T_REAL &&
               between_floats(v)) { /* rounding twice would go wrong: ask the digits */
        if (!nearest_float(p, n, &near)) return WR_ENOMEM;
        outp->f64 = (double)near;
        return isinf(near) ? WR_EDATA : WR_OK;
    }
    return fit_f64(t, v, &outp->f64) ? WR_OK : WR_EDATA;
}

/* A number of units of 10^-scale s since 1970; what lies behind the last digit kept is cut towards the past,
 * what is out of reach is clamped. */
static bool read_epoch(const char *p, size_t n, uint32_t scale, int64_t *outp) {
    double near;
    if (!wr_read_f64(p, n, &near)) return false;
    bool exponent = memchr(p, 'e', n) || memchr(p, 'E', n), lost = false;
    const char *point = memchr(p, '.', n);
    size_t keep =
        point && !exponent && (size_t)(point - p) + 1 + scale < n ? (size_t)(point - p) + 1 + scale : n;
    for (size_t i = keep; i < n; i++) lost |= p[i] != '0';
    if (wr_read_decimal(p, keep, 19, scale, exponent, outp)) *outp -= lost && *p == '-';
    else *outp = near < 0 ? WR_TS_MIN : WR_TS_MAX;
    return true;
}

static bool read_timestamp(const wr_type *t, wri_time_format tf, const char *p, size_t n, int64_t *outp) {
    static const uint8_t scales[] = {
        [WRI_TIME_EPOCH_S] = 6, [WRI_TIME_EPOCH_MS] = 3, [WRI_TIME_EPOCH_US] = 0};
    int64_t us;
    bool ok = tf == WRI_TIME_ISO ? wr_read_timestamp(p, n, &us) : read_epoch(p, n, scales[tf], &us);
    if (ok) *outp = wri_fit_timestamp(t, us);
    return ok;
}

/* "+2 00:06:11.5": days and a time of day. */
static bool read_day_interval(const char *p, size_t n, int64_t *outp) {
    bool neg = n > 0 && *p == '-', sign = neg || (n > 0 && *p == '+');
    const char *digits = p + sign, *gap = memchr(p, ' ', n);
    int64_t days, us;
    if (!gap || gap == digits || *digits == '-' || *digits == '+') return false;
    if (!wr_read_i64(digits, (size_t)(gap - digits), &days)) return false;
    if (!wr_read_time(gap + 1, n - (size_t)(gap + 1 - p), &us)) return false;
    const int64_t day = INT64_C(86400) * WR_US_PER_SECOND;
    /* Reckoned below zero, which reaches one further. */
    if (days > INT64_MAX / day + 1 || __builtin_mul_overflow(days, -day, &days)) return false;
    if (__builtin_sub_overflow(days, us, outp)) return false;
    if (!neg && *outp == INT64_MIN) return false;
    if (!neg) *outp = -*outp;
    return true;
}

/* "+1-06": years and months. */
static bool read_month_interval(const char *p, size_t n, int64_t *outp) {
    bool neg = n > 0 && *p == '-', sign = neg || (n > 0 && *p == '+');
    p += sign;
    n -= sign;
    const char *gap = memchr(p, '-', n);
    int64_t years, months;
    if (!gap || gap == p || *p == '+' || (size_t)(gap - p) + 3 != n || gap[1] < '0' || gap[1] > '1')
        return false;
    if (!wr_read_i64(p, (size_t)(gap - p), &years) || !wr_read_i64(gap + 1, 2, &months) || months > 11)
        return false;
    if (__builtin_mul_overflow(years, 12, &years) || __builtin_add_overflow(years, months, outp))
        return false;
    if (neg) *outp = -*outp;
    return true;
}

/* The first `chars` characters of a UTF-8 text that has more than that many bytes. */
static size_t cut_chars(const char *p, size_t n, uint32_t chars) {
    size_t i = 0;
    for (; i < n; i++)
        if ((p[i] & 0xc0) != 0x80 && chars-- == 0) break;
    return i;
}

static wr_str text_value(const wr_type *t, const char *p, size_t n) {
    if (t->prec && t->kind != WR_T_JSON && n > t->prec) n = cut_chars(p, n, t->prec);
    return wr_str_make(p, n);
}

wr_status wri_from_bytes(const wr_type *t, const char *p, size_t n, wr_value *outp) {
    *outp = (wr_value){0};
    if (n > UINT32_MAX) return WR_EDATA;
    if (t->kind == WR_T_VARBINARY) {
        outp->str = wr_str_make(p, t->prec && n > t->prec ? t->prec : n);
        return WR_OK;
    }
    bool ok = t->kind == WR_T_JSON ? wri_json_valid(p, n) : wr_kind_is_text(t->kind) && wr_utf8_valid(p, n);
    if (!ok) return WR_EDATA;
    outp->str = text_value(t, p, n);
    return WR_OK;
}

static wr_status read_base64(const wr_type *t, const char *p, size_t n, wr_arena *ar, wr_value *outp) {
    char *bytes = wr_arena_alloc(ar, n / 4 * 3 + 3);
    if (!bytes) return WR_ENOMEM;
    size_t len;
    if (!wri_base64_read(p, n, bytes, &len)) return WR_EDATA;
    return wri_from_bytes(t, bytes, len, outp);
}

wr_status wri_from_text(const wr_type *t, wri_time_format tf, const char *p, size_t n, wr_arena *ar,
                        wr_value *outp) {
    *outp = (wr_value){0};
    if (n > UINT32_MAX) return WR_EDATA;
    if (wr_kind_is_text(t->kind)) return wri_from_bytes(t, p, n, outp);
    for (; n > 0 && is_blank(*p); n--) p++;
    while (n > 0 && is_blank(p[n - 1])) n--;
    bool ok = false;
    switch (t->kind) {
    case WR_T_NULL:
        outp->null = true;
        return WR_OK;
    case WR_T_BOOLEAN:
        ok = read_bool(p, n, &outp->i64);
        break;
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        ok = read_int(t, p, n, &outp->i64);
        break;
    case WR_T_DECIMAL:
        ok = wr_read_decimal(p, n, t->prec, t->scale, true, &outp->i64);
        break;
    case WR_T_REAL:
    case WR_T_DOUBLE:
        return read_f64(t, p, n, outp);
    case WR_T_VARBINARY:
        return read_base64(t, p, n, ar, outp);
    case WR_T_DATE:
        ok = wr_read_date(p, n, &outp->i64);
        break;
    case WR_T_TIME:
        ok = wr_read_time(p, n, &outp->i64);
        outp->i64 = wri_fit_timestamp(t, outp->i64);
        break;
    case WR_T_TIMESTAMP:
        ok = read_timestamp(t, tf, p, n, &outp->i64);
        break;
    case WR_T_INTERVAL_DAY:
        ok = read_day_interval(p, n, &outp->i64);
        break;
    case WR_T_INTERVAL_MONTH:
        ok = read_month_interval(p, n, &outp->i64);
        break;
    default:
        break;
    }
    return ok ? WR_OK : WR_EDATA;
}

/* Text made here, as a value of a text column. */
static wr_status made_text(const wr_type *t, const char *p, size_t n, wr_arena *ar, wr_value *outp) {
    char *copy = wr_arena_alloc(ar, n);
    if (!copy) return WR_ENOMEM;
    memcpy(copy, p, n);
    outp->str = text_value(t, copy, n);
    return WR_OK;
}

wr_status wri_from_i64(const wr_type *t, wri_time_format tf, int64_t v, wr_arena *ar, wr_value *outp) {
    *outp = (wr_value){0};
    char text[WR_TEXT_MAX];
    if (t->kind == WR_T_BOOLEAN) outp->i64 = v != 0;
    else if (wr_kind_is_int(t->kind)) {
        outp->i64 = v;
        return wri_int_fits(t->kind, v) ? WR_OK : WR_EDATA;
    } else if (t->kind == WR_T_REAL || t->kind == WR_T_DOUBLE)
        return fit_f64(t, (double)v, &outp->f64) ? WR_OK : WR_EDATA;
    else if (wr_kind_is_text(t->kind)) {
        size_t n = wr_write_i64(v, text);
        return made_text(t, text, n, ar, outp);
    } else if (t->kind == WR_T_DECIMAL || (t->kind == WR_T_TIMESTAMP && tf != WRI_TIME_ISO))
        return wri_from_text(t, tf, text, wr_write_i64(v, text), ar, outp);
    else return WR_EDATA;
    return WR_OK;
}

wr_status wri_from_f64(const wr_type *t, wri_time_format tf, double v, wr_arena *ar, wr_value *outp) {
    *outp = (wr_value){0};
    char text[WR_TEXT_MAX];
    if (isnan(v)) outp->null = true;
    else if (t->kind == WR_T_BOOLEAN) outp->i64 = v != 0;
    else if (t->kind == WR_T_REAL || t->kind == WR_T_DOUBLE)
        return fit_f64(t, v, &outp->f64) ? WR_OK : WR_EDATA;
    else if (t->kind == WR_T_JSON && isinf(v)) return WR_EDATA;
    else if (wr_kind_is_text(t->kind)) {
        size_t n = wr_write_f64(v, text);
        return made_text(t, text, n, ar, outp);
    } else if (wr_kind_is_int(t->kind) || t->kind == WR_T_DECIMAL ||
               (t->kind == WR_T_TIMESTAMP && tf != WRI_TIME_ISO))
        return wri_from_text(t, tf, text, wr_write_f64(v, text), ar, outp);
    else return WR_EDATA;
    return WR_OK;
}

wr_status wri_from_bool(const wr_type *t, bool v, wr_arena *ar, wr_value *outp) {
    if (wr_kind_is_text(t->kind)) {
        *outp = (wr_value){0};
        return made_text(t, v ? "true" : "false", v ? 4 : 5, ar, outp);
    }
    if (t->kind != WR_T_BOOLEAN && !wr_kind_is_num(t->kind)) return WR_EDATA;
    return wri_from_i64(t, WRI_TIME_ISO, v, ar, outp);
}

/* ---- values to text ---- */

/* Whole units when nothing would be lost, else with a fraction. */
static size_t write_epoch(wri_time_format tf, int64_t us, char *out) {
    static const int64_t units[] = {
        [WRI_TIME_EPOCH_S] = 1000000, [WRI_TIME_EPOCH_MS] = 1000, [WRI_TIME_EPOCH_US] = 1};
    if (us % units[tf] == 0) return wr_write_i64(us / units[tf], out);
    size_t n = wr_write_decimal(us, tf == WRI_TIME_EPOCH_S ? 6 : 3, out);
    while (out[n - 1] == '0') n--;
    return n;
}

size_t wri_to_text(const wr_type *t, wri_time_format tf, const wr_col *c, uint32_t i, char *out) {
    switch (t->kind) {
    case WR_T_BOOLEAN:
        memcpy(out, c->i64[i] ? "true" : "false", 5);
        return c->i64[i] ? 4 : 5;
    case WR_T_DECIMAL:
        return wr_write_decimal(c->i64[i], t->scale, out);
    case WR_T_REAL:
        return wr_write_f32((float)c->f64[i], out);
    case WR_T_DOUBLE:
        return wr_write_f64(c->f64[i], out);
    case WR_T_DATE:
        return wr_write_date(c->i64[i], out);
    case WR_T_TIME:
        return wr_write_time(c->i64[i], t->prec, out);
    case WR_T_TIMESTAMP:
        return tf == WRI_TIME_ISO ? wr_write_timestamp(c->i64[i], t->prec, true, out)
                                  : write_epoch(tf, c->i64[i], out);
    case WR_T_INTERVAL_DAY:
    case WR_T_INTERVAL_MONTH:
        return wr_write_interval(c->i64[i], t->kind, out);
    default:
        return wr_write_i64(c->i64[i], out);
    }
}

/* ---- reasons ---- */

void wri_excerpt(const char *p, size_t n, char *out, size_t cap) {
    size_t at = 0, shown = 0, i = 0;
    if (cap < 16) {
        if (cap) *out = 0;
        return;
    }
    out[at++] = '\'';
    while (i < n && shown < EXCERPT_CHARS && at + 12 < cap) {
        size_t len = 1;
        while (len < 4 && i + len < n && (p[i + len] & 0xc0) == 0x80) len++;
        unsigned char c = (unsigned char)p[i];
        if (c >= 0x20 && c != 0x7f && wr_utf8_valid(p + i, len)) {
            memcpy(out + at, p + i, len);
            at += len;
        } else {
            len = 1;
            at += (size_t)snprintf(out + at, cap - at, "\\x%02x", c);
        }
        i += len;
        shown++;
    }
    snprintf(out + at, cap - at, "%s'", i < n ? "…" : "");
}

void wri_why(char out[WRI_WHY_MAX], const wr_field *f, wri_time_format tf, const char *p, size_t n) {
    static const char *const hints[] = {"", " as seconds since 1970", " as milliseconds since 1970",
                                        " as microseconds since 1970"};
    char found[EXCERPT_CHARS * 4 + 16], type[64], name[EXCERPT_CHARS * 4 + 16];
    double number;
    wr_type t = f->type;
    t.not_null = false;
    wr_type_print(t, type, sizeof type);
    wri_excerpt(p, n, found, sizeof found);
    wri_excerpt(f->name, strlen(f->name), name, sizeof name);
    name[strlen(name) - 1] = 0; /* without the quotes */
    const char *verb = "is no";
    if ((wr_kind_is_num(t.kind)) && n > 0 && wr_read_f64(p, n, &number)) {
        bool whole = number == trunc(number);
        verb = wr_kind_is_int(t.kind) && !whole ? "is no whole number for" : "is out of range for";
    }
    if (wr_kind_is_text(t.kind) && t.kind != WR_T_JSON)
        snprintf(out, WRI_WHY_MAX, "%s: %s is no UTF-8 text", name + 1, found);
    else if (t.kind == WR_T_VARBINARY)
        snprintf(out, WRI_WHY_MAX, "%s: %s is no base64 text", name + 1, found);
    else if (t.kind == WR_T_TIMESTAMP)
        snprintf(out, WRI_WHY_MAX, "%s: %s is no %s%s", name + 1, found, type, hints[tf]);
    else snprintf(out, WRI_WHY_MAX, "%s: %s %s %s", name + 1, found, verb, type);
}

wr_status wri_format_options(const wr_option *opts, size_t n_opts, const wr_kv *kvs, size_t n_kvs, void *out,
                             size_t size, wr_err *err) {
    bool *known = wr_calloc(n_kvs + 1, sizeof *known);
    if (!known) return wr_fail_oom(err, "the options of a format");
    wr_status s = wr_options_read(opts, n_opts, kvs, n_kvs, known, out, size, NULL, err);
    wr_free(known);
    return s;
}

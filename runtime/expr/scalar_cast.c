/* runtime/expr/scalar_cast.c -- CAST and TRY_CAST of one value.
 *
 *   to integers  numbers are rounded to the nearest, halves away from zero, and must fit
 *   to text      as core/text.h writes; must fit VARCHAR(n), while text itself is cut to n characters
 *   from text    blanks around are ignored; anything that is not wholly a value fails the row; a date may
 * have a time of day behind it times        more precision than the type has is cut off (towards the past) */
#include <math.h>

#include "expr_int.h"

#define DAY_US (86400 * WR_US_PER_SECOND)

/* ---- numbers ---- */

bool wri_f64_to_decimal(double v, uint32_t prec, uint32_t scale, int64_t *outp) {
    double x = v * (double)wri_ten_to(scale), r = round(x);
    /* Far from a tie the product's rounding error cannot matter. */
    if (fabs(x) < 0x1p40 && fabs(fabs(x - r) - 0.5) > 0x1p-10) {
        int64_t lo, hi;
        wri_bounds((wr_type){.kind = WR_T_DECIMAL, .prec = prec, .scale = (uint8_t)scale}, &lo, &hi);
        *outp = (int64_t)r;
        return *outp >= lo && *outp <= hi;
    }
    if (!(fabs(v) < 1e19)) return false;
    char text[WR_TEXT_MAX];
    return wr_read_decimal(text, wr_write_f64(v, text), prec, scale, true, outp);
}

double wri_decimal_to_f64(int64_t v, uint32_t scale) {
    /* Both sides exact: one correctly rounded division. */
    if (v > -(INT64_C(1) << 53) && v < INT64_C(1) << 53) return (double)v / (double)wri_ten_to(scale);
    char text[WR_TEXT_MAX];
    double d;
    size_t n = wr_write_decimal(v, scale, text);
    return wr_read_f64(text, n, &d) ? d : (double)v / (double)wri_ten_to(scale);
}

static const char *to_decimal(const wr_expr *e, wr_type from, wr_value in, wr_value *outp) {
    wr_type to = e->type;
    int up = to.scale - (from.kind == WR_T_DECIMAL ? from.scale : 0);
    if (wr_type_phys(from) == WR_F64)
        return wri_f64_to_decimal(in.f64, to.prec, to.scale, &outp->i64) ? NULL : wri_out_of_range(to);
    __int128 v = in.i64;
    return wri_fit(to, up >= 0 ? v * wri_ten_to((uint32_t)up) : wri_div_round(v, wri_ten_to((uint32_t)-up)),
                   outp);
}

static const char *to_integer(const wr_expr *e, wr_type from, wr_value in, wr_value *outp) {
    wr_type to = e->type;
    int64_t v = in.i64;
    if (wr_type_phys(from) == WR_F64 && !wri_round_i64(in.f64, &v)) return wri_out_of_range(to);
    if (from.kind == WR_T_DECIMAL) v = (int64_t)wri_div_round(v, wri_ten_to(from.scale));
    return wri_fit(to, v, outp);
}

static const char *to_float(const wr_expr *e, wr_type from, wr_value in, wr_value *outp) {
    double v = wr_type_phys(from) == WR_F64 ? in.f64
               : from.kind == WR_T_DECIMAL  ? wri_decimal_to_f64(in.i64, from.scale)
                                            : (double)in.i64;
    if (e->type.kind == WR_T_REAL) v = (double)(float)v;
    return wri_ret_f64(outp, v);
}

/* ---- times ---- */

static int64_t cut_prec(int64_t us, uint32_t prec) {
    return prec >= 6 ? us : wr_floor_to(us, wri_ten_to(6 - prec));
}

static const char *to_time(const wr_expr *e, wr_type from, int64_t v, wr_value *outp) {
    wr_type to = e->type;
    if (from.kind != WR_T_TIME && from.kind != to.kind && (v < WR_TS_MIN || v > WR_TS_MAX))
        return wri_out_of_range(to);
    if (to.kind == WR_T_TIME && from.kind != WR_T_TIME) v = v - wr_floor_div(v, DAY_US) * DAY_US;
    if (to.kind != WR_T_DATE && v > INT64_MIN + DAY_US) v = cut_prec(v, to.prec);
    return wri_fit(to, v, outp);
}

/* ---- from text ---- */

static wr_str trim(const wr_str *s) {
    const char *p = wr_str_data(s), *end = p + s->len;
    while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) p++;
    while (end > p && (end[-1] == ' ' || (end[-1] >= '\t' && end[-1] <= '\r'))) end--;
    return wr_str_make(p, (size_t)(end - p));
}

static bool word_is(const char *p, size_t n, const char *word) {
    if (strlen(word) != n) return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]) != word[i]) return false;
    return true;
}

static bool read_bool(const char *p, size_t n, int64_t *outp) {
    static const char *const words[][2] = {{"false", "true"}, {"f", "t"}, {"no", "yes"},
                                           {"n", "y"},        {"0", "1"}, {"off", "on"}};
    for (size_t i = 0; i < WR_LEN(words); i++)
        for (int b = 0; b < 2; b++)
            if (word_is(p, n, words[i][b])) {
                *outp = b;
                return true;
            }
    return false;
}

static bool digits(const char **pp, const char *end, int64_t *outp) {
    const char *p = *pp;
    int64_t v = 0;
    for (; p < end && *p >= '0' && *p <= '9' && p - *pp < 10; p++) v = v * 10 + (*p - '0');
    bool ok = p > *pp && (p == end || *p < '0' || *p > '9');
    *pp = p;
    *outp = v;
    return ok;
}

/* [+-]years-months */
static bool read_months(const char *p, size_t n, int64_t *outp) {
    const char *end = p + n;
    bool neg = n && *p == '-';
    if (n && (*p == '-' || *p == '+')) p++;
    int64_t y, m = 0;
    if (!digits(&p, end, &y)) return false;
    if (p < end && (*p++ != '-' || !digits(&p, end, &m) || m > 11)) return false;
    *outp = (y * 12 + m) * (neg ? -1 : 1);
    return p == end;
}

/* [+-][days ]hours:minutes[:seconds[.fraction]], or days alone */
static bool read_interval(const char *p, size_t n, int64_t *outp) {
    const char *end = p + n;
    bool neg = n && *p == '-';
    if (n && (*p == '-' || *p == '+')) p++;
    int64_t d = 0, h = 0, rest = 0;
    if (!digits(&p, end, &d)) return false;
    if (p < end && *p == ':') { /* no days: what was read are hours */
        h = d;
        d = 0;
    } else if (p < end) {
        if (*p++ != ' ' || !digits(&p, end, &h) || h > 23) return false;
    }
    if (p < end) { /* the minutes and seconds are a time of day without its hours */
        char text[WR_TEXT_MAX] = "00";
        size_t len = (size_t)(end - p);
        if (len > 3 + 3 + 20 || len < 3) return false;
        memcpy(text + 2, p, len);
        len += 2;
        if (len == 5) {
            memcpy(text + len, ":00", 3);
            len += 3;
        }
        if (!wr_read_time(text, len, &rest)) return false;
    }
    __int128 us = (__int128)d * DAY_US + (__int128)h * 3600 * WR_US_PER_SECOND + rest;
    if (us > INT64_MAX) return false;
    *outp = (int64_t)(neg ? -us : us);
    return true;
}

/* What a text that is none is told. */
static const char *const wanted[WR_N_KINDS] = {
    [WR_T_BOOLEAN] = "BOOLEAN; expected TRUE or FALSE",
    [WR_T_TINYINT] = "TINYINT",
    [WR_T_SMALLINT] = "SMALLINT",
    [WR_T_INTEGER] = "INTEGER",
    [WR_T_BIGINT] = "BIGINT",
    [WR_T_DECIMAL] = "DECIMAL",
    [WR_T_REAL] = "REAL",
    [WR_T_DOUBLE] = "DOUBLE",
    [WR_T_DATE] = "DATE; expected 2026-01-31",
    [WR_T_TIME] = "TIME; expected 23:59:59",
    [WR_T_TIMESTAMP] = "TIMESTAMP; expected 2026-01-31 23:59:59",
    [WR_T_INTERVAL_DAY] = "INTERVAL; expected +2 23:59:59",
    [WR_T_INTERVAL_MONTH] = "INTERVAL; expected +2-06",
};

static const char *from_text(wri_call *c, const wr_str *s, wr_value *outp) {
    wr_type to = c->e->type;
    wr_str t = trim(s);
    const char *p = wr_str_data(&t);
    size_t n = t.len;
    bool ok = false;
    switch ((wr_kind)to.kind) {
    case WR_T_BOOLEAN:
        ok = read_bool(p, n, &outp->i64);
        break;
    case WR_T_TINYINT:
    case WR_T_SMALLINT:
    case WR_T_INTEGER:
    case WR_T_BIGINT:
        ok = wr_read_i64(p, n, &outp->i64);
        if (ok) return wri_fit(to, outp->i64, outp);
        break;
    case WR_T_DECIMAL:
        ok = wr_read_decimal(p, n, to.prec, to.scale, true, &outp->i64);
        break;
    case WR_T_REAL:
    case WR_T_DOUBLE:
        ok = wr_read_f64(p, n, &outp->f64);
        if (ok && to.kind == WR_T_REAL) outp->f64 = (double)(float)outp->f64;
        ok = ok && isfinite(outp->f64);
        break;
    case WR_T_DATE:
        ok = wr_read_timestamp(p, n, &outp->i64); /* also a date alone */
        if (ok) outp->i64 = wr_floor_to(outp->i64, DAY_US);
        break;
    case WR_T_TIME:
        ok = wr_read_time(p, n, &outp->i64);
        break;
    case WR_T_TIMESTAMP:
        ok = wr_read_timestamp(p, n, &outp->i64);
        break;
    case WR_T_INTERVAL_DAY:
        ok = read_interval(p, n, &outp->i64);
        break;
    case WR_T_INTERVAL_MONTH:
        ok = read_months(p, n, &outp->i64);
        break;
    default:
        break;
    }
    if (!ok) return wri_bad_text(c, s, wanted[to.kind]);
    if (to.kind == WR_T_TIMESTAMP || to.kind == WR_T_TIME) outp->i64 = cut_prec(outp->i64, to.prec);
    return NULL;
}

/* ---- to text ---- */

static size_t write_value(wr_type from, wr_value in, char *out) {
    switch ((wr_kind)from.kind) {
    case WR_T_BOOLEAN:
        memcpy(out, in.i64 ? "TRUE" : "FALSE", 5);
        return in.i64 ? 4 : 5;
    case WR_T_DECIMAL:
        return wr_write_decimal(in.i64, from.scale, out);
    case WR_T_REAL:
        return wr_write_f32((float)in.f64, out);
    case WR_T_DOUBLE:
        return wr_write_f64(in.f64, out);
    case WR_T_DATE:
        return wr_write_date(in.i64, out);
    case WR_T_TIME:
        return wr_write_time(in.i64, from.prec, out);
    case WR_T_TIMESTAMP:
        return wr_write_timestamp(in.i64, from.prec, false, out);
    case WR_T_INTERVAL_DAY:
    case WR_T_INTERVAL_MONTH:
        return wr_write_interval(in.i64, (wr_kind)from.kind, out);
    default:
        return wr_write_i64(in.i64, out);
    }
}

static const char *pad(wri_call *c, const char *p, size_t n, size_t chars, wr_value *outp) {
    const char *why;
    size_t blanks = c->e->type.prec - chars;
    char *out = wri_room(c, n + blanks, &why);
    if (!out) return why;
    memcpy(out, p, n);
    memset(out + n, ' ', blanks);
    outp->str = wr_str_make(out, n + blanks);
    return NULL;
}

static const char *text_to_text(wri_call *c, const wr_value *a, wr_value *outp) {
    wr_type from = c->e->args[0]->type, to = c->e->type;
    const char *p = wr_str_data(&a->str), *end = p + a->str.len;
    if (from.kind == WR_T_VARBINARY && to.kind != WR_T_VARBINARY && !wr_utf8_valid(p, a->str.len))
        return "bytes that are no UTF-8 text";
    if (to.kind == WR_T_JSON && from.kind != WR_T_JSON && !wri_is_json(&a->str))
        return wri_bad_text(c, &a->str, "JSON");
    outp->str = a->str;
    if (to.prec == 0) return NULL;
    if (to.kind == WR_T_VARBINARY) {
        if (a->str.len > to.prec) outp->str = wr_str_make(p, to.prec);
        return NULL;
    }
    if (a->str.len > to.prec) { /* fewer bytes than n can never be more than n characters */
        const char *cut = wri_skip_chars(p, end, to.prec);
        if (cut < end) outp->str = wr_str_make(p, (size_t)(cut - p));
    }
    if (to.kind != WR_T_CHAR) return NULL;
    size_t chars = wri_chars(p, outp->str.len);
    return chars < to.prec ? pad(c, p, outp->str.len, chars, outp) : NULL;
}

/* A number, true or false; what JSON has no value for is text in quotes, Infinity is null. */
static size_t write_json(wr_type from, wr_value in, char *out) {
    wr_kind k = (wr_kind)from.kind;
    if (k == WR_T_BOOLEAN) {
        memcpy(out, in.i64 ? "true" : "false", 5);
        return in.i64 ? 4 : 5;
    }
    if (wr_type_phys(from) == WR_F64 && !isfinite(in.f64)) {
        memcpy(out, "null", 4);
        return 4;
    }
    if (wr_kind_is_num(k)) return write_value(from, in, out);
    size_t n = write_value(from, in, out + 1);
    out[0] = out[n + 1] = '"';
    return n + 2;
}

static const char *to_text(wri_call *c, wr_type from, wr_value in, wr_value *outp) {
    wr_type to = c->e->type;
    char text[WR_TEXT_MAX + 2];
    size_t n = to.kind == WR_T_JSON ? write_json(from, in, text) : write_value(from, in, text);
    if (to.prec && n > to.prec) {
        bool interval = from.kind == WR_T_INTERVAL_DAY || from.kind == WR_T_INTERVAL_MONTH;
        if (!interval) return "text too long for the type";
        n = to.prec;
    }
    if (to.kind == WR_T_CHAR && to.prec > n) return pad(c, text, n, n, outp);
    return wri_ret_copy(c, text, n, outp);
}

const char *wri_cast_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    const wr_expr *e = c->e;
    wr_type from = e->args[0]->type, to = e->type;
    if (from.kind == WR_T_NULL) return wri_ret_null(outp);
    wr_phys in = wr_type_phys(from), out = wr_type_phys(to);
    if (in == WR_STR) return out == WR_STR ? text_to_text(c, a, outp) : from_text(c, &a->str, outp);
    if (out == WR_STR) return to_text(c, from, *a, outp);
    if (out == WR_F64) return to_float(e, from, *a, outp);
    switch ((wr_kind)to.kind) {
    case WR_T_BOOLEAN:
        return wri_ret_i64(outp, in == WR_F64 ? a->f64 != 0 : a->i64 != 0);
    case WR_T_DECIMAL:
        return to_decimal(e, from, *a, outp);
    case WR_T_DATE:
    case WR_T_TIME:
    case WR_T_TIMESTAMP:
    case WR_T_INTERVAL_DAY:
        if (in == WR_I64 && (wr_kind_is_time((wr_kind)from.kind) || from.kind == WR_T_INTERVAL_DAY))
            return to_time(e, from, a->i64, outp);
        return to_integer(e, from, *a, outp);
    default:
        return to_integer(e, from, *a, outp);
    }
}

const char *wri_try_cast_scalar(wri_call *c, const wr_value *a, wr_value *outp) {
    const char *why = wri_cast_scalar(c, a, outp);
    return why && !c->oom ? wri_ret_null(outp) : why;
}

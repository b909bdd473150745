/* planner/bind_interval.c -- interval literals, and constants of clauses.
 *
 * INTERVAL '2 12:00:00' DAY TO SECOND is read field by field: the leading field has any number of digits
 * (as many as its precision says, when given), later ones have their range (HOUR 0..23, MINUTE and SECOND
 * 0..59, MONTH 0..11), and a trailing SECOND may have a fraction. Values are microseconds or months. */
#include "bind_int.h"

int64_t wri_us_of_unit(wr_unit u) {
    switch (u) {
    case WR_U_WEEK:
        return 7 * WRI_US_DAY;
    case WR_U_DAY:
        return WRI_US_DAY;
    case WR_U_HOUR:
        return WRI_US_HOUR;
    case WR_U_MINUTE:
        return WRI_US_MINUTE;
    case WR_U_SECOND:
        return WRI_US_SECOND;
    case WR_U_MILLISECOND:
        return WRI_US_MILLISECOND;
    case WR_U_MICROSECOND:
        return 1;
    default:
        return 0;
    }
}

int64_t wri_months_of_unit(wr_unit u) {
    return u == WR_U_YEAR ? 12 : u == WR_U_QUARTER ? 3 : u == WR_U_MONTH ? 1 : 0;
}

/* ---- units ---- */

/* Place in a literal of several fields; -1: stands alone only. */
static int field_of(wr_unit u) {
    switch (u) {
    case WR_U_YEAR:
        return 0;
    case WR_U_MONTH:
        return 1;
    case WR_U_DAY:
        return 2;
    case WR_U_HOUR:
        return 3;
    case WR_U_MINUTE:
        return 4;
    case WR_U_SECOND:
        return 5;
    default:
        return -1;
    }
}

bool wri_check_units(wri_binder *b, const wr_ast *e) {
    wr_unit u = e->unit, v = e->unit2;
    if (!wri_us_of_unit(u) && !wri_months_of_unit(u)) {
        wri_bind_error(b, e->loc, "units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND",
                       u == WR_U_NONE ? "an interval needs a unit" : "%s is no unit of an interval",
                       u == WR_U_OTHER ? "this" : wr_unit_name(u));
        return false;
    }
    if (v == WR_U_NONE || v == u) return true;
    int first = field_of(u), last = field_of(v);
    if (first >= 0 && last > first && (first < 2) == (last < 2)) return true;
    const char *why = first < 0 || last < 0       ? "one of them stands alone only"
                      : (first < 2) != (last < 2) ? "months and days do not mix"
                                                  : "the second unit must be the smaller one";
    wri_bind_error(b, e->loc, NULL, "%s TO %s is no interval: %s", wr_unit_name(u), wr_unit_name(v), why);
    return false;
}

/* ---- literals ---- */

static const char *units_text(wri_binder *b, const wr_ast *e) {
    if (e->unit2 == WR_U_NONE || e->unit2 == e->unit) return wr_unit_name(e->unit);
    const char *s = wr_arena_printf(b->d->ar, "%s TO %s", wr_unit_name(e->unit), wr_unit_name(e->unit2));
    return s ? s : wr_unit_name(e->unit);
}

/* How a literal of these units is written: "days hours:minutes:seconds". */
static const char *pattern(wri_binder *b, const wr_ast *e) {
    static const char *const names[] = {"years", "months", "days", "hours", "minutes", "seconds"};
    static const char *const before[] = {"", "-", "", " ", ":", ":"};
    int first = field_of(e->unit), last = e->unit2 == WR_U_NONE ? first : field_of(e->unit2);
    if (first < 0) return "a number";
    const char *s = wr_arena_printf(b->d->ar, "'%s", names[first]);
    for (int f = first + 1; s && f <= last; f++)
        s = wr_arena_printf(b->d->ar, "%s%s%s", s, before[f], names[f]);
    if (s) s = wr_arena_printf(b->d->ar, last == 5 ? "%s[.fraction]'" : "%s'", s);
    return s ? s : "";
}

typedef struct reader {
    wri_binder *b;
    const wr_ast *e; /* unit, unit2, prec, prec2 */
    const char *text, *p;
    wr_loc loc;
    __int128 total; /* microseconds or months */
} reader;

static bool misfit(reader *r) {
    const char *hint = NULL;
    wr_unit u = r->e->unit;
    bool colons = strchr(r->text, ':') != NULL;
    if (colons && r->e->unit2 == WR_U_NONE && (u == WR_U_HOUR || u == WR_U_MINUTE))
        hint = wr_arena_printf(r->b->d->ar, "write INTERVAL '%s' %s TO %s", r->text, wr_unit_name(u),
                               u == WR_U_HOUR ? "MINUTE" : "SECOND");
    wri_bind_error(r->b, r->loc, hint, "INTERVAL %s is written %s, found '%s'", units_text(r->b, r->e),
                   pattern(r->b, r->e), r->text);
    return false;
}

static bool too_large(reader *r) {
    wri_bind_error(r->b, r->loc, NULL, "INTERVAL '%s' %s is too large", r->text, units_text(r->b, r->e));
    return false;
}

static bool digits(reader *r, __int128 *vp, uint32_t *np) {
    *vp = 0;
    *np = 0;
    for (; *r->p >= '0' && *r->p <= '9'; r->p++) {
        if (*vp > INT64_MAX) return too_large(r);
        *vp = *vp * 10 + (*r->p - '0');
        ++*np;
    }
    return *np > 0 || misfit(r);
}

/* One field; f: its place, lead: the first of the literal. */
static bool read_field(reader *r, wr_unit u, bool lead) {
    static const int limit[] = {0, 11, 0, 23, 59, 59};
    __int128 v;
    uint32_t n;
    if (!digits(r, &v, &n)) return false;
    if (lead && r->e->prec && n > r->e->prec) {
        wri_bind_error(r->b, r->loc, NULL, "'%s' has %u digits, %s(%u) takes at most %u", r->text, n,
                       wr_unit_name(u), r->e->prec, r->e->prec);
        return false;
    }
    if (!lead && v > limit[field_of(u)]) {
        wri_bind_error(r->b, r->loc, NULL, "'%s': %s must be 0 to %d here", r->text, wr_unit_name(u),
                       limit[field_of(u)]);
        return false;
    }
    int64_t us = wri_us_of_unit(u);
    r->total += v * (us ? us : wri_months_of_unit(u));
    return r->total <= INT64_MAX || too_large(r);
}

static bool read_fraction(reader *r) {
    __int128 v;
    uint32_t n, most = r->e->prec2 ? r->e->prec2 - 1 : 6;
    if (most > 6) most = 6;
    r->p++;
    if (!digits(r, &v, &n)) return false;
    if (n > most) {
        wri_bind_error(r->b, r->loc, NULL, "'%s' has %u fraction digits, at most %u are kept", r->text, n,
                       most);
        return false;
    }
    for (; n < 6; n++) v *= 10;
    r->total += v;
    return r->total <= INT64_MAX || too_large(r);
}

static bool separator(reader *r, wr_unit u) {
    if (u == WR_U_MONTH) return *r->p == '-' ? (r->p++, true) : misfit(r);
    if (u != WR_U_HOUR) return *r->p == ':' ? (r->p++, true) : misfit(r);
    if (*r->p != ' ') return misfit(r);
    while (*r->p == ' ') r->p++;
    return true;
}

static bool read_all(reader *r, int64_t *outp) {
    static const wr_unit units[] = {WR_U_YEAR, WR_U_MONTH, WR_U_DAY, WR_U_HOUR, WR_U_MINUTE, WR_U_SECOND};
    const wr_ast *e = r->e;
    bool negative = false;
    for (; *r->p == ' ' || *r->p == '-' || *r->p == '+'; r->p++) negative ^= *r->p == '-';
    if (!read_field(r, e->unit, true)) return false;
    wr_unit last = e->unit2 == WR_U_NONE ? e->unit : e->unit2;
    for (int f = field_of(e->unit) + 1; last != e->unit && f <= field_of(last); f++)
        if (!separator(r, units[f]) || !read_field(r, units[f], false)) return false;
    if (last == WR_U_SECOND && *r->p == '.' && !read_fraction(r)) return false;
    while (*r->p == ' ') r->p++;
    if (*r->p) return misfit(r);
    *outp = (int64_t)(negative ? -r->total : r->total);
    return true;
}

wr_expr *wri_read_interval(wri_binder *b, const wr_ast *e, const char *text, wr_loc loc) {
    int64_t v = 0;
    reader r = {.b = b, .e = e, .text = text, .p = text, .loc = loc};
    if (!wri_check_units(b, e) || !read_all(&r, &v)) return &wri_failed;
    wr_expr *x =
        wri_mk_i64(b, v, wr_type_of(wri_us_of_unit(e->unit) ? WR_T_INTERVAL_DAY : WR_T_INTERVAL_MONTH), loc);
    if (!wri_is_bad(x) && (e->unit2 == WR_U_NONE || e->unit2 == e->unit)) x->unit = e->unit;
    return x;
}

wr_expr *wri_bind_interval(wri_binder *b, const wr_ast *e) {
    return wri_read_interval(b, e, e->text, e->loc);
}

/* ---- constants of clauses ---- */

bool wri_const_interval_us(wri_binder *b, const wr_ast *e, const char *what, int64_t *outp) {
    *outp = 0;
    wr_expr *x = wri_bind(b, e);
    if (wri_is_bad(x)) return false;
    const char *hint = "for example INTERVAL '1' MINUTE";
    if (x->type.kind == WR_T_INTERVAL_MONTH)
        wri_bind_error(b, e->loc, "use days, for example INTERVAL '30' DAY",
                       "%s must have a fixed length; months and years have none", what);
    else if (x->type.kind != WR_T_INTERVAL_DAY)
        wri_bind_error(b, e->loc, hint, "%s must be an INTERVAL, found %s", what, wri_type_text(b, x->type));
    else if (x->kind != WR_X_CONST) wri_bind_error(b, e->loc, hint, "%s must be a constant INTERVAL", what);
    else if (x->value.null) wri_bind_error(b, e->loc, hint, "%s must not be NULL", what);
    else {
        *outp = x->value.i64;
        return true;
    }
    return false;
}

bool wri_const_int(wri_binder *b, const wr_ast *e, const char *what, int64_t *outp) {
    *outp = 0;
    wr_expr *x = wri_bind(b, e);
    if (wri_is_bad(x)) return false;
    if (!wri_is_null(x) && !wr_kind_is_int((wr_kind)x->type.kind))
        wri_bind_error(b, e->loc, NULL, "%s must be an integer, found %s", what, wri_type_text(b, x->type));
    else if (x->kind != WR_X_CONST) wri_bind_error(b, e->loc, NULL, "%s must be a constant integer", what);
    else if (x->value.null) wri_bind_error(b, e->loc, NULL, "%s must not be NULL", what);
    else {
        *outp = x->value.i64;
        return true;
    }
    return false;
}

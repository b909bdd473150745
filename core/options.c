/* core/options.c -- option tables: values from text, checks, suggestions.
 *
 * A value is parsed into the member of the caller's struct that the table names. A message says which
 * option, what was found and what would have been right. Pure functions; any thread. */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"

#define SHOWN_MAX 60 /* bytes of a user's text that a message repeats */

/* s cut to what fits a message, its control bytes shown as '?', so that a message stays one line. */
static const char *shown(const char *s, char out[SHOWN_MAX + 4]) {
    size_t n = strnlen(s, SHOWN_MAX + 1);
    bool cut = n > SHOWN_MAX;
    if (cut)
        for (n = SHOWN_MAX; n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80;) n--; /* not inside a character */
    for (size_t i = 0; i < n; i++) out[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i];
    memcpy(out + n, cut ? "..." : "", cut ? 4 : 1);
    return out;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static bool space(char c) { return c == ' ' || c == '\t'; }

/* s equals the n bytes at p, whatever their case; '-' and '_' are one, as people write both. */
static bool same(const char *s, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char a = lower(s[i]), b = lower(p[i]);
        if ((a == '-' ? '_' : a) != (b == '-' ? '_' : b) || a == 0) return false;
    }
    return s[n] == 0;
}

/* ---- numbers with units ---- */

typedef struct unit {
    const char *name; /* lower case */
    int64_t factor;
} unit;

static const unit byte_units[] = {
    {"b", 1},
    {"byte", 1},
    {"bytes", 1},
    {"kb", 1000},
    {"mb", 1000000},
    {"gb", 1000000000},
    {"tb", INT64_C(1000000000000)},
    {"k", 1024},
    {"kib", 1024},
    {"m", 1 << 20},
    {"mib", 1 << 20},
    {"g", 1 << 30},
    {"gib", 1 << 30},
    {"t", INT64_C(1) << 40},
    {"tib", INT64_C(1) << 40},
};

#define SECOND WR_US_PER_SECOND
static const unit time_units[] = {
    {"us", 1},
    {"micros", 1},
    {"microsecond", 1},
    {"microseconds", 1},
    {"ms", 1000},
    {"millis", 1000},
    {"millisecond", 1000},
    {"milliseconds", 1000},
    {"s", SECOND},
    {"sec", SECOND},
    {"secs", SECOND},
    {"second", SECOND},
    {"seconds", SECOND},
    {"m", 60 * SECOND},
    {"min", 60 * SECOND},
    {"mins", 60 * SECOND},
    {"minute", 60 * SECOND},
    {"minutes", 60 * SECOND},
    {"h", 3600 * SECOND},
    {"hour", 3600 * SECOND},
    {"hours", 3600 * SECOND},
    {"d", 86400 * SECOND},
    {"day", 86400 * SECOND},
    {"days", 86400 * SECOND},
};

static const unit *unit_find(const unit *units, size_t n_units, const char *p, size_t n) {
    for (size_t i = 0; i < n_units; i++)
        if (same(units[i].name, p, n)) return &units[i];
    return NULL;
}

/* The digits of "12" or "1.5" as whole * 10^-digits. */
typedef struct number {
    int64_t whole;
    int64_t scale; /* 10^digits behind the point */
} number;

/* Reads a number at s and returns what follows it; NULL: no number, or too large. */
static const char *read_number(const char *s, number *out) {
    *out = (number){.scale = 1};
    bool any = false, point = false;
    for (;; s++) {
        if (*s == '.' && !point) {
            point = true;
            continue;
        }
        if (*s < '0' || *s > '9') break;
        any = true;
        if (__builtin_mul_overflow(out->whole, 10, &out->whole) ||
            __builtin_add_overflow(out->whole, *s - '0', &out->whole))
            return NULL;
        if (point && __builtin_mul_overflow(out->scale, 10, &out->scale)) return NULL;
    }
    return any ? s : NULL;
}

/* "5 seconds" in the smallest unit; bare: a number without a unit counts as that unit. */
static bool read_quantity(const char *s, const unit *units, size_t n_units, bool bare, int64_t *outp) {
    number num;
    while (space(*s)) s++;
    s = read_number(s, &num);
    if (!s) return false;
    while (space(*s)) s++;
    size_t n = strlen(s);
    while (n > 0 && space(s[n - 1])) n--;
    int64_t factor = 1;
    if (n > 0) {
        const unit *u = unit_find(units, n_units, s, n);
        if (!u) return false;
        factor = u->factor;
    } else if (!bare && num.whole != 0) return false;
    __int128 v = (__int128)num.whole * factor;
    if (v % num.scale != 0) return false; /* "0.5 us" is no duration */
    v /= num.scale;
    if (v > INT64_MAX) return false;
    *outp = (int64_t)v;
    return true;
}

wr_status wr_parse_bytes(const char *s, int64_t *outp, wr_err *err) {
    char buf[SHOWN_MAX + 4];
    *outp = 0;
    if (read_quantity(s, byte_units, WR_LEN(byte_units), true, outp)) return WR_OK;
    return wr_fail(err, WR_EINVAL, "found '%s', expected a size like 512, 64KiB or 10MB", shown(s, buf));
}

wr_status wr_parse_duration(const char *s, int64_t *outp_us, wr_err *err) {
    char buf[SHOWN_MAX + 4];
    *outp_us = 0;
    if (read_quantity(s, time_units, WR_LEN(time_units), false, outp_us)) return WR_OK;
    return wr_fail(err, WR_EINVAL, "found '%s', expected a duration like 50ms, 2 seconds, 1m or 1h",
                   shown(s, buf));
}

/* ---- the range of an option, as people write it ---- */

static void print_bound(wr_opt_type type, int64_t v, char *out, size_t n) {
    static const unit bytes[] = {
        {"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1024}};
    static const unit times[] = {{" d", 86400 * SECOND}, {" h", 3600 * SECOND}, {" min", 60 * SECOND},
                                 {" s", SECOND},         {" ms", 1000},         {" us", 1}};
    const unit *units = type == WR_OPT_BYTES ? bytes : times;
    size_t n_units = type == WR_OPT_BYTES ? WR_LEN(bytes) : type == WR_OPT_DURATION ? WR_LEN(times) : 0;
    for (size_t i = 0; i < n_units; i++)
        if (v != 0 && v % units[i].factor == 0) {
            snprintf(out, n, "%" PRId64 "%s", v / units[i].factor, units[i].name);
            return;
        }
    snprintf(out, n, "%" PRId64, v);
}

/* Says that the value lies outside min..max; an open end is left out. */
static wr_status out_of_range(const wr_option *o, const char *value, wr_err *err) {
    char buf[SHOWN_MAX + 4], lo[40], hi[40];
    print_bound(o->type, o->min, lo, sizeof lo);
    print_bound(o->type, o->max, hi, sizeof hi);
    if (o->max == INT64_MAX)
        return wr_fail(err, WR_EINVAL, "found '%s', expected %s or more", shown(value, buf), lo);
    if (o->min == INT64_MIN)
        return wr_fail(err, WR_EINVAL, "found '%s', expected %s or less", shown(value, buf), hi);
    return wr_fail(err, WR_EINVAL, "found '%s', expected %s to %s", shown(value, buf), lo, hi);
}

static bool in_range(const wr_option *o, int64_t v) {
    return (o->min == 0 && o->max == 0) || (v >= o->min && v <= o->max);
}

/* ---- one value ---- */

static wr_status read_bool(const char *s, bool *outp, wr_err *err) {
    char buf[SHOWN_MAX + 4];
    *outp = same("true", s, strlen(s));
    if (*outp || same("false", s, strlen(s))) return WR_OK;
    return wr_fail(err, WR_EINVAL, "found '%s', expected true or false", shown(s, buf));
}

/* One byte; a tab may be written \t, because SQL has no escapes. */
static wr_status read_char(const char *s, char *outp, wr_err *err) {
    char buf[SHOWN_MAX + 4];
    *outp = s[0];
    if (s[0] && !s[1]) return WR_OK;
    if (strcmp(s, "\\t") == 0) {
        *outp = '\t';
        return WR_OK;
    }
    return wr_fail(err, WR_EINVAL, "found '%s', expected one character of one byte (\\t for a tab)",
                   shown(s, buf));
}

static wr_status read_int(const wr_option *o, const char *s, int64_t *outp, wr_err *err) {
    char buf[SHOWN_MAX + 4];
    switch (o->type) {
    case WR_OPT_BYTES:
        WR_TRY(wr_parse_bytes(s, outp, err));
        break;
    case WR_OPT_DURATION:
        WR_TRY(wr_parse_duration(s, outp, err));
        break;
    default:
        if (!wr_read_i64(s, strlen(s), outp))
            return wr_fail(err, WR_EINVAL, "found '%s', expected a whole number", shown(s, buf));
    }
    return in_range(o, *outp) ? WR_OK : out_of_range(o, s, err);
}

static wr_status read_double(const wr_option *o, const char *s, double *outp, wr_err *err) {
    char buf[SHOWN_MAX + 4];
    if (!wr_read_f64(s, strlen(s), outp))
        return wr_fail(err, WR_EINVAL, "found '%s', expected a number", shown(s, buf));
    bool checked = o->min != 0 || o->max != 0;
    if (checked && !(*outp >= (double)o->min && *outp <= (double)o->max)) return out_of_range(o, s, err);
    return WR_OK;
}

/* The |-separated list as a sentence: "auto, none or gzip". */
static void print_list(const char *values, char *out, size_t n) {
    size_t len = 0;
    for (const char *p = values, *end; *p && len < n; p = *end ? end + 1 : end) {
        end = p + strcspn(p, "|");
        const char *join = p == values ? "" : !*end ? " or " : ", ";
        int k = snprintf(out + len, n - len, "%s%.*s", join, (int)(end - p), p);
        if (k < 0) return;
        len += (size_t)k;
    }
}

static wr_status read_enum(const wr_option *o, const char *s, int *outp, wr_err *err) {
    char buf[SHOWN_MAX + 4], list[256] = "";
    int i = 0;
    for (const char *p = o->values, *end; *p; p = *end ? end + 1 : end, i++) {
        end = p + strcspn(p, "|");
        if (same(s, p, (size_t)(end - p))) {
            *outp = i;
            return WR_OK;
        }
    }
    print_list(o->values, list, sizeof list);
    return wr_fail(err, WR_EINVAL, "found '%s', expected %s", shown(s, buf), list);
}

/* Parses s into the member at `at`. */
static wr_status read_value(const wr_option *o, const char *s, void *at, wr_err *err) {
    switch (o->type) {
    case WR_OPT_STRING:
        memcpy(at, &s, sizeof s);
        return WR_OK;
    case WR_OPT_CHAR:
        return read_char(s, at, err);
    case WR_OPT_BOOL:
        return read_bool(s, at, err);
    case WR_OPT_INT:
    case WR_OPT_BYTES:
    case WR_OPT_DURATION:
        return read_int(o, s, at, err);
    case WR_OPT_DOUBLE:
        return read_double(o, s, at, err);
    case WR_OPT_ENUM:
        return read_enum(o, s, at, err);
    case WR_OPT_LIST: /* as a whole, below */
        return WR_OK;
    }
    return wr_fail(err, WR_EINTERNAL, "the table of options has an unknown type %d", (int)o->type);
}

/* ---- the table ---- */

static const wr_option *option_find(const wr_option *opts, size_t n_opts, const char *key) {
    for (size_t i = 0; i < n_opts; i++)
        if (same(opts[i].name, key, strlen(key))) return &opts[i];
    return NULL;
}

static wr_status unknown_key(const wr_option *opts, size_t n_opts, const char *key, wr_err *err) {
    char buf[SHOWN_MAX + 4], list[300] = "";
    const char *near = n_opts ? wr_nearest(key, &opts[0].name, n_opts, sizeof opts[0]) : NULL;
    if (near)
        return wr_fail(err, WR_EINVAL, "unknown option '%s'; did you mean '%s'?", shown(key, buf), near);
    if (n_opts == 0)
        return wr_fail(err, WR_EINVAL, "unknown option '%s'; no options are known here", shown(key, buf));
    size_t len = 0;
    for (size_t i = 0; i < n_opts && len < sizeof list; i++) {
        int k = snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", opts[i].name);
        if (k > 0) len += (size_t)k;
    }
    return wr_fail(err, WR_EINVAL, "unknown option '%s'; known options: %s", shown(key, buf), list);
}

/* Whether an earlier key names the same option. */
static bool given_before(const wr_option *o, const wr_kv *kvs, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (same(o->name, kvs[i].key, strlen(kvs[i].key))) return true;
    return false;
}

static void set_defaults(const wr_option *opts, size_t n_opts, void *out) {
    for (size_t i = 0; i < n_opts; i++)
        if (opts[i].def) {
            wr_status s = read_value(&opts[i], opts[i].def, (char *)out + opts[i].offset, NULL);
            WR_ASSERT(s == WR_OK); /* a table whose default its own check refuses */
        }
}

wr_status wr_options_read(const wr_option *opts, size_t n_opts, const wr_kv *kvs, size_t n_kv, bool *known,
                          void *out, size_t size, size_t *at_kv, wr_err *err) {
    size_t unused;
    if (!at_kv) at_kv = &unused;
    *at_kv = n_kv;
    if (size) memset(out, 0, size);
    set_defaults(opts, n_opts, out);
    for (size_t i = 0; i < n_opts; i++)
        if (opts[i].type == WR_OPT_LIST)
            memcpy((char *)out + opts[i].offset, &(wr_kvs){kvs, n_kv}, sizeof(wr_kvs));
    for (size_t i = 0; i < n_kv; i++) {
        const wr_option *o = option_find(opts, n_opts, kvs[i].key);
        if (!o && known) continue;
        *at_kv = i;
        if (!o) return unknown_key(opts, n_opts, kvs[i].key, err);
        if (o->type != WR_OPT_LIST && given_before(o, kvs, i))
            return wr_fail(err, WR_EINVAL, "option '%s' is given twice", o->name);
        wr_status s = read_value(o, kvs[i].value, (char *)out + o->offset, err);
        if (s != WR_OK) return wr_fail_in(err, s, "option '%s'", o->name);
        if (known) known[i] = true;
    }
    *at_kv = n_kv;
    for (size_t i = 0; i < n_opts; i++)
        if (opts[i].required && !given_before(&opts[i], kvs, n_kv))
            return wr_fail(err, WR_EINVAL, "option '%s' is missing: %s", opts[i].name,
                           opts[i].doc ? opts[i].doc : "it must be given");
    return WR_OK;
}

/* ---- did you mean ---- */

#define NEAR_MAX 64 /* longer names are never suggested nor searched for */

/* Changes, insertions, deletions and swaps of neighbours that turn a into b, without regard to case. */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b) {
    uint8_t rows[3][NEAR_MAX + 1];
    uint8_t *prev2 = rows[0], *prev = rows[1], *row = rows[2];
    for (size_t j = 0; j <= n_b; j++) prev[j] = (uint8_t)j;
    memset(prev2, 0, NEAR_MAX + 1);
    for (size_t i = 1; i <= n_a; i++) {
        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= n_b; j++) {
            bool eq = lower(a[i - 1]) == lower(b[j - 1]);
            uint8_t best = (uint8_t)(prev[j - 1] + !eq);
            if (prev[j] + 1 < best) best = (uint8_t)(prev[j] + 1);
            if (row[j - 1] + 1 < best) best = (uint8_t)(row[j - 1] + 1);
            bool swap =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swap && prev2[j - 2] + 1 < best) best = (uint8_t)(prev2[j - 2] + 1);
            row[j] = best;
        }
        uint8_t *t = prev2;
        prev2 = prev;
        prev = row;
        row = t;
    }
    return prev[n_b];
}

const char *wr_nearest(const char *name, const void *names, size_t n, size_t stride) {
    size_t len = strnlen(name, NEAR_MAX + 1);
    if (len == 0 || len > NEAR_MAX) return NULL;
    const char *best = NULL;
    size_t best_d = (len < 3 ? 1 : len / 3) + 1; /* a short name may still be one letter off */
    for (size_t i = 0; i < n; i++) {
        const char *s;
        memcpy(&s, (const char *)names + i * stride, sizeof s);
        size_t k = s ? strnlen(s, NEAR_MAX + 1) : 0;
        if (k == 0 || k > NEAR_MAX) continue;
        size_t d = edit_distance(name, len, s, k);
        if (d < best_d && d < len) { /* d == len: not a letter in common */
            best_d = d;
            best = s;
        }
    }
    return best;
}

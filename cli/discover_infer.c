/* cli/discover_infer.c -- weir discover: from values to types that hold for the next ones, too.
 *
 *   INTEGER    whole numbers within a twentieth of its range; else BIGINT
 *   DOUBLE     numbers, some with a fraction
 *   VARCHAR(n) texts of at most half of n, a power of two from 16 on
 *   TIMESTAMP  each value is a time in one form
 *
 * Whatever is mixed is VARCHAR, which can hold it. */
#include <ctype.h>
#include <math.h>
#include <strings.h>

#include "discover.h"

const char *const wri_moment_patterns[] = {"dd/MMM/yyyy:HH:mm:ss Z", "dd.MM.yyyy HH:mm:ss",
                                           "MM/dd/yyyy HH:mm:ss", "dd/MM/yyyy HH:mm:ss",
                                           "yyyy/MM/dd HH:mm:ss"};

/* The same in digits (9), letters (a) and marks. */
static const char *const shapes[] = {"99/aaa/9999:99:99:99 s9999", "99.99.9999 99:99:99",
                                     "99/99/9999 99:99:99", "99/99/9999 99:99:99", "9999/99/99 99:99:99"};

wri_seen *wri_seen_column(wri_sample *s, const char *path, const char *name, const char *top) {
    const char *key = path ? path : name;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->cols[i].path ? s->cols[i].path : s->cols[i].name, key) == 0) return &s->cols[i];
    if (wr_grow(&s->cols, &s->cap, s->n + 1, sizeof *s->cols) != WR_OK) return NULL;
    wri_seen *c = &s->cols[s->n];
    *c = (wri_seen){
        .min = INT64_MAX, .max = INT64_MIN, .least = INFINITY, .most = -INFINITY, .moment = WRI_M_NONE};
    c->path = path ? wr_arena_strdup(&s->ar, path) : NULL;
    c->name = wr_arena_strdup(&s->ar, name);
    c->top = top ? wr_arena_strdup(&s->ar, top) : NULL;
    if ((path && !c->path) || !c->name || (top && !c->top)) return NULL;
    s->n++;
    return c;
}

/* ---- values ---- */

static void see_moment(wri_seen *c, wri_moment m, int64_t us) {
    if (c->moments[m]++ == 0 || us > c->last_us[m]) c->last_us[m] = us;
    else if (c->last_us[m] - us > c->back_us[m]) c->back_us[m] = c->last_us[m] - us;
}

/* Numbers that are times between 2000 and 2100 in seconds, milliseconds or microseconds. */
static void see_epoch(wri_seen *c, int64_t v) {
    const int64_t from = 946684800, until = INT64_C(4102444800);
    int64_t unit = 1;
    for (int m = WRI_M_SECONDS; m <= WRI_M_MICROS; m++, unit *= 1000)
        if (v >= from * unit && v < until * unit) see_moment(c, (wri_moment)m, v * (1000000 / unit));
}

static void see_number(wri_seen *c, double v) {
    c->least = fmin(c->least, v);
    c->most = fmax(c->most, v);
}

void wri_see_int(wri_seen *c, int64_t v) {
    c->ints++;
    c->min = v < c->min ? v : c->min;
    c->max = v > c->max ? v : c->max;
    see_number(c, (double)v);
    see_epoch(c, v);
}

void wri_see_real(wri_seen *c, double v) {
    c->reals++;
    see_number(c, v);
}

static bool has_shape(const char *p, size_t n, const char *shape) {
    if (strlen(shape) != n) return false;
    for (size_t i = 0; i < n; i++) {
        char s = shape[i];
        bool ok = s == '9'   ? isdigit((unsigned char)p[i])
                  : s == 'a' ? isalpha((unsigned char)p[i])
                  : s == 's' ? p[i] == '+' || p[i] == '-'
                             : p[i] == s;
        if (!ok) return false;
    }
    return true;
}

static int two(const char *p) { return (p[0] - '0') * 10 + p[1] - '0'; }

static void see_text_moment(wri_seen *c, const char *p, size_t n) {
    int64_t us;
    if (n >= 16 && wr_read_timestamp(p, n, &us)) {
        const char *dot = memchr(p, '.', n);
        uint32_t k = 0;
        while (dot && ++dot < p + n && isdigit((unsigned char)*dot)) k++;
        c->digits = k > c->digits ? k : c->digits;
        see_moment(c, WRI_M_ISO, us);
    }
    if (n == 10 && has_shape(p, n, "9999-99-99") && wr_read_date(p, n, &us)) see_moment(c, WRI_M_DATE, us);
    for (int m = WRI_M_PATTERNS; m < WRI_M_ALL; m++) {
        if (!has_shape(p, n, shapes[m - WRI_M_PATTERNS])) continue;
        if ((m == WRI_M_US && two(p) > 12) || (m == WRI_M_SLASHES && two(p + 3) > 12)) continue;
        c->moments[m]++;
    }
}

/* Of CSV, where everything is text. True: it was a number or a truth value. */
static bool see_csv(wri_seen *c, const char *p, size_t n) {
    int64_t i;
    double d;
    bool zero = n > 1 && p[0] == '0' && isdigit((unsigned char)p[1]); /* 00123 is a name */
    if (!zero && wr_read_i64(p, n, &i)) wri_see_int(c, i);
    else if (!zero && wr_read_f64(p, n, &d)) wri_see_real(c, d);
    else if ((n == 4 && strncasecmp(p, "true", 4) == 0) || (n == 5 && strncasecmp(p, "false", 5) == 0))
        c->bools++;
    else return false;
    return true;
}

void wri_see_text(wri_sample *s, wri_seen *c, const char *p, size_t n, bool csv) {
    c->longest = n > c->longest ? n : c->longest;
    if (csv && see_csv(c, p, n)) return;
    c->texts++;
    if (!c->example) c->example = wr_arena_strndup(&s->ar, p, n < 60 ? n : 60);
    see_text_moment(c, p, n);
}

/* ---- types ---- */

static wri_found found(const wri_seen *c) {
    uint64_t numbers = c->ints + c->reals,
             kinds = (numbers > 0) + (c->bools > 0) + (c->texts > 0) + (c->arrays > 0);
    const int64_t room = INT32_MAX / 20;
    if (c->docs > 0) return kinds ? WRI_F_MIXED : WRI_F_TEXT;
    if (kinds == 0) return WRI_F_NOTHING;
    if (kinds > 1) return WRI_F_MIXED;
    if (c->arrays) return WRI_F_ARRAY;
    if (c->bools) return WRI_F_BOOLEAN;
    if (c->texts) return WRI_F_TEXT;
    if (c->reals) return WRI_F_DOUBLE;
    return c->min >= -room && c->max <= room ? WRI_F_INTEGER : WRI_F_BIGINT;
}

static bool sounds_like_time(const char *name) {
    static const char *const words[] = {"time", "date",    "stamp",   "epoch",
                                        "when", "created", "updated", "arrived"};
    size_t n = strlen(name);
    for (size_t i = 0; i < WR_LEN(words); i++)
        if (strcasestr(name, words[i])) return true;
    return (n >= 2 && strcasecmp(name + n - 2, "ts") == 0 &&
            (n == 2 || name[n - 3] == '_' || name[n - 3] == '.')) ||
           (n > 3 && strcasecmp(name + n - 3, "_at") == 0) || strcasecmp(name, "at") == 0 ||
           strcasecmp(name, "t") == 0;
}

/* Numbers are times only where the name says so, too. */
static wri_moment moment(const wri_seen *c) {
    uint64_t values = c->texts + c->ints;
    bool numbers = c->ints > 0 && c->texts == 0;
    if (c->reals || c->bools || c->arrays || c->docs || values == 0) return WRI_M_NONE;
    if (numbers && !sounds_like_time(c->name)) return WRI_M_NONE;
    for (int m = 0; m < WRI_M_ALL; m++)
        if (c->moments[m] == values) return (wri_moment)m;
    return WRI_M_NONE;
}

static void settle(wri_seen *c) {
    c->found = found(c);
    c->moment = moment(c);
    if (c->moment == WRI_M_ISO) c->found = WRI_F_TIMESTAMP;
    if (c->moment == WRI_M_DATE) c->found = WRI_F_DATE;
    if (c->moment == WRI_M_SECONDS || c->moment == WRI_M_MILLIS || c->moment == WRI_M_MICROS)
        c->found = WRI_F_BIGINT;
}

static bool is_taken(const wri_sample *s, size_t i, const char *name) {
    for (size_t k = 0; k < i; k++)
        if (strcasecmp(s->cols[k].name, name) == 0) return true;
    return false;
}

wr_status wri_infer(wri_sample *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) /* objects whose members are columns are none themselves */
        if (s->cols[i].rows) s->cols[n++] = s->cols[i];
    s->n = n;
    for (size_t i = 0; i < s->n; i++) {
        wri_seen *c = &s->cols[i];
        settle(c);
        const char *base = c->name;
        for (unsigned k = 2; is_taken(s, i, c->name); k++)
            if (!(c->name = wr_arena_printf(&s->ar, "%s_%u", base, k))) return WR_ENOMEM;
    }
    return WR_OK;
}

void wri_seen_type(const wri_seen *c, char *out, size_t n) {
    static const char *const names[] = {"VARCHAR(256)", "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "",
                                        "DATE",         "",        "VARCHAR", "VARCHAR"};
    size_t width = 16;
    while (width < 2 * c->longest && width < 32768) width *= 2;
    if (c->found == WRI_F_TIMESTAMP) snprintf(out, n, "TIMESTAMP(%d)", c->digits > 3 ? 6 : 3);
    else if (c->found == WRI_F_TEXT && c->docs == 0 && 2 * c->longest <= width)
        snprintf(out, n, "VARCHAR(%zu)", width);
    else if (c->found == WRI_F_TEXT) snprintf(out, n, "VARCHAR");
    else snprintf(out, n, "%s", names[c->found]);
}

/* ---- event time ---- */

wri_moment wri_one_epoch(const wri_sample *s) {
    wri_moment one = WRI_M_NONE;
    for (size_t i = 0; i < s->n; i++) {
        wri_moment m = s->cols[i].moment;
        if (m == WRI_M_NONE || m == WRI_M_DATE) continue;
        if (m < WRI_M_SECONDS || m > WRI_M_MICROS || (one != WRI_M_NONE && one != m)) return WRI_M_NONE;
        one = m;
    }
    return one;
}

static int score(const wri_sample *s, const wri_seen *c) {
    static const char *const names[] = {"event_time", "eventtime", "event_timestamp", "timestamp",
                                        "ts",         "time",      "rowtime",         "arrival",
                                        "datetime",   "date_time"};
    int points = 0;
    if (c->moment == WRI_M_NONE || c->moment == WRI_M_DATE) return 0;
    if (c->rows - c->nulls < s->rows) return 0; /* a row without event time is of no window */
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (strcasecmp(c->name, names[i]) == 0) points = 40 - (int)i;
    points += sounds_like_time(c->name) ? 20 : 10;
    return points + (c->moment <= WRI_M_MICROS && c->back_us[c->moment] < INT64_C(3600000000) ? 15 : 0);
}

const wri_seen *wri_event_time(const wri_sample *s) {
    const wri_seen *best = NULL;
    int most = 0;
    for (size_t i = 0; i < s->n; i++) {
        int points = score(s, &s->cols[i]);
        if (points > most) {
            most = points;
            best = &s->cols[i];
        }
    }
    return best;
}

/* runtime/expr/zone.c -- time zones: the tz database of the system (RFC 8536 files), and fixed offsets.
 *
 * A zone is a row of segments of time with one offset each: those of the file's table, and behind its end
 * those of the rule that it closes with ("CET-1CEST,M3.5.0,M10.5.0/3"). glibc's own conversion goes by the
 * process's zone only, so the files are read here. A zone belongs to one call of one thread: it remembers the
 * segment looked at last, as rows come in the order of time. */
#include <fcntl.h>

#include "expr_int.h"

#define ZONE_DIR       "/usr/share/zoneinfo/"
#define FILE_BYTES_MAX (256 << 10)
#define NAME_MAX_BYTES 64
#define ZONES_MAX      64 /* that one call keeps; rows that name more make it begin anew */
#define DAY_S          86400
#define FOR_EVER       (INT64_MAX / 4)

typedef struct rule_day { /* when clocks change, each year */
    char form; /* 'M' month, week, weekday; 'J' day 1 to 365 without 29 February; 'n' day 0 to 365 */
    int32_t month, week, day;
    int64_t time_s; /* after midnight, local */
} rule_day;

typedef struct rule {
    bool set, changes;
    int32_t std, dst;
    rule_day start, end; /* of summer time */
} rule;

typedef struct segment {
    int64_t start, end; /* UTC [s) */
    int32_t offset;
} segment;

struct wri_zone {
    struct wri_zone *next;
    wr_str name;
    const char *why;   /* there is no such zone */
    const int64_t *at; /* n moments, rising; offsets[i] counts before at[i], offsets[n] behind the last */
    const int32_t *offsets;
    uint32_t n;
    rule rule; /* behind the last */
    segment last;
};

/* ---- the closing rule ---- */

typedef struct text {
    const char *p, *end;
} text;

static bool take(text *t, char c) {
    if (t->p == t->end || *t->p != c) return false;
    t->p++;
    return true;
}

static bool take_int(text *t, int32_t max, int32_t *outp) {
    int32_t v = 0;
    const char *start = t->p;
    while (t->p < t->end && *t->p >= '0' && *t->p <= '9' && t->p - start < 4) v = v * 10 + (*t->p++ - '0');
    *outp = v;
    return t->p > start && v <= max;
}

static bool take_name(text *t) {
    const char *start = t->p;
    if (take(t, '<')) {
        while (t->p < t->end && *t->p != '>') t->p++;
        return take(t, '>');
    }
    while (t->p < t->end && ((*t->p | 32) >= 'a' && (*t->p | 32) <= 'z')) t->p++;
    return t->p - start >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(text *t, int32_t *outp) {
    bool neg = take(t, '-');
    int32_t h, m = 0, s = 0;
    if (!neg) take(t, '+');
    if (!take_int(t, 167, &h)) return false;
    if (take(t, ':') && !take_int(t, 59, &m)) return false;
    if (take(t, ':') && !take_int(t, 59, &s)) return false;
    *outp = (h * 3600 + m * 60 + s) * (neg ? -1 : 1);
    return true;
}

static bool take_day(text *t, rule_day *d) {
    int32_t at = 2 * 3600;
    *d = (rule_day){.form = 'n'};
    if (!take(t, ',')) return false;
    if (take(t, 'M')) {
        d->form = 'M';
        if (!take_int(t, 12, &d->month) || d->month < 1 || !take(t, '.') || !take_int(t, 5, &d->week) ||
            d->week < 1 || !take(t, '.') || !take_int(t, 6, &d->day))
            return false;
    } else {
        if (take(t, 'J')) d->form = 'J';
        if (!take_int(t, 365, &d->day) || (d->form == 'J' && d->day < 1)) return false;
    }
    if (take(t, '/') && !take_time(t, &at)) return false;
    d->time_s = at;
    return true;
}

static bool read_rule(const char *p, const char *end, rule *r) {
    text t = {p, end};
    *r = (rule){.set = true};
    if (!take_name(&t) || !take_time(&t, &r->std)) return false;
    r->std = -r->std;
    if (t.p == t.end) return true;
    r->changes = true;
    r->dst = r->std + 3600;
    if (!take_name(&t)) return false;
    if (t.p < t.end && *t.p != ',') {
        if (!take_time(&t, &r->dst)) return false;
        r->dst = -r->dst;
    }
    return take_day(&t, &r->start) && take_day(&t, &r->end) && t.p == t.end;
}

/* The moment of a rule's day in a year, seconds of local time. */
static int64_t rule_moment(const rule_day *d, int64_t year) {
    int64_t jan1 = wr_days_from_civil(year, 1, 1), day = jan1 + d->day;
    bool leap = wr_days_from_civil(year, 3, 1) - wr_days_from_civil(year, 2, 1) == 29;
    if (d->form == 'J') day = jan1 + d->day - 1 + (leap && d->day >= 60);
    if (d->form == 'M') {
        int64_t first = wr_days_from_civil(year, (uint32_t)d->month, 1), next;
        next = d->month == 12 ? wr_days_from_civil(year + 1, 1, 1)
                              : wr_days_from_civil(year, (uint32_t)d->month + 1, 1);
        day = first + (d->day - (first + 4) % 7 + 14) % 7 + (d->week - 1) * 7;
        while (day >= next) day -= 7;
    }
    return day * DAY_S + d->time_s;
}

/* The segment of a rule that t lies in: between the two nearest of the changes of the years around it. */
static segment rule_segment(const rule *r, int64_t t) {
    segment s = {-FOR_EVER, FOR_EVER, r->std};
    if (!r->changes) return s;
    int64_t year;
    uint32_t m, d;
    wr_civil_from_days(wr_floor_div(t + r->std, DAY_S), &year, &m, &d);
    for (int64_t y = year - 1; y <= year + 1; y++) {
        const int64_t at[2] = {rule_moment(&r->start, y) - r->std, rule_moment(&r->end, y) - r->dst};
        for (int i = 0; i < 2; i++) {
            if (at[i] > t && at[i] < s.end) s.end = at[i];
            if (at[i] > t || at[i] < s.start) continue;
            if (at[i] == s.start && i == 1) continue; /* both at once: summer time goes on */
            s.start = at[i];
            s.offset = i == 0 ? r->dst : r->std;
        }
    }
    return s;
}

/* ---- segments ---- */

static segment find_segment(const wri_zone *z, int64_t t) {
    uint32_t lo = 0, hi = z->n; /* at[lo - 1] <= t < at[hi] */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (z->at[mid] <= t) lo = mid + 1;
        else hi = mid;
    }
    segment s = {lo ? z->at[lo - 1] : -FOR_EVER, lo < z->n ? z->at[lo] : FOR_EVER, z->offsets[lo]};
    if (lo < z->n || !z->rule.set) return s;
    segment r = rule_segment(&z->rule, t);
    if (z->n && r.start < z->at[z->n - 1]) r.start = z->at[z->n - 1];
    return r;
}

static const segment *segment_at(wri_zone *z, int64_t t) {
    if (t < z->last.start || t >= z->last.end) z->last = find_segment(z, t);
    return &z->last;
}

int64_t wri_zone_offset(wri_zone *z, int64_t utc_s) { return segment_at(z, utc_s)->offset; }

/* Clocks are set back by far less than two days; then what they show after the change is the least. */
int64_t wri_zone_least(wri_zone *z, int64_t utc_s) {
    segment s = *segment_at(z, utc_s);
    int64_t least = utc_s + s.offset;
    for (int i = 0; i < 16 && s.end - utc_s < 2 * DAY_S; i++) {
        int64_t at = s.end;
        s = *segment_at(z, at);
        if (at + s.offset < least) least = at + s.offset;
    }
    return least;
}

int64_t wri_zone_to_utc(wri_zone *z, int64_t local_s) {
    segment s = *segment_at(z, local_s - DAY_S), before = s;
    for (int i = 0; i < 16; i++) { /* far fewer changes fit in two days */
        int64_t utc = local_s - s.offset;
        if (utc < s.start) return local_s - before.offset; /* in the gap between the two */
        if (utc < s.end) return utc;
        before = s;
        s = *segment_at(z, s.end);
    }
    return local_s - s.offset;
}

/* ---- files ---- */

typedef struct header {
    uint32_t isut, isstd, leap, times, types, chars;
} header;

static uint32_t be32(const char *p) {
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t be_time(const char *p, size_t width) {
    return width == 4 ? (int32_t)be32(p) : (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* A header at p; *bytesp: of the data behind it, with times of so many bytes. */
static bool read_header(const char *p, size_t left, size_t width, header *h, size_t *bytesp) {
    if (left < 44 || memcmp(p, "TZif", 4) != 0) return false;
    *h = (header){be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40)};
    const uint32_t all[] = {h->isut, h->isstd, h->leap, h->times, h->types, h->chars};
    for (size_t i = 0; i < WR_LEN(all); i++)
        if (all[i] > FILE_BYTES_MAX) return false;
    *bytesp = h->times * (width + 1) + h->types * 6u + h->chars + h->leap * (width + 4) + h->isstd + h->isut;
    return h->types > 0 && h->types <= 256 && *bytesp <= left - 44;
}

static bool read_table(const char *p, const header *h, size_t width, wr_arena *ar, wri_zone *z) {
    int64_t *at = wr_arena_alloc(ar, (h->times + 1u) * sizeof *at);
    int32_t *offsets = wr_arena_alloc(ar, (h->times + 1u) * sizeof *offsets);
    const char *types = p + h->times * width, *infos = types + h->times;
    if (!at || !offsets) return false;
    for (uint32_t i = 0; i < h->types; i++) { /* the widest offset there has ever been is 15:56 */
        int32_t offset = (int32_t)be32(infos + i * 6u);
        if (offset <= -DAY_S || offset >= DAY_S) return false;
    }
    offsets[0] = (int32_t)be32(infos);
    for (uint32_t i = 0; i < h->times; i++) {
        uint32_t type = (unsigned char)types[i];
        at[i] = be_time(p + i * width, width);
        if (type >= h->types || (i > 0 && at[i] <= at[i - 1])) return false;
        offsets[i + 1] = (int32_t)be32(infos + type * 6u);
    }
    z->at = at;
    z->offsets = offsets;
    z->n = h->times;
    return true;
}

wri_zone *wri_zone_parse(const char *p, size_t n, wr_arena *ar) {
    header h;
    size_t bytes, width = 4;
    if (n < 44 || !read_header(p, n, 4, &h, &bytes)) return NULL;
    if (p[4] >= '2') { /* the same again with times of 64 bits */
        p += 44 + bytes;
        n -= 44 + bytes;
        width = 8;
        if (!read_header(p, n, 8, &h, &bytes)) return NULL;
    }
    if (h.leap) return NULL; /* counts leap seconds, which no SQL does */
    wri_zone *z = wr_arena_calloc(ar, sizeof *z);
    if (!z || !read_table(p + 44, &h, width, ar, z)) return NULL;
    const char *foot = p + 44 + bytes, *end = p + n;
    if (width == 8 && end - foot > 2 && *foot == '\n') {
        const char *stop = memchr(foot + 1, '\n', (size_t)(end - foot - 1));
        if (stop && stop > foot + 1 && !read_rule(foot + 1, stop, &z->rule)) return NULL;
    }
    z->last = (segment){0, 0, 0}; /* holds no moment */
    return z;
}

/* ---- names ---- */

/* [UTC|GMT|UT|Z][+hh[[:]mm]] */
static bool read_offset(const wr_str *name, int32_t *outp) {
    const char *p = wr_str_data(name), *end = p + name->len;
    static const char *const words[] = {"UTC", "GMT", "UT", "Z"};
    bool word = false;
    for (size_t i = 0; i < WR_LEN(words) && !word; i++) {
        size_t n = strlen(words[i]);
        word = (size_t)(end - p) >= n && memcmp(p, words[i], n) == 0;
        if (word) p += n;
    }
    *outp = 0;
    if (p == end) return word;
    if (*p != '+' && *p != '-') return false;
    bool neg = *p++ == '-';
    text t = {p, end};
    int32_t h = 0, m = 0;
    size_t digits = 0;
    while (digits < (size_t)(end - p) && p[digits] >= '0' && p[digits] <= '9') digits++;
    if (digits == 4 && p + 4 == end) { /* +0200 */
        h = (p[0] - '0') * 10 + p[1] - '0';
        m = (p[2] - '0') * 10 + p[3] - '0';
    } else if (digits > 2 || !take_int(&t, 99, &h) ||
               (take(&t, ':') && (end - t.p != 2 || !take_int(&t, 59, &m))) || t.p != end)
        return false;
    *outp = (h * 3600 + m * 60) * (neg ? -1 : 1);
    return h <= 18 && m < 60;
}

/* Of the characters that names are made of, and without a way out of the folder. */
static bool is_name(const wr_str *name) {
    const char *p = wr_str_data(name);
    if (name->len == 0 || name->len > NAME_MAX_BYTES || (*p | 32) < 'a' || (*p | 32) > 'z') return false;
    for (uint32_t i = 0; i < name->len; i++)
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9') ||
              (p[i] && strchr("_+-/", p[i]))))
            return false;
    return true;
}

static size_t read_file(const wr_sys *sys, const char *path, char *buf, size_t cap) {
    int fd = sys->open(path, O_RDONLY | O_CLOEXEC, 0);
    size_t n = 0;
    ssize_t r = 1;
    while (fd >= 0 && n < cap && (r = sys->read(fd, buf + n, cap - n)) > 0) n += (size_t)r;
    if (fd >= 0) sys->close(fd);
    return fd < 0 || r < 0 ? 0 : n;
}

static wri_zone *load(wri_call *c, const wr_str *name) {
    char path[sizeof ZONE_DIR + NAME_MAX_BYTES];
    char *buf = wr_alloc(FILE_BYTES_MAX);
    if (!buf) {
        c->oom = true;
        return NULL;
    }
    memcpy(path, ZONE_DIR, sizeof ZONE_DIR);
    *(char *)mempcpy(path + sizeof ZONE_DIR - 1, wr_str_data(name), name->len) = 0;
    size_t n = read_file(c->env->sys, path, buf, FILE_BYTES_MAX);
    wri_zone *z = wri_zone_parse(buf, n, &c->memo_ar);
    wr_free(buf);
    return z;
}

static wri_zone *make_zone(wri_call *c, const wr_str *name) {
    int32_t offset;
    wri_zone *z = NULL;
    if (!read_offset(name, &offset)) {
        if (is_name(name)) z = load(c, name);
        if (c->oom) return NULL;
        if (z) return z;
    }
    z = wr_arena_calloc(&c->memo_ar, sizeof *z);
    int32_t *offsets = wr_arena_alloc(&c->memo_ar, sizeof *offsets);
    if (!z || !offsets) {
        c->oom = true;
        return NULL;
    }
    bool fixed = read_offset(name, offsets);
    z->offsets = offsets;
    if (!fixed)
        z->why = wri_bad_text(c, name, "time zone; expected a name such as 'Europe/Berlin', or '+02:00'");
    return z;
}

typedef struct kept {
    wri_zone *zones; /* newest first */
    uint32_t n;
} kept;

const char *wri_zone_of(wri_call *c, const wr_str *name, wri_zone **outp) {
    kept *k = c->memo;
    for (wri_zone *z = k ? k->zones : NULL; z; z = z->next)
        if (wr_str_eq(&z->name, name)) {
            *outp = z;
            return wri_kept_why(c, z->why);
        }
    if (!k || k->n == ZONES_MAX) {
        wri_forget(c);
        k = c->memo = wr_arena_calloc(&c->memo_ar, sizeof *k);
    }
    wr_arena *msgs = c->msgs;
    c->msgs = &c->memo_ar; /* the reason is kept, too */
    wri_zone *z = k ? make_zone(c, name) : NULL;
    c->msgs = msgs;
    char *copy = z ? wr_arena_strndup(&c->memo_ar, wr_str_data(name), name->len) : NULL;
    if (!copy) {
        c->oom = true;
        return "out of memory";
    }
    z->name = wr_str_make(copy, name->len);
    z->next = k->zones;
    k->zones = z;
    k->n++;
    *outp = z;
    return wri_kept_why(c, z->why);
}

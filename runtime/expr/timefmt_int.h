/* runtime/expr/timefmt_int.h -- times by pattern: between timepat.c, timewrite.c and timeread.c.
 *
 * A pattern is Java's letters (yyyy-MM-dd HH:mm:ss.SSS) or, when it has a '%', strftime's codes, which stand
 * for the same letters. Names are English, times UTC, weeks those of ISO 8601.
 *
 *   G era  y year of the era  u year  Y year of the week  Q q quarter  M L month  w week  d day  D day of
 * year E name, e c number of the day of the week (Monday 1)  a AM/PM  H 0-23  k 1-24  K 0-11  h 1-12  m
 * minute s second  S fraction  A milliseconds of the day  n nanoseconds of the second, N of the day z V O X x
 * Z zone; 'quoted' text stands for itself, [ ] hold what may be missing when a text is read */
#ifndef WR_RUNTIME_TIMEFMT_INT_H
#define WR_RUNTIME_TIMEFMT_INT_H

#include "expr_int.h"

#define WRI_DAY_US (86400 * WR_US_PER_SECOND)

typedef struct wri_time_item {
    char letter;      /* Java's; 0: text; '[' and ']' */
    uint32_t count;   /* how often the letter stands, bytes of text, or '[': how many items up to its ']' */
    const char *text; /* in the pattern's own copy */
} wri_time_item;

typedef struct wri_time_pattern {
    wr_str src; /* what it was made from */
    bool reads, verbatim;
    const wri_time_item *items;
    uint32_t n;
    size_t longest; /* bytes that writing needs at most */
} wri_time_pattern;

/* The pattern taken apart, in ar. reads: to read by, else to write by. verbatim: brackets are text, as in the
 * Kinesis dialect. NULL, or why it is none, in msgs. */
const char *wri_time_compile(const wr_str *src, bool reads, bool verbatim, wr_arena *ar, wr_arena *msgs,
                             wri_time_pattern *outp);
/* The same, kept by the call while the pattern stays the same. */
const char *wri_time_pattern_of(wri_call *c, const wr_str *src, bool reads, bool verbatim,
                                const wri_time_pattern **outp);

extern const char *const wri_month_names[12], *const wri_day_names[7]; /* from January; from Sunday */

/* Year and number of the ISO week that a day lies in; wri_iso_monday: its first day. */
void wri_iso_week(int64_t day, int64_t *yearp, uint32_t *weekp);
int64_t wri_iso_monday(int64_t year, uint32_t week);
static inline uint32_t wri_weekday(int64_t day) { /* Sunday 0; day 0 was a Thursday */
    return (uint32_t)((day + 4) - wr_floor_to(day + 4, 7));
}

/* The text of a time in [out, out + longest); returns how much. */
size_t wri_time_put(const wri_time_pattern *p, int64_t us, char *out);
/* Reads the beginning of a text; false: it does not fit. */
bool wri_time_get(const wri_time_pattern *p, const wr_str *text, int64_t *outp);

#endif

/* core/text.h -- values to text and back, shared by formats, casts, constants and printing.
 *
 * Timestamps are read as ISO 8601 ("2026-01-01T00:00:00.123456Z", offsets "+02:00", "+0200", "+02")
 * and SQL ("2026-01-01 00:00:00.123"); both with any number of fraction digits (cut to microseconds).
 * A time without offset is UTC. All writers return the number of bytes written (no NUL). */
#ifndef WR_CORE_TEXT_H
#define WR_CORE_TEXT_H

#include "type.h"

#define WR_TEXT_MAX 64 /* bytes; no number, time or interval needs more */

bool wr_read_timestamp(const char *p, size_t n, int64_t *outp_us);
bool wr_read_date(const char *p, size_t n, int64_t *outp_us);
bool wr_read_time(const char *p, size_t n, int64_t *outp_us);
bool wr_read_i64(const char *p, size_t n, int64_t *outp); /* whole text, sign allowed */
bool wr_read_f64(const char *p, size_t n, double *outp);  /* correctly rounded; no inf/nan */
/* A decimal text scaled by 10^scale. False when it is no number or does not fit prec digits; more
 * fraction digits than scale are rounded half up when round, else refused. */
bool wr_read_decimal(const char *p, size_t n, uint32_t prec, uint32_t scale, bool round, int64_t *outp);

size_t wr_write_i64(int64_t v, char *out);
size_t wr_write_f64(double v, char *out); /* shortest text that reads back the same; 1.0 is "1.0";
                                             NaN, Infinity, -Infinity */
size_t wr_write_f32(float v, char *out);
size_t wr_write_decimal(int64_t v, uint32_t scale, char *out);
/* iso: 2026-01-01T00:00:00.000Z; else SQL: 2026-01-01 00:00:00.000. prec: 0..6 fraction digits. */
size_t wr_write_timestamp(int64_t us, uint32_t prec, bool iso, char *out);
size_t wr_write_date(int64_t us, char *out);
size_t wr_write_time(int64_t us, uint32_t prec, char *out);
size_t wr_write_interval(int64_t v, wr_kind kind, char *out); /* "+2 00:06:11", "+1-06" */

/* Calendar, proleptic Gregorian. Days since 1970-01-01. */
int64_t wr_days_from_civil(int64_t y, uint32_t m, uint32_t d);
void wr_civil_from_days(int64_t days, int64_t *yp, uint32_t *mp, uint32_t *dp);

bool wr_utf8_valid(const char *p, size_t n);
size_t wr_utf8_count(const char *p, size_t n); /* characters */

static inline int64_t wr_floor_div(int64_t a, int64_t b) { /* b > 0 */
    int64_t q = a / b;
    return q - (a % b < 0);
}
static inline int64_t wr_floor_to(int64_t a, int64_t b) { return a - (a % b + (a % b < 0 ? b : 0)); }

#endif

/* connectors/formats/convert.h -- what a format found, as a value of the column's type; private to formats/.
 *
 * The rules, the same for every format:
 *   BOOLEAN    true/false, t/f, yes/no, y/n, 1/0, any case; a number: 0 is false
 *   integers   range checked; 12.0 and 1e3 are whole numbers, 12.5 is not one
 *   DECIMAL    rounded half up to its scale; too many digits in front are an error
 *   REAL, DOUBLE  out of range is an error; "NaN" is NULL (as in SQLite); Infinity may be written out
 *   CHAR(n), VARCHAR(n)  UTF-8; cut to n characters, as the Kinesis dialect does
 *   VARBINARY(n)  base64 in text, as it is where the format has bytes; cut to n bytes
 *   JSON       the text must be one JSON value
 *   TIMESTAMP(p)  as timestamp_format says; digits behind p are cut, ±2^62 us are the ends
 *   DATE, TIME, INTERVAL  ISO date, HH:MM:SS[.f], and the text that wr_write_interval gives
 * Blanks around anything but text are skipped. Pure functions; any thread. */
#ifndef WRI_FORMATS_CONVERT_H
#define WRI_FORMATS_CONVERT_H

#include "connectors/connectors.h"

/* Length of the byte order mark that a text file may begin with. */
#define WRI_BOM     "\xef\xbb\xbf"
#define WRI_BOM_LEN 3
static inline size_t wri_bom(const char *p, size_t n) {
    return n >= WRI_BOM_LEN && memcmp(p, WRI_BOM, WRI_BOM_LEN) == 0 ? WRI_BOM_LEN : 0;
}

typedef enum wri_time_format {
    WRI_TIME_ISO,
    WRI_TIME_EPOCH_S,
    WRI_TIME_EPOCH_MS,
    WRI_TIME_EPOCH_US
} wri_time_format;
#define WRI_TIME_FORMATS "iso|epoch_s|epoch_ms|epoch_us"
#define WRI_TIME_DOC                                                                                         \
    "How TIMESTAMP columns are written: ISO 8601 text, or a number of seconds, milliseconds or "             \
    "microseconds "                                                                                          \
    "since 1970."

/* WR_OK, WR_EDATA: not a value of that type (wri_why tells), or WR_ENOMEM. Text values borrow p; VARBINARY
 * is made in ar. The value is NULL only for "NaN". */
wr_status wri_from_text(const wr_type *t, wri_time_format tf, const char *p, size_t n, wr_arena *ar,
                        wr_value *outp) WR_MUST_USE;
/* Numbers and truth values of formats that have them; text columns get their text, made in ar. */
wr_status wri_from_i64(const wr_type *t, wri_time_format tf, int64_t v, wr_arena *ar,
                       wr_value *outp) WR_MUST_USE;
wr_status wri_from_f64(const wr_type *t, wri_time_format tf, double v, wr_arena *ar,
                       wr_value *outp) WR_MUST_USE;
wr_status wri_from_bool(const wr_type *t, bool v, wr_arena *ar, wr_value *outp) WR_MUST_USE;
wr_status wri_from_bytes(const wr_type *t, const char *p, size_t n, wr_value *outp) WR_MUST_USE;

/* The same by the rules of Kinesis Data Analytics (coerce.c), of a string, a number as text, a truth value.
 */
#define WRI_COERCIONS "plain|kinesis"
#define WRI_COERCION_DOC                                                                                     \
    "How values become columns. kinesis: as in a Kinesis Data Analytics application, where a text is TRUE "  \
    "only as 'true' and else FALSE, digits that a DECIMAL has no room for are an error, and bytes are "      \
    "written X'0a'."
wr_status wri_coerce_text(const wr_type *t, const char *p, size_t n, wr_arena *ar,
                          wr_value *outp) WR_MUST_USE;
wr_status wri_coerce_number(const wr_type *t, const char *p, size_t n, wr_arena *ar,
                            wr_value *outp) WR_MUST_USE;
wr_status wri_coerce_bool(const wr_type *t, bool v, wr_arena *ar, wr_value *outp) WR_MUST_USE;

/* Text of row i of a column that is no text column (WR_I64 or WR_F64; not NULL), without quotes: ISO times
 * or epoch numbers, intervals as in SQL, true/false, shortest doubles. out has WR_TEXT_MAX bytes. */
size_t wri_to_text(const wr_type *t, wri_time_format tf, const wr_col *c, uint32_t i, char *out);

/* us cut to the type's fraction digits and clamped to WR_TS_MIN..WR_TS_MAX. */
int64_t wri_fit_timestamp(const wr_type *t, int64_t us);
/* Range of an integer kind. */
static inline bool wri_int_fits(wr_kind k, int64_t v) {
    int64_t max = k == WR_T_TINYINT    ? INT8_MAX
                  : k == WR_T_SMALLINT ? INT16_MAX
                  : k == WR_T_INTEGER  ? INT32_MAX
                                       : INT64_MAX;
    return v <= max && v >= -max - 1;
}

#define WRI_WHY_MAX 512
/* "status: 'abc' is no INTEGER": the column, at most 40 characters of what was found, what was expected. */
void wri_why(char out[WRI_WHY_MAX], const wr_field *f, wri_time_format tf, const char *p, size_t n);
/* At most 40 characters of p in quotes, control characters escaped; for messages. */
void wri_excerpt(const char *p, size_t n, char *out, size_t cap);

/* Base64 (RFC 4648, padding optional when reading). Lengths: wri_base64_len(n) bytes are written. */
static inline size_t wri_base64_len(size_t n) { return (n + 2) / 3 * 4; }
bool wri_json_valid(const char *p, size_t n); /* one JSON value, blanks around it allowed (json_check.c) */
size_t wri_base64_write(const char *p, size_t n, char *out);
bool wri_base64_read(const char *p, size_t n, char *out, size_t *lenp); /* out: n / 4 * 3 + 3 bytes */

/* Reads the options of one format, leaving alone those of others. */
wr_status wri_format_options(const wr_option *opts, size_t n_opts, const wr_kv *kvs, size_t n_kvs, void *out,
                             size_t size, wr_err *err) WR_MUST_USE;

#endif

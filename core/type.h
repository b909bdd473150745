/* core/type.h -- SQL types, values and string views.
 *
 * Every SQL type is held in one of three physical forms:
 *   WR_I64  integers, BOOLEAN (0/1), DECIMAL (scaled by 10^scale), DATE, TIME, TIMESTAMP and day-time
 *           INTERVAL (microseconds; a DATE is its midnight), year-month INTERVAL (months)
 *   WR_F64  REAL (rounded to float32) and DOUBLE
 *   WR_STR  CHAR, VARCHAR, JSON (UTF-8) and VARBINARY (bytes) */
#ifndef WR_CORE_TYPE_H
#define WR_CORE_TYPE_H

#include <string.h>

#include "mem.h"

typedef enum wr_phys { WR_I64, WR_F64, WR_STR } wr_phys;

/* kind, SQL name, physical form */
#define WR_KIND_LIST(X)                                                                                      \
    X(NULL, "NULL", WR_I64) /* the type of a bare NULL; casts to anything */                                 \
    X(BOOLEAN, "BOOLEAN", WR_I64)                                                                            \
    X(TINYINT, "TINYINT", WR_I64)                                                                            \
    X(SMALLINT, "SMALLINT", WR_I64)                                                                          \
    X(INTEGER, "INTEGER", WR_I64)                                                                            \
    X(BIGINT, "BIGINT", WR_I64)                                                                              \
    X(DECIMAL, "DECIMAL", WR_I64)                                                                            \
    X(REAL, "REAL", WR_F64)                                                                                  \
    X(DOUBLE, "DOUBLE", WR_F64)                                                                              \
    X(CHAR, "CHAR", WR_STR)                                                                                  \
    X(VARCHAR, "VARCHAR", WR_STR)                                                                            \
    X(JSON, "JSON", WR_STR)                                                                                  \
    X(VARBINARY, "VARBINARY", WR_STR)                                                                        \
    X(DATE, "DATE", WR_I64)                                                                                  \
    X(TIME, "TIME", WR_I64)                                                                                  \
    X(TIMESTAMP, "TIMESTAMP", WR_I64)                                                                        \
    X(INTERVAL_DAY, "INTERVAL DAY TO SECOND", WR_I64)                                                        \
    X(INTERVAL_MONTH, "INTERVAL YEAR TO MONTH", WR_I64)

typedef enum wr_kind {
#define X(k, name, phys) WR_T_##k,
    WR_KIND_LIST(X)
#undef X
        WR_N_KINDS
} wr_kind;

typedef struct wr_type {
    uint8_t kind;  /* wr_kind */
    uint8_t scale; /* DECIMAL: digits behind the point, 0..18 */
    bool not_null; /* declared NOT NULL */
    bool local_tz; /* TIMESTAMP_LTZ: a moment, whose parts are those that clocks of the session show */
    uint32_t prec; /* DECIMAL: 1..18 digits (19 accepted); CHAR, VARCHAR, VARBINARY: length, 0 = unbounded;
                      TIME, TIMESTAMP, INTERVAL_DAY: fraction digits 0..6 */
} wr_type;

wr_phys wr_type_phys(wr_type t);
const char *wr_kind_name(wr_kind k);
/* "DECIMAL(10,2)", "TIMESTAMP(3) NOT NULL"; writes at most n bytes, NUL-terminated; returns out. */
char *wr_type_print(wr_type t, char *out, size_t n);
static inline wr_type wr_type_of(wr_kind k) {
    return (wr_type){.kind = (uint8_t)k, .prec = k == WR_T_TIMESTAMP ? 3 : k == WR_T_DECIMAL ? 18 : 0};
}
static inline bool wr_kind_is_int(wr_kind k) { return k >= WR_T_TINYINT && k <= WR_T_BIGINT; }
static inline bool wr_kind_is_num(wr_kind k) { return k >= WR_T_TINYINT && k <= WR_T_DOUBLE; }
static inline bool wr_kind_is_text(wr_kind k) { return k >= WR_T_CHAR && k <= WR_T_JSON; }
static inline bool wr_kind_is_time(wr_kind k) { return k >= WR_T_DATE && k <= WR_T_TIMESTAMP; }

/* Event time: microseconds since 1970-01-01T00:00:00Z, clamped to ±2^62 once, in decode. */
#define WR_TS_MAX        (INT64_C(1) << 62)
#define WR_TS_MIN        (-WR_TS_MAX)
#define WR_US_PER_SECOND INT64_C(1000000)
#define WR_WM_NONE       INT64_MIN /* watermark before any row */
#define WR_WM_END        INT64_MAX /* watermark at the end of bounded input */

/* ---- string view: 16 bytes ----
 *   0..3   length in bytes
 *   4..7   first four bytes, zero-padded
 *   8..15  len <= 12: bytes 4..11, zero-padded; else: pointer to all the bytes
 * Zero padding makes two inline views equal exactly when their 16 bytes are. The view borrows; the
 * batch (or table) that holds it owns the bytes. */
#define WR_STR_INLINE 12
typedef struct wr_str {
    uint32_t len;
    char prefix[4];
    union {
        char rest[8];
        const char *ptr;
    };
} wr_str;
_Static_assert(sizeof(wr_str) == 16, "string views are 16 bytes");

static inline const char *wr_str_data(const wr_str *s) {
    return s->len <= WR_STR_INLINE ? s->prefix : s->ptr;
}
static inline wr_str wr_str_make(const char *p, size_t len) { /* len < 4 GiB; borrows p when long */
    wr_str s;
    memset(&s, 0, sizeof s);
    s.len = (uint32_t)len;
    if (len <= WR_STR_INLINE) memcpy(s.prefix, p, len);
    else {
        memcpy(s.prefix, p, 4);
        s.ptr = p;
    }
    return s;
}
static inline bool wr_str_eq(const wr_str *a, const wr_str *b) {
    if (memcmp(a, b, 8) != 0) return false; /* length and prefix */
    if (a->len <= WR_STR_INLINE) return memcmp(a->rest, b->rest, 8) == 0;
    return memcmp(a->ptr, b->ptr, a->len) == 0;
}
int wr_str_cmp(const wr_str *a, const wr_str *b); /* by bytes, as SQLite's BINARY collation */

/* One value, e.g. a constant. str borrows. */
typedef struct wr_value {
    bool null;
    union {
        int64_t i64;
        double f64;
        wr_str str;
    };
} wr_value;

/* ---- schema ---- */
typedef struct wr_field {
    const char *name; /* as stored after folding; never NULL */
    wr_type type;
    const char *path; /* where the format finds it ("$.a.b"), NULL: by name */
} wr_field;
typedef struct wr_schema {
    uint32_t n;
    wr_field *fields; /* owner: the arena that made it */
} wr_schema;

/* ---- hashing ----
 * wr_hash_*: the same in every process, for sketches and made-up data.
 * wr_keyed_*: for tables whose keys come from outside. They depend on a secret of the process, as who knows
 * the hash can send keys that all meet in one place, and each would be compared with all before it.
 * Exchanges, key groups and tables agree on them; results must not depend on them. What is kept for another
 * process and goes by key group has to keep the secret too. */
static inline uint64_t wr_hash_u64(uint64_t x) { /* murmur3's finaliser, public domain constants */
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ (x >> 33);
}
uint64_t wr_hash_bytes(const void *p, size_t n);
static inline uint64_t wr_hash_str(const wr_str *s) {
    if (s->len <= WR_STR_INLINE) {
        uint64_t w[2];
        memcpy(w, s, 16);
        uint64_t h = (w[0] ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
        return wr_hash_u64(h ^ w[1]);
    }
    return wr_hash_bytes(s->ptr, s->len);
}
static inline uint64_t wr_hash_mix(uint64_t seed, uint64_t h) { /* combines the columns of a key */
    return (seed ^ h) * UINT64_C(0x9fb21c651e98df25) + (seed >> 29);
}
typedef struct wr_secret {
    uint64_t a, b;
} wr_secret;
extern wr_secret wr_hash_secret; /* a constant once wr_hash_secret_set has been called */
/* Before the first thread and the first hash; without it the secret is no secret, and each run is the same.
 */
void wr_hash_secret_set(uint64_t a, uint64_t b);

/* Both halves of a 128-bit product: each bit of both factors counts. */
static inline uint64_t wr_fold(uint64_t x, uint64_t y) {
    unsigned __int128 m = (unsigned __int128)x * y;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}
static inline uint64_t wr_keyed_u64(uint64_t x, wr_secret k) { return wr_fold(x ^ k.a, k.b); }
uint64_t wr_keyed_bytes(const void *p, size_t n, wr_secret k);
static inline uint64_t wr_keyed_str(const wr_str *s, wr_secret k) {
    uint64_t w[2];
    if (s->len > WR_STR_INLINE) return wr_keyed_bytes(s->ptr, s->len, k);
    memcpy(w, s, 16);
    return wr_fold(w[0] ^ k.a, w[1] ^ k.b);
}
#define WR_HASH_NULL UINT64_C(0x6e756c6c6e756c6c)
#define WR_HASH_SEED UINT64_C(0x77656972)

#endif

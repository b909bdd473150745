/* connectors/formats/coerce.c -- values by the rules of Kinesis Data Analytics (coercion = 'kinesis').
 *
 *   from \ to   numbers            BOOLEAN              text        VARBINARY    times
 *   null        NULL               NULL                 NULL        NULL         NULL
 *   true false  1 0                yes                  true false  one byte     -
 *   number      if nothing is lost 0 is FALSE           as written  -            -
 *   string      if it is one       'true', else FALSE   cut         X'..' only   if it is one
 *   {} []       -                  -                    as written  -            -
 *
 * Where a cell is as in json_value.c, that stays; here is what differs. Nothing lost: too many digits behind
 * a DECIMAL's point are an error, not rounded. A string is never an error for BOOLEAN. Pure functions. */
#include "connectors/formats/convert.h"

static bool is_true(const char *p, size_t n) {
    static const char word[] = "true";
    if (n != sizeof word - 1) return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] | 0x20) != word[i]) return false;
    return true;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* X'0a1B' */
static wr_status read_hex(const wr_type *t, const char *p, size_t n, wr_arena *ar, wr_value *outp) {
    if (n < 3 || n % 2 == 0 || (p[0] | 0x20) != 'x' || p[1] != '\'' || p[n - 1] != '\'') return WR_EDATA;
    char *bytes = wr_arena_alloc(ar, n / 2 + 1);
    if (!bytes) return WR_ENOMEM;
    size_t len = 0;
    for (size_t i = 2; i + 1 < n; i += 2) {
        int high = nibble(p[i]), low = nibble(p[i + 1]);
        if (high < 0 || low < 0) return WR_EDATA;
        bytes[len++] = (char)(high << 4 | low);
    }
    return wri_from_bytes(t, bytes, len, outp);
}

wr_status wri_coerce_text(const wr_type *t, const char *p, size_t n, wr_arena *ar, wr_value *outp) {
    *outp = (wr_value){0};
    switch (t->kind) {
    case WR_T_BOOLEAN:
        outp->i64 = is_true(p, n);
        return WR_OK;
    case WR_T_VARBINARY:
        return read_hex(t, p, n, ar, outp);
    case WR_T_DECIMAL:
        return wr_read_decimal(p, n, t->prec, t->scale, false, &outp->i64) ? WR_OK : WR_EDATA;
    default:
        return wri_from_text(t, WRI_TIME_ISO, p, n, ar, outp);
    }
}

wr_status wri_coerce_number(const wr_type *t, const char *p, size_t n, wr_arena *ar, wr_value *outp) {
    double v;
    *outp = (wr_value){0};
    if (t->kind != WR_T_BOOLEAN) return wri_coerce_text(t, p, n, ar, outp);
    if (!wr_read_f64(p, n, &v)) return WR_EDATA;
    outp->i64 = v != 0;
    return WR_OK;
}

wr_status wri_coerce_bool(const wr_type *t, bool v, wr_arena *ar, wr_value *outp) {
    static const char bytes[2] = {0, 1};
    if (t->kind == WR_T_VARBINARY) return wri_from_bytes(t, &bytes[v], 1, outp);
    return wri_from_bool(t, v, ar, outp);
}

/* core/type.c -- names of types, string comparison, hashing of long strings. */
#include "type.h"

#include <stdio.h>
#include <xxhash.h>

static const struct {
    const char *name;
    wr_phys phys;
} kinds[WR_N_KINDS] = {
#define X(k, name, phys) [WR_T_##k] = {name, phys},
    WR_KIND_LIST(X)
#undef X
};

wr_phys wr_type_phys(wr_type t) { return kinds[t.kind].phys; }
const char *wr_kind_name(wr_kind k) { return kinds[k].name; }

char *wr_type_print(wr_type t, char *out, size_t n) {
    const char *name = t.kind == WR_T_TIMESTAMP && t.local_tz ? "TIMESTAMP_LTZ" : kinds[t.kind].name;
    char args[32] = "";
    switch ((wr_kind)t.kind) {
    case WR_T_DECIMAL:
        snprintf(args, sizeof args, "(%u,%u)", t.prec, t.scale);
        break;
    case WR_T_CHAR:
    case WR_T_VARCHAR:
    case WR_T_VARBINARY:
        if (t.prec) snprintf(args, sizeof args, "(%u)", t.prec);
        break;
    case WR_T_TIME:
    case WR_T_TIMESTAMP:
        snprintf(args, sizeof args, "(%u)", t.prec);
        break;
    default:
        break;
    }
    snprintf(out, n, "%s%s%s", name, args, t.not_null ? " NOT NULL" : "");
    return out;
}

int wr_str_cmp(const wr_str *a, const wr_str *b) {
    uint32_t n = a->len < b->len ? a->len : b->len;
    int c = memcmp(wr_str_data(a), wr_str_data(b), n);
    return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* Written once, before there are threads. */
wr_secret wr_hash_secret = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xc2b2ae3d27d4eb4f)};

void wr_hash_secret_set(uint64_t a, uint64_t b) { wr_hash_secret = (wr_secret){a, b | 1}; }

uint64_t wr_keyed_bytes(const void *p, size_t n, wr_secret k) {
    return wr_fold(XXH3_64bits_withSeed(p, n, k.a), k.b);
}

uint64_t wr_hash_bytes(const void *p, size_t n) { return XXH3_64bits(p, n); }

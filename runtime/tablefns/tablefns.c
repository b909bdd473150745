/* runtime/tablefns/tablefns.c -- the list of table functions, a line each, and what their files share. */
#include "tablefn.h"

#define TABLE_FNS(X)                                                                                         \
    X(anomaly_seasonal)                                                                                      \
    X(anomaly_zscore)                                                                                        \
    X(count_distinct_items_tumbling)                                                                         \
    X(group_rank)                                                                                            \
    X(hotspots)                                                                                              \
    X(random_cut_forest)                                                                                     \
    X(random_cut_forest_with_explanation)                                                                    \
    X(top_k_items_tumbling)

#define X(name) extern const wr_table_fn wr_table_##name;
TABLE_FNS(X)
#undef X

const wr_table_fn *const wr_table_fns[] = {
#define X(name) &wr_table_##name,
    TABLE_FNS(X)
#undef X
};
const size_t wr_n_table_fns = WR_LEN(wr_table_fns);

/* ---- for bind ---- */

void wr_table_reads(wr_table_call *call, const wr_schema *in, uint32_t col, uint32_t *ip) {
    uint32_t i = 0;
    while (i < call->n_cols && call->cols[i] != col) i++;
    if (i == call->n_cols) {
        call->cols[i] = col;
        call->types[i] = in->fields[col].type;
        call->n_cols++;
    }
    if (ip) *ip = i;
}

void wr_table_reads_numbers(wr_table_call *call, const wr_schema *in, uint32_t n_vis, bool decimal,
                            uint32_t *np) {
    for (uint32_t i = 0; i < n_vis; i++) {
        wr_kind k = (wr_kind)in->fields[i].type.kind;
        bool key = i == call->time_col;
        for (uint32_t c = 0; c < call->n_keys; c++) key = key || call->keys[c] == i;
        if (!key && wr_kind_is_num(k) && (decimal || k != WR_T_DECIMAL)) wr_table_reads(call, in, i, NULL);
    }
    *np = call->n_cols;
}

wr_field *wr_table_adds(wr_table_call *call, const char *name, wr_type type) {
    WR_ASSERT(call->n_added < WR_TABLE_ADDED_MAX);
    wr_field *f = &call->added[call->n_added++];
    *f = (wr_field){.name = name, .type = type};
    return f;
}

/* ---- for rows ---- */

double wr_table_number(const wr_table_call *call, const wr_batch *in, uint32_t k, uint32_t i) {
    static const double tens[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    const wr_col *c = wr_table_col(call, in, k);
    if (wr_is_null(c, i)) return 0;
    if (c->phys == WR_F64) return c->f64[i];
    if (c->phys != WR_I64) return 0;
    uint8_t scale = call->types[k].kind == WR_T_DECIMAL ? call->types[k].scale : 0;
    return scale < WR_LEN(tens) ? (double)c->i64[i] / tens[scale] : 0;
}

wr_status wr_table_null(const wr_table_rows *r, uint32_t k, uint32_t i, wr_err *err) {
    wr_col *c = &r->out->cols[r->first + k];
    if (!c->nulls && !wr_batch_nulls(r->out, c)) return wr_fail_oom(err, "a NULL bitmap");
    wr_bit_set(c->nulls, i);
    return WR_OK;
}

/* ---- bytes ---- */

wr_status wr_table_put_i64(wr_buf *to, int64_t v) {
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)v >> (8 * i));
    return wr_buf_put(to, bytes, 8);
}

wr_status wr_table_put_f64(wr_buf *to, double v) {
    int64_t bits;
    memcpy(&bits, &v, 8);
    return wr_table_put_i64(to, bits);
}

wr_status wr_table_put_str(wr_buf *to, const wr_str *s) {
    WR_TRY(wr_table_put_i64(to, s->len));
    return wr_buf_put(to, wr_str_data(s), s->len);
}

int64_t wr_table_i64(wr_table_reader *r) {
    uint64_t v = 0;
    if (r->end - r->at < 8) {
        r->bad = true;
        r->at = r->end;
        return 0;
    }
    for (int i = 0; i < 8; i++) v |= (uint64_t)(uint8_t)r->at[i] << (8 * i);
    r->at += 8;
    return (int64_t)v;
}

double wr_table_f64(wr_table_reader *r) {
    int64_t bits = wr_table_i64(r);
    double v;
    memcpy(&v, &bits, 8);
    return v;
}

uint64_t wr_table_count(wr_table_reader *r, size_t bytes) {
    uint64_t n = (uint64_t)wr_table_i64(r);
    if (n <= (uint64_t)(r->end - r->at) / bytes) return n;
    r->bad = true;
    r->at = r->end;
    return 0;
}

wr_str wr_table_str(wr_table_reader *r) {
    uint64_t n = wr_table_count(r, 1);
    if (n > UINT32_MAX) {
        r->bad = true;
        n = 0;
    }
    wr_str s = wr_str_make(n ? r->at : "", n);
    r->at += n;
    return s;
}

wr_status wr_table_broken(const wr_table_call *call, wr_err *err) {
    return wr_fail(err, WR_EDATA, "%s in the snapshot is not as it was written", call->fn->name);
}

wr_status wr_table_read_end(const wr_table_call *call, const wr_table_reader *r, wr_err *err) {
    return r->bad || r->at != r->end ? wr_table_broken(call, err) : WR_OK;
}

/* runtime/tablefns/detector.c -- see detector.h. */
#include "detector.h"

enum { SCORE, EXPECTED, IS_ANOMALY };

wr_status wri_detector_bind(wr_table_call *call, const wr_schema *in, uint32_t arg, wr_err *err) {
    uint32_t col = call->args[arg].cols[0];
    call->bad_arg = arg;
    if (!wr_kind_is_num((wr_kind)in->fields[col].type.kind))
        return wr_fail(err, WR_ESQL, "column '%s' is not a number", in->fields[col].name);
    wr_table_reads(call, in, col, NULL);
    wr_table_adds(call, "ANOMALY_SCORE", wr_type_of(WR_T_DOUBLE));
    wr_table_adds(call, "EXPECTED", wr_type_of(WR_T_DOUBLE));
    wr_table_adds(call, "IS_ANOMALY", wr_type_of(WR_T_BOOLEAN));
    return WR_OK;
}

double wri_detector_value(const wr_table_call *call, const wr_table_rows *r, uint32_t i, bool *nonep) {
    *nonep = wr_is_null(wr_table_col(call, r->in, 0), i);
    return wr_table_number(call, r->in, 0, i);
}

wr_status wri_detector_says(const wr_table_rows *r, uint32_t i, const wri_verdict *v, wr_err *err) {
    wr_col *out = &r->out->cols[r->first];
    out[SCORE].f64[i] = v->score;
    out[EXPECTED].f64[i] = v->expected;
    out[IS_ANOMALY].i64[i] = v->anomaly;
    if (v->no_value) WR_TRY(wr_table_null(r, SCORE, i, err));
    if (v->no_value) WR_TRY(wr_table_null(r, IS_ANOMALY, i, err));
    return v->blind ? wr_table_null(r, EXPECTED, i, err) : WR_OK;
}

/* runtime/expr/fn_json_make.c -- JSON made of values: text is quoted, JSON and numbers stand as they are,
 * times and intervals as their text, bytes in base64; a DOUBLE that is no number in JSON is null. */
#include "expr_int.h"

typedef const wr_value *args_t;

static wr_status put_quoted(wr_buf *out, const wr_str *s) {
    static const char hex[] = "0123456789abcdef";
    const char *p = wr_str_data(s), *end = p + s->len;
    WR_TRY(wr_buf_put(out, "\"", 1));
    while (p < end) {
        const char *plain = p;
        while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') p++;
        WR_TRY(wr_buf_put(out, plain, (size_t)(p - plain)));
        if (p == end) break;
        unsigned char c = (unsigned char)*p++;
        const char *at = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);
        char esc[6] = {'\\', c && at ? at[1] : 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        WR_TRY(wr_buf_put(out, esc, c && at ? 2 : 6));
    }
    return wr_buf_put(out, "\"", 1);
}

static wr_status put_text(wr_buf *out, const char *text, size_t n, bool quoted) {
    if (quoted) WR_TRY(wr_buf_put(out, "\"", 1));
    WR_TRY(wr_buf_put(out, text, n));
    return quoted ? wr_buf_put(out, "\"", 1) : WR_OK;
}

static wr_status put_bytes(wri_call *c, wr_buf *out, const wr_value *v, const char **whyp) {
    wr_value text = {.str = {0}};
    *whyp = wri_fn_to_base64(c, v, &text);
    return *whyp ? WR_OK : put_quoted(out, &text.str);
}

static wr_status put_number(wr_buf *out, wr_type t, const wr_value *v) {
    char text[WR_TEXT_MAX];
    size_t n;
    switch (t.kind) {
    case WR_T_BOOLEAN:
        return wr_buf_puts(out, v->i64 ? "true" : "false");
    case WR_T_REAL:
    case WR_T_DOUBLE:
        if (!(v->f64 - v->f64 == 0)) return wr_buf_puts(out, "null");
        n = t.kind == WR_T_REAL ? wr_write_f32((float)v->f64, text) : wr_write_f64(v->f64, text);
        return put_text(out, text, n, false);
    case WR_T_DECIMAL:
        return put_text(out, text, wr_write_decimal(v->i64, t.scale, text), false);
    case WR_T_DATE:
        return put_text(out, text, wr_write_date(v->i64, text), true);
    case WR_T_TIME:
        return put_text(out, text, wr_write_time(v->i64, t.prec, text), true);
    case WR_T_TIMESTAMP:
        return put_text(out, text, wr_write_timestamp(v->i64, t.prec, false, text), true);
    case WR_T_INTERVAL_DAY:
    case WR_T_INTERVAL_MONTH:
        return put_text(out, text, wr_write_interval(v->i64, (wr_kind)t.kind, text), true);
    default:
        return put_text(out, text, wr_write_i64(v->i64, text), false);
    }
}

static wr_status put_value(wri_call *c, wr_buf *out, wr_type t, const wr_value *v, const char **whyp) {
    *whyp = NULL;
    if (v->null) return wr_buf_puts(out, "null");
    if (t.kind == WR_T_VARBINARY) return put_bytes(c, out, v, whyp);
    if (wr_type_phys(t) != WR_STR) return put_number(out, t, v);
    if (t.kind != WR_T_JSON) return put_quoted(out, &v->str);
    if (!wri_is_json(&v->str)) *whyp = wri_bad_text(c, &v->str, "JSON");
    return wr_buf_put(out, wr_str_data(&v->str), v->str.len);
}

/* The result: what out holds, which is freed. */
static const char *finish(wri_call *c, wr_buf *out, wr_status st, const char *why, wr_value *outp) {
    if (st != WR_OK) {
        c->oom = true;
        why = "out of memory";
    }
    if (!why) why = wri_ret_copy(c, out->data, out->len, outp);
    wr_buf_free(out);
    return why;
}

static const char *make_array(wri_call *c, args_t a, bool nulls, wr_value *outp) {
    wr_buf out = {0};
    const char *why = NULL;
    wr_status st = wr_buf_put(&out, "[", 1);
    for (uint32_t i = 0; i < c->e->n_args && st == WR_OK && !why; i++) {
        if (a[i].null && !nulls) continue;
        if (out.len > 1) st = wr_buf_put(&out, ",", 1);
        if (st == WR_OK) st = put_value(c, &out, c->e->args[i]->type, &a[i], &why);
    }
    if (st == WR_OK) st = wr_buf_put(&out, "]", 1);
    return finish(c, &out, st, why, outp);
}

static const char *make_object(wri_call *c, args_t a, bool nulls, wr_value *outp) {
    wr_buf out = {0};
    const char *why = NULL;
    wr_status st = wr_buf_put(&out, "{", 1);
    for (uint32_t i = 0; i + 1 < c->e->n_args && st == WR_OK && !why; i += 2) {
        if (a[i].null || wr_type_phys(c->e->args[i]->type) != WR_STR)
            why = "a name in JSON_OBJECT must be text";
        if (why || (a[i + 1].null && !nulls)) continue;
        if (out.len > 1) st = wr_buf_put(&out, ",", 1);
        if (st == WR_OK) st = put_quoted(&out, &a[i].str);
        if (st == WR_OK) st = wr_buf_put(&out, ":", 1);
        if (st == WR_OK) st = put_value(c, &out, c->e->args[i + 1]->type, &a[i + 1], &why);
    }
    if (st == WR_OK) st = wr_buf_put(&out, "}", 1);
    return finish(c, &out, st, why, outp);
}

const char *wri_fn_json_array(wri_call *c, args_t a, wr_value *outp) { return make_array(c, a, false, outp); }
const char *wri_fn_json_array_nulls(wri_call *c, args_t a, wr_value *outp) {
    return make_array(c, a, true, outp);
}
const char *wri_fn_json_object(wri_call *c, args_t a, wr_value *outp) {
    return make_object(c, a, true, outp);
}
const char *wri_fn_json_object_no_nulls(wri_call *c, args_t a, wr_value *outp) {
    return make_object(c, a, false, outp);
}

const char *wri_fn_json_string(wri_call *c, args_t a, wr_value *outp) {
    wr_buf out = {0};
    const char *why;
    wr_status st = put_value(c, &out, c->e->args[0]->type, &a[0], &why);
    return finish(c, &out, st, why, outp);
}

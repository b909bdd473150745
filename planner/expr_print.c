/* planner/expr_print.c -- typed expressions as SQL-like text, for EXPLAIN and messages.
 *
 * Parentheses stand only where precedence needs them. Names come from the input schema ("$3" when the
 * schema is too short). The text is for people: it parses, but lowered forms print as what they became. */
#include "bind_int.h"

/* Binding strength, loosest first. */
enum { P_LOW, P_OR, P_AND, P_NOT, P_CMP, P_CONCAT, P_ADD, P_MUL, P_NEG, P_TIGHT };

typedef struct printer {
    const wr_schema *in;
    wr_buf *out;
} printer;

static wr_status put_expr(printer *p, const wr_expr *e, int least);

static bool plain_name(const char *s) {
    if (!(*s == '_' || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z'))) return false;
    for (; *s; s++)
        if (!(*s == '_' || *s == '$' || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
              (*s >= '0' && *s <= '9')))
            return false;
    return true;
}

static wr_status put_quoted(wr_buf *out, const char *s, size_t n, char quote) {
    WR_TRY(wr_buf_put(out, &quote, 1));
    for (size_t i = 0; i < n; i++) {
        if (s[i] == quote) WR_TRY(wr_buf_put(out, &quote, 1));
        WR_TRY(wr_buf_put(out, s + i, 1));
    }
    return wr_buf_put(out, &quote, 1);
}

/* The largest unit that divides the interval: INTERVAL '90' SECOND, INTERVAL '2' HOUR. */
static wr_status put_interval(wr_buf *out, int64_t v, wr_kind kind) {
    if (kind == WR_T_INTERVAL_MONTH)
        return v % 12 == 0 ? wr_buf_printf(out, "INTERVAL '%lld' YEAR", (long long)(v / 12))
                           : wr_buf_printf(out, "INTERVAL '%lld' MONTH", (long long)v);
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {
        {"DAY", WRI_US_DAY}, {"HOUR", WRI_US_HOUR}, {"MINUTE", WRI_US_MINUTE}, {"SECOND", WRI_US_SECOND}};
    for (size_t i = 0; i < WR_LEN(units); i++)
        if (v != 0 && v % units[i].us == 0)
            return wr_buf_printf(out, "INTERVAL '%lld' %s", (long long)(v / units[i].us), units[i].name);
    char text[WR_TEXT_MAX];
    size_t n = wr_write_decimal(v, 6, text);
    while (n && text[n - 1] == '0') n--;
    if (n && text[n - 1] == '.') n--;
    return wr_buf_printf(out, "INTERVAL '%.*s' SECOND", (int)n, text);
}

static wr_status put_hex(wr_buf *out, const wr_str *s) {
    WR_TRY(wr_buf_puts(out, "X'"));
    for (uint32_t i = 0; i < s->len; i++)
        WR_TRY(wr_buf_printf(out, "%02X", (unsigned char)wr_str_data(s)[i]));
    return wr_buf_puts(out, "'");
}

static wr_status put_const(wr_buf *out, const wr_expr *e) {
    const wr_value *v = &e->value;
    char text[WR_TEXT_MAX];
    size_t n = 0;
    const char *word = "";
    if (v->null) return wr_buf_puts(out, "NULL");
    switch ((wr_kind)e->type.kind) {
    case WR_T_BOOLEAN:
        return wr_buf_puts(out, v->i64 ? "TRUE" : "FALSE");
    case WR_T_DECIMAL:
        n = wr_write_decimal(v->i64, e->type.scale, text);
        break;
    case WR_T_REAL:
        n = wr_write_f32((float)v->f64, text);
        break;
    case WR_T_DOUBLE:
        n = wr_write_f64(v->f64, text);
        break;
    case WR_T_CHAR:
    case WR_T_VARCHAR:
    case WR_T_JSON:
        return put_quoted(out, wr_str_data(&v->str), v->str.len, '\'');
    case WR_T_VARBINARY:
        return put_hex(out, &v->str);
    case WR_T_DATE:
        word = "DATE ";
        n = wr_write_date(v->i64, text);
        break;
    case WR_T_TIME:
        word = "TIME ";
        n = wr_write_time(v->i64, e->type.prec, text);
        break;
    case WR_T_TIMESTAMP:
        word = "TIMESTAMP ";
        n = wr_write_timestamp(v->i64, e->type.prec, false, text);
        break;
    case WR_T_INTERVAL_DAY:
    case WR_T_INTERVAL_MONTH:
        return put_interval(out, v->i64, (wr_kind)e->type.kind);
    default:
        n = wr_write_i64(v->i64, text);
    }
    const char *q = *word ? "'" : "";
    return wr_buf_printf(out, "%s%s%.*s%s", word, q, (int)n, text, q);
}

static wr_status put_column(printer *p, const wr_expr *e) {
    if (!p->in || e->col >= p->in->n) return wr_buf_printf(p->out, "$%u", e->col);
    const char *name = p->in->fields[e->col].name;
    return plain_name(name) ? wr_buf_puts(p->out, name) : put_quoted(p->out, name, strlen(name), '"');
}

static wr_status put_list(printer *p, wr_expr *const *args, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (i) WR_TRY(wr_buf_puts(p->out, ", "));
        WR_TRY(put_expr(p, args[i], P_LOW));
    }
    return wr_buf_puts(p->out, ")");
}

static wr_status put_call(printer *p, const char *name, const wr_expr *e) {
    WR_TRY(wr_buf_printf(p->out, "%s(", name));
    return put_list(p, e->args, e->n_args);
}

static wr_status put_case(printer *p, const wr_expr *e) {
    WR_TRY(wr_buf_puts(p->out, "CASE"));
    for (uint32_t i = 0; i + 1 < e->n_args; i += 2) {
        WR_TRY(wr_buf_puts(p->out, " WHEN "));
        WR_TRY(put_expr(p, e->args[i], P_LOW));
        WR_TRY(wr_buf_puts(p->out, " THEN "));
        WR_TRY(put_expr(p, e->args[i + 1], P_LOW));
    }
    if (e->n_args % 2) {
        WR_TRY(wr_buf_puts(p->out, " ELSE "));
        WR_TRY(put_expr(p, e->args[e->n_args - 1], P_LOW));
    }
    return wr_buf_puts(p->out, " END");
}

static wr_status put_cast(printer *p, const wr_expr *e) {
    char type[80];
    WR_TRY(wr_buf_puts(p->out, e->op == WR_OP_CAST ? "CAST(" : "TRY_CAST("));
    WR_TRY(put_expr(p, e->args[0], P_LOW));
    return wr_buf_printf(p->out, " AS %s)", wr_type_print(wri_plain_type(e->type), type, sizeof type));
}

static wr_status put_like(printer *p, const wr_expr *e) {
    WR_TRY(put_expr(p, e->args[0], P_CONCAT));
    WR_TRY(wr_buf_puts(p->out, " LIKE "));
    WR_TRY(put_expr(p, e->args[1], P_CONCAT));
    if (e->n_args < 3) return WR_OK;
    WR_TRY(wr_buf_puts(p->out, " ESCAPE "));
    return put_expr(p, e->args[2], P_CONCAT);
}

static wr_status put_in(printer *p, const wr_expr *e) {
    WR_TRY(put_expr(p, e->args[0], P_CONCAT));
    WR_TRY(wr_buf_puts(p->out, " IN ("));
    return put_list(p, e->args + 1, e->n_args - 1);
}

static wr_status put_unit(printer *p, const wr_expr *e) {
    if (e->op == WR_OP_EXTRACT) {
        WR_TRY(wr_buf_printf(p->out, "EXTRACT(%s FROM ", wr_unit_name(e->unit)));
        WR_TRY(put_expr(p, e->args[0], P_LOW));
        return wr_buf_puts(p->out, ")");
    }
    WR_TRY(wr_buf_puts(p->out, e->op == WR_OP_FLOOR_UNIT ? "FLOOR(" : "CEIL("));
    WR_TRY(put_expr(p, e->args[0], P_LOW));
    return wr_buf_printf(p->out, " TO %s)", wr_unit_name(e->unit));
}

static wr_status put_step(printer *p, const wr_expr *e) {
    WR_TRY(wr_buf_puts(p->out, "STEP("));
    WR_TRY(put_expr(p, e->args[0], P_LOW));
    WR_TRY(wr_buf_puts(p->out, " BY "));
    WR_TRY(put_expr(p, e->args[1], P_LOW));
    return wr_buf_puts(p->out, ")");
}

/* Operators that are a word or sign before, between or behind their operands. */
typedef struct form {
    const char *pre, *mid, *post;
    int self, left, right; /* strength of the whole, least strength of each operand */
} form;

static bool form_of(wr_xop op, form *f) {
    static const form forms[WR_N_OPS] = {
        [WR_OP_NEG] = {"-", NULL, "", P_NEG, P_TIGHT, 0},
        [WR_OP_ADD] = {"", " + ", "", P_ADD, P_ADD, P_MUL},
        [WR_OP_SUB] = {"", " - ", "", P_ADD, P_ADD, P_MUL},
        [WR_OP_MUL] = {"", " * ", "", P_MUL, P_MUL, P_NEG},
        [WR_OP_DIV] = {"", " / ", "", P_MUL, P_MUL, P_NEG},
        [WR_OP_MOD] = {"", " % ", "", P_MUL, P_MUL, P_NEG},
        [WR_OP_CONCAT] = {"", " || ", "", P_CONCAT, P_CONCAT, P_ADD},
        [WR_OP_EQ] = {"", " = ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_NE] = {"", " <> ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_LT] = {"", " < ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_LE] = {"", " <= ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_GT] = {"", " > ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_GE] = {"", " >= ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_IS_DISTINCT] = {"", " IS DISTINCT FROM ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_IS_NOT_DISTINCT] = {"", " IS NOT DISTINCT FROM ", "", P_CMP, P_CONCAT, P_CONCAT},
        [WR_OP_AND] = {"", " AND ", "", P_AND, P_AND, P_AND},
        [WR_OP_OR] = {"", " OR ", "", P_OR, P_OR, P_OR},
        [WR_OP_NOT] = {"NOT ", NULL, "", P_NOT, P_NOT, 0},
        [WR_OP_IS_NULL] = {"", NULL, " IS NULL", P_CMP, P_CONCAT, 0},
        [WR_OP_IS_NOT_NULL] = {"", NULL, " IS NOT NULL", P_CMP, P_CONCAT, 0},
        [WR_OP_IS_TRUE] = {"", NULL, " IS TRUE", P_CMP, P_CONCAT, 0},
        [WR_OP_IS_NOT_TRUE] = {"", NULL, " IS NOT TRUE", P_CMP, P_CONCAT, 0},
        [WR_OP_IS_FALSE] = {"", NULL, " IS FALSE", P_CMP, P_CONCAT, 0},
        [WR_OP_IS_NOT_FALSE] = {"", NULL, " IS NOT FALSE", P_CMP, P_CONCAT, 0},
    };
    *f = forms[op];
    return f->pre != NULL;
}

static wr_status put_form(printer *p, const wr_expr *e, const form *f) {
    WR_TRY(wr_buf_puts(p->out, f->pre));
    WR_TRY(put_expr(p, e->args[0], f->left));
    if (!f->mid) return wr_buf_puts(p->out, f->post);
    WR_TRY(wr_buf_puts(p->out, f->mid));
    return put_expr(p, e->args[1], f->right);
}

static wr_status put_op(printer *p, const wr_expr *e) {
    switch (e->op) {
    case WR_OP_CASE:
        return put_case(p, e);
    case WR_OP_CAST:
    case WR_OP_TRY_CAST:
        return put_cast(p, e);
    case WR_OP_LIKE:
        return put_like(p, e);
    case WR_OP_IN:
        return put_in(p, e);
    case WR_OP_EXTRACT:
    case WR_OP_FLOOR_UNIT:
    case WR_OP_CEIL_UNIT:
        return put_unit(p, e);
    case WR_OP_FLOOR_STEP:
        return put_step(p, e);
    default:
        return put_call(p, wr_op_name(e->op), e);
    }
}

/* Negative numbers bind as loosely as the sign before them. */
static int const_strength(const wr_expr *e) {
    if (e->value.null || !wr_kind_is_num((wr_kind)e->type.kind)) return P_TIGHT;
    bool negative = wr_type_phys(e->type) == WR_F64 ? e->value.f64 < 0 : e->value.i64 < 0;
    return negative ? P_NEG : P_TIGHT;
}

static wr_status put_expr(printer *p, const wr_expr *e, int least) {
    form f = {0};
    bool has_form = e->kind == WR_X_OP && form_of(e->op, &f);
    int self = has_form                                                           ? f.self
               : e->kind == WR_X_CONST                                            ? const_strength(e)
               : e->kind == WR_X_OP && (e->op == WR_OP_LIKE || e->op == WR_OP_IN) ? P_CMP
                                                                                  : P_TIGHT;
    if (self < least) WR_TRY(wr_buf_puts(p->out, "("));
    switch (e->kind) {
    case WR_X_CONST:
        WR_TRY(put_const(p->out, e));
        break;
    case WR_X_COL:
        WR_TRY(put_column(p, e));
        break;
    case WR_X_FUNC:
        WR_TRY(put_call(p, e->func->name, e));
        break;
    case WR_X_OP:
        WR_TRY(has_form ? put_form(p, e, &f) : put_op(p, e));
        break;
    }
    return self < least ? wr_buf_puts(p->out, ")") : WR_OK;
}

wr_status wr_expr_print(const wr_expr *e, const wr_schema *in, wr_buf *out) {
    printer p = {in, out};
    return put_expr(&p, e, P_LOW);
}

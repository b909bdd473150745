/* parser/print.c -- tree to SQL: names, literals, types, expressions.
 *
 * What is printed parses to the same tree: parentheses stand where the grammar's precedence needs them,
 * forms that read differently in some places (IGNORE NULLS before ')', a minus before a minus) are kept
 * apart. The writer remembers its first failure, so the walk needs no checks. Recursion is bounded by
 * WRI_DEPTH_MAX. */
#include "parser/parser_int.h"

void wri_puts(wri_out *o, const char *s) {
    if (o->st == WR_OK) o->st = wr_buf_puts(o->b, s);
}

/* Writes s between quotes q, doubling those inside. */
static void put_quoted(wri_out *o, const char *s, char q) {
    const char quote[2] = {q, '\0'};
    wri_puts(o, quote);
    for (const char *e; (e = strchr(s, q)); s = e + 1) {
        if (o->st == WR_OK) o->st = wr_buf_put(o->b, s, (size_t)(e - s) + 1);
        wri_puts(o, quote);
    }
    wri_puts(o, s);
    wri_puts(o, quote);
}

void wri_put_string(wri_out *o, const char *s) { put_quoted(o, s, '\''); }

void wri_put_ident(wri_out *o, const wr_ident *id) {
    if (id->quoted) put_quoted(o, id->text, '"');
    else wri_puts(o, id->text);
}

void wri_put_idents(wri_out *o, const wr_ident *ids, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        wri_puts(o, i ? ", " : "(");
        wri_put_ident(o, &ids[i]);
    }
    wri_puts(o, ")");
}

void wri_put_name(wri_out *o, const wr_name *name) {
    for (uint32_t i = 0; i < name->n; i++) {
        if (i) wri_puts(o, ".");
        wri_put_ident(o, &name->parts[i]);
    }
}

static void put_number(wri_out *o, uint64_t v) {
    if (o->st == WR_OK) o->st = wr_buf_printf(o->b, "%llu", (unsigned long long)v);
}

const char *wr_unit_name(wr_unit u) {
    static const char *const names[] = {[WR_U_NONE] = "",
                                        [WR_U_YEAR] = "YEAR",
                                        [WR_U_QUARTER] = "QUARTER",
                                        [WR_U_MONTH] = "MONTH",
                                        [WR_U_WEEK] = "WEEK",
                                        [WR_U_DAY] = "DAY",
                                        [WR_U_HOUR] = "HOUR",
                                        [WR_U_MINUTE] = "MINUTE",
                                        [WR_U_SECOND] = "SECOND",
                                        [WR_U_DOW] = "DOW",
                                        [WR_U_DOY] = "DOY",
                                        [WR_U_MILLISECOND] = "MILLISECOND",
                                        [WR_U_EPOCH] = "EPOCH",
                                        [WR_U_OTHER] = "OTHER",
                                        [WR_U_MICROSECOND] = "MICROSECOND",
                                        [WR_U_ISODOW] = "ISODOW",
                                        [WR_U_ISOYEAR] = "ISOYEAR",
                                        [WR_U_DECADE] = "DECADE",
                                        [WR_U_CENTURY] = "CENTURY",
                                        [WR_U_MILLENNIUM] = "MILLENNIUM",
                                        [WR_U_NANOSECOND] = "NANOSECOND"};
    return (size_t)u < WR_LEN(names) ? names[u] : "";
}

wr_unit wr_unit_by_name(const char *name, size_t n) {
    for (int u = WR_U_YEAR; u < WR_U_OTHER; u++) {
        const char *s = wr_unit_name((wr_unit)u);
        size_t len = strlen(s), i = 0;
        while (i < len && i < n && (name[i] == s[i] || (name[i] >= 'a' && name[i] - 'a' + 'A' == s[i]))) i++;
        if (i == len && (n == len || (n == len + 1 && (name[len] | 32) == 's'))) return (wr_unit)u;
    }
    return WR_U_OTHER;
}

/* MINUTE, SECOND(2, 3), MINUTE TO SECOND(3): the qualifier of an interval held in e. */
static void put_qualifier(wri_out *o, const wr_ast *e) {
    bool to = e->unit2 != WR_U_NONE;
    wri_puts(o, wr_unit_name(e->unit));
    /* The fraction goes behind the last unit; alone it is the second number, so the first is needed. */
    if (e->prec || (e->prec2 && !to)) {
        wri_puts(o, "(");
        put_number(o, e->prec ? e->prec : 2);
        if (e->prec2 && !to) {
            wri_puts(o, ", ");
            put_number(o, e->prec2 - 1);
        }
        wri_puts(o, ")");
    }
    if (!to) return;
    wri_puts(o, " TO ");
    wri_puts(o, wr_unit_name(e->unit2));
    if (!e->prec2) return;
    wri_puts(o, "(");
    put_number(o, e->prec2 - 1);
    wri_puts(o, ")");
}

void wri_put_type(wri_out *o, wr_type t) {
    wri_puts(o, wr_kind_name(t.kind));
    switch (t.kind) {
    case WR_T_DECIMAL:
        wri_puts(o, "(");
        put_number(o, t.prec);
        wri_puts(o, ", ");
        put_number(o, t.scale);
        wri_puts(o, ")");
        break;
    case WR_T_CHAR:
    case WR_T_VARCHAR:
    case WR_T_VARBINARY:
        if (t.prec == 0) break;
        wri_puts(o, "(");
        put_number(o, t.prec);
        wri_puts(o, ")");
        break;
    case WR_T_TIME:
    case WR_T_TIMESTAMP:
        wri_puts(o, "(");
        put_number(o, t.prec);
        wri_puts(o, t.local_tz ? ") WITH LOCAL TIME ZONE" : ")");
        break;
    default:
        break;
    }
}

/* ---- expressions ---- */
enum {
    P_OR = 1,
    P_AND,
    P_NOT,
    P_TEST,
    P_ADD,
    P_MUL,
    P_CAT,
    P_SIGN,
    P_POST,
    P_PRIM
}; /* as sql.y ranks them */

static int op_level(const char *op) {
    switch (op[0]) {
    case 'O':
        return P_OR;
    case 'A':
        return P_AND;
    case '+':
        return P_ADD;
    case '*':
    case '/':
    case '%':
        return P_MUL;
    case '|':
        return P_CAT;
    case '-':
        return op[1] == '>' ? P_CAT : P_ADD;
    default:
        return P_TEST;
    }
}

static int level(const wr_ast *e) {
    switch (e->kind) {
    case WR_A_BINARY_OP:
        return op_level(e->op);
    case WR_A_UNARY:
        return e->op[0] == 'N' ? P_NOT : P_SIGN; /* also FINAL, RUNNING */
    case WR_A_IS:
    case WR_A_BETWEEN:
    case WR_A_IN:
    case WR_A_LIKE:
    case WR_A_PERIOD:
        return P_TEST;
    case WR_A_AT_ZONE:
        return P_POST;
    case WR_A_INDEX:
        return P_POST;
    default:
        return P_PRIM;
    }
}

/* Writes e as an operand that must bind at least as `least`. */
static void put_operand(wri_out *o, const wr_ast *e, int least) {
    bool paren = level(e) < least;
    if (paren) wri_puts(o, "(");
    wri_put_expr(o, e);
    if (paren) wri_puts(o, ")");
}

void wri_put_value(wri_out *o, const wr_ast *e) { put_operand(o, e, P_ADD); }

void wri_put_exprs(wri_out *o, wr_ast *const *es, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (i) wri_puts(o, ", ");
        wri_put_expr(o, es[i]);
    }
}

static void put_list(wri_out *o, const char *word, wr_ast *const *es, uint32_t n, const char *end) {
    wri_puts(o, word);
    wri_put_exprs(o, es, n);
    wri_puts(o, end);
}

static void put_in_parens(wri_out *o, const char *word, const wr_query *q) {
    wri_puts(o, word);
    wri_puts(o, "(");
    wri_put_query(o, q);
    wri_puts(o, ")");
}

static void put_binary(wri_out *o, const wr_ast *e) {
    int l = op_level(e->op);
    put_operand(o, e->args[0], l);
    wri_puts(o, " ");
    wri_puts(o, e->op);
    wri_puts(o, " ");
    /* OR and AND take conditions on both sides, the others values on the right; all join to the left. */
    put_operand(o, e->args[1], l == P_TEST ? P_ADD : l + 1);
}

static void put_unary(wri_out *o, const wr_ast *e) {
    int l = level(e);
    wri_puts(o, e->op);
    const wr_ast *a = e->args[0];
    bool word = e->op[1] != '\0';
    if (word) wri_puts(o, " ");
    bool prim = l == P_SIGN && (word || a->kind == WR_A_UNARY); /* two minus signs are a comment */
    o->after_word = word && a->kind == WR_A_CALL;
    put_operand(o, a, prim ? P_PRIM : l);
}

static void put_test(wri_out *o, const wr_ast *e) {
    put_operand(o, e->args[0], P_TEST);
    switch (e->kind) {
    case WR_A_IS:
        wri_puts(o, e->negated ? " IS NOT " : " IS ");
        wri_puts(o, e->op);
        if (e->n_args < 2) return;
        wri_puts(o, " ");
        put_operand(o, e->args[1], P_ADD);
        return;
    case WR_A_BETWEEN:
        wri_puts(o, e->negated ? " NOT BETWEEN " : " BETWEEN ");
        if (e->flag) wri_puts(o, "SYMMETRIC ");
        put_operand(o, e->args[1], P_ADD);
        wri_puts(o, " AND ");
        put_operand(o, e->args[2], P_ADD);
        return;
    case WR_A_LIKE:
        wri_puts(o, e->negated ? " NOT " : " ");
        wri_puts(o, e->op);
        wri_puts(o, " ");
        put_operand(o, e->args[1], P_ADD);
        if (e->n_args < 3) return;
        wri_puts(o, " ESCAPE ");
        put_operand(o, e->args[2], P_ADD);
        return;
    case WR_A_PERIOD:
        wri_puts(o, e->flag ? " STRICTLY " : e->flag2 ? " IMMEDIATELY " : " ");
        wri_puts(o, e->op);
        wri_puts(o, " ");
        put_operand(o, e->args[1], P_ADD);
        return;
    default:
        wri_puts(o, e->negated ? " NOT IN " : " IN ");
        if (e->query) put_in_parens(o, "", e->query);
        else put_list(o, "(", e->args + 1, e->n_args - 1, ")");
    }
}

static void put_case(wri_out *o, const wr_ast *e) {
    wri_puts(o, "CASE");
    if (e->args[0]) {
        wri_puts(o, " ");
        wri_put_expr(o, e->args[0]);
    }
    uint32_t i = 1;
    for (; i + 1 < e->n_args; i += 2) {
        wri_puts(o, " WHEN ");
        wri_put_expr(o, e->args[i]);
        wri_puts(o, " THEN ");
        wri_put_expr(o, e->args[i + 1]);
    }
    if (i < e->n_args) {
        wri_puts(o, " ELSE ");
        wri_put_expr(o, e->args[i]);
    }
    wri_puts(o, " END");
}

static void put_unit(wri_out *o, const wr_ast *e) {
    wri_puts(o, e->unit == WR_U_OTHER ? e->text : wr_unit_name(e->unit));
}

/* FLOOR(x TO unit), EXTRACT(unit FROM x), (x) unit */
static void put_unit_form(wri_out *o, const wr_ast *e) {
    const wr_ast *a = e->args[0];
    if (e->kind == WR_A_EXTRACT) {
        wri_puts(o, "EXTRACT(");
        put_unit(o, e);
        wri_puts(o, " FROM ");
        wri_put_expr(o, a);
        wri_puts(o, ")");
    } else if (e->kind == WR_A_QUALIFIED) {
        wri_puts(o, "(");
        wri_put_expr(o, a);
        wri_puts(o, ") ");
        put_qualifier(o, e);
    } else {
        wri_puts(o, e->op);
        wri_puts(o, "(");
        /* What may end in a unit, as (x) SECOND does, would take TO for its own. */
        bool plain = a->kind == WR_A_COLUMN || a->kind == WR_A_CALL || a->kind == WR_A_CAST;
        put_operand(o, a, plain ? P_OR : P_PRIM + 1);
        wri_puts(o, " TO ");
        put_unit(o, e);
        wri_puts(o, ")");
    }
}

static void put_cast(wri_out *o, const wr_ast *e) {
    wri_puts(o, e->flag ? "TRY_CAST(" : "CAST(");
    wri_put_expr(o, e->args[0]);
    wri_puts(o, " AS ");
    if (e->unit) {
        wri_puts(o, "INTERVAL ");
        put_qualifier(o, e);
    } else wri_put_type(o, e->type);
    wri_puts(o, ")");
}

static void put_literal(wri_out *o, const wr_ast *e) {
    switch (e->kind) {
    case WR_A_NULL:
        wri_puts(o, "NULL");
        break;
    case WR_A_STRING:
        wri_put_string(o, e->text);
        break;
    case WR_A_BINARY:
        wri_puts(o, "X");
        wri_put_string(o, e->text);
        break;
    case WR_A_TEMPORAL:
        wri_puts(o, wr_kind_name(e->type.kind));
        wri_puts(o, " ");
        wri_put_string(o, e->text);
        break;
    case WR_A_INTERVAL:
        wri_puts(o, "INTERVAL ");
        wri_put_string(o, e->text);
        wri_puts(o, " ");
        put_qualifier(o, e);
        break;
    default:
        wri_puts(o, e->text);
        break;
    }
}

static void put_table_arg(wri_out *o, const wr_ast *e) {
    wri_puts(o, "TABLE ");
    if (e->query) put_in_parens(o, "", e->query);
    else wri_put_name(o, &e->name);
    if (e->n_args) put_list(o, " PARTITION BY (", e->args, e->n_args, ")");
    if (!e->call) return;
    wri_puts(o, " ORDER BY ");
    const wr_sort *s = e->call->within;
    if (e->call->n_within == 1) {
        wri_put_sorts(o, s, 1);
        return;
    }
    for (uint32_t i = 0; i < e->call->n_within; i++) { /* (a, b) DESC: all have one direction */
        wri_puts(o, i ? ", " : "(");
        wri_put_expr(o, s[i].expr);
    }
    wri_puts(o, ")");
    wri_put_direction(o, &s[0]);
}

/* Forms that are closed by themselves: lists, queries, arguments. */
static void put_closed(wri_out *o, const wr_ast *e) {
    switch (e->kind) {
    case WR_A_STAR:
        wri_put_name(o, &e->name);
        wri_puts(o, e->name.n ? ".*" : "*");
        break;
    case WR_A_STEP:
        wri_puts(o, "STEP(");
        wri_put_expr(o, e->args[0]);
        wri_puts(o, " BY ");
        wri_put_expr(o, e->args[1]);
        wri_puts(o, ")");
        break;
    case WR_A_ROW:
        put_list(o, e->n_args > 1 ? "(" : "ROW(", e->args, e->n_args, ")");
        break;
    case WR_A_ARRAY:
        put_list(o, "ARRAY[", e->args, e->n_args, "]");
        break;
    case WR_A_SUBQUERY:
        put_in_parens(o, "", e->query);
        break;
    case WR_A_EXISTS:
        put_in_parens(o, "EXISTS ", e->query);
        break;
    case WR_A_CURSOR:
        put_in_parens(o, "CURSOR", e->query);
        break;
    case WR_A_PAIR:
        wri_put_value(o, e->args[0]);
        wri_puts(o, " VALUE ");
        wri_put_value(o, e->args[1]);
        break;
    case WR_A_NAMED_ARG:
        wri_put_ident(o, &e->name.parts[0]);
        wri_puts(o, " => ");
        wri_put_arg(o, e->args[0]);
        break;
    case WR_A_TABLE_ARG:
        put_table_arg(o, e);
        break;
    case WR_A_DESCRIPTOR:
        put_list(o, "DESCRIPTOR(", e->args, e->n_args, ")");
        break;
    default:
        put_literal(o, e);
        break;
    }
}

void wri_put_expr(wri_out *o, const wr_ast *e) {
    switch (e->kind) {
    case WR_A_COLUMN:
        wri_put_name(o, &e->name);
        break;
    case WR_A_UNARY:
        put_unary(o, e);
        break;
    case WR_A_BINARY_OP:
        put_binary(o, e);
        break;
    case WR_A_IS:
    case WR_A_BETWEEN:
    case WR_A_IN:
    case WR_A_LIKE:
    case WR_A_PERIOD:
        put_test(o, e);
        break;
    case WR_A_CASE:
        put_case(o, e);
        break;
    case WR_A_CAST:
        put_cast(o, e);
        break;
    case WR_A_CALL:
        wri_put_call(o, e, false);
        break;
    case WR_A_EXTRACT:
    case WR_A_QUALIFIED:
    case WR_A_ROUND_TO:
        put_unit_form(o, e);
        break;
    case WR_A_INDEX:
        put_operand(o, e->args[0], P_POST);
        put_list(o, "[", e->args + 1, 1, "]");
        break;
    case WR_A_AT_ZONE:
        put_operand(o, e->args[0], P_POST);
        wri_puts(o, " AT TIME ZONE ");
        put_operand(o, e->args[1], P_PRIM);
        break;
    default:
        put_closed(o, e);
        break;
    }
}

wr_status wr_ast_print(const wr_ast *e, wr_buf *out) {
    wri_out o = {out, WR_OK};
    wri_put_expr(&o, e);
    return o.st;
}

/* planner/window_floor.c -- which expressions over event time make tumbling windows.
 *
 *   STEP(t BY n), FLOOR(t TO unit), CEIL(t TO unit)
 *   FLOOR((t - TIMESTAMP '1970-01-01 00:00:00') SECOND / 10 TO SECOND)     which is STEP(t - epoch BY 10 s) /
 * 10 and what is made of them with constants so that no two windows meet: + c, - c, * c, exact / c, negation,
 * CAST to text
 *
 * Such a key has one value within a window and another in each other window, so grouping by it is grouping by
 * the window; its value is that of any time in the window, for example of its first. Pure functions. */
#include "plan_int.h"

static int64_t unit_us(wr_unit u) {
    switch (u) {
    case WR_U_DAY:
        return 86400 * WR_US_PER_SECOND;
    case WR_U_HOUR:
        return 3600 * WR_US_PER_SECOND;
    case WR_U_MINUTE:
        return 60 * WR_US_PER_SECOND;
    case WR_U_SECOND:
        return WR_US_PER_SECOND;
    default:
        return 0;
    }
}

static bool is_const(const wr_expr *e) {
    return e->kind == WR_X_CONST && !e->value.null && wr_type_phys(e->type) == WR_I64;
}

static bool is_time(const wr_expr *e, uint32_t time_col) {
    return e->kind == WR_X_COL && e->col == time_col && !e->type.local_tz;
}

/* The time attribute, or what lies between it and a constant. */
static bool read_time(const wr_expr *e, uint32_t time_col, int64_t *originp) {
    *originp = 0;
    if (is_time(e, time_col)) return true;
    bool since = e->kind == WR_X_OP && e->op == WR_OP_SUB && is_time(e->args[0], time_col) &&
                 is_const(e->args[1]) && wr_kind_is_time((wr_kind)e->args[1]->type.kind);
    if (since) *originp = e->args[1]->value.i64;
    return since;
}

static bool read_floor(const wr_expr *e, uint32_t time_col, int64_t tick, wri_floor *f) {
    int64_t origin;
    if (!read_time(e->args[0], time_col, &origin)) return false;
    bool step = e->op == WR_OP_FLOOR_STEP, ceil = e->op == WR_OP_CEIL_UNIT;
    if (step && !(is_const(e->args[1]) && e->args[1]->type.kind == WR_T_INTERVAL_DAY)) return false;
    if (ceil && !is_time(e->args[0], time_col)) return false;
    *f = (wri_floor){.size_us = step ? e->args[1]->value.i64 : unit_us(e->unit), .ceil = ceil};
    if (f->size_us <= 0 || f->size_us % tick != 0 || origin % tick != 0) return false;
    f->grain = f->size_us;
    f->offset_us = ceil ? tick : origin - wr_floor_to(origin, f->size_us);
    return true;
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

/* e, one of whose operands is f's key, with the constant c for the other. */
static bool with_const(const wr_expr *e, int64_t c, bool left, wri_floor *f) {
    if (c == INT64_MIN) return false;
    int64_t size = c < 0 ? -c : c;
    switch (e->op) {
    case WR_OP_ADD:
    case WR_OP_SUB:
        f->grain = gcd(f->grain, size);
        return true;
    case WR_OP_MUL:
        return c != 0 && !__builtin_mul_overflow(f->grain, size, &f->grain);
    case WR_OP_DIV: /* exact, as the key is a multiple of its grain */
        if (left || c == 0 || f->grain % size != 0) return false;
        f->grain /= size;
        return true;
    default:
        return false;
    }
}

/* DATE and TIME are not as fine as what comes in, a DECIMAL operand has a scale. */
static bool plain_result(wr_type t) {
    return t.kind == WR_T_TIMESTAMP || t.kind == WR_T_INTERVAL_DAY || wr_kind_is_int((wr_kind)t.kind);
}

static bool text_of_all(const wr_expr *e) {
    wr_kind from = (wr_kind)e->args[0]->type.kind;
    return e->op == WR_OP_CAST && e->type.kind == WR_T_VARCHAR && e->type.prec == 0 &&
           (from == WR_T_TIMESTAMP || wr_kind_is_int(from));
}

bool wri_floor_of(const wr_expr *e, uint32_t time_col, int64_t tick, wri_floor *f) {
    if (!e || e->kind != WR_X_OP || e->n_args == 0) return false;
    if (e->op == WR_OP_FLOOR_STEP || e->op == WR_OP_FLOOR_UNIT || e->op == WR_OP_CEIL_UNIT)
        return read_floor(e, time_col, tick, f);
    bool found = false;
    if (text_of_all(e) || (e->op == WR_OP_NEG && plain_result(e->type)))
        found = wri_floor_of(e->args[0], time_col, tick, f);
    else if (e->n_args == 2 && plain_result(e->type))
        for (int i = 0; i < 2 && !found; i++) {
            const wr_expr *c = e->args[!i]; /* the other operand is the key */
            found = is_const(c) && c->type.kind != WR_T_DECIMAL &&
                    wri_floor_of(e->args[i], time_col, tick, f) && with_const(e, c->value.i64, i == 1, f);
        }
    return found;
}

uint32_t wri_floor_time(const wr_node *n, const wr_expr *e, wri_floor *f) {
    for (uint32_t col = 0; e && col < n->out.n; col++)
        if (wri_is_time(n, col) && wri_floor_of(e, col, n->out.fields[col].type.prec > 3 ? 1 : 1000, f))
            return col;
    return WR_NO_COL;
}

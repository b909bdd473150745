/* runtime/expr/kernels_logic.c -- three-valued logic, IS tests, CASE and COALESCE over columns.
 *
 * These decide which errors count. A BOOLEAN is 0 or 1 where it is neither NULL nor an error; elsewhere its
 * value may be anything, so results are masked with the bitmaps. */
#pragma GCC optimize("O3")
#include "expr_int.h"

/* Bit i: value i is not zero. */
WR_HOT static void pack(const int64_t *restrict v, uint32_t n, uint64_t *restrict bits) {
    uint32_t w = 0;
    for (; (w + 1) * 64 <= n; w++) {
        uint64_t b = 0;
        for (uint32_t j = 0; j < 64; j++) b |= (uint64_t)(v[w * 64 + j] != 0) << j;
        bits[w] = b;
    }
    if (w * 64 < n) {
        uint64_t b = 0;
        for (uint32_t j = 0; w * 64 + j < n; j++) b |= (uint64_t)(v[w * 64 + j] != 0) << j;
        bits[w] = b;
    }
}

/* v[i] = bit i */
WR_HOT static void unpack(const uint64_t *restrict bits, uint32_t n, int64_t *restrict v) {
    for (uint32_t i = 0; i < n; i++) v[i] = (int64_t)(bits[i >> 6] >> (i & 63) & 1);
}

static uint64_t word(const uint64_t *bits, uint32_t w) { return bits ? bits[w] : 0; }

static uint64_t *scratch(wri_prog *p, uint32_t n) {
    return wr_arena_alloc(&p->tmp, (wr_bitmap_words(n) + 1) * sizeof(uint64_t));
}

WR_HOT static void and_loop(const int64_t *restrict a, const int64_t *restrict b, int64_t *restrict o,
                            uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = a[i] & b[i] & 1;
}
WR_HOT static void or_loop(const int64_t *restrict a, const int64_t *restrict b, int64_t *restrict o,
                           uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = (a[i] | b[i]) & 1;
}

/* Copies the errors of `from` within `rows` (a mask for word w) to dst. */
static void take_errs(wri_vec *dst, const wri_vec *from, uint32_t w, uint64_t rows) {
    uint64_t add = word(from->errs, w) & rows & ~dst->errs[w];
    dst->errs[w] |= add;
    for (; add; add &= add - 1) {
        uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(add);
        dst->whys[i] = from->whys[i];
    }
}

/* dst = a AND b, or a OR b, with the states. dst's memory is not a's or b's. */
static wr_status and_or(wri_prog *p, wri_vec *dst, const wri_vec *a, const wri_vec *b, bool is_and,
                        uint32_t n) {
    (is_and ? and_loop : or_loop)(a->i64, b->i64, dst->i64, n);
    bool nulls = a->nulls || b->nulls, errs = a->errs || b->errs;
    if (!nulls && !errs) return WR_OK;
    uint64_t *va = scratch(p, n), *vb = scratch(p, n), *vo = scratch(p, n);
    if (!va || !vb || !vo || !wri_vec_nulls(dst, n) || (errs && !wri_vec_errs(dst, n))) return WR_ENOMEM;
    pack(a->i64, n, va);
    pack(b->i64, n, vb);
    for (uint32_t w = 0; w < wr_bitmap_words(n); w++) {
        uint64_t na = word(a->nulls, w), nb = word(b->nulls, w);
        /* The value that decides alone: FALSE for AND, TRUE for OR. */
        uint64_t da = ~na & (is_and ? ~va[w] : va[w]), db = ~nb & (is_and ? ~vb[w] : vb[w]);
        uint64_t null = (na | nb) & ~da & ~db;
        dst->nulls[w] = null;
        vo[w] = is_and ? ~(da | db | null) : (da | db);
        if (errs) {
            take_errs(dst, a, w, ~UINT64_C(0));
            take_errs(dst, b, w, ~da);
        }
    }
    unpack(vo, n, dst->i64);
    return WR_OK;
}

wr_status wri_run_and_or(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst];
    bool is_and = ins->e->op == WR_OP_AND;
    WR_TRY(and_or(p, dst, ins->argv[0], ins->argv[1], is_and, n));
    for (uint32_t a = 2; a < ins->n_args;
         a++) { /* a OP b OP c: left to right, over a copy of what is so far */
        wri_vec left = {.phys = WR_I64, .errs = dst->errs, .whys = dst->whys};
        left.i64 = wr_arena_alloc(&p->tmp, n * sizeof *left.i64 + 8);
        left.nulls = dst->nulls ? scratch(p, n) : NULL;
        if (!left.i64 || (dst->nulls && !left.nulls)) return WR_ENOMEM;
        memcpy(left.i64, dst->i64, n * sizeof *left.i64);
        if (left.nulls) memcpy(left.nulls, dst->nulls, wr_bitmap_words(n) * sizeof(uint64_t));
        WR_TRY(and_or(p, dst, &left, ins->argv[a], is_and, n));
    }
    return WR_OK;
}

WR_HOT static void not_loop(const int64_t *restrict a, int64_t *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) o[i] = a[i] == 0;
}

wr_status wri_run_not(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst];
    not_loop(ins->argv[0]->i64, dst->i64, n);
    return wri_merge_states(dst, ins->argv, 1, true, n);
}

wr_status wri_run_is(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst], *a = ins->argv[0];
    wr_xop op = ins->e->op;
    bool negate = op == WR_OP_IS_NOT_NULL || op == WR_OP_IS_NOT_TRUE || op == WR_OP_IS_NOT_FALSE;
    uint64_t *bits = scratch(p, n);
    if (!bits) return WR_ENOMEM;
    bool null_test = op == WR_OP_IS_NULL || op == WR_OP_IS_NOT_NULL;
    if (!null_test) pack(a->i64, n, bits);
    for (uint32_t w = 0; w < wr_bitmap_words(n); w++) {
        uint64_t null = word(a->nulls, w), r;
        if (null_test) r = null;
        else if (op == WR_OP_IS_TRUE || op == WR_OP_IS_NOT_TRUE) r = bits[w] & ~null;
        else r = ~bits[w] & ~null;
        bits[w] = negate ? ~r : r;
    }
    unpack(bits, n, dst->i64);
    return wri_merge_states(dst, ins->argv, 1, false, n);
}

/* ---- choosing between registers ---- */

WR_HOT static void choose_i64(const uint64_t *restrict mask, const int64_t *restrict v, int64_t *restrict o,
                              uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int64_t m = -(int64_t)(mask[i >> 6] >> (i & 63) & 1);
        o[i] = (v[i] & m) | (o[i] & ~m);
    }
}

WR_HOT static void choose_one(const uint64_t *restrict mask, int64_t v, int64_t *restrict o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int64_t m = -(int64_t)(mask[i >> 6] >> (i & 63) & 1);
        o[i] = (v & m) | (o[i] & ~m);
    }
}

/* by: 0 for a constant, 1 to step along v */
static void choose_str(const uint64_t *restrict mask, const wr_str *restrict v, uint32_t by,
                       wr_str *restrict o, uint32_t n) {
    for (uint32_t w = 0; w < wr_bitmap_words(n); w++)
        for (uint64_t m = mask[w]; m; m &= m - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(m);
            if (i < n) o[i] = v[i * by];
        }
}

/* In the rows of mask, dst becomes v: value, NULL and error. Rows are chosen once only. */
static wr_status choose(wri_vec *dst, const wri_vec *v, const uint64_t *mask, uint32_t n) {
    if (dst->phys == WR_STR) choose_str(mask, v->str, !v->konst, dst->str, n);
    else if (v->konst) choose_one(mask, v->i64[0], dst->i64, n);
    else choose_i64(mask, v->i64, dst->i64, n);
    if (v->nulls && !dst->nulls && !wri_vec_nulls(dst, n)) return WR_ENOMEM;
    if (v->errs && !wri_vec_errs(dst, n)) return WR_ENOMEM;
    for (uint32_t w = 0; v->nulls && w < wr_bitmap_words(n); w++) dst->nulls[w] |= v->nulls[w] & mask[w];
    for (uint32_t w = 0; v->errs && w < wr_bitmap_words(n); w++) take_errs(dst, v, w, mask[w]);
    return WR_OK;
}

/* CASE keeps the rows not yet decided in `open`; a condition that failed decides its row, too. */
wr_status wri_run_case(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst], *const *args = ins->argv;
    uint32_t words = wr_bitmap_words(n), n_when = (ins->n_args - 1) / 2;
    uint64_t *open = scratch(p, n), *mask = scratch(p, n);
    if (!open || !mask) return WR_ENOMEM;
    memset(open, 0xff, words * sizeof *open);
    memset(dst->data, 0, n * (dst->phys == WR_STR ? sizeof(wr_str) : 8));
    for (uint32_t k = 0; k < n_when; k++) {
        const wri_vec *when = args[2 * k];
        if (when->errs && !wri_vec_errs(dst, n)) return WR_ENOMEM;
        pack(when->i64, n, mask);
        for (uint32_t w = 0; w < words; w++) {
            if (when->errs) {
                take_errs(dst, when, w, open[w]);
                open[w] &= ~when->errs[w];
            }
            mask[w] &= open[w] & ~word(when->nulls, w);
            open[w] &= ~mask[w];
        }
        WR_TRY(choose(dst, args[2 * k + 1], mask, n));
    }
    return choose(dst, args[ins->n_args - 1], open, n);
}

wr_status wri_run_coalesce(wri_prog *p, wri_ins *ins, uint32_t n) {
    wri_vec *dst = &p->regs[ins->dst], *const *args = ins->argv;
    uint32_t words = wr_bitmap_words(n);
    uint64_t *open = scratch(p, n), *mask = scratch(p, n);
    if (!open || !mask) return WR_ENOMEM;
    memset(open, 0xff, words * sizeof *open);
    memset(dst->data, 0, n * (dst->phys == WR_STR ? sizeof(wr_str) : 8));
    for (uint32_t a = 0; a < ins->n_args; a++) {
        /* An errored argument is no NULL: it decides. */
        for (uint32_t w = 0; w < words; w++) {
            mask[w] = open[w] & (~word(args[a]->nulls, w) | word(args[a]->errs, w));
            open[w] &= ~mask[w];
        }
        WR_TRY(choose(dst, args[a], mask, n));
    }
    if (!wri_vec_nulls(dst, n)) return WR_ENOMEM;
    memcpy(dst->nulls, open, words * sizeof *open);
    return WR_OK;
}

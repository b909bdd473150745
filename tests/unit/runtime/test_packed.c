/* What is packed comes back as it was, in less room. */
#include <criterion/criterion.h>

#include "runtime/ops/packed.h"
#include "tests/unit/random.h"

static int64_t number_of(int kind) {
    switch (kind) {
    case 0:
        return 42;
    case 1:
        return -100 + (int64_t)(rnd64() % 256);
    case 2:
        return INT64_MAX - (int64_t)(rnd64() % 65536);
    case 3:
        return INT64_MIN + (int64_t)(rnd64() % UINT32_MAX);
    default:
        return (int64_t)rnd64();
    }
}

static wr_batch *random_batch(uint32_t n, uint32_t n_cols, int kind) {
    wr_batch *b;
    cr_assert_eq(wr_batch_new(n_cols, n ? n : 1, &b, NULL), WR_OK);
    b->n = n;
    for (uint32_t c = 0; c < n_cols; c++) {
        cr_assert_eq(wr_batch_col(b, c, c % 3 == 2 ? WR_STR : c % 3 == 1 ? WR_F64 : WR_I64, NULL), WR_OK);
        wr_col *col = &b->cols[c];
        if (rnd64() % 2) wr_batch_nulls(b, col);
        for (uint32_t i = 0; i < n; i++) {
            if (col->nulls && rnd64() % 3 == 0) wr_bit_set(col->nulls, i);
            char text[40];
            memset(text, 'a' + (int)(rnd64() % 26), sizeof text);
            if (col->phys == WR_STR)
                cr_assert_eq(wr_batch_str(b, text, rnd64() % sizeof text, &col->str[i], NULL), WR_OK);
            else col->i64[i] = number_of(kind);
        }
    }
    return b;
}

Test(packed, comes_back) {
    wr_batch *out = NULL;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        rng = seed * 7919;
        uint32_t n = seed % 10 ? (uint32_t)(rnd64() % 300) : 0, n_cols = 1 + (uint32_t)(rnd64() % 7),
                 first = n_cols / 3;
        wr_batch *b = random_batch(n, n_cols, (int)(seed % 5));
        wri_packed *p = wri_pack(b, first, n_cols - first);
        cr_assert(p);
        cr_assert_eq(wri_packed_rows(p), n);
        cr_assert_eq(wri_unpack(p, &out, NULL), WR_OK);
        cr_assert_eq(out->n, n);
        for (uint32_t c = first; c < n_cols; c++) {
            const wr_col *x = &b->cols[c], *y = &out->cols[c - first];
            cr_assert_eq(x->phys, y->phys);
            for (uint32_t i = 0; i < n; i++) {
                cr_assert_eq(wr_is_null(x, i), wr_is_null(y, i));
                if (x->phys == WR_STR) cr_assert(wr_str_eq(&x->str[i], &y->str[i]));
                else cr_assert_eq(x->i64[i], y->i64[i]);
            }
        }
        wr_batch_drop(b);
        wri_packed_free(p);
    }
    wr_batch_drop(out);
}

Test(packed, takes_little_room) {
    wr_batch *b = random_batch(300, 1, 1); /* numbers of one byte */
    wri_packed *p = wri_pack(b, 0, 1);
    cr_assert_lt(wri_packed_bytes(p), 300 + 38 + 200);
    wri_packed_free(p);
    wr_batch_drop(b);
}

Test(packed, out_of_memory) {
    wr_batch *b = random_batch(100, 6, 4);
    for (uint64_t n = 1;; n++) {
        wr_mem_fail_at(n);
        wri_packed *p = wri_pack(b, 0, 6);
        wr_batch *out = NULL;
        wr_status s = p ? wri_unpack(p, &out, NULL) : WR_ENOMEM;
        wr_mem_fail_at(0);
        wr_batch_drop(out);
        wri_packed_free(p);
        if (s == WR_OK) break;
        cr_assert_eq(s, WR_ENOMEM);
        cr_assert_lt(n, 100);
    }
    wr_batch_drop(b);
}

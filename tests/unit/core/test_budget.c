/* Budgets: what threads take and give back is counted, and what is too much fails. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "core/core.h"

static int64_t used(wr_budget *b) {
    wr_budget_settle();
    return __atomic_load_n(&b->used, __ATOMIC_RELAXED);
}

Test(budget, counts_what_each_call_takes) {
    wr_budget b = {0};
    cr_expect_null(wr_budget_enter(&b));
    char *p = wr_alloc(100000), *q = wr_calloc(1000, 10), *r = wr_alloc_aligned(64, 4096);
    int64_t three = used(&b);
    cr_expect(three >= 100000 + 10000 + 4096 && three < 120000, "%ld", (long)three);
    p = wr_realloc(p, 300000);
    cr_expect(used(&b) >= three + 200000);
    wr_free(p);
    wr_free(q);
    wr_free(r);
    wr_free(NULL);
    cr_expect_eq(used(&b), 0);
    cr_expect(b.peak >= 300000);
    wr_arena ar = {0};
    for (int i = 0; i < 1000; i++) cr_assert(wr_arena_alloc(&ar, 1000));
    cr_expect(used(&b) >= 1000000);
    wr_arena_reset(&ar);
    wr_arena_free(&ar);
    wr_buf buf = {0};
    for (int i = 0; i < 100000; i++) cr_assert_eq(wr_buf_puts(&buf, "0123456789"), WR_OK);
    cr_expect(used(&b) >= 1000000);
    wr_buf_free(&buf);
    cr_expect_eq(used(&b), 0);
    cr_expect_eq(wr_budget_enter(NULL), &b);
}

Test(budget, is_told_by_itself_now_and_then) {
    wr_budget b = {0};
    void *p[1000];
    wr_budget_enter(&b);
    for (int i = 0; i < 1000; i++) {
        p[i] = wr_alloc(1000);
        cr_assert(b.used > (i + 1) * 1000 - WR_BUDGET_STEP - 2000);
        cr_assert(b.used < (i + 1) * 1100);
    }
    for (int i = 0; i < 1000; i++) wr_free(p[i]);
    wr_budget_enter(NULL);
    cr_expect_eq(b.used, 0);
}

Test(budget, too_much_fails_and_changes_nothing) {
    wr_budget b = {.limit = 1000000};
    wr_budget_enter(&b);
    char *p = wr_alloc(900000);
    cr_assert(p);
    p[0] = 'x';
    cr_expect_null(wr_alloc(200000));
    cr_expect_null(wr_calloc(20, 10000));
    cr_expect_null(wr_calloc(SIZE_MAX, 2));
    cr_expect_null(wr_alloc_aligned(64, 200000));
    cr_expect_null(wr_alloc(SIZE_MAX / 2));
    cr_expect_null(wr_realloc(p, 1100000));
    cr_expect_eq(p[0], 'x');
    int n = 0;
    void *small[1000];
    while (n < 1000 && (small[n] = wr_alloc(1000))) n++; /* little by little it comes to an end, too */
    cr_expect(n > 80 && n < 110, "%d", n);
    while (n > 0) wr_free(small[--n]);
    p = wr_realloc(p, 100000);
    cr_assert(p);
    char *q = wr_alloc(800000);
    cr_expect(q, "what was given back can be had again");
    wr_free(q);
    wr_free(p);
    wr_budget_enter(NULL);
    cr_expect_eq(b.used, 0);
    cr_expect(b.peak <= b.limit);
}

typedef struct passed {
    wr_budget *b;
    void *p[64];
} passed;

static void *gives_back(void *arg) {
    passed *x = arg;
    wr_budget_enter(x->b);
    for (int i = 0; i < 64; i++) wr_free(x->p[i]);
    wr_budget_enter(NULL);
    return NULL;
}

Test(budget, one_thread_takes_another_gives_back) {
    wr_budget b = {0}, other = {0};
    passed x = {.b = &b};
    wr_budget_enter(&b);
    for (int i = 0; i < 64; i++) cr_assert(x.p[i] = wr_alloc(10000));
    wr_budget_enter(&other);
    void *p = wr_alloc(5000);
    pthread_t t;
    cr_assert_eq(pthread_create(&t, NULL, gives_back, &x), 0);
    pthread_join(t, NULL);
    cr_expect_eq(b.used, 0);
    cr_expect(used(&other) >= 5000);
    wr_free(p);
    cr_expect_eq(used(&other), 0);
    wr_budget_enter(NULL);
}

Test(budget, the_message_says_what_is_short) {
    wr_budget b = {.limit = 1 << 20};
    wr_err err = {0};
    wr_budget_enter(&b);
    cr_assert_null(wr_alloc(2 << 20));
    wr_budget_enter(NULL); /* it is told outside, too */
    cr_expect_eq(wr_fail_oom(&err, "a snapshot"), WR_ENOMEM);
    cr_expect_str_eq(
        err.msg, "no memory left for a snapshot in the budget of 1 MiB; give it more with --memory or SET "
                 "memory");
    wr_mem_fail_at(1);
    cr_assert_null(wr_alloc(1));
    wr_mem_fail_at(0);
    cr_expect_eq(wr_fail_oom(&err, "a snapshot"), WR_ENOMEM);
    cr_expect_str_eq(err.msg, "out of memory for a snapshot; free memory or lower the memory option");
}

/* Which split is asked next, and how often those are that have nothing: counted, against plain scans. */
#include <criterion/criterion.h>

#include "runtime/job_int.h"
#include "tests/unit/random.h"

#define SPLITS 3000

static struct {
    wri_queue q;
    wri_split splits[SPLITS];
    uint32_t chunks[SPLITS]; /* that a split still has */
    uint64_t asks;
} t;

static void begin(uint32_t n, bool by_turn) {
    t.q = (wri_queue){.by_turn = by_turn, .turns = UINT32_MAX};
    t.asks = 0;
    for (uint32_t i = 0; i < n; i++) {
        t.splits[i] = (wri_split){.no = i, .turn = i};
        t.chunks[i] = 0;
        cr_assert_eq(wri_queue_add(&t.q, &t.splits[i], NULL), WR_OK);
    }
}

/* A search for a chunk, as a worker that is alone does it; NULL: there is none. */
static wri_split *search(void) {
    bool held;
    wri_queue_call(&t.q);
    for (wri_split *p; (p = wri_queue_take(&t.q, &held)); wri_queue_quiet(&t.q, p)) {
        t.asks++;
        if (t.chunks[p->no] == 0) continue;
        t.chunks[p->no]--;
        wri_queue_ready(&t.q, p);
        return p;
    }
    cr_assert_not(held);
    return NULL;
}

static void rise(wri_split *p, int64_t by) {
    p->wm += by;
    wri_queue_later(&t.q, p);
}

static void end(void) { wr_free(t.q.ready); }

Test(source_queue, quiet_splits_cost_a_chunk_little) {
    begin(SPLITS, true);
    cr_assert_null(search());
    cr_assert_eq(t.asks, SPLITS); /* each once */
    for (uint32_t i = 0; i < SPLITS; i += 3) t.chunks[i] = 2;
    uint64_t chunks = 0;
    for (t.asks = 0; search(); chunks++) continue;
    cr_assert_eq(chunks, 2 * SPLITS / 3);
    cr_assert_leq(t.asks, 3 * SPLITS + 65 * chunks);
    t.chunks[7] = UINT32_MAX; /* one alone */
    for (chunks = 0, t.asks = 0; chunks < SPLITS; chunks++) cr_assert_eq(search(), &t.splits[7]);
    cr_assert_leq(t.asks, 2 * SPLITS + 65 * chunks);
    end();
}

Test(source_queue, who_finds_nothing_has_asked_all) {
    begin(SPLITS, true);
    t.chunks[SPLITS - 1] = 10;
    for (int i = 0; i < 10; i++) cr_assert_eq(search(), &t.splits[SPLITS - 1]);
    t.chunks[5] = 1; /* quiet so far in this round */
    cr_assert_eq(search(), &t.splits[5]);
    t.asks = 0;
    cr_assert_null(search());
    cr_assert_geq(t.asks, SPLITS);
    end();
}

Test(source_queue, of_few_the_one_furthest_behind_is_asked_before_each_chunk) {
    begin(50, false);
    for (uint32_t i = 0; i < 50; i++) t.chunks[i] = i % 2 ? 100 : 0;
    for (int n = 0; n < 2000; n++) {
        if (rnd() % 4 == 0) t.chunks[rnd() % 50]++;
        const wri_split *least = NULL;
        for (uint32_t i = 0; i < 50; i++)
            if (t.chunks[i] && (!least || t.splits[i].wm < least->wm)) least = &t.splits[i];
        wri_split *p = search();
        cr_assert_eq(p, least, "chunk %d", n);
        if (!p) break;
        rise(p, (int64_t)(rnd() % 3));
    }
    end();
}

Test(source_queue, of_many_too_unless_they_were_quiet) {
    begin(SPLITS, true);
    for (uint32_t i = 0; i < SPLITS; i++) t.chunks[i] = 3;
    int64_t last = 0;
    for (int n = 0; n < 2 * SPLITS; n++) { /* all have more */
        wri_split *p = search();
        cr_assert_geq(p->wm, last);
        last = p->wm;
        rise(p, 10);
    }
    end();
}

Test(source_queue, none_of_equals_starves) {
    begin(SPLITS, true);
    for (uint32_t i = 0; i < SPLITS; i++) t.chunks[i] = UINT32_MAX;
    for (uint32_t i = 0; i < 2 * SPLITS; i++) cr_assert_eq(search(), &t.splits[i % SPLITS]);
    end();
    begin(SPLITS, true);
    cr_assert_null(search());
    t.chunks[9] = t.chunks[2000] = UINT32_MAX;
    uint32_t n = 0;
    while (search() != &t.splits[2000]) n++;
    cr_assert_leq(n, SPLITS / 64 + 1);
    end();
}

/* What came when another worker was at the split already: whoever began to search then finds it. */
Test(source_queue, a_split_that_is_held_is_asked_again) {
    bool held;
    begin(1, false);
    wri_queue_call(&t.q);
    wri_split *p = wri_queue_take(&t.q, &held);
    cr_assert_eq(p, &t.splits[0]);
    wri_queue_call(&t.q);
    cr_assert_null(wri_queue_take(&t.q, &held));
    cr_assert(held);
    wri_queue_quiet(&t.q, p);
    cr_assert_eq(wri_queue_take(&t.q, &held), p);
    wri_queue_quiet(&t.q, p);
    cr_assert_null(wri_queue_take(&t.q, &held));
    cr_assert_not(held);
    wri_queue_call(&t.q);
    cr_assert_eq(wri_queue_take(&t.q, &held), p);
    wri_queue_drop(&t.q, p);
    wri_queue_call(&t.q);
    cr_assert_null(wri_queue_take(&t.q, &held));
    cr_assert_not(held);
    cr_assert_eq(t.q.n, 0);
    end();
}

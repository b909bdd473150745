/* The log dies, fails or loses power at each of its system calls in turn; what was acknowledged is there
 * once, what was not is whole or absent, and it goes on. */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_test.h"

#define N       110 /* records of the script */
#define SEGMENT 1500

typedef struct setting { /* 0: as usual */
    bool relaxed;
    int64_t segment;
    uint32_t ready_after, awake, shards;
} setting;
#define ASLEEP .awake = 1   /* one shard awake at a time */
#define MANY   .shards = 20 /* which become durable together */
#define READY                                                                                                \
    .segment = 20000, .ready_after = 1 /* zeros ahead of the records after each group: they need room */

static int64_t segment_of(const setting *as) { return as->segment ? as->segment : SEGMENT; }

typedef struct ledger { /* outside the process that dies */
    uint8_t acked[N];
    bool opened;
} ledger;

static ledger *new_ledger(void) {
    void *p = mmap(NULL, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(p, MAP_FAILED);
    return p;
}

/* Puts records i..i+n and notes those that were acknowledged. */
static void put_some(wr_stream *st, uint32_t i, uint32_t n, ledger *l) {
    wr_put puts[16];
    static char bufs[16][4096], keys[16][32];
    for (uint32_t k = 0; k < n; k++) puts[k] = lt_put(i + k, bufs[k], keys[k]);
    for (uint32_t k = 0; k < n; k++) puts[k].status = WR_EIO;
    wr_status s = wr_stream_put(st, puts, n, NULL);
    for (uint32_t k = 0; k < n; k++) {
        l->acked[i + k] = puts[k].status == WR_OK;
        if (s == WR_OK && puts[k].status != WR_OK) abort();
    }
}

/* Opens, or makes, the stream, whatever it takes; puts records from..to with changes of shards in between. */
static void script(const char *dir, const setting *as, uint32_t from, uint32_t to, ledger *l) {
    wr_streams_opts o = {.sys = &lt_sys,
                         .dir = dir,
                         .segment_bytes = segment_of(as),
                         .relaxed = as->relaxed,
                         .ready_after = as->ready_after,
                         .awake = as->awake};
    wr_stream_cfg cfg = {.n_shards = as->shards ? as->shards : 2};
    wr_streams *db;
    wr_stream *st = NULL;
    if (wr_streams_open(&o, &db, NULL) != WR_OK) abort();
    for (int tries = 0; tries < 20 && !st; tries++) {
        if (wr_streams_lock(db, NULL) != WR_OK) continue;
        wr_status made = wr_stream_create(db, "s", &cfg, NULL);
        (void)made; /* it may be there */
        if (wr_stream_open(db, "s", &st, NULL) != WR_OK) st = NULL;
    }
    l->opened = st != NULL;
    for (uint32_t i = from, n; st && i < to; i += n) {
        n = 1 + i % 11;
        if (n > to - i) n = to - i;
        put_some(st, i, n, l);
        lt_change(st, i, n);
    }
    wr_streams_close(db);
}

/* What must hold: and then some more records go in, and the same holds after that. */
static void check(const char *dir, const setting *as, ledger *l, const char *what) {
    uint8_t counts[N + 50] = {0};
    lt.at = 0;
    for (int round = 0; round < 2; round++) {
        wr_streams *db = lt_open(dir, segment_of(as), true);
        wr_arena ar = {0};
        wr_stream_info info;
        if (wr_stream_describe(db, "s", &ar, &info, NULL) != WR_OK) { /* it died before it was made */
            for (uint32_t i = 0; i < N; i++) cr_assert_eq(l->acked[i], 0, "%s", what);
            wr_streams_close(db);
            wr_arena_free(&ar);
            return;
        }
        wr_arena_free(&ar);
        wr_stream *st = lt_stream(db, "s");
        for (size_t i = 0; i < st->n_shards; i++)
            cr_assert_eq(st->shards[i]->damaged, WR_OK, "%s: %s", what, st->shards[i]->why.msg);
        memset(counts, 0, sizeof counts);
        lt_count(db, "s", counts, N + 50);
        for (uint32_t i = 0; i < N; i++) {
            cr_assert_leq(counts[i], 1, "%s: record %u is there %d times", what, i, counts[i]);
            cr_assert_geq(counts[i], l->acked[i], "%s: record %u is lost", what, i);
        }
        if (round == 0) {
            wr_err err = {0};
            cr_assert_eq(lt_put_n(st, N, 50, &err), WR_OK, "%s: %s", what, err.msg);
        } else
            for (uint32_t i = N; i < N + 50; i++) cr_assert_eq(counts[i], 1, "%s: record %u", what, i);
        wr_streams_close(db);
    }
}

typedef struct crash {
    lt_fault fault;
    int failure;
    int64_t fails;
    setting as;
    int64_t step;
    uint32_t seed;
} crash;

/* The n-th call is hit. Returns false when the script makes fewer. */
static bool one(const crash *c, int64_t n) {
    const char *dir = lt_folder("d"), *after = lt_folder("after");
    ledger *l = new_ledger();
    char what[64];
    snprintf(what, sizeof what, "call %ld, fault %d (%d), seed %u", (long)n, c->fault, c->failure, c->seed);
    lt_remove(dir);
    lt_remove(after);
    pid_t pid = fork();
    if (pid == 0) {
        lt_reset();
        lt.tick_us = 1000;
        lt.at = n;
        lt.fault = c->fault;
        lt.failure = c->failure;
        lt.fails = c->fails;
        lt.seed = c->seed ? c->seed + (uint32_t)n : 0;
        lt.root = dir;
        lt.after = after;
        script(dir, &c->as, 0, N / 2, l);
        script(dir, &c->as, N / 2, N, l); /* opens what is there */
        _exit(lt.hit ? LT_KILLED : 0);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status), "%s: signal %d", what, WTERMSIG(status));
    bool was_hit = WEXITSTATUS(status) == LT_KILLED;
    cr_assert(was_hit || WEXITSTATUS(status) == 0, "%s: exit status %d", what, WEXITSTATUS(status));
    bool power = was_hit && c->fault == LT_POWER;
    if (power && c->as.relaxed) memset(l->acked, 0, sizeof l->acked); /* what was promised is not that */
    lt_reset();
    if (access(power ? after : dir, F_OK) == 0) check(power ? after : dir, &c->as, l, what);
    if (!was_hit || c->fault == LT_FAIL) /* it lived: all at the end went well again */
        if (!was_hit || c->fails == 1) cr_assert(l->opened, "%s", what);
    if (c->fault == LT_FAIL && c->fails == 1) {
        uint32_t failed = 0;
        for (uint32_t i = 0; i < N; i++) failed += !l->acked[i];
        cr_assert_leq(failed, 16 + 11, "%s: %u records failed", what, failed);
    }
    munmap(l, sizeof *l);
    return was_hit;
}

static void every(crash c) {
    int64_t n = 1, hits = 0;
    for (; one(&c, n); n += c.step) hits++;
    cr_assert_gt(hits * c.step, 200, "the script makes only %ld calls", (long)(hits * c.step));
}

Test(log_crash, killed) { every((crash){.fault = LT_KILL, .step = 4}); }
Test(log_crash, killed_in_the_middle_of_a_write) { every((crash){.fault = LT_TEAR, .step = 1}); }
Test(log_crash, killed_with_durability_os) {
    every((crash){.fault = LT_TEAR, .as.relaxed = true, .step = 7});
}
Test(log_crash, power_lost) { every((crash){.fault = LT_POWER, .step = 1}); }
Test(log_crash, power_lost_and_some_written_by_chance) {
    every((crash){.fault = LT_POWER, .step = 2, .seed = 7});
}
Test(log_crash, power_lost_with_durability_os) {
    every((crash){.fault = LT_POWER, .as.relaxed = true, .step = 7, .seed = 9});
}
Test(log_crash, failed_once) { every((crash){.fault = LT_FAIL, .failure = EIO, .fails = 1, .step = 1}); }
Test(log_crash, disk_full_for_a_while) {
    every((crash){.fault = LT_FAIL, .failure = ENOSPC, .fails = 15, .step = 3});
}

Test(log_crash, asleep_killed) { every((crash){.as = {ASLEEP}, .fault = LT_TEAR, .step = 3}); }
Test(log_crash, asleep_power_lost) {
    every((crash){.as = {ASLEEP}, .fault = LT_POWER, .step = 3, .seed = 5});
}
Test(log_crash, asleep_failed_once) {
    every((crash){.as = {ASLEEP}, .fault = LT_FAIL, .failure = EIO, .fails = 1, .step = 2});
}
Test(log_crash, asleep_power_lost_with_durability_os) {
    every((crash){.as = {ASLEEP, .relaxed = true}, .fault = LT_POWER, .step = 7, .seed = 4});
}

Test(log_crash, many_killed) { every((crash){.as = {MANY}, .fault = LT_KILL, .step = 13}); }
Test(log_crash, many_power_lost) { every((crash){.as = {MANY}, .fault = LT_POWER, .step = 29, .seed = 8}); }
Test(log_crash, many_failed_once) {
    every((crash){.as = {MANY}, .fault = LT_FAIL, .failure = EIO, .fails = 1, .step = 17});
}

Test(log_crash, ready_killed) { every((crash){.as = {READY}, .fault = LT_TEAR, .step = 2}); }
Test(log_crash, ready_power_lost) { every((crash){.as = {READY}, .fault = LT_POWER, .step = 2, .seed = 3}); }
Test(log_crash, ready_failed_once) {
    every((crash){.as = {READY}, .fault = LT_FAIL, .failure = EIO, .fails = 1, .step = 2});
}
Test(log_crash, ready_disk_full) {
    every((crash){.as = {READY}, .fault = LT_FAIL, .failure = ENOSPC, .fails = 15, .step = 4});
}

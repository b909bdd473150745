/* Snapshots: whole or not there, at each system call at which the process can die, the disk fail or the power
 * go; damage is noticed and told; rows come back as they were. */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_test.h"

#define EPOCHS 6

/* ---- what snapshot e holds: "grows" has a piece of each epoch since the last that is a multiple of 4 ----
 */

static size_t text_of(uint64_t e, char *out) {
    size_t n = 200 + 37 * e;
    for (size_t i = 0; i < n; i++) out[i] = (char)(e * 31 + i * 7);
    return n;
}

static wr_status write_one(wr_snapshots *s, uint64_t e, wr_err *err) {
    char text[2048];
    size_t n = text_of(e, text);
    wr_part parts[] = {{.name = "whole", .data = text, .len = n},
                       {.name = "grows", .data = text, .len = n, .more = e > 1 && e % 4 != 0},
                       {.name = "empty"}};
    wr_snapshot_head head = {.epoch = e, .taken_us = -5, .plan = "a plan"};
    return wr_snapshots_write(s, &head, parts, 3, NULL, err);
}

static void must_be(const wr_piece *p, uint64_t e, const char *what) {
    char text[2048];
    size_t n = text_of(e, text);
    cr_assert(p->len == n && memcmp(p->data, text, n) == 0, "%s: a piece is not that of epoch %d", what,
              (int)e);
}

static void check_whole(wr_snapshot *s, const char *what) {
    wr_err err = {0};
    cr_assert_eq(wr_snapshot_bring(s, "emp", &err), WR_OK, "%s: %s", what, err.msg);
    uint64_t e = s->head.epoch, from = e < 4 ? 1 : e / 4 * 4;
    const wr_saved_part *whole = wr_snapshot_part(s, "whole"), *grows = wr_snapshot_part(s, "grows");
    cr_assert(whole && grows && wr_snapshot_part(s, "empty") && !wr_snapshot_part(s, "none"), "%s", what);
    cr_assert_str_eq(s->head.plan, "a plan");
    cr_assert_eq(s->head.taken_us, -5);
    cr_assert_eq(whole->n, 1);
    must_be(&whole->pieces[0], e, what);
    cr_assert_eq(grows->n, e - from + 1, "%s", what);
    for (size_t i = 0; i < grows->n; i++) must_be(&grows->pieces[i], from + i, what);
    cr_assert_eq(wr_snapshot_part(s, "empty")->n, 0);
}

/* Reads the folder; 0: it has no snapshot, -1: it says that it cannot be read. */
static int64_t read_epoch(const char *dir, wr_buf *said, const char *what) {
    wr_snapshots *store;
    wr_snapshot *s = NULL;
    wr_err err = {0};
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &store, &err), WR_OK, "%s: %s", what, err.msg);
    wr_status r = wr_snapshots_read(store, &s, said, &err);
    int64_t e = s ? (int64_t)s->head.epoch : 0;
    if (r != WR_OK) {
        cr_assert_eq(r, WR_EDATA, "%s: %s", what, err.msg);
        e = -1;
    }
    if (s) {
        check_whole(s, what);
        cr_assert_gt(wr_snapshots_next(store), s->head.epoch);
    }
    wr_snapshot_free(s);
    wr_snapshots_close(store);
    return e;
}

static void make(const char *dir, uint64_t from, uint64_t to) {
    wr_snapshots *s;
    wr_snapshot *last;
    wr_buf said = {0};
    wr_err err = {0};
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &s, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_snapshots_read(s, &last, &said, &err), WR_OK, "%s", err.msg);
    wr_snapshot_free(last);
    for (uint64_t e = from; e <= to; e++) cr_assert_eq(write_one(s, e, &err), WR_OK, "%s", err.msg);
    wr_snapshots_close(s);
}

Test(snapshots, written_and_read) {
    wr_buf said = {0};
    const char *dir = lt_folder("snap");
    cr_assert_eq(read_epoch(dir, &said, "a new folder"), 0);
    make(dir, 1, 2);
    cr_assert_eq(read_epoch(dir, &said, "two"), 2);
    make(dir, 3, EPOCHS);
    cr_assert_eq(read_epoch(dir, &said, "all"), EPOCHS);
    cr_assert_eq(said.len, 0);
    /* Three are kept, and the segments that these need: 4 to 6. */
    for (uint64_t e = 1; e <= EPOCHS; e++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%08d.snapshot", dir, (int)e);
        cr_assert_eq(access(name, F_OK) == 0, e > EPOCHS - 3, "%s", name);
        snprintf(name, sizeof name, "%s/%08d.seg", dir, (int)e);
        cr_assert_eq(access(name, F_OK) == 0, e >= 4, "%s", name);
    }
    wr_snapshots *one, *two;
    wr_err err = {0};
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &one, &err), WR_OK);
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &two, &err), WR_EIO);
    cr_assert_not_null(strstr(err.msg, "in use by process"), "%s", err.msg);
    wr_snapshots_close(one);
}

/* ---- death at each system call ---- */

static void script(const char *dir, uint64_t *acked) {
    wr_snapshots *s;
    wr_snapshot *last;
    wr_buf said = {0};
    if (wr_snapshots_open(&lt_sys, dir, &s, NULL) != WR_OK) return;
    if (wr_snapshots_read(s, &last, &said, NULL) != WR_OK) return;
    for (uint64_t e = last ? last->head.epoch + 1 : 1; e <= EPOCHS; e++)
        if (write_one(s, e, NULL) == WR_OK) *acked = e;
        else break;
}

static void die_at_each(lt_fault fault, int failure) {
    uint64_t *acked = mmap(NULL, sizeof *acked, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t at = 1;
    for (bool hit = true; hit; at++) {
        char what[64];
        snprintf(what, sizeof what, "fault %d at call %d", fault, (int)at);
        const char *dir = lt_folder("snap");
        *acked = 0;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            lt_reset();
            lt.at = at;
            lt.fault = fault;
            lt.failure = failure;
            lt.fails = 1;
            script(dir, acked);
            _exit(lt.hit ? LT_KILLED : 0);
        }
        int status;
        waitpid(pid, &status, 0);
        cr_assert(WIFEXITED(status), "%s: it crashed", what);
        hit = WEXITSTATUS(status) == LT_KILLED;
        wr_buf said = {0};
        int64_t e = read_epoch(dir, &said, what);
        cr_assert(e == (int64_t)*acked || e == (int64_t)*acked + 1, "%s: %d was acknowledged, %d found", what,
                  (int)*acked, (int)e);
        cr_assert_eq(said.len, 0, "%s: %.*s", what, (int)said.len, said.data);
        if (e < EPOCHS) make(dir, (uint64_t)e + 1, EPOCHS); /* and it goes on */
        cr_assert_eq(read_epoch(dir, &said, what), EPOCHS);
        lt_remove(dir);
    }
    cr_assert_gt(at, 60);
}

/* A part that goes on for long has few pieces, and what they say is what was written. */
Test(snapshots, pieces_are_folded) {
    const char *dir = lt_folder("snap");
    wr_snapshots *store;
    wr_snapshot *s;
    wr_buf all = {0}, said = {0}, found = {0};
    wr_err err = {0};
    uint64_t written = 0;
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &store, &err), WR_OK);
    for (uint64_t e = 1; e <= 600; e++) {
        char text[2048];
        size_t n = e == 1 ? 2000 : e % 11 == 0 ? 0 : e % 37 == 0 ? 900 : 20 + e % 7;
        for (size_t i = 0; i < n; i++) text[i] = (char)(e * 31 + i * 7);
        cr_assert_eq(wr_buf_put(&all, text, n), WR_OK);
        wr_part parts[] = {{.name = "other", .data = text, .len = n},
                           {.name = "grows", .data = text, .len = n, .more = e > 1}};
        wr_snapshot_head head = {.epoch = e, .plan = "a plan"};
        uint64_t bytes = 0;
        cr_assert_eq(wr_snapshots_write(store, &head, parts, 2, &bytes, &err), WR_OK, "%s", err.msg);
        written += bytes;
    }
    wr_part lost = {.name = "never was", .more = true};
    wr_snapshot_head head = {.epoch = 601, .plan = "a plan"};
    cr_assert_eq(wr_snapshots_write(store, &head, &lost, 1, NULL, &err), WR_EINVAL);
    wr_snapshots_close(store);
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &store, &err), WR_OK);
    cr_assert_eq(wr_snapshots_read(store, &s, &said, &err), WR_OK, "%s", err.msg);
    const wr_saved_part *grows = wr_snapshot_part(s, "grows");
    cr_assert_eq(wr_snapshot_bring(s, "other", &err), WR_OK, "%s", err.msg);
    cr_assert_null(wr_snapshot_part(s, "other")->pieces[0].data);
    for (size_t i = 0; i < grows->n; i++)
        cr_assert_eq(wr_buf_put(&found, grows->pieces[i].data, grows->pieces[i].len), WR_OK);
    cr_assert(found.len == all.len && memcmp(found.data, all.data, all.len) == 0);
    cr_assert_leq(grows->n, 7 * 5);
    cr_assert_leq(written, 6 * all.len); /* each byte twice, and once for each class it came through */
    wr_snapshot_free(s);
    wr_snapshots_close(store);
    wr_buf_free(&all);
    wr_buf_free(&said);
    wr_buf_free(&found);
}

/* ---- a part that is said bit by bit, over several blocks ---- */

#define LONG_BYTES ((size_t)3500000)

static char long_byte(size_t i) { return (char)(i * 7 + i / 1000); }

static wr_status say_long(void *ctx, wr_segment *to, wr_err *err) {
    char bit[70001];
    (void)ctx;
    for (size_t at = 0, n; at < LONG_BYTES; at += n) {
        n = 1 + (at * 31) % (sizeof bit - 1);
        if (n > LONG_BYTES - at) n = LONG_BYTES - at;
        for (size_t i = 0; i < n; i++) bit[i] = long_byte(at + i);
        WR_TRY(wr_segment_put(to, bit, n, err));
    }
    return WR_OK;
}

Test(snapshots, a_long_part_said_bit_by_bit) {
    const char *dir = lt_folder("long");
    wr_snapshots *store;
    wr_snapshot *s;
    wr_buf said = {0};
    wr_err err = {0};
    uint64_t bytes;
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &store, &err), WR_OK);
    wr_part parts[] = {{.name = "long", .say = say_long}, {.name = "short", .data = "abc", .len = 3}};
    wr_snapshot_head head = {.epoch = 1, .plan = "a plan"};
    cr_assert_eq(wr_snapshots_write(store, &head, parts, 2, &bytes, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(bytes, LONG_BYTES + 3);
    cr_assert_eq(wr_snapshots_read(store, &s, &said, &err), WR_OK, "%s", err.msg);
    cr_assert(s && said.len == 0, "%s", said.data);
    cr_assert_eq(wr_snapshot_bring(s, NULL, &err), WR_OK, "%s", err.msg);
    const wr_piece *p = &wr_snapshot_part(s, "long")->pieces[0];
    cr_assert_eq(p->len, LONG_BYTES);
    for (size_t i = 0; i < LONG_BYTES; i++) cr_assert_eq(p->data[i], long_byte(i), "byte %zu", i);
    cr_assert_arr_eq(wr_snapshot_part(s, "short")->pieces[0].data, "abc", 3);
    wr_snapshot_free(s);
    wr_snapshots_close(store);
    lt_remove(dir);
}

Test(snapshots, killed_at_each_call) { die_at_each(LT_KILL, 0); }
Test(snapshots, torn_at_each_call) { die_at_each(LT_TEAR, 0); }
Test(snapshots, full_disk_at_each_call) { die_at_each(LT_FAIL, ENOSPC); }

/* ---- one that fails is given up, the next one is tried in the same process ---- */

#define LAST 24

static void count_file(void *ctx, const char *name) {
    uint32_t *n = ctx;
    cr_assert(lt.fails > 1 || !strstr(name, ".making"), "%s was left", name);
    ++*n;
}

/* After a failure the next one begins "grows" anew. Returns how many have failed. */
static uint32_t write_on(const char *dir, const char *what) {
    uint32_t failed = 0, files = 0;
    wr_snapshots *s;
    wr_snapshot *last = NULL;
    wr_buf said = {0};
    wr_err err = {0};
    if (wr_snapshots_open(&lt_sys, dir, &s, &err) != WR_OK) return 1;
    uint64_t acked = 0, failed_at = 0;
    for (uint64_t e = 1; e <= LAST; e++) {
        if (write_one(s, e, &err) == WR_OK) acked = e;
        else {
            failed++;
            failed_at = e;
            if (lt.fails == 1) {
                cr_assert_eq(wr_snapshots_read(s, &last, &said, &err), WR_OK, "%s: %s", what, err.msg);
                uint64_t found = last ? last->head.epoch : 0;
                cr_assert(found == acked || found == e, "%s: %d is there after %d failed", what, (int)found,
                          (int)e);
                if (last) check_whole(last, what);
                wr_snapshot_free(last);
            }
            e = e / 4 * 4 + 3;
        }
    }
    cr_assert_eq(said.len, 0, "%s: %s", what, said.data);
    cr_assert(acked == LAST || failed_at == LAST, "%s: %s", what, err.msg);
    bool collected = wr_snapshots_uncollected(s) == NULL;
    wr_snapshots_close(s);
    cr_assert_eq(wr_sys_real.list(dir, count_file, &files), 0);
    if (collected && lt.fails == 1 && failed_at <= LAST - 8) /* 22 to 24, and what they need: 20 to 24 */
        cr_assert_eq(files, 3 + 5 + 1, "%s: %d files are left", what, (int)files);
    return failed;
}

static void go_on_after_each(int failure, uint32_t fails) {
    uint32_t failed = 0;
    bool hit = true;
    for (int64_t at = 1; hit; at++) {
        char what[64];
        snprintf(what, sizeof what, "%s at call %d", strerror(failure), (int)at);
        const char *dir = lt_folder("snap");
        lt_reset();
        lt.at = at;
        lt.fault = LT_FAIL;
        lt.failure = failure;
        lt.fails = fails;
        failed += write_on(dir, what);
        hit = lt.hit;
        lt_reset();
        wr_buf said = {0};
        int64_t found = read_epoch(dir, &said, what);
        cr_assert(found >= LAST - 12 || found == 0, "%s: %d", what, (int)found); /* 0: not even opened */
        lt_remove(dir);
    }
    cr_assert_gt(failed, 40);
}

Test(snapshots, go_on_after_a_failure_at_each_call) { go_on_after_each(EIO, 1); }
Test(snapshots, go_on_after_failures_at_each_call) { go_on_after_each(ENOSPC, 5); }

/* ---- damage ---- */

/* One file with a change: the newest snapshot, or an older one and that is said, or an error. */
static void changed(const char *dir, const char *path, const char *p, size_t n, const char *what) {
    wr_buf said = {0};
    lt_write(path, p, n);
    int64_t e = read_epoch(dir, &said, what);
    if (e != EPOCHS)
        cr_assert(e == -1 || said.len > 0, "%s: %d was taken, and nothing was said", what, (int)e);
    else cr_assert_eq(said.len, 0, "%s: %s", what, said.data);
    wr_buf_free(&said);
}

Test(snapshots, every_flip_and_cut_is_noticed) {
    const char *dir = lt_folder("snap");
    static const char *const files[] = {"00000004.seg", "00000005.seg", "00000006.seg", "00000005.snapshot",
                                        "00000006.snapshot"};
    make(dir, 1, EPOCHS);
    for (size_t f = 0; f < WR_LEN(files); f++) {
        char path[4096], what[64];
        snprintf(path, sizeof path, "%s/%s", dir, files[f]);
        wr_buf whole = lt_read(path);
        bool newest = strncmp(files[f], "00000006", 8) == 0; /* all of it is needed, of older ones a part */
        for (size_t i = 0; i < whole.len; i++) {
            wr_buf said = {0};
            snprintf(what, sizeof what, "%s, byte %zu", files[f], i);
            whole.data[i] ^= (char)(1 << (i % 8));
            changed(dir, path, whole.data, whole.len, what);
            if (newest) cr_assert_neq(read_epoch(dir, &said, what), EPOCHS, "%s", what);
            whole.data[i] ^= (char)(1 << (i % 8));
            snprintf(what, sizeof what, "%s, cut to %zu", files[f], i);
            changed(dir, path, whole.data, i, what);
            if (newest) cr_assert_neq(read_epoch(dir, &said, what), EPOCHS, "%s", what);
            wr_buf_free(&said);
        }
        lt_write(path, whole.data, whole.len);
        wr_buf_free(&whole);
    }
}

#define LARGE   ((size_t)4 << 20)
#define N_LARGE 12

/* So large that several threads look at it: which of them finds damage first does not matter. */
Test(snapshots, of_several_damages_the_first_is_told) {
    const char *dir = lt_folder("snap");
    char names[N_LARGE][8], path[4096], *bytes = wr_alloc(LARGE);
    wr_part parts[N_LARGE];
    wr_snapshots *s;
    wr_snapshot_head head = {.epoch = 1, .plan = "a plan"};
    wr_err err = {0};
    for (size_t i = 0; i < LARGE; i++) bytes[i] = (char)(i * 7 >> 3);
    for (size_t i = 0; i < N_LARGE; i++) {
        snprintf(names[i], sizeof names[i], "part%02zu", i);
        parts[i] = (wr_part){.name = names[i], .data = bytes, .len = LARGE};
    }
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &s, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_snapshots_write(s, &head, parts, N_LARGE, NULL, &err), WR_OK, "%s", err.msg);
    wr_snapshots_close(s);
    snprintf(path, sizeof path, "%s/00000001.seg", dir);
    wr_buf whole = lt_read(path);
    for (size_t round = 0; round <= N_LARGE; round++) {
        wr_snapshot *got = NULL;
        wr_buf said = {0};
        for (size_t i = round; i < N_LARGE; i += 1 + round % 3) whole.data[8 + i * LARGE + i] ^= 1;
        lt_write(path, whole.data, whole.len);
        for (size_t i = round; i < N_LARGE; i += 1 + round % 3) whole.data[8 + i * LARGE + i] ^= 1;
        cr_assert_eq(wr_snapshots_open(&wr_sys_real, dir, &s, &err), WR_OK, "%s", err.msg);
        wr_status r = wr_snapshots_read(s, &got, &said, &err);
        cr_assert_eq(r, round < N_LARGE ? WR_EDATA : WR_OK);
        cr_assert_eq(got != NULL, round == N_LARGE);
        if (round < N_LARGE)
            cr_assert(said.data && strstr(said.data, names[round]) &&
                          (round == 0 || !strstr(said.data, names[round - 1])),
                      "%zu: %s", round, said.data);
        wr_snapshot_free(got);
        wr_snapshots_close(s);
        wr_buf_free(&said);
    }
    wr_buf_free(&whole);
    wr_free(bytes);
}

/* ---- rows ---- */

/* Words lie in a span of any width, about any number: packed they take 0, 1, 2, 4 or 8 bytes. */
static uint64_t any_word(void) {
    return (uint64_t)random() << 33 ^ (uint64_t)random() << 13 ^ (uint64_t)random();
}

typedef struct span {
    uint64_t least, mask;
} span;

static span random_span(void) {
    static const uint64_t leasts[] = {0, INT64_MAX - 255, (uint64_t)INT64_MIN, UINT64_MAX};
    uint64_t bits = (uint64_t)random() % 65, least = random() % 2 ? any_word() : leasts[random() % 4];
    return (span){least, bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1};
}

static int64_t word_of(span s) { return (int64_t)(s.least + (any_word() & s.mask)); }

static wr_batch *random_rows(uint32_t seed) {
    wr_batch *b;
    srandom(seed);
    uint32_t n = (uint32_t)random() % 200, n_cols = (uint32_t)random() % 5;
    cr_assert_eq(wr_batch_new(n_cols, n + 1, &b, NULL), WR_OK);
    b->n = n;
    b->split = (uint32_t)random();
    b->pos = random() - (1 << 30);
    if (random() % 2) b->wm = wr_arena_alloc(&b->arena, n * sizeof *b->wm + 8);
    if (random() % 2) b->change = wr_arena_alloc(&b->arena, n + 8);
    if (random() % 2) b->place = wr_arena_alloc(&b->arena, n * sizeof *b->place + 8);
    span wm = random_span(), pos = random_span(), split = random_span();
    for (uint32_t i = 0; i < n; i++) {
        if (b->wm) b->wm[i] = word_of(wm);
        if (b->change) b->change[i] = (uint8_t)(random() % 4);
        if (b->place) b->place[i] = (wr_row_place){.pos = word_of(pos), .split = (uint32_t)word_of(split)};
    }
    for (uint32_t c = 0; c < n_cols; c++) {
        wr_phys phys = (wr_phys)(random() % 3);
        cr_assert_eq(wr_batch_col(b, c, phys, NULL), WR_OK);
        bool nulls = random() % 2 && wr_batch_nulls(b, &b->cols[c]);
        span words = random_span();
        for (uint32_t i = 0; i < n; i++) {
            char text[64];
            size_t len = (size_t)random() % (words.mask & 1 ? sizeof text : 1);
            for (size_t k = 0; k < len; k++) text[k] = (char)random();
            if (phys == WR_STR) cr_assert_eq(wr_batch_str(b, text, len, &b->cols[c].str[i], NULL), WR_OK);
            else b->cols[c].i64[i] = word_of(words);
            if (nulls && random() % 3 == 0) wr_bit_set(b->cols[c].nulls, i);
        }
    }
    return b;
}

static void same(const wr_batch *a, const wr_batch *b) {
    cr_assert(a->n == b->n && a->n_cols == b->n_cols && a->split == b->split && a->pos == b->pos);
    cr_assert(!a->wm == !b->wm && !a->change == !b->change);
    cr_assert(!a->place == !b->place);
    for (uint32_t i = 0; i < a->n; i++) {
        wr_row_place p = wr_place_of(a, i), q = wr_place_of(b, i);
        cr_assert(p.pos == q.pos && p.split == q.split);
        if (a->wm) cr_assert_eq(a->wm[i], b->wm[i]);
        if (a->change) cr_assert_eq(a->change[i], b->change[i]);
        for (uint32_t c = 0; c < a->n_cols; c++) {
            const wr_col *x = &a->cols[c], *y = &b->cols[c];
            cr_assert(x->phys == y->phys && wr_is_null(x, i) == wr_is_null(y, i));
            if (wr_is_null(x, i)) continue;
            if (x->phys == WR_STR) cr_assert_eq(wr_str_cmp(&x->str[i], &y->str[i]), 0);
            else cr_assert_eq(x->i64[i], y->i64[i]);
        }
    }
}

Test(snapshots, rows_come_back_as_they_were) {
    for (uint32_t seed = 1; seed <= 300; seed++) {
        wr_batch *a = random_rows(seed), *b;
        wr_buf out = {0};
        wr_err err = {0};
        size_t used;
        cr_assert_eq(wr_rows_pack(a, &out, &err), WR_OK, "%s", err.msg);
        size_t len = out.len;
        cr_assert_eq(wr_buf_put(&out, "more", 4), WR_OK);
        cr_assert_eq(wr_rows_unpack(out.data, out.len, &used, &b, &err), WR_OK, "%s", err.msg);
        cr_assert_eq(used, len);
        same(a, b);
        wr_batch_drop(b);
        for (size_t cut = 0; cut < len;
             cut += 1 + len / 50) /* never read past the end, never taken for whole */
            cr_assert_eq(wr_rows_unpack(out.data, cut, &used, &b, &err), WR_EDATA);
        wr_buf_free(&out);
        wr_batch_drop(a);
    }
}

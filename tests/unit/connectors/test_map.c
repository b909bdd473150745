/* Mapped files that are cut short, and many threads at once. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conn_test.h"

#define DEF  (&wr_connector_file)
#define PAGE 4096

static char sum(const char *p, size_t n) {
    char volatile s = 0;
    for (size_t i = 0; i < n; i++) s = (char)(s + p[i]);
    return s;
}

static wri_map *map(const char *path, size_t n) {
    int fd = open(path, O_RDONLY);
    wri_map *m;
    wr_err err;
    cr_assert_eq(wri_map_new(&wr_sys_real, fd, n, &m, &err), WR_OK);
    close(fd);
    return m;
}

Test(map, zeros_take_the_place_of_lost_pages) {
    const char *path = ct_path("m");
    wr_buf b = ct_random_lines(1, 10 * PAGE, 100, false);
    ct_write(path, b.data, b.len);
    wri_map *m = map(path, b.len), *other = map(path, b.len);
    cr_assert_eq(memcmp(m->data, b.data, b.len), 0);
    cr_assert_not(wri_map_broken(m));
    cr_assert_eq(truncate(path, 3 * PAGE), 0);
    cr_assert_eq(m->data[3 * PAGE], 0); /* would have killed the process */
    cr_assert(wri_map_broken(m));
    cr_assert_eq(sum(m->data + 3 * PAGE, 7 * PAGE + WR_PAD), 0);
    cr_assert_eq(memcmp(m->data, b.data, 3 * PAGE), 0);
    cr_assert_not(wri_map_broken(other), "each mapping for itself");
    cr_assert_eq(other->data[10 * PAGE - 1], 0);
    cr_assert(wri_map_broken(other));
    wr_drop(&m->ref);
    wr_drop(&other->ref);
    wr_buf_free(&b);
}

Test(map, the_place_of_a_dropped_mapping_is_used_again) {
    const char *path = ct_path("m");
    wr_buf b = ct_random_lines(1, 2 * PAGE, 100, false);
    for (int i = 0; i < 100; i++) {
        ct_write(path, b.data, b.len);
        wri_map *m = map(path, b.len);
        cr_assert_not(wri_map_broken(m), "a mark of the one before");
        cr_assert_eq(truncate(path, 0), 0);
        sum(m->data, m->len);
        cr_assert(wri_map_broken(m));
        wr_drop(&m->ref);
    }
    wr_buf_free(&b);
}

/* Whoever had the signal before gets the faults that are not ours. */
static void leave(int sig) {
    (void)sig;
    _exit(42);
}
Test(map, other_faults_are_passed_on, .exit_code = 42) {
    cr_assert_neq(signal(SIGBUS, leave), SIG_ERR);
    FILE *f = tmpfile(); /* has no name, so that nothing is left behind */
    cr_assert_not_null(f);
    cr_assert_eq(ftruncate(fileno(f), 2 * PAGE), 0);
    wri_map *m;
    cr_assert_eq(wri_map_new(&wr_sys_real, fileno(f), 2 * PAGE, &m, NULL), WR_OK);
    const char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fileno(f), 0);
    cr_assert_neq((void *)p, MAP_FAILED);
    cr_assert_eq(ftruncate(fileno(f), 0), 0);
    sum(m->data, PAGE);
    cr_assert(wri_map_broken(m));
    sum(p, 1); /* not one of ours */
}

/* The source says it, wherever the file was cut, also within a page or a chunk. */
static void cut_while_reading(size_t to, int chunks_before) {
    const char *path = ct_path("f");
    wr_buf b = ct_random_lines(2, 20 * PAGE + 100, 100, false);
    ct_write(path, b.data, b.len);
    ct_options o = ct_opts("path", path, "chunk_bytes", "16384", NULL);
    wr_source *s = ct_must_open(DEF, &o, &ct_sys);
    wr_chunk c;
    for (int i = 0; i < chunks_before; i++) {
        cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
        wr_drop(c.hold);
    }
    cr_assert_eq(truncate(path, (off_t)to), 0);
    ct_got got = {.chunks = 1};
    wr_status rc = WR_OK;
    while (rc == WR_OK)
        if ((rc = DEF->next(s, 0, &c, &got.err)) == WR_OK) {
            sum(c.data, c.len + WR_PAD);
            wr_drop(c.hold);
        }
    cr_assert_eq(rc, WR_EIO, "cut to %zu after %d chunks: %d", to, chunks_before, rc);
    cr_assert_not_null(strstr(got.err.msg, "was truncated while being read (expected 82020 bytes, found "),
                       "%s", got.err.msg);
    cr_assert_eq(DEF->next(s, 0, &c, &got.err), WR_EIO);
    DEF->close_source(s);
    wr_buf_free(&b);
}
Test(map, truncated_while_reading) {
    for (int before = 1; before < 6; before++) {
        cut_while_reading(0, before);
        cut_while_reading(1, before);
        cut_while_reading(3 * PAGE, before);
        cut_while_reading(20 * PAGE + 99, before);
    }
}

/* Cut and put back at its old size: only the mark tells. */
Test(map, truncated_and_grown_again) {
    const char *path = ct_path("f");
    wr_buf b = ct_random_lines(2, 20 * PAGE, 100, false);
    ct_write(path, b.data, b.len);
    ct_options o = ct_opts("path", path, "chunk_bytes", "16384", NULL);
    wr_source *s = ct_must_open(DEF, &o, &ct_sys);
    wr_chunk c;
    wr_err err;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    cr_assert_eq(truncate(path, 0), 0);
    sum(c.data, c.len);
    cr_assert_eq(truncate(path, 20 * PAGE), 0);
    cr_assert_eq(DEF->next(s, 0, &(wr_chunk){0}, &err), WR_EIO);
    cr_assert_not_null(
        strstr(err.msg, "was truncated while being read (expected 81920 bytes), or its disk failed"), "%s",
        err.msg);
    wr_drop(c.hold);
    DEF->close_source(s);
    wr_buf_free(&b);
}

/* Replaced by another file of that name: the mapping still has the old one, all of it. */
Test(map, replaced_while_reading) {
    const char *path = ct_path("f");
    wr_buf b = ct_random_lines(2, 20 * PAGE, 100, false);
    ct_write(path, b.data, b.len);
    ct_options o = ct_opts("path", path, "chunk_bytes", "16384", NULL);
    wr_source *s = ct_must_open(DEF, &o, &ct_sys);
    wr_chunk c;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    size_t first = c.len;
    wr_drop(c.hold);
    ct_puts(ct_path("new"), "short\n");
    cr_assert_eq(rename(ct_path("new"), path), 0);
    ct_got got = {0};
    while (DEF->next(s, 0, &c, &got.err) == WR_OK) {
        cr_assert_eq(memcmp(c.data, b.data + c.pos, c.len), 0);
        first += c.len;
        wr_drop(c.hold);
    }
    cr_assert_eq(first, b.len);
    DEF->close_source(s);
    wr_buf_free(&b);
}

/* ---- threads: splits side by side, chunks dropped elsewhere, files cut under it all ---- */

#define SPLITS 8
typedef struct worker {
    wr_source *s;
    uint32_t split;
    size_t bytes;
    wr_status end;
} worker;

static void *work(void *arg) {
    worker *w = arg;
    for (;;) {
        wr_chunk c;
        wr_err err;
        wr_status rc = DEF->next(w->s, w->split, &c, &err);
        if (rc == WR_AGAIN) continue;
        w->end = rc;
        if (rc != WR_OK) return NULL;
        sum(c.data, c.len + WR_PAD);
        w->bytes += c.len;
        wr_drop(c.hold);
    }
}

static void *watch(void *arg) {
    wr_source *s = arg;
    for (int i = 0; i < 2000; i++) {
        wr_split_info info;
        DEF->split_info(s, (uint32_t)i % SPLITS, &info);
        cr_assert(info.at >= 0);
        (void)DEF->watch(s);
    }
    return NULL;
}

static void side_by_side(bool cut) {
    size_t want = 0;
    for (uint32_t i = 0; i < SPLITS; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%u.txt", i);
        wr_buf b = ct_random_lines(i, 100 * PAGE + i, 100, true);
        ct_write(ct_path(name), b.data, b.len);
        want += b.len;
        wr_buf_free(&b);
    }
    ct_options o = ct_opts("path", ct_path("t*.txt"), "chunk_bytes", "5000", NULL);
    wr_source *s = ct_must_open(DEF, &o, &wr_sys_real);
    cr_assert_eq(DEF->n_splits(s), SPLITS);
    worker w[SPLITS];
    pthread_t t[SPLITS], watcher;
    pthread_create(&watcher, NULL, watch, s);
    for (uint32_t i = 0; i < SPLITS; i++) {
        w[i] = (worker){.s = s, .split = i};
        pthread_create(&t[i], NULL, work, &w[i]);
    }
    if (cut) cr_assert_eq(truncate(ct_path("t3.txt"), PAGE), 0);
    size_t bytes = 0;
    for (uint32_t i = 0; i < SPLITS; i++) {
        pthread_join(t[i], NULL);
        bytes += w[i].bytes;
        if (!cut || i != 3) cr_assert_eq(w[i].end, WR_EOF);
    }
    pthread_join(watcher, NULL);
    if (!cut) cr_assert_eq(bytes, want);
    DEF->close_source(s);
}
Test(map, splits_side_by_side) {
    side_by_side(false);
    side_by_side(true);
}

/* tests/unit/runtime/test_once.c -- a job that writes a stream under --state dies at each of its system calls
 * in turn, and once more while it recovers; then it runs to its end, and the stream has every row once. Among
 * the calls are those between the snapshot that has an epoch's rows and the last of them in the log. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "state/state.h"

#define ROWS   4000
#define KILLED 77
#define SQL                                                                                                  \
    "CREATE STREAM i (id BIGINT, k VARCHAR) WITH (connector = 'file', path = '%s/in.jsonl', format = "       \
    "'json', "                                                                                               \
    "chunk_bytes = '300');\n"                                                                                \
    "CREATE STREAM o WITH (connector = 'stream', format = 'json', partition_by = 'k', shards = '2') AS "     \
    "SELECT id, k FROM i;"

static char root[64];
static int64_t calls, at; /* calls so far, and the one that is the last; 0: none. Counted by all threads */

static void count(void) {
    if (__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) == at) _exit(KILLED);
}

#define COUNTED(ret, name, params, args)                                                                     \
    static ret counted_##name params {                                                                       \
        count();                                                                                             \
        return wr_sys_real.name args;                                                                        \
    }
COUNTED(int, open, (const char *p, int f, mode_t m), (p, f, m))
COUNTED(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
COUNTED(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, ftruncate, (int fd, off_t n), (fd, n))
COUNTED(int, rename, (const char *a, const char *b), (a, b))
COUNTED(int, unlink, (const char *p), (p))
COUNTED(int, mkdir, (const char *p, mode_t m), (p, m))

/* One run of the job in a process of its own; its exit status. */
static int run(const char *dir, uint32_t workers, int64_t last_call) {
    pid_t child = fork();
    if (child == 0) {
        wr_sys sys = wr_sys_real;
#define USE(name) sys.name = counted_##name
        USE(open), USE(write), USE(pwrite), USE(fdatasync), USE(fsync), USE(ftruncate), USE(rename),
            USE(unlink), USE(mkdir);
        char data[128], state[128];
        wr_arena ar = {0};
        wr_err err = {0};
        wr_registry reg = wr_builtin();
        char *text = wr_arena_printf(&ar, SQL, root);
        wr_diags d = {.file = "test", .text = text, .len = strlen(text), .ar = &ar};
        wr_script script;
        wr_plan plan;
        wr_job *job;
        wr_streams_opts so = {.sys = &sys, .dir = data, .segment_bytes = 3000};
        wr_job_opts jo = {.sys = &sys,
                          .workers = workers,
                          .batch_rows = 7,
                          .state_dir = state,
                          .snapshot_interval_us = 1000};
        snprintf(data, sizeof data, "%s/data", dir);
        snprintf(state, sizeof state, "%s/state", dir);
        at = last_call;
        if (wr_parse(&ar, &d, &script) != WR_OK || wr_plan_script(&script, &reg, &ar, &d, &plan) != WR_OK)
            _exit(3);
        if (wr_streams_open(&so, &jo.streams, &err) != WR_OK) _exit(4);
        wr_status s = wr_job_new(&plan, &jo, &job, &err);
        if (s == WR_OK) s = wr_job_run(job, NULL, NULL, &err);
        if (s != WR_OK) fprintf(stderr, "%s\n", err.msg);
        _exit(s == WR_OK ? 0 : 5);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void each_once(const char *dir, const char *what) {
    uint8_t seen[ROWS] = {0};
    char data[128];
    wr_streams *db;
    wr_arena ar = {0};
    wr_stream_info info;
    wr_records got = {0};
    snprintf(data, sizeof data, "%s/data", dir);
    cr_assert_eq(wr_streams_open(&(wr_streams_opts){.dir = data}, &db, NULL), WR_OK);
    cr_assert_eq(wr_stream_describe(db, "o", &ar, &info, NULL), WR_OK, "%s", what);
    for (uint32_t i = 0; i < info.n_shards; i++) {
        wr_reader *r;
        wr_err err = {0};
        cr_assert_eq(wr_reader_open(db, "o", info.shards[i].id, (wr_place){0}, &r, &err), WR_OK, "%s",
                     err.msg);
        while (wr_reader_next(r, 64, &got, &err) == WR_OK)
            for (uint32_t k = 0; k < got.n; k++) {
                char text[64];
                int id;
                snprintf(text, sizeof text, "%.*s", (int)got.items[k].len, got.items[k].data);
                cr_assert_eq(sscanf(text, "{\"id\":%d", &id), 1, "%s", text);
                cr_assert_eq(seen[id]++, 0, "%s: row %d is there twice", what, id);
            }
        wr_reader_close(r);
    }
    for (int i = 0; i < ROWS; i++) cr_assert_eq(seen[i], 1, "%s: row %d is not there", what, i);
    wr_records_free(&got);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

static int forget(const char *path, const struct stat *st, int flag, struct FTW *f) {
    (void)st, (void)flag, (void)f;
    return remove(path);
}

static void make_input(void) {
    char path[128];
    /* A process that dies leaves what it wrote, on any file system: the one in memory is quicker. */
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(root, sizeof root, "%s/weir-test-once-%d", where, (int)getpid());
    cr_assert_eq(mkdir(root, 0755), 0);
    snprintf(path, sizeof path, "%s/in.jsonl", root);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < ROWS; i++) fprintf(f, "{\"id\":%d,\"k\":\"k%d\"}\n", i, i % 11);
    fclose(f);
}

Test(once, dies_at_each_call, .timeout = 300) {
    make_input();
    int killed = 0;
    for (int64_t n = 1, done = 0; done < 3; n += 1 + n / 100) {
        char dir[100], what[100];
        uint32_t workers = 1 + (uint32_t)(n % 3);
        int64_t again = n % 29 + 1;
        snprintf(dir, sizeof dir, "%s/%lld", root, (long long)n);
        snprintf(what, sizeof what, "killed at call %lld, then at %lld, %u workers", (long long)n,
                 (long long)again, workers);
        cr_assert_eq(mkdir(dir, 0755), 0);
        int status = run(dir, workers, n);
        cr_assert(status == 0 || status == KILLED, "%s: %d", what, status);
        killed += status == KILLED;
        done += status == 0; /* the number of calls is a matter of timing: some more */
        status = run(dir, 3 - workers % 3, again);
        cr_assert(status == 0 || status == KILLED, "%s: %d", what, status);
        cr_assert_eq(run(dir, workers, 0), 0, "%s", what);
        each_once(dir, what);
        nftw(dir, forget, 16, FTW_DEPTH | FTW_PHYS);
    }
    nftw(root, forget, 16, FTW_DEPTH | FTW_PHYS);
    cr_assert_gt(killed, 50);
}

/* Trouble that passes: a job goes on after snapshots that could not be written, waits while there is no room
 * for its output, and writes every byte once. What must not be tried again ends it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <msgpack.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/runtime.h"

#define ROWS "20000"

/* A system whose calls of a kind fail, from the first-th on, so many times: for names that hold `in`. */
typedef enum fault_kind { F_NONE, F_OPEN, F_WRITE, F_SYNC, F_RENAME, F_UNLINK } fault_kind;
static struct {
    fault_kind kind;
    const char *in;
    int first, times, failure;
    int calls;
    bool halves;     /* a write that is to fail takes half of its bytes before */
    bool named[256]; /* descriptors of such files */
} f;

/* A barrier that comes while the worker writes the last rows; what says that the job has finished fails. */
static struct {
    bool on;
    pthread_t control;
    uint64_t
        looks; /* of the control thread at the clock: each time it sends a barrier, if none is under way */
} late;

static int64_t late_mono_us(void) {
    if (!late.on || !pthread_equal(pthread_self(), late.control)) return wr_sys_real.mono_us();
    uint64_t n = __atomic_add_fetch(&late.looks, 1, __ATOMIC_SEQ_CST);
    return wr_sys_real.mono_us() + (int64_t)n * WR_US_PER_SECOND;
}

static bool fails(fault_kind kind, bool named) {
    if (kind != f.kind || !named) return false;
    int n = __atomic_add_fetch(&f.calls, 1, __ATOMIC_RELAXED);
    if (n < f.first || n >= f.first + f.times) return false;
    errno = f.failure;
    return true;
}
static bool is_named(const char *path) { return f.in && strstr(path, f.in); }
static bool is_open(int fd) { return fd >= 0 && fd < 256 && f.named[fd]; }

static int f_open(const char *path, int flags, mode_t mode) {
    if (fails(F_OPEN, is_named(path))) return -1;
    int fd = wr_sys_real.open(path, flags, mode);
    if (fd >= 0 && fd < 256) f.named[fd] = is_named(path);
    return fd;
}
static ssize_t f_write(int fd, const void *p, size_t n) {
    if (late.on && is_open(fd)) {
        uint64_t before = __atomic_load_n(&late.looks, __ATOMIC_SEQ_CST);
        for (int i = 0; i < 100000 && __atomic_load_n(&late.looks, __ATOMIC_SEQ_CST) == before; i++)
            sched_yield(); /* in vain, where a barrier is under way that this worker has not passed */
    }
    if (!fails(F_WRITE, is_open(fd))) return wr_sys_real.write(fd, p, n);
    return f.halves && n > 1 ? wr_sys_real.write(fd, p, n / 2) : -1;
}
static ssize_t f_pwrite(int fd, const void *p, size_t n, off_t at) {
    return fails(F_WRITE, is_open(fd)) ? -1 : wr_sys_real.pwrite(fd, p, n, at);
}
static int f_sync(int fd) { return fails(F_SYNC, is_open(fd)) ? -1 : wr_sys_real.fdatasync(fd); }

/* Whether a manifest (magic, checksum, [epoch, time, plan, finished, parts]) says that the job has finished.
 */
static bool is_last(const char *path) {
    char text[65536];
    msgpack_unpacked u;
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text);
    size_t at = 8 + sizeof(uint32_t);
    close(fd);
    msgpack_unpacked_init(&u);
    bool whole = n > (ssize_t)at && msgpack_unpack_next(&u, text, (size_t)n, &at) == MSGPACK_UNPACK_SUCCESS;
    bool last = whole && u.data.via.array.ptr[3].via.boolean;
    msgpack_unpacked_destroy(&u);
    return last;
}

static int f_rename(const char *from, const char *to) {
    if (late.on && strstr(from, ".making") && is_last(from)) {
        errno = EIO;
        return -1;
    }
    return fails(F_RENAME, is_named(from)) ? -1 : wr_sys_real.rename(from, to);
}
static int f_unlink(const char *path) {
    return fails(F_UNLINK, is_named(path)) ? -1 : wr_sys_real.unlink(path);
}

typedef struct tried {
    wr_status status;
    wr_err err;
    wr_trouble snapshot, output;
} tried;

static char folder[64];

static char *slurp(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    if (!in) return NULL;
    char *text = calloc(1, 8 << 20);
    size_t n = fread(text, 1, (8 << 20) - 1, in);
    cr_assert_gt(n, 0);
    fclose(in);
    return text;
}

#define COPY "SELECT * FROM g"
static const char *query = COPY;

static tried run(const char *out, bool state) {
    tried t = {0};
    wr_arena ar = {0};
    wr_sys sys = wr_sys_real;
    sys.open = f_open;
    sys.write = f_write;
    sys.pwrite = f_pwrite;
    sys.fdatasync = f_sync;
    sys.rename = f_rename;
    sys.unlink = f_unlink;
    sys.mono_us = late_mono_us;
    char dir[80];
    snprintf(dir, sizeof dir, "%s/state", folder);
    char *text = wr_arena_printf(
        &ar,
        "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = " ROWS ", seed = 3);\n"
        "CREATE STREAM o WITH (connector = 'file', path = '%s/%s', format = 'json') AS %s;",
        folder, out, query);
    wr_diags d = {.file = "test", .text = text, .len = strlen(text), .ar = &ar};
    wr_script script;
    wr_plan plan;
    wr_registry reg = wr_builtin();
    cr_assert_eq(wr_parse(&ar, &d, &script), WR_OK);
    cr_assert_eq(wr_plan_script(&script, &reg, &ar, &d, &plan), WR_OK);
    wr_job_opts opts = {.sys = &sys, .workers = 1, .batch_rows = 100};
    opts.state_dir = state ? dir : NULL;
    opts.snapshot_interval_us = 1000;
    wr_job *job;
    cr_assert_eq(wr_job_new(&plan, &opts, &job, &t.err), WR_OK, "%s", t.err.msg);
    t.status = wr_job_run(job, NULL, NULL, &t.err);
    wr_job_trouble(job, WR_TROUBLE_SNAPSHOT, &t.snapshot);
    wr_job_trouble(job, WR_TROUBLE_OUTPUT, &t.output);
    wr_job_free(job);
    wr_arena_free(&ar);
    return t;
}

static void begin(void) {
    snprintf(folder, sizeof folder, "/tmp/weir-test-trouble-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    f.kind = F_NONE;
    cr_assert_eq(run("want", false).status, WR_OK);
}
static void end(void) {
    char cmd[256];
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    cr_assert_eq(system(cmd), 0);
}

static tried with(fault_kind kind, const char *in, int first, int times, int failure, bool state) {
    char cmd[256];
    snprintf(cmd, sizeof cmd, "rm -rf %s/state %s/out*", folder, folder);
    cr_assert_eq(system(cmd), 0);
    f.kind = kind;
    f.in = in;
    f.first = first;
    f.times = times;
    f.failure = failure;
    f.calls = 0;
    tried t = run("out", state);
    cr_assert(f.calls >= first, "kind %d in %s: %d calls", kind, in, f.calls);
    return t;
}

static void whole(const tried *t) {
    cr_assert_eq(t->status, WR_OK, "%s", t->err.msg);
    char *a = slurp("want"), *b = slurp("out");
    cr_assert(a && b && strcmp(a, b) == 0, "the output is another");
    free(a);
    free(b);
}

Test(trouble, output_waits_for_room) {
    begin();
    for (int halves = 0; halves < 2; halves++)
        for (int first = 1; first < 30; first += 7)
            for (int state = 0; state < 2; state++) {
                f.halves = halves;
                tried t = with(F_WRITE, "out", first, 4, ENOSPC, state);
                whole(&t);
                cr_assert_eq(t.output.now, false);
                cr_assert(halves || t.output.times == 1, "%d", (int)t.output.times);
                cr_assert(halves || strstr(t.output.why, "stream o"), "%s", t.output.why);
            }
    f.halves = false;
    end();
}

Test(trouble, output_that_fails_otherwise_ends_the_job) {
    begin();
    tried t = with(F_WRITE, "out", 3, 1, EIO, true);
    cr_assert_eq(t.status, WR_EIO);
    cr_assert_not_null(strstr(t.err.msg, "out: cannot write"), "%s", t.err.msg);
    end();
}

Test(trouble, snapshots_that_fail_are_given_up) {
    begin();
    static const struct {
        fault_kind kind;
        const char *in;
        int failure;
    } faults[] = {{F_OPEN, ".seg", EMFILE},    {F_WRITE, ".seg", ENOSPC}, {F_SYNC, ".seg", EIO},
                  {F_OPEN, ".making", EACCES}, {F_WRITE, ".making", EIO}, {F_SYNC, ".making", EIO},
                  {F_RENAME, ".making", EROFS}};
    uint64_t given_up = 0;
    for (size_t i = 0; i < WR_LEN(faults); i++)
        for (int first = 1; first < 3; first++) {
            tried t = with(faults[i].kind, faults[i].in, first, 1, faults[i].failure, true);
            whole(&t);
            cr_assert_leq(t.snapshot.times, 1);
            given_up += t.snapshot.times;
            cr_assert(t.snapshot.times == 0 || strstr(t.snapshot.why, strerror(faults[i].failure)), "%s",
                      t.snapshot.why);
        }
    cr_assert_gt(given_up, 0); /* else the job was over before the first */
    end();
}

Test(trouble, a_finished_job_that_cannot_say_so_fails) {
    begin();
    tried t = with(F_RENAME, ".making", 1, 1000, ENOSPC, true);
    cr_assert_eq(t.status, WR_EIO);
    cr_assert_not_null(strstr(t.err.msg, "that the job has finished could not be noted"), "%s", t.err.msg);
    end();
}

/* Rows that are written when the input has ended are in a snapshot whose barrier came too late for the sink.
 */
Test(trouble, a_barrier_behind_the_last_row) {
    query = COPY " ORDER BY user_id, event_time, latency_ms LIMIT 100";
    begin();
    for (int i = 0; i < 4; i++) {
        late.on = true;
        late.control = pthread_self();
        f.in = "/out";
        tried t = run("out", true);
        cr_assert_eq(t.status, WR_EIO, "%s", t.err.msg);
        late.on = false;
        t = run("out", true);
        whole(&t);
        t = with(F_NONE, "", 0, 0, 0, false);
    }
    end();
}

/* What the disk has of it is unknown: no snapshot may say that it is there. */
Test(trouble, a_sink_that_cannot_be_synced_ends_the_job) {
    begin();
    tried t = with(F_SYNC, "out", 1, 1, EIO, true);
    cr_assert_eq(t.status, WR_EIO);
    cr_assert_not_null(strstr(t.err.msg, "start again"), "%s", t.err.msg);
    f.kind = F_NONE;
    tried again = run("out", true);
    whole(&again);
    end();
}

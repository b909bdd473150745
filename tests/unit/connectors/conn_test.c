/* Helpers of the connector tests. */
#include "conn_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- formats ---- */

static size_t lines_frame(const char *p, size_t n, bool last, uint64_t *state) {
    (*state)++;
    if (last) return n;
    const char *end = memrchr(p, '\n', n);
    return end ? (size_t)(end + 1 - p) : 0;
}
static size_t first_line(const char *p, size_t n, uint64_t state) {
    cr_assert_eq(state, 77);
    const char *end = memchr(p, '\n', n);
    return end ? (size_t)(end + 1 - p) : n;
}
static uint64_t begin_77(const wr_kv *options, size_t n) {
    (void)options, (void)n;
    return 77;
}
const wr_format_def ct_lines = {.with = {.name = "lines"}, .frame = lines_frame};
const wr_format_def ct_headed = {
    .with = {.name = "headed"}, .frame = lines_frame, .begin = begin_77, .head = first_line};

/* ---- files ---- */

static char folder[64];
static pid_t owner;

static void remove_folder(void) {
    if (getpid() != owner) return;
    char cmd[256];
    snprintf(cmd, sizeof cmd, "chmod -R u+rwx %s 2>/dev/null; rm -rf %s", folder, folder);
    if (system(cmd) != 0) fprintf(stderr, "%s was not removed\n", folder);
}

const char *ct_path(const char *name) {
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/weir-conn-XXXXXX");
        cr_assert_not_null(mkdtemp(folder));
        owner = getpid();
        atexit(remove_folder);
    }
    static char paths[64][160];
    static size_t at;
    char *out = paths[at++ % 64];
    snprintf(out, sizeof paths[0], "%s/%s", folder, name);
    return out;
}

static void put(const char *path, const void *p, size_t n, const char *mode) {
    FILE *f = fopen(path, mode);
    cr_assert_not_null(f, "%s: %s", path, strerror(errno));
    cr_assert_eq(fwrite(p, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}
void ct_write(const char *path, const void *p, size_t n) { put(path, p, n, "w"); }
void ct_puts(const char *path, const char *s) { put(path, s, strlen(s), "w"); }
void ct_append(const char *path, const char *s) { put(path, s, strlen(s), "a"); }

wr_buf ct_read(const char *path) {
    wr_buf b = {0};
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s: %s", path, strerror(errno));
    char p[4096];
    for (size_t n; (n = fread(p, 1, sizeof p, f)) > 0;) cr_assert_eq(wr_buf_put(&b, p, n), WR_OK);
    fclose(f);
    return b;
}

wr_buf ct_random_lines(uint32_t seed, size_t n, size_t line_max, bool open_end) {
    wr_buf b = {0};
    uint64_t row = 0;
    while (b.len < n) {
        uint64_t r = wr_hash_u64(((uint64_t)seed << 32) + ++row);
        size_t len = r % line_max;
        if (len > n - b.len - 1) len = n - b.len - 1;
        for (size_t i = 0; i < len; i++) {
            char c = (char)('a' + (r >> (i % 59)) % 26);
            cr_assert_eq(wr_buf_put(&b, &c, 1), WR_OK);
        }
        cr_assert_eq(wr_buf_put(&b, "\n", 1), WR_OK);
    }
    if (open_end && b.len) b.data[b.len - 1] = 'x';
    return b;
}

/* ---- sources ---- */

ct_options ct_opts(const char *key, ...) {
    ct_options o = {0};
    va_list ap;
    va_start(ap, key);
    for (; key; key = va_arg(ap, const char *)) {
        cr_assert_lt(o.n, CT_KVS);
        o.kvs[o.n++] = (wr_kv){.key = key, .value = va_arg(ap, const char *)};
    }
    va_end(ap);
    return o;
}

wr_status ct_open(const wr_connector_def *def, const ct_options *o, const wr_sys *sys, wr_source **outp,
                  wr_err *err) {
    const wr_format_def *format = &ct_lines;
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->kvs[i].key, "format") == 0 && strcmp(o->kvs[i].value, "headed") == 0)
            format = &ct_headed;
    wr_source_cfg cfg = {.sys = sys, .stream = "s", .options = o->kvs, .n_options = o->n, .format = format};
    return def->open_source(&cfg, outp, err);
}

wr_source *ct_must_open(const wr_connector_def *def, const ct_options *o, const wr_sys *sys) {
    wr_source *s = NULL;
    wr_err err = {0};
    wr_status rc = ct_open(def, o, sys, &s, &err);
    cr_assert_eq(rc, WR_OK, "%d: %s", rc, err.msg);
    return s;
}

static void check_chunk(const wr_chunk *c, uint32_t split, const ct_got *got, int64_t expected) {
    cr_assert_eq(c->split, split);
    cr_assert_gt(c->len, 0);
    cr_assert_not_null(c->hold);
    if (!got->bad && !c->bad) cr_assert_eq(c->pos, expected, "%ld is not %ld", (long)c->pos, (long)expected);
    cr_assert_geq(c->pos, expected);
    char volatile sum = 0;
    for (size_t i = 0; i < WR_PAD; i++) sum = (char)(sum + c->data[c->len + i]);
}

wr_status ct_take(const wr_connector_def *def, wr_source *s, uint32_t split, ct_got *got) {
    static int64_t next[8]; /* expected position per split */
    if (got->chunks == 0) next[split] = 0;
    for (;;) {
        wr_chunk c;
        wr_status rc = def->next(s, split, &c, &got->err);
        if (rc != WR_OK) {
            cr_assert_null(c.hold);
            return rc;
        }
        check_chunk(&c, split, got, next[split]);
        got->chunks++;
        if (c.bad) {
            got->bad++;
            got->bad_pos = c.pos;
            got->bad_len = c.len;
            cr_assert_not_null(c.why);
            cr_assert_leq(c.len, WRI_BAD_SHOWN);
        } else {
            cr_assert(!got->open_end || got->follows, "a chunk behind one without a line end");
            got->open_end = c.data[c.len - 1] != '\n';
            cr_assert_eq(wr_buf_put(&got->text, c.data, c.len), WR_OK);
            if (c.len > got->largest) got->largest = c.len;
        }
        next[split] = c.pos + (int64_t)c.len;
        wr_drop(c.hold);
    }
}

void ct_got_free(ct_got *got) {
    wr_buf_free(&got->text);
    *got = (ct_got){0};
}

void ct_expect_notes(const wr_connector_def *def, wr_source *src, const char *want) {
    wr_buf notes = {0};
    cr_assert_eq(def->notes(src, &notes), WR_OK);
    cr_assert_eq(wr_buf_put(&notes, "", 1), WR_OK);
    cr_assert(strstr(notes.data, want), "found '%s', expected '%s'", notes.data, want);
    if (!*want) cr_assert_eq(notes.len, 1, "%s", notes.data);
    wr_buf_free(&notes);
}

/* ---- faults ---- */

ct_faults ct = {.write_room = -1, .smallest_write = INT64_MAX};
void ct_reset(void) { ct = (ct_faults){.write_room = -1, .smallest_write = INT64_MAX}; }

static bool interrupted(void) {
    if (!ct.interrupt || ct.calls++ % 2) return false;
    errno = EINTR;
    return true;
}
static bool read_fault(size_t *n) {
    ct.reads++;
    if (ct.read_fails_at && ct.reads >= ct.read_fails_at) {
        errno = ct.read_errno;
        return true;
    }
    if (ct.read_max && *n > ct.read_max) *n = ct.read_max;
    return interrupted();
}
static ssize_t f_read(int fd, void *p, size_t n) { return read_fault(&n) ? -1 : read(fd, p, n); }
static ssize_t f_pread(int fd, void *p, size_t n, off_t at) {
    return read_fault(&n) ? -1 : pread(fd, p, n, at);
}
static ssize_t f_write(int fd, const void *p, size_t n) {
    ct.writes++;
    if (interrupted()) return -1;
    if (ct.again > 0) {
        ct.again--;
        errno = EAGAIN;
        return -1;
    }
    if (ct.write_room == 0) {
        errno = ct.write_errno;
        return -1;
    }
    if (ct.write_room > 0 && n > (size_t)ct.write_room) n = (size_t)ct.write_room;
    if (ct.write_max && n > ct.write_max) n = ct.write_max;
    if (ct.write_room > 0) ct.write_room -= (int64_t)n;
    if ((int64_t)n < ct.smallest_write) ct.smallest_write = (int64_t)n;
    if (fd != STDOUT_FILENO || !ct.capture) return write(fd, p, n);
    return wr_buf_put(ct.capture, p, n) == WR_OK ? (ssize_t)n : -1;
}
static int f_open(const char *path, int flags, mode_t mode) {
    if (interrupted()) return -1;
    if (ct.open_errno) {
        errno = ct.open_errno;
        return -1;
    }
    int fd = open(path, flags | O_CLOEXEC, mode);
    ct.opened += fd >= 0;
    return fd;
}
static int f_lock(int fd) {
    if (!ct.lock_errno) return wr_sys_real.lock(fd);
    errno = ct.lock_errno;
    return -1;
}
static int f_close(int fd) {
    ct.closed++;
    return close(fd);
}
static int f_fstat(int fd, struct stat *st) { return fstat(fd, st); }
static int f_stat(const char *path, struct stat *st) {
    void (*then)(void) = ct.on_stat;
    ct.on_stat = NULL;
    if (then) then();
    return stat(path, st);
}
static void *f_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off) {
    if (ct.mmap_errno && fd >= 0) {
        errno = ct.mmap_errno;
        return MAP_FAILED;
    }
    return mmap(at, n, prot, flags, fd, off);
}
static int f_poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
    ct.polls++;
    if (interrupted()) return -1;
    return ct.not_ready ? 0 : poll(fds, n, timeout_ms);
}
static int64_t f_mono(void) { return ct.mono_us; }
static int64_t f_wall(void) { return INT64_C(1700000000000000); }

static int f_list(const char *path, void (*each)(void *ctx, const char *name), void *ctx) {
    return wr_sys_real.list(path, each, ctx);
}

const wr_sys ct_sys = {
    .wall_us = f_wall,
    .mono_us = f_mono,
    .open = f_open,
    .read = f_read,
    .pread = f_pread,
    .write = f_write,
    .close = f_close,
    .fstat = f_fstat,
    .stat = f_stat,
    .list = f_list,
    .fdatasync = fdatasync,
    .ftruncate = ftruncate,
    .lock = f_lock,
    .mmap = f_mmap,
    .munmap = munmap,
    .poll = f_poll,
};

/* Helpers of the log's tests. */
#include "log_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- folders ---- */

static char folder[64];
static pid_t owner;

/* Calls each for what is in a folder. */
static void walk(const char *path, const char *to,
                 void (*each)(const char *at, const char *to, bool is_dir)) {
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char at[WRI_PATH], at_to[WRI_PATH];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(at, sizeof at, "%s/%s", path, e->d_name);
        snprintf(at_to, sizeof at_to, "%s/%s", to, e->d_name);
        each(at, at_to, e->d_type == DT_DIR);
    }
    if (dir) closedir(dir);
}

static void remove_one(const char *at, const char *to, bool is_dir) {
    (void)to;
    if (is_dir) lt_remove(at);
    else unlink(at);
}
void lt_remove(const char *path) {
    walk(path, "", remove_one);
    rmdir(path);
}

static void copy_one(const char *at, const char *to, bool is_dir) {
    if (is_dir) {
        lt_copy(at, to);
        return;
    }
    wr_buf b = lt_read(at);
    lt_write(to, b.data, b.len);
    wr_buf_free(&b);
}
void lt_copy(const char *from, const char *to) {
    mkdir(to, 0755);
    walk(from, to, copy_one);
}

static void remove_folder(void) {
    if (getpid() == owner) lt_remove(folder);
}

const char *lt_folder(const char *name) {
    static char paths[16][160];
    static size_t at;
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "%s/weir-log-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        cr_assert_not_null(mkdtemp(folder));
        owner = getpid();
        atexit(remove_folder);
    }
    char *out = paths[at++ % 16];
    snprintf(out, sizeof paths[0], "%s/%s", folder, name);
    return out;
}

wr_buf lt_read(const char *path) {
    wr_buf b = {0};
    cr_assert_eq(wri_slurp(&wr_sys_real, path, &b, NULL), WR_OK, "%s", path);
    return b;
}

void lt_write(const char *path, const void *p, size_t n) {
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f, "%s: %s", path, strerror(errno));
    cr_assert_eq(fwrite(p, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}

const char *lt_segment(const char *dir, const char *stream, uint32_t shard, size_t n, const char *ext) {
    static char out[4][WRI_PATH];
    static size_t at;
    char sdir[WRI_PATH], path[WRI_PATH];
    wri_bases b = {0};
    at = (at + 1) % 4;
    wri_stream_path(dir, stream, sdir);
    wri_shard_path(sdir, shard, path);
    cr_assert_eq(wri_list_segments(&wr_sys_real, path, &b, NULL), WR_OK);
    bool there = n < b.n;
    if (there) wri_file_path(path, b.items[n], ext, out[at]);
    wr_free(b.items);
    return there ? out[at] : NULL;
}

/* ---- what is durable: contents by inode as last synced, folders as last synced ---- */

typedef struct node {
    ino_t ino;
    char *data;
    size_t n;
    char names[64][32]; /* of a folder */
    ino_t inos[64];
    size_t n_names;
} node;
static node *nodes;
static size_t n_nodes, nodes_cap;

static node *node_of(ino_t ino, bool make) {
    for (size_t i = 0; i < n_nodes; i++)
        if (nodes[i].ino == ino) return &nodes[i];
    if (!make) return NULL;
    if (wr_grow(&nodes, &nodes_cap, n_nodes + 1, sizeof *nodes) != WR_OK) abort();
    nodes[n_nodes] = (node){.ino = ino};
    return &nodes[n_nodes++];
}

static void read_fd(int fd, char **datap, size_t *np) {
    struct stat st;
    fstat(fd, &st);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* it may be open for writing only */
    int in = open(path, O_RDONLY);
    *datap = malloc((size_t)st.st_size + 1);
    ssize_t k = pread(in, *datap, (size_t)st.st_size, 0);
    if (k != (ssize_t)st.st_size) abort();
    *np = (size_t)k;
    close(in);
}

static void note_file(int fd) {
    struct stat st;
    fstat(fd, &st);
    node *n = node_of(st.st_ino, true);
    free(n->data);
    read_fd(fd, &n->data, &n->n);
}

static void note_dir(int fd) {
    struct stat st;
    fstat(fd, &st);
    node *n = node_of(st.st_ino, true);
    char path[64], at[512];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    n->n_names = 0;
    DIR *dir = opendir(path);
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        if (n->n_names == 64) abort();
        snprintf(at, sizeof at, "%s/%s", path, e->d_name);
        if (strlen(e->d_name) >= 32) abort();
        strcpy(n->names[n->n_names], e->d_name);
        n->inos[n->n_names++] = e->d_ino;
    }
    closedir(dir);
}

static bool by_chance(void) {
    static uint64_t k;
    return lt.seed && wr_hash_u64(((uint64_t)lt.seed << 32) + ++k) % 2;
}

/* The path of inode ino below root, as it is now; inodes of files that were unlinked have no path. */
static bool find_path(const char *root, ino_t ino, char out[512]) {
    DIR *dir = opendir(root);
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        snprintf(out, 512, "%s/%s", root, e->d_name);
        if (e->d_ino == ino) found = true;
        else if (e->d_type == DT_DIR) {
            char below[512];
            snprintf(below, sizeof below, "%s/%s", root, e->d_name);
            found = find_path(below, ino, out);
        }
    }
    if (dir) closedir(dir);
    return found;
}

/* Leaves at `to` what of the folder with that inode a loss of power leaves. */
static void survive(ino_t ino, const char *to) {
    node *d = node_of(ino, false);
    mkdir(to, 0755);
    for (size_t i = 0; d && i < d->n_names; i++) {
        char path[512], now[512];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", to, d->names[i]);
        bool there = find_path(lt.root, d->inos[i], now) && stat(now, &st) == 0;
        node *n = node_of(d->inos[i], false);
        if (there ? S_ISDIR(st.st_mode) : n && n->n_names > 0) {
            survive(d->inos[i], path);
            d = node_of(ino, false);
            continue;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (there && by_chance()) { /* the kernel had written it by itself */
            char *data;
            size_t k;
            int from = open(now, O_RDONLY);
            read_fd(from, &data, &k);
            if (write(fd, data, k) != (ssize_t)k) abort();
            free(data);
            close(from);
        } else if (n && n->data && write(fd, n->data, n->n) != (ssize_t)n->n) abort();
        close(fd);
    }
}

/* ---- a system with faults ---- */

lt_faults lt = {.wall_us = INT64_C(1700000000000000)};
void lt_reset(void) { lt = (lt_faults){.wall_us = INT64_C(1700000000000000)}; }

/* Whether this call fails. What it is about to write goes out by half where that is asked for. */
static bool hit(int fd, const void *p, size_t n, off_t at) {
    int64_t k = __atomic_add_fetch(&lt.calls, 1, __ATOMIC_RELAXED);
    if (lt.at == 0 || k < lt.at) return false;
    if (lt.fault == LT_FAIL) {
        errno = lt.failure;
        lt.hit = true;
        return k < lt.at + lt.fails;
    }
    if (lt.fault == LT_TEAR && p && pwrite(fd, p, n / 2, at) < 0) abort();
    if (lt.fault == LT_POWER) {
        struct stat st;
        if (stat(lt.root, &st) == 0) survive(st.st_ino, lt.after);
    }
    _exit(LT_KILLED);
}
static bool failing(void) { return hit(-1, NULL, 0, 0); }

static int f_open(const char *path, int flags, mode_t mode) {
    return failing() ? -1 : open(path, flags | O_CLOEXEC, mode);
}
static ssize_t f_pread(int fd, void *p, size_t n, off_t at) { return failing() ? -1 : pread(fd, p, n, at); }
static ssize_t f_write(int fd, const void *p, size_t n) { return failing() ? -1 : write(fd, p, n); }
static ssize_t f_pwrite(int fd, const void *p, size_t n, off_t at) {
    return hit(fd, p, n, at) ? -1 : pwrite(fd, p, n, at);
}
static int f_fstat(int fd, struct stat *st) { return failing() ? -1 : fstat(fd, st); }
static int f_stat(const char *path, struct stat *st) { return failing() ? -1 : stat(path, st); }
static int f_fdatasync(int fd) {
    if (failing()) return -1;
    if (lt.fault == LT_POWER) note_file(fd);
    return 0;
}
static int f_fsync(int fd) {
    if (failing()) return -1;
    if (lt.fault == LT_POWER) note_dir(fd);
    return 0;
}
/* Of everything below lt.root, as that is all there is. */
static void note_all(const char *path) {
    int fd = open(path, O_RDONLY);
    struct stat st;
    fstat(fd, &st);
    if (S_ISREG(st.st_mode)) note_file(fd);
    else note_dir(fd);
    DIR *dir = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char below[512];
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.') note_all(below);
    }
    if (dir) closedir(dir);
    close(fd);
}
static int f_syncfs(int fd) {
    (void)fd;
    if (failing()) return -1;
    if (lt.fault == LT_POWER) note_all(lt.root);
    return 0;
}
static int f_ftruncate(int fd, off_t n) { return failing() ? -1 : ftruncate(fd, n); }
static int f_rename(const char *a, const char *b) { return failing() ? -1 : rename(a, b); }
static int f_unlink(const char *p) { return failing() ? -1 : unlink(p); }
static int f_mkdir(const char *p, mode_t m) { return failing() ? -1 : mkdir(p, m); }
static int f_rmdir(const char *p) { return failing() ? -1 : rmdir(p); }
static int f_list(const char *p, void (*each)(void *ctx, const char *name), void *ctx) {
    return failing() ? -1 : wr_sys_real.list(p, each, ctx);
}
static int f_lock(int fd) { return failing() ? -1 : wr_sys_real.lock(fd); }
static int64_t f_wall(void) { return __atomic_add_fetch(&lt.wall_us, lt.tick_us, __ATOMIC_RELAXED); }
static int64_t f_mono(void) { return __atomic_load_n(&lt.wall_us, __ATOMIC_RELAXED); }
static uint64_t f_random(void) { return UINT64_C(0x5eed5eed5eed5eed); }
static int f_watch(int fd, const char *path) { return wr_sys_real.watch(fd, path); }

const wr_sys lt_sys = {
    .wall_us = f_wall,
    .mono_us = f_mono,
    .random = f_random,
    .open = f_open,
    .read = read,
    .pread = f_pread,
    .write = f_write,
    .pwrite = f_pwrite,
    .close = close,
    .fstat = f_fstat,
    .stat = f_stat,
    .fdatasync = f_fdatasync,
    .fsync = f_fsync,
    .syncfs = f_syncfs,
    .ftruncate = f_ftruncate,
    .rename = f_rename,
    .unlink = f_unlink,
    .mkdir = f_mkdir,
    .rmdir = f_rmdir,
    .list = f_list,
    .lock = f_lock,
    .watch = f_watch,
    .poll = poll,
};

/* ---- directories ---- */

wr_buf lt_said;
static void say(void *ctx, const char *line) {
    (void)ctx;
    if (wr_buf_puts(&lt_said, line) != WR_OK || wr_buf_puts(&lt_said, "\n") != WR_OK) abort();
}

wr_streams *lt_open(const char *dir, int64_t segment_bytes, bool lock) {
    wr_streams_opts o = {.sys = &lt_sys, .dir = dir, .segment_bytes = segment_bytes, .say = say};
    wr_streams *db;
    wr_err err = {0};
    cr_assert_eq(wr_streams_open(&o, &db, &err), WR_OK, "%s", err.msg);
    if (lock) cr_assert_eq(wr_streams_lock(db, &err), WR_OK, "%s", err.msg);
    return db;
}

wr_stream *lt_stream(wr_streams *db, const char *name) {
    wr_stream *st;
    wr_err err = {0};
    cr_assert_eq(wr_stream_open(db, name, &st, &err), WR_OK, "%s", err.msg);
    return st;
}

void lt_create(wr_streams *db, const char *name, uint32_t shards) {
    wr_err err = {0};
    wr_stream_cfg cfg = {.n_shards = shards};
    cr_assert_eq(wr_stream_create(db, name, &cfg, &err), WR_OK, "%s", err.msg);
}

size_t lt_data(uint32_t i, char out[4096]) {
    uint64_t h = wr_hash_u64(i + 1);
    size_t n = 4 + h % 120 + (i % 97 == 0 ? 3000 : 0);
    memcpy(out, &i, 4);
    for (size_t k = 4; k < n; k++) out[k] = (char)(h >> (k % 57));
    return n;
}

bool lt_is(const wr_record *r, uint32_t *ip) {
    char want[4096];
    if (r->len < 4) return false;
    memcpy(ip, r->data, 4);
    size_t n = lt_data(*ip, want);
    return n == r->len && memcmp(want, r->data, n) == 0;
}

wr_put lt_put(uint32_t i, char buf[4096], char key[32]) {
    int k = snprintf(key, 32, "key-%u", i % 17);
    wr_put p = {.key = key, .key_len = (uint32_t)k, .data = buf, .len = (uint32_t)lt_data(i, buf)};
    if (i % 5 == 0) {
        p.has_hash = true;
        p.hash = (wr_u128)wr_hash_u64(i) << 64 | i;
    }
    if (i % 3 == 0) p.mark = (wr_mark){.writer = 7, .epoch = 1 + i / 16, .index = i % 16};
    return p;
}

wr_status lt_put_n(wr_stream *st, uint32_t from, uint32_t n, wr_err *err) {
    wr_put *puts = calloc(n, sizeof *puts);
    char *mem = malloc((size_t)n * (4096 + 32));
    for (uint32_t i = 0; i < n; i++)
        puts[i] = lt_put(from + i, mem + i * (4096 + 32), mem + i * (4096 + 32) + 4096);
    wr_status s = wr_stream_put(st, puts, n, err);
    free(puts);
    free(mem);
    return s;
}

wr_status lt_each(wr_streams *db, const char *stream, uint32_t shard, wr_place at, uint32_t most,
                  void (*each)(void *ctx, const wr_record *r), void *ctx, wr_err *err) {
    wr_reader *r;
    wr_records got = {0};
    wr_status s = wr_reader_open(db, stream, shard, at, &r, err);
    while (s == WR_OK) {
        s = wr_reader_next(r, most, &got, err);
        for (uint32_t i = 0; s == WR_OK && i < got.n; i++) each(ctx, &got.items[i]);
    }
    wr_records_free(&got);
    wr_reader_close(r);
    return s;
}

typedef struct counting {
    uint8_t *counts;
    uint32_t n;
    size_t total;
    uint64_t next;
    int64_t last_us;
} counting;

static void count(void *ctx, const wr_record *r) {
    counting *c = ctx;
    uint32_t i;
    cr_assert(lt_is(r, &i), "a record that was never put");
    cr_assert_lt(i, c->n);
    cr_assert_geq(r->number, c->next);
    cr_assert_geq(r->arrival_us, c->last_us);
    c->next = r->number + 1;
    c->last_us = r->arrival_us;
    c->counts[i]++;
    c->total++;
}

size_t lt_count(wr_streams *db, const char *stream, uint8_t *counts, uint32_t n) {
    wr_arena ar = {0};
    wr_stream_info info;
    wr_err err = {0};
    counting c = {.counts = counts, .n = n};
    cr_assert_eq(wr_stream_describe(db, stream, &ar, &info, &err), WR_OK, "%s", err.msg);
    for (uint32_t i = 0; i < info.n_shards; i++) {
        c.next = 0;
        c.last_us = 0;
        wr_status s =
            lt_each(db, stream, info.shards[i].id, (wr_place){.from = WR_FROM_HORIZON}, 7, count, &c, &err);
        cr_assert_eq(s, info.shards[i].closed_us ? WR_EOF : WR_AGAIN, "%d: %s", s, err.msg);
    }
    wr_arena_free(&ar);
    return c.total;
}

void lt_all_once(wr_streams *db, const char *stream, uint32_t n) {
    uint8_t *counts = wr_calloc(n, 1);
    cr_assert_eq(lt_count(db, stream, counts, n), n);
    for (uint32_t i = 0; i < n; i++) cr_assert_eq(counts[i], 1, "record %u", i);
    wr_free(counts);
}

/* Changes of shards, and of what is kept, that follow from i; failures are nobody's concern here. */
void lt_change(wr_stream *st, uint32_t i, uint32_t n) {
    wr_status s = WR_OK;
    const wri_meta_shard *a = st->n_route ? &st->meta.shards[st->route[i % st->n_route]] : NULL;
    if (!a) return;
    if (i % 4 == 0) s = wr_stream_split(st, a->id, a->lo + (a->hi - a->lo) / 3 + 1, NULL);
    else if (i % 4 == 1 && st->n_route > 1) {
        size_t k = i % (st->n_route - 1);
        s = wr_stream_merge(st, st->meta.shards[st->route[k + 1]].id, st->meta.shards[st->route[k]].id, NULL);
    } else if (i % 4 == 2 && n > 8) s = wr_stream_reshard(st, 1 + i % 3, NULL);
    else if (i % 4 == 3) s = wr_stream_tend(st, NULL);
    (void)s;
}

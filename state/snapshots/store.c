/* state/snapshots/store.c -- the folder: its lock, what is in it, what may go. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_int.h"

char *wri_snap_path(const wr_snapshots *s, uint64_t number, const char *ext) {
    wr_buf b = {0};
    if (wr_buf_printf(&b, "%s/%08" PRIu64 ".%s", s->dir, number, ext) == WR_OK) return b.data;
    wr_buf_free(&b);
    return NULL;
}

static wr_status cannot(const char *what, const char *path, wr_err *err) {
    return wr_fail(err, WR_EIO,
                   "cannot %s '%s': %s; check the folder of --state, its permissions and the disk", what,
                   path, strerror(errno));
}

wr_status wri_snap_sync_dir(const wr_snapshots *s, wr_err *err) {
    int fd = s->sys->open(s->dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return cannot("open", s->dir, err);
    int r = s->sys->fsync(fd);
    int why = errno;
    s->sys->close(fd);
    errno = why;
    return r == 0 ? WR_OK : cannot("make durable", s->dir, err);
}

wr_status wri_snap_read_file(const wr_snapshots *s, const char *path, wr_buf *out, wr_err *err) {
    int fd = s->sys->open(path, O_RDONLY, 0);
    struct stat st;
    size_t got = 0;
    if (fd < 0) return cannot("open", path, err);
    wr_status r = s->sys->fstat(fd, &st) == 0 ? WR_OK : cannot("read", path, err);
    if (r == WR_OK && wr_buf_reserve(out, (size_t)st.st_size + 1) != WR_OK)
        r = wr_fail_oom(err, "a snapshot");
    if (r == WR_OK) r = wr_pread_all(s->sys, fd, out->data, (size_t)st.st_size, 0, &got, path, err);
    s->sys->close(fd);
    out->len = got;
    return r;
}

/* ---- what is there ---- */

typedef struct listing {
    const char *ext;
    uint64_t *numbers;
    size_t n, cap;
    wr_status failed;
} listing;

static void note_name(void *ctx, const char *name) {
    listing *l = ctx;
    char *end;
    uint64_t number = strtoull(name, &end, 10);
    if (end == name || *end != '.' || strcmp(end + 1, l->ext) != 0 || l->failed != WR_OK) return;
    l->failed = wr_grow(&l->numbers, &l->cap, l->n + 1, sizeof *l->numbers);
    if (l->failed == WR_OK) l->numbers[l->n++] = number;
}

static int rising(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The numbers of the files with an ending, rising; owner of l->numbers: the caller, also after a failure. */
static wr_status list(const wr_snapshots *s, const char *ext, listing *l, wr_err *err) {
    *l = (listing){.ext = ext};
    if (s->sys->list(s->dir, note_name, l) != 0) return cannot("list", s->dir, err);
    if (l->failed != WR_OK) return wr_fail_oom(err, "a list of snapshots");
    if (l->n) qsort(l->numbers, l->n, sizeof *l->numbers, rising);
    return WR_OK;
}

/* ---- opening ---- */

static wr_status take_lock(wr_snapshots *s, wr_err *err) {
    wr_buf path = {0};
    char pid[32] = "";
    size_t got = 0;
    if (wr_buf_printf(&path, "%s/lock", s->dir) != WR_OK) return wr_fail_oom(err, "a snapshot");
    wr_status r = WR_OK;
    s->lock = s->sys->open(path.data, O_RDWR | O_CREAT, 0644);
    if (s->lock < 0) r = cannot("open", path.data, err);
    else if (s->sys->lock(s->lock) != 0) {
        r = wr_pread_all(s->sys, s->lock, pid, sizeof pid - 1, 0, &got, path.data, err);
        if (r == WR_OK)
            r = wr_fail(err, WR_EIO,
                        "the state in '%s' is in use by process %.*s; stop it, or give another --state",
                        s->dir, (int)strcspn(pid, "\n"), pid);
    } else {
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        r = s->sys->ftruncate(s->lock, 0) == 0
                ? wr_pwrite_all(s->sys, s->lock, pid, (size_t)n, 0, path.data, err)
                : cannot("write to", path.data, err);
    }
    wr_buf_free(&path);
    return r;
}

static wr_status unlink_one(const wr_snapshots *s, uint64_t number, const char *ext, wr_err *err) {
    char *path = wri_snap_path(s, number, ext);
    if (!path) return wr_fail_oom(err, "a snapshot");
    wr_status r = s->sys->unlink(path) == 0 || errno == ENOENT ? WR_OK : cannot("remove", path, err);
    wr_free(path);
    return r;
}

bool wri_snap_take_back(const wr_snapshots *s, uint64_t number, const char *ext) {
    return unlink_one(s, number, ext, NULL) == WR_OK;
}

/* Manifests that a crash left half made. */
static wr_status remove_half_made(const wr_snapshots *s, wr_err *err) {
    listing half;
    wr_status r = list(s, "making", &half, err);
    for (size_t i = 0; r == WR_OK && i < half.n; i++) r = unlink_one(s, half.numbers[i], "making", err);
    wr_free(half.numbers);
    return r;
}

wr_status wri_snap_list(wr_snapshots *s, wr_err *err) {
    listing manifests;
    wr_status r = list(s, "snapshot", &manifests, err);
    s->epochs = manifests.numbers;
    s->n_epochs = manifests.n;
    s->epochs_cap = manifests.cap;
    return r;
}

static wr_status look(wr_snapshots *s, wr_err *err) {
    listing segments = {0};
    wr_status r = wri_snap_list(s, err);
    if (r == WR_OK) r = remove_half_made(s, err);
    if (r == WR_OK) r = list(s, "seg", &segments, err);
    s->next_segment = segments.n ? segments.numbers[segments.n - 1] + 1 : 1;
    wr_free(segments.numbers);
    return r;
}

uint64_t wr_snapshots_next(const wr_snapshots *s) { return s->n_epochs ? s->epochs[s->n_epochs - 1] + 1 : 1; }

wr_status wr_snapshots_open(const wr_sys *sys, const char *dir, wr_snapshots **outp, wr_err *err) {
    *outp = NULL;
    wr_snapshots *s = wr_calloc(1, sizeof *s);
    if (!s) return wr_fail_oom(err, "a snapshot");
    s->sys = sys;
    s->lock = -1;
    s->dir = wr_strdup(dir);
    wr_status r = s->dir ? WR_OK : wr_fail_oom(err, "a snapshot");
    bool is = false;
    if (r == WR_OK) r = wri_snap_is_savepoint(s, &is, err);
    if (r == WR_OK && is)
        r = wr_fail(
            err, WR_EINVAL,
            "'%s' is a savepoint, which nothing is added to; start from it with --from, and give --state a "
            "folder of its own",
            dir);
    if (r == WR_OK && sys->mkdir(dir, 0755) != 0 && errno != EEXIST) r = cannot("make the folder", dir, err);
    if (r == WR_OK) r = take_lock(s, err);
    if (r == WR_OK) r = look(s, err);
    if (r == WR_OK) *outp = s;
    else wr_snapshots_close(s);
    return r;
}

void wr_snapshots_close(wr_snapshots *s) {
    if (!s) return;
    if (s->lock >= 0) s->sys->close(s->lock);
    if (s->has_last) wri_manifest_free(&s->last);
    wr_free(s->epochs);
    wr_free(s->dir);
    wr_free(s);
}

/* ---- what may go ---- */

static bool names(const wri_manifest *m, uint64_t segment) {
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < m->parts[i].n; k++)
            if (m->parts[i].pieces[k].segment == segment) return true;
    return false;
}

/* A manifest that cannot be read keeps every segment: its pieces may be what a person repairs it with. */
static wr_status remove_unnamed(wr_snapshots *s, const wri_manifest *kept, size_t n, wr_err *err) {
    listing segments;
    wr_status r = list(s, "seg", &segments, err);
    for (size_t i = 0; r == WR_OK && i < segments.n; i++) {
        bool wanted = false;
        for (size_t k = 0; k < n && !wanted; k++) wanted = names(&kept[k], segments.numbers[i]);
        if (!wanted) r = unlink_one(s, segments.numbers[i], "seg", err);
    }
    wr_free(segments.numbers);
    return r;
}

wr_status wri_snap_collect(wr_snapshots *s, wr_err *err) {
    wri_manifest kept[WR_SNAPSHOTS_KEPT] = {0};
    size_t gone = 0, n = 0;
    wr_status r = WR_OK;
    while (s->n_epochs - gone > WR_SNAPSHOTS_KEPT &&
           (r = unlink_one(s, s->epochs[gone], "snapshot", err)) == WR_OK)
        gone++;
    if (r == WR_OK && gone > 0) r = wri_snap_sync_dir(s, err); /* before the segments: README.md */
    s->n_epochs -= gone;
    memmove(s->epochs, s->epochs + gone, s->n_epochs * sizeof *s->epochs);
    for (; r == WR_OK && n < s->n_epochs; n++) r = wri_manifest_read(s, s->epochs[n], &kept[n], err);
    if (r == WR_OK) r = remove_unnamed(s, kept, n, err);
    for (size_t i = 0; i < n; i++) wri_manifest_free(&kept[i]);
    return r;
}

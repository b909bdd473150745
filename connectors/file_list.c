/* connectors/file_list.c -- which files a path names.
 *
 * A path that exists is taken as it is, whatever characters it has; else one with *, ? or [ is a pattern.
 * A directory stands for the files in it: hidden ones and directories below are left out. The order is
 * that of the bytes of the names, in every locale, so that a run can be repeated. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "file_int.h"

wr_status wri_file_cannot(const char *what, const char *path, int e, wr_err *err) {
    const char *hint = e == EACCES                 ? "; check its permissions and those of its folders"
                       : e == EMFILE               ? "; raise the limit with ulimit -n"
                       : e == ENOENT               ? "; check the path"
                       : e == ENOSPC               ? "; free space on the disk"
                       : e == ENXIO || e == ENODEV ? "; it is no file that can be read"
                                                   : "";
    return wr_fail(err, WR_EIO, "cannot %s '%s': %s%s", what, path, strerror(e), hint);
}

static wr_status add(wri_paths *list, wr_arena *ar, const char *path, wr_err *err) {
    if (list->n == list->cap) { /* the arena keeps the old array too; it is small */
        size_t cap = list->cap ? list->cap * 2 : 16;
        const char **items = wr_arena_alloc(ar, cap * sizeof *items);
        if (!items) return wr_fail_oom(err, "a list of files");
        if (list->n) memcpy(items, list->items, list->n * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    const char *copy = wr_arena_strdup(ar, path);
    if (!copy) return wr_fail_oom(err, "a list of files");
    list->items[list->n++] = copy;
    return WR_OK;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* ---- what was not found ---- */

typedef struct listing { /* names of a folder as they come */
    const wr_sys *sys;
    const char *dir, *join;
    wr_arena *ar;
    wri_paths *out;
    wr_status status;
    wr_err *err;
} listing;

static void take_name(void *ctx, const char *name) {
    listing *l = ctx;
    if (name[0] != '.' && l->status == WR_OK) l->status = add(l->out, l->ar, name, l->err);
}

/* A name in the folder of `path` that looks like the last part of it, or NULL. */
static const char *similar(const wr_sys *sys, const char *path, wr_arena *ar) {
    const char *slash = strrchr(path, '/');
    const char *dir = slash ? wr_arena_strndup(ar, path, (size_t)(slash - path) + 1) : "./";
    wri_paths names = {0};
    listing l = {.ar = ar, .out = &names};
    if (!dir || sys->list(dir, take_name, &l) != 0 || l.status != WR_OK || names.n == 0) return NULL;
    return wr_nearest(slash ? slash + 1 : path, names.items, names.n, sizeof *names.items);
}

static wr_status not_found(const wr_sys *sys, const char *path, wr_arena *ar, wr_err *err) {
    char where[256] = "", to[512];
    ssize_t n = readlink(path, to, sizeof to);
    if (n > 0)
        return wr_fail(err, WR_EIO, "'%s' is a link to '%.*s', where there is no file", path, (int)n, to);
    bool known = path[0] != '/' && getcwd(where, sizeof where) != NULL;
    const char *near = similar(sys, path, ar);
    return wr_fail(err, WR_EIO, "there is no file '%s'%s%s%s%s%s", path, known ? " in " : "",
                   known ? where : "", near ? "; did you mean '" : "; check the path", near ? near : "",
                   near ? "'?" : "");
}

/* ---- directories and patterns ---- */

static wr_status add_regular(const wr_sys *sys, wri_paths *list, wr_arena *ar, const char *path,
                             wr_err *err) {
    struct stat st;
    if (sys->stat(path, &st) != 0 || S_ISDIR(st.st_mode)) return WR_OK; /* gone meanwhile, or no file */
    return add(list, ar, path, err);
}

static void take_file(void *ctx, const char *name) {
    listing *l = ctx;
    if (name[0] == '.' || l->status != WR_OK) return;
    const char *path = wr_arena_printf(l->ar, "%s%s%s", l->dir, l->join, name);
    l->status =
        path ? add_regular(l->sys, l->out, l->ar, path, l->err) : wr_fail_oom(l->err, "a list of files");
}

static wr_status list_directory(const wr_sys *sys, const char *dir, wr_arena *ar, wri_paths *out,
                                wr_err *err) {
    size_t n = strlen(dir);
    const char *join = n > 0 && dir[n - 1] == '/' ? "" : "/";
    listing l = {sys, dir, join, ar, out, WR_OK, err};
    if (sys->list(dir, take_file, &l) != 0 && l.status == WR_OK)
        return wri_file_cannot("list the folder", dir, errno, err);
    WR_TRY(l.status);
    if (out->n == 0)
        return wr_fail(err, WR_EIO, "the folder '%s' has no files in it (hidden ones are left out)", dir);
    return WR_OK;
}

static wr_status list_pattern(const wr_sys *sys, const char *pattern, wr_arena *ar, wri_paths *out,
                              wr_err *err) {
    glob_t g = {0};
    int rc = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &g);
    wr_status s = rc == GLOB_NOSPACE   ? wr_fail_oom(err, "a list of files")
                  : rc == GLOB_ABORTED ? wr_fail(err, WR_EIO, "cannot list the files that match '%s': %s",
                                                 pattern, strerror(errno))
                                       : WR_OK;
    for (size_t i = 0; rc == 0 && s == WR_OK && i < g.gl_pathc; i++)
        s = add_regular(sys, out, ar, g.gl_pathv[i], err);
    globfree(&g);
    if (s != WR_OK || out->n > 0) return s;
    char where[256] = "";
    bool known = pattern[0] != '/' && getcwd(where, sizeof where) != NULL;
    return wr_fail(err, WR_EIO, "no file matches '%s'%s%s", pattern, known ? " in " : "", known ? where : "");
}

wr_status wri_file_list(const wr_sys *sys, const char *path, wr_arena *ar, wri_paths *outp, wr_err *err) {
    struct stat st;
    *outp = (wri_paths){0};
    wr_status s;
    if (sys->stat(path, &st) == 0)
        s = S_ISDIR(st.st_mode) ? list_directory(sys, path, ar, outp, err) : add(outp, ar, path, err);
    else if (strpbrk(path, "*?[")) s = list_pattern(sys, path, ar, outp, err);
    else if (errno == ENOENT) s = not_found(sys, path, ar, err);
    else s = wri_file_cannot("open", path, errno, err);
    if (s == WR_OK) qsort(outp->items, outp->n, sizeof *outp->items, by_bytes);
    return s;
}

/* ---- has it changed ---- */

static uint64_t mix(uint64_t h, uint64_t x) { return wr_hash_mix(h, wr_hash_u64(x)); }

wr_status wri_file_stamp(const wr_source_cfg *cfg, wr_stamp *outp, wr_err *err) {
    file_opts o;
    wr_arena ar = {0};
    wri_paths paths;
    uint64_t h = WR_HASH_SEED;
    *outp = (wr_stamp){0};
    WR_TRY(wri_file_options(cfg->options, cfg->n_options, &o, err));
    outp->interval_us = o.tail ? 0 : o.reload_us;
    if (outp->interval_us == 0) return WR_OK;
    wr_status s = wri_file_list(cfg->sys, o.path, &ar, &paths, err);
    for (size_t i = 0; s == WR_OK && i < paths.n; i++) {
        struct stat st;
        if (cfg->sys->stat(paths.items[i], &st) != 0) s = wri_file_cannot("read", paths.items[i], errno, err);
        else if (!S_ISREG(st.st_mode)) outp->interval_us = 0; /* a pipe is read once */
        else {
            int64_t us = st.st_mtim.tv_sec * WR_US_PER_SECOND + st.st_mtim.tv_nsec / 1000;
            h = wr_hash_mix(h, wr_hash_bytes(paths.items[i], strlen(paths.items[i])));
            h = mix(mix(h, st.st_dev), st.st_ino);
            h = mix(mix(mix(h, (uint64_t)st.st_size), (uint64_t)us), (uint64_t)st.st_mtim.tv_nsec);
            if (us > outp->newest_us) outp->newest_us = us;
        }
    }
    wr_arena_free(&ar);
    outp->hash = h > 1 ? h : 2;
    return s;
}

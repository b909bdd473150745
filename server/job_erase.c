/* server/job_erase.c -- a job that was to be deleted: its folder, then its row. */
#include <errno.h>

#include "server_int.h"

#define DEPTH_MAX 8 /* of folders; a job's are two deep */

typedef struct erasing {
    const wr_sys *sys;
    const char *dir;
    int depth;
    wr_status status;
    wr_err *err;
} erasing;

static wr_status erase(const wr_sys *sys, const char *path, int depth, wr_err *err);

static void each(void *ctx, const char *name) {
    erasing *e = ctx;
    char path[4096];
    if (e->status != WR_OK) return;
    if (snprintf(path, sizeof path, "%s/%s", e->dir, name) >= (int)sizeof path)
        e->status = wr_fail(e->err, WR_EIO, "the path of a file in '%s' is too long", e->dir);
    else e->status = erase(e->sys, path, e->depth + 1, e->err);
}

/* A link is removed itself, never what it points to. */
static wr_status erase(const wr_sys *sys, const char *path, int depth, wr_err *err) {
    if (sys->unlink(path) == 0 || errno == ENOENT) return WR_OK;
    if ((errno != EISDIR && errno != EPERM) || depth > DEPTH_MAX)
        return wr_fail(err, WR_EIO, "cannot remove '%s': %s", path, strerror(errno));
    erasing e = {.sys = sys, .dir = path, .depth = depth, .err = err};
    if (sys->list(path, each, &e) != 0 && errno != ENOENT)
        return wr_fail(err, WR_EIO, "cannot list '%s': %s", path, strerror(errno));
    if (e.status != WR_OK) return e.status;
    if (sys->rmdir(path) == 0 || errno == ENOENT) return WR_OK;
    return wr_fail(err, WR_EIO, "cannot remove '%s': %s", path, strerror(errno));
}

wr_status wri_job_erase(wri_server *srv, const char *id, wr_err *err) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/jobs/%s", srv->o.data, id) >= (int)sizeof path)
        return wr_fail(err, WR_EINVAL, "the path of the data directory is too long");
    WR_TRY(erase(srv->sys, path, 0, err));
    return wri_catalog_remove(srv->catalog, id, err);
}

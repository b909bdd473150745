/* core/library.c -- see library.h. */
#include <dlfcn.h>
#include <string.h>

#include "core.h"

wr_status wr_library_load(const wr_library *lib, void *into, wr_err *err) {
    void *so = NULL;
    /* It stays loaded: what it brings along does not like to be unloaded. */
    for (const char *const *f = lib->files; *f && !so; f++)
        so = dlopen(*f, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!so)
        return wr_fail(err, WR_EIO, "%s needs %s, which is not installed (Debian package %s): %s", lib->user,
                       lib->files[0], lib->package, dlerror());
    char *at = into;
    for (const char *const *name = lib->functions; *name; name++, at += sizeof(void *)) {
        void *f = dlsym(so, *name);
        if (!f) {
            dlclose(so);
            return wr_fail(err, WR_EIO, "%s has no function %s; install Debian's %s", lib->files[0], *name,
                           lib->package);
        }
        memcpy(at, &f, sizeof f);
    }
    dlclose(so);
    return WR_OK;
}

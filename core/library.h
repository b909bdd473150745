/* core/library.h -- shared libraries that are loaded when they are first needed: weir starts without them.
 * Threads: any. Source: dlopen(3). */
#ifndef WR_CORE_LIBRARY_H
#define WR_CORE_LIBRARY_H

#include "status.h"

typedef struct wr_library {
    const char *user;             /* who needs it, at the beginning of a message: "asking a server" */
    const char *package;          /* Debian's, to install */
    const char *const *files;     /* one after the other until one is there; NULL ends both lists */
    const char *const *functions; /* names, as many as *into has pointers */
} wr_library;

/* Makes *into, a struct of pointers to functions and nothing else, point to them, in their order. It stays
 * loaded for ever. WR_EIO: it is not there, or has one of them not; err names the package. */
wr_status wr_library_load(const wr_library *lib, void *into, wr_err *err) WR_MUST_USE;

#endif

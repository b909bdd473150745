/* server/files.h -- files and folders of the server. Part of server_int.h. All of it blocks: not on the loop.
 */
#ifndef WR_SERVER_FILES_H
#define WR_SERVER_FILES_H

#include "core/core.h"

/* A small text file, with a NUL behind it that does not count; `what` is its name in messages ("the key").
 * WR_EINVAL: it cannot be read, or is none. */
wr_status wri_read_file(const char *path, const char *what, wr_buf *out, wr_err *err) WR_MUST_USE;
/* The names in a folder are durable when this returns. */
wr_status wri_sync_folder(const wr_sys *sys, const char *path, wr_err *err) WR_MUST_USE;
/* A folder and its name in the one above are durable when this returns. */
wr_status wri_make_dir(const wr_sys *sys, const char *path, const char *above, bool *therep,
                       wr_err *err) WR_MUST_USE;
/* Removes a file, or a folder and what is in it; a link itself, never what it points to. What is not there is
 * removed. */
wr_status wri_erase(const wr_sys *sys, const char *path, wr_err *err) WR_MUST_USE;

#endif

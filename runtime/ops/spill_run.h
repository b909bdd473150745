/* runtime/ops/spill_run.h -- bytes in a file without a name. Private to runtime/.
 *
 * A run is appended to until it is ended, and read by anybody from then on, in any thread; it is made of
 * chunks of the file, which go back to the file's list when the last reference to the run goes. */
#ifndef WR_RUNTIME_SPILL_RUN_H
#define WR_RUNTIME_SPILL_RUN_H

#include "../job_int.h"

typedef struct wri_file wri_file;
typedef struct wri_run {
    wr_ref ref;
    wri_file *file; /* held */
    uint32_t *chunks;
    size_t n_chunks, cap;
    uint64_t bytes;
    uint32_t crc; /* of all of them */
    wr_buf last;  /* what does not fill a chunk yet */
} wri_run;

/* Makes the file, in folder dir. Owner: the caller, by _close; runs keep it for as long as they live. */
wr_status wri_file_open(wr_job *j, const char *dir, wri_file **outp, wr_err *err) WR_MUST_USE;
/* The same where a job's temporary files are to be: the --state folder, TMPDIR, /tmp. */
wr_status wri_file_make(wr_job *j, wri_file **outp, wr_err *err) WR_MUST_USE;
void wri_file_close(wri_file *f); /* NULL is allowed */

wr_status wri_run_begin(wri_file *f, wri_run **outp, wr_err *err) WR_MUST_USE;
wr_status wri_run_add(wri_run *r, const char *p, size_t n, wr_err *err) WR_MUST_USE;
wr_status wri_run_end(wri_run *r, wr_err *err) WR_MUST_USE;
wr_status wri_run_read(wri_run *r, uint64_t at, char *p, size_t n, wr_err *err) WR_MUST_USE;
void wri_run_drop(wri_run *r); /* NULL is allowed */

#endif

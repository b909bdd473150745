/* runtime/savepoint.c -- savepoints of a running job: asked for by any thread, made behind the next snapshot.
 *
 *   wr_job_savepoint (any thread)    notes the folder
 *   tick (control thread)            sends a barrier at once, of an epoch that takes the savepoint up
 *   its thread                       writes that snapshot, then copies all it names to the folder
 *   control thread                   tells who asked; with `stop` the job ends
 *
 * So a savepoint is a snapshot like others, and asks nothing more of workers. It is made of one that is
 * written already, which is why it does not matter how little a snapshot writes itself. The next epoch waits
 * until it is there. A savepoint that cannot be made is no failure of the job. */
#include "job_int.h"

wr_status wr_job_savepoint(wr_job *j, const char *dir, bool stop, wr_savepoint_done *done, void *ctx,
                           wr_err *err) {
    if (!j->epochs.store)
        return wr_fail(err, WR_EINVAL,
                       "a savepoint needs a job that keeps snapshots: run it with --state DIR");
    char *own = wr_strdup(dir);
    if (!own) return wr_fail_oom(err, "a savepoint");
    pthread_mutex_lock(&j->lock);
    wri_savepoint *s = &j->savepoint;
    bool busy = s->dir != NULL, ended = j->ended;
    if (!busy && !ended) *s = (wri_savepoint){.dir = own, .done = done, .ctx = ctx};
    else wr_free(own);
    pthread_mutex_unlock(&j->lock);
    if (ended) return wr_fail(err, WR_EINVAL, "the job has ended: no savepoint can be made of it");
    if (busy) return wr_fail(err, WR_EINVAL, "a savepoint is being made already; try again when it is there");
    if (stop) wr_job_cancel(j);
    return WR_OK;
}

bool wri_savepoint_asked(wr_job *j) {
    pthread_mutex_lock(&j->lock);
    bool asked = j->savepoint.dir && !j->savepoint.taken_up;
    pthread_mutex_unlock(&j->lock);
    return asked;
}

void wri_savepoint_take_up(wr_job *j) {
    pthread_mutex_lock(&j->lock);
    j->savepoint.taken_up = j->savepoint.dir != NULL;
    pthread_mutex_unlock(&j->lock);
}

void wri_savepoint_make(wr_job *j, bool delivered) {
    wri_savepoint *s = &j->savepoint;
    if (!s->taken_up) return;
    /* Rows of sinks that commit have been handed over by now, and are not to be again. */
    if (!delivered)
        s->status =
            wr_fail(&s->err, WR_ECANCELED,
                    "rows of the last snapshot have not reached their database yet, which a savepoint "
                    "would not know; ask for it again once they have");
    else s->status = wr_savepoint_write(j->epochs.store, s->dir, "rows/", &s->bytes, &s->err);
}

/* Under no lock when `done` is called: it may ask for the next one. */
static void tell(wr_job *j, wr_status status, const wr_err *err) {
    pthread_mutex_lock(&j->lock);
    wri_savepoint s = j->savepoint;
    j->savepoint = (wri_savepoint){0};
    pthread_mutex_unlock(&j->lock);
    if (s.done) s.done(s.ctx, status, s.bytes, err);
    wr_free(s.dir);
}

void wri_savepoint_told(wr_job *j, wr_status snapshot, const wr_err *err) {
    if (!j->savepoint.taken_up) return;
    wr_err own = j->savepoint.err;
    if (snapshot != WR_OK) tell(j, snapshot, err);
    else tell(j, j->savepoint.status, &own);
}

void wri_savepoint_end(wr_job *j) {
    wr_err err = {0};
    pthread_mutex_lock(&j->lock);
    j->ended = true;
    bool waits = j->savepoint.dir != NULL;
    pthread_mutex_unlock(&j->lock);
    if (!waits) return;
    wr_status s = wr_fail(&err, WR_ECANCELED, "the job ended before the savepoint was there");
    tell(j, s, &err);
}

/* ---- of a job that does not run ---- */

static wr_status copy_last(wr_snapshots *store, const char *state_dir, const char *dir, uint64_t *bytesp,
                           wr_err *err) {
    wr_snapshot *s = NULL;
    wr_buf said = {0};
    wr_status r = wr_snapshots_read(store, &s, &said, err);
    if (r == WR_OK && !s)
        r = wr_fail(err, WR_EINVAL, "'%s' has no snapshot to make a savepoint of", state_dir);
    if (r == WR_OK && said.len)
        r = wr_fail(err, WR_EDATA,
                    "the last snapshot in '%s' is damaged, and a savepoint is made of no other: %.*s",
                    state_dir, (int)strcspn(said.data, "\n"), said.data);
    if (r == WR_OK && s->head.finished)
        r = wr_fail(err, WR_EINVAL,
                    "the job whose state is in '%s' has finished: it keeps nothing to go on from", state_dir);
    wr_snapshot_free(s);
    wr_buf_free(&said);
    return r == WR_OK ? wr_savepoint_write(store, dir, NULL, bytesp, err) : r;
}

wr_status wr_state_savepoint(const wr_sys *sys, const char *state_dir, const char *dir, uint64_t *bytesp,
                             wr_err *err) {
    wr_snapshots *store;
    struct stat st;
    *bytesp = 0;
    if (sys->stat(state_dir, &st) != 0)
        return wr_fail(err, WR_EINVAL, "there is no folder '%s'", state_dir); /* opening would make it */
    WR_TRY(wr_snapshots_open(sys, state_dir, &store, err));
    wr_status r = copy_last(store, state_dir, dir, bytesp, err);
    wr_snapshots_close(store);
    return r;
}

/* runtime/trouble.c -- what holds a job up and passes by itself: a snapshot that could not be written, a disk
 * without room for its output.
 *
 * It is told, not logged: the job keeps one text a kind, and whoever shows the job asks for it now and then
 * (wr_job_trouble) and sees by `news` whether there is something to say. Threads: any; under the job's lock.
 */
#include <stdio.h>
#include <time.h>

#include "job_int.h"

#define FIRST_US 10000            /* of waiting for room */
#define MOST_US  WR_US_PER_SECOND /* doubling up to that */
#define STEP_US  20000            /* within this, who waits sees that the job is to stop */

void wri_trouble_begins(wr_job *j, wr_trouble_kind kind, bool again, const char *why) {
    wri_trouble_held *h = &j->troubles[kind];
    wr_trouble *t = &h->told;
    pthread_mutex_lock(&j->lock);
    t->times++;
    t->news += !t->now || strcmp(t->why, why) != 0;
    t->now = true;
    h->holders += !again;
    snprintf(t->why, sizeof t->why, "%s", why);
    pthread_mutex_unlock(&j->lock);
}

void wri_trouble_ends(wr_job *j, wr_trouble_kind kind) {
    wri_trouble_held *h = &j->troubles[kind];
    pthread_mutex_lock(&j->lock);
    if (--h->holders == 0) {
        h->told.now = false;
        h->told.news++;
    }
    pthread_mutex_unlock(&j->lock);
}

void wr_job_trouble(const wr_job *job, wr_trouble_kind kind, wr_trouble *outp) {
    pthread_mutex_lock((pthread_mutex_t *)&job->lock);
    *outp = job->troubles[kind].told;
    pthread_mutex_unlock((pthread_mutex_t *)&job->lock);
}

/* ---- sinks without room ---- */

bool wri_wait_us(const wr_job *j, int64_t us) {
    int64_t until = j->sys->mono_us() + us, left;
    while (!wri_ends_soon(j) && (left = until - j->sys->mono_us()) > 0)
        j->sys->poll(NULL, 0, left < WRI_LOOK_MS * 1000 ? (int)(left / 1000) + 1 : WRI_LOOK_MS);
    return !wri_ends_soon(j);
}

/* Without the sink's lock. WR_ECANCELED: the job is to end, and nobody knows when there will be room. */
static wr_status doze(wr_job *j, wri_sink *s, int64_t us, wr_err *err) {
    wr_status r = WR_OK;
    pthread_mutex_unlock(s->lock);
    for (; us > 0 && r == WR_OK; us -= STEP_US) {
        struct timespec t = {.tv_nsec = (us < STEP_US ? us : STEP_US) * 1000};
        if (wri_ends_soon(j)) r = wr_fail(err, WR_ECANCELED, "interrupted while there was no room");
        else nanosleep(&t, NULL);
    }
    pthread_mutex_lock(s->lock);
    return r;
}

wr_status wri_sink_wait(wr_job *j, wri_sink *s, wr_err *err) {
    while (s->full) WR_TRY(doze(j, s, STEP_US, err));
    return WR_OK;
}

wr_status wri_sink_again(wr_job *j, wri_sink *s, int64_t *waitp, const wr_err *why, wr_err *err) {
    if (*waitp == 0) {
        char text[sizeof why->msg];
        snprintf(text, sizeof text, "stream %s: %.400s",
                 s->node->sink.stream ? s->node->sink.stream->name : "standard output", why->msg);
        wri_trouble_begins(j, WR_TROUBLE_OUTPUT, false, text);
        s->full = true;
    }
    *waitp = *waitp == 0 ? FIRST_US : 2 * *waitp < MOST_US ? 2 * *waitp : MOST_US;
    wr_status r = doze(j, s, *waitp, err);
    if (r != WR_OK) wri_sink_has_room(j, s, waitp);
    return r;
}

void wri_sink_has_room(wr_job *j, wri_sink *s, int64_t *waitp) {
    if (*waitp == 0) return;
    *waitp = 0;
    s->full = false;
    wri_trouble_ends(j, WR_TROUBLE_OUTPUT);
}

/* runtime/source_idle.c -- event time of a source whose splits are quiet.
 *
 * A live split that is quiet for idle_timeout is idle: it holds nothing back. When all are, event time goes
 * on with the wall clock (idle_policy = 'advance'), so that the last windows of a stream that went quiet
 * close:
 *
 *   watermark = what it was + (now - found quiet - idle_timeout)
 *
 * Arrival time is the wall clock, so it goes on as soon as a split is quiet. A split that is being decoded is
 * not quiet, and bounded input never is. */
#include "job_int.h"

#define CLOCK_STEP_US 100000 /* the wall clock moves watermarks in steps of this, not at every look */

int64_t wri_source_arrive(wr_job *j, wri_source *s) {
    int64_t now = wr_floor_to(j->sys->wall_us(), 1000);
    if (now > s->arrival_us) s->arrival_us = now;
    return s->arrival_us;
}

void wri_split_had_nothing(wr_job *j, wri_source *s, wri_split *p) {
    const wr_plan_stream *st = s->node->source.stream;
    int64_t now = j->sys->mono_us();
    if (p->quiet_since_us == 0 || p->resolved < p->dealt) p->quiet_since_us = now;
    int64_t over = now - p->quiet_since_us - st->idle_timeout_us;
    if (st->idle_timeout_us > 0 && over >= 0 && !p->idle) {
        p->idle = true;
        p->idle_wm = p->clock_wm > p->wm ? p->clock_wm : p->wm;
    }
    if (!st->idle_advance || p->resolved < p->dealt) return;
    int64_t wm = WR_WM_NONE;
    if (st->arrival_time)
        wm = wr_floor_to(wri_source_arrive(j, s), CLOCK_STEP_US) - 1000; /* as rows that come now have it */
    else if (p->idle && p->idle_wm != WR_WM_NONE) wm = p->idle_wm + wr_floor_to(over, CLOCK_STEP_US);
    if (wm > p->clock_wm) p->clock_wm = wm;
}

void wri_split_gave(wri_split *p) {
    p->quiet_since_us = 0;
    p->idle = false;
}

int64_t wri_source_announce(wri_source *s) {
    int64_t least = WR_WM_END, most = WR_WM_NONE, clock = WR_WM_NONE;
    bool follows = s->node->source.stream->arrival_time; /* the wall clock, without being idle */
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->n_splits; i++) {
        const wri_split *p = s->splits[i];
        if (p->ended) continue;
        int64_t wm = follows && p->quiet_since_us && p->clock_wm > p->wm ? p->clock_wm : p->wm;
        if (p->wm > most) most = p->wm;
        if (p->clock_wm > clock) clock = p->clock_wm;
        if (!p->idle && wm < least) least = wm;
    }
    if (least == WR_WM_END) least = clock > most ? clock : most;
    if (least > s->announced) {
        int64_t from = s->announced > most ? s->announced : most;
        if (least > from && from != WR_WM_NONE && !follows) s->by_clock_us += least - from;
        __atomic_store_n(&s->announced, least, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&s->lock);
    return least;
}

/* runtime/why.c -- why nothing more has come out yet: what waits in each operator, and who holds it up.
 *
 *   workers, each between two events    tell what waits in their operators (meter.c asks them)
 *   here, per operator that waits       its parts on all workers put together; those of the first phase of an
 *                                       aggregation go to the second
 *   from it against the stream          always to the input that is furthest behind, adding what operators on
 *                                       the way hold back, to a source: the watermark that it has to reach
 *   in the source                       the live split with the least watermark
 *
 * why_text.c puts it into words. */
#include "why_int.h"

#define PATIENCE_US 250000 /* for workers to answer */

/* ---- what waits ---- */

/* The operator that shows what waits in n: the first phase's windows are the second one's. */
static const wr_node *shown_at(const wr_plan *p, const wr_node *n) {
    if (n->kind != WR_N_AGG_LOCAL) return n;
    for (uint32_t id = n->id + 1; id < p->n_nodes; id++) {
        const wr_node *k = p->nodes[id];
        if (k->n_in == 0) continue;
        const wr_node *in = k->in[0]->kind == WR_N_EXCHANGE ? k->in[0]->in[0] : k->in[0];
        if (in == n && (k->kind == WR_N_AGG_GLOBAL || k->kind == WR_N_AGG_CHANGES)) return k;
    }
    return n;
}

static wr_status gather(wri_why *w) {
    wr_job *j = w->j;
    const wr_plan *p = j->plan;
    wr_waits *all = wr_arena_calloc(&w->m.ar, p->n_nodes * sizeof *all);
    w->found = wr_arena_calloc(&w->m.ar, p->n_nodes * sizeof *w->found);
    w->on_disk = wr_arena_calloc(&w->m.ar, p->n_nodes * sizeof *w->on_disk);
    if (!all || !w->found || !w->on_disk) return WR_ENOMEM;
    for (uint32_t i = 0; i < j->n_workers; i++) {
        wr_task *t = &j->workers[i];
        w->silent += !wri_has_answered(t, w->asked);
        pthread_mutex_lock(&t->meter.lock);
        for (uint32_t id = 0; t->meter.alive && t->meter.told && id < p->n_nodes; id++) {
            wri_waits_merge(&all[shown_at(p, p->nodes[id])->id], &t->meter.told[id]);
            w->on_disk[id].is |= t->meter.told[id].on_disk;
            w->on_disk[id].rows += t->meter.told[id].on_the_way;
        }
        pthread_mutex_unlock(&t->meter.lock);
    }
    for (uint32_t id = 0; id < p->n_nodes; id++)
        if (all[id].what && all[id].n > 0)
            w->found[w->n++] =
                (wri_finding){.node = p->nodes[id], .waits = all[id], .wm = wri_node_watermark(j, id)};
    return WR_OK;
}

/* ---- who is to blame ---- */

static int64_t holds(const wri_why *w, const wr_node *n) {
    wr_task *t = &w->j->workers[0];
    pthread_mutex_lock(&t->meter.lock);
    int64_t us = t->meter.told ? t->meter.told[n->id].holds_us : 0;
    pthread_mutex_unlock(&t->meter.lock);
    return us;
}

/* What n passes on. */
static int64_t passed_on(const wri_why *w, const wr_node *n) {
    int64_t wm = wri_node_watermark(w->j, n->id), held = holds(w, n);
    return wm == WR_WM_END || wm == WR_WM_NONE || held <= 0 ? wm : wm - held;
}

/* The input that is furthest behind, and has not ended; NULL: there is none. *endsp: it must end. */
static const wr_node *slowest(const wri_why *w, const wr_node *n, bool *endsp) {
    const wr_op *op = &w->j->workers[0].ops[n->id];
    const wr_node *slow = NULL;
    int64_t least = WR_WM_END;
    for (uint32_t i = 0; i < n->n_in; i++) {
        int64_t wm = passed_on(w, n->in[i]);
        bool first = i < 32 && op->waits_for >> i & 1 && wm != WR_WM_END;
        if (first) *endsp = true;
        if (first) return n->in[i];
        if (wm < least) slow = n->in[i];
        if (wm < least) least = wm;
    }
    return slow;
}

/* Event time of a record that brings the watermark; WR_NEVER: the expression is not that simple. */
static int64_t record_for(const wr_node *source, int64_t need) {
    uint32_t col;
    int64_t delay = 0;
    if (source->source.stream->arrival_time || !source->source.wm) return WR_NEVER;
    if (!wr_simple_watermark(source->source.wm, &col, &delay)) return WR_NEVER;
    return need == WR_WM_END || need > WR_TS_MAX ? WR_NEVER : need + delay;
}

static int64_t or_none(int64_t never) { return never == WR_NEVER ? WR_WM_NONE : never; }

/* All its splits are idle: what is it that moves event time on? */
static void all_idle(const wr_plan_stream *st, int64_t most, wri_blame *out) {
    int64_t at = most > out->watermark ? most : out->watermark;
    out->by =
        st->idle_advance && at != WR_WM_NONE && out->need_us != WR_WM_END ? WRI_HELD_CLOCK : WRI_HELD_IDLE;
    if (out->by == WRI_HELD_CLOCK) out->in_us = out->need_us > at ? out->need_us - at : 0;
}

static void blame_source(const wri_why *w, const wr_node *n, wri_blame *out) {
    const wr_plan_stream *st = n->source.stream;
    const wr_split_metrics *idle = NULL;
    uint32_t live = 0;
    int64_t most = WR_WM_NONE;
    out->source = n;
    out->watermark = wri_node_watermark(w->j, n->id);
    out->record_us = record_for(n, out->need_us);
    for (uint32_t i = 0; i < w->m.n_splits; i++) {
        const wr_split_metrics *s = &w->m.splits[i];
        if (s->node != n->id || s->ended) continue;
        int64_t wm = or_none(s->watermark_us);
        live++;
        if (wm + s->advanced_us > most) most = wm == WR_WM_NONE ? wm : wm + s->advanced_us;
        if (s->idle && (!idle || wm > or_none(idle->watermark_us))) idle = s;
        if (s->idle || wm >= out->need_us) continue;
        if (out->split) out->n_others++;
        if (!out->split || wm < or_none(out->split->watermark_us)) out->split = s;
    }
    bool pipe = out->split && out->split->quiet_us != WR_NEVER; /* whose writer says nothing, or no file is */
    out->by = n->bounded && !pipe ? WRI_HELD_READING : out->split ? WRI_HELD_SPLIT : WRI_HELD_NOBODY;
    if (live == 0) out->by = out->watermark == WR_WM_END ? WRI_HELD_NOBODY : WRI_HELD_NO_SPLIT;
    else if (!n->bounded && !out->split && idle) {
        out->split = idle;
        all_idle(st, most, out);
    }
    if (out->by == WRI_HELD_SPLIT && st->idle_timeout_us > 0 && out->split->quiet_us != WR_NEVER)
        out->in_us =
            st->idle_timeout_us > out->split->quiet_us ? st->idle_timeout_us - out->split->quiet_us : 0;
    if (st->arrival_time && out->by == WRI_HELD_SPLIT) { /* the wall clock is its event time */
        out->by = WRI_HELD_CLOCK;
        out->in_us = out->need_us > w->m.wall_us ? out->need_us - w->m.wall_us : 0;
    }
}

void wri_why_blame(const wri_why *w, const wr_node *n, int64_t need, wri_blame *out) {
    *out = (wri_blame){.by = WRI_HELD_NOBODY, .need_us = need, .record_us = WR_NEVER, .in_us = WR_NEVER};
    for (bool ends = false; n && n->kind != WR_N_SOURCE;) {
        n = slowest(w, n, &ends);
        if (!n) return;
        int64_t held = holds(w, n);
        if (ends) out->need_us = WR_WM_END;
        else if (out->need_us != WR_WM_END && held > 0) out->need_us += held;
    }
    if (n) blame_source(w, n, out);
}

/* ---- all of it ---- */

wr_status wri_why_find(wr_job *j, wri_why *w, wr_err *err) {
    *w = (wri_why){.j = j};
    if (!j->finished && __atomic_load_n(&j->running, __ATOMIC_ACQUIRE) > 0)
        w->asked = wri_ask_waits(j, PATIENCE_US);
    WR_TRY(wr_job_metrics_read(j, &w->m, err));
    if (j->finished) return WR_OK;
    if (gather(w) != WR_OK) return wr_fail_oom(err, "an answer");
    for (uint32_t i = 0; i < w->n; i++) {
        wri_finding *f = &w->found[i];
        int64_t due = f->waits.n_first ? f->waits.first[0].due_us : WR_WM_END;
        wri_why_blame(w, f->node, due, &f->blame);
    }
    return WR_OK;
}

void wri_why_free(wri_why *w) { wr_job_metrics_free(&w->m); }

/* runtime/why_text.c -- the answer of wr_job_why in sentences, in one line, as JSON. */
#include <inttypes.h>

#include "why_int.h"

#define SHOWN    3       /* windows of an operator */
#define STUCK_US 1000000 /* a write that takes so long is worth a sentence */

/* ---- numbers, times, names ---- */

typedef char text[64];

static const char *count(uint64_t v, text out) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v), k = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return out;
}

static const char *duration(int64_t us, text out) {
    int64_t s = us / 1000000;
    if (us < 1000000) snprintf(out, sizeof(text), "%" PRId64 " ms", us / 1000);
    else if (s < 120) snprintf(out, sizeof(text), "%" PRId64 " s", s);
    else if (s < 7200) snprintf(out, sizeof(text), "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else snprintf(out, sizeof(text), "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    return out;
}

/* 2026-01-01 00:00:05, with a fraction where there is one. */
static const char *moment(int64_t us, text out) {
    uint32_t prec = us % 1000000 == 0 ? 0 : us % 1000 == 0 ? 3 : 6;
    char t[WR_TEXT_MAX];
    if (us == WR_WM_NONE) return "nothing yet";
    snprintf(out, sizeof(text), "%.*s", (int)wr_write_timestamp(us, prec, false, t), t);
    return out;
}

/* Until then: what has begun counts as whole. */
static const char *remaining(int64_t us, text out) {
    return duration(us > 1000000 ? (us + 999999) / 1000000 * 1000000 : us, out);
}

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

/* "minutes, #4 AGG_GLOBAL" */
static wr_status put_name(const wri_why *w, const wr_node *n, wr_buf *out) {
    const wr_plan_stmt *st = wri_stmt_at(w->j->plan, n->loc);
    if (st && st->name) WR_TRY(wr_buf_printf(out, "%s, ", st->name));
    return wr_buf_printf(out, "#%u %s", n->id, wr_node_kind_name(n->kind));
}

static const char *sink_name(const wr_sink_metrics *s) { return s->stream ? s->stream : "standard output"; }

/* ---- how it stands ---- */

static wr_status put_head(const wri_why *w, wr_buf *out) {
    const wr_job_metrics *m = &w->m;
    text a, b;
    int64_t last = WR_NEVER;
    for (uint32_t i = 0; i < m->n_sinks; i++)
        if (m->sinks[i].last_us > last) last = m->sinks[i].last_us;
    if (!m->running)
        WR_TRY(wr_buf_puts(out, m->uptime_us || w->j->finished ? "The job has ended. "
                                                               : "The job is not running. "));
    if (m->rows_in == 0 && m->rows_out == 0) return wr_buf_puts(out, "No row has been read yet.\n");
    const char *read = m->rows_in == 1 ? "row has been read" : "rows have been read";
    if (m->rows_out == 0)
        return wr_buf_printf(out, "No row has come out yet; %s %s.\n", count(m->rows_in, a), read);
    WR_TRY(
        wr_buf_printf(out, "%s row%s come out", count(m->rows_out, a), m->rows_out == 1 ? " has" : "s have"));
    if (last != WR_NEVER && m->wall_us >= last)
        WR_TRY(wr_buf_printf(out, ", the last %s ago", duration(m->wall_us - last, b)));
    return wr_buf_printf(out, "; %s %s.\n", count(m->rows_in, a), read);
}

/* The write that has been under way for longest; NULL: none that matters. */
static const wr_sink_metrics *stuck(const wri_why *w) {
    const wr_sink_metrics *worst = NULL;
    for (uint32_t i = 0; i < w->m.n_sinks; i++) {
        const wr_sink_metrics *s = &w->m.sinks[i];
        if (s->writing_us < STUCK_US) continue; /* as WR_NEVER is */
        if (!worst || s->writing_us > worst->writing_us) worst = s;
    }
    return worst;
}

static wr_status put_rest(const wri_why *w, wr_buf *out) {
    uint64_t share = wri_commit_share(w->j), bytes = 0;
    for (uint32_t i = 0; i < w->m.n_sinks; i++)
        if (w->m.sinks[i].pending_bytes > 0) bytes += (uint64_t)w->m.sinks[i].pending_bytes;
    return wr_buf_printf(out,
                         "Sources rest: %" PRIu64
                         " KiB of rows wait for a snapshot that brings them out, %" PRIu64
                         " KiB are the most. They go on once one has been written.\n",
                         bytes >> 10, 2 * share >> 10);
}

/* For want of memory: paged.h. */
static wr_status put_disk(const wri_why *w, wr_buf *out) {
    text a;
    for (uint32_t id = 0; w->on_disk && id < w->j->plan->n_nodes; id++) {
        if (!w->on_disk[id].is) continue;
        WR_TRY(put_name(w, w->j->plan->nodes[id], out));
        WR_TRY(wr_buf_printf(out,
                             ": its state is on disk, as memory is short; %s row%s wait%s for the next round "
                             "there. A larger memory = '...' would spare that.\n",
                             count(w->on_disk[id].rows, a), plural(w->on_disk[id].rows),
                             w->on_disk[id].rows == 1 ? "s" : ""));
    }
    return WR_OK;
}

static wr_status put_pressure(const wri_why *w, wr_buf *out) {
    const wr_sink_metrics *s = stuck(w);
    text a;
    if (w->m.resting) WR_TRY(put_rest(w, out));
    WR_TRY(put_disk(w, out));
    for (int k = 0; k < WR_TROUBLE_KINDS; k++) {
        wr_trouble t;
        wr_job_trouble(w->j, (wr_trouble_kind)k, &t);
        if (t.now) WR_TRY(wr_buf_printf(out, "%s.\n", t.why));
    }
    if (s)
        WR_TRY(wr_buf_printf(out,
                             "A write to %s has taken %s so far: who reads it is slow, or has stopped.\n",
                             sink_name(s), duration(s->writing_us, a)));
    if (w->silent && !s)
        WR_TRY(
            wr_buf_printf(out,
                          "%u of %u workers are busy with rows: what waits in their operators is of the last "
                          "time that they were asked.\n",
                          w->silent, w->j->n_workers));
    for (uint32_t i = 0; i < w->j->n_workers; i++) {
        const wr_node *at = __atomic_load_n(&w->j->workers[i].meter.blocked_at, __ATOMIC_RELAXED);
        if (!at || w->m.workers[i].backpressure < 0.5) continue;
        WR_TRY(wr_buf_printf(
            out,
            "Worker %u waits for room behind #%u EXCHANGE for %.0f %% of the time: what follows is "
            "slower than what comes.\n",
            i, at->id, w->m.workers[i].backpressure * 100));
    }
    return WR_OK;
}

/* ---- an operator in which something waits ---- */

static wr_status put_content(wr_buf *out, uint64_t rows, uint64_t keys, bool at_most) {
    text a, b;
    if (rows) WR_TRY(wr_buf_printf(out, "%s row%s", count(rows, a), plural(rows)));
    if (rows && keys) WR_TRY(wr_buf_puts(out, " of "));
    if (keys)
        WR_TRY(wr_buf_printf(out, "%s%s key%s", at_most ? "at most " : "", count(keys, b), plural(keys)));
    return WR_OK;
}

static wr_status put_window(wr_buf *out, const wr_wait *x) {
    text a, b;
    WR_TRY(wr_buf_puts(out, "  "));
    if (x->start_us != WR_WM_NONE) WR_TRY(wr_buf_printf(out, "%s to ", moment(x->start_us, a)));
    else WR_TRY(wr_buf_puts(out, "until "));
    WR_TRY(wr_buf_printf(out, "%s", moment(x->end_us, b)));
    if (x->rows || x->keys) WR_TRY(wr_buf_puts(out, ": "));
    WR_TRY(put_content(out, x->rows, x->keys, x->at_most));
    return wr_buf_puts(out, "\n");
}

static wr_status put_what(const wri_why *w, const wri_finding *f, wr_buf *out) {
    const wr_waits *x = &f->waits;
    const char *rest = strchr(x->what, ' '); /* "row that …": the first word has the plural */
    int first = rest ? (int)(rest - x->what) : (int)strlen(x->what);
    bool rows = x->rows && (strncmp(x->what, "row", 3) != 0 || x->rows != x->n);
    bool keys = x->keys && (x->n_first > 1 || x->n > 1 || !x->first[0].at_most);
    text a;
    WR_TRY(put_name(w, f->node, out));
    WR_TRY(wr_buf_printf(out, ": %s %.*s%s%s wait%s", count(x->n, a), first, x->what, plural(x->n),
                         rest ? rest : "", x->n == 1 ? "s" : ""));
    if (x->n_first == 1 && x->n == 1 && x->first[0].end_us != WR_WM_NONE) {
        WR_TRY(wr_buf_puts(out, ".\n"));
        return put_window(out, &x->first[0]);
    }
    bool many = x->shared && w->j->n_workers > 1;
    if (rows || (keys && !x->shared)) {
        WR_TRY(wr_buf_puts(out, ", "));
        WR_TRY(put_content(out, rows ? x->rows : 0, keys && !x->shared ? x->keys : 0, many));
    }
    WR_TRY(wr_buf_puts(out, ".\n"));
    uint32_t shown = 0;
    for (; shown < x->n_first && shown < SHOWN && x->first[shown].end_us != WR_WM_NONE; shown++)
        WR_TRY(put_window(out, &x->first[shown]));
    if (shown && x->n > shown) WR_TRY(wr_buf_printf(out, "  and %s more\n", count(x->n - shown, a)));
    return WR_OK;
}

static wr_status put_due(const wri_finding *f, wr_buf *out) {
    text a, b;
    const wr_waits *x = &f->waits;
    int64_t due = x->n_first ? x->first[0].due_us : WR_WM_END;
    const char *what = x->n == 1 ? "It" : "The first";
    if (x->ends)
        return wr_buf_printf(out, "  %s until the table has been read.\n",
                             x->n == 1 ? "It waits" : "They wait");
    if (due == WR_WM_END)
        return wr_buf_printf(out, "  %s at the end of the input.\n",
                             x->n == 1 ? "It goes out" : "They go out");
    if (f->wm == WR_WM_NONE)
        return wr_buf_printf(out, "  %s goes out when event time reaches %s; no time is known here yet.\n",
                             what, moment(due, a));
    return wr_buf_printf(out, "  %s goes out when event time reaches %s; here it is %s.\n", what,
                         moment(due, a), moment(f->wm, b));
}

/* "b.jsonl of stream b" */
static wr_status put_split(const wr_split_metrics *s, wr_buf *out) {
    if (strcmp(s->name, s->stream) == 0 || !*s->name) return wr_buf_printf(out, "stream %s", s->stream);
    return wr_buf_printf(out, "%s of stream %s", s->name, s->stream);
}

/* How it stands with a split: what it last gave, since when it is quiet. */
static wr_status put_split_state(const wri_why *w, const wr_split_metrics *s, wr_buf *out) {
    text a, b;
    if (s->read_us == WR_NEVER) WR_TRY(wr_buf_puts(out, "it has given no record yet"));
    else if (s->watermark_us == WR_NEVER) WR_TRY(wr_buf_puts(out, "it has given no record with a time"));
    else WR_TRY(wr_buf_printf(out, "it has come to %s", moment(s->watermark_us, a)));
    if (s->quiet_us == WR_NEVER) return wr_buf_puts(out, ", and has more");
    int64_t since = w->m.wall_us - s->quiet_us;
    return wr_buf_printf(out, ", and has been quiet for %s (since %s)", duration(s->quiet_us, a),
                         moment(since - since % 1000000, b));
}

static wr_status put_reading(const wri_why *w, const wri_blame *b, wr_buf *out) {
    const wr_plan_stream *st = b->source->source.stream;
    int64_t at = 0, size = 0;
    for (uint32_t i = 0; i < w->m.n_splits; i++) {
        const wr_split_metrics *s = &w->m.splits[i];
        if (s->node != b->source->id) continue;
        at += s->at;
        size = s->size == WR_NEVER || size < 0 ? -1 : size + s->size;
    }
    WR_TRY(wr_buf_printf(out, "  Stream %s is still being read", st->name));
    if (size > 0 && at <= size)
        WR_TRY(wr_buf_printf(out, ": %.0f %% of it so far", (double)at * 100 / (double)size));
    return wr_buf_puts(out, ".\n");
}

/* told: the split's state stands further up. */
static wr_status put_held(const wri_why *w, const wri_blame *b, bool told, wr_buf *out) {
    text a;
    switch (b->by) {
    case WRI_HELD_NOBODY:
        return wr_buf_puts(out, "  Nothing holds it up: what it waits for is on its way.\n");
    case WRI_HELD_READING:
        return put_reading(w, b, out);
    case WRI_HELD_NO_SPLIT:
        return wr_buf_printf(out,
                             "  Stream %s has nothing to read at the moment: no file or shard is there.\n",
                             b->source->source.stream->name);
    case WRI_HELD_CLOCK:
    case WRI_HELD_IDLE:
        if (b->source->source.stream->arrival_time)
            return wr_buf_puts(
                out, "  Its event time is the time of arrival, which goes on with the wall clock.\n");
        WR_TRY(wr_buf_puts(out, "  It is held up by "));
        WR_TRY(put_split(b->split, out));
        WR_TRY(wr_buf_puts(out, ": "));
        WR_TRY(put_split_state(w, b->split, out));
        return wr_buf_puts(out, ", as has all of that stream.\n");
    case WRI_HELD_SPLIT:
        break;
    }
    WR_TRY(wr_buf_puts(out, "  It is held up by "));
    WR_TRY(put_split(b->split, out));
    if (told) return wr_buf_puts(out, ", as above.\n");
    WR_TRY(wr_buf_puts(out, ": "));
    WR_TRY(put_split_state(w, b->split, out));
    if (b->n_others)
        WR_TRY(wr_buf_printf(out, "; %s other split%s of it %s behind, too", count(b->n_others, a),
                             plural(b->n_others), b->n_others == 1 ? "is" : "are"));
    return wr_buf_puts(out, ".\n");
}

static wr_status put_record(const wri_blame *b, wr_buf *out) {
    text a;
    if (b->need_us == WR_WM_END) return wr_buf_puts(out, "the end of that stream");
    WR_TRY(wr_buf_puts(out, "a record of "));
    WR_TRY(put_split(b->split, out));
    if (b->record_us != WR_NEVER) return wr_buf_printf(out, " of %s or later", moment(b->record_us, a));
    return wr_buf_printf(out, " that takes the watermark to %s", moment(b->need_us, a));
}

/* What would let it go. */
static wr_status put_release(const wri_blame *b, wr_buf *out) {
    text a;
    if (b->by != WRI_HELD_SPLIT && b->by != WRI_HELD_CLOCK && b->by != WRI_HELD_IDLE) return WR_OK;
    const wr_plan_stream *st = b->source->source.stream;
    if (b->by == WRI_HELD_CLOCK && st->arrival_time)
        return wr_buf_printf(out, "  The clock lets it go in %s.\n", remaining(b->in_us, a));
    WR_TRY(wr_buf_puts(out, "  What lets it go: "));
    WR_TRY(put_record(b, out));
    if (b->by == WRI_HELD_CLOCK)
        return wr_buf_printf(out, "; or the wall clock, in %s (idle_policy = 'advance').\n",
                             remaining(b->in_us, a));
    if (b->need_us == WR_WM_END) return wr_buf_puts(out, ".\n");
    if (b->source->bounded) return wr_buf_puts(out, "; or its end.\n");
    if (b->by == WRI_HELD_IDLE)
        return wr_buf_puts(out, st->idle_advance ? ".\n" : "; or idle_policy = 'advance' (it is 'hold').\n");
    if (st->idle_timeout_us == 0)
        return wr_buf_puts(out, "; or idle_timeout = '5 s' in its WITH (it is '0', so a quiet split is "
                                "waited for without end).\n");
    if (b->in_us == WR_NEVER) return wr_buf_puts(out, ".\n");
    return wr_buf_printf(out, "; or idle_timeout, which is over in %s.\n", remaining(b->in_us, a));
}

static wr_status put_finding(const wri_why *w, const wri_finding *f, wr_buf *out) {
    bool told = false;
    for (const wri_finding *k = w->found; k < f; k++)
        told |= k->blame.by == WRI_HELD_SPLIT && k->blame.split == f->blame.split;
    WR_TRY(put_what(w, f, out));
    WR_TRY(put_due(f, out));
    WR_TRY(put_held(w, &f->blame, told, out));
    return put_release(&f->blame, out);
}

/* ---- where rows have gone ---- */

static bool waits_at(const wri_why *w, uint32_t id) {
    const wr_plan *p = w->j->plan;
    for (uint32_t i = 0; i < w->n; i++) {
        const wr_node *n = w->found[i].node;
        if (n->id == id) return true;
        /* the first phase of an aggregation */
        if (p->nodes[id]->kind == WR_N_AGG_LOCAL && n->n_in &&
            (n->in[0]->id == id || (n->in[0]->n_in && n->in[0]->in[0]->id == id)))
            return true;
    }
    return false;
}

/* Rows go in, and none has come out. */
static bool is_dead_end(const wri_why *w, uint32_t id) {
    const wr_op_metrics *op = &w->m.ops[id];
    wr_node_kind k = w->j->plan->nodes[id]->kind;
    return op->rows_in > 0 && op->rows_out == 0 && k != WR_N_SINK && k != WR_N_EXCHANGE && k != WR_N_SOURCE &&
           !waits_at(w, id);
}

static wr_status put_dead_end(const wri_why *w, const wr_node *n, wr_buf *out) {
    const wr_op_metrics *op = &w->m.ops[n->id];
    text a, b;
    WR_TRY(put_name(w, n, out));
    count(op->rows_in, a);
    if (op->late_rows >= op->rows_in)
        return wr_buf_printf(out, ": all of %s row%s came too late.\n", a, plural(op->rows_in));
    if (op->bad_rows >= op->rows_in)
        return wr_buf_printf(out, ": all of %s row%s failed.\n", a, plural(op->rows_in));
    if (n->kind == WR_N_FILTER) {
        WR_TRY(wr_buf_printf(out, ": none of %s row%s met the condition ", a, plural(op->rows_in)));
        WR_TRY(wr_expr_print(n->filter.pred, &n->in[0]->out, out));
        return wr_buf_puts(out, ".\n");
    }
    if (n->n_in == 2)
        return wr_buf_printf(out, ": no rows have met so far: %s came on the one side, %s on the other.\n",
                             count(w->m.ops[n->in[0]->id].rows_out, a),
                             count(w->m.ops[n->in[1]->id].rows_out, b));
    if (n->kind == WR_N_MATCH)
        return wr_buf_printf(out, ": no match so far in %s row%s.\n", a, plural(op->rows_in));
    return wr_buf_printf(out, ": %s row%s came in, none has gone out.\n", a, plural(op->rows_in));
}

static wr_status put_losses(const wri_why *w, wr_buf *out) {
    const wr_plan *p = w->j->plan;
    text a, b;
    for (uint32_t id = 0; id < w->m.n_ops; id++) {
        const wr_op_metrics *op = &w->m.ops[id];
        if (is_dead_end(w, id)) {
            WR_TRY(put_dead_end(w, p->nodes[id], out));
            continue;
        }
        if (op->late_rows == 0) continue;
        WR_TRY(put_name(w, p->nodes[id], out));
        WR_TRY(wr_buf_printf(out, ": %s of %s row%s came too late.\n", count(op->late_rows, a),
                             count(op->rows_in, b), plural(op->rows_in)));
    }
    if (w->m.bad_rows == 0) return WR_OK;
    wr_job_stats s;
    wr_job_stats_read(w->j, &s);
    return wr_buf_printf(out, "%s row%s failed; the first: %s\n", count(w->m.bad_rows, a),
                         plural(w->m.bad_rows), s.first_bad);
}

/* Streams that have given nothing. */
static wr_status put_silent(const wri_why *w, wr_buf *out) {
    const wr_plan *p = w->j->plan;
    for (uint32_t id = 0; id < p->n_nodes && w->m.running; id++) {
        const wr_node *n = p->nodes[id];
        uint64_t rows = 0;
        uint32_t splits = 0;
        const wr_split_metrics *first = NULL;
        if (n->kind != WR_N_SOURCE || n->source.lookup) continue;
        for (uint32_t i = 0; i < w->m.n_splits; i++) {
            const wr_split_metrics *s = &w->m.splits[i];
            if (s->node != id) continue;
            rows += s->rows;
            splits += !s->ended;
            if (!first && !s->ended) first = s;
        }
        if (rows > 0) continue;
        WR_TRY(wr_buf_printf(out, "No row has come from stream %s", n->source.stream->name));
        if (splits == 0)
            WR_TRY(wr_buf_puts(out, first ? "" : ": there is no file or shard that could have one"));
        else {
            WR_TRY(wr_buf_printf(out, ": %s", first->name));
            if (splits > 1) WR_TRY(wr_buf_printf(out, " and %u more", splits - 1));
            text a;
            if (first->quiet_us != WR_NEVER)
                WR_TRY(wr_buf_printf(out, " ha%s been quiet for %s", splits > 1 ? "ve" : "s",
                                     duration(first->quiet_us, a)));
        }
        WR_TRY(wr_buf_puts(out, ".\n"));
    }
    return WR_OK;
}

/* Rows that only a snapshot brings out. */
static wr_status put_pending(const wri_why *w, wr_buf *out) {
    for (uint32_t i = 0; i < w->m.n_sinks; i++) {
        const wr_sink_metrics *s = &w->m.sinks[i];
        text a;
        if (s->pending_bytes <= 0) continue; /* as WR_NEVER is */
        WR_TRY(wr_buf_printf(out, "%s has more rows, which come out with the next snapshot", sink_name(s)));
        int64_t left = w->m.snapshots.next_us == WR_NEVER ? 0 : w->m.snapshots.next_us - w->m.wall_us;
        if (left > 0) WR_TRY(wr_buf_printf(out, ", in %s", remaining(left, a)));
        WR_TRY(wr_buf_puts(out, ".\n"));
    }
    return WR_OK;
}

static wr_status put_text(const wri_why *w, wr_buf *out) {
    WR_TRY(put_head(w, out));
    if (w->j->finished) return WR_OK;
    WR_TRY(put_pending(w, out));
    WR_TRY(put_pressure(w, out));
    for (uint32_t i = 0; i < w->n; i++) WR_TRY(put_finding(w, &w->found[i], out));
    WR_TRY(put_losses(w, out));
    return put_silent(w, out);
}

/* ---- the one line ---- */

static wr_status put_finding_line(const wri_finding *f, wr_buf *out) {
    const wr_waits *x = &f->waits;
    text a;
    const char *rest = strchr(x->what, ' ');
    int first = rest ? (int)(rest - x->what) : (int)strlen(x->what);
    WR_TRY(wr_buf_printf(out, "%s %.*s%s wait%s", count(x->n, a), first, x->what, plural(x->n),
                         x->n == 1 ? "s" : ""));
    if (x->n_first && x->first[0].due_us != WR_WM_END)
        WR_TRY(wr_buf_printf(out, " for %s", moment(x->first[0].due_us, a)));
    const wri_blame *b = &f->blame;
    if (b->by == WRI_HELD_READING)
        return wr_buf_printf(out, "; %s is being read", b->source->source.stream->name);
    if (!b->split) return WR_OK;
    WR_TRY(wr_buf_puts(out, ", held up by "));
    WR_TRY(put_split(b->split, out));
    if (b->split->quiet_us == WR_NEVER) return WR_OK;
    return wr_buf_printf(out, ", quiet for %s", duration(b->split->quiet_us, a));
}

/* The first line of a text. */
static wr_status put_first_line(wr_buf *from, wr_buf *out) {
    size_t n = 0;
    while (n < from->len && from->data[n] != '\n') n++;
    while (n > 0 && from->data[n - 1] == '.') n--;
    return wr_buf_put(out, from->data, n);
}

static wr_status put_line(const wri_why *w, wr_buf *out) {
    const wr_sink_metrics *s = w->j->finished ? NULL : stuck(w);
    text a;
    if (s)
        return wr_buf_printf(out, "a write to %s has taken %s so far", sink_name(s),
                             duration(s->writing_us, a));
    if (w->m.resting) return wr_buf_puts(out, "sources rest: rows wait for a snapshot that brings them out");
    for (uint32_t i = 0; i < w->n; i++)
        if (w->found[i].blame.by != WRI_HELD_NOBODY) return put_finding_line(&w->found[i], out);
    wr_buf t = {0};
    wr_status r = w->j->finished || w->m.rows_out > 0 ? WR_OK : put_losses(w, &t);
    if (r == WR_OK && t.len == 0 && !w->j->finished && w->m.rows_in == 0) r = put_silent(w, &t);
    if (r == WR_OK && t.len == 0) r = put_head(w, &t);
    if (r == WR_OK) r = put_first_line(&t, out);
    wr_buf_free(&t);
    return r;
}

/* ---- JSON ---- */

static int64_t or_never(int64_t wm) { return wm == WR_WM_NONE || wm == WR_WM_END ? WR_NEVER : wm; }

static wr_status put_json_seconds(wr_buf *out, int64_t us) {
    if (us == WR_NEVER) return wr_buf_puts(out, "null");
    return wr_buf_printf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static wr_status put_json_wait(wr_buf *out, const wr_wait *x) {
    WR_TRY(wr_buf_puts(out, "{\"start\":"));
    WR_TRY(wri_metrics_time(out, or_never(x->start_us)));
    WR_TRY(wr_buf_puts(out, ",\"end\":"));
    WR_TRY(wri_metrics_time(out, or_never(x->end_us)));
    WR_TRY(wr_buf_puts(out, ",\"due\":"));
    WR_TRY(wri_metrics_time(out, or_never(x->due_us)));
    return wr_buf_printf(out, ",\"rows\":%" PRIu64 ",\"keys\":%" PRIu64 "}", x->rows, x->keys);
}

static wr_status put_json_held(const wri_blame *b, wr_buf *out) {
    static const char *const names[] = {"nothing", "reading", "split", "no split", "clock", "idle"};
    WR_TRY(wr_buf_printf(out, "{\"by\":\"%s\",\"stream\":", names[b->by]));
    if (!b->source) WR_TRY(wr_buf_puts(out, "null"));
    else WR_TRY(wri_metrics_quote(out, b->source->source.stream->name));
    WR_TRY(wr_buf_puts(out, ",\"shard\":"));
    if (!b->split) WR_TRY(wr_buf_puts(out, "null"));
    else WR_TRY(wri_metrics_quote(out, b->split->name));
    WR_TRY(wr_buf_printf(out, ",\"others\":%u,\"watermark\":", b->n_others));
    WR_TRY(wri_metrics_time(out, b->split ? b->split->watermark_us : or_never(b->watermark)));
    WR_TRY(wr_buf_puts(out, ",\"last_read\":"));
    WR_TRY(wri_metrics_time(out, b->split ? b->split->read_us : WR_NEVER));
    WR_TRY(wr_buf_puts(out, ",\"quiet_seconds\":"));
    WR_TRY(put_json_seconds(out, b->split ? b->split->quiet_us : WR_NEVER));
    WR_TRY(wr_buf_puts(out, "},\"release\":{\"watermark\":"));
    WR_TRY(wri_metrics_time(out, or_never(b->need_us)));
    WR_TRY(wr_buf_puts(out, ",\"record_at\":"));
    WR_TRY(wri_metrics_time(out, b->record_us));
    WR_TRY(wr_buf_puts(out, ",\"clock_seconds\":"));
    WR_TRY(put_json_seconds(out, b->in_us));
    return wr_buf_puts(out, "}");
}

static wr_status put_json_finding(const wri_why *w, const wri_finding *f, wr_buf *out) {
    const wr_plan_stmt *st = wri_stmt_at(w->j->plan, f->node->loc);
    const wr_waits *x = &f->waits;
    WR_TRY(wr_buf_printf(out, "{\"node\":%u,\"operator\":\"%s\",\"statement\":", f->node->id,
                         wr_node_kind_name(f->node->kind)));
    WR_TRY(wri_metrics_quote(out, st && st->name ? st->name : ""));
    WR_TRY(wr_buf_printf(
        out, ",\"what\":\"%s\",\"waiting\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"keys\":%" PRIu64 ",\"first\":[",
        x->what, x->n, x->rows, x->keys));
    for (uint32_t i = 0; i < x->n_first; i++) {
        WR_TRY(wr_buf_puts(out, i ? "," : ""));
        WR_TRY(put_json_wait(out, &x->first[i]));
    }
    WR_TRY(wr_buf_puts(out, "],\"watermark\":"));
    WR_TRY(wri_metrics_time(out, or_never(f->wm)));
    WR_TRY(wr_buf_puts(out, ",\"held\":"));
    WR_TRY(put_json_held(&f->blame, out));
    return wr_buf_puts(out, "}");
}

static wr_status put_json(const wri_why *w, wr_buf *out) {
    wr_buf lines = {0};
    wr_status r = put_text(w, &lines);
    if (r == WR_OK) r = wr_buf_puts(out, "{\"lines\":[");
    char *at = lines.data, *end;
    for (; r == WR_OK && at && (end = memchr(at, '\n', lines.len - (size_t)(at - lines.data)));
         at = end + 1) {
        *end = 0;
        if (at > lines.data) r = wr_buf_puts(out, ",");
        if (r == WR_OK) r = wri_metrics_quote(out, at);
    }
    wr_buf_free(&lines);
    if (r == WR_OK) r = wr_buf_puts(out, "],\"windows\":[");
    for (uint32_t i = 0; r == WR_OK && i < w->n; i++) {
        if (i) r = wr_buf_puts(out, ",");
        if (r == WR_OK) r = put_json_finding(w, &w->found[i], out);
    }
    return r == WR_OK ? wr_buf_puts(out, "]}") : r;
}

wr_status wr_job_why(wr_job *job, wr_why_form form, wr_buf *out, wr_err *err) {
    wri_why w;
    wr_status r = wri_why_find(job, &w, err);
    if (r == WR_OK) {
        r = form == WR_WHY_JSON   ? put_json(&w, out)
            : form == WR_WHY_LINE ? put_line(&w, out)
                                  : put_text(&w, out);
        if (r != WR_OK) wr_fail_oom(err, "an answer");
    }
    wri_why_free(&w);
    return r;
}

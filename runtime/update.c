/* runtime/update.c -- what becomes of a job's state under other SQL.
 *
 *   keeps    a node of the new plan is the same as one of the old (planner/same.c): it goes on
 *   begins   it has no such node: it starts empty, with what its sources bring from now on
 *   drops    a node of the old plan has none in the new
 *
 * There is nothing in between: an operator with one aggregate more is another one, since in the windows that
 * are open that aggregate would lack the rows that came before.
 *
 * One thing cannot begin in the middle: a table that a join reads first, before all else. When the join is
 * new its table is read again from the start, with all that lies between, if nobody else reads that; if
 * somebody does, who has its state from those rows already, the plan is refused. */
#include <inttypes.h>

#include "job_int.h"

/* ---- tables of new joins ---- */

typedef struct tables {
    const wr_plan *plan;
    bool *is_new; /* by node: keeps something, and finds nothing to go on with */
    bool *anew;   /* by node: below the table side of a new join */
} tables;

static void mark_below(tables *t, const wr_node *n) {
    if (t->anew[n->id]) return;
    t->anew[n->id] = true;
    for (uint32_t k = 0; k < n->n_in; k++) mark_below(t, n->in[k]);
}

static bool reads_table(const tables *t, const wr_node *n, uint32_t port) {
    return n->kind == WR_N_JOIN_TABLE && port == 1 && (t->is_new[n->id] || t->anew[n->id]);
}

static void mark_tables(tables *t) {
    for (uint32_t id = t->plan->n_nodes;
         id-- > 0;) { /* joins below a table side are anew, and so their tables */
        const wr_node *n = t->plan->nodes[id];
        if (n->kind == WR_N_JOIN_TABLE && (t->is_new[id] || t->anew[id])) mark_below(t, n->in[1]);
    }
}

/* Whether something of what n reads had been read. */
static bool goes_on(const wr_node *n, const wri_was *was) {
    if (n->kind == WR_N_SOURCE) return was[n->id].id != WR_NO_COL;
    if (n->kind == WR_N_VALUES) return true; /* they have spoken when the job began */
    for (uint32_t k = 0; k < n->n_in; k++)
        if (goes_on(n->in[k], was)) return true;
    return false;
}

static const char *stream_below(const wr_node *n) {
    while (n->n_in) n = n->in[0];
    return n->kind == WR_N_SOURCE ? n->source.stream->name : "VALUES";
}

/* Who reads what is read anew besides tables would get its rows twice. */
static wr_status check_tables(const tables *t, const wri_was *was, wr_err *err) {
    for (uint32_t id = 0; id < t->plan->n_nodes; id++) {
        const wr_node *n = t->plan->nodes[id];
        for (uint32_t k = 0; k < n->n_in && !t->anew[id]; k++) {
            if (!t->anew[n->in[k]->id] || reads_table(t, n, k)) continue;
            if (goes_on(n->in[k], was))
                return wr_fail(
                    err, WR_EINVAL,
                    "a new join reads the rows of %s first, as a table, and others, who have had them, "
                    "read them too; declare a stream of another name for the join (CREATE STREAM …, "
                    "with the same options), or start anew with another --state",
                    stream_below(n->in[k]));
        }
    }
    return WR_OK;
}

/* ---- both plans ---- */

static const wri_keeper *find_same(const wri_about *a, const wri_keeper *k) {
    for (uint32_t i = 0; i < a->n; i++)
        if (a->kept[i].kind == k->kind && strcmp(a->kept[i].same, k->same) == 0) return &a->kept[i];
    return NULL;
}

/* was[] by identity, then without what is read anew. */
static wr_status map_nodes(const wri_about *old, const wri_about *now, const wr_plan *plan, wri_was *was,
                           wr_err *err) {
    wr_arena ar = {0};
    tables t = {.plan = plan};
    t.is_new = wr_arena_calloc(&ar, plan->n_nodes + 1);
    t.anew = wr_arena_calloc(&ar, plan->n_nodes + 1);
    wr_status r = t.is_new && t.anew ? WR_OK : wr_fail_oom(err, "an update");
    for (uint32_t id = 0; id < plan->n_nodes; id++) was[id] = (wri_was){.id = WR_NO_COL};
    for (uint32_t i = 0; r == WR_OK && i < now->n; i++) {
        const wri_keeper *k = find_same(old, &now->kept[i]);
        if (k)
            was[now->kept[i].id] =
                (wri_was){.id = k->id, .retimed = k->time && strcmp(k->time, now->kept[i].time) != 0};
        else t.is_new[now->kept[i].id] = true;
    }
    if (r == WR_OK) {
        mark_tables(&t);
        r = check_tables(&t, was, err);
    }
    for (uint32_t id = 0; r == WR_OK && id < plan->n_nodes; id++)
        if (t.anew[id]) was[id] = (wri_was){.id = WR_NO_COL, .speaks = plan->nodes[id]->kind == WR_N_VALUES};
    wr_arena_free(&ar);
    return r;
}

static const char *note_on(const wr_node *n, const wri_was *was) {
    if (n->kind == WR_N_SOURCE) return "it is read from its beginning";
    if (n->kind == WR_N_SINK)
        return n->sink.stream ? "what is there already is not gone on with, and a file is overwritten" : "";
    return goes_on(n, was) ? "it sees the rows that come from now on, not those that have been read" : "";
}

static void add(wr_update *u, wr_fate fate, const char *what, const char *note) {
    u->items[u->n++] = (wr_update_item){fate, what, note};
    u->n_of[fate]++;
}

wr_status wri_update_make(const wri_about *old, const wri_about *now, const wr_plan *plan, wr_update *u,
                          wri_was *was, wr_err *err) {
    WR_TRY(map_nodes(old, now, plan, was, err));
    u->items = wr_arena_calloc(&u->ar, (old->n + now->n + 1) * sizeof *u->items);
    if (!u->items) return wr_fail_oom(err, "an update");
    for (uint32_t i = 0; i < now->n; i++)
        if (was[now->kept[i].id].id != WR_NO_COL)
            add(u, WR_KEEPS, now->kept[i].label,
                was[now->kept[i].id].retimed && *now->kept[i].time
                    ? "its event time is another one, and begins anew"
                    : "");
    for (uint32_t i = 0; i < now->n; i++)
        if (was[now->kept[i].id].id == WR_NO_COL)
            add(u, WR_BEGINS, now->kept[i].label, note_on(plan->nodes[now->kept[i].id], was));
    for (uint32_t i = 0; i < old->n; i++) {
        bool found = false;
        for (uint32_t id = 0; id < plan->n_nodes; id++) found = found || was[id].id == old->kept[i].id;
        if (!found) add(u, WR_DROPS, old->kept[i].label, "");
    }
    for (uint32_t i = 0; i < u->n; i++) { /* the labels may go before u does */
        u->items[i].what = wr_arena_strdup(&u->ar, u->items[i].what);
        if (!u->items[i].what) return wr_fail_oom(err, "an update");
    }
    u->needed = u->n_of[WR_BEGINS] + u->n_of[WR_DROPS] > 0;
    return WR_OK;
}

void wr_update_free(wr_update *u) {
    wr_arena_free(&u->ar);
    *u = (wr_update){0};
}

wr_status wr_update_tell(const wr_update *u, wr_buf *out) {
    static const char *const words[] = {"keeps", "begins", "drops"};
    for (uint32_t i = 0; i < u->n; i++) {
        const wr_update_item *t = &u->items[i];
        WR_TRY(wr_buf_printf(out, "%-7s %s%s%s\n", words[t->fate], t->what, *t->note ? "; " : "", t->note));
    }
    return WR_OK;
}

/* ---- for a job, and for who asks ---- */

static wr_status no_state_left(const wr_snapshot *from, const char *dir, wr_err *err) {
    if (!from->head.finished) return WR_OK;
    return wr_fail(
        err, WR_EINVAL,
        "the job whose state is in '%s' has finished, so that other SQL has nothing to go on from; give "
        "another --state",
        dir);
}

/* *u: what becomes of `from` under the plan. */
static wr_status make(const wr_snapshot *from, const char *dir, const wr_plan *plan, wr_update *u,
                      wri_was *was, wr_err *err) {
    wri_about old, now;
    wr_arena ar = {0};
    wr_status r = wri_about_read(from, &ar, &old, err);
    if (r == WR_OK) r = wri_about_plan(plan, &ar, &now, err);
    if (r == WR_OK) r = wri_update_make(&old, &now, plan, u, was, err);
    if (r == WR_OK && u->needed) r = no_state_left(from, dir, err);
    wr_arena_free(&ar);
    return r;
}

static wr_status decide(const wr_job *j, const char *dir, const wr_update *u, wr_err *err) {
    if (!u->needed) return WR_OK;
    if (j->opts.changes && wr_update_tell(u, j->opts.changes) != WR_OK) return wr_fail_oom(err, "an update");
    if (j->opts.update) return WR_OK;
    return wr_fail(err, WR_EINVAL,
                   "the state in '%s' belongs to other SQL: of what it holds %" PRIu32
                   " would be kept and %" PRIu32 " dropped, and %" PRIu32
                   " would begin; to go on so give --update, else run the SQL it was made by or give another "
                   "--state",
                   dir, u->n_of[WR_KEEPS], u->n_of[WR_DROPS], u->n_of[WR_BEGINS]);
}

wr_status wri_update_job(wr_job *j, const wr_snapshot *from, wr_err *err) {
    wr_update u = {0};
    const char *dir = from->savepoint ? j->opts.from_dir : j->opts.state_dir;
    j->epochs.was = wr_alloc((j->plan->n_nodes + 1) * sizeof *j->epochs.was);
    if (!j->epochs.was) return wr_fail_oom(err, "a job");
    wr_status r = make(from, dir, j->plan, &u, j->epochs.was, err);
    if (r == WR_OK) r = decide(j, dir, &u, err);
    wr_update_free(&u);
    return r;
}

wr_status wr_update_of(const wr_sys *sys, const char *dir, const wr_plan *plan, wr_update *outp,
                       wr_err *err) {
    wr_snapshot *from = NULL;
    wr_buf said = {0};
    *outp = (wr_update){0};
    wri_was *was = wr_alloc((plan->n_nodes + 1) * sizeof *was);
    wr_status r = was ? wr_snapshots_look(sys, dir, &from, &said, err) : wr_fail_oom(err, "an update");
    if (r == WR_OK && !from) r = wr_fail(err, WR_EINVAL, "'%s' has no snapshot", dir);
    if (r == WR_OK) r = wr_snapshot_bring(from, WRI_OP_PARTS, err);
    if (r == WR_OK) r = make(from, dir, plan, outp, was, err);
    wr_snapshot_free(from);
    wr_buf_free(&said);
    wr_free(was);
    return r;
}

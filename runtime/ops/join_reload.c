/* runtime/ops/join_reload.c -- the table of a join, read anew when it has changed; see join_reload.h. */
#include "join_reload.h"

#include "ops.h"

struct wri_reload {
    wr_op *op;             /* the join */
    const wr_node *source; /* its table's SOURCE */
    uint32_t n;            /* nodes from in[1] down to it, without the EXCHANGE */
    const wr_connector_def *con;
    wr_source_cfg cfg;
    int64_t look_us;  /* when to look again */
    uint64_t loaded;  /* stamp of the content that rows meet */
    uint64_t seen;    /* by the last look */
    uint64_t refused; /* stamp of content that could not be read, 0: none */
    bool resumed;     /* loaded is from a snapshot */
    /* while reading */
    wri_jtable *into;
    uint64_t *hash;
    uint32_t *mine;
    size_t cap;
};

/* ---- looking ---- */

static wr_status look(wri_reload *r, wr_stamp *st, wr_err *why) {
    *st = (wr_stamp){0};
    return r->con->stamp(&r->cfg, st, why);
}

wr_status wri_reload_new(wr_op *op, wri_reload **outp, wr_err *err) {
    *outp = NULL;
    const wr_node *n = op->node;
    if (!wr_join_reloads(n)) return WR_OK;
    wri_reload *r = wr_calloc(1, sizeof *r);
    if (!r) return wr_fail_oom(err, "a join");
    r->op = op;
    for (r->source = n->in[1]->in[0]; r->source->kind != WR_N_SOURCE; r->source = r->source->in[0]) r->n++;
    r->n++;
    const wr_plan_stream *st = r->source->source.stream;
    r->con = wr_connector_find(st->connector);
    r->cfg = (wr_source_cfg){
        .sys = op->task->job->sys, .stream = st->name, .options = st->options, .n_options = st->n_options};
    wr_stamp now;
    wr_err none = {0};
    wr_status s = r->con->stamp ? look(r, &now, &none) : WR_EIO;
    if (s == WR_OK && now.interval_us > 0) { /* taken before the first row is read */
        r->loaded = r->seen = now.hash;
        r->look_us = op->task->job->sys->mono_us() + now.interval_us;
        *outp = r;
        return WR_OK;
    }
    wr_free(r);
    return s == WR_ENOMEM ? wr_fail_oom(err, "a join") : WR_OK;
}

void wri_reload_stale(wri_reload *r) {
    if (r) r->loaded = 0;
}

void wri_reload_free(wri_reload *r) {
    if (!r) return;
    wr_free(r->hash);
    wr_free(r->mine);
    wr_free(r);
}

/* Says, once for all workers, that content `hash` could not be read. */
static wr_status refuse(wri_reload *r, uint64_t hash, const char *why, wr_err *err) {
    r->refused = hash;
    return wri_source_refused(&r->op->task->ops[r->source->id], hash, why, err);
}

wr_status wri_reload_due(wri_reload *r, bool *duep, wr_err *err) {
    const wr_sys *sys = r->op->task->job->sys;
    int64_t now = sys->mono_us();
    *duep = false;
    if (now < r->look_us) return WR_OK;
    wr_stamp st;
    wr_err why = {0};
    wr_status s = look(r, &st, &why);
    if (s == WR_ENOMEM) return wr_fail_oom(err, "files of a table");
    r->look_us = now + st.interval_us;
    if (s != WR_OK) { /* gone: said once until it is there again */
        bool told = r->refused == 1;
        r->seen = 0;
        return told ? WR_OK : refuse(r, 1, why.msg, err);
    }
    bool rests = st.hash == r->seen || sys->wall_us() - st.newest_us >= st.interval_us;
    r->seen = st.hash;
    if (r->refused == 1) r->refused = 0;
    *duep = rests && st.hash != r->loaded && st.hash != r->refused;
    return WR_OK;
}

uint64_t wri_reload_stamp(const wri_reload *r) { return r->loaded; }

void wri_reload_resume(wri_reload *r, uint64_t stamp) {
    r->loaded = !r->resumed || r->loaded == stamp ? stamp : 0; /* 0: of several, so none */
    r->resumed = true;
}

/* ---- reading ---- */

/* The end of the chain: rows that this worker would get through the exchange, to the table. */
static wr_status take_rows(wr_op *end, uint32_t port, wr_batch *in, wr_err *err) {
    (void)port;
    wri_reload *r = end->state;
    const wr_node *n = r->op->node;
    uint32_t workers = r->op->task->job->n_workers, k = 0;
    if (in->n > r->cap) {
        wr_free(r->hash);
        wr_free(r->mine);
        r->cap = 0;
        r->hash = wr_alloc(in->n * sizeof *r->hash);
        r->mine = wr_alloc(in->n * sizeof *r->mine);
        if (!r->hash || !r->mine) return wr_fail_oom(err, "rows of a table");
        r->cap = in->n;
    }
    const wr_node *ex = n->in[1];
    if (ex->exchange.mode == WR_EX_HASH) wr_batch_hash(in, ex->exchange.keys, ex->exchange.n_keys, r->hash);
    for (uint32_t i = 0; i < in->n; i++) {
        uint32_t to = ex->exchange.mode == WR_EX_HASH ? wri_exchange_target(r->hash[i], workers) : 0;
        if (to == r->op->task->index) r->mine[k++] = i;
    }
    wr_batch *view;
    WR_TRY(wri_jside_view(&r->into->sides[1], in, &view, err));
    wr_status s = wri_rows_add(&r->into->rows, &r->into->sides[1], view, r->mine, k, err);
    wr_batch_drop(view);
    return s;
}
static const wr_op_def end_def = {.name = "table", .push = take_rows};

/* Operators like those between the SOURCE and the exchange, ops[n] being the end. */
static wr_status make_chain(wri_reload *r, wr_op *ops, wri_bad_kept *kept, wr_err *err) {
    const wr_node *n = r->op->node->in[1]->in[0];
    for (uint32_t i = r->n; i-- > 0; n = n->n_in ? n->in[0] : NULL) {
        WR_TRY(wri_op_init(r->op->task, &ops[i], NULL, n, err));
        WR_TRY(wri_op_connect(&ops[i], &ops[i + 1], 0, err));
        ops[i].bad_kept = kept;
    }
    WR_TRY(wri_op_init(r->op->task, &ops[r->n], &end_def, r->op->node, err));
    ops[r->n].state = r;
    for (uint32_t i = 0; i < r->n; i++) WR_TRY(ops[i].def->open(&ops[i], err));
    return WR_OK;
}

wr_status wri_reload_read(wri_reload *r, wri_jtable *into, bool *okp, wr_err *err) {
    wri_bad_kept kept = {0};
    wr_err why = {0};
    wr_stamp before, after;
    *okp = false;
    wr_op *ops = wr_calloc(r->n + 1, sizeof *ops);
    if (!ops) return wr_fail_oom(err, "operators");
    r->into = into;
    wr_status s = look(r, &before, &why);
    if (s == WR_OK) s = make_chain(r, ops, &kept, &why);
    if (s == WR_OK) s = wri_source_read(&ops[0], &why);
    for (uint32_t i = 0; i <= r->n; i++) wri_op_free(&ops[i]);
    wr_free(ops);
    if (s == WR_ENOMEM || s == WR_ECANCELED || s == WR_ELIMIT) return wr_fail(err, s, "%s", why.msg);
    wr_err gone = {0};
    if (look(r, &after, &gone) != WR_OK || after.hash != before.hash) { /* being written */
        r->seen = 0;
        return WR_OK;
    }
    if (s != WR_OK) return refuse(r, before.hash, why.msg, err);
    if (kept.n) return refuse(r, before.hash, kept.why, err);
    r->loaded = r->seen = before.hash;
    r->refused = 0;
    wri_source_reloaded(&r->op->task->ops[r->source->id], before.hash);
    *okp = true;
    return WR_OK;
}

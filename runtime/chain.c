/* runtime/chain.c -- events from operator to operator by direct calls.
 *
 * A watermark of an operator is the least of its inputs'; it is passed on after the operator has
 * emitted what it completes, so what is behind never sees a row older than its watermark that it was
 * not promised. The end of an input counts as a watermark of WR_WM_END: what an operator emits at its end is
 * still awaited then, so that watermark goes on with the end only.
 *
 * A barrier waits at each operator for those of its other inputs. Whoever feeds an operator sees to it that
 * nothing follows the barrier on one input before it has come on all (worker.c, exchange.c). */
#include "job_int.h"
#include "paged.h"

wr_status wri_deliver(wr_op *op, uint32_t port, wr_batch *b, wr_err *err) {
    wri_tally(&op->rows_in, b->n);
    WR_TRY(WR_UNLIKELY(op->paged != NULL) ? wri_paged_push(op, port, b, err)
                                          : op->def->push(op, port, b, err));
    if ((!op->def->relieve && !op->def->keyed) || !wri_memory_short(op->task->job)) return WR_OK;
    bool did = false;
    return wri_op_relieve(op, &did, err);
}

wr_status wr_emit(wr_op *op, wr_batch *b, wr_err *err) {
    if (b->n == 0) return WR_OK;
    wri_tally(&op->rows_out, b->n);
    for (uint32_t i = 0; i < op->n_out; i++) WR_TRY(wri_deliver(op->out[i].to, op->out[i].port, b, err));
    return WR_OK;
}

wr_status wri_emit_watermark(wr_op *op, int64_t wm, wr_err *err) {
    for (uint32_t i = 0; i < op->n_out; i++) WR_TRY(wri_watermark(op->out[i].to, op->out[i].port, wm, err));
    return WR_OK;
}

wr_status wri_emit_end(wr_op *op, wr_err *err) {
    for (uint32_t i = 0; i < op->n_out; i++) WR_TRY(wri_end(op->out[i].to, op->out[i].port, err));
    return WR_OK;
}

wr_status wri_watermark(wr_op *op, uint32_t port, int64_t wm, wr_err *err) {
    if (wm <= op->port_wm[port]) return WR_OK;
    if (port < 32 && op->waits_for >> port & 1 && wm != WR_WM_END) return WR_OK;
    op->port_wm[port] = wm;
    for (uint32_t i = 0; i < op->n_in; i++)
        if (op->port_wm[i] < wm) wm = op->port_wm[i];
    if (wm <= op->wm) return WR_OK;
    __atomic_store_n(&op->wm, wm, __ATOMIC_RELAXED); /* metrics read it */
    if (WR_UNLIKELY(op->paged != NULL)) return wri_paged_watermark(op, err);
    if (op->def->watermark) WR_TRY(op->def->watermark(op, wm, err));
    if (wm == WR_WM_END) return WR_OK;
    if (op->holds_us > 0 && wm < WR_WM_NONE + op->holds_us) return WR_OK;
    return wri_emit_watermark(op, wm - op->holds_us, err);
}

wr_status wri_emit_barrier(wr_op *op, uint64_t epoch, wr_err *err) {
    for (uint32_t i = 0; i < op->n_out; i++) WR_TRY(wri_barrier(op->out[i].to, epoch, err));
    return WR_OK;
}

/* The barrier has come on all inputs that have not ended. */
static wr_status pass_barrier(wr_op *op, uint64_t epoch, wr_err *err) {
    op->barriers = 0;
    if (op->def->barrier) WR_TRY(op->def->barrier(op, epoch, err));
    wri_saver_at(&op->task->saver, op->node->id);
    op->unsaved = op->def->save_rest != NULL && !op->paged;
    if (op->def->save) {
        int64_t from = op->task->job->sys->mono_us();
        WR_TRY(op->paged ? wri_paged_save(op, &op->task->saver, err)
                         : op->def->save(op, &op->task->saver, err));
        op->task->meter.save_us += op->task->job->sys->mono_us() - from;
    }
    return wri_emit_barrier(op, epoch, err);
}

wr_status wri_barrier(wr_op *op, uint64_t epoch, wr_err *err) {
    op->epoch = epoch;
    wri_meter_barrier(op->task);
    if (++op->barriers + op->ended < op->n_in) return WR_OK;
    return pass_barrier(op, epoch, err);
}

wr_status wri_end(wr_op *op, uint32_t port, wr_err *err) {
    WR_TRY(wri_watermark(op, port, WR_WM_END, err));
    if (++op->ended < op->n_in) {
        if (op->paged) WR_TRY(wri_paged_port_end(op, port, err));
        else if (op->def->port_end) WR_TRY(op->def->port_end(op, port, err));
        bool last = op->barriers > 0 && op->barriers + op->ended == op->n_in;
        return last ? pass_barrier(op, op->epoch, err) : WR_OK;
    }
    if (op->paged) WR_TRY(wri_paged_end(op, err));
    else if (op->def->end) WR_TRY(op->def->end(op, err));
    return wri_emit_end(op, err);
}

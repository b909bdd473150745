/* runtime/ops/over_lead.h -- LEAD in streaming: rows wait for rows behind them. Private to runtime/. */
#ifndef WR_RUNTIME_OVER_LEAD_H
#define WR_RUNTIME_OVER_LEAD_H

#include "over.h"

typedef struct wri_over_lead wri_over_lead;

/* *outp NULL: op has no LEAD. Owner of *outp: the caller. */
wr_status wri_lead_new(wr_op *op, wri_over_lead **outp, wr_err *err) WR_MUST_USE;
size_t wri_lead_rows(const wri_over_lead *l); /* that wait for later ones */
uint32_t wri_lead_key_bytes(wri_over_lead *l, uint32_t key_off);
/* Takes over r->out, whose other calls are done: its rows come out of _emit when they have their values. */
wr_status wri_lead_run(wri_over_lead *l, const wri_over_rows *r, wr_err *err) WR_MUST_USE;
/* Emits rows that are done; at the end of input all, with the default where no row came. */
wr_status wri_lead_emit(wri_over_lead *l, bool end, wr_err *err) WR_MUST_USE;
/* Snapshots: the rows of a key that wait, by its group. */
typedef struct wri_lead_saving {
    struct wri_groups *groups;
    uint32_t tag; /* and space of slots */
} wri_lead_saving;
void wri_lead_saves(wri_over_lead *l, const wri_lead_saving *saving);
wri_slots *wri_lead_slots(wri_over_lead *l);
/* gids: of the rows' keys. */
wr_status wri_lead_load(wri_over_lead *l, wri_states keys, const uint32_t *gids, wr_batch *saved,
                        wr_err *err) WR_MUST_USE;
void wri_lead_free(wri_over_lead *l); /* NULL is allowed */

#endif

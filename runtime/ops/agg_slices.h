/* runtime/ops/agg_slices.h -- windows made of several slices (HOP, CUMULATE). Private to runtime/. */
#ifndef WR_RUNTIME_AGG_SLICES_H
#define WR_RUNTIME_AGG_SLICES_H

#include "agg_calls.h"

typedef struct wri_slices wri_slices;
typedef struct wri_slices_cfg { /* all borrowed */
    wr_op *op;
    wri_calls *calls;
    const wr_win *win;
    const wr_phys *phys;  /* of the keys */
    const uint32_t *keys; /* columns of the partials: 1.. */
    uint32_t n_keys;
} wri_slices_cfg;

wr_status wri_slices_new(const wri_slices_cfg *cfg, wri_slices **outp, wr_err *err) WR_MUST_USE;
/* Takes a batch of partials, all of one slice. */
wr_status wri_slices_add(wri_slices *s, wr_batch *b, wr_err *err) WR_MUST_USE;
/* Emits all windows that watermark wm completes, in order. */
wr_status wri_slices_fire(wri_slices *s, int64_t wm, wr_err *err) WR_MUST_USE;
/* Panes and how far windows have fired; the rest is made from them. */
wr_status wri_slices_save(wri_slices *s, wr_saver *to, wr_err *err) WR_MUST_USE;
wr_status wri_slices_save_rest(wri_slices *s, bool *leftp, wr_err *err) WR_MUST_USE;
wr_status wri_slices_load(wri_slices *s, const wr_saved *saved, wr_err *err) WR_MUST_USE;
uint32_t wri_slices_keys(const wri_slices *s);              /* that some slice holds */
void wri_slices_measure(const wri_slices *s, wr_kept *out); /* adds */
/* Memory is short: all slices go to disk, until windows that hold them have fired. */
wr_status wri_slices_relieve(wri_slices *s, bool *didp, wr_err *err) WR_MUST_USE;
void wri_slices_free(wri_slices *s); /* NULL is allowed */

#endif

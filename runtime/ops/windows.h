/* runtime/ops/windows.h -- arithmetic of windows and slices. Private to runtime/.
 *
 * A slice is [end - slice, end). All values are microseconds; see wr_win in planner/planner.h. */
#ifndef WR_RUNTIME_WINDOWS_H
#define WR_RUNTIME_WINDOWS_H

#include "planner/planner.h"

/* The smallest value >= v that is offset modulo step. */
static inline int64_t wri_ceil_to(int64_t v, int64_t step, int64_t offset) {
    return -(wr_floor_div(-(v - offset), step) * step) + offset;
}
static inline int64_t wri_floor_off(int64_t v, int64_t step, int64_t offset) {
    return wr_floor_div(v - offset, step) * step + offset;
}
/* End of the slice that holds time t. */
static inline int64_t wri_slice_end(const wr_win *w, int64_t t) {
    return wri_floor_off(t, w->slice_us, w->offset_us) + w->slice_us;
}
/* End of the last window that holds the slice ending at `end`. */
static inline int64_t wri_last_end(const wr_win *w, int64_t end) {
    switch (w->kind) {
    case WR_W_HOP:
        return wri_floor_off(end - 1, w->slide_us, w->offset_us) + w->size_us;
    case WR_W_CUMULATE:
        return wri_floor_off(end - 1, w->size_us, w->offset_us) + w->size_us;
    default:
        return end;
    }
}
/* End of the first window that holds the slice ending at `end` and is still open at watermark wm. */
static inline int64_t wri_first_open(const wr_win *w, int64_t end, int64_t wm) {
    int64_t step = w->kind == WR_W_HOP || w->kind == WR_W_CUMULATE ? w->slide_us : 0;
    int64_t first = step ? wri_ceil_to(end, step, w->offset_us) : end;
    if (!step || wm == WR_WM_NONE || first - w->tick_us > wm) return first;
    return wri_ceil_to(wm + w->tick_us + 1, step, w->offset_us);
}

#endif

/* runtime/waits.c -- lists of what waits in an operator: the first few, and how much there is in all. */
#include "op.h"

static bool before(const wr_wait *a, const wr_wait *b) {
    if (a->due_us != b->due_us) return a->due_us < b->due_us;
    return a->end_us != b->end_us ? a->end_us < b->end_us : a->start_us < b->start_us;
}

/* Puts x among the first; true: it is a part of one that is there. */
static bool list(wr_waits *w, const wr_wait *x) {
    uint32_t i = w->n_first;
    while (i > 0 && before(x, &w->first[i - 1])) i--;
    if (i > 0 && !before(&w->first[i - 1], x)) {
        w->first[i - 1].rows += x->rows;
        w->first[i - 1].at_most |= x->keys > 0 && w->first[i - 1].keys > 0;
        w->first[i - 1].keys += x->keys;
        return true;
    }
    if (i == WRI_WAITS_SHOWN) return false;
    uint32_t kept = w->n_first < WRI_WAITS_SHOWN ? w->n_first++ : WRI_WAITS_SHOWN - 1;
    for (uint32_t k = kept; k > i; k--) w->first[k] = w->first[k - 1];
    w->first[i] = *x;
    return false;
}

void wri_waits_add(wr_waits *w, wr_wait x) {
    w->rows += x.rows;
    w->keys += x.keys;
    w->n += !list(w, &x);
}

/* Of windows that other parts have, too, those beyond the first few count as the same. */
void wri_waits_merge(wr_waits *w, const wr_waits *from) {
    uint64_t n = w->n, listed = w->n_first;
    uint64_t beyond = n > listed ? n - listed : 0,
             theirs = from->n > from->n_first ? from->n - from->n_first : 0;
    if (!from->what) return;
    if (!w->what) {
        *w = *from;
        return;
    }
    w->rows += from->rows;
    w->keys += from->keys;
    uint64_t fresh = 0;
    for (uint32_t i = 0; i < from->n_first; i++) fresh += !list(w, &from->first[i]);
    if (!w->shared) w->n += from->n;
    else w->n = listed + fresh + (beyond > theirs ? beyond : theirs);
}

/* Text that does not fit its view is guessed to be as long as it. */
size_t wri_row_bytes(const wr_schema *s) {
    size_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) n += wr_type_phys(s->fields[i].type) == WR_STR ? 32 : 8;
    return n;
}

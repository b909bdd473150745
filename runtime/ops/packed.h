/* runtime/ops/packed.h -- columns that wait, in little room. Private to runtime/.
 *
 * Partial states of a slice are mostly small numbers, and a window of many slices keeps many of them. A
 * column of 64-bit values is kept as its least value and offsets from it of 0, 1, 2, 4 or 8 bytes. */
#ifndef WR_RUNTIME_PACKED_H
#define WR_RUNTIME_PACKED_H

#include "core/core.h"

typedef struct wri_packed wri_packed;

/* Copies columns first..first + n_cols of b, strings included; NULL on OOM. Owner: the caller, by _free. */
wri_packed *wri_pack(const wr_batch *b, uint32_t first, uint32_t n_cols);
void wri_packed_free(wri_packed *p); /* NULL is allowed */
uint32_t wri_packed_rows(const wri_packed *p);
size_t wri_packed_bytes(const wri_packed *p);
/* The columns as a batch, which *scratchp owns and the next call uses again (NULL at first; dropped by the
 * caller in the end). Strings stay in p. */
wr_status wri_unpack(const wri_packed *p, wr_batch **scratchp, wr_err *err) WR_MUST_USE;

#endif

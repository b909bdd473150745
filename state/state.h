/* state/state.h -- what survives: the one header of state/ for the rooms above it. */
#ifndef WR_STATE_H
#define WR_STATE_H

#include "state/snapshots/snapshots.h"
#include "state/streams/streams.h"

/* CRC32C (Castagnoli) of p[0..n), going on from crc; 0 begins. */
uint32_t wr_crc32c(uint32_t crc, const void *p, size_t n);

#endif

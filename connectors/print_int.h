/* connectors/print_int.h -- the sink that print and stdout share. Private to print.c and std.c. */
#ifndef WR_PRINT_INT_H
#define WR_PRINT_INT_H

#include "conn_int.h"

#define WRI_PRINT_OPTIONS 1
extern const wr_option wri_print_options[WRI_PRINT_OPTIONS];

wr_status wri_print_open(const wr_sink_cfg *cfg, wr_sink **outp, wr_err *err);
wr_status wri_print_write(wr_sink *s, const char *p, size_t n, wr_err *err);
void wri_print_close(wr_sink *s);

#endif

/* connectors/formats/table_int.h -- characters on a terminal, for table.c. */
#ifndef WRI_FORMATS_TABLE_INT_H
#define WRI_FORMATS_TABLE_INT_H

#include "connectors/formats/convert.h"

/* Columns that a printable character takes: 0 (combining), 1 or 2 (East Asian wide, emoji). */
uint32_t wri_glyph_width(uint32_t c);
/* The character at p[0..n), n > 0, and its length; U+FFFD of length 1 where it is not UTF-8. */
uint32_t wri_glyph_next(const char *p, size_t n, size_t *lenp);

#endif

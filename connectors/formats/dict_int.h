/* connectors/formats/dict_int.h -- dictionary codes for string columns of low cardinality.
 *
 * One per decoder and column: an open-addressing table from string views to codes of a wr_dict. It gives up
 * for good when the column turns out to have many distinct values. Same thread as the decoder. */
#ifndef WRI_DICT_INT_H
#define WRI_DICT_INT_H

#include "core/core.h"

#define WRI_DICT_MAX 65536 /* distinct values; a column with more gets no codes */

typedef struct wri_dict {
    wr_dict *values;        /* one reference; NULL: given up */
    uint32_t asked, missed; /* in the current window of WRI_DICT_WINDOW values */
} wri_dict;

wr_status wri_dict_new(wri_dict **outp) WR_MUST_USE;
void wri_dict_free(wri_dict *d);
/* codes[i] of s[i]. False: the dictionary has given up (or is out of memory); codes are void. */
bool wri_dict_encode(wri_dict *d, const wr_str *s, uint32_t n, uint32_t *codes);

#endif

/* connectors/formats/json_encode_int.h -- the JSON lines encoder, for the definition of the format in json.c.
 */
#ifndef WRI_FORMATS_JSON_ENCODE_INT_H
#define WRI_FORMATS_JSON_ENCODE_INT_H

#include "connectors/connectors.h"

/* Options the encoder reads; json.c's table must have one of that name and these values. */
#define WRI_JSON_TIME_OPTION "timestamp_format" /* WRI_TIME_FORMATS of convert.h */

wr_status wri_json_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err) WR_MUST_USE;
wr_status wri_json_encode(wr_encoder *e, const wr_batch *b, wr_buf *out, wr_err *err) WR_MUST_USE;
void wri_json_close_encoder(wr_encoder *e);

/* p[0..n) as a JSON string with its quotes; out has room for 6 * n + 2 + WR_PAD bytes. What is not UTF-8
 * becomes U+FFFD. */
size_t wri_json_string(const char *p, size_t n, char *out);

#endif

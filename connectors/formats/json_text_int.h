/* connectors/formats/json_text_int.h -- small things about text that the JSON decoder needs. */
#ifndef WRI_JSON_TEXT_INT_H
#define WRI_JSON_TEXT_INT_H

#include "connectors/formats/json_int.h"

/* Writes the string p[0..n) without its (checked) escapes to out, which may take n bytes; returns how many.
 */
size_t wri_json_unescape(const char *p, size_t n, char *out);
/* Bytes of the first `chars` characters of valid UTF-8. */
size_t wri_json_cut(const char *p, size_t n, size_t chars);
/* The byte behind the character at p, which is above 127; NULL: no UTF-8. */
const char *wri_json_char(const char *p, const char *end);

#endif

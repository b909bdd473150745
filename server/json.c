/* server/json.c -- values that answers and lines share, as JSON. */
#include <nettle/base64.h>

#include "server_int.h"

json_t *wri_json_time(int64_t us) {
    char text[WR_TEXT_MAX + 1];
    text[wr_write_timestamp(wr_floor_to(us, 1000), 3, true, text)] = 0;
    return json_string(text);
}

json_t *wri_json_watermark(int64_t us) {
    if (us == WR_WM_NONE) return json_null();
    return us == WR_WM_END ? json_string("end") : wri_json_time(us);
}

void wri_json_bytes(json_t *o, const char *key, const char *p, size_t n) {
    char name[64], *text;
    if (wr_utf8_valid(p, n)) {
        json_object_set_new(o, key, json_stringn(p, n));
        return;
    }
    snprintf(name, sizeof name, "%s_base64", key);
    if (!(text = wr_alloc(BASE64_ENCODE_RAW_LENGTH(n) + 1))) return;
    base64_encode_raw(text, n, (const uint8_t *)p);
    json_object_set_new(o, name, json_stringn(text, BASE64_ENCODE_RAW_LENGTH(n)));
    wr_free(text);
}

static int dump(const char *p, size_t n, void *buf) { return wr_buf_write(buf, p, n); }

wr_status wri_json_write(const json_t *o, wr_buf *out) {
    return json_dump_callback(o, dump, out, JSON_COMPACT) == 0 ? WR_OK : WR_ENOMEM;
}

/* runtime/ops/changelog_lines.h -- pieces of JSON text that are decoded at once. Private to runtime/.
 *
 *   add(text)…; decode(); per line: why[i], or its row; reset()
 *
 * Texts are put one behind the other as lines; a line that cannot be decoded says why. One thread owns it. */
#ifndef WR_RUNTIME_CHANGELOG_LINES_H
#define WR_RUNTIME_CHANGELOG_LINES_H

#include "../job_int.h"

typedef struct wri_lines {
    const wr_format_def *json;
    wr_decoder *dec;
    wr_buf text;
    size_t *starts; /* of each line in text */
    size_t n, starts_cap;
    const char **why; /* per line: NULL, or why it is no row; until _reset */
    uint32_t *rows;   /* per line that is one: the number of its row */
    size_t why_cap, rows_cap;
    wr_arena whys;
    const char *base; /* of the text that is being decoded */
    bool oom;
    uint32_t batch_rows;
    wr_batches batches;
} wri_lines;

/* schema is borrowed. */
wr_status wri_lines_open(wri_lines *l, const wr_schema *schema, const wr_kv *options, size_t n_options,
                         uint32_t batch_rows, wr_err *err) WR_MUST_USE;
void wri_lines_close(wri_lines *l);
/* text: an object. */
wr_status wri_lines_add(wri_lines *l, const wr_str *text, wr_err *err) WR_MUST_USE;
wr_status wri_lines_decode(wri_lines *l, wr_err *err) WR_MUST_USE;
wr_batch *wri_lines_row(const wri_lines *l, size_t line,
                        uint32_t *rowp); /* of a line without why; borrowed */
void wri_lines_reset(wri_lines *l);

#endif

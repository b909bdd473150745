/* connectors/formats/csv_int.h -- what csv.c (options, framing), csv_decode.c and csv_encode.c share. */
#ifndef WRI_FORMATS_CSV_INT_H
#define WRI_FORMATS_CSV_INT_H

#include "connectors/formats/convert.h"

typedef struct wri_csv_options {
    bool header;
    const char *delimiter; /* 1 to 1 + WRI_CSV_MORE characters, \t for a tab */
    const char *quote;     /* one character, or "none" */
    const char *null_text; /* unquoted text that is NULL */
    int timestamp_format;  /* wri_time_format */
    int coercion;          /* index of WRI_COERCIONS */
    const char *row_delimiter;
} wri_csv_options;

#define WRI_CSV_MORE 4 /* characters of a delimiter behind its first */

/* What splitting into records and fields needs; fits the state of framing. */
typedef struct wri_csv_dialect {
    char delimiter, quote;   /* quote 0: none */
    char more[WRI_CSV_MORE]; /* of the delimiter, behind its first character */
    uint8_t n_more;
    char row; /* ends a row, too, beside line ends; '\n': nothing else does */
    bool header;
} wri_csv_dialect;

wr_status wri_csv_read_options(const wr_kv *kvs, size_t n_kvs, wri_csv_options *outp,
                               wri_csv_dialect *dialectp, wr_err *err) WR_MUST_USE;
/* A whole delimiter begins at p, of n bytes, n > 0. The first one that does counts: "|||" is "||" and a bar.
 */
static inline bool wri_csv_delimits(const wri_csv_dialect *d, const char *p, size_t n) {
    return *p == d->delimiter && n > d->n_more && memcmp(p + 1, d->more, d->n_more) == 0;
}
/* Length of the first record with its line end; n when it has none. */
size_t wri_csv_first_record(const char *p, size_t n, const wri_csv_dialect *d);

wr_status wri_csv_open_decoder(const wr_decode_cfg *cfg, wr_decoder **outp, wr_err *err);
wr_status wri_csv_decode(wr_decoder *d, const wr_chunk *c, wr_batches *out, wr_err *err);
void wri_csv_close_decoder(wr_decoder *d);
wr_status wri_csv_open_encoder(const wr_encode_cfg *cfg, wr_encoder **outp, wr_err *err);
wr_status wri_csv_header(wr_encoder *e, wr_buf *out, wr_err *err);
wr_status wri_csv_encode(wr_encoder *e, const wr_batch *b, wr_buf *out, wr_err *err);
void wri_csv_close_encoder(wr_encoder *e);

#endif

/* connectors/zip.c -- bytes packed as gzip or zstd.
 *
 * Members are ended at each flush: what is on disk then is a whole file of its own, which can be cut back
 * to that length and continued. */
#define ZLIB_CONST /* input is const */
#include <zlib.h>
#include <zstd.h>

#include "conn_int.h"

struct wri_zip {
    wri_compression kind;
    bool open; /* a member has been begun */
    z_stream gz;
    ZSTD_CStream *zstd;
};

static void *gz_alloc(void *ctx, unsigned n, unsigned bytes) {
    (void)ctx;
    return wr_calloc(n, bytes);
}
static void gz_free(void *ctx, void *p) {
    (void)ctx;
    wr_free(p);
}

void wri_gz_memory(z_stream *z) {
    z->zalloc = gz_alloc;
    z->zfree = gz_free;
}

wr_status wri_zip_new(wri_compression kind, wri_zip **outp, wr_err *err) {
    *outp = NULL;
    wri_zip *z = wr_calloc(1, sizeof *z);
    if (!z) return wr_fail_oom(err, "packing");
    z->kind = kind;
    wri_gz_memory(&z->gz);
    bool ok = kind == WRI_GZIP ? deflateInit2(&z->gz, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                                              Z_DEFAULT_STRATEGY) == Z_OK
                               : (z->zstd = ZSTD_createCStream()) != NULL;
    if (!ok) {
        wri_zip_free(z);
        return wr_fail_oom(err, "packing");
    }
    *outp = z;
    return WR_OK;
}

/* One step; *more: the same call again has more to give. */
static wr_status gz_step(wri_zip *z, const char **pp, size_t *np, bool finish, wr_buf *out, bool *more) {
    z->gz.next_in = (const Bytef *)*pp;
    z->gz.avail_in = *np < (1u << 30) ? (uInt)*np : 1u << 30;
    bool rest = z->gz.avail_in < *np;
    z->gz.next_out = (Bytef *)out->data + out->len;
    size_t room = out->cap - out->len;
    z->gz.avail_out = room < (1u << 30) ? (uInt)room : 1u << 30;
    uInt before = z->gz.avail_out;
    int rc = deflate(&z->gz, finish && !rest ? Z_FINISH : Z_NO_FLUSH);
    out->len += before - z->gz.avail_out;
    *np -= (size_t)((const char *)z->gz.next_in - *pp);
    *pp = (const char *)z->gz.next_in;
    *more = rc != Z_STREAM_END && (*np > 0 || finish);
    if (rc == Z_STREAM_END && deflateReset(&z->gz) != Z_OK) return WR_ENOMEM;
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? WR_OK : WR_EINTERNAL;
}

static wr_status zstd_step(wri_zip *z, const char **pp, size_t *np, bool finish, wr_buf *out, bool *more) {
    ZSTD_inBuffer i = {*pp, *np, 0};
    ZSTD_outBuffer o = {out->data, out->cap, out->len};
    size_t rc = ZSTD_compressStream2(z->zstd, &o, &i, finish ? ZSTD_e_end : ZSTD_e_continue);
    out->len = o.pos;
    *pp += i.pos;
    *np -= i.pos;
    *more = *np > 0 || (finish && rc != 0);
    if (ZSTD_isError(rc)) return WR_ENOMEM; /* nothing else goes wrong while packing memory to memory */
    return WR_OK;
}

wr_status wri_zip_run(wri_zip *z, const char *p, size_t n, bool finish, wr_buf *out, wr_err *err) {
    if (n > 0) z->open = true;
    bool more = z->open && (n > 0 || finish);
    while (more) {
        wr_status s = wr_buf_reserve(out, 16384);
        if (s == WR_OK)
            s = z->kind == WRI_GZIP ? gz_step(z, &p, &n, finish, out, &more)
                                    : zstd_step(z, &p, &n, finish, out, &more);
        if (s == WR_ENOMEM) return wr_fail_oom(err, "packing");
        if (s != WR_OK) return wr_fail(err, s, "%s could not pack the output", wri_compression_name(z->kind));
    }
    if (finish) z->open = false;
    return WR_OK;
}

void wri_zip_free(wri_zip *z) {
    if (!z) return;
    if (z->kind == WRI_GZIP) deflateEnd(&z->gz);
    ZSTD_freeCStream(z->zstd);
    wr_free(z);
}

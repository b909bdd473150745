/* connectors/unzip.c -- gzip and zstd as streams of bytes, unpacked.
 *
 * A gzip file is a series of members, a zstd file a series of frames; both are read to the end, as
 * their own programs do. Zero bytes behind a gzip member are padding; anything else is an error. */
#define ZLIB_CONST /* input is const */
#include <zlib.h>
#include <zstd.h>

#include "conn_int.h"

struct wri_unzip {
    wri_compression kind;
    bool between; /* the input so far ends where a member ends */
    z_stream gz;
    ZSTD_DStream *zstd;
};

const char *wri_compression_name(wri_compression c) {
    switch (c) {
    case WRI_AUTO:
        return "auto";
    case WRI_NONE:
        return "none";
    case WRI_GZIP:
        return "gzip";
    case WRI_ZSTD:
        return "zstd";
    }
    return "?";
}

wri_compression wri_magic(const char *p, size_t n, bool last) {
    static const unsigned char gzip[] = {0x1f, 0x8b, 0x08}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    static const unsigned char skippable[] = {0x2a, 0x4d, 0x18}; /* behind 0x50..0x5f */
    bool as_gzip = memcmp(p, gzip, n < 3 ? n : 3) == 0;
    bool as_zstd = memcmp(p, zstd, n < 4 ? n : 4) == 0;
    bool as_skip =
        n > 0 && ((unsigned char)p[0] & 0xf0) == 0x50 && memcmp(p + 1, skippable, n - 1 < 3 ? n - 1 : 3) == 0;
    if (as_gzip && n >= 3) return WRI_GZIP;
    if ((as_zstd || as_skip) && n >= 4) return WRI_ZSTD;
    if (last || !(n == 0 || as_gzip || as_zstd || as_skip)) return WRI_NONE;
    return WRI_AUTO;
}

wr_status wri_unzip_new(wri_compression kind, wri_unzip **outp, wr_err *err) {
    *outp = NULL;
    wri_unzip *z = wr_calloc(1, sizeof *z);
    if (!z) return wr_fail_oom(err, "unpacking");
    z->kind = kind;
    z->between = true;
    wri_gz_memory(&z->gz);
    bool ok = kind == WRI_GZIP ? inflateInit2(&z->gz, 15 + 16) == Z_OK /* 32 KiB window, gzip header */
                               : (z->zstd = ZSTD_createDStream()) != NULL;
    if (!ok) {
        wri_unzip_free(z);
        return wr_fail_oom(err, "unpacking");
    }
    *outp = z;
    return WR_OK;
}

static uInt clamp(size_t n) { return n < (1u << 30) ? (uInt)n : 1u << 30; }

static wr_status gz_run(wri_unzip *z, const char *in, size_t n, size_t *tookp, char *out, size_t cap,
                        size_t *madep, const char **whyp) {
    size_t padding = 0;
    if (z->between)
        while (padding < n && in[padding] == 0) padding++;
    *tookp = padding;
    if (padding == n && z->between) return WR_OK;
    z->between = false;
    z->gz.next_in = (const Bytef *)in + padding;
    z->gz.avail_in = clamp(n - padding);
    z->gz.next_out = (Bytef *)out;
    z->gz.avail_out = clamp(cap);
    int rc = inflate(&z->gz, Z_NO_FLUSH);
    *tookp = (size_t)((const char *)z->gz.next_in - in);
    *madep = (size_t)((char *)z->gz.next_out - out);
    if (rc == Z_STREAM_END) {
        z->between = true;
        return inflateReset(&z->gz) == Z_OK ? WR_OK : WR_ENOMEM;
    }
    if (rc == Z_OK || rc == Z_BUF_ERROR) return WR_OK;
    if (rc == Z_MEM_ERROR) return WR_ENOMEM;
    *whyp = z->gz.msg ? z->gz.msg : rc == Z_NEED_DICT ? "needs a preset dictionary" : "broken data";
    return WR_EDATA;
}

static wr_status zstd_run(wri_unzip *z, const char *in, size_t n, size_t *tookp, char *out, size_t cap,
                          size_t *madep, const char **whyp) {
    if (z->between && n == 0) return WR_OK;
    ZSTD_inBuffer i = {in, n, 0};
    ZSTD_outBuffer o = {out, cap, 0};
    size_t rc = ZSTD_decompressStream(z->zstd, &o, &i);
    *tookp = i.pos;
    *madep = o.pos;
    if (ZSTD_isError(rc)) {
        *whyp = ZSTD_getErrorName(rc);
        return WR_EDATA;
    }
    z->between = rc == 0;
    return WR_OK;
}

wr_status wri_unzip_run(wri_unzip *z, const char *in, size_t n, size_t *tookp, char *out, size_t cap,
                        size_t *madep, const char **whyp) {
    *tookp = *madep = 0;
    *whyp = NULL;
    return z->kind == WRI_GZIP ? gz_run(z, in, n, tookp, out, cap, madep, whyp)
                               : zstd_run(z, in, n, tookp, out, cap, madep, whyp);
}

bool wri_unzip_whole(const wri_unzip *z) { return z->between; }

void wri_unzip_free(wri_unzip *z) {
    if (!z) return;
    if (z->kind == WRI_GZIP) inflateEnd(&z->gz); /* harmless where inflateInit failed */
    ZSTD_freeDStream(z->zstd);
    wr_free(z);
}

/* connectors/reader.c -- a descriptor read piece by piece into chunks.
 *
 *   fd ─read─► (raw ─unpack─►) buf ─cut at a record end─► chunk, the rest is carried over
 *
 * buf is private while it is being filled. A chunk that fills most of it takes it along and the rest
 * moves to a new one; a small chunk (a slow stream) is copied out, so that buf stays. Either way nobody
 * writes into memory that a chunk, or the padding behind it, shows to another thread.
 *
 * A failure is told only after the whole records before it have been delivered, and from then on. */
#include "conn_int.h"

#include <errno.h>

#define RAW_BYTES  (128 * 1024)
#define COPY_BYTES (64 * 1024) /* chunks up to this are copied out of the buffer */

int wri_open(const wr_sys *sys, const char *path, int flags, mode_t mode) {
    int fd;
    do fd = sys->open(path, flags, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* The largest buffer that is ever needed: for a chunk of the usual size, or for one long record. */
static size_t most_bytes(const wri_reader *r) {
    return r->cfg.chunk_bytes > r->cfg.cut->record_max ? r->cfg.chunk_bytes : r->cfg.cut->record_max;
}

wr_status wri_reader_open(wri_reader *r, const wri_reader_cfg *cfg, int fd, wr_err *err) {
    *r = (wri_reader){.cfg = *cfg, .fd = fd};
    r->decided = cfg->compression == WRI_NONE;
    r->buf = wr_bytes_new(r->cfg.chunk_bytes);
    if (!r->buf) return wr_fail_oom(err, "a read buffer");
    if (!r->decided && !(r->raw = wr_alloc(RAW_BYTES))) return wr_fail_oom(err, "a read buffer");
    return WR_OK;
}

void wri_reader_finish(wri_reader *r) { r->eof = true; }

void wri_reader_restart(wri_reader *r, int fd) {
    r->fd = fd;
    r->eof = false;
    __atomic_store_n(&r->at, 0, __ATOMIC_RELAXED);
    wri_cutter_restart(r->cfg.cut);
}

void wri_reader_close(wri_reader *r) {
    wri_unzip_free(r->unzip);
    wr_free(r->raw);
    wr_drop(r->buf ? &r->buf->ref : NULL);
    *r = (wri_reader){.fd = -1};
}

/* ---- bytes in ---- */

static bool ready(const wri_reader *r) {
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    int n;
    do n = r->cfg.sys->poll(&p, 1, 0);
    while (n < 0 && errno == EINTR);
    return n != 0; /* an error of poll is left for read to tell */
}

/* Reads up to n > 0 bytes. WR_EOF also where the end is only the end for now. */
static wr_status read_some(wri_reader *r, char *p, size_t n, size_t *gotp, wr_err *err) {
    const wr_sys *sys = r->cfg.sys;
    ssize_t k;
    *gotp = 0;
    do {
        if (r->cfg.waits && !ready(r)) return WR_AGAIN;
        k = r->cfg.follows ? sys->pread(r->fd, p, n, (off_t)r->at) : sys->read(r->fd, p, n);
    } while (k < 0 && errno == EINTR);
    if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return WR_AGAIN;
    if (k < 0)
        return wr_fail(err, WR_EIO, "%s: cannot read at byte %lld: %s", r->cfg.name, (long long)r->at,
                       strerror(errno));
    if (k == 0) return WR_EOF;
    *gotp = (size_t)k;
    __atomic_store_n(&r->at, r->at + k, __ATOMIC_RELAXED);
    return WR_OK;
}

/* Reads into raw behind what is there. */
static wr_status read_raw(wri_reader *r, wr_err *err) {
    if (r->raw_len == 0) r->raw_from = 0;
    size_t end = r->raw_from + r->raw_len, got;
    wr_status s = read_some(r, r->raw + end, RAW_BYTES - end, &got, err);
    r->raw_len += got;
    return s;
}

/* Looks at the first bytes until they tell whether the rest is packed. */
static wr_status decide(wri_reader *r, wr_err *err) {
    wri_compression c = r->cfg.compression;
    while (c == WRI_AUTO) {
        wr_status s = read_raw(r, err);
        if (s != WR_OK && s != WR_EOF) return s;
        c = wri_magic(r->raw, r->raw_len, s == WR_EOF);
    }
    if (c != WRI_NONE) WR_TRY(wri_unzip_new(c, &r->unzip, err));
    r->cfg.compression = c;
    r->decided = true;
    return WR_OK;
}

/* Plain bytes: first those that decide() looked at, then straight from the descriptor. */
static wr_status fill_plain(wri_reader *r, wr_err *err) {
    size_t room = r->buf->cap - r->len, got = r->raw_len < room ? r->raw_len : room;
    wr_status s = WR_OK;
    if (got > 0) {
        memcpy(r->buf->data + r->len, r->raw + r->raw_from, got);
        r->raw_from += got;
        r->raw_len -= got;
    } else s = read_some(r, r->buf->data + r->len, room, &got, err);
    r->len += got;
    return s;
}

static wr_status cut_short(const wri_reader *r, wr_err *err) {
    return wr_fail(err, WR_EIO,
                   "%s: the %s data ends at byte %lld in the middle; the file is incomplete, copy it anew",
                   r->cfg.name, wri_compression_name(r->cfg.compression), (long long)r->at);
}

static wr_status fill_packed(wri_reader *r, wr_err *err) {
    size_t took, made;
    const char *why;
    wr_status s = wri_unzip_run(r->unzip, r->raw + r->raw_from, r->raw_len, &took, r->buf->data + r->len,
                                r->buf->cap - r->len, &made, &why);
    r->raw_from += took;
    r->raw_len -= took;
    r->len += made;
    if (s == WR_ENOMEM) return wr_fail_oom(err, "unpacking");
    if (s != WR_OK)
        return wr_fail(err, WR_EIO, "%s: broken %s data near byte %lld: %s", r->cfg.name,
                       wri_compression_name(r->cfg.compression), (long long)(r->at - (int64_t)r->raw_len),
                       why);
    if (took > 0 || made > 0) return WR_OK;
    s = read_raw(r, err);
    return s == WR_EOF && !wri_unzip_whole(r->unzip) ? cut_short(r, err) : s;
}

/* Fills buf. WR_OK: it is full or the end has come; WR_AGAIN: nothing more for now. */
static wr_status fill(wri_reader *r, wr_err *err) {
    if (!r->decided && !r->eof) WR_TRY(decide(r, err));
    while (r->len < r->buf->cap && !r->eof) {
        wr_status s = r->unzip ? fill_packed(r, err) : fill_plain(r, err);
        if (s == WR_EOF && r->cfg.follows) return WR_AGAIN;
        if (s == WR_EOF) r->eof = true;
        else if (s != WR_OK) return s;
    }
    return WR_OK;
}

/* ---- chunks out ---- */

static void drop_front(wri_reader *r, size_t n) {
    r->len -= n;
    r->pos += (int64_t)n;
    if (r->len > 0) memmove(r->buf->data, r->buf->data + n, r->len);
}

/* A new buffer of at least cap bytes that begins with the n bytes at p. */
static wr_bytes *buffer_of(size_t cap, const char *p, size_t n) {
    wr_bytes *b = wr_bytes_new(cap);
    if (b && n > 0) memcpy(b->data, p, n);
    return b;
}

/* Gives the first piece of buf away; the rest stays in a private buffer. */
static wr_status deliver(wri_reader *r, wri_piece piece, wr_chunk *out, wr_err *err) {
    wr_bytes *give = r->buf;
    size_t rest = r->len - piece.take;
    bool copy = piece.show <= COPY_BYTES;
    size_t cap = rest * 2 > r->cfg.chunk_bytes ? rest * 2 : r->cfg.chunk_bytes;
    if (cap > most_bytes(r)) cap = most_bytes(r); /* still more than rest, which is a part of buf */
    wr_bytes *fresh =
        copy ? buffer_of(piece.show, give->data, piece.show) : buffer_of(cap, give->data + piece.take, rest);
    if (!fresh) return wr_fail_oom(err, "a chunk");
    *out = wri_chunk(r->cfg.cut, piece);
    out->pos = r->pos;
    if (copy) {
        give = fresh;
        drop_front(r, piece.take);
    } else {
        r->buf = fresh;
        r->len = rest;
        r->pos += (int64_t)piece.take;
    }
    memset(give->data + piece.show, 0, WR_PAD);
    out->data = give->data;
    out->hold = &give->ref;
    return WR_OK;
}

/* Room for a record longer than buf. */
static wr_status grow(wri_reader *r, wr_err *err) {
    size_t cap = r->buf->cap > most_bytes(r) / 2 ? most_bytes(r) : r->buf->cap * 2;
    wr_bytes *b = buffer_of(cap, r->buf->data, r->len);
    if (!b) return wr_fail_oom(err, "a long record");
    wr_drop(&r->buf->ref);
    r->buf = b;
    return WR_OK;
}

/* The next chunk from what is buffered; WR_AGAIN: no record ends in it. */
static wr_status cut_buffered(wri_reader *r, wr_chunk *out, wr_err *err) {
    for (;;) {
        wri_piece piece;
        WR_TRY(wri_cut(r->cfg.cut, r->buf->data, r->len, r->eof, &piece, err));
        if (piece.show > 0) return deliver(r, piece, out, err);
        if (piece.take == 0) return WR_AGAIN;
        drop_front(r, piece.take);
    }
}

wr_status wri_reader_next(wri_reader *r, wr_chunk *out, wr_err *err) {
    int64_t from = r->pos;
    *out = (wr_chunk){0};
    for (;;) {
        wr_status filled = r->failed;
        if (filled == WR_OK) filled = fill(r, &r->failure);
        if (filled == WR_ENOMEM && r->failed == WR_OK) return wr_fail_oom(err, "reading");
        if (filled < 0) r->failed = filled;
        wr_status s = cut_buffered(r, out, err);
        if (s != WR_AGAIN) return s;
        if (r->failed != WR_OK) return wr_fail(err, r->failed, "%s", r->failure.msg);
        if (r->eof && r->len == 0) return WR_EOF;
        /* A record without end (/dev/zero) would keep the caller here for ever, deaf to a stop. */
        if (r->pos - from >= WRI_SKIP_BYTES && !r->cfg.follows) return WR_AGAIN;
        if (r->len == r->buf->cap) WR_TRY(grow(r, err));
        else if (filled == WR_AGAIN) return WR_AGAIN;
    }
}

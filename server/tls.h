/* server/tls.h -- TLS by OpenSSL, as bytes in and bytes out; no sockets. Part of server_int.h.
 *
 *   from the socket ─► wri_secure_feed ─► wri_secure_read ─► what the client says
 *   to the socket ◄─ wri_secure_take ◄─ wri_secure_write ◄─ what is said to it
 *
 * A wri_tls is a certificate and its key, and never changes: another certificate is another wri_tls, and each
 * wri_secure keeps what it began with alive. TLS 1.2 and 1.3, forward secrecy and AEAD only, no
 * renegotiation, no compression, no early data. One thread at a time for each object. */
#ifndef WR_SERVER_TLS_H
#define WR_SERVER_TLS_H

#include "core/core.h"

typedef struct wri_tls wri_tls;
typedef struct wri_secure wri_secure; /* a connection */

/* Reads both files, in PEM: the certificate with those that lead to its signer behind it. WR_EINVAL: what is
 * wrong with which of them. May block. */
wr_status wri_tls_load(const char *cert, const char *key, wri_tls **outp, wr_err *err) WR_MUST_USE;
void wri_tls_free(wri_tls *t);             /* NULL is allowed; connections go on */
int64_t wri_tls_ends_us(const wri_tls *t); /* when the certificate runs out, wall clock */

wri_secure *wri_secure_new(wri_tls *t); /* NULL: no memory */
void wri_secure_free(wri_secure *s);    /* NULL is allowed */
/* p[0..n) has come. False: no memory. */
bool wri_secure_feed(wri_secure *s, const char *p, size_t n);

typedef enum wri_heard {
    WRI_HEARD_NOTHING, /* of what has come; feed it more */
    WRI_HEARD_UP,      /* the handshake is done; once */
    WRI_HEARD_DATA,    /* *np bytes in out */
    WRI_HEARD_END,     /* the client says no more, and may still listen */
    WRI_HEARD_NOISE    /* this is no TLS, or none that we speak; wri_secure_take has what tells it so */
} wri_heard;
wri_heard wri_secure_read(wri_secure *s, char *out, size_t cap, size_t *np);
/* False: no memory. After WRI_HEARD_UP only. */
bool wri_secure_write(wri_secure *s, const char *p, size_t n);
void wri_secure_end(wri_secure *s); /* says that no more is said */
/* Appends what is to be sent, which may be nothing. */
wr_status wri_secure_take(wri_secure *s, wr_buf *out) WR_MUST_USE;

#endif

/* server/tls.c -- TLS by OpenSSL over buffers in memory.
 *
 * A client costs no more than what it sends: a handshake is bounded by OpenSSL (and in time by the
 * connection), a renegotiation is refused, and one who makes us answer again and again beside its requests
 * (renegotiations, updates of keys) is cut after ASIDES_MAX of such answers: they would pile up unread. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "files.h"

#define ASIDES_MAX 4096 /* [bytes] */

struct wri_tls {
    SSL_CTX *ctx;
    int64_t ends_us;
};

struct wri_secure {
    SSL *ssl;
    BIO *in, *out;         /* ssl's */
    bool up, over, broken; /* over: nothing more can be heard; broken: nor said */
    size_t asides;         /* bytes that were sent without anybody having said anything */
};

/* ---- certificate and key ---- */

/* What OpenSSL said last, as a text; and forgets it. */
static const char *reason(void) {
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return why ? why : "for no reason that OpenSSL gives";
}

/* It may have held a key. */
static void forget(wr_buf *text) {
    if (text->data) OPENSSL_cleanse(text->data, text->cap);
    wr_buf_free(text);
}

static wr_status no_memory(wr_err *err) { return wr_fail_oom(err, "TLS"); }

static int64_t end_of(const X509 *cert) {
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1) return 0;
    return (int64_t)timegm(&tm) * WR_US_PER_SECOND;
}

/* The first certificate is ours, those behind it lead to who signed it. */
static wr_status take_certs(wri_tls *t, BIO *bio, const char *path, wr_err *err) {
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (!cert)
        return wr_fail(err, WR_EINVAL,
                       "there is no certificate in '%s' (%s): expected -----BEGIN CERTIFICATE-----", path,
                       reason());
    t->ends_us = end_of(cert);
    bool ok = SSL_CTX_use_certificate(t->ctx, cert) == 1;
    X509_free(cert);
    if (!ok) return wr_fail(err, WR_EINVAL, "the certificate '%s' cannot be used: %s", path, reason());
    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (SSL_CTX_add0_chain_cert(t->ctx, cert) == 1) continue;
        X509_free(cert);
        return wr_fail(err, WR_EINVAL, "a certificate behind the first in '%s' cannot be used: %s", path,
                       reason());
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error(); /* the end of the file */
        return WR_OK;
    }
    return wr_fail(err, WR_EINVAL, "a certificate behind the first in '%s' is damaged: %s", path, reason());
}

/* Nobody is there to be asked. */
static int no_passphrase(char *buf, int size, int writing, void *asked) {
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static wr_status take_key(wri_tls *t, BIO *bio, const char *cert, const char *path, wr_err *err) {
    bool asked = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
    if (!key && asked) {
        ERR_clear_error();
        return wr_fail(
            err, WR_EINVAL,
            "the key '%s' is locked by a passphrase, which nobody can be asked for; write it without "
            "one: openssl pkey -in '%s' -out NEW",
            path, path);
    }
    if (!key)
        return wr_fail(err, WR_EINVAL,
                       "there is no private key in '%s' (%s): expected -----BEGIN PRIVATE KEY-----", path,
                       reason());
    bool fits = SSL_CTX_use_PrivateKey(t->ctx, key) == 1 && SSL_CTX_check_private_key(t->ctx) == 1;
    EVP_PKEY_free(key);
    if (fits) return WR_OK;
    return wr_fail(err, WR_EINVAL, "the key '%s' is not that of the certificate '%s' (%s)", path, cert,
                   reason());
}

static wr_status with_file(wri_tls *t, const char *cert, const char *key, wr_err *err) {
    wr_buf text = {0};
    wr_status s = wri_read_file(key ? key : cert, key ? "the key" : "the certificate", &text, err);
    BIO *bio = s == WR_OK ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
    if (s == WR_OK && !bio) s = no_memory(err);
    if (s == WR_OK) s = key ? take_key(t, bio, cert, key, err) : take_certs(t, bio, cert, err);
    BIO_free(bio);
    forget(&text);
    return s;
}

/* We speak HTTP/1.1; a client that names only others is told so by the handshake. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
                  unsigned n, void *ctx) {
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)ctx;
    return SSL_select_next_proto((unsigned char **)out, len, ours, sizeof ours - 1, in, n) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static wr_status set_up(wri_tls *t, wr_err *err) {
    t->ctx = SSL_CTX_new(TLS_server_method());
    if (!t->ctx) return no_memory(err);
    SSL_CTX_set_security_level(t->ctx, 2);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS); /* of connections at rest */
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(t->ctx, 1); /* who comes back needs no whole handshake, and we keep nothing */
    SSL_CTX_set_alpn_select_cb(t->ctx, choose, NULL);
    if (SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(t->ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1)
        return WR_OK;
    return wr_fail(err, WR_EIO, "OpenSSL will not speak TLS 1.2: %s", reason());
}

wr_status wri_tls_load(const char *cert, const char *key, wri_tls **outp, wr_err *err) {
    *outp = NULL;
    wri_tls *t = wr_calloc(1, sizeof *t);
    if (!t) return no_memory(err);
    ERR_clear_error();
    wr_status s = set_up(t, err);
    if (s == WR_OK) s = with_file(t, cert, NULL, err);
    if (s == WR_OK) s = with_file(t, cert, key, err);
    if (s == WR_OK) *outp = t;
    else wri_tls_free(t);
    return s;
}

void wri_tls_free(wri_tls *t) {
    if (!t) return;
    SSL_CTX_free(t->ctx);
    wr_free(t);
}

int64_t wri_tls_ends_us(const wri_tls *t) { return t->ends_us; }

/* ---- a connection ---- */

wri_secure *wri_secure_new(wri_tls *t) {
    wri_secure *s = wr_calloc(1, sizeof *s);
    if (!s) return NULL;
    s->ssl = SSL_new(t->ctx);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    if (s->ssl && s->in && s->out) {
        SSL_set_bio(s->ssl, s->in, s->out);
        SSL_set_accept_state(s->ssl);
        return s;
    }
    BIO_free(s->in);
    BIO_free(s->out);
    SSL_free(s->ssl);
    wr_free(s);
    ERR_clear_error();
    return NULL;
}

void wri_secure_free(wri_secure *s) {
    if (!s) return;
    SSL_free(s->ssl);
    wr_free(s);
}

bool wri_secure_feed(wri_secure *s, const char *p, size_t n) {
    size_t put = 0;
    if (s->over) return true; /* forgotten */
    ERR_clear_error();
    return BIO_write_ex(s->in, p, n, &put) == 1 && put == n;
}

/* Why a call gave nothing. */
static wri_heard nothing(wri_secure *s, int got) {
    int e = SSL_get_error(s->ssl, got);
    ERR_clear_error();
    if (e == SSL_ERROR_WANT_READ) {
        /* All that has come has been read. What is to be sent now, nobody here has said. */
        if (s->up) s->asides += BIO_ctrl_pending(s->out);
        if (s->asides <= ASIDES_MAX) return WRI_HEARD_NOTHING;
        e = SSL_ERROR_SSL;
    }
    s->over = true;
    s->broken = e != SSL_ERROR_ZERO_RETURN;
    return s->broken ? WRI_HEARD_NOISE : WRI_HEARD_END;
}

wri_heard wri_secure_read(wri_secure *s, char *out, size_t cap, size_t *np) {
    *np = 0;
    if (s->over) return WRI_HEARD_NOTHING;
    ERR_clear_error();
    if (!s->up) {
        int r = SSL_do_handshake(s->ssl);
        if (r != 1) return nothing(s, r);
        s->up = true;
        return WRI_HEARD_UP;
    }
    int r = SSL_read_ex(s->ssl, out, cap, np);
    return r == 1 ? WRI_HEARD_DATA : nothing(s, r);
}

bool wri_secure_write(wri_secure *s, const char *p, size_t n) {
    size_t put = 0;
    ERR_clear_error();
    bool ok = n == 0 || (SSL_write_ex(s->ssl, p, n, &put) == 1 && put == n);
    ERR_clear_error();
    return ok;
}

void wri_secure_end(wri_secure *s) {
    ERR_clear_error();
    if (s->up && !s->broken && SSL_shutdown(s->ssl) < 0) ERR_clear_error();
}

wr_status wri_secure_take(wri_secure *s, wr_buf *out) {
    size_t n = BIO_ctrl_pending(s->out), got = 0;
    if (n == 0) return WR_OK;
    WR_TRY(wr_buf_reserve(out, n));
    if (BIO_read_ex(s->out, out->data + out->len, n, &got) != 1) return WR_ENOMEM;
    out->len += got;
    return WR_OK;
}

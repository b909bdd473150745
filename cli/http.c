/* cli/http.c -- HTTP and HTTPS by libcurl, which is loaded when a command asks a server: others start without
 * it.
 *
 * No proxies and no redirections: a server is where its URL says. An answer that stands still is given up
 * after PATIENCE, one that is followed (server-sent events) never. */
#include <curl/curl.h>

#include "client.h"

#define PATIENCE         300L /* seconds without a byte */
#define CONNECT_PATIENCE 10L

/* clang-format off */
#define CURL_LIST(X)                                                                                         \
    X(easy_init) X(easy_setopt) X(easy_perform) X(easy_getinfo) X(easy_reset) X(easy_cleanup)                \
    X(easy_strerror) X(slist_append) X(slist_free_all)
/* clang-format on */

typedef struct curl_functions {
#define X(f) __typeof__(&curl_##f) f;
    CURL_LIST(X)
#undef X
} curl_functions;

struct wri_http {
    curl_functions curl;
    CURL *easy;
    char said[CURL_ERROR_SIZE];
};

static wr_status load_library(curl_functions *into, wr_err *err) {
    static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
#define X(f) "curl_" #f,
    static const char *const functions[] = {CURL_LIST(X) NULL};
#undef X
    static const wr_library lib = {
        .user = "asking a server", .package = "libcurl4", .files = files, .functions = functions};
    return wr_library_load(&lib, into, err);
}

wr_status wri_http_open(wri_http **outp, wr_err *err) {
    wri_http *h = *outp = wr_calloc(1, sizeof *h);
    if (!h) return wr_fail_oom(err, "the HTTP client");
    WR_TRY(load_library(&h->curl, err));
    h->easy = h->curl.easy_init();
    return h->easy ? WR_OK : wr_fail_oom(err, "the HTTP client");
}

void wri_http_close(wri_http *h) {
    if (h && h->easy) h->curl.easy_cleanup(h->easy);
    wr_free(h);
}

/* ---- one exchange ---- */

typedef struct taking {
    wri_http *h;
    wri_http_call *x;
} taking;

static size_t on_bytes(char *p, size_t size, size_t n, void *ctx) {
    taking *t = ctx;
    t->h->curl.easy_getinfo(t->h->easy, CURLINFO_RESPONSE_CODE, &t->x->code);
    if (t->x->take(t->x->ctx, t->x->code, p, size * n)) return size * n;
    t->x->enough = true;
    return 0;
}

static wr_status why_failed(wri_http *h, const wri_http_call *x, CURLcode code, wr_err *err) {
    const char *why = h->said[0] ? h->said : h->curl.easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        return wr_fail(
            err, WR_EIO, "no server at %s%s%s%s; start one with `weir serve`, or name one with --server%s",
            x->server, code == CURLE_COULDNT_CONNECT ? "" : " (",
            code == CURLE_COULDNT_CONNECT ? "" : h->said, code == CURLE_COULDNT_CONNECT ? "" : ")", x->other);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return wr_fail(err, WR_EIO, "%s is not trusted: %s; %s", x->server, why,
                       x->ca ? "--ca names a file with the certificate of who signed its own"
                             : "name a file with the certificate of who signed its own with --ca");
    if (code == CURLE_SSL_CACERT_BADFILE)
        return wr_fail(err, WR_EINVAL, "--ca '%s': expected a file of certificates in PEM (%s)",
                       x->ca ? x->ca : "", why);
    if (code == CURLE_SSL_CONNECT_ERROR)
        return wr_fail(err, WR_EIO,
                       "%s: %s; where the server was started without --tls-cert, ask for http://", x->server,
                       why);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return wr_fail(err, WR_EINVAL, "--server %s: expected a URL such as http://127.0.0.1:4567",
                       x->server);
    return wr_fail(err, WR_EIO, "%s: %s", x->server, why);
}

static void set_body(wri_http *h, const wri_http_call *x) {
    bool bare = !x->body && strcmp(x->method, "GET") != 0 && strcmp(x->method, "DELETE") != 0;
    if (!x->body && !bare) return;
    h->curl.easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(x->body ? x->body_len : 0));
    h->curl.easy_setopt(h->easy, CURLOPT_POSTFIELDS, x->body ? x->body : "");
}

/* The headers of the request; they must live as long as it. NULL: no memory. */
static struct curl_slist *headers_of(wri_http *h, const wri_http_call *x) {
    /* Expect would cost a round trip that the server need not know. */
    struct curl_slist *first = h->curl.slist_append(NULL, "Expect:"), *l = first;
    wr_buf line = {0};
    if (l) l = h->curl.slist_append(l, x->body ? "Content-Type: application/json" : "Content-Type:");
    if (l)
        l = h->curl.slist_append(l, x->last_id ? "Accept: text/event-stream"
                                               : "Accept: application/json, text/plain");
    if (l && x->last_id && x->last_id[0])
        l = wr_buf_printf(&line, "Last-Event-ID: %s", x->last_id) == WR_OK
                ? h->curl.slist_append(l, line.data)
                : NULL;
    wr_buf_free(&line);
    if (!l) h->curl.slist_free_all(first);
    return l;
}

wr_status wri_http_do(wri_http *h, wri_http_call *x, wr_err *err) {
    taking t = {.h = h, .x = x};
    CURL *e = h->easy;
    x->code = 0;
    x->enough = false;
    h->said[0] = 0;
    h->curl.easy_reset(e); /* keeps the connection */
    struct curl_slist *headers = headers_of(h, x);
    if (!headers) return wr_fail_oom(err, "a request");
    h->curl.easy_setopt(e, CURLOPT_URL, x->url);
    h->curl.easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    h->curl.easy_setopt(e, CURLOPT_PROXY, "");
    h->curl.easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    h->curl.easy_setopt(e, CURLOPT_TCP_KEEPALIVE,
                        1L); /* who follows hears of a server whose machine is gone */
    if (x->ca) h->curl.easy_setopt(e, CURLOPT_CAINFO, x->ca);
    h->curl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    h->curl.easy_setopt(e, CURLOPT_USERAGENT, "weir/" WR_VERSION);
    h->curl.easy_setopt(e, CURLOPT_ERRORBUFFER, h->said);
    h->curl.easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CONNECT_PATIENCE);
    h->curl.easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    h->curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    h->curl.easy_setopt(e, CURLOPT_WRITEDATA, &t);
    if (!x->last_id) {
        h->curl.easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
        h->curl.easy_setopt(e, CURLOPT_LOW_SPEED_TIME, PATIENCE);
    }
    set_body(h, x);
    h->curl.easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
    CURLcode code = h->curl.easy_perform(e);
    h->curl.easy_getinfo(e, CURLINFO_RESPONSE_CODE, &x->code);
    h->curl.slist_free_all(headers);
    if (code == CURLE_OK || x->enough) return WR_OK;
    return why_failed(h, x, code, err);
}

#include "connectors/curl.h"

#include "core/core.h"

wr_status wr_curl_load(const char *user, wr_curl *out, wr_err *err) {
    static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
#define X(f) "curl_" #f,
    static const char *const functions[] = {WR_CURL_LIST(X) NULL};
#undef X
    wr_library lib = {.user = user, .package = "libcurl4", .files = files, .functions = functions};
    return wr_library_load(&lib, out, err);
}

void wr_curl_begin(const wr_curl *c, CURL *e, const char *url, char *said) {
    said[0] = 0;
    c->easy_reset(e);
    c->easy_setopt(e, CURLOPT_URL, url);
    c->easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    c->easy_setopt(e, CURLOPT_PROXY, "");
    c->easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    c->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    c->easy_setopt(e, CURLOPT_USERAGENT, "weir/" WR_VERSION);
    c->easy_setopt(e, CURLOPT_ERRORBUFFER, said);
}

/* connectors/curl.h -- libcurl, which is loaded by who first needs it: weir starts without. */
#ifndef WR_CONNECTORS_CURL_H
#define WR_CONNECTORS_CURL_H

#include <curl/curl.h>

#include "core/status.h"

/* clang-format off */
#define WR_CURL_LIST(X)                                                                                      \
    X(easy_init) X(easy_setopt) X(easy_perform) X(easy_getinfo) X(easy_reset) X(easy_cleanup)                \
    X(easy_strerror) X(slist_append) X(slist_free_all)
/* clang-format on */

/* curl_easy_init as .easy_init, and so on. */
typedef struct wr_curl {
#define X(f) __typeof__(&curl_##f) f;
    WR_CURL_LIST(X)
#undef X
} wr_curl;

/* user: what needs it, for the message of WR_EIO when it is not there. */
wr_status wr_curl_load(const char *user, wr_curl *out, wr_err *err) WR_MUST_USE;
/* A request anew, on the connection that e has: to where the URL says, by no proxy, no redirection, no TLS
 * before 1.2. said: CURL_ERROR_SIZE bytes, why it fails. */
void wr_curl_begin(const wr_curl *c, CURL *e, const char *url, char *said);

#endif

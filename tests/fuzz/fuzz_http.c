/* The HTTP entry: whatever a client sends, in whatever pieces, becomes requests within the limits or is
 * refused, and each request is matched with the routes. The first byte says how long the pieces are. */
#include <stdlib.h>

#include "server/server_int.h"

#define CHECK(x)                                                                                             \
    if (!(x)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What the loop would do with a request. */
static void handle(wri_conn *c) {
    wri_req *r = c->req;
    CHECK(r && r->body.len <= (size_t)c->srv->o.max_body_bytes && r->body_counted == r->body.len);
    if (wri_route_find(r, &c->target) == 0) {
        CHECK(r->route && r->path && r->n_query <= WRI_QUERY_MAX);
        for (uint32_t i = 0; i < r->n_query; i++)
            CHECK(wr_utf8_valid(r->query[i].value, strlen(r->query[i].value)));
        static const char *const known[] = {"s:sql", "a:records", NULL};
        json_t *o = r->route->body & WRI_BODY_JSON ? wri_req_json(r) : NULL;
        if (o) (void)!wri_json_known(r, o, known);
    }
    wri_req_free(r);
    c->req = NULL;
    c->phase = WRI_IDLE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) return 0;
    wri_server *srv = calloc(1, sizeof *srv);
    wri_conn *c = calloc(1, sizeof *c);
    CHECK(srv && c);
    srv->sys = &wr_sys_real;
    srv->o.max_body_bytes = 4096;
    c->srv = srv;
    wri_http_begin(c);
    size_t piece = data[0] ? data[0] : n;
    for (size_t at = 1; at < n && !c->refused;) {
        size_t k = n - at < piece ? n - at : piece;
        char *copy = malloc(k); /* so that a byte too far is seen */
        CHECK(copy);
        memcpy(copy, data + at, k);
        size_t used = wri_http_read(c, copy, k);
        free(copy);
        CHECK(used <= k);
        CHECK(c->refused || c->phase == WRI_HANDLING || used == k);
        at += used;
        if (c->refused) break;
        if (c->phase == WRI_HANDLING) handle(c);
    }
    CHECK(!c->refused || (c->refused >= 400 && c->refused < 600 && c->why));
    wri_req_free(c->req);
    CHECK(srv->body_bytes == 0);
    wr_buf_free(&c->target);
    wr_buf_free(&c->name);
    wr_buf_free(&c->value);
    free(c);
    free(srv);
    return 0;
}

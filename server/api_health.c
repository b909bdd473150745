/* server/api_health.c -- the server itself: whether it is there. */
#include "server_int.h"

void wri_api_health(wri_req *r) {
    double up = (double)(r->srv->sys->mono_us() - r->srv->started_us) / 1e6;
    wri_answer_json(r, 200,
                    json_pack("{s:s,s:s,s:f}", "status", r->srv->stopping ? "stopping" : "ok", "version",
                              r->srv->o.version, "uptime_seconds", up));
}

/* server/api_streams.c -- streams of the data directory: listed, made, described, deleted. All in the pool.
 */
#include "server_int.h"

/* ---- as JSON ---- */

static json_t *u128(wr_u128 v) {
    char text[WR_SEQ_TEXT];
    return json_stringn(text, wr_u128_write(v, text));
}

static json_t *shard_id(uint32_t id) {
    char text[32];
    snprintf(text, sizeof text, WR_SHARD_ID, id);
    return json_string(text);
}

static json_t *shard_json(const wr_shard_info *s) {
    json_t *o = json_pack("{s:o,s:o,s:o,s:o,s:b,s:I}", "shard", shard_id(s->id), "from_hash", u128(s->lo),
                          "to_hash", u128(s->hi), "created", wri_json_time(s->created_us), "open",
                          s->closed_us == 0, "first", (json_int_t)s->first);
    json_t *parents = json_array();
    if (s->parent != WR_NO_SHARD) json_array_append_new(parents, shard_id(s->parent));
    if (s->parent2 != WR_NO_SHARD) json_array_append_new(parents, shard_id(s->parent2));
    json_object_set_new(o, "parents", parents);
    if (s->closed_us) json_object_set_new(o, "closed", wri_json_time(s->closed_us));
    if (s->closed_us) json_object_set_new(o, "end", json_integer((json_int_t)s->end));
    return o;
}

uint32_t wri_api_open_shards(const wr_stream_info *info) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < info->n_shards; i++) n += info->shards[i].closed_us == 0;
    return n;
}

static json_t *stream_json(const char *name, const wr_stream_info *info, bool whole) {
    json_t *shards = json_array();
    for (uint32_t i = 0; whole && i < info->n_shards; i++)
        json_array_append_new(shards, shard_json(&info->shards[i]));
    json_t *o = json_pack("{s:s,s:i,s:b,s:I,s:I,s:o}", "name", name, "shards", (int)wri_api_open_shards(info),
                          "on_demand", info->on_demand, "retention_seconds",
                          (json_int_t)(info->retention_us / WR_US_PER_SECOND), "record_max",
                          (json_int_t)info->record_max, "created", wri_json_time(info->created_us));
    if (whole) json_object_set_new(o, "shard_list", shards);
    else json_decref(shards);
    return o;
}

/* ---- in the pool ---- */

bool wri_api_describe(wri_req *r, const char *name, wr_stream_info *outp) {
    wr_err err = {0};
    wr_status s = wr_stream_name_check(name, &err);
    if (s == WR_OK && (s = wr_stream_describe(r->srv->streams, name, &r->ar, outp, &err)) == WR_OK)
        return true;
    if (s == WR_EINVAL && wr_stream_name_check(name, NULL) == WR_OK)
        wri_note_error(r, 404, "not_found", err.msg);
    else wri_note_failed(r, s, &err);
    return false;
}

static void list(wri_req *r) {
    const char **names;
    size_t n = 0;
    wr_err err = {0};
    wr_status s = wr_stream_list(r->srv->streams, &r->ar, &names, &n, &err);
    if (s != WR_OK) {
        wri_note_failed(r, s, &err);
        return;
    }
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++) {
        wr_stream_info info;
        if (wr_stream_describe(r->srv->streams, names[i], &r->ar, &info, &err) == WR_OK)
            json_array_append_new(a, stream_json(names[i], &info, false));
        else /* damaged, or just deleted: named with the reason */
            json_array_append_new(a, json_pack("{s:s,s:s}", "name", names[i], "error", err.msg));
    }
    wri_note(r, 200, json_pack("{s:o}", "streams", a));
}

void wri_api_note_stream(wri_req *r) {
    wr_stream_info info;
    if (wri_api_describe(r, r->args[0], &info)) wri_note(r, 200, stream_json(r->args[0], &info, true));
}

static void delete (wri_req *r) {
    wr_stream_info info;
    wr_err err = {0};
    if (!wri_api_describe(r, r->args[0], &info)) return;
    wr_status s = wr_stream_delete(r->srv->streams, r->args[0], &err);
    if (s != WR_OK) wri_note_failed(r, s, &err);
    else wri_note(r, 200, json_pack("{s:s,s:b}", "name", r->args[0], "deleted", 1));
}

/* What a stream shall be; false: noted. */
static bool take(wri_req *r, const char **namep, wr_stream_cfg *cfg) {
    static const char *const known[] = {"s:name",      "i:shards",     "b:on_demand",
                                        "s:retention", "i:record_max", NULL};
    wr_err err = {0};
    json_t *o = wri_req_json(r);
    if (!o || !wri_json_known(r, o, known)) return false;
    const char *retention = json_string_value(json_object_get(o, "retention"));
    json_t *shards = json_object_get(o, "shards"), *most = json_object_get(o, "record_max");
    *namep = json_string_value(json_object_get(o, "name"));
    cfg->on_demand = json_is_true(json_object_get(o, "on_demand"));
    if (!*namep) wri_note_error(r, 400, "bad_request", "expected a member 'name', of the stream");
    else if (shards && (json_integer_value(shards) < 1 || json_integer_value(shards) > WR_SHARDS_MAX))
        wri_note_error(r, 400, "bad_request", "shards: expected 1 to 10000");
    else if (most && (json_integer_value(most) < 1 || json_integer_value(most) > WR_LOG_RECORD_MAX))
        wri_note_error(r, 400, "bad_request", "record_max: expected 1 to 10485760 bytes");
    else if (retention && wr_parse_duration(retention, &cfg->retention_us, &err) != WR_OK)
        wri_note_failed(r, WR_EINVAL, &err);
    else if (retention &&
             (cfg->retention_us < WR_RETENTION_MIN_US || cfg->retention_us > WR_RETENTION_MAX_US))
        wri_note_error(r, 400, "bad_request", "retention: expected 1h to 365d");
    cfg->n_shards = shards ? (uint32_t)json_integer_value(shards) : 0;
    cfg->record_max = most ? json_integer_value(most) : 0;
    return !wri_noted(r);
}

static void create(wri_req *r) {
    const char *name;
    wr_stream_cfg cfg = {0};
    wr_stream_info info;
    wr_err err = {0};
    if (!take(r, &name, &cfg)) return;
    wr_status s = wr_stream_name_check(name, &err);
    if (s == WR_OK) s = wr_stream_create(r->srv->streams, name, &cfg, &err);
    else name = "";
    if (s == WR_EINVAL && *name && wr_stream_describe(r->srv->streams, name, &r->ar, &info, NULL) == WR_OK) {
        snprintf(err.msg, sizeof err.msg, "there is a stream '%.128s' already", name);
        wri_note_error(r, 409, "conflict", err.msg);
        return;
    }
    if (s == WR_OK) s = wr_stream_describe(r->srv->streams, name, &r->ar, &info, &err);
    if (s == WR_OK) wri_note(r, 201, stream_json(name, &info, true));
    else wri_note_failed(r, s, &err);
}

void wri_api_work(wri_req *r, void (*in_pool)(wri_req *r)) {
    static const char *const none[] = {NULL};
    if (wri_query_known(r, none)) wri_req_work(r, in_pool, wri_send_noted);
}

void wri_api_streams_list(wri_req *r) { wri_api_work(r, list); }
void wri_api_streams_create(wri_req *r) { wri_api_work(r, create); }
void wri_api_stream(wri_req *r) { wri_api_work(r, wri_api_note_stream); }
void wri_api_stream_delete(wri_req *r) { wri_api_work(r, delete); }

/* cli/streams_remote.c -- weir streams of a server. */
#include "remote.h"

typedef struct asking {
    const wri_streams_ask *a;
    wri_client c;
} asking;

static int list(asking *q) {
    wri_client *c = &q->c;
    int status = wri_ask(c, "GET", "/v1/streams");
    size_t i;
    json_t *v;
    if (status != EXIT_DONE) return status;
    if (q->a->server->json) wri_print_answer(c);
    json_t *streams = q->a->server->json ? NULL : json_object_get(c->json, "streams");
    json_array_foreach(streams, i, v) {
        wri_plain(stdout, "%s%s%s\n", wri_member(v, "name"), *wri_member(v, "error") ? "  " : "",
                  wri_member(v, "error"));
    }
    return EXIT_DONE;
}

static int create(asking *q) {
    wri_client *c = &q->c;
    const wri_streams_ask *a = q->a;
    char retention[32];
    snprintf(retention, sizeof retention, "%lldus", (long long)a->retention_us);
    c->sent = json_pack("{s:s, s:s, s:I, s:b}", "name", a->args[0], "retention", retention, "record_max",
                        (json_int_t)a->record_max, "on_demand", a->on_demand);
    if (!c->sent || (a->shards && json_object_set_new(c->sent, "shards", json_integer(a->shards)) < 0))
        return wri_no_memory(c);
    int status = wri_ask(c, "POST", "/v1/streams");
    if (status == EXIT_DONE && a->server->json) wri_print_answer(c);
    return status;
}

static int delete_stream(asking *q) {
    wri_client *c = &q->c;
    int status = wri_ask(c, "DELETE", "/v1/streams/%s", wri_escaped(c, q->a->args[0]));
    if (status == EXIT_DONE && q->a->server->json) wri_print_answer(c);
    return status;
}

static int describe(asking *q) {
    wri_client *c = &q->c;
    char created[WRI_SHOWN];
    int status = wri_ask(c, "GET", "/v1/streams/%s", wri_escaped(c, q->a->args[0]));
    if (status != EXIT_DONE) return status;
    if (q->a->server->json) {
        wri_print_answer(c);
        return EXIT_DONE;
    }
    int64_t hours = json_integer_value(json_object_get(c->json, "retention_seconds")) / 3600;
    wri_plain(stdout, "%s  created %s  kept %lld h  records to %lld bytes%s\n", wri_member(c->json, "name"),
              wri_shown(c->json, "created", created), (long long)hours,
              (long long)json_integer_value(json_object_get(c->json, "record_max")),
              json_is_true(json_object_get(c->json, "on_demand")) ? "  on demand" : "");
    return wri_print_objects(c, json_object_get(c->json, "shard_list"), 0);
}

static const struct {
    const char *name;
    int (*run)(asking *q);
} words[] = {{"list", list}, {"create", create}, {"delete", delete_stream}, {"describe", describe}};

int wri_streams_remote(const wri_streams_ask *a) {
    asking q = {.a = a};
    size_t i = 0;
    while (i < WR_LEN(words) && strcmp(words[i].name, a->word) != 0) i++;
    if (i == WR_LEN(words)) {
        wri_say(
            "streams: a server does not %s; name the data directory with --data while no server runs on it",
            a->word);
        return EXIT_USAGE;
    }
    int status = wri_client_or_data(&q.c, "streams", a->server);
    if (status == EXIT_DONE) status = words[i].run(&q);
    wri_client_close(&q.c);
    return status;
}

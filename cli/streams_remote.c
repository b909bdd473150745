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

static const char *retention_text(const wri_streams_ask *a, char out[32]) {
    snprintf(out, 32, "%lldus", (long long)a->retention_us);
    return a->retention_us ? out : NULL;
}

static int create(asking *q) {
    wri_client *c = &q->c;
    const wri_streams_ask *a = q->a;
    char text[32];
    c->sent = json_pack("{s:s, s:s*, s:I, s:b}", "name", a->args[0], "retention", retention_text(a, text),
                        "record_max", (json_int_t)a->record_max, "on_demand", a->on_demand);
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

/* Sends c->sent to what changes a stream. */
static int change(asking *q, const char *how) {
    wri_client *c = &q->c;
    if (!c->sent) return wri_no_memory(c);
    int status = wri_ask(c, "POST", "/v1/streams/%s/%s", wri_escaped(c, q->a->args[0]), how);
    if (status == EXIT_DONE && q->a->server->json) wri_print_answer(c);
    return status;
}

static int split(asking *q) {
    char **args = q->a->args;
    q->c.sent = json_pack("{s:s, s:s*}", "shard", args[1], "hash", args[2]);
    return change(q, "split");
}

static int merge(asking *q) {
    q->c.sent = json_pack("{s:[s, s]}", "shards", q->a->args[1], q->a->args[2]);
    return change(q, "merge");
}

static int reshard(asking *q) {
    const char *text = q->a->args[1];
    int64_t n;
    if (!wr_read_i64(text, strlen(text), &n)) {
        wri_say("streams: '%s': expected how many shards there shall be, 1 to %d", text, WR_SHARDS_MAX);
        return EXIT_USAGE;
    }
    q->c.sent = json_pack("{s:I}", "shards", (json_int_t)n);
    return change(q, "reshard");
}

static int retention(asking *q) {
    char text[32];
    q->c.sent = json_pack("{s:s}", "retention", retention_text(q->a, text));
    return change(q, "retention");
}

static const struct {
    const char *name;
    int (*run)(asking *q);
} words[] = {{"list", list},   {"create", create}, {"delete", delete_stream}, {"describe", describe},
             {"split", split}, {"merge", merge},   {"reshard", reshard},      {"retention", retention}};

int wri_streams_remote(const wri_streams_ask *a) {
    asking q = {.a = a};
    size_t i = 0;
    while (i < WR_LEN(words) && strcmp(words[i].name, a->word) != 0) i++;
    WR_ASSERT(i < WR_LEN(words)); /* streams.c knows the same ones */
    int status = wri_client_or_data(&q.c, "streams", a->server);
    if (status == EXIT_DONE) status = words[i].run(&q);
    wri_client_close(&q.c);
    return status;
}

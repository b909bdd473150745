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
    else
        json_array_foreach(json_object_get(c->json, "streams"), i, v)
            wri_plain(stdout, "%s\n", json_is_string(v) ? json_string_value(v) : wri_member(v, "name"));
    return EXIT_DONE;
}

static int create(asking *q) {
    wri_client *c = &q->c;
    const wri_streams_ask *a = q->a;
    char retention[32];
    snprintf(retention, sizeof retention, "%llds", (long long)(a->retention_us / WR_US_PER_SECOND));
    c->sent = json_pack("{s:s, s:s}", "name", a->args[0], "retention", retention);
    if (c->sent && a->shards && json_object_set_new(c->sent, "shards", json_integer(a->shards)) < 0)
        return wri_no_memory(c);
    if (!c->sent) return wri_no_memory(c);
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
    wri_plain(stdout, "%s  created %s  kept %s\n", wri_member(c->json, "name"),
              wri_shown(c->json, "created", created), wri_member(c->json, "retention"));
    return wri_print_objects(c, json_object_get(c->json, "shards"), 2);
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
    int status = wri_client_or_data(&q.c, "streams", a->server->url);
    if (status == EXIT_DONE) status = words[i].run(&q);
    wri_client_close(&q.c);
    return status;
}

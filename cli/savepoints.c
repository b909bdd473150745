/* cli/savepoints.c -- weir savepoints: those of a running engine, listed, described, deleted. */
#include "client.h"

typedef struct savepoints_opts {
    bool sql;
    wri_server_opts server;
} savepoints_opts;

static const wr_option flags[] = {
    {.name = "sql",
     .type = WR_OPT_BOOL,
     .offset = offsetof(savepoints_opts, sql),
     .def = "false",
     .doc = "describe: print only the SQL that it belongs to."},
    WRI_SERVER_FLAGS(savepoints_opts),
};

typedef struct asking {
    const savepoints_opts *o;
    wri_client c;
    char **args; /* behind the word */
    int n;
} asking;

static int list(asking *q) {
    static const char *const columns[] = {"name", "job", "taken", "epoch", "bytes", "state"};
    wri_client *c = &q->c;
    wri_table t = {.n_cols = WR_LEN(columns)};
    char text[WRI_SHOWN];
    size_t i;
    json_t *o;
    int status = wri_ask(c, "GET", "/v1/savepoints");
    if (status != EXIT_DONE) return status;
    if (q->o->server.json) {
        wri_print_answer(c);
        return EXIT_DONE;
    }
    for (size_t k = 0; k < WR_LEN(columns); k++) {
        snprintf(text, sizeof text, "%s", columns[k]);
        for (char *p = text; *p; p++) *p -= 32; /* they are small letters */
        wri_table_cell(&t, "%s", text);
    }
    json_array_foreach(json_object_get(c->json, "savepoints"), i, o) {
        for (size_t k = 0; k < WR_LEN(columns); k++) wri_table_cell(&t, "%s", wri_shown(o, columns[k], text));
        if (*wri_member(o, "error"))
            wri_plain(stderr, "weir: savepoint %s: %s\n", wri_member(o, "name"), wri_member(o, "error"));
    }
    wri_table_print(&t, 0);
    wri_table_free(&t);
    return EXIT_DONE;
}

static int describe(asking *q) {
    static const char *const members[] = {"job", "state", "taken", "epoch", "bytes", "version", "path"};
    wri_client *c = &q->c;
    char text[WRI_SHOWN];
    int status = wri_ask(c, "GET", "/v1/savepoints/%s", wri_escaped(c, q->args[0]));
    if (status != EXIT_DONE) return status;
    if (q->o->server.json) {
        wri_print_answer(c);
        return EXIT_DONE;
    }
    if (*wri_member(c->json, "error")) {
        wri_plain(stderr, "weir: savepoint %s: %s\n", q->args[0], wri_member(c->json, "error"));
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < WR_LEN(members) && !q->o->sql; i++)
        wri_plain(stdout, "%-8s %s\n", members[i], wri_shown(c->json, members[i], text));
    if (!q->o->sql) putchar('\n');
    wri_plain(stdout, "%s\n", wri_member(c->json, "sql"));
    return EXIT_DONE;
}

static int delete_all(asking *q) {
    wri_client *c = &q->c;
    int worst = EXIT_DONE;
    for (int i = 0; i < q->n; i++) {
        int s = wri_ask(c, "DELETE", "/v1/savepoints/%s", wri_escaped(c, q->args[i]));
        if (s > worst) worst = s;
        if (s != EXIT_DONE && !c->code) break; /* there is no server */
        if (s != EXIT_DONE) continue;
        if (q->o->server.json) wri_print_answer(c);
        else wri_plain(stdout, "%s: deleted\n", q->args[i]);
    }
    return worst;
}

static const struct {
    const char *name;
    int least, most; /* arguments behind it */
    int (*run)(asking *q);
} words[] = {{"list", 0, 0, list}, {"describe", 1, 1, describe}, {"delete", 1, INT32_MAX, delete_all}};

static int run(const void *opts, char **args, int n) {
    asking q = {.o = opts, .args = args + (n > 0), .n = n > 0 ? n - 1 : 0};
    const char *word = n > 0 ? args[0] : "list";
    size_t i = 0;
    while (i < WR_LEN(words) && strcmp(words[i].name, word) != 0) i++;
    if (i == WR_LEN(words) || q.n < words[i].least || q.n > words[i].most) {
        wri_say("savepoints: expected list, describe NAME or delete NAME ...; see weir help savepoints");
        return EXIT_USAGE;
    }
    int status = wri_client_open(&q.c, "savepoints", &q.o->server);
    if (status == EXIT_DONE) status = words[i].run(&q);
    wri_client_close(&q.c);
    return status;
}

const wr_command wri_cmd_savepoints = {
    .name = "savepoints",
    .args = "[list | describe NAME | delete NAME ...]",
    .words = "list describe delete",
    .summary = "list, describe and delete the savepoints of a running engine",
    .doc = "Of which job each is, when its state was taken, how large it is. One that a job begins with "
           "cannot be "
           "deleted before that job has taken a snapshot of its own. weir savepoint makes them.\n\n"
           "  weir savepoints\n"
           "  weir savepoints describe before_change\n"
           "  weir savepoints describe before_change --sql > before.sql\n"
           "  weir savepoints delete before_change",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(savepoints_opts),
    .run = run,
};

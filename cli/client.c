/* cli/client.c -- questions to a server and what becomes of its answers. */
#include "client.h"

#include <ctype.h>
#include <errno.h>

#define ANSWER_MAX (256 << 20) /* bytes: no answer that is kept whole comes near */

int wri_no_memory(const wri_client *c) {
    wri_say("%s: out of memory", c->command);
    return EXIT_FAILED;
}

/* What has been given, else what the environment says; NULL: neither, or nothing. */
static const char *or_env(const char *given, const char *variable) {
    const char *v = given ? given : getenv(variable);
    return v && *v ? v : NULL;
}

int wri_client_open(wri_client *c, const char *command, const wri_server_opts *server) {
    wr_err err = {0};
    const char *url = or_env(server->url, "WEIR_SERVER");
    *c = (wri_client){.command = command, .other = "", .ca = or_env(server->ca, "WEIR_CA")};
    c->url = wr_strdup(url ? url : "http://127.0.0.1:4567");
    if (!c->url) return wri_no_memory(c);
    for (size_t n = strlen(c->url); n > 0 && c->url[n - 1] == '/'; n--) c->url[n - 1] = 0;
    if (wri_http_open(&c->http, &err) == WR_OK) return EXIT_DONE;
    wri_say("%s: %s", command, err.msg);
    return EXIT_FAILED;
}

int wri_client_or_data(wri_client *c, const char *command, const wri_server_opts *server) {
    int status = wri_client_open(c, command, server);
    c->other = ", or a data directory with --data";
    return status;
}

void wri_client_close(wri_client *c) {
    json_decref(c->json);
    json_decref(c->sent);
    wr_buf_free(&c->body);
    wr_arena_free(&c->ar);
    wri_http_close(c->http);
    wr_free(c->url);
}

/* ---- URLs ---- */

const char *wri_escaped(wri_client *c, const char *text) {
    static const char hex[] = "0123456789ABCDEF";
    char *out = wr_arena_alloc(&c->ar, 3 * strlen(text) + 1), *p = out;
    if (!out) {
        c->oom = true;
        return "";
    }
    for (; *text; text++) {
        unsigned char b = (unsigned char)*text;
        if (b < 0x80 && (isalnum(b) || strchr("-_.~,:", b))) *p++ = (char)b;
        else {
            *p++ = '%';
            *p++ = hex[b >> 4];
            *p++ = hex[b & 15];
        }
    }
    *p = 0;
    return out;
}

const char *wri_url_with(wri_client *c, const char *path, const char *name, const char *value) {
    if (!value) return path;
    char *out = wr_arena_printf(&c->ar, "%s%c%s=%s", path, strchr(path, '?') ? '&' : '?', name,
                                wri_escaped(c, value));
    if (!out) c->oom = true;
    return out ? out : path;
}

/* ---- answers ---- */

static int put_json(const char *p, size_t n, void *out) { return wr_buf_write(out, p, n); }

static bool take(void *ctx, long code, const char *p, size_t n) {
    wri_client *c = ctx;
    (void)code;
    if (c->body.len + n < ANSWER_MAX && wr_buf_put(&c->body, p, n) == WR_OK) return true;
    c->oom = true;
    return false;
}

/* Messages on SQL begin with its place; they call the script what the server calls it, where the person who
 * sent it knows it by its file. Returns what follows "<sql>", or NULL: the line is none of those. */
static const char *after_name(const char *line) {
    const char *end = strchr(line, '\n');
    size_t n = end ? (size_t)(end - line) : strlen(line);
    for (const char *p = line; p < line + n && !isspace((unsigned char)*p); p++) {
        unsigned l, col;
        int used = 0;
        if (*p == ':' && sscanf(p, ":%u:%u: %n", &l, &col, &used) == 2 && used > 0 &&
            (strncmp(p + used, "error", 5) == 0 || strncmp(p + used, "warning", 7) == 0))
            return p;
    }
    return NULL;
}

static void print_sql_errors(const wri_client *c, const char *message) {
    while (*message) {
        size_t n = strcspn(message, "\n");
        const char *rest = after_name(message);
        if (rest) wri_plain(stderr, "%s%.*s\n", c->as, (int)(message + n - rest), rest);
        else wri_plain(stderr, "%.*s\n", (int)n, message);
        message += n + (message[n] == '\n');
    }
}

int wri_refused(const wri_client *c) {
    const char *message = wri_member(json_object_get(c->json, "error"), "message");
    if (!*message)
        wri_say("%s: %s answered %ld without a reason: is it a weir server?", c->command, c->url, c->code);
    else if (c->as && after_name(message)) print_sql_errors(c, message);
    else wri_plain(stderr, "weir: %s: %.*s\n", c->command, (int)strcspn(message, "\n"), message);
    bool asked_wrong = c->code >= 400 && c->code < 500 && c->code != 409 && c->code != 429;
    return asked_wrong ? EXIT_USAGE : EXIT_FAILED;
}

static int exchange(wri_client *c, const char *method, const char *url) {
    wr_buf body = {0};
    wr_err err = {0};
    c->body.len = 0;
    c->code = 0;
    json_decref(c->json);
    c->json = NULL;
    bool sent = !c->sent || json_dump_callback(c->sent, put_json, &body, JSON_COMPACT) == 0;
    wri_http_call x = {.method = method,
                       .server = c->url,
                       .ca = c->ca,
                       .other = c->other,
                       .url = url,
                       .body = c->sent ? body.data : NULL,
                       .body_len = body.len,
                       .take = take,
                       .ctx = c};
    wr_status s = sent ? wri_http_do(c->http, &x, &err) : wr_fail_oom(&err, "a request");
    if (s == WR_OK && (c->oom || wr_buf_put(&c->body, "", 1) != WR_OK)) s = wr_fail_oom(&err, "the answer");
    json_decref(c->sent);
    c->sent = NULL;
    wr_buf_free(&body);
    if (s != WR_OK) {
        wri_say("%s: %s", c->command, err.msg);
        return s == WR_EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    c->body.len--;
    c->code = x.code;
    c->json = json_loadb(c->body.data, c->body.len, JSON_ALLOW_NUL, NULL);
    return x.code >= 200 && x.code < 300 ? EXIT_DONE : EXIT_FAILED;
}

/* The server's URL and that path, with a NUL. A place in a stream of many shards is long. */
static wr_status put_url(const wri_client *c, const char *path, va_list ap, wr_buf *url) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, path, again);
    va_end(again);
    WR_TRY(wr_buf_puts(url, c->url));
    if (n < 0 || wr_buf_reserve(url, (size_t)n + 1) != WR_OK) return WR_ENOMEM;
    vsnprintf(url->data + url->len, (size_t)n + 1, path, ap);
    url->len += (size_t)n;
    return WR_OK;
}

static int ask(wri_client *c, const char *method, const char *path, va_list ap) {
    wr_buf url = {0};
    int status = EXIT_FAILED;
    c->code = 0;
    if (c->oom || put_url(c, path, ap, &url) != WR_OK) wri_no_memory(c);
    else status = exchange(c, method, url.data);
    wr_buf_free(&url);
    return status;
}

int wri_try(wri_client *c, const char *method, const char *path, ...) {
    va_list ap;
    va_start(ap, path);
    int status = ask(c, method, path, ap);
    va_end(ap);
    return status;
}

int wri_ask(wri_client *c, const char *method, const char *path, ...) {
    va_list ap;
    va_start(ap, path);
    int status = ask(c, method, path, ap);
    va_end(ap);
    if (status != EXIT_DONE) return c->code ? wri_refused(c) : status;
    if (json_is_object(c->json)) return EXIT_DONE;
    wri_say("%s: %s answered something that is not JSON: is it a weir server?", c->command, c->url);
    return EXIT_FAILED;
}

int wri_ask_text(wri_client *c, const char *method, const char *path, ...) {
    va_list ap;
    va_start(ap, path);
    int status = ask(c, method, path, ap);
    va_end(ap);
    return status != EXIT_DONE && c->code ? wri_refused(c) : status;
}

void wri_print_answer(const wri_client *c) {
    fwrite(c->body.data, 1, c->body.len, stdout);
    if (c->body.len == 0 || c->body.data[c->body.len - 1] != '\n') putchar('\n');
}

/* ---- SQL to be sent ---- */

int wri_sql_text(wri_client *c, const wri_app_opts *app, const char *path, const char *sql,
                 const char **outp) {
    wri_script s = {0};
    int status = wri_script_read(&s, app, path, sql);
    if (status == EXIT_DONE) {
        *outp = wr_arena_strndup(&c->ar, s.text.data, s.text.len);
        c->as = wr_arena_strdup(&c->ar, s.diags.file);
        if (!*outp || !c->as) status = wri_no_memory(c);
        else if (strlen(*outp) != s.text.len || !wr_utf8_valid(*outp, s.text.len)) {
            wri_say("%s: '%s' is no text in UTF-8", c->command, c->as);
            status = EXIT_USAGE;
        }
    }
    wri_script_free(&s);
    return status;
}

int wri_job_fares(const wri_client *c, const json_t *job) {
    const char *state = wri_member(job, "state"), *name = wri_member(job, "name");
    if (strcmp(state, "failing") == 0)
        wri_plain(
            stderr,
            "weir: %s: job %s is failing: %s\nIt is tried again by itself; weir logs %s says how that goes\n",
            c->command, name, wri_member(job, "error"), name);
    else if (strcmp(state, "failed") == 0)
        wri_plain(stderr,
                  "weir: %s: job %s has failed: %s\nIt is kept: weir resume %s tries again, weir delete %s "
                  "removes it\n",
                  c->command, name, wri_member(job, "error"), name, name);
    else return EXIT_DONE;
    return EXIT_FAILED;
}

const char *wri_job_of_file(wri_client *c, const char *path) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = strlen(base);
    if (n > 4 && strcmp(base + n - 4, ".sql") == 0) n -= 4;
    else if (n > 5 && strcmp(base + n - 5, ".json") == 0) n -= 5;
    if (n == 0 || strcmp(path, "-") == 0) return NULL;
    char *name = wr_arena_strndup(&c->ar, base, n);
    if (!name) c->oom = true;
    for (char *p = name; p && *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-.", *p)) *p = '_';
    return name;
}

/* server/api_records.c -- records of a stream: a page of them, or as they come.
 *
 *   cursor   at:SHARD.NUMBER,SHARD.NUMBER,…     the next record of each shard
 *            SHARD.e                          its end has been reached
 *            SHARD.tUS                        the first record from that time on: none has come yet
 *
 * Shards are read one after another, parents before their children; a shard that the cursor does not name is
 * new, and read from its oldest record. Readers stay open while a client follows. All reading is in the pool:
 * one look at a time for each client, begun when its last events have been handed over. */
#include <inttypes.h>

#include "server_int.h"

#define PAGE_BYTES   (4 << 20)
#define LIMIT        100
#define LIMIT_MOST   10000
#define TIME_MOST_US (INT64_C(1) << 60)
#define LOOK_US      50000 /* between looks for what others than clients have put */

typedef struct place {
    uint32_t shard;
    bool ended, seen; /* seen: it is still there */
    bool begun;       /* a record of it has been read */
    wr_place at;
    wr_reader *reader; /* NULL: not opened yet */
} place;

typedef struct reading {
    wr_place from; /* of shards that are not among places */
    place *places;
    size_t n, cap;
    bool described; /* the shards are known, until one ends */
    bool later;     /* shards that are found from now on are new */
    uint32_t limit; /* records of a page */
    wr_records got;
    /* following */
    bool busy;      /* in the pool */
    bool gone;      /* the client has gone meanwhile */
    bool failed;    /* it is over */
    wr_buf events;  /* what the pool has made of records; the loop's when not busy */
    size_t last_at; /* of the text of events: where the last begins */
    int64_t looked_us;
    uint64_t puts; /* srv->n_puts at the last look */
} reading;

/* ---- where to begin ---- */

static bool read_cursor(reading *g, const char *p) {
    while (*p) {
        char *end;
        place pl = {.at = {.from = WR_FROM_AT}};
        if (*p < '0' || *p > '9') return false;
        pl.shard = (uint32_t)strtoul(p, &end, 10);
        if (*end++ != '.') return false;
        if (*end == 'e') {
            pl.ended = true;
            end++;
        } else if (*end == 't') {
            pl.at = (wr_place){.from = WR_FROM_TIME, .time_us = strtoll(end + 1, &end, 10)};
            if (pl.at.time_us > TIME_MOST_US || pl.at.time_us < -TIME_MOST_US) return false;
        } else {
            if (*end < '0' || *end > '9') return false;
            pl.at.number = strtoull(end, &end, 10);
        }
        if (*end && *end != ',') return false;
        if (wr_grow(&g->places, &g->cap, g->n + 1, sizeof *g->places) != WR_OK) return false;
        g->places[g->n++] = pl;
        p = *end ? end + 1 : end;
    }
    g->later = true;
    return g->n > 0;
}

static bool read_from(reading *g, const char *from) {
    g->from.from = WR_FROM_HORIZON;
    if (strcmp(from, "earliest") == 0) return true;
    if (strcmp(from, "latest") == 0) {
        g->from.from = WR_FROM_LATEST;
        return true;
    }
    if (strncmp(from, "time:", 5) == 0) {
        g->from.from = WR_FROM_TIME;
        return wr_read_timestamp(from + 5, strlen(from + 5), &g->from.time_us);
    }
    return strncmp(from, "at:", 3) == 0 && read_cursor(g, from + 3);
}

static wr_status put_cursor(const reading *g, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "at:"));
    for (size_t i = 0; i < g->n; i++) {
        const place *p = &g->places[i];
        uint64_t number = p->reader ? wr_reader_at(p->reader) : p->at.number;
        bool timed = !p->ended && !p->begun && p->at.from == WR_FROM_TIME;
        if (!timed && !p->ended && !p->reader && p->at.from != WR_FROM_AT)
            continue; /* a child that is not due yet */
        WR_TRY(wr_buf_printf(out, "%s%" PRIu32, out->data[out->len - 1] == ':' ? "" : ",", p->shard));
        if (timed) WR_TRY(wr_buf_printf(out, ".t%" PRId64, p->at.time_us));
        else WR_TRY(p->ended ? wr_buf_puts(out, ".e") : wr_buf_printf(out, ".%" PRIu64, number));
    }
    return WR_OK;
}

/* ---- shards; in the pool ---- */

static place *find(reading *g, uint32_t shard) {
    for (size_t i = 0; i < g->n; i++)
        if (g->places[i].shard == shard) return &g->places[i];
    return NULL;
}

/* Finds the shards that there are; those that have gone are forgotten. */
static wr_status describe(wri_req *r, reading *g, wr_err *err) {
    wr_arena ar = {0};
    wr_stream_info info;
    wr_status s = wr_stream_describe(r->srv->streams, r->args[0], &ar, &info, err);
    for (size_t i = 0; i < g->n; i++) g->places[i].seen = false;
    for (uint32_t i = 0; s == WR_OK && i < info.n_shards; i++) {
        const wr_shard_info *sh = &info.shards[i];
        place *p = find(g, sh->id);
        if (!p) {
            s = wr_grow(&g->places, &g->cap, g->n + 1, sizeof *g->places) == WR_OK
                    ? WR_OK
                    : wr_fail_oom(err, "shards");
            if (s != WR_OK) break;
            p = &g->places[g->n++];
            *p = (place){.shard = sh->id, .at = g->from};
            if (g->later) p->at = (wr_place){.from = WR_FROM_HORIZON};
            p->ended = !g->later && g->from.from == WR_FROM_LATEST && sh->closed_us;
        }
        p->seen = true;
    }
    size_t n = 0;
    for (size_t i = 0; s == WR_OK && i < g->n; i++) {
        if (g->places[i].seen) g->places[n++] = g->places[i];
        else wr_reader_close(g->places[i].reader);
    }
    if (s == WR_OK) g->n = n;
    g->described = s == WR_OK;
    g->later = g->later || s == WR_OK;
    wr_arena_free(&ar);
    return s;
}

static json_t *record_json(const wr_reader *reader, uint32_t shard, const wr_record *rec) {
    char id[32], seq[WR_SEQ_TEXT];
    wr_seq q = wr_reader_seq(reader, rec);
    snprintf(id, sizeof id, WR_SHARD_ID, shard);
    wr_seq_write(&q, seq);
    json_t *o = json_pack("{s:s,s:s,s:o}", "shard", id, "sequence_number", seq, "arrival",
                          wri_json_time(rec->arrival_us));
    wri_json_bytes(o, "key", rec->key, rec->key_len);
    wri_json_bytes(o, "data", rec->data, rec->len);
    return o;
}

/* Records that are there now, each as a line of JSON, to each; until `most` bytes or *leftp records. */
typedef wr_status (*taker)(reading *g, const wr_buf *line, wr_buf *out);

/* The records behind are read again, from there. */
static wr_status leave_off(place *p, uint64_t number, wr_buf *line) {
    wr_reader_close(p->reader);
    p->reader = NULL;
    p->at = (wr_place){.from = WR_FROM_AT, .number = number};
    wr_buf_free(line);
    return WR_OK;
}

static wr_status read_shard(wri_req *r, reading *g, place *p, uint32_t *leftp, size_t most, taker each,
                            wr_buf *out, wr_err *err) {
    wr_buf line = {0};
    wr_status s = WR_OK;
    if (!p->reader) s = wr_reader_open(r->srv->streams, r->args[0], p->shard, p->at, &p->reader, err);
    while (s == WR_OK && *leftp && out->len < most) {
        s = wr_reader_next(p->reader, *leftp < 64 ? *leftp : 64, &g->got, err);
        p->begun |= s == WR_OK && g->got.n > 0;
        for (uint32_t i = 0; s == WR_OK && i < g->got.n; i++) {
            if (out->len >= most) return leave_off(p, g->got.items[i].number, &line);
            json_t *o = record_json(p->reader, p->shard, &g->got.items[i]);
            line.len = 0;
            s = o ? wri_json_write(o, &line) : WR_ENOMEM;
            if (s == WR_OK) s = each(g, &line, out);
            json_decref(o);
            --*leftp;
        }
    }
    wr_buf_free(&line);
    p->ended = s == WR_EOF;
    if (p->ended) {
        wr_reader_close(p->reader);
        p->reader = NULL;
        g->described = false; /* it may have children now */
    }
    return s < 0 ? s : WR_OK;
}

/* A shard is not begun before its parents have ended: parents stand before children, and are read to their
 * end. */
static wr_status read_some(wri_req *r, reading *g, size_t most, taker each, wr_buf *out, wr_err *err) {
    uint32_t left = g->limit;
    do {
        if (!g->described) WR_TRY(describe(r, g, err));
        for (size_t i = 0; i < g->n && left && out->len < most; i++)
            if (!g->places[i].ended) WR_TRY(read_shard(r, g, &g->places[i], &left, most, each, out, err));
    } while (!g->described && left && out->len < most);
    return WR_OK;
}

static void free_reading(reading *g) {
    for (size_t i = 0; i < g->n; i++) wr_reader_close(g->places[i].reader);
    wr_free(g->places);
    wr_records_free(&g->got);
    wr_buf_free(&g->events);
    g->n = 0;
    g->places = NULL;
}

/* ---- a page ---- */

static wr_status to_page(reading *g, const wr_buf *line, wr_buf *out) {
    (void)g;
    WR_TRY(wr_buf_puts(out, out->data[out->len - 1] == '[' ? "" : ","));
    return wr_buf_put(out, line->data, line->len);
}

/* Shards that the page did not come to are begun, so that the cursor names all. */
static wr_status open_rest(wri_req *r, reading *g, wr_err *err) {
    for (size_t i = 0; i < g->n; i++) {
        place *p = &g->places[i];
        if (!p->ended && !p->reader && p->at.from != WR_FROM_AT)
            WR_TRY(wr_reader_open(r->srv->streams, r->args[0], p->shard, p->at, &p->reader, err));
    }
    return WR_OK;
}

static wr_status make_page(wri_req *r, reading *g, wr_err *err) {
    WR_TRY(wr_buf_puts(&r->out, "{\"records\":["));
    WR_TRY(read_some(r, g, PAGE_BYTES, to_page, &r->out, err));
    WR_TRY(open_rest(r, g, err));
    WR_TRY(wr_buf_puts(&r->out, "],\"next\":\""));
    WR_TRY(put_cursor(g, &r->out));
    return wr_buf_puts(&r->out, "\"}\n");
}

static void page(wri_req *r) {
    wr_stream_info info;
    reading *g = r->own;
    wr_err err = {0};
    if (wri_api_describe(r, r->args[0], &info)) {
        wr_status s = make_page(r, g, &err);
        if (s == WR_OK) r->status = 200;
        else wri_note_failed(r, s, &err);
    }
    free_reading(g);
}

static void paged(wri_req *r) { wri_answer(r, r->status, "application/json"); }

/* ---- following ---- */

static wr_status to_event(reading *g, const wr_buf *line, wr_buf *out) {
    g->last_at = out->len;
    return wri_event_data(out, line->data, line->len);
}

/* The id of events is a cursor behind all of them, so it stands at the last. */
static wr_status make_events(reading *g, const wr_buf *text) {
    wr_buf cursor = {0};
    wr_status s = put_cursor(g, &cursor);
    g->events.len = 0;
    if (s == WR_OK) s = wr_buf_put(&g->events, text->data, g->last_at);
    if (s == WR_OK && cursor.len < WRI_PATH_MAX / 2) {
        s = wr_buf_puts(&g->events, "id: ");
        if (s == WR_OK) s = wr_buf_put(&g->events, cursor.data, cursor.len);
        if (s == WR_OK) s = wr_buf_puts(&g->events, "\n");
    }
    if (s == WR_OK) s = wr_buf_put(&g->events, text->data + g->last_at, text->len - g->last_at);
    wr_buf_free(&cursor);
    return s;
}

static void look(wri_req *r) {
    reading *g = r->own;
    wr_buf text = {0};
    wr_err err = {0};
    g->limit = LIMIT_MOST;
    wr_status s = read_some(r, g, WRI_CHUNK_BYTES, to_event, &text, &err);
    if (s == WR_OK && text.len) s = make_events(g, &text);
    wr_buf_free(&text);
    if (s == WR_OK) return;
    g->failed = true;
    g->events.len = 0;
    if (wr_buf_puts(&g->events, "event: error\n") != WR_OK ||
        wri_event_data(&g->events, err.msg, strlen(err.msg)) != WR_OK)
        g->events.len = 0;
}

static void looked(wri_req *r) {
    reading *g = r->own;
    g->busy = false;
    if (g->gone) {
        free_reading(g);
        wri_req_free(r);
    } else if (g->events.len) wri_follow_pump(r);
}

static wr_status gather(wri_req *r, wr_buf *out) {
    reading *g = r->own;
    int64_t now = r->srv->sys->mono_us();
    if (g->busy) return WR_OK;
    if (g->events.len) {
        *out = g->events;
        g->events = (wr_buf){0};
        g->looked_us = 0; /* there may be more */
    } else if (!g->failed && (now - g->looked_us >= LOOK_US || g->puts != r->srv->n_puts)) {
        g->looked_us = now;
        g->puts = r->srv->n_puts;
        g->busy = true;
        wri_req_work(r, look, looked);
    }
    return WR_OK;
}

static wr_status last(wri_req *r, wr_buf *out) {
    const reading *g = r->own;
    if (!r->srv->stopping && (!g->failed || g->busy || g->events.len)) return WR_OK;
    return wr_buf_puts(out, "event: end\ndata: {}\n\n");
}

static bool gone(wri_req *r) {
    reading *g = r->own;
    g->gone = true;
    if (!g->busy) free_reading(g);
    return !g->busy;
}

static const wri_feed records_feed = {gather, last, gone};

static void find_stream(wri_req *r) {
    wr_stream_info info;
    (void)!wri_api_describe(r, r->args[0], &info);
}

static void found_stream(wri_req *r) {
    if (!wri_noted(r)) {
        wri_follow_begin(r, &records_feed);
        return;
    }
    free_reading(r->own);
    wri_send_noted(r);
}

/* ---- GET /v1/streams/{}/records ---- */

static bool take(wri_req *r, reading *g, bool follow) {
    const char *from = wri_query(r, "from"), *limit = wri_query(r, "limit");
    int64_t n = LIMIT;
    if (follow && r->last_event && strncmp(r->last_event, "at:", 3) == 0) from = r->last_event;
    if (!from) from = follow ? "latest" : "earliest";
    if (limit && (!wr_read_i64(limit, strlen(limit), &n) || n < 1 || n > LIMIT_MOST)) {
        wri_answer_error(r, 400, "bad_request", "limit '%.32s': expected 1 to %d", limit, LIMIT_MOST);
        return false;
    }
    g->limit = (uint32_t)n;
    if (read_from(g, from)) return true;
    free_reading(g);
    wri_answer_error(
        r, 400, "bad_request",
        "from '%.64s': expected earliest, latest, time:2026-01-01T00:00:00Z, or what 'next' of a page said",
        from);
    return false;
}

void wri_api_records_get(wri_req *r) {
    static const char *const known[] = {"from", "limit", "follow", NULL};
    bool follow;
    if (!wri_query_known(r, known) || !wri_query_bool(r, "follow", &follow)) return;
    reading *g = r->own = wr_arena_calloc(&r->ar, sizeof *g);
    if (!g) wri_answer_error(r, 503, "out_of_memory", "out of memory");
    else if (!take(r, g, follow)) return;
    else if (follow) wri_req_work(r, find_stream, found_stream);
    else wri_req_work(r, page, paged);
}

/* server/api_records.c -- records of a stream: a page of them, or as they come.
 *
 *   cursor   at:SHARD.NUMBER,SHARD.NUMBER,…     the next record of each shard, by shard
 *            SHARD.e                          its end has been reached
 *            SHARD.tUS                        the first record from that time on: none has come yet
 *            SHARD-SHARD.…                    the same for all from one to the other
 *
 * Shards are read one after another, parents before their children; a shard that the cursor does not name is
 * new, and read from its oldest record. A page keeps no reader open; while a client follows they all are. All
 * reading is in the pool: one look at a time for each client, begun when its last events have been handed
 * over. */
#include <inttypes.h>

#include "server_int.h"

#define PAGE_BYTES   (4 << 20)
#define LIMIT        100
#define LIMIT_MOST   10000
#define TIME_MOST_US (INT64_C(1) << 60)
#define ID_MOST      60000 /* of an event [bytes]: a head that brings it back has room for it */
#define LOOK_US      50000 /* between looks for what others than clients have put */

typedef struct place {
    uint32_t shard;
    bool ended;
    bool begun; /* a record of it has been read */
    wr_place at;
    wr_reader *reader; /* NULL: none is open; it would begin at at */
} place;

typedef struct reading {
    wr_place from; /* of shards that are not among places */
    uint32_t only; /* this shard; WR_NO_SHARD: all */
    place *places; /* by shard */
    size_t n;
    bool follows;   /* readers stay open */
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

/* ---- cursors ---- */

/* What a cursor says of a shard. */
typedef struct mark {
    enum { FROM_OLDEST, FROM_NUMBER, FROM_TIME, ENDED } kind; /* FROM_OLDEST: nothing */
    int64_t time_us;
    uint64_t number;
} mark;

static mark mark_of(const place *p) {
    if (p->ended) return (mark){.kind = ENDED};
    if (!p->begun && p->at.from == WR_FROM_TIME) return (mark){.kind = FROM_TIME, .time_us = p->at.time_us};
    if (p->reader) return (mark){.kind = FROM_NUMBER, .number = wr_reader_at(p->reader)};
    if (p->at.from == WR_FROM_AT) return (mark){.kind = FROM_NUMBER, .number = p->at.number};
    return (mark){.kind = FROM_OLDEST};
}

static bool same(mark a, mark b) {
    return a.kind == b.kind && a.time_us == b.time_us && a.number == b.number;
}

static wr_status put_cursor(const reading *g, wr_buf *out) {
    WR_TRY(wr_buf_puts(out, "at:"));
    for (size_t i = 0, to; i < g->n; i = to) {
        const place *p = g->places;
        mark m = mark_of(&p[i]);
        for (to = i + 1; to < g->n && p[to].shard == p[to - 1].shard + 1 && same(mark_of(&p[to]), m);) to++;
        if (m.kind == FROM_OLDEST) continue;
        WR_TRY(wr_buf_printf(out, "%s%" PRIu32, out->data[out->len - 1] == ':' ? "" : ",", p[i].shard));
        if (to - i > 1) WR_TRY(wr_buf_printf(out, "-%" PRIu32, p[to - 1].shard));
        if (m.kind == ENDED) WR_TRY(wr_buf_puts(out, ".e"));
        else if (m.kind == FROM_TIME) WR_TRY(wr_buf_printf(out, ".t%" PRId64, m.time_us));
        else WR_TRY(wr_buf_printf(out, ".%" PRIu64, m.number));
    }
    return WR_OK;
}

static bool read_digits(const char **pp, uint64_t *outp) {
    char *end;
    if (**pp < '0' || **pp > '9') return false;
    *outp = strtoull(*pp, &end, 10);
    *pp = end;
    return true;
}

static bool read_mark(const char **pp, place *out) {
    char *end;
    if (*(*pp)++ != '.') return false;
    if (**pp != 'e' && **pp != 't') return read_digits(pp, &out->at.number);
    out->ended = *(*pp)++ == 'e';
    if (out->ended) return true;
    out->at = (wr_place){.from = WR_FROM_TIME, .time_us = strtoll(*pp, &end, 10)};
    *pp = end;
    return out->at.time_us <= TIME_MOST_US && out->at.time_us >= -TIME_MOST_US;
}

static bool read_cursor(reading *g, const char *p) {
    size_t cap = 0;
    while (*p) {
        place pl = {.at = {.from = WR_FROM_AT}};
        uint64_t first, last;
        if (!read_digits(&p, &first)) return false;
        last = first;
        if (*p == '-' && (p++, !read_digits(&p, &last))) return false;
        if (last >= WR_NO_SHARD || last < first || last - first >= WR_SHARDS_KEPT - g->n) return false;
        if (g->n > 0 && first <= g->places[g->n - 1].shard) return false;
        if (!read_mark(&p, &pl) || (*p && *p++ != ',')) return false;
        if (wr_grow(&g->places, &cap, g->n + (last - first) + 1, sizeof *g->places) != WR_OK) return false;
        for (pl.shard = (uint32_t)first; pl.shard <= last; pl.shard++) g->places[g->n++] = pl;
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

/* ---- shards; in the pool ---- */

static place first_place(const reading *g, const wr_shard_info *sh) {
    place p = {.shard = sh->id, .at = g->from};
    if (g->later) p.at = (wr_place){.from = WR_FROM_HORIZON};
    p.ended = !g->later && g->from.from == WR_FROM_LATEST && sh->closed_us;
    return p;
}

/* Finds the shards that there are; those that have gone are forgotten. Both lists are by number. */
static wr_status describe(wri_req *r, reading *g, wr_err *err) {
    wr_arena ar = {0};
    wr_stream_info info;
    size_t i = 0, cap = 0;
    place *now = NULL;
    wr_status s = wr_stream_describe(r->srv->streams, r->args[0], &ar, &info, err);
    if (s == WR_OK && wr_grow(&now, &cap, info.n_shards, sizeof *now) != WR_OK)
        s = wr_fail_oom(err, "shards");
    if (s == WR_OK) {
        size_t n = 0;
        for (uint32_t k = 0; k < info.n_shards; k++) {
            const wr_shard_info *sh = &info.shards[k];
            if (g->only != WR_NO_SHARD && g->only != sh->id) continue;
            while (i < g->n && g->places[i].shard < sh->id) wr_reader_close(g->places[i++].reader);
            bool known = i < g->n && g->places[i].shard == sh->id;
            now[n++] = known ? g->places[i++] : first_place(g, sh);
        }
        while (i < g->n) wr_reader_close(g->places[i++].reader);
        wr_free(g->places);
        g->places = now;
        g->n = n;
        g->later = true;
    }
    g->described = s == WR_OK;
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

/* The records from there on are read again, by another reader. */
static void leave_off(place *p, uint64_t number) {
    bool waits = p->at.from == WR_FROM_TIME && !p->begun; /* for the first record of that time */
    if (!waits) p->at = (wr_place){.from = WR_FROM_AT, .number = number};
    wr_reader_close(p->reader);
    p->reader = NULL;
}

static wr_status read_shard(wri_req *r, reading *g, place *p, uint32_t *leftp, size_t most, taker each,
                            wr_buf *out, wr_err *err) {
    wr_buf line = {0};
    wr_status s = WR_OK;
    if (!p->reader) s = wr_reader_open(r->srv->streams, r->args[0], p->shard, p->at, &p->reader, err);
    while (s == WR_OK && p->reader && *leftp && out->len < most) {
        s = wr_reader_next(p->reader, *leftp < 64 ? *leftp : 64, &g->got, err);
        p->begun |= s == WR_OK && g->got.n > 0;
        for (uint32_t i = 0; s == WR_OK && i < g->got.n; i++) {
            if (out->len >= most) {
                leave_off(p, g->got.items[i].number);
                break;
            }
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
    } else if (p->reader && !g->follows) leave_off(p, wr_reader_at(p->reader));
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

/* The latest record of a shard that the page did not come to is now's, not the next page's. */
static wr_status find_rest(wri_req *r, reading *g, wr_err *err) {
    for (size_t i = 0; i < g->n; i++) {
        place *p = &g->places[i];
        if (p->ended || p->reader || p->at.from != WR_FROM_LATEST) continue;
        WR_TRY(wr_reader_open(r->srv->streams, r->args[0], p->shard, p->at, &p->reader, err));
        leave_off(p, wr_reader_at(p->reader));
    }
    return WR_OK;
}

static wr_status make_page(wri_req *r, reading *g, wr_err *err) {
    WR_TRY(wr_buf_puts(&r->out, "{\"records\":["));
    WR_TRY(read_some(r, g, PAGE_BYTES, to_page, &r->out, err));
    WR_TRY(find_rest(r, g, err));
    WR_TRY(wr_buf_puts(&r->out, "],\"next\":\""));
    WR_TRY(put_cursor(g, &r->out));
    return wr_buf_puts(&r->out, "\"}\n");
}

/* False: noted. */
static bool is_there(wri_req *r, const reading *g) {
    wr_stream_info info;
    if (!wri_api_describe(r, r->args[0], &info)) return false;
    if (g->only == WR_NO_SHARD || wr_stream_shard(&info, g->only)) return true;
    const char *msg =
        wr_arena_printf(&r->ar, "stream %s has no shard %" PRIu32 " to be read", r->args[0], g->only);
    wri_note_error(r, 404, "not_found", msg ? msg : "no such shard");
    return false;
}

static void page(wri_req *r) {
    reading *g = r->own;
    wr_err err = {0};
    if (is_there(r, g)) {
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
static wr_status make_events(reading *g, const wr_buf *text, wr_err *err) {
    wr_buf cursor = {0};
    wr_status s = put_cursor(g, &cursor);
    g->events.len = 0;
    if (s == WR_OK && cursor.len > ID_MOST)
        s = wr_fail(
            err, WR_ELIMIT,
            "the place in a stream of so many shards takes %zu bytes, and %d at most can be asked for "
            "again; follow shard by shard, with shard=",
            cursor.len, ID_MOST);
    if (s == WR_OK) s = wr_buf_put(&g->events, text->data, g->last_at);
    if (s == WR_OK) s = wr_buf_puts(&g->events, "id: ");
    if (s == WR_OK) s = wr_buf_put(&g->events, cursor.data, cursor.len);
    if (s == WR_OK) s = wr_buf_puts(&g->events, "\n");
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
    if (s == WR_OK && text.len) s = make_events(g, &text, &err);
    wr_buf_free(&text);
    if (s == WR_OK) return;
    const char *why = err.msg[0] ? err.msg : wr_status_text(s);
    g->failed = true;
    g->events.len = 0;
    if (wr_buf_puts(&g->events, "event: error\n") != WR_OK ||
        wri_event_data(&g->events, why, strlen(why)) != WR_OK)
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

static void find_stream(wri_req *r) { (void)is_there(r, r->own); }

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
    const char *from = wri_query(r, "from"), *limit = wri_query(r, "limit"), *shard = wri_query(r, "shard");
    int64_t n = LIMIT;
    g->only = WR_NO_SHARD;
    if (shard && !wr_shard_id_read(shard, strlen(shard), &g->only)) {
        wri_answer_error(r, 400, "bad_request",
                         "shard '%.32s': expected one, as \"3\" or \"shardId-000000000003\"", shard);
        return false;
    }
    if (follow && r->last_event && strncmp(r->last_event, "at:", 3) == 0) from = r->last_event;
    if (!from) from = follow ? "latest" : "earliest";
    if (limit && (!wr_read_i64(limit, strlen(limit), &n) || n < 1 || n > LIMIT_MOST)) {
        wri_answer_error(r, 400, "bad_request", "limit '%.32s': expected 1 to %d", limit, LIMIT_MOST);
        return false;
    }
    g->limit = (uint32_t)n;
    g->follows = follow;
    if (read_from(g, from)) return true;
    free_reading(g);
    wri_answer_error(
        r, 400, "bad_request",
        "from '%.64s': expected earliest, latest, time:2026-01-01T00:00:00Z, or what 'next' of a page said",
        from);
    return false;
}

void wri_api_records_get(wri_req *r) {
    static const char *const known[] = {"from", "limit", "shard", "follow", NULL};
    bool follow;
    if (!wri_query_known(r, known) || !wri_query_bool(r, "follow", &follow)) return;
    reading *g = r->own = wr_arena_calloc(&r->ar, sizeof *g);
    if (!g) wri_answer_error(r, 503, "out_of_memory", "out of memory");
    else if (!take(r, g, follow)) return;
    else if (follow) wri_req_work(r, find_stream, found_stream);
    else wri_req_work(r, page, paged);
}

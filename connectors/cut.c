/* connectors/cut.c -- where one chunk ends and the next begins.
 *
 * The format says how much of the bytes at hand is whole records. It is shown at most record_max bytes
 * at a time, so a record is too long exactly when no record ends within that many; a chunk may be made of
 * several such windows. A record that is too long is shown
 * once as a bad piece, and then skipped to where the format sees the next record end. After that the
 * format reads on as if between records: a lost quote costs record_max bytes, not the rest of the file.
 *
 * A head (the header line of a CSV file) is copied when the first records are seen and goes along with each
 * chunk. When a tailed file is rotated, the new file's head is taken out, as only position 0 may show it. */
#include "conn_int.h"

/* Length of the first record of p[0..n), which holds at least one whole record. frame only tells the
 * last end, but it tells none exactly when p is cut before the first one; so that place is searched. */
static size_t first_end(const wri_cutter *c, const char *p, size_t n) {
    size_t lo = 0, hi = n; /* no record ends within lo bytes, one does within hi */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        uint64_t state = c->state;
        if (c->format->frame(p, mid, false, &state) > 0) hi = mid;
        else lo = mid;
    }
    return hi;
}

static wri_piece skip(wri_cutter *c, const char *p, size_t n, bool last) {
    uint64_t state = c->state;
    bool found = c->format->frame(p, n, false, &state) > 0;
    if (found || last) c->skipping = false;
    return (wri_piece){.take = found ? first_end(c, p, n) : n};
}

wr_status wri_readable(const wr_source_cfg *cfg, const char *name, wr_err *err) {
    if (!cfg->format)
        return wr_fail(err, WR_EINVAL, "%s: a format is needed; add format = 'json' or another", name);
    if (!cfg->format->frame)
        return wr_fail(err, WR_EINVAL, "%s: format '%s' can only be written; use another", name,
                       cfg->format->with.name);
    return WR_OK;
}

static wr_status ready(wri_cutter *c, wr_err *err) {
    c->state = c->begin;
    c->why_long = wr_arena_printf(&c->ar,
                                  "the record is longer than max_record_bytes (%zu); raise it, or check that "
                                  "the format is right",
                                  c->record_max);
    return c->why_long ? WR_OK : wr_fail_oom(err, "a source");
}

wr_status wri_cutter_init(wri_cutter *c, const wr_source_cfg *cfg, size_t record_max, wr_err *err) {
    *c = (wri_cutter){.format = cfg->format, .record_max = record_max};
    if (c->format->begin) c->begin = c->format->begin(cfg->options, cfg->n_options);
    return ready(c, err);
}

wr_status wri_cutter_like(wri_cutter *c, const wri_cutter *other, wr_err *err) {
    *c = (wri_cutter){.format = other->format, .record_max = other->record_max, .begin = other->begin};
    return ready(c, err);
}

void wri_cutter_restart(wri_cutter *c) {
    c->again = true;
    c->begun = c->skipping = false;
    c->state = c->begin;
}

void wri_cutter_free(wri_cutter *c) {
    wr_arena_free(&c->ar);
    *c = (wri_cutter){0};
}

/* Notes the head of the whole records p[0..n), the first of a file. */
static wr_status note_head(wri_cutter *c, const char *p, size_t n, size_t *lenp, wr_err *err) {
    *lenp = c->format->head ? c->format->head(p, n, c->begin) : 0;
    bool same = *lenp == c->head_len && (*lenp == 0 || memcmp(p, c->head, *lenp) == 0);
    if (!same) { /* chunks still out may point to the old one, so it stays */
        const char *copy = wr_arena_strndup(&c->ar, p, *lenp);
        if (!copy) return wr_fail_oom(err, "a header line");
        c->head = *lenp ? copy : NULL;
        c->head_len = *lenp;
    }
    c->begun = true;
    return WR_OK;
}

/* Length of the whole records at p, window by window; moves the state along. */
static size_t whole_records(wri_cutter *c, const char *p, size_t n, bool last) {
    size_t whole = 0;
    while (whole < n) {
        size_t rest = n - whole, window = rest < c->record_max ? rest : c->record_max;
        bool last_here = last && window == rest;
        uint64_t state = c->state;
        size_t k = c->format->frame(p + whole, window, last_here, &state);
        if (k == 0 && last_here) k = rest; /* a format that will not take the rest: its decoder says why */
        if (k == 0) break;
        c->state = state;
        whole += k;
    }
    return whole;
}

wr_status wri_cut(wri_cutter *c, const char *p, size_t n, bool last, wri_piece *out, wr_err *err) {
    *out = (wri_piece){0};
    if (n == 0) return WR_OK;
    if (c->skipping) {
        *out = skip(c, p, n, last);
        return WR_OK;
    }
    uint64_t before = c->state;
    size_t head = 0, k = whole_records(c, p, n, last);
    if (k > 0) {
        if (!c->begun) WR_TRY(note_head(c, p, k, &head, err));
        *out = (wri_piece){.take = k, .show = k};
        if (head > 0 && c->again) { /* the head is left out, the rest cut anew */
            c->state = before;
            *out = (wri_piece){.take = head};
        }
    } else if (n >= c->record_max) {
        c->skipping = c->begun = true;
        size_t show = c->record_max < WRI_BAD_SHOWN ? c->record_max : WRI_BAD_SHOWN;
        *out = (wri_piece){.take = c->record_max, .show = show, .bad = true};
    }
    return WR_OK;
}

wr_chunk wri_chunk(const wri_cutter *c, wri_piece piece) {
    return (wr_chunk){.len = piece.show,
                      .bad = piece.bad,
                      .why = piece.bad ? c->why_long : NULL,
                      .head = c->head,
                      .head_len = c->head_len};
}

#define HEAD_BYTES 65536

wr_status wri_cutter_head(wri_cutter *c, const wr_sys *sys, int fd, const char *name, wr_err *err) {
    wr_buf text = {0};
    wr_status r = WR_OK;
    for (size_t n = HEAD_BYTES; r == WR_OK && !c->begun; n *= 2) {
        size_t got = 0;
        wri_piece piece;
        if (wr_buf_reserve(&text, n + WR_PAD) != WR_OK) r = wr_fail_oom(err, "a header line");
        if (r == WR_OK) r = wr_pread_all(sys, fd, text.data, n, 0, &got, name, err);
        if (r == WR_OK) r = wri_cut(c, text.data, got, got < n, &piece, err);
        if (got < n) c->begun = true;
    }
    wr_buf_free(&text);
    return r;
}

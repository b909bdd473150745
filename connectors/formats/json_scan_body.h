/* connectors/formats/json_scan_body.h -- the scanner, included once per instruction set.
 *
 * Before it, the includer defines VARIANT, and as INLINE functions:
 *   vec, vec_load, vec_zero, vec_or, vec_high   VEC_BYTES bytes; is a byte above 127 among them?
 *   mask, vec_special, mask_at, mask_from       which bytes are '"', '\\' or below 0x20; the first; from n on
 *   vec_quote, vec_stop                         which are '"'; ',', '}' or below 0x21
 *   same(p, text, n)                            are n <= WRI_JSON_GAP_MAX bytes equal? text is padded to that
 *   same_two(p, q, text, n)                     the same for both p and q
 *   same16(p, text)                             are 16 bytes equal?
 *   number(p, num *), whole(p, num *)           a number of up to 16 bytes; whole takes none with a point
 *   view(out, p, n)                             the string view of n < VEC_BYTES bytes
 *   seconds(p, frac, *endp, *usp)               ":SS", ":SS.f" … ":SS.ffffff"
 *
 * Two cursors, one in each piece of the chunk, run through the hot layout in step: the processor works on one
 * while the other waits for where its value ends. When one of the records leaves the layout, each goes on
 * alone
 * (`solo`): in this layout, in another one with the same beginning, or, where none fits, member by member.
 * Values that are not of the usual form go to wri_json_member. A record that none of this reads ends the
 * strip.
 *
 * No cursor leaves its line: every step compares before it moves, and nothing that is compared or skipped
 * contains a newline, except the tail of a record. Pieces end in a newline. Reads go at most VEC_BYTES + 1 or
 * WRI_JSON_GAP_MAX bytes ahead of a byte inside the line, which WR_PAD covers.
 *
 * What is accepted is JSON in full, except that strings are not checked to be UTF-8: bytes above 127 are only
 * noticed, and the caller then checks the whole strip. */

#define CREDIT_MAX 512
#define DIVERGED   32 /* credit that a record costs which follows no layout */

#define PASTE_(a, b) a##_##b
#define PASTE(a, b)  PASTE_(a, b)

static const double tens_f64[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                  1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
static const int64_t tens_i64[] = {1,
                                   10,
                                   100,
                                   1000,
                                   10000,
                                   100000,
                                   1000000,
                                   10000000,
                                   100000000,
                                   1000000000,
                                   10000000000,
                                   100000000000,
                                   1000000000000,
                                   10000000000000,
                                   100000000000000,
                                   1000000000000000,
                                   10000000000000000,
                                   100000000000000000,
                                   1000000000000000000};

/* Where a value goes: a column of the row that h is at. */
typedef struct place {
    wri_json_rows *h;
    const wri_json_col *col;
} place;

#define OUT(type, at) ((type *)(at).h->data[(at).col->at])[(at).h->row]

/* The way out for values that are not of the usual form. */
static __attribute__((noinline)) const char *unusual(place at, const char *p) {
    return wri_json_member(at.h, at.col->node, p);
}

/* ---- strings ---- */

/* The closing quote of the string whose first byte is at p; NULL when something else comes first. */
static inline const char *long_string(const char *p, vec *high) {
    for (;; p += VEC_BYTES) {
        vec v = vec_load(p);
        mask m = vec_special(v);
        *high = vec_or(*high, v);
        if (!m) continue;
        p += mask_at(m);
        return *p == '"' ? p : NULL;
    }
}

INLINE const char *skip_string(const char *p, vec *high) {
    vec v = vec_load(p + 1);
    mask m = vec_special(v);
    *high = vec_or(*high, v);
    const char *end = p + 1 + mask_at(m);
    if (WR_UNLIKELY(!m)) end = long_string(p + 1 + VEC_BYTES, high);
    else if (WR_UNLIKELY(*end != '"')) return NULL;
    return end ? end + 1 : NULL;
}

INLINE const char *read_text(place at, const char *p, vec *high) {
    if (WR_UNLIKELY(*p != '"')) return unusual(at, p);
    vec v = vec_load(p + 1);
    mask m = vec_special(v);
    *high = vec_or(*high, v);
    if (WR_LIKELY(m)) {
        uint32_t n = mask_at(m);
        if (WR_UNLIKELY(p[1 + n] != '"' || n > at.col->text_bytes)) return unusual(at, p);
        view(&OUT(wr_str, at), p + 1, n);
        return p + n + 2;
    }
    const char *end = long_string(p + 1 + VEC_BYTES, high);
    if (WR_UNLIKELY(!end)) return unusual(at, p);
    size_t n = (size_t)(end - p) - 1;
    if (WR_UNLIKELY(n > at.col->text_bytes || n >= UINT32_MAX)) return unusual(at, p);
    OUT(wr_str, at) = wr_str_make(p + 1, n);
    return end + 1;
}

/* ---- numbers ---- */

INLINE const char *read_int(place at, const char *p) {
    num x;
    if (WR_UNLIKELY(!whole(p, &x))) return unusual(at, p);
    int64_t v = (int64_t)((x.digits ^ (0 - (uint64_t)x.neg)) + x.neg);
    if (WR_UNLIKELY((uint64_t)v - (uint64_t)at.col->min > at.col->span)) return unusual(at, p);
    OUT(int64_t, at) = v;
    return p + x.len;
}

INLINE const char *read_epoch(place at, const char *p) {
    num x;
    if (WR_UNLIKELY(!whole(p, &x) || x.neg || x.digits > at.col->span)) return unusual(at, p);
    int64_t us = (int64_t)x.digits * at.col->unit, tick = wri_json_tick(at.col);
    OUT(int64_t, at) = WR_LIKELY(tick <= at.col->unit) ? us : us - us % tick;
    return p + x.len;
}

INLINE const char *read_decimal(place at, const char *p) {
    num x;
    int64_t v;
    uint32_t scale = at.col->type.scale;
    if (WR_UNLIKELY(!number(p, &x) || x.frac > scale || scale > 18)) return unusual(at, p);
    if (WR_UNLIKELY(__builtin_mul_overflow((int64_t)x.digits, tens_i64[scale - x.frac], &v) ||
                    (uint64_t)v > at.col->span))
        return unusual(at, p);
    OUT(int64_t, at) = x.neg ? -v : v;
    return p + x.len;
}

/* Exact operands make the division round correctly (Clinger). */
INLINE const char *read_double(place at, const char *p, bool real) {
    num x;
    if (WR_UNLIKELY(!number(p, &x) || x.digits >> 53)) return unusual(at, p);
    double v = (double)(int64_t)x.digits / tens_f64[x.frac];
    uint64_t bits;
    memcpy(&bits, &v, 8);
    if (real) { /* half way between two floats the digits decide */
        if (WR_UNLIKELY((bits & 0x1fffffff) == 0x10000000)) return unusual(at, p);
        v = (double)(float)v;
        memcpy(&bits, &v, 8);
    }
    OUT(uint64_t, at) = bits | (uint64_t)x.neg << 63;
    return p + x.len;
}

/* ---- words and times ---- */

INLINE const char *read_bool(place at, const char *p) {
    uint32_t w;
    memcpy(&w, p, 4);
    bool yes = w == 0x65757274 /* "true" */, no = w == 0x736c6166 /* "fals" */ && p[4] == 'e';
    if (WR_UNLIKELY(!(yes | no))) return unusual(at, p);
    OUT(int64_t, at) = yes;
    return p + 5 - yes;
}

static __attribute__((noinline)) bool new_minute(wri_json_minute *m, const char *p) {
    int64_t us;
    if (!wr_read_timestamp(p, sizeof m->text, &us)) return false;
    memcpy(m->text, p, sizeof m->text);
    m->us = us;
    return true;
}

INLINE const char *read_stamp(place at, const char *p) {
    wri_json_minute *minute = &at.h->minutes[at.col->at];
    const char *end;
    int64_t us;
    if (WR_UNLIKELY(*p != '"')) return unusual(at, p);
    if (WR_UNLIKELY(!same16(p + 1, minute->text)) && !new_minute(minute, p + 1)) return unusual(at, p);
    if (WR_UNLIKELY(!seconds(p + 17, at.col->frac, &end, &us))) return unusual(at, p);
    end += *end == 'Z';
    if (WR_UNLIKELY(*end != '"')) return unusual(at, p);
    OUT(int64_t, at) = minute->us + us;
    return end + 1;
}

INLINE const char *skip(wri_json_rows *h, const char *p, uint32_t depth, vec *high) {
    num x;
    const char *end = NULL;
    if (*p == '"') end = skip_string(p, high);
    else if (number(p, &x)) end = p + x.len;
    return WR_LIKELY(end) ? end : wri_json_unwanted(h, depth, p);
}

/* ---- one record by members ---- */

/* The value of a column that the scanner has a way for. */
INLINE const char *read_value(place at, const char *p, vec *high) {
    switch ((wri_json_how)at.col->how) {
    case WRI_JSON_INT:
        return read_int(at, p);
    case WRI_JSON_EPOCH:
        return read_epoch(at, p);
    case WRI_JSON_DECIMAL:
        return read_decimal(at, p);
    case WRI_JSON_DOUBLE:
        return read_double(at, p, false);
    case WRI_JSON_REAL:
        return read_double(at, p, true);
    case WRI_JSON_BOOL:
        return read_bool(at, p);
    case WRI_JSON_TEXT:
        return read_text(at, p, high);
    case WRI_JSON_STAMP:
        return read_stamp(at, p);
    case WRI_JSON_SKIP:
    case WRI_JSON_MEMBER:
    case WRI_JSON_TAIL:
        break;
    }
    return NULL;
}

/* Two bytes as they lie in memory. */
INLINE uint16_t pair(const char *p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

INLINE const char *space(const char *p) {
    while (*p == ' ' || *p == '\t' || *p == '\r') p++;
    return p;
}

/* The member with the name p[0..len), behind which is a quote. */
INLINE wri_json_key *find_key(const wri_json_keys *keys, const char *p, size_t len) {
    for (uint64_t i = wri_json_key_hash(p, len) >> keys->shift;; i = (i + 1) & keys->mask) {
        wri_json_key *k = keys->table[i];
        if (!k || (len < WRI_JSON_GAP_MAX ? same(p, k->name, (uint32_t)len + 1)
                                          : len == k->len && memcmp(p, k->name, len) == 0))
            return k;
    }
}

/* As read_name, for any space and for names not seen before. */
static __attribute__((noinline)) const char *read_any_name(wri_json *d, const char *p, char lead,
                                                           wri_json_key **kp) {
    vec high = vec_zero();
    p = space(p);
    if (*p++ != lead) return NULL;
    p = space(p);
    if (*p != '"') return NULL;
    const char *name = p + 1, *behind = skip_string(p, &high);
    if (!behind) return NULL; /* also names with escapes */
    size_t len = (size_t)(behind - name) - 1;
    *kp = find_key(&d->keys, name, len);
    if (!*kp) *kp = wr_utf8_valid(name, len) ? wri_json_key_new(d, name, len) : NULL;
    p = space(behind);
    return *kp && *p == ':' ? space(p + 1) : NULL;
}

/* Reads `,"name":` at p (or '{' for ','): the first byte of the value, or NULL. A name that is found is also
 * checked by that. */
INLINE const char *read_name(wri_json *d, const char *p, char lead, wri_json_key **kp) {
    uint16_t before, behind;
    mask m = vec_quote(vec_load(p + 2));
    const char *name = p + 2, *end = name + mask_at(m);
    memcpy(&before, p, 2);
    memcpy(&behind, end, 2);
    *kp = NULL;
    if (WR_LIKELY(before == (lead == '{' ? pair("{\"") : pair(",\"")) && behind == pair("\":") &&
                  end > name && end[2] > ' '))
        *kp = find_key(&d->keys, name, (size_t)(end - name));
    return WR_LIKELY(*kp) ? end + 2 : read_any_name(d, p, lead, kp);
}

/* The end of the value at p. Texts of unusual values are checked in full, of others only as far as is needed
 * to find the end, which is in the line; reading them later checks the rest. No branch on whether it is a
 * string. */
INLINE const char *value_end(wri_json_rows *h, const char *p) {
    if (WR_UNLIKELY((*p | 0x20) == '{')) return wri_json_unwanted(h, 1, p); /* or '[' */
    vec v = vec_load(p);
    mask quoted = mask_from(vec_special(v), 1), bare = vec_stop(v);
    uint32_t string = *p == '"';
    mask m = bare ^ ((bare ^ quoted) & (0 - (mask)string));
    const char *end = p + mask_at(m) + string;
    if (WR_LIKELY((m != 0) & ((end[-1] == '"') | (string ^ 1)))) return end;
    return wri_json_unwanted(h, 1, p); /* long, with escapes, or broken */
}

/* Stands in a span for a value that has been read. */
static const char was_read[1];

/* Values [0, from) of l have been read: they are what was seen so far. */
static inline void seen_so_far(wri_json *d, const wri_json_layout *l, wri_json_rows *h, uint32_t from) {
    for (uint32_t w = 0; w < d->n_words; w++) h->seen[w] = 0;
    for (uint32_t i = 0; i < from; i++) {
        const wri_json_step *s = &l->steps[i];
        if (s->col) h->spans[s->col->at].p = was_read;
        else if (s->node)
            for (uint32_t u = 0; u < s->node->n_under; u++) wri_json_saw(h, s->node->under[u]);
    }
}

/* Goes through the members from p to the end of the record and notes where values are, wanted ones or not:
 * what they are follows in an order that is the same for every record, so that the processor can foresee it.
 * Returns the tail ("}", newline) or NULL. */
INLINE const char *find_values(wri_json *d, wri_json_rows *h, const char *p, bool first, vec *high) {
    for (char lead = first ? '{' : ',';; lead = ',') {
        const char *gap = p;
        if (WR_UNLIKELY(*p != lead) && *space(p) == '}' && lead == ',') return gap;
        wri_json_key *k;
        p = read_name(d, p, lead, &k);
        if (WR_UNLIKELY(!p)) return NULL;
        if (WR_LIKELY(k->slot != WRI_JSON_NO_SLOT)) {
            wri_json_span *s = &h->spans[k->slot];
            if (WR_UNLIKELY(s->p)) return NULL; /* twice: both values must fit */
            s->p = p;
            p = s->end = value_end(h, p);
            if (WR_UNLIKELY((*s->p | 0x20) == '{') && k->slot >= d->n_cols) s->p = NULL; /* was checked */
        } else p = k->node ? wri_json_member(h, k->node, p) : skip(h, p, 1, high);
        if (WR_UNLIKELY(!p)) return NULL;
    }
}

/* Reads the values found, or makes columns without one NULL; and checks those that are not wanted. */
INLINE bool read_values(wri_json *d, wri_json_rows *h, vec *high) {
    for (uint32_t c = 0; c < d->n_cols; c++) {
        wri_json_span *s = &h->spans[c];
        const char *p = s->p;
        s->p = NULL;
        if (WR_UNLIKELY(!p)) {
            if (!wri_json_missing(h, NULL, &c, 1)) return false;
        } else if (WR_LIKELY(p != was_read)) {
            place at = {.h = h, .col = &d->cols[c]};
            if (WR_UNLIKELY(read_value(at, p, high) != s->end)) return false;
        }
    }
    for (uint32_t i = d->n_cols; i < d->keys.n_slots; i++) {
        wri_json_span *s = &h->spans[i];
        const char *p = s->p;
        s->p = NULL;
        if (WR_LIKELY(p) && WR_UNLIKELY(skip(h, p, 1, high) != s->end)) return false;
    }
    return true;
}

/* Columns that no record of the layout has. */
INLINE bool layout_missing(const wri_json_layout *l, wri_json_rows *h) {
    for (uint32_t i = 0; i < l->n_missing; i++) wri_json_rows_null(h, l->missing[i]);
    return !h->oom;
}

/* Reads values by the layout from number *fromp on, as far as it serves; *fromp is then where it ended. */
INLINE const char *follow(const wri_json_layout *l, wri_json_rows *h, const char *p, uint32_t *fromp,
                          vec *high) {
    for (; *fromp < l->n; ++*fromp) {
        const wri_json_step *s = &l->steps[*fromp];
        if (!same(p, s->gap, s->len)) break;
        p += s->len;
        place at = {.h = h, .col = s->col};
        p = s->col    ? read_value(at, p, high)
            : s->node ? wri_json_member(h, s->node, p)
                      : skip(h, p, s->depth, high);
        if (WR_UNLIKELY(!p)) break;
    }
    return p;
}

/* Reads the record at `start` by members, in whatever order they come: first finds the values, then reads
 * them. Values [0, from) of l have been read up to p. It may become a layout. */
INLINE const char *read_rest(wri_json *d, const wri_json_layout *l, wri_json_rows *h, const char *start,
                             const char *p, uint32_t from, vec *high) {
    if (from > 0 && l->steps[from - 1].depth > 1) { /* p is inside an object: begin again, in a clean row */
        wri_json_rows_forget(h, h->row);
        p = start;
        from = 0;
    }
    seen_so_far(d, l, h, from);
    const char *tail = find_values(d, h, p, from == 0, high);
    if (tail) p = space(space(tail) + 1);
    if (WR_UNLIKELY(!tail || *p++ != '\n' || !read_values(d, h, high))) {
        for (uint32_t i = 0; i < d->keys.n_slots; i++) h->spans[i].p = NULL;
        return NULL;
    }
    d->keys.credit -= DIVERGED;
    return p;
}

/* Another layout that begins with the first `from` members of l and goes on as the text at p does. */
INLINE wri_json_layout *other_layout(wri_json_keys *keys, const wri_json_layout *l, const char *p,
                                     uint32_t from) {
    for (uint32_t i = 0; i < keys->n_layouts; i++) {
        wri_json_layout *o = &keys->layouts[i];
        if (o->score && l->common[i] >= from && o != l && same(p, o->steps[from].gap, o->steps[from].len))
            return o;
    }
    return NULL;
}

/* Reads the record at `start` alone; values [0, from) of the hot layout have been read up to p. */
static __attribute__((noinline)) const char *solo(wri_json *d, wri_json_rows *h, const char *start,
                                                  const char *p, uint32_t from, vec *high) {
    wri_json_layout *l = &d->keys.layouts[d->keys.hot], *next = d->keys.n_layouts ? l : NULL;
    for (; next; next = other_layout(&d->keys, l, p, from)) {
        l = next;
        p = follow(l, h, p, &from, high);
        if (WR_UNLIKELY(!p)) return NULL;
        const wri_json_step *tail = &l->steps[from];
        if (from == l->n && same(p, tail->gap, tail->len)) {
            l->score++;
            l->served++;
            return layout_missing(l, h) ? p + tail->len : NULL;
        }
    }
    return read_rest(d, l, h, start, p, from, high);
}

/* ---- two records in step ---- */

typedef struct two { /* cursors */
    const char *a, *b;
} two;

#define BOTH(call_a, call_b)                                                                                 \
    do {                                                                                                     \
        p.a = (call_a);                                                                                      \
        p.b = (call_b);                                                                                      \
    } while (0)

/* Runs both cursors through the layout as far as both follow it; *sp: where that ended. The layout's last
 * step is its tail: behind it both records have been read. */
INLINE two in_step(const wri_json_step **sp, wri_json_rows *ha, wri_json_rows *hb, two p, vec *high) {
    const wri_json_step *s = *sp;
    for (;; s++) {
        if (WR_UNLIKELY(!same_two(p.a, p.b, s->gap, s->len))) break;
        p.a += s->len;
        p.b += s->len;
        place a = {.h = ha, .col = s->col}, b = {.h = hb, .col = s->col};
        switch ((wri_json_how)s->how) {
        case WRI_JSON_SKIP:
            BOTH(skip(ha, p.a, s->depth, high), skip(hb, p.b, s->depth, high));
            break;
        case WRI_JSON_INT:
            BOTH(read_int(a, p.a), read_int(b, p.b));
            break;
        case WRI_JSON_EPOCH:
            BOTH(read_epoch(a, p.a), read_epoch(b, p.b));
            break;
        case WRI_JSON_DECIMAL:
            BOTH(read_decimal(a, p.a), read_decimal(b, p.b));
            break;
        case WRI_JSON_DOUBLE:
            BOTH(read_double(a, p.a, false), read_double(b, p.b, false));
            break;
        case WRI_JSON_REAL:
            BOTH(read_double(a, p.a, true), read_double(b, p.b, true));
            break;
        case WRI_JSON_BOOL:
            BOTH(read_bool(a, p.a), read_bool(b, p.b));
            break;
        case WRI_JSON_TEXT:
            BOTH(read_text(a, p.a, high), read_text(b, p.b, high));
            break;
        case WRI_JSON_STAMP:
            BOTH(read_stamp(a, p.a), read_stamp(b, p.b));
            break;
        case WRI_JSON_MEMBER:
            BOTH(wri_json_member(ha, s->node, p.a), wri_json_member(hb, s->node, p.b));
            break;
        case WRI_JSON_TAIL:
            *sp = s + 1;
            return p;
        }
        if (WR_UNLIKELY(!p.a || !p.b)) {
            s++;
            break;
        }
    }
    *sp = s;
    return p;
}

/* After a strip of `rows` records. */
static inline void earn(wri_json_keys *keys, uint32_t rows) {
    if (keys->n_layouts && keys->credit < CREDIT_MAX) keys->credit += (int32_t)rows;
    wri_json_layout_judge(keys);
}

/* Reads the record at `start` alone, from value s of the hot layout on, which begins at p. NULL: not for the
 * scanner. What fits no layout may become one. */
static __attribute__((noinline)) const char *part(wri_json *d, wri_json_rows *h, const char *start,
                                                  const char *p, uint32_t s, bool *high) {
    vec v = vec_zero();
    const int32_t credit = d->keys.credit;
    p = solo(d, h, start, p, s, &v);
    *high |= vec_high(v);
    if (WR_UNLIKELY(credit <= 0 && d->keys.credit < credit)) wri_json_layout_learn(d, start, p);
    return p;
}

static void strip_of_two(wri_json *d, wri_json_rows *a, wri_json_rows *b, uint32_t n) {
    wri_json_layout *l = &d->keys.layouts[d->keys.hot];
    const uint32_t row_a = a->row, row_b = b->row;
    const wri_json_step *behind = l->steps + l->n + 1;
    uint32_t in_l = 0;
    vec high = vec_zero();
    bool alone_high = false;
    two p = {a->p, b->p};
    while (a->row - row_a < n && b->row - row_b < n && p.a < a->end && p.b < b->end) {
        const wri_json_step *s = l->steps;
        two q = in_step(&s, a, b, p, &high);
        if (WR_LIKELY(s == behind)) {
            in_l += 2;
            if (WR_UNLIKELY(l->n_missing) && !(layout_missing(l, a) && layout_missing(l, b))) break;
            p = q;
            a->row++;
            b->row++;
            continue;
        }
        /* One of them left the layout, or both. One that did not begins again beside the other's next. */
        const bool a_left = !q.a || !same(q.a, s->gap, s->len), b_left = !q.b || !same(q.b, s->gap, s->len);
        const uint32_t at = (uint32_t)(s - l->steps);
        if (a_left) {
            if (q.a) q.a = part(d, a, p.a, q.a, at, &alone_high);
            a->stop = !q.a;
            if (q.a) p.a = q.a, a->row++;
        }
        if (b_left) {
            if (q.b) q.b = part(d, b, p.b, q.b, at, &alone_high);
            b->stop = !q.b;
            if (q.b) p.b = q.b, b->row++;
        }
        if (WR_UNLIKELY(a->stop || b->stop)) break;
    }
    a->p = p.a;
    b->p = p.b;
    a->high = b->high = alone_high | vec_high(high);
    a->done_rows = a->row - row_a;
    b->done_rows = b->row - row_b;
    a->row = row_a;
    b->row = row_b;
    l->score += in_l;
    l->served += in_l;
    earn(&d->keys, a->done_rows + b->done_rows);
}

static void strip_of_one(wri_json *d, wri_json_rows *h, uint32_t n) {
    const uint32_t row = h->row;
    vec high = vec_zero();
    while (n-- > 0 && h->p < h->end) {
        int32_t credit = d->keys.credit;
        const char *p = solo(d, h, h->p, h->p, 0, &high);
        h->stop = !p;
        if (WR_UNLIKELY(!p)) break;
        if (WR_UNLIKELY(credit <= 0 && d->keys.credit < credit))
            wri_json_layout_learn(d, h->p, p); /* it fitted none */
        h->p = p;
        h->row++;
    }
    h->high = vec_high(high);
    h->done_rows = h->row - row;
    h->row = row;
    earn(&d->keys, h->done_rows);
}

static void strip(wri_json *d, wri_json_rows *a, wri_json_rows *b, uint32_t n) {
    if (b && d->keys.n_layouts) return strip_of_two(d, a, b, n);
    strip_of_one(d, a, b ? 1 : n); /* a first record to learn from */
    if (b) {
        b->done_rows = 0;
        b->high = false;
    }
}

/* clang-format off */
const wri_json_scan PASTE(wri_json_scan, VARIANT) = {
    .name = VARIANT_NAME,
    .usable = usable,
    .strip = strip,
    .utf8 = utf8,
};
/* clang-format on */

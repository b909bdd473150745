/* runtime/tablefns/top_k.c -- TOP_K_ITEMS_TUMBLING: the K most frequent values of a column in each window.
 *
 * Space-saving (Metwally, Agrawal, El Abbadi 2005) with `slots` = max(4 K, 65536) counters: while there are
 * no more different values than that, all are counted exactly. Then a new value takes the counter of the one
 * that is counted least, and goes on from its count: no count is too low, and none is too high by more than
 * rows / slots. So every value that has more rows than that is found.
 *
 * A value is a text, or eight bytes of any other type. NULL does not count. Equal counts: the lesser value
 * first.
 *
 *   items[0..n)   value, count
 *   table         open addressing: number of an item + 1, 0: free; at most half full
 *   by_count      items by rising count, those of one count as they came to it: made when all counters are
 *                 taken, as lists of items of one count (`level`), themselves in a list, so that
 *                 one more is O(1)
 *
 * In a snapshot: items as they stand in by_count, or as they came, with their counts. */
#include <stdlib.h>

#include "tablefn.h"

#define SLOTS_MIN 65536
#define NONE      UINT32_MAX
#define ITEM_MAX  1024 /* bytes of a text that come out */

enum { COL, TOP, WINDOW };

static const wr_table_arg args[] = {
    {.name = "columnName", .kind = 'c', .doc = "The column whose values are counted."},
    {.name = "K", .kind = 'i', .min = 1, .max = 100000, .doc = "How many values, at most."},
    {.name = "windowSeconds",
     .kind = 't',
     .min = 1,
     .max = 3600,
     .doc = "Length of a window: seconds, or an INTERVAL."},
    {0}};

typedef struct item {
    wr_str value; /* long ones: memory of their own. Other types: their eight bytes */
    uint64_t count;
    uint32_t prev, next; /* of its level; NONE: the first, last */
    uint32_t level;
    uint32_t hash; /* upper half */
} item;

typedef struct level { /* items of one count */
    uint64_t count;
    uint32_t first, last;  /* items */
    uint32_t below, above; /* levels; NONE */
} level;

typedef struct topk {
    item *items;
    uint32_t n;
    size_t cap;
    uint32_t *table;
    uint32_t log2;
    level *levels;         /* NULL: not all counters are taken */
    uint32_t lowest, idle; /* levels; idle ones are linked by `above` */
    size_t text_bytes;
    uint32_t *ranked; /* by window(): items by falling count */
    uint32_t n_ranked;
} topk;

static wr_status bind(wr_table_call *call, const wr_schema *in, uint32_t n_vis, wr_arena *ar, wr_err *err) {
    (void)n_vis, (void)ar;
    wr_type text = wr_type_of(WR_T_VARCHAR), count = wr_type_of(WR_T_BIGINT);
    uint32_t col = call->args[COL].cols[0];
    if (in->fields[col].type.kind == WR_T_VARBINARY) {
        call->bad_arg = COL;
        return wr_fail(err, WR_ESQL, "column '%s' is VARBINARY, which has no text", in->fields[col].name);
    }
    wr_table_reads(call, in, col, NULL);
    text.prec = ITEM_MAX;
    text.not_null = count.not_null = true;
    wr_table_adds(call, "ITEM", text);
    wr_table_adds(call, "ITEM_COUNT", count);
    call->window_us = call->args[WINDOW].v.i64;
    return WR_OK;
}

static uint32_t slots_of(const wr_table_call *call) {
    int64_t n = 4 * call->args[TOP].v.i64;
    return n < SLOTS_MIN ? SLOTS_MIN : (uint32_t)n;
}

static wr_status no_memory(wr_err *err) { return wr_fail_oom(err, "TOP_K_ITEMS_TUMBLING"); }

static void drop(const wr_table_call *call, void *state) {
    (void)call;
    topk *t = state;
    for (uint32_t i = 0; i < t->n; i++)
        if (t->items[i].value.len > WR_STR_INLINE) wr_free((void *)(uintptr_t)t->items[i].value.ptr);
    wr_free(t->items);
    wr_free(t->table);
    wr_free(t->levels);
    wr_free(t->ranked);
    wr_free(t);
}

static wr_status make(const wr_table_call *call, void **statep, wr_err *err) {
    (void)call;
    topk *t = *statep = wr_calloc(1, sizeof *t);
    if (!t) return no_memory(err);
    t->log2 = 6;
    t->table = wr_calloc((size_t)1 << t->log2, sizeof *t->table);
    if (t->table) return WR_OK;
    wr_free(t);
    *statep = NULL;
    return no_memory(err);
}

static size_t bytes(const wr_table_call *call, const void *state) {
    const topk *t = state;
    size_t levels = t->levels ? slots_of(call) * sizeof(level) : 0;
    return sizeof *t + t->cap * sizeof(item) + (sizeof(uint32_t) << t->log2) + levels + t->text_bytes;
}

/* ---- the table ---- */

static inline uint32_t home_of(const topk *t, uint32_t hash) { return hash >> (32 - t->log2); }

static void put(topk *t, uint32_t i) {
    uint32_t mask = (UINT32_C(1) << t->log2) - 1, at = home_of(t, t->items[i].hash);
    while (t->table[at]) at = (at + 1) & mask;
    t->table[at] = i + 1;
}

/* Takes item i out, and puts those behind it nearer to where they belong. */
static void take_out(topk *t, uint32_t i) {
    uint32_t mask = (UINT32_C(1) << t->log2) - 1, at = home_of(t, t->items[i].hash);
    while (t->table[at] != i + 1) at = (at + 1) & mask;
    for (uint32_t next = (at + 1) & mask; t->table[next]; next = (next + 1) & mask) {
        uint32_t home = home_of(t, t->items[t->table[next] - 1].hash);
        if (((next - home) & mask) < ((next - at) & mask)) continue; /* its home is behind the gap */
        t->table[at] = t->table[next];
        at = next;
    }
    t->table[at] = 0;
}

static wr_status grow_table(topk *t, wr_err *err) {
    if ((uint64_t)t->n * 2 < UINT64_C(1) << t->log2) return WR_OK;
    uint32_t *table = wr_calloc((size_t)2 << t->log2, sizeof *table);
    if (!table) return no_memory(err);
    wr_free(t->table);
    t->table = table;
    t->log2++;
    for (uint32_t i = 0; i < t->n; i++) put(t, i);
    return WR_OK;
}

static wr_status own(topk *t, item *x, const wr_str *v, wr_err *err) {
    x->value = *v;
    if (v->len <= WR_STR_INLINE) return WR_OK;
    char *copy = wr_alloc(v->len);
    if (!copy) return no_memory(err);
    memcpy(copy, v->ptr, v->len);
    x->value = wr_str_make(copy, v->len);
    t->text_bytes += v->len;
    return WR_OK;
}

static void disown(topk *t, item *x) {
    if (x->value.len <= WR_STR_INLINE) return;
    t->text_bytes -= x->value.len;
    wr_free((void *)(uintptr_t)x->value.ptr);
    x->value = wr_str_make("", 0);
}

/* ---- levels ---- */

static void leave_level(topk *t, uint32_t i) {
    item *x = &t->items[i];
    level *l = &t->levels[x->level];
    if (x->prev != NONE) t->items[x->prev].next = x->next;
    else l->first = x->next;
    if (x->next != NONE) t->items[x->next].prev = x->prev;
    else l->last = x->prev;
    if (l->first != NONE) return;
    if (l->below != NONE) t->levels[l->below].above = l->above;
    else t->lowest = l->above;
    if (l->above != NONE) t->levels[l->above].below = l->below;
    l->above = t->idle;
    t->idle = x->level;
}

static void join_level(topk *t, uint32_t i, uint32_t no) {
    level *l = &t->levels[no];
    item *x = &t->items[i];
    x->level = no;
    x->prev = l->last;
    x->next = NONE;
    if (l->last != NONE) t->items[l->last].next = i;
    else l->first = i;
    l->last = i;
}

/* A level of `count` above level `below` (NONE: the lowest), which is there or made. */
static uint32_t level_above(topk *t, uint32_t below, uint64_t count) {
    uint32_t above = below == NONE ? t->lowest : t->levels[below].above;
    if (above != NONE && t->levels[above].count == count) return above;
    uint32_t no = t->idle;
    t->idle = t->levels[no].above;
    t->levels[no] = (level){count, NONE, NONE, below, above};
    if (below == NONE) t->lowest = no;
    else t->levels[below].above = no;
    if (above != NONE) t->levels[above].below = no;
    return no;
}

/* Item i counts one more. */
static void raise(topk *t, uint32_t i) {
    item *x = &t->items[i];
    uint32_t no = level_above(t, x->level, ++x->count);
    leave_level(t, i); /* the level that it leaves may go; the other is above it */
    join_level(t, i, no);
}

static int rising(const void *x, const void *y, void *ctx) {
    const item *items = ctx;
    uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    if (items[i].count != items[j].count) return items[i].count < items[j].count ? -1 : 1;
    return (i > j) - (i < j);
}

/* All counters are taken: items by rising count, those of one count as they came. */
static wr_status make_levels(topk *t, uint32_t slots, wr_err *err) {
    uint32_t *order = wr_alloc(t->n * sizeof *order);
    t->levels = wr_calloc((size_t)slots + 1, sizeof *t->levels);
    if (!order || !t->levels) {
        wr_free(order);
        wr_free(t->levels);
        t->levels = NULL;
        return no_memory(err);
    }
    for (uint32_t i = 0; i <= slots; i++) t->levels[i].above = i < slots ? i + 1 : NONE;
    t->idle = 0;
    t->lowest = NONE;
    for (uint32_t i = 0; i < t->n; i++) order[i] = i;
    qsort_r(order, t->n, sizeof *order, rising, t->items);
    uint32_t highest = NONE;
    for (uint32_t i = 0; i < t->n; i++) {
        if (highest == NONE || t->levels[highest].count != t->items[order[i]].count)
            highest = level_above(t, highest, t->items[order[i]].count);
        join_level(t, order[i], highest);
    }
    wr_free(order);
    return WR_OK;
}

/* ---- rows ---- */

static wr_status add_item(topk *t, const wr_str *v, uint32_t hash, uint32_t slots, wr_err *err) {
    if (t->n == slots) {
        if (!t->levels) WR_TRY(make_levels(t, slots, err));
        uint32_t i = t->levels[t->lowest].first;
        item *x = &t->items[i], fresh = {0};
        WR_TRY(own(t, &fresh, v, err));
        take_out(t, i);
        disown(t, x);
        x->value = fresh.value;
        x->hash = hash;
        put(t, i);
        raise(t, i);
        return WR_OK;
    }
    WR_TRY(grow_table(t, err));
    if (wr_grow(&t->items, &t->cap, t->n + (size_t)1, sizeof *t->items) != WR_OK) return no_memory(err);
    item *x = &t->items[t->n];
    *x = (item){.count = 1, .hash = hash};
    WR_TRY(own(t, x, v, err));
    put(t, t->n++);
    return WR_OK;
}

static inline uint32_t hash_of(const wr_str *v) { return (uint32_t)(wr_keyed_str(v, wr_hash_secret) >> 32); }

static inline uint32_t find(const topk *t, const wr_str *v, uint32_t hash) {
    uint32_t mask = (UINT32_C(1) << t->log2) - 1;
    for (uint32_t at = home_of(t, hash); t->table[at]; at = (at + 1) & mask) {
        const item *x = &t->items[t->table[at] - 1];
        if (x->hash == hash && wr_str_eq(&x->value, v)) return t->table[at] - 1;
    }
    return NONE;
}

static wr_str value_of(const wr_col *c, uint32_t i) {
    if (c->phys == WR_STR) return c->str[i];
    double zero = 0; /* -0.0 is 0.0 */
    return wr_str_make(c->phys == WR_F64 && c->f64[i] == 0 ? (const char *)&zero : (const char *)&c->i64[i],
                       8);
}

static wr_status rows(const wr_table_call *call, void *state, const wr_table_rows *r, wr_err *err) {
    topk *t = state;
    const wr_col *c = wr_table_col(call, r->in, 0);
    uint32_t slots = slots_of(call);
    for (uint32_t k = 0; k < r->n; k++) {
        uint32_t i = wr_table_row(r, k);
        if (wr_is_null(c, i)) continue;
        wr_str v = value_of(c, i);
        uint32_t hash = hash_of(&v), found = find(t, &v, hash);
        if (found == NONE) WR_TRY(add_item(t, &v, hash, slots, err));
        else if (t->levels) raise(t, found);
        else t->items[found].count++;
    }
    return WR_OK;
}

/* ---- the end of a window ---- */

/* The text of an item, as CAST(… AS VARCHAR) would have it. buf has WR_TEXT_MAX bytes. */
static wr_str text_of(wr_type type, const item *x, char *buf) {
    int64_t i;
    double f;
    size_t n = x->value.len;
    const char *p = wr_str_data(&x->value);
    if (wr_type_phys(type) == WR_STR) {
        if (n > ITEM_MAX)
            for (n = ITEM_MAX; n > 0 && ((uint8_t)p[n] & 0xc0) == 0x80;) n--; /* no half of a character */
        return wr_str_make(p, n);
    }
    memcpy(&i, p, 8);
    memcpy(&f, p, 8);
    switch ((wr_kind)type.kind) {
    case WR_T_BOOLEAN:
        return i ? wr_str_make("TRUE", 4) : wr_str_make("FALSE", 5);
    case WR_T_DECIMAL:
        n = wr_write_decimal(i, type.scale, buf);
        break;
    case WR_T_REAL:
        n = wr_write_f32((float)f, buf);
        break;
    case WR_T_DOUBLE:
        n = wr_write_f64(f, buf);
        break;
    case WR_T_DATE:
        n = wr_write_date(i, buf);
        break;
    case WR_T_TIME:
        n = wr_write_time(i, type.prec, buf);
        break;
    case WR_T_TIMESTAMP:
        n = wr_write_timestamp(i, type.prec, false, buf);
        break;
    case WR_T_INTERVAL_DAY:
    case WR_T_INTERVAL_MONTH:
        n = wr_write_interval(i, (wr_kind)type.kind, buf);
        break;
    default:
        n = wr_write_i64(i, buf);
        break;
    }
    return wr_str_make(buf, n);
}

typedef struct ranking {
    const item *items;
    wr_phys phys;
} ranking;

static int by_value(const ranking *r, const item *x, const item *y) {
    int64_t i, j;
    double f, g;
    if (r->phys == WR_STR) return wr_str_cmp(&x->value, &y->value);
    memcpy(&i, wr_str_data(&x->value), 8);
    memcpy(&j, wr_str_data(&y->value), 8);
    memcpy(&f, &i, 8);
    memcpy(&g, &j, 8);
    if (r->phys == WR_F64 && f != g && f == f && g == g) return f < g ? -1 : 1;
    return (i > j) - (i < j);
}

static int falling(const void *a, const void *b, void *ctx) {
    const ranking *r = ctx;
    const item *x = &r->items[*(const uint32_t *)a], *y = &r->items[*(const uint32_t *)b];
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return by_value(r, x, y);
}

static wr_status window(const wr_table_call *call, void *state, wr_table_window *w, wr_err *err) {
    topk *t = state;
    uint64_t top = (uint64_t)call->args[TOP].v.i64;
    if (top > t->n) top = t->n;
    if (!t->ranked && t->n) {
        ranking r = {t->items, wr_type_phys(call->types[0])};
        t->ranked = wr_alloc(t->n * sizeof *t->ranked);
        if (!t->ranked) return no_memory(err);
        for (uint32_t i = 0; i < t->n; i++) t->ranked[i] = i;
        qsort_r(t->ranked, t->n, sizeof *t->ranked, falling, &r);
    }
    wr_col *out = &w->out->cols[w->first];
    for (; w->given + w->n < top && w->n < w->most; w->n++) {
        const item *x = &t->items[t->ranked[w->given + w->n]];
        char buf[WR_TEXT_MAX];
        wr_str text = text_of(call->types[0], x, buf);
        WR_TRY(wr_batch_str(w->out, wr_str_data(&text), text.len, &out[0].str[w->row + w->n], err));
        out[1].i64[w->row + w->n] = (int64_t)x->count;
    }
    w->more = w->given + w->n < top;
    return WR_OK;
}

/* ---- bytes: whether all counters are taken, how many items, each with its count ---- */

static wr_status put_item(const item *x, wr_buf *to) {
    WR_TRY(wr_table_put_i64(to, (int64_t)x->count));
    return wr_table_put_str(to, &x->value);
}

static wr_status save(const wr_table_call *call, const void *state, wr_buf *to, wr_err *err) {
    (void)call;
    const topk *t = state;
    bool ok = wr_table_put_i64(to, t->levels != NULL) == WR_OK && wr_table_put_i64(to, t->n) == WR_OK;
    for (uint32_t i = 0; i < t->n && ok && !t->levels; i++) ok = put_item(&t->items[i], to) == WR_OK;
    for (uint32_t l = t->levels ? t->lowest : NONE; l != NONE && ok; l = t->levels[l].above)
        for (uint32_t i = t->levels[l].first; i != NONE && ok; i = t->items[i].next)
            ok = put_item(&t->items[i], to) == WR_OK;
    return ok ? WR_OK : no_memory(err);
}

static wr_status load(const wr_table_call *call, void *state, const char *text, size_t n, wr_err *err) {
    topk *t = state;
    uint32_t slots = slots_of(call);
    bool textual = wr_type_phys(call->types[0]) == WR_STR;
    wr_table_reader r = wr_table_read(text, n);
    bool levels = wr_table_i64(&r) == 1;
    uint64_t items = wr_table_count(&r, 16);
    if (r.bad || items > slots || (levels && items != slots)) return wr_table_broken(call, err);
    for (uint64_t i = 0; i < items; i++) {
        int64_t count = wr_table_i64(&r);
        wr_str v = wr_table_str(&r);
        uint32_t hash = hash_of(&v);
        if (r.bad || count < 1 || (!textual && v.len != 8) || find(t, &v, hash) != NONE)
            return wr_table_broken(call, err);
        WR_TRY(add_item(t, &v, hash, slots, err));
        t->items[t->n - 1].count = (uint64_t)count;
    }
    if (levels) WR_TRY(make_levels(t, slots, err));
    return wr_table_read_end(call, &r, err);
}

static const wr_table_run run = {
    .make = make, .drop = drop, .rows = rows, .window = window, .save = save, .load = load, .bytes = bytes};

const wr_table_fn wr_table_top_k_items_tumbling = {
    .name = "TOP_K_ITEMS_TUMBLING",
    .doc = "The most frequent values of a column in each tumbling window, with their counts (space-saving: "
           "exact "
           "while a window has no more than 65,536 different values). Gives ITEM and ITEM_COUNT, most first.",
    .args = args,
    .bind = bind,
    .run = &run};

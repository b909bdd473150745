/* runtime/expr/timepat.c -- a time pattern taken apart. */
#include "timefmt_int.h"

const char *const wri_month_names[12] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
const char *const wri_day_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

#define COUNT_MAX 19 /* of one letter */
#define ITEM_MAX  40 /* bytes that an item other than text makes at most */

typedef struct maker {
    wr_arena *msgs;
    wri_time_pattern *p;
    wri_time_item *items;
    uint32_t open; /* where the '[' stands that is not closed yet, + 1 */
    const char *why;
} maker;

static void fail(maker *m, const char *what, const char *at, size_t n) {
    if (m->why) return;
    m->why = wr_arena_printf(m->msgs, "'%.*s' is no time pattern: %s%.*s",
                             m->p->src.len > 60 ? 60 : (int)m->p->src.len, wr_str_data(&m->p->src), what,
                             (int)n, at);
    if (!m->why) m->why = "out of memory";
}

static void add(maker *m, wri_time_item it) {
    wri_time_pattern *p = m->p;
    wri_time_item *last = p->n ? &m->items[p->n - 1] : NULL;
    p->longest += it.letter ? ITEM_MAX : it.count;
    if (last && !it.letter && !last->letter && last->text + last->count == it.text) last->count += it.count;
    else m->items[p->n++] = it;
}

/* Letters and how often they may stand. Those of the second table can only be written. */
static uint32_t count_max(char letter, bool reads) {
    static const struct {
        char letter;
        uint8_t max;
    } both[] = {{'G', 4},  {'y', 19}, {'u', 19}, {'Y', 19}, {'M', 4},  {'L', 4},  {'d', 19},
                {'D', 19}, {'E', 4},  {'a', 1},  {'H', 19}, {'k', 19}, {'K', 19}, {'h', 19},
                {'m', 19}, {'s', 19}, {'S', 19}, {'A', 19}, {'n', 19}, {'N', 19}, {'w', 2},
                {'e', 4},  {'z', 4},  {'V', 2},  {'O', 4},  {'X', 5},  {'x', 5},  {'Z', 5}},
      written[] = {{'Q', 4}, {'q', 4}, {'c', 4}};
    for (size_t i = 0; i < WR_LEN(both); i++)
        if (both[i].letter == letter) return both[i].max;
    for (size_t i = 0; i < WR_LEN(written) && !reads; i++)
        if (written[i].letter == letter) return written[i].max;
    return 0;
}

static void add_letter(maker *m, char letter, uint32_t count, const char *at) {
    uint32_t max = count_max(letter, m->p->reads);
    if (max == 0) {
        bool writes = count_max(letter, false) > 0;
        fail(m, writes ? "a text cannot be read by the letter " : "there is no letter ", at, 1);
    } else if (count > max) fail(m, "too often in a row: ", at, 1);
    else add(m, (wri_time_item){.letter = letter, .count = count});
}

/* ---- strftime's codes ---- */

static void percent(maker *m, const char *at) {
    static const struct {
        char code;
        const char *letters;
    } map[] = {{'Y', "yyyy"},   {'y', "yy"},  {'m', "MM"},         {'d', "dd"},       {'H', "HH"},
               {'I', "hh"},     {'M', "mm"},  {'i', "mm"},         {'S', "ss"},       {'s', "ss"},
               {'f', "SSSSSS"}, {'j', "DDD"}, {'p', "a"},          {'b', "MMM"},      {'h', "MMM"},
               {'B', "MMMM"},   {'a', "EEE"}, {'A', "EEEE"},       {'e', "d"},        {'k', "H"},
               {'l', "h"},      {'z', "Z"},   {'Z', "z"},          {'V', "ww"},       {'G', "YYYY"},
               {'u', "e"},      {'L', "SSS"}, {'F', "yyyy-MM-dd"}, {'T', "HH:mm:ss"}, {'R', "HH:mm"},
               {'%', "%"}};
    for (size_t i = 0; i < WR_LEN(map); i++) {
        if (map[i].code != at[1]) continue;
        for (const char *p = map[i].letters; *p;) {
            bool text = *p == '%' || *p == '-' || *p == ':';
            uint32_t n = 1;
            while (!text && p[n] == *p) n++;
            if (text) add(m, (wri_time_item){.count = 1, .text = p});
            else add_letter(m, *p, n, at);
            p += n;
        }
        return;
    }
    fail(m, "there is no code ", at, 2);
}

static void take_percent(maker *m, const char *p, const char *end) {
    while (p < end && !m->why) {
        if (*p != '%') add(m, (wri_time_item){.count = 1, .text = p++});
        else if (p + 1 == end) fail(m, "it ends in %", "", 0);
        else {
            percent(m, p);
            p += 2;
        }
    }
}

/* ---- Java's letters ---- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* p behind the first quote; '' is one, inside quotes or outside. */
static const char *take_quoted(maker *m, const char *p, const char *end) {
    if (p < end && *p == '\'') {
        add(m, (wri_time_item){.count = 1, .text = p});
        return p + 1;
    }
    for (; p < end; p++) {
        if (*p == '\'' && (p + 1 == end || p[1] != '\'')) return p + 1;
        if (*p == '\'') p++;
        add(m, (wri_time_item){.count = 1, .text = p});
    }
    fail(m, "a quote is not closed", "", 0);
    return end;
}

static void take_bracket(maker *m, char c) {
    if (c == '[' ? m->open : !m->open) {
        fail(m, c == '[' ? "[ within [ ]" : "] without [", "", 0);
        return;
    }
    add(m, (wri_time_item){.letter = c});
    if (c == ']') m->items[m->open - 1].count = m->p->n - m->open;
    m->open = c == '[' ? m->p->n : 0;
}

static void take_java(maker *m, const char *p, const char *end) {
    while (p < end && !m->why) {
        if (*p == '\'') p = take_quoted(m, p + 1, end);
        else if (is_letter(*p)) {
            uint32_t n = 1;
            while (p + n < end && p[n] == *p) n++;
            add_letter(m, *p, n, p);
            p += n;
        } else if ((*p == '[' || *p == ']') && !m->p->verbatim) take_bracket(m, *p++);
        else add(m, (wri_time_item){.count = 1, .text = p++});
    }
    if (m->open) fail(m, "[ without ]", "", 0);
}

const char *wri_time_compile(const wr_str *src, bool reads, bool verbatim, wr_arena *ar, wr_arena *msgs,
                             wri_time_pattern *outp) {
    *outp = (wri_time_pattern){.src = *src, .reads = reads, .verbatim = verbatim, .longest = 1};
    char *copy = wr_arena_strndup(ar, wr_str_data(src), src->len);
    /* no byte makes more than the items of %F */
    wri_time_item *items = wr_arena_alloc(ar, (5 * (size_t)src->len + 1) * sizeof *items);
    if (!copy || !items) return "out of memory";
    if (src->len > WR_STR_INLINE) outp->src = wr_str_make(copy, src->len);
    outp->items = items;
    maker m = {.msgs = msgs, .p = outp, .items = items};
    (memchr(copy, '%', src->len) ? take_percent : take_java)(&m, copy, copy + src->len);
    return m.why;
}

/* ---- kept by a call ---- */

typedef struct kept {
    wri_time_pattern pattern;
    const char *why;
} kept;

const char *wri_time_pattern_of(wri_call *c, const wr_str *src, bool reads, bool verbatim,
                                const wri_time_pattern **outp) {
    kept *k = c->memo;
    if (!k || !wr_str_eq(&k->pattern.src, src)) {
        wri_forget(c);
        k = wr_arena_calloc(&c->memo_ar, sizeof *k);
        if (k) k->why = wri_time_compile(src, reads, verbatim, &c->memo_ar, &c->memo_ar, &k->pattern);
        if (!k || !k->pattern.items) {
            c->oom = true;
            return "out of memory";
        }
        c->memo = k;
    }
    *outp = &k->pattern;
    return wri_kept_why(c, k->why);
}

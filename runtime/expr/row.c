/* runtime/expr/row.c -- rows as values: packing, ROW_FIELD, and lists of columns. */
#include "row_int.h"

const char *const wri_log_no_memory = "out of memory";

#define NULL_BIT (UINT32_C(1) << 31)

/* ---- packing ---- */

static void put_u32(char *p, uint32_t v) { memcpy(p, &v, sizeof v); }
static uint32_t get_u32(const char *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

const char *wri_log_begin(wri_call *c, uint32_t n, size_t room, wri_log_line *r) {
    const char *why;
    size_t head = 4 * ((size_t)n + 1);
    *r = (wri_log_line){.n = n};
    r->head = wri_room(c, head + room, &why);
    if (!r->head) return why;
    r->bytes = r->head + head;
    put_u32(r->head, n);
    return NULL;
}

void wri_log_close(wri_log_line *r) { put_u32(r->head + 4 * (1 + (size_t)r->i++), r->used); }

void wri_log_put(wri_log_line *r, const char *p, size_t len) {
    if (len) memmove(r->bytes + r->used, p, len); /* it may be there already */
    r->used += (uint32_t)len;
    wri_log_close(r);
}

void wri_log_null(wri_log_line *r) { put_u32(r->head + 4 * (1 + (size_t)r->i++), r->used | NULL_BIT); }

const char *wri_log_end(const wri_log_line *r, wr_value *outp) {
    outp->str = wr_str_make(r->head, 4 * ((size_t)r->n + 1) + r->used);
    return NULL;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* ROW_FIELD(row, i [, bare]): column i, from 0; bare: without blanks around it, and NULL when nothing is
 * left, as numbers and times are read. Bytes from elsewhere may be no row. */
const char *wri_fn_row_field(wri_call *c, const wr_value *a, wr_value *outp) {
    static const char *const no_row = "the bytes are no row";
    const char *p = wr_str_data(&a[0].str);
    size_t len = a[0].str.len;
    if (len < 4) return no_row;
    uint64_t n = get_u32(p), head = 4 * (n + 1);
    if (head > len) return no_row;
    if (a[1].i64 < 0 || (uint64_t)a[1].i64 >= n) return "the row has no such column";
    const char *at = p + 4 * (1 + a[1].i64);
    uint32_t end = get_u32(at), from = a[1].i64 ? get_u32(at - 4) & ~NULL_BIT : 0;
    if (end & NULL_BIT) return wri_ret_null(outp);
    if (from > end || end > len - head) return no_row;
    const char *first = p + head + from, *last = p + head + end;
    bool bare = c->e->n_args > 2 && a[2].i64;
    while (bare && first < last && is_blank(*first)) first++;
    while (bare && first < last && is_blank(last[-1])) last--;
    if (bare && first == last) return wri_ret_null(outp);
    outp->str = wr_str_make(first, (size_t)(last - first));
    return NULL;
}

/* ---- lists of columns ---- */

typedef struct reader {
    const char *p, *end;
    wr_arena *ar, *msgs;
    const wr_str *list;
    const char *why;
} reader;

static bool bad(reader *r, const char *expected) {
    size_t left = (size_t)(r->end - r->p), n = left < 20 ? left : 20;
    if (!r->why) {
        r->why = left ? wr_arena_printf(r->msgs, "the list of columns has '%.*s' where %s is expected",
                                        (int)n, r->p, expected)
                      : wr_arena_printf(r->msgs, "the list of columns ends where %s is expected", expected);
        if (!r->why) r->why = wri_log_no_memory;
    }
    return false;
}

static void skip_blanks(reader *r) {
    while (r->p < r->end && strchr(" \t\r\n", *r->p)) r->p++;
}

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* The word at r->p, of n bytes; 0: there is none. */
static size_t word(reader *r) {
    size_t n = 0;
    skip_blanks(r);
    while (r->p + n < r->end && is_word_char(r->p[n])) n++;
    return n;
}

static bool same_word(const char *p, size_t n, const char *w) {
    if (strlen(w) != n) return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] >= 'a' && p[i] <= 'z' ? p[i] - 32 : p[i]) != w[i]) return false;
    return true;
}

static bool take_word(reader *r, const char *w) {
    size_t n = word(r);
    if (!same_word(r->p, n, w)) return false;
    r->p += n;
    return true;
}

static bool take_char(reader *r, char c) {
    skip_blanks(r);
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static bool take_number(reader *r, int64_t max, int64_t *outp) {
    int64_t v = 0;
    const char *start = (skip_blanks(r), r->p);
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
        v = v * 10 + (*r->p - '0');
        if (v > max) {
            r->p = start;
            return bad(r, "a smaller number");
        }
    }
    *outp = v;
    return r->p > start || bad(r, "a number");
}

/* What stands in quotes, which are doubled to stand for themselves; NULL after a report. */
static const char *take_quoted(reader *r, char quote) {
    char *out = wr_arena_alloc(r->ar, (size_t)(r->end - r->p) + 1), *o = out;
    if (!out) {
        r->why = wri_log_no_memory;
        return NULL;
    }
    for (r->p++; r->p < r->end; *o++ = *r->p++) {
        if (*r->p != quote) continue;
        if (r->p + 1 == r->end || r->p[1] != quote) break;
        r->p++;
    }
    *o = 0;
    if (r->p == r->end) bad(r, "the end of what is quoted");
    else r->p++;
    if (o == out) bad(r, "something in quotes");
    if (memchr(out, 0, (size_t)(o - out))) bad(r, "text without a zero byte");
    return r->why ? NULL : out;
}

/* A type's word, and what (n) means behind it. */
static const struct {
    const char *word;
    wr_kind kind;
    enum { PLAIN, LENGTH, DIGITS, FRACTION } form;
} types[] = {{"BOOLEAN", WR_T_BOOLEAN, PLAIN},   {"TINYINT", WR_T_TINYINT, PLAIN},
             {"SMALLINT", WR_T_SMALLINT, PLAIN}, {"INTEGER", WR_T_INTEGER, PLAIN},
             {"INT", WR_T_INTEGER, PLAIN},       {"BIGINT", WR_T_BIGINT, PLAIN},
             {"DECIMAL", WR_T_DECIMAL, DIGITS},  {"DEC", WR_T_DECIMAL, DIGITS},
             {"NUMERIC", WR_T_DECIMAL, DIGITS},  {"REAL", WR_T_REAL, PLAIN},
             {"FLOAT", WR_T_DOUBLE, PLAIN},      {"DOUBLE", WR_T_DOUBLE, PLAIN},
             {"CHAR", WR_T_CHAR, LENGTH},        {"CHARACTER", WR_T_CHAR, LENGTH},
             {"VARCHAR", WR_T_VARCHAR, LENGTH},  {"DATE", WR_T_DATE, PLAIN},
             {"TIME", WR_T_TIME, FRACTION},      {"TIMESTAMP", WR_T_TIMESTAMP, FRACTION}};

static bool read_digits(reader *r, wr_type *t) {
    int64_t prec, scale = 0;
    if (!take_number(r, 18, &prec) || (take_char(r, ',') && !take_number(r, prec, &scale))) return false;
    if (prec < 1) return bad(r, "a number of digits of at least 1");
    t->prec = (uint32_t)prec;
    t->scale = (uint8_t)scale;
    return true;
}

static bool read_type(reader *r, wr_type *t) {
    size_t n = word(r), i = 0;
    while (i < WR_LEN(types) && !same_word(r->p, n, types[i].word)) i++;
    if (i == WR_LEN(types)) return bad(r, "a type (VARCHAR(n), INTEGER, DOUBLE, TIMESTAMP, ...)");
    r->p += n;
    *t = wr_type_of(types[i].kind);
    if (t->kind == WR_T_CHAR) t->prec = 1;
    if (t->kind == WR_T_DOUBLE) (void)take_word(r, "PRECISION");
    if (t->kind == WR_T_CHAR && take_word(r, "VARYING")) *t = wr_type_of(WR_T_VARCHAR);
    int64_t v;
    if (types[i].form == PLAIN || !take_char(r, '(')) return true;
    if (types[i].form == DIGITS) {
        if (!read_digits(r, t)) return false;
    } else {
        if (!take_number(r, types[i].form == LENGTH ? 65535 : 6, &v)) return false;
        if (v == 0 && types[i].form == LENGTH) return bad(r, "a length of at least 1");
        t->prec = (uint32_t)v;
    }
    return take_char(r, ')') || bad(r, "')'");
}

static bool read_column(reader *r, bool typed, wri_log_col *col) {
    *col = (wri_log_col){.start = -1, .len = -1, .field.type = wr_type_of(WR_T_VARCHAR)};
    col->field.type.prec = WRI_ROW_TEXT;
    size_t n = word(r);
    bool quoted = n == 0 && r->p < r->end && *r->p == '"';
    if (n == 0 && !quoted) return bad(r, "the name of a column");
    col->field.name = quoted ? take_quoted(r, '"') : wr_arena_strndup(r->ar, r->p, n);
    if (!col->field.name && !r->why) r->why = wri_log_no_memory;
    if (r->why) return false;
    if (!quoted) r->p += n;
    bool type = take_word(r, "TYPE");
    if (typed && !type) return bad(r, "TYPE");
    skip_blanks(r);
    bool more = r->p < r->end && *r->p != ',';
    if ((type || more) && !read_type(r, &col->field.type)) return false;
    wr_kind k = (wr_kind)col->field.type.kind;
    for (;;) {
        skip_blanks(r);
        if (take_word(r, "NOT")) {
            if (!take_word(r, "NULL")) return bad(r, "NULL");
            col->not_null = true;
        } else if (r->p < r->end && *r->p == '\'' && wr_kind_is_time(k) && !col->field.path) {
            if (!(col->field.path = take_quoted(r, '\''))) return false;
        } else if (col->start < 0 && take_word(r, "START")) {
            if (!take_number(r, INT32_MAX, &col->start)) return false;
            if (take_word(r, "FOR") && !take_number(r, INT32_MAX, &col->len)) return false;
        } else break;
    }
    col->text = wr_kind_is_text(k);
    return true;
}

static bool same_name(const char *a, const char *b) { return strcmp(a, b) == 0; }

const char *wri_log_cols_read(const wr_str *list, bool typed, wr_arena *ar, wr_arena *msgs,
                              wri_log_cols *outp) {
    reader r = {.p = wr_str_data(list), .ar = ar, .msgs = msgs, .list = list};
    r.end = r.p + list->len;
    uint32_t cap = 1;
    for (const char *p = r.p; p < r.end; p++) cap += *p == ',';
    if (cap > WRI_ROW_COLS_MAX + 1) cap = WRI_ROW_COLS_MAX + 1;
    *outp = (wri_log_cols){.cols = wr_arena_calloc(ar, cap * sizeof *outp->cols)};
    if (!outp->cols) return wri_log_no_memory;
    do {
        if (outp->n == WRI_ROW_COLS_MAX) return "a row has at most 1000 columns";
        wri_log_col *col = &outp->cols[outp->n];
        if (!read_column(&r, typed, col)) return r.why;
        for (uint32_t i = 0; i < outp->n; i++)
            if (same_name(outp->cols[i].field.name, col->field.name)) {
                const char *why =
                    wr_arena_printf(msgs, "the list of columns names '%.40s' twice", col->field.name);
                return why ? why : wri_log_no_memory;
            }
        outp->n++;
    } while (take_char(&r, ','));
    skip_blanks(&r);
    if (r.p < r.end) bad(&r, "',' or the end");
    return r.why;
}

bool wri_log_cols_make(uint32_t n, wr_arena *ar, wri_log_cols *outp) {
    *outp = (wri_log_cols){.cols = wr_arena_calloc(ar, ((size_t)n + 1) * sizeof *outp->cols), .n = n};
    for (uint32_t i = 0; outp->cols && i < n; i++) {
        wri_log_col *col = &outp->cols[i];
        *col = (wri_log_col){.start = -1, .len = -1, .text = true, .field.type = wr_type_of(WR_T_VARCHAR)};
        col->field.type.prec = WRI_ROW_TEXT;
        col->field.name = wr_arena_printf(ar, "COLUMN%u", i + 1);
        if (!col->field.name) return false;
    }
    return outp->cols != NULL;
}

const char *wri_log_tell(const char *why, const wri_log_cols *cols, wr_arena *ar, wr_schema *outp) {
    *outp = (wr_schema){0};
    if (why) return why == wri_log_no_memory ? NULL : why;
    outp->fields = wr_arena_alloc(ar, ((size_t)cols->n + 1) * sizeof *outp->fields);
    if (!outp->fields) return NULL;
    outp->n = cols->n;
    for (uint32_t i = 0; i < cols->n; i++) outp->fields[i] = cols->cols[i].field;
    return NULL;
}

const char *wri_log_put_as(wri_call *c, wri_log_line *r, const wri_log_col *col, bool has, const char *p,
                           size_t n) {
    bool some = has && col->text;
    for (size_t i = 0; has && !some && i < n; i++) some = !is_blank(p[i]);
    if (has) wri_log_put(r, p, n);
    else wri_log_null(r);
    if (some || !col->not_null) return NULL;
    const char *why = wr_arena_printf(c->msgs, "column '%.60s' is NOT NULL, and the text has nothing for it",
                                      col->field.name);
    return why ? why : wri_log_oom(c);
}

const wr_str *wri_log_const(wr_expr *const *args, uint32_t i, const char *what, wr_arena *ar,
                            uint32_t *blamep, const char **whyp) {
    const wr_expr *e = args[i];
    *blamep = i;
    if (e->kind == WR_X_CONST && !e->value.null && wr_type_phys(e->type) == WR_STR) {
        *whyp = NULL;
        return &e->value.str;
    }
    *whyp =
        wr_arena_printf(ar, "%s must be a text written here, since it says which columns there are", what);
    if (!*whyp) *whyp = wri_log_no_memory;
    return NULL;
}

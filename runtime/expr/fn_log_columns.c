/* runtime/expr/fn_log_columns.c -- lines of columns: VARIABLE_COLUMN_LOG_PARSE, FIXED_COLUMN_LOG_PARSE, and
 * SYS_LOG_PARSE.
 *
 * Variable: fields with a delimiter between them. Behind an escape the next character, or delimiter, stands
 * for itself; what is quoted is part of its field, delimiters and all, and a quote doubled within is one.
 * Fields that no column wants are left out; columns without a field are NULL. Fixed: characters from START
 * on, FOR so many or to the end; behind the text's end they are NULL. */
#include "row_int.h"

/* ---- delimited ---- */

typedef struct splitter {
    wr_str src; /* the list of columns, or '' */
    const char *why;
    wri_log_cols cols;
    int64_t n; /* columns as a number; 0: as a list */
} splitter;

static void make_splitter(splitter *s, const wr_str *list, int64_t n, wr_arena *ar, wr_arena *msgs) {
    s->n = n;
    if (list) {
        const char *copy = wr_arena_strndup(ar, wr_str_data(list), list->len);
        if (copy) s->src = wr_str_make(copy, list->len);
        s->why = copy ? wri_log_cols_read(list, true, ar, msgs, &s->cols) : wri_log_no_memory;
    } else if (n < 1 || n > WRI_ROW_COLS_MAX) s->why = "a row has 1 to 1000 columns";
    else if (!wri_log_cols_make((uint32_t)n, ar, &s->cols)) s->why = wri_log_no_memory;
}

const char *wri_log_row_split(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                              uint32_t *blamep) {
    (void)n;
    const wr_expr *e = args[1];
    splitter s = {0};
    *blamep = 1;
    if (wr_kind_is_int((wr_kind)e->type.kind)) {
        if (e->kind == WR_X_CONST && !e->value.null) make_splitter(&s, NULL, e->value.i64, ar, ar);
        else s.why = "the number of columns must be written here, since it says which columns there are";
    } else {
        const wr_str *list = wri_log_const(args, 1, "the list of columns", ar, blamep, &s.why);
        if (list) make_splitter(&s, list, 0, ar, ar);
    }
    for (uint32_t i = 0; !s.why && i < s.cols.n; i++)
        if (s.cols.cols[i].start >= 0) s.why = "START and FOR are for FIXED_COLUMN_LOG_PARSE";
    return wri_log_tell(s.why, &s.cols, ar, outp);
}

static const char *splitter_of(wri_call *c, const wr_value *a, splitter **outp) {
    bool list = wr_type_phys(c->e->args[1]->type) == WR_STR;
    splitter *s = c->memo;
    if (!s || (list ? s->n != 0 || !wr_str_eq(&s->src, &a[1].str) : s->n != a[1].i64)) {
        wri_forget(c);
        s = wr_arena_calloc(&c->memo_ar, sizeof *s);
        if (s) make_splitter(s, list ? &a[1].str : NULL, list ? 0 : a[1].i64, &c->memo_ar, &c->memo_ar);
        if (!s || s->why == wri_log_no_memory) return wri_log_oom(c);
        c->memo = s;
    }
    *outp = s;
    return wri_kept_why(c, s->why);
}

typedef struct marks { /* what has a meaning in a text */
    wr_str delimiter, escape;
    const char *open, *close; /* a character each; NULL: no quotes */
    size_t n_open, n_close;
} marks;

static const char *take_marks(const wri_call *c, const wr_value *a, marks *m) {
    *m = (marks){.delimiter = a[2].str};
    if (m->delimiter.len == 0) return "the delimiter must not be empty";
    if (c->e->n_args > 3) m->escape = a[3].str;
    if (c->e->n_args < 5 || a[4].str.len == 0) return NULL;
    const char *p = wr_str_data(&a[4].str), *end = p + a[4].str.len, *second = wri_next_char(p, end);
    m->open = m->close = p;
    m->n_open = m->n_close = (size_t)(second - p);
    if (second < end) {
        m->close = second;
        m->n_close = (size_t)(wri_next_char(second, end) - second);
    }
    return second + (second < end ? m->n_close : 0) == end ? NULL : "the quote must be one or two characters";
}

static bool at_text(const char *p, const char *end, const char *text, size_t n) {
    return n && (size_t)(end - p) >= n && memcmp(p, text, n) == 0;
}

/* Copies what is quoted from p, behind the opening quote; returns where it ends. */
static const char *copy_quoted(const marks *m, const char *p, const char *end, wri_log_line *r) {
    bool alike = m->n_open == m->n_close && memcmp(m->open, m->close, m->n_open) == 0;
    while (p < end) {
        if (at_text(p, end, m->close, m->n_close)) {
            const char *behind = p + m->n_close;
            if (!alike || !at_text(behind, end, m->close, m->n_close)) return behind;
            p = behind;
        } else if (at_text(p, end, wr_str_data(&m->escape), m->escape.len) && p + m->escape.len < end) {
            p += m->escape.len;
        }
        wri_log_byte(r, *p++);
    }
    return p;
}

/* Copies the field at p to the row without closing it; returns the delimiter behind it, or end. */
static const char *copy_field(const marks *m, const char *p, const char *end, wri_log_line *r) {
    while (p < end && !at_text(p, end, wr_str_data(&m->delimiter), m->delimiter.len)) {
        if (at_text(p, end, m->open, m->n_open)) {
            p = copy_quoted(m, p + m->n_open, end, r);
            continue;
        }
        size_t n = 1;
        if (at_text(p, end, wr_str_data(&m->escape), m->escape.len) && p + m->escape.len < end) {
            p += m->escape.len;
            if (at_text(p, end, wr_str_data(&m->delimiter), m->delimiter.len)) n = m->delimiter.len;
        }
        for (; n > 0; n--) wri_log_byte(r, *p++);
    }
    return p;
}

const char *wri_fn_variable_column_log_parse(wri_call *c, const wr_value *a, wr_value *outp) {
    splitter *s = NULL;
    marks m;
    wri_log_line r;
    const char *p = wr_str_data(&a[0].str), *end = p + a[0].str.len;
    const char *why = splitter_of(c, a, &s);
    if (!why) why = take_marks(c, a, &m);
    if (!why) why = wri_log_begin(c, s->cols.n, a[0].str.len, &r);
    bool more = true;
    for (uint32_t i = 0; !why && i < s->cols.n; i++) {
        uint32_t from = r.used;
        bool has = more;
        if (more) {
            p = copy_field(&m, p, end, &r);
            more = p < end;
            if (more) p += m.delimiter.len;
        }
        uint32_t n = r.used - from;
        r.used = from; /* put again, as the column wants it */
        why = wri_log_put_as(c, &r, &s->cols.cols[i], has, r.bytes + from, n);
    }
    return why ? why : wri_log_end(&r, outp);
}

/* ---- fixed ---- */

static const char *read_fixed(const wr_str *list, wr_arena *ar, wr_arena *msgs, wri_log_cols *outp) {
    const char *why = wri_log_cols_read(list, true, ar, msgs, outp);
    for (uint32_t i = 0; !why && i < outp->n; i++) {
        if (outp->cols[i].start >= 0) continue;
        why = wr_arena_printf(msgs, "column '%.60s' has no START, the first character counting as 0",
                              outp->cols[i].field.name);
        if (!why) why = wri_log_no_memory;
    }
    return why;
}

const char *wri_log_row_fixed(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                              uint32_t *blamep) {
    (void)n;
    const char *why;
    wri_log_cols cols = {0};
    const wr_str *list = wri_log_const(args, 1, "the list of columns", ar, blamep, &why);
    if (list) why = read_fixed(list, ar, ar, &cols);
    return wri_log_tell(why, &cols, ar, outp);
}

static const char *fixed_of(wri_call *c, const wr_str *list, splitter **outp) {
    splitter *s = c->memo;
    if (!s || !wr_str_eq(&s->src, list)) {
        wri_forget(c);
        s = wr_arena_calloc(&c->memo_ar, sizeof *s);
        const char *copy = wr_arena_strndup(&c->memo_ar, wr_str_data(list), list->len);
        if (!s || !copy) return wri_log_oom(c);
        s->src = wr_str_make(copy, list->len);
        s->why = read_fixed(list, &c->memo_ar, &c->memo_ar, &s->cols);
        if (s->why == wri_log_no_memory) return wri_log_oom(c);
        c->memo = s;
    }
    *outp = s;
    return wri_kept_why(c, s->why);
}

/* A column's characters at *pp; returns how many bytes. ascii: characters are bytes. */
static size_t slice(const wri_log_col *col, const char *start, const char *end, bool ascii, const char **pp) {
    const char *p = !ascii                     ? wri_skip_chars(start, end, col->start)
                    : col->start < end - start ? start + col->start
                                               : end;
    const char *stop = end;
    if (col->len >= 0 && !ascii) stop = wri_skip_chars(p, end, col->len);
    else if (col->len >= 0 && col->len < end - p) stop = p + col->len;
    *pp = p;
    return (size_t)(stop - p);
}

const char *wri_fn_fixed_column_log_parse(wri_call *c, const wr_value *a, wr_value *outp) {
    splitter *s = NULL;
    wri_log_line r;
    const char *start = wr_str_data(&a[0].str), *end = start + a[0].str.len, *p;
    const char *why = fixed_of(c, &a[1].str, &s);
    if (!why && (uint64_t)a[0].str.len * s->cols.n > WRI_PRODUCT_MAX)
        why = "the columns are too many for this text";
    if (why) return why;
    bool ascii = true;
    for (p = start; p < end; p++) ascii = ascii && (unsigned char)*p < 0x80;
    size_t room = 0; /* columns may overlap */
    for (uint32_t i = 0; i < s->cols.n; i++) room += slice(&s->cols.cols[i], start, end, ascii, &p);
    why = wri_log_begin(c, s->cols.n, room, &r);
    for (uint32_t i = 0; !why && i < s->cols.n; i++) {
        size_t n = slice(&s->cols.cols[i], start, end, ascii, &p);
        why = wri_log_put_as(c, &r, &s->cols.cols[i], p < end, p, n);
    }
    return why ? why : wri_log_end(&r, outp);
}

/* ---- syslog ---- */

/* The number at *pp of at most two digits, blanks before it; -1: there is none. */
static int64_t two_digits(const char **pp, const char *end) {
    const char *p = *pp;
    int64_t v = 0;
    while (p < end && *p == ' ') p++;
    const char *first = p;
    for (; p < end && p - first < 2 && *p >= '0' && *p <= '9'; p++) v = v * 10 + (*p - '0');
    *pp = p;
    return p > first ? v : -1;
}

static bool take(const char **pp, const char *end, char c) {
    if (*pp == end || **pp != c) return false;
    (*pp)++;
    return true;
}

/* [<priority>]Mon DD HH:MM:SS at *pp, in microseconds of 1970; false: there is none. */
static bool syslog_time(const char **pp, const char *end, int64_t *usp) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *p = *pp;
    if (take(&p, end, '<')) {
        const char *digits = p;
        while (p < end && p - digits < 3 && *p >= '0' && *p <= '9') p++;
        if (p == digits || !take(&p, end, '>')) return false;
    }
    uint32_t m = 0;
    while (m < 12 && (end - p < 3 || memcmp(p, months + (size_t)3 * m, 3) != 0)) m++;
    if (m == 12) return false;
    p += 3;
    if (!take(&p, end, ' ')) return false;
    int64_t day = two_digits(&p, end), h, min, s;
    if (day < 1 || day > 31 || !take(&p, end, ' ') || (h = two_digits(&p, end)) < 0 || h > 23) return false;
    if (!take(&p, end, ':') || (min = two_digits(&p, end)) < 0 || min > 59) return false;
    if (!take(&p, end, ':') || (s = two_digits(&p, end)) < 0 || s > 60) return false;
    *usp = (((wr_days_from_civil(1970, m + 1, 1) + day - 1) * 24 + h) * 60 + min) * 60 * WR_US_PER_SECOND +
           s * WR_US_PER_SECOND;
    *pp = p;
    return p == end || *p == ' ';
}

const char *wri_log_row_sys(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                            uint32_t *blamep) {
    (void)args;
    (void)n;
    *blamep = 0;
    wri_log_cols cols = {0};
    const char *why = wri_log_cols_make(2, ar, &cols) ? NULL : wri_log_no_memory;
    if (!why) cols.cols[0].field.type = (wr_type){.kind = WR_T_TIMESTAMP, .prec = 3};
    return wri_log_tell(why, &cols, ar, outp);
}

/* A day that 1970 does not have (29 February) is as many days behind the month's first. */
const char *wri_fn_sys_log_parse(wri_call *c, const wr_value *a, wr_value *outp) {
    const char *p = wr_str_data(&a[0].str), *end = p + a[0].str.len;
    char text[WR_TEXT_MAX];
    int64_t us;
    wri_log_line r;
    if (!syslog_time(&p, end, &us)) return wri_ret_null(outp);
    if (p < end) p++;
    size_t n = wr_write_timestamp(us, 0, false, text);
    const char *why = wri_log_begin(c, 2, n + (size_t)(end - p), &r);
    if (why) return why;
    wri_log_put(&r, text, n);
    wri_log_put(&r, p, (size_t)(end - p));
    return wri_log_end(&r, outp);
}

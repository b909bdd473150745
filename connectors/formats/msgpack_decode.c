/* connectors/formats/msgpack_decode.c -- MessagePack objects to batches.
 *
 * msgpack-c's parser calls back for each value; no object tree is built. The wanted columns form a tree of
 * nodes (one level for names, more for paths "$.a.b", "$.a[0]"); a container that the parser enters gets the
 * node it stands for, or none, and an item whose node has a column is stored at once. Keys mostly come in
 * the same order, so each place in a record remembers the node that its key had last.
 *
 * A top-level map gives columns by name or path, an array by order; anything else is a bad record (a run of
 * such values is told once). A map or array in a text or JSON column becomes JSON text (msgpack_json.c).
 * Bytes that are no MessagePack make the rest of the chunk one bad record: nothing tells where the next
 * object begins. Long texts are views into the chunk. One decoder per worker. */
#include <math.h>
#include <stdio.h>

#include "connectors/formats/msgpack_int.h"
#include "connectors/formats/rows_int.h"

#define MSGPACK_EMBED_STACK_SIZE WRI_MP_DEPTH_MAX
#include <msgpack/unpack_define.h>

enum { MSGPACK_UNPACK_PARSE_ERROR = -1, MSGPACK_UNPACK_NOMEM_ERROR = -2 }; /* as in msgpack/unpack.h */

#define ORDER_MAX     256 /* places in a record that remember their node */
#define NO_COLUMN     UINT32_MAX
#define OUT_OF_MEMORY (-10) /* returned by callbacks, and by the parser then */

typedef struct node node;
struct node {
    wri_mp_step step;
    uint32_t col; /* NO_COLUMN: only on the way */
    node *children, *next;
};

typedef enum value_kind {
    MP_NIL,
    MP_BOOL,
    MP_INT,
    MP_UINT,
    MP_FLOAT,
    MP_STR,
    MP_BIN,
    MP_EXT,
    MP_MAP,
    MP_ARRAY
} value_kind;

typedef struct value {
    uint8_t kind; /* value_kind */
    int8_t ext;   /* type of an extension */
    bool top;     /* the record itself */
    uint32_t len; /* bytes; MP_MAP, MP_ARRAY: items done */
    union {
        int64_t i64;
        uint64_t u64; /* MP_UINT: beyond INT64_MAX */
        double f64;
        const char *p;
        const node *node; /* containers: what is wanted of them, NULL: nothing */
    };
} value;

typedef struct decoder decoder;
typedef struct mp_user {
    decoder *d;
} mp_user;

static value mp_on_root(mp_user *u);
static int mp_on_map(mp_user *u, unsigned n, value *o);
static int mp_on_array(mp_user *u, unsigned n, value *o);
static int mp_on_map_item(mp_user *u, value *c, value k, value v);
static int mp_on_array_item(mp_user *u, value *c, value v);

#define ON_INT(name, type)                                                                                   \
    static inline int mp_on_##name(mp_user *u, type v, value *o) {                                           \
        (void)u;                                                                                             \
        *o = (value){.kind = MP_INT, .i64 = (int64_t)v};                                                     \
        return 0;                                                                                            \
    }
#define ON_FLOAT(name, type)                                                                                 \
    static inline int mp_on_##name(mp_user *u, type v, value *o) {                                           \
        (void)u;                                                                                             \
        *o = (value){.kind = MP_FLOAT, .f64 = (double)v};                                                    \
        return 0;                                                                                            \
    }
#define ON_SIMPLE(name, k, v)                                                                                \
    static inline int mp_on_##name(mp_user *u, value *o) {                                                   \
        (void)u;                                                                                             \
        *o = (value){.kind = k, .i64 = v};                                                                   \
        return 0;                                                                                            \
    }
#define ON_BYTES(name, k)                                                                                    \
    static inline int mp_on_##name(mp_user *u, const char *b, const char *p, unsigned n, value *o) {         \
        (void)u;                                                                                             \
        *o = (value){.kind = k, .len = n, .p = n ? p : b};                                                   \
        return 0;                                                                                            \
    }
ON_INT(uint8, uint8_t)
ON_INT(uint16, uint16_t)
ON_INT(uint32, uint32_t)
ON_INT(int8, int8_t)
ON_INT(int16, int16_t)
ON_INT(int32, int32_t)
ON_INT(int64, int64_t)
ON_FLOAT(float, float)
ON_FLOAT(double, double)
ON_SIMPLE(nil, MP_NIL, 0)
ON_SIMPLE(true, MP_BOOL, 1)
ON_SIMPLE(false, MP_BOOL, 0)
ON_BYTES(str, MP_STR)
ON_BYTES(bin, MP_BIN)
static inline int mp_on_uint64(mp_user *u, uint64_t v, value *o) {
    (void)u;
    *o = (value){.kind = v > INT64_MAX ? MP_UINT : MP_INT, .u64 = v};
    return 0;
}
static inline int mp_on_ext(mp_user *u, const char *b, const char *p, unsigned n, value *o) {
    (void)u;
    /* The type byte is counted; a length of 2^32 - 1 comes here as 0. */
    *o = n ? (value){.kind = MP_EXT, .ext = (int8_t)p[0], .len = n - 1, .p = p + 1}
           : (value){.kind = MP_EXT, .p = b};
    return 0;
}

#define msgpack_unpack_struct(name)    struct mp##name
#define msgpack_unpack_func(ret, name) static inline ret mp##name
#define msgpack_unpack_callback(name)  mp_on##name
#define msgpack_unpack_object          value
#define msgpack_unpack_user            mp_user
#include <msgpack/unpack_template.h>

/* A column's way down into a record, for the slow path. */
typedef struct path {
    wri_mp_step *steps;
    uint32_t n;
} path;

struct decoder {
    wr_decode_cfg cfg;
    const wr_schema *schema;
    wri_time_format tf;
    node by_name, by_order; /* what is wanted of a top-level map or array */
    path *paths;            /* per column */
    wr_arena ar;            /* nodes, paths */
    wri_dicts dicts;
    const node *order[ORDER_MAX];
    wr_batch *b;     /* being filled */
    uint32_t *stamp; /* per column: number of the row that set it last */
    uint32_t row;    /* number of the row, starting at 1 */
    uint32_t bytes;  /* of an average record, as seen so far */
    bool borrows, may_borrow;
    bool array;            /* the record is an array */
    bool nested;           /* some column of the row needs the slow path: those in deep[] */
    bool *deep;            /* per column */
    char why[WRI_WHY_MAX]; /* why[0]: the row is bad */
    wr_buf text;           /* of the slow path */
    struct mp_context ctx;
};

/* ---- one value into its column ---- */

/* Text of a value for a message. */
static size_t value_text(const value *v, char *out, const char **pp) {
    *pp = out;
    switch ((value_kind)v->kind) {
    case MP_STR:
    case MP_BIN:
        *pp = v->p;
        return v->len;
    case MP_INT:
        return wr_write_i64(v->i64, out);
    case MP_UINT:
        return (size_t)snprintf(out, WR_TEXT_MAX, "%llu", (unsigned long long)v->u64);
    case MP_FLOAT:
        return wr_write_f64(v->f64, out);
    case MP_BOOL:
        *pp = v->i64 ? "true" : "false";
        break;
    default:
        *pp = v->kind == MP_MAP ? "a map" : v->kind == MP_ARRAY ? "an array" : "an extension";
    }
    return strlen(*pp);
}

static void set_why(decoder *d, uint32_t col, const value *v) {
    char text[WR_TEXT_MAX];
    const char *p;
    if (d->why[0]) return; /* the first fault is told */
    size_t n = value_text(v, text, &p);
    wri_why(d->why, &d->schema->fields[col], d->tf, p, n);
}

static wr_status convert_ext(const wr_type *t, const value *v, wr_value *out) {
    int64_t us;
    *out = (wr_value){0};
    if (t->kind != WR_T_TIMESTAMP || !wri_mp_timestamp(v->ext, v->p, v->len, &us)) return WR_EDATA;
    out->i64 = wri_fit_timestamp(t, us);
    return WR_OK;
}

/* Any value to any type. */
static wr_status convert(decoder *d, const wr_type *t, const value *v, wr_value *out) {
    char text[WR_TEXT_MAX];
    const char *p;
    switch ((value_kind)v->kind) {
    case MP_BOOL:
        return wri_from_bool(t, v->i64 != 0, &d->b->arena, out);
    case MP_INT:
        return wri_from_i64(t, d->tf, v->i64, &d->b->arena, out);
    case MP_FLOAT:
        return wri_from_f64(t, d->tf, v->f64, &d->b->arena, out);
    case MP_UINT: {
        size_t n = value_text(v, text, &p);
        if (wr_type_phys(*t) == WR_STR) {
            if (t->kind == WR_T_VARBINARY) return WR_EDATA;
            p = wr_arena_strndup(&d->b->arena, text, n);
            if (!p) return WR_ENOMEM;
        }
        return wri_from_text(t, d->tf, p, n, &d->b->arena, out);
    }
    case MP_STR:
        if (wr_type_phys(*t) != WR_STR) return wri_from_text(t, d->tf, v->p, v->len, &d->b->arena, out);
        return wri_from_bytes(t, v->p, v->len, out);
    case MP_BIN:
        return wri_from_bytes(t, v->p, v->len, out);
    case MP_EXT:
        return convert_ext(t, v, out);
    default:
        *out = (wr_value){.null = true};
        return WR_OK;
    }
}

static int store_slow(decoder *d, uint32_t col, const value *v) {
    wr_col *c = &d->b->cols[col];
    wr_value out;
    wr_status s = convert(d, &d->schema->fields[col].type, v, &out);
    if (s == WR_ENOMEM) return OUT_OF_MEMORY;
    if (s != WR_OK) {
        set_why(d, col, v);
        out = (wr_value){.null = true};
    }
    if (out.null) {
        d->stamp[col] = 0; /* as if it were not there */
        return 0;
    }
    if (c->phys == WR_STR) {
        bool long_view = out.str.len > WR_STR_INLINE && (v->kind == MP_STR || v->kind == MP_BIN);
        if (long_view && !d->may_borrow &&
            wr_batch_str(d->b, out.str.ptr, out.str.len, &out.str, NULL) != WR_OK)
            return OUT_OF_MEMORY;
        d->borrows |= long_view && d->may_borrow;
        c->str[d->b->n] = out.str;
    } else if (c->phys == WR_F64) c->f64[d->b->n] = out.f64;
    else c->i64[d->b->n] = out.i64;
    return 0;
}

/* Stores what an item of the record is worth to the column of its node. */
static int store(decoder *d, const node *n, const value *v) {
    uint32_t col = n->col;
    if (col == NO_COLUMN) return 0;
    const wr_type *t = &d->schema->fields[col].type;
    wr_col *c = &d->b->cols[col];
    d->stamp[col] = d->row;
    d->deep[col] = false;
    if (v->kind == MP_MAP || v->kind == MP_ARRAY) {
        d->deep[col] = d->nested = true;
        return 0;
    }
    if (v->kind == MP_INT && wr_kind_is_int(t->kind) && wri_int_fits(t->kind, v->i64)) {
        c->i64[d->b->n] = v->i64;
        return 0;
    }
    if (v->kind == MP_FLOAT && t->kind == WR_T_DOUBLE && !isnan(v->f64)) {
        c->f64[d->b->n] = v->f64;
        return 0;
    }
    if (v->kind == MP_STR && t->kind == WR_T_VARCHAR && t->prec == 0 && d->may_borrow &&
        wr_utf8_valid(v->p, v->len)) {
        c->str[d->b->n] = wri_str_padded(v->p, v->len);
        d->borrows |= v->len > WR_STR_INLINE;
        return 0;
    }
    return store_slow(d, col, v);
}

/* ---- callbacks ---- */

static inline const node *find_key(const node *of, const value *k) {
    if (k->kind != MP_STR) return NULL;
    for (const node *n = of->children; n; n = n->next)
        if (n->step.len == k->len && n->step.key && memcmp(n->step.key, k->p, k->len) == 0) return n;
    return NULL;
}

static inline const node *find_index(const node *of, uint32_t i) {
    for (const node *n = of->children; n; n = n->next)
        if (!n->step.key && n->step.index == i) return n;
    return NULL;
}

static value mp_on_root(mp_user *u) { return (void)u, (value){.kind = MP_NIL}; }

/* What a container that begins at o stands for. The parser keeps containers in frames whose first member is
 * the object, so the frame before o's is that of the enclosing one, with the key just read. */
static const node *enter(decoder *d, const value *o, bool array) {
    const struct mp_stack *frame = (const struct mp_stack *)o;
    if (frame == d->ctx.stack) {
        d->array = array;
        return array ? &d->by_order : &d->by_name;
    }
    const value *outer = &frame[-1].obj;
    if (!outer->node || frame[-1].ct == MSGPACK_CT_MAP_KEY) return NULL; /* a container as a key */
    const node *n = outer->kind == MP_MAP ? find_key(outer->node, &frame[-1].map_key)
                                          : find_index(outer->node, outer->len);
    return n && n->children ? n : NULL;
}

static int mp_on_map(mp_user *u, unsigned n, value *o) {
    (void)n;
    *o = (value){.kind = MP_MAP, .node = enter(u->d, o, false)};
    o->top = o == &u->d->ctx.stack[0].obj;
    return 0;
}

static int mp_on_array(mp_user *u, unsigned n, value *o) {
    (void)n;
    *o = (value){.kind = MP_ARRAY, .node = enter(u->d, o, true)};
    o->top = o == &u->d->ctx.stack[0].obj;
    return 0;
}

static int mp_on_map_item(mp_user *u, value *c, value k, value v) {
    if (!c->node) return 0;
    decoder *d = u->d;
    if (!c->top || c->len >= ORDER_MAX) {
        const node *n = find_key(c->node, &k);
        return n ? store(d, n, &v) : 0;
    }
    const node **guess = &d->order[c->len++], *n = *guess;
    if (!n || k.kind != MP_STR || k.len != n->step.len || memcmp(k.p, n->step.key, k.len) != 0)
        *guess = n = find_key(c->node, &k);
    return n ? store(d, n, &v) : 0;
}

static int mp_on_array_item(mp_user *u, value *c, value v) {
    uint32_t i = c->len++;
    if (!c->node) return 0;
    const node *n = find_index(c->node, i);
    return n ? store(u->d, n, &v) : 0;
}

/* ---- rows ---- */

/* Columns of the record p[0..n) that hold a map or an array, as JSON text. */
static wr_status store_deep(decoder *d, const char *p, size_t n) {
    for (uint32_t k = 0; k < d->schema->n; k++) {
        if (!d->deep[k] || d->stamp[k] != d->row) continue;
        const wr_type *t = &d->schema->fields[k].type;
        wri_mp_step by_order = {.index = wri_place(&d->cfg, k)};
        d->text.len = 0;
        wr_status s = !wr_kind_is_text(t->kind) ? WR_EDATA
                      : d->array                ? wri_mp_json(p, n, &by_order, 1, &d->text)
                                 : wri_mp_json(p, n, d->paths[k].steps, d->paths[k].n, &d->text);
        if (s == WR_ENOMEM) return s;
        if (s != WR_OK) {
            value v = {.kind = MP_MAP};
            set_why(d, k, &v);
            continue;
        }
        wr_value cut;
        s = wri_from_bytes(t, d->text.data, d->text.len, &cut);
        if (s != WR_OK)
            set_why(d, k, &(value){.kind = MP_STR, .p = d->text.data, .len = (uint32_t)d->text.len});
        else
            WR_TRY(wr_batch_str(d->b, wr_str_data(&cut.str), cut.str.len, &d->b->cols[k].str[d->b->n], NULL));
    }
    return WR_OK;
}

static wr_status finish_row(decoder *d, const wr_chunk *c, size_t from, size_t to) {
    if (d->nested) WR_TRY(store_deep(d, c->data + from, to - from));
    wr_batch *b = d->b;
    for (uint32_t k = 0; k < d->schema->n && !d->why[0]; k++) {
        if (d->stamp[k] == d->row) continue;
        if (d->schema->fields[k].type.not_null) {
            snprintf(d->why, sizeof d->why, "%.200s: no value for a NOT NULL column",
                     d->schema->fields[k].name);
            break;
        }
        uint64_t *nulls = wr_batch_nulls(b, &b->cols[k]);
        if (!nulls) return WR_ENOMEM;
        wr_bit_set(nulls, b->n);
        if (b->cols[k].phys == WR_STR) memset(&b->cols[k].str[b->n], 0, sizeof(wr_str));
        else b->cols[k].i64[b->n] = 0;
    }
    if (!d->why[0]) {
        b->n++;
        return WR_OK;
    }
    /* The next row takes its place. */
    for (uint32_t k = 0; k < d->schema->n; k++)
        if (b->cols[k].nulls) b->cols[k].nulls[b->n / 64] &= ~(UINT64_C(1) << b->n % 64);
    wri_bad(&d->cfg, c, from, to, d->why);
    return WR_OK;
}

static wr_status new_batch(decoder *d, const wr_chunk *c, size_t at, wr_err *err) {
    size_t rows = (c->len - at) / d->bytes + 16;
    if (rows > d->cfg.batch_rows) rows = d->cfg.batch_rows;
    WR_TRY(wr_batch_new(d->schema->n, (uint32_t)rows, &d->b, err));
    for (uint32_t k = 0; k < d->schema->n; k++)
        WR_TRY(wr_batch_col(d->b, k, wr_type_phys(d->schema->fields[k].type), err));
    d->b->split = c->split;
    d->b->pos = c->pos + (int64_t)at;
    d->borrows = false;
    return WR_OK;
}

static wr_status end_batch(decoder *d, const wr_chunk *c, wr_batches *out, wr_err *err) {
    wr_batch *b = d->b;
    if (!b) return WR_OK;
    d->b = NULL;
    if ((d->borrows && wr_batch_keep(b, c->hold, err) != WR_OK) || wri_dicts_encode(&d->dicts, b) != WR_OK) {
        wr_batch_drop(b);
        return WR_ENOMEM;
    }
    return wri_batches_add(out, b, err);
}

/* Parses the object at *atp and moves behind it; the parser's answer: 1 whole, 0 cut off, below 0 broken. */
static int parse(decoder *d, const wr_chunk *c, size_t *atp) {
    if (++d->row == 0) { /* numbers have gone round: none may look set */
        memset(d->stamp, 0, d->schema->n * sizeof *d->stamp);
        d->row = 1;
    }
    d->nested = false;
    d->why[0] = 0;
    d->ctx.user.d = d;
    mp_init(&d->ctx);
    return mp_execute(&d->ctx, c->data, c->len, atp);
}

static void report_broken(decoder *d, const wr_chunk *c, size_t from, size_t at, int r) {
    char why[WRI_WHY_MAX];
    if (r == 0) snprintf(why, sizeof why, "the object is cut off: the input ends within it");
    else if (r == MSGPACK_UNPACK_NOMEM_ERROR)
        snprintf(why, sizeof why,
                 "more than %d nested maps and arrays; the rest of this piece cannot be read",
                 WRI_MP_DEPTH_MAX);
    else
        snprintf(why, sizeof why, "byte 0x%02x is no MessagePack; the rest of this piece cannot be read",
                 at < c->len ? (unsigned char)c->data[at] : 0u);
    wri_bad(&d->cfg, c, from, c->len, why);
}

static wr_status decode_rows(decoder *d, const wr_chunk *c, wr_batches *out, wr_err *err) {
    size_t at = 0, stray = SIZE_MAX; /* where a run of values that are no records began */
    while (at < c->len) {
        if (d->b && d->b->n == d->b->cap) WR_TRY(end_batch(d, c, out, err));
        if (!d->b) WR_TRY(new_batch(d, c, at, err));
        size_t from = at;
        int r = parse(d, c, &at);
        if (r == OUT_OF_MEMORY) return WR_ENOMEM;
        value_kind kind = (value_kind)d->ctx.stack[0].obj.kind;
        bool record = r == 1 && (kind == MP_MAP || kind == MP_ARRAY);
        if (r == 1 && !record && stray == SIZE_MAX) stray = from;
        if (stray != SIZE_MAX && (r != 1 || record || at == c->len)) {
            wri_bad(&d->cfg, c, stray, r == 1 && !record ? at : from, "neither a map nor an array");
            stray = SIZE_MAX;
        }
        if (r != 1) {
            report_broken(d, c, from, at, r);
            break;
        }
        if (record) {
            WR_TRY(finish_row(d, c, from, at));
            d->bytes = (uint32_t)((d->bytes * 7 + (at - from < (1 << 20) ? at - from : 1 << 20) + 7) / 8);
        }
    }
    return end_batch(d, c, out, err);
}

wr_status wri_mp_decode(wr_decoder *dec, const wr_chunk *c, wr_batches *out, wr_err *err) {
    decoder *d = (decoder *)dec;
    if (wri_bad_chunk(&d->cfg, c)) return WR_OK;
    d->may_borrow = c->hold != NULL;
    wr_status s = decode_rows(d, c, out, err);
    wr_batch_drop(d->b);
    d->b = NULL;
    return s == WR_OK ? WR_OK : wr_fail_oom(err, "decoded MessagePack");
}

/* ---- open and close ---- */

/* The next step of a path "$.a.b", "$.a[0]", "a.b"; false at its end or when it is wrong. */
static bool next_step(const char **pp, wri_mp_step *out) {
    const char *p = *pp;
    if (*p == '.') p++;
    if (*p == '[') {
        const char *end = strchr(p, ']');
        int64_t i;
        if (!end || !wr_read_i64(p + 1, (size_t)(end - p - 1), &i) || i < 0 || i > UINT32_MAX) return false;
        *out = (wri_mp_step){.index = (uint32_t)i};
        *pp = end + 1;
        return true;
    }
    size_t n = strcspn(p, ".[");
    if (n == 0) return false;
    *out = (wri_mp_step){.key = p, .len = (uint32_t)n};
    *pp = p + n;
    return true;
}

static wr_status open_path(decoder *d, uint32_t k, wr_err *err) {
    const wr_field *f = &d->schema->fields[k];
    const char *p = f->path ? f->path : f->name;
    path *to = &d->paths[k];
    to->steps = wr_arena_alloc(&d->ar, (strlen(p) + 1) * sizeof *to->steps);
    if (!to->steps) return WR_ENOMEM;
    if (!f->path) { /* a name is a key as it stands, dots included */
        to->steps[to->n++] = (wri_mp_step){.key = p, .len = (uint32_t)strlen(p)};
        return WR_OK;
    }
    if (*p == '$') p++;
    while (*p && next_step(&p, &to->steps[to->n])) to->n++;
    if (*p || to->n == 0)
        return wr_fail(err, WR_EINVAL,
                       "column %s: path '%s' is not one that format 'msgpack' knows, expected $.a.b or "
                       "$.a[0]",
                       f->name, f->path);
    return WR_OK;
}

static bool same_step(const wri_mp_step *a, const wri_mp_step *b) {
    if (!a->key || !b->key) return !a->key && !b->key && a->index == b->index;
    return a->len == b->len && memcmp(a->key, b->key, a->len) == 0;
}

/* The child of n for a step, made when there is none; NULL: out of memory. */
static node *child(decoder *d, node *n, const wri_mp_step *s) {
    node **at = &n->children;
    for (; *at; at = &(*at)->next)
        if (same_step(&(*at)->step, s)) return *at;
    *at = wr_arena_calloc(&d->ar, sizeof **at);
    if (*at) **at = (node){.step = *s, .col = NO_COLUMN};
    return *at;
}

static wr_status open_columns(decoder *d, wr_err *err) {
    for (uint32_t k = 0; k < d->schema->n; k++) {
        WR_TRY(open_path(d, k, err));
        node *n = &d->by_name;
        for (uint32_t i = 0; i < d->paths[k].n && n; i++) n = child(d, n, &d->paths[k].steps[i]);
        node *place = child(d, &d->by_order, &(wri_mp_step){.index = wri_place(&d->cfg, k)});
        if (!n || !place) return WR_ENOMEM;
        if (n->col != NO_COLUMN)
            return wr_fail(err, WR_EINVAL,
                           "columns %s and %s: format 'msgpack' cannot give one value to two columns",
                           d->schema->fields[n->col].name, d->schema->fields[k].name);
        n->col = place->col = k;
    }
    return WR_OK;
}

wr_status wri_mp_open_decoder(const wr_decode_cfg *cfg, wr_decoder **outp, wr_err *err) {
    *outp = NULL;
    wri_mp_options o;
    WR_TRY(wri_mp_read_options(cfg->options, cfg->n_options, &o, err));
    decoder *d = wr_calloc(1, sizeof *d);
    if (!d) return wr_fail_oom(err, "a MessagePack decoder");
    d->cfg = *cfg;
    d->schema = cfg->schema;
    if (d->cfg.batch_rows == 0) d->cfg.batch_rows = WR_BATCH_ROWS;
    d->tf = o.timestamp_format == WRI_MP_TIME_EXT ? WRI_TIME_ISO : (wri_time_format)o.timestamp_format;
    d->bytes = 64;
    d->by_name.col = d->by_order.col = NO_COLUMN;
    d->paths = wr_arena_calloc(&d->ar, (cfg->schema->n + 1) * sizeof *d->paths);
    d->stamp = wr_arena_calloc(&d->ar, (cfg->schema->n + 1) * sizeof *d->stamp);
    d->deep = wr_arena_calloc(&d->ar, cfg->schema->n + 1);
    wr_status s = d->paths && d->stamp && d->deep ? wri_dicts_open(&d->dicts, cfg) : WR_ENOMEM;
    if (s == WR_OK) s = open_columns(d, err);
    if (s != WR_OK) {
        wri_mp_close_decoder((wr_decoder *)d);
        return s == WR_ENOMEM ? wr_fail_oom(err, "a MessagePack decoder") : s;
    }
    *outp = (wr_decoder *)d;
    return WR_OK;
}

void wri_mp_close_decoder(wr_decoder *dec) {
    decoder *d = (decoder *)dec;
    if (!d) return;
    wr_arena_free(&d->ar);
    wr_buf_free(&d->text);
    wri_dicts_close(&d->dicts);
    wr_free(d);
}

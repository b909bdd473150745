/* connectors/formats/json_path.c -- column paths ("$.a.b", "$.items[0].x", "$.items[*].id") as one tree.
 *
 * A column without a path is the member of its name. Steps: .name ['name'] ["name"] [3] [*] [0:]. At the end
 * of a path [*] and [0:] mean the array itself, as JSON text; before the end they flatten it: one row per
 * element. Only one array can be flattened per schema. The tree lives in the arena and is never changed. */
#include "connectors/formats/json_int.h"

typedef struct path {
    const char *column, *text, *p;
    wr_arena *ar;
    wri_json_tree *tree;
    wr_err *err;
} path;

static wr_status wrong(const path *x, const char *what) {
    return wr_fail(x->err, WR_EINVAL, "column %s: path '%.200s', byte %zu: %s", x->column, x->text,
                   (size_t)(x->p - x->text) + 1, what);
}

static wr_status add(uint32_t **list, uint32_t *n, uint32_t col, wr_arena *ar) {
    if (*n > 0 && (*list)[*n - 1] == col) return WR_OK;
    if ((*n & (*n - 1)) == 0) { /* 0, 1, 2, 4, …: full */
        uint32_t *more = wr_arena_alloc(ar, (*n ? 2 * (size_t)*n : 1) * sizeof *more);
        if (!more) return WR_ENOMEM;
        if (*n) memcpy(more, *list, *n * sizeof *more);
        *list = more;
    }
    (*list)[(*n)++] = col;
    return WR_OK;
}

/* The member `key` (NULL: the element `index`) of n, made when there is none. */
static wri_json_node *child(wri_json_node *n, const char *key, size_t len, uint64_t index, wr_arena *ar) {
    wri_json_node **at = key ? &n->keys : &n->items;
    for (; *at; at = &(*at)->next)
        if (key ? (*at)->key_len == len && memcmp((*at)->key, key, len) == 0 : (*at)->index == index)
            return *at;
    wri_json_node *c = wr_arena_calloc(ar, sizeof *c);
    if (!c) return NULL;
    if (key && !(c->key = wr_arena_strndup(ar, key, len))) return NULL;
    c->key_len = len;
    c->depth = n->depth + 1;
    c->index = index;
    n->n_keys += key != NULL;
    *at = c;
    return c;
}

/* [*] or [0:] with something behind it. */
static wr_status flatten(path *x, wri_json_node **np) {
    wri_json_node *n = *np;
    if (x->tree->flat && x->tree->flat != n)
        return wrong(x, "only one array can be flattened in a stream; read the other as JSON text");
    if (!n->each && !(n->each = wr_arena_calloc(x->ar, sizeof *n->each))) return WR_ENOMEM;
    n->each->depth = n->depth + 1;
    x->tree->flat = n;
    *np = n->each;
    return WR_OK;
}

static wr_status bracket(path *x, wri_json_node **np) {
    const char *p = x->p + 1;
    if (*p == '\'' || *p == '"') {
        const char *close = strchr(p + 1, *p);
        if (!close || close[1] != ']') return wrong(x, "the quoted name does not end in a quote and ']'");
        *np = child(*np, p + 1, (size_t)(close - p - 1), 0, x->ar);
        x->p = close + 2;
        return *np ? WR_OK : WR_ENOMEM;
    }
    bool all = strncmp(p, "*]", 2) == 0, range = strncmp(p, "0:]", 3) == 0;
    if (all || range) {
        const char *behind = p + (all ? 2 : 3);
        if (*behind) WR_TRY(flatten(x, np));
        x->p = behind;
        return WR_OK;
    }
    uint64_t v = 0;
    const char *first = p;
    for (; *p >= '0' && *p <= '9' && p - first < 9; p++) v = v * 10 + (uint64_t)(*p - '0');
    if (p == first || *p != ']') return wrong(x, "expected [3], [0:], [*] or ['name']");
    *np = child(*np, NULL, 0, v, x->ar);
    x->p = p + 1;
    return *np ? WR_OK : WR_ENOMEM;
}

static wr_status step(path *x, wri_json_node **np) {
    if (*x->p == '[') return bracket(x, np);
    if (*x->p != '.') return wrong(x, "expected '.' or '['");
    const char *p = ++x->p;
    size_t len = strcspn(p, ".[");
    if (len == 0) return wrong(x, "expected a name behind '.'");
    *np = child(*np, p, len, 0, x->ar);
    x->p = p + len;
    return *np ? WR_OK : WR_ENOMEM;
}

static wr_status add_column(path *x, uint32_t col) {
    wri_json_node *n = &x->tree->root;
    WR_TRY(add(&n->under, &n->n_under, col, x->ar));
    if (!x->text) {
        n = child(n, x->column, strlen(x->column), 0, x->ar);
        if (!n) return WR_ENOMEM;
        WR_TRY(add(&n->under, &n->n_under, col, x->ar));
        return add(&n->cols, &n->n_cols, col, x->ar);
    }
    if (*x->p != '$') return wrong(x, "a path begins with '$'");
    x->p++;
    while (*x->p) {
        WR_TRY(step(x, &n));
        WR_TRY(add(&n->under, &n->n_under, col, x->ar));
    }
    return add(&n->cols, &n->n_cols, col, x->ar);
}

/* ---- members by hash ---- */

/* The hash reads eight bytes, names may be shorter. */
static uint32_t slot_of(const wri_json_node *n, const char *key, size_t len) {
    char buf[8] = {0};
    if (len < sizeof buf) key = memcpy(buf, key, len);
    return (uint32_t)(wri_json_key_hash(key, len) >> n->shift);
}

static uint32_t next_slot(const wri_json_node *n, uint32_t i) {
    return (i + 1) & ((UINT32_C(1) << (64 - n->shift)) - 1);
}

/* A column that alone takes a member, and of which the scanner knows the type. */
static void join(wri_json_node *n, wri_json_col *cols) {
    if (!n->key || n->n_cols != 1 || n->n_under != 1) return;
    wri_json_col *c = &cols[n->cols[0]];
    if (c->how == WRI_JSON_MEMBER) return;
    n->col = c;
    c->node = n;
}

static wr_status finish_node(wri_json_node *n, wri_json_col *cols, wr_arena *ar) {
    n->holds_flat = n->each != NULL;
    join(n, cols);
    if (n->n_keys) {
        n->shift = 62;
        while (UINT32_C(1) << (64 - n->shift) < 2 * n->n_keys) n->shift--;
        n->table = wr_arena_calloc(ar, sizeof *n->table << (64 - n->shift));
        if (!n->table) return WR_ENOMEM;
    }
    for (wri_json_node *c = n->keys; c; c = c->next) {
        uint32_t i = slot_of(n, c->key, c->key_len);
        while (n->table[i]) i = next_slot(n, i);
        n->table[i] = c;
        WR_TRY(finish_node(c, cols, ar)); /* as deep as a path is long */
        n->holds_flat |= c->holds_flat;
    }
    for (wri_json_node *c = n->items; c; c = c->next) {
        WR_TRY(finish_node(c, cols, ar));
        n->holds_flat |= c->holds_flat;
    }
    return n->each ? finish_node(n->each, cols, ar) : WR_OK;
}

wri_json_node *wri_json_tree_member(const wri_json_node *n, const char *key, size_t len) {
    if (!n->table) return NULL;
    for (uint32_t i = slot_of(n, key, len); n->table[i]; i = next_slot(n, i))
        if (n->table[i]->key_len == len && memcmp(n->table[i]->key, key, len) == 0) return n->table[i];
    return NULL;
}

wr_status wri_json_tree_build(const wr_schema *schema, wri_json_col *cols, wr_arena *ar, wri_json_tree *tree,
                              wr_err *err) {
    *tree = (wri_json_tree){0};
    for (uint32_t i = 0; i < schema->n; i++) {
        const wr_field *f = &schema->fields[i];
        path x = {.column = f->name, .text = f->path, .p = f->path, .ar = ar, .tree = tree, .err = err};
        wr_status s = add_column(&x, i);
        if (s == WR_ENOMEM) return wr_fail_oom(err, "paths of columns");
        if (s != WR_OK) return s;
    }
    if (finish_node(&tree->root, cols, ar) != WR_OK) return wr_fail_oom(err, "paths of columns");
    return WR_OK;
}

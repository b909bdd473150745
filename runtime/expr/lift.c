/* runtime/expr/lift.c -- once per distinct value.
 *
 * A column with dictionary codes has few values and many rows. A deterministic expression over that column
 * alone is evaluated for each value when it first appears and then gathered by code:
 *
 *   result of a row = results[codes[row] + 1], results[0] being the one for NULL
 *
 * Results belong to a cache per dictionary, which holds the dictionary and is held by the batches whose
 * strings lie in it. Errors are remembered like values. Only the evaluator's thread appends. */
#include "expr_int.h"

#define CACHES_MAX 64 /* dictionaries served side by side; one per split that a task reads */

typedef struct cache {
    wr_ref ref;
    wr_dict *dict;
    uint32_t n, cap; /* results: dict values seen + 1 */
    wr_phys phys;
    union {
        int64_t *i64;
        wr_str *str;
        void *data;
    };
    const char **whys; /* per result: NULL, or why it failed */
    bool *nulls;
    bool any_null, any_err;
    wr_arena ar; /* bytes of strings and reasons */
} cache;

struct wri_lift {
    wr_eval *inner; /* the expression, evaluated as usual */
    wr_schema in;
    wr_phys phys;
    uint32_t col;
    cache **caches;
    size_t n_caches, cap_caches;
    wri_vec vec;
};

/* Worth remembering: anything that calls SQLite, or touches the bytes of a string more than a comparison. */
static bool costly(const wr_expr *e) {
    if (e->kind == WR_X_FUNC) return true;
    if (e->kind == WR_X_OP && (e->op == WR_OP_LIKE || e->op == WR_OP_CONCAT)) return true;
    bool cast = e->kind == WR_X_OP && (e->op == WR_OP_CAST || e->op == WR_OP_TRY_CAST);
    if (cast && !wri_noop_cast(e)) return true;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (costly(e->args[i])) return true;
    return false;
}

static const wr_expr *find_col(const wr_expr *e) {
    if (e->kind == WR_X_COL) return e;
    for (uint32_t i = 0; i < e->n_args; i++) {
        const wr_expr *c = find_col(e->args[i]);
        if (c) return c;
    }
    return NULL;
}

bool wri_liftable(const wr_expr *e, uint32_t *colp) {
    uint32_t col = wri_only_col(e);
    if (e->kind == WR_X_COL || col == WR_NO_COL || col == WRI_MANY_COLS) return false;
    if (!wri_expr_deterministic(e) || wr_type_phys(find_col(e)->type) != WR_STR || !costly(e)) return false;
    *colp = col;
    return true;
}

static void cache_release(wr_ref *r) {
    cache *c = (cache *)r;
    wr_drop(c->dict ? &c->dict->ref : NULL);
    wr_arena_free(&c->ar);
    wr_free(c->data);
    wr_free(c->whys);
    wr_free(c->nulls);
    wr_free(c);
}

wr_status wri_lift_new(wr_expr *const *expr, const wr_schema *in, const wr_eval_opts *opts, wri_lift **outp,
                       wr_err *err) {
    *outp = NULL;
    wri_lift *l = wr_calloc(1, sizeof *l);
    if (!l) return wr_fail_oom(err, "an evaluator");
    wr_eval_opts inner = *opts;
    inner.no_dict = true;
    l->phys = wr_type_phys((*expr)->type);
    l->col = wri_only_col(*expr);
    l->in = *in;
    wr_status s = wr_eval_new(expr, 1, in, &inner, &l->inner, err);
    if (s != WR_OK) {
        wri_lift_free(l);
        return s;
    }
    *outp = l;
    return WR_OK;
}

void wri_lift_free(wri_lift *l) {
    if (!l) return;
    for (size_t i = 0; i < l->n_caches; i++) wr_drop(&l->caches[i]->ref);
    wr_free(l->caches);
    wr_free(l->vec.own_nulls);
    wr_free(l->vec.own_errs);
    wr_free(l->vec.own_whys);
    wr_eval_free(l->inner);
    wr_free(l);
}

static wr_status find_cache(wri_lift *l, wr_dict *dict, cache **outp) {
    for (size_t i = 0; i < l->n_caches; i++)
        if (l->caches[i]->dict == dict) {
            *outp = l->caches[i];
            return WR_OK;
        }
    WR_TRY(wr_grow(&l->caches, &l->cap_caches, l->n_caches + 1, sizeof *l->caches));
    cache *c = wr_calloc(1, sizeof *c);
    if (!c) return WR_ENOMEM;
    wr_ref_init(&c->ref, cache_release);
    wr_hold(&dict->ref);
    c->dict = dict;
    c->phys = l->phys;
    if (l->n_caches == CACHES_MAX) { /* the oldest is the likeliest to be done with */
        wr_drop(&l->caches[0]->ref);
        memmove(l->caches, l->caches + 1, --l->n_caches * sizeof *l->caches);
    }
    l->caches[l->n_caches++] = c;
    *outp = c;
    return WR_OK;
}

static wr_status cache_room(cache *c, uint32_t need) {
    if (need <= c->cap) return WR_OK;
    uint32_t cap = c->cap ? c->cap : 64;
    while (cap < need) cap = cap > UINT32_MAX / 2 ? need : cap * 2;
    void *data = wr_reallocn(c->data, cap, c->phys == WR_STR ? sizeof(wr_str) : 8);
    if (!data) return WR_ENOMEM;
    c->data = data;
    const char **whys = wr_reallocn(c->whys, cap, sizeof *whys);
    if (!whys) return WR_ENOMEM;
    c->whys = whys;
    bool *nulls = wr_reallocn(c->nulls, cap, sizeof *nulls);
    if (!nulls) return WR_ENOMEM;
    c->nulls = nulls;
    c->cap = cap;
    return WR_OK;
}

static wr_status remember(cache *c, const wri_vec *v, uint32_t i) {
    uint32_t at = c->n;
    c->whys[at] = NULL;
    c->nulls[at] = wri_vec_null(v, i);
    if (c->phys == WR_STR) c->str[at] = (wr_str){0};
    else c->i64[at] = 0;
    if (wri_vec_err(v, i)) {
        c->any_err = true;
        c->whys[at] = wr_arena_strdup(&c->ar, v->whys[i]);
        if (!c->whys[at]) return WR_ENOMEM;
    } else if (c->nulls[at]) {
        c->any_null = true;
    } else if (c->phys == WR_STR) {
        const wr_str *s = &v->str[i];
        c->str[at] = *s;
        if (s->len > WR_STR_INLINE) {
            char *copy = wr_arena_alloc(&c->ar, s->len);
            if (!copy) return WR_ENOMEM;
            c->str[at] = wr_str_make(memcpy(copy, s->ptr, s->len), s->len);
        }
    } else {
        c->i64[at] = v->i64[i];
    }
    c->n++;
    return WR_OK;
}

/* Evaluates m values from dictionary place `from` on; from -1 is the NULL before them all. */
static wr_status extend_by(wri_lift *l, cache *c, uint32_t m, wr_err *err) {
    wr_batch *b;
    WR_TRY(wr_batch_new(l->in.n, m, &b, err));
    wr_status s = wr_batch_col(b, l->col, WR_STR, err);
    wri_vec *v;
    if (s == WR_OK) {
        wr_col *col = &b->cols[l->col];
        b->n = m;
        for (uint32_t i = 0; i < m; i++) col->str[i] = c->n + i ? c->dict->values[c->n + i - 1] : (wr_str){0};
        if (c->n == 0) {
            if (wr_batch_nulls(b, col)) wr_bit_set(col->nulls, 0);
            else s = wr_fail_oom(err, "a NULL bitmap");
        }
    }
    if (s == WR_OK) s = wri_eval_vec(l->inner, b, NULL, &v, err);
    if (s == WR_OK && cache_room(c, c->n + m) != WR_OK) s = wr_fail_oom(err, "results per distinct value");
    for (uint32_t i = 0; s == WR_OK && i < m; i++)
        if (remember(c, v, i) != WR_OK) s = wr_fail_oom(err, "results per distinct value");
    wr_batch_drop(b);
    return s;
}

static void gather_i64(const int64_t *restrict results, const uint32_t *restrict codes, uint32_t n,
                       int64_t *restrict out) {
    for (uint32_t i = 0; i < n; i++) out[i] = results[codes[i] + 1];
}
static void gather_str(const wr_str *restrict results, const uint32_t *restrict codes, uint32_t n,
                       wr_str *restrict out) {
    for (uint32_t i = 0; i < n; i++) out[i] = results[codes[i] + 1];
}

/* States and the values of NULL rows; codes under NULL mean nothing. */
static wr_status gather_states(wri_lift *l, const cache *c, const wr_col *in, uint32_t n) {
    wri_vec *v = &l->vec;
    if (!in->nulls && !c->any_null && !c->any_err) return WR_OK;
    if (!wri_vec_nulls(v, n)) return WR_ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = wr_is_null(in, i) ? 0 : in->codes[i] + 1;
        if (v->phys == WR_STR) v->str[i] = c->str[at];
        else v->i64[i] = c->i64[at];
        if (c->nulls[at]) wr_bit_set(v->nulls, i);
        if (c->whys[at]) WR_TRY(wri_vec_fail(v, n, i, c->whys[at]));
    }
    return WR_OK;
}

wr_status wri_lift_run(wri_lift *l, wr_batch *in, wr_arena *out_ar, wri_vec **outp, wr_ref **keepp,
                       wr_err *err) {
    const wr_col *col = &in->cols[l->col];
    *keepp = NULL;
    if (!col->codes || !col->dict) return wri_eval_vec(l->inner, in, out_ar, outp, err);
    cache *c;
    if (find_cache(l, col->dict, &c) != WR_OK) return wr_fail_oom(err, "results per distinct value");
    while (c->n < c->dict->n + 1) {
        uint32_t left = c->dict->n + 1 - c->n;
        WR_TRY(extend_by(l, c, left < WR_BATCH_ROWS ? left : WR_BATCH_ROWS, err));
    }
    wri_vec *v = &l->vec;
    uint32_t n = in->n;
    if (n > v->cap) { /* bitmaps are made anew at this size */
        wr_free(v->own_nulls);
        wr_free(v->own_errs);
        wr_free(v->own_whys);
        *v = (wri_vec){.cap = n};
    }
    v->phys = l->phys;
    v->col = WR_NO_COL;
    v->nulls = v->errs = NULL;
    v->data = wr_arena_alloc(out_ar, (size_t)(n ? n : 1) * (l->phys == WR_STR ? sizeof(wr_str) : 8));
    if (!v->data) return wr_fail_oom(err, "a result column");
    if (!col->nulls && l->phys == WR_STR) gather_str(c->str, col->codes, n, v->str);
    else if (!col->nulls) gather_i64(c->i64, col->codes, n, v->i64);
    if (gather_states(l, c, col, n) != WR_OK) return wr_fail_oom(err, "results per distinct value");
    if (l->phys == WR_STR) *keepp = &c->ref;
    *outp = v;
    return WR_OK;
}

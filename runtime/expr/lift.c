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

typedef struct results_of { /* of one expression */
    wr_phys phys;
    union {
        int64_t *i64;
        wr_str *str;
        void *data;
    };
    const char **whys; /* per result: NULL, or why it failed */
    bool *nulls;
    bool any_null, any_err;
} results_of;

typedef struct cache {
    wr_ref ref;
    wr_dict *dict;
    uint32_t n, cap; /* results: dict values seen + 1 */
    results_of *of;  /* n_of, one an expression */
    uint32_t n_of;
    wr_arena ar; /* bytes of strings and reasons */
} cache;

struct wri_lift {
    wr_eval *inner; /* the expressions, evaluated as usual */
    wr_schema in;
    wr_expr *const *exprs;
    uint32_t n, col;
    cache **caches;
    size_t n_caches, cap_caches;
    wri_vec *vecs, **out; /* per expression: values gathered; values of the current run */
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
    for (uint32_t k = 0; k < c->n_of; k++) {
        wr_free(c->of[k].data);
        wr_free(c->of[k].whys);
        wr_free(c->of[k].nulls);
    }
    wr_arena_free(&c->ar);
    wr_free(c->of);
    wr_free(c);
}

static void free_own(wri_vec *v) {
    wr_free(v->own_nulls);
    wr_free(v->own_errs);
    wr_free(v->own_whys);
}

wr_status wri_lift_new(wr_expr *const *exprs, uint32_t n, const wr_schema *in, const wr_eval_opts *opts,
                       wri_lift **outp, wr_err *err) {
    *outp = NULL;
    wri_lift *l = wr_calloc(1, sizeof *l);
    if (!l) return wr_fail_oom(err, "an evaluator");
    wr_eval_opts inner = *opts;
    inner.no_dict = true;
    l->exprs = exprs;
    l->n = n;
    l->col = wri_only_col(exprs[0]);
    l->in = *in;
    l->vecs = wr_calloc(n, sizeof *l->vecs);
    l->out = wr_calloc(n, sizeof *l->out);
    wr_status s = l->vecs && l->out ? wr_eval_new(exprs, n, in, &inner, &l->inner, err)
                                    : wr_fail_oom(err, "an evaluator");
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
    for (uint32_t k = 0; l->vecs && k < l->n; k++) free_own(&l->vecs[k]);
    wr_free(l->caches);
    wr_free(l->vecs);
    wr_free(l->out);
    wr_eval_free(l->inner);
    wr_free(l);
}

wri_vec *wri_lift_vec(wri_lift *l, uint32_t i) { return l->out[i]; }

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
    c->of = wr_calloc(l->n, sizeof *c->of);
    if (!c->of) {
        wr_drop(&c->ref);
        return WR_ENOMEM;
    }
    wr_hold(&dict->ref);
    c->dict = dict;
    c->n_of = l->n;
    for (uint32_t k = 0; k < l->n; k++) c->of[k].phys = wr_type_phys(l->exprs[k]->type);
    if (l->n_caches == CACHES_MAX) { /* the oldest is the likeliest to be done with */
        wr_drop(&l->caches[0]->ref);
        memmove(l->caches, l->caches + 1, --l->n_caches * sizeof *l->caches);
    }
    l->caches[l->n_caches++] = c;
    *outp = c;
    return WR_OK;
}

static wr_status results_room(results_of *r, uint32_t cap) {
    void *data = wr_reallocn(r->data, cap, r->phys == WR_STR ? sizeof(wr_str) : 8);
    if (!data) return WR_ENOMEM;
    r->data = data;
    const char **whys = wr_reallocn(r->whys, cap, sizeof *whys);
    if (!whys) return WR_ENOMEM;
    r->whys = whys;
    bool *nulls = wr_reallocn(r->nulls, cap, sizeof *nulls);
    if (!nulls) return WR_ENOMEM;
    r->nulls = nulls;
    return WR_OK;
}

static wr_status cache_room(cache *c, uint32_t need) {
    if (need <= c->cap) return WR_OK;
    uint32_t cap = c->cap ? c->cap : 64;
    while (cap < need) cap = cap > UINT32_MAX / 2 ? need : cap * 2;
    for (uint32_t k = 0; k < c->n_of; k++) WR_TRY(results_room(&c->of[k], cap));
    c->cap = cap;
    return WR_OK;
}

/* Result number `at` of an expression is v's value i. */
static wr_status remember(cache *c, results_of *r, uint32_t at, const wri_vec *v, uint32_t i) {
    r->whys[at] = NULL;
    r->nulls[at] = wri_vec_null(v, i);
    if (r->phys == WR_STR) r->str[at] = (wr_str){0};
    else r->i64[at] = 0;
    if (wri_vec_err(v, i)) {
        r->any_err = true;
        r->whys[at] = wr_arena_strdup(&c->ar, v->whys[i]);
        return r->whys[at] ? WR_OK : WR_ENOMEM;
    }
    if (r->nulls[at]) r->any_null = true;
    else if (r->phys == WR_STR) {
        const wr_str *s = &v->str[i];
        r->str[at] = *s;
        if (s->len > WR_STR_INLINE) {
            char *copy = wr_arena_alloc(&c->ar, s->len);
            if (!copy) return WR_ENOMEM;
            r->str[at] = wr_str_make(memcpy(copy, s->ptr, s->len), s->len);
        }
    } else {
        r->i64[at] = v->i64[i];
    }
    return WR_OK;
}

/* m values of the dictionary from place c->n - 1 on; place -1 is the NULL before them all. */
static wr_status next_values(const wri_lift *l, const cache *c, uint32_t m, wr_batch *b, wr_err *err) {
    WR_TRY(wr_batch_col(b, l->col, WR_STR, err));
    wr_col *col = &b->cols[l->col];
    b->n = m;
    for (uint32_t i = 0; i < m; i++) col->str[i] = c->n + i ? c->dict->values[c->n + i - 1] : (wr_str){0};
    if (c->n > 0) return WR_OK;
    if (!wr_batch_nulls(b, col)) return wr_fail_oom(err, "a NULL bitmap");
    wr_bit_set(col->nulls, 0);
    return WR_OK;
}

/* Evaluates the next m values. */
static wr_status extend_by(wri_lift *l, cache *c, uint32_t m, wr_err *err) {
    wr_batch *b;
    WR_TRY(wr_batch_new(l->in.n, m, &b, err));
    wri_vec *v;
    wr_status s = next_values(l, c, m, b, err);
    if (s == WR_OK) s = wri_eval_vec(l->inner, b, NULL, &v, err);
    if (s == WR_OK && cache_room(c, c->n + m) != WR_OK) s = wr_fail_oom(err, "results per distinct value");
    for (uint32_t k = 0; s == WR_OK && k < l->n; k++)
        for (uint32_t i = 0; s == WR_OK && i < m; i++)
            if (remember(c, &c->of[k], c->n + i, wri_eval_part(l->inner, k), i) != WR_OK)
                s = wr_fail_oom(err, "results per distinct value");
    if (s == WR_OK) c->n += m;
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
static wr_status gather_states(wri_vec *v, const results_of *r, const wr_col *in, uint32_t n) {
    if (!in->nulls && !r->any_null && !r->any_err) return WR_OK;
    if (!wri_vec_nulls(v, n)) return WR_ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = wr_is_null(in, i) ? 0 : in->codes[i] + 1;
        if (v->phys == WR_STR) v->str[i] = r->str[at];
        else v->i64[i] = r->i64[at];
        if (r->nulls[at]) wr_bit_set(v->nulls, i);
        if (r->whys[at]) WR_TRY(wri_vec_fail(v, n, i, r->whys[at]));
    }
    return WR_OK;
}

/* One expression's values for the rows of in. */
static wr_status gather(wri_vec *v, const results_of *r, const wr_col *in, uint32_t n, wr_arena *out_ar) {
    if (n > v->cap) { /* bitmaps are made anew at this size */
        free_own(v);
        *v = (wri_vec){.cap = n};
    }
    v->phys = r->phys;
    v->col = WR_NO_COL;
    v->nulls = v->errs = NULL;
    v->data = wr_arena_alloc(out_ar, (size_t)(n ? n : 1) * (r->phys == WR_STR ? sizeof(wr_str) : 8));
    if (!v->data) return WR_ENOMEM;
    if (!in->nulls && r->phys == WR_STR) gather_str(r->str, in->codes, n, v->str);
    else if (!in->nulls) gather_i64(r->i64, in->codes, n, v->i64);
    return gather_states(v, r, in, n);
}

wr_status wri_lift_run(wri_lift *l, wr_batch *in, wr_arena *out_ar, wr_ref **keepp, wr_err *err) {
    const wr_col *col = &in->cols[l->col];
    *keepp = NULL;
    if (!col->codes || !col->dict) {
        wri_vec *first;
        WR_TRY(wri_eval_vec(l->inner, in, out_ar, &first, err));
        for (uint32_t k = 0; k < l->n; k++) l->out[k] = wri_eval_part(l->inner, k);
        return WR_OK;
    }
    cache *c;
    if (find_cache(l, col->dict, &c) != WR_OK) return wr_fail_oom(err, "results per distinct value");
    while (c->n < c->dict->n + 1) {
        uint32_t left = c->dict->n + 1 - c->n;
        WR_TRY(extend_by(l, c, left < WR_BATCH_ROWS ? left : WR_BATCH_ROWS, err));
    }
    for (uint32_t k = 0; k < l->n; k++) {
        if (gather(&l->vecs[k], &c->of[k], col, in->n, out_ar) != WR_OK)
            return wr_fail_oom(err, "results per distinct value");
        l->out[k] = &l->vecs[k];
    }
    *keepp = &c->ref;
    return WR_OK;
}

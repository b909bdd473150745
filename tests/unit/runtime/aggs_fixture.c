/* See aggs_fixture.h. */
#include "aggs_fixture.h"
#include "tests/unit/random.h"

uint64_t fx_random(void) { return rnd64() >> 3; }

void fx_seed(uint64_t seed) {
    rng = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    for (int i = 0; i < 4; i++) fx_random();
}

/* ---- values ---- */

static int64_t random_i64(fx_form form) {
    static const int64_t special[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, 0, 1, -1, INT64_MAX - 1};
    if (form == FX_BOOL) return (int64_t)fx_below(2);
    if (form == FX_SPECIAL) return special[fx_below(WR_LEN(special))];
    int64_t v = (int64_t)(fx_random() << 3 ^ fx_random());
    return form == FX_WIDE ? v : v % 10;
}

static double random_f64(fx_form form) {
    static const double special[] = {
        0.0, -0.0, 1e308, -1e308, 5e-324, -2.5, (double)INFINITY, -(double)INFINITY, (double)NAN, 1.0};
    if (form == FX_SPECIAL) return special[fx_below(WR_LEN(special))];
    double v = (double)(int64_t)fx_random() / 0x1p59 - 1;
    if (form == FX_WIDE) return v * pow(10, (double)fx_below(40) - 20);
    return round(v * 10) / 4;
}

static wr_str random_str(fx_data *d, fx_form form) {
    char buf[64];
    int n = snprintf(buf, sizeof buf, "%.*s%llu", (int)fx_below(form == FX_SMALL ? 2 : 40),
                     "prefix shared by all of the strings here", (unsigned long long)fx_below(30));
    if (fx_below(20) == 0) n = 0;
    return wr_str_make(wr_arena_strndup(&d->ar, buf, (size_t)n), (size_t)n);
}

fx_data *fx_make(uint32_t n, uint32_t n_groups, const wr_type *types, uint32_t n_args, fx_form form,
                 bool nulls) {
    fx_data *d = wr_calloc(1, sizeof *d);
    d->rows = wr_calloc(n + 1, sizeof *d->rows);
    d->n = n;
    d->n_groups = n_groups;
    d->n_args = n_args;
    uint32_t split = 0;
    int64_t pos = 0;
    for (uint32_t i = 0; i < n; i++) {
        fx_row *r = &d->rows[i];
        if (fx_below(40) == 0) { /* a new run; a split is not taken up again, as its positions only rise */
            split++;
            pos = (int64_t)fx_below(1000);
        }
        *r = (fx_row){.gid = 1 + (uint32_t)fx_below(n_groups), .split = split, .pos = pos++};
        r->time = (int64_t)fx_below(12) - 4;
        if (n_groups > 2 && r->gid == 2) r->gid = 1; /* group 2 stays empty */
        for (uint32_t a = 0; a < n_args; a++) {
            d->phys[a] = wr_type_phys(types[a]);
            r->null[a] = nulls && fx_below(4) == 0;
            if (d->phys[a] == WR_I64) r->v[a].i64 = random_i64(form);
            else if (d->phys[a] == WR_F64) r->v[a].f64 = random_f64(form);
            else r->v[a].str = random_str(d, form);
            if (types[a].kind == WR_T_DECIMAL && form != FX_SMALL) r->v[a].i64 /= 1000;
        }
    }
    return d;
}

void fx_free(fx_data *d) {
    wr_arena_free(&d->ar);
    wr_free(d->rows);
    wr_free(d);
}

/* ---- calls ---- */

const wr_agg_def *fx_def(const char *name) {
    for (size_t i = 0; i < wr_n_builtin_aggs; i++)
        if (strcmp(wr_builtin_aggs[i]->name, name) == 0) return wr_builtin_aggs[i];
    cr_assert_fail("no aggregate %s", name);
    return NULL;
}

wr_agg_call fx_call(const char *name, const wr_type *types, uint32_t n_args) {
    wr_agg_call c = {.def = fx_def(name), .n_args = n_args, .filter = WR_NO_COL};
    c.param.null = true;
    if (c.def->by_time) c.param = (wr_value){.f64 = 10e6}; /* ten seconds */
    for (uint32_t a = 0; a < n_args; a++) {
        c.args[a] = a;
        c.arg_types[a] = types[a];
    }
    c.time = n_args;
    c.star = n_args == 0;
    return c;
}

/* ---- states ---- */

fx_table fx_table_new(const wr_agg_call *call, uint32_t n_groups) {
    size_t stride = call->state_bytes + 8; /* one word that no aggregate may touch */
    fx_table t = {.stride = stride, .n_groups = n_groups, .states = wr_calloc(n_groups + 1, stride)};
    cr_assert_eq(call->state_bytes % 8, 0);
    for (uint32_t g = 0; t.states && g <= n_groups; g++)
        memset(t.states + g * stride + call->state_bytes, 0xa5, 8);
    return t;
}

void fx_table_free(const wr_agg_call *call, fx_table *t) {
    for (uint32_t g = 0; g <= t->n_groups; g++) {
        char *s = t->states + g * t->stride;
        for (int k = 0; k < 8; k++)
            cr_assert_eq((uint8_t)s[call->state_bytes + (uint32_t)k], 0xa5, "%s writes past its state",
                         call->def->name);
        if (!call->def->destroy) continue;
        if (g > 0) call->def->destroy(call, s); /* group 0 must not hold memory: ASan tells */
    }
    wr_free(t->states);
    t->states = NULL;
}

/* Rows as a batch: arguments, then time. */
static wr_batch *batch_of(const fx_data *d, uint32_t from, uint32_t n) {
    wr_batch *b;
    cr_assert_eq(wr_batch_new(d->n_args + 1, n ? n : 1, &b, NULL), WR_OK);
    b->n = n;
    b->split = d->rows[from].split;
    b->pos = d->rows[from].pos;
    for (uint32_t a = 0; a <= d->n_args; a++) {
        cr_assert_eq(wr_batch_col(b, a, a < d->n_args ? d->phys[a] : WR_I64, NULL), WR_OK);
        wr_col *c = &b->cols[a];
        for (uint32_t i = 0; i < n; i++) {
            const fx_row *r = &d->rows[from + i];
            if (a == d->n_args) c->i64[i] = r->time;
            else if (r->null[a]) {
                wr_bit_set(wr_batch_nulls(b, c), i);
                if (c->phys == WR_STR) c->str[i] = wr_str_make("", 0);
                else c->i64[i] = 0;
            } else if (c->phys == WR_STR) c->str[i] = r->v[a].str;
            else c->i64[i] = r->v[a].i64;
        }
    }
    return b;
}

wr_status fx_update(const wr_agg_call *call, fx_table *t, const fx_data *d, uint32_t from, uint32_t n) {
    uint64_t fail = wr_mem_fail_at(0); /* making the batch is not what is tested */
    (void)fail;
    wr_batch *b = batch_of(d, from, n);
    uint32_t *gids = malloc((n + 1) * sizeof *gids);
    for (uint32_t i = 0; i < n; i++) gids[i] = d->rows[from + i].gid;
    wr_agg_in in = {.n = n, .split = b->split, .pos = b->pos, .time = &b->cols[d->n_args]};
    for (uint32_t a = 0; a < d->n_args; a++) in.args[a] = &b->cols[a];
    wr_status s = call->def->update(call, &in, t->states, t->stride, gids, NULL);
    free(gids);
    wr_batch_drop(b); /* the state must own what it needs */
    return s;
}

static uint32_t *all_groups(uint32_t n) {
    uint32_t *gids = malloc((n + 1) * sizeof *gids);
    for (uint32_t i = 0; i < n; i++) gids[i] = i + 1;
    return gids;
}

wr_batch *fx_partial(const wr_agg_call *call, const fx_table *t, wr_status *sp) {
    wr_batch *out;
    uint32_t *gids = all_groups(t->n_groups);
    *sp = wr_batch_new(call->n_partials + 1, t->n_groups, &out, NULL);
    if (*sp == WR_OK) {
        out->n = t->n_groups;
        *sp = call->def->partial(call, t->states, t->stride, gids, t->n_groups, out, 1, NULL);
        for (uint32_t k = 0; *sp == WR_OK && k < call->n_partials; k++)
            cr_assert_eq(out->cols[k + 1].phys, wr_type_phys(call->partials[k]));
        if (*sp != WR_OK) {
            wr_batch_drop(out);
            out = NULL;
        }
    }
    free(gids);
    return out;
}

wr_status fx_merge(const wr_agg_call *call, fx_table *t, const wr_batch *partials) {
    uint32_t *gids = all_groups(t->n_groups);
    wr_agg_in in = {.n = partials->n, .split = WR_NO_SPLIT};
    for (uint32_t k = 0; k < call->n_partials; k++) in.args[k] = &partials->cols[k + 1];
    wr_status s = call->def->merge(call, &in, t->states, t->stride, gids, NULL);
    free(gids);
    return s;
}

wr_batch *fx_finish(const wr_agg_call *call, fx_table *t, uint64_t *failed, wr_status *sp) {
    wr_batch *out;
    uint32_t *gids = all_groups(t->n_groups);
    memset(failed, 0, FX_FAILED_WORDS * sizeof *failed);
    *sp = wr_batch_new(1, t->n_groups, &out, NULL);
    if (*sp == WR_OK) {
        out->n = t->n_groups;
        *sp = call->def->finish(call, t->states, t->stride, gids, t->n_groups, out, 0, failed, NULL);
        if (*sp == WR_OK) cr_assert_eq(out->cols[0].phys, wr_type_phys(call->type));
        else {
            wr_batch_drop(out);
            out = NULL;
        }
    }
    free(gids);
    return out;
}

/* ---- ways ---- */

static uint32_t run_length(const fx_data *d, uint32_t from) {
    uint32_t n = 1;
    while (from + n < d->n && d->rows[from + n].split == d->rows[from].split) n++;
    return n;
}

/* Folds the states of n tables into fewer, at random, until one is left. */
static fx_table merge_tree(const wr_agg_call *call, fx_table *tables, uint32_t n, uint32_t n_groups) {
    bool once_more = fx_below(2);
    while (n > 1 || once_more) {
        if (n == 1) once_more = false;
        uint32_t fewer = n > 2 ? 1 + (uint32_t)fx_below(n - 1) : 1;
        fx_table next[8];
        for (uint32_t k = 0; k < fewer; k++) next[k] = fx_table_new(call, n_groups);
        for (uint32_t k = 0; k < n; k++) {
            wr_status s;
            wr_batch *p = fx_partial(call, &tables[k], &s);
            cr_assert_eq(s, WR_OK);
            fx_table_free(call, &tables[k]); /* partials must not look at the states any more */
            cr_assert_eq(fx_merge(call, &next[fx_below(fewer)], p), WR_OK);
            wr_batch_drop(p);
        }
        memcpy(tables, next, sizeof next);
        n = fewer;
    }
    return tables[0];
}

/* A state is read now and then and goes on taking rows, as in a cumulating window. */
static void read_in_between(const wr_agg_call *call, fx_table *t) {
    uint64_t failed[FX_FAILED_WORDS];
    wr_status s;
    wr_batch *b = fx_below(2) ? fx_partial(call, t, &s) : fx_finish(call, t, failed, &s);
    cr_assert_eq(s, WR_OK);
    wr_batch_drop(b);
}

wr_batch *fx_run(const wr_agg_call *call, const fx_data *d, uint64_t way, uint64_t *failed) {
    fx_table tables[8];
    uint32_t n_tables = 1, piece_max = UINT32_MAX;
    if (way) {
        fx_seed(way);
        n_tables = 1 + (uint32_t)fx_below(7);
        piece_max = 1 + (uint32_t)fx_below(60);
    }
    for (uint32_t k = 0; k < n_tables; k++) tables[k] = fx_table_new(call, d->n_groups);
    for (uint32_t at = 0; at < d->n;) {
        uint32_t n = run_length(d, at);
        if (n > piece_max) n = 1 + (uint32_t)fx_below(piece_max);
        uint32_t k = (uint32_t)fx_below(n_tables);
        cr_assert_eq(fx_update(call, &tables[k], d, at, n), WR_OK);
        if (way && fx_below(10) == 0) read_in_between(call, &tables[k]);
        at += n;
    }
    if (way) tables[0] = merge_tree(call, tables, n_tables, d->n_groups);
    wr_status s;
    wr_batch *out = fx_finish(call, &tables[0], failed, &s);
    cr_assert_eq(s, WR_OK);
    wr_batch *again = fx_finish(call, &tables[0], failed, &s); /* reading changes nothing */
    for (uint32_t i = 0; i < d->n_groups; i++) cr_assert(fx_same(&out->cols[0], &again->cols[0], i));
    wr_batch_drop(again);
    fx_table_free(call, &tables[0]);
    return out;
}

bool fx_same(const wr_col *a, const wr_col *b, uint32_t i) {
    if (wr_is_null(a, i) || wr_is_null(b, i)) return wr_is_null(a, i) && wr_is_null(b, i);
    if (a->phys == WR_STR) return wr_str_eq(&a->str[i], &b->str[i]);
    return a->i64[i] == b->i64[i];
}

static bool close_enough(const wr_col *a, const wr_col *b, uint32_t i, double tolerance) {
    if (fx_same(a, b, i)) return true;
    if (tolerance == 0 || wr_is_null(a, i) || wr_is_null(b, i)) return false;
    double x = a->f64[i], y = b->f64[i];
    return (isnan(x) && isnan(y)) || fabs(x - y) <= tolerance * fmax(fabs(x), fabs(y));
}

wr_batch *fx_check_ways(const wr_agg_call *call, const fx_data *d, uint32_t ways, double tolerance,
                        uint64_t *failed) {
    wr_batch *first = fx_run(call, d, 0, failed);
    uint64_t seed = fx_random() | 1;
    for (uint32_t w = 0; w < ways; w++) {
        uint64_t other_failed[FX_FAILED_WORDS];
        wr_batch *other = fx_run(call, d, seed + w * 2, other_failed);
        for (uint32_t i = 0; i < d->n_groups; i++) {
            cr_assert(close_enough(&first->cols[0], &other->cols[0], i, tolerance), "%s: group %u, way %llu",
                      call->def->name, i + 1, (unsigned long long)(seed + w * 2));
            cr_assert_eq(wr_bit(failed, i), wr_bit(other_failed, i));
        }
        wr_batch_drop(other);
    }
    fx_seed(seed);
    return first;
}

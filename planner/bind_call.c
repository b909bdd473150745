/* planner/bind_call.c -- function calls: who is meant, and the checks common to all.
 *
 * A name is looked for among the script's own SQL functions, the calls with a lowering of their own
 * (bind_special.c), the registry's functions, and last, for the message only, among aggregates and the
 * functions of windows: those are the caller's, by its hook. */
#include "bind_int.h"

const wr_func_def *wri_func_by_name(wri_binder *b, const char *name) {
    static const char *const also[][2] = {
        {"SUBSTRING", "SUBSTR"},
        {"SUBSTR", "SUBSTRING"},
        {"CHARACTER_LENGTH", "CHAR_LENGTH"},
        {"CHAR_LENGTH", "LENGTH"},
        {"CHARACTER_LENGTH", "LENGTH"},
        {"LENGTH", "CHAR_LENGTH"},
        {"POW", "POWER"},
        {"POWER", "POW"},
        {"LCASE", "LOWER"},
        {"UCASE", "UPPER"},
        {"CEILING", "CEIL"},
        {"CEIL", "CEILING"},
        {"FAST_REGEX_LOG_PARSER", "FAST_REGEX_LOG_PARSE"},
    };
    const wr_func_def *f = NULL;
    if (b->kda) {
        const char *kda = wr_arena_printf(b->d->ar, "KDA_%s", name);
        f = kda ? wri_find_func(b->reg, kda) : NULL;
    }
    if (!f) f = wri_find_func(b->reg, name);
    for (size_t i = 0; !f && i < WR_LEN(also); i++)
        if (wri_same_name(also[i][0], name)) f = wri_find_func(b->reg, also[i][1]);
    return f;
}

const char *wri_types_text(wri_binder *b, wr_expr *const *args, uint32_t n) {
    const char *s = "";
    for (uint32_t i = 0; s && i < n && i <= WRI_NAMES_SHOWN; i++)
        s = wr_arena_printf(b->d->ar, "%s%s%s", s, i ? ", " : "",
                            i < WRI_NAMES_SHOWN ? wri_type_text(b, args[i]->type) : "…");
    return s ? s : "…";
}

/* A constant pattern, zone, path is checked here, where its place is known; others row by row. */
static bool right_form(wri_binder *b, char letter, const wr_expr *e) {
    if (!b->reg->check || e->kind != WR_X_CONST || e->value.null || wr_type_phys(e->type) != WR_STR)
        return true;
    const char *why = b->reg->check(letter, &e->value.str, b->d->ar);
    if (why) wri_bind_error(b, e->loc, NULL, "%s", why);
    return !why;
}

/* Functions of moments; all others that take a TIMESTAMP look at what clocks show. */
static bool takes_moment(const wr_func_def *f) {
    return strcmp(f->name, "UNIX_TIMESTAMP") == 0 || strcmp(f->name, "FROM_UTC_TIMESTAMP") == 0;
}

wr_expr *wri_apply_func_as(wri_binder *b, const wr_func_def *f, wr_loc loc, uint32_t n, wr_expr *const *args,
                           const wr_type *as) {
    for (uint32_t i = 0; i < n; i++)
        if (wri_is_bad(args[i])) return &wri_failed;
    wri_sig_match m;
    if (!wri_match_signature(f, args, n, &m))
        return wri_bind_error(b, loc, wri_signature_hint(b, f, args, n), "%s takes %s, found (%s)", f->name,
                              wri_signature_text(b, f), wri_types_text(b, args, n));
    wr_expr **cast = wr_arena_alloc(b->ar, (n + 1) * sizeof *cast);
    if (!cast) return &wri_failed;
    for (uint32_t i = 0; i < n; i++) {
        wr_type to = wri_sig_arg_type(&m, i, args[i]->type);
        if (wri_has_clock(b, args[i]->type) && to.kind == WR_T_TIMESTAMP) {
            if (takes_moment(f)) to = args[i]->type;
            else to.local_tz = false;
        }
        bool read = wr_kind_is_time((wr_kind)to.kind) && wri_is_char(args[i]->type);
        cast[i] = read ? wri_text_to_time(b, args[i], to) : wri_convert(b, args[i], to);
        if (wri_is_bad(cast[i]) || !right_form(b, wri_sig_letter(&m, i), cast[i])) return &wri_failed;
    }
    return wri_mk_func(b, f, as && as->kind == m.result.kind ? *as : m.result, loc, n, cast);
}

wr_expr *wri_apply_func(wri_binder *b, const wr_func_def *f, wr_loc loc, uint32_t n, wr_expr *const *args) {
    return wri_apply_func_as(b, f, loc, n, args, NULL);
}

/* ---- what belongs to aggregates only ---- */

static const char *aggregate_clause(const wr_ast *e) {
    const wr_call *c = e->call;
    if (c->distinct) return "DISTINCT";
    if (c->star) return "'*'";
    if (c->filter) return "FILTER";
    if (c->n_within) return c->order_inside ? "ORDER BY" : "WITHIN GROUP";
    if (c->ignore_nulls || c->respect_nulls) return c->ignore_nulls ? "IGNORE NULLS" : "RESPECT NULLS";
    return c->from_last ? "FROM LAST" : NULL;
}

/* TUMBLE_START and the like: "TUMBLE", or NULL. */
static const char *window_of(const char *name) {
    static const char *const windows[] = {"TUMBLE", "HOP", "SESSION", "CUMULATE"};
    static const char *const parts[] = {"_START", "_END", "_ROWTIME", "_PROCTIME"};
    char text[32];
    for (size_t w = 0; w < WR_LEN(windows); w++)
        for (size_t i = 0; i < WR_LEN(parts); i++) {
            size_t n = strlen(windows[w]);
            memcpy(text, windows[w], n);
            memcpy(text + n, parts[i], strlen(parts[i]) + 1);
            if (wri_same_name(text, name)) return windows[w];
        }
    return NULL;
}

static bool is_window_function(const char *name) {
    static const char *const names[] = {"TUMBLE", "HOP", "SESSION", "CUMULATE"};
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (wri_same_name(names[i], name)) return true;
    return false;
}

/* ---- unknown names ---- */

static const char *nearest_function(wri_binder *b, const char *name) {
    size_t n_special = 0, n = 0;
    while (wri_special_name(n_special)) n_special++;
    size_t n_names = b->reg->n_funcs + b->reg->n_aggs + n_special + b->n_functions;
    const char **names = wr_arena_alloc(b->d->ar, (n_names + 1) * sizeof *names);
    if (!names) return NULL;
    for (size_t i = 0; i < b->reg->n_funcs; i++) names[n++] = b->reg->funcs[i]->name;
    for (size_t i = 0; i < b->reg->n_aggs; i++) names[n++] = b->reg->aggs[i]->name;
    for (size_t i = 0; i < n_special; i++) names[n++] = wri_special_name(i);
    for (uint32_t i = 0; i < b->n_functions; i++)
        names[n++] = b->functions[i]->name.parts[b->functions[i]->name.n - 1].text;
    return n ? wr_nearest(name, names, n, sizeof *names) : NULL;
}

/* What other systems call what is called otherwise here; NULL: nothing of that name is known. */
static const char *other_name(const char *name) {
    static const struct {
        const char *theirs, *ours;
    } names[] = {{"LEN", "CHAR_LENGTH(s)"},
                 {"ISNULL", "COALESCE(x, value), or x IS NULL"},
                 {"GETDATE", "CURRENT_TIMESTAMP"},
                 {"SYSDATE", "CURRENT_TIMESTAMP"},
                 {"GETUTCDATE", "CURRENT_TIMESTAMP"},
                 {"CONCATENATE", "CONCAT(a, b), or a || b"},
                 {"DATEADD", "t + INTERVAL '5' MINUTE"},
                 {"DATE_ADD", "t + INTERVAL '5' MINUTE"},
                 {"DATE_SUB", "t - INTERVAL '5' MINUTE"},
                 {"DATEPART", "EXTRACT(HOUR FROM t)"},
                 {"DATE_PART", "EXTRACT(HOUR FROM t)"},
                 {"DATE_TRUNC", "FLOOR(t TO HOUR)"},
                 {"TIME_BUCKET", "STEP(t BY INTERVAL '5' MINUTE), or the window function TUMBLE"},
                 {"STEP", "STEP(t BY INTERVAL '5' MINUTE)"},
                 {"CONVERT", "CAST(x AS type)"},
                 {"TO_CHAR", "DATE_FORMAT(t, 'yyyy-MM-dd'), or CAST(x AS VARCHAR)"},
                 {"TO_NUMBER", "CAST(s AS DOUBLE)"},
                 {"STRING_AGG", "LISTAGG(s, ',')"},
                 {"GROUP_CONCAT", "LISTAGG(s, ',')"},
                 {"CHARINDEX", "POSITION(a IN s)"},
                 {"IIF", "CASE WHEN condition THEN a ELSE b END"},
                 {"RAND_INT", "RAND_INTEGER(n)"},
                 {"JSON_EXTRACT", "JSON_VALUE(j, '$.path')"},
                 {"GET_JSON_OBJECT", "JSON_VALUE(j, '$.path')"}};
    for (size_t i = 0; i < WR_LEN(names); i++)
        if (wri_same_name(name, names[i].theirs)) return names[i].ours;
    return NULL;
}

static wr_expr *not_a_function(wri_binder *b, const wr_ast *e, const char *name) {
    wr_loc at = e->name.parts[e->name.n - 1].loc;
    const char *window = window_of(name);
    if (window) return wri_bind_error(b, e->loc, NULL, "%s needs GROUP BY %s(…)", name, window);
    if (wri_same_name(name, "GROUPING") || wri_same_name(name, "GROUPING_ID"))
        return wri_bind_error(b, e->loc, "for example GROUP BY ROLLUP (a, b)", "%s needs GROUP BY", name);
    if (is_window_function(name))
        return wri_bind_error(b, e->loc, NULL, "%s stands in GROUP BY, or in FROM TABLE(%s(…))", name, name);
    if (wri_is_over_only(name))
        return wri_bind_error(b, e->loc, "for example OVER (PARTITION BY k ORDER BY ts)", "%s needs OVER (…)",
                              name);
    if (wri_agg_of(b, e))
        return wri_bind_error(b, e->loc,
                              "aggregates stand in SELECT, HAVING and ORDER BY, not within each other",
                              "%s is an aggregate and cannot be used here", name);
    for (size_t i = 0; wri_special_name(i); i++) /* one that needs a function the registry lacks */
        if (wri_same_name(wri_special_name(i), name))
            return wri_bind_unsupported(b, e->loc, wri_special_name(i));
    const char *ours = other_name(name), *near = ours ? NULL : nearest_function(b, name);
    const char *hint = ours   ? wr_arena_printf(b->d->ar, "here it is written %s", ours)
                       : near ? wr_arena_printf(b->d->ar, "did you mean '%s'?", near)
                              : "weir help functions lists those there are";
    return wri_bind_error(b, at, hint, "function '%s' does not exist", name);
}

wr_expr *wri_bind_call(wri_binder *b, const wr_ast *e) {
    const char *name = e->name.parts[e->name.n - 1].text, *clause = aggregate_clause(e);
    if (e->call->over) return wri_bind_unsupported(b, e->loc, "a window function (OVER)");
    wr_expr *x = clause ? NULL : wri_bind_inline(b, e);
    if (x) return x;
    const wr_func_def *f = wri_func_by_name(b, name);
    if (clause && (f || !wri_agg_of(b, e)))
        return wri_bind_error(b, e->loc, NULL, "%s belongs to aggregates, and %s is none", clause, name);
    if (!clause && (x = wri_bind_special(b, e))) return x;
    if (!f) return not_a_function(b, e, name);
    if (f->row)
        return wri_bind_error(b, e->loc,
                              wr_arena_printf(b->d->ar,
                                              "write SELECT t.r.COLUMN1 FROM (SELECT %s(…) AS r FROM …) AS t",
                                              f->name),
                              "%s gives a row of several columns, not a value", f->name);
    wr_expr **args;
    return wri_bind_args(b, e, 0, &args) ? wri_apply_func(b, f, e->loc, e->n_args, args) : &wri_failed;
}

/* planner/script.c -- a script becomes one plan.
 *
 *   1. walk the statements in order: the catalog, feeds (INSERT, pumps, … AS), settings
 *   2. plan every query; what nobody needs is dropped later, but its errors are reported
 *   3. a sink for each stream with a connector that is fed, and for each bare SELECT
 *   4. rules, pruning, stages
 *
 * Streams are fed and read in any order of statements, so queries are planned on demand: a reader asks
 * for the stream's feeds first. What a query sees is what was created before its own statement. EXPLAIN is a
 * plan of its own, made from the same script with only the explained statement's results wanted. */
#include <strings.h>

#include "plan_int.h"

const char *wri_suggest(wri_ctx *c, const char *near) {
    return near ? wri_text(c, "did you mean '%s'?", near) : NULL;
}

uint32_t wri_line(const wri_ctx *c, wr_loc loc) {
    uint32_t line, col;
    wr_line_col(c->d->text, c->d->len, loc.at, &line, &col);
    return line;
}

void wri_failed_silently(wri_ctx *c) {
    if (!c->d->errors) c->oom = true;
}

bool wri_is_output(const wri_ctx *c, uint32_t seq) { return c->only == 0 || c->only == seq; }

bool wri_setting_given(const wri_ctx *c, const char *name) {
    for (uint32_t i = 0; i < c->script->n; i++) {
        const wr_stmt *s = c->script->stmts[i];
        if (s->kind == WR_S_SET && s->name.n == 1 && strcasecmp(s->name.parts[0].text, name) == 0)
            return true;
    }
    return false;
}

/* ---- binders ---- */

void wri_binder_init(wri_q *q, wri_binder *b, const wri_scope *scope) {
    wri_ctx *c = q->c;
    *b = (wri_binder){.ar = c->ar,
                      .d = c->d,
                      .reg = c->reg,
                      .scope = scope,
                      .kda = q->kda,
                      .zone = c->zone,
                      .subs = q->subs,
                      .outer = q->outer};
    uint32_t n = 0;
    for (const wri_func *f = c->funcs; f; f = f->next) n++;
    wr_stmt **all = n ? wri_new_n(c, n, sizeof *all) : NULL;
    const wr_func_def **natives = n ? wri_new_n(c, n, sizeof *natives) : NULL;
    const wr_agg_def **aggs = n ? wri_new_n(c, n, sizeof *aggs) : NULL;
    if (!all || !natives || !aggs) return;
    n = 0;
    for (const wri_func *f = c->funcs; f; f = f->next) {
        if (f->seq >= q->seq || q->seq > f->until) continue;
        natives[n] = f->native;
        aggs[n] = f->agg;
        all[n++] = f->stmt;
    }
    b->functions = all;
    b->natives = natives;
    b->aggs = aggs;
    b->n_functions = n;
}

const char *wri_border_part(const char *name) {
    static const char *const fns[] = {"TUMBLE_", "HOP_", "CUMULATE_", "SESSION_"};
    static const char *const parts[] = {"START", "END", "ROWTIME", "PROCTIME"};
    for (size_t i = 0; i < WR_LEN(fns); i++) {
        size_t n = strlen(fns[i]);
        for (size_t k = 0; strncasecmp(name, fns[i], n) == 0 && k < WR_LEN(parts); k++)
            if (strcasecmp(name + n, parts[k]) == 0) return name + n;
    }
    return NULL;
}

static wr_expr *refuse_aggregate(wri_binder *b, const wr_ast *e, const char *name, const char *where) {
    if (strcmp(where, "an aggregate") == 0)
        wr_diag_add(b->d, WR_ERROR, WR_ESQL, e->loc, "aggregate in a subquery first",
                    "%s inside an aggregate: aggregates cannot be nested", name);
    else
        wr_diag_add(b->d, WR_ERROR, WR_ESQL, e->loc,
                    strcmp(where, "WHERE") == 0 ? "filter groups with HAVING"
                                                : "aggregate in a subquery first",
                    "aggregate %s is not allowed in %s", name, where);
    return &wri_failed;
}

wr_expr *wri_refuse(wri_binder *b, const wr_ast *e, const char *where) {
    const char *later = NULL;
    switch (e->kind) {
    case WR_A_CALL: {
        if (e->call->over) {
            wr_diag_add(b->d, WR_ERROR, WR_ESQL, e->loc,
                        strcmp(where, "WHERE") == 0 ? "filter by QUALIFY" : "compute it in a subquery first",
                        "OVER cannot stand in %s",
                        strcmp(where, "SELECT") == 0 ? "HAVING, nor inside of OVER" : where);
            return &wri_failed;
        }
        if (e->name.n != 1) return NULL;
        const wr_agg_def *def = wri_agg_of(b, e);
        if (def) return refuse_aggregate(b, e, def->name, where);
        const char *name = e->name.parts[0].text, *part = wri_border_part(name);
        if (!part) return NULL;
        wr_diag_add(b->d, WR_ERROR, WR_ESQL, e->loc,
                    wr_arena_printf(b->ar, "add GROUP BY %.*s(…)", (int)(part - name - 1), name),
                    "%s needs a window in GROUP BY", name);
        return &wri_failed;
    }
    case WR_A_SUBQUERY:
        later = "a subquery as a value";
        break;
    case WR_A_EXISTS:
        later = "EXISTS";
        break;
    case WR_A_IN:
        later = e->query ? "IN with a subquery" : NULL;
        break;
    case WR_A_CURSOR:
        later = "CURSOR";
        break;
    default:
        break;
    }
    if (!later) return NULL;
    wr_diag_add(b->d, WR_ERROR, WR_EUNSUPPORTED, e->loc, NULL, "%s is not supported yet", later);
    return &wri_failed;
}

static wr_expr *scalar_hook(void *ctx, wri_binder *b, const wr_ast *e) { return wri_refuse(b, e, ctx); }

void wri_binder_scalar(wri_q *q, wri_binder *b, const wri_scope *scope, const char *where) {
    wri_binder_init(q, b, scope);
    b->hook = scalar_hook;
    b->hook_ctx = (void *)(uintptr_t)where;
}

/* ---- statements ---- */

static void insert(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    wri_stream *into = wri_target(c, &s->target, seq);
    if (into) wri_add_feed(c, s, seq, into, wri_text(c, "INSERT INTO %s", into->def->name));
}

static void walk_one(wri_ctx *c, wr_stmt *s, uint32_t seq) {
    if (s->kind == WR_S_EXPLAIN && c->only == seq) s = s->inner;
    switch (s->kind) {
    case WR_S_CREATE_STREAM:
        wri_create_stream(c, s, seq);
        break;
    case WR_S_CREATE_VIEW:
        wri_create_view(c, s, seq);
        break;
    case WR_S_CREATE_PUMP:
        wri_create_pump(c, s, seq);
        break;
    case WR_S_CREATE_FUNCTION:
        wri_create_function(c, s, seq);
        break;
    case WR_S_INSERT:
        insert(c, s, seq);
        break;
    case WR_S_DROP:
        wri_drop(c, s, seq);
        break;
    case WR_S_ALTER:
        wri_alter(c, s, seq);
        break;
    default:
        break; /* queries come later, SET before; the rest only informs */
    }
}

static const char *set_name(wri_ctx *c, const wr_stmt *s) {
    const char *name = s->name.parts[0].text;
    for (uint32_t i = 1; name && i < s->name.n; i++) name = wri_text(c, "%s.%s", name, s->name.parts[i].text);
    return name;
}

static bool zone_exists(wri_ctx *c, const wr_stmt *s) {
    wr_str name = wr_str_make(s->value, strlen(s->value));
    const char *why = c->reg->check ? c->reg->check('z', &name, c->ar) : NULL;
    if (why) wri_error(c, s->loc, NULL, "SET time_zone: %s", why);
    return !why;
}

/* SET statements into *out; the last one of a name counts. */
static void settings(wri_ctx *c, wr_settings *out) {
    const wr_registry *reg = c->reg;
    uint32_t n = 0;
    wr_kv *kvs = wri_new_n(c, c->script->n, sizeof *kvs);
    const wr_stmt **from = wri_new_n(c, c->script->n, sizeof(wr_stmt *));
    if (!kvs || !from) return;
    for (uint32_t i = 0; i < c->script->n; i++) {
        const wr_stmt *s = c->script->stmts[i];
        if (s->kind != WR_S_SET) continue;
        wr_kv kv = {.key = set_name(c, s), .value = s->value, .at = s->loc.at};
        if (!kv.key) return;
        uint32_t at = 0;
        while (at < n && strcasecmp(kvs[at].key, kv.key) != 0) at++;
        bool known = false;
        wr_settings one;
        size_t culprit;
        wr_err err = {0};
        wr_status st = wr_options_read(reg->set_options, reg->n_set_options, &kv, 1, &known, &one, sizeof one,
                                       &culprit, &err);
        if (!known && st == WR_OK) {
            const char *near = reg->n_set_options ? wr_nearest(kv.key, &reg->set_options[0].name,
                                                               reg->n_set_options, sizeof reg->set_options[0])
                                                  : NULL;
            wri_error(c, s->name.loc, wri_suggest(c, near), "there is no setting '%s'", kv.key);
            continue;
        }
        if (st != WR_OK) {
            wri_error(c, s->loc, NULL, "SET: %s", err.msg);
            continue;
        }
        if (strcasecmp(kv.key, "time_zone") == 0 && !zone_exists(c, s)) continue;
        kvs[at] = kv;
        if (at == n) n++;
    }
    size_t culprit;
    wr_err err = {0};
    if (wr_options_read(reg->set_options, reg->n_set_options, kvs, n, NULL, out, sizeof *out, &culprit,
                        &err) != WR_OK)
        c->oom = true; /* each was read before */
}

/* ---- planning ---- */

static void plan_stmt(wri_ctx *c, const wr_stmt *s, uint32_t seq) {
    if (s->kind == WR_S_EXPLAIN && c->only == seq) s = s->inner;
    if (s->kind != WR_S_QUERY) return;
    wri_q q = {.c = c, .seq = seq, .kda = s->query->stream};
    wr_node *n = wri_plan_query(&q, s->query);
    if (n && wri_is_output(c, seq)) n = wri_sink_node(c, n, NULL, "SELECT", s->loc);
    else return;
    if (n) wri_sink_changelog(c, n, NULL, 0);
}

static void plan_all(wri_ctx *c) {
    for (wri_stream *st = c->streams; st; st = st->next) wri_stream_ready(c, st);
    for (wri_view *v = c->views; v; v = v->next) {
        wri_q q = {.c = c, .seq = v->seq};
        wri_read_view(&q, v, v->stmt->loc);
    }
    for (wri_feed *f = c->feeds; f; f = f->next) wri_plan_feed(c, f);
    for (uint32_t i = 0; i < c->script->n; i++) plan_stmt(c, c->script->stmts[i], i + 1);
    for (wri_stream *st = c->streams; st; st = st->next) wri_plan_sinks(c, st);
}

static bool informs(const wr_stmt *s) {
    return s->kind == WR_S_EXPLAIN || s->kind == WR_S_SHOW || s->kind == WR_S_DESCRIBE;
}

/* No sink: say why, at the statement that came nearest to making one. */
static void nothing_to_run(wri_ctx *c) {
    for (uint32_t i = 0; i < c->script->n; i++)
        if (informs(c->script->stmts[i])) return;
    const wri_feed *f = c->feeds;
    if (f && f->stmt) {
        wri_error(c, f->stmt->loc,
                  wri_text(c, "add SELECT * FROM %s, or CREATE STREAM %s … WITH (connector = …)",
                           f->into->def->name, f->into->def->name),
                  f->off ? "nothing to run: the pump into '%s' is stopped"
                         : "nothing to run: '%s' is fed, but nothing reads it and it has no connector",
                  f->into->def->name);
        return;
    }
    wr_loc loc = c->script->n ? c->script->stmts[c->script->n - 1]->loc : (wr_loc){0, 0};
    wri_error(c, loc, "add a SELECT, or an INSERT INTO a stream with a connector",
              "nothing to run: the script has no SELECT, INSERT or pump");
}

static const char *last_text(const wr_name *name) { return name->parts[name->n - 1].text; }

/* What the statements are called when rows of theirs fail. */
static bool name_stmts(wri_ctx *c, wr_plan *plan) {
    uint32_t queries = 0, line, col;
    plan->stmts = wri_new_n(c, c->script->n, sizeof *plan->stmts);
    if (!plan->stmts) return false;
    for (uint32_t i = 0; i < c->script->n; i++) {
        const wr_stmt *s = c->script->stmts[i];
        wr_plan_stmt to = {.at = s->loc.at, .stream = true};
        if (s->kind == WR_S_EXPLAIN && c->only) s = s->inner;
        if (s->kind == WR_S_CREATE_STREAM) to.name = last_text(&s->name);
        else if (s->kind == WR_S_INSERT || s->kind == WR_S_CREATE_PUMP) to.name = last_text(&s->target);
        if (s->kind == WR_S_CREATE_PUMP) to.pump = last_text(&s->name);
        if (s->kind == WR_S_QUERY) {
            wr_line_col(c->d->text, c->d->len, s->loc.at, &line, &col);
            to.name = wri_text(c, "query %u, line %u", ++queries, line);
            to.stream = false;
        } else if (s->kind == WR_S_CREATE_VIEW) {
            to.name = wri_text(c, "view %s", last_text(&s->name));
            to.stream = false;
        }
        if (to.name) plan->stmts[plan->n_stmts++] = to;
    }
    return !c->oom;
}

/* A plan of the script, or of statement `only`. False: see diagnostics, or c->oom. */
static bool plan_job(wri_ctx *c, wr_plan *plan) {
    c->last_feed = &c->feeds;
    if (!wri_catalog_init(c)) return false;
    settings(c, &plan->settings);
    c->settings = &plan->settings;
    if (plan->settings.time_zone && strcmp(plan->settings.time_zone, "UTC") != 0)
        c->zone = plan->settings.time_zone;
    for (uint32_t i = 0; i < c->script->n && !c->oom; i++) walk_one(c, c->script->stmts[i], i + 1);
    wri_catalog_link(c);
    if (!c->oom) plan_all(c);
    if (c->oom || c->d->errors) return false;
    if (c->n_sinks == 0) {
        nothing_to_run(c);
        return c->d->errors == 0;
    }
    if (!c->only) wri_warn_unread(c);
    return wri_check_changes(c) && wri_rules(c) && wri_stages(c, plan) && name_stmts(c, plan);
}

wr_status wri_explain_stmt(wri_ctx *outer, uint32_t seq, wr_plan *plan) {
    wri_ctx c = {.ar = outer->ar, .d = outer->d, .reg = outer->reg, .script = outer->script, .only = seq};
    size_t n_diags = outer->d->n;
    memset(plan, 0, sizeof *plan);
    bool ok = plan_job(&c, plan);
    if (c.oom) outer->oom = true;
    if (ok) outer->d->n = n_diags; /* its warnings were given already */
    return ok ? WR_OK : c.oom ? WR_ENOMEM : WR_ESQL;
}

wr_status wr_plan_script(const wr_script *script, const wr_registry *reg, wr_arena *ar, wr_diags *d,
                         wr_plan *outp) {
    wri_ctx c = {.ar = ar, .d = d, .reg = reg, .script = script};
    memset(outp, 0, sizeof *outp);
    bool ok = plan_job(&c, outp) && wri_notes(&c, outp);
    if (ok && !c.oom && !d->errors) return WR_OK;
    memset(outp, 0, sizeof *outp);
    /* A failure that nobody reported is memory that ran out in the binder. */
    return c.oom || !d->errors ? WR_ENOMEM : WR_ESQL;
}

/* cli/test_script.c -- weir test: a script as it is in production, with its connectors replaced.
 *
 * The text is parsed once to see which streams it declares, and once more with statements behind it that the
 * sections ask for. Then, in the tree, before it is planned:
 *
 *   given s      s reads the given rows (connector 'given'), live as what it declares is; a stream that the
 * script does not declare gets the columns of the section, and stands before all else expect s     where s
 * goes outside it is written to a file instead; where it stays inside, a statement behind the script writes
 * its rows to one the rest     what is fed and goes to a system outside goes nowhere (connector 'blackhole')
 *
 * A stream that reads from a system outside and has no given rows is an error: no test may depend on one. */
#include "test_int.h"

#include <limits.h>
#include <strings.h>

/* ---- names ---- */

static const char *last_name(const wr_name *n) { return n->n ? n->parts[n->n - 1].text : ""; }

static bool same(const char *a, const char *b) { return strcasecmp(a, b) == 0; }

/* The last statement that declares a stream of this name: as spelt, or else in any case. */
static wr_stmt *declaration(const wr_script *sc, const char *name) {
    wr_stmt *found = NULL;
    for (uint32_t i = 0; i < sc->n; i++) {
        wr_stmt *s = sc->stmts[i];
        if (s->kind != WR_S_CREATE_STREAM || !same(last_name(&s->name), name)) continue;
        if (!found || strcmp(last_name(&s->name), name) == 0) found = s;
    }
    return found;
}

static const char *option(const wr_stmt *s, const char *key) {
    for (uint32_t i = 0; i < s->n_options; i++)
        if (same(s->options[i].key.text, key)) return s->options[i].value;
    return NULL;
}

/* Whether it can be read though it is not declared as a stream: a view, late rows, error_stream. */
static bool is_readable(const wr_script *sc, const char *name) {
    const char *late;
    for (uint32_t i = 0; i < sc->n; i++) {
        const wr_stmt *s = sc->stmts[i];
        if (s->kind == WR_S_CREATE_VIEW && same(last_name(&s->name), name)) return true;
        if (s->kind == WR_S_CREATE_STREAM && (late = option(s, "late_output")) && same(late, name))
            return true;
    }
    return same(name, "error_stream");
}

/* Whether statements of the script write to it. */
static bool is_fed(const wr_script *sc, const wr_stmt *d) {
    const char *name = last_name(&d->name), *late;
    if (d->query) return true;
    for (uint32_t i = 0; i < sc->n; i++) {
        const wr_stmt *s = sc->stmts[i];
        if ((s->kind == WR_S_INSERT || s->kind == WR_S_CREATE_PUMP) && same(last_name(&s->target), name))
            return true;
        if (s->kind == WR_S_CREATE_STREAM && (late = option(s, "late_output")) && same(late, name))
            return true;
    }
    return false;
}

/* ---- options ---- */

static bool of_any_stream(const char *key) {
    if (same(key, "connector") || same(key, "format")) return false;
    for (size_t i = 0; i < wr_n_stream_options; i++)
        if (same(key, wr_stream_options[i].name)) return true;
    return false;
}

static bool of_format(const char *format, const char *key) {
    const wr_format_def *f = wr_format_find(format);
    for (size_t i = 0; f && i < f->with.n_options; i++)
        if (same(key, f->with.options[i].name)) return true;
    return false;
}

/* s is of another connector from now on; what its format and all streams know is kept. */
static wr_status replace(wr_arena *ar, wr_stmt *s, const char *const *kvs, size_t n, const char *format) {
    wr_option_def *o = wr_arena_calloc(ar, (s->n_options + n) * sizeof *o);
    uint32_t k = 0;
    if (!o) return WR_ENOMEM;
    const char *declared = option(s, "format");
    bool keeps = declared && format && same(declared, format);
    for (uint32_t i = 0; i < s->n_options; i++)
        if (of_any_stream(s->options[i].key.text) || (keeps && of_format(format, s->options[i].key.text)))
            o[k++] = s->options[i];
    for (size_t i = 0; i < n; i++)
        o[k++] = (wr_option_def){
            .key = {.text = kvs[2 * i], .loc = s->loc}, .value = kvs[2 * i + 1], .loc = s->loc};
    s->options = o;
    s->n_options = k;
    return WR_OK;
}

/* ---- connectors ---- */

static bool stays_here(const char *path) {
    return path && *path != '/' && strncmp(path, "..", 2) != 0 && !strstr(path, "/..");
}

/* Whether a stream needs nothing but the folder of the case. */
static bool is_local(const wr_stmt *s) {
    static const char *const own[] = {"stdin", "stdout", "print", "blackhole", "datagen", "given"};
    const char *c = option(s, "connector");
    if (!c) return true;
    for (size_t i = 0; i < WR_LEN(own); i++)
        if (same(c, own[i])) return true;
    return (same(c, "file") || same(c, "filesystem") || same(c, "sqlite")) && stays_here(option(s, "path"));
}

static wr_status as_kvs(wr_arena *ar, const wr_stmt *s, wr_kv **outp) {
    *outp = wr_arena_calloc(ar, (s->n_options + 1) * sizeof **outp);
    for (uint32_t i = 0; *outp && i < s->n_options; i++)
        (*outp)[i] = (wr_kv){.key = s->options[i].key.text, .value = s->options[i].value};
    return *outp ? WR_OK : WR_ENOMEM;
}

/* Whether reading what it declares never ends. */
static wr_status is_live(wri_tested *t, const wr_stmt *s, bool *outp) {
    wr_kv *kvs;
    const char *c = option(s, "connector");
    *outp = true;
    if (!c || !wr_connector_find(c)) return WR_OK;
    WR_TRY(as_kvs(&t->sc.ar, s, &kvs));
    *outp = !t->sc.reg.bounded || !t->sc.reg.bounded(c, kvs, s->n_options);
    return WR_OK;
}

/* Columns that the connector would have brought stand in the declaration. */
static wr_status own_columns(wri_tested *t, wr_stmt *s, wr_err *err) {
    wr_kv *kvs;
    wr_schema cols = {0};
    wr_arena *ar = &t->sc.ar;
    const char *c = option(s, "connector");
    if (s->n_columns || s->query || !c || !t->sc.reg.columns) return WR_OK;
    WR_TRY(as_kvs(ar, s, &kvs));
    if (t->sc.reg.columns(c, kvs, s->n_options, ar, &cols, NULL) != WR_OK)
        return WR_OK; /* the planner says it */
    s->columns = wr_arena_calloc(ar, (cols.n + 1) * sizeof *s->columns);
    if (!s->columns) return wr_fail_oom(err, "columns");
    for (; s->n_columns < cols.n; s->n_columns++)
        s->columns[s->n_columns] =
            (wr_column_def){.name = {.text = cols.fields[s->n_columns].name, .quoted = true, .loc = s->loc},
                            .type = cols.fields[s->n_columns].type,
                            .loc = s->loc};
    return WR_OK;
}

/* ---- given ---- */

/* The option `rows`: each item's moment, that of the one before it where it says none. */
static wr_status rows_of(wri_tested *t, wri_given *g, const wri_section *s, const char **outp, wr_err *err) {
    wr_buf b = {0};
    int64_t last = t->start_us;
    wr_status r = wr_buf_reserve(&b, 1);
    for (size_t i = 0; i < g->at.n && r == WR_OK; i++) {
        int64_t *us = &g->at.us[i];
        if (*us == WRI_NO_MOMENT) *us = last;
        if (*us < last) {
            r = wr_fail(err, WR_EINVAL, "line %u: ROWTIME of row %zu is before that of the row before it",
                        s->line, i + 1);
            break;
        }
        last = *us;
        r = wr_buf_printf(&b, "%lld%s%s\n", (long long)last, *g->records[i] ? " " : "", g->records[i]);
    }
    *outp = r == WR_OK ? wr_arena_strndup(&t->sc.ar, b.len ? b.data : "", b.len) : NULL;
    wr_buf_free(&b);
    return r == WR_OK && !*outp ? WR_ENOMEM : r;
}

static wr_status give(wri_tested *t, uint32_t k, wr_err *err) {
    const wri_section *s = t->gsects[k];
    wr_stmt *d = declaration(&t->sc.script, t->gnames[k]);
    const char *rows;
    if (!d)
        return wr_fail(err, WR_EINVAL,
                       "line %u: the script has no stream '%s'; write its columns behind the name: "
                       "--- given %s (name type, ...)",
                       s->line, t->gnames[k], t->gnames[k]);
    if (is_fed(&t->sc.script, d))
        return wr_fail(err, WR_EINVAL,
                       "line %u: statements of the script feed '%s'; give rows to what they read", s->line,
                       t->gnames[k]);
    bool live;
    WR_TRY(is_live(t, d, &live));
    WR_TRY(own_columns(t, d, err));
    t->gnames[k] = last_name(&d->name); /* as the source will be called */
    t->glive[k] = live;
    for (uint32_t i = 0; t->given[k].csv && i < d->n_columns; i++) d->columns[i].path = NULL;
    WR_TRY(rows_of(t, &t->given[k], s, &rows, err));
    const char *const kvs[] = {"connector", "given", "format", "json", "live", live ? "true" : "false",
                               "rows",      rows};
    return replace(&t->sc.ar, d, kvs, WR_LEN(kvs) / 2, "json");
}

/* Rows before the names of streams are looked at: where the clock begins is a matter of all of them. */
static wr_status read_given(const wri_case *c, wri_tested *t, wr_err *err) {
    t->start_us = INT64_C(946684800000000); /* 2000-01-01 */
    bool said = false;
    for (uint32_t i = 0; t->last && i < c->n; i++) {
        const wri_section *s = &c->sections[i];
        if (strcmp(s->kind, "given") != 0) continue;
        uint32_t k = t->n_given;
        const char *rest = s->rest;
        bool quoted;
        t->gsects[k] = s;
        t->gnames[k] = wri_case_name(&t->sc.ar, &rest, &quoted);
        if (!t->gnames[k])
            return wr_fail(err, WR_EINVAL, "line %u: expected --- given and the name of a stream", s->line);
        t->n_given++;
        WR_TRY(wri_given_read(&t->sc.ar, s, &t->given[k], err));
        for (size_t r = 0; r < t->given[k].at.n; r++) {
            int64_t us = t->given[k].at.us[r];
            if (us == WRI_NO_MOMENT) continue;
            if (!said || us < t->start_us) t->start_us = us;
            said = true;
            break;
        }
    }
    return WR_OK;
}

/* ---- expect ---- */

/* The name of a stream that a section expects rows of; NULL: it is of standard output, or of a file. */
static const char *expected_stream(wri_tested *t, const wri_section *s, bool *quotedp) {
    const char *rest = s->rest, *name;
    if (strcmp(s->kind, "expect") != 0) return NULL;
    while ((name = wri_case_name(&t->sc.ar, &rest, quotedp)))
        if (*quotedp || strcmp(name, "ordered") != 0) break;
    if (!name) return NULL;
    if (!*quotedp && !declaration(&t->sc.script, name) && !is_readable(&t->sc.script, name)) return NULL;
    return name;
}

static bool is_csv(const wri_section *s) {
    const char *body = s->body + strspn(s->body, " \r\n");
    return *body && *body != '{';
}

static wr_status put_quoted(wr_buf *b, const char *s, char q) {
    WR_TRY(wr_buf_printf(b, "%c", q));
    for (; *s; s++) WR_TRY(wr_buf_printf(b, *s == q ? "%c%c" : "%c", *s, *s));
    return wr_buf_printf(b, "%c", q);
}

/* A statement that writes what stays inside the script to a file. */
static wr_status put_reader(wr_buf *b, const wri_watched *w, uint32_t k) {
    bool timed =
        strstr(w->section->body, "\"ROWTIME\"") || (w->csv && strncmp(w->section->body, "ROWTIME", 7) == 0);
    WR_TRY(wr_buf_printf(
        b, "CREATE STREAM \"rows expected %u\" WITH (connector = 'file', format = '%s', path = ", k + 1,
        w->csv ? "csv" : "json"));
    WR_TRY(put_quoted(b, w->path, '\''));
    bool changes = strstr(w->section->body, "\"op\"") != NULL;
    WR_TRY(wr_buf_printf(b, "%s) AS SELECT %s* FROM ", changes ? ", changelog = 'op'" : "",
                         timed ? "ROWTIME, " : ""));
    WR_TRY(put_quoted(b, w->name, '"'));
    return wr_buf_puts(b, ";\n");
}

static wr_status watch(const wri_case *c, wri_tested *t, const char *out, wr_buf *tail, wr_err *err) {
    for (uint32_t i = 0; t->last && i < c->n; i++) {
        bool quoted;
        const wri_section *s = &c->sections[i];
        const char *name = expected_stream(t, s, &quoted);
        if (!name) continue;
        uint32_t k = t->n_watched++;
        wr_stmt *d = declaration(&t->sc.script, name);
        t->watched[k] = (wri_watched){.section = s, .name = d ? last_name(&d->name) : name, .csv = is_csv(s)};
        t->watched[k].path = wr_arena_printf(&t->sc.ar, "%s/%u", out, k);
        if (!t->watched[k].path) return WR_ENOMEM;
        bool outside = d && option(d, "connector") && is_fed(&t->sc.script, d);
        if (!d && quoted && !is_readable(&t->sc.script, name))
            return wr_fail(err, WR_EINVAL, "line %u: the script has no stream '%s'", s->line, name);
        if (!outside) WR_TRY(put_reader(tail, &t->watched[k], k));
    }
    return WR_OK;
}

static wr_status redirect(wri_tested *t) {
    wr_arena *ar = &t->sc.ar;
    for (uint32_t i = 0; i < t->sc.script.n; i++) {
        wr_stmt *d = t->sc.script.stmts[i];
        if (d->kind != WR_S_CREATE_STREAM || !option(d, "connector") || !is_fed(&t->sc.script, d)) continue;
        if (d->loc.at >= t->own_bytes) continue; /* it writes rows that are expected */
        const wri_watched *w = NULL;
        for (uint32_t k = 0; k < t->n_watched && !w; k++)
            if (strcmp(t->watched[k].name, last_name(&d->name)) == 0) w = &t->watched[k];
        const char *format = w && w->csv ? "csv" : "json";
        if (w) {
            const char *const kvs[] = {"connector", "file", "format", format, "path", w->path};
            WR_TRY(replace(ar, d, kvs, WR_LEN(kvs) / 2, format));
        } else if (!is_local(d)) {
            const char *const kvs[] = {"connector", "blackhole"};
            WR_TRY(replace(ar, d, kvs, 1, NULL));
        }
    }
    return WR_OK;
}

/* ---- text, tree, plan ---- */

/* Streams that the script does not declare, by the columns of their sections. */
static wr_status put_declarations(wri_tested *t, wr_buf *b) {
    for (uint32_t k = 0; k < t->n_given; k++) {
        const char *rest = t->gsects[k]->rest;
        bool quoted;
        wri_case_name(&t->sc.ar, &rest, &quoted);
        if (*rest != '(' || declaration(&t->sc.script, t->gnames[k])) continue;
        WR_TRY(wr_buf_puts(b, "CREATE STREAM "));
        WR_TRY(quoted ? put_quoted(b, t->gnames[k], '"') : wr_buf_puts(b, t->gnames[k]));
        WR_TRY(wr_buf_printf(b, " %s;\n", rest));
    }
    return WR_OK;
}

/* Errors of the SQL to t->log. */
static wr_status told(wri_tested *t, wr_status r) {
    if (r != WR_OK && r != WR_ESQL && t->sc.diags.errors == 0) return r;
    if (wr_diags_print(&t->sc.diags, &t->log) != WR_OK) return WR_ENOMEM;
    return t->sc.diags.errors ? WR_ESQL : WR_OK;
}

static wr_status parse(wri_tested *t) {
    wr_diags *d = &t->sc.diags;
    *d = (wr_diags){.file = d->file, .text = t->sc.text.data, .len = t->sc.text.len, .ar = &t->sc.ar};
    t->sc.script = (wr_script){0};
    return wr_parse(&t->sc.ar, d, &t->sc.script);
}

/* What the sections add is parsed behind the script, so that its places are those of its own text; streams
 * that it reads then move before it. */
static wr_status with_tail(const wri_case *c, wri_tested *t, const char *out, wr_err *err) {
    wr_buf tail = {0};
    uint32_t own = t->sc.script.n, at = t->own_bytes = (uint32_t)t->sc.text.len;
    wr_status r = put_declarations(t, &tail);
    if (r == WR_OK) r = watch(c, t, out, &tail, err);
    if (r == WR_OK && tail.len) {
        r = wr_buf_puts(&t->sc.text, "\n;\n");
        if (r == WR_OK) r = wr_buf_put(&t->sc.text, tail.data, tail.len + 1);
        if (r == WR_OK) t->sc.text.len--;
        if (r == WR_OK) r = parse(t);
    }
    wr_buf_free(&tail);
    if (r != WR_OK || t->sc.script.n <= own) return r;
    wr_stmt **sorted = wr_arena_alloc(&t->sc.ar, t->sc.script.n * sizeof *sorted);
    if (!sorted) return WR_ENOMEM;
    uint32_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < t->sc.script.n; i++) {
            wr_stmt *s = t->sc.script.stmts[i];
            bool first = s->loc.at >= at && s->kind == WR_S_CREATE_STREAM && !s->query;
            if (first == (pass == 0)) sorted[n++] = s;
        }
    t->sc.script.stmts = sorted;
    return WR_OK;
}

/* Sources that weir test must not open. */
static wr_status only_local(wri_tested *t, wr_err *err) {
    for (uint32_t i = 0; i < t->sc.plan.n_nodes; i++) {
        const wr_node *n = t->sc.plan.nodes[i];
        if (n->kind != WR_N_SOURCE) continue;
        const char *name = n->source.stream->name;
        const wr_stmt *d = declaration(&t->sc.script, name);
        if (d && !is_local(d))
            return wr_fail(err, WR_EINVAL,
                           "the script reads '%s' from connector '%s'; give it rows: --- given %s", name,
                           n->source.stream->connector, name);
    }
    return WR_OK;
}

static int by_moment(const void *a, const void *b) {
    const wri_turn *x = a, *y = b;
    return x->us < y->us ? -1 : x->us > y->us ? 1 : 0;
}

static bool is_read(const wr_plan *p, const char *name) {
    for (uint32_t i = 0; i < p->n_nodes; i++)
        if (p->nodes[i]->kind == WR_N_SOURCE && strcmp(p->nodes[i]->source.stream->name, name) == 0)
            return true;
    return false;
}

/* The turns of live streams that are read, in the order of their moments; merges, so that turns of one moment
 * keep the order of the sections. */
static wr_status take_turns(wri_tested *t) {
    size_t most = 0;
    for (uint32_t k = 0; k < t->n_given; k++) most += t->given[k].at.n;
    t->turns = wr_calloc(most + 1, sizeof *t->turns);
    if (!t->turns) return WR_ENOMEM;
    for (uint32_t k = 0; k < t->n_given; k++) {
        if (!t->glive[k] || !is_read(&t->sc.plan, t->gnames[k])) continue;
        for (size_t i = 0; i < t->given[k].at.n; i++)
            t->turns[t->n_turns++] = (wri_turn){t->given[k].at.us[i], t->gnames[k], i};
    }
    for (size_t i = 1; i < t->n_turns; i++) { /* mostly in order: each section is */
        wri_turn x = t->turns[i];
        size_t lo = 0, hi = i;
        while (lo < hi) {
            size_t mid = (lo + hi) / 2;
            if (by_moment(&t->turns[mid], &x) <= 0) lo = mid + 1;
            else hi = mid;
        }
        memmove(&t->turns[lo + 1], &t->turns[lo], (i - lo) * sizeof x);
        t->turns[lo] = x;
    }
    return WR_OK;
}

static wr_status read_code(const wri_case *c, const wri_section *sql, wri_tested *t, wr_err *err) {
    bool quoted;
    const char *rest = sql->rest, *file = wri_case_name(&t->sc.ar, &rest, &quoted);
    t->sc.diags.file = "case.sql";
    if (!file) {
        WR_TRY(wr_buf_put(&t->sc.text, sql->body, sql->len + 1));
        t->sc.text.len--;
        return WR_OK;
    }
    const char *slash = strrchr(c->full, '/');
    const char *path =
        *file == '/' ? file : wr_arena_printf(&t->sc.ar, "%.*s/%s", (int)(slash - c->full), c->full, file);
    if (!path) return WR_ENOMEM;
    if (wri_script_read(&t->sc, NULL, path, NULL) != EXIT_DONE)
        return wr_fail(err, WR_EIO, "line %u: the script '%s' cannot be read", sql->line, path);
    t->sc.diags.file = file;
    return WR_OK;
}

/* The code of section sql, made a script by the description of an application where the case has one. */
static wr_status read_text(const wri_case *c, const wri_section *sql, wri_tested *t, wr_err *err) {
    wri_app_opts app;
    if (sql) WR_TRY(read_code(c, sql, t, err));
    WR_TRY(wri_case_application(c, &t->sc.ar, &app, err));
    if (!app.file) return WR_OK;
    wr_status r = wri_application_script(&t->sc, &app, &t->log);
    return r != WR_OK && t->log.len ? WR_ESQL : r;
}

wr_status wri_tested_load(const wri_case *c, const wri_section *sql, const char *out, wri_tested *t,
                          wr_err *err) {
    wr_arena *ar = &t->sc.ar;
    t->sc.reg = wr_builtin();
    t->watched = wr_arena_calloc(ar, c->n * sizeof *t->watched);
    t->given = wr_arena_calloc(ar, c->n * sizeof *t->given);
    t->gsects = wr_arena_calloc(ar, c->n * sizeof *t->gsects);
    t->gnames = wr_arena_calloc(ar, c->n * sizeof *t->gnames);
    t->glive = wr_arena_calloc(ar, c->n * sizeof *t->glive);
    if (!t->watched || !t->given || !t->gsects || !t->gnames || !t->glive) return wr_fail_oom(err, "a case");
    WR_TRY(read_text(c, sql, t, err));
    WR_TRY(read_given(c, t, err));
    wr_status r = parse(t);
    if (r == WR_OK) {
        WR_TRY(with_tail(c, t, out, err));
        for (uint32_t k = 0; k < t->n_given; k++) WR_TRY(give(t, k, err));
        /* What is wrong with SQL is told of it as it stands, which is not run. */
        if (wri_case_count(c, "errors") == 0) WR_TRY(redirect(t));
        r = wr_plan_script(&t->sc.script, &t->sc.reg, ar, &t->sc.diags, &t->sc.plan);
    }
    WR_TRY(told(t, r));
    WR_TRY(only_local(t, err));
    return take_turns(t);
}

void wri_tested_free(wri_tested *t) {
    for (uint32_t k = 0; k < t->n_given; k++) wri_given_free(&t->given[k]);
    wr_free(t->turns);
    wr_buf_free(&t->log);
    wri_script_free(&t->sc);
}

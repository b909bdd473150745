/* server/api_look.c -- a job's plan, log, bad rows and output. */
#include "server_int.h"

static const char *const forms[] = {"tree", "json", "dot"};

/* format=tree|json|dot; false: answered. */
static bool form_of(wri_req *r, const char *name, wr_explain_form *outp) {
    *outp = WR_EXPLAIN_TREE;
    for (size_t i = 0; name && i < WR_LEN(forms); i++)
        if (strcmp(forms[i], name) == 0) *outp = (wr_explain_form)i;
    if (!name || strcmp(forms[*outp], name) == 0) return true;
    wri_answer_error(r, 400, "bad_request", "format '%.32s': expected tree, json or dot", name);
    return false;
}

/* ---- plan ---- */

typedef struct planning {
    wr_explain_form form;
    const char *name, *sql;
} planning;

static void explain(wri_req *r) {
    planning *p = r->own;
    wri_sql sql;
    wr_buf why = {0};
    wr_status s = wri_sql_plan(&sql, p->name, p->sql, &why);
    if (s == WR_OK) s = wr_plan_explain(&sql.plan, &sql.reg, p->form, &r->out);
    wri_sql_free(&sql);
    if (s != WR_OK)
        wri_note_error(r, s == WR_ENOMEM ? 503 : 400, "sql", why.len ? why.data : wr_status_text(s));
    wr_buf_free(&why);
}

static void explained(wri_req *r) {
    const planning *p = r->own;
    if (wri_noted(r)) wri_send_noted(r);
    else wri_answer(r, 200, p->form == WR_EXPLAIN_JSON ? "application/json" : "text/plain; charset=utf-8");
}

static void explain_sql(wri_req *r, const char *name, const char *sql, wr_explain_form form) {
    planning *p = r->own = wr_arena_calloc(&r->ar, sizeof *p);
    if (!p) {
        wri_answer_error(r, 503, "out_of_memory", "out of memory");
        return;
    }
    *p = (planning){.form = form, .name = name, .sql = sql};
    wri_req_work(r, explain, explained);
}

void wri_api_job_plan(wri_req *r) {
    static const char *const known[] = {"format", "analyze", NULL};
    wr_explain_form form;
    bool analyze;
    if (!wri_query_known(r, known) || !form_of(r, wri_query(r, "format"), &form) ||
        !wri_query_bool(r, "analyze", &analyze))
        return;
    if (analyze && form != WR_EXPLAIN_TREE) {
        wri_answer_error(r, 400, "bad_request", "analyze=1: live numbers stand in format=tree only");
        return;
    }
    if (!wri_api_find_job(r)) return;
    if (analyze) {
        wri_api_job_analyze(r);
        return;
    }
    /* A copy: an update may replace the text. */
    const char *sql = wr_arena_strdup(&r->ar, r->job->row.sql);
    if (sql) explain_sql(r, r->job->row.name, sql, form);
    else wri_answer_error(r, 503, "out_of_memory", "out of memory");
}

/* ---- POST /v1/explain and /v1/check ---- */

/* The script, and the format where formp is not NULL, of a body of either kind: JSON has all in it, beside a
 * script parameters stand in the query. False: answered. */
static bool take_sql(wri_req *r, const char **sqlp, const char **formp) {
    static const char *const members[] = {"s:sql", "s:format", NULL}, *const sql_only[] = {"s:sql", NULL};
    static const char *const params[] = {"format", NULL}, *const none[] = {NULL};
    if (!wri_query_known(r, formp && r->body_type == WRI_BODY_SQL ? params : none)) return false;
    if (formp) *formp = wri_query(r, "format");
    if (r->body_type == WRI_BODY_SQL) {
        const char *text = r->body.data ? r->body.data : "";
        bool ok = wr_utf8_valid(text, r->body.len) && (!r->body.len || !memchr(text, 0, r->body.len));
        *sqlp = ok ? wr_arena_strndup(&r->ar, text, r->body.len) : NULL;
        if (!ok) wri_note_error(r, 400, "bad_request", "the script is no UTF-8 text");
        else if (!*sqlp) wri_note_error(r, 503, "out_of_memory", "out of memory");
    } else {
        json_t *o = wri_req_json(r);
        if (o && wri_json_known(r, o, formp ? members : sql_only)) {
            *sqlp = json_string_value(json_object_get(o, "sql"));
            if (formp) *formp = json_string_value(json_object_get(o, "format"));
            if (!*sqlp)
                wri_note_error(r, 400, "bad_request", "expected a member 'sql', the text of the script");
        }
    }
    if (!wri_noted(r)) return true;
    wri_send_noted(r);
    return false;
}

void wri_api_explain(wri_req *r) {
    const char *sql, *form_name;
    wr_explain_form form;
    if (take_sql(r, &sql, &form_name) && form_of(r, form_name, &form)) explain_sql(r, "sql", sql, form);
}

static json_t *diag_json(const wr_diags *d, const wr_diag *g) {
    uint32_t line, col;
    wr_line_col(d->text, d->len, g->loc.at, &line, &col);
    json_t *o = json_pack("{s:i,s:i,s:s,s:s}", "line", (int)line, "column", (int)col, "severity",
                          g->severity == WR_ERROR ? "error" : "warning", "message", g->msg);
    if (g->hint) json_object_set_new(o, "hint", json_string(g->hint));
    return o;
}

static void check(wri_req *r) {
    const planning *p = r->own;
    wri_sql sql;
    wr_buf text = {0};
    json_t *list = json_array();
    wr_status s = wri_sql_plan(&sql, p->name, p->sql, &text);
    for (size_t i = 0; i < sql.diags.n; i++)
        json_array_append_new(list, diag_json(&sql.diags, &sql.diags.items[i]));
    json_t *o = json_pack("{s:o}", "errors", list);
    if (text.len) json_object_set_new(o, "text", json_string(text.data));
    if (s == WR_ENOMEM) wri_note_error(r, 503, "out_of_memory", "out of memory");
    else wri_note(r, 200, json_incref(o));
    json_decref(o);
    wri_sql_free(&sql);
    wr_buf_free(&text);
}

void wri_api_check(wri_req *r) {
    const char *sql;
    if (!take_sql(r, &sql, NULL)) return;
    planning *p = r->own = wr_arena_calloc(&r->ar, sizeof *p);
    if (!p) {
        wri_answer_error(r, 503, "out_of_memory", "out of memory");
        return;
    }
    *p = (planning){.name = "sql", .sql = sql};
    wri_req_work(r, check, wri_send_noted);
}

/* ---- lines ---- */

static void lines(wri_req *r, size_t at, const char *type) {
    static const char *const known[] = {"follow", NULL};
    bool follow;
    uint64_t gone;
    if (!wri_query_known(r, known) || !wri_query_bool(r, "follow", &follow) || !wri_api_find_job(r)) return;
    wri_lines *l = (wri_lines *)((char *)r->job + at);
    if (follow) wri_follow_lines(r, l);
    else if (wri_lines_all(l, &r->out, &gone) != WR_OK)
        wri_answer_error(r, 503, "out_of_memory", "out of memory");
    else {
        snprintf(r->head, sizeof r->head, "X-Weir-Lines-Gone: %llu\r\n", (unsigned long long)gone);
        wri_answer(r, 200, type);
    }
}

void wri_api_job_log(wri_req *r) { lines(r, offsetof(wri_sjob, log), "text/plain; charset=utf-8"); }
void wri_api_job_errors(wri_req *r) { lines(r, offsetof(wri_sjob, errors), "application/x-ndjson"); }
void wri_api_job_output(wri_req *r) { lines(r, offsetof(wri_sjob, output), "application/x-ndjson"); }

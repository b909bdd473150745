/* server/api_look.c -- a job's plan, log, bad rows and output. */
#include "server_int.h"

static const char *const forms[] = {"tree", "json", "dot"};

/* format=tree|json|dot; false: noted. */
static bool form_of(wri_req *r, const char *name, wr_explain_form *outp) {
    char msg[100];
    *outp = WR_EXPLAIN_TREE;
    for (size_t i = 0; name && i < WR_LEN(forms); i++)
        if (strcmp(forms[i], name) == 0) *outp = (wr_explain_form)i;
    if (!name || strcmp(forms[*outp], name) == 0) return true;
    snprintf(msg, sizeof msg, "format '%.32s': expected tree, json or dot", name);
    wri_note_error(r, 400, "bad_request", msg);
    return false;
}

/* ---- plan ---- */

typedef struct planning {
    wr_explain_form form;
    const char *name, *sql, *form_name;
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

/* In r->own. NULL: answered. */
static planning *plan_for(wri_req *r, const char *name) {
    planning *p = r->own = wr_arena_calloc(&r->ar, sizeof *p);
    if (p) p->name = name;
    else wri_answer_error(r, 503, "out_of_memory", "out of memory");
    return p;
}

void wri_api_job_plan(wri_req *r) {
    static const char *const known[] = {"format", "analyze", NULL};
    wr_explain_form form;
    bool analyze;
    if (!wri_query_known(r, known) || !wri_query_bool(r, "analyze", &analyze)) return;
    if (!form_of(r, wri_query(r, "format"), &form)) {
        wri_send_noted(r);
        return;
    }
    if (analyze && form != WR_EXPLAIN_TREE) {
        wri_answer_error(r, 400, "bad_request", "analyze=1: live numbers stand in format=tree only");
        return;
    }
    if (!wri_api_find_job(r)) return;
    if (analyze) {
        wri_api_job_analyze(r);
        return;
    }
    planning *p = plan_for(r, r->job->row.name);
    if (!p) return;
    p->form = form;
    p->sql = wr_arena_strdup(&r->ar, r->job->row.sql); /* a copy: an update may replace the text */
    if (p->sql) wri_req_work(r, explain, explained);
    else wri_answer_error(r, 503, "out_of_memory", "out of memory");
}

/* ---- POST /v1/explain and /v1/check ---- */

/* In the pool: the script, and the format where `members` has it, of a body of either kind: JSON has all in
 * it, beside a script parameters stand in the query. False: noted. */
static bool take_sql(wri_req *r, const char *const *members) {
    planning *p = r->own;
    if (r->body_type == WRI_BODY_SQL) {
        p->form_name = wri_query(r, "format");
        p->sql = wri_api_script(r);
        return p->sql != NULL;
    }
    json_t *o = wri_req_json(r);
    if (!o || !wri_json_known(r, o, members)) return false;
    p->sql = json_string_value(json_object_get(o, "sql"));
    p->form_name = json_string_value(json_object_get(o, "format"));
    return wri_api_script_fits(r, p->sql);
}

static void explain_body(wri_req *r) {
    static const char *const members[] = {"s:sql", "s:format", NULL};
    planning *p = r->own;
    if (take_sql(r, members) && form_of(r, p->form_name, &p->form)) explain(r);
}

void wri_api_explain(wri_req *r) {
    static const char *const params[] = {"format", NULL}, *const none[] = {NULL};
    if (!wri_query_known(r, r->body_type == WRI_BODY_SQL ? params : none)) return;
    if (plan_for(r, "sql")) wri_req_work(r, explain_body, explained);
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
    static const char *const members[] = {"s:sql", NULL};
    const planning *p = r->own;
    wri_sql sql;
    wr_buf text = {0};
    if (!take_sql(r, members)) return;
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
    static const char *const none[] = {NULL};
    if (wri_query_known(r, none) && plan_for(r, "sql")) wri_req_work(r, check, wri_send_noted);
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

/* runtime/expr/forms.c -- whether a constant text has the form that a letter of a signature demands
 * (wr_func_def): the planner asks, so that a wrong pattern is told of at its place and before anything runs.
 */
#include "regex_int.h"
#include "timefmt_int.h"

static const char *check_zone(wri_call *c, const wr_str *text) {
    wri_zone *z;
    return wri_zone_of(c, text, &z);
}

static const char *check_unit(wri_call *c, const wr_str *text) {
    if (wr_unit_by_name(wr_str_data(text), text->len) != WR_U_OTHER) return NULL;
    return wri_bad_text(c, text, "unit of time; expected 'minute', 'day' and so on");
}

static const char *check(wri_call *c, char letter, const wr_str *text) {
    const wri_time_pattern *p;
    wri_regex *r;
    switch (letter) {
    case 'r':
    case 'm':
        return wri_regex_of(c, letter == 'm' ? WRI_RE_SIMILAR : WRI_RE_PLAIN, text, NULL, false, &r);
    case 'p':
    case 'q':
        return wri_time_pattern_of(c, text, letter == 'q', false, &p);
    case 'z':
        return check_zone(c, text);
    case 'P':
        return wri_check_json_path(c, text);
    case 'c':
        return wri_check_charset(c, text);
    case 'l':
        return wri_check_url_part(c, text);
    case 'u':
        return check_unit(c, text);
    default:
        return NULL;
    }
}

const char *wr_expr_check(char letter, const wr_str *text, wr_arena *ar) {
    wri_env env = {.sys = &wr_sys_real};
    wri_call c = {.env = &env, .ar = ar, .msgs = ar};
    const char *why = check(&c, letter, text);
    wri_call_done(&c);
    return why;
}

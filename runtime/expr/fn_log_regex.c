/* runtime/expr/fn_log_regex.c -- REGEX_LOG_PARSE: the groups of a regular expression (PCRE2) that all of a
 * text fits are the columns of a row. A group that took no part is NULL. Steps are bounded as for every
 * pattern (regex.c); nothing hangs. */
#include "regex_int.h"
#include "row_int.h"

const char *wri_log_row_regex(wr_expr *const *args, uint32_t n, wr_arena *ar, wr_schema *outp,
                              uint32_t *blamep) {
    wri_env env = {.sys = &wr_sys_real};
    wri_call c = {.env = &env, .ar = ar, .msgs = ar};
    wri_regex *r = NULL;
    wri_log_cols cols = {0};
    const char *why;
    const wr_str *pattern = wri_log_const(args, 1, "the pattern", ar, blamep, &why);
    if (pattern) why = wri_regex_of(&c, WRI_RE_WHOLE, pattern, NULL, false, &r);
    uint32_t groups = why ? 0 : wri_regex_groups(r);
    wri_call_done(&c);
    if (c.oom) return wri_log_tell(wri_log_no_memory, &cols, ar, outp);
    if (!why && groups == 0) why = "the pattern has no group ( ) to make a column of";
    if (!why && groups > WRI_ROW_COLS_MAX) why = "a row has at most 1000 columns";
    const wr_str *list =
        !why && n > 2 ? wri_log_const(args, 2, "the list of columns", ar, blamep, &why) : NULL;
    if (list) why = wri_log_cols_read(list, false, ar, ar, &cols);
    else if (!why && !wri_log_cols_make(groups, ar, &cols)) why = wri_log_no_memory;
    if (!why && cols.n != groups) {
        why = wr_arena_printf(ar, "the pattern has %u group%s, but the list names %u column%s", groups,
                              groups == 1 ? "" : "s", cols.n, cols.n == 1 ? "" : "s");
        if (!why) why = wri_log_no_memory;
    }
    for (uint32_t i = 0; !why && i < cols.n; i++)
        if (cols.cols[i].start >= 0 || cols.cols[i].not_null)
            why = "columns of REGEX_LOG_PARSE have a name and a type only";
    return wri_log_tell(why, &cols, ar, outp);
}

static const char *pack(wri_call *c, const wri_regex *re, const wr_str *s, wr_value *outp) {
    uint32_t n = wri_regex_groups(re);
    size_t room = 0, start, end; /* groups may lie in each other */
    wri_log_line r;
    for (uint32_t g = 1; g <= n; g++)
        if (wri_regex_group(re, g, &start, &end)) room += end - start;
    const char *why = wri_log_begin(c, n, room, &r);
    if (why) return why;
    for (uint32_t g = 1; g <= n; g++)
        if (wri_regex_group(re, g, &start, &end)) wri_log_put(&r, wr_str_data(s) + start, end - start);
        else wri_log_null(&r);
    return wri_log_end(&r, outp);
}

const char *wri_fn_regex_log_parse(wri_call *c, const wr_value *a, wr_value *outp) {
    wri_regex *re;
    bool found = false;
    bool konst = c->e->args[1]->kind == WR_X_CONST;
    const char *why = wri_regex_of(c, WRI_RE_WHOLE, &a[1].str, NULL, konst, &re);
    if (why) return why;
    wri_regex_text(re, &a[0].str);
    why = wri_regex_find(c, re, 0, &found);
    if (why) return why;
    return found ? pack(c, re, &a[0].str, outp) : wri_ret_null(outp);
}

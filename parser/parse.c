/* parser/parse.c -- wr_parse: cuts the script at ';', chooses what each word is, feeds lemon, recovers.
 *
 *   for each statement: read its lexemes; feed them; on a syntax error report it, and if it lies in the
 *   column list of a CREATE replace that column by ERROR_ITEM and feed again, else give the statement up
 *
 * A statement with a lexical error is not fed: what is missing would only cause more messages. Time is
 * linear in the script, as repairs end when the list of diagnostics is full. */
#include <stdio.h>

#include "parser/parser_int.h"
#include "sql.h"

void wri_fail(wri_parse *p) { p->oom = p->failed = true; }

/* Is there a diagnostic at this place already? Only asked while parsing a repaired statement again. */
static bool reported(const wri_parse *p, uint32_t at) {
    for (size_t i = 0; i < p->d->n; i++)
        if (p->d->items[i].loc.at == at) return true;
    return false;
}

void wri_error(wri_parse *p, wr_status code, wr_loc loc, const char *hint, const char *fmt, ...) {
    p->bad = true;
    if (loc.at == UINT32_MAX) loc = p->toks[p->cur].tok.loc;
    if (p->retry && reported(p, loc.at)) return;
    if (p->d->n >= WR_DIAGS_MAX) {
        p->d->errors++;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    wr_buf b = {0};
    char small[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    const char *text = small;
    if (n >= (int)sizeof small) {
        if (wr_buf_reserve(&b, (size_t)n + 1) == WR_OK) {
            vsnprintf(b.data, (size_t)n + 1, fmt, again);
            text = b.data;
        } else wri_fail(p);
    }
    va_end(again);
    va_end(ap);
    size_t before = p->d->n;
    wr_diag_add(p->d, WR_ERROR, code, loc, hint, "%s", text);
    if (p->d->n == before) wri_fail(p);
    wr_buf_free(&b);
}

void wri_too_deep(wri_parse *p) {
    if (p->failed) return;
    wri_error(p, WR_ESQL, WRI_LOC_HERE,
              "split it: WITH names parts of a query, IN replaces long chains of OR",
              "nested more than %d levels deep", WRI_DEPTH_MAX);
    p->failed = true;
}

bool wri_word_is(const wri_parse *p, size_t i, const char *word) {
    if (i >= p->n_toks || p->toks[i].code != TK_ID || p->toks[i].tok.quoted) return false;
    wr_loc loc = p->toks[i].tok.loc;
    for (; loc.at < loc.end; loc.at++, word++) {
        char c = p->text[loc.at];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != *word) return false;
    }
    return *word == '\0';
}

/* ---- reading a statement ---- */

/* Fills p->toks up to ';' or the end of the script. False: nothing is left. */
static bool read_statement(wri_parse *p) {
    p->bad = false;
    for (p->n_toks = 0;; p->n_toks++) {
        if (wr_grow(&p->toks, &p->cap_toks, p->n_toks + 1, sizeof *p->toks) != WR_OK) {
            wri_fail(p);
            return false;
        }
        wri_lexeme *x = &p->toks[p->n_toks];
        wri_lex(p, x);
        if (p->oom) return false;
        if (x->code == 0) return p->n_toks > 0;
        if (x->code == WRI_SEMI) return true;
    }
}

static void drop_first(wri_parse *p, size_t n) {
    memmove(p->toks, p->toks + n, (p->n_toks + 1 - n) * sizeof *p->toks); /* with the terminator */
    p->n_toks -= n;
}

/* EXECUTE STATEMENT SET BEGIN a; b; END; is a; b;. So is BEGIN STATEMENT SET; a; b; END; Takes the words
 * around the statements away; true when there were any. */
static bool statement_set(wri_parse *p) {
    bool execute = wri_word_is(p, 0, "EXECUTE"), begin = wri_word_is(p, 0, "BEGIN");
    if ((execute || begin) && wri_word_is(p, 1, "STATEMENT") && wri_word_is(p, 2, "SET")) {
        size_t n = execute ? 4 : 3;
        wr_loc loc = {p->toks[0].tok.loc.at, p->toks[2].tok.loc.end}, odd = p->toks[3].tok.loc;
        if (execute && !wri_word_is(p, 3, "BEGIN"))
            wri_error(p, WR_ESQL, odd, NULL,
                      "EXECUTE STATEMENT SET is followed by BEGIN, statements and END");
        else if (begin && p->n_toks > 3)
            wri_error(p, WR_ESQL, odd, NULL, "BEGIN STATEMENT SET is followed by ';'");
        else if (p->set.end)
            wri_error(p, WR_ESQL, loc, "end the first with END;", "a statement set within a statement set");
        if (p->bad) return false;
        p->set = loc;
        drop_first(p, n);
        return true;
    }
    if (!p->set.end || p->n_toks != 1 || !wri_word_is(p, 0, "END")) return false;
    p->set.end = 0;
    drop_first(p, 1);
    return true;
}

/* ---- feeding lemon ---- */
static uint16_t choose(const wri_parse *p, size_t i) {
    const wri_lexeme *x = &p->toks[i];
    if (!x->kw) return x->code;
    if (i > 0 && p->toks[i - 1].code == TK_DOT) return TK_ID; /* t.order, t.end */
    for (uint16_t code = wri_keyword_code(p, i); code != TK_ID; code = wri_code_else(code))
        if (wri_sql_accepts(p->lemon, code)) return code;
    if (!x->kw->reserved) return TK_ID;
    uint16_t next = wri_code_at(p, i + 1), code = x->kw->code;
    if ((code == TK_LEFT || code == TK_RIGHT) && next == TK_LP && wri_sql_accepts(p->lemon, TK_NUMBER))
        return TK_ID;                 /* the functions */
    if (next == TK_DOT) return TK_ID; /* SET table.exec.x = 1 */
    bool option = next == TK_EQ && !wri_sql_accepts(p->lemon, TK_NUMBER) && wri_sql_accepts(p->lemon, TK_ID);
    return option ? TK_ID : code; /* WITH (limit = 5) */
}

static bool feed(wri_parse *p, size_t i) {
    wri_lexeme *x = &p->toks[i];
    p->cur = i;
    x->fed = i < p->n_toks ? choose(p, i) : 0;
    if (x->fed == TK_ID && !x->tok.text) {
        x->tok.text = wr_arena_strndup(p->ar, p->text + x->tok.loc.at, x->tok.loc.end - x->tok.loc.at);
        if (!x->tok.text) wri_fail(p);
    }
    wri_tok t = x->tok;
    if (x->fed != TK_ID && x->kw) t.text = x->kw->word;
    if (!p->failed) wri_sql(p->lemon, x->fed, t);
    return !p->failed;
}

/* Feeds the statement from its start. */
static void feed_all(wri_parse *p) {
    p->failed = p->syntax = p->done = false;
    p->x_format = NULL;
    p->x_analyze = false;
    p->stmt = wri_node(p, sizeof *p->stmt);
    wri_sqlInit(p->lemon, p);
    for (size_t i = 0; i <= p->n_toks && !p->failed; i++) feed(p, i);
}

/* ---- recovery inside CREATE STREAM name ( ... ) ---- */

/* Parentheses, and the angle brackets of ARRAY<..>, that toks[k] opens (1) or closes (-1). */
static int nesting(const wri_parse *p, size_t k, size_t *angles) {
    uint16_t code = p->toks[k].code;
    if (code == TK_LT && k > 0 && (*angles > 0 || wri_nested_type(p, k - 1))) {
        ++*angles;
        return 1;
    }
    if (code == TK_GT && *angles > 0) {
        --*angles;
        return -1;
    }
    return code == TK_LP ? 1 : code == TK_RP ? -1 : 0;
}

/* The column definition around toks[i]: [*fromp, *top). False: i is not inside of one. */
static bool column_around(const wri_parse *p, size_t i, size_t *fromp, size_t *top) {
    if (wri_code_at(p, 0) != TK_CREATE) return false;
    size_t k = 1, from = 0, angles = 0;
    int64_t depth = 0;
    while (k < i && p->toks[k].code == TK_ID && p->toks[k].fed != TK_STREAM && p->toks[k].fed != TK_TABLE)
        k++;
    if (k >= i || (p->toks[k].fed != TK_STREAM && p->toks[k].fed != TK_TABLE)) return false;
    while (k < i && p->toks[k].code != TK_LP) {
        if (p->toks[k].fed == TK_AS || p->toks[k].fed == TK_WITH) return false;
        k++;
    }
    for (; k < i; k++) {
        depth += nesting(p, k, &angles);
        if (depth <= 0) return false; /* behind the list */
        if (depth == 1 && (p->toks[k].code == TK_LP || p->toks[k].code == TK_COMMA)) from = k + 1;
    }
    if (depth == 0) return false;
    for (; k < p->n_toks; k++) {
        uint16_t c = p->toks[k].code;
        if (depth == 1 && (c == TK_COMMA || c == TK_RP)) break;
        depth += nesting(p, k, &angles);
    }
    *fromp = from;
    *top = k;
    return k < p->n_toks;
}

/* Takes the broken column out. False: there is none, or it has been taken out before. */
static bool repair(wri_parse *p, size_t i) {
    size_t from, to;
    if (p->d->n >= WR_DIAGS_MAX || !column_around(p, i, &from, &to)) return false;
    if (from == to) { /* an empty item: put one there */
        if (wr_grow(&p->toks, &p->cap_toks, p->n_toks + 2, sizeof *p->toks) != WR_OK) {
            wri_fail(p);
            return false;
        }
        memmove(p->toks + from + 1, p->toks + from, (p->n_toks + 1 - from) * sizeof *p->toks);
        p->n_toks++;
    } else {
        if (p->toks[from].code == TK_ERROR_ITEM) return false;
        memmove(p->toks + from + 1, p->toks + to, (p->n_toks + 1 - to) * sizeof *p->toks);
        p->n_toks -= to - from - 1;
    }
    wr_loc loc = p->toks[from].tok.loc;
    p->toks[from] = (wri_lexeme){.tok = {.loc = loc}, .code = TK_ERROR_ITEM};
    return true;
}

static void parse_statement(wri_parse *p) {
    p->retry = false;
    for (;;) {
        feed_all(p);
        if (p->oom || !p->syntax) break;
        size_t i = p->cur;
        if (wri_explain_syntax(p, i)) { /* as if the ';' were there */
            drop_first(p, i);
            p->retry = p->bad = false;
            continue;
        }
        if (p->oom || !repair(p, i)) break;
        p->retry = true;
    }
    p->retry = false;
    if (p->oom || p->failed || p->bad) return;
    WR_ASSERT(p->done);
    wr_loc all = {p->toks[0].tok.loc.at, p->toks[p->n_toks - 1].tok.loc.end};
    p->stmt->loc = all;
    if (p->stmt->inner) p->stmt->inner->loc = all;
    p->stmts = wri_add(p, p->stmts, &p->stmt, sizeof p->stmt, 0);
}

static void parse_all(wri_parse *p) {
    while (!p->oom && read_statement(p)) {
        while (statement_set(p)) {
        }
        if (p->n_toks > 0 && !p->bad && !p->oom) parse_statement(p);
        p->failed = p->oom;
    }
    if (!p->oom && p->set.end)
        wri_error(p, WR_ESQL, p->set, "write END; behind its last statement",
                  "this statement set has no END");
}

wr_status wr_parse(wr_arena *ar, wr_diags *d, wr_script *outp) {
    *outp = (wr_script){0};
    uint32_t errors = d->errors;
    if (d->len > UINT32_MAX - 8) {
        wr_diag_add(d, WR_ERROR, WR_ESQL, (wr_loc){0, 0}, NULL, "the script is longer than 4 GiB");
        return WR_ESQL;
    }
    wri_parse p = {.ar = ar, .d = d, .text = d->text, .len = (uint32_t)d->len};
    p.lemon = wri_sqlAlloc(wr_alloc, &p);
    if (p.lemon) parse_all(&p);
    bool oom = p.oom || !p.lemon;
    if (p.lemon) {
        wri_sqlInit(p.lemon, &p);
        wri_sqlFree(p.lemon, wr_free);
    }
    wr_free(p.toks);
    wr_free(p.states);
    if (oom) return WR_ENOMEM;
    if (p.stmts) *outp = (wr_script){p.stmts->items, p.stmts->n};
    return d->errors > errors ? WR_ESQL : WR_OK;
}

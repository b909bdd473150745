/* planner/signature.c -- the signatures of wr_func_def: which one fits, and how they read in messages.
 *
 * "s[ii:s" is SUBSTR(s [, i [, i]]) -> VARCHAR. Each argument has a cost by how far it must be converted;
 * of several signatures the cheapest fits, the first among equals. */
#include "bind_int.h"

typedef wri_sig sig;

/* Reads the signature at *pp and steps over it; false: there is none. */
static bool next_sig(const char **pp, sig *s) {
    const char *p = *pp;
    while (*p == ' ') p++;
    if (!*p) return false;
    memset(s, 0, sizeof *s);
    bool optional = false;
    for (; *p && *p != ':' && *p != ' '; p++) {
        if (*p == '[') optional = true;
        else if (*p == '*') s->more = true;
        else if (s->n < WRI_LETTERS_MAX) {
            s->letters[s->n++] = *p;
            if (!optional) s->min = s->n;
        }
    }
    if (*p == ':') s->result = *++p;
    while (*p && *p != ' ') p++;
    *pp = p;
    return true;
}

static char letter_of(const sig *s, uint32_t i) {
    return i < s->n ? s->letters[i] : s->n ? s->letters[s->n - 1] : 0;
}

/* The letters that are VARCHAR of a certain form: for types, all the same. */
static char plain(char letter) { return letter && strchr("rmpqzPucl", letter) ? 's' : letter; }

/* Cost of taking an argument as what the letter says; -1: not possible. */
static int letter_cost(char letter, const wr_expr *e) {
    wr_kind k = (wr_kind)e->type.kind;
    bool text_const = e->kind == WR_X_CONST && wri_is_char(e->type);
    if (k == WR_T_NULL) return 0;
    switch (plain(letter)) {
    case 'i':
        return wr_kind_is_int(k) ? 0 : k == WR_T_DECIMAL && e->type.scale == 0 ? 4 : -1;
    case 'd':
        return k == WR_T_DOUBLE || k == WR_T_REAL ? 0 : k == WR_T_DECIMAL ? 1 : wr_kind_is_int(k) ? 2 : -1;
    case 's':
        return wri_is_char(e->type) ? 0 : k == WR_T_JSON ? 1 : -1;
    case 'j':
        return wr_kind_is_text(k) ? 0 : -1;
    case 't':
        return k == WR_T_TIMESTAMP ? 0 : k == WR_T_DATE ? 1 : text_const ? 6 : -1;
    case 'D':
        return k == WR_T_DATE ? 0 : text_const ? 6 : -1;
    case 'T':
        return k == WR_T_TIME ? 0 : text_const ? 6 : -1;
    case 'b':
        return k == WR_T_BOOLEAN ? 0 : -1;
    case 'x':
    case 'R':
        return k == WR_T_VARBINARY ? 0 : -1;
    case 'n':
        return wr_kind_is_num(k) ? 1 : -1;
    case 'a':
    case 'v':
        return 3;
    default:
        return -1;
    }
}

/* The type an argument is cast to; n and a: *shared, the common type of those. */
static wr_type letter_type(char letter, wr_type have, wr_type shared) {
    switch (plain(letter)) {
    case 'i':
        return wr_type_of(WR_T_BIGINT);
    case 'd':
        return wr_type_of(WR_T_DOUBLE);
    case 's':
        return wr_type_of(WR_T_VARCHAR);
    case 'j':
        return wr_type_of(have.kind == WR_T_JSON ? WR_T_JSON : WR_T_VARCHAR);
    case 't':
        return have.kind == WR_T_TIMESTAMP ? wri_plain_type(have) : wr_type_of(WR_T_TIMESTAMP);
    case 'b':
        return wr_type_of(WR_T_BOOLEAN);
    case 'x':
    case 'R':
        return wr_type_of(WR_T_VARBINARY);
    case 'D':
        return wr_type_of(WR_T_DATE);
    case 'T':
        return wr_type_of(WR_T_TIME);
    case 'v':
        return have.kind == WR_T_NULL ? wr_type_of(WR_T_VARCHAR) : wri_plain_type(have);
    default:
        return shared;
    }
}

static bool try_sig(const sig *s, wr_expr *const *args, uint32_t n, wri_sig_match *m) {
    wr_type num = wr_type_of(WR_T_NULL), any = num;
    uint32_t fine = 3;
    if (n < s->min || (n > s->n && !s->more)) return false;
    *m = (wri_sig_match){.sig = *s};
    for (uint32_t i = 0; i < n; i++) {
        char l = letter_of(s, i);
        int cost = letter_cost(l, args[i]);
        if (cost < 0) return false;
        m->cost += cost;
        if (l == 'n' && !wri_common_type(num, args[i]->type, &num)) return false;
        if (l == 'a' && !wri_common_type(any, args[i]->type, &any)) return false;
        if (l == 't' && args[i]->type.kind == WR_T_TIMESTAMP && args[i]->type.prec > fine)
            fine = args[i]->type.prec;
    }
    if (num.kind == WR_T_NULL) num = wr_type_of(WR_T_DOUBLE);
    m->num = num;
    m->any = any;
    m->result = letter_type(s->result, wr_type_of(WR_T_NULL), s->result == 'n' ? num : any);
    if (s->result == 'j') m->result = wr_type_of(WR_T_JSON);
    if (s->result == 't') m->result.prec = fine;
    return true;
}

char wri_sig_letter(const wri_sig_match *m, uint32_t i) { return letter_of(&m->sig, i); }

wr_type wri_sig_arg_type(const wri_sig_match *m, uint32_t i, wr_type have) {
    char l = letter_of(&m->sig, i);
    return letter_type(l, have, l == 'n' ? m->num : m->any);
}

bool wri_match_signature(const wr_func_def *f, wr_expr *const *args, uint32_t n, wri_sig_match *outp) {
    const char *p = f->signature;
    sig s;
    bool found = false;
    while (next_sig(&p, &s)) {
        wri_sig_match m;
        if (!try_sig(&s, args, n, &m) || (found && m.cost >= outp->cost)) continue;
        *outp = m;
        found = true;
    }
    return found;
}

/* ---- for messages ---- */

static const char *letter_text(char letter) {
    switch (plain(letter)) {
    case 'i':
        return "BIGINT";
    case 'd':
        return "DOUBLE";
    case 's':
        return "VARCHAR";
    case 't':
        return "TIMESTAMP";
    case 'b':
        return "BOOLEAN";
    case 'x':
        return "VARBINARY";
    case 'R':
        return "row";
    case 'D':
        return "DATE";
    case 'T':
        return "TIME";
    case 'n':
        return "number";
    case 'j':
        return "JSON";
    default:
        return "any";
    }
}

const char *wri_signature_text(wri_binder *b, const wr_func_def *f) {
    wr_arena *ar = b->d->ar;
    const char *p = f->signature, *text = "";
    sig s;
    while (text && next_sig(&p, &s)) {
        text = wr_arena_printf(ar, "%s%s(", text, *text ? " or " : "");
        for (uint32_t i = 0; text && i < s.n; i++)
            text = wr_arena_printf(ar, "%s%s%s%s", text, i >= s.min ? (i ? " [" : "[") : "", i ? ", " : "",
                                   letter_text(s.letters[i]));
        if (text && s.more) text = wr_arena_printf(ar, "%s, …", text);
        for (uint32_t i = s.min; text && i < s.n; i++) text = wr_arena_printf(ar, "%s]", text);
        if (text) text = wr_arena_printf(ar, "%s)", text);
    }
    return text ? text : "other arguments";
}

const char *wri_signature_hint(wri_binder *b, const wr_func_def *f, wr_expr *const *args, uint32_t n) {
    const char *p = f->signature;
    sig s, other;
    if (!next_sig(&p, &s) || next_sig(&p, &other) || n < s.min || (n > s.n && !s.more)) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        char l = letter_of(&s, i);
        wr_type to = l == 'n' ? wr_type_of(WR_T_DOUBLE) : letter_type(l, args[i]->type, args[i]->type);
        if (letter_cost(l, args[i]) >= 0 || !wri_castable(args[i]->type, to)) continue;
        return wr_arena_printf(b->d->ar, "write CAST(%s AS %s)", wri_source_text(b, args[i]->loc),
                               wr_kind_name((wr_kind)to.kind));
    }
    return NULL;
}

/* planner/extension.c -- CREATE [AGGREGATE] FUNCTION … EXTENSION 'file.so': a function of an SQLite
 * extension, with the types that the statement gives it.
 *
 * SQLite has integers, numbers, text and bytes: a parameter or result of another type goes as the one of
 * these that holds it (BOOLEAN as 0 and 1, DECIMAL as DOUBLE, times as text) and is cast on the way. */
#include "bind_int.h"
#include "plan_int.h"

/* The letter of a signature; 0: no way to carry it. */
static char letter_of(wr_type t) {
    wr_kind k = (wr_kind)t.kind;
    if (k == WR_T_BOOLEAN || wr_kind_is_int(k)) return 'i';
    if (wr_kind_is_num(k)) return 'd';
    if (k == WR_T_VARBINARY) return 'x';
    if (k == WR_T_JSON) return 'j';
    return wri_is_char(t) || wr_kind_is_time(k) ? 's' : 0;
}

/* A parameter that is a time is cast to text by the evaluator, so that any form will do. */
static char param_letter(wr_type t) { return wr_kind_is_time((wr_kind)t.kind) ? 'v' : letter_of(t); }

static const char *signature_of(wri_ctx *c, const wr_stmt *s) {
    char *sig = wri_new_n(c, s->n_params + 3u, 1), *p = sig;
    if (!sig) return NULL;
    for (uint32_t i = 0; i < s->n_params; i++) {
        if (!(*p++ = param_letter(s->params[i].type))) {
            wri_error(c, s->params[i].name.loc, NULL,
                      "a parameter of an extension's function cannot be of this type");
            return NULL;
        }
    }
    *p++ = ':';
    *p = letter_of(s->returns);
    if (!*p) wri_error(c, s->loc, NULL, "an extension's function cannot return this type");
    return *p ? sig : NULL;
}

static bool sane(wri_ctx *c, const wr_stmt *s) {
    if (s->returns.kind == WR_T_NULL)
        wri_error(c, s->loc, "write RETURNS and a type behind the parameters",
                  "this function does not say what it returns");
    else if (s->n_params > WRI_LETTERS_MAX)
        wri_error(c, s->loc, NULL, "an extension's function takes at most %d arguments here",
                  WRI_LETTERS_MAX);
    else if (strchr(s->name.parts[s->name.n - 1].text, '"'))
        wri_error(c, s->loc, NULL, "a function with a quote in its name cannot be called");
    else if (!c->reg->extension)
        wri_unsupported(c, s->loc, "write the function as RETURN expression",
                        "CREATE FUNCTION … EXTENSION is not supported yet");
    else return true;
    return false;
}

const wr_func_def *wri_extension_func(wri_ctx *c, const wr_stmt *s) {
    const char *name = s->name.parts[s->name.n - 1].text, *sig = sane(c, s) ? signature_of(c, s) : NULL;
    wr_func_def *f = sig ? wri_new(c, sizeof *f) : NULL;
    wr_err err;
    bool deterministic = false;
    if (!f) return NULL;
    wr_status st = c->reg->extension(s->extension, name, s->n_params, false, &deterministic, &err);
    if (st == WR_ENOMEM) c->oom = true;
    else if (st != WR_OK) wri_error(c, s->extension_loc, NULL, "%s", err.msg);
    if (st != WR_OK) return NULL;
    f->name = f->sqlite = name;
    f->signature = sig;
    f->extension = s->extension;
    f->nondeterministic = s->not_deterministic || !(deterministic || s->deterministic);
    f->calls_on_null = true; /* RETURNS NULL ON NULL INPUT is the caller's business */
    f->doc = "(of an extension)";
    f->example = "";
    return f;
}

/* The type in which a letter's values go. */
static wr_type type_of(char letter) {
    wr_kind k = letter == 'i'   ? WR_T_BIGINT
                : letter == 'd' ? WR_T_DOUBLE
                : letter == 'x' ? WR_T_VARBINARY
                                : WR_T_VARCHAR;
    return wr_type_of(k);
}

wr_type wri_extension_type(wr_type t) { return type_of(letter_of(t)); }

const wr_agg_def *wri_extension_agg(wri_ctx *c, const wr_stmt *s) {
    const char *name = s->name.parts[s->name.n - 1].text, *sig = sane(c, s) ? signature_of(c, s) : NULL;
    wr_agg_def *def = sig ? wri_new(c, sizeof *def) : NULL;
    wr_err err;
    bool unused;
    if (!def) return NULL;
    if (s->n_params > WR_AGG_ARGS_MAX) {
        wri_error(c, s->params[WR_AGG_ARGS_MAX].name.loc, NULL, "an aggregate takes at most %d arguments",
                  WR_AGG_ARGS_MAX);
        return NULL;
    }
    wr_status st = c->reg->extension(s->extension, name, s->n_params, true, &unused, &err);
    if (st == WR_ENOMEM) c->oom = true;
    else if (st != WR_OK) wri_error(c, s->extension_loc, NULL, "%s", err.msg);
    if (st != WR_OK) return NULL;
    *def = *c->reg->extension_agg;
    def->name = def->signature = name;
    def->min_args = def->max_args = s->n_params;
    def->extension = s->extension;
    def->returns = wri_extension_type(s->returns);
    def->null_on_null = s->null_on_null;
    return def;
}

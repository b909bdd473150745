/* parser/parser_int.h -- what the files of parser/ share. Private to parser/.
 *
 *   text ─lex.c─► lexemes of one statement ─parse.c─► lemon (sql.y) ─ast.c, ast_stmt.c─► tree
 *                                              └─ on error ─► expect.c: what was expected, did you mean
 *
 * Every node is preceded by a wri_head that the public structs do not show. Constructors return NULL
 * when p->failed is set, or set it; from then on nothing of the statement matters, so each begins with
 * that test and no grammar action looks inside a node itself. One thread, no globals. */
#ifndef WR_PARSER_INT_H
#define WR_PARSER_INT_H

#include "parser/parser.h"

/* Nesting of the tree. SQLite, which evaluates expressions, takes 1000; casts the binder adds count. */
#define WRI_DEPTH_MAX 500
/* Entries of lemon's stack; a level of nesting takes about ten at most. */
#define WRI_STACK_MAX 8000
/* Words that one "expected ..." list shows. */
#define WRI_EXPECT_MAX 8
/* Code of the lexeme that ends a statement; no terminal of the grammar. */
#define WRI_SEMI 60000

typedef struct wri_tok { /* value of a terminal */
    wr_loc loc;
    const char *text; /* names, numbers, strings: contents; keywords: NULL */
    bool quoted;
} wri_tok;

typedef struct wri_keyword {
    const char *word; /* upper case */
    uint16_t code;
    bool reserved; /* never a name without quotes, except behind a dot */
    bool synonym;  /* of the word that names the terminal */
} wri_keyword;

typedef struct wri_lexeme {
    wri_tok tok;
    uint16_t code;         /* terminal; for words that are keywords: ID until fed */
    uint16_t fed;          /* terminal given to lemon */
    const wri_keyword *kw; /* NULL: no keyword */
} wri_lexeme;

typedef struct wri_head { /* stands before every node */
    uint32_t depth;       /* 1 + the deepest child */
    bool paren;           /* stood in parentheses */
    wr_loc outer;         /* with these parentheses */
} wri_head;
_Static_assert(sizeof(wri_head) == 16, "nodes stay 16-byte aligned");

typedef struct wri_list { /* grows in the arena, doubling */
    void *items;
    uint32_t n, cap, depth; /* depth: of the deepest item */
} wri_list;

typedef struct wri_oper { /* operator with what belongs to it */
    const char *op;
    bool negated, flag, flag2;
    uint32_t at; /* script offset */
} wri_oper;

typedef struct wri_units { /* SECOND(2,3), MINUTE TO SECOND */
    wr_unit unit, unit2;
    uint32_t prec, prec2, end;
    const char *text; /* of an unknown unit */
} wri_units;

typedef struct wri_parse {
    wr_arena *ar;
    wr_diags *d;
    const char *text;
    uint32_t len, at; /* at: where the lexer stands */
    void *lemon;
    wri_lexeme *toks; /* of the statement at hand, toks[n_toks] is what ended it; heap, reused */
    size_t n_toks, cap_toks;
    size_t cur;       /* the one being fed */
    uint16_t *states; /* for wri_sim; heap, reused */
    size_t cap_states;
    wr_stmt *stmt; /* being built */
    const char *x_format;
    bool x_analyze;
    bool oom;
    bool failed; /* give the statement up: syntax error, too deep, out of memory */
    bool syntax; /* lemon met a token that does not fit */
    bool bad;    /* an error was reported: the statement is not returned */
    bool done;   /* lemon accepted */
    bool retry;  /* parsing again after a repair: what was reported is not reported again */
    wr_loc set;  /* of EXECUTE STATEMENT SET BEGIN; end 0: not within one */
    wri_list *stmts;
} wri_parse;

#define WRI_LOC_HERE ((wr_loc){UINT32_MAX, UINT32_MAX}) /* for wri_error: the token being fed */

/* ---- lex.c ---- */
/* Next lexeme; code 0 at the end of the text. Lexical errors are reported and set p->bad. */
void wri_lex(wri_parse *p, wri_lexeme *out);
const wri_keyword *wri_keyword_find(const char *word, size_t n);
const wri_keyword *wri_keywords(size_t *np);
/* How a terminal is called in messages: SELECT, ',', "a name". Never NULL. */
const char *wri_terminal_name(uint16_t code);

/* ---- unicode.c ---- */
/* Code point at p (n bytes left); *lenp its bytes. An invalid byte gives UINT32_MAX and length 1. */
uint32_t wri_utf8(const char *p, size_t n, uint32_t *lenp);
size_t wri_utf8_put(uint32_t cp, char out[4]);
uint32_t wri_char_width(uint32_t cp);   /* columns on a terminal: 0, 1 or 2 */
const char *wri_char_name(uint32_t cp); /* of characters that get into SQL by accident; else NULL */

/* ---- parse.c ---- */
void wri_fail(wri_parse *p); /* out of memory */
void wri_error(wri_parse *p, wr_status code, wr_loc loc, const char *hint, const char *fmt, ...)
    WR_PRINTF(5, 6);
void wri_too_deep(wri_parse *p);
bool wri_word_is(const wri_parse *p, size_t i, const char *word); /* toks[i] is this word, unquoted */

/* ---- words.c ---- */
/* Which terminal the word at toks[i] may be: a keyword if what follows suits it, else a name. */
uint16_t wri_keyword_code(const wri_parse *p, size_t i);
/* The terminal of toks[i] when it is a keyword or no word at all; ID for names. */
uint16_t wri_code_at(const wri_parse *p, size_t i);
bool wri_nested_type(const wri_parse *p, size_t i); /* ARRAY, MAP, ROW, ..., which stand before < */
bool wri_starts_statement(const wri_parse *p, size_t i);
/* What to take for a code of wri_keyword_code that does not fit: NOT for NOT_NULL; else ID. */
uint16_t wri_code_else(uint16_t code);

/* ---- sql.y ---- */
void *wri_sqlAlloc(void *(*alloc)(size_t), wri_parse *p);
void wri_sqlInit(void *lemon, wri_parse *p);
void wri_sqlFree(void *lemon, void (*release)(void *));
void wri_sql(void *lemon, int code, wri_tok tok);
/* Whether the parser could shift this terminal next (exactly: no LALR approximations). */
bool wri_sql_accepts(const void *lemon, uint16_t code);
/* The same automaton without values, on a stack of states of our own. */
bool wri_sim_start(wri_parse *p, size_t *np);
bool wri_sim_shift(wri_parse *p, size_t *np, uint16_t code);
bool wri_sim_accepts(const wri_parse *p, size_t n, uint16_t code);
uint16_t wri_n_terminals(void);

/* ---- expect.c ---- */
/* Reports that toks[i] does not fit. True: a ';' seems to be missing before it. */
bool wri_explain_syntax(wri_parse *p, size_t i);
/* "hint" for a word that is none of n names at stride bytes; NULL: nothing near. */
const char *wri_did_you_mean(wri_parse *p, const char *word, const void *names, size_t n, size_t stride);

/* ---- ast.c: nodes, lists, expressions ---- */
void *wri_node(wri_parse *p, size_t bytes);
static inline wri_head *wri_head_of(const void *node) { return (wri_head *)(uintptr_t)node - 1; }
/* Takes note that child (or a list of them) hangs below parent. NULL children are allowed. */
void wri_below(wri_parse *p, void *parent, const void *child);
void wri_below_list(wri_parse *p, void *parent, const wri_list *l);
wri_list *wri_add(wri_parse *p, wri_list *l, const void *item, size_t bytes, uint32_t depth);
wri_list *wri_add_node(wri_parse *p, wri_list *l, void *node);
wri_list *wri_add_first(wri_parse *p, wri_list *l, wr_ast *e);
char *wri_upper(wri_parse *p, const char *s);

wr_ast *wri_ast(wri_parse *p, wr_ast_kind kind, wr_loc loc);
wr_ast *wri_leaf(wri_parse *p, wr_ast_kind kind, wri_tok t, const char *text);
wr_ast *wri_op(wri_parse *p, wr_ast_kind kind, wri_oper op, wr_ast *a, wr_ast *b, wr_ast *c);
wr_ast *wri_op_list(wri_parse *p, wri_oper op, wr_ast *a, wri_list *l, wri_tok end);
wr_ast *wri_unary(wri_parse *p, const char *op, wri_tok t, wr_ast *a);
wr_ast *wri_paren(wri_parse *p, wr_ast *e, wri_tok l, wri_tok r);
wr_ast *wri_span(wr_ast *e, uint32_t at, uint32_t end);
wr_ast *wri_many(wri_parse *p, wr_ast_kind kind, wri_list *l, wri_tok from, wri_tok to);
wr_ast *wri_with_query(wri_parse *p, wr_ast_kind kind, wr_ast *left, wr_query *q, wri_oper op);
wr_ast *wri_case(wri_parse *p, wr_ast *operand, wri_list *whens, wr_ast *otherwise, wr_loc loc);
wr_ast *wri_cast(wri_parse *p, wr_ast *e, wr_ast *type, bool try_cast, wr_loc loc);
wr_ast *wri_temporal(wri_parse *p, wr_kind kind, wri_tok word, wri_tok s);
wr_ast *wri_braces(wri_parse *p, wri_tok l, wri_tok word, wri_tok s, wri_tok r);
wr_ast *wri_interval(wri_parse *p, wri_tok word, wri_oper sign, wri_tok value, wri_units u);
wr_ast *wri_unit_form(wri_parse *p, wr_ast_kind kind, const char *op, wr_ast *e, wri_units u);
wr_ast *wri_column(wri_parse *p, wri_list *name);
wr_ast *wri_star(wri_parse *p, wri_list *name, wri_tok star);
wri_list *wri_name_part(wri_parse *p, wri_list *l, wri_tok t);
wr_name wri_name(wri_parse *p, const wri_list *l);
wr_ident wri_ident(wri_tok t);
wri_list *wri_ident_add(wri_parse *p, wri_list *l, wri_tok t);
wri_list *wri_sort_add(wri_parse *p, wri_list *l, wr_ast *e, bool desc, wri_oper nulls);
wri_units wri_unit(wri_parse *p, wr_unit u, wri_tok t);
wri_units wri_unit_word(wri_parse *p, wri_tok t);
wri_units wri_unit_prec(wri_parse *p, wri_units u, wri_tok a, wri_tok b, wri_tok end);
wri_units wri_unit_to(wri_units a, wri_units b);
bool wri_uint(wri_parse *p, wri_tok t, uint64_t max, uint64_t *outp);

/* ---- ast_call.c: calls, windows, types ---- */
wr_ast *wri_call(wri_parse *p, wri_list *name, wri_list *args, wri_tok end);
wr_ast *wri_call_word(wri_parse *p, wri_tok word, wri_list *args, wri_tok end);
wr_ast *wri_call_form(wri_parse *p, wri_tok word, const char *keyword, wri_list *args, wri_tok end);
wr_ast *wri_call_quant(wr_ast *call, bool distinct, bool star);
wr_ast *wri_call_floor(wri_parse *p, wri_tok word, const char *op, wri_list *args, wri_tok end);
wr_ast *wri_call_unit(wri_parse *p, wri_tok word, wri_units u, wri_list *args, wri_tok end);
typedef enum wri_mod_kind {
    WRI_M_ORDER_INSIDE,
    WRI_M_WITHIN,
    WRI_M_IGNORE,
    WRI_M_RESPECT,
    WRI_M_FROM_FIRST,
    WRI_M_FROM_LAST,
    WRI_M_FILTER,
    WRI_M_RETURNING,
    WRI_M_ON,
    WRI_M_WRAPPER
} wri_mod_kind;
typedef struct wri_mod { /* what stands in or behind the parentheses of a call */
    wri_mod_kind kind;
    wr_loc loc;
    wri_list *sorts;
    wr_ast *expr; /* FILTER; RETURNING: a CAST node that holds the type; ON: DEFAULT's value */
    const char *behaviour, *event;
    int on; /* wr_json_on of ON, wr_json_wrap of WRAPPER */
} wri_mod;
wri_list *wri_mod_add(wri_parse *p, wri_list *l, wri_mod m);
wr_ast *wri_call_mods(wri_parse *p, wr_ast *call, wri_list *mods);
wr_ast *wri_call_over(wri_parse *p, wr_ast *call, wr_window *over);
wr_ast *wri_named_arg(wri_parse *p, wri_tok name, wr_ast *e);
wr_ast *wri_table_arg(wri_parse *p, wri_tok word, wri_list *name, wr_query *q, uint32_t end);
wr_ast *wri_table_arg_by(wri_parse *p, wr_ast *t, wr_ast *partition, wri_list *order);
wr_window *wri_window(wri_parse *p, wri_tok l, wri_list *partition, wri_list *order, wri_tok r);
wr_window *wri_window_at(wr_window *w, wri_tok l, wri_tok r);
wr_window *wri_window_named(wri_parse *p, wri_tok name, wr_window *w);
typedef struct wri_bound {
    wr_bound_kind kind;
    wr_ast *expr;
} wri_bound;
typedef struct wri_frame {
    bool given, rows, between;
    wri_bound lo, hi;
} wri_frame;
wr_window *wri_window_frame(wri_parse *p, wr_window *w, wri_frame f);
/* Types are carried by a CAST node without operand: its type, unit and unit2. */
wr_ast *wri_type(wri_parse *p, wri_tok word, const char *word2, wri_list *args, uint32_t end);
wr_ast *wri_type_zone(wri_parse *p, wr_ast *type, int zone, uint32_t end);
wr_ast *wri_type_interval(wri_parse *p, wri_tok word, wri_units u);
wri_list *wri_type_arg(wri_parse *p, wri_list *l, wri_tok n);

/* ---- ast_query.c ---- */
wri_list *wri_item_add(wri_parse *p, wri_list *l, wr_ast *e, wri_tok alias);
wr_query *wri_select(wri_parse *p, wri_tok word, bool stream, bool distinct, wri_list *items);
typedef enum wri_clause_kind {
    WRI_C_FROM,
    WRI_C_WHERE,
    WRI_C_GROUP,
    WRI_C_STAGGER,
    WRI_C_HAVING,
    WRI_C_WINDOW,
    WRI_C_QUALIFY
} wri_clause_kind;
wr_query *wri_clause(wri_parse *p, wr_query *q, wri_clause_kind kind, void *node);
wri_list *wri_window_add(wri_parse *p, wri_list *l, wri_tok name, wr_window *w);
wr_query *wri_values(wri_parse *p, wri_tok word, wri_list *rows);
wr_query *wri_set(wri_parse *p, wr_query_kind kind, bool all, wr_query *l, wr_query *r);
wr_query *wri_query_paren(wri_parse *p, wr_query *q, wri_tok l, wri_tok r);
wr_query *wri_query_with(wri_parse *p, wri_tok word, wri_list *ctes, wr_query *q);
wr_query *wri_query_order(wri_parse *p, wr_query *q, wri_list *sorts, wr_ast *within);
typedef enum wri_tail_kind { WRI_L_LIMIT, WRI_L_OFFSET, WRI_L_EMIT, WRI_L_LATENESS } wri_tail_kind;
typedef struct wri_tail {
    wri_tail_kind kind;
    wr_emit_kind emit;
    wr_ast *expr; /* NULL: LIMIT ALL */
    wri_list *by; /* LIMIT n BY; NULL: not */
    wr_loc loc;
} wri_tail;
wr_query *wri_query_tail(wri_parse *p, wr_query *q, wri_tail t);
wri_list *wri_cte_add(wri_parse *p, wri_list *l, wri_tok name, wri_list *columns, wr_query *q);
wr_group *wri_group(wri_parse *p, wr_group_kind kind, wr_ast *e, wri_list *items, wr_loc loc);
wri_list *wri_group_add(wri_parse *p, wri_list *l, wr_group *g);

wr_from *wri_from_table(wri_parse *p, wri_list *name);
wr_from *wri_from_query(wri_parse *p, wr_query *q);
wr_from *wri_from_function(wri_parse *p, wr_from_kind kind, wr_ast *call, bool table_form, wr_loc loc);
wr_from *wri_from_lateral(wr_from *f, wri_tok word);
wr_from *wri_from_alias(wri_parse *p, wr_from *f, wri_tok alias, wri_list *columns, uint32_t end);
wr_from *wri_from_over(wri_parse *p, wr_from *f, wr_window *w);
wr_from *wri_from_as_of(wri_parse *p, wr_from *f, wr_ast *e);
/* rows: a name for f's rows, or none. */
wr_from *wri_from_match(wri_parse *p, wr_from *f, wri_tok rows, wr_match *m, wri_tok end);
wr_from *wri_join(wri_parse *p, wr_from *l, wri_oper kind, wr_from *r);
wr_from *wri_join_on(wri_parse *p, wr_from *join, wr_ast *on, wri_list *using_cols);

wr_match *wri_match(wri_parse *p);
typedef enum wri_match_part {
    WRI_MT_PARTITION,
    WRI_MT_ORDER,
    WRI_MT_MEASURES,
    WRI_MT_PATTERN,
    WRI_MT_WITHIN,
    WRI_MT_SUBSETS,
    WRI_MT_DEFINES
} wri_match_part;
wr_match *wri_match_set(wri_parse *p, wr_match *m, wri_match_part part, void *node);
wr_match *wri_match_rows(wri_parse *p, wr_match *m, bool all, const char *empty);
wr_match *wri_match_skip(wri_parse *p, wr_match *m, const char *skip, wri_tok var);
wri_list *wri_define_add(wri_parse *p, wri_list *l, wri_tok var, wr_ast *e);
wr_pattern *wri_pattern_var(wri_parse *p, wr_pattern_kind kind, wri_tok t, const char *anchor);
wr_pattern *wri_pattern_join(wri_parse *p, wr_pattern_kind kind, wr_pattern *a, wr_pattern *b);
wr_pattern *wri_pattern_list(wri_parse *p, wr_pattern_kind kind, wri_list *l, wri_tok from, wri_tok to);
wr_pattern *wri_pattern_group(wr_pattern *a, wri_tok l, wri_tok r);
typedef struct wri_quant {
    int64_t min, max;
    bool reluctant;
} wri_quant;
wri_quant wri_quant_of(wri_parse *p, wri_tok lo, wri_tok hi, bool comma);
wr_pattern *wri_pattern_times(wri_parse *p, wr_pattern *a, wri_quant q);

/* ---- ast_stmt.c: all work on p->stmt ---- */
void wri_stmt_kind(wri_parse *p, wr_stmt_kind kind, const char *what, wri_list *name);
typedef enum wri_flag {
    WRI_FL_OR_REPLACE,
    WRI_FL_TEMPORARY,
    WRI_FL_IF_NOT_EXISTS,
    WRI_FL_IF_EXISTS,
    WRI_FL_STARTED,
    WRI_FL_STOPPED,
    WRI_FL_EXPEDITED,
    WRI_FL_DETERMINISTIC,
    WRI_FL_NOT_DETERMINISTIC,
    WRI_FL_NULL_ON_NULL,
    WRI_FL_AGGREGATE
} wri_flag;
void wri_stmt_flag(wri_parse *p, wri_flag f);
void wri_stmt_columns(wri_parse *p, wri_list *columns);
void wri_stmt_query(wri_parse *p, wr_query *q);
void wri_stmt_description(wri_parse *p, wri_tok s);
void wri_stmt_options(wri_parse *p, wri_tok word, wri_list *options);
void wri_stmt_rowtime(wri_parse *p, wri_tok word, wri_tok column);
void wri_stmt_watermark(wri_parse *p, wri_tok word, wri_tok column, wr_ast *e);
void wri_stmt_key(wri_parse *p, wri_tok word, wri_list *columns);
void wri_stmt_target(wri_parse *p, wri_list *name, wri_list *columns);
void wri_stmt_params(wri_parse *p, wri_list *params);
void wri_stmt_returns(wri_parse *p, wr_ast *type);
void wri_stmt_body(wri_parse *p, wri_tok word, wr_ast *e, wri_tok file);
void wri_stmt_create_end(wri_parse *p);
void wri_stmt_set(wri_parse *p, wri_list *name, const char *value);
void wri_stmt_alter(wri_parse *p, const char *what, wri_list *names, const char *action);
void wri_stmt_explain(wri_parse *p);
void wri_explain_option(wri_parse *p, wri_tok name, wri_tok value);
wr_column_def *wri_col(wri_parse *p, wri_tok name, wr_ast *type, wr_ast *computed);
typedef enum wri_col_opt {
    WRI_CO_NOT_NULL,
    WRI_CO_NULL,
    WRI_CO_KEY,
    WRI_CO_FROM,
    WRI_CO_METADATA
} wri_col_opt;
wr_column_def *wri_col_set(wri_parse *p, wr_column_def *c, wri_col_opt opt, wri_tok t);
wri_list *wri_col_add(wri_parse *p, wri_list *l, wr_column_def *c);
wri_list *wri_option_add(wri_parse *p, wri_list *l, wri_tok key, wri_tok value);
wri_list *wri_param_add(wri_parse *p, wri_list *l, wri_tok name, wr_ast *type);
wri_list *wri_names_add(wri_parse *p, wri_list *l, wri_list *name);
/* A dotted name as one string; a sign before a number. */
wri_tok wri_tok_dotted(wri_parse *p, const wri_list *name);
wri_tok wri_tok_signed(wri_parse *p, wri_tok sign, wri_tok number);

/* ---- print.c, print_query.c, print_stmt.c ---- */
typedef struct wri_out { /* a writer that remembers its first failure */
    wr_buf *b;
    wr_status st;
    bool after_word; /* the call that comes next stands behind RUNNING or FINAL: no parenthesis may */
} wri_out;
void wri_puts(wri_out *o, const char *s);
void wri_put_string(wri_out *o, const char *s); /* 'it''s' */
void wri_put_ident(wri_out *o, const wr_ident *id);
void wri_put_idents(wri_out *o, const wr_ident *ids, uint32_t n); /* (a, b) */
void wri_put_name(wri_out *o, const wr_name *name);
void wri_put_type(wri_out *o, wr_type t);
void wri_put_expr(wri_out *o, const wr_ast *e);
void wri_put_value(wri_out *o, const wr_ast *e); /* as sql.y's val: conditions in parentheses */
void wri_put_call(wri_out *o, const wr_ast *e, bool in_from);
void wri_put_arg(wri_out *o, const wr_ast *a); /* of a call */
void wri_put_direction(wri_out *o, const wr_sort *s);
void wri_put_exprs(wri_out *o, wr_ast *const *es, uint32_t n);
void wri_put_sorts(wri_out *o, const wr_sort *s, uint32_t n);
void wri_put_over(wri_out *o, const wr_window *w);
void wri_put_query(wri_out *o, const wr_query *q);
void wri_put_from(wri_out *o, const wr_from *f);
void wri_put_match(wri_out *o, const wr_match *m);

/* ---- equal.c, equal_stmt.c ---- */
bool wri_str_same(const char *a, const char *b); /* NULL equals only NULL */
bool wri_ident_same(const wr_ident *a, const wr_ident *b);
bool wri_idents_same(const wr_ident *a, uint32_t na, const wr_ident *b, uint32_t nb);
bool wri_name_same(const wr_name *a, const wr_name *b);
bool wri_type_same(wr_type a, wr_type b);
bool wri_asts_same(wr_ast *const *a, uint32_t na, wr_ast *const *b, uint32_t nb);
bool wri_sorts_same(const wr_sort *a, uint32_t na, const wr_sort *b, uint32_t nb);
bool wri_query_same(const wr_query *a, const wr_query *b);

#endif

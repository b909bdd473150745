/* parser/sql.y -- the grammar of both dialects, for lemon.
 *
 * One run of the automaton is one statement; parse.c cuts the script at ';'. Every action is one call of
 * a constructor (ast*.c), which does nothing once p->failed is set.
 *
 * Words: parse.c offers a word as keyword when the automaton can take the keyword there (it asks exactly,
 * by wri_sql_accepts) and what follows suits it, else as ID. So nearly all words stay usable as names, and
 * no %fallback is needed; lemon's own would prefer ID to a default reduction, which is wrong for us.
 * Tokens that parse.c makes by looking ahead: WITHIN_GROUP, SIMILAR_TO, FROM_END (of NTH_VALUE),
 * NOT_NULL, RETURNS_NULL, WITH_WRAPPER, WITHOUT_WRAPPER (of JSON_QUERY), VALUE_KIND (IS JSON VALUE), IGNORE_IN, RESPECT_IN,
 * INTERVAL_TYPE, ROW_OF (ROW before a parenthesis), ERROR_ITEM (a column definition already reported).
 * The text of a keyword or operator is its canonical spelling. */
%include {
#define NDEBUG 1 /* lemon's traces need mutable globals */
#define YYNOERRORRECOVERY 1
#include "parser/parser_int.h"
#define OPER(o, t) ((wri_oper){.op = (o), .at = (t).loc.at})
#define SPAN(l, r) ((wr_loc){(l).loc.at, (r).loc.end})
#define NONE ((wri_tok){0})
}
%name wri_sql
%token_prefix TK_
%token_type { wri_tok }
%extra_context { wri_parse *p }
%stack_size 8000
%syntax_error { (void)yymajor; (void)TOKEN; p->syntax = p->failed = true; }
%stack_overflow { wri_too_deep(p); }
%parse_accept { p->done = true; }
%start_symbol input

%nonassoc LOWEST.
%nonassoc RP TO ORDER OVER.
%left UNION EXCEPT.
%left INTERSECT.
%left OR.
%left AND.
%right NOT.
%left IS EQ NE LT LE GT GE BETWEEN IN LIKE RLIKE SIMILAR_TO CONTAINS OVERLAPS EQUALS PRECEDES SUCCEEDS LEADS LAGS
      STRICTLY IMMEDIATELY.
%left PLUS MINUS.
%left STAR SLASH PERCENT.
%left CONCAT ARROW DARROW.
%right UNARY.
%left AT DCOLON LB.

%default_type { wr_ast * }
%type query { wr_query * } %type query_np { wr_query * } %type paren_query { wr_query * }
%type simple { wr_query * } %type qexpr { wr_query * } %type qtail { wr_query * } %type qbody { wr_query * }
%type sel1 { wr_query * } %type sel2 { wr_query * } %type sel3 { wr_query * } %type sel4 { wr_query * }
%type sel5 { wr_query * } %type sel6 { wr_query * } %type sel7 { wr_query * }
%type tclause { wri_tail } %type emit { wri_tail }
%type all { bool } %type stream { bool } %type distinct { bool }

%type name { wri_list * } %type names { wri_list * } %type idlist { wri_list * } %type exprs { wri_list * }
%type exprs_opt { wri_list * } %type args { wri_list * } %type items { wri_list * } %type sorts { wri_list * }
%type sort { wri_list * } %type whens { wri_list * } %type partition { wri_list * } %type order { wri_list * }
%type groups { wri_list * } %type group_list { wri_list * }
%type group { wr_group * }
%type windows { wri_list * } %type ctes { wri_list * } %type columns { wri_list * } %type opt_columns { wri_list * }
%type stagger { wr_window * } %type wspec { wr_window * } %type wref { wr_window * }
%type frame { wri_frame }
%type bound { wri_bound }
%type mods { wri_list * }
%type mod { wri_mod }
%type tail_mods { wri_list * }
%type tail_mod { wri_mod } %type json_value { wri_mod } %type wrapper { wri_mod }
%type json_event { const char * } %type json_kind { const char * }

%type from { wr_from * } %type join { wr_from * } %type tprim { wr_from * } %type tbase { wr_from * }
%type tplain { wr_from * }
%type jtype { wri_oper }
%type match { wr_match * } %type match1 { wr_match * } %type match2 { wr_match * } %type match3 { wr_match * }
%type match4 { wr_match * } %type match5 { wr_match * } %type match6 { wr_match * } %type match7 { wr_match * }
%type measures { wri_list * } %type defines { wri_list * } %type subsets { wri_list * }
%type pattern { wr_pattern * } %type pseq { wr_pattern * } %type pterm { wr_pattern * } %type patom { wr_pattern * }
%type plist { wri_list * }
%type quant { wri_quant }
%type reluctant { bool }

%type cmp { wri_oper } %type in { wri_oper } %type like { wri_oper } %type between { wri_oper }
%type symmetric { bool }
%type is { wri_oper } %type truth { wri_oper } %type period { wri_oper } %type period_op { wri_oper }
%type nulls { wri_oper }
%type desc { bool }
%type sign { wri_oper }
%type unit { wri_units } %type unit_word { wri_units } %type unit_prec { wri_units } %type qualifier { wri_units }
%type type_args { wri_list * }

%type celems { wri_list * }
%type column { wr_column_def * }
%type options { wri_list * }
%type option_key { wri_tok } %type option_value { wri_tok }
%type params { wri_list * } %type param_list { wri_list * } %type alter_names { wri_list * }
%type alter_name { wri_list * } %type set_name { wri_list * }
%type drop_what { const char * } %type pump_action { const char * }

input ::= stmt.

/* ======== statements ======== */
stmt ::= query(Q). { wri_stmt_kind(p, WR_S_QUERY, NULL, NULL); wri_stmt_query(p, Q); }
stmt ::= insert. { wri_stmt_kind(p, WR_S_INSERT, NULL, NULL); }

insert ::= INSERT expedited INTO name(N) query(Q). { wri_stmt_target(p, N, NULL); wri_stmt_query(p, Q); }
insert ::= INSERT expedited INTO name(N) columns(C) query(Q). {
    wri_stmt_target(p, N, C); wri_stmt_query(p, Q);
}
expedited ::= .
expedited ::= EXPEDITED. { wri_stmt_flag(p, WRI_FL_EXPEDITED); }
opt_columns(A) ::= . { A = NULL; }
opt_columns(A) ::= columns(C). { A = C; }
columns(A) ::= LP idlist(L) RP. { A = L; }

create ::= CREATE or_replace temporary.
or_replace ::= .
or_replace ::= OR REPLACE. { wri_stmt_flag(p, WRI_FL_OR_REPLACE); }
temporary ::= .
temporary ::= TEMPORARY. { wri_stmt_flag(p, WRI_FL_TEMPORARY); }
if_not_exists ::= .
if_not_exists ::= IF NOT EXISTS. { wri_stmt_flag(p, WRI_FL_IF_NOT_EXISTS); }

stmt ::= create STREAM|TABLE(W) if_not_exists name(N) celem_list clauses as_query. {
    wri_stmt_kind(p, WR_S_CREATE_STREAM, W.text, N); wri_stmt_create_end(p);
}
as_query ::= .
as_query ::= AS query(Q). { wri_stmt_query(p, Q); }
clauses ::= .
clauses ::= clauses clause.
clause ::= description.
clause ::= WITH(W) LP options(L) RP. { wri_stmt_options(p, W, L); }
clause ::= ROWTIME(W) FROM ID(C). { wri_stmt_rowtime(p, W, C); }
description ::= DESCRIPTION|COMMENT STRING(S). { wri_stmt_description(p, S); }

celem_list ::= .
celem_list ::= LP celems(L) RP. { wri_stmt_columns(p, L); }
celems(A) ::= column(C). { A = wri_col_add(p, NULL, C); }
celems(A) ::= celem. { A = NULL; }
celems(A) ::= celems(L) COMMA column(C). { A = wri_col_add(p, L, C); }
celems(A) ::= celems(L) COMMA celem. { A = L; }
celem ::= WATERMARK(W) FOR ID(C) AS expr(E). { wri_stmt_watermark(p, W, C, E); }
celem ::= ROWTIME(W) FROM ID(C). { wri_stmt_rowtime(p, W, C); }
celem ::= PRIMARY(W) KEY columns(L) enforced. { wri_stmt_key(p, W, L); }
celem ::= CONSTRAINT(W) ID PRIMARY KEY columns(L) enforced. { wri_stmt_key(p, W, L); }
celem ::= ERROR_ITEM.
enforced ::= .
enforced ::= NOT ENFORCED.
column(A) ::= ID(N). { A = wri_col(p, N, NULL, NULL); }
column(A) ::= ID(N) AS expr(E). { A = wri_col(p, N, NULL, E); }
column(A) ::= ID(N) type(T). { A = wri_col(p, N, T, NULL); }
column(A) ::= ID(N) type(T) AS expr(E). { A = wri_col(p, N, T, E); }
column(A) ::= column(C) NOT_NULL NULL(T). { A = wri_col_set(p, C, WRI_CO_NOT_NULL, T); }
column(A) ::= column(C) NULL(T). { A = wri_col_set(p, C, WRI_CO_NULL, T); }
column(A) ::= column(C) PRIMARY KEY(T) enforced. { A = wri_col_set(p, C, WRI_CO_KEY, T); }
column(A) ::= column(C) FROM STRING(S). { A = wri_col_set(p, C, WRI_CO_FROM, S); }
column(A) ::= column(C) METADATA(T). { A = wri_col_set(p, C, WRI_CO_METADATA, T); }
column(A) ::= column(C) VIRTUAL. { A = C; }
column(A) ::= column(C) COMMENT STRING. { A = C; }

options(A) ::= option_key(K) EQ option_value(V). { A = wri_option_add(p, NULL, K, V); }
options(A) ::= options(L) COMMA option_key(K) EQ option_value(V). { A = wri_option_add(p, L, K, V); }
option_key(A) ::= STRING(S). { A = S; A.quoted = true; }
option_key(A) ::= name(N). { A = wri_tok_dotted(p, N); }
option_value(A) ::= STRING(S). { A = S; }
option_value(A) ::= NUMBER(S). { A = S; }
option_value(A) ::= MINUS(M) NUMBER(S). { A = wri_tok_signed(p, M, S); }
option_value(A) ::= name(N). { A = wri_tok_dotted(p, N); }
option_value(A) ::= TRUE(T). { A = T; A.text = "true"; }
option_value(A) ::= FALSE(T). { A = T; A.text = "false"; }

stmt ::= create VIEW if_not_exists name(N) opt_columns(C) view_clauses AS query(Q). {
    wri_stmt_kind(p, WR_S_CREATE_VIEW, "VIEW", N); wri_stmt_target(p, NULL, C); wri_stmt_query(p, Q);
}
view_clauses ::= .
view_clauses ::= description.

stmt ::= create PUMP if_not_exists name(N) pump_clauses AS insert. {
    wri_stmt_kind(p, WR_S_CREATE_PUMP, "PUMP", N);
}
pump_clauses ::= .
pump_clauses ::= pump_clauses description.
pump_clauses ::= pump_clauses STARTED. { wri_stmt_flag(p, WRI_FL_STARTED); }
pump_clauses ::= pump_clauses STOPPED. { wri_stmt_flag(p, WRI_FL_STOPPED); }

stmt ::= create FUNCTION if_not_exists name(N) params returns func_clauses func_body. {
    wri_stmt_kind(p, WR_S_CREATE_FUNCTION, "FUNCTION", N);
}
stmt ::= create AGGREGATE FUNCTION if_not_exists name(N) params returns func_clauses func_body. {
    wri_stmt_kind(p, WR_S_CREATE_FUNCTION, "FUNCTION", N); wri_stmt_flag(p, WRI_FL_AGGREGATE);
}
params ::= .
params ::= LP RP.
params ::= LP param_list(L) RP. { wri_stmt_params(p, L); }
param_list(A) ::= ID(N) type(T). { A = wri_param_add(p, NULL, N, T); }
param_list(A) ::= IN ID(N) type(T). { A = wri_param_add(p, NULL, N, T); }
param_list(A) ::= param_list(L) COMMA ID(N) type(T). { A = wri_param_add(p, L, N, T); }
param_list(A) ::= param_list(L) COMMA IN ID(N) type(T). { A = wri_param_add(p, L, N, T); }
returns ::= .
returns ::= RETURNS type(T). { wri_stmt_returns(p, T); }
func_clauses ::= .
func_clauses ::= func_clauses func_clause.
func_clause ::= description.
func_clause ::= LANGUAGE ID|SQL.
func_clause ::= SPECIFIC name.
func_clause ::= DETERMINISTIC. { wri_stmt_flag(p, WRI_FL_DETERMINISTIC); }
func_clause ::= NOT DETERMINISTIC. { wri_stmt_flag(p, WRI_FL_NOT_DETERMINISTIC); }
func_clause ::= CONTAINS|NO SQL.
func_clause ::= READS|MODIFIES SQL DATA.
func_clause ::= RETURNS_NULL NULL ON NULL INPUT. { wri_stmt_flag(p, WRI_FL_NULL_ON_NULL); }
func_clause ::= CALLED ON NULL INPUT.
func_body ::= RETURN(W) expr(E). { wri_stmt_body(p, W, E, NONE); }
func_body ::= EXTENSION(W) STRING(S). { wri_stmt_body(p, W, NULL, S); }

stmt ::= EXPLAIN stmt. { wri_stmt_explain(p); }
stmt ::= EXPLAIN PLAN FOR stmt. { wri_stmt_explain(p); }
stmt ::= EXPLAIN analyze stmt. { wri_stmt_explain(p); }
stmt ::= EXPLAIN LP explain_list RP stmt. { wri_stmt_explain(p); }
analyze ::= ANALYZE(W). { wri_explain_option(p, W, NONE); }
explain_list ::= explain_option.
explain_list ::= explain_list COMMA explain_option.
explain_option ::= FORMAT(W) ID(V). { wri_explain_option(p, W, V); }
explain_option ::= analyze.

stmt ::= SHOW name(N). { wri_stmt_kind(p, WR_S_SHOW, NULL, N); }
stmt ::= DESCRIBE|DESC name(N). { wri_stmt_kind(p, WR_S_DESCRIBE, NULL, N); }
stmt ::= SET set_name(N) EQ option_value(V). { wri_stmt_set(p, N, V.text); }
stmt ::= SET set_name(N) option_value(V). { wri_stmt_set(p, N, V.text); }
set_name(A) ::= name(N). { A = N; }
set_name(A) ::= STRING(S). { S.quoted = true; A = wri_name_part(p, NULL, S); }
stmt ::= DROP temporary drop_what(W) if_exists name(N) drop_how. { wri_stmt_kind(p, WR_S_DROP, W, N); }
drop_what(A) ::= STREAM|TABLE|VIEW|PUMP|FUNCTION(W). { A = W.text; }
drop_what(A) ::= AGGREGATE FUNCTION(W). { A = W.text; }
if_exists ::= .
if_exists ::= IF EXISTS. { wri_stmt_flag(p, WRI_FL_IF_EXISTS); }
drop_how ::= .
drop_how ::= CASCADE|RESTRICT.
stmt ::= ALTER PUMP alter_names(L) pump_action(S). { wri_stmt_alter(p, "PUMP", L, S); }
stmt ::= ALTER STREAM alter_names(L) RESET. { wri_stmt_alter(p, "STREAM", L, "RESET"); }
pump_action(A) ::= START|STOP|RESET(W). { A = W.text; }
alter_names(A) ::= alter_name(N). { A = wri_names_add(p, NULL, N); }
alter_names(A) ::= alter_names(L) COMMA alter_name(N). { A = wri_names_add(p, L, N); }
alter_name(A) ::= name(N). { A = N; }
alter_name(A) ::= name(N) DOT STAR(S). { S.text = "*"; A = wri_name_part(p, N, S); }

/* ======== names and lists ======== */
name(A) ::= ID(T). { A = wri_name_part(p, NULL, T); }
name(A) ::= name(L) DOT ID(T). { A = wri_name_part(p, L, T); }
idlist(A) ::= ID(T). { A = wri_ident_add(p, NULL, T); }
idlist(A) ::= idlist(L) COMMA ID(T). { A = wri_ident_add(p, L, T); }
exprs(A) ::= expr(E). { A = wri_add_node(p, NULL, E); }
exprs(A) ::= exprs(L) COMMA expr(E). { A = wri_add_node(p, L, E); }
exprs_opt(A) ::= . { A = NULL; }
exprs_opt(A) ::= exprs(L). { A = L; }
sorts(A) ::= expr(E) desc(D) nulls(N). { A = wri_sort_add(p, NULL, E, D, N); }
sorts(A) ::= sorts(L) COMMA expr(E) desc(D) nulls(N). { A = wri_sort_add(p, L, E, D, N); }
sort(A) ::= expr(E) desc(D) nulls(N). { A = wri_sort_add(p, NULL, E, D, N); }
desc(A) ::= . { A = false; }
desc(A) ::= ASC. { A = false; }
desc(A) ::= DESC. { A = true; }
nulls(A) ::= . { A = (wri_oper){0}; }
nulls(A) ::= NULLS FIRST. { A = (wri_oper){.flag = true, .flag2 = true}; }
nulls(A) ::= NULLS LAST. { A = (wri_oper){.flag = true}; }

/* ======== queries ======== */
query(A) ::= query_np(Q). { A = Q; }
query(A) ::= paren_query(Q). [LOWEST] { A = Q; }
paren_query(A) ::= LP(L) query_np(Q) RP(R). { A = wri_query_paren(p, Q, L, R); }
paren_query(A) ::= LP(L) paren_query(Q) RP(R). { A = wri_query_paren(p, Q, L, R); }
query_np(A) ::= simple(Q). { A = Q; }
query_np(A) ::= qtail(Q). { A = Q; }
query_np(A) ::= WITH(W) ctes(L) qbody(Q). { A = wri_query_with(p, W, L, Q); }
qbody(A) ::= qexpr(Q). { A = Q; }
qbody(A) ::= qtail(Q). { A = Q; }
qexpr(A) ::= simple(Q). { A = Q; }
qexpr(A) ::= paren_query(Q). [LOWEST] { A = Q; }
simple(A) ::= sel7(Q). { A = Q; }
simple(A) ::= VALUES(W) exprs(L). { A = wri_values(p, W, L); }
simple(A) ::= qexpr(L) UNION all(K) qexpr(R). [UNION] { A = wri_set(p, WR_Q_UNION, K, L, R); }
simple(A) ::= qexpr(L) EXCEPT all(K) qexpr(R). [EXCEPT] { A = wri_set(p, WR_Q_EXCEPT, K, L, R); }
simple(A) ::= qexpr(L) INTERSECT all(K) qexpr(R). [INTERSECT] { A = wri_set(p, WR_Q_INTERSECT, K, L, R); }
all(A) ::= . { A = false; }
all(A) ::= ALL. { A = true; }
all(A) ::= DISTINCT. { A = false; }

ctes(A) ::= ID(N) opt_columns(C) AS paren_query(Q). { A = wri_cte_add(p, NULL, N, C, Q); }
ctes(A) ::= ctes(L) COMMA ID(N) opt_columns(C) AS paren_query(Q). { A = wri_cte_add(p, L, N, C, Q); }

qtail(A) ::= qexpr(Q) ORDER BY sorts(L). { A = wri_query_order(p, Q, L, NULL); }
qtail(A) ::= qexpr(Q) ORDER BY sorts(L) WITHIN val(E). { A = wri_query_order(p, Q, L, E); }
qtail(A) ::= qexpr(Q) tclause(T). { A = wri_query_tail(p, Q, T); }
qtail(A) ::= qtail(Q) tclause(T). { A = wri_query_tail(p, Q, T); }
tclause(A) ::= LIMIT(W) val(E). { A = (wri_tail){.kind = WRI_L_LIMIT, .expr = E, .loc = W.loc}; }
tclause(A) ::= LIMIT(W) val(E) BY exprs(L). {
    A = (wri_tail){.kind = WRI_L_LIMIT, .expr = E, .by = L, .loc = W.loc};
}
tclause(A) ::= LIMIT(W) ALL. { A = (wri_tail){.kind = WRI_L_LIMIT, .loc = W.loc}; }
tclause(A) ::= OFFSET(W) val(E) rows_opt. { A = (wri_tail){.kind = WRI_L_OFFSET, .expr = E, .loc = W.loc}; }
tclause(A) ::= FETCH(W) first_next val(E) row_rows ONLY. {
    A = (wri_tail){.kind = WRI_L_LIMIT, .expr = E, .loc = W.loc};
}
tclause(A) ::= FETCH(W) first_next row_rows ONLY. {
    W.text = "1";
    A = (wri_tail){.kind = WRI_L_LIMIT, .expr = wri_leaf(p, WR_A_NUMBER, W, "1"), .loc = W.loc};
}
tclause(A) ::= EMIT(W) emit(M). { A = M; A.kind = WRI_L_EMIT; A.loc = W.loc; }
tclause(A) ::= ALLOWED(W) LATENESS val(E). {
    A = (wri_tail){.kind = WRI_L_LATENESS, .expr = E, .loc = W.loc};
}
rows_opt ::= .
rows_opt ::= row_rows.
row_rows ::= ROW|ROWS.
first_next ::= FIRST|NEXT.
emit(A) ::= CHANGES. { A = (wri_tail){.emit = WR_EMIT_CHANGES}; }
emit(A) ::= FINAL. { A = (wri_tail){.emit = WR_EMIT_FINAL}; }
emit(A) ::= ON WINDOW CLOSE. { A = (wri_tail){.emit = WR_EMIT_ON_CLOSE}; }
emit(A) ::= EARLY EVERY val(E). { A = (wri_tail){.emit = WR_EMIT_EARLY, .expr = E}; }

sel1(A) ::= SELECT(W) stream(S) distinct(D) items(L). { A = wri_select(p, W, S, D, L); }
stream(A) ::= . { A = false; }
stream(A) ::= STREAM. { A = true; }
distinct(A) ::= . { A = false; }
distinct(A) ::= ALL. { A = false; }
distinct(A) ::= DISTINCT. { A = true; }
items(A) ::= item_expr(E). { A = wri_item_add(p, NULL, E, NONE); }
items(A) ::= expr(E) ID(N). { A = wri_item_add(p, NULL, E, N); }
items(A) ::= expr(E) AS ID(N). { A = wri_item_add(p, NULL, E, N); }
items(A) ::= items(L) COMMA item_expr(E). { A = wri_item_add(p, L, E, NONE); }
items(A) ::= items(L) COMMA expr(E) ID(N). { A = wri_item_add(p, L, E, N); }
items(A) ::= items(L) COMMA expr(E) AS ID(N). { A = wri_item_add(p, L, E, N); }
item_expr(A) ::= expr(E). { A = E; }
item_expr(A) ::= STAR(S). { A = wri_star(p, NULL, S); }
item_expr(A) ::= name(N) DOT STAR(S). { A = wri_star(p, N, S); }
sel2(A) ::= sel1(Q). { A = Q; }
sel2(A) ::= sel1(Q) FROM from(F). { A = wri_clause(p, Q, WRI_C_FROM, F); }
sel3(A) ::= sel2(Q). { A = Q; }
sel3(A) ::= sel2(Q) WHERE expr(E). { A = wri_clause(p, Q, WRI_C_WHERE, E); }
sel4(A) ::= sel3(Q). { A = Q; }
sel4(A) ::= sel3(Q) GROUP BY groups(L). { A = wri_clause(p, Q, WRI_C_GROUP, L); }
sel4(A) ::= sel3(Q) WINDOWED BY STAGGER stagger(W). { A = wri_clause(p, Q, WRI_C_STAGGER, W); }
sel5(A) ::= sel4(Q). { A = Q; }
sel5(A) ::= sel4(Q) HAVING expr(E). { A = wri_clause(p, Q, WRI_C_HAVING, E); }
sel6(A) ::= sel5(Q). { A = Q; }
sel6(A) ::= sel5(Q) WINDOW windows(L). { A = wri_clause(p, Q, WRI_C_WINDOW, L); }
sel7(A) ::= sel6(Q). { A = Q; }
sel7(A) ::= sel6(Q) QUALIFY expr(E). { A = wri_clause(p, Q, WRI_C_QUALIFY, E); }

groups(A) ::= group(G). { A = wri_group_add(p, NULL, G); }
groups(A) ::= groups(L) COMMA group(G). { A = wri_group_add(p, L, G); }
group(A) ::= expr(E). { A = wri_group(p, WR_G_EXPR, E, NULL, (wr_loc){0}); }
group(A) ::= LP(L) RP(R). { A = wri_group(p, WR_G_TUPLE, NULL, NULL, SPAN(L, R)); }
group(A) ::= ROLLUP(W) group_list(L). { A = wri_group(p, WR_G_ROLLUP, NULL, L, W.loc); }
group(A) ::= CUBE(W) group_list(L). { A = wri_group(p, WR_G_CUBE, NULL, L, W.loc); }
group(A) ::= GROUPING(W) SETS group_list(L). { A = wri_group(p, WR_G_SETS, NULL, L, W.loc); }
group_list(A) ::= LP groups(L) RP. { A = L; }
windows(A) ::= ID(N) AS LP wspec(W) RP(R). { A = wri_window_add(p, NULL, N, wri_window_at(W, N, R)); }
windows(A) ::= windows(B) COMMA ID(N) AS LP wspec(W) RP(R). {
    A = wri_window_add(p, B, N, wri_window_at(W, N, R));
}
stagger(A) ::= LP(L) partition(P) RANGE val(E) RP(R). {
    A = wri_window_frame(p, wri_window(p, L, P, NULL, R),
                         (wri_frame){.given = true, .lo = {WR_B_PRECEDING, E}, .hi = {WR_B_CURRENT, NULL}});
}

/* ======== FROM ======== */
from(A) ::= join(F). { A = F; }
from(A) ::= from(L) COMMA(T) join(R). { A = wri_join(p, L, (wri_oper){.op = ",", .at = T.loc.at}, R); }
join(A) ::= tprim(F). { A = F; }
join(A) ::= join(L) jtype(K) tprim(R). [LOWEST] { A = wri_join(p, L, K, R); }
join(A) ::= join(L) jtype(K) tprim(R) ON expr(E). {
    A = wri_join_on(p, wri_join(p, L, K, R), E, NULL);
}
join(A) ::= join(L) jtype(K) tprim(R) USING columns(C). {
    A = wri_join_on(p, wri_join(p, L, K, R), NULL, C);
}
jtype(A) ::= JOIN(T). { A = OPER("INNER", T); }
jtype(A) ::= INNER(T) JOIN. { A = OPER("INNER", T); }
jtype(A) ::= LEFT|RIGHT|FULL(T) outer JOIN. { A = OPER(T.text, T); }
jtype(A) ::= CROSS(T) JOIN. { A = OPER("CROSS", T); }
jtype(A) ::= NATURAL jtype(K). { A = K; A.flag = true; }
outer ::= .
outer ::= OUTER.
tprim(A) ::= tbase(F). { A = F; }
tprim(A) ::= tbase(F) ID(N). { A = wri_from_alias(p, F, N, NULL, N.loc.end); }
tprim(A) ::= tbase(F) AS ID(N). { A = wri_from_alias(p, F, N, NULL, N.loc.end); }
tprim(A) ::= tbase(F) ID(N) LP idlist(L) RP(R). { A = wri_from_alias(p, F, N, L, R.loc.end); }
tprim(A) ::= tbase(F) AS ID(N) LP idlist(L) RP(R). { A = wri_from_alias(p, F, N, L, R.loc.end); }
tprim(A) ::= tbase(F) ID(N) OVER wref(W). {
    A = wri_from_over(p, wri_from_alias(p, F, N, NULL, N.loc.end), W);
}
tprim(A) ::= tbase(F) AS ID(N) OVER wref(W). {
    A = wri_from_over(p, wri_from_alias(p, F, N, NULL, N.loc.end), W);
}
tprim(A) ::= LP from(F) RP. { A = F; }
tbase(A) ::= tplain(F). { A = F; }
tbase(A) ::= LATERAL(W) tplain(F). { A = wri_from_lateral(F, W); }
tplain(A) ::= name(N). { A = wri_from_table(p, N); }
tplain(A) ::= paren_query(Q). [LOWEST] { A = wri_from_query(p, Q); }
tplain(A) ::= table_function(E). { A = wri_from_function(p, WR_F_FUNCTION, E, false, (wr_loc){0}); }
tplain(A) ::= TABLE(W) LP table_function(E) RP(R). {
    A = wri_from_function(p, WR_F_FUNCTION, E, true, SPAN(W, R));
}
tplain(A) ::= UNNEST(W) LP exprs(L) RP(R). {
    A = wri_from_function(p, WR_F_UNNEST, wri_call_word(p, W, L, R), false, SPAN(W, R));
}
tbase(A) ::= tbase(F) FOR SYSTEM_TIME AS OF val(E). { A = wri_from_as_of(p, F, E); }
tbase(A) ::= tbase(F) OVER wref(W). { A = wri_from_over(p, F, W); }
tbase(A) ::= tbase(F) MATCH_RECOGNIZE(W) LP match(M) RP(R). {
    (void)W; A = wri_from_match(p, F, NONE, M, R);
}
tbase(A) ::= tbase(F) ID(N) MATCH_RECOGNIZE(W) LP match(M) RP(R). {
    (void)W; A = wri_from_match(p, F, N, M, R);
}
tbase(A) ::= tbase(F) AS ID(N) MATCH_RECOGNIZE(W) LP match(M) RP(R). {
    (void)W; A = wri_from_match(p, F, N, M, R);
}
table_function(A) ::= name(N) LP args(L) RP(R). { A = wri_call(p, N, L, R); }
table_function(A) ::= name(N) LP RP(R). { A = wri_call(p, N, NULL, R); }

/* ---- MATCH_RECOGNIZE ---- */
match1(A) ::= . { A = wri_match(p); }
match1(A) ::= PARTITION BY exprs(L). { A = wri_match_set(p, wri_match(p), WRI_MT_PARTITION, L); }
match2(A) ::= match1(M). { A = M; }
match2(A) ::= match1(M) ORDER BY sorts(L). { A = wri_match_set(p, M, WRI_MT_ORDER, L); }
match3(A) ::= match2(M). { A = M; }
match3(A) ::= match2(M) MEASURES measures(L). { A = wri_match_set(p, M, WRI_MT_MEASURES, L); }
match4(A) ::= match3(M). { A = M; }
match4(A) ::= match3(M) ONE ROW PER MATCH. { A = M; }
match4(A) ::= match3(M) ALL ROWS PER MATCH. { A = wri_match_rows(p, M, true, NULL); }
match4(A) ::= match3(M) ALL ROWS PER MATCH SHOW EMPTY MATCHES. {
    A = wri_match_rows(p, M, true, "SHOW EMPTY MATCHES");
}
match4(A) ::= match3(M) ALL ROWS PER MATCH OMIT EMPTY MATCHES. {
    A = wri_match_rows(p, M, true, "OMIT EMPTY MATCHES");
}
match4(A) ::= match3(M) ALL ROWS PER MATCH WITH UNMATCHED ROWS. {
    A = wri_match_rows(p, M, true, "WITH UNMATCHED ROWS");
}
match5(A) ::= match4(M). { A = M; }
match5(A) ::= match4(M) AFTER MATCH SKIP PAST LAST ROW. { A = wri_match_skip(p, M, "PAST LAST ROW", NONE); }
match5(A) ::= match4(M) AFTER MATCH SKIP TO NEXT ROW. { A = wri_match_skip(p, M, "TO NEXT ROW", NONE); }
match5(A) ::= match4(M) AFTER MATCH SKIP TO FIRST ID(V). { A = wri_match_skip(p, M, "TO FIRST", V); }
match5(A) ::= match4(M) AFTER MATCH SKIP TO LAST ID(V). { A = wri_match_skip(p, M, "TO LAST", V); }
match5(A) ::= match4(M) AFTER MATCH SKIP TO ID(V). { A = wri_match_skip(p, M, "TO", V); }
match6(A) ::= match5(M) PATTERN LP pattern(E) RP. { A = wri_match_set(p, M, WRI_MT_PATTERN, E); }
match6(A) ::= match5(M) PATTERN LP pattern(E) RP WITHIN val(I). {
    A = wri_match_set(p, wri_match_set(p, M, WRI_MT_PATTERN, E), WRI_MT_WITHIN, I);
}
match7(A) ::= match6(M). { A = M; }
match7(A) ::= match6(M) SUBSET subsets(L). { A = wri_match_set(p, M, WRI_MT_SUBSETS, L); }
match(A) ::= match7(M). { A = M; }
match(A) ::= match7(M) DEFINE defines(L). { A = wri_match_set(p, M, WRI_MT_DEFINES, L); }
measures(A) ::= measure(E) AS ID(N). { A = wri_item_add(p, NULL, E, N); }
measures(A) ::= measures(L) COMMA measure(E) AS ID(N). { A = wri_item_add(p, L, E, N); }
measure(A) ::= expr(E). { A = E; }
measure(A) ::= FINAL(T) expr(E). { A = wri_unary(p, "FINAL", T, E); }
measure(A) ::= RUNNING(T) expr(E). { A = wri_unary(p, "RUNNING", T, E); }
defines(A) ::= ID(V) AS expr(E). { A = wri_define_add(p, NULL, V, E); }
defines(A) ::= defines(L) COMMA ID(V) AS expr(E). { A = wri_define_add(p, L, V, E); }
subsets(A) ::= ID(V) EQ LP(T) exprs(X) RP(R). {
    A = wri_define_add(p, NULL, V, wri_many(p, WR_A_ROW, X, T, R));
}
subsets(A) ::= subsets(L) COMMA ID(V) EQ LP(T) exprs(X) RP(R). {
    A = wri_define_add(p, L, V, wri_many(p, WR_A_ROW, X, T, R));
}
pattern(A) ::= pseq(E). { A = E; }
pattern(A) ::= pattern(L) BAR pseq(R). { A = wri_pattern_join(p, WR_PT_ALT, L, R); }
pseq(A) ::= pterm(E). { A = E; }
pseq(A) ::= pseq(L) pterm(R). { A = wri_pattern_join(p, WR_PT_SEQ, L, R); }
pterm(A) ::= patom(E). { A = E; }
pterm(A) ::= patom(E) quant(Q) reluctant(R). {
    Q.reluctant = R; A = wri_pattern_times(p, E, Q);
}
patom(A) ::= ID(V). { A = wri_pattern_var(p, WR_PT_VAR, V, NULL); }
patom(A) ::= CARET(V). { A = wri_pattern_var(p, WR_PT_ANCHOR, V, "^"); }
patom(A) ::= DOLLAR(V). { A = wri_pattern_var(p, WR_PT_ANCHOR, V, "$"); }
patom(A) ::= LP(L) RP(R). { A = wri_pattern_list(p, WR_PT_EMPTY, NULL, L, R); }
patom(A) ::= LP(L) pattern(E) RP(R). { A = wri_pattern_group(E, L, R); }
patom(A) ::= PERMUTE(L) LP plist(X) RP(R). { A = wri_pattern_list(p, WR_PT_PERMUTE, X, L, R); }
patom(A) ::= EXCLUDE_L(L) pattern(E) EXCLUDE_R(R). {
    A = wri_pattern_list(p, WR_PT_EXCLUDE, wri_add_node(p, NULL, E), L, R);
}
plist(A) ::= pattern(E). { A = wri_add_node(p, NULL, E); }
plist(A) ::= plist(L) COMMA pattern(E). { A = wri_add_node(p, L, E); }
reluctant(A) ::= . { A = false; }
reluctant(A) ::= QUESTION. { A = true; }
quant(A) ::= STAR. { A = (wri_quant){0, -1, false}; }
quant(A) ::= PLUS. { A = (wri_quant){1, -1, false}; }
quant(A) ::= QUESTION. { A = (wri_quant){0, 1, false}; }
quant(A) ::= LBRACE NUMBER(N) RBRACE. { A = wri_quant_of(p, N, NONE, false); }
quant(A) ::= LBRACE NUMBER(N) COMMA RBRACE. { A = wri_quant_of(p, N, NONE, true); }
quant(A) ::= LBRACE NUMBER(N) COMMA NUMBER(M) RBRACE. { A = wri_quant_of(p, N, M, true); }
quant(A) ::= LBRACE COMMA NUMBER(M) RBRACE. { A = wri_quant_of(p, NONE, M, true); }

/* ---- windows ---- */
wref(A) ::= ID(N). { A = wri_window_named(p, N, NULL); }
wref(A) ::= LP(L) wspec(W) RP(R). { A = wri_window_at(W, L, R); }
wref(A) ::= LP(L) ID(N) wspec(W) RP(R). { A = wri_window_at(wri_window_named(p, N, W), L, R); }
wspec(A) ::= partition(P) order(O). { A = wri_window(p, NONE, P, O, NONE); }
wspec(A) ::= partition(P) order(O) frame(F). { A = wri_window_frame(p, wri_window(p, NONE, P, O, NONE), F); }
partition(A) ::= . { A = NULL; }
partition(A) ::= PARTITION BY exprs(L). { A = L; }
order(A) ::= . { A = NULL; }
order(A) ::= ORDER BY sorts(L). { A = L; }
frame(A) ::= ROWS bound(L). { A = (wri_frame){true, true, false, L, {WR_B_CURRENT, NULL}}; }
frame(A) ::= RANGE bound(L). { A = (wri_frame){true, false, false, L, {WR_B_CURRENT, NULL}}; }
frame(A) ::= ROWS BETWEEN bound(L) AND bound(H). { A = (wri_frame){true, true, true, L, H}; }
frame(A) ::= RANGE BETWEEN bound(L) AND bound(H). { A = (wri_frame){true, false, true, L, H}; }
bound(A) ::= UNBOUNDED PRECEDING. { A = (wri_bound){WR_B_UNBOUNDED_PRECEDING, NULL}; }
bound(A) ::= UNBOUNDED FOLLOWING. { A = (wri_bound){WR_B_UNBOUNDED_FOLLOWING, NULL}; }
bound(A) ::= CURRENT ROW. { A = (wri_bound){WR_B_CURRENT, NULL}; }
bound(A) ::= val(E) PRECEDING. { A = (wri_bound){WR_B_PRECEDING, E}; }
bound(A) ::= val(E) FOLLOWING. { A = (wri_bound){WR_B_FOLLOWING, E}; }

/* ======== expressions: expr is a condition, val what stands on its sides ======== */
expr(A) ::= val(E). { A = E; }
expr(A) ::= expr(L) OR(T) expr(R). { A = wri_op(p, WR_A_BINARY_OP, OPER("OR", T), L, R, NULL); }
expr(A) ::= expr(L) AND(T) expr(R). { A = wri_op(p, WR_A_BINARY_OP, OPER("AND", T), L, R, NULL); }
expr(A) ::= NOT(T) expr(E). { A = wri_unary(p, "NOT", T, E); }
expr(A) ::= expr(L) cmp(O) val(R). { A = wri_op(p, WR_A_BINARY_OP, O, L, R, NULL); }
expr(A) ::= expr(E) between(O) symmetric(S) val(L) AND val(H). {
    O.flag = S; A = wri_op(p, WR_A_BETWEEN, O, E, L, H);
}
expr(A) ::= expr(E) in(O) LP exprs(L) RP(R). { A = wri_op_list(p, O, E, L, R); }
expr(A) ::= expr(E) in(O) paren_query(Q). { A = wri_with_query(p, WR_A_IN, E, Q, O); }
expr(A) ::= expr(L) like(O) val(R). { A = wri_op(p, WR_A_LIKE, O, L, R, NULL); }
expr(A) ::= expr(L) like(O) val(R) ESCAPE val(X). { A = wri_op(p, WR_A_LIKE, O, L, R, X); }
expr(A) ::= expr(E) is(O) truth(V). { O.op = V.op; O.at = V.at; A = wri_op(p, WR_A_IS, O, E, NULL, NULL); }
expr(A) ::= expr(E) is(O) DISTINCT FROM val(R). {
    O.op = "DISTINCT FROM"; A = wri_op(p, WR_A_IS, O, E, R, NULL);
}
expr(A) ::= expr(E) is(O) JSON(T) json_kind(K). {
    O.op = K; A = wri_span(wri_op(p, WR_A_IS, O, E, NULL, NULL), UINT32_MAX, T.loc.end);
}
json_kind(A) ::= . { A = "JSON"; }
json_kind(A) ::= VALUE_KIND. { A = "JSON"; }
json_kind(A) ::= SCALAR. { A = "JSON SCALAR"; }
json_kind(A) ::= ARRAY. { A = "JSON ARRAY"; }
json_kind(A) ::= OBJECT. { A = "JSON OBJECT"; }
expr(A) ::= expr(L) period(O) val(R). { A = wri_op(p, WR_A_PERIOD, O, L, R, NULL); }
cmp(A) ::= EQ|NE|LT|LE|GT|GE(T). { A = OPER(T.text, T); }
in(A) ::= IN(T). { A = OPER("IN", T); }
in(A) ::= NOT IN(T). { A = OPER("IN", T); A.negated = true; }
between(A) ::= BETWEEN(T). { A = OPER("BETWEEN", T); }
between(A) ::= NOT BETWEEN(T). { A = OPER("BETWEEN", T); A.negated = true; }
symmetric(A) ::= . { A = false; }
symmetric(A) ::= SYMMETRIC. { A = true; }
symmetric(A) ::= ASYMMETRIC. { A = false; }
like(A) ::= LIKE(T). { A = OPER("LIKE", T); }
like(A) ::= NOT LIKE(T). { A = OPER("LIKE", T); A.negated = true; }
like(A) ::= SIMILAR_TO(T) TO. { A = OPER("SIMILAR TO", T); }
like(A) ::= NOT SIMILAR_TO(T) TO. { A = OPER("SIMILAR TO", T); A.negated = true; }
like(A) ::= RLIKE(T). { A = OPER("RLIKE", T); }
like(A) ::= NOT RLIKE(T). { A = OPER("RLIKE", T); A.negated = true; }
is(A) ::= IS(T). { A = OPER("IS", T); }
is(A) ::= IS(T) NOT. { A = OPER("IS", T); A.negated = true; }
truth(A) ::= NULL|TRUE|FALSE|UNKNOWN(T). { A = (wri_oper){.op = T.text, .at = T.loc.end}; }
period(A) ::= period_op(O). { A = O; }
period(A) ::= STRICTLY period_op(O). { A = O; A.flag = true; }
period(A) ::= IMMEDIATELY period_op(O). { A = O; A.flag2 = true; }
period_op(A) ::= CONTAINS|OVERLAPS|EQUALS|PRECEDES|SUCCEEDS|LEADS|LAGS(T). { A = OPER(T.text, T); }

val(A) ::= prim(E). { A = E; }
val(A) ::= val(L) PLUS|MINUS(T) val(R). { A = wri_op(p, WR_A_BINARY_OP, OPER(T.text, T), L, R, NULL); }
val(A) ::= val(L) STAR|SLASH|PERCENT(T) val(R). { A = wri_op(p, WR_A_BINARY_OP, OPER(T.text, T), L, R, NULL); }
val(A) ::= val(L) CONCAT|ARROW|DARROW(T) val(R). { A = wri_op(p, WR_A_BINARY_OP, OPER(T.text, T), L, R, NULL); }
val(A) ::= MINUS|PLUS(T) val(E). [UNARY] { A = wri_unary(p, T.text, T, E); }
val(A) ::= val(L) AT(T) TIME ZONE val(R). [AT] {
    A = wri_op(p, WR_A_AT_ZONE, OPER("AT TIME ZONE", T), L, R, NULL);
}
val(A) ::= val(E) DCOLON type(T). { A = wri_cast(p, E, T, false, (wr_loc){0}); }
val(A) ::= val(L) LB(T) expr(R) RB(X). {
    A = wri_span(wri_op(p, WR_A_INDEX, OPER("[", T), L, R, NULL), UINT32_MAX, X.loc.end);
}

prim(A) ::= NULL(T). { A = wri_leaf(p, WR_A_NULL, T, NULL); }
prim(A) ::= TRUE|FALSE|UNKNOWN(T). { A = wri_leaf(p, WR_A_BOOL, T, T.text); }
prim(A) ::= NUMBER(T). { A = wri_leaf(p, WR_A_NUMBER, T, T.text); }
prim(A) ::= STRING(T). { A = wri_leaf(p, WR_A_STRING, T, T.text); }
prim(A) ::= HEX(T). { A = wri_leaf(p, WR_A_BINARY, T, T.text); }
prim(A) ::= DATE(W) STRING(S). { A = wri_temporal(p, WR_T_DATE, W, S); }
prim(A) ::= TIME(W) STRING(S). { A = wri_temporal(p, WR_T_TIME, W, S); }
prim(A) ::= TIMESTAMP(W) STRING(S). { A = wri_temporal(p, WR_T_TIMESTAMP, W, S); }
prim(A) ::= LBRACE(L) ID(W) STRING(S) RBRACE(R). { A = wri_braces(p, L, W, S, R); }
prim(A) ::= INTERVAL(W) sign(S) STRING|NUMBER(V) qualifier(U). { A = wri_interval(p, W, S, V, U); }
sign(A) ::= . { A = (wri_oper){0}; }
sign(A) ::= PLUS|MINUS(T). { A = OPER(T.text, T); }
prim(A) ::= LP(L) expr(E) RP(R). { A = wri_paren(p, E, L, R); }
prim(A) ::= LP(L) expr(E) RP(R) qualifier(U). {
    A = wri_span(wri_unit_form(p, WR_A_QUALIFIED, NULL, wri_paren(p, E, L, R), U), L.loc.at, U.end);
}
prim(A) ::= LP(L) expr(E) COMMA exprs(X) RP(R). { A = wri_many(p, WR_A_ROW, wri_add_first(p, X, E), L, R); }
prim(A) ::= ROW_OF(W) LP exprs_opt(X) RP(R). { A = wri_many(p, WR_A_ROW, X, W, R); }
prim(A) ::= PERIOD(W) LP exprs(X) RP(R). { A = wri_many(p, WR_A_ROW, X, W, R); }
prim(A) ::= ARRAY(W) LB exprs_opt(X) RB(R). { A = wri_many(p, WR_A_ARRAY, X, W, R); }
prim(A) ::= paren_query(Q). [LOWEST] { A = wri_with_query(p, WR_A_SUBQUERY, NULL, Q, (wri_oper){0}); }
prim(A) ::= EXISTS(W) paren_query(Q). { A = wri_with_query(p, WR_A_EXISTS, NULL, Q, OPER("EXISTS", W)); }
prim(A) ::= name(N). { A = wri_column(p, N); }
prim(A) ::= call(E). [LOWEST] { A = E; }
prim(A) ::= call(E) OVER wref(W). { A = wri_call_over(p, E, W); }
prim(A) ::= CASE(W) whens(L) else(E) END(R). { A = wri_case(p, NULL, L, E, SPAN(W, R)); }
prim(A) ::= CASE(W) expr(O) whens(L) else(E) END(R). { A = wri_case(p, O, L, E, SPAN(W, R)); }
whens(A) ::= WHEN expr(C) THEN expr(E). { A = wri_add_node(p, wri_add_node(p, NULL, C), E); }
whens(A) ::= whens(L) WHEN expr(C) THEN expr(E). { A = wri_add_node(p, wri_add_node(p, L, C), E); }
else(A) ::= . { A = NULL; }
else(A) ::= ELSE expr(E). { A = E; }

/* ---- forms with words between the parentheses ---- */
prim(A) ::= CAST(W) LP expr(E) AS type(T) RP(R). { A = wri_cast(p, E, T, false, SPAN(W, R)); }
prim(A) ::= TRY_CAST(W) LP expr(E) AS type(T) RP(R). { A = wri_cast(p, E, T, true, SPAN(W, R)); }
prim(A) ::= EXTRACT(W) LP unit_word(U) FROM expr(E) RP(R). {
    A = wri_span(wri_unit_form(p, WR_A_EXTRACT, "EXTRACT", E, U), W.loc.at, R.loc.end);
}
prim(A) ::= FLOOR(W) LP expr(E) TO unit_word(U) RP(R). {
    A = wri_span(wri_unit_form(p, WR_A_ROUND_TO, "FLOOR", E, U), W.loc.at, R.loc.end);
}
prim(A) ::= CEIL(W) LP expr(E) TO unit_word(U) RP(R). {
    A = wri_span(wri_unit_form(p, WR_A_ROUND_TO, "CEIL", E, U), W.loc.at, R.loc.end);
}
prim(A) ::= FLOOR(W) LP args(L) RP(R). { A = wri_call_floor(p, W, "FLOOR", L, R); }
prim(A) ::= CEIL(W) LP args(L) RP(R). { A = wri_call_floor(p, W, "CEIL", L, R); }
prim(A) ::= STEP(W) LP expr(E) BY expr(S) RP(R). {
    A = wri_span(wri_op(p, WR_A_STEP, OPER("STEP", W), E, S, NULL), W.loc.at, R.loc.end);
}
prim(A) ::= STEP(W) LP args(L) RP(R). { A = wri_call_word(p, W, L, R); }
prim(A) ::= TIMESTAMPADD(W) LP unit_word(U) COMMA exprs(L) RP(R). { A = wri_call_unit(p, W, U, L, R); }
prim(A) ::= SUBSTRING(W) LP args(L) RP(R). { A = wri_call_word(p, W, L, R); }
prim(A) ::= SUBSTRING(W) LP val(S) FROM val(I) RP(R). {
    A = wri_call_form(p, W, NULL, wri_add_node(p, wri_add_node(p, NULL, S), I), R);
}
prim(A) ::= SUBSTRING(W) LP val(S) FROM val(I) FOR val(N) RP(R). {
    A = wri_call_form(p, W, NULL, wri_add_node(p, wri_add_node(p, wri_add_node(p, NULL, S), I), N), R);
}
prim(A) ::= SUBSTRING(W) LP val(S) SIMILAR val(I) ESCAPE val(N) RP(R). {
    A = wri_call_form(p, W, "SIMILAR", wri_add_node(p, wri_add_node(p, wri_add_node(p, NULL, S), I), N), R);
}
prim(A) ::= POSITION(W) LP val(S) IN val(I) RP(R). {
    A = wri_call_form(p, W, NULL, wri_add_node(p, wri_add_node(p, NULL, S), I), R);
}
prim(A) ::= POSITION(W) LP val(S) COMMA val(I) RP(R). {
    A = wri_call_word(p, W, wri_add_node(p, wri_add_node(p, NULL, S), I), R);
}
prim(A) ::= OVERLAY(W) LP args(L) RP(R). { A = wri_call_word(p, W, L, R); }
prim(A) ::= OVERLAY(W) LP val(S) PLACING val(T) FROM val(I) RP(R). {
    A = wri_call_form(p, W, NULL, wri_add_node(p, wri_add_node(p, wri_add_node(p, NULL, S), T), I), R);
}
prim(A) ::= OVERLAY(W) LP val(S) PLACING val(T) FROM val(I) FOR val(N) RP(R). {
    A = wri_call_form(
        p, W, NULL,
        wri_add_node(p, wri_add_node(p, wri_add_node(p, wri_add_node(p, NULL, S), T), I), N), R);
}
%type trim_side { const char * }
prim(A) ::= TRIM(W) LP args(L) RP(R). { A = wri_call_word(p, W, L, R); }
prim(A) ::= TRIM(W) LP val(C) FROM val(S) RP(R). {
    A = wri_call_form(p, W, NULL, wri_add_node(p, wri_add_node(p, NULL, C), S), R);
}
prim(A) ::= TRIM(W) LP trim_side(K) FROM val(S) RP(R). {
    A = wri_call_form(p, W, K, wri_add_node(p, NULL, S), R);
}
prim(A) ::= TRIM(W) LP trim_side(K) val(C) FROM val(S) RP(R). {
    A = wri_call_form(p, W, K, wri_add_node(p, wri_add_node(p, NULL, C), S), R);
}
trim_side(A) ::= LEADING|TRAILING|BOTH(W). { A = W.text; }

/* ---- calls ---- */
call(A) ::= name(N) LP RP(R) tail_mods(M). { A = wri_call_mods(p, wri_call(p, N, NULL, R), M); }
call(A) ::= name(N) LP STAR RP(R) tail_mods(M). {
    A = wri_call_mods(p, wri_call_quant(wri_call(p, N, NULL, R), false, true), M);
}
call(A) ::= name(N) LP args(L) mods(I) RP(R) tail_mods(M). {
    A = wri_call_mods(p, wri_call_mods(p, wri_call(p, N, L, R), I), M);
}
call(A) ::= name(N) LP ALL args(L) mods(I) RP(R) tail_mods(M). {
    A = wri_call_mods(p, wri_call_mods(p, wri_call(p, N, L, R), I), M);
}
call(A) ::= name(N) LP DISTINCT args(L) mods(I) RP(R) tail_mods(M). {
    A = wri_call_mods(p, wri_call_mods(p, wri_call_quant(wri_call(p, N, L, R), true, false), I), M);
}
args(A) ::= arg(E). { A = wri_add_node(p, NULL, E); }
args(A) ::= args(L) COMMA arg(E). { A = wri_add_node(p, L, E); }
arg(A) ::= arg_value(E). { A = E; }
arg(A) ::= name(N) DOT STAR(S). { A = wri_star(p, N, S); }
arg(A) ::= ID(N) FAT_ARROW arg_value(E). { A = wri_named_arg(p, N, E); }
arg_value(A) ::= expr(E). { A = E; }
arg_value(A) ::= table_arg(E). { A = E; }
arg_value(A) ::= expr(K) VALUE expr(V). { A = wri_op(p, WR_A_PAIR, (wri_oper){0}, K, V, NULL); }
arg_value(A) ::= KEY expr(K) VALUE expr(V). { A = wri_op(p, WR_A_PAIR, (wri_oper){0}, K, V, NULL); }
arg_value(A) ::= DESCRIPTOR(W) LP exprs(L) RP(R). { A = wri_many(p, WR_A_DESCRIPTOR, L, W, R); }
arg_value(A) ::= CURSOR(W) paren_query(Q). { A = wri_with_query(p, WR_A_CURSOR, NULL, Q, OPER("CURSOR", W)); }
table_arg(A) ::= table_arg1(E). [LOWEST] { A = E; }
table_arg(A) ::= table_arg1(E) PARTITION BY expr(K). [LOWEST] { A = wri_table_arg_by(p, E, K, NULL); }
table_arg(A) ::= table_arg1(E) PARTITION BY expr(K) ORDER BY sort(S). { A = wri_table_arg_by(p, E, K, S); }
table_arg(A) ::= table_arg1(E) ORDER BY sort(S). { A = wri_table_arg_by(p, E, NULL, S); }
table_arg1(A) ::= TABLE(W) name(N). { A = wri_table_arg(p, W, N, NULL, 0); }
table_arg1(A) ::= TABLE(W) LP name(N) RP(R). { A = wri_table_arg(p, W, N, NULL, R.loc.end); }
table_arg1(A) ::= TABLE(W) paren_query(Q). { A = wri_table_arg(p, W, NULL, Q, 0); }

mods(A) ::= . { A = NULL; }
mods(A) ::= mods(L) mod(M). { A = wri_mod_add(p, L, M); }
mod(A) ::= ORDER(T) BY sorts(L). { A = (wri_mod){.kind = WRI_M_ORDER_INSIDE, .loc = T.loc, .sorts = L}; }
mod(A) ::= IGNORE_IN(T) NULLS. { A = (wri_mod){.kind = WRI_M_IGNORE, .loc = T.loc, .event = ""}; }
mod(A) ::= RESPECT_IN(T) NULLS. { A = (wri_mod){.kind = WRI_M_RESPECT, .loc = T.loc, .event = ""}; }
mod(A) ::= RETURNING(T) type(X). { A = (wri_mod){.kind = WRI_M_RETURNING, .loc = T.loc, .expr = X}; }
mod(A) ::= json_value(V) ON json_event(X). { A = V; A.kind = WRI_M_ON; A.event = X; }
mod(A) ::= wrapper(W). { A = W; A.kind = WRI_M_WRAPPER; }
wrapper(A) ::= WITHOUT_WRAPPER(T) array_opt WRAPPER(E). {
    A = (wri_mod){.loc = SPAN(T, E), .behaviour = "WITHOUT WRAPPER", .on = WR_J_WITHOUT};
}
wrapper(A) ::= WITH_WRAPPER(T) array_opt WRAPPER(E). {
    A = (wri_mod){.loc = SPAN(T, E), .behaviour = "WITH WRAPPER", .on = WR_J_WITH};
}
wrapper(A) ::= WITH_WRAPPER(T) UNCONDITIONAL array_opt WRAPPER(E). {
    A = (wri_mod){.loc = SPAN(T, E), .behaviour = "WITH WRAPPER", .on = WR_J_WITH};
}
wrapper(A) ::= WITH_WRAPPER(T) CONDITIONAL array_opt WRAPPER(E). {
    A = (wri_mod){.loc = SPAN(T, E), .behaviour = "WITH CONDITIONAL WRAPPER", .on = WR_J_CONDITIONAL};
}
array_opt ::= .
array_opt ::= ARRAY.
json_value(A) ::= NULL(T). { A = (wri_mod){.loc = T.loc, .behaviour = T.text, .on = WR_J_NULL}; }
json_value(A) ::= ERROR(T). { A = (wri_mod){.loc = T.loc, .behaviour = T.text, .on = WR_J_ERROR}; }
json_value(A) ::= TRUE(T). { A = (wri_mod){.loc = T.loc, .behaviour = T.text, .on = WR_J_TRUE}; }
json_value(A) ::= FALSE(T). { A = (wri_mod){.loc = T.loc, .behaviour = T.text, .on = WR_J_FALSE}; }
json_value(A) ::= UNKNOWN(T). { A = (wri_mod){.loc = T.loc, .behaviour = T.text, .on = WR_J_UNKNOWN}; }
json_value(A) ::= ABSENT(T). { A = (wri_mod){.loc = T.loc, .behaviour = T.text, .on = WR_J_ABSENT}; }
json_value(A) ::= EMPTY(T) array_opt. {
    A = (wri_mod){.loc = T.loc, .behaviour = "EMPTY ARRAY", .on = WR_J_EMPTY_ARRAY};
}
json_value(A) ::= EMPTY(T) OBJECT. { A = (wri_mod){.loc = T.loc, .behaviour = "EMPTY OBJECT", .on = WR_J_EMPTY_OBJECT}; }
json_value(A) ::= DEFAULT(T) val(E). { A = (wri_mod){.loc = T.loc, .behaviour = "DEFAULT", .on = WR_J_DEFAULT, .expr = E}; }
json_event(A) ::= EMPTY|ERROR|NULL(W). { A = W.text; }
tail_mods(A) ::= . { A = NULL; }
tail_mods(A) ::= tail_mods(L) tail_mod(M). { A = wri_mod_add(p, L, M); }
tail_mod(A) ::= IGNORE(T) NULLS(E). { A = (wri_mod){.kind = WRI_M_IGNORE, .loc = SPAN(T, E)}; }
tail_mod(A) ::= RESPECT(T) NULLS(E). { A = (wri_mod){.kind = WRI_M_RESPECT, .loc = SPAN(T, E)}; }
tail_mod(A) ::= FROM_END(T) FIRST(E). { A = (wri_mod){.kind = WRI_M_FROM_FIRST, .loc = SPAN(T, E)}; }
tail_mod(A) ::= FROM_END(T) LAST(E). { A = (wri_mod){.kind = WRI_M_FROM_LAST, .loc = SPAN(T, E)}; }
tail_mod(A) ::= WITHIN_GROUP(T) GROUP LP ORDER BY sorts(L) RP(E). {
    A = (wri_mod){.kind = WRI_M_WITHIN, .loc = SPAN(T, E), .sorts = L};
}
tail_mod(A) ::= FILTER(T) LP WHERE expr(X) RP(E). { A = (wri_mod){.kind = WRI_M_FILTER, .loc = SPAN(T, E), .expr = X}; }

/* ---- units and types ---- */
unit_word(A) ::= unit(U). { A = U; }
unit_word(A) ::= ID(T). { A = wri_unit_word(p, T); }
unit(A) ::= YEAR(T). { A = wri_unit(p, WR_U_YEAR, T); }
unit(A) ::= QUARTER(T). { A = wri_unit(p, WR_U_QUARTER, T); }
unit(A) ::= MONTH(T). { A = wri_unit(p, WR_U_MONTH, T); }
unit(A) ::= WEEK(T). { A = wri_unit(p, WR_U_WEEK, T); }
unit(A) ::= DAY(T). { A = wri_unit(p, WR_U_DAY, T); }
unit(A) ::= HOUR(T). { A = wri_unit(p, WR_U_HOUR, T); }
unit(A) ::= MINUTE(T). { A = wri_unit(p, WR_U_MINUTE, T); }
unit(A) ::= SECOND(T). { A = wri_unit(p, WR_U_SECOND, T); }
unit(A) ::= MILLISECOND(T). { A = wri_unit(p, WR_U_MILLISECOND, T); }
unit(A) ::= MICROSECOND(T). { A = wri_unit(p, WR_U_MICROSECOND, T); }
unit_prec(A) ::= unit(U). { A = U; }
unit_prec(A) ::= unit(U) LP NUMBER(M) RP(R). { A = wri_unit_prec(p, U, M, NONE, R); }
unit_prec(A) ::= unit(U) LP NUMBER(M) COMMA NUMBER(N) RP(R). { A = wri_unit_prec(p, U, M, N, R); }
qualifier(A) ::= unit_prec(U). [LOWEST] { A = U; }
qualifier(A) ::= unit_prec(U) TO unit_prec(V). { A = wri_unit_to(U, V); }

type(A) ::= ID(W). { A = wri_type(p, W, NULL, NULL, W.loc.end); }
type(A) ::= ID(W) PRECISION(X). { A = wri_type(p, W, "PRECISION", NULL, X.loc.end); }
type(A) ::= ID(W) VARYING(X). { A = wri_type(p, W, "VARYING", NULL, X.loc.end); }
type(A) ::= ID(W) LP type_args(L) RP(R). { A = wri_type(p, W, NULL, L, R.loc.end); }
type(A) ::= ID(W) VARYING LP type_args(L) RP(R). { A = wri_type(p, W, "VARYING", L, R.loc.end); }
type(A) ::= type(T) WITH LOCAL TIME ZONE(R). { A = wri_type_zone(p, T, 2, R.loc.end); }
type(A) ::= type(T) WITH TIME ZONE(R). { A = wri_type_zone(p, T, 1, R.loc.end); }
type(A) ::= type(T) WITHOUT TIME ZONE(R). { A = wri_type_zone(p, T, 0, R.loc.end); }
type(A) ::= INTERVAL_TYPE(W) qualifier(U). { A = wri_type_interval(p, W, U); }
type_args(A) ::= NUMBER(N). { A = wri_type_arg(p, NULL, N); }
type_args(A) ::= type_args(L) COMMA NUMBER(N). { A = wri_type_arg(p, L, N); }

%code {
/* ---- the automaton without values, for questions about what fits ---- */
enum { N_OVERLAY = 250 }; /* states pushed by reductions before one terminal; far more than any rule chain */

static YYACTIONTYPE sim_action(YYACTIONTYPE state, uint16_t code) {
    return state > YY_MAX_SHIFT ? state : yy_find_shift_action((YYCODETYPE)code, state);
}
static YYACTIONTYPE sim_shifted(YYACTIONTYPE act) {
    return act > YY_MAX_SHIFT ? (YYACTIONTYPE)(act + (YY_MIN_REDUCE - YY_MIN_SHIFTREDUCE)) : act;
}

/* A stack of states: the real one below, what reductions pushed on top. */
typedef struct overlay {
    const yyParser *lemon;  /* the real stack, or */
    const uint16_t *states; /* this */
    size_t base;            /* states of it still standing */
    YYACTIONTYPE over[N_OVERLAY];
    size_t n_over;
} overlay;

static YYACTIONTYPE overlay_top(const overlay *s) {
    if (s->n_over > 0) return s->over[s->n_over - 1];
    return s->lemon ? s->lemon->yystack[s->base - 1].stateno : s->states[s->base - 1];
}

/* Does the reductions that come before `code`; true when it can then be shifted, *actp says how. */
static bool overlay_run(overlay *s, uint16_t code, YYACTIONTYPE *actp) {
    for (;;) {
        YYACTIONTYPE act = sim_action(overlay_top(s), code);
        *actp = act;
        if (act < YY_MIN_REDUCE) return act <= YY_MAX_SHIFTREDUCE || act == YY_ACCEPT_ACTION;
        unsigned rule = act - YY_MIN_REDUCE;
        size_t pop = (size_t)-yyRuleInfoNRhs[rule];
        size_t of_over = pop < s->n_over ? pop : s->n_over;
        s->n_over -= of_over;
        s->base -= pop - of_over;
        if (s->n_over == N_OVERLAY) return false;
        YYACTIONTYPE next = yy_find_reduce_action(overlay_top(s), yyRuleInfoLhs[rule]);
        s->over[s->n_over++] = next;
    }
}

bool wri_sql_accepts(const void *lemon, uint16_t code) {
    const yyParser *y = lemon;
    overlay s = {.lemon = y, .base = (size_t)(y->yytos - y->yystack) + 1};
    YYACTIONTYPE act;
    return overlay_run(&s, code, &act);
}

uint16_t wri_n_terminals(void) { return YYNTOKEN; }

bool wri_sim_start(wri_parse *p, size_t *np) {
    *np = 0;
    if (wr_grow(&p->states, &p->cap_states, 1, sizeof *p->states) != WR_OK) return false;
    p->states[(*np)++] = 0;
    return true;
}

bool wri_sim_shift(wri_parse *p, size_t *np, uint16_t code) {
    overlay s = {.states = p->states, .base = *np};
    YYACTIONTYPE act;
    if (!overlay_run(&s, code, &act) || act == YY_ACCEPT_ACTION) return false;
    if (wr_grow(&p->states, &p->cap_states, s.base + s.n_over + 1, sizeof *p->states) != WR_OK) return false;
    memcpy(p->states + s.base, s.over, s.n_over * sizeof s.over[0]);
    *np = s.base + s.n_over;
    p->states[(*np)++] = sim_shifted(act);
    return true;
}

bool wri_sim_accepts(const wri_parse *p, size_t n, uint16_t code) {
    overlay s = {.states = p->states, .base = n};
    YYACTIONTYPE act;
    return overlay_run(&s, code, &act);
}
}

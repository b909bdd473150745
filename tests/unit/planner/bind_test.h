/* tests/unit/planner/bind_test.h -- binds the text of an expression against a fixed scope and registry.
 *
 * The registry is a fake: a few functions with all kinds of signatures, two aggregates, and a fold that
 * knows integer arithmetic, comparison, text to INTEGER and ||, and fails where the real one would. */
#ifndef WR_BIND_TEST_H
#define WR_BIND_TEST_H

#include <criterion/criterion.h>

#include "planner/planner_int.h"

typedef struct bind_case {
    const char *sql;
    const char *want; /* "text of the expression : TYPE", or "place: message | hint" for each error */
} bind_case;

typedef struct bind_opts {
    bool kda, no_fold;
    const wri_scope *scope; /* NULL: the columns of bind_test.c */
    const char *functions;  /* CREATE FUNCTION statements, or NULL */
    wr_expr *(*hook)(void *ctx, wri_binder *b, const wr_ast *e);
    const char *as; /* type: bound by wri_bind_as */
} bind_opts;

extern const wr_registry bind_registry, bind_registry_no_fold;

/* NULL, or which rule of planner.h the expression breaks. bind_text checks all that is bound. */
const char *bind_valid(const wr_expr *e);
/* The outcome as a string that the caller frees with wr_free; NULL: out of memory. */
char *bind_text(const char *sql, bind_opts o);
void bind_check_(const bind_case *cases, size_t n, bind_opts o, const char *file, int line);
#define bind_check(cases, ...) bind_check_(cases, WR_LEN(cases), (bind_opts){__VA_ARGS__}, __FILE__, __LINE__)

#endif

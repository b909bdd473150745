/* runtime/expr/functions.c -- the list of scalar functions, made from functions.def: declarations of their C
 * code, their definitions, and the pointers that the registry wants. */
#include "row_int.h"

enum {
#define FN(name, ...)           F_##name,
#define FN_NULLS(name, ...)     F_##name,
#define FN_EACH_TIME(name, ...) F_##name,
#define FN_ROW(name, ...)       F_##name,
#define SQLITE_FN(name, ...)    F_##name,
#define SQLITE_NULLS(name, ...) F_##name,
#include "functions.def"
#undef FN
#undef FN_NULLS
#undef FN_EACH_TIME
#undef FN_ROW
#undef SQLITE_FN
#undef SQLITE_NULLS
    N_FUNCS
};

static const wr_func_def defs[] = {
#define FN(n, sig, f, d, x) [F_##n] = {.name = #n, .signature = sig, .fn = f, .doc = d, .example = x},
#define FN_NULLS(n, sig, f, d, x)                                                                            \
    [F_##n] = {.name = #n, .signature = sig, .fn = f, .doc = d, .example = x, .calls_on_null = true},
#define FN_EACH_TIME(n, sig, f, d, x)                                                                        \
    [F_##n] = {.name = #n, .signature = sig, .fn = f, .doc = d, .example = x, .nondeterministic = true},
#define FN_ROW(n, sig, f, cols, d, x)                                                                        \
    [F_##n] = {.name = #n, .signature = sig, .fn = f, .doc = d, .example = x, .row = cols},
#define SQLITE_FN(n, sig, s, d, x)                                                                           \
    [F_##n] = {.name = #n, .signature = sig, .sqlite = s, .doc = d, .example = x},
#define SQLITE_NULLS(n, sig, s, d, x)                                                                        \
    [F_##n] = {.name = #n, .signature = sig, .sqlite = s, .doc = d, .example = x, .calls_on_null = true},
#include "functions.def"
#undef FN
#undef FN_NULLS
#undef FN_EACH_TIME
#undef FN_ROW
#undef SQLITE_FN
#undef SQLITE_NULLS
};

const wr_func_def *const wr_builtin_funcs[] = {
#define FN(name, ...)           &defs[F_##name],
#define FN_NULLS(name, ...)     &defs[F_##name],
#define FN_EACH_TIME(name, ...) &defs[F_##name],
#define FN_ROW(name, ...)       &defs[F_##name],
#define SQLITE_FN(name, ...)    &defs[F_##name],
#define SQLITE_NULLS(name, ...) &defs[F_##name],
#include "functions.def"
    NULL};
const size_t wr_n_builtin_funcs = N_FUNCS;

/* core/status.h -- how functions say that they failed, and why.
 *
 * A function that can fail returns wr_status: 0 is success, positive values steer the flow, negative
 * values are failures. The message goes to a caller-owned wr_err, written where the cause is known;
 * `err` may be NULL everywhere. Nobody logs and returns: one of the two. */
#ifndef WR_CORE_STATUS_H
#define WR_CORE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* code, value, short text, what the user can do. Source of the enum and of wr_status_text. */
#define WR_STATUS_LIST(X)                                                                                    \
    X(OK, 0, "ok", "")                                                                                       \
    X(AGAIN, 1, "nothing now", "call again later")                                                           \
    X(EOF, 2, "end of input", "")                                                                            \
    X(ENOMEM, -1, "out of memory", "free memory or lower the memory option")                                 \
    X(EINVAL, -2, "invalid argument", "see weir help")                                                       \
    X(ESQL, -3, "error in the SQL", "correct the statement at the place shown")                              \
    X(EIO, -4, "input or output failed", "check the file, its permissions and the disk")                     \
    X(ELIMIT, -5, "a limit was reached", "raise the limit named in the message")                             \
    X(EDATA, -6, "a record could not be read", "see error_stream")                                           \
    X(EUNSUPPORTED, -7, "not supported yet", "see docs/SQL.md for what is")                                  \
    X(ECANCELED, -8, "interrupted", "run the same command again")                                            \
    X(EINTERNAL, -9, "internal error", "please report it with the SQL file")

typedef enum wr_status {
#define X(name, value, text, action) WR_##name = value,
    WR_STATUS_LIST(X)
#undef X
} wr_status;

#define WR_MUST_USE          __attribute__((warn_unused_result))
#define WR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* A failure: what went wrong, at which place. Owner: the caller. */
typedef struct wr_err {
    wr_status code;
    char msg[508]; /* one line, no newline at the end, NUL-terminated, UTF-8 */
} wr_err;

/* Writes the message (NULL err is allowed) and returns code, so that `return wr_fail(…)` reads well. */
wr_status wr_fail(wr_err *err, wr_status code, const char *fmt, ...) WR_PRINTF(3, 4);
/* Puts "prefix: " before the message; used at folder boundaries. Returns err's code, or code. */
wr_status wr_fail_in(wr_err *err, wr_status code, const char *fmt, ...) WR_PRINTF(3, 4);
/* WR_ENOMEM with a message that names what the memory was for. */
wr_status wr_fail_oom(wr_err *err, const char *what);
const char *wr_status_text(wr_status s);

#define WR_TRY(call)                                                                                         \
    do {                                                                                                     \
        wr_status wr_try_ = (call);                                                                          \
        if (wr_try_ != WR_OK) return wr_try_;                                                                \
    } while (0)

/* Programmer errors. Stays on in release; not for hot kernels. */
#define WR_ASSERT(cond) ((cond) ? (void)0 : wr_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void wr_assert_failed(const char *cond, const char *file, int line);

#define WR_LIKELY(x)   __builtin_expect(!!(x), 1)
#define WR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define WR_LEN(array)  (sizeof(array) / sizeof((array)[0]))

/* Loops that are worth wide registers: one clone per x86-64 level, chosen when the program starts. */
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) &&                        \
    !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define WR_HOT __attribute__((noinline, target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WR_HOT __attribute__((noinline))
#endif

#endif

/* runtime/expr/fn_random.c -- chance: from the system's source, or from a seed. A call with a seed draws a
 * row of numbers of its own, beginning anew with each worker. */
#include "expr_int.h"
#include "runtime/random.h"

typedef const wr_value *args_t;

/* The next 64 bits; seed NULL: the system's. */
static const char *draw(wri_call *c, const wr_value *seed, uint64_t *outp) {
    if (!seed) {
        *outp = c->env->sys->random();
        return NULL;
    }
    uint64_t *state = c->memo;
    if (!state) {
        state = c->memo = wr_arena_alloc(&c->memo_ar, sizeof *state);
        if (!state) {
            c->oom = true;
            return "out of memory";
        }
        *state = (uint64_t)seed->i64;
    }
    *outp = wr_random_next(state);
    return NULL;
}

/* ([seed]) */
const char *wri_fn_rand(wri_call *c, args_t a, wr_value *outp) {
    uint64_t bits;
    const char *why = draw(c, c->e->n_args > 0 ? &a[0] : NULL, &bits);
    return why ? why : wri_ret_f64(outp, (double)(bits >> 11) * 0x1p-53);
}

/* ([seed,] bound) */
const char *wri_fn_rand_integer(wri_call *c, args_t a, wr_value *outp) {
    uint64_t bits;
    int64_t bound = a[c->e->n_args - 1].i64;
    if (bound <= 0) return "RAND_INTEGER needs a bound above zero";
    const char *why = draw(c, c->e->n_args > 1 ? &a[0] : NULL, &bits);
    return why ? why : wri_ret_i64(outp, (int64_t)((unsigned __int128)bits * (uint64_t)bound >> 64));
}

const char *wri_fn_uuid(wri_call *c, args_t a, wr_value *outp) {
    (void)a;
    static const char digits[] = "0123456789abcdef";
    uint64_t w[2] = {c->env->sys->random(), c->env->sys->random()};
    w[0] = (w[0] & ~UINT64_C(0xF000)) | 0x4000; /* version 4, variant 1 of RFC 4122 */
    w[1] = (w[1] >> 2) | UINT64_C(0x8000000000000000);
    char text[36];
    size_t n = 0;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) text[n++] = '-';
        text[n++] = digits[w[i / 16] >> (60 - 4 * (i % 16)) & 15];
    }
    return wri_ret_copy(c, text, n, outp);
}

/* runtime/expr/fn_hash.c -- digests of bytes, as hexadecimal text in lower case; nettle computes them. */
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include "expr_int.h"

typedef const wr_value *args_t;

static const char *ret_hex(wri_call *c, const uint8_t *digest, size_t n, wr_value *outp) {
    static const char digits[] = "0123456789abcdef";
    char text[2 * SHA512_DIGEST_SIZE];
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    return wri_ret_copy(c, text, 2 * n, outp);
}

#define DIGEST(name, algorithm, ctx_type, size)                                                              \
    const char *wri_fn_##name(wri_call *c, args_t a, wr_value *outp) {                                       \
        struct ctx_type ctx;                                                                                 \
        uint8_t digest[size];                                                                                \
        algorithm##_init(&ctx);                                                                              \
        algorithm##_update(&ctx, a[0].str.len, (const uint8_t *)wr_str_data(&a[0].str));                     \
        algorithm##_digest(&ctx, size, digest);                                                              \
        return ret_hex(c, digest, size, outp);                                                               \
    }
DIGEST(md5, md5, md5_ctx, MD5_DIGEST_SIZE)
DIGEST(sha1, sha1, sha1_ctx, SHA1_DIGEST_SIZE)
DIGEST(sha224, sha224, sha256_ctx, SHA224_DIGEST_SIZE)
DIGEST(sha256, sha256, sha256_ctx, SHA256_DIGEST_SIZE)
DIGEST(sha384, sha384, sha512_ctx, SHA384_DIGEST_SIZE)
DIGEST(sha512, sha512, sha512_ctx, SHA512_DIGEST_SIZE)

const char *wri_fn_sha2(wri_call *c, args_t a, wr_value *outp) {
    switch (a[1].i64) {
    case 224:
        return wri_fn_sha224(c, a, outp);
    case 256:
        return wri_fn_sha256(c, a, outp);
    case 384:
        return wri_fn_sha384(c, a, outp);
    case 512:
        return wri_fn_sha512(c, a, outp);
    default:
        return "SHA2 makes 224, 256, 384 or 512 bits";
    }
}

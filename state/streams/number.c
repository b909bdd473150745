/* state/streams/number.c -- hash keys and sequence numbers as people and Kinesis clients see them.
 *
 * A sequence number is the decimal of a number of 47 hexadecimal digits, the form that clients and tests of
 * Kinesis know as version 2:
 *
 *   digit 0      2
 *   1..9         the shard's creation [s]
 *   10           the shard's number, lowest digit
 *   11..26       the record's number in its shard
 *   27..28       0
 *   29..37       the record's arrival [s]
 *   38..45       the shard's number
 *   46           2, the version
 *
 * It rises within a shard with the record's number, and from parent to child as the child's creation is a
 * later second. 188 bits are held in three words. */
#include <nettle/md5.h>

#include "log_int.h"

#define DIGITS 47

static uint64_t digits_of(const uint8_t d[DIGITS], int from, int to) {
    uint64_t v = 0;
    for (int i = from; i <= to; i++) v = v << 4 | d[i];
    return v;
}
static void set_digits(uint8_t d[DIGITS], int from, int to, uint64_t v) {
    for (int i = to; i >= from; i--, v >>= 4) d[i] = v & 15;
}

/* Digits of any base to those of another, the highest first; returns how many without leading zeros. */
static size_t convert(const uint8_t *in, size_t n, unsigned base_in, uint8_t *out, size_t cap,
                      unsigned base_out) {
    memset(out, 0, cap);
    for (size_t i = 0; i < n; i++) {
        unsigned carry = in[i];
        for (size_t k = cap; k-- > 0;) {
            unsigned v = out[k] * base_in + carry;
            out[k] = (uint8_t)(v % base_out);
            carry = v / base_out;
        }
        if (carry) return SIZE_MAX;
    }
    size_t lead = 0;
    while (lead < cap && out[lead] == 0) lead++;
    return cap - lead;
}

size_t wr_seq_write(const wr_seq *s, char out[WR_SEQ_TEXT]) {
    uint8_t hex[DIGITS] = {0}, dec[WR_SEQ_TEXT - 1];
    set_digits(hex, 0, 0, 2);
    set_digits(hex, 1, 9, (uint64_t)s->created_s);
    set_digits(hex, 10, 10, s->shard);
    set_digits(hex, 11, 26, s->number);
    set_digits(hex, 29, 37, (uint64_t)s->arrival_s);
    set_digits(hex, 38, 45, s->shard);
    set_digits(hex, 46, 46, 2);
    size_t n = convert(hex, DIGITS, 16, dec, sizeof dec, 10);
    for (size_t i = 0; i < n; i++) out[i] = (char)('0' + dec[sizeof dec - n + i]);
    out[n] = 0;
    return n;
}

bool wr_seq_read(const char *text, size_t n, wr_seq *out) {
    uint8_t dec[WR_SEQ_TEXT], hex[DIGITS];
    if (n == 0 || n > 57 || text[0] == '0') return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        dec[i] = (uint8_t)(text[i] - '0');
    }
    if (convert(dec, n, 10, hex, DIGITS, 16) != DIGITS) return false;
    *out = (wr_seq){.created_s = (int64_t)digits_of(hex, 1, 9),
                    .shard = (uint32_t)digits_of(hex, 38, 45),
                    .number = digits_of(hex, 11, 26),
                    .arrival_s = (int64_t)digits_of(hex, 29, 37)};
    return hex[0] == 2 && hex[46] == 2 && digits_of(hex, 27, 28) == 0 && hex[10] == (out->shard & 15);
}

wr_u128 wr_hash_key(const void *key, size_t n) {
    struct md5_ctx ctx;
    uint8_t d[MD5_DIGEST_SIZE];
    md5_init(&ctx);
    md5_update(&ctx, n, key);
    md5_digest(&ctx, sizeof d, d);
    wr_u128 v = 0;
    for (size_t i = 0; i < sizeof d; i++) v = v << 8 | d[i];
    return v;
}

size_t wr_u128_write(wr_u128 v, char out[WR_SEQ_TEXT]) {
    char tmp[WR_SEQ_TEXT];
    size_t n = 0;
    do tmp[n++] = (char)('0' + (int)(v % 10));
    while ((v /= 10) > 0);
    for (size_t i = 0; i < n; i++) out[i] = tmp[n - 1 - i];
    out[n] = 0;
    return n;
}

bool wr_u128_read(const char *text, size_t n, wr_u128 *out) {
    const wr_u128 max = ~(wr_u128)0;
    *out = 0;
    if (n == 0 || (n > 1 && text[0] == '0')) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(text[i] - '0');
        if (text[i] < '0' || d > 9 || *out > (max - d) / 10) return false;
        *out = *out * 10 + d;
    }
    return true;
}

bool wr_shard_id_read(const char *text, size_t n, uint32_t *out) {
    static const char name[] = "shardId-";
    uint64_t v = 0;
    if (n > sizeof name - 1 && memcmp(text, name, sizeof name - 1) == 0) {
        text += sizeof name - 1;
        n -= sizeof name - 1;
    }
    if (n == 0 || n > 12) return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        v = v * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (uint32_t)v;
    return v < WR_NO_SHARD;
}

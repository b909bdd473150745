/* Checksums, hash keys and sequence numbers. */
#include "log_test.h"
#include "state/crc32c_int.h"

static uint32_t slow(uint32_t crc, const uint8_t *p, size_t n) {
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

Test(crc32c, both_ways_agree) {
    static uint8_t p[20000];
    for (size_t i = 0; i < sizeof p; i++) p[i] = (uint8_t)wr_hash_u64(i);
    cr_assert_eq(wr_crc32c(0, "123456789", 9), UINT32_C(0xe3069283)); /* RFC 3720's check value */
    for (size_t n = 0; n < sizeof p; n = n * 5 / 4 + 1)
        for (size_t from = 0; from < 9; from += 4) {
            uint32_t want = slow(0, p + from, n - (n < from ? 0 : from));
            size_t k = n - (n < from ? 0 : from);
            cr_assert_eq(wri_crc32c_table(0, p + from, k), want);
            if (wri_crc32c_can()) cr_assert_eq(wri_crc32c_fast(0, p + from, k), want, "%zu bytes", k);
            uint32_t half = wr_crc32c(0, p + from, k / 3);
            cr_assert_eq(wr_crc32c(half, p + from + k / 3, k - k / 3), want);
        }
}

Test(numbers, a_sequence_number_reads_back) {
    char text[WR_SEQ_TEXT];
    wr_seq s = {.created_s = 1700000000, .shard = 0, .number = 0, .arrival_s = 1700000001}, back;
    cr_assert_eq(wr_seq_write(&s, text), 56);
    cr_assert_eq(strncmp(text, "49", 2), 0, "%s", text);
    for (uint64_t i = 0; i < 2000; i++) {
        s = (wr_seq){.created_s = (int64_t)(wr_hash_u64(i) >> 30),
                     .shard = (uint32_t)wr_hash_u64(i + 7),
                     .number = wr_hash_u64(i + 9),
                     .arrival_s = (int64_t)(wr_hash_u64(i + 11) >> 30)};
        size_t n = wr_seq_write(&s, text);
        cr_assert(wr_seq_read(text, n, &back));
        cr_assert(back.created_s == s.created_s && back.shard == s.shard && back.number == s.number &&
                  back.arrival_s == s.arrival_s);
    }
    cr_assert(!wr_seq_read("", 0, &back));
    cr_assert(!wr_seq_read("0", 1, &back));
    cr_assert(!wr_seq_read("12345", 5, &back));
    cr_assert(!wr_seq_read("4959033837a", 11, &back));
    memset(text, '9', sizeof text);
    cr_assert(!wr_seq_read(text, sizeof text, &back));
}

Test(numbers, they_rise) {
    char a[WR_SEQ_TEXT], b[WR_SEQ_TEXT];
    wr_seq s = {.created_s = 1700000000, .shard = 3, .number = 9, .arrival_s = 1700000900};
    wr_seq_write(&s, a);
    s.number++;
    s.arrival_s -= 800;
    wr_seq_write(&s, b);
    cr_assert_lt(strcmp(a, b), 0);
    s = (wr_seq){.created_s = 1700000001, .shard = 16};
    wr_seq_write(&s, a);
    cr_assert_lt(strcmp(b, a), 0);
}

Test(numbers, hash_keys) {
    char text[WR_SEQ_TEXT];
    wr_u128 v = wr_hash_key("a", 1), back; /* MD5 0cc175b9c0f1b6a831c399e269772661 */
    cr_assert_eq((uint64_t)(v >> 64), UINT64_C(0x0cc175b9c0f1b6a8));
    cr_assert_eq((uint64_t)v, UINT64_C(0x31c399e269772661));
    wr_u128_write(~(wr_u128)0, text);
    cr_assert_str_eq(text, "340282366920938463463374607431768211455");
    cr_assert(wr_u128_read(text, strlen(text), &back));
    cr_assert(back == ~(wr_u128)0);
    cr_assert(!wr_u128_read("340282366920938463463374607431768211456", 39, &back));
    cr_assert(!wr_u128_read("01", 2, &back));
    cr_assert(!wr_u128_read("-1", 2, &back));
    cr_assert(!wr_u128_read("", 0, &back));
    cr_assert(wr_u128_read("0", 1, &back));
    uint32_t id;
    cr_assert(wr_shard_id_read("shardId-000000000012", 20, &id));
    cr_assert_eq(id, 12);
    cr_assert(wr_shard_id_read("7", 1, &id));
    cr_assert_eq(id, 7);
    cr_assert(!wr_shard_id_read("shardId-", 8, &id));
    cr_assert(!wr_shard_id_read("x7", 2, &id));
    cr_assert(!wr_shard_id_read("4294967295", 10, &id));
}

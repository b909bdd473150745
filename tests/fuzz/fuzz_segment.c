/* The log's files: a segment, its index, the tail mark and the metadata with checksums made right, so that
 * what lies behind them is reached. Whatever the bytes are, reading ends, in bounds, and gives records that
 * lie inside. The first byte says which file it is about. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "state/streams/log_int.h"

#define CHECK(x)                                                                                             \
    if (!(x)) abort()

static const wri_id id = {7, 3};

static void read_records(const wri_block *b, const char *p) {
    const char *at = p + WRI_BLOCK_HEADER, *end = p + b->len;
    wr_record r;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < b->records && at; i++) {
        const char *next = wri_record_decode(at, end, &r);
        if (next) {
            CHECK(r.key > at && r.data >= r.key && r.data + r.len == next && next <= end);
            for (uint32_t k = 0; k < r.len; k++) sum += (uint8_t)r.data[k];
            for (uint32_t k = 0; k < r.key_len; k++) sum += (uint8_t)r.key[k];
        }
        at = next;
    }
    __asm__ volatile("" : : "r"(sum));
}

/* A file of those bytes in memory, in pieces of up to 4 GiB. */
static int file_of(const uint8_t *data, size_t n) {
    static int fd = -1;
    if (fd < 0) fd = memfd_create("segment", 0);
    CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, n, 0) == (ssize_t)n);
    return fd;
}

static void fuzz_segment(uint8_t *data, size_t n, bool sealed) {
    wri_block b;
    const char *p;
    if (sealed && n >= WRI_BLOCK_HEADER) { /* as a writer would have sealed these records */
        b = (wri_block){
            .len = (uint32_t)n, .first = data[20], .records = 1 + data[48] % 8, .arrival_us = data[30]};
        wri_block_seal(&b, id, (char *)data);
    }
    wri_window w = {.sys = &wr_sys_real, .fd = file_of(data, n), .path = "fuzz", .id = id};
    wr_err err;
    int64_t at = 0, synced;
    while (wri_block_at(&w, at, (int64_t)n, &b, &p, &err) == WR_OK) {
        read_records(&b, p);
        at += b.len;
        CHECK(at <= (int64_t)n);
    }
    CHECK(wri_find_synced(&w, at, (int64_t)n, &synced, &err) == WR_OK);
    if (sealed && n > WRI_BLOCK_HEADER) CHECK(at == (int64_t)n);
    wri_window_free(&w);
    wri_segment s;
    if (n >= WRI_SEG_HEADER) (void)wri_segment_decode((const char *)data, id, &s);
}

static void fuzz_meta(uint8_t *data, size_t n, bool sealed) {
    wri_meta m;
    wr_err err;
    if (sealed && n >= 72) {
        uint32_t len = (uint32_t)n;
        memcpy(data, "WRSTRM1\n", 8);
        memcpy(data + 8, &len, 4);
        uint32_t crc = wr_crc32c(0, data + 16, n - 16);
        memcpy(data + 12, &crc, 4);
    }
    if (wri_meta_decode((const char *)data, n, "fuzz", &m, &err) != WR_OK) return;
    wr_buf out = {0};
    for (size_t i = 0; i < m.n; i++)
        CHECK(m.shards[i].lo <= m.shards[i].hi && wri_meta_find(&m, m.shards[i].id));
    CHECK(wri_meta_encode(&m, &out) == WR_OK && out.len == n);
    wr_buf_free(&out);
    wri_meta_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    if (size == 0) return 0;
    size_t n = size - 1;
    uint8_t *data = malloc(n + 1);
    memcpy(data, input + 1, n);
    wri_index x = {0};
    wri_mark m;
    wr_seq seq;
    wr_u128 h;
    switch (input[0] % 6) {
    case 0:
        fuzz_segment(data, n, false);
        break;
    case 1:
        fuzz_segment(data, n, true);
        break;
    case 2:
        fuzz_meta(data, n, false);
        break;
    case 3:
        fuzz_meta(data, n, true);
        break;
    case 4:
        (void)wri_index_decode((const char *)data, n, id, 99, &x);
        break;
    default:
        if (n >= WRI_MARK_BYTES) (void)wri_mark_decode((const char *)data, id, &m);
        (void)wr_seq_read((const char *)data, n, &seq);
        (void)wr_u128_read((const char *)data, n, &h);
    }
    wr_free(x.items);
    free(data);
    return 0;
}

/* gzip and zstd: several members, broken and incomplete data, and what the sink writes read back. */
#include <stdio.h>
#include <zlib.h>
#include <zstd.h>

#include "conn_test.h"

#define DEF (&wr_connector_file)

/* p[0..n) packed as one member, at the end of out. */
static void pack(wri_compression kind, const char *p, size_t n, wr_buf *out) {
    wri_zip *z;
    wr_err err;
    cr_assert_eq(wri_zip_new(kind, &z, &err), WR_OK);
    if (n == 0 && kind == WRI_ZSTD) { /* an empty frame, which wri_zip has no reason to write */
        char frame[64];
        size_t k = ZSTD_compress(frame, sizeof frame, "", 0, 1);
        cr_assert_eq(wr_buf_put(out, frame, k), WR_OK);
    }
    for (size_t at = 0; at < n;) {
        size_t k = n - at < 777 ? n - at : 777;
        cr_assert_eq(wri_zip_run(z, p + at, k, false, out, &err), WR_OK);
        at += k;
    }
    cr_assert_eq(wri_zip_run(z, NULL, 0, true, out, &err), WR_OK);
    wri_zip_free(z);
}

static wr_status read_all(const char *path, const char *compression, const char *chunk, ct_got *got) {
    ct_options o = ct_opts("path", path, "compression", compression, "chunk_bytes", chunk, NULL);
    wr_source *s = ct_must_open(DEF, &o, &ct_sys);
    wr_status rc = ct_take(DEF, s, 0, got);
    wr_chunk c;
    cr_assert_eq(DEF->next(s, 0, &c, &got->err), rc, "the end or failure stays");
    DEF->close_source(s);
    cr_assert_eq(ct.opened, ct.closed);
    return rc;
}

static void round_trip(wri_compression kind, size_t members, size_t bytes, const char *chunk) {
    const char *path = ct_path("packed");
    wr_buf want = {0}, packed = {0};
    for (size_t i = 0; i < members; i++) { /* members end anywhere, also within a line */
        wr_buf b = ct_random_lines((uint32_t)i, bytes + i, 200, i % 3 == 1);
        cr_assert_eq(wr_buf_put(&want, b.data, b.len), WR_OK);
        pack(kind, b.data, b.len, &packed);
        wr_buf_free(&b);
    }
    ct_write(path, packed.data, packed.len);
    const char *ways[] = {"auto", wri_compression_name(kind)};
    for (int way = 0; way < 2; way++) {
        ct_got got = {0};
        cr_assert_eq(read_all(path, ways[way], chunk, &got), WR_EOF, "%s", got.err.msg);
        cr_assert_eq(got.text.len, want.len, "%zu of %zu bytes", got.text.len, want.len);
        cr_assert_eq(memcmp(got.text.data, want.data, want.len), 0);
        cr_assert_eq(got.bad, 0);
        ct_got_free(&got);
    }
    wr_buf_free(&want);
    wr_buf_free(&packed);
}

Test(packed, members_and_frames) {
    for (wri_compression kind = WRI_GZIP; kind <= WRI_ZSTD; kind++) {
        round_trip(kind, 1, 10, "512KiB");
        round_trip(kind, 1, 3000000, "512KiB");
        round_trip(kind, 7, 5000, "512KiB");
        round_trip(kind, 40, 100, "1");
        ct.interrupt = true;
        ct.read_max = 1;
        round_trip(kind, 5, 3000, "1000");
        ct_reset();
    }
}

Test(packed, empty_members_and_padding) {
    wr_buf b = {0};
    pack(WRI_GZIP, "a\n", 2, &b);
    cr_assert_eq(wr_buf_put(&b, "\0\0\0\0\0", 5), WR_OK);
    pack(WRI_GZIP, "b\n", 2, &b);
    cr_assert_eq(wr_buf_put(&b, "\0\0\0", 3), WR_OK);
    ct_write(ct_path("g"), b.data, b.len);
    ct_got got = {0};
    cr_assert_eq(read_all(ct_path("g"), "auto", "512KiB", &got), WR_EOF, "%s", got.err.msg);
    cr_assert_eq(got.text.len, 4);
    ct_got_free(&got);
    b.len = 0;
    cr_assert_eq(wr_buf_put(&b, "\x50\x2a\x4d\x18\x02\0\0\0xy", 10), WR_OK); /* a frame to skip comes first */
    pack(WRI_ZSTD, "", 0, &b);
    pack(WRI_ZSTD, "a\n", 2, &b);
    pack(WRI_ZSTD, "", 0, &b);
    ct_write(ct_path("z"), b.data, b.len);
    cr_assert_eq(read_all(ct_path("z"), "auto", "512KiB", &got), WR_EOF, "%s", got.err.msg);
    cr_assert_eq(got.text.len, 2);
    ct_got_free(&got);
    ct_puts(ct_path("e"), "");
    cr_assert_eq(read_all(ct_path("e"), "gzip", "512KiB", &got), WR_EOF);
    wr_buf_free(&b);
}

/* Cut at every byte: whole lines come, then a failure that names the place; never a piece of a line. */
static void cut_everywhere(wri_compression kind) {
    const char *path = ct_path("cut");
    wr_buf text = ct_random_lines(9, 600, 40, false), b = {0};
    pack(kind, text.data, 300, &b);
    size_t whole = b.len;
    pack(kind, text.data + 300, text.len - 300, &b);
    for (size_t n = WRI_MAGIC_BYTES; n < b.len; n++) {
        ct_got got = {0};
        ct_write(path, b.data, n);
        wr_status rc = read_all(path, "auto", "64", &got);
        if (n == whole) cr_assert_eq(rc, WR_EOF);
        else {
            cr_assert_eq(rc, WR_EIO, "cut at %zu", n);
            char place[64];
            snprintf(place, sizeof place, "data ends at byte %zu in the middle", n);
            cr_assert_not_null(strstr(got.err.msg, place), "%s", got.err.msg);
            cr_assert_not(got.open_end);
        }
        cr_assert_eq(memcmp(got.text.data ? got.text.data : "", text.data, got.text.len), 0);
        ct_got_free(&got);
    }
    wr_buf_free(&text);
    wr_buf_free(&b);
}
Test(packed, incomplete_data) {
    cut_everywhere(WRI_GZIP);
    cut_everywhere(WRI_ZSTD);
}

/* Any byte changed: the right text, a failure, but no crash, no endless loop. */
static void flip_everywhere(wri_compression kind) {
    const char *path = ct_path("flip");
    wr_buf text = ct_random_lines(4, 500, 40, false), b = {0};
    pack(kind, text.data, text.len, &b);
    size_t failures = 0;
    for (size_t i = 4; i < b.len; i++) {
        ct_got got = {0};
        b.data[i] ^= 0x41;
        ct_write(path, b.data, b.len);
        wr_status rc = read_all(path, "auto", "128", &got);
        cr_assert(rc == WR_EOF || rc == WR_EIO);
        failures += rc == WR_EIO;
        if (rc == WR_EIO) cr_assert_not_null(strstr(got.err.msg, path), "%s", got.err.msg);
        b.data[i] ^= 0x41;
        ct_got_free(&got);
    }
    if (kind == WRI_GZIP) cr_assert_gt(failures, b.len - 20); /* it has a checksum */
    else cr_assert_gt(failures, 0);
    wr_buf_free(&text);
    wr_buf_free(&b);
}
Test(packed, broken_data) {
    flip_everywhere(WRI_GZIP);
    flip_everywhere(WRI_ZSTD);
}

Test(packed, plain_data_called_packed) {
    ct_puts(ct_path("p"), "plain text\n");
    ct_got got = {0};
    cr_assert_eq(read_all(ct_path("p"), "gzip", "512KiB", &got), WR_EIO);
    cr_assert_not_null(strstr(got.err.msg, "broken gzip data near byte"), "%s", got.err.msg);
    cr_assert_eq(read_all(ct_path("p"), "zstd", "512KiB", &got), WR_EIO);
    cr_assert_not_null(strstr(got.err.msg, "broken zstd data near byte"), "%s", got.err.msg);
    wr_buf b = {0};
    pack(WRI_GZIP, "a\n", 2, &b);
    cr_assert_eq(wr_buf_puts(&b, "rubbish"), WR_OK);
    ct_write(ct_path("r"), b.data, b.len);
    cr_assert_eq(read_all(ct_path("r"), "auto", "512KiB", &got), WR_EIO);
    cr_assert_eq(got.text.len, 2, "what was whole came first");
    ct_got_free(&got);
    wr_buf_free(&b);
}

Test(packed, packed_data_called_plain) {
    wr_buf b = {0};
    pack(WRI_GZIP, "a\n", 2, &b);
    ct_write(ct_path("g"), b.data, b.len);
    ct_got got = {0};
    cr_assert_eq(read_all(ct_path("g"), "none", "512KiB", &got), WR_EOF);
    cr_assert_eq(got.text.len, b.len);
    ct_got_free(&got);
    wr_buf_free(&b);
}

Test(packed, magic) {
    cr_assert_eq(wri_magic("", 0, false), WRI_AUTO);
    cr_assert_eq(wri_magic("", 0, true), WRI_NONE);
    cr_assert_eq(wri_magic("\x1f\x8b", 2, false), WRI_AUTO);
    cr_assert_eq(wri_magic("\x1f\x8b", 2, true), WRI_NONE);
    cr_assert_eq(wri_magic("\x1f\x8b\x08", 3, false), WRI_GZIP);
    cr_assert_eq(wri_magic("\x28\xb5\x2f", 3, false), WRI_AUTO);
    cr_assert_eq(wri_magic("\x28\xb5\x2f\xfd", 4, false), WRI_ZSTD);
    cr_assert_eq(wri_magic("\x5f\x2a\x4d\x18", 4, false), WRI_ZSTD);
    cr_assert_eq(wri_magic("P", 1, false), WRI_AUTO);
    cr_assert_eq(wri_magic("PK", 2, false), WRI_NONE);
    cr_assert_eq(wri_magic("{", 1, false), WRI_NONE);
}

/* Progress is told in packed bytes, as the size is. */
Test(packed, progress) {
    const char *path = ct_path("p");
    wr_buf text = ct_random_lines(1, 2000000, 50, false), b = {0};
    pack(WRI_GZIP, text.data, text.len, &b);
    ct_write(path, b.data, b.len);
    ct_options o = ct_opts("path", path, NULL);
    wr_source *s = ct_must_open(DEF, &o, &ct_sys);
    wr_split_info info;
    wr_chunk c;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    wr_drop(c.hold);
    DEF->split_info(s, 0, &info);
    cr_assert_eq((size_t)info.bytes, b.len);
    cr_assert(info.at > 0 && info.at < info.bytes);
    while (DEF->next(s, 0, &c, NULL) == WR_OK) wr_drop(c.hold);
    DEF->split_info(s, 0, &info);
    cr_assert_eq((size_t)info.at, b.len);
    DEF->close_source(s);
    wr_buf_free(&text);
    wr_buf_free(&b);
}

Test(packed, allocation_failures) {
    wr_buf text = ct_random_lines(1, 300000, 50, false), b = {0};
    for (wri_compression kind = WRI_GZIP; kind <= WRI_ZSTD; kind++) {
        b.len = 0;
        pack(kind, text.data, text.len, &b);
        ct_write(ct_path("f"), b.data, b.len);
        ct_options o = ct_opts("path", ct_path("f"), NULL);
        wr_status rc = WR_ENOMEM;
        uint64_t n = 1;
        for (; rc == WR_ENOMEM && n < 100; n++) {
            wr_source *s = NULL;
            wr_chunk c;
            wr_mem_fail_at(n);
            rc = ct_open(DEF, &o, &ct_sys, &s, NULL);
            while (rc == WR_OK)
                if ((rc = DEF->next(s, 0, &c, NULL)) == WR_OK) wr_drop(c.hold);
            wr_mem_fail_at(0);
            if (s) DEF->close_source(s);
            cr_assert_eq(ct.opened, ct.closed);
        }
        cr_assert_eq(rc, WR_EOF);
        cr_assert_gt(n, 5);
    }
    wr_buf_free(&text);
    wr_buf_free(&b);
}

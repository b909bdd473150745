/* The file source: chunks, lists of files, messages, faults. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn_test.h"

#define DEF (&wr_connector_file)

/* Reads path with the given sizes and compares it with `want`. */
static void same_text(const char *path, const char *chunk, const char *record_max, const wr_buf *want) {
    ct_options o = ct_opts("path", path, "chunk_bytes", chunk, "max_record_bytes", record_max, NULL);
    wr_source *s = ct_must_open(DEF, &o, &ct_sys);
    ct_got got = {0};
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EOF);
    cr_assert_eq(DEF->next(s, 0, &(wr_chunk){0}, NULL), WR_EOF, "the end stays the end");
    cr_assert_eq(got.bad, 0);
    cr_assert_eq(got.text.len, want->len, "%zu of %zu bytes, chunk_bytes %s", got.text.len, want->len, chunk);
    if (want->len) cr_assert_eq(memcmp(got.text.data, want->data, want->len), 0);
    DEF->close_source(s);
    ct_got_free(&got);
}

/* Every chunk size from 1, every way of reading: mapped, read, read in pieces with interruptions. */
Test(file, chunks_cover_the_file) {
    const char *path = ct_path("a.txt");
    for (uint32_t seed = 0; seed < 12; seed++) {
        wr_buf want = ct_random_lines(seed, 700, 1 + seed * 9, seed & 1);
        ct_write(path, want.data, want.len);
        for (int chunk = 1; chunk < 900; chunk = chunk < 130 ? chunk + 1 : chunk + 97) {
            char text[16];
            snprintf(text, sizeof text, "%d", chunk);
            ct_reset();
            same_text(path, text, "64MiB", &want);
            ct.mmap_errno = ENODEV;
            same_text(path, text, "64MiB", &want);
            ct.interrupt = true;
            ct.read_max = 1 + seed;
            same_text(path, text, "64MiB", &want);
        }
        wr_buf_free(&want);
    }
}

Test(file, large_chunks) {
    const char *path = ct_path("large.txt");
    wr_buf want = ct_random_lines(5, 3 << 20, 300, true);
    ct_write(path, want.data, want.len);
    same_text(path, "512KiB", "64MiB", &want);
    same_text(path, "100000", "64MiB", &want);
    same_text(path, "16MiB", "64MiB", &want);
    ct.mmap_errno = ENODEV;
    same_text(path, "512KiB", "64MiB", &want);
    wr_buf_free(&want);
}

/* Chunks hold what they show, whatever happens to the source and its other chunks. */
Test(file, chunks_outlive_the_source) {
    const char *path = ct_path("a.txt");
    wr_buf want = ct_random_lines(1, 300000, 100, false);
    ct_write(path, want.data, want.len);
    for (int way = 0; way < 2; way++) {
        ct.mmap_errno = way ? ENODEV : 0;
        ct_options o = ct_opts("path", path, "chunk_bytes", "100000", NULL);
        wr_source *s = ct_must_open(DEF, &o, &ct_sys);
        wr_chunk c[8];
        int n = 0;
        while (n < 8 && DEF->next(s, 0, &c[n], NULL) == WR_OK) n++;
        cr_assert_gt(n, 2);
        DEF->close_source(s);
        size_t at = 0;
        for (int i = 0; i < n; i++) {
            cr_assert_eq((size_t)c[i].pos, at);
            cr_assert_eq(memcmp(c[i].data, want.data + at, c[i].len), 0);
            at += c[i].len;
            wr_drop(c[i].hold);
        }
        cr_assert_eq(at, want.len);
    }
    cr_assert_eq(ct.opened, ct.closed);
    wr_buf_free(&want);
}

Test(file, page_sized_and_empty_files) {
    const char *path = ct_path("p.txt");
    for (size_t n = 4094; n <= 4098; n++) {
        wr_buf want = ct_random_lines(1, n, 50, n & 1);
        ct_write(path, want.data, want.len);
        same_text(path, "512KiB", "64MiB", &want);
        wr_buf_free(&want);
    }
    ct_puts(path, "");
    same_text(path, "512KiB", "64MiB", &(wr_buf){0});
    ct_puts(path, "\n");
    same_text(path, "1", "64MiB", &(wr_buf){.data = (char[]){'\n'}, .len = 1});
}

/* ---- records that are too long ---- */

static const char *chunk_bytes = "64";
static void long_record(const char *path, size_t at, size_t len, size_t record_max, bool expect_bad) {
    char max[24];
    snprintf(max, sizeof max, "%zu", record_max);
    ct_options o = ct_opts("path", path, "chunk_bytes", chunk_bytes, "max_record_bytes", max, NULL);
    wr_source *s = ct_must_open(DEF, &o, &ct_sys);
    ct_got got = {0};
    wr_status rc;
    while ((rc = ct_take(DEF, s, 0, &got)) == WR_AGAIN) { /* it comes up for air while it skips */
    }
    cr_assert_eq(rc, WR_EOF);
    cr_assert_eq(got.bad, expect_bad, "record of %zu, max %zu: %zu bad", len, record_max, got.bad);
    if (expect_bad) {
        cr_assert_eq((size_t)got.bad_pos, at);
        cr_assert_eq(got.bad_len, record_max < WRI_BAD_SHOWN ? record_max : WRI_BAD_SHOWN);
    }
    wr_buf all = ct_read(path);
    wr_buf want = {0};
    cr_assert_eq(wr_buf_put(&want, all.data, at), WR_OK);
    size_t from = expect_bad ? at + len : at;
    cr_assert_eq(wr_buf_put(&want, all.data + from, all.len - from), WR_OK);
    cr_assert_eq(got.text.len, want.len, "len %zu max %zu: %zu not %zu", len, record_max, got.text.len,
                 want.len);
    cr_assert_eq(memcmp(got.text.data, want.data, want.len), 0);
    DEF->close_source(s);
    ct_got_free(&got);
    wr_buf_free(&all);
    wr_buf_free(&want);
}

Test(file, records_that_are_too_long_are_bad_and_skipped) {
    const char *path = ct_path("long.txt");
    for (int way = 0; way < 2; way++)
        for (size_t len = 1; len < 12000; len += len < 300 ? 1 : 1171) { /* with its line end */
            wr_buf b = {0};
            for (int i = 0; i < 9; i++) cr_assert_eq(wr_buf_puts(&b, "short\n"), WR_OK);
            for (size_t i = 1; i < len; i++) cr_assert_eq(wr_buf_put(&b, "L", 1), WR_OK);
            cr_assert_eq(wr_buf_puts(&b, "\nshort\nend"), WR_OK);
            ct_write(path, b.data, b.len);
            wr_buf_free(&b);
            ct_reset();
            ct.mmap_errno = way ? ENODEV : 0;
            long_record(path, 54, len, 100, len > 100);
            long_record(path, 54, len, 5000, len > 5000);
            chunk_bytes = "20000";
            long_record(path, 54, len, 100, len > 100);
            long_record(path, 54, len, 5000, len > 5000);
            chunk_bytes = "64";
        }
}

/* A small limit makes no small chunks. */
Test(file, many_windows_make_one_chunk) {
    const char *path = ct_path("w.txt");
    wr_buf want = ct_random_lines(1, 300000, 40, true);
    ct_write(path, want.data, want.len);
    for (int way = 0; way < 2; way++) {
        ct.mmap_errno = way ? ENODEV : 0;
        same_text(path, "100000", "41", &want);
        ct_options o = ct_opts("path", path, "chunk_bytes", "100000", "max_record_bytes", "41", NULL);
        wr_source *s = ct_must_open(DEF, &o, &ct_sys);
        ct_got got = {0};
        cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EOF);
        cr_assert_eq(got.chunks, 4);
        DEF->close_source(s);
        ct_got_free(&got);
    }
    wr_buf_free(&want);
}

Test(file, a_last_record_that_is_too_long) {
    const char *path = ct_path("long.txt");
    ct_puts(path, "one\ntwo\n0123456789");
    for (int way = 0; way < 2; way++) {
        ct.mmap_errno = way ? ENODEV : 0;
        ct_options o = ct_opts("path", path, "max_record_bytes", "5", NULL);
        wr_source *s = ct_must_open(DEF, &o, &ct_sys);
        ct_got got = {0};
        cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EOF);
        cr_assert_eq(got.bad, 1);
        cr_assert_eq(got.bad_pos, 8);
        cr_assert_eq(got.text.len, 8);
        DEF->close_source(s);
        ct_got_free(&got);
    }
}

Test(file, the_reason_names_the_option) {
    const char *path = ct_path("long.txt");
    ct_puts(path, "0123456789\n");
    ct_options o = ct_opts("path", path, "max_record_bytes", "5", NULL);
    wr_source *s = ct_must_open(DEF, &o, &wr_sys_real);
    wr_chunk c;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    cr_assert(c.bad);
    cr_assert_str_eq(
        c.why, "the record is longer than max_record_bytes (5); raise it, or check that the format is right");
    cr_assert_eq(memcmp(c.data, "01234", 5), 0);
    wr_drop(c.hold);
    DEF->close_source(s);
}

/* ---- heads ---- */

Test(file, each_chunk_carries_the_head) {
    const char *path = ct_path("h.csv");
    ct_puts(path, "name,value\na,1\nb,2\nc,3\n");
    for (int way = 0; way < 2; way++) {
        ct.mmap_errno = way ? ENODEV : 0;
        ct_options o = ct_opts("path", path, "chunk_bytes", "11", "format", "headed", NULL);
        wr_source *s = ct_must_open(DEF, &o, &ct_sys);
        wr_chunk c;
        int n = 0;
        while (DEF->next(s, 0, &c, NULL) == WR_OK) {
            if (n++ == 0) cr_assert_eq(memcmp(c.data, "name,value\n", 11), 0);
            cr_assert_eq(c.head_len, 11);
            cr_assert_eq(memcmp(c.head, "name,value\n", 11), 0);
            wr_drop(c.hold);
        }
        cr_assert_eq(n, 3);
        DEF->close_source(s);
    }
}

/* ---- which files ---- */

static void names(const char *path, const char *const *want, size_t n) {
    ct_options o = ct_opts("path", path, NULL);
    wr_source *s = ct_must_open(DEF, &o, &wr_sys_real);
    cr_assert_eq(DEF->n_splits(s), n);
    for (uint32_t i = 0; i < n; i++) {
        wr_split_info info;
        DEF->split_info(s, i, &info);
        cr_assert_str_eq(info.name, want[i]);
        cr_assert_eq(info.bytes, 2);
        cr_assert_eq(info.at, 0);
        ct_got got = {0};
        cr_assert_eq(ct_take(DEF, s, i, &got), WR_EOF);
        cr_assert_eq(got.text.len, 2);
        DEF->split_info(s, i, &info);
        cr_assert_eq(info.at, 2);
        cr_assert_eq(DEF->watch(s), -1);
        ct_got_free(&got);
    }
    DEF->close_source(s);
}

Test(file, a_folder_and_a_pattern_are_sorted_lists) {
    cr_assert_eq(mkdir(ct_path("d"), 0755), 0);
    cr_assert_eq(mkdir(ct_path("d/sub.json"), 0755), 0);
    ct_puts(ct_path("d/b.json"), "b\n");
    ct_puts(ct_path("d/a.json"), "a\n");
    ct_puts(ct_path("d/B.json"), "B\n");
    ct_puts(ct_path("d/.hidden.json"), "h\n");
    ct_puts(ct_path("d/c[1].json"), "c\n");
    ct_puts(ct_path("d/z.txt"), "z\n");
    const char *all[] = {ct_path("d/B.json"), ct_path("d/a.json"), ct_path("d/b.json"),
                         ct_path("d/c[1].json"), ct_path("d/z.txt")};
    names(ct_path("d"), all, 5);
    names(ct_path("d/*.json"), all, 4);
    names(ct_path("d/c[1].json"), all + 3, 1); /* a name that exists is no pattern */
    names(ct_path("d/[ab].json"), all + 1, 2);
}

static void refused(const ct_options *o, wr_status code, const char *part, const char *part2) {
    wr_source *s = (wr_source *)1;
    wr_err err = {0};
    ct_reset();
    cr_assert_eq(ct_open(DEF, o, &ct_sys, &s, &err), code, "%s", err.msg);
    cr_assert_null(s);
    cr_assert_not_null(strstr(err.msg, part), "'%s' is not in: %s", part, err.msg);
    cr_assert_not_null(strstr(err.msg, part2), "'%s' is not in: %s", part2, err.msg);
    cr_assert_eq(ct.opened, ct.closed);
}

Test(file, messages) {
    cr_assert_eq(mkdir(ct_path("empty"), 0755), 0);
    cr_assert_eq(mkdir(ct_path("dir"), 0755), 0);
    ct_puts(ct_path("dir/clicks.jsonl"), "x\n");
    ct_options o = ct_opts("format", "json", NULL);
    refused(&o, WR_EINVAL, "option 'path' is missing", "");
    o = ct_opts("path", ct_path("dir/click.jsonl"), NULL);
    refused(&o, WR_EIO, ct_path("dir/click.jsonl"), "did you mean 'clicks.jsonl'?");
    o = ct_opts("path", ct_path("nodir/x"), NULL);
    refused(&o, WR_EIO, "there is no file", "check the path");
    o = ct_opts("path", "not-here.json", NULL);
    refused(&o, WR_EIO, "there is no file 'not-here.json' in /", "");
    o = ct_opts("path", ct_path("dir/*.csv"), NULL);
    refused(&o, WR_EIO, "no file matches", "dir/*.csv'");
    o = ct_opts("path", ct_path("empty"), NULL);
    refused(&o, WR_EIO, "the folder '", "has no files in it");
    o = ct_opts("path", ct_path("dir/clicks.jsonl/x"), NULL);
    refused(&o, WR_EIO, "cannot open '", "Not a directory");
    o = ct_opts("path", ct_path("dir/clicks.jsonl"), "compression", "gz", NULL);
    refused(&o, WR_EINVAL, "option 'compression': found 'gz'", "auto, none, gzip or zstd");
    o = ct_opts("path", ct_path("dir/clicks.jsonl"), "max_record_bytes", "0", NULL);
    refused(&o, WR_EINVAL, "option 'max_record_bytes': found '0'", "");
}

static void open_fault(int e, const char *part) {
    ct_options o = ct_opts("path", ct_path("f"), NULL);
    wr_source *s;
    wr_err err;
    ct_puts(ct_path("f"), "x\n");
    ct_reset();
    ct.open_errno = e;
    cr_assert_eq(ct_open(DEF, &o, &ct_sys, &s, &err), WR_EIO);
    cr_assert_not_null(strstr(err.msg, strerror(e)), "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, part), "%s", err.msg);
    /* and when it happens between opening and reading */
    ct.open_errno = 0;
    s = ct_must_open(DEF, &o, &ct_sys);
    ct.open_errno = e;
    ct_got got = {0};
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EIO);
    cr_assert_not_null(strstr(got.err.msg, part), "%s", got.err.msg);
    DEF->close_source(s);
}
Test(file, open_faults) {
    open_fault(EACCES, "check its permissions");
    open_fault(EMFILE, "ulimit -n");
    open_fault(ENOENT, "check the path");
    open_fault(EIO, "cannot open");
}

Test(file, read_faults) {
    const char *path = ct_path("f");
    wr_buf b = ct_random_lines(3, 5000, 50, false);
    ct_write(path, b.data, b.len);
    ct_options o = ct_opts("path", path, "chunk_bytes", "500", NULL);
    ct.read_errno = EIO;
    ct.read_fails_at = 1; /* looking inside */
    wr_source *s;
    wr_err err;
    cr_assert_eq(ct_open(DEF, &o, &ct_sys, &s, &err), WR_EIO);
    cr_assert_not_null(strstr(err.msg, "cannot read '"), "%s", err.msg);
    ct.mmap_errno = ENODEV;
    for (int64_t n = 2; n < 12; n++) {
        ct.reads = 0;
        ct.read_fails_at = n;
        ct_got got = {0};
        s = ct_must_open(DEF, &o, &ct_sys);
        cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EIO);
        cr_assert_not_null(strstr(got.err.msg, "cannot read at byte "), "%s", got.err.msg);
        cr_assert_not(got.open_end);
        cr_assert_eq(memcmp(got.text.data ? got.text.data : "", b.data, got.text.len), 0);
        cr_assert(got.text.len > 0 || n == 2, "what was whole was delivered");
        cr_assert_eq(DEF->next(s, 0, &(wr_chunk){0}, &err), WR_EIO, "a failure stays");
        DEF->close_source(s);
        ct_got_free(&got);
    }
    wr_buf_free(&b);
    cr_assert_eq(ct.opened, ct.closed);
}

/* ---- what is no plain file ---- */

Test(file, a_named_pipe_is_read_as_it_comes) {
    const char *path = ct_path("fifo");
    cr_assert_eq(mkfifo(path, 0600), 0);
    ct_options o = ct_opts("path", path, NULL);
    wr_source *s = ct_must_open(DEF, &o, &wr_sys_real); /* does not wait for a writer */
    ct_got got = {0};
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_AGAIN);
    cr_assert_geq(DEF->watch(s), 0);
    int fd = open(path, O_WRONLY);
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_AGAIN);
    cr_assert_eq(write(fd, "one\ntw", 6), 6);
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_AGAIN);
    cr_assert_eq(got.text.len, 4);
    cr_assert_eq(write(fd, "o\nthree", 7), 7);
    close(fd);
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EOF);
    cr_assert_eq(got.text.len, 13);
    cr_assert_eq(memcmp(got.text.data, "one\ntwo\nthree", 13), 0);
    cr_assert_eq(DEF->watch(s), -1);
    wr_split_info info;
    DEF->split_info(s, 0, &info);
    cr_assert_eq(info.bytes, -1);
    cr_assert_eq(info.at, 13);
    DEF->close_source(s);
    ct_got_free(&got);
}

Test(file, files_of_the_kernel_have_no_size) {
    ct_options o = ct_opts("path", "/proc/self/status", NULL);
    wr_source *s = ct_must_open(DEF, &o, &wr_sys_real);
    ct_got got = {0};
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EOF);
    cr_assert_gt(got.text.len, 100);
    DEF->close_source(s);
    ct_got_free(&got);
}

Test(file, devices) {
    ct_options o = ct_opts("path", "/dev/null", NULL);
    wr_source *s = ct_must_open(DEF, &o, &wr_sys_real);
    ct_got got = {0};
    cr_assert_eq(ct_take(DEF, s, 0, &got), WR_EOF);
    DEF->close_source(s);
    o = ct_opts("path", "/dev/null", "tail", "true", NULL);
    refused(&o, WR_EINVAL, "tail = true cannot follow it", "");
}

Test(file, bounded) {
    ct_options o = ct_opts("path", "x", NULL);
    cr_assert(DEF->bounded(o.kvs, o.n));
    o = ct_opts("path", "x", "tail", "true", NULL);
    cr_assert_not(DEF->bounded(o.kvs, o.n));
}

/* ---- memory ---- */

/* Each allocation in turn fails, in opening and in reading; nothing leaks (ASan looks). */
static void starve(const char *path, const char *compression, const char *chunk) {
    ct_options o =
        ct_opts("path", path, "compression", compression, "format", "headed", "chunk_bytes", chunk, NULL);
    for (uint64_t n = 1;; n++) {
        wr_source *s = NULL;
        wr_err err = {0};
        wr_mem_fail_at(n);
        wr_status rc = ct_open(DEF, &o, &ct_sys, &s, &err);
        wr_chunk c;
        while (rc == WR_OK)
            if ((rc = DEF->next(s, 0, &c, &err)) == WR_OK) wr_drop(c.hold);
        wr_mem_fail_at(0);
        if (s) {
            if (rc == WR_ENOMEM) (void)DEF->next(s, 0, &c, &err), wr_drop(c.hold); /* must not crash */
            DEF->close_source(s);
        }
        cr_assert_eq(ct.opened, ct.closed);
        if (rc == WR_EOF) {
            cr_assert_gt(n, 3);
            return;
        }
        cr_assert_eq(rc, WR_ENOMEM, "%d %s", rc, err.msg);
        cr_assert_lt(n, 400);
    }
}
Test(file, allocation_failures) {
    wr_buf b = ct_random_lines(3, 400000, 5000, false);
    ct_write(ct_path("f"), b.data, b.len);
    wr_buf_free(&b);
    starve(ct_path("f"), "auto", "300000");
    ct.mmap_errno = ENODEV;
    starve(ct_path("f"), "auto", "300000");
    starve(ct_path("f"), "auto", "3000");
}

/* ---- with the formats that there are ---- */

/* Chunks of a CSV file with line ends inside quotes: no chunk ends inside quotes, at any size. */
Test(file, quoted_line_ends_stay_in_their_record) {
    const wr_format_def *csv = wr_format_find("csv");
    cr_assert_not_null(csv);
    wr_buf b = {0};
    cr_assert_eq(wr_buf_puts(&b, "a,b\n"), WR_OK);
    for (int i = 0; i < 60; i++)
        cr_assert_eq(wr_buf_printf(&b, i % 3 ? "%d,\"x\ny\"\"%.*s\nz\"\n" : "%d,plain%.*s\n", i, i % 20,
                                   "aaaaaaaaaaaaaaaaaaaa"),
                     WR_OK);
    ct_write(ct_path("q.csv"), b.data, b.len);
    for (int chunk = 1; chunk < 400; chunk++)
        for (int way = 0; way < 2; way++) {
            char text[16];
            snprintf(text, sizeof text, "%d", chunk);
            ct.mmap_errno = way ? ENODEV : 0;
            ct_options o = ct_opts("path", ct_path("q.csv"), "chunk_bytes", text, "header", "true", NULL);
            wr_source_cfg cfg = {.sys = &ct_sys, .options = o.kvs, .n_options = o.n, .format = csv};
            wr_source *s;
            wr_err err;
            cr_assert_eq(DEF->open_source(&cfg, &s, &err), WR_OK, "%s", err.msg);
            wr_chunk c;
            size_t at = 0;
            while (DEF->next(s, 0, &c, &err) == WR_OK) {
                cr_assert_eq((size_t)c.pos, at);
                cr_assert_eq(memcmp(c.data, b.data + at, c.len), 0);
                int quotes = 0;
                for (size_t i = 0; i < c.len; i++) quotes += c.data[i] == '"';
                cr_assert_eq(quotes % 2, 0, "chunk_bytes %d cuts a record at %zu", chunk, at + c.len);
                cr_assert_eq(c.data[c.len - 1], '\n');
                cr_assert_eq(c.head_len, 4);
                at += c.len;
                wr_drop(c.hold);
            }
            cr_assert_eq(at, b.len);
            DEF->close_source(s);
        }
    wr_buf_free(&b);
}

Test(file, formats_that_cannot_be_read) {
    ct_puts(ct_path("f"), "x\n");
    ct_options o = ct_opts("path", ct_path("f"), NULL);
    wr_format_def f = {.with = {.name = "table"}};
    wr_source_cfg cfg = {.sys = &ct_sys, .options = o.kvs, .n_options = o.n, .format = &f};
    wr_source *s;
    wr_err err;
    cr_assert_eq(DEF->open_source(&cfg, &s, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "format 'table' can only be written"), "%s", err.msg);
    cfg.format = NULL;
    cr_assert_eq(DEF->open_source(&cfg, &s, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "a format is needed"), "%s", err.msg);
}

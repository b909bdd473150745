/* The file sink: what is in the file, when, and what is said when it cannot be. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn_test.h"

#define DEF (&wr_connector_file)

/* resume: going on from a mark at the end of the file. */
static wr_status open_sink(const char *path, const char *compression, bool resume, wr_sink **outp,
                           wr_err *err) {
    struct stat st;
    int64_t len = resume && stat(path, &st) == 0 ? st.st_size : 0;
    ct_options o = ct_opts("path", path, "compression", compression, "format", "json", NULL);
    wr_sink_cfg cfg = {.sys = &ct_sys, .stream = "s", .options = o.kvs, .n_options = o.n};
    if (resume) {
        cfg.from = (const char *)&len;
        cfg.from_len = sizeof len;
    }
    return DEF->open_sink(&cfg, outp, err);
}
static wr_sink *must_open(const char *path, bool resume) {
    wr_sink *s;
    wr_err err;
    cr_assert_eq(open_sink(path, "auto", resume, &s, &err), WR_OK, "%s", err.msg);
    return s;
}

/* Writes text in pieces of `step` bytes. */
static wr_status write_in_steps(wr_sink *s, const wr_buf *text, size_t step, wr_err *err) {
    for (size_t at = 0; at < text->len; at += step) {
        size_t n = text->len - at < step ? text->len - at : step;
        WR_TRY(DEF->write(s, text->data + at, n, err));
    }
    return WR_OK;
}

static void holds(const char *path, const wr_buf *want) {
    wr_buf b = ct_read(path);
    cr_assert_eq(b.len, want->len, "%zu bytes, expected %zu", b.len, want->len);
    if (b.len) cr_assert_eq(memcmp(b.data, want->data, b.len), 0);
    wr_buf_free(&b);
}

Test(sink, all_bytes_in_large_blocks) {
    const char *path = ct_path("out");
    wr_buf text = ct_random_lines(1, 700000, 200, false);
    static const size_t steps[] = {1, 100, 65535, 65536, 65537, 700000};
    for (size_t i = 0; i < WR_LEN(steps); i++)
        for (int way = 0; way < 2; way++) {
            ct_reset();
            ct.interrupt = way;
            ct.write_max = way ? 10000 : 0;
            wr_sink *s = must_open(path, false);
            cr_assert_eq(write_in_steps(s, &text, steps[i], NULL), WR_OK);
            if (!way && ct.writes) cr_assert_geq(ct.smallest_write, 65536);
            cr_assert_eq(DEF->flush(s, NULL), WR_OK);
            holds(path, &text);
            cr_assert_eq(DEF->flush(s, NULL), WR_OK);
            holds(path, &text);
            DEF->close_sink(s);
            holds(path, &text);
            cr_assert_eq(ct.opened, ct.closed);
        }
    wr_buf_free(&text);
}

Test(sink, close_writes_what_is_left) {
    const char *path = ct_path("out");
    wr_sink *s = must_open(path, false);
    cr_assert_eq(DEF->write(s, "a\n", 2, NULL), WR_OK);
    holds(path, &(wr_buf){0});
    DEF->close_sink(s);
    holds(path, &(wr_buf){.data = (char[]){'a', '\n'}, .len = 2});
}

Test(sink, is_cut_back_to_its_mark) {
    const char *path = ct_path("out");
    wr_buf mark = {0};
    wr_sink *s = must_open(path, false);
    wr_err err;
    cr_assert_eq(DEF->write(s, "one\n", 4, NULL), WR_OK);
    cr_assert_eq(DEF->mark(s, &mark, NULL), WR_OK);
    cr_assert_eq(DEF->sync(s, NULL), WR_OK);
    cr_assert_eq(DEF->write(s, "lost\n", 5, NULL), WR_OK);
    DEF->close_sink(s);
    ct_options o = ct_opts("path", path, "format", "json", NULL);
    wr_sink_cfg cfg = {.sys = &ct_sys,
                       .stream = "s",
                       .options = o.kvs,
                       .n_options = o.n,
                       .from = mark.data,
                       .from_len = mark.len};
    cr_assert_eq(DEF->open_sink(&cfg, &s, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(DEF->write(s, "two\n", 4, NULL), WR_OK);
    DEF->close_sink(s);
    char text[32] = "";
    FILE *f = fopen(path, "r");
    cr_assert_eq(fread(text, 1, sizeof text, f), 8);
    fclose(f);
    cr_assert_str_eq(text, "one\ntwo\n");
    cr_assert_eq(truncate(path, 3), 0);
    cr_assert_eq(DEF->open_sink(&cfg, &s, &err), WR_EIO);
    cr_assert_not_null(strstr(err.msg, "4 were written before the snapshot"), "%s", err.msg);
    wr_buf_free(&mark);
}

Test(sink, truncates_or_resumes) {
    const char *path = ct_path("out");
    umask(0);
    wr_sink *s = must_open(path, false);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0644);
    DEF->close_sink(s);
    ct_puts(path, "old\n");
    s = must_open(path, true);
    cr_assert_eq(DEF->write(s, "new\n", 4, NULL), WR_OK);
    DEF->close_sink(s);
    wr_buf b = ct_read(path);
    cr_assert_eq(b.len, 8);
    cr_assert_eq(memcmp(b.data, "old\nnew\n", 8), 0);
    wr_buf_free(&b);
    wr_buf before = ct_read(path);
    s = must_open(path, false); /* the rest of the job could not be made */
    DEF->close_sink(s);
    holds(path, &before);
    wr_buf_free(&before);
    s = must_open(path, false);
    cr_assert_eq(DEF->begin(s, NULL), WR_OK);
    holds(path, &(wr_buf){0});
    DEF->close_sink(s);
}

static void refused(const char *path, wr_status code, const char *part) {
    wr_sink *s = (wr_sink *)1;
    wr_err err = {0};
    cr_assert_eq(open_sink(path, "auto", false, &s, &err), code);
    cr_assert_null(s);
    cr_assert_not_null(strstr(err.msg, path), "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, part), "'%s' is not in: %s", part, err.msg);
}

static bool is_read(void *ctx, const struct stat *file) {
    struct stat st;
    return stat(ctx, &st) == 0 && st.st_ino == file->st_ino;
}

Test(sink, what_a_file_has_is_not_lost_to_another) {
    const char *path = ct_path("out");
    ct_puts(path, "old\n");
    wr_sink *first = must_open(path, true), *s;
    refused(path, WR_ELIMIT, "is being written to by another sink");
    ct.lock_errno = ENOLCK; /* a file system without locks */
    s = must_open(path, true);
    ct_reset();
    DEF->close_sink(s);
    DEF->close_sink(first);
    ct_options o = ct_opts("path", path, NULL);
    wr_err err = {0};
    wr_sink_cfg cfg = {
        .sys = &ct_sys, .options = o.kvs, .n_options = o.n, .is_read = is_read, .is_read_ctx = (void *)path};
    cr_assert_eq(DEF->open_sink(&cfg, &s, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "is read by the same SQL"), "%s", err.msg);
    wr_buf b = ct_read(path);
    cr_assert_eq(b.len, 4);
    wr_buf_free(&b);
}

Test(sink, messages) {
    char part[300];
    snprintf(part, sizeof part, "there is no folder '%s'; make it first", ct_path("no/dir"));
    refused(ct_path("no/dir/out"), WR_EIO, part);
    cr_assert_eq(mkdir(ct_path("d"), 0755), 0);
    refused(ct_path("d"), WR_EIO, "is a folder; name a file to write to");
    ct_puts(ct_path("f"), "");
    refused(ct_path("f/x"), WR_EIO, "Not a directory");
    ct.open_errno = EACCES;
    refused(ct_path("d/x"), WR_EIO, "Permission denied; check its permissions");
    ct_reset();
    ct_options o = ct_opts("path", ct_path("f"), "tail", "true", NULL);
    wr_sink_cfg cfg = {.sys = &ct_sys, .options = o.kvs, .n_options = o.n};
    wr_sink *s;
    wr_err err;
    cr_assert_eq(DEF->open_sink(&cfg, &s, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "option 'tail' is for reading"), "%s", err.msg);
    cr_assert_str_eq(DEF->with.delivery, "truncate");
}

/* What has been given is in the file once there is room, from the byte on where it stopped. */
Test(sink, full_disk) {
    const char *path = ct_path("out");
    wr_buf text = ct_random_lines(1, 300000, 200, false);
    static const size_t steps[] = {1000, 70000, 300000};
    for (int64_t room = 0; room < 299999; room += 24999)
        for (size_t i = 0; i < WR_LEN(steps); i++) {
            wr_err err = {0};
            wr_status rc = WR_OK;
            size_t given = 0;
            ct_reset();
            ct.write_room = room;
            ct.write_errno = room % 2 ? ENOSPC : EDQUOT;
            wr_sink *s = must_open(path, false);
            for (; rc == WR_OK && given < text.len;
                 given += steps[i] < text.len - given ? steps[i] : text.len - given)
                rc = DEF->write(s, text.data + given,
                                steps[i] < text.len - given ? steps[i] : text.len - given, &err);
            if (rc == WR_OK) rc = DEF->flush(s, &err);
            cr_assert_eq(rc, WR_AGAIN);
            cr_assert_not_null(strstr(err.msg, path), "%s", err.msg);
            cr_assert_not_null(strstr(err.msg, strerror(ct.write_errno)), "%s", err.msg);
            cr_assert_eq(DEF->flush(s, &err), WR_AGAIN);
            ct.write_room = 10;
            cr_assert_eq(DEF->flush(s, &err), WR_AGAIN);
            ct.write_room = -1;
            cr_assert_eq(DEF->write(s, NULL, 0, &err), WR_OK);
            cr_assert_eq(DEF->write(s, text.data + given, text.len - given, &err), WR_OK);
            cr_assert_eq(DEF->flush(s, &err), WR_OK);
            holds(path, &text);
            DEF->close_sink(s);
        }
    wr_buf_free(&text);
}

Test(sink, failing_disk) {
    const char *path = ct_path("out");
    wr_buf text = ct_random_lines(1, 300000, 200, false);
    for (int64_t room = 0; room < 300000; room += 49999) {
        ct_reset();
        ct.write_room = room;
        ct.write_errno = EIO;
        wr_sink *s = must_open(path, false);
        wr_err err = {0};
        wr_status rc = write_in_steps(s, &text, 1000, &err);
        if (rc == WR_OK) rc = DEF->flush(s, &err);
        cr_assert_eq(rc, WR_EIO);
        cr_assert_not_null(strstr(err.msg, path), "%s", err.msg);
        cr_assert_not_null(strstr(err.msg, "Input/output error"), "%s", err.msg);
        ct.write_room = -1; /* it works again: what was lost is not followed by more */
        DEF->close_sink(s);
        wr_buf b = ct_read(path);
        cr_assert_eq((int64_t)b.len, room);
        cr_assert_eq(memcmp(b.data ? b.data : "", text.data, b.len), 0);
        wr_buf_free(&b);
    }
    wr_buf_free(&text);
}

/* ---- packed ---- */

static void read_back(const char *path, const wr_buf *want) {
    ct_options o = ct_opts("path", path, NULL);
    wr_source *src = ct_must_open(DEF, &o, &ct_sys);
    ct_got got = {0};
    cr_assert_eq(ct_take(DEF, src, 0, &got), WR_EOF, "%s", got.err.msg);
    cr_assert_eq(got.text.len, want->len);
    cr_assert_eq(memcmp(got.text.data, want->data, want->len), 0);
    DEF->close_source(src);
    ct_got_free(&got);
}

/* At each flush the file is whole, and can be continued. */
static void packed(const char *path, const char *compression, const char *magic, size_t magic_len) {
    wr_buf text = ct_random_lines(1, 500000, 200, false);
    wr_err err;
    wr_sink *s;
    cr_assert_eq(open_sink(path, compression, false, &s, &err), WR_OK);
    cr_assert_eq(DEF->flush(s, &err), WR_OK, "nothing yet");
    cr_assert_eq(write_in_steps(s, &(wr_buf){.data = text.data, .len = 200000}, 1000, &err), WR_OK);
    cr_assert_eq(DEF->flush(s, &err), WR_OK);
    read_back(path, &(wr_buf){.data = text.data, .len = 200000});
    cr_assert_eq(write_in_steps(s, &(wr_buf){.data = text.data + 200000, .len = 100000}, 70000, &err), WR_OK);
    DEF->close_sink(s);
    cr_assert_eq(open_sink(path, compression, true, &s, &err), WR_OK);
    cr_assert_eq(DEF->write(s, text.data + 300000, text.len - 300000, &err), WR_OK);
    cr_assert_eq(DEF->flush(s, &err), WR_OK);
    cr_assert_eq(DEF->flush(s, &err), WR_OK);
    DEF->close_sink(s);
    read_back(path, &text);
    wr_buf b = ct_read(path);
    cr_assert_lt(b.len, text.len);
    cr_assert_eq(memcmp(b.data, magic, magic_len), 0);
    wr_buf_free(&b);
    wr_buf_free(&text);
    cr_assert_eq(ct.opened, ct.closed);
}
Test(sink, packed) {
    packed(ct_path("a"), "gzip", "\x1f\x8b", 2);
    packed(ct_path("b"), "zstd", "\x28\xb5\x2f\xfd", 4);
    packed(ct_path("c.gz"), "auto", "\x1f\x8b", 2);
    packed(ct_path("d.zst"), "auto", "\x28\xb5\x2f\xfd", 4);
}

Test(sink, packing_is_as_asked_not_as_named) {
    const char *path = ct_path("x.gz");
    wr_sink *s;
    cr_assert_eq(open_sink(path, "none", false, &s, NULL), WR_OK);
    cr_assert_eq(DEF->write(s, "a\n", 2, NULL), WR_OK);
    DEF->close_sink(s);
    holds(path, &(wr_buf){.data = (char[]){'a', '\n'}, .len = 2});
}

static void starve(const char *compression) {
    wr_buf text = ct_random_lines(1, 200000, 200, false);
    wr_status rc = WR_ENOMEM;
    uint64_t n = 1;
    for (; rc == WR_ENOMEM; n++) {
        wr_sink *s = NULL;
        cr_assert_lt(n, 100);
        wr_mem_fail_at(n);
        rc = open_sink(ct_path("out"), compression, false, &s, NULL);
        if (rc == WR_OK) rc = write_in_steps(s, &text, 30000, NULL);
        if (rc == WR_OK) rc = DEF->flush(s, NULL);
        wr_mem_fail_at(0);
        if (s) DEF->close_sink(s);
        cr_assert_eq(ct.opened, ct.closed);
    }
    cr_assert_eq(rc, WR_OK);
    cr_assert_gt(n, 3);
    read_back(ct_path("out"), &text);
    wr_buf_free(&text);
}
Test(sink, allocation_failures) {
    starve("none");
    starve("gzip");
    starve("zstd");
}

/* Following files, step by step: growth, rotation, truncation. */
#include <stdio.h>
#include <unistd.h>

#include "conn_test.h"

#define DEF (&wr_connector_file)

static wr_source *src;
static ct_got got;
static size_t seen; /* bytes of got.text already looked at */

static void follow(const char *path, const char *chunk_bytes) {
    ct_options o = ct_opts("path", path, "tail", "true", "chunk_bytes", chunk_bytes, NULL);
    src = ct_must_open(DEF, &o, &ct_sys);
    got.follows = true;
    cr_assert_eq(DEF->n_splits(src), 1);
}

/* Takes what is there, which must be `text`, and then nothing for now. */
static void expect(const char *text) {
    wr_status rc = ct_take(DEF, src, 0, &got);
    cr_assert_eq(rc, WR_AGAIN, "%d %s", rc, got.err.msg);
    cr_assert_eq(got.text.len - seen, strlen(text), "found '%.*s', expected '%s'", (int)(got.text.len - seen),
                 got.text.data ? got.text.data + seen : "", text);
    if (*text) cr_assert_eq(memcmp(got.text.data + seen, text, strlen(text)), 0);
    seen = got.text.len;
}

static void done(void) {
    DEF->close_source(src);
    ct_got_free(&got);
    cr_assert_eq(ct.opened, ct.closed);
}

Test(tail, growth) {
    const char *path = ct_path("log");
    ct_puts(path, "one\ntwo\nthr");
    follow(path, "512KiB");
    expect("one\ntwo\n");
    expect("");
    ct_append(path, "ee\n");
    expect("three\n");
    ct_append(path, "fo");
    expect("");
    ct_append(path, "u");
    expect("");
    ct_append(path, "r\nfive\nsi");
    expect("four\nfive\n");
    wr_split_info info;
    DEF->split_info(src, 0, &info);
    cr_assert_eq(info.bytes, 26);
    cr_assert_eq(info.at, 26);
    cr_assert_eq(DEF->poll_fd(src, 0), -1);
    done();
}

Test(tail, an_empty_file_that_grows) {
    const char *path = ct_path("log");
    ct_puts(path, "");
    follow(path, "512KiB");
    expect("");
    ct_append(path, "a\n");
    expect("a\n");
    done();
}

Test(tail, lines_longer_than_chunks) {
    const char *path = ct_path("log");
    ct_puts(path, "");
    follow(path, "3");
    ct_append(path, "0123456789");
    expect("");
    ct_append(path, "0123456789\nab\ncdefgh\n");
    expect("01234567890123456789\nab\ncdefgh\n");
    done();
}

Test(tail, rotation_by_renaming) {
    const char *path = ct_path("log"), *old = ct_path("log.1");
    ct_puts(path, "one\ntwo");
    follow(path, "512KiB");
    expect("one\n");
    cr_assert_eq(rename(path, old), 0);
    ct_append(old, "!\nlast words\nand no end"); /* the writer has not noticed yet */
    expect("two!\nlast words\n");
    ct_append(old, ", really");
    expect("");
    ct_puts(path, "new\n");
    expect("and no end, reallynew\n");
    ct_append(path, "newer\n");
    expect("newer\n");
    cr_assert_eq(ct.opened - ct.closed, 1, "the old file was closed");
    done();
}

Test(tail, what_is_written_just_before_the_switch_is_read) {
    const char *path = ct_path("log"), *old = ct_path("log.1");
    ct_puts(path, "one\n");
    follow(path, "512KiB");
    expect("one\n");
    cr_assert_eq(rename(path, old), 0);
    ct_append(old, "two\n");
    ct_puts(path, "three\n"); /* both happen between two looks */
    expect("two\nthree\n");
    done();
}

Test(tail, several_rotations_between_two_looks) {
    const char *path = ct_path("log");
    ct_puts(path, "one\n");
    follow(path, "512KiB");
    expect("one\n");
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(rename(path, ct_path("log.old")), 0);
        ct_puts(path, "x\n");
        expect("x\n");
    }
    done();
}

Test(tail, cut_back_in_place) {
    const char *path = ct_path("log");
    ct_puts(path, "one\ntwo\nthree\nfour-without-end");
    follow(path, "512KiB");
    expect("one\ntwo\nthree\n");
    cr_assert_eq(truncate(path, 0), 0);
    expect("four-without-end"); /* what was read of it is a record; the rest is gone */
    expect("");
    ct_append(path, "a\n");
    expect("a\n");
    cr_assert_eq(truncate(path, 1), 0);
    expect("");
    ct_append(path, "\nb\n");
    expect("a\nb\n"); /* begun again, so what is still there comes again */
    done();
}

/* Cut back and grown again, but not as far as before. */
Test(tail, copytruncate) {
    const char *path = ct_path("log");
    ct_puts(path, "a long first line\nsecond\n");
    follow(path, "512KiB");
    expect("a long first line\nsecond\n");
    ct_puts(path, "anew\n"); /* truncates the same file */
    expect("anew\n");
    done();
}

Test(tail, positions_rise_over_rotations_and_heads_are_shown_once) {
    const char *path = ct_path("log");
    ct_puts(path, "h1\na\n");
    ct_options o = ct_opts("path", path, "tail", "true", "format", "headed", NULL);
    src = ct_must_open(DEF, &o, &ct_sys);
    wr_chunk c;
    cr_assert_eq(DEF->next(src, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.pos, 0);
    cr_assert_eq(c.len, 5);
    const char *head = c.head;
    cr_assert_eq(memcmp(head, "h1\n", 3), 0);
    wr_drop(c.hold);
    cr_assert_eq(rename(path, ct_path("log.1")), 0);
    ct_puts(path, "h1\nb\n");
    cr_assert_eq(DEF->next(src, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.pos, 8, "behind the old file and the new head");
    cr_assert_eq(c.len, 2);
    cr_assert_eq(c.data[0], 'b');
    cr_assert_eq(c.head, head, "the same head is kept once");
    wr_drop(c.hold);
    cr_assert_eq(rename(path, ct_path("log.2")), 0);
    ct_puts(path, "h2,x\n");
    cr_assert_eq(DEF->next(src, 0, &c, NULL), WR_AGAIN);
    ct_append(path, "c\n");
    cr_assert_eq(DEF->next(src, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.pos, 15);
    cr_assert_eq(c.head_len, 5);
    cr_assert_eq(memcmp(c.head, "h2,x\n", 5), 0);
    cr_assert_eq(memcmp(head, "h1\n", 3), 0, "chunks still out keep theirs");
    wr_drop(c.hold);
    DEF->close_source(src);
}

Test(tail, faults) {
    const char *path = ct_path("log");
    ct_puts(path, "one\n");
    ct.interrupt = true;
    ct.read_max = 1;
    follow(path, "512KiB");
    expect("one\n");
    cr_assert_eq(unlink(path), 0);
    expect("");
    expect("");
    ct_puts(path, "two\n");
    expect("two\n");
    ct.interrupt = false;
    cr_assert_eq(rename(path, ct_path("log.1")), 0);
    ct_puts(path, "three\n");
    ct.open_errno = EACCES;
    cr_assert_eq(ct_take(DEF, src, 0, &got), WR_EIO);
    cr_assert_not_null(strstr(got.err.msg, "Permission denied"), "%s", got.err.msg);
    ct.open_errno = 0;
    expect("three\n");
    ct_append(path, "four\n");
    ct.read_fails_at = 1;
    ct.read_errno = EIO;
    cr_assert_eq(ct_take(DEF, src, 0, &got), WR_EIO);
    cr_assert_not_null(strstr(got.err.msg, "cannot read at byte 6"), "%s", got.err.msg);
    done();
}

Test(tail, a_record_too_long_at_the_end_of_a_rotated_file) {
    const char *path = ct_path("log");
    ct_puts(path, "0123456789");
    ct_options o = ct_opts("path", path, "tail", "true", "max_record_bytes", "4", NULL);
    src = ct_must_open(DEF, &o, &ct_sys);
    cr_assert_eq(ct_take(DEF, src, 0, &got), WR_AGAIN);
    cr_assert_eq(got.bad, 1);
    cr_assert_eq(rename(path, ct_path("log.1")), 0);
    ct_puts(path, "abc\n");
    cr_assert_eq(ct_take(DEF, src, 0, &got), WR_AGAIN);
    cr_assert_eq(got.bad, 1);
    cr_assert_eq(got.text.len, 4);
    done();
}

Test(tail, refused) {
    const char *path = ct_path("x.gz");
    ct_write(path, "\x1f\x8b\x08", 4);
    ct_options o = ct_opts("path", path, "tail", "true", NULL);
    wr_source *s;
    wr_err err;
    cr_assert_eq(ct_open(DEF, &o, &ct_sys, &s, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "holds gzip data"), "%s", err.msg);
    o = ct_opts("path", ct_path("none"), "tail", "true", NULL);
    cr_assert_eq(ct_open(DEF, &o, &ct_sys, &s, &err), WR_EIO);
    cr_assert_not_null(strstr(err.msg, "there is no file"), "%s", err.msg);
    cr_assert_eq(ct.opened, ct.closed);
}

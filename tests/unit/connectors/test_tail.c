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

static ct_got gots[4]; /* per split */

static void done(void) {
    DEF->close_source(src);
    ct_got_free(&got);
    for (size_t i = 0; i < WR_LEN(gots); i++) ct_got_free(&gots[i]);
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
    cr_assert_eq(DEF->watch(src), -1);
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

/* The last words come after the reader has seen the end, and before it sees that the file was renamed. */
static void late_words(void) {
    ct_append(ct_path("log"), "late\n");
    cr_assert_eq(rename(ct_path("log"), ct_path("log.1")), 0);
    ct_puts(ct_path("log"), "new\n");
}
Test(tail, what_is_written_between_the_end_and_the_look_is_read) {
    const char *path = ct_path("log");
    ct_puts(path, "one\n");
    follow(path, "512KiB");
    ct.on_stat = late_words;
    expect("one\nlate\nnew\n");
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

Test(tail, a_deleted_file_is_closed) {
    const char *path = ct_path("log");
    ct_puts(path, "one\ntwo");
    follow(path, "512KiB");
    expect("one\n");
    int64_t open = ct.opened - ct.closed;
    cr_assert_eq(unlink(path), 0);
    expect("two");
    cr_assert_eq(ct.opened - ct.closed, open - 1);
    expect("");
    ct_puts(path, "three\n");
    expect("three\n");
    done();
}

/* ---- patterns ---- */

/* What split `split` has now, its line ends as spaces; ends with "." where it has ended. */
static const char *take(uint32_t split) {
    static char text[256];
    ct_got *g = &gots[split];
    size_t was = g->text.len;
    g->follows = true;
    wr_status rc = ct_take(DEF, src, split, g);
    cr_assert(rc == WR_AGAIN || rc == WR_EOF, "%d %s", rc, g->err.msg);
    snprintf(text, sizeof text, "%.*s%s", (int)(g->text.len - was),
             g->text.len > was ? g->text.data + was : "", rc == WR_EOF ? "." : "");
    for (char *c = text; *c; c++)
        if (*c == '\n') *c = ' ';
    return text;
}
#define expect_take(split, want)                                                                             \
    do {                                                                                                     \
        const char *is = take(split);                                                                        \
        cr_assert_str_eq(is, want, "found '%s', expected '%s'", is, want);                                   \
    } while (0)

/* The split that begins, -1: none. */
static int look(void) {
    uint32_t split = 99;
    wr_err err = {0};
    wr_status rc = DEF->look(src, &split, &err);
    cr_assert(rc == WR_OK || rc == WR_AGAIN, "%d %s", rc, err.msg);
    return rc == WR_OK ? (int)split : -1;
}

static void expect_notes(const char *want) { ct_expect_notes(DEF, src, want); }

static void follow_pattern(const char *pattern) {
    ct_options o = ct_opts("path", ct_path(pattern), "tail", "true", NULL);
    src = ct_must_open(DEF, &o, &ct_sys);
}

Test(tail, new_files_that_match_are_read_from_their_beginning) {
    ct_puts(ct_path("1.log"), "one\n");
    follow_pattern("*.log");
    cr_assert_eq(DEF->n_splits(src), 1);
    expect_take(0, "one ");
    cr_assert_eq(look(), -1);
    expect_notes("");
    ct_puts(ct_path("3.log"), "three\nand");
    ct_puts(ct_path("2.log"), "");
    ct_puts(ct_path("2.txt"), "no\n");
    cr_assert_eq(look(), 1);
    cr_assert_eq(look(), 2);
    cr_assert_eq(look(), -1);
    cr_assert_eq(look(), -1);
    cr_assert_eq(DEF->n_splits(src), 3);
    expect_take(2, "three ");
    expect_take(1, "");
    ct_append(ct_path("3.log"), " on\n");
    ct_append(ct_path("2.log"), "two\n");
    expect_take(2, "and on ");
    expect_take(1, "two ");
    wr_split_info info;
    DEF->split_info(src, 2, &info);
    cr_assert_str_eq(info.name, ct_path("3.log"));
    expect_notes("*.log: 2 new files\n");
    done();
}

Test(tail, a_single_file_never_gets_company) {
    ct_puts(ct_path("log"), "");
    follow(ct_path("log"), "512KiB");
    uint32_t split;
    cr_assert_eq(DEF->look(src, &split, NULL), WR_EOF);
    done();
    ct_options o = ct_opts("path", ct_path("*"), NULL);
    src = ct_must_open(DEF, &o, &ct_sys);
    cr_assert_eq(DEF->look(src, &split, NULL), WR_EOF);
    done();
}

/* The pattern matches the old names too: no file is read twice, whichever split or look comes first. */
Test(tail, files_that_were_renamed_are_not_new) {
    ct_puts(ct_path("log"), "b\n");
    ct_puts(ct_path("log.1"), "a\n");
    follow_pattern("log*");
    expect_take(0, "b ");
    expect_take(1, "a ");
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(rename(ct_path("log.1"), ct_path("log.2")), 0); /* the one of before goes */
        cr_assert_eq(rename(ct_path("log"), ct_path("log.1")), 0);
        if (i & 1) cr_assert_eq(look(), -1);
        ct_puts(ct_path("log"), "next\n");
        if (i & 2) expect_take(1, ".");
        cr_assert_eq(look(), -1);
        expect_take(0, "next ");
        expect_take(1, ".");
        cr_assert_eq(look(), -1);
        expect_take(0, "");
    }
    expect_notes("log*: 6 rotations\n");
    cr_assert_leq(ct.opened - ct.closed, 3, "only what is there is kept open");
    done();
}

Test(tail, files_that_go_make_room) {
    follow_pattern((ct_puts(ct_path("0.log"), "zero\n"), "*.log"));
    expect_take(0, "zero ");
    int64_t open = ct.opened - ct.closed;
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.log", i);
        ct_append(ct_path(name), "end");
        cr_assert_eq(unlink(ct_path(name)), 0);
        expect_take(0, "end.");
        expect_take(0, ".");
        cr_assert_eq(look(), -1);
        snprintf(name, sizeof name, "%d.log", i + 1);
        ct_puts(ct_path(name), "begin\n");
        cr_assert_eq(look(), 0, "its place is free");
        expect_take(0, "begin ");
        cr_assert_eq(look(), -1);
        cr_assert_eq(ct.opened - ct.closed, open);
    }
    expect_notes("*.log: 5 new files, 5 files deleted\n");
    done();
}

Test(tail, new_files_that_cannot_be_followed_are_left_out) {
    ct_puts(ct_path("1.log"), "one\n");
    follow_pattern("*.log*");
    ct_write(ct_path("2.log"), "\x1f\x8b\x08\0", 4);
    cr_assert_eq(look(), -1);
    expect_notes("left out: '");
    expect_notes("2.log' holds gzip data");
    ct_puts(ct_path("3.log.gz"), "");
    cr_assert_eq(look(), -1);
    expect_notes("3.log.gz' is packed");
    ct_puts(ct_path("4.log"), "four\n");
    cr_assert_eq(look(), 1);
    expect_take(1, "four ");
    done();
}

Test(tail, links_to_one_file_are_read_once) {
    ct_puts(ct_path("1.log"), "one\n");
    cr_assert_eq(link(ct_path("1.log"), ct_path("2.log")), 0);
    follow_pattern("*.log");
    expect_take(0, "one ");
    expect_take(1, ".");
    cr_assert_eq(look(), -1);
    ct_puts(ct_path("3.log"), "three\n");
    cr_assert_eq(look(), 1);
    expect_take(1, "three ");
    done();
}

Test(tail, looking_survives_lack_of_memory) {
    ct_puts(ct_path("1.log"), "one\n");
    follow_pattern("*.log");
    ct_puts(ct_path("2.log"), "two\n");
    wr_status rc = WR_ENOMEM;
    uint32_t split = 0;
    for (uint64_t n = 1; rc != WR_OK; n++) {
        wr_mem_fail_at(n);
        rc = DEF->look(src, &split, NULL);
        wr_mem_fail_at(0);
        cr_assert(rc == WR_OK || rc == WR_ENOMEM || (rc == WR_AGAIN && n > 1), "%d", rc);
        cr_assert_lt(n, 100);
    }
    expect_take(split, "two ");
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

/* Going on with followed files after a restart: files that were rotated, cut back, made anew or deleted
 * meanwhile. */
#include <fcntl.h>
#include <msgpack.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn_test.h"

#define DEF    (&wr_connector_file)
#define SPLITS 4

static wr_source *src;
static const char *path, *format = "lines";
static struct {
    wr_buf at[SPLITS];
    uint32_t n;
} saved;

static void follow(const char *name) {
    path = ct_path(name);
    ct_options o = ct_opts("path", path, "tail", "true", "format", format, NULL);
    src = ct_must_open(DEF, &o, &ct_sys);
}

static void save(void) {
    saved.n = DEF->n_splits(src);
    cr_assert_leq(saved.n, SPLITS);
    for (uint32_t i = 0; i < saved.n; i++) {
        wr_err err = {0};
        saved.at[i].len = 0;
        cr_assert_eq(DEF->position(src, i, &saved.at[i], &err), WR_OK, "%s", err.msg);
    }
}

static void stop(void) {
    save();
    DEF->close_source(src);
    cr_assert_eq(ct.opened, ct.closed);
}

/* The number of the split that goes on with the i-th position, -1: none does. */
static int resume(uint32_t i) {
    uint32_t split = 99;
    wr_err err = {0};
    wr_status rc = DEF->resume(src, saved.at[i].data, saved.at[i].len, &split, &err);
    cr_assert(rc == WR_OK || rc == WR_AGAIN, "%d %s", rc, err.msg);
    return rc == WR_OK ? (int)split : -1;
}

static void start(const char *name) {
    follow(name);
    for (uint32_t i = 0; i < saved.n; i++) resume(i);
}

static int64_t last_pos; /* of the last chunk taken */

/* What a split has now, its line ends as spaces; positions rise. Ends with "." where it has ended. */
static const char *take(uint32_t split) {
    static char text[256];
    size_t n = 0;
    wr_chunk c;
    wr_err err = {0};
    wr_status rc;
    while ((rc = DEF->next(src, split, &c, &err)) == WR_OK) {
        cr_assert_geq(c.pos, last_pos, "%ld comes after %ld", (long)c.pos, (long)last_pos);
        cr_assert_lt(n + c.len, sizeof text - 1);
        memcpy(text + n, c.data, c.len);
        n += c.len;
        last_pos = c.pos + (int64_t)c.len;
        wr_drop(c.hold);
    }
    cr_assert(rc == WR_AGAIN || rc == WR_EOF, "%d %s", rc, err.msg);
    if (rc == WR_EOF) text[n++] = '.';
    text[n] = 0;
    for (char *p = text; *p; p++)
        if (*p == '\n') *p = ' ';
    return text;
}
#define expect_of(split, want)                                                                               \
    do {                                                                                                     \
        const char *is = take(split);                                                                        \
        cr_assert_str_eq(is, want, "found '%s', expected '%s'", is, want);                                   \
    } while (0)
#define expect(want) expect_of(0, want)

static void expect_notes(const char *want) { ct_expect_notes(DEF, src, want); }

static void done(void) {
    DEF->close_source(src);
    cr_assert_eq(ct.opened, ct.closed);
    for (uint32_t i = 0; i < SPLITS; i++) wr_buf_free(&saved.at[i]);
}

static void mv(const char *from, const char *to) { cr_assert_eq(rename(ct_path(from), ct_path(to)), 0); }
/* So many seconds after another file. */
static void changed(const char *name, int64_t s) {
    struct timespec times[2] = {{.tv_sec = 1800000000 + s}, {.tv_sec = 1800000000 + s}};
    cr_assert_eq(utimensat(AT_FDCWD, ct_path(name), times, 0), 0);
}

Test(tail_resume, where_it_was) {
    ct_puts(ct_path("log"), "one\ntwo\nthr");
    follow("log");
    expect("one two ");
    stop();
    ct_append(path, "ee\nfour\n");
    start("log");
    expect("three four ");
    expect_notes("");
    done();
}

Test(tail_resume, positions_rise_over_a_rotation_before_the_restart) {
    ct_puts(ct_path("log"), "one\ntwo\n");
    follow("log");
    expect("one two ");
    mv("log", "log.1");
    ct_puts(path, "a\n");
    expect("a ");
    stop();
    ct_append(path, "b\n");
    start("log");
    expect("b ");
    cr_assert_eq(last_pos, 12);
    done();
}

Test(tail_resume, positions_rise_over_a_rotation_and_a_cut_meanwhile) {
    ct_puts(ct_path("log"), "one\ntwo\n");
    follow("log");
    expect("one two ");
    stop();
    mv("log", "log.1");
    ct_puts(ct_path("log"), "a\n");
    start("log");
    expect("a ");
    cr_assert_eq(last_pos, 10);
    stop();
    cr_assert_eq(truncate(path, 0), 0);
    start("log");
    expect("");
    ct_append(path, "b\n");
    expect("b ");
    cr_assert_eq(last_pos, 12);
    expect_notes("log: 1 file cut back\n");
    done();
}

Test(tail_resume, another_file_of_the_same_inode_is_begun) {
    ct_puts(ct_path("log"), "one\ntwo\n");
    follow("log");
    expect("one two ");
    stop();
    ct_puts(path, "another\nfile\n"); /* the inode stays; so it is where a file was deleted and made anew */
    start("log");
    expect("another file ");
    cr_assert_eq(last_pos, 21);
    expect_notes("log: 1 file gone before its end was seen\n");
    stop();
    ct_append(path, "grows\n");
    start("log");
    expect("grows ");
    expect_notes("");
    done();
}

Test(tail_resume, the_first_bytes_tell_a_long_file) {
    char long_line[5001];
    memset(long_line, 'x', 5000);
    long_line[5000] = 0;
    ct_puts(ct_path("log"), "");
    follow("log");
    expect("");
    for (int i = 0; i < 3; i++) {
        ct_append(path, i == 1 ? long_line : "short");
        save();
        ct_append(path, "\n");
        wr_chunk c;
        cr_assert_eq(DEF->next(src, 0, &c, NULL), WR_OK);
        wr_drop(c.hold);
        last_pos = c.pos + (int64_t)c.len;
        stop();
        start("log");
        expect("");
        expect_notes("");
    }
    stop();
    int fd = open(path, O_WRONLY);
    cr_assert_eq(pwrite(fd, "y", 1, 4095), 1);
    close(fd);
    start("log");
    wr_chunk c;
    cr_assert_eq(DEF->next(src, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.len, 6 + 5001 + 6);
    wr_drop(c.hold);
    done();
}

/* A head is shown once, and never taken for a row. */
Test(tail_resume, heads) {
    format = "headed";
    ct_puts(ct_path("log"), "head\na\n");
    follow("log");
    expect("head a ");
    stop();
    ct_append(path, "b\n");
    start("log");
    expect("b ");
    stop();
    ct_puts(path, "head\nc\n"); /* is as short as before: cut back */
    start("log");
    expect("c ");
    stop();
    ct_puts(path, "other head\nd\n");
    start("log");
    expect("d ");
    expect_notes("1 file gone");
    mv("log", "log.1");
    ct_puts(path, "");
    expect("");
    stop(); /* nothing of this one has been read */
    ct_append(path, "head\ne\n");
    start("log");
    expect("e ");
    done();
}

Test(tail_resume, all_that_were_rotated_meanwhile_come_in_order) {
    ct_puts(ct_path("log"), "1\n2");
    ct_puts(ct_path("log.1"), "no\n"); /* older: never was this job's */
    follow("log");
    expect("1 ");
    stop();
    mv("log.1", "log.5");
    mv("log", "log.4");
    ct_append(ct_path("log.4"), "+\n");
    ct_puts(ct_path("log.3"), "3\n4");
    ct_puts(ct_path("log.2"), "");
    ct_puts(ct_path("log.1"), "5\n");
    ct_puts(ct_path("log.1.gz"), "no\n");
    ct_puts(ct_path("log.errors"), "no\n");
    ct_puts(ct_path("log.x1"), "no\n");
    ct_puts(ct_path("other.1"), "no\n");
    ct_puts(ct_path("log"), "6\n");
    static const char *const later[] = {"log.5", "log.4", "log.3",    "log.2",
                                        "log.1", "log",   "log.1.gz", "log.errors"};
    for (int i = 0; i < (int)WR_LEN(later); i++) changed(later[i], i);
    start("log");
    expect("2+ 3 45 6 ");
    expect_notes("log: 4 rotations\n");
    ct_append(path, "7\n");
    expect("7 ");
    done();
}

/* Within one tick of the clock the names tell which is the later one. */
static void names_tell(const char *old, const char *between, const char *then) {
    ct_puts(ct_path("log"), "1\n");
    follow("log");
    expect("1 ");
    stop();
    mv("log", old);
    ct_puts(ct_path(between), "2\n");
    ct_puts(ct_path(then), "3\n");
    ct_puts(ct_path("log"), "4\n");
    changed(old, 0);
    changed(between, 0);
    changed(then, 0);
    start("log");
    expect("2 3 4 ");
    done();
}
Test(tail_resume, numbers_fall_with_time) { names_tell("log.3", "log.2", "log.1"); }
Test(tail_resume, numbers_of_two_digits) { names_tell("log.11", "log.10", "log.9"); }
Test(tail_resume, dates_rise_with_time) { names_tell("log-20260101", "log-20260102", "log-20270101"); }

Test(tail_resume, a_snapshot_among_rotated_files) {
    ct_puts(ct_path("log"), "1\n");
    follow("log");
    expect("1 ");
    stop();
    mv("log", "log.3");
    ct_puts(ct_path("log.2"), "2\n");
    ct_puts(ct_path("log.1"), "3\n");
    ct_puts(ct_path("log"), "4\n");
    changed("log.3", 0);
    changed("log.2", 1);
    changed("log.1", 2);
    start("log");
    wr_chunk c;
    cr_assert_eq(DEF->next(src, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.data[0], '2');
    cr_assert_eq(c.pos, 2);
    wr_drop(c.hold);
    stop();
    mv("log.2", "log.3");
    mv("log.1", "log.2");
    mv("log", "log.1");
    ct_puts(ct_path("log"), "5\n");
    changed("log.1", 3);
    start("log");
    expect("3 4 5 ");
    done();
}

/* The pattern does not match the old names: the new file of that name is taken up behind them. */
Test(tail_resume, a_pattern_without_the_old_names) {
    ct_puts(ct_path("a.log"), "1\n");
    follow("*.log");
    expect("1 ");
    stop();
    mv("a.log", "a.log.2");
    ct_append(ct_path("a.log.2"), "2\n");
    ct_puts(ct_path("a.log.1"), "3\n");
    ct_puts(ct_path("a.log"), "4\n");
    changed("a.log.2", 0);
    changed("a.log.1", 1);
    start("*.log");
    expect("2 3 4 ");
    uint32_t split;
    cr_assert_eq(DEF->look(src, &split, NULL), WR_AGAIN);
    ct_append(ct_path("a.log"), "5\n");
    expect("5 ");
    done();
}

Test(tail_resume, a_pattern_with_the_old_names) {
    ct_puts(ct_path("log"), "1\n");
    follow("log*");
    expect("1 ");
    stop();
    mv("log", "log.2");
    ct_append(ct_path("log.2"), "2\n");
    ct_puts(ct_path("log.1"), "3\n");
    ct_puts(ct_path("log"), "4\n");
    start("log*");
    last_pos = 0;
    expect_of(0, "2 ");
    last_pos = 0;
    expect_of(1, "3 ");
    last_pos = 0;
    expect_of(2, "4 ");
    uint32_t split;
    cr_assert_eq(DEF->look(src, &split, NULL), WR_AGAIN);
    done();
}

/* Rows of equal times are in the order of their splits' numbers. */
Test(tail_resume, splits_keep_their_numbers) {
    uint32_t split;
    ct_puts(ct_path("m.log"), "m1\n");
    follow("*.log");
    for (int i = 0; i < 2; i++) {
        ct_puts(ct_path(i ? "a.log" : "z.log"), "x\n");
        cr_assert_eq(DEF->look(src, &split, NULL), WR_OK);
        cr_assert_eq(split, i + 1);
        cr_assert_eq(DEF->look(src, &split, NULL), WR_AGAIN);
    }
    for (uint32_t i = 0; i < 3; i++) {
        last_pos = 0;
        expect_of(i, i ? "x " : "m1 ");
    }
    last_pos = 0;
    cr_assert_eq(unlink(ct_path("z.log")), 0);
    expect_of(1, ".");
    stop();
    ct_append(ct_path("m.log"), "m2\n");
    ct_append(ct_path("a.log"), "a2\n");
    follow("*.log");
    cr_assert_eq(DEF->n_splits(src), 2);
    cr_assert_eq(resume(0), 0);
    cr_assert_eq(resume(1), -1);
    cr_assert_eq(resume(2), 2);
    expect_of(0, "m2 ");
    last_pos = 0;
    expect_of(1, ".");
    expect_of(2, "a2 ");
    ct_puts(ct_path("b.log"), "b\n");
    cr_assert_eq(DEF->look(src, &split, NULL), WR_OK);
    cr_assert_eq(split, 1, "its place is free");
    last_pos = 0;
    expect_of(1, "b ");
    stop();
    start("*.log");
    for (uint32_t i = 0; i < 3; i++) expect_of(i, "");
    done();
}

Test(tail_resume, a_deleted_file_had_been_read) {
    ct_puts(ct_path("log"), "1\n");
    follow("log");
    expect("1 ");
    cr_assert_eq(unlink(path), 0);
    expect("");
    stop();
    ct_puts(path, "1\n2\n"); /* begins as the old one did, and may have its inode */
    start("log");
    expect("1 2 ");
    expect_notes("");
    done();
}

Test(tail_resume, a_file_of_a_pattern_that_was_deleted_and_made_anew) {
    ct_puts(ct_path("a.log"), "1\n");
    follow("*.log");
    expect("1 ");
    cr_assert_eq(unlink(ct_path("a.log")), 0);
    expect(".");
    stop();
    ct_puts(ct_path("a.log"), "1\n2\n");
    follow("*.log");
    cr_assert_eq(resume(0), -1, "that one has ended, this one has not");
    expect("1 2 ");
    expect_notes("");
    done();
}

/* A position of an earlier version: without the last three. */
Test(tail_resume, positions_of_earlier_versions) {
    struct stat st;
    ct_puts(ct_path("log"), "one\ntwo\n");
    path = ct_path("log");
    cr_assert_eq(stat(path, &st), 0);
    msgpack_packer pk;
    msgpack_packer_init(&pk, &saved.at[0], wr_buf_write);
    msgpack_pack_array(&pk, 8);
    msgpack_pack_str(&pk, strlen(path));
    msgpack_pack_str_body(&pk, path, strlen(path));
    const uint64_t rest[] = {2, 4, 0, 0, 0, st.st_dev, st.st_ino};
    for (size_t i = 0; i < WR_LEN(rest); i++) msgpack_pack_uint64(&pk, rest[i]);
    saved.n = 1;
    start("log");
    last_pos = 4;
    expect("two ");
    cr_assert_eq(last_pos, 8);
    done();
}

Test(tail_resume, broken_positions_are_told) {
    ct_puts(ct_path("log"), "one\n");
    follow("log");
    expect("one ");
    save();
    uint32_t split;
    wr_err err;
    for (size_t n = 0; n < saved.at[0].len; n++)
        cr_assert_eq(DEF->resume(src, saved.at[0].data, n, &split, &err), WR_EDATA);
    saved.at[0].data[0] = (char)0x9a; /* one field less */
    cr_assert_eq(DEF->resume(src, saved.at[0].data, saved.at[0].len, &split, &err), WR_EDATA);
    done();
}

Test(tail_resume, survives_lack_of_memory) {
    ct_puts(ct_path("log"), "1\n");
    follow("log");
    expect("1 ");
    stop();
    mv("log", "log.2");
    ct_puts(ct_path("log.1"), "2\n");
    ct_puts(ct_path("log"), "3\n");
    changed("log.2", 0);
    changed("log.1", 1);
    wr_status rc = WR_ENOMEM;
    uint32_t split;
    for (uint64_t n = 1; rc != WR_OK; n++) {
        follow("log");
        wr_mem_fail_at(n);
        rc = DEF->resume(src, saved.at[0].data, saved.at[0].len, &split, NULL);
        wr_mem_fail_at(0);
        cr_assert(rc == WR_OK || rc == WR_ENOMEM, "%d", rc);
        cr_assert_lt(n, 100);
        if (rc != WR_OK) DEF->close_source(src);
    }
    for (uint64_t n = 1; n < 20; n++) {
        wr_chunk c;
        wr_mem_fail_at(n);
        rc = DEF->next(src, 0, &c, NULL);
        wr_mem_fail_at(0);
        cr_assert(rc == WR_OK || rc == WR_ENOMEM, "%d", rc);
        if (rc == WR_ENOMEM) continue;
        cr_assert_eq(c.data[0], '2');
        wr_drop(c.hold);
        break;
    }
    expect("3 ");
    done();
}

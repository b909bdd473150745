/* Standard input and output. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "conn_test.h"

#define IN (&wr_connector_stdin)

/* Makes a pipe standard input; returns the end to write to. */
static int pipe_in(void) {
    int p[2];
    cr_assert_eq(pipe(p), 0);
    cr_assert_eq(dup2(p[0], STDIN_FILENO), STDIN_FILENO);
    close(p[0]);
    return p[1];
}

Test(stdin, pieces_as_they_come) {
    int w = pipe_in();
    ct_options o = ct_opts("format", "json", NULL);
    wr_source *s = ct_must_open(IN, &o, &wr_sys_real);
    cr_assert_eq(IN->n_splits(s), 1);
    cr_assert_eq(IN->watch(s), STDIN_FILENO);
    ct_got got = {0};
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    cr_assert_eq(write(w, "on", 2), 2);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    cr_assert_eq(got.text.len, 0);
    cr_assert_eq(write(w, "e\ntwo\nth", 8), 8);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    cr_assert_eq(got.text.len, 8);
    cr_assert_eq(write(w, "ree", 3), 3);
    close(w);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_EOF);
    cr_assert_eq(memcmp(got.text.data, "one\ntwo\nthree", 13), 0);
    cr_assert_eq(got.text.len, 13);
    wr_split_info info;
    IN->split_info(s, 0, &info);
    cr_assert_str_eq(info.name, "stdin");
    cr_assert_eq(info.bytes, -1);
    cr_assert_eq(info.at, 13);
    cr_assert_eq(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0, "shared with others, not changed");
    IN->close_source(s);
    ct_got_free(&got);
}

Test(stdin, a_file) {
    wr_buf b = ct_random_lines(3, 1500000, 90, true);
    ct_write(ct_path("f"), b.data, b.len);
    for (int way = 0; way < 2; way++) {
        int fd = open(ct_path("f"), O_RDONLY);
        cr_assert_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
        close(fd);
        ct.interrupt = way;
        ct.read_max = way ? 1001 : 0;
        ct_options o = ct_opts("chunk_bytes", way ? "7000" : "512KiB", NULL);
        wr_source *s = ct_must_open(IN, &o, &ct_sys);
        cr_assert_eq(IN->watch(s), -1);
        ct_got got = {0};
        cr_assert_eq(ct_take(IN, s, 0, &got), WR_EOF);
        cr_assert_eq(got.text.len, b.len);
        cr_assert_eq(memcmp(got.text.data, b.data, b.len), 0);
        wr_split_info info;
        IN->split_info(s, 0, &info);
        cr_assert_eq((size_t)info.bytes, b.len);
        cr_assert_eq((size_t)info.at, b.len);
        IN->close_source(s);
        ct_got_free(&got);
    }
    wr_buf_free(&b);
}

/* The first bytes come one by one; what they are is not decided too early. */
Test(stdin, packed_data_byte_by_byte) {
    wri_zip *z;
    wr_buf b = {0};
    cr_assert_eq(wri_zip_new(WRI_GZIP, &z, NULL), WR_OK);
    cr_assert_eq(wri_zip_run(z, "one\ntwo\n", 8, true, &b, NULL), WR_OK);
    wri_zip_free(z);
    int w = pipe_in();
    ct_options o = ct_opts("format", "json", NULL);
    wr_source *s = ct_must_open(IN, &o, &wr_sys_real);
    ct_got got = {0};
    for (size_t i = 0; i < b.len; i++) {
        cr_assert_eq(write(w, b.data + i, 1), 1);
        cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    }
    close(w);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_EOF);
    cr_assert_eq(got.text.len, 8);
    cr_assert_eq(memcmp(got.text.data, "one\ntwo\n", 8), 0);
    IN->close_source(s);
    ct_got_free(&got);
    wr_buf_free(&b);
}

Test(stdin, one_letter_then_the_end) {
    int w = pipe_in();
    cr_assert_eq(write(w, "\x1f", 1), 1); /* might be packed */
    ct_options o = ct_opts("format", "json", NULL);
    wr_source *s = ct_must_open(IN, &o, &wr_sys_real);
    ct_got got = {0};
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    close(w);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_EOF);
    cr_assert_eq(got.text.len, 1);
    IN->close_source(s);
    ct_got_free(&got);
}

Test(stdin, faults) {
    ct_options o = ct_opts("format", "json", NULL);
    int w = pipe_in();
    wr_source *s = ct_must_open(IN, &o, &ct_sys);
    ct_got got = {0};
    ct.not_ready = true;
    cr_assert_eq(write(w, "a\n", 2), 2);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    cr_assert_eq(ct.reads, 0, "read without asking");
    ct.not_ready = false;
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    cr_assert_eq(got.text.len, 2);
    ct.read_fails_at = 1;
    ct.read_errno = EAGAIN; /* somebody else made it non-blocking */
    cr_assert_eq(write(w, "b\n", 2), 2);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    ct.read_errno = EIO;
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_EIO);
    cr_assert_str_eq(got.err.msg, "standard input: cannot read at byte 2: Input/output error");
    IN->close_source(s);
    ct_got_free(&got);
    close(w);
    close(STDIN_FILENO);
    wr_err err;
    cr_assert_eq(ct_open(IN, &o, &ct_sys, &s, &err), WR_EIO);
    cr_assert_str_eq(err.msg, "cannot read standard input: Bad file descriptor");
}

/* A long record that trickles in: read on for it, and give up at the limit. */
Test(stdin, long_records_from_a_pipe) {
    int w = pipe_in();
    ct_options o = ct_opts("max_record_bytes", "1000", "chunk_bytes", "16", NULL);
    wr_source *s = ct_must_open(IN, &o, &wr_sys_real);
    ct_got got = {0};
    char x[100];
    memset(x, 'x', sizeof x);
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(write(w, x, 100), 100);
        cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    }
    cr_assert_eq(write(w, "\n", 1), 1);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    cr_assert_eq(got.text.len, 901);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(write(w, x, 100), 100);
        cr_assert_eq(ct_take(IN, s, 0, &got), WR_AGAIN);
    }
    cr_assert_eq(got.bad, 1);
    cr_assert_eq(got.bad_pos, 901);
    cr_assert_eq(got.bad_len, 1000);
    cr_assert_eq(write(w, "tail\nnext\n", 10), 10);
    close(w);
    cr_assert_eq(ct_take(IN, s, 0, &got), WR_EOF);
    cr_assert_eq(got.text.len, 906);
    cr_assert_eq(memcmp(got.text.data + 901, "next\n", 5), 0);
    IN->close_source(s);
    ct_got_free(&got);
}

/* ---- output ---- */

static wr_sink *print_open(const wr_connector_def *def, const char *prefix) {
    ct_options o = ct_opts("prefix", prefix, NULL);
    wr_sink_cfg cfg = {.sys = &ct_sys, .stream = "s", .options = o.kvs, .n_options = o.n};
    wr_sink *s;
    wr_err err;
    cr_assert_eq(def->open_sink(&cfg, &s, &err), WR_OK);
    return s;
}

static void print_twice(const wr_connector_def *def, const char *prefix, const char *want) {
    wr_buf out = {0};
    ct.capture = &out;
    wr_sink *s = print_open(def, prefix);
    cr_assert_eq(def->write(s, "a\nb\nc", 5, NULL), WR_OK);
    cr_assert_eq(def->write(s, "d\n\n", 3, NULL), WR_OK);
    cr_assert_null(def->flush); /* nothing is kept back */
    def->close_sink(s);
    cr_assert_eq(out.len, strlen(want));
    cr_assert_eq(memcmp(out.data, want, out.len), 0, "%.*s", (int)out.len, out.data);
    wr_buf_free(&out);
    ct.capture = NULL;
}

Test(stdout, prefix) {
    for (int way = 0; way < 3; way++) {
        ct_reset();
        ct.write_max = way ? 1 : 0;
        ct.interrupt = way == 2;
        ct.again = way == 2 ? 3 : 0;
        print_twice(&wr_connector_print, "", "a\nb\ncd\n\n");
        ct.again = way == 2 ? 3 : 0;
        print_twice(&wr_connector_print, "> ", "> a\n> b\n> cd\n> \n");
        print_twice(&wr_connector_stdout, "", "a\nb\ncd\n\n");
    }
}

Test(stdout, written_at_once) {
    wr_buf out = {0};
    ct.capture = &out;
    wr_sink *s = print_open(&wr_connector_stdout, "");
    cr_assert_eq(wr_connector_stdout.write(s, "a\n", 2, NULL), WR_OK);
    cr_assert_eq(out.len, 2, "somebody may be watching");
    wr_connector_stdout.close_sink(s);
    wr_buf_free(&out);
}

Test(stdout, closed_pipe) {
    int p[2];
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(p), 0);
    int saved = dup(STDOUT_FILENO);
    cr_assert_eq(dup2(p[1], STDOUT_FILENO), STDOUT_FILENO);
    close(p[0]);
    wr_err err;
    wr_sink *s = print_open(&wr_connector_stdout, "");
    wr_status rc = wr_connector_stdout.write(s, "a\n", 2, &err);
    dup2(saved, STDOUT_FILENO);
    cr_assert_eq(rc, WR_EIO);
    cr_assert_str_eq(err.msg, "standard output was closed by its reader");
    wr_connector_stdout.close_sink(s);
}

Test(stdout, full_disk) {
    wr_buf out = {0};
    ct.capture = &out;
    ct.write_room = 3;
    ct.write_errno = ENOSPC;
    wr_err err;
    wr_sink *s = print_open(&wr_connector_stdout, "");
    cr_assert_eq(wr_connector_stdout.write(s, "a\nb\n", 4, &err), WR_EIO);
    cr_assert_str_eq(err.msg, "cannot write to standard output: No space left on device");
    cr_assert_eq(out.len, 3);
    wr_connector_stdout.close_sink(s);
    wr_buf_free(&out);
}

Test(stdout, allocation_failures) {
    ct_options o = ct_opts("prefix", "> ", NULL);
    wr_sink_cfg cfg = {.sys = &ct_sys, .stream = "s", .options = o.kvs, .n_options = o.n};
    wr_buf out = {0};
    cr_assert_eq(wr_buf_reserve(&out, 100), WR_OK);
    ct.capture = &out;
    uint64_t n = 1;
    for (wr_status rc = WR_ENOMEM; rc == WR_ENOMEM; n++) {
        wr_sink *s = NULL;
        cr_assert_lt(n, 20);
        wr_mem_fail_at(n);
        rc = wr_connector_print.open_sink(&cfg, &s, NULL);
        if (rc == WR_OK) rc = wr_connector_print.write(s, "a\n", 2, NULL);
        wr_mem_fail_at(0);
        if (s) wr_connector_print.close_sink(s);
    }
    cr_assert_eq(n, 5, "the sink, its prefix and its lines");
    wr_buf_free(&out);
}

Test(blackhole, takes_no_bytes) {
    const wr_connector_def *def = &wr_connector_blackhole;
    wr_sink *s;
    wr_sink_cfg cfg = {.sys = &ct_sys};
    cr_assert_eq(def->open_sink(&cfg, &s, NULL), WR_OK);
    cr_assert_null(def->write);
    def->close_sink(s);
}

Test(lists, connectors) {
    static const char *const names[] = {"file", "stdin", "stdout", "print", "blackhole", "datagen"};
    for (size_t i = 0; i < WR_LEN(names); i++) {
        const wr_connector_def *d = wr_connector_find(names[i]);
        cr_assert_not_null(d);
        cr_assert_str_eq(d->with.name, names[i]);
        cr_assert_eq(d->with.source, d->open_source != NULL);
        cr_assert_eq(d->with.sink, d->open_sink != NULL);
        cr_assert_eq(d->with.sink, d->with.delivery != NULL);
        cr_assert_not_null(d->with.doc);
        for (size_t k = 0; k < d->with.n_options; k++) cr_assert_not_null(d->with.options[k].doc);
    }
    cr_assert_null(wr_connector_find("fil"));
    for (size_t i = 0; wr_formats[i]; i++)
        cr_assert_eq(wr_format_find(wr_formats[i]->with.name), wr_formats[i]);
    cr_assert_null(wr_format_find("yaml"));
}

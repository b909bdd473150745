/* Savepoints: whole although the snapshots that they are made of are not, by themselves wherever they are
 * copied to; every byte of them is checked, and no other moment is ever taken for theirs. */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_test.h"
#include "state/snapshots/store_int.h"

#define EPOCHS 5

/* Part "grows" has a piece of each epoch, each in a segment of its own. */
static size_t text_of(uint64_t e, char *out) {
    size_t n = 150 + 29 * e;
    for (size_t i = 0; i < n; i++) out[i] = (char)(e * 13 + i * 11);
    return n;
}

static wr_status write_one(wr_snapshots *s, uint64_t e, wr_err *err) {
    char text[2048];
    size_t n = text_of(e, text);
    wr_part parts[] = {{.name = "grows", .data = text, .len = n, .more = e > 1},
                       {.name = "empty"},
                       {.name = "whole", .data = text, .len = n / 2}};
    wr_snapshot_head head = {.epoch = e, .taken_us = 77, .plan = "a plan"};
    return wr_snapshots_write(s, &head, parts, 3, NULL, err);
}

static wr_snapshots *make_state(const wr_sys *sys, const char *dir) {
    wr_snapshots *s;
    wr_err err = {0};
    cr_assert_eq(wr_snapshots_open(sys, dir, &s, &err), WR_OK, "%s", err.msg);
    for (uint64_t e = 1; e <= EPOCHS; e++) cr_assert_eq(write_one(s, e, &err), WR_OK, "%s", err.msg);
    return s;
}

static void check_whole(wr_snapshot *s, const char *what) {
    wr_err err = {0};
    cr_assert_eq(wr_snapshot_bring(s, NULL, &err), WR_OK, "%s: %s", what, err.msg);
    const wr_saved_part *grows = wr_snapshot_part(s, "grows"), *whole = wr_snapshot_part(s, "whole");
    cr_assert(s->savepoint && grows && whole && wr_snapshot_part(s, "empty") && s->n == 3, "%s", what);
    cr_assert(s->head.epoch == EPOCHS && s->head.taken_us == 77 && strcmp(s->head.plan, "a plan") == 0);
    cr_assert_eq(grows->n, EPOCHS, "%s", what);
    for (uint64_t e = 1; e <= EPOCHS; e++) {
        char text[2048];
        size_t n = text_of(e, text);
        const wr_piece *p = &grows->pieces[e - 1];
        cr_assert(p->len == n && memcmp(p->data, text, n) == 0, "%s: piece %d", what, (int)e);
    }
    cr_assert_eq(whole->n, 1);
}

/* Whether there is a savepoint; what there is is whole. */
static bool there_is(const char *dir, wr_err *err, const char *what) {
    wr_snapshot *s;
    if (wr_savepoint_read(&wr_sys_real, dir, &s, err) != WR_OK) return false;
    check_whole(s, what);
    wr_snapshot_free(s);
    return true;
}

Test(savepoint, is_whole_by_itself) {
    const char *dir = lt_folder("state"), *to = lt_folder("point"), *copy = lt_folder("copy");
    uint64_t bytes = 0;
    wr_err err = {0};
    wr_snapshots *s = make_state(&wr_sys_real, dir);
    cr_assert_eq(wr_savepoint_write(s, to, NULL, &bytes, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(write_one(s, EPOCHS + 1, &err), WR_OK, "%s",
                 err.msg); /* the state goes on, `more` and all */
    cr_assert_eq(wr_savepoint_write(s, to, NULL, NULL, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "is not empty"), "%s", err.msg);
    wr_snapshots_close(s);
    lt_copy(to, copy);
    lt_remove(dir);
    lt_remove(to);
    cr_assert(there_is(copy, &err, "a copy"), "%s", err.msg);
    cr_assert_gt(bytes, 0);
}

Test(savepoint, is_no_folder_for_snapshots) {
    const char *dir = lt_folder("state"), *to = lt_folder("point");
    wr_snapshots *s = make_state(&wr_sys_real, dir), *other;
    wr_err err = {0};
    cr_assert_eq(wr_savepoint_write(s, to, NULL, NULL, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_snapshots_open(&wr_sys_real, to, &other, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "is a savepoint"), "%s", err.msg);
    cr_assert(!there_is(dir, &err, "a state"));
    cr_assert_not_null(strstr(err.msg, "is no savepoint"), "%s", err.msg);
    wr_snapshots_close(s);
}

Test(savepoint, a_look_disturbs_nobody) {
    const char *dir = lt_folder("state");
    wr_snapshots *s = make_state(&wr_sys_real, dir);
    wr_snapshot *seen;
    wr_buf said = {0};
    wr_err err = {0};
    cr_assert_eq(wr_snapshots_look(&wr_sys_real, dir, &seen, &said, &err), WR_OK, "%s", err.msg);
    cr_assert(seen && seen->head.epoch == EPOCHS && !seen->savepoint && said.len == 0);
    wr_snapshot_free(seen);
    cr_assert_eq(write_one(s, EPOCHS + 1, &err), WR_OK, "%s", err.msg);
    wr_snapshots_close(s);
    const char *empty = lt_folder("empty");
    cr_assert_eq(wr_snapshots_look(&wr_sys_real, empty, &seen, &said, &err), WR_EIO);
    cr_assert_eq(mkdir(empty, 0755), 0);
    cr_assert_eq(wr_snapshots_look(&wr_sys_real, empty, &seen, &said, &err), WR_OK);
    cr_assert_null(seen);
}

/* ---- death and failure at each system call ---- */

static void stop_at_each(lt_fault fault, int failure) {
    int *made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t at = 1;
    for (bool hit = true; hit; at++) {
        const char *dir = lt_folder("state"), *to = lt_folder("point");
        char what[64];
        wr_err err = {0};
        snprintf(what, sizeof what, "fault %d at call %d", fault, (int)at);
        *made = -1;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            lt_reset();
            wr_snapshots *s = make_state(&lt_sys, dir);
            lt.at = lt.calls + at;
            lt.fault = fault;
            lt.failure = failure;
            lt.fails = 1;
            *made = wr_savepoint_write(s, to, NULL, NULL, NULL) == WR_OK;
            _exit(lt.hit ? LT_KILLED : 0);
        }
        int status;
        waitpid(pid, &status, 0);
        cr_assert(WIFEXITED(status), "%s: it crashed", what);
        hit = WEXITSTATUS(status) == LT_KILLED;
        bool is = there_is(to, &err, what);
        if (*made >= 0) cr_assert_eq(is, *made == 1, "%s: said %d", what, *made);
        if (!hit) cr_assert(is, "%s: %s", what, err.msg);
        lt_remove(dir);
        lt_remove(to);
    }
    cr_assert_gt(at, 10);
}

Test(savepoint, killed_at_each_call) { stop_at_each(LT_KILL, 0); }
Test(savepoint, torn_at_each_call) { stop_at_each(LT_TEAR, 0); }
Test(savepoint, full_disk_at_each_call) { stop_at_each(LT_FAIL, ENOSPC); }

Test(savepoint, every_allocation_fails_once) {
    const char *dir = lt_folder("state");
    wr_snapshots *s = make_state(&wr_sys_real, dir);
    wr_status r = WR_ENOMEM;
    for (uint64_t n = 1; r != WR_OK; n++) {
        const char *to = lt_folder("point");
        wr_snapshot *back = NULL;
        wr_err err = {0};
        wr_mem_fail_at(n);
        r = wr_savepoint_write(s, to, NULL, NULL, &err);
        if (r == WR_OK) r = wr_savepoint_read(&wr_sys_real, to, &back, &err);
        wr_mem_fail_at(0);
        cr_assert(r == WR_OK || (r == WR_ENOMEM && !back), "allocation %d: %s", (int)n, err.msg);
        wr_snapshot_free(back);
        lt_remove(to);
    }
    wr_snapshots_close(s);
}

/* ---- damage ---- */

static void must_be_refused(const char *dir, const char *file, const char *p, size_t n, const char *what) {
    char path[4096];
    wr_err err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, file);
    lt_write(path, p, n);
    cr_assert(!there_is(dir, &err, what), "%s: it was taken", what);
    cr_assert_not_null(strstr(err.msg, file), "%s: no place is named: %s", what, err.msg);
}

Test(savepoint, every_flip_and_cut_is_refused) {
    static const char *const files[] = {"00000001.seg", "savepoint"};
    const char *dir = lt_folder("state"), *to = lt_folder("point");
    wr_snapshots *s = make_state(&wr_sys_real, dir);
    wr_err err = {0};
    cr_assert_eq(wr_savepoint_write(s, to, NULL, NULL, &err), WR_OK, "%s", err.msg);
    wr_snapshots_close(s);
    for (size_t f = 0; f < WR_LEN(files); f++) {
        char path[4096], what[64];
        snprintf(path, sizeof path, "%s/%s", to, files[f]);
        wr_buf whole = lt_read(path);
        for (size_t i = 0; i < whole.len; i++) {
            snprintf(what, sizeof what, "%s, byte %zu", files[f], i);
            whole.data[i] ^= (char)(1 << (i % 8));
            must_be_refused(to, files[f], whole.data, whole.len, what);
            whole.data[i] ^= (char)(1 << (i % 8));
            snprintf(what, sizeof what, "%s, cut to %zu", files[f], i);
            must_be_refused(to, files[f], whole.data, i, what);
        }
        lt_write(path, whole.data, whole.len);
        cr_assert(there_is(to, &err, "put right again"), "%s", err.msg);
        wr_buf_free(&whole);
    }
}

Test(savepoint, damage_of_the_state_is_not_copied) {
    const char *dir = lt_folder("state"), *to = lt_folder("point");
    wr_snapshots *s = make_state(&wr_sys_real, dir);
    char path[4096];
    wr_err err = {0};
    snprintf(path, sizeof path, "%s/00000003.seg", dir);
    wr_buf whole = lt_read(path);
    whole.data[whole.len / 2] ^= 4;
    lt_write(path, whole.data, whole.len);
    cr_assert_eq(wr_savepoint_write(s, to, NULL, NULL, &err), WR_EDATA);
    cr_assert_not_null(strstr(err.msg, "00000003.seg' is damaged in bytes"), "%s", err.msg);
    cr_assert(!there_is(to, &err, "made of damage"));
    cr_assert_neq(access(to, F_OK), 0, "something was left");
    wr_buf_free(&whole);
    wr_snapshots_close(s);
}

/* ---- a glance ---- */

/* The part of that name, and only it, of what can be read; false: it was refused. */
static bool glance(const char *dir, const char *part, wr_err *err) {
    char text[4096];
    size_t n = 0;
    uint64_t bytes;
    wr_snapshot *s;
    if (wr_savepoint_glance(&wr_sys_real, dir, part, &s, &bytes, err) != WR_OK) {
        cr_assert(!s);
        return false;
    }
    if (strcmp(part, "grows") == 0)
        for (uint64_t e = 1; e <= EPOCHS; e++) n += text_of(e, text + n);
    else n = text_of(EPOCHS, text) / 2;
    const wr_saved_part *p = wr_snapshot_part(s, part);
    cr_assert(s->savepoint && s->n == 1 && s->head.epoch == EPOCHS && s->head.taken_us == 77);
    cr_assert(p && p->n == 1 && p->pieces[0].len == n && memcmp(p->pieces[0].data, text, n) == 0, "%s", part);
    wr_buf seg, manifest;
    char path[4096];
    snprintf(path, sizeof path, "%s/00000001.seg", dir);
    seg = lt_read(path);
    snprintf(path, sizeof path, "%s/savepoint", dir);
    manifest = lt_read(path);
    cr_assert_eq(bytes, seg.len + manifest.len);
    wr_buf_free(&seg);
    wr_buf_free(&manifest);
    wr_snapshot_free(s);
    return true;
}

Test(savepoint, a_glance_reads_one_part) {
    static const char *const files[] = {"00000001.seg", "savepoint"};
    const char *dir = lt_folder("state"), *to = lt_folder("point");
    wr_snapshots *s = make_state(&wr_sys_real, dir);
    wr_err err = {0};
    cr_assert(!glance(to, "whole", &err) && strstr(err.msg, "is no savepoint"), "%s", err.msg);
    cr_assert_eq(wr_savepoint_write(s, to, NULL, NULL, &err), WR_OK, "%s", err.msg);
    wr_snapshots_close(s);
    cr_assert(glance(to, "whole", &err) && glance(to, "grows", &err), "%s", err.msg);
    for (size_t f = 0; f < WR_LEN(files); f++) {
        char path[4096];
        size_t refused = 0;
        snprintf(path, sizeof path, "%s/%s", to, files[f]);
        wr_buf whole = lt_read(path);
        for (size_t i = 0; i < whole.len; i++) {
            whole.data[i] ^= (char)(1 << (i % 8));
            lt_write(path, whole.data, whole.len);
            refused += !glance(to, "grows", &err); /* damage elsewhere in the segment is not looked at */
            whole.data[i] ^= (char)(1 << (i % 8));
            lt_write(path, whole.data, i);
            cr_assert(!glance(to, "grows", &err) && strstr(err.msg, files[f]), "%s, cut to %zu", files[f], i);
        }
        cr_assert(f == 1 ? refused == whole.len : refused > whole.len / 2, "%s: %zu", files[f], refused);
        lt_write(path, whole.data, whole.len);
        wr_buf_free(&whole);
    }
    wr_status r = WR_ENOMEM;
    for (uint64_t n = 1; r != WR_OK; n++) {
        uint64_t bytes;
        wr_snapshot *got;
        wr_mem_fail_at(n);
        r = wr_savepoint_glance(&wr_sys_real, to, "whole", &got, &bytes, &err);
        wr_mem_fail_at(0);
        cr_assert(r == WR_OK || (r == WR_ENOMEM && !got), "allocation %d: %s", (int)n, err.msg);
        wr_snapshot_free(got);
    }
}

/* ---- formats to come ---- */

Test(savepoint, a_newer_format_is_said_and_nothing_older_taken) {
    const char *dir = lt_folder("state");
    wr_snapshots *s = make_state(&wr_sys_real, dir);
    wr_snapshots_close(s);
    char path[4096];
    wr_snapshot *got;
    wr_buf said = {0};
    wr_err err = {0};
    snprintf(path, sizeof path, "%s/%08d.snapshot", dir, EPOCHS);
    wr_buf file = lt_read(path);
    file.data[WRI_MAGIC_LEN - 1] = '3';
    lt_write(path, file.data, file.len); /* the digit alone: damage, and the snapshot before counts */
    cr_assert_eq(wr_snapshots_look(&wr_sys_real, dir, &got, &said, &err), WR_OK, "%s", err.msg);
    cr_assert(got->head.epoch == EPOCHS - 1 && said.len > 0);
    wr_snapshot_free(got);
    size_t head = WRI_MAGIC_LEN + sizeof(uint32_t);
    uint32_t crc = wr_crc32c(wr_crc32c(0, file.data, WRI_MAGIC_LEN), file.data + head, file.len - head);
    memcpy(file.data + WRI_MAGIC_LEN, &crc, sizeof crc);
    lt_write(path, file.data, file.len);
    cr_assert_eq(wr_snapshots_look(&wr_sys_real, dir, &got, &said, &err), WR_EUNSUPPORTED);
    cr_assert_null(got);
    cr_assert_not_null(strstr(err.msg, "has format 3, and this weir knows formats up to 2"), "%s", err.msg);
    wr_buf_free(&file);
    wr_buf_free(&said);
}

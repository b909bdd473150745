/* Rows in options: moments, what says that time passes, whose turn it is, what is no row. */
#include "conn_test.h"

extern const wr_connector_def wr_connector_given;

/* A clock that lets a stream go on at its turn only; one per process, as tests run in their own. */
static struct {
    uint64_t turn; /* number of the item that may come */
    int64_t now_us;
    int asked;
} played;

static bool play(const char *stream, uint64_t item, int64_t us) {
    cr_assert_str_eq(stream, "s");
    played.asked++;
    if (item != played.turn) return false;
    played.turn = UINT64_MAX; /* until the test says the next */
    played.now_us = us;
    return true;
}

static wr_source *open_rows(const char *rows, const wr_sys *sys) {
    ct_options o = ct_opts("rows", rows, NULL);
    return ct_must_open(&wr_connector_given, &o, sys);
}

static wr_status next(wr_source *s, wr_chunk *c) {
    wr_err err = {0};
    *c = (wr_chunk){0};
    return wr_connector_given.next(s, 0, c, &err);
}

static void wants(wr_source *s, const char *record) {
    wr_chunk c;
    cr_assert_eq(next(s, &c), WR_OK);
    cr_assert_eq(c.len, strlen(record));
    cr_assert_arr_eq(c.data, record, c.len);
    wr_drop(c.hold);
}

Test(given, without_a_played_clock_rows_come_one_after_the_other) {
    wr_chunk c;
    wr_source *s = open_rows("1000 {\"a\":1}\n2000\n3000 x y\n-5 z", &wr_sys_real);
    wants(s, "{\"a\":1}");
    cr_assert_eq(next(s, &c), WR_AGAIN); /* quiet */
    cr_assert_eq(next(s, &c), WR_AGAIN); /* time has passed */
    wants(s, "x y");
    wants(s, "z");
    cr_assert_eq(next(s, &c), WR_EOF);
    cr_assert_eq(next(s, &c), WR_EOF);
    wr_connector_given.close_source(s);
}

Test(given, a_chunk_outlives_its_source) {
    wr_chunk c;
    wr_source *s = open_rows("1 abc\n", &wr_sys_real);
    cr_assert_eq(next(s, &c), WR_OK);
    wr_connector_given.close_source(s);
    cr_assert_arr_eq(c.data, "abc", 3);
    wr_drop(c.hold);
}

Test(given, a_row_waits_for_its_turn_and_moves_the_clock) {
    wr_chunk c;
    wr_sys sys = wr_sys_real;
    sys.play = play;
    played.turn = UINT64_MAX;
    wr_source *s = open_rows("1000 a\n2000\n3000 b\n", &sys);
    cr_assert_eq(next(s, &c), WR_AGAIN);
    cr_assert_eq(played.now_us, 0);
    played.turn = 0;
    wants(s, "a");
    cr_assert_eq(played.now_us, 1000);
    played.turn = 1;
    int asked = played.asked;
    cr_assert_eq(next(s, &c), WR_AGAIN); /* found quiet at the old moment: the clock is not asked */
    cr_assert_eq(played.asked, asked);
    cr_assert_eq(played.now_us, 1000);
    cr_assert_eq(next(s, &c), WR_AGAIN);
    cr_assert_eq(played.now_us, 2000);
    played.turn = 2;
    wants(s, "b");
    cr_assert_eq(played.now_us, 3000);
    cr_assert_eq(next(s, &c), WR_EOF);
    wr_connector_given.close_source(s);
}

Test(given, what_begins_with_no_moment_is_an_error_with_its_line) {
    wr_chunk c;
    wr_err err = {0};
    wr_source *s = open_rows("1 a\nx b\n", &wr_sys_real);
    wants(s, "a");
    c = (wr_chunk){0};
    cr_assert_eq(wr_connector_given.next(s, 0, &c, &err), WR_EINVAL);
    cr_assert(strstr(err.msg, "line 2"), "%s", err.msg);
    wr_connector_given.close_source(s);
    s = open_rows("", &wr_sys_real);
    cr_assert_eq(next(s, &c), WR_EOF);
    wr_connector_given.close_source(s);
}

Test(given, is_bounded_unless_it_stands_for_a_live_stream) {
    ct_options live = ct_opts("rows", "", "live", "true", NULL), not = ct_opts("rows", "", NULL);
    cr_assert_not(wr_connector_given.bounded(live.kvs, live.n));
    cr_assert(wr_connector_given.bounded(not .kvs, not .n));
}

/* Split, merge, uniform, retention and load: order of parents and children, nothing lost, nothing twice. */
#include <unistd.h>

#include "log_test.h"

static const wr_place horizon = {.from = WR_FROM_HORIZON};

static wr_stream_info describe(wr_streams *db, wr_arena *ar) {
    wr_stream_info info;
    wr_err err = {0};
    cr_assert_eq(wr_stream_describe(db, "s", ar, &info, &err), WR_OK, "%s", err.msg);
    return info;
}

/* Open shards cover all keys once; parents stand before children and are closed; times rise. */
static uint32_t check_family(const wr_stream_info *info) {
    uint32_t n_open = 0;
    wr_u128 next = 0;
    bool found = true;
    for (uint32_t i = 0; i < info->n_shards; i++) {
        const wr_shard_info *s = &info->shards[i];
        n_open += s->closed_us == 0;
        for (uint32_t k = 0; k < info->n_shards; k++) {
            const wr_shard_info *p = &info->shards[k];
            if (p->id != s->parent && p->id != s->parent2) continue;
            cr_assert(k < i && p->closed_us != 0);
            cr_assert_lt(p->created_us / 1000000, s->created_us / 1000000);
            cr_assert(p->lo <= s->hi && s->lo <= p->hi);
        }
    }
    while (found) {
        found = false;
        for (uint32_t i = 0; i < info->n_shards && !found; i++)
            if (!info->shards[i].closed_us && info->shards[i].lo == next) {
                found = true;
                next = info->shards[i].hi + 1;
            }
        if (next == 0) break;
    }
    cr_assert(next == 0 && found);
    return n_open;
}

Test(reshard, split_and_merge) {
    wr_streams *db = lt_open(lt_folder("d"), 800, true);
    wr_arena ar = {0};
    wr_err err = {0};
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(lt_put_n(st, 0, 20, &err), WR_OK);
    wr_reader *r;
    wr_records got = {0};
    cr_assert_eq(wr_reader_open(db, "s", 0, horizon, &r, &err), WR_OK);
    cr_assert_eq(wr_stream_merge(st, 0, 0, &err), WR_EINVAL);
    wr_u128 half = (wr_u128)1 << 127;
    cr_assert_eq(wr_stream_split(st, 7, half, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "does not exist"), "%s", err.msg);
    cr_assert_eq(wr_stream_split(st, 0, 0, &err), WR_OK, "%s", err.msg); /* in the middle */
    cr_assert_eq(wr_stream_split(st, 0, half, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "is closed"), "%s", err.msg);
    cr_assert_eq(wr_stream_split(st, 2, half, &err), WR_EINVAL);
    cr_assert_not_null(strstr(err.msg, "cannot be split at"), "%s", err.msg);
    cr_assert_eq(wr_stream_merge(st, 1, 1, &err), WR_EINVAL);
    size_t n = 0;
    wr_status s;
    while ((s = wr_reader_next(r, 6, &got, &err)) == WR_OK) n += got.n;
    cr_assert_eq(s, WR_EOF); /* opened before it was closed */
    cr_assert_eq(n, 20);
    wr_reader_close(r);
    cr_assert_eq(lt_put_n(st, 20, 20, &err), WR_OK);
    cr_assert_eq(wr_stream_merge(st, 2, 1, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(lt_put_n(st, 40, 20, &err), WR_OK);
    wr_stream_info info = describe(db, &ar);
    cr_assert_eq(info.n_shards, 4);
    cr_assert_eq(check_family(&info), 1);
    cr_assert(info.shards[3].parent == 2 && info.shards[3].parent2 == 1);
    uint8_t counts[60] = {0};
    cr_assert_eq(lt_count(db, "s", counts, 60), 60);
    wr_records_free(&got);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

Test(reshard, uniform) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    wr_arena ar = {0};
    wr_err err = {0};
    lt_create(db, "s", 3);
    wr_stream *st = lt_stream(db, "s");
    static const uint32_t to[] = {1, 4, 7, 7, 2, 40, 3, 1, 9};
    uint32_t at = 0;
    for (size_t i = 0; i < WR_LEN(to); i++) {
        cr_assert_eq(lt_put_n(st, at, 10, &err), WR_OK);
        at += 10;
        cr_assert_eq(wr_stream_reshard(st, to[i], &err), WR_OK, "%s", err.msg);
        wr_stream_info info = describe(db, &ar);
        cr_assert_eq(check_family(&info), to[i]);
        wr_u128 slice = to[i] == 1 ? 0 : (~(wr_u128)0 - (to[i] - 1)) / to[i] + 1;
        for (uint32_t k = 0; k < info.n_shards; k++)
            if (!info.shards[k].closed_us && to[i] > 1) cr_assert(info.shards[k].lo % slice == 0);
    }
    cr_assert_eq(wr_stream_reshard(st, 0, &err), WR_EINVAL);
    uint8_t counts[100] = {0};
    cr_assert_eq(lt_count(db, "s", counts, 100), at);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

Test(reshard, retention) {
    const char *dir = lt_folder("d");
    wr_streams *db = lt_open(dir, 700, true);
    wr_arena ar = {0};
    wr_err err = {0};
    wr_records got = {0};
    lt_create(db, "s", 1);
    wr_stream *st = lt_stream(db, "s");
    const int64_t hour = 3600 * WR_US_PER_SECOND;
    cr_assert_eq(wr_stream_set_retention(st, hour - 1, &err), WR_EINVAL);
    cr_assert_eq(wr_stream_set_retention(st, 2 * hour, &err), WR_OK);
    wr_reader *r;
    cr_assert_eq(wr_reader_open(db, "s", 0, horizon, &r, &err), WR_OK);
    uint64_t first_of[6];
    for (uint32_t h = 0; h < 6; h++) { /* 20 records an hour */
        first_of[h] = 20 * h;
        for (uint32_t i = 0; i < 20; i++) cr_assert_eq(lt_put_n(st, 20 * h + i, 1, &err), WR_OK);
        if (h == 0) cr_assert_eq(wr_reader_next(r, 3, &got, &err), WR_OK);
        lt.wall_us += hour;
        cr_assert_eq(wr_stream_tend(st, &err), WR_OK, "%s", err.msg);
        wr_stream_info info = describe(db, &ar);
        if (h >= 2) { /* older segments are gone, and only those */
            cr_assert_gt(info.shards[0].first, first_of[h - 2]);
            cr_assert_leq(info.shards[0].first, first_of[h - 1] + 0);
        }
    }
    uint64_t horizon_now = describe(db, &ar).shards[0].first;
    uint64_t before = wr_reader_at(r), n = before, held = 0;
    while (wr_reader_next(r, 100, &got, &err) == WR_OK) { /* it still had its segment open */
        if (got.items[0].number < horizon_now) held += got.n;
        n = got.items[got.n - 1].number + 1;
    }
    cr_assert_eq(n, 120);
    cr_assert_eq(wr_reader_skipped(r), horizon_now - before - held);
    wr_reader_close(r);
    wr_place old = {.from = WR_FROM_AT, .number = 2};
    cr_assert_eq(wr_reader_open(db, "s", 0, old, &r, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(wr_reader_next(r, 1, &got, &err), WR_OK);
    cr_assert_eq(got.items[0].number, horizon_now);
    wr_reader_close(r);
    lt.wall_us += 10 * hour; /* all expire; numbers go on */
    cr_assert_eq(wr_stream_tend(st, &err), WR_OK, "%s", err.msg);
    cr_assert_eq(describe(db, &ar).shards[0].first, 120);
    cr_assert_null(lt_segment(dir, "s", 0, 1, ".seg"));
    wr_streams_close(db);
    db = lt_open(dir, 700, true);
    st = lt_stream(db, "s");
    cr_assert_eq(lt_said.len, 0, "%s", lt_said.data);
    wr_put p = {.key = "k", .key_len = 1};
    cr_assert_eq(wr_stream_put(st, &p, 1, &err), WR_OK);
    cr_assert_eq(p.seq.number, 120);
    wr_records_free(&got);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

Test(reshard, closed_shards_expire) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    wr_arena ar = {0};
    wr_err err = {0};
    lt_create(db, "s", 2);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(lt_put_n(st, 0, 30, &err), WR_OK);
    wr_reader *readers[3]; /* has read nothing; some; all, but not seen the end */
    wr_records got = {0};
    uint64_t all = 0;
    for (int i = 0; i < 3; i++) cr_assert_eq(wr_reader_open(db, "s", 0, horizon, &readers[i], &err), WR_OK);
    while (wr_reader_next(readers[2], 1, &got, &err) == WR_OK) all++;
    for (int i = 0; i < 5; i++) cr_assert_eq(wr_reader_next(readers[1], 1, &got, &err), WR_OK);
    cr_assert_gt(all, 5);
    cr_assert_eq(wr_stream_merge(st, 0, 1, &err), WR_OK);
    lt.wall_us += 12 * 3600 * WR_US_PER_SECOND;
    cr_assert_eq(wr_stream_tend(st, &err), WR_OK);
    cr_assert_eq(describe(db, &ar).n_shards, 3);
    lt.wall_us += 13 * 3600 * WR_US_PER_SECOND;
    cr_assert_eq(wr_stream_tend(st, &err), WR_OK);
    wr_stream_info info = describe(db, &ar);
    cr_assert_eq(info.n_shards, 1);
    cr_assert_eq(info.shards[0].parent, 0);
    wr_reader *r;
    cr_assert_eq(wr_reader_open(db, "s", 0, horizon, &r, &err), WR_EINVAL);
    for (int i = 0; i < 3; i++) {
        uint64_t n = 0;
        wr_status s;
        while ((s = wr_reader_next(readers[i], 1, &got, &err)) == WR_OK) n++;
        cr_assert_eq(s, WR_EOF, "reader %d: %s", i, err.msg);
        cr_assert_eq(n + wr_reader_skipped(readers[i]), i == 0 ? all : i == 1 ? all - 5 : 0);
        cr_assert_eq(wr_reader_at(readers[i]), all);
        wr_reader_close(readers[i]);
    }
    wr_records_free(&got);
    cr_assert_eq(wr_stream_split(st, 2, 5, &err), WR_OK, "%s", err.msg); /* numbers are not used again */
    cr_assert_eq(describe(db, &ar).shards[2].id, 4);
    cr_assert_eq(lt_put_n(st, 0, 30, &err), WR_OK);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

Test(reshard, by_load) {
    wr_streams *db = lt_open(lt_folder("d"), 0, true);
    wr_arena ar = {0};
    wr_err err = {0};
    cr_assert_eq(wr_stream_create(db, "s", &(wr_stream_cfg){.on_demand = true}, &err), WR_OK);
    wr_stream *st = lt_stream(db, "s");
    cr_assert_eq(describe(db, &ar).n_shards, 4);
    static wr_put p[500];
    static char keys[500][16];
    for (uint32_t i = 0; i < 500; i++) { /* all to the first shard */
        snprintf(keys[i], 16, "%u", i);
        p[i] = (wr_put){.key = keys[i], .key_len = 3, .has_hash = true, .hash = (wr_u128)(i + 1) << 100};
    }
    for (int i = 0; i < 400; i++) cr_assert_eq(wr_stream_put(st, p, 500, &err), WR_OK, "%s", err.msg);
    lt.wall_us += 5 * WR_US_PER_SECOND;
    cr_assert_eq(wr_stream_tend(st, &err), WR_OK);
    cr_assert_eq(describe(db, &ar).n_shards, 4, "too soon to tell");
    lt.wall_us += 6 * WR_US_PER_SECOND;
    cr_assert_eq(wr_stream_tend(st, &err), WR_OK);
    wr_stream_info info = describe(db, &ar);
    cr_assert_eq(info.n_shards, 6);
    cr_assert_eq(check_family(&info), 5);
    wr_u128 at = info.shards[5].lo >> 100;
    cr_assert(at > 436 && at <= 500, "split at %lu", (unsigned long)at); /* the median of the last samples */
    for (int i = 0; i < 400; i++) { /* one key: splitting would not help */
        for (uint32_t k = 0; k < 500; k++) p[k].hash = 1;
        cr_assert_eq(wr_stream_put(st, p, 500, &err), WR_OK);
    }
    lt.wall_us += 11 * WR_US_PER_SECOND;
    cr_assert_eq(wr_stream_tend(st, &err), WR_OK);
    cr_assert_eq(describe(db, &ar).n_shards, 6);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

/* ---- random operations against a model in memory ---- */

#define MOST 3000
typedef struct expected { /* of one shard */
    uint32_t id, n;
    struct {
        uint64_t number;
        uint32_t record;
        int64_t arrival_us;
    } recs[MOST];
} expected;
static expected model[200];
static uint32_t n_model;

static expected *model_of(uint32_t id) {
    for (uint32_t i = 0; i < n_model; i++)
        if (model[i].id == id) return &model[i];
    cr_assert_lt(n_model, WR_LEN(model));
    model[n_model] = (expected){.id = id};
    return &model[n_model++];
}

/* A reader of a shard at a place gives what the model says, from what has not expired. */
static void compare(wr_streams *db, const wr_shard_info *sh, uint64_t r) {
    expected *e = model_of(sh->id);
    wr_place at = {.from = (wr_log_from)(r % 5)};
    uint32_t from = 0;
    if (e->n) {
        at.number = e->recs[r / 5 % e->n].number + r / 7 % 2;
        at.time_us = e->recs[r / 5 % e->n].arrival_us + (int64_t)(r / 7 % 2);
    }
    while (from < e->n && e->recs[from].number < sh->first) from++;
    for (; from < e->n; from++) {
        bool in = at.from == WR_FROM_HORIZON ||
                  (at.from == WR_FROM_AT && e->recs[from].number >= at.number) ||
                  (at.from == WR_FROM_AFTER && e->recs[from].number > at.number) ||
                  (at.from == WR_FROM_TIME && e->recs[from].arrival_us >= at.time_us);
        if (in) break;
    }
    wr_reader *rd;
    wr_records got = {0};
    wr_err err = {0};
    cr_assert_eq(wr_reader_open(db, "s", sh->id, at, &rd, &err), WR_OK, "%s", err.msg);
    wr_status s;
    while ((s = wr_reader_next(rd, 1 + (uint32_t)(r % 40), &got, &err)) == WR_OK)
        for (uint32_t i = 0, k; i < got.n; i++, from++) {
            cr_assert_lt(from, e->n);
            cr_assert(lt_is(&got.items[i], &k));
            cr_assert_eq(k, e->recs[from].record);
            cr_assert_eq(got.items[i].number, e->recs[from].number);
            cr_assert_eq(got.items[i].arrival_us, e->recs[from].arrival_us);
        }
    cr_assert_eq(s, sh->closed_us ? WR_EOF : WR_AGAIN, "%d %s", s, err.msg);
    cr_assert_eq(from, e->n, "shard %u: %u of %u", sh->id, from, e->n);
    wr_records_free(&got);
    wr_reader_close(rd);
}

static void put_and_note(wr_stream *st, uint32_t *nextp, uint32_t n) {
    wr_put p[32];
    static char bufs[32][4096], keys[32][32];
    wr_err err = {0};
    for (uint32_t i = 0; i < n; i++) p[i] = lt_put(*nextp + i, bufs[i], keys[i]);
    cr_assert_eq(wr_stream_put(st, p, n, &err), WR_OK, "%s", err.msg);
    for (uint32_t i = 0; i < n; i++) {
        expected *e = model_of(p[i].seq.shard);
        cr_assert_lt(e->n, MOST);
        e->recs[e->n].number = p[i].seq.number;
        e->recs[e->n].record = *nextp + i;
        e->recs[e->n++].arrival_us = p[i].arrival_us;
    }
    *nextp += n;
}

static void random_run(uint64_t seed) {
    const char *dir = lt_folder("d");
    lt_remove(dir);
    lt_reset();
    n_model = 0;
    wr_streams *db = lt_open(dir, 2500, true);
    wr_arena ar = {0};
    lt_create(db, "s", 1 + seed % 3);
    wr_stream *st = lt_stream(db, "s");
    uint32_t next = 0;
    for (uint64_t step = 0; step < 400; step++) {
        uint64_t r = wr_hash_u64(seed << 32 | (step + 1)), op = r % 100;
        r /= 100;
        lt.wall_us += (int64_t)(r % 3) * 200000 - 100000; /* the clock also goes back */
        if (op < 55) put_and_note(st, &next, 1 + r % 32);
        else if (op < 61) lt_change(st, (uint32_t)(r % 400) * 4, 0);
        else if (op < 66) lt_change(st, (uint32_t)(r % 400) * 4 + 1, 0);
        else if (op < 67) lt_change(st, (uint32_t)(r % 400) * 4 + 2, 9);
        else if (op < 69) lt.wall_us += (int64_t)(r % 9) * 3600 * WR_US_PER_SECOND;
        else if (op < 72) lt_change(st, 3, 0);
        else if (op < 76) {
            wr_streams_close(db);
            db = lt_open(dir, 500 + (int64_t)(r % 4000), true);
            st = lt_stream(db, "s");
            cr_assert_eq(lt_said.len, 0, "seed %lu: %s", (unsigned long)seed, lt_said.data);
        } else {
            wr_stream_info info = describe(db, &ar);
            cr_assert_geq(check_family(&info), 1);
            const wr_shard_info *sh = &info.shards[r % info.n_shards];
            if (r / 1000 % 5 != WR_FROM_LATEST) compare(db, sh, r / 1000);
            wr_arena_reset(&ar);
        }
    }
    wr_stream_info info = describe(db, &ar);
    for (uint32_t i = 0; i < info.n_shards; i++) compare(db, &info.shards[i], 0);
    wr_arena_free(&ar);
    wr_streams_close(db);
}

Test(reshard, random_operations) {
    for (uint64_t seed = 1; seed <= 12; seed++) random_run(seed);
}

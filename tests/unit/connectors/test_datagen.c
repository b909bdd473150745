/* Generated rows: the same at every chunk and batch size, and with the distributions promised. */
#include <math.h>
#include <stdio.h>

#include "conn_test.h"

#define DEF     (&wr_connector_datagen)
#define START   INT64_C(1767225600000000) /* 2026-01-01 */
#define ANY_N   20000
#define COLUMNS 16

static wr_arena ar;

static wr_schema columns(const ct_options *o) {
    wr_schema s;
    wr_err err;
    cr_assert_eq(DEF->columns(o->kvs, o->n, &ar, &s, &err), WR_OK, "%s", err.msg);
    return s;
}

static wr_source *open_with(const ct_options *o, const wr_schema *schema) {
    wr_source_cfg cfg = {
        .sys = &ct_sys, .stream = "s", .options = o->kvs, .n_options = o->n, .schema = schema};
    wr_source *s;
    wr_err err;
    cr_assert_eq(DEF->open_source(&cfg, &s, &err), WR_OK, "%s", err.msg);
    return s;
}

/* Rows first .. first+count as one chunk. */
static void generate(wr_source *s, uint64_t first, uint64_t count, uint32_t batch_rows, wr_batches *out) {
    wr_chunk c = {.split = 3, .first = first, .count = count};
    wr_err err;
    cr_assert_eq(DEF->generate(s, &c, batch_rows, out, &err), WR_OK);
}
static void drop(wr_batches *b) {
    for (size_t i = 0; i < b->n; i++) wr_batch_drop(b->items[i]);
    wr_free(b->items);
    *b = (wr_batches){0};
}

/* All rows of a kind in one batch. */
static wr_batch *rows_of(const char *kind, const char *key, const char *value, uint32_t n) {
    ct_options o = ct_opts("kind", kind, key, value, NULL);
    wr_schema schema = columns(&o);
    wr_source *s = open_with(&o, &schema);
    wr_batches b = {0};
    generate(s, 0, n, n, &b);
    cr_assert_eq(b.n, 1);
    wr_batch *out = b.items[0];
    wr_free(b.items);
    DEF->close_source(s);
    return out;
}
static uint32_t col(const char *kind, const char *name) {
    ct_options o = ct_opts("kind", kind, NULL);
    wr_schema s = columns(&o);
    for (uint32_t i = 0; i < s.n; i++)
        if (strcmp(s.fields[i].name, name) == 0) return i;
    cr_assert_fail("no column %s", name);
    return 0;
}

static uint64_t row_hash(const wr_batch *b, uint32_t i) {
    uint64_t h = 1;
    for (uint32_t c = 0; c < b->n_cols; c++) {
        const wr_col *k = &b->cols[c];
        cr_assert_null(k->nulls);
        h = wr_hash_mix(h, k->phys == WR_STR ? wr_hash_str(&k->str[i]) : wr_hash_u64((uint64_t)k->i64[i]));
    }
    return h;
}

static const char *const kinds[] = {"clicks", "telemetry", "person", "auction", "bid"};

Test(datagen, the_same_at_every_chunk_and_batch_size) {
    for (size_t k = 0; k < WR_LEN(kinds); k++) {
        ct_options o = ct_opts("kind", kinds[k], "seed", "7", NULL);
        wr_schema schema = columns(&o);
        wr_source *s = open_with(&o, &schema);
        static uint64_t want[3000];
        wr_batches all = {0};
        generate(s, 0, 3000, 3000, &all);
        for (uint32_t i = 0; i < 3000; i++) want[i] = row_hash(all.items[0], i);
        drop(&all);
        static const uint32_t chunks[] = {1, 7, 1000, 4096}, batches[] = {1, 64, 999, 4096};
        for (size_t c = 0; c < 4; c++)
            for (uint64_t first = 0, n = 0; first < 3000; first += n) {
                n = 3000 - first < chunks[c] ? 3000 - first : chunks[c];
                wr_batches b = {0};
                generate(s, first, n, batches[c], &b);
                uint64_t row = first;
                for (size_t i = 0; i < b.n; i++) {
                    const wr_batch *x = b.items[i];
                    cr_assert_eq(x->pos, (int64_t)row);
                    cr_assert_eq(x->split, 3);
                    cr_assert_eq(x->ingest_us, INT64_C(1700000000000000));
                    cr_assert_leq(x->n, batches[c]);
                    for (uint32_t r = 0; r < x->n; r++, row++) cr_assert_eq(row_hash(x, r), want[row]);
                }
                cr_assert_eq(row, first + n);
                drop(&b);
            }
        DEF->close_source(s);
    }
    wr_arena_free(&ar);
}

/* A column does not depend on which others are asked for, nor on their order. */
Test(datagen, wanted_columns_only) {
    for (size_t k = 0; k < WR_LEN(kinds); k++) {
        ct_options o = ct_opts("kind", kinds[k], NULL);
        wr_schema all = columns(&o);
        cr_assert_leq(all.n, COLUMNS);
        wr_source *s = open_with(&o, &all);
        wr_batches whole = {0};
        generate(s, 100, 500, 500, &whole);
        for (uint32_t c = 0; c < all.n; c++) {
            wr_field two[2] = {all.fields[c], all.fields[0]};
            wr_source *one = open_with(&o, &(wr_schema){.n = 2, .fields = two});
            wr_batches b = {0};
            generate(one, 100, 500, 500, &b);
            cr_assert_eq(b.items[0]->n_cols, 2);
            const wr_col *x = &b.items[0]->cols[0], *y = &whole.items[0]->cols[c];
            for (uint32_t i = 0; i < 500; i++)
                cr_assert(x->phys == WR_STR ? wr_str_eq(&x->str[i], &y->str[i]) : x->i64[i] == y->i64[i]);
            drop(&b);
            DEF->close_source(one);
        }
        drop(&whole);
        wr_source *none = open_with(&o, &(wr_schema){0}); /* COUNT(*) needs no column */
        generate(none, 0, 10, 4, &whole);
        cr_assert_eq(whole.n, 3);
        drop(&whole);
        DEF->close_source(none);
        DEF->close_source(s);
    }
    wr_arena_free(&ar);
}

Test(datagen, seeds_differ) {
    wr_batch *a = rows_of("clicks", "seed", "1", 100), *b = rows_of("clicks", "seed", "2", 100);
    uint32_t same = 0;
    for (uint32_t i = 0; i < 100; i++) same += row_hash(a, i) == row_hash(b, i);
    cr_assert_eq(same, 0);
    wr_batch_drop(a);
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

/* ---- chunks and pace ---- */

Test(datagen, rows_and_the_end) {
    ct_options o = ct_opts("rows", "20000", NULL);
    wr_schema schema = columns(&o);
    cr_assert(DEF->bounded(o.kvs, o.n));
    wr_source *s = open_with(&o, &schema);
    uint64_t at = 0;
    wr_chunk c;
    wr_split_info info;
    while (DEF->next(s, 0, &c, NULL) == WR_OK) {
        cr_assert_eq(c.first, at);
        cr_assert_eq(c.pos, (int64_t)at);
        cr_assert_null(c.data);
        cr_assert_null(c.hold);
        cr_assert_leq(c.count, 16384);
        at += c.count;
        DEF->split_info(s, 0, &info);
        cr_assert_eq(info.at, (int64_t)at);
        cr_assert_eq(info.bytes, 20000);
    }
    cr_assert_eq(at, 20000);
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_EOF);
    DEF->close_source(s);
    o = ct_opts("kind", "bid", NULL);
    cr_assert_not(DEF->bounded(o.kvs, o.n));
    wr_arena_free(&ar);
}

Test(datagen, pace) {
    ct_options o = ct_opts("rate", "100", "rows", "1000", NULL);
    wr_schema schema = columns(&o);
    wr_source *s = open_with(&o, &schema);
    wr_chunk c;
    ct.mono_us = 5000000;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.count, 1, "the first comes at once");
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_AGAIN);
    ct.mono_us += 9999;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_AGAIN);
    ct.mono_us += 1;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.count, 1);
    ct.mono_us += 1000000;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.first, 2);
    cr_assert_eq(c.count, 100, "what the clock allows");
    ct.mono_us += INT64_C(1) << 50;
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_OK);
    cr_assert_eq(c.count, 898);
    cr_assert_eq(DEF->next(s, 0, &c, NULL), WR_EOF);
    DEF->close_source(s);
    wr_arena_free(&ar);
}

/* Of n events, the tables have all rows together, and each event once. */
Test(datagen, shares_of_the_events) {
    for (uint64_t n = 1; n < 120; n++) {
        uint64_t sum = 0;
        for (size_t k = 2; k < 5; k++) {
            char events[16];
            snprintf(events, sizeof events, "%d", (int)n);
            ct_options o = ct_opts("kind", kinds[k], "events", events, NULL);
            wr_schema schema = columns(&o);
            cr_assert(DEF->bounded(o.kvs, o.n));
            wr_source *s = open_with(&o, &schema);
            wr_chunk c;
            while (DEF->next(s, 0, &c, NULL) == WR_OK) sum += c.count;
            DEF->close_source(s);
        }
        cr_assert_eq(sum, n);
    }
    wr_arena_free(&ar);
}

/* ---- options ---- */

static void refused(const ct_options *o, const wr_field *f, const char *msg) {
    wr_schema schema = {.n = f ? 1 : 0, .fields = (wr_field *)f};
    wr_source_cfg cfg = {.sys = &ct_sys, .options = o->kvs, .n_options = o->n, .schema = &schema};
    wr_source *s = (wr_source *)1;
    wr_err err = {0};
    cr_assert_eq(DEF->open_source(&cfg, &s, &err), WR_EINVAL);
    cr_assert_null(s);
    cr_assert_str_eq(err.msg, msg);
}

Test(datagen, messages) {
    ct_options o = ct_opts("kind", "click", NULL);
    refused(&o, NULL, "option 'kind': found 'click', expected clicks, telemetry, person, auction or bid");
    o = ct_opts("start", "tomorrow", NULL);
    refused(&o, NULL,
            "option 'start': found 'tomorrow', expected a timestamp like 2026-01-01T00:00:00Z, or now");
    o = ct_opts("events", "5", NULL);
    refused(&o, NULL, "option 'events' is for person, auction and bid; use rows");
    o = ct_opts("kind", "bid", "events", "5", "rows", "5", NULL);
    refused(&o, NULL, "option 'rows' and option 'events' exclude each other; give one");
    o = ct_opts("kind", "bid", NULL);
    wr_field f = {.name = "prise", .type = wr_type_of(WR_T_BIGINT)};
    refused(&o, &f, "datagen makes no column 'prise'; did you mean 'price'?");
    f.name = "temperature";
    refused(&o, &f, "datagen makes no column 'temperature'; leave the columns out to get all");
    f = (wr_field){.name = "PRICE", .type = wr_type_of(WR_T_VARCHAR)};
    refused(&o, &f, "datagen: column 'PRICE' is declared VARCHAR, expected BIGINT");
    f = (wr_field){.name = "datetime", .type = wr_type_of(WR_T_BIGINT)};
    refused(&o, &f, "datagen: column 'datetime' is declared BIGINT, expected TIMESTAMP");
}

Test(datagen, start) {
    uint32_t c = col("bid", "dateTime");
    wr_batch *b = rows_of("bid", "start", "2020-02-29T12:00:00Z", 10);
    cr_assert_eq(b->cols[c].i64[0], INT64_C(1582977600000000));
    wr_batch_drop(b);
    b = rows_of("bid", "start", "now", 10);
    cr_assert_eq(b->cols[c].i64[0], INT64_C(1700000000000000));
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

Test(datagen, absurd_rates_stay_in_range) {
    static const char *const rates[] = {"1e-300", "1e-9", "1000000000"};
    for (size_t k = 0; k < WR_LEN(kinds); k++)
        for (size_t r = 0; r < WR_LEN(rates); r++) {
            ct_options o =
                ct_opts("kind", kinds[k], "event_rate", rates[r], "start", "9999-12-31T23:59:59Z", NULL);
            wr_schema schema = columns(&o);
            wr_source *s = open_with(&o, &schema);
            wr_batches b = {0};
            generate(s, UINT64_C(1) << 60, 100, 100, &b);
            for (uint32_t c = 0; c < schema.n; c++)
                for (uint32_t i = 0; schema.fields[c].type.kind == WR_T_TIMESTAMP && i < 100; i++)
                    cr_assert(llabs(b.items[0]->cols[c].i64[i]) <= WR_TS_MAX);
            drop(&b);
            DEF->close_source(s);
        }
    wr_arena_free(&ar);
}

/* ---- what the rows hold ---- */

static double share(const wr_batch *b, uint32_t c, const char *text) {
    uint32_t n = 0;
    wr_str want = wr_str_make(text, strlen(text));
    for (uint32_t i = 0; i < b->n; i++) n += wr_str_eq(&b->cols[c].str[i], &want);
    return (double)n / b->n;
}
#define NEAR(value, expected, tolerance)                                                                     \
    cr_assert(fabs((value) - (expected)) <= (tolerance), #value ": %g, expected %g", (double)(value),        \
              (double)(expected))

Test(datagen, clicks) {
    uint32_t n = 200000;
    wr_batch *b = rows_of("clicks", "rows", "1", n); /* generate() does not look at rows */
    const wr_col *time = &b->cols[0], *lat = &b->cols[5];
    int64_t highest = 0, late = 0, latest = 0;
    double sum = 0, bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t t = time->i64[i];
        cr_assert_eq(t % 1000, 0);
        cr_assert_geq(t, START);
        NEAR((double)(t - START), i * 700.0, 2001000.0);
        if (t < highest - 1000) late++;
        if (highest - t > latest) latest = highest - t;
        if (t > highest) highest = t;
        cr_assert(lat->f64[i] >= 5.0 && lat->f64[i] == round(lat->f64[i] * 10) / 10);
        sum += lat->f64[i];
        int64_t by = b->cols[6].i64[i];
        cr_assert(by >= 200 && by < 65736);
        bytes += (double)by;
        int64_t st = b->cols[4].i64[i];
        cr_assert(st == 200 || st == 301 || st == 404 || st == 500);
    }
    NEAR((double)late / n, 0.1, 0.005);
    cr_assert(latest > 1900000 && latest <= 2001000);
    NEAR(sum / n, 85.0, 1.0);
    NEAR(bytes / n, 32967.0, 200.0);
    NEAR(share(b, 3, "DE"), 0.125, 0.005);
    NEAR(share(b, 3, "CN"), 0.125, 0.005);
    /* log-uniform ranks: rank r with probability log((r+2)/(r+1)) / log(n+1) */
    NEAR(share(b, 1, "u00000"), log(2.0) / log(100001.0), 0.004);
    NEAR(share(b, 1, "u00009"), log(11.0 / 10.0) / log(100001.0), 0.002);
    NEAR(share(b, 2, "/p/000"), log(2.0) / log(1001.0), 0.004);
    NEAR(share(b, 2, "/p/099"), log(101.0 / 100.0) / log(1001.0), 0.001);
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

Test(datagen, telemetry) {
    uint32_t n = 100000, planted = 0, found = 0, wrong = 0, each = 0;
    wr_batch *b = rows_of("telemetry", "anomaly_rate", "0.01", n);
    wr_str first = wr_str_make("dev-0000", 8);
    static double level[100];
    for (uint32_t i = 0; i < n; i++) {
        bool is = b->cols[6].i64[i];
        double t = b->cols[3].f64[i], v = b->cols[4].f64[i];
        planted += is;
        each += wr_str_eq(&b->cols[1].str[i], &first);
        /* a plain detector: vibration far above 1, temperature far from the device's last good one */
        bool hit = v > 2.5 || (level[i % 100] != 0 && fabs(t - level[i % 100]) > 10.0);
        if (!hit && !is) level[i % 100] = t;
        if (i < 100) continue;
        found += hit && is;
        wrong += hit && !is;
        cr_assert(t > -20 && t < 110 && v > 0 && fabs(b->cols[5].f64[i] - 24.0) < 0.2);
        NEAR((double)(b->cols[0].i64[i] - START), i * 10000.0, 10000.0);
        cr_assert_geq(b->cols[0].i64[i], b->cols[0].i64[i - 1]);
        cr_assert(wr_str_eq(&b->cols[2].str[i], &b->cols[2].str[i - 100]), "a device stays where it is");
    }
    cr_assert_eq(each, 1000);
    NEAR((double)planted / n, 0.01, 0.001);
    cr_assert_eq(wrong, 0);
    cr_assert_geq(found + 5, planted);
    wr_batch_drop(b);
    b = rows_of("telemetry", "anomaly_rate", "0", 10000);
    for (uint32_t i = 0; i < 10000; i++) cr_assert_eq(b->cols[6].i64[i], 0);
    wr_batch_drop(b);
    b = rows_of("telemetry", "devices", "3", 9);
    cr_assert(wr_str_eq(&b->cols[1].str[0], &b->cols[1].str[3]));
    cr_assert_not(wr_str_eq(&b->cols[1].str[0], &b->cols[1].str[2]));
    NEAR((double)(b->cols[0].i64[3] - START), 1e6, 333400.0); /* each device once a second */
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

static bool one_of(const wr_str *s, const char *list) {
    char text[64];
    cr_assert_lt(s->len, sizeof text);
    memcpy(text, wr_str_data(s), s->len);
    text[s->len] = 0;
    const char *at = strstr(list, text);
    return at && (at == list || at[-1] == ',') && (at[s->len] == ',' || at[s->len] == 0);
}

Test(datagen, people) {
    wr_batch *b = rows_of("person", "seed", "1", ANY_N);
    double size = 0;
    for (uint32_t i = 0; i < ANY_N; i++) {
        cr_assert_eq(b->cols[0].i64[i], 1000 + i);
        cr_assert(one_of(&b->cols[4].str[i], "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,"
                                             "Seattle,Kent,Cheyenne"));
        cr_assert(one_of(&b->cols[5].str[i], "AZ,CA,ID,OR,WA,WY"));
        cr_assert_eq(b->cols[6].i64[i], START + i * 5000 / 1000 * 1000); /* one in 50 of 10,000 a second */
        const wr_str *card = &b->cols[3].str[i], *mail = &b->cols[2].str[i];
        cr_assert_eq(card->len, 19);
        for (uint32_t k = 0; k < 19; k++) {
            char c = wr_str_data(card)[k];
            cr_assert(k % 5 == 4 ? c == ' ' : c >= '0' && c <= '9');
        }
        cr_assert_not_null(memchr(wr_str_data(mail), '@', mail->len));
        cr_assert_eq(memcmp(wr_str_data(mail) + mail->len - 4, ".com", 4), 0);
        size += 8;
        for (uint32_t c = 1; c < 8; c++) size += c == 6 ? 0 : b->cols[c].str[i].len;
    }
    NEAR(size / ANY_N, 200.0, 3.0);
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

Test(datagen, auctions) {
    wr_batch *b = rows_of("auction", "seed", "1", ANY_N);
    double hot = 0, length = 0, size = 0, log_price = 0;
    for (uint32_t i = 0; i < ANY_N; i++) {
        int64_t event = i / 3 * 50 + 1 + i % 3, people = event / 50 + 1;
        int64_t seller = b->cols[7].i64[i] - 1000, category = b->cols[8].i64[i];
        cr_assert_eq(b->cols[0].i64[i], 1000 + i);
        cr_assert_eq(b->cols[5].i64[i], START + event * 100 / 1000 * 1000);
        cr_assert(category >= 10 && category < 15);
        cr_assert_geq(b->cols[3].i64[i], 100);
        cr_assert_leq(b->cols[3].i64[i], 100000000);
        cr_assert_gt(b->cols[4].i64[i], b->cols[3].i64[i]);
        cr_assert(seller >= 0 && seller < people + 10 && seller >= people - 1000 - 100);
        hot += seller == (people - 1) / 100 * 100;
        double ms = (double)(b->cols[6].i64[i] - b->cols[5].i64[i]) / 1000;
        cr_assert(ms >= 1 && ms <= 2 * 166);
        length += ms;
        log_price += log10((double)b->cols[3].i64[i]);
        size += 6 * 8 + b->cols[1].str[i].len + b->cols[2].str[i].len + b->cols[9].str[i].len;
    }
    NEAR(hot / ANY_N, 0.75, 0.015);
    NEAR(length / ANY_N, 166.0, 3.0);
    NEAR(log_price / ANY_N, 5.0, 0.05);
    NEAR(size / ANY_N, 500.0, 5.0);
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

Test(datagen, bids) {
    wr_batch *b = rows_of("bid", "seed", "1", ANY_N * 5);
    double hot_auction = 0, hot_bidder = 0, google = 0, large = 0, with_id = 0, size = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        int64_t event = i / 46 * 50 + 4 + i % 46, people = event / 50 + 1, auctions = people * 3;
        int64_t auction = b->cols[0].i64[i] - 1000, bidder = b->cols[1].i64[i] - 1000;
        cr_assert(auction >= 0 && auction < auctions + 10 && auction >= auctions - 1 - 200);
        cr_assert(bidder >= 0 && bidder < people + 10 && bidder >= people - 1000 - 100);
        hot_auction += auction == (auctions - 1) / 100 * 100;
        hot_bidder += bidder == (people - 1) / 100 * 100 + 1;
        cr_assert(b->cols[2].i64[i] >= 100 && b->cols[2].i64[i] <= 100000000);
        const wr_str *channel = &b->cols[3].str[i], *url = &b->cols[4].str[i];
        bool is_large = one_of(channel, "Google,Facebook,Baidu,Apple");
        cr_assert(is_large || memcmp(wr_str_data(channel), "channel-", 8) == 0);
        large += is_large;
        google += one_of(channel, "Google");
        bool id = memmem(wr_str_data(url), url->len, "&channel_id=", 12) != NULL;
        cr_assert(!(id && is_large));
        with_id += id;
        cr_assert_eq(memcmp(wr_str_data(url), "https://", 8), 0);
        int slashes = 0;
        for (uint32_t k = 0; k < url->len; k++) slashes += wr_str_data(url)[k] == '/';
        cr_assert_eq(slashes, 6); /* the queries split it by them */
        cr_assert_eq(b->cols[5].i64[i], START + event * 100 / 1000 * 1000);
        size += 32 + b->cols[6].str[i].len;
    }
    NEAR(hot_auction / b->n, 0.5, 0.015);
    NEAR(hot_bidder / b->n, 0.75, 0.015);
    NEAR(large / b->n, 0.5, 0.01);
    NEAR(google / b->n, 0.125, 0.01);
    NEAR(with_id / b->n, 0.45, 0.01);
    NEAR(size / b->n, 100.0, 2.0);
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

/* A channel has one address, whoever bids. */
Test(datagen, one_address_per_channel) {
    wr_batch *b = rows_of("bid", "seed", "1", ANY_N);
    const wr_str *seen = NULL, *url = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        if (!one_of(&b->cols[3].str[i], "Apple")) continue;
        if (seen) cr_assert(wr_str_eq(url, &b->cols[4].str[i]));
        seen = &b->cols[3].str[i];
        url = &b->cols[4].str[i];
        n++;
    }
    cr_assert_gt(n, 1000);
    wr_batch_drop(b);
    wr_arena_free(&ar);
}

Test(datagen, allocation_failures) {
    for (size_t k = 0; k < WR_LEN(kinds); k++) {
        ct_options o = ct_opts("kind", kinds[k], "rows", "3000", NULL);
        wr_status rc = WR_ENOMEM;
        uint64_t n = 1;
        for (; rc == WR_ENOMEM; n++) {
            wr_schema schema = {0};
            wr_source *s = NULL;
            wr_batches b = {0};
            wr_chunk c;
            cr_assert_lt(n, 200);
            wr_mem_fail_at(n);
            rc = DEF->columns(o.kvs, o.n, &ar, &schema, NULL);
            wr_source_cfg cfg = {.sys = &ct_sys, .options = o.kvs, .n_options = o.n, .schema = &schema};
            if (rc == WR_OK) rc = DEF->open_source(&cfg, &s, NULL);
            if (rc == WR_OK) rc = DEF->next(s, 0, &c, NULL);
            if (rc == WR_OK) rc = DEF->generate(s, &c, 1000, &b, NULL);
            wr_mem_fail_at(0);
            drop(&b);
            if (s) DEF->close_source(s);
            wr_arena_free(&ar);
        }
        cr_assert_eq(rc, WR_OK);
        cr_assert_gt(n, 4);
    }
}

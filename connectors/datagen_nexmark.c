/* connectors/datagen_nexmark.c -- the auction house of the Nexmark benchmark: person, auction, bid.
 *
 * One stream of numbered events: of each 50, the first is a new person, the next three are new auctions
 * and 46 are bids. A table has the events of its own kind, so that the three, each with its own source,
 * fit together: ids count upwards, bids go to auctions and people that exist or are about to. Half of
 * the bids go to the hot auction of the moment, three quarters come from the hot bidder, and three
 * quarters of the auctions are the hot seller's; hot ones change every hundred. */
#include <math.h>
#include <stdio.h>

#include "datagen_int.h"

#define PEOPLE        1
#define AUCTIONS      3
#define BIDS          46
#define ALL           50 /* events of a round: the people, then the auctions, then the bids */
#define FIRST_ID      1000
#define FIRST_CAT     10
#define CATEGORIES    5
#define HOT_EVERY     100  /* a hot one stays so while this many are made */
#define IN_FLIGHT     100  /* auctions that still get bids */
#define ACTIVE        1000 /* people who still bid and sell */
#define LEAD          10   /* ids that may be used before they exist */
#define PERSON_BYTES  200
#define AUCTION_BYTES 500
#define BID_BYTES     100
#define CHANNELS      10000
#define TEXT_MAX      1024

/* One use of randomness each. */
enum {
    NAME,
    EMAIL,
    EMAIL_HOST,
    CARD,
    CITY,
    STATE,
    PERSON_EXTRA,
    ITEM,
    DESCRIPTION,
    INITIAL_BID,
    RESERVE,
    EXPIRES,
    SELLER,
    SELLER_ID,
    CATEGORY,
    AUCTION_EXTRA,
    AUCTION,
    AUCTION_ID,
    BIDDER,
    BIDDER_ID,
    PRICE,
    CHANNEL,
    URL,
    BID_EXTRA
};

typedef struct who { /* of which event a row is */
    uint64_t each, first;
} who;
static const who person_rows = {PEOPLE, 0}, auction_rows = {AUCTIONS, PEOPLE},
                 bid_rows = {BIDS, PEOPLE + AUCTIONS};
static uint64_t event_of(who w, uint64_t row) { return row / w.each * ALL + w.first + row % w.each; }

/* ---- who and what exists at an event; numbers from 0 ---- */

static uint64_t last_person(uint64_t event) { return event / ALL; }

static uint64_t last_auction(uint64_t event) {
    uint64_t round = event / ALL, in = event % ALL;
    if (in < PEOPLE) return round ? round * AUCTIONS - 1 : 0;
    return round * AUCTIONS + (in < PEOPLE + AUCTIONS ? in - PEOPLE : AUCTIONS - 1);
}

static uint64_t some_person(uint64_t event, uint64_t random) {
    uint64_t n = last_person(event) + 1, active = n < ACTIVE ? n : ACTIVE;
    return n - active + wri_gen_below(random, (uint32_t)active + LEAD);
}

static uint64_t some_auction(uint64_t event, uint64_t random) {
    uint64_t last = last_auction(event), least = last > IN_FLIGHT ? last - IN_FLIGHT : 0;
    return least + wri_gen_below(random, (uint32_t)(last - least) + 1 + LEAD);
}

/* ---- texts ---- */

/* n letters; each eight come from one random number. May write up to seven bytes more. */
static void letters(uint64_t key, char *out, uint32_t n) {
    const uint64_t even = UINT64_C(0x00ff00ff00ff00ff);
    for (uint32_t i = 0; i < n; i += 8) {
        uint64_t r = wri_gen_u64(key, i); /* each byte times 26 / 256 */
        uint64_t a = ((r & even) * 26 >> 8 & even) | ((r >> 8 & even) * 26 & ~even);
        a += UINT64_C(0x6161616161616161);
        memcpy(out + i, &a, 8);
    }
}

/* 3 to max-1 letters with a space now and then (one in 13), none at the ends. Returns the length. */
static uint32_t words(uint64_t key, char *out, uint32_t max) {
    uint32_t n = 3 + wri_gen_below(wri_gen_u64(key, 1000), max - 3);
    letters(key, out, n);
    uint64_t r = 0;
    for (uint32_t i = 1; i + 1 < n; i++, r >>= 8) {
        if ((i & 7) == 1) r = wri_gen_u64(key, 2000 + i);
        if ((r & 0xff) < 256 / 13) out[i] = ' ';
    }
    return n;
}

/* Letters that bring a record of `used` bytes to `average` bytes, give or take a fifth. */
static uint32_t padding(uint64_t key, char *out, uint32_t used, uint32_t average) {
    if (used > average) return 0;
    uint32_t want = average - used, delta = (want + 2) / 5, n = want - delta;
    if (delta > 0) n += wri_gen_below(wri_gen_u64(key, 1000), 2 * delta);
    letters(key, out, n);
    return n;
}

/* A text column: write() makes the text of one row (at most TEXT_MAX bytes) and returns its length. */
typedef uint32_t (*text_of)(const wri_gen *g, uint64_t row, char *out);
static wr_status texts(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, text_of write,
                       wr_err *err) {
    char text[TEXT_MAX];
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t n = write(g, first + i, text);
        WR_TRY(wr_batch_str(b, text, n, &b->cols[c].str[i], err));
    }
    return WR_OK;
}

static uint64_t row_key(const wri_gen *g, uint32_t use, uint64_t row) {
    return wri_gen_u64(wri_gen_key(g, use), row);
}
static uint32_t put(char *out, const char *s) {
    size_t n = strlen(s);
    memcpy(out, s, n);
    return (uint32_t)n;
}

/* ---- columns of several tables ---- */

static wr_status times(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, who w) {
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] = wri_gen_time(g, (double)event_of(w, first + i));
    return WR_OK;
}

static int64_t price_of(uint64_t random) { /* 1 to 10^6 dollars in cents, log-uniform */
    return (int64_t)(exp(wri_gen_unit(random) * 6 * 2.302585092994046) * 100.0 + 0.5);
}

/* ---- person ---- */

static wr_status person_id(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)g, (void)err;
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] = (int64_t)(first + i) + FIRST_ID;
    return WR_OK;
}

static uint32_t name_text(const wri_gen *g, uint64_t row, char *out) {
    static const char *const given[] = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                        "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
    static const char *const family[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                         "Walton", "Smith",  "Jones",   "Noris"};
    uint64_t r = row_key(g, NAME, row);
    uint32_t n = put(out, given[wri_gen_below(r, WR_LEN(given))]);
    out[n++] = ' ';
    return n + put(out + n, family[wri_gen_below(r << 32, WR_LEN(family))]);
}

static uint32_t email_text(const wri_gen *g, uint64_t row, char *out) {
    uint32_t n = words(row_key(g, EMAIL, row), out, 7);
    out[n++] = '@';
    n += words(row_key(g, EMAIL_HOST, row), out + n, 5);
    return n + put(out + n, ".com");
}

static uint32_t card_text(const wri_gen *g, uint64_t row, char *out) {
    uint64_t r = row_key(g, CARD, row);
    for (uint32_t i = 0; i < 4; i++, r >>= 16) {
        uint64_t digits = wri_gen_digits((uint32_t)(r & 0xffff) * 10000 >> 16);
        memcpy(out + 5 * i, (char *)&digits + 4, 4);
        out[5 * i + 4] = ' ';
    }
    return 19;
}

static uint32_t city_text(const wri_gen *g, uint64_t row, char *out) {
    static const char *const names[] = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                                        "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
    return put(out, names[wri_gen_below(row_key(g, CITY, row), WR_LEN(names))]);
}

static uint32_t state_text(const wri_gen *g, uint64_t row, char *out) {
    static const char *const names[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
    return put(out, names[wri_gen_below(row_key(g, STATE, row), WR_LEN(names))]);
}

static uint32_t person_extra_text(const wri_gen *g, uint64_t row, char *out) {
    uint32_t used = 8 + name_text(g, row, out) + email_text(g, row, out) + card_text(g, row, out) +
                    city_text(g, row, out) + state_text(g, row, out);
    return padding(row_key(g, PERSON_EXTRA, row), out, used, PERSON_BYTES);
}

/* ---- auction ---- */

static wr_status auction_id(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    return person_id(g, first, b, c, err); /* both count rows from the same first id */
}

static uint32_t item_text(const wri_gen *g, uint64_t row, char *out) {
    return words(row_key(g, ITEM, row), out, 20);
}

static uint32_t description_text(const wri_gen *g, uint64_t row, char *out) {
    return words(row_key(g, DESCRIPTION, row), out, 100);
}

static wr_status initial_bid(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] = price_of(row_key(g, INITIAL_BID, first + i));
    return WR_OK;
}

static wr_status reserve(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    WR_TRY(initial_bid(g, first, b, c, err));
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] += price_of(row_key(g, RESERVE, first + i));
    return WR_OK;
}

/* An auction is open for the time in which IN_FLIGHT others begin, on average. */
static wr_status expires(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    double horizon_ms = floor(IN_FLIGHT * ALL / AUCTIONS * g->interval_us / 1000.0);
    double most = horizon_ms * 2 < 1 ? 1 : horizon_ms * 2 > 1e12 ? 1e12 : horizon_ms * 2;
    for (uint32_t i = 0; i < b->n; i++) {
        double ms = 1 + floor(wri_gen_unit(row_key(g, EXPIRES, first + i)) * most);
        b->cols[c].i64[i] = wri_gen_time(g, (double)event_of(auction_rows, first + i)) + (int64_t)ms * 1000;
    }
    return WR_OK;
}

static wr_status seller(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t row = first + i, event = event_of(auction_rows, row);
        bool hot = wri_gen_below(row_key(g, SELLER, row), 4) > 0;
        uint64_t id =
            hot ? last_person(event) / HOT_EVERY * HOT_EVERY : some_person(event, row_key(g, SELLER_ID, row));
        b->cols[c].i64[i] = (int64_t)id + FIRST_ID;
    }
    return WR_OK;
}

static wr_status category(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    for (uint32_t i = 0; i < b->n; i++)
        b->cols[c].i64[i] = FIRST_CAT + wri_gen_below(row_key(g, CATEGORY, first + i), CATEGORIES);
    return WR_OK;
}

static uint32_t auction_extra_text(const wri_gen *g, uint64_t row, char *out) {
    uint32_t used = 8 + item_text(g, row, out) + description_text(g, row, out) + 5 * 8;
    return padding(row_key(g, AUCTION_EXTRA, row), out, used, AUCTION_BYTES);
}

/* ---- bid ---- */

static wr_status bid_auction(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t row = first + i, event = event_of(bid_rows, row);
        bool hot = row_key(g, AUCTION, row) >> 63;
        uint64_t id = hot ? last_auction(event) / HOT_EVERY * HOT_EVERY
                          : some_auction(event, row_key(g, AUCTION_ID, row));
        b->cols[c].i64[i] = (int64_t)id + FIRST_ID;
    }
    return WR_OK;
}

/* The hot bidder is the second of its hundred, so that it is not the hot seller as well. */
static wr_status bidder(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t row = first + i, event = event_of(bid_rows, row);
        bool hot = wri_gen_below(row_key(g, BIDDER, row), 4) > 0;
        uint64_t id = hot ? last_person(event) / HOT_EVERY * HOT_EVERY + 1
                          : some_person(event, row_key(g, BIDDER_ID, row));
        b->cols[c].i64[i] = (int64_t)id + FIRST_ID;
    }
    return WR_OK;
}

static wr_status price(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {
    (void)err;
    for (uint32_t i = 0; i < b->n; i++) b->cols[c].i64[i] = price_of(row_key(g, PRICE, first + i));
    return WR_OK;
}

/* The channel of a bid: half of them come by one of the four large ones, numbered behind the others. */
static uint32_t channel_of(const wri_gen *g, uint64_t row) {
    uint64_t r = row_key(g, CHANNEL, row);
    return r & 1 ? CHANNELS + wri_gen_below(r, 4) : wri_gen_below(r, CHANNELS);
}

static uint32_t channel_text(const wri_gen *g, uint64_t row, char *out) {
    static const char *const large[] = {"Google", "Facebook", "Baidu", "Apple"};
    uint32_t n = channel_of(g, row);
    if (n >= CHANNELS) return put(out, large[n - CHANNELS]);
    return (uint32_t)snprintf(out, TEXT_MAX, "channel-%u", n);
}

/* A channel has one address; nine small ones of ten say their number in it. */
static uint32_t url_text(const wri_gen *g, uint64_t row, char *out) {
    uint32_t channel = channel_of(g, row), n = put(out, "https://www.nexmark.com/");
    uint64_t key = row_key(g, URL, channel);
    for (uint32_t part = 0; part < 3; part++) {
        uint32_t len = 3 + (uint32_t)(wri_gen_u64(key, 100 + part) & 1);
        letters(wri_gen_u64(key, 200 + part), out + n, len);
        n += len;
        out[n++] = '/';
    }
    n += put(out + n, "item.htm?query=1");
    if (channel < CHANNELS && wri_gen_below(key, 10) > 0)
        n += (uint32_t)snprintf(out + n, TEXT_MAX - n, "&channel_id=%u",
                                (uint32_t)(wr_hash_u64(channel) >> 33));
    return n;
}

static uint32_t bid_extra_text(const wri_gen *g, uint64_t row, char *out) {
    return padding(row_key(g, BID_EXTRA, row), out, 4 * 8, BID_BYTES);
}

/* ---- the tables ---- */

#define TEXT(fn)                                                                                             \
    static wr_status fn(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {            \
        return texts(g, first, b, c, fn##_text, err);                                                        \
    }
TEXT(name)
TEXT(email)
TEXT(card)
TEXT(city)
TEXT(state)
TEXT(person_extra)
TEXT(item)
TEXT(description)
TEXT(auction_extra)
TEXT(channel)
TEXT(url)
TEXT(bid_extra)

#define TIMES(fn, rows)                                                                                      \
    static wr_status fn(const wri_gen *g, uint64_t first, wr_batch *b, uint32_t c, wr_err *err) {            \
        (void)err;                                                                                           \
        return times(g, first, b, c, rows);                                                                  \
    }
TIMES(person_time, person_rows)
TIMES(auction_time, auction_rows)
TIMES(bid_time, bid_rows)

static const wri_gen_col person_cols[] = {
    {"id", WR_T_BIGINT, person_id},
    {"name", WR_T_VARCHAR, name},
    {"emailAddress", WR_T_VARCHAR, email},
    {"creditCard", WR_T_VARCHAR, card},
    {"city", WR_T_VARCHAR, city},
    {"state", WR_T_VARCHAR, state},
    {"dateTime", WR_T_TIMESTAMP, person_time},
    {"extra", WR_T_VARCHAR, person_extra},
};
static const wri_gen_col auction_cols[] = {
    {"id", WR_T_BIGINT, auction_id},
    {"itemName", WR_T_VARCHAR, item},
    {"description", WR_T_VARCHAR, description},
    {"initialBid", WR_T_BIGINT, initial_bid},
    {"reserve", WR_T_BIGINT, reserve},
    {"dateTime", WR_T_TIMESTAMP, auction_time},
    {"expires", WR_T_TIMESTAMP, expires},
    {"seller", WR_T_BIGINT, seller},
    {"category", WR_T_BIGINT, category},
    {"extra", WR_T_VARCHAR, auction_extra},
};
static const wri_gen_col bid_cols[] = {
    {"auction", WR_T_BIGINT, bid_auction},
    {"bidder", WR_T_BIGINT, bidder},
    {"price", WR_T_BIGINT, price},
    {"channel", WR_T_VARCHAR, channel},
    {"url", WR_T_VARCHAR, url},
    {"dateTime", WR_T_TIMESTAMP, bid_time},
    {"extra", WR_T_VARCHAR, bid_extra},
};
#define RATE 10000
const wri_gen_kind wri_gen_person = {person_cols, WR_LEN(person_cols), RATE, (double)PEOPLE / ALL};
const wri_gen_kind wri_gen_auction = {auction_cols, WR_LEN(auction_cols), RATE, (double)AUCTIONS / ALL};
const wri_gen_kind wri_gen_bid = {bid_cols, WR_LEN(bid_cols), RATE, (double)BIDS / ALL};

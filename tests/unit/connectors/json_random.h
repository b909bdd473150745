/* tests/unit/connectors/json_random.h -- random lines of records for the JSON decoder: usual ones, unusual
 * ones, broken ones. Deterministic by seed. */
#ifndef JSON_RANDOM_H
#define JSON_RANDOM_H

#include "json_dump.h"

typedef struct json_random {
    uint64_t state;
    wr_buf out;
    uint32_t shuffle, odd, broken; /* per cent of records: other order, unusual, damaged */
    uint32_t other;                /* per cent of string characters above 127 */
    bool spaces;                   /* between tokens, always the same */
} json_random;

#define JSON_RANDOM_SCHEMA                                                                                   \
    "flag bool, t tiny, n int, big big, d dec52, f double, r real, name text, short text5, raw json, bin "   \
    "bytes, "                                                                                                \
    "day date, ts ts, ts6 ts6, x int@$.nest.x, y text@$.nest.list[1], "                                      \
    "a_member_with_a_rather_long_name_to_be_sure int, "                                                      \
    "da int@$.deep.a, dc text@$.deep.b.c, de ts@$.deep.b.e, raw_b json@$.other.b"

static inline uint64_t json_rnd(json_random *g, uint64_t n) {
    g->state ^= g->state << 13;
    g->state ^= g->state >> 7;
    g->state ^= g->state << 17;
    return (g->state * UINT64_C(0x2545f4914f6cdd1d) >> 11) % n;
}
static inline bool json_chance(json_random *g, uint32_t per_cent) { return json_rnd(g, 100) < per_cent; }
static inline void json_puts(json_random *g, const char *s) {
    if (wr_buf_puts(&g->out, s) != WR_OK) abort();
}
#define JSON_PICK(g, ...)                                                                                    \
    json_puts(g,                                                                                             \
              ((const char *[]){                                                                             \
                  __VA_ARGS__})[json_rnd(g, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))])

static inline void json_printf_i(json_random *g, int64_t v) {
    if (wr_buf_printf(&g->out, "%" PRId64, v) != WR_OK) abort();
}

static inline void json_random_string(json_random *g, bool odd) {
    uint64_t n = json_chance(g, 10) ? json_rnd(g, 150) : json_rnd(g, 16);
    json_puts(g, "\"");
    for (uint64_t i = 0; i < n; i++) {
        if (odd && json_chance(g, 8))
            JSON_PICK(g, "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0041", "\\u00e9",
                      "\\u0000", "\\uD83D\\uDE00", "\\u20aC", "\\ud800", "\\q", "\x01", "\x7f", "\x80",
                      "\xc3", "\xed\xa0\x80");
        else if (json_chance(g, g->other))
            JSON_PICK(g, "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xd0\x96");
        else {
            char c[2] = {(char)('a' + json_rnd(g, 26)), 0};
            json_puts(g, c);
        }
    }
    json_puts(g, "\"");
}

static inline void json_random_number(json_random *g) {
    if (json_chance(g, 30)) json_puts(g, "-");
    uint64_t digits = json_chance(g, 80) ? 1 + json_rnd(g, 6) : 1 + json_rnd(g, 22);
    for (uint64_t i = 0; i < digits; i++) {
        char c[2] = {
            (char)('0' + (i == 0 && digits > 1 && !json_chance(g, 2) ? 1 + json_rnd(g, 9) : json_rnd(g, 10))),
            0};
        json_puts(g, c);
    }
    if (json_chance(g, 40)) {
        json_puts(g, ".");
        for (uint64_t i = 1 + json_rnd(g, json_chance(g, 90) ? 4 : 20); i > 0; i--)
            JSON_PICK(g, "0", "1", "5", "9");
    }
    if (json_chance(g, 5)) JSON_PICK(g, "e3", "E-2", "e+0", "e308", "e-330", "e", "e99999999999");
}

static inline void json_random_time(json_random *g, bool odd) {
    static const char *minutes[] = {"2026-01-01T00:00", "2026-01-01T00:01", "2026-12-31 23:59",
                                    "1969-12-31T23:59"};
    json_puts(g, "\"");
    json_puts(g, minutes[json_rnd(g, odd ? 4 : 2)]);
    if (wr_buf_printf(&g->out, ":%02d", (int)json_rnd(g, odd ? 62 : 60)) != WR_OK) abort();
    if (odd) JSON_PICK(g, "", ".", ".1", ".12", ".123", ".123456", ".1234567", ",5", ".99x");
    else if (wr_buf_printf(&g->out, ".%03d", (int)json_rnd(g, 1000)) != WR_OK) abort();
    if (odd) JSON_PICK(g, "", "Z", "z", "+01:00", "-0130", "+02", "+25", "Y");
    else json_puts(g, "Z");
    json_puts(g, "\"");
}

static inline void json_random_any(json_random *g, int depth) {
    switch (json_rnd(g, depth > 3 ? 5 : 8)) {
    case 0:
        return json_random_string(g, true);
    case 1:
        return json_random_number(g);
    case 2:
        return json_random_time(g, true);
    case 3:
        return JSON_PICK(g, "null", "true", "false", "\"true\"", "\"12\"", "\"-3.5\"", "\"\"", "0", "1",
                         "nul", "tru");
    case 4:
        return JSON_PICK(g, "127", "128", "-128", "-129", "2147483647", "2147483648", "-2147483648",
                         "-2147483649", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
                         "1e999", "-0", "0.0", "999.99", "1000.00", "123.456", "01", "1.", ".1", "--1",
                         "16777217", "0.1", "5e-324", "9007199254740993", "123456789012345678901234567890",
                         "1234567890123456", "12345678.12345678", "123456789012345.6", "-123456789012.345");
    case 5:
        json_puts(g, "[");
        for (uint64_t i = json_rnd(g, 4), k = i; i > 0; i--) {
            if (i < k) json_puts(g, json_chance(g, 90) ? "," : " ,\t");
            json_random_any(g, depth + 1);
        }
        return json_puts(g, json_chance(g, 97) ? "]" : "}");
    default:
        json_puts(g, "{");
        for (uint64_t i = json_rnd(g, 4), k = i; i > 0; i--) {
            if (i < k) json_puts(g, ",");
            JSON_PICK(g, "\"x\":", "\"list\":", "\"y\" : ", "\"\\u0078\":", "\"q\":", "\"\xc3\xa9\":");
            json_random_any(g, depth + 1);
        }
        return json_puts(g, json_chance(g, 97) ? "}" : "]");
    }
}

/* Objects with members that columns want, and some that none does; odd: with parts missing, twice, of other
 * types. */
static inline void json_random_object(json_random *g, bool odd) {
    json_puts(g, "{");
    if (!odd || json_chance(g, 70)) {
        json_puts(g, "\"a\":");
        if (odd && json_chance(g, 20)) json_random_any(g, 1);
        else json_printf_i(g, (int64_t)json_rnd(g, 1000));
        json_puts(g, ",");
    }
    if (odd && json_chance(g, 10)) json_puts(g, "\"a\":7,\"b\":{\"c\":\"first\"},");
    json_puts(g, "\"b\":");
    if (odd && json_chance(g, 20)) json_random_any(g, 1);
    else {
        json_puts(g, "{\"c\":");
        json_random_string(g, odd);
        if (!odd || json_chance(g, 80)) json_puts(g, ",\"x\":[1,{\"y\":null}]");
        if (!odd || json_chance(g, 80)) {
            json_puts(g, ",\"e\":");
            json_random_time(g, odd);
        }
        json_puts(g, odd && json_chance(g, 5) ? ",\"x\":{}}" : "}");
    }
    JSON_PICK(g, ",\"u\":1}", ",\"u\":-25.5}", ",\"u\":\"v\"}");
}

static inline void json_random_value(json_random *g, uint32_t member) {
    switch (member) {
    case 0:
        return JSON_PICK(g, "true", "false");
    case 1:
        return json_printf_i(g, (int64_t)json_rnd(g, 256) - 128);
    case 2:
    case 16:
        return json_printf_i(g, (int64_t)json_rnd(g, 4294967296) - 2147483648);
    case 3:
        return json_printf_i(g, (int64_t)json_rnd(g, 10000000000000000) - 5000);
    case 4:
        if (wr_buf_printf(&g->out, "%d.%02d", (int)json_rnd(g, 1000), (int)json_rnd(g, 100)) != WR_OK)
            abort();
        return;
    case 5:
    case 6:
        if (wr_buf_printf(&g->out, "%.*f", (int)json_rnd(g, 4) + 1, (double)json_rnd(g, 1000000) / 1000) !=
            WR_OK)
            abort();
        return;
    case 7:
    case 8:
        return json_random_string(g, false);
    case 9:
        return JSON_PICK(g, "{\"a\":1}", "[]", "\"text\"", "12", "true");
    case 10:
        return JSON_PICK(g, "\"aGVsbG8=\"", "\"\"", "\"AAAA\"");
    case 11:
        return JSON_PICK(g, "\"2026-01-01\"", "\"2024-02-29\"");
    case 12:
    case 13:
        return json_random_time(g, false);
    case 14:
        return JSON_PICK(g, "{\"x\":5,\"list\":[1,\"two\"]}", "{\"list\":[]}", "{\"x\":-7}", "{ \"x\" : 8 }");
    case 17:
    case 18:
        return json_random_object(g, json_chance(g, g->odd / 2));
    default:
        return json_random_string(g, false);
    }
}

static inline void json_random_record(json_random *g) {
    static const char *names[] = {"flag",
                                  "t",
                                  "n",
                                  "big",
                                  "d",
                                  "f",
                                  "r",
                                  "name",
                                  "short",
                                  "raw",
                                  "bin",
                                  "day",
                                  "ts",
                                  "ts6",
                                  "nest",
                                  "unknown",
                                  "a_member_with_a_rather_long_name_to_be_sure",
                                  "deep",
                                  "other"};
    uint32_t order[40], n = 19;
    bool odd = json_chance(g, g->odd);
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    if (json_chance(g, g->shuffle))
        for (uint32_t i = n - 1; i > 0; i--) {
            uint32_t k = (uint32_t)json_rnd(g, i + 1), was = order[i];
            order[i] = order[k];
            order[k] = was;
        }
    if (odd && json_chance(g, 30)) n -= (uint32_t)json_rnd(g, 19); /* some are missing */
    if (odd && json_chance(g, 20)) {                               /* one twice */
        order[n] = order[json_rnd(g, n)];
        n++;
    }
    const char *sep = g->spaces ? ", " : ",", *colon = g->spaces ? ": " : ":";
    json_puts(g, odd && json_chance(g, 5) ? " {" : "{");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t m = order[i];
        if (i) json_puts(g, odd && json_chance(g, 3) ? " ,\t" : sep);
        json_puts(g, "\"");
        json_puts(g, odd && m == 2 && json_chance(g, 10) ? "\\u006e" : names[m]);
        json_puts(g, "\"");
        json_puts(g, odd && json_chance(g, 3) ? " :\r" : colon);
        if (odd && json_chance(g, 10)) json_random_any(g, 0);
        else if (odd && json_chance(g, 10)) json_puts(g, "null");
        else json_random_value(g, m);
    }
    json_puts(g, odd && json_chance(g, 5) ? " } " : "}");
}

/* One line, newline included. */
static inline void json_random_line(json_random *g) {
    size_t from = g->out.len;
    json_random_record(g);
    if (json_chance(g, g->broken)) {
        size_t at = from + json_rnd(g, g->out.len - from);
        switch (json_rnd(g, 6)) {
        case 0:
            g->out.len = at; /* cut */
            break;
        case 1:
            g->out.data[at] = (char)json_rnd(g, 256);
            if (g->out.data[at] == '\n') g->out.data[at] = 0;
            break;
        case 2:
            g->out.data[at] = "{}[]\",:\\ 0-.e"[json_rnd(g, 13)];
            break;
        case 3:
            json_random_record(g); /* two on a line */
            break;
        case 4:
            json_puts(g, "]");
            break;
        default:
            json_puts(g, "\r");
        }
    }
    json_puts(g, "\n");
}

#endif

/* MessagePack: cut by framing into pieces or not, the same rows come out as long as all bytes are
 * MessagePack; what was read is read again from what is written of it. The first byte chooses options and
 * sizes. */
#include "tests/fuzz/fuzz_formats.h"

extern const wr_format_def wr_format_msgpack;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const wr_kv sets[4][2] = {{{"layout", "map", 0}, {"timestamp_format", "iso", 0}},
                                     {{"layout", "array", 0}, {"timestamp_format", "ext", 0}},
                                     {{"layout", "map", 0}, {"timestamp_format", "epoch_ms", 0}},
                                     {{"layout", "array", 0}, {"timestamp_format", "epoch_s", 0}}};
    if (size == 0) return 0;
    static const wr_field paths[] = {{"x", {.kind = WR_T_VARCHAR}, "$.a.b"},
                                     {"y", {.kind = WR_T_JSON}, "$.a"},
                                     {"z", {.kind = WR_T_BIGINT}, "$.c[1].d"}};
    wr_schema sc = {WR_LEN(fuzz_fields), (wr_field *)fuzz_fields}, deep = {WR_LEN(paths), (wr_field *)paths};
    const wr_kv *kv = sets[data[0] & 3];
    const char *p = (const char *)data + 1;
    size_t n = size - 1, piece = (size_t)(data[0] >> 2) + 1;
    const wr_format_def *f = &wr_format_msgpack;
    rows whole = {0}, cut = {0}, other = {0};
    wr_decode_cfg cfg = {
        .schema = &sc, .options = kv, .n_options = 2, .batch_rows = 7, .bad = fuzz_bad, .ctx = &whole.bad};
    wr_decoder *d;
    CHECK(f->open_decoder(&cfg, &d, NULL) == WR_OK);
    fuzz_decode(f, d, p, n, 0, &whole);
    f->close_decoder(d);
    cfg.ctx = &cut.bad;
    cfg.batch_rows = 1000;
    static const bool dict[WR_LEN(fuzz_fields)] = {true, [8] = true};
    cfg.want_dict = dict;
    CHECK(f->open_decoder(&cfg, &d, NULL) == WR_OK);
    uint64_t state = 0;
    for (size_t at = 0, seen = 0; at < n;) {
        seen = seen + piece < n ? seen + piece : n;
        size_t k = f->frame(p + at, seen - at, seen == n, &state);
        CHECK(k <= seen - at);
        if (k) fuzz_decode(f, d, p + at, k, (int64_t)at, &cut);
        at += k;
    }
    f->close_decoder(d);
    if (whole.bad == 0) { /* behind broken bytes the pieces start anew, so more may be found */
        CHECK(cut.bad == 0);
        fuzz_same(&whole, &cut);
    }
    fuzz_round_trip(f, &sc, kv, 2, &whole);
    cfg = (wr_decode_cfg){.schema = &deep, .batch_rows = 7, .bad = fuzz_bad, .ctx = &other.bad};
    CHECK(f->open_decoder(&cfg, &d, NULL) == WR_OK);
    fuzz_decode(f, d, p, n, 0, &other);
    f->close_decoder(d);
    fuzz_free(&other);
    fuzz_free(&whole);
    fuzz_free(&cut);
    return 0;
}

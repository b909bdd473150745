/* CSV: the first byte chooses options and the size of pieces. Cut by framing into pieces or not, the same
 * rows and the same bad records come out; what was read is read again from what is written of it. */
#include "tests/fuzz/fuzz_formats.h"

extern const wr_format_def wr_format_csv;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const wr_kv sets[8][3] = {
        {{"header", "false", 0}, {"delimiter", ",", 0}, {"quote", "\"", 0}},
        {{"header", "false", 0}, {"delimiter", "\\t", 0}, {"null_text", "NULL", 0}},
        {{"header", "false", 0}, {"delimiter", ";", 0}, {"quote", "'", 0}},
        {{"header", "false", 0}, {"timestamp_format", "epoch_ms", 0}, {"null_text", "-", 0}},
        {{"header", "false", 0}, {"delimiter", "||", 0}, {"quote", "\"", 0}},
        {{"header", "false", 0}, {"delimiter", "\\t,\\t", 0}, {"null_text", "NULL", 0}},
        {{"header", "false", 0}, {"delimiter", ";-;-;", 0}, {"quote", "'", 0}},
        {{"header", "false", 0}, {"delimiter", ", ", 0}, {"row_delimiter", "|", 0}},
    };
    if (size == 0) return 0;
    wr_schema sc = {WR_LEN(fuzz_fields), (wr_field *)fuzz_fields};
    const wr_kv *kv = sets[data[0] & 7];
    size_t piece = (size_t)(data[0] >> 3) + 1;
    const char *p = (const char *)data + 1;
    size_t n = size - 1;
    const wr_format_def *f = &wr_format_csv;
    rows whole = {0}, cut = {0};
    wr_decode_cfg cfg = {
        .schema = &sc, .options = kv, .n_options = 3, .batch_rows = 7, .bad = fuzz_bad, .ctx = &whole.bad};
    wr_decoder *d;
    CHECK(f->open_decoder(&cfg, &d, NULL) == WR_OK);
    fuzz_decode(f, d, p, n, 0, &whole);
    f->close_decoder(d);
    cfg.ctx = &cut.bad;
    cfg.batch_rows = 1000;
    static const bool dict[WR_LEN(fuzz_fields)] = {true, [8] = true};
    cfg.want_dict = dict;
    CHECK(f->open_decoder(&cfg, &d, NULL) == WR_OK);
    uint64_t state = f->begin(kv, 3);
    for (size_t at = 0, seen = 0; at < n;) {
        seen = seen + piece < n ? seen + piece : n;
        size_t k = f->frame(p + at, seen - at, seen == n, &state);
        CHECK(k <= seen - at);
        if (k) fuzz_decode(f, d, p + at, k, (int64_t)at, &cut);
        at += k;
    }
    f->close_decoder(d);
    CHECK(whole.bad == cut.bad);
    fuzz_same(&whole, &cut);
    fuzz_round_trip(f, &sc, kv, 3, &whole);
    /* With a header, anything may stand in it. */
    rows named = {0};
    cfg = (wr_decode_cfg){.schema = &sc, .batch_rows = 7, .bad = fuzz_bad, .ctx = &named.bad};
    CHECK(f->open_decoder(&cfg, &d, NULL) == WR_OK);
    fuzz_decode(f, d, p, n, 0, &named);
    CHECK(f->head(p, n, f->begin(NULL, 0)) <= n);
    f->close_decoder(d);
    fuzz_free(&named);
    fuzz_free(&whole);
    fuzz_free(&cut);
    return 0;
}

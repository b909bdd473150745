/* tests/fuzz/fuzz_json.c -- the JSON decoder on arbitrary bytes: no crash, and every scanner variant gives
 * what the slow parser gives. The first byte picks columns and options, the rest is the input. To reach
 * learnt layouts and two cursors, input is repeated when the first byte says so. */
#include "tests/unit/connectors/json_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const schemas[] = {
    "",
    "a int, b text, c double, d ts, e bool",
    "a tiny, b text5, c real, d ts6, e dec52, f json, g bytes, h date, i time",
    "a big!, b char3, x int@$.o.x, y text@$.o.l[1], o json",
    "a int, x int@$.l[*].x, y text@$.l[*].y",
    "r json@$, a text",
    "a int@$.n.a, b text@$.n.m.b, c ts, d double@$.n.d",
    "a int!@$.n.a, b json@$.n.m, c text@$.n.m.b, d bool",
};

static void check(const json_run *base, const char *p, size_t n) {
    const wri_json_scan *scans[4];
    size_t n_scans = json_scans(scans);
    json_run r = *base;
    json_out want, got;
    r.scan = scans[0];
    json_decode_text(&r, p, n, &want);
    if (want.broken_rule || want.status != WR_OK) abort();
    for (size_t k = 1; k < n_scans; k++) {
        r.scan = scans[k];
        json_decode_text(&r, p, n, &got);
        if (got.broken_rule || got.status != WR_OK || strcmp(got.text.data, want.text.data) != 0) abort();
        wr_buf_free(&got.text);
    }
    wr_buf_free(&want.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    uint32_t how = data[0];
    wr_arena ar = {0};
    wr_schema s = json_schema(schemas[how & 7], &ar);
    json_run r = {.schema = &s,
                  .timestamp_format = how & 64 ? "epoch_ms" : NULL,
                  .batch_rows = how & 32 ? 7 : 1000,
                  .chunk_bytes = how & 16 ? 9000 : 0,
                  .dict = true};
    wr_buf in = {0};
    size_t copies = how & 128 && size > 1 ? 9000 / size + 1 : 1;
    for (size_t i = 0; i < copies; i++)
        if (wr_buf_put(&in, data + 1, size - 1) != WR_OK) abort();
    if (in.len) check(&r, in.data, in.len);
    wr_buf_free(&in);
    wr_arena_free(&ar);
    return 0;
}

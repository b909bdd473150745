/* cli/discover.c -- weir discover: looks at some records, says which stream they are. */
#include "discover.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#define SAMPLE_BYTES (8 << 20)

typedef struct discover_opts {
    const char *data;
    bool aws;
    int format; /* index of auto|json|csv */
    int64_t rows;
} discover_opts;

#define OPT(member) offsetof(discover_opts, member)
static const wr_option flags[] = {
    {.name = "data",
     .type = WR_OPT_STRING,
     .offset = OPT(data),
     .doc = "The data directory: the argument is a stream in it."},
    {.name = "aws",
     .type = WR_OPT_BOOL,
     .offset = OPT(aws),
     .def = "false",
     .doc = "Print the JSON that DiscoverInputSchema of Kinesis Data Analytics answered, instead of SQL."},
    {.name = "format",
     .type = WR_OPT_ENUM,
     .offset = OPT(format),
     .values = "auto|json|csv",
     .def = "auto",
     .doc = "What the records are; auto: JSON when they begin with a brace."},
    {.name = "rows",
     .type = WR_OPT_INT,
     .offset = OPT(rows),
     .def = "10000",
     .min = 1,
     .max = 100000000,
     .doc = "Look at so many records, at most."},
};

/* ---- records as text ---- */

/* zlib passes on what is not packed. The last line may be cut off; it goes. */
static wr_status read_file(const char *path, wr_buf *out, wr_err *err) {
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : -1;
    struct stat st;
    if (fd < 0 && wr_sys_real.stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return wr_fail(err, WR_EINVAL, "'%s' is a folder; name one of its files", path);
    gzFile z = fd >= 0 ? gzdopen(fd, "rb") : gzopen(path, "rb");
    if (!z) return wr_fail(err, WR_EINVAL, "cannot read '%s': %s", path, strerror(errno));
    wr_status r = wr_buf_reserve(out, SAMPLE_BYTES + 1);
    int n = 1;
    while (r == WR_OK && n > 0 && out->len < SAMPLE_BYTES) {
        n = gzread(z, out->data + out->len, (unsigned)(SAMPLE_BYTES - out->len));
        if (n > 0) out->len += (size_t)n;
    }
    gzclose(z);
    if (r != WR_OK) return wr_fail_oom(err, "the sample");
    if (n < 0) return wr_fail(err, WR_EINVAL, "cannot read '%s': it is damaged", path);
    if (out->len >= 4 && memcmp(out->data, "\x28\xb5\x2f\xfd", 4) == 0)
        return wr_fail(err, WR_EINVAL, "'%s' is packed by zstd: zstd -dc %s | weir discover -", path, path);
    if (out->len == SAMPLE_BYTES)
        while (out->len && out->data[out->len - 1] != '\n') out->len--;
    return WR_OK;
}

static wr_status read_shard(wr_streams *db, const char *name, uint32_t shard, int64_t rows, wr_buf *out,
                            wr_err *err) {
    wr_reader *reader;
    wr_records got = {0};
    wr_place at = {.from = WR_FROM_HORIZON};
    WR_TRY(wr_reader_open(db, name, shard, at, &reader, err));
    wr_status r = WR_OK;
    while (r == WR_OK && rows > 0 && out->len < SAMPLE_BYTES) {
        r = wr_reader_next(reader, (uint32_t)(rows < 1000 ? rows : 1000), &got, err);
        for (uint32_t i = 0; r == WR_OK && i < got.n; i++, rows--) {
            r = wr_buf_put(out, got.items[i].data, got.items[i].len);
            if (r == WR_OK) r = wr_buf_puts(out, "\n");
        }
    }
    wr_records_free(&got);
    wr_reader_close(reader);
    return r == WR_AGAIN || r == WR_EOF ? WR_OK : r;
}

static wr_status read_stream(wr_streams *db, const char *name, int64_t rows, wr_buf *out, wr_err *err) {
    wr_arena ar = {0};
    wr_stream_info info;
    wr_status r = wr_stream_describe(db, name, &ar, &info, err);
    for (uint32_t i = 0; r == WR_OK && i < info.n_shards; i++)
        r = read_shard(db, name, info.shards[i].id, rows, out, err);
    wr_arena_free(&ar);
    return r;
}

/* ---- from text to SQL ---- */

static wr_status sample(wri_sample *s, const discover_opts *o, const wr_buf *text, wr_err *err) {
    const char *p = text->len ? text->data : "", *end = p + text->len;
    if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3;
    const char *first = p;
    while (first < end && (*first == ' ' || *first == '\n' || *first == '\r' || *first == '\t')) first++;
    if (first == end) return wr_fail(err, WR_EINVAL, "'%s' has no record to look at", s->what);
    s->csv = o->format == 2 || (o->format == 0 && *first != '{' && *first != '[');
    wr_status r = s->csv ? wri_sample_csv(s, p, (size_t)(end - p), o->rows)
                         : wri_sample_json(s, p, (size_t)(end - p), o->rows);
    if (r == WR_OK) r = wri_infer(s);
    if (r != WR_OK) return wr_fail_oom(err, "the sample");
    if (s->n == 0 || s->bad > s->rows)
        return wr_fail(
            err, WR_EINVAL,
            "'%s': %llu of %llu lines are no JSON object; a record is an object on a line of its own "
            "(jq -c '.[]' makes lines of an array)",
            s->what, (unsigned long long)s->bad, (unsigned long long)(s->rows + s->bad));
    return WR_OK;
}

static int discover(wri_sample *s, const discover_opts *o, const wr_buf *text) {
    wr_err err = {0};
    wr_buf out = {0};
    wr_status r = sample(s, o, text, &err);
    if (r == WR_OK) r = o->aws ? wri_print_aws(s, &out) : wri_print_stream(s, &out);
    if (r == WR_OK) fwrite(out.data, 1, out.len, stdout);
    else wri_say("discover: %s", err.msg[0] ? err.msg : wr_status_text(r));
    wr_buf_free(&out);
    return r == WR_OK ? EXIT_DONE : r == WR_EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

static int read_all(wri_sample *s, const discover_opts *o, wr_buf *text) {
    wr_err err = {0};
    wr_streams *db = NULL;
    if (!o->data) {
        wr_status r = read_file(s->what, text, &err);
        if (r != WR_OK) wri_say("discover: %s", err.msg);
        return r == WR_OK ? EXIT_DONE : r == WR_EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    int status = wri_data_open("discover", o->data, WRI_DATA_READ, false, &db);
    if (status != EXIT_DONE) return status;
    wr_status r = read_stream(db, s->what, o->rows, text, &err);
    if (r != WR_OK) status = wri_data_failed("discover", r, &err);
    wr_streams_close(db);
    return status;
}

static int run(const void *opts, char **args, int n) {
    const discover_opts *o = opts;
    wr_buf text = {0};
    if (n != 1) {
        wri_say("discover: expected one file, - for standard input, or --data DIR and a stream; see weir "
                "help discover");
        return EXIT_USAGE;
    }
    wri_sample s = {.what = args[0],
                    .connector = o->data                     ? "stream"
                                 : strcmp(args[0], "-") == 0 ? "stdin"
                                                             : "file"};
    int status = read_all(&s, o, &text);
    if (status == EXIT_DONE) status = discover(&s, o, &text);
    wr_buf_free(&text);
    wr_free(s.cols);
    wr_arena_free(&s.ar);
    return status;
}

const wr_command wri_cmd_discover = {
    .name = "discover",
    .args = "FILE|STREAM",
    .files = "*",
    .summary = "look at records, print the CREATE STREAM that reads them",
    .doc = "Samples records and prints a statement that runs as it is, with what was seen of each column "
           "behind it: types with "
           "room to grow, members of nested objects by their paths, the delimiter and head of CSV, and a "
           "guess at the event "
           "time. What is mixed becomes VARCHAR. FILE may be packed by gzip; FILE - is standard input.\n\n"
           "  weir discover orders.jsonl > orders.sql\n"
           "  weir discover orders.jsonl | weir run -\n"
           "  weir discover clicks --data d\n"
           "  weir discover --aws orders.csv\n\n"
           "With --aws the answer has the form, and the names, of DiscoverInputSchema of Kinesis Data "
           "Analytics; its types are "
           "wider than those of the service, which fitted the sample only.\n\n"
           "Exit status: 0 done, 1 failure, 2 the argument cannot be read, or holds no records.",
    .flags = flags,
    .n_flags = WR_LEN(flags),
    .opts_bytes = sizeof(discover_opts),
    .run = run,
};

/* Descriptions that are cut off, changed byte by byte, or translated without memory. What they become, and
 * what is said of mistakes, are golden cases in tests/sql/apps. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "apps/apps.h"

static const char aws[] =
    "{\"ApplicationDetail\":{\"ApplicationName\":\"a\",\"InputDescriptions\":[{\"NamePrefix\":\"S\","
    "\"KinesisStreamsInputDescription\":{\"ResourceARN\":\"arn:aws:kinesis:r:0:stream/in\"},"
    "\"InputParallelism\":{\"Count\":2},\"InputStartingPositionConfiguration\":{\"InputStartingPosition\":"
    "\"NOW\"},"
    "\"InputProcessingConfigurationDescription\":{\"InputLambdaProcessorDescription\":{\"ResourceARN\":"
    "\"arn:aws:lambda:r:0:function:fn\"}},\"InputSchema\":{\"RecordFormat\":{\"RecordFormatType\":\"JSON\","
    "\"MappingParameters\":{\"JSONMappingParameters\":{\"RecordRowPath\":\"$.r\"}}},\"RecordColumns\":["
    "{\"Name\":\"a\\\"b\",\"Mapping\":\"$.a[0:]\",\"SqlType\":\"VARCHAR(4)\"},"
    "{\"Name\":\"t\",\"Mapping\":\"$.t'\",\"SqlType\":\"TIMESTAMP\"}]}}],"
    "\"OutputDescriptions\":[{\"Name\":\"error_stream\",\"KinesisStreamsOutputDescription\":{\"ResourceARN\":"
    "\"arn:aws:kinesis:r:0:stream/out\"},\"DestinationSchema\":{\"RecordFormatType\":\"CSV\"}},"
    "{\"Name\":\"D\",\"LambdaOutputDescription\":{\"ResourceARN\":\"arn:aws:lambda:r:0:function:fn\"},"
    "\"DestinationSchema\":{\"RecordFormatType\":\"JSON\"}}],"
    "\"ReferenceDataSourceDescriptions\":[{\"TableName\":\"T\",\"S3ReferenceDataSourceDescription\":{"
    "\"FileKey\":"
    "\"x/t.csv\"},\"ReferenceSchema\":{\"RecordFormat\":{\"RecordFormatType\":\"CSV\",\"MappingParameters\":"
    "{\"CSVMappingParameters\":{\"RecordRowDelimiter\":\"|\",\"RecordColumnDelimiter\":\";\"}}},"
    "\"RecordColumns\":[{\"Name\":\"c\",\"SqlType\":\"INTEGER\"}]}}],\"ApplicationCode\":\"SELECT 1\"}}";
static const char cloudformation[] =
    "{\"Parameters\":{\"P\":{\"Default\":\"S\"}},\"Resources\":{\"In\":{\"Type\":\"AWS::Kinesis::Stream\","
    "\"Properties\":{\"Name\":\"in\"}},\"App\":{\"Type\":\"AWS::KinesisAnalytics::Application\","
    "\"Properties\":{"
    "\"ApplicationCode\":{\"Fn::Join\":[\" \",[\"SELECT\",{\"Fn::Sub\":\"1 -- ${In} ${!x}\"}]]},\"Inputs\":[{"
    "\"NamePrefix\":{\"Ref\":\"P\"},\"KinesisStreamsInput\":{\"ResourceARN\":{\"Fn::GetAtt\":[\"In\",\"Arn\"]"
    "}},"
    "\"InputSchema\":{\"RecordFormat\":{\"RecordFormatType\":\"JSON\"},\"RecordColumns\":[{\"Name\":\"a\","
    "\"Mapping\":\"$.a\",\"SqlType\":\"INTEGER\"}]}}]}},\"Out\":{\"Type\":\"AWS::KinesisAnalytics::"
    "ApplicationOutput\","
    "\"Properties\":{\"ApplicationName\":{\"Ref\":\"App\"},\"Output\":{\"Name\":\"S_001\","
    "\"KinesisStreamsOutput\":{"
    "\"ResourceARN\":\"out\"},\"DestinationSchema\":{\"RecordFormatType\":\"JSON\"}}}}}}";
static const char terraform[] =
    "{\"variable\":{\"p\":{\"default\":\"S\"}},\"resource\":{\"aws_kinesis_stream\":{\"in\":{\"name\":\"in\"}"
    "},"
    "\"aws_kinesis_analytics_application\":{\"app\":[{\"name\":\"a\",\"code\":\"SELECT 1\",\"inputs\":{"
    "\"name_prefix\":\"${var.p}\",\"kinesis_stream\":[{\"resource_arn\":\"${aws_kinesis_stream.in.arn}\"}],"
    "\"schema\":{\"record_format\":{\"mapping_parameters\":{\"json\":{\"record_row_path\":\"$\"}}},"
    "\"record_columns\":{\"name\":\"a\",\"mapping\":\"$.a\",\"sql_type\":\"INTEGER\"}}}}]}}}";

static const wr_kv set[] = {{"lambda", "fn=http://127.0.0.1:1", 0}, {"unknown", "x", 0}};

static wr_status translate(const char *json, size_t n, bool hooks, wr_buf *sql, wr_buf *errors) {
    wr_app_opts o = {
        .file = "app.json", .json = json, .len = n, .dir = "", .set = set, .n_set = hooks ? 1 : 0};
    sql->len = errors->len = 0;
    return wr_app_sql(&o, sql, errors);
}

static void works(const char *json, bool hooks, const char *const *parts, size_t n) {
    wr_buf sql = {0}, errors = {0};
    wr_status s = translate(json, strlen(json), hooks, &sql, &errors);
    cr_assert_eq(wr_buf_put(&sql, "", 1), WR_OK);
    cr_assert_eq(wr_buf_put(&errors, "", 1), WR_OK);
    cr_assert_eq(s, WR_OK, "%s", errors.data);
    for (size_t i = 0; i < n; i++)
        cr_assert_not_null(strstr(sql.data, parts[i]), "%s\nlacks %s", sql.data, parts[i]);
    wr_buf_free(&sql);
    wr_buf_free(&errors);
}

Test(apps, what_they_become) {
    static const char *const of_aws[] = {"\"a\"\"b\" VARCHAR(4) FROM '$.r.a'",
                                         "\"t\" TIMESTAMP(3) FROM '$.r.t'''",
                                         "CREATE STREAM \"S_002\"",
                                         "share = '2/2'",
                                         "start = 'latest'",
                                         "lambda = 'http://127.0.0.1:1'",
                                         "path = 't.csv'",
                                         "row_delimiter = '|'",
                                         "HEX(data_row)",
                                         "connector = 'lambda'"};
    static const char *const of_template[] = {"stream = 'in'", "SELECT 1 -- in ${x}", "stream = 'out'",
                                              "CREATE STREAM \"S_001\""};
    works(aws, true, of_aws, WR_LEN(of_aws));
    works(cloudformation, false, of_template, WR_LEN(of_template));
    works(terraform, false, of_template, 1);
}

static const struct {
    const char *json;
    bool hooks;
} all[] = {{aws, true}, {cloudformation, false}, {terraform, false}};

Test(apps, cut_off_at_every_byte) {
    wr_buf sql = {0}, errors = {0};
    for (size_t i = 0; i < WR_LEN(all); i++)
        for (size_t n = 0; n < strlen(all[i].json); n++) {
            char *cut = wr_alloc(n + 1); /* so that reading behind it is seen */
            memcpy(cut, all[i].json, n);
            cr_assert_eq(translate(cut, n, all[i].hooks, &sql, &errors), WR_EDATA, "%zu bytes of %zu", n, i);
            cr_assert(errors.len > 0);
            wr_free(cut);
        }
    wr_buf_free(&sql);
    wr_buf_free(&errors);
}

/* A byte becomes another, or a member's name is no longer what it was: it is translated, or told. */
Test(apps, changed_at_every_byte) {
    static const char with[] = "x\"0[{,\\\xff";
    wr_buf sql = {0}, errors = {0};
    for (size_t i = 0; i < WR_LEN(all); i++) {
        size_t n = strlen(all[i].json);
        char *text = wr_strdup(all[i].json);
        for (size_t at = 0; at < n; at++)
            for (size_t k = 0; with[k]; k++) {
                char was = text[at];
                text[at] = with[k];
                wr_status s = translate(text, n, all[i].hooks, &sql, &errors);
                cr_assert(s == WR_OK || (s == WR_EDATA && errors.len > 0), "byte %zu of %zu: %d", at, i, s);
                text[at] = was;
            }
        wr_free(text);
    }
    wr_buf_free(&sql);
    wr_buf_free(&errors);
}

Test(apps, without_memory) {
    json_set_alloc_funcs(wr_alloc, wr_free);
    for (size_t i = 0; i < WR_LEN(all); i++) {
        wr_status s = WR_ENOMEM;
        for (uint64_t n = 1; s != WR_OK; n++) {
            wr_buf sql = {0}, errors = {0};
            wr_mem_fail_at(n);
            s = translate(all[i].json, strlen(all[i].json), all[i].hooks, &sql, &errors);
            wr_mem_fail_at(0);
            cr_assert(s == WR_OK || s == WR_ENOMEM, "allocation %llu of %zu: %d", (unsigned long long)n, i,
                      s);
            wr_buf_free(&sql);
            wr_buf_free(&errors);
            cr_assert(n < 10000);
        }
    }
}

/* cli/discover_aws.c -- weir discover --aws: the sample as the answer of DiscoverInputSchema.
 *
 * Names that the service reserved, or could not have, become COL_ and what is left of them, or COL_ and the
 * number of the column: USER -> COL_USER, USER@DOMAIN -> COL_USERDOMAIN, @@ -> COL_0. */
#include <ctype.h>
#include <strings.h>

#include "discover.h"

#define NAME_MAX_BYTES 100

static const char *const reserved[] = {"APPROXIMATE_ARRIVAL_TIME",
                                       "PARTITION_KEY",
                                       "PARTITION_ID",
                                       "SEQUENCE_NUMBER",
                                       "SHARD_ID",
                                       "ROWTIME",
                                       "STREAM",
                                       "VALUE",
                                       "VALUES",
                                       "USER",
                                       "YEAR",
                                       "MONTH",
                                       "DAY",
                                       "HOUR",
                                       "MINUTE",
                                       "SECOND",
                                       "DATE",
                                       "TIME",
                                       "TIMESTAMP",
                                       "RESULT",
                                       "START",
                                       "STOP",
                                       "SORT",
                                       "SEARCH",
                                       "SCOPE",
                                       "SYSTEM",
                                       "METHOD",
                                       "MATCH",
                                       "MODULE",
                                       "NODE",
                                       "NEW",
                                       "OLD",
                                       "OPEN",
                                       "PARAMETER",
                                       "PERCENT_RANK",
                                       "POSITION",
                                       "POWER",
                                       "RANK",
                                       "RELEASE",
                                       "RESPECT",
                                       "IGNORE",
                                       "SQL",
                                       "TRANSLATE",
                                       "TRUNCATE",
                                       "UNIQUE",
                                       "WITHIN",
                                       "WITHOUT",
                                       "EXP_AVG",
                                       "NTH_VALUE",
                                       "FIRST_VALUE",
                                       "LAST_VALUE",
                                       "LIMIT",
                                       "IDENTITY",
                                       "IMPORT",
                                       "HOLD",
                                       "FUSION",
                                       "FREE",
                                       "FILTER",
                                       "ELEMENT",
                                       "DESCRIBE",
                                       "CORR",
                                       "CONDITION",
                                       "COLLECT",
                                       "CHECKPOINT",
                                       "CLUSTERED",
                                       "CARDINALITY",
                                       "BLOB",
                                       "CLOB",
                                       "ALL",
                                       "AND",
                                       "ANY",
                                       "AS",
                                       "BETWEEN",
                                       "BY",
                                       "CASE",
                                       "CAST",
                                       "CREATE",
                                       "CROSS",
                                       "CURRENT",
                                       "DELETE",
                                       "DISTINCT",
                                       "DROP",
                                       "ELSE",
                                       "END",
                                       "EVERY",
                                       "EXISTS",
                                       "FALSE",
                                       "FROM",
                                       "FULL",
                                       "FUNCTION",
                                       "GROUP",
                                       "HAVING",
                                       "IN",
                                       "INNER",
                                       "INSERT",
                                       "INTERVAL",
                                       "INTO",
                                       "IS",
                                       "JOIN",
                                       "LEFT",
                                       "LIKE",
                                       "NOT",
                                       "NULL",
                                       "ON",
                                       "OR",
                                       "ORDER",
                                       "OUTER",
                                       "OVER",
                                       "PARTITION",
                                       "PRIMARY",
                                       "RANGE",
                                       "RIGHT",
                                       "ROW",
                                       "ROWS",
                                       "SELECT",
                                       "SET",
                                       "SOME",
                                       "TABLE",
                                       "THEN",
                                       "TO",
                                       "TRUE",
                                       "UNION",
                                       "UPDATE",
                                       "USING",
                                       "VIEW",
                                       "WHEN",
                                       "WHERE",
                                       "WINDOW",
                                       "WITH"};

static bool is_reserved(const char *name) {
    for (size_t i = 0; i < WR_LEN(reserved); i++)
        if (strcasecmp(name, reserved[i]) == 0) return true;
    return false;
}

static const char *aws_name(wri_sample *s, const char *name, size_t index) {
    char *rest = wr_arena_alloc(&s->ar, strlen(name) + 1), *o = rest;
    if (!rest) return NULL;
    for (const char *p = name; *p; p++)
        if (isalnum((unsigned char)*p) || *p == '_') *o++ = *p;
    *o = 0;
    bool whole = strlen(rest) == strlen(name) && *rest && !isdigit((unsigned char)*rest);
    if (whole && strlen(rest) <= NAME_MAX_BYTES && !is_reserved(rest)) return rest;
    if (*rest && strlen(rest) <= NAME_MAX_BYTES) return wr_arena_printf(&s->ar, "COL_%s", rest);
    return wr_arena_printf(&s->ar, "COL_%zu", index);
}

static json_t *columns(wri_sample *s) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < s->n; i++) {
        const wri_seen *c = &s->cols[i];
        char type[64];
        wri_seen_type(c, type, sizeof type);
        if (strcmp(type, "VARCHAR") == 0) snprintf(type, sizeof type, "VARCHAR(65535)");
        if (strncmp(type, "TIMESTAMP", 9) == 0) snprintf(type, sizeof type, "TIMESTAMP");
        const char *name = aws_name(s, c->top ? c->top : c->name, i);
        json_t *col = name ? json_pack("{s:s,s:s}", "Name", name, "SqlType", type) : NULL;
        if (c->path && col && json_object_set_new(col, "Mapping", json_string(c->path)) != 0) {
            json_decref(col);
            col = NULL;
        }
        if (!col || json_array_append_new(list, col) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *record_format(const wri_sample *s) {
    char delimiter[2] = {s->delimiter, 0};
    if (!s->csv)
        return json_pack("{s:s,s:{s:{s:s}}}", "RecordFormatType", "JSON", "MappingParameters",
                         "JSONMappingParameters", "RecordRowPath", "$");
    return json_pack("{s:s,s:{s:{s:s,s:s}}}", "RecordFormatType", "CSV", "MappingParameters",
                     "CSVMappingParameters", "RecordRowDelimiter", "\n", "RecordColumnDelimiter", delimiter);
}

static json_t *raw_records(const wri_sample *s) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < s->n_records; i++) json_array_append_new(list, json_string(s->records[i]));
    return list;
}

static int put(const char *p, size_t n, void *buf) { return wr_buf_put(buf, p, n) == WR_OK ? 0 : -1; }

wr_status wri_print_aws(wri_sample *s, wr_buf *out) {
    json_t *cols = columns(s), *format = record_format(s), *raw = raw_records(s);
    json_t *all = cols && format && raw
                      ? json_pack("{s:{s:O,s:s,s:O},s:O}", "InputSchema", "RecordFormat", format,
                                  "RecordEncoding", "UTF-8", "RecordColumns", cols, "RawInputRecords", raw)
                      : NULL;
    wr_status r = all && json_dump_callback(all, put, out, JSON_INDENT(2)) == 0 ? WR_OK : WR_ENOMEM;
    if (r == WR_OK) r = wr_buf_puts(out, "\n");
    json_decref(all);
    json_decref(cols);
    json_decref(format);
    json_decref(raw);
    return r;
}

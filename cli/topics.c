/* cli/topics.c -- the pages of `weir help` on the language: statements, windows. docs/SQL.md has it all. */
#include <strings.h>

#include "cli.h"

static const char statements_doc[] =
    "A script is statements, each ended by a semicolon. They run as one job, which reads every source "
    "once.\n\n"
    "  SELECT ... FROM ... [WHERE] [GROUP BY] [HAVING] [ORDER BY] [LIMIT n]\n"
    "      prints its rows\n"
    "  CREATE STREAM s (name TYPE, ...) WITH (connector = '...', ...)\n"
    "      a stream outside: a file, standard input, made-up rows\n"
    "  CREATE STREAM s (name TYPE, ...)\n"
    "      one inside the script, fed by INSERT\n"
    "  CREATE STREAM s [WITH (...)] AS SELECT ...\n"
    "      both at once; with a connector, the rows are written there\n"
    "  INSERT INTO s [(columns)] SELECT ...   or VALUES (...), ...\n"
    "  CREATE VIEW v AS SELECT ...\n"
    "  CREATE FUNCTION f(x TYPE, ...) RETURNS TYPE RETURN expression\n"
    "  DROP STREAM s, SET name = value, EXPLAIN SELECT ..., SHOW STREAMS, DESCRIBE s\n\n"
    "Types: BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, DECIMAL(p, s), VARCHAR, VARBINARY, "
    "DATE, TIME, TIMESTAMP(p), INTERVAL, JSON. A column may be NOT NULL, be found elsewhere in the record "
    "(id BIGINT FROM '$.user.id'), or be computed (slow AS ms > 100). WATERMARK FOR column AS expression "
    "makes one the event time; see weir help windows.\n\n"
    "FROM takes a stream, a view, a (subquery), a window function, joins and MATCH_RECOGNIZE. What cannot be "
    "read, and rows whose expressions fail, are rows of error_stream.\n\n"
    "  CREATE STREAM clicks (ts TIMESTAMP(3), page VARCHAR, ms DOUBLE)\n"
    "  WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');\n"
    "  SELECT page, COUNT(*) AS n, AVG(ms) AS ms FROM clicks GROUP BY page;\n"
    "  SELECT message, data_row FROM error_stream;";

static const char windows_doc[] =
    "A window function takes a stream, the column of event time and intervals, and adds the columns "
    "window_start, window_end (exclusive) and window_time to each row:\n\n"
    "  TUMBLE(TABLE s, DESCRIPTOR(ts), size)           one after the other\n"
    "  HOP(TABLE s, DESCRIPTOR(ts), slide, size)       overlapping, one each slide\n"
    "  CUMULATE(TABLE s, DESCRIPTOR(ts), step, size)   growing by step up to size\n"
    "  SESSION(TABLE s PARTITION BY k, DESCRIPTOR(ts), gap)\n"
    "                                                  until a key is quiet for the gap\n\n"
    "A last argument of the first three may be an offset that shifts all windows.\n\n"
    "Grouped by window_start and window_end, a query gives one row per window and group once the window is "
    "over. WATERMARK FOR in CREATE STREAM names the column of event time and how long to wait for rows that "
    "are out of order:\n\n"
    "  CREATE STREAM clicks (ts TIMESTAMP(3), page VARCHAR,\n"
    "    WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)\n"
    "  WITH (connector = 'file', path = 'clicks.jsonl', format = 'json');\n"
    "  SELECT window_start, page, COUNT(*) AS n\n"
    "  FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))\n"
    "  GROUP BY window_start, window_end, page;\n\n"
    "GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE) is understood, too. Rows that come after their window is over "
    "are counted as late; late_output = 'name' in WITH (...) makes a stream of them. Grouping by window_time "
    "as well keeps event time for the next window: minutes can feed hours.";

static const struct {
    const char *names; /* the topic, then words that lead here */
    const char *text;
} topics[] = {
    {"statements sql select create stream table insert view drop set show describe types error_stream join "
     "match_recognize",
     statements_doc},
    {"windows window tumble hop cumulate session watermark event_time late", windows_doc},
};

const char *wri_topic_text(const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < WR_LEN(topics); i++)
        for (const char *p = topics[i].names; *p; p += strspn(p, " ")) {
            size_t k = strcspn(p, " ");
            if (k == n && strncasecmp(p, name, n) == 0) return topics[i].text;
            p += k;
        }
    return NULL;
}

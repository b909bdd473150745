SELECT value, first, last, date, time, timestamp, year, second, status, start, end, key, row, count, offset, rank, source, message, language, data FROM t;
SELECT t.order, t.group, t.select, t.end, t.from FROM t;
SELECT page, user_id, window_start, window_end, interval, stream, emit, final, over, filter, window FROM t;
SELECT stream, a FROM t;
SELECT STREAM stream FROM stream;
SELECT stream.a, stream = 1 FROM stream;

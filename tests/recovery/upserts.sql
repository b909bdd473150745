-- Records taken as upserts: the last row of each key is state.
CREATE STREAM users (event_time TIMESTAMP(3), user_id VARCHAR PRIMARY KEY, page VARCHAR, bytes BIGINT)
WITH (connector = 'file', path = 'clicks.jsonl', format = 'json', chunk_bytes = '16KiB', changelog = 'upsert');
CREATE STREAM out_users WITH (connector = 'file', path = 'out_users.changes', format = 'json', changelog = 'op') AS
SELECT user_id, page, bytes FROM users;
CREATE STREAM out_pages WITH (connector = 'file', path = 'out_pages.changes', format = 'json', changelog = 'op') AS
SELECT page, COUNT(*) AS n, SUM(bytes) AS b FROM users GROUP BY page EMIT CHANGES;

-- The same alarms by a random cut forest per device: no column is looked at by name, and no distance is chosen.
-- Input: half an hour of made-up readings, one a second from each of 20 devices, with planted anomalies; nothing to
-- prepare.
-- Output: per device, how many readings were planted behind the first 256, from which a forest learns, how many alarms there
-- were, and how many of those were about a planted one (which only made-up data can tell).

CREATE STREAM telemetry (WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND)
WITH (connector = 'datagen', kind = 'telemetry', rows = 36000, devices = 20, anomaly_rate = 0.003, seed = 11);

CREATE VIEW readings AS SELECT event_time, device_id, temperature, vibration, anomaly FROM telemetry;

-- 0 while a device's forest learns, about 1 for a usual reading.
CREATE VIEW scored AS
SELECT event_time, device_id, anomaly, anomaly_score AS score
FROM TABLE(RANDOM_CUT_FOREST(TABLE readings PARTITION BY device_id));

SELECT device_id, COUNT(*) FILTER (WHERE anomaly AND score > 0) AS planted, COUNT(*) FILTER (WHERE score > 2.9) AS alarms,
       COUNT(*) FILTER (WHERE score > 2.9 AND anomaly) AS alarms_planted
FROM scored GROUP BY device_id ORDER BY device_id;

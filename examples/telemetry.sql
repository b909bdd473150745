-- Devices that run hot: the average temperature of the last minute, looked at every 10 seconds,
-- against a threshold. The readings come from the built-in generator, so this runs as it is.

CREATE STREAM telemetry (WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH (connector = 'datagen', kind = 'telemetry', rows = 200000, seed = 7, devices = 20);

SELECT window_start, window_end, device_id,
       COUNT(*)         AS readings,
       AVG(temperature) AS avg_temperature,
       MAX(vibration)   AS max_vibration
FROM TABLE(HOP(TABLE telemetry, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, device_id
HAVING AVG(temperature) > 75;

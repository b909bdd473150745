-- Alarms from sensors: devices that were too hot or shook in the last minute, looked at every 10 seconds.
-- Input: three minutes of made-up readings, one a second from each of 20 devices; nothing to prepare.
-- Output: one row per device and minute that is out of bounds. One device is always too hot; a device that
-- shakes once shows up six times, as six of the overlapping minutes hold that moment.

CREATE STREAM telemetry (WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND)
WITH (connector = 'datagen', kind = 'telemetry', rows = 3600, devices = 20, seed = 7);

SELECT window_end, device_id,
       ROUND(AVG(temperature), 1) AS avg_celsius,
       MAX(vibration)             AS max_vibration,
       CASE WHEN AVG(temperature) > 59 THEN 'hot' ELSE 'shaking' END AS alarm
FROM TABLE(HOP(TABLE telemetry, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, device_id
HAVING AVG(temperature) > 59 OR MAX(vibration) > 5
ORDER BY window_end, device_id;   -- possible as the input ends; a live stream prints each window as it closes

-- Anomalies in telemetry: how unusual each reading is, an alarm with hysteresis, and what alarms were raised.
-- Input: ten minutes of made-up readings, one a second from each of 20 devices, with planted anomalies; nothing to
-- prepare.
-- Output: an alert per alarm: when it began, when it was over, how bad it was, and whether readings in it were
-- planted (which only made-up data can tell).

CREATE STREAM telemetry (WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND)
WITH (connector = 'datagen', kind = 'telemetry', rows = 12000, devices = 20, anomaly_rate = 0.003, seed = 7);

-- How many standard deviations a reading is off the mean of the device's last two minutes: 0 until there are 30.
CREATE VIEW scored AS
SELECT event_time, device_id, temperature, vibration, anomaly,
       CASE WHEN n < 30 THEN 0 ELSE GREATEST(ABS(temperature - t_mean) / t_dev, ABS(vibration - v_mean) / v_dev) END AS score
FROM (SELECT event_time, device_id, temperature, vibration, anomaly,
             COUNT(*) OVER w AS n, AVG(temperature) OVER w AS t_mean, STDDEV_POP(temperature) OVER w + 0.01 AS t_dev,
             AVG(vibration) OVER w AS v_mean, STDDEV_POP(vibration) OVER w + 0.001 AS v_dev
      FROM telemetry
      WINDOW w AS (PARTITION BY device_id ORDER BY event_time RANGE BETWEEN INTERVAL '2' MINUTE PRECEDING AND CURRENT ROW)) AS t;

-- Hysteresis: an alarm begins above 5 and is over at the second reading in a row below 3.
CREATE STREAM alerts AS
SELECT * FROM scored MATCH_RECOGNIZE (
  PARTITION BY device_id
  ORDER BY event_time
  MEASURES HIGH.event_time AS since, LAST(CALM.event_time) AS till, MAX(score) AS score,
           MAX(CASE WHEN anomaly THEN 1 ELSE 0 END) = 1 AS planted
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (HIGH STILL*? CALM CALM) WITHIN INTERVAL '1' MINUTE
  DEFINE HIGH AS HIGH.score > 5, CALM AS CALM.score < 3
);

SELECT device_id, since, till, ROUND(score, 1) AS score, planted FROM alerts;

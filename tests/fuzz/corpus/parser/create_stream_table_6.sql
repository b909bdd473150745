CREATE STREAM s (date DATE, time TIME, timestamp TIMESTAMP, year INT, month INT, day INT, hour INT, minute INT, second INT);
CREATE STREAM s (value INT, first INT, last INT, status INT, start INT, stop INT, "end" INT, end INT, key INT, row INT, rows INT, count INT, offset INT, rank INT);
CREATE STREAM s (source INT, message INT, language INT, data INT, page INT, user_id INT, window_start INT, window_end INT, window INT, period INT, comment VARCHAR, metadata INT, watermark INT);
CREATE STREAM s (stream INT, pump INT, view INT, format INT, plan INT, emit INT, final INT, match INT, pattern INT, partition INT, range INT, over INT, filter INT, interval INT, unknown INT);
CREATE STREAM s (primary INT, rowtime2 TIMESTAMP, constraint INT, description VARCHAR, function INT, extension INT, ignore INT, respect INT, nulls INT, within INT, of INT, at INT, zone INT, local INT, sets INT);

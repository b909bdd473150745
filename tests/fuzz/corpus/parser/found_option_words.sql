SELECT (when = a); CREATE STREAM s WITH (when = 1, null = 2, true = 3) AS SELECT 1; SET limit = 5;

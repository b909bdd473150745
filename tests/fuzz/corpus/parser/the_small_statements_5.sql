SET mode = fast.path;
SET SCHEMA 'main';
SET format = 'json';
DROP STREAM s;
DROP TABLE IF EXISTS t;
DROP TEMPORARY VIEW v;

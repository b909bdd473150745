SELECT a FROM t WHERE 名前 = @;;
SELECT\ttab\t@\tafter;;
SELECT '名前', 日本 日本 日本 FROM t;;
CREATE STREAM s (
  a INT,
  b VARCHAR(10
);

SELECT a
FROM t
WEHRE a = 1;;
SELECT a\x0d
FORM t;\x0d
;
SELECT a \0! FROM t;
SELECT 'a\0!b' FROM t;
SELECT 'a\xffb' FROM t;
SELECT a\xe9 FROM t;
SELECT a \x07 FROM t;
SELECT\ta\tFORM\tt;;
SELECT '日本' FORM t;

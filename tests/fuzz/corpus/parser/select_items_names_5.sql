SELECT t.rec.column1, l.r.COLUMN1, t.r."COL_1", a.b.c.d FROM t;
SELECT a$b, _x, x1 FROM t;
SELECT CASE WHEN end THEN end ELSE end END FROM t;
SELECT case_, when_, b.case FROM b;
SELECT 1;;; SELECT 2;
SELECT 1 // a comment of the second kind
, 2 -- and the first
/* and
   the third */ , 3;

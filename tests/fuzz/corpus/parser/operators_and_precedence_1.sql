SELECT a + b * c - d / e % f FROM t;
SELECT (a + b) * c, a - (b - c), a - b - c, a / (b * c), a / b * c FROM t;
SELECT -a, +a, - -a, -(-a), -a * b, -(a * b), a - -b, a + +b, - 5, -5 FROM t;
SELECT a || b || c, a || (b || c), a || b + c, (a + b) || c FROM t;
SELECT a = b, a <> b, a != b, a < b, a <= b, a > b, a >= b FROM t;
SELECT a < b < c, (a < b) = (c < d), a = (b = c) FROM t;

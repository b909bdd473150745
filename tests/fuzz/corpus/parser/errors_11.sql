SELECT a FROM t WHERE

;
SELECT f(a,
  (b + c
;
\xef\xbb\xbfSELECT\xc2\xa0a FORM t;
SELECT a b 'a string that is much longer than what should be shown in a message';
SELECT a -- @
/* @ */ FORM t

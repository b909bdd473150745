SELECT 4 –- a damaged comment
, 5 — another
;
SELECT 6 /* ** // -- */, '-- no comment', '/* nor */', "// this";

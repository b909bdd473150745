SET evaluator = 'sqlite';
SET 'table.exec.state.ttl' = '1 h';
SET table.exec.mini_batch.size = 5000;
SET workers = 4;
SET x = -5;
SET y = TRUE;

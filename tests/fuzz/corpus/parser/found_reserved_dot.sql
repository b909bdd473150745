SELECT STREAM (table.aid), b FROM s; SELECT a FROM t OFFSET (order.b);

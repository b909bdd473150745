SELECT (stream(a, 1)); SELECT (stream) EMIT CHANGES; SELECT stream, a FROM t; SELECT (stream + 1);

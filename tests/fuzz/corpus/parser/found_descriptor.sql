SELECT f((descriptor(a)), (cursor (a) + 1), n => (descriptor(b) OVER w)), f(table.a, DESCRIPTOR(c)), f(descriptor, cursor);
SELECT f(descriptor => INTERVAL '10' MINUTES, cursor => (cursor(a)));
SELECT f(descriptor.*), f(cursor.a);

SELECT f((descriptor(a)), (cursor (a) + 1), n => (descriptor(b) OVER w)), f(table.a, DESCRIPTOR(c)), f(descriptor, cursor);

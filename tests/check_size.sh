#!/bin/sh
# Files fit a head, functions a screen: at most 800 and 70 lines. Exceptions are named here with their reason.
bad=0
for f in "$@"; do
    case $f in
    core/pow10.c) continue ;;   # generated table of powers of ten
    tests/* | bench/*) continue ;; # cases are long by nature
    esac
    n=$(wc -l <"$f")
    [ "$n" -le 800 ] || { echo "$f has $n lines; 800 is the most: is there a second idea in it?"; bad=1; }
    # A function opens with a line from column 0 that ends in ") {" and closes with "}" in column 0.
    awk -v f="$f" '
        /^[^ \t#\/}].*\) \{$/ { start = NR; name = $0 }
        /^    .*\) \{$/ && !start && continued { start = NR; name = $0 }
        { continued = /^[a-z].*[,(]$/ || (continued && /,$/) }
        /^}/ {
            if (start && NR - start + 1 > 70) { print f ":" start ": " NR - start + 1 " lines; 70 is the most: " name; bad = 1 }
            start = 0
        }
        END { exit bad }' "$f" || bad=1
done
exit $bad

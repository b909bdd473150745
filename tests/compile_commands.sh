#!/bin/sh
# compile_commands.json for clang-tidy and editors: compiler and flags, then the files.
cc=$1
shift
sep=
echo '['
for f in "$@"; do
    printf '%s{"directory": "%s", "file": "%s", "command": "%s -c %s"}' "$sep" "$PWD" "$f" "$cc" "$f"
    sep=',
'
done
echo
echo ']'

#!/bin/sh
# Every external symbol is wr_… or wri_… (lemon's parser is the parser's own); banned functions are not called.
lib=$1
bad=0
names=$(nm -g --defined-only "$lib" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -vE '^(wr_|wri_|weir_)')
[ -z "$names" ] || { echo "external symbols without the wr_ prefix:"; echo "$names"; bad=1; }
twice=$(nm -g --defined-only "$lib" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort | uniq -d)
[ -z "$twice" ] || { echo "external symbols defined in two files:"; echo "$twice"; bad=1; }
banned='strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|atof|localtime|rand|srand|time'
calls=$(nm -A -u "$lib" 2>/dev/null | awk '{ print $1, $NF }' | grep -E " ($banned)(@|$)")
[ -z "$calls" ] || { echo "banned functions are called:"; echo "$calls"; bad=1; }
# msgpack's inline functions allocate by themselves; everything else goes through core/mem.c
allocs=$(nm -A -u "$lib" 2>/dev/null | awk '{ print $1, $NF }' | grep -E " (malloc|calloc|realloc|free)(@|$)" |
    grep -vE ':(mem|msgpack[a-z_]*|file_map|sql)\.o:')
[ -z "$allocs" ] || { echo "memory is taken outside core/mem.c:"; echo "$allocs"; bad=1; }
exit $bad

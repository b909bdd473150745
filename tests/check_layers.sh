#!/bin/sh
# Includes point one way: cli, server -> runtime -> planner, connectors -> state -> core; planner -> parser -> core.
# Between folders only the one public header (X/X.h) may be included.
bad=0
allow() { # folder, allowed folders
    folder=$1
    shift
    for f in $(git ls-files "$folder/*.c" "$folder/*.h"); do
        for inc in $(sed -n 's/^#include "\([a-z]*\/[^"]*\)"/\1/p' "$f"); do
            to=${inc%%/*}
            [ -f "$(dirname "$f")/$inc" ] && continue # a file of its own folder's subfolder
            case " $folder $* " in
            *" $to "*) ;;
            *) echo "$f includes $inc, but $folder may only use: $folder $*"; bad=1 ;;
            esac
            [ "$to" = "$folder" ] || [ "$inc" = "$to/$to.h" ] || {
                echo "$f includes $inc; from another folder only $to/$to.h may be included"
                bad=1
            }
        done
    done
}
allow core
allow parser core
allow apps core parser
allow planner core parser
allow state core
allow connectors core state
allow runtime core planner state connectors
allow server core runtime state
allow cli core apps runtime state server
exit $bad

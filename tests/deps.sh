#!/bin/sh
# Installs the Debian packages named as arguments that are missing; says which, and how to do it by hand.
missing=
for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
command -v apt-get >/dev/null 2>&1 || {
    echo "weir needs these Debian packages (or your system's equivalents):$missing" >&2
    exit 1
}
sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "weir needs packages that are not installed, and you are not root. Please run as root:" >&2
        echo "  apt-get install$missing" >&2
        exit 1
    }
    sudo=sudo
fi
echo "Installing missing packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# Lists may be absent or old: fetch them only when the install does not work without.
$sudo apt-get install -y -qq $missing >/dev/null 2>&1 && exit 0
$sudo apt-get update -qq >/dev/null 2>&1
$sudo apt-get install -y -qq $missing >/dev/null && exit 0
echo "The packages could not be installed. Please run as root:" >&2
echo "  apt-get update && apt-get install$missing" >&2
exit 1

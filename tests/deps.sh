#!/bin/sh
# Installs those of the Debian packages named as arguments that are missing; where that cannot be done, says which
# they are and how to do it by hand.
missing=
for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

by_hand() {
    echo "weir needs packages that are not installed, and $1. Please run as root:" >&2
    echo "  apt-get update && apt-get install$missing" >&2
    exit 1
}
command -v apt-get >/dev/null 2>&1 || {
    echo "weir needs these Debian packages, or what your system calls them:$missing" >&2
    exit 1
}
sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || by_hand "you are not root"
    echo "Missing packages, to be installed with sudo:$missing"
    sudo -v || by_hand "sudo does not let you install them"
    sudo=sudo
else
    echo "Installing missing packages:$missing"
fi
install() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing; }
# Lists may be absent or old: they are fetched only when the install does not work without.
install >/dev/null 2>&1 && exit 0
$sudo apt-get update -qq >/dev/null 2>&1
install >/dev/null && exit 0
by_hand "apt-get could not install them"

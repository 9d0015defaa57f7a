#!/bin/sh
# run.sh - runs tests under prove with the programs of one build
#
# usage: tests/run.sh BUILD TEST ...
#
# Run by root, they all run once more as nobody, in a copy of the tree that
# nobody can read.
build=$1
shift
BIN=$(cd "$build/bin" && pwd) || exit 1
export BIN
unset GODWIT_HOME GODWITQUEUE QMAILQUEUE NOTIFY_SOCKET MAKEFLAGS MAKELEVEL
export PYTHONDONTWRITEBYTECODE=1

# What the tests leave behind goes with this folder.
# Small letters alone: logwatch knows no others in a path.
top=/tmp/godwit-tests.$$
mkdir "$top" || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$top"
mkdir -m 1777 "$top/tmp"
export TMPDIR="$top/tmp"

# Each test has 15 minutes: machines may be slow.
prove='prove -j2 --timer --failures --comments --exec'
limit='timeout --foreground -k 5 900'
$prove "$limit" "$@" </dev/null || exit 1
[ "$(id -u)" = 0 ] || exit 0

echo "The same as an ordinary user (nobody):"
tree=$top/tree
mkdir -p "$tree/build"
tar -cf - --exclude=./build --exclude=./.git --exclude=./demo . |
    tar -xf - -C "$tree" &&
    tar -cf - -C "$build" --exclude='*.o' --exclude='*.d' bin tests \
        libbase.a | tar -xf - -C "$tree/build" &&
    chown -R nobody "$tree" && chmod -R u+rwX "$tree" && cd "$tree" || exit 1
for test; do
    shift
    case $test in "$build"/*) test=build/${test#"$build"/} ;; esac
    set -- "$@" "$test"
done
export BIN="$tree/build/bin" HOME="$tree" USER=nobody LOGNAME=nobody
setpriv --reuid=nobody --regid=nogroup --clear-groups \
    $prove "$limit" "$@" </dev/null || exit 1

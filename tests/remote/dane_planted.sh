#!/bin/sh
# dane_planted.sh - dane.py finds nothing in godwit-remote, and each mistake
#
# usage: BIN=PROGRAMS sh dane_planted.sh FOLDER PLANTS
#
# FOLDER/NAME/godwit-remote is the program with the mistake NAME.
test=$(dirname "$0")/dane.py
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 1' HUP INT TERM
"$test" >"$out" 2>&1 || { cat "$out"; exit 1; }
if grep -q '# SKIP' "$out"; then
    cat "$out"
    exit 0
fi
grep -v '^#' "$2" | while read -r name _; do
    if BIN=$1/$name "$test" >"$out" 2>&1 || ! grep -q '^not ok' "$out"; then
        cat "$out"
        echo "dane: the mistake $name was not found"
        exit 1
    fi
    echo "dane: $name found by $(grep -c '^not ok' "$out") checks"
done

#!/bin/sh
# run.sh - each fuzzer for a while, two side by side
#
# usage: tests/fuzz/run.sh BUILDFOLDER FUZZER...
# QUICK=1: 5 seconds each, else SECONDS_EACH=60; SEED= repeats choices.  An
# input that breaks a claim or the program is kept in BUILDFOLDER/found/.
build=$1
shift
here=$(dirname "$0")
seconds=${SECONDS_EACH:-60}
[ -z "$QUICK" ] || seconds=5
seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
found=$build/found
began=$(date +%s)
mkdir -p "$found" || exit 1
top=$(mktemp -d "${FUZZ_TMP:-/dev/shm}/godwit-fuzz.XXXXXX" || mktemp -d) ||
    exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM
export TMPDIR="$top" here seconds seed found top
"$here/seeds.py" "$top/seeds" || exit 1

echo "seed $seed, $seconds s each, two side by side"
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 "$here/one.sh" || bad=1
cat "$top"/*.end | awk -v wanted=$# -v took=$(($(date +%s) - began)) '
    { runs += $2; count++; bad += $3 != 0; printf "%-18s %9d runs\n", $1, $2 }
    END { printf "%d fuzzers, %d runs, %d failed (%d s)\n", count, runs, bad, took
          exit bad || count != wanted || !count }' || exit 1
exit ${bad:-0}

#!/bin/sh
# run.sh - each fuzzer for a while: SECONDS_EACH of them, two side by side
#
# usage: tests/fuzz/run.sh BUILDFOLDER FUZZER...
# QUICK=1: 4 seconds each, else 60; SEED= repeats choices.  An input that
# breaks a claim or the program is kept in BUILDFOLDER/found/.
build=$1
shift
here=$(dirname "$0")
seconds=${SECONDS_EACH:-60}
[ -z "$QUICK" ] || seconds=4
seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
found=$build/found
mkdir -p "$found" || exit 1
top=$(mktemp -d "${FUZZ_TMP:-/dev/shm}/godwit-fuzz.XXXXXX" || mktemp -d) ||
    exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM
export TMPDIR="$top"
"$here/seeds.py" "$top/seeds" || exit 1

one() {
    name=$(basename "$1" _fuzz)
    mkdir -p "$top/corpus/$name" "$top/seeds/$name"
    "$1" -max_total_time="$seconds" -seed="$seed" -max_len=8192 -timeout=10 \
        -rss_limit_mb=1500 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$found/$name-" \
        "$top/corpus/$name" "$top/seeds/$name" >"$top/$name.log" 2>&1
    code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$top/$name.log")
    echo "$name ${runs:-0} $code" >"$top/$name.end"
    [ $code = 0 ] || {
        echo "not ok - $name"
        grep -v '^#' "$top/$name.log" | tail -n 40
    }
}

echo "seed $seed, $seconds s each"
for fuzzer; do
    one "$fuzzer" &
    mine="$mine $!"
    set -- $mine
    if [ $# -ge 2 ]; then
        wait "$1"
        shift
        mine="$*"
    fi
done
wait
cat "$top"/*.end | awk '
    { runs += $2; count++; bad += $3 != 0; printf "%-18s %9d runs\n", $1, $2 }
    END { printf "%d fuzzers, %d runs, %d failed\n", count, runs, bad
          exit bad || !count }'

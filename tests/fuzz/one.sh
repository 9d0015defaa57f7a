#!/bin/sh
# one.sh - one fuzzer, with what run.sh has exported
name=$(basename "$1" _fuzz)
mkdir -p "$top/corpus/$name" "$top/seeds/$name"
"$1" -max_total_time="$seconds" -seed="$seed" -max_len=8192 -timeout=60 \
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
exit 0

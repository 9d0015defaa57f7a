#!/bin/sh
# campaigns.sh - campaigns one after another, their times, and a summary
#
# usage: tests/campaigns.sh NAME...
# Each NAME is a target of the Makefile; QUICK=1, SEED= and what else a
# campaign reads are handed on.  Without SEED= one is chosen for all.  LIMIT:
# seconds that one may take.  The exit code is 1 if any has failed.  With
# QUICK=1 one whose packages cannot be had, or that says SKIPPED because of the
# machine, has not failed.  A signal ends what is under way, and waits for it.
make=${MAKE:-make}
SEED=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
export SEED
top=$(mktemp -d) || exit 1
running=
failed=0
summary=
stop() {
    trap '' HUP INT TERM
    [ "$running" ] || exit 1
    # timeout(1) passes it to its group, where make does not wait for others.
    kill "$running"
    left=300
    while [ $left -gt 0 ] && kill -s 0 -- "-$running"; do
        sleep 0.1
        left=$((left - 1))
    done 2>/dev/null
    [ $left -gt 0 ] || kill -s KILL -- "-$running"
    exit 1
}
trap 'rm -rf "$top"' EXIT
trap stop HUP INT TERM

# The campaign's exit code.  What it says is shown while it runs, and kept.
run() {
    : >"$top/said"
    timeout -k 30 "${LIMIT:-86400}" "$make" -s "$1" >"$top/said" 2>&1 &
    running=$!
    tail -n +1 -s 0.2 -f --pid=$running "$top/said" &
    wait $running
    code=$?
    wait $!
    running=
    return $code
}

for name; do
    echo "== $name, seed $SEED"
    began=$(date +%s)
    if ! grep -q "^$name:" Makefile; then
        end="FAILED: no target"
    elif [ "$QUICK" ] && ! tests/prepare.sh "$name" >"$top/said" 2>&1; then
        end="SKIPPED"
        echo "SKIPPED: $(tail -n 1 "$top/said")"
    elif run "$name"; then
        end="ok"
        ! grep -q SKIPPED "$top/said" || end="ok, SKIPPED some"
    else
        end="FAILED"
    fi
    case $end in FAILED*) failed=$((failed + 1)) ;; esac
    took=$(($(date +%s) - began))
    echo "== $name: $end, $took s"
    summary="$summary$(printf '%-10s %-18s %6d s' "$name" "$end" "$took")
"
done
printf '\nseed %s\n%s%d campaigns, %d failed\n' "$SEED" "$summary" $# $failed
[ $failed = 0 ] && [ $# -gt 0 ]

#!/bin/sh
# campaigns.sh - campaigns one after another, their times, and a summary
#
# usage: tests/campaigns.sh NAME...
# Each NAME is a target of the Makefile; QUICK=1, SEED= and what else a
# campaign reads are handed on.  Without SEED= one is chosen for all.  LIMIT:
# seconds that one may take.  The exit code is 1 if any has failed.
make=${MAKE:-make}
SEED=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
export SEED
failed=0
summary=
trap 'exit 1' HUP INT TERM
for name; do
    echo "== $name, seed $SEED"
    began=$(date +%s)
    if ! grep -q "^$name:" Makefile; then
        end="is not there yet"
    elif timeout -k 30 "${LIMIT:-86400}" "$make" -s "$name"; then
        end="ok"
    else
        end="FAILED"
        failed=$((failed + 1))
    fi
    took=$(($(date +%s) - began))
    echo "== $name: $end, $took s"
    summary="$summary$(printf '%-10s %-16s %6d s' "$name" "$end" "$took")
"
done
printf '\nseed %s\n%s%d campaigns, %d failed\n' "$SEED" "$summary" $# $failed
[ $failed = 0 ] && [ $# -gt 0 ]

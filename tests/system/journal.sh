#!/bin/sh
# Mail is stored in another order on a file system that brings names and
# contents to the disk in order: what looks at that is run with /tmp on an
# ext4 with a journal, and on one without.
BIN=$(cd "${BIN:-build/bin}" && pwd) || exit 1
export BIN
unset TMPDIR
build=${BIN%/bin} tree=$PWD count=0

skip()
{
    echo "ok 1 # SKIP $*"
    echo 1..1
    exit 0
}

# Shows folder $1 at its own place in the new /tmp, which is now at $2.
show()
{
    case $1 in
    /tmp/*) mkdir -p "$2/${1#/tmp/}" && mount --bind "$1" "$2/${1#/tmp/}" ;;
    esac
}

# In a mount namespace of its own; $1 is what mkfs.ext4 is told.
inside()
{
    at=$2.at private=
    # It takes long, and without a journal only shows what it shows anywhere.
    [ "$1" = has_journal ] && private=tests/local/private.py
    truncate -s 1G "$2" && mkfs.ext4 -q -F -O "$1" "$2" &&
        mount -o loop "$2" "$at" && chmod 1777 "$at" &&
        show "$tree" "$at" && show "$build" "$at" &&
        mount --rbind "$at" /tmp && cd "$tree" || exit 1
    for test in "$build/tests/local/maildir_test" \
        "$build/tests/queue/incoming_test" "$build/tests/queue/chosen_test" \
        "$build/tests/queue/commit_test" "$build/tests/queue/gather_test" \
        $private tests/system/first.py; do
        if "$test" >/tmp/out 2>&1 </dev/null; then
            echo "ok ${test##*/} is right"
        else
            echo "not ok ${test##*/} is right"
            sed 's/^#*/# &/' /tmp/out
        fi
        grep '^# the name comes first' /tmp/out || :
    done
}

if [ "$1" = inside ]; then
    inside "$2" "$3"
    exit
fi
[ "$(id -u)" = 0 ] || skip "needs root"
unshare --mount true 2>/dev/null || skip "no namespaces"
[ -e /dev/loop-control ] || skip "no loop devices"
image=$(mktemp /tmp/godwit-journal.XXXXXX) || exit 1
mkdir "$image.at"
trap 'rm -f "$image" "$image.out"; rmdir "$image.at"' EXIT
trap 'exit 1' HUP INT TERM

# number NAME: the lines of its results as TAP
number()
{
    while read -r line; do
        case $line in
        "ok "*) count=$((count + 1)); echo "ok $count - $1: ${line#ok }" ;;
        "not ok "*)
            count=$((count + 1))
            echo "not ok $count - $1: ${line#not ok }" ;;
        *) echo "$line" ;;
        esac
    done <"$image.out"
}

for how in has_journal ^has_journal; do
    unshare --mount --propagation private sh "$0" inside "$how" "$image" \
        >"$image.out" || echo "not ok it can be mounted" >>"$image.out"
    number "ext4 -O $how"
    first=$(grep -c "^# the name comes first" "$image.out")
    [ "$how" = has_journal ] && want=1 || want=0
    count=$((count + 1))
    [ "$first" = "$want" ] || printf 'not '
    echo "ok $count - ext4 -O $how: the name comes first $want times"
done
echo "1..$count"

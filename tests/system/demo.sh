#!/bin/sh
# The demo is right with the programs as they are, and tells when they err.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
BIN=$(cd "${BIN:-build/bin}" && pwd) || exit 1
count=0 failed=0
top=$(mktemp -d "${TMPDIR:-/tmp}/godwit-demo-test.XXXXXX") || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$top"

# In its jail a program is closed to the sanitizers' search for leaks.
export ASAN_OPTIONS="detect_leaks=0:${ASAN_OPTIONS:-}"

# Where nobody can run them, if we are root.
cp -r "$BIN" "$top/true" && chmod -R go+rX "$top/true" || exit 1

ok() { # condition's exit code, name
    count=$((count + 1))
    if [ "$1" = 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        failed=1
        sed 's/^/# /' "$top/said"
    fi
}

demo() { # seconds
    BIN=$top/bin DEMO=$top/demo LIMIT=$1 "$here/demo.sh" >"$top/said" 2>&1
}

# A folder of programs in which one is the script on standard input; the
# true one is $true there.
with() {
    rm -rf "$top/bin"
    mkdir "$top/bin"
    ln -s "$top/true"/* "$top/bin/"
    [ "$1" ] || return 0
    rm "$top/bin/$1"
    { printf '#!/bin/sh\ntrue=%s\n' "$top/true/$1"; cat; } >"$top/bin/$1"
    chmod 755 "$top/bin/$1"
}

# The demo fails, by the check of that name.
fails_by() { [ "$1" != 0 ] && grep -q "^  NO  $2" "$top/said"; }

with ''
demo 180
ok $? "the demo is right"
demo 180
ok $? "and again, over what it left"

with sendmail <<'END'
sed 's/lone/lame/' | "$true" "$@"
END
demo 180
fails_by $? "the local message is in the Maildir, byte for byte"
ok $? "a letter changed on the way: the demo fails"

with sendmail <<'END'
case $* in
*carol*) cat >/dev/null ;;
*) exec "$true" "$@" ;;
esac
END
demo 15
fails_by $? "all has arrived"
ok $? "a message accepted but not queued: the demo fails"

with sendmail <<'END'
case $* in
*carol*) exec "$true" -f ann@demo.example bob@far.example ;;
*) exec "$true" "$@" ;;
esac
END
demo 180
fails_by $? "from its sender, to both recipients"
ok $? "a recipient lost: the demo fails"

with godwit <<'END'
[ "$1" = audit ] && exit 1
exec "$true" "$@"
END
demo 180
fails_by $? "godwit audit finds each"
ok $? "an audit that disagrees: the demo fails"

with ''
mkdir "$top/other"
rm -rf "$top/demo"
ln -s "$top/other" "$top/demo"
! demo 180 && [ -d "$top/other" ]
ok $? "what it has not made it does not remove"

echo "1..$count"
exit $failed

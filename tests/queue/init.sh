#!/bin/sh
# godwit init: by an ordinary user, and by root with an /etc of its own.
BIN=${BIN:-build/bin}
BIN=$(cd "$BIN" && pwd) || exit 1
self=$(cd "$(dirname "$0")" && pwd)/${0##*/}
count=0 failed=0
unset GODWIT_HOME

ok() { # condition's exit code, name
    count=$((count + 1))
    if [ "$1" = 0 ]; then echo "ok $count - $2"
    else echo "not ok $count - $2"; failed=1; sed 's/^/# /' "$top/said"; fi
}

skip() { count=$((count + 1)); echo "ok $count # SKIP $1"; }

# Runs godwit; its exit code in $code, what it said in $top/said.
run() {
    $as "$top/godwit" "$@" >"$top/said" 2>&1
    code=$?
}

exits() { run "$@"; [ "$code" = "$want" ]; }
says() { grep -q -e "$1" "$top/said"; }
is() { [ "$1" = "$2" ] || { echo "got $1, want $2" >>"$top/said"; false; }; }
mode() { stat -c '%a' "$1"; }
whose() { stat -c '%a %U:%G' "$1"; }

set_up() {
    top=$(mktemp -d "${TMPDIR:-/tmp}/godwit-init.XXXXXX") || exit 1
    trap 'rm -rf "$top"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$top"
    mkdir "$top/home"
    cp "$BIN/godwit" "$top/godwit"
    : >"$top/said"
}

words() {
    as=
    run --version; is "$(cat "$top/said")" "godwit 0.1"
    ok $? "--version says godwit 0.1"
    want=0; exits --help && says '^  init ' && says '^  start '
    ok $? "--help lists the commands"
    exits init --help && says '^usage: godwit init'
    ok $? "each command has its --help"
    want=64; exits nonsense && says 'no command "nonsense"'
    ok $? "an unknown command is said, exit 64"
    exits; ok $? "no command: exit 64"
    exits init a b; ok $? "two folders: exit 64"
    exits init --system a; ok $? "a folder and --system: exit 64"
    exits init --me 'not a name' "$top/home/x" && [ ! -e "$top/home/x" ]
    ok $? "a mail name that is none: exit 64, nothing made"
}

private() {
    home=$top/home/one
    want=0; exits init --me mx.example.org "$home"
    ok $? "init DIR makes a private instance"
    is "$(tail -n 1 "$top/said")" "export GODWIT_HOME=$home"
    ok $? "its last line is for the shell"
    is "$(cat "$home/control/me")" mx.example.org
    ok $? "--me is the host's mail name"
    is "$(cd "$home/queue" && stat -c '%n %a %F' -- * | tr '\n' ,)" \
"bounce 700 directory,broken 700 directory,info 700 directory,\
ledger 700 directory,lock 600 regular empty file,todo 700 directory,\
trigger 600 fifo,"
    ok $? "the spool has its folders and files, closed to others"
    is "$(mode "$home/queue") $(mode "$home/control") $(mode "$home/run")" \
        "755 755 755"
    ok $? "the three folders are open for looking"
    is "$(mode "$home/control/ledgerkey")" 400 &&
        is "$(mode "$home/control/ledgerkey.pub")" 444
    ok $? "the ledger's secret key is its owner's, the public one everybody's"
    grep -qxE '[0-9a-f]{128}' "$home/control/ledgerkey" &&
        is "$(cut -c 65-128 "$home/control/ledgerkey")" \
            "$(cat "$home/control/ledgerkey.pub")"
    ok $? "they are one pair"
}

again() {
    find "$home" -printf '%p %m %u %g %i %s\n' | sort >"$top/before"
    exits init "$home" && says '^nothing to change$'
    ok $? "init again says that there is nothing to change"
    find "$home" -printf '%p %m %u %g %i %s\n' | sort |
        cmp -s - "$top/before"
    ok $? "and changes nothing"
    exits init --me mx.example.org "$home"
    ok $? "nor with the name it has"
    chmod 755 "$home/queue/todo" "$home/control/ledgerkey"
    rm "$home/queue/trigger" "$home/control/ledgerkey.pub"
    rmdir "$home/queue/info"
    exits init "$home"
    says "^mended $home/queue/todo: mode 0700 .* was 0755" &&
        says "^mended $home/control/ledgerkey: mode 0400" &&
        says "^made $home/control/ledgerkey.pub" &&
        says "^made $home/queue/trigger" && says "^made $home/queue/info"
    ok $? "missing pieces and wrong modes are mended, each with a line"
    find "$home" -printf '%p %m %u %g %s\n' | sort >"$top/after"
    cut -d ' ' -f 1-4,6 "$top/before" | cmp -s - "$top/after"
    ok $? "and all is as it was, the keys too"
    : >"$home/control/ledgerkey.new" && chmod 400 "$home/control/ledgerkey.new"
    [ -z "$as" ] || chown nobody "$home/control/ledgerkey.new"
    rm -f "$home/control/ledgerkey" "$home/control/ledgerkey.pub"
    exits init "$home" && grep -qE '^.{128}$' "$home/control/ledgerkey" &&
        [ ! -e "$home/control/ledgerkey.new" ]
    ok $? "what a crash left of a key is no hindrance"
}

refusals() {
    want=100
    mv "$home/control/ledgerkey" "$home/kept"
    exits init "$home" && says 'ledgerkey is missing but ledgerkey.pub is' &&
        [ ! -e "$home/control/ledgerkey" ]
    ok $? "a lost secret key is not made anew in silence, exit 100"
    mv "$home/kept" "$home/control/ledgerkey"
    cp "$home/control/ledgerkey.pub" "$home/kept"
    chmod 644 "$home/control/ledgerkey.pub"
    tr 0-9a-f 1-9a-f0 <"$home/kept" >"$home/control/ledgerkey.pub"
    exits init "$home" && says 'does not belong to ledgerkey'
    ok $? "a public key that is not the secret one's is refused"
    cat "$home/kept" >"$home/control/ledgerkey.pub"
    rmdir "$home/queue/broken"; : >"$home/queue/broken"
    exits init "$home" && says "$home/queue/broken: is not a folder"
    ok $? "a file where a folder should be is refused"
    rm "$home/queue/broken"; ln -s /tmp "$home/queue/broken"
    exits init "$home" && says "$home/queue/broken: is not a folder"
    ok $? "and a link too"
    rm "$home/queue/broken"
    exits init --me other.example.org "$home" && says 'mx.example.org'
    ok $? "another --me than before is refused"
    want=111; : >"$home/file"
    exits init "$home/file/sub" && says "$home/file/sub"
    ok $? "what the system refuses is said with the path, exit 111"
}

places() {
    want=0
    (cd "$top/home" && exits init two) &&
        says "^export GODWIT_HOME=$top/home/two$"
    ok $? "a folder named from where we stand is shown whole"
    export GODWIT_HOME="$top/home/three/deep"
    exits init && [ -p "$GODWIT_HOME/queue/trigger" ] && ! says export
    ok $? "without DIR GODWIT_HOME is the place, made with what is above it"
    [ -s "$GODWIT_HOME/control/me" ]
    ok $? "without --me the host's own name is taken"
    unset GODWIT_HOME
    exits init "$top/home/it's four" &&
        (eval "$(tail -n 1 "$top/said")" && [ -d "$GODWIT_HOME/queue" ])
    ok $? "the line for the shell is quoted where it has to be"
}

as_user() {
    as=
    if [ "$(id -u)" = 0 ]; then
        as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
        chown nobody "$top/home"
    fi
    private
    again
    refusals
    places
    if [ "$(id -u)" = 0 ]; then
        mkdir "$top/home/roots" "$top/home/roots/queue"
        want=100
        exits init "$top/home/roots"
        [ "$code" != 0 ] && says "$top/home/roots"
        ok $? "an ordinary user makes nothing in another's folder"
    else
        skip "only root can make a folder of another user"
    fi
}

users() {
    as= want=0 home=$top/home/root
    exits init "$home"
    ok $? "root makes an instance with users of their own"
    for user in godwitq godwits godwitd godwitr; do
        [ "$(id -u $user)" -gt 0 ] && [ "$(id -u $user)" -lt 1000 ] &&
            is "$(id -gn $user)" $user
        ok $? "there is a system user $user with a group of its name"
    done
    is "$(id -Gn godwitq)" "godwitq godwits"
    ok $? "godwitq is also in group godwits"
    is "$(whose "$home/queue/todo")" "3730 godwits:godwits"
    ok $? "todo/ is made into by the group, seen by its owner"
    for part in info bounce ledger broken; do
        is "$(whose "$home/queue/$part")" "700 godwits:godwits"
        ok $? "$part/ is the manager's alone"
    done
    is "$(whose "$home/queue/lock")" "600 godwits:godwits"
    ok $? "lock is the manager's"
    is "$(whose "$home/queue/trigger")" "620 godwits:godwits"
    ok $? "trigger is written by the group"
    is "$(whose "$home/control/ledgerkey")" "400 godwits:godwits"
    ok $? "the secret key is the manager's"
    is "$(whose "$home/control/ledgerkey.pub")" "444 root:root"
    ok $? "the public key is root's, for everybody"
    is "$(whose "$home/queue") $(whose "$home/control") $(whose "$home/run")" \
        "755 root:root 755 root:root 755 root:root"
    ok $? "the three folders are root's"
}

rights() {
    as="setpriv --reuid=godwitq --regid=godwitq --groups=godwits"
    : >"$home/queue/todo/other"; chown godwits:godwits "$home/queue/todo/other"
    $as sh -c "umask 007; : >'$home/queue/todo/mine'" &&
        is "$(whose "$home/queue/todo/mine")" "660 godwitq:godwits"
    ok $? "godwitq makes files in todo/, which the manager can open"
    ! $as ls "$home/queue/todo" >/dev/null 2>&1
    ok $? "and cannot list it"
    ! $as rm -f "$home/queue/todo/other" 2>/dev/null
    ok $? "nor remove what others made"
    setpriv --reuid=godwits --regid=godwits --clear-groups \
        rm "$home/queue/todo/mine" "$home/queue/todo/other"
    ok $? "the manager can"
    as=
}

mending() {
    exits init "$home" && says '^nothing to change$'
    ok $? "root's second init changes nothing"
    chown root:root "$home/queue/todo" && chmod 700 "$home/queue/todo"
    exits init "$home" && is "$(whose "$home/queue/todo")" \
        "3730 godwits:godwits"
    ok $? "what a crash left as root's is given to its owner"
    gpasswd -d godwitq godwits >/dev/null
    exits init "$home" && says 'made godwitq a member of group godwits'
    ok $? "a lost membership is mended"
    chown 12345 "$home/queue/info"; want=100
    exits init "$home" && says "$home/queue/info: belongs to uid 12345"
    ok $? "what belongs to a stranger is refused"
    mkdir -m 700 "$top/home/closed"
    exits init "$top/home/closed/in" && says "$top/home/closed: is closed" &&
        [ ! -e "$top/home/closed/in/queue" ]
    ok $? "a folder the users could not reach is refused"
}

system_places() {
    want=0
    GODWIT_HOME=$top/home/not exits init --system &&
        [ ! -e "$top/home/not" ] && says 'made .*/godwit$' && ! says export
    ok $? "--system makes the system's folders whatever GODWIT_HOME says"
    is "$(whose /var/spool/godwit/todo)" "3730 godwits:godwits"
    ok $? "and they are as the private ones"
    exits init && says '^nothing to change$'
    ok $? "root without DIR means the same"
}

# Everything that useradd and --system touch is a copy here.
as_root() {
    if [ "$(id -u)" != 0 ]; then
        skip "only root makes system users"
        return
    fi
    mkdir "$top/spool" "$top/run"
    unshare -m --propagation private sh -c '
        cp -a /etc "$1/etc" && mount --bind "$1/etc" /etc &&
        mount --bind "$1/spool" /var/spool && mount --bind "$1/run" /run &&
        exec "$2" inside "$1" "$3"' sh "$top" "$self" "$count" ||
        [ -e "$top/count" ] || skip "no private mount namespace here"
    [ ! -e "$top/count" ] || read -r count failed_inside <"$top/count"
    [ "${failed_inside:-0}" = 0 ] || failed=1
}

if [ "$1" = inside ]; then
    top=$2 count=$3
    : >"$top/said"
    users
    rights
    mending
    if [ -e /var/spool/godwit ] || [ -e /run/godwit ]; then
        skip "there is an instance"
    else
        system_places
    fi
    echo "$count $failed" >"$top/count"
    exit 0
fi
set_up
words
as_user
as_root
echo "1..$count"
exit $failed

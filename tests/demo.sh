#!/bin/sh
# demo.sh - a private instance that sends real mail and checks what came of it
#
# BIN is the folder of built programs (build/bin), DEMO the instance's folder
# (demo), which is made anew, LIMIT the seconds that anything may take (180).
# Run by root the instance is nobody's, since mail for uid 0 is refused.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
BIN=$(cd "${BIN:-$here/build/bin}" && pwd) || exit 1
DEMO=${DEMO:-$here/demo}
DEMO=$(cd "$(dirname "$DEMO")" && pwd)/${DEMO##*/} || exit 1
LIMIT=${LIMIT:-180}
keeper=$here/tests/fake/smtp_keep.py
mark="Made by tests/demo.sh, which removes it when it runs again."
me=demo.example far=far.example
checks=0 failed=0 as='' server='' instance=''
unset QMAILQUEUE GODWITQUEUE NOTIFY_SOCKET
umask 022

die() { echo "demo: $*" >&2; exit 1; }
title() { printf '\n%s\n' "$*"; }

# A sentence and the command that shows whether it is true.
check() {
    sentence=$1
    shift
    checks=$((checks + 1))
    if "$@" >"$home/why" 2>&1; then
        echo "  ok  $sentence"
    else
        echo "  NO  $sentence"
        sed 's/^/        /' "$home/why"
        failed=$((failed + 1))
    fi
}

# Whether the command comes true in time.
within() {
    end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# The folder of the run before: a link into /tmp, or a folder of ours.
remove_old() {
    old=$DEMO
    if [ -L "$DEMO" ]; then
        old=$(readlink "$DEMO")
        case $old in
        /tmp/godwit-demo.*/home | /var/tmp/godwit-demo.*/home) ;;
        *) die "$DEMO leads to $old, which is none of mine; remove it" ;;
        esac
        rm -rf "${old%/home}" && rm "$DEMO"
    elif [ -e "$DEMO" ]; then
        [ "$(cat "$DEMO/README" 2>/dev/null)" = "$mark" ] ||
            die "$DEMO is there and is none of mine; move it away"
        rm -rf "$DEMO"
    fi 2>/dev/null || die "cannot remove $old: it belongs to" \
        "$(stat -c %U "$old"), who has to do it, or root"
}

# Where nobody cannot reach the programs: beside copies of them in /tmp.
make_elsewhere() {
    for tmp in /tmp /var/tmp; do
        top=$(mktemp -d $tmp/godwit-demo.XXXXXX) || continue
        chmod 755 "$top"
        cp -rL "$BIN" "$top/bin" && cp "$keeper" "$top/"
        chmod -R go+rX "$top"
        BIN=$top/bin keeper=$top/${keeper##*/} home=$top/home
        if $as "$BIN/godwit" --version >"$top/said" 2>&1; then
            mkdir "$home" && ln -s "$home" "$DEMO" && return 0
        fi
        cat "$top/said"
        rm -rf "$top"
    done
    die "nobody cannot run a program in /tmp"
}

make_home() {
    if [ "$(id -u)" = 0 ]; then
        as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
        $as true || die "root cannot become nobody"
    fi
    if $as test -x "$BIN/godwit" -a -r "$keeper" -a -x "$(dirname "$DEMO")"
    then
        home=$DEMO
        mkdir "$home" || die "cannot make $home"
    else
        make_elsewhere
    fi
    echo "$mark" >"$home/README"
    mkdir "$home/sent"
    # Root writes only where nobody else can.
    for folder in control queue run ann smtp; do
        mkdir "$home/$folder"
        [ -z "$as" ] || chown nobody "$home/$folder"
    done
    export GODWIT_HOME="$home" HOME="$home/ann"
}

# shellcheck disable=SC2016
setting() {
    $as sh -c 'printf "%s\n" "$2" >"$GODWIT_HOME/control/$1"' sh "$@"
}

# If we are killed the kernel does this (pdeathsig).
stop() { [ -z "$2" ] || { kill "$1" "$2" && wait "$2"; } 2>/dev/null; }

clean_up() {
    stop -TERM "$instance"
    stop -TERM "$server"
    rm -f "$home/why"
}

start_server() {
    $as setpriv --pdeathsig TERM "$keeper" "$home/smtp" >"$home/port" \
        2>"$home/smtp.log" 9<&- &
    server=$!
    within "$LIMIT" test -s "$home/port" ||
        { cat "$home/smtp.log"; die "the SMTP server does not start"; }
    port=$(cat "$home/port")
    rm "$home/port"
}

ready_or_dead() {
    grep -qx ready "$home/log" || ! kill -0 "$instance"
} 2>/dev/null

start_instance() {
    $as setpriv --pdeathsig TERM "$BIN/godwit" start 2>"$home/log" 9<&- &
    instance=$!
    within "$LIMIT" ready_or_dead
    check "godwit start is ready" grep -qx ready "$home/log"
    [ "$failed" = 0 ] || { cat "$home/log"; die "the instance does not run"; }
}

# A whole message; what follows the header is standard input.
message() { # name, recipients
    cat >"$home/sent/$1" <<END
From: Ann <ann@$me>
To: $2
Subject: Demo: $1
Date: $(LC_ALL=C date '+%a, %d %b %Y %H:%M:%S %z')
Message-ID: <$1.$$@$me>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

END
    cat >>"$home/sent/$1"
}

write_messages() {
    message local "ann@$me" <<END
From a line that a mailbox file would have to change.
.
The lone dot above ends nothing. Grüße!
END
    message remote "bob@$far, carol@$far" <<END
.A dot at the start of a line is doubled on the way and whole again there.
.
Grüße!
END
    message bounce "refused@$far" <<END
The server refuses this recipient.
END
}

send() { # name, recipients
    name=$1
    shift
    check "sendmail $* is accepted" \
        $as "$BIN/sendmail" -f "ann@$me" -- "$@" <"$home/sent/$name"
}

files() { find "$1" -type f ! -name '*.new' ! -name '*.envelope' | sort; }
count() { [ "$(files "$1" | grep -c .)" = "$2" ]; }
bounce_of() { grep -l 'report-type=delivery-status' "$home"/ann/Maildir/new/*; }
mail_of() { grep -L 'report-type=delivery-status' "$home"/ann/Maildir/new/*; }

arrived() {
    [ -d "$home/ann/Maildir/new" ] && count "$home/ann/Maildir/new" 2 &&
        count "$home/smtp" 1
}

settled() { count "$home/queue/todo" 0 && count "$home/queue/info" 0; }

# The message as sent, behind lines that were put before it on its way.
same_behind() { # lines, file, name of what was sent
    tail -n "+$(($1 + 1))" "$2" | cmp - "$home/sent/$3"
}

same_far() { sed 's/\r$//' "$home/smtp/1" | same_behind 2 - remote; }

same_envelope() {
    printf '%s\n' "ann@$me" "bob@$far" "carol@$far" |
        cmp - "$home/smtp/1.envelope"
}

check_arrival() {
    check "all has arrived that should" within "$LIMIT" arrived
    check "nothing is left in the queue" within "$LIMIT" settled
    mail=$(mail_of) bounce=$(bounce_of)
    check "the local message is in the Maildir, byte for byte" \
        same_behind 4 "$mail" local
    check "the SMTP server has the second one, byte for byte" same_far
    check "from its sender, to both recipients at once" same_envelope
    check "the third one came back, to its sender" \
        grep -qx "Delivered-To: ann@$me" "$bounce"
    check "the notice names the recipient who failed" \
        grep -qx "Final-Recipient: rfc822; refused@$far" "$bounce"
    check "and gives the server's own words" \
        grep -q "550 5.1.1 no mailbox of that name" "$bounce"
    check "nothing was set aside" count "$home/queue/broken" 0
    (cd "$home" && find ann/Maildir/new smtp -type f | sort |
        xargs wc -c | sed '$d')
}

# The ids, from the log of godwit start.
find_ids() {
    third=$(sed -n "s/^bounce id=\([^ ]*\) .*/\1/p" "$home/log")
    notice=$(sed -n "s/^bounce id=.* as=\([^ ]*\) .*/\1/p" "$home/log")
    second=$(sed -n "s/^deliver id=\([^ ]*\) to=bob@.*/\1/p" "$home/log")
    first=$(sed -n "s/^deliver id=\([^ ]*\) to=ann@.*/\1/p" "$home/log" |
        grep -vx "$notice")
}

# Shows a message's life, and looks for events with a recipient in it.
trace() { # message, id, "event word" ...
    printf '\n  $ godwit trace %s    # %s\n' "$2" "$1"
    $as "$BIN/godwit" trace "$2" >"$home/trace" 2>&1
    code=$?
    cut -c 12-125 "$home/trace" | sed 's/^/      /'
    check "godwit trace knows it" [ "$code" = 0 ]
    shift 2
    for event; do
        check "and tells of: $event" grep -qE "${event% *}.*${event#* }" \
            "$home/trace"
    done
}

check_lives() {
    find_ids
    trace "the local message" "$first" "accept ann@$me" "deliver ann@$me"
    trace "the one by SMTP" "$second" "deliver bob@$far" "deliver carol@$far"
    trace "the one refused" "$third" "fail refused@$far" "bounce $notice"
    trace "its bounce" "$notice" "accept $third" "deliver ann@$me"
}

audit() { $as "$BIN/godwit" audit >"$home/audit" 2>&1; }
audit_says() { grep -qE "^$1 +$2( |$)" "$home/audit"; }

# What went in here, and what came out there, counted by other means.
check_audit() {
    audit
    code=$?
    sed 's/^/      /' "$home/audit"
    check "godwit audit finds each recipient accounted for" [ "$code" = 0 ]
    check "it counts 5 accepted: one, two, one, and one of the bounce" \
        audit_says accepted "5 recipients in 4 messages"
    check "4 delivered, as found above" audit_says delivered 4
    check "and 1 bounced" audit_says bounced 1
}

gone() {
    for pid in $(sed -n 's/^start .* pid=\([0-9]*\)$/\1/p' "$home/log"); do
        [ ! -d "/proc/$pid" ] || { echo "process $pid runs on"; return 1; }
    done
}

check_stop() {
    kill -TERM "$instance"
    wait "$instance"
    check "godwit start ends with 0 after TERM" [ "$?" = 0 ]
    instance=''
    check "none of its programs runs on" gone
}

main() {
    # Two of them would remove each other's folders.
    exec 9<"$(dirname "$DEMO")" && flock -n 9 || die "another demo runs"
    remove_old
    make_home
    trap clean_up EXIT
    trap 'exit 1' HUP INT TERM

    title "An instance of its own in $DEMO"
    check "godwit init makes it" $as "$BIN/godwit" init --me "$me" "$home"
    start_server
    setting localusers ann
    setting defaultdelivery "$home/ann/Maildir/"
    setting smtproutes ":127.0.0.1:$port"
    start_instance

    title "Three messages"
    write_messages
    send local "ann@$me"
    send remote "bob@$far" "carol@$far"
    send bounce "refused@$far"

    title "What came of them"
    check_arrival
    title "Their lives, from the ledger"
    check_lives
    title "The audit of every recipient"
    check_audit
    title "The end"
    check_stop
    check "the audit still agrees" audit

    if [ "$failed" != 0 ]; then
        printf '\nThe demo FAILED: %s of %s checks; see %s\n' "$failed" \
            "$checks" "$DEMO/log"
        exit 1
    fi
    printf '\nThe demo is right: all %s checks.  See for yourself:  %s\n' \
        "$checks" "ls $DEMO/ann/Maildir/new"
}

main

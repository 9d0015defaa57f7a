#!/bin/sh
# prepare.sh - installs the Debian packages that a purpose needs
#
# usage: tests/prepare.sh build|demo|check|bench|CAMPAIGN
# CAMPAIGN: crash|faults|fuzz|kill|model|powercut
#
# As root, or by sudo.  Does nothing where all are there; where they cannot
# be installed it says which ones to install and exits 1.
build="gcc libc6-dev make libuv1-dev libgsasl-dev libidn2-dev libsodium-dev
    libunbound-dev libseccomp-dev libssl-dev musl-tools uthash-dev"
demo="$build python3 python3-aiosmtpd util-linux"
# Programs that send mail, for tests/inject/callers.py: none is a mailer or a
# daemon.
callers="mutt s-nail mailutils git git-email libmailtools-perl php-cli sudo
    liblockfile1"
# A name server, for tests/remote/dane.py: started by the test alone.
daemons="nsd"
check="$demo $callers $daemons clang ldnsutils mandoc openssl perl strace"
fuzz="$build python3 clang libclang-rt-14-dev"
model="gcc libc6-dev make python3 spin"
faults="$demo e2fsprogs iproute2 mount passwd"
powercut="$demo libfuse3-dev e2fsprogs xfsprogs btrfs-progs mount"
bench="$build python3 util-linux iproute2 mmdebstrap strace valgrind
    gnuplot-nox e2fsprogs"

case $1 in
build) wanted=$build ;;
demo | crash | kill) wanted=$demo ;;
check) wanted=$check ;;
fuzz) wanted=$fuzz ;;
model) wanted=$model ;;
faults) wanted=$faults ;;
powercut) wanted=$powercut ;;
bench) wanted=$bench ;;
*) echo "usage: tests/prepare.sh PURPOSE, see its top" >&2; exit 64 ;;
esac

missing() {
    for package in $wanted; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || printf '%s ' "$package"
    done
}

give_up() {
    echo "prepare.sh: $1; please install: $lacking" >&2
    exit 1
}

if ! command -v dpkg-query >/dev/null; then
    echo "prepare.sh: no Debian; if the build fails, it needs what Debian" \
        "calls: $wanted" >&2
    exit 0
fi
lacking=$(missing)
lacking=${lacking% }
[ "$lacking" ] || exit 0

# sudo asks for a password only where somebody can give it.
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || give_up "neither root nor sudo"
    as_root="sudo -n"
    [ ! -t 0 ] || as_root=sudo
    $as_root true || give_up "sudo does not let us be root"
fi

apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null
}

echo "Installing $lacking"
log=$(mktemp) || exit 1
guard=
trap 'rm -f "$log"; [ ! "$guard" ] || $as_root rm -f "$guard"' EXIT
trap 'exit 1' HUP INT TERM
# What brings a daemon must not start it.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    guard=/usr/sbin/policy-rc.d
    { printf '#!/bin/sh\nexit 101\n' | $as_root tee $guard >/dev/null; } ||
        give_up "$guard cannot be written"
    $as_root chmod 755 $guard
fi
# shellcheck disable=SC2086
apt install --no-install-recommends $lacking >"$log" 2>&1 ||
    { apt update && apt install --no-install-recommends $lacking; } \
        >"$log" 2>&1 || { cat "$log" >&2; give_up "apt-get failed"; }
# Nor is it to start with the system.
for daemon in $daemons; do
    case " $lacking " in
    *" $daemon "*) $as_root update-rc.d "$daemon" disable >"$log" 2>&1 ||
        cat "$log" >&2 ;;
    esac
done

"""A root folder for each system, made of Debian's packages, on the disk that
is to be measured.  Made once and kept in BENCH_ROOT."""
import shutil
import subprocess
import time

from run import ROOTS, Failed, say

PACKAGES = {
    "godwit": ["passwd", "libuv1", "libgsasl18", "libsodium23",
               "libunbound8", "libssl3", "libseccomp2", "strace"],
    "postfix": ["passwd", "postfix", "strace"],
    "opensmtpd": ["passwd", "opensmtpd", "strace"],
}
SUITE = "bookworm"
USERS = 500             # u1 to u500, with a home folder each
FIRST_UID = 3001


def file_system(folder):
    r = subprocess.run(["stat", "-f", "-c", "%T", str(folder)],
                       stdout=subprocess.PIPE, text=True, check=True)
    return r.stdout.strip()


def add_users(root):
    """Enough for mail to many Maildirs."""
    with open(root / "etc/passwd", "a") as f, \
            open(root / "etc/group", "a") as g:
        for n in range(1, USERS + 1):
            uid = FIRST_UID + n - 1
            f.write("u%d:x:%d:%d::/home/u%d:/bin/sh\n" % (n, uid, uid, n))
            g.write("u%d:x:%d:\n" % (n, uid))
    for n in range(1, USERS + 1):
        home = root / "home" / ("u%d" % n)
        home.mkdir()
        home.chmod(0o711)
        shutil.chown(home, FIRST_UID + n - 1, FIRST_UID + n - 1)


def make(name):
    root, new = ROOTS / name, ROOTS / (name + ".new")
    if (root / "bench-ready").exists():
        return
    say("# making %s of Debian's packages" % root)
    for old in (root, new):
        shutil.rmtree(old, ignore_errors=True)
    began = time.monotonic()
    r = subprocess.run(["mmdebstrap", "--quiet", "--variant=essential",
                        "--include=" + ",".join(PACKAGES[name]), SUITE,
                        str(new)], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    if r.returncode:
        shutil.rmtree(new, ignore_errors=True)
        raise Failed("mmdebstrap of %s: %s" % (name, r.stdout[-2000:]))
    (new / "etc/resolv.conf").write_text("")
    (new / "etc/hosts").write_text("127.0.0.1 localhost mx.bench.test\n")
    add_users(new)
    (new / "bench-ready").write_text("")
    new.rename(root)
    say("# made in %d s" % (time.monotonic() - began))


def prepare(names):
    """Before the network is shut off."""
    ROOTS.mkdir(parents=True, exist_ok=True)
    if file_system(ROOTS) in ("tmpfs", "ramfs", "overlayfs"):
        raise Failed("BENCH_ROOT %s is on a %s: give a folder on a disk"
                     % (ROOTS, file_system(ROOTS)))
    for name in names:
        make(name)

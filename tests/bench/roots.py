"""A root folder for each system, made of Debian's packages, on the disk that
is to be measured.  Made once and kept in BENCH_ROOT; a run by itself has a
copy."""
import pathlib
import re
import shutil
import subprocess
import time

from run import KEPT, Failed, note, say

TREE = pathlib.Path(__file__).resolve().parents[2]
SUITE = "bookworm"
USERS = 500             # u1 to u500, with a home folder each
FIRST_UID = 3001


def packages(name):
    """What goes into its root; for Godwit, what INSTALL says it needs."""
    if name != "godwit":
        return ["passwd", "strace", name]
    text = re.search(r"To run it later: ([^.;]*)[.;]",
                     (TREE / "INSTALL").read_text())[1]
    return ["passwd", "strace", "ca-certificates"] + \
        text.replace(",", " ").split()


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
    root, new = KEPT / name, KEPT / (name + ".new")
    wanted = " ".join(packages(name))
    ready = root / "bench-ready"
    if ready.exists() and ready.read_text() == wanted:
        return
    say("# making %s of Debian's packages" % root)
    for old in (root, new):
        shutil.rmtree(old, ignore_errors=True)
    began = time.monotonic()
    r = subprocess.run(["mmdebstrap", "--quiet", "--variant=essential",
                        "--include=" + wanted.replace(" ", ","), SUITE,
                        str(new)], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    if r.returncode:
        shutil.rmtree(new, ignore_errors=True)
        raise Failed("mmdebstrap of %s: %s" % (name, r.stdout[-2000:]))
    (new / "etc/resolv.conf").write_text("")
    (new / "etc/hosts").write_text("127.0.0.1 localhost mx.bench.test\n")
    add_users(new)
    (new / "bench-ready").write_text(wanted)
    new.rename(root)
    say("# made in %d s" % (time.monotonic() - began))


def prepare(names):
    """Before the network is shut off; whose roots are there."""
    if file_system(KEPT) in ("tmpfs", "ramfs", "overlayfs"):
        raise Failed("BENCH_ROOT %s is on a %s: give a folder on a disk"
                     % (KEPT, file_system(KEPT)))
    there = []
    for name in names:
        try:
            make(name)
            there.append(name)
        except (Failed, OSError) as e:
            if name == "godwit":
                raise
            note("%s is left out: %s" % (name, e))
    return there

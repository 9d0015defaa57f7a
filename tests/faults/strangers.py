#!/usr/bin/python3 -B
"""Things that are no messages in every folder of the spool: folders, links,
FIFOs, sockets, devices, huge names.  Mail goes on among them, nothing of
them is removed or followed, no program crashes."""
import os
import pathlib
import re
import socket
import stat
import subprocess
import sys

from common import QUICK, ROOT, Fail, main, wait_for

FOLDERS = ["todo", "info", "bounce", "broken", "ledger"]
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def bind(path):
    """A path longer than a socket's address may be."""
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def kinds(secret):
    """What is made, by name."""
    made = {
        "folder": lambda p: p.mkdir(),
        "full folder": lambda p: (p.mkdir(), (p / "x").write_bytes(b"x")),
        "link out": lambda p: p.symlink_to(secret),
        "link to nowhere": lambda p: p.symlink_to("/nowhere/at/all"),
        "link to itself": lambda p: p.symlink_to(p.name),
        "link to a folder": lambda p: p.symlink_to("/"),
        "hard link": lambda p: os.link(secret, p),
        "fifo": lambda p: os.mkfifo(p),
        "socket": bind,
        "empty file": lambda p: p.write_bytes(b""),
        "junk": lambda p: p.write_bytes(os.urandom(3000)),
    }
    if ROOT:
        made["device zero"] = lambda p: os.mknod(
            p, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        made["device full"] = lambda p: os.mknod(
            p, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        made["block device"] = lambda p: os.mknod(
            p, stat.S_IFBLK | 0o600, os.makedev(7, 255))
    return made


def names(rng, folder, n):
    """One of each sort of name."""
    ident = "".join(rng.choice(LETTERS) for _ in range(10))
    yield "0%s%02d" % (ident, n)                    # an id
    yield ".%s%03d" % (ident, n)
    yield "foreign-%d" % n
    yield "%d-" % n + "H" * 250                     # the longest there is
    yield "0%s%02d.1" % (ident, n)
    yield "\udcff\n\t%d" % n                        # no UTF-8


def state(path):
    st = os.lstat(path)
    link = os.readlink(path) if stat.S_ISLNK(st.st_mode) else None
    return (st.st_ino, stat.S_IFMT(st.st_mode), link,
            path.read_bytes() if stat.S_ISREG(st.st_mode) else None)


def put(r, it, folder):
    """path -> how it was."""
    there, n = {}, 0
    secret = it.top / "secret"
    secret.write_bytes(b"not for the mail\n")
    os.chmod(secret, 0o666)
    for kind, make in kinds(secret).items():
        for name in names(r.rng, folder, n):
            path = it.home / "queue" / folder / name
            try:
                make(path)
            except PermissionError:
                continue
            except OSError as e:    # no socket has the longest name
                if "too long" not in str(e):
                    raise
                continue
            if ROOT:
                os.chown(path, it.home_uid, -1, follow_symlinks=False)
            there[path] = state(path)
            r.faults += 1
        n += 1
    return there


def judge(r, it, there):
    """Each is where it was and as it was; what has an id and is a file of
    bytes that are no message may be set aside."""
    aside = {}
    broken = it.home / "queue" / "broken"
    for n in os.listdir(broken):
        st = os.lstat(broken / n)
        aside[st.st_ino] = broken / n
    moved = 0
    for path, was in there.items():
        now = path
        if not os.path.lexists(path):
            now = aside.get(was[0])
            moved += now is not None
        if now is None:
            r.wrong("removed: %r" % str(path)[len(str(it.home)):])
        elif state(now) != was:
            r.wrong("changed: %r" % str(path)[len(str(it.home)):])
    r.did("%d strangers, %d of them set aside" % (len(there), moved))


def among(folder):
    def case(r):
        it = r.instance()
        it.mail.some(4, "l")         # before, with nothing running
        there = put(r, it, folder)
        it.start()
        it.mail.some(8)
        it.try_now()
        it.mail.some(4, direct=False)
        mine = {p.name for p in there}

        def only_mine():
            it.try_now()
            return not [p for p in it.queued() if p.name not in mine]

        wait_for("mail among them", only_mine)
        it.mail.some(4)
        wait_for("more mail", only_mine)
        code = it.stop()
        r.check(code == 0, "start ended with %d" % code)
        judge(r, it, there)
        r.check(str(it.top / "secret") and
                (it.top / "secret").read_bytes() == b"not for the mail\n",
                "what a link names was written")
        log = it.log_text()
        r.check(folder not in ("todo", "info") or b"not touched" in log or
                b"left alone" in log, "the log does not name them")
        r.wrong(["crashed: " + c for c in it.crashed()])
        r.wrong(it.mail.wrong())
        r.messages += len(it.mail.accepted)
        for path in there:      # then the books close without them
            clear(path)
        for n in os.listdir(it.home / "queue" / "broken"):
            p = it.home / "queue" / "broken" / n
            if state(p) in there.values():
                clear(p)
        again(r, it)
    return case


def again(r, it):
    """Another start and stop after the operator has tidied up."""
    it.start()
    it.mail.some(2, "l")
    it.drained()
    r.check(it.stop() == 0, "start did not end with 0")
    r.wrong(it.mail.wrong(), it.mail.balance())


def clear(path):
    if path.is_dir() and not path.is_symlink():
        for p in path.iterdir():
            p.unlink()
        path.rmdir()
    elif os.path.lexists(path):
        path.unlink()


def named(top, name):
    """Every path under top with that name; a link is not followed."""
    return [pathlib.Path(folder) / name
            for folder, folders, files in os.walk(top)
            if name in folders + files]


def ready(it):
    """Starts it; false where it says why it does not."""
    at = os.fstat(it.log.fileno()).st_size
    it.process = subprocess.Popen(
        it.prefix + [str(it.bin / "godwit"), "start"], env=it.env,
        stdin=subprocess.DEVNULL, stdout=it.log, stderr=it.log)
    said = wait_for("ready or fatal", lambda: re.search(
        rb"^(ready|fatal.*why=.*)$", it.log_text(at), re.M))
    return said[1] == b"ready"


def segments(r):
    """Things with a segment's name, before and behind the ledger's own: it
    goes on, or says why it doesn't until they are taken away."""
    some = kinds(pathlib.Path("/etc/passwd"))
    for kind in sorted(some) if not QUICK else r.rng.sample(sorted(some), 3):
        for name in ("fffffffffff00000", "0000000000000001"):
            it = r.instance()
            it.start()
            it.mail.some(2, "lb")
            it.drained()
            it.stop()
            path = it.home / "queue" / "ledger" / name
            some = kinds(it.top / "log")
            some[kind](path)
            if ROOT:
                os.chown(path, it.home_uid, -1, follow_symlinks=False)
            was = state(path)
            r.faults += 1
            refused = not ready(it)
            it.mail.some(2, "l")
            if not refused:
                it.drained(20)
                r.check(it.stop() == 0, "%s: a stop did not end with 0" %
                        kind)
            it.end()
            kept = named(it.home / "queue" / "ledger", name)
            r.check(len(kept) == 1 and state(kept[0]) == was,
                    "%s %s: removed or changed" % (kind, name))
            if refused:
                clear(path)
                it.start()
                r.settle(it)
            else:
                r.wrong(it.mail.wrong())
                r.messages += len(it.mail.accepted)
            r.did("%s: %s" % (kind, "refused" if refused else "went on"))
            it.close()
            if r.wrongs:
                return


def spare(r):
    """What the ledger makes ahead and writes beside it, taken by others."""
    made = ["folder", "link to nowhere", "fifo", "link out", "junk"]
    for name in ("spare", "head.new", "spare.new"):
        for kind in made if not QUICK else r.rng.sample(made, 2):
            it = r.instance(ledgersegment="65536")
            it.start()
            it.mail.some(2, "l")
            it.stop()
            path = it.home / "queue" / "ledger" / name
            secret = it.top / "secret"
            secret.write_bytes(b"not for the mail\n")
            os.chmod(secret, 0o666)
            clear(path)
            kinds(secret)[kind](path)
            if ROOT:
                os.chown(path, it.home_uid, -1, follow_symlinks=False)
            r.faults += 1
            if not ready(it):
                r.did("%s as a %s: refused" % (name, kind))
                it.end()
                clear(path)
                it.start()
            it.mail.some(4)
            try:
                it.drained(20)
                code = it.stop()
                r.check(code == 0, "%s as a %s: stop gave %d" %
                        (name, kind, code))
            except Fail as e:
                r.wrong("%s as a %s: %s" % (name, kind, e))
            r.check(secret.read_bytes() == b"not for the mail\n",
                    "%s as a %s: what it names was written" % (name, kind))
            r.count(it)
            it.close()
            if r.wrongs:
                return


CASES = [("in %s/" % f, among(f)) for f in FOLDERS] + \
    [("with a segment's name", segments),
     ("in place of the ledger's spare", spare)]
PLANT = [("a manager that tidies up", among("todo"),
          {"godwit-manager": "tidy"}, "removed")]

if __name__ == "__main__":
    sys.exit(main("strangers", CASES, PLANT))

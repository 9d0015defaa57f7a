#!/usr/bin/python3
"""The ledger killed, deleted, cut, edited, out of room: mail flows, nothing
is lost, and what is not known any more is said.

SEED=n repeats one run's choices."""
import collections
import os
import pwd
import random
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server, dead_port  # noqa: E402
from spool import events, ledger, submit  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
INSIDE = "GODWIT_TEST_INSIDE"


def text(token):
    return b"Subject: %s\n\ntext\n" % token.encode()


def tokens(messages):
    return collections.Counter(
        re.search(rb"^Subject: (\S+)", m, re.M).group(1).decode()
        for m in messages)


def try_now(it):
    for pid in it.pids("godwit-manager"):
        os.kill(pid, signal.SIGALRM)


def audit(it):
    r = it.command("godwit", "audit")
    return r.returncode, r.stdout.decode() + r.stderr.decode()


def killed(tap):
    chance = random.Random(SEED)
    over = threading.Event()
    accepted, lock = [], threading.Lock()
    with Instance() as it:
        def inject(number):
            count = 0
            while not over.is_set():
                token = "k-%d-%d" % (number, count)
                count += 1
                if it.sendmail(text(token), it.address).returncode == 0:
                    with lock:
                        accepted.append(token)

        it.start()
        threads = [threading.Thread(target=inject, args=(n,))
                   for n in range(2)]
        for t in threads:
            t.start()
        kills = 0
        while kills < 6:
            wait_for("a manager", lambda: it.pids("godwit-manager"))
            time.sleep(chance.uniform(0, 0.4))  # at random is the point
            it.kill("godwit-manager")
            kills += 1
        over.set()
        for t in threads:
            t.join()
        it.drained()
        got = tokens(it.maildir())
        tap.same(sorted(set(accepted) - set(got)), [], "the manager killed "
                 "%d times: each of %d messages arrived" %
                 (kills, len(accepted)))
        tap.same([t for t in got if got[t] > 1], [], "none came twice")
        tap.same(it.stop(), 0, "start ends with 0")
        code, said = audit(it)
        tap.same(code, 0, "the audit agrees")
        if code:
            print("# seed %d\n# " % SEED + said.replace("\n", "\n# "))
        tap.same(events(it, "gap"), [], "and no gap was needed")


# --- what somebody did to the ledger while nothing ran ---

def segments(folder):
    return sorted(folder / n for n in os.listdir(folder) if len(n) == 16)


def used(path):
    """The length of its lines."""
    return len(path.read_bytes().rstrip(b"\n")) + 1


def delete_all(folder):
    for n in os.listdir(folder):
        os.unlink(folder / n)


def delete_segments(folder):
    for s in segments(folder):
        os.unlink(s)


def cut(folder):
    os.truncate(segments(folder)[-1], used(segments(folder)[-1]) // 2)


def blank(folder):
    """Its second half is as if it had never been written."""
    path = segments(folder)[-1]
    data = path.read_bytes()
    at = data.index(b"\n", used(path) // 2) + 1
    path.write_bytes(data[:at] + b"\n" * (len(data) - at))


def edit(folder):
    path = segments(folder)[-1]
    data = bytearray(path.read_bytes())
    at = data.index(b" deliver ") + 5
    data[at] ^= 1
    path.write_bytes(bytes(data))


def take_line(folder):
    path = segments(folder)[-1]
    lines = path.read_bytes().split(b"\n")
    one = next(i for i, line in enumerate(lines) if b" deliver " in line)
    data = b"\n".join(lines[:one] + lines[one + 1:])
    path.write_bytes(data + b"\n" * (len(lines[one]) + 1))


def remove(name):
    return lambda folder: os.unlink(folder / name)


def write(name, data):
    return lambda folder: (folder / name).write_bytes(data)


# What is done; whether the manager must say that there is a gap; what the
# audit exits with.  What stands before the checkpoint the audit alone reads.
DEEDS = [
    ("untouched", lambda folder: None, [0], 0),
    ("without its spare", remove("spare"), [0], 0),
    ("with a spare of another size", write("spare", b"x"), [0], 0),
    ("with what a crash left of a head", write("head.new", b"x"), [0], 0),
    ("deleted but for its head", delete_segments, [1], 1),
    ("deleted altogether", delete_all, [1], 1),
    ("cut", cut, [1], 1),
    ("blanked in its second half", blank, [1], 1),
    ("with a byte changed", edit, [0, 1], 1),
    ("with a line taken out", take_line, [1], 1),
    ("with a head that is none", write("head", b"\xff" * 100), [1], 1),
]


def edited(tap, name, do, gaps, want):
    sink = Server()
    with Instance(smtproutes=":127.0.0.1:%d" % dead_port()) as it:
        folder = it.home / "queue" / "ledger"
        it.start()
        for n in range(3):
            submit(it, it.address, [it.address, "x@remote.example"],
                   text("old-%d" % n))
        info = it.home / "queue" / "info"
        wait_for("deferred mail", lambda: len(os.listdir(info)) == 3 and
                 len(it.maildir()) == 3 and
                 not os.listdir(it.home / "queue" / "todo"))
        it.stop()
        do(folder)
        it.set("smtproutes", ":127.0.0.1:%d" % sink.port)
        it.start()
        submit(it, it.address, [it.address], text("new"))

        def done():
            try_now(it)
            return not it.queued()

        wait_for("an empty queue", done)
        local = tokens(it.maildir())
        far = collections.Counter(
            re.search(rb"^Subject: (\S+)", m.kept, re.M).group(1).decode()
            for m in sink.complete())
        tap.same((dict(local), dict(far)),
                 ({"old-0": 1, "old-1": 1, "old-2": 1, "new": 1},
                  {"old-0": 1, "old-1": 1, "old-2": 1}),
                 "%s: mail flows, nothing is lost or comes twice" % name)
        tap.same(os.listdir(it.home / "queue" / "broken"), [],
                 "... no message is blamed for it")
        tap.same(it.stop(), 0, "... start ends with 0")
        tap.ok(len(events(it, "gap")) in gaps, "... %s gap is recorded" %
               ("a" if gaps == [1] else "no" if gaps == [0] else "perhaps a"),
               events(it, "gap"))
        code, said = audit(it)
        tap.ok(code == want, "... the audit %s" %
               ("says so" if want else "agrees"), "exit %d: %s" %
               (code, said))
    sink.close()


# --- no room ---

def full(tap):
    """The ledger on a disk of its own."""
    nobody = pwd.getpwnam("nobody")
    with Instance(ledgersegment="65536") as it:
        folder = it.home / "queue" / "ledger"
        if subprocess.run(["mount", "-t", "tmpfs", "-o",
                           "size=256k,mode=700,uid=%d,gid=%d" %
                           (nobody.pw_uid, nobody.pw_gid), "ledger",
                           str(folder)]).returncode:
            tap.skip("a full disk under the ledger", "no tmpfs here")
            return
        try:
            run_full(tap, it, folder)
        finally:
            if it.process:
                it.stop()
            subprocess.run(["umount", str(folder)], check=True)


def run_full(tap, it, folder):
    it.start()
    submit(it, it.address, [it.address], text("first"))
    it.drained()
    wait_for("the spare", lambda: (folder / "spare").exists())
    with open(folder / "filler", "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass
    sent = ["first"]
    failing = b"ledger doing=write"

    def push():
        sent.append("n-%d" % len(sent))
        submit(it, it.address, [it.address], text(sent[-1]))
        return failing in it.log_text()

    wait_for("the ledger to be full", push)
    tap.ok(True, "with what was made ahead %d messages pass on a full disk" %
           len(sent))
    line = it.log_text()[it.log_text().index(failing):].split(b"\n")[0]
    tap.ok(b"No space left" in line, "then the log says so", line)
    wait_for("what was under way to end", lambda: open_jobs(it) == 0)
    before = len(it.maildir())
    for _ in range(20):
        push()
    time.sleep(1)  # nothing is to happen
    tap.same(len(it.maildir()), before, "and no new delivery begins")
    tap.ok(len(it.queued()) >= 20, "mail is still taken in, and kept",
           len(it.queued()))
    os.unlink(folder / "filler")
    it.drained()
    got = tokens(it.maildir())
    tap.same(dict(got), {t: 1 for t in sent},
             "with room again all is delivered, once")
    tap.same(it.stop(), 0, "start ends with 0")
    it.process = None
    code, said = audit(it)
    tap.ok(code == 0, "the audit agrees", said)
    tap.same(events(it, "gap"), [], "there is no gap")
    tap.ok(len(ledger(it)) > 3 * len(sent), "the ledger has it all")
    folder_bytes = sum(p.stat().st_size for p in segments(folder))
    tap.ok(folder_bytes % 65536 == 0, "and no segment has another size",
           folder_bytes)


def open_jobs(it):
    """Deliveries that were handed out and are not yet reported."""
    status = dict(line.split() for line in
                  it.must("godwit", "status").decode().splitlines())
    return int(status["open_local"])


def alone():
    """Goes on in a mount namespace of its own, so that nothing mounted can
    be left behind; false where that cannot be had."""
    if os.environ.get(INSIDE):
        return True
    way = ["unshare", "-m", "--propagation", "private"]
    if os.geteuid() != 0 or \
            subprocess.run(way + ["true"],
                           stderr=subprocess.DEVNULL).returncode:
        return False
    os.environ[INSIDE] = "1"
    os.execvp(way[0], way + [sys.executable] + sys.argv)


def main():
    mounts = alone()
    tap = Tap()
    killed(tap)
    for deed in DEEDS:
        edited(tap, *deed)
    if mounts:
        full(tap)
    else:
        tap.skip("a full disk under the ledger", "only root may mount one, "
                 "in a namespace of its own")
    return tap.end()


sys.exit(main())

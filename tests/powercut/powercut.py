#!/usr/bin/python3
"""The power fails under a load: what was accepted is there afterwards.

usage: tests/powercut/powercut.py [PLANTED]
The spool lies on a file system in a file (loop device); a cut is an atomic
copy (FICLONE, on an XFS that is another file) of that file as it is at one
moment: all blocks written up to then, none after.  So it is a prefix of the
block writes, not any subset of those not flushed.  Each copy is mounted, the
instance started on it and drained, and what was acknowledged before the cut
is counted.  PLANTED: an enqueue that leaves out its syncs; it must be found.
QUICK=1: 20 cuts, else CUTS=300, for each of FILESYSTEMS=ext4,xfs,btrfs."""
import fcntl
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
import instance  # noqa: E402
from instance import Fail, Instance, Sink, wait_for  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
CUTS = 20 if QUICK else int(os.environ.get("CUTS", 300))
SEED = int(os.environ.get("SEED") or random.randrange(1 << 30))
FILESYSTEMS = os.environ.get("FILESYSTEMS", "ext4,xfs,btrfs").split(",")
SIZE = {"ext4": 128, "xfs": 320, "btrfs": 256}
FICLONE = 0x40049409


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def make(image, kind, size):
    with open(image, "wb") as f:
        f.truncate(size << 20)
    run("mkfs." + kind, "-q", image)


class Place(Instance):
    """An instance on the mounted file system, its log outside."""

    def __init__(self, mounted, log, **control):
        old = tempfile.mkdtemp
        tempfile.mkdtemp = lambda prefix, dir: old(prefix=prefix, dir=mounted)
        try:
            super().__init__(**control)
        finally:
            tempfile.mkdtemp = old
        self.log.close()
        self.log_path = log
        self.log = open(log, "ab+")

    def log_text(self, start=0):
        with open(self.log_path, "rb") as f:
            f.seek(start)
            return f.read()


def load(it, host, image, cuts, rng):
    """[(copy, what was accepted before it)]"""
    accepted, over, lock, copies = [], threading.Event(), threading.Lock(), []

    def send(number):
        count = 0
        while not over.is_set():
            token = "tok-%d-%d-%s" % (number, count, "lrb"[count % 3])
            rcpt = {"l": it.address, "r": "x@remote.example",
                    "b": "nosuch@test.example"}[token[-1]]
            count += 1
            if it.sendmail(b"Subject: %s\n\nbody\n" % token.encode(),
                           rcpt).returncode == 0:
                with lock:
                    accepted.append(token)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for n in range(cuts):
        time.sleep(rng.uniform(0.01, 0.12))
        with lock:
            before = list(accepted)
        copy = os.path.join(host, "cut-%d" % n)
        with open(image, "rb") as a, open(copy, "wb") as b:
            fcntl.ioctl(b, FICLONE, a.fileno())
        copies.append((copy, before))
    over.set()
    for t in threads:
        t.join()
    return copies


def drain(it):
    def empty():
        for pid in it.pids("godwit-manager"):
            os.kill(pid, signal.SIGALRM)
        time.sleep(0.05)
        return not it.queued()
    wait_for("an empty queue", empty, 40)


def count(it, sink, before):
    seen = set()
    for text in it.maildir() + [m[2] for m in sink.messages]:
        seen |= set(re.findall(rb"^Subject: (tok-\S+)", text, re.M))
    wrong = ["lost: " + t for t in before if t.encode() not in seen]
    r = it.command("godwit", "audit")
    if r.returncode:
        wrong.append("audit: " + r.stdout.decode().splitlines()[0])
    if it.queued(["broken"]):
        wrong.append("something was set aside")
    return wrong


def stop(it):
    def none():
        it.kill()
        return not it.pids()
    wait_for("the end of all programs", none)
    if it.process:
        it.process.wait(10)
        it.process = None


def campaign(kind, cuts, rng, planted=None):
    """(cuts tried, tokens looked for, wrong)"""
    top = pathlib.Path(tempfile.mkdtemp(prefix="godwit-cut-", dir="/tmp"))
    host, at, sink = str(top / "host"), str(top / "at"), Sink()
    mounted, tried, tokens, wrong = [], 0, 0, 0
    top.chmod(0o755)
    it = None

    def mount(image, place):
        run("mount", "-o", "loop,nouuid" if kind == "xfs" and place == at
            else "loop", image, place)
        mounted.append(place)

    def umount():
        # A killed program keeps the place for a moment.
        wait_for("umount", lambda: subprocess.run(
            ["umount", mounted[-1]],
            stderr=subprocess.DEVNULL).returncode == 0)
        mounted.pop()

    try:
        os.mkdir(host)
        os.mkdir(at)
        make(str(top / "host.img"), "xfs", 4096)
        mount(str(top / "host.img"), host)
        image = os.path.join(host, "disk")
        make(image, kind, SIZE[kind])
        mount(image, at)
        os.chmod(at, 0o777)
        it = Place(at, str(top / "log"),
                   smtproutes=":127.0.0.1:%d" % sink.port)
        if it.bin == instance.BIN or planted:
            it.bin = it.top / "bin"
            shutil.copytree(instance.BIN, it.bin, dirs_exist_ok=True)
        if planted:
            shutil.copy(planted, it.bin / "godwit-enqueue")
        subprocess.run(["chmod", "-R", "a+rX", str(it.bin)], check=True)
        it.start()
        os.sync()
        copies = load(it, host, image, cuts, rng)
        stop(it)
        umount()
        for copy, before in copies:
            mount(copy, at)
            try:
                it.start()
                drain(it)
                bad = count(it, sink, before)
            except Fail as e:
                bad = [str(e)[-300:]]
            stop(it)
            umount()
            tried += 1
            tokens += len(before)
            wrong += bool(bad)
            if bad and not planted:
                print("not ok - %s %s: %s" % (kind, os.path.basename(copy),
                                              bad[:5]), flush=True)
            if bad and planted:
                break
    finally:
        if it:
            stop(it)
            it.log.close()
        while mounted:
            umount()
        sink.close()
        shutil.rmtree(top, ignore_errors=True)
    return tried, tokens, wrong


def main():
    rng = random.Random(SEED)
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        print("SKIPPED: needs root and loop devices; 0 cuts")
        return 0
    print("seed %d" % SEED, flush=True)
    total = [0, 0, 0]
    for kind in FILESYSTEMS:
        if not shutil.which("mkfs." + kind) or not shutil.which("mkfs.xfs"):
            print("SKIPPED: %s: mkfs.%s or mkfs.xfs is missing; 0 cuts" %
                  (kind, kind))
            continue
        got = campaign(kind, CUTS, rng)
        print("%s: %d cuts, %d acknowledged messages looked for, %d wrong" %
              ((kind,) + got), flush=True)
        total = [a + b for a, b in zip(total, got)]
    found = True
    if len(sys.argv) > 1 and total[0]:
        found = campaign("ext4", 40, rng, sys.argv[1])[2] > 0
        print("%s - the planted mistake (no syncs in enqueue) is %sfound" %
              (("ok", "") if found else ("not ok", "not ")))
    print("%d cuts, %d wrong" % (total[0], total[2]))
    return 1 if total[2] or not found else 0


sys.exit(main())

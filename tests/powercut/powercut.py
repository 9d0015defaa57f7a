#!/usr/bin/python3
"""The power fails under a load: what was acknowledged is there afterwards.

usage: tests/powercut/powercut.py RECORD [PLANTS]
RECORD is the program of record.c: the spool lies on a disk whose writes and
syncs it records (tape.py).  An image holds every block up to the last sync
before the cut, and of the later ones any subset.  Each is mounted, the
instance started on it and drained; what was acknowledged before the cut is
looked for.  In PLANTS each folder holds a program with a step left out; each
must be found, NAME@KIND on that file system.  QUICK=1: 20 cuts, else
CUTS=300, for each of FILESYSTEMS="ext4 xfs btrfs"; there is "ext4,fast_commit"
too.  SEED= repeats the choices, not the load.  KEEP=FOLDER keeps the images that were wrong."""
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import disk
import tape
from disk import Fail, mounted, recorded
from alone import alone
from instance import BIN, PATIENCE, Instance, controller, wait_for

QUICK = bool(os.environ.get("QUICK"))
CUTS = 20 if QUICK else int(os.environ.get("CUTS") or 300)
SEED = int(os.environ.get("SEED") or random.randrange(1 << 30))
FILESYSTEMS = (os.environ.get("FILESYSTEMS") or "ext4 xfs btrfs").split()
ROUND = 60          # cuts of one load
PLANT_CUTS = 420    # until a planted mistake must be found; most are in a few
SENDERS, LETTERS = 3, 20
TOP = None          # for all that is laid down


class Sink:
    """An SMTP server that keeps what it gets, with the size that the tape
    had then.  While refuse is set it has no time for some."""

    def __init__(self, size):
        self.messages, self.refuse = [], True
        sink = self

        class Handler:
            async def handle_RCPT(self, server, session, envelope, address,
                                  options):
                if sink.refuse and address.startswith("later@"):
                    return "451 4.3.2 later"
                envelope.rcpt_tos.append(address)
                return "250 2.1.5 ok"

            async def handle_DATA(self, server, session, envelope):
                sink.messages.append((size(), envelope.original_content))
                return "250 2.0.0 kept"

        self.controller = controller(Handler())
        self.port = self.controller.port

    def close(self):
        self.controller.stop()


class Place(Instance):
    """An instance on a mounted file system; programs and log are not on it."""

    def __init__(self, top, at, plant, **control):
        super().__init__(below=at, **control)
        self.log.close()
        self.log_path = str(top / "log")
        self.log = open(self.log_path, "ab+")
        self.bin = top / "bin"
        shutil.copytree(BIN, self.bin)
        if plant:
            shutil.copytree(plant, self.bin, dirs_exist_ok=True)
        subprocess.run(["chmod", "-R", "a+rX", str(self.bin)], check=True)

    def log_text(self, start=0):
        with open(self.log_path, "rb") as f:
            f.seek(start)
            return f.read()

    def end(self):
        """As if the power had failed: all programs at once."""
        def none():
            self.kill()
            return not self.pids()
        wait_for("the end of all programs", none)
        if self.process:
            self.process.wait(PATIENCE)
            self.process = None


# What is sent, in turn: recipients, and what is expected of each kind.
KINDS = {
    "local": ["{me}"], "remote": ["x@remote.example"],
    "bounced": ["nosuch@test.example"], "later": ["later@remote.example"],
    "mixed": ["{me}", "y@remote.example", "gone@test.example"],
}
HERE, AWAY, BACK = {"local", "mixed"}, {"remote", "later", "mixed"}, \
    {"bounced", "mixed"}


def load(it, size):
    """[(token, size of the tape when it had been acknowledged)]: the first
    ones before the spool ever saw a manager."""
    sent, lock = [], threading.Lock()

    def send(number, count):
        for n in range(count):
            kind = list(KINDS)[(n + number) % len(KINDS)]
            token = "tok-%d-%d-%s" % (number, n, kind)
            r = it.sendmail(b"Subject: %s\n\nbody\n" % token.encode(),
                            *[a.format(me=it.address) for a in KINDS[kind]],
                            timeout=120)
            if r.returncode == 0:
                with lock:
                    sent.append((token, size()))

    send(0, len(KINDS))
    it.start()
    threads = [threading.Thread(target=send, args=(n, LETTERS))
               for n in range(1, SENDERS + 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sent


def drain(it, seconds):
    """What it waited for in vain."""
    def empty():
        it.try_now()
        time.sleep(0.02)
        # Twice: a bounce may come while its message goes.
        return not it.queued() and not it.queued()
    try:
        wait_for("an empty queue", empty, seconds)
    except Fail as e:
        return [str(e)]
    return []


def tokens(texts):
    return collections.Counter(
        m.group(1).decode() for m in
        (re.search(rb"^Subject: (tok-\S+)", t, re.M) for t in texts) if m)


def count(it, away, acknowledged):
    """What is wrong, given what went away by SMTP and what must be there."""
    mails = it.maildir()
    back = tokens(t for t in mails if b"multipart/report" in t)
    here = tokens(t for t in mails if b"multipart/report" not in t)
    away = tokens(away)
    wrong = []
    for token in acknowledged:
        kind = token.rsplit("-", 1)[1]
        for name, kinds, seen in (("local", HERE, here), ("bounce", BACK,
                                  back), ("remote", AWAY, away)):
            if kind in kinds and not seen[token]:
                wrong.append("lost: %s %s" % (name, token))
    for token, n in list(here.items()) + list(back.items()):
        if n > 1:
            wrong.append("twice: " + token)
    if it.queued(["broken"]):
        wrong.append("something was set aside")
    r = it.command("godwit", "audit", timeout=120)
    if r.returncode:
        wrong.append("audit: " + (r.stdout + r.stderr).decode()[:200])
    return wrong


def inspect(it, image, at, kind, sink, cut_size, sent, plant):
    """What is wrong with what a cut left.  That it took too long is not what
    finds a planted mistake."""
    before = len(sink.messages)
    try:
        with mounted(image, at, kind):
            try:
                it.start()
                late = drain(it, 10 if plant else 120)
                away = [t for n, (s, t) in enumerate(sink.messages)
                        if s <= cut_size or n >= before]
                wrong = count(it, away,
                              [t for t, s in sent if s <= cut_size])
                return wrong + late if wrong or not plant else []
            finally:
                it.end()
    except (Fail, subprocess.TimeoutExpired, ProcessLookupError) as e:
        return [] if plant else [str(e)[-300:]]


class Result:
    def __init__(self):
        self.cuts = self.letters = self.blocks = self.dropped = self.wrong = 0

    def line(self):
        return ("%d cuts, %d acknowledged messages looked for, %d of %d "
                "blocks behind the last sync left out, %d wrong" %
                (self.cuts, self.letters, self.dropped, self.blocks,
                 self.wrong))


def one_round(kind, cuts, rng, record, plant, got):
    """A load, and images of it."""
    top = pathlib.Path(tempfile.mkdtemp(dir=TOP))
    top.chmod(0o755)
    at, fuse, image, base, log = [str(top / n) for n in
                                  ("at", "fuse", "image", "base", "tape")]

    def size():
        return os.stat(log).st_size

    sink, it = Sink(size), None
    try:
        os.mkdir(at)
        os.mkdir(fuse)
        disk.make(image, kind)
        tape.copy_sparse(image, base)
        with recorded(record, image, log, fuse) as device, \
                mounted(device, at, kind):
            try:
                os.chmod(at, 0o777)
                it = Place(top, at, plant, ledgersegment=65536,
                           checkpointevery=1,
                           smtproutes=":127.0.0.1:%d" % sink.port)
                disk.run("sync", "-f", at)
                first = size()
                sent = load(it, size)
            finally:
                if it:
                    it.end()
        os.unlink(image)
        sink.refuse = False
        t = tape.Tape(log)
        images = tape.Images(t, base)
        modes = tape.MODES + (tape.TORN,) * disk.TORN[kind]
        for cut in tape.cuts(t, t.position(first), [t.position(s) for _, s in
                                                    sent], cuts, rng):
            mode = rng.choice(modes)
            open_, came = images.make(cut, mode, rng, image)
            cut_size = t.ends[cut - 1]
            if os.environ.get("KEEP"):
                tape.copy_sparse(image, image + ".kept")
            bad = inspect(it, image, at, kind, sink, cut_size, sent, plant)
            got.cuts += 1
            got.letters += sum(s <= cut_size for _, s in sent)
            got.blocks += open_
            got.dropped += open_ - came
            got.wrong += bool(bad)
            if bad and not plant:
                print("not ok - %s, request %d, %s: %s" %
                      (kind, cut, mode, bad[:5]), flush=True)
                if os.environ.get("KEEP"):
                    shutil.copy(image + ".kept", os.path.join(
                        os.environ["KEEP"], "%s-%d" % (kind, cut)))
            if bad and plant:
                return "%s, cut %d, %s: %s" % (kind, got.cuts, mode,
                                               "; ".join(bad[:5]))
    finally:
        sink.close()
        if it:
            it.log.close()
        shutil.rmtree(top, ignore_errors=True)
    return ""


def campaign(kind, record):
    """CUTS of one file system."""
    got, rng = Result(), random.Random("%d %s" % (SEED, kind))
    began = time.monotonic()
    while got.cuts < CUTS:
        one_round(kind, min(ROUND, CUTS - got.cuts), rng, record, None, got)
    print("%s: %s (%d s)" % (kind, got.line(), time.monotonic() - began),
          flush=True)
    return got


def hunt(plant, record):
    """Whether a program without one of its steps is found."""
    got, rng = Result(), random.Random("%d %s" % (SEED, plant.name))
    kind = plant.name.partition("@")[2] or FILESYSTEMS[0]
    how = None
    while not how and got.cuts < PLANT_CUTS:
        how = one_round(kind, ROUND, rng, record, plant, got)
    print("%s - planted: %s is %s" % ("ok" if how else "not ok", plant.name,
                                      "found: " + how if how else
                                      "not found in %d cuts" % got.cuts),
          flush=True)
    return bool(how)


def able(record):
    """"", or why no disk can be recorded here."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/dev/loop-control"):
        return "no loop devices"
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse"
    if not TOP:
        return "no namespaces"
    top = pathlib.Path(tempfile.mkdtemp(dir=TOP))
    try:
        return disk.probe(record, top)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def main():
    global TOP
    TOP = alone("godwit-cut-", disk.room())
    record = os.path.abspath(sys.argv[1])
    why = able(record)
    if why:
        print("SKIPPED: power cuts: %s; 0 cuts" % why)
        return 0
    plants = sorted(p for p in pathlib.Path(sys.argv[2]).resolve().iterdir()
                    if p.is_dir()) if len(sys.argv) > 2 else []
    kinds = []
    for kind in FILESYSTEMS:
        if shutil.which("mkfs." + disk.MKFS[kind][0]):
            kinds.append(kind)
        else:
            print("SKIPPED: %s: no mkfs.%s; 0 cuts" % (kind, kind))
    for p in [p for p in plants if not shutil.which(
            "mkfs." + disk.MKFS[p.name.partition("@")[2] or
                                FILESYSTEMS[0]][0])]:
        print("SKIPPED: %s: its file system can't be made" % p.name)
        plants.remove(p)
    print("seed %d" % SEED, flush=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(campaign, kind, record) for kind in kinds]
        hunts = [pool.submit(hunt, p, record) for p in plants]
        results = [r.result() for r in runs]
        found = [h.result() for h in hunts]
    wrong = sum(r.wrong for r in results)
    print("%d cuts on %d file systems, %d wrong; %d of %d planted mistakes "
          "found" % (sum(r.cuts for r in results), len(results), wrong,
                     sum(found), len(found)))
    return 1 if wrong or not all(found) else 0


sys.exit(main())

#!/usr/bin/python3 -B
"""The clock jumps by years, forward and back, while all runs and between
runs: nothing is lost, nothing waits for years, no id is given twice.

By a library loaded into each program (tests/faults/clock.c): a time
namespace does not change the time of day."""
import os
import signal
import struct
import sys

from common import PATIENCE, PLANTED, Skip, main, signal_all, wait_for

YEAR = 365 * 86400


def clock(r, **control):
    """An instance under a clock that can be set."""
    if not (PLANTED / "clock.so").exists():
        raise Skip("no clock.so in %s" % PLANTED)
    it = r.instance(**control)
    path = it.top / "clock"
    path.write_bytes(struct.pack("=qq", 0, 0))
    os.chmod(path, 0o644)
    library = it.top / "clock.so"
    library.write_bytes((PLANTED / "clock.so").read_bytes())
    os.chmod(library, 0o755)
    it.env.update(FAULTS_CLOCK=str(path), LD_PRELOAD=str(library))

    def jump(years):
        with open(path, "r+b") as f:
            f.write(struct.pack("=q", int(years * YEAR)))
        r.faults += 1

    it.jump = jump
    it.mail.expired = True
    return it


def deferred(it):
    """Mail whose relay is not there; then the relay comes."""
    it.mail.deferred()
    it.mail.relay()
    signal_all(it, "godwit", signal.SIGHUP)
    wait_for("the reload", lambda: b"reload program=manager" in it.log_text())


def wrong_then_right(r):
    """Mail deferred while the clock stood 10 years ahead is tried after it
    was put right and the instance started again; nobody has to ask."""
    it = clock(r)
    it.jump(10)
    deferred(it)
    it.stop()
    it.jump(0)
    it.start()
    wait_for("mail of the wrong clock", lambda: not it.queued(),
             10 if r.programs else PATIENCE)
    r.did("10 years ahead, put right by a restart")
    r.settle(it)


def running_back(r):
    """The same without a restart."""
    it = clock(r)
    it.jump(10)
    deferred(it)
    it.jump(0)
    it.mail.some(4)
    r.did("10 years back under the running programs")
    r.settle(it)


def running_forward(r):
    """Whatever waits is now years old: tried, or bounced as too old."""
    it = clock(r)
    deferred(it)
    it.jump(10)
    it.mail.some(4)
    r.did("10 years forward under the running programs")
    r.settle(it, exact=False)


def before_ids(r):
    """Before 2020, when ids begin: each still has one of its own."""
    it = clock(r)
    it.start()
    it.mail.some(4)
    it.jump(-20)
    it.mail.some(60, "lrb", direct=False)
    it.jump(0)
    it.mail.some(4)
    r.did("20 years back and forth")
    r.settle(it)


def to_and_fro(r):
    it = clock(r)
    it.start()
    for years in (5, -5, 80, 0, -30, 0.01, -0.01, 0):
        it.jump(years)
        it.mail.some(6, "lrb", direct=False)
        it.try_now()
    r.did("8 jumps of up to 80 years")
    r.settle(it)


CASES = [("put right by a restart", wrong_then_right),
         ("back while it runs", running_back),
         ("forward while it runs", running_forward),
         ("before the first id", before_ids), ("to and fro", to_and_fro)]
PLANT = [("a manager that believes a slot of years ahead", wrong_then_right,
          {"godwit-manager": "patient"}, "mail of the wrong clock")]

if __name__ == "__main__":
    sys.exit(main("clock", CASES, PLANT))

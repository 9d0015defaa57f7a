"""Lines h and j: a long queue of deferred mail, and fresh mail beside it."""
import contextlib
import os
import time

import image
from results import Row
from run import (LIMIT, OWN_DISK, RUNS, Failed, attempt, note, processor,
                 say, size, tool, until)
from sink import Sink

OCTETS = 1024
FILLING = 600           # seconds that writing a queue may take
SLOWLY = 2500           # messages a second that are at least read at a start
DAY = 86400
FILLED = ("godwit", "postfix")      # whose queues spool_fill can write


@contextlib.contextmanager
def filled(s, count, due=DAY):
    """A queue of count deferred messages, to be tried in due seconds, made
    outside all timing; it goes with the disk it lies on."""
    with contextlib.nullcontext() if OWN_DISK else image.scratch(s):
        began = time.monotonic()
        top = s.root / s.spool
        if s.name == "godwit":
            st = os.stat(top / "info")
            args = ("godwit", top / "info", count, due, OCTETS, st.st_uid,
                    st.st_gid)
        else:
            args = "postfix", top / "deferred", count, due, sample(s)
        tool("spool_fill", *args, timeout=FILLING)
        say("#   %s: %d deferred, written in %d s" % (
            s.name, count, time.monotonic() - began))
        try:
            yield
        finally:
            s.stop()
    if OWN_DISK:
        s.clear()


def sample(s):
    """A queue file of Postfix's own making, that waits for its host."""
    there = s.root / "sample"
    if not there.exists():
        s.start()
        s.preload(1, ["u@dst.test"], octets=OCTETS)
        until("a deferred message", lambda: deferred(s), 60)
        there.write_bytes(deferred(s).read_bytes())
        st = os.stat(deferred(s))
        os.chown(there, st.st_uid, st.st_gid)
        there.chmod(st.st_mode & 0o7777)
        s.clear()
    return there


def deferred(s):
    for where, _, files in os.walk(s.root / s.spool / "deferred"):
        for f in files:
            return type(s.root)(where) / f
    return None


def memory(s, but=()):
    """MiB that its programs but these use, what they share counted once."""
    total = 0
    for pid in s.pids(but=but):
        try:
            for line in open("/proc/%d/smaps_rollup" % pid):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def settled_memory(s, count=0, but=()):
    """Once its programs rest: the queue, of so many messages, has been read.
    That is a read of the disk for each that isn't in the page cache."""
    last, same = processor(s.pids()), 0
    for _ in range(4 * LIMIT + count // SLOWLY * 2):
        time.sleep(0.5)
        now = processor(s.pids())
        same = same + 1 if now - last < 0.02 else 0
        if same >= 4:
            return memory(s, but)
        last = now
    raise Failed("%s does not come to rest" % s.name)


def first_delivery(s):
    """Seconds from its start to a fresh message in the sink."""
    s.prepare()
    with Sink(1) as there:
        began = time.monotonic()
        s.launch()
        s.call(1, 1, "u@dst.test")
        return there.wait(LIMIT) - began


def start_beside(s, count, first, ram):
    with filled(s, count):
        for _ in range(RUNS):
            first.add(s.name, first_delivery(s))
            ram.add(s.name, settled_memory(s, count))
            s.stop()


def fresh_memory(s, count):
    """Memory when so many were accepted, tried once at a host that refuses to
    connect, and deferred: what tried is still there.  What took them in by
    SMTP is not counted: it ends when it was idle for long enough, and Godwit
    has nothing of the kind."""
    with contextlib.nullcontext() if OWN_DISK else image.scratch(s):
        s.start()
        s.preload(count, ["u@dst.test"], octets=OCTETS)
        ram = settled_memory(s, count, but=s.takers)
        s.stop()
    if OWN_DISK:
        s.clear()
    return ram


def most_memory(s, count):
    """The most that its programs use while the deferred mail is tried again
    at a host that refuses to connect."""
    with filled(s, count, due=0):
        s.start()
        most, end = 0.0, time.monotonic() + size(30, 3)
        while time.monotonic() < end:
            most = max(most, memory(s))
            time.sleep(0.2)
        return most


def line_h(systems):
    """Memory, and start to first delivery, with deferred mail.  The million
    is Godwit's alone."""
    rows = []
    for s in systems:
        if s.name not in FILLED:
            note("h: %s is not measured: spool_fill writes no queue of its "
                 "kind" % s.name)
    for count in size((50000, 1000000), (10000,)):
        big = count == 1000000
        ram = Row("h", "memory with %d deferred" % count, "MiB", more=False,
                  goals={"allowed": 1} if big else {"postfix": 4})
        tried = Row("h", "most memory while %d are tried again" % count,
                    "MiB", more=False, goals={"postfix": 4})
        fresh = size(50000, 1000)
        after = Row("h", "memory with %d just deferred" % fresh, "MiB",
                    more=False, goals={"postfix": 4})
        first = Row("h", "start to first delivery with %d deferred" % count,
                    "s", more=False, goals={"allowed": 1})
        for s in systems:
            if s.name == "godwit" or s.name in FILLED and not big:
                with attempt("h, %d: %s" % (count, s.name)):
                    start_beside(s, count, first, ram)
                    if not big:
                        after.add(s.name, fresh_memory(s, fresh))
                        tried.add(s.name, most_memory(s, count))
        first.add("allowed", 0.3 if big else 0.2)
        if big:
            ram.add("allowed", 128)
        rows += [ram, first] + ([] if big else [after, tried])
    return rows


def fresh_beside(s, count, took, cost):
    fresh = size(3000, 300)
    with filled(s, count):
        for _ in range(RUNS):
            s.start()
            settled_memory(s, count)
            with Sink(fresh) as there:
                used, began = processor(s.pids()), time.monotonic()
                s.call(fresh, 20, "u@dst.test")
                took.add(s.name, (there.wait(LIMIT) - began) * 1000 / fresh)
                cost.add(s.name, (processor(s.pids()) - used) * 1000 / fresh)
            s.stop()


def line_j(systems):
    """What a fresh message costs beside a queue that grows."""
    rows = []
    for count in size((1000, 10000, 100000, 1000000), (1000, 20000)):
        took = Row("j", "a fresh message beside %d deferred" % count,
                   "ms/message", more=False)
        cost = Row("j", "the processor's part of it beside %d" % count,
                   "ms/message", more=False)
        took.x = cost.x = count
        took.over = "a fresh message beside deferred mail"
        cost.over = "the processor's part of it"
        with attempt("j, %d" % count):
            fresh_beside(systems[0], count, took, cost)
        rows += [took, cost]
    for n, row in enumerate(rows[2:], 2):
        if "godwit" in rows[n % 2].values:
            row.values["allowed"] = [1.3 * rows[n % 2].median("godwit")]
            row.goals = {"allowed": 1}
    return rows

"""Lines c, d and e: what is queued leaves by SMTP."""
import os
import time

import disk
import wire
from results import Row
from run import (LIMIT, QUICK, SINK_PORT, Failed, note, processor, resting,
                 say, size, turns)
from sink import Sink

MANY = 100              # destinations
DEAD = 10               # of them: half refuse, half do not answer
DELAY = 100             # ms there and back
FAR = size(20000, 600)  # messages to them
FIRST = "127.1.0.1"     # the destinations' addresses begin here


def destinations():
    return {"d%d.test" % n: ("127.1.0.%d" % (n + 1), SINK_PORT)
            for n in range(MANY)}


def drain(s, count, rcpts, each=1, limit=LIMIT, wanted=None, **sink):
    """Seconds from the release of count queued messages to the last one in
    the sink."""
    try:
        s.start(held=True)
        s.preload(count, rcpts, each)
        s.settle()
        with Sink(wanted or count * each, **sink) as there:
            time.sleep(0.5)
            # Not slow is who was only slow to accept.
            used, rest = processor(s.pids()), resting()
            s.began = began = time.monotonic()
            s.release()
            took = there.wait(limit) - began
            used, rest = processor(s.pids()) - used, resting() - rest
            s.seen = "%d connections, %d at once; its programs took %.0f us " \
                "a message, the processors had %.0f %% of rest" % (
                    there.connections, there.most, used / count * 1e6,
                    100 * rest / took / os.cpu_count())
    except Failed as e:
        raise Failed("%s: %s" % (s.name, e))
    finally:
        s.clear()
    return took


def measure(row, label, s, count, *args, wanted=None, **kw):
    """Adds messages a second, of those that can be delivered; what failed is
    told and the rest goes on."""
    try:
        took = drain(s, count, *args, wanted=wanted, **kw)
    except Failed as e:
        note("%s %s, %s: %s" % (row.line, row.what, label, e))
        return
    row.add(label, (wanted or count) / took)
    say("#   %s, %s: %.0f/s, %s" % (row.what, label, row.values[label][-1],
                                    s.seen))


def variants(s):
    """Its name as shipped, and its name with more at a time to one host."""
    yield s.name, 0
    if s.name != "godwit" and not QUICK:
        yield s.name + ", 100 at once", 100


def line_c(systems):
    """Outbound to one sink, 1 and 20 recipients per message."""
    rows = []
    for each in (1, 20):
        row = Row("c", "to one host, %d recipient%s" % (
            each, "s" * (each > 1)), "messages/s",
            goals={"postfix": 6} if each == 1 else {})
        for ordered in turns(systems):
            for s in ordered:
                for label, raised in variants(s):
                    s.raised = raised
                    measure(row, label, s, s.part(size(5000, 300)),
                            ["u@dst.test"], each)
                s.raised = 0
            row.add("disk, settling", disk.settle(size(5000, 300)))
            wire.near(row, each)
        rows.append(row)
    disk.forget()
    return rows


def far(row, s, at_once, dead=0, chunking=False):
    """Mail to many destinations a tenth of a second away; of those past the
    living ones, half refuse and half do not answer.  at_once: deliveries by
    Postfix, 0: as shipped."""
    # A slow one would not be done in time with its part of that many, nor a
    # peer as shipped.
    whole = FAR if at_once or s.name == "godwit" else FAR // 2
    count = s.part(whole if s.share == 1 else size(2000, 200))
    label = s.name + (", %d at once" % at_once if at_once else "")
    s.routes = destinations()
    rcpts = ["u@" + x for x in s.routes]
    s.raised, s.processes = at_once and 20, at_once
    measure(row, label, s, count, rcpts,
            wanted=sum(1 for n in range(count) if n % MANY < MANY - dead),
            delay=DELAY, first=FIRST, silent=dead // 2, chunking=chunking,
            addresses=MANY - dead + dead // 2)
    s.raised = s.processes = 0


def spread(row, systems, dead=0):
    """What is to be measured for the row, as far() is given it."""
    return [(row, s, at_once, dead) for s in systems
            for at_once in TRIED.get(s.name, (0,))]


def best(row, name):
    """The setting with the best median, under a name of its own."""
    ours = [x for x in row.values if x.startswith(name)]
    if ours:
        top = max(ours, key=row.median)
        row.values[name + ", at its best"] = list(row.values[top])


TRIED = {"postfix": (300,) if QUICK else (0, 300, 1000, 2000)}


def line_d(systems):
    """Outbound to 100 destinations at 100 ms, which offer CHUNKING or not.
    Postfix's client makes no use of it: one measurement serves all."""
    name = "postfix, at its best"
    row, chunks = [Row("d", "to 100 hosts%s, 100 ms away" % how, "messages/s",
                       goals={name: 15}) for how in ("", " with CHUNKING")]
    for ordered in turns([(chunks, systems[0], 0, 0, True)] +
                         spread(row, systems)):
        for one in ordered:
            far(*one)
        for r in (row, chunks):
            wire.far(r, FAR, FIRST, MANY, DELAY, r is chunks)
    best(row, "postfix")
    if name in row.values:
        chunks.values[name] = list(row.values[name])
    return [row, chunks]


def line_e(systems):
    """The same where ten of the hundred are dead."""
    ours = Row("d", "to 100 hosts, 100 ms away", "messages/s")
    row = Row("e", "to 100 hosts, 10 of them dead, 100 ms away", "messages/s",
              goals={"godwit, all alive": 0.9})
    for ordered in turns(spread(ours, systems[:1]) +
                         spread(row, systems, DEAD)):
        for one in ordered:
            far(*one)
    best(row, "postfix")
    row.values["godwit, all alive"] = ours.values.get("godwit", [])
    return [row]

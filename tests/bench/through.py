"""Lines g and k: accepted and delivered, end to end."""
import time

import disk
from disk import threads
from results import Row
from run import LIMIT, attempt, size, turns
from sink import Sink


def through(s, count, parallel, octets=4096):
    """Messages a second, from the first call of sendmail to the last message
    in the sink."""
    count = s.part(count)
    try:
        s.start()
        with Sink(count) as there:
            began = time.monotonic()
            s.call(count, parallel, "u@dst.test", octets)
            return count / (there.wait(LIMIT) - began)
    finally:
        s.clear()


def fill(row, systems, count, parallel, octets=4096):
    """Each system and the disk, in turn."""
    for ordered in turns(systems):
        for s in ordered:
            with attempt("%s %s: %s" % (row.line, row.what, s.name)):
                row.add(s.name, through(s, count, parallel, octets))
        row.add(threads(parallel), disk.create(parallel, count, octets))
    disk.forget()
    return row


def line_g(systems):
    """Accepted from sendmail, 20 at a time, and delivered to one host."""
    return [fill(Row("g", "sendmail, 20 at a time, to the host it is for",
                     "messages/s", goals={"postfix": 5}),
                 systems, size(3000, 200), 20)]


def line_k(systems):
    """Messages of 1 KiB to 10 MiB, accepted and delivered."""
    rows = []
    for octets, count in ((1 << 10, size(1000, 40)),
                          (10 << 10, size(1000, 40)),
                          (100 << 10, size(500, 24)),
                          (1 << 20, size(100, 8)),
                          (10 << 20, size(20, 4))):
        row = Row("k", "%d KiB, 4 at a time, to the host it is for"
                  % (octets >> 10), "messages/s")
        row.x, row.over = octets, "messages of 1 KiB to 10 MiB"
        rows.append(fill(row, systems, count, 4, octets))
    return rows

"""Line g: accepted and delivered, end to end."""
import time

import disk
from results import Row
from run import LIMIT, RUNS, Failed, note, size
from sink import Sink


def through(s, count, parallel, limit=LIMIT, octets=4096):
    """Seconds from the first call of sendmail to the last message in the
    sink."""
    try:
        s.start()
        with Sink(count) as there:
            began = time.monotonic()
            s.call(count, parallel, "u@dst.test", octets)
            return there.wait(limit) - began
    except Failed as e:
        raise Failed("%s: %s" % (s.name, e))
    finally:
        s.clear()


def line_g(systems):
    """Accepted from sendmail, 20 at a time, and delivered to one host."""
    count = size(3000, 500)
    row = Row("g", "sendmail, 20 at a time, to the host it is for",
              "messages/s", goals={"postfix": 5})
    for _ in range(RUNS):
        for s in systems:
            try:
                row.add(s.name, count / through(s, count, 20))
            except Failed as e:
                note("g: %s" % e)
        row.add("disk, 20 threads", disk.create(20, count))
    disk.forget()
    return [row]


def line_k(systems):
    """Messages of 1 KiB to 10 MiB, accepted and delivered."""
    rows = []
    for octets, count in ((1 << 10, size(1000, 100)),
                          (10 << 10, size(1000, 100)),
                          (100 << 10, size(500, 50)),
                          (1 << 20, size(100, 10)),
                          (10 << 20, size(20, 4))):
        row = Row("k", "%d KiB, 4 at a time, to the host it is for"
                  % (octets >> 10), "messages/s")
        row.x = octets
        for _ in range(RUNS):
            for s in systems:
                try:
                    row.add(s.name, count / through(s, count, 4,
                                                    octets=octets))
                except Failed as e:
                    note("k: %s" % e)
            row.add("disk, 4 threads", disk.create(4, count, octets))
        rows.append(row)
    disk.forget()
    return rows

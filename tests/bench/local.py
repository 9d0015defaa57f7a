"""Line f: what is queued is stored in Maildirs."""
import os
import time

import disk
from results import Row
from roots import USERS
from run import LIMIT, attempt, say, size, turns, until


def stored(s, users):
    """How many, and the moment of the last one, by the clock of the files'
    times."""
    count, last = 0, 0.0
    for n in range(1, users + 1):
        new = s.root / "home" / ("u%d" % n) / "Maildir" / "new"
        try:
            with os.scandir(new) as entries:
                for e in entries:
                    count += 1
                    last = max(last, e.stat().st_ctime)
        except FileNotFoundError:
            pass
    return count, last


def drain(s, count, users):
    """Messages a second, from the release of count queued messages to the
    last one in its Maildir."""
    count = s.part(count)
    try:
        s.start(held=True)
        s.preload(count, ["u%d@local.test" % n for n in range(1, users + 1)])
        s.settle()
        time.sleep(0.5)
        began = time.time()
        s.release()
        # Looked at seldom: looking costs the processor that is measured.
        until("%d messages in Maildirs" % count,
              lambda: stored(s, users)[0] >= count, LIMIT, 0.5)
        return count / (stored(s, users)[1] - began)
    finally:
        s.clear()


def line_f(systems):
    """Local to one Maildir and to 500."""
    rows, count = [], size(5000, 300)
    for users in (1, USERS):
        row = Row("f", "to %d Maildir%s" % (users, "s" * (users > 1)),
                  "messages/s",
                  goals={"postfix": 4} if users == 1 else {})
        for ordered in turns(systems):
            for s in ordered:
                with attempt("f %s: %s" % (row.what, s.name)):
                    row.add(s.name, drain(s, count, users))
                    say("#   %s, %s: %.0f/s" % (row.what, s.name,
                                                row.values[s.name][-1]))
            disk.add_both(row, 10, count, users)
        rows.append(row)
    disk.forget()
    return rows

#!/usr/bin/python3 -B
"""todo/ flooded: tens of thousands of names that are no messages, of damaged
files, and of real messages, while no manager looks.  All real mail goes out,
new mail does not wait for it, memory stays bounded, nothing is removed."""
import os
import signal
import sys
import threading

from common import PATIENCE, QUICK, Submit, envelope, main, signal_all, wait_for
from spool import events

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MEMORY_MAX = 300 << 20


def push(it, count, first):
    """Real messages by two connections."""
    def one(numbers):
        with Submit(it) as s:
            for n in numbers:
                token = "tok-%d-l" % n
                kind, _ = s.message(envelope(it.address, [it.address]),
                                    b"Subject: %s\n\nx\n" % token.encode())
                if kind == "K":
                    with it.mail.lock:
                        it.mail.accepted.append(token)

    threads = [threading.Thread(target=one, args=(range(
        first + i, first + count, 2),)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def rss(it):
    total = 0
    for pid in it.pids("godwit-manager"):
        with open("/proc/%d/statm" % pid) as f:
            total = max(total, int(f.read().split()[1]) * 4096)
    return total


def flood(r):
    real, junk, damaged = (1200, 8000, 300) if QUICK else \
        (20000, 60000, 5000)
    it = r.instance()
    todo = it.home / "queue" / "todo"
    it.start()
    it.stop()
    for n in range(junk):
        os.close(os.open(todo / ("junk-%d" % n), os.O_CREAT, 0o600))
    names = set()
    while len(names) < damaged:
        names.add("0" + "".join(r.rng.choice(LETTERS) for _ in range(12)))
    for name in names:
        (todo / name).write_bytes(b"no message")
        os.chown(todo / name, it.home_uid, -1)
    r.faults += junk + damaged
    it.start()
    wait_for("a manager", lambda: it.pids("godwit-manager"))
    signal_all(it, "godwit-manager", signal.SIGSTOP)
    push(it, real, 0)
    # Killed as it stands: what the trigger held is lost.
    signal_all(it, "godwit-manager", signal.SIGKILL)
    it.end()
    it.start()
    most = 0
    push(it, 20, real)

    def drained():
        nonlocal most
        most = max(most, rss(it))
        return not [p for p in it.queued()]

    wait_for("all real mail", drained,
             (20 if r.programs else PATIENCE) if QUICK else 600)
    r.check(most < MEMORY_MAX, "the manager has %d bytes" % most)
    left = set(os.listdir(todo))
    r.check(len([n for n in left if n.startswith("junk-")]) == junk,
            "junk was removed")
    aside = set(os.listdir(it.home / "queue" / "broken"))
    r.check(names <= aside, "damaged files went: %d" % len(names - aside))
    r.check(len(events(it, "broken")) == damaged, "not one line for each")
    r.did("%d names, %d damaged files, %d messages; the manager had %d MB" %
          (junk, damaged, real, most >> 20))
    # The damaged ones were never accepted: the audit calls them kept.
    r.count(it, exact=False)


CASES = [("todo/", flood)]
PLANT = [("a manager that ends its scan at the first stranger", flood,
          {"godwit-manager": "weary"}, "all real mail")]

if __name__ == "__main__":
    sys.exit(main("flood", CASES, PLANT))

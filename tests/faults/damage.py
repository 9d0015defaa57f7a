#!/usr/bin/python3 -B
"""Every byte of a queue file changed, every length it can be cut to: set
aside as it is with a line, or delivered as it came in; never anything else.
An errno while reading is no damage."""
import os
import signal
import sys

from common import QUICK, Fail, main, signal_all, wait_for
from spool import (CONTENT, SLOT, SLOT_LEN, QueueFile, Submit, envelope,
                   events, ledger)

BATCH = 400


def text(n):
    return b"Subject: tok-%d-l\n\nthe text of number %d\n" % (n, n)


def fill(it, count, rcpts):
    """That many files in todo/ while no manager reads them; their ids."""
    it.start()
    wait_for("a manager", lambda: it.pids("godwit-manager"))
    signal_all(it, "godwit-manager", signal.SIGSTOP)
    ids = []
    with Submit(it) as s:
        for n in range(count):
            kind, ident = s.message(envelope(it.address, rcpts), text(n))
            if kind != "K":
                raise Fail("not queued: " + ident)
            ids.append(ident)
    it.end()
    return ids


def regions(q, size):
    """Bytes that show something when they change, for a sample."""
    edges = [0, 8, 16, 40, 72, 76, 80, 144, 208, 224, 255, 256, 264, 268, 304,
             319, 320, 511, CONTENT, q.envelope_at - 1, q.envelope_at,
             q.envelope_at + 5, q.envelope_at + q.envelope_length - 1,
             q.states_at - 1, q.states_at, q.states_at + 1, q.states_at + 4,
             q.states_at + 8, size - 1]
    return [e for e in edges if 0 <= e < size]


def judge(r, it, ids, was, now, what, copies_of):
    """Each file is delivered as it was, or aside as it is now."""
    aside = delivered = 0
    recorded = {}
    for line in events(it, "broken"):
        ident = line.split(" id=", 1)[1].split()[0]
        recorded[ident] = recorded.get(ident, 0) + 1
    for n, ident in enumerate(ids):
        q = QueueFile(was[ident])
        path = it.home / "queue" / "broken" / ident
        copies = copies_of(ident)
        if path.exists():
            aside += 1
            data = path.read_bytes()
            same = len(data) == len(now[ident]) and all(
                data[i] == now[ident][i] for i in range(len(data))
                if i < q.states_at and not SLOT <= i < SLOT + SLOT_LEN)
            r.check(same, "%s: changed on its way to broken/" % what(n))
            r.check(not copies, "%s: aside and delivered" % what(n))
            r.check(recorded.get(ident) == 1, "%s: %s lines" %
                    (what(n), recorded.get(ident)))
        else:
            delivered += 1
            r.check(copies and all(c == q.content for c in copies),
                    "%s: %s" % (what(n), "delivered changed" if copies
                                else "gone: neither delivered nor kept"))
            r.check(len(copies) <= 1, "%s: delivered twice" % what(n))
    r.check(aside + delivered == len(ids), "the sums do not add up")
    r.did("%d set aside, %d delivered" % (aside, delivered))


def local_copies(it):
    found, new = {}, it.home / "Maildir" / "new"
    for name in os.listdir(new) if new.exists() else []:
        data = (new / name).read_bytes()
        found.setdefault(name.split("G", 1)[1][:13], []).append(
            data[data.find(b"Received: "):])
    return lambda ident: found.get(ident, [])


def remote_copies(sink, ids):
    found = {}
    for _, _, data in sink.messages:
        ident = next((i for i in ids if i.encode() in data[:600]), None)
        found.setdefault(ident, []).append(data.replace(b"\r\n", b"\n"))
    return lambda ident: found.get(ident, [])


def spoil(it, place, ids, do):
    was, now = {}, {}
    for n, ident in enumerate(ids):
        path = it.home / "queue" / place / ident
        was[ident] = path.read_bytes()
        data = do(n, bytearray(was[ident]))
        with open(path, "r+b") as f:
            f.write(data)
            f.truncate(len(data))
        now[ident] = bytes(data)
        r_faults[0] += 1
    return was, now


r_faults = [0]


def one_batch(r, place, count, do, what):
    """Damages a batch of files in that folder and lets it be tried."""
    r_faults[0] = 0
    info = place == "info"
    it = r.instance(**({"smtproutes": ":127.0.0.1:1"} if info else {}))
    # With one recipient settled it moves, though the other's site rests.
    to = [it.address, "x@remote.example"] if info else [it.address]
    ids = fill(it, count, to)
    if info:
        it.start()
        wait_for("deferred mail", lambda: not it.queued(["todo"]) and
                 len(it.queued(["info"])) == count)
        it.stop()
        it.mail.relay()
    was, now = spoil(it, place, ids, do)
    it.start()
    it.drained(120)
    r.check(it.stop() == 0, "start did not end with 0")
    judge(r, it, ids, was, now, what,
          remote_copies(it.mail.sink, ids) if info else local_copies(it))
    r.wrong(it.mail.audit(), ["crashed: " + c for c in it.crashed()])
    r.faults += r_faults[0]
    r.messages += count
    it.close()


def size_of_file(r):
    it = r.instance()
    (ident,) = fill(it, 1, [it.address])
    data = (it.home / "queue" / "todo" / ident).read_bytes()
    it.close()
    return data


def batches(r, place, jobs, do, what):
    """jobs are the places of the damage."""
    for at in range(0, len(jobs), BATCH):
        part = jobs[at:at + BATCH]
        one_batch(r, place, len(part), lambda n, d: do(part[n], d),
                  lambda n: what(part[n]))
        if r.wrongs:
            return


def flips(place):
    def case(r):
        data = size_of_file(r)
        size = len(data)
        if QUICK:
            places = sorted(set(regions(QueueFile(data), size) +
                                r.rng.sample(range(size), 70)))
            jobs = [(i, r.rng.choice((1, 0x80, 0xff))) for i in places]
        else:
            jobs = [(i, m) for i in range(size) for m in (1, 0x80, 0xff)]

        def do(job, d):
            # A file is a few bytes longer where its number is.
            d[job[0] % len(d)] ^= job[1]
            return d

        r.did("%d bytes of %d changed in %s/" %
              (len({i for i, _ in jobs}), size, place))
        batches(r, place, jobs, do, lambda j: "byte %d ^ %02x" % j)
    return case


def cuts(r):
    data = size_of_file(r)
    size = len(data)
    lengths = sorted(set(r.rng.sample(range(size), 60) + [0, 1, 255, 256, 319,
                     320, 511, 512, 513, size - 16, size - 1])) if QUICK \
        else list(range(size))

    def do(length, d):
        return d[:length]

    r.did("%d lengths of %d" % (len(lengths), size))
    batches(r, "todo", lengths, do, lambda j: "cut to %d" % j)


def reports(r):
    """bounce/ID, what was noted for a bounce: changed or cut, the failed
    recipient still gets exactly one bounce, or the damage is kept."""
    jobs = [1, 7, 20, 33, 60, 100] if QUICK else list(range(0, 160, 2))
    it = r.instance()
    it.start()
    wait_for("a manager", lambda: it.pids("godwit-manager"))
    folder = it.home / "queue" / "bounce"
    signal_all(it, "godwit-manager", signal.SIGSTOP)
    for _ in jobs:
        it.mail.send("b")
    # Failures are noted, and the bounce cannot be handed in.
    signal_all(it, "godwit-enqueue", signal.SIGSTOP)
    it.try_now()  # the last one's hint may have stopped with enqueue
    signal_all(it, "godwit-manager", signal.SIGCONT)
    wait_for("reports", lambda: len(os.listdir(folder)) == len(jobs))
    it.end()
    names = sorted(n for n in os.listdir(folder) if len(n) == 13)
    for name, at in zip(names, jobs):
        path = folder / name
        data = bytearray(path.read_bytes())
        if data:
            data[at % len(data)] ^= 0xff
            path.write_bytes(data)
            r.faults += 1
    r.did("%d reports changed" % r.faults)
    it.start()
    r.settle(it, exact=False)


def errno(r):
    """Files that may not be opened for a while: kept, said, delivered."""
    it = r.instance()
    count = 20 if QUICK else 200
    ids = fill(it, count, [it.address])
    todo = it.home / "queue" / "todo"
    it.mail.accepted = ["tok-%d-l" % n for n in range(count)]
    if it.run_as(["sh", "-c", "chmod 0 %s/*" % todo]).returncode:
        raise Fail("chmod")
    it.start()
    wait_for("the log to say so", lambda:
             it.log_text().count(b"doing=read why=") >= count)
    r.faults += count
    r.check(sorted(os.listdir(todo)) == sorted(ids), "files went")
    r.check(not os.listdir(it.home / "queue" / "broken"),
            "an errno was taken for damage")
    r.check(not any(" broken " in x for x in ledger(it)),
            "an errno was recorded as damage")
    it.run_as(["sh", "-c", "chmod 660 %s/*" % todo])
    r.did("%d files unreadable for a while" % count)
    r.settle(it)


def same_name(r):
    """broken/ has the name: another is given, and a stop is clean."""
    it = r.instance()
    count = 3 if QUICK else 30
    ids = fill(it, count, [it.address])
    queue = it.home / "queue"
    what = ["echo kept >%s", "mkdir %s", "ln -s /etc/passwd %s"]
    for n, ident in enumerate(ids):
        it.run_as(["sh", "-c", what[n % 3] % (queue / "broken" / ident)])
        os.truncate(queue / "todo" / ident, 100 + n)
        r.faults += 2
    was = {i: (queue / "todo" / i).read_bytes() for i in ids}
    it.start()
    it.drained()
    r.check(it.stop() == 0, "a stop did not end with 0")
    for n, ident in enumerate(ids):
        first, second = (queue / "broken" / (ident + s) for s in ("", ".1"))
        r.check(second.is_file() and second.read_bytes() == was[ident],
                "the damaged file is not under another name")
        r.check(os.path.lexists(first), "what stood there was replaced")
    r.messages += count
    r.did("%d names in broken/ taken" % count)
    r.wrong(it.mail.audit())


CASES = [("every byte in todo/", flips("todo")),
         ("every byte in info/", flips("info")),
         ("every length", cuts), ("reports of bounces", reports),
         ("errnos", errno), ("a name that is taken", same_name)]
PLANT = [("a manager that unlinks what is damaged", cuts,
          {"godwit-manager": "unlinks"}, "gone: neither")]

if __name__ == "__main__":
    sys.exit(main("damage", CASES, PLANT))

#!/usr/bin/python3
"""A site that cannot be reached rests: its mail waits, nothing is written for
it, and none of it waits for ever."""
import os
import sys
import time
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server, dead_port  # noqa: E402
from spool import (EXPIRE, SLOT, SLOT_LEN, Submit, envelope,  # noqa: E402
                   events, field, ledger, submit)

TEXT = b"Subject: rest\n\ntext\n"
tap = Tap()


def status(it):
    return dict(line.split() for line in
                it.must("godwit", "status").decode().splitlines())


def parked(it):
    return int(status(it)["parked"])


def many(it, count, rcpt="x%d@down.example"):
    with Submit(it) as s:
        return [s.message(envelope(it.address, [rcpt % n]), TEXT)[1]
                for n in range(count)]


def place(it, ident):
    return [p for p in ("todo", "info") if
            (it.home / "queue" / p / ident).exists()]


def state(it, ident):
    """Where a message is, and all of its file that may change."""
    path = it.home / "queue" / place(it, ident)[0] / ident
    data = path.read_bytes()
    return (path.parent.name, path.stat().st_ino, path.stat().st_nlink,
            data[SLOT:SLOT + SLOT_LEN], data[-16:])


def written(it, ids):
    """For how many of ids there is more on disk than that they came."""
    lines = {line.split(" id=")[1].split()[0] for line in ledger(it)
             if line.split()[1] in ("defer", "fail", "deliver", "bounce")}
    return len({n for n in ids if n in lines or place(it, n) != ["todo"]})


def waits():
    # It rests until the test is over, on whatever machine.
    with Instance(smtproutes=":127.0.0.1:%d" % dead_port(),
                  siterest="3600") as it:
        it.start()
        first = submit(it, it.address, ["x@down.example"], TEXT)
        wait_for("the first to fail", lambda: events(it, "defer", first))
        ids = many(it, 300)
        wait_for("the rest to wait", lambda: parked(it) == 300)
        tap.same(written(it, ids), 0, "for 300 messages of a site that rests "
                 "nothing is written")
        before = [state(it, i) for i in ids]
        other = submit(it, it.address, [it.address], TEXT)
        wait_for("other mail", lambda: not place(it, other))
        tap.ok([state(it, i) for i in ids] == before and parked(it) == 300,
               "nor later, while other mail goes by")
        it.kill("godwit-manager")
        wait_for("another manager", lambda: it.log_text().count(
            b"start program=godwit-manager") == 2)
        wait_for("them to wait again", lambda: parked(it) > 250)
        tap.ok(all(place(it, i) for i in ids),
               "nor does the death of the manager")
        tap.ok(written(it, ids) < 50, "which lets a few be tried, not all",
               written(it, ids))
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())


def planted():
    """Mail that was tried has lines: the test above would see them."""
    sink = Server("rcpt-451")
    with Instance(smtproutes=":127.0.0.1:%d" % sink.port) as it:
        it.start()
        ids = many(it, 20)
        wait_for("all to be tried",
                 lambda: all(place(it, i) == ["info"] for i in ids))
        tap.same(written(it, ids), 20, "mail that is deferred one by one is "
                 "found by the same count")
    sink.close()


def attempts(it):
    """How many the ledger tells of, and the seconds from first to last."""
    at = [datetime.fromisoformat(line.split()[0].replace("Z", "+00:00"))
          for line in events(it, "defer")]
    return len(at), (at[-1] - at[0]).total_seconds()


def wakes():
    """The rest ends; no more than the window is tried until one arrives: 5
    once it was halved.  A rest takes a second or more."""
    port = dead_port()
    with Instance(smtproutes=":127.0.0.1:%d" % port, siterest="1") as it:
        it.start()
        submit(it, it.address, ["x@down.example"], TEXT)
        wait_for("a rest", lambda: events(it, "defer"))
        many(it, 200)
        wait_for("two more rests", lambda: attempts(it)[1] >= 3 or
                 attempts(it)[0] > 100)
        tried, seconds = attempts(it)
        tap.ok(tried <= 1 + 5 * (seconds + 1), "while it stays away no more "
               "than the window is tried after each rest", (tried, seconds))
        sink = Server(port=port)
        wait_for("the others to arrive", lambda: len(it.queued()) <= 12)
        tap.ok(len(sink.complete()) >= 189, "when it is back they arrive by "
               "themselves", len(sink.complete()))
        it.must("godwit", "flush")
        it.drained()
        tap.same(len(sink.complete()), 201, "all of them, once")
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
        sink.close()


def asked():
    """The operator's word ends a rest."""
    port = dead_port()
    with Instance(smtproutes=":127.0.0.1:%d" % port) as it:
        it.start()
        submit(it, it.address, ["x@down.example"], TEXT)
        wait_for("a rest", lambda: events(it, "defer"))
        one, two = many(it, 2)
        wait_for("both to wait", lambda: parked(it) == 2)
        sink = Server(port=port)
        it.must("godwit", "flush", one)
        wait_for("that one", lambda: not place(it, one))
        tap.same(len(events(it, "deliver", one)), 1, "flush ID tries it at "
                 "once, rest or not")
        wait_for("the other", lambda: not place(it, two))
        tap.same(len(events(it, "accept", one)), 1, "accepted once")
        tap.same(it.stop(), 0, "start ends with 0")
        sink.close()


def lifetime():
    with Instance(smtproutes=":127.0.0.1:%d" % dead_port(),
                  queuelifetime="10") as it:
        it.start()
        submit(it, it.address, ["x@down.example"], TEXT)
        wait_for("a rest", lambda: events(it, "defer"))
        old = submit(it, it.address, ["old@down.example"], TEXT)
        own = submit(it, it.address, ["own@down.example"], TEXT,
                     field(EXPIRE, (int(time.time()) + 10)
                           .to_bytes(8, "little")))
        wait_for("both to wait", lambda: parked(it) == 2)
        wait_for("both to be given up", lambda: not place(it, old) and
                 not place(it, own))
        for i, name in ((old, "queuelifetime"), (own, "its own limit")):
            tap.ok(len(events(it, "fail", i)) == 1 and
                   b"could not be reached" in events(it, "fail", i)[0].encode()
                   and not events(it, "defer", i),
                   "%s is kept while the site rests" % name,
                   events(it, "fail", i))
        wait_for("the bounces", lambda: len(it.maildir()) >= 2)
        tap.ok(any(b"onnection refused" in m for m in it.maildir()),
               "the sender reads what the site's fault was",
               it.maildir()[0].decode())
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())


def two_sites():
    """One recipient's site rests, the other's does not."""
    sink = Server()
    with Instance(smtproutes="down.example:127.0.0.1:%d\nup.example:"
                  "127.0.0.1:%d" % (dead_port(), sink.port)) as it:
        it.start()
        submit(it, it.address, ["x@down.example"], TEXT)
        wait_for("a rest", lambda: events(it, "defer"))
        both = submit(it, it.address, ["a@down.example", "b@up.example"],
                      TEXT)
        wait_for("the one to arrive", lambda: events(it, "deliver", both))
        wait_for("the other to wait", lambda: parked(it) == 1)
        tap.ok(place(it, both) == ["info"] and not events(it, "defer", both),
               "the one arrives, the other waits without a line")
        tap.same(it.stop(), 0, "start ends with 0")
        it.set("smtproutes", ":127.0.0.1:%d" % sink.port)
        it.start()

        def arrived():
            it.must("godwit", "flush")
            return not it.queued()

        wait_for("both to arrive", arrived)
        got = [c for m in sink.complete() for c in m.commands
               if c.startswith(b"RCPT")]
        tap.ok(len(got) == len(set(got)) == 3, "after which all arrived "
               "once", got)
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
    sink.close()


def hint(it, ident):
    """Tells the manager once more that this message came."""
    number = 0
    for c in ident:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(c)
    fd = os.open(it.home / "queue" / "trigger", os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, number.to_bytes(8, "little"))
    os.close(fd)


def hinted():
    """A hint, which may come twice, of what waits in info/."""
    port, sink = dead_port(), Server()
    with Instance(smtproutes="down.example:127.0.0.1:%d\nup.example:"
                  "127.0.0.1:%d" % (port, sink.port)) as it:
        it.start()
        submit(it, it.address, ["x@down.example"], TEXT)
        wait_for("a rest", lambda: events(it, "defer"))
        both = submit(it, it.address, ["a@down.example", "b@up.example"],
                      TEXT)
        wait_for("the one to wait", lambda: parked(it) == 1 and
                 place(it, both) == ["info"])
        hint(it, both)
        # Behind the hint in the same line.
        other = submit(it, it.address, [it.address], TEXT)
        wait_for("other mail", lambda: not place(it, other))
        tap.same(parked(it), 1, "a hint of a message that waits changes "
                 "nothing")
        back = Server(port=port)
        it.must("godwit", "flush")
        wait_for("it to arrive", lambda: not place(it, both))
        tap.same(len(events(it, "deliver", both)), 2, "which arrives when "
                 "its site is back")
        tap.same(it.stop(), 0, "start ends with 0")
        back.close()
    sink.close()


waits()
planted()
wakes()
asked()
lifetime()
two_sites()
hinted()
sys.exit(tap.end())

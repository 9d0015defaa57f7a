#!/usr/bin/python3
"""Mail that cannot be delivered now: deferred, tried again, given up, held,
left for the next start."""
import datetime
import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server, dead_port  # noqa: E402
from spool import (EXPIRE, HOLD, NOTBEFORE, events, field,  # noqa: E402
                   submit)

TEXT = b"Subject: retry\n\ntext\n"


def places(it, ident):
    return [p for p in ("todo", "info", "bounce", "broken")
            if (it.home / "queue" / p / ident).exists()]


def try_now(it):
    for pid in it.pids("godwit-manager"):
        os.kill(pid, signal.SIGALRM)


def seconds(n):
    return n.to_bytes(8, "little")


def tries(it, ident):
    """The numbers of the attempts that failed, as the ledger has them."""
    return [int(re.search(r" attempt=(\d+)", line).group(1))
            for line in events(it, "defer", ident)]


def moment(line):
    """When a line of the ledger was written, in seconds."""
    return datetime.datetime.fromisoformat(
        line.split()[0].replace("Z", "+00:00")).timestamp()


def again(tap):
    port = dead_port()
    with Instance(smtproutes=":127.0.0.1:%d" % port) as it:
        it.start()
        ident = submit(it, it.address, ["x@remote.example"], TEXT)
        wait_for("the move", lambda: places(it, ident) == ["info"])
        tap.ok(True, "mail that cannot be delivered moves to info/")
        wait_for("its line", lambda: tries(it, ident))
        tap.same(tries(it, ident), [1], "the ledger has the first attempt")
        for count in range(2, 5):
            def tried():
                try_now(it)
                return len(tries(it, ident)) >= count
            wait_for("attempt %d" % count, tried)
        seen = tries(it, ident)
        tap.ok(seen == sorted(set(seen)) and seen[:4] == [1, 2, 3, 4],
               "ALRM tries it again, and each attempt has its number", seen)
        tap.same(it.stop(), 0, "start ends with 0")
        before = len(tries(it, ident))
        it.start()
        wait_for("info/ to be read", lambda: b"\nready\n" in it.log_text())
        submit(it, it.address, [it.address], TEXT)
        wait_for("other mail", it.maildir)
        tap.same(len(tries(it, ident)), before,
                 "a restart tries nothing before its time")
        sink = Server(port=port)

        def arrived():
            try_now(it)
            return not it.queued()

        wait_for("delivery", arrived)
        tap.same(len(sink.complete()), 1, "it arrives, once, when the host "
                 "is there")
        tap.same(len(events(it, "deliver", ident)), 1, "with a line")
        tap.same(it.stop(), 0, "start ends with 0")
        sink.close()


def expires(tap):
    sink = Server("rcpt-451")
    with Instance(smtproutes=":127.0.0.1:%d" % sink.port,
                  queuelifetime="8") as it:
        it.start()
        limit = int(time.time()) + 8
        ident = submit(it, it.address, ["x@remote.example"], TEXT)
        other = submit(it, it.address, ["x@remote.example"], TEXT,
                       field(EXPIRE, seconds(limit)))
        # On a machine that is slow the first attempt may be the last.
        wait_for("attempts", lambda: all(
            tries(it, i) or events(it, "fail", i) for i in (ident, other)))
        tap.same([line for line in events(it, "fail") if moment(line) < limit],
                 [], "before its time nothing is given up")

        def bounced():
            try_now(it)
            return not it.queued() and len(it.maildir()) == 2

        wait_for("the bounces", bounced)
        for m in it.maildir():
            tap.ok(b"multipart/report" in m and b"451" in m and
                   b"greylisted" in m and b"x@remote.example" in m,
                   "given up, it goes back with the last reason", m.decode())
        for i, name in ((ident, "queuelifetime"), (other, "its own limit")):
            tap.ok(len(events(it, "fail", i)) == 1 and
                   len(events(it, "bounce", i)) == 1 and
                   len(events(it, "remove", i)) == 1,
                   "%s: failure, bounce and removal are recorded once" % name)
        tap.same(sink.complete(), [], "and nothing was delivered")
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
    sink.close()


def held(tap):
    with Instance() as it:
        it.start()
        hold = submit(it, it.address, [it.address], b"Subject: held\n\n",
                      field(HOLD, "the operator wants to see it"))
        later = submit(it, it.address, [it.address], b"Subject: later\n\n",
                       field(NOTBEFORE, seconds(int(time.time()) + 3)))
        far = submit(it, it.address, [it.address], b"Subject: far\n\n",
                     field(NOTBEFORE, seconds(int(time.time()) + 86400)))
        plain = submit(it, it.address, [it.address], TEXT)
        wait_for("the plain one", lambda: not places(it, plain))
        try_now(it)
        try_now(it)
        second = submit(it, it.address, [it.address], TEXT)
        wait_for("another", lambda: not places(it, second))
        tap.ok(len(places(it, hold)) == 1, "what is on hold stays, ALRM or "
               "not", places(it, hold))
        tap.ok(len(places(it, far)) == 1, "so does what has a time before "
               "which it is not to be tried", places(it, far))
        wait_for("not-before to pass", lambda: not places(it, later))
        tap.same(len(events(it, "deliver", later)), 1, "which is tried when "
                 "that has passed, by itself")
        tap.same(len(it.maildir()), 3, "nothing else was delivered")
        tap.same(it.stop(), 0, "start ends with 0")
        it.start()
        third = submit(it, it.address, [it.address], TEXT)
        wait_for("another", lambda: not places(it, third))
        try_now(it)
        fourth = submit(it, it.address, [it.address], TEXT)
        wait_for("another", lambda: not places(it, fourth))
        tap.ok(places(it, hold) and places(it, far),
               "both stay after a restart")
        tap.same(events(it, "deliver", hold) + events(it, "deliver", far),
                 [], "and were never tried")
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())


def in_the_middle(tap, stage, name):
    """TERM while a server keeps us waiting."""
    reached, go = threading.Event(), threading.Event()

    def slow(conn):
        reached.set()
        go.wait(120)
        conn.ordinary()

    slow_server = Server({stage: [slow]})
    with Instance(smtproutes=":127.0.0.1:%d" % slow_server.port) as it:
        it.start()
        ids = [submit(it, it.address, ["x%d@remote.example" % n], TEXT)
               for n in range(5)]
        local = submit(it, it.address, [it.address], TEXT)
        wait_for("the server to be slow", reached.is_set)
        wait_for("local mail", lambda: not places(it, local))
        it.process.send_signal(signal.SIGTERM)
        wait_for("the stop to begin", lambda: b"\nstop\n" in it.log_text())
        go.set()
        tap.same(it.process.wait(120), 0, "TERM, a server being slow at %s: "
                 "start ends with 0" % name)
        it.process = None
        tap.same(it.pids(), [], "and none of its programs is left")
        done = [i for i in ids if not places(it, i)]
        tap.same(len(done) + len([i for i in ids if len(places(it, i)) == 1]),
                 5, "each message was delivered or is kept")
        it.start()

        def arrived():
            try_now(it)
            return not it.queued()

        wait_for("all to arrive", arrived)
        got = sorted(c for m in slow_server.complete() for c in m.commands
                     if c.startswith(b"RCPT"))
        tap.same(len(got), len(set(got)), "after the next start none came "
                 "twice")
        tap.same(len(set(got)), 5, "and all came")
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
    slow_server.close()


def main():
    tap = Tap()
    again(tap)
    expires(tap)
    held(tap)
    in_the_middle(tap, "greeting", "its greeting")
    in_the_middle(tap, "mail", "MAIL")
    in_the_middle(tap, "dot", "the final dot")
    return tap.end()


sys.exit(main())

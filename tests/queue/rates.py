#!/usr/bin/python3
"""siterate: a site gets so many messages and no more; others are not held
up, and what waits is not written to."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server  # noqa: E402
from spool import Submit, envelope, ledger  # noqa: E402

TEXT = b"Subject: rate\n\ntext\n"
tap = Tap()


def many(it, count, site):
    with Submit(it) as s:
        return [s.message(envelope(it.address, ["x%d@%s" % (n, site)]),
                          TEXT)[1] for n in range(count)]


def arrived(server):
    return len(server.complete())


def seconds_for(count, limit):
    """How long count messages took."""
    slow, fast = Server(), Server()
    with Instance(smtproutes="slow.example:127.0.0.1:%d\nfast.example:"
                  "127.0.0.1:%d" % (slow.port, fast.port),
                  siterate=limit) as it:
        it.start()
        begin = time.monotonic()
        many(it, count, "slow.example")
        many(it, 40, "fast.example")
        wait_for("all", lambda: arrived(slow) == count)
        took = time.monotonic() - begin
        it.drained()
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
    slow.close()
    fast.close()
    return took


def pace():
    # Within a second what it allows may come at once.
    least = (10 - 3) * 0.5
    took = seconds_for(10, "slow.example:120/m")
    tap.ok(took >= least, "ten messages at 120 a minute take their time",
           took)
    # However slow the machine is, once it will be fast enough.
    for _ in range(20):
        took = seconds_for(10, "other.example:120/m")
        if took < least:
            break
    tap.ok(took < least, "without a limit they do not, which the same "
           "measure sees", took)


def waits():
    slow, fast = Server(), Server()
    with Instance(smtproutes="slow.example:127.0.0.1:%d\nfast.example:"
                  "127.0.0.1:%d" % (slow.port, fast.port),
                  siterate="slow.example:1/h") as it:
        it.start()
        ids = many(it, 100, "slow.example")

        def parked():
            status = dict(line.split() for line in
                          it.must("godwit", "status").decode().splitlines())
            return int(status["parked"])

        many(it, 40, "fast.example")
        wait_for("those of another site, which do not wait for them",
                 lambda: arrived(fast) == 40)
        wait_for("the first", lambda: arrived(slow) == 1)
        wait_for("most to wait on disk alone", lambda: parked() >= 95)
        lines = "\n".join(line for line in ledger(it)
                          if line.split()[1] != "accept")
        todo = set(os.listdir(it.home / "queue" / "todo"))
        tap.ok(len([i for i in ids if i in todo and i not in lines]) == 99,
               "at one an hour nothing is written for the other 99")
        it.set("siterate", "")
        it.process.send_signal(1)
        it.drained()
        tap.same(arrived(slow), 100, "a reload without the limit lets them "
                 "go")
        tap.same(it.stop(), 0, "start ends with 0")
        it.set("siterate", "x")
        r = it.command("godwit", "check")
        tap.ok(r.returncode and b"siterate:1" in r.stdout + r.stderr,
               "godwit check sees a wrong line", r.stdout + r.stderr)
    slow.close()
    fast.close()


def others():
    """Mail that is for a limited site and for another one."""
    slow, fast = Server(), Server()
    with Instance(smtproutes="slow.example:127.0.0.1:%d\n:127.0.0.1:%d" %
                  (slow.port, fast.port), siterate="slow.example:1/h",
                  queuelifetime="12") as it:
        it.start()
        with Submit(it) as s:
            for n in range(50):
                s.message(envelope(it.address, ["x%d@slow.example" % n,
                                                "x%d@fast.example" % n]),
                          TEXT)
        wait_for("the others", lambda: arrived(fast) == 50)

        def active():
            status = dict(line.split() for line in
                          it.must("godwit", "status").decode().splitlines())
            return int(status["active"])

        wait_for("few to wait in memory", lambda: active() <= 3)
        tap.ok(True, "those whose other recipient waits for hours wait on "
               "disk")
        wait_for("them to be too old", lambda: any(
            b"siterate" in m for m in it.maildir()))
        wait_for("all but those in memory to be given up", lambda: len(
            [line for line in ledger(it) if " fail " in line]) >= 46)
        tap.same((arrived(slow), arrived(fast)), (1, 50), "whoever is too "
                 "old is not sent all at once")
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
    slow.close()
    fast.close()


pace()
waits()
others()
sys.exit(tap.end())

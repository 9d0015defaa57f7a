#!/usr/bin/python3
"""godwit flush, hold, release, cancel and status, on a running instance."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Sink, Tap, wait_for  # noqa: E402


def main():
    tap = Tap()
    sink = Sink()
    with Instance(smtproutes=":127.0.0.1:1") as it:

        def defer(*rcpts):
            """A message that could not be sent now: its id, in info/."""
            before = {p.name for p in it.queued(["info"])}
            it.sendmail(b"Subject: x\n\nbody\n", *rcpts)
            return wait_for("a deferred message", lambda: next(
                iter({p.name for p in it.queued(["info"])} - before), None))

        def godwit(*args):
            # What is being tried just now is asked for again.
            def once():
                r = it.command("godwit", *args)
                return None if b"just now" in r.stderr else r
            return wait_for("an answer", once)

        r = it.command("godwit", "status")
        tap.same(r.returncode, 111, "status says 111 while nothing runs")
        it.start()
        first = defer("a@one.example")
        second = defer("b@two.example")

        def status():
            return json.loads(it.must("godwit", "status", "--json"))

        # Names are in info/ before they are counted.
        wait_for("an idle manager", lambda: status()["active"] == 0)
        tap.same(status()["deferred"], 2, "status counts what is deferred")
        tap.same(godwit("hold", first).returncode, 0, "hold is taken")
        it.stop()
        it.set("smtproutes", ":127.0.0.1:%d" % sink.port)
        it.start()
        tap.same(godwit("flush").returncode, 0, "flush is taken")
        wait_for("the second", lambda: len(sink.messages) == 1)
        tap.same(sink.messages[0][1], ["b@two.example"],
                 "flush tries what is deferred, but not what is held, also "
                 "after a restart")
        wait_for("one file", lambda: [p.name for p in it.queued()] == [first])
        tap.same(godwit("release", first).returncode, 0, "release is taken")
        it.drained()
        tap.same(sink.messages[-1][1], ["a@one.example"],
                 "a released message goes at once")

        it.stop()
        it.set("smtproutes", ":127.0.0.1:1")
        it.start()
        third = defer("c@three.example")
        tap.same(godwit("flush", "@other.example").stdout,
                 b"0 messages tried now\n", "flush can name a domain")
        tap.same(godwit("cancel", third).returncode, 0, "cancel is taken")
        it.drained()
        tap.same(sum(b"cancelled by the operator" in m
                     for m in it.maildir()), 1,
                 "the sender of a cancelled message is told")
        fourth = defer("d@four.example")
        tap.same(godwit("cancel", "--discard", fourth).returncode, 0,
                 "cancel --discard is taken")
        wait_for("it in broken/", lambda: [
            p.name for p in it.queued(["broken"])] == [fourth])
        # Its old name goes when the new one is synced.
        it.drained()
        tap.same(it.queued(), [], "a discarded message is kept in broken/ "
                 "and nowhere else")
        tap.same(godwit("hold", fourth).returncode, 100,
                 "an id that is not queued is refused")
        tap.same(it.command("godwit", "hold", "x").returncode, 64,
                 "a word that is no id is a usage error")
        tap.same(it.stop(), 0, "stop ends with 0")
        r = it.command("godwit", "audit")
        tap.same(r.returncode, 0, "the audit agrees")
        if r.returncode:
            print("# " + r.stdout.decode().replace("\n", "\n# "))
    sink.close()
    return tap.end()


sys.exit(main())

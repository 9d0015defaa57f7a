#!/usr/bin/python3
"""Mail is stored by an enqueue that dies before it tells the manager."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402


def main():
    tap = Tap()
    with Instance() as it:
        it.start()
        trigger = it.home / "queue" / "trigger"
        away = trigger.with_name("away")
        trigger.rename(away)
        it.sendmail(b"Subject: untold\n\nbody\n", it.address)
        away.rename(trigger)
        tap.ok(len(it.queued(["todo"])) == 1 and not it.maildir(),
               "a manager that is not told does not know of it")
        it.kill("godwit-enqueue")
        wait_for("its delivery", it.maildir)
        tap.ok(len(it.maildir()) == 1, "it is looked for when the next "
               "enqueue starts, not minutes later")
        it.drained()
        tap.same(it.stop(), 0, "all end")
    return tap.end()


sys.exit(main())

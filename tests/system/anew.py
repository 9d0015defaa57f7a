#!/usr/bin/python3
"""A message that a start cannot put right waits for no operator."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402


def main():
    tap = Tap()
    with Instance(smtproutes=":127.0.0.1:9") as it:
        it.start()
        it.sendmail(b"Subject: x\n\nbody\n", "a@remote.example")
        wait_for("a deferred message", lambda: it.queued(["info"]))
        it.stop()
        # A crash between the link and the unlink of its move.
        info = pathlib.Path(it.queued(["info"])[0])
        todo = it.home / "queue/todo"
        os.link(info, todo / info.name)
        mode = todo.stat().st_mode & 0o7777
        todo.chmod(0o500)
        it.start()
        tap.ok(b'doing="one name"' in it.log_text() and
               len(it.queued()) == 2, "a name that cannot be taken away stays",
               it.log_text().decode())
        todo.chmod(mode)
        begin = len(it.log_text())

        def asked():
            it.process.send_signal(signal.SIGALRM)
            time.sleep(0.1)
            return not it.queued(["todo"])
        wait_for("one name", asked)
        text = it.log_text(begin).decode()
        tap.ok("then=\"a new start\"" in text and
               "exit program=godwit-manager" in text and
               len(it.queued()) == 1, "when all is to be tried the manager "
               "starts anew and puts it right", text)
        tap.same(it.command("godwit", "audit").returncode, 0,
                 "the audit agrees")
        tap.same(it.stop(), 0, "and the instance ends cleanly")
    return tap.end()


sys.exit(main())

#!/usr/bin/python3
"""The first moments of a spool: no trace of work before the ledger's first
line.  Whoever finds traces and no ledger takes it for one that was removed."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402

tap = Tap()
with Instance() as it:
    ledger = it.home / "queue" / "ledger"
    it.sendmail(b"Subject: early\n\nbody\n", "nosuch@test.example")
    ledger.chmod(0o500)
    it.start()
    wait_for("a ledger that cannot be written",
             lambda: b"ledger doing=write" in it.log_text())
    tap.same(it.queued(["bounce"]), [], "nobody is tried before the ledger "
             "has its first line on disk")
    it.kill()
    it.process.wait()
    it.process = None
    ledger.chmod(0o700)
    it.start()
    for pid in it.pids("godwit-manager"):
        os.kill(pid, signal.SIGALRM)
    it.drained()
    tap.same(sum(b"multipart/report" in m for m in it.maildir()), 1,
             "afterwards it is tried, and bounces once")
    r = it.command("godwit", "audit")
    tap.ok(r.returncode == 0, "no gap is seen where nothing was lost",
           r.stdout.decode())
sys.exit(tap.end())

#!/usr/bin/python3
"""The first moments of a spool: no trace of work before the ledger's first
line.  Whoever finds traces and no ledger takes it for one that was removed."""
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Fail, Instance, Tap, wait_for  # noqa: E402

tap = Tap()


def early():
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


def void():
    """The first segment can neither be synced nor taken away: the ledger
    begins in another one."""
    name = "0" * 16
    if not shutil.which("strace"):
        tap.skip("a first segment that is void", "no strace")
        return
    with Instance() as it:
        first = it.home / "queue" / "ledger" / name
        plain = it.prefix
        it.prefix = plain + [
            "strace", "-f", "-o", str(it.top / "trace"), "-P", str(first),
            "-P", name, "-e", "trace=fdatasync,unlinkat", "-e",
            "inject=fdatasync,unlinkat:error=EIO"]
        try:
            it.start()
        except Fail:
            tap.skip("a first segment that is void", "no strace here")
            return
        it.prefix = plain
        it.sendmail(b"Subject: early\n\nbody\n", it.address)
        it.drained()
        it.signal(signal.SIGTERM, "godwit")
        it.process.wait()
        it.process = None
        tap.ok(b"EIO" in (it.top / "trace").read_bytes() and first.exists() and
               len(it.maildir()) == 1, "mail flows though the ledger's first "
               "segment cannot be synced and stays")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "no line is missing where another segment "
               "goes on behind position 0", r.stdout.decode())
        it.start()
        it.stop()
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "also after the next start",
               r.stdout.decode())


early()
void()
sys.exit(tap.end())

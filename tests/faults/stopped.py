#!/usr/bin/python3 -B
"""One process stands still (SIGSTOP) while mail comes: all others go on, and
when it goes on, or is killed, nothing is lost."""
import os
import signal
import sys
import time

from common import QUICK, main, signal_all, wait_for

PROGRAMS = ["godwit-enqueue", "godwit-manager", "godwit-remote",
            "godwit-local"]


def stand(r, after):
    """Each program in turn stands still, then gets that signal."""
    it = r.instance()
    it.start()
    it.mail.some(4)
    for program in PROGRAMS:
        wait_for(program, lambda: it.pids(program))
        # With local its deliverers too: they have its name.
        pids = signal_all(it, program, signal.SIGSTOP)
        r.faults += len(pids)
        if program != "godwit-enqueue":
            got = it.mail.some(6 if QUICK else 40, direct=False)
            r.check(got, "nothing was accepted while %s stood" % program)
        time.sleep(0.3 if QUICK else 5)  # it stands for so long
        signal_all(it, program, signal.SIGKILL if after == signal.SIGKILL
                   else signal.SIGCONT)
        it.mail.some(4)
        r.did("%s stood still" % program)
    r.settle(it, repeats=True)


def go_on(r):
    stand(r, signal.SIGCONT)


def killed(r):
    stand(r, signal.SIGKILL)


def open_jobs(it, program):
    """How many were handed out to it and are not reported."""
    status = dict(line.split() for line in
                  it.must("godwit", "status").decode().splitlines())
    return int(status[program.replace("godwit-", "open_")])


def worker_with_jobs(r):
    """A worker stands with open jobs and is killed: they are LATER."""
    for program, kind in (("godwit-remote", "r"), ("godwit-local", "l")):
        it = r.instance()
        it.start()
        it.mail.send(kind)
        it.drained()
        signal_all(it, program, signal.SIGSTOP)
        it.mail.some(5, kind, direct=False)
        wait_for("the jobs in its socket", lambda: open_jobs(it, program))
        signal_all(it, program, signal.SIGKILL)
        r.faults += 1
        wait_for("another", lambda: it.pids(program))
        r.did("%s killed with open jobs" % program)
        r.settle(it, repeats=True)


def deliverer(r):
    """A user stops his deliverer: localtimeout ends it, others go on."""
    it = r.instance(localtimeout="2", localidle="600")
    it.start()
    it.mail.some(2, "l")
    it.drained()
    deliverers = [p for p in it.pids("godwit-local")
                  if open("/proc/%d/comm" % p).read() == "godwit-deliver\n"]
    r.check(deliverers, "no deliverer is there")
    for p in deliverers:
        os.kill(p, signal.SIGSTOP)
        r.faults += 1
    it.mail.some(8, "lr")
    wait_for("its end", lambda: b"deliverer-killed" in it.log_text() or
             not it.queued())
    r.did("%d deliverers stopped, ended by localtimeout" % len(deliverers))
    r.settle(it)


CASES = [("goes on", go_on), ("is killed", killed),
         ("a worker with open jobs", worker_with_jobs),
         ("a deliverer", deliverer)]
PLANT = [("a manager that takes a dead worker's jobs for done",
          worker_with_jobs, {"godwit-manager": "hopeful"}, "0 times")]

if __name__ == "__main__":
    sys.exit(main("stopped", CASES, PLANT))

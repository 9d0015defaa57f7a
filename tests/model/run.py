#!/usr/bin/python3
"""Checks tests/model/queue.pml with spin: the protocol as it is must pass,
each broken variant must fail.

usage: tests/model/run.py FOLDER   (for what spin makes)
QUICK=1: CI's share, exhaustive for one death with one thing more at a time;
else also all of them at once, two messages, and two deaths.  SEED=n: the
order in which searches try what may happen, and which states a bitstate
search may miss.  MEMORY=MB for one search (default 8000)."""
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

MODEL = pathlib.Path(__file__).resolve().parent / "queue.pml"
QUICK = bool(os.environ.get("QUICK"))
MEMORY = int(os.environ.get("MEMORY", 8000))
SEED = int(os.environ.get("SEED", 1))
LIMIT = 600
RUNNING = set()
# How often each may happen: deaths, deferrals, checkpoints, a manager who
# waits no longer, a failed sync of todo/, the original read too early.
WHAT = ["CRASHES", "DEFERS", "CHECKPOINTS", "GIVEUPS", "ERRORS", "EARLY"]
GOOD = [
    (dict(CRASHES=1, DEFERS=1), "a deferral"),
    (dict(CRASHES=1, CHECKPOINTS=1), "a checkpoint"),
    (dict(GIVEUPS=1, ERRORS=1, EARLY=1), "slow, failing and read too early"),
    (dict(CRASHES=1, MESSAGES=2), "two messages of two recipients"),
]
WHOLE = [
    (dict(CRASHES=1, DEFERS=1, CHECKPOINTS=1), "a deferral, a checkpoint"),
    (dict(CRASHES=1, GIVEUPS=1, ERRORS=1), "slow and failing"),
    (dict(CRASHES=1, GIVEUPS=1, EARLY=1), "slow and read too early"),
    (dict(CRASHES=1, MESSAGES=2, CHECKPOINTS=1), "two messages, a checkpoint"),
    (dict(CRASHES=2), "deaths alone"),
]
# Beyond the memory: searched by bits, which may miss states.
BITS = [
    (dict(CRASHES=2, DEFERS=1, CHECKPOINTS=1, GIVEUPS=1, ERRORS=1, EARLY=1),
     "everything"),
    (dict(CRASHES=2, DEFERS=1, CHECKPOINTS=1, GIVEUPS=1, ERRORS=1, EARLY=1,
          MESSAGES=2), "everything, two messages of two recipients"),
]
BROKEN = [
    ("V_UNLINK_FIRST", dict(CRASHES=1), "removed before the record"),
    ("V_ANSWER_FIRST", dict(CRASHES=1), "answered before the sync"),
    ("V_RANDOM_ID", dict(CRASHES=1), "the bounce's id not derived"),
    ("V_CHECKPOINT_FIRST", dict(CRASHES=1, CHECKPOINTS=1),
     "checkpoint before the sync"),
    ("V_INFO_UNSYNCED", dict(CRASHES=1, DEFERS=1),
     "info/ not synced before the unlink"),
    ("V_REPORTS_UNSYNCED", dict(CRASHES=1),
     "reports not synced before the failure"),
    ("V_MARK_FIRST", dict(CRASHES=1, DEFERS=1),
     "the record marked before the ledger is synced"),
    ("V_NO_ANSWERS", dict(CRASHES=1), "a bounce's acceptance settles nobody"),
    ("V_RECOVER_UNSYNCED", dict(CRASHES=2),
     "recovery acts on lines that are not synced"),
    ("V_TORN_BOUNCE", dict(CRASHES=1),
     "half the lines of a bounce make a second one"),
    ("V_NAME_UNSYNCED", dict(CRASHES=2),
     "a bounce counts before its name is synced"),
    ("V_DOOR_STALE", dict(CRASHES=1), "the door serves who does not wait"),
    ("V_DOOR_TWICE", dict(CRASHES=1), "the door makes a bounce twice at once"),
    ("V_DOOR_LATE", dict(CRASHES=1, GIVEUPS=1),
     "the door writes what is there"),
    ("V_NAME_TAKEN", dict(ERRORS=1, GIVEUPS=1),
     "a bounce's name taken away after a failed sync"),
    ("V_NO_REREAD", dict(GIVEUPS=1, EARLY=1),
     "the records not read again before a bounce"),
]


def optimise(name, counts):
    """A short search takes less time than to optimise it."""
    if name and counts.get("CRASHES", 0) < 2:
        return "-O0"
    return "-O1" if QUICK or name else "-O2"


def run(*argv, **kw):
    """Its exit code and output; a signal ends it."""
    p = subprocess.Popen(argv, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, **kw)
    RUNNING.add(p)
    out = p.communicate()[0]
    RUNNING.discard(p)
    return p.returncode, out


def must(*argv, **kw):
    code, out = run(*argv, **kw)
    if code:
        raise RuntimeError("%s: exit %d: %s" % (argv[0], code, out))


def end(*unused):
    """timeout(1) passes it to the search, which has a group of its own."""
    for p in list(RUNNING):
        p.terminate()
    os._exit(1)


def search(d, name, counts, bits=False):
    """(errors, states, whole, seconds, words)"""
    d.mkdir(parents=True, exist_ok=True)
    flags = ["-D%s=%d" % (w, counts.get(w, 0)) for w in WHAT]
    flags.append("-DMESSAGES=%d" % counts.get("MESSAGES", 1))
    must("spin", "-a", *flags, *(["-D" + name] if name else []), str(MODEL),
         cwd=d)
    must("gcc", optimise(name, counts), "-w", "-DSAFETY", "-DT_RAND",
         "-DMEMLIM=%d" % MEMORY, "-DVECTORSZ=1024",
         "-DBITSTATE" if bits else "-DCOLLAPSE", "-o", "pan", "pan.c", cwd=d)
    start = time.monotonic()
    code, out = run("timeout", "-s", "INT", str(LIMIT), "./pan", "-m200000",
                    "-RS%d" % SEED, *(["-w34", "-k3"] if bits else []), cwd=d)
    errors = re.search(r"errors: (\d+)", out)
    states = re.search(r"(\S+) states, stored", out)
    whole = code == 0 and "Search not completed" not in out
    return (int(errors.group(1)) if errors else -1,
            int(float(states.group(1))) if states else 0, whole,
            time.monotonic() - start)


def judge(name, bits, result):
    """Whether it is as it must be, and what kind of search it was."""
    errors, _, whole, _ = result
    if errors > 0:
        return bool(name), "a counterexample"
    if bits:
        return errors == 0, "%sbitstate, not exhaustive" % (
            "" if whole else "stopped, ")
    return errors == 0 and whole and not name, \
        "exhaustive" if whole else "NOT finished"


def main():
    top = pathlib.Path(sys.argv[1])
    jobs = [("", g[0], g[1], False) for g in GOOD]
    if not QUICK:
        jobs += [("", g[0], g[1], False) for g in WHOLE]
        jobs += [("", g[0], g[1], True) for g in BITS]
    jobs += [b + (False,) for b in BROKEN]
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    print("# SEED=%d" % SEED, flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(search, top / ("%02d" % n), j[0], j[1], j[3])
                   for n, j in enumerate(jobs)]
        for (name, counts, what, bits), f in zip(jobs, futures):
            good, kind = judge(name, bits, f.result())
            bad += not good
            _, states, _, seconds = f.result()
            print("%sok - %s%s (%s): %d states, %s, %.0f s" %
                  ("" if good else "not ",
                   name + " fails: " if name else "the protocol as it is, ",
                   what, " ".join("%s=%d" % c for c in counts.items()),
                   states, kind, seconds), flush=True)
    print("%d searches, %d not as they must be" % (len(jobs), bad))
    return bad != 0


sys.exit(main())

#!/usr/bin/python3
"""Checks tests/model/queue.pml with spin: the protocol as it is must pass,
each broken variant must fail.

usage: tests/model/run.py FOLDER   (for what spin makes)
QUICK=1: the protocol with one death only, exhaustively; else also with two,
by a bitstate search.  MEMORY=MB for one search (default 8000)."""
import concurrent.futures
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

MODEL = pathlib.Path(__file__).resolve().parent / "queue.pml"
QUICK = bool(os.environ.get("QUICK"))
MEMORY = int(os.environ.get("MEMORY", 8000))
LIMIT = 600
# What is broken, and how many deaths it takes to show.
BROKEN = [
    ("V_UNLINK_FIRST", 1, "removed before the record"),
    ("V_ANSWER_FIRST", 1, "answered before the sync"),
    ("V_RANDOM_ID", 1, "the bounce's id not derived"),
    ("V_CHECKPOINT_FIRST", 1, "checkpoint before the sync"),
    ("V_INFO_UNSYNCED", 1, "info/ not synced before the unlink"),
    ("V_REPORTS_UNSYNCED", 1, "reports not synced before the failure"),
    ("V_MARK_FIRST", 1, "the record marked before the ledger is synced"),
    ("V_NO_ANSWERS", 1, "a bounce's acceptance settles nobody"),
    ("V_RECOVER_UNSYNCED", 2, "recovery acts on lines that are not synced"),
    ("V_TORN_BOUNCE", 1, "half the lines of a bounce make a second one"),
    ("V_NAME_UNSYNCED", 2, "a bounce counts before its name is synced"),
    ("V_DOOR_STALE", 2, "the door still serves a dead manager"),
]


def search(top, name, crashes, bits=False):
    """(errors, states, whole, seconds)"""
    d = top / (name + str(crashes) + ("b" if bits else ""))
    d.mkdir(parents=True, exist_ok=True)
    flags = ["-DCRASHES=%d" % crashes] + (["-D" + name] if name else [])
    subprocess.run(["spin", "-a"] + flags + [str(MODEL)], cwd=d, check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", "-O2", "-w", "-DSAFETY", "-DMEMLIM=%d" % MEMORY,
                    "-DVECTORSZ=1024", "-DBITSTATE" if bits else "-DCOLLAPSE",
                    "-o", "pan", "pan.c"], cwd=d, check=True)
    start = time.monotonic()
    run = subprocess.run(["timeout", "-s", "INT", str(LIMIT), "./pan", "-m200000"] +
                         (["-w34", "-k3"] if bits else []), cwd=d,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True)
    errors = re.search(r"errors: (\d+)", run.stdout)
    states = re.search(r"(\S+) states, stored", run.stdout)
    whole = run.returncode == 0 and "Search not completed" not in run.stdout
    return (int(errors.group(1)) if errors else -1,
            int(float(states.group(1))) if states else 0, whole,
            time.monotonic() - start)


def main():
    top = pathlib.Path(sys.argv[1])
    top.mkdir(parents=True, exist_ok=True)
    bad = 0
    jobs = [("", 1, "the protocol as it is")]
    if not QUICK:
        jobs.append(("", 2, "the protocol as it is"))
    # This one takes a minute: the whole run has it.
    jobs += [b for b in BROKEN if not QUICK or b[0] != "V_NAME_UNSYNCED"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # Two deaths of the whole protocol pass 8 GB: searched by bits, which
        # may miss states, and named so.
        bits = ["", 2]
        futures = [pool.submit(search, top, j[0], j[1], list(j[:2]) == bits)
                   for j in jobs]
        for (name, crashes, what), f in zip(jobs, futures):
            errors, states, whole, seconds = f.result()
            good = errors > 0 if name else errors == 0 and (
                whole or [name, crashes] == bits)
            bad += not good
            print("%sok - %s%s: %d deaths, %d states, %s, %.0f s" %
                  ("" if good else "not ", name and name + " fails: ", what,
                   crashes, states,
                   "a counterexample" if errors > 0 else
                   "%sbitstate, not exhaustive" %
                   ("" if whole else "stopped, ")
                   if [name, crashes] == bits else
                   "exhaustive" if whole else "NOT finished", seconds),
                  flush=True)
    print("%d searches, %d not as they must be" % (len(jobs), bad))
    return bad != 0


sys.exit(main())

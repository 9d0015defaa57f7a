#!/usr/bin/python3
"""Death at each system call that changes something, and an error at each
that may give one.

usage: tests/crash/crash.py KILL_AT [PLANTED]
BIN is the folder of programs, KILL_AT the program of kill_at.c; each folder
in PLANTED holds a program with a mistake that must be found.  QUICK=1 is a
seeded sample; SEED= repeats it.  TRACED=a,b limits what is tried, ONLY=word
the places, JOBS= how many instances are busy at a time, KEEP=folder keeps the
remains of what went wrong."""
import collections
import concurrent.futures
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import errnos
from house import House, Plan
from alone import alone
from run import SYNCS, Run, end_all

QUICK = bool(os.environ.get("QUICK"))
SEED = int(os.environ.get("SEED") or random.randrange(1 << 30))
PROGRAMS = (os.environ.get("TRACED") or
            "godwit-enqueue,godwit-manager,godwit-local,godwit-remote,"
            "godwit,sendmail").split(",")
ONLY = os.environ.get("ONLY", "")
WHAT = (os.environ.get("WHAT") or "kill,once,lasting,second").split(",")
POOL = 12 if QUICK else 24    # most of them wait
SAMPLE = {"kill": 2, "once": 3, "lasting": 1}
DISK_MIB = 2048
PATIENCE = {"patience": 4} if QUICK else {}


class Tally:
    """What was done to one program."""

    def __init__(self, program):
        self.program = program
        self.known = {}                # place: changes, of the dry run
        self.hits = collections.Counter()
        self.counts = collections.Counter()
        self.later = {}                # place: (changes, plan that led there)
        self.hit = set()
        self.second = set()
        self.begin = time.monotonic()

    def progress(self):
        done = self.counts["reached"] + self.counts["missed"]
        if done % 200 == 0:
            print("# %s: %d runs in %d s" %
                  (self.program, done, time.monotonic() - self.begin),
                  flush=True)

    def take(self, run, quiet=False):
        """A run that is over; whether it was wrong."""
        struck = {p for _, p, _, s in run.calls if s}
        mode = "second" if len(run.plans) > 1 else run.plans[0].mode
        self.counts[mode] += 1
        if len(run.plans) > 1:
            reached = run.plans[1].place in struck
            self.second |= {run.plans[1].place} & struck
        else:
            reached = bool(struck)
            self.hit |= struck & set(self.known) if mode != "kill" else set()
        self.counts["reached" if reached else "missed"] += 1
        self.counts["helped"] += run.helped
        self.progress()
        for _, place, changes, _ in run.calls:
            if place not in self.known and place not in self.later and \
                    len(run.plans) == 1 and struck and mode != "kill":
                self.later[place] = changes, run.plans[0]
        if run.wrong:
            self.counts["wrong"] += 1
            if not quiet:
                print("not ok - %s, %s: %s" % (
                    self.program, "; ".join(map(str, run.plans)),
                    "; ".join(run.wrong)), flush=True)
        return reached

    def line(self):
        c = self.counts
        return ("%s: errors at %d of %d places (and at %d of %d that only an "
                "error leads to); %d deaths, %d errors once, %d lasting, %d "
                "after another; %d reached, %d not; %d wrong" %
                (self.program, len(self.hit), len(self.known),
                 len(self.second), len(self.later), c["kill"], c["once"],
                 c["lasting"], c["second"], c["reached"], c["missed"],
                 c["wrong"]) +
                ("; %d restarted to save a wait" % c["helped"]
                 if c["helped"] else ""))


def errors(tally):
    """Every place, every error, once and lasting."""
    plans = []
    for place, changes in sorted(tally.known.items()):
        rng = random.Random("%d %s" % (SEED, place))
        if ONLY not in place:
            continue
        names = errnos.of(place, changes)
        restart = rng.choice(names)
        for name in names:
            at = rng.randint(1, tally.hits[place])
            plans.append(Plan("once", at, place, name))
            if name == "EINTR":
                continue  # nothing is interrupted for ever
            until = "restart" if name == restart or QUICK else "time"
            plans.append(Plan("lasting", rng.randint(1, tally.hits[place]),
                              place, name, until))
    return [p for p in plans if p.mode in WHAT]


def sample(plans, rng):
    if not QUICK:
        return plans
    some = []
    for mode, n in SAMPLE.items():
        of = [p for p in plans if p.mode == mode]
        some += rng.sample(of, min(n, len(of)))
    return some


def look(house, tally, path=None):
    """Runs in which nothing is done: the places, of the planted program at
    path if there is one, for its addresses are others."""
    changes = 0
    for _ in range(1 if QUICK else 3):
        dry = Run(house, tally.program, Plan("count"), planted=path).run()
        if dry.wrong and not path:
            print("not ok - %s, nothing done to it: %s" %
                  (tally.program, dry.wrong))
            tally.counts["wrong"] += 1
        hits = collections.Counter(p for _, p, _, _ in dry.calls)
        for _, place, change, _ in dry.calls:
            tally.known[place] = change
            tally.hits[place] = hits[place]
        changes = max(changes, sum(c for _, _, c, _ in dry.calls))
    return changes


def runs_of(house, tally, plans):
    return [Run(house, tally.program, *(p if isinstance(p, tuple) else (p,)),
                **PATIENCE) for p in plans]


def campaign(house, pool, program):
    rng = random.Random("%d %s" % (SEED, program))
    tally = Tally(program)
    changes = look(house, tally)
    plans = [Plan("kill", n) for n in range(1, changes + 1)
             if "kill" in WHAT and not ONLY]
    missed = []
    for run in pool.map(Run.run, runs_of(
            house, tally, sample(plans + errors(tally), rng))):
        if not tally.take(run) and run.plans[0].place:
            missed.append(run.plans[0])
    # Threads made it meet the place less often this time.
    again = [Plan(p.mode, 1, p.place, p.error, p.until) for p in missed]
    for run in pool.map(Run.run, runs_of(house, tally, again)):
        tally.take(run)
    second = []
    for place, (changes, first) in sorted(tally.later.items()):
        if QUICK or "second" not in WHAT:
            break
        second += [(first, Plan("once", 1, place, name))
                   for name in errnos.of(place, changes)]
    for run in pool.map(Run.run, runs_of(house, tally, second)):
        tally.take(run)
    print(tally.line(), flush=True)
    for place in sorted(set(tally.known) - tally.hit):
        if not QUICK and not ONLY:
            print("# not reached: %s %s" % (program, place))
    return tally


def planted(house, pool, folder):
    """Whether the mistake is found; stops at the first that shows it."""
    [path] = folder.glob("godwit-*")
    name, program = folder.name, path.name
    rng = random.Random("%d %s" % (SEED, name))
    dry = Tally(program)
    changes = look(house, dry, path)
    if name == "damage":
        plans = [Plan("once", 1, p, "EIO") for p in dry.known
                 if p.startswith("pread@")]
    elif name == "sync":
        plans = [Plan("once", 1, p, "EIO") for p in dry.known
                 if p.split("@")[0] in SYNCS]
    else:
        plans = [Plan("kill", n) for n in range(1, changes + 1)]
    rng.shuffle(plans)
    todo = [Run(house, program, p, planted=path, patience=4) for p in plans]
    tries, found, over = 0, None, False

    def one(run):
        return run if over else run.run()

    for run in pool.map(one, todo):
        tries += 1
        if run.wrong:
            found, over = run, True
            break
    if found:
        print("ok - the planted mistake %s is found, try %d: %s: %s" %
              (name, tries, found.plans[0], found.wrong[0].split("\n")[0]))
    else:
        print("not ok - the planted mistake %s is not found in %d runs" %
              (name, tries))
    sys.stdout.flush()
    return found is not None


def journaled(top):
    """Mounts an ext4 with a journal there: names and contents of files come
    to its disk in order, which programs make use of."""
    image = top / "image"
    with open(image, "wb") as f:
        f.truncate(DISK_MIB << 20)
    try:
        for command in (["mkfs.ext4", "-q", "-N", "200000", image],
                        ["mount", "-o", "loop", image, top]):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        top.chmod(0o755)
    except (OSError, subprocess.CalledProcessError) as e:
        print("SKIPPED: the order of an ext4 with a journal: %s" % e)


def main():
    begin = time.monotonic()
    top = alone("godwit-crash-", "/tmp")
    print("seed %d" % SEED, flush=True)
    if top:
        journaled(top)
    else:
        print("SKIPPED: the order of an ext4 with a journal: needs root and "
              "namespaces")
    house = House(sys.argv[1], top)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *unused: end_all(house))
    tallies, found = [], True
    mistakes = [p for a in sys.argv[2:]
                for p in sorted(pathlib.Path(a).resolve().iterdir())]
    if house.forbidden():
        print("SKIPPED, 0 runs: %s" % house.forbidden())
        house.close()
        return 0
    try:
        with concurrent.futures.ThreadPoolExecutor(POOL) as pool, \
                concurrent.futures.ThreadPoolExecutor(16) as side:
            plants = side.map(lambda f: planted(house, pool, f), mistakes)
            tallies = list(side.map(lambda p: campaign(house, pool, p),
                                    PROGRAMS))
            found = all(list(plants))
    finally:
        house.close()
    total = sum((t.counts for t in tallies), collections.Counter())
    places = sum(len(t.known) for t in tallies)
    print("%d runs in %d s, %d reached their call, %d wrong; errors at %d of "
          "%d places" % (total["reached"] + total["missed"],
                         time.monotonic() - begin, total["reached"],
                         total["wrong"], sum(len(t.hit) for t in tallies),
                         places))
    bad = total["wrong"] or not found or not total["reached"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Death, or an error, at each system call that changes something.

usage: tests/crash/crash.py KILL_AT [PLANTED]
BIN is the folder of programs, KILL_AT the program of kill_at.c; PLANTED a
manager that removes before it records, which must be found.  QUICK=1 is a
seeded sample; SEED= repeats it.  PROGRAMS=a,b limits what is tried."""
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import BIN, Fail, Instance, Sink, wait_for  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
SEED = int(os.environ.get("SEED") or random.randrange(1 << 30))
PROGRAMS = (os.environ.get("PROGRAMS") or
            "godwit-enqueue,godwit-manager,godwit-local,"
            "godwit-remote").split(",")
ERRNOS = {"EIO": 5, "ENOMEM": 12, "EMFILE": 24, "ENOSPC": 28}
FITS = {"openat": ["EMFILE", "ENOSPC", "EIO", "ENOMEM"],
        "connect": ["ENOMEM"], "sendmsg": ["ENOMEM"], "sendto": ["ENOMEM"]}
SAMPLE = 6        # of kills, and of errors, for each program in QUICK
LOCK = threading.Lock()


def programs(top, traced, planted):
    """A folder of programs in which the traced one is watched."""
    shutil.copytree(BIN, top)
    (top / "real").mkdir()
    (top / traced).rename(top / "real" / traced)
    if planted and traced == "godwit-manager":
        shutil.copy(planted, top / "real" / traced)
    shutil.copy(sys.argv[1], top / traced)
    subprocess.run(["chmod", "-R", "a+rX", str(top)], check=True)
    top.chmod(0o777)


class Run:
    def __init__(self, traced, plan, planted=None):
        self.traced, self.plan, self.planted = traced, plan, planted
        self.sink = Sink()
        self.wrong = []
        self.calls = []

    def send(self, it):
        """The load: each kind of message; the tokens of those accepted."""
        kinds = {"l": [it.address], "r": ["x@remote.example"],
                 "b": ["nosuch@test.example"],
                 "m": [it.address, "y@remote.example", "gone@test.example"],
                 "t": ["no1@test.example", "no2@test.example"]}
        for kind, rcpts in kinds.items():
            token = "tok-%s" % kind
            r = it.sendmail(b"Subject: %s\n\nbody\n" % token.encode(),
                            *rcpts)
            if r.returncode == 0:
                self.accepted.append(kind)
            elif r.returncode != 75:
                self.wrong.append("sendmail exit %d %s" %
                                  (r.returncode, r.stderr))

    def drain(self, it):
        def empty():
            for pid in it.pids("godwit-manager"):
                try:
                    os.kill(pid, signal.SIGALRM)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
            return not it.queued()
        try:
            # A site that could not be reached rests for a minute.
            wait_for("an empty queue", empty, 100)
        except Fail as e:
            self.wrong.append("%s: %s" % (e, it.queued()))

    def count(self, it):
        local, bounced = collections.Counter(), collections.Counter()
        for m in it.maildir():
            kind = re.search(rb"^Subject: tok-(\w)", m, re.M)
            if not kind:
                self.wrong.append("a foreign message in the Maildir")
            elif b"multipart/report" in m:
                for rcpt in re.findall(rb"^Final-Recipient: rfc822; ?(\S+)",
                                       m, re.M | re.I):
                    bounced[kind.group(1).decode(), rcpt] += 1
            else:
                local[kind.group(1).decode()] += 1
        remote = collections.Counter()
        for _, _, content in self.sink.messages:
            remote[re.search(rb"tok-(\w)", content).group(1).decode()] += 1
        want_bounces = {"b": [b"nosuch@test.example"],
                        "m": [b"gone@test.example"],
                        "t": [b"no1@test.example", b"no2@test.example"]}
        for kind in self.accepted:
            if kind in "lm" and not local[kind]:
                self.wrong.append("lost: local " + kind)
            if kind in "rm" and not remote[kind]:
                self.wrong.append("lost: remote " + kind)
            for rcpt in want_bounces.get(kind, []):
                if not bounced[kind, rcpt]:
                    self.wrong.append("lost: bounce for %s" % rcpt)
        for what, n in list(bounced.items()) + list(local.items()):
            if n > 1:
                self.wrong.append("twice: %s" % (what,))
        if it.queued(["broken"]):
            self.wrong.append("something was set aside")
        ledger = b"".join(
            f.read_bytes() for f in (it.home / "queue/ledger").iterdir()
            if len(f.name) == 16)
        taken = {m.group(1) for m in re.finditer(
            rb" accept id=(\w+) .*", ledger) if b" answers=" not in
            m.group(0)}
        if len(taken) < len(self.accepted):
            self.wrong.append("%d accepted, the ledger has %d" %
                              (len(self.accepted), len(taken)))
        r = it.command("godwit", "audit")
        if r.returncode:
            self.wrong.append("audit: " + (r.stdout + r.stderr).decode())

    def run(self):
        self.accepted = []
        try:
            with LOCK:
                it = Instance(smtproutes=":127.0.0.1:%d" % self.sink.port)
            with it:
                it.bin = it.top / "traced"
                programs(it.bin, self.traced, self.planted)
                plan = it.bin / (self.traced + ".plan")
                plan.write_text(self.plan)
                plan.chmod(0o666)
                for _ in range(5):
                    try:
                        it.start()
                        break
                    except Fail:
                        it.kill()
                self.send(it)
                self.drain(it)
                code = it.stop()
                if code:
                    # A program that died while it stopped: once more.
                    it.kill()
                    it.start()
                    self.drain(it)
                    it.stop()
                self.count(it)
                calls = it.bin / (self.traced + ".calls")
                if calls.exists():
                    self.calls = [line.split() for line in
                                  calls.read_text().splitlines()]
                if self.wrong and os.environ.get("KEEP"):
                    subprocess.run(["cp", "-a", str(it.top),
                                    os.environ["KEEP"]])
        except (Fail, subprocess.TimeoutExpired) as e:
            self.wrong.append(str(e))
        finally:
            self.sink.close()
        return self


def site(call):
    return call[1] + "@" + call[2]


def campaign(pool, traced, planted, rng):
    """Kills, then errors; (runs, reached, wrong runs, sites hit, sites)"""
    dry = Run(traced, "count").run()
    if dry.wrong:
        print("not ok - %s, nothing done to it: %s" % (traced, dry.wrong))
        return 1, 0, 1, 0, 0
    sites = {}
    for call in dry.calls:
        sites.setdefault(site(call), []).append(int(call[0]))
    kills = list(range(1, len(dry.calls) + 1))
    errors = []
    for name, numbers in sites.items():
        for e in FITS.get(name.split("@")[0], ["EIO", "ENOSPC"]):
            errors.append((rng.choice(numbers), e, name.split("@")[0]))
    if planted:
        errors = []
    elif QUICK:
        kills = sorted(rng.sample(kills, min(SAMPLE, len(kills))))
        # An error of connect lets the site rest for a minute.
        errors = [e for e in errors if e[2] != "connect"]
        errors = sorted(rng.sample(errors, min(SAMPLE, len(errors))))
    runs = [Run(traced, "kill %d" % n, planted) for n in kills]
    runs += [Run(traced, "fail %d %d %s" % (n, ERRNOS[e], name))
             for n, e, name in errors]
    hit, reached, wrong = set(), 0, 0
    for run in pool.map(Run.run, runs):
        struck = [c for c in run.calls if c[-1] == "*"]
        reached += bool(struck)
        hit |= {site(c) for c in struck}
        if run.wrong:
            wrong += 1
            if not planted:
                print("not ok - %s %s %s: %s" %
                      (traced, run.plan, struck[0][1] if struck else "",
                       "; ".join(run.wrong)), flush=True)
        if planted and wrong:
            for other in runs:
                other.run = None
            break
    print("%s: %d calls at %d places; %d kills and %d errors, %d reached, at "
          "%d places; %d wrong" % (traced, len(dry.calls), len(sites),
                                   len(kills), len(errors), reached,
                                   len(hit), wrong), flush=True)
    return len(runs), reached, wrong, len(hit), len(sites)


def main():
    rng = random.Random(SEED)
    print("seed %d" % SEED, flush=True)
    total = [0] * 5
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for traced in PROGRAMS:
            total = [a + b for a, b in
                     zip(total, campaign(pool, traced, None, rng))]
    print("%d runs, %d reached their call, %d wrong; places hit: %d of %d" %
          tuple(total))
    found = True
    if len(sys.argv) > 2:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = campaign(pool, "godwit-manager", sys.argv[2], rng)[2] > 0
        print("%s - the planted mistake (removed before recorded) is %sfound"
              % ("ok" if found else "not ok", "" if found else "not "))
    return 1 if total[2] or not found or not total[1] else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""kill -9 of any or all programs at any time: nothing accepted is lost.

SECONDS=n is how long the killing goes on (default 12), and then, on a machine
that is slow, until enough was accepted to mean something; SEED=n repeats one
run's choices.  KEEP=folder keeps what remains of a run that failed."""
import collections
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Fail, Instance, Sink, Tap, wait_for  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 30)))
SECONDS = float(os.environ.get("SECONDS", 12))
ENOUGH, AT_MOST = 21, 120 + SECONDS
PROGRAMS = ["godwit-enqueue", "godwit-manager", "godwit-remote",
            "godwit-local", "godwit", None]


def main():
    tap = Tap()
    chance = random.Random(SEED)
    accepted = []
    lock = threading.Lock()
    over = threading.Event()
    kills = collections.Counter()
    sink = Sink()
    with Instance(smtproutes=":127.0.0.1:%d" % sink.port) as it:

        def inject(number):
            rng = random.Random(SEED + number)
            count = 0
            while not over.is_set():
                kind = rng.choice("lrbm")
                token = "tok-%d-%d-%s" % (number, count, kind)
                rcpts = {"l": [it.address], "r": ["x@remote.example"],
                         "b": ["nosuch@test.example"],
                         "m": [it.address, "y@remote.example",
                               "z@other.example"]}[kind]
                count += 1
                r = it.sendmail(b"Subject: %s\n\n%s\n" %
                                (token.encode(),
                                 b"a line of text\n" * rng.randrange(600)),
                                *rcpts)
                if r.returncode == 0:
                    with lock:
                        accepted.append(token)
                elif r.returncode not in (75, -signal.SIGKILL):
                    tap.ok(False, "sendmail exits 0 or 75", r.stderr)

        it.start()
        threads = [threading.Thread(target=inject, args=(n,))
                   for n in range(3)]
        for t in threads:
            t.start()
        begun = time.monotonic()

        def goes_on():
            took = time.monotonic() - begun
            return took < SECONDS or len(accepted) < ENOUGH and \
                took < AT_MOST

        while goes_on():
            time.sleep(chance.uniform(0.02, 0.9))
            program = chance.choice(PROGRAMS)
            kills[program or "all"] += 1
            it.kill(program)
            if program in ("godwit", None):
                it.process.wait()
                it.start()
        over.set()
        for t in threads:
            t.join()
        wait_for("the manager", lambda: it.pids("godwit-manager"))

        def drained():
            it.try_now()
            time.sleep(0.5)
            return not it.queued()

        try:
            wait_for("an empty queue", drained)
        except Fail as e:
            tap.ok(False, "the queue drains", e)
        tap.same(it.queued(["broken"]), [], "nothing was set aside")
        code = it.stop()
        tap.same(code, 0, "start ends with 0 after TERM")

        local = collections.Counter()
        bounced = collections.Counter()
        for m in it.maildir():
            token = re.search(rb"^Subject: (tok-\S+)", m, re.M).group(1)
            if b"multipart/report" in m:
                bounced[token.decode()] += 1
            else:
                local[token.decode()] += 1
        remote = collections.Counter()
        for _, rcpts, content in sink.messages:
            token = re.search(rb"^Subject: (tok-\S+)", content, re.M)
            remote[token.group(1).decode()] += len(rcpts)
        lost = []
        for token in accepted:
            kind = token[-1]
            if (kind in "lm" and not local[token] or
                    kind == "r" and remote[token] < 1 or
                    kind == "m" and remote[token] < 2 or
                    kind == "b" and not bounced[token]):
                lost.append(token)
        tap.same(lost[:20], [], "each of %d accepted messages arrived or bounced"
                 % len(accepted))
        tap.ok(len(accepted) >= ENOUGH, "enough was accepted to mean something",
               len(accepted))
        twice = [t for t in bounced if bounced[t] > 1]
        tap.same(twice, [], "no failure was bounced twice")
        again = sum(n - 1 for n in local.values() if n > 1)
        tap.same(again, 0, "no repeat was made in the Maildir")
        r = it.command("godwit", "audit")
        tap.same(r.returncode, 0, "the audit agrees")
        if r.returncode:
            print("# " + r.stdout.decode() + r.stderr.decode())
        print("# seed %d, kills %s, accepted %d, remote repeats %d" %
              (SEED, dict(kills), len(accepted),
               sum(remote.values()) -
               sum(2 if t[-1] == "m" else 1 for t in remote)))
        if tap.failed and os.environ.get("KEEP"):
            subprocess.run(["cp", "-a", str(it.top), os.environ["KEEP"]])
    sink.close()
    return tap.end()


sys.exit(main())

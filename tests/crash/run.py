"""One life of an instance under a plan: the load, the wait, the count."""
import collections
import errno
import itertools
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from house import Quick
from instance import Fail, wait_for

PATIENCE = 150    # seconds until an instance has recovered alone
LASTS = 1.2       # seconds from the first error of a lasting one to its end
HEARD = 60        # seconds for a word of a failed sync, which comes at once
ACTIVE = threading.Semaphore(int(
    os.environ.get("JOBS") or (4 if os.environ.get("QUICK") else 2)))
LIVE = set()
NUMBERS = itertools.count(1)
SYNCS = ("fsync", "fdatasync", "syncfs")


class Run:
    def __init__(self, house, traced, *plans, planted=None,
                 patience=PATIENCE):
        self.house, self.traced, self.plans = house, traced, plans
        self.planted, self.patience = planted, patience
        self.number = next(NUMBERS)
        self.wrong, self.calls, self.accepted = [], [], []
        self.refused = 0
        self.helped = False    # restarted, for it rested too long
        self.over = False
        self.heard = ""
        self.cut_short = False  # an error came as it was killed

    def post(self, it, kind, size=0):
        rcpts = {"r": ["x@remote.example"], "d": ["d@remote.example"],
                 "b": ["nosuch@test.example"],
                 "m": [it.address, "y@remote.example", "gone@test.example"],
                 "t": ["no1@test.example", "no2@test.example"]}
        text = b"Subject: tok-%d-%s\n\nbody\n" % (self.number, kind.encode())
        path = it.top / "message"
        path.write_bytes(text + b"0123456789012345678901234567890\n" *
                         (size // 32))
        with open(path, "rb") as f:
            r = it.command("sendmail", *rcpts.get(kind, [it.address]),
                           stdin=f, timeout=120)
        self.heard += r.stderr.decode()
        if r.returncode == 0:
            self.accepted.append(kind)
            return True
        self.refused += 1
        good = [75]
        if self.traced == "sendmail":
            good += [74, 71]
        if self.traced == "sendmail" or self.lasting():
            good.append(-signal.SIGKILL)
        if r.returncode not in good:
            self.wrong.append("sendmail exit %d %s" % (r.returncode,
                                                       r.stderr))
        return False

    def lasting(self):
        return [p for p in self.plans if p.mode == "lasting"]

    def struck(self, it):
        return sum(c.struck for c in it.control.plans)

    def lifter(self, it):
        """Ends a lasting error, or all programs with it."""
        while not self.over and not self.struck(it):
            time.sleep(0.02)
        end = time.monotonic() + LASTS
        while not self.over and time.monotonic() < end:
            time.sleep(0.02)
        if not self.over and self.lasting()[0].until == "restart":
            for _ in range(2):
                it.kill()
        it.control.lifted = 1

    def up(self, it):
        """Runs, whatever was done to start."""
        end = time.monotonic() + 180
        while it.process is None or it.process.poll() is not None:
            try:
                it.start()
                return
            except Fail as e:
                if time.monotonic() > end:
                    raise Fail("no start: %s" % e)

    def settle(self, it, seconds, quiet=False):
        """Until the queue is empty; asks for it to be tried at once unless
        quiet."""
        begin = time.monotonic()
        ask, pause, rests = begin + 0.05, 0.1, False
        while it.queued() and time.monotonic() < begin + seconds:
            now = time.monotonic()
            self.up(it)
            if not quiet and now > ask:
                it.process.send_signal(signal.SIGALRM)
                ask, pause = now + pause, min(pause * 2, 2)
            if not rests and not quiet and now > begin + 1.5:
                rests = True
                ACTIVE.release()
            time.sleep(0.2 if rests else 0.01)
        if rests:
            ACTIVE.acquire()
        return not it.queued()

    def drain(self, it):
        if self.settle(it, self.patience):
            return
        left = self.names(it)
        if self.patience < PATIENCE:
            # Quick: what rests for a minute is not waited for.
            self.helped = True
            it.stop()
            self.up(it)
            if self.settle(it, 120):
                return
        self.wrong.append("not drained: %s" % left)

    def names(self, it):
        return [str(p.relative_to(it.home)) for p in it.queued()]

    def kill_manager(self, it):
        """Whoever met an error before has time to say so."""
        end = time.monotonic() + (0 if self.lasting() else HEARD)
        before = self.struck(it)
        while self.unheard(it) and time.monotonic() < end:
            time.sleep(0.02)
            before = self.struck(it)
        pids = set(it.pids("godwit-manager"))
        it.kill("godwit-manager")
        wait_for("its end", lambda: not pids & set(it.pids("godwit-manager")))
        self.cut_short = self.struck(it) != before

    def load(self, it):
        if self.traced in ("godwit-enqueue", "sendmail"):
            self.post(it, "e")  # written directly
        self.up(it)
        for kind in "lrbmtd":
            self.post(it, kind)
        self.post(it, "g", 1200000)
        if self.lasting():
            wait_for("the end of the errors", lambda: it.control.lifted or
                     not self.struck(it))
            self.over = True
            it.control.lifted = 1
            self.up(it)
            wait_for("new mail to be taken", lambda: self.post(it, "z"))
        if self.traced == "godwit-manager":
            # What an unclean end leaves is recovered.
            self.settle(it, 0.3, quiet=True)
            self.kill_manager(it)
        self.drain(it)
        if it.process.poll() is None and it.stop():
            it.kill()
            self.up(it)
            self.drain(it)
            it.stop()

    def count(self, it):
        local, bounced = collections.Counter(), collections.Counter()
        for m in it.maildir():
            kind = re.search(rb"^Subject: tok-(\d+)-(\w)", m, re.M)
            if not kind or int(kind.group(1)) != self.number:
                self.wrong.append("a foreign message in the Maildir")
            elif b"multipart/report" in m:
                for rcpt in re.findall(rb"^Final-Recipient: rfc822; ?(\S+)",
                                       m, re.M | re.I):
                    bounced[kind.group(2).decode(), rcpt.decode()] += 1
            else:
                local[kind.group(2).decode()] += 1
        remote = self.house.server.got.pop(self.number,
                                           collections.Counter())
        want_bounces = {"b": ["nosuch@test.example"],
                        "m": ["gone@test.example"],
                        "t": ["no1@test.example", "no2@test.example"]}
        for kind in self.accepted:
            if kind in "lmgez" and not local[kind]:
                self.wrong.append("lost: local " + kind)
            if kind in "rmd" and not remote[kind]:
                self.wrong.append("lost: remote " + kind)
            for rcpt in want_bounces.get(kind, []):
                if not bounced[kind, rcpt]:
                    self.wrong.append("lost: bounce for %s" % rcpt)
        for b in bounced:
            if b[1] not in want_bounces.get(b[0], []):
                self.wrong.append("a bounce that is wrong: %s %s" % b)
        for what, n in list(bounced.items()) + list(local.items()):
            if n > 1 and what != "z":
                self.wrong.append("twice: %s" % (what,))
        if it.queued(["broken"]):
            self.wrong.append("something was set aside")

    def audit(self, it):
        ledger = b"".join(
            f.read_bytes() for f in (it.home / "queue/ledger").iterdir()
            if len(f.name) == 16)
        taken = {m.group(1) for m in re.finditer(
            rb" accept id=(\w+) .*", ledger) if b" answers=" not in
            m.group(0)}
        if len(taken) < len(self.accepted):
            self.wrong.append("%d accepted, the ledger has %d" %
                              (len(self.accepted), len(taken)))
        r = it.godwit("audit")
        if r.returncode:
            self.wrong.append("audit: " + (r.stdout + r.stderr).decode())

    def unheard(self, it):
        """Those whose sync failed and was not heard of: in the log, by who
        was refused, or, where the log took an error itself, by how the
        program ended."""
        if self.cut_short or any(p.until == "restart" for p in self.plans):
            return []  # killed before it could say so
        log = it.log_text().decode("utf8", "replace") + self.heard
        mute = any("<put+" in p.place and c.struck
                   for p, c in zip(self.plans, it.control.plans))
        if mute and "exit program=%s " % self.traced in log and \
                " status=111" in log:
            return []
        return [p for p, c in zip(self.plans, it.control.plans)
                if p.error and p.place.split("@")[0] in SYNCS and c.struck and
                os.strerror(getattr(errno, p.error)) not in log]

    def play(self, it):
        it.watch(self.plans)
        if self.lasting():
            threading.Thread(target=self.lifter, args=[it],
                             daemon=True).start()
        try:
            self.load(it)
            self.count(it)
            self.audit(it)
            self.wrong += ["nobody heard that a sync failed"
                           for _ in self.unheard(it)]
        except (Fail, subprocess.TimeoutExpired) as e:
            self.wrong.append(str(e))
        finally:
            self.over = True
        self.calls = it.calls()
        if self.wrong and os.environ.get("KEEP"):
            subprocess.run(["cp", "-a", str(it.top), os.environ["KEEP"]])

    def run(self):
        with ACTIVE:
            it = Quick(self.house, self.traced, self.planted)
            LIVE.add(it)
            try:
                self.play(it)
            finally:
                self.over = True
                it.control.lifted = 1
                it.close()
                LIVE.discard(it)
        return self


def end_all(house):
    """At a signal: nothing is left behind."""
    for it in list(LIVE):
        it.kill()
        shutil.rmtree(it.top, ignore_errors=True)
    shutil.rmtree(house.top, ignore_errors=True)
    os._exit(111)

"""What the campaign's files share: cases, mail with tokens, and the counting
of what became of it, from outside and by godwit audit.

A file of the campaign is run by run.py, in namespaces of its own where that
can be had; it ends with main()."""
import collections
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
import instance  # noqa: E402
from instance import PATIENCE, Fail, Instance, Sink, wait_for  # noqa: E402
from spool import CONTENT, Submit, envelope  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
SEED = int(os.environ.get("SEED") or 1)
ROOT = os.geteuid() == 0
INSIDE = bool(os.environ.get("GODWIT_FAULTS_INSIDE"))  # namespaces are ours
TOP = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
# Programs with a planted mistake, made by the Makefile.
PLANTED = pathlib.Path(os.environ.get("PLANTED", "build/faults")).resolve()
TOKEN = re.compile(rb"^Subject: (tok-[a-z0-9-]+)", re.M)


class Skip(Exception):
    """This case cannot run here; why."""


def need_root():
    if not ROOT or not INSIDE:
        raise Skip("needs root and namespaces")


def run(*argv, **kw):
    """Its output, or Fail with what it said."""
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       **kw)
    if r.returncode:
        raise Fail("%s: exit %d: %s" % (" ".join(map(str, argv)),
                                        r.returncode, r.stdout.decode()))
    return r.stdout.decode()


def signal_all(it, program, number):
    """The pids that got it."""
    pids = it.pids(program)
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    return pids


def umount(at):
    """A process that was just killed keeps the place for a moment, also when
    /proc shows nothing of it any more."""
    wait_for("umount", lambda: subprocess.run(
        ["umount", at], stderr=subprocess.DEVNULL).returncode == 0)


class Disk:
    """A small file system in a file, mounted below the campaign's folder.
    The mount, and with it the loop device, dies with the namespace."""

    def __init__(self, megabytes, *mkfs):
        need_root()
        if subprocess.run(["losetup", "-f"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode:
            raise Skip("needs loop devices")
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="disk-", dir=TOP))
        self.top.chmod(0o755)
        self.image, self.at = str(self.top / "image"), self.top / "at"
        self.at.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(megabytes << 20)
        run("mkfs.ext4", "-q", "-m0", *mkfs, self.image)
        self.mounted = False
        self.mount()

    def mount(self, *options):
        run("mount", "-o", ",".join(("loop",) + options), self.image, self.at)
        self.mounted = True
        if "ro" not in options:
            os.chmod(self.at, 0o777)

    def umount(self):
        if self.mounted:
            umount(self.at)
        self.mounted = False

    def check(self):
        """fsck, which may find what an emergency left."""
        r = subprocess.run(["e2fsck", "-fy", self.image],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode > 1:
            raise Fail("e2fsck: " + r.stdout.decode())

    def fill(self, block=65536):
        """Writes until nothing fits; the files that hold the room."""
        path = self.at / "filler"
        with open(path, "ab", buffering=0) as f:
            while block:
                try:
                    f.write(b"x" * block)
                except OSError:
                    block //= 2
        return path

    def fill_inodes(self):
        folder, n = self.at / "inodes", 0
        folder.mkdir()
        while True:
            try:
                os.close(os.open(folder / str(n), os.O_CREAT))
            except OSError:
                return folder, n
            n += 1

    def close(self):
        self.umount()
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Place(Instance):
    """An instance, its log in a place that no fault reaches."""

    def __init__(self, under, programs, **control):
        old = tempfile.mkdtemp
        tempfile.mkdtemp = lambda prefix, dir: old(prefix=prefix, dir=under)
        try:
            super().__init__(**control)
        finally:
            tempfile.mkdtemp = old
        self.home_uid = os.stat(self.home).st_uid
        self.log.close()
        fd, self.log_path = tempfile.mkstemp(prefix="log-", dir=TOP)
        os.close(fd)
        self.log = open(self.log_path, "ab+")
        if programs or self.bin == self.top / "bin":
            shutil.rmtree(self.top / "bin", ignore_errors=True)
            self.bin = pathlib.Path(tempfile.mkdtemp(prefix="bin-", dir=TOP))
            for p in instance.BIN.iterdir():
                shutil.copy(PLANTED / programs.get(p.name, "") / p.name
                            if p.name in programs else p, self.bin / p.name)
            run("chmod", "-R", "a+rX", self.bin)
        self.wrong = None

    def log_text(self, start=0):
        with open(self.log_path, "rb") as f:
            f.seek(start)
            return f.read()

    def try_now(self):
        for pid in self.pids("godwit-manager"):
            try:
                os.kill(pid, signal.SIGALRM)
            except ProcessLookupError:
                pass

    def drained(self, seconds=PATIENCE):
        last = [0]

        def empty():
            # Each one begins every attempt anew: not too often.
            if time.monotonic() > last[0] + 0.5:
                self.try_now()
                last[0] = time.monotonic()
            return not self.queued()

        wait_for("an empty queue", empty, seconds)

    def crashed(self):
        """Programs that a signal or an assertion ended, by the log; killed
        ones are somebody's deed."""
        return re.findall(r"exit program=\S+ pid=\d+ signal=(?!9\b|15\b)\d+",
                          self.log_text().decode("utf-8", "replace"))

    def end(self):
        """Whatever it takes; who stands still does not go on for it."""
        def none():
            self.kill()
            return not self.pids()

        wait_for("the end of all programs", none)
        if self.process:
            self.process.wait(PATIENCE)
            self.process = None

    def close(self):
        self.end()
        self.log.close()
        shutil.rmtree(self.top, ignore_errors=True)


class Mail:
    """Messages with tokens: l local, r remote, b bounces, m local and
    remote.  What was accepted is kept here, outside of the instance."""

    def __init__(self, it, sink):
        self.it, self.sink = it, sink
        self.accepted, self.refused, self.codes = [], [], set()
        self.lock, self.count = threading.Lock(), 0

    def send(self, kind="l", lines=1, direct=True):
        """The exit code of sendmail, or 0/75 where a connection is used."""
        with self.lock:
            token = "tok-%d-%s" % (self.count, kind)
            self.count += 1
        to = {"l": [self.it.address], "r": ["x@remote.example"],
              "b": ["nosuch@test.example"],
              "m": [self.it.address, "y@other.example"]}[kind]
        text = b"Subject: %s\n\n" % token.encode() + b"a line\n" * lines
        if direct:
            code = self.it.sendmail(text, *to).returncode
        else:
            with Submit(self.it) as s:
                kind, _ = s.message(envelope(self.it.address, to), text)
                code = 0 if kind == "K" else 75
        with self.lock:
            (self.refused if code else self.accepted).append(token)
            self.codes.add(code)
        return code

    def some(self, number, kinds="lrbm", **kw):
        """Sends that many, and says how many were accepted."""
        before = len(self.accepted)
        for n in range(number):
            self.send(kinds[n % len(kinds)], **kw)
        return len(self.accepted) - before

    def deferred(self):
        """Starts the instance while its relay is not there, and sends: some
        waits in info/, some is parked in todo/ for its site."""
        self.relay(1)
        self.it.start()
        self.some(8)
        wait_for("deferred mail", lambda:
                 len(self.it.queued(["info"])) >= 2 and
                 len(self.it.maildir()) >= 6)

    def relay(self, port=None):
        """Remote mail goes there; else where it arrives."""
        self.it.set("smtproutes",
                    ":127.0.0.1:%d" % (port or self.sink.port))

    def places(self):
        """token -> a Counter of where it is."""
        seen = collections.defaultdict(collections.Counter)
        for text in self.it.maildir():
            t = TOKEN.search(text)
            seen[t[1].decode() if t else "?"][
                "bounce" if b"multipart/report" in text else "local"] += 1
        for _, rcpts, text in self.sink.messages:
            t = TOKEN.search(text)
            seen[t[1].decode() if t else "?"]["remote"] += len(rcpts)
        inodes = set()
        for place in ("todo", "info", "broken"):
            folder = self.it.home / "queue" / place
            for n in os.listdir(folder):
                try:
                    st = os.lstat(folder / n)
                    if not stat.S_ISREG(st.st_mode):
                        continue
                    data = (folder / n).read_bytes()
                except OSError:
                    continue
                t = TOKEN.search(data, CONTENT)
                if t and st.st_ino not in inodes and \
                        b"multipart/report" not in data:
                    seen[t[1].decode()]["aside" if place == "broken" else
                                        "queued"] += 1
                inodes.add(st.st_ino)
        return seen

    def wrong(self, repeats=False, aside=False):
        """What does not add up; repeats: remote ones may be twice."""
        seen, wrong = self.places(), []
        want = {"l": ["local"], "r": ["remote"], "b": ["bounce"],
                "m": ["local", "remote"]}
        self.sums = collections.Counter()
        for t in self.accepted:
            now = seen[t]
            self.sums["accepted"] += 1
            if now["queued"] or now["aside"]:
                self.sums["queued" if now["queued"] else "aside"] += 1
                if now["aside"] and not aside:
                    wrong.append("set aside: " + t)
                continue
            bounced = now["bounce"] > 0 and t[-1] != "b"
            self.sums["bounced" if now["bounce"] else "delivered"] += 1
            for place in want[t[-1]]:
                n = now[place]
                if bounced and self.expired:
                    continue
                if n != 1 and not (n > 1 and repeats and place == "remote"):
                    wrong.append("%s: %d times %s" % (t, n, place))
            if now["bounce"] > 1:
                wrong.append("bounced twice: " + t)
        for t in seen:
            if t not in self.accepted and t not in self.refused:
                wrong.append("nobody sent this: " + t)
        return wrong

    # Whether mail that could not be delivered in time may have bounced.
    expired = False

    def audit(self, code=0):
        r = self.it.command("godwit", "audit", "--json")
        if r.returncode != code:
            return ["godwit audit: exit %d: %s" % (
                r.returncode, (r.stdout + r.stderr).decode()[:600])]
        return []

    def balance(self):
        """The audit's numbers against what lies outside: each file in the
        Maildir and each recipient of the sink is one delivery."""
        r = self.it.command("godwit", "audit", "--json")
        said = json.loads(r.stdout)
        out = len(self.it.maildir()) + sum(len(m[1]) for m in
                                           self.sink.messages)
        wrong = []
        if said["delivered"] != out:
            wrong.append("the audit says %d delivered, outside are %d" %
                         (said["delivered"], out))
        if said["accepted"]["messages"] < len(self.accepted):
            wrong.append("the audit says %d accepted, callers %d" %
                         (said["accepted"]["messages"], len(self.accepted)))
        return wrong


class Report:
    """One run of one case."""

    def __init__(self, programs=None):
        self.programs = programs or {}
        self.faults = self.messages = 0
        self.words, self.wrongs, self.open = [], [], []
        self.rng = random.Random(SEED)

    def did(self, text):
        self.words.append(text)

    def wrong(self, *whys):
        self.wrongs += [w for why in whys
                        for w in (why if isinstance(why, list) else [why])]

    def check(self, good, why):
        if not good:
            self.wrong(why)

    def instance(self, under=None, **control):
        """An instance and mail for it, both gone with the case."""
        sink = self.keep(Sink())
        control.setdefault("smtproutes", ":127.0.0.1:%d" % sink.port)
        control.setdefault("spoolreserve", "0")
        control.setdefault("submitwait", "1")
        it = self.keep(Place(str(under or TOP), self.programs, **control))
        it.mail = Mail(it, sink)
        return it

    def keep(self, what):
        self.open.append(what)
        return what

    def settle(self, it, repeats=False, exact=True, aside=False, stop=True):
        """Drains, counts, stops, audits: after every case."""
        try:
            it.drained()
        except Fail as e:
            self.wrong("not drained: %s; %s" % (
                e, it.log_text()[-600:].decode("utf-8", "replace")))
        self.count(it, repeats, exact, aside, stop)

    def count(self, it, repeats=False, exact=True, aside=False, stop=True):
        mail = it.mail
        if stop and it.process:
            code = it.stop()
            self.check(code == 0, "godwit start ended with %d" % code)
        self.wrong(mail.wrong(repeats, aside), mail.audit())
        if exact and not repeats:
            self.wrong(mail.balance())
        self.wrong(["crashed: " + c for c in it.crashed()])
        s = mail.sums
        self.messages += len(mail.accepted)
        parts = [s[k] for k in ("delivered", "bounced", "queued", "aside")]
        self.check(s["accepted"] == len(set(mail.accepted)) == sum(parts),
                   "the sums do not add up: %s" % dict(s))
        self.did("accepted %d = delivered %d + bounced %d + queued %d%s" % (
            s["accepted"], *parts[:3],
            " + set aside %d" % parts[3] if parts[3] else ""))

    def close(self):
        for what in reversed(self.open):
            try:
                what.close()
            except Exception as e:
                self.wrong("closing: %s" % e)


def run_case(function, programs=None):
    r = Report(programs)
    skipped = None
    try:
        function(r)
    except Skip as e:
        skipped = str(e)
    except Exception as e:
        if isinstance(e, Fail):
            r.wrong(str(e)[-2500:])
        else:
            r.wrong(traceback.format_exc()[-2500:])
        r.wrong([i.log_text()[-6000:].decode("utf-8", "replace")
                 for i in r.open if isinstance(i, Place)])
    finally:
        try:
            r.close()
        except Exception as e:
            r.wrong("closing: %s" % e)
    return r, skipped


def main(kind, cases, planted):
    """cases: [(name, function of a Report)]; planted: [(name, function,
    {program: folder below PLANTED}, what must be said of it)].  Prints a line
    for each and the counts; the exit code."""
    only = os.environ.get("CASE")
    total = collections.Counter()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, function in cases:
        if only and only not in name:
            continue
        begun = time.monotonic()
        r, skipped = run_case(function)
        if skipped:
            total["skipped"] += 1
            print("%s: %s: SKIPPED: %s; 0 faults, 0 messages" %
                  (kind, name, skipped), flush=True)
            continue
        total.update(cases=1, faults=r.faults, messages=r.messages,
                     wrong=bool(r.wrongs))
        print("%s%s: %s: %s; %d faults, %d messages (%.1f s)" %
              ("not ok: " if r.wrongs else "", kind, name,
               "; ".join(r.words), r.faults, r.messages,
               time.monotonic() - begun), flush=True)
        for w in r.wrongs[:12]:
            print("#   " + str(w).replace("\n", "\n#   "), flush=True)
    for name, function, programs, words in planted:
        if only and only not in name:
            continue
        r, skipped = run_case(function, programs)
        if skipped:
            total["skipped"] += 1
            print("%s: planted: %s: SKIPPED: %s" % (kind, name, skipped),
                  flush=True)
            continue
        found = [w for w in r.wrongs if re.search(words, str(w))]
        total.update(planted=1, wrong=not found)
        print("%s%s: planted: %s: %s" % (
            "" if found else "not ok: ", kind, name,
            "found: " + str(found[0])[:100].replace("\n", " ") if found else
            "NOT found: %s" % r.wrongs[:3]), flush=True)
    print("COUNTS " + json.dumps(total), flush=True)
    return 1 if total["wrong"] else 0

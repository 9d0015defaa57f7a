"""What all lines share: how much, how often, which systems, which folders."""
import contextlib
import os
import pathlib
import random
import subprocess
import sys
import time

QUICK = os.environ.get("QUICK", "") not in ("", "0")
RUNS = int(os.environ.get("RUNS", 1 if QUICK else 5))
SEED = int(os.environ.get("SEED", 1))
BIN = pathlib.Path(os.environ.get("BIN", "build/bin")).resolve()
TOOLS = BIN.parent / "bench"
KEPT = pathlib.Path(os.environ.get("BENCH_ROOT", BIN.parent / "bench" /
                                   "roots")).resolve()
ROOTS = KEPT / "disk"       # mounted there, for this run alone
OWN_DISK = os.environ.get("DISK", "") == "own"
OUT = pathlib.Path(os.environ.get("BENCH_OUT", BIN.parent / "bench")).resolve()
LIMIT = 20 if QUICK else 60     # seconds that one measurement may take
CALLER = 65534          # who calls sendmail: an ordinary user
SINK_PORT = 2525
CLOCK = os.sysconf("SC_CLK_TCK")

chance = random.Random(SEED)
notes = []


class Failed(Exception):
    """A measurement that could not be made; the rest goes on."""


def note(text):
    """Something the reader of the table has to know."""
    if text not in notes:
        notes.append(text)
    say("# " + text)


def say(text):
    print(text, file=sys.stderr, flush=True)


def tool(name, *args, **kw):
    """The output of one of the compiled tools."""
    kw.setdefault("timeout", LIMIT)
    try:
        r = subprocess.run([str(TOOLS / name)] + [str(a) for a in args],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, **kw)
    except subprocess.TimeoutExpired:
        raise Failed("%s: not done after %d s" % (name, kw["timeout"]))
    if r.returncode:
        raise Failed("%s: exit %d: %s" % (name, r.returncode, r.stderr))
    return r.stdout


@contextlib.contextmanager
def attempt(what):
    """What fails in it is told; the rest goes on."""
    try:
        yield
    except (Failed, OSError) as e:
        note("%s: %s" % (what, e))


def until(what, true, seconds=60, pause=0.02):
    """Waits until true() is; the deadline is a failure."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = true()
        if got:
            return got
        time.sleep(pause)
    raise Failed("waited %d s for: %s" % (seconds, what))


def processor(pids):
    """Seconds of it that these processes have used, with those of their
    children that ended."""
    total = 0
    for pid in pids:
        try:
            stat = open("/proc/%s/stat" % pid).read()
        except OSError:
            continue
        total += sum(map(int, stat.rsplit(")", 1)[1].split()[11:15]))
    return total / CLOCK


def resting():
    """Seconds in which a processor had nothing to do, of all of them."""
    with open("/proc/stat") as f:
        return sum(map(int, f.readline().split()[4:6])) / CLOCK


def size(full, quick):
    """How many: a full run's number, or a quick one's."""
    return quick if QUICK else full


def turns(things):
    """What is measured in each of the rounds: all of them, and what was first
    in one is last in the next."""
    for n in range(RUNS):
        yield things[::-1] if n % 2 else things


class Deleted:
    """When something was last deleted.  A disk that is told so (discard) is
    slower for a while, and that would be put down to whoever comes next.  Our
    own isn't told."""
    last = 0.0
    rest = 60 if OWN_DISK and not QUICK else 0

    @classmethod
    def now(cls):
        cls.last = time.monotonic()

    @classmethod
    def wait(cls):
        left = cls.last + cls.rest - time.monotonic()
        if cls.last and left > 0:
            say("# %d s of rest after deletions" % left)
            time.sleep(left)


def message(octets):
    """A mail of so many octets, 77 a line, as a file that callers read."""
    folder = ROOTS / "mail"
    folder.mkdir(exist_ok=True)
    path = folder / str(octets)
    head = ("From: sender@src.test\nTo: rcpt@dst.test\n"
            "Date: Sun, 22 Nov 2026 12:00:00 +0000\n"
            "Message-ID: <%d@src.test>\nSubject: bench\n\n" % octets)
    line = "x" * 77 + "\n"
    body = line * ((octets - len(head)) // len(line) + 1)
    path.write_text((head + body)[:octets - 1] + "\n")
    path.chmod(0o644)
    return path

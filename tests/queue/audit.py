#!/usr/bin/python3
"""godwit audit: over an instance at work, and over ledgers and folders that
somebody changed."""
import base64
import hashlib
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fake"))
from instance import Instance, Tap, wait_for
from spool import events

MESSAGE = b"Subject: audit\n\nhello\n"
GOOD = "every accepted recipient has exactly one outcome or is still kept\n"
tap = Tap()


class Audit:
    def __init__(self, i, *args):
        r = i.command("godwit", "audit", *args)
        self.code, self.out = r.returncode, r.stdout.decode()
        self.err = r.stderr.decode()
        self.all = "exit %d\n%s%s" % (r.returncode, self.out, self.err)

    def good(self, name):
        tap.ok(self.code == 0 and self.out.endswith(GOOD), name, self.all)

    def finds(self, words, name):
        tap.ok(self.code == 1 and words in self.out, name, self.all)


class Ledger:
    """The ledger of a stopped instance as lines, kept to be put back."""

    def __init__(self, i):
        self.dir = i.home / "queue" / "ledger"
        self.kept = {p: p.read_bytes() for p in self.dir.iterdir()
                     if p.is_file()}
        self.path = self.dir / ("%016x" % 0)
        self.bytes = self.kept[self.path]
        self.lines = self.bytes.rstrip(b"\n").split(b"\n")

    def write(self, lines):
        data = b"".join(l + b"\n" for l in lines)
        self.path.write_bytes(data.ljust(len(self.bytes), b"\n"))

    def find(self, event):
        return next(n for n, l in enumerate(self.lines)
                    if l.split(b" ")[1] == event)

    def position(self, n):
        return sum(len(l) + 1 for l in self.lines[:n])

    def restore(self):
        for p in self.dir.iterdir():
            if p.is_file() and p not in self.kept:
                p.unlink()
        for p, data in self.kept.items():
            p.write_bytes(data)


def closed(texts):
    """The lines with a chain that fits, as anybody can make it."""
    chain, lines = bytes(24), []
    for text in texts:
        chain = hashlib.blake2b(chain + text, digest_size=24).digest()
        lines.append(text + b" *" + base64.urlsafe_b64encode(chain))
    return lines


def text(line):
    return line[:line.rindex(b" *")]


def at_work(i):
    i.start()
    audits = []
    done = threading.Event()

    def send():
        for n in range(25):
            i.sendmail(MESSAGE, i.address, "ghost@test.example")
        i.sendmail(MESSAGE, i.address, "far@remote.example")
        done.set()

    thread = threading.Thread(target=send)
    thread.start()
    while not done.is_set():
        audits.append(Audit(i))
    thread.join()
    bad = [a for a in audits if a.code]
    tap.ok(not bad, "while mail comes and goes each audit adds up",
           bad and bad[0].all)
    wait_for("mail", lambda: len(i.maildir()) == 51)
    wait_for("deferred", lambda: not i.queued(["todo"]))
    Audit(i).good("at rest it adds up")
    ledger = i.home / "queue" / "ledger" / ("%016x" % 0)
    wait_for("the record", lambda: b" defer id=" in ledger.read_bytes())
    i.kill("godwit-manager")
    Audit(i).good("after a kill of the manager it adds up")
    wait_for("restart",
             lambda: ledger.read_bytes().count(b" start me=") == 2)
    tap.same(i.stop(), 0, "the instance stops")
    a = Audit(i)
    a.good("when it is stopped it adds up")
    got = json.loads(Audit(i, "--json").out)
    tap.same([got["ok"], got["accepted"], got["delivered"], got["bounced"],
              got["queued"], got["mismatches"]],
             [True, {"messages": 51, "recipients": 77}, 51, 25,
              {"messages": 1, "recipients": 1}, []],
             "--json says how many had which outcome")
    tap.ok(got["signatures"] >= 1 and got["lines"] > 150,
           "and how many lines and signatures were verified", got)


def changed_ledgers(i):
    l = Ledger(i)
    n = l.find(b"deliver")
    flip = l.position(n) + 60
    data = bytearray(l.bytes)
    data[flip] ^= 1
    l.path.write_bytes(data)
    a = Audit(i)
    a.finds("position=%d: the line here does not fit" % l.position(n),
            "a changed byte is found, and where")
    tap.ok("cannot be said" in a.out, "and nothing else is claimed", a.all)

    l.write(l.lines[:n] + l.lines[n + 1:])
    Audit(i).finds("position=%d: the line here does not fit" % l.position(n),
                   "a line taken out is found, and where")

    l.write(l.lines[:n] + [l.lines[n + 1], l.lines[n]] + l.lines[n + 2:])
    Audit(i).finds("position=%d: the line here does not fit" % l.position(n),
                   "two lines that changed places are found, and where")

    l.write(l.lines[:n])
    signed = int(l.kept[l.dir / "head"].split(b"position=")[1].split()[0])
    Audit(i).finds("position=%d other=%d: the ledger ends here: lines before "
                   "the signed position" % (l.position(n), signed),
                   "lines missing at the end are found by what head names")

    l.path.write_bytes(l.bytes[:l.position(n)])
    Audit(i).finds("this segment is shorter than it was made",
                   "a segment cut short is found")

    l.path.unlink()
    Audit(i).finds("lines before the signed position",
                   "a ledger that is gone is found")
    l.restore()

    texts = [text(x) for x in l.lines]
    texts[n] = texts[n].replace(b"to=nobody", b"to=nobodi") \
        .replace(b"to=" + i.user.encode(), b"to=somebody")
    l.write(closed(texts))
    a = Audit(i)
    a.finds("the signature does not verify",
            "a new chain over changed lines does not pass the signature")
    (l.dir / "head").unlink()
    a = Audit(i)
    a.finds("the signature does not verify", "not even without head")
    l.restore()

    (l.dir / "head").write_bytes(l.kept[l.dir / "head"][:20])
    Audit(i).finds("ledger/head is damaged", "a damaged head is found")
    l.restore()

    unsigned = [x for x in l.lines if text(x).split(b" ")[1] != b"sign"]
    (l.dir / "head").unlink()
    l.write(closed([text(x) for x in unsigned]) + [b"2026-11-22T21:20:0"])
    Audit(i).good("the start of a line at the end is what a crash leaves")
    l.write(closed([text(x) for x in unsigned]) + [l.lines[n]])
    Audit(i).finds("the line here does not fit", "a whole line is not")
    l.restore()
    Audit(i).good("put back it adds up again")


ONE, TWO, THREE = (b"000000000000%d" % n for n in (1, 2, 3))
ACCEPT = b"accept id=%s from=a@test.example rcpts=1 size=9" % ONE
DELIVER = b"deliver id=%s rcpt=0 to=b@test.example" % ONE
SILENT = b"bounce id=%s rcpt=0 to=none why=notify" % ONE
BOUNCE = b"bounce id=%s rcpt=0 as=%s to=a@test.example"
# Lines, the one that is wrong, the one it contradicts, and what is said.
PLANTED = [
    ([ACCEPT, DELIVER, DELIVER], 2, 1, "rcpt=0", "delivered again"),
    ([ACCEPT, SILENT, DELIVER], 2, 1, "rcpt=0", "delivered after a bounce"),
    ([ACCEPT, DELIVER, DELIVER.replace(b"deliver", b"fail")], 2, 1, "rcpt=0",
     "failed after it had its outcome"),
    ([ACCEPT, DELIVER, SILENT], 2, 1, "rcpt=0", "a bounce after delivery"),
    ([ACCEPT, SILENT, BOUNCE % (ONE, TWO)], 2, 1, "rcpt=0",
     "a second bounce"),
    ([DELIVER], 0, None, "", "an outcome without acceptance"),
    ([ACCEPT, DELIVER, DELIVER.replace(b"rcpt=0", b"rcpt=2")], 2, 0, "",
     "an outcome of no recipient it has"),
    ([ACCEPT.replace(b"rcpts=1", b"rcpts=0")], 0, None, "",
     "accepted without recipients"),
    ([ACCEPT, DELIVER, ACCEPT.replace(b"rcpts=1", b"rcpts=3")], 2, 0, "",
     "accepted again as another message"),
    ([b"remove id=%s" % ONE], 0, None, "", "removed without acceptance"),
    ([ACCEPT, b"remove id=%s" % ONE], 1, 0, "rcpt=0",
     "removed without an outcome"),
    ([ACCEPT], 0, None, "rcpt=0",
     "accepted, without an outcome, and not kept"),
    ([ACCEPT, BOUNCE % (ONE, TWO)], 1, None, "id=%s" % TWO.decode(),
     "a bounce that was never accepted and is not kept"),
    ([ACCEPT, ACCEPT.replace(ONE, TWO) + b" answers=%s:4" % ONE, SILENT,
      DELIVER.replace(ONE, TWO)], 1, None, "id=%s" % TWO.decode(),
     "answers no recipient there is"),
]


def planted(i):
    """Each thing that cannot be right, in a ledger whose chain is whole."""
    l = Ledger(i)
    (l.dir / "head").unlink()
    good = [text(x) for x in l.lines if text(x).split(b" ")[1] != b"sign"]
    stamp = b"2026-01-01T00:00:00.000Z "
    for lines, wrong, other, who, why in PLANTED:
        made = closed(good + [stamp + x for x in lines])
        at = [sum(len(x) + 1 for x in made[:len(good) + n])
              for n in range(len(lines))]
        l.write(made)
        got = json.loads(Audit(i, "--json").out)
        [m] = [m for m in got["mismatches"] if m["why"].endswith(why)] or [{}]
        key, _, value = who.partition("=")
        tap.ok(m.get("position") == at[wrong] and
               m.get("other") == (None if other is None else at[other]) and
               (not who or str(m.get(key)) == value),
               "found, with its lines: %s" % why, (at, got))
    a = Audit(i, "--since", "2026-02-01")
    tap.ok(a.code == 0 and "every recipient accepted since then" in a.out,
           "--since balances what came since", a.all)
    Audit(i, "--since", "2025-12-31T23:59").finds(
        "answers no recipient", "and finds what is wrong in that")
    l.restore()


def most_memory(i):
    """Bytes that an audit had at most; a fork's own memory is not its."""
    p = subprocess.Popen([str(i.bin / "godwit"), "audit"], env=i.env,
                         stdout=subprocess.DEVNULL)
    most = 0
    while p.poll() is None:
        status = pathlib.Path("/proc/%d/status" % p.pid).read_text()
        if "Name:\tgodwit\n" in status and "VmHWM:" in status:
            most = max(most, int(status.split("VmHWM:")[1].split()[0]) * 1024)
    return most


def memory(i):
    """What is over costs nothing."""
    l = Ledger(i)
    (l.dir / "head").unlink()
    good = [text(x) for x in l.lines if text(x).split(b" ")[1] != b"sign"]
    size = []
    count = 30000
    for events in ((b"accept", b"deliver", b"remove"), (b"accept",)):
        lines = [b"2026-01-01T00:00:00.000Z %s id=%013d from=a@test.example "
                 b"rcpts=1 size=9 rcpt=0" % (e, n)
                 for n in range(count) for e in events]
        l.write(closed(good + lines))
        size.append(most_memory(i))
    over, still = size
    print("# an open message takes %d bytes more than a finished one" %
          ((still - over) // count))
    tap.ok(over < still / 2,
           "memory follows what is open, not the ledger", size)
    l.restore()


def changed_folders(i):
    queue = i.home / "queue"
    [message] = i.queued(["info"])
    aside = i.top / "aside"
    shutil.move(message, aside)
    a = Audit(i)
    a.finds("id=%s rcpt=" % message.name,
            "a message missing in info/ is named, and its recipient")
    got = json.loads(Audit(i, "--json").out)
    tap.ok(not got["ok"] and got["mismatch_count"] == 1 and
           got["mismatches"][0]["id"] == message.name,
           "--json names it, too", got)
    shutil.move(aside, queue / "broken" / message.name)
    Audit(i).good("in broken/ it counts as kept")
    shutil.move(queue / "broken" / message.name, message)
    other = message.name[:-1] + ("1" if message.name[-1] != "1" else "2")
    shutil.copy(message, queue / "info" / other)
    Audit(i).finds("id=%s position=0: kept in info/ without acceptance" %
                   other, "a file in info/ that was never accepted is named")
    shutil.move(queue / "info" / other, queue / "todo" / other)
    a = Audit(i)
    tap.ok(a.code == 0 and "not recorded  1 message kept" in a.out,
           "in todo/ it waits to be recorded", a.all)
    os.unlink(queue / "todo" / other)


def gap(i):
    l = Ledger(i)
    n = l.find(b"deliver")
    l.write(l.lines[:n] + l.lines[n + 1:])
    i.start()
    i.sendmail(MESSAGE, i.address)
    wait_for("mail", lambda: len(i.maildir()) == 52)
    wait_for("its line", lambda: events(i, "deliver"))
    a = Audit(i)
    a.finds("a gap: the ledger did not verify",
            "a ledger that began anew is told, while mail flows")
    tap.ok("delivered     1 recipient\n" in a.out and
           "since the gap every accepted" in a.out,
           "and what came since adds up", a.all)
    i.stop()


def refused(i):
    tap.same(i.command("godwit", "audit", "-x").returncode, 64,
             "an argument it does not know: exit 64")
    tap.same(i.command("godwit", "audit", "--since", "noon").returncode, 64,
             "a moment that is none: exit 64")
    key = i.home / "control" / "ledgerkey.pub"
    shutil.move(key, i.top / "key")
    a = Audit(i)
    tap.ok(a.code == 111 and "ledgerkey.pub" in a.err,
           "without the public key: exit 111 and its name", a.all)
    shutil.move(i.top / "key", key)
    if os.geteuid() == 0:
        other = pwd.getpwnam("daemon")
        r = subprocess.run(["setpriv", "--reuid=%d" % other.pw_uid,
                            "--regid=%d" % other.pw_gid, "--clear-groups",
                            str(i.bin / "godwit"), "audit"], env=i.env,
                           capture_output=True)
        tap.ok(r.returncode == 111 and b"run it as root" in r.stderr and
               not r.stdout and r.stderr.count(b"\n") == 1,
               "who may not read is told who may, exit 111", r)
    else:
        tap.skip("who may not read is told who may", "needs root")
    r = i.command("godwit", "audit",
                  env=dict(i.env, GODWIT_HOME=str(i.top / "none")))
    tap.ok(r.returncode == 111 and b"godwit init" in r.stderr,
           "where there is no instance: exit 111, godwit init", r)


with Instance(smtproutes=":127.0.0.1:9") as instance:
    Audit(instance).good("a new instance adds up")
    at_work(instance)
    changed_ledgers(instance)
    planted(instance)
    memory(instance)
    changed_folders(instance)
    refused(instance)
    gap(instance)
sys.exit(tap.end())

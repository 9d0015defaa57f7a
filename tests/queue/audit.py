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
    Audit(i).finds("position=%d: the ledger ends here: lines before the "
                   "signed position" % l.position(n),
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
    changed_folders(instance)
    refused(instance)
    gap(instance)
sys.exit(tap.end())

#!/usr/bin/python3 -B
"""godwit-local in a private instance, driven by a manager of the test."""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import driver
from driver import deliverers, ok, skip

driver.as_user(__file__)
folder = tempfile.mkdtemp()
drive = os.environ.get("DRIVE") or driver.build_drive(folder)
# A uid's home by passwd may be nobody's to write; an absolute Maildir is.
maildir = os.path.join(folder, "mail")
home = driver.make_instance(
    os.path.join(folder, "home"), localusers="me\nother",
    defaultdelivery=maildir + "/", concurrencylocal=6, localperuser=6,
    localidle=600)
try:
    own = pwd.getpwuid(os.geteuid()).pw_name
except KeyError:
    own = os.environ.get("USER") or "postmaster"
LOG = os.path.join(folder, "log")
os.environ["HOME"] = folder  # for a uid whose home is not there


def write(name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def stored(report):
    path = os.path.join(maildir, report.text.removeprefix("stored as "))
    with open(path, "rb") as f:
        return f.read()


HEADER = b"Return-Path: <ann@example.net>\nDelivered-To: me@example.org\n"
FROM = {"from": "ann@example.net"}


def log():
    with open(LOG) as f:
        return f.read()


def test_bytes(d):
    cases = {
        "an empty message": b"",
        "a message with NUL bytes": b"Subject: x\n\na\0b\0\0c\n",
        "a message without a final newline": b"Subject: x\n\nno end",
        "CR LF and bare CR": b"Subject: x\r\n\r\na\rb\r\n",
        "a line like an mbox separator": b"Subject: x\n\nFrom here\n",
        "content of exactly 1 MiB": os.urandom(1 << 20),
        "content of a byte more": os.urandom((1 << 20) + 1),
    }
    for n, (name, data) in enumerate(cases.items()):
        path = write("msg", b"spool header" + data + b"other rcpt")
        r = d.deliver(100 + n, path, "me@example.org", id=1000 + n,
                      offset=12, length=len(data), **FROM)
        ok(r.verdict == "done" and stored(r) == HEADER + data,
           name + " is stored byte for byte", r)
    ok(r.host == maildir, "the report says which Maildir it was", r.host)
    st = os.stat(os.path.join(maildir, "new"))
    ok(stat.S_IMODE(st.st_mode) == 0o700, "a Maildir is made for us alone")
    ok(os.listdir(os.path.join(maildir, "tmp")) == [],
       "tmp/ is empty afterwards")


def test_large(d):
    path = os.path.join(folder, "large")
    block = os.urandom(1 << 20)
    want = hashlib.sha256(HEADER)
    with open(path, "wb") as f:
        for _ in range(100):
            f.write(block)
            want.update(block)
    r = d.deliver(200, path, "me@example.org", id=2000, **FROM)
    have = hashlib.sha256()
    if r.verdict == "done":
        with open(os.path.join(maildir, r.text[len("stored as "):]),
                  "rb") as f:
            while piece := f.read(1 << 20):
                have.update(piece)
    ok(have.digest() == want.digest(), "100 MiB arrive whole", r)
    peak = d.fact("memory")
    if "SAN" in os.environ:
        skip("memory is not measured under sanitizers")
    else:
        ok(0 < peak < 32 << 10, "no process of local exceeds 32 MiB",
           "%d KiB" % peak)
    ok(os.listdir(os.path.join(home, "queue")) == [],
       "the copy never has a name in the queue")
    os.unlink(path)


def test_damage(d):
    path = write("msg", b"Subject: x\n\nbody\n")
    for number, (name, more) in enumerate({
            "content that disagrees with its digest": {"damage": 1},
            "content that is cut": {"length": 1000}}.items()):
        r = d.deliver(300 + number, path, "me@example.org", id=3000, **more)
        ok(r.verdict == "later" and r.flags == 1,
           name + " is reported as damaged, and later", r)
    big = write("msg", os.urandom(3 << 20))
    r = d.deliver(305, big, "me@example.org", id=3000, damage=1)
    ok(r.flags == 1, "so is a long one", r)
    names = os.listdir(os.path.join(maildir, "new"))
    ok(not any("R" in n and ".G" in n and driver_id(3000) in n
               for n in names), "nothing of them reaches the Maildir")


def driver_id(n):
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    text = ""
    for _ in range(13):
        text = letters[n % 32] + text
        n //= 32
    return text


def test_addresses(d):
    path = write("msg", b"Subject: x\n\nbody\n")
    for number, (to, verdict, code, name) in enumerate([
            (own + "@example.org", "done", "2.0.0", "our own name is us"),
            ("Me@Example.ORG", "done", "2.0.0", "case makes no difference"),
            ('"me"@example.org', "done", "2.0.0", "quotes make none"),
            ("other@example.org", "done", "2.0.0", "localusers names more"),
            ("root@example.org", "never", "5.1.1", "root is not us"),
            ("me-ext@example.org", "never", "5.1.1",
             "an extension is no user"),
            ("me@example.net", "later", "4.3.5",
             "a domain that is not in locals is a fault of ours"),
            ("me", "later", "4.3.5", "an address without a domain too"),
            ("me\x01@example.org", "never", "5.1.1",
             "a control character is in no user's name")]):
        r = d.deliver(400 + number, path, to, id=4000 + number)
        ok((r.verdict, r.code) == (verdict, code), name, r)
    r = d.deliver(450, path, "me@example.org", id=4100, **{"from": "a\rb@c"})
    ok((r.verdict, r.code) == ("never", "5.1.3"),
       "a sender with a control character never reaches a header", r)


def test_repeat(d):
    path = write("msg", b"Subject: x\n\nbody\n")
    r = d.deliver(500, path, "me@example.org", id=5000, **FROM)
    first = r.text
    r = d.deliver(501, path, "me@example.org", id=5000, **FROM)
    ok(r.verdict == "done" and r.text == first,
       "a repeat that is still in new/ is not made", r)
    name = first[len("stored as new/"):]
    os.rename(os.path.join(maildir, "new", name),
              os.path.join(maildir, "cur", name + ":2,S"))
    r = d.deliver(502, path, "me@example.org", id=5000, repeat=1, **FROM)
    ok(r.verdict == "done" and r.text == "stored as cur/" + name + ":2,S",
       "a repeat that was read meanwhile is not made", r)
    other = write("other", b"Subject: y\n\nbody\n")
    r = d.deliver(503, other, "me@example.org", id=5000, repeat=1, **FROM)
    ok(r.verdict == "later", "another file of that name is kept, and mail "
       "waits", r)


def test_garbage(d):
    d.tell("raw 77")
    path = write("msg", b"x\n")
    d.tell("wait %d" % (len(d.reports) + 1))
    r = d.reports[-1]
    ok((r.number, r.verdict) == (77, "later"),
       "a datagram that is no job is later", r)
    r = d.deliver(600, path, "me@example.org", nofd=1)
    ok(r.verdict == "later", "a job without its message is later", r)
    before = len(d.reports)
    d.job(601, path, ["me@example.org", "nobody-here@example.org",
                      "other@example.org", "x@example.net"], id=6000)
    d.tell("wait %d" % (before + 4))
    got = {r.index: r.verdict for r in d.reports[before:]}
    ok(got == {0: "done", 1: "never", 2: "done", 3: "later"},
       "each recipient of a job has one report", got)


def test_hundred(d):
    path = write("msg", b"Subject: x\n\nhundred\n")
    before = len(d.reports)
    for n in range(100):
        d.job(700 + n, path, "me@example.org", id=7000 + n, **FROM)
    d.tell("wait %d" % (before + 100))
    new = d.reports[before:]
    ok(len({r.text for r in new}) == 100 and
       all(r.verdict == "done" for r in new) and
       all(stored(r) == HEADER + b"Subject: x\n\nhundred\n" for r in new),
       "a hundred at once arrive as a hundred files")
    ok(sorted(r.number for r in new) == list(range(700, 800)),
       "with one report each")
    pid = d.fact("pid")
    ok(0 < len(deliverers(pid)) <= 6,
       "by no more deliverers than allowed, kept for more",
       deliverers(pid))


def test_deaths():
    """A deliverer that dies or hangs harms its own mail alone."""
    d = driver.Driver(drive, home, log=LOG)
    path = write("msg", b"Subject: x\n\nbody\n")
    d.deliver(800, path, "me@example.org", id=8000)
    pid = d.fact("pid")
    victim, = deliverers(pid)
    os.kill(victim, signal.SIGSTOP)
    # Both lie there when it looks, and would go to one deliverer, which is
    # stopped; which of them is ready first is open.
    os.kill(pid, signal.SIGSTOP)
    d.job(801, path, "me@example.org", id=8001)
    d.job(802, path, "me@example.org", id=8002, attempt=2)
    os.kill(pid, signal.SIGCONT)
    d.tell("wait %d" % (len(d.reports) + 1))
    r = d.reports[-1]
    ok(r.number in (801, 802) and r.verdict == "done",
       "mail that failed before does not wait with other mail", r)
    os.kill(victim, signal.SIGKILL)
    d.tell("wait %d" % (len(d.reports) + 1))
    r = d.reports[-1]
    ok(r.verdict == "later" and "signal 9" in r.text,
       "the mail of a deliverer that dies is later", r)
    r = d.deliver(803, path, "me@example.org", id=7200 + r.number)
    ok(r.verdict == "done", "and the next one delivers it", r)
    for idle in deliverers(pid):
        os.kill(idle, signal.SIGKILL)
    limit = time.monotonic() + 120
    while deliverers(pid) and time.monotonic() < limit:
        time.sleep(0.01)
    r = d.deliver(804, path, "me@example.org", id=8004)
    ok(r.verdict == "done", "one that dies idle is replaced", r)
    ok(d.end() == 0, "local ends with 0 after all of these")


def all_end(pid):
    limit = time.monotonic() + 120
    while deliverers(pid) and time.monotonic() < limit:
        time.sleep(0.05)
    return not deliverers(pid)


def test_idle():
    driver.make_instance(home, localidle=2)
    d = driver.Driver(drive, home, log=LOG)
    path = write("msg", b"Subject: x\n\nbody\n")
    pid = d.fact("pid")
    d.deliver(850, path, "me@example.org", id=8500)
    ok(all_end(pid), "deliverers end when they were idle for long enough")
    stopped = []
    # On a slow machine one may be gone before it is stopped.
    for n in range(20):
        d.deliver(860 + n, path, "me@example.org", id=8600 + n)
        os.kill(pid, signal.SIGSTOP)
        stopped = deliverers(pid)
        for idle in stopped:
            os.kill(idle, signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)
        if stopped:
            break
    ok(stopped and all_end(pid),
       "one that was stopped and does not end is killed")
    ok(d.end() == 0, "local ends with 0 after that")
    driver.make_instance(home, localidle=600)


def test_deadline():
    driver.make_instance(home, localtimeout=4)
    d = driver.Driver(drive, home, log=LOG)
    path = write("msg", b"Subject: x\n\nbody\n")
    # On a slow machine it may take so long without being stopped.
    for n in range(20):
        if d.deliver(910 + n, path, "me@example.org",
                     id=9010 + n).verdict == "done":
            break
    for idle in deliverers(d.fact("pid")):
        os.kill(idle, signal.SIGSTOP)
    r = d.deliver(901, path, "me@example.org", id=9001)
    ok(r.verdict == "later" and "localtimeout" in r.text,
       "a delivery that takes too long is killed, and later", r)
    ok(d.end() == 0, "local ends with 0 all the same")
    ok("deliverer-killed" in log(), "and the log says so")
    os.unlink(os.path.join(home, "control", "localtimeout"))


def ended(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "Z"


def test_deaf():
    d = driver.Driver(drive, home, log=LOG)
    pid = d.fact("pid")
    d.tell("deaf")
    d.job(900, write("msg", b"Subject: x\n\nbody\n"), "me@example.org",
          id=9000)
    until = time.monotonic() + 120
    while not ended(pid) and time.monotonic() < until:
        time.sleep(0.01)
    ok(ended(pid) and "unreported job=900" in log(),
       "a report that cannot be told ends local, so that the manager sees it",
       log())
    d.close()


def test_end():
    d = driver.Driver(drive, home, log=LOG)
    path = write("msg", b"Subject: x\n\nbody\n")
    before = set(os.listdir(os.path.join(maildir, "new")))
    for n in range(50):
        d.job(1000 + n, path, "me@example.org", id=10000 + n)
    status = d.end()
    got = sorted(r.number for r in d.reports)
    ok(status == 0 and got == list(range(1000, 1050)),
       "when the manager ends, each job is still reported, and local exits 0",
       (status, len(got)))
    done = {r.text[len("stored as new/"):] for r in d.reports
            if r.verdict == "done"}
    rest = [r for r in d.reports if r.verdict != "done"]
    after = set(os.listdir(os.path.join(maildir, "new")))
    ok(after - before == done and all(r.code == "4.3.2" for r in rest),
       "done is what is there, and the others are later with 4.3.2", rest[:3])

    d = driver.Driver(drive, home, log=LOG)
    d.deliver(1100, path, "me@example.org", id=11000)
    deliverer = deliverers(d.fact("pid"))[0]
    os.kill(deliverer, signal.SIGSTOP)
    d.job(1101, path, "me@example.org", id=11001)
    d.deliver(1102, path, "nobody-here@example.org")
    d.tell("gone")
    os.kill(deliverer, signal.SIGCONT)
    d.tell("life")
    d.close()
    ok("unreported job=1101" in log(),
       "when the manager dies, what is still decided is logged", log())


def test_forker():
    """Without the process that forks there is nothing to go on with."""
    path = write("msg", b"Subject: x\n\nbody\n")
    d = driver.Driver(drive, home, log=LOG)
    d.deliver(1200, path, "me@example.org", id=13000)
    pid = d.fact("pid")
    deliverer = deliverers(pid)[0]
    os.kill(deliverer, signal.SIGSTOP)
    d.job(1201, path, "me@example.org", id=13001)
    os.kill(driver.children(pid)[0], signal.SIGKILL)
    until = time.monotonic() + 120
    while not ended(pid) and time.monotonic() < until:
        time.sleep(0.01)
    status = d.end()
    ok(status == 111 and "the forker is gone" in log() and
       len(d.reports) == 1,
       "local ends when the process that forks is gone, and reports nothing "
       "that is not so", (status, log()))
    os.kill(deliverer, signal.SIGCONT)
    d = driver.Driver(drive, home, log=LOG)
    r = d.deliver(1202, path, "me@example.org", id=13001, repeat=1)
    ok(r.verdict == "done" and sum(driver_id(13001) in n for n in os.listdir(
        os.path.join(maildir, "new"))) == 1,
       "its successor delivers what was under way, once", r)
    ok(d.end() == 0, "and ends with 0")


def test_order():
    if not shutil.which("strace"):
        skip("no strace: the order of syncs was not seen")
        return
    out = os.path.join(folder, "trace")
    shutil.rmtree(maildir, ignore_errors=True)
    # Nobody can look for leaks in a program that is traced.
    d = driver.Driver(drive, home, log=LOG, env={
        "ASAN_OPTIONS": "detect_leaks=0"}, command=(
        "strace", "-f", "-y", "-o", out, "-e",
        "trace=fsync,sync_file_range,linkat,sendmsg,mkdirat,unlinkat",
        driver.LOCAL))
    path = write("msg", b"Subject: x\n\nbody\n")
    r = d.deliver(1, path, "me@example.org", id=12000)
    d.deliver(2, path, "me@example.org", id=12001)
    status = d.end()
    with open(out) as f:
        lines = f.readlines()
    if r.verdict != "done" or not lines:
        skip("strace may not be used here")
        return
    name = r.text[len("stored as new/"):]

    def where(*parts):
        return next((i for i, line in enumerate(lines)
                     if all(p in line for p in parts)), None)

    def of_file(call):
        """Nameless, or where that is not known with a name in tmp/."""
        found = where(call, maildir + "/new/#")
        return where(call, "/tmp/" + name) if found is None else found

    file = of_file("fsync(")
    link = where("linkat(", maildir + '/new>, "%s"' % name)
    if of_file("sync_file_range(") is not None:
        print("# the name comes first: content comes with it")
        steps = [of_file("sync_file_range("), link, file]
    else:
        steps = [file, link]
    steps = [where("fsync(", "<%s>" % maildir),
             where("fsync(", "<%s>" % folder)] + steps + [
             where("fsync(", maildir + "/new>"),
             where("sendmsg(", "R\\1")]
    ok(None not in steps and steps == sorted(steps) and status == 0,
       "strace: folders, then file and name, then new/ are synced, in an "
       "order that leaves no name without its content, before the report",
       (steps, lines))
    synced = [line for line in lines if "fsync(" in line]
    forgetful = subprocess.run(
        ["stat", "-f", "-c", "%T", folder], stdout=subprocess.PIPE,
        text=True).stdout.strip() in ("btrfs", "overlayfs")
    ok(len(synced) == 6 + 2 * forgetful, "strace: a delivery into a known "
       "Maildir costs two syncs, on btrfs three", synced)


def main():
    d = driver.Driver(drive, home, log=LOG)
    test_bytes(d)
    test_large(d)
    test_damage(d)
    test_addresses(d)
    test_repeat(d)
    test_garbage(d)
    test_hundred(d)
    ok(d.end() == 0, "local exits 0 when the manager ends")
    test_deaths()
    test_idle()
    test_deadline()
    test_deaf()
    test_end()
    test_forker()
    test_order()


try:
    main()
finally:
    shutil.rmtree(folder, ignore_errors=True)
driver.end()

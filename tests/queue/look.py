#!/usr/bin/python3
"""godwit queue, show and trace over an instance, running and stopped."""
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fake"))
from instance import Instance, Tap, wait_for

MESSAGE = b"Subject: look\n\nhello\n"
tap = Tap()


def run(i, *args):
    r = i.command("godwit", *args)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def listed(i, *args):
    code, out, err = run(i, "queue", "--json", *args)
    return [m["id"] for m in json.loads(out)["messages"]]


def set_up(i):
    i.start()
    i.sendmail(MESSAGE, i.address, "far@remote.example")
    i.sendmail(MESSAGE, "-f", "other@test.example", "far@else.example")
    i.sendmail(MESSAGE, i.address, "ghost@test.example")
    ledger = i.home / "queue" / "ledger" / ("%016x" % 0)
    wait_for("two deferred, three delivered", lambda:
             len(i.queued(["info"])) == 2 and not i.queued(["todo"]) and
             len(i.maildir()) == 3 and
             ledger.read_bytes().count(b" defer id=") == 2)
    own = {p.name for p in i.queued(["info"])}
    first = listed(i, "--sender", i.address)[0]
    return first, (own - {first}).pop()


def queue(i, first, second):
    code, out, err = run(i, "queue")
    tap.ok(code == 0 and not err and
           re.search(r"^%s  age \d+s, \d+ bytes, in info, attempts 1, "
                     r"next in \w+, from <%s>\n"
                     r"    delivered <%s>\n    owed      <far@remote.example>"
                     % (first, i.address, i.address), out, re.M),
           "queue lists each message with its recipients' states", out)
    tap.ok(out.endswith("\n2 messages queued (0 new, 2 deferred, 0 held), 0 "
                        "set aside, 0 damaged; 2 of 3 recipients owed\n"),
           "and how many there are", out)
    for args, want in [((), [first, second]),
                       (("--sender", "Other@Test.example"), [second]),
                       (("--sender", "<other@test.example>"), [second]),
                       (("--sender", "<>"), []),
                       (("--recipient", "far@remote.example"), [first]),
                       (("--recipient", i.address), [first]),
                       (("--older", "3600"), []),
                       (("--state", "info"), [first, second]),
                       (("--state", "todo"), []),
                       (("--state", "broken"), []),
                       (("--state", "held"), [])]:
        tap.same(sorted(listed(i, *args)), sorted(want),
                 "queue " + (" ".join(args) or "alone"))
    for args in (["--state", "nowhere"], ["--older", "x"], ["--sender"],
                 ["x"]):
        tap.same(run(i, "queue", *args)[0], 64,
                 "queue %s: exit 64" % " ".join(args))


def show(i, first):
    code, out, err = run(i, "show", first)
    tap.ok(code == 0 and "\nfrom        <%s>\n" % i.address in out and
           "\nto 1        owed      <far@remote.example>\n" in out and
           "\nschedule    attempts 1, next in" in out,
           "show has envelope, states and schedule", out)
    tap.ok(re.search("^history\n\\S+  %s  accepted from" % first, out, re.M)
           and "  deferred <far@remote.example>" in out and
           "connection refused" in out, "and the history with its reasons",
           out)
    tap.same(run(i, "show", first.lower())[1].split("history")[1],
             out.split("history")[1], "an id may be written small")
    raw = i.command("godwit", "show", first, "--raw")
    content = next(p for p in i.queued(["info"]) if p.name == first)
    tap.ok(raw.returncode == 0 and raw.stdout.endswith(b"\n\nhello\n") and
           raw.stdout in content.read_bytes(),
           "--raw is the content, byte by byte", raw)
    code, out, err = run(i, "show", "0SADYEM5ZWFSJ")
    tap.ok(code == 1 and out == "" and "no message 0SADYEM5ZWFSJ" in err,
           "an id that is not there: exit 1 and a line", err)
    tap.same(run(i, "show", "x")[0], 64, "what is no id: exit 64")


def trace(i, first):
    code, out, err = run(i, "trace", "ghost@test.example")
    tap.ok(code == 0 and
           [l.split("  ")[2].split()[0].rstrip(",")
            for l in out.splitlines()] in
           (["accepted", "delivered", "failed", "bounced", "removed"],
            ["accepted", "failed", "delivered", "bounced", "removed"]),
           "trace of a recipient shows the whole life of his mail", out)
    gone = out.split("  ")[1]
    code, out, err = run(i, "show", gone)
    tap.ok(code == 1 and "  removed\n" in out and "a bounce that answers "
           + gone in out and "no message" in err,
           "show of one that is gone has its history and its bounce's "
           "acceptance, exit 1", out)
    code, out, err = run(i, "trace", "--json", first)
    lines = [json.loads(l) for l in out.splitlines()]
    tap.ok(code == 0 and sorted(l["event"] for l in lines) ==
           ["accept", "defer", "deliver"] and
           all(l["id"] == first for l in lines) and
           lines[0]["rcpts"] == 2 and lines[0]["from"] == i.address,
           "trace --json is an object a line", out)
    code, out, err = run(i, "trace", "other@test.example")
    tap.ok(code == 0 and "deferred <far@else.example>" in out and
           first not in out, "trace of a sender shows his mail alone", out)
    code, out, err = run(i, "trace", "nobody@nowhere.example")
    tap.ok(code == 1 and out == "" and err.count("\n") == 1,
           "who is not in the ledger: exit 1 and a line", err)
    for args in ([], ["a", "b"], ["-x"]):
        tap.same(run(i, "trace", *args)[0], 64,
                 "trace %s: exit 64" % " ".join(args))


def damage(i, first, second):
    queue_dir = i.home / "queue"
    path = queue_dir / "info" / first
    data = path.read_bytes()
    # Any byte of header, envelope or states; any length.
    start = data.index(b"\n\nhello\n") + 8
    bad = []
    for at in list(range(0, 330, 7)) + list(range(start, len(data), 3)):
        changed = bytearray(data)
        changed[at] ^= 0x55
        path.write_bytes(changed)
        for args in (["queue"], ["show", first]):
            code, out, err = run(i, *args)
            if code not in (0, 1) or first not in out + err:
                bad.append((at, args, code, out, err))
    for length in range(0, len(data), 31):
        path.write_bytes(data[:length])
        for args in (["queue"], ["queue", "--json"], ["show", first]):
            code, out, err = run(i, *args)
            if code != (1 if args[0] == "show" else 0) or \
                    first not in out + err:
                bad.append((length, args, code, out, err))
    tap.ok(not bad, "a damaged file is shown as such, wherever it is damaged",
           bad and bad[0])
    code, out, err = run(i, "queue")
    tap.ok("%s  in info, cannot be read: " % first in out and
           "1 damaged" in out and second in out,
           "the others are listed as ever", out)
    path.write_bytes(data)
    shutil.move(path, queue_dir / "broken" / first)
    tap.same(listed(i, "--state", "broken"), [first],
             "what is set aside is listed")
    code, out, err = run(i, "queue")
    tap.ok("in broken, attempts 1, set aside" in out, "and marked", out)
    tap.ok("place       broken\n" in run(i, "show", first)[1],
           "show finds it, too")
    shutil.move(queue_dir / "broken" / first, path)


def refused(i):
    for args in (["queue"], ["show", "0SADYEM5ZWFSJ"], ["trace", "x@y"]):
        r = i.command("godwit", *args,
                      env=dict(i.env, GODWIT_HOME=str(i.top / "none")))
        tap.ok(r.returncode == 111 and r.stderr.count(b"\n") == 1,
               "%s without an instance: exit 111" % args[0], r)
        if os.geteuid() != 0:
            tap.skip("who may not read is told", "needs root")
            continue
        daemon = pwd.getpwnam("daemon")
        r = subprocess.run(["setpriv", "--reuid=%d" % daemon.pw_uid,
                            "--regid=%d" % daemon.pw_gid, "--clear-groups",
                            str(i.bin / "godwit")] + args, env=i.env,
                           capture_output=True)
        tap.ok(r.returncode == 111 and b"run it as root" in r.stderr,
               "%s by who may not read: exit 111" % args[0], r)


with Instance(smtproutes=":127.0.0.1:9") as instance:
    tap.same(run(instance, "queue")[1],
             "0 messages queued (0 new, 0 deferred, 0 held), 0 set aside, 0 "
             "damaged; 0 of 0 recipients owed\n", "a new queue is empty")
    tap.same(listed(instance), [], "for programs, too")
    one, two = set_up(instance)
    queue(instance, one, two)
    show(instance, one)
    trace(instance, one)
    tap.same(instance.stop(), 0, "the instance stops")
    show(instance, one)
    trace(instance, one)
    damage(instance, one, two)
    refused(instance)
sys.exit(tap.end())

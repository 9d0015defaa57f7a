#!/usr/bin/python3 -B
"""The ledger edited, cut, deleted: `godwit audit` names the first line that
does not fit, or where lines before a signed position are missing."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

from common import QUICK, main


def lines_of(data):
    """[(position, length)] of the first segment's lines."""
    found, at = [], 0
    end = len(data.rstrip(b"\n")) + 1
    while at < end:
        n = data.index(b"\n", at) + 1 - at
        found.append((at, n))
        at += n
    return found


def flip(data, lines, i, rng):
    at, n = lines[i]
    d = bytearray(data)
    spot = at + rng.randrange(n - 1)
    d[spot] ^= 1 if d[spot] ^ 1 != 10 else 2
    return bytes(d), at


def take_out(data, lines, i, rng):
    at, n = lines[i]
    return data[:at] + data[at + n:] + b"\n" * n, at


def put_in(data, lines, i, rng):
    at, n = lines[i]
    line = data[at:at + n]
    return (data[:at] + line + data[at:])[:len(data)], at + n


def swap(data, lines, i, rng):
    if i + 1 == len(lines):
        return take_out(data, lines, i, rng)
    at, n = lines[i]
    m = lines[i + 1][1]
    return data[:at] + data[at + n:at + n + m] + data[at:at + n] + \
        data[at + n + m:], at


def blank(data, lines, i, rng):
    """As if nothing had been written from there on."""
    at, _ = lines[i]
    return data[:at] + b"\n" * (len(data) - at), at


def cut(data, lines, i, rng):
    at, _ = lines[i]
    return data[:at], at


DEEDS = {"a byte changed": flip, "a line taken out": take_out,
         "a line twice": put_in, "two lines swapped": swap,
         "the rest blank": blank, "cut off": cut}


def audit(it, folder):
    """Of a copy of the instance in that folder."""
    return subprocess.run(it.prefix + [str(it.bin / "godwit"), "audit"],
                          env=dict(it.env, GODWIT_HOME=str(folder)),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def named(r):
    it = r.instance(ledgersegment="65536")
    it.start()
    it.mail.some(12)
    it.drained()
    it.stop()
    folder = it.home / "queue" / "ledger"
    path = folder / ("0" * 16)
    data = path.read_bytes()
    lines = lines_of(data)
    jobs = [(name, i) for name in DEEDS for i in range(len(lines))]
    if QUICK:
        jobs = [(name, i) for name in DEEDS for i in r.rng.sample(
            range(len(lines)), 3)]
    made = []
    for n, (name, i) in enumerate(jobs):
        new, at = DEEDS[name](data, lines, i, r.rng)
        made.append((name, i, new, at))

    def one(job):
        n, (name, i, new, at) = job
        copy = it.top / ("copy-%d" % n)
        it.run_as(["cp", "-a", str(it.home), str(copy)])
        (copy / "queue/ledger" / path.name).write_bytes(new)
        out = audit(it, copy)
        shutil.rmtree(copy)
        return name, i, at, out.returncode, out.stdout.decode()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for name, i, at, code, said in pool.map(one, enumerate(made)):
            r.faults += 1
            first = re.search(r"position=(\d+)[ :]", said)
            if name == "cut off":
                # Each segment says how long it was made.
                r.check(code == 1 and first, "%s at line %d: exit %d" %
                        (name, i, code))
                continue
            r.check(code == 1, "%s, line %d: exit %d" % (name, i, code))
            r.check(first and int(first[1]) == at,
                    "%s, line %d at %d: the audit names %s: %s" %
                    (name, i, at, first and first[1], said[:200]))
            if name == "the rest blank":
                r.check("signed position" in said,
                        "%s: no word of the signed position: %s" %
                        (name, said[:200]))
    r.did("%d ledgers of %d lines: each first wrong line named" %
          (r.faults, len(lines)))
    r.settle(it)


def gone(r):
    """Segments and head deleted: said by the audit, mail goes on."""
    for what in ("all but the head", "the head", "all"):
        it = r.instance(ledgersegment="65536")
        it.mail.deferred()
        it.stop()
        folder = it.home / "queue" / "ledger"
        for n in os.listdir(folder):
            if what == "all" or (n == "head") == (what == "the head"):
                os.unlink(folder / n)
        r.faults += 1
        code = it.command("godwit", "audit").returncode
        r.check(code == 1 or what == "the head",
                "%s deleted: the audit ends with %d" % (what, code))
        it.mail.relay()
        it.start()
        it.mail.some(4)
        it.drained()
        r.check(it.stop() == 0, "a stop did not end with 0")
        r.wrong(it.mail.wrong())
        said = it.command("godwit", "audit")
        r.check(said.returncode == (0 if what == "the head" else 1),
                "%s deleted: later the audit ends with %d: %s" %
                (what, said.returncode, said.stdout.decode()[:300]))
        r.messages += len(it.mail.accepted)
        r.did("%s deleted" % what)
        it.close()


CASES = [("what the audit names", named), ("deleted", gone)]
PLANT = [("an audit that believes each line", named,
          {"godwit": "credulous"}, "exit 0|the audit names")]

if __name__ == "__main__":
    sys.exit(main("ledger", CASES, PLANT))

#!/usr/bin/python3
"""Godwit beside other mail systems, on this machine, in one run.

usage: bench.py; settings come from the environment:
LINES="a c" those lines alone; QUICK=1 few and short; RUNS=n repeats of each
measurement; SEED=n; BENCH_ROOT=folder on the disk to be measured, where the
systems' root folders and the bench's own disks are made and kept; DISK=own
measures its own file system; PEERS="postfix opensmtpd"; BIN.

Network, mounts and processes are its own: nothing leaves the machine, and
everything ends with the run."""
import ctypes
import fcntl
import os
import pathlib
import platform
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "fake"))

import accept       # noqa: E402
import backlog      # noqa: E402
import godwit       # noqa: E402
import image        # noqa: E402
import local        # noqa: E402
import opensmtpd    # noqa: E402
import outbound     # noqa: E402
import plots        # noqa: E402
import postfix      # noqa: E402
import results      # noqa: E402
import roots        # noqa: E402
import syscalls     # noqa: E402
import through      # noqa: E402
from alone import alone     # noqa: E402
from run import (KEPT, OUT, QUICK, ROOTS, RUNS, SEED, Failed,  # noqa: E402
                 note, notes, processor, say)

CLONE_NEWNET = 0x40000000

LINES = {
    "a": accept.line_a,
    "b": accept.line_b,
    "c": outbound.line_c,
    "d": outbound.line_d,
    "e": outbound.line_e,
    "f": local.line_f,
    "g": through.line_g,
    "h": backlog.line_h,
    "i": syscalls.line_i,
    "j": backlog.line_j,
    "k": through.line_k,
}
# Mail accepted by SMTP, at 1, 20 and 100 sessions, has its place here as l:
# smtp_load is its tool.
SYSTEMS = {"godwit": godwit.Godwit, "postfix": postfix.Postfix,
           "opensmtpd": opensmtpd.OpenSMTPD}
PEERS = os.environ.get("PEERS", "postfix" if QUICK else
                       "postfix opensmtpd").split()


def chosen():
    wanted = os.environ.get("LINES", "").replace(",", " ").split()
    for what, names, known in (("line", wanted, LINES),
                               ("system", PEERS, SYSTEMS)):
        unknown = [x for x in names if x not in known]
        if unknown:
            sys.exit("bench: no %s %s; there are %s" % (
                what, " ".join(unknown), " ".join(known)))
    return wanted or list(LINES)


def about():
    cpu = [x.split(":", 1)[1].strip() for x in open("/proc/cpuinfo")
           if x.startswith("model name")]
    mount = subprocess.run(["findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS",
                            "-T", str(ROOTS)], stdout=subprocess.PIPE,
                           text=True).stdout
    return ["%d x %s, Linux %s" % (len(cpu), cpu[0] if cpu else
                                   platform.machine(), platform.release()),
            "measured on %s: %s" % (ROOTS, " ".join(mount.split())),
            "%d runs, seed %d%s, %s" % (
                RUNS, SEED, ", quick" if QUICK else "",
                time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
            "load before: %s" % " ".join("%.2f" % x for x in os.getloadavg())]


def network():
    """Loopback alone; each SMTP server has an address of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for s in SYSTEMS.values():
        if s.address != "127.0.0.1":
            subprocess.run(["ip", "address", "add", s.address + "/8", "dev",
                            "lo"], check=True)


def everything():
    """All that runs here; who has ended and is not waited for, too."""
    return [p for p in os.listdir("/proc") if p.isdigit()]


def measure_line(line, systems):
    """Its rows; one that fails doesn't keep the others from being
    measured."""
    began, used = time.monotonic(), processor(everything())
    say("# line %s: %s" % (line, " ".join(
        LINES[line].__doc__.split(".")[0].split())))
    rows = []
    try:
        for s in systems:
            s.reset()
        rows = LINES[line](systems)
    except Exception as e:
        note("line %s failed: %s" % (line, e))
        traceback.print_exc()
    finally:
        for s in systems:
            s.stop()
    for row in rows:
        say(results.show(row))
    say("# line %s took %d s, and %d s of the processor" % (
        line, time.monotonic() - began, processor(everything()) - used))
    return rows


def measure(lines, names):
    facts, rows, systems = about(), [], []
    for name in names:
        try:
            systems.append(SYSTEMS[name]())
        except (Failed, OSError) as e:
            if name == "godwit":
                raise
            note("%s is left out: %s" % (name, e))
    for line in lines:
        rows += measure_line(line, systems)
        results.write(rows, facts)
    plots.write(rows)
    results.write(rows, facts)
    print(results.table(rows, facts))
    print("written to %s" % OUT)
    return any(" failed: " in n for n in notes)


def one_at_a_time():
    """Whoever holds this has the disks in KEPT."""
    fd = os.open(KEPT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Failed("another bench runs in %s" % KEPT)


def main():
    lines = chosen()
    if os.geteuid() != 0:
        sys.exit("bench: root is needed for the systems' root folders and "
                 "for namespaces")
    KEPT.mkdir(parents=True, exist_ok=True)
    if not alone("run-", KEPT):
        sys.exit("bench: root may not have mounts and processes of its own "
                 "here")
    try:
        one_at_a_time()
        began = time.monotonic()
        names = roots.prepare(["godwit"] + PEERS)
        image.prepare(names)
        say("# disks and roots took %d s" % (time.monotonic() - began))
        network()
        return measure(lines, names)
    except Failed as e:
        sys.exit("bench: %s" % e)


sys.exit(main())

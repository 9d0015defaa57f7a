#!/usr/bin/python3
"""Godwit beside other mail systems, on this machine, in one run.

usage: bench.py; settings come from the environment:
LINES="a c" those lines alone; QUICK=1 few and short; RUNS=n repeats of each
measurement; SEED=n; BENCH_ROOT=folder on the disk to be measured, where the
systems' root folders are made and kept; PEERS="postfix opensmtpd"; BIN."""
import os
import platform
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import accept       # noqa: E402
import backlog      # noqa: E402
import godwit       # noqa: E402
import local        # noqa: E402
import opensmtpd    # noqa: E402
import outbound     # noqa: E402
import plots        # noqa: E402
import postfix      # noqa: E402
import results      # noqa: E402
import roots        # noqa: E402
import syscalls     # noqa: E402
import through      # noqa: E402
from run import (OUT, QUICK, ROOTS, RUNS, SEED, Failed, note,  # noqa: E402
                 say)

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
    unknown = [x for x in wanted if x not in LINES]
    if unknown:
        sys.exit("bench: no line %s; there are %s" % (
            " ".join(unknown), " ".join(LINES)))
    return wanted or list(LINES)


def about():
    cpu = [x.split(":", 1)[1].strip() for x in open("/proc/cpuinfo")
           if x.startswith("model name")]
    mount = subprocess.run(["findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS",
                            "-T", str(ROOTS)], stdout=subprocess.PIPE,
                           text=True).stdout
    return ["%d x %s, Linux %s" % (len(cpu), cpu[0] if cpu else
                                   platform.machine(), platform.release()),
            "roots in %s: %s" % (ROOTS, " ".join(mount.split())),
            "%d runs, seed %d%s, %s" % (
                RUNS, SEED, ", quick" if QUICK else "",
                time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
            "load before: %s" % " ".join("%.2f" % x for x in os.getloadavg())]


def inside():
    """Own network, mounts and processes: nothing leaves the machine, and
    everything ends with the run."""
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork",
                          "--kill-child", "--mount-proc", sys.executable,
                          os.path.abspath(__file__), "--inside"])


def network():
    """Loopback alone; each SMTP server has an address of its own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for s in SYSTEMS.values():
        if s.address != "127.0.0.1":
            subprocess.run(["ip", "address", "add", s.address + "/8", "dev",
                            "lo"], check=True)


def measure(lines):
    facts, rows = about(), []
    systems = [SYSTEMS[n]() for n in ["godwit"] + PEERS]
    for s in systems:
        s.reset()
    for line in lines:
        began = time.monotonic()
        say("# line %s: %s" % (line, LINES[line].__doc__.split(".")[0].replace("\n   ", "")))
        try:
            done = LINES[line](systems)
        except Failed as e:
            note("line %s failed: %s" % (line, e))
            done = []
        finally:
            for s in systems:
                s.reset()
        for row in done:
            say(results.show(row))
        rows += done
        results.write(rows, facts)
        say("# line %s took %d s" % (line, time.monotonic() - began))
    plots.write(rows)
    print(results.table(rows, facts))
    print("written to %s" % OUT)
    return any(" failed: " in n for n in results.notes)


def main():
    lines = chosen()
    if os.geteuid() != 0:
        sys.exit("bench: root is needed for the systems' root folders and "
                 "for namespaces")
    if "--inside" not in sys.argv:
        try:
            roots.prepare(["godwit"] + PEERS)
        except Failed as e:
            sys.exit("bench: %s" % e)
        inside()
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(1))
    network()
    return measure(lines)


sys.exit(main())

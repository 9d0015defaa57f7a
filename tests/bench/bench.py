#!/usr/bin/python3
"""The first measurements: accepting over the submit socket beside the disk's
own limit, and the syncs, forks and folder scans per message.

N=messages (default 4000), ROUNDS (default 5).  4 KiB messages, syncs on, all
on the disk that holds TMPDIR or /tmp.  Times depend on the machine; what
counts is the ratio within one run."""
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import BIN, Instance, Sink, wait_for  # noqa: E402

N = int(os.environ.get("N", 4000))
ROUNDS = int(os.environ.get("ROUNDS", 5))
TOOLS = BIN.parent / "bench"
SIZE = "4096"


def load(it, connections, count, rcpt):
    r = it.run_as([str(tools(it) / "submit_load"), str(connections),
                   str(count), SIZE, rcpt])
    if r.returncode:
        sys.exit("submit_load: " + r.stderr.decode())
    return float(r.stdout)


def tools(it):
    """Where the instance's user can run them."""
    if it.bin == BIN:
        return TOOLS
    there = it.top / "tools"
    if not there.exists():
        subprocess.run(["cp", "-r", str(TOOLS), str(there)], check=True)
        subprocess.run(["chmod", "-R", "a+rX", str(there)], check=True)
    return there


def limit(folder, threads, count):
    r = subprocess.run([str(TOOLS / "disk_limit"), folder, str(threads),
                        str(count), SIZE], stdout=subprocess.PIPE, check=True)
    return float(r.stdout)


class Held:
    """The manager stopped, so that accepting is measured alone."""

    def __init__(self, it):
        self.pids = it.pids("godwit-manager")

    def __enter__(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *unused):
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)


def accept_lines(folder):
    rows = []
    with Instance(smtproutes=":127.0.0.1:1") as it:
        it.start()
        with Held(it):
            for connections, threads in ((1, 1), (16, 16), (64, 64)):
                count = N // 8 if connections == 1 else N
                ours, disk = [], []
                for _ in range(ROUNDS):
                    disk.append(limit(folder, threads, count))
                    ours.append(load(it, connections, count,
                                     "x@remote.example"))
                rows.append(("submit socket, %d connections" % connections,
                             ours, "disk, %d threads" % threads, disk))
    return rows


CALLS = "fsync,fdatasync,syncfs,clone,clone3,fork,vfork,execve,getdents64"


def counted(it, what, work):
    """System calls of the instance's programs while work runs."""
    out = {}
    tracers = []
    for program in ("godwit-enqueue", "godwit-manager", "godwit-remote"):
        name = tempfile.mktemp(dir=it.top)
        pid = it.pids(program)[0]
        p = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=" + CALLS,
                              "-p", str(pid), "-o", name],
                             stderr=subprocess.PIPE, text=True)
        p.stderr.readline()
        tracers.append((program, name, p))
    work()
    for program, name, p in tracers:
        p.send_signal(signal.SIGINT)
        p.wait()
        out[program] = {m.group(2): int(m.group(1)) for m in re.finditer(
            r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$",
            open(name).read(), re.M) if m.group(2) != "total"}
    return out


def count_lines():
    count = max(N // 4, 200)
    rows = []
    sink = Sink()
    with Instance(smtproutes=":127.0.0.1:%d" % sink.port,
                  checkpointevery="3600") as it:
        it.start()
        load(it, 16, 200, "x@remote.example")
        it.drained()
        for connections in (1, 64):
            n = count // 4 if connections == 1 else count

            def work():
                load(it, connections, n, "x@remote.example")
                wait_for("an empty queue", lambda: not it.queued(), 120)

            calls = counted(it, connections, work)
            for program, seen in calls.items():
                text = ", ".join("%s %.3f" % (k, v / n)
                                 for k, v in sorted(seen.items())) or "none"
                rows.append("%2d in flight, %-15s %s" %
                            (connections, program, text))
    sink.close()
    return rows


def main():
    with tempfile.TemporaryDirectory() as folder:
        rows = accept_lines(folder)
    print("%-32s %9s %9s  %s" % ("messages a second, 4 KiB (median)",
                                 "godwit", "disk", "ratio"))
    for name, ours, other, disk in rows:
        a, b = statistics.median(ours), statistics.median(disk)
        print("%-32s %9.0f %9.0f  %.2f  (spread %.0f-%.0f, %s %.0f-%.0f)" %
              (name, a, b, a / b, min(ours), max(ours), other, min(disk),
               max(disk)))
    print("\nsystem calls per message, accepted and sent to one SMTP server")
    if subprocess.run(["which", "strace"],
                      stdout=subprocess.DEVNULL).returncode:
        print("not counted: strace is not installed")
        return
    for row in count_lines():
        print(row)


main()

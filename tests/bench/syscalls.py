"""Line i: system calls, and what reaches the disk, for each message."""
import os
import re
import time

import image
from results import Row
from run import LIMIT, RUNS, attempt, note, size
from sink import Sink

# Of files that are given to the kernel together to be synced (io_submit) each
# counts.
KINDS = {
    "syncs": ("fsync", "fdatasync", "sync", "syncfs", "msync"),
    "waits for a write": ("sync_file_range",),
    "forks": ("fork", "vfork", "clone", "clone3"),
    "opens": ("open", "openat", "creat"),
    "links": ("link", "linkat"),
    "renames": ("rename", "renameat", "renameat2"),
    "unlinks": ("unlink", "unlinkat"),
}
AT_ONCE = 64


def send(s, count):
    """count messages over as many connections at once to the sink."""
    with Sink(count) as there:
        s.preload(count, ["u@dst.test"], connections=AT_ONCE)
        there.wait(LIMIT)
    time.sleep(1)


def traced(s, count):
    """kind -> calls by the system's programs, from their start to their end,
    for count messages."""
    where = s.root / "tmp/strace"
    where.unlink(missing_ok=True)
    s.wrap = ("strace", "-f", "--seccomp-bpf", "-qq", "-C", "-o", "/tmp/strace",
              "-e", "trace=io_submit," +
              ",".join(x for k in KINDS.values() for x in k))
    try:
        s.start()
        send(s, count)
        s.stop()
    finally:
        s.wrap = ()
        s.clear()
    text = where.read_text(errors="replace")
    seen = {m[2]: int(m[1]) for m in re.finditer(
        r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(\w+)$", text, re.M)}
    calls = {k: sum(seen.get(x, 0) for x in names)
             for k, names in KINDS.items()}
    calls["syncs"] += sum(int(n) for n in re.findall(
        r"\bio_submit\b.*= (\d+)$", text, re.M))
    return calls


def counted(s, count):
    """kind -> calls for count messages; what a first few need, with
    starting, stopping and all threads, is taken off."""
    first = traced(s, 2 * AT_ONCE)
    both = traced(s, 2 * AT_ONCE + count)
    return {k: max(0, both[k] - first[k]) for k in KINDS}


def flushes(device):
    return int(open("/sys/block/%s/stat" % device).read().split()[15])


def commits(device):
    for n in os.listdir("/proc/fs/jbd2"):
        if n.startswith(device + "-"):
            return int(open("/proc/fs/jbd2/%s/info" % n).read().split()[0])
    return 0


def on_a_journal(s, count):
    """Flushes of the device and commits of the journal for count messages,
    with the spool on an ext4 that nobody else writes to; what starting takes
    is not among them."""
    try:
        with image.scratch(s) as device:
            s.start()
            send(s, 2 * AT_ONCE)
            before = flushes(device), commits(device)
            send(s, count)
            return (flushes(device) - before[0], commits(device) - before[1])
    finally:
        s.clear()


def line_i(systems):
    """System calls and flushes per message, 64 in flight."""
    rows = {k: Row("i", k, "per message", more=False) for k in
            list(KINDS) + ["device flushes", "journal commits"]}
    for s in systems:
        count = s.part(size(2000, 200))
        with attempt("i: %s" % s.name):
            for kind, n in counted(s, count).items():
                rows[kind].add(s.name, n / count)
            for _ in range(RUNS):
                flushed, committed = on_a_journal(s, count)
                rows["device flushes"].add(s.name, flushed / count)
                rows["journal commits"].add(s.name, committed / count)
    for kind, most in (("syncs", 1.25), ("journal commits", 0.5),
                       ("device flushes", 0.5)):
        rows[kind].add("allowed", most)
        rows[kind].goals = {"allowed": 1}
    note("i: commits and flushes are those of an ext4 of its own with a "
         "journal, on a loop device; calls are the daemons', not sendmail's")
    return list(rows.values())

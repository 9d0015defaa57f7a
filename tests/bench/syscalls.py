"""Line i: system calls, and what reaches the disk, for each message."""
import os
import re
import subprocess
import time

from results import Row
from run import ROOTS, Failed, note, size
from sink import Sink

KINDS = {
    "syncs": ("fsync", "fdatasync", "sync", "syncfs", "msync",
              "sync_file_range"),
    "forks": ("fork", "vfork", "clone", "clone3"),
    "opens": ("open", "openat", "creat"),
    "links": ("link", "linkat"),
    "renames": ("rename", "renameat", "renameat2"),
    "unlinks": ("unlink", "unlinkat"),
}
AT_ONCE = 64


def send(s, count):
    """count messages from as many callers at once to the sink."""
    with Sink(count) as there:
        s.call(count, AT_ONCE, "u@dst.test")
        there.wait(300)
    time.sleep(1)


def counted(s, count):
    """kind -> calls by the system's programs for count messages; what a
    first few need, with starting, stopping and all threads, is taken off."""
    found = []
    for n in (2 * AT_ONCE, 2 * AT_ONCE + count):
        where = s.root / "tmp/strace"
        where.unlink(missing_ok=True)
        s.wrap = ("strace", "-f", "-qq", "-c", "-o", "/tmp/strace", "-e",
                  "trace=" + ",".join(x for k in KINDS.values() for x in k))
        s.start()
        send(s, n)
        s.stop()
        s.wrap = ()
        seen = {m[2]: int(m[1]) for m in re.finditer(
            r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(\w+)$",
            where.read_text(), re.M)}
        found.append({k: sum(seen.get(x, 0) for x in names)
                      for k, names in KINDS.items()})
        s.clear()
    return {k: max(0, found[1][k] - found[0][k]) for k in KINDS}


def flushes(device):
    return int(open("/sys/block/%s/stat" % device).read().split()[15])


def commits(device):
    for n in os.listdir("/proc/fs/jbd2"):
        if n.startswith(device + "-"):
            return int(open("/proc/fs/jbd2/%s/info" % n).read().split()[0])
    return 0


def on_a_journal(s, count):
    """Flushes of the device and commits of the journal for count messages,
    with the spool on an ext4 that nobody else writes to."""
    image, spool = ROOTS / (s.name + ".ext4"), s.root / s.spool
    keep = ROOTS / (s.name + ".spool")
    with open(image, "wb") as f:
        f.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    keep.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(keep)], check=True)
    try:
        subprocess.run(["cp", "-a", str(spool) + "/.", str(keep)], check=True)
        subprocess.run(["mount", "--bind", str(keep), str(spool)], check=True)
        device = os.path.basename(subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", str(keep)],
            stdout=subprocess.PIPE, text=True).stdout.strip())
        s.start()
        before = flushes(device), commits(device)
        send(s, count)
        return flushes(device) - before[0], commits(device) - before[1]
    finally:
        s.stop()
        subprocess.run(["umount", str(spool)])
        subprocess.run(["umount", str(keep)])
        image.unlink()


def line_i(systems):
    """System calls and flushes per message, 64 in flight."""
    count = size(2000, 300)
    rows = {k: Row("i", k, "per message", more=False) for k in
            list(KINDS) + ["device flushes", "journal commits"]}
    for s in systems:
        try:
            for kind, n in counted(s, count).items():
                rows[kind].add(s.name, n / count)
            flushed, committed = on_a_journal(s, count)
            rows["device flushes"].add(s.name, flushed / count)
            rows["journal commits"].add(s.name, committed / count)
        except (Failed, OSError, subprocess.CalledProcessError) as e:
            note("i: %s: %s" % (s.name, e))
    for kind, most in (("syncs", 1.25), ("journal commits", 0.5),
                       ("device flushes", 0.5)):
        rows[kind].add("allowed", most)
        rows[kind].goals = {"allowed": 1}
    note("i: commits and flushes are those of an ext4 of its own with a "
         "journal, on a loop device; calls are the daemons', not sendmail's")
    return list(rows.values())

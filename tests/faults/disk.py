#!/usr/bin/python3 -B
"""Disks that are full, out of inodes, read-only, or fail: new mail is refused
for now, the old is kept, and with the disk again all goes on alone."""
import fcntl
import os
import re
import sys
import time

from common import QUICK, Disk, Fail, main, run, umount, wait_for

SHUTDOWN = 0x8004587d  # EXT4_IOC_SHUTDOWN: each access gives EIO from then
SAID = re.compile(rb"ledger doing=(?!spare)")
NOW = b"\2\0\0\0"      # without writing anything back


def fail_now(folder):
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, SHUTDOWN, NOW)
    finally:
        os.close(fd)


def under_way(r, it):
    """Mail in all stages: deferred, bounced, delivered."""
    it.start()
    it.mail.some(8)
    wait_for("first deliveries", lambda: len(it.maildir()) >= 4)


def no_room(r, disk, take, give):
    it = r.instance(disk.at, ledgersegment="65536")
    under_way(r, it)
    held = take()
    before = len(it.mail.accepted)
    count = 12 if QUICK else 100
    for n in range(count):
        code = it.mail.send("lrbm"[n % 4], lines=2000)
        r.check(code in (0, 75), "sendmail ended with %d" % code)
    refused = count - (len(it.mail.accepted) - before)
    r.check(refused > 0, "a disk without room took everything")
    r.check(it.pids("godwit-manager") and it.pids("godwit-enqueue"),
            "a program ended")
    r.faults += 1
    it.try_now()
    time.sleep(0.3)  # it may try what it cannot do
    give(held)
    r.did("%d of %d messages refused" % (refused, count))
    it.mail.some(4)
    r.settle(it, repeats=True)


def full(r):
    with Disk(8) as disk:
        def take():
            return disk.fill()
        no_room(r, disk, take, lambda path: path.unlink())


def inodes(r):
    with Disk(16, "-N", "256") as disk:
        def give(held):
            run("rm", "-rf", held[0])
        no_room(r, disk, disk.fill_inodes, give)


def broken_disk(r, do, word):
    """The spool's disk fails under a load; it comes back by a new mount."""
    with Disk(16) as disk:
        it = r.instance(disk.at)
        os.sync()  # the settings
        under_way(r, it)
        do(disk)
        r.faults += 1
        for n in range(6):
            r.check(it.mail.send("lrb"[n % 3]) != 0,
                    "accepted on a disk that %s" % word)
        time.sleep(0.3)
        it.end()
        disk.umount()
        disk.check()
        disk.mount()
        it.start()
        r.did("the disk %s under mail, then mounted anew" % word)
        it.mail.some(4)
        # Reports not yet recorded when it failed: P4.
        r.settle(it, repeats=True)


def fails(r):
    broken_disk(r, lambda d: fail_now(d.at), "gives errors")


def becomes_readonly(r):
    # What errors=remount-ro does after an error.
    broken_disk(r, lambda d: run("mount", "-o", "remount,abort", d.at),
                "became read-only")


def is_readonly(r):
    """Started on a read-only file system: a line, exit 111, no change."""
    with Disk(16) as disk:
        it = r.instance(disk.at)
        it.mail.some(4, "lb")
        disk.umount()
        disk.mount("ro")
        r.faults += 1
        try:
            it.start()
            r.wrong("it started")
        except Fail as e:
            r.check("Read-only" in str(e), "no word of it: %s" % e)
        it.end()
        r.check(it.mail.send("l") == 75, "a message was not refused with 75")
        disk.umount()
        disk.mount()
        it.start()
        r.did("refused, then writable")
        r.settle(it)


def ledger_disk(r, do, repair, word):
    with Disk(4) as disk:
        it = r.instance(ledgersegment="65536")
        folder = it.home / "queue" / "ledger"
        os.rmdir(disk.at / "lost+found")
        os.chown(disk.at, it.home_uid, -1)
        run("mount", "--bind", disk.at, folder)
        os.chmod(folder, 0o700)
        try:
            it.start()
            it.mail.some(8)
            wait_for("first deliveries", lambda: len(it.maildir()) >= 4)
            held = do(disk)
            r.faults += 1
            n = 0
            while not SAID.search(it.log_text()) and n < 500:
                n += it.mail.some(4, direct=False)
            wait_for("a word of it", lambda: SAID.search(it.log_text()))
            mark = len(it.mail.accepted)
            n += it.mail.some(8, "lr")
            time.sleep(0.5)  # nothing is to happen to them
            seen = it.mail.places()
            r.check(not any(set(seen[t]) - {"queued"} for t in
                            it.mail.accepted[mark:]),
                    "deliveries begin without a ledger")
            r.check(not repair or n >= 8, "new mail was not taken")
            if repair:
                repair(held)
            else:
                it.end()
                umount(folder)
                disk.umount()
                disk.check()
                disk.mount()
                os.chown(disk.at, it.home_uid, -1)
                run("mount", "--bind", disk.at, folder)
                os.chmod(folder, 0o700)
                it.start()
            r.did("%d messages taken while the ledger's disk %s" % (n, word))
            r.settle(it, repeats=True)
        finally:
            it.end()
            run("umount", "-l", folder)


def ledger_full(r):
    ledger_disk(r, lambda d: d.fill(1024), lambda f: f.unlink(), "was full")


def ledger_fails(r):
    ledger_disk(r, lambda d: fail_now(d.at), None, "gave errors")


def ledger_readonly(r):
    ledger_disk(r, lambda d: run("mount", "-o", "remount,abort", d.at), None,
                "was read-only")


CASES = [("full", full), ("no inodes", inodes), ("failing", fails),
         ("made read-only", becomes_readonly), ("read-only", is_readonly),
         ("ledger's disk full", ledger_full),
         ("ledger's disk failing", ledger_fails),
         ("ledger's disk read-only", ledger_readonly)]
PLANT = [("an enqueue that ignores a failed write", full,
          {"godwit-enqueue": "ignores"}, "set aside|times|without room")]

if __name__ == "__main__":
    sys.exit(main("disk", CASES, PLANT))

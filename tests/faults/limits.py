#!/usr/bin/python3 -B
"""No descriptors and no memory, for one program or for all: LATER, or a
restart, and all goes on when the limit is gone."""
import os
import pathlib
import sys
import threading
import time

from common import QUICK, Skip, main, need_root, wait_for

PROGRAMS = ["godwit-enqueue", "godwit-manager", "godwit-remote",
            "godwit-local"]
CGROUPS = pathlib.Path("/sys/fs/cgroup")
TIGHTER = 256 * 1024


def open_files(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def limit(it, pid, what, n):
    """Sets the soft limit, as the instance's user: root may lack the right.
    Whether it could."""
    return it.run_as(["prlimit", "--pid", str(pid),
                      "--%s=%s:" % (what, n)]).returncode == 0


def descriptors(r):
    """Each program in turn may open nothing more, or two more."""
    it = r.instance()
    it.start()
    it.mail.some(4)
    count = 6 if QUICK else 40
    for program in PROGRAMS:
        for more in (0, 2):
            wait_for(program, lambda: it.pids(program))
            pids = [p for p in it.pids(program)
                    if limit(it, p, "nofile", open_files(p) + more)]
            r.check(pids, "no limit could be set")
            r.faults += len(pids)
            accepted = it.mail.some(count)
            it.try_now()
            time.sleep(0.2)  # it may try what it cannot do
            for p in pids:
                limit(it, p, "nofile", 1024)
            r.check(it.log_text().count(b"accept why=") < 1000,
                    "the log is flooded")
            r.did("%s with %d: %d of %d accepted" %
                  (program, more, accepted, count))
    r.check(not os.listdir(it.home / "queue" / "broken"),
            "an errno was taken for damage")
    it.mail.some(4)
    r.settle(it, repeats=True)


def size_of(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def memory(r):
    """Each program may map hardly more than it has: whoever dies of it is
    started again."""
    it = r.instance()
    it.start()
    for program in PROGRAMS:
        for more in (0, 300000) if QUICK else (0, 4096, 65536, 300000, 10**6):
            # Each does its work: libraries may abort while they start.
            wait_for("all to work", lambda: it.mail.some(4) == 4)
            it.drained()
            for pid in it.pids(program):
                try:
                    r.faults += limit(it, pid, "as", size_of(pid) + more)
                except OSError:
                    continue  # it ended
            it.mail.some(6, direct=False) if program != "godwit-enqueue" \
                else it.mail.some(4, lines=20000)
            it.try_now()
    wait_for("all to live", lambda: all(it.pids(p) for p in PROGRAMS))
    for program in PROGRAMS:
        for pid in it.pids(program):
            limit(it, pid, "as", "unlimited")
    died = it.log_text().count(b"exit program=")
    r.did("%d programs died of it and were started again" % died)
    it.mail.some(4)
    r.settle(it, repeats=True)


def deaths(it):
    return it.log_text().count(b"signal=9")


def tighten(it, here, name):
    """Less and less, until the kernel kills, or takes nothing back any
    more."""
    v1 = name == "memory.limit_in_bytes"
    used = here / ("memory.usage_in_bytes" if v1 else "memory.current")
    room = int(used.read_text())
    while room > TIGHTER and not deaths(it):
        room -= TIGHTER
        try:
            (here / name).write_text(str(room))
        except OSError:
            return


def cgroup(r):
    """All of them share too little memory, and the kernel kills."""
    need_root()
    it = r.instance()
    v1 = CGROUPS / "memory"
    top = v1 if v1.is_dir() else CGROUPS
    here = top / ("godwit-faults-%s" % pathlib.Path(
        os.environ["TMPDIR"]).parent.name)
    try:
        here.mkdir()
        name = "memory.limit_in_bytes" if top == v1 else "memory.max"
        (here / name).write_text(str(1 << 30))
    except OSError as e:
        try:
            here.rmdir()
        except OSError:
            pass
        raise Skip("no cgroup for memory: %s" % e)
    plain = it.prefix
    it.prefix = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"',
                 str(here)] + plain
    try:
        it.start()
        it.prefix = plain
        it.mail.some(4)
        tighten(it, here, name)
        r.faults += 1
        end = threading.Event()

        def load():
            while not end.is_set():
                it.mail.send("l", lines=100000)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for t in threads:
            t.start()
        time.sleep(2 if QUICK else 20)  # a load for so long
        end.set()
        (here / name).write_text(str(1 << 30))
        for t in threads:
            t.join()
        killed = deaths(it)
        if it.process.poll() is not None:
            killed += 1
            it.end()
            it.start()
        r.did("%d programs killed for memory" % killed)
        it.mail.some(4)
        r.settle(it, repeats=True)
        if not killed:
            raise Skip("the kernel found memory for all")
    finally:
        it.end()

        def gone():
            try:
                here.rmdir()
            except OSError:
                return False
            return True

        wait_for("the cgroup's end", gone)


CASES = [("descriptors", descriptors), ("address space", memory),
         ("memory of all", cgroup)]
PLANT = [("a manager that takes errnos for damage", descriptors,
          {"godwit-manager": "errno"}, "damage|set aside")]

if __name__ == "__main__":
    sys.exit(main("limits", CASES, PLANT))

#!/usr/bin/python3 -B
"""A recipient's own program, while a delivery for him and for others is under
way: it looks for the others' addresses in every way its uid has, and finds
none.

An instance of root's, with users of its own in a copy of /etc.  What runs as
the recipient today is the deliverer; `probe` runs as the same uid."""
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile

from common import PLANTED, TOP, Place, main, need_root, run, wait_for
import instance

OTHERS = ["secret-bob@test.example", "secret-cyd@remote.example"]
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def probe(ours):
    """Runs as the recipient: prints where it found one of OTHERS, and what
    it tried; ours are processes that are the probe's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    tried, found = 0, []
    marks = [o.encode() for o in OTHERS]

    def look(where, data):
        nonlocal tried
        tried += 1
        if any(m in data for m in marks):
            found.append(where)

    def read(path, limit=1 << 22):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return b""
        try:
            return os.read(fd, limit)
        except OSError:
            return b""
        finally:
            os.close(fd)

    def memory(pid):
        """All that /proc/PID/mem lets be read."""
        maps = read("/proc/%d/maps" % pid).decode()
        try:
            mem = os.open("/proc/%d/mem" % pid, os.O_RDONLY)
        except OSError:
            look("/proc/%d/mem" % pid, b"")
            return
        for line in maps.splitlines():
            low, high = (int(x, 16) for x in line.split()[0].split("-"))
            try:
                look("/proc/%d/mem" % pid, os.pread(mem, high - low, low))
            except (OSError, OverflowError):
                pass
        os.close(mem)

    for fd in range(256):       # its own
        try:
            look("descriptor %d" % fd, os.pread(fd, 1 << 20, 0))
        except OSError:
            tried += 1
    for pid in (int(p) for p in os.listdir("/proc") if p.isdigit()):
        if pid in ours or pid == os.getpid():
            continue
        for name in ("cmdline", "environ", "comm", "status", "stat", "maps",
                     "auxv", "limits", "syscall", "stack", "wchan", "io"):
            look("/proc/%d/%s" % (pid, name), read("/proc/%d/%s" % (pid,
                                                                    name)))
        for fd in range(256):
            look("/proc/%d/fd/%d" % (pid, fd), read("/proc/%d/fd/%d" %
                                                    (pid, fd)))
        memory(pid)
        tried += 1
        if libc.ptrace(PTRACE_ATTACH, pid, 0, 0) == 0:
            os.waitpid(pid, 0x40000000)
            memory(pid)
            libc.ptrace(PTRACE_DETACH, pid, 0, 0)
            found.append("ptrace of %d" % pid)
        try:
            p = os.pidfd_open(pid)
            for fd in range(256):
                tried += 1
                if libc.syscall(438, p, fd, 0) >= 0:    # pidfd_getfd
                    found.append("pidfd_getfd of %d" % pid)
            os.close(p)
        except OSError:
            pass
    home = os.environ["GODWIT_HOME"]
    for top, folders, files in os.walk(home):
        for n in files:
            path = os.path.join(top, n)
            if os.path.isfile(path):
                look(path, read(path))
    for path in ("/proc/net/unix", "/proc/locks", "/proc/mounts"):
        look(path, read(path))
    print("%d\n%s" % (tried, "\n".join(found)))


def make_users(folder):
    """ann and secret-bob, in an /etc of this namespace."""
    etc = folder / "etc"
    shutil.copytree("/etc", etc, symlinks=True)
    run("mount", "--bind", etc, "/etc")
    for uid, user in ((64101, "ann"), (64102, "secret-bob")):
        run("useradd", "-m", "-d", folder / user, "-u", str(uid), "-U", user)


class Split(Place):
    """An instance of root's: one uid for each program."""

    def __init__(self, top, programs, **control):
        self.top, self.home, self.bin = top, top / "home", top / "bin"
        shutil.copytree(instance.BIN, self.bin)
        for name, folder in programs.items():
            shutil.copy(PLANTED / folder / name, self.bin / name)
        run("chmod", "-R", "a+rX", self.bin)
        self.prefix, self.process, self.user = [], None, "root"
        self.env = dict(os.environ, GODWIT_HOME=str(self.home))
        self.log_path = top / "log"
        self.log = open(self.log_path, "ab+")
        os.chmod(self.log_path, 0o600)
        self.must("godwit", "init", "--me", "test.example", str(self.home))
        for name, value in control.items():
            self.set(name, value)


def deliverers(it, uid):
    found = []
    for pid in it.pids("godwit-local"):
        status = open("/proc/%d/status" % pid).read()
        if "\nUid:\t%d\t" % uid in status:
            found.append(pid)
    return found


def user(r):
    need_root()
    top = pathlib.Path(tempfile.mkdtemp(prefix="user-", dir=TOP))
    top.chmod(0o755)
    make_users(top)
    here = pathlib.Path(__file__).resolve().parent
    for folder in (here, here.parent / "fake"):  # where she may read them
        shutil.copytree(folder, top / "tests" / folder.name)
    run("chmod", "-R", "a+rX", top / "tests")
    it = None
    try:
        it = Split(top, r.programs, smtproutes=":127.0.0.1:1",
                   localidle="600", localtimeout="600")
        it.start()
        ann = pwd.getpwnam("ann")
        for _ in range(3):
            code = it.sendmail(b"Subject: x\n\ntext\n", "ann@test.example",
                               *OTHERS).returncode
            r.check(code == 0, "sendmail: %d" % code)
        wait_for("ann's deliverer", lambda: deliverers(it, ann.pw_uid))
        # Her right; so it stays while she looks.
        stopped = deliverers(it, ann.pw_uid)
        for pid in stopped:
            run("setpriv", "--reuid=ann", "--regid=ann", "--init-groups",
                "kill", "-STOP", str(pid))
        it.sendmail(b"Subject: y\n\ntext\n", "ann@test.example", *OTHERS)
        out = run("setpriv", "--reuid=ann", "--regid=ann", "--init-groups",
                  sys.executable, "-B", top / "tests/faults/user.py",
                  "probe", env=it.env)
        tried, *found = out.split("\n")
        r.faults += int(tried)
        r.messages += 4
        found = [f for f in found if f]
        r.check(not found, "found others' addresses "
                "or a way to them: %s" % found[:5])
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        new = top / "ann" / "Maildir" / "new"
        wait_for("ann's mail", lambda: new.exists() and
                 len(os.listdir(new)) == 4)
        for n in os.listdir(new):
            text = (new / n).read_bytes()
            r.check(not any(o.encode() in text for o in OTHERS),
                    "her copy names another recipient")
        r.check(it.stop() == 0, "a stop did not end with 0")
        said = it.command("godwit", "audit")
        r.check(said.returncode == 0, "the audit: %s" % said.stdout.decode())
        r.did("%s ways tried by the recipient's uid, %d deliverers under way"
              % (tried, len(stopped)))
    finally:
        if it:
            it.end()
            it.log.close()
        subprocess.run(["umount", "-l", "/etc"])
        shutil.rmtree(top, ignore_errors=True)


CASES = [("a recipient's program", user)]
PLANT = [("deliverers that may be looked into", user,
          {"godwit-local": "readable"}, "found others")]

if __name__ == "__main__":
    if sys.argv[1:] == ["probe"]:
        sys.exit(probe(()))
    sys.exit(main("user", CASES, PLANT))

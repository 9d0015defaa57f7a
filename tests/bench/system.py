"""A mail system in a root folder of its own: what all of them share."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

from run import (CALLER, KEPT, LIMIT, ROOTS, SINK_PORT, Deleted, Failed,
                 message, tool, until)


class System:
    """start(held=True) accepts mail and delivers nothing until release().
    What was accepted stays until clear().  prepare() is what has to be done
    before launch(); start() is both."""
    name = ""
    address = "127.0.0.1"       # where its SMTP server listens, if it has one
    sendmail = ["/usr/sbin/sendmail", "-i"]
    spool = ""                  # below the root, what clear() empties
    share = 1.0                 # of a measurement's messages, for the slow
    raised = 0                  # deliveries to one destination, 0: as it comes
    routes = {}                 # domain -> (address, port), "" for the rest
    began = 0.0                 # when it was started or released, 0: cleared
    slow = False                # it took so long that this line leaves it out
    takers = ()                 # programs that only take mail in by SMTP
    wrap = ()                   # a command that runs the main program

    def __init__(self):
        self.root = ROOTS / self.name
        self.running = []
        log = KEPT / (self.name + ".log")
        log.unlink(missing_ok=True)
        self.log = open(log, "ab")
        subprocess.run(["mount", "--bind", "/proc", str(self.root / "proc")],
                       check=True)

    def reset(self):
        """Between two lines: all mail goes to the sink."""
        self.routes = {"": ("127.0.0.1", SINK_PORT)}
        self.raised, self.wrap = 0, ()
        self.clear()
        self.slow = False

    def start(self, held=False):
        if self.slow:
            raise Failed("%s: not measured again in this line: too slow"
                         % self.name)
        self.began = time.monotonic()
        self.prepare(held)
        self.launch(held)

    def part(self, count):
        """Of so many messages, how many it is given."""
        return max(20, int(count * self.share))

    def run(self, *argv, check=True, **kw):
        """A command inside, until it ends."""
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.STDOUT)
        try:
            r = subprocess.run(["chroot", str(self.root)] +
                               [str(a) for a in argv], timeout=LIMIT,
                               stdin=subprocess.DEVNULL, text=True, **kw)
        except subprocess.TimeoutExpired:
            raise Failed("%s: %s: not done after %d s" % (self.name, argv,
                                                          LIMIT))
        if check and r.returncode:
            raise Failed("%s: %s: exit %d: %s" % (self.name, argv,
                                                  r.returncode, r.stdout))
        return r.stdout

    def spawn(self, *argv):
        """A program inside that stays."""
        p = subprocess.Popen(["chroot", str(self.root)] +
                             [str(a) for a in self.wrap] +
                             [str(a) for a in argv],
                             stdin=subprocess.DEVNULL, stdout=self.log,
                             stderr=self.log, start_new_session=True)
        self.running.append(p)
        return p

    def pids(self, program=None, but=()):
        """Processes whose root folder is ours: all this pid namespace has of
        this system, and nothing else.  Of one program, or but those of
        some."""
        found = []
        for p in os.listdir("/proc"):
            if not p.isdigit():
                continue
            try:
                root = os.readlink("/proc/%s/root" % p)
                exe = os.readlink("/proc/%s/exe" % p)
            except OSError:
                continue
            if root != str(self.root) and \
                    not root.startswith(str(self.root) + "/"):
                continue
            exe = os.path.basename(exe)
            if program in (None, exe) and exe not in but:
                found.append(int(p))
        return found

    def listens(self):
        """Whether its SMTP server does.  Connecting would tell it too, and
        start a process or wake one that is measured afterwards."""
        address, = struct.unpack("=I", socket.inet_aton(self.address))
        with open("/proc/net/tcp") as f:
            return any(x.split()[1:4:2] == ["%08X:%04X" % (address, 25), "0A"]
                       for x in f)

    def signal(self, number, program=None):
        for pid in self.pids(program):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def gone(self):
        for p in self.running:
            p.poll()
        return not self.pids()

    def stop(self):
        """The way its manual has it, then by force."""
        if self.pids():
            self.end()
            try:
                until(self.name + " to end", self.gone, 20)
            except Failed:
                self.signal(signal.SIGKILL)
                until(self.name + " to be gone", self.gone)
        for p in self.running:
            p.wait()
        self.running = []

    def clear(self):
        """Stopped, with an empty queue and no mail delivered."""
        self.stop()
        if self.began and time.monotonic() - self.began > 1.5 * LIMIT:
            self.slow = True
        self.began = 0.0
        self.empty()
        for n in os.listdir(self.root / "home"):
            shutil.rmtree(self.root / "home" / n / "Maildir",
                          ignore_errors=True)
        subprocess.run(["sync", "-f", str(ROOTS)], check=True)
        Deleted.now()

    def empty_folders(self, *folders):
        for folder in folders:
            top = self.root / self.spool / folder
            for n in os.listdir(top) if top.exists() else ():
                p = top / n
                if p.is_dir() and not p.is_symlink():
                    shutil.rmtree(p)
                else:
                    p.unlink()

    def call(self, count, parallel, rcpt, octets=4096, command=None):
        """Seconds that sendmail took, called count times, so many at once."""
        mail = message(octets)
        out = tool("callers", "-r", self.root, "-u", CALLER, "-n", count,
                   "-p", parallel, "-i", mail.name,
                   *(command or self.sendmail + ["--", rcpt]),
                   cwd=mail.parent)
        seconds, bad = out.split()
        if int(bad):
            raise Failed("%s: %s of %d calls of sendmail failed"
                         % (self.name, bad, count))
        return float(seconds)

    # What each system has its own way for.

    def prepare(self, held=False):
        """Writes its settings."""
        raise NotImplementedError

    def launch(self, held=False):
        raise NotImplementedError

    def end(self):
        raise NotImplementedError

    def release(self):
        """Deliveries begin."""
        raise NotImplementedError

    def empty(self):
        raise NotImplementedError

    def settle(self):
        """Until what was accepted needs no more work before its delivery."""

    def accept(self, connections, count, octets, lists):
        """Seconds that count messages took, to the recipients of the lines
        of a file in turn."""
        return float(tool("smtp_load", self.address, connections, count,
                          octets, lists, timeout=self.patience(count)))

    @staticmethod
    def patience(count):
        """Seconds it may take: more than a measurement, for mostly it only
        comes before one."""
        return max(2 * LIMIT, count / 100)

    def preload(self, count, rcpts, each=1, octets=4096, connections=16):
        """Accepts count messages, for the addresses in turn, each for `each`
        recipients of the address's domain; the seconds."""
        lists = ROOTS / "rcpts"
        lists.write_text("".join(
            " ".join(many(rcpt, each)) + "\n" for rcpt in rcpts))
        return self.accept(connections, count, octets, lists)


def many(rcpt, count):
    return [rcpt] if count == 1 else ["%d%s" % (n, rcpt) for n in range(count)]

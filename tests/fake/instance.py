"""A private instance for tests: made, started, watched, stopped.

As root everything runs as nobody, for mail to uid 0 is refused.  All it made
is gone when it is closed."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

BIN = pathlib.Path(os.environ.get("BIN", "build/bin")).resolve()
PATIENCE = 120    # seconds for what takes one at most


class Fail(Exception):
    pass


def wait_for(what, true, seconds=PATIENCE):
    """Polls until true() is; the deadline is an error, never a pause, and long:
    machines may be slow."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = true()
        if got:
            return got
        time.sleep(0.01)
    raise Fail("waited %d s for: %s" % (seconds, what))


def controller(handler, **kw):
    """A real SMTP server (aiosmtpd), started.  It listens before its port is
    told to anybody: one that was only looked for may be taken by then."""
    from aiosmtpd.controller import Controller
    sock = socket.create_server(("127.0.0.1", 0))

    class Listening(Controller):
        def _create_server(self):
            return self.loop.create_server(self._factory_invoker, sock=sock)

    got = Listening(handler, hostname="127.0.0.1",
                    port=sock.getsockname()[1], ready_timeout=PATIENCE, **kw)
    got.start()
    return got


class Sink:
    """Keeps what it gets."""

    def __init__(self):
        self.messages = []

        class Handler:
            def __init__(self, sink):
                self.sink = sink

            async def handle_DATA(self, server, session, envelope):
                self.sink.messages.append(
                    (envelope.mail_from, list(envelope.rcpt_tos),
                     envelope.original_content))
                return "250 2.0.0 kept"

        self.controller = controller(Handler(self), data_size_limit=None)
        self.port = self.controller.port

    def close(self):
        self.controller.stop()


class Instance:
    def __init__(self, below=None, **control):
        """Its folder is made in below; control is what is set."""
        base = below or ("/tmp" if os.geteuid() == 0 else None)
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="godwit-", dir=base))
        self.home = self.top / "home"
        self.user = "nobody" if os.geteuid() == 0 else \
            pwd.getpwuid(os.geteuid()).pw_name
        self.bin = BIN
        self.prefix = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.top, nobody.pw_uid, nobody.pw_gid)
            self.prefix = ["setpriv", "--reuid=nobody",
                           "--regid=%d" % nobody.pw_gid, "--clear-groups"]
            if subprocess.run(self.prefix + ["test", "-x",
                                             str(BIN / "godwit")]).returncode:
                self.bin = self.top / "bin"
                shutil.copytree(BIN, self.bin)
                subprocess.run(["chmod", "-R", "a+rX", str(self.bin)],
                               check=True)
        self.env = dict(os.environ, GODWIT_HOME=str(self.home),
                        HOME=str(self.top), USER=self.user)
        self.address = self.user + "@test.example"
        self.log = open(self.top / "log", "ab+")
        self.process = None
        self.must("godwit", "init", "--me", "test.example", str(self.home))
        self.set("defaultdelivery", str(self.home / "Maildir") + "/")
        self.set("ledgersegment", "1048576")
        for name, value in control.items():
            self.set(name, value)

    def set(self, name, value):
        """One setting, written as the instance's user."""
        self.run_as(["sh", "-c", 'printf "%s\\n" "$2" >"$1"', "sh",
                     str(self.home / "control" / name), str(value)])

    def run_as(self, argv, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        kw.setdefault("env", self.env)
        return subprocess.run(self.prefix + argv, **kw)

    def command(self, program, *args, **kw):
        return self.run_as([str(self.bin / program)] + list(args), **kw)

    def must(self, program, *args, **kw):
        r = self.command(program, *args, **kw)
        if r.returncode:
            raise Fail("%s %s: exit %d: %s" % (program, " ".join(args),
                                               r.returncode,
                                               r.stderr.decode()))
        return r.stdout

    def start(self, *args):
        """Runs `godwit start` until it says it is ready."""
        before = self.log.tell() if self.process else 0
        before = os.fstat(self.log.fileno()).st_size
        self.process = subprocess.Popen(
            self.prefix + [str(self.bin / "godwit"), "start"] + list(args),
            env=self.env, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)
        wait_for("ready", lambda: b"\nready\n" in
                 b"\n" + self.log_text(before) or self.process.poll())
        if self.process.poll() is not None:
            raise Fail("start: " + self.log_text(before).decode())

    def log_text(self, start=0):
        with open(self.top / "log", "rb") as f:
            f.seek(start)
            return f.read()

    def stop(self, seconds=PATIENCE):
        """TERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.process = None
        return code

    def pids(self, program=None):
        """The instance's processes, by GODWIT_HOME and name, without what
        godwit-remote forks at its start to try TLS (base/tls_later.h)."""
        found, parents = [], {}
        mark = ("GODWIT_HOME=%s\0" % self.home).encode()
        for p in os.listdir("/proc"):
            if not p.isdigit():
                continue
            try:
                if mark not in open("/proc/%s/environ" % p, "rb").read():
                    continue
                exe = os.readlink("/proc/%s/exe" % p)
                state = open("/proc/%s/stat" % p).read().rsplit(")", 1)[1]
            except OSError:
                continue
            if not exe.startswith(str(self.bin)) or state.split()[0] == "Z":
                continue
            parents[int(p)] = int(state.split()[1]), os.path.basename(exe)
        for pid, (parent, name) in parents.items():
            tries = name == parents.get(parent, (0, ""))[1] == "godwit-remote"
            if program in (None, name) and not tries:
                found.append(pid)
        return found

    def signal(self, number, program=None):
        """To those that are still there."""
        for pid in self.pids(program):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self, program=None):
        self.signal(signal.SIGKILL, program)

    def try_now(self):
        """All that is queued, whatever rests."""
        self.signal(signal.SIGALRM, "godwit-manager")

    def sendmail(self, message, *args, **kw):
        return self.command("sendmail", *args, input=message, **kw)

    def queued(self, places=("todo", "info")):
        """A message goes from todo/ to info/, and not before its bounce is in
        todo/: looked for in this order, also for that one's bounce, none is
        missed between two folders."""
        for _ in range(3):
            found = [p / n for p in (self.home / "queue" / x for x in places)
                     for n in os.listdir(p) if len(n) == 13]
            if found:
                return found
        return []

    def drained(self, seconds=PATIENCE):
        wait_for("an empty queue", lambda: not self.queued(), seconds)

    def maildir(self):
        new = self.home / "Maildir" / "new"
        if not new.exists():
            return []
        return [(new / n).read_bytes() for n in os.listdir(new)]

    def close(self):
        if self.process and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                pass
        self.kill()
        if self.process:
            self.process.wait(PATIENCE)
        self.log.close()
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Tap:
    """Test Anything Protocol; end() gives the exit code."""

    def __init__(self):
        self.count = self.failed = 0
        self.lock = threading.Lock()

    def ok(self, good, name, why=""):
        with self.lock:
            self.count += 1
            print("%sok %d - %s" % ("" if good else "not ", self.count, name),
                  flush=True)
            if not good:
                self.failed += 1
                for line in str(why).splitlines():
                    print("# " + line)
        return good

    def same(self, got, want, name):
        return self.ok(got == want, name, "got %r\nwant %r" % (got, want))

    def skip(self, name, why):
        self.count += 1
        print("ok %d # SKIP %s: %s" % (self.count, name, why), flush=True)

    def end(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0

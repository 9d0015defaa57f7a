"""What runs share: the plan as kill_at reads it, programs with one of them
watched, instances that are copies of one, a server."""
import collections
import ctypes
import errno
import mmap
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import BIN, Instance, controller  # noqa: E402

MODES = ["nothing", "count", "kill", "once", "lasting"]


class CPlan(ctypes.Structure):
    _fields_ = [("mode", ctypes.c_int32), ("error", ctypes.c_int32),
                ("at", ctypes.c_int64), ("met", ctypes.c_int64),
                ("struck", ctypes.c_int64), ("place", ctypes.c_char * 224)]


class Control(ctypes.Structure):
    _fields_ = [("plans", CPlan * 2), ("changes", ctypes.c_int64),
                ("lifted", ctypes.c_int32)]


class Plan:
    """mode is a word of MODES; until is `time` or `restart` for lasting."""

    def __init__(self, mode, at=0, place="", error="", until="time"):
        self.mode, self.at, self.place = mode, at, place
        self.error, self.until = error, until

    def __str__(self):
        if self.mode == "kill":
            return "kill before change %d" % self.at
        words = "%s %s at %s, time %d" % (self.error, self.mode, self.place,
                                          self.at)
        return words + (" until a restart" if self.mode == "lasting" and
                        self.until == "restart" else "")

    def put(self, c):
        c.mode, c.at = MODES.index(self.mode), self.at
        c.error = getattr(errno, self.error) if self.error else 0
        c.place = self.place.encode()


class Server:
    """One SMTP server for all runs; a message of kind d is LATER once."""

    def __init__(self):
        self.got = collections.defaultdict(collections.Counter)
        self.deferred = set()
        server = self

        class Handler:
            async def handle_DATA(self, unused, session, envelope):
                run, kind = re.search(
                    rb"^Subject: tok-(\d+)-(\w)", envelope.original_content,
                    re.M).groups()
                if kind == b"d" and run not in server.deferred:
                    server.deferred.add(run)
                    return "451 4.3.0 once more, please"
                server.got[int(run)][kind.decode()] += 1
                return "250 2.0.0 kept"

        self.controller = controller(Handler(), data_size_limit=None)
        self.port = self.controller.port

    def close(self):
        self.controller.stop()


class House:
    """What the runs share: programs with one of them watched, an instance
    that was just made, the server."""

    def __init__(self, kill_at, below):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="godwit-crash-",
                                                 dir=below))
        self.top.chmod(0o755)
        self.kill_at = kill_at
        self.lock = threading.Lock()
        self.server = Server()
        with Instance(below=self.top,
                      smtproutes=":127.0.0.1:%d" % self.server.port) as it:
            self.user = it.user
            subprocess.run(["cp", "-a", str(it.home), str(self.top / "home")],
                           check=True)

    def programs(self, traced, planted=None):
        folder = self.top / ("planted-" + planted.parent.name if planted
                             else traced)
        with self.lock:
            if not folder.exists():
                self.lay_out(folder, traced, planted)
        return folder

    def lay_out(self, folder, traced, planted):
        for where in (folder, folder / "real"):
            where.mkdir()
            for f in BIN.iterdir():
                try:
                    os.link(f, where / f.name)
                except OSError:
                    shutil.copy2(f, where)
        (folder / traced).unlink()
        shutil.copy(self.kill_at, folder / traced)
        if planted:
            (folder / "real" / traced).unlink()
            shutil.copy(planted, folder / "real" / traced)
        subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)

    def forbidden(self):
        """Why nobody may be traced here, or nothing."""
        with Quick(self, "sendmail", None) as it:
            it.watch([Plan("count")])
            said = it.command("sendmail", "-bv").stderr.decode()
        return said.strip() if "seize:" in said else ""

    def close(self):
        self.server.close()
        shutil.rmtree(self.top, ignore_errors=True)


class Quick(Instance):
    """An instance made by copying one."""

    def __init__(self, house, traced, planted):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="godwit-",
                                                 dir=house.top))
        self.home = self.top / "home"
        self.user = house.user
        self.prefix = []
        st = (house.top / "home").stat()
        if os.geteuid() == 0:
            os.chown(self.top, st.st_uid, st.st_gid)
            self.prefix = ["setpriv", "--reuid=%d" % st.st_uid,
                           "--regid=%d" % st.st_gid, "--clear-groups"]
        self.bin = house.programs(traced, planted)
        self.env = dict(os.environ, GODWIT_HOME=str(self.home),
                        HOME=str(self.top), USER=self.user)
        self.address = self.user + "@test.example"
        self.log = open(self.top / "log", "ab+")
        self.process = None
        subprocess.run(["cp", "-a", str(house.top / "home"), str(self.home)],
                       check=True)
        (self.home / "control/defaultdelivery").write_text(
            "%s/Maildir/\n" % self.home)

    def watch(self, plans):
        path = self.top / "plan"
        path.write_bytes(bytes(4096))
        for p in (path, self.top / "plan.calls"):
            p.touch()
            p.chmod(0o666)
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 4096)
        self.control = Control.from_buffer(self.memory)
        for plan, c in zip(plans, self.control.plans):
            plan.put(c)
        self.env["KILL_AT"] = str(path)

    def calls(self):
        """(number, place, changes, struck) of each line."""
        lines = (self.top / "plan.calls").read_text().splitlines()
        words = [line.split() for line in lines]
        return [(int(w[0]), w[1], w[2] == "c", w[-1] == "*") for w in words]

    def godwit(self, *args):
        """The operator's command, not watched."""
        env = dict(self.env)
        env.pop("KILL_AT", None)
        return self.run_as([str(self.bin / "real/godwit"), *args], env=env)

"""Godwit in its root, as INSTALL has it: root starts it, four users run it."""
import os
import shutil
import signal
import subprocess

from run import BIN, Failed, tool, until
from system import System

LIB = "usr/local/lib/godwit"


class Godwit(System):
    name = "godwit"
    spool = "var/spool/godwit"

    def __init__(self):
        super().__init__()
        self.install()

    def install(self):
        """The programs that were just built."""
        there = self.root / LIB
        shutil.rmtree(there, ignore_errors=True)
        shutil.copytree(BIN, there)
        subprocess.run(["chmod", "-R", "a+rX", str(there)], check=True)
        link = self.root / "usr/sbin/sendmail"
        link.unlink(missing_ok=True)
        link.symlink_to("/%s/sendmail" % LIB)
        self.run("/%s/godwit" % LIB, "init", "--system", "--me",
                 "mx.bench.test")

    def set(self, name, *lines):
        (self.root / "etc/godwit" / name).write_text(
            "".join("%s\n" % x for x in lines))

    def prepare(self, held=False):
        self.set("locals", "local.test")
        self.set("smtproutes", *["%s:%s:%d" % (domain, address, port) for
                                 domain, (address, port) in
                                 self.routes.items()])
        self.set("concurrencysite", *[self.raised] if self.raised else [])

    def launch(self, held=False):
        before = self.log.seek(0, os.SEEK_END)
        self.spawn("/%s/godwit" % LIB, "start")

        def ready():
            if self.running[0].poll() is not None:
                raise Failed("godwit start ended: see %s" % self.log.name)
            with open(self.log.name, "rb") as f:
                f.seek(before)
                return b"\nready\n" in b"\n" + f.read()
        until("godwit to be ready", ready)
        if held:
            self.signal(signal.SIGSTOP, "godwit-manager")

    def end(self):
        self.signal(signal.SIGCONT, "godwit-manager")
        self.signal(signal.SIGTERM, "godwit")

    def release(self):
        self.signal(signal.SIGCONT, "godwit-manager")

    def empty(self):
        self.empty_folders("todo", "info", "bounce", "broken", "ledger")

    def accept(self, connections, count, octets, lists):
        return float(tool("submit_load", self.root / "run/godwit",
                          connections, count, octets, lists,
                          timeout=self.patience(count)))

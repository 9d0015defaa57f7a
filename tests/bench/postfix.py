"""Postfix as Debian has it, with the services that it ships."""
import contextlib
import os
import signal
import time

from run import LIMIT, until
from system import System

MAIN = """\
compatibility_level = 3.6
myhostname = mx.bench.test
mydestination = local.test
inet_interfaces = %(address)s
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
transport_maps = texthash:/etc/postfix/transport
home_mailbox = Maildir/
alias_maps =
alias_database =
smtpd_peername_lookup = no
disable_dns_lookups = yes
biff = no
message_size_limit = 104857600
mailbox_size_limit = 0
in_flow_delay = 0
"""

YESTERDAY = time.time() - 86400
RAISED = """\
default_process_limit = %(processes)d
default_destination_concurrency_limit = %(raised)d
initial_destination_concurrency = %(raised)d
"""


class Postfix(System):
    name = "postfix"
    address = "127.0.0.2"
    spool = "var/spool/postfix"
    takers = ("smtpd", "cleanup", "anvil", "proxymap")
    processes = 0           # default_process_limit, 0: as shipped

    def __init__(self):
        super().__init__()
        self.configure()
        self.run("sh", "-c", """
            cd /var/spool/postfix && mkdir -p etc lib &&
            cp /etc/hosts /etc/resolv.conf /etc/services /etc/nsswitch.conf \
                etc/ && rm -f /var/lib/postfix/master.lock &&
            postfix check""")

    def configure(self):
        there = self.root / "etc/postfix"
        text = MAIN % {"address": self.address}
        if "" in self.routes:
            text += "relayhost = [%s]:%d\n" % self.routes[""]
        if self.raised:
            text += RAISED % {"raised": self.raised, "processes":
                              self.processes or self.raised + 50}
        (there / "main.cf").write_text(text)
        (there / "transport").write_text("".join(
            "%s smtp:[%s]:%d\n" % (domain, address, port)
            for domain, (address, port) in self.routes.items() if domain))
        (there / "master.cf").write_text(
            (self.root / "usr/share/postfix/master.cf.dist").read_text())
        # Each of its programs sleeps until what it reads is seconds old.
        for name in ("main.cf", "transport", "master.cf"):
            os.utime(there / name, (YESTERDAY, YESTERDAY))

    def prepare(self, held=False):
        self.configure()

    def launch(self, held=False):
        """Without `postfix start`, whose checks go on in the background while
        others measure.  Held: its queue manager stands still, so what is
        accepted waits in incoming/ as it does when more comes than it can
        deliver."""
        self.spawn("/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d")
        until("postfix to listen", self.listens)
        if held:
            until("its queue manager", lambda: self.pids("qmgr"))
            self.signal(signal.SIGSTOP, "qmgr")

    def end(self):
        self.signal(signal.SIGCONT, "qmgr")
        self.signal(signal.SIGTERM, "master")

    def release(self):
        self.signal(signal.SIGCONT, "qmgr")

    def empty(self):
        self.empty_folders("maildrop", "incoming", "active", "deferred",
                           "hold", "defer", "bounce", "corrupt")

    def waiting(self, *folders):
        return sum(len(files) for f in folders for _, _, files in
                   os.walk(self.root / self.spool / f))

    @contextlib.contextmanager
    def without_pickup(self):
        """What sendmail accepts stays in maildrop/ until afterwards."""
        self.signal(signal.SIGSTOP, "pickup")
        try:
            yield
        finally:
            self.signal(signal.SIGCONT, "pickup")

    def settle(self):
        """sendmail has answered when the mail is in maildrop/; another copy
        into incoming/ is made while it goes on, and is part of the work."""
        until("an empty maildrop", lambda: not self.waiting("maildrop"),
              LIMIT, 0.1)

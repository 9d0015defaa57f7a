"""OpenSMTPD as Debian has it."""
import subprocess
import time

from run import Failed, until
from system import System

RAISED = """\
mta limit max-conn-per-host %(raised)d
mta limit max-conn-per-route %(raised)d
mta limit max-conn-per-source 2000
mta limit max-conn-per-connector %(raised)d
mta limit max-conn-per-relay %(raised)d
mta limit max-conn-per-domain %(raised)d
mta limit conn-delay-route 0
mta limit conn-delay-relay 0
mta limit reconn-delay-route 0
mta limit task-hiwat 1000
mta limit task-lowat 500
mta limit task-release 200
mta limit session-mail-max 10000
scheduler limit max-schedule 200
"""


class OpenSMTPD(System):
    name = "opensmtpd"
    address = "127.0.0.3"
    spool = "var/spool/smtpd"
    share = 1 / 12

    def accept(self, connections, count, octets, lists):
        """Of more at a time it leaves some without a greeting."""
        return super().accept(min(connections, 4), count, octets, lists)

    def prepare(self, held=False):
        text = ["listen on %s port 25 hostname mx.bench.test" % self.address,
                "smtp limit max-mails 1000000", "smtp max-message-size 100M",
                'action "local" maildir',
                'match from any for domain "local.test" action "local"']
        if self.raised:
            text.append(RAISED % {"raised": self.raised})
        routes = sorted(self.routes.items(), reverse=True)
        for n, (domain, (address, port)) in enumerate(routes):
            text += ['action "r%d" relay host "smtp+notls://%s:%d"'
                     % (n, address, port),
                     "match from any for %s action r%d" % (
                         'domain "%s"' % domain if domain else "any", n)]
        (self.root / "etc/smtpd.conf").write_text("\n".join(text) + "\n")
        (self.root / "etc/mailname").write_text("mx.bench.test\n")

    def launch(self, held=False):
        self.spawn("/usr/sbin/smtpd", "-d")
        until("smtpd to answer", self.answers)
        until("smtpd to listen", self.listens)
        if held:
            self.run("smtpctl", "pause", "mta")
            self.run("smtpctl", "pause", "mda")

    def answers(self):
        if self.running[0].poll() is not None:
            raise Failed("smtpd ended: see %s" % self.log.name)
        return subprocess.run(["chroot", str(self.root), "smtpctl", "show",
                               "status"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def end(self):
        for p in self.running:
            p.terminate()
        time.sleep(0.2)

    def release(self):
        self.run("smtpctl", "resume", "mta")
        self.run("smtpctl", "resume", "mda")

    def empty(self):
        self.empty_folders("queue", "incoming", "offline", "purge",
                           "temporary", "corrupt")

#!/usr/bin/python3
"""The programs of Debian that call sendmail, as they call it.

A private instance delivers what they send.  Where a caller can be told a
path it gets that of a script which notes arguments and exit status and runs
sendmail; where the path is built in, root binds the script over
/usr/sbin/sendmail in a mount namespace of the caller's own.  What is not
installed, or would bring a mailer or a daemon along, is unpacked from its
package into the test's folder; without network that part is skipped."""
import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fake"))
from instance import Fail, Instance, Tap, wait_for

tap = Tap()
ROOT = os.geteuid() == 0
PACKAGES = ["bsd-mailx", "cron", "at", "anacron", "fail2ban", "logwatch",
            "python3-reportbug", "python3-debianbts", "unattended-upgrades"]
SCRIPT = """#!/bin/sh
export GODWIT_HOME=%s
for a; do printf ' %%s' "$a"; done >>%s/calls
%s/sendmail "$@"
code=$?
echo " = $code" >>%s/calls
exit $code
"""


class Callers:
    def __init__(self, instance):
        self.i = instance
        self.top = instance.top / "callers"
        instance.run_as(["mkdir", "-m", "777", str(self.top)])
        self.sendmail = str(self.top / "sendmail")
        self.to = instance.address
        self.seen = 0
        with open(self.sendmail, "w") as f:
            f.write(SCRIPT % (instance.home, self.top, instance.bin, self.top))
        os.chmod(self.sendmail, 0o755)
        (self.top / "calls").touch()
        os.chmod(self.top / "calls", 0o666)
        self.env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
                    "HOME": str(self.top), "LC_ALL": "C",
                    "EMAIL": "ann@test.example", "USER": instance.user}
        self.unpack()

    def unpack(self):
        folder = self.top / "packages"
        folder.mkdir()
        self.packages = folder / "root"
        try:
            subprocess.run(["apt-get", "-q", "-o", "Acquire::Retries=1",
                            "download"] + PACKAGES, cwd=folder, timeout=60,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired):
            pass
        for deb in glob.glob(str(folder / "*.deb")):
            subprocess.run(["dpkg-deb", "-x", deb, str(self.packages)])

    def find(self, path):
        """A program or file, installed or unpacked; None."""
        for base in (self.packages, pathlib.Path("/")):
            if (base / path).exists():
                return str(base / path)
        return None

    def run(self, argv, text="body\n", **env):
        return subprocess.run(argv, env=dict(self.env, **env), cwd=self.top,
                              input=text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)

    def make_places(self):
        """/usr/sbin with another sendmail; folders for cron and at."""
        real, new = self.top / "real", self.top / "sbin"
        if new.exists():
            return
        real.mkdir()
        new.mkdir()
        for name in os.listdir("/usr/sbin"):
            if name != "sendmail":
                os.symlink(real / name, new / name)
        os.symlink(self.sendmail, new / "sendmail")
        for name in ("spool", "spool/cron", "spool/cron/crontabs",
                     "spool/cron/atjobs", "spool/cron/atspool", "run"):
            (self.top / name).mkdir()

    def bound(self, argv, prepare=""):
        """argv with the script as /usr/sbin/sendmail, for it alone."""
        real, new = self.top / "real", self.top / "sbin"
        self.make_places()
        script = "set -e; mount --bind /usr/sbin %s; mount --bind %s " \
            "/usr/sbin; %s exec \"$@\"" % (real, new, prepare)
        return ["unshare", "-m", "sh", "-c", script, "sh"] + argv

    def heard(self):
        """The calls since the last check."""
        return (self.top / "calls").read_text()[self.seen:]

    def check(self, name, args, done, sender=None, text=b"body"):
        """One call with args (a regular expression), one message."""
        want = r"(?s) %s = 0\n" % args
        try:
            # Some do not wait for it.
            wait_for("the end of a call", lambda: " = " in self.heard())
            mail = wait_for("a message", self.i.maildir)
            self.i.drained()
        except Fail as why:
            return tap.ok(False, name, "%s\n%s\n%s" % (why, self.heard(),
                                                      done))
        calls = self.heard()
        self.seen += len(calls)
        for path in (self.i.home / "Maildir" / "new").iterdir():
            path.unlink()
        path = re.search(rb"Return-Path: <(.*)>", mail[0])
        good = re.fullmatch(want, calls) and len(mail) == 1 and \
            text in mail[0] and path and (
                sender is None or path[1].decode() == sender)
        if isinstance(done, subprocess.CompletedProcess):
            good = good and done.returncode == 0
        return tap.ok(good, name, "%s\nwant %s\n%s\n%s" % (
            calls, want, done, mail))


def mail_programs(c):
    for name, path, argv, args, sender in [
            ("mutt with DSN and sender", "usr/bin/mutt",
             ["-n", "-F", "/dev/null", "-e", "set sendmail=\"%s -oem -oi\""
              % c.sendmail, "-e", "set from=ann@test.example copy=no "
              "use_envelope_from=yes dsn_notify=\"failure,delay\" "
              "dsn_return=hdrs use_8bitmime=yes", "-s", "x", "--", c.to],
             "-oem -oi -f ann@test.example -N failure,delay -R hdrs -- "
             + c.to, "ann@test.example"),
            ("s-nail", "usr/bin/s-nail",
             ["-n", "-S", "sendwait", "-S", "mta=" + c.sendmail, "-s", "x",
              c.to], "-i -- " + c.to, None),
            ("s-nail -r", "usr/bin/s-nail",
             ["-n", "-S", "sendwait", "-S", "mta=" + c.sendmail, "-r",
              "ann@test.example", "-s", "x", c.to],
             "-i -f ann@test.example -- " + c.to, "ann@test.example"),
            ("bsd-mailx", "usr/bin/bsd-mailx", ["-s", "x", c.to], "-i -t",
             None),
            ("mailutils' mail", "usr/bin/mail.mailutils",
             ["--exec", "set sendmail=\"sendmail:%s\"" % c.sendmail, "-s",
              "x", c.to], "-oi .*", None)]:
        path = c.find(path)
        if not path:
            tap.skip(name, "not installed")
            continue
        with open(c.top / "mailrc", "w") as f:
            f.write("set sendmail=%s\n" % c.sendmail)
        done = c.run([path] + argv, MAILRC=str(c.top / "mailrc"))
        if done.returncode == 127:
            tap.skip(name, done.stdout.decode().strip())
            continue
        c.check(name, args, done, sender)


def git(c):
    name = "git send-email"
    if subprocess.run(["perl", "-MMail::Address", "-e", "1"],
                      stderr=subprocess.DEVNULL).returncode or \
            not c.find("usr/lib/git-core/git-send-email"):
        return tap.skip(name, "git-email or libmailtools-perl is not there")
    with open(c.top / "patch", "w") as f:
        f.write("From 0000000000000000000000000000000000000000 Mon Sep 17 "
                "00:00:00 2001\nFrom: Ann <ann@test.example>\nDate: Mon, 1 "
                "Jan 2024 00:00:00 +0000\nSubject: [PATCH] one\n\nbody\n")
    common = ["git", "send-email", "--smtp-server=" + c.sendmail,
              "--to=" + c.to, "--from=ann@test.example", "--confirm=never",
              "--suppress-cc=all"]
    c.check(name, "-i " + c.to, c.run(common + ["patch"]))
    c.check(name + " --envelope-sender",
            "-f eve@test.example -i " + c.to,
            c.run(common + ["--envelope-sender=eve@test.example", "patch"]),
            "eve@test.example")


def php(c):
    code = "exit(mail('%s', 'x', 'body'%%s) ? 0 : 1);" % c.to
    if not c.find("usr/bin/php"):
        return tap.skip("PHP's mail()", "php-cli is not installed")
    path = ["-d", "sendmail_path=%s -t -i" % c.sendmail]
    c.check("PHP's mail() with sendmail_path", "-t -i",
            c.run(["php", "-n"] + path + ["-r", code % ""]))
    c.check("PHP's mail() with a fifth argument", "-t -i -fann@test.example",
            c.run(["php", "-n"] + path +
                  ["-r", code % ", '', '-fann@test.example'"]),
            "ann@test.example")
    if ROOT:
        c.check("PHP's mail() as it is built", "-t -i",
                c.run(c.bound(["php", "-n", "-r", code % ""])))


def python_callers(c):
    script = c.find("usr/bin/unattended-upgrade")
    if script:
        function = re.search(r"\ndef _send_mail_using_sendmail\(.*?\n\n(?=\S)",
                             open(script).read(), re.S)[0]
        program = "import subprocess, email.charset, sys\nfrom " \
            "email.message import Message\nSENDMAIL_BINARY = '%s'\n%s\n" \
            "sys.exit(_send_mail_using_sendmail('ann@test.example', '%s', " \
            "'x', 'body'))" % (c.sendmail, function, c.to)
        c.check("unattended-upgrade's own mail function", "-oi -t",
                c.run(["/usr/bin/python3", "-c", program]))
    else:
        tap.skip("unattended-upgrades", "cannot be fetched")
    program = "from reportbug.submit import send_report; send_report(" \
        "'body', [], '', 'ann@test.example', '%s', '', '', [], mta='%s', " \
        "envelopefrom='ann@test.example', smtphost='')" % (c.to, c.sendmail)
    done = c.run(["/usr/bin/python3", "-c", program], PYTHONPATH=str(
        c.packages / "usr/lib/python3/dist-packages"))
    if b"ModuleNotFoundError" in done.stdout:
        tap.skip("reportbug", done.stdout.decode().strip().split("\n")[-1])
    else:
        c.check("reportbug's own mail function",
                "-f ann@test.example -oi -oem " + c.to, done,
                "ann@test.example")


def logwatch(c):
    base = c.packages / "usr/share/logwatch"
    if not base.exists():
        return tap.skip("logwatch", "cannot be fetched")
    if str(c.top) != str(c.top).lower():
        return tap.skip("logwatch", "it folds the letters of its paths")
    text = open(c.packages / "usr/sbin/logwatch").read()
    text = text.replace('"/usr/share/logwatch"', '"%s"' % base)
    text = text.replace('"/etc/logwatch"', '"%s"' % (c.top / "etc"))
    text = text.replace("/var/cache/logwatch", str(c.top / "cache"))
    (c.top / "cache").mkdir()
    (c.top / "etc/conf").mkdir(parents=True)
    (c.top / "etc/conf/logwatch.conf").write_text(
        "mailer = \"%s -t\"\nTmpDir = %s\n" % (c.sendmail, c.top / "cache"))
    (c.top / "logwatch").write_text(text)
    done = c.run(["perl", str(c.top / "logwatch"), "--service", "zz-sys",
                  "--output", "mail", "--mailto", c.to, "--range", "all"])
    c.check("logwatch", "-t", done, text=b"Logwatch")


def replayed(c):
    """Argument lines of programs whose own run is out of reach here."""
    message = "From: ann@test.example\nTo: %s\nSubject: x\n\nbody\n" % c.to
    for name, args in [
            ("mdadm, replayed", "-t"),
            ("rkhunter's mail command, replayed", c.to),
            ("cronie, replayed", "-FCronDaemon -i -odi -oem -oi -t -f "
             "ann@test.example"),
            ("Nodemailer, replayed", "-i -f ann@test.example " + c.to),
            ("Ruby's mail, replayed", "-i -f ann@test.example -- " + c.to),
            ("popularity-contest, replayed", "-oi -f ann@test.example "
             + c.to)]:
        c.check(name, re.escape(args),
                c.run([c.sendmail] + args.split(), message))


def daemon(c, name, args, argv, prepare, begin=None, text=b"body"):
    """Runs a daemon in the foreground until its mail has come."""
    log = open(c.top / "log", "wb+")
    p = subprocess.Popen(c.bound(argv, prepare), env=c.env,
                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        if begin:
            begin(p)
        wait_for("a call", lambda: " = " in c.heard())
    except Fail as why:
        log.write(str(why).encode())
    p.terminate()
    try:
        p.wait(10)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
    log.seek(0)
    c.check(name, args, log.read(), text=text)
    log.close()


SPOOL = "mount --bind %s/spool /var/spool; mount --bind %s/run /run;"


def cron(c):
    program = c.find("usr/sbin/cron")
    if not program:
        return tap.skip("cron", "cannot be fetched")
    c.make_places()
    tab = c.top / "spool/cron/crontabs/root"
    tab.write_text("MAILTO=%s\n@reboot echo body\n" % c.to)
    os.chmod(tab, 0o600)
    daemon(c, "cron runs a job and mails its output",
           "-FCronDaemon -i -B8BITMIME -oem " + c.to, [program, "-f"],
           SPOOL % (c.top, c.top))


def anacron(c):
    program = c.find("usr/sbin/anacron")
    if not program:
        return tap.skip("anacron", "cannot be fetched")
    (c.top / "anacron").mkdir()
    (c.top / "anacrontab").write_text(
        "SHELL=/bin/sh\nMAILTO=%s\n1 0 job echo body\n" % c.to)
    done = c.run(c.bound([program, "-d", "-f", "-n", "-s", "-t",
                          str(c.top / "anacrontab"), "-S",
                          str(c.top / "anacron")]))
    c.check("anacron runs a job and mails its output",
            "-FAnacron -odi " + c.to, done)


def at(c):
    program, client = c.find("usr/sbin/atd"), c.find("usr/bin/at")
    if not program or not client:
        return tap.skip("at", "cannot be fetched")
    c.make_places()
    for name in ("spool/cron", "spool/cron/atjobs", "spool/cron/atspool"):
        shutil.chown(c.top / name, "daemon", "daemon")
    (c.top / "spool/cron/atjobs/.SEQ").touch()
    shutil.chown(c.top / "spool/cron/atjobs/.SEQ", "daemon", "daemon")

    def begin(p):
        wait_for("atd", (c.top / "run/atd.pid").exists)
        c.run(["nsenter", "-m", "-t", str(p.pid), client, "now"],
              "echo body\n")

    # It mails to the login name of whom the job belongs to: root.
    daemon(c, "at runs a job and mails its output", "-i root",
           [program, "-f"], SPOOL % (c.top, c.top), begin)


def sudo(c):
    if not c.find("usr/bin/sudo") or not os.path.exists("/etc/sudoers"):
        return tap.skip("sudo", "not installed")
    path = c.top / "sudoers"
    path.write_text("Defaults mailto=\"%s\", mailerpath=%s\n"
                    % (c.to, c.sendmail))
    os.chmod(path, 0o440)
    done = c.run(c.bound(["sudo", "-n", "-u", "nobody", "true"],
                         "mount --bind %s /etc/sudoers;" % path))
    c.check("sudo tells of who may not use it", "-t", done.stdout,
            text=b"COMMAND=")


def fail2ban(c):
    action = c.find("etc/fail2ban/action.d/sendmail.conf")
    if not action:
        return tap.skip("fail2ban", "cannot be fetched")
    program = """
from fail2ban.client.actionreader import ActionReader
from fail2ban.server.action import CommandAction
r = ActionReader('sendmail', 'j', {'dest': '%s', 'sender':
    'f2b@test.example', 'name': 'sshd'}, basedir='%s')
r.read(); r.getOptions({})
a = CommandAction(None, 'sendmail')
for k, v in r.getCombined().items():
    setattr(a, k, v)
a.ban({'ip': '192.0.2.1', 'failures': 3, 'fq-hostname': 'h.test'})
""" % (c.to, str(pathlib.Path(action).parents[1]))
    done = c.run(c.bound(["/usr/bin/python3", "-c", program]),
                 PYTHONPATH=str(c.packages / "usr/lib/python3/dist-packages"))
    c.check("fail2ban's action on a ban", "-f f2b@test.example " + c.to,
            done, "f2b@test.example", b"has just been banned")


def main():
    with Instance() as i:
        if ROOT:
            os.chmod(i.top, 0o755)
            i.set("localusers", "root")
        i.start()
        c = Callers(i)
        for part in (mail_programs, git, php, python_callers, logwatch,
                     replayed):
            part(c)
        for part in (cron, anacron, at, sudo, fail2ban):
            if ROOT and subprocess.run(["unshare", "-m", "true"]).returncode \
                    == 0:
                part(c)
            else:
                tap.skip(part.__name__, "a mount namespace needs root")
    return tap.end()


sys.exit(main())

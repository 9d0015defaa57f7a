#!/usr/bin/python3
"""mailfront, Debian's front end for qmail's queue, with godwit-queue: as it
is found by QMAILQUEUE, and as /var/lib/qmail/bin/qmail-queue.  Unpacked from
its packages, in a mount namespace of its own; skipped without root or where
the packages cannot be fetched."""
import glob
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fake"))
from instance import Instance, Tap, wait_for

tap = Tap()
PACKAGES = ["mailfront", "libbg2", "libcvm1", "liblua5.1-0"]
# qmail's folder with the domains that mailfront may take.
PLACE = """set -e
mount -t tmpfs none /var/lib
mkdir -p /var/lib/qmail/control /var/lib/qmail/bin
echo test.example >/var/lib/qmail/control/me
echo test.example >/var/lib/qmail/control/rcpthosts
ln -s "$QUEUE" /var/lib/qmail/bin/qmail-queue
exec setpriv --reuid=61200 --regid=61200 --clear-groups "$@"
"""


def unpack(folder):
    try:
        subprocess.run(["apt-get", "-q", "-o", "Acquire::Retries=1",
                        "download"] + PACKAGES, cwd=folder, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        pass
    for deb in glob.glob(folder + "/*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, folder])
    return os.path.exists(folder + "/usr/sbin/smtpfront-qmail")


def front(i, folder, program, data, **env):
    """What mailfront answers to data."""
    lib = folder + "/usr/lib"
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", PLACE, "sh",
         folder + "/usr/sbin/" + program], input=data, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=dict(i.env, LD_LIBRARY_PATH="%s:%s/x86_64-linux-gnu" % (lib, lib),
                 MODULE_PATH=lib + "/mailfront", TCPREMOTEIP="192.0.2.1",
                 QUEUE=str(i.bin / "godwit-queue"), **env)).stdout


def smtp(sender, rcpts, text):
    lines = ["EHLO client.example", "MAIL FROM:<%s>" % sender]
    lines += ["RCPT TO:<%s>" % rcpt for rcpt in rcpts]
    return "\r\n".join(lines + ["DATA", text, ".", "QUIT", ""]).encode()


def netstring(data):
    return b"%d:%s," % (len(data), data)


def taken(i, said, name, answer):
    """One message arrived from ann, said has the answer."""
    if answer not in said:
        return tap.ok(False, name, said)
    mail = wait_for("the message", i.maildir)
    i.drained()
    for path in (i.home / "Maildir" / "new").iterdir():
        path.unlink()
    tap.ok(len(mail) == 1 and b"Return-Path: <ann@client.example>" in mail[0]
           and b"Subject: x" in mail[0] and b"\n.body\n" in mail[0] and
           b"from uid 61200" in mail[0], name, "%s\n%s" % (said, mail))


def check(i, folder):
    text = "Subject: x\r\n\r\n..body"
    queue = {"QMAILQUEUE": str(i.bin / "godwit-queue")}
    one = smtp("ann@client.example", [i.address], text)
    taken(i, front(i, folder, "smtpfront-qmail", one, **queue),
          "smtpfront-qmail by QMAILQUEUE", b"\n250 2.6.0 Accepted message")
    taken(i, front(i, folder, "smtpfront-qmail", one),
          "smtpfront-qmail by /var/lib/qmail/bin/qmail-queue",
          b"\n250 2.6.0 Accepted message")
    said = front(i, folder, "smtpfront-qmail",
                 smtp("ann@client.example", ["bob@else.example"], text),
                 **queue)
    tap.ok(b"\n550 5.1.0" in said and not i.queued(),
           "what mailfront refuses is not queued", said)
    message = b"Subject: x\n\n.body\n"
    qmqp = netstring(netstring(message) + netstring(b"ann@client.example") +
                     netstring(i.address.encode()))
    taken(i, front(i, folder, "qmqpfront-qmail", qmqp, **queue),
          "qmqpfront-qmail by QMAILQUEUE", b":K2.6.0 Accepted")
    # A queue that cannot take it: the other side keeps its mail.
    i.stop()
    said = front(i, folder, "smtpfront-qmail", one,
                 GODWIT_HOME="/nonexistent", **queue)
    tap.ok(b"\n451 4" in said, "without a queue it answers to come again",
           said)


def main():
    if os.geteuid() != 0:
        tap.skip("mailfront", "not root")
        return tap.end()
    with tempfile.TemporaryDirectory(prefix="godwit-mailfront-") as folder:
        os.chmod(folder, 0o755)
        if not unpack(folder):
            tap.skip("mailfront", "cannot be fetched")
            return tap.end()
        with Instance() as i:
            for path in (i.top, i.home, i.home / "control", i.home / "run"):
                os.chmod(path, 0o755)
            i.start()
            check(i, folder)
    tap.end()


main()

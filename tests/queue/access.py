#!/usr/bin/python3
"""submitsenders and submitlimit: who may send as whom, and how much."""
import os
import pathlib
import pwd
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fake"))
from instance import Instance, Tap

MESSAGE = b"Subject: hi\n\nbody\n"
tap = Tap()


def as_user(i, uid, *args, message=MESSAGE):
    return subprocess.run(["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid,
                           "--clear-groups", str(i.bin / "sendmail"), *args],
                          env=i.env, input=message, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def says(name, r, code, *words):
    tap.ok(r.returncode == code and all(w in r.stderr for w in words), name, r)


def senders(i, daemon):
    name = "daemon@test.example"
    says("a user may send as an address of his line",
         as_user(i, daemon, i.address), 0)
    says("and as any at a domain of his line",
         as_user(i, daemon, "-f", "x@lists.example", i.address), 0)
    says("and with the null sender",
         as_user(i, daemon, "-f", "<>", i.address), 0)
    says("not as another: 77 and a line",
         as_user(i, daemon, "-f", "ann@test.example", i.address), 77,
         b"uid %d may not send as <ann@test.example>" % daemon, b"#5.7.1")
    says("who has no line may send as the senders of *",
         as_user(i, 54321, "-f", "guest@test.example", i.address), 0)
    says("and as no other",
         as_user(i, 54321, "-f", name, i.address), 77, b"#5.7.1")
    says("root may send as anybody", i.command("sendmail", i.address,
                                               input=MESSAGE), 0)
    says("the log names the uid and the sender", as_user(
        i, 54321, "-f", "eve@test.example", i.address), 77)
    tap.ok(b'refuse uid=54321 why="5.7.1 uid 54321 may not send as '
           b'<eve@test.example>"' in i.log_text(), "in one line",
           i.log_text())
    r = as_user(i, 54321, "-bs", message=b"EHLO me\r\n"
                b"MAIL FROM:<eve@test.example>\r\nRCPT TO:<a@x.test>\r\n"
                b"DATA\r\nA: b\r\n\r\n.\r\nQUIT\r\n")
    tap.ok(b"\r\n550 5.7.1 uid 54321 may not" in r.stdout,
           "over -bs the refusal is the answer to the message", r)


def limits(i, daemon):
    big = MESSAGE + b"x" * 70 + b"\n"
    says("a message above the user's size is refused: 65",
         as_user(i, 54322, "-f", "guest@test.example", i.address,
                 message=MESSAGE + (b"x" * 70 + b"\n") * 300), 65,
         b"submitlimit", b"#5.3.4")
    for n in range(3):
        says("message %d of an hour's three is taken" % (n + 1),
             as_user(i, 54322, "-f", "guest@test.example", i.address), 0)
    says("the next is refused for now: 75 and when to come again",
         as_user(i, 54322, "-f", "guest@test.example", i.address), 75,
         b"uid 54322 has sent its messages of an hour", b"#4.7.1")
    says("another user is not held up", as_user(
        i, 54323, "-f", "guest@test.example", i.address), 0)
    says("nor one whose line has no limit",
         as_user(i, daemon, i.address, message=big), 0)


def check(i):
    i.set("submitsenders", "daemon:daemon")
    r = i.command("godwit", "check")
    tap.ok(r.returncode == 1 and b"control/submitsenders:1: 'daemon' is no "
           b"address" in r.stdout, "godwit check shows a wrong line", r)
    i.set("submitsenders", "no-such-user:a@x.test")
    r = i.command("godwit", "check")
    tap.ok(r.returncode == 1 and b"is no user of this host" in r.stdout,
           "and one of a user who is not there", r)
    i.start()
    tap.ok(b"ignore program=enqueue" in i.log_text(),
           "such a line is ignored at start, with a line in the log")


def main():
    if os.geteuid() != 0:
        tap.skip("who may send as whom", "other users need root")
        return tap.end()
    daemon = pwd.getpwnam("daemon").pw_uid
    with Instance(submitsenders="daemon:daemon@test.example,@lists.example\n"
                  "*:guest@test.example",
                  submitlimit="*:3:20000\ndaemon:0:0\n54321:0:0") as i:
        os.chmod(i.top, 0o755)
        os.chmod(i.home, 0o755)
        os.chmod(i.home / "control", 0o755)
        os.chmod(i.home / "run", 0o755)
        i.start()
        senders(i, daemon)
        limits(i, daemon)
    with Instance() as i:
        check(i)
    return tap.end()


sys.exit(main())

#!/usr/bin/python3
"""What goes wrong when a message is handed in: one clear line, the right exit
code, nothing left behind."""
import os
import pwd
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from spool import (ANSWERS, AUTH, CHOSENID, CLIENT, TLS,  # noqa: E402
                   Submit, envelope, field, frame, frames)

USAGE, DATAERR, NOINPUT, UNAVAILABLE, IOERR, TEMPFAIL, NOPERM, CONFIG = \
    64, 65, 66, 69, 74, 75, 77, 78
MESSAGE = b"Subject: x\n\ntext\n"


class Check:
    def __init__(self, tap, it):
        self.tap, self.it = tap, it

    def left(self):
        """Every name in the spool that a message could have left."""
        queue = self.it.home / "queue"
        return [str(p / n) for p in (queue / "todo", queue / "info",
                                     queue / "broken", queue / "bounce")
                for n in os.listdir(p)]

    def refused(self, name, r, codes, words=""):
        lines = r.stderr.decode("utf-8", "replace").split("\n")
        self.tap.ok(r.returncode in codes and len(lines) == 2 and
                    lines[0].startswith("sendmail: ") and not r.stdout and
                    words in lines[0], name,
                    "exit %d, said %r" % (r.returncode, lines))
        self.tap.same(self.left(), [], "... and nothing is left of it")

    def sendmail(self, name, codes, *args, words="", message=MESSAGE, **kw):
        if "stdin" not in kw:
            kw["input"] = message
        self.refused(name, self.it.command("sendmail", *args, **kw), codes,
                     words)


def addresses(check):
    to = check.it.address
    check.sendmail("no recipient", [DATAERR], words="no recipients")
    check.sendmail("-t and none in the header", [DATAERR], "-t",
                   words="no recipients")
    check.sendmail("-t and an empty To", [DATAERR], "-t",
                   message=b"To: undisclosed:;\n\nx\n")
    check.sendmail("an empty recipient", [DATAERR], "")
    check.sendmail("the null address as recipient", [DATAERR], "<>")
    check.sendmail("a line break in a recipient", [DATAERR],
                   "a@b.example\nRCPT TO:<c@d.example>")
    check.sendmail("a recipient that is no UTF-8", [DATAERR],
                   b"\xff\xfe@b.example")
    check.sendmail("a recipient of 2000 bytes", [DATAERR],
                   "x" * 2000 + "@b.example")
    check.sendmail("a domain of 2000 bytes", [DATAERR],
                   "x@" + "b" * 2000 + ".example")
    check.sendmail("a good recipient and an oversize one", [DATAERR], to,
                   "x" * 2000 + "@b.example")
    check.sendmail("an oversize one in the header", [DATAERR], "-t",
                   message=b"To: %s, %s@b.example\n\nx\n" %
                   (to.encode(), b"x" * 2000))
    check.sendmail("an oversize sender", [DATAERR], "-f",
                   "y" * 2000 + "@b.example", to)
    check.sendmail("a line break in the sender", [USAGE], "-f",
                   "a@b.example\r\nx", to)
    check.sendmail("an unknown option", [USAGE], "-Z", to)


def inputs(check):
    to = check.it.address
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        fd = os.open(folder, os.O_RDONLY)
        check.sendmail("a folder as input", [NOINPUT], to, stdin=fd)
        os.close(fd)
    fd = os.open("/dev/null", os.O_WRONLY)
    check.sendmail("an input that is not open for reading", [NOINPUT], to,
                   stdin=fd)
    os.close(fd)
    fd = os.open("/proc/self/mem", os.O_RDONLY)
    check.sendmail("an input that fails", [IOERR], to, stdin=fd)
    os.close(fd)
    r = check.it.run_as(["sh", "-c", '"$0" "$1" <&-',
                         str(check.it.bin / "sendmail"), to])
    check.refused("a closed input", r, [NOINPUT])
    check.sendmail("a header larger than any", [DATAERR], to,
                   words="header is larger",
                   message=b"X-Fill: x\n" * 1000000 + b"\nx\n")


def places(check):
    """At once, for each waits a while for somebody to start."""
    it = check.it
    empty = it.top / "empty"
    it.run_as(["mkdir", "-p", str(empty)])
    homes = (("no instance", "/nonexistent/of/godwit"),
             ("an empty folder for an instance", str(empty)),
             ("a device for an instance", "/dev/null"))
    threads = [threading.Thread(target=check.sendmail, args=(
        name, [TEMPFAIL, CONFIG], it.address), kwargs={
            "words": home, "env": dict(it.env, GODWIT_HOME=home)})
        for name, home in homes]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def limits(tap, **control):
    """An instance of its own for each limit: settings are read at start."""
    it = Instance(**control)
    it.start()
    return it, Check(tap, it)


def full(tap):
    it, check = limits(tap, databytes="100000")
    with it:
        to = it.address
        check.sendmail("a message above databytes", [DATAERR], to,
                       words="databytes", message=b"a: b\n\n" + b"x\n" * 60000)
        check.sendmail("one far above, written out before that is known",
                       [DATAERR], to, words="databytes",
                       message=b"a: b\n\n" + b"x\n" * 5000000)
        tap.same(it.sendmail(MESSAGE, to).returncode, 0,
                 "a small one is taken after them")
        it.drained()
    it, check = limits(tap, spoolreserve=str(1 << 40))
    with it:
        check.sendmail("a disk without room for new mail", [TEMPFAIL],
                       it.address, words="full")
        check.sendmail("and for a large message", [TEMPFAIL], it.address,
                       words="full", message=b"a: b\n\n" + b"x\n" * 1000000)


def rights(tap):
    """Nothing serves the socket, and the caller may not write the spool."""
    it = Instance(submitwait="1")
    check = Check(tap, it)
    with it:
        todo = it.home / "queue" / "todo"
        it.run_as(["chmod", "500", str(todo)])
        check.sendmail("a todo/ that is closed, and no server", [TEMPFAIL],
                       it.address)
        it.run_as(["chmod", "700", str(todo)])
        if os.geteuid() == 0:
            stranger = pwd.getpwnam("daemon")
            os.chmod(it.top, 0o755)
            it.prefix, mine = ["setpriv", "--reuid=daemon", "--regid=%d" %
                               stranger.pw_gid, "--clear-groups"], it.prefix
            check.sendmail("another user, and no server", [TEMPFAIL],
                           it.address, words="is godwit running?")
            it.prefix = mine
        else:
            tap.skip("another user", "only root can be one")
        it.start()
        it.run_as(["chmod", "500", str(todo)])
        check.sendmail("a todo/ that was closed while all runs", [TEMPFAIL],
                       it.address, words="cannot write the queue")
        check.sendmail("also for a large message", [TEMPFAIL], it.address,
                       words="cannot write the queue",
                       message=b"a: b\n\n" + b"x\n" * 1000000)
        it.run_as(["chmod", "700", str(todo)])
        tap.same(it.sendmail(MESSAGE, it.address).returncode, 0,
                 "mail is taken again when it is open")
        it.drained()


def refused(check, s, name, bytes_, kind="N"):
    got = s.message(bytes_, MESSAGE)
    check.tap.ok(got[0] == kind, name, got)


def frames_of_strangers(check):
    to = check.it.address
    with Submit(check.it) as s:
        refused(check, s, "an empty envelope is refused", b"")
        refused(check, s, "so is one without recipients",
                envelope("a@b.example", []))
        refused(check, s, "one with an oversize recipient",
                envelope("a@b.example", ["x" * 1001]))
        refused(check, s, "one with an empty recipient",
                envelope("a@b.example", [""]))
        refused(check, s, "one that is cut", envelope("a@b.example",
                                                      [to])[:-1])
        refused(check, s, "one with an unknown field",
                envelope("a@b.example", [to], field(99, "x")))
        for tag, name in ((CLIENT, "a client"), (AUTH, "a user"),
                          (TLS, "TLS"), (ANSWERS, "an answer")):
            refused(check, s, "one that claims %s" % name,
                    envelope("a@b.example", [to], field(tag, "x")))
        refused(check, s, "one that chooses its id",
                envelope("a@b.example", [to], field(CHOSENID, b"\1" * 8)))
        check.tap.same(check.left(), [], "nothing is left of any")
        kind, _ = s.message(envelope("a@b.example", [to]), MESSAGE)
        check.tap.same(kind, "K", "and the connection still takes mail")
    check.it.drained()


def gone(check):
    """Connections that end, or are no connections of ours."""
    to = check.it.address
    whole = frames(b"E", envelope("a@b.example", [to])) + \
        frames(b"D", b"x\n" * 1000000)
    for name, data in (
            ("a connection that ends before its first byte", b""),
            ("one that ends in the envelope", whole[:20]),
            ("one that ends in the content, much being written",
             whole[:-70000]),
            ("one that ends before the last frame", whole),
            ("a frame longer than any", b"\xff\xff\xff\x7fD" + bytes(100000)),
            ("a frame of an unknown kind", frame(b"Q", b"x")),
            ("SMTP", b"EHLO x\r\nMAIL FROM:<>\r\n")):
        with Submit(check.it) as s:
            try:
                s.sock.sendall(data)
                s.sock.shutdown(socket.SHUT_WR)
                said = s.answer()
            except (BrokenPipeError, ConnectionResetError):
                said = ("", "")
        check.tap.same(said, ("", ""), name + ": no answer")
    wait_for("nothing to be left", lambda: not check.left())
    check.tap.same(check.left(), [], "nothing is left of them")
    check.tap.same(check.it.sendmail(MESSAGE, to).returncode, 0,
                   "and mail is taken")
    check.it.drained()


def main():
    tap = Tap()
    for served in (True, False):
        with Instance() as it:
            check = Check(tap, it)
            if served:
                it.start()
            addresses(check)
            inputs(check)
            if served:
                places(check)
                frames_of_strangers(check)
                gone(check)
                tap.same(len(it.maildir()), 2, "only what was taken arrived")
                tap.same(it.stop(), 0, "start ends with 0")
    full(tap)
    rights(tap)
    return tap.end()


sys.exit(main())

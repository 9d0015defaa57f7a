#!/usr/bin/python3
"""An instance of root's, one user per program, from end to end.

Runs in a mount namespace of its own, in which /etc is a copy: the users that
are made here are nowhere else."""
import os
import pathlib
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import BIN, Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server, dead_port  # noqa: E402

INSIDE = "GODWIT_TEST_INSIDE"
TEXT = b"Subject: split\n\ntext\n"


class Split(Instance):
    """Everything below a folder that all users may enter."""

    def __init__(self, top, **control):
        self.top = top
        self.home = top / "home"
        self.bin = top / "bin"
        shutil.copytree(BIN, self.bin)
        subprocess.run(["chmod", "-R", "a+rX", str(self.bin)], check=True)
        self.prefix, self.process, self.user = [], None, "root"
        self.env = dict(os.environ, GODWIT_HOME=str(self.home))
        self.log = open(top / "log", "ab+")
        self.must("godwit", "init", "--me", "test.example", str(self.home))
        for name, value in control.items():
            self.set(name, value)

    def by(self, user, program, *args, **kw):
        """A command as that user."""
        pw = pwd.getpwnam(user)
        kw.setdefault("env", dict(self.env, HOME=pw.pw_dir, USER=user,
                                  LOGNAME=user))
        return subprocess.run(
            ["setpriv", "--reuid=%d" % pw.pw_uid, "--regid=%d" % pw.pw_gid,
             "--clear-groups", program] + list(args),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)

    def send_by(self, user, *args):
        return self.by(user, str(self.bin / "sendmail"), *args, input=TEXT)

    def new_of(self, user):
        new = pathlib.Path(pwd.getpwnam(user).pw_dir) / "Maildir" / "new"
        return [new / n for n in os.listdir(new)] if new.exists() else []


def whose(path):
    st = os.lstat(path)
    return "%o %s:%s" % (stat.S_IMODE(st.st_mode),
                         subprocess.run(["id", "-un", str(st.st_uid)],
                                        capture_output=True, text=True)
                         .stdout.strip(),
                         subprocess.run(["getent", "group", str(st.st_gid)],
                                        capture_output=True, text=True)
                         .stdout.split(":")[0])


def uids(pid):
    return re.search(r"Uid:\t(\d+)\t(\d+)\t(\d+)",
                     open("/proc/%d/status" % pid).read()).groups()


def parent(pid):
    return int(re.search(r"PPid:\t(\d+)",
                         open("/proc/%d/status" % pid).read())[1])


def runs_as(tap, it):
    for program, user in (("godwit", "root"), ("godwit-enqueue", "godwitq"),
                          ("godwit-manager", "godwits"),
                          ("godwit-remote", "godwitr"),
                          ("godwit-local", "root")):
        uid = str(pwd.getpwnam(user).pw_uid)
        # Ready is said when its socket is there, perhaps before it is.
        pids = wait_for(program, lambda: it.pids(program))
        # Not what it has just forked, which is about to be another.
        got = [uids(pid) for pid in pids if parent(pid) not in pids]
        tap.same(got, [(uid,) * 3], "%s runs as %s" % (program, user))


def modes(tap, it):
    queue, run = it.home / "queue", it.home / "run"
    tap.same(whose(run / "submit").split()[0], "666",
             "run/submit is open to everybody")
    for name in os.listdir(queue / "ledger"):
        tap.same(whose(queue / "ledger" / name), "600 godwits:godwits",
                 "ledger/%s is the manager's alone" % name)
    for what in (["ls", str(queue / "todo")], ["ls", str(queue / "info")],
                 ["ls", str(queue / "ledger")],
                 ["cat", str(it.home / "control" / "ledgerkey")],
                 ["sh", "-c", "echo x >%s/x" % (queue / "todo")]):
        tap.ok(it.by("ann", *what).returncode != 0,
               "an ordinary user cannot: " + " ".join(what)
               .replace(str(it.home), ""))


def mail(tap, it, sink):
    r = it.send_by("ann", "bob@test.example", "x@remote.example",
                   "nosuch@test.example")
    tap.ok(r.returncode == 0 and not r.stderr,
           "an ordinary user sends mail", r.stderr.decode())
    it.drained()
    new = it.new_of("bob")
    tap.same(len(new), 1, "it is delivered to another")
    got = new[0].read_bytes()
    tap.ok(b"from uid %d" % pwd.getpwnam("ann").pw_uid in got and
           b"Delivered-To: bob@test.example\n" in got and
           got.endswith(b"\n\ntext\n"), "with the sender's uid in its trace",
           got.decode())
    tap.same(whose(new[0]), "600 bob:bob", "the file is the recipient's")
    tap.same([whose(new[0].parent / ".." / d) for d in
              (".", "new", "tmp", "cur")], ["700 bob:bob"] * 4,
             "so is the Maildir that was made for it")
    tap.ok(len(sink.complete()) == 1 and
           b"x@remote.example" in sink.complete()[0].commands[1],
           "and to another host", [m.commands for m in sink.complete()])
    back = it.new_of("ann")
    tap.ok(len(back) == 1 and b"multipart/report" in back[0].read_bytes() and
           b"nosuch@test.example" in back[0].read_bytes(),
           "what fails comes back", back)
    tap.same(whose(back[0]), "600 ann:ann", "as the sender's own file")
    r = it.send_by("ann", "-f", "ann@test.example", "root@test.example",
                   "daemon@test.example")
    tap.same(r.returncode, 0, "mail to root and to a system user is taken")
    wait_for("its fate", lambda: not os.listdir(it.home / "queue" / "todo"))
    tap.ok(not (pathlib.Path("/root/Maildir/new").exists() and
                b"split" in b"".join(
                    p.read_bytes() for p in
                    pathlib.Path("/root/Maildir/new").iterdir())),
           "and delivered as neither")


def deferred(tap, it):
    it.set("smtproutes", ":127.0.0.1:%d" % dead_port())
    it.start()
    it.send_by("ann", "x@remote.example")
    info = it.home / "queue" / "info"
    wait_for("deferral", lambda: len(os.listdir(info)) == 1)
    tap.same(whose(info / os.listdir(info)[0]), "660 godwitq:godwits",
             "a deferred file is enqueue's and the manager's")
    tap.same(it.stop(), 0, "start ends with 0")


def direct(tap, it, sink):
    """Nothing runs: root writes the spool as enqueue does, others cannot."""
    todo = it.home / "queue" / "todo"
    r = it.send_by("ann", "bob@test.example")
    lines = r.stderr.decode().splitlines()
    tap.ok(r.returncode == 75 and len(lines) == 1,
           "while nothing runs an ordinary user is told to try again", lines)
    tap.same(os.listdir(todo), [], "and leaves nothing")
    before = len(it.new_of("bob"))
    r = it.sendmail(TEXT, "bob@test.example")
    tap.ok(r.returncode == 0 and not r.stderr, "root's mail is taken",
           r.stderr.decode())
    names = os.listdir(todo)
    tap.same([whose(todo / n) for n in names], ["660 godwitq:godwits"],
             "as a file of enqueue's, not of root's")
    it.set("smtproutes", ":127.0.0.1:%d" % sink.port)
    it.start()
    wait_for("its delivery", lambda: len(it.new_of("bob")) > before)
    tap.same(len(it.new_of("bob")), before + 1,
             "and delivered after the next start")
    tap.same(whose(it.new_of("bob")[0]), "600 bob:bob", "to its owner")
    tap.same(it.stop(), 0, "start ends with 0")
    r = it.command("godwit", "audit")
    tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())


def hung(tap, it):
    """The deliverers of three users are stopped, and these are all that may
    deliver at a time; a fourth gets his mail."""
    users = ("ann", "eve", "fay")
    for name, value in (("concurrencylocal", 3), ("localperuser", 1),
                        ("localidle", 600)):
        it.set(name, str(value))
    it.start()
    before = {user: len(it.new_of(user)) for user in users + ("bob",)}

    def got(user):
        return len(it.new_of(user)) - before[user]

    def deliverer(user):
        uid = str(pwd.getpwnam(user).pw_uid)
        return [p for p in it.pids("godwit-local") if uids(p)[0] == uid]

    it.send_by("ann", *(u + "@test.example" for u in users))
    wait_for("their first mail", lambda: not it.queued(("todo",)))
    stopped = [p for u in users for p in deliverer(u)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    for _ in range(12):
        it.send_by("ann", *(u + "@test.example" for u in users))
    for _ in range(12):
        it.send_by("ann", "bob@test.example")
    wait_for("bob's mail", lambda: got("bob") == 12)
    tap.same([got(u) for u in users], [1, 1, 1],
             "three users whose deliverers hang get nothing")
    tap.same(len(stopped), 3, "and delay nobody else")
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    wait_for("their mail", lambda: not it.queued(("todo",)))
    tap.same([got(u) for u in users], [13, 13, 13],
             "until theirs go on, and all is delivered")
    tap.same(it.stop(), 0, "start ends with 0")


def namespace():
    """Goes on in a mount namespace of its own; false where there is none."""
    way = ["unshare", "-m", "--propagation", "private"]
    if os.geteuid() != 0 or \
            subprocess.run(way + ["true"],
                           stderr=subprocess.DEVNULL).returncode:
        return False
    top = tempfile.mkdtemp(prefix="godwit-", dir="/tmp")
    code = 1
    try:
        os.chmod(top, 0o755)
        shutil.copytree("/etc", top + "/etc", symlinks=True)
        code = subprocess.run(
            way + ["sh", "-c", 'mount --bind "$1/etc" /etc && shift && '
                   'exec "$@"', "sh", top, sys.executable, sys.argv[0]],
            env=dict(os.environ, **{INSIDE: top})).returncode
    finally:
        shutil.rmtree(top)
    sys.exit(code)


def main():
    tap = Tap()
    if not os.environ.get(INSIDE) and not namespace():
        tap.skip("an instance of root's", "only root can make its users, in "
                 "a mount namespace of its own")
        return tap.end()
    top = pathlib.Path(os.environ[INSIDE])
    for uid, user in ((2001, "ann"), (2002, "bob"), (2003, "eve"),
                      (2004, "fay")):
        subprocess.run(["useradd", "-m", "-d", str(top / user), "-u",
                        str(uid), "-U", user], check=True,
                       stderr=subprocess.DEVNULL)
    sink = Server()
    it = Split(top, smtproutes=":127.0.0.1:%d" % sink.port, submitwait="1")
    try:
        it.start()
        runs_as(tap, it)
        mail(tap, it, sink)
        modes(tap, it)
        tap.same(it.stop(), 0, "start ends with 0")
        deferred(tap, it)
        direct(tap, it, sink)
        hung(tap, it)
    finally:
        if it.process:
            it.stop()
        it.kill()
        it.log.close()
    sink.close()
    return tap.end()


sys.exit(main())

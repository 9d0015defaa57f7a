#!/usr/bin/python3
"""What a file-system check may leave of a queue, and what --repair makes of
it: nothing is deleted, mail is delivered, the audit agrees.

As root also an instance of several users is looked at.  With GODWIT (a
program built with a mistake) that one is used for --repair."""
import fcntl
import json
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "fake"))
from instance import BIN, Instance, Tap, wait_for

tap = Tap()
FAR = "far@remote.example"


def godwit(i, *args):
    r = i.command("godwit", *args)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def repair(i, *files):
    """Exit code, and the findings by place and name."""
    r = i.run_as([os.environ.get("GODWIT") or str(i.bin / "godwit"), "queue",
                  "--repair", "--json"] + [str(f) for f in files])
    return r.returncode, findings(r.stdout)


def findings(out):
    got = json.loads(out)
    return {"/".join(x for x in (f["place"], f["name"]) if x):
            (f["act"], f.get("to")) for f in got["findings"]}


def check(i):
    r = i.command("godwit", "queue", "--check", "--json")
    return r.returncode, findings(r.stdout)


def inodes(i):
    """Each regular file of the spool but the ledger's, by its inode."""
    found = {}
    for folder, _, names in os.walk(i.home / "queue"):
        for name in names:
            s = os.lstat(os.path.join(folder, name))
            if stat.S_ISREG(s.st_mode) and not folder.endswith("/ledger"):
                found[s.st_ino] = s.st_size
    return found


def tokens(i):
    """Each token in a file of the spool."""
    found = set()
    for folder, _, names in os.walk(i.home / "queue"):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode) and "/ledger" not in path:
                if not os.access(path, os.R_OK):
                    continue
                data = open(path, "rb").read()
                found |= set(w for w in data.split() if
                             w.startswith(b"token-"))
    return found


class Spool:
    """Messages are handed in while the instance is stopped; each has a
    token.  Moves are made as the instance's user, to keep owners."""

    def __init__(self, i):
        self.i = i
        self.q = i.home / "queue"
        self.sent = 0

    def message(self, *rcpts):
        before = set(os.listdir(self.q / "todo"))
        self.sent += 1
        text = "Subject: t\n\ntoken-%03d\n" % self.sent
        r = self.i.sendmail(text.encode(), *(rcpts or [self.i.address]))
        assert r.returncode == 0, r.stderr
        return (set(os.listdir(self.q / "todo")) - before).pop()

    def sh(self, script, *args):
        r = self.i.run_as(["sh", "-ec", 'cd "$1"; shift; ' + script, "sh",
                           str(self.q)] + [str(a) for a in args])
        assert r.returncode == 0, r.stderr


def deferred(i, s, count):
    """Messages that were tried once, for the mailbox was no folder."""
    box = i.home / "Maildir"
    i.run_as(["touch", str(box)])
    names = [s.message() for _ in range(count)]
    i.start()
    wait_for("deferrals", lambda: len(i.queued(["info"])) == count and
             not i.queued(["todo"]))
    i.stop()
    box.unlink()
    return names


def planted(i, s):
    """Every finding at once; what must become of each."""
    want = {}
    s.sh("mkdir -p lost+found")
    one, two, three = deferred(i, s, 3)
    s.sh("ln info/$1 todo/$1; cp info/$2 todo/$2; "
         "ln info/$3 lost+found/#11", one, two, three)
    want["todo/" + one] = ("drop", None)
    want["todo/" + two] = ("broken", "broken/" + two)
    want["lost+found/#11"] = ("drop", None)
    for word, script, act, to in [
            ("damaged", 'printf X | dd of=todo/$1 bs=1 seek=520 '
             'conv=notrunc 2>/dev/null', "broken", "broken/%s"),
            ("cut off", 'truncate -s 100 todo/$1', "broken", "broken/%s"),
            ("mode", 'chmod 0444 todo/$1', "rights", None),
            ("closed", 'chmod 0 todo/$1', "rights", None)]:
        name = s.message()
        s.sh(script, name)
        want["todo/" + name] = (act, to and to % name)
    for word, script, at, act, to in [
            ("lost", 'mv todo/$1 lost+found/#10', "lost+found/#10", "todo",
             "todo/%s"),
            ("twin", 'cp todo/$1 lost+found/#12; printf y | dd '
             'of=lost+found/#12 bs=1 seek=512 conv=notrunc 2>/dev/null',
             "lost+found/#12", "broken", "broken/%s"),
            ("copy", 'cp todo/$1 lost+found/#13', "lost+found/#13", "note",
             None),
            ("odd name", 'mv todo/$1 todo/odd', "todo/odd", "todo",
             "todo/%s"),
            ("other id", 'mv todo/$1 info/06A0XBTWSSHY6',
             "info/06A0XBTWSSHY6", "todo", "todo/%s"),
            ("other id, taken", 'cp todo/$1 info/06A0XBTWSSHY7',
             "info/06A0XBTWSSHY7", "broken", "broken/06A0XBTWSSHY7")]:
        name = s.message()
        s.sh(script, name)
        want[at] = (act, to % name if to and "%s" in to else to)
    aside = s.message()
    # The name that is told is the first; it is taken, so .1 is given.
    s.sh('umask 077; printf old >broken/$1; printf X | '
         'dd of=todo/$1 bs=1 seek=520 conv=notrunc 2>/dev/null', aside)
    want["todo/" + aside] = ("broken", "broken/" + aside)
    s.sh('echo token-x >todo/.06A0XBTWSSHY8; echo token-y >todo/stranger; '
         'mkfifo todo/06A0XBTWSSHY9; echo token-z >bounce/06A0XBTWSSHYA; '
         'echo token-w >lost+found/#20; echo token-v >ledger/other; '
         'chmod 0755 info; chmod 0600 trigger')
    want["todo/.06A0XBTWSSHY8"] = ("broken",
                                   "broken/06A0XBTWSSHY8.unfinished")
    want["todo/stranger"] = ("note", None)
    want["todo/06A0XBTWSSHY9"] = ("note", None)
    want["bounce/06A0XBTWSSHYA"] = ("broken", "broken/06A0XBTWSSHYA.bounce")
    want["lost+found/#20"] = ("leave", None)
    want["ledger/other"] = ("note", None)
    want["queue/info"] = ("rights", None)
    return want


def all_at_once(i):
    s = Spool(i)
    want = planted(i, s)
    code, got = check(i)
    before, words = inodes(i), tokens(i)
    tap.ok(code == 1 and got == want, "--check finds each",
           "%d\n%s" % (code, difference(got, want)))
    tap.ok(inodes(i) == before, "--check changes nothing")
    code, done = repair(i)
    # A file that its mode closed is a sound message.
    tap.ok(code == 1 and done == want, "--repair does what --check said",
           "%d\n%s" % (code, difference(done, want)))
    after = inodes(i)
    there = tokens(i)
    tap.ok(kept(before, after, words, there), "no file and no word is gone",
           "%s %s" % (before.items() - after.items(), words - there))
    if os.environ.get("GODWIT"):
        return
    noticed(i, s, before, words)
    for name, (act, to) in want.items():
        if act not in ("note", "leave", "rights"):
            tap.ok(not os.path.lexists(s.q / name) and
                   (not to or os.path.exists(s.q / to)),
                   "%s: %s" % (name, act))
    left = {k: v for k, v in want.items() if v[0] in ("note", "leave")}
    tap.same(check(i), (1, left), "what is left alone is told again")
    tap.same(repair(i), (1, left), "and by a second --repair")
    for name in ("lost+found/#20", "lost+found/#13"):
        os.unlink(s.q / name)
        del left[name]
    tap.same(check(i), (0, left), "names that mean nothing are no fault")
    i.start()
    i.must("godwit", "flush")
    whole = 11
    wait_for("the mail", lambda: len(i.maildir()) == whole)
    wait_for("the rest to go", lambda: not
             [p for p in i.queued() if p.is_file()])
    code, out, err = godwit(i, "queue", "--check")
    tap.ok(code == 0, "beside the instance too", out + err)
    code, out, err = godwit(i, "queue", "--repair")
    tap.ok(code == 111 and "stop godwit first" in err and not out,
           "--repair does not work beside it", out + err)
    i.stop()
    words = sorted(w for m in i.maildir() for w in m.split()
                   if w.startswith(b"token-"))
    tap.ok(len(set(words)) == whole, "each whole message is delivered once",
           words)
    code, out, err = godwit(i, "audit")
    tap.ok(code == 0, "the audit agrees", out + err)
    tap.ok(repair(i) == (0, left), "and nothing is found any more")


def kept(before, after, words, there):
    return before.items() <= after.items() and words <= there


def noticed(i, s, before, words):
    """The count itself: each file that went would be missed."""
    missed = []
    for path in [s.q / p / n for p in ("todo", "info", "broken", "lost+found")
                 for n in os.listdir(s.q / p)]:
        if not stat.S_ISREG(os.lstat(path).st_mode) or \
                os.lstat(path).st_nlink > 1:
            continue
        away = i.top / "away"
        os.rename(path, away)
        if kept(before, inodes(i), words, tokens(i)):
            missed.append(path)
        os.rename(away, path)
    tap.same(missed, [], "planted: each file removed is noticed")


def difference(got, want):
    return "\n".join("%s: got %s, want %s" % (k, got.get(k), want.get(k))
                     for k in sorted(set(got) | set(want))
                     if got.get(k) != want.get(k))


def with_history(i):
    """A message with two recipients, one delivered, one deferred, is lost
    after that; reports of a failure too; and one that the ledger knows as
    removed comes back."""
    s = Spool(i)
    removed = s.message()
    copy = i.top / "removed"
    shutil.copy(s.q / "todo" / removed, copy)
    kept = s.message(i.address, FAR)
    stale = i.top / "stale"
    shutil.copy(s.q / "todo" / kept, stale)
    i.start()
    wait_for("a deferral", lambda: os.path.exists(s.q / "info" / kept) and
             len(i.queued()) == 1 and len(i.maildir()) == 2)
    i.stop()
    # As it was before anything was recorded in it.
    s.sh('mkdir -p lost+found; rm info/$1', kept)
    shutil.copy(stale, s.q / "lost+found" / "#1")
    shutil.copy(copy, s.q / "lost+found" / "#2")
    if os.geteuid() == 0:
        for n in ("#1", "#2"):
            nobody = pwd.getpwnam("nobody")
            os.chown(s.q / "lost+found" / n, nobody.pw_uid, nobody.pw_gid)
    code, got = repair(i)
    tap.same((code, got),
             (0, {"lost+found/#1": ("info", "info/" + kept),
                  "lost+found/#2": ("broken", "broken/" + removed)}),
             "the ledger says what became of a lost message")
    code, out, err = godwit(i, "show", kept)
    tap.ok("delivered" in out.split("history")[0] and
           "owed" in out.split("history")[0],
           "its outcomes are written into it", out + err)
    i.start()
    i.must("godwit", "flush")
    wait_for("another try", lambda: i.must("godwit", "trace", kept)
             .count(b"deferred") >= 2)
    i.stop()
    tap.same(len(i.maildir()), 2, "who had it does not get it again")
    code, out, err = godwit(i, "audit")
    tap.ok(code == 0, "the audit agrees on these", out + err)


def files(i):
    """Named files are copied in; they are never changed."""
    s = Spool(i)
    name = s.message()
    other = i.top / "kept"
    shutil.move(s.q / "todo" / name, other)
    damaged = i.top / "damaged"
    damaged.write_bytes(other.read_bytes()[:-1])
    for f in (other, damaged):
        f.chmod(0o644)
    before = other.read_bytes()
    code, got = repair(i, other, damaged, i.top / "none")
    tap.same((code, got),
             (111, {str(other): ("todo", "todo/" + name),
                    str(damaged): ("leave", None),
                    str(i.top / "none"): ("cannot", None)}),
             "a file by name is copied in")
    tap.ok(other.read_bytes() == before and
           (s.q / "todo" / name).read_bytes() == before and
           not [n for n in os.listdir(s.q / "todo") if n[0] == "."],
           "the original stays, nothing else")
    tap.same(repair(i, other), (0, {str(other): ("note", None)}),
             "a second time it is there")
    i.start()
    i.drained()
    i.stop()
    tap.same(len(i.maildir()), 1, "it is delivered")
    tap.same(repair(i, other), (1, {str(other): ("leave", None)}),
             "and then not taken in again")


def reports(i):
    """Reports of failures are known by their check alone."""
    s = Spool(i)
    i.set("bouncehost", "test.example")
    name = s.message("ghost@test.example", FAR)
    i.start()
    # The bounce cannot come before its report: that stays with the message.
    wait_for("the bounce", lambda: len(i.maildir()) == 1 and
             os.path.exists(s.q / "info" / name) and
             os.path.exists(s.q / "bounce" / name))
    i.stop()
    text = (s.q / "bounce" / name).read_bytes()
    s.sh("mkdir -p lost+found; mv bounce/$1 lost+found/#5; "
         "mv info/$1 lost+found/#6", name)
    want = {"lost+found/#5": ("bounce", "bounce/" + name),
            "lost+found/#6": ("info", "info/" + name)}
    tap.same(check(i), (1, want), "reports are known by their message")
    tap.same(repair(i), (0, want),
             "reports find their message, which was lost too")
    tap.same((s.q / "bounce" / name).read_bytes(), text, "byte for byte")


def ledger(i):
    """Without a ledger that verifies nobody knows what was delivered."""
    s = Spool(i)
    s.message()
    i.start()
    i.drained()
    i.stop()
    name = s.message()
    s.sh("mkdir -p lost+found; mv todo/$1 lost+found/#1", name)
    segment = s.q / "ledger" / ("%016x" % 0)
    good = segment.read_bytes()
    at = good.index(b" deliver ")
    s.sh('printf X | dd of="$1" bs=1 seek=$2 conv=notrunc 2>/dev/null',
         segment, at + 1)
    want = (1, {"lost+found/#1": ("leave", None),
                "queue/ledger": ("leave", None)})
    tap.same(check(i), want, "a ledger that does not verify is told")
    tap.same(repair(i), want, "and what it would decide is left alone")
    s.sh('printf d | dd of="$1" bs=1 seek=$2 conv=notrunc 2>/dev/null',
         segment, at + 1)
    tap.same(repair(i), (0, {"lost+found/#1": ("todo", "todo/" + name)}),
             "until it does")


def names(i):
    q = i.home / "queue"
    return {os.path.relpath(os.path.join(d, n), q)
            for d, _, there in os.walk(q) for n in there}


def killed(i, call, n):
    """--repair dies at its n-th such call; false: it made no n-th."""
    r = i.run_as(["strace", "-f", "-o", str(i.top / "trace"), "-e",
                  "trace=" + call, "-e",
                  "inject=%s:signal=KILL:when=%d" % (call, n),
                  str(i.bin / "godwit"), "queue", "--repair"])
    return r.returncode not in (0, 1)


def crash(i):
    """Killed at each change it makes: nothing is gone, a second run ends
    it as one without a death does."""
    if i.run_as(["sh", "-c", "strace -f -o /dev/null true"]).returncode:
        tap.skip("a --repair that dies", "needs strace, and leave to trace")
        return
    s = Spool(i)
    planted(i, s)
    good = str(i.top / "good")
    # Still wrong, but it can be copied.
    s.sh('find todo -type f -perm 0 -exec chmod 0400 {} +')
    subprocess.run(["cp", "-a", str(s.q), good], check=True)
    repair(i)
    want, deaths, wrong = names(i), 0, []
    for call in ("linkat", "unlinkat", "fsync"):
        for n in range(1, 100):
            shutil.rmtree(s.q)
            subprocess.run(["cp", "-a", good, str(s.q)], check=True)
            before, words = inodes(i), tokens(i)
            if not killed(i, call, n):
                break
            deaths += 1
            if not kept(before, inodes(i), words, tokens(i)):
                wrong.append("%s %d: something is gone" % (call, n))
            code, got = repair(i)
            if code != 1 or names(i) != want:
                wrong.append("%s %d: then %s" % (call, n, names(i) ^ want))
    tap.ok(deaths > 20 and not wrong, "killed at %d changes, a second run "
           "ends it" % deaths, "\n".join(wrong))


def several_users():
    if os.geteuid() != 0:
        tap.skip("owners of an instance with several users", "needs root")
        return
    try:
        spool, queue = pwd.getpwnam("godwits"), pwd.getpwnam("godwitq")
    except KeyError:
        tap.skip("owners of an instance with several users",
                 "their users are not made here")
        return
    import tempfile
    top = pathlib.Path(tempfile.mkdtemp(prefix="godwit-", dir="/tmp"))
    os.chmod(top, 0o755)
    env = dict(os.environ, GODWIT_HOME=str(top / "home"))

    def run(*args, **kw):
        return subprocess.run([str(BIN / args[0])] + list(args[1:]), env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              **kw)
    try:
        run("godwit", "init", "--me", "test.example", str(top / "home"))
        q = top / "home" / "queue"
        for n in range(2):
            r = run("sendmail", "nobody@test.example", input=b"a: b\n\nc\n")
            assert r.returncode == 0, r.stderr
        r = run("godwit", "queue", "--check")
        tap.ok(r.returncode == 0, "what enqueue made is right", r.stdout)
        first, second = sorted(os.listdir(q / "todo"))
        os.chown(q / "todo" / first, 0, 0)
        (q / "lost+found").mkdir()
        shutil.copy(q / "todo" / second, q / "lost+found" / "#7")
        os.unlink(q / "todo" / second)
        os.chown(q / "info", 0, 0)
        os.chmod(q / "todo", 0o755)
        r = run("godwit", "queue", "--repair", "--json")
        tap.ok(r.returncode == 0 and set(findings(r.stdout)) ==
               {"todo/" + first, "lost+found/#7", "queue/info",
                "queue/todo"}, "root puts owners right", r.stdout + r.stderr)
        owners = [(os.stat(q / "todo" / n).st_uid,
                   os.stat(q / "todo" / n).st_gid,
                   os.stat(q / "todo" / n).st_mode & 0o7777)
                  for n in (first, second)] + [
                      (os.stat(q / "info").st_uid, os.stat(q / "info").st_gid,
                       os.stat(q / "todo").st_mode & 0o7777)]
        tap.same(owners, [(spool.pw_uid, spool.pw_gid, 0o660)] * 2 +
                 [(spool.pw_uid, spool.pw_gid, 0o3730)], "to godwits'")
        r = run("godwit", "queue", "--check")
        tap.ok(r.returncode == 0, "then nothing is found", r.stdout)
    finally:
        shutil.rmtree(top)


def others(i):
    """Who must not, and what is no option."""
    code, out, err = godwit(i, "queue", "--repair", "--older", "3")
    tap.ok(code == 64 and "--older" in err, "no other option", err)
    lock = os.open(i.home / "queue" / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    code, out, err = godwit(i, "queue", "--repair")
    tap.ok(code == 111 and "stop godwit first" in err,
           "whoever has the lock keeps it", err)
    os.close(lock)
    if os.geteuid() == 0:
        r = subprocess.run([str(i.bin / "godwit"), "queue", "--repair"],
                           env=i.env, stderr=subprocess.PIPE)
        tap.ok(r.returncode == 111 and b"run it as that user" in r.stderr,
               "root does not work in a user's instance", r.stderr)
    else:
        tap.skip("root does not work in a user's instance", "needs root")


def main():
    cases = [all_at_once, with_history, files, reports, ledger, crash, others]
    for case in cases:
        if sys.argv[1:] and case.__name__ not in sys.argv[1:]:
            continue
        with Instance(smtproutes=":127.0.0.1:1") as i:
            try:
                case(i)
            except Exception as e:
                import traceback
                tap.ok(False, case.__name__, traceback.format_exc() +
                       i.log_text().decode(errors="replace")[-3000:])
    if not sys.argv[1:]:
        several_users()
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

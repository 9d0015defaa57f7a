"""What the tests of godwit-local share: TAP, and the driver that plays the
manager (drive.c), which is compiled here against the built libbase.a."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("BIN", os.path.join(ROOT, "build/bin")))
LOCAL = os.path.join(BIN, "godwit-local")

count = failed = 0


def ok(good, name, note=None):
    global count, failed
    count += 1
    print("%sok %d - %s" % ("" if good else "not ", count, name), flush=True)
    if not good:
        failed += 1
        if note is not None:
            print("# %s" % (note,), flush=True)
    return good


def skip(why):
    global count
    count += 1
    print("ok %d # SKIP %s" % (count, why), flush=True)


def end():
    print("1..%d" % count)
    sys.exit(failed != 0)


def skip_all(why):
    print("1..0 # SKIP %s" % why)
    sys.exit(0)


def build_drive(folder):
    target = os.path.join(folder, "drive")
    lib = os.path.join(os.path.dirname(BIN), "libbase.a")
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-g",
         "-I" + ROOT] + os.environ.get("SAN", "").split() +
        ["-o", target, os.path.join(ROOT, "tests/local/drive.c"), lib,
         "-lsodium", "-lpthread"], check=True)
    return target


def make_instance(folder, **settings):
    for name in ("control", "queue", "run"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    settings.setdefault("me", "mx.example.org")
    settings.setdefault("locals", "example.org")
    for name, value in settings.items():
        with open(os.path.join(folder, "control", name), "w") as f:
            f.write("%s\n" % value)
    return folder


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(p) for p in f.read().split()]


def deliverers(pid):
    """Of the program: the children of its one child, which forks them."""
    forker, = children(pid)
    return children(forker)


class Report:
    FORM = re.compile(r'report (\d+) (\d+) (\w+) (\S+) (\d+) "(.*)" "(.*)"$')

    def __init__(self, line):
        m = self.FORM.match(line)
        self.number, self.index = int(m[1]), int(m[2])
        self.verdict, self.code, self.flags = m[3], m[4], int(m[5])
        self.host, self.text = m[6], m[7]

    def __repr__(self):
        return "%s %s %s" % (self.verdict, self.code, self.text)


class Driver:
    def __init__(self, drive, home, command=(LOCAL,), log=None, env=None):
        environment = dict(os.environ, GODWIT_HOME=home, **(env or {}))
        self.reports, self.facts = [], {}
        self.owed, self.log = {}, log
        self.process = subprocess.Popen(
            [drive, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=open(log, "w") if log else None, env=environment,
            text=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        while True:
            answer = self.process.stdout.readline().rstrip("\n")
            if answer == "ok":
                return
            if not answer or answer.startswith("late: "):
                raise RuntimeError(self.story(line, answer))
            if answer.startswith("report "):
                r = Report(answer)
                self.reports.append(r)
                self.owed[r.number] = self.owed.get(r.number, 1) - 1
            else:
                key, value = answer.split(" ", 1)
                self.facts[key] = int(value)

    def story(self, line, answer):
        """What was awaited, what came and what did not, and the log."""
        text = "the driver died at: %s\n%s\nthe last reports:" % (
            line, answer or "(no word)")
        for r in self.reports[-10:]:
            text += "\n  job %d: %s" % (r.number, r)
        text += "\njobs that have reports to come: %s" % [
            number for number, count in self.owed.items() if count]
        if self.log:
            with open(self.log) as f:
                text += "\nthe log:\n" + f.read()[-2000:]
        return text

    def job(self, number, path, to, **more):
        to = [to] if isinstance(to, str) else to
        self.owed[number] = len(to)
        self.tell("job %d %s %s %s" % (
            number, path, " ".join("to=" + t for t in to),
            " ".join("%s=%s" % i for i in more.items())))

    def deliver(self, number, path, to, **more):
        """One recipient's report."""
        self.job(number, path, to, **more)
        self.tell("wait %d" % (len(self.reports) + 1))
        return self.reports[-1]

    def fact(self, name):
        self.tell(name)
        return self.facts[name]

    def end(self):
        """The exit status of the program."""
        self.tell("end")
        self.close()
        return self.facts["exit"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()


def as_user(script):
    """Runs the script again as nobody where it was started by root."""
    if os.geteuid() != 0:
        return
    if not shutil.which("setpriv"):
        skip_all("root, and no setpriv to become an ordinary user")
    with tempfile.TemporaryDirectory() as folder:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        os.chmod(folder, 0o755)
        # The tree may lie where nobody cannot look.
        copy = os.path.join(folder, "copy")
        os.makedirs(os.path.join(copy, "bin"))
        shutil.copy(LOCAL, os.path.join(copy, "bin"))
        shutil.copy(script, copy)
        shutil.copy(__file__, copy)
        drive = build_drive(copy)
        r = subprocess.run(
            ["setpriv", "--reuid=nobody", "--regid=%d" % nobody.pw_gid,
             "--clear-groups",
             os.path.join(copy, os.path.basename(script))], cwd=folder,
            env=dict(os.environ, BIN=os.path.join(copy, "bin"), DRIVE=drive,
                     TMPDIR=folder, HOME=folder))
    sys.exit(r.returncode)

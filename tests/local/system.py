#!/usr/bin/python3 -B
"""godwit-local in a system instance: root, two accounts of the test's own,
in a mount namespace where /etc/passwd and /etc/group are others."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import driver
from driver import deliverers, ok

UIDS = {"gwann": 64101, "gwbob": 64102, "gwlow": 500}
EXTRA = 64110


def enter():
    """Once more, inside of the namespace; both files are bound there."""
    folder = tempfile.mkdtemp()
    status = 1
    try:
        os.chmod(folder, 0o755)
        for name in ("passwd", "group"):
            shutil.copy("/etc/" + name, os.path.join(folder, name))
        with open(os.path.join(folder, "passwd"), "a") as f:
            for name, uid in UIDS.items():
                f.write("%s:x:%d:%d::%s/home-%s:/bin/sh\n"
                        % (name, uid, uid, folder, name))
            f.write("gwtoor:x:0:0::%s:/bin/sh\n" % folder)
            f.write("gwgone:x:64103:64103::%s/nowhere:/bin/sh\n" % folder)
        with open(os.path.join(folder, "group"), "a") as f:
            for name, uid in UIDS.items():
                f.write("%s:x:%d:\n" % (name, uid))
            f.write("gwextra:x:%d:gwann\n" % EXTRA)
        for name, uid in UIDS.items():
            home = os.path.join(folder, "home-" + name)
            os.mkdir(home, 0o700)
            os.chown(home, uid, uid)
        status = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-c",
             'mount --bind "$1/passwd" /etc/passwd && '
             'mount --bind "$1/group" /etc/group || exit 77; '
             'exec "$2" -B "$3"', "sh", folder, sys.executable,
             os.path.abspath(__file__)],
            env=dict(os.environ, GODWIT_TEST_FOLDER=folder)).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if status == 77:
        driver.skip_all("no mount namespace may be made here")
    sys.exit(status)


def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f)


def only(uid):
    return "\t".join([str(uid)] * 4)


def test_delivery(d, folder, path):
    r = d.deliver(1, path, "gwann@example.org", **{"from": "x@example.net"})
    home = os.path.join(folder, "home-gwann")
    ok(r.verdict == "done" and r.host == os.path.join(home, "Maildir"),
       "a user's mail goes to the Maildir in his home", r)
    made = [home + "/Maildir", home + "/Maildir/new"]
    made += [os.path.join(made[1], n) for n in os.listdir(made[1])]
    stats = [os.stat(p) for p in made]
    ok(len(made) == 3 and
       all((s.st_uid, s.st_gid) == (UIDS["gwann"],) * 2 for s in stats),
       "folders and file belong to the recipient")
    ok(all(stat.S_IMODE(s.st_mode) & 0o77 == 0 for s in stats),
       "and are closed to everybody else")


def test_identity(d, folder):
    pids = deliverers(d.fact("pid"))
    s = status_of(pids[0])
    uid = UIDS["gwann"]
    ok(len(pids) == 1 and s["Uid"] == only(uid) and s["Gid"] == only(uid),
       "the deliverer is the recipient, in all four ids", s["Uid"])
    ok(s["Groups"].split() == [str(uid), str(EXTRA)],
       "with the recipient's groups and no other", s["Groups"])
    ok(all(int(s[c], 16) == 0 for c in ("CapPrm", "CapEff", "CapInh",
                                        "CapAmb")),
       "without any capability")
    ok(s["NoNewPrivs"] == "1", "and can never gain one")
    fds = sorted(os.listdir("/proc/%d/fd" % pids[0]), key=int)
    ends = [os.readlink("/proc/%d/fd/%s" % (pids[0], n)) for n in fds]
    mine = os.path.join(folder, "home-gwann", "Maildir")
    ok(ends[5:] == [mine, mine + "/new"],
       "it holds its socket, the life pipe, standard error and the Maildir's "
       "folders alone", ends)
    ok(ends[0] == ends[1] == "/dev/null" and ends[3].startswith("socket:") and
       ends[4].startswith("pipe:"), "0 and 1 are /dev/null", ends)
    with open("/proc/%d/limits" % pids[0]) as f:
        core = next(line for line in f if line.startswith("Max core"))
    ok(core.split()[4:6] == ["0", "0"], "it leaves no core", core)
    ok(os.stat("/proc/%d/mem" % pids[0]).st_uid == 0,
       "and its memory is closed to the recipient's other processes")


def test_two(d, path):
    before = len(d.reports)
    d.job(10, path, ["gwann@example.org", "gwbob@example.org"], id=77)
    d.tell("wait %d" % (before + 2))
    ok({r.verdict for r in d.reports[before:]} == {"done"},
       "one message reaches two users")
    uids = {status_of(p)["Uid"] for p in deliverers(d.fact("pid"))}
    ok(uids == {only(UIDS["gwann"]), only(UIDS["gwbob"])},
       "each by a deliverer of his own", uids)
    groups = {s["Uid"]: s["Groups"].split()
              for s in map(status_of, deliverers(d.fact("pid")))}
    ok(groups == {only(UIDS["gwann"]): [str(UIDS["gwann"]), str(EXTRA)],
                  only(UIDS["gwbob"]): [str(UIDS["gwbob"])]},
       "with his own groups", groups)


def test_refused(d, folder, path):
    for number, (name, verdict, words) in enumerate([
            ("root", "never", "uid under minuid"),
            ("gwtoor", "never", "uid under minuid"),
            ("gwlow", "never", "uid under minuid"),
            ("gwnobody", "never", "no such user"),
            ("gwgone", "later", "No such file")]):
        r = d.deliver(20 + number, path, name + "@example.org", id=90)
        ok(r.verdict == verdict and words in r.text,
           "%s: %s (%s)" % (name, verdict, words), r)
    ok(not os.path.exists(os.path.join(folder, "Maildir")) and
       not os.listdir(os.path.join(folder, "home-gwlow")),
       "nothing was written for those who are refused")


def test_large(d, folder):
    path = os.path.join(folder, "large")
    with open(path, "wb") as f:
        f.write(os.urandom(3 << 20))
    r = d.deliver(30, path, "gwbob@example.org", id=99)
    ok(r.verdict == "done", "a user gets content that was copied to disk", r)


def test_stranger(d, folder, path):
    """What the recipient did to his Maildir is tried as the recipient."""
    home = os.path.join(folder, "home-gwbob")
    shutil.rmtree(home + "/Maildir")
    os.symlink(os.path.join(folder, "home-gwann", "Maildir"),
               home + "/Maildir")
    r = d.deliver(40, path, "gwbob@example.org", id=100)
    ok(r.verdict == "later" and "Permission denied" in r.text,
       "a link into another user's Maildir leads nowhere", r)
    r = d.deliver(41, path, "gwann@example.org", id=101)
    ok(r.verdict == "done", "and delays nobody else", r)


def test_slow(d, path):
    """Nothing is slower than a process that was stopped."""
    d.deliver(50, path, "gwann@example.org", id=110)
    d.deliver(51, path, "gwbob@example.org", id=111)
    stopped = [p for p in deliverers(d.fact("pid"))
               if status_of(p)["Uid"] == only(UIDS["gwann"])]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    d.job(52, path, "gwann@example.org", id=112)
    before = len(d.reports)
    for n in range(100):
        d.job(60 + n, path, "gwbob@example.org", id=200 + n)
    d.tell("wait %d" % (before + 100))
    done = {r.number for r in d.reports[before:]}
    ok(stopped and done == set(range(60, 160)),
       "a user whose deliverer hangs delays nobody else")
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    d.tell("wait %d" % (before + 101))
    ok((d.reports[-1].number, d.reports[-1].verdict) == (52, "done"),
       "and gets his mail when it hangs no longer")


def inside(folder):
    home = driver.make_instance(os.path.join(folder, "instance"), minuid=1000,
                                localidle=600)
    path = os.path.join(folder, "msg")
    with open(path, "w") as f:
        f.write("Subject: x\n\nbody\n")
    d = driver.Driver(driver.build_drive(folder), home,
                      log=os.path.join(folder, "log"))
    test_delivery(d, folder, path)
    test_identity(d, folder)
    test_two(d, path)
    test_refused(d, folder, path)
    test_large(d, folder)
    test_stranger(d, folder, path)
    os.unlink(os.path.join(folder, "home-gwbob", "Maildir"))
    test_slow(d, path)
    ok(d.end() == 0, "local ends with 0")
    driver.end()


if os.geteuid() != 0:
    driver.skip_all("not root: no other user to become")
if subprocess.run(["unshare", "-m", "--propagation", "private", "true"],
                  stderr=subprocess.DEVNULL).returncode:
    driver.skip_all("no mount namespace may be made here")
if "GODWIT_TEST_FOLDER" in os.environ:
    inside(os.environ["GODWIT_TEST_FOLDER"])
enter()

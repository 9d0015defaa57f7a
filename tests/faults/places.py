#!/usr/bin/python3 -B
"""Two instances on one spool: the second is refused and says why.  A spool
that was copied to another place, or another machine, goes on there."""
import os
import shutil
import subprocess
import sys

from common import PATIENCE, ROOT, Disk, main, run, wait_for


def second(it, home, patience):
    """Another `godwit start`: its exit code and what it said."""
    r = it.run_as([str(it.bin / "godwit"), "start", "--wait", "1"],
                  env=dict(it.env, GODWIT_HOME=str(home)), timeout=patience,
                  stdin=subprocess.DEVNULL)
    return r.returncode, r.stderr.decode()


def two(r):
    """By its own name, by a link, by a mount."""
    it = r.instance()
    it.start()
    it.mail.some(4)
    link = it.top / "link"
    it.run_as(["ln", "-s", str(it.home), str(link)])
    homes = [it.home, link]
    bound = None
    if ROOT and os.environ.get("GODWIT_FAULTS_INSIDE"):
        bound = it.top / "bound"
        it.run_as(["mkdir", str(bound)])
        run("mount", "--bind", it.home, bound)
        homes.append(bound)
    for home in homes:
        r.faults += 1
        try:
            code, said = second(it, home, 6 if r.programs else PATIENCE)
            r.check(code == 111 and "another instance runs on this spool" in
                    said, "a second instance: exit %d, %r" % (code, said))
        except subprocess.TimeoutExpired:
            r.wrong("a second instance runs on the spool")
            it.end()
            break
        r.check(it.mail.send("l") == 0, "the first was disturbed")
    if bound:
        run("umount", "-l", bound)
    r.did("%d second instances refused" % r.faults)
    if not it.process:
        return
    r.settle(it)


def move(r, how, start):
    """Mail in all stages, then the home goes elsewhere."""
    it = r.instance()
    it.mail.deferred()
    it.stop()
    it.mail.some(4)
    it.mail.relay()
    old, new = it.home, how(it)
    r.faults += 1
    shutil.rmtree(old)
    it.home = new
    it.env["GODWIT_HOME"] = str(new)
    it.set("defaultdelivery", str(new / "Maildir") + "/")
    if start:
        start(it)
    it.start()
    it.mail.some(4)
    r.settle(it)


def by_copy(r):
    def how(it):
        new = it.top / "other place"
        it.run_as(["cp", "-a", str(it.home), str(new)])
        return new
    r.did("copied with cp -a")
    move(r, how, None)


def by_tar(r):
    """To another file system and another host's name, as tar brings it."""
    with Disk(16) as disk:
        def how(it):
            new = disk.at / "home"
            it.run_as(["sh", "-c", 'mkdir "$2" && tar -C "$1" -cf - . | '
                       'tar -C "$2" -xf -', "sh", str(it.home), str(new)])
            return new

        def start(it):
            it.prefix = ["unshare", "--uts", "sh", "-c",
                         'hostname elsewhere.example && exec "$@"',
                         "sh"] + it.prefix
        r.did("by tar, another host's name")
        move(r, how, start)


CASES = [("two on one spool", two), ("another place", by_copy),
         ("another machine", by_tar)]
PLANT = [("a start without its lock", two, {"godwit": "unlocked"},
          "a second instance")]

if __name__ == "__main__":
    sys.exit(main("places", CASES, PLANT))

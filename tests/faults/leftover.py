#!/usr/bin/python3 -B
"""What a file-system check leaves, many times over and by chance: lost names,
wrong names, doubled names, damaged bytes, wrong modes.  After `godwit queue
--repair` all that was accepted is delivered or set aside."""
import os
import shutil
import sys

from common import main

MESSAGES = 24


def lose(q, name, n):
    os.rename(q / "todo" / name, q / "lost+found" / ("#%d" % n))


def misname(q, name, n):
    os.rename(q / "todo" / name, q / "todo" / ("FSCK-%d" % n))


def other_id(q, name, n):
    os.rename(q / "todo" / name, q / "info" / ("06A0XBTWS%04d" % n))


def double(q, name, n):
    os.link(q / "todo" / name, q / "lost+found" / ("#%d" % n))


def duplicate(path, to):
    shutil.copy2(path, to)
    st = os.stat(path)
    os.chown(to, st.st_uid, st.st_gid)


def copy(q, name, n):
    duplicate(q / "todo" / name, q / "todo" / ("COPY-%d" % n))


def harm(q, name, n):
    """A byte of the header: the content, and so the token, is still there."""
    with open(q / "todo" / name, "r+b") as f:
        f.seek(20 + n % 8)
        byte = f.read(1)
        f.seek(20 + n % 8)
        f.write(bytes([byte[0] ^ 1]))


def shut(q, name, n):
    os.chmod(q / "todo" / name, [0, 0o444, 0o666][n % 3])


HARMS = [lose, misname, other_id, double, copy, harm, shut]


def leftovers(r):
    it = r.instance()
    # A ledger, so that its absence is not what is repaired.
    q = it.home / "queue"
    it.mail.send("l")
    saved = it.top / "saved"
    duplicate(q / "todo" / os.listdir(q / "todo")[0], saved)
    it.mail.some(3, "lb")
    it.start()
    it.drained()
    it.stop()
    it.mail.some(MESSAGES)
    it.run_as(["mkdir", str(q / "lost+found")])
    duplicate(saved, q / "lost+found" / "#delivered")
    for n, name in enumerate(sorted(os.listdir(q / "todo"))):
        HARMS[n % len(HARMS)](q, name, n)
        r.faults += 1
    done = it.command("godwit", "queue", "--repair")
    r.check(done.returncode == 0, "--repair: exit %d: %s" % (
        done.returncode, (done.stdout + done.stderr).decode()))
    again = it.command("godwit", "queue", "--check")
    r.check(again.returncode == 0, "--check after --repair: exit %d: %s" % (
        again.returncode, (again.stdout + again.stderr).decode()))
    for name in os.listdir(q / "todo"):
        if name.startswith("COPY-"):
            os.unlink(q / "todo" / name)
    r.did("%d things put right" % r.faults)
    it.start()
    r.settle(it, aside=True)


CASES = [("leftovers", leftovers)]
PLANT = [("a repair that gives no name before it takes the old one",
          leftovers, {"godwit": "linkless"}, r"0 times|do not add up"),
         ("a repair that does not heed what was delivered", leftovers,
          {"godwit": "forgetful"}, r"godwit audit: exit 1|2 times")]

if __name__ == "__main__":
    sys.exit(main("leftover", CASES, PLANT))

"""Disks for the bench: an ext4 with a journal, as Debian's mkfs makes it, in
a file beside the roots.  Made anew for each run, so each begins alike; what
is left on it goes with it, and costs nothing to delete.

The file's blocks are written once and kept, and it is read and written past
the page cache: a sync inside is a flush of the disk outside, and nothing is
allocated there."""
import contextlib
import os
import subprocess

from run import KEPT, OWN_DISK, QUICK, ROOTS, Failed, note, say

MIB = 1 << 20
# name: (MiB, inodes; 0: as mkfs has it)
SIZES = {"disk": (4096 if QUICK else 8192, 0),
         "scratch": (2048, 200000) if QUICK else (6144, 1200000)}
SCRATCH = KEPT / "scratch"


def command(*argv):
    r = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    if r.returncode:
        raise Failed("%s: %s" % (" ".join(map(str, argv)), r.stdout.strip()))
    return r.stdout.strip()


def written(name):
    """The file, all of its blocks written."""
    path, mib = KEPT / (name + ".ext4"), SIZES[name][0]
    have = path.stat().st_size // MIB if path.exists() else 0
    if have < mib:
        room = os.statvfs(KEPT)
        if room.f_bavail * room.f_frsize // MIB < mib - have + 1024:
            raise Failed("no room for %s of %d MiB" % (path, mib))
        say("# making %s, %d MiB" % (path, mib))
        command("dd", "if=/dev/zero", "of=%s" % path, "bs=1M", "seek=%d" %
                have, "count=%d" % (mib - have), "oflag=direct",
                "conv=fsync,notrunc")
    return path


def mounted(name, there):
    """A new one; its device."""
    path, (mib, inodes) = written(name), SIZES[name]
    # What mkfs puts off would be done while others are measured; and a hole
    # in the file would have to be filled again.
    command("mkfs.ext4", "-q", "-F", "-E",
            "nodiscard,lazy_itable_init=0,lazy_journal_init=0",
            *(["-N", inodes] if inodes else []), path, "%dM" % mib)
    there.mkdir(exist_ok=True)
    command("mount", "-o", "loop", path, there)
    device = command("findmnt", "-n", "-o", "SOURCE", there)
    try:
        command("losetup", "--direct-io=on", device)
    except Failed as e:
        note("%s goes through the page cache: %s" % (path, e))
    return os.path.basename(device)


def prepare(roots):
    """ROOTS, with a copy of each root; by DISK=own KEPT itself, under that
    name."""
    ROOTS.mkdir(exist_ok=True)
    if not OWN_DISK:
        try:
            mounted("disk", ROOTS)
        except Failed as e:
            note("no disk of its own, so as with DISK=own: %s" % e)
        else:
            command("cp", "-a", *[KEPT / name for name in roots], ROOTS)
            command("sync", "-f", ROOTS)
            return
    command("mount", "--bind", KEPT, ROOTS)


@contextlib.contextmanager
def scratch(s):
    """The system's spool is on a disk that nobody else writes to: that
    disk's device."""
    spool = s.root / s.spool
    s.stop()
    device = mounted("scratch", SCRATCH)
    try:
        command("cp", "-a", str(spool) + "/.", SCRATCH)
        command("mount", "--bind", SCRATCH, spool)
        try:
            command("sync", "-f", spool)
            yield device
        finally:
            s.stop()
            command("umount", spool)
    finally:
        command("umount", SCRATCH)

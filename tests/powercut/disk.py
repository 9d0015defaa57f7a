"""A disk whose every request is recorded, and images of it, mounted.

What is mounted or started here is told to a Stack, which ends it."""
import contextlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import PATIENCE, Fail, wait_for  # noqa: E402

MIB = {"ext4": 64, "ext4,fast_commit": 64, "xfs": 320, "btrfs": 192}
# mkfs's name and what it is told.
MKFS = {"ext4": ["ext4", "-O", "^resize_inode"],
        "ext4,fast_commit": ["ext4", "-O", "^resize_inode,fast_commit"],
        "xfs": ["xfs"], "btrfs": ["btrfs"]}
# XFS takes a block of its own, half written, for a damaged file system: what
# its first sector says of its age is believed of all.
TORN = {"ext4": True, "ext4,fast_commit": True, "xfs": False, "btrfs": True}
OPTIONS = {"xfs": "loop,nouuid"}


def run(*argv):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       stdin=subprocess.DEVNULL, timeout=60)
    if r.returncode:
        raise Fail("%s: %s" % (" ".join(argv), r.stdout.decode().strip()))


def make(path, kind):
    """An empty file system in a file with holes."""
    with open(path, "wb") as f:
        f.truncate(MIB[kind] << 20)
    program, *told = MKFS[kind]
    run("mkfs." + program, "-q", *told, path)
    run("fallocate", "-d", path)


def umount(place):
    """A killed program, or a loop device, keeps a place for a moment."""
    def gone():
        subprocess.run(["umount", place], stderr=subprocess.DEVNULL)
        return not os.path.ismount(place)
    wait_for("umount " + place, gone)


@contextlib.contextmanager
def mounted(source, place, kind):
    run("mount", "-o", OPTIONS.get(kind, "loop"), source, place)
    try:
        yield
    finally:
        umount(place)
        if kind == "btrfs":
            # Copies of one file system, seen one after the other.
            subprocess.run(["btrfs", "device", "scan", "--forget"],
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def recorded(record, image, tape, place):
    """The path of a file that is the image and writes its tape."""
    process = subprocess.Popen([record, image, tape, place],
                               stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    try:
        disk = os.path.join(place, "disk")
        wait_for("a recorded disk", lambda: os.path.exists(disk) or
                 process.poll() is not None)
        if process.poll() is not None:
            raise Fail("record: " + process.stderr.read().decode().strip())
        yield disk
    finally:
        if os.path.ismount(place):
            umount(place)
        process.wait(PATIENCE)
        process.stderr.close()


def room():
    """Where there is room for images: in memory if it is large enough."""
    if os.path.isdir("/dev/shm") and \
            shutil.disk_usage("/dev/shm").free > 2 << 30:
        return "/dev/shm"
    return "/tmp"


def probe(record, top):
    """Whether a disk can be recorded here: "", or why not."""
    image, places = str(top / "probe"), [top / "f", top / "m"]
    try:
        for p in places:
            p.mkdir()
        make(image, "ext4")
        with recorded(record, image, str(top / "probe-tape"),
                      str(places[0])) as disk:
            with mounted(disk, str(places[1]), "ext4"):
                pass
    except (Fail, OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    finally:
        for p in places:
            if p.exists():
                p.rmdir()
        for f in top.glob("probe*"):
            f.unlink()
    return ""

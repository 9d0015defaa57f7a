"""The disk's own limits, measured in the same run as what is to be compared.
What they write is kept until forget(): deleting slows whoever comes next."""
import shutil

from run import ROOTS, Deleted, tool

TOP = ROOTS / "limit"
made = []


def folder():
    made.append(1)
    new = TOP / str(len(made))
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    return new


def threads(n):
    """What create() by so many is called in the table."""
    return "disk, %d thread%s" % (n, "s" * (n > 1))


def create(parallel, count, octets=4096, folders=1, how=()):
    """Files a second, each written, synced, named, its folder synced."""
    return float(tool("disk_limit", *how, folder(), parallel, count, octets,
                      folders))


def add_both(row, parallel, count, folders=1):
    """That, and the same where a journal commits name and content at once."""
    row.add(threads(parallel), create(parallel, count, folders=folders))
    row.add("disk, one commit", create(parallel, count, folders=folders,
                                       how=["-1"]))


def settle(count, octets=4096, group=64):
    """Files a second that are removed after a synced line about each, so
    many lines to a sync."""
    return float(tool("disk_limit", "-s", group, folder(), count, octets))


def forget():
    if TOP.exists():
        shutil.rmtree(TOP)
        Deleted.now()

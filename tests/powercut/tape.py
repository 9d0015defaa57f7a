"""The requests a disk got, as record.c wrote them, and what it may hold when
the power fails behind any of them.

Pure but for the files: a tape is read, images are written."""
import bisect
import mmap
import os
import struct

WRITE, SYNC = 1, 2
HEAD = struct.Struct("=QQQ")
BLOCK, SECTOR = 4096, 512
EARLY = 8  # answers that are among the first

# What comes to the disk of the blocks that were sent behind the last sync.
MODES = ("none", "all", "some", "most", "few", "one lost", "one alone")
TORN = "torn"  # the last one in part


class Tape:
    """ends[n]: where request n ends in the file; at[n]: its kind, its place
    on the disk, where its bytes begin and how many they are."""

    def __init__(self, path):
        self.at, self.ends = [], []
        with open(path, "rb") as f:
            self.data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        here = 0
        while here + HEAD.size <= len(self.data):
            kind, offset, length = HEAD.unpack_from(self.data, here)
            here += HEAD.size
            if here + length > len(self.data):
                break
            self.at.append((kind, offset, here, length))
            here += length
            self.ends.append(here)

    def __len__(self):
        return len(self.at)

    def position(self, size):
        """How many requests were whole when the file had this size."""
        return bisect.bisect_right(self.ends, size)

    def synced(self, cut):
        """How many of the first cut requests come before the last sync."""
        while cut > 0 and self.at[cut - 1][0] != SYNC:
            cut -= 1
        return cut

    def syncs(self, first):
        return [n for n in range(first, len(self)) if self.at[n][0] == SYNC]

    def blocks(self, start, end):
        """The writes of requests start to end, as pieces of a block."""
        found = []
        for kind, offset, here, length in self.at[start:end]:
            while kind == WRITE and length:
                n = min(length, BLOCK - offset % BLOCK)
                found.append((offset, here, n))
                offset, here, length = offset + n, here + n, length - n
        return found


def choose(blocks, mode, rng):
    """Which of the blocks reach the disk, in their order."""
    share = {"none": 0, "all": 1, "some": 0.5, "most": 0.9, "few": 0.1}
    if mode in share:
        return [b for b in blocks if rng.random() < share[mode]]
    if not blocks:
        return []
    n = rng.randrange(len(blocks))
    if mode == "one lost":
        return blocks[:n] + blocks[n + 1:]
    if mode == "one alone":
        return [blocks[n]]
    assert mode == TORN
    offset, here, length = blocks[n]
    sectors = rng.randrange(length // SECTOR + 1)
    return blocks[:n] + [(offset, here, sectors * SECTOR)]


def cuts(tape, first, answered, count, rng):
    """Moments from request first on, in order: right after an answer, right
    before a sync (the more blocks wait for it, the likelier), anywhere, and
    in the first moments of the spool."""
    early = sorted(answered)[:EARLY] or [len(tape)]
    syncs = tape.syncs(first) or [len(tape)]
    at_stake = [len(tape.blocks(tape.synced(n), n)) or 0.1 for n in syncs]
    pick = (lambda: rng.choice(answered or [len(tape)]),
            lambda: rng.choices(syncs, at_stake)[0],
            lambda: rng.randint(first, len(tape)),
            lambda: rng.randint(first, early[-1]))
    return sorted(pick[n % len(pick)]() for n in range(count))


def copy_sparse(source, path):
    """Holes stay holes.  The copy is a new file: the kernel may still have
    an old one of that name in a loop device, with what it knew of it."""
    if os.path.exists(path):
        os.unlink(path)
    with open(source, "rb") as a, open(path, "xb") as b:
        size, here = os.fstat(a.fileno()).st_size, 0
        b.truncate(size)
        while here < size:
            try:
                here = os.lseek(a.fileno(), here, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(a.fileno(), here, os.SEEK_HOLE)
            while here < end:
                data = os.pread(a.fileno(), min(end - here, 1 << 20), here)
                os.pwrite(b.fileno(), data, here)
                here += len(data)


class Images:
    """Images for cuts that come in order.  base is the disk before the
    first request; it is moved on to each last sync."""

    def __init__(self, tape, base):
        self.tape, self.base, self.done = tape, base, 0

    def put(self, path, blocks):
        fd = os.open(path, os.O_WRONLY)
        try:
            for offset, here, length in blocks:
                os.pwrite(fd, self.tape.data[here:here + length], offset)
        finally:
            os.close(fd)

    def make(self, cut, mode, rng, path):
        """How many blocks were not synced, and how many of them came."""
        stable = self.tape.synced(cut)
        self.put(self.base, self.tape.blocks(self.done, stable))
        self.done = stable
        copy_sparse(self.base, path)
        open_ = self.tape.blocks(stable, cut)
        chosen = choose(open_, mode, rng)
        self.put(path, chosen)
        return len(open_), len(chosen)

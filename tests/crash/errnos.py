"""Which errors a system call may give, of those its man page lists that an
instance can meet while its programs are right: no EBADF, no ENOENT for what
is there.  Calls that read are listed for what the kernel gives under want:
no descriptors, no memory, a disk that fails."""
import errno

FULL = "ENOSPC EDQUOT"
WANT = "EMFILE ENFILE ENOMEM"
SYNC = "EIO ENOSPC EDQUOT"
NAMES = "EIO ENOSPC EDQUOT ENOMEM EROFS EACCES"
META = "EIO EPERM EROFS ENOMEM"
WRITE = "EIO ENOSPC EDQUOT EFBIG EINTR"
SEND = "ENOBUFS ENOMEM EPIPE ECONNRESET EINTR"
SOCKET = WANT + " ENOBUFS"

CHANGING = {
    "openat": WANT + " EIO ENOSPC EDQUOT EROFS EACCES EINTR",
    "write": WRITE, "writev": WRITE, "pwrite": WRITE, "pwritev": WRITE,
    "link": NAMES + " EMLINK EPERM", "linkat": NAMES + " EMLINK EPERM",
    "unlink": "EIO ENOMEM EROFS EACCES EBUSY EPERM",
    "unlinkat": "EIO ENOMEM EROFS EACCES EBUSY EPERM",
    "rename": NAMES + " EBUSY", "renameat": NAMES + " EBUSY",
    "renameat2": NAMES + " EBUSY",
    "fsync": SYNC, "fdatasync": SYNC, "syncfs": SYNC,
    "sync_file_range": SYNC, "io_submit": "EAGAIN EBADF EINVAL",
    "mkdir": NAMES + " EMLINK", "mkdirat": NAMES + " EMLINK",
    "ftruncate": "EIO EFBIG EINTR EPERM EROFS",
    "fallocate": "EIO ENOSPC EINTR EPERM EOPNOTSUPP",
    "sendmsg": SEND, "sendto": SEND,
    "connect": "ECONNREFUSED ETIMEDOUT ENETUNREACH EADDRNOTAVAIL EAGAIN "
               "EACCES EINTR",
    "bind": "EADDRINUSE ENOMEM EACCES EROFS",
    "fchmod": META, "fchmodat": META, "chmod": META,
    "fchown": META, "fchownat": META,
}
READING = {
    "openat": WANT + " EIO EACCES EINTR",
    "read": "EIO EINTR", "pread": "EIO EINTR", "readv": "EIO EINTR",
    "preadv2": "EIO EINTR EAGAIN EOPNOTSUPP",
    "recvmsg": "ECONNRESET ENOMEM EINTR", "recvfrom":
    "ECONNRESET ENOMEM EINTR",
    "accept4": WANT + " ENOBUFS ECONNABORTED EINTR",
    "newfstatat": "EIO ENOMEM EACCES", "fstat": "EIO ENOMEM",
    "stat": "EIO ENOMEM EACCES",
    "io_setup": "EAGAIN ENOMEM ENOSYS EPERM",
    "statfs": "EIO ENOMEM EINTR", "fstatfs": "EIO ENOMEM EINTR",
    "getdents64": "EIO ENOMEM", "socket": SOCKET,
    "socketpair": "EMFILE ENFILE", "pipe2": "EMFILE ENFILE",
    "memfd_create": WANT, "clone": "EAGAIN ENOMEM",
    "fork": "EAGAIN ENOMEM",
    "execve": "EAGAIN EIO ENOMEM EACCES EMFILE ENFILE",
    "flock": "EINTR ENOLCK", "listen": "EADDRINUSE",
    "dup2": "EMFILE EINTR", "dup3": "EMFILE EINTR",
    "chdir": "EIO ENOMEM EACCES",
}


# Where an error has a meaning of its own: a caller who may not read the
# settings (in a sandbox) sends without them.
MEANT = [("openat@", "file_opendir", "facts_read", "EACCES")]


def of(place, changes):
    """Names of the errors for a place, call@where."""
    table = CHANGING if changes else READING
    call = place.split("@")[0]
    names = (table.get(call) or CHANGING.get(call) or "EIO").split()
    return [n for n in names if not any(
        m[-1] == n and all(w in place for w in m[:-1]) for m in MEANT)]


def number(name):
    return getattr(errno, name)

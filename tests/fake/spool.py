"""The submit socket's frames (base/submit.h), envelopes (base/envelope.h) and
the places in a queue file (queue/message.h)."""
import os
import socket
import struct

(SENDER, RCPT, NOTIFY, ORCPT, RET, ENVID, BODY, FLAGS, NOTBEFORE, EXPIRE,
 HOLD, CALLER, CLIENT, AUTH, TLS, ANSWERS, CHOSENID, VIA) = range(1, 19)

HEADER_LEN, SLOT, SLOT_LEN, CONTENT, STATE_LEN = 256, 256, 64, 512, 16


def field(tag, value):
    if isinstance(value, str):
        value = value.encode()
    return struct.pack("<BI", tag, len(value)) + value


def envelope(sender, rcpts, *more):
    return field(SENDER, sender) + b"".join(field(RCPT, r) for r in rcpts) + \
        b"".join(more)


def frame(kind, payload=b""):
    return struct.pack("<I", len(payload)) + kind + payload


def frames(kind, data, size=65536):
    return b"".join(frame(kind, data[i:i + size])
                    for i in range(0, len(data), size))


class Submit:
    """One connection to run/submit."""

    def __init__(self, it):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(it.home / "run" / "submit"))
        self.file = self.sock.makefile("rb")

    def answer(self):
        head = self.file.read(5)
        if len(head) < 5:
            return "", ""
        length, kind = struct.unpack("<Ic", head)
        return kind.decode(), self.file.read(length).decode()

    def message(self, envelope_bytes, content, size=65536):
        """The answer, "K" and the id if all went well."""
        self.sock.sendall(frames(b"E", envelope_bytes))
        for i in range(0, len(content), 1 << 20):
            self.sock.sendall(frames(b"D", content[i:i + (1 << 20)], size))
        self.sock.sendall(frame(b"."))
        return self.answer()

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def submit(it, sender, rcpts, content, *more):
    """Hands in one message; its id."""
    with Submit(it) as s:
        kind, text = s.message(envelope(sender, rcpts, *more), content)
    if kind != "K":
        raise AssertionError("not queued: %s %s" % (kind, text))
    return text


class QueueFile:
    """Where things are in a queue file's bytes."""

    def __init__(self, data):
        (self.content_length, self.envelope_at, self.envelope_length,
         self.states_at, self.rcpts) = struct.unpack_from("<QQQQI", data, 40)
        self.content = data[CONTENT:CONTENT + self.content_length]

    def state(self, data, index):
        at = self.states_at + index * STATE_LEN
        return data[at:at + STATE_LEN]


def flip(path, at, mask=1):
    """One byte changed in place."""
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ mask]))


def maildir_of(it, ident):
    """The delivered message of that id, None if it isn't there."""
    new = it.home / "Maildir" / "new"
    for name in os.listdir(new) if new.exists() else []:
        if "G" + ident + "R" in name:
            return (new / name).read_bytes()
    return None


def ledger(it):
    """All lines of the ledger, segment by segment."""
    lines = []
    folder = it.home / "queue" / "ledger"
    for name in sorted(os.listdir(folder)):
        if len(name) == 16 and name != "spare":
            lines += [line.decode() for line in
                      (folder / name).read_bytes().split(b"\n") if line]
    return lines


def events(it, event, ident=None):
    """The lines of an event (and of a message)."""
    return [line for line in ledger(it) if line.split()[1] == event and
            (ident is None or " id=%s " % ident in line + " ")]

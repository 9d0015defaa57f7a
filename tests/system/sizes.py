#!/usr/bin/python3
"""Messages of every size and of awkward bytes arrive as they came in; what
SMTP cannot carry arrives in an encoding, or goes back where none may be
added."""
import email
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
import smtp_server  # noqa: E402
from spool import Submit, envelope, maildir_of, submit  # noqa: E402

MEMORY = 64 << 10  # KiB, of each program while the largest message passes
LARGE = 100 << 20
HEADER = (b"From: ann@test.example\nTo: bob@test.example\n"
          b"Date: Sun, 22 Nov 2026 21:20:00 +0000\n"
          b"Message-ID: <1@test.example>\nSubject: sizes\n\n")
TRACE = (rb"Return-Path: <[^\n]*>\nDelivered-To: [^\n]*\n"
         rb"Received: by test\.example \(Godwit, from uid \d+\)\n"
         rb"\twith local id \w{13}; [^\n]*\n")


def of_size(n):
    """n bytes, no two lines alike."""
    out = bytearray()
    count = 0
    while len(out) < n:
        out += b"line %d of a text that is longer than that number\n" % count
        count += 1
    return bytes(out[:n])


def bodies():
    every = bytes(range(256)) * 40
    yield "0 bytes", b""
    yield "1 byte", b"x"
    yield "one line feed", b"\n"
    for kib in (64, 256):
        for more in (-1, 0, 1):
            yield ("%d KiB%s" % (kib, " %+d" % more if more else ""),
                   of_size(kib * 1024 + more))
    yield "every byte there is", every
    yield "NUL bytes alone", bytes(70000)
    yield "CR and LF mixed", b"a\rb\nc\r\nd\n\re\r\r\nf\r"
    yield "CRLF lines", b"one\r\n\r\n.\r\n..\r\n"
    yield "dots", b".\n..\n.x\n...\n"
    yield "no final newline", b"one\ntwo"
    yield "a line of 1 MB", b"x" * (1 << 20) + b"\nafter\n"
    yield "8-bit", "gr\u00fc\u00dfe \u2603\n".encode() + b"\xff\xfe\x80\n"
    yield "mbox's From", b"From ann\n>From bob\n"


def on_the_wire(content):
    """What SMTP carries of it: CRLF lines, the last one ended."""
    content = content.replace(b"\r\n", b"\n")
    if content and not content.endswith(b"\n"):
        content += b"\n"
    return content.replace(b"\n", b"\r\n")


def arrived(data):
    """A message as the server got it, dots unstuffed."""
    return b"".join(line[1:] if line.startswith(b".") else line
                    for line in data.splitlines(keepends=True)
                    ) if b"\r" not in data.replace(b"\r\n", b"") else None


def whole(tap, it, name, content, ident):
    got = maildir_of(it, ident)
    front = got[:len(got) - len(content)] if got else b""
    tap.ok(got is not None and got.endswith(content) and
           re.fullmatch(TRACE, front), name,
           "got %r" % (got and (len(got), front[:400], got[-100:]),))


def through_submit(tap, it):
    sent = []
    with Submit(it) as s:
        for name, body in bodies():
            for size in (65536, 7) if len(body) < 9000 else (65536,):
                kind, ident = s.message(envelope(it.address, [it.address]),
                                        body, size)
                sent.append((name, body, ident))
                if kind != "K":
                    tap.ok(False, name, ident)
    it.drained()
    for name, body, ident in sent:
        whole(tap, it, "local, submit: " + name, body, ident)


def through_sendmail(tap, it):
    for name, body in bodies():
        before = set(it.maildir())
        r = it.sendmail(HEADER + body, "-i", it.address)
        it.drained()
        new = [m for m in it.maildir() if m not in before]
        tap.ok(r.returncode == 0 and len(new) == 1 and
               new[0].endswith(b"\n" + HEADER + body) and
               re.fullmatch(TRACE, new[0][:-len(HEADER + body)]),
               "local, sendmail: " + name,
               "%s\n%r" % (r.stderr.decode(), [m[:600] for m in new]))


def wire_fits(body):
    if b"\0" in body:
        return "NUL"
    if b"\r" in body.replace(b"\r\n", b""):
        return "CR that ends no line"
    if any(len(line) > 998 for line in body.replace(b"\r\n", b"\n")
           .split(b"\n")):
        return "line of more than 998 bytes"
    return None


def remote(tap, it, sink):
    sent = [(name, body, submit(it, it.address, ["x@remote.example"],
                                HEADER + body)) for name, body in bodies()]
    it.drained()
    got = [(m.length, arrived(m.kept)) for m in sink.complete()]
    for name, body, ident in sent:
        why = wire_fits(body)
        mine = [g for length, g in got
                if g is not None and ident.encode() in g[:400]]
        front = mine[0].find(b"From: ann") if mine else 0
        if why is None:
            tap.ok(len(mine) == 1 and
                   mine[0][front:] == on_the_wire(HEADER + body),
                   "remote: " + name, "%r" % [m[-300:] for m in mine])
        else:
            tap.ok(len(mine) == 1 and wire_fits(mine[0]) is None and
                   decoded(mine[0]) in (lines(body), lines(body) + b"\n"),
                   "remote: %s arrives encoded: %s" % (name, why),
                   "%r" % [(m[:800], m[-100:]) for m in mine])


def lines(text):
    """The same lines ended by LF."""
    return text.replace(b"\r\n", b"\n")


def decoded(message):
    """What a reader sees; None if it is in no encoding."""
    m = email.message_from_bytes(message)
    if m["Content-Transfer-Encoding"] not in ("base64", "quoted-printable"):
        return None
    return lines(m.get_payload(decode=True))


def refused(tap, it, sink):
    """Nobody may put an encoding around what is signed."""
    before = len(sink.complete())
    for name, body in (("a NUL", b"x\0y\n"), ("a long line", b"x" * 2000)):
        ident = submit(
            it, it.address, ["x@remote.example"],
            HEADER[:-1] + b"MIME-Version: 1.0\nContent-Type: "
            b"multipart/signed; boundary=b\n\n--b\n\n" + body +
            b"\n--b--\n")
        it.drained()
        told = [m for m in it.maildir() if b"multipart/report" in m and
                ident.encode() in m]
        tap.ok(len(told) == 1 and b"Status: 5.6." in told[0],
               "remote: %s in a signed message comes back, with the reason" %
               name, told)
    tap.same(len(sink.complete()), before, "and was not sent")


class Watch(threading.Thread):
    """The most memory that each program had."""

    def __init__(self, it):
        super().__init__(daemon=True)
        self.it, self.most, self.over = it, {}, False

    def look(self):
        for program in ("godwit", "godwit-enqueue", "godwit-manager",
                        "godwit-remote", "godwit-local"):
            for pid in self.it.pids(program):
                try:
                    text = open("/proc/%d/status" % pid).read()
                except OSError:
                    continue
                m = re.search(r"VmHWM:\s+(\d+)", text)
                if m:
                    self.most[program] = max(self.most.get(program, 0),
                                             int(m.group(1)))

    def run(self):
        while not self.over:
            self.look()
            time.sleep(0.05)


def large(tap, it, sink):
    sanitized = b"__asan_init" in \
        (it.bin / "godwit-manager").read_bytes()
    body = of_size(LARGE)
    watch = Watch(it)
    watch.start()
    ident = submit(it, it.address, [it.address, "x@remote.example"], body)
    wait_for("100 MB to arrive", lambda: not it.queued(), 300)
    watch.over = True
    watch.join()
    watch.look()
    whole(tap, it, "local: 100 MB", body, ident)
    got = [m for m in sink.complete() if ident.encode() in m.kept[:400]]
    tap.ok(len(got) == 1 and got[0].length ==
           got[0].kept.find(b"line 0 of") + len(on_the_wire(body)),
           "remote: 100 MB", [m.length for m in got])
    if sanitized:
        tap.skip("memory", "the sanitizers' own is not measured")
        return
    for program, most in sorted(watch.most.items()):
        tap.ok(most < MEMORY, "%s needs less than 64 MB for it (%d KiB)" %
               (program, most))
    tap.ok(len(watch.most) == 5, "all programs were looked at", watch.most)


def main():
    tap = Tap()
    smtp_server.KEEP = 4 << 20
    sink = smtp_server.Server()
    with Instance(smtproutes=":127.0.0.1:%d" % sink.port) as it:
        it.start()
        through_submit(tap, it)
        through_sendmail(tap, it)
        remote(tap, it, sink)
        refused(tap, it, sink)
        large(tap, it, sink)
        tap.same(it.stop(), 0, "start ends with 0")
    sink.close()
    return tap.end()


sys.exit(main())

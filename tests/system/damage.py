#!/usr/bin/python3
"""A damaged queue file is set aside with a line in the ledger, or what it
says is still right and it is delivered; never delivered changed, never
deleted."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server, dead_port  # noqa: E402
from spool import (CONTENT, SLOT, SLOT_LEN, QueueFile,  # noqa: E402
                   events, flip, ledger, maildir_of)

BROKEN, DELIVERED = "broken", "delivered"


def cut_to(length):
    return lambda path, q: os.truncate(path, length(q, path.stat().st_size))


def grow(path, q):
    with open(path, "ab") as f:
        f.write(b"\0" * 16)


def swap_states(path, q):
    data = bytearray(path.read_bytes())
    one, two = q.state(data, 0), q.state(data, 1)
    data[q.states_at:q.states_at + 32] = two + one
    path.write_bytes(bytes(data))


def flips(at):
    return lambda path, q: flip(path, at(q), 0x10)


# What is done to a file, and what is to become of it.
DAMAGE = [
    ("the magic", flips(lambda q: 0), BROKEN),
    ("the header's length of the content", flips(lambda q: 41), BROKEN),
    ("the number of recipients", flips(lambda q: 72), BROKEN),
    ("the header's digest", flips(lambda q: 255), BROKEN),
    ("the slot", flips(lambda q: SLOT), DELIVERED),
    ("the slot's check", flips(lambda q: SLOT + 63), DELIVERED),
    ("the bytes nobody uses", flips(lambda q: 400), DELIVERED),
    ("the first byte of the content", flips(lambda q: CONTENT), BROKEN),
    ("the last byte of the content",
     flips(lambda q: CONTENT + q.content_length - 1), BROKEN),
    ("the envelope's sender", flips(lambda q: q.envelope_at + 5), BROKEN),
    ("the envelope's last byte",
     flips(lambda q: q.envelope_at + q.envelope_length - 1), BROKEN),
    ("a state", flips(lambda q: q.states_at), DELIVERED),
    ("a state's check", flips(lambda q: q.states_at + 5), DELIVERED),
    ("a state's position", flips(lambda q: q.states_at + 12), DELIVERED),
    ("two states that changed places", swap_states, DELIVERED),
    ("a file that lost its last byte", cut_to(lambda q, n: n - 1), BROKEN),
    ("one that lost its states", cut_to(lambda q, n: q.states_at), BROKEN),
    ("one cut in the content", cut_to(lambda q, n: CONTENT + 3), BROKEN),
    ("one cut in the header", cut_to(lambda q, n: 100), BROKEN),
    ("an empty file", cut_to(lambda q, n: 0), BROKEN),
    ("a longer file", grow, BROKEN),
    ("no damage", lambda path, q: None, DELIVERED),
]


def text(n):
    return b"Subject: damage %d\n\n" % n + b"the text of number %d\n" % n * 50


def damage_all(it, place, ids):
    """The bytes of each file as it was and as it is now."""
    before, after = {}, {}
    for (_, do, _), ident in zip(DAMAGE, ids):
        path = it.home / "queue" / place / ident
        before[ident] = path.read_bytes()
        do(path, QueueFile(before[ident]))
        after[ident] = path.read_bytes()
    return before, after


def settled(it, ids):
    """None of them waits any more."""
    return lambda: not [p for p in it.queued() if p.name in ids]


def changed(path, data, q):
    """Where a file differs from data; slot and states may."""
    new = path.read_bytes() if path.exists() else b""
    return [i for i in range(max(len(new), len(data)))
            if new[i:i + 1] != data[i:i + 1] and i < q.states_at and
            not SLOT <= i < SLOT + SLOT_LEN]


def judge(tap, it, place, ids, before, after, got):
    for (name, _, fate), ident in zip(DAMAGE, ids):
        aside = it.home / "queue" / "broken" / ident
        q = QueueFile(before[ident])
        content = q.content
        copies = got(ident, content)
        lines = events(it, "broken", ident)
        if fate == BROKEN:
            tap.ok(not copies and aside.exists() and
                   not changed(aside, after[ident], q) and len(lines) == 1,
                   "%s, %s: set aside as it is, with a line" % (place, name),
                   "copies %r, there %s, lines %r, changed at %r" %
                   (copies, aside.exists(), lines,
                    changed(aside, after[ident], q)))
        else:
            tap.ok(copies and all(c == content for c in copies) and
                   not aside.exists() and not lines,
                   "%s, %s: delivered as it came in" % (place, name),
                   "copies %r, there %s, lines %r" %
                   (copies and len(copies), aside.exists(), lines))


def audited(tap, it):
    r = it.command("godwit", "audit")
    tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())


def deferred(count):
    """A stopped instance with that many messages in info/, and the server
    that takes them after the next start."""
    sink = Server()
    it = Instance(smtproutes=":127.0.0.1:%d" % dead_port())
    for n in range(count):
        # A site each: what waits for one that rests stays in todo/.
        it.sendmail(text(n), "x@r%d.example" % n, "y@r%d.example" % n)
    info, todo = it.home / "queue" / "info", it.home / "queue" / "todo"
    it.start()
    wait_for("deferred mail", lambda: len(os.listdir(info)) == count and
             not os.listdir(todo))
    it.stop()
    it.set("smtproutes", ":127.0.0.1:%d" % sink.port)
    return it, sink, sorted(os.listdir(info))


def try_now(it):
    for pid in it.pids("godwit-manager"):
        os.kill(pid, signal.SIGALRM)


def in_todo(tap):
    with Instance() as it:
        for n in range(len(DAMAGE)):
            it.sendmail(text(n), it.address, it.user + "-x@test.example")
        ids = sorted(os.listdir(it.home / "queue" / "todo"))
        tap.same(len(ids), len(DAMAGE), "mail is written to todo/")
        before, after = damage_all(it, "todo", ids)

        def got(ident, content):
            m = maildir_of(it, ident)
            return [m[m.find(b"Received: "):]] if m else []

        it.start()
        wait_for("all to be settled", settled(it, ids))
        judge(tap, it, "todo", ids, before, after, got)
        audited(tap, it)
        tap.same(it.stop(), 0, "start ends with 0")
        it.start()
        tap.same(it.stop(), 0, "and again: what was set aside stays there")
        tap.same(sorted(os.listdir(it.home / "queue" / "broken")),
                 sorted(i for i, d in zip(ids, DAMAGE) if d[2] == BROKEN),
                 "and nothing else does")


def in_info(tap):
    it, sink, ids = deferred(len(DAMAGE))
    with it:
        before, after = damage_all(it, "info", ids)
        it.start()

        def tried():
            try_now(it)
            return settled(it, ids)()

        wait_for("all to be settled", tried)

        def got(ident, content):
            wire = content.replace(b"\n", b"\r\n")
            return [content if m.kept == wire else m.kept
                    for m in sink.complete() if ident.encode() in m.kept]

        judge(tap, it, "info", ids, before, after, got)
        audited(tap, it)
        tap.same(it.stop(), 0, "start ends with 0")
    sink.close()


def strangers(tap):
    """Names that are no messages, and messages that are no files."""
    huge = "H" * 255
    with Instance() as it:
        queue = it.home / "queue"
        it.sendmail(text(0), it.address)
        ident = os.listdir(queue / "todo")[0]
        other = ident[:-3] + ("0" if ident[-3] == "1" else "1")
        for n, place in enumerate(("todo", "info", "broken", "bounce")):
            one, two, three = ("%s%d%s" % (other, n, c) for c in "ABC")
            it.run_as(["sh", "-c", 'cd "$1" && mkdir "$2" && '
                       'ln -s /etc/passwd "$3" && mkfifo "$4" && '
                       'echo x >foreign && echo x >.hidden && echo x >"$5" '
                       '&& mkdir folder', "sh", str(queue / place), one, two,
                       three, huge])
        names = {place: set(os.listdir(queue / place)) - {ident}
                 for place in ("todo", "info", "broken", "bounce")}
        tap.same(len(names["todo"]), 7, "strangers stand in every folder")
        it.start()
        wait_for("the mail among them", lambda: maildir_of(it, ident))
        tap.ok(True, "mail among strangers is delivered")
        it.sendmail(text(1), it.address)
        wait_for("new mail", lambda: len(it.maildir()) == 2)
        try_now(it)
        it.sendmail(text(2), it.address)
        wait_for("new mail", lambda: len(it.maildir()) == 3)
        for place in names:
            there = set(os.listdir(queue / place))
            tap.ok(names[place] <= there | {".hidden"},
                   "no stranger in %s/ was removed" % place,
                   names[place] - there)
        tap.same(it.stop(), 0, "start ends with 0")
        log = it.log_text().decode()
        tap.ok("foreign=" in log and "kept, not touched" in log,
               "and the log names them")


def twice(tap):
    """One name in both folders: the same file, or two."""
    it, sink, (same, other) = deferred(2)
    with it:
        queue = it.home / "queue"
        os.link(queue / "info" / same, queue / "todo" / same)
        it.run_as(["cp", str(queue / "info" / other),
                   str(queue / "todo" / other)])
        bytes_ = (queue / "todo" / other).read_bytes()

        def done():
            try_now(it)
            return not it.queued() and len(sink.complete()) == 2

        it.start()
        wait_for("both to be delivered", done)
        tap.ok(True, "each of two messages with two names is delivered once")
        tap.same(os.listdir(queue / "broken"), [other],
                 "the second file of a name is set aside")
        tap.same((queue / "broken" / other).read_bytes(), bytes_,
                 "as it was")
        tap.ok("two files" in " ".join(events(it, "broken", other)),
               "with a line", ledger(it))
        tap.same(it.stop(), 0, "start ends with 0")
        audited(tap, it)
    sink.close()


def main():
    tap = Tap()
    in_todo(tap)
    in_info(tap)
    strangers(tap)
    twice(tap)
    return tap.end()


sys.exit(main())

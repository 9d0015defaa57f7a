#!/usr/bin/python3
"""With few descriptors there is less mail in memory at a time, and no
errors."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server  # noqa: E402
from spool import Submit, envelope  # noqa: E402

FILES = 300
LIMIT = 172     # messages in memory, of 300 descriptors
TEXT = b"Subject: many\n\ntext\n"
tap = Tap()


def status(it):
    return dict(line.split() for line in
                it.must("godwit", "status").decode().splitlines())


def few():
    """As many as can be in memory wait for a server that says nothing."""
    server = Server("greeting-hang")
    with Instance(smtproutes=":127.0.0.1:%d" % server.port) as it:
        it.prefix = it.prefix + ["prlimit", "--nofile=%d" % FILES]
        it.start()
        with Submit(it) as s:
            for n in range(2 * LIMIT):
                s.message(envelope(it.address, ["x@d%d.example" % (n % 50)]),
                          TEXT)
        wait_for("memory to be full",
                 lambda: int(status(it)["active"]) >= LIMIT)
        log = it.log_text().decode()
        tap.ok("fewer-messages limit=%d files=%d" % (LIMIT, FILES) in log and
               "fewer-sessions" in log,
               "manager and remote say that they have few descriptors")
        tap.ok(int(status(it)["active"]) == LIMIT and
               "oo many open files" not in log,
               "no more mail is in memory than there are descriptors for")
    server.close()


def one_site():
    """All mail but one waits for the server that says nothing."""
    silent = Server("greeting-hang")
    with Instance(smtproutes="slow.example:127.0.0.1:%d" % silent.port) as it:
        it.prefix = it.prefix + ["prlimit", "--nofile=%d" % FILES]
        it.start()
        with Submit(it) as s:
            for n in range(2 * LIMIT):
                s.message(envelope(it.address, ["x@slow.example"]), TEXT)
            wait_for("what there is room for",
                     lambda: int(status(it)["active"]) >= LIMIT // 4)
            s.message(envelope(it.address, [it.address]), TEXT)
        wait_for("the other message", it.maildir)
        tap.ok(int(status(it)["active"]) < LIMIT // 2,
               "a site that is slow leaves the others their part of it",
               status(it))
    silent.close()


few()
one_site()
sys.exit(tap.end())

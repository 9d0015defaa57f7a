#!/usr/bin/python3
"""remoteworkers: more than one godwit-remote; a site stays with one."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server  # noqa: E402
from spool import Submit, envelope, events, submit  # noqa: E402

TEXT = b"Subject: workers\n\ntext\n"
SITES = 24
tap = Tap()


def send(it, count):
    with Submit(it) as s:
        for n in range(count):
            for site in range(SITES):
                kind, text = s.message(
                    envelope(it.address, ["x%d@s%d.example" % (n, site)]),
                    TEXT)
                assert kind == "K", text


def ports_of(server, pid):
    """Which of the server's connections are that process's."""
    inodes = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            m = re.match(r"socket:\[(\d+)\]",
                         os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except OSError:
            continue
        if m:
            inodes.add(m[1])
    found = set()
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        words = line.split()
        if words[9] in inodes and \
                int(words[2].split(":")[1], 16) == server.port:
            found.add(words[1])
    return found


def spread():
    servers = [Server() for _ in range(SITES)]
    routes = "\n".join("s%d.example:127.0.0.1:%d" % (n, s.port)
                       for n, s in enumerate(servers))
    with Instance(smtproutes=routes, remoteworkers="3",
                  remotekeep="300") as it:
        it.start()
        wait_for("three workers",
                 lambda: len(it.pids("godwit-remote")) == 3)
        send(it, 4)
        it.drained()
        pids = it.pids("godwit-remote")
        owners = [[p for p in pids if ports_of(s, p)] for s in servers]
        tap.ok(all(len(o) == 1 for o in owners), "each site's sessions are "
               "with one worker", owners)
        tap.same(len({o[0] for o in owners if o}), 3,
                 "and all three have sites")
        victim = owners[0][0]
        os.kill(victim, 9)
        # A job that it still gets is tried again in minutes alone.
        wait_for("its end", lambda: b"exit program=godwit-remote pid=%d " %
                 victim in it.log_text())
        send(it, 2)
        it.drained()
        wait_for("another in its place", lambda:
                 len(it.pids("godwit-remote")) == 3 and
                 victim not in it.pids("godwit-remote"))
        tap.ok(all(len({c for m in s.complete() for c in m.commands
                        if c.startswith(b"RCPT")}) == 4 for s in servers),
               "one of them may die, all mail arrives")
        pids = it.pids("godwit-remote")
        kept = [n for n, o in enumerate(owners) if o[0] != victim]
        tap.ok(kept and all(ports_of(servers[n], owners[n][0])
                            for n in kept),
               "and the sites of the others stayed where they were")
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
    for s in servers:
        s.close()


def one():
    """Without the setting there is one, which the count above would show."""
    with Instance() as it:
        it.start()
        wait_for("a worker", lambda: it.pids("godwit-remote"))
        tap.same(len(it.pids("godwit-remote")), 1, "one is the default")
        it.stop()
        it.set("remoteworkers", "17")
        r = it.command("godwit", "start")
        tap.ok(r.returncode == 111 and b"remoteworkers" in r.stderr,
               "17 are too many", r.stderr)
        r = it.command("godwit", "check")
        tap.ok(r.returncode != 0 and b"remoteworkers" in r.stdout + r.stderr,
               "godwit check says so too", r.stdout + r.stderr)


def still():
    """One that is stopped by a signal keeps no job for ever."""
    server = Server()
    with Instance(smtproutes=":127.0.0.1:%d" % server.port) as it:
        it.start("--still", "1")
        wait_for("a worker", lambda: it.pids("godwit-remote"))
        [pid] = it.pids("godwit-remote")
        os.kill(pid, signal.SIGSTOP)
        send(it, 1)

        def all_gone():
            it.try_now()
            return not it.queued()

        wait_for("all to arrive", all_gone)
        tap.ok(b"kill program=godwit-remote pid=%d " % pid in it.log_text(),
               "a worker that a signal stopped is ended and its jobs are "
               "tried again")
        tap.same(len(server.complete()), SITES, "each is delivered once")
        tap.same(it.stop(), 0, "start ends with 0")
        r = it.command("godwit", "audit")
        tap.ok(r.returncode == 0, "the audit agrees", r.stdout.decode())
    server.close()


def still_local():
    """With all it forked: nobody else would ever end them."""
    with Instance(localidle="600") as it:
        it.start("--still", "1")
        submit(it, it.address, [it.address], TEXT)
        it.drained()
        family = it.pids("godwit-local")
        tap.ok(len(family) > 2, "local has a forker and a deliverer", family)
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        ident = submit(it, it.address, [it.address], TEXT)
        wait_for("its end", lambda: b"exit program=godwit-local" in
                 it.log_text())

        def all_gone():
            it.try_now()
            return not it.queued()

        wait_for("it to arrive", all_gone)
        tap.same(len(events(it, "deliver", ident)), 1, "mail for a local that "
                 "a signal stopped arrives")
        # Of those killed with it the last may still be on its way out.
        wait_for("all of them to be gone",
                 lambda: not set(family) & set(it.pids()))
        tap.ok(True, "and nobody of the old one's is left")
        tap.same(it.stop(), 0, "start ends with 0")


spread()
one()
still()
still_local()
sys.exit(tap.end())

#!/usr/bin/python3
"""bindroutes: source address, HELO name and relay by the sender."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402
from smtp_server import Server  # noqa: E402
from spool import submit  # noqa: E402

TEXT = b"Subject: bind\n\ntext\n"
tap = Tap()


def recorder(seen):
    """A server that notes whence and as whom each MAIL comes."""
    def mail(conn):
        seen.append((conn.sock.getpeername()[0],
                     conn.server.hello[conn.number - 1].split()[-1].decode(),
                     conn.number))
        conn.ordinary()
    return Server({"mail": [mail]})


def main():
    usual, smart = [], []
    normal, relay = recorder(usual), recorder(smart)
    with Instance(smtproutes=":127.0.0.1:%d\nown.example:127.0.0.1:%d" %
                  (normal.port, normal.port), remotekeep="300",
                  bindroutes="\n".join([
                      "a.example:127.0.0.5:mail.a.example",
                      "bob@a.example:127.0.0.6:bob.a.example",
                      "smart.example:127.0.0.7::127.0.0.1:%d" % relay.port,
                      "six.example:[::1]"])) as it:
        it.start()

        def send(sender, to):
            ident = submit(it, sender, [to], TEXT)
            wait_for("delivery", lambda: not (
                it.home / "queue/todo" / ident).exists())
            return ident

        for sender, peer, name in (
                ("x@other.example", "127.0.0.1", "test.example"),
                ("ann@a.example", "127.0.0.5", "mail.a.example"),
                ("bob@a.example", "127.0.0.6", "bob.a.example"),
                ("ann@a.example", "127.0.0.5", "mail.a.example"),
                ("x@other.example", "127.0.0.1", "test.example")):
            send(sender, "r@dest.example")
            tap.same(usual[-1][:2], (peer, name),
                     "mail by %s comes from its address, by its name" %
                     sender)
        tap.same([u[2] for u in usual], [1, 2, 3, 2, 1],
                 "sessions are kept for each identity by itself")
        send("x@smart.example", "r@dest.example")
        tap.same([s[:2] for s in smart], [("127.0.0.7", "test.example")],
                 "a sender's own relay is used")
        send("x@smart.example", "r@own.example")
        tap.same((len(smart), usual[-1][0]), (1, "127.0.0.7"),
                 "but not for a domain that has a relay")
        ident = submit(it, "x@six.example", ["r@dest.example"], TEXT)
        wait_for("a try", lambda: b"not available" in it.log_text())
        tap.ok((it.home / "queue/info" / ident).exists() or
               (it.home / "queue/todo" / ident).exists(),
               "what has no source of the family waits")
        count = len(usual)
        send("ann@a.example", "r@dest.example")
        tap.same(len(usual), count + 1, "and other senders' mail to that "
                 "site does not rest with it")
        r = it.must("godwit", "route", "--from", "ann@a.example",
                    "r@dest.example").decode()
        tap.ok(" source=127.0.0.5 helo=mail.a.example" in r and
               "port=%d" % normal.port in r, "godwit route shows it", r)
        r = it.must("godwit", "route", "--from", "x@smart.example",
                    "r@dest.example").decode()
        tap.ok("port=%d" % relay.port in r, "and the sender's relay", r)
        r = it.must("godwit", "route", "r@dest.example").decode()
        tap.ok("source=" not in r, "and nothing without a sender", r)
        tap.same(it.stop(), 0, "start ends with 0")
        it.set("bindroutes", "a.example:nonsense")
        r = it.command("godwit", "check")
        tap.ok(r.returncode and b"bindroutes:1" in r.stdout + r.stderr,
               "godwit check sees a wrong line", r.stdout + r.stderr)
    normal.close()
    relay.close()
    return tap.end()


sys.exit(main())

#!/usr/bin/python3 -B
"""No DNS: nobody listens, nobody answers, or only garbage comes.  Mail that
needs it is LATER, never bounced; all other mail goes on; with the DNS again
it is delivered."""
import os
import socket
import sys
import threading

from common import QUICK, main, wait_for
from dns_server import DnsServer


def resolver(port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", port))
    return s


def case(r, behave, said):
    s = resolver()
    port = s.getsockname()[1]
    behave(s)
    it = r.instance(resolver="127.0.0.1@%d" % port)
    sink = it.mail.sink.port
    # other.example has a relay, remote.example needs the DNS.
    it.set("smtproutes", "other.example:127.0.0.1:%d" % sink)
    it.start()
    count = 12 if QUICK else 60
    for n in range(count):
        it.mail.send("rlmb"[n % 4], direct=False)
    r.faults += 1
    wait_for("all that needs no DNS", lambda: not [
        t for t in it.mail.accepted if t[-1] != "r" and
        it.mail.places()[t]["queued"]])
    if said:
        wait_for("a word of it", lambda: b"code=4.4.3" in it.log_text())
    r.check(not any(it.mail.places()[t]["bounce"] for t in it.mail.accepted
                    if t[-1] == "r"), "bounced though only the DNS was gone")
    r.check(len(it.queued()) >= 3, "mail for the DNS is not queued")
    r.did("%d of %d messages need no DNS and went on" %
          (len(it.mail.accepted) - len(it.queued()), count))
    r.check(it.stop() == 0, "a stop did not end with 0")
    s.close()
    it.mail.relay()
    it.start()
    r.settle(it)


def dead(r):
    case(r, lambda s: s.close(), not QUICK)


def silent(r):
    case(r, lambda s: None, not QUICK)


def garbage(r):
    def serve(s):
        def run():
            try:
                while True:
                    data, who = s.recvfrom(4096)
                    s.sendto(data[:2] + os.urandom(60), who)
            except OSError:
                pass
        threading.Thread(target=run, daemon=True).start()
    case(r, serve, not QUICK)


def servfail(r):
    dns = r.keep(DnsServer({("remote.example", "MX"): "SERVFAIL"}))
    it = r.instance(resolver="127.0.0.1@%d" % dns.port)
    sink = it.mail.sink.port
    it.set("smtproutes", "other.example:127.0.0.1:%d" % sink)
    it.start()
    it.mail.some(8)
    r.faults += 1
    wait_for("a word of it", lambda: b"code=4.4.3" in it.log_text())
    r.check(not any(it.mail.places()[t]["bounce"] for t in it.mail.accepted
                    if t[-1] == "r"), "bounced though only the DNS was gone")
    r.did("SERVFAIL")
    r.check(it.stop() == 0, "a stop did not end with 0")
    it.mail.relay()
    it.start()
    r.settle(it)


CASES = [("nobody listens", dead), ("nobody answers", silent),
         ("garbage", garbage), ("SERVFAIL", servfail)]
PLANT = [("a remote that gives up without DNS", servfail,
          {"godwit-remote": "hasty"}, "bounced though|a word of it|times remote")]

if __name__ == "__main__":
    sys.exit(main("network", CASES, PLANT))

#!/usr/bin/python3
"""godwit route, and sendmail -bv and -bp over a real instance."""
import os
import pathlib
import pwd
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fake"))
from instance import Instance, Tap

ROUTES = ".corp.example:relay.corp.example:2525\nlit.example:192.0.2.9\n"
tap = Tap()


def routes(i):
    for address, want in [
            ("Ann@Test.Example", "channel=local site=ann@test.example"),
            ("a@x.test", "channel=remote site=x.test mx=x.test"),
            ("a@b.Corp.example", "channel=remote site=b.corp.example "
             "host=relay.corp.example port=2525"),
            ("a@lit.example", "channel=remote site=lit.example "
             "host=[192.0.2.9] port=25"),
            ("a@[192.0.2.4]", "channel=remote site=[192.0.2.4] "
             "host=[192.0.2.4] port=25")]:
        r = i.command("godwit", "route", address)
        tap.same((r.returncode, r.stdout.decode(), r.stderr),
                 (0, "to=%s %s\n" % (address, want), b""),
                 "route of " + address)
    r = i.command("godwit", "route", "--", "Ann <-a@x.test>", '"a b"@x.test')
    tap.same(r.stdout, b'to=-a@x.test channel=remote site=x.test mx=x.test\n'
             b'to="\\"a b\\"@x.test" channel=remote site=x.test mx=x.test\n',
             "an address may be written as in a header field")
    for bad in ["", "ann", "a@b@c", "a@-.x", "a@x.test,b@x.test", "<>",
                "a\n@x.test", "a" * 1000 + "@x.test"]:
        r = i.command("godwit", "route", bad, "a@x.test")
        tap.ok(r.returncode == 1 and r.stderr.count(b"\n") == 1 and
               r.stdout.count(b"\n") == 1,
               "no address, exit 1, the others are shown: %.20r" % bad, r)
    r = i.command("godwit", "route")
    tap.same(r.returncode, 64, "without an address: 64")
    i.set("smtproutes", "a:b:c")
    r = i.command("godwit", "route", "a@x.test")
    tap.ok(r.returncode == 100 and b"smtproutes:1" in r.stderr,
           "a wrong setting: its line, exit 100", r)
    i.set("smtproutes", ROUTES)


def sendmail(i):
    r = i.command("sendmail", "-bv", "ann", "b@x.corp.example")
    tap.same((r.returncode, r.stdout),
             (0, b"to=ann@test.example channel=local site=ann@test.example\n"
              b"to=b@x.corp.example channel=remote site=x.corp.example "
              b"host=relay.corp.example port=2525\n"),
             "sendmail -bv completes addresses and shows their routes")
    r = i.command("sendmail", "-bp")
    tap.ok(r.returncode == 0 and r.stdout.startswith(b"0 messages queued"),
           "sendmail -bp shows the queue", r)
    if os.geteuid() != 0:
        tap.skip("sendmail -bp by who may not read", "needs root")
        return
    daemon = pwd.getpwnam("daemon")
    os.chmod(i.top, 0o755)
    os.chmod(i.home, 0o755)
    r = subprocess.run(["setpriv", "--reuid=%d" % daemon.pw_uid,
                        "--regid=%d" % daemon.pw_gid, "--clear-groups",
                        str(i.bin / "sendmail"), "-bp"], env=i.env,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tap.ok(r.returncode == 77 and b"run it as root" in r.stderr,
           "sendmail -bp by who may not read the queue: 77", r)


def main():
    with Instance(smtproutes=ROUTES.rstrip()) as i:
        routes(i)
        sendmail(i)
    return tap.end()


sys.exit(main())

#!/usr/bin/python3 -B
"""make install: what lies where, and that it runs from there."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get("BIN", ROOT / "build/bin")).resolve()
top = pathlib.Path(tempfile.mkdtemp())
prefix = top / "usr/local"
os.environ["BIN"] = str(prefix / "lib/godwit")
sys.path.insert(0, str(ROOT / "tests/fake"))
from instance import Instance, Tap  # noqa: E402

tap = Tap()


def make(target):
    """With what is built: -o all."""
    r = subprocess.run(["make", "-s", "-C", str(ROOT), "-o", "all", target,
                        "B=%s" % BUILT.parent, "DESTDIR=%s" % top],
                       capture_output=True, text=True)
    return tap.ok(r.returncode == 0, "make %s" % target, r.stdout + r.stderr)


def links():
    return sorted("%s -> %s" % (p.relative_to(prefix), os.readlink(p))
                  for p in prefix.rglob("*") if p.is_symlink())


def files():
    return sorted(str(p.relative_to(top)) for p in top.rglob("*")
                  if not p.is_dir() or p.is_symlink())


def test_install():
    make("install")
    tap.same(sorted(p.name for p in (prefix / "lib/godwit").iterdir()),
             sorted(p.name for p in BUILT.iterdir()),
             "all programs lie in one folder")
    none = [n for n in files() if "sendmail" in n and "/lib/godwit/" not in n]
    tap.same(none, [], "nothing that another mailer may have is installed")
    wide = [n for n in files() if not (top / n).is_symlink() and
            (top / n).stat().st_mode & 0o6022]
    tap.same(wide, [], "no file is setuid, setgid or open for writing")
    pages = {p.name for p in (ROOT / "doc/man").iterdir()}
    have = {p.name for p in (prefix / "share/man").rglob("*.[1-8]")}
    tap.same(sorted(pages - have), ["sendmail.8"], "with all man pages")
    make("install-sendmail")
    tap.same([n for n in links() if "sendmail" in n],
             ["bin/mailq -> ../lib/godwit/sendmail",
              "bin/newaliases -> ../lib/godwit/sendmail",
              "sbin/sendmail -> ../lib/godwit/sendmail"],
             "make install-sendmail adds the names that programs call")


def test_run():
    os.chmod(top, 0o755)
    with Instance() as it:
        # As root it runs copies, where nobody could not reach the others.
        lib = it.bin
        it.bin = it.top / "links"
        it.run_as(["mkdir", str(it.bin)])
        for name, target in (("godwit", "godwit"), ("sendmail", "sendmail"),
                             ("mailq", "sendmail")):
            it.run_as(["ln", "-s", str(lib / target), str(it.bin / name)])
        r = it.sendmail(b"Subject: one\n\nx\n", it.address)
        tap.ok(r.returncode == 0, "sendmail finds enqueue through a link",
               r.stderr)
        it.start()
        r = it.sendmail(b"Subject: two\n\nx\n", it.address)
        tap.ok(r.returncode == 0, "godwit start finds its programs", r.stderr)
        it.drained()
        tap.same(len(it.maildir()), 2, "both arrive")
        r = it.command("mailq")
        tap.ok(r.returncode == 0 and b"0 messages" in r.stdout,
               "mailq asks the godwit beside it", r.stdout + r.stderr)
        tap.same(it.stop(), 0, "and it ends well")


def test_uninstall():
    other = prefix / "sbin/sendmail"
    other.unlink()
    other.symlink_to("/usr/lib/other/sendmail")
    make("uninstall")
    left = ["usr/local/sbin/sendmail", "usr/local/share/man/man8/sendmail.8"]
    tap.same(files(), left, "make uninstall leaves what is another mailer's")


try:
    test_install()
    test_run()
    test_uninstall()
finally:
    shutil.rmtree(top)
sys.exit(tap.end())

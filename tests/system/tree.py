#!/usr/bin/python3 -B
"""The tree keeps its own rules: who includes whom, man pages, settings."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BIN", ROOT / "build/bin")).resolve()
sys.path.insert(0, str(ROOT / "tests/fake"))
from instance import Tap  # noqa: E402

ROOMS = ["base", "queue", "inject", "remote", "local"]
MAN = ROOT / "doc/man"
tap = Tap()


def none(found, name):
    tap.ok(not found, name, "\n".join(map(str, found)))


def sources(pattern):
    return [p for room in ROOMS for p in sorted((ROOT / room).glob(pattern))]


def test_layers():
    r = subprocess.run(["make", "-s", "-C", str(ROOT), "layers"],
                       capture_output=True, text=True)
    tap.ok(r.returncode == 0, "a room includes base and itself alone",
           r.stdout + r.stderr)


def test_sources():
    wide = ["%s:%d" % (p.relative_to(ROOT), n)
            for p in sources("*.[ch]")
            for n, line in enumerate(p.read_text().split("\n"), 1)
            if len(line) > 80 or "\t" in line]
    none(wide, "no line of the sources is wider than 80 columns or has tabs")
    none([p for p in sources("*.h")
          if not p.read_text().startswith("/* %s - " % p.name)],
         "each header begins with its name and what it is for")
    none([p for room in ROOMS
          for p in sorted((ROOT / "tests" / room).glob("*_test.c"))
          if not (ROOT / room / (p.stem[:-5] + ".c")).exists()],
         "tests/ROOM/NAME_test.c tests ROOM/NAME.c")


def test_install():
    build = re.search(r'^build="([^"]*)"',
                      (ROOT / "tests/prepare.sh").read_text(), re.M)[1]
    text = (ROOT / "INSTALL").read_text()
    none([p for p in build.split() if p not in text],
         "INSTALL has the packages that the build needs")


def test_hardened():
    """ELF's type is that of what the kernel may lay anywhere."""
    none([p.name for p in BIN.iterdir() if p.read_bytes()[16] != 3],
         "each program is position-independent")


def test_manuals():
    pages = sorted(MAN.iterdir())
    none([p.name for p in BIN.iterdir()
          if not (MAN / (p.name + ".8")).exists()],
         "each program has a man page")
    if not shutil.which("mandoc"):
        tap.skip("man pages are without fault", "no mandoc")
        return
    for page in pages:
        r = subprocess.run(["mandoc", "-Tlint", "-Wwarning", str(page)],
                           capture_output=True, text=True)
        tap.ok(r.returncode == 0, "%s is without fault for mandoc" % page.name,
               r.stdout)


def items(page):
    """What .It Pa names, with the text behind it."""
    found = {}
    for part in re.split(r"^\.It ", page.read_text(), flags=re.M)[1:]:
        if part.startswith("Pa "):
            head, _, text = part.partition("\n")
            for name in head[3:].replace(",", " ").split():
                if re.fullmatch(r"[a-z][a-z.]+", name):
                    found[name] = text
    return found


CALL = re.compile(r'(read_value|read_number|read_list|read_name|number|value|'
                  r'conf_number|conf_value|conf_list)\s*\(\s*'
                  r'(?:f->|s->)?\w+,\s*"([a-z]+)"(?:,\s*"?([\w./-]+))?')


def defaults():
    """name -> default as the programs have it, None where it is no constant,
    of what they can be seen to read."""
    found = {}
    table = (ROOT / "queue/settings.c").read_text()
    for name, default in re.findall(r'^    \{"(\w+)", SETTING_\w+, "?([^",]*)',
                                    table, re.M):
        found[name] = default if default not in ("NULL", "") else None
    for p in sources("*.c"):
        if p.parts[-2] in ("remote", "local", "inject"):
            for call, name, default in CALL.findall(p.read_text()):
                found.setdefault(name, None)
                if "number" in call or default.startswith("."):
                    found[name] = default
    return found


def known():
    """What godwit check takes for a setting."""
    table = re.findall(r'^    \{"(\w+)", SETTING_',
                       (ROOT / "queue/settings.c").read_text(), re.M)
    others = re.findall(r'\{"([\w.]+)", NAME_(?!UNUSED)',
                        (ROOT / "queue/names.c").read_text())
    return set(table) | set(others)


def test_settings():
    code, names = defaults(), known()
    page = items(MAN / "godwit-control.5")
    tap.ok(len(code) > 30, "the settings are found in the sources", code)
    none(sorted(set(code) - names), "godwit check knows each setting")
    texts = "".join(p.read_text() for p in sources("*.[ch]")
                    if p.name not in ("names.c", "check.c"))
    none(sorted(n for n in names if '"%s"' % n not in texts),
         "and none that no program reads")
    none(sorted(names ^ set(page)),
         "godwit-control(5) has each of them and no other")
    wrong = []
    for name, default in sorted(code.items()):
        m = re.search(r"^Default: ([\w./-]+?)\.?(?: \(.*)?$",
                      page.get(name, ""), re.M)
        if default and re.fullmatch(r"[0-9]+|\./.*", default):
            if not m or m[1].rstrip(".") != default:
                wrong.append("%s: %s, not %s" % (name, default,
                                                 m[1] if m else "nothing"))
    none(wrong, "with the default that it has")
    for p in sorted(MAN.glob("*.8")):
        none(sorted(n for n in items(p) if n not in names),
             "%s names no setting but these" % p.name)


test_layers()
test_sources()
test_install()
test_hardened()
test_manuals()
test_settings()
sys.exit(tap.end())

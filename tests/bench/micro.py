#!/usr/bin/python3 -B
"""Instructions that each hot part of Godwit takes, by callgrind.

usage: micro.py [PART...]; QUICK=1 few repeats; TOP=n functions of each part
(5); BIN, beside which bench/ has the compiled parts.

Each part (tests/bench/micro_*.c) runs under callgrind with two numbers of
repeats; the difference is what the repeats cost, without starting and ending.
Instructions do not depend on what else the machine does, so they tell small
changes that times do not.  All parts together are written to
build/bench/micro.tsv too."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from run import OUT, QUICK, TOOLS, Failed

TOP = int(os.environ.get("TOP", 5))
SECONDS = 120           # that one run may take
FEW = 20
MANY = 84 if QUICK else 404

# name: (program, arguments behind the number of repeats, what one repeat is)
PARTS = {
    "enqueue": ("micro_enqueue", "4096 1", "message of 4 KiB, 1 recipient"),
    "enqueue-100": ("micro_enqueue", "4096 100",
                    "message of 4 KiB, 100 recipients"),
    "ledger": ("micro_ledger", "", "line of a delivery, 64 to a write"),
    "takeup": ("micro_takeup", "1", "queue file, 1 recipient"),
    "takeup-99": ("micro_takeup", "99", "queue file, 99 recipients"),
    "job": ("micro_job", "1", "job and its report"),
    "job-100": ("micro_job", "100", "job and its 100 reports"),
    "complete": ("micro_complete", "", "header of 12 fields, 4 recipients"),
    "addresses": ("micro_addresses", "", "list of 20 addresses"),
}
# The ledger writes 64 lines at a time: whole groups cancel out.
GROUPS = {"ledger": 64}


def output(command, **kw):
    try:
        r = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=SECONDS,
                           **kw)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Failed(str(e))
    if r.returncode:
        raise Failed("%s: exit %d: %s" % (command[0], r.returncode,
                                          r.stderr[-500:]))
    return r.stdout


LINE = re.compile(r"^ *([\d,]+) \(.*?\)  (.*)$")


def function(text):
    """The name in a line of callgrind_annotate, `FILE:NAME [OBJECT]`; of what
    has none, the library's."""
    m = re.match(r"(?:.*:)?([^:\[]+?)(?: \[(.*)\])?$", text)
    if m and m[1].startswith("0x") and m[2]:
        return "in " + os.path.basename(m[2])
    return m[1] if m else text


def count(folder, program, repeats, arguments):
    """Instructions in all, and of each function by itself."""
    here = folder / ("run-%d" % repeats)
    here.mkdir()
    data = folder / ("counts-%d" % repeats)
    output(["valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=%s" %
            data, TOOLS / program, repeats] + arguments.split(), cwd=here)
    total, functions = 0, {}
    for line in output(["callgrind_annotate", "--auto=no", "--threshold=100",
                        data]).split("\n"):
        m = LINE.match(line)
        if not m:
            continue
        n = int(m[1].replace(",", ""))
        if m[2].startswith("PROGRAM TOTALS"):
            total = n
        else:
            name = function(m[2])
            functions[name] = functions.get(name, 0) + n
    if not total:
        raise Failed("callgrind_annotate told no total")
    return total, functions


def measure(name):
    """Instructions of one repeat, and the functions that took most."""
    program, arguments, unused = PARTS[name]
    group = GROUPS.get(name, 1)
    few, many = ((n + group - 1) // group * group for n in (FEW, MANY))
    # In memory where there is such a folder: syncs cost no instructions, but
    # they take time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="micro-", dir=memory) as folder:
        folder = pathlib.Path(folder)
        first, of_first = count(folder, program, few, arguments)
        second, of_second = count(folder, program, many, arguments)
    if second <= first:
        raise Failed("%d repeats took no more than %d" % (many, few))
    each = many - few
    most = sorted(((n - of_first.get(f, 0)) / each, f)
                  for f, n in of_second.items())[::-1]
    return (second - first) / each, most[:TOP]


def main():
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [n for n in wanted if n not in PARTS]
    if unknown:
        sys.exit("micro: no part %s; there are %s" % (" ".join(unknown),
                                                      " ".join(PARTS)))
    rows, bad = [], False
    for name in wanted:
        try:
            each, most = measure(name)
        except Failed as e:
            print("%-12s failed: %s" % (name, e), file=sys.stderr)
            bad = True
            continue
        print("%-12s %9d instructions a %s" % (name, each, PARTS[name][2]))
        for n, where in most:
            print("%24d %3d %%  %s" % (n, 100 * n / each, where),
                  flush=True)
        rows.append((name, "%d" % each, PARTS[name][2]))
    if not bad and wanted == list(PARTS):
        OUT.mkdir(parents=True, exist_ok=True)
        with open(OUT / "micro.tsv", "w") as f:
            for row in [("part", "instructions", "per")] + rows:
                f.write("\t".join(row) + "\n")
        print("written to %s" % (OUT / "micro.tsv"))
    return bad


if __name__ == "__main__":
    sys.exit(main())

"""A plot for each line, by gnuplot: medians, with the least and the most."""
import shutil
import statistics
import subprocess

from run import OUT, note

HEAD = """set terminal svg size 900,%d font "sans,12" background "white"
set output "%s"
set style fill solid 0.7
set boxwidth 0.6
set border 3
set ytics nomirror
set grid ytics
set bmargin 3.5
set lmargin 12
unset key
"""
OTHERS = {"disk": "0x999999", "the wire": "0x999999",
          "/bin/true": "0x999999", "allowed": "0xd0a030",
          "godwit": "0x2a7f3f", "opensmtpd": "0xaa6644"}
PEER = "0x4477aa"


def colour(name):
    return next((c for start, c in OTHERS.items() if name.startswith(start)),
                PEER)


def figure(v):
    return "%.0f" % v if v >= 100 else "%.3g" % v


def bars(row):
    """One panel: a bar for each system, its median above it."""
    values = row.values
    most = max(max(v) for v in values.values())
    script = ['set title "%s %s, %s%s" noenhanced' % (
        row.line, row.what, row.unit, "" if row.more else
        " (less is better)"),
        "set yrange [0:%g]" % (1.2 * most or 1),
        "set xrange [-0.6:%g]" % (len(values) - 0.4),
        "set xtics nomirror noenhanced (%s)" % ", ".join(
            '"%s" %d' % (name.replace(", ", ",\\n"), n)
            for n, name in enumerate(values)),
        "$data << END"]
    for n, (name, v) in enumerate(values.items()):
        middle = statistics.median(v)
        script.append('%d %g %g %g %s "%s"' % (
            n, middle, min(v), max(v), colour(name), figure(middle)))
    return script + [
        "END",
        "plot $data using 1:2:5 with boxes lc rgb variable, "
        "$data using 1:2:3:4 with yerrorbars ps 0 lc black, "
        "$data using 1:4:6 with labels offset 0,0.7"]


def curve(line, rows):
    """One panel: a curve for each system over the rows' sizes."""
    names = list(dict.fromkeys(n for r in rows for n in r.values))
    script = ['set title "%s %s, %s%s" noenhanced' % (
        line, rows[0].over, rows[0].unit, "" if rows[0].more else
        " (less is better)"),
        "set key outside right noenhanced", "set logscale x",
        "set xtics auto format '%.0s %c'",
        "set xrange [%g:%g]" % (rows[0].x / 2, rows[-1].x * 2),
        "set yrange [0:*]" if not rows[0].more else
        "set yrange [*:*]\nset logscale y"]
    for n, name in enumerate(names):
        script.append("$d%d << END" % n)
        for r in rows:
            if name in r.values:
                v = r.values[name]
                script.append("%d %g %g %g" % (
                    r.x, statistics.median(v), min(v), max(v)))
        script.append("END")
    return script + ["plot " + ", ".join(
        '$d%d using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb %s '
        'title "%s"' % (n, colour(name).replace("0x", '"#') + '"', name)
        for n, name in enumerate(names))] + [
        "unset logscale", "unset key", "set xtics format '%g'"]


def panels(line, rows):
    """Rows over sizes of the same kind are one curve; others are bars."""
    groups = {}
    for row in rows:
        groups.setdefault(row.over or id(row), []).append(row)
    return [curve(line, g) if g[0].over and len(g) > 1 else bars(g[0])
            for g in groups.values()]


def plot_rows(line, rows):
    """One panel below the other."""
    parts = panels(line, rows)
    script = [HEAD % (300 * len(parts), OUT / ("%s.svg" % line)),
              "set multiplot layout %d,1" % len(parts)]
    for part in parts:
        script += part
    return "\n".join(script + ["unset multiplot"]) + "\n"


def write(rows):
    if not shutil.which("gnuplot"):
        note("no plots: gnuplot is not installed")
        return
    for line in sorted({row.line for row in rows}):
        mine = [r for r in rows if r.line == line and r.values]
        if not mine:
            continue
        r = subprocess.run(["gnuplot"], input=plot_rows(line, mine),
                           stderr=subprocess.PIPE, text=True)
        if r.returncode:
            note("no plot of line %s: %s" % (line, r.stderr.strip()[-300:]))

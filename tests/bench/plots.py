"""A plot for each line, by gnuplot: medians, with the least and the most."""
import shutil
import statistics
import subprocess

from run import OUT, note

HEAD = """set terminal svg size 900,%d font "sans,11" background "white"
set output "%s"
set style fill solid 0.6
set boxwidth 0.7
set xtics rotate by -30 noenhanced
set ytics nomirror
set grid ytics
set bmargin 8
"""


def plot_rows(line, rows):
    """One panel below the other, one for each thing measured."""
    script = [HEAD % (320 * len(rows), OUT / ("%s.svg" % line)),
              "set multiplot layout %d,1" % len(rows)]
    for row in rows:
        script += ['set title "%s, %s" noenhanced' % (row.what, row.unit),
                   "set yrange [0:*]", "$data << END"]
        for n, (name, values) in enumerate(row.values.items()):
            script.append('%d %g %g %g "%s"' % (
                n, statistics.median(values), min(values), max(values), name))
        script += ["END",
                   "plot $data using 1:2:xtic(5) with boxes notitle, "
                   "$data using 1:2:3:4 with yerrorbars pt 0 lc black "
                   "notitle"]
    script.append("unset multiplot")
    return "\n".join(script) + "\n"


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

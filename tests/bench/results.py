"""What was measured, and how it is shown."""
import statistics

from run import OUT, notes


class Row:
    """One thing measured for several systems, and the limits beside it.

    more: whether more is better.  limits: what is no mail system, such as
    the disk, measured in the same run.  goals: system or limit -> the ratio
    that is to be reached."""

    def __init__(self, line, what, unit, more=True, goals=None):
        self.line, self.what, self.unit, self.more = line, what, unit, more
        self.goals = goals or {}
        self.values = {}
        # For a curve: the size or the queue's length, and what all its
        # points show.
        self.x, self.over = None, None

    def add(self, system, value):
        self.values.setdefault(system, []).append(value)

    def median(self, system):
        return statistics.median(self.values[system])

    def ratio(self, other):
        """How many times better than the other."""
        if "godwit" not in self.values or other not in self.values:
            return None
        a, b = self.median("godwit"), self.median(other)
        if not self.more:
            a, b = b, a
        return a / b if b else float("inf")


def number(v):
    if v == int(v) and abs(v) < 1e6:
        return "%d" % v
    return "%.3f" % v if abs(v) < 10 else "%.1f" % v if abs(v) < 1000 \
        else "%.0f" % v


LIMITS = ("disk", "the wire", "/bin/true")     # what is no mail system


def beside(row, system):
    """How Godwit stands to it."""
    ratio = row.ratio(system)
    if system == "godwit" or ratio is None:
        return ""
    if system == "allowed":
        text = "%.2f of it" % (1 / ratio if ratio else 0)
    elif system.startswith(LIMITS):
        text = "%.0f %% of it" % (100 * ratio)
    elif ratio == float("inf"):
        text = "none"
    else:
        text = "%.2f times better" % ratio
    if system in row.goals:
        goal = row.goals[system]
        text = "%-18s goal %s: %s" % (
            text, "%.0f %%" % (100 * goal) if system.startswith(LIMITS)
            else "%g" % goal,
            "reached" if ratio >= goal else "NOT reached")
    return text


def show(row):
    """The row as lines of the table."""
    out = ["%-5s %s, %s%s" % (row.line, row.what, row.unit,
                              "" if row.more else " (less is better)")]
    for system, values in row.values.items():
        out.append(("      %-28s %10s  %-19s %s" % (
            system, number(statistics.median(values)), "%s - %s" % (
                number(min(values)), number(max(values)))
            if min(values) < max(values) else "",
            beside(row, system))).rstrip())
    if "godwit" not in row.values:
        out.append("      godwit: not measured, see the notes")
    return "\n".join(out)


def table(rows, about):
    out = list(about) + [
        "", "      %-28s %10s  %-19s %s" % (
            "system", "median", "least - most", "Godwit beside it"), ""]
    for row in rows:
        out.append(show(row))
    if notes:
        out += ["", "Notes"] + ["- " + n for n in notes]
    return "\n".join(out) + "\n"


def write(rows, about):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "table.txt").write_text(table(rows, about))
    with open(OUT / "results.tsv", "w") as f:
        f.write("line\tsystem\tmedian\tmin\tmax\tunit\tratio\tgoal\n")
        for row in rows:
            for system, values in row.values.items():
                ratio = row.ratio(system) if system != "godwit" else None
                f.write("\t".join([
                    "%s %s" % (row.line, row.what), system,
                    number(statistics.median(values)), number(min(values)),
                    number(max(values)), row.unit,
                    "" if ratio is None else "%.3f" % ratio,
                    "%g" % row.goals[system] if system in row.goals else ""])
                    + "\n")

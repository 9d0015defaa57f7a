"""Lines a and b: mail is accepted and nothing is delivered."""
import disk
from disk import threads
from results import Row
from run import CALLER, RUNS, Deleted, attempt, message, size, tool, turns


def true_rate(system, count, parallel):
    """The same, but of a program that does nothing."""
    mail = message(4096)
    out = tool("callers", "-r", system.root, "-u", CALLER, "-n", count, "-p",
               parallel, "-i", mail.name, "/bin/true", cwd=mail.parent)
    return count / float(out.split()[0])


def rate(s, count, parallel):
    return count / s.call(count, parallel, "u@dst.test")


def line_a(systems):
    """sendmail, one after another and 20 at a time."""
    rows = [Row("a", "sendmail, one after another", "messages/s",
                goals={"postfix": 6}),
            Row("a", "sendmail, 20 at a time", "messages/s",
                goals={"postfix": 8, "/bin/true": 0.55})]
    Deleted.wait()
    for s in systems:
        with attempt("a: %s" % s.name):
            s.start(held=True)
    for ordered in turns(systems):
        for row, parallel, full in ((rows[0], 1, size(400, 50)),
                                    (rows[1], 20, size(2000, 200))):
            for s in ordered:
                count = s.part(full)
                with attempt("a: %s" % s.name):
                    row.add(s.name, rate(s, count, parallel))
                    s.settle()
                    if s.name == "postfix":
                        with s.without_pickup():
                            row.add("postfix, pickup stopped",
                                    rate(s, count, parallel))
                        s.settle()
            row.add("/bin/true", true_rate(systems[0], full, parallel))
            disk.add_both(row, parallel, full)
    for s in systems:
        s.clear()
    disk.forget()
    return rows


def line_b(systems):
    """The submit socket, 1, 16 and 64 connections, beside the disk with as
    many threads."""
    s, rows = systems[0], []
    Deleted.wait()
    s.start(held=True)
    for n in (1, 16, 64):
        count = size(4000, 600) if n > 1 else size(500, 100)
        rows.append(Row("b", "submit socket, %d connection%s" % (
            n, "s" * (n > 1)), "messages/s",
            goals={threads(n): 0.7} if n == 16 else {}))
        for _ in range(RUNS):
            with attempt("b"):
                rows[-1].add("godwit", count / s.preload(
                    count, ["u@dst.test"], connections=n))
            disk.add_both(rows[-1], n, count)
    s.clear()
    disk.forget()
    return rows

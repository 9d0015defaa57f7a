#!/usr/bin/python3
"""Mail is stored by an enqueue that dies before it tells the manager."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fake"))
from instance import Instance, Tap, wait_for  # noqa: E402


def told(fd):
    """The ids in the pipe that nobody has read yet."""
    try:
        data = os.read(fd, 65536)
    except BlockingIOError:
        return []
    return [data[i:i + 8] for i in range(0, len(data), 8)]


def stop(it, program):
    pid, = wait_for(program, lambda: it.pids(program))
    os.kill(pid, signal.SIGSTOP)

    def stopped():
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"
    wait_for("its stop", stopped)


def main():
    tap = Tap()
    look = bytes(8)
    with Instance() as it:
        it.start()
        trigger = it.home / "queue" / "trigger"
        away = trigger.with_name("away")
        pipe = os.open(trigger, os.O_RDONLY | os.O_NONBLOCK)
        stop(it, "godwit-manager")
        trigger.rename(away)
        it.sendmail(b"Subject: untold\n\nbody\n", it.address)
        # It answers first, and tells then.
        stop(it, "godwit-enqueue")
        away.rename(trigger)
        tap.ok(len(it.queued(["todo"])) == 1 and not it.maildir() and
               not [x for x in told(pipe) if x != look],
               "a manager that is not told does not know of it")
        it.kill("godwit-enqueue")
        # Read here, so it is said again.
        tap.same(wait_for("a word of the next enqueue", lambda: told(pipe)),
                 [look], "the next enqueue asks for a look at once")
        it.kill("godwit-enqueue")
        it.signal(signal.SIGCONT, "godwit-manager")
        os.close(pipe)
        wait_for("its delivery", it.maildir)
        tap.ok(len(it.maildir()) == 1, "it is looked for when the next "
               "enqueue starts, not minutes later")
        it.drained()
        tap.same(it.stop(), 0, "all end")
    return tap.end()


sys.exit(main())

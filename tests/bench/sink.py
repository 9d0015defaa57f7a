"""The SMTP server that mail goes to."""
import select
import subprocess
import time

from run import CLOCK, SINK_PORT, TOOLS, Failed, note


class Sink:
    """Taking until so many recipients have come."""

    def __init__(self, recipients, delay=0, addresses=1, silent=0,
                 first="127.0.0.1", chunking=False):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [str(TOOLS / "sink"), "-a", first, "-c", str(addresses), "-q",
             str(silent), "-p", str(SINK_PORT), "-d", str(delay), "-n",
             str(recipients)] + ["-b"] * chunking,
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Failed("the sink does not listen")

    def wait(self, seconds):
        """The moment of the last message, or a failure that says how far it
        got."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            self.process.terminate()
            got = self.process.stdout.readline().split()
            raise Failed("after %d s the sink had %s messages with %s "
                         "recipients" % (seconds, got[0], got[1]))
        self.read()
        stat = open("/proc/%d/stat" % self.process.pid).read()
        ticks = sum(map(int, stat.rsplit(")", 1)[1].split()[11:13]))
        self.share = ticks / CLOCK / max(time.monotonic() - self.began, 0.01)
        if self.share > 0.85:
            note("the sink itself was busy %d%% of the time: it is the limit"
                 % (100 * self.share))
        return self.last

    def read(self):
        self.messages, self.recipients, self.connections, self.most = \
            [0] * 4
        fields = self.process.stdout.readline().split()
        self.messages, self.recipients, self.connections, self.most = \
            map(int, fields[:4])
        self.last = float(fields[4])

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

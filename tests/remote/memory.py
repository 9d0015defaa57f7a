#!/usr/bin/python3
"""Two thousand sessions at a time in one process: the memory they take."""
import asyncio
import os
import resource
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from certificates import Authority  # noqa: E402
from remote_manager import Remote, sanitized  # noqa: E402
from remote_tap import end, ok, skip  # noqa: E402

SESSIONS = 2000
CLEAR = 64 << 10   # KiB
TLS = 64 << 10     # KiB on top of that
TEXT = b'Subject: test\n\n' + b'hello\n' * 30


class Session(asyncio.Protocol):
    """Stops at `hold` until let go: 'greeting', 'content' (reads no more),
    or 'dot'."""

    def __init__(self, sink):
        self.sink = sink
        self.buffer = b''
        self.inside = self.secured = False

    def connection_made(self, transport):
        self.transport = transport
        if not self.secured:
            self.go_on('greeting', lambda: self.say(b'220 sink\r\n'))

    def say(self, words):
        self.transport.write(words)

    def go_on(self, where, then):
        """Now, or when the sink lets go."""
        if self.sink.hold != where or self.sink.released:
            then()
            return
        self.sink.held += 1
        self.sink.waiting.append(then)
        if where == 'content':
            self.transport.pause_reading()

    def data_received(self, data):
        self.buffer += data
        while self.transport and self.take():
            pass

    def take(self):
        """One line, or the content; whether there may be more."""
        if self.inside:
            if not self.buffer.endswith(b'\r\n.\r\n'):
                self.buffer = self.buffer[-5:]
                return False
            self.buffer, self.inside = b'', False
            self.go_on('dot', lambda: self.say(b'250 taken\r\n'))
            return False
        line, end_found, rest = self.buffer.partition(b'\r\n')
        if not end_found:
            return False
        self.buffer = rest
        verb = line[:4].upper()
        if verb == b'EHLO':
            tls = self.sink.context and not self.secured
            self.say(b'250-sink\r\n' + (b'250-STARTTLS\r\n' if tls else b'') +
                     b'250 PIPELINING\r\n')
        elif verb == b'STAR':
            self.transport.pause_reading()  # start_tls reads on
            self.say(b'220 go on\r\n')
            self.sink.loop.create_task(self.secure())
        elif verb == b'DATA':
            self.say(b'354 go on\r\n')
            self.inside = True
            self.go_on('content', self.transport.resume_reading)
        elif verb == b'QUIT':
            self.say(b'221 bye\r\n')
            self.transport.close()
        else:
            self.say(b'250 ok\r\n')
        return True

    async def secure(self):
        clear, self.transport, self.secured = self.transport, None, True
        self.transport = await self.sink.loop.start_tls(
            clear, self, self.sink.context, server_side=True)
        self.data_received(b'')


class Sink(threading.Thread):
    def __init__(self, hold, context=None):
        super().__init__(daemon=True)
        self.hold, self.context = hold, context
        self.held, self.released, self.waiting = 0, False, []
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.loop.create_server(
            lambda: Session(self), '127.0.0.1', 0, backlog=4096))
        self.port = self.server.sockets[0].getsockname()[1]
        self.start()

    def run(self):
        self.loop.run_forever()

    def let_go(self):
        self.released = True
        for then in self.waiting:
            then()

    def release(self):
        self.loop.call_soon_threadsafe(self.let_go)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join()
        self.server.close()


def resident(remote):
    with open('/proc/%d/status' % remote.process.pid) as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith('VmRSS'))


def until(condition, wait=120):
    stop = time.monotonic() + wait
    while not condition() and time.monotonic() < stop:
        time.sleep(0.01)
    return condition()


def measure(hold, content, context, **settings):
    sink = Sink(hold, context)
    remote = Remote(concurrencyremote=SESSIONS, **settings)
    until(lambda: resident(remote) > 0)
    remote.send(b'x\n', [b'a@x'], route=b'127.0.0.1', port=1)
    remote.reports(1)
    before = resident(remote)
    for i in range(SESSIONS):
        remote.send(content, [b'a@x'], route=b'localhost', port=sink.port)
    all_held = until(lambda: sink.held == SESSIONS)
    now = resident(remote)
    sink.release()
    reports = remote.reports(SESSIONS)
    done = sum(r.word == 'done' for r in reports)
    most = remote.memory()
    # The sessions wait for the next mail first.
    given_back = sanitized() or until(
        lambda: resident(remote) - before < (most - before) // 2, 60)
    left = resident(remote)
    code = remote.close()
    sink.close()
    limit = CLEAR + (TLS if context else 0)
    ok(all_held and done == SESSIONS and code == 0,
       '%d sessions %s at the %s are held, then done' % (
           SESSIONS, 'over TLS' if context else 'in clear', hold),
       (sink.held, done, code))
    ok(sanitized() or most < limit,
       'they take less than %d MiB' % (limit >> 10), most)
    ok(given_back,
       'more than half of it is given back once they have gone',
       (before, most, left))
    print('# before %d KiB, held %d KiB: %d bytes a session, most %d KiB, then '
          '%d KiB' % (before, now, (now - before) * 1024 // SESSIONS, most,
                      left))


def main():
    need = 2 * SESSIONS + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < need:
        skip('memory', 'only %d descriptors' % hard)
        end()
    resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    large = b'x' * 77 + b'\n'
    measure('greeting', TEXT, None)
    measure('dot', TEXT, None)
    measure('content', large * 8000, None)
    with tempfile.TemporaryDirectory(prefix='godwit-memory.') as folder:
        authority = Authority(folder)
        context, _ = authority.issue('localhost')
        with open(authority.path) as f:
            facts = {'tlsca': f.read(), 'tlspolicy': 'localhost:verify'}
        measure('dot', TEXT, context, **facts)
        measure('content', large * 8000, context, **facts)
    end()


main()

#!/usr/bin/python3
"""What godwit-remote does when its manager ends, dies, errs or is slow."""
import os
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from remote_manager import Remote, job, sanitized  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from smtp_server import Server  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'


def until(condition, wait=120):
    """Whether condition becomes true in time."""
    stop = time.monotonic() + wait
    while not condition() and time.monotonic() < stop:
        time.sleep(0.005)
    return condition()


def start(behaviour):
    """A remote with one job, too large to be on its way all at once, that has
    come to the server."""
    server, remote = Server(behaviour), Remote()
    remote.send(TEXT + b'x\n' * (16 << 20), [b'a@x', b'b@x'],
                route=b'127.0.0.1', port=server.port)
    assert until(lambda: server.connections == 1), behaviour
    return server, remote


def gated(answer=b'250 2.0.0 taken\r\n'):
    """A server that answers the dot when told so."""
    gate = threading.Event()

    def wait(conn):
        gate.wait(120)
        conn.send(answer)

    return gate, Server({'dot': [wait]})


def test_shut():
    for behaviour in ('greeting-hang', 'mail-hang', 'data-hang',
                      'content-hang'):
        server, remote = start(behaviour)
        remote.shut()
        got = remote.reports(2)
        ok([(r.word, r.code) for r in got] == [('later', '4.3.2')] * 2 and
           remote.end() == 0 and not server.complete(),
           'the manager ends: "%s" is given up as LATER' % behaviour, got)
        remote.close()
        server.close()
    gate, server = gated()
    remote = Remote()
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    until(lambda: server.complete())
    remote.shut()
    ok(not remote.reports(1, 0.2) and remote.process.poll() is None,
       'after the dot the answer is waited for')
    gate.set()
    got = remote.reports(1)
    ok(got and got[0].word == 'done' and remote.end() == 0,
       'and reported, then it ends with 0', got)
    remote.close()
    server.close()
    server, remote = Server(), Remote(concurrencyremote=1)
    other = Server('greeting-hang')
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=other.port)
    for _ in range(3):
        remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    until(lambda: other.connections)
    remote.shut()
    got = remote.reports(4)
    ok([r.code for r in got] == ['4.3.2'] * 4 and remote.end() == 0 and
       server.connections == 0,
       'jobs that had to wait are answered too', got)
    remote.close()
    server.close()
    other.close()
    remote = Remote()
    remote.shut()
    ok(remote.end() == 0, 'without jobs it ends at once')
    remote.close()


def test_death():
    gate, server = gated()
    remote = Remote()
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    hang = Server('mail-hang')
    remote.send(TEXT, [b'b@x'], route=b'127.0.0.1', port=hang.port)
    until(lambda: server.complete() and hang.connections)
    remote.sock.close()
    ok(until(lambda: hang.open == 0) and remote.process.poll() is None,
       'the manager dies: what has no dot is given up')
    gate.set()
    ok(remote.end() == 0 and 'report-lost job=1 rcpt=0 verdict=done' in
       remote.log(), 'what has is answered, logged, and the end is 0',
       remote.log())
    remote.sock = socket.socket()
    remote.close()
    server.close()
    hang.close()


def test_deaf():
    server, remote = Server(), Remote()
    remote.sock.shutdown(socket.SHUT_RD)
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    ok(remote.end() == 0 and 'report-lost job=1' in remote.log(),
       'a report that cannot be told ends it, so that the manager sees it',
       remote.log())
    remote.close()
    server.close()


def test_signals():
    server, remote = Server(), Remote()
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    remote.reports(1)
    remote.process.send_signal(signal.SIGTERM)
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    got = remote.reports(1)
    ok(got and got[0].word == 'done', 'SIGTERM does not end it', got)
    ok(remote.close() == 0, 'the end of its socket does')
    server.close()


def test_bad_jobs():
    server, remote = Server(), Remote()
    good = job(7, [b'a@x', b'b@x'], content=TEXT, route=b'127.0.0.1',
               port=server.port)
    remote.send_raw(good)
    got = remote.reports(2)
    ok([(r.number, r.word) for r in got] == [(7, 'later')] * 2,
       'a job without its descriptor is LATER for all', got)
    null = os.open('/dev/null', os.O_RDONLY)
    remote.send_raw(good[:-3], null)
    got = remote.reports(1)
    ok(len(got) == 1 and (got[0].number, got[0].index, got[0].word) ==
       (7, 0, 'later'), 'a job cut short is LATER for whom it shows', got)
    for junk in (b'x', b'J', b'J1234567', b'J' + b'\xff' * 500, b'R' * 60000):
        remote.send_raw(junk, null)
    before = len(os.listdir('/proc/%d/fd' % remote.process.pid))
    got = []
    for count in (2, 3, 9) * 10:
        socket.send_fds(remote.sock, [good], [null] * count)
        got += remote.reports(2)
    ok([r.word for r in got] == ['later'] * 60,
       'a job with more than one descriptor is LATER for all', got)
    after = len(os.listdir('/proc/%d/fd' % remote.process.pid))
    ok(after <= before, 'and none of them stays open', (before, after))
    os.close(null)
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    got = remote.reports(1)
    ok(got and got[0].word == 'done' and 'job-unreadable' in remote.log(),
       'junk is logged, and mail goes on', remote.log())
    remote.send(TEXT, [b'a@x'], site=b'example.org')
    got = remote.reports(1)
    ok(got and got[0].word != 'done', 'a job without route is answered', got)
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=70000)
    got = remote.reports(1)
    ok(got and (got[0].word, got[0].code) == ('later', '4.4.4'),
       'a port that is none is LATER', got)
    remote.close()
    server.close()


def test_slow_reader():
    """The manager does not read: reports wait, and come in order."""
    server, remote = Server(), Remote()
    count = 60
    rcpts = [b'bad%d@x' % i for i in range(100)]
    sent = 0
    remote.sock.settimeout(1)
    try:
        for _ in range(count):
            remote.send(TEXT, rcpts, route=b'127.0.0.1', port=server.port)
            sent += 1
    except socket.timeout:
        remote.number -= 1
    remote.sock.settimeout(None)
    got = remote.reports(sent * 100)
    seen = {(r.number, r.index) for r in got}
    ok(len(got) == len(seen) == sent * 100,
       'reports that had to wait all come, once', '%d %d' % (len(got), sent))
    ok(remote.close() == 0, 'it ends with 0')
    server.close()


def test_many():
    """Some hundred sessions at once, while others hang."""
    server, hang = Server(), Server('greeting-hang')
    remote = Remote(concurrencyremote=700, remotekeep=0)
    for i in range(300):
        remote.send(TEXT, [b'h%d@x' % i], route=b'127.0.0.1', port=hang.port)
    ok(until(lambda: hang.open == 300), 'three hundred sessions are open',
       hang.open)
    for i in range(400):
        remote.send(TEXT, [b'r%d@x' % i], route=b'127.0.0.1',
                    port=server.port)
    got = remote.reports(400)
    ok(len(got) == 400 and {r.word for r in got} == {'done'},
       'four hundred mails pass them by', len(got))
    memory = remote.memory()
    ok(sanitized() or memory < 65536,
       'seven hundred sessions fit into 64 MiB', memory)
    print('# most memory: %d KiB' % memory)
    remote.shut()
    got = remote.reports(300)
    ok(len(got) == 300 and remote.end() == 0, 'all hanging ones are answered')
    remote.close()
    server.close()
    hang.close()


def test_limit():
    server, remote = Server('greeting-hang'), Remote(concurrencyremote=5)
    for i in range(20):
        remote.send(TEXT, [b'r%d@x' % i], route=b'127.0.0.1',
                    port=server.port)
    until(lambda: server.connections >= 5)
    time.sleep(0.1)
    ok(server.connections == 5, 'no more sessions than concurrencyremote',
       server.connections)
    remote.close()
    server.close()
    servers = [Server() for _ in range(6)]
    remote = Remote(concurrencyremote=3, remotekeep=60)
    for s in servers:
        remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=s.port)
        remote.reports(1)
    ok(until(lambda: sum(s.open for s in servers) == 4),
       'the oldest idle sessions make room for new ones',
       [s.open for s in servers])
    ok(remote.close() == 0, 'it ends with 0')
    for s in servers:
        s.close()


def test_few():
    server, remote = Server(), Remote(files=(100, 264))
    for i in range(200):
        remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port,
                    site=b's%d.test' % i)
    got = remote.reports(200)
    log = remote.log()
    remote.close()
    server.close()
    ok(all(r.word == 'done' for r in got) and
       'fewer-sessions limit=80 files=264' in log,
       'with fewer descriptors it has fewer sessions, and says so', log)


def test_age():
    for settings, want in (({}, 1), ({'remoteage': 0}, 3)):
        server, remote = Server(), Remote(remotekeep=30, **settings)
        for _ in range(3):
            remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
            remote.reports(1)
        ok(server.connections == want and len(server.complete()) == 3,
           'with %r three mails take %d sessions' % (settings, want),
           server.connections)
        remote.close()
        server.close()


def test_settings():
    for settings, word in (({'me': ''}, 'me'),
                           ({'timeoutremote': 'x'}, 'timeoutremote'),
                           ({'concurrencyremote': '0'}, 'concurrencyremote'),
                           ({'helohost': 'a b'}, 'helohost')):
        remote = Remote(**settings)
        ok(remote.end() == 111 and word in remote.log(),
           'with %r it does not start, and says why' % settings,
           remote.log())
        remote.close()
    server, remote = Server(), Remote(helohost='out.example')
    remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
    remote.reports(1)
    ok(server.hello == [b'EHLO out.example\r\n'],
       'helohost is what EHLO says', server.hello)
    remote.close()
    server.close()


test_shut()
test_death()
test_deaf()
test_signals()
test_bad_jobs()
test_slow_reader()
test_many()
test_limit()
test_few()
test_age()
test_settings()
end()

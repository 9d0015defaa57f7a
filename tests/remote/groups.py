#!/usr/bin/python3
"""MAIL, RCPT and the content by BDAT in one group: the later mails of a
session, where the server takes chunks."""
import os
import random
import socket
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from certificates import Authority  # noqa: E402
from remote_manager import BODY8, DAMAGED, Remote  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from smtp_server import CHUNKS, Server, drop, hang, second  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'
FIRST = b'Subject: first\n\nhi\n'
GROUP_MAX = 16384
D, L, N = 'done', 'later', 'never'
ANSWERS = b'250 ok\r\n250 ok\r\n250 2.6.0 all of it\r\n'
# Nothing is answered before all of the group is there.
HELD = {'words': CHUNKS, 'mail': second([]), 'rcpt': second([]),
        'last': second([ANSWERS])}


def refusing(stage, words, **more):
    return dict({'words': CHUNKS, stage: second([words] + [drop] * (
        words.startswith(b'421')))}, **more)


def once(words):
    """The words, and from then on the ordinary answer."""
    def step(conn):
        if getattr(conn, 'once', False):
            conn.ordinary()
        else:
            conn.once = True
            conn.send(words)
    return step


def dropping(stage):
    return {'words': CHUNKS, stage: second([drop])}


def two(behaviour, rcpts=(b'a@x',), content=TEXT, settings={}, gone=None,
        **facts):
    """A mail, and when it is taken, and gone is set, another one; what became
    of that."""
    server = Server(behaviour)
    remote = Remote(**dict({'timeoutremote': 6}, **settings))
    to = facts.pop('to', b'127.0.0.1')
    remote.send(FIRST, [b'a@x'], route=to, port=server.port)
    first = remote.reports(1)
    assert first and first[0].word == D, (first, remote.log())
    assert not gone or gone.wait(120)
    remote.send(content, list(rcpts), route=to, port=server.port, **facts)
    got = remote.reports(len(rcpts))
    code = remote.close()
    server.close()
    assert code == 0, code
    return got, server


def fates(got):
    return [r.word + ' ' + r.code for r in got]


def kept(server):
    return [bytes(m.kept) for m in server.complete()]


def wire(content):
    return content.replace(b'\n', b'\r\n')


def test_form():
    got, server = two(HELD)
    ok(fates(got) == ['done 2.6.0'] and server.connections == 1 and
       kept(server) == [wire(FIRST), wire(TEXT)],
       'all of the second mail goes out before anything is answered',
       (got, kept(server)))
    text = (b'x' * 63 + b'\n') * (GROUP_MAX // 64)
    got, server = two(HELD, content=text)
    ok(fates(got) == ['done 2.6.0'] and kept(server)[1:] == [wire(text)],
       'so does one of %d bytes' % len(text), got)
    got, server = two(refusing('rcpt', b'550 5.1.1 no\r\n'),
                      content=text + b'\n')
    ok(fates(got) == ['never 5.1.1'] and len(server.messages) == 1,
       'of a larger one nothing leaves for nobody', (got, server.messages))
    got, server = two(HELD, content=b'')
    ok(fates(got) == ['done 2.6.0'] and
       server.messages[1].chunks == [0], 'an empty one is a chunk of 0', got)
    got, server = two(dict(HELD, ehlo=[
        b'250-x\r\n250-CHUNKING\r\n250 PIPELINING\r\n']), flags=BODY8,
        content=b'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8'
        b'\n\n\xc3\xa4\n')
    ok(fates(got) == ['done 2.6.0'] and b'\r\nw6QNCg==' in kept(server)[1],
       'what is converted for want of 8BITMIME goes so too',
       (got, kept(server)))
    got, server = two(dict(HELD, tls=GOOD), settings={
        'tlspolicy': 'localhost:verify', 'tlsca': open(authority.path).read()},
        to=b'localhost', content=text)
    ok(fates(got) == ['done 2.6.0'] and 'TLS' in got[0].host and
       kept(server)[1:] == [wire(text)], 'and over TLS', got)


# what the server does at the second mail, verdict, code, words, mails that
# were taken whole, connections
TABLE = [
    ('refuses MAIL', refusing('mail', b'550 5.7.1 no\r\n'), N, '5.7.1',
     'MAIL: 550', 2, 1),
    ('refuses MAIL for now, and all behind it',
     refusing('mail', b'451 4.7.1 wait\r\n', rcpt=second([b'503 no\r\n']),
              last=second([b'503 5.5.1 no\r\n'])), L, '4.7.1', 'MAIL: 451',
     2, 1),
    ('refuses RCPT', refusing('rcpt', b'550 5.1.1 no\r\n',
                              last=second([b'554 5.5.1 nobody\r\n'])),
     N, '5.1.1', 'RCPT: 550', 2, 1),
    ('refuses the chunk', refusing('last', b'552 5.3.4 big\r\n'), N, '5.3.4',
     'BDAT LAST: 552', 2, 1),
    ('wants no chunk in a group', {'words': CHUNKS, 'last': second([once(
        b'503 5.5.1 no\r\n')])}, D, '2.0.0', '', 3, 1),
    ('refuses it for now', refusing('last', b'452 4.3.1 full\r\n'), L,
     '4.3.1', 'BDAT LAST: 452', 2, 1),
    ('says 421 to MAIL', refusing('mail', b'421 4.3.2 enough\r\n'), D, '2.0.0',
     'taken', 2, 2),
    ('says 421 to RCPT', refusing('rcpt', b'421 4.3.2 bye\r\n'), L, '4.3.2',
     'RCPT: 421', 1, 1),
    ('says 421 to the chunk', refusing('last', b'421 4.3.2 bye\r\n'), L,
     '4.3.2', 'BDAT LAST: 421', 2, 1),
    ('is gone at MAIL', dropping('mail'), L, '4.4.2',
     'may have been delivered', 1, 1),
    ('is gone at RCPT', dropping('rcpt'), L, '4.4.2',
     'may have been delivered', 1, 1),
    ('is gone at the chunk', dropping('last'), L, '4.4.2',
     'may have been delivered', 2, 1),
    ('says no more at MAIL', {'words': CHUNKS, 'mail': second([hang])}, L,
     '4.4.2', 'timed out after MAIL: the message may have been', 1, 1),
    ('says nonsense to MAIL', refusing('mail', b'what\r\n'), L, '4.5.0',
     'may have been delivered', None, 1),
    ('says 354 to MAIL', refusing('mail', b'354 what\r\n'), L, '4.0.0',
     'MAIL: 354', None, 1),
    ('answers once too often', dict(HELD, last=second([b'250 odd\r\n' +
     ANSWERS])), L, '4.5.0', 'spoke out of turn', None, 1),
    ('says 421 between them', {'words': CHUNKS, 'last': [
        b'250 2.0.0 ok\r\n421 4.4.2 idle\r\n', drop]}, D, '2.0.0', '', 2, 2),
    ('says more than it was asked', {'words': CHUNKS, 'last': [
        b'250 2.0.0 ok\r\n250 2.0.0 and the next\r\n']}, D, '2.0.0', '', 2, 2),
]


def test_answers():
    for what, behaviour, word, code, words, whole, connections in TABLE:
        got, server = two(behaviour)
        ok(fates(got) == [word + ' ' + code] and words in got[0].text and
           whole in (None, len(server.complete())) and
           server.connections == connections,
           'one that %s: %s' % (what, word),
           (got, len(server.complete()), server.connections))
    got, server = two({'words': CHUNKS},
                      (b'a@x', b'bad@x', b'later@x', b'b@x'))
    ok(fates(got) == ['done 2.0.0', 'never 5.1.1', 'later 4.2.1',
                      'done 2.0.0'] and len(server.complete()) == 2,
       'four recipients of a group have four fates', got)
    got, server = two({'words': CHUNKS, 'rcptmax': 2},
                      [b'r%d@x' % i for i in range(5)])
    ok(fates(got) == ['done 2.0.0'] * 5 and server.connections == 1 and
       kept(server)[1:] == [wire(TEXT)] * 3,
       'who is too many goes in a next group', (got, kept(server)))


def test_gone():
    gone = threading.Event()

    def leave(conn):
        conn.sock.shutdown(socket.SHUT_RDWR)
        gone.set()
        drop(conn)

    got, server = two({'words': CHUNKS, 'last': [b'250 2.0.0 ok\r\n', leave]},
                      gone=gone)
    ok(fates(got) == ['done 2.0.0'] and server.connections == 2,
       'one that is gone between the mails: done', got)


def test_damaged():
    got, server = two({'words': CHUNKS}, digest=bytes(32))
    ok(fates(got) == ['later 4.3.0'] and got[0].flags == DAMAGED and
       server.mails == [1],
       'of a damaged mail not even MAIL goes out', (got, server.mails))


def test_end():
    """The manager ends while the answer is awaited."""
    there, go = threading.Event(), threading.Event()

    def wait(conn):
        there.set()
        go.wait(120)

    server = Server({'words': CHUNKS, 'mail': second([wait, b'250 ok\r\n'])})
    remote = Remote()
    for i in range(2):
        remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
        if i == 0:
            remote.reports(1)
    there.wait(120)
    remote.shut()
    go.set()
    got = remote.reports(1)
    ok(fates(got) == ['done 2.0.0'],
       'what went is waited for though the manager ends', got)
    ok(remote.close() == 0, 'and the end is 0')
    server.close()


def test_races():
    """Connections that end at any moment: nothing is told to be delivered
    that is not."""
    chance = random.Random(1)

    def end_soon(conn):
        conn.send(b'250 2.0.0 ok\r\n')
        if chance.random() < 0.3:
            time.sleep(chance.random() / 500)
            drop(conn)

    server = Server({'words': CHUNKS, 'last': [end_soon]})
    remote = Remote(concurrencyremote=20)
    mails = {}
    for i in range(400):
        text = b'Subject: %d\n\n' % i + b'y\n' * chance.randrange(4000)
        mails[remote.send(text, [b'a@x'], route=b'127.0.0.1',
                          port=server.port)] = text
    got = remote.reports(400)
    whole = kept(server)
    done = [r for r in got if r.word == D]
    ok(len(got) == 400 and len(done) > 200 and
       all(r.word == D or 'may have been delivered' in r.text for r in got) and
       all(wire(mails[r.number]) in whole for r in done),
       'of 400 mails over connections that end all are told of, and who is '
       'told to be delivered is (%d)' % len(done),
       [r for r in got if r.word != D][:5])
    ok(remote.close() == 0, 'and the end is 0')
    server.close()


folder = tempfile.TemporaryDirectory(prefix='godwit-groups.')
authority = Authority(folder.name)
GOOD, _ = authority.issue('localhost')
test_form()
test_answers()
test_gone()
test_damaged()
test_end()
test_races()
end()

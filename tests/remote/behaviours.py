#!/usr/bin/python3
"""What becomes of a mail, by what the server does."""
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from remote_manager import BODY8, SITE_DOWN, SMTPUTF8, Remote  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from smtp_server import BEHAVIOURS, Server, both, dead_port  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'
D, L, N = 'done', 'later', 'never'

# behaviour, verdict, code, words that must be in the text, messages that
# must have reached the server whole
TABLE = [
    ('normal', D, '2.0.0', '250 2.0.0 taken', 1),
    ('no-pipelining', D, '2.0.0', 'taken', 1),
    ('no-extensions', D, '2.0.0', 'taken', 1),
    ('no-8bitmime', D, '2.0.0', 'taken', 1),
    ('lower-case-words', D, '2.0.0', 'taken', 1),
    ('code-alone', D, '2.0.0', '250', 1),
    ('helo-only', D, '2.0.0', 'taken', 1),
    ('helo-refused', L, '4.0.0', 'HELO: 501 no', 0),
    ('many-lines', D, '2.0.0', 'taken', 1),
    ('greeting-554', L, '4.7.1', '554 5.7.1 not you', 0),
    ('greeting-421', L, '4.3.2', '421 4.3.2 busy', 0),
    ('greeting-drop', L, '4.4.2', 'lost at the greeting', 0),
    ('greeting-reset', L, '4.4.2', 'lost at the greeting', 0),
    ('greeting-garbage', L, '4.5.0', 'unreadable answer', 0),
    ('greeting-hang', L, '4.4.2', 'timed out at the greeting', 0),
    ('greeting-trickle', L, '4.4.2', 'timed out', 0),
    ('greeting-endless-lines', L, '4.5.0', 'unreadable', 0),
    ('greeting-endless-line', L, '4.5.0', 'unreadable', 0),
    ('greeting-binary', L, '4.5.0', 'unreadable', 0),
    ('greeting-multiline', D, '2.0.0', 'taken', 1),
    ('greeting-bare-lf', L, '4.5.0', 'unreadable', 0),
    ('ehlo-421', L, '4.0.0', 'EHLO: 421 closing', 0),
    ('ehlo-451', L, '4.0.0', 'EHLO: 451 not now', 0),
    ('ehlo-drop', L, '4.4.2', 'lost after EHLO', 0),
    ('ehlo-codes-differ', L, '4.5.0', 'unreadable', 0),
    ('ehlo-hang', L, '4.4.2', 'timed out after EHLO', 0),
    ('ahead-354', L, '4.5.0', 'out of turn', 0),
    ('ahead-bdat', L, '4.5.0', 'out of turn', 0),
    ('mail-451', L, '4.7.1', 'MAIL: 451 4.7.1 slow down', 0),
    ('mail-550', N, '5.7.1', 'MAIL: 550 5.7.1 sender refused', 0),
    ('mail-421', L, '4.3.2', 'MAIL: 421', 0),
    ('mail-354', L, '4.0.0', 'MAIL: 354', 0),
    ('mail-drop', L, '4.4.2', 'lost after MAIL', 0),
    ('mail-hang', L, '4.4.2', 'timed out after MAIL', 0),
    ('mail-451-then-503', L, '4.7.1', 'greylisted', 0),
    ('rcpt-550', N, '5.1.1', '550 5.1.1 no such user 5.1.1 sorry', 0),
    ('rcpt-451', L, '4.2.1', 'greylisted', None),
    ('rcpt-451-data-354', L, '4.2.1', 'greylisted', None),
    ('rcpt-421', L, '4.0.0', 'RCPT: 421 too many', 0),
    ('rcpt-354', L, '4.0.0', 'RCPT: 354', 0),
    ('rcpt-drop', L, '4.4.2', 'lost after RCPT', 0),
    ('rcpt-garbage', L, '4.5.0', 'unreadable answer after RCPT', 0),
    ('rcpt-100', L, '4.5.0', 'unreadable answer after RCPT', 0),
    ('data-451', L, '4.3.1', 'DATA: 451', 0),
    ('data-554', N, '5.7.1', 'DATA: 554', 0),
    ('data-250', L, '4.0.0', 'DATA: 250', 0),
    ('data-drop', L, '4.4.2', 'lost after DATA', 0),
    ('data-hang', L, '4.4.2', 'timed out after DATA', 0),
    ('data-421', L, '4.0.0', 'DATA: 421', 0),
    ('early-250', L, '4.5.0', 'out of turn', 0),
    ('early-554', L, None, '', 0),
    ('content-drop', L, '4.4.2', 'lost', 0),
    ('dot-451', L, '4.3.0', 'final dot: 451', 1),
    ('dot-554', N, '5.6.0', 'final dot: 554 5.6.0 spam', 1),
    ('dot-354', L, '4.0.0', 'final dot: 354', 1),
    ('dot-421', L, '4.3.2', 'final dot: 421', 1),
    ('dot-drop', L, '4.4.2', 'may have been delivered', 1),
    ('dot-reset', L, '4.4.2', 'may have been delivered', 1),
    ('dot-garbage', L, '4.5.0', 'may have been delivered', 1),
    ('dot-half', L, '4.4.2', 'may have been delivered', 1),
    ('dot-hang', L, '4.4.2', 'timed out after the final dot', 1),
    ('dot-endless-lines', L, '4.5.0', 'may have been delivered', 1),
    ('dot-250-then-421', D, '2.0.0', '250 2.0.0 ok', 1),
    ('dot-nul', D, '2.0.0', '250 2.0.0 o?k ??[1m', 1),
    ('dot-wrong-class', N, '5.0.0', '554 2.0.0 odd', 1),
    ('bdat', D, '2.0.0', 'taken', 1),
    ('bdat-no-pipelining', D, '2.0.0', 'taken', 1),
    ('rcpt-early', L, '4.5.0', 'out of turn', 0),
    ('last-451', L, '4.3.0', 'BDAT LAST: 451', 1),
    ('last-554', N, '5.6.0', 'BDAT LAST: 554 5.6.0 spam', 1),
    ('last-421', L, '4.3.2', 'BDAT LAST: 421', 1),
    ('last-drop', L, '4.4.2', 'may have been delivered', 1),
    ('last-hang', L, '4.4.2', 'timed out after the last chunk', 1),
    ('last-garbage', L, '4.5.0', 'may have been delivered', 1),
]

# The same for a message of many chunks.
CHUNKS = [
    ('bdat', D, '2.0.0', 'taken', 1),
    ('bdat-no-pipelining', D, '2.0.0', 'taken', 1),
    ('bdat-slow', D, '2.0.0', 'taken', 1),
    ('bdat-451', L, '4.3.1', 'BDAT: 451 4.3.1 no room', None),
    ('bdat-552', N, '5.3.4', 'BDAT: 552 5.3.4 too big', None),
    ('bdat-552-last-250', None, None, '', None),
    ('bdat-421', L, '4.3.2', 'BDAT: 421', 0),
    ('bdat-354', L, '4.0.0', 'BDAT: 354', 0),
    ('bdat-drop', L, '4.4.2', 'lost', 0),
    ('bdat-hang', L, '4.4.2', 'timed out', None),
    ('bdat-twice', L, None, '', 0),
    ('last-drop', L, '4.4.2', 'may have been delivered', 1),
]


def test_one_rcpt(table, text, size):
    """All at once, in one process: none holds up another."""
    remote = Remote(timeoutremote=10, remotekeep=0)
    jobs = {}
    for row in table:
        server = Server(row[0])
        n = remote.send(text, [b'bob@example.org'], route=b'127.0.0.1',
                        port=server.port)
        jobs[n] = row, server
    # Who has met the last one knows that the others are connected.
    met = threading.Event()
    last = Server({'ehlo': [lambda conn: met.set(), b'250 fake\r\n']})
    remote.send(text, [b'bob@example.org'], route=b'127.0.0.1', port=last.port)
    met.wait(120)
    for _, server in jobs.values():
        server.go.set()
    reports = {r.number: r for r in remote.reports(len(jobs) + 1)}
    last.close()
    for n, (row, server) in jobs.items():
        name, word, code, text, messages = row
        r = reports.get(n)
        good = r and word in (None, r.word) and text in r.text and \
            code in (None, r.code) and r.flags == 0 and \
            r.host == '127.0.0.1[127.0.0.1]:%d' % server.port
        if messages is not None:
            good = good and len(server.complete()) == messages
        if word is None:
            good = good and r.word != 'done'
        ok(good, '%s message, a server that does "%s": %s %s' %
           (size, name, word or 'not done', code or ''),
           '%r messages=%d' % (r, len(server.complete())))
        server.close()
    ok(remote.close() == 0, 'it ends with 0 after all of that')


def one(behaviour, rcpts, **facts):
    server, remote = Server(behaviour), Remote(timeoutremote=60)
    remote.send(facts.pop('content', TEXT), rcpts, route=b'127.0.0.1',
                port=server.port, **facts)
    reports = remote.reports(len(rcpts))
    remote.close()
    server.close()
    return [r.word + ' ' + r.code for r in reports], server


def test_several_rcpts():
    got, server = one('normal', [b'a@x', b'bad@x', b'later@x', b'b@x'])
    ok(got == ['done 2.0.0', 'never 5.1.1', 'later 4.2.1', 'done 2.0.0'] and
       len(server.complete()) == 1,
       'four recipients have four fates in one transaction', got)
    got, server = one('no-pipelining', [b'a@x', b'bad@x', b'later@x', b'b@x'])
    ok(got == ['done 2.0.0', 'never 5.1.1', 'later 4.2.1', 'done 2.0.0'],
       'and the same without PIPELINING', got)
    got, _ = one('data-503-after-451', [b'a@x', b'b@x'])
    ok(got == ['later 4.5.1', 'later 4.2.1'],
       '503 to DATA after a 4yz bounces nobody', got)
    got, _ = one('rcpt-second-421', [b'a@x', b'b@x', b'c@x'])
    ok(got == ['later 4.0.0'] * 3,
       '421 in the middle is LATER for all recipients', got)
    got, server = one('normal', [b'r%d@x' % i for i in range(100)])
    ok(got == ['done 2.0.0'] * 100 and server.connections == 1,
       'a hundred recipients go in one transaction', got)


def test_fit():
    got, server = one('normal', [b'a@x'], content=b'\n\xe4\n', flags=BODY8)
    ok(got == ['done 2.0.0'] and
       b' BODY=8BITMIME' in server.messages[0].commands[0] and
       server.messages[0].kept == b'\r\n\xe4\r\n',
       '8-bit text is declared and sent unchanged', got)
    got, _ = one('no-smtputf8', [b'a@x'], flags=SMTPUTF8)
    ok(got == ['never 5.6.7'], 'SMTPUTF8 mail needs a server with it', got)
    got, _ = one('size-1000', [b'a@x'], content=b'x\n' * 501)
    ok(got == ['never 5.3.4'], 'a message over SIZE is not sent', got)
    got, server = one('size-1000', [b'a@x'], content=b'x\n' * 500)
    ok(got == ['done 2.0.0'] and
       b' SIZE=1000' in server.messages[0].commands[0],
       'a message of just that size is', got)
    got, server = one('normal', [b'a@x>\r\nRCPT TO:<c@x', b'b@x'])
    ok(got == ['never 5.1.3', 'done 2.0.0'] and
       server.messages[0].commands[1:] == [b'RCPT TO:<b@x>\r\n', b'DATA\r\n'],
       'no address breaks out of its command', got)
    got, server = one('normal', [b'a@x'], sender=b'a@b\nDATA')
    ok(got == ['never 5.1.7'] and server.connections == 0,
       'nor does a sender', got)
    got, server = one('normal', [b'a@x'], sender=b'', ret=2, envid=b'e1',
                      notify=6, orcpt=b'rfc822;o@x')
    ok(server.messages[0].commands[:2] ==
       [b'MAIL FROM:<> SIZE=21 RET=HDRS ENVID=e1\r\n',
        b'RCPT TO:<a@x> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@x\r\n'],
       'what was asked by DSN is passed on (RFC 3461)',
       server.messages[0].commands)


def test_limits():
    """RFC 9422, and RFC 5321 4.5.3.1.10 for who does not tell them."""
    people = [b'r%d@x' % i for i in range(10)]
    mixed = [b'a@x', b'bad@x', b'b@x', b'later@x', b'c@x']
    fates = ['done 2.0.0', 'never 5.1.1', 'done 2.0.0', 'later 4.2.1',
             'done 2.0.0']

    def named(server):
        return [sum(c.startswith(b'RCPT') for c in m.commands)
                for m in server.messages]

    for chunks in (b'', b'250-CHUNKING\r\n'):
        how = 'by BDAT' if chunks else 'by DATA'
        got, server = one({'words': chunks + b'250-LIMITS RCPTMAX=3\r\n'},
                          people)
        ok(got == ['done 2.0.0'] * 10 and server.connections == 1 and
           named(server) == [3, 3, 3, 1],
           'with RCPTMAX=3 ten recipients go in four transactions, ' + how,
           (got, named(server)))
        got, server = one({'words': chunks, 'rcptmax': 4}, people)
        ok(got == ['done 2.0.0'] * 10 and server.connections == 1 and
           [len(m.kept) for m in server.messages] == [24] * 3,
           'who gets 452 "too many" goes in a next transaction, ' + how,
           (got, server.messages))
        got, server = one({'words': chunks + b'250-LIMITS RCPTMAX=2\r\n'},
                          mixed)
        ok(got == fates, 'each of them with a fate of his own, ' + how, got)
    got, server = one({'words': b'250-LIMITS RCPTMAX=3 MAILMAX=2\r\n'},
                      people)
    ok(got == ['done 2.0.0'] * 10 and server.mails == [1, 1, 2, 2],
       'with MAILMAX=2 a connection carries two transactions',
       (got, server.mails))
    got, server = one({'words': b'250-LIMITS RCPTDOMAINMAX=1\r\n'},
                      [b'a@x', b'b@y', b'c@X', b'd@z'])
    ok(got == ['done 2.0.0'] * 4 and server.mails == [1, 2, 3],
       'with RCPTDOMAINMAX=1 it carries one domain', (got, server.mails))
    got, server = one({'words': b'250-LIMITS MAILMAX=0 RCPTMAX RCPTMAX=x '
                       b'FOO=1 RCPTMAX=99999999999999999999999\r\n'}, people)
    ok(got == ['done 2.0.0'] * 10 and server.mails == [1],
       'limits without sense are none', (got, server.mails))
    for words, want in (
            (b'452 4.2.2 over quota', ['done 2.0.0'] + ['later 4.2.2'] * 2),
            (b'552 5.2.2 over quota', ['done 2.0.0'] + ['never 5.2.2'] * 2),
            (b'452 no', ['done 2.0.0'] * 3),
            (b'552 5.5.3 too many', ['done 2.0.0'] * 3)):
        got, server = one({'rcpt': at_a_time(words)}, people[:3])
        ok(got == want, '"%s" to the second: %s' % (words.decode(), want[1]),
           got)
    got, server = one({'rcpt': [b'552 5.5.3 too many\r\n']}, people[:2])
    ok(got == ['later 4.5.3'] * 2 and not server.complete(),
       'where not one is taken, "too many" is LATER', got)


def at_a_time(words):
    """One recipient is taken in each transaction."""
    def step(conn):
        if sum(c.startswith(b'RCPT') for c in conn.commands) > 1:
            conn.send(words + b'\r\n')
        else:
            conn.ordinary()
    return [step]


def test_reuse():
    server, remote = Server('normal'), Remote()
    for i in range(5):
        remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
        got = remote.reports(1)
        if i == 3:
            remote.send(TEXT, [b'bad@x', b'a@x'], route=b'127.0.0.1',
                        port=server.port)
            remote.reports(2)
    ok(server.connections == 1 and len(server.complete()) == 6 and
       got[0].word == D,
       'mails that follow one another use one connection', server.connections)
    ok(remote.close() == 0 and server.connections == 1,
       'an idle connection does not hold up the end')
    server.close()
    for name in ('second-mail-drop', 'second-mail-421', 'idle-drop',
                 'idle-421'):
        server, remote = Server(name), Remote()
        words = []
        for i in range(3):
            remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
            words += [r.word for r in remote.reports(1)]
        ok(words == [D] * 3 and server.connections >= 2,
           'a kept connection that does "%s" is replaced, unnoticed' % name,
           words)
        remote.close()
        server.close()
    server, remote = Server('rset-500'), Remote()
    words = []
    for rcpt in (b'bad@x', b'a@x'):
        remote.send(TEXT, [rcpt], route=b'127.0.0.1', port=server.port)
        words += [r.word for r in remote.reports(1)]
    ok(words == [N, D] and server.connections == 2,
       'a server that refuses RSET gets a new connection', words)
    remote.close()
    server.close()
    server, remote = Server('normal'), Remote(remotekeep=0)
    for i in range(2):
        remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
        remote.reports(1)
    ok(server.connections == 2, 'with remotekeep 0 none is kept')
    remote.close()
    server.close()


def test_addresses():
    remote = Remote()
    port = dead_port()
    remote.send(TEXT, [b'a@x', b'b@x'], route=b'127.0.0.1', port=port)
    got = remote.reports(2)
    ok([(r.word, r.code, r.flags) for r in got] ==
       [(L, '4.4.1', SITE_DOWN)] * 2,
       'a host that refuses the connection makes the site down', got)
    remote.send(TEXT, [b'a@x'], route=b'nowhere.invalid', port=25)
    got = remote.reports(1)
    ok(got[0].word == L and got[0].flags == SITE_DOWN,
       'a route whose name is unknown is LATER', got)
    try:
        six = Server('normal', '::1')
    except OSError:
        six = None
    for route in (b'::1', b'[::1]', b'[IPv6:::1]'):
        if six:
            remote.send(TEXT, [b'a@x'], route=route, port=six.port)
            got = remote.reports(1)
            ok(got[0].word == D and '[::1]:' in got[0].host,
               'a route may be %s' % route.decode(), got)
    if six:
        six.close()
    server = Server('normal')
    for facts in ({'route': b'[127.0.0.1]'}, {'route': b'localhost'},
                  {'site': b'[127.0.0.1]'}):
        remote.send(TEXT, [b'a@x'], port=server.port, **facts)
        got = remote.reports(1)
        ok(got[0].word == D, 'mail goes to %r' % facts, got)
    server.close()
    try:
        good, bad = both('normal', '::1', 'greeting-554')
    except OSError:
        bad = None
    if bad:
        remote.send(TEXT, [b'a@x'], route=b'localhost', port=bad.port)
        got = remote.reports(1)
        ok(got[0].word == D,
           'a host that greets with 5yz is passed over for the next', got)
        bad.close()
        good.close()
    remote.close()


assert {row[0] for row in TABLE + CHUNKS} <= set(BEHAVIOURS)
test_one_rcpt(TABLE, TEXT, 'a small')
test_one_rcpt(CHUNKS, TEXT * 30000, 'a large')
test_several_rcpts()
test_fit()
test_limits()
test_reuse()
test_addresses()
end()

#!/usr/bin/python3
"""Where mail without a route goes: MX by RFC 5321 5.1, null MX RFC 7505."""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from dns_server import DnsServer  # noqa: E402
from remote_manager import SITE_DOWN, Remote  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from smtp_server import Server, both, dead_port  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'
LO, OTHER = '127.0.0.1', '127.0.0.9'
D, L, N = 'done', 'later', 'never'
TABLE = {
    ('plain.example', 'MX'): [(10, 'mx.example')],
    ('mx.example', 'A'): [LO],
    ('nowhere.example', 'A'): [OTHER],
    ('two.example', 'MX'): [(20, 'mx.example'), (10, 'nowhere.example')],
    ('implicit.example', 'A'): [LO],
    ('null.example', 'MX'): [(0, '.')],
    ('fails.example', 'MX'): 'SERVFAIL',
    ('nothing.example', 'TXT'): [],
    ('own.example', 'MX'): [(10, 'client.example'), (20, 'mx.example')],
    ('backup.example', 'MX'): [(10, 'mx.example'), (20, 'client.example'),
                            (30, 'nowhere.example')],
    ('gone.example', 'MX'): [(10, 'no-such-host.example')],
    ('half.example', 'MX'): [(10, 'broken.example'), (20, 'mx.example')],
    ('broken.example', 'A'): 'SERVFAIL',
    ('broken.example', 'AAAA'): 'SERVFAIL',
    ('alone.example', 'MX'): [(10, 'broken.example')],
    ('alias.example', 'CNAME'): ['plain.example'],
    ('hostalias.example', 'MX'): [(10, 'mxalias.example')],
    ('mxalias.example', 'CNAME'): ['mx.example'],
    ('implicitfails.example', 'A'): 'SERVFAIL',
    ('xn--bcher-kva.example', 'MX'): [(10, 'mx.example')],
    ('localhost-mx.example', 'MX'): [(10, 'localhost'), (20, 'mx.example')],
}

# domain, verdict, code, host
CASES = [
    ('plain.example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('PLAIN.Example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('two.example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('implicit.example', D, '2.0.0', 'implicit.example[127.0.0.1]'),
    ('alias.example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('hostalias.example', D, '2.0.0', 'mxalias.example[127.0.0.1]'),
    ('half.example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('backup.example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('null.example', N, '5.1.10', ''),
    ('missing.example', N, '5.1.2', ''),
    ('nothing.example', N, '5.4.4', ''),
    ('fails.example', L, '4.4.3', ''),
    ('own.example', L, '4.4.6', ''),
    ('gone.example', L, '4.4.4', ''),
    ('alone.example', L, '4.4.3', ''),
    ('implicitfails.example', L, '4.4.3', ''),
    ('b\xc3\xbccher.example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('xn--bcher-kva.example', D, '2.0.0', 'mx.example[127.0.0.1]'),
    ('b\xc3\xb6se.example', N, '5.1.2', ''),
    ('\xe2\x90\x80.example', L, '4.4.4', ''),
    ('localhost-mx.example', L, '4.4.6', ''),
]


def test_cases():
    dns, server = DnsServer(TABLE), Server()
    remote = Remote(me='client.example', resolver='127.0.0.1@%d' % dns.port,
                    remotekeep=0)
    for domain, word, code, host in CASES:
        site = domain.encode('latin-1')
        remote.send(TEXT, [b'a@' + site], site=site, port=server.port)
        got = remote.reports(1)
        r = got[0] if got else None
        ok(r and (r.word, r.code) == (word, code) and
           r.host == (host and '%s:%d' % (host, server.port)),
           'mail to %s: %s %s %s' % (domain.encode('ascii', 'replace')
                                     .decode(), word, code, host), r)
    n = len([q for q in dns.asked if q == ('nowhere.example', 'A')])
    ok(n >= 1, 'the better host of two was looked up and tried first', n)
    ok(remote.close() == 0, 'it ends with 0')
    server.close()
    dns.close()


def test_silence():
    dns = DnsServer({('silent.example', 'MX'): 'SILENCE'})
    remote = Remote(resolver='127.0.0.1@%d' % dns.port)
    for _ in range(3):
        remote.send(TEXT, [b'a@silent.example'], site=b'silent.example')
    stop = time.monotonic() + 120
    while ('silent.example', 'MX') not in dns.asked and \
            time.monotonic() < stop:
        time.sleep(0.01)
    remote.shut()
    got = remote.reports(3)
    ok([r.code for r in got] == ['4.3.2'] * 3 and remote.end() == 0,
       'a lookup that hangs does not hold up the end', got)
    remote.close()
    dns.close()


def test_deadline():
    dns = DnsServer({('silent.example', 'MX'): 'SILENCE',
                     ('half.example', 'MX'): [(10, 'mute.example'),
                                              (20, 'mx.example')],
                     ('mute.example', 'A'): 'SILENCE',
                     ('mx.example', 'A'): [LO]})
    server = Server()
    remote = Remote(resolver='127.0.0.1@%d' % dns.port, timeoutdns=4)
    for site in (b'silent.example', b'half.example'):
        remote.send(TEXT, [b'a@' + site], site=site, port=server.port)
    got = remote.reports(2)
    ok([(r.word, r.code) for r in got] == [(L, '4.4.3'), (D, '2.0.0')] and
       'timed out' in got[0].text,
       'a lookup without an answer ends at timeoutdns, and is later', got)
    ok(remote.close() == 0, 'and the program ends well', remote)
    server.close()
    dns.close()


def test_remembered():
    """A host that cannot be reached costs the first mail alone."""
    table = dict(TABLE)
    table['both.example', 'MX'] = [(10, 'dual.example')]
    table['dual.example', 'AAAA'] = ['::1']
    table['dual.example', 'A'] = [LO]
    dns, server = DnsServer(table), Server()
    for site in (b'two.example', b'both.example'):
        remote = Remote(resolver='127.0.0.1@%d' % dns.port, remotekeep=0)
        lines = []
        for _ in range(3):
            remote.send(TEXT, [b'a@' + site], site=site, port=server.port)
            got = remote.reports(1)
            ok(got and got[0].word == D, 'mail goes to the one that lives',
               got)
            lines.append(remote.log().count('session-failed'))
        ok(lines == [1, 1, 1],
           'the dead one of %s is tried once' % site.decode(), lines)
        remote.close()
    server.close()
    dns.close()


def test_source():
    """A sender without a source for a family says nothing of its hosts."""
    table = dict(TABLE)
    table['both.example', 'MX'] = [(10, 'dual.example')]
    table['dual.example', 'AAAA'] = ['::1']
    table['dual.example', 'A'] = [LO]
    dns = DnsServer(table)
    server, six = both('normal', '::1', 'normal')
    remote = Remote(resolver='127.0.0.1@%d' % dns.port, remotekeep=0,
                    bindroutes='four.example:127.0.0.1')
    hosts = []
    for sender in (b'a@four.example', b'a@six.example'):
        remote.send(TEXT, [b'a@both.example'], site=b'both.example',
                    port=server.port, sender=sender)
        hosts += [r.host.split('[')[1] for r in remote.reports(1)]
    ok([h.split(']')[0] for h in hosts] == [LO, '::1'],
       'who has no IPv6 source leaves IPv6 first for the others', hosts)
    remote.close()
    six.close()
    server.close()
    dns.close()


def test_down():
    dns = DnsServer(TABLE)
    port = dead_port()
    remote = Remote(resolver='127.0.0.1@%d' % dns.port)
    remote.send(TEXT, [b'a@two.example'], site=b'two.example', port=port)
    got = remote.reports(1)
    ok(got and (got[0].word, got[0].code, got[0].flags) ==
       (L, '4.4.1', SITE_DOWN), 'no host of the site: the site is down', got)
    remote.close()
    dns.close()


test_cases()
test_silence()
test_deadline()
test_remembered()
test_source()
test_down()
end()

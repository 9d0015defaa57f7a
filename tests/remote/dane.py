#!/usr/bin/python3
"""DANE (RFC 7672) against zones that are really signed, by nsd."""
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from certificates import Authority  # noqa: E402
from remote_manager import REQUIRETLS, Remote  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from signed_zone import (BOGUS, INSECURE, SERVFAIL, Zone, Zones,  # noqa: E402
                         missing)
from smtp_server import Server  # noqa: E402

if missing():
    print('1..0 # SKIP without %s (packages nsd, ldnsutils)' %
          ' '.join(missing()))
    sys.exit(0)

TEXT = b'Subject: test\n\nhello\n'
TOP = 'dane.example'
D, L, N = 'done', 'later', 'never'
folder = tempfile.TemporaryDirectory(prefix='godwit-dane.')
authority = Authority(folder.name)


def chain(name):
    """The authority's certificate for name, and its own behind it."""
    authority.issue(name)
    path = os.path.join(folder.name, name)
    with open(path + '.chain', 'wb') as f:
        for part in (path + '.pem', authority.path):
            with open(part, 'rb') as p:
                f.write(p.read())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path + '.chain', path + '.key')
    return context


def der(path):
    """A certificate, and its key alone."""
    with open(path) as f:
        text = f.read()
    pem = subprocess.run(['openssl', 'x509', '-pubkey', '-noout', '-in', path],
                         check=True, capture_output=True).stdout
    key = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'],
                         input=pem, check=True, capture_output=True).stdout
    return ssl.PEM_cert_to_DER_cert(text[text.index('-----BEGIN'):]), key


def tlsa(usage, selector, matching, path):
    data = der(path)[selector]
    if matching:
        data = (hashlib.sha256, hashlib.sha512)[matching - 1](data).digest()
    return 'TLSA %d %d %d %s' % (usage, selector, matching, data.hex())


# Out of date, for nobody here, by nobody known: only DANE-EE takes it.
ODD = authority.issue('elsewhere.invalid', expired=True)[0]
ODD_PEM = os.path.join(folder.name, 'elsewhere.invalid-old.pem')
CA = authority.path
servers = {
    'odd': Server({'tls': ODD}),
    'chain': Server({'tls': chain('ta.' + TOP)}),
    'clear': Server({}),
    'offers': Server({'tls': ODD, 'words': b'250-REQUIRETLS\r\n'}),
}
FALSE = 'TLSA 3 1 1 ' + '00' * 32
KINDS = [(3, s, m) for s in (0, 1) for m in (0, 1, 2)] + \
    [(2, s, m) for s in (0, 1) for m in (0, 1, 2)]
BAD = {'usage0': 'TLSA 0 0 1 ' + '00' * 32, 'usage1': 'TLSA 1 1 1 ' + '0' * 64,
       'selector': 'TLSA 3 2 1 ' + '00' * 32, 'matching': 'TLSA 3 1 9 0000',
       'short': 'TLSA 3 1 1 ' + '00' * 31, 'garbage': 'TLSA 3 0 0 3082ffff'}


class Records:
    """Text of a zone.  host: its address, its records at each server's
    port; site: a domain whose mail hosts are given, best first."""

    def __init__(self):
        self.lines = ['ns A 127.0.0.1']

    def add(self, *lines):
        self.lines.extend(lines)

    def tlsa(self, name, *records):
        for server in servers.values():
            for r in records:
                self.add('_%d._tcp.%s %s' % (server.port, name, r))

    def host(self, name, *records, address='A 127.0.0.1'):
        self.add('%s %s' % (name, address))
        self.tlsa(name, *records)

    def site(self, name, *hosts):
        for i, h in enumerate(hosts):
            self.add('%s MX %d %s' % (name, 10 + i, h))

    def both(self, name, *records):
        self.host('mx-' + name, *records)
        self.site(name, 'mx-' + name)

    def text(self):
        return '\n'.join(self.lines) + '\n'


def signed():
    r = Records()
    good = tlsa(3, 1, 1, ODD_PEM)
    for u, s, m in KINDS:
        path = ODD_PEM if u == 3 else CA
        # The certificate for the chain is for ta: as host, as destination.
        r.host('mx%d%d%d' % (u, s, m), tlsa(u, s, m, path))
        r.site('k%d%d%d' % (u, s, m), 'mx%d%d%d' % (u, s, m))
    r.host('ta', tlsa(2, 0, 1, CA))
    r.site('ta', 'mx201')
    r.site('tahost', 'ta')
    r.both('false', FALSE)
    r.both('several', FALSE, BAD['usage0'], good)
    r.host('mx-elsewhere', good, address='A 127.0.0.2')
    r.site('choice', 'mx-elsewhere', 'mx-several')
    r.site('doubt', 'mx-mute', 'mx-elsewhere')
    r.both('many', good, *('TLSA 3 1 1 %064x' % i for i in range(90)))
    r.site('second', 'mx-false', 'mx-several')
    r.both('empty')
    r.both('secondary', 'TXT "here"')
    for name, record in BAD.items():
        r.both('bad-' + name, record)
    r.both('bad-all', *BAD.values())
    r.host('alone', good)
    r.add('alias CNAME several', 'aliasta CNAME ta')
    r.add('mx-alias CNAME mx-several', 'mx-alias2 CNAME mx-empty',
          'mx-alias3 CNAME mx-several', 'mx-alias4 CNAME mx-empty',
          'mx-out CNAME mx.open.%s.' % TOP, 'mx-out2 CNAME mx.open.%s.' % TOP)
    r.tlsa('mx-alias2', good)
    r.tlsa('mx-alias3', FALSE)
    r.tlsa('mx-alias4', FALSE)
    r.tlsa('mx-out', good)
    r.tlsa('mx-out2', FALSE)
    for name in ('alias', 'alias2', 'alias3', 'alias4', 'out', 'out2'):
        r.site('behind-' + name, 'mx-' + name)
    r.both('led')
    r.tlsa('mx-led', 'CNAME record.open.%s.' % TOP)
    r.site('null', '.')
    r.site('away', 'mx.open.%s.' % TOP)
    r.site('broken', 'mx.bogus.%s.' % TOP)
    r.site('halfbroken', 'mx.bogus.%s.' % TOP, 'mx-several')
    r.site('lost', 'mx.lost.%s.' % TOP)
    r.host('mx-mute')
    r.site('mute', 'mx-mute')
    r.site('halfmute', 'mx-mute', 'mx-several')
    r.both('spoilt', 'TLSA 3 1 1 ' + 'aa' * 32)
    r.host('mx-six', good)
    r.add('mx-six AAAA ::1')
    r.site('six', 'mx-six')
    r.site('own', 'client', 'mx-several')
    r.add('better MX 5 mx-several', 'better MX 10 client',
          'better MX 10 mx-false')
    r.site('none', 'nothing')
    r.add('u MX 10 xn--bcher-kva')
    r.host('xn--bcher-kva', good)
    return r.text()


def unsigned():
    """Nothing here is proven, so what stands in TLSA counts for nothing."""
    r = Records()
    r.both('false', FALSE)
    r.host('mx', FALSE)
    r.add('record ' + FALSE)
    r.site('toproven', 'mx-false.%s.' % TOP)
    return r.text()


mute = {'_tcp.mx-mute.' + TOP: Zone('', SERVFAIL)}
zones = Zones(folder.name, {
    TOP: Zone(signed(), spoil=('a' * 64, 'b' * 64)),
    'open.' + TOP: Zone(unsigned(), INSECURE),
    'bogus.' + TOP: Zone(unsigned(), BOGUS),
    'lost.' + TOP: Zone('', SERVFAIL), **mute})
SETTINGS = {'me': 'client.' + TOP, 'resolver': '127.0.0.1@%d' % zones.port,
            'trustanchor': zones.anchor, 'remotekeep': 0, 'timeoutdns': 20}
remotes = {}


def remote_for(policy):
    if policy not in remotes:
        remotes[policy] = Remote(tlspolicy=':' + policy, **SETTINGS)
    return remotes[policy]


def send(policy, domain, server, route=b'', **facts):
    """(word, code, how); how is the end of the host where it is done."""
    server = servers[server]
    before = len(server.messages)
    remote = remote_for(policy)
    remote.send(TEXT, [b'a@x'], site=domain.encode(), port=server.port,
                route=route, **facts)
    got = remote.reports(1)
    if not got:
        return 'no report', remote.log(), ''
    r, taken = got[0], len(server.messages) - before
    if taken != (r.word == D):
        return 'wrong', '%d messages taken' % taken, r
    secure = '/TLSv1' in r.host
    how = r.host.rpartition('/')[2] if secure else 'clear'
    return r.word, r.code, how if r.word == D else r.text


def check(policy, domain, server, want, name):
    if not domain.endswith('.') and domain != TOP:
        domain = '%s.%s' % (domain, TOP)
    got = send(policy, domain.rstrip('.'), server)
    good = got[0] == want if want in (L, N) else \
        got[0] == D and got[2] == want if want in HOW else got[1] == want and \
        got[0] == (N if want[0] == '5' else L)
    ok(good, '%s, a server %s: %s' % (name, WORDS[server], want), got)


HOW = ('dane', 'verified', 'unverified', 'clear')
WORDS = {'odd': 'with a certificate of its own', 'clear': 'without TLS',
         'chain': 'with a chain'}

# domain, server, what becomes of it, in which words
TABLE = [
    ('several', 'odd', 'dane', 'one record of several fits'),
    ('false', 'odd', '4.7.5', 'no record fits'),
    ('false', 'clear', '4.7.4', 'there is a record'),
    ('several', 'clear', '4.7.4', 'there are records'),
    ('many', 'odd', 'dane', 'more records than UDP carries'),
    ('second', 'odd', 'dane', 'the second host has a record that fits'),
    ('ta', 'chain', 'dane', 'DANE-TA, a certificate for the destination'),
    ('tahost', 'chain', 'dane', 'DANE-TA, a certificate for the host'),
    ('aliasta', 'chain', 'dane',
     'DANE-TA, a certificate for what the destination is an alias of'),
    ('k201', 'chain', '4.7.5', 'DANE-TA, a certificate for somebody else'),
    ('tahost', 'odd', '4.7.5', 'DANE-TA, a certificate out of date'),
    ('empty', 'odd', 'unverified', 'no record'),
    ('empty', 'clear', 'clear', 'no record'),
    ('secondary', 'clear', 'clear', 'records of another type'),
    ('bad-all', 'odd', 'unverified', 'records of which none can be used'),
    ('bad-all', 'clear', '4.7.4', 'records of which none can be used'),
    ('alone', 'odd', 'dane', 'no MX, the domain is its own host'),
    ('alias', 'odd', 'dane', 'the destination is an alias'),
    ('behind-alias', 'odd', 'dane', 'the host is an alias, records at its end'),
    ('behind-alias2', 'odd', 'dane', 'the host is an alias, records at it'),
    ('behind-alias3', 'odd', 'dane',
     'the host is an alias, other records at both, those at its end count'),
    ('behind-alias4', 'odd', '4.7.5', 'the host is an alias, a false record'),
    ('behind-out', 'odd', 'dane', 'the host is a proven alias to what is not'),
    ('behind-out2', 'odd', '4.7.5', 'the same with a false record'),
    ('false.open', 'odd', 'unverified', 'a domain without DNSSEC'),
    ('false.open', 'clear', 'clear', 'a domain without DNSSEC'),
    ('toproven.open', 'odd', 'unverified', 'MX records that are not proven'),
    ('away', 'odd', 'unverified', 'the host is in a zone without DNSSEC'),
    ('away', 'clear', 'clear', 'the host is in a zone without DNSSEC'),
    ('led', 'odd', 'unverified', 'a record that is not proven'),
    ('led', 'clear', 'clear', 'a record that is not proven'),
    ('false.bogus', 'odd', '4.4.3', 'a domain that is proven wrong'),
    ('false.bogus', 'clear', '4.4.3', 'a domain that is proven wrong'),
    ('broken', 'odd', '4.4.3', 'the host is in a zone that is proven wrong'),
    ('halfbroken', 'odd', 'dane', 'the same, and there is another host'),
    ('spoilt', 'odd', '4.4.3', 'a record that is proven wrong'),
    ('spoilt', 'clear', '4.4.3', 'a record that is proven wrong'),
    ('false.lost', 'odd', '4.4.3', 'the domain is SERVFAIL'),
    ('lost', 'odd', '4.4.3', 'the host is SERVFAIL'),
    ('mute', 'odd', '4.4.3', 'the record is SERVFAIL'),
    ('mute', 'clear', '4.4.3', 'the record is SERVFAIL'),
    ('halfmute', 'odd', 'dane', 'the same, and there is another host'),
    ('null', 'odd', '5.1.10', 'a null MX'),
    ('missing', 'odd', '5.1.2', 'NXDOMAIN'),
    ('none', 'odd', '4.4.4', 'the host does not exist'),
    ('six', 'odd', 'dane', 'a host with a dead IPv6 address'),
    ('own', 'odd', '4.4.6', 'we are the best host'),
    ('better', 'odd', 'dane', 'a host better than we are'),
    ('u', 'odd', 'dane', 'a host with an A-label'),
]


def test_table():
    for u, s, m in KINDS:
        if u == 3:
            check('dane', 'k%d%d%d' % (u, s, m), 'odd', 'dane',
                  'a record %d %d %d' % (u, s, m))
        else:
            # Named in the certificate as the host of a route is.
            check('dane', 'mx%d%d%d' % (u, s, m), 'chain', '4.7.5',
                  'a record %d %d %d, another name' % (u, s, m))
    for name in BAD:
        check('dane', 'bad-' + name, 'odd', 'unverified',
              'a record that cannot be used (%s)' % name)
        check('dane', 'bad-' + name, 'clear', '4.7.4',
              'a record that cannot be used (%s)' % name)
    for domain, server, want, name in TABLE:
        check('dane', domain, server, want, name)


def test_only():
    for domain, server, want, name in (
            ('several', 'odd', 'dane', 'a record that fits'),
            ('false', 'odd', '4.7.5', 'one that does not'),
            ('empty', 'odd', '4.7.4', 'none'),
            ('bad-all', 'odd', '4.7.4', 'none that can be used'),
            ('away', 'odd', '4.7.4', 'a host in a zone without DNSSEC'),
            ('false.open', 'odd', '4.7.4', 'a domain without DNSSEC')):
        check('dane-only', domain, server, want, 'dane-only, ' + name)


def test_others():
    """What would become of it if nobody looked at the records."""
    for policy, want in (('may', 'unverified'), ('encrypt', 'unverified')):
        check(policy, 'false', 'odd', want, '%s, a false record' % policy)
    check('may', 'mute', 'clear', 'clear', 'may, a record SERVFAIL')
    check('may', 'false.bogus', 'odd', '4.4.3', 'may, what is proven wrong')


def test_routes():
    for policy, host, server, want in (
            ('dane', 'alone', 'odd', (D, 'dane')),
            ('dane', 'mx-false', 'odd', (L, '4.7.5')),
            ('dane', 'mx-false', 'clear', (L, '4.7.4')),
            ('dane', 'mx-empty', 'clear', (D, 'clear')),
            ('dane', 'mx-mute', 'odd', (L, '4.4.3')),
            ('dane', 'nothing', 'odd', (L, '4.4.4')),
            ('dane', '127.0.0.1', 'odd', (D, 'unverified')),
            ('dane-only', 'alone', 'odd', (D, 'dane')),
            ('dane-only', 'mx-empty', 'odd', (L, '4.7.4')),
            ('dane-only', '127.0.0.1', 'odd', (L, '4.7.4'))):
        name = host if host[0].isdigit() else '%s.%s' % (host, TOP)
        got = send(policy, 'x.example', server, route=name.encode())
        ok((got[0], got[2] if got[0] == D else got[1]) == want,
           '%s to the route %s, a server %s: %s %s' %
           ((policy, host, WORDS[server]) + want), got)


def test_requiretls():
    """RFC 8689: the hosts are known for sure, and who they are."""
    for domain, server, want in (
            ('several.' + TOP, 'offers', (D, 'dane')),
            ('several.' + TOP, 'odd', (N, '5.7.30')),
            ('false.' + TOP, 'offers', (L, '4.7.5')),
            ('empty.' + TOP, 'offers', (N, '5.7.30')),
            ('bad-all.' + TOP, 'offers', (N, '5.7.30')),
            ('false.open.' + TOP, 'offers', (N, '5.7.30')),
            ('mute.' + TOP, 'offers', (L, '4.4.3')),
            ('[127.0.0.1]', 'offers', (N, '5.7.30'))):
        got = send('may', domain, server, flags=REQUIRETLS)
        ok((got[0], got[2] if got[0] == D else got[1]) == want,
           'REQUIRETLS to %s, a server %s: %s %s' %
           ((domain, WORDS.get(server, 'that offers it')) + want), got)
    ok(b' REQUIRETLS' in servers['offers'].messages[0].commands[0],
       'and it is passed on', servers['offers'].messages)
    without = Server({'tls': ODD}, '127.0.0.2', servers['offers'].port)
    got = send('may', 'choice.' + TOP, 'offers', flags=REQUIRETLS)
    ok(got[0] == D and without.connections == 1,
       'a host that does not offer it is passed over for one that does', got)
    got = send('may', 'doubt.' + TOP, 'offers', flags=REQUIRETLS)
    ok(got[:2] == (L, '4.4.3') and without.connections == 2,
       'and is no reason to refuse while another is not known', got)
    without.close()


def test_handshake():
    """What is named, and that a session is resumed with the same records."""
    seen = []
    ODD.sni_callback = lambda s, name, c: seen.append(name)
    send('dane', 'behind-alias.' + TOP, 'odd')
    send('dane', 'behind-alias2.' + TOP, 'odd')
    ODD.sni_callback = None
    ok(seen == ['mx-several.' + TOP, 'mx-alias2.' + TOP],
       'the handshake names what the records stand below (RFC 7672 8.1)', seen)
    server, before = servers['odd'], servers['odd'].resumed
    got = [send('dane', 'alone.' + TOP, 'odd') for _ in range(3)]
    ok(server.resumed >= before + 2 and all(g[2] == 'dane' for g in got),
       'a resumed session is as good', (server.resumed, got))


def test_settings():
    changes = (
        ({'trustanchor': ''}, 'an anchor', 'no anchor'),
        ({'trustanchor': 'nonsense'}, 'trustanchor', 'one that is no record'),
    )
    for change, word, name in changes:
        remote = Remote(tlspolicy=':dane', **{**SETTINGS, **change})
        ok(remote.end() == 111 and word in remote.log(),
           'with dane and %s it does not start, and says why' % name,
           remote.log())
        remote.close()
    settings = {k: v for k, v in SETTINGS.items() if k != 'trustanchor'}
    remote = Remote(tlspolicy=':dane', **settings)
    there = os.path.exists('/usr/share/dns/root.key')
    if there:
        remote.send(TEXT, [b'a@x'], site=b'several.' + TOP.encode())
        got = remote.reports(1)
        good = got and got[0].code == '4.4.3' and remote.close() == 0
    else:
        good = remote.end() == 111 and 'dns-root-data' in remote.log()
        remote.close()
    ok(good, 'without a trustanchor the root\'s of the system counts' if there
       else 'without a trustanchor and one of the system it does not start')
    remotes['other'] = Remote(tlspolicy=':dane', **{
        **SETTINGS, 'trustanchor': TOP + '. IN DS 1 13 2 ' + '12' * 32})
    got = send('other', 'several.' + TOP, 'odd')
    ok(got[:2] == (L, '4.4.3') and 'DNSSEC' in got[2],
       'with the anchor of somebody else everything is proven wrong',
       got)


socket.setdefaulttimeout(120)
try:
    test_table()
    test_only()
    test_others()
    test_routes()
    test_requiretls()
    test_handshake()
    test_settings()
    codes = {name: remotes.pop(name).close() for name in list(remotes)}
    ok(set(codes.values()) == {0}, 'it ends with 0', codes)
finally:
    for r in remotes.values():
        r.close()
    zones.close()
    for s in servers.values():
        s.close()
    shutil.rmtree(folder.name, ignore_errors=True)
end()

#!/usr/bin/python3
"""TLS by STARTTLS: what each policy does with each kind of server."""
import asyncio
import errno
import hashlib
import os
import socket
import ssl
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from certificates import Authority  # noqa: E402
from remote_manager import REQUIRETLS, Remote  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from smtp_server import Server, drop, hang  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'
folder = tempfile.TemporaryDirectory(prefix='godwit-tls.')
authority = Authority(folder.name)
GOOD, good_der = authority.issue('localhost')
WRONG, _ = authority.issue('elsewhere.example')
OLD, _ = authority.issue('localhost', expired=True)
OWN, own_der = authority.issue('localhost', own=True)


def print_of(der):
    return hashlib.sha256(der).hexdigest()


def settings(policy):
    with open(authority.path) as f:
        return {'tlspolicy': policy, 'tlsca': f.read(), 'timeoutremote': 10}


def send(policy, behaviour, **facts):
    server, remote = Server(behaviour), Remote(**settings(policy))
    remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port, **facts)
    got = remote.reports(1)
    log = remote.log()
    code = remote.close()
    server.close()
    assert code == 0, log
    return got[0], server, log


def cut(conn):
    """Ends the connection in the middle of the handshake."""
    conn.send(b'220 go on\r\n')
    conn.sock.recv(10)
    drop(conn)


def alert(conn):
    conn.send(b'220 go on\r\n')
    conn.sock.recv(10)
    conn.send(b'\x15\x03\x03\0\2\2\x28')
    hang(conn)


def inject(conn):
    """What somebody between puts behind the answer in clear."""
    conn.send(b'220 go on\r\n250-injected\r\n250 SMTPUTF8\r\n')
    conn.secure()


SERVERS = {
    'offers no STARTTLS': {},
    'refuses STARTTLS with 454': {'tls': GOOD,
                                  'starttls': [b'454 4.7.0 not now\r\n']},
    'refuses STARTTLS with 501': {'tls': GOOD, 'starttls': [b'501 no\r\n']},
    'answers 220 and speaks no TLS': {
        'tls': GOOD, 'starttls': [cut]},
    'sends an alert': {'tls': GOOD, 'starttls': [alert]},
    'never answers the handshake': {
        'tls': GOOD, 'starttls': [b'220 go on\r\n', hang]},
    'drops the connection at STARTTLS': {'tls': GOOD, 'starttls': [drop]},
    'has a good certificate': {'tls': GOOD},
    'has a certificate for another name': {'tls': WRONG},
    'has an expired certificate': {'tls': OLD},
    'has a certificate of its own': {'tls': OWN},
}
FALLBACK = list(SERVERS)[:7]
CLEAR, TLS, PROVEN = 'clear', 'unverified', 'verified'

# How a mail goes, or the code of LATER.
TABLE = []
for _name in SERVERS:
    TABLE.append((':none', _name, CLEAR))
    TABLE.append((':may', _name,
                  CLEAR if _name in FALLBACK else
                  PROVEN if 'good' in _name else TLS))
    failure = '4.7.4' if 'offers' in _name or 'refuses' in _name else \
        '4.4.2' if 'drops' in _name or 'never' in _name or \
        'no TLS' in _name else '4.7.5'
    TABLE.append(('localhost:encrypt', _name,
                  failure if _name in FALLBACK else
                  PROVEN if 'good' in _name else TLS))
    TABLE.append(('localhost:verify', _name,
                  failure if _name in FALLBACK else
                  PROVEN if 'good' in _name else '4.7.5'))
    TABLE.append(('localhost:fingerprint:' + print_of(good_der), _name,
                  failure if _name in FALLBACK else
                  PROVEN if 'good' in _name else '4.7.5'))


def how(report, server):
    if report.word != 'done':
        return report.code if report.word == 'later' and \
            not server.complete() else 'wrong'
    if '/TLSv1.' not in report.host:
        return CLEAR
    return report.host.rpartition('/')[2]


def test_table():
    for policy, name, want in TABLE:
        report, server, _ = send(policy, SERVERS[name])
        ok(how(report, server) == want,
           'policy %s, a server that %s: %s' %
           (policy.split(':')[1], name, want), report)


def test_details():
    own = {'tls': OWN}
    report, _, _ = send('localhost:fingerprint:%s, %s' %
                        (print_of(good_der), print_of(own_der).upper()), own)
    ok(report.word == 'done' and report.host.endswith('/verified'),
       'one of several fingerprints will do, whoever issued it', report)
    report, _, _ = send('localhost:verify:a.example,elsewhere.example',
                        {'tls': WRONG})
    ok(report.word == 'done', 'verify takes the names that are given', report)
    report, _, _ = send('localhost:verify:elsewhere.example', {'tls': GOOD})
    ok(report.code == '4.7.5', 'and those alone', report)
    report, server, _ = send(':may', {'tls': GOOD, 'starttls': [inject]})
    ok(report.word == 'done' and server.messages[0].commands[0] ==
       b'MAIL FROM:<ann@example.net> SIZE=21\r\n' and
       '/verified' in report.host,
       'what comes in clear behind the answer to STARTTLS is thrown away',
       (report, server.messages[0].commands))
    seen = []
    GOOD.sni_callback = lambda s, name, c: seen.append(name)
    send(':may', {'tls': GOOD})
    GOOD.sni_callback = None
    ok(seen == ['localhost'], 'the host is named in the handshake (SNI)',
       seen)
    report, server, log = send(':may', SERVERS['sends an alert'])
    ok('session-failed' in log and 'TLS: ' in log,
       'that TLS failed and clear was taken is logged', log)


def test_resumed():
    server = Server({'tls': GOOD})
    remote = Remote(remotekeep=0, **settings('localhost:verify'))
    for _ in range(3):
        remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
        got = remote.reports(1)
    ok(server.connections == 3 and server.resumed == 2 and
       got[0].host.endswith('/verified'),
       'a later connection resumes the session, and it is as good',
       (server.resumed, got))
    remote.close()
    server.close()


def test_idle():
    """What TLS says by itself asks nothing of a session that waits."""
    told, left = threading.Event(), threading.Event()

    def half_a_record(conn):
        told.wait(120)
        os.write(conn.sock.fileno(), b'\x17\x03\x03')

    server = Server({'tls': GOOD,
                     'dot': [b'250 2.0.0 taken\r\n', half_a_record],
                     'quit': [lambda conn: left.set(), drop]})
    remote = Remote(remotekeep=1, **settings(':may'))
    remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
    remote.reports(1)
    told.set()
    good = left.wait(120)
    code = remote.close()
    server.close()
    ok(good and code == 0,
       'half a record of TLS on an idle session does no harm', code)


def test_requiretls():
    report, _, _ = send(':may', {'tls': GOOD}, flags=REQUIRETLS)
    ok((report.word, report.code) == ('never', '5.7.30'),
       'REQUIRETLS needs a server that offers it (RFC 8689)', report)
    words = {'words': b'250-REQUIRETLS\r\n'}
    report, server, _ = send(':may', {'tls': GOOD, **words}, flags=REQUIRETLS)
    ok(report.word == 'done' and
       b' REQUIRETLS' in server.messages[0].commands[0],
       'it is passed on over TLS with a server that is known', report)
    for name, context in (('offered in clear', {}),
                          ('of a stranger', {'tls': WRONG})):
        report, server, _ = send(':none', {**context, **words},
                                 flags=REQUIRETLS)
        ok(report.word == 'later' and not server.messages,
           'and not if it is %s' % name, report)


def test_implicit():
    """Port 465 is for those who may take it."""
    try:
        server = Server({'tls': GOOD, 'implicit': True}, '127.0.0.1', 465)
    except OSError:
        print('# port 465 is not for us')
        return
    for policy, context in ((':none', WRONG), (':may', WRONG),
                            (':verify', GOOD), (':verify', WRONG)):
        server.behaviour['tls'] = context
        remote = Remote(**settings(policy))
        remote.send(TEXT, [b'a@x'], route=b'localhost', port=465)
        got = remote.reports(1)
        good = context is GOOD or policy != ':verify'
        ok(got[0].word == ('done' if good else 'later') and
           ('/TLSv1' in got[0].host) == good and
           got[0].code in ('2.0.0', '4.7.5'),
           'port 465 speaks TLS first, policy %s' % policy[1:], got)
        remote.close()
    server.close()
    server = Server({'tls': GOOD}, '127.0.0.1', 465)
    remote = Remote(**settings(':may'))
    remote.send(TEXT, [b'a@x'], route=b'localhost', port=465)
    got = remote.reports(1)
    ok(got[0].word == 'later' and not server.messages,
       'and is never spoken to in clear', got)
    remote.close()
    server.close()


def test_large():
    server = Server({'tls': GOOD})
    remote = Remote(**settings(':encrypt'))
    body = os.urandom(3 << 20).hex().encode()
    content = b'\n'.join(body[i:i + 64] for i in range(0, len(body), 64))
    for _ in range(3):
        remote.send(content, [b'a@x'], route=b'localhost', port=server.port)
        got = remote.reports(1)
    want = hashlib.sha256(content.replace(b'\n', b'\r\n') + b'\r\n').digest()
    ok(server.connections == 1 and
       [m.hash.digest() for m in server.complete()] == [want] * 3,
       'three messages of 6 MB arrive exactly over one connection', got)
    remote.close()
    server.close()


def test_aiosmtpd():
    try:
        from aiosmtpd.smtp import SMTP
    except ImportError:
        print('# no aiosmtpd here')
        return
    found = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            found.append((session.ssl is not None, envelope.content))
            return '250 2.0.0 OK'

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(
        lambda: SMTP(Handler(), tls_context=GOOD, require_starttls=True,
                     loop=loop), '127.0.0.1', 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    remote = Remote(**settings('localhost:verify'))
    remote.send(TEXT, [b'a@x'], route=b'localhost',
                port=server.sockets[0].getsockname()[1])
    got = remote.reports(1)
    ok(got and got[0].word == 'done' and
       found == [(True, TEXT.replace(b'\n', b'\r\n'))],
       'aiosmtpd takes mail over TLS', (got, found))
    remote.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


def text_of(name):
    with open(os.path.join(folder.name, name)) as f:
        return f.read()


def test_certificate():
    """Our own, for a server that asks (RFC 8446 4.3.2)."""
    authority.issue('client.example')
    authority.issue('client.example', own=True)
    asking, _ = authority.issue('localhost')
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(authority.path)
    names = []
    for own in (None, 'client.example', 'client.example-own'):
        server = Server({'tls': asking})
        facts = settings('localhost:verify')
        if own:
            facts.update(tlscert=text_of(own + '.pem'),
                         tlskey=text_of(own + '.key'))
        remote = Remote({'tlskey': 0o400}, **facts)
        remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
        got = remote.reports(1)[0]
        names.append((got.word, server.certificates and
                      server.certificates[0]['subject'][0][0][1]))
        ok(remote.close() == 0, 'it ends with 0')
        server.close()
    ok(names == [('later', []), ('done', 'client.example'), ('later', [])],
       'who we are is shown by tlscert, and nothing without it', names)
    good = {'tlscert': text_of('client.example.pem'),
            'tlskey': text_of('client.example.key')}
    for why, mode, facts in (
            ('with a tlskey that others may read', 0o440, {}),
            ('with one for another tlscert', 0o400,
             {'tlskey': text_of('client.example-own.key')}),
            ('without one', 0o400, {'tlskey': None}),
            ('with a tlscert that is none', 0o400, {'tlscert': 'x'})):
        facts = {k: v for k, v in dict(good, **facts).items() if v}
        remote = Remote({'tlskey': mode}, **facts)
        ok(remote.end() == 111 and 'setting=tls' in remote.log() and
           'PRIVATE' not in remote.log(), 'it does not start ' + why,
           remote.log())
        remote.close()


def test_settings():
    for line in ('x', 'a:maybe', 'a:fingerprint', 'a:fingerprint:12',
                 'a:verify:b c', 'a:encrypt:x', 'a:dane:x'):
        remote = Remote(tlspolicy='b:may\n' + line)
        ok(remote.end() == 111 and 'tlspolicy' in remote.log() and
           'line=2' in remote.log(),
           'with tlspolicy "%s" it does not start, and says why' % line,
           remote.log())
        remote.close()
    for name in ('tlsca', 'tlscert'):
        remote = Remote({'tlskey': 0o400}, links={name: name}, tlskey='x')
        ok(remote.end() == 111 and 'setting=%s why=' % name in remote.log() and
           os.strerror(errno.ELOOP) in remote.log(),
           'with a %s that cannot be reached it does not start, and says why' %
           name, remote.log())
        remote.close()
    remote = Remote(tlsca='no certificate')
    ok(remote.end() == 111 and 'tlsca' in remote.log(),
       'nor with a tlsca without certificates', remote.log())
    remote.close()


socket.setdefaulttimeout(120)
test_table()
test_details()
test_resumed()
test_idle()
test_requiretls()
test_implicit()
test_large()
test_aiosmtpd()
test_certificate()
test_settings()
folder.cleanup()
end()

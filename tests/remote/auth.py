#!/usr/bin/python3
"""AUTH to a relay: each mechanism, and nobody's mail fails by it."""
import asyncio
import os
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
import sasl_server  # noqa: E402
from certificates import Authority  # noqa: E402
from remote_manager import Remote  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from smtp_server import Server, drop, hang  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'
USER, SECRET = b'ann', b's:e cret'
folder = tempfile.TemporaryDirectory(prefix='godwit-auth.')
authority = Authority(folder.name)
GOOD, _ = authority.issue('localhost')
WRONG, _ = authority.issue('elsewhere.example')


def remote_of(auth, policy='localhost:verify', mode=0o600):
    with open(authority.path) as f:
        return Remote({'smtpauth': mode}, smtpauth=auth, tlspolicy=policy,
                      tlsca=f.read(), timeoutremote=10)


def server_of(words, **more):
    return Server({'tls': GOOD, 'users': {USER: SECRET},
                   'words': b'250-AUTH ' + words + b'\r\n', **more})


def send(server, auth='localhost:ann:s:e cret', **more):
    remote = remote_of(auth, **more)
    remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
    got = remote.reports(1)
    log = remote.log()
    code = remote.close()
    server.close()
    assert code == 0, log
    assert 's:e cret' not in log, log
    return got[0]


def test_mechanisms():
    for name in sasl_server.MECHANISMS:
        server = server_of(b'X-ODD ' + name)
        report = send(server)
        ok(report.word == 'done' and
           server.auths[0].split()[1] == name and len(server.auths) == 1,
           'AUTH %s goes' % name.decode(), (report, server.auths))
        server = server_of(name)
        report = send(server, 'localhost:ann:wrong')
        ok((report.word, report.code) == ('later', '4.7.8') and
           not server.messages,
           'a wrong secret by %s is LATER' % name.decode(), report)
    server = server_of(b'LOGIN PLAIN SCRAM-SHA-1 CRAM-MD5 SCRAM-SHA-256')
    send(server)
    ok(server.auths[0].startswith(b'AUTH SCRAM-SHA-256 '),
       'of several mechanisms the best is taken', server.auths)


def test_failures():
    table = [
        ('a mechanism nobody knows', b'X-ODD', {}, '4.7.0'),
        ('4yz', b'PLAIN', {'auth': [b'454 4.7.0 not now\r\n']}, '4.7.0'),
        ('5yz', b'PLAIN', {'auth': [b'535 5.7.8 no\r\n']}, '4.7.8'),
        ('a challenge without sense', b'CRAM-MD5',
         {'auth': [b'334 %%%\r\n', hang]}, '4.7.0'),
        ('challenges without end', b'LOGIN',
         {'auth': [b'334 VXNlcg==\r\n',
                   lambda conn: conn.file.readline()] * 50 + [hang]}, '4.7.0'),
        ('challenges before our answer', b'LOGIN',
         {'auth': [b'334 VXNlcg==\r\n' * 50, hang]}, '4.5.0'),
        ('the end of the connection', b'PLAIN', {'auth': [drop]}, '4.4.2'),
        ('no answer', b'PLAIN', {'auth': [hang]}, '4.4.2'),
    ]
    for name, words, more, code in table:
        server = server_of(words, **more)
        report = send(server)
        ok((report.word, report.code) == ('later', code) and
           not server.messages, 'AUTH met by %s is LATER' % name, report)
    good = sasl_server.MECHANISMS[b'SCRAM-SHA-256']
    sasl_server.MECHANISMS[b'SCRAM-SHA-256'] = sasl_server.scram('sha256',
                                                                 True)
    server = server_of(b'SCRAM-SHA-256')
    report = send(server)
    sasl_server.MECHANISMS[b'SCRAM-SHA-256'] = good
    ok((report.word, report.code) == ('later', '4.7.0') and
       'prove' in report.text,
       'a server that does not know the secret is found out', report)


def test_tls():
    for policy in (':may', 'localhost:encrypt', 'other:none'):
        server = Server({'users': {USER: SECRET},
                         'words': b'250-AUTH PLAIN\r\n'})
        report = send(server, policy=policy)
        ok((report.word, report.code) == ('later', '4.7.4') and
           not server.auths, 'with policy "%s" no secret goes in clear' %
           policy, report)
    server = Server({'users': {USER: SECRET}, 'words': b'250-AUTH PLAIN\r\n'})
    report = send(server, policy='localhost:none')
    ok(report.word == 'done', 'with none it does', report)
    server = server_of(b'PLAIN', tls=WRONG)
    report = send(server, policy='other:none')
    ok((report.word, report.code) == ('later', '4.7.5') and not server.auths,
       'without a line no secret goes to a stranger', report)


def test_tokens():
    token = b'ya29.' + b'aB3-' * 20
    other = b'ya29.' + b'Zz9_' * 600
    for name, (_, answer) in sasl_server.TOKENS.items():
        server = server_of(b'PLAIN ' + name, users={USER: token})
        with open(authority.path) as f:
            remote = Remote(smtptoken='localhost:ann:relay', tlsca=f.read(),
                            tokens={'relay': token.decode() + '\n'},
                            timeoutremote=10, remotekeep=0)

        def go():
            remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
            return remote.reports(1)[0]

        report = go()
        ok(report.word == 'done' and server.auths[0].startswith(
            b'AUTH ' + name + b' '), 'a token goes by %s' % name.decode(),
            (report, server.auths))
        server.behaviour['users'] = {USER: other}
        report = go()
        ok((report.word, report.code) == ('later', '4.7.8') and
           server.refusals[-1] == answer,
           'one that is refused is LATER, with the code of the relay',
           (report, server.refusals))
        remote.put_token('relay', other.decode() + '\n')
        report = go()
        ok(report.word == 'done' and server.auths[-1] == b'AUTH ' + name +
           b'\r\n', 'a new token is used at once, a long one behind a '
           'challenge (RFC 4954 4)', (report, server.auths))
        count = len(server.auths)
        remote.put_token('relay', other.decode(), 0o644)
        report = go()
        ok((report.word, report.code) == ('later', '4.7.0') and
           'others may read' in report.text, 'not one that all may read',
           report)
        os.unlink(os.path.join(remote.tokens, 'relay'))
        report = go()
        ok((report.word, report.code) == ('later', '4.7.0') and
           len(server.auths) == count, 'without a token nothing is said',
           report)
        log = remote.log()
        ok(remote.close() == 0 and 'ya29' not in log,
           'no token is in the log', log)
        server.close()
    server = server_of(b'PLAIN XOAUTH2', users={USER: token},
                       auth=[b'334 e30=\r\n', lambda conn: conn.file.readline(),
                             b'235 2.7.0 welcome\r\n'])
    remote = Remote(smtptoken='localhost:ann:relay', timeoutremote=10,
                    tlspolicy='localhost:encrypt',
                    tokens={'relay': token.decode()})
    remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
    report = remote.reports(1)[0]
    ok((report.word, report.code) == ('later', '4.7.0'),
       'who asks for more and is content makes no sense', report)
    remote.close()
    server.close()
    for text, tokens in (('localhost:ann', {}), ('localhost:ann:../me', {}),
                         ('localhost:ann:.x', {}), ('localhost:ann:x', None)):
        remote = Remote(smtptoken=text, tokens=tokens)
        ok(remote.end() == 111 and 'smtptoken' in remote.log(),
           'it does not start with smtptoken "%s"%s' % (
               text, '' if tokens == {} else ' and no folder'), remote.log())
        remote.close()


def test_lines():
    server = server_of(b'PLAIN')
    port = server.port
    report = send(server, 'other:x:y\nLOCALHOST:%d:ann:s:e cret' % port)
    ok(report.word == 'done', 'a line may name the port', report)
    server = server_of(b'PLAIN')
    report = send(server, 'localhost:1:ann:s:e cret')
    ok(not server.auths, 'one for another port is not used', report)
    server = Server({'tls': GOOD})
    report = send(server, 'localhost:1:ann:s:e cret')
    ok(report.word == 'done' and not server.auths,
       'a relay without a line gets the mail without AUTH', report)


def test_settings():
    for mode in (0o640, 0o604, 0o620):
        remote = remote_of('localhost:ann:s', mode=mode)
        ok(remote.end() == 111 and 'smtpauth' in remote.log() and
           'others' in remote.log(),
           'with smtpauth of mode %o it does not start' % mode, remote.log())
        remote.close()
    for line in ('localhost', 'localhost:ann', 'localhost:ann:', '::x'):
        remote = remote_of('a:b:c\n' + line)
        ok(remote.end() == 111 and 'line=2' in remote.log(),
           'nor with the line "%s"' % line, remote.log())
        remote.close()


def test_aiosmtpd():
    try:
        from aiosmtpd.smtp import SMTP, AuthResult
    except ImportError:
        print('# no aiosmtpd here')
        return
    found = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            found.append(session.auth_data)
            return '250 2.0.0 OK'

    def allow(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (USER, SECRET)
        return AuthResult(success=good, auth_data=mechanism)

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(
        lambda: SMTP(Handler(), tls_context=GOOD, require_starttls=True,
                     auth_required=True, authenticator=allow, loop=loop),
        '127.0.0.1', 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    remote = remote_of('localhost:ann:s:e cret')
    remote.send(TEXT, [b'a@x'], route=b'localhost',
                port=server.sockets[0].getsockname()[1])
    got = remote.reports(1)
    ok(got and got[0].word == 'done' and found == ['PLAIN'],
       'aiosmtpd knows us', (got, found))
    remote.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


test_mechanisms()
test_failures()
test_tls()
test_tokens()
test_lines()
test_settings()
test_aiosmtpd()
folder.cleanup()
end()

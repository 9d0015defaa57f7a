#!/usr/bin/python3
"""What SMTP cannot carry arrives converted: another mail reader's parser sees
what was meant."""
import email
import email.message
import email.policy
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from remote_manager import (BARE_CR, BODY8, DAMAGED, HEADER8,  # noqa: E402
                            LONG_LINE, NUL, Remote)
from remote_tap import end, ok  # noqa: E402
from smtp_server import Server  # noqa: E402

HEAD = b'From: a@x\nSubject: test\n'
MIME = HEAD + b'MIME-Version: 1.0\n'
PARTS = MIME + b'Content-Type: multipart/mixed; boundary="=_b"\n\n'
CARRIED = 998


def facts(content):
    """The flags that the queue would set."""
    head, _, body = content.partition(b'\n\n')
    flags = 0
    if any(b > 127 for b in head):
        flags |= HEADER8
    if any(b > 127 for b in body):
        flags |= BODY8
    if b'\0' in content:
        flags |= NUL
    if b'\r' in content.replace(b'\r\n', b'\n'):
        flags |= BARE_CR
    if any(len(line) > CARRIED for line in content.split(b'\n')):
        flags |= LONG_LINE
    return flags


def send(content, behaviour='no-8bitmime', **more):
    """The report, and what arrived, without its dots; None if nothing."""
    server, remote = Server(behaviour), Remote(timeoutremote=60)
    remote.send(content, [b'a@x'], route=b'127.0.0.1', port=server.port,
                flags=facts(content), **more)
    got = remote.reports(1)
    remote.close()
    server.close()
    if not server.complete():
        return got[0], None, server
    wire = bytes(server.complete()[0].kept)
    lines = wire.split(b'\r\n')
    arrived = b'\n'.join(x[1:] if x.startswith(b'.') else x for x in lines)
    return got[0], arrived, server


def carried(arrived, eight=False):
    return all(len(x) <= CARRIED for x in arrived.split(b'\n')) and \
        b'\0' not in arrived and b'\r' not in arrived and \
        (eight or all(b < 128 for b in arrived))


def leaves(content):
    """Type and decoded bytes of each leaf; a text's line ends are LF."""
    found = []
    for part in email.message_from_bytes(content).walk():
        if part.is_multipart():
            continue
        data = part.get_payload(decode=True)
        if part.get_content_maintype() == 'text':
            data = data.replace(b'\r\n', b'\n')
        found.append((part.get_content_type(), data))
    return found


BINARY = bytes(range(256)) * 500
MESSAGES = [
    ('with a progress bar', HEAD + b'\n' + b'%d%%\r' * 50 + b'done\n'),
    ('with a long line of HTML', MIME + b'Content-Type: text/html\n\n' +
     b'<td class="x">a=b</td>' * 5000 + b'\n.\n'),
    ('of UTF-8', HEAD + '\n\u00fcber alles: plain words\n'.encode() * 20),
    ('of Chinese', HEAD + '\n\u4e2d\u6587\u4e2d\u6587\n'.encode() * 9000),
    ('of NULs', HEAD + b'\n' + b'a\0b\n' * 30000),
    ('of all bytes', MIME + b'Content-Type: application/x\n'
     b'Content-Transfer-Encoding: binary\n\n' + BINARY),
    ('of parts', PARTS + b'--=_b\n\nplain\n\n--=_b\n'
     b'Content-Type: text/html; charset=utf-8\n'
     b'Content-Transfer-Encoding: 8bit\n\n' + '\u00e4<br>'.encode() * 2000 +
     b'\n--=_b\nContent-Type: application/x\n\n' + BINARY +
     b'\n--=_b--\n'),
    ('of parts within parts', PARTS +
     b'--=_b\nContent-Type: multipart/alternative; boundary=i\n\n'
     b'--i\n\none\n--i\nContent-Type: text/html\n\n' + b'<b>' * 900 +
     b'\n--i--\n\n--=_b\nContent-Type: message/rfc822\n\n'
     b'Subject: inner\n\n\xe4\xf6\n--=_b--\n'),
    ('with base64 on one line', PARTS + b'--=_b\nContent-Type: image/x\n'
     b'Content-Transfer-Encoding: base64\n\n' + b'QUJD' * 30000 +
     b'\n--=_b--\n'),
    ('with quoted-printable on one line', MIME +
     b'Content-Type: text/plain; charset=utf-8\n'
     b'Content-Transfer-Encoding: quoted-printable\n\n' +
     b'=C3=BCber ' * 9000 + b'\n'),
    ('with a long header line', HEAD + b'To: ' +
     b', '.join(b'user%d@example.org' % i for i in range(300)) +
     b'\n\nhello\n'),
]


def test_converted():
    for name, content in MESSAGES:
        report, arrived, server = send(content)
        ok(report.word == 'done' and arrived and carried(arrived),
           'a message %s is sent in a form that any server takes' % name,
           '%r %r' % (report, arrived and arrived[:500]))
        # A text's CR is one however it came; the rest is equal.
        want, got = leaves(content), leaves(arrived or b'')
        ok(got == want, 'its reader sees the same parts',
           '%r\n%r' % ([(t, d[-80:]) for t, d in got],
                       [(t, d[-80:]) for t, d in want]))
        head = email.message_from_bytes(arrived or b'')
        ok(head['Subject'] == 'test' and head['MIME-Version'] == '1.0' and
           not head.defects, 'and a sound header', head.items())
        ok(b'SIZE=' not in server.messages[0].commands[0] and
           b'BODY=' not in server.messages[0].commands[0],
           'no size or body type is promised')


def test_unchanged():
    for name, content in MESSAGES:
        if facts(content) != BODY8:
            continue
        report, arrived, _ = send(content, 'normal')
        ok(report.word == 'done' and arrived == content,
           'with 8BITMIME a message %s is not touched' % name)
    content = MIME + b'Content-Type: text/plain\n\nhello=\n'
    report, arrived, _ = send(content)
    ok(arrived == content, 'nor is plain text by any server')


def test_charset():
    _, arrived, _ = send(HEAD + '\n\u00fc\n'.encode())
    m = email.message_from_bytes(arrived)
    ok(m.get_content_charset() == 'utf-8',
       'UTF-8 that nobody named is named', m.items())
    _, arrived, _ = send(HEAD + b'\n\xfc\n')
    m = email.message_from_bytes(arrived)
    ok(m.get_content_charset() == 'unknown-8bit',
       'other bytes are called unknown', m.items())


def test_refused():
    signed = MIME + b'Content-Type: multipart/signed; boundary=b\n\n--b\n\n'
    for name, content in (
            ('a header line that cannot be folded',
             HEAD + b'X: ' + b'x' * 999 + b'\n\nhello\n'),
            ('8-bit text under a signature', signed + b'\xe4\n--b--\n'),
            ('long lines under a signature',
             signed + b'y' * 70000 + b'x' * 999 + b'\n--b--\n'),
            ('a NUL in the header', HEAD + b'X: \0\n\nhello\n')):
        report, arrived, _ = send(content)
        ok((report.word, report.code) == ('never', '5.6.3') and
           arrived is None, '%s: the message fails, and says why' % name,
           report)
        report, arrived, _ = send(content, digest=b'x' * 32)
        ok(report.word == 'later' and report.flags == DAMAGED,
           'but if it is damaged, it does not fail', report)
    report, arrived, _ = send(HEAD + b'X: \xe4\n\nhello\n')
    ok((report.word, report.code) == ('never', '5.6.3') and arrived is None,
       'an 8-bit header needs 8BITMIME', report)
    content = HEAD + b'\n' + b'a\rb\n' * 50000
    report, arrived, _ = send(content, digest=b'x' * 32)
    ok(report.word == 'later' and report.flags == DAMAGED and arrived is None,
       'the digest is that of the message as it was', report)


def test_random():
    """Trees of parts with random bytes; the same seed each time."""
    chance = random.Random(5)

    def tree(depth):
        kind = chance.choice(['text', 'bytes', 'multi', 'message']) \
            if depth < 4 else 'text'
        if kind == 'text':
            body = ''.join(chance.choice('ab =.\u00e4\u4e2d\n\t')
                           for _ in range(chance.randrange(3000)))
            return b'Content-Type: text/x\n\n' + body.encode()
        if kind == 'bytes':
            # A boundary may begin by chance nowhere: no '-'.
            return b'Content-Type: a/b\n\n' + bytes(
                chance.choice(b'\0\n\xff\xe4x =')
                for _ in range(chance.randrange(3000)))
        if kind == 'message':
            return b'Content-Type: message/rfc822\n\n' + \
                b'Subject: inner\nMIME-Version: 1.0\n' + tree(depth + 1)
        name = b'%d.%d' % (depth, chance.randrange(10**9))
        parts = [tree(depth + 1) for _ in range(chance.randrange(1, 4))]
        return b'Content-Type: multipart/mixed; boundary="%s"\n\n' % name + \
            b''.join(b'--' + name + b'\n' + p + b'\n' for p in parts) + \
            b'--' + name + b'--\n'

    bad = []
    for i in range(40):
        content = MIME + tree(0) + b'\n'
        report, arrived, _ = send(content)
        if report.word != 'done' or \
                (facts(content) and not carried(arrived)) or \
                leaves(arrived) != leaves(content):
            bad.append((report, content, arrived))
    ok(not bad, 'forty trees of parts of random bytes arrive as they were',
       bad[:1])


def test_memory():
    server, remote = Server('no-8bitmime'), Remote()
    content = HEAD + b'\n' + b'x' * (40 << 20) + b'\xe4'
    remote.send(content, [b'a@x'], route=b'127.0.0.1', port=server.port,
                flags=facts(content))
    got = remote.reports(1)
    ok(got and got[0].word == 'done' and
       server.messages[0].length > len(content),
       'a line of 40 MiB is converted', got)
    print('# most memory: %d KiB' % remote.memory())
    remote.close()
    server.close()


test_converted()
test_unchanged()
test_charset()
test_refused()
test_random()
test_memory()
end()

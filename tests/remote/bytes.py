#!/usr/bin/python3
"""What arrives is the content, byte for byte by rule, or nothing."""
import asyncio
import hashlib
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from remote_manager import BODY8, DAMAGED, Remote, job, sanitized  # noqa: E402
from remote_tap import end, ok  # noqa: E402
from smtp_server import Server  # noqa: E402

BIG = 100 << 20
MEMORY = 64 << 10  # KiB
PIECE = 65536

MESSAGES = [
    ('of 0 bytes', b''),
    ('without a final line end', b'Subject: x\n\nhello'),
    ('of one dot', b'.'),
    ('of lines of dots', b'.\n..\n.\r\n...\n.x\n.'),
    ('that tries to end early', b'a\r\n.\r\nRCPT TO:<x@y>\r\n'),
    ('with CRLF', b'Subject: x\r\n\r\nhello\r\n'),
    ('with both line ends', b'a\nb\r\nc\n\r\nd\r\n\n'),
    ('of empty lines', b'\n' * 1000),
    ('of 8-bit bytes', b'\n' + bytes(range(128, 256)) * 7 + b'\n'),
    ('of long lines', (b'x' * 998 + b'\n') * 300),
    ('with a dot at each piece', (b'a' * (PIECE - 1) + b'\n' + b'.' +
                                  b'b' * (PIECE - 2) + b'\n') * 3),
    ('with CRLF across pieces', (b'a' * (PIECE - 1) + b'\r\n') * 4),
    ('of just one piece', b'x' * 63 + b'\n' + b'y' * 63 + b'\n' * 1 +
     (b'z' * 127 + b'\n') * 511),
    ('of dots alone, many pieces', b'.\n' * 200000),
]


def wire(content, dots=True):
    """The rule, told differently: lines, CRLF, dots (not by BDAT)."""
    lines = content.split(b'\n')
    last = lines.pop()
    lines = [x[:-1] if x.endswith(b'\r') else x for x in lines]
    if last:
        lines.append(last)
    return b''.join((b'.' if dots and x.startswith(b'.') else b'') + x +
                    b'\r\n' for x in lines)


def test_exact():
    for behaviour in ('normal', 'no-pipelining', 'bdat',
                      'bdat-no-pipelining'):
        server, remote = Server(behaviour), Remote()
        for name, content in MESSAGES:
            remote.send(content, [b'a@x'], route=b'127.0.0.1',
                        port=server.port, flags=BODY8)
            got = remote.reports(1)
            want = wire(content, not behaviour.startswith('bdat'))
            m = server.messages[-1] if server.messages else None
            ok(got and got[0].word == 'done' and m and m.complete and
               m.length == len(want) and
               m.hash.digest() == hashlib.sha256(want).digest(),
               'a message %s arrives exactly (%s)' % (name, behaviour),
               '%r %r want %r' % (got, m and m.kept[:99], want[:99]))
        ok(remote.close() == 0, 'and it ends with 0')
        server.close()


def test_within_file():
    """The content stands in the middle of a file."""
    server, remote = Server(), Remote()
    inside = b'hello\n' * 30000
    path = os.path.join(remote.home, 'spool')
    with open(path, 'wb') as f:
        f.write(b'head' * 100 + inside + b'envelope: secret\n')
    remote.send_file(path, [b'a@x'], content=inside, offset=400,
                     route=b'127.0.0.1', port=server.port)
    got = remote.reports(1)
    ok(got and got[0].word == 'done' and
       server.messages[0].hash.digest() ==
       hashlib.sha256(wire(inside)).digest(),
       'nothing of the file but the content is sent', got)
    remote.close()
    server.close()


def test_damage(behaviour):
    server, remote = Server(behaviour), Remote()
    for size, name in ((20, 'a small'), (1 << 20, 'a large')):
        good = b'x' * (size - 1) + b'\n'
        for at in (0, size // 2, size - 1):
            bad = bytearray(good)
            bad[at] ^= 1
            remote.send(good, [b'a@x', b'bad@x'], route=b'127.0.0.1',
                        port=server.port, digest=hashlib.blake2b(
                            bytes(bad), digest_size=32).digest())
            got = {r.index: r for r in remote.reports(2)}
            ok(len(got) == 2 and got[0].word == 'later' and
               got[0].flags == DAMAGED and not server.complete(),
               '%s message with byte %d changed gets no end (%s)' %
               (name, at, behaviour), '%r %d' % (got, len(server.complete())))
        remote.send(good, [b'a@x'], route=b'127.0.0.1', port=server.port,
                    length=size + 1)
        got = remote.reports(1)
        ok(got[0].word == 'later' and got[0].flags == DAMAGED and
           not server.complete(),
           '%s message cut short gets no end (%s)' % (name, behaviour), got)
    remote.send(b'fine\n', [b'a@x'], route=b'127.0.0.1', port=server.port)
    ok(remote.reports(1)[0].word == 'done', 'mail goes on after damage')
    folder = os.open('/', os.O_RDONLY)
    number = remote.number + 1
    remote.number = number
    remote.send_raw(job(
        number, [b'a@x'], content=b'x', route=b'127.0.0.1',
        port=server.port), folder)
    os.close(folder)
    got = remote.reports(1)
    ok(got[0].word == 'later' and got[0].flags == 0 and
       'reading' in got[0].text, 'what cannot be read is no damage', got)
    ok(remote.close() == 0, 'it ends with 0')
    server.close()


def test_big():
    server, remote = Server(), Remote()
    path = os.path.join(remote.home, 'spool')
    line = b'.The godwit flies eleven thousand kilometres without a rest.\n'
    sent, plain = hashlib.sha256(), hashlib.blake2b(digest_size=32)
    length = 0
    with open(path, 'wb') as f:
        block = line * 1000
        while length < BIG:
            f.write(block)
            plain.update(block)
            sent.update(wire(block))
            length += len(block)
    remote.send_file(path, [b'a@x'], length=length, digest=plain.digest(),
                     route=b'127.0.0.1', port=server.port)
    got = remote.reports(1, 120)
    m = server.messages[-1]
    ok(got and got[0].word == 'done' and
       m.hash.digest() == sent.digest(),
       'a message of 100 MiB arrives exactly', got)
    memory = remote.memory()
    ok(sanitized() or memory < MEMORY,
       'its sender never has 64 MiB resident', memory)
    print('# most memory: %d KiB' % memory)
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
            found.append((envelope.mail_from, envelope.rcpt_tos,
                          envelope.original_content or envelope.content))
            return '250 2.0.0 OK'

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(
        lambda: SMTP(Handler(), enable_SMTPUTF8=True, loop=loop),
        '127.0.0.1', 0))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    remote = Remote()
    for name, content in MESSAGES[1:9]:
        remote.send(content, [b'a@example.org', b'b@example.org'],
                    route=b'127.0.0.1', port=port, flags=BODY8)
        got = remote.reports(2)
        want = wire(content)
        lines = want.split(b'\r\n')
        want = b'\r\n'.join(x[1:] if x.startswith(b'.') else x
                            for x in lines)
        ok([r.word for r in got] == ['done'] * 2 and
           found[-1] == ('ann@example.net',
                         ['a@example.org', 'b@example.org'], want),
           'aiosmtpd gets a message %s exactly' % name,
           '%r %r' % (got, found[-1:]))
    ok(remote.close() == 0, 'it ends with 0')
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


test_exact()
test_within_file()
test_damage('normal')
test_damage('bdat')
test_big()
test_aiosmtpd()
end()

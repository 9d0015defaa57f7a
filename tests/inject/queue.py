#!/usr/bin/python3
"""godwit-queue by qmail-queue's interface, and filters in its place"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from instance import *

TEXT = b'A: b\n\nbody\n'


def queue(i, envelope, message=TEXT, program=None, env=None):
    """Exit code; the envelope comes on descriptor 1."""
    r0, w0 = os.pipe()
    r1, w1 = os.pipe()
    p = subprocess.Popen([program or BIN + '/godwit-queue'], stdin=r0,
                         stdout=r1, stderr=subprocess.DEVNULL,
                         env=i.env(env))
    os.close(r0)
    os.close(r1)
    for fd, data in ((w0, message), (w1, envelope)):
        with os.fdopen(fd, 'wb', 0) as f:
            try:
                f.write(data)
            except BrokenPipeError:
                pass
    return p.wait()


def envelopes(i):
    code = queue(i, b'Fann@x.test\0Tbob@x.test\0Tcarl@x.test\0\0')
    m = i.one()
    ok(code == 0 and m.content == TEXT and m.sender == b'ann@x.test' and
       m.rcpts == [b'bob@x.test', b'carl@x.test'] and
       m.all(VIA) == [b'queue'], 'message and envelope are queued as they are')
    queue(i, b'F\0Tbob@x.test\0\0')
    ok(i.one().sender == b'', 'the null sender')
    queue(i, b'F#@[]\0Tbob@x.test\0\0')
    ok(i.one().sender == b'', "the sender of qmail's double bounces is null")
    queue(i, b'Flist-@x.test-@[]\0Tbob\0\0')
    m = i.one()
    ok(m.sender == b'list-@x.test-@[]' and m.rcpts == [b'bob@mail.example.org'],
       'a sender for each recipient; a recipient without a host gets me')
    i.set('envnoathost', 'no.test')
    queue(i, b'Fa@x\0Tbob\0Ta b@x.test\0Ta"b@c@x.test\0\0')
    ok(i.one().rcpts == [b'bob@no.test', b'"a b"@x.test', b'"a\\"b@c"@x.test'],
       'or envnoathost; local parts there have no quotes')
    queue(i, b'Fa@x\0Tb@x.test\0\0more')
    ok(len(i.got()) == 1, 'what stands behind the last zero byte is not read')
    many = b''.join(b'Tu%d@x.test\0' % n for n in range(100000))
    code = queue(i, b'Fa@x\0' + many + b'\0')
    ok(code == 0 and len(i.one().rcpts) == 100000, '100,000 recipients')
    code = queue(i, b'Fa@x\0Tb@x.test\0\0', b'x' * 30000000)
    ok(code == 0 and i.one().content == b'x' * 30000000, '30 MB')
    code = queue(i, b'Fa@x\0Tb@x.test\0\0', b'')
    ok(code == 0 and i.one().content == b'', 'no byte at all')


def codes(i):
    for name, want, envelope in (
            ('an envelope cut in its sender', 54, b'Fann'),
            ('no envelope', 54, b''),
            ('a cut recipient', 54, b'Fa@x\0Tb'),
            ('no last zero byte', 54, b'Fa@x\0Tb@x\0'),
            ('no sender', 91, b'Tb@x\0\0'),
            ('another letter', 91, b'Fa@x\0Xb@x\0\0'),
            ('no recipient', 91, b'Fa@x\0\0'),
            ('a long recipient', 11, b'Fa@x\0T' + b'b' * 1001 + b'@x\0\0'),
            ('a long sender', 11, b'F' + b'b' * 1001 + b'@x\0Tb@x\0\0'),
            ('a line break', 31, b'Fa@x\0Tb\n@x\0\0'),
            ('a line break in the sender', 31, b'Fa\n@x\0Tb@x\0\0'),
            ('bytes that are not UTF-8', 31, b'Fa@x\0T\xff@x\0\0'),
            ('an empty recipient', 31, b'Fa@x\0T\0\0')):
        code = queue(i, envelope)
        ok(code == want and not i.got(), '%d: %s' % (want, name), code)
    for answer, want in (('Z 4.3.1 full', 53), ('Z 4.3.0 later', 71),
                         ('N 5.7.1 no', 31), ('N 5.3.4 large', 31),
                         ('close', 74)):
        i.answer(answer)
        code = queue(i, b'Fa@x\0Tb@x\0\0')
        ok(code == want, '%d: the queue says %s' % (want, answer), code)
    i.answer('K')
    i.got()
    p = i.run('godwit-queue', [], None, preexec_fn=lambda: os.close(0))
    ok(p.returncode == 54, '54: no descriptor 0')
    i.set('me', 'no host')
    ok(queue(i, b'Fa@x\0Tb@x\0\0') == 55, '55: settings that make no sense')
    i.set('me', 'mail.example.org')
    i.stop()
    i.set('submitwait', '0')
    os.makedirs(i.home + '/queue', exist_ok=True)
    ok(queue(i, b'Fa@x\0Tb@x\0\0') in (73, 74), '73: nothing serves the queue')
    i.serve()


FILTER = '''#!/usr/bin/python3
import os, subprocess, sys
message = sys.stdin.buffer.read()
envelope = os.fdopen(1, 'rb').read()
open(%(home)r + '/filter.envelope', 'wb').write(envelope)
open(%(home)r + '/filter.message', 'wb').write(message)
%(code)s
'''


def filter_program(i, code):
    path = i.home + '/filter'
    if os.path.exists(path):
        os.unlink(path)
    with open(path, 'w') as f:
        f.write(FILTER % {'home': i.home, 'code': code})
    os.chmod(path, 0o755)
    return path


def filters(i):
    path = filter_program(i, '''
r0, w0 = os.pipe(); r1, w1 = os.pipe()
p = subprocess.Popen([%r], stdin=r0, stdout=r1)
os.close(r0); os.close(r1)
os.write(w0, b'X-Filter: yes\\n' + message); os.close(w0)
os.write(w1, envelope); os.close(w1)
sys.exit(p.wait())
''' % (BIN + '/godwit-queue'))
    for variable in ('QMAILQUEUE', 'GODWITQUEUE'):
        p = i.run('sendmail', ['-f', '"a b"@x.test', '"c d"@x.test', 'e@x.test'],
                  TEXT, env={variable: path})
        m = i.one()
        ok(p.returncode == 0 and m.content.startswith(b'X-Filter: yes\nA: b\n')
           and m.sender == b'"a b"@x.test' and
           m.rcpts == [b'"c d"@x.test', b'e@x.test'],
           'sendmail runs the filter that %s names' % variable, p)
        with open(i.home + '/filter.envelope', 'rb') as f:
            ok(f.read() == b'Fa b@x.test\0Tc d@x.test\0Te@x.test\0\0',
               'which reads addresses without quotes')
    p = i.run('godwit-inject', ['b@x.test'], TEXT, env={'QMAILQUEUE': path})
    ok(p.returncode == 0 and i.one().content.startswith(b'X-Filter: yes\n'),
       'godwit-inject runs it as well')
    p = i.run('sendmail', ['b@x.test'], TEXT,
              env={'QMAILQUEUE': '/nonexistent', 'GODWITQUEUE': path})
    ok(p.returncode == 0 and len(i.got()) == 1,
       'GODWITQUEUE goes before QMAILQUEUE')
    for code, want, inject, words in (
            ('sys.exit(31)', 69, 100, b'permanently rejected'),
            ('sys.exit(11)', 65, 100, b'too long'),
            ('sys.exit(40)', 69, 100, b'exited with code 40'),
            ('sys.exit(53)', 75, 111, b'disk full'),
            ('sys.exit(71)', 75, 111, b'temporarily'),
            ('sys.exit(1)', 75, 111, b'exited with code 1'),
            ('os.kill(os.getpid(), 9)', 75, 111, b'crashed'),
            ('os.write(6, b"Dno such thing\\n"); sys.exit(82)', 69, 100,
             b'no such thing'),
            ('os.write(6, b"Zcome again"); sys.exit(82)', 75, 111,
             b'come again'),
            ('sys.exit(82)', 75, 111, b'without a reason')):
        path = filter_program(i, code)
        p = i.run('sendmail', ['b@x.test'], TEXT, env={'QMAILQUEUE': path})
        ok(p.returncode == want and words in p.stderr,
           'a filter that does %s: exit code %d' % (code, want), p)
        p = i.run('godwit-inject', ['b@x.test'], TEXT,
                  env={'QMAILQUEUE': path})
        ok(p.returncode == inject and words in p.stderr,
           'of godwit-inject: %d' % inject, p)
    p = i.run('sendmail', ['b@x.test'], TEXT, env={'QMAILQUEUE': '/none'})
    ok(p.returncode == 75 and b'cannot be run' in p.stderr,
       'a filter that is not there: 75', p)
    path = i.home + '/lazy'
    with open(path, 'w') as f:
        f.write('#!/bin/sh\nexit 0\n')
    os.chmod(path, 0o755)
    p = i.run('sendmail', ['b@x.test'], b'A: b\n\n' + b'x' * 3000000,
              env={'QMAILQUEUE': path})
    ok(p.returncode == 75, 'one that reads nothing and says it did: 75', p)


def main():
    with Instance() as i:
        for part in (envelopes, codes, filters):
            part(i)
    end()


main()

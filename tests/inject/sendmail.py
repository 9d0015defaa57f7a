#!/usr/bin/python3
"""sendmail as its callers call it: flags, exit codes, what reaches the queue"""
import os
import pwd
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from instance import *

TEXT = b'Subject: hi\n\nbody\n'
USER = pwd.getpwuid(os.getuid()).pw_name.encode()


def send(i, args, stdin=TEXT, **more):
    """Exit code and the message."""
    p = i.run('sendmail', args, stdin, **more)
    if p.returncode:
        print('# ' + p.stderr.decode('utf-8', 'replace').strip())
    return p.returncode, i.one()


def recipients(i):
    code, m = send(i, ['ann'])
    ok(code == 0 and m.rcpts == [b'ann@mail.example.org'],
       'a recipient without a domain gets defaulthost')
    ok(m.sender == USER + b'@mail.example.org' and m.all(VIA) == [b'sendmail'],
       'the sender is the calling user', m.fields)
    code, m = send(i, ['ann@host', 'bob@plus+', 'c@[192.0.2.1]', 'd@x.test'])
    ok(m.rcpts == [b'ann@host.example.org', b'bob@plus.example.org',
                   b'c@[192.0.2.1]', b'd@x.test'],
       'a host without a dot gets defaultdomain, one with + plusdomain')
    code, m = send(i, ['root@localhost'])
    ok(m.rcpts == [b'root@mail.example.org'], 'localhost is this host')
    code, m = send(i, ['Ann <ann@x.test>, bob@x.test', 'ann@x.test'])
    ok(m.rcpts == [b'ann@x.test', b'bob@x.test'],
       'an argument is an address list; each address stands once')
    code, m = send(i, ['--', '-dash@x.test', '-t'])
    ok(m.rcpts == [b'-dash@x.test', b'-t@mail.example.org'],
       'behind -- everything is a recipient')
    code, m = send(i, ['ann@x.test', '-f', 'bob@x.test'])
    ok(m.sender == b'bob@x.test' and m.rcpts == [b'ann@x.test'],
       'options may stand behind a recipient')
    code, m = send(i, ['j\u00f6rg@x.test'])
    ok(m.rcpts == ['j\u00f6rg@x.test'.encode()] and
       m.all(FLAGS) == [b'\1\0\0\0'], 'RFC 6531: a UTF-8 address is flagged')


def from_header(i):
    text = (b'To: ann, Bob <bob@x.test>\nCc: G: c@x.test;\n'
            b'BCC: secret@x.test\nSubject: x\n\nbody\n')
    code, m = send(i, ['-t'], text)
    ok(code == 0 and m.rcpts == [b'ann@mail.example.org', b'bob@x.test',
                                 b'c@x.test', b'secret@x.test'],
       '-t takes the recipients from To, Cc and Bcc')
    ok(b'secret' not in m.content.lower() and m.content.startswith(
        b'To: ann@mail.example.org, Bob <bob@x.test>\nCc: G: c@x.test;\n'
        b'Subject: x\n'), 'Bcc is removed, addresses are qualified')
    code, m = send(i, ['-t', 'more@x.test', 'ann'], text)
    ok(m.rcpts[0] == b'more@x.test' and len(m.rcpts) == 5,
       '-t adds to the recipients in arguments')
    code, m = send(i, ['ann@x.test'], text)
    ok(m.rcpts == [b'ann@x.test'] and b'secret' not in m.content,
       'without -t the header names no recipients, Bcc is removed as well')
    code, m = send(i, ['-t'], b'Resent-To: new@x.test\n' + text)
    ok(m.rcpts == [b'new@x.test'] and
       m.content.startswith(b'Resent-Date: ') and m.header('Date') is None,
       'RFC 5322 3.6.6: with Resent- fields those count, and are completed')
    code, m = send(i, ['-t'], b'Subject: x\n\n')
    ok(code == 65, '-t without recipients: 65')
    code, m = send(i, ['-t'], b'To: undisclosed-recipients:;\n\n')
    ok(code == 65, 'an empty group is no recipient: 65')
    code, m = send(i, ['-t'], b'To: ann@x.test, "bob\n\n')
    ok(code == 65, '-t and a list that cannot be read: 65')


def senders(i):
    for args, want in ((['-f', 'a@x.test'], b'a@x.test'),
                       (['-fa@x.test'], b'a@x.test'),
                       (['-r', 'a@x.test'], b'a@x.test'),
                       (['-f', ''], b''), (['-f', '<>'], b''), (['-f<>'], b''),
                       (['-f', 'Ann <a@x.test>'], b'a@x.test'),
                       (['-f', 'a'], b'a@mail.example.org')):
        code, m = send(i, args + ['ann@x.test'])
        ok(code == 0 and m.sender == want, 'sender by %s' % ' '.join(args),
           m.sender)
    code, m = send(i, ['-f', 'a@x.test', 'b@x.test'], TEXT)
    ok(m.header('From') == b'From: a@x.test', 'From is made from -f')
    code, m = send(i, ['-F', 'Ann B.', '-f', 'a@x.test', 'b@x.test'], TEXT)
    ok(m.header('From') == b'From: "Ann B." <a@x.test>', 'and from -F')
    code, m = send(i, ['-FAnn', 'b@x.test'], b'From: c@x.test\n\n')
    ok(m.header('From') == b'From: c@x.test', 'a From that is there stays')
    for args in (['-f', 'a b'], ['-f', 'a@x.test, b@x.test'], ['-f', 'a@']):
        code, m = send(i, args + ['ann@x.test'])
        ok(code == 65, 'no sender: %s' % args[1])


def requests(i):
    code, m = send(i, ['-N', 'success,DELAY', '-R', 'hdrs', '-V', 'a+2Bb',
                       '-B8BITMIME', 'a@x.test', 'b@x.test'])
    ok(m.all(NOTIFY) == [b'\12', b'\12'] and m.all(RET) == [b'\2'] and
       m.all(ENVID) == [b'a+2Bb'] and m.all(BODY) == [b'\2'],
       'RFC 3461: -N, -R, -V and -B reach the envelope')
    code, m = send(i, ['-Nnever', '-Rfull', '-B7BIT', 'a@x.test'])
    ok(m.all(NOTIFY) == [b'\1'] and m.all(RET) == [b'\1'] and
       m.all(BODY) == [b'\1'], 'in each of their values')
    for args in (['-N', 'never,delay'], ['-N', 'often'], ['-N', ''],
                 ['-R', 'some'], ['-V', 'a=b'], ['-V', 'a b'], ['-V', ''],
                 ['-V', 'x' * 101], ['-B', '9BIT']):
        code, m = send(i, args + ['a@x.test'])
        ok(code == 64, 'a usage error: %s' % ' '.join(args))


def ignored(i):
    flags = ['-i', '-oi', '-oitrue', '-oem', '-oep', '-oee', '-oew', '-oeq',
             '-em', '-ep', '-e', '-odb', '-odi', '-odq', '-odf', '-om', '-m',
             '-o7', '-o8', '-oA/etc/aliases', '-oXYZunknown', '-o?', '-U',
             '-G', '-x', '-n', '-v', '-Ac', '-Am', '-d', '-d0.1', '-L', '-p',
             '-h', '-X', '-O', '-C', '-bm', '-im', '-vi']
    values = {'-L': 'tag', '-p': 'SMTP', '-h': '3', '-X': '/dev/null',
              '-O': 'ErrorMode=m', '-C': '/etc/mail/sendmail.cf'}
    for flag in flags:
        args = [flag] + ([values[flag]] if flag in values else [])
        code, m = send(i, args + ['a@x.test'])
        ok(code == 0 and m.rcpts == [b'a@x.test'],
           'taken without effect: %s' % ' '.join(args))
    code, m = send(i, ['-ti', '-oi'], b'To: a@x.test\n\n.\nb\n')
    ok(m.rcpts == [b'a@x.test'] and m.content.endswith(b'\n\n.\nb\n'),
       'letters may stand together; a lone dot is text')
    code, m = send(i, ['a@x.test'], b'A: b\n\n.\nb\n')
    ok(m.content.endswith(b'\n\n.\nb\n'), 'without -i as well')


def refused_flags(i):
    p = i.run('sendmail', ['-y', 'a@x.test'])
    ok(p.returncode == 64 and p.stderr ==
       b'sendmail: unknown option -y (see sendmail(8))\n',
       'an unknown letter is a usage error')
    for args in (['-bz'], ['-f'], ['-F'], ['--nonsense'], ['-']):
        code, m = send(i, args) if args != ['-'] else send(i, ['-f', 'a\nb'])
        ok(code == 64, 'a usage error: %s' % args[0])
    for args in (['-bd'], ['-bD'], ['-q30m'], ['-bd', '-q30m'],
                 ['-q1h', '-bd']):
        p = i.run('sendmail', args)
        ok(p.returncode == 64 and b'godwit start' in p.stderr,
           'no daemon: %s' % ' '.join(args))
    p = i.run('sendmail', ['--help'])
    ok(p.returncode == 0 and p.stdout.startswith(b'usage: sendmail '),
       '--help prints the usage')
    for args in (['-bi'], ['-I']):
        p = i.run('sendmail', args)
        ok(p.returncode == 0 and not p.stdout + p.stderr,
           'no aliases to rebuild: %s' % args[0])
    os.symlink(BIN + '/sendmail', i.home + '/newaliases')
    p = subprocess.run([i.home + '/newaliases'], env=i.env())
    ok(p.returncode == 0, 'nor by the name of newaliases')


def asks(i):
    """A godwit beside a copy of sendmail tells how it was called."""
    folder = i.home + '/bin'
    os.mkdir(folder)
    shutil.copy(BIN + '/sendmail', folder)
    with open(folder + '/godwit', 'w') as f:
        f.write('#!/bin/sh\necho "$@"\n')
    os.chmod(folder + '/godwit', 0o755)
    os.symlink('sendmail', folder + '/mailq')
    for args, want in ((['-bp'], b'queue'), (['-q'], b'flush'),
                       (['-qI7KQ2'], b'flush 7KQ2'),
                       (['-qRx.test'], b'flush --rcpt x.test'),
                       (['-qSann'], b'flush --sender ann'),
                       (['-bv', 'ann', 'bob@h'],
                        b'route ann@mail.example.org bob@h.example.org'),
                       (['-bt', 'a@x.test'], b'route a@x.test')):
        p = subprocess.run([folder + '/sendmail', *args], env=i.env(),
                           stdout=subprocess.PIPE)
        ok(p.returncode == 0 and p.stdout == want + b'\n',
           '%s is godwit %s' % (' '.join(args), want.decode()), p)
    p = subprocess.run([folder + '/mailq'], env=i.env(),
                       stdout=subprocess.PIPE)
    ok(p.stdout == b'queue\n', 'and so is mailq')
    for code, want in ((0, 0), (1, 65), (64, 64), (100, 69), (111, 75),
                       (2, 70)):
        with open(folder + '/godwit', 'w') as f:
            f.write('#!/bin/sh\nexit %d\n' % code)
        p = subprocess.run([folder + '/sendmail', '-q'], env=i.env())
        ok(p.returncode == want, 'godwit\'s %d is %d' % (code, want), p)
    os.unlink(folder + '/godwit')
    p = subprocess.run([folder + '/mailq'], env=i.env(),
                       stderr=subprocess.PIPE)
    ok(p.returncode == 69, 'without godwit: 69')
    code, m = send(i, ['-bv', 'a@'])
    ok(code == 65, '-bv of no address: 65')


def rewriting(i):
    i.set('canonical', 'root@mail.example.org:admin@corp.test\n'
          '@old.test:@new.test\nann@old.test:ann@else.test')
    i.set('masquerade', 'corp.test\n!keep.corp.test')
    text = (b'From: Root <root>, x@a.corp.test\nSender: <root@localhost>\n'
            b'Reply-To: "B" <b@keep.corp.test> (c), B@OLD.test\n'
            b'To: root, c@old.test, d@h.corp.test\nSubject: x\n\n'
            b'root@old.test\n')
    code, m = send(i, ['-t', '-f', 'e@h.corp.test', 'ann@old.test'], text)
    ok(m.sender == b'e@corp.test' and m.rcpts ==
       [b'ann@else.test', b'admin@corp.test', b'c@new.test',
        b'd@h.corp.test'], 'canonical and masquerade: the envelope', m.fields)
    ok(m.header('From') == b'From: Root <admin@corp.test>, x@corp.test' and
       m.header('Sender') == b'Sender: <admin@corp.test>' and
       m.header('Reply-To') ==
       b'Reply-To: "B" <b@keep.corp.test> (c), B@new.test',
       'and the senders in the header', m.content)
    ok(m.header('To') == b'To: root@mail.example.org, c@old.test, '
       b'd@h.corp.test' and m.content.endswith(b'\n\nroot@old.test\n'),
       'other fields and the body stay', m.content)
    i.set('canonical', '@mail.example.org:@a.test\n@a.test:@b.test')
    code, m = send(i, ['x'], TEXT)
    ok(m.sender == USER + b'@a.test' and b'@a.test' in m.header('From') and
       m.rcpts == [b'x@a.test'], 'a From that is made; once, not twice',
       m.fields)
    code, m = send(i, ['-f', '', 'x@y.test'])
    ok(m.sender == b'', 'the null sender stays')
    p = i.run('godwit-inject', ['-f', 'q@a.test', 'x'], TEXT,
              env={'USER': 'q', 'QMAILHOST': 'mail.example.org'})
    m = i.one()
    ok(m.sender == b'q@b.test' and m.rcpts == [b'x@a.test'] and
       m.header('From') == b'From: q@a.test', 'by godwit-inject as well',
       p, m.fields, m.content)
    p = i.run('sendmail', ['-bs'], b'MAIL FROM:<a@mail.example.org>\r\n'
              b'RCPT TO:<b@a.test>\r\nDATA\r\nFrom: c@a.test\r\n\r\n'
              b'.\r\nQUIT\r\n')
    m = i.one()
    ok(m.sender == b'a@a.test' and m.rcpts == [b'b@b.test'] and
       m.header('From') == b'From: c@b.test', 'and over -bs', p, m.fields)
    folder = i.home + '/bv'
    os.mkdir(folder)
    shutil.copy(BIN + '/sendmail', folder)
    with open(folder + '/godwit', 'w') as f:
        f.write('#!/bin/sh\necho "$@"\n')
    os.chmod(folder + '/godwit', 0o755)
    p = subprocess.run([folder + '/sendmail', '-bv', 'x@a.test',
                        'y@h.corp.test', 'z@z.test'], env=i.env(),
                       stdout=subprocess.PIPE)
    ok(p.stdout == b'rewrite address=x@a.test rcpt=x@b.test sender=x@b.test\n'
       b'rewrite address=y@h.corp.test rcpt=y@h.corp.test sender=y@corp.test\n'
       b'route x@b.test y@h.corp.test z@z.test\n',
       '-bv shows what is rewritten, and the route of what it becomes', p)
    i.set('canonical', 'a@x.test:b')
    code, m = send(i, ['x@y.test'])
    ok(code == 78, 'a wrong line: 78')
    os.unlink(i.home + '/control/canonical')
    os.unlink(i.home + '/control/masquerade')


def line_breaks(i):
    for bad in ('\n', '\r', '\r\n', '\t', '\x01', '\x7f'):
        for args in (['a%sb@x.test' % bad], ['a@x.test%s' % bad],
                     ['-f', 'a%sb@x.test' % bad, 'a@x.test'],
                     ['-F', 'a%sb' % bad, 'a@x.test'],
                     ['"a%sb"@x.test' % bad]):
            p = i.run('sendmail', args, TEXT)
            if p.returncode not in (64, 65) or i.got():
                return ok(False, 'refused: %r' % args, p)
    ok(True, 'no argument with a line break or control character is taken')
    m = i.run('sendmail', ['a@x.test'], TEXT, env={'NAME': 'x\nBcc: y'})
    ok(m.returncode == 0 and b'Bcc' not in i.one().content,
       'nor a name from the environment')
    code, m = send(i, ['-t'], b'To: "a\n b"@x.test\n\n')
    ok(m.rcpts == [b'"a b"@x.test'], 'a fold within quotes is undone')


def bodies(i):
    for name, text in (('LF', b'A: b\n\nx\ny\n'),
                       ('CRLF', b'A: b\r\n\r\nx\r\ny\r\n'),
                       ('zero bytes', b'A: b\n\n\0x\0\n'),
                       ('bare CR', b'A: b\n\nx\ry\r\r\n'),
                       ('no last line break', b'A: b\n\nx'),
                       ('8-bit', b'A: b\n\n\xff\xfe\n')):
        code, m = send(i, ['a@x.test'], text)
        eol = b'\r\n' if name == 'CRLF' else b'\n'
        head, _, body = m.content.partition(eol + eol)
        ok(code == 0 and body == text.partition(eol + eol)[2] and
           (name != 'CRLF' or b'\n' not in head.replace(b'\r\n', b'')),
           'a body stays as it is: %s' % name, m.content)
    code, m = send(i, ['a@x.test'], b'Just text\nA: b\n')
    ok(m.content.endswith(b'\n\nJust text\nA: b\n') and m.header('Date'),
       'text without a header gets one')
    code, m = send(i, ['a@x.test'], b'')
    ok(code == 0 and m.header('Message-ID') and m.header('From'),
       'so does an empty message')
    code, m = send(i, ['a@x.test'], b'\nA: b\n')
    ok(m.content.endswith(b'\n\nA: b\n') and m.header('Date') is not None,
       'and one that begins with its empty line')
    code, m = send(i, ['a@x.test'], b'From x Mon\nA: b\n\nc\n')
    ok(m.content.startswith(b'A: b\n'), "an mbox's From line is dropped")
    code, m = send(i, ['-t'], b'A: b\nTo: a@x.test')
    ok(code == 0 and m.content.startswith(b'A: b\nTo: a@x.test\nDate: '),
       'a header that ends in its last line')
    code, m = send(i, ['-t'], b'To: a@x.test\nBcc: b@x.test')
    ok(b'\n\n' not in m.content and len(m.rcpts) == 2,
       'even if that is removed')


def answers(i):
    for answer, code, words in (
            ('Z 4.3.1 disk full', 75, b'not queued: disk full'),
            ('N 5.3.4 too large', 65, b'not queued: too large'),
            ('N 5.7.1 not you', 77, b'not queued: not you'),
            ('N 5.1.3 bad address', 65, b'not queued: bad address'),
            ('N 5.3.2 closed', 69, b'not queued: closed'),
            ('early 5.7.1 go away', 77, b'not queued: go away'),
            ('close', 75, b'may have been queued')):
        i.answer(answer)
        p = i.run('sendmail', ['a@x.test'], TEXT)
        ok(p.returncode == code and words in p.stderr and
           p.stderr.count(b'\n') == 1, 'the queue says %s: %d' %
           (answer, code), p)
    i.answer('drop 2000000')
    p = i.run('sendmail', ['a@x.test'], b'A: b\n\n' + b'x' * 20000000)
    ok(p.returncode == 75 and b'not queued' in p.stderr and not
       b'may have' in p.stderr, 'a connection lost before the end: 75', p)
    i.answer('K')
    i.got()


def inputs(i):
    with open('/dev/null', 'wb') as f:
        p = i.run('sendmail', ['a@x.test'], f)
    ok(p.returncode == 66 and not i.got(), 'an input that is not readable: 66')
    fd = os.open('/', os.O_RDONLY)
    p = i.run('sendmail', ['a@x.test'], fd)
    os.close(fd)
    ok(p.returncode == 66 and not i.got(), 'a folder for an input: 66')
    p = i.run('sendmail', ['a@x.test'], None, preexec_fn=lambda: os.close(0))
    ok(p.returncode == 66 and not i.got(), 'a closed input: 66', p)
    p = subprocess.Popen([BIN + '/sendmail', 'a@x.test'], env=i.env(),
                         stdin=subprocess.PIPE,
                         preexec_fn=lambda: (os.close(1), os.close(2)))
    p.communicate(TEXT)
    ok(p.returncode == 0 and i.one().rcpts, 'closed outputs do no harm')
    r, w = os.pipe()
    os.set_blocking(r, False)
    p = subprocess.Popen([BIN + '/sendmail', 'a@x.test'], env=i.env(),
                         stdin=r)
    os.write(w, TEXT)
    os.close(w)
    os.close(r)
    ok(p.wait() == 0 and i.one().rcpts, 'nor does a non-blocking input')


def killed(i):
    """At several points of a message that is on its way."""
    for size in (0, 1000, 3000000):
        p = subprocess.Popen([BIN + '/sendmail', 'a@x.test'], env=i.env(),
                             stdin=subprocess.PIPE)
        p.stdin.write(b'A: b\n\n' + b'x' * size)
        p.stdin.flush()
        p.send_signal(signal.SIGKILL)
        p.wait()
        try:
            p.stdin.close()
        except BrokenPipeError:
            pass
    ok(not i.got(), 'a killed caller leaves nothing')


def sizes(i):
    p = subprocess.Popen([BIN + '/sendmail', 'a@x.test'], env=i.env(),
                         stdin=subprocess.PIPE)
    p.stdin.write(b'A: b\n\n')
    for _ in range(100):
        p.stdin.write((b'x' * 999 + b'\n') * 1049)
    p.stdin.flush()
    with open('/proc/%d/status' % p.pid) as f:
        peak = [int(line.split()[1]) for line in f if 'VmHWM' in line][0]
    p.stdin.close()
    p.wait()
    m = i.one()
    ok(p.returncode == 0 and len(m.content) > 100 << 20 and
       m.content.endswith(b'x\n'), '100 MB arrive')
    if 'san' in BIN:
        skip('memory is not measured under a sanitizer')
    else:
        ok(peak < 8192, 'in less than 8 MB of memory: %d kB' % peak)

    to = b'To: ' + b',\n '.join(b'user%d@x.test' % n for n in range(100000))
    code, m = send(i, ['-t'], to + b'\n\n')
    ok(code == 0 and len(m.rcpts) == 100000, '-t takes 100,000 recipients')
    to = b'To: ' + b',\n '.join(b'user%d@x.test' % n for n in range(100001))
    code, m = send(i, ['-t'], to + b'\n\n')
    ok(code == 65, 'and refuses one more')
    to = b'To: ' + b','.join(b'user%d' % n for n in range(100000))
    code, m = send(i, ['-t'], to + b'\n\n')
    ok(code == 0 and m.rcpts[99999] == b'user99999@mail.example.org' and
       m.content.count(b'@mail.example.org,') == 99999,
       '100,000 without a domain are qualified')
    code, m = send(i, ['a@x.test'], b'X-Field: some\n' * 100000 + b'\nx\n')
    ok(code == 0 and m.content.count(b'X-Field') == 100000,
       '100,000 header fields pass')
    code, m = send(i, ['a@x.test'], b'To: ' + b'a,' * 1000000 + b'\n\n')
    ok(code == 65, 'a million addresses to qualify are refused')
    for what in (b'X: ' + b'x' * 10000000 + b'\n\n',
                 b'To: ' + b'(' * 10000000, b'X: ' + b'\n ' * 5000000):
        p = i.run('sendmail', ['-t', 'a@x.test'], what)
        ok(p.returncode == 65 and b'4194304 bytes' in p.stderr,
           'a header of 10 MB is refused at its limit')
    code, m = send(i, ['a@x.test'], b'x' * 10000000)
    ok(code == 0 and m.content.endswith(b'\n\n' + b'x' * 10000000),
       'a body of one line of 10 MB passes')
    args = ['u%d@x.test' % n for n in range(50000)]
    code, m = send(i, args)
    ok(code == 0 and len(m.rcpts) == 50000, '50,000 recipients in arguments')


def nothing_serves(i):
    i.stop()
    i.set('submitwait', '0')
    os.makedirs(i.home + '/queue', exist_ok=True)
    p = i.run('sendmail', ['a@x.test'], TEXT)
    ok(p.returncode == 75 and b'not queued' in p.stderr,
       'nothing serves the queue: 75')
    i.serve()


def settings(i):
    i.set('defaulthost', 'default.test')
    i.set('idhost', 'id.test')
    i.set('defaultdomain', 'domain.test')
    i.set('plusdomain', 'plus.test')
    code, m = send(i, ['a', 'b@h', 'c@h+'])
    ok(m.rcpts == [b'a@default.test', b'b@h.domain.test', b'c@h.plus.test'] and
       m.header('Message-ID').endswith(b'@id.test>'),
       'defaulthost, defaultdomain, plusdomain, idhost')
    i.set('defaulthost', 'not a host')
    code, m = send(i, ['a'])
    ok(code == 78, 'a setting that makes no sense: 78')
    os.unlink(i.home + '/control/defaulthost')
    os.mkdir(i.home + '/control/defaulthost')
    code, m = send(i, ['a'])
    ok(code == 75, 'a setting that cannot be read: 75')
    os.rmdir(i.home + '/control/defaulthost')
    os.rename(i.home + '/control', i.home + '/gone')
    code, m = send(i, ['a'])
    ok(code == 0 and m.rcpts, "without settings the host's name serves")
    os.rename(i.home + '/gone', i.home + '/control')


def main():
    with Instance() as i:
        for part in (recipients, from_header, senders, requests, ignored,
                     refused_flags, asks, rewriting, line_breaks, bodies,
                     answers, inputs, killed, sizes, nothing_serves,
                     settings):
            part(i)
    end()


main()

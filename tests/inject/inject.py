#!/usr/bin/python3
"""godwit-inject by qmail-inject's options and environment"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from instance import *

TEXT = b'To: a@x.test\nCc: b\nBcc: c@x.test\nSubject: s\n\nbody\n'
FULL = b'From: x@x.test\nDate: x\nMessage-ID: <x@x>\n'


def inject(i, args, text=TEXT, env=None):
    p = i.run('godwit-inject', args, text,
              env={'USER': 'ann', **(env or {})})
    if p.returncode:
        print('# ' + p.stderr.decode('utf-8', 'replace').strip())
    return p.returncode, i.one()


def recipients(i):
    here = [b'a@x.test', b'b@mail.example.org', b'c@x.test']
    for args, want in (([], here), (['d@x.test'], [b'd@x.test']),
                       (['-A', 'd@x.test'], [b'd@x.test']), (['-A'], here),
                       (['-a', 'd@x.test'], [b'd@x.test']),
                       (['-h', 'd@x.test'], here),
                       (['-H', 'd@x.test'], [b'd@x.test'] + here),
                       (['--', '-d'], [b'-d@mail.example.org'])):
        code, m = inject(i, args)
        ok(code == 0 and m.rcpts == want and b'c@x.test' not in m.content,
           'recipients of %s' % (' '.join(args) or 'no arguments'), m.rcpts)
    code, m = inject(i, ['a b@x.test'])
    ok(m.rcpts == [b'"a b"@x.test'], 'arguments have no quotes')
    code, m = inject(i, [], b'Apparently-To: z@x.test\n\n')
    ok(m.rcpts == [b'z@x.test'], 'Apparently-To names recipients')
    for args, text in ((['-a'], TEXT), ([], b'\n'), (['-z'], TEXT),
                       (['a@'], TEXT), (['a\nb@x.test'], TEXT),
                       ([], b'To: "x\n\n'), (['-f', 'a\nb', 'c'], TEXT)):
        code, m = inject(i, args, text)
        ok(code == 100, '100: %r %r' % (args, text[:9]))


def printed(i):
    p = i.run('godwit-inject', ['-n', 'z@x.test'], TEXT, env={'USER': 'ann'})
    ok(p.returncode == 0 and p.stdout.startswith(
        b'To: a@x.test\nCc: b@mail.example.org\nSubject: s\n') and
       p.stdout.endswith(b'From: ann@mail.example.org\n\nbody\n') and
       not i.got(), '-n prints the message and queues nothing', p)


def authors(i):
    for env, want in (
            ({}, b'ann@mail.example.org'),
            ({'LOGNAME': 'bob'}, b'ann@mail.example.org'),
            ({'MAILUSER': 'bob'}, b'bob@mail.example.org'),
            ({'MAILUSER': 'bob', 'QMAILUSER': 'c d'},
             b'"c d"@mail.example.org'),
            ({'MAILHOST': 'h'}, b'ann@h.example.org'),
            ({'MAILHOST': 'h', 'QMAILHOST': 'q.test'}, b'ann@q.test'),
            ({'QMAILDEFAULTHOST': 'd'}, b'ann@d.example.org'),
            ({'QMAILDEFAULTHOST': 'd', 'QMAILDEFAULTDOMAIN': 'e.test'},
             b'ann@d.e.test'),
            ({'QMAILHOST': 'h+', 'QMAILPLUSDOMAIN': 'e.test'},
             b'ann@h.e.test'),
            ({'NAME': 'Ann'}, b'Ann <ann@mail.example.org>'),
            ({'NAME': 'Ann', 'QMAILNAME': 'A. B.'},
             b'"A. B." <ann@mail.example.org>'),
            ({'NAME': 'Ann (x)', 'QMAILINJECT': 'c'},
             b'ann@mail.example.org (Ann \\(x\\))')):
        code, m = inject(i, ['z@x.test'], b'\n', env)
        ok(code == 0 and m.header('From') == b'From: ' + want,
           'From of %s' % env, m.header('From'))
    code, m = inject(i, ['z@x.test'], b'\n', {'QMAILIDHOST': 'id.test'})
    ok(m.header('Message-ID').endswith(b'@id.test>'), 'QMAILIDHOST')
    code, m = inject(i, ['z@x.test'], b'\n', {'QMAILIDHOST': 'a b'})
    ok(code == 100, 'an environment that makes no sense: 100')
    code, m = inject(i, ['z@x.test'], b'\n', {'USER': 'a\nb'})
    ok(code == 100, 'or has a line break: 100')


def senders(i):
    path = b'Return-Path: <r@x.test>\n' + TEXT
    for args, env, text, want in (
            ([], {}, TEXT, b'ann@mail.example.org'),
            ([], {'QMAILSUSER': 's'}, TEXT, b's@mail.example.org'),
            ([], {'QMAILSHOST': 's.test'}, TEXT, b'ann@s.test'),
            (['-fx@y.test'], {'QMAILSUSER': 's'}, path, b'x@y.test'),
            (['-f', ''], {}, path, b''),
            ([], {}, path, b'r@x.test'),
            ([], {'QMAILINJECT': 's'}, path, b'ann@mail.example.org'),
            ([], {}, b'Return-Path: <>\n' + TEXT, b''),
            ([], {'QMAILINJECT': 'r'}, TEXT, b'ann-@mail.example.org-@[]')):
        code, m = inject(i, args, text, env)
        ok(code == 0 and m.sender == want and m.header('Return-Path') is None,
           'sender of %s %s' % (args, env), m.sender)
    code, m = inject(i, [], TEXT, {'QMAILINJECT': 'm'})
    ok(m.sender.startswith(b'ann-1') and m.sender.endswith(
        b'@mail.example.org'), 'one for each message')
    code, m = inject(i, [], TEXT, {'QMAILINJECT': 'mr'})
    ok(m.sender.startswith(b'ann-1') and m.sender.endswith(
        b'-@mail.example.org-@[]'), 'and each recipient')


def fields(i):
    code, m = inject(i, ['z@x.test'], FULL + b'\n')
    ok(m.content == FULL + b'Cc: recipient list not shown: ;\n\n',
       'without To and Cc the list is not shown')
    code, m = inject(i, ['z@x.test'], FULL + b'\n', {'QMAILINJECT': 'fi'})
    ok(b'x@x' not in m.content and m.header('From') and
       m.header('Message-ID') and m.header('Date') == b'Date: x',
       'the letters f and i make From and Message-ID anew', m.content)
    code, m = inject(i, ['z@x.test'], b'Resent-From: y@x.test\n' + FULL + b'\n',
                     {'QMAILINJECT': 'fi'})
    ok(m.content.count(b'\nFrom: x@x.test') == 1 and b'y@x' not in m.content and
       m.header('Resent-Cc'), 'of a resent message only those that resend')
    with open(i.home + '/lists', 'w') as f:
        f.write('# lists\nA@x.test\n')
    env = {'QMAILMFTFILE': i.home + '/lists'}
    code, m = inject(i, [], TEXT, env)
    ok(b'\nMail-Followup-To: a@x.test,\n\tb@mail.example.org\n' in m.content,
       'Mail-Followup-To for those who write to a list')
    code, m = inject(i, [], b'Mail-Followup-To: y\n' + TEXT, env)
    ok(m.content.count(b'Mail-Followup-To') == 1, 'unless there is one')
    code, m = inject(i, [], b'To: q@x.test\n\n', env)
    ok(b'Mail-Followup-To' not in m.content, 'or no list is written to')
    code, m = inject(i, [], b'To: a@x.test', env)
    ok(m.content.startswith(b'To: a@x.test\nDate: ') and
       m.content.endswith(b'\nMail-Followup-To: a@x.test\n'),
       'at the end of a header without its last line break')


def answers(i):
    for answer, code in (('Z 4.3.1 full', 111), ('N 5.3.4 large', 100),
                         ('close', 111), ('K', 0)):
        i.answer(answer)
        ok(inject(i, ['a@x.test'])[0] == code,
           'the queue says %s: %d' % (answer, code))


def main():
    with Instance() as i:
        for part in (recipients, printed, authors, senders, fields, answers):
            part(i)
    end()


main()

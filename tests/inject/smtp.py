#!/usr/bin/python3
"""sendmail -bs as Symfony, Laravel and Alpine call it"""
import os
import signal
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from instance import *


class Pipes(smtplib.SMTP):
    """smtplib's dialogue on the pipes of a program."""

    def __init__(self, i, args):
        super().__init__(local_hostname='caller.test')
        self.p = subprocess.Popen([BIN + '/sendmail', *args], env=i.env(),
                                  stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.file = self.p.stdout
        self.sock = self
        assert self.getreply()[0] == 220

    def sendall(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def close(self):
        if self.p.stdin:
            self.p.stdin.close()
        self.file = self.sock = None


def dialogue(i, text, args=('-bs',)):
    p = i.run('sendmail', args, text)
    replies = [line[:3].decode() for line in p.stdout.split(b'\r\n')
               if line[3:4] == b' ']
    return p.returncode, ' '.join(replies)


def sessions(i):
    with_args = (['-bs'], ['-bs', '-i'], ['-bs', '-odb', '-oem'])
    for args in with_args:
        s = Pipes(i, args)
        s.ehlo()
        s.sendmail('ann@x.test', ['bob@x.test', 'carl'],
                   b'Subject: s\r\n\r\n.\r\n..b\r\n',
                   mail_options=['RET=HDRS', 'ENVID=e1'],
                   rcpt_options=['NOTIFY=NEVER'])
        m = i.one()
        ok(m.sender == b'ann@x.test' and
           m.rcpts == [b'bob@x.test', b'carl@mail.example.org'] and
           m.all(NOTIFY) == [b'\1', b'\1'] and m.all(RET) == [b'\2'] and
           m.all(ENVID) == [b'e1'] and m.all(VIA) == [b'esmtp'],
           'a message through sendmail %s' % ' '.join(args), m.fields)
        ok(m.content.startswith(b'Subject: s\nDate: ') and
           m.content.endswith(b'\n\n.\n..b\n'), 'as it was sent, completed')
        s.sendmail('ann@x.test', ['bob@x.test'], b'To: x@y.test\r\n\r\nb\r\n')
        ok(len(i.got()) == 1, 'and another')
        s.quit()
        ok(s.p.wait() == 0, 'QUIT ends it')


def answers(i):
    s = Pipes(i, ['-bs'])
    for answer, code, words in (('Z 4.3.1 full', 452, b'4.3.1 full'),
                                ('N 5.7.1 not you', 550, b'5.7.1 not you'),
                                ('N 5.3.4 large', 552, b'5.3.4 large'),
                                ('early 5.3.4 large', 552, b'5.3.4 large'),
                                ('close', 451, b'may have been queued'),
                                ('K', 250, b'queued as')):
        i.answer(answer)
        s.ehlo_or_helo_if_needed()
        s.mail('a@x.test')
        s.rcpt('b@x.test')
        got = s.data(b'A: b\r\n\r\n' + b'x\r\n' * 1000000)
        ok(got[0] == code and words in got[1], 'the queue says %s: %d' %
           (answer, code), got)
    s.mail('a@x.test')
    s.rcpt('b@x.test')
    got = s.data(b'X: ' + b'x' * 5000000)
    ok(got[0] == 552, 'a header above the limit: 552', got)
    s.quit()
    s.p.wait()
    i.got()


def ends(i):
    code, replies = dialogue(i, b'EHLO x\nMAIL FROM:<a>\nRCPT TO:<b>\nDATA\n'
                             b'hi\n.\nQUIT\n')
    m = i.one()
    ok(code == 0 and replies == '220 250 250 250 354 250 221' and
       m.content.endswith(b'\n\nhi\n'), 'LF ends lines as well', replies)
    code, replies = dialogue(i, b'EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\n'
                             b'DATA\r\nhi\r\n')
    ok(code == 75 and not i.got(),
       'a caller that hangs up within the content leaves nothing')
    code, replies = dialogue(i, b'EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\n')
    ok(code == 75, 'or before it')
    code, replies = dialogue(i, b'EHLO x\r\n')
    ok(code == 0, 'without a transaction hanging up is fine')
    code, replies = dialogue(i, b'')
    ok(code == 0 and replies == '220', 'even at once')
    code, replies = dialogue(
        i, b'MAIL FROM:<>\r\nRCPT TO:<x@y.test>\r\nDATA\r\n.\r\nRSET\r\n'
        b'MAIL FROM:<a@x+>\r\nRCPT TO:<"a\nb"@y.test>\r\nQUIT\r\n')
    ok(replies == '220 250 250 354 250 250 250 501 500 221' and
       len(i.got()) == 1, 'an address with a line break is refused', replies)
    p = subprocess.Popen([BIN + '/sendmail', '-bs'], env=i.env(),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write(b'MAIL FROM:<>\nRCPT TO:<a>\nDATA\n' + b'x\n' * 2000000)
    p.stdin.flush()
    p.kill()
    p.wait()
    p.stdin.close()
    p.stdout.close()
    ok(not i.got(), 'a killed one leaves nothing')


def sizes(i):
    p = subprocess.Popen([BIN + '/sendmail', '-bs'], env=i.env(),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write(b'MAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\nA: b\r\n\r\n')
    for _ in range(100):
        p.stdin.write((b'x' * 998 + b'\r\n') * 1049)
    p.stdin.flush()
    with open('/proc/%d/status' % p.pid) as f:
        peak = [int(line.split()[1]) for line in f if 'VmHWM' in line][0]
    p.communicate(b'.\r\nQUIT\r\n')
    ok(p.returncode == 0 and len(i.one().content) > 104000000,
       '100 MB arrive')
    if 'san' in BIN:
        skip('memory is not measured under a sanitizer')
    else:
        ok(peak < 8192, 'in less than 8 MB of memory: %d kB' % peak)
    code, replies = dialogue(
        i, b'MAIL FROM:<>\r\n' + b''.join(
            b'RCPT TO:<u%d@x.test>\r\n' % n for n in range(50000)) +
        b'DATA\r\n.\r\nQUIT\r\n')
    ok(len(i.one().rcpts) == 50000, '50,000 recipients')


def main():
    with Instance() as i:
        for part in (sessions, answers, ends, sizes):
            part(i)
    end()


main()

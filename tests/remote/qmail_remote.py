#!/usr/bin/python3
"""godwit-remote host sender recipient...: qmail-remote's interface."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from remote_manager import program, sanitized  # noqa: E402
from remote_tap import end, ok, skip  # noqa: E402
from smtp_server import Server  # noqa: E402

TEXT = b'Subject: test\n\nhello\n.dot\n'
home = tempfile.mkdtemp(prefix='godwit-remote.')
control = os.path.join(home, 'control')
os.mkdir(control)
os.chmod(home, 0o755)


def setting(name, value, mode=0o644):
    path = os.path.join(control, name)
    if os.path.exists(path):
        os.unlink(path)
    if value is not None:
        with open(path, 'w') as f:
            f.write(value + '\n')
        os.chmod(path, mode)


def run(*words, message=TEXT, user=None):
    """The exit code, recipients' reports, the message's, standard error."""
    prefix = []
    if user and os.geteuid() == 0:
        prefix = ['setpriv', '--reuid=' + user, '--regid=nogroup',
                  '--clear-groups']
    r = subprocess.run(prefix + [program()] + list(words), input=message,
                       capture_output=True,
                       env=dict(os.environ, GODWIT_HOME=home))
    parts = r.stdout.split(b'\0')
    assert not parts or parts[-1] == b'', r.stdout
    return r.returncode, parts[:-2], parts[-2] if len(parts) > 1 else b'', \
        r.stderr.decode()


def letters(result):
    code, rcpts, message, _ = result
    return code, ''.join(chr(p[0]) for p in rcpts), chr(message[0])


def check(behaviour, rcpts, want, name):
    server = Server(behaviour)
    setting('smtproutes', ':127.0.0.1:%d' % server.port)
    got = run('example.org', 'ann@example.net', *rcpts)
    ok(letters(got) == want, name, got)
    server.close()
    return got, server


def test_letters():
    got, server = check('normal', ['a@x', 'b@x'], (0, 'rr', 'K'),
                        'accepted: r for each, and K')
    m = server.complete()
    ok(len(m) == 1 and bytes(m[0].kept) ==
       b'Subject: test\r\n\r\nhello\r\n..dot\r\n' and
       b'MAIL FROM:<ann@example.net>' in m[0].commands[0],
       'the message arrives as it was', m and m[0].commands)
    got, _ = check('rcpt-550', ['a@x'], (0, 'h', 'D'),
                   'refused at RCPT for good: h and D')
    ok(b'550' in got[1][0], 'with the words of the server', got)
    check('rcpt-451', ['a@x'], (0, 's', 'Z'),
          'refused at RCPT for now: s and Z')
    check('mail-550', ['a@x', 'b@x'], (0, 'hh', 'D'),
          'refused at MAIL: h for each, and D')
    check('greeting-drop', ['a@x'], (0, 's', 'Z'),
          'a connection that is lost: s and Z')
    words = [b'250 ok\r\n', b'550 5.1.1 no\r\n', b'451 4.2.1 later\r\n']
    got, server = check({'rcpt': [lambda conn: conn.send(words.pop(0))]},
                        ['a@x', 'b@x', 'c@x'], (0, 'rhs', 'K'),
                        'one of each, in the order of the recipients')
    ok(len(server.complete()) == 1, 'the message was sent once')
    setting('smtproutes', ':127.0.0.1:1')
    ok(letters(run('example.org', '', 'a@x')) == (0, 's', 'Z'),
       'nobody there: s and Z')


def test_many():
    server = Server()
    setting('smtproutes', ':127.0.0.1:%d' % server.port)
    rcpts = ['r%d@example.org' % i for i in range(250)]
    got = run('example.org', '', *rcpts)
    ok(letters(got) == (0, 'r' * 250, 'K'), 'two hundred and fifty '
       'recipients are reported', got[2:])
    seen = [c for m in server.complete() for c in m.commands
            if c.startswith(b'RCPT')]
    ok(len(seen) == len(set(seen)) == 250, 'and told to the server once each')
    server.close()


def test_hosts():
    server = Server()
    setting('smtproutes', 'relay.example:127.0.0.1:%d' % server.port)
    ok(letters(run('relay.example', '', 'a@relay.example'))[2] == 'K',
       'smtproutes counts')
    got = run('nowhere.invalid', '', 'a@nowhere.invalid')
    ok(letters(got) == (0, 'h', 'D'), 'a host that does not exist: h and D',
       got)
    got = run('relay.example', '', 'a@relay.example', message=b'a\n' * 400000)
    ok(letters(got)[2] == 'K' and server.complete()[-1].length == 3 * 400000,
       'a large message', got)
    big = run('relay.example', '', 'a@relay.example',
              message=b'S: x\n\n' + b'y' * 5000 + b'\n')
    ok(letters(big)[2] == 'K' and b'quoted-printable' in
       bytes(server.complete()[-1].kept), 'long lines are converted', big)
    server.close()


def test_usage():
    for words in ((), ('host',), ('host', 'sender')):
        got = run(*words) if words else None
        if got:
            ok(letters(got) == (0, '', 'D'), '%d words: D, exit 0' %
               len(words), got)
    got = run('host', 'ann@example.net', 'a' * 2000 + '@x')
    ok(letters(got) == (0, '', 'D'), 'an address that is too long: D', got)
    setting('smtproutes', 'x:y:z')
    ok(letters(run('h', '', 'a@h')) == (0, '', 'Z'),
       'a wrong smtproutes: Z')
    setting('smtproutes', None)
    setting('me', None)
    ok(letters(run('[127.0.0.1]', '', 'a@h')) == (0, 's', 'Z'),
       'no setting me: s and Z')
    setting('me', 'client.example')


def test_ordinary():
    server = Server()
    setting('smtproutes', 'relay.example:127.0.0.1:%d' % server.port)
    got = run('relay.example', '', 'a@relay.example', user='nobody')
    ok(letters(got)[2] == 'K', 'an ordinary user may run it', got)
    if os.geteuid() == 0:
        setting('smtpauth', '127.0.0.1:ann:secret', 0o400)
        got = run('nowhere.invalid', '', 'a@nowhere.invalid', user='nobody')
        ok(letters(got) == (0, 'h', 'D'), 'secrets that he cannot read are '
           'none of a host without a relay', got)
        got = run('relay.example', '', 'a@relay.example', user='nobody')
        ok(letters(got) == (0, 's', 'Z'), 'for a relay they are missed: Z',
           got)
        setting('smtpauth', None)
        setting('tlscert', 'only root and who it is for', 0o400)
        setting('tlskey', 'knows what stands here', 0o400)
        setting('smtptoken', '127.0.0.1:ann:token')
        os.mkdir(os.path.join(home, 'control', 'tokens'), 0o700)
        got = run('nowhere.invalid', '', 'a@nowhere.invalid', user='nobody')
        ok(letters(got) == (0, 'h', 'D'), 'nor are a key and tokens', got)
        for name in ('tlscert', 'tlskey', 'smtptoken'):
            setting(name, None)
    else:
        skip('secrets that he cannot read', 'needs root')
    server.close()


def main():
    setting('me', 'client.example')
    if os.geteuid() == 0 and subprocess.run(
            ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups',
             'test', '-x', program()]).returncode:
        folder = os.path.join(home, 'bin')
        os.mkdir(folder)
        os.environ['BIN'] = folder if shutil.copy(program(), folder) else ''
    test_letters()
    test_many()
    test_hosts()
    test_usage()
    test_ordinary()
    shutil.rmtree(home)
    end()


main()

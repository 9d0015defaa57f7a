"""Plays the manager for godwit-remote: sends jobs, reads reports.

The forms are base/job.h's.  Remote(settings) is a running program with its
own folder of settings; always close() it.
"""
import hashlib
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

REPEAT, SMTPUTF8, REQUIRETLS, HEADER8, BODY8, NUL, BARE_CR, LONG_LINE = (
    1 << i for i in range(8))
DAMAGED, SITE_DOWN = 1, 2
WORDS = {'+': 'done', '~': 'later', '-': 'never'}


def short(value):
    return struct.pack('<H', len(value)) + value


def job(number, rcpts, content=b'', route=b'', port=0, site=b'example.org',
        sender=b'ann@example.net', flags=0, offset=0, length=None, digest=None,
        ret=0, envid=b'', notify=0, orcpt=b''):
    """A job's datagram; recipients get the indexes 0, 1, ..."""
    if digest is None:
        digest = hashlib.blake2b(content, digest_size=32).digest()
    if length is None:
        length = len(content)
    b = b'J' + struct.pack('<QQQIIQQ', number, number, 0, 1, flags, offset,
                           length)
    b += digest + struct.pack('<BBII', ret, 0, port, len(rcpts))
    b += short(envid) + short(sender) + short(site) + short(route)
    for i, rcpt in enumerate(rcpts):
        b += struct.pack('<IB', i, notify) + short(rcpt) + short(orcpt)
    return b


def program():
    return os.path.join(os.environ.get('BIN', 'build/bin'), 'godwit-remote')


def sanitized():
    """Whether the program was built with a sanitizer, which takes memory."""
    with open(program(), 'rb') as f:
        return b'__asan_init' in f.read()


class Report:
    def __init__(self, data):
        kind, self.number, self.index, self.flags, letter = struct.unpack(
            '<cQIIc', data[:18])
        assert kind == b'R', data
        rest, fields = data[18:], []
        while rest:
            n, = struct.unpack('<H', rest[:2])
            fields.append(rest[2:2 + n].decode('ascii'))
            rest = rest[2 + n:]
        self.word = WORDS[letter.decode()]
        self.code, self.text, self.host = fields

    def __repr__(self):
        return '%d/%d %s %s %s %r flags=%d' % (
            self.number, self.index, self.word, self.code, self.host,
            self.text, self.flags)


class Remote:
    def __init__(self, modes={}, tokens=None, links={}, files=None,
                 **settings):
        """modes: of settings that are not for all to read; tokens: what
        stands in their files; links: settings that are symbolic links, and
        where to; files: its soft and its hard limit of descriptors."""
        self.home = tempfile.mkdtemp(prefix='godwit-remote.')
        control = os.path.join(self.home, 'control')
        os.mkdir(control)
        settings.setdefault('me', 'client.example')
        for name, value in settings.items():
            path = os.path.join(control, name)
            with open(path, 'w') as f:
                f.write('%s\n' % value)
            os.chmod(path, modes.get(name, 0o644))
        for name, target in links.items():
            os.symlink(target, os.path.join(control, name))
        self.tokens = os.path.join(control, 'tokens')
        if tokens is not None:
            os.mkdir(self.tokens)
            for name, text in tokens.items():
                self.put_token(name, text)
        os.chmod(self.home, 0o755)
        self.spool = os.path.join(self.home, 'message')
        self.sock, theirs = socket.socketpair(socket.AF_UNIX,
                                              socket.SOCK_SEQPACKET)
        life, self.life = os.pipe()
        log = os.path.join(self.home, 'log')
        a, b = os.dup(theirs.fileno()), os.dup(self.life)
        with open(log, 'w') as f:
            self.process = subprocess.Popen(
                ['/bin/bash', '-c',
                 ('ulimit -Sn %d; ulimit -Hn %d; ' % files if files else '') +
                 'exec "$0" 3<&%d 4>&%d %d<&- %d>&-' % (a, b, a, b),
                 program()],
                pass_fds=(a, b), stderr=f, stdin=subprocess.DEVNULL,
                env=dict(os.environ, GODWIT_HOME=self.home))
        for fd in (a, b, life):
            os.close(fd)
        theirs.close()
        self.number = 0
        self.logfile = log

    def put_token(self, name, text, mode=0o600):
        """In the place of the one before, at once."""
        new = os.path.join(self.tokens, '.new')
        with open(new, 'w') as f:
            f.write(text)
        os.chmod(new, mode)
        os.rename(new, os.path.join(self.tokens, name))

    def log(self):
        with open(self.logfile, errors='replace') as f:
            return f.read()

    def send(self, content, rcpts, **facts):
        """Sends a job of a new file that holds content; its number."""
        with open(self.spool, 'wb') as f:
            f.write(content)
        number = self.send_file(self.spool, rcpts, content=content, **facts)
        os.unlink(self.spool)
        return number

    def send_file(self, path, rcpts, **facts):
        self.number += 1
        fd = os.open(path, os.O_RDONLY)
        try:
            self.send_raw(job(self.number, rcpts, **facts), fd)
        finally:
            os.close(fd)
        return self.number

    def send_raw(self, data, fd=None):
        if fd is None:
            self.sock.send(data)
        else:
            socket.send_fds(self.sock, [data], [fd])

    def reports(self, count, wait=120):
        """The next count reports, fewer if they don't come in time."""
        found, end = [], time.monotonic() + wait
        while len(found) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                break
            data = self.sock.recv(65536)
            if not data:
                break
            found.append(Report(data))
        return sorted(found, key=lambda r: (r.number, r.index))

    def memory(self):
        """The most memory it ever had resident, in KiB."""
        with open('/proc/%d/status' % self.process.pid) as f:
            for line in f:
                if line.startswith('VmHWM'):
                    return int(line.split()[1])
        return 0

    def shut(self):
        self.sock.shutdown(socket.SHUT_WR)

    def end(self, wait=120):
        """The exit code after the manager ended."""
        try:
            return self.process.wait(wait)
        except subprocess.TimeoutExpired:
            return None

    def close(self):
        """Ends it; the exit code."""
        try:
            self.shut()
        except OSError:
            pass
        code = self.end()
        if code is None:
            self.process.kill()
            self.process.wait()
        self.sock.close()
        os.close(self.life)
        shutil.rmtree(self.home, ignore_errors=True)
        return code

"""A folder of settings and a queue that keeps what it gets, for tests of the
commands; and the few words of TAP they need."""
import os
import shutil
import subprocess
import sys
import tempfile

BIN = os.path.abspath(os.environ.get('BIN', 'build/bin'))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SENDER, RCPT, NOTIFY, RET, ENVID, BODY, FLAGS, VIA = 1, 2, 3, 5, 6, 7, 8, 18

count = failed = 0


def ok(good, name, *notes):
    global count, failed
    count += 1
    failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', count, name), flush=True)
    if not good:
        for note in notes:
            print('# ' + repr(note))
    return good


def skip(name):
    global count
    count += 1
    print('ok %d # SKIP %s' % (count, name), flush=True)


def end():
    print('1..%d' % count)
    sys.exit(failed != 0)


class Instance:
    """with Instance() as i: i.run('sendmail', [...], b'...')"""

    def __init__(self, **settings):
        self.home = tempfile.mkdtemp(prefix='godwit-inject-')
        os.chmod(self.home, 0o755)
        os.mkdir(self.home + '/control')
        for name, value in {'me': 'mail.example.org', **settings}.items():
            self.set(name, value)
        self.server = None
        self.taken = 0

    def __enter__(self):
        self.serve()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.home)

    def set(self, name, value):
        with open('%s/control/%s' % (self.home, name), 'w') as f:
            f.write(value + '\n')

    def answer(self, text):
        with open(self.home + '/answer.new', 'w') as f:
            f.write(text)
        os.rename(self.home + '/answer.new', self.home + '/answer')

    def serve(self):
        self.server = subprocess.Popen(
            [ROOT + '/tests/fake/submit_server.py', self.home],
            stdout=subprocess.PIPE)
        self.server.stdout.readline()

    def stop(self):
        if self.server:
            self.server.kill()
            self.server.wait()
            self.server.stdout.close()
            self.server = None
            os.unlink(self.home + '/run/submit')

    def env(self, extra=None):
        env = {'PATH': os.environ['PATH'], 'GODWIT_HOME': self.home}
        env.update(extra or {})
        return env

    def run(self, program, args=(), stdin=b'', env=None, **more):
        """The finished process, its output captured."""
        if isinstance(stdin, bytes):
            more['input'] = stdin
        else:
            more['stdin'] = stdin
        return subprocess.run([BIN + '/' + program, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.env(env), timeout=120, **more)

    def got(self):
        """Content and fields of each message kept since the last call."""
        folder = self.home + '/got'
        names = sorted((int(name.split('.')[0]), name)
                       for name in os.listdir(folder)
                       if name.endswith('.envelope'))
        out = []
        for n, name in names:
            with open('%s/%d.content' % (folder, n), 'rb') as f:
                content = f.read()
            fields = []
            with open('%s/%s' % (folder, name), 'rb') as f:
                for line in f:
                    tag, _, value = line.decode().partition(' ')
                    fields.append((int(tag), eval(value)))
            out.append(Message(content, fields))
        for name in os.listdir(folder):
            os.unlink('%s/%s' % (folder, name))
        return out

    def one(self):
        """The one message kept since the last call, or an empty one."""
        got = self.got()
        return got[0] if len(got) == 1 else Message(b'', [])


class Message:
    def __init__(self, content, fields):
        self.content = content
        self.fields = fields

    def all(self, tag):
        return [value for t, value in self.fields if t == tag]

    @property
    def sender(self):
        return (self.all(SENDER) + [None])[0]

    @property
    def rcpts(self):
        return self.all(RCPT)

    def header(self, name):
        """The first field of that name, as it stands; None."""
        for line in self.content.split(b'\n\n')[0].split(b'\n'):
            if line.lower().startswith(name.lower().encode() + b':'):
                return line
        return None

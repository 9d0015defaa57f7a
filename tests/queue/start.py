#!/usr/bin/python3
"""godwit start with programs that record what they got and do as told."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(os.environ.get('BIN', 'build/bin'))
ROOT = os.geteuid() == 0
SPLIT = sys.argv[1:2] == ['split']
NOBODY = 65534
LIMIT = 120  # seconds anything may take

FAKE = r'''#!/usr/bin/python3 -I
import fcntl, json, os, resource, select, signal, socket, stat, sys, time
name = os.path.basename(sys.argv[0])
home = os.environ['GODWIT_HOME']
log = '%s/log/%s.%d' % (home, name, os.getpid())

def write(suffix, text):
    with open(log + suffix + '.tmp', 'w') as f:
        f.write(text)
    os.rename(log + suffix + '.tmp', log + suffix)

def note(suffix, line):
    with open(log + suffix, 'a') as f:
        f.write(line + '\n')

def script(key, default=None):
    try:
        with open('%s/script/%s' % (home, name)) as f:
            return json.load(f).get(key, default)
    except FileNotFoundError:
        return default

def wait_for_leave():
    while not os.path.exists(home + '/script/leave'):
        time.sleep(0.01)

def describe(fd):
    st = os.fstat(fd)
    d = {'path': os.readlink('/proc/self/fd/%d' % fd), 'inode': st.st_ino,
         'flags': fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE}
    if stat.S_ISSOCK(st.st_mode):
        s = socket.socket(fileno=os.dup(fd))
        d['type'] = s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
        d['listens'] = s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        d['kind'] = 'socket'
    else:
        d['kind'] = {stat.S_IFDIR: 'folder', stat.S_IFIFO: 'pipe',
                     stat.S_IFREG: 'file', stat.S_IFCHR: 'device',
                     }[stat.S_IFMT(st.st_mode)]
    return d

def record():
    fds = {}
    for fd in os.listdir('/proc/self/fd'):
        try:
            fds[fd] = describe(int(fd))
        except FileNotFoundError:
            pass
        except OSError as e:
            if e.errno != 9:
                raise
    mask = os.umask(0)
    os.umask(mask)
    status = dict(line.split(':', 1) for line in open('/proc/self/status')
                  if ':' in line)
    return {
        'name': name, 'pid': os.getpid(), 'when': time.monotonic(),
        'uid': os.getresuid(), 'gid': os.getresgid(),
        'groups': os.getgroups(), 'umask': mask, 'fds': fds,
        'pgrp': os.getpgrp(), 'core': resource.getrlimit(resource.RLIMIT_CORE),
        'nnp': int(status['NoNewPrivs']), 'cwd': os.getcwd(),
        'blocked': int(status['SigBlk'], 16),
        'ignored': int(status['SigIgn'], 16),
        'notify': os.environ.get('NOTIFY_SOCKET'),
    }

def enqueue():
    select.select([6], [], [])
    note('.eof', 'start ended')

def manager():
    channel = socket.socket(fileno=3)
    workers = []
    channel.send(b'ready')
    while True:
        data, fds, flags, address = socket.recv_fds(channel, 100, 4)
        if not data:
            break
        for fd in fds:
            s = socket.socket(fileno=fd)
            workers.append(s)
            try:
                s.send(b'hello')
            except OSError:
                pass
        note('.workers', '%s %d' % (data.decode(), len(fds)))
    note('.eof', 'start ended')
    if script('linger'):
        wait_for_leave()

def deliverer():
    """One that its worker leaves behind."""
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.close(3)
        write('.deliverer', str(os.getpid()))
        wait_for_leave()
        write('.delivered', str(time.monotonic()))
        os._exit(0)

def worker():
    jobs = socket.socket(fileno=3)
    hang = script('hang')
    if script('deliverer'):
        deliverer()
    while True:
        data = jobs.recv(100)
        if not data:
            break
        note('.jobs', data.decode())
    if hang:
        while True:
            time.sleep(1)

if name == 'godwit':
    note('.check', ' '.join(sys.argv))
    sys.exit(script('exit', 0))
if script('ignore_term'):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *a: os._exit(0))
facts = record()
for sig in (signal.SIGHUP, signal.SIGALRM):
    signal.signal(sig, lambda s, frame: note('.signals', str(s)))
write('.json', json.dumps(facts))
if script('exit') is not None:
    sys.exit(script('exit'))
{'godwit-enqueue': enqueue, 'godwit-manager': manager,
 'godwit-remote': worker, 'godwit-local': worker}[name]()
'''

PROGRAMS = ['godwit-enqueue', 'godwit-manager', 'godwit-remote',
            'godwit-local']
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', count, name), flush=True)
    return good


def until(what, seconds=LIMIT):
    """What it returned when it was first true; None if it never was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.005)
    return None


class Site:
    """An instance, its programs and one start after another."""

    def __init__(self, home_length=0):
        self.top = tempfile.mkdtemp(prefix='godwit-start.')
        os.chmod(self.top, 0o755)
        self.home = self.top + '/home'
        while len(self.home) < home_length:
            self.home += '/' + 'x' * min(50, home_length - len(self.home))
        self.bin = self.top + '/bin'
        os.mkdir(self.bin)
        for name in PROGRAMS + ['godwit']:
            with open(self.bin + '/' + name, 'w') as f:
                f.write(FAKE)
            os.chmod(self.bin + '/' + name, 0o755)
        # Under a name of its own, for "godwit check" is a fake too.
        self.godwit = self.bin + '/supervisor'
        shutil.copy(BIN + '/godwit', self.godwit)
        os.chmod(self.godwit, 0o755)
        if ROOT and not SPLIT:
            os.chown(self.top, NOBODY, NOBODY)
        self.starts = []
        self.lines = self.top + '/stderr'

    def __enter__(self):
        return self

    def __exit__(self, *args):
        for p in self.starts:
            if p.poll() is None:
                p.kill()
                p.wait()
        for r in self.records():
            if self.alive(r['pid']):
                os.kill(r['pid'], signal.SIGKILL)
        for pid in self.deliverers():
            if self.alive(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.top, ignore_errors=True)

    def run(self, *args, **more):
        user = {}
        if ROOT and not SPLIT:
            user = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        env = dict(os.environ, GODWIT_HOME=self.home)
        env.update(more.pop('env', {}))
        return subprocess.Popen([self.godwit] + list(args), env=env,
                                **user, **more)

    def init(self):
        p = self.run('init', '--me', 'mx.example.org',
                     stdout=subprocess.PIPE)
        p.communicate()
        for name in ('log', 'script'):
            os.mkdir(self.home + '/' + name)
            os.chmod(self.home + '/' + name, 0o1777)
        return p.returncode

    def start(self, *args, **more):
        with open(self.lines, 'ab') as err:
            p = self.run('start', *args, stderr=err, stdout=err, **more)
        self.starts.append(p)
        return p

    def script(self, name, **what):
        with open('%s/script/%s' % (self.home, name), 'w') as f:
            json.dump(what, f)

    def leave(self):
        open(self.home + '/script/leave', 'w').close()

    def stderr(self):
        with open(self.lines, 'rb') as f:
            return f.read().decode(errors='replace')

    def says(self, pattern, times=1):
        return until(lambda: len(re.findall(pattern, self.stderr(),
                                            re.M)) >= times)

    def logs(self, ending):
        folder = self.home + '/log/'
        if not os.path.isdir(folder):
            return []
        return [folder + n for n in os.listdir(folder) if n.endswith(ending)]

    def records(self, name=None):
        got = []
        for path in self.logs('.json'):
            with open(path) as f:
                got.append(json.load(f))
        got.sort(key=lambda r: r['when'])
        return [r for r in got if name in (None, r['name'])]

    def nth(self, name, n):
        """The record of the nth start of a program."""
        got = until(lambda: len(self.records(name)) >= n)
        return self.records(name)[n - 1] if got else None

    def note(self, record, suffix):
        path = '%s/log/%s.%d%s' % (self.home, record['name'], record['pid'],
                                   suffix)
        if not os.path.exists(path):
            return ''
        with open(path) as f:
            return f.read()

    def deliverers(self):
        return [int(open(p).read()) for p in self.logs('.deliverer')]

    def alive(self, pid):
        try:
            with open('/proc/%d/stat' % pid) as f:
                state = f.read().rsplit(')', 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state[0] not in 'ZX'

    def up(self, *args, **more):
        """Started, ready, and all four have recorded themselves."""
        p = self.start(*args, **more)
        self.says('^ready$')
        for name in PROGRAMS:
            self.nth(name, 1)
        manager = self.nth('godwit-manager', 1)
        until(lambda: self.note(manager, '.workers').count('\n') == 2)
        return p


def ended(p):
    try:
        return p.wait(LIMIT)
    except subprocess.TimeoutExpired:
        return None


def stopped(p):
    p.terminate()
    return ended(p)


def test_nothing_there():
    with Site() as s:
        p = s.start()
        ok(ended(p) == 111 and 'godwit init' in s.stderr(),
           'without an instance start says how to make one, exit 111')
        ok(s.stderr().count('\n') == 1, 'in one line')
        s.init()
        os.rmdir(s.home + '/queue/bounce')
        os.unlink(s.home + '/queue/trigger')
        ok(ended(s.start()) == 111 and
           re.search('queue/bounce why="missing', s.stderr()) and
           re.search('queue/trigger why="missing', s.stderr()),
           'a line for each thing that is missing')
        p = s.run('init', stdout=subprocess.DEVNULL)
        p.wait()
        os.unlink(s.bin + '/godwit-local')
        ok(ended(s.start()) == 111 and
           re.search('godwit-local why="No such file', s.stderr()),
           'a program that is not beside godwit is named')


def test_ready():
    with Site() as s:
        s.init()
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(s.top + '/notify')
        os.chmod(s.top + '/notify', 0o666)
        notify.settimeout(LIMIT)
        r, w = os.pipe()
        p = s.up('--ready-fd', str(w), pass_fds=[w],
                 env={'NOTIFY_SOCKET': s.top + '/notify'})
        os.close(w)
        ok(os.read(r, 10) == b'\n' and os.read(r, 10) == b'',
           'a newline goes to the descriptor given, which is closed then')
        ok(notify.recv(100) == b'READY=1', 'NOTIFY_SOCKET gets READY=1')
        ok(s.stderr().count('\nready\n') == 1, 'one line says ready')
        ok(all(not r['notify'] for r in s.records()),
           'the programs do not see NOTIFY_SOCKET')
        for name in ('submit', 'control'):
            st = os.stat('%s/run/%s' % (s.home, name))
            ok(stat.S_IMODE(st.st_mode) == 0o666,
               'everybody may connect to run/' + name)
        ok(stat.S_IMODE(os.stat(s.home + '/run/door').st_mode) == 0o600,
           "run/door is for the manager's user alone")
        manager = s.nth('godwit-manager', 1)
        os.kill(manager['pid'], signal.SIGKILL)
        s.nth('godwit-manager', 2)
        ok(stopped(p) == 0, 'TERM ends it with exit 0')
        ok(s.stderr().count('\nready\n') == 1,
           'ready is said once, whatever is started again')
        ok(not os.listdir(s.home + '/run'), 'and no socket is left in run/')
        ok(not any(s.alive(r['pid']) for r in s.records()),
           'and no program')


def shape(r, fd):
    d = r['fds'][fd]
    if d['kind'] == 'socket':
        return (d['kind'], d['type'], d['listens'])
    return (d['kind'], os.path.basename(d['path']), d['flags'])


def check_descriptors(s):
    stream = ('socket', socket.SOCK_STREAM, 1)
    packets = ('socket', socket.SOCK_SEQPACKET, 0)
    enqueue, manager, remote, local = (s.nth(n, 1) for n in PROGRAMS)
    for r, n in ((enqueue, 8), (manager, 6), (remote, 5), (local, 5)):
        ok(sorted(r['fds']) == [str(i) for i in range(n)],
           '%s has its descriptors and no other' % r['name'])
        ok(r['fds']['0']['path'] == '/dev/null' and
           r['fds']['1']['path'] == s.lines and
           r['fds']['2']['path'] == s.lines,
           '%s reads nothing and writes to the log' % r['name'])
        ok(r['core'] == [0, 0] and r['pgrp'] == r['pid'] and
           r['blocked'] == 0 and r['cwd'] == '/',
           '%s has no core files, a group of its own, no signal blocked'
           % r['name'])
        ok(r['umask'] == (0o007 if r is enqueue else 0o022),
           '%s has its umask' % r['name'])
        ok(r['nnp'] == (r is not local),
           '%s %s gain rights by setuid programs'
           % (r['name'], 'may' if r is local else 'can not'))
    ok(shape(enqueue, '3') == stream and shape(enqueue, '4') == stream and
       enqueue['fds']['3']['inode'] != enqueue['fds']['4']['inode'],
       'enqueue gets two listening sockets')
    ok(shape(enqueue, '5')[0] == 'folder' and
       enqueue['fds']['5']['path'] == s.home + '/queue/todo',
       'and todo/')
    ok(shape(enqueue, '6')[0] == 'pipe' and shape(enqueue, '6')[2] == 0,
       'and the read end of a pipe')
    ok(enqueue['fds']['7']['path'] == s.home + '/queue/lock',
       "and the spool's lock: no other instance begins while it writes")
    ok(shape(manager, '3') == packets, 'the manager gets its start channel')
    ok(manager['fds']['4']['path'] == s.home + '/queue/lock',
       "and the spool's lock")
    ok(shape(manager, '5') == stream, 'and the listening run/control')
    ok(shape(remote, '3') == packets and shape(local, '3') == packets,
       'workers get a job socket')
    ok(all(shape(r, '4')[0] == 'pipe' and shape(r, '4')[2] == 1
           for r in (remote, local)) and
       remote['fds']['4']['inode'] == local['fds']['4']['inode'] !=
       enqueue['fds']['6']['inode'],
       'and the write end of one life pipe')
    ok(sorted(s.note(manager, '.workers').split('\n')) ==
       ['', 'local 1', 'remote 1'], 'their other ends go to the manager')
    ok(until(lambda: s.note(remote, '.jobs') and s.note(local, '.jobs')),
       'and a datagram of the manager reaches each worker')


def test_descriptors():
    with Site() as s:
        s.init()
        spare = os.open('/dev/zero', os.O_RDONLY)
        p = s.up(pass_fds=[spare])
        check_descriptors(s)
        uid = s.records()[0]['uid']
        ok(all(r['uid'] == [uid[0]] * 3 and uid[0] != 0
               for r in s.records()),
           'an ordinary user runs all of them as himself')
        os.close(spare)
        stopped(p)


def test_descriptors_closed():
    with Site() as s:
        s.init()
        p = s.up(preexec_fn=lambda: os.closerange(0, 2))
        ok(all(r['fds']['0']['path'] == '/dev/null' and
               r['fds']['1']['path'] == s.lines for r in s.records()) and
           sorted(s.nth('godwit-local', 1)['fds']) == list('01234'),
           'start without descriptors 0 and 1 gives the same ones')
        ok(stopped(p) == 0, 'and ends cleanly')


def test_signal_dispositions():
    with Site() as s:
        s.init()

        def ignore():
            for sig in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD,
                        signal.SIGTERM):
                signal.signal(sig, signal.SIG_IGN)

        p = s.up(preexec_fn=ignore)
        ok(s.nth('godwit-local', 1)['ignored'] &
           (1 << (signal.SIGHUP - 1) | 1 << (signal.SIGCHLD - 1)) == 0,
           'ignored signals are not handed down')
        p.send_signal(signal.SIGINT)
        ok(ended(p) == 0, 'INT ends it too, even if ignored by the caller')


def test_restart():
    with Site() as s:
        s.init()
        p = s.up()
        before = s.nth('godwit-enqueue', 1)
        os.kill(before['pid'], signal.SIGKILL)
        after = s.nth('godwit-enqueue', 2)
        ok(after and s.says('^exit program=godwit-enqueue pid=%d signal=9$'
                            % before['pid']),
           'enqueue killed is started again, with a line')
        same = [[r['fds'][fd]['inode'] for fd in '3456']
                for r in (before, after)]
        ok(same[0] == same[1], 'with the same sockets, folder and pipe')
        for name in PROGRAMS[2:]:
            os.kill(s.nth(name, 1)['pid'], signal.SIGKILL)
            after = s.nth(name, 2)
            ok(after and until(lambda: s.note(after, '.jobs') == 'hello\n'),
               name + ' killed is started again and reached by the manager')
        ok(len(s.records('godwit-manager')) == 1, 'the manager stays')
        os.kill(s.nth('godwit-manager', 1)['pid'], signal.SIGKILL)
        ok(all(s.nth(name, 3) for name in PROGRAMS[2:]) and
           s.nth('godwit-manager', 2),
           'the manager killed is started again with fresh workers')
        ok(until(lambda: s.note(s.nth('godwit-manager', 2),
                                '.workers').count('\n') == 2),
           'whose sockets it gets')
        ok(len(s.records('godwit-enqueue')) == 2, 'enqueue stays')
        ok(stopped(p) == 0, 'TERM still ends it cleanly')


def test_no_refusal():
    with Site() as s:
        s.init()
        p = s.up()
        s.script('godwit-enqueue', exit=3)
        os.kill(s.nth('godwit-enqueue', 1)['pid'], signal.SIGKILL)
        s.says('^exit program=godwit-enqueue pid=[0-9]+ status=3$', 1)
        c = socket.socket(socket.AF_UNIX)
        folder = os.open(s.home + '/run', os.O_PATH)
        c.connect('/proc/self/fd/%d/submit' % folder)
        os.close(folder)
        ok(True, 'while enqueue is down run/submit still takes connections')
        s.says('^exit program=godwit-enqueue pid=[0-9]+ status=3$', 4)
        when = [r['when'] for r in s.records('godwit-enqueue')[1:]]
        gaps = [b - a for a, b in zip(when, when[1:])]
        ok(gaps[0] >= 0.2 and gaps[1] >= 0.4,
           'a program that dies at once is started more and more slowly')
        ok(stopped(p) == 0, 'and that does not disturb the end')


def test_deliverer_outlives():
    with Site() as s:
        s.init()
        s.script('godwit-local', deliverer=True)
        p = s.up()
        until(s.deliverers)
        deliverer = s.deliverers()[0]
        s.script('godwit-local')
        os.kill(s.nth('godwit-manager', 1)['pid'], signal.SIGKILL)
        s.says('^exit program=godwit-local')
        s.says('^exit program=godwit-remote')
        until(lambda: len(s.records('godwit-manager')) > 1, 0.5)
        ok(s.alive(deliverer) and len(s.records('godwit-manager')) == 1,
           'no new manager while a deliverer of the old one lives')
        s.leave()
        manager = s.nth('godwit-manager', 2)
        until(lambda: s.logs('.delivered'))
        delivered = float(open(s.logs('.delivered')[0]).read())
        ok(manager and manager['when'] > delivered,
           'the new manager comes after the deliverer has ended')
        ok(s.nth('godwit-remote', 2) and s.nth('godwit-local', 2),
           'with fresh workers')
        ok('kill' not in s.stderr(), 'nobody was killed')
        ok(stopped(p) == 0, 'TERM ends it with exit 0')


def test_drain_limit():
    with Site() as s:
        s.init()
        s.script('godwit-local', deliverer=True, hang=True)
        p = s.up('--drain', '1')
        until(s.deliverers)
        deliverer = s.deliverers()[0]
        s.script('godwit-local')
        os.kill(s.nth('godwit-manager', 1)['pid'], signal.SIGKILL)
        ok(s.nth('godwit-manager', 2),
           'after the limit a new manager comes')
        ok(s.says('^kill program=godwit-local') and
           s.says('^kill pid=%d' % deliverer) and not s.alive(deliverer),
           'the worker and the deliverer that hung were killed, with lines')
        ok(len(s.records('godwit-enqueue')) == 1, 'enqueue was left alone')
        ok(stopped(p) == 0, 'TERM ends it with exit 0')


def test_stop_waits():
    with Site() as s:
        s.init()
        s.script('godwit-local', deliverer=True)
        p = s.up()
        until(s.deliverers)
        p.terminate()
        s.says('^exit program=godwit-local')
        p.terminate()
        ok(p.poll() is None, 'start waits for the last deliverer, '
                             'whatever is sent again')
        s.leave()
        ok(ended(p) == 0, 'and ends with exit 0 after it')
        ok(len(s.records()) == 4, 'nothing was started again')


def test_stop_limit():
    with Site() as s:
        s.init()
        s.script('godwit-enqueue', ignore_term=True)
        p = s.up('--stop', '1')
        ok(stopped(p) == 111, 'who ignores TERM makes the exit code 111')
        ok(s.says('^kill program=godwit-enqueue'), 'and is killed, with a line')
        ok(not any(s.alive(r['pid']) for r in s.records()),
           'no program is left')


def test_still():
    with Site() as s:
        s.init()
        p = s.up('--still', '60')
        remote, manager = (s.nth(n, 1) for n in ('godwit-remote',
                                                 'godwit-manager'))
        os.kill(remote['pid'], signal.SIGSTOP)
        ok(s.says('^stopped program=godwit-remote pid=%d signal=19' %
                  remote['pid']), 'a worker that stands still is told of')
        os.kill(remote['pid'], signal.SIGCONT)
        ok(s.says('^continued program=godwit-remote'),
           'and when it goes on')
        ok('\nkill ' not in s.stderr() and stopped(p) == 0,
           'which it may do, in time')
    with Site() as s:
        s.init()
        p = s.up('--still', '1')
        remote, manager = (s.nth(n, 1) for n in ('godwit-remote',
                                                 'godwit-manager'))
        os.kill(manager['pid'], signal.SIGSTOP)
        s.says('^stopped program=godwit-manager')
        os.kill(remote['pid'], signal.SIGSTOP)
        ok(s.says('^kill program=godwit-remote pid=%d ' % remote['pid']) and
           s.says('^exit program=godwit-remote pid=%d signal=9' %
                  remote['pid']), 'who stays so for too long is killed')
        os.kill(manager['pid'], signal.SIGCONT)
        ok(s.nth('godwit-remote', 2), 'and started again')
        ok('kill program=godwit-manager' not in s.stderr() and
           len(s.records('godwit-manager')) == 1,
           'a manager that stands still is waited for')
        ok(stopped(p) == 0, 'TERM ends it with exit 0')


def test_lock():
    with Site() as s:
        s.init()
        p = s.up()
        second = s.start('--wait', '0')
        ok(ended(second) == 111 and
           s.says('why="another instance runs on this spool"'),
           'a second start on one spool is refused, exit 111')
        third = s.start('--wait', '60')
        ok(s.says('why="waiting for another instance to end"'),
           'one that waits says so')
        ok(stopped(p) == 0 and s.says('^ready$', 2),
           'and runs when the first has ended')
        ok(stopped(third) == 0, 'TERM ends it with exit 0')


def test_start_killed():
    with Site() as s:
        s.init()
        s.script('godwit-manager', linger=True)
        p = s.up()
        enqueue, manager, remote, local = (s.nth(n, 1) for n in PROGRAMS)
        p.kill()
        p.wait()
        ok(until(lambda: not s.alive(enqueue['pid'])) and
           s.note(enqueue, '.eof'), 'start killed: enqueue sees it and ends')
        ok(until(lambda: s.note(manager, '.eof')),
           'the manager sees its channel end')
        ok(ended(s.start('--wait', '0')) == 111,
           'while the manager lives the spool stays locked')
        s.leave()
        ok(until(lambda: not any(s.alive(r['pid'])
                                 for r in (manager, remote, local))),
           'the workers follow the manager')
        ok(os.path.exists(s.home + '/run/submit'), 'stale sockets are left')
        s.script('godwit-manager')
        p = s.start()
        ok(s.says('^ready$', 2) and stopped(p) == 0,
           'and the next start takes their place')


def test_long_path():
    with Site(200) as s:
        s.init()
        p = s.up()
        folder = os.open(s.home + '/run', os.O_PATH)
        c = socket.socket(socket.AF_UNIX)
        c.connect('/proc/self/fd/%d/submit' % folder)
        os.close(folder)
        ok(len(s.home) >= 200 and stopped(p) == 0,
           'a home of 200 bytes works')


def test_relative_home():
    with Site() as s:
        s.init()
        p = s.up(env={'GODWIT_HOME': 'home'}, cwd=s.top)
        ok(s.nth('godwit-enqueue', 1)['fds']['5']['path'] ==
           s.home + '/queue/todo', 'a home named from where we stand works')
        ok(stopped(p) == 0, 'and ends cleanly')


def test_signals():
    with Site() as s:
        s.init()
        p = s.up()
        manager, enqueue = s.nth('godwit-manager', 1), \
            s.nth('godwit-enqueue', 1)
        p.send_signal(signal.SIGALRM)
        ok(until(lambda: s.note(manager, '.signals') == '14\n'),
           'ALRM goes to the manager')
        p.send_signal(signal.SIGHUP)
        ok(until(lambda: s.note(manager, '.signals') == '14\n1\n' and
                 s.note(enqueue, '.signals') == '1\n') and
           s.says('^reload$'),
           'HUP goes to manager and enqueue when godwit check finds no fault')
        s.script('godwit', exit=111)
        p.send_signal(signal.SIGHUP)
        ok(s.says('^refuse reload=111'),
           'a check that finds faults refuses the reload, with a line')
        ok(s.note(manager, '.signals') == '14\n1\n',
           'and nobody hears of it')
        ok(stopped(p) == 0 and len(s.records()) == 4,
           'TERM ends it, nothing was started again')


def test_split():
    """Inside a mount namespace with an /etc of its own."""
    import grp
    import pwd
    with Site() as s:
        ok(s.init() == 0, 'root makes an instance with users')
        p = s.up()
        users = {n: pwd.getpwnam(n) for n in ('godwitq', 'godwits',
                                              'godwitr')}
        spool = grp.getgrnam('godwits').gr_gid
        check_descriptors(s)
        for name, user, groups in (
                ('godwit-enqueue', 'godwitq', [spool]),
                ('godwit-manager', 'godwits', []),
                ('godwit-remote', 'godwitr', [])):
            r = s.nth(name, 1)
            ok(r['uid'] == [users[user].pw_uid] * 3 and
               r['gid'] == [users[user].pw_gid] * 3 and
               r['groups'] == groups, '%s runs as %s' % (name, user))
        ok(s.nth('godwit-local', 1)['uid'] == [0, 0, 0],
           'godwit-local runs as root')
        st = os.stat(s.home + '/run/door')
        ok(st.st_uid == users['godwits'].pw_uid and
           stat.S_IMODE(st.st_mode) == 0o600,
           'run/door belongs to the manager')
        ok(stopped(p) == 0, 'TERM ends it with exit 0')
        os.chown(s.home + '/queue/todo', 12345, 12345)
        ok(ended(s.start()) == 111 and
           s.says('queue/todo why="does not belong to godwits'),
           "root does not start another user's instance")


def in_namespace():
    """test_split where useradd changes a copy of /etc alone."""
    top = tempfile.mkdtemp(prefix='godwit-etc.')
    script = ('cp -a /etc "$1/etc" && mount --bind "$1/etc" /etc && '
              'exec "$2" "$3" split')
    try:
        return subprocess.run(
            ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script,
             'sh', top, sys.executable, os.path.abspath(__file__)],
            stdout=subprocess.PIPE, env=dict(os.environ, BIN=BIN))
    finally:
        shutil.rmtree(top, ignore_errors=True)


def test_as_root():
    global count, failed
    if not ROOT:
        count += 1
        print('ok %d # SKIP only root starts programs as other users' % count)
        return
    p = in_namespace()
    lines = p.stdout.decode().splitlines()
    for line in lines:
        m = re.match(r'(not ok|ok) \d+ - (.*)', line)
        if m:
            ok(m.group(1) == 'ok', m.group(2))
    if not any(re.match(r'1\.\.[1-9]', line) for line in lines):
        count += 1
        print('ok %d # SKIP no private mount namespace here' % count)


if SPLIT:
    test_split()
else:
    for test in (test_nothing_there, test_ready, test_descriptors,
                 test_descriptors_closed, test_signal_dispositions,
                 test_restart, test_no_refusal, test_deliverer_outlives,
                 test_drain_limit, test_stop_waits, test_stop_limit,
                 test_still, test_lock, test_start_killed, test_long_path,
                 test_relative_home, test_signals, test_as_root):
        test()
print('1..%d' % count)
sys.exit(failed != 0)

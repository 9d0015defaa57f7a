"""A root folder for programs of Debian that are not installed: this system's
files, with packages unpacked over them, in namespaces of its own.

fetch(folder, groups) needs the network, as apt-get does.  enter() runs the
calling script anew in its own mount, network and process namespaces, where
all that it starts ends with it.  Root(folder) is made there; nothing of it is
seen from outside, and it goes with the namespace."""
import fcntl
import os
import socket
import struct
import subprocess
import sys

INSIDE = 'GODWIT_TEST_INSIDE'


class Missing(Exception):
    """What cannot be had here, and why."""


def run(argv, **more):
    return subprocess.run(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **more)


def fetch(folder, groups):
    """Packages, by groups that could be installed together, and what they
    need that is not installed, as files."""
    wanted = set()
    try:
        for group in groups:
            r = run(['apt-get', '-s', '-y', '--no-install-recommends',
                     '-o', 'Debug::NoLocking=1', 'install'] + group)
            if r.returncode:
                raise Missing('apt-get does not know ' + ' '.join(group))
            wanted |= {line.split()[1] for line in r.stdout.splitlines()
                       if line.startswith('Inst ')} | set(group)
        r = run(['apt-get', '-q', '-o', 'Acquire::Retries=1', 'download'] +
                sorted(wanted), cwd=folder, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as why:
        raise Missing('packages cannot be fetched: %s' % why)
    if r.returncode:
        raise Missing('packages cannot be fetched: ' +
                      r.stdout.strip().splitlines()[-1])


def inside():
    return INSIDE in os.environ


def enter(folder):
    """Runs this script again within; its exit code."""
    argv = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child',
            '--mount-proc']
    r = run(argv + ['true'])
    if r.returncode:
        raise Missing('no namespaces here: ' + r.stdout.strip())
    return subprocess.run(argv + [sys.executable] + sys.argv,
                          env=dict(os.environ, **{INSIDE: folder})).returncode


def loopback_up():
    up, set_flags = 1, 0x8914  # IFF_UP, SIOCSIFFLAGS
    with socket.socket() as s:
        fcntl.ioctl(s, set_flags, struct.pack('16sh14x', b'lo', up))


class Root:
    def __init__(self, packages):
        """packages: the folder they were fetched to."""
        top = os.path.join(packages, 'top')
        self.path = os.path.join(top, 'root')
        os.mkdir(top)
        script = '''set -e
            mount -t tmpfs tmpfs "$1"
            mkdir "$1/root" "$1/upper" "$1/work"
            mount -t overlay overlay -o \
                "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
            cd "$1/root"
            mount -t proc proc proc
            mount --rbind /dev dev
            mount -t tmpfs tmpfs tmp
            mount -t tmpfs tmpfs run
            chmod 1777 tmp
            for package in "$2"/*.deb; do
                dpkg-deb --fsys-tarfile "$package" |
                    tar -x --keep-directory-symlink
            done'''
        r = run(['sh', '-c', script, 'sh', top, packages])
        if r.returncode:
            raise Missing('no root folder: ' + r.stdout.strip())
        loopback_up()
        self.uid = 900

    def write(self, path, text, mode=0o644):
        path = self.path + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)

    def read(self, path):
        with open(self.path + path, errors='replace') as f:
            return f.read()

    def add_user(self, name, home='/nonexistent'):
        """With a group of its name."""
        self.uid += 1
        for path, line in (('/etc/passwd', '%s:x:%d:%d::%s:/bin/sh\n' % (
                            name, self.uid, self.uid, home)),
                           ('/etc/group', '%s:x:%d:\n' % (name, self.uid))):
            with open(self.path + path, 'a') as f:
                f.write(line)
        if not os.path.exists(self.path + home) and home.startswith('/home'):
            os.makedirs(self.path + home)
            os.chown(self.path + home, self.uid, self.uid)

    def run(self, *argv, text=None):
        return subprocess.run(['chroot', self.path] + list(argv), input=text,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'})

    def spawn(self, log, *argv):
        """A daemon that stays in the foreground; its words go to log."""
        with open(self.path + log, 'ab') as f:
            return subprocess.Popen(
                ['chroot', self.path] + list(argv), stdin=subprocess.DEVNULL,
                stdout=f, stderr=f, start_new_session=True,
                env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'})

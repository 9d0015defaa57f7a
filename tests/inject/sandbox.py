#!/usr/bin/python3
"""sendmail where a setuid mailer could not work"""
import ctypes
import importlib.util
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from instance import *

TEXT = b'Subject: hi\n\nbody\n'


def works(command):
    return subprocess.run(command + ['true'], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def send(i, name, before, sender, program=None):
    if not works(before):
        return skip('%s: not possible here' % name)
    p = subprocess.run(before + [program or i.home + '/sendmail', 'a@x.test'],
                       env=i.env(), input=TEXT, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    m = i.one()
    ok(p.returncode == 0 and (sender is None or m.sender == sender), name, p,
       m.fields)


def found_elsewhere(i):
    """LDAP and the like: a user whom /etc/passwd doesn't have."""
    if os.getuid() != 0:
        return skip('a user known to nsswitch.conf alone: not possible here')
    getent = i.home + '/getent'
    with open(getent, 'w') as f:
        f.write('#!/bin/sh\n[ "$*" = "passwd 54321" ] && '
                'echo "ann:x:54321:54321:Ann & Co,,,:/home:/bin/sh"\n')
    os.chmod(getent, 0o755)
    send(i, 'as a user known to nsswitch.conf alone',
         ['unshare', '-m', 'sh', '-c', 'mount --bind "$1" /usr/bin/getent && '
          'shift && exec "$@"', 'sh', getent, 'setpriv', '--reuid=54321',
          '--regid=54321', '--clear-groups'], b'ann@mail.example.org')


def roots(i):
    """A root folder with the program, its libraries and the socket alone."""
    if 'san' in BIN or os.getuid() != 0:
        return skip('a root folder of its own: not possible here')
    root = i.home + '/root'
    needed = subprocess.run(['ldd', BIN + '/sendmail'],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout.decode()
    os.makedirs(root)
    for path in re.findall(r'(/\S+)', needed):
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, root + path)
    shutil.copy(BIN + '/sendmail', root + '/sendmail')
    os.makedirs(root + '/home/run')
    os.makedirs(root + '/dev')
    os.link(i.home + '/run/submit', root + '/home/run/submit')
    p = subprocess.run(['chroot', '--userspec=54321:54321', root, '/sendmail',
                        'a@x.test'], input=TEXT, stderr=subprocess.PIPE,
                       env={'GODWIT_HOME': '/home',
                            'PATH': os.environ['PATH']})
    m = i.one()
    ok(p.returncode == 0 and m.sender.startswith(b'uid-54321@'),
       'with a root folder that has the socket alone', p)


class Compare(ctypes.Structure):
    _fields_ = [('arg', ctypes.c_uint), ('op', ctypes.c_int),
                ('mask', ctypes.c_uint64), ('value', ctypes.c_uint64)]


def restrict_suid_sgid():
    """systemd's RestrictSUIDSGID: no call may make a setuid file."""
    library = ctypes.CDLL('libseccomp.so.2')
    library.seccomp_init.restype = ctypes.c_void_p
    filter = ctypes.c_void_p(library.seccomp_init(0x7fff0000))
    for name, arg in ((b'chmod', 1), (b'fchmod', 1), (b'fchmodat', 2),
                      (b'mknod', 1), (b'open', 2), (b'openat', 3),
                      (b'mkdir', 1), (b'mkdirat', 2)):
        for bit in (0o4000, 0o2000):
            compare = Compare(arg, 7, bit, bit)
            number = library.seccomp_syscall_resolve_name(name)
            library.seccomp_rule_add_array(filter, 0x50001, number, 1,
                                           ctypes.byref(compare))
    if library.seccomp_load(filter) != 0:
        os._exit(99)


def load_fake_instance():
    spec = importlib.util.spec_from_file_location(
        'fake_instance', ROOT + '/tests/fake/instance.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def real(fake):
    """The same against the real queue: by the kernel's word, to a Maildir."""
    unknown = ['setpriv', '--reuid=61200', '--regid=61200', '--clear-groups',
               '--no-new-privs']
    closed = 'mount -o remount,bind,ro,nosuid / && mount -t tmpfs -o ' \
        'ro,nosuid none /var && exec "$@"'
    rows = [('without new privileges', ['setpriv', '--no-new-privs'], None,
             os.getuid()),
            ('in a user namespace', ['unshare', '-U'], None, os.getuid()),
            ('under RestrictSUIDSGID', ['setpriv', '--no-new-privs'],
             restrict_suid_sgid, os.getuid())]
    if os.getuid() == 0:
        rows += [('as a dynamic user', unknown, None, 61200),
                 ('as one in a user namespace without a map',
                  unknown + ['unshare', '-U'], None, 61200),
                 ('as one who has a read-only file system without setuid',
                  ['unshare', '-m', 'sh', '-c', closed, 'sh'] + unknown,
                  None, 61200)]
    with fake.Instance() as i:
        if os.getuid() == 0:
            for path in (i.top, i.home, i.home / 'control', i.home / 'run'):
                os.chmod(path, 0o755)
        i.start()
        for name, before, restrict, uid in rows:
            if not works(before):
                skip('the queue takes mail %s: not possible here' % name)
                continue
            p = subprocess.run(before + [str(i.bin / 'sendmail'), i.address],
                               env=i.env, input=TEXT, preexec_fn=restrict,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            ok(p.returncode == 0, 'the queue takes mail %s' % name, p)
            mail = fake.wait_for('the message', i.maildir) if \
                p.returncode == 0 else [b'']
            ok(b'(Godwit, from uid %d)' % uid in mail[0],
               'and knows who sent it', mail)
            i.drained()
            for path in (i.home / 'Maildir' / 'new').iterdir():
                path.unlink()


def main():
    with Instance() as i:
        shutil.copy(BIN + '/sendmail', i.home)
        send(i, 'without new privileges', ['setpriv', '--no-new-privs'], None)
        send(i, 'without capabilities',
             ['setpriv', '--no-new-privs', '--bounding-set=-all'], None)
        send(i, 'in a user namespace without a map', ['unshare', '-U'], None)
        send(i, 'in a user namespace of its own root', ['unshare', '-Ur'],
             None)
        send(i, 'without a network', ['unshare', '-Un'], None)
        send(i, 'as a uid that passwd does not know',
             ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'],
             b'uid-54321@mail.example.org')
        found_elsewhere(i)
        os.chmod(i.home + '/control', 0o700)
        send(i, 'as one who cannot read the settings',
             ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'],
             None)
        roots(i)
    real(load_fake_instance())
    end()


main()

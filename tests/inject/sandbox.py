#!/usr/bin/python3
"""sendmail where a setuid mailer could not work"""
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


def roots(i):
    """A root folder with the program, its libraries and the socket alone."""
    if 'san' in BIN or os.getuid() != 0:
        return skip('a root folder of its own: not possible here')
    root = i.home + '/root'
    needed = subprocess.run(['ldd', BIN + '/sendmail'],
                            stdout=subprocess.PIPE).stdout.decode()
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
        os.chmod(i.home + '/control', 0o700)
        send(i, 'as one who cannot read the settings',
             ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'],
             None)
        roots(i)
    end()


main()

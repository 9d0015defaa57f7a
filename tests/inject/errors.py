#!/usr/bin/python3
"""sendmail when the system fails it: errors given by strace"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from instance import *


def faulty(i, strace, args):
    """sendmail run while calls fail as strace is told."""
    return subprocess.run(
        ['strace', '-f', '-o', '/dev/null', *strace, BIN + '/sendmail', *args],
        input=b'Subject: hi\n\nbody\n', stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=i.env(), timeout=60)


def main():
    if not shutil.which('strace') or subprocess.run(
            ['strace', '-o', '/dev/null', 'true'],
            stderr=subprocess.DEVNULL).returncode:
        skip('no strace that may trace')
        end()
    with Instance() as i:
        for error in ('EIO', 'EMFILE'):
            passwd = ['-P', '/etc/passwd', '-P', '/usr/bin/getent',
                      '-e', 'inject=open,openat,execve:error=' + error]
            p = faulty(i, passwd, ['ann@x.test'])
            ok(p.returncode == 75 and b'not queued' in p.stderr and
               not i.got(), 'passwd fails with %s: who calls is not known, 75'
               % error, p.returncode, p.stderr)
        p = faulty(i, passwd, ['-f', 'bob@x.test', 'ann@x.test'])
        m = i.one()
        ok(p.returncode == 0 and m.sender == b'bob@x.test',
           'with -f nobody has to be known', p.returncode, p.stderr, m.fields)
        p = faulty(i, ['-P', '/etc/passwd',
                       '-e', 'inject=open,openat:error=EACCES'],
                   ['ann@x.test'])
        ok(p.returncode == 0, 'a passwd that may not be read knows nobody',
           p.returncode, p.stderr)
        i.got()
        for error in ('ENOMEM', 'ENOBUFS'):
            p = faulty(i, ['-e', 'inject=sendto:error=' + error],
                       ['ann@x.test'])
            ok(p.returncode == 75 and b'nothing was queued' in p.stderr and
               not i.got(), 'a send that fails with %s is 75, at once' % error,
               p.returncode, p.stderr)
    end()


main()

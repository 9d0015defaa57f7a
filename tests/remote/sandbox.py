#!/usr/bin/python3
"""godwit-remote is closed in: no file, no program, no socket of this host."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../fake'))
from certificates import Authority  # noqa: E402
from remote_manager import Remote, sanitized  # noqa: E402
from remote_tap import end, ok, skip  # noqa: E402
from smtp_server import Server  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'
DENIED = ('open-spool', 'create', 'open-folder', 'open-proc', 'unlink',
          'fork', 'exec', 'ptrace', 'kill', 'unix-socket', 'netlink',
          'packet', 'listen')
ALLOWED = ('inet', 'inet6')


def build(folder):
    library = os.path.join(folder, 'probe.so')
    r = subprocess.run(['cc', '-D_GNU_SOURCE', '-shared', '-fPIC', '-o',
                        library, os.path.join(HERE, 'sandbox_probe.c')],
                       capture_output=True, text=True)
    return library, r


def probe(library, folder, *without, **settings):
    """What each attempt came to, and whether the mail arrived."""
    spool = os.path.join(folder, 'message')
    with open(spool, 'w') as f:
        f.write('secret')
    os.chmod(spool, 0o644)
    more = {'LD_PRELOAD': library, 'PROBE_SPOOL': spool}
    more.update((w, '1') for w in without)
    os.environ.update(more)
    try:
        server, remote = Server(), Remote(**settings)
        remote.send(TEXT, [b'a@x'], route=b'127.0.0.1', port=server.port)
        reports = remote.reports(1)
        log = remote.log()
        remote.close()
        server.close()
    finally:
        for name in more:
            del os.environ[name]
    found = {}
    for line in log.splitlines():
        if line.startswith('probe '):
            _, what, result = line.split()
            found[what] = result
    return found, bool(reports) and reports[0].word == 'done', log


def system_certificates(folder):
    """They are read before the sandbox is closed."""
    authority = Authority(folder)
    context, _ = authority.issue('localhost')
    hashed = os.path.join(folder, 'hashed')
    os.mkdir(hashed)
    shutil.copy(authority.path, os.path.join(hashed, 'ca.pem'))
    subprocess.run(['openssl', 'rehash', hashed], check=True)
    none = os.path.join(folder, 'none')
    open(none, 'w').close()
    nothing = {'SSL_CERT_FILE': '/nonexistent', 'SSL_CERT_DIR': '/nonexistent'}
    for given, policy, want in (
            ({'SSL_CERT_FILE': authority.path}, 'verify', 'done'),
            (dict(nothing, SSL_CERT_DIR=hashed), 'verify', 'done'),
            ({'SSL_CERT_FILE': none}, 'verify', 'later'),
            (nothing, 'verify', 'later'), (nothing, 'may', 'done')):
        os.environ.update(given)
        server = Server({'tls': context})
        remote = Remote(tlspolicy=':' + policy)
        for name in given:
            del os.environ[name]
        remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
        got = remote.reports(1)
        ok(got and got[0].word == want,
           'by the certificates of %s, %s is %s' % (' '.join(given.values()),
                                                   policy, want), got)
        remote.close()
        server.close()


def works(found):
    return [w for w in DENIED if found.get(w, 'works') == 'works']


def main():
    if sanitized():
        skip('the sandbox', 'a sanitizer is built in')
        return end()
    if not shutil.which('cc'):
        skip('the sandbox', 'no C compiler')
        return end()
    folder = tempfile.mkdtemp(prefix='godwit-probe.')
    os.chmod(folder, 0o755)
    library, r = build(folder)
    if not ok(r.returncode == 0, 'the probe can be built', r.stderr):
        return end()
    found, arrived, log = probe(library, folder)
    for what in DENIED:
        ok(found.get(what) == 'EPERM', '%s is refused' % what,
           found.get(what))
    for what in ALLOWED:
        ok(found.get(what) == 'works', '%s works' % what, found.get(what))
    ok(arrived, 'and the mail arrives', log)
    found, arrived, log = probe(library, folder, smtptoken='other:ann:t',
                                tokens={'t': 'secret'})
    ok(not works(found) and arrived and (
        found['open-spool'] == 'EACCES' or 'doing=files' in log),
       'where there are tokens nothing else can be opened', found)
    found, arrived, log = probe(library, folder, 'PROBE_NOSECCOMP')
    ok('fork' in works(found), 'a remote without its filter is found',
       found)
    if 'jail program=remote doing=files' in log:
        skip('files without the filter', 'this kernel has no Landlock')
    else:
        ok(found.get('open-spool') == found.get('create') ==
           found.get('open-folder') == found.get('exec') == 'EACCES',
           'files and programs are refused by Landlock besides', found)
        found, arrived, log = probe(library, folder, 'PROBE_NOSECCOMP',
                                    'PROBE_NOLANDLOCK')
        ok({'open-spool', 'create', 'unlink', 'fork'} <= set(works(found)),
           'a remote without both is found', found)
    system_certificates(folder)
    shutil.rmtree(folder)
    return end()


sys.exit(main())

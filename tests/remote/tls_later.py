#!/usr/bin/python3
"""TLS is set up when the first host offers it, and is what it would have been
at the start."""
import os
import re
import ssl
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from certificates import Authority  # noqa: E402
from remote_manager import Remote, sanitized  # noqa: E402
from remote_tap import end, ok, skip  # noqa: E402
from smtp_server import Server  # noqa: E402

TEXT = b'Subject: test\n\nhello\n'
PRIVATE = ('SSL_CERT_FILE', 'SSL_CERT_DIR', 'OPENSSL_CONF')
CIPHERS = '''openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = default
[default]
CipherString = ECDHE-RSA-AES128-GCM-SHA256
'''
MODULE = '''openssl_conf = all
[all]
providers = providers
[providers]
default = activated
legacy = activated
[activated]
activate = 1
'''
WRONG = '''config_diagnostics = 1
openssl_conf = all
[all]
no_such_module = none
'''


def start(settings={}, **environment):
    kept = {name: os.environ.pop(name, None) for name in PRIVATE}
    os.environ.update(environment)
    try:
        return Remote(**settings)
    finally:
        for name in PRIVATE:
            os.environ.pop(name, None)
            if kept[name] is not None:
                os.environ[name] = kept[name]


def send(remote, behaviour):
    server = Server(behaviour)
    remote.send(TEXT, [b'a@x'], route=b'localhost', port=server.port)
    got = remote.reports(1)
    server.close()
    return got[0] if got else None


def touched(remote):
    """KiB of OpenSSL's code and tables in memory."""
    total, inside = 0, False
    with open('/proc/%d/smaps' % remote.process.pid) as f:
        for line in f:
            if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
                inside = 'libcrypto.so' in line
            elif inside and line.startswith('Rss:'):
                total += int(line.split()[1])
    return total


def memory(behaviour, authority):
    """Once a host without TLS was met, and after one with it.  Relocations
    alone touch a third of it; the rest is touched by the first handshake."""
    for what, settings, late in (
            ('the system\'s certificates are', {}, True),
            ('certificates of its own (tlsca) are not',
             {'tlsca': open(authority.path).read()}, False)):
        remote = start(settings, SSL_CERT_FILE=authority.path)
        clear = send(remote, {})
        before = touched(remote)
        secured = send(remote, behaviour)
        after = touched(remote)
        remote.close()
        good = clear.word == secured.word == 'done' and \
            '/TLS' in secured.host and (2 * before < after + 1024) == late
        if sanitized():
            skip('what TLS takes', 'a sanitizer')
        else:
            ok(good, '%s left alone until a host offers TLS' % what,
               (clear, secured, before, after))


def settings_of_openssl(folder, authority):
    older, _ = authority.issue('localhost')
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    newer, _ = authority.issue('localhost')
    path = os.path.join(folder, 'openssl.cnf')
    other = os.path.join(folder, 'other.cnf')
    with open(path, 'w') as f:
        f.write(CIPHERS)
    with open(other, 'w') as f:
        f.write('# not .include\n  .include %s\n' % path)
    verify = {'tlspolicy': ':verify'}
    for file, where in ((path, 'its file'), (other, 'a file it includes')):
        for context, word in ((older, 'later'), (newer, 'done')):
            remote = start(verify, SSL_CERT_FILE=authority.path,
                           OPENSSL_CONF=file)
            got = send(remote, {'tls': context})
            remote.close()
            ok(got and got.word == word,
               'TLS 1.%d where OpenSSL\'s settings, in %s, take no cipher of the '
               'host\'s for 1.2: %s' % (2 if context is older else 3, where,
                                       word), got)
    remote = start(verify, SSL_CERT_FILE=authority.path,
                   OPENSSL_CONF='/nonexistent')
    got = send(remote, {'tls': older})
    remote.close()
    ok(got and got.word == 'done', 'no settings of OpenSSL\'s are needed', got)
    with open(path, 'w') as f:
        f.write(WRONG)
    remote = start(OPENSSL_CONF=path)
    remote.reports(1)  # the socket's end
    log = remote.log()
    code = remote.close()
    ok(code == 111 and 'fatal setting=tls' in log,
       'what is wrong in them ends it at the start', (code, log))


def module_of_openssl(folder):
    """A provider that lies in a file of its own; that it cannot be loaded,
    OpenSSL tells nobody."""
    name = 'a module that OpenSSL\'s settings name is loaded at the start'
    words = subprocess.run(['openssl', 'version', '-m'], text=True,
                           stdout=subprocess.PIPE).stdout.split('"')
    if len(words) < 2 or not os.path.exists(words[1] + '/legacy.so'):
        skip(name, 'there is no legacy.so')
        return
    path = os.path.join(folder, 'module.cnf')
    with open(path, 'w') as f:
        f.write(MODULE)
    remote = start(OPENSSL_CONF=path)
    got = send(remote, {})
    with open('/proc/%d/maps' % remote.process.pid) as f:
        loaded = '/legacy.so' in f.read()
    remote.close()
    ok(got and got.word == 'done' and loaded, name, (got, loaded))


def main():
    with tempfile.TemporaryDirectory(prefix='godwit-tls.') as folder:
        os.chmod(folder, 0o755)
        authority = Authority(folder)
        context, _ = authority.issue('localhost')
        memory({'tls': context}, authority)
        settings_of_openssl(folder, authority)
        module_of_openssl(folder)
    end()


main()

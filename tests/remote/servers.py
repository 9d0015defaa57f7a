#!/usr/bin/python3
"""Mail to Postfix, OpenSMTPD and Exim as Debian has them.

As root, in namespaces; they are unpacked, not installed.  What each delivers
must be what was sent, by BDAT and by DATA, in clear and over TLS."""
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../fake'))
from certificates import Authority  # noqa: E402
from debian_root import (INSIDE, Missing, Root, enter, fetch,  # noqa: E402
                         inside)
from remote_manager import BODY8, Remote  # noqa: E402
from remote_tap import end, ok, skip  # noqa: E402
from signed_zone import Zone, Zones, missing  # noqa: E402
import remote_tap  # noqa: E402

PACKAGES = [['postfix', 'libsasl2-modules', 'sasl2-bin'], ['opensmtpd'],
            ['exim4-daemon-light']]
LIMIT = 300000  # bytes of a message
HEADER = b'From: eve@client.example\nTo: ann@test.example\n' \
    b'Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <%d@client.example>\n' \
    b'Subject: test\n\n'
BODIES = [
    ('a line', b'hello\n'),
    ('nothing', b''),
    ('no final line end', b'hello'),
    ('lines of dots', b'.\n..\n...\n.x\n. \n.\n'),
    ('an end and commands', b'a\n.\nRSET\nQUIT\n'),
    ('CRLF', b'a\r\n.\r\n\r\nb\r\n'),
    ('8-bit bytes', bytes(range(128, 256)) * 7 + b'\n\xe4'),
    ('lines of 998 bytes', (b'x' * 998 + b'\n') * 50),
    ('dots where pieces end', (b'a' * 63 + b'\n') * 1020 + b'.\n' * 3000),
    ('many pieces', b''.join(b'%d .\n' % i for i in range(30000))),
]
FOUR = [b'ann@test.example', b'nobody-here@test.example',
        b'later@test.example', b'x@elsewhere.example']
FATES = [('done', '2'), ('never', '5'), ('later', '4'), ('never', '5')]

MAIN_CF = '''compatibility_level = 3.6
maillog_file = /var/log/postfix.log
myhostname = localhost
mydestination = test.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.1
local_header_rewrite_clients =
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:/etc/postfix/access
home_mailbox = Maildir/
recipient_delimiter = +
alias_maps =
alias_database =
disable_dns_lookups = yes
smtpd_peername_lookup = no
message_size_limit = %d
smtpd_tls_cert_file = /etc/postfix/mx.pem
smtpd_tls_key_file = /etc/postfix/mx.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
'''
MASTER = '''127.0.0.1:2502 inet n - n - - smtpd
  -o smtpd_discard_ehlo_keywords=chunking
127.0.0.1:2503 inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt -o smtpd_delay_reject=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:2504 inet n - n - - smtpd
  -o smtpd_recipient_limit=2
'''
SMTPD_CONF = '''smtp max-message-size "%d"
listen on 127.0.0.1 port 2511
action "local" maildir "/home/ann/Maildir"
match from any for domain "test.example" action "local"
'''
EXIM_CONF = '''primary_hostname = localhost
daemon_smtp_ports = 2521
local_interfaces = 127.0.0.1
domainlist local_domains = test.example
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
message_size_limit = %d
tls_advertise_hosts = *
tls_certificate = /etc/exim4/mx.pem
tls_privatekey = /etc/exim4/mx.key
host_lookup =
rfc1413_query_timeout = 0s
dns_ipv4_lookup = *
log_file_path = /var/log/exim4/%%s
begin acl
rcpt:
  defer local_parts = later
        message = not now
  deny !domains = +local_domains
  require verify = recipient
  accept
begin routers
local:
  driver = accept
  check_local_user
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = $home/Maildir
  maildir_format
  delivery_date_add
  user = ann
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and {{eq{$auth2}{ann}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
  server_advertise_condition = ${if def:tls_in_cipher}
'''


class Failed(Exception):
    pass


def until(what, test, wait=120):
    end_at = time.monotonic() + wait
    while not test():
        if time.monotonic() > end_at:
            raise Failed('waited in vain for ' + what)
        time.sleep(0.05)


def listens(port):
    try:
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    except OSError:
        return False


class Mailbox:
    """What a server put into ann's Maildir."""

    def __init__(self, root):
        self.new = root.path + '/home/ann/Maildir/new'

    def take(self, count):
        """The next count messages, from their From line on."""
        def there():
            return os.path.isdir(self.new) and \
                len(os.listdir(self.new)) >= count
        try:
            until('mail', there)
        except Failed:
            return []
        found = []
        for name in sorted(os.listdir(self.new)):
            path = os.path.join(self.new, name)
            with open(path, 'rb') as f:
                data = f.read()
            os.unlink(path)
            found.append(data[data.index(b'From: '):])
        return found


class Setting:
    """A running server, and a sender that knows its certificate."""

    def __init__(self, root, authority):
        self.root, self.authority = root, authority
        self.box = Mailbox(root)
        self.policy = 'localhost:verify'
        self.count = 0

    def remote(self, policy=None, **settings):
        with open(self.authority.path) as f:
            return Remote({'smtpauth': 0o400}, tlsca=f.read(),
                          tlspolicy=policy or self.policy, timeoutremote=60,
                          **settings)

    def mail(self, remote, port, rcpts=(b'ann@test.example',), body=b'hello\n',
             **facts):
        """Sends one; its content and the reports."""
        self.count += 1
        content = HEADER % self.count + body
        remote.send(content, list(rcpts), route=b'localhost', port=port,
                    flags=BODY8, **facts)
        return content, remote.reports(len(rcpts))

    def bodies(self, name, port, policy):
        """Each body arrives as it was sent."""
        remote, bad = self.remote(policy), []
        for what, body in BODIES:
            content, got = self.mail(remote, port, body=body)
            want = content.replace(b'\r\n', b'\n')
            want += b'' if want.endswith(b'\n') else b'\n'
            found = self.box.take(1) if got and got[0].word == 'done' else []
            if [hashlib.sha256(f).digest() for f in found] != \
                    [hashlib.sha256(want).digest()]:
                bad.append((what, got, [f[:300] for f in found]))
            secured = '/verified' in got[0].host if got else None
            if secured != (policy == 'localhost:verify'):
                bad.append((what, got))
            if bad:
                break
        ok(not bad, '%s delivers what was sent, %d messages, TLS %s' % (
            name, len(BODIES), policy), '\n'.join(map(str, bad)))
        remote.close()

    def fates(self, name, port, rcpts, want):
        remote = self.remote()
        _, got = self.mail(remote, port, rcpts)
        got = [(r.word, r.code[0]) for r in got]
        found = self.box.take(sum(w[0] == 'done' for w in want))
        ok(got == want and len(found) == sum(w[0] == 'done' for w in want),
           '%s: each recipient has his own fate' % name, got)
        remote.close()

    def groups(self, name, port, refused, want):
        """Mails of one session; all but the first may go in one group with
        their content."""
        good, remote, got = b'ann@test.example', self.remote(), []
        mails = [[good], [good], refused[1:], [good], [good], refused, [good]]
        for rcpts in mails:
            got += [(r.word, r.code[0])
                    for r in self.mail(remote, port, rcpts)[1]]
        done = [('done', '2')]
        found = len(self.box.take(6))
        ok(got == done * 2 + want[1:] + done * 2 + want + done and
           found == 6 and not os.listdir(self.box.new) and
           'session-failed' not in remote.log(),
           '%s: so it is in a group, also where nobody is taken' % name,
           (got, found, remote.log()))
        remote.close()

    def size(self, name, port):
        remote = self.remote()
        _, got = self.mail(remote, port, body=b'x' * 70 + b'\n' * LIMIT)
        ok(got and (got[0].word, got[0].code) == ('never', '5.3.4'),
           '%s: what is over its SIZE fails' % name, got)
        remote.close()

    def trust(self, name, port):
        remote = Remote(tlspolicy='localhost:verify', timeoutremote=60)
        _, got = self.mail(remote, port)
        ok(got and (got[0].word, got[0].code) == ('later', '4.7.5'),
           '%s: a certificate of an authority unknown to us is LATER' % name,
           got)
        remote.close()

    def auth(self, name, port, mechanism):
        for secret, want in (('secret', 'done'), ('other', 'later')):
            remote = self.remote(smtpauth='localhost:%d:ann:%s' % (
                port, secret))
            _, got = self.mail(remote, port)
            ok(got and got[0].word == want and
               (want != 'done' or len(self.box.take(1)) == 1),
               '%s: AUTH %s with %s secret: %s' % (
                   name, mechanism, 'the' if want == 'done' else 'a wrong',
                   want), got)
            remote.close()
        remote = self.remote()
        _, got = self.mail(remote, port)
        ok(got and got[0].word != 'done', '%s: without AUTH it takes nothing' %
           name, got)
        remote.close()


    def dane(self, name, port):
        """Found by MX in a signed zone; the records name its key, or not."""
        if missing():
            return skip('%s by DANE' % name, 'no ' + ' '.join(missing()))
        key = subprocess.run(
            ['openssl', 'pkey', '-pubout', '-outform', 'DER', '-in',
             os.path.join(self.authority.folder, 'localhost.key')],
            check=True, capture_output=True).stdout
        record = '_%d._tcp.%%s TLSA 3 1 1 %%s\n' % port
        folder = os.path.join(self.authority.folder, 'zones')
        os.mkdir(folder)
        zones = Zones(folder, {'dane.example': Zone(
            'good MX 10 mx\nbad MX 10 other\nmx A 127.0.0.1\n'
            'other A 127.0.0.1\n' +
            record % ('mx', hashlib.sha256(key).hexdigest()) +
            record % ('other', '00' * 32))})
        remote = Remote(me='client.dane.example', tlspolicy=':dane',
                        resolver='127.0.0.1@%d' % zones.port,
                        trustanchor=zones.anchor, timeoutremote=60)
        for site, want in ((b'good', 'done'), (b'bad', 'later')):
            remote.send(HEADER % 1, [b'ann@test.example'], port=port,
                        site=site + b'.dane.example')
            got = remote.reports(1)
            found = self.box.take(1) if want == 'done' else \
                os.listdir(self.box.new)
            ok(got and got[0].word == want and
               ('/dane' in got[0].host) == (want == 'done') and
               len(found) == (want == 'done'),
               '%s by DANE, %s records: %s' % (
                   name, 'its' if want == 'done' else 'false', want), got)
        remote.close()
        zones.close()


def put_key(s, folder):
    for name in ('pem', 'key'):
        with open(os.path.join(s.authority.folder, 'localhost.' + name)) as f:
            s.root.write('%s/mx.%s' % (folder, name), f.read())


def postfix(s):
    root = s.root
    for user in ('postfix', 'postdrop'):
        root.add_user(user)
    root.write('/etc/postfix/main.cf', MAIN_CF % LIMIT)
    put_key(s, '/etc/postfix')
    services = root.read('/usr/share/postfix/master.cf.dist').splitlines()
    lines = []
    for line in services:
        words = line.split()
        if line[:1] not in ('#', ' ', '') and len(words) > 7:
            words[4] = 'n'  # no chroot
            if words[0] == 'smtp' and words[1] == 'inet':
                words[0] = '127.0.0.1:2501'
            line = ' '.join(words)
        lines.append(line)
    root.write('/etc/postfix/master.cf', '\n'.join(lines) + '\n' + MASTER)
    root.write('/etc/postfix/access', 'later@test.example 450 4.2.0 not now\n')
    root.write('/etc/postfix/sasl/smtpd.conf',
               'pwcheck_method: auxprop\nauxprop_plugin: sasldb\n'
               'mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256\n')
    r = root.run('saslpasswd2', '-c', '-p', '-u', 'localhost', 'ann',
                 text='secret')
    if r.returncode:
        raise Failed('saslpasswd2: ' + r.stdout)
    os.chmod(root.path + '/etc/sasldb2', 0o644)
    root.run('postfix', 'set-permissions')
    root.spawn('/var/log/postfix.out', 'postfix', 'start-fg')
    until('Postfix', lambda: listens(2504) and listens(2501))
    s.bodies('Postfix, by BDAT', 2501, 'localhost:none')
    s.bodies('Postfix, by BDAT', 2501, 'localhost:verify')
    s.bodies('Postfix, by DATA', 2502, 'localhost:verify')
    s.fates('Postfix', 2501, FOUR, FATES)
    s.groups('Postfix', 2501, FOUR, FATES)
    s.fates('Postfix that takes two recipients at a time', 2504,
            [b'ann+%d@test.example' % i for i in range(5)],
            [('done', '2')] * 5)
    s.size('Postfix', 2501)
    s.trust('Postfix', 2501)
    s.dane('Postfix', 2501)
    s.auth('Postfix', 2503, 'SCRAM-SHA-256')
    # A program of its own writes it.
    until('its log', lambda: 'sasl_method=SCRAM-SHA-256' in
          root.read('/var/log/postfix.log'))
    ok(True, 'Postfix saw SCRAM-SHA-256')
    remote = s.remote()
    _, got = s.mail(remote, 2501, sender=b'ann@test.example', notify=2,
                    envid=b'e+2B1', ret=2, orcpt=b'rfc822;o@test.example')
    found = b''.join(s.box.take(2))
    ok(b'Original-Envelope-Id: e+1' in found and
       b'Original-Recipient: rfc822;o@test.example' in found and
       b'Action: delivered' in found,
       'Postfix reports a delivery as our DSN parameters ask', (got, found))
    remote.close()


def opensmtpd(s):
    """In clear: over TLS it breaks off each handshake, with "EVP lib" in its
    own log and whatever key."""
    root = s.root
    for user in ('opensmtpd', 'opensmtpq'):
        root.add_user(user)
    root.write('/etc/smtpd.conf', SMTPD_CONF % LIMIT, 0o600)
    root.write('/etc/mailname', 'localhost\n')
    root.run('chgrp', 'opensmtpq', '/usr/sbin/smtpctl')
    root.spawn('/var/log/smtpd.out', 'smtpd', '-d')
    until('OpenSMTPD', lambda: listens(2511))
    s.policy = 'localhost:none'
    s.bodies('OpenSMTPD', 2511, s.policy)
    s.fates('OpenSMTPD', 2511, [b'ann@test.example', b'x@elsewhere.example'],
            [('done', '2'), ('never', '5')])
    s.size('OpenSMTPD', 2511)


def exim(s):
    root = s.root
    root.add_user('Debian-exim')
    root.write('/etc/exim4/exim4.conf', EXIM_CONF % LIMIT)
    put_key(s, '/etc/exim4')
    for folder in ('/var/spool/exim4', '/var/log/exim4'):
        os.makedirs(root.path + folder, exist_ok=True)
        root.run('chown', 'Debian-exim:Debian-exim', folder)
    root.spawn('/var/log/exim.out', 'exim4', '-bdf', '-q30m')
    until('Exim', lambda: listens(2521))
    s.bodies('Exim, by BDAT', 2521, 'localhost:none')
    s.bodies('Exim, by BDAT', 2521, 'localhost:verify')
    s.fates('Exim', 2521, FOUR, FATES)
    s.groups('Exim', 2521, FOUR, FATES)
    s.size('Exim', 2521)
    s.trust('Exim', 2521)


def within(folder):
    authority = Authority(folder)
    authority.issue('localhost')
    root = Root(folder)
    root.add_user('ann', '/home/ann')
    for server, log in ((postfix, 'postfix.log'), (opensmtpd, 'smtpd.out'),
                        (exim, 'exim4/main')):
        began, failed = time.monotonic(), remote_tap.failed
        try:
            server(Setting(root, authority))
        except Failed as why:
            ok(False, server.__name__, why)
        if remote_tap.failed > failed:
            print('#', '\n# '.join(root.read('/var/log/' + log).splitlines()))
        print('# %s took %.1f s' % (server.__name__, time.monotonic() - began))


def main():
    if inside():
        try:
            within(os.environ[INSIDE])
        except Missing as why:
            skip('servers of Debian', why)
        end()
    if os.geteuid() != 0:
        skip('servers of Debian', 'only root may make namespaces')
        end()
    with tempfile.TemporaryDirectory(prefix='godwit-servers.') as folder:
        os.chmod(folder, 0o755)
        try:
            fetch(folder, PACKAGES)
            code = enter(folder)
        except Missing as why:
            skip('servers of Debian', why)
            end()
    sys.exit(code)


main()

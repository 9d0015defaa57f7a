"""Zones signed by ldnsutils and served by nsd on 127.0.0.1.

Zones(folder, {name: Zone}) runs; .port, .anchor (a DNSKEY record of the zone
named first), .close().  A zone is text of records, signed, its DS in the
zone above unless it says otherwise."""
import os
import shutil
import socket
import subprocess
import time

PATH = os.environ.get('PATH', '') + ':/usr/sbin:/sbin:/usr/local/sbin'
TOOLS = ('nsd', 'ldns-keygen', 'ldns-signzone')
# The server's moods: SIGNED; without keys; with a DS of another key above it;
# known to the server but not there, so that it answers SERVFAIL.
SIGNED, INSECURE, BOGUS, SERVFAIL = 'signed', 'insecure', 'bogus', 'servfail'
HEAD = '''$ORIGIN %s.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns.%s.
'''


def missing():
    """The tools that are not here."""
    return [t for t in TOOLS if not shutil.which(t, path=PATH)]


def run(folder, *words):
    r = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL,
                       capture_output=True, text=True,
                       env=dict(os.environ, PATH=PATH))
    if r.returncode:
        raise RuntimeError('%s: %s' % (words, r.stderr))
    return r.stdout.strip()


class Zone:
    def __init__(self, records, kind=SIGNED, spoil=None):
        """spoil: text that is changed after signing, and what it becomes."""
        self.records, self.kind, self.spoil = records, kind, spoil


class Zones:
    def __init__(self, folder, zones):
        self.folder, self.top = folder, next(iter(zones))
        self.anchor = None
        ds = {}
        # From below upward: a DS stands in the zone above.
        for name in sorted(zones, key=lambda n: -n.count('.')):
            ds[name] = self.write(name, zones[name], ''.join(
                '%s. NS ns.%s.\n%s' % (n, self.top, ds[n]) for n in zones
                if n != name and self.above(n, zones) == name))
        self.serve(zones)

    @staticmethod
    def above(name, zones):
        return max((z for z in zones if name.endswith('.' + z)), key=len,
                   default=None)

    def path(self, name):
        return os.path.join(self.folder, name + '.zone')

    def write(self, name, zone, delegations):
        """Makes the file; the DS records for the zone above."""
        if zone.kind == SERVFAIL:
            return ''
        with open(self.path(name), 'w') as f:
            f.write(HEAD % (name, self.top) + zone.records + '\n' +
                    delegations)
        if zone.kind == INSECURE:
            return ''
        key = run(self.folder, 'ldns-keygen', '-k', '-a', 'ECDSAP256SHA256',
                  name)
        run(self.folder, 'ldns-signzone', '-f', name + '.zone', name + '.zone',
            key)
        if zone.spoil:
            with open(self.path(name)) as f:
                text = f.read()
            assert zone.spoil[0] in text
            with open(self.path(name), 'w') as f:
                f.write(text.replace(*zone.spoil))
        if name == self.top:
            with open(os.path.join(self.folder, key + '.key')) as f:
                self.anchor = f.read().partition(';')[0].strip()
        with open(os.path.join(self.folder, key + '.ds')) as f:
            ds = f.read().strip()
        if zone.kind == BOGUS:
            ds = ds[:-64] + '0' * 64
        return ds + '\n'

    def serve(self, zones):
        """A port that is free for UDP may be another's for TCP, and one that
        was free be taken: then another one."""
        for _ in range(20):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(('127.0.0.1', 0))
                self.port = s.getsockname()[1]
            self.start(zones)
            if self.answers():
                return
            self.close()
            with open(os.path.join(self.folder, 'nsd.log')) as f:
                log = f.read()
            os.unlink(f.name)
            if 'Address already in use' not in log:
                break
        raise RuntimeError('nsd does not answer: ' + log)

    def start(self, zones):
        conf = os.path.join(self.folder, 'nsd.conf')
        with open(conf, 'w') as f:
            f.write('server:\n ip-address: 127.0.0.1@%d\n server-count: 1\n'
                    ' username: ""\n zonesdir: "%s"\n database: ""\n'
                    ' pidfile: ""\n xfrdfile: "%s/xfrd"\n xfrdir: "%s"\n'
                    ' zonelistfile: "%s/list"\n logfile: "%s/nsd.log"\n'
                    'remote-control:\n control-enable: no\n' %
                    ((self.port,) + (self.folder,) * 5))
            for name in zones:
                f.write('zone:\n name: "%s"\n zonefile: "%s.zone"\n' %
                        (name, name))
        self.process = subprocess.Popen(
            ['nsd', '-d', '-c', conf], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, PATH=PATH))

    def answers(self):
        """Asks for the first zone's SOA until nsd answers or has ended."""
        name = b''.join(bytes([len(x)]) + x.encode()
                        for x in self.top.split('.')) + b'\0'
        query = b'\0\1\0\0\0\1\0\0\0\0\0\0' + name + b'\0\6\0\1'
        end = time.monotonic() + 120
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.connect(('127.0.0.1', self.port))
            while time.monotonic() < end and self.process.poll() is None:
                try:
                    s.send(query)
                    if s.recv(512)[3] & 15 == 0:
                        return True
                except OSError:
                    pass
        return False

    def close(self):
        self.process.terminate()
        self.process.wait()

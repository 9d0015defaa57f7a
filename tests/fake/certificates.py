"""Certificates made by openssl in a folder: an authority, and what it and
others issue."""
import datetime
import os
import ssl
import subprocess

YEAR = datetime.timedelta(365)


def run(folder, *words):
    subprocess.run(('openssl',) + words, cwd=folder, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def stamp(moment):
    return moment.strftime('%Y%m%d%H%M%SZ')


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, 'ca.pem')
        run(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out',
            'ca.pem', '-subj', '/CN=Test Authority', '-days', '30')
        open(os.path.join(folder, 'index'), 'w').close()
        with open(os.path.join(folder, 'ca.cnf'), 'w') as f:
            f.write('[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\n'
                    'database=index\nrand_serial=yes\ndefault_md=sha256\n'
                    'policy=p\nunique_subject=no\ncopy_extensions=copy\n'
                    '[p]\ncommonName=supplied\n')

    def issue(self, name, expired=False, own=False):
        """A server's context with a certificate for the name, and its
        SHA-256; own: issued by itself."""
        now = datetime.datetime.utcnow()
        label = name + ('-old' if expired else '') + ('-own' if own else '')
        key = os.path.join(self.folder, label + '.key')
        pem = os.path.join(self.folder, label + '.pem')
        run(self.folder, 'req', *(['-x509'] if own else []), '-newkey', 'ec',
            '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
            '-out', pem if own else label + '.csr', '-subj', '/CN=' + name,
            '-addext', 'subjectAltName=DNS:' + name)
        if not own:
            end = now - YEAR if expired else now + YEAR
            run(self.folder, 'ca', '-config', 'ca.cnf', '-batch', '-notext',
                '-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', label + '.csr',
                '-out', pem, '-startdate', stamp(end - 2 * YEAR), '-enddate',
                stamp(end))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, key)
        with open(pem) as f:
            text = f.read()
        der = ssl.PEM_cert_to_DER_cert(text[text.index('-----BEGIN'):])
        return context, der

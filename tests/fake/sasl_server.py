"""The server's side of AUTH (RFC 4954), for users with their secrets in
clear.  check(conn, mechanism, initial, users): the user, or None."""
import base64
import hashlib
import hmac
import os


def ask(conn, challenge):
    conn.send(b'334 ' + base64.b64encode(challenge) + b'\r\n')
    return base64.b64decode(conn.file.readline(65536).strip())


def plain(conn, initial, users):
    text = base64.b64decode(initial) if initial else ask(conn, b'')
    _, user, secret = text.split(b'\0')
    return user if users.get(user) == secret else None


def login(conn, initial, users):
    user = ask(conn, b'Username:')
    return user if users.get(user) == ask(conn, b'Password:') else None


def cram_md5(conn, initial, users):
    challenge = b'<1.2@fake>'
    user, digest = ask(conn, challenge).rsplit(b' ', 1)
    want = hmac.new(users.get(user, b'?'), challenge, 'md5').hexdigest()
    return user if digest.decode() == want else None


def scram(name, lie=False):
    """RFC 5802, 7677; lie: claims to know the secret without a proof."""
    def check(conn, initial, users):
        first = base64.b64decode(initial)
        bare = first.split(b',', 2)[2]
        fields = dict(f.split(b'=', 1) for f in bare.split(b','))
        user, salt = fields[b'n'], os.urandom(16)
        nonce = fields[b'r'] + b'x1'
        challenge = b'r=' + nonce + b',s=' + base64.b64encode(salt) + \
            b',i=4096'
        final = ask(conn, challenge)
        without, proof = final.rsplit(b',p=', 1)
        text = b','.join((bare, challenge, without))
        salted = hashlib.pbkdf2_hmac(name, users.get(user, b'?'), salt, 4096)

        def mac(key, message):
            return hmac.new(key, message, name).digest()

        key = mac(salted, b'Client Key')
        stored = hashlib.new(name, key).digest()
        sign = mac(stored, text)
        want = bytes(a ^ b for a, b in zip(key, sign))
        if lie:
            return user
        if base64.b64decode(proof) != want:
            return None
        ask(conn, b'v=' + base64.b64encode(mac(mac(salted, b'Server Key'),
                                               text)))
        return user
    return check


MECHANISMS = {b'PLAIN': plain, b'LOGIN': login, b'CRAM-MD5': cram_md5,
              b'SCRAM-SHA-1': scram('sha1'), b'SCRAM-SHA-256': scram('sha256')}


def refuse(conn, why):
    """Says why in a challenge; the client's answer means nothing."""
    conn.send(b'334 ' + base64.b64encode(why) + b'\r\n')
    conn.refusal = conn.file.readline(65536).strip()


def oauthbearer(conn, initial, users):
    """RFC 7628; a user's secret is his token."""
    text = base64.b64decode(initial) if initial else ask(conn, b'')
    head, *pairs, last, none = text.split(b'\1')
    user = head[4:-1].replace(b'=2C', b',').replace(b'=3D', b'=')
    fields = dict(p.split(b'=', 1) for p in pairs)
    if head[:4] == b'n,a=' and head[-1:] == b',' and not last and not none \
            and fields[b'host'] == b'localhost' and \
            fields[b'auth'] == b'Bearer ' + users.get(user, b''):
        return user
    return refuse(conn, b'{"status":"invalid_token"}')


def xoauth2(conn, initial, users):
    text = base64.b64decode(initial) if initial else ask(conn, b'')
    for user, token in users.items():
        if text == b'user=' + user + b'\1auth=Bearer ' + token + b'\1\1':
            return user
    return refuse(conn, b'{"status":"401"}')


TOKENS = {b'OAUTHBEARER': (oauthbearer, b'AQ=='), b'XOAUTH2': (xoauth2, b'')}


def check(conn, mechanism, initial, users):
    if mechanism in TOKENS:
        return TOKENS[mechanism][0](conn, initial, users)
    return MECHANISMS[mechanism](conn, initial, users)

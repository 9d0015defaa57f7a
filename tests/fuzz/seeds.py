#!/usr/bin/python3
"""Writes small seed corpora: seeds.py FOLDER makes FOLDER/FUZZER/N."""
import pathlib
import struct
import sys


def field(tag, value):
    return bytes([tag]) + struct.pack("<I", len(value)) + value


ENVELOPE = (field(1, b"ann@example.org") + field(2, b"bob@example.org") +
            field(3, b"\x06") + field(4, b"rfc822;bob@example.org") +
            field(2, b"cyd@example.net") + field(6, b"QQ1"))
HEADER = (b"From: Ann <ann@a.test>\r\nTo: \"B C\" <b@c.test>,\r\n\td@e.test\r\n"
          b"Bcc: x@y.test\r\nSubject: =?utf-8?q?x?=\r\n\r\nbody\r\n")
STAMP = b"2026-11-22T10:00:00.000Z "
SEEDS = {
    "base-envelope": [ENVELOPE],
    "base-header": [HEADER, HEADER.replace(b"\r", b""), b"no field\n"],
    "base-address": [b"Ann <a@b.test>, \"x y\"@c.test (z), g: d@[127.0.0.1];",
                     b"<@r.test:a@b.test>", b"<\"a\\\"b\"@[IPv6:::1]>"],
    "base-reply": [b"250-mx.test hello\r\n250-SIZE 1000\r\n250 DSN\r\n",
                   b"550 5.1.1 no such user\r\n"],
    "base-job": [],
    "local-parcel": [struct.pack("<II", 4, 3) + b"jobxabc"],
    "base-frame": [struct.pack("<I", 3) + b"Dabc" + struct.pack("<I", 0) +
                   b"."],
    "base-line": [b"event a=1 key=7 why=\"two \\\"words\\\" \\x0a\""],
    "queue-file": [b"\x82\x00" + bytes(64) + ENVELOPE + bytes(32)],
    "queue-message": [b"GODWIT\n\x1a" + struct.pack("<IIQQQQQQQI", 1, 0, 5, 9,
                                                    512, 0, 512, 64, 576, 2)],
    "queue-ledger": [STAMP + b"segment base=0 size=4096 after=0 prev=" +
                     b"A" * 32 + b"*\n" + STAMP + b"deliver id=01 rcpt=1*\n",
                     STAMP + b"start*\n=next\n" + STAMP + b"stop*\nx\n"],
    "queue-blocks": [b"01HF3Q8G000AB:1,2",
                     b"fail time=1 rcpt=0 expired=0 code=5.1.1 host= why=x "
                     b"to=a@b *0123456789abcdef\n"],
    "queue-routes": [b"\x01example.org:[192.0.2.1]:25\n.x.test:\n:relay\n",
                     b"\x00a.test\nB.TEST.\n", b"\x037d\n"],
    "inject-smtp": [b"EHLO x\r\nMAIL FROM:<a@x.test> SIZE=10 RET=HDRS\r\n"
                    b"RCPT TO:<b@y.test> NOTIFY=NEVER\r\nDATA\r\n"
                    b"..a\r\nb\r\n.\r\nQUIT\r\n",
                    b"HELO x\r\nNOOP\r\nRSET\r\nVRFY a\r\n"],
    "inject-options": [b"sendmail\0-t\0-oi\0-f\0a@b.test\0--\0c@d.test\0",
                       b"mailq\0", b"sendmail\0-N\0success,delay\0-R\0hdrs\0"
                       b"-V\0x+2B\0-B8BITMIME\0-qIabc\0-bs\0-q30m\0"],
    "inject-qmail": [b"Fa@b.test\0Tc@d.test\0Te\0\0", b"F\0Tx@y.test\0\0",
                     b"F#@[]\0Ta b@c.test\0\0"],
    "base-rewrite": [b"root@web.test:admin@c.test\n@old.test:@new.test\n"
                     b"=next\ncorp.test\n!list.corp.test\n=next\n"
                     b"root@web.test\nann@x.corp.test\nb@old.test\n"],
    "queue-request": [b"status\nflush\nflush 0SAEZBY36XQE6\n",
                      b"hold 0SAEZBY36XQE6\nrelease x\ncancel \ndiscard\n"],
    "queue-account": [b"accept id=0SAEZBY36XQE6 from=a@b.test rcpts=2 size=1\n"
                      b"deliver id=0SAEZBY36XQE6 rcpt=0 to=a\n"
                      b"fail id=0SAEZBY36XQE6 rcpt=1 to=b code=5.1.1\n"
                      b"bounce id=0SAEZBY36XQE6 rcpt=1 as=0SAEZBY6AKWAR\n"
                      b"remove id=0SAEZBY36XQE6\n"
                      b"accept id=0SAEZBY6AKWAR from=\"\" rcpts=1 size=2 "
                      b"answers=0SAEZBY36XQE6:1\n=in a 0SAEZBY6AKWAR\n",
                      b"broken id=01 why=x\nhold id=02 by=0\ngap aside=x\n"],
    "remote-policy": [b"example.org:encrypt\n.x.test:verify:a.test,*.b\n"
                      b":dane-only\ny.test:fingerprint:00:01\n=next\n"
                      b"example.org\na.x.test\nRCPTMAX=5 MAILMAX=1\n"],
    "remote-dns": [b"Mx.Test.org.", b"_25._tcp.mx.test", b"a.."],
    "inject-complete": [HEADER, b"Fa@b.test\0Tc@d.test\0Te\0\0"],
    "remote-client": [b"220 mx\n250-mx\n250 PIPELINING\n250 ok\n250 ok\n"
                      b"550 5.1.1 no\n354 go\n250 2.0.0 done\n",
                      b"220 mx\n502 no\n250 mx\n250 ok\n250 ok\n250 ok\n"
                      b"354 go\n451 4.3.0 later\n",
                      b"220 mx\n250-mx\n250-CHUNKING\n250-PIPELINING\n"
                      b"250 LIMITS RCPTMAX=1 MAILMAX=2\n250 ok\n250 ok\n"
                      b"250 ok\n552 5.3.4 no\n503 no\n250 ok\n",
                      b"220 mx\n250-mx\n250-CHUNKING\n250 PIPELINING\n"
                      b"250 ok\n250 ok\n250 ok\n250 ok\n"
                      b"250 ok\n250 ok\n550 no\n250 ok\n"
                      b"550 no\n503 no\n503 no\n503 no\n"
                      b"250 ok\n250 ok\n250 ok\n421 no\n"],
    "remote-dane": [b"\x23\x00\x03\x01\x01" + bytes(32) + b"\x43\x00\x02\x00\x02" +
                    bytes(64) + b"\x60\x00\x03\x01\x00" +
                    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03"
                                  "010703420004") + bytes(64)],
    "remote-idna": ["b\xfccher.test".encode(), ".\u4f8b\u3048.test".encode()],
    "remote-mx": [b"\x0d\x00\x0a\x02mx\x04test\x00\x04\x00\x00\x00\x00"],
}


def main():
    top = pathlib.Path(sys.argv[1])
    for name, seeds in SEEDS.items():
        folder = top / name
        folder.mkdir(parents=True, exist_ok=True)
        for n, seed in enumerate(seeds):
            (folder / str(n)).write_bytes(seed)


main()

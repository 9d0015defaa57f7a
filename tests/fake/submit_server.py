#!/usr/bin/python3
"""submit_server.py - a queue that keeps what it gets, for tests

usage: submit_server.py HOME [ANSWER]

Serves HOME/run/submit by the frames of base/submit.h.  Message number N is
kept as HOME/got/N.content and HOME/got/N.envelope (one field a line: tag
number, then the value as Python writes bytes).  Every connection that ended
before '.' leaves HOME/got/N.broken.  Prints "ready" when it can be called.

ANSWER, or the first line of HOME/answer if that file is there:
  K            queued
  Z text       not now           N text  never
  close        hangs up after '.' without an answer
  early text   answers N text at the first frame and hangs up
  drop BYTES   hangs up after so many bytes of content
"""
import os
import socket
import struct
import sys
import threading

lock = threading.Lock()
count = 0


def number():
    global count
    with lock:
        count += 1
        return count


def fields(envelope):
    at = 0
    while at < len(envelope):
        tag, length = struct.unpack_from('<BI', envelope, at)
        at += 5
        yield tag, envelope[at:at + length]
        at += length
    assert at == len(envelope)


def frame(kind, payload):
    return struct.pack('<IB', len(payload), ord(kind)) + payload


def keep(home, n, envelope, content, suffix=''):
    base = '%s/got/%d' % (home, n)
    for name, data in (('content', content), ('envelope', b''.join(
            b'%d %s\n' % (tag, repr(value).encode()) for tag, value in
            fields(envelope)))):
        with open('%s.%s%s' % (base, name, suffix), 'wb') as f:
            f.write(data)


def answer_for(home, given):
    try:
        with open(home + '/answer') as f:
            return f.readline().strip()
    except FileNotFoundError:
        return given


def serve(conn, home, given):
    stream = conn.makefile('rb', 65536)
    while True:
        envelope, content, n = b'', [], 0
        size = 0
        answer = answer_for(home, given)
        word, _, text = answer.partition(' ')
        while True:
            head = stream.read(5)
            if len(head) < 5:
                if n:
                    open('%s/got/%d.broken' % (home, n), 'w').close()
                conn.close()
                return
            if not n:
                n = number()
            length, kind = struct.unpack('<IB', head)
            payload = stream.read(length)
            if word == 'early':
                conn.sendall(frame('N', text.encode()))
                conn.close()
                return
            if kind == ord('E'):
                envelope += payload
            elif kind == ord('D'):
                size += len(payload)
                content.append(payload)
            else:
                break
            if word == 'drop' and size >= int(text):
                conn.close()
                return
        keep(home, n, envelope, b''.join(content))
        if word == 'close':
            conn.close()
            return
        if word == 'K':
            conn.sendall(frame('K', b'%013d' % n))
        else:
            conn.sendall(frame(word, text.encode()))


def main():
    home = sys.argv[1]
    given = sys.argv[2] if len(sys.argv) > 2 else 'K'
    os.makedirs(home + '/run', exist_ok=True)
    os.makedirs(home + '/got', exist_ok=True)
    server = socket.socket(socket.AF_UNIX)
    os.chdir(home + '/run')
    server.bind('submit')
    os.chmod('submit', 0o666)
    server.listen(1000)
    print('ready', flush=True)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=serve, args=(conn, home, given),
                         daemon=True).start()


main()

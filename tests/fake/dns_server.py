"""A DNS server with a table: {(name, type): answers}.

Answers of MX: (preference, host); of A and AAAA: address texts.  In place of
a list: 'NXDOMAIN', 'SERVFAIL', 'SILENCE'.  A name of the table without the
type has no data; a name that is not there is NXDOMAIN."""
import socket
import struct
import threading

TYPES = {'A': 1, 'CNAME': 5, 'SOA': 6, 'MX': 15, 'AAAA': 28}


def wire_name(name):
    return b''.join(bytes([len(x)]) + x.encode()
                    for x in name.split('.') if x) + b'\0'


def wire_data(kind, value):
    if kind == 'MX':
        return struct.pack('>H', value[0]) + wire_name(value[1])
    if kind == 'CNAME':
        return wire_name(value)
    family = socket.AF_INET6 if kind == 'AAAA' else socket.AF_INET
    return socket.inet_pton(family, value)


class DnsServer:
    def __init__(self, table):
        self.table = table
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]
        self.asked = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def records(self, name, kind):
        """(rcode, [(owner, kind, value)]) with CNAMEs followed; None: none."""
        found = []
        while (name, 'CNAME') in self.table:
            target = self.table[name, 'CNAME'][0]
            found.append((name, 'CNAME', target))
            name = target
        answer = self.table.get((name, kind))
        if answer == 'SILENCE':
            return None, []
        if answer == 'SERVFAIL':
            return 2, []
        if answer is None or answer == 'NXDOMAIN':
            known = any(n == name for n, _ in self.table)
            return (0 if known and answer is None else 3), found
        return 0, found + [(name, kind, v) for v in answer]

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += query[at] + 1
        name, code = '.'.join(labels), struct.unpack('>H',
                                                     query[at + 1:at + 3])[0]
        kind = {v: k for k, v in TYPES.items()}.get(code, '?')
        self.asked.append((name, kind))
        rcode, found = self.records(name, kind)
        if rcode is None:
            return None
        reply = query[:2] + struct.pack('>HHHHH', 0x8580 | rcode, 1,
                                        len(found), 0, 0)
        reply += query[12:at + 5]
        for owner, k, value in found:
            data = wire_data(k, value)
            reply += wire_name(owner) + struct.pack(
                '>HHIH', TYPES[k], 1, 60, len(data)) + data
        return reply

    def run(self):
        while True:
            try:
                query, client = self.sock.recvfrom(4096)
                if not query:
                    return
                reply = self.answer(query)
                if reply:
                    self.sock.sendto(reply, client)
            except OSError:
                return

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has no other end, and is shut all the same
        self.thread.join()
        self.sock.close()

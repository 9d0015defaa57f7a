#!/usr/bin/python3 -B
"""A real SMTP server (aiosmtpd) on a free port of 127.0.0.1, which it prints.

usage: smtp_keep.py FOLDER

Message number N is kept as FOLDER/N, its envelope as FOLDER/N.envelope: the
sender on the first line, then a recipient a line.  A recipient whose local
part is "refused" is refused for good."""
import asyncio
import os
import signal
import sys

from aiosmtpd.smtp import SMTP


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no mailbox of that name"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    def keep(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        lines = [envelope.mail_from or ""] + envelope.rcpt_tos
        self.keep("%d.envelope" % self.count,
                  "".join(line + "\n" for line in lines).encode())
        self.keep(str(self.count), envelope.original_content)
        return "250 2.0.0 kept as number %d" % self.count


async def main():
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    keeper = Keeper(sys.argv[1])
    server = await loop.create_server(
        lambda: SMTP(keeper, enable_SMTPUTF8=True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await end.wait()


asyncio.run(main())

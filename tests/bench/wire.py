"""What loopback and the sink allow to whoever has the mail in memory."""
from run import SINK_PORT, size, tool
from sink import Sink

EACH = (20, 50)     # sessions to a host: what Godwit has, and more


def send(sessions, count, *how, first="127.0.0.1", addresses=1, **sink):
    """Messages a second."""
    with Sink(0, first=first, addresses=addresses, **sink):
        return float(tool("wire_limit", "-p", SINK_PORT, "-a", first, "-c",
                          addresses, *how, min(sessions, count), count, 4096))


def near(row, rcpts):
    """To one host; few would be over in milliseconds."""
    row.add("the wire", send(EACH[0], size(20000, 5000), "-r", rcpts))


def far(row, count, first, hosts, delay, chunking):
    """To many; as many messages as are sent beside it, for most of the time
    goes into beginning."""
    for each in EACH:
        row.add("the wire, %d to a host" % each,
                send(each * hosts, count, *["-b"] * chunking, first=first,
                     addresses=hosts, delay=delay, chunking=chunking))

"""A raw link for session_test.py: one thread, every record by hand, and wrong ones as well. Bundles and records are read and written by
docs/clients/python; protobuf is by hand here, so that bodies and envelopes can be what they must not be."""
import pathlib
import struct
import sys
import time

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "clients" / "python"))

from troupe import wire

# MESSAGE, HELLO, LEASED ...: kinds and flags, by the names that the page gives them
globals().update({word.name: word.value for word in (*wire.Kind, *wire.Flag)})
INFORM, REFUSE, REQUEST = map(wire.act_number, ("inform", "refuse", "request"))


def varint(n):
    return bytes([n & 0x7f | 0x80]) + varint(n >> 7) if n > 0x7f else bytes([n])


def proto(*fields):
    """Protobuf of (number, value) pairs; what is empty or 0 is left out."""
    out = b""
    for number, value in fields:
        value = value.encode() if isinstance(value, str) else value
        if value and isinstance(value, int):
            out += varint(number << 3) + varint(value)
        elif value:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return n, at


def unproto(data):
    """{number: value}, an int or bytes, the first of several."""
    out, at = {}, 0
    while at < len(data):
        tag, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        out.setdefault(tag >> 3, value)
    return out


class Record(wire.Record):
    def __init__(self, data):
        super().__init__(data)
        self.envelope = unproto(self.envelope)


def records(frame):
    return wire.unbundle(frame, Record)


class Link:
    def __init__(self, endpoint, token=b"", epoch=1, producer="", curve=()):
        self.inbox, self.routes, self.topics, self.ids = [], {}, {}, 0
        self.sent, self.acked, self.taken = [0, 0], [0, 0], [0, 0]
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        if curve:  # of the broker's certificate the key, of one's own the key and the secret key
            self.socket.curve_serverkey, self.socket.curve_publickey, self.socket.curve_secretkey = curve
        self.socket.connect(endpoint)
        hello = proto((1, 1), (2, token), (3, epoch), (4, "client.py"), (7, 64), (8, 1 << 20), (9, producer), (10, 1))
        w = unproto(self.call(HELLO, hello, WELCOME).content)
        self.platform, self.token, self.resumed = w[1].decode(), w[2], bool(w.get(3))
        self.window, self.beat, self.stream = (w[5], w[6]), w[7] / 1000, w[10].decode()

    def put(self, kind, content=b"", envelope=b"", **header):
        length = 48 + len(envelope) + len(content)
        if kind in (MESSAGE, PUBLISH):
            self.wait(lambda: self.sent == self.acked or all(
                s + n - a <= w for s, n, a, w in zip(self.sent, (1, length), self.acked, self.window)))
            self.sent = [self.sent[0] + 1, self.sent[1] + length]
        self.said = time.monotonic()
        self.socket.send(wire.bundle([wire.pack(kind, content, envelope, **header)]))

    def take(self, r):
        if r.kind == PING:
            self.put(PONG, id=r.id)
        elif r.kind == CREDIT:
            self.acked = list(struct.unpack("<QQ", r.content))
        elif r.kind == RESOLVED:
            name, route = unproto(r.content)[1].decode(), unproto(r.content).get(2, 0)
            if route >> 60 == 3:
                self.topics[route] = name
            else:
                self.routes[name] = route
        elif r.kind != PONG:  # GONE among them; a kind that it does not know is taken by nobody, and does no harm
            self.inbox.append(r)
        if r.kind == GONE:
            self.routes = {name: route for name, route in self.routes.items() if not r.src <= route < r.src + r.id}
        if r.kind in (MESSAGE, PUBLISH, NACK, GAP):
            self.taken = [self.taken[0] + 1, self.taken[1] + r.length]
            self.put(CREDIT, struct.pack("<QQ", *self.taken))

    def wait(self, ready, seconds=10):
        """Reads until ready() gives something true, and returns that; says something in each heartbeat."""
        end = time.monotonic() + seconds
        while not (found := ready()):
            assert time.monotonic() < end, "nothing came"
            if self.socket.poll(50):
                for r in records(self.socket.recv()):
                    self.take(r)
            elif hasattr(self, "beat") and time.monotonic() - self.said > self.beat / 2:
                self.put(PING)
        return found

    def get(self, fits, seconds=10):
        """Takes the first record that fits out of the inbox, waiting for it."""
        r = self.wait(lambda: next((r for r in self.inbox if fits(r)), None), seconds)
        self.inbox.remove(r)
        return r

    def call(self, kind, body, *answers, src=0):
        """A control record and its answer, by id (WELCOME has none)."""
        self.ids += 1
        self.put(kind, body, id=self.ids, src=src)
        return self.get(lambda r, id=self.ids: r.kind in answers + (REFUSED,) and r.id in (id, 0))

    def register(self, name, count=1):
        return unproto(self.call(REGISTER, proto((1, name), (2, count)), REGISTERED).content)[3]

    def send(self, me, src, to, act, value, dst=None, number=0, **envelope):
        """One message to a name (or straight to a route), durable with a number of the producer's own;
        envelope: protocol, conversation, reply_with, in_reply_to."""
        numbers = {"protocol": 7, "conversation": 8, "reply_with": 9, "in_reply_to": 10}
        fields = sorted((numbers[key], text) for key, text in envelope.items())
        self.ids += 1
        self.put(MESSAGE, msgpack.packb(value), proto((1, me), (2, to), *fields), act=act, hops=64, id=number or self.ids, src=src,
                 dst=self.routes.get(to, 0) if dst is None else dst, flags=DURABLE if number else 0)
        return self.ids

    def publish(self, me, src, topic, value):
        self.put(PUBLISH, msgpack.packb(value), proto((1, me), (11, topic)), act=INFORM, hops=64, src=src)

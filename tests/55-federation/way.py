"""A way between two brokers that a test can spoil: what netem would do, in a process of our own, so that it works wherever Python does.

It listens on a port of its own and carries what comes to the address behind it, byte for byte and in order. While it runs, the test
may set `delay` and `jitter` (seconds, one way), `rate` (bytes a second), and `held`, the directions in which nothing goes: one of
them is a one-way partition, both a peer that is gone without a word (half-open: connections stand, new ones are taken, and nobody
answers). `cut` resets all connections and takes no new one until `mend`.
"""
import queue
import random
import socket
import struct
import threading
import time

THERE, BACK = "there", "back"
CHUNK = 16384
CHUNKS = 4  # on the way at once, so that who is too fast for the way is held up by TCP itself
BUFFER = 65536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the other end sees a reset


class Way:
    def __init__(self, address, delay=0.0, jitter=0.0, rate=None):
        self.address, self.delay, self.jitter, self.rate = address, delay, jitter, rate
        self.chance = random.Random(7)
        self.changed = threading.Condition()
        self.held, self.is_cut, self.closed, self.ends = set(), False, False, []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.endpoint = f"tcp://127.0.0.1:{self.listening.getsockname()[1]}"
        self.begin(self.accept)

    @staticmethod
    def begin(work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def hold(self, *directions):
        """Nothing goes in these directions any more, until it is called without them."""
        with self.changed:
            self.held = set(directions)
            self.changed.notify_all()

    def cut(self):
        with self.changed:
            self.is_cut = True
        self.end_all()

    def mend(self):
        with self.changed:
            self.is_cut, self.delay, self.jitter, self.rate = False, 0.0, 0.0, None
        self.hold()

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.end_all()

    def end_all(self):
        with self.changed:
            ends, self.ends = self.ends, []
            self.changed.notify_all()
        for end in ends:
            self.end(end)

    @staticmethod
    def end(end):
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already
        end.close()

    def connect(self):
        scheme, where = self.address.split("://")
        if scheme == "ipc":
            far = socket.socket(socket.AF_UNIX)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            try:
                far.connect(where)
            except OSError:
                far.close()
                raise
            return far
        host, port = where.rsplit(":", 1)
        return socket.create_connection((host, int(port)))

    def accept(self):
        while not self.closed:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            try:
                if self.is_cut:
                    raise ConnectionRefusedError
                far = self.connect()
            except OSError:
                self.end(near)
                continue
            with self.changed:
                self.ends += [near, far]
            for one, other, direction in (near, far, THERE), (far, near, BACK):
                waiting = queue.Queue(CHUNKS)
                self.begin(self.read, one, waiting)
                self.begin(self.write, other, waiting, direction, one)

    def read(self, one, waiting):
        data = True
        while data:
            try:
                data = one.recv(CHUNK)
            except OSError:
                data = b""
            waiting.put((time.monotonic() + self.delay + self.chance.uniform(0, self.jitter), data))

    def write(self, other, waiting, direction, one):
        data = True
        while data:
            due, data = waiting.get()
            self.wait_for(due)
            with self.changed:
                self.changed.wait_for(lambda: direction not in self.held or self.closed or other.fileno() < 0)
            try:
                self.send(other, data)
            except OSError:
                break
        for end in one, other:
            self.end(end)
        while data:  # whoever reads must not wait for room
            _, data = waiting.get()

    def wait_for(self, due):
        with self.changed:
            self.changed.wait_for(lambda: self.closed, max(0.0, due - time.monotonic()))

    def send(self, other, data):
        if not self.rate:
            other.sendall(data)
            return
        for at in range(0, len(data), 1024):
            other.sendall(data[at:at + 1024])
            rate = self.rate
            if rate:
                self.wait_for(time.monotonic() + 1024 / rate)

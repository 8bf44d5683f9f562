"""A network of network namespaces whose packets are lost, late, doubled and out of order as a test says: what netem does, in this process, so
that it works where the kernel has no netem. Each namespace has a TUN device; what is sent there comes here as IP packets, and goes on to the
device of whom it is for.
"""
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET = 65536
QUEUE = 20000  # packets under way; more are lost, as at any router


def missing():
    """Why there are no such devices here, or None."""
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"/dev/net/tun: {error.strerror}"
    return None


def device(name):
    """A TUN device of this namespace; its file keeps it also when it is moved to another one."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return file


class Weather:
    """`loss` and `doubled` are shares of packets, `delay` and `jitter` seconds one way. Threads: the test's sets them, its own carries."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.loss = self.doubled = self.delay = self.jitter = 0.0
        self.parted = frozenset()  # (from, to), hosts between which nothing goes
        self.files, self.hosts, self.waiting = {}, {}, []
        self.carried = self.lost = self.twice = self.serial = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.carry, daemon=True)

    def plug(self, host, file):
        self.files[host] = file
        self.hosts[file] = host

    def begin(self):
        self.thread.start()

    def end(self):
        self.ended.set()
        if self.thread.ident:
            self.thread.join()
        for file in self.hosts:
            os.close(file)

    def part(self, *ways):
        self.parted = frozenset(ways)

    def carry(self):
        poll = select.poll()
        for file in self.hosts:
            poll.register(file, select.POLLIN)
        while not self.ended.is_set():
            for file, _ in poll.poll(self.until_due()):
                self.take_all(file)
            self.deliver()

    def until_due(self):
        """Milliseconds, 50 at most."""
        return min(50.0, max(0.0, (self.waiting[0][0] - time.monotonic()) * 1000)) if self.waiting else 50.0

    def take_all(self, file):
        for _ in range(256):
            try:
                packet = os.read(file, PACKET)
            except BlockingIOError:
                return
            self.take(self.hosts[file], packet)

    def take(self, sender, packet):
        if packet[0] >> 4 != 4:
            return  # the neighbour discovery of IPv6
        to = socket.inet_ntoa(packet[16:20])
        if to not in self.files:
            return
        if (sender, to) in self.parted or self.chance.random() < self.loss or len(self.waiting) >= QUEUE:
            self.lost += 1
            return
        self.put(to, packet)
        if self.chance.random() < self.doubled:
            self.twice += 1
            self.put(to, packet)

    def put(self, to, packet):
        self.serial += 1
        due = time.monotonic() + self.delay + self.chance.uniform(-self.jitter, self.jitter)
        heapq.heappush(self.waiting, (due, self.serial, to, packet))

    def deliver(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, to, packet = heapq.heappop(self.waiting)
            try:
                os.write(self.files[to], packet)
                self.carried += 1
            except OSError:  # its queue is full, or the device is down
                self.lost += 1

#!/usr/bin/env python3
"""More connections than the broker may have descriptors: new ones are turned away, who is there goes on, and nothing spins."""
import time

import zmq

import faults
import harness
from faults import figure, wait_until
from harness import processor_seconds

LIMIT = 200
CROWD = 400
WATCH = 3.0  # seconds in which processor time is counted
SPIN = 0.2  # of a processor: a thread that spins takes what it can get, and those that try again cost a little


class Files(faults.FaultTest):
    def start_limited(self):
        self.running = self.ready("/usr/bin/prlimit", f"--nofile={LIMIT}:{LIMIT}", harness.program("broker"), "--listen", self.endpoint,
                                  "--stream", self.stream, "--http", "none", "--journal", self.path("journal"))
        self.endpoint, self.stream = self.running.endpoint, self.running.stream

    def crowd(self, endpoint, kind, n):
        """Connections that say nothing once they are there, and try again every three seconds while they are not."""
        for _ in range(n):
            one = self.context.socket(kind)
            one.reconnect_ivl, one.linger = 3000, 0
            one.connect(endpoint)
            self.sockets.append(one)

    def disperse(self):
        while self.sockets:
            self.sockets.pop().close()
        self.context.term()

    def test_fd_limit(self):
        self.start_limited()
        self.assertIn("B004", self.running.err)
        consumer = self.consumer("consumer")
        producer = self.producer("producer", ["consumer"], rate=50)
        self.context, self.sockets = zmq.Context(), []
        self.addCleanup(self.disperse)
        self.crowd(self.endpoint, zmq.DEALER, CROWD // 2)
        self.crowd(self.stream, zmq.SUB, CROWD // 2)
        self.running.wait_err("B006")
        late = self.consumer("late", wait=False)
        stored = len(self.ledger.read().stored)
        wait_until(lambda: len(self.ledger.read().stored) > stored + 100, "messages to be stored while new connections are turned away")
        used = processor_seconds(self.running.pid)
        time.sleep(WATCH)  # over which it is counted
        used = (processor_seconds(self.running.pid) - used) / WATCH
        self.assertEqual(self.ledger.read().happened("disconnected"), 0)
        self.assertEqual(self.ledger.happened("begin", "late"), 0)
        self.disperse()
        freed = time.monotonic()
        wait_until(lambda: self.ledger.read().happened("begin", "late"), "who came too late to join")
        again = time.monotonic() - freed
        self.running.wait_err("B007")
        self.stop(producer)
        self.arrive()
        for child in (consumer, late):
            self.stop(child)
        self.judge()
        figure("fd-limit", f"{CROWD} connections where {LIMIT} descriptors are: {used * 100:.1f} % of a processor, 0 disconnects, "
               f"{len(self.ledger.stored)} stored meanwhile, 0 lost; a newcomer was in {again:.1f} s after there was room")
        self.assertLess(used, SPIN)


if __name__ == "__main__":
    faults.main()

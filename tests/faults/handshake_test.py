#!/usr/bin/env python3
"""Thousands of connections that begin a handshake and never end it: whoever is honest gets in meanwhile, and they are cut off."""
import resource
import socket
import time

import faults
from faults import figure, wait_until

HALF_OPEN = 5000
JOINS = 10
SOON = 5.0  # seconds in which an honest process is in
GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL"  # the begin of ZMTP's


class Handshake(faults.FaultTest):
    journal = False
    broker_options = faults.PATIENT

    def descriptors(self, n):
        """As many as there may be, up to n."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(n, hard), hard))
        return min(n, hard)

    def half_open(self, n):
        host, port = self.endpoint.removeprefix("tcp://").split(":")
        sockets = []
        for i in range(n):
            one = socket.create_connection((host, int(port)))
            one.sendall(GREETING[:i % len(GREETING)])
            sockets.append(one)
            self.addCleanup(one.close)
        return sockets

    def test_half_open(self):
        n = min(HALF_OPEN, self.descriptors(HALF_OPEN + 1000) - 1000)
        self.start()
        there = self.link()
        there.register("there")
        sockets = self.half_open(n)
        took = []
        for i in range(JOINS):
            begun = time.monotonic()
            self.link().register(f"honest-{i}")
            took.append(time.monotonic() - begun)
        begun = time.monotonic()
        wait_until(lambda: self.metric("troupe_broker_agents") == JOINS + 1, "all to be there")
        wait_until(lambda: all(self.is_cut(one) for one in sockets), "the half-open ones to be cut off")
        figure("half-open", f"{n} half-open handshakes: {JOINS} honest processes were in within {max(took) * 1000:.0f} ms each; "
               f"the others were cut off after {time.monotonic() - begun:.1f} s")
        self.assertLess(max(took), SOON)
        self.assertEqual(self.running.err.count("B012"), 0)

    def is_cut(self, one):
        one.setblocking(False)
        try:
            while one.recv(4096):
                pass
        except BlockingIOError:
            return False
        except ConnectionError:
            pass
        return True


if __name__ == "__main__":
    faults.main()

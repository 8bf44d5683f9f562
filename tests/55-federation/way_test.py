"""Three brokers that reach each other over ways that the test spoils (way.py): delay, a slow peer, cuts, half-open links, one direction only."""
import threading
import time

import place
import client
import harness
import way
from client import INFORM, MESSAGE, NACK, PING

BUSY, PEER_DOWN = 12, 30
HEALED = 5.0  # seconds: converged after all is well again
SILENT = 4.0  # a lease of 2.5 s, a tick, and a slow machine
QUEUE = 1 << 16  # --peer-bytes
BODY = "x" * 1000


class Ways(place.FederationTest):
    def setUp(self):
        super().setUp()
        self.ways = {(one, other): way.Way(self.address(other)) for one in place.PLATFORMS for other in place.PLATFORMS if one != other}
        for one in self.ways.values():
            self.addCleanup(one.close)
        self.mesh("--peer-bytes", "64K", "--window-bytes", "64K")
        self.north, self.ann = self.link("north", "ann")
        self.south, self.bob = self.link("south", "bob")
        self.east, self.eve = self.link("east", "eve")

    def serve(self):
        """Signs of life of all links, and what has come is read."""
        for link in self.links:
            if time.monotonic() - link.said > link.beat / 2:
                link.put(PING)
            while link.socket.poll(0):
                for record in client.records(link.socket.recv()):
                    link.take(record)

    def states(self, platform):
        self.serve()
        return super().states(platform)

    def way(self, platform, other):
        return self.ways[platform, other].endpoint

    def between(self, one, other):
        """Each of the two may have dialled: its way, and the direction from `one` to `other` on it."""
        return (self.ways[one, other], way.THERE), (self.ways[other, one], way.BACK)

    def hold(self, one, other, both=True):
        for path, direction in self.between(one, other):
            path.hold(*((way.THERE, way.BACK) if both else (direction,)))

    def mend(self, one, other):
        for path, _ in self.between(one, other):
            path.mend()

    def to_east(self):
        """How long a message from north to east takes, in seconds."""
        self.serve()
        began = time.monotonic()
        self.north.send("ann", self.ann, "eve@east", INFORM, "others go on")
        self.assertEqual(self.east.get(place.of_kind(MESSAGE)).value(), "others go on")
        return time.monotonic() - began

    def is_down_and_told(self):
        began = time.monotonic()
        self.wait_linked("north", ["south"], "down", SILENT)
        self.wait_linked("south", ["north"], "down", SILENT)
        took = time.monotonic() - began
        self.assertLess(place.soonest_nack(self.north, "ann", self.ann, "bob@south", PEER_DOWN), 0.1)
        self.to_east()
        return took

    def heals(self):
        """The link is there, and a subscription made meanwhile holds."""
        began = time.monotonic()
        self.mend("north", "south")
        self.wait_linked("north", ["south", "east"], patience=HEALED)
        self.wait_linked("south", ["north", "east"], patience=HEALED)
        self.north.send("ann", self.ann, "bob@south", INFORM, "after")
        self.south.get(lambda r: r.kind == MESSAGE and r.value() == "after")
        took = time.monotonic() - began
        self.assertLess(took, HEALED)
        return took

    def test_delay(self):
        for path, _ in self.between("north", "south"):
            path.delay, path.jitter = 0.02, 0.01
        for n in range(300):
            self.north.send("ann", self.ann, "bob@south", INFORM, n)
        self.assertEqual([self.south.get(place.of_kind(MESSAGE)).value() for _ in range(300)], list(range(300)))
        harness.wait_until(lambda: (self.rows("north")["south"]["rtt_ms"] or 0) >= 40, "a heartbeat over the long way")
        row = self.rows("north")["south"]
        self.assertEqual((row["ups"], row["dropped"]), (1, 0))

    def test_a_slow_peer_has_its_own_bounded_queue(self):
        for path, _ in self.between("north", "south"):
            path.rate = 60_000
        sent, highest, slowest = [], 0, 0.0
        refused = self.flood(sent)
        for n in range(40):
            slowest = max(slowest, self.to_east())
            if n % 10 == 0:
                highest = max(highest, self.rows("north")["south"]["queued_bytes"])
        row = self.rows("north")["south"]
        print(f"{len(sent)} messages until the queue for a peer of 60 kB/s was full ({highest} of {QUEUE} bytes); to another peer "
              f"meanwhile {slowest * 1000:.1f} ms at most")
        self.assertEqual(row["state"], "up")
        self.assertGreater(highest, 0)
        self.assertLessEqual(highest, QUEUE)
        self.assertLess(slowest, 1)
        for path, _ in self.between("north", "south"):
            path.rate = None
        refused |= {r.id for r in self.north.inbox if r.kind == NACK}
        taken = [number for number in sent if number not in refused]
        got = [self.south.get(place.of_kind(MESSAGE), 30).value() for _ in taken]
        self.assertEqual([int(text[:8]) for text in got], [sent.index(number) for number in taken])

    def flood(self, sent):
        """Until somebody says BUSY. The numbers of what was sent are put into `sent`; returns those that came back."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            sent.append(self.north.send("ann", self.ann, "bob@south", INFORM, f"{len(sent):08}{BODY}"))
            self.serve()
            back = [r for r in self.north.inbox if r.kind == NACK]
            if back:
                self.assertEqual({r.reason for r in back}, {BUSY})
                return {r.id for r in back}
        self.fail("the queue for a slow peer has no limit")

    def test_a_half_open_link_is_known_and_heals(self):
        self.hold("north", "south")
        print(f"half-open: known on both sides after {self.is_down_and_told():.2f} s, healed after {self.heals():.2f} s")

    def test_a_partition_of_one_direction(self):
        self.hold("north", "south", both=False)
        print(f"one-way: known on both sides after {self.is_down_and_told():.2f} s, healed after {self.heals():.2f} s")

    def test_a_cut_link(self):
        for path, _ in self.between("north", "south"):
            path.cut()
        print(f"cut: known on both sides after {self.is_down_and_told():.2f} s, healed after {self.heals():.2f} s")

    def test_one_that_flaps_holds_up_nobody_else(self):
        ended = threading.Event()

        def flap():
            while not ended.wait(0.2):
                for path, _ in self.between("north", "south"):
                    path.end_all()
        flapping = threading.Thread(target=flap)
        flapping.start()
        slowest = max(self.to_east() for _ in range(100))
        ended.set()
        flapping.join()
        print(f"beside a link that broke five times a second, {slowest * 1000:.1f} ms at most; healed after {self.heals():.2f} s")
        self.assertLess(slowest, 1)


if __name__ == "__main__":
    place.main()

"""Durable messages to another platform while both brokers are killed: nothing that was acknowledged is lost, nor given twice unmarked."""
import signal
import struct
import threading
import time

import place
import client
import harness
from client import INFORM, LEASED, MESSAGE, NACK, REDELIVERED, SETTLE, STORED

MESSAGES = 2000


class Producer(threading.Thread):
    """Sends numbers 1 to MESSAGES as durable messages, each again until it is STORED; connects anew when its link is lost."""

    def __init__(self, endpoint, to):
        super().__init__(daemon=True)
        self.endpoint, self.to, self.stored, self.nacks, self.stop = endpoint, to, set(), [], False
        self.error = None

    def run(self):
        epoch = 0
        while len(self.stored) < MESSAGES and not self.stop:
            epoch += 1
            try:
                self.session(epoch)
            except (AssertionError, KeyError):
                pass  # the broker is away: as a process that lost its link

    def session(self, epoch):
        link = client.Link(self.endpoint, epoch=1, producer="maker")
        try:
            me = link.register("ann")
            open_numbers = [n for n in range(1, MESSAGES + 1) if n not in self.stored]
            while open_numbers and not self.stop:
                burst, open_numbers = open_numbers[:100], open_numbers[100:]
                for n in burst:
                    link.send("ann", me, self.to, INFORM, n, number=n)
                while any(n not in self.stored for n in burst):
                    r = link.get(place.of_kind(STORED, NACK), 3)
                    if r.kind == NACK:
                        self.nacks.append((r.id, r.reason))
                        raise AssertionError("not taken")
                    for at in range(0, len(r.content), 16):
                        first, count = struct.unpack_from("<QQ", r.content, at)
                        self.stored.update(range(first, first + count))
        finally:
            link.socket.close()


class Consumer(threading.Thread):
    """Takes and settles; what it is given is in .got, as (number, redelivered)."""

    def __init__(self, endpoint, name):
        super().__init__(daemon=True)
        self.endpoint, self.name_, self.got, self.stop = endpoint, name, [], False
        self.there = False

    def run(self):
        while not self.stop:
            try:
                self.session()
            except (AssertionError, KeyError):
                pass

    def session(self):
        link = client.Link(self.endpoint)
        try:
            me = link.register(self.name_)
            self.there = True
            while not self.stop:
                r = link.get(place.of_kind(MESSAGE), 3)
                assert r.flags & LEASED
                self.got.append((r.value(), bool(r.flags & REDELIVERED)))
                link.put(SETTLE, src=me, id=r.id)
        finally:
            link.socket.close()


class Durable(place.FederationTest):
    def setUp(self):
        super().setUp()
        self.ports = {}
        for platform in ("north", "south"):
            self.up(platform)
        self.wait_linked("north", ["south"])

    def up(self, platform):
        """Where it was, on the journal that it had."""
        listen = self.ports.get(platform, "tcp://127.0.0.1:0")
        broker = self.start(platform, "--journal", f"{self.directory}/journal-{platform}", peers=("north", "south"), listen=listen)
        self.ports[platform] = broker.endpoint
        return broker

    def all_once(self, consumer, producer):
        seen = {}
        for number, redelivered in consumer.got:
            self.assertTrue(number not in seen or redelivered, f"{number} came twice, and not marked")
            seen[number] = seen.get(number, 0) + 1
        return producer.stored <= seen.keys()

    def test_nothing_acknowledged_is_lost_when_brokers_are_killed(self):
        consumer = Consumer(self.ports["south"], "bob")
        consumer.start()
        harness.wait_until(lambda: consumer.there, "the consumer to be registered")
        producer = Producer(self.ports["north"], "bob@south")
        producer.start()
        kills = 0
        for victim in ("south", "north", "south", "north"):
            before = len(producer.stored)
            harness.wait_until(lambda: len(producer.stored) > before + 100 or not producer.is_alive(), "messages to be stored", 60)
            self.brokers[victim].stop(signal.SIGKILL)
            kills += 1
            self.up(victim)
        producer.join(90)
        self.assertFalse(producer.is_alive(), f"stored {len(producer.stored)}")
        harness.wait_until(lambda: self.all_once(consumer, producer), "all that was stored to be delivered", 60)
        consumer.stop = True
        consumer.join()
        done = self.troupe("ask", "ams", '{"action": "stats"}', "-o", "json", "--connect", self.ports["north"])
        self.assertEqual(done.json()["letters"], 0)
        twice = len(consumer.got) - len({number for number, _ in consumer.got})
        print(f"{kills} kills, {len(producer.stored)} acknowledged, all delivered, {twice} of them twice and marked so")

    def test_what_is_sent_while_the_link_is_down_waits(self):
        consumer = Consumer(self.ports["south"], "bob")
        consumer.start()
        north, ann = self.link("north", "ann", producer="maker")
        north.send("ann", ann, "bob@south", INFORM, 1, number=1)
        north.get(place.of_kind(STORED))
        harness.wait_until(lambda: consumer.got, "the first one")  # from now on he has a durable mailbox there
        self.brokers["south"].stop()
        self.wait_linked("north", ["south"], "down")
        for n in range(2, 7):
            north.send("ann", ann, "bob@south", INFORM, n, number=n)
        self.assertEqual(struct.unpack_from("<Q", north.get(place.of_kind(STORED)).content)[0], 2)
        self.up("south")
        began = time.monotonic()
        harness.wait_until(lambda: len(consumer.got) >= 6, "what waited")
        print(f"delivered {time.monotonic() - began:.2f} s after the broker came back")
        self.assertEqual(sorted({number for number, _ in consumer.got}), [1, 2, 3, 4, 5, 6])
        consumer.stop = True
        consumer.join()


if __name__ == "__main__":
    place.main()

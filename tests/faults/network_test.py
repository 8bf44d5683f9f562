#!/usr/bin/env python3
"""Three brokers in network namespaces, between which packets are lost, late, doubled and out of order, and two partitions, while durable messages go
from each to each: nothing that was acknowledged is lost, order is kept, and five seconds after a partition has ended they agree again.

Exit: 77 where namespaces or TUN devices are not permitted.
"""
import os
import sys
import time

import faults
from faults import LONG, figure, wait_until

sys.path.insert(0, str(faults.TESTS / "55-federation"))
import place
import spaces
import weather

RATE = 1000 if LONG else 200  # messages a second of each producer
EACH = 20000 if LONG else 1500  # that of each are stored at least when the last partition has ended
MORE = 300  # stored of each during a partition: on the disk of its own broker
HEALED = 5.0  # seconds
LOSS, DOUBLED, DELAY, JITTER = 0.02, 0.01, 0.01, 0.008


class Network(spaces.SpacesTest, faults.FaultTest):
    def setUp(self):
        super().setUp()
        self.weather = weather.Weather(7)
        self.addCleanup(self.weather.end)
        for number, platform in enumerate(place.PLATFORMS):
            self.make_space(platform)
            self.plug(platform, f"tr{os.getpid()}n{number}")
        self.weather.begin()
        self.start_all("--journal", "JOURNAL")

    def plug(self, platform, device):
        self.weather.plug(self.host(platform), weather.device(device))
        self.ip("link", "set", device, "netns", self.space(platform))
        self.give_address(platform, device)

    def spoil(self):
        self.weather.loss, self.weather.doubled, self.weather.delay, self.weather.jitter = LOSS, DOUBLED, DELAY, JITTER

    def people(self):
        """At each broker one who takes, and one who sends to those at the other two."""
        for platform in place.PLATFORMS:
            self.endpoint = self.brokers[platform].endpoint
            self.consumer(f"{platform}-takes")
        return [self.giver(platform) for platform in place.PLATFORMS]

    def giver(self, platform):
        self.endpoint = self.brokers[platform].endpoint
        return self.producer(f"{platform}-gives", [f"{other}-takes@{other}" for other in place.PLATFORMS if other != platform], rate=RATE)

    def stored_by(self, platform):
        return sum(1 for sender, _ in self.ledger.read().stored if sender == f"{platform}-gives")

    def wait_stored(self, more):
        """More of each than there are now."""
        goal = {platform: self.stored_by(platform) + more for platform in place.PLATFORMS}
        wait_until(lambda: all(self.stored_by(platform) >= count for platform, count in goal.items()), f"{more} more of each to be stored", 240)

    def ways(self, one, others):
        """To and from it."""
        pairs = [(self.host(one), self.host(other)) for other in others]
        return pairs + [(to, of) for of, to in pairs]

    def is_parted(self):
        """South alone: both sides know, and what is durable is stored on."""
        began = time.monotonic()
        for other in "north", "east":
            self.wait_linked(other, ["south"], "down")
        self.wait_linked("south", ["north", "east"], "down")
        self.known.append(time.monotonic() - began)
        self.wait_linked("north", ["east"])
        self.wait_stored(MORE)

    def heals(self):
        """All links are there, and what was subscribed to meanwhile is heard from afar."""
        ann, bob = (f"{name}-{len(self.healed)}" for name in ("ann", "bob"))
        north, route = self.link("north", ann)
        south, subscriber = self.link("south", bob)
        place.subscribe(south, subscriber, "news.>")
        self.weather.part()
        began = time.monotonic()
        self.hear_news(north, ann, route, south)
        for platform in place.PLATFORMS:
            self.wait_linked(platform, place.PLATFORMS, patience=HEALED)
        self.healed.append(time.monotonic() - began)
        self.assertLess(self.healed[-1], HEALED)

    def test_loss_delay_and_partitions(self):
        self.known, self.healed = [], []
        self.spoil()
        producers = self.people()
        self.wait_stored(MORE)
        self.weather.part(*self.ways("south", ["north", "east"]))
        self.is_parted()
        self.heals()
        self.wait_stored(MORE)
        self.weather.part(*[way for way in self.ways("south", ["north", "east"]) if way[0] == self.host("south")])  # one direction
        self.is_parted()
        self.heals()
        wait_until(lambda: all(self.stored_by(platform) >= EACH for platform in place.PLATFORMS), f"{EACH} of each to be stored", 600)
        for producer in producers:
            self.stop(producer)
        self.arrive(faults.LINGER)
        self.judge()
        w = self.weather
        figure("network", f"{w.carried} packets carried, {w.lost} lost, {w.twice} twice, {DELAY * 1000:.0f} ms late (± {JITTER * 1000:.0f}); "
               f"partitions known after {' and '.join(f'{each:.1f}' for each in self.known)} s, healed after "
               f"{' and '.join(f'{each:.1f}' for each in self.healed)} s; {len(self.ledger.stored)} messages acknowledged on three brokers, 0 lost, in "
               f"order, {self.ledger.redelivered()} given twice and marked so")


if __name__ == "__main__":
    why = spaces.not_permitted() or weather.missing()
    if why:
        print(f"skipped: network namespaces or their devices are not permitted here: {why}")
        sys.exit(77)
    faults.main()

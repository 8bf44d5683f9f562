"""Three brokers in three network namespaces: a cable is pulled, and put back (tests/faults/network_test.py: packets that are lost, late, doubled).

Exit: 77 where namespaces are not permitted.
"""
import sys
import time

import place
from client import INFORM, MESSAGE
from spaces import SILENT, SpacesTest, not_permitted

HEALED = 5.0  # seconds


class Network(SpacesTest):
    """A bridge in a namespace of its own, and a namespace for each broker with one cable to it."""

    def setUp(self):
        super().setUp()
        self.make_space("bridge")
        self.ip("-n", self.space("bridge"), "link", "add", "br0", "type", "bridge")
        self.ip("-n", self.space("bridge"), "link", "set", "br0", "up")
        for platform in place.PLATFORMS:
            self.cable(platform)
        self.start_all()

    def cable(self, platform):
        self.make_space(platform)
        self.ip("-n", self.space(platform), "link", "add", "eth0", "type", "veth", "peer", "name", platform, "netns", self.space("bridge"))
        self.ip("-n", self.space("bridge"), "link", "set", platform, "master", "br0", "up")
        self.give_address(platform, "eth0")

    def pull(self, platform, out):
        self.ip("-n", self.space("bridge"), "link", "set", platform, "down" if out else "up")

    def test_a_partition_heals(self):
        north, ann = self.link("north", "ann")
        south, bob = self.link("south", "bob")
        north.send("ann", ann, "bob@south", INFORM, "before")
        south.get(place.of_kind(MESSAGE))
        began = time.monotonic()
        self.pull("south", True)
        self.wait_linked("north", ["south"], "down", SILENT)
        self.wait_linked("south", ["north", "east"], "down", SILENT)
        print(f"known on both sides {time.monotonic() - began:.2f} s after the cable was pulled")
        self.wait_linked("north", ["east"])
        north, ann = self.link("north", "amy")
        self.assertLess(place.soonest_nack(north, "amy", ann, "bob@south", 30), 0.1)
        east, eve = self.link("east", "eve")
        north.send("amy", ann, "eve@east", INFORM, "others go on")
        self.assertEqual(east.get(place.of_kind(MESSAGE)).value(), "others go on")
        south, bob = self.link("south", "late")
        place.subscribe(south, bob, "news.>")  # nobody can be told now
        self.pull("south", False)
        began = time.monotonic()
        self.hear_news(north, "amy", ann, south)
        took = time.monotonic() - began
        print(f"a subscription made meanwhile holds {took:.2f} s after the cable was back")
        self.assertLess(took, HEALED)


if __name__ == "__main__":
    why = not_permitted()
    if why:
        print(f"skipped: network namespaces are not permitted here: {why}")
        sys.exit(77)
    place.main()

"""Three brokers in three network namespaces: a partition and its healing (way_test.py: bad networks).

Exit: 77 where namespaces are not permitted.
"""
import itertools
import os
import shutil
import subprocess
import sys
import time

import place
import client
import harness
from client import INFORM, MESSAGE, PUBLISH

NUMBERS = itertools.count()
HEALED = 5.0  # seconds
SILENT = 4.0  # a lease of 2.5 s, a tick, and a slow machine


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False)


def not_permitted():
    """Why namespaces cannot be made here, or None."""
    if not shutil.which("ip"):
        return "iproute2 is missing (tools/setup --check installs it)"
    name = f"tr{os.getpid()}x"
    done = run("ip", "netns", "add", name)
    if done.returncode == 0:
        done = run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "netns", "del", name)
    return done.stderr.strip() if done.returncode else None


class Network(place.FederationTest):
    """A bridge in a namespace of its own, and a namespace for each broker with one cable to it."""

    def setUp(self):
        super().setUp()
        self.prefix = f"tr{os.getpid()}-{next(NUMBERS)}"
        self.addCleanup(self.tear_down_network)
        self.ip("netns", "add", self.space("bridge"))
        self.ip("-n", self.space("bridge"), "link", "add", "br0", "type", "bridge")
        self.ip("-n", self.space("bridge"), "link", "set", "br0", "up")
        for number, platform in enumerate(place.PLATFORMS, 1):
            self.cable(platform, number)
        for platform in place.PLATFORMS:
            self.start(platform, listen=f"ipc://{self.directory}/{platform}.sock")
        for platform in place.PLATFORMS:
            self.wait_linked(platform, place.PLATFORMS)

    def space(self, name):
        return f"{self.prefix}-{name}"

    def ip(self, *words):
        done = run("ip", *words)
        self.assertEqual(done.returncode, 0, f"ip {' '.join(words)}: {done.stderr}")

    def cable(self, platform, number):
        space, bridge = self.space(platform), self.space("bridge")
        self.ip("netns", "add", space)
        self.ip("-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", platform, "netns", bridge)
        self.ip("-n", bridge, "link", "set", platform, "master", "br0", "up")
        self.ip("-n", space, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
        self.ip("-n", space, "link", "set", "eth0", "up")
        self.ip("-n", space, "link", "set", "lo", "up")

    def tear_down_network(self):
        for child in reversed(self._children):
            child.stop()
        for name in (*place.PLATFORMS, "bridge"):
            run("ip", "netns", "del", self.space(name))

    def address(self, platform):
        return f"tcp://10.77.0.{place.PLATFORMS.index(platform) + 1}:5573"

    def broker(self, *arguments, listen="tcp://127.0.0.1:0", stream="tcp://127.0.0.1:0", http="none"):
        platform = arguments[arguments.index("--platform") + 1]
        return self.ready(shutil.which("ip"), "netns", "exec", self.space(platform), harness.program("broker"), "--listen", listen,
                          "--stream", stream, "--http", http, *arguments)

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
        self.hear_news(north, ann, south)
        took = time.monotonic() - began
        print(f"a subscription made meanwhile holds {took:.2f} s after the cable was back")
        self.assertLess(took, HEALED)

    def hear_news(self, north, ann, south):
        def heard():
            north.publish("amy", ann, "news.a", 1)
            for link in north, south:
                link.put(client.PING)
                while link.socket.poll(20):
                    for record in client.records(link.socket.recv()):
                        link.take(record)
            return any(record.kind == PUBLISH for record in south.inbox)
        harness.wait_until(heard, "a publication over the healed link")


if __name__ == "__main__":
    why = not_permitted()
    if why:
        print(f"skipped: network namespaces are not permitted here: {why}")
        sys.exit(77)
    place.main()

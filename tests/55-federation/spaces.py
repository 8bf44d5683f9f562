"""What tests of brokers in network namespaces share: a namespace for each broker, in which it runs.

They end with 77 where namespaces are not permitted (not_permitted says why).
"""
import itertools
import os
import shutil
import subprocess

import place
import client
import harness

NUMBERS = itertools.count()
SILENT = 4.0  # seconds: a lease of 2.5 s, a tick, and a slow machine


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


class SpacesTest(place.FederationTest):
    def setUp(self):
        super().setUp()
        self.prefix = f"tr{os.getpid()}-{next(NUMBERS)}"
        self.spaces = []
        self.addCleanup(self.tear_down_spaces)

    def tear_down_spaces(self):
        for child in reversed(self._children):
            child.stop()
        for name in self.spaces:
            run("ip", "netns", "del", name)

    def ip(self, *words):
        done = run("ip", *words)
        self.assertEqual(done.returncode, 0, f"ip {' '.join(words)}: {done.stderr}")

    def space(self, name):
        return f"{self.prefix}-{name}"

    def make_space(self, name):
        self.ip("netns", "add", self.space(name))
        self.spaces.append(self.space(name))
        self.ip("-n", self.space(name), "link", "set", "lo", "up")

    def give_address(self, platform, device):
        space = self.space(platform)
        self.ip("-n", space, "addr", "add", f"{self.host(platform)}/24", "dev", device)
        self.ip("-n", space, "link", "set", device, "up")

    @staticmethod
    def host(platform):
        return f"10.77.0.{place.PLATFORMS.index(platform) + 1}"

    def address(self, platform):
        return f"tcp://{self.host(platform)}:5573"

    def broker(self, *arguments, listen="tcp://127.0.0.1:0", stream="tcp://127.0.0.1:0", http="none"):
        platform = arguments[arguments.index("--platform") + 1]
        return self.ready(shutil.which("ip"), "netns", "exec", self.space(platform), harness.program("broker"), "--listen", listen,
                          "--stream", stream, "--http", http, *arguments)

    def start_all(self, *more):
        """Their processes reach them by sockets of the file system, from any namespace."""
        for platform in place.PLATFORMS:
            journal = [f"{self.directory}/journal-{platform}" if word == "JOURNAL" else word for word in more]
            self.start(platform, *journal, listen=f"ipc://{self.directory}/{platform}.sock")
        for platform in place.PLATFORMS:
            self.wait_linked(platform, place.PLATFORMS)

    def hear_news(self, publisher, name, route, subscriber):
        """Publishes on news.a until the subscriber of another platform has heard something there."""
        def heard():
            publisher.publish(name, route, "news.a", 1)
            for link in publisher, subscriber:
                link.put(client.PING)
                while link.socket.poll(20):
                    for record in client.records(link.socket.recv()):
                        link.take(record)
            return any(record.kind == client.PUBLISH for record in subscriber.inbox)
        harness.wait_until(heard, "a publication over the healed link")

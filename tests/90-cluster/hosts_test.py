#!/usr/bin/env python3
"""Three hosts, each a network namespace with a broker and ten agents: one is killed, one is cut off and comes back.

Exit: 77 where namespaces are not permitted.
"""
import os
import pathlib
import shutil
import signal
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name) for name in ("55-federation", "")]
import harness
import network_test
import place

AGENTS = 10  # of each host
PATIENCE = 120.0  # seconds: how long something takes is printed, not claimed


class Hosts(network_test.Network):
    test_a_partition_heals = None  # it is that file's own
    def setUp(self):
        super().setUp()
        self.agents = {platform: [] for platform in place.PLATFORMS}
        for platform in place.PLATFORMS:
            self.populate(platform)
        for platform in place.PLATFORMS:
            self.wait_populated(platform)

    def populate(self, platform):
        for number in range(AGENTS):
            self.agents[platform].append(self.spawn(
                shutil.which("ip"), "netns", "exec", self.space(platform), harness.program("agentd"), "--connect",
                self.brokers[platform].endpoint, "--name", f"{platform}-{number}", "--behaviour", "echo", "--service", "work",
                "--service", f"of-{platform}"))

    def names(self, platform):
        done = self.troupe("ps", "-o", "json", "--connect", self.brokers[platform].endpoint)
        return {row["name"] for row in done.json()} if done.code == 0 else set()

    def wait_populated(self, platform):
        wanted = {f"{platform}-{number}" for number in range(AGENTS)}
        harness.wait_until(lambda: wanted <= self.names(platform), f"the agents of {platform}", PATIENCE)

    def ask(self, platform, whom, *more):
        return self.troupe("ask", whom, "hello", "--connect", self.brokers[platform].endpoint, *more)

    def wait_answer(self, platform, whom, patience=PATIENCE):
        harness.wait_until(lambda: self.ask(platform, whom, "--timeout", "2s").out == "hello\n", f"an answer of {whom} at {platform}", patience)

    def kill_host(self, platform):
        """All that runs there, at once, and its cable."""
        self.pull(platform, True)
        for child in (self.brokers[platform], *self.agents[platform]):
            child.send_signal(signal.SIGKILL)

    def test_a_host_is_killed_and_comes_back(self):
        for platform in place.PLATFORMS:
            for other in place.PLATFORMS:
                self.wait_answer(platform, f"{other}-3@{other}")
        self.wait_answer("north", "svc:of-south")
        began = time.monotonic()
        self.kill_host("south")
        self.wait_linked("north", ["south"], "down", PATIENCE)
        self.wait_linked("east", ["south"], "down", PATIENCE)
        print(f"a killed host is known by both others after {time.monotonic() - began:.1f} s")
        # What is asked of a service goes on at those that are left; whoever was there is told of at once.
        for _ in range(20):
            self.assertEqual(self.ask("north", "svc:work").out, "hello\n")
        began = time.monotonic()
        self.assertNotEqual(self.ask("north", "south-3@south").code, 0)
        print(f"whoever asks for an agent of it is told so in {time.monotonic() - began:.1f} s")
        self.assertEqual(self.ask("north", "east-3@east").out, "hello\n")

        self.pull("south", False)
        self.agents["south"] = []
        self.start("south", listen=f"ipc://{self.directory}/south.sock")
        self.populate("south")
        self.wait_populated("south")
        began = time.monotonic()
        self.wait_answer("north", "south-3@south")
        self.wait_answer("north", "svc:of-south")
        print(f"its agents answer from elsewhere {time.monotonic() - began:.1f} s after they were back")

    def test_a_partition_heals_with_all_agents(self):
        self.wait_answer("north", "svc:of-south")
        self.pull("south", True)
        self.wait_linked("north", ["south"], "down", PATIENCE)
        self.wait_linked("south", ["north", "east"], "down", PATIENCE)
        # Each side goes on with what it has.
        self.assertEqual(self.ask("south", "svc:of-south").out, "hello\n")
        self.assertEqual(self.ask("north", "svc:of-east").out, "hello\n")
        self.assertNotEqual(self.ask("north", "svc:of-south", "--timeout", "2s").code, 0)
        began = time.monotonic()
        self.pull("south", False)
        for platform in place.PLATFORMS:
            self.wait_linked(platform, place.PLATFORMS, patience=PATIENCE)
        for platform in place.PLATFORMS:
            for other in place.PLATFORMS:
                self.wait_answer(platform, f"svc:of-{other}", PATIENCE)
        print(f"everybody reaches everybody {time.monotonic() - began:.1f} s after the cable was back")
        for platform in place.PLATFORMS:
            self.wait_populated(platform)  # nobody was lost
            self.assertTrue(all(child.process.poll() is None for child in self.agents[platform]))


if __name__ == "__main__":
    why = "namespaces need root here" if os.getuid() else network_test.not_permitted()
    if why:
        print(f"skipped: network namespaces are not permitted here: {why}")
        sys.exit(77)
    harness.main()

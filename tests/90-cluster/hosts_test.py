#!/usr/bin/env python3
"""Three hosts, each a network namespace with a broker and ten agents: one is killed, one is cut off and comes back; and a fleet of 200
agents that comes up on three of them.

Exit: 77 where namespaces are not permitted.
"""
import json
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
OPTIONS = json.loads((harness.BUILD / "meson-info" / "intro-buildoptions.json").read_text())
SANITIZED = any(one["name"] == "b_sanitize" and one["value"] not in ("none", []) for one in OPTIONS)


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


class Fleet(network_test.Network):
    """`troupe up` on three hosts at once."""

    test_a_partition_heals = None

    def setUp(self):
        super().setUp()
        self.addCleanup(self.end)

    def end(self):
        for platform in place.PLATFORMS:
            self.troupe("down", platform, "--kill", patience=90)

    def pids(self):
        """All that runs of this test: its working directory is the test's."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/cwd") == os.path.realpath(self.directory):
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def test_200_agents_on_three_hosts(self):
        counts = dict(zip(place.PLATFORMS, (67, 67, 66)))
        for platform, count in counts.items():
            pathlib.Path(self.directory, f"{platform}.yaml").write_text(
                f"fleet: {platform}\nagents:\n  - {{name: agent, behaviour: echo, count: {count}, services: [work]}}\n")
        began, share = time.monotonic(), harness.Share([])
        ups = [self.spawn(shutil.which("ip"), "netns", "exec", self.space(platform), harness.program("troupe"), "up", "--detach",
                          f"{platform}.yaml", "--timeout", "120s") for platform in counts]
        for up in ups:
            done = up.wait(150)
            self.assertEqual(done.code, 0, done)
        took, ours = time.monotonic() - began, share.now(self.pids())
        print(f"up: 200 agents on three hosts in {took:.2f} s{' (with sanitizers)' if SANITIZED else ''}, {took * ours:.2f} s without what "
              "others on the machine took")
        for platform, count in counts.items():
            state = json.loads(pathlib.Path(self.directory, ".troupe", platform, "fleet.json").read_text())
            inside = self.run_program(shutil.which("ip"), "netns", "exec", self.space(platform), harness.program("troupe"), "ps", platform,
                                      "-o", "json")
            running = [row for row in inside.json() if row["name"].startswith("agent-")]
            self.assertEqual((len(running), state["fleet"]), (count, platform))


if __name__ == "__main__":
    why = "namespaces need root here" if os.getuid() else network_test.not_permitted()
    if why:
        print(f"skipped: network namespaces are not permitted here: {why}")
        sys.exit(77)
    harness.main()

#!/usr/bin/env python3
"""The page with 1,000 agents and 10,000 publications a second: it goes on drawing, and its memory is bounded. A figure without sanitizers."""
import json
import os
import pathlib
import re
import subprocess
import time
import unittest

import openai_test
import page_test
import web
from web import harness

AGENTS, RATE, SECONDS = 1000, 10000, 10
ENOUGH = 0.9  # of the rate, has to come
LATE_MS = 50      # from who publishes by HTTP to a script of the browser, the 95th of a hundred
USABLE_MS = 1000  # from the address to the overview with what it shows
ALONE = 0.8   # of the machine: with less, as much less may come


@unittest.skipUnless(openai_test.npm_place() and os.path.exists(page_test.CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
class Load(web.GatewayTest):
    def test_it_goes_on_drawing(self):
        self.begin("--rate", "0")
        line = self.connection()
        for n in range(AGENTS):  # of the gateway's process: they have names, and do nothing
            self.good(self.post("/api/v1/messages", {"receiver": "ams", "content": {"action": "register", "name": f"agent-{n}"}, "protocol": "fipa-request"}, role="admin", connection=line))
        count = RATE * SECONDS * 20
        publisher = self.spawn("troupe", "pub", "load.numbers", '{"n": 1, "text": "something that is told"}', "--count", str(count), "--rate", str(RATE), "--connect", self.at.endpoint)
        topics = lambda: self.good(self.get("/api/v1/topics?pattern=load.*"))["topics"]  # noqa: E731
        harness.wait_until(lambda: topics() and topics()[0]["per_s"] > 0, "the publications to begin")
        script = pathlib.Path(__file__).resolve().parent / "page_load.js"
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": page_test.CHROMIUM, "HOME": self.directory}
        ours = [self.at.pid, self.gateway.pid, publisher.pid]
        begun, before, ended = time.monotonic(), topics()[0]["messages"], os.times()
        share = harness.Share(ours)
        done = subprocess.run(["node", str(script), self.gateway.url, str(SECONDS), self.tokens["operator"]], env=env, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done)
        per_s = (topics()[0]["messages"] - before) / (time.monotonic() - begun)
        now = os.times()
        left = share.now(ours, now.children_user + now.children_system - ended.children_user - ended.children_system)
        least = ENOUGH * RATE * (1 if left >= ALONE else left)
        seen = json.loads(done.stdout)
        views, usable = seen["views"], seen["usable"]
        print(f"page load: usable after {usable[2]} ms (median of {usable}) with {AGENTS} agents")
        late = seen["late"]
        print(f"page load: a publication is in the browser after {late[len(late) // 2]} ms, p95 {late[len(late) * 95 // 100]} ms, of {len(late)}")
        self.assertGreaterEqual(len(late), 200)
        self.assertLessEqual(late[len(late) * 95 // 100], LATE_MS * (1 if left >= ALONE else 1 / left))
        self.assertLessEqual(usable[2], USABLE_MS * (1 if left >= ALONE else 1 / left))
        for view, seen in views.items():
            print(f"page load {view}: {seen['per_s']:.0f} frames/s, longest pause {seen['longest_ms']:.0f} ms, heap {seen['before'] >> 10} -> {seen['after'] >> 10} KiB, "
                  f"{seen['nodes']} elements, {per_s:.0f} publications/s with {left * 100:.0f} % of the machine; {str(seen['told'])[:80]}")
            self.assertGreaterEqual(seen["per_s"], 30, view)
            self.assertLess(seen["after"], seen["before"] + (8 << 20), view)
            self.assertLess(seen["nodes"], 6000, view)
        self.assertGreaterEqual(per_s, least)
        # What is shown meanwhile is what goes on: the tap counts them all, and the tiles and lines have moved.
        tap, overview = views["topics"], views["overview"]
        self.assertGreaterEqual((tap["told"] - tap["first"]) / tap["took_s"], least)
        self.assertNotEqual(overview["told"], overview["first"])
        self.assertGreaterEqual(published(overview["rates"]), least)
        self.assertRegex(views["agents"]["told"], r"1,?00\d")


def published(label):
    """Publications a second, as the first lines of the overview tell a screen reader."""
    number, unit = re.search(r"on topics ([\d.,]+)\s?([kKM]?)", label).groups()
    return float(number.replace(",", "")) * {"": 1, "k": 1e3, "K": 1e3, "M": 1e6}[unit]


if __name__ == "__main__":
    harness.main()

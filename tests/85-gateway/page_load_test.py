#!/usr/bin/env python3
"""The page with 1,000 agents and 10,000 publications a second: it goes on drawing, and its memory is bounded. A figure without sanitizers."""
import json
import os
import pathlib
import subprocess
import unittest

import openai_test
import page_test
import web
from web import harness

AGENTS, RATE, SECONDS = 1000, 10000, 10


@unittest.skipUnless(openai_test.npm_place() and os.path.exists(page_test.CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
class Load(web.GatewayTest):
    def test_it_goes_on_drawing(self):
        self.begin("--rate", "0")
        line = self.connection()
        for n in range(AGENTS):  # of the gateway's process: they have names, and do nothing
            self.good(self.post("/api/v1/messages", {"receiver": "ams", "content": {"action": "register", "name": f"agent-{n}"}, "protocol": "fipa-request"}, role="admin", connection=line))
        count = RATE * SECONDS * 20
        self.spawn("troupe", "pub", "load.numbers", '{"n": 1, "text": "something that is told"}', "--count", str(count), "--rate", str(RATE), "--connect", self.at.endpoint)
        topics = lambda: self.good(self.get("/api/v1/topics?pattern=load.*"))["topics"]  # noqa: E731
        harness.wait_until(lambda: topics() and topics()[0]["per_s"] > 0, "the publications to begin")
        script = pathlib.Path(__file__).resolve().parent / "page_load.js"
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": page_test.CHROMIUM, "HOME": self.directory}
        done = subprocess.run(["node", str(script), self.gateway.url, str(SECONDS)], env=env, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done)
        per_s = topics()[0]["per_s"]
        for view, seen in json.loads(done.stdout).items():
            print(f"page load {view}: {seen['per_s']:.0f} frames/s, longest pause {seen['longest_ms']:.0f} ms, heap {seen['before'] >> 10} -> {seen['after'] >> 10} KiB, "
                  f"{seen['nodes']} elements, {per_s:.0f} publications/s; {seen['told'][:80]}")
            self.assertGreaterEqual(seen["per_s"], 30, view)
            self.assertLess(seen["after"], seen["before"] + (8 << 20), view)
            self.assertLess(seen["nodes"], 6000, view)
        self.assertGreater(per_s, RATE / 2)


if __name__ == "__main__":
    harness.main()

#!/usr/bin/env python3
"""A fleet of troupe up on the page, in Chromium: an admin scales, attaches, restarts, detaches and reads a log; an operator is refused. Screenshots are kept."""
import json
import os
import pathlib
import subprocess
import unittest

import fleet_test
import openai_test
import page_test
from web import harness


class FleetPage(fleet_test.Supervised):
    @unittest.skipUnless(openai_test.npm_place() and os.path.exists(page_test.CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
    def test_in_a_browser(self):
        place = harness.BUILD / "tests" / "85-gateway" / "screenshots"
        place.mkdir(parents=True, exist_ok=True)
        script = pathlib.Path(__file__).resolve().parent / "fleet_page.js"
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": page_test.CHROMIUM, "HOME": self.directory}
        before = self.processes()
        done = subprocess.run(["node", str(script), self.url.geturl(), self.tokens["operator"], self.tokens["admin"], str(place)], env=env, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done)
        seen = json.loads(done.stdout)
        self.assertEqual((seen["errors"], seen["overflow"], seen["unnamed"], seen["faint"]), ([], [], [], []))
        for text in seen["refused"]:
            self.assertIn("admin", text)
        self.assertEqual(set(seen["unchanged"]), set(before))
        self.assertEqual(len(set(seen["pids"])), 2)
        self.assertEqual(seen["log"], (self.state / "logs" / "echo-1.log").read_text().splitlines()[-400:])
        self.assertEqual(self.processes(), before)  # what was done on the page was done, and undone


if __name__ == "__main__":
    harness.main()

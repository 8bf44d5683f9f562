#!/usr/bin/env python3
"""The page: its files, and all of it in Chromium, where that and playwright-core are there (tools/setup --clients). Screenshots are kept."""
import json
import os
import pathlib
import subprocess
import unittest

import openai_test
import web
from web import harness

CHROMIUM = os.environ.get("TROUPE_CHROMIUM", "/usr/bin/chromium")


class Page(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()

    def test_its_files(self):
        answer = self.get("/", role=None)
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("script-src 'self';", answer.headers["content-security-policy"])
        text = answer.body.decode()
        self.assertNotIn("http://", text)
        self.assertNotIn("https://", text)
        for name, kind in (("app.js", "text/javascript"), ("style.css", "text/css")):
            self.assertIn(f"/web/{name}", text)
            self.assertTrue(self.get("/web/" + name, role=None).headers["content-type"].startswith(kind))
        self.problem(self.get("/web/nothing.js", role=None), 404, "not-found")

    @unittest.skipUnless(openai_test.npm_place() and os.path.exists(CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
    def test_in_a_browser(self):
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        self.agent("assistant", "assistant")
        place = harness.BUILD / "tests" / "85-gateway" / "screenshots"
        place.mkdir(parents=True, exist_ok=True)
        script = pathlib.Path(__file__).resolve().parent / "page.js"
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": CHROMIUM, "HOME": self.directory}
        done = subprocess.run(["node", str(script), self.gateway.url, self.tokens["operator"], str(place)], env=env, capture_output=True,
                              text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, 0, done)
        seen = json.loads(done.stdout)
        self.assertEqual(seen["errors"], [])
        self.assertEqual((seen["link"], seen["first_focus"], seen["title"]), ("live", "skip", "Troupe"))
        self.assertIn("<img src=x", seen["tap"])
        self.assertTrue(seen["reply"])
        self.assertEqual((seen["task"], seen["dark"]), ("cancelled", "rgb(21, 23, 27)"))
        self.assertFalse(seen["phone_overflow"])


if __name__ == "__main__":
    harness.main()

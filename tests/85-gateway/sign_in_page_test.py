#!/usr/bin/env python3
"""Signing in at an OpenID provider on the page, in Chromium: there and back by keyboard, another tab, out again, and what goes wrong, small and dark."""
import json
import os
import pathlib
import subprocess
import unittest

import openai_test
import page_test
import sign_in_test
from web import harness


class SignInPage(sign_in_test.SignIn):
    @unittest.skipUnless(openai_test.npm_place() and os.path.exists(page_test.CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
    def test_in_a_browser(self):
        self.provider.asks_first = True
        place = harness.BUILD / "tests" / "85-gateway" / "screenshots"
        place.mkdir(parents=True, exist_ok=True)
        script = pathlib.Path(__file__).resolve().parent / "sign_in_page.js"
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": page_test.CHROMIUM, "HOME": self.directory}
        done = subprocess.run(["node", str(script), self.gateway.url, str(place)], env=env, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done)
        seen = json.loads(done.stdout)
        self.assertEqual((seen["errors"], seen["overflow"], seen["unnamed"], seen["faint"]), ([], [], [], []))
        self.assertEqual((seen["first_focus"], seen["offer"], seen["password"]), ("login-elsewhere", "Sign in with Example", False))
        self.assertEqual((seen["at_provider"], seen["who"], seen["address"], seen["told"], seen["readable"]), ("/realm/authorize", "Ann", "/#agents", "Signed in as Ann", ""))
        self.assertEqual((seen["published"], seen["second_tab"], seen["out_who"]), (True, "Ann", ""))
        self.assertIn("/realm/end", self.provider.seen)
        self.assertEqual(seen["problem"], "That took too long, or was begun in another tab. Please sign in again.")
        self.assertNotIn("<", seen["unknown"])


if __name__ == "__main__":
    harness.main()

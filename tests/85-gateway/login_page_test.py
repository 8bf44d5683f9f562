#!/usr/bin/env python3
"""Signing in on the page, in Chromium: by keyboard, wrong and right, in two tabs, two persons with one browser, out again, when the gateway's first answer is lost, small and dark."""
import json
import os
import pathlib
import subprocess
import unittest

import login_test
import openai_test
import page_test
from web import harness


class LoginPage(login_test.Login):
    @unittest.skipUnless(openai_test.npm_place() and os.path.exists(page_test.CHROMIUM), "there is no Chromium, or no playwright-core: tools/setup --clients")
    def test_in_a_browser(self):
        self.agent("assistant", "assistant")
        place = harness.BUILD / "tests" / "85-gateway" / "screenshots"
        place.mkdir(parents=True, exist_ok=True)
        script = pathlib.Path(__file__).resolve().parent / "login_page.js"
        env = {**os.environ, "NODE_PATH": openai_test.npm_place(), "TROUPE_CHROMIUM": page_test.CHROMIUM, "HOME": self.directory}
        done = subprocess.run(["node", str(script), self.gateway.url, login_test.PASSWORD, str(place)], env=env, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done)
        seen = json.loads(done.stdout)
        self.assertEqual((seen["errors"], seen["overflow"], seen["unnamed"], seen["faint"]), ([], [], [], []))
        self.assertEqual((seen["first_focus"], seen["focus_after_wrong"], seen["problem_role"]), ("login-name", "login-password", "alert"))
        self.assertEqual(seen["problem"], "the name or the password is wrong")
        self.assertEqual((seen["who"], seen["dialog_open"], seen["second_tab"]), ("operator", 0, "operator"))
        self.assertEqual((seen["out_who"], seen["cookies"], seen["token_too"], seen["readable"]), ("", 0, True, ""))
        self.assertEqual((seen["kept"], seen["of_olga"]), (1, {"turns": 2, "name": None, "asked_as": "operator", "traces": 1, "theme": "light"}))
        self.assertEqual((seen["left"], seen["of_admin"]), (0, {"turns": 0, "name": "", "asked_as": "admin", "traces": 0, "theme": "light"}))
        self.assertEqual(seen["of_adam"], {"turns": 0, "name": "Adam", "asked_as": "Adam", "traces": 0, "theme": "light"})
        self.assertEqual((seen["kept_of_admin"], seen["of_operator"]), (1, {"turns": 0, "name": None, "asked_as": "operator", "traces": 0, "theme": "light"}))
        self.assertGreater(seen["asked"], 1)
        self.assertEqual(self.gateway.err.count("G021 change by a user who=operator peer=127.0.0.1 method=POST path=/api/v1/topics/news.a status=202"), 2)


if __name__ == "__main__":
    harness.main()

#!/usr/bin/env python3
"""The load scenario (examples/load) runs as it is given: process_input, a query and an update, and none of them fails."""
import pathlib
import re
import shutil
import subprocess
import unittest

import web
from web import harness

SCENARIO = pathlib.Path(__file__).resolve().parents[2] / "examples/load/scenario.lua"


@unittest.skipUnless(shutil.which("wrk"), "there is no wrk")
class Load(web.GatewayTest):
    def test_the_three_calls(self):
        self.begin("--rate", "0")
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")
        self.spawn("kbd", "--connect", self.at.endpoint, "--data", self.directory + "/kb", env={"TROUPE_EMBEDDINGS": "ngrams"}).wait_err("ready")
        self.agent("assistant", "assistant")
        self.good(self.post("/api/v1/knowledge/load/documents", {"documents": [{"id": "first", "text": "The tide of harbour 1."}]}))
        done = subprocess.run(["wrk", "-t2", "-c16", "-d3s", "--timeout", "20s", "-s", str(SCENARIO), self.gateway.url, "--", self.tokens["operator"]],
                              capture_output=True, text=True, timeout=90, check=False)
        self.assertEqual(done.returncode, 0, done)
        print(re.search(r"load: .*", done.stdout)[0])
        self.assertRegex(done.stdout, r"load: \d+ requests/s, .*, 0 of [1-9]\d* not 2xx\n", done.stdout)
        self.assertGreater(self.good(self.get("/api/v1/knowledge"))["namespaces"][0]["documents"], 1)


if __name__ == "__main__":
    harness.main()

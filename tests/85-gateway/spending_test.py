#!/usr/bin/env python3
"""What agents spend on models: every call counts, traced or not, of processes that are there and of those that were."""
import json
import os
import signal
import sys

import web
from web import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "60-model"))
import model  # noqa: E402

TEXT = "Whales are mammals. They live in the sea. The blue whale is the largest animal of all. Many whales sing."
PRICES = [{"model": "m", "input": 1, "output": 2}]  # of a million tokens: 1,000 and 2,000 billionths for each


class Spending(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()
        self.server = model.Server()
        self.addCleanup(self.server.stop)
        self.server.usual = model.chat(json.dumps({"text": "About whales.", "language": "en"}))

    def summariser(self, name):
        mind = {"base-url": self.server.url, "model": "m", "prices": PRICES, **model.QUICK}
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--behaviour", "summariser", "--mind", json.dumps(mind),
                           env={**os.environ, "no_proxy": "*", "TROUPE_EMBEDDINGS": "ngrams"})
        child.wait_err("registered")
        return child

    def summary(self, of):
        self.assertEqual(self.good(self.post("/api/v1/messages", {"receiver": of, "content": TEXT}))["content"]["by"], "model the-model")

    def spent(self, calls, path="/api/v1/spending"):
        """When so many calls are known."""
        def known():
            answer = self.get(path, role="viewer")
            return answer.json() if answer.status == 200 and answer.json()["sum"]["calls"] == calls else None
        return harness.wait_until(known, f"{calls} calls to be counted")

    def test_every_call_counts(self):
        self.assertEqual(self.spent(0)["spent"], [])
        first = self.summariser("ann")
        self.summariser("bob")
        for of in ("ann", "ann", "bob"):
            self.summary(of)
        told = self.spent(3)
        used = model.USAGE
        self.assertEqual(told["sum"], {"calls": 3, "failed": 0, "input": 3 * used["prompt_tokens"], "output": 3 * used["completion_tokens"],
                                       "nano": 3 * (used["prompt_tokens"] + 2 * used["completion_tokens"]) * 1000})
        self.assertEqual({(row["agent"], row["model"], row["calls"]) for row in told["spent"]}, {("ann@local", "m", 2), ("bob@local", "m", 1)})
        self.assertEqual((told["complete"], told["total"]), (True, 2))
        self.assertEqual(self.spent(1, "/api/v1/spending?name=bob")["total"], 1)
        # Nothing of it was traced.
        self.assertEqual(self.good(self.get("/api/v1/traces"))["traces"], [])
        self.assertEqual(self.good(self.get("/api/v1/metrics"))["spent"], {**told["sum"], "complete": True, "missing": []})

        # Another process of that name goes on where this one has ended; what it did not come to tell before is told as it ends.
        self.summary("ann")
        first.stop()
        self.summariser("ann")
        self.summary("ann")
        self.assertEqual({row["agent"]: row["calls"] for row in self.spent(5)["spent"]}, {"ann@local": 4, "bob@local": 1})

    def test_a_broker_that_begins_anew_hears_it_again(self):
        self.summariser("ann")
        self.summary("ann")
        self.spent(1)
        endpoint = self.at.endpoint
        self.at.stop(signal.SIGKILL)
        self.at = self.broker(listen=endpoint)
        self.spent(1)
        self.summary("ann")
        self.spent(2)


if __name__ == "__main__":
    harness.main()

#!/usr/bin/env python3
"""One request to the gateway is one tree over all processes: the way of its task and its decision, the model and the tool that were used for it."""
import json
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name) for name in ("85-gateway", "60-model")]
import model
import web
from web import harness

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


class Whole(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", "tasks").wait_err("C001")

    def agent(self, name, behaviour, *more):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--behaviour", behaviour, *more,
                           env={"TROUPE_EMBEDDINGS": "ngrams", "no_proxy": "*"})
        child.wait_err("A001")

    def spans(self, *wanted):
        """All of the trace, when those that are wanted are there, and no span's parent is missing: but that of who asked the gateway."""
        def whole():
            done = self.troupe("trace", TRACE, "-o", "json", "--connect", self.at.endpoint)
            spans = done.json() if done.code == 0 else []
            ids = {span["span"] for span in spans} | {SPAN}
            lost = [span for span in spans if span["parent"] not in ids]
            return spans if set(wanted) <= {span["name"] for span in spans} and not lost else None
        return harness.wait_until(whole, f"a whole tree with {wanted}")

    def chain(self, spans, span):
        """The names from the top to it."""
        by = {one["span"]: one for one in spans}
        names = []
        while span:
            names.insert(0, span["name"])
            span = by.get(span["parent"])
        return names

    def test_a_task_that_a_model_does_with_a_tool(self):
        server = model.Server()
        self.addCleanup(server.stop)
        tool = {"id": "c1", "type": "function", "function": {"name": "calculate", "arguments": json.dumps({"expression": "6*7"})}}
        server.does(model.chat(None, "tool_calls", [tool]), model.chat("It is 42."))
        self.agent("x", "executor", "--service", "sums", "--mind", json.dumps({"base-url": server.url, "model": "m", **model.QUICK}))
        task = self.good(self.post("/api/v1/tasks", {"skills": ["sums"], "input": {"text": "six times seven?"}}, headers=HEADERS), 201)
        self.assertTrue(task)
        spans = self.spans("POST /api/v1/tasks", "task", "task attempt", "chat m", "execute_tool calculate", "route")
        agents = {span["agent"].partition("@")[0] for span in spans}
        self.assertLessEqual({"gateway", "coordinator", "x", "broker"}, agents)
        for name in ("chat m", "execute_tool calculate"):
            way = self.chain(spans, next(span for span in spans if span["name"] == name))
            self.assertEqual(way[:7], ["POST /api/v1/tasks", "send request", "receive request", "task", "task attempt", "send request", "receive request"], way)
        tree = self.troupe("trace", TRACE, "--connect", self.at.endpoint)
        self.assertEqual(tree.code, 0)
        for name in ("chat m", "execute_tool calculate", "task attempt"):
            self.assertIn(name, tree.out)

    def test_a_decision_of_several(self):
        for name, likes in (("ann", "tea"), ("bob", "tea"), ("cid", "coffee")):
            self.agent(name, "voter", "--args", json.dumps({"profile": f"likes {likes}"}))
        self.good(self.post("/api/v1/decisions", {"question": "What to drink?", "options": ["tea", "coffee"], "voters": ["ann", "bob", "cid"],
                                                  "method": "plurality"}, headers=HEADERS), 201)
        spans = self.spans("POST /api/v1/decisions", "decision", "decision round")
        harness.wait_until(lambda: {"ann", "bob", "cid"} <= {span["agent"].partition("@")[0] for span in self.spans() if span["name"].startswith("receive")},
                           "the spans of all voters")
        top = ["POST /api/v1/decisions", "send request", "receive request", "decision"]
        self.assertEqual(self.chain(spans, next(span for span in spans if span["name"] == "decision round")), [*top, "decision round"])
        voted = next(span for span in self.spans() if span["agent"] == "ann@local" and span["name"] == "receive request")
        self.assertEqual(self.chain(self.spans(), voted), [*top, "send request", "receive request"])


if __name__ == "__main__":
    harness.main()

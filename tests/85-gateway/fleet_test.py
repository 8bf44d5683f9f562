#!/usr/bin/env python3
"""A fleet by the REST API: attach, scale, logs; approvals, sessions, traces, schedules; and the whole in numbers."""
import json
import os
import pathlib
import time
import urllib.parse

import events_test
import web
from web import harness

FLEET = """fleet: small
broker: {listen: "tcp://127.0.0.1:0", stream: "tcp://127.0.0.1:0", http: "127.0.0.1:0"}
gateway: {options: {listen: "127.0.0.1:0", tokens: tokens}}
agents:
  - {name: echo, behaviour: echo, count: 2, services: [echo]}
"""


class Supervised(web.GatewayTest):
    """A small fleet of troupe up, with a gateway."""

    def setUp(self):
        super().setUp()
        self.tokens = {role: self.new_token(role, role) for role in ("viewer", "operator", "admin")}
        path = pathlib.Path(self.directory) / "fleet.yaml"
        path.write_text(FLEET)
        done = self.troupe("up", "-d", str(path), patience=60)
        self.assertEqual(done.code, 0, done)
        self.addCleanup(self.down)
        self.state = pathlib.Path(self.directory) / ".troupe" / "small"
        log = self.state / "logs" / "gateway.log"
        harness.wait_until(lambda: "url=" in log.read_text(), "the gateway to say where it is")
        self.url = urllib.parse.urlsplit(log.read_text().split("url=")[1].split()[0])

    def down(self):
        done = self.troupe("down", patience=60)
        self.assertEqual(done.code, 0, done)

    def processes(self):
        fleet, = self.good(self.get("/api/v1/fleets", role="viewer"))["fleets"]
        self.assertEqual((fleet["fleet"], fleet["changeable"]), ("small", True))
        return {p["name"]: p["pid"] for p in fleet["processes"] if p["state"] == "running"}


class Fleet(Supervised):
    def test_attach_scale_restart_detach(self):
        self.assertEqual(set(self.processes()), {"broker", "gateway", "echo-1", "echo-2"})
        self.problem(self.post("/api/v1/fleet/scale", {"groups": {"echo": 3}}), 403, "unauthorised")
        done = self.good(self.post("/api/v1/fleet/scale", {"groups": {"echo": 3}}, role="admin"))
        self.assertEqual([a["name"] for a in done["attached"]], ["echo-3"])
        self.good(self.post("/api/v1/fleet/attach", {"name": "clerk", "behaviour": "echo", "services": ["paper"]}, role="admin"))
        before = self.processes()
        self.assertEqual(set(before), {"broker", "gateway", "echo-1", "echo-2", "echo-3", "clerk"})
        # It is attached when it is registered; what it offers comes behind that.
        offered = lambda: [s["service"] for s in self.good(self.get("/api/v1/services"))["services"]]  # noqa: E731
        harness.wait_until(lambda: "paper" in offered(), "its service to be known")
        self.good(self.post("/api/v1/fleet/restart", {"name": "clerk"}, role="admin"))
        self.assertNotEqual(self.processes()["clerk"], before["clerk"])
        self.assertEqual(self.good(self.post("/api/v1/fleet/detach", {"name": "clerk"}, role="admin"))["ended"], ["clerk"])
        self.assertNotIn("clerk", self.processes())
        # What is refused is said, and leaves no ticket; no program can be named.
        self.problem(self.post("/api/v1/fleet/scale", {"groups": {"nobody": 1}}, role="admin"), 404, "not-registered")
        self.problem(self.post("/api/v1/fleet/attach", {"name": "x", "command": ["sh"]}, role="admin"), 400, "unexpected-argument")
        self.assertEqual(os.listdir(self.state / "tickets"), [])

    def test_logs(self):
        names = {log["name"]: log["bytes"] for log in self.good(self.get("/api/v1/logs"))["logs"]}
        self.assertLessEqual({"broker", "gateway", "echo-1"}, set(names))
        lines = self.good(self.get("/api/v1/logs/gateway?lines=1"))["lines"]
        whole = (self.state / "logs" / "gateway.log").read_text().splitlines()
        self.assertEqual(lines, whole[-1:])
        self.assertEqual(self.good(self.get("/api/v1/logs/gateway"))["lines"], whole)
        self.problem(self.get("/api/v1/logs/gateway", role="viewer"), 403, "unauthorised")
        self.problem(self.get("/api/v1/logs/nobody"), 404, "not-found")
        self.problem(self.get("/api/v1/logs/..%2Ffleet"), 404, "not-found")
        self.problem(self.get("/api/v1/logs/gateway?lines=0"), 400, "unrecognised-parameter-value")


class Rest(web.GatewayTest):
    def setUp(self):
        super().setUp()
        self.begin()

    def coordinator(self):
        self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks").wait_err("C001 ready")

    def test_without_a_fleet(self):
        self.assertEqual(self.good(self.get("/api/v1/fleets"))["fleets"], [])
        self.problem(self.post("/api/v1/fleet/scale", {"groups": {"echo": 3}}, role="admin"), 501, "unsupported-function")
        self.problem(self.get("/api/v1/logs"), 501, "unsupported-function")

    def test_approvals(self):
        self.coordinator()
        self.agent("keeper", "toolkeeper", "--tools", json.dumps({"touch": {"kind": "command", "programs": ["/usr/bin/touch"]}}))
        content = json.dumps({"action": "call", "tool": "touch", "arguments": {"program": "touch", "arguments": ["one"]}})
        asked = self.spawn("troupe", "ask", "keeper", content, "-o", "json", "--timeout", "60s", "--connect", self.at.endpoint)
        pending = lambda: self.good(self.get("/api/v1/approvals?state=pending"))["approvals"]  # noqa: E731
        harness.wait_until(lambda: len(pending()) == 1, "an approval to be asked for", 60)
        approval = pending()[0]
        self.assertEqual(self.good(self.get("/api/v1/metrics"))["approvals"][0]["approval"], approval["approval"])
        path = "/api/v1/approvals/" + approval["approval"]
        self.assertEqual(self.good(self.get(path))["tool"], "touch")
        self.problem(self.post(path + "/grant", role="viewer"), 403, "unauthorised")
        self.assertEqual(self.good(self.post(path + "/deny", {"reason": "not here"}))["state"], "denied")
        self.assertIn("not here", asked.wait().out)
        self.assertIn("denied, as decided by gateway@", self.problem(self.post(path + "/grant"), 409, "already-decided")["detail"])
        self.assertEqual(pending(), [])

    def test_what_was_asked_here_is_granted_here(self):
        self.coordinator()
        self.agent("keeper", "toolkeeper", "--tools", json.dumps({"touch": {"kind": "command", "programs": ["/usr/bin/touch"], "approvers": ["boss", "gateway/operator"]}}))
        content = {"action": "call", "tool": "touch", "arguments": {"program": "touch", "arguments": ["/tmp/one"]}}
        self.good(self.post("/api/v1/messages", {"receiver": "keeper", "content": content, "wait": False}), 202)
        pending = lambda: self.good(self.get("/api/v1/approvals?state=pending"))["approvals"]  # noqa: E731
        harness.wait_until(lambda: len(pending()) == 1, "an approval to be asked for", 60)
        approval = pending()[0]
        self.assertRegex(approval["behalf"], "^gateway@[^/]+/operator$")
        self.assertEqual(approval["approvers"], ["boss", "gateway/operator"])
        path = "/api/v1/approvals/" + approval["approval"]
        self.assertIn("approvers", self.problem(self.post(path + "/grant", role="admin"), 403, "unauthorised")["detail"])
        granted = self.good(self.post(path + "/grant", {"reason": "fine"}))
        self.assertEqual((granted["state"], granted["by"]), ("granted", approval["behalf"]))
        harness.wait_until(lambda: self.good(self.get(path))["state"] == "used", "it to be used", 60)
        self.assertIn("used, as decided by gateway@", self.problem(self.post(path + "/deny"), 409, "already-decided")["detail"])

    def test_sessions_and_traces(self):
        self.agent("assistant", "assistant")
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        said = {"text": "hello, my name is Ann", "user": "ann", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        reply = self.good(self.post("/api/v1/process_input", said))["reply"]
        session = self.good(self.get("/api/v1/sessions/assistant/ann"))
        self.assertEqual((session["profile"]["name"], session["history"]["history"][0]["user"]), ("Ann", said["text"]))
        self.assertEqual(session["last"]["reply"], reply)
        names = lambda: {s["name"] for s in self.good(self.get("/api/v1/traces/" + trace))["spans"]}  # noqa: E731
        harness.wait_until(lambda: {"send request", "receive request", "think dialogue"} <= names(), "the spans to be told")
        self.problem(self.post("/api/v1/process_input", {**said, "traceparent": "x"}), 400, "unrecognised-parameter-value")
        self.problem(self.get("/api/v1/traces/x"), 400, "unrecognised-parameter-value")
        self.good(self.ask("DELETE", "/api/v1/sessions/assistant/ann"))
        self.assertIsNone(self.good(self.get("/api/v1/sessions/assistant/ann"))["profile"]["name"])

    def test_schedules(self):
        self.coordinator()
        made = self.good(self.post("/api/v1/schedules/nightly", {"cron": "30 2 * * *", "task": {"skills": ["tidy"]}}))
        self.assertEqual((made["schedule"], made["cron"]), ("nightly", "30 2 * * *"))
        self.assertEqual([s["schedule"] for s in self.good(self.get("/api/v1/schedules"))["schedules"]], ["nightly"])
        self.good(self.ask("DELETE", "/api/v1/schedules/nightly"))
        self.assertEqual(self.good(self.get("/api/v1/schedules"))["schedules"], [])

    def test_the_whole_in_numbers(self):
        self.agent("many", "echo", "--count", "50")
        self.good(self.post("/api/v1/topics/news.a", {"content": 1}), 202)
        seen = self.good(self.get("/api/v1/metrics", role="viewer"))
        self.assertEqual(seen["agents"]["states"], {"active": 51})
        self.assertEqual({row[0]: row[1] for row in seen["agents"]["rows"]}, {"gateway@local": 1, "many@local": 50})
        self.assertEqual(self.good(self.get("/api/v1/system_status", role="viewer"))["you"], {"name": "viewer", "role": "viewer"})
        self.assertIsNone(seen["tasks"])
        self.assertGreater(seen["broker"]["records_in"], 0)
        # Who asks again at once shares what there is.
        self.assertEqual(self.good(self.get("/api/v1/metrics"))["at_ms"], seen["at_ms"])
        harness.wait_until(lambda: self.good(self.get("/api/v1/metrics"))["at_ms"] > seen["at_ms"], "a newer one")
        harness.wait_until(lambda: any(t["topic"] == "news.a" for t in self.good(self.get("/api/v1/metrics"))["topics"]["busiest"]), "the topic")
        # One answer that takes its time is what the highest percentile shows, and not the median.
        slow = lambda: self.good(self.get("/api/v1/metrics"))["latency"]  # noqa: E731
        self.agent("sleepy", "exec", "--", "/bin/sh", "-c", 'while read line; do sleep 0.7; echo "{\\"content\\": 1}"; done')
        self.good(self.post("/api/v1/messages", {"receiver": "sleepy", "content": "hello"}))
        harness.wait_until(lambda: slow()["calls"]["p99_ms"] > 500, "the slow answer to be counted")
        for of in slow().values():
            self.assertGreater(of["count"], 3)
            self.assertLess(0, of["p50_ms"])
            self.assertLess(of["p50_ms"], 500)
            self.assertLessEqual(of["p50_ms"], of["p95_ms"])
            self.assertLessEqual(of["p95_ms"], of["p99_ms"])

    def test_so_many_events_a_second(self):
        feed = events_test.Feed(self, "news.*", per_s=5)
        self.good(self.get("/api/v1/topics"))
        for n in range(40):
            self.good(self.post("/api/v1/topics/news.a", {"content": n}), 202)
        first = [feed.next() for _ in range(5)]
        self.assertEqual([data["content"] for _, _, data in first], [0, 1, 2, 3, 4])
        time.sleep(1.1)  # the second that is over is what is tested
        self.good(self.post("/api/v1/topics/news.a", {"content": "last"}), 202)
        rest = []
        while not rest or rest[-1][2].get("content") != "last":
            rest.append(feed.next())
        told = sum(data["skipped"] for _, event, data in rest if event == "skipped")
        shown = [data for _, event, data in rest if event is None]
        self.assertEqual(len(first) + len(shown) + told, 41)
        self.assertGreater(told, 0)
        feed.close()


if __name__ == "__main__":
    harness.main()

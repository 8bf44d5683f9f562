#!/usr/bin/env python3
"""Traces of requests (W3C Trace Context): carried on, begun anew where what came is none, told in the response, and handed on to other servers."""
import json
import pathlib
import re

import web
from web import harness

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
BAD = ("x", f"00-{TRACE}-{SPAN}", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01",
       f"00-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-{SPAN}-0g", "00-" + "4" * 300)


class Trace(web.GatewayTest):
    def say(self, traceparent=None, to="echo"):
        return self.post("/api/v1/messages", {"receiver": to, "content": "hello"}, headers={"traceparent": traceparent} if traceparent else {})

    def told(self, answer):
        """Trace, span and flags of the response."""
        found = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", answer.headers["traceresponse"])
        self.assertTrue(found, answer)
        return found.groups()

    def spans(self, trace, *names):
        def all_there():
            spans = self.good(self.get("/api/v1/traces/" + trace))["spans"]
            return spans if set(names) <= {span["name"] for span in spans} else None
        return harness.wait_until(all_there, f"the spans {names}")

    def test_one_from_outside_is_carried_on(self):
        self.begin()
        self.agent("echo")
        trace, span, flags = self.told(self.say(f"00-{TRACE}-{SPAN}-01"))
        self.assertEqual((trace, flags), (TRACE, "01"))
        spans = {one["name"]: one for one in self.spans(TRACE, "POST /api/v1/messages", "send request", "route", "receive request", "receive inform")}
        root = spans["POST /api/v1/messages"]
        self.assertEqual((root["parent"], root["span"], root["kind"], root["agent"]), (SPAN, span, "server", "gateway@local"))
        self.assertEqual(root["attributes"], {"http.request.method": "POST", "http.route": "/api/v1/messages", "http.response.status_code": 200})
        self.assertEqual(spans["send request"]["parent"], span)
        self.assertGreaterEqual(root["took_us"], spans["receive request"]["took_us"])
        later = self.told(self.say(f"01-{TRACE}-{SPAN}-01-of-a-later-version"))
        self.assertEqual(later[0], TRACE)

    def test_what_is_none_begins_another(self):
        self.begin()
        self.agent("echo")
        seen = {TRACE}
        for bad in BAD:
            trace, _, flags = self.told(self.say(bad))
            self.assertNotIn(trace, seen)
            seen.add(trace)
            self.assertEqual(flags, "00", bad)
            self.assertEqual(self.good(self.get("/api/v1/traces/" + trace))["spans"], [])
        self.assertEqual(self.told(self.say(f"00-{TRACE}-{SPAN}-00"))[::2], (TRACE, "00"))
        self.assertNotIn("traceresponse", self.say().headers)

    def test_one_of_mcp_is_in_its_meta(self):
        """As the revision without sessions has it; the header comes first, and what is none is as none."""
        self.begin()
        self.agent("echo")
        other = TRACE[::-1]

        def call(meta, **headers):
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask_agent", "arguments": {"agent": "echo", "text": "hello"},
                                                                                 "_meta": {"traceparent": meta}}}
            self.assertIn("hello", self.good(self.post("/mcp", body, headers=headers))["result"]["content"][0]["text"])
        call(f"00-{TRACE}-{SPAN}-01")
        self.assertIn(SPAN, [span["parent"] for span in self.spans(TRACE, "send request", "receive request")])
        for bad in BAD:
            call(bad)
        call(f"00-{TRACE}-{SPAN}-00", traceparent=f"00-{other}-{SPAN}-01")
        self.spans(other, "POST /mcp", "send request", "receive request")

    def test_one_in_so_many_begins_one(self):
        self.begin("--trace-one-in", "1")
        self.agent("echo")
        trace, span, _ = self.told(self.say())
        root = next(one for one in self.spans(trace, "POST /api/v1/messages", "receive request") if one["kind"] == "server")
        self.assertEqual((root["span"], root.get("parent")), (span, None))
        self.assertIn(trace, [one["trace"] for one in self.good(self.get("/api/v1/traces"))["traces"]])
        for probe in ("/healthz", "/readyz", "/metrics"):
            self.assertNotIn("traceresponse", self.get(probe).headers, probe)

    def test_failures_are_told(self):
        self.begin()
        self.problem(self.say(f"00-{TRACE}-{SPAN}-01", to="svc:nothing"), 503, "no-provider")
        spans = {one["name"]: one for one in self.spans(TRACE, "POST /api/v1/messages", "route")}
        self.assertEqual(spans["POST /api/v1/messages"]["error"], "Service Unavailable")
        self.assertEqual(spans["route"]["error"], "no-provider")

    def test_an_agent_of_another_gateway_is_in_the_same_trace(self):
        """Each of the two has its own span, and what is between them is told by HTTP."""
        self.begin()
        self.agent("echo", "echo", "--service", "say")
        key = pathlib.Path(self.directory) / "key"
        key.write_text(self.tokens["operator"])
        key.chmod(0o600)
        self.agent("far", "a2a-remote", "--args", json.dumps({"url": self.gateway.url + "/a2a/echo", "key-file": str(key)}))
        harness.wait_until(lambda: self.say(to="far").json().get("performative") == "inform", "it to know the other side", 90)
        self.told(self.say(f"00-{TRACE}-{SPAN}-01", to="far"))
        def asked_by():
            spans = self.good(self.get("/api/v1/traces/" + TRACE))["spans"]  # each process tells its own, one after the other
            other = next((one for one in spans if one["name"] == "POST /a2a/{agent}"), {"parent": None})
            return next((one for one in spans if one["span"] == other["parent"]), None)
        asked = harness.wait_until(asked_by, "both spans")
        self.assertEqual((asked["name"], asked["agent"]), ("receive request", "far@local"))


if __name__ == "__main__":
    harness.main()

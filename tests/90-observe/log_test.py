#!/usr/bin/env python3
"""One request, traced, over all processes: each has lines of it in its log, with its trace and the conversation, which the trace of its spans also has."""
import json
import pathlib
import re
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / name) for name in ("85-gateway", "60-model")]
import model
import web
from web import harness

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
LOG = ("--log-format", "json", "--log-level", "debug")


def lines(child):
    return [json.loads(line) for line in child.err.splitlines() if line.startswith("{")]


def of(child, event):
    return [line for line in lines(child) if line["event"] == event and line.get("trace") == TRACE]


class Log(web.GatewayTest):
    def test_a_request_is_in_the_log_of_each_process(self):
        """A task, given to an agent, which asks the knowledge base what that does not understand."""
        self.begin(*LOG, broker=LOG)
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", "tasks", *LOG)
        kbd = self.spawn("kbd", "--connect", self.at.endpoint, "--data", "kb", *LOG, env={"TROUPE_EMBEDDINGS": "ngrams"})
        clerk = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "clerk", "--behaviour", "relay", "--args", '{"to": "svc:kb"}',
                           "--service", "look", *LOG)
        for child, event in ((coordinator, "C001"), (kbd, "K001"), (clerk, "A001")):
            child.wait_err(f'"event":"{event}"')
        submit = {"skills": ["look"], "input": {"of": "lighthouses"}, "tries": 1}
        traceparent = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        self.good(self.post("/api/v1/tasks", submit, headers=traceparent), 201)
        for child, event in ((self.gateway, "G010"), (coordinator, "C019"), (clerk, "A031"), (kbd, "K018")):
            harness.wait_until(lambda child=child, event=event: of(child, event), f"a line {event} with the trace")
        for child, event in ((coordinator, "C019"), (clerk, "A031"), (kbd, "K018")):
            self.assertTrue(all(line["conversation"] for line in of(child, event)), of(child, event))
        # What one process says of a conversation is what the other says of it.
        talks = {line["conversation"] for line in of(clerk, "A031")}
        self.assertTrue(talks & {line["conversation"] for line in of(kbd, "K018")}, talks)
        self.assertTrue(all(line["conversation"] for line in of(self.gateway, "G010")), of(self.gateway, "G010"))
        # The broker has a line for each message of it.
        through = harness.wait_until(lambda: [line for line in of(self.at, "B070") if line["to"] == "svc:kb"], "the broker's line")
        self.assertEqual({(line["sender"], line["act"], line["refused"]) for line in through}, {("clerk@local", "request", None)})
        self.assertEqual({line["conversation"] for line in through}, talks & {line["conversation"] for line in of(kbd, "K018")})
        # Another request's lines are not of this trace.
        before = len(of(kbd, "K018"))
        self.good(self.post("/api/v1/messages", {"receiver": "svc:kb", "content": {"action": "stat"}}))
        harness.wait_until(lambda: len([line for line in lines(kbd) if line["event"] == "K018" and "trace" not in line]) > 0, "the untraced one")
        self.assertEqual(len(of(kbd, "K018")), before)

    def test_what_the_broker_could_not_deliver(self):
        """A message waits for an agent that rests, and then ends: the line of the dead letter is of its trace and its conversation."""
        self.at = self.broker(*LOG)
        agent = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "sleeper", "--behaviour", "echo", *LOG)
        agent.wait_err('"event":"A001"')
        self.assertEqual(self.troupe("suspend", "sleeper", "--connect", self.at.endpoint).code, 0)
        done = self.troupe("ask", "sleeper", "hello", "--trace", "--connect", self.at.endpoint, "--timeout", "1s")
        trace = re.search("troupe trace ([0-9a-f]{32})", done.err)[1]
        agent.process.terminate()
        dead = harness.wait_until(lambda: [line for line in lines(self.at) if line["event"] == "B021"], "the dead letter")
        sent = [line["conversation"] for line in lines(self.at) if line["event"] == "B070" and line["trace"] == trace and line["to"].startswith("sleeper")]
        self.assertEqual([(line["trace"], line["conversation"]) for line in dead], [(trace, sent[0])], dead)

    def test_a_model_that_does_not_answer(self):
        """The built-in mind does, and the log says of which request."""
        self.at = self.broker()
        server = model.Server()
        self.addCleanup(server.stop)
        server.usual = model.status(500)
        thinker = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "thinker", "--behaviour", "assistant", "--mind",
                             json.dumps({"base-url": server.url, "model": "m", **model.QUICK}), "--log-format", "json", env={"TROUPE_EMBEDDINGS": "ngrams", "no_proxy": "*"})
        thinker.wait_err('"event":"A001"')
        done = self.troupe("ask", "thinker", '{"text": "hello", "user": "ann"}', "--trace", "--connect", self.at.endpoint, "--timeout", "60s")
        self.assertEqual(done.code, 0, done)
        trace = re.search("troupe trace ([0-9a-f]{32})", done.err)[1]
        warned = harness.wait_until(lambda: [line for line in lines(thinker) if line["event"] == "A030"], "a line about the model")
        self.assertEqual({line.get("trace") for line in warned}, {trace})
        self.assertTrue(all(line["conversation"] and "built in, since" in line["detail"] for line in warned), warned)
        self.assertNotIn(model.KEY, thinker.err)


if __name__ == "__main__":
    harness.main()

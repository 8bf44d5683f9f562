"""trace: what a question has set in motion, over agents and brokers."""
import json
import pathlib
import re

import cli
import harness

AGENTS = (("end", "echo", "{}"), ("middle", "relay", '{"to": "end"}'), ("front", "relay", '{"to": "middle"}'))


class Trace(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.start()
        for name, behaviour, arguments in AGENTS:
            self.agentd(name, behaviour, "--args", arguments)

    def agentd(self, name, behaviour, *more):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--behaviour", behaviour, *more)
        child.wait_err("registered")

    def traced(self, *arguments, code=0):
        done = self.run_verb("ask", *arguments, "--trace")
        self.assertEqual(done.code, code, done)
        return re.search(r"^traced: troupe trace ([0-9a-f]{32})$", done.err, re.M).group(1)

    def spans(self, trace, least):
        def enough():
            done = self.run_verb("trace", trace, "-o", "json")
            return done.code == 0 and len(done.json()) >= least and done.json()
        return harness.wait_until(enough, f"{least} spans")

    def spans_named(self, trace, *names):
        def all_there():
            done = self.run_verb("trace", trace, "-o", "json")
            return done.code == 0 and set(names) <= {span["name"] for span in done.json()} and done.json()
        return harness.wait_until(all_there, f"the spans {names}")

    def test_a_question_over_three_agents(self):
        trace = self.traced("front", "hello")
        spans = self.spans(trace, 12)  # three requests and the reply: sent, routed and received
        self.assertEqual({span["trace"] for span in spans}, {trace})
        of = {span["span"]: span for span in spans}
        roots = [span for span in spans if span["parent"] is None]
        self.assertEqual([(root["name"], root["kind"]) for root in roots], [("send request", "producer")])
        received = next(span for span in spans if span["agent"].startswith("end@") and span["kind"] == "consumer")
        way = []
        while received:
            way.append((received["name"], received["agent"].split("@")[0]))
            received = of.get(received["parent"])
        asker = roots[0]["agent"].split("@")[0]
        self.assertEqual(way, [("receive request", "end"), ("send request", "middle"), ("receive request", "middle"),
                               ("send request", "front"), ("receive request", "front"), ("send request", asker)])
        begins = [of[span["parent"]]["start_us"] <= span["start_us"] for span in spans if span["parent"]]
        self.assertTrue(all(begins))
        for sent in (span for span in spans if span["kind"] == "producer"):
            routed = [span for span in spans if span["parent"] == sent["span"] and span["name"] == "route"]
            self.assertEqual([(span["agent"], span["error"]) for span in routed], [("broker@local", None)], sent)
            self.assertEqual(routed[0]["attributes"]["troupe.queue.ahead"], 0)

    def test_what_waits_for_a_provider_is_delivered(self):
        self.agentd("slow", "echo", "--service", "slowly")
        trace = self.traced("svc:slowly", "hello")
        spans = self.spans_named(trace, "deliver", "receive request")
        delivered = [span for span in spans if span["name"] == "deliver"]
        self.assertEqual([span["attributes"]["messaging.destination.name"] for span in delivered], ["slow"])

    def test_one_of_thousands_of_spans_is_told_whole(self):
        trace = "7a" * 16
        self.tell(trace, 5)
        self.assertEqual({span["name"] for span in self.spans(trace, 2500)}, {f"s{i}" for i in range(2500)})
        done = self.run_verb("trace", trace)
        self.assertEqual(done.err, "2.5ms, 2500 spans of 1 agent\n")
        self.assertEqual(self.run_verb("trace", trace.upper()).err, done.err)

    def batches(self, trace, count):
        """`count` times 500 spans of a trace, each as a line of what the AMS is told."""
        for batch in range(count):
            yield json.dumps({"action": "spans", "spans": [
                {"trace": trace, "span": f"{i + 1:016x}", "name": f"s{i}", "agent": "a@local", "kind": "internal", "start_us": i + 1, "took_us": 1,
                 **({"parent": f"{1:016x}"} if i else {})} for i in range(batch * 500, batch * 500 + 500)]}) + "\n"

    def tell(self, trace, count):
        done = self.run_verb("send", "ams", "inform", "--lines", text="".join(self.batches(trace, count)))
        self.assertEqual(done.code, 0, done)

    def test_one_is_whole_though_others_are_forgotten_meanwhile(self):
        self.tell("0a" * 16, 60)  # more than are kept
        others = pathlib.Path(self.directory) / "others"
        others.write_text("".join(self.batches("0b" * 16, 15)))
        for n in range(4):
            trace = f"{n + 1:02x}" * 16
            self.tell(trace, 5)
            self.spans(trace, 2500)
            with others.open() as lines:
                beside = self.spawn("troupe", "send", "ams", "inform", "--lines", env=self.env(), stdin=lines)
            while beside.process.poll() is None:
                self.assertEqual(self.run_verb("trace", trace).err, "2.5ms, 2500 spans of 1 agent\n")

    def test_the_tree(self):
        trace = self.traced("front", "hello")
        self.spans(trace, 12)
        done = self.run_verb("trace", trace)
        self.assertEqual(done.code, 0)
        lines = done.out.splitlines()
        self.assertRegex(lines[0], r"^ *START +TOOK +SPAN +AGENT +DETAIL$")
        self.assertRegex(lines[1], r"^ *0us +\d+us +send request +cli-\S+@local +to front$")
        self.assertRegex(lines[2], r"└ route +broker@local +to front$")
        self.assertRegex(lines[3], r"└ receive request +front@local +from cli-")
        self.assertRegex(done.err, r"^[\d.]+(us|ms|s), \d+ spans of 4 agents$")
        listed = self.expect(self.run_verb("trace", "-o", "json"), 0).json()
        self.assertEqual([row["trace"] for row in listed], [trace])

    def test_what_a_mind_was_asked_is_in_it(self):
        self.agentd("digest", "summariser")
        trace = self.traced("digest", "A lease is a loan of work. It ends. Who holds it works, and says when it is done.")
        spans = self.spans_named(trace, "think summarise", "receive request")
        of = {span["span"]: span for span in spans}
        thought = next(span for span in spans if span["name"] == "think summarise")
        self.assertEqual(thought["attributes"]["troupe.mind.by"], "built-in")
        self.assertEqual(of[thought["parent"]]["name"], "receive request")

    def test_a_tool_that_was_used_is_in_it(self):
        self.agentd("doer", "executor")
        trace = self.traced("doer", "calculate 6*7")
        spans = self.spans_named(trace, "execute_tool calculate", "think act")
        used = next(span for span in spans if span["name"] == "execute_tool calculate")
        self.assertEqual((used["attributes"]["gen_ai.tool.name"], used["error"]), ("calculate", None))

    def test_what_is_not_traced_leaves_nothing(self):
        self.expect(self.run_verb("ask", "front", "hello"), 0, "hello\n")
        self.expect(self.run_verb("trace", "-o", "json"), 0, "[]\n")
        self.expect(self.run_verb("trace", "0" * 31 + "1"), 3, "", err="no span of")
        self.expect(self.run_verb("trace", "4711"), 3, "", err="32 hexadecimal digits")

    def test_what_failed_is_told(self):
        trace = self.traced("nobody", "hello", code=3)
        spans = {span["name"]: span for span in self.spans(trace, 2)}
        self.assertEqual(sorted(spans), ["route", "send request"])
        self.assertEqual(spans["route"]["error"], "not-found")

    def test_a_trace_by_chance(self):
        """One in one: each message that an agent sends of itself begins a trace; what it sends for others does not."""
        self.agentd("lone", "relay", "--args", '{"to": "end"}', "--trace-one-in", "1")
        self.expect(self.run_verb("ask", "lone", "x"), 0, "x\n")
        self.expect(self.run_verb("trace", "-o", "json"), 0, "[]\n")


if __name__ == "__main__":
    harness.main()

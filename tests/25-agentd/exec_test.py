"""The exec behaviour with a real program: what it gets, what becomes of its lines, and of the messages when it errs or dies."""
import json
import os
import pathlib
import signal
import time

import agentd
import harness

# Does what each message tells it to.
PROGRAM = r"""
import json, os, sys, time

held = []


def say(line):
    print(line if isinstance(line, str) else json.dumps(line), flush=True)


def do(message, order):
    word, rest = order.get("do"), order.get("with")
    if word == "answer":
        say({"id": message["id"], "content": rest})
    elif word == "pid":
        say({"content": os.getpid()})
    elif word == "say":
        say(rest)
    elif word == "garbage":
        say(rest or "loading the model ...")
    elif word == "long":
        say("x" * (1 << 20) + "y")
    elif word == "hold":
        held.append(message["id"])
    elif word == "tell":
        held.append(message["id"])
        print(rest, file=sys.stderr, flush=True)
    elif word == "let go":
        for i in held:
            say({"id": i, "content": "held"})
        say({"id": message["id"], "content": len(held)})
        held.clear()
    elif word == "spoil":
        say({"id": held.pop(0), "content": "x", "nonsense": 1})
        say({"id": message["id"], "content": "spoilt"})
    elif word == "die":
        os._exit(9)
    elif word == "message":
        say({"content": message})


for line in sys.stdin:
    message = json.loads(line)
    order = message.get("content")
    if isinstance(order, dict):
        do(message, order)
"""


class Exec(agentd.AgentdTest):
    def setUp(self):
        super().setUp()
        self.program = self.write("program.py", PROGRAM)

    def start(self, *arguments):
        return self.agentd("--name", "p", *arguments, "--", "python3", self.program)

    def pid(self):
        return self.ask("p", '{"do": "pid"}')

    def fails(self, content, says, *arguments):
        """Answered at once, long before any time limit."""
        began = time.monotonic()
        done = self.run_verb("ask", "p", content, "--timeout", "60s", *arguments)
        self.assertEqual(done.code, 3, done)
        self.assertIn(says, done.err)
        self.assertLess(time.monotonic() - began, 15)
        return done


# Hands what it is asked for on to hand, and tells what came back.
BOSS = r"""
import json, sys

asked = None
for line in sys.stdin:
    message = json.loads(line)
    if message["sender"].startswith("hand@"):
        print(json.dumps({"id": asked, "content": [message["delegation"], message["budget"]]}), flush=True)
    else:
        asked = message["id"]
        print(json.dumps({"id": asked, "spent": {"tokens": 10}}), flush=True)
        print(json.dumps({"id": asked, "to": "hand", "performative": "request", "reply_with": "h", "delegate": True,
                          "budget": {"tokens": 40}, "content": "x"}), flush=True)
"""


class Lines(Exec):
    def test_what_the_program_gets_and_answers(self):
        self.start("--service", "doing")
        got = self.ask("svc:doing", '{"do": "message"}', "--ontology", "weather")
        self.assertEqual((got["type"], got["performative"], got["ontology"]), ("message", "request", "weather"))
        self.assertEqual(got["content"], {"do": "message"})
        self.assertTrue(got["sender"].startswith("cli-"), got)
        self.assertEqual(self.ask("p", '{"do": "say", "with": {"performative": "inform", "content": [1, {"a": null}]}}'), [1, {"a": None}])
        done = self.run_verb("ask", "p", '{"do": "say", "with": {"performative": "refuse", "content": {"reason": "no"}}}')
        self.assertEqual((done.code, "refuse: no" in done.err), (3, True), done)

    def test_it_hands_on_and_spends(self):
        self.agentd("--name", "hand", "--behaviour", "echo")
        boss = self.write("boss.py", BOSS)
        self.agentd("--name", "boss", "--", "python3", boss)
        answer = self.run_verb("ask", "boss", "go", "--budget-tokens", "100", "--headers", "-o", "json").json()
        # 100 less 10 spent and 41 for the question; hand's answer has 39 of its 40; one is for the answer
        self.assertEqual(answer["budget"], {"tokens": 87})
        chain, left = answer["content"]
        self.assertEqual((chain[1:], left), (["boss@local"], {"tokens": 39}))
        self.assertTrue(chain[0].startswith("cli-"), chain)

    def test_a_line_that_is_no_message_fails_the_only_one_in_work_at_once(self):
        agent = self.start()
        pid = self.pid()
        self.fails('{"do": "garbage"}', "failure: bad-line: the program wrote what is no message: not JSON at column")
        self.fails('{"do": "garbage"}', "the line is: loading the model ...")
        self.fails('{"do": "say", "with": {"content": 1, "ontolgy": "x"}}', 'unknown member "ontolgy"')
        self.fails('{"do": "say", "with": {"performative": "shout"}}', "expected a performative")
        self.fails('{"do": "say", "with": [1]}', "expected a JSON object")
        self.fails('{"do": "long"}', "the line is longer than 1 MiB")
        self.assertEqual(self.pid(), pid)  # the same program goes on
        self.assertEqual(agent.err.count("its message is answered with a failure"), 6)

    def test_a_bad_line_to_others_costs_nobody_his_answer(self):
        agent = self.start()
        asking = self.spawn_verb("ask", "p", '{"do": "say", "with": {"to": ["a", 7], "content": 1}}', "--timeout", "60s")
        agent.wait_err("nobody waits for it")
        self.assertIsNone(asking.process.poll())
        asking.stop(signal.SIGINT)

    def test_an_answer_that_cannot_be_sent_is_told(self):
        agent = self.start()
        self.fails('{"do": "say", "with": {"content": 1, "reply_with": "%s"}}' % ("x" * 20000), "failure: not-sent: ")
        self.assertIn("A026", agent.err)
        self.assertEqual(self.ask("p", '{"do": "answer", "with": 2}'), 2)

    def test_with_several_in_work_each_keeps_its_time(self):
        agent = self.start("--args", '{"in_flight": 4}')
        held = [self.spawn_verb("ask", "p", '{"do": "hold"}', "--timeout", "60s") for _ in range(2)]
        harness.wait_until(lambda: self.ask("ams", '{"action": "search", "name": "p"}')["agents"][0]["received"] >= 2, "two messages")
        third = self.spawn_verb("ask", "p", '{"do": "garbage"}', "--timeout", "60s")
        agent.wait_err("each message keeps its time limit")
        self.assertIn("in_work=3", agent.err)
        self.assertEqual([child.process.poll() for child in (*held, third)], [None, None, None])
        self.assertEqual(self.ask("p", '{"do": "let go"}'), 2)
        for child in held:
            self.assertEqual(child.wait().out, "held\n")
        third.stop(signal.SIGINT)

    def test_its_log_says_of_which_trace_and_conversation_it_is(self):
        agent = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "p", "--log-format", "json", "--args", '{"in_flight": 4}', "--", "python3", self.program)
        agent.wait_err('"event":"A001"')
        asked = self.spawn_verb("ask", "p", '{"do": "tell", "with": "half way"}', "--trace", "--timeout", "60s")
        agent.wait_err("half way")
        said, = [json.loads(line) for line in agent.err.splitlines() if "half way" in line]
        self.assertEqual(self.ask("p", '{"do": "let go"}'), 1)
        self.assertIn(f"troupe trace {said['trace']}", asked.wait().err)
        self.assertTrue(said["conversation"])
        self.assertEqual(said["event"], "A022")

    def test_with_several_in_work_an_id_says_whose_it_is(self):
        agent = self.start("--args", '{"in_flight": 4}')
        first = self.spawn_verb("ask", "p", '{"do": "hold"}', "--timeout", "60s")
        harness.wait_until(lambda: self.ask("ams", '{"action": "search", "name": "p"}')["agents"][0]["received"] >= 1, "one message")
        self.assertEqual(self.ask("p", '{"do": "spoil"}'), "spoilt")
        done = first.wait()
        self.assertEqual(done.code, 3, done)
        self.assertIn('unknown member "nonsense"', done.err)
        self.assertIn('in_work=2 then="its message is answered with a failure"', agent.err)


class Topics(Exec):
    def test_it_publishes_and_hears(self):
        self.start("--subscribe", "orders")
        tap = self.spawn_verb("tap", "done.>", "-o", "json", "--headers", "--count", "2")
        tap.wait_err("watching ")
        plain = '{"do": "say", "with": {"publish": "done.a", "content": {"n": 1}}}'
        text = '{"do": "say", "with": {"publish": "done.b", "content": "a,b", "language": "text/csv", "ontology": "o"}}'
        def attempt():
            for order in plain, text:
                self.assertEqual(self.run_verb("pub", "orders", order).code, 0)
            return tap.process.poll() is not None
        harness.wait_until(attempt, "two publications of the program")
        got = {m["topic"]: (m["content"], m["headers"].get("language"), m["headers"].get("ontology")) for m in tap.wait().lines()}
        self.assertEqual(got, {"done.a": ({"n": 1}, None, None), "done.b": ("a,b", "text/csv", "o")})


class OneRunEach(Exec):
    # Its first argument says which files to wait for and what to write.
    STEPS = r"""
import os, sys, time
sys.stdin.read()
for step in sys.argv[1:]:
    if step.startswith("@"):
        while not os.path.exists(step[1:]):
            time.sleep(0.01)
    else:
        print(step, flush=True)
open("ended", "w").close()
"""

    def run_of(self, *steps):
        return self.agentd("--name", "p", "--exec-mode", "once", "--", "python3", self.write("steps.py", self.STEPS), *steps)

    def test_a_bad_line_fails_at_once_and_the_run_goes_on(self):
        agent = self.run_of("garbage", "@go", '{"content": "too late"}')
        done = self.fails("x", "failure: bad-line")
        self.assertNotIn("too late", done.out)
        self.assertFalse((pathlib.Path(self.directory) / "ended").exists())
        self.write("go", "")
        agent.wait_err("its message has been answered with a failure")
        harness.wait_until((pathlib.Path(self.directory) / "ended").exists, "the end of the run")
        self.fails("x", "failure: bad-line")  # the next message gets the next run

    def test_an_answer(self):
        self.run_of('{"content": {"a": 1}}')
        self.assertEqual(self.ask("p", "x"), {"a": 1})

    def test_a_run_without_an_answer(self):
        self.run_of()
        self.fails("x", "failure: no-answer")


class Life(Exec):
    def test_a_program_that_dies_is_started_again(self):
        agent = self.start()
        pid = self.pid()
        self.fails('{"do": "die"}', "failure: program-ended: exit status 9")
        self.assertIn("A021", agent.err)
        self.assertNotEqual(self.pid(), pid)

    def test_a_request_to_a_service_goes_to_another_provider(self):
        self.start("--service", "doing")
        self.assertEqual(self.ask("svc:doing", '{"do": "answer", "with": 1}'), 1)
        other = "import json,sys\nfor l in sys.stdin: m=json.loads(l); print(json.dumps({'content': ['other', m.get('attempt')]}), flush=True)\n"
        asking = self.spawn_verb("ask", "svc:doing", '{"do": "hold"}', "--timeout", "60s", "-o", "json")
        harness.wait_until(lambda: self.ask("ams", '{"action": "services"}')["services"][0]["leased"] == 1, "the request in work")
        self.agentd("--name", "q", "--service", "doing", "--", "python3", self.write("other.py", other))
        harness.wait_until(lambda: self.ask("ams", '{"action": "services"}')["services"][0]["providers"] == 2, "both providers")
        os.kill(self.child_of("p"), signal.SIGKILL)
        self.assertEqual(asking.wait().json(), ["other", 1])

    def child_of(self, name):
        """The pid of the program of an agent."""
        found = [a["pid"] for a in self.ask("ams", '{"action": "search", "name": "%s"}' % name)["agents"]]
        return int(pathlib.Path(f"/proc/{found[0]}/task/{found[0]}/children").read_text().split()[0])

    def test_a_message_that_takes_too_long_fails_and_ends_the_program(self):
        agent = self.start("--exec-timeout", "4s")
        pid = self.child_of("p")
        self.fails('{"do": "hold"}', "failure: timeout")
        self.assertIn("A025", agent.err)
        harness.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the end of the program")
        self.assertNotEqual(self.pid(), pid)

    def test_the_program_ends_with_its_agent(self):
        agent = self.start()
        pid = self.pid()
        self.assertEqual(agent.stop().code, 0)
        harness.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the end of the program")
        killed = self.start()
        pid = self.pid()
        killed.send_signal(signal.SIGKILL)
        harness.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the end of the program")

    def test_a_program_that_cannot_be_run(self):
        self.refused("--name", "p", "--", "no-such-program-here", says="it is not in PATH")
        self.write("wrong.sh", "#!/no/such/interpreter\n")
        os.chmod(pathlib.Path(self.directory) / "wrong.sh", 0o700)
        self.refused("--name", "p", "--exec-mode", "once", "--", "./wrong.sh", says="a script for")

    def test_a_program_that_always_dies_ends_its_agent(self):
        done = self.run_program("agentd", "--connect", self.at.endpoint, "--name", "p",
                                "--args", '{"backoff_ms": 10, "max_backoff_ms": 10}', "--", "false")
        self.assertEqual(done.code, 70, done)


if __name__ == "__main__":
    harness.main()

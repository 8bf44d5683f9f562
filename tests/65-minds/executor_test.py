"""executor: tasks by tools, with the built-in mind and with a model, their limits, and what is left of them after kill -9."""
import asyncio
import json
import pathlib
import signal
import sys
import threading

import minds
from minds import model

# Shows the same result of each task.
DESK = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "content": {"description": "whales", "result": "whales are big"}}), flush=True)
"""


# Refuses two tasks, the second without a detail, is busy twice, and has one without a result.
STRICT_DESK = """
import json, sys
busy = 0
for line in sys.stdin:
    m = json.loads(line)
    task = m["content"]["task"]
    says = {"secret": ("refuse", {"reason": "unauthorised", "detail": "it is not yours"}), "broken": ("failure", {"reason": "internal-error"}),
            "pending": ("inform", {"description": "p", "state": "pending"})}.get(task)
    if task == "later":
        busy += 1
        says = ("refuse", {"reason": "busy", "detail": "ask again"}) if busy < 3 else ("inform", {"description": "later", "result": "later is big"})
    print(json.dumps({"id": m["id"], "performative": says[0], "content": says[1]}), flush=True)
"""


def call(expression, id_="c1", tool="calculate"):
    return {"id": id_, "type": "function", "function": {"name": tool, "arguments": json.dumps({"expression": expression})}}


def calls(*expressions, **more):
    return model.chat(None, "tool_calls", [call(e, f"c{i}") for i, e in enumerate(expressions)], **more)


class ExecutorTest(minds.MindsTest):
    def modelled(self, *answers, args=None, more=(), **config):
        server = self.server()
        server.does(*answers)
        server.usual = model.status(400)
        mind = {"base-url": server.url, "model": "m", "max-tokens": 50, **model.QUICK, **config}
        return server, self.agent("x", "executor", args, mind=mind, more=more)

    def tap(self, *more):
        """One of the progress that hears."""
        tap = self.spawn_verb("tap", *more, "progress.>", "-o", "json")

        def heard():
            self.run_verb("pub", "progress.probe", "1")
            return "progress.probe" in tap.out
        minds.harness.wait_until(heard, "the tap hears", 20)
        return tap

    def told_steps(self, tap):
        """Those that were told until the mark, which is told now."""
        self.run_verb("pub", "progress.mark", "1")
        minds.harness.wait_until(lambda: "progress.mark" in tap.out, "the mark", 20)
        return [line for line in tap.out.splitlines() if "progress.x" in line]

    def marking(self, *arguments, **more):
        """The tools of a server of MCP, none of which is repeatable, and which calls it was told of."""
        marks = pathlib.Path(self.directory) / "marks"
        program = pathlib.Path(__file__).resolve().parent.parent / "68-tools/mcp_server.py"

        def made():
            return [line for line in marks.read_text().splitlines() if json.loads(line).get("method") == "tools/call"] if marks.exists() else []
        return {"fake": {"kind": "mcp", "command": [sys.executable, str(program), *arguments, "--log", str(marks)], **more}}, made

    def failure(self, content, *arguments):
        """The reason and detail of what is not done."""
        done = self.run_verb("ask", "x", content if isinstance(content, str) else json.dumps(content), *arguments)
        self.assertEqual(done.code, 3, done)
        return done.err


class BuiltIn(ExecutorTest):
    def test_a_task_and_what_it_rests_on(self):
        self.agent("x", "executor")
        tap = self.spawn_verb("tap", "progress.>", "-n", "1", "-o", "json")
        minds.harness.wait_until(lambda: self.told("x", "what is (2 + 3) * 4?") and tap.process.poll() is not None, "a step is told", 20)
        answer = self.told("x", "what is (2 + 3) * 4?")
        self.assertEqual((answer["text"], answer["steps"], answer["by"], answer["tokens"]), ("20", 1, "built-in", 0))
        self.assertEqual(answer["evidence"], [{"step": 0, "tool": "calculate", "arguments": {"expression": "(2 + 3) * 4"}, "status": "ok", "text": "20"}])
        told = json.loads(tap.out)["content"]
        self.assertEqual((told["step"], told["most"], told["tool"], told["status"]), (1, 12, "calculate", "ok"))

    def test_parts_and_what_cannot_be_done(self):
        self.agent("x", "executor")
        answer = self.told("x", "calculate 2+3, then tell me what time and date it is now")
        self.assertEqual([s["tool"] for s in answer["evidence"]], ["calculate", "clock"])
        self.assertRegex(answer["text"], r"^5\n\d{4}-\d\d-\d\dT.*day$")
        self.assertIn("not-done", self.failure("dance"))
        self.assertIn("none of the tools that fit it succeeded", self.failure("calculate 1/0"))
        self.assertIn("step-limit", self.failure({"text": "calculate 2+3, then calculate 3+4", "limits": {"steps": 1}}))

    def test_requests_that_make_no_sense(self):
        self.agent("x", "executor")
        for wrong in {}, {"text": ""}, {"text": "x", "limits": {"steps": 0}}, {"text": "x", "id": "i" * 65}, {"text": "x", "context": 5}:
            self.assertIn("unsupported-value", self.failure(wrong))
        self.refused("--name", "y", "--behaviour", "executor", "--args", '{"steps": 0}', says="args.steps: expected a whole number from 1 to 200")

    def test_a_task_of_the_coordinator(self):
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        self.agent("x", "executor", more=("--service", "sums"))
        done = self.run_verb("task", "submit", "--skill", "sums", "--wait", '{"text": "calculate 6*7"}')
        self.assertEqual(done.code, 0, done)
        self.assertIn('"text": "42"', done.out.replace('"text":"42"', '"text": "42"'))


class Model(ExecutorTest):
    def test_tools_are_called_and_what_they_say_is_data(self):
        server, _ = self.modelled(calls("6*7", "1/0"), model.chat("It is 42."))
        answer = self.told("x", {"text": "six times seven?", "context": "be brief"})
        self.assertEqual((answer["text"], answer["by"], answer["steps"], answer["tokens"]), ("It is 42.", "model the-model", 2, 20))
        self.assertEqual([(s["step"], s["text"]) for s in answer["evidence"]], [(0, "42")])
        first, second = (request.json for request in server.requests)
        self.assertEqual({t["function"]["name"] for t in first["tools"]}, {"calculate", "clock"})
        self.assertNotIn("response_format", first)
        self.assertIn('"context":"be brief"', first["messages"][1]["content"])
        self.assertEqual([m["role"] for m in second["messages"]], ["system", "user", "assistant", "tool", "assistant", "tool"])
        mark = first["messages"][1]["content"].split("\n")[0]
        said = second["messages"][3]["content"].split("\n")
        self.assertEqual((said[0], json.loads(said[1])), (mark, {"status": "ok", "data-of-tool": "42"}))
        self.assertEqual(json.loads(second["messages"][5]["content"].split("\n")[1])["status"], "error")

    def test_the_same_call_three_times_in_a_row_ends_it(self):
        server, _ = self.modelled(calls("6*7"), calls("6*7"), calls("6*7"))
        self.assertIn("repeated", self.failure("go round"))
        self.assertEqual(len(server.requests), 3)

    def test_steps_that_go_on_for_ever(self):
        self.modelled(*[calls(f"{i}+1") for i in range(9)], args={"steps": 4})
        self.assertIn("step-limit", self.failure("count"))

    def test_half_a_call_is_none(self):
        """A cut answer, and one that broke off within the arguments: nothing is called, and the built-in mind, which is asked instead, has no tool."""
        broken = model.stream(model.events((), None, [{"index": 0, **call("6*7")}], None, done=False), chunked=False)
        server, _ = self.modelled(model.chat(None, "length", [call("6*7")]), broken, broken, broken)
        tap = self.tap()
        for _ in range(2):
            self.assertIn("not-done", self.failure("dance"))
        self.assertEqual(self.told_steps(tap), [])
        self.assertGreater(len(server.requests), 1)

    def test_time_is_up(self):
        """Whenever it is up: what the first task asks of the model may come before, or long after, it was told to have failed."""
        async def by_task(request, writer):
            of_first, is_begun = b"and again" not in request.body, len(request.json["messages"]) > 2
            return await (model.chat("There.") if not of_first else model.stall() if is_begun else calls("6*7"))(request, writer)
        server, _ = self.modelled()
        server.usual = by_task
        self.assertIn("time-limit", self.failure({"text": "wait", "limits": {"time-ms": 300}}))
        self.assertEqual(self.told("x", "and again")["text"], "There.")

    def test_what_is_asked_ends_with_its_task(self):
        gone = []

        async def stalls(request, _writer):
            await request.reader.read()
            gone.append(request)
            return False
        forever = {"limits": {name: "600s" for name in ("connect", "first-byte", "idle", "total")}}
        server, _ = self.modelled(**forever)
        server.usual = stalls
        tap = self.tap("$tap.x.>")
        self.assertIn("time-limit", self.failure({"text": "wait", "limits": {"time-ms": 300}}))
        minds.harness.wait_until(lambda: len(gone) == 1, "the model's server is left alone", 20)
        self.assertEqual(len(server.requests), 1)
        minds.harness.wait_until(lambda: '"time-limit"' in tap.out, "its failure on the wire", 20)
        failed = next(json.loads(line) for line in tap.out.splitlines() if '"time-limit"' in line)["content"]
        self.assertGreater(failed["tokens"], 100, "what is asked is paid, answered or not")

    def test_what_it_may_cost(self):
        usage = {"prompt_tokens": 2900, "completion_tokens": 20, "total_tokens": 2920}
        server, _ = self.modelled(calls("6*7", usage=usage))
        self.assertIn("money-limit", self.failure({"text": "spend", "limits": {"tokens": 3000}}))
        self.assertEqual(len(server.requests), 1, "it is asked only where the whole of an answer is within the limit")
        self.assertIn("money-limit", self.failure({"text": "spend", "limits": {"tokens": 60}}))
        self.assertEqual(len(server.requests), 1)

    def test_the_budget_of_a_task_is_that_of_its_order(self):
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        usage = {"prompt_tokens": 2900, "completion_tokens": 20, "total_tokens": 2920}
        server, _ = self.modelled(more=("--service", "sums"), budget={"task": {"tokens": 3000}})
        server.usual = calls("6*7", usage=usage)
        for asked in 1, 2:
            done = self.run_verb("task", "submit", "--skill", "sums", "--wait", "--tries", "1", '{"text": "spend"}')
            self.assertIn("the budget of task:", done.out + done.err)
            self.assertEqual(len(server.requests), asked, "the second step of each is over its budget, the first is not")

    def test_results_that_it_needs_are_known(self):
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        self.agent("finder", "echo", more=("--service", "search"))
        done = self.run_verb("task", "submit", "--skill", "search", "--wait", '{"text": "whales are big"}')
        self.assertEqual(done.code, 0, done)
        task, = self.run_verb("task", "ls", "-o", "json").json()
        server, _ = self.modelled(model.chat("They are."), model.chat("They are."))
        told = self.told("x", {"text": "are they?", "context": "be brief", "needs": [task["task"], "no-such-task"]})
        self.assertEqual((told["text"], told["missing"]), ("They are.", ["no-such-task"]))
        data = json.loads(server.requests[0].json["messages"][1]["content"].split("\n")[1])
        self.assertTrue(data["context"].startswith("be brief\n\n"), data)
        self.assertTrue(data["context"].endswith(':\nwhales are big\n\nThe results of these tasks are needed, and could not be had: {"no-such-task":"not-registered: there is no task of this id"}'), data)
        self.assertEqual(told["missing-why"], {"no-such-task": "not-registered: there is no task of this id"})
        self.assertNotIn("missing", self.told("x", {"text": "are they?", "needs": [task["task"]]}))
        self.assertIn("unsupported-value", self.failure({"text": "x", "needs": [5]}))

    def test_what_it_needs_is_asked_for_again(self):
        """The coordinator is away as it asks, and comes back."""
        def start():
            coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
            coordinator.wait_err("C001 ready")
            return coordinator
        coordinator = start()
        self.agent("finder", "echo", more=("--service", "search"))
        done = self.run_verb("task", "submit", "--skill", "search", "--wait", '{"text": "whales are big"}')
        self.assertEqual(done.code, 0, done)
        task, = self.run_verb("task", "ls", "-o", "json").json()
        server, _ = self.modelled()
        server.usual = model.chat("fine")
        coordinator.process.kill()
        coordinator.wait()
        job = {"text": "are they?", "id": "t1", "needs": [task["task"], "no-such-task"]}
        asked = self.spawn_verb("ask", "x", json.dumps(job), "-o", "json", "--timeout", "60s")
        short = {"text": "are they, soon?", "needs": [task["task"]], "limits": {"time-ms": 10500}}  # longer than one answer is waited for
        self.assertIn("time-limit", self.failure(short, "--timeout", "60s"))  # nobody comes, until its time is up
        self.assertEqual((server.requests, asked.process.poll()), ([], None), "nothing is done without what it needs")
        start()
        told = asked.wait(60)
        self.assertEqual(told.code, 0, told)
        self.assertEqual(told.json()["missing"], ["no-such-task"])
        self.assertIn("whales are big", server.requests[0].json["messages"][1]["content"])

    def test_who_says_at_once_that_it_is_away_is_asked_again(self):
        """An agent, which no broker keeps a request for."""
        server, _ = self.modelled(args={"tasks": "desk"})
        server.usual = model.chat("fine")
        asked = self.spawn_verb("ask", "x", json.dumps({"text": "are they?", "needs": ["t9"]}), "-o", "json", "--timeout", "60s")
        short = {"text": "are they, soon?", "needs": ["t9"], "limits": {"time-ms": 1500}}
        self.assertIn("time-limit", self.failure(short))
        self.assertEqual((server.requests, asked.process.poll()), ([], None), "nothing is done without what it needs")
        self.agentd("--name", "desk", "--", sys.executable, "-c", DESK)
        told = asked.wait(60)
        self.assertEqual(told.code, 0, told)
        self.assertNotIn("missing", told.json())
        self.assertIn("whales are big", server.requests[0].json["messages"][1]["content"])

    def test_a_refusal_is_not_asked_for_again_and_busy_is(self):
        server, _ = self.modelled(args={"tasks": "desk"})
        server.usual = model.chat("fine")
        self.agentd("--name", "desk", "--", sys.executable, "-c", STRICT_DESK)
        told = self.told("x", {"text": "are they?", "needs": ["secret", "broken", "later", "pending"]})
        self.assertEqual(told["missing"], ["secret", "broken", "pending"])
        self.assertEqual(told["missing-why"], {"secret": "unauthorised: it is not yours", "broken": "internal-error", "pending": "no-result: it has none, or none yet"})
        data = server.requests[0].json["messages"][1]["content"]
        self.assertIn("later is big", data)
        self.assertIn("it is not yours", data)

    def test_what_may_not_be_asked_for_is_not_asked_for_again(self):
        """Its certificate has no right to ask for tasks."""
        certs = pathlib.Path(self.directory) / "certs"
        for name, *role in ("broker", "--role", "broker"), ("ops", "--role", "operator"), ("x", "--name", "x", "--verb", "*"), ("desk", "--role", "agent", "--offer", "tasks"):
            self.assertEqual(self.troupe("cert", "new", name, *role, "--certs", certs).code, 0)
        secret = {name: str(certs / f"secret/{name}.yaml") for name in ("broker", "ops", "x", "desk")}
        at = self.broker("--certs", certs, "--cert", secret["broker"])
        server = self.server()
        server.usual = model.chat("fine")
        mind = json.dumps({"base-url": server.url, "model": "m", **model.QUICK})
        self.spawn("agentd", "--connect", at.endpoint, "--cert", secret["desk"], "--name", "desk", "--behaviour", "echo", "--service", "tasks").wait_err("registered")
        self.spawn("agentd", "--connect", at.endpoint, "--cert", secret["x"], "--name", "x", "--behaviour", "executor", "--mind", mind, env={"no_proxy": "*"}).wait_err("registered")
        done = self.troupe("ask", "--connect", at.endpoint, "--cert", secret["ops"], "x", '{"text": "are they?", "needs": ["t1"]}', "-o", "json", "--timeout", "60s")
        self.assertEqual(done.code, 0, done)
        self.assertEqual((done.json()["text"], done.json()["missing-why"]), ("fine", {"t1": "forbidden"}))

    def test_an_id_is_done_once(self):
        server, _ = self.modelled(calls("6*7"), model.chat("42"))
        first = self.told("x", {"text": "six times seven", "id": "t1"})
        self.assertEqual(self.told("x", {"text": "six times seven", "id": "t1"}), first)
        self.assertEqual(len(server.requests), 2)
        self.assertIn("there was another task of this id", self.failure({"text": "something else", "id": "t1"}))


def echo(text):
    return model.chat(None, "tool_calls", [{"id": "e1", "type": "function", "function": {"name": "fake_echo", "arguments": json.dumps({"text": text})}}])


BAD = model.chat(None, "tool_calls", [call("", tool="fake_bad")])


class Once(ExecutorTest):
    """A tool that is not repeatable is called once, over all tries of a task."""

    def working(self, *answers, bad="hang", **more):
        tools, made = self.marking("--bad", bad, **more)
        self.start_coordinator()
        server, _ = self.modelled(*answers, more=("--service", "work", "--tools", json.dumps(tools)))
        return server, made

    def start_coordinator(self):
        self.coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        self.coordinator.wait_err("C001 ready")

    def first_task(self):
        return self.run_verb("task", "ls", "-o", "json").json()[0]

    def submit(self, *arguments):
        done = self.run_verb("task", "submit", "--skill", "work", "--wait", *arguments, '{"text": "send it"}')
        return done, self.first_task()

    def test_a_step_that_is_done_is_not_done_by_the_next_try(self):
        server, made = self.working(echo("sent"), model.status(400), model.chat("It is sent."))
        done, task = self.submit()
        self.assertEqual((done.code, task["tries"]), (0, 2), done)
        self.assertIn("It is sent.", done.out)
        self.assertEqual([m["role"] for m in server.requests[-1].json["messages"]], ["system", "user", "assistant", "tool"])
        self.assertEqual(len(made()), 1)

    def test_nor_by_another_agent_while_the_one_that_keeps_it_is_there(self):
        tools, made = self.marking()
        self.start_coordinator()
        more = ("--service", "work", "--tools", json.dumps(tools))
        server, _ = self.modelled(echo("sent"), model.status(400), model.chat("It is sent."), more=more)
        self.agent("y", "executor", mind={"base-url": server.url, "model": "m", "max-tokens": 50, **model.QUICK}, more=more)
        done, task = self.submit()
        self.assertEqual((done.code, task["tries"], len(made())), (0, 2, 1), done)
        self.assertEqual([m["role"] for m in server.requests[-1].json["messages"]], ["system", "user", "assistant", "tool"])

    def test_nor_by_another_agent_when_the_time_of_a_try_is_up(self):
        tools, made = self.marking()
        self.start_coordinator()
        more = ("--service", "work", "--tools", json.dumps(tools))
        server, _ = self.modelled(echo("sent"), model.stall(), more=more)
        server.usual = model.chat("It is sent.")
        self.agent("y", "executor", mind={"base-url": server.url, "model": "m", "max-tokens": 50, **model.QUICK}, more=more)
        done, task = self.submit("--try-time", "2s")
        self.assertEqual((done.code, task["tries"], len(made())), (0, 2, 1), done)
        self.assertEqual([m["role"] for m in server.requests[-1].json["messages"]], ["system", "user", "assistant", "tool"])

    def test_each_try_has_its_steps(self):
        tools, made = self.marking()
        self.start_coordinator()
        self.modelled(echo("sent"), calls("1 + 1"), calls("2 + 2"), calls("3 + 3"), model.chat("It is sent."), args={"steps": 2},
                      more=("--service", "work", "--tools", json.dumps(tools)))
        done, task = self.submit()
        self.assertEqual((done.code, task["tries"], len(made())), (0, 2, 1), done)
        self.assertIn("It is sent.", done.out)

    def test_not_by_any_of_all_tries(self):
        _, made = self.working(echo("sent"))
        done, task = self.submit()
        self.assertEqual((done.code, task["state"], task["tries"]), (3, "failed", 3), done)
        self.assertEqual(len(made()), 1)

    def is_not_tried_again(self, bad, **more):
        _, made = self.working(BAD, bad=bad, **more)
        done, task = self.submit()
        self.assertEqual((task["state"], task["tries"], len(made())), ("failed", 1, 1), done)
        self.assertIn("unknown-outcome", task["reason"])

    def test_what_a_server_may_have_done_that_died_is_not_tried_again(self):
        self.is_not_tried_again("die")

    def test_what_a_server_may_have_done_that_is_too_slow_is_not_tried_again(self):
        self.is_not_tried_again("hang", timeout="300ms")

    def test_the_same_words_of_others_are_another_task(self):
        _, made = self.working(echo("sent"), model.status(400), echo("sent"), model.status(400), echo("sent"), model.status(400), echo("sent"))
        for count in 1, 2:
            self.submit("--tries", "1")
            self.assertEqual(len(made()), count)
        for count in 3, 4:
            self.failure({"text": "send it"})
            self.assertEqual(len(made()), count)

    def test_a_later_order_takes_the_place_of_the_one_before(self):
        """The coordinator gives a try up while the model thinks."""
        server, made = self.working(echo("sent"), model.stall())
        server.usual = model.chat("It is sent.")
        done, task = self.submit("--try-time", "2s")
        self.assertEqual((done.code, task["tries"], len(made())), (0, 2, 1), done)
        self.assertIn("It is sent.", done.out)
        self.assertEqual([m["role"] for m in server.requests[-1].json["messages"]], ["system", "user", "assistant", "tool"])

    def test_an_answer_that_was_lost_is_given_again(self):
        """The coordinator ends before it has read it, and another one gives the task away anew."""
        is_released = threading.Event()

        async def held(request, writer):
            while not is_released.is_set():
                await asyncio.sleep(0.02)
            return await model.chat("It is sent.")(request, writer)
        server, made = self.working(echo("sent"), held)
        tap = self.tap("$tap.x.>")
        self.assertEqual(self.run_verb("task", "submit", "--skill", "work", '{"text": "send it"}').code, 0)
        minds.harness.wait_until(lambda: len(server.requests) == 2, "the model is asked again", 60)
        self.coordinator.process.send_signal(signal.SIGSTOP)
        is_released.set()
        minds.harness.wait_until(lambda: "It is sent." in tap.out, "the answer on the wire", 60)
        self.coordinator.process.kill()
        self.coordinator.wait()
        self.start_coordinator()
        minds.harness.wait_until(lambda: self.first_task()["state"] == "completed", "the task to be done", 60)
        self.assertEqual((self.first_task()["tries"], len(made()), len(server.requests)), (2, 1, 2))

    def asking(self):
        process = minds.python_client().connect(self.at.endpoint, process="test")
        self.addCleanup(process.close)
        return process

    def ordered(self, boss, task, token):
        """What comes of an order as a coordinator gives it."""
        put, user = boss._put, b"".join(minds.user_parameter(*pair) for pair in (("X-task", task), ("X-token", token)))
        boss._put = lambda name, route, envelope, *more: put(name, route, envelope + user, *more)
        try:
            answer = boss.request("x", {"text": "send it"}, timeout=60)
        finally:
            boss._put = put
        return answer.performative, answer.content

    def test_an_earlier_order_is_refused_when_the_later_one_is_done(self):
        """Orders as a coordinator gives them, whose messages come late; also over kill -9."""
        tools, made = self.marking()
        more = ("--tools", json.dumps(tools), "--state", self.directory + "/state")
        server, child = self.modelled(echo("sent"), model.chat("It is sent."), echo("sent"), model.chat("It is sent, too."), more=more)
        boss = self.asking().register("boss")

        def told(task, token):
            return self.ordered(boss, task, token)
        done = told("t1", "2")
        self.assertEqual((done[0], done[1]["text"]), ("inform", "It is sent."))
        child.process.kill()
        child.wait()
        self.agent("x", "executor", mind={"base-url": server.url, "model": "m", "max-tokens": 50, **model.QUICK}, more=more)
        self.assertEqual(told("t1", "3"), done, "the answer was lost")
        self.assertEqual((told("t1", "1")[0], told("t1", "1")[1]["reason"]), ("refuse", "superseded"))
        self.assertEqual(told("t2", "1")[1]["text"], "It is sent, too.")
        self.assertEqual(len(made()), 2)

    def test_orders_of_others_than_the_coordinators_are_their_own(self):
        tools, made = self.marking()
        self.modelled(echo("sent"), model.chat("It is sent."), model.chat("Yours."), args={"coordinators": ["other", "boss"]}, more=("--tools", json.dumps(tools)))
        process = self.asking()
        boss, done = process.register("boss"), None
        for token in "1", "2":
            done = self.ordered(boss, "t1", token)
            self.assertEqual((done[0], done[1]["text"]), ("inform", "It is sent."), "the answer was lost")
        self.assertEqual(self.ordered(process.register("boss-2"), "t1", "9")[1]["text"], "Yours.")
        self.assertEqual(self.ordered(boss, "t1", "3"), done)
        self.assertEqual(len(made()), 1)

    def waiting(self, args, *answers):
        """An executor whose tool a person has to approve."""
        tools, made = self.marking(privileged=["echo"])
        self.start_coordinator()
        self.modelled(*answers, args=args, more=("--service", "work", "--tools", json.dumps(tools)))
        return made

    def approval(self, state):
        def found():
            return self.run_verb("approvals", "ls", "--state", state, "-o", "json").json()
        minds.harness.wait_until(lambda: len(found()) == 1, f"one that is {state}", 60)
        return found()[0]

    def test_the_time_that_a_person_takes_is_not_the_tasks(self):
        """Nor does the coordinator's end it: its second try goes on waiting for the same approval."""
        made = self.waiting({"time-ms": 2500}, echo("sent"), model.chat("It is sent."))
        asked = self.spawn_verb("task", "submit", "--skill", "work", "--wait", "--try-time", "4s", '{"text": "send it"}')
        approval = self.approval("pending")
        minds.harness.wait_until(lambda: self.first_task()["tries"] == 2, "the second try", 60)
        self.assertEqual(self.run_verb("approvals", "grant", approval["approval"]).code, 0)
        done = asked.wait(60)
        self.assertEqual(done.code, 0, done)
        self.assertIn("It is sent.", done.out)
        self.assertEqual((len(made()), self.first_task()["tries"]), (1, 2))
        self.assertEqual(self.approval("used")["approval"], approval["approval"])

    def test_what_nobody_waits_for_any_more_cannot_be_granted(self):
        made = self.waiting(None, echo("sent"))
        asked = self.spawn_verb("task", "submit", "--skill", "work", "--wait", '{"text": "send it"}')
        approval = self.approval("pending")
        self.assertEqual(self.run_verb("task", "cancel", self.first_task()["task"]).code, 0)
        asked.wait(60)
        self.assertEqual(self.approval("expired")["reason"], "nobody waits for it any more")
        granted = self.run_verb("approvals", "grant", approval["approval"])
        self.assertNotEqual(granted.code, 0)
        self.assertIn("it is expired: nobody waits for it any more", granted.err)
        self.assertEqual(made(), [])


class Killed(ExecutorTest):
    def killed_after_a_step(self, ask, *answers):
        """Is killed while the model thinks about its second step; gives what was asked of the model after that."""
        more = ("--state", self.directory + "/state", "--service", "work")
        server, child = self.modelled(calls("6*7"), model.stall(), more=more)
        tap = self.tap()
        waiting = ask()
        minds.harness.wait_until(lambda: len(server.requests) == 2, "the model is asked again", 60)
        minds.harness.wait_until(lambda: "progress.x" in tap.out, "the step is told", 60)
        child.process.kill()
        child.process.wait()
        server.does(*answers)
        mind = {"base-url": server.url, "model": "m", "max-tokens": 50, **model.QUICK}
        self.agent("x", "executor", mind=mind, more=more)
        return server, waiting, tap

    def test_a_request_of_a_service_goes_on_where_it_stood(self):
        server, waiting, tap = self.killed_after_a_step(
            lambda: self.spawn_verb("ask", "svc:work", "six times seven", "-o", "json", "--timeout", "60s"), model.chat("It is 42."))
        done = waiting.wait()
        self.assertEqual(done.code, 0, done)
        answer = json.loads(done.out)
        self.assertEqual((answer["text"], answer["steps"], [s["text"] for s in answer["evidence"]]), ("It is 42.", 1, ["42"]))
        self.assertEqual([m["role"] for m in server.requests[-1].json["messages"]], ["system", "user", "assistant", "tool"])
        self.assertEqual(len(self.told_steps(tap)), 1, "a step that was made is not made again")

    def test_a_task_is_tried_again_and_goes_on_where_it_stood(self):
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks")
        coordinator.wait_err("C001 ready")
        server, waiting, tap = self.killed_after_a_step(
            lambda: self.spawn_verb("task", "submit", "--skill", "work", "--wait", '{"text": "six times seven"}'), calls("1+1"), model.chat("It is 42."))
        done = waiting.wait()
        self.assertEqual(done.code, 0, done)
        self.assertIn("It is 42.", done.out)
        self.assertEqual(len(server.requests), 4)
        self.assertEqual(len(self.told_steps(tap)), 2)

    def killed_while_a_tool_runs(self, *answers, **more):
        """Is killed in the middle of a tool that leaves a mark and then hangs; gives what was asked of the model, who waits for the end, and the marks."""
        tools, made = self.marking("--bad", "hang", **more)
        more = ("--state", self.directory + "/state", "--service", "work", "--tools", json.dumps(tools))
        server, child = self.modelled(model.chat(None, "tool_calls", [call("", tool="fake_bad")]), more=more)
        waiting = self.spawn_verb("ask", "svc:work", "do it", "-o", "json", "--timeout", "120s")
        minds.harness.wait_until(lambda: len(made()) == 1, "the tool to be at work", 60)
        child.process.kill()
        child.process.wait()
        server.does(*answers)
        self.agent("x", "executor", mind={"base-url": server.url, "model": "m", "max-tokens": 50, **model.QUICK}, more=more)
        return server, waiting, made

    def test_what_may_have_been_done_is_not_done_again(self):
        server, waiting, made = self.killed_while_a_tool_runs(model.chat("Nobody knows."))
        done = waiting.wait(120)
        self.assertEqual(done.code, 0, done)
        answer = json.loads(done.out)
        self.assertEqual((answer["text"], answer["steps"], answer["evidence"]), ("Nobody knows.", 1, []))
        said = json.loads(server.requests[-1].json["messages"][3]["content"].split("\n")[1])
        self.assertEqual(said["status"], "unknown-outcome")
        self.assertEqual(len(made()), 1)

    def test_what_is_repeatable_is_done_again(self):
        again = model.chat(None, "tool_calls", [call("", tool="fake_bad")])  # for a model that is asked once more, where the calls were not saved yet
        _, waiting, made = self.killed_while_a_tool_runs(again, repeatable=["bad"])
        minds.harness.wait_until(lambda: len(made()) == 2, "the tool to be called again", 60)
        waiting.stop()


if __name__ == "__main__":
    minds.harness.main()

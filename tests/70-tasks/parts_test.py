#!/usr/bin/env python3
"""What a task has beside its work: how it goes, what it may spend, where its end is told, and the whole that is composed of its parts."""
import collections
import json
import pathlib
import re
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

# Says how it goes until it has said `steps`; waits for a line more where it is told to `hold`.
TELLER = """
import json, sys, time
for line in sys.stdin:
    m = json.loads(line)
    do = m["content"]
    print(json.dumps({"id": m["id"], "performative": "agree"}), flush=True)
    for n in range(do["steps"]):
        print(json.dumps({"id": m["id"], "performative": "status_update", "content": {"done": (n + 1) / do["steps"], "text": f"page {n + 1}"}}), flush=True)
        time.sleep(0.15)
    print(json.dumps({"id": m["id"], "content": {"read": do["steps"]}}), flush=True)
"""

# Spends what it is told to of what it may spend, and says what that was; fails where it is told to.
SPENDER = """
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    do, act = m.get("content") or {}, m["performative"]
    if act == "cfp":
        print(json.dumps({"id": m["id"], "performative": "propose", "content": {"cost": 1}}), flush=True)
        continue
    print(json.dumps({"id": m["id"], "spent": {"tokens": do.get("tokens", 0)}}), flush=True)
    answer = {"id": m["id"], "content": {"budget": m.get("budget")}}
    if do.get("fail"):
        answer = {"id": m["id"], "performative": "failure", "content": {"reason": "broken"}}
    print(json.dumps(answer), flush=True)
"""

READER = """
import json, sys
TEXTS = {"sea": "The tides follow the moon. Ships wait for high water.", "moon": "The moon raises tides on the seas of the earth twice a day."}
for line in sys.stdin:
    m = json.loads(line)
    name = m["content"]["read"]
    print(json.dumps({"id": m["id"], "content": {"citations": [{"id": name, "source": name + ".txt", "quote": TEXTS[name]}]}}), flush=True)
"""

# Begins what it is asked and never ends it, until it is told to stop; says there what that was about.
HOLDER = """
import json, pathlib, sys
held = {}
for line in sys.stdin:
    m = json.loads(line)
    if m["performative"] == "cancel":
        pathlib.Path("MARK").write_text(json.dumps({"work": held.get(m["conversation_id"]), "cancel": m["conversation_id"]}))
        print(json.dumps({"id": m["id"], "performative": "inform"}), flush=True)
    else:
        held[m["conversation_id"]] = m["content"]
        print(json.dumps({"id": m["id"], "performative": "agree"}), flush=True)
"""

# Answers what it is told to, as if that were composed.
LIAR = """
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    answers = {"no evidence": {"text": "So it is.", "evidence": []}, "none of its parts": {"text": "So it is.", "evidence": [{"task": "x"}]},
               "not composed": "So it is."}
    print(json.dumps({"id": m["id"], "content": answers[m["content"]["question"]]}), flush=True)
"""


class Parts(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.at = self.broker()
        self.env = {"TROUPE_CONNECT": self.at.endpoint}
        self.coordinator = self.start()

    def start(self):
        coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks", "--http", "127.0.0.1:0",
                                 "--http-file", self.directory + "/http")
        coordinator.wait_err("C001 ready")
        return coordinator

    def agent(self, name, service, program, *more):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--service", service, *more, "--", sys.executable, "-c", program)
        child.wait_err("registered")
        return child

    def task(self, *arguments, code=0):
        done = self.troupe("task", *arguments, env=self.env)
        self.assertEqual(done.code, code, done)
        return done

    def submit(self, skill, content, *arguments):
        skills = ["--skill", skill] if skill else []
        return self.task("submit", *skills, *arguments, json.dumps(content), "-o", "name").out.strip()

    def show(self, task):
        return self.task("show", task, "-o", "json").json()

    def until(self, task, state):
        harness.wait_until(lambda: self.show(task)["state"] == state, f"{task} to be {state}")
        return self.show(task)

    def test_how_it_goes(self):
        task = self.submit("tell", {"steps": 3})
        watch = self.start_watch(task)
        self.agent("teller", "tell=4", TELLER)
        lines = [json.loads(line) for line in watch.wait(harness.PATIENCE).out.splitlines()]
        told = [row["progress"] for row in lines if row.get("progress") and row["state"] == "in_progress"]
        self.assertEqual(told, ["33 % page 1", "67 % page 2", "100 % page 3"])
        self.assertEqual(lines[-1]["state"], "completed")
        shown = self.show(task)
        self.assertEqual((shown["status"], shown["result"]), ({"done": 1.0, "text": "page 3"}, {"read": 3}))  # it is kept
        self.assertEqual([event["reason"] for event in shown["history"] if event["reason"]], told)
        self.assertIn("100 % page 3", self.task("ls").out)

    def start_watch(self, task):
        watch = self.start_troupe("task", "watch", task, "-o", "json")
        harness.wait_until(lambda: watch.out, "it to show how things are")  # and by then it watches
        return watch

    def start_troupe(self, *arguments):
        return self.spawn("troupe", *arguments, env=self.env)

    def test_an_executor_says_how_it_goes(self):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "doer", "--behaviour", "executor", "--service", "do")
        child.wait_err("registered")
        shown = self.until(self.submit("do", {"text": "calculate 6*7"}), "completed")
        self.assertEqual(shown["status"], {"text": "step 1: calculate, ok"})
        self.assertIn("42", shown["result"]["text"])

    def test_who_asks_otherwise_gets_the_answer_alone(self):
        self.agent("teller", "tell=4", TELLER)
        done = self.troupe("ask", "svc:tell", '{"steps": 2}', "-o", "json", env=self.env)
        self.assertEqual((done.code, done.json()), (0, {"read": 2}), done)

    def test_a_budget(self):
        self.agent("spender", "spend=4", SPENDER)
        for way in ("direct", "contract-net"):
            task = self.submit("spend", {"tokens": 120}, "--budget-tokens", "900", "--budget-money", "0.5", "--tries", "1", "--assign", way)
            shown = self.until(task, "completed")
            self.assertEqual(shown["result"]["budget"], {"tokens": 900, "micro_cost": 500000})
            self.assertEqual(shown["budget"], {"tokens": 900, "micro_cost": 500000})
            self.assertIn(shown["spent"]["tokens"], (120, 121))  # the answer takes one
        task = self.submit("spend", {"tokens": 1000, "fail": True}, "--budget-tokens", "900", "--tries", "3")
        shown = self.until(task, "failed")
        self.assertEqual((shown["tries"], shown["spent"]), (3, {"tokens": 900}))  # a third of what is left each time, and no more
        task = self.submit("tell", {"steps": 40}, "--budget-time", "400ms", "--tries", "9")
        self.agent("teller", "tell=4", TELLER)
        shown = self.until(task, "failed")
        self.assertIn("its budget is spent", shown["reason"])
        self.assertEqual(shown["tries"], 1)
        for wrong in ({"tokens": 0}, {"tokens": 1.5}, {"gold": 1}, 7):
            done = self.troupe("ask", "svc:tasks", json.dumps({"action": "submit", "tasks": [{"skills": ["a"], "budget": wrong}]}), env=self.env)
            self.assertIn("budget: ", done.err)

    def test_its_end_is_told(self):
        self.agent("spender", "spend=4", SPENDER)
        listen = self.start_troupe("tap", "result.mine", "--count", "2", "-o", "json")
        listen.wait_err("watching ")
        good = self.submit("spend", {}, "--callback", "result.mine")
        self.until(good, "completed")
        bad = self.submit("spend", {"fail": True}, "--callback", "result.mine", "--tries", "1")
        told = {row["content"]["task"]: row["content"] for row in map(json.loads, listen.wait(harness.PATIENCE).out.splitlines())}
        self.assertEqual((told[good]["state"], told[good]["result"]), ("completed", {"budget": None}))
        self.assertEqual((told[bad]["state"], told[bad]["reason"], told[bad]["result"]), ("failed", "failed: broken", None))
        for topic in ("task.x.state", "$sys.x", "result.*", "result."):
            self.assertIn("callback: expected a topic", self.task("submit", "--skill", "a", "--callback", topic, code=3).err)

    def test_a_cancel_reaches_who_works(self):
        """Also that of a deadline: by FIPA's cancel, in the conversation of the request."""
        mark = pathlib.Path(self.directory, "mark")
        self.agent("holder", "hold=4", HOLDER.replace("MARK", str(mark)), "--args", '{"in_flight": 8}')
        for more in ((), ("--within", "3s")):
            task = self.submit("hold", {"n": len(more)}, *more)
            self.until(task, "in_progress")
            if not more:
                self.task("cancel", task)
            harness.wait_until(mark.exists, "its agent to be told to stop")
            self.assertEqual(json.loads(mark.read_text())["work"], {"n": len(more)})
            self.assertEqual(self.show(task)["state"], "failed" if more else "cancelled")
            mark.unlink()

    def test_poison_ends_with_all_reasons(self):
        """Whoever has it dies of it: its history says of each try who had it, and what became of that."""
        for n in range(3):
            self.agent(f"mortal{n}", "die=1", "import os, sys\nsys.stdin.readline()\nos._exit(1)")
        task = self.submit("die", {}, "--tries", "3")
        shown = self.until(task, "failed")
        tries = [event for event in shown["history"] if event["tries"] and event["state"] in ("pending", "failed")]
        self.assertEqual([event["tries"] for event in tries], [1, 2, 3])
        self.assertEqual(len({event["agent"] for event in tries}), 3)  # another one each time
        self.assertTrue(all("program-ended" in event["reason"] for event in tries), tries)

    def test_what_it_counts(self):
        self.agent("spender", "spend=4", SPENDER)
        self.until(self.submit("spend", {}), "completed")
        self.until(self.submit("spend", {"fail": True}, "--tries", "1"), "failed")
        self.submit("nobody", {})
        told = json.loads(next(pathlib.Path(self.directory, "http").glob("*.json")).read_text())
        address = told[0]["targets"][0]

        def numbers():
            with urllib.request.urlopen(f"http://{address}/metrics") as answer:
                return dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
        harness.wait_until(lambda: numbers()['troupe_tasks_open{state="pending"}'] == "1", "the one that nobody can do")
        said = numbers()
        self.assertEqual([said[f'troupe_tasks_changes_total{{state="{state}"}}'] for state in ("pending", "completed", "failed")], ["3", "1", "1"])
        self.assertEqual((said["troupe_tasks_wait_seconds_count"], said["troupe_tasks_attempt_seconds_count"]), ("2", "2"))
        self.assertEqual(said['troupe_tasks_attempt_seconds_bucket{le="3600"}'], "2")  # tasks take longer than messages
        self.assertEqual(said["troupe_tasks_agents"], "2")  # itself is one

    def traced(self, content, last, *agents):
        """Asks the coordinator under a new trace: the answer, and once there is a span `last`, and each of the agents has received something in it, all spans by their names."""
        done = self.troupe("ask", "svc:tasks", json.dumps(content), "--trace", "-o", "json", env=self.env)
        self.assertEqual(done.code, 0, done)
        trace = re.search(r"\b[0-9a-f]{32}\b", done.err).group()

        def spans():
            found = self.troupe("trace", trace, "-o", "json", env=self.env)
            named = collections.defaultdict(list)
            for span in found.json() if found.code == 0 else []:
                named[span["name"]].append(span)
            there = {span["agent"] for span in named["receive request"] + named["receive accept-proposal"]}
            return named if last in named and there >= set(agents) else None
        return done.json(), harness.wait_until(spans, f"a span {last}")

    def test_its_way_is_in_the_trace_of_who_asked(self):
        self.agent("spender", "spend=4", SPENDER)
        for way in ("direct", "contract-net"):
            answer, spans = self.traced({"action": "submit", "tasks": [{"skills": ["spend"], "input": {}, "assign": way}]}, "task", "spender@local")
            task, = answer["tasks"]
            self.assertEqual([span["attributes"]["troupe.task"] for name in ("task", "task wait", "task attempt") for span in spans[name]],
                             [task["task"]] * 3)
            attempt, = spans["task attempt"]
            self.assertEqual((attempt["attributes"]["troupe.agent"], attempt["attributes"]["troupe.task.try"]), ("spender@local", 1))
            self.assertIsNone(attempt["error"])
        _, spans = self.traced({"action": "submit", "tasks": [{"skills": ["spend"], "input": {"fail": True}, "tries": 2}]}, "task")
        self.assertEqual([span["error"] for span in spans["task attempt"]], ["failed: broken"] * 2)
        self.assertEqual(spans["task"][0]["error"], "failed: broken")

    def test_a_decision_is_in_the_trace_of_who_asked(self):
        for name, profile in (("ann", "likes tea"), ("bob", "likes tea"), ("cid", "likes coffee")):
            child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--behaviour", "voter", "--args", json.dumps({"profile": profile}))
            child.wait_err("registered")
        answer, spans = self.traced({"action": "decide", "question": "What to drink?", "options": ["tea", "coffee"], "voters": ["ann", "bob", "cid"],
                                     "method": "plurality"}, "decision", "ann@local", "bob@local", "cid@local")
        self.assertEqual(spans["decision"][0]["attributes"]["troupe.decision"], answer["decision"])
        self.assertEqual([span["attributes"]["troupe.decision.round"] for span in spans["decision round"]], [1])

    def composer(self):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "composer", "--behaviour", "composer", "--service", "composer")
        child.wait_err("registered")

    def test_a_result_is_another_ones_input(self):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "parrot", "--behaviour", "echo", "--service", "say")
        child.wait_err("registered")
        one, two = self.submit("say", {"tide": "high"}), self.submit("say", [1, 2])
        both = self.submit("say", {"one": {"result-of": one}, "all": ["x", {"result-of": two}], "as it is": {"result-of": one, "more": 1}},
                           "--needs", one, "--needs", two)
        self.assertEqual(self.until(both, "completed")["result"],
                         {"one": {"tide": "high"}, "all": ["x", [1, 2]], "as it is": {"result-of": one, "more": 1}})
        self.assertIn("result-of: expected the id of a task that it needs",
                      self.task("submit", "--skill", "say", "--needs", one, json.dumps({"a": [{"result-of": two}]}), code=3).err)
        for wrong in ({"result-of": one}, {"action": {"result-of": one}, "x": 1}):
            self.assertIn("neither all of it nor its action", self.task("submit", "--skill", "say", "--needs", one, json.dumps(wrong), code=3).err)
        alone = self.submit("say", {"a": {"result-of": "whatever"}})
        self.assertEqual(self.until(alone, "completed")["result"], {"a": {"result-of": "whatever"}})

    def test_a_whole_of_its_parts(self):
        self.agent("reader", "read=4", READER)
        sea, moon = (self.submit("read", {"read": name}, "--description", f"Read about the {name}") for name in ("sea", "moon"))
        whole = self.submit(None, {}, "--compose", "--needs", sea, "--needs", moon, "--description", "What raises tides on the seas of the earth?")
        self.until(moon, "completed")
        self.assertEqual((self.show(whole)["state"], self.show(whole)["skills"]), ("pending", ["composer"]))
        self.coordinator.process.kill()  # the parts are there when another one composes
        self.coordinator.wait()
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "tasks", "-o", "name", env=self.env).out == "", "it to be gone")
        self.coordinator = self.start()
        self.composer()
        result = self.until(whole, "completed")["result"]
        self.assertIn("The moon raises tides on the seas of the earth twice a day. [1]", result["text"])
        first = result["evidence"][0]
        self.assertEqual((first["number"], first["task"], first["agent"], first["id"]), (1, moon, "reader@local", "moon"))
        self.assertEqual((first["description"], first["source"]), ("Read about the moon", "moon.txt"))

    def test_nothing_is_composed_without_evidence(self):
        self.agent("liar", "composer=1", LIAR)
        self.agent("reader", "read=4", READER)
        part = self.submit("read", {"read": "sea"})
        for lie in ("no evidence", "none of its parts", "not composed"):
            whole = self.submit(None, {}, "--compose", "--needs", part, "--tries", "1", "--description", lie)
            self.assertIn(lie, self.until(whole, "failed")["reason"])
        self.assertIn("compose: expected needs", self.task("submit", "--compose", code=3).err)

    def test_the_parts_go_with_the_whole(self):
        parts = [self.submit("nobody", {}) for _ in range(2)]
        whole = self.submit(None, {}, "--compose", "--needs", parts[0], "--needs", parts[1])
        self.task("cancel", whole)
        for part in parts:
            self.assertEqual(self.until(part, "cancelled")["reason"], f"{whole} was cancelled")

    def test_a_plan_with_a_whole(self):
        planner = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "planner", "--behaviour", "planner", "--service", "planner", "--args",
                             json.dumps({"skills": ["search", "analyse"]}))
        team = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "team", "--service", "search=1", "--service", "analyse=1",
                          "--behaviour", "echo")
        for child in (planner, team):
            child.wait_err("registered")
        self.composer()
        done = self.troupe("plan", "--submit", "--compose", "--wait", "research tides", env=self.env)
        self.assertEqual(done.code, 0, done)
        rows = self.task("ls", "-o", "json").json()
        self.assertEqual({row["state"] for row in rows}, {"completed"})
        whole = next(self.show(row["task"]) for row in rows if row["task"].startswith("whole-"))
        self.assertTrue(whole["compose"])
        self.assertEqual(sorted([whole["task"], *whole["needs"]]), sorted(row["task"] for row in rows))
        self.assertEqual(json.loads(done.out[done.out.index("{"):])["evidence"], whole["result"]["evidence"])
        self.assertTrue(whole["result"]["evidence"])
        self.the_gate_of_a_plan()
        self.assertIn("--approval wants --submit", self.troupe("plan", "--approval", "x", env=self.env).err)
        self.assertIn("--compose wants --submit", self.troupe("plan", "--compose", "x", env=self.env).err)

    def the_gate_of_a_plan(self):
        """Nothing is begun before somebody says yes to what could be."""
        plan = self.troupe("plan", "--submit", "--approval", "research ferries", "-o", "json", env=self.env).json()
        tasks = [row["task"] for row in plan["tasks"]]
        self.assertEqual({self.show(task)["state"] for task in tasks if not self.show(task)["needs"]}, {"waiting_approval"})
        self.assertEqual({self.show(task)["state"] for task in tasks if self.show(task)["needs"]}, {"pending"})
        for task in tasks:
            if not self.show(task)["needs"]:
                self.task("approve", task)
        for task in tasks:
            self.until(task, "completed")


if __name__ == "__main__":
    harness.main()

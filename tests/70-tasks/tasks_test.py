#!/usr/bin/env python3
"""Tasks from the command line: done by who can do them, tried again, withdrawn, and there after any kill -9."""
import contextlib
import json
import os
import pathlib
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import desk
import harness

# Bids what it was told to; "busy" refuses all.
BIDDER = """
import json, sys
bid = json.loads(sys.argv[1])
for line in sys.stdin:
    m = json.loads(line)
    do = m.get("content") or {}
    act = m["performative"]
    if bid.get("refuse"):
        answer = {"performative": "refuse", "content": {"reason": "busy"}}
    elif act == "cfp":
        answer = {"performative": "propose", "content": bid}
    elif do.get("fail"):
        answer = {"performative": "failure", "content": {"reason": "broken"}}
    else:
        answer = {"performative": "inform", "content": {"did": do, "task": m["X-task"], "token": m["X-token"]}}
    print(json.dumps({"id": m["id"], **answer}), flush=True)
"""


# Chooses whom the question names.
CHOOSER = """
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    q = m["content"]
    who = q["question"].split()[-1]
    choice = [o for o in q["options"] if o.startswith(who + "@")]
    print(json.dumps({"id": m["id"], "content": {"choice": choice[0] if choice else None}}), flush=True)
"""


class Tasks(desk.DeskTest):
    def test_a_task_is_done(self):
        self.worker("w")
        done = self.task("submit", "--skill", "work", "--wait", '{"n": 7}')
        self.assertEqual(json.loads(done.out)["n"], 7)
        row, = self.task("ls", "-o", "json").json()
        self.assertEqual((row["state"], row["agent"], row["tries"]), ("completed", "w@local", 1))
        states = [event["state"] for event in self.show(row["task"])["history"]]
        self.assertEqual((states[0], states[-1]), ("pending", "completed"))

    def test_it_waits_for_who_can_do_it(self):
        task = self.submit({"n": 1}, "--description", "waits")
        self.assertEqual(self.show(task)["state"], "pending")
        self.worker("other", "rest")
        self.worker("w")
        self.assertEqual(self.until(task, "completed")["agent"], "w@local")

    def test_the_same_key_is_the_same_task(self):
        first = self.submit({"n": 1}, "--key", "k")
        self.assertEqual(self.submit({"n": 1}, "--key", "k"), first)
        self.assertEqual(self.submit({"n": 1}, "--key", "k", "--priority", "9"), first)  # when and how is beside the work
        for other in (("--skill", "work", '{"n": 2}'), ("--skill", "other", '{"n": 1}'), ("--skill", "work", "--description", "d", '{"n": 1}')):
            self.assertIn("key: it is that of another task", self.task("submit", "--key", "k", *other, code=3).err, other)
        self.assertEqual(len(self.task("ls", "-o", "json").json()), 1)
        self.worker("w")
        self.until(first, "completed")
        self.assertEqual(self.submit({"n": 1}, "--key", "k"), first)  # likewise of one that has ended
        self.assertIn("key: it is that of another task", self.task("submit", "--skill", "work", "--key", "k", '{"n": 2}', code=3).err)

    def test_what_is_long(self):
        """Input and result together are more than a message holds: each is there, and a list of tasks as well."""
        echo = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "echo", "--service", "work=4", "--behaviour", "echo")
        echo.wait_err("registered")
        long = {"text": "x" * 2_500_000}
        task = self.task("submit", "--skill", "work", "--callback", "result.mine", "-", "-o", "name", text=json.dumps(long)).out.strip()
        self.until(task, "completed")
        shown = self.show(task)
        self.assertEqual((shown["input"], shown["result"]), (long, long))
        self.assertNotIn("left-out", shown)
        self.assertEqual(json.loads(self.task("result", task).out), long)
        ask = lambda **more: json.loads(self.troupe("ask", "svc:tasks", json.dumps({"action": "show", "task": task} | more), env=self.env).out)
        whole = ask()
        self.assertEqual((whole["left-out"], whole["result"]), (["input"], long))
        self.assertNotIn("input", whole)
        self.assertEqual([event["state"] for event in ask(part="history")["history"]][-1], "completed")
        self.assertEqual(self.task("ls", "-o", "name").out, task + "\n")
        # What nobody could be told is no result, and what is too deep for what it is told in neither.
        for content, why in (({"text": "x" * 4_140_000}, "larger than 4032 KiB"), (eval("[" * 13 + "]" * 13), "nested too deeply")):
            bad = self.task("submit", "--skill", "work", "--tries", "1", "-", "-o", "name", text=json.dumps(content)).out.strip()
            self.assertIn(why, self.until(bad, "failed")["reason"])
            self.assertEqual(self.show(bad)["input"], content)

    def test_what_ended_long_ago_is_forgotten(self):
        self.worker("w")
        done = self.submit({"n": 1}, "--key", "k")
        self.until(done, "completed")
        waits = self.submit({"n": 2}, "--skill", "nobody", "--needs", done)
        decided = self.troupe("decide", "q", "-p", "a", "-p", "b", "-v", "nobody", "--within", "1s", "-o", "json", env=self.env).json()["decision"]
        self.coordinator.stop()
        self.start("--keep", "1s")
        rows = lambda verb: self.troupe(*verb, "ls", "-o", "name", env=self.env).out.split()
        harness.wait_until(lambda: rows(["votes"]) == [], "the decision to be forgotten", 60)
        self.assertEqual(sorted(rows(["task"])), sorted([done, waits]))  # what is needed stays
        self.task("cancel", waits)
        harness.wait_until(lambda: rows(["task"]) == [], "the tasks to be forgotten", 60)
        self.assertIn("there is no task", self.task("show", done, code=3).err)
        self.assertEqual(self.troupe("votes", "show", decided, env=self.env).code, 3)
        self.assertNotEqual(self.submit({"n": 3}, "--key", "k"), done)  # nor is its key known any more

    def test_what_is_done_is_told_as_asked(self):
        one, two = self.submit({}), self.submit({}, "--approval")
        rows = [json.loads(line) for line in self.task("cancel", one, "none", "-o", "json", code=3).out.splitlines()]
        self.assertEqual(rows, [{"task": one, "done": True}, {"task": "none", "done": False}])
        self.assertEqual(self.task("approve", two).out, "")
        self.assertEqual(self.task("show", two, "-o", "name").out, two + "\n")
        self.assertIn(f"task: {two}\n", self.task("show", two, "-o", "yaml").out)

    def test_twice_in_one_request(self):
        path = self.lines({"key": "k", "input": 1}, {"key": "k", "input": 2})
        self.assertIn("key: it is that of another task", self.task("submit", "--skill", "work", "--from", path, code=3).err)
        path = self.lines({"key": "k", "input": 1}, {"key": "k", "input": 1}, {"input": 3})
        first, second, third = self.task("submit", "--skill", "work", "--from", path, "-o", "name").out.split()
        self.assertEqual(first, second)
        self.assertEqual(len(self.task("ls", "-o", "json").json()), 2)

    def test_not_before_its_time(self):
        self.worker("w")
        late = self.submit({"n": 1}, "--at", "2099-01-31T12:00:00Z")
        soon = self.submit({"n": 2}, "--delay", "300ms")
        past = self.submit({"n": 3}, "--at", "2001-01-31")
        self.until(soon, "completed")
        self.until(past, "completed")
        self.assertEqual((self.show(late)["state"], self.show(late)["due_ms"]), ("pending", 4073544000000))
        self.assertEqual(json.loads(self.task("result", soon).out)["n"], 2)
        self.assertIn("pending", self.task("result", late, code=3).err)
        self.assertIn("--at: expected a time", self.task("submit", "--skill", "work", "--at", "tomorrow", code=1).err)

    def schedule(self, *arguments, code=0):
        done = self.troupe("schedule", *arguments, env=self.env)
        self.assertEqual(done.code, code, done)
        return done

    def of_schedule(self, name):
        return [row["task"] for row in self.task("ls", "-o", "json").json() if row["task"].startswith(name + "-")]

    def test_again_and_again(self):
        self.worker("w")
        self.schedule("add", "late", "@every 1s", "--skill", "nobody", "--within", "1ms", "--overlap")
        harness.wait_until(lambda: any(self.show(task)["reason"] == "its deadline has passed" for task in self.of_schedule("late")), "one to be late")
        self.schedule("rm", "late")
        self.schedule("add", "pulse", "@every 1s", "--skill", "work", '{"n": 5}')
        self.schedule("add", "slow", "@every 1s", "--skill", "nobody")
        self.schedule("add", "flood", "@every 1s", "--skill", "nobody", "--overlap")
        self.schedule("add", "yearly", "0 0 29 2 *", "--skill", "work")
        harness.wait_until(lambda: len(self.of_schedule("pulse")) >= 2 and len(self.of_schedule("flood")) >= 2, "two of each")
        for task in self.of_schedule("pulse")[-2:]:
            self.assertEqual(self.until(task, "completed")["result"]["n"], 5)
        self.assertEqual(len(self.of_schedule("slow")), 1)  # the one before has not ended
        rows = {row["schedule"]: row for row in self.schedule("ls", "-o", "json").json()}
        self.assertEqual(set(rows), {"pulse", "slow", "flood", "yearly"})
        self.assertEqual((rows["yearly"]["fired"], rows["slow"]["fired"]), (0, 1))
        self.coordinator.process.kill()
        self.coordinator.wait()
        harness.wait_until(lambda: self.troupe("df", "search", "--service", "tasks", "-o", "name", env=self.env).out == "", "it to be gone")
        before = rows["pulse"]["fired"]
        self.start()
        harness.wait_until(lambda: {r["schedule"]: r for r in self.schedule("ls", "-o", "json").json()}["pulse"]["fired"] > before, "it to go on")
        for name in ("pulse", "flood", "slow"):
            self.schedule("rm", name)
        self.assertEqual(self.schedule("ls", "-o", "name").out.split(), ["yearly"])

    def test_what_is_wrong_with_a_schedule_is_told(self):
        self.assertIn("no such day", self.schedule("add", "x", "0 0 31 2 *", "--skill", "work", code=3).err)
        self.assertIn("its hour is wrong", self.schedule("add", "x", "0 25 * * *", "--skill", "work", code=3).err)
        self.assertIn("expected 1 to 40", self.schedule("add", "a.b", "@daily", "--skill", "work", code=3).err)
        self.assertIn("--skill is missing", self.schedule("add", "x", "@daily", code=1).err)
        wish = {"action": "schedule", "schedule": "x", "cron": "@daily", "task": {"skills": ["work"], "deadline_ms": 5}}
        self.assertIn("within-ms", self.troupe("ask", "svc:tasks", json.dumps(wish), env=self.env).err)
        self.schedule("add", "x", "@daily", "--skill", "work")
        self.assertIn("there is a schedule of this name", self.schedule("add", "x", "@daily", "--skill", "work", code=3).err)
        self.assertIn("there is no schedule", self.schedule("rm", "y", code=3).err)

    def test_a_rate(self):
        self.coordinator.stop()
        self.start("--rate", "work=2/2s")
        self.worker("w", "work", 16)
        self.worker("other", "rest", 16)
        path = self.lines(*({"skills": ["work"]} for _ in range(5)), *({"skills": ["rest"]} for _ in range(5)))
        tasks = self.task("submit", "--from", path, "-o", "name").out.split()
        shown = [self.until(task, "completed") for task in tasks]
        begun = sorted(next(event["at_ms"] for event in task["history"] if event["state"] == "assigned") for task in shown if task["skills"] == ["work"])
        self.assertGreaterEqual(begun[-1] - begun[0], 2900)  # two at once, and then one each second
        self.assertLess(begun[1] - begun[0], 900)
        done = self.run_program("coordinator", "--rate", "work=often", "--check")
        self.assertEqual(done.code, 1)
        self.assertIn("expected SERVICE=COUNT/TIME", done.err)

    def test_a_plan(self):
        a = self.submit({"n": 1}, "--id", "a", "--approval")
        b = self.submit({"n": 2}, "--needs", "a")
        self.worker("w")
        self.assertEqual((self.show(a)["state"], self.show(b)["state"]), ("waiting_approval", "pending"))
        self.task("approve", a)
        self.task("watch", a, b)
        self.assertEqual((self.show(a)["state"], self.show(b)["state"]), ("completed", "completed"))

    def test_what_fails_is_tried_again_and_then_has_failed(self):
        self.worker("w")
        task = self.submit({"fail": True}, "--tries", "2")
        shown = self.until(task, "failed")
        self.assertEqual((shown["tries"], shown["reason"]), (2, "failed: broken: on purpose"))
        done = self.task("watch", task, code=3)
        self.assertIn("failed", done.out)
        self.task("retry", task)
        self.assertEqual(self.until(task, "failed")["tries"], 2)
        self.assertEqual(len(self.show(task)["history"]), 10)

    def test_who_dies_is_replaced(self):
        first = self.worker("first")
        task = self.submit({"n": 3, "ms": 600000})
        self.until_given(task, "first@local")
        self.worker("second")
        quick = self.submit({"n": 4})
        self.until(quick, "completed")
        first.process.kill()
        harness.wait_until(lambda: self.show(task)["agent"] == "second@local", "the other one to have it")
        self.task("cancel", task, "--reason", "seen enough")
        self.assertEqual(self.until(task, "cancelled")["reason"], "seen enough")

    def until_given(self, task, agent):
        harness.wait_until(lambda: self.show(task)["agent"] == agent, f"{agent} to have it")

    def test_a_deadline(self):
        task = self.submit({"n": 1}, "--within", "300ms")
        self.assertEqual(self.until(task, "failed")["reason"], "its deadline has passed")

    def test_a_second_coordinator_is_refused(self):
        done = self.run_program("coordinator", "--connect", self.at.endpoint, "--name", "c2", "--data", self.directory + "/tasks")
        self.assertEqual(done.code, 3)
        self.assertIn("another process has it", done.err)

    def bidder(self, name, room=4, **bid):
        child = self.spawn("agentd", "--connect", self.at.endpoint, "--name", name, "--service", f"work={room}", "--", sys.executable, "-c", BIDDER,
                           json.dumps(bid))
        child.wait_err("registered")

    def test_the_best_bid_that_has_room_gets_it(self):
        """Many at once: who is full when it is chosen leaves it to the next best, and not to whoever has room."""
        for name, room, cost in (("cheap", 1, 1), ("mid", 16, 2), ("dear", 16, 9)):
            self.bidder(name, room, cost=cost)
        self.until_known(3)
        path = self.lines(*({"skills": ["work"], "assign": "contract-net", "input": {"n": n}} for n in range(6)))
        tasks = self.task("submit", "--from", path, "-o", "name").out.split()
        agents = [self.until(task, "completed")["agent"] for task in tasks]
        self.assertEqual(set(agents), {"cheap@local", "mid@local"})

    def test_nobody_goes_round_an_approval(self):
        self.worker("w")
        task = self.submit({"n": 1}, "--approval")
        self.task("cancel", task)
        self.task("retry", task)
        self.assertEqual(self.show(task)["state"], "waiting_approval")
        self.task("approve", task)
        shown = self.until(task, "completed")
        self.assertEqual([event["state"] for event in shown["history"]][:4], ["waiting_approval", "cancelled", "waiting_approval", "pending"])
        self.assertIn("approved by ", shown["history"][3]["reason"])

    def test_what_cannot_be_tried_again_has_failed_after_a_kill(self):
        """Before there is a link: the line of the log says of nobody who told it."""
        worker = self.worker("slow", "work", 1, gate=self.directory + "/never")
        task = self.submit({"n": 1}, "--budget-time", "1s")
        harness.wait_until(lambda: self.show(task)["state"] == "assigned", "the task to be given to him")
        over = time.monotonic() + 1
        self.coordinator.process.kill()
        self.coordinator.process.wait()
        worker.process.kill()
        harness.wait_until(lambda: time.monotonic() > over, "its time to be over")
        self.start()
        self.coordinator.wait_err("C010")
        self.assertIn(f"task={task}", self.coordinator.err)
        self.assertEqual(self.show(task)["state"], "failed")

    def test_what_is_taken_back_has_its_whole_budget(self):
        self.coordinator.stop()
        self.start("--steal")
        gate = self.directory + "/gate"
        self.worker("slow", "work", 16, gate=gate)
        tasks = [self.submit({"n": n}, "--tries", "1", "--budget-tokens", "900") for n in range(6)]
        harness.wait_until(lambda: all(self.show(task)["agent"] == "slow@local" for task in tasks), "one to have all")
        self.worker("quick", "work", 16)
        harness.wait_until(lambda: any(self.show(task)["agent"] == "quick@local" for task in tasks), "the other to have some")
        pathlib.Path(gate).touch()
        shown = [self.until(task, "completed") for task in tasks]
        taken = [each for each in shown if each["agent"] == "quick@local"]
        self.assertEqual({each["result"]["budget"]["tokens"] for each in taken}, {900})

    def test_the_best_bid_gets_it(self):
        for name, bid in (("dear", {"cost": 9, "time-ms": 10}), ("cheap", {"cost": 2, "time-ms": 10}), ("slow", {"cost": 2, "time-ms": 90}),
                          ("unfit", {"cost": 1, "time-ms": 10, "match": 0.1}), ("busy", {"refuse": True})):
            self.bidder(name, **bid)
        self.worker("plain")  # a worker that knows nothing of contract nets
        self.until_known(6)
        task = self.submit({"n": 1}, "--assign", "contract-net")
        shown = self.until(task, "completed")
        self.assertEqual((shown["agent"], shown["assign"]), ("cheap@local", "contract-net"))
        self.assertEqual(shown["result"], {"did": {"n": 1}, "task": task, "token": "1"})
        task = self.submit({"n": 2, "fail": True}, "--assign", "contract-net", "--tries", "2")
        shown = self.until(task, "failed")
        self.assertEqual((shown["tries"], shown["reason"]), (2, "failed: broken"))

    def test_somebody_chooses(self):
        for name in ("ann", "bob", "cid"):
            self.worker(name)
        self.until_known(3)
        task = self.submit({"n": 1}, "--assign", "mind")  # nobody chooses
        self.assertEqual(self.until(task, "completed")["result"]["n"], 1)
        chooser = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "chooser", "--service", "chooser=4", "--", sys.executable, "-c", CHOOSER)
        chooser.wait_err("registered")
        for who in ("bob", "cid", "bob"):
            task = self.submit({"n": 2}, "--assign", "mind", "--description", f"this is for {who}")
            self.assertEqual(self.until(task, "completed")["agent"], who + "@local")
        task = self.submit({"n": 3}, "--assign", "mind", "--description", "this is for nobody")
        self.assertEqual(self.until(task, "completed")["assign"], "mind")

    def test_who_joins_gets_work(self):
        self.coordinator.stop()
        self.start("--steal")
        gate = pathlib.Path(self.directory, "gate")
        self.worker("slow", "work", 16, gate=str(gate))
        tasks = [self.submit({"n": n}) for n in range(12)]
        harness.wait_until(lambda: all(self.show(task)["agent"] == "slow@local" for task in tasks), "all to be given to the only one")
        self.worker("quick", "work", 16)
        harness.wait_until(lambda: self.completed() >= 3, "who has joined to do some of them", 60)
        gate.touch()
        agents = [self.until(task, "completed")["agent"] for task in tasks]
        self.assertGreaterEqual(agents.count("quick@local"), 3)

    def test_services_that_are_alike(self):
        self.coordinator.stop()
        self.start("--match", "alike")
        self.worker("cook", "cooking")
        self.worker("editor", "text-summary")
        done = self.task("submit", "--skill", "text-summaries", "--wait", '{"n": 1}')
        self.assertEqual(json.loads(done.out)["n"], 1)
        self.assertEqual(self.task("ls", "-o", "json").json()[0]["agent"], "editor@local")
        task = self.task("submit", "--skill", "astronomy", "-o", "name").out.strip()
        self.assertEqual(self.show(task)["state"], "pending")

    @unittest.skipUnless(os.path.exists(os.environ.get("TROUPE_EMBEDDINGS", "")), "no model of sentence embeddings (tools/check --all fetches it)")
    def test_services_that_mean_the_same(self):
        """No word of the skill is one of the service."""
        self.coordinator.stop()
        self.coordinator = self.spawn("coordinator", "--connect", self.at.endpoint, "--data", self.directory + "/tasks", "--match", "alike",
                                      env={"TROUPE_EMBEDDINGS": os.environ["TROUPE_EMBEDDINGS"]})
        self.coordinator.wait_err("C001 ready")
        self.worker("cook", "cooking")
        self.worker("doctor", "medical-diagnosis")
        done = self.task("submit", "--skill", "find-the-illness", "--wait", '{"n": 1}')
        self.assertEqual(json.loads(done.out)["n"], 1)
        self.assertEqual(self.task("ls", "-o", "json").json()[0]["agent"], "doctor@local")

    def test_an_end_that_was_not_told_is_told_after_the_next_start(self):
        """As a kill between the commit of an end and its telling leaves it: stored, and owed to the topic that was asked for."""
        self.worker("w")
        task = self.submit({"n": 1}, "--callback", "result.mine")
        ended = self.until(task, "completed")
        owed = lambda db: db.execute("SELECT count(*) FROM outbox").fetchone()[0]
        self.assertEqual(self.coordinator.stop().code, 0)
        with contextlib.closing(sqlite3.connect(f"{self.directory}/tasks/tasks.db")) as db, db:
            self.assertEqual(owed(db), 0)
            db.execute("INSERT INTO outbox (task, at_ms) VALUES (?, ?)", (task, ended["changed_ms"]))
            db.execute("INSERT INTO outbox (task, at_ms) VALUES (?, ?)", (task, ended["changed_ms"] - 1))  # of a try before: told, or past
        tap = self.spawn("troupe", "tap", "result.>", "-o", "json", env=self.env)

        def listens():
            self.assertEqual(self.troupe("pub", "result.probe", "x", env=self.env).code, 0)
            return "result.probe" in tap.out
        harness.wait_until(listens, "the tap to listen")
        self.start()
        harness.wait_until(lambda: "result.mine" in tap.out, "it to be told", 60)
        told = next(line for line in tap.stop().lines() if line["topic"] == "result.mine")["content"]
        self.assertEqual((told["task"], told["state"], told["result"]["n"]), (task, "completed", 1))
        again = self.submit({"n": 2})  # what was before it is done
        self.until(again, "completed")
        self.assertEqual(self.coordinator.stop().code, 0)
        with contextlib.closing(sqlite3.connect(f"{self.directory}/tasks/tasks.db")) as db:
            self.assertEqual(owed(db), 0)

    def until_known(self, agents):
        harness.wait_until(lambda: len(self.troupe("df", "search", "--service", "work", "-o", "name", env=self.env).out.split()) == agents,
                           "all to be known")

    def test_where_nobody_bids_it_is_given_away(self):
        self.bidder("busy", refuse=True)
        self.worker("plain")
        self.until_known(2)
        task = self.submit({"n": 3}, "--assign", "contract-net", "--tries", "9")
        shown = self.until(task, "completed")
        self.assertEqual((shown["agent"], shown["result"]["n"]), ("plain@local", 3))

    def lines(self, *rows):
        path = self.directory + "/tasks.jsonl"
        pathlib.Path(path).write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
        return path

    def completed(self):
        return len(self.task("ls", "--state", "completed", "-o", "name").out.split())

    def test_a_request_is_planned_and_done(self):
        planner = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "planner", "--behaviour", "planner", "--service", "planner", "--args",
                             json.dumps({"skills": ["search", "analyse"]}))
        planner.wait_err("registered")
        done = self.troupe("plan", "research tides", env=self.env)
        self.assertEqual(done.code, 0, done)
        self.assertIn("Analyse what was found on tides", done.out)
        self.assertEqual(self.task("ls", "-o", "name").out, "")  # it was only shown
        plan = self.troupe("plan", "research tides", "-o", "json", "--skill", "search", env=self.env).json()
        self.assertEqual([step["skills"] for step in plan["subtasks"]], [["search"]])
        team = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "team", "--service", "search=1", "--service", "analyse=1",
                          "--behaviour", "echo")
        team.wait_err("registered")
        done = self.troupe("plan", "--submit", "--wait", "research tides", env=self.env)
        self.assertEqual(done.code, 0, done)
        self.assertIn("Analyse what was found on tides", done.out.partition("{")[2])  # what the last step gave
        rows = self.task("ls", "-o", "json").json()
        self.assertEqual([row["state"] for row in rows], ["completed"] * 2)
        self.assertIn("--wait wants --submit", self.troupe("plan", "--wait", "x", env=self.env, patience=30).err)

    def test_what_fails_is_planned_anew(self):
        planner = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "planner", "--behaviour", "planner", "--service", "planner", "--args",
                             json.dumps({"skills": ["search", "analyse", "general"]}))
        planner.wait_err("registered")
        bad = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "bad", "--service", "analyse", "--", sys.executable, "-c", BIDDER, '{"refuse": true}')
        team = self.spawn("agentd", "--connect", self.at.endpoint, "--name", "team", "--service", "search=1", "--service", "general=1",
                          "--behaviour", "echo")
        for child in (bad, team):
            child.wait_err("registered")
        done = self.troupe("plan", "--submit", "--wait", "research tides", env=self.env)
        self.assertEqual(done.code, 0, done)
        self.assertIn("Analyse what was found on tides", done.out.partition("{")[2])
        rows = {row["agent"]: row["state"] for row in self.task("ls", "-o", "json").json()}
        self.assertEqual(rows, {"bad@local": "failed", "team@local": "completed"})

    def test_many_from_a_file(self):
        path = self.lines({"id": "a", "input": 1}, "\n", {"id": "b", "skills": ["rest"], "needs": ["a"]})
        self.assertEqual(self.task("submit", "--skill", "work", "--from", path, "-o", "name").out.split(), ["a", "b"])
        self.assertEqual(self.show("a")["skills"] + self.show("b")["skills"], ["work", "rest"])
        done = self.task("submit", "--from", self.lines({"id": "c"}, "{\n"), code=3)
        self.assertIn("tasks.jsonl:2:", done.err)
        done = self.task("submit", "--from", self.lines({"id": "c"}), code=3)
        self.assertIn("skills: expected a list", done.err)
        self.assertIn("none of the lines 1 to 1 was taken", done.err)
        self.assertIn("--from takes neither", self.task("submit", "--from", path, "--wait", code=1).err)
        self.assertEqual(self.task("submit", "--from", "-", "--skill", "work", "-o", "name", text='{"id": "p"}').out.split(), ["p"])

    def test_what_is_wrong_is_told(self):
        self.assertIn("--skill is missing", self.task("submit", "1", code=1).err)
        self.assertIn("there is no task of this id", self.task("show", "none", code=3).err)
        self.assertIn("needs x, which is no task", self.task("submit", "--skill", "s", "--needs", "x", code=3).err)
        for line, says in (({"approval": "yes"}, "approval: expected true or false"), ({"delay-ms": 1 << 62}, "100000 days"), ({"timeout-ms": (1 << 63) - 1}, "100000 days"),
                           ({"deadline_ms": (1 << 63) - 1}, "milliseconds since 1970"), ({"within-ms": 5, "deadline_ms": 5}, "expected one of them"), ({"aproval": True}, "expected no other keys"),
                           ({"priority": "high"}, "expected whole numbers"), ({"deadline_ms": "tomorrow"}, "expected whole numbers"),
                           ({"compose": 1}, "compose: expected true or false")):
            self.assertIn(says, self.task("submit", "--from", self.lines({"skills": ["s"], **line}), code=3).err)
        late = self.submit({"n": 1}, "--within", "1ms")
        self.until(late, "failed")
        self.assertIn("has passed", self.task("retry", late, code=3).err)
        self.assertEqual(self.show(late)["state"], "failed")
        task = self.submit({"n": 1})
        self.assertIn("does not wait for an approval", self.task("approve", task, code=3).err)
        self.assertIn("only what has failed", self.task("retry", task, code=3).err)
        self.task("cancel", task)
        self.assertIn("it has ended already", self.task("cancel", task, code=3).err)


if __name__ == "__main__":
    harness.main()
